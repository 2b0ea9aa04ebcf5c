"""Figures that follow from events: ratios and times per agency and month, and the documents behind each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, g, render_template, request, url_for
from werkzeug.wrappers import Response

from eoffice.core import i18n
from eoffice.core.clock import local_date
from eoffice.core.desk import Desk
from eoffice.core.errors import InvalidInput, NotFound
from eoffice.core.i18n import N_
from eoffice.rules import measures
from eoffice.rules.access import Permission
from eoffice.services import figures
from eoffice.services.figures import OPEN_LATE, Behind, Board, Figures, Named, Wanted, month_of
from eoffice.services.statistics import Period
from eoffice.web import here, sheets, trends, words
from eoffice.web.guard import needs
from eoffice.web.language import class_name
from eoffice.web.language import say as _

room = Blueprint("statistics", __name__, url_prefix="/statistics")

FIRST_YEAR, LAST_YEAR = 2000, 2099

MOST_YEARS = 10
"""Longest period: its figures are laid out by year."""

CHUNK = 2000
"""Rows of a list fetched at once for a file."""


@dataclass(frozen=True)
class Asked:
    """What somebody wants to see, as the address says it.

    Args:
        agencies: all whose figures he may read; agency: the one he wants, None for all of them.
        measure, buckets: of a list.
    """

    period: Period
    agencies: Sequence[Named]
    agency: Named | None = None
    measure: str = ""
    buckets: tuple[str, ...] = ()

    def board(self, period: Period | None = None, *, agency: Named | None = None, view: str = "board") -> str:
        """The address of the figures, of another period or agency if wanted."""
        return url_for(f"statistics.{view}", **self._values(period, agency))

    def list(self, measure: str, *buckets: str, period: Period | None = None, agency: Named | None = None) -> str:
        """The address of the documents behind a figure."""
        values = self._values(period, agency)
        return url_for("statistics.documents", measure=measure, bucket=list(buckets) or None, **values)

    def again(self, view: str, **more: str) -> str:
        """The address of this list elsewhere or further on."""
        values = {**self._values(None, None), **more}
        return url_for(f"statistics.{view}", measure=self.measure, bucket=list(self.buckets) or None, **values)

    def _values(self, period: Period | None, agency: Named | None) -> dict[str, Any]:
        wanted, chosen = period or self.period, agency or self.agency
        days = {"from": i18n.date_text(wanted.first), "to": i18n.date_text(wanted.last)}
        return {**days, "agency": chosen.slug if chosen else None}

    @property
    def wanted(self) -> Wanted:
        """The same as the services understand it."""
        return Wanted(self.measure, self.period, self.buckets, self.agency.id if self.agency else None)

    @property
    def several(self) -> bool:
        """Figures of more than one agency stand together."""
        return self.agency is None and len(self.agencies) > 1


@room.get("")
@needs(Permission.STATISTICS_READ)
def board() -> Any:
    """The figures of a period: now, per agency and over time, with what they mean."""
    with here.reading() as desk:
        asked, problem = _whose(desk), None
        try:
            asked = replace(asked, period=_period())
        except InvalidInput as error:
            problem = error
        found = None if problem else _board(desk, asked)
    page = render_template(
        "statistics/board.html",
        want=asked,
        found=found,
        problem=problem.sentence(g.locale) if problem else "",
        wrong=problem.facts.get("field", "") if problem else "",
        presets=_presets(asked),
        definitions=measures.DEFINITIONS,
        **(_told(asked, found) if found else {}),
    )
    return page, problem.status if problem else 200


@room.get("/documents")
@needs(Permission.STATISTICS_READ)
def documents() -> str:
    """The documents behind a figure, as many as the figure says."""
    after = request.args.get("after") or None
    with here.reading() as desk:
        asked = _asked_list(desk)
        number = figures.number(desk, asked.wanted)
        page = figures.behind(desk, asked.wanted, after=after)
    return render_template(
        "statistics/documents.html",
        want=asked,
        number=number,
        page=page,
        after=after,
        heading=words.FIGURES[asked.measure],
        names={agency.id: agency.short_name for agency in asked.agencies},
        bucket_name=bucket_name,
        more=asked.again("documents", after=page.after) if page.after else "",
    )


@room.get("/documents.csv")
@needs(Permission.STATISTICS_READ)
def documents_csv() -> Response:
    """The same documents as a file."""
    with here.reading() as desk:
        asked = _asked_list(desk)
    here.visits().note(here.actor(), "statistics.exported", object_id=None, detail=asked.again("documents")[:200])
    return sheets.answer(_file_name(asked, asked.measure), _list_rows(asked))


@room.get("/agencies.csv")
@needs(Permission.STATISTICS_READ)
def agencies_csv() -> Response:
    """The table per agency as a file."""
    with here.reading() as desk:
        asked = _asked(desk)
        found = _board(desk, asked)
    return sheets.answer(_file_name(asked, "agencies"), _agency_rows(asked, found))


@room.get("/months.csv")
@needs(Permission.STATISTICS_READ)
def months_csv() -> Response:
    """The table over time as a file."""
    with here.reading() as desk:
        asked = _asked(desk)
        found = _board(desk, asked)
    return sheets.answer(_file_name(asked, "months"), _month_rows(found))


def bucket_name(measure: str, bucket: str) -> str:
    """What falls into a bucket, in the language of this page."""
    if measure == "delivery":
        return f"{bucket} {class_name(bucket).lower()}"
    return _(words.BUCKETS[bucket]) if bucket in words.BUCKETS else ""


# what is asked


def _today() -> date:
    return local_date(here.now())


def _asked(desk: Desk) -> Asked:
    """Read agency and period from the address.

    Raises:
        InvalidInput: no dates, the wrong way round, or too far apart.
        NotFound: an agency this person may not know figures of.
    """
    return replace(_whose(desk), period=_period())


def _whose(desk: Desk) -> Asked:
    """The current month of the agency that is asked for, or of all whose figures this person may read."""
    readable = figures.readable(desk)
    slug = request.args.get("agency", "")
    chosen = next((agency for agency in readable if agency.slug == slug), None)
    if slug and chosen is None:
        raise NotFound(table="agency", id=slug)
    return Asked(month_of(_today()), readable, chosen if len(readable) > 1 else None)


def _period() -> Period:
    this = month_of(_today())
    given = [here.day(name, request.args) for name in ("from", "to")]
    if any(day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR for day in given):
        raise _too_long()
    first = given[0] or month_of(given[1] or this.first).first
    last = given[1] or max(this.last, month_of(first).last)
    if last < first:
        raise InvalidInput("period_reversed", N_("The period ends before it begins. Please exchange the two dates."))
    if last.year - first.year >= MOST_YEARS:
        raise _too_long()
    return Period(first, last)


def _too_long() -> InvalidInput:
    return InvalidInput(
        "period_too_long",
        N_("A period reaches over at most {years} calendar years, between {first} and {last}. Please shorten it."),
        years=MOST_YEARS,
        first=FIRST_YEAR,
        last=LAST_YEAR,
    )


def _asked_list(desk: Desk) -> Asked:
    """Read which figure is meant.

    Raises:
        NotFound: a measure or bucket that is none.
    """
    measure, buckets = request.args.get("measure", ""), tuple(dict.fromkeys(request.args.getlist("bucket")))
    known = () if measure == OPEN_LATE else measures.BUCKETS.get(measure)
    if known is None or not set(buckets) <= set(known):
        raise NotFound(table="measure", id=measure)
    return replace(_asked(desk), measure=measure, buckets=buckets)


def _board(desk: Desk, asked: Asked) -> Board:
    return figures.board(
        desk,
        asked.period,
        agencies=[agency.id for agency in asked.agencies],
        agency=asked.agency.id if asked.agency else None,
    )


# what is shown


@dataclass(frozen=True)
class Preset:
    """A period to choose with one click."""

    text: str
    url: str
    current: bool


def _presets(asked: Asked) -> list[Preset]:
    this = month_of(_today())
    quarter = this.first.replace(month=(this.first.month - 1) // 3 * 3 + 1)
    periods = (
        (_("This month"), this),
        (_("Last month"), month_of(this.first - timedelta(days=1))),
        (_("This quarter"), Period(quarter, month_of(quarter + timedelta(days=75)).last)),
        (_("This year"), Period(date(this.first.year, 1, 1), date(this.first.year, 12, 31))),
    )
    return [Preset(text, asked.board(period), period == asked.period) for text, period in periods]


def _told(asked: Asked, found: Board) -> dict[str, Any]:
    """What the page says of the figures beside themselves."""
    return {
        "drawn": trends.draw(found),
        "before": trends.before(found),
        "reduction": measures.reduction(found.whole.times.mean, found.before.minutes if found.before else None),
        "rows": _rows(asked, found),
        "step_name": trends.step_name,
        "boxes": trends.boxes,
    }


def _rows(asked: Asked, found: Board) -> list[tuple[str, list[tuple[str, str]]]]:
    """The table over time: of each figure its name, and its values with the documents they open."""

    def row(name: str, value: Callable[[Figures], str], measure: str, *buckets: str) -> Any:
        return name, [(value(part), asked.list(measure, *buckets, period=part.period)) for part in found.parts]

    def share(name: str) -> Callable[[Figures], str]:
        return lambda part: trends.percent(part.classes.get(name, 0) / part.sent) if part.sent else ""

    def count(number: int) -> str:
        return i18n.number(g.locale, number) if number else ""

    return [
        row(_("Number of deliveries"), lambda part: count(part.sent), "delivery", *measures.COUNTED),
        *(row(name, share(name), "delivery", name) for name in measures.COUNTED),
        row(_("Finished documents"), lambda part: count(part.times.count), "time.total"),
        row(_("Median, hours"), lambda part: trends.hours(trends.in_hours(part.times.median)), "time.total"),
        row(_("P90, hours"), lambda part: trends.hours(trends.in_hours(part.times.p90)), "time.total"),
        row(_("Finished in time"), lambda part: trends.percent(part.ratios["K8"].value), "on_time", "on_time"),
    ]


# files


def _file_name(asked: Asked, what: str) -> str:
    slug = asked.agency.slug if asked.agency else "all" if len(asked.agencies) > 1 else asked.agencies[0].slug
    name = what.replace(".", "-").replace("_", "-")
    return f"statistics-{name}-{slug}-{asked.period.first.isoformat()}-{asked.period.last.isoformat()}"


def _ratio(found: Figures, name: str) -> float | None:
    value = found.ratios[name].value
    return None if value is None else value * 100


def _sent_head() -> list[str]:
    return [_("From day"), _("To day"), *measures.COUNTED, _("Number of deliveries"), "X", "K1 %", "K2 %", "K3 %"]


def _sent_row(found: Figures) -> list[sheets.Cell]:
    days = [i18n.date_text(found.period.first), i18n.date_text(found.period.last)]
    numbers = [found.classes.get(name, 0) for name in measures.COUNTED]
    ratios = [_ratio(found, name) for name in ("K1", "K2", "K3")]
    return [*days, *numbers, found.sent, found.classes.get("X", 0), *ratios]


def _agency_rows(asked: Asked, found: Board) -> Iterator[Sequence[sheets.Cell]]:
    yield [_("Agency"), *_sent_head()]
    for agency in asked.agencies:
        if agency.id in found.agencies:
            yield [agency.name, *_sent_row(found.agencies[agency.id])]


def _month_rows(found: Board) -> Iterator[Sequence[sheets.Cell]]:
    punctuality = [bucket_name("on_time", name) for name in ("on_time", "late", "no_due")]
    late = _(words.BUCKETS[OPEN_LATE])
    times = [_("Median, hours"), _("P90, hours"), _("Mean, hours")]
    yield [*_sent_head(), *punctuality, late, "K8 %", _("Finished documents"), *times]
    for part in found.parts:
        done: list[sheets.Cell] = [part.punctuality.get(name, 0) for name in ("on_time", "late", "no_due")]
        hours = [trends.in_hours(part.times.median), trends.in_hours(part.times.p90), trends.in_hours(part.times.mean)]
        yield [*_sent_row(part), *done, part.late, _ratio(part, "K8"), part.times.count, *hours]


def _list_rows(asked: Asked) -> Iterator[Sequence[sheets.Cell]]:
    names = {agency.id: agency.name for agency in asked.agencies}
    delivery = asked.measure in words.SENT
    yield [
        _("Agency"),
        *([] if delivery else [_("Arrival number")]),
        _("Symbol"),
        _("Subject"),
        _("Recipient") if delivery else _("From"),
        _(words.COLUMNS[asked.measure]),
        _(words.DAYS[asked.measure]),
    ]
    after: str | None = None
    while True:
        with here.reading() as desk:
            page = figures.behind(desk, asked.wanted, after=after, limit=CHUNK)
        for row in page.rows:
            own: list[sheets.Cell] = [] if delivery else [row.arrival_number]
            yield [
                names.get(row.agency, ""), *own, row.code, row.subject, row.other, _value(asked, row),
                i18n.date_text(row.day),
            ]  # fmt: skip
        if page.after is None:
            return
        after = page.after


def _value(asked: Asked, row: Behind) -> sheets.Cell:
    return row.value / 60 if asked.measure == "time.total" else bucket_name(asked.measure, row.bucket or OPEN_LATE)

"""Figures as rows: of the table over time on a page, and of the files people take away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flask import g

from eoffice.core import i18n
from eoffice.rules import measures
from eoffice.services import figures
from eoffice.services.figures import OPEN_LATE, Behind, Board, Figures
from eoffice.web import here, trends, words
from eoffice.web.language import class_name
from eoffice.web.language import say as _
from eoffice.web.sheets import Cell
from eoffice.web.wanted import Asked

CHUNK = 2000
"""Rows of a list fetched at once for a file."""


def bucket_name(measure: str, bucket: str) -> str:
    """What falls into a bucket, in the language of this page."""
    if measure == "delivery":
        return f"{bucket} {class_name(bucket).lower()}"
    return _(words.BUCKETS[bucket]) if bucket in words.BUCKETS else ""


def over_time(asked: Asked, found: Board) -> list[tuple[str, list[tuple[str, str]]]]:
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


def file_name(asked: Asked, what: str) -> str:
    """A name that says what a file holds, of whom and of when."""
    slug = asked.agency.slug if asked.agency else "all" if len(asked.agencies) > 1 else asked.agencies[0].slug
    name = what.replace(".", "-").replace("_", "-")
    return f"statistics-{name}-{slug}-{asked.period.first.isoformat()}-{asked.period.last.isoformat()}"


def _ratio(found: Figures, name: str) -> float | None:
    value = found.ratios[name].value
    return None if value is None else value * 100


def _sent_head() -> list[str]:
    return [_("From day"), _("To day"), *measures.COUNTED, _("Number of deliveries"), "X", "K1 %", "K2 %", "K3 %"]


def _sent_row(found: Figures) -> list[Cell]:
    days = [i18n.date_text(found.period.first), i18n.date_text(found.period.last)]
    numbers = [found.classes.get(name, 0) for name in measures.COUNTED]
    ratios = [_ratio(found, name) for name in ("K1", "K2", "K3")]
    return [*days, *numbers, found.sent, found.classes.get("X", 0), *ratios]


def agency_rows(asked: Asked, found: Board) -> Iterator[Sequence[Cell]]:
    """The table per agency."""
    yield [_("Agency"), *_sent_head()]
    for agency in asked.agencies:
        if agency.id in found.agencies:
            yield [agency.name, *_sent_row(found.agencies[agency.id])]


def month_rows(found: Board) -> Iterator[Sequence[Cell]]:
    """The table over time, a row for each part, with what its ratios are made of."""
    punctuality = [bucket_name("on_time", name) for name in ("on_time", "late", "no_due")]
    late = _(words.BUCKETS[OPEN_LATE])
    times = [_("Median, hours"), _("P90, hours"), _("Mean, hours")]
    yield [*_sent_head(), *punctuality, late, "K8 %", _("Finished documents"), *times]
    for part in found.parts:
        done: list[Cell] = [part.punctuality.get(name, 0) for name in ("on_time", "late", "no_due")]
        hours = [trends.in_hours(part.times.median), trends.in_hours(part.times.p90), trends.in_hours(part.times.mean)]
        yield [*_sent_row(part), *done, part.late, _ratio(part, "K8"), part.times.count, *hours]


def list_rows(asked: Asked) -> Iterator[Sequence[Cell]]:
    """The documents behind a figure, all of them."""
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
            own: list[Cell] = [] if delivery else [row.arrival_number]
            yield [
                names.get(row.agency, ""), *own, row.code, row.subject, row.other, _value(asked, row),
                i18n.date_text(row.day),
            ]  # fmt: skip
        if page.after is None:
            return
        after = page.after


def _value(asked: Asked, row: Behind) -> Cell:
    return row.value / 60 if asked.measure == "time.total" else bucket_name(asked.measure, row.bucket or OPEN_LATE)

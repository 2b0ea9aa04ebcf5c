"""The figures people look at: of a period, per agency and over time, and the documents behind each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, func, literal, select, true, tuple_, union_all

from eoffice.core.clock import local_date
from eoffice.core.desk import Desk, scope
from eoffice.core.errors import InvalidInput
from eoffice.models.directory import Agency
from eoffice.models.documents import Document
from eoffice.models.exchange import Delivery
from eoffice.models.metrics import Fact, Rollup
from eoffice.rules import measures
from eoffice.services import queues, search
from eoffice.services.statistics import Baseline, Period, baseline, counts, open_late, reach, rollups

MOST_POINTS = 12
"""Points of a trend; longer periods are told by year."""


def month_of(day: date) -> Period:
    """The calendar month of a day."""
    following = day.replace(day=28) + timedelta(days=4)
    return Period(day.replace(day=1), following - timedelta(days=following.day))


def trend(period: Period) -> tuple[Period, ...]:
    """Into which parts a figure is laid out over time: at most twelve, the last one ends with the period.

    The twelve months up to the end of the period, whatever its beginning, so that a month is seen among its
    neighbours; of a period that touches more months than that, its years.
    """
    first, last = period.first, period.last
    if _months_between(first, last) < MOST_POINTS:
        starts = [month_of(last).first]
        while len(starts) < MOST_POINTS:
            starts.insert(0, month_of(starts[0] - timedelta(days=1)).first)
        return tuple(Period(start, min(month_of(start).last, last)) for start in starts)
    years = range(first.year, last.year + 1)
    return tuple(Period(max(first, date(year, 1, 1)), min(last, date(year, 12, 31))) for year in years)


def _months_between(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def _tally(desk: Desk, period: Period, key: Any, *, agency: UUID | None) -> dict[Any, dict[str, dict[str, int]]]:
    """How many facts of each measure fall into each bucket, by some key; one statement."""
    statement = rollups(desk, period, agency).where(Rollup.measure.in_(("delivery", "paper", "on_time")))
    columns = (key.label("key"), Rollup.measure, Rollup.bucket)
    found: dict[Any, dict[str, dict[str, int]]] = {}
    for name, measure, bucket, count in desk.session.execute(
        statement.with_only_columns(*columns, func.sum(Rollup.number)).group_by(*columns)
    ):
        found.setdefault(name, {}).setdefault(measure, {})[bucket] = int(count)
    return found


def _part_of(spans: Sequence[Period]) -> Any:
    """Into which of the spans, which follow each other, a counter falls: 0, 1, 2 ..."""
    return case(*((Rollup.day <= span.last, literal(at)) for at, span in enumerate(spans)))


def _times(
    desk: Desk, spans: Sequence[Period], period: Period, *, agency: UUID | None
) -> tuple[list[measures.Times], measures.Times]:
    """Processing times of spans that follow each other and of a period, by three statements at most.

    Exact times are as many as documents. What is over does not change, so it is remembered for a minute; today is
    always read anew.
    """
    today = local_date(desk.now())
    whose = ",".join(str(owner) for owner in sorted(desk.actor.agencies or ()))

    def remembered(what: Any, make: Callable[[], Any]) -> Any:
        return desk.tools.memory.get(f"times:{whose}:{agency}:{today}:{what}", make)

    over = [span for span in spans if span.last < today]
    found = list(remembered(over, lambda: _totals(desk, over, agency=agency))) if over else []
    if over and over[-1] == period:
        return found, found[-1]
    wanted = [span for span in spans if span.first <= today <= span.last] + [period]
    days = Period(min(part.first for part in wanted), today - timedelta(days=1))
    sums = [Counter(known) for known in remembered(wanted, lambda: _histograms(desk, wanted, days, agency=agency))]
    for known, new in zip(sums, _histograms(desk, wanted, Period(today, today), agency=agency), strict=True):
        known.update(new)
    *open_part, whole = [measures.times(list(known.items())) for known in sums]
    found += open_part
    return [*found, *[measures.NO_TIMES] * (len(spans) - len(found))], whole


def _histograms(
    desk: Desk, parts: Sequence[Period], days: Period, *, agency: UUID | None
) -> list[dict[int, int]]:
    """Working minutes and how often they occurred on some days, of each of several parts; one statement."""
    inside = [
        case((Rollup.day.between(part.first, part.last), literal(1)), else_=literal(0)).label(f"part{at}")
        for at, part in enumerate(parts)
    ]
    statement = rollups(desk, days, agency).where(Rollup.measure == "time.total")
    statement = statement.with_only_columns(Rollup.value, func.sum(Rollup.number), *inside)
    found: list[dict[int, int]] = [{} for _part in parts]
    names = [column.name for column in inside]
    for value, number, *flags in desk.session.execute(statement.group_by(Rollup.value, *names)):
        for known, flag in zip(found, flags, strict=True):
            if flag:
                known[value] = known.get(value, 0) + int(number)
    return found


def _totals(desk: Desk, spans: Sequence[Period], *, agency: UUID | None) -> list[measures.Times]:
    """Processing times of spans that follow each other, with the quantiles taken where the values lie; one statement.

    The same nearest rank as ``measures.quantile``: the smallest value that enough of the counted do not exceed.
    """
    window = rollups(desk, Period(spans[0].first, spans[-1].last), agency).where(Rollup.measure == "time.total")
    value, number = Rollup.value.label("value"), func.sum(Rollup.number).label("number")
    per = window.with_only_columns(_part_of(spans).label("part"), value, number).group_by("part", value).subquery()
    seen = func.sum(per.c.number).over(partition_by=per.c.part, order_by=per.c.value).label("seen")
    count = func.sum(per.c.number).over(partition_by=per.c.part).label("count")
    ranked = select(per.c.part, per.c.value, per.c.number, seen, count).subquery().c
    rows = desk.session.execute(
        select(
            ranked.part,
            func.max(ranked.count),
            func.sum(ranked.value * ranked.number),
            func.min(case((ranked.seen * 10 >= ranked.count * 5, ranked.value))),
            func.min(case((ranked.seen * 10 >= ranked.count * 9, ranked.value))),
        ).group_by(ranked.part)
    )
    found = {
        part: measures.Times(int(number), int(total) / int(number), int(median), int(p90))
        for part, number, total, median, p90 in rows
    }
    return [found.get(at, measures.NO_TIMES) for at in range(len(spans))]


@dataclass(frozen=True)
class Figures:
    """What was counted in a period, of one agency or of all that may be read.

    Args:
        classes, paper, punctuality: how many facts of each bucket; paper divides E2.
        late: documents still open past their deadline.
    """

    period: Period
    classes: Mapping[str, int] = field(default_factory=dict)
    paper: Mapping[str, int] = field(default_factory=dict)
    punctuality: Mapping[str, int] = field(default_factory=dict)
    late: int = 0
    times: measures.Times = measures.NO_TIMES

    @property
    def sent(self) -> int:
        """Deliveries in the denominator of K1, K2 and K3."""
        return sum(self.classes.get(name, 0) for name in measures.COUNTED)

    @property
    def ratios(self) -> dict[str, measures.Ratio]:
        """K1, K2, K3 and K8."""
        return {
            **measures.delivery_ratios(self.classes),
            "K8": measures.on_time_ratio(self.punctuality, self.late),
        }


def _figures(
    period: Period, tally: Mapping[str, Mapping[str, int]], late: int = 0, times: measures.Times = measures.NO_TIMES
) -> Figures:
    none: dict[str, int] = {}
    return Figures(
        period, tally.get("delivery", none), tally.get("paper", none), tally.get("on_time", none), late, times
    )


@dataclass(frozen=True)
class Board:
    """Everything a page of figures shows.

    Args:
        whole: of the whole period; agencies: of each agency that may be read; parts: over time, oldest first.
        by_year: the parts are years, months otherwise.
        today: local; what reaches it is not complete yet.
    """

    whole: Figures
    agencies: Mapping[UUID, Figures]
    parts: Sequence[Figures]
    by_year: bool
    before: Baseline | None
    today: date


def board(desk: Desk, period: Period, *, agencies: Collection[UUID], agency: UUID | None = None) -> Board:
    """The figures of a period, per agency and over time, by seven statements, however many documents.

    Args:
        agencies: which to name, those without a document too.
        agency: only one of them.
    """
    spans = trend(period)
    per_agency = _tally(desk, period, Rollup.agency_id, agency=agency)
    per_part = _tally(desk, Period(spans[0].first, spans[-1].last), _part_of(spans), agency=agency)
    part_times, times = _times(desk, spans, period, agency=agency)
    late = open_late(desk, [*spans, period], agency=agency)
    return Board(
        whole=_figures(period, _added(per_agency.values()), late[-1], times),
        agencies={
            owner: _figures(period, per_agency.get(owner, {}))
            for owner in agencies
            if agency is None or owner == agency
        },
        parts=[_figures(span, per_part.get(at, {}), late[at], part_times[at]) for at, span in enumerate(spans)],
        by_year=_months_between(period.first, period.last) >= MOST_POINTS,
        before=baseline(desk, period.last),
        today=local_date(desk.now()),
    )


def _added(tallies: Collection[Mapping[str, Mapping[str, int]]]) -> dict[str, Counter[str]]:
    total: dict[str, Counter[str]] = {}
    for tally in tallies:
        for measure, buckets in tally.items():
            total.setdefault(measure, Counter()).update(buckets)
    return total


@dataclass(frozen=True)
class Named:
    """An agency whose figures may be read."""

    id: UUID
    slug: str
    name: str
    short_name: str


def readable(desk: Desk) -> list[Named]:
    """The agencies whose figures this desk may read, in the directory's order."""
    own = Agency.hosted if desk.actor.agencies is None else Agency.id.in_(sorted(desk.actor.agencies))
    statement = select(Agency.id, Agency.slug, Agency.name, Agency.short_name).where(own)
    return [Named(*row) for row in desk.session.execute(statement.order_by(Agency.id))]


@dataclass(frozen=True)
class Wanted:
    """Which figure's documents are looked for.

    Args:
        measure: one of ``measures.BUCKETS``, or ``open_late``.
        buckets: some of the measure's, all when empty.
        agency: one agency; all this desk may read when left out.
    """

    measure: str
    period: Period
    buckets: tuple[str, ...] = ()
    agency: UUID | None = None


OPEN_LATE = "open_late"
"""Documents still open past their deadline: no facts yet, so they are looked for themselves."""


@dataclass(frozen=True)
class Behind:
    """One thing a figure counts; its document is told only to those who may see it.

    Args:
        other: the recipient of a delivery, the sender of an incoming document.
        day: when it was counted; the deadline's of what is still open.
    """

    agency: UUID
    bucket: str
    value: int
    day: date
    other: str
    document: UUID | None
    direction: str
    code: str
    arrival_number: int | None
    subject: str


@dataclass(frozen=True)
class Page:
    """Rows of a list and where it goes on: ``after`` is None on the last page."""

    rows: Sequence[Behind]
    after: str | None


DOCUMENT = (
    Document.id,
    Document.direction,
    Document.code,
    Document.arrival_number,
    Document.subject,
    Document.issuer_name,
)


def number(desk: Desk, wanted: Wanted) -> int:
    """How many things a figure counts, as the figure itself is counted."""
    if wanted.measure == OPEN_LATE:
        return open_late(desk, [wanted.period], agency=wanted.agency)[0]
    found = counts(desk, wanted.measure, wanted.period, agency=wanted.agency)
    return sum(number for bucket, number in found.items() if not wanted.buckets or bucket in wanted.buckets)


def behind(desk: Desk, wanted: Wanted, *, after: str | None = None, limit: int = search.PAGE) -> Page:
    """What a figure is made of, newest first; every page costs the same, however deep.

    Args:
        after: mark of the page before.

    Raises:
        InvalidInput: a mark that is none of ours.
    """
    mark = _mark(after, wanted.measure) if after else None
    look = _open_late if wanted.measure == OPEN_LATE else _counted
    rows = desk.session.execute(look(desk, wanted, mark, limit + 1)).all()
    more = len(rows) > limit
    return Page(
        [_told(row) for row in rows[:limit]],
        f"{rows[limit - 1].at.isoformat()}~{rows[limit - 1].key}" if more else None,
    )


Mark = tuple[date, UUID]


def _counted(desk: Desk, wanted: Wanted, mark: Mark | None, limit: int) -> Any:
    """Facts first, from each agency's ordered index as many as are shown; only these are joined to what they tell."""
    period = wanted.period
    some = scope(desk, Fact).where(Fact.measure == wanted.measure, Fact.day.between(period.first, period.last))
    if wanted.buckets:
        some = some.where(Fact.bucket.in_(wanted.buckets))
    if mark:
        some = some.where(tuple_(Fact.day, Fact.id) < tuple_(*mark))
    some = some.order_by(Fact.day.desc(), Fact.id.desc()).limit(limit)
    owners = [wanted.agency] if wanted.agency else sorted(desk.actor.agencies or ())
    clauses = [Fact.agency_id == owner for owner in owners] or [true()]
    parts = [some.where(clause).subquery() for clause in clauses]
    first = union_all(*(select(*part.c) for part in parts)).subquery()
    fact = first.c
    seen = true() if desk.actor.whole_agency else Document.visible_to(desk.actor)
    return (
        select(
            fact.id.label("key"),
            fact.day.label("at"),
            fact.agency_id,
            fact.bucket,
            fact.value,
            Delivery.to_name,
            *DOCUMENT,
        )
        .select_from(first)
        .outerjoin(Document, and_(Document.agency_id == fact.agency_id, Document.id == fact.document_id, seen))
        .outerjoin(Delivery, and_(Delivery.agency_id == fact.agency_id, Delivery.id == fact.subject_id))
        .order_by(fact.day.desc(), fact.id.desc())
        .limit(limit)
        .execution_options(scoped=True)  # each row is that of a fact within the scope
    )


def _open_late(desk: Desk, wanted: Wanted, mark: Mark | None, limit: int) -> Any:
    late = scope(desk, Document).where(queues.overdue(reach(desk, wanted.period)))
    if wanted.agency:
        late = late.where(Document.agency_id == wanted.agency)
    if mark:
        late = late.where(tuple_(Document.due_at, Document.id) < tuple_(*mark))
    return late.order_by(Document.due_at.desc(), Document.id.desc()).limit(limit).with_only_columns(
        Document.id.label("key"),
        Document.due_at.label("at"),
        Document.agency_id,
        literal("").label("bucket"),
        literal(0).label("value"),
        literal("").label("to_name"),
        *DOCUMENT,
    )


def _told(row: Any) -> Behind:
    return Behind(
        agency=row.agency_id,
        bucket=row.bucket,
        value=row.value,
        day=local_date(row.at) if isinstance(row.at, datetime) else row.at,
        other=(row.to_name or row.issuer_name or "") if row.id else "",
        document=row.id,
        direction=row.direction or "",
        code=row.code or "",
        arrival_number=row.arrival_number,
        subject=row.subject or "",
    )


def _mark(text: str, measure: str) -> Mark:
    at, _, key = text.partition("~")
    try:
        if measure == OPEN_LATE:
            return datetime.fromisoformat(at).astimezone(UTC), UUID(key)
        return date.fromisoformat(at), UUID(key)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("bad_mark") from error

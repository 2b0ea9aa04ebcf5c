"""Figures over time and per agency add up, cost the same however much there is, and each opens what it counts."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from eoffice.core.errors import InvalidInput
from eoffice.rules import measures
from eoffice.services import figures, incoming, routing, statistics
from eoffice.services.figures import Board, Period, Wanted, month_of, trend
from eoffice.services.incoming import Facts
from tests.support.measuring import counted
from tests.support.papers import arrived
from tests.support.world import World

YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))
MINUTES = (30, 90, 45, 600, 30, 30, 240, 1000, 75, 61)
CLASSES = ("E1", "E1", "E2", "P", "E3", "E1", "X")


def _board(world: World, period: Period, login: str = "mai", *, agency: UUID | None = None) -> Board:
    with world.office.read(world.actor(login)) as desk:
        known = [found.id for found in figures.readable(desk)]
        return figures.board(desk, period, agencies=known, agency=agency)


def _at(world: World, day: date) -> None:
    world.clock.set(datetime(day.year, day.month, day.day, 3, 0, tzinfo=UTC))


def _finished(world: World, slug: str, minutes: int, punctuality: str = "on_time") -> None:
    parts = {"register": 10, "assign": 5, "handle": minutes - 15}
    notes = {"document": str(uuid4()), "punctuality": punctuality, "minutes": parts}
    with world.office.write(world.system(slug), key=uuid4().hex) as desk:
        statistics.record(desk, "document.finished", notes)


def _issued(world: World, slug: str, *classes: str) -> None:
    sent = [
        {"id": str(uuid4()), "class": name, "to": "x", **({"obligatory": at % 2 == 0} if name == "E2" else {})}
        for at, name in enumerate(classes)
    ]
    with world.office.write(world.system(slug), key=uuid4().hex) as desk:
        statistics.record(desk, "document.issued", {"document": str(uuid4()), "deliveries": sent})


def _autumn(world: World) -> None:
    """Three months of two agencies."""
    for day in (date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 12)):
        _at(world, day)
        _issued(world, "so-noi-vu", *CLASSES)
        _issued(world, "so-tai-chinh", "E1", "P")
        for at, minutes in enumerate(MINUTES):
            slug = "so-noi-vu" if at % 3 else "so-tai-chinh"
            _finished(world, slug, minutes + day.day, ("on_time", "late", "no_due", "on_time")[at % 4])


def _overdue(world: World, due_days: int, key: str) -> None:
    """A document in hand whose deadline lies so many working days ahead."""
    document = arrived(world, "so-noi-vu", f"%PDF-1.7 {key}".encode(), key=key)
    facts = Facts(code="15/BC-STC", issuer_name="Sở Tài chính", subject="Báo cáo quý III")
    world.office.do(world.actor("hanh"), incoming.register, document, key=f"r{key}", facts=facts)
    share = routing.Share("lead", post=world.post("tuan"))
    world.office.do(
        world.actor("nam"), routing.instruct, document, key=f"i{key}", text="Xử lý", shares=[share],
        working_days=due_days,
    )  # fmt: skip


# over time


def test_a_trend_is_the_twelve_months_up_to_the_end_of_the_period() -> None:
    month = trend(Period(date(2026, 11, 3), date(2026, 11, 20)))
    assert (len(month), month[0], month[-1]) == (
        12, Period(date(2025, 12, 1), date(2025, 12, 31)), Period(date(2026, 11, 1), date(2026, 11, 20)),
    )  # fmt: skip
    assert [part.first.month for part in trend(YEAR)] == list(range(1, 13))
    assert trend(Period(date(2024, 2, 1), date(2024, 2, 29)))[-1].last == date(2024, 2, 29)


def test_what_touches_more_than_twelve_months_is_told_by_year() -> None:
    ten = Period(date(2017, 3, 2), date(2026, 11, 28))
    parts = trend(ten)
    assert (len(parts), parts[0].first, parts[-1].last) == (10, ten.first, ten.last)
    assert all(after.first == before.last + timedelta(days=1) for before, after in itertools.pairwise(parts))
    assert len(trend(Period(date(2025, 12, 31), date(2026, 12, 1)))) == 2
    assert month_of(date(2026, 12, 31)) == Period(date(2026, 12, 1), date(2026, 12, 31))


def test_months_and_agencies_add_up_to_the_whole(bare_world: World) -> None:
    _autumn(bare_world)
    found = _board(bare_world, YEAR)
    assert sum(found.whole.classes.values()) == 4 * (len(CLASSES) + 2)
    for bucket in measures.BUCKETS["delivery"]:
        whole = found.whole.classes.get(bucket, 0)
        assert sum(part.classes.get(bucket, 0) for part in found.parts) == whole > 0, bucket
        assert sum(owner.classes.get(bucket, 0) for owner in found.agencies.values()) == whole, bucket
    for bucket in measures.BUCKETS["on_time"]:
        assert sum(part.punctuality.get(bucket, 0) for part in found.parts) == found.whole.punctuality[bucket] > 0
    assert sum(part.times.count for part in found.parts) == found.whole.times.count == 4 * len(MINUTES)
    assert found.whole.sent == sum(found.whole.classes[name] for name in measures.COUNTED)
    assert [part.sent for part in found.parts][8:11] == [8, 16, 8]
    assert found.whole.paper == {"obligatory": 4}


def test_quantiles_from_the_database_are_those_of_the_rule(bare_world: World) -> None:
    _autumn(bare_world)
    for period in (YEAR, Period(date(2026, 10, 1), date(2026, 10, 31)), Period(date(2026, 9, 30), date(2026, 11, 1))):
        found = _board(bare_world, period)
        with bare_world.office.read(bare_world.actor("mai")) as desk:
            for part in [found.whole, *found.parts]:
                told = statistics.histogram(desk, "time.total", part.period)
                assert part.times == measures.times(told), part.period
        assert found.whole.times.count > 0


def test_today_is_never_remembered(bare_world: World) -> None:
    _autumn(bare_world)
    before = _board(bare_world, YEAR).whole.times.count
    _finished(bare_world, "so-noi-vu", 50)
    found = _board(bare_world, YEAR)
    assert found.whole.times.count == before + 1
    assert found.parts[10].times.count == len(MINUTES) + 1


def test_by_year_the_same_is_told(bare_world: World) -> None:
    _autumn(bare_world)
    found = _board(bare_world, Period(date(2018, 1, 1), date(2026, 12, 31)))
    assert (found.by_year, len(found.parts)) == (True, 9)
    assert found.parts[-1] == dataclasses.replace(found.whole, period=found.parts[-1].period)
    assert found.parts[0].ratios["K1"].value is None


def test_a_month_counts_what_was_due_by_its_end_and_is_still_open(bare_world: World) -> None:
    _overdue(bare_world, 2, "early")  # Monday 7 September: due on Wednesday
    _at(bare_world, date(2026, 9, 28))
    _overdue(bare_world, 5, "late")  # due in October
    _at(bare_world, date(2026, 11, 20))
    found = _board(bare_world, YEAR)
    assert [part.late for part in found.parts] == [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 2]
    assert _board(bare_world, month_of(date(2026, 8, 1))).whole.late == 0
    assert found.whole.late == _board(bare_world, month_of(date(2026, 10, 1))).whole.late == 2
    assert found.whole.ratios["K8"] == measures.Ratio(0, 2)


def test_one_agency_alone_and_nothing_of_others(bare_world: World) -> None:
    _autumn(bare_world)
    mine = bare_world.agency("so-tai-chinh")
    found = _board(bare_world, YEAR, agency=mine)
    assert set(found.agencies) == {mine}
    assert found.whole.classes == {"E1": 4, "P": 4}
    assert _board(bare_world, YEAR, "dung").whole.classes == found.whole.classes
    assert _board(bare_world, YEAR, "dung", agency=bare_world.agency("so-noi-vu")).whole.sent == 0


def test_the_figures_cost_the_same_however_many_documents(bare_world: World) -> None:
    _autumn(bare_world)
    with counted(bare_world.office.engine) as few:
        _board(bare_world, YEAR)
    for _again in range(3):
        _issued(bare_world, "so-noi-vu", *CLASSES * 3)
        _finished(bare_world, "so-noi-vu", 77)
    bare_world.office.tools.memory.clear()
    with counted(bare_world.office.engine) as more:
        _board(bare_world, YEAR)
    assert len(few) == len(more) <= 9, more


# behind


def _walk(world: World, wanted: Wanted, login: str = "mai", *, limit: int = 3) -> Iterator[figures.Behind]:
    after: str | None = None
    while True:
        with world.office.read(world.actor(login)) as desk:
            page = figures.behind(desk, wanted, after=after, limit=limit)
        assert len(page.rows) <= limit
        yield from page.rows
        if page.after is None:
            return
        after = page.after


@pytest.mark.parametrize("slug", ["", "so-noi-vu"])
def test_a_list_is_as_long_as_its_figure(bare_world: World, slug: str) -> None:
    _autumn(bare_world)
    agency = bare_world.agency(slug) if slug else None
    found = _board(bare_world, YEAR, agency=agency)
    for part in [found.whole, *found.parts]:
        for measure, known in (("delivery", part.classes), ("on_time", part.punctuality), ("paper", part.paper)):
            for bucket in measures.BUCKETS[measure]:
                wanted = Wanted(measure, part.period, (bucket,), agency)
                rows = list(_walk(bare_world, wanted))
                assert len(rows) == known.get(bucket, 0), (part.period, measure, bucket)
                assert {row.bucket for row in rows} <= {bucket}
                assert all(part.period.first <= row.day <= part.period.last for row in rows)
                assert [row.day for row in rows] == sorted((row.day for row in rows), reverse=True)
        times = list(_walk(bare_world, Wanted("time.total", part.period, (), agency), limit=50))
        assert measures.times([(row.value, 1) for row in times]) == part.times


def test_the_number_above_a_list_is_the_figure(bare_world: World) -> None:
    _autumn(bare_world)
    with bare_world.office.read(bare_world.actor("mai")) as desk:
        assert figures.number(desk, Wanted("delivery", YEAR, measures.COUNTED)) == 4 * (len(CLASSES) - 1 + 2)
        assert figures.number(desk, Wanted("delivery", YEAR)) == 4 * (len(CLASSES) + 2)
        assert figures.number(desk, Wanted("delivery", YEAR, ("X",), bare_world.agency("so-tai-chinh"))) == 0


def test_what_is_open_and_late_is_listed_as_counted(bare_world: World) -> None:
    for at in range(4):
        _overdue(bare_world, 1 + at % 2, f"late{at}")
    _at(bare_world, date(2026, 9, 20))
    wanted = Wanted(figures.OPEN_LATE, month_of(date(2026, 9, 1)))
    rows = list(_walk(bare_world, wanted))
    with bare_world.office.read(bare_world.actor("mai")) as desk:
        assert figures.number(desk, wanted) == len(rows) == len({row.document for row in rows}) == 4
    assert [row.day for row in rows] == [date(2026, 9, 9)] * 2 + [date(2026, 9, 8)] * 2
    assert {(row.subject, row.other) for row in rows} == {("Báo cáo quý III", "Sở Tài chính")}


def test_others_see_neither_the_rows_nor_a_document_they_take_no_part_in(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    facts = {"document": str(document), "punctuality": "late", "minutes": dict.fromkeys(measures.TIME_PARTS, 5)}
    with bare_world.office.write(bare_world.system("so-noi-vu"), key="f") as desk:
        statistics.record(desk, "document.finished", facts)
    wanted = Wanted("on_time", YEAR)
    assert list(_walk(bare_world, wanted, "dung")) == []
    (row,) = _walk(bare_world, wanted, "hanh")
    assert row.document == document
    officer = dataclasses.replace(bare_world.actor("tuan"), whole_agency=False)
    with bare_world.office.read(officer) as desk:
        (hidden,) = figures.behind(desk, wanted).rows
    assert (hidden.document, hidden.subject, hidden.other, hidden.code) == (None, "", "", "")


@pytest.mark.parametrize("mark", ["x", "2026-09-01", "~", "2026-09-01~x", "x~" + str(UUID(int=1)), "9" * 400])
@pytest.mark.parametrize("measure", ["delivery", figures.OPEN_LATE])
def test_a_foreign_mark_is_refused(bare_world: World, measure: str, mark: str) -> None:
    with bare_world.office.read(bare_world.actor("mai")) as desk, pytest.raises(InvalidInput):
        figures.behind(desk, Wanted(measure, YEAR), after=mark)

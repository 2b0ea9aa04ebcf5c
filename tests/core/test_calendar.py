"""Working time is exact, agrees with counting minute by minute, and knows Vietnam's holidays."""

import time as stopwatch
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoffice.core.calendar import OFFICE_HOURS, WEEK, Day, WorkingCalendar, seed
from eoffice.core.clock import VIETNAM, local, local_date

OFFICE = WorkingCalendar.from_days(seed(range(2024, 2028)))


def at(text):
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=VIETNAM)


def minute_by_minute(calendar, start, end):
    """The slow witness: look at each minute."""
    worked, moment = 0, local(start)
    while moment < end:
        worked += any(begin <= moment.time() < stop for begin, stop in calendar.hours(moment.date()))
        moment += timedelta(minutes=1)
    return worked


minutes = st.integers(0, 4 * 366 * 24 * 60).map(lambda after: at("2023-12-01 00:00") + timedelta(minutes=after))
days = st.dates(min_value=date(2023, 12, 1), max_value=date(2028, 2, 1))
spans = st.lists(st.integers(0, 24 * 60 - 1), unique=True, max_size=6).map(
    lambda marks: tuple(
        (time(*divmod(a, 60)), time(*divmod(b, 60)))
        for a, b in zip(sorted(marks)[::2], sorted(marks)[1::2], strict=False)
    )
)
calendars = st.builds(
    lambda week, off, worked: WorkingCalendar(
        week=(*week, OFFICE_HOURS), holidays=dict.fromkeys(off, ""), make_up=worked - off
    ),
    st.lists(spans, min_size=6, max_size=6),
    st.sets(st.dates(min_value=date(2026, 1, 1), max_value=date(2026, 3, 1)), max_size=30),
    st.sets(st.dates(min_value=date(2026, 1, 1), max_value=date(2026, 3, 1)), max_size=10),
)


@pytest.mark.parametrize(
    ("year", "first_day", "off"),
    [
        (2024, date(2024, 2, 10), (date(2024, 2, 8), date(2024, 2, 14))),
        (2025, date(2025, 1, 29), (date(2025, 1, 25), date(2025, 2, 2))),
        (2026, date(2026, 2, 17), (date(2026, 2, 14), date(2026, 2, 22))),
        (2027, date(2027, 2, 6), (date(2027, 2, 4), date(2027, 2, 10))),
    ],
)
def test_the_lunar_new_year_of_known_years(year, first_day, off):
    names = {row.day: row.name_vi for row in seed([year])}
    assert names[first_day] == "Tết Nguyên Đán"
    calendar = WorkingCalendar.from_days(seed([year]))
    day, last = off
    assert calendar.is_working_day(day - timedelta(days=1)) or (day - timedelta(days=1)).weekday() >= 5
    while day <= last:
        assert not calendar.is_working_day(day)
        day += timedelta(days=1)
    assert calendar.is_working_day(last + timedelta(days=1))


@pytest.mark.parametrize(
    ("off", "worked"),
    [
        (date(2024, 4, 29), date(2024, 5, 4)),
        (date(2025, 5, 2), date(2025, 4, 26)),
        (date(2026, 1, 2), date(2026, 1, 10)),
        (date(2026, 8, 31), date(2026, 8, 22)),
    ],
)
def test_days_swapped_by_decision(off, worked):
    assert worked.weekday() == 5
    assert not OFFICE.is_working_day(off)
    assert OFFICE.is_working_day(worked)
    assert OFFICE.hours(worked) == OFFICE_HOURS
    kinds = {row.day: row.kind for row in seed([off.year])}
    assert (kinds[off], kinds[worked]) == ("holiday", "make_up")


def test_fixed_holidays_and_days_in_lieu():
    for year in range(2024, 2028):
        for month, day in ((1, 1), (4, 30), (5, 1), (9, 2)):
            assert not OFFICE.is_working_day(date(year, month, day))
    assert not OFFICE.is_working_day(date(2026, 4, 27))  # for the Hung Kings' day on a Sunday
    assert not OFFICE.is_working_day(date(2026, 11, 24))
    assert OFFICE.is_working_day(date(2025, 11, 24))


def test_the_seed_is_a_table_fit_for_editing():
    rows = seed([2025, 2026])
    assert rows == sorted(rows, key=lambda row: row.day)
    assert len({row.day for row in rows}) == len(rows)
    assert {row.day.year for row in rows} == {2025, 2026}
    for row in rows:
        assert row.kind in ("holiday", "make_up")
        assert row.name_vi
        assert row.name_en
        assert row.basis
    assert seed([]) == []
    assert seed([2019, 2018]) == seed([2018, 2019])
    assert date(2019, 1, 5) in {row.day for row in seed([2018])}  # worked for 31/12/2018
    assert date(2018, 12, 31) in WorkingCalendar.from_days(seed([2018])).holidays
    days_off = {row.day: row for row in rows}
    assert "112" in days_off[date(2025, 9, 2)].basis
    assert "111" in days_off[date(2026, 4, 27)].basis
    for day in (date(2025, 5, 2), date(2025, 4, 26), date(2026, 1, 2), date(2026, 1, 10), date(2026, 8, 31)):
        assert "hoán đổi" in days_off[day].basis
    assert "80-NQ/TW" in days_off[date(2026, 11, 24)].basis


def test_a_row_decides_over_the_week():
    calendar = WorkingCalendar.from_days(
        [
            Day(date(2026, 3, 3), "holiday", "Nghỉ", "Off", ""),
            Day(date(2026, 3, 7), "make_up", "Làm bù", "Make-up", ""),
            Day(date(2026, 3, 4), "make_up", "Làm bù", "Make-up", ""),
        ]
    )
    assert not calendar.is_working_day(date(2026, 3, 3))
    assert calendar.is_working_day(date(2026, 3, 7))
    assert calendar.hours(date(2026, 3, 4)) == WEEK[2]
    assert not calendar.is_working_day(date(2026, 3, 8))
    assert calendar.next_working_day(date(2026, 3, 2)) == date(2026, 3, 4)
    assert calendar.next_working_day(date(2026, 3, 6)) == date(2026, 3, 7)


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (date(2026, 3, 2), 0, "2026-03-02 17:00"),
        (date(2026, 3, 2), 1, "2026-03-03 17:00"),
        (date(2026, 3, 6), 1, "2026-03-09 17:00"),
        (date(2026, 3, 7), 0, "2026-03-09 17:00"),
        (date(2026, 3, 7), 1, "2026-03-09 17:00"),
        (date(2026, 3, 7), 2, "2026-03-10 17:00"),
        (at("2026-03-06 23:59"), 1, "2026-03-09 17:00"),
        (datetime(2026, 3, 6, 17, 0, tzinfo=UTC), 1, "2026-03-09 17:00"),  # already Saturday in Vietnam
        (date(2026, 2, 13), 1, "2026-02-23 17:00"),  # over the lunar new year
        (date(2025, 4, 25), 1, "2025-04-26 17:00"),  # a make-up Saturday
        (date(2025, 12, 31), 1, "2026-01-05 17:00"),
    ],
)
def test_working_days_are_counted_from_the_next_day(start, days, end):
    result = OFFICE.add_working_days(start, days)
    assert result == at(end)
    assert result.tzinfo is UTC


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-03-02 07:30", "2026-03-02 17:00", 480),
        ("2026-03-02 00:00", "2026-03-03 00:00", 480),
        ("2026-03-02 11:30", "2026-03-02 13:00", 0),
        ("2026-03-02 11:29", "2026-03-02 13:01", 2),
        ("2026-03-06 16:30", "2026-03-09 08:00", 60),
        ("2026-03-07 08:00", "2026-03-08 17:00", 0),
        ("2026-02-13 16:00", "2026-02-23 08:30", 120),
        ("2026-03-03 08:00", "2026-03-02 16:30", -60),
    ],
)
def test_minutes_between(start, end, expected):
    assert OFFICE.working_minutes_between(at(start), at(end)) == expected


@pytest.mark.parametrize(
    ("start", "added", "expected"),
    [
        ("2026-03-02 08:00", 0, "2026-03-02 08:00"),
        ("2026-03-07 08:00", 0, "2026-03-07 08:00"),
        ("2026-03-02 08:00", 30, "2026-03-02 08:30"),
        ("2026-03-02 11:00", 30, "2026-03-02 11:30"),
        ("2026-03-02 11:00", 31, "2026-03-02 13:01"),
        ("2026-03-06 16:45", 30, "2026-03-09 07:45"),
        ("2026-03-07 10:00", 480, "2026-03-09 17:00"),
        ("2026-03-02 07:30", 5 * 480, "2026-03-06 17:00"),
    ],
)
def test_adding_minutes(start, added, expected):
    result = OFFICE.add_working_minutes(at(start), added)
    assert result == at(expected)
    assert result.tzinfo is UTC


def test_seconds_are_not_lost():
    start = at("2026-03-02 11:29") + timedelta(seconds=30, microseconds=7)
    assert OFFICE.add_working_minutes(start, 1) == at("2026-03-02 13:00") + timedelta(seconds=30, microseconds=7)
    assert OFFICE.working_minutes_between(start, start + timedelta(seconds=29)) == 0
    assert OFFICE.working_minutes_between(start + timedelta(seconds=29), start) == 0
    assert OFFICE.working_minutes_between(start, at("2026-03-02 13:01")) == 1
    assert OFFICE.working_minutes_between(at("2026-03-02 13:01"), start) == -1


def test_end_of_morning_and_of_work():
    day = date(2026, 3, 2)
    assert OFFICE.end_of_morning(day) == at("2026-03-02 12:00")
    assert OFFICE.end_of_work(day) == at("2026-03-02 17:00")
    assert OFFICE.end_of_work(date(2026, 3, 7)) == at("2026-03-07 17:00")
    early = WorkingCalendar(morning_ends=time(11, 30))
    assert early.end_of_morning(day) == at("2026-03-02 11:30")


@pytest.mark.parametrize(
    "wrong",
    [
        {"week": ((),) * 7},
        {"week": WEEK[:6]},
        {"week": (((time(8), time(8)),), *WEEK[1:])},
        {"week": (((time(8), time(12)), (time(12), time(17))), *WEEK[1:])},
        {"week": (((time(13), time(17)), (time(8), time(12))), *WEEK[1:])},
        {"make_up_hours": ()},
        {"make_up_hours": ((time(12), time(8)),)},
        {"holidays": {date(2026, 1, 1): ""}, "make_up": {date(2026, 1, 1)}},
    ],
)
def test_an_impossible_calendar_is_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        WorkingCalendar(**wrong)


def test_what_cannot_be_added_is_refused():
    with pytest.raises(ValueError, match="not taken away"):
        OFFICE.add_working_days(date(2026, 1, 1), -1)
    with pytest.raises(ValueError, match="not taken away"):
        OFFICE.add_working_minutes(at("2026-01-01 08:00"), -1)
    with pytest.raises(ValueError, match="without a zone"):
        OFFICE.working_minutes_between(at("2026-01-01 08:00").replace(tzinfo=None), at("2026-01-01 08:00"))
    with pytest.raises(OverflowError):
        OFFICE.next_working_day(date.max)
    assert OFFICE.next_working_day(date(9999, 12, 30)) == date.max


@given(minutes, minutes, minutes)
def test_minutes_add_up(a, b, c):
    between = OFFICE.working_minutes_between
    assert between(a, b) + between(b, c) == between(a, c)
    assert between(a, b) == -between(b, a)


@given(calendars, st.integers(0, 60 * 24 * 60), st.integers(0, 4 * 24 * 60))
def test_any_calendar_agrees_with_looking_at_each_minute(calendar, offset, length):
    start = at("2026-01-01 00:00") + timedelta(minutes=offset)
    end = start + timedelta(minutes=length)
    assert calendar.working_minutes_between(start, end) == minute_by_minute(calendar, start, end)


@given(calendars, st.integers(0, 60 * 24 * 60), st.integers(1, 20_000))
def test_adding_minutes_is_the_inverse_of_counting_them(calendar, offset, added):
    start = at("2026-01-01 00:00") + timedelta(minutes=offset)
    end = calendar.add_working_minutes(start, added)
    assert calendar.working_minutes_between(start, end) == added
    assert calendar.working_minutes_between(start, end - timedelta(minutes=1)) == added - 1


@given(calendars, st.dates(min_value=date(2025, 12, 20), max_value=date(2026, 3, 10)), st.integers(0, 60))
def test_any_calendar_agrees_with_looking_at_each_day(calendar, day, number):
    reached, left = day, number
    while left or not calendar.is_working_day(reached):
        reached += timedelta(days=1)
        left -= bool(left) and calendar.is_working_day(reached)
    end = calendar.add_working_days(day, number)
    assert local_date(end) == reached
    assert end == calendar.end_of_work(reached)
    if number:
        assert calendar.working_days_between(day, reached) == number
        assert calendar.working_days_between(reached, day) == -number
    following = calendar.next_working_day(day)
    assert calendar.is_working_day(following)
    skipped = range(day.toordinal() + 1, following.toordinal())
    assert not any(calendar.is_working_day(date.fromordinal(ordinal)) for ordinal in skipped)


@given(days, days, days)
def test_days_add_up(a, b, c):
    between = OFFICE.working_days_between
    assert between(a, b) + between(b, c) == between(a, c)


def test_decades_cost_no_more_than_days():
    """Sums over forty years take no longer than sums over a day: nothing walks from day to day."""
    calendar = WorkingCalendar(holidays={date(year, 1, 1): "" for year in range(2000, 2041)})
    start = at("2000-01-03 08:00")

    def cost(end, rounds=300):
        best = float("inf")
        for _ in range(5):
            begin = stopwatch.perf_counter()
            for _ in range(rounds):
                calendar.add_working_minutes(start, calendar.working_minutes_between(start, end))
            best = min(best, stopwatch.perf_counter() - begin)
        return best

    assert cost(at("2040-01-03 09:00")) < 10 * cost(at("2000-01-04 09:00"))

"""Working time: which days and hours an office works, and exact sums over them, fast for spans of years."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate, pairwise

from eoffice.core.clock import VIETNAM, local

Hours = tuple[tuple[time, time], ...]
"""Spans of one day's work, in order, not touching one another; () for a day without work."""

OFFICE_HOURS: Hours = ((time(7, 30), time(11, 30)), (time(13, 0), time(17, 0)))
WEEK: tuple[Hours, ...] = (OFFICE_HOURS,) * 5 + ((),) * 2
"""Monday to Friday, eight hours."""

_MINUTE = 60_000_000
_LAST = date.max.toordinal()


@dataclass(frozen=True)
class Day:
    """A row of the office's table of days that differ from the week.

    Args:
        day: the date.
        kind: ``holiday``, or ``make_up`` for a day off that is worked (làm bù).
        name_vi, name_en: what people read.
        basis: the legal text it rests on.
    """

    day: date
    kind: str
    name_vi: str
    name_en: str
    basis: str


@dataclass(frozen=True)
class WorkingCalendar:
    """The working time of an office.

    All times given and returned are aware; those returned are UTC. Sums are taken in whole microseconds, so they add
    up without rounding.

    Args:
        holidays: date -> name of days off.
        make_up: days off that are worked (làm bù).
        week: hours of Monday to Sunday.
        make_up_hours: hours of a make-up day that the week leaves free.
        morning_ends: until when a deadline "in the morning" runs (Decision 28/2018 article 6.2).

    Raises:
        ValueError: when the week has no work, hours overlap, or a day is both off and worked.
    """

    holidays: Mapping[date, str] = field(default_factory=dict)
    make_up: Collection[date] = frozenset()
    week: tuple[Hours, ...] = WEEK
    make_up_hours: Hours = OFFICE_HOURS
    morning_ends: time = time(12, 0)
    _days: _Sum = field(init=False, repr=False, compare=False)
    _work: _Sum = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.week) != 7 or not any(self.week):
            raise ValueError("a week has seven days and some work")
        for hours in (*self.week, self.make_up_hours):
            moments = [_moment(moment) for span in hours for moment in span]
            if any(later <= earlier for earlier, later in pairwise(moments)):
                raise ValueError(f"hours must follow one another: {hours}")
        if not self.make_up_hours:
            raise ValueError("a make-up day needs hours")
        both = self.holidays.keys() & set(self.make_up)
        if both:
            raise ValueError(f"off and worked at once: {min(both)}")
        special = sorted({*self.holidays, *self.make_up})
        for name, weigh in (("_days", bool), ("_work", _length)):
            weekdays = [int(weigh(hours)) for hours in self.week]
            changes = [int(weigh(self.hours(day))) - weekdays[day.weekday()] for day in special]
            object.__setattr__(self, name, _Sum(weekdays, [day.toordinal() for day in special], changes))

    @classmethod
    def from_days(cls, days: Iterable[Day], week: tuple[Hours, ...] = WEEK) -> WorkingCalendar:
        """Build a calendar from the rows of the office's table."""
        rows = list(days)
        return cls(
            holidays={row.day: row.name_vi for row in rows if row.kind == "holiday"},
            make_up=frozenset(row.day for row in rows if row.kind == "make_up"),
            week=week,
        )

    def hours(self, day: date) -> Hours:
        """Return the hours worked on a day."""
        if day in self.holidays:
            return ()
        usual = self.week[day.weekday()]
        return self.make_up_hours if not usual and day in self.make_up else usual

    def is_working_day(self, day: date) -> bool:
        """Tell whether the office works on a day."""
        return bool(self.hours(day))

    def next_working_day(self, day: date) -> date:
        """Return the first working day after a day.

        Raises:
            OverflowError: when there is none before the year 10000.
        """
        return self._nth_working_day(day, 1)

    def working_days_between(self, first: date, last: date) -> int:
        """Count the working days after ``first`` up to and including ``last``; negative when ``last`` is earlier."""
        return self._days.before(last.toordinal() + 1) - self._days.before(first.toordinal() + 1)

    def add_working_days(self, start: date | datetime, days: int) -> datetime:
        """Return the end of work on the n-th working day after a day.

        Args:
            start: the day from which is counted, itself not counted; of a time, its day in Vietnam.
            days: 0 means the day itself, or the next working day when it is free.

        Raises:
            ValueError: for a negative number of days.
        """
        if days < 0:
            raise ValueError(f"working days are added, not taken away: {days}")
        day = local(start).date() if isinstance(start, datetime) else start
        if days:
            day = self._nth_working_day(day, days)
        elif not self.is_working_day(day):
            day = self.next_working_day(day)
        return self.end_of_work(day)

    def end_of_work(self, day: date) -> datetime:
        """Return when work ends on a day; on a free day, when it would end on a make-up day."""
        return _at(day, (self.hours(day) or self.make_up_hours)[-1][1])

    def end_of_morning(self, day: date) -> datetime:
        """Return until when a deadline "in the morning" of a day runs."""
        return _at(day, self.morning_ends)

    def working_minutes_between(self, start: datetime, end: datetime) -> int:
        """Return the whole minutes of work between two times, negative when ``end`` is earlier.

        For times of whole minutes the sum is exact: m(a, b) + m(b, c) == m(a, c).
        """
        worked = self._position(end) - self._position(start)
        return worked // _MINUTE if worked >= 0 else -(-worked // _MINUTE)

    def add_working_minutes(self, start: datetime, minutes: int) -> datetime:
        """Return the earliest time by which so many minutes have been worked since ``start``; itself for 0.

        Raises:
            ValueError: for a negative number of minutes.
        """
        if minutes < 0:
            raise ValueError(f"working minutes are added, not taken away: {minutes}")
        if minutes == 0:
            return start.astimezone(UTC)
        target = self._position(start) + minutes * _MINUTE
        ordinal = self._work.day_of(target, local(start).date().toordinal())
        rest = target - self._work.before(ordinal)
        day = date.fromordinal(ordinal)
        for begin, end in self.hours(day):
            span = _moment(end) - _moment(begin)
            if rest <= span:
                return _at(day, begin) + timedelta(microseconds=rest)
            rest -= span
        raise AssertionError("the day found holds the target")

    def _position(self, at: datetime) -> int:
        """Microseconds worked since the beginning of dates: the difference of two positions is the work between."""
        here = local(at)
        now = _moment(here.time())
        today = sum(max(0, min(now, _moment(end)) - _moment(begin)) for begin, end in self.hours(here.date()))
        return self._work.before(here.date().toordinal()) + today

    def _nth_working_day(self, day: date, number: int) -> date:
        after = day.toordinal() + 1
        return date.fromordinal(self._days.day_of(self._days.before(after) + number, after))


class _Sum:
    """A weight per day that repeats weekly but for some days, summed over any span in the time of a look-up.

    Args:
        weekdays: weights of Monday to Sunday.
        days: ordinals of the days that differ, ascending.
        changes: what each of them adds to its weekday's weight.
    """

    def __init__(self, weekdays: Sequence[int], days: Sequence[int], changes: Sequence[int]) -> None:
        self._weekdays = (0, *accumulate(weekdays))
        self._days = days
        self._changes = (0, *accumulate(changes))

    def before(self, ordinal: int) -> int:
        """Return the sum over all days before the one with this ordinal (1 is a Monday)."""
        weeks, rest = divmod(ordinal - 1, 7)
        special = self._changes[bisect_left(self._days, ordinal)]
        return weeks * self._weekdays[7] + self._weekdays[rest] + special

    def day_of(self, target: int, start: int) -> int:
        """Return the ordinal of the first day, from ``start`` on, by whose end the sum reaches ``target``.

        Raises:
            OverflowError: when that lies after the last date there is.
        """
        low, step = start, 8
        while self.before(low + step) < target:
            low, step = low + step, step * 2
        found = low + bisect_left(range(low + 1, low + step), target, key=self.before)
        if found > _LAST:
            raise OverflowError("there is no such working day before the year 10000")
        return found


def _moment(at: time) -> int:
    """Microseconds since midnight."""
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 1_000_000 + at.microsecond


def _length(hours: Hours) -> int:
    return sum(_moment(end) - _moment(begin) for begin, end in hours)


def _at(day: date, moment: time) -> datetime:
    return datetime.combine(day, moment, VIETNAM).astimezone(UTC)


# --- the seed ----------------------------------------------------------------------------------------------------

_LABOUR_CODE = "Bộ luật Lao động 2019, điều 112"
_IN_LIEU = "Bộ luật Lao động 2019, điều 111 khoản 3"
_CULTURE_DAY = "Nghị quyết 80-NQ/TW ngày 07/01/2026"
_SWAP = "Thông báo hằng năm về hoán đổi ngày làm việc"

# Swaps the library does not know: day off -> day worked for it.
_SWAPS = {date(2026, 1, 2): date(2026, 1, 10)}


def seed(years: Iterable[int]) -> list[Day]:
    """Return Vietnam's public holidays and make-up days of some years, in order, for the office's own table.

    Years whose holidays the Government has not announced yet follow the general rule; the office corrects them.

    Args:
        years: calendar years; days of other years they cause (a make-up day in January) are included.
    """
    import holidays

    wanted = sorted(set(years))
    vi = holidays.country_holidays("VN", years=wanted, language="vi")
    en = holidays.country_holidays("VN", years=wanted, language="en_US")
    rows = {day: Day(day, "holiday", name, en[day], _basis(day, name)) for day, name in vi.items()}
    swaps = {off: worked for off, worked in _SWAPS.items() if off.year in wanted}
    for off, worked in swaps.items():
        vi_name = f"Ngày nghỉ (thay cho ngày {worked:%d/%m/%Y})"
        rows[off] = Day(off, "holiday", vi_name, f"Day off (substituted from {worked:%m/%d/%Y})", _SWAP)
    named = " ".join(row.name_vi for row in rows.values())
    for worked in {*vi.weekend_workdays, *swaps.values()}:
        if f"{worked:%d/%m/%Y}" in named:  # the library lists the make-up days of some other years as well
            rows[worked] = Day(worked, "make_up", "Ngày làm bù", "Make-up working day", _SWAP)
    return [rows[day] for day in sorted(rows)]


def _basis(day: date, name: str) -> str:
    if "thay cho" in name:
        return _SWAP
    if "nghỉ bù" in name:
        return _IN_LIEU
    return _CULTURE_DAY if (day.month, day.day) == (11, 24) else _LABOUR_CODE

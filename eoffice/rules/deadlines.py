"""The clocks the law sets: what must happen by when after what, as data, and how a deadline stands (Decree 30/2020)."""

from __future__ import annotations

import calendar as months
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from eoffice.core.calendar import WorkingCalendar
from eoffice.core.clock import VIETNAM, local, local_date, utc
from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_


class Urgency(StrEnum):
    """Degrees of urgency; each of the three upper ones means "at once" (Decree 30/2020 article 4)."""

    NORMAL = "normal"
    URGENT = "urgent"
    VERY_URGENT = "very_urgent"
    EXPRESS = "express"

    def name_in(self, locale: str) -> str:
        """Return the word of the stamp, or its English."""
        return URGENCY_NAMES[self] if locale == "vi" else URGENCY_NAMES_EN[self]


URGENCY_NAMES: dict[Urgency, str] = {
    Urgency.NORMAL: "Thường",
    Urgency.URGENT: "Khẩn",
    Urgency.VERY_URGENT: "Thượng khẩn",
    Urgency.EXPRESS: "Hỏa tốc",
}
URGENCY_NAMES_EN: dict[Urgency, str] = {
    Urgency.NORMAL: "Normal",
    Urgency.URGENT: "Urgent",
    Urgency.VERY_URGENT: "Very urgent",
    Urgency.EXPRESS: "Express",
}


class Limit(StrEnum):
    """How a limit is counted."""

    SAME_DAY = "same_day"
    SAME_WORKING_DAY = "same_working_day"
    NEXT_WORKING_DAY = "next_working_day"
    NEXT_WORKING_MORNING = "next_working_morning"
    WORKING_DAYS = "working_days"
    MONTHS = "months"
    DAYS_BEFORE = "days_before"


@dataclass(frozen=True)
class Rule:
    """One limit the law sets, with its source.

    Args:
        code: machine word.
        begins, ends: events, in words of the glossary.
        limit: how it is counted.
        basis: code of the legal text; article: where in it.
        valid_from, valid_to: first and last day, both included; None for no end.
        count: working days or months of the limit; None when somebody sets it case by case.
        urgent_at_once: an urgent document must be dealt with at once instead.
        inferred: the text gives no figure; this one is ours and may be changed.
    """

    code: str
    begins: str
    ends: str
    limit: Limit
    basis: str
    article: str
    valid_from: date
    valid_to: date | None = None
    count: int | None = None
    urgent_at_once: bool = False
    inferred: bool = False

    def holds(self, on: date) -> bool:
        """Tell whether the rule is in force on a day."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


_D30 = date(2020, 3, 5)
_D28 = date(2018, 9, 6)

IN_ACK = Rule("IN_ACK", "arrived", "receipt_sent", Limit.SAME_DAY, "ND30/2020", "21.2c", _D30)
IN_REG = Rule(
    "IN_REG", "arrived", "registered", Limit.NEXT_WORKING_DAY, "ND30/2020", "4", _D30, urgent_at_once=True
)
IN_SUBMIT = Rule(
    "IN_SUBMIT", "registered", "submitted", Limit.NEXT_WORKING_DAY, "ND30/2020", "23.1", _D30, urgent_at_once=True
)
IN_HANDLE = Rule("IN_HANDLE", "submitted", "done", Limit.WORKING_DAYS, "ND30/2020", "24.2", _D30, urgent_at_once=True)
OUT_ISSUE = Rule(
    "OUT_ISSUE", "signed", "issued", Limit.NEXT_WORKING_DAY, "ND30/2020", "18.1", _D30, urgent_at_once=True
)
OUT_SEND_E = Rule(
    "OUT_SEND_E", "signed", "sent", Limit.NEXT_WORKING_MORNING, "QD28/2018", "6.2", _D28, urgent_at_once=True
)
OUT_NUMBER_PAPER = Rule(
    "OUT_NUMBER_PAPER", "signed", "numbered", Limit.NEXT_WORKING_DAY, "ND30/2020", "15.2", _D30
)
EX_RECALL_ACK = Rule(
    "EX_RECALL_ACK",
    "recall_arrived",
    "recall_reported",
    Limit.SAME_WORKING_DAY,
    "ND30/2020",
    "18.4b",
    _D30,
    inferred=True,
)
GOV_OPINION = Rule(
    "GOV_OPINION", "asked", "answered", Limit.WORKING_DAYS, "ND191/2026", "", date(2026, 5, 29), count=5
)
INSTRUCTION = Rule("INSTRUCTION", "assigned", "done", Limit.WORKING_DAYS, "ND30/2020", "24.1", _D30)
FILE_SUBMIT = Rule("FILE_SUBMIT", "dossier_closed", "transferred", Limit.MONTHS, "ND30/2020", "30.2", _D30, count=12)
FILE_SUBMIT_BUILDING = Rule(
    "FILE_SUBMIT_BUILDING", "settled", "transferred", Limit.MONTHS, "ND30/2020", "30.2", _D30, count=3
)
FILE_NOTICE = Rule("FILE_NOTICE", "due", "noticed", Limit.DAYS_BEFORE, "ND30/2020", "Annex VI III.5b", _D30, count=30)
FILE_KEEP = Rule("FILE_KEEP", "due", "transferred", Limit.MONTHS, "ND30/2020", "31.3d", _D30, count=24)

RULES: tuple[Rule, ...] = (
    IN_ACK,
    IN_REG,
    IN_SUBMIT,
    IN_HANDLE,
    OUT_ISSUE,
    OUT_SEND_E,
    OUT_NUMBER_PAPER,
    EX_RECALL_ACK,
    GOV_OPINION,
    INSTRUCTION,
    FILE_SUBMIT,
    FILE_SUBMIT_BUILDING,
    FILE_NOTICE,
    FILE_KEEP,
)

_BY_CODE = {rule.code: rule for rule in RULES}


def rule(code: str) -> Rule:
    """Return a rule by its code.

    Raises:
        InvalidInput: ``rule_unknown``.
    """
    try:
        return _BY_CODE[code]
    except KeyError:
        raise InvalidInput("rule_unknown", given=code) from None


@dataclass(frozen=True)
class DeadlineSettings:
    """What an office sets where the law gives no figure.

    Args:
        at_once: minutes of work within which urgent documents are dealt with; the law says only "at once".
        at_once_of: the same for single rules, by code; handling a document takes longer than registering it.
        counts: working days or months that replace those of a rule, by code, such as the working days of the
            office's working rules for ``IN_HANDLE``.
    """

    at_once: int = 30
    at_once_of: Mapping[str, int] = field(default_factory=lambda: {"IN_HANDLE": 480})
    counts: Mapping[str, int] = field(default_factory=dict)


DEFAULTS = DeadlineSettings()


def due(
    rule: Rule,
    start: datetime,
    calendar: WorkingCalendar,
    *,
    urgency: Urgency | str = Urgency.NORMAL,
    settings: DeadlineSettings = DEFAULTS,
    count: int | None = None,
) -> datetime:
    """Return the last moment at which a deed is still in time.

    Args:
        rule: the limit.
        start: when the event happened from which is counted; aware.
        calendar: working time of the office.
        urgency: of the document.
        settings: what the office set.
        count: working days or months set in this case, such as by a leader's instruction; it goes before everything.

    Returns:
        An aware time in UTC.

    Raises:
        InvalidInput: ``deadline_unset`` when neither the law, the office nor this case gives a figure;
            ``deadline_invalid`` for a figure below 1.
    """
    start = utc(start)
    if count is None and rule.urgent_at_once and Urgency(urgency) is not Urgency.NORMAL:
        return calendar.add_working_minutes(start, settings.at_once_of.get(rule.code, settings.at_once))
    today = local_date(start)
    match rule.limit:
        case Limit.SAME_DAY:
            return _end_of_day(today)
        case Limit.SAME_WORKING_DAY:
            end = calendar.add_working_days(today, 0)
            return end if start < end else calendar.add_working_days(today, 1)
        case Limit.NEXT_WORKING_DAY:
            return calendar.add_working_days(today, 1)
        case Limit.NEXT_WORKING_MORNING:
            return calendar.end_of_morning(calendar.next_working_day(today))
    figure = _figure(rule, settings, count)
    match rule.limit:
        case Limit.WORKING_DAYS:
            return calendar.add_working_days(today, figure)
        case Limit.MONTHS:
            return _end_of_day(_add_months(today, figure))
        case Limit.DAYS_BEFORE:
            return _end_of_day(today - timedelta(days=figure))


def overdue_since(
    rule: Rule,
    now: datetime,
    calendar: WorkingCalendar,
    *,
    urgency: Urgency | str = Urgency.NORMAL,
    settings: DeadlineSettings = DEFAULTS,
    count: int | None = None,
) -> datetime:
    """Return the moment before which everything that began is overdue now: one figure a database can compare with.

    What began later is never due earlier, so the moment is found by halving, to the second.

    Args and errors: as of ``due``.
    """

    def missed(start: datetime) -> bool:
        return due(rule, start, calendar, urgency=urgency, settings=settings, count=count) < now

    first = utc(now).replace(microsecond=0) + timedelta(seconds=1)
    span = 1
    while not missed(first - timedelta(days=span)):
        span *= 2
    # (first - span) is overdue, first is not: halve the seconds between them.
    late, early = span * 86_400, 0
    while late - early > 1:
        middle = (late + early) // 2
        if missed(first - timedelta(seconds=middle)):
            late = middle
        else:
            early = middle
    return first - timedelta(seconds=early)


def due_on(day: date) -> datetime:
    """Return the deadline of somebody who named a day: its end, in UTC."""
    return _end_of_day(day)


def _figure(rule: Rule, settings: DeadlineSettings, count: int | None) -> int:
    figure = count if count is not None else settings.counts.get(rule.code, rule.count)
    if figure is None:
        raise InvalidInput(
            "deadline_unset",
            N_("No deadline is set for this work. Nothing was changed. Please give a number of working days."),
            rule=rule.code,
        )
    if figure < 1:
        raise InvalidInput(
            "deadline_invalid",
            N_("A deadline is at least one day. Nothing was changed. Please give a number of working days."),
            rule=rule.code,
            given=figure,
        )
    return figure


def _end_of_day(day: date) -> datetime:
    # The last second and not midnight, which people would read as the day after.
    return datetime.combine(day, time(23, 59, 59), VIETNAM).astimezone(UTC)


def _add_months(day: date, count: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, months.monthrange(year, month + 1)[1]))


class Standing(StrEnum):
    """How a deadline stands."""

    NO_DUE = "no_due"
    OPEN = "open"
    DUE_TODAY = "due_today"
    OVERDUE = "overdue"
    ON_TIME = "on_time"
    LATE = "late"


STANDING_NAMES: dict[Standing, str] = {
    Standing.NO_DUE: N_("No deadline"),
    Standing.OPEN: N_("In time"),
    Standing.DUE_TODAY: N_("Due today"),
    Standing.OVERDUE: N_("Overdue"),
    Standing.ON_TIME: N_("Done on time"),
    Standing.LATE: N_("Done late"),
}


def state(due: datetime | None, now: datetime, done: datetime | None = None) -> Standing:
    """Return how a deadline stands.

    Args:
        due: last moment in time, None without a deadline; ``now``: the present; ``done``: when it was done, if so.
            What happens at the very moment of ``due`` is in time.
    """
    if due is None:
        return Standing.NO_DUE
    if done is not None:
        return Standing.ON_TIME if done <= due else Standing.LATE
    if now > due:
        return Standing.OVERDUE
    return Standing.DUE_TODAY if local_date(now) == local_date(due) else Standing.OPEN


@dataclass(frozen=True)
class Remaining:
    """What is left until a deadline, or how long it is missed.

    Args:
        late: it has passed.
        days: working days from one day to the other, the earlier one not counted.
        minutes: working minutes from one moment to the other.
    """

    late: bool
    days: int
    minutes: int


def remaining(due: datetime, now: datetime, calendar: WorkingCalendar) -> Remaining:
    """Return what is left until a deadline in the office's working time, or how long it is missed."""
    late = now > due
    first, last = (due, now) if late else (now, due)
    return Remaining(
        late=late,
        days=calendar.working_days_between(local(first).date(), local(last).date()),
        minutes=calendar.working_minutes_between(first, last),
    )

"""Where the time comes from: one protocol and three clocks, always aware and in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def _vietnam() -> tzinfo:
    try:
        return ZoneInfo("Asia/Ho_Chi_Minh")
    except ZoneInfoNotFoundError:
        # Vietnam has kept +07:00 without summer time since 1975, so a machine without tzdata loses nothing.
        return timezone(timedelta(hours=7), "+07")


VIETNAM: tzinfo = _vietnam()
"""The zone of every date an office writes (Decision 28/2018 article 14.4)."""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still.

    Args:
        at: the only time it tells; aware.

    Raises:
        ValueError: when ``at`` has no zone.
    """

    def __init__(self, at: datetime) -> None:
        self._at = utc(at)

    def now(self) -> datetime:
        """Return the fixed time in UTC."""
        return self._at


class SteppingClock:
    """A clock that moves only when told to, and never backwards.

    Args:
        start: the first time it tells; aware.

    Raises:
        ValueError: when ``start`` has no zone.
    """

    def __init__(self, start: datetime) -> None:
        self._at = utc(start)

    def now(self) -> datetime:
        """Return the time reached, in UTC."""
        return self._at

    def step(self, by: timedelta) -> datetime:
        """Go on by a span of time and return the time reached.

        Raises:
            ValueError: for a negative span.
        """
        return self.set(self._at + by)

    def set(self, at: datetime) -> datetime:
        """Go on to a time and return it.

        Raises:
            ValueError: when ``at`` has no zone or lies before the time reached.
        """
        at = utc(at)
        if at < self._at:
            raise ValueError(f"a clock does not go backwards: {at.isoformat()} is before {self._at.isoformat()}")
        self._at = at
        return at


def utc(at: datetime) -> datetime:
    """Return an aware time in UTC.

    Raises:
        ValueError: when ``at`` has no zone: guessing one would move deadlines by hours.
    """
    if at.utcoffset() is None:
        raise ValueError(f"a time without a zone: {at.isoformat()}")
    return at.astimezone(UTC)


def local(at: datetime) -> datetime:
    """Return an aware time in Vietnam's zone.

    Raises:
        ValueError: when ``at`` has no zone.
    """
    return utc(at).astimezone(VIETNAM)


def local_date(at: datetime) -> date:
    """Return the calendar day in Vietnam on which a time falls.

    Raises:
        ValueError: when ``at`` has no zone.
    """
    return local(at).date()

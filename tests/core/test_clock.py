"""Clocks tell aware UTC times, and a stepping clock never goes back."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoffice.core.clock import VIETNAM, FixedClock, SteppingClock, SystemClock, local, local_date, utc

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=VIETNAM)


def test_system_clock_is_aware_utc_and_the_present():
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert before <= now <= datetime.now(UTC)


def test_fixed_clock_stands_still_in_utc():
    clock = FixedClock(NOON)
    assert clock.now() == clock.now() == NOON
    assert clock.now().tzinfo is UTC
    assert clock.now().hour == 5


@pytest.mark.parametrize("make", [FixedClock, SteppingClock, utc, local, local_date])
def test_a_time_without_a_zone_is_refused(make):
    with pytest.raises(ValueError, match="without a zone"):
        make(NOON.replace(tzinfo=None))


def test_stepping_clock_goes_forward_only():
    clock = SteppingClock(NOON)
    assert clock.step(timedelta(minutes=5)) == NOON + timedelta(minutes=5) == clock.now()
    assert clock.step(timedelta(0)) == clock.now()
    assert clock.set(NOON + timedelta(days=1)) == clock.now()
    assert clock.now().tzinfo is UTC
    for back in (lambda: clock.step(timedelta(seconds=-1)), lambda: clock.set(NOON)):
        with pytest.raises(ValueError, match="backwards"):
            back()
    assert clock.now() == NOON + timedelta(days=1)
    with pytest.raises(ValueError, match="without a zone"):
        clock.set(NOON.replace(year=2030, tzinfo=None))


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC), date(2026, 12, 31)),
        (datetime(2026, 12, 31, 17, 0, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2027, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=9))), date(2026, 12, 31)),
    ],
)
def test_the_day_changes_at_midnight_in_vietnam(at, day):
    assert local_date(at) == day


@given(
    st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.timezones())  # noqa: DTZ001 - bounds are naive
)
def test_vietnam_is_seven_hours_ahead_of_utc(at):
    assert local(at).timestamp() == utc(at).timestamp() == at.timestamp()
    assert local(at).utcoffset() == timedelta(hours=7)
    assert local(at).replace(tzinfo=None) - utc(at).replace(tzinfo=None) == timedelta(hours=7)


def test_a_machine_without_zone_data_falls_back_to_plus_seven():
    code = (
        "import zoneinfo; zoneinfo.reset_tzpath(to=[]); import sys; sys.modules['tzdata'] = None\n"
        "from eoffice.core.clock import VIETNAM; from datetime import datetime\n"
        "print(type(VIETNAM).__name__, datetime(2026, 1, 1, tzinfo=VIETNAM).isoformat())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "timezone 2026-01-01T00:00:00+07:00"

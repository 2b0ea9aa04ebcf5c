"""The clocks of the law, each over days of every sort, and how a deadline stands."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoffice.core.calendar import WorkingCalendar, seed
from eoffice.core.clock import VIETNAM, local_date
from eoffice.core.errors import InvalidInput
from eoffice.rules import deadlines
from eoffice.rules.deadlines import (
    RULES,
    STANDING_NAMES,
    URGENCY_NAMES,
    URGENCY_NAMES_EN,
    DeadlineSettings,
    Limit,
    Remaining,
    Standing,
    Urgency,
    due,
    due_on,
    remaining,
    rule,
    state,
)

OFFICE = WorkingCalendar.from_days(seed(range(2025, 2028)))
AT_ONCE = [urgency for urgency in Urgency if urgency is not Urgency.NORMAL]


def at(text):
    form = "%Y-%m-%d %H:%M:%S" if text.count(":") == 2 else "%Y-%m-%d %H:%M"
    return datetime.strptime(text, form).replace(tzinfo=VIETNAM)


# the same start for every rule: a Monday at work, at noon, at night, a Friday, a Saturday, before the lunar new year,
# before a make-up Saturday
STARTS = ["2026-03-02 09:00", "2026-03-02 12:00", "2026-03-02 22:00", "2026-03-06 16:59", "2026-03-07 10:00",
          "2026-02-13 17:30", "2026-08-21 08:00"]  # fmt: skip
NEXT_END = ["2026-03-03 17:00", "2026-03-03 17:00", "2026-03-03 17:00", "2026-03-09 17:00", "2026-03-09 17:00",
            "2026-02-23 17:00", "2026-08-22 17:00"]  # fmt: skip
SAME_DAY = [f"{start[:10]} 23:59:59" for start in STARTS]
SAME_WORKING_DAY = ["2026-03-02 17:00", "2026-03-02 17:00", "2026-03-03 17:00", "2026-03-06 17:00", "2026-03-09 17:00",
                    "2026-02-23 17:00", "2026-08-21 17:00"]  # fmt: skip
MORNING = [end.replace("17:00", "12:00") for end in NEXT_END]
FIVE_DAYS = ["2026-03-09 17:00", "2026-03-09 17:00", "2026-03-09 17:00", "2026-03-13 17:00", "2026-03-13 17:00",
             "2026-02-27 17:00", "2026-08-27 17:00"]  # fmt: skip
EXPECTED = {
    "IN_ACK": SAME_DAY,
    "IN_REG": NEXT_END,
    "IN_SUBMIT": NEXT_END,
    "OUT_ISSUE": NEXT_END,
    "OUT_SEND_E": MORNING,
    "OUT_NUMBER_PAPER": NEXT_END,
    "EX_RECALL_ACK": SAME_WORKING_DAY,
    "GOV_OPINION": FIVE_DAYS,
}


@pytest.mark.parametrize(
    ("code", "start", "expected"),
    [(code, start, end) for code, ends in EXPECTED.items() for start, end in zip(STARTS, ends, strict=True)],
)
def test_the_limits_of_the_law(code, start, expected):
    found = due(rule(code), at(start), OFFICE)
    assert found == at(expected)
    assert found.tzinfo is UTC


def test_what_comes_in_when_work_ends_waits_for_the_next_day():
    for start, end in (("2026-03-02 16:59", "2026-03-02 17:00"), ("2026-03-02 17:00", "2026-03-03 17:00")):
        assert due(deadlines.EX_RECALL_ACK, at(start), OFFICE) == at(end)


URGENT = [
    ("2026-03-02 09:00", "2026-03-02 09:30"),
    ("2026-03-02 11:10", "2026-03-02 13:10"),
    ("2026-03-02 22:00", "2026-03-03 08:00"),
    ("2026-03-06 16:45", "2026-03-09 07:45"),
    ("2026-02-13 17:30", "2026-02-23 08:00"),
]


@pytest.mark.parametrize("urgency", [*AT_ONCE, *(urgency.value for urgency in AT_ONCE)])
@pytest.mark.parametrize(("start", "expected"), URGENT)
@pytest.mark.parametrize("code", ["IN_REG", "IN_SUBMIT", "OUT_ISSUE", "OUT_SEND_E"])
def test_urgent_means_at_once(code, urgency, start, expected):
    assert due(rule(code), at(start), OFFICE, urgency=urgency) == at(expected)


@pytest.mark.parametrize("urgency", Urgency)
@pytest.mark.parametrize("code", ["IN_ACK", "OUT_NUMBER_PAPER", "EX_RECALL_ACK", "GOV_OPINION", "FILE_SUBMIT"])
def test_other_limits_do_not_know_urgency(code, urgency):
    start = at("2026-03-02 09:00")
    assert due(rule(code), start, OFFICE, urgency=urgency) == due(rule(code), start, OFFICE)


def test_an_unknown_urgency_is_an_error():
    with pytest.raises(ValueError, match="soon"):
        due(deadlines.IN_REG, at("2026-03-02 09:00"), OFFICE, urgency="soon")


def test_how_soon_at_once_is_can_be_set():
    start = at("2026-03-02 09:00")
    quick = DeadlineSettings(at_once=10, at_once_of={"OUT_ISSUE": 20})
    assert due(deadlines.IN_REG, start, OFFICE, urgency="urgent", settings=quick) == at("2026-03-02 09:10")
    assert due(deadlines.OUT_ISSUE, start, OFFICE, urgency="urgent", settings=quick) == at("2026-03-02 09:20")
    assert due(deadlines.IN_HANDLE, start, OFFICE, urgency="urgent") == at("2026-03-03 09:00")


def test_the_end_of_morning_can_be_set():
    early = WorkingCalendar(morning_ends=datetime(2026, 1, 1, 11, 30, tzinfo=UTC).time())
    assert due(deadlines.OUT_SEND_E, at("2026-03-02 09:00"), early) == at("2026-03-03 11:30")


@pytest.mark.parametrize(
    ("days", "expected"),
    [(1, "2026-03-03 17:00"), (4, "2026-03-06 17:00"), (5, "2026-03-09 17:00"), (10, "2026-03-16 17:00")],
)
def test_an_instruction_counts_working_days(days, expected):
    assert due(deadlines.INSTRUCTION, at("2026-03-02 09:00"), OFFICE, count=days) == at(expected)


def test_handling_follows_the_instruction_then_the_office_then_nobody():
    start = at("2026-03-02 09:00")
    office = DeadlineSettings(counts={"IN_HANDLE": 7})
    assert due(deadlines.IN_HANDLE, start, OFFICE, settings=office) == at("2026-03-11 17:00")
    assert due(deadlines.IN_HANDLE, start, OFFICE, settings=office, count=2) == at("2026-03-04 17:00")
    assert due(deadlines.IN_HANDLE, start, OFFICE, urgency="express", count=2) == at("2026-03-04 17:00")
    for open_rule in (deadlines.IN_HANDLE, deadlines.INSTRUCTION):
        with pytest.raises(InvalidInput) as refused:
            due(open_rule, start, OFFICE)
        assert refused.value.code == "deadline_unset"


@pytest.mark.parametrize("count", [0, -1])
def test_a_deadline_is_at_least_a_day(count):
    with pytest.raises(InvalidInput) as refused:
        due(deadlines.INSTRUCTION, at("2026-03-02 09:00"), OFFICE, count=count)
    assert refused.value.code == "deadline_invalid"


@pytest.mark.parametrize(
    ("code", "start", "settings", "expected"),
    [
        ("FILE_SUBMIT", "2026-03-02 09:00", {}, "2027-03-02 23:59:59"),
        ("FILE_SUBMIT", "2028-02-29 09:00", {}, "2029-02-28 23:59:59"),
        ("FILE_SUBMIT", "2026-03-02 09:00", {"FILE_SUBMIT": 2}, "2026-05-02 23:59:59"),
        ("FILE_SUBMIT_BUILDING", "2026-11-30 09:00", {}, "2027-02-28 23:59:59"),
        ("FILE_NOTICE", "2027-03-02 09:00", {}, "2027-01-31 23:59:59"),
        ("FILE_KEEP", "2026-12-31 09:00", {}, "2028-12-31 23:59:59"),
        ("FILE_KEEP", "2026-12-31 18:00", {"FILE_KEEP": 1}, "2027-01-31 23:59:59"),
    ],
)
def test_limits_of_dossiers(code, start, settings, expected):
    assert due(rule(code), at(start), OFFICE, settings=DeadlineSettings(counts=settings)) == at(expected)


def test_a_start_needs_a_zone():
    with pytest.raises(ValueError, match="without a zone"):
        due(deadlines.IN_REG, at("2026-03-02 09:00").replace(tzinfo=None), OFFICE)


def test_a_deadline_on_a_named_day_is_its_end():
    assert due_on(date(2026, 3, 2)) == at("2026-03-02 23:59:59")
    assert local_date(due_on(date(2026, 3, 2))) == date(2026, 3, 2)


starts = st.integers(0, 2 * 365 * 24 * 60).map(lambda after: at("2025-01-01 00:00") + timedelta(minutes=after))


FORWARD = [rule for rule in RULES if rule.limit is not Limit.DAYS_BEFORE]


@given(st.sampled_from(FORWARD), starts, st.sampled_from(Urgency))
def test_no_deadline_lies_before_its_start_and_none_ends_on_a_day_off(given_rule, start, urgency):
    count = 3 if given_rule.count is None else None
    end = due(given_rule, start, OFFICE, urgency=urgency, count=count)
    assert end > start
    if given_rule.limit not in (Limit.SAME_DAY, Limit.MONTHS):
        assert OFFICE.is_working_day(local_date(end))


@given(st.sampled_from(RULES), starts, starts)
def test_who_starts_later_is_due_no_earlier(given_rule, a, b):
    count = 3 if given_rule.count is None else None
    first, second = sorted((a, b))
    assert due(given_rule, first, OFFICE, count=count) <= due(given_rule, second, OFFICE, count=count)


# the table


def test_the_rules_as_data():
    assert len({entry.code for entry in RULES}) == len(RULES) == 14
    for entry in RULES:
        assert rule(entry.code) is entry
        assert entry.holds(entry.valid_from)
        assert not entry.holds(entry.valid_from - timedelta(days=1))
        assert entry.begins != entry.ends
    assert [entry.code for entry in RULES if entry.urgent_at_once] == [
        "IN_REG", "IN_SUBMIT", "IN_HANDLE", "OUT_ISSUE", "OUT_SEND_E",
    ]  # fmt: skip
    assert [entry.code for entry in RULES if entry.inferred] == ["EX_RECALL_ACK"]
    ended = deadlines.Rule("X", "a", "b", Limit.SAME_DAY, "ND30/2020", "1", date(2026, 1, 1), date(2026, 1, 2))
    assert ended.holds(date(2026, 1, 2))
    assert not ended.holds(date(2026, 1, 3))


def test_an_unknown_rule_is_refused():
    with pytest.raises(InvalidInput) as refused:
        rule("IN_TEA")
    assert refused.value.code == "rule_unknown"


def test_names():
    assert set(URGENCY_NAMES) == set(URGENCY_NAMES_EN) == set(Urgency)
    assert [urgency.name_in("vi") for urgency in Urgency] == ["Thường", "Khẩn", "Thượng khẩn", "Hỏa tốc"]
    assert Urgency.EXPRESS.name_in("en") == "Express"
    assert set(STANDING_NAMES) == set(Standing)


# how it stands

DUE = at("2026-03-03 17:00")
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("due", "now", "done", "standing"),
    [
        (None, DUE, None, "no_due"),
        (None, DUE, DUE, "no_due"),
        (DUE, DUE - timedelta(days=1), None, "open"),
        (DUE, at("2026-03-02 23:59"), None, "open"),
        (DUE, at("2026-03-03 00:00"), None, "due_today"),
        (DUE, DUE, None, "due_today"),
        (DUE, DUE + TICK, None, "overdue"),
        (DUE, DUE + timedelta(days=9), DUE, "on_time"),
        (DUE, DUE + timedelta(days=9), DUE - timedelta(days=9), "on_time"),
        (DUE, DUE + timedelta(days=9), DUE + TICK, "late"),
    ],
)
def test_standing(due, now, done, standing):
    assert state(due, now.astimezone(UTC), done) == standing


@pytest.mark.parametrize(
    ("now", "late", "days", "minutes"),
    [
        ("2026-03-03 17:00", False, 0, 0),
        ("2026-03-03 16:00", False, 0, 60),
        ("2026-03-03 12:00", False, 0, 240),
        ("2026-03-02 16:00", False, 1, 540),
        ("2026-02-27 16:00", False, 2, 1020),
        ("2026-03-01 10:00", False, 2, 960),
        ("2026-03-03 17:01", True, 0, 0),
        ("2026-03-04 07:31", True, 1, 1),
        ("2026-03-05 17:00", True, 2, 960),
        ("2026-03-07 12:00", True, 3, 1440),
    ],
)
def test_what_is_left(now, late, days, minutes):
    assert remaining(DUE, at(now), OFFICE) == Remaining(late, days, minutes)


def test_no_working_day_is_counted_over_the_lunar_new_year():
    assert remaining(at("2026-02-23 17:00"), at("2026-02-13 17:00"), OFFICE) == Remaining(False, 1, 480)

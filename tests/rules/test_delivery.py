"""Delivery classes over every combination of facts, and paper only with a reason that holds."""

from datetime import date, timedelta
from itertools import product

import pytest

from eoffice.core.errors import InvalidInput
from eoffice.rules import legal
from eoffice.rules.delivery import (
    CLASS_NAMES,
    PAPER_REASONS,
    DeliveryClass,
    DeliveryFacts,
    check_paper,
    classify,
    paper_reasons,
)

VERDICTS = (None, "PASSED", "WARNED", "FAILED", "UNSIGNED", "UNREADABLE")
TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(("leader", "agency"), list(product(VERDICTS, VERDICTS)))
@pytest.mark.parametrize(("electronic", "paper", "exempt"), list(product((True, False), repeat=3)))
def test_every_combination(leader, agency, electronic, paper, exempt):
    facts = DeliveryFacts(
        electronic=electronic, leader_verdict=leader, agency_verdict=agency, paper=paper, exempt=exempt
    )
    if not electronic and not paper:
        with pytest.raises(InvalidInput) as refused:
            classify(facts)
        assert refused.value.code == "delivery_without_way"
        return
    if exempt:
        expected = "X"
    elif not electronic:
        expected = "P"
    elif (leader, agency) != ("PASSED", "PASSED"):
        expected = "E3"
    else:
        expected = "E2" if paper else "E1"
    assert classify(facts) == expected


def test_every_class_has_a_name():
    assert set(CLASS_NAMES) == set(DeliveryClass)


def test_paper_is_off_by_default():
    assert check_paper(False, None, TODAY) is None
    assert check_paper(False, "province_list", TODAY) is None


@pytest.mark.parametrize("reason", [None, ""])
def test_paper_needs_a_reason(reason):
    with pytest.raises(InvalidInput) as refused:
        check_paper(True, reason, TODAY)
    assert refused.value.code == "paper_without_reason"
    assert "bản giấy" in refused.value.sentence("vi")


@pytest.mark.parametrize(("reason", "on"), [("because", TODAY), ("province_list", date(2018, 9, 5))])
def test_a_reason_must_hold_on_the_day(reason, on):
    with pytest.raises(InvalidInput) as refused:
        check_paper(True, reason, on)
    assert refused.value.code == "paper_reason_unknown"


@pytest.mark.parametrize(
    ("code", "on", "obligatory", "basis"),
    [
        ("government", date(2026, 5, 28), True, "QD28/2018"),
        ("government", date(2026, 5, 29), False, "ND191/2026"),
        ("province_list", TODAY, True, "QD28/2018"),
        ("no_electronic_way", TODAY, True, "QD28/2018"),
        ("not_fully_signed", TODAY, True, "QD28/2018"),
        ("recipient_request", TODAY, False, "QD28/2018"),
    ],
)
def test_reasons_and_their_basis(code, on, obligatory, basis):
    reason = check_paper(True, code, on)
    assert (reason.code, reason.obligatory, reason.basis) == (code, obligatory, basis)


def test_reasons_are_sound_data():
    for reason in PAPER_REASONS:
        assert reason.vi
        assert reason.en
        assert reason.name_in("vi") == reason.vi
        assert reason.name_in("en") == reason.en
        assert legal.text(reason.basis).valid_from <= reason.valid_from
        for day in (reason.valid_from - timedelta(days=1), reason.valid_from):
            assert reason.holds(day) == (day >= reason.valid_from)
        if reason.valid_to:
            assert reason.holds(reason.valid_to)
            assert not reason.holds(reason.valid_to + timedelta(days=1))


@pytest.mark.parametrize("on", [date(2018, 9, 6), date(2026, 5, 28), date(2026, 5, 29), TODAY])
def test_on_each_day_a_code_names_one_reason(on):
    codes = [reason.code for reason in paper_reasons(on)]
    assert len(set(codes)) == len(codes) == 5
    assert paper_reasons(date(2018, 9, 5)) == ()

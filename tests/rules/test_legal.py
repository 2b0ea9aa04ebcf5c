"""Legal texts as dated data: the line of successors, and what is quoted on a day."""

import unicodedata
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoffice.core.errors import InvalidInput
from eoffice.rules import deadlines, delivery, secrecy
from eoffice.rules.legal import TEXTS, basis, in_force, text

DAY = timedelta(days=1)
TODAY = date(2026, 11, 24)


def test_codes_are_unique_and_texts_complete():
    assert len({entry.code for entry in TEXTS}) == len(TEXTS)
    for entry in TEXTS:
        assert entry.number
        assert entry.title_vi
        assert entry.title_en
        assert unicodedata.is_normalized("NFC", entry.title_vi + entry.number)
        assert entry.citation.endswith(entry.number)


def test_successors_follow_without_gap_or_loop():
    for entry in TEXTS:
        if entry.successor:
            assert entry.valid_to is not None
            assert text(entry.successor).valid_from == entry.valid_to + DAY
        seen = set()
        while entry.successor:
            assert entry.code not in seen
            seen.add(entry.code)
            entry = text(entry.successor)


def test_a_text_that_ended_was_in_force_once():
    for entry in TEXTS:
        assert entry.valid_to is None or entry.valid_from <= entry.valid_to


@pytest.mark.parametrize(
    ("code", "on", "quoted"),
    [
        ("ND30/2020", date(2020, 3, 5), "ND30/2020"),
        ("ND30/2020", TODAY, "ND30/2020"),
        ("TT41/2017", date(2026, 11, 14), "TT41/2017"),
        ("TT41/2017", date(2026, 11, 15), "TT59/2026"),
        ("ND130/2018", date(2025, 4, 9), "ND130/2018"),
        ("ND130/2018", date(2025, 4, 10), "ND23/2025"),
        ("ND48/2024", TODAY, "ND23/2025"),
        ("ND61/2018", date(2025, 7, 1), "ND118/2025"),
        ("ND42/2022", date(2026, 7, 1), "ND224/2026"),
        ("TT02/2019", date(2025, 6, 30), "TT02/2019"),
        ("TT02/2019", TODAY, "TT05/2025"),
    ],
)
def test_what_is_quoted_on_a_day(code, on, quoted):
    assert basis(code, on).code == quoted


@pytest.mark.parametrize(
    ("code", "on"), [("ND30/2020", date(2020, 3, 4)), ("L20/2026", TODAY), ("ND23/2025", date(2025, 4, 9))]
)
def test_nothing_is_quoted_before_its_day(code, on):
    with pytest.raises(InvalidInput) as refused:
        basis(code, on)
    assert refused.value.code == "basis_not_in_force"
    assert text(code).number in refused.value.sentence("vi")


def test_an_unknown_text_is_refused():
    for call in (lambda: text("ND1/1900"), lambda: basis("ND1/1900", TODAY)):
        with pytest.raises(InvalidInput) as refused:
            call()
        assert refused.value.code == "basis_unknown"


@given(st.dates(min_value=date(2010, 1, 1), max_value=date(2030, 1, 1)))
def test_in_force_on_any_day(on):
    found = in_force(on)
    for entry in TEXTS:
        holds = entry.valid_from <= on and (entry.valid_to is None or on <= entry.valid_to)
        assert (entry in found) == holds == entry.holds(on)
        if holds:
            assert basis(entry.code, on) is entry


def test_the_texts_to_follow_today():
    """The column "text to follow now" of the survey of November 2026."""
    today = {entry.code for entry in in_force(TODAY)}
    assert {
        "ND30/2020", "QD28/2018", "QD20/2020", "QCVN102/2016", "L20/2023", "ND137/2024", "ND23/2025", "ND68/2024",
        "TT15/2025", "TT59/2026", "L33/2024", "ND113/2025", "TT05/2025", "TT06/2025", "QCVN12/2026", "L148/2025",
        "ND224/2026", "ND118/2025", "ND367/2025", "L02/2011", "L136/2025", "ND124/2020", "ND155/2026", "L117/2025",
        "ND63/2026", "ND331/2026", "ND341/2026", "L91/2025", "ND356/2025", "ND191/2026",
    } == today  # fmt: skip


def test_forms_of_citation():
    assert text("ND30/2020").citation == "Nghị định 30/2020/NĐ-CP"
    assert text("QD28/2018").citation == "Quyết định 28/2018/QĐ-TTg"
    assert text("L33/2024").citation == "Luật 33/2024/QH15"
    assert text("TT05/2025").citation == "Thông tư 05/2025/TT-BNV"
    assert text("QCVN12/2026").citation == "Quy chuẩn 12:2026/BCA"


def test_every_rule_rests_on_a_text_in_force_when_it_begins():
    for rule in (*deadlines.RULES, *delivery.PAPER_REASONS):
        assert basis(rule.basis, rule.valid_from)
    for code in secrecy.BASIS:
        assert basis(code, TODAY)

"""Numbers, symbols, series and dates, written and read back."""

import unicodedata
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoffice.core.errors import InvalidInput
from eoffice.rules import numbering
from eoffice.rules.kinds import ALL, COPIES, KINDS, by_code
from eoffice.rules.numbering import (
    book_key,
    check_groups,
    check_order,
    code,
    date_parts,
    fields,
    format_number,
    parse_code,
    parse_date,
    place_and_date,
    print_date,
    scope,
    series_key,
    symbol,
)

BODY = UUID("018f2f3e-0000-7000-8000-000000000001")
letters = "ABCDEGHIKLMNOPQRSTUVXYĐÂƠƯabcdeghiđư0123456789"
groups = st.lists(st.text(letters, min_size=1, max_size=8), min_size=1, max_size=3).map("&".join)
symbols = st.lists(groups, min_size=1, max_size=4).map("-".join)
numbers = st.integers(1, 9_999_999)


def refusal(call, *args, **facts):
    with pytest.raises(InvalidInput) as refused:
        call(*args, **facts)
    assert refused.value.sentence("vi")
    return refused.value.code


@pytest.mark.parametrize(
    ("number", "text"), [(1, "01"), (9, "09"), (10, "10"), (99, "99"), (100, "100"), (1431, "1431")]
)
def test_numbers_below_ten_have_a_zero(number, text):
    assert format_number(number) == text


@pytest.mark.parametrize("number", [0, -1])
def test_numbers_begin_at_one(number):
    assert refusal(format_number, number) == "number_invalid"
    assert refusal(code, number, "QĐ-BNV") == "number_invalid"
    assert refusal(fields, number, date(2026, 1, 1)) == "number_invalid"


@pytest.mark.parametrize(
    ("kind", "agency", "unit", "expected"),
    [
        ("decision", "BNV", "VP", "QĐ-BNV"),
        ("rules", "UBND", "", "QyĐ-UBND"),
        ("submission", "SVHTTDL", "", "TTr-SVHTTDL"),
        ("official_letter", "UBND", "VX", "UBND-VX"),
        ("official_letter", "STTTT", "BCVT&CNTT", "STTTT-BCVT&CNTT"),
        ("public_letter", "UBND", "VP", "UBND-VP"),
        ("copy_extract", "SNV", "VP", "TrS-SNV"),
        ("contract", " HĐND ", "", "HĐ-HĐND"),
    ],
)
def test_symbols(kind, agency, unit, expected):
    assert symbol(by_code(kind), agency, unit) == expected


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.code)
def test_only_kinds_without_a_symbol_name_the_unit(kind):
    made = symbol(kind, "SNV", "VTLT")
    assert made == (f"{kind.symbol}-SNV" if kind.symbol else "SNV-VTLT")
    assert "CV" not in made
    assert parse_code(code(5, made)) == (5, made)


@pytest.mark.parametrize(
    ("agency", "unit"),
    [
        ("", "VP"), ("UBND", ""), ("UB ND", "VP"), ("UB/ND", "VP"), ("UBND", "-"), ("UBND-", "VP"), ("_", "VP"),
        ("D\u031b", "VP"),
    ],
)  # fmt: skip
def test_abbreviations_that_make_no_symbol(agency, unit):
    assert refusal(symbol, by_code("official_letter"), agency, unit) == "symbol_invalid"


def test_code():
    assert code(5, "BNV-VP") == "05/BNV-VP"
    assert code(1431, "SGDĐT-TCCB") == "1431/SGDĐT-TCCB"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("05/BNV-VP", (5, "BNV-VP")),
        ("5/BNV-VP", (5, "BNV-VP")),
        ("Số: 05/BNV-VP", (5, "BNV-VP")),
        ("SỐ 05 / BNV - VP", (5, "BNV-VP")),
        ("Số:123/QyĐ-UBND", (123, "QyĐ-UBND")),
        ("  15/qđ–bnv  ", (15, "qđ-bnv")),
        ("15/QĐ—BNV", (15, "QĐ-BNV")),
        ("15/QĐ\u2011BNV", (15, "QĐ-BNV")),
        ("15/QĐ\u00a0-\u00a0BNV", (15, "QĐ-BNV")),
        ("21/2024/NQ-HĐND", (21, "2024/NQ-HĐND")),
        ("21 / 2024 / NQ - HĐND", (21, "2024/NQ-HĐND")),
        ("1431/SGDĐT-TCCB", (1431, "SGDĐT-TCCB")),
        ("0007/UBND", (7, "UBND")),
        ("12/BC-SVHTTDL.QLDL", (12, "BC-SVHTTDL.QLDL")),
        ("8/UBND-VP-TH", (8, "UBND-VP-TH")),
    ],
)
def test_reading_what_people_write(text, expected):
    assert parse_code(text) == expected
    assert parse_code(unicodedata.normalize("NFD", text)) == expected
    number, symbol = expected
    assert parse_code(code(number, symbol)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "05", "/", "05/", "/BNV-VP", "0/BNV-VP", "00/BNV", "-5/BNV", "5//BNV", "5/-BNV", "5/BNV-", "5/A--B",
        "5/A B-C", "5a/BNV", "năm/BNV", "5/BNV/VP", "5/1/2", "5/BNV_VP", "٥/BNV",
        "5/BNV\nVP", "5/BNV; rm", "12345678901/BNV",
    ],
)  # fmt: skip
def test_what_is_no_number_and_symbol(text):
    assert parse_code(text) is None


@given(numbers, symbols)
def test_what_is_written_is_read_back_in_both_normal_forms(number, symbol):
    symbol = unicodedata.normalize("NFC", symbol)
    written = code(number, symbol)
    assert parse_code(written) == (number, symbol)
    assert parse_code(unicodedata.normalize("NFD", written)) == (number, symbol)
    assert parse_code(f" Số:  {written.replace('-', ' – ').replace('/', ' / ')} ") == (number, symbol)


@given(st.text())
def test_rubbish_is_no_error(text):
    found = parse_code(text)
    assert found is None or parse_code(code(*found)) == found


# series


def test_by_default_all_kinds_share_a_series_and_copies_another():
    assert {scope(kind) for kind in KINDS} == {"common"}
    assert {scope(kind) for kind in COPIES} == {"copies"}


def test_an_office_may_divide_its_kinds():
    groups = {"decision": "decision", "resolution": "decision", "report": "report"}
    assert scope(by_code("decision"), groups) == scope(by_code("resolution"), groups) == "decision"
    assert scope(by_code("report"), groups) == "report"
    assert scope(by_code("plan"), groups) == "common"
    assert scope(by_code("copy_full"), groups) == "copies"


def test_kinds_without_a_symbol_stay_together():
    assert refusal(check_groups, {"official_letter": "letters"}) == "series_ambiguous"
    assert refusal(check_groups, {"public_letter": "letters"}) == "series_ambiguous"
    assert refusal(scope, by_code("plan"), {"official_letter": "letters"}) == "series_ambiguous"
    check_groups({"official_letter": "letters", "public_letter": "letters"})


@pytest.mark.parametrize(
    "groups",
    [{"copy_full": "x"}, {"unknown": "x"}, {"plan": "copies"}, {"plan": ""}, {"plan": "a/b"}, {"plan": "Kế hoạch"}],
)
def test_divisions_that_cannot_be(groups):
    assert refusal(check_groups, groups) == "series_invalid"


@given(st.dictionaries(st.sampled_from([kind.code for kind in KINDS]), st.sampled_from(["a", "b", "common"])))
def test_number_and_symbol_stay_unique_in_every_allowed_division(groups):
    """Two kinds in different series never make the same symbol, so the same number in both is no clash."""
    try:
        check_groups(groups)
    except InvalidInput:
        return
    seen = {}
    for kind in KINDS:
        made = symbol(kind, "UBND", "VP")
        assert seen.setdefault(made, scope(kind, groups)) == scope(kind, groups)


def test_keys_tell_series_and_books_apart():
    keys = {
        series_key(BODY, 2026, "common"),
        series_key(BODY, 2027, "common"),
        series_key(BODY, 2026, "copies"),
        series_key("board", 2026, "common"),
        book_key(BODY, "incoming", 2026),
        book_key(BODY, "outgoing", 2026),
        book_key(BODY, "incoming", 2027),
        book_key("board", "incoming", 2026),
        series_key(BODY, 2026, "incoming"),
    }
    assert len(keys) == 9
    assert series_key("a", 1000, "x") != series_key("a", 9999, "x")
    assert max(map(len, keys)) <= 120
    assert len(series_key(BODY, 2026, "x" * 40)) <= 120


@pytest.mark.parametrize(
    ("owner", "year", "last"),
    [("", 2026, "x"), ("a/b", 2026, "x"), ("a", 2026, ""), ("a", 2026, "x/y"), ("a", 999, "x"), ("a", 10000, "x")],
)
def test_keys_that_could_be_mistaken(owner, year, last):
    assert refusal(series_key, owner, year, last) == "series_invalid"
    assert refusal(book_key, owner, last, year) == "series_invalid"


def test_dates_follow_one_another_within_the_year():
    day = date(2026, 5, 5)
    check_order(day, None)
    check_order(day, day)
    check_order(day + timedelta(days=1), day)
    assert refusal(check_order, day - timedelta(days=1), day) == "date_before_previous"
    assert refusal(check_order, date(2027, 1, 1), day) == "date_of_other_year"
    with pytest.raises(InvalidInput) as refused:
        check_order(date(2026, 5, 4), day)
    assert "04/05/2026" in refused.value.sentence("vi")
    assert "05/05/2026" in refused.value.sentence("en")


# dates


@pytest.mark.parametrize("text", ["24/11/2026", " 24/11/2026 ", "24-11-2026", "24.11.2026", "24 / 11 / 2026"])
def test_reading_a_date(text):
    assert parse_date(text) == date(2026, 11, 24)


@pytest.mark.parametrize(
    "text",
    ["", "2026-11-24", "24/11", "24/11/26", "31/02/2026", "11/24/2026", "0/1/2026", "1/1/0000", "٢٤/11/2026", "x"],
)
def test_what_is_no_date(text):
    assert refusal(parse_date, text) == "date_invalid"


@given(st.dates(min_value=date(1000, 1, 1)))
def test_a_printed_date_is_read_back(day):
    assert parse_date(print_date(day)) == day
    assert parse_date(f"{day.day}/{day.month}/{day.year}") == day
    assert len(print_date(day)) == 10


@given(st.dates(min_value=date(1000, 1, 1)))
def test_zeros_of_the_layout(day):
    number, month, year = date_parts(day)
    assert (int(number), int(month), int(year)) == (day.day, day.month, day.year)
    assert len(number) == 2
    assert month.startswith("0") == (day.month in (1, 2))


@pytest.mark.parametrize(
    ("day", "line"),
    [
        (date(2026, 3, 5), "An Bình, ngày 05 tháng 3 năm 2026"),
        (date(2026, 2, 10), "An Bình, ngày 10 tháng 02 năm 2026"),
        (date(2026, 1, 9), "An Bình, ngày 09 tháng 01 năm 2026"),
        (date(2026, 12, 31), "An Bình, ngày 31 tháng 12 năm 2026"),
    ],
)
def test_the_line_of_place_and_date(day, line):
    assert place_and_date("An Bình", day) == line


def test_fields_of_a_signed_draft():
    assert fields(7, date(2027, 1, 2)) == {"so": "07", "ngay": "02", "thang": "01", "nam": "2027"}
    assert fields(120, date(2026, 9, 15)) == {"so": "120", "ngay": "15", "thang": "9", "nam": "2026"}


def test_nothing_here_reads_a_clock():
    assert not {"datetime", "time"} & set(vars(numbering))

"""The 29 kinds and 3 copies, and finding them by what is printed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoffice.core.errors import InvalidInput
from eoffice.rules.kinds import ALL, COPIES, KINDS, Addressing, by_code, by_name, by_symbol

SYMBOLS = {
    "Nghị quyết": "NQ", "Quyết định": "QĐ", "Chỉ thị": "CT", "Quy chế": "QC", "Quy định": "QyĐ", "Thông cáo": "TC",
    "Thông báo": "TB", "Hướng dẫn": "HD", "Chương trình": "CTr", "Kế hoạch": "KH", "Phương án": "PA", "Đề án": "ĐA",
    "Dự án": "DA", "Báo cáo": "BC", "Biên bản": "BB", "Tờ trình": "TTr", "Hợp đồng": "HĐ", "Công văn": None,
    "Công điện": "CĐ", "Bản ghi nhớ": "BGN", "Bản thỏa thuận": "BTT", "Giấy ủy quyền": "GUQ", "Giấy mời": "GM",
    "Giấy giới thiệu": "GGT", "Giấy nghỉ phép": "GNP", "Phiếu gửi": "PG", "Phiếu chuyển": "PC", "Phiếu báo": "PB",
    "Thư công": None, "Sao y": "SY", "Trích sao": "TrS", "Sao lục": "SL",
}  # fmt: skip


def test_the_table_of_the_decree():
    assert (len(KINDS), len(COPIES)) == (29, 3)
    assert {kind.name_vi: kind.symbol for kind in ALL} == SYMBOLS
    assert len({kind.code for kind in ALL}) == len({kind.name_en for kind in ALL}) == 32
    assert [kind.code for kind in ALL if kind.symbol is None] == ["official_letter", "public_letter"]
    assert not any(kind.symbol == "CV" for kind in ALL)
    assert all(kind.copy == (kind in COPIES) for kind in ALL)


def test_texts_are_composed():
    for kind in ALL:
        assert unicodedata.is_normalized("NFC", kind.name_vi + (kind.symbol or ""))


def test_layouts_and_addressees():
    layouts = {kind.code: kind.layout for kind in ALL}
    assert layouts["official_letter"] == "1.5"
    assert layouts["report"] == "1.4"
    assert layouts["public_letter"] is None
    assert sorted(set(filter(None, layouts.values()))) == sorted(
        ["1.1", "1.2", "1.4", "1.5", "1.6", "1.7", "1.8", "1.9", "1.10", "3.1"]
    )
    assert [kind.code for kind in ALL if kind.addressing is Addressing.ALWAYS] == ["official_letter"]
    assert [kind.code for kind in ALL if kind.addressing is Addressing.UPWARD] == ["report", "submission"]
    assert [kind.code for kind in ALL if not kind.titled] == ["official_letter"]


def test_names_in_both_languages():
    assert by_code("minutes").name_in("vi") == "Biên bản"
    assert by_code("minutes").name_in("en") == "Minutes"


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.code)
def test_every_kind_is_found_by_all_it_is_called(kind):
    assert by_code(kind.code) is kind
    for name in (kind.name_vi, kind.name_vi.upper(), unicodedata.normalize("NFD", kind.name_vi), f"  {kind.name_vi} "):
        assert by_name(name) is kind
    assert by_name(f"{kind.name_vi} (cá biệt)") is kind
    if kind.symbol:
        for text in (kind.symbol, f"{kind.symbol}-UBND", f"2024/{kind.symbol}-HĐND"):
            assert by_symbol(text) is kind
            assert by_symbol(unicodedata.normalize("NFD", text)) is kind
        assert by_symbol(kind.symbol.lower()) is kind
        assert by_symbol(kind.symbol.upper()) is kind


def test_careless_case_never_meets_another_kind():
    symbols = [kind.symbol.casefold() for kind in ALL if kind.symbol]
    assert len(set(symbols)) == len(symbols)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ĐA", "scheme"),
        ("DA", "project"),
        ("HĐ", "contract"),
        ("HD", "guidance"),
        ("CT", "directive"),
        ("CTr", "programme"),
    ],
)
def test_letters_that_differ_by_a_stroke(text, code):
    assert by_symbol(text).code == code


@pytest.mark.parametrize("text", ["", "CV", "QD", "UBND-VX", "BNV-VP", "2024", "-", "QĐUBND"])
def test_what_is_no_kind(text):
    assert by_symbol(text) is None


@pytest.mark.parametrize("text", ["", "Văn bản", "Quyết", "bản", "Giấy"])
def test_what_is_no_name(text):
    assert by_name(text) is None


def test_copies_are_also_called_ban():
    assert by_name("Bản sao y").code == "copy_full"
    assert by_name("BẢN TRÍCH SAO").code == "copy_extract"
    assert by_name("Bản ghi nhớ").code == "memorandum"


@pytest.mark.parametrize("code", ["", "CV", "Decision", "decision "])
def test_an_unknown_code_is_refused(code):
    with pytest.raises(InvalidInput) as refused:
        by_code(code)
    assert refused.value.code == "kind_unknown"


@given(st.text())
def test_rubbish_is_no_error(text):
    by_symbol(text)
    by_name(text)

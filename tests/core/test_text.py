"""Folding and tidying of Vietnamese text in any form it arrives in."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoffice.core.text import file_name, fold, tidy

VOWELS = "aăâeêioôơuưy"
TONES = ["", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323"]
ALPHABET = [unicodedata.normalize("NFC", v + t) for v in VOWELS for t in TONES] + ["đ"]


def test_every_vietnamese_letter_folds_to_ascii() -> None:
    for letter in ALPHABET:
        assert fold(letter) == fold(letter.upper()) == fold(unicodedata.normalize("NFD", letter.upper()))
        assert fold(letter).isascii()
        assert len(fold(letter)) == 1
        assert fold(letter).islower()


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Quyết định số 45/QĐ-UBND", "quyet dinh so 45/qd-ubnd"),
        ("ĐƯỜNG Đặng Thùy Trâm", "duong dang thuy tram"),
        ("Ủy ban nhân dân", "uy ban nhan dan"),
        ("  hai  chỗ ", "  hai  cho "),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == fold(unicodedata.normalize("NFD", text)) == folded


@given(st.text())
def test_fold_is_idempotent_and_blind_to_form_and_case(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))
    assert not any(unicodedata.combining(c) for c in fold(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (unicodedata.normalize("NFD", "Tờ  trình\r\n số\t1"), "Tờ trình số 1"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("a\x00b\u200bc\ufeff", "abc"),
        ("\ud800x", "x"),
        ("\u00a0x\u2028y\u00a0", "x y"),
    ],
)
def test_tidy(text: str, shown: str) -> None:
    assert tidy(text) == shown


@given(st.text())
def test_tidy_is_one_printable_line(text: str) -> None:
    assert tidy(text) == "" or tidy(text).isprintable()
    assert tidy(tidy(text)) == tidy(text)


@pytest.mark.parametrize(
    ("sent", "offered"),
    [
        ("Công văn số 12.pdf", "Công văn số 12.pdf"),
        (unicodedata.normalize("NFD", "Tờ trình.pdf"), "Tờ trình.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\a.pdf", "a.pdf"),
        ("..", "file"),
        ("", "file"),
        ("CON", "_CON"),
        ("con.pdf", "_con.pdf"),
        ("lpt1.tar.gz", "_lpt1.tar.gz"),
        ('a<b>:"c|?*.pdf', "a_b___c___.pdf"),
        ("a" * 300 + ".pdf", "a" * 116 + ".pdf"),
        ("12/SNV-VTLT.pdf", "SNV-VTLT.pdf"),
        (".pdf", "pdf"),
        ("x. ", "x"),
    ],
)
def test_file_name(sent: str, offered: str) -> None:
    assert file_name(sent) == offered


@given(st.text(max_size=400), st.integers(20, 150))
def test_file_name_is_always_usable(sent: str, limit: int) -> None:
    name = file_name(sent, limit=limit)
    assert 0 < len(name) <= limit
    assert name == tidy(name)
    assert not set(name) & set('/\\<>:"|?*')
    assert name not in {".", ".."}
    assert name[-1] not in " ."

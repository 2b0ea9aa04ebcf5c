"""What may be copied from what, and lists of pages as people and strangers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoffice.core.errors import InvalidInput
from eoffice.rules import copies, numbering
from eoffice.rules.copies import CopyForm
from eoffice.rules.kinds import COPIES, by_code

FULL, OF_COPY, EXTRACT = CopyForm.FULL, CopyForm.OF_COPY, CopyForm.EXTRACT


def test_the_forms_are_those_of_the_decree() -> None:
    assert {form.value for form in CopyForm} == {kind.code for kind in COPIES}
    assert [form.printed for form in CopyForm] == ["SAO Y", "SAO LỤC", "TRÍCH SAO"]
    assert [form.printed.casefold() for form in CopyForm] == [by_code(form).name_vi.casefold() for form in CopyForm]
    assert {numbering.scope(by_code(form)) for form in CopyForm} == {numbering.COPIES}


@pytest.mark.parametrize(
    ("electronic", "of_copy", "allowed"),
    [
        (False, False, [FULL, OF_COPY, EXTRACT]),  # paper, scanned: what it is, the clerk sees on it
        (False, True, [OF_COPY]),
        (True, False, [EXTRACT]),
        (True, True, []),
    ],
)
def test_what_is_copied_from_what(electronic: bool, of_copy: bool, allowed: list[CopyForm]) -> None:
    for form in CopyForm:
        if form in allowed:
            copies.check(form, electronic=electronic, of_copy=of_copy)
        else:
            with pytest.raises(InvalidInput) as refused:
                copies.check(form, electronic=electronic, of_copy=of_copy)
            assert refused.value.code in copies.REASONS
            assert refused.value.facts["field"] == "form"


def test_an_unknown_form_is_refused() -> None:
    assert copies.parse("copy_full") is FULL
    for text in ("", "SAO Y", "report", "copy_full\x00"):
        with pytest.raises(InvalidInput):
            copies.parse(text)


@pytest.mark.parametrize(
    ("text", "pages", "printed"),
    [
        ("1", (1,), "1"),
        ("1-2, 5", (1, 2, 5), "1-2, 5"),
        (" 5 , 1 - 2", (1, 2, 5), "1-2, 5"),
        ("1\u20133", (1, 2, 3), "1-3"),
        ("1,1-2,2", (1, 2), "1-2"),
        ("01,4", (1, 4), "1, 4"),
    ],
)
def test_pages_are_read_in_the_order_of_the_document(text: str, pages: tuple[int, ...], printed: str) -> None:
    assert copies.pages(text, 6) == pages
    assert copies.print_pages(pages) == printed


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "pages_invalid"),
        ("0", "pages_invalid"),
        ("0-2", "pages_invalid"),
        ("9-1", "pages_invalid"),
        ("1-999999", "pages_invalid"),
        ("1-99999999999999999999", "pages_invalid"),
        ("7", "pages_invalid"),
        ("1,", "pages_invalid"),
        ("1;2", "pages_invalid"),
        ("-1", "pages_invalid"),
        ("1-2-3", "pages_invalid"),
        ("1.5", "pages_invalid"),
        ("một", "pages_invalid"),
        ("\u0661", "pages_invalid"),  # a digit, but not one people here type
        ("1," * 5000 + "1", "pages_invalid"),
        ("2-5", "pages_missing_first"),
        ("1-6", "pages_whole"),
    ],
)
def test_other_lists_of_pages_are_refused(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        copies.pages(text, 6)
    assert refused.value.code == code
    assert refused.value.facts["field"] == "pages"
    assert len(str(refused.value.facts.get("given", ""))) <= 40


def test_a_book_is_too_long() -> None:
    with pytest.raises(InvalidInput) as refused:
        copies.pages("1", copies.MOST_PAGES + 1)
    assert refused.value.code == "too_many_pages"


@given(st.sets(st.integers(2, 40), max_size=38))
def test_what_is_printed_is_read_back(others: set[int]) -> None:
    chosen = tuple(sorted({1} | others - {40}))
    assert copies.pages(copies.print_pages(chosen), 40) == chosen


@given(st.text(max_size=300))
def test_no_text_does_harm(text: str) -> None:
    try:
        found = copies.pages(text, 9)
    except InvalidInput:
        return
    assert found[0] == 1
    assert set(found) < set(range(1, 10))

"""The byte-range guard refuses every range but the one lawful one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.byterange import GuardFault, container, ends_revision, guard

CMS = bytes.fromhex("30050203010203")[:7]
HEAD, TAIL = b"%PDF-1.7\n<</Contents", b">>\nstartxref\n9\n%%EOF\n"
GAP = b"<" + CMS.hex().encode() + b"0000>"
DATA = HEAD + GAP + TAIL
BEFORE, AFTER = len(HEAD), len(HEAD) + len(GAP)
LAWFUL = [0, BEFORE, AFTER, len(TAIL)]


def test_the_lawful_range_gives_the_container() -> None:
    cover = guard(DATA, LAWFUL, (BEFORE, AFTER))
    assert (cover.before, cover.after, cover.end) == (BEFORE, AFTER, len(DATA))
    assert cover.container == CMS


@given(st.lists(st.integers(-3, len(DATA) + 3), max_size=6))
def test_any_other_four_numbers_are_refused(numbers: list[int]) -> None:
    if numbers[:3] == LAWFUL[:3] and len(numbers) == 4 and numbers[3] in (len(TAIL), len(TAIL) - 1):
        return
    with pytest.raises(GuardFault):
        guard(DATA, numbers, (BEFORE, AFTER))


@given(st.binary(max_size=len(GAP)))
def test_a_gap_with_anything_but_hexadecimal_is_refused(junk: bytes) -> None:
    gap = (b"<" + junk)[: len(GAP) - 1].ljust(len(GAP) - 1, b"0") + b">"
    if not set(junk[: len(GAP) - 2]) - set(b"0123456789abcdefABCDEF\x00\t\n\f\r "):
        return
    with pytest.raises(GuardFault) as caught:
        guard(HEAD + gap + TAIL, LAWFUL, (BEFORE, AFTER))
    assert caught.value.code == "byterange_gap"


@pytest.mark.parametrize(
    ("numbers", "contents", "code"),
    [
        (None, (BEFORE, AFTER), "byterange_missing"),
        ([0, BEFORE, AFTER], (BEFORE, AFTER), "byterange_malformed"),
        ([0, BEFORE, AFTER, True], (BEFORE, AFTER), "byterange_malformed"),
        ([0, float(BEFORE), AFTER, len(TAIL)], (BEFORE, AFTER), "byterange_malformed"),
        ([0, BEFORE, AFTER, len(TAIL) + 1], (BEFORE, AFTER), "byterange_outside"),
        (LAWFUL, None, "byterange_gap"),
        (LAWFUL, (BEFORE + 1, AFTER), "byterange_gap"),
        ([0, BEFORE, AFTER, len(TAIL) - 3], (BEFORE, AFTER), "byterange_coverage"),
    ],
)
def test_each_fault_has_its_code(numbers: object, contents: tuple[int, int] | None, code: str) -> None:
    with pytest.raises(GuardFault) as caught:
        guard(DATA, numbers, contents)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("digits", "code"),
    [
        (b"", "contents_missing"),
        (b"0000", "contents_missing"),
        (b"0405", "container_unreadable"),
        (b"3082ffff00", "container_unreadable"),
        (b"3088ffffffffffffffff", "container_unreadable"),
        (b"3001004100", "byterange_padding"),
        (b"ff0100", "container_unreadable"),
    ],
)
def test_a_container_that_is_none_is_refused(digits: bytes, code: str) -> None:
    with pytest.raises(GuardFault) as caught:
        container(digits)
    assert caught.value.code == code


def test_white_space_and_odd_digits_belong_to_the_string() -> None:
    assert container(b"30 01\n00 0") == b"\x30\x01\x00"


@pytest.mark.parametrize("tail", [b"%%EOF", b"startxref\n9\n", b"startxref 9 %%EOF x", b"xref 9 %%EOF"])
def test_a_revision_ends_with_its_marker(tail: bytes) -> None:
    assert not ends_revision(tail, len(tail))
    assert ends_revision(DATA, len(DATA))


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        (b"\x30\x80\x02\x01\x05\x00\x00", 7),
        (b"\x30\x80\x30\x80\x00\x00\x04\x81\x01a\x00\x00", 12),
        (b"\x30\x82\x00\x02ab", 6),
    ],
)
def test_a_length_may_be_told_by_its_end(raw: bytes, size: int) -> None:
    assert container(raw.hex().encode() + b"0000") == raw
    assert len(raw) == size
    with pytest.raises(GuardFault) as fault:
        container(raw.hex().encode() + b"41")
    assert fault.value.code == "byterange_padding"


@pytest.mark.parametrize(
    "raw", [b"\x30\x80\x02\x01\x05", b"\x30\x80\x1f\x01a\x00\x00", b"\x30\x85abcde", b"\x30\x82\x01"]
)
def test_a_length_without_end_is_none(raw: bytes) -> None:
    with pytest.raises(GuardFault) as fault:
        container(raw.hex().encode())
    assert fault.value.code == "container_unreadable"

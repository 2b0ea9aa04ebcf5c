"""Damaged and hostile files: an answer within limits, never an exception, never a pass."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

import random
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signing.errors import Damaged, NotAPdf, OverLimit, PasswordNeeded, SigningError
from signing.inspect import inspect
from signing.pki import Pki
from signing.results import Limits, Verdict, Verification
from signing.trust import Trust
from signing.verify import verify
from tests.signing.making import (  # noqa: F401
    CATALOG,
    FORM,
    LEADER,
    PAGE,
    PAGES,
    Judge,
    Paper,
    approved,
    certified,
    draft,
    issued,
    judge,
    stream,
    write,
)

AT = datetime.fromisoformat("2026-11-21T09:00:00+07:00")
SIMPLE = {
    1: b"<</Type/Catalog/Pages 2 0 R>>",
    2: b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
    3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
}
BOMB = zlib.compress(b"0" * 300_000_000, 9)
HEAD = b"%PDF-1.7\n"


def changed(**objects: bytes) -> bytes:
    """The simple file with some objects replaced (``o1``, ``o2`` ...)."""
    return write({**SIMPLE, **{int(name[1:]): body for name, body in objects.items()}}).data


def nested(left: bytes, right: bytes, times: int) -> bytes:
    return changed(o1=b"<</Type/Catalog/Pages 2 0 R/X " + left * times + b"1" + right * times + b">>")


HOSTILE: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "nothing": (lambda: b"", {"not_a_pdf"}),
    "text": (lambda: b"hello", {"not_a_pdf"}),
    "zeros": (lambda: bytes(1_000_000), {"not_a_pdf"}),
    "a zip file": (lambda: b"PK\x03\x04" + bytes(5000), {"not_a_pdf"}),
    "only a header": (lambda: HEAD, {"damaged"}),
    "a header and zeros": (lambda: HEAD + bytes(3_000_000), {"damaged"}),
    "headers of objects": (lambda: HEAD + b"1 0 obj " * 100_000, {"damaged"}),
    "comments": (lambda: HEAD + b"% " * 1_000_000, {"damaged"}),
    "no catalogue": (lambda: write({2: SIMPLE[2], 3: SIMPLE[3]}).data, {"damaged"}),
    "no pages": (lambda: changed(o2=b"<</Type/Pages/Count 0/Kids[]>>"), {"damaged"}),
    "page tree loop": (lambda: changed(o2=b"<</Type/Pages/Count 1/Kids[2 0 R 2 0 R]>>"), {"damaged"}),
    "page tree loop in two": (lambda: changed(o3=b"<</Type/Pages/Kids[2 0 R]>>"), {"damaged"}),
    "too many pages": (
        lambda: changed(o2=b"<</Type/Pages/Count 1/Kids[" + b"3 0 R " * 6000 + b"]>>"),
        {"over_limit_pages"},
    ),
    "200,000 arrays": (lambda: nested(b"[", b"]", 200_000), {"over_limit_depth"}),
    "200,000 arrays left open": (lambda: HEAD + b"1 0 obj" + b"[" * 200_000, {"over_limit_depth"}),
    "100,000 dictionaries": (lambda: nested(b"<</A", b">>", 100_000), {"over_limit_depth"}),
    "a long number": (lambda: changed(o3=b"<</Type/Page/X " + b"9" * 5000 + b">>"), {"damaged"}),
    "compressed bomb as table": (
        lambda: (
            HEAD
            + b"1 0 obj\n<</Type/XRef/Size 5/W[1 2 1]/Root 1 0 R/Filter/FlateDecode/Length %d>>stream\n" % len(BOMB)
            + BOMB
            + b"\nendstream endobj\nstartxref\n9\n%%EOF\n"
        ),
        {"over_limit_stream"},
    ),
    "a table of billions": (
        lambda: write(SIMPLE).data.replace(b"xref\n0 1\n", b"xref\n0 9999999999\n"),
        {"over_limit_objects"},
    ),
    "200,000 ranges": (lambda: HEAD + b"/ByteRange " * 200_000 + write(SIMPLE).data, {"over_limit_signatures"}),
    "encrypted": (lambda: write(SIMPLE, b"/Encrypt<</Filter/Standard>>").data, {"password_needed"}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_unreadable_with_a_code(name: str) -> None:
    make, codes = HOSTILE[name]
    answer = verify(make(), Trust(), at=AT)
    assert answer.verdict is Verdict.UNREADABLE
    assert {reason.code for reason in answer.reasons} == codes
    if codes != {"over_limit_signatures"}:  # an inspection does not look for signatures
        with pytest.raises((NotAPdf, Damaged, PasswordNeeded, OverLimit)):
            inspect(make())


HARMLESS: dict[str, Callable[[], bytes]] = {
    "table loop": lambda: write(SIMPLE, b"/Prev %d" % write(SIMPLE).data.index(b"xref\n0")).data,
    "parentheses": lambda: nested(b"(", b")", 200_000).replace(b"1)", b")", 1),
    "length that is itself": lambda: changed(o4=b"<</Length 4 0 R>>stream\nx\nendstream"),
    "bomb as content": lambda: changed(
        o3=b"<</Type/Page/Parent 2 0 R/Contents 4 0 R>>", o4=stream(BOMB, b"/Filter/FlateDecode")
    ),
    "fields in a circle": lambda: changed(
        o1=b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R]>>>>",
        o5=b"<</T(a)/Kids[5 0 R 6 0 R]>>",
        o6=b"<</T(b)/Parent 6 0 R/Kids[5 0 R]/FT/Tx>>",
    ),
    "100,000 objects": lambda: (
        write({**SIMPLE, **{number: b"<</A %d 0 R>>" % (number + 1) for number in range(5, 100_005)}}).data
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_an_odd_file_without_signature_is_unsigned(name: str) -> None:
    assert verify(HARMLESS[name](), Trust(), at=AT).verdict is Verdict.UNSIGNED


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(bytes=100), "over_limit_bytes"),
        (Limits(pages=1), "over_limit_pages"),
        (Limits(depth=2), "over_limit_depth"),
        (Limits(objects=3), "over_limit_objects"),
        (Limits(signatures=1), "over_limit_signatures"),
        (Limits(seconds=0.0), "over_limit_seconds"),
    ],
)
def test_every_limit_holds(pki: Pki, issued: Paper, limits: Limits, code: str) -> None:
    answer = verify(issued.data, pki.trust(), at=AT, limits=limits)
    assert answer.verdict is Verdict.UNREADABLE
    assert [reason.code for reason in answer.reasons] == [code]


def test_a_file_that_is_not_there_is_unreadable() -> None:
    answer = verify(Path("/no/such/file.pdf"), Trust(), at=AT)
    assert answer.verdict is Verdict.UNREADABLE
    assert [reason.code for reason in answer.reasons] == ["file_missing"]
    assert verify(Path("/"), Trust(), at=AT).verdict is Verdict.UNREADABLE


def signed_bytes(answer: Verification, position: int) -> bool:
    """Whether a signature that stands says it covers the byte at a position."""
    for report in answer.signatures:
        if report.verdict is Verdict.PASSED and len(report.byte_range) == 4:
            _, before, after, length = report.byte_range
            if position < before or after <= position < after + length:
                return True
    return False


def test_no_flipped_bit_passes(pki: Pki, issued: Paper) -> None:
    """300 seeded flips of a twice-signed file: none may pass with a changed signed byte, none may raise."""
    chance = random.Random(20261121)
    trust, moment = pki.trust(), AT + timedelta(hours=1)
    seen: Counter[Verdict] = Counter()
    for _ in range(300):
        position = chance.randrange(len(issued.data))
        flipped = bytearray(issued.data)
        flipped[position] ^= 1 << chance.randrange(8)
        answer = verify(bytes(flipped), trust, at=moment)
        seen[answer.verdict] += 1
        assert not signed_bytes(answer, position), position
        assert answer.verdict is not Verdict.UNSIGNED, position
        assert all(reason.code != "internal_error" for reason in answer.reasons), (position, answer.reasons)
    assert seen[Verdict.FAILED] > 200


def test_no_truncated_file_passes(pki: Pki, certified: Paper, issued: Paper) -> None:
    whole = {len(certified.data), len(certified.data) - 1, len(issued.data), len(issued.data) - 1}
    trust, moment = pki.trust(), AT + timedelta(hours=1)
    for length in range(0, len(issued.data), 149):
        answer = verify(issued.data[:length], trust, at=moment)
        assert answer.verdict is not Verdict.PASSED or length in whole, length
        assert all(reason.code != "internal_error" for reason in answer.reasons), (length, answer.reasons)


def test_bytes_thrown_in_never_raise(pki: Pki, issued: Paper) -> None:
    chance = random.Random(7)
    trust = pki.trust()
    words = (b"obj", b"endobj", b"stream", b"<<", b">>", b"]", b"/V 1 0 R", b"startxref", b"%%EOF", b"\x00", b"(", b"R")
    for _ in range(150):
        data = bytearray(issued.data)
        for _ in range(chance.randrange(1, 12)):
            start = chance.randrange(len(data))
            data[start : start + chance.randrange(30)] = chance.choice(words)
        answer = verify(bytes(data), trust, at=AT)
        assert answer.verdict is not Verdict.PASSED
        assert all(reason.code != "internal_error" for reason in answer.reasons), answer.reasons


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from([b"1 0 obj", b"<<", b">>", b"/Type/Catalog", b"/Pages 2 0 R", b"[", b"]", b"endobj",
    b"stream\n", b"endstream", b"xref\n0 1\n", b"trailer", b"/Root 1 0 R", b"startxref\n9\n", b"%%EOF\n", b"(a", b")",
    b"<30", b">", b"/ByteRange[0 1 2 3]", b" 7 ", b"\n", b"2 0 obj", b"/Kids[2 0 R]", b"/Type/Sig", b"-1", b"1e9"]),
    max_size=40))  # fmt: skip
def test_any_salad_of_tokens_gets_an_answer(tokens: list[bytes]) -> None:
    data = HEAD + b"".join(tokens)
    answer = verify(data, Trust(), at=AT)
    assert all(reason.code != "internal_error" for reason in answer.reasons), answer.reasons
    assert answer.verdict is not Verdict.PASSED
    with suppress(SigningError):
        inspect(data)


def test_encrypted_files_are_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("locked") / "locked.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(path, encryption=pikepdf.Encryption(owner="o", user="u"))
    answer = verify(path, Trust(), at=AT)
    assert [reason.code for reason in answer.reasons] == ["password_needed"]


def test_a_damaged_table_is_read_leniently_and_warned_of(pki: Pki, at: datetime, judge: Judge) -> None:
    base = draft()
    broken = Paper(
        base.data.replace(b"startxref\n%d" % base.table, b"startxref\n%d" % (base.table + 3)),
        base.objects,
        base.offsets,
        base.table + 3,
    )
    signed = broken.sign(pki.key("leader"), LEADER, at)
    answer = judge(signed)
    assert answer.verdict is Verdict.WARNED
    assert "read_leniently" in {note.code for note in answer.notes}
    assert judge(signed.update({5: stream(b"q Q")})).verdict is Verdict.FAILED


def test_compressed_structure_is_read_and_its_active_content_told(
    tmp_path_factory: pytest.TempPathFactory, judge: Judge, approved: Paper
) -> None:
    path = tmp_path_factory.mktemp("packed") / "packed.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.Root.OpenAction = pdf.make_indirect(pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert('x')"))
        pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    assert b"JavaScript" not in path.read_bytes()
    answer = verify(path, Trust(), at=AT)
    assert answer.verdict is Verdict.UNSIGNED
    assert answer.flags == ("javascript", "open_action")
    assert inspect(path).flags == answer.flags
    assert judge(approved).flags == ()


@pytest.mark.parametrize(
    ("entry", "flag"),
    [
        (b"/AA<<>>", "additional_actions"),
        (b"/X<</S/Launch>>", "launch"),
        (b"/X<</S/GoToR>>", "remote_goto"),
        (b"/X<</S/Submit#46orm>>", "submit_form"),
        (b"/Names<</EmbeddedFiles<<>>>>", "embedded_files"),
        (b"/X/RichMedia", "rich_media"),
    ],
)
def test_active_content_is_flagged(entry: bytes, flag: str) -> None:
    assert verify(changed(o1=SIMPLE[1].removesuffix(b">>") + entry + b">>"), Trust(), at=AT).flags == (flag,)


def test_words_inside_pictures_are_no_active_content() -> None:
    assert verify(changed(o4=stream(b"/JavaScript /Launch /ByteRange ")), Trust(), at=AT).flags == ()
    assert verify(changed(o4=stream(b"/JavaScript /Launch /ByteRange ")), Trust(), at=AT).verdict is Verdict.UNSIGNED


def test_inspection_tells_fields(certified: Paper, issued: Paper) -> None:
    seen = inspect(issued.data)
    assert (seen.pages, seen.version, seen.encrypted) == (2, "1.7", False)
    assert seen.signature_fields == ("leader", "agency")
    assert seen.signed_fields == ("leader", "agency")
    assert seen.text_fields == {"so": "12", "ngay": "21"}
    assert inspect(certified.data).signed_fields == ("leader",)

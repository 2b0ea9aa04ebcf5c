"""Files made to cost: floods, bombs, thousands of everything, each within its time and without an exception."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

import statistics
import time
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from signing.pki import Pki
from signing.results import Limits, Verdict, Verification
from signing.stored import Store, verify_stored
from signing.verify import verify
from tests.signing.making import (  # noqa: F401
    AGENCY,
    CATALOG,
    FORM,
    LEADER,
    NUMBER,
    PAGE,
    PAGES,
    TEXT,
    Paper,
    approved,
    certified,
    draft,
    drawing,
    issued,
    stream,
    write,
)

PACKED = stream(zlib.compress(b"0" * 200_000_000, 9), b"/Filter/FlateDecode")
FORM_BOMB = stream(zlib.compress(b"0" * 200_000_000, 9), b"/Filter/FlateDecode/Subtype/Form/BBox[0 0 1 1]")
QUICK = Limits(seconds=2.0)


def judged(paper: Paper, pki: Pki, at: datetime) -> Verification:
    """The verdict, which must come in time."""
    begin = time.monotonic()
    answer = verify(paper.data, pki.trust(), at=at + timedelta(minutes=1), limits=QUICK)
    assert time.monotonic() - begin < 8
    assert all(reason.code != "internal_error" for reason in answer.reasons), answer.reasons
    return answer


def flooded(word: bytes) -> Paper:
    """The draft with a flood of one word between its header and its first object."""
    out = bytearray(b"%PDF-1.7\n" + word * (6_000_000 // len(word)) + b"\n")
    offsets: dict[int, int] = {}
    objects = draft().objects
    for number, body in sorted(objects.items()):
        offsets[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 1\n0000000000 65535 f \n"
    for number, offset in offsets.items():
        out += b"%d 1\n%010d 00000 n \n" % (number, offset)
    out += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (max(offsets) + 1, table)
    return Paper(bytes(out), objects, offsets, table)


@pytest.mark.parametrize(
    "word",
    [b"/JS ", b"9 0 obj ", b"/ByteRange ", b"stream ", b"(", b"<<", b"[", b"trailer ", b"startxref ", b"% 7 0 obj\n",
     b"endobj ", b"%%EOF\n", b"xref\n", b"/ByteRange[0 1 2 3]/Contents<00>", b"\x00"],
)  # fmt: skip
@pytest.mark.parametrize("signed", [False, True])
def test_a_flood_costs_no_more_than_its_time(pki: Pki, at: datetime, word: bytes, signed: bool) -> None:
    paper = flooded(word)
    answer = judged(paper.sign(pki.key("leader"), LEADER, at) if signed else paper, pki, at)
    assert answer.verdict in (Verdict.UNSIGNED, Verdict.UNREADABLE, Verdict.PASSED)
    assert signed == (answer.verdict is Verdict.PASSED) or answer.verdict is Verdict.UNREADABLE


BOMBS: dict[str, tuple[Callable[[Paper], Paper], Verdict]] = {
    "page content": (lambda p: p.update({TEXT: PACKED}), Verdict.UNREADABLE),
    "evidence": (
        lambda p: p.update({CATALOG: p.with_entry(CATALOG, b"/DSS<</CRLs[950 0 R]>>"), 950: PACKED}),
        Verdict.UNREADABLE,
    ),
    "metadata nobody unpacks": (
        lambda p: p.update({CATALOG: p.with_entry(CATALOG, b"/Metadata 950 0 R"), 950: PACKED}), Verdict.PASSED,
    ),
    "appearance of a mark": (
        lambda p: p.update({
            950: b"<</Type/Annot/Subtype/Highlight/Rect[60 690 460 720]/F 4/AP<</N 951 0 R>>>>", 951: FORM_BOMB,
            PAGE: p.objects[PAGE].replace(b"/Annots[", b"/Annots[950 0 R "),
        }), Verdict.UNREADABLE,
    ),
    "appearance of a field": (
        lambda p: p.update({NUMBER: p.with_entry(NUMBER, b"/AP<</N 950 0 R>>"), 950: FORM_BOMB}), Verdict.WARNED,
    ),
    "the same evidence ten thousand times": (
        lambda p: p.update({CATALOG: p.with_entry(CATALOG, b"/DSS<</Certs[" + b"950 0 R " * 10_000 + b"]>>"),
                            950: stream(b"x")}), Verdict.PASSED,
    ),
    "evidence that is itself": (
        lambda p: p.update({CATALOG: p.with_entry(CATALOG, b"/DSS 950 0 R"), 950: b"[950 0 R]"}), Verdict.PASSED,
    ),
    "nothing nested deeply": (lambda p: p.update({950: b"[" * 5000 + b"]" * 5000}), Verdict.PASSED),
    "nested fields": (
        lambda p: p.update({FORM: p.objects[FORM].replace(b"/Fields[", b"/Fields[950 0 R "),
                            **{950 + i: b"<</T(a)/Kids[%d 0 R]>>" % (951 + i) for i in range(3000)}}),
        Verdict.UNREADABLE,
    ),
    "twenty thousand fields": (
        lambda p: p.update({FORM: p.objects[FORM].replace(b"/Fields[", b"/Fields[" + b"<</T(a)/FT/Tx>>" * 20_000)}),
        Verdict.UNREADABLE,
    ),
    "twenty thousand notes": (
        lambda p: p.update({PAGE: p.objects[PAGE].replace(
            b"/Annots[", b"/Annots[" + b"<</Subtype/Text/Rect[0 0 9 9]>>" * 20_000)}),
        Verdict.UNREADABLE,
    ),
    "fifteen hundred updates": (
        lambda p: [p := p.update({950: b"<</X %d>>" % index}) for index in range(1500)][-1], Verdict.PASSED,
    ),
    "pages that double": (
        lambda p: p.update({PAGES: b"<</Type/Pages/Kids[950 0 R 950 0 R]>>",
                            **{i: b"<</Type/Pages/Kids[%d 0 R %d 0 R]>>" % (i + 1, i + 1) for i in range(950, 990)}}),
        Verdict.UNREADABLE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_in_an_update(pki: Pki, at: datetime, approved: Paper, name: str) -> None:
    change, verdict = BOMBS[name]
    assert judged(change(approved), pki, at).verdict is verdict


def test_many_pictures_over_many_pictures_end_in_time(pki: Pki, at: datetime) -> None:
    look = b"<</Subtype/Stamp/Rect[%d 400 %d 410]/AP<</N 1990 0 R>>>>"
    base, numbers = draft(), range(2000, 6000)
    names = b"".join(b"%d 0 R " % number for number in numbers)
    page = base.objects[PAGE].replace(b"/Annots[", b"/Annots[" + names)
    before = {PAGE: page, 1990: drawing(b"0 0 1 1 re f"), **dict.fromkeys(numbers, look % (0, 1))}
    signed = write({**base.objects, **before}).sign(pki.key("leader"), LEADER, at)
    assert judged(signed, pki, at).verdict is Verdict.PASSED
    more = b"".join(b"%d 0 R " % (number + 9000) for number in numbers)
    page = signed.objects[PAGE].replace(b"/Annots[", b"/Annots[" + more)
    after = signed.update({PAGE: page, **{number + 9000: look % (300, 310) for number in numbers}})
    assert judged(after, pki, at).verdict in (Verdict.UNREADABLE, Verdict.WARNED)


# costs ---------------------------------------------------------------------------------------------------------


def _cost(deed: Callable[[], object], times: int = 5) -> float:
    """CPU milliseconds, the best of some."""
    costs = []
    for _ in range(times):
        begin = time.process_time()
        deed()
        costs.append(1000 * (time.process_time() - begin))
    return min(costs)


def test_what_verifying_costs(pki: Pki, at: datetime, approved: Paper, issued: Paper) -> None:
    """By the CPU's clock, the best of five: far enough below what is promised to hold on a slower machine."""
    trust, moment = pki.trust(), at + timedelta(minutes=1)
    paper = draft()
    for index in range(20):
        paper = paper.sign_new(pki.key("leader" if index % 2 else "seal"), at)
    large = write({**draft().objects, 900: stream(b"U" * 16_000_000)}).sign(pki.key("leader"), LEADER, at)
    long = draft(500).sign(pki.key("leader"), LEADER, at)
    papers = (approved, issued, draft(), long, approved.update({TEXT: stream(b"q")}))
    costs = [_cost(lambda paper=paper: verify(paper.data, trust, at=moment)) for paper in papers]  # type: ignore[misc]
    assert statistics.median(costs) <= 40
    assert max(costs) <= 130
    assert _cost(lambda: verify(paper.data, trust, at=moment), 3) <= 300
    assert _cost(lambda: verify(large.data, trust, at=moment), 3) <= 300


def test_what_a_second_look_costs(pki: Pki, at: datetime, issued: Paper, tmp_path: Path) -> None:
    store, trust = Store(tmp_path), pki.trust()
    verify_stored(issued.data, trust, store, at=at)
    assert _cost(lambda: verify_stored(issued.data, trust, store, at=at), 20) <= 1

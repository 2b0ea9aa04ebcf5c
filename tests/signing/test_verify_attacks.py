"""Attacks on signed files: each must be FAILED, and the reason must be told."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from importlib import import_module

import pytest

from signing.pki import Pki
from signing.results import Modification, Verdict, Verification
from tests.signing.making import (  # noqa: F401
    AGENCY,
    CATALOG,
    FONT,
    FORM,
    HACK,
    LEADER,
    NUMBER,
    PAGE,
    PAGES,
    SECOND,
    TEXT,
    Judge,
    Paper,
    Signature,
    approved,
    certified,
    draft,
    issued,
    judge,
    stream,
)

WHITE = b"1 1 1 rg 0 0 400 200 re f 0 g BT /F1 12 Tf 9 9 Td (noi dung khac) Tj ET"


def codes(answer: Verification) -> set[str]:
    return {reason.code for report in answer.signatures for reason in report.reasons}


def _signature(paper: Paper) -> int:
    return next(number for number, body in paper.objects.items() if b"/ByteRange" in body)


UPDATES: dict[str, Callable[[Paper], Paper]] = {
    "page content replaced": lambda p: p.update({TEXT: stream(HACK)}),
    "page points to other content": lambda p: p.update(
        {PAGE: p.objects[PAGE].replace(b"/Contents %d" % TEXT, b"/Contents 900"), 900: stream(HACK)}
    ),
    "content freed": lambda p: p.update({}, freed=[TEXT]),
    "content redirected to other signed bytes": lambda p: p.update({}, moved={TEXT: p.offsets[7]}),
    "font replaced": lambda p: p.update({FONT: b"<</Type/Font/Subtype/Type1/BaseFont/Courier>>"}),
    "page removed": lambda p: p.update({PAGES: b"<</Type/Pages/Count 1/Kids[%d 0 R]>>" % PAGE}),
    "pages swapped": lambda p: p.update({PAGES: b"<</Type/Pages/Count 2/Kids[%d 0 R %d 0 R]>>" % (SECOND, PAGE)}),
    "page cropped": lambda p: p.update({PAGE: p.with_entry(PAGE, b"/CropBox[0 0 595 400]")}),
    "page key written twice": lambda p: p.update({PAGE: p.with_entry(PAGE, b"/Contents 900 0 R"), 900: stream(HACK)}),
    "inherited resources": lambda p: p.update({PAGES: p.with_entry(PAGES, b"/Rotate 180")}),
    "new catalogue": lambda p: p.update(
        {
            900: b"<</Type/Catalog/Pages 901 0 R>>",
            901: b"<</Type/Pages/Count 1/Kids[902 0 R]>>",
            902: b"<</Type/Page/Parent 901 0 R/MediaBox[0 0 595 842]/Contents 903 0 R>>",
            903: stream(HACK),
        },
        root=900,
    ),
    "open action": lambda p: p.update({CATALOG: p.with_entry(CATALOG, b"/OpenAction<</S/JavaScript/JS(x)>>")}),
    "layers": lambda p: p.update({CATALOG: p.with_entry(CATALOG, b"/OCProperties<</OCGs[]/D<<>>>>")}),
    "structure": lambda p: p.update({CATALOG: p.with_entry(CATALOG, b"/StructTreeRoot<</Type/StructTreeRoot>>")}),
    "dynamic form": lambda p: p.update({FORM: p.with_entry(FORM, b"/XFA(x)")}),
    "form removed": lambda p: p.update({CATALOG: p.without(CATALOG, rb"/AcroForm \d+ 0 R")}),
    "fields removed": lambda p: p.update({FORM: re.sub(rb"/Fields\[[^]]*\]", b"/Fields[]", p.objects[FORM])}),
    "signature value removed": lambda p: p.update({LEADER: p.without(LEADER, rb"/V \d+ 0 R")}),
    "signature nulled": lambda p: p.update({_signature(p): b"null"}),
    "signature copied over": lambda p: p.update({_signature(p): p.objects[_signature(p)]}),
    "signature field became text": lambda p: p.update({LEADER: p.objects[LEADER].replace(b"/FT/Sig", b"/FT/Tx")}),
    "signature shown in two fields": lambda p: p.update({AGENCY: p.with_entry(AGENCY, b"/V %d 0 R" % _signature(p))}),
    "stamp moved": lambda p: p.update({LEADER: re.sub(rb"/Rect\[[^]]*\]", b"/Rect[0 0 500 800]", p.objects[LEADER])}),
    "stamp hidden": lambda p: p.update({LEADER: p.objects[LEADER].replace(b"/F 4", b"/F 2")}),
    "stamp taken off the page": lambda p: p.update({PAGE: p.objects[PAGE].replace(b"%d 0 R" % LEADER, b"")}),
    "stamp redrawn": lambda p: p.update(
        {LEADER: p.with_entry(LEADER, b"/AP<</N 900 0 R>>"), 900: stream(WHITE, b"/Subtype/Form/BBox[0 0 9 9]")}
    ),
    "appearance without value": lambda p: p.fill(NUMBER, b"1").update(
        {NUMBER: p.objects[NUMBER].replace(b"/F 4", b"/F 4/Rect[0 0 595 842]")}
    ),
    "field removed": lambda p: p.update({FORM: p.objects[FORM].replace(b"%d 0 R" % NUMBER, b"")}),
    "text field added": lambda p: p.add_field(b"moi", (60, 690, 400, 720), b"Tx"),
    "box over the text": lambda p: p.annotate(b"<</Type/Annot/Subtype/Stamp/Rect[60 690 460 720]/F 4>>", WHITE),
    "free text over the text": lambda p: p.annotate(
        b"<</Type/Annot/Subtype/FreeText/Rect[60 690 460 720]/Contents(khac)/DA(/F1 9 Tf)/F 4>>"
    ),
    "highlight that paints": lambda p: p.annotate(b"<</Type/Annot/Subtype/Highlight/Rect[60 690 460 720]/F 4>>", WHITE),
    "link that paints": lambda p: p.annotate(b"<</Type/Annot/Subtype/Link/Rect[60 690 460 720]/F 4>>", WHITE),
    "empty signature field that paints": lambda p: p.annotate(
        b"<</Type/Annot/Subtype/Widget/FT/Sig/T(x)/Rect[60 690 460 720]/F 4>>", WHITE
    ),
    "comment that runs a script": lambda p: p.annotate(
        b"<</Type/Annot/Subtype/Text/Rect[500 800 520 820]/Contents(x)/A<</S/JavaScript/JS(x)>>>>"
    ),
    "link with a second action": lambda p: p.annotate(
        b"<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(x)/Next<</S/Launch>>>>>>"
    ),
    "objects no table lists": lambda p: Paper(
        p.data + b"%d 0 obj\n%s\nendobj\n" % (TEXT, stream(HACK)), p.objects, p.offsets, p.table
    ).update({901: b"<<>>"}),
    "an update the chain skips": lambda p: p.update({TEXT: stream(HACK)}).update({901: b"<<>>"}, previous=p.table),
    "back to the unsigned file": lambda p: p.update({901: b"<<>>"}, previous=draft().table),
    "no end marker": lambda p: p.update({TEXT: stream(HACK)}, marker=b""),
    "objects behind the end": lambda p: Paper(p.data + b"5 0 obj\n" + stream(HACK) + b"\nendobj\n"),
    "a second start behind the end": lambda p: Paper(p.data + b"startxref\n0\n"),
}


@pytest.mark.parametrize("name", UPDATES)
@pytest.mark.parametrize("signed", ["approved", "certified", "issued"])
def test_an_attack_by_update_fails(judge: Judge, name: str, signed: str, request: pytest.FixtureRequest) -> None:
    paper: Paper = request.getfixturevalue(signed)
    if name == "signature shown in two fields" and signed == "issued":
        paper = paper.update({AGENCY: paper.without(AGENCY, rb"/V \d+ 0 R")})
    answer = judge(UPDATES[name](paper))
    assert answer.verdict is Verdict.FAILED
    assert answer.signatures[0].verdict is Verdict.FAILED
    assert answer.signatures[0].reasons
    assert answer.signatures[0].indication == "TOTAL-FAILED"


def test_a_dangling_reference_cannot_be_filled_in_later(judge: Judge, pki: Pki, at: datetime) -> None:
    base = draft()
    page = base.objects[PAGE].replace(b"/Contents %d 0 R" % TEXT, b"/Contents[%d 0 R 950 0 R]" % TEXT)
    signed = base.update({PAGE: page}).sign(pki.key("leader"), LEADER, at)
    assert judge(signed).verdict is Verdict.PASSED
    assert judge(signed.update({950: stream(HACK)})).verdict is Verdict.FAILED


def test_a_removed_signature_is_still_listed(judge: Judge, issued: Paper) -> None:
    gone = issued.update({FORM: re.sub(rb"/Fields\[[^]]*\]", b"/Fields[]", issued.objects[FORM])})
    answer = judge(gone)
    assert [report.field for report in answer.signatures] == ["leader", "agency"]
    assert "signature_removed" in codes(answer)


def test_a_hidden_signature_fails(judge: Judge, pki: Pki, at: datetime) -> None:
    answer = judge(draft().sign(pki.key("leader"), LEADER, at, hidden=True))
    assert answer.verdict is Verdict.FAILED
    assert codes(answer) == {"signature_hidden"}


def test_one_rotten_signature_does_not_hide_the_other(judge: Judge, approved: Paper, pki: Pki, at: datetime) -> None:
    answer = judge(approved.sign(pki.key("seal"), AGENCY, at, build=lambda _: b"\x30\x03abc"))
    assert [report.verdict for report in answer.signatures] == [Verdict.PASSED, Verdict.FAILED]
    assert answer.verdict is Verdict.FAILED


LOCKS = [
    ({"certify": 1}, NUMBER),
    ({"lock": b"/Action/All"}, NUMBER),
    ({"lock": b"/Action/Include/Fields[(so)]"}, NUMBER),
    ({"lock": b"/Action/Exclude/Fields[(ngay)]"}, NUMBER),
]


@pytest.mark.parametrize(("how", "number"), LOCKS)
def test_a_locked_field_may_not_change(
    judge: Judge, pki: Pki, at: datetime, how: dict[str, object], number: int
) -> None:
    signed = draft().sign(pki.key("leader"), LEADER, at, **how)
    assert judge(signed).verdict is Verdict.PASSED
    answer = judge(signed.fill(number, b"7"))
    assert answer.verdict is Verdict.FAILED
    assert [change.level for change in answer.signatures[0].changes] == [Modification.FORBIDDEN]


def test_after_no_changes_nobody_else_may_sign(judge: Judge, pki: Pki, at: datetime) -> None:
    signed = draft().sign(pki.key("leader"), LEADER, at, certify=1).sign(pki.key("seal"), AGENCY, at)
    assert judge(signed).verdict is Verdict.FAILED


def test_a_locked_signature_field_may_not_be_signed(judge: Judge, pki: Pki, at: datetime) -> None:
    signed = draft().sign(pki.key("leader"), LEADER, at, lock=b"/Action/Include/Fields[(agency)]")
    answer = judge(signed.sign(pki.key("seal"), AGENCY, at))
    assert [report.verdict for report in answer.signatures] == [Verdict.FAILED, Verdict.PASSED]


def test_the_lock_of_the_field_itself_counts(judge: Judge, pki: Pki, at: datetime) -> None:
    base = draft(lock=b"/Lock<</Type/SigFieldLock/Action/All/P 1>>")
    signed = base.sign(pki.key("leader"), LEADER, at)
    assert judge(signed).signatures[0].locks
    assert judge(signed.fill(NUMBER, b"7")).verdict is Verdict.FAILED


RANGES: dict[str, tuple[Callable[[int, int, int], tuple[int, int, int, int]], str]] = {
    "nothing": (lambda b, c, e: (0, 0, 0, 0), "byterange_malformed"),
    "not from the start": (lambda b, c, e: (1, b, c, e), "byterange_malformed"),
    "negative": (lambda b, c, e: (0, b, c, -1), "byterange_malformed"),
    "backwards": (lambda b, c, e: (0, c, b, e), "byterange_malformed"),
    "beyond": (lambda b, c, e: (0, b, c, e + 1), "byterange_outside"),
    "short": (lambda b, c, e: (0, b, c, e - 40), "byterange_coverage"),
    "wider gap": (lambda b, c, e: (0, b - 1, c, e), "byterange_gap"),
    "narrower gap": (lambda b, c, e: (0, b, c - 1, e + 1), "byterange_gap"),
}


@pytest.mark.parametrize("name", RANGES)
def test_a_foul_range_fails(judge: Judge, approved: Paper, name: str) -> None:
    make, code = RANGES[name]
    found = re.search(rb"/ByteRange\[0 (\d+) (\d+) (\d+)\] *", approved.data)
    assert found is not None
    before, after, length = (int(number) for number in found.groups())
    told = b"/ByteRange[%d %d %d %d]" % make(before, after, length)
    answer = judge(Paper(approved.data.replace(found.group(), told.ljust(len(found.group())))))
    assert answer.verdict is Verdict.FAILED
    assert code in codes(answer)
    assert answer.signatures[0].signer == "Nguyễn Văn Nam"


def _gap(paper: Paper) -> tuple[int, int]:
    found = re.search(rb"/ByteRange\[0 (\d+) (\d+) (\d+)\]", paper.data)
    assert found is not None
    return int(found.group(1)), int(found.group(2))


GAPS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "extra tokens": (lambda gap: gap[:-30] + b">/Evil<" + gap[-23:], "byterange_gap"),
    "a comment": (lambda gap: gap[:-12] + b">%" + b"x" * 10, "byterange_missing"),
    "a text string": (lambda gap: b"(" + gap[1:-1] + b")", "byterange_gap"),
    "all zeros": (lambda gap: b"<" + b"0" * (len(gap) - 2) + b">", "contents_missing"),
    "padding": (lambda gap: gap[:-3] + b"41>", "byterange_padding"),
}


@pytest.mark.parametrize("name", GAPS)
def test_a_foul_gap_fails(judge: Judge, approved: Paper, name: str) -> None:
    make, code = GAPS[name]
    start, end = _gap(approved)
    foul = make(approved.data[start:end])
    assert len(foul) == end - start
    answer = judge(Paper(approved.data[:start] + foul + approved.data[end:]))
    assert answer.verdict is Verdict.FAILED
    assert code in codes(answer)


@pytest.mark.parametrize("name", [b"/ByteRange", b"/Contents<3"])
def test_a_signature_without_range_or_value_is_not_unsigned(judge: Judge, approved: Paper, name: bytes) -> None:
    answer = judge(Paper(approved.data.replace(name, name.replace(b"n", b"x"))))
    assert answer.verdict is Verdict.FAILED


def test_an_escaped_name_hides_nothing(judge: Judge, pki: Pki, at: datetime) -> None:
    """An orphan whose key is written with a number sign is found all the same."""
    signed = draft().sign(pki.key("leader"), LEADER, at, hidden=True)
    answer = judge(Paper(signed.data.replace(b"/ByteRange", b"/Byt#65Range")))
    assert answer.verdict is Verdict.FAILED
    assert len(answer.signatures) == 1


def test_bytes_before_the_header_fail(judge: Judge, issued: Paper) -> None:
    assert judge(Paper(b"PK\x03\x04" + issued.data)).verdict is Verdict.FAILED


def test_junk_behind_the_end_is_a_warning(judge: Judge, issued: Paper) -> None:
    answer = judge(Paper(issued.data + b"junk"))
    assert answer.verdict is Verdict.WARNED
    assert [note.code for note in answer.notes] == ["trailing_bytes"]


def test_a_torn_signature_that_was_also_removed_is_not_unsigned(judge: Judge, approved: Paper) -> None:
    start, end = _gap(approved)
    gap = approved.data[start:end]
    torn = approved.data[:start] + gap[:-12] + b">%" + b"x" * 10 + approved.data[end:]
    paper = Paper(torn, approved.objects, approved.offsets, approved.table)
    gone = paper.update({FORM: re.sub(rb"/Fields\[[^]]*\]", b"/Fields[]", paper.objects[FORM])})
    answer = judge(gone)
    assert answer.verdict is Verdict.FAILED
    assert len(answer.signatures) == 1


def test_two_signatures_cannot_share_a_revision(judge: Judge, pki: Pki, at: datetime) -> None:
    def build(numbers: bytes) -> Paper:
        base = draft()
        value = b"<</Type/Sig/SubFilter/ETSI.CAdES.detached/ByteRange[%s]/Contents<3003020101>>>" % numbers
        more = {AGENCY: base.with_entry(AGENCY, b"/V 950 0 R"), 950: value}
        return Signature(at).place(base, LEADER, pki.key("leader"), more)

    first = build(b" " * 30).data
    start = first.index(b"<3003020101>")
    numbers = b"0 %d %d %d" % (start, start + 12, len(first) - start - 12)
    answer = judge(build(numbers.ljust(30)))
    assert answer.verdict is Verdict.FAILED
    assert "byterange_overlap" in codes(answer)


def test_the_certificate_the_signer_meant_counts(judge: Judge, pki: Pki, at: datetime) -> None:
    answer = judge(draft().sign(pki.key("leader"), LEADER, at, identity=pki.certificate("deputy")))
    assert answer.verdict is Verdict.FAILED
    assert codes(answer) == {"signing_certificate_mismatch"}


def test_a_file_two_readers_see_differently_fails(
    judge: Judge, approved: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("signing.verify"), "agrees", lambda data, pages: False)
    answer = judge(approved)
    assert answer.verdict is Verdict.FAILED
    assert codes(answer) == {"structure_disputed"}

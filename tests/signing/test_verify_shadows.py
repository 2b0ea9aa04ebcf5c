"""Attacks through what readers read differently: generations, doubled entries, inheritance, order."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import pytest

from signing.pki import Pki
from signing.results import Modification, Verdict
from signing.tsa import LocalTsa
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
    approved,
    certified,
    draft,
    issued,
    judge,
    stream,
    write,
)

Entry = tuple[int, int, int, bytes]


def by_hand(
    paper: Paper,
    objects: Mapping[int, tuple[int, bytes]],
    entries: Callable[[dict[int, int]], Iterable[Entry]],
) -> Paper:
    """An update whose objects have generations and whose table is written entry by entry."""
    out, offsets = bytearray(paper.data), {}
    for number, (generation, body) in objects.items():
        offsets[number] = len(out)
        out += b"%d %d obj\n%s\nendobj\n" % (number, generation, body)
    table = len(out)
    out += b"xref\n"
    for number, offset, generation, kind in entries(offsets):
        out += b"%d 1\n%010d %05d %s \n" % (number, offset, generation, kind)
    out += b"trailer\n<</Size 960/Root %d 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (CATALOG, paper.table, table)
    return Paper(bytes(out), paper.objects, paper.offsets, table)


def packed_table(paper: Paper, number: int, row: bytes) -> Paper:
    """An update that says one thing about one object, in a cross-reference stream."""
    table = len(paper.data)
    keys = b"/Type/XRef/Size 2000/W[1 4 1]/Index[%d 1]/Root %d 0 R/Prev %d" % (number, CATALOG, paper.table)
    out = paper.data + b"960 0 obj\n" + stream(row, keys) + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % table
    return Paper(out, paper.objects, paper.offsets, table)


def smaller(paper: Paper) -> Paper:
    """The newest trailer tells fewer objects than the file has."""
    head, _, tail = paper.data.rpartition(b"/Size ")
    return Paper(head + b"/Size 5 " + tail.lstrip(b"0123456789"), paper.objects, paper.offsets, paper.table)


def inheriting() -> Paper:
    """A letter whose pages take their resources from the page tree."""
    base = draft().objects
    shared = b"/Resources<</Font<</F1 %d 0 R>>>>" % FONT
    objects = {number: body.replace(shared, b"") for number, body in base.items()}
    return write({**objects, PAGES: objects[PAGES].removesuffix(b">>") + shared + b">>"})


def directly() -> Paper:
    """A letter whose page tree stands in the catalogue itself and has a direct node."""
    base = dict(draft().objects)
    inner = b"<</Type/Pages/Count 2/Kids[%d 0 R %d 0 R]>>" % (PAGE, SECOND)
    base[PAGES] = b"<</Type/Pages/Count 2/Kids[%s]>>" % inner
    return write(base)


SHADOWS: dict[str, Callable[[Paper], Paper]] = {
    "content in another generation": lambda p: by_hand(
        p, {TEXT: (1, p.objects[TEXT])}, lambda o: [(TEXT, o[TEXT], 1, b"n")]
    ),
    "content with another generation in the table": lambda p: by_hand(
        p, {}, lambda o: [(TEXT, p.offsets[TEXT], 1, b"n")]
    ),
    "page in another generation": lambda p: by_hand(
        p, {PAGE: (1, p.objects[PAGE])}, lambda o: [(PAGE, o[PAGE], 1, b"n")]
    ),
    "catalogue in another generation": lambda p: by_hand(
        p, {CATALOG: (3, p.objects[CATALOG])}, lambda o: [(CATALOG, o[CATALOG], 0, b"n")]
    ),
    "content in use, then free": lambda p: by_hand(
        p, {}, lambda o: [(TEXT, p.offsets[TEXT], 0, b"n"), (TEXT, 0, 1, b"f")]
    ),
    "content free, then in use": lambda p: by_hand(
        p, {}, lambda o: [(TEXT, 0, 1, b"f"), (TEXT, p.offsets[TEXT], 0, b"n")]
    ),
    "content listed twice": lambda p: by_hand(
        p, {TEXT: (0, stream(HACK))}, lambda o: [(TEXT, p.offsets[TEXT], 0, b"n"), (TEXT, o[TEXT], 0, b"n")]
    ),
    "content of a kind nobody knows": lambda p: packed_table(p, TEXT, b"\x03\x00\x00\x00\x00\x00"),
    "content free in a table of streams": lambda p: packed_table(p, TEXT, b"\x00\x00\x00\x00\x00\x01"),
    "fewer objects than there are": lambda p: smaller(p.update({901: b"<<>>"})),
    "stamp that is not printed": lambda p: p.update({LEADER: p.objects[LEADER].replace(b"/F 4", b"/F 0")}),
    "number that is not printed": lambda p: p.update({NUMBER: p.objects[NUMBER].replace(b"/F 4", b"")}),
    "stamp on a further page": lambda p: p.update(
        {SECOND: p.objects[SECOND].removesuffix(b">>") + b"/Annots[%d 0 R]>>" % LEADER}
    ),
    "stamps in another order": lambda p: p.update(
        {PAGE: p.objects[PAGE].replace(b"%d 0 R %d 0 R]" % (LEADER, AGENCY), b"%d 0 R %d 0 R]" % (AGENCY, LEADER))}
    ),
    "field under another parent": lambda p: p.update(
        {NUMBER: p.with_entry(NUMBER, b"/Parent 900 0 R"), 900: b"<</FT/Tx/Ff 4096/V(x)/DA(/F1 50 Tf)/Kids[10 0 R]>>"}
    ),
    "signature under another parent": lambda p: p.update(
        {LEADER: p.with_entry(LEADER, b"/Parent 900 0 R"), 900: b"<</FT/Tx/Kids[12 0 R]>>"}
    ),
    "page under another parent": lambda p: p.update(
        {PAGE: p.objects[PAGE].replace(b"/Parent %d 0" % PAGES, b"/Parent 900 0"), 900: b"<</Type/Pages/Rotate 180>>"}
    ),
    "broad pen": lambda p: p.annotate(
        b"<</Type/Annot/Subtype/Ink/Rect[60 690 460 720]/InkList[[60 700 460 700]]/BS<</W 30>>/F 4>>"
    ),
    "broad pen of an old border": lambda p: p.annotate(
        b"<</Type/Annot/Subtype/StrikeOut/Rect[60 690 460 720]/Border[0 0 30]/F 4>>"
    ),
    "broad pen of an appearance": lambda p: p.annotate(
        b"<</Type/Annot/Subtype/StrikeOut/Rect[60 690 460 720]/F 4>>", b"30 w 1 1 1 RG 0 9 m 400 9 l S"
    ),
    "watermark": lambda p: p.annotate(b"<</Type/Annot/Subtype/Watermark/Rect[60 690 460 720]/F 4>>", b"0 0 9 9 re f"),
    "redaction": lambda p: p.annotate(b"<</Type/Annot/Subtype/Redact/Rect[60 690 460 720]/IC[0 0 0]/F 4>>"),
    "polygon": lambda p: p.annotate(b"<</Type/Annot/Subtype/Polygon/IC[1 1 1]/Rect[60 690 460 720]/F 4>>"),
    "names with a script": lambda p: p.update(
        {CATALOG: p.with_entry(CATALOG, b"/Names<</JavaScript<</Names[(x)<</S/JavaScript/JS(x)>>]>>>>")}
    ),
    "an attached file": lambda p: p.update(
        {CATALOG: p.with_entry(CATALOG, b"/Names<</EmbeddedFiles<</Names[(x)<</Type/Filespec/F(x)>>]>>>>")}
    ),
    "page labels": lambda p: p.update({CATALOG: p.with_entry(CATALOG, b"/PageLabels<</Nums[0<</S/r>>]>>")}),
    "a field that runs a script": lambda p: p.update(
        {NUMBER: p.with_entry(NUMBER, b"/AA<</F<</S/JavaScript/JS(x)>>>>")}
    ),
    "a value that brings an action": lambda p: p.update(
        {NUMBER: p.with_entry(NUMBER, b"/V(1)/A<</S/JavaScript/JS(x)>>")}
    ),
    "another name for a field": lambda p: p.update({NUMBER: p.objects[NUMBER].replace(b"(so)", b"(xx)")}),
    "fewer pages counted": lambda p: p.update({PAGES: p.objects[PAGES].replace(b"/Count 2", b"/Count 1")}),
    "page became a template": lambda p: p.update({PAGE: p.objects[PAGE].replace(b"/Type/Page/", b"/Type/Template/")}),
    "catalogue became something else": lambda p: p.update(
        {CATALOG: p.objects[CATALOG].replace(b"/Type/Catalog", b"/Type/Other")}
    ),
    "page tree in a circle": lambda p: p.update({PAGES: p.with_entry(PAGES, b"/Parent 2 0 R")}),
    "form without signatures": lambda p: p.update({FORM: p.objects[FORM].replace(b"/SigFlags 3", b"/SigFlags 0")}),
    "form with another look": lambda p: p.update({FORM: p.objects[FORM].replace(b"0 g)", b"1 g)")}),
    "form with another font": lambda p: p.update(
        {FORM: p.objects[FORM].replace(b"/F1 %d 0 R" % FONT, b"/F1 901 0 R"), 901: b"<</Type/Font/BaseFont/Courier>>"}
    ),
    "units of a page": lambda p: p.update({PAGE: p.with_entry(PAGE, b"/UserUnit 3")}),
    "actions of a page": lambda p: p.update({PAGE: p.with_entry(PAGE, b"/AA<</O<</S/JavaScript/JS(x)>>>>")}),
}  # fmt: skip


@pytest.mark.parametrize("name", SHADOWS)
@pytest.mark.parametrize("signed", ["approved", "certified", "issued"])
def test_a_shadow_fails(judge: Judge, name: str, signed: str, request: pytest.FixtureRequest) -> None:
    paper: Paper = request.getfixturevalue(signed)
    answer = judge(SHADOWS[name](paper))
    assert answer.verdict is Verdict.FAILED, answer
    assert all(report.reasons for report in answer.signatures)


@pytest.mark.parametrize(
    "update",
    [
        lambda p: p.update(
            {
                PAGE: p.objects[PAGE].replace(b"/Parent %d 0" % PAGES, b"/Parent 900 0"),
                900: b"<</Type/Pages/Count 2/Kids[%d 0 R %d 0 R]/Resources<</Font<</F1 901 0 R>>>>>>" % (PAGE, SECOND),
                901: b"<</Type/Font/Subtype/Type1/BaseFont/Courier>>",
            }
        ),
        lambda p: p.update({PAGES: p.objects[PAGES].replace(b"/F1 %d" % FONT, b"/F1 901"), 901: b"<</Type/Font>>"}),
        lambda p: p.update({PAGES: p.with_entry(PAGES, b"/Rotate 90")}),
    ],
)
def test_what_a_page_inherits_may_not_change(
    judge: Judge, pki: Pki, at: datetime, update: Callable[[Paper], Paper]
) -> None:
    signed = inheriting().sign(pki.key("leader"), LEADER, at)
    assert judge(signed).verdict is Verdict.PASSED
    assert judge(update(signed)).verdict is Verdict.FAILED


def test_a_direct_node_of_the_page_tree_counts_too(judge: Judge, pki: Pki, at: datetime) -> None:
    signed = directly().sign(pki.key("leader"), LEADER, at)
    turned = signed.update({PAGES: signed.objects[PAGES].replace(b"/Kids[<<", b"/Kids[<</Rotate 180")})
    assert judge(turned).verdict is Verdict.FAILED
    assert judge(signed).signatures[0].modification is Modification.NONE


def test_a_free_number_may_be_used_again(judge: Judge, approved: Paper) -> None:
    freed = approved.update({950: b"<<>>"}).update({}, freed=[950])
    again = by_hand(freed, {950: (1, b"<</X 1>>")}, lambda o: [(950, o[950], 1, b"n")])
    assert judge(again).verdict is Verdict.PASSED


def test_a_table_that_was_signed_may_list_twice_but_is_told(judge: Judge, pki: Pki, at: datetime) -> None:
    base = draft()
    doubled = by_hand(base, {}, lambda o: [(TEXT, base.offsets[TEXT], 0, b"n"), (TEXT, base.offsets[TEXT], 0, b"n")])
    answer = judge(doubled.sign(pki.key("leader"), LEADER, at))
    assert answer.verdict is Verdict.WARNED
    assert [note.code for note in answer.notes] == ["read_leniently"]


def test_nobody_certifies_what_others_signed(judge: Judge, approved: Paper, pki: Pki, at: datetime) -> None:
    answer = judge(approved.sign(pki.key("seal"), AGENCY, at, certify=2))
    assert [report.verdict for report in answer.signatures] == [Verdict.PASSED, Verdict.WARNED]
    assert [reason.code for reason in answer.signatures[1].reasons] == ["certification_late"]


def test_a_cover_over_the_text_fails_even_where_comments_are_allowed(judge: Judge, pki: Pki, at: datetime) -> None:
    signed = draft().sign(pki.key("leader"), LEADER, at, certify=3)
    note = b"<</Type/Annot/Subtype/FreeText/Rect[%s]/Contents(y kien)/DA(/F1 9 Tf)/F 4>>"
    assert judge(signed.annotate(note % b"300 400 400 450")).verdict is Verdict.WARNED
    assert judge(signed.annotate(note % b"60 690 460 720")).verdict is Verdict.FAILED


@pytest.mark.parametrize(("level", "lock"), [(1, b""), (2, b""), (None, b"/Action/All")])
def test_a_time_stamp_draws_nothing(judge: Judge, pki: Pki, at: datetime, level: int | None, lock: bytes) -> None:
    """A document time-stamp is always permitted, so it may not show anything in a field that was left empty."""
    tsa = LocalTsa(pki.key("tsa"), lambda: at)
    signed = draft().sign(pki.key("leader"), LEADER, at, certify=level, lock=lock)
    how = {"document_stamp": True, "stamp": lambda digest: tsa.stamp(digest, "sha256")}
    plain = judge(signed.sign(tsa.key, AGENCY, at, **how))
    assert plain.verdict is Verdict.PASSED
    drawn = judge(signed.sign(tsa.key, AGENCY, at, look=b"0 0 90 90 re f", **how))
    assert drawn.signatures[0].verdict is Verdict.FAILED


@pytest.mark.parametrize("shown", [True, False])
def test_what_two_tables_side_by_side_hide_is_seen(judge: Judge, approved: Paper, shown: bool) -> None:
    """The old table says the text is free; only the new one beside it could still show it."""
    row = b"\x01" + approved.offsets[TEXT].to_bytes(4, "big") + b"\x00"
    other = b"\x01" + approved.offsets[PAGE].to_bytes(4, "big") + b"\x00"
    beside = packed_table(approved, TEXT if shown else PAGE, row if shown else other)
    data = beside.data.rpartition(b"startxref")[0]
    table = len(data)
    data += b"xref\n%d 1\n%010d 00001 f \n" % (TEXT, 0)
    trailer = b"trailer\n<</Size 2000/Root %d 0 R/Prev %d/XRefStm %d>>\nstartxref\n%d\n%%%%EOF\n"
    data += trailer % (CATALOG, approved.table, len(approved.data), table)
    answer = judge(Paper(data))
    assert answer.verdict is (Verdict.WARNED if shown else Verdict.FAILED)
    assert "hybrid_references" in [note.code for note in answer.notes]

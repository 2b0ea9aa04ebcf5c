"""Every way in which two revisions can differ, one by one: no branch of the comparison is unseen."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib import import_module

import pytest

from signing.changes import Comparer, Finding, Rules, View, grade, text
from signing.errors import OverLimit
from signing.pdf import Document
from signing.results import Limits, Modification
from tests.signing.making import (
    AGENCY,
    CATALOG,
    FONT,
    FORM,
    LEADER,
    NUMBER,
    PAGE,
    PAGES,
    SECOND,
    TEXT,
    Paper,
    draft,
    drawing,
    stream,
    write,
)

FREE = 200
NOTE = b"<</Subtype/Text/Rect[0 0 9 9]/Contents(%s)>>"


def found(old: Paper, new: Paper) -> list[Finding]:
    document = Document(new.data, Limits())
    return Comparer(document).compare(document.revision(len(old.data)), document.revision(len(new.data)))


def kinds(old: Paper, new: Paper) -> list[tuple[str, str]]:
    return [(finding.kind, finding.where) for finding in found(old, new)]


def base(**objects: bytes) -> Paper:
    """The draft with some objects replaced or added (``o5``, ``o200`` ...)."""
    return write({**draft().objects, **{int(name[1:]): body for name, body in objects.items()}})


def listing(paper: Paper, extra: bytes) -> bytes:
    """The first page with more annotations in front."""
    return paper.objects[PAGE].replace(b"/Annots[", b"/Annots[" + extra)


def forming(paper: Paper, extra: bytes) -> bytes:
    """The form with more fields in front."""
    return paper.objects[FORM].replace(b"/Fields[", b"/Fields[" + extra)


def two_widgets(*kids: bytes, more: bytes = b"") -> dict[int, bytes]:
    """A text field of two widgets, in place of the number."""
    start = draft()
    widgets = {
        FREE + index: b"<</Type/Annot/Subtype/Widget/Parent %d 0 R/F 4/Rect[%d 0 9 9]%s>>" % (NUMBER, index, more)
        for index in (1, 2, 3)
    }
    names = b"".join(kids) or b"201 0 R 202 0 R"
    return {
        NUMBER: b"<</FT/Tx/T(so)/Kids[%s]>>" % names,
        PAGE: start.objects[PAGE].replace(b"%d 0 R" % NUMBER, b"201 0 R 202 0 R 203 0 R"),
        **widgets,
    }


DOUBLE = write({**draft().objects, **two_widgets()})
WITH_NOTE = base(o6=draft().objects[PAGE].replace(b"/Annots[", b"/Annots[" + NOTE % b"a" + NOTE % b"b"))
REF_NOTE = base(o200=NOTE % b"a", o6=draft().objects[PAGE].replace(b"/Annots[", b"/Annots[200 0 R "))
CHOICE = base(o10=draft().objects[NUMBER].replace(b"/FT/Tx", b"/FT/Ch"))
LOOKING = base(o10=draft().objects[NUMBER].removesuffix(b">>") + b"/AP<</N 200 0 R>>>>", o200=drawing(b"q Q"))
PLAIN = draft()
RED = b"<</Type/Font/Subtype/Type1/BaseFont/Courier>>"
NAMED = b"<</T(x)/FT/Tx/Subtype/Text/Rect[0 0 9 9]>>"
SIGNED = b"/V<</Type/Sig/Contents<30>/ByteRange[0 0 0 0]>>"

STEPS: dict[str, tuple[Paper, Callable[[Paper], Paper], list[tuple[str, str]]]] = {
    "numbers written otherwise": (
        PLAIN, lambda p: p.update({PAGE: p.objects[PAGE].replace(b"[0 0 595 842]", b"[0 0.0 595.0 842]")}), [],
    ),
    "another type": (
        PLAIN, lambda p: p.update({PAGE: p.objects[PAGE].replace(b"[0 0 595 842]", b"[0 0 (595) 842]")}),
        [("page_content", "Page")],
    ),
    "a shorter list": (
        PLAIN, lambda p: p.update({PAGE: p.objects[PAGE].replace(b"[0 0 595 842]", b"[0 0 595]")}),
        [("page_content", "Page")],
    ),
    "a key written twice below": (
        PLAIN, lambda p: p.update({FONT: p.with_entry(FONT, b"/BaseFont/Times-Roman")}),
        [("catalog", "AcroForm/DR/Font"), ("page_content", "object 3"), ("page_content", "object 3")],
    ),
    "the same text in another coding": (
        PLAIN, lambda p: p.update({TEXT: stream(
            zlib.compress(b"BT /F1 14 Tf 72 700 Td (Quyet dinh ve viec thu nghiem) Tj ET"), b"/Filter[/FlateDecode]"
        )}), [],
    ),
    "a picture nobody here decodes": (
        base(o5=stream(b"abc", b"/Filter[/DCTDecode]")),
        lambda p: p.update({TEXT: stream(b"abd", b"/Filter[201 0 R]"), 201: b"/DCTDecode"}),
        [("page_content", "object 5")],
    ),
    "the same picture again": (
        base(o5=stream(b"abc", b"/Filter/DCTDecode/DecodeParms<</K 1>>")),
        lambda p: p.update({TEXT: stream(b"abc", b"/Filter/DCTDecode/DecodeParms<</K 1>>")}), [],
    ),
    "a field written again": (PLAIN, lambda p: p.update({NUMBER: p.objects[NUMBER]}), []),
    "widgets in another order": (
        DOUBLE, lambda p: p.update(two_widgets(b"202 0 R 201 0 R")), [("form_field", "so")],
    ),
    "one more widget": (
        DOUBLE, lambda p: p.update(two_widgets(b"201 0 R 202 0 R 203 0 R")), [("form_field", "so")],
    ),
    "one widget less": (DOUBLE, lambda p: p.update(two_widgets(b"201 0 R")), [("form_field", "so")]),
    "a widget elsewhere": (
        DOUBLE, lambda p: p.update({201: p.objects[201].replace(b"[1 0", b"[5 0")}), [("form_field", "so")],
    ),
    "a widget under another parent": (
        DOUBLE, lambda p: p.update({201: p.objects[201].replace(b"/Parent 10", b"/Parent 11")}), [("form_field", "so")],
    ),
    "a signature field that gets locked": (
        PLAIN, lambda p: p.update({LEADER: p.objects[LEADER].replace(b"/F 4", b"/F 132/M(D:2026)")}), [],
    ),
    "a signature that changes its field": (
        PLAIN, lambda p: p.update({LEADER: p.with_entry(LEADER, SIGNED + b"/TU(x)")}),
        [("form_field", "leader"), ("signature_added", "leader")],
    ),
    "a signature field with another tip": (
        PLAIN, lambda p: p.update({LEADER: p.with_entry(LEADER, b"/TU(x)")}), [("form_field", "leader")],
    ),
    "a field with other flags": (
        PLAIN, lambda p: p.update({NUMBER: p.with_entry(NUMBER, b"/Ff 4096/V(1)")}), [("form_field", "so")],
    ),
    "a field that becomes read-only": (PLAIN, lambda p: p.update({NUMBER: p.with_entry(NUMBER, b"/Ff 1")}), []),
    "a look without value": (
        LOOKING, lambda p: p.update({200: drawing(b"0 0 9 9 re f")}), [("appearance", "so")],
    ),
    "a first look without value": (
        PLAIN, lambda p: p.update({NUMBER: p.with_entry(NUMBER, b"/AP<</N 200 0 R>>"), 200: drawing(b"q Q")}),
        [("form_value", "so")],
    ),
    "a field that is no widget any more": (
        PLAIN, lambda p: p.update({NUMBER: p.objects[NUMBER].replace(b"/Subtype/Widget", b"/Subtype/Link/V(1)")}),
        [("form_field", "so")],
    ),
    "a field that is no annotation any more": (
        PLAIN, lambda p: p.update({NUMBER: p.objects[NUMBER].replace(b"/Type/Annot", b"/Type/Page/V(1)")}),
        [("form_field", "so")],
    ),
    "a field that does not say that it is an annotation": (
        PLAIN, lambda p: p.update({NUMBER: p.objects[NUMBER].replace(b"/Type/Annot", b"")}), [],
    ),
    "a choice": (
        CHOICE, lambda p: p.update({NUMBER: p.with_entry(NUMBER, b"/V[(a)(b)]")}), [("form_value", "so")],
    ),
    "a value that is no text": (
        CHOICE, lambda p: p.update({NUMBER: p.with_entry(NUMBER, b"/V<</A 1>>")}), [("form_value", "so")],
    ),
    "a parent without meaning": (
        PLAIN, lambda p: p.update({FORM: forming(p, b"200 0 R "), 200: b"<</T(x)/Kids[201 0 R]>>", 201: b"<</T(y)>>"}),
        [("form_field", "x.y")],
    ),
    "a new text field": (
        PLAIN, lambda p: p.update({FORM: forming(p, b"<</T(x)/FT/Tx>>")}), [("form_field", "x")],
    ),
    "a new field that runs a script": (
        PLAIN, lambda p: p.update({FORM: forming(p, b"<</T(x)/FT/Sig/AA<</F<</S/JavaScript/JS(x)>>>>>>")}),
        [("action", "x")],
    ),
    "a comment that becomes a field": (
        REF_NOTE, lambda p: p.update({FORM: forming(p, b"200 0 R "), 200: NAMED}),
        [("form_field", "x"), ("annotation", "Text")],
    ),
    "a new signature on a blank spot": (
        PLAIN, lambda p: p.update({
            FORM: forming(p, b"200 0 R "), PAGE: listing(p, b"200 0 R "), 201: drawing(b"0 0 9 9 re S"),
            200: b"<</Subtype/Widget/T(x)/FT/Sig/P %d 0 R/Rect[50 300 150 350]/AP<</N 201 0 R>>%s>>" % (PAGE, SIGNED),
        }), [("signature_added", "x")],
    ),
    "a new signature nobody sees": (
        PLAIN, lambda p: p.update({FORM: forming(p, b"<</T(x)/FT/Sig/F 2/Rect[0 0 9 9]%s>>" % SIGNED)}),
        [("signature_added", "x")],
    ),
    "a new signature in an odd box": (
        PLAIN, lambda p: p.update({FORM: forming(p, b"<</T(x)/FT/Sig/Rect[0 0 9]%s>>" % SIGNED)}),
        [("signature_added", "x")],
    ),
    "readers shall draw the values": (
        PLAIN, lambda p: p.update({FORM: p.with_entry(FORM, b"/NeedAppearances true")}),
        [("form_value", "NeedAppearances")],
    ),
    "other sets of procedures": (
        base(o4=draft().objects[FORM].replace(b"/DR<<", b"/DR<</ProcSet[/PDF]")),
        lambda p: p.update({FORM: p.objects[FORM].replace(b"[/PDF]", b"[/Text]")}),
        [("catalog", "AcroForm/DR/ProcSet")],
    ),
    "the same sets of procedures": (
        base(o4=draft().objects[FORM].replace(b"/DR<<", b"/DR<</ProcSet[/PDF]")),
        lambda p: p.update({FORM: p.objects[FORM] + b" "}), [],
    ),
    "a note in front of others": (
        WITH_NOTE, lambda p: p.update({PAGE: listing(p, NOTE % b"c")}),
        [("annotation", "Text"), ("annotation", "Text")],
    ),
    "a note taken away from the front": (
        WITH_NOTE, lambda p: p.update({PAGE: p.objects[PAGE].replace(NOTE % b"a", b"")}), [("annotation", "Text")],
    ),
    "a note taken away from the end": (
        WITH_NOTE, lambda p: p.update({PAGE: p.objects[PAGE].replace(NOTE % b"b", b"")}), [("annotation", "Text")],
    ),
    "a note that became an object": (
        WITH_NOTE, lambda p: p.update({PAGE: p.objects[PAGE].replace(NOTE % b"b", b"200 0 R "), 200: NOTE % b"b"}),
        [("annotation", "Text")],
    ),
    "a note written again": (REF_NOTE, lambda p: p.update({200: NOTE % b"a"}), []),
    "a note that moved to another page": (
        REF_NOTE, lambda p: p.update({
            PAGE: p.objects[PAGE].replace(b"200 0 R ", b""),
            SECOND: p.with_entry(SECOND, b"/Annots[200 0 R]"),
        }), [("annotation", "Text"), ("overlay", "Annots"), ("overlay", "Annots")],
    ),
    "a field that moved to another page": (
        PLAIN, lambda p: p.update({
            PAGE: p.objects[PAGE].replace(b"[%d 0 R " % NUMBER, b"["),
            SECOND: p.with_entry(SECOND, b"/Annots[%d 0 R]" % NUMBER),
        }), [("annotation", "10"), ("overlay", "Annots"), ("overlay", "Annots")],
    ),
    "one more level of pages": (
        PLAIN, lambda p: p.update({
            PAGES: b"<</Type/Pages/Count 2/Kids[200 0 R]>>",
            200: b"<</Type/Pages/Count 2/Kids[%d 0 R %d 0 R]>>" % (PAGE, SECOND),
        }), [("page_count", "Pages")],
    ),
    "no catalogue": (
        PLAIN, lambda p: p.update({}, root=950),
        [("form_field", "so"), ("form_field", "ngay"), ("form_field", "leader"), ("form_field", "agency"),
         ("catalog", "AcroForm"), *[("overlay", "Widget")] * 4, ("page_count", "Pages"), ("catalog", "Root")],
    ),
    "metadata": (
        PLAIN, lambda p: p.update({CATALOG: p.with_entry(CATALOG, b"/Metadata 200 0 R"), 200: stream(b"<x/>")}),
        [("metadata", "Metadata")],
    ),
    "title": (
        write(draft().objects, b"/Info<</Title(a)>>"), lambda p: p.update({200: b"<<>>"}), [("metadata", "Info")],
    ),
    "evidence": (
        PLAIN, lambda p: p.update({CATALOG: p.with_entry(CATALOG, b"/DSS<</Certs[]>>")}), [("dss", "DSS")],
    ),
    "page and text at once": (
        PLAIN, lambda p: p.update({PAGE: p.with_entry(PAGE, b"/Rotate 90"), TEXT: stream(b"q Q")}),
        [("page_content", "Page")],
    ),
    "a number that was free": (
        base(o6=draft().objects[PAGE].replace(b"/Annots[", b"/PieceInfo 300 0 R/Annots[")),
        lambda p: p.update({300: b"<</X 1>>"}), [("page_content", "object 300")],
    ),
    "something only the catalogue leads to": (
        base(o1=draft().objects[CATALOG].removesuffix(b">>") + b"/Names 200 0 R>>", o200=b"<<>>"),
        lambda p: p.update({200: b"<</B 1>>"}), [("catalog", "Names"), ("object", "object 200")],
    ),
    "something only the field names lead to": (
        base(o4=draft().objects[FORM].removesuffix(b">>") + b"/XFA 200 0 R>>", o200=stream(b"x")),
        lambda p: p.update({200: stream(b"y")}), [("catalog", "AcroForm/XFA"), ("object", "object 200")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_what_is_found(name: str) -> None:
    old, change, expected = STEPS[name]
    assert kinds(old, change(old)) == expected


def packed(members: dict[int, bytes]) -> bytes:
    """An object stream."""
    head, body = b"", b""
    for number, value in members.items():
        head += b"%d %d " % (number, len(body))
        body += value + b" "
    return stream(head + body, b"/Type/ObjStm/N %d/First %d" % (len(members), len(head)))


def test_an_object_stream_that_moves_takes_its_objects_along() -> None:
    """The font lies in an object stream; an update replaces the stream and says nothing about the font."""
    plain = {number: body for number, body in draft().objects.items() if number != FONT}
    paper = write({**plain, 250: packed({FONT: draft().objects[FONT]})})
    rows = b"\x02" + (250).to_bytes(2, "big") + b"\x00"
    keys = b"/Type/XRef/Size 400/W[1 2 1]/Index[%d 1]/Root 1 0 R/Prev %d" % (FONT, paper.table)
    table = len(paper.data)
    data = paper.data + b"260 0 obj\n" + stream(rows, keys) + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % table
    whole = Paper(data, {**paper.objects, 260: b""}, paper.offsets, table)
    assert kinds(whole, whole.update({250: packed({FONT: draft().objects[FONT]})})) == []
    changed = whole.update({250: packed({FONT: RED})})
    assert ("page_content", f"object {FONT}") in kinds(whole, changed)


@pytest.mark.parametrize("way", ["information", "metadata", "evidence"])
def test_what_may_change_is_no_cover_for_what_may_not(way: str) -> None:
    """The page's text is also said to be something that may change; found different once, it stays different."""
    at = b"%d 0 R" % TEXT
    catalog = draft().objects[CATALOG].removesuffix(b">>")
    entry = {"information": b"", "metadata": b"/Metadata " + at, "evidence": b"/DSS<</Certs[%s]>>" % at}[way]
    objects = {**draft().objects, CATALOG: catalog + entry + b">>"}
    paper = write(objects, b"/Info " + at if way == "information" else b"")
    changed = found(paper, paper.update({TEXT: stream(b"q Q")}))
    assert {finding.kind for finding in changed} >= {"page_content"}


def test_details_tell_what_a_choice_was() -> None:
    (finding,) = found(CHOICE, STEPS["a choice"][1](CHOICE))
    assert finding.detail == "'' -> 'a, b'"
    (finding,) = found(CHOICE, STEPS["a value that is no text"][1](CHOICE))
    assert finding.detail == "'' -> '...'"


def test_pages_and_annotations_may_stand_directly() -> None:
    page = b"<</Type/Page/MediaBox[0 0 9 9]/Annots[%s]>>" % (NOTE % b"a")
    paper = base(o2=b"<</Type/Pages/Count 1/Kids[%s]>>" % page)
    document = Document(paper.data, Limits())
    view = View(document.revision(len(paper.data)))
    assert [number for number, _ in view.pages] == [None]
    assert list(view.annotations) == ["1/0"]
    changed = paper.update({PAGES: paper.objects[PAGES].replace(b"[0 0 9 9]/A", b"[0 0 5 5]/A")})
    assert ("page_content", "Page") in kinds(paper, changed)


def test_fields_of_one_name_are_told_apart() -> None:
    paper = base(o4=forming(draft(), b"<</T(a)/FT/Tx>><</T(a)/FT/Tx>>"))
    document = Document(paper.data, Limits())
    names = list(View(document.revision(len(paper.data))).fields)
    assert names == ["a", "a#1", "so", "ngay", "leader", "agency"]


def test_fields_in_a_circle_end() -> None:
    paper = base(o4=forming(draft(), b"200 0 R 7 (x) "), o200=b"<</T(a)/Kids[200 0 R 201 0 R]>>", o201=b"<</T(b)>>")
    document = Document(paper.data, Limits())
    assert {"a", "a.b", "so"} <= set(View(document.revision(len(paper.data))).fields)


def chain(key: bytes, last: bytes, length: int) -> dict[int, bytes]:
    """Objects that lead to one another."""
    return {400 + step: b"<<%s[%d 0 R]>>" % (key, 401 + step) for step in range(length)} | {400 + length: last}


@pytest.mark.parametrize(
    "objects",
    [
        {PAGES: b"<</Type/Pages/Kids[400 0 R]>>", **chain(b"/Type/Pages/Kids", b"<</Type/Page>>", 20)},
        {FORM: forming(draft(), b"400 0 R "), **chain(b"/Kids", b"<</T(x)>>", 20)},
    ],
)
def test_trees_have_a_limit(objects: dict[int, bytes]) -> None:
    paper = write({**draft().objects, **objects})
    document = Document(paper.data, Limits(depth=10))
    with pytest.raises(OverLimit):
        View(document.revision(len(paper.data)))


def test_pages_have_a_limit() -> None:
    document = Document(draft(5).data, Limits(pages=4))
    with pytest.raises(OverLimit):
        View(document.revision(len(document.data)))


@pytest.mark.parametrize("name", ["_MOST_FINDINGS", "_LARGEST_COMPARISON"])
def test_comparisons_have_a_limit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("signing.changes"), name, 0)
    with pytest.raises(OverLimit):
        found(PLAIN, PLAIN.update({TEXT: stream(b"q Q")}))


def test_text_in_three_codings() -> None:
    assert text("đỏ".encode("utf-8-sig")) == "đỏ"
    assert text(b"\xfe\xff" + "đỏ".encode("utf-16-be")) == "đỏ"
    assert text(b"do") == "do"
    assert (text(None), text([1]), text(7)) == ("", "", "7")


def test_a_new_field_after_a_lock_is_listed() -> None:
    fresh = Finding("signature_added", name="x", fresh=True)
    lock = (("All", frozenset[str]()),)
    assert grade(fresh, Rules(locks=lock), covered=False) is Modification.LISTED
    assert grade(fresh, Rules(locks=lock), covered=True) is Modification.LISTED
    assert Rules(locks=lock).whole
    assert not Rules(2).whole


def test_a_widget_of_nobody_is_on_no_page() -> None:
    document = Document(PLAIN.data, Limits())
    view = View(document.revision(len(PLAIN.data)))
    assert view.page(AGENCY, view.fields["agency"].dict) == 1
    assert view.page(None, view.fields["agency"].dict) == 1
    assert view.page(None, view.catalog) is None

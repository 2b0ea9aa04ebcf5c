"""Properties: whatever the range, the increment or the structure, there is an answer, and nothing foreign passes."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from signing.byterange import GuardFault, guard
from signing.errors import SigningError
from signing.inspect import inspect
from signing.pdf import Dict, Document, Ref, Stream, parse
from signing.pki import Pki
from signing.results import Limits, Verdict, Verification
from signing.trust import Trust
from signing.verify import verify
from tests.signing.making import CATALOG, FORM, PAGE, TEXT, Paper, approved, certified, draft, issued, stream, write  # noqa: F401

AT = datetime.fromisoformat("2026-11-21T09:00:00+07:00")
QUIET = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


def judged(paper: Paper, pki: Pki) -> Verification:
    answer = verify(paper.data, pki.trust(), at=AT + timedelta(hours=1))
    assert all(reason.code != "internal_error" for reason in answer.reasons), answer.reasons
    return answer


# ranges ------------------------------------------------------------------------------------------------------


@QUIET
@given(st.lists(st.integers(-3, 3) | st.integers(-(10**6), 10**6), min_size=4, max_size=4))
@example([0, 0, 0, 0])
@example([0, 0, 0, -1])
@example([0, 0, 0, -2])
def test_no_range_but_the_true_one_is_lawful(approved: Paper, shifts: list[int]) -> None:
    found = re.search(rb"/ByteRange\[0 (\d+) (\d+) (\d+)\]", approved.data)
    assert found is not None
    true = [0, *(int(number) for number in found.groups())]
    told = [number + shift for number, shift in zip(true, shifts, strict=True)]
    contents = (true[1], true[2])
    # A revision ends with its end-of-file marker; the line end behind that belongs to it or to nobody.
    behind = approved.data[sum(told[2:]) :] if told[:3] == true[:3] and told[3] > 0 else b"%"
    if told[3] <= true[3] and not behind.strip(b"\r\n"):
        assert guard(approved.data, told, contents).end == sum(told[2:])
        return
    with pytest.raises(GuardFault):
        guard(approved.data, told, contents)


@QUIET
@given(st.lists(st.integers(-5, 10**11) | st.floats() | st.text(max_size=3) | st.none(), max_size=6))
def test_any_range_gets_an_answer(pki: Pki, approved: Paper, numbers: list[object]) -> None:
    words = b" ".join(b"(%s)" % repr(n).encode() if isinstance(n, str) else str(n).encode() for n in numbers)[:38]
    found = re.search(rb"/ByteRange\[[^]]*\] *", approved.data)
    assert found is not None
    told = (b"/ByteRange[" + words + b"]").ljust(len(found.group()))[: len(found.group())]
    assume(told.strip() != found.group().strip())
    assert judged(Paper(approved.data.replace(found.group(), told)), pki).verdict is not Verdict.PASSED


# increments --------------------------------------------------------------------------------------------------

SOMETHING = st.sampled_from(
    [b"null", b"0", b"-7", b"1.5", b"true", b"(x)", b"/X", b"[]", b"<<>>", b"5 0 R", b"999 0 R"]
)


@st.composite
def increment(draw: st.DrawFn, paper: Paper) -> Paper:
    """One signed object written again with something added, taken away or replaced."""
    number = draw(st.sampled_from(sorted(paper.objects)))
    body = paper.objects[number]
    how = draw(st.sampled_from(["add", "remove", "replace", "whole", "free", "move"]))
    if how == "free":
        return paper.update({}, freed=[number])
    if how == "move":
        return paper.update({}, moved={number: draw(st.sampled_from(sorted(paper.offsets.values())))})
    if how == "whole":
        return paper.update({number: draw(SOMETHING)})
    head, mark, rest = body.partition(b"stream\n")
    if how == "add":
        where = head.index(b"<<") + 2 if b"<<" in head else 0
        made = head[:where] + b"/Key%d %s" % (draw(st.integers(0, 9)), draw(SOMETHING)) + head[where:]
    else:
        spots = [found.span() for found in re.finditer(rb"(?<=[\s\[])\d+(?=[\s\]/>])|/[A-Z]\w+|\(\w*\)", head)]
        assume(spots)
        start, end = draw(st.sampled_from(spots))
        made = head[:start] + (b"" if how == "remove" else draw(SOMETHING)) + head[end:]
    return paper.update({number: made + mark + rest})


QUIET_KEYS = {CATALOG: {"Extensions", "Version"}, PAGE: {"LastModified", "Tabs"}, FORM: {"Q"}}


def content(paper: Paper) -> dict[int, object]:
    """What each object is, as a reader takes it; without what may change without being seen."""
    document = Document(paper.data, Limits())
    revision = document.revision(len(paper.data))

    def plain(value: object, number: int = 0) -> object:
        if type(value) is Stream:
            return plain(value.dict, number), document.raw(value, revision)
        if type(value) is Dict:
            quiet = {"P", "M", "NM"} if value.get("Subtype") == "Widget" else QUIET_KEYS.get(number, set())
            kept = {key: plain(item) for key, item in value.items() if key not in quiet}
            if value.get("Subtype") == "Widget" and kept.get("Type") == "Annot":
                del kept["Type"]
            return {key: item for key, item in kept.items() if item is not None}
        if type(value) is list:
            return [plain(item) for item in value]
        if type(value) is Ref:  # one that leads nowhere is null (ISO 32000-2, 7.3.10)
            return tuple(value) if revision.get(value.number) is not None else None
        return value

    found = {number: plain(revision.get(number), number) for number in revision.numbers()}
    return {number: value for number, value in found.items() if value is not None}


@pytest.mark.parametrize("signed", ["approved", "certified", "issued"])
def test_nothing_foreign_passes(pki: Pki, signed: str, request: pytest.FixtureRequest) -> None:
    paper: Paper = request.getfixturevalue(signed)
    same = content(paper)

    @settings(QUIET, max_examples=200)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        changed = data.draw(increment(paper))
        answer = judged(changed, pki)
        if answer.verdict is Verdict.PASSED:
            told = changed.data[len(paper.data) :]
            assert content(changed) == same, told if len(told) < 2000 else len(told)
            assert all(not item.changes or item.verdict is Verdict.PASSED for item in answer.signatures)

    check()


# structures --------------------------------------------------------------------------------------------------

LEAVES = st.sampled_from(
    [b"null", b"1", b"-1", b"99999999999", b"0.5", b"true", b"(a)", b"<41>", b"/Sig", b"/Page", b"/Pages", b"/Tx",
     b"/Catalog", b"[0 1 2 3]", *[b"%d 0 R" % number for number in range(1, 9)]]
)  # fmt: skip
KEYS = st.sampled_from(
    [b"Type", b"Kids", b"Parent", b"Count", b"Annots", b"Contents", b"Fields", b"FT", b"T", b"V", b"Rect", b"AP", b"N",
     b"ByteRange", b"SubFilter", b"AcroForm", b"Pages", b"DSS", b"CRLs", b"Perms", b"DocMDP", b"Reference", b"Lock",
     b"TransformMethod", b"TransformParams", b"P", b"Action", b"Filter", b"DecodeParms", b"Length", b"Subtype", b"F"]
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: b"[" + b" ".join(items) + b"]")
        | st.lists(st.tuples(KEYS, inner), max_size=6).map(
            lambda pairs: b"<<" + b"".join(b"/%s %s" % pair for pair in pairs) + b">>"
        )
    ),
    max_leaves=12,
)


@settings(QUIET, max_examples=300)
@given(st.dictionaries(st.integers(1, 8), VALUES | VALUES.map(stream), max_size=8))
def test_any_structure_gets_an_answer(objects: dict[int, bytes]) -> None:
    skeleton = {
        1: b"<</Type/Catalog/Pages 2 0 R/AcroForm 4 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]>>",
        3: b"<</Type/Page>>",
    }
    data = write({**skeleton, **objects}).data
    answer = verify(data, Trust(), at=AT)
    assert all(reason.code != "internal_error" for reason in answer.reasons), answer.reasons
    assert answer.verdict is not Verdict.PASSED
    with suppress(SigningError):
        inspect(data)


@settings(QUIET, max_examples=150)
@given(st.dictionaries(st.sampled_from([1, 2, 4, 5, 6, 12, 13, 14]), VALUES, min_size=1, max_size=4))
def test_any_update_of_a_signed_file_gets_an_answer(pki: Pki, approved: Paper, objects: dict[int, bytes]) -> None:
    changed = approved.update(objects)
    answer = judged(changed, pki)
    if TEXT in objects or 14 in objects:
        assert answer.verdict is not Verdict.PASSED


@QUIET
@given(VALUES)
def test_whatever_is_written_is_read(value: bytes) -> None:
    parsed, end = parse(value, 0, 50)
    assert end == len(value)
    assert (parsed is None) == (value == b"null")

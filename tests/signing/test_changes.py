"""Differences between revisions, and the table of what each signature allows."""

from __future__ import annotations

import pytest

from signing import messages
from signing.changes import Comparer, Finding, Rules, grade, text
from signing.errors import Damaged
from signing.pdf import Document
from signing.results import Limits, Modification
from tests.signing.making import NUMBER, PAGE, TEXT, Paper, draft, stream

P, L, F = Modification.PERMITTED, Modification.LISTED, Modification.FORBIDDEN
ALL = (("All", frozenset[str]()),)

TABLE = [
    # kind                 None  1  2  3   uncovered
    ("dss", [P, P, P, P]),
    ("metadata", [P, P, P, P]),
    ("timestamp_added", [P, P, P, P]),
    ("signature_added", [P, F, P, P]),
    ("form_value", [L, F, L, L]),
    ("annotation", [L, F, F, L]),
    ("overlay", [F, F, F, F]),
    ("action", [F, F, F, F]),
    ("appearance", [F, F, F, F]),
    ("page_content", [F, F, F, F]),
    ("page_count", [F, F, F, F]),
    ("catalog", [F, F, F, F]),
    ("structure", [F, F, F, F]),
    ("form_field", [F, F, F, F]),
    ("signature_changed", [F, F, F, F]),
    ("object", [F, F, F, F]),
    ("comparison_impossible", [F, F, F, F]),
    ("something nobody thought of", [F, F, F, F]),
]


@pytest.mark.parametrize(("kind", "expected"), TABLE)
def test_what_each_level_allows(kind: str, expected: list[Modification]) -> None:
    levels = (None, 1, 2, 3)
    assert [grade(Finding(kind, name="so"), Rules(level), covered=False) for level in levels] == expected


@pytest.mark.parametrize("level", [2, 3])
def test_a_covered_fill_is_permitted_under_a_certification_only(level: int) -> None:
    fill = Finding("form_value", name="so")
    assert grade(fill, Rules(level), covered=True) is P
    assert grade(fill, Rules(None), covered=True) is L
    assert grade(fill, Rules(1), covered=True) is F
    assert grade(fill, Rules(level, ALL), covered=True) is F


def test_a_new_signature_field() -> None:
    fresh = Finding("signature_added", name="x", fresh=True)
    visible = Finding("signature_added", name="x", fresh=True, visible=True)
    over = Finding("signature_added", name="x", fresh=True, visible=True, disturbing=True)
    assert [grade(item, Rules(2), covered=False) for item in (fresh, visible)] == [L, F]
    assert [grade(item, Rules(), covered=False) for item in (fresh, visible, over)] == [P, P, L]
    assert grade(Finding("timestamp_added", visible=True), Rules(), covered=False) is F


@pytest.mark.parametrize(
    ("lock", "locked"),
    [
        (("All", frozenset()), {"a", "a.b", "ab"}),
        (("Include", frozenset({"a"})), {"a", "a.b"}),
        (("Exclude", frozenset({"a"})), {"ab"}),
        (("Include", frozenset({"a.b"})), {"a.b"}),
    ],
)
def test_which_fields_a_lock_names(lock: tuple[str, frozenset[str]], locked: set[str]) -> None:
    assert {name for name in ("a", "a.b", "ab") if Rules(locks=(lock,)).locked(name)} == locked


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(b"abc", "abc"), ("đỏ".encode("utf-16-be"), None), (b"\xfe\xff" + "đỏ".encode("utf-16-be"), "đỏ")],
)
def test_text_strings(raw: bytes, expected: str | None) -> None:
    assert text(raw) == (raw.decode("latin-1") if expected is None else expected)


def compared(old: Paper, new: Paper) -> list[tuple[str, int | None]]:
    document = Document(new.data, Limits())
    findings = Comparer(document).compare(document.revision(len(old.data)), document.revision(len(new.data)))
    return [(finding.kind, finding.page) for finding in findings]


def test_a_revision_is_the_same_as_itself() -> None:
    paper = draft()
    assert compared(paper, paper) == []


def test_an_unreferenced_object_is_no_difference() -> None:
    paper = draft()
    assert compared(paper, paper.update({500: b"<</Nothing 1>>"})) == []


def test_content_is_told_by_page() -> None:
    paper = draft(3)
    assert compared(paper, paper.update({TEXT: stream(b"q Q")})) == [("page_content", 1)]
    assert compared(paper, paper.update({7: stream(b"q Q")})) == [("page_content", 2), ("page_content", 3)]


def test_a_fill_tells_old_and_new() -> None:
    paper = draft().fill(NUMBER, b"1")
    document = Document(paper.fill(NUMBER, b"2").data, Limits())
    old, new = document.revision(len(paper.data)), document.revision(len(document.data))
    (finding,) = Comparer(document).compare(old, new)
    assert (finding.kind, finding.name, finding.detail, finding.page) == ("form_value", "so", "'1' -> '2'", 1)


def test_the_chain_may_start_anew_but_is_then_compared_whole() -> None:
    paper = draft()
    rewritten = paper.update({PAGE: paper.objects[PAGE]}, previous=paper.table)
    assert compared(paper, rewritten) == []


def test_a_page_tree_that_bites_its_tail_is_damage() -> None:
    paper = draft().update({2: b"<</Type/Pages/Count 1/Kids[2 0 R]>>"})
    document = Document(paper.data, Limits())
    revision = document.revision(len(paper.data))
    with pytest.raises(Damaged):
        Comparer(document).view(revision)


def test_every_kind_of_change_has_its_words() -> None:
    assert {kind for kind, _ in TABLE[:-1]} <= messages.codes()

"""Text before it is a version: its writer's alone, kept under a count, normalised, drawn, and never lost unseen."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from eoffice.core import compare
from eoffice.core.errors import InvalidInput, NotAllowed, NotFound, StaleForm
from eoffice.models.review import DraftText
from eoffice.rules.secrecy import StateSecretRefused
from eoffice.services import drafting, search, writing
from eoffice.services.drafting import Content, To
from tests.support.world import World, snapshot


def keeping(world: World, login: str, body: Any) -> Any:
    return world.office.keep(world.actor(login), body)


def begun(world: World, login: str = "tuan") -> UUID:
    text: UUID = keeping(world, login, lambda desk: writing.begin(desk, key=uuid4()))
    return text


def content(world: World, *paragraphs: str) -> Content:
    return Content(
        kind="official_letter",
        subject="V/v cung cấp số liệu",
        paragraphs=paragraphs or ("Sở Nội vụ cung cấp số liệu như sau./.",),
        to=(To("Sở Tài chính", world.agency("so-tai-chinh")),),
        signer=world.post("nam"),
    )


def keep(world: World, text: UUID, told: Content, *, window: str = "a", count: int = 0, login: str = "tuan") -> Any:
    return keeping(world, login, lambda desk: writing.keep(desk, text, told, window=window, count=count))


def drafted(world: World) -> UUID:
    made = world.office.do(world.actor("tuan"), drafting.compose, key=f"c{uuid4()}", content=content(world))
    return UUID(str(made.id))


def test_the_same_press_begins_one_text(bare_world: World) -> None:
    key = uuid4()
    first, second = (keeping(bare_world, "tuan", lambda desk: writing.begin(desk, key=key)) for _ in range(2))
    assert first == second
    assert snapshot(bare_world, DraftText) == 1
    with pytest.raises(NotFound):
        keeping(bare_world, "huy", lambda desk: writing.begin(desk, key=key))


def test_what_is_kept_comes_back_whole(bare_world: World) -> None:
    text = begun(bare_world)
    told = replace(
        content(bare_world, "Một", "", "Hai"), grounds=("Căn cứ Luật",), noted=("Lãnh đạo Sở",), urgency="urgent"
    )
    keep(bare_world, text, told)
    with bare_world.office.read(bare_world.actor("tuan")) as desk:
        found = writing.find(desk, text)
        assert [row.id for row in writing.all_open(desk)] == [text]
    assert (found.content, found.count, found.window) == (told, 1, "a")


@pytest.mark.parametrize("login", ["son", "huy", "nam", "hanh", "yen", "phong"])
def test_a_text_is_its_writers_alone(bare_world: World, login: str) -> None:
    """Neither his head nor who sees the whole agency knows of it."""
    text = begun(bare_world)
    with bare_world.office.read(bare_world.actor(login)) as desk:
        with pytest.raises(NotFound):
            writing.find(desk, text)
        with pytest.raises(NotFound):
            writing.find_or_none(desk, text)
        assert writing.all_open(desk) == []
    with pytest.raises(NotFound):
        keep(bare_world, text, content(bare_world), login=login)
    keeping(bare_world, login, lambda desk: writing.drop(desk, text))
    assert snapshot(bare_world, DraftText) == 1


def test_two_windows_never_overwrite_each_other_unseen(bare_world: World) -> None:
    text = begun(bare_world)
    keep(bare_world, text, content(bare_world, "Của cửa sổ a"), window="a", count=0)
    keep(bare_world, text, content(bare_world, "Của a, thêm"), window="a", count=0)  # a slow answer is no conflict
    with pytest.raises(writing.KeptElsewhere):
        keep(bare_world, text, content(bare_world, "Của cửa sổ b"), window="b", count=0)
    with bare_world.office.read(bare_world.actor("tuan")) as desk:
        assert writing.find(desk, text).content.paragraphs == ("Của a, thêm",)
    keep(bare_world, text, content(bare_world, "Của b"), window="b", count=2)  # having seen it
    with pytest.raises(writing.KeptElsewhere):
        keep(bare_world, text, content(bare_world, "Của a"), window="a", count=2)


def test_state_secrets_and_endless_texts_are_not_kept(bare_world: World) -> None:
    text = begun(bare_world)
    with pytest.raises(StateSecretRefused):
        keep(bare_world, text, replace(content(bare_world), secrecy="secret"))
    keep(bare_world, text, content(bare_world, "x" * 99_000))
    with pytest.raises(InvalidInput) as caught:
        keep(bare_world, text, content(bare_world, "x" * 100_000), count=1)
    assert caught.value.code == "text_too_long"
    with pytest.raises(InvalidInput):
        keep(bare_world, text, content(bare_world, *["x"] * 1001), count=1)
    with bare_world.office.read(bare_world.actor("tuan")) as desk:
        assert writing.find(desk, text).count == 1


def test_pasted_text_falls_apart_into_paragraphs() -> None:
    word = "Mở\u00a0đầu:\r\n\r\n\u2022\tGạch\u200b một\n\uf0b7 Gạch hai\vTiếp\x07 theo\u2028cuối"
    found = writing.paragraphs([unicodedata.normalize("NFD", word), "", "  ", "Kết./."])
    assert found == ("Mở đầu:", "- Gạch một", "- Gạch hai", "Tiếp theo", "cuối", "", "", "Kết./.")
    assert writing.paragraphs(["ông Nam\no hai"]) == ("ông Nam", "- hai")


def test_an_edit_begins_from_the_newest_version(bare_world: World) -> None:
    draft = drafted(bare_world)
    row = keeping(bare_world, "tuan", lambda desk: writing.edit(desk, draft))
    again = keeping(bare_world, "tuan", lambda desk: writing.edit(desk, draft))
    assert (row.id, row.began_from, row.content) == (again.id, 1, content(bare_world))
    head = keeping(bare_world, "son", lambda desk: writing.edit(desk, draft))
    assert head.id != row.id
    for login, error in (("nam", NotAllowed), ("huy", NotFound), ("yen", NotFound)):
        with pytest.raises(error):
            keeping(bare_world, login, lambda desk: writing.edit(desk, draft))


@pytest.mark.parametrize("kind", ["official_letter", "decision", "report"])
def test_a_version_reads_back_as_it_was_written(bare_world: World, kind: str) -> None:
    told = replace(
        content(bare_world, "Điều 1. Nội dung.", "Điều 2. Hiệu lực./."),
        kind=kind,
        to=(
            To("Sở Tài chính", bare_world.agency("so-tai-chinh")),
            To("Công ty A", None, "addressee", True, writing.NO_WAY),
            To("UBND xã Phú Thịnh", bare_world.agency("xa-phu-thinh"), "cc"),
        ),
        grounds=("Căn cứ Luật Lưu trữ",),
        noted=("Lãnh đạo Sở",),
        urgency="urgent",
    )
    made = bare_world.office.do(bare_world.actor("tuan"), drafting.compose, key="c", content=told)
    with bare_world.office.read(bare_world.actor("tuan")) as desk:
        row = search.document(desk, made.id)
        assert drafting.content_of(desk, row) == told
        letter = drafting.newest(desk, row.id).letter
    addressed = kind != "decision"
    assert bool(letter["recipients"]) == addressed
    assert ("Như trên" in letter["noi_nhan"]) == addressed
    assert ("Sở Tài chính" in letter["noi_nhan"]) != addressed


def test_a_newer_version_is_never_buried(bare_world: World) -> None:
    draft = drafted(bare_world)
    office = bare_world.office
    mine, his = content(bare_world, "Bản của Tuấn./."), content(bare_world, "Bản của Sơn./.")
    office.do(bare_world.actor("son"), drafting.revise, draft, key="s", content=his, began_from=1)
    with pytest.raises(drafting.NewerVersion):
        office.do(bare_world.actor("tuan"), drafting.revise, draft, key="t", content=mine, began_from=1)
    office.do(bare_world.actor("tuan"), drafting.revise, draft, key="t2", content=mine, began_from=2)
    with office.read(bare_world.actor("tuan")) as desk:
        assert [row.number for row in drafting.version_list(desk, draft)] == [1, 2, 3]


def test_a_form_shown_before_a_new_version_is_stale(bare_world: World) -> None:
    """Also when nothing but the text changed: no fact of the document, not even its state."""
    draft = drafted(bare_world)
    office = bare_world.office
    with office.read(bare_world.actor("son")) as desk:
        shown = search.document(desk, draft).version
    changed = content(bare_world, "Sở Nội vụ cung cấp số liệu như dưới./.")
    office.do(bare_world.actor("tuan"), drafting.revise, draft, key="r", content=changed)
    with pytest.raises(StaleForm):
        office.do(bare_world.actor("son"), drafting.submit, draft, key="s", version=shown)


def test_the_paper_is_drawn_once_and_old_looks_go(bare_world: World) -> None:
    text = begun(bare_world)
    folder = bare_world.office.settings.cache / "writing" / str(text)
    with bare_world.office.read(bare_world.actor("tuan")) as desk:
        assert writing.look(desk, text, content(bare_world, "")).problem is not None
        first = writing.look(desk, text, content(bare_world, "Một./."))
        assert (first.pages, first.problem) == (1, None)
        paper = next(folder.glob("*/*.pdf"))
        before = paper.stat().st_mtime_ns
        assert writing.look(desk, text, content(bare_world, "Một./.")) == first
        assert paper.stat().st_mtime_ns == before
        second = writing.look(desk, text, content(bare_world, *["Dài " * 200] * 12))
        assert second.pages > 2
        assert second.mark != first.mark
        assert [found.name for found in folder.glob("*/*.pdf")] == [f"{second.pages}.pdf"]
        found = writing.find(desk, text)
        picture = writing.page_image(desk, replace(found, content=content(bare_world, "Một./.")), 1)
        assert picture.read_bytes().startswith(b"\xff\xd8")
        with pytest.raises(NotFound):
            writing.page_image(desk, replace(found, content=content(bare_world, "Một./.")), 2)
    keeping(bare_world, "tuan", lambda desk: writing.drop(desk, text))
    assert not folder.exists()


def test_signers_come_with_each_capacity(bare_world: World) -> None:
    with bare_world.office.read(bare_world.actor("tuan")) as desk:
        found = writing.signers(desk)
    assert [one.label for one in found] == ["GĐ Nguyễn Văn Nam", "KT. GĐ, bà Phạm Thị Kim Ngân"]
    assert found[0].refusal("decision", bare_world.clock.now().date()) == ""


def test_recipients_outside_the_system_get_paper(bare_world: World) -> None:
    with bare_world.office.read(bare_world.actor("tuan")) as desk:
        known = writing.agencies(desk)
        inside, outside, unknown = (
            writing.recipient(known, name, "addressee")
            for name in ("so tai chinh", "Công ty Cổ phần Cấp nước An Bình", "Hội Làm vườn")
        )
        with pytest.raises(InvalidInput):
            writing.chosen(known, desk.agency, "addressee")
    assert (inside.agency, inside.paper, inside.name) == (bare_world.agency("so-tai-chinh"), False, "Sở Tài chính")
    assert (outside.agency, outside.paper) == (bare_world.agency("cong-ty-nuoc"), True)
    assert (unknown.agency, unknown.paper, unknown.paper_reason) == (None, True, "no_electronic_way")


def test_two_texts_side_by_side() -> None:
    pairs = compare.paragraphs(
        ["Mở đầu", "Tổng số 1.842 hồ sơ", "Kết"], ["Mở đầu", "Tổng số 1.900 hồ sơ", "Thêm", "Kết"]
    )
    assert [pair.change for pair in pairs] == ["same", "changed", "added", "same"]
    assert [piece.text for piece in pairs[1].left if piece.changed] == ["1.842 "]
    assert [piece.text for piece in pairs[1].right if piece.changed] == ["1.900 "]
    assert [pair.change for pair in compare.paragraphs(["a", "b"], ["a"])] == ["same", "removed"]

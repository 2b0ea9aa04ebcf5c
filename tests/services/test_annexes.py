"""Separate annexes of a document: what may be one, which approvals they are part of, who changes them, and how long."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import UUID

import pikepdf
import pytest

from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import Staff
from eoffice.core.desk import scope
from eoffice.core.errors import FileRefused, InvalidInput, NotAllowed, NotFound, OfficeError, WrongState
from eoffice.models.documents import Document
from eoffice.models.review import SigningItem
from eoffice.rules.secrecy import StateSecretRefused
from eoffice.services import annexes, drafting, files, ledger, search, signing_list
from signing.pki import Pki
from signing.sign import Request, sign
from tests.support.leaders import enter
from tests.support.letters import approved, at_work, content
from tests.support.papers import annex_pdf
from tests.support.world import World

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def staff(world: World) -> Iterator[Staff]:
    with at_work(world) as staff:
        yield staff


def add(staff: Staff, letter: UUID, pdf: bytes, name: str = "Phụ lục.pdf", *, login: str = "tuan") -> Document:
    sha256 = staff.office.files.put(pdf)
    found: Document = staff.do(login, annexes.add_annex, letter, sha256=sha256, name=name)
    return found


def arrange(staff: Staff, letter: UUID, *rows: tuple[UUID, str], login: str = "tuan") -> Document:
    found: Document = staff.do(login, annexes.arrange_annexes, letter, annexes=rows)
    return found


def standing(staff: Staff, letter: UUID) -> list[tuple[str, UUID]]:
    """Names and files of the annexes, in order."""
    return [(row.name, row.id) for row in drafting.annexes(staff.document("tuan", letter))]


def is_approved(staff: Staff, letter: UUID) -> bool:
    """Whether content and format of the draft as it is now are both approved, whatever its state says."""
    with staff.office.read(staff.actor("nam")) as desk:
        try:
            drafting.check_approved(desk, search.document(desk, letter))
        except NotAllowed:
            return False
    return True


def approve(staff: Staff, letter: UUID) -> None:
    staff.do("tuan", drafting.submit, letter)
    staff.do("son", drafting.approve_content, letter)
    staff.do("anh", drafting.approve_format, letter)


ONE, TWO = annex_pdf("Bảng 1"), annex_pdf("Bảng 2", pages=2)


def test_annexes_are_added_named_ordered_and_taken_out(staff: Staff) -> None:
    letter = staff.draft("tuan", content(staff)).id
    add(staff, letter, ONE, "C:\\Bảng 1.pdf")
    add(staff, letter, TWO, "Bảng 2")
    (first, one), (second, two) = standing(staff, letter)
    assert (first, second) == ("Bảng 1.pdf", "Bảng 2.pdf")
    arrange(staff, letter, (two, "Phụ lục I"), (one, "Phụ lục II.pdf"))
    assert standing(staff, letter) == [("Phụ lục I.pdf", two), ("Phụ lục II.pdf", one)]
    arrange(staff, letter, (one, "Phụ lục.pdf"))
    assert standing(staff, letter) == [("Phụ lục.pdf", one)]
    with staff.office.read(staff.actor("tuan")) as desk:
        assert files.find(desk, letter, one).name == "Phụ lục.pdf"
        with pytest.raises(NotFound):  # what was taken out is served to nobody any more
            files.find(desk, letter, two)
    add(staff, letter, TWO, "lần nữa.pdf")
    assert [name for name, _id in standing(staff, letter)] == ["Phụ lục.pdf", "lần nữa.pdf"]
    with staff.office.read(staff.actor("tuan")) as desk:
        assert ledger.verify(desk)[0].ok
        words = [entry.word for entry in ledger.find(desk, object_id=letter)]
    assert words.count("draft.annex_added") == 3
    assert words.count("draft.annexes_arranged") == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda staff, letter, row: add(staff, letter, TWO),
        lambda staff, letter, row: arrange(staff, letter),
        lambda staff, letter, row: arrange(staff, letter, (row, "Tên khác.pdf")),
    ],
    ids=["added", "taken out", "renamed"],
)
def test_a_change_of_the_annexes_drops_both_approvals(
    staff: Staff, change: Callable[[Staff, UUID, UUID], Document]
) -> None:
    """As a new version does: state, approvals and the leader's list, each by itself."""
    letter = staff.draft("tuan", content(staff)).id
    add(staff, letter, ONE)
    approve(staff, letter)
    assert is_approved(staff, letter)
    enter(staff, "nam").approve(letter)
    ((_name, row),) = standing(staff, letter)
    assert change(staff, letter, row).state == "draft"
    assert not is_approved(staff, letter)
    with staff.office.read(staff.actor("nam")) as desk:
        item = desk.session.scalars(scope(desk, SigningItem)).one()
        assert (item.state, item.code) == ("failed", "draft_changed")
    with pytest.raises(WrongState):
        staff.sign("nam", letter)
    approve(staff, letter)
    assert is_approved(staff, letter)


def test_without_a_change_nothing_is_dropped(staff: Staff) -> None:
    letter = staff.draft("tuan", content(staff)).id
    add(staff, letter, ONE, "Bảng.pdf")
    approve(staff, letter)
    ((name, row),) = standing(staff, letter)
    assert arrange(staff, letter, (row, name)).state == "format_ok"
    assert is_approved(staff, letter)


def test_an_approval_of_other_annexes_does_not_count(staff: Staff) -> None:
    """Content approved with one annex, sent back by the format check, another annex: it is approved anew."""
    letter = staff.draft("tuan", content(staff)).id
    staff.do("tuan", drafting.submit, letter)
    staff.do("son", drafting.approve_content, letter)
    staff.do("anh", drafting.send_back, letter, reason="Thiếu phụ lục")
    add(staff, letter, ONE)
    returned = staff.document("tuan", letter)
    assert returned.returned_at is not None, "it still is one that came back"
    with staff.office.read(staff.actor("nam")) as desk:
        wanted = drafting.annexes_digest(search.document(desk, letter))
        assert wanted
        assert {row.annexes for row in drafting.approvals(desk, letter)} == {None}


def test_the_leader_reads_the_document_first(staff: Staff) -> None:
    """What his pile shows of a document is the document, however many annexes it has."""
    letter = staff.draft("tuan", content(staff)).id
    add(staff, letter, ONE)
    add(staff, letter, TWO)
    approve(staff, letter)
    with staff.office.read(staff.actor("nam")) as desk:
        (row,) = signing_list.pile(desk)
        assert files.find(desk, letter, row.file_id).sha256 == drafting.newest(desk, letter).sha256


def test_only_the_drafter_and_his_unit_change_annexes(staff: Staff) -> None:
    letter = staff.draft("tuan", content(staff)).id
    add(staff, letter, ONE)
    ((_name, row),) = standing(staff, letter)
    add(staff, letter, TWO, login="son")
    for login in ("hanh", "nam"):
        with pytest.raises(NotAllowed) as caught:
            add(staff, letter, annex_pdf("khác"), login=login)
        assert caught.value.code == "not_drafter"
        with pytest.raises(NotAllowed):
            arrange(staff, letter, (row, "khác.pdf"), login=login)
    with pytest.raises(OfficeError):
        add(staff, letter, annex_pdf("khác"), login="hoa")


def test_what_is_signed_keeps_its_annexes(staff: Staff) -> None:
    letter = approved(staff)
    staff.sign("nam", letter)
    with pytest.raises(WrongState):
        add(staff, letter, ONE)
    with pytest.raises(WrongState):
        arrange(staff, letter)


def test_the_same_press_adds_once_and_the_same_file_is_told(staff: Staff) -> None:
    letter = staff.draft("tuan", content(staff)).id
    sha256, office, tuan = staff.office.files.put(ONE), staff.office, staff.actor("tuan")
    for _ in range(2):
        office.do(tuan, annexes.add_annex, letter, key="press", sha256=sha256, name="a.pdf")
    assert len(standing(staff, letter)) == 1
    with pytest.raises(InvalidInput) as caught:
        add(staff, letter, ONE, "b.pdf")
    assert caught.value.code == "annex_twice"
    assert "1" in caught.value.sentence("vi")


@SQLITE
def test_strangers_files_and_doubles_are_not_arranged(staff: Staff) -> None:
    letter, other = (staff.draft("tuan", content(staff)).id for _ in range(2))
    add(staff, letter, ONE)
    add(staff, other, TWO)
    ((_name, own),), ((_other, theirs),) = standing(staff, letter), standing(staff, other)
    with staff.office.read(staff.actor("tuan")) as desk:
        draft = search.document(desk, letter).files[0].id
    for rows in ([(theirs, "a.pdf")], [(own, "a.pdf"), (own, "b.pdf")], [(draft, "a.pdf")]):
        with pytest.raises(InvalidInput) as caught:
            arrange(staff, letter, *rows)
        assert caught.value.code == "choice_unknown"


@SQLITE
def test_there_are_not_too_many_nor_too_large(staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = staff.draft("tuan", content(staff)).id
    monkeypatch.setattr(annexes, "MOST_ANNEXES", 1)
    add(staff, letter, ONE)
    with pytest.raises(InvalidInput) as caught:
        add(staff, letter, TWO)
    assert caught.value.code == "too_many_annexes"
    monkeypatch.setattr(annexes, "MOST_ANNEXES", 9)
    staff.office.settings = replace(staff.office.settings, upload_limit=len(ONE) + len(TWO))
    with pytest.raises(InvalidInput) as caught:
        add(staff, letter, TWO)
    assert caught.value.code == "annexes_too_large"


# what could not be signed later is refused at once


def changed(pdf: bytes, change: Callable[[pikepdf.Pdf], None], **saving: object) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        change(opened)
        opened.save(out, **saving)  # type: ignore[arg-type]
    return out.getvalue()


def scripted(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")


def signed_by(staff: Staff, name: str, **request: object) -> bytes:
    """A letter's draft with somebody's signature in its field."""
    pki = Pki.load(staff.office.settings.pki)
    letter = staff.draft("tuan", content(staff)).id
    draft = staff.bytes_of("tuan", letter, "draft")
    told = Request(field="leader", **request)  # type: ignore[arg-type]
    return sign(draft, pki.key(name, password=KEY_PASSWORD), told, pki.trust(), at=staff.office.clock.now()).pdf


def hostile(staff: Staff, kind: str) -> bytes:
    match kind:
        case "protected":
            return changed(ONE, lambda _pdf: None, encryption=pikepdf.Encryption(owner="chủ", user=""))
        case "locked":
            return changed(ONE, lambda _pdf: None, encryption=pikepdf.Encryption(owner="chủ", user="khóa"))
        case "certified":
            return signed_by(staff, "leader-nam", kind="certification")
        case "damaged":
            return ONE[: len(ONE) // 3]
        case "no pdf":
            return b"PK\x03\x04 a workbook"
        case "scripted":
            return changed(ONE, scripted)
        case "broken signature":
            return signed_by(staff, "leader-nam").replace(b"/Producer", b"/Produced", 1)
        case _:
            return annex_pdf("TUYỆT MẬT", "Bảng kê")


REFUSED = {
    "protected": "encrypted",
    "locked": "encrypted",
    "certified": "document_locked",
    "damaged": "damaged",
    "no pdf": "not_a_pdf",
    "scripted": "scripted",
    "broken signature": "signatures",
    "state secret": "state_secret_refused",
}


@SQLITE
def test_what_could_not_be_issued_is_refused_at_once(staff: Staff) -> None:
    """Each with its reason in both languages; nothing of it stands with the draft."""
    letter = staff.draft("tuan", content(staff)).id
    for kind, code in REFUSED.items():
        with pytest.raises((FileRefused, StateSecretRefused)) as caught:
            add(staff, letter, hostile(staff, kind))
        assert {"{" in caught.value.sentence(locale) for locale in ("vi", "en")} == {False}, kind
        assert caught.value.code == code, kind
    assert standing(staff, letter) == []


@SQLITE
def test_an_annex_another_agency_signed_may_be_added(staff: Staff) -> None:
    """Its signature is good and forbids no further one."""
    letter = staff.draft("tuan", content(staff)).id
    add(staff, letter, signed_by(staff, "leader-nam"))
    assert len(standing(staff, letter)) == 1


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("CỘNG HÒA\r\n  MẬT \nBảng", "confidential"),
        ("TỐI MẬT", "secret"),
        ("TUYỆT MẬT", "top_secret"),
        ("Bảo mật thông tin\nMật độ dân số\nMật", ""),
        ("", ""),
    ],
)
def test_a_stamp_of_secrecy_is_a_line_of_its_own(text: str, level: str) -> None:
    assert annexes.stamped(text) == level

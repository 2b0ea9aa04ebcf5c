"""Annexes with the agency's signature: signed, verified, kept and sent together with their document, or none of it."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pikepdf
import pypdfium2
import pytest

from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import Staff
from eoffice.core.errors import FileRefused, OfficeError, SignatureProblem, StaleForm
from eoffice.formats import container
from eoffice.jobs.worker import drain
from eoffice.models.documents import Document, DocumentFile
from eoffice.models.exchange import Message
from eoffice.services import annexes, directory, drafting, examine, exchange, issuing, ledger, search
from signing.detached import sign_detached
from signing.errors import KeyUnavailable
from tests.services.test_annexes import add, approve, hostile
from tests.support.letters import at_work, content
from tests.support.papers import annex_pdf
from tests.support.world import World, snapshot

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ONE, TWO = annex_pdf("Bảng 1"), annex_pdf("Bảng 2", pages=2)


@pytest.fixture
def staff(world: World) -> Iterator[Staff]:
    with at_work(world) as staff:
        yield staff


def numbered(staff: Staff, *brought: bytes) -> UUID:
    """A letter with annexes, signed by the director, with number and date."""
    letter = staff.draft("tuan", replace(content(staff), to=(staff.to("so-tai-chinh"),))).id
    for place, pdf in enumerate(brought or (ONE, TWO), start=1):
        add(staff, letter, pdf, f"Phụ lục {place}.pdf")
    approve(staff, letter)
    staff.sign("nam", letter)
    staff.number("hanh", letter)
    return letter


def sealed(staff: Staff, *brought: bytes) -> UUID:
    letter = numbered(staff, *brought)
    staff.seal("hanh", letter)
    return letter


def kept(staff: Staff, letter: UUID, stage: str = "sealed") -> list[DocumentFile]:
    rows = [row for row in staff.document("hanh", letter).files if (row.role, row.stage) == ("annex", stage)]
    return sorted(rows, key=lambda row: row.number)


def verdicts(staff: Staff, rows: list[DocumentFile], login: str = "hanh") -> list[str]:
    with staff.office.read(staff.actor(login)) as desk:
        found = [examine.verdict_of(desk, row.sha256) for row in rows]
    return [one.verdict if one is not None else "" for one in found]


def test_each_annex_is_signed_with_the_document(staff: Staff) -> None:
    letter = sealed(staff)
    rows = kept(staff, letter)
    assert [(row.name, row.number) for row in rows] == [("Phụ lục 1.pdf", 1), ("Phụ lục 2.pdf", 2)]
    assert verdicts(staff, rows) == ["PASSED", "PASSED"]
    for row, source in zip(rows, (ONE, TWO), strict=True):
        pdf = staff.office.files.read(row.sha256)
        assert pdf.startswith(source), "nothing of the annex itself is touched"
        with staff.office.read(staff.actor("hanh")) as desk:
            stored, certificate = examine.verdict_of(desk, row.sha256), directory.certificate(desk, "seal")
        assert stored is not None
        assert certificate is not None
        (signature,) = stored.report["signatures"]
        assert (signature["certificate_sha256"], signature["level"]) == (certificate.sha256, "B-LT")
        assert "01/SNV-VTLT" in words(pdf)
    with staff.office.read(staff.actor("hanh")) as desk:
        assert all(chain.ok for chain in ledger.verify(desk))
        notes = [entry for entry in ledger.find(desk, object_id=letter) if entry.word == "document.sealed"]
    assert all(row.sha256.encode() in notes[0].body for row in rows)


def words(pdf: bytes) -> str:
    """What the first page says once its widgets are printed onto it: the words of the signature too."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        opened.flatten_annotations("all")
        out = io.BytesIO()
        opened.save(out)
    return str(pypdfium2.PdfDocument(out.getvalue())[0].get_textpage().get_text_range())


@SQLITE
def test_another_reader_finds_the_same_signature(staff: Staff, pdfsig: Path, tmp_path: Path) -> None:
    letter = sealed(staff, TWO)
    (row,) = kept(staff, letter)
    file = tmp_path / "annex.pdf"
    file.write_bytes(staff.office.files.read(row.sha256))
    told = subprocess.run([pdfsig, "-nocert", file], check=False, capture_output=True, text=True).stdout
    assert "Signature Validation: Signature is Valid." in told
    assert told.count("Signature #") == 1


def test_the_key_is_opened_for_the_annexes_too(staff: Staff) -> None:
    """For the document alone it is not enough; one password opens it for all of it, and for the others that wait."""
    letter, other = numbered(staff), numbered(staff, ONE)
    office, hanh = staff.office, staff.actor("hanh")
    with office.read(hanh) as desk:
        row = search.document(desk, letter)
        certificate = issuing.seal_certificate(desk)
        signed = issuing.main_file(row, "signed")
        assert signed is not None
        desk.tools.agent().unlock(hanh.session, certificate.key_name, KEY_PASSWORD, [signed.sha256])
        assert not issuing.is_seal_open(desk, certificate, row)
        with pytest.raises(KeyUnavailable):
            issuing.open_seal(desk, row, "")
    with pytest.raises(OfficeError):
        staff.do("hanh", issuing.seal, letter)
    assert staff.document("hanh", letter).state == "numbered"
    assert kept(staff, letter) == []
    with office.read(hanh) as desk:
        issuing.open_seal(desk, search.document(desk, letter), KEY_PASSWORD, more=list(issuing.to_seal(desk).values()))
        for key in (letter, other):
            assert issuing.is_seal_open(desk, certificate, search.document(desk, key))
        issuing.open_seal(desk, search.document(desk, other), "")
    for key in (letter, other):
        staff.do("hanh", issuing.seal, key)
        assert staff.document("hanh", key).state == "sealed"


@SQLITE
def test_an_unlock_takes_whole_documents_only(staff: Staff) -> None:
    first, second = numbered(staff), numbered(staff)
    with staff.office.read(staff.actor("hanh")) as desk:
        waiting = issuing.to_seal(desk)
        hashes = [waiting[first], waiting[second]]
        assert len(issuing._with_annexes(desk, hashes, room=6)) == 4, "the same two annexes in both"
        assert issuing._with_annexes(desk, hashes, room=3) >= {waiting[first]}
        assert waiting[second] not in issuing._with_annexes(desk, hashes, room=3)
        assert issuing._with_annexes(desk, hashes, room=2) == set()


def test_one_annex_that_cannot_be_signed_keeps_all_back(staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it came there: nothing of the document is sealed, and the clerk is told which one and why."""
    pdf = hostile(staff, "certified")
    with monkeypatch.context() as door:
        door.setattr(annexes, "try_out", lambda *_anything: None)
        letter = numbered(staff, ONE, pdf)
    files = snapshot_files(staff, letter)
    with pytest.raises(SignatureProblem) as caught:
        staff.seal("hanh", letter)
    assert caught.value.code == "annex_not_sealed"
    assert "Phụ lục 2.pdf" in caught.value.sentence("vi")
    assert "khóa bởi một chữ ký trước" in caught.value.sentence("vi")
    assert "An earlier signature locked the document" in caught.value.sentence("en")
    assert staff.document("hanh", letter).state == "numbered"
    assert snapshot_files(staff, letter) == files


def snapshot_files(staff: Staff, letter: UUID) -> set[str]:
    return {row.sha256 for row in staff.document("hanh", letter).files}


def test_what_was_sealed_must_be_the_annexes_of_the_document(staff: Staff) -> None:
    """The body of the deed looks again: fewer, others, or in another order are not kept."""
    letter = numbered(staff)
    staff.unlock("hanh", letter, "seal", "signed")
    office, hanh = staff.office, staff.actor("hanh")
    with office.read(hanh) as desk:
        made = issuing.seal.prepare(desk, letter, None, {})
    for wrong in ((), made.annexes[:1], made.annexes[::-1]):
        with pytest.raises(StaleForm), office.write(hanh, key=f"wrong {len(wrong)}") as desk:
            issuing.seal(desk, letter, prepared=replace(made, annexes=wrong))
    unsigned = (replace(made.annexes[0], examined=replace(made.annexes[0].examined, verdict="WARNED")), made.annexes[1])
    with office.write(hanh, key="swapped") as desk:
        certificate = issuing.seal_certificate(desk).sha256
    for wrong, by in ((unsigned, certificate), (made.annexes, "0" * 64)):
        with pytest.raises(SignatureProblem) as caught, office.write(hanh, key=f"wrong {by}") as desk:
            annexes.keep_sealed(desk, search.document(desk, letter), wrong, certificate=by)
        assert caught.value.code == "annex_not_valid"
    assert staff.document("hanh", letter).state == "numbered"


def test_a_signed_file_from_elsewhere_must_be_this_annex(staff: Staff) -> None:
    """As a token or a program on the clerk's desk gives it back: the approved bytes, signed by the agency."""
    letter = sealed(staff)
    one, two = (staff.office.files.read(row.sha256) for row in kept(staff, letter))
    with staff.office.read(staff.actor("hanh")) as desk:
        row = search.document(desk, letter)
        (first, how), (_second, _how) = annexes.to_sign(row, level="B-LT")
        assert (first.name, how.code, how.field) == ("Phụ lục 1.pdf", row.code, annexes.field_of(row))
        mine = issuing.seal_certificate(desk).sha256
        assert annexes.taken(desk, row, first, one, certificate=mine).source_sha256 == first.sha256
        for pdf, by, code in (
            (two, mine, "annex_changed"),
            (ONE, mine, "annex_not_valid"),
            (one + b"%", mine, "annex_not_valid"),
            (one, "0" * 64, "annex_not_valid"),
        ):
            with pytest.raises(SignatureProblem) as caught:
                annexes.taken(desk, row, first, pdf, certificate=by)
            assert caught.value.code == code


def test_two_presses_seal_once(staff: Staff) -> None:
    letter = numbered(staff)
    staff.unlock("hanh", letter, "seal", "signed")
    for _ in range(2):
        staff.office.do(staff.actor("hanh"), issuing.seal, letter, key="press")
    assert len(kept(staff, letter)) == 2


def test_an_annex_damaged_since_is_not_issued(staff: Staff) -> None:
    letter = sealed(staff)
    row = kept(staff, letter)[1]
    path = staff.office.files.path(row.sha256)
    data = bytearray(path.read_bytes())
    data[data.index(b"stream") + 20] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(data))
    with pytest.raises(SignatureProblem) as caught:
        staff.issue("hanh", letter)
    assert caught.value.code == "annex_not_valid"
    assert staff.document("hanh", letter).state == "sealed"
    assert staff.deliveries("hanh", letter) == []


# to the recipient


def test_the_recipient_gets_them_with_their_verdicts(staff: Staff) -> None:
    letter = sealed(staff)
    staff.issue("hanh", letter)
    drain(staff.office)
    (theirs,) = staff.received("yen")
    rows = [row for row in theirs.files if row.role == "annex"]
    assert {row.stage for row in rows} == {"received"}
    mine = kept(staff, letter)
    assert [(row.name, row.sha256) for row in annexes.going_along(theirs)] == [(row.name, row.sha256) for row in mine]
    assert verdicts(staff, rows, "yen") == ["PASSED", "PASSED"]
    (delivery,) = staff.deliveries("hanh", letter)
    assert delivery.state == "arrived"
    assert delivery.receipt_sha256 is not None
    found = container.unpack(staff.office.files.read(delivery.container_sha256 or ""))
    assert [part.role for part in found.parts] == ["main", "annex", "annex"]
    assert found.manifest_sha256 == delivery.manifest_sha256, "what the receipt confirms names the annexes too"
    with staff.office.read(staff.actor("yen")) as desk:
        assert all(chain.ok for chain in ledger.verify(desk))


@pytest.fixture
def sent(staff: Staff, world: World) -> tuple[Staff, bytes]:
    """The container of a letter with two annexes, which nobody has received."""
    letter = sealed(staff)
    staff.issue("hanh", letter)
    (row,) = staff.deliveries("hanh", letter)
    row = world.office.do(world.system("so-noi-vu"), exchange.deliver, row.id, key="deliver")
    return staff, world.office.files.read(row.container_sha256)


def rewritten(data: bytes, change: Callable[[dict[str, bytes]], object]) -> bytes:
    """The same ZIP with other entries; its manifest and signature stay."""
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        entries = {name: opened.read(name) for name in opened.namelist()}
    change(entries)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content_ in entries.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, content_)
    return out.getvalue()


def last(entries: dict[str, bytes]) -> str:
    return max(name for name in entries if name.startswith("files/3-"))


def replaced(entries: dict[str, bytes]) -> None:
    name = last(entries)
    entries[name] = entries[name].replace(b"%PDF-", b"%PDF_", 1)


WRONG: dict[str, Callable[[dict[str, bytes]], object]] = {
    "changed": replaced,
    "missing": lambda entries: entries.pop(last(entries)),
    "one more": lambda entries: entries.update({"files/4-00000000.pdf": ONE}),
}


@SQLITE
def test_a_package_with_a_wrong_annex_is_refused(sent: tuple[Staff, bytes], world: World) -> None:
    staff, data = sent
    assert rewritten(data, lambda _entries: None) == data, "written as it was, it is the same"
    for name, change in WRONG.items():
        sha256 = world.office.files.put(rewritten(data, change))
        with pytest.raises(container.BadContainer):
            world.office.do(world.system("so-tai-chinh"), exchange.receive, key=name, sha256=sha256)
    assert snapshot(world, Message) == 0
    assert staff.received("yen") == []


def packed(world: World, data: bytes, *parts: container.Payload) -> str:
    """The same message with other files, signed by its sender, in the store."""
    found = container.unpack(data)
    key, at = world.office.exchange_key("exchange-so-noi-vu"), world.clock.now()
    envelope = found.envelope
    made = container.pack(envelope, [found.parts[0], *parts], lambda content_: sign_detached(content_, key, at=at))
    return world.office.files.put(made)


@SQLITE
def test_an_annex_nobody_can_read_is_kept_with_its_verdict(sent: tuple[Staff, bytes], world: World) -> None:
    """As a document is: its sender vouched for it, so it comes in, and stands there as what it is."""
    staff, data = sent
    bad = container.Payload("../../x.pdf", b"%PDF-1.7 nothing", role="annex", signed=False)
    unsigned = container.Payload("bảng.pdf", ONE, role="annex", signed=False)
    world.office.do(
        world.system("so-tai-chinh"), exchange.receive, key="bad", sha256=packed(world, data, bad, unsigned)
    )
    (theirs,) = staff.received("yen")
    rows = annexes.going_along(theirs)
    assert [row.name for row in rows] == ["x.pdf", "bảng.pdf"]
    files = [row for row in theirs.files if row.role == "annex"]
    assert verdicts(staff, sorted(files, key=lambda row: row.number), "yen") == ["UNREADABLE", "UNSIGNED"]
    assert theirs.verdict == "PASSED", "the document itself is what it was"


@SQLITE
def test_an_empty_annex_is_refused(sent: tuple[Staff, bytes], world: World) -> None:
    _staff, data = sent
    sha256 = packed(world, data, container.Payload("rỗng.pdf", b"", role="annex"))
    with pytest.raises(FileRefused):
        world.office.do(world.system("so-tai-chinh"), exchange.receive, key="empty", sha256=sha256)
    assert snapshot(world, Message) == 0


@SQLITE
def test_a_package_without_annexes_is_as_before(sent: tuple[Staff, bytes], world: World) -> None:
    staff, data = sent
    world.office.do(world.system("so-tai-chinh"), exchange.receive, key="old", sha256=packed(world, data))
    (theirs,) = staff.received("yen")
    assert annexes.going_along(theirs) == []
    assert isinstance(theirs, Document)
    assert drafting.annexes(theirs) == []

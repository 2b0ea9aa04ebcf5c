"""Certified copies: what may be copied by whom, one number each, the source untouched, the copy proven by strangers."""

from __future__ import annotations

import io
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pikepdf
import pypdfium2
import pytest
from sqlalchemy import select, update

from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import Staff
from eoffice.core.desk import scope
from eoffice.core.errors import (
    FileRefused,
    InvalidInput,
    KeyReused,
    NotAllowed,
    NotFound,
    OfficeError,
    SignatureProblem,
    WrongState,
)
from eoffice.core.ids import new_id
from eoffice.models.books import NumberAllocation, NumberCounter
from eoffice.models.copies import CertifiedCopy
from eoffice.models.directory import SigningAuthority
from eoffice.models.documents import Document, DocumentFile
from eoffice.rules import numbering
from eoffice.services import copies, examine, files, issuing, ledger, search
from eoffice.services.examine import Examined
from eoffice.services.incoming import Facts
from signing.trust import Trust
from signing.verify import verify
from tests.formats.test_extract import form as more_than_pages
from tests.support.copies import FACTS, came, issued, make, paper, source, wish
from tests.support.letters import at_work, sealed
from tests.support.papers import examined
from tests.support.world import World, snapshot

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def staff(world: World) -> Iterator[Staff]:
    with at_work(world) as staff:
        yield staff


def count(staff: Staff) -> tuple[int, int]:
    """Copies, and numbers taken for copies."""
    with staff.office.read(staff.actor("hanh")) as desk:
        rows = desk.session.scalars(scope(desk, NumberAllocation).where(NumberAllocation.series.endswith("/copies")))
        return len(copies.find(desk).rows), len(rows.all())


def judged(staff: Staff, data: bytes) -> Any:
    at = staff.office.clock.now() + timedelta(minutes=1)
    return verify(data, Trust.load(staff.office.settings.pki / "trust"), at=at)


def words(data: bytes) -> list[str]:
    with pypdfium2.PdfDocument(data) as pdf:
        pdf.init_forms()
        return [page.get_textpage().get_text_range() for page in pdf]


def test_sao_y_of_a_scanned_paper(staff: Staff, pdfsig: Path, qpdf: Path, tmp_path: Path) -> None:
    document = came(staff)
    before = staff.bytes_of("hanh", document, "received")
    row = make(staff, document)
    assert (row.code, row.number, row.form, row.pages, row.rewritten) == ("01/SY-SNV", 1, "copy_full", "", False)
    assert row.decided_by == "Nguyễn Văn Nam, Giám đốc"
    copy = staff.office.files.read(row.sha256)
    assert copy.startswith(before), "the scan is the beginning of the copy, byte for byte"
    assert staff.bytes_of("hanh", document, "received") == before
    found = judged(staff, copy)
    assert str(found.verdict) == "PASSED"
    (signature,) = found.signatures
    assert (signature.field, signature.level, signature.organisation) == ("copy", "B-LT", "Sở Nội vụ")
    with staff.office.read(staff.actor("hanh")) as desk:
        stored = examine.verdict_of(desk, row.sha256)
        entry = ledger.find(desk, object_id=document)[0]
        notes = ledger.history(desk, search.document(desk, document))[0].notes
        assert ledger.verify(desk)[0].ok
    assert stored is not None
    assert stored.verdict == "PASSED"
    assert entry.word == "copy.certified"
    assert (notes["source"], notes["sha256"], notes["number"]) == (row.source_sha256, row.sha256, "01/SY-SNV")
    assert KEY_PASSWORD not in str(notes)
    (tmp_path / "copy.pdf").write_bytes(copy)
    told = subprocess.run([pdfsig, "-nocert", tmp_path / "copy.pdf"], check=True, capture_output=True, text=True).stdout
    assert "Signature is Valid" in told
    with pikepdf.open(io.BytesIO(copy)) as pdf:
        reason = str(pdf.Root.AcroForm.Fields[0].V.Reason)
    assert reason == f"SAO Y 12/CTN-HC SHA-256 {row.source_sha256}", "the copy says what it was copied from"
    subprocess.run([qpdf, "--check", tmp_path / "copy.pdf"], check=True, capture_output=True)


def test_sao_luc_is_counted_in_the_same_series(staff: Staff) -> None:
    document = came(staff)
    codes = [make(staff, document, form).code for form in ("copy_full", "copy_of_copy")]
    codes.append(make(staff, document, "copy_extract", pages="1, 3").code)
    assert codes == ["01/SY-SNV", "02/SL-SNV", "03/TrS-SNV"]
    with staff.office.read(staff.actor("hanh")) as desk:
        row = search.document(desk, document)
        renditions = [item for item in row.files if item.role == "rendition"]
        assert [item.number for item in renditions] == [1, 2, 3]
        assert {item.derived_from for item in renditions} == {source(staff, document).sha256}
        assert [line.copy.code for line in copies.find(desk).rows] == codes[::-1]
        about = files.about(desk, row)
        assert {about[item.sha256].copy_code for item in renditions} == set(codes)
        assert about[source(staff, document).sha256].copy is None


def test_an_extract_of_an_issued_document_that_is_closed(
    staff: Staff, pdfsig: Path, qpdf: Path, tmp_path: Path
) -> None:
    """Its signatures allow no other: what is signed are its pages as they look; number and pictures are on them."""
    letter = issued(staff)
    before = staff.bytes_of("hanh", letter, "sealed")
    pages = len(words(before))
    assert pages >= 3
    row = make(staff, letter, "copy_extract", pages=f"1, {pages}")
    assert (row.code, row.pages, row.rewritten) == ("01/TrS-SNV", f"1, {pages}", True)
    copy = staff.office.files.read(row.sha256)
    assert staff.bytes_of("hanh", letter, "sealed") == before
    shown = words(copy)
    assert len(shown) == 2
    assert "SỞ NỘI VỤ" in shown[0]
    found = judged(staff, copy)
    assert str(found.verdict) == "PASSED"
    assert [item.field for item in found.signatures] == ["copy"]
    drawn = pypdfium2.PdfDocument(copy)[1].render(scale=1, may_draw_forms=False).to_pil().convert("RGB")
    red = sum(number for number, (r, g, b) in drawn.getcolors(1 << 24) if r > 180 and g < 90 and b < 90)
    assert red > 300, "the seal's picture is part of the page"
    (tmp_path / "copy.pdf").write_bytes(copy)
    told = subprocess.run([pdfsig, "-nocert", tmp_path / "copy.pdf"], check=True, capture_output=True, text=True).stdout
    assert told.count("Signature is Valid") == 1
    subprocess.run([qpdf, "--check", tmp_path / "copy.pdf"], check=True, capture_output=True)


@SQLITE
def test_what_came_by_exchange_is_electronic(staff: Staff) -> None:
    issued(staff)
    staff.work()
    (theirs,) = staff.received("yen")
    staff.register("yen", theirs.id, Facts(code=theirs.code, issuer_name=theirs.issuer_name, subject=theirs.subject))
    with staff.office.read(staff.actor("yen")) as desk:
        decided_by = next(iter(copies.deciders(desk)))
        assert len(copies.sources(search.document(desk, theirs.id))) == 1
    given = {"login": "yen", "decided_by": decided_by, "file": source(staff, theirs.id, "yen").id}
    for form, code in (("copy_full", "full_electronic"), ("copy_of_copy", "of_copy_electronic")):
        with pytest.raises(InvalidInput) as refused:
            make(staff, theirs.id, form, **given)
        assert refused.value.code == code
    assert make(staff, theirs.id, "copy_extract", pages="1-2", **given).code == "01/TrS-STC"


@SQLITE
def test_no_extract_of_an_electronic_document_that_is_not_valid(staff: Staff) -> None:
    letter = issued(staff)
    torn = bytearray(staff.bytes_of("hanh", letter, "sealed"))
    place = torn.find(b"/Contents")
    torn[torn.find(b"stream", 0, place) + 20] ^= 1
    document = came(staff, pdf=bytes(torn))
    with pytest.raises(SignatureProblem) as refused:
        make(staff, document, "copy_extract", pages="1")
    assert refused.value.code == "source_not_valid"
    with pytest.raises(InvalidInput):
        make(staff, document, "copy_full")  # it carries signatures, so it is no scan
    assert count(staff) == (0, 0)


@SQLITE
def test_facts_that_are_missing(staff: Staff) -> None:
    document, other = came(staff), came(staff, pages=2)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"form": "copy"}, "copy_form_unknown"),
        ({"purpose": " \u200b\n"}, "copy_purpose_missing"),
        ({"purpose": "x" * 501}, "copy_purpose_missing"),
        ({"decided_by": None}, "decider_unknown"),
        ({"decided_by": staff.province.posts["tuan"]}, "decider_unknown"),
        ({"decided_by": staff.province.posts["hoa"]}, "decider_unknown"),
        ({"file": source(staff, other).id}, "choice_unknown"),
        ({"file": new_id()}, "choice_unknown"),
        *(({"form": "copy_extract", "pages": text}, "pages_invalid") for text in ("", "0", "9-1", "1-999999")),
        ({"pages": "1-2"}, "pages_of_extract"),
        ({"form": "copy_extract", "pages": "2"}, "pages_missing_first"),
        ({"form": "copy_extract", "pages": "1-3"}, "pages_whole"),
    ]
    for more, code in cases:
        with pytest.raises(InvalidInput) as refused:
            make(staff, document, **more)
        assert refused.value.code == code, more
    assert count(staff) == (0, 0)


@SQLITE
def test_of_a_copy_only_a_copy_of_a_copy_is_made(staff: Staff) -> None:
    document: UUID = staff.arrive("hanh", paper(), "bản sao y.pdf").id
    staff.register("hanh", document, replace(FACTS, kind="copy_full"))
    for form in ("copy_full", "copy_extract"):
        with pytest.raises(InvalidInput) as refused:
            make(staff, document, form, pages="1" if form == "copy_extract" else "")
        assert refused.value.code == "of_copy_only"
    assert make(staff, document, "copy_of_copy").code == "01/SL-SNV"


def test_a_scan_with_more_in_it_than_pages_is_laid_out_anew(staff: Staff) -> None:
    """A script, a form and an attachment do not get the agency's signature; the scan itself is kept as it came."""
    before = more_than_pages()
    document = came(staff, pdf=before)
    row = make(staff, document)
    copy = staff.office.files.read(row.sha256)
    assert row.rewritten
    assert staff.bytes_of("hanh", document, "received") == before
    assert str(judged(staff, copy).verdict) == "PASSED"
    assert judged(staff, copy).flags == ()
    assert len(words(copy)) == 4


@SQLITE
def test_only_the_agency_s_own_signature_is_accepted(staff: Staff) -> None:
    with staff.office.read(staff.actor("hanh")) as desk:
        seal = issuing.seal_certificate(desk)
        own = {"field": "copy", "certificate_sha256": seal.sha256}
        copies._check_signed(told([own], "PASSED"), seal)
        for signatures, verdict in (
            ([own], "WARNED"),
            ([own], "FAILED"),
            ([], "PASSED"),
            ([{**own, "certificate_sha256": "0" * 64}], "PASSED"),
            ([{**own, "field": "agency"}], "PASSED"),
            ([own, {**own, "field": "other"}], "PASSED"),
        ):
            with pytest.raises(SignatureProblem):
                copies._check_signed(told(signatures, verdict), seal)


def told(signatures: list[dict[str, str]], verdict: str) -> Examined:
    """What the check would say of a finished copy."""
    return replace(examined(b"a copy", verdict), report={"verdict": verdict, "signatures": signatures})


@SQLITE
def test_a_deputy_decides_only_what_he_may_sign(staff: Staff) -> None:
    """His authority names kinds: without copies among them he does not decide one."""
    document, nam = came(staff), staff.province.posts["nam"]
    for kinds_, works in ((["decision"], False), (["copy_full"], True)):
        with staff.office.sessions.write() as session:
            session.execute(
                update(SigningAuthority)
                .where(SigningAuthority.post_id == nam)
                .values(holder="deputy", kinds=kinds_),
                execution_options={"scoped": True, "synchronize_session": False},
            )
            session.commit()
        if works:
            assert make(staff, document).number == 1
            continue
        with pytest.raises(InvalidInput) as refused:
            make(staff, document)
        assert refused.value.code == "decider_unknown"


@SQLITE
def test_only_the_custodian_and_only_with_the_key_open(staff: Staff) -> None:
    document = came(staff)
    wanted = wish(staff, document)
    with pytest.raises(SignatureProblem) as closed:
        staff.do("hanh", copies.certify, document, wanted=wanted)
    assert closed.value.code == "not_unlocked"
    for password, code in (("sai", "wrong_password"), ("", "not_unlocked")):
        with pytest.raises(SignatureProblem) as refused, staff.office.read(staff.actor("hanh")) as desk:
            copies.open_seal(desk, search.document(desk, document), wanted, password)
        assert refused.value.code == code
    with pytest.raises(NotAllowed):
        make(staff, document, login="nam")
    with staff.office.sessions.write() as session:
        from eoffice.models.directory import Certificate

        session.execute(
            update(Certificate)
            .where(Certificate.purpose == "seal", Certificate.custodian_post_id == staff.province.posts["hanh"])
            .values(custodian_post_id=staff.province.posts["tuan"]),
            execution_options={"scoped": True, "synchronize_session": False},
        )
        session.commit()
    with pytest.raises(NotAllowed) as other:
        make(staff, document)
    assert other.value.code == "not_custodian"
    assert count(staff) == (0, 0)
    with staff.office.read(staff.actor("hanh")) as desk:
        attempts = [deed for deed in ledger.find(desk, object_id=document) if deed.word == "deed.refused"]
    assert attempts


@SQLITE
def test_the_key_is_opened_for_this_file_alone(staff: Staff) -> None:
    """An unlock for one wish signs no other: other pages are other bytes."""
    document = came(staff)
    with staff.office.read(staff.actor("hanh")) as desk:
        opened = wish(staff, document, "copy_extract", pages="1")
        copies.open_seal(desk, search.document(desk, document), opened, KEY_PASSWORD)
    with pytest.raises(SignatureProblem) as refused:
        staff.do("hanh", copies.certify, document, wanted=wish(staff, document, "copy_extract", pages="1-2"))
    assert refused.value.code == "not_unlocked"
    assert staff.do("hanh", copies.certify, document, wanted=opened).pages == "1"


@SQLITE
@pytest.mark.parametrize("state", ["arrived", "refused", "cancelled_by_recall"])
def test_nothing_is_copied_of_what_is_not_in_the_book(staff: Staff, state: str) -> None:
    document = came(staff)
    with staff.office.sessions.write() as session:
        session.execute(
            update(Document).where(Document.id == document).values(state=state),
            execution_options={"scoped": True, "synchronize_session": False},
        )
        session.commit()
    with pytest.raises(WrongState):
        make(staff, document)


@SQLITE
def test_an_unfinished_document_is_not_copied(staff: Staff) -> None:
    letter = sealed(staff)
    with pytest.raises(WrongState):
        make(staff, letter, "copy_extract", pages="1")


def test_the_same_press_gives_one_copy(staff: Staff) -> None:
    document = came(staff)
    first = make(staff, document, key="press")
    assert make(staff, document, key="press").id == first.id
    assert count(staff) == (1, 1)
    with pytest.raises(KeyReused):
        make(staff, document, "copy_of_copy", key="press")
    assert make(staff, document, key="another").number == 2


def test_sixteen_presses_at_once_give_one_copy_and_eight_wishes_eight_numbers(staff: Staff) -> None:
    document = came(staff)
    wanted = wish(staff, document)
    with staff.office.read(staff.actor("hanh")) as desk:
        copies.open_seal(desk, search.document(desk, document), wanted, KEY_PASSWORD)
    start, actor = threading.Barrier(12), staff.actor("hanh")

    def press(number: int) -> str:
        start.wait()
        key = "same" if number < 6 else f"own {number}"
        try:
            made: CertifiedCopy = staff.office.do(actor, copies.certify, document, key=key, wanted=wanted)
        except OfficeError as error:  # busy: told, nothing half done
            return error.code
        return made.code

    with ThreadPoolExecutor(12) as pool:
        told = list(pool.map(press, range(12)))
    done = {code for code in told if "/" in code}
    numbers = sorted(int(code.partition("/")[0]) for code in done)
    assert numbers == list(range(1, len(numbers) + 1)), told
    assert len({code for code in told[:6] if "/" in code}) <= 1
    assert count(staff) == (len(numbers), len(numbers))


def test_a_number_is_given_back_when_the_commit_fails(staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    document = came(staff)

    def broken(*_: Any) -> Any:
        raise RuntimeError("power")

    with monkeypatch.context() as patch:
        patch.setattr(copies, "_keep_file", broken)
        with pytest.raises(RuntimeError):
            make(staff, document)
    assert count(staff) == (0, 0)
    assert make(staff, document).number == 1


def test_a_new_year_begins_at_one(staff: Staff) -> None:
    document = came(staff)
    assert make(staff, document).code == "01/SY-SNV"
    series = numbering.series_key(staff.province.agencies["so-noi-vu"], 2026, "copies")
    with staff.office.read(staff.actor("hanh")) as desk:
        own = scope(desk, NumberCounter).where(NumberCounter.series == series)
        assert desk.session.scalars(own).one().value == 1
        assert copies.years(desk) == [2026]
        assert copies.find(desk, year=2025).rows == []
        assert len(copies.find(desk, year=2026).rows) == 1


def test_a_line_is_never_changed(staff: Staff) -> None:
    row = make(staff, came(staff))
    for statement in (update(CertifiedCopy).values(purpose="khác"), CertifiedCopy.__table__.delete()):
        with staff.office.sessions.write() as session, pytest.raises(Exception, match="append-only"):
            session.execute(statement, execution_options={"scoped": True, "synchronize_session": False})
    assert snapshot_of(staff) == 1
    assert row.purpose == "Gửi Kho bạc Nhà nước đối chiếu"


def snapshot_of(staff: Staff) -> int:
    from types import SimpleNamespace

    return snapshot(SimpleNamespace(office=staff.office), CertifiedCopy)  # type: ignore[arg-type]


@SQLITE
def test_who_sees_the_register(staff: Staff) -> None:
    """The agency's clerk and leader all of it, others the copies of what they take part in, other agencies nothing."""
    document = came(staff)
    row = make(staff, document)
    for login, seen in (("hanh", 1), ("nam", 1), ("mai", 1), ("tuan", 0), ("phong", 0), ("yen", 0)):
        with staff.office.read(staff.actor(login)) as desk:
            assert len(copies.find(desk).rows) == seen, login
            assert len(copies.of_document(desk, document)) == seen, login
            if seen:
                assert copies.one(desk, row.id).code == row.code
            else:
                with pytest.raises(NotFound):
                    copies.one(desk, row.id)
    staff.instruct("nam", document, "Chủ trì", lead="VTLT")
    staff.assign("son", document, "tuan")
    with staff.office.read(staff.actor("tuan")) as desk:
        assert [line.copy.id for line in copies.find(desk).rows] == [row.id]


@SQLITE
def test_pages_of_the_register(staff: Staff) -> None:
    document = came(staff)
    made = [make(staff, document).id for _ in range(3)]
    with staff.office.read(staff.actor("hanh")) as desk:
        first = copies.find(desk, limit=2)
        second = copies.find(desk, limit=2, after=first.after)
        assert [line.copy.id for line in (*first.rows, *second.rows)] == made[::-1]
        assert second.after == ""
        for mark in ("x", "2026-01-01_x", f"2026-01-01T00:00:00_{made[0]}", "_", "\x00" * 80):
            assert len(copies.find(desk, after=mark).rows) == 3


@SQLITE
def test_a_file_that_cannot_be_laid_out(staff: Staff) -> None:
    """The store is damaged behind the office's back: told as such, no number is lost."""
    document = came(staff)
    path = staff.office.files.path(source(staff, document).sha256)
    path.chmod(0o600)
    path.write_bytes(b"%PDF-1.4 nothing")
    with pytest.raises((FileRefused, OfficeError)):
        make(staff, document)
    assert count(staff) == (0, 0)


def test_it_is_told_when_and_by_whom(staff: Staff) -> None:
    row = make(staff, came(staff))
    assert row.made_by == "Trần Thị Hạnh, Văn thư"
    assert row.at <= staff.office.clock.now() + timedelta(hours=1)
    assert row.at.tzinfo is UTC or row.at.utcoffset() == datetime.now(UTC).utcoffset()
    with staff.office.read(staff.actor("hanh")) as desk:
        file = desk.session.scalars(select(DocumentFile).where(DocumentFile.id == row.file_id).execution_options(
            scoped=True)).one()  # fmt: skip
    assert file.name == "01-SY-SNV công văn 12.pdf"

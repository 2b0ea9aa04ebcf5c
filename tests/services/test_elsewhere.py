"""Keys that lie with their holders: a token's value or a program's file becomes the signature, once, or nothing."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from eoffice.cli.staff import Staff
from eoffice.core.desk import Actor, scope
from eoffice.core.errors import NotAllowed, NotFound, OfficeError, SignatureProblem, Unavailable
from eoffice.models.documents import Document
from eoffice.models.review import PreparedSignature
from eoffice.services import drafting, issuing, ledger, signing_list
from eoffice.services.elsewhere import Answer, Value
from eoffice.services.incoming import main_file
from signing.errors import TsaDown
from signing.keys import SoftKey
from signing.results import Verdict
from signing.sign import Request, sign
from signing.verify import verify
from tests.services.test_signing_list import entries
from tests.support import elsewhere as outside
from tests.support.elsewhere import brought_back, handed_out, offered, on_a_token, value
from tests.support.leaders import Leader, enter
from tests.support.letters import approved, at_work
from tests.support.world import World

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def staff(world: World) -> Iterator[Staff]:
    with at_work(world) as staff:
        yield staff


@pytest.fixture
def nam(staff: Staff) -> Leader:
    return enter(staff, "nam")


@pytest.fixture
def key(staff: Staff) -> SoftKey:
    """The director's key, on his token."""
    return on_a_token(staff.office, "leader-nam")


@pytest.fixture
def letter(staff: Staff, nam: Leader, key: SoftKey) -> UUID:
    """A letter the director has read and approved."""
    found = approved(staff)
    nam.approve(found)
    return found


def finish(by: Leader, letter: UUID, answer: Answer) -> Document:
    item = next(item for item in by.tray().listed if item.document_id == letter)
    found: Document = by.do(issuing.sign, letter, sha256=item.sha256, shown=item.shown, answer=answer)
    return found


def refused(by: Leader, letter: UUID, answer: Answer) -> str:
    """The code with which it is refused; the letter stands in the list as it was."""
    before = by.tray().listed
    with pytest.raises(OfficeError) as error:
        finish(by, letter, answer)
    assert by.tray().listed == before
    told = error.value.sentence("vi").lower()
    assert "chưa ký" in told or "giữ nguyên" in told, told
    return error.value.code


def file_of(staff: Staff, letter: UUID, stage: str) -> bytes:
    file = main_file(staff.document("hanh", letter), stage)
    assert file is not None
    return staff.office.files.read(file.sha256)


def rows(world: World) -> int:
    with world.office.sessions.read() as session:
        statement = select(func.count()).select_from(PreparedSignature)
        return session.scalar(statement.execution_options(scoped=True)) or 0


def test_a_token_signs_and_the_clerk_s_token_seals(
    world: World, staff: Staff, nam: Leader, key: SoftKey, letter: UUID, pdfsig: Path, tmp_path: Path
) -> None:
    import subprocess

    seal = on_a_token(staff.office, "seal-so-noi-vu")
    signed = finish(nam, letter, (value(offered(staff.office, nam.actor, letter), key),))
    assert signed.state == "signed"
    assert [item.document_id for item in nam.tray().signed] == [letter]
    staff.number("hanh", letter)
    clerk = staff.actor("hanh")
    answer = (value(offered(staff.office, clerk, letter), seal),)
    staff.do("hanh", issuing.seal, letter, answer=answer)
    staff.issue("hanh", letter)
    found = verify(file_of(staff, letter, "sealed"), staff.office.trust(), at=staff.office.clock.now())
    assert found.verdict is Verdict.PASSED
    assert [(one.field, one.level) for one in found.signatures] == [("leader", "B-LT"), ("agency", "B-LT")]
    (tmp_path / "sealed.pdf").write_bytes(file_of(staff, letter, "sealed"))
    told = subprocess.run([pdfsig, "-nocert", tmp_path / "sealed.pdf"], capture_output=True, text=True, check=False)
    assert told.stdout.count("Signature is Valid") == 2
    notes = [entries(world, word)[-1]["notes"] for word in ("document.signed", "document.sealed")]
    assert [note["elsewhere"] for note in notes] == ["token", "token"]
    assert notes[0]["shown"]["pages"][0]["seconds"] == 8
    with staff.office.read(nam.actor) as desk:
        assert all(chain.ok for chain in ledger.verify(desk))


@SQLITE
def test_what_does_not_fit_is_refused_and_uses_nothing_up(
    world: World, staff: Staff, nam: Leader, key: SoftKey, letter: UUID
) -> None:
    other = approved(staff)
    nam.approve(other)
    offer, theirs = offered(staff.office, nam.actor, letter), offered(staff.office, nam.actor, other)
    good = value(offer, key)
    assert refused(nam, letter, (value(theirs, key),)) == "input_changed"
    assert refused(nam, letter, (replace(good, value=value(theirs, key).value),)) == "value_wrong"
    assert refused(nam, letter, (replace(good, value=base64.b64encode(b"no value").decode()),)) == "value_wrong"
    assert refused(nam, letter, (replace(good, value="=no base64="),)) == "value_wrong"
    assert refused(nam, letter, (replace(good, prepared=uuid4()),)) == "prepared_unknown"
    assert staff.document("hanh", letter).state == "format_ok"
    assert finish(nam, letter, (good,)).state == "signed"
    assert staff.document("hanh", other).state == "format_ok"


@SQLITE
def test_another_sign_in_and_another_person_are_refused(
    staff: Staff, nam: Leader, key: SoftKey, letter: UUID
) -> None:
    good = value(offered(staff.office, nam.actor, letter), key)
    again = enter(staff, "nam")
    assert refused(again, letter, (good,)) == "other_user"
    ngan = enter(staff, "ngan")
    with staff.office.read(ngan.actor) as desk, pytest.raises(NotAllowed):
        outside.wanted(desk, letter)
    with pytest.raises(OfficeError):
        ngan.do(issuing.sign, letter, sha256=nam.tray().listed[0].sha256, answer=(good,))
    assert finish(nam, letter, (good,)).state == "signed"


@SQLITE
def test_ten_minutes_and_not_twice(world: World, staff: Staff, nam: Leader, key: SoftKey, letter: UUID) -> None:
    late = value(offered(staff.office, nam.actor, letter), key)
    world.step(minutes=11)
    assert refused(nam, letter, (late,)) == "pending_expired"
    good = value(offered(staff.office, nam.actor, letter), key)
    finish(nam, letter, (good,))
    with pytest.raises(OfficeError) as error:
        nam.do(issuing.sign, letter, answer=(good,))
    assert error.value.code in ("signing_stopped", "wrong_state")
    assert rows(world) == 2
    world.step(days=2)
    nam.approve(second := approved(staff))
    offered(staff.office, nam.actor, second)
    assert rows(world) == 1, "what is long over is forgotten"


def test_of_two_at_the_same_moment_one_signs(staff: Staff, nam: Leader, key: SoftKey, letter: UUID) -> None:
    good = value(offered(staff.office, nam.actor, letter), key)

    def once(_: int) -> str:
        try:
            return str(finish(nam, letter, (good,)).state)
        except (OfficeError, StopIteration) as error:
            return type(error).__name__

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(once, range(4)))
    assert told.count("signed") == 1, told
    files = [file for file in staff.document("hanh", letter).files if file.stage == "signed"]
    assert len(files) == 1


@SQLITE
def test_a_changed_draft_or_an_emptied_list_is_not_signed(staff: Staff, nam: Leader, key: SoftKey) -> None:
    letter, other = approved(staff), approved(staff)
    nam.approve(letter, other)
    good, second = (value(offered(staff.office, nam.actor, one), key) for one in (letter, other))
    item = next(item for item in nam.tray().listed if item.document_id == letter)
    nam.do(signing_list.remove, item.id)
    with pytest.raises(OfficeError) as stopped:
        nam.do(issuing.sign, letter, sha256=item.sha256, answer=(good,))
    assert stopped.value.code == "signing_stopped"
    sha256 = nam.tray().listed[0].sha256
    nam.do(drafting.send_back, other, reason="Sửa lại nơi nhận.")
    with pytest.raises(OfficeError):
        nam.do(issuing.sign, other, sha256=sha256, answer=(second,))
    assert {staff.document("hanh", one).state for one in (letter, other)} == {"format_ok", "draft"}


@SQLITE
def test_a_silent_authority_uses_nothing_up(staff: Staff, nam: Leader, key: SoftKey, letter: UUID) -> None:
    class Silent:
        room = 8000

        def stamp(self, digest: bytes, algorithm: str) -> bytes:
            raise TsaDown

    good = value(offered(staff.office, nam.actor, letter), key)
    usual = staff.office.tsa
    staff.office.tsa = Silent
    with pytest.raises(Unavailable):
        finish(nam, letter, (good,))
    staff.office.tsa = usual
    assert finish(nam, letter, (good,)).state == "signed"


@SQLITE
def test_the_key_agent_is_not_asked_for_a_token_s_key(staff: Staff, nam: Leader, letter: UUID) -> None:
    with pytest.raises(SignatureProblem) as error:
        nam.unlock()
    assert error.value.code == "key_elsewhere"
    with pytest.raises(SignatureProblem) as error:
        nam.do(issuing.sign, letter)
    assert error.value.code == "key_elsewhere"
    assert [item.document_id for item in nam.tray().listed] == [letter]


def test_a_file_goes_out_and_comes_back(world: World, staff: Staff, nam: Leader, key: SoftKey, letter: UUID) -> None:
    seal, trust, at = on_a_token(staff.office, "seal-so-noi-vu"), staff.office.trust(), staff.office.clock.now()
    draft = file_of(staff, letter, "draft")
    elsewhere = sign(draft, key, Request("leader", kind="certification"), trust, at=at).pdf
    finish(nam, letter, brought_back(staff.office, elsewhere))
    signed = file_of(staff, letter, "signed")
    assert signed.startswith(elsewhere)
    staff.number("hanh", letter)
    clerk = staff.actor("hanh")
    prepared, out = handed_out(staff.office, clerk, letter)
    assert out.startswith(signed)
    back = sign(out, seal, Request("agency", lock_all=True), trust, at=world.clock.now()).pdf
    staff.do("hanh", issuing.seal, letter, answer=brought_back(staff.office, back, prepared))
    staff.issue("hanh", letter)
    found = verify(file_of(staff, letter, "sealed"), trust, at=world.clock.now())
    levels = {one.field: one.level for one in found.signatures if one.field in ("leader", "agency")}
    assert (found.verdict, levels) == (Verdict.PASSED, {"leader": "B-LTA", "agency": "B-LTA"})
    ways = [entries(world, f"document.{word}")[-1]["notes"]["elsewhere"] for word in ("signed", "sealed")]
    assert ways == ["file", "file"]


@SQLITE
def test_a_seal_without_number_and_date_does_not_come_back(
    staff: Staff, nam: Leader, key: SoftKey, letter: UUID
) -> None:
    seal, trust, at = on_a_token(staff.office, "seal-so-noi-vu"), staff.office.trust(), staff.office.clock.now()
    finish(nam, letter, (value(offered(staff.office, nam.actor, letter), key),))
    staff.number("hanh", letter)
    bare = sign(file_of(staff, letter, "signed"), seal, Request("agency", lock_all=True), trust, at=at).pdf
    with pytest.raises(SignatureProblem) as error:
        staff.do("hanh", issuing.seal, letter, answer=brought_back(staff.office, bare))
    assert error.value.code == "input_changed"
    prepared, _out = handed_out(staff.office, staff.actor("hanh"), letter)
    with pytest.raises(SignatureProblem) as error:
        staff.do("hanh", issuing.seal, letter, answer=brought_back(staff.office, bare, prepared))
    assert error.value.code == "input_changed"
    assert staff.document("hanh", letter).state == "numbered"


@SQLITE
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda draft, signed: draft, "returned_unsigned"),
        (lambda draft, signed: b"%PDF-1.7\n" + signed, "input_changed"),
        (lambda draft, signed: signed[:-40], None),
        (lambda draft, signed: signed.replace(b"/Contents <3", b"/Contents <4", 1), None),
        (lambda draft, signed: signed + signed[len(draft) :], None),
    ],
)
def test_a_file_that_is_not_what_went_out_signed_is_refused(
    spoil: Any, code: str | None, staff: Staff, nam: Leader, key: SoftKey, letter: UUID
) -> None:
    draft = file_of(staff, letter, "draft")
    request, at = Request("leader", kind="certification"), staff.office.clock.now()
    signed = sign(draft, key, request, staff.office.trust(), at=at).pdf
    told = refused(nam, letter, brought_back(staff.office, spoil(draft, signed)))
    assert code is None or told == code


@SQLITE
def test_the_wrong_signer_and_the_wrong_kind_come_back(
    staff: Staff, nam: Leader, key: SoftKey, letter: UUID
) -> None:
    other = on_a_token(staff.office, "leader-ngan")
    draft, at, trust = file_of(staff, letter, "draft"), staff.office.clock.now(), staff.office.trust()
    theirs = sign(draft, other, Request("leader", kind="certification"), trust, at=at).pdf
    assert refused(nam, letter, brought_back(staff.office, theirs)) == "signing_certificate_mismatch"
    plain = sign(draft, key, Request("leader"), trust, at=at).pdf
    assert refused(nam, letter, brought_back(staff.office, plain)) == "returned_other_kind"


@SQLITE
def test_nobody_s_list_is_signed_from_another_agency(staff: Staff, nam: Leader, key: SoftKey, letter: UUID) -> None:
    good = value(offered(staff.office, nam.actor, letter), key)
    stranger: Actor = staff.actor("yen")
    with pytest.raises((NotFound, NotAllowed)):
        staff.office.do(stranger, issuing.sign, letter, key="stranger", answer=(Value(good.prepared, good.value),))
    with staff.office.read(stranger) as desk:
        assert desk.session.scalars(scope(desk, PreparedSignature)).all() == []

"""Guards between the leader's signature and the issued document, each alone: signature, approvals, seal, number."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from eoffice.cli.staff import Staff
from eoffice.core.errors import Conflict, NotAllowed, OfficeError, SignatureProblem
from eoffice.core.ids import new_id
from eoffice.models.books import NumberAllocation
from eoffice.models.documents import FileVerdict
from eoffice.rules.access import Role
from eoffice.services import books, drafting, examine, issuing, search
from eoffice.services.incoming import main_file
from signing.pki import Pki
from signing.revocation import Online, Stored
from tests.support.letters import approved, at_work, sealed
from tests.support.papers import arrived
from tests.support.world import World, snapshot


@pytest.fixture
def staff(world: World) -> Iterator[Staff]:
    with at_work(world) as staff:
        yield staff


def judge(staff: Staff, letter: UUID, stage: str, verdict: str) -> None:
    """A later check of a file came to another verdict: revoked meanwhile, or damaged."""
    office = staff.office
    with office.write(staff.actor("hanh"), key=f"judge:{stage}") as desk:
        file = main_file(search.document(desk, letter), stage)
        assert file is not None
        report = {"verdict": verdict, "signatures": []}
        row: dict[str, Any] = {"sha256": file.sha256, "policy": "later", "verdict": verdict, "report": report}
        desk.session.add(FileVerdict(id=new_id(), checked_at=desk.now() + timedelta(minutes=1), **row))


@pytest.mark.parametrize("verdict", ["FAILED", "WARNED", "UNSIGNED", "UNREADABLE"])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_number_without_the_leader_s_valid_signature(staff: Staff, verdict: str) -> None:
    letter = approved(staff)
    staff.sign("nam", letter)
    judge(staff, letter, "signed", verdict)
    with pytest.raises(SignatureProblem) as caught:
        staff.number("hanh", letter)
    assert caught.value.code == "leader_signature_missing"
    with staff.office.read(staff.actor("hanh")) as desk:
        assert books.find(desk, "outgoing", 2026) == []


def test_no_seal_without_the_leader_s_valid_signature(staff: Staff) -> None:
    letter = approved(staff)
    staff.sign("nam", letter)
    staff.number("hanh", letter)
    judge(staff, letter, "signed", "FAILED")
    with pytest.raises(SignatureProblem) as caught:
        staff.seal("hanh", letter)
    assert caught.value.code == "leader_signature_missing"
    assert staff.document("hanh", letter).state == "numbered"


def levels(staff: Staff, letter: UUID, stage: str) -> dict[str, str]:
    with staff.office.read(staff.actor("hanh")) as desk:
        file = main_file(search.document(desk, letter), stage)
        stored = examine.verdict_of(desk, file.sha256 if file else "")
    assert stored is not None
    return {item["field"]: item["level"] for item in stored.report["signatures"]}


def test_the_file_carries_the_evidence_for_both_signatures(staff: Staff) -> None:
    letter = sealed(staff)
    assert levels(staff, letter, "signed") == {"leader": "B-LT"}
    assert levels(staff, letter, "sealed") == {"leader": "B-LT", "agency": "B-LT"}
    signed, done = (staff.bytes_of("hanh", letter, stage) for stage in ("signed", "sealed"))
    assert done.startswith(signed)


def test_without_time_stamps_only_the_clock_tells(staff: Staff, world: World) -> None:
    world.office.tsa = lambda: None
    assert levels(staff, sealed(staff), "sealed") == {"leader": "B-B", "agency": "B-B"}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_named_hosts_are_asked_and_remembered(staff: Staff, world: World) -> None:
    """With hosts named their answers come first; where none is reached the lists of the folder still serve."""
    office = world.office
    assert isinstance(office.revocation(), Stored)
    office.settings = replace(office.settings, revocation_hosts="ocsp.example.vn 127.0.0.1:9")
    assert isinstance(office.revocation(), Online)
    assert levels(staff, sealed(staff), "sealed") == {"leader": "B-LT", "agency": "B-LT"}


def test_nobody_but_the_custodian_seals(staff: Staff, world: World) -> None:
    """Another clerk of the same agency, with every right of a clerk, and the key even open."""
    letter = approved(staff)
    staff.sign("nam", letter)
    staff.number("hanh", letter)
    staff.unlock("hanh", letter, "seal", "signed")
    other = replace(staff.actor("anh"), roles=frozenset({Role.CLERK}), session=staff.actor("hanh").session)
    with pytest.raises(NotAllowed) as caught:
        world.office.do(other, issuing.seal, letter, key="seal")
    assert caught.value.code == "not_custodian"
    assert staff.document("hanh", letter).state == "numbered"


def test_a_new_version_drops_both_approvals(staff: Staff) -> None:
    """Whatever the state says: what was approved is another text."""
    letter = approved(staff)
    with staff.office.read(staff.actor("nam")) as desk:
        drafting.check_approved(desk, search.document(desk, letter))
        content = drafting.Content(
            kind="official_letter",
            subject="V/v hướng dẫn giao nộp hồ sơ",
            paragraphs=("Câu này chưa ai duyệt./.",),
            to=(staff.to("so-tai-chinh"),),
            signer=staff.province.posts["nam"],
        )
    staff.do("tuan", drafting.revise, letter, content=content)
    with staff.office.read(staff.actor("nam")) as desk, pytest.raises(NotAllowed) as caught:
        drafting.check_approved(desk, search.document(desk, letter))
    assert caught.value.code == "not_approved"


def test_a_sealed_file_is_checked_again_before_it_is_issued(staff: Staff, world: World) -> None:
    """The certificate of the seal was revoked between sealing and issuing."""
    letter = sealed(staff)
    pki = Pki.load(world.office.settings.pki)
    pki.revoke("seal-so-noi-vu", at=world.clock.now() - timedelta(days=1))
    pki.renew_crls(at=world.clock.now())
    with pytest.raises(SignatureProblem) as caught:
        staff.issue("hanh", letter)
    assert caught.value.code == "not_valid"
    assert staff.document("hanh", letter).state == "sealed"
    assert staff.deliveries("hanh", letter) == []


# numbers


def test_the_second_number_waits_for_the_first(bare_world: World) -> None:
    """A number that is taken but not yet committed holds back the next one, and no one sees it twice."""
    world, clerk = bare_world, bare_world.actor("hanh")
    first, second = (arrived(world, "so-noi-vu", f"%PDF-1.7 {n}".encode(), key=f"a{n}") for n in range(2))
    begun, taken = threading.Event(), threading.Event()

    def late() -> int:
        begun.wait(10)
        with world.office.write(clerk, key="second") as desk:
            number, _ = books.take(desk, "book", second)
            taken.set()
        return number

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(late)
        with world.office.write(clerk, key="first") as desk:
            assert books.take(desk, "book", first)[0] == 1
            begun.set()
            assert not taken.wait(0.5), "two numbers at once"
        assert answer.result(20) == 2


def test_the_database_keeps_no_number_twice(bare_world: World) -> None:
    """Whatever the code does: the second row with a number is refused."""
    document = arrived(bare_world, "so-noi-vu")

    def keep(number: int) -> None:
        with bare_world.office.write(bare_world.system("so-noi-vu"), key=f"keep {new_id()}") as desk:
            given = {"series": "book", "number": number, "document_id": document, "state": "used", "at": desk.now()}
            desk.session.add(NumberAllocation(id=new_id(), agency_id=desk.agency, **given))

    keep(1)
    keep(2)
    with pytest.raises(Conflict):
        keep(1)
    assert snapshot(bare_world, NumberAllocation) == 2


def test_a_number_that_was_rolled_back_is_given_again(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    clerk = bare_world.actor("hanh")

    class Broken(OfficeError):
        """Something after the number went wrong."""

    for attempt in range(3):
        with pytest.raises(Broken), bare_world.office.write(clerk, key=f"{attempt}") as desk:
            assert books.take(desk, "book", document)[0] == 1
            raise Broken
    assert snapshot(bare_world, NumberAllocation) == 0

"""The life of certificates: asked for, issued, handed over, revoked, renewed; each deed once, by who may do it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from eoffice.core.desk import scope
from eoffice.core.errors import Conflict, InvalidInput, NotFound, SignatureProblem
from eoffice.jobs.worker import drain
from eoffice.models.certificates import CertificateRequest, KeyHandover
from eoffice.models.directory import Certificate, Post
from eoffice.services import certificate_requests, certificates, directory, issuing, ledger, test_authority
from eoffice.services.certificates import Handing
from eoffice.services.directory import NewPost
from tests.support.world import World, snapshot

Do = Callable[..., Any]


@pytest.fixture
def phong(world: World) -> Do:
    """The administrator of Sở Nội vụ does a deed, with a key of its own unless one is given."""
    count = iter(range(1000))

    def do(verb: Any, subject: UUID | None = None, *, key: str = "", **arguments: Any) -> Any:
        own = key or f"phong:{next(count)}"
        return world.office.do(world.actor("phong"), verb, subject, key=own, **arguments)

    return do


def the(world: World, purpose: str, login: str = "nam") -> Certificate:
    """The certificate in use for a purpose, as signing picks it."""
    with world.office.read(world.actor("phong")) as desk:
        post = world.post(login) if purpose == "leader" else None
        row = directory.certificate(desk, purpose, post_id=post)
    assert row is not None
    return row


def again(world: World, row: Certificate) -> Certificate:
    with world.office.read(world.actor("phong")) as desk:
        return certificates.one(desk, row.id)


def words(world: World, row: Certificate) -> list[str]:
    with world.office.read(world.actor("phong")) as desk:
        return [deed.word for deed in certificates.history(desk, row)]


def second_clerk(world: World) -> UUID:
    """Another clerk at Sở Nội vụ."""
    post = NewPost("so-noi-vu", "minh-thu", "Vũ Minh Thư", "bà", "Văn thư", "no password opens this", ("clerk",))
    row: Post = world.office.do(world.system("so-noi-vu"), directory.appoint, key="thu", post=post)
    return row.id


def test_what_is_asked_for_is_issued_and_takes_the_place_of_the_old_one(world: World, phong: Do) -> None:
    old = the(world, "leader")
    asked = phong(certificate_requests.request, purpose="leader", post=world.post("nam"))
    phong(certificate_requests.issue, asked.id)
    new = the(world, "leader")
    assert new.id != old.id
    assert (new.test, new.origin, new.name) == (True, "issued", "Nguyễn Văn Nam")
    assert new.valid_from <= world.clock.now() < new.valid_to
    before = again(world, old)
    assert (before.status, before.replaced_by_id) == ("replaced", new.id)
    assert words(world, new) == ["certificate.issued", "certificate.requested"]
    with world.office.read(world.actor("phong")) as desk:
        assert certificates.status(desk, new).trusted
        assert ledger.verify(desk)[0].ok
        password = test_authority.first_password(desk, new.key_name)
    from signing.pki import Pki

    assert Pki.load(world.office.settings.pki).key(new.key_name, password).certificate == new.der


def test_a_slot_is_asked_for_once(world: World, phong: Do) -> None:
    phong(certificate_requests.request, purpose="exchange")
    with pytest.raises(Conflict) as refused:
        phong(certificate_requests.request, purpose="exchange")
    assert refused.value.code == "already_requested"
    assert snapshot(world, CertificateRequest) == 1


@pytest.mark.parametrize(
    ("purpose", "login"), [("leader", "hanh"), ("leader", "tuan"), ("seal", "nam"), ("leader", "dung"), ("root", "nam")]
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_only_who_may_use_it_gets_one(world: World, phong: Do, purpose: str, login: str) -> None:
    with pytest.raises(InvalidInput):
        phong(certificate_requests.request, purpose=purpose, post=world.post(login))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_decided_request_is_not_decided_again(world: World, phong: Do) -> None:
    asked = phong(certificate_requests.request, purpose="seal", post=world.post("hanh"))
    with pytest.raises(InvalidInput):
        phong(certificate_requests.refuse, asked.id, reason=" ")
    phong(certificate_requests.refuse, asked.id, reason="Chứng thư số hiện tại còn dùng được")
    for verb, arguments in ((certificate_requests.issue, {}), (certificate_requests.refuse, {"reason": "x"})):
        with pytest.raises(Conflict):
            phong(verb, asked.id, **arguments)
    assert phong(certificate_requests.request, purpose="seal", post=world.post("hanh")).id != asked.id


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_pressed_twice_it_is_issued_once(world: World, phong: Do) -> None:
    asked = phong(certificate_requests.request, purpose="exchange")
    before = snapshot(world, Certificate)
    first = phong(certificate_requests.issue, asked.id, key="twice")
    assert phong(certificate_requests.issue, asked.id, key="twice").certificate_id == first.certificate_id
    assert snapshot(world, Certificate) == before + 1


def test_a_renewal_asks_for_all_that_end_and_the_background_issues_them(world: World, phong: Do) -> None:
    with pytest.raises(InvalidInput) as nothing:
        phong(certificate_requests.renew)
    assert nothing.value.code == "nothing_to_renew"
    leader, seal = the(world, "leader"), the(world, "seal")
    with world.office.sessions.write() as session:
        ends = update(Certificate).where(Certificate.id.in_([leader.id, seal.id]))
        session.execute(
            ends.values(valid_to=world.clock.now() + timedelta(days=40)),
            execution_options={"synchronize_session": False, "scoped": True},
        )
        session.commit()
    phong(certificate_requests.renew)
    with pytest.raises(InvalidInput):
        phong(certificate_requests.renew)
    phong(certificate_requests.order)
    assert drain(world.office) == 2
    assert {again(world, row).status for row in (leader, seal)} == {"replaced"}
    assert the(world, "seal").custodian_post_id == world.post("hanh")
    with world.office.read(world.actor("phong")) as desk:
        assert certificate_requests.request_counts(desk) == {"requested": 0, "issued": 2, "refused": 0}
        assert certificate_requests.to_renew(desk) == []


def test_signing_picks_the_one_that_is_valid_now(world: World) -> None:
    """One that begins later and holds longer does not take the place of today's."""
    leader = the(world, "leader")
    table: Any = Certificate.__table__
    same = {column.key: getattr(leader, column.key) for column in table.columns}
    now = world.clock.now()
    later = {"id": UUID(int=7), "sha256": "7" * 64, "valid_from": now + timedelta(days=9)}
    with world.office.engine.begin() as connection:
        connection.execute(table.insert(), [same | later | {"valid_to": leader.valid_to + timedelta(days=900)}])
    assert the(world, "leader").id == leader.id
    world.step(days=10)
    assert the(world, "leader").id == UUID(int=7)


def test_a_revoked_one_signs_nothing_and_stands_on_the_list(world: World, phong: Do) -> None:
    leader = the(world, "leader")
    phong(certificates.revoke, leader.id, reason="Mất thiết bị lưu khóa")
    row = again(world, leader)
    assert (row.status, row.reason, row.ended_at) == ("revoked", "Mất thiết bị lưu khóa", world.clock.now())
    with world.office.read(world.actor("nam")) as desk, pytest.raises(SignatureProblem):
        issuing.leader_certificate(desk)
    assert drain(world.office) == 1
    with world.office.read(world.actor("phong")) as desk:
        assert certificates.status(desk, row).revocation == "revoked"
    assert words(world, leader)[:2] == ["revocation.published", "certificate.revoked"]
    with pytest.raises(Conflict):
        phong(certificates.revoke, leader.id, reason="lần nữa")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_revocation_needs_reason_and_possible_days(world: World, phong: Do) -> None:
    seal = the(world, "seal")
    today = world.clock.now().date()
    for wrong in ({"reason": " "}, {"reason": "x", "since": today + timedelta(days=2)}, {"reason": "x", "reported_on": today + timedelta(days=2)}):  # fmt: skip  # noqa: E501
        with pytest.raises(InvalidInput):
            phong(certificates.revoke, seal.id, **wrong)
    with world.office.sessions.write() as session:
        real = update(Certificate).where(Certificate.id == seal.id).values(test=False)
        session.execute(real, execution_options={"synchronize_session": False, "scoped": True})
        session.commit()
    with pytest.raises(InvalidInput) as refused:
        phong(certificates.revoke, seal.id, reason="x")
    assert refused.value.code == "not_reported"
    phong(certificates.revoke, seal.id, reason="x", reported_on=today, since=today - timedelta(days=1))
    assert again(world, seal).ended_at < world.clock.now() - timedelta(hours=8)  # type: ignore[operator]


def test_the_key_goes_to_another_clerk_with_its_history(world: World, phong: Do) -> None:
    seal, taker = the(world, "seal"), second_clerk(world)
    handing = Handing(taker, "Quyết định số 15/QĐ-SNV ngày 01/9/2026", "USB token", "VN-0012345")
    phong(certificates.hand_over, seal.id, handing=handing)
    assert again(world, seal).custodian_post_id == taker
    with world.office.read(world.actor("phong")) as desk:
        (given,) = certificates.handovers(desk, seal)
        assert (given.from_name, given.to_name) == ("Trần Thị Hạnh", "Vũ Minh Thư")
        assert ledger.verify(desk)[0].ok
    with world.office.read(world.actor("hanh")) as desk, pytest.raises(Exception) as refused:
        issuing.seal_certificate(desk)
    assert refused.value.code == "not_custodian"  # type: ignore[attr-defined]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_key_goes_nowhere_else(world: World, phong: Do) -> None:
    seal, taker = the(world, "seal"), second_clerk(world)
    for wrong in (
        Handing(world.post("tuan"), "QĐ 15", "USB token"),
        Handing(world.post("hanh"), "QĐ 15", "USB token"),
        Handing(world.post("yen"), "QĐ 15", "USB token"),
        Handing(taker, " ", "USB token"),
        Handing(taker, "QĐ 15", ""),
    ):
        with pytest.raises(InvalidInput):
            phong(certificates.hand_over, seal.id, handing=wrong)
    with pytest.raises(InvalidInput):
        phong(certificates.hand_over, the(world, "leader").id, handing=Handing(taker, "QĐ 15", "USB token"))
    assert snapshot(world, KeyHandover) == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_another_agency_s_certificates_are_not_there(world: World, phong: Do) -> None:
    with world.office.read(world.system("so-tai-chinh")) as desk:
        theirs = desk.session.scalars(scope(desk, Certificate).where(Certificate.purpose == "seal")).one()
    with pytest.raises(NotFound):
        phong(certificates.revoke, theirs.id, reason="x")
    with world.office.read(world.system("so-tai-chinh")) as desk:
        assert certificates.one(desk, theirs.id).status == "active"

"""Whoever holds a key changes its password, and nobody else; no trace of it stays, and the first one is forgotten."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import Staff
from eoffice.core.desk import Actor
from eoffice.core.errors import Conflict, InvalidInput, NotAllowed, OfficeError, SignatureProblem
from eoffice.core.secret import Secret
from eoffice.models.calls import Call
from eoffice.models.directory import Certificate
from eoffice.models.ledger import LedgerEntry
from eoffice.services import certificate_keys, certificate_requests, certificates, ledger, test_authority, verbs
from tests.support.leaders import Leader, enter
from tests.support.letters import approved, at_work
from tests.support.world import World

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
NEW = "bốn từ dễ nhớ lắm"


@pytest.fixture
def staff(world: World) -> Iterator[Staff]:
    with at_work(world) as staff:
        yield staff


@pytest.fixture
def nam(staff: Staff) -> Leader:
    return enter(staff, "nam")


def the(world: World, login: str) -> Certificate:
    """The certificate whose key a person holds or keeps."""
    with world.office.read(world.system("so-noi-vu")) as desk:
        (held,) = certificates.held(desk, world.post(login))
        return certificates.one(desk, held.id)


def change(who: Leader, row: Certificate, *, old: str = KEY_PASSWORD, new: str = NEW) -> None:
    who.do(certificate_keys.change_password, row.id, old=Secret(old), new=Secret(new))


def test_the_new_password_opens_the_key_and_the_old_one_does_not(world: World, staff: Staff, nam: Leader) -> None:
    first, second = approved(staff), approved(staff)
    nam.approve(first)
    nam.unlock()
    row = the(world, "nam")
    change(nam, row)
    assert nam.open_files() == set(), "the key was closed"
    nam.approve(second)
    with pytest.raises(SignatureProblem, match="wrong_password"):
        nam.unlock()
    nam.unlock(Secret(NEW))
    assert nam.open_files()
    with world.office.read(world.actor("phong")) as desk:
        told = certificates.history(desk, certificates.one(desk, row.id))[0]
    with world.office.read(nam.actor) as desk:
        assert all(chain.ok for chain in ledger.verify(desk))
    assert (told.word, told.name) == ("key.password_changed", "Nguyễn Văn Nam")
    assert told.notes["keys_locked"] == 1


def test_a_password_of_a_key_leaves_no_trace(world: World, nam: Leader, caplog: pytest.LogCaptureFixture) -> None:
    row = the(world, "nam")
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(SignatureProblem):
            change(nam, row, old="đoán thử xem sao")
        change(nam, row)
    with world.office.sessions.read() as session:
        bodies = b"".join(session.scalars(select(LedgerEntry.body)))
        calls = session.scalars(select(Call.arguments).where(Call.verb == "certificate_keys.change_password")).all()
    for password in (NEW, KEY_PASSWORD, "đoán thử xem sao"):
        assert password.encode() not in bodies
        assert json.dumps(password).encode() not in bodies
        assert password not in caplog.text
    assert calls == [verbs._arguments(row.id, {"old": Secret("x"), "new": Secret("y")})]


@SQLITE
def test_the_clerk_changes_the_one_of_the_seal_and_nobody_of_another_s_key(world: World, staff: Staff) -> None:
    seal, leader = the(world, "hanh"), the(world, "nam")
    hanh = enter(staff, "hanh")
    with pytest.raises(NotAllowed, match="not_the_holder"):
        change(hanh, leader)
    change(hanh, seal)
    with pytest.raises(NotAllowed, match="not_the_holder"):
        change(enter(staff, "nam"), seal, old=NEW, new="năm từ dễ nhớ lắm")
    with world.office.read(world.system("so-noi-vu")) as desk:
        words = desk.session.scalars(select(LedgerEntry.word).where(LedgerEntry.word.like("%refused%"))).all()
    assert len(words) == 2


@SQLITE
@pytest.mark.parametrize(
    ("old", "new", "code", "error"),
    [
        ("đoán thử xem sao", NEW, "wrong_password", SignatureProblem),
        (KEY_PASSWORD, "ngắn", "password_short", InvalidInput),
        (KEY_PASSWORD, "Nguyễn Văn Nam", "password_own", InvalidInput),
        (KEY_PASSWORD, KEY_PASSWORD, "password_same", InvalidInput),
    ],
)
def test_what_is_refused_changes_nothing(
    nam: Leader, world: World, old: str, new: str, code: str, error: type[OfficeError]
) -> None:
    with pytest.raises(error, match=code):
        change(nam, the(world, "nam"), old=old, new=new)
    change(nam, the(world, "nam"))


@SQLITE
@pytest.mark.parametrize("storage", ["token", "service", "hsm"])
def test_a_key_elsewhere_says_where_its_pin_is_changed(world: World, nam: Leader, storage: str) -> None:
    row = the(world, "nam")
    _set(world, row, storage=storage)
    with pytest.raises(InvalidInput, match="key_elsewhere") as refused:
        change(nam, row)
    assert "PIN" in refused.value.sentence("vi")
    _set(world, row, storage="agent", status="revoked")
    with pytest.raises(Conflict):
        change(nam, row)


def _set(world: World, row: Certificate, **values: Any) -> None:
    with world.office.sessions.write() as session:
        session.execute(
            update(Certificate).where(Certificate.id == row.id).values(**values),
            execution_options={"scoped": True, "synchronize_session": False},
        )
        session.commit()


@SQLITE
def test_pressed_twice_at_once_or_after_a_fault_it_is_done_once(world: World, nam: Leader) -> None:
    """The answer was lost after the agent had done it: the same deed again ends well."""
    row = the(world, "nam")
    agent = nam.staff.office.agent()
    agent.change_password(nam.actor.session, row.key_name, KEY_PASSWORD, NEW)
    change(nam, row)


@SQLITE
def test_the_password_that_was_drawn_is_forgotten(world: World, staff: Staff, nam: Leader) -> None:
    admin: Actor = world.actor("phong")
    asked = world.office.do(admin, certificate_requests.request, key="a", purpose="leader", post=world.post("nam"))
    world.office.do(admin, certificate_requests.issue, asked.id, key="b")
    row = the(world, "nam")
    with world.office.read(admin) as desk:
        drawn = test_authority.first_password(desk, row.key_name)
    assert drawn
    change(nam, row, old=drawn)
    with world.office.read(admin) as desk:
        assert test_authority.first_password(desk, row.key_name) == ""
    assert drawn not in (world.office.settings.pki / "passwords.json").read_text("utf-8")

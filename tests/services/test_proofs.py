"""A proof somebody asks for: done in the background, kept for the page, and honest about what it found."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select, text

from eoffice.core.desk import Actor
from eoffice.core.errors import NotFound
from eoffice.jobs.worker import drain
from eoffice.models.ledger import LedgerCheck, LedgerEntry
from eoffice.models.work import Job
from eoffice.services import incoming, ledger, proofs
from eoffice.services.incoming import Facts
from eoffice.services.ledger import Wanted
from tests.support.papers import arrived
from tests.support.world import World, snapshot

FACTS = Facts(code="15/BC-STC", issuer_name="Sở Tài chính", subject="Báo cáo quý III")


@pytest.fixture
def written(bare_world: World) -> World:
    for number in range(3):
        document = arrived(bare_world, "so-noi-vu", f"%PDF-1.7 letter {number}".encode(), key=f"a{number}")
        bare_world.office.do(bare_world.actor("hanh"), incoming.register, document, key=f"r{number}", facts=FACTS)
    return bare_world


def ask(world: World, login: str = "mai", slug: str = "so-noi-vu", *, key: str = "ask") -> LedgerCheck:
    found = world.office.do(world.actor(login), proofs.ask, key=key, agency=world.agency(slug))
    assert isinstance(found, LedgerCheck)
    return found


def standing(world: World, login: str = "mai", slug: str = "so-noi-vu") -> proofs.Standing:
    with world.office.read(world.actor(login)) as desk:
        return proofs.standing(desk, world.agency(slug))


def test_an_honest_chain_is_proved_in_the_background(written: World) -> None:
    asked = ask(written)
    under_way = standing(written).under_way
    assert under_way is not None
    assert under_way.id == asked.id
    drain(written.office)
    found = standing(written)
    assert found.under_way is None
    assert found.last is not None
    assert (found.last.id, found.last.ok, found.last.broken) == (asked.id, True, [])
    assert found.last.entries == found.entries - 1  # the proof is a deed itself
    assert found.last.seconds is not None
    assert 0 < found.last.seconds < 30
    assert all(not chain.broken for chain in proved(written))


def proved(world: World) -> list[ledger.Chain]:
    with world.office.read(world.system("so-noi-vu")) as desk:
        return ledger.verify(desk)


def test_a_tampered_row_is_kept_with_its_entry(written: World) -> None:
    with written.office.engine.begin() as connection:
        connection.execute(text("UPDATE document SET subject = 'Báo cáo khác'"))
    ask(written)
    drain(written.office)
    last = standing(written).last
    assert last is not None
    assert last.ok is False
    assert {(item["table"], item["reason"]) for item in last.broken} == {("document", "row_differs")}
    assert all(item["seq"] for item in last.broken)


def test_more_broken_places_than_are_kept_are_counted(written: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "MOST_NAMED", 1)
    with written.office.engine.begin() as connection:
        connection.execute(text("UPDATE document SET subject = 'Báo cáo khác'"))
    ask(written)
    drain(written.office)
    last = standing(written).last
    assert last is not None
    assert last.broken[1:] == [{"more": 2}]


def test_asking_twice_is_one_proof(written: World) -> None:
    assert ask(written).id == ask(written, key="again").id == ask(written, "nam", key="the head").id
    assert drain(written.office) == 1
    assert snapshot(written, LedgerCheck) == 1
    assert ask(written, key="later").done_at is None


@pytest.mark.parametrize(("login", "slug"), [("nam", "so-tai-chinh"), ("mai", "cong-ty-nuoc")])
def test_a_chain_one_may_not_know_of_is_not_there(bare_world: World, login: str, slug: str) -> None:
    with pytest.raises(NotFound):
        ask(bare_world, login, slug)
    agency = bare_world.agency(slug)
    with bare_world.office.read(bare_world.actor(login)) as desk:
        for question in (
            lambda: ledger.browse(desk, Wanted(agency), before=10),
            lambda: ledger.entry(desk, agency, 1),
            lambda: list(ledger.exported(desk, agency, first=1, last=2)),
            lambda: proofs.standing(desk, agency),
        ):
            with pytest.raises(NotFound):
                question()


def test_a_job_that_fails_is_seen_and_may_be_asked_for_again(written: World) -> None:
    first = ask(written)
    with written.office.sessions.write() as session:
        job = session.scalars(select(Job).where(Job.name == "proofs.prove")).one()
        job.state, job.error, job.attempts = "failed", "busy: {}", 1
        session.commit()
    found = standing(written)
    assert (found.under_way, found.trouble is not None) == (None, True)
    second = ask(written, key="again")
    assert second.id != first.id
    drain(written.office)
    found = standing(written)
    assert found.last is not None
    assert found.last.id == second.id
    assert found.trouble is None


def seqs(world: World, actor: Actor, wanted: Wanted, **more: int) -> list[int]:
    with world.office.read(actor) as desk:
        return [row.seq for row in ledger.browse(desk, wanted, before=more.pop("before", 1000), **more).rows]


def test_entries_are_found_by_deed_person_and_day(written: World) -> None:
    chain, mai = written.agency("so-noi-vu"), written.actor("mai")
    hanh = written.actor("hanh").person
    assert hanh is not None
    everything = seqs(written, mai, Wanted(chain))
    registered = seqs(written, mai, Wanted(chain, word="document.registered"))
    assert len(registered) == 3
    assert seqs(written, mai, Wanted(chain, person=hanh)) == registered
    assert set(seqs(written, mai, Wanted(chain, system=True))) == set(everything) - set(registered)
    now = written.clock.now()
    assert seqs(written, mai, Wanted(chain, since=now, until=written.clock.now())) == []
    assert seqs(written, mai, Wanted(chain, until=now)) == []
    assert seqs(written, mai, Wanted(chain, since=now)) == everything


def test_pages_join_without_gap_or_overlap(written: World) -> None:
    chain, found, before = written.agency("so-noi-vu"), [], 1000
    with written.office.read(written.actor("mai")) as desk:
        while True:
            page = ledger.browse(desk, Wanted(chain), before=before, limit=3)
            found += [row.seq for row in page.rows]
            if page.before is None:
                break
            before = page.before
    assert found == list(range(max(found), 0, -1))


def test_a_person_long_silent_is_found_by_looking_further(written: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "REACH", 2)
    chain, hanh = written.agency("so-noi-vu"), written.actor("hanh").person
    found, before = [], standing(written).entries + 1
    with written.office.read(written.actor("mai")) as desk:
        while before is not None:
            page = ledger.browse(desk, Wanted(chain, person=hanh), before=before)
            found += [row.seq for row in page.rows]
            before = page.before
    assert found == seqs(written, written.actor("mai"), Wanted(chain, word="document.registered"))


def lines_of(world: World) -> list[str]:
    with world.office.read(world.actor("mai")) as desk:
        return list(ledger.exported(desk, world.agency("so-noi-vu"), first=2, last=9))


def test_an_exported_stretch_is_proved_without_the_database(written: World) -> None:
    lines = lines_of(written)
    found = ledger.verify_lines(lines)
    assert (found.ok, found.entries, found.agency) == (True, 8, str(written.agency("so-noi-vu")))
    with written.office.read(written.actor("mai")) as desk:
        row = desk.session.scalars(
            select(LedgerEntry).where(LedgerEntry.chain == written.agency("so-noi-vu"), LedgerEntry.seq == 9)
        ).one()
    assert json.loads(lines[-1])["hash"] == row.hash


def test_what_was_done_to_a_stretch_is_found(written: World) -> None:
    lines = lines_of(written)

    def broken(changed: list[str]) -> set[tuple[str, str]]:
        found = ledger.verify_lines(changed)
        assert found.ok == (not found.broken)
        return {(item.id, item.reason) for item in found.broken}

    assert broken([*lines[:3], *lines[4:]]) == {("6", "removed")}
    assert broken([lines[0], lines[0], *lines[1:]]) == {("2", "inserted")}
    assert broken([*lines[:2], "not a line\n", *lines[2:]]) == {("3", "unreadable")}
    assert broken([]) == {("", "empty")}
    data = json.loads(lines[4])
    body = data["body"].replace("2026", "2025", 1)
    assert broken([*lines[:4], json.dumps({**data, "body": body}), *lines[5:]]) == {("6", "changed")}
    forged = {**data, "body": body, "hash": ledger.link(data["previous"], body.encode())}
    assert broken([*lines[:4], json.dumps(forged), *lines[5:]]) == {("7", "link")}


def test_every_flipped_letter_of_a_stretch_is_found(written: World) -> None:
    """Each character in turn: no place of a body may be changed unseen."""
    lines = lines_of(written)[:2]
    data = json.loads(lines[1])
    body = data["body"]
    for at, letter in enumerate(body):
        changed = body[:at] + ("y" if letter == "x" else "x") + body[at + 1 :]
        assert not ledger.verify_lines([lines[0], json.dumps({**data, "body": changed})]).ok, at

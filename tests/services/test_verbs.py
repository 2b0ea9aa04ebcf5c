"""Every deed: right, state, one answer per key, one ledger entry, refusals written down."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from eoffice.core.desk import scope
from eoffice.core.errors import KeyReused, NotAllowed, NotFound, ProgrammingError, StaleForm, WrongState
from eoffice.models.directory import Unit
from eoffice.models.documents import Document
from eoffice.models.ledger import LedgerEntry
from eoffice.services import books, incoming, ledger, routing
from eoffice.services.incoming import Arrival, Facts
from tests.support.papers import arrived
from tests.support.world import World

FACTS = Facts(code="15/BC-STC", issuer_name="Sở Tài chính", subject="Báo cáo quý III")


def words(world: World, slug: str) -> list[str]:
    with world.office.read(world.system(slug)) as desk:
        return [entry.word for entry in reversed(ledger.find(desk, limit=500))]


def test_a_deed_and_its_entry_commit_together(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    before = words(bare_world, "so-noi-vu")
    bare_world.office.do(bare_world.actor("hanh"), incoming.register, document, key="r1", facts=FACTS)
    assert words(bare_world, "so-noi-vu") == [*before, "document.registered"]
    with bare_world.office.read(bare_world.actor("hanh")) as desk:
        found = incoming.by_arrival_number(desk, 2026, 1)
        assert found is not None
        assert (found.id, found.state, found.code) == (document, "registered", "15/BC-STC")


def test_the_same_call_gets_the_same_answer_and_one_number(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    clerk = bare_world.actor("hanh")

    def register(_: int) -> UUID:
        row = bare_world.office.do(clerk, incoming.register, document, key="same", version=1, facts=FACTS)
        return UUID(str(row.id))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(register, range(16))) == {document}
    with bare_world.office.read(clerk) as desk:
        assert [line.number for line in books.find(desk, "incoming", 2026)] == [1]
    assert words(bare_world, "so-noi-vu").count("document.registered") == 1


def test_a_key_is_not_for_two_different_calls(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    clerk = bare_world.actor("hanh")
    bare_world.office.do(clerk, incoming.register, document, key="k", facts=FACTS)
    with pytest.raises(KeyReused):
        other = replace(FACTS, code="16/BC-STC")
        bare_world.office.do(clerk, incoming.register, document, key="k", facts=other)


def test_two_people_and_one_document(bare_world: World) -> None:
    """Two clerks register the same document with forms of their own: one number, a clear answer for the other."""
    document = arrived(bare_world, "so-noi-vu")
    clerk = bare_world.actor("hanh")

    def register(key: str) -> str:
        try:
            bare_world.office.do(clerk, incoming.register, document, key=key, version=1, facts=FACTS)
        except (StaleForm, WrongState) as error:
            return error.code
        return "registered"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(register, ("one", "two")))
    assert answers[0] == "registered" and answers[1] in {"stale_form", "wrong_state"}
    with bare_world.office.read(clerk) as desk:
        assert len(books.find(desk, "incoming", 2026)) == 1


def test_a_refusal_is_written_down_although_nothing_was_done(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    officer = bare_world.actor("tuan")
    with pytest.raises(NotAllowed):
        bare_world.office.do(officer, incoming.register, document, key="no", facts=FACTS)
    with bare_world.office.read(bare_world.system("so-noi-vu")) as desk:
        entry = ledger.find(desk, limit=1)[0]
        assert (entry.word, entry.object_id) == ("deed.refused", document)
        assert b'"code":"not_allowed"' in entry.body and "Lê Minh Tuấn".encode() in entry.body
        assert ledger.verify(desk)[0].ok


def test_a_stale_form_is_told(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    with pytest.raises(StaleForm):
        bare_world.office.do(bare_world.actor("hanh"), incoming.register, document, key="k", version=7, facts=FACTS)


def test_no_deed_in_a_wrong_state(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    with pytest.raises(WrongState):
        bare_world.office.do(bare_world.actor("hanh"), routing.forward, document, key="k")


def test_another_agency_s_document_is_not_there(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    clerk = bare_world.actor("yen")
    with pytest.raises(NotFound):
        bare_world.office.do(clerk, incoming.register, document, key="k", facts=FACTS)
    with bare_world.office.read(clerk) as desk:
        assert desk.session.scalars(scope(desk, Document)).all() == []


def test_the_auditor_reads_other_agencies_and_changes_nothing(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    auditor = bare_world.actor("mai")
    with bare_world.office.read(auditor) as desk:
        assert [row.id for row in desk.session.scalars(scope(desk, Document))] == [document]
    with pytest.raises(NotAllowed):
        bare_world.office.do(auditor, incoming.register, document, key="k", facts=FACTS)


def test_a_query_without_scope_is_refused(bare_world: World) -> None:
    with bare_world.office.read(bare_world.actor("hanh")) as desk, pytest.raises(ProgrammingError):
        desk.session.scalars(select(Document)).all()


def test_people_see_what_they_take_part_in(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    office, clerk, leader = bare_world.office, bare_world.actor("hanh"), bare_world.actor("nam")
    office.do(clerk, incoming.register, document, key="r", facts=FACTS)

    def sees(login: str) -> bool:
        with office.read(bare_world.actor(login)) as desk:
            return desk.session.scalars(scope(desk, Document).where(Document.id == document)).first() is not None

    assert not sees("son") and not sees("tuan") and sees("nam")
    with office.read(leader) as desk:
        unit = desk.session.scalars(scope(desk, Unit).where(Unit.abbreviation == "VTLT")).one()
    shares = [routing.Share("lead", unit=unit.id)]
    office.do(leader, routing.instruct, document, key="i", text="Tham mưu trả lời", shares=shares, working_days=3)
    assert sees("son") and sees("tuan") and not sees("huy")


def test_a_verb_never_writes_for_another_agency(bare_world: World) -> None:
    clerk = bare_world.actor("hanh")
    with pytest.raises(ProgrammingError), bare_world.office.write(clerk, key="x") as desk:
        journal = ledger.Journal()
        desk.session.info["journal"] = journal
        other = Document(
            agency_id=bare_world.agency("so-tai-chinh"),
            direction="incoming",
            state="arrived",
            kind="report",
            language="vi",
            urgency="normal",
            circulation="none",
            created_at=desk.now(),
            provenance="work",
        )
        desk.session.add(other)
        desk.session.flush()
        ledger.record(desk, journal, "document.arrived", other.id, verb="incoming.arrive")


def test_every_writing_desk_has_a_key(bare_world: World) -> None:
    with pytest.raises(ProgrammingError), bare_world.office.read(bare_world.actor("hanh")) as desk:
        incoming.register(desk, uuid4(), facts=FACTS)


def test_a_reading_desk_cannot_write(bare_world: World) -> None:
    from eoffice.core.errors import Unavailable

    with pytest.raises(Unavailable), bare_world.office.read(bare_world.actor("hanh")) as desk:
        desk.session.add(LedgerEntry(chain=uuid4(), seq=1, at=desk.now(), word="x", body=b"{}", previous="", hash=""))
        desk.session.flush()


def test_arrival_needs_bytes_that_are_there(bare_world: World) -> None:
    with pytest.raises(NotFound):
        bare_world.office.do(
            bare_world.actor("hanh"), incoming.arrive, key="a", arrival=Arrival("0" * 64, "x.pdf", "hand")
        )

"""The deadline a document brings along, and what was read of its first page, kept beside the database."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from eoffice.cli.tour import letter_from_outside
from eoffice.core.errors import InvalidInput
from eoffice.core.sandbox import SandboxTimeout
from eoffice.services import directory, files, incoming, ledger, routing, search, statistics
from eoffice.services.incoming import Arrival, Facts
from eoffice.services.routing import Share
from tests.support.papers import arrived
from tests.support.world import World

FACTS = Facts(
    code="15/BC-STC",
    issued_date=date(2026, 9, 4),
    issuer_name="Sở Tài chính",
    subject="Báo cáo quý III",
    due=date(2026, 9, 10),
)
END = datetime(2026, 9, 10, 16, 59, 59, tzinfo=UTC)
"""The last second of 10 September 2026 in An Bình."""


def registered(world: World, **changes: Any) -> Any:
    document = arrived(world, "so-noi-vu")
    facts = replace(FACTS, **changes)
    return world.office.do(world.actor("hanh"), incoming.register, document, key="r", facts=facts)


def instruct(world: World, row: Any, days: int | None) -> None:
    with world.office.read(world.actor("nam")) as desk:
        unit = next(unit.id for unit in directory.units(desk) if unit.abbreviation == "VTLT")
    shares = [Share("lead", post=world.post("tuan")), Share("coordinate", unit=unit)]
    world.office.do(
        world.actor("nam"), routing.instruct, row.id, key="i", text="Xử lý", shares=shares, working_days=days
    )


def test_a_deadline_lasts_until_the_end_of_its_day(bare_world: World) -> None:
    row = registered(bare_world)
    assert row.due_at == END
    with bare_world.office.read(bare_world.actor("nam")) as desk:
        history = ledger.history(desk, search.document(desk, row.id))
        told = next(deed for deed in history if deed.word == "document.registered")
        assert told.notes["due"] == "2026-09-10T16:59:59.000000Z"
        assert all(chain.ok for chain in ledger.verify(desk))


def test_without_one_there_is_none(bare_world: World) -> None:
    assert registered(bare_world, due=None).due_at is None


@pytest.mark.parametrize(("days", "due"), [(None, END), (5, datetime(2026, 9, 14, 10, tzinfo=UTC))])
def test_the_leader_may_set_another_one(bare_world: World, days: int | None, due: datetime) -> None:
    row = registered(bare_world)
    instruct(bare_world, row, days)
    with bare_world.office.read(bare_world.actor("nam")) as desk:
        assert search.document(desk, row.id).due_at == due
        assert {part.due_at for part in routing.assignments(desk, row.id)} == {due}
        assert routing.instructions(desk, row.id)[0].due_at == due


@pytest.mark.parametrize(("wait", "bucket"), [(1, "on_time"), (4, "late")])
def test_it_is_measured_by_the_deadline_it_brought(bare_world: World, wait: int, bucket: str) -> None:
    row = registered(bare_world)
    instruct(bare_world, row, None)
    bare_world.step(days=wait)
    bare_world.office.do(bare_world.actor("tuan"), routing.finish, row.id, key="f", note="Đã giải quyết")
    today = date(2026, 9, 7 + wait)
    with bare_world.office.read(bare_world.system("so-noi-vu")) as desk:
        period = statistics.Period(today, today)
        assert statistics.counts(desk, "on_time", period) == {bucket: 1}
        assert statistics.recount(desk) == []


@pytest.mark.parametrize("due", [date(2026, 9, 3), date(2037, 1, 1), date(9999, 12, 31)])
def test_an_impossible_deadline_takes_no_number(bare_world: World, due: date) -> None:
    with pytest.raises(InvalidInput) as caught:
        registered(bare_world, due=due)
    assert caught.value.code == "due_impossible"
    with bare_world.office.read(bare_world.actor("hanh")) as desk:
        assert incoming.by_arrival_number(desk, 2026, 1) is None


def test_one_that_has_passed_is_possible(bare_world: World) -> None:
    """The document came late; that is what the list of late ones is for."""
    row = registered(bare_world, due=date(2026, 9, 4))
    with bare_world.office.read(bare_world.actor("hanh")) as desk:
        assert [late.id for late in search.find(desk, search.Filter("incoming", late=True)).rows] == [row.id]


@pytest.mark.parametrize("change", [{"urgency": "soon"}, {"circulation": "everywhere"}])
def test_a_word_nobody_offered_is_refused(bare_world: World, change: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        registered(bare_world, **change)
    assert caught.value.facts["fields"] == next(iter(change))


def test_confirming_what_is_known_changes_nothing(bare_world: World) -> None:
    row = registered(bare_world, circulation="internal_circulation", signer_name="Lê Văn Dũng", urgency="express")
    assert replace(incoming.facts_of(row), issuer_identifier="") == replace(
        FACTS, circulation="internal_circulation", signer_name="Lê Văn Dũng", urgency="express"
    )


def test_the_queue_is_newest_first(bare_world: World) -> None:
    made = []
    for index in range(3):
        made.append(arrived(bare_world, "so-noi-vu", b"%%PDF-1.7 %d" % index, key=f"a{index}"))
        bare_world.step(minutes=1)
    arrived(bare_world, "so-tai-chinh", key="there")
    with bare_world.office.read(bare_world.actor("hanh")) as desk:
        assert [row.id for row in search.waiting(desk, "to_register")] == made[::-1]
        assert [row.id for row in search.waiting(desk, "to_register", most=2)] == made[:0:-1]


# what was read of page 1


def brought(world: World) -> str:
    sha256 = world.office.files.put(letter_from_outside(world.clock.now()))
    arrival = Arrival(sha256, "giấy.pdf", "hand")
    world.office.do(world.actor("hanh"), incoming.arrive, key="a", arrival=arrival)
    return sha256


def kept(world: World, sha256: str) -> Path:
    return world.office.settings.cache / sha256[:2] / sha256 / "reading.json"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_reading_is_kept_at_the_door_and_made_anew_when_it_is_gone(world: World) -> None:
    sha256 = brought(world)
    at_the_door = kept(world, sha256).read_bytes()
    with world.office.read(world.actor("hanh")) as desk:
        first = files.reading(desk, sha256)
        assert (first["number"]["value"], first["symbol"]["value"]) == ("214", "CTN-HC")
        assert first["subject"]["confidence"] > 80
        left, top, right, bottom = first["date"]["box"]
        assert 0 < left < right < 1
        assert 0 < top < bottom < 1
        shutil.rmtree(world.office.settings.cache)
        assert files.reading(desk, sha256) == first
        assert kept(world, sha256).read_bytes() == at_the_door
        kept(world, sha256).write_bytes(b"{torn")
        assert files.reading(desk, sha256) == first


class Tired:
    """A child that never comes back."""

    def __init__(self) -> None:
        self.asked = 0

    def call(self, *_given: Any, **_more: Any) -> Any:
        self.asked += 1
        raise SandboxTimeout


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_page_nobody_can_read_is_asked_for_once(world: World) -> None:
    sha256 = brought(world)
    shutil.rmtree(world.office.settings.cache)
    child = Tired()
    with world.office.read(world.actor("hanh")) as desk:
        desk.tools = replace(desk.tools, sandbox=lambda: child)  # type: ignore[arg-type, return-value]
        assert files.reading(desk, sha256) == files.reading(desk, sha256) == {}
    assert child.asked == 1

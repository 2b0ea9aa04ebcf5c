"""Following what was sent: late by the law's clock, counted, listed and shown alike; answers where they belong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from eoffice.cli.staff import Staff
from eoffice.core.desk import scope
from eoffice.core.errors import NotFound
from eoffice.models.documents import Document
from eoffice.models.exchange import Delivery, DeliveryEvent
from eoffice.services import exchange, search, tracking
from eoffice.services.search import Filter
from tests.support.letters import at_work, sealed
from tests.support.world import World

GROUPS = tracking.GROUPS


@pytest.fixture
def staff(world: World) -> Iterator[Staff]:
    with at_work(world) as staff:
        yield staff


def issued(staff: Staff) -> UUID:
    """A letter that arrived at two agencies, which have done nothing yet, and waits on paper for a third."""
    paper = staff.to("cong-ty-nuoc", paper=True, reason="no_electronic_way")
    letter = sealed(staff, (staff.to("so-tai-chinh"), staff.to("phuong-tan-an"), paper))
    staff.issue("hanh", letter)
    staff.work()
    return letter


def change(staff: Staff, table: type[Delivery | Document], key: UUID, **values: object) -> None:
    statement = update(table).where(table.id == key).values(values)
    with staff.office.sessions.write() as session:
        session.execute(statement, execution_options={"scoped": True, "synchronize_session": False})
        session.commit()


def standing(staff: Staff, letter: UUID) -> tuple[dict[str, int], tracking.Summary, dict[str, int]]:
    """What is counted, what is summed up, and what is marked row by row."""
    with staff.office.read(staff.actor("hanh")) as desk:
        wanted = {name: Filter("outgoing", sent=name) for name in GROUPS}
        counted = search.count_each(desk, wanted)
        for name, part in wanted.items():
            assert len(search.find(desk, part).rows) == counted[name], name
        row = search.document(desk, letter)
        summary = tracking.summaries(desk, [row])[letter]
        members = tracking.members(exchange.deliveries(desk, letter), row.urgency, tracking.clock(desk))
    return counted, summary, {name: len(rows) for name, rows in members.items()}


def test_late_is_who_has_not_accepted_on_the_next_working_day(staff: Staff, world: World) -> None:
    """Arrived on Monday; the law leaves until the end of Tuesday's work."""
    letter = issued(staff)
    counted, summary, members = standing(staff, letter)
    assert counted == {"attention": 0, "waiting": 1, "late": 0, "trouble": 0}
    assert (summary.total, summary.waiting, summary.late, summary.accepted) == (3, 3, 0, 0)
    assert members == {"all": 3, "waiting": 3, "late": 0, "trouble": 0}
    with staff.office.read(staff.actor("hanh")) as desk:
        due = tracking.clock(desk).due(world.clock.now(), "normal")
    world.clock.set(due)
    assert standing(staff, letter)[0]["late"] == 0, "the last moment is still in time"
    world.step(seconds=1)
    counted, summary, members = standing(staff, letter)
    assert (counted["late"], counted["attention"], summary.late, members["late"]) == (1, 1, 2, 2)


def test_an_urgent_one_is_late_at_once(staff: Staff, world: World) -> None:
    letter = issued(staff)
    change(staff, Document, letter, urgency="urgent")
    world.step(minutes=30)
    assert standing(staff, letter)[0]["late"] == 0
    world.step(seconds=2)
    counted, summary, members = standing(staff, letter)
    assert (counted["late"], summary.late, members["late"]) == (1, 2, 2)


@pytest.mark.parametrize("state", ["refused", "failed", "expired"])
def test_what_did_not_get_to_work_wants_a_look(staff: Staff, world: World, state: str) -> None:
    letter = issued(staff)
    for row in staff.deliveries("hanh", letter)[:2]:
        change(staff, Delivery, row.id, state=state, status_at=world.clock.now())
    counted, summary, members = standing(staff, letter)
    assert counted == {"attention": 1, "waiting": 1, "late": 0, "trouble": 1}
    assert (summary.refused, summary.failed) == ((2, 0) if state == "refused" else (0, 2))
    assert members["trouble"] == 2
    world.step(days=31)
    attention = standing(staff, letter)[0]["attention"]
    assert attention == (0 if state == "refused" else 1), "an old refusal is history, a failure waits for its deed"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_accepted_ones_are_followed_no_further(staff: Staff, world: World) -> None:
    letter = issued(staff)
    for row in staff.deliveries("hanh", letter):
        change(staff, Delivery, row.id, state="posted" if row.channel == "paper" else "registered")
    world.step(days=10)
    counted, summary, _members = standing(staff, letter)
    assert counted == dict.fromkeys(GROUPS, 0)
    assert summary.accepted == summary.total == 3


def test_an_answer_belongs_to_its_delivery_and_document(staff: Staff) -> None:
    first, second = issued(staff), issued(staff)
    with staff.office.read(staff.actor("hanh")) as desk:
        events = desk.session.scalars(scope(desk, DeliveryEvent).where(DeliveryEvent.kind == "receipt")).all()
        of_first = {row.id for row in staff.deliveries("hanh", first)}
        event = next(item for item in events if item.delivery_id in of_first)
        other = next(item for item in events if item.delivery_id not in of_first)
        document = search.document(desk, first)
        found = tracking.answer(desk, document, event.delivery_id, event.id)
        assert found.path.read_bytes() == desk.files.read(event.sha256 or "")
        sent = desk.session.scalars(scope(desk, DeliveryEvent).where(DeliveryEvent.kind == "sent")).first()
        assert sent is not None
        wrong = (
            (document, event.delivery_id, other.id),
            (document, other.delivery_id, other.id),
            (search.document(desk, second), event.delivery_id, event.id),
            (document, sent.delivery_id, sent.id),
        )
        for row, delivery, answer in wrong:
            with pytest.raises(NotFound):
                tracking.answer(desk, row, delivery, answer)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_another_agency_follows_nothing_of_ours(staff: Staff, world: World) -> None:
    letter = issued(staff)
    world.step(days=10)
    assert standing(staff, letter)[0]["late"] == 1
    with staff.office.read(staff.actor("hoa")) as desk:
        assert search.count_each(desk, {name: Filter("outgoing", sent=name) for name in GROUPS}) == dict.fromkeys(
            GROUPS, 0
        )
        with pytest.raises(NotFound):
            search.document(desk, letter)
        assert exchange.deliveries(desk, letter) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_does_not_see_a_document_does_not_count_it(staff: Staff, world: World) -> None:
    issued(staff)
    world.step(days=10)
    for login, seen in (("hanh", 1), ("tuan", 1), ("huy", 0)):
        with staff.office.read(staff.actor(login)) as desk:
            found = search.count_each(desk, {"late": Filter("outgoing", sent="late")})
        assert found == {"late": seen}, login


def test_halving_finds_the_second(world: World) -> None:
    """Against the rule itself: one second earlier is overdue, the second found is not."""
    from eoffice.rules import deadlines

    with world.office.read(world.actor("hanh")) as desk:
        clock = tracking.clock(desk)
    start = world.clock.now()
    for hours in range(0, 24 * 9, 5):
        now = start + timedelta(hours=hours, microseconds=500_000)
        for urgency in ("normal", "urgent"):
            since = deadlines.overdue_since(deadlines.IN_REG, now, clock.calendar, urgency=urgency)
            before = since - timedelta(seconds=1)
            assert deadlines.due(deadlines.IN_REG, before, clock.calendar, urgency=urgency) < now
            assert deadlines.due(deadlines.IN_REG, since, clock.calendar, urgency=urgency) >= now

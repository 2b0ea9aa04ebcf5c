"""How a document will reach whom: what is planned is what is done, and paper is a choice that can be proved."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from eoffice.cli.staff import Staff
from eoffice.core.desk import scope, system
from eoffice.core.errors import InvalidInput, StaleForm
from eoffice.models.books import RegisterLine
from eoffice.models.ledger import LedgerEntry
from eoffice.services import issuing, ledger, search
from eoffice.services.drafting import To
from tests.support.letters import approved, at_work
from tests.support.world import World


@pytest.fixture
def staff(world: World) -> Iterator[Staff]:
    with at_work(world) as staff:
        yield staff


def signed(staff: Staff, *more: To) -> UUID:
    """A signed letter to an agency of the system, to one without an electronic way, and to a name alone."""
    to = (staff.to("so-tai-chinh"), staff.to("phuong-tan-an"), staff.to("cong-ty-nuoc"), To("Kho bạc Nhà nước"), *more)
    letter = approved(staff, to)
    staff.sign("nam", letter)
    return letter


def planned(staff: Staff, letter: UUID, chosen: dict[str, str] | None = None) -> issuing.Plan:
    with staff.office.read(staff.actor("hanh")) as desk:
        return issuing.plan(desk, search.document(desk, letter), chosen)


def choice(plan: issuing.Plan, **reasons: str) -> dict[str, str]:
    """What a form sends: the plan's own choices, with those of some recipients (by the beginning of their name)."""
    found = {str(way.recipient.id): way.reason or "" for way in plan.ways}
    for name, reason in reasons.items():
        (way,) = [way for way in plan.ways if way.recipient.name.startswith(name.replace("_", " "))]
        found[str(way.recipient.id)] = reason
    return found


def choose(staff: Staff, letter: UUID, reasons: dict[str, str], **more: int) -> None:
    staff.do("hanh", issuing.choose_paper, letter, reasons=reasons, **more)


def test_what_is_planned_is_what_is_issued(staff: Staff) -> None:
    letter = signed(staff)
    before = planned(staff, letter)
    assert [(way.channel, way.delivery_class) for way in before.ways] == [
        ("local", "E1"), ("local", "E1"), ("paper", "P"), ("paper", "P"),
    ]  # fmt: skip
    assert (before.electronic, before.on_paper, before.number, before.last) == (2, 2, 1, 0)
    assert before.changes_paper, "nobody has given the reason yet that the plan proposes"
    wanted = choice(before, Sở_Tài="recipient_request")
    told = planned(staff, letter, wanted)
    assert [way.delivery_class for way in told.ways] == ["E2", "E1", "P", "P"]
    choose(staff, letter, wanted)
    assert not planned(staff, letter, wanted).changes_paper
    for step in (staff.number, staff.seal):
        step("hanh", letter)
        again = planned(staff, letter)
        facts = [(way.channel, way.delivery_class, way.reason) for way in again.ways]
        assert facts == [(way.channel, way.delivery_class, way.reason) for way in told.ways]
        assert again.number == 1
    staff.issue("hanh", letter)
    rows = {row.to_name: row for row in staff.deliveries("hanh", letter)}
    for way in told.ways:
        row = rows[way.recipient.name]
        assert (row.channel, row.delivery_class, row.paper, row.paper_reason) == (
            way.channel, way.delivery_class, way.facts.paper, way.reason,
        )  # fmt: skip


def test_nothing_is_issued_to_whom_nothing_would_reach(staff: Staff) -> None:
    letter = signed(staff)
    staff.number("hanh", letter)
    staff.seal("hanh", letter)
    with pytest.raises(InvalidInput) as caught:
        staff.issue("hanh", letter)
    assert caught.value.code == "delivery_without_way"
    assert staff.deliveries("hanh", letter) == []
    choose(staff, letter, choice(planned(staff, letter)))
    staff.issue("hanh", letter)
    assert len(staff.deliveries("hanh", letter)) == 4


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("whom", "reason", "code"),
    [("Sở_Tài", "because", "paper_reason_unknown"), ("Kho_bạc", "", "delivery_without_way")],
)
def test_paper_needs_a_reason_that_holds_today(staff: Staff, whom: str, reason: str, code: str) -> None:
    letter = signed(staff)
    wanted = choice(planned(staff, letter), **{whom: reason})
    with pytest.raises(InvalidInput) as caught:
        choose(staff, letter, wanted)
    assert caught.value.code == code
    assert planned(staff, letter).ways[0].reason is None


def test_the_choice_moves_the_document_on_and_stands_in_book_and_ledger(staff: Staff, world: World) -> None:
    letter = signed(staff)
    old = staff.document("hanh", letter).version
    wanted = choice(planned(staff, letter))
    choose(staff, letter, wanted, version=old)
    assert staff.document("hanh", letter).version > old
    with pytest.raises(StaleForm):
        choose(staff, letter, {}, version=old)
    staff.number("hanh", letter)
    choose(staff, letter, choice(planned(staff, letter), Sở_Tài="recipient_request"))
    with staff.office.read(staff.actor("hanh")) as desk:
        statement = scope(desk, RegisterLine).where(RegisterLine.document_id == letter)
        lines = desk.session.scalars(statement.order_by(RegisterLine.revision)).all()
        assert [(line.revision, line.number, line.columns["copies"]) for line in lines] == [(1, 1, 2), (2, 1, 3)]
        entries = desk.session.scalars(scope(desk, LedgerEntry).where(LedgerEntry.word == "document.paper_chosen"))
        assert len(entries.all()) == 2
    with staff.office.read(system(world.agency("so-noi-vu"))) as desk:
        assert all(chain.ok for chain in ledger.verify(desk))


def test_whom_the_choice_does_not_name_stays(staff: Staff) -> None:
    letter = signed(staff, staff.to("ubnd-tinh", paper=True, reason="recipient_request"))
    choose(staff, letter, {str(way.recipient.id): way.reason or "" for way in planned(staff, letter).ways[2:4]})
    choose(staff, letter, {"someone else's": "recipient_request"})
    reasons = [way.reason for way in planned(staff, letter).ways]
    assert reasons == [None, None, "no_electronic_way", "no_electronic_way", "recipient_request"]

"""Instructions, assignments and drafts: one lead, working days, other people's approvals, paper only by law."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest

from eoffice.core.errors import InvalidInput, NotAllowed, OfficeError, WrongState
from eoffice.services import directory, drafting, incoming, routing, search
from eoffice.services.drafting import Content, To
from eoffice.services.incoming import Facts
from eoffice.services.routing import Share
from tests.support.papers import arrived
from tests.support.world import World

FACTS = Facts(code="15/BC-STC", issuer_name="Sở Tài chính", subject="Báo cáo quý III")


def unit(world: World, short: str) -> UUID:
    with world.office.read(world.actor("nam")) as desk:
        return next(row.id for row in directory.units(desk) if row.abbreviation == short)


@pytest.fixture
def registered(bare_world: World) -> UUID:
    document = arrived(bare_world, "so-noi-vu")
    bare_world.office.do(bare_world.actor("hanh"), incoming.register, document, key="r", facts=FACTS)
    return document


def instruct(world: World, document: UUID, shares: Sequence[Share], *, days: int | None = 3, key: str = "i") -> None:
    world.office.do(
        world.actor("nam"), routing.instruct, document, key=key, text="Xử lý", shares=shares, working_days=days
    )


def test_exactly_one_lead(bare_world: World, registered: UUID) -> None:
    first, second = Share("lead", unit=unit(bare_world, "VTLT")), Share("lead", unit=unit(bare_world, "CCVC"))
    for number, shares in enumerate(([], [first, second], [Share("inform", unit=first.unit)], [first, first])):
        with pytest.raises(InvalidInput):
            instruct(bare_world, registered, shares, key=f"bad{number}")
    instruct(bare_world, registered, [first, Share("coordinate", unit=second.unit)])
    with bare_world.office.read(bare_world.actor("nam")) as desk:
        assert [part.role for part in routing.assignments(desk, registered)] == ["lead", "coordinate"]


def test_the_deadline_counts_working_days(bare_world: World, registered: UUID) -> None:
    """Instructed on a Monday with five working days: the end of the next Monday, 17:00 in An Bình."""
    instruct(bare_world, registered, [Share("lead", unit=unit(bare_world, "VTLT"))], days=5)
    with bare_world.office.read(bare_world.actor("nam")) as desk:
        assert routing.instructions(desk, registered)[0].due_at == datetime(2026, 9, 14, 10, 0, tzinfo=UTC)


def test_the_head_of_another_unit_assigns_nobody(bare_world: World, registered: UUID) -> None:
    instruct(bare_world, registered, [Share("lead", unit=unit(bare_world, "VTLT"))])
    with pytest.raises(OfficeError) as caught:
        bare_world.office.do(
            bare_world.actor("anh"), routing.assign, registered, key="x", post=bare_world.post("tuan")
        )
    assert isinstance(caught.value, NotAllowed)
    with pytest.raises(InvalidInput):
        bare_world.office.do(bare_world.actor("son"), routing.assign, registered, key="y", post=bare_world.post("huy"))


def test_only_the_person_named_starts_and_only_the_lead_finishes(bare_world: World, registered: UUID) -> None:
    lead, helper = Share("lead", post=bare_world.post("tuan")), Share("coordinate", post=bare_world.post("huy"))
    instruct(bare_world, registered, [lead, helper])
    office = bare_world.office
    office.do(bare_world.actor("huy"), routing.start, registered, key="h")
    with office.read(bare_world.actor("nam")) as desk:
        assert [part.state for part in routing.assignments(desk, registered)] == ["open", "in_progress"]
    with pytest.raises(NotAllowed):
        office.do(bare_world.actor("huy"), routing.finish, registered, key="hf", note="xong")
    with pytest.raises(InvalidInput):
        office.do(bare_world.actor("tuan"), routing.finish, registered, key="tf", note=" ")
    done = office.do(bare_world.actor("tuan"), routing.finish, registered, key="t", note="Đã giải quyết")
    assert done.state == "done"
    with pytest.raises(WrongState):
        office.do(bare_world.actor("tuan"), routing.finish, registered, key="t2", note="Đã giải quyết")


def content(world: World, *to: To) -> Content:
    return Content(
        kind="official_letter",
        subject="V/v cung cấp số liệu",
        paragraphs=("Sở Nội vụ cung cấp số liệu như sau./.",),
        to=to or (To("Sở Tài chính", world.agency("so-tai-chinh")),),
        signer=world.post("nam"),
    )


def test_nobody_approves_his_own_draft(bare_world: World) -> None:
    office = bare_world.office
    draft = office.do(bare_world.actor("son"), drafting.compose, key="c", content=content(bare_world)).id
    office.do(bare_world.actor("son"), drafting.submit, draft, key="s")
    with pytest.raises(NotAllowed) as caught:
        office.do(bare_world.actor("son"), drafting.approve_content, draft, key="a")
    assert caught.value.code == "own_draft"


def test_the_head_of_another_unit_approves_no_content(bare_world: World) -> None:
    office = bare_world.office
    draft = office.do(bare_world.actor("tuan"), drafting.compose, key="c", content=content(bare_world)).id
    office.do(bare_world.actor("tuan"), drafting.submit, draft, key="s")
    with pytest.raises(OfficeError) as caught:
        office.do(bare_world.actor("anh"), drafting.approve_content, draft, key="a")
    assert caught.value.status in (403, 404)


def test_a_new_version_drops_both_approvals(bare_world: World) -> None:
    office = bare_world.office
    draft = office.do(bare_world.actor("tuan"), drafting.compose, key="c", content=content(bare_world)).id
    for turn in ("1", "2"):
        office.do(bare_world.actor("tuan"), drafting.submit, draft, key=f"s{turn}")
        office.do(bare_world.actor("son"), drafting.approve_content, draft, key=f"a{turn}")
        office.do(bare_world.actor("anh"), drafting.approve_format, draft, key=f"f{turn}")
        with office.read(bare_world.actor("nam")) as desk:
            drafting.check_approved(desk, search.document(desk, draft))
        changed = Content(**{**content(bare_world).__dict__, "paragraphs": (f"Bản sửa {turn}./.",)})
        office.do(bare_world.actor("tuan"), drafting.revise, draft, key=f"r{turn}", content=changed)
        with office.read(bare_world.actor("nam")) as desk, pytest.raises(NotAllowed):
            drafting.check_approved(desk, search.document(desk, draft))
    with office.read(bare_world.actor("nam")) as desk:
        assert [row.number for row in drafting.versions(desk, draft)] == [1, 2, 3]


def test_sending_back_needs_a_reason_and_is_kept(bare_world: World) -> None:
    office = bare_world.office
    draft = office.do(bare_world.actor("tuan"), drafting.compose, key="c", content=content(bare_world)).id
    office.do(bare_world.actor("tuan"), drafting.submit, draft, key="s")
    with pytest.raises(InvalidInput):
        office.do(bare_world.actor("son"), drafting.send_back, draft, key="b0", reason="")
    row = office.do(bare_world.actor("son"), drafting.send_back, draft, key="b", reason="Thiếu căn cứ pháp lý")
    assert row.state == "draft"
    with office.read(bare_world.actor("tuan")) as desk:
        (said,) = drafting.approvals(desk, draft)
    assert (said.decision, said.note) == ("sent_back", "Thiếu căn cứ pháp lý")


def test_paper_needs_a_legal_reason(bare_world: World) -> None:
    target = bare_world.agency("so-tai-chinh")
    for number, to in enumerate(
        (To("Sở Tài chính", target, paper=True), To("Sở Tài chính", target, paper=True, paper_reason="habit"))
    ):
        with pytest.raises(InvalidInput):
            bare_world.office.do(
                bare_world.actor("tuan"), drafting.compose, key=f"c{number}", content=content(bare_world, to)
            )
    good = To("Sở Tài chính", target, paper=True, paper_reason="province_list")
    assert bare_world.office.do(bare_world.actor("tuan"), drafting.compose, key="g", content=content(bare_world, good))

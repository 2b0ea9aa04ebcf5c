"""Letters of Sở Nội vụ brought by its own people, through the real verbs, to the state a test begins with."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

from eoffice.cli.demo import own_time_stamps
from eoffice.cli.staff import Staff, key_agent
from eoffice.cli.tour import letter_from_outside
from eoffice.core.desk import system
from eoffice.services import drafting, exchange, routing
from eoffice.services.drafting import Content, To
from eoffice.services.incoming import Facts
from tests.support.world import World


@contextlib.contextmanager
def at_work(world: World) -> Iterator[Staff]:
    """Everybody at his desk, with a key agent and a time-stamp authority."""
    own_time_stamps(world.office)
    with key_agent(world.office):
        yield Staff(world.office, world.province, label="test")


def approved(staff: Staff, to: Sequence[To] = (), *, reply_to: UUID | None = None) -> UUID:
    """A letter whose content and format are approved, ready for the director's signature.

    Args:
        to: the addressees; Sở Tài chính when left out.
    """
    content = Content(
        kind="official_letter",
        subject="V/v hướng dẫn giao nộp hồ sơ, tài liệu",
        paragraphs=("Sở Nội vụ hướng dẫn giao nộp hồ sơ, tài liệu vào lưu trữ lịch sử như sau./.",),
        to=tuple(to) or (staff.to("so-tai-chinh"),),
        signer=staff.province.posts["nam"],
    )
    letter = staff.draft("tuan", content, reply_to=reply_to).id
    staff.do("tuan", drafting.submit, letter)
    staff.do("son", drafting.approve_content, letter)
    staff.do("anh", drafting.approve_format, letter)
    return letter


def sealed(staff: Staff, to: Sequence[To] = (), *, reply_to: UUID | None = None) -> UUID:
    """A letter that was signed, numbered and sealed."""
    letter = approved(staff, to, reply_to=reply_to)
    staff.sign("nam", letter)
    staff.number("hanh", letter)
    staff.seal("hanh", letter)
    return letter


def one_in_each_state(staff: Staff, *, tick: Callable[[], None] = lambda: None) -> dict[str, UUID]:
    """One document of Sở Nội vụ that has come to each state and stays there, and one whose delivery failed.

    Args:
        tick: called between documents; moves the clock where one does not go by itself.
    """
    found: dict[str, UUID] = {}
    steps: list[tuple[str, Callable[[UUID], object]]] = [
        ("registered", lambda key: staff.register("hanh", key, FACTS)),
        ("submitted", lambda key: staff.do("hanh", routing.forward, key, to=staff.province.posts["nam"])),
        ("assigned", lambda key: staff.instruct("nam", key, "Chủ trì, tham mưu trả lời.", lead="VTLT", days=3)),
        ("given", lambda key: staff.assign("son", key, "tuan")),
        ("started", lambda key: staff.start("tuan", key)),
    ]
    for reached in range(len(steps) + 1):
        tick()
        pdf = letter_from_outside(staff.office.clock.now())
        key = staff.arrive("hanh", pdf + b"%" + str(reached).encode(), f"công văn {reached}.pdf").id
        for _name, act in steps[:reached]:
            act(key)
        found[steps[reached - 1][0] if reached else "arrived"] = key
    reviews: list[tuple[str, Callable[[UUID], object]]] = [
        ("in_review", lambda key: staff.do("tuan", drafting.submit, key)),
        ("content_ok", lambda key: staff.do("son", drafting.approve_content, key)),
        ("format_ok", lambda key: staff.do("anh", drafting.approve_format, key)),
        ("signed", lambda key: staff.sign("nam", key)),
        ("numbered", lambda key: staff.number("hanh", key)),
    ]
    for reached in range(len(reviews) + 1):
        tick()
        key = staff.draft("tuan", content(staff), reply_to=found["started"] if not reached else None).id
        for _name, act in reviews[:reached]:
            act(key)
        found[reviews[reached - 1][0] if reached else "draft"] = key
    failed = sealed(staff)
    staff.issue("hanh", failed)
    row = staff.deliveries("hanh", failed)[0]
    staff.office.do(
        system(staff.actor("hanh").agency), exchange.fail, row.id, key="busy-fail", reason="Không kết nối được nơi nhận"
    )
    found["failed"] = failed
    return found


FACTS = Facts(code="12/CTN-HC", issuer_name="Công ty Cổ phần Cấp nước An Bình", subject="V/v đề nghị hướng dẫn lưu trữ")


def content(staff: Staff) -> Content:
    """A letter of Sở Nội vụ to another agency of the system and to a company outside it."""
    return Content(
        kind="official_letter",
        subject="V/v hướng dẫn giao nộp hồ sơ, tài liệu",
        paragraphs=("Sở Nội vụ hướng dẫn giao nộp hồ sơ, tài liệu vào lưu trữ lịch sử như sau./.",),
        to=(staff.to("so-tai-chinh"), staff.to("cong-ty-nuoc", paper=True, reason="no_electronic_way")),
        signer=staff.province.posts["nam"],
    )

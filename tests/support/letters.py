"""Letters of Sở Nội vụ brought by its own people, through the real verbs, to the state a test begins with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from uuid import UUID

from eoffice.cli.demo import own_time_stamps
from eoffice.cli.staff import Staff, key_agent
from eoffice.services import drafting
from eoffice.services.drafting import Content, To
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

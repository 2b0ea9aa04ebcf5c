"""The leader's signing list: only what was displayed is approved, one unlock for exactly that, each signed once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import Staff
from eoffice.core.desk import scope
from eoffice.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, OfficeError, SignatureProblem, Unavailable
from eoffice.core.secret import Secret
from eoffice.jobs.worker import Worker, drain
from eoffice.models.access import SignIn
from eoffice.models.calls import Call
from eoffice.models.directory import SigningAuthority
from eoffice.models.ledger import LedgerEntry
from eoffice.models.review import SigningItem
from eoffice.models.work import Job
from eoffice.services import accounts, drafting, ledger, search, signing_list
from eoffice.services.queues import BY_CODE
from signing.errors import TsaDown
from tests.support.leaders import PASSWORD, Leader, chosen, enter
from tests.support.letters import approved, at_work
from tests.support.world import World


@pytest.fixture
def staff(world: World) -> Iterator[Staff]:
    with at_work(world) as staff:
        yield staff


@pytest.fixture
def nam(staff: Staff) -> Leader:
    return enter(staff, "nam")


def entries(world: World, word: str) -> list[dict[str, Any]]:
    with world.office.read(world.system("so-noi-vu")) as desk:
        found = desk.session.scalars(select(LedgerEntry).where(LedgerEntry.word == word).order_by(LedgerEntry.seq))
        return [json.loads(entry.body) for entry in found]


def test_read_approve_unlock_once_and_each_is_signed(world: World, staff: Staff, nam: Leader) -> None:
    letters = [approved(staff) for _ in range(3)]
    assert nam.pile() == letters
    nam.approve(*letters[:2])
    assert nam.pile() == letters[2:]
    assert [item.document_id for item in nam.tray().listed] == letters[:2]
    nam.unlock()
    tray = nam.tray()
    assert (len(tray.queued), len(tray.running()), tray.listed) == (2, 2, [])
    assert nam.open_files() == {item.sha256 for item in tray.queued}, "the key is open for exactly these"
    assert drain(staff.office) == 2
    tray = nam.tray()
    assert [item.document_id for item in tray.signed] == letters[:2]
    assert [item.document_id for item in tray.last()] == letters[:2]
    assert [staff.document("hanh", letter).state for letter in letters] == ["signed", "signed", "format_ok"]
    (unlocked,) = entries(world, "key.unlocked")
    assert unlocked["notes"]["count"] == 2
    assert set(unlocked["notes"]["hashes"]) == {item.sha256 for item in tray.signed}
    for entry, item in zip(entries(world, "document.signed"), tray.signed, strict=True):
        assert entry["actor"]["name"] == "Nguyễn Văn Nam"
        shown = entry["notes"]["shown"]
        assert shown == item.shown
        assert (shown["sha256"], shown["sign_in"]) == (item.sha256, nam.actor.session)
        assert [(page["page"], page["seconds"]) for page in shown["pages"]] == [(1, 8)]
    with staff.office.read(nam.actor) as desk:
        assert all(chain.ok for chain in ledger.verify(desk))
        counted = search.count(desk, search.Filter(queue=BY_CODE["to_sign"].code))
    assert counted == 1


def test_only_what_was_displayed_to_this_person_in_this_session_is_approved(staff: Staff, nam: Leader) -> None:
    letter, other = approved(staff), approved(staff)
    seen = nam.shown(letter)
    again = enter(staff, "nam")
    ngan = enter(staff, "ngan")
    for wrong in (
        nam.shown(letter, pages=0),
        replace(seen, looks=(replace(seen.looks[0], page=2),)),
        replace(seen, document=other),
        replace(seen, session=again.actor.session),
        replace(seen, post=ngan.actor.post or letter),
    ):
        with pytest.raises(InvalidInput) as refused:
            nam.do(signing_list.approve, letter, shown=wrong)
        assert refused.value.code == "not_shown"
    with pytest.raises(Conflict) as changed:
        nam.do(signing_list.approve, letter, shown=replace(seen, sha256="0" * 64))
    assert changed.value.code == "draft_changed"
    with pytest.raises(NotAllowed) as refused_:
        ngan.do(signing_list.approve, letter, shown=ngan.shown(letter))
    assert refused_.value.code == "not_signer"
    assert nam.tray().listed == []
    nam.do(signing_list.approve, letter, shown=seen)
    nam.do(signing_list.approve, letter, shown=seen)
    assert len(nam.tray().listed) == 1


def revise(staff: Staff, letter: UUID) -> None:
    with staff.office.read(staff.actor("tuan")) as desk:
        row = search.document(desk, letter)
        content = drafting.Content(
            kind=row.kind,
            subject=row.subject,
            paragraphs=("Một câu khác hẳn./.",),
            to=(staff.to("so-tai-chinh"),),
            signer=row.signer_post_id or letter,
        )
    staff.do("tuan", drafting.revise, letter, content=content)


def approve_again(staff: Staff, letter: UUID) -> None:
    staff.do("tuan", drafting.submit, letter)
    staff.do("son", drafting.approve_content, letter)
    staff.do("anh", drafting.approve_format, letter)


@pytest.mark.parametrize("queued", [False, True], ids=["listed", "queued"])
def test_a_newer_version_is_never_signed_by_an_old_look(staff: Staff, nam: Leader, queued: bool) -> None:
    letter, other = approved(staff), approved(staff)
    nam.approve(letter, other)
    if queued:
        nam.unlock()
    revise(staff, letter)
    (failed,) = nam.tray().failed
    assert (failed.document_id, failed.code) == (letter, "draft_changed")
    assert "Bản 2 được lưu sau khi văn bản đã được xem" in failed.reason_vi
    assert "Version 2 was saved after you looked" in failed.reason_en
    approve_again(staff, letter)
    assert nam.pile() == [letter], "it waits to be looked at again"
    with pytest.raises(Conflict):
        nam.do(signing_list.unlock, items=chosen([failed]), password=PASSWORD)
    if not queued:
        nam.unlock()
    drain(staff.office)
    assert staff.document("nam", letter).state == "format_ok"
    assert staff.document("nam", other).state == "signed"
    assert [item.code for item in nam.tray().failed] == ["draft_changed"]
    nam.approve(letter)
    nam.unlock()
    drain(staff.office)
    assert (staff.document("nam", letter).state, nam.tray().failed) == ("signed", [])


def test_what_he_sends_back_himself_leaves_his_list(staff: Staff, nam: Leader) -> None:
    letter, other = approved(staff), approved(staff)
    nam.approve(letter, other)
    nam.do(drafting.send_back, letter, reason="Sai căn cứ")
    staff.do("anh", drafting.send_back, other, reason="Sai thể thức")
    tray = nam.tray()
    assert tray.listed == []
    assert [(item.document_id, item.code) for item in tray.failed] == [(other, "sent_back")]


def test_a_wrong_password_is_told_logged_and_nowhere_kept(world: World, staff: Staff, nam: Leader) -> None:
    nam.approve(approved(staff))
    wrong = "mật khẩu sai 4711"
    for code in (*["wrong_password"] * 5, "throttled"):
        with pytest.raises(SignatureProblem) as refused:
            nam.unlock(Secret(wrong))
        assert refused.value.code == code
        assert wrong not in repr(refused.value)
    refusals = [entry for entry in entries(world, "deed.refused") if entry["verb"] == "signing_list.unlock"]
    assert [entry["notes"]["code"] for entry in refusals] == [*["wrong_password"] * 5, "throttled"]
    assert nam.open_files() == set()
    assert (len(nam.tray().listed), nam.tray().queued) == (1, [])


def test_the_password_stands_in_no_table(staff: Staff, nam: Leader) -> None:
    nam.approve(approved(staff))
    nam.unlock()
    drain(staff.office)
    with staff.office.read(staff.actor("nam")) as desk:
        calls = desk.session.scalars(select(Call)).all()
        jobs = desk.session.scalars(select(Job)).all()
        kept = [str(vars(row)) for row in (*calls, *jobs, *desk.session.scalars(select(LedgerEntry)))]
    assert kept
    assert not [text for text in kept if KEY_PASSWORD in text]


def test_two_windows_sign_what_each_shows_or_nothing(staff: Staff, nam: Leader) -> None:
    letters = [approved(staff) for _ in range(3)]
    nam.approve(*letters[:2])
    first = chosen(nam.tray().listed)
    nam.approve(letters[2])
    nam.do(signing_list.unlock, items=first, password=PASSWORD)
    assert len(nam.tray().queued) == 2, "what was approved in the other window meanwhile is not signed with it"
    with pytest.raises(Conflict) as changed:
        nam.do(signing_list.unlock, items=first, password=PASSWORD)
    assert changed.value.code == "list_changed"
    nam.unlock()
    assert nam.open_files() == {item.sha256 for item in nam.tray().queued}, "what still waits stays open"
    drain(staff.office)
    assert len(nam.tray().signed) == 3
    with pytest.raises(InvalidInput):
        nam.unlock()


def test_a_failure_stays_with_its_reason_and_is_retried(world: World, staff: Staff, nam: Leader) -> None:
    letters = [approved(staff) for _ in range(3)]
    nam.approve(*letters)
    nam.unlock()
    stamper, calls = staff.office.tsa, iter([None, TsaDown(), None])
    assert stamper is not None

    def flaky() -> Any:
        error = next(calls, None)
        if error is not None:
            raise error
        return stamper()

    staff.office.tsa = flaky
    drain(staff.office)
    staff.office.tsa = stamper
    tray = nam.tray()
    assert tray.queued == []
    assert [item.code for item in tray.failed] == ["tsa_down"]
    assert "dấu thời gian" in tray.failed[0].reason_vi
    assert "time-stamp" in tray.failed[0].reason_en
    assert len(entries(world, "signing.failed")) == 1
    with staff.office.read(staff.actor("nam")) as desk:
        tried = desk.session.scalars(select(Job).where(Job.name == "signing.sign", Job.state == "failed")).all()
    assert [job.attempts for job in tried] == [1], "it is not tried again by itself"
    assert nam.pile() == []
    (item,) = chosen(tray.failed)
    with staff.office.read(nam.actor) as desk:
        assert signing_list.is_unlocked(desk, (item,))
    nam.do(signing_list.retry, items=(item,))
    drain(staff.office)
    assert (len(nam.tray().signed), nam.tray().failed) == (3, [])


def test_after_the_unlock_is_over_the_password_is_asked_again(staff: Staff, nam: Leader) -> None:
    letter = approved(staff)
    nam.approve(letter)
    nam.unlock()
    staff.office.agent().lock(nam.actor.session)
    drain(staff.office)
    (item,) = nam.tray().failed
    assert item.code == "not_unlocked"
    with staff.office.read(nam.actor) as desk:
        assert not signing_list.is_unlocked(desk, chosen([item]))
    with pytest.raises(SignatureProblem):
        nam.do(signing_list.retry, items=chosen([item]))
    nam.do(signing_list.unlock, items=chosen([item]), password=PASSWORD)
    drain(staff.office)
    assert staff.document("nam", letter).state == "signed"


def test_a_revoked_sign_in_signs_nothing_more(staff: Staff, nam: Leader) -> None:
    letters = [approved(staff) for _ in range(2)]
    nam.approve(*letters)
    nam.unlock()
    with staff.office.sessions.write() as session:
        assert nam.actor.person is not None
        accounts.revoke(session, nam.actor.person, staff.office.clock.now())
        session.commit()
    drain(staff.office)
    assert [item.code for item in nam.tray().failed] == ["session_ended"] * 2
    assert {staff.document("nam", letter).state for letter in letters} == {"format_ok"}


def test_a_sign_in_revoked_while_it_is_signed_commits_nothing(
    staff: Staff, nam: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = approved(staff)
    nam.approve(letter)
    nam.unlock()
    stamper = staff.office.tsa

    def revoking() -> Any:
        end = update(SignIn).where(SignIn.id == UUID(nam.actor.session)).values(ended_at=staff.office.clock.now())
        with staff.office.sessions.write() as session:
            session.execute(end, execution_options={"synchronize_session": False})
            session.commit()
        return stamper and stamper()

    monkeypatch.setattr(staff.office, "tsa", revoking)
    drain(staff.office)
    assert [item.code for item in nam.tray().failed] == ["session_ended"]
    assert staff.document("nam", letter).state == "format_ok"


def test_stopping_leaves_the_rest_approved_and_locks_the_key(world: World, staff: Staff, nam: Leader) -> None:
    letters = [approved(staff) for _ in range(3)]
    nam.approve(*letters)
    nam.unlock()
    Worker(staff.office, clock=staff.office.clock).step()
    nam.do(signing_list.stop)
    assert nam.open_files() == set()
    drain(staff.office)
    tray = nam.tray()
    assert [item.document_id for item in tray.signed] == letters[:1]
    assert [item.document_id for item in tray.listed] == letters[1:]
    assert entries(world, "signing.failed") == []
    nam.unlock()
    drain(staff.office)
    assert len(nam.tray().signed) == 3


def test_one_stopped_in_the_middle_of_its_turn_is_not_signed(staff: Staff, nam: Leader) -> None:
    letter = approved(staff)
    nam.approve(letter)
    nam.unlock()
    stamper = staff.office.tsa

    def stopping() -> Any:
        staff.office.tsa = stamper
        nam.do(signing_list.stop)
        return stamper and stamper()

    staff.office.tsa = stopping
    drain(staff.office)
    assert staff.document("nam", letter).state == "format_ok"
    tray = nam.tray()
    assert ([item.document_id for item in tray.listed], tray.failed) == ([letter], [])


def test_an_agent_that_is_gone_is_told_and_nothing_is_queued(world: World) -> None:
    with at_work(world) as staff:
        nam = enter(staff, "nam")
        nam.approve(approved(staff))
    with pytest.raises(Unavailable) as gone:
        nam.unlock()
    assert gone.value.code == "agent_gone"
    assert len(nam.tray().listed) == 1


def test_nobody_touches_another_leader_s_list(staff: Staff, nam: Leader) -> None:
    nam.approve(approved(staff))
    ngan = enter(staff, "ngan")
    (item,) = nam.tray().listed
    with pytest.raises(NotFound):
        ngan.do(signing_list.remove, item.id)
    with pytest.raises(Conflict):
        ngan.do(signing_list.unlock, items=chosen([item]), password=PASSWORD)
    assert ngan.tray().listed == []
    nam.do(signing_list.remove, item.id)
    assert nam.tray().listed == []
    assert nam.pile() == [item.document_id]


def test_an_ended_authority_is_told_at_the_item(staff: Staff, nam: Leader) -> None:
    letter = approved(staff)
    nam.approve(letter)
    nam.unlock()
    end = update(SigningAuthority).where(SigningAuthority.post_id == nam.actor.post)
    with staff.office.sessions.write() as session:
        statement = end.values(valid_to=SigningAuthority.valid_from)
        session.execute(statement, execution_options={"scoped": True, "synchronize_session": False})
        session.commit()
    drain(staff.office)
    (item,) = nam.tray().failed
    assert item.reason_vi
    assert item.code not in ("", "office_error")
    with pytest.raises(OfficeError):
        nam.do(signing_list.approve, letter, shown=nam.shown(letter))


def test_the_item_is_never_signed_twice_by_hand_and_by_the_list(staff: Staff, nam: Leader) -> None:
    letter = approved(staff)
    nam.approve(letter)
    nam.unlock()
    staff.sign("nam", letter)
    drain(staff.office)
    with staff.office.read(nam.actor) as desk:
        rows = desk.session.scalars(scope(desk, SigningItem)).all()
        files = [file.stage for file in search.document(desk, letter).files]
    assert [row.state for row in rows] == ["signed"]
    assert files.count("signed") == 1

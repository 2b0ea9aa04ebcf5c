"""The own account: where one is signed in, ending that at once everywhere, and a new password."""

from __future__ import annotations

import logging
import secrets
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from eoffice.core.secret import Secret
from eoffice.models.access import FailedSignIn, SignIn
from eoffice.models.calls import Call
from eoffice.models.directory import Person
from eoffice.models.ledger import LedgerEntry
from eoffice.services import accounts, verbs
from eoffice.services.office import Office
from eoffice.web import create_app
from tests.support.checking import CheckingClient, Page
from tests.support.world import snapshot
from tests.web.conftest import Town, settings
from tests.web.test_sign_in import PASSWORD, alert, sign_in, signed_in, with_password

__all__ = ["with_password"]

NEW = "bốn từ dễ nhớ lắm"


def browser(app: Flask) -> CheckingClient:
    found = app.test_client()
    assert isinstance(found, CheckingClient)
    return found


def press(client: CheckingClient, path: str, **fields: str) -> Any:
    return client.send(path, {"key": secrets.token_hex(16), **fields})


def new_password(client: CheckingClient, old: str = PASSWORD, new: str = NEW, again: str = "") -> Any:
    fields = {"old_password": old, "new_password": new, "new_password_again": again or new}
    return press(client, "/account/password", **fields)


def endings(page: Page) -> list[str]:
    """Where the buttons lead that end one session."""
    forms = [item.attributes["action"] for item in page.one("main").all("form")]
    return [action for action in forms if action.endswith("/end")]


def test_the_own_sessions_are_listed_and_nobody_else_s(app: Flask, town: Town) -> None:
    one, other, stranger = browser(app), browser(app), browser(app)
    town.enter(one, "hanh")
    town.enter(other, "hanh")
    town.enter(stranger, "nam")
    page = one.page("/account")
    assert len(endings(page)) == 1
    assert page.one("main").text().count("phiên này, hiện tại") == 1
    assert endings(stranger.page("/account")) == []


def test_one_session_is_ended_on_every_worker_at_once(app: Flask, town: Town) -> None:
    """Two processes that share nothing but the database."""
    known = town.office.settings
    second = Office(settings(known.database_url, known.home), town.clock)
    there = create_app(second)
    there.test_client_class = CheckingClient
    here, away = browser(app), browser(there)
    town.enter(here, "hanh")
    town.enter(away, "hanh")
    assert signed_in(away)
    (action,) = endings(here.page("/account"))
    assert press(here, action).status_code == 303
    assert not signed_in(away)
    assert signed_in(here)
    assert endings(here.page("/account")) == []
    there.extensions["visits"].flush()
    second.close()


def test_all_others_are_ended_at_once(app: Flask, town: Town) -> None:
    mine, others, stranger = browser(app), [browser(app), browser(app)], browser(app)
    for client in (mine, *others):
        town.enter(client, "hanh")
    town.enter(stranger, "nam")
    assert press(mine, "/account/sessions/end-others").status_code == 303
    assert signed_in(mine)
    assert signed_in(stranger)
    assert not any(signed_in(client) for client in others)


def test_nobody_ends_somebody_else_s_session(app: Flask, town: Town) -> None:
    mine, stranger = browser(app), browser(app)
    town.enter(mine, "hanh")
    token = town.enter(stranger, "nam")
    with town.office.sessions.read() as session:
        his = session.scalars(select(SignIn.id).where(SignIn.token_sha256 == accounts.token_digest(token))).one()
    assert press(mine, f"/account/sessions/{his}/end").status_code == 404
    assert signed_in(stranger)


def test_a_new_password_opens_the_desk_and_ends_the_other_sessions(app: Flask, with_password: Town) -> None:
    mine, other = browser(app), browser(app)
    with_password.enter(mine, "hanh")
    with_password.enter(other, "hanh")
    assert new_password(mine).status_code == 303
    assert "Đã đổi mật khẩu" in mine.page("/account").one("main").text()
    assert signed_in(mine)
    assert not signed_in(other)
    assert sign_in(other).status_code == 422
    assert sign_in(other, password=NEW).status_code == 303


@pytest.mark.parametrize("locale", ["vi", "en"])
@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        (PASSWORD, "ngắn quá", ""),
        (PASSWORD, "x" * 1500, ""),
        (PASSWORD, "Trần Thị Hạnh", ""),
        (PASSWORD, "tran thi hanh", ""),
        (PASSWORD, "hanh202620262026", ""),
        (PASSWORD, "aaaaaaaaaaaaaaaa", ""),
        (PASSWORD, NEW, "lại viết khác đi"),
        (PASSWORD, PASSWORD, ""),
        ("không phải nó", NEW, ""),
    ],
    ids=["short", "long", "name", "folded-name", "login", "repeated", "differs", "same", "wrong-old"],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_no_password_is_told_and_changes_nothing(
    client: CheckingClient, with_password: Town, old: str, new: str, again: str, locale: str
) -> None:
    with_password.enter(client, "hanh")
    client.speak(locale)
    answer = new_password(client, old, new, again)
    assert answer.status_code == 422
    page = Page(answer.get_data(as_text=True))
    assert [item for item in page.root.all("input") if item.attributes.get("aria-invalid") == "true"]
    assert not [item for item in page.root.all("input") if item.attributes.get("value") in (old, new)]
    assert stored(with_password) is True


def stored(town: Town) -> bool:
    """Whether the old password still opens the desk."""
    with town.office.read(town.actor("hanh")) as desk:
        return accounts.account(desk, "hanh").check(PASSWORD).person is not None


def test_guessing_the_old_password_waits_like_the_door(client: CheckingClient, with_password: Town) -> None:
    with_password.enter(client, "hanh")
    for _ in range(accounts.TRIES):
        assert new_password(client, old="đoán thử xem").status_code == 422
    assert snapshot(with_password, FailedSignIn) == accounts.TRIES
    answer = new_password(client)
    assert answer.status_code == 422
    assert "15 phút" in answer.get_data(as_text=True)
    assert alert(sign_in(client)).startswith("Nhập sai") or signed_in(client)


def test_a_password_leaves_no_trace(
    client: CheckingClient, with_password: Town, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in the ledger nor in the record of the call, where its digest could be guessed quickly."""
    with_password.enter(client, "hanh")
    with caplog.at_level(logging.DEBUG):
        assert new_password(client).status_code == 303
    assert NEW not in caplog.text
    with with_password.office.sessions.read() as session:
        entry = session.scalars(select(LedgerEntry).where(LedgerEntry.word == "account.password_changed")).one()
        call = session.scalars(select(Call).where(Call.verb == "accounts.change_password")).one()
        kept = session.scalars(select(Person.password_hash).where(Person.login == "hanh")).one()
    assert NEW.encode() not in entry.body
    assert kept.encode() not in entry.body
    assert kept.startswith("$argon2id$")
    assert call.arguments == verbs._arguments(None, {"old": Secret("x"), "new": Secret("y")})
    assert NEW not in repr(Secret(NEW))


def test_a_double_press_changes_it_once(client: CheckingClient, with_password: Town) -> None:
    with_password.enter(client, "hanh")
    key = secrets.token_hex(16)
    fields = {"old_password": PASSWORD, "new_password": NEW, "new_password_again": NEW, "key": key}
    assert [client.send("/account/password", fields).status_code for _ in range(2)] == [303, 303]
    with with_password.office.sessions.read() as session:
        words = session.scalars(select(LedgerEntry).where(LedgerEntry.word == "account.password_changed")).all()
    assert len(words) == 1

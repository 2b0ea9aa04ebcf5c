"""Signing in: what is told, what is not, how long it lasts, and that it ends at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, update

from eoffice.cli.province import DEMO_PASSWORD
from eoffice.core.desk import system
from eoffice.models.access import FailedSignIn, SignIn
from eoffice.models.directory import Person, Post
from eoffice.services import accounts, directory
from eoffice.services.directory import NewPost
from eoffice.web import create_app
from tests.support.checking import CheckingClient, Element, Page
from tests.support.world import snapshot
from tests.web.conftest import Town

PASSWORD = "Mật khẩu của bà Hạnh"


@pytest.fixture
def with_password(town: Town) -> Town:
    """The town in which ``hanh`` has a password."""
    change(town, update(Person).where(Person.login == "hanh").values(password_hash=accounts.hash_password(PASSWORD)))
    return town


def change(town: Town, statement: Any) -> None:
    with town.office.sessions.write() as session:
        session.execute(statement, execution_options={"synchronize_session": False, "scoped": True})
        session.commit()


def sign_in(client: CheckingClient, login: str = "hanh", password: str = PASSWORD, **more: str) -> Any:
    return client.send("/sign-in", {"login": login, "password": password, **more})


def value(form: Element, name: str) -> str:
    """What a hidden field holds."""
    return next(item.attributes["value"] for item in form.all("input") if item.attributes.get("name") == name)


def alert(answer: Any) -> str:
    page = Page(answer.get_data(as_text=True))
    return next(item.text() for item in page.root.all("div") if item.attributes.get("role") == "alert")


def test_the_password_is_checked_with_no_connection_in_hand(
    client: CheckingClient, with_password: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People wait in line for the one hash at a time; with a connection each, the pages would wait with them."""
    hasher, held = accounts._hasher(), []

    class Watched:
        def verify(self, stored: str, password: str) -> bool:
            held.append(with_password.office.engine.pool.checkedout())
            return bool(hasher.verify(stored, password))

    monkeypatch.setattr(accounts, "_hasher", Watched)
    assert sign_in(client).status_code == 303
    assert held == [0]


def test_the_right_password_opens_the_desk(client: CheckingClient, with_password: Town) -> None:
    answer = sign_in(client)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith("office="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    token = cookie.partition("=")[2].partition(";")[0]
    with with_password.office.sessions.read() as session:
        kept = session.scalars(select(SignIn).order_by(SignIn.created_at.desc())).first()
    assert kept is not None
    assert kept.token_sha256 == accounts.token_digest(token)
    assert "Trần Thị Hạnh" in client.page("/incoming").one("header").text()


def test_a_wrong_password_tells_nothing(client: CheckingClient, with_password: Town) -> None:
    wrong = sign_in(client, password="khác")
    unknown = sign_in(client, login="không có ai")
    assert wrong.status_code == unknown.status_code == 422
    assert alert(wrong) == alert(unknown)
    assert client.get_cookie("office") is None
    assert snapshot(with_password, FailedSignIn) == 2


def test_too_many_tries_wait(client: CheckingClient, with_password: Town) -> None:
    for _ in range(accounts.TRIES):
        assert sign_in(client, password="khác").status_code == 422
        with_password.step(minutes=1)
    answer = sign_in(client)
    assert answer.status_code == 429
    assert "10 phút" in alert(answer)
    with_password.step(minutes=9)
    assert "1 phút" in alert(sign_in(client))
    with_password.step(minutes=1, seconds=1)
    assert sign_in(client).status_code == 303


def test_a_new_sign_in_ends_the_old_one(client: CheckingClient, with_password: Town) -> None:
    old = with_password.enter(client, "hanh")
    token = client.token()
    assert sign_in(client).status_code == 303
    new = client.get_cookie("office")
    assert new is not None
    assert new.value != old
    assert client.post("/preferences", data={"csrf_token": token}).status_code == 400
    client.set_cookie("office", old)
    assert client.get("/incoming").headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("target", ["//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:alert(1)", "x"])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_it_leads_nowhere_else(client: CheckingClient, with_password: Town, target: str) -> None:
    assert sign_in(client, next=target).headers["Location"] == "/"
    answer = client.send("/preferences", {"locale": "en", "next": target})
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_it_leads_back_to_what_was_wanted(client: CheckingClient, with_password: Town) -> None:
    wanted = f"/documents/{with_password.arrived}"
    asked = client.get(wanted)
    assert asked.status_code == 303
    page = client.page(asked.headers["Location"])
    assert sign_in(client, next=value(page.one("main"), "next")).headers["Location"] == wanted


def test_several_posts_are_offered(client: CheckingClient, with_password: Town) -> None:
    second = NewPost(
        agency="so-tai-chinh", login="hanh", full_name="", honorific="bà", title="Văn thư biệt phái",
        password_hash="", roles=("clerk",),
    )  # fmt: skip
    with_password.office.do(with_password.system("so-tai-chinh"), directory.appoint, key="second", post=second)
    page = Page(sign_in(client).get_data(as_text=True))
    buttons = page.one("main").all("button")
    offered = {item.text(): item.attributes["value"] for item in buttons}
    assert list(offered) == ["Văn thư, Sở Nội vụ", "Văn thư biệt phái, Sở Tài chính"]
    ticket = value(page.one("main"), "ticket")
    foreign = str(with_password.post("nam"))
    assert client.send("/sign-in/post", {"ticket": ticket, "post": foreign}).status_code == 422
    assert client.send("/sign-in/post", {"ticket": "x" + ticket, "post": foreign}).headers["Location"] == "/sign-in"
    assert client.get_cookie("office") is None
    chosen = client.send("/sign-in/post", {"ticket": ticket, "post": offered["Văn thư biệt phái, Sở Tài chính"]})
    assert chosen.status_code == 303
    assert "Sở Tài chính" in client.page("/account").one("main").text()


def signed_in(client: CheckingClient) -> bool:
    return client.get("/account").status_code == 200


def test_a_session_ends_when_idle(client: CheckingClient, town: Town, app: Any) -> None:
    town.enter(client, "hanh")
    for _ in range(3):
        town.step(minutes=45)
        assert signed_in(client)
        app.extensions["visits"].flush()
    town.step(minutes=61)
    assert not signed_in(client)


def test_a_session_ends_after_its_hours(client: CheckingClient, town: Town, app: Any) -> None:
    town.enter(client, "hanh")
    for _ in range(13):
        town.step(minutes=54)
        assert signed_in(client)
        app.extensions["visits"].flush()
    town.step(minutes=19)
    assert not signed_in(client)


def test_a_revoked_session_ends_at_once(client: CheckingClient, town: Town) -> None:
    actor = town.actor("hanh")
    town.enter(client, "hanh")
    assert signed_in(client)
    with town.office.write(system(None), key="revoke") as desk:
        assert actor.person is not None
        accounts.revoke(desk.session, actor.person, desk.now())
    assert not signed_in(client)


@pytest.mark.parametrize(
    "statement",
    [
        update(Person).where(Person.login == "hanh").values(generation=2),
        update(Person).where(Person.login == "hanh").values(active=False),
        update(Post).where(Post.title == "Văn thư").values(valid_to=date(2026, 9, 1)),
    ],
    ids=["generation", "left", "post-ended"],
)
def test_who_has_left_is_out(client: CheckingClient, town: Town, statement: Any) -> None:
    town.enter(client, "hanh")
    assert signed_in(client)
    change(town, statement)
    assert not signed_in(client)


def test_signing_out_ends_it_everywhere(client: CheckingClient, town: Town) -> None:
    token = town.enter(client, "hanh")
    answer = client.send("/sign-out")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    assert client.get_cookie("office") is None
    client.set_cookie("office", token)
    assert not signed_in(client)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_demo_lists_its_accounts(client: CheckingClient, town: Town) -> None:
    text = client.page("/sign-in").one("main").text()
    assert "hanh" in text
    assert "Trần Thị Hạnh" in text
    assert DEMO_PASSWORD in text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_one_click_on_an_account_of_the_demo_fills_in_its_login(client: CheckingClient, town: Town) -> None:
    page = client.page("/sign-in?next=/outgoing")
    links = [item.attributes["href"] for item in page.one("main").all("a") if item.text() == "hanh"]
    filled = client.page(links[0]).one("main")
    assert value(filled, "login") == "hanh"
    assert value(filled, "next") == "/outgoing"
    password = next(item for item in filled.all("input") if item.attributes.get("type") == "password")
    assert "autofocus" in password.attributes
    assert "value" not in password.attributes
    strange = client.page('/sign-in?login="><script>' + "x" * 100).one("main")
    assert value(strange, "login").startswith('"><script>x')
    assert len(value(strange, "login")) == 64


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_list_of_accounts_does_not_lose_a_kept_text(client: CheckingClient, with_password: Town) -> None:
    """After a wrong password the kept text stands in this page alone: no link may lead away from it."""
    answer = sign_in(client, password="sai", kept="something kept")
    page = Page(answer.get_data(as_text=True)).one("main")
    assert "Trần Thị Hạnh" in page.text()
    assert not [item for item in page.all("a") if "login=" in item.attributes["href"]]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_real_office_lists_nobody_and_marks_its_cookies(town: Town) -> None:
    town.office.settings = replace(town.office.settings, test_mode=False, https=True)
    client = create_app(town.office).test_client()
    answer = client.get("/sign-in", base_url="https://localhost/")
    text = answer.get_data(as_text=True)
    assert "hanh" not in text
    assert "THỬ NGHIỆM" not in text
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-form=")
    assert "Secure" in cookie

"""What stands before every view: rights, form tokens, sizes, frequency, and text that survives a lost session."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.test import create_environ, run_wsgi_app

from eoffice.rules.access import Permission
from eoffice.web import create_app, guard
from eoffice.web import kept as kept_form
from tests.support.checking import CheckingClient, Page, check_page
from tests.web.conftest import Town
from tests.web.test_sign_in import PASSWORD, value, with_password

__all__ = ["with_password"]
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def app(town: Town) -> Iterator[Flask]:
    """The application with two more pages: one that takes text, one for auditors and leaders only."""
    app = create_app(town.office)
    app.test_client_class = CheckingClient

    @app.post("/write")
    @guard.signed_in
    def write() -> tuple[str, int, dict[str, str]]:
        from flask import request

        return request.form["text"], 200, {"Content-Type": "text/plain; charset=utf-8"}

    @app.get("/leaders")
    @guard.needs(Permission.LEDGER_READ)
    def leaders() -> tuple[str, int, dict[str, str]]:
        return "ledger", 200, {"Content-Type": "text/plain"}

    yield app
    app.extensions["visits"].flush()


def filled(rule: str) -> str:
    """The address of a route, with an identifier or a number where it wants one."""
    return re.sub("<int:[^>]+>", "1", re.sub("<uuid:[^>]+>", str(uuid4()), rule))


def test_a_route_without_a_guard_is_refused(app: Flask) -> None:
    app.add_url_rule("/open", "open", lambda: "anybody")
    with pytest.raises(guard.Unguarded, match="open does not say who may use it"):
        guard.check(app)
    assert app.test_client().get("/open").status_code == 500


def test_every_form_wants_its_token(client: CheckingClient, town: Town, app: Flask) -> None:
    posts = {filled(rule.rule) for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert len(posts) >= 7
    asked = set()
    for login in ("hanh", "nam", "son", "anh", "mai", "phong"):  # together they may do everything a page offers
        town.enter(client, login)
        for path in posts:
            for data in ({}, {"csrf_token": "x"}):
                answer = client.post(path, data=data)
                assert answer.status_code in (400, 403), path
                if answer.status_code == 400:
                    assert "Chưa có gì thay đổi" in answer.get_data(as_text=True)
                    asked.add(path)
    assert asked == posts
    assert client.get("/account").status_code == 200


def test_roles_decide(client: CheckingClient, town: Town) -> None:
    assert client.get("/leaders").status_code == 303
    town.enter(client, "hanh")
    assert client.get("/leaders").status_code == 403
    town.enter(client, "nam")
    assert client.get("/leaders").data == b"ledger"


ANNEXES = "/documents/00000000-0000-4000-8000-000000000000/annexes"


class Unread(io.RawIOBase):
    """A body that must not be read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


@pytest.mark.parametrize("path", ["/verify", "/sign-in", "/preferences", "/incoming/add", ANNEXES])
def test_a_body_too_large_is_refused_unread(app: Flask, path: str) -> None:
    environ = create_environ(path, method="POST", content_type="multipart/form-data; boundary=x")
    environ |= {"CONTENT_LENGTH": str(300 * 1024 * 1024), "wsgi.input": Unread()}
    body, status, _headers = run_wsgi_app(app, environ, buffered=True)
    assert status.startswith("413 ")
    assert "MB" in check_page(b"".join(body).decode()).one("main").text()


def test_a_small_form_takes_no_large_text(client: CheckingClient) -> None:
    assert client.send("/preferences", {"next": "x" * 2_000_000}).status_code == 413


def test_text_survives_a_lost_session(client: CheckingClient, with_password: Town) -> None:
    with_password.enter(client, "hanh")
    text = "Kính gửi: Sở Tài chính. <b>Nội dung</b> rất dài & quan trọng."
    assert client.send("/write", {"text": text}).get_data(as_text=True) == text
    token = client.token()
    with_password.step(hours=2)
    lost = client.post("/write", data={"csrf_token": token, "text": text})
    assert lost.status_code == 401
    page = Page(lost.get_data(as_text=True))
    assert "Nội dung đã gửi được giữ lại" in page.one("main").text()
    again = client.post(
        "/sign-in",
        data={
            "csrf_token": value(page.one("main"), "csrf_token"),
            "kept": value(page.one("main"), "kept"),
            "login": "hanh",
            "password": PASSWORD,
        },
    )
    assert again.status_code == 200
    form = next(item for item in Page(again.get_data(as_text=True)).one("main").all("form"))
    fields = {item.attributes["name"]: item.attributes["value"] for item in form.all("input")}
    assert fields["text"] == text
    sent = client.post(form.attributes["action"], data=fields)
    assert sent.get_data(as_text=True) == text


def test_a_password_does_not_survive_a_lost_session(client: CheckingClient, with_password: Town) -> None:
    """Nor does its form come back with a button: without the password it could only fail."""
    lost = client.send("/write", {"text": "còn nguyên đây", "key_password": "khóa bí mật"})
    page = Page(lost.get_data(as_text=True))
    kept = value(page.one("main"), "kept")
    with client.application.test_request_context():
        assert "bí mật" not in str(kept_form.open_again(kept))
    back = client.send("/sign-in", {"login": "hanh", "password": PASSWORD, "kept": kept})
    shown = Page(back.get_data(as_text=True)).one("main")
    assert "còn nguyên đây" in shown.text()
    assert "khóa bí mật" not in back.get_data(as_text=True)
    assert not list(shown.all("button"))


def test_a_wrong_password_keeps_the_text(client: CheckingClient, with_password: Town) -> None:
    lost = client.send("/write", {"text": "còn nguyên"})
    kept = value(Page(lost.get_data(as_text=True)).one("main"), "kept")
    wrong = client.send("/sign-in", {"login": "hanh", "password": "sai", "kept": kept})
    assert value(Page(wrong.get_data(as_text=True)).one("main"), "kept") == kept


def test_foreign_text_is_not_kept(client: CheckingClient, with_password: Town) -> None:
    assert client.post("/write", data={"text": "from another site"}).status_code == 400
    answer = client.send("/sign-in", {"login": "hanh", "password": PASSWORD, "kept": "forged"})
    assert answer.status_code == 303


def test_a_page_that_may_not_be_seen_is_not_shown(client: CheckingClient, with_password: Town) -> None:
    assert client.get("/account").headers["Location"] == "/sign-in?next=/account"
    assert client.get("/nowhere").status_code == 404

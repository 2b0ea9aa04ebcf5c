"""Every page in both languages and themes, and what it tells."""

from __future__ import annotations

import pytest

from tests.support.checking import CheckingClient, Page
from tests.web.conftest import Town

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def texts(page: Page) -> str:
    return page.root.text()


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_every_page_can_be_read(hanh: CheckingClient, town: Town, locale: str) -> None:
    hanh.speak(locale)
    seen: set[str] = set()
    waiting = ["/", "/incoming", "/outgoing", "/verify", "/account", "/sign-in"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = hanh.get(path)
        assert answer.status_code in (200, 303), path
        if answer.mimetype != "text/html":
            continue
        for item in Page(answer.get_data(as_text=True)).root.all("a"):
            target = item.attributes.get("href", "")
            if target.startswith("/") and not target.startswith("/static/"):
                waiting.append(target)
    assert f"/documents/{town.arrived}" in seen
    assert f"/documents/{town.answer}" in seen
    assert any("/revisions/" in path for path in seen)
    assert any(path.endswith("/text") for path in seen)


@SQLITE
def test_the_language_is_remembered(client: CheckingClient) -> None:
    assert client.page("/sign-in").one("html").attributes["lang"] == "vi"
    answer = client.send("/preferences", {"locale": "en", "next": "/verify"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/verify")
    assert client.page("/sign-in").one("h1").text() == "Electronic office"
    client.send("/preferences", {"locale": "xx"})
    assert client.page("/sign-in").one("html").attributes["lang"] == "en"


@SQLITE
def test_the_theme_is_remembered(client: CheckingClient) -> None:
    assert "data-theme" not in client.page("/sign-in").one("html").attributes
    client.send("/preferences", {"theme": "dark"})
    assert client.page("/sign-in").one("html").attributes["data-theme"] == "dark"
    client.send("/preferences", {"theme": "<b>"})
    assert client.page("/sign-in").one("html").attributes["data-theme"] == "dark"


@SQLITE
def test_static_files_are_kept_for_ever_under_their_digest(client: CheckingClient) -> None:
    page = client.page("/sign-in")
    for item in [*page.root.all("link"), *page.root.all("script")]:
        answer = client.get(item.attributes.get("href") or item.attributes["src"])
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        answer.close()


@SQLITE
def test_private_pages_are_kept_by_nobody(hanh: CheckingClient, town: Town) -> None:
    for path in ("/incoming", f"/documents/{town.arrived}", "/account"):
        assert hanh.get(path).headers["Cache-Control"] == "no-store"
    policy = hanh.get("/incoming").headers["Content-Security-Policy"].split("; ")
    assert policy == [
        "default-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
    ]


@SQLITE
def test_health_says_whether_the_database_answers(client: CheckingClient, town: Town) -> None:
    assert client.get("/health").get_data(as_text=True) == "ok\n"

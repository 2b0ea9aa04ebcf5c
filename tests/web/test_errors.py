"""Every error is a page in both languages that says what happened, that nothing was lost, and what to do."""

from __future__ import annotations

import logging

import pytest
from flask import Flask
from werkzeug.exceptions import abort

from eoffice.core import errors
from eoffice.web import create_app, guard
from eoffice.web.errors import TITLES
from tests.support.checking import CheckingClient, Page
from tests.web.conftest import Town

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

OURS = [
    errors.OfficeError,
    errors.InvalidInput,
    errors.FileRefused,
    errors.NotAllowed,
    errors.NotFound,
    errors.Conflict,
    errors.StaleForm,
    errors.WrongState,
    errors.KeyReused,
    errors.SignatureProblem,
    errors.Unavailable,
    errors.Busy,
    errors.StorageFull,
]


@pytest.fixture
def app(town: Town) -> Flask:
    """The application with pages that fail in every way."""
    app = create_app(town.office)
    app.test_client_class = CheckingClient

    @app.get("/fails/<name>")
    @guard.public("for tests")
    def fails(name: str) -> str:
        if name.isdigit():
            abort(int(name))
        if name == "unforeseen":
            raise ZeroDivisionError("secret words of the fault")
        raise next(error for error in OURS if error.__name__ == name)()

    return app


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_each_of_ours_has_its_page(client: CheckingClient, locale: str) -> None:
    client.speak(locale)
    for error in OURS:
        answer = client.get(f"/fails/{error.__name__}")
        assert answer.status_code == error.status
        assert error().sentence(locale) in Page(answer.get_data(as_text=True)).one("main").text()


@pytest.mark.parametrize("locale", ["vi", "en"])
@pytest.mark.parametrize("status", sorted({*TITLES, 418} - {429, 507}))
def test_each_status_has_its_page(client: CheckingClient, locale: str, status: int) -> None:
    client.speak(locale)
    answer = client.get(f"/fails/{status}")
    assert answer.status_code == (400 if status == 418 else status)
    text = Page(answer.get_data(as_text=True)).one("main").text()
    kept = {"vi": ("Chưa", "Không có gì"), "en": ("Nothing was", "nothing was")}
    assert any(words in text for words in kept[locale]), text


def test_405_names_what_works(client: CheckingClient) -> None:
    answer = client.post("/account")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_what_nobody_thought_of_is_logged_under_a_code(
    client: CheckingClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = client.get("/fails/unforeseen")
    assert answer.status_code == 500
    page = Page(answer.get_data(as_text=True))
    code = page.one("code").text()
    assert code in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "secret words" not in page.root.text()


def test_errors_keep_the_frame_of_who_is_signed_in(hanh: CheckingClient) -> None:
    for locale in ("vi", "en"):
        hanh.speak(locale)
        for path in ("/fails/404", "/nowhere"):
            page = Page(hanh.get(path).get_data(as_text=True))
            assert "Trần Thị Hạnh" in page.one("header").text()


def test_a_database_that_is_gone_is_told(hanh: CheckingClient, town: Town) -> None:
    database = town.office.engine.url.database
    assert database is not None
    with town.office.sessions.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE sign_in RENAME TO gone")
        session.commit()
    answer = hanh.get("/incoming")
    assert answer.status_code == 503
    assert "không trả lời" in Page(answer.get_data(as_text=True)).one("h1").text()

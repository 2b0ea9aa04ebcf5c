"""Every error is a page in both languages that says what happened, that nothing was lost, and what to do."""

from __future__ import annotations

import io
import logging
import re
import secrets
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import abort

from eoffice.core import errors
from eoffice.web import create_app, guard
from eoffice.web.errors import TITLES
from tests.support.checking import CheckingClient, Element, Page
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

    @app.post("/fails/<name>")
    @app.post("/documents/<uuid:document_id>/fails/<name>")
    @guard.signed_in
    def sent(name: str, document_id: UUID | None = None) -> Response:
        if name == "unforeseen":
            raise ZeroDivisionError(str(document_id))
        if name == "works":
            return jsonify(dict(request.form))
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


TEXT = "Kính gửi Sở Tài chính,\n\nĐề nghị <b>xem lại</b> số liệu quý III."


def send(client: CheckingClient, town: Town, name: str, **more: Any) -> Page:
    """Send a form that fails, as a page of ours would."""
    form = {"text": TEXT, "key": secrets.token_hex(16), "version": "3", "lead": str(town.post("tuan"))}
    answer = client.send(f"/documents/{town.arrived}/fails/{name}", {**form, "next": "/incoming", **more})
    return Page(answer.get_data(as_text=True))


def shown(page: Page) -> list[str]:
    """What stands on the page of what was written, with its label."""
    labels = {item.attributes.get("for"): item.text() for item in page.one("main").all("label")}
    boxes = list(page.one("main").all("textarea"))
    return [f"{labels[box.attributes['id']]}: {''.join(map(str, box.children)).lstrip(chr(10))}" for box in boxes]


def again(page: Page) -> dict[str, str] | None:
    """The fields of the form that sends the same once more, None when there is none."""
    form = next((item for item in page.one("main").all("form") if item.attributes.get("id") == "again"), None)
    return {item.attributes["name"]: item.attributes["value"] for item in form.all("input")} if form else None


@pytest.mark.parametrize("locale", ["vi", "en"])
@pytest.mark.parametrize("name", ["StaleForm", "Conflict", "KeyReused", "InvalidInput", "Busy", "StorageFull"])
def test_what_was_written_is_shown_again(hanh: CheckingClient, town: Town, name: str, locale: str) -> None:
    hanh.speak(locale)
    label = {"vi": "Ý kiến chỉ đạo", "en": "Instruction"}[locale]
    page = send(hanh, town, name)
    assert shown(page) == [f"{label}: {TEXT}"]
    links = [item.attributes["href"] for item in page.one("main").all("a")]
    assert links[0] == f"/documents/{town.arrived}"
    assert len([item for item in page.one("main").all("a", "button") if "pri" in classes(item)]) == 1


def classes(item: Element) -> list[str]:
    return item.attributes.get("class", "").split()


def test_what_nobody_thought_of_keeps_the_text_too(hanh: CheckingClient, town: Town) -> None:
    page = send(hanh, town, "unforeseen")
    assert shown(page) == [f"Ý kiến chỉ đạo: {TEXT}"]
    assert again(page) is None


@pytest.mark.parametrize("name", ["StaleForm", "Busy", "Unavailable"])
def test_the_same_may_be_sent_again_with_a_key_of_its_own(hanh: CheckingClient, town: Town, name: str) -> None:
    key = secrets.token_hex(16)
    fields = again(send(hanh, town, name, key=key))
    assert fields is not None
    assert re.fullmatch("[0-9a-f]{32}", fields["key"])
    assert fields["key"] != key
    assert "version" not in fields
    answer = hanh.post(f"/documents/{town.arrived}/fails/works", data=fields)
    assert answer.status_code == 200
    got = answer.get_json()
    assert (got["text"], got["lead"], got["next"]) == (TEXT, str(town.post("tuan")), "/incoming")


@pytest.mark.parametrize("name", ["Conflict", "KeyReused", "WrongState", "InvalidInput", "StorageFull"])
def test_what_would_fail_again_is_not_offered(hanh: CheckingClient, town: Town, name: str) -> None:
    assert again(send(hanh, town, name)) is None


@pytest.mark.parametrize("name", ["password", "key_password", "old_password", "access_token"])
def test_secrets_are_never_shown_nor_sent_again(hanh: CheckingClient, town: Town, name: str) -> None:
    page = send(hanh, town, "StaleForm", **{name: "khoa rat bi mat"})
    assert again(page) is None
    assert "khoa rat bi mat" not in str(page.root.text())
    assert not [item for item in page.root.all("input") if item.attributes.get("value") == "khoa rat bi mat"]
    assert shown(page) == [f"Ý kiến chỉ đạo: {TEXT}"]


def test_a_file_has_to_be_chosen_anew(hanh: CheckingClient, town: Town) -> None:
    page = send(hanh, town, "Busy", file=(io.BytesIO(b"%PDF-1.7"), "a.pdf"))
    assert again(page) is None
    assert "tệp phải nhập lại" in page.one("main").text()


def test_a_form_from_elsewhere_is_neither_shown_nor_sent_on(hanh: CheckingClient, town: Town) -> None:
    """The database is gone, so nobody has looked at the token yet when the error page is made."""
    with town.office.sessions.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE sign_in RENAME TO gone")
        session.commit()
    path = f"/documents/{town.arrived}/fails/works"
    answer = hanh.post(path, data={"text": TEXT, "csrf_token": "forged"})
    assert answer.status_code == 503
    assert "xem lại" not in answer.get_data(as_text=True)
    own = hanh.send(path, {"text": TEXT})
    assert own.status_code == 503
    assert shown(Page(own.get_data(as_text=True)))


def test_codes_and_identifiers_are_not_taken_for_text(hanh: CheckingClient, town: Town) -> None:
    chosen = {"basis": "by_order", "to": f"post:{town.post('tuan')}", "days": "2026"}
    page = send(hanh, town, "Conflict", text="abc", note="xin gia hạn", **chosen)
    assert shown(page) == ["Ghi chú: xin gia hạn"]


def test_a_missing_page_tells_nothing_of_what_was_sent_there(hanh: CheckingClient, town: Town) -> None:
    """A document of another agency and none at all: the same answer, letter for letter."""
    pages = []
    for document in (town.theirs, UUID(int=7)):
        answer = hanh.send(f"/documents/{document}/refuse", {"reason": TEXT, "key": secrets.token_hex(16)})
        assert answer.status_code == 404
        pages.append(Page(answer.get_data(as_text=True)).one("main").text())
    assert pages[0] == pages[1]


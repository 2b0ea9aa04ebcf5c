"""The page of a key's password: for who holds the key alone, with every refusal beside the box it is about."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import key_agent
from eoffice.models.directory import Certificate
from tests.support.checking import CheckingClient, Page
from tests.web.conftest import Town
from tests.web.test_certificates import rows

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
NEW = "bốn từ dễ nhớ lắm"


@pytest.fixture
def at_work(town: Town) -> Iterator[Town]:
    with key_agent(town.office):
        yield town


def mine(town: Town, login: str) -> Certificate:
    """The certificate whose key a person holds or keeps."""
    (row,) = [row for row in rows(town) if town.post(login) in (row.post_id, row.custodian_post_id)]
    return row


def change(client: CheckingClient, row: Certificate, **fields: str) -> Any:
    given = {"old_password": KEY_PASSWORD, "new_password": NEW, "new_password_again": NEW} | fields
    return client.send(f"/account/keys/{row.id}", {"key": secrets.token_hex(16), **given})


@SQLITE
@pytest.mark.parametrize("login", ["nam", "hanh"])
def test_from_the_account_to_a_new_password(client: CheckingClient, at_work: Town, login: str) -> None:
    row = mine(at_work, login)
    at_work.enter(client, login)
    path = f"/account/keys/{row.id}"
    links = [link.attributes["href"] for link in client.page("/account").one("main").all("a")]
    assert path in links
    assert client.press(path, path, old_password=KEY_PASSWORD, new_password=NEW, new_password_again=NEW).location == (
        "/account"
    )
    assert "Đã đổi mật khẩu khóa ký" in client.page("/account").one("main").text()
    assert change(client, row, new_password="khác hẳn đi nhé", new_password_again="khác hẳn đi nhé").status_code == 422
    answer = change(client, row, old_password=NEW, new_password=KEY_PASSWORD, new_password_again=KEY_PASSWORD)
    assert answer.status_code == 303


@SQLITE
@pytest.mark.parametrize("locale", ["vi", "en"])
@pytest.mark.parametrize(
    ("fields", "box"),
    [
        ({"old_password": "đoán thử xem sao"}, "old_password"),
        ({"new_password": "ngắn", "new_password_again": "ngắn"}, "new_password"),
        ({"new_password_again": "không giống đâu"}, "new_password"),
    ],
)
def test_a_refusal_stands_beside_its_box_and_shows_nothing_again(
    client: CheckingClient, at_work: Town, locale: str, fields: dict[str, str], box: str
) -> None:
    at_work.enter(client, "nam")
    client.speak(locale)
    answer = change(client, mine(at_work, "nam"), **fields)
    assert answer.status_code == 422
    page = Page(answer.get_data(as_text=True))
    wrong = [item.attributes["name"] for item in page.root.all("input") if "aria-invalid" in item.attributes]
    assert wrong == [box]
    assert not any(text in answer.get_data(as_text=True) for text in (KEY_PASSWORD, NEW, *fields.values()))


@SQLITE
def test_without_an_agent_nothing_is_changed(client: CheckingClient, town: Town) -> None:
    town.enter(client, "nam")
    answer = change(client, mine(town, "nam"))
    assert answer.status_code == 503
    forms = Page(answer.get_data(as_text=True)).one("main").all("form")
    assert [form.attributes["action"] for form in forms] == [f"/account/keys/{mine(town, 'nam').id}"]


@SQLITE
def test_only_the_holder_has_the_page(client: CheckingClient, at_work: Town) -> None:
    row = mine(at_work, "nam")
    for login in ("phong", "hanh", "mai", "hoa"):
        at_work.enter(client, login)
        assert client.get(f"/account/keys/{row.id}").status_code == 404
        assert change(client, row).status_code in (403, 404)


@SQLITE
def test_a_key_on_a_token_has_no_form_here(client: CheckingClient, at_work: Town) -> None:
    row = mine(at_work, "nam")
    with at_work.office.sessions.write() as session:
        found = session.scalars(
            select(Certificate).where(Certificate.id == row.id).execution_options(scoped=True)
        ).one()
        found.storage = "token"
        session.commit()
    at_work.enter(client, "nam")
    page = client.page(f"/account/keys/{row.id}").one("main")
    assert "phần mềm đi kèm thiết bị" in page.text()
    assert not list(page.all("form"))
    account = client.page("/account").one("main")
    assert "phần mềm đi kèm thiết bị" in account.text()
    assert f"/account/keys/{row.id}" not in [link.attributes["href"] for link in account.all("a")]

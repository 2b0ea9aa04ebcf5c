"""Submitting, instructing, assigning, starting and finishing from the document's page, pressed as people press."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import func, select

from eoffice.core.desk import scope
from eoffice.models.documents import Document
from eoffice.models.routing import Assignment, Instruction
from eoffice.services import incoming, ledger
from eoffice.services.incoming import Facts
from tests.support.checking import CheckingClient, Page
from tests.support.papers import arrived
from tests.web.conftest import Town

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
FACTS = Facts(code="12/STC-NS", issuer_name="Sở Tài chính", subject="V/v lập dự toán kinh phí số hóa hồ sơ năm 2027")
ORDER = "Phòng VTLT chủ trì, tham mưu văn bản trả lời trước ngày 15."


@pytest.fixture
def letter(town: Town) -> UUID:
    """A letter that was registered."""
    found = arrived(town, "so-noi-vu", b"%PDF-1.7 budget", key="budget")
    town.office.do(town.actor("hanh"), incoming.register, found, key="register", facts=FACTS)
    return found


def document(town: Town, key: UUID) -> Document:
    with town.office.read(town.system("so-noi-vu")) as desk:
        return desk.session.scalars(scope(desk, Document).where(Document.id == key)).one()


def count(town: Town, table: type, key: UUID) -> int:
    with town.office.sessions.read() as session:
        statement = select(func.count()).select_from(table.__table__).where(table.document_id == key)
        return session.execute(statement.execution_options(scoped=True)).scalar_one()


def unit(town: Town, login: str) -> str:
    return f"unit:{town.actor(login).unit}"


def deeds(page: Page) -> list[str]:
    """What the forms of a document's page do to it; its file may be checked again at any time."""
    actions = [item.attributes["action"] for item in page.one("main").all("form")]
    return [action for action in actions if not action.endswith("/check")]


def test_a_letter_goes_through_all_hands(client: CheckingClient, town: Town, letter: UUID) -> None:
    page = f"/documents/{letter}"
    town.enter(client, "hanh")
    answer = client.press(page, "/forward", to=str(town.post("nam")))
    assert (answer.status_code, answer.headers["Location"]) == (303, page)
    assert "Đã trình lãnh đạo" in client.page(page).one("main").text()
    town.enter(client, "nam")
    other = unit(town, "huy")
    answer = client.press(
        page, "/instruct", text=ORDER, lead=unit(town, "son"), days="5", coordinate=[other], inform=[]
    )
    assert answer.status_code == 303
    row = document(town, letter)
    assert (row.state, row.submitted_to_id) == ("assigned", town.post("nam"))
    assert row.due_at is not None
    assert count(town, Assignment, letter) == 2
    town.enter(client, "son")
    assert ORDER in client.page(page).one("main").text()
    assert client.press(page, "/assign", post=str(town.post("tuan"))).status_code == 303
    town.enter(client, "tuan")
    assert client.press(page, "/start").status_code == 303
    assert document(town, letter).state == "in_progress"
    assert client.press(page, "/finish", note="Đã trao đổi trực tiếp, không cần trả lời").status_code == 303
    assert document(town, letter).state == "done"
    text = client.page(page).one("main").text()
    assert "Đã trao đổi trực tiếp" in text
    assert deeds(client.page(page)) == [], "nothing is left to be done"


def test_a_second_press_is_the_same_deed(client: CheckingClient, town: Town, letter: UUID) -> None:
    page = f"/documents/{letter}"
    town.enter(client, "nam")
    fields = {**client.form(page, "/instruct"), "text": ORDER, "lead": unit(town, "son")}
    answers = [client.post(f"{page}/instruct", data=fields) for _ in range(3)]
    assert {(answer.status_code, answer.headers["Location"]) for answer in answers} == {(303, page)}
    assert count(town, Instruction, letter) == 1
    changed = client.post(f"{page}/instruct", data={**fields, "text": "Nội dung khác"})
    assert changed.status_code == 409, "back, changed and sent again: another call under the same key"
    assert count(town, Instruction, letter) == 1


def test_an_old_page_changes_nothing(client: CheckingClient, town: Town, letter: UUID) -> None:
    page = f"/documents/{letter}"
    town.enter(client, "hanh")
    fields = client.form(page, "/forward")
    town.enter(client, "nam")
    client.press(page, "/instruct", text=ORDER, lead=unit(town, "son"))
    town.enter(client, "hanh")
    fields["csrf_token"] = client.token()
    answer = client.post(f"{page}/forward", data=fields)
    assert answer.status_code == 409
    assert document(town, letter).state == "assigned"


def test_a_form_older_than_its_document_is_refused(client: CheckingClient, town: Town, letter: UUID) -> None:
    """The state still allows the deed; what the leader had before his eyes is no longer the document."""
    page = f"/documents/{letter}"
    town.enter(client, "nam")
    fields = {**client.form(page, "/instruct"), "text": ORDER, "lead": unit(town, "son")}
    town.enter(client, "hanh")
    assert client.press(page, "/forward", to=str(town.post("nam"))).status_code == 303
    town.enter(client, "nam")
    answer = client.post(f"{page}/instruct", data={**fields, "csrf_token": client.token()})
    assert answer.status_code == 409
    assert count(town, Instruction, letter) == 0


BAD: dict[str, tuple[dict[str, str], str]] = {
    "no text": ({"text": " "}, "Vui lòng ghi việc cần làm"),
    "no lead": ({"lead": ""}, "Chỉ một đơn vị hoặc một người chủ trì"),
    "lead is nobody of ours": ({"lead": "post:12345678-1234-4234-8234-123456789012"}, ""),
    "lead is no identifier": ({"lead": "unit:x"}, ""),
    "deadline in words": ({"days": "mai"}, "1 đến 250 ngày làm việc"),
    "deadline too far": ({"days": "999"}, "1 đến 250 ngày làm việc"),
    "deadline not ahead": ({"days": "0"}, "1 đến 250 ngày làm việc"),
}


@SQLITE
@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_told_and_kept(client: CheckingClient, town: Town, letter: UUID, name: str) -> None:
    page, (wrong, sentence) = f"/documents/{letter}", BAD[name]
    town.enter(client, "nam")
    given = {"text": ORDER, "lead": unit(town, "son"), "days": "3", **wrong}
    answer = client.press(page, "/instruct", **given)
    assert answer.status_code in (404, 422)
    assert document(town, letter).state == "registered"
    if answer.status_code == 422:
        shown = Page(answer.get_data(as_text=True))
        assert sentence in next(item.text() for item in shown.root.all("div") if item.attributes.get("role") == "alert")
        assert given["text"].strip() in next(shown.root.all("textarea")).text()
        assert next(item for item in shown.root.all("input") if item.attributes.get("name") == "days").attributes[
            "value"
        ] == given["days"]


@SQLITE
def test_a_form_without_its_key_does_nothing(client: CheckingClient, town: Town, letter: UUID) -> None:
    town.enter(client, "nam")
    for key, version in (("", "1"), ("x" * 32, "1"), ("0" * 32, "-1"), ("0" * 32, "9" * 20)):
        answer = client.send(f"/documents/{letter}/instruct", {"key": key, "version": version, "text": ORDER})
        assert answer.status_code == 422
    assert document(town, letter).state == "registered"


@SQLITE
def test_buttons_are_for_those_who_may_and_refusals_are_written_down(
    client: CheckingClient, town: Town, letter: UUID
) -> None:
    page = f"/documents/{letter}"
    may = {"hanh": {"forward"}, "nam": {"instruct"}, "ngan": {"instruct"}, "anh": set()}
    for login, wanted in may.items():
        town.enter(client, login)
        forms = deeds(client.page(page))
        assert {action.rpartition("/")[2] for action in forms} == wanted, login
    town.enter(client, "anh")
    key = {"key": "0" * 32}
    assert client.send(f"{page}/forward", key).status_code == 403
    town.enter(client, "tuan")
    assert client.send(f"{page}/start", key).status_code == 404, "an officer does not know of it yet"
    with town.office.read(town.actor("hanh")) as desk:
        refused = ledger.find(desk, word="deed.refused", limit=2)
    assert any(entry.object_id == letter for entry in refused)


@SQLITE
@pytest.mark.parametrize("deed", ["forward", "instruct", "assign", "start", "finish", "refuse"])
def test_documents_of_others_are_not_there(client: CheckingClient, town: Town, deed: str) -> None:
    for login in ("hanh", "nam", "son"):
        town.enter(client, login)
        fields = {"key": "1" * 32, "text": ORDER, "lead": unit(town, "son"), "note": "x", "reason": "x"}
        answer = client.send(f"/documents/{town.theirs}/{deed}", {**fields, "post": str(town.post("tuan"))})
        assert answer.status_code in (403, 404), login


@SQLITE
def test_a_leader_is_chosen_among_leaders(client: CheckingClient, town: Town, letter: UUID) -> None:
    town.enter(client, "hanh")
    answer = client.press(f"/documents/{letter}", "/forward", to=str(town.post("tuan")))
    assert answer.status_code == 422
    assert document(town, letter).state == "registered"


@SQLITE
def test_it_goes_on_where_one_came_from_and_nowhere_else(client: CheckingClient, town: Town, letter: UUID) -> None:
    town.enter(client, "hanh")
    assert client.press(f"/documents/{letter}", "/forward", next="//evil.test/").headers["Location"] == (
        f"/documents/{letter}"
    )


@SQLITE
def test_pages_speak_english_too(client: CheckingClient, town: Town, letter: UUID) -> None:
    client.speak("en")
    told = {"hanh": "Submit for instruction", "nam": "Your instruction"}
    for login, words in told.items():
        town.enter(client, login)
        assert words in client.page(f"/documents/{letter}").one("main").text()

"""The desks: queues whose counters are their lists, for exactly those whose deed they wait for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from eoffice.models.documents import Document, Participant
from eoffice.services import queues, search
from eoffice.services.queues import QUEUES
from eoffice.services.search import Filter
from eoffice.web import words
from tests.support.checking import CheckingClient, Page
from tests.support.papers import arrived
from tests.web.conftest import Town
from tests.web.test_documents import change, links, many, statements

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

DESKS = {
    "hanh": "to_register to_forward tasks drafting sent_back to_issue",
    "nam": "to_instruct tasks drafting sent_back to_sign",
    "tuan": "tasks drafting sent_back",
    "son": "to_assign tasks drafting sent_back to_approve",
    "anh": "to_assign tasks drafting sent_back to_approve to_check",
    "mai": "",
    "phong": "",
}
"""Login -> queues of his desk (clerk, leader, officer, unit head, format checker who heads a unit, auditor, admin)."""


@pytest.fixture
def busy(town: Town) -> Town:
    """A town with documents in every state of Sở Nội vụ's queues."""
    now, son, tuan = town.clock.now(), town.post("son"), town.post("tuan")
    for index, state in enumerate(("arrived", "arrived", "registered", "submitted")):
        letter = arrived(town, "so-noi-vu", f"%PDF-1.7 {index}".encode(), key=f"busy {index}")
        numbers = {"arrival_number": 900 + index, "registered_at": now, "book_year": 2026}
        change(town, letter, state=state, **(numbers if state != "arrived" else {}))
    change(town, letter, urgency="urgent", verdict="WARNED", due_at=now - timedelta(days=2))
    for state in ("draft", "draft", "in_review", "content_ok", "format_ok", "signed", "numbered", "sealed"):
        many(town, 1, state=state)
    with town.office.write(town.system("so-noi-vu"), key="outgoing") as desk:
        waiting = Document.state.in_([state.value for state in queues.PREPARING])
        unit = town.actor("tuan").unit
        desk.session.execute(
            update(Document)
            .where(waiting)
            .values(direction="outgoing", drafter_post_id=tuan, unit_id=unit, signer_post_id=town.post("nam")),
            execution_options={"scoped": True, "synchronize_session": False},
        )
        for key in desk.session.scalars(select(Document.id).where(waiting).execution_options(scoped=True)):
            desk.session.add(Participant(agency_id=desk.agency, document_id=key, post_id=tuan))
            desk.session.add(Participant(agency_id=desk.agency, document_id=key, post_id=son))
    return town


def address(code: str, whose: str = "mine") -> str:
    if code == "tasks":
        return f"/tasks?whose={whose}"
    direction = next(queue.direction for queue in QUEUES if queue.code == code)
    return f"/{direction}?queue={code}&whose={whose}"


def numbers(page: Page, name: str, start: str = "") -> dict[str, str]:
    """The counters of the rail or of the tabs, by where their line leads."""
    place = next(item for item in page.root.all("nav") if name in item.attributes.get("class", "").split())
    return {
        link.attributes["href"]: counter.text()
        for link in place.all("a")
        for counter in link.all("span")
        if "n" in counter.attributes.get("class", "").split() and link.attributes["href"].startswith(start)
    }


@pytest.mark.parametrize("login", DESKS)
def test_every_counter_is_the_length_of_its_list(client: CheckingClient, busy: Town, login: str) -> None:
    busy.enter(client, login)
    seen = 0
    for code in DESKS[login].split():
        page = client.page(address(code))
        counted = {**numbers(page, "tabs"), **numbers(page, "rail")}
        for target, number in counted.items():
            if target.startswith("/sign"):
                continue  # the signing desk has its own stack
            found = client.page(target)
            assert len(links(found)) == int(number or 0), f"{login} {target}"
            seen += len(links(found))
    assert seen or not DESKS[login]


def test_the_desks_are_for_those_whose_deed_they_wait_for(client: CheckingClient, busy: Town) -> None:
    for login, codes in DESKS.items():
        busy.enter(client, login)
        for queue in QUEUES:
            expected = 200 if queue.code in codes.split() else 404
            assert client.get(address(queue.code)).status_code == expected, f"{login} {queue.code}"
    assert client.get("/incoming?queue=to_issue").status_code == 404, "a queue of the other book"
    assert client.get("/incoming?queue=nothing").status_code == 404


def test_what_waits_is_mine_alone(client: CheckingClient, busy: Town) -> None:
    busy.enter(client, "nam")
    assert len(links(client.page(address("to_instruct")))) == 1
    change_to = busy.post("ngan")
    with busy.office.read(busy.actor("nam")) as desk:
        (row,) = search.find(desk, Filter("incoming", queue="to_instruct")).rows
    change(busy, row.id, submitted_to_id=change_to)
    assert links(client.page(address("to_instruct"))) == []
    busy.enter(client, "ngan")
    assert len(links(client.page(address("to_instruct")))) == 1


def test_filters_within_a_queue_count_what_they_show(client: CheckingClient, busy: Town) -> None:
    busy.enter(client, "nam")
    page = client.page(address("to_instruct"))
    menus = [item for item in page.root.all("div") if item.attributes.get("class") == "in"]
    told = {link.text(): link.attributes["href"] for menu in menus for link in menu.all("a")}
    assert set(told) == {"Cảnh báo 1", "Khẩn 1"}
    for target in told.values():
        chosen = client.page(target)
        assert len(links(chosen)) == 1
        chips = [item for item in chosen.root.all("a") if item.attributes.get("class") == "chip"]
        assert len(links(client.page(chips[0].attributes["href"]))) == 1
    assert links(client.page(address("to_instruct") + "&verdict=FAILED")) == []


@pytest.mark.parametrize("most", [1, 2, 1000])
def test_values_are_counted_as_their_lists_are(busy: Town, most: int) -> None:
    """Also where more wait than are counted together: then each value is counted by itself."""
    wanted = Filter("incoming", queue="to_register", urgencies=("urgent",), verdicts=("WARNED",))
    values = {"verdicts": ("PASSED", "WARNED", "UNSIGNED", "UNREADABLE"), "urgencies": ("normal", "urgent")}
    with busy.office.read(busy.actor("hanh")) as desk:
        first = search.find(desk, Filter("incoming", queue="to_register")).rows[0]
    change(busy, first.id, verdict="WARNED", urgency="urgent")
    with busy.office.read(busy.actor("hanh")) as desk:
        for filters in (wanted, replace(wanted, urgencies=(), verdicts=())):
            counted = search.count_values(desk, filters, values, most=most)
            expected = {
                f"{field}:{value}": search.count(desk, replace(filters, **{field: (value,)}), most=most)
                for field, each in values.items()
                for value in each
            }
            assert {name: min(number, most) for name, number in counted.items()} == expected
        assert search.count_values(desk, wanted, {}) == {}
    assert set(expected.values()) == {0, 1}  # two wait: counted as the newest alone, the other would be none


def test_a_desk_costs_the_same_however_much_waits(client: CheckingClient, busy: Town) -> None:
    for login, codes in DESKS.items():
        busy.enter(client, login)
        for code in codes.split():
            client.get(address(code))
            with statements(busy) as few:
                client.get(address(code))
            assert len(few) <= 10, (login, code, few)
    busy.enter(client, "hanh")
    with statements(busy) as few:
        client.get(address("to_register"))
    many(busy, 150, state="arrived")
    with statements(busy) as more:
        client.get(address("to_register"))
    assert len(few) == len(more)


def test_the_first_page_of_the_day_is_one_s_own_desk(client: CheckingClient, busy: Town) -> None:
    begins = {"hanh": "/incoming?queue=to_register", "tuan": "/tasks", "son": "/outgoing?queue=to_approve"}
    for login, target in begins.items():
        busy.enter(client, login)
        assert client.get("/").headers["Location"] == target


@SQLITE
def test_unchanged_counters_are_not_sent_again(client: CheckingClient, busy: Town) -> None:
    busy.enter(client, "hanh")
    first = client.get("/counters.json")
    assert first.json["to_register-mine"] == "2"
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = client.get("/counters.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    arrived(busy, "so-noi-vu", b"%PDF-1.7 news", key="news")
    changed = client.get("/counters.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, changed.json["to_register-mine"]) == (200, "3")


@SQLITE
def test_an_empty_queue_says_that_nothing_waits(client: CheckingClient, town: Town) -> None:
    town.enter(client, "tuan")
    assert "Không có văn bản nào chờ ở đây" in client.page("/tasks").one("main").text()


def test_every_queue_has_its_words() -> None:
    assert set(words.QUEUES) == {queue.code for queue in QUEUES}

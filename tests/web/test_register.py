"""The register form: filled in with what was read, checked, and on to the next one; accepting with one key."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from eoffice.cli.tour import letter_from_outside
from eoffice.core.errors import Busy
from eoffice.formats.letter import incoming_letter
from eoffice.models.directory import Person
from eoffice.models.documents import Document
from eoffice.rules import kinds
from eoffice.services import books, files, routing, search
from tests.formats.letters import OFFICIAL
from tests.support.checking import CheckingClient, Element, Page
from tests.support.papers import arrived
from tests.web.conftest import Town
from tests.web.test_documents import change, statements
from tests.web.test_intake import bring

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

KEY = "a" * 32
DATE = "04/09/2026"


@pytest.fixture
def letter(hanh: CheckingClient, town: Town) -> UUID:
    """A letter somebody handed in, taken in through the form."""
    answer = bring(hanh, (letter_from_outside(datetime(2026, 9, 4, 1, tzinfo=UTC)), "x.pdf"))
    return UUID(answer.headers["Location"].split("/")[2])


def form(client: CheckingClient, document: UUID) -> Page:
    return client.page(f"/documents/{document}/register")


def boxes(page: Page) -> dict[str, Element]:
    return {
        item.attributes["name"]: item
        for item in page.one("main").all("input", "select", "textarea")
        if item.attributes.get("name") not in (None, "key", "version", "csrf_token", "reason")
    }


def value(box: Element) -> str:
    if box.name == "select":
        return next(item for item in box.all("option") if "selected" in item.attributes).attributes["value"]
    return box.text() if box.name == "textarea" else box.attributes["value"]


def written(page: Page) -> dict[str, str]:
    """What a browser would send."""
    return {name: value(box) for name, box in boxes(page).items()}


def send(client: CheckingClient, document: UUID, *, key: str = KEY, **changes: str) -> TestResponse:
    """Press the first button of the form, with some boxes written anew."""
    page = form(client, document)
    version = next(item for item in page.root.all("input") if item.attributes.get("name") == "version")
    data = {"key": key, "version": version.attributes["value"], "then": "next", **written(page), **changes}
    return client.send(f"/documents/{document}/register", data)


def row(town: Town, document: UUID, login: str = "hanh") -> Document:
    with town.office.read(town.actor(login)) as desk:
        return search.document(desk, document)


def lines(town: Town) -> int:
    with town.office.read(town.actor("hanh")) as desk:
        return len(books.find(desk, "incoming", 2026))


def main(answer: TestResponse) -> Element:
    return Page(answer.get_data(as_text=True)).one("main")


# What is shown


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_it_is_filled_in_with_what_was_read(hanh: CheckingClient, town: Town, letter: UUID, locale: str) -> None:
    hanh.speak(locale)
    page = form(hanh, letter)
    told = written(page)
    assert told["code"] == "214/CTN-HC"
    assert told["issued_date"] == DATE
    assert (
        told["issuer_name"] == "Công ty Cổ phần Cấp nước An Bình"
    )  # as the directory writes what is printed in capitals
    assert told["subject"] == "V/v đề nghị hướng dẫn giao nộp hồ sơ, tài liệu lưu trữ"
    assert (told["kind"], told["urgency"], told["secrecy"], told["due"]) == ("official_letter", "normal", "none", "")
    assert told["signer_name"] == "Lê Quang Vinh"
    assert told["to"] == str(town.post("nam"))
    text = page.one("main").text()
    for number in (1, 2, 3, 4, 5):
        assert (f"Đọc ở {number}" if locale == "vi" else f"Read at {number}") in text
        assert any(item.attributes.get("id") == f"m{number}" for item in page.root.all("g"))
    assert ("99 %" if locale == "vi" else "99%") in text
    assert len(list(boxes(page)["kind"].all("option"))) == len(kinds.ALL) == 32


def test_the_number_to_come_is_told(hanh: CheckingClient, letter: UUID) -> None:
    page = form(hanh, letter)
    box = next(item for item in page.root.all("input") if item.attributes.get("id") == "arrival")
    assert box.attributes["value"].startswith("2 (cấp khi lưu), ")
    assert "readonly" in box.attributes
    assert "Sổ văn bản đến 2026" in page.one("main").text()


def test_what_is_doubtful_is_marked_and_focused(hanh: CheckingClient, town: Town, letter: UUID) -> None:
    with town.office.read(town.actor("hanh")) as desk:
        sha256 = search.document(desk, letter).files[0].sha256
        read = files.reading(desk, sha256)
        read["date"]["confidence"], read["issuer"] = 60, None
        files.keep_reading(desk, sha256, read)
    page = form(hanh, letter)
    assert "Cần xem 2" in page.one("main").text()
    assert "Đọc ở 3" in page.one("main").text()
    assert "Đọc ở 5" not in page.one("main").text()
    focused = [item.attributes.get("name") for item in page.root.all() if "autofocus" in item.attributes]
    assert focused == ["issued_date"]
    assert [item.attributes["class"] for item in page.root.all("a") if "warn" in item.attributes.get("class", "")] == [
        "sugg warn"
    ]


def test_a_deadline_of_the_text_is_proposed_and_never_quite_sure(hanh: CheckingClient, town: Town) -> None:
    letter = replace(OFFICIAL, agency="Sở Tài chính", symbol="STC-HCSN")
    answer = bring(hanh, (incoming_letter(letter, number="2914", issued=date(2026, 11, 23)), "x.pdf"))
    page = hanh.page(answer.headers["Location"])
    assert written(page)["due"] == "03/12/2026"  # the text says: before the 4th
    assert "Cần xem 6" in page.one("main").text()
    focused = [item.attributes.get("name") for item in page.root.all() if "autofocus" in item.attributes]
    assert focused == ["due"]


def test_otherwise_the_button_is_under_the_finger(hanh: CheckingClient, letter: UUID) -> None:
    page = form(hanh, letter)
    (focused,) = [item for item in page.root.all() if "autofocus" in item.attributes]
    assert focused.text().startswith("Vào sổ, chuyển ông Nam")
    assert "mở kế tiếp" not in focused.text()  # there is no other one


def test_marks_lie_on_the_words(hanh: CheckingClient, town: Town, letter: UUID) -> None:
    page = form(hanh, letter)
    drawing = page.one("main")
    boxes = {item.parent.attributes["id"]: item.attributes for item in drawing.all("rect") if item.parent}
    dots = {item.parent.attributes["id"]: item.attributes for item in drawing.all("circle") if item.parent}
    assert set(boxes) == set(dots) == {"m1", "m2", "m3", "m4", "m5"}
    for name, box in boxes.items():
        assert 0 < int(box["x"]) < int(box["x"]) + int(box["width"]) < 1100
        assert 0 < int(box["y"]) < int(box["y"]) + int(box["height"]) < 1556
        assert int(dots[name]["cx"]) + 15 < int(box["x"])
    assert int(boxes["m2"]["x"]) > 550 > int(boxes["m1"]["x"])


@pytest.mark.parametrize("times", [1, 2])
def test_it_costs_ten_statements(hanh: CheckingClient, town: Town, letter: UUID, times: int) -> None:
    for number in range(30 * (times - 1)):
        arrived(town, "so-noi-vu", b"%%PDF-1.7 %d" % number, key=f"m{number}")
    hanh.get(f"/documents/{letter}/register")
    with statements(town) as seen:
        hanh.get(f"/documents/{letter}/register")
    assert len(seen) <= 10, [statement[:100] for statement in seen]


def test_it_stands_among_the_others_that_wait(hanh: CheckingClient, town: Town) -> None:
    made = []
    for number in range(3):
        town.step(minutes=1)
        made.append(arrived(town, "so-noi-vu", b"%%PDF-1.7 %d" % number, key=f"m{number}"))
    page = form(hanh, made[1])
    assert "2 trong 3 văn bản mới" in page.one("main").text()
    ways = {
        item.attributes["data-key"]: item.attributes["href"]
        for item in page.one("main").all("a")
        if item.attributes.get("data-key") in ("j", "k")
    }
    assert ways == {"k": f"/documents/{made[2]}/register", "j": f"/documents/{made[0]}/register"}


# What is done


def test_one_press_registers_submits_and_opens_the_next(hanh: CheckingClient, town: Town, letter: UUID) -> None:
    town.step(minutes=1)
    newer = arrived(town, "so-noi-vu", b"%PDF-1.7 newer", key="m")
    answer = send(
        hanh,
        letter,
        due="30/09/2026",
        urgency="urgent",
        signer_name=" Lê Quang  Vinh ",
        circulation="internal_circulation",
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/documents/{newer}/register")
    done = row(town, letter)
    assert (done.state, done.arrival_number, done.submitted_to_id) == ("submitted", 2, town.post("nam"))
    assert (done.due_at, done.urgency) == (datetime(2026, 9, 30, 16, 59, 59, tzinfo=UTC), "urgent")
    assert (done.signer_name, done.circulation, done.issued_date) == (
        "Lê Quang Vinh",
        "internal_circulation",
        date(2026, 9, 4),
    )
    told = hanh.page(answer.headers["Location"]).one("main").text()
    assert "Đã vào sổ, số đến 2, đã chuyển ông Nam" in told
    assert "30/09/2026" in hanh.page(f"/documents/{letter}").one("main").text()


def test_the_next_is_the_next_line_of_the_list(hanh: CheckingClient, town: Town) -> None:
    made = []
    for number in range(3):
        town.step(minutes=1)
        made.append(arrived(town, "so-noi-vu", b"%%PDF-1.7 %d" % number, key=f"m{number}"))
    facts = {"issuer_name": "Sở Y tế", "subject": "Báo cáo"}
    ways = [send(hanh, made[at], key=f"{at}" * 32, **facts).headers["Location"] for at in (1, 0, 2)]
    assert ways == [f"/documents/{made[0]}/register", f"/documents/{made[2]}/register", "/incoming?queue=to_register"]


def test_pressed_twice_it_has_one_number(hanh: CheckingClient, town: Town, letter: UUID) -> None:
    page = form(hanh, letter)
    data = {"key": KEY, "version": "1", "then": "next", **written(page)}
    answers = [hanh.send(f"/documents/{letter}/register", data) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert lines(town) == 2


def test_only_registered_when_asked(hanh: CheckingClient, town: Town, letter: UUID) -> None:
    answer = send(hanh, letter, then="stay", to="")
    assert answer.headers["Location"] == f"/documents/{letter}"
    assert row(town, letter).state == "registered"
    assert "số đến 2" in hanh.page(f"/documents/{letter}").one("main").text()


def test_a_second_step_that_fails_leaves_the_first(
    hanh: CheckingClient, town: Town, letter: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tired(*_given: Any, **_more: Any) -> None:
        raise Busy

    monkeypatch.setattr(routing.forward, "body", tired)
    answer = send(hanh, letter)
    assert answer.headers["Location"] == f"/documents/{letter}"
    assert row(town, letter).state == "registered"
    told = hanh.page(f"/documents/{letter}").one("main").text()
    assert "số đến 2, nhưng chưa chuyển được" in told
    assert "Cơ sở dữ liệu không trả lời" in told
    monkeypatch.undo()
    queue = hanh.page("/incoming?queue=to_forward")
    action = f"/documents/{letter}/forward"
    assert action in [item.attributes.get("action") for item in queue.root.all("form")]
    assert hanh.send(action, {"key": "b" * 32, "to": str(town.post("nam"))}).status_code == 303
    assert row(town, letter).state == "submitted"


# What cannot be used

WRONG: dict[str, tuple[dict[str, str], str]] = {
    "no subject": ({"subject": " \u200b "}, "subject"),
    "no sender": ({"issuer_name": ""}, "issuer_name"),
    "no number": ({"code": "không số"}, "code"),
    "no such day": ({"issued_date": "31/02/2026"}, "issued_date"),
    "a date in words": ({"issued_date": "hôm qua"}, "issued_date"),
    "no such deadline": ({"due": "2026-10-01x"}, "due"),
    "a deadline before the letter": ({"due": "01/09/2026"}, "due"),
    "a deadline far away": ({"due": "01/09/2226"}, "due"),
    "an unknown kind": ({"kind": "poem"}, "kind"),
    "an unknown urgency": ({"urgency": "soon"}, "urgency"),
    "unknown secrecy": ({"secrecy": "rather"}, "secrecy"),
    "confidential": ({"secrecy": "confidential"}, "secrecy"),
    "secret": ({"secrecy": "secret"}, "secrecy"),
    "top secret": ({"secrecy": "top_secret"}, "secrecy"),
    "unknown circulation": ({"circulation": "all"}, "circulation"),
    "nobody": ({"to": ""}, "to"),
    "no identifier": ({"to": "nam"}, "to"),
}


@pytest.mark.parametrize(
    ("what", "locale"),
    [*((what, "vi") for what in WRONG), ("no number", "en"), ("a date in words", "en"), ("secret", "en")],
)
def test_what_cannot_be_used_is_said_and_kept(
    hanh: CheckingClient, town: Town, letter: UUID, what: str, locale: str
) -> None:
    changes, name = WRONG[what]
    hanh.speak(locale)
    kept = {"subject": "V/v <b>đã sửa</b> & giữ nguyên", "signer_name": "Ai đó", **changes}
    answer = send(hanh, letter, **kept)
    assert answer.status_code == 422
    page = Page(answer.get_data(as_text=True))
    box = boxes(page)[name]
    assert box.attributes["aria-invalid"] == "true"
    told = {item.attributes["id"]: item.text() for item in page.root.all() if "id" in item.attributes}
    assert told[f"{name}-err"]
    assert f"{name}-err" in box.attributes["aria-describedby"].split()
    alert = next(item for item in page.one("main").all("div") if item.attributes.get("role") == "alert")
    assert f"#{name}" in [item.attributes["href"] for item in alert.all("a")]
    now = (
        written(page)
        if name not in ("kind", "urgency", "secrecy", "circulation", "to")
        or what in ("confidential", "secret", "top secret")
        else {key: value(item) for key, item in boxes(page).items() if key != name}
    )
    for key, text in kept.items():
        if key in now:
            assert " ".join(now[key].split()) == " ".join(text.split()), key
    assert row(town, letter).state == "arrived"
    assert lines(town) == 1


def test_state_secrets_are_refused_with_the_law(hanh: CheckingClient, letter: UUID) -> None:
    told = main(send(hanh, letter, secrecy="secret")).text()
    for word in ("Tối mật", "117/2025/QH15", "63/2026/NĐ-CP"):
        assert word in told


def test_both_that_are_missing_are_named(hanh: CheckingClient, letter: UUID) -> None:
    page = Page(send(hanh, letter, subject="", issuer_name="").get_data(as_text=True))
    wrong = [name for name, box in boxes(page).items() if box.attributes.get("aria-invalid")]
    assert wrong == ["issuer_name", "subject"]


def test_a_stale_form_keeps_the_text_and_can_be_sent_again(hanh: CheckingClient, town: Town, letter: UUID) -> None:
    page = form(hanh, letter)
    change(town, letter, version=7)
    data = {"key": KEY, "version": "1", "then": "next", **written(page), "subject": "V/v đã sửa"}
    answer = hanh.send(f"/documents/{letter}/register", data)
    assert answer.status_code == 409
    again = Page(answer.get_data(as_text=True))
    assert written(again)["subject"] == "V/v đã sửa"
    hidden = {
        item.attributes["name"]: item.attributes["value"]
        for item in next(one for one in again.root.all("form") if one.attributes.get("id") == "register").all("input")
        if item.attributes.get("type") == "hidden"
    }
    assert hidden["version"] == "7"
    assert hidden["key"] != KEY
    assert hanh.send(f"/documents/{letter}/register", {**data, **hidden}).status_code == 303


def test_one_that_was_registered_meanwhile_is_told_with_the_text(
    hanh: CheckingClient, town: Town, letter: UUID
) -> None:
    page = form(hanh, letter)
    assert send(hanh, letter).status_code == 303
    data = {"key": "c" * 32, "version": "1", "then": "next", **written(page), "subject": "V/v đã sửa"}
    answer = hanh.send(f"/documents/{letter}/register", data)
    assert answer.status_code == 409
    assert written(Page(answer.get_data(as_text=True)))["subject"] == "V/v đã sửa"
    assert f"/documents/{letter}" in [item.attributes.get("href") for item in main(answer).all("a")]
    assert not [item for item in main(answer).all("button") if item.attributes.get("name") == "then"]
    assert lines(town) == 2


def test_back_and_another_text_under_the_same_key(hanh: CheckingClient, town: Town, letter: UUID) -> None:
    page = form(hanh, letter)
    data = {"key": KEY, "version": "1", "then": "next", **written(page)}
    assert hanh.send(f"/documents/{letter}/register", data).status_code == 303
    assert hanh.send(f"/documents/{letter}/register", {**data, "subject": "V/v khác"}).status_code == 409
    assert row(town, letter).subject != "V/v khác"


def test_what_is_registered_leads_to_its_page(hanh: CheckingClient, town: Town) -> None:
    answer = hanh.get(f"/documents/{town.arrived}/register")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/documents/{town.arrived}")
    assert hanh.get(f"/documents/{town.answer}/register").status_code == 303


@pytest.mark.parametrize(("login", "status"), [("nam", 303), ("mai", 303), ("son", 404), ("tuan", 404)])
def test_others_register_nothing(client: CheckingClient, town: Town, login: str, status: int) -> None:
    document = arrived(town, "so-noi-vu", b"%PDF-1.7 one", key="m")
    town.enter(client, login)
    answer = client.get(f"/documents/{document}/register")
    assert (answer.status_code, answer.headers.get("Location")) == (
        status,
        f"/documents/{document}" if status == 303 else None,
    )
    for path in ("register", "accept"):
        assert client.send(f"/documents/{document}/{path}", {"key": KEY}).status_code == 403
    assert row(town, document).state == "arrived"


def test_another_agencys_documents_are_not_known(client: CheckingClient, town: Town) -> None:
    document = arrived(town, "so-noi-vu", b"%PDF-1.7 one", key="m")
    town.enter(client, "yen")
    assert client.get(f"/documents/{document}/register").status_code == 404
    for path in ("register", "accept"):
        data = {"key": KEY, "issuer_name": "x", "subject": "x", "kind": "report", "then": "stay"}
        assert client.send(f"/documents/{document}/{path}", data).status_code == 404


def test_markup_is_shown_as_it_is(hanh: CheckingClient, town: Town, letter: UUID) -> None:
    canary = "</textarea><script>alert('canary')</script><img src=x onerror=alert(1)>\"'&"
    change(town, letter, **dict.fromkeys(("subject", "issuer_name", "code", "signer_name"), canary))
    source = hanh.get(f"/documents/{letter}/register").get_data(as_text=True)
    assert source.count("&lt;script&gt;alert") >= 4
    assert "<script>alert" not in source
    source = send(hanh, letter, due=canary, to=canary, kind=canary).get_data(as_text=True)
    assert "<script>alert" not in source
    assert "&lt;script&gt;alert" in source


def test_who_signed_is_taken_from_the_signature(hanh: CheckingClient, town: Town) -> None:
    """What Sở Nội vụ issued, brought as a file: signed by its director in person."""
    with town.office.read(town.actor("hanh")) as desk:
        sealed = next(item for item in search.document(desk, town.answer).files if item.stage == "sealed")
    answer = bring(hanh, (town.office.files.read(sealed.sha256), "x.pdf"))
    page = hanh.page(answer.headers["Location"])
    assert written(page)["signer_name"] == "Nguyễn Văn Nam"
    assert "theo chữ ký số" in page.one("main").text()
    assert "Xem 2 chữ ký" in page.one("main").text() or "Xem 3 chữ ký" in page.one("main").text()


# What the exchange brought


@pytest.fixture
def yen(client: CheckingClient, town: Town) -> CheckingClient:
    """The clerk of Sở Tài chính, to whom the answer of Sở Nội vụ has just come."""
    fresh = {
        "arrival_number": None,
        "registered_at": None,
        "book_year": None,
        "submitted_at": None,
        "assigned_at": None,
    }
    change(
        town, town.theirs, state="arrived", submitted_to_id=None, started_at=None, done_at=None, due_at=None, **fresh
    )
    town.enter(client, "yen")
    return client


def test_its_facts_come_from_the_message(yen: CheckingClient, town: Town) -> None:
    page = form(yen, town.theirs)
    text = page.one("main").text()
    assert "theo thông điệp" in text
    assert "Đọc ở" not in text
    assert not list(page.one("main").all("g"))
    assert written(page)["issuer_name"] == "Sở Nội vụ"


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_one_key_accepts_it(yen: CheckingClient, town: Town, locale: str) -> None:
    yen.speak(locale)
    older = arrived(town, "so-tai-chinh", b"%PDF-1.7 older", key="older")
    change(town, older, created_at=row(town, town.theirs, "yen").created_at.replace(year=2025))
    page = yen.page("/incoming?queue=to_register")
    pane = next(item for item in page.root.all("section") if item.attributes.get("id") == "preview")
    (key,) = [item for item in pane.all() if item.attributes.get("data-key") == "t"]
    assert key.name == "button"
    assert "Dũng" in key.text()
    action = f"/documents/{town.theirs}/accept"
    data = {"key": KEY, "version": str(row(town, town.theirs, "yen").version)}
    answers = [yen.send(action, data) for _ in range(2)]
    assert [answer.headers["Location"] for answer in answers] == [f"/incoming?queue=to_register&cur={older}"] * 2
    done = row(town, town.theirs, "yen")
    assert (done.state, done.submitted_to_id) == ("submitted", town.post("dung"))
    marked = yen.page(answers[0].headers["Location"])
    current = [item for item in marked.root.all("a") if item.attributes.get("aria-current") == "true"]
    assert [item.attributes["href"] for item in current] == [f"/documents/{older}"]


@pytest.mark.parametrize(
    "doubt", [{"verdict": "FAILED"}, {"verdict": "UNSIGNED"}, {"subject": ""}, {"message_id": None}]
)
def test_what_is_in_doubt_is_looked_at_first(yen: CheckingClient, town: Town, doubt: dict[str, Any]) -> None:
    change(town, town.theirs, **doubt)
    part = yen.get(f"/documents/{town.theirs}/preview").get_data(as_text=True)
    page = Page(f"<div>{part}</div>")
    (key,) = [item for item in page.root.all() if item.attributes.get("data-key") == "t"]
    assert (key.name, key.attributes["href"]) == ("a", f"/documents/{town.theirs}/register")


def test_accepting_what_lacks_something_opens_the_form(yen: CheckingClient, town: Town) -> None:
    change(town, town.theirs, subject="")
    answer = yen.send(f"/documents/{town.theirs}/accept", {"key": KEY})
    assert answer.status_code == 422
    assert boxes(Page(answer.get_data(as_text=True)))["subject"].attributes["aria-invalid"] == "true"


def test_paper_is_never_accepted_unread(hanh: CheckingClient, town: Town, letter: UUID) -> None:
    answer = hanh.send(f"/documents/{letter}/accept", {"key": KEY})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/documents/{letter}/register")
    assert row(town, letter).state == "arrived"


def test_without_a_leader_it_is_only_registered(hanh: CheckingClient, town: Town, letter: UUID) -> None:
    with town.office.sessions.write() as session:
        session.execute(
            update(Person).where(Person.login.in_(("nam", "ngan"))).values(active=False),
            execution_options={"synchronize_session": False},
        )
        session.commit()
    page = form(hanh, letter)
    assert [
        item.attributes["value"] for item in page.one("main").all("button") if item.attributes.get("name") == "then"
    ] == ["stay"]
    data = {"key": KEY, "then": "stay", "issuer_name": "Sở Y tế", "subject": "Báo cáo", "kind": "report"}
    assert hanh.send(f"/documents/{letter}/register", data).status_code == 303
    assert row(town, letter).state == "registered"

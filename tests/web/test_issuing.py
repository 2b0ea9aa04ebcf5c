"""Issuing from the page: one gesture, one number, and going on where it stopped; the key's password stays nowhere."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select, text

from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import Staff
from eoffice.core.desk import Desk, scope
from eoffice.core.ids import new_id
from eoffice.models.access import SignIn
from eoffice.models.books import NumberAllocation
from eoffice.models.directory import PostRole
from eoffice.models.documents import Document
from eoffice.models.exchange import Delivery
from eoffice.services import issuing as services_issuing
from eoffice.services.drafting import To
from eoffice.web import issuing as web_issuing
from signing.errors import TsaDown
from tests.support.checking import CheckingClient, Element, Page
from tests.support.letters import approved, at_work
from tests.web.conftest import Town
from tests.web.test_documents import change, statements

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def staff(town: Town) -> Iterator[Staff]:
    with at_work(town) as staff:
        yield staff


def signed(staff: Staff) -> UUID:
    """A letter with the director's signature: to an agency of the system, and to a name that only paper reaches."""
    letter = approved(staff, (staff.to("so-tai-chinh"), To("Kho bạc Nhà nước khu vực XVIII")))
    staff.sign("nam", letter)
    return letter


def form(page: Page) -> dict[str, str]:
    """What the form of the page sends when nothing is touched."""
    found = next(item for item in page.root.all("form") if item.attributes.get("action", "").startswith("/issue/"))
    sent = {
        item.attributes["name"]: item.attributes.get("value", "")
        for item in found.all("input")
        if item.attributes.get("name") and item.attributes.get("type") in ("hidden", None)
    }
    for box in found.all("select"):
        marked = [item for item in box.all("option") if "selected" in item.attributes]
        sent[box.attributes["name"]] = (marked or list(box.all("option")))[0].attributes["value"]
    return sent


def press(client: CheckingClient, letter: UUID, sent: dict[str, str] | None = None, **more: str) -> Any:
    sent = sent if sent is not None else form(client.page(f"/issue/{letter}"))
    return client.post(f"/issue/{letter}", data={**sent, **more})


def main(answer: Any) -> Element:
    return Page(answer.get_data(as_text=True)).one("main")


def button(answer: Any) -> Element:
    return list(main(answer).all("button"))[-1]


def counts(town: Town, letter: UUID) -> tuple[int, int]:
    """Numbers given to a document, and deliveries made of it."""
    with town.office.read(town.actor("hanh")) as desk:
        numbers = desk.session.scalars(scope(desk, NumberAllocation).where(NumberAllocation.document_id == letter))
        deliveries = desk.session.scalars(scope(desk, Delivery).where(Delivery.document_id == letter))
        return len([row for row in numbers if row.series.startswith("number/")]), len(deliveries.all())


def state(town: Town, letter: UUID) -> str:
    with town.office.read(town.actor("hanh")) as desk:
        return desk.session.scalars(scope(desk, Document).where(Document.id == letter)).one().state


def test_one_gesture_numbers_seals_and_sends(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    letter = signed(staff)
    page = hanh.page(f"/issue/{letter}")
    told = page.one("main").text()
    for words in ("Giám đốc Nguyễn Văn Nam đã ký lúc", "sau số 01", "2: 1 điện tử, 1 bản giấy", "E1", "Bưu chính"):
        assert words in told, words
    assert "Cấp số 02, ký số của cơ quan, gửi 2 nơi" in told
    answer = press(hanh, letter, form(page), password=KEY_PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/documents/{letter}/deliveries")
    assert "Đã phát hành 02/SNV-VTLT" in hanh.page(answer.headers["Location"]).one("main").text()
    rows = {row.to_name: row for row in staff.deliveries("hanh", letter)}
    assert [row.delivery_class for row in rows.values()] == ["E1", "P"]
    assert rows["Kho bạc Nhà nước khu vực XVIII"].paper_reason == "no_electronic_way"
    again = hanh.get(f"/issue/{letter}")
    assert (again.status_code, again.headers["Location"]) == (303, f"/documents/{letter}/deliveries")


def test_pressing_again_changes_nothing(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    """A second press of the same form, and the back button: a press of the form as it was before all of it."""
    letter = signed(staff)
    sent = form(hanh.page(f"/issue/{letter}"))
    for _ in range(3):
        assert press(hanh, letter, sent, password=KEY_PASSWORD).status_code == 303
    assert press(hanh, letter, {**sent, "key": "0" * 32}, password=KEY_PASSWORD).status_code == 303
    assert counts(town, letter) == (1, 2)


def test_sixteen_at_once_give_one_number(app: Flask, town: Town, staff: Staff) -> None:
    letter = signed(staff)
    first = app.test_client()
    assert isinstance(first, CheckingClient)
    town.enter(first, "hanh")
    sent = form(first.page(f"/issue/{letter}"))
    cookies = {name: first.get_cookie(name) for name in ("office", "form")}
    start = threading.Barrier(16)

    def one(_: int) -> int:
        client = app.test_client()
        for name, cookie in cookies.items():
            assert cookie is not None
            client.set_cookie(name, cookie.value)
        start.wait()
        return client.post(f"/issue/{letter}", data={**sent, "password": KEY_PASSWORD}).status_code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(one, range(16)))
    assert set(answers) <= {303, 503}, answers
    assert press(first, letter, sent, password=KEY_PASSWORD).status_code == 303
    assert state(town, letter) == "issued"
    assert counts(town, letter) == (1, 2)


def test_a_press_goes_on_where_the_same_form_chose_the_paper(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    letter = signed(staff)
    sent = form(hanh.page(f"/issue/{letter}"))
    reasons = {name[6:]: text for name, text in sent.items() if name.startswith("paper-")}
    key = f"form:{sent['key']}"
    town.office.do(staff.actor("hanh"), services_issuing.choose_paper, letter, key=key, reasons=reasons)
    assert press(hanh, letter, sent, password=KEY_PASSWORD).status_code == 303
    assert (state(town, letter), counts(town, letter)) == ("issued", (1, 2))


def test_two_windows_go_on_with_one_number(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    letter = signed(staff)
    one, other = (form(hanh.page(f"/issue/{letter}")) for _ in range(2))
    assert press(hanh, letter, one, password=KEY_PASSWORD).status_code == 303
    assert press(hanh, letter, other, password=KEY_PASSWORD).status_code == 303
    assert counts(town, letter) == (1, 2)


def test_who_was_overtaken_goes_on_from_there(
    hanh: CheckingClient, town: Town, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another press takes the number between this one's look at the document and its own first step."""
    letter = approved(staff)  # without paper, so that giving the number is the first step
    staff.sign("nam", letter)
    sent = form(hanh.page(f"/issue/{letter}"))
    look, looked = web_issuing._own, []

    def slow(desk: Desk, document_id: UUID) -> Document:
        row = look(desk, document_id)
        if not looked:
            looked.append(staff.number("hanh", letter))
        return row

    monkeypatch.setattr(web_issuing, "_own", slow)
    assert press(hanh, letter, {**sent, "version": ""}, password=KEY_PASSWORD).status_code == 303
    assert state(town, letter) == "issued"
    assert counts(town, letter) == (1, 1)


def test_a_number_taken_meanwhile_is_said(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    letter, faster = signed(staff), signed(staff)
    sent = form(hanh.page(f"/issue/{letter}"))
    assert press(hanh, faster, password=KEY_PASSWORD).status_code == 303
    answer = press(hanh, letter, sent, password=KEY_PASSWORD)
    told = hanh.page(answer.headers["Location"]).one("main").text()
    assert "Số 2 vừa được cấp cho văn bản khác; văn bản này mang số 3" in told


def test_a_wrong_password_gives_no_number(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    letter = signed(staff)
    for password in ("sai", ""):
        answer = press(hanh, letter, password=password)
        assert answer.status_code == 422
        assert state(town, letter) == "signed"
        assert 'value="sai"' not in answer.get_data(as_text=True)
        assert "Cấp số 02" in button(answer).text()
    assert counts(town, letter) == (0, 0)


class Down:
    """A time-stamp authority that does not answer."""

    def __getattr__(self, _name: str) -> Any:
        raise TsaDown


def test_it_goes_on_with_the_number_after_a_fault(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    letter = signed(staff)
    stamps, town.office.tsa = town.office.tsa, Down
    sent = form(hanh.page(f"/issue/{letter}"))
    answer = press(hanh, letter, sent, password=KEY_PASSWORD)
    assert answer.status_code == 503
    assert "Đã cấp số 02/SNV-VTLT" in main(answer).text()
    assert button(answer).text() == "Tiếp tục: ký số của cơ quan, gửi 2 nơi"
    assert "không cần nhập mật khẩu" in main(answer).text(), "the key is still open for this document"
    town.office.tsa = stamps
    before = form(Page(answer.get_data(as_text=True)))
    for again in (sent, before):  # the back button, then the page that told of the fault
        assert press(hanh, letter, again).status_code == 303
    assert counts(town, letter) == (1, 2)


def test_an_agent_that_is_gone_is_told(hanh: CheckingClient, town: Town) -> None:
    with at_work(town) as staff:
        letter = signed(staff)
    assert hanh.get(f"/issue/{letter}").status_code == 200
    answer = press(hanh, letter, password=KEY_PASSWORD)
    assert answer.status_code == 503
    assert "Bộ giữ khóa không hoạt động" in main(answer).text()
    assert state(town, letter) == "signed"


def test_one_unlock_serves_all_that_wait(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    letters = [signed(staff) for _ in range(3)]
    assert "cho cả 3 văn bản" in hanh.page(f"/issue/{letters[0]}").one("main").text()
    assert press(hanh, letters[0], password=KEY_PASSWORD, all="1").status_code == 303
    for letter in letters[1:]:
        page = hanh.page(f"/issue/{letter}")
        assert not [item for item in page.root.all("input") if item.attributes.get("type") == "password"]
        assert press(hanh, letter, form(page)).status_code == 303
    later = signed(staff)
    assert press(hanh, later).status_code == 422, "what was signed afterwards was not unlocked"


def test_an_unlock_of_one_opens_no_other(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    first, second = signed(staff), signed(staff)
    assert press(hanh, first, password=KEY_PASSWORD).status_code == 303
    assert press(hanh, second).status_code == 422
    assert state(town, second) == "signed"


def test_another_clerk_does_not_seal(client: CheckingClient, town: Town, staff: Staff) -> None:
    """A clerk of the same agency who does not keep the key: the button says so, and a press from the side is 403."""
    letter = signed(staff)
    role = {"id": new_id(), "agency_id": town.agency("so-noi-vu"), "post_id": town.post("anh"), "role": "clerk"}
    with town.office.engine.begin() as connection:
        connection.execute(insert(PostRole), [role])
    town.enter(client, "anh")
    page = client.page(f"/issue/{letter}")
    pressed = list(page.one("main").all("button"))[-1]
    assert "disabled" in pressed.attributes
    assert "Trần Thị Hạnh" in page.one("main").text()
    answer = press(client, letter, form(page), password=KEY_PASSWORD)
    assert answer.status_code == 403
    assert state(town, letter) == "signed"
    assert counts(town, letter) == (0, 0)
    with town.office.read(town.actor("hanh")) as desk:
        told = desk.session.execute(text("SELECT count(*) FROM ledger_entry WHERE word = 'deed.refused'")).scalar_one()
    assert told, "the attempt is written down"


def test_side_doors(client: CheckingClient, town: Town, staff: Staff) -> None:
    letter = signed(staff)
    doors = (f"/issue/{letter}", f"/issue/{letter}/recipients")
    sent = {"key": "1" * 32, "password": KEY_PASSWORD}
    for login, status in (("tuan", 403), ("nam", 403), ("phong", 403), ("yen", 404)):
        town.enter(client, login)
        for door in doors:
            assert client.get(door).status_code == status, (login, door)
        assert client.send(f"/issue/{letter}", sent).status_code == status, login
    town.enter(client, "hanh")
    for other in (town.theirs, uuid4()):
        assert client.get(f"/issue/{other}").status_code == 404
        assert client.send(f"/issue/{other}", sent).status_code == 404
    assert client.get(f"/issue/{town.arrived}").headers["Location"] == f"/documents/{town.arrived}"
    reach = {"id": new_id(), "agency_id": town.agency("so-noi-vu"), "post_id": town.post("hanh"), "role": "auditor"}
    with town.office.engine.begin() as connection:
        connection.execute(insert(PostRole), [{**reach, "over_agency_id": town.agency("so-tai-chinh")}])
    town.enter(client, "hanh")
    assert client.get(f"/documents/{town.theirs}").status_code == 200
    assert client.get(f"/issue/{town.theirs}").status_code == 404, "an auditor's view is no clerk's hand"
    assert state(town, letter) == "signed"


def test_a_draft_is_not_issued_from_the_side(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    draft = approved(staff)
    answer = hanh.send(f"/issue/{draft}", {"key": "1" * 32, "password": KEY_PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/documents/{draft}")
    assert state(town, draft) == "format_ok"


def test_the_classes_follow_the_choice_of_paper(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    letter = signed(staff)
    sent = form(hanh.page(f"/issue/{letter}"))
    (agency,) = [name for name, chosen in sent.items() if name.startswith("paper-") and not chosen]
    part = hanh.get(f"/issue/{letter}/recipients", query_string={agency: "recipient_request"})
    assert "E2" in part.get_data(as_text=True)
    assert "2: 1 điện tử, 2 bản giấy" in Page(part.get_data(as_text=True)).root.text()
    assert press(hanh, letter, sent, **{agency: "because", "password": KEY_PASSWORD}).status_code == 422
    assert state(town, letter) == "signed"
    assert press(hanh, letter, **{agency: "recipient_request", "password": KEY_PASSWORD}).status_code == 303
    assert [row.delivery_class for row in staff.deliveries("hanh", letter)] == ["E2", "P"]


def test_somebody_else_s_choice_of_paper_is_not_overwritten(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    letter = signed(staff)
    old = form(hanh.page(f"/issue/{letter}"))
    change(town, letter, version=7)
    answer = press(hanh, letter, old, password=KEY_PASSWORD)
    assert answer.status_code == 409
    assert state(town, letter) == "signed"


def test_an_invalid_signature_is_loud_and_gives_no_number(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    letter = signed(staff)
    with town.office.sessions.write() as session:
        session.execute(text("UPDATE file_verdict SET verdict = 'FAILED', report = replace(report, 'PASSED', 'FAILED')")
                        if town.office.engine.dialect.name == "sqlite" else
                        text("UPDATE file_verdict SET verdict = 'FAILED', "
                             "report = replace(report::text, 'PASSED', 'FAILED')::json"))  # fmt: skip
        session.commit()
    page = hanh.page(f"/issue/{letter}")
    assert "không cấp số" in page.one("main").text()
    assert press(hanh, letter, form(page), password=KEY_PASSWORD).status_code == 422
    assert state(town, letter) == "signed"


def test_the_password_stays_nowhere(
    hanh: CheckingClient, app: Flask, town: Town, staff: Staff, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in a table, a log, a page, nor in what is kept when the session has ended."""
    letter = signed(staff)
    mark = "mật-khẩu-của-con-dấu-quả mận 73"
    caplog.set_level(logging.DEBUG)
    sent = form(hanh.page(f"/issue/{letter}"))
    pages = [press(hanh, letter, sent, password=mark), press(hanh, letter, sent, password=mark, all="1")]
    assert press(hanh, letter, sent, password=KEY_PASSWORD).status_code == 303
    with town.office.sessions.write() as session:
        session.execute(delete(SignIn), execution_options={"synchronize_session": False})
        session.commit()
    lost = press(hanh, letter, sent, password=mark)
    assert lost.status_code == 401
    kept = next(item for item in main(lost).all("input") if item.attributes.get("name") == "kept").attributes["value"]
    from eoffice.web.kept import open_again

    with app.test_request_context():
        found = open_again(kept)
    assert found is not None
    assert "key" in dict(found["written"].fields) and "password" not in dict(found["written"].fields)
    for page in (*pages, lost):
        assert "quả mận 73" not in page.get_data(as_text=True)
    assert "quả mận 73" not in caplog.text and KEY_PASSWORD not in caplog.text
    with town.office.engine.connect() as connection:
        tables = town.office.engine.dialect.get_table_names(connection)
        for table in tables:
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                assert "quả mận 73" not in str(tuple(row)) and KEY_PASSWORD not in str(tuple(row)), table


def test_the_page_costs_the_same_for_many(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    few = approved(staff, (staff.to("so-tai-chinh"),))
    many = approved(staff, [staff.to("so-tai-chinh"), *(To(f"Công ty {n}") for n in range(30))])
    seen: list[list[str]] = []
    for letter in (few, many):
        staff.sign("nam", letter)
        hanh.get(f"/issue/{letter}")
        with statements(town) as told:
            hanh.get(f"/issue/{letter}")
        seen.append(told)
    assert len(seen[0]) == len(seen[1]) <= 10, seen[1]


@SQLITE
def test_marks_stand_where_the_fields_are(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    letter = signed(staff)
    page = hanh.page(f"/issue/{letter}")
    frames = [{name: int(value) for name, value in item.attributes.items()} for item in page.root.all("rect")
              if "x" in item.attributes and item.attributes["width"] != "22"]  # fmt: skip
    number, date, seal = frames
    assert number["y"] < 400 and number["x"] < 400 < date["x"] and abs(number["y"] - date["y"]) < 30
    assert abs(seal["width"] - seal["height"]) < 4 and seal["width"] > 140, "the seal's real size, 36 mm"
    assert press(hanh, letter, form(page), password=KEY_PASSWORD).status_code == 303


@SQLITE
@pytest.mark.parametrize("locale", ["vi", "en"])
def test_the_pages_speak_one_language(hanh: CheckingClient, town: Town, staff: Staff, locale: str) -> None:
    """The checking client looks at each of them: signed, refused, half-way, and markup in a name."""
    hanh.speak(locale)
    letter = approved(staff, (staff.to("so-tai-chinh"), To("<script>alert('canary')</script>")))
    staff.sign("nam", letter)
    source = hanh.get(f"/issue/{letter}").get_data(as_text=True)
    assert "<script>alert" not in source and "&lt;script&gt;alert" in source
    press(hanh, letter, password="wrong")
    staff.number("hanh", letter)
    hanh.page(f"/issue/{letter}")
    staff.seal("hanh", letter)
    hanh.page(f"/issue/{letter}")
    assert press(hanh, letter).status_code == 303
    for row in staff.deliveries("hanh", letter):
        hanh.page(f"/documents/{letter}/deliveries/{row.id}")


def test_staff_sessions_are_not_shared(town: Town, staff: Staff) -> None:
    """A key unlocked by one sign-in is none of another's."""
    letter = signed(staff)
    staff.unlock("hanh", letter, "seal", "signed")
    with town.office.read(replace(town.actor("hanh"), session="another")) as desk:
        from eoffice.services import directory, issuing

        certificate = directory.certificate(desk, "seal")
        assert certificate is not None
        row = desk.session.scalars(select(Document).where(Document.id == letter).execution_options(scoped=True)).one()
        assert not issuing.is_seal_open(desk, certificate, row)

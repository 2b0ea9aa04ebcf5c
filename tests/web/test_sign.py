"""The signing desk by its forms: what is displayed is recorded, what was not is refused, and one password signs it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import Staff
from eoffice.core.desk import scope
from eoffice.jobs.worker import drain
from eoffice.models.review import SigningItem
from eoffice.services import drafting
from eoffice.services.drafting import Content
from signing.errors import TsaDown
from tests.support.checking import CheckingClient, Element, Page
from tests.support.letters import approved, at_work
from tests.web.conftest import Town
from tests.web.test_documents import statements

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def staff(town: Town) -> Iterator[Staff]:
    with at_work(town) as staff:
        yield staff


@pytest.fixture
def nam(client: CheckingClient, town: Town, staff: Staff) -> CheckingClient:
    """The director at his desk, with everybody at work."""
    assert staff
    town.enter(client, "nam")
    return client


def long_letter(staff: Staff, sentences: int = 40) -> UUID:
    """An approved letter of more than one page."""
    content = Content(
        kind="official_letter",
        subject="V/v kế hoạch năm 2027",
        paragraphs=tuple(
            f"{number}. Các cơ quan, đơn vị lập hồ sơ công việc và giao nộp vào lưu trữ cơ quan theo thời hạn quy định."
            for number in range(1, sentences + 1)
        ),
        to=(staff.to("so-tai-chinh"),),
        signer=staff.province.posts["nam"],
    )
    letter = staff.draft("tuan", content).id
    pass_on(staff, letter)
    return letter


def pass_on(staff: Staff, letter: UUID) -> None:
    staff.do("tuan", drafting.submit, letter)
    staff.do("son", drafting.approve_content, letter)
    staff.do("anh", drafting.approve_format, letter)


def form(page: Page, ending: str, method: str = "post") -> dict[str, Any]:
    """What the form that leads to an address would send; ``item`` may stand in it several times."""
    found = next(
        item
        for item in page.root.all("form")
        if item.attributes.get("action", "").endswith(ending) and item.attributes.get("method") == method
    )
    values: dict[str, Any] = {}
    for box in found.all("input"):
        if "name" in box.attributes:
            values.setdefault(box.attributes["name"], []).append(box.attributes.get("value", ""))
    return {name: value[0] if len(value) == 1 else value for name, value in values.items()}


def press(client: CheckingClient, page: Page, ending: str, **more: Any) -> TestResponse:
    """Press the button of a form of a page."""
    action = next(
        item.attributes["action"]
        for item in page.root.all("form")
        if item.attributes.get("action", "").endswith(ending) and item.attributes.get("method") == "post"
    )
    return client.post(action, data={**form(page, ending), **more})


def where(answer: TestResponse) -> str:
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"]


def approve(client: CheckingClient, letter: UUID) -> TestResponse:
    """Read a letter of one page and approve it."""
    return press(client, client.page(f"/sign/{letter}"), "/approve")


def unlock(client: CheckingClient, password: str = KEY_PASSWORD) -> TestResponse:
    return press(client, client.page("/sign/unlock"), "/sign/unlock", password=password)


def items(town: Town) -> list[SigningItem]:
    with town.office.read(town.system("so-noi-vu")) as desk:
        return list(desk.session.scalars(scope(desk, SigningItem).order_by(SigningItem.listed_at)))


def tabs(page: Page) -> dict[str, tuple[str, int]]:
    """Address and number of each tab."""
    line = next(item for item in page.root.all("nav") if "tabs" in item.attributes.get("class", "").split())
    found = {}
    for tab in line.all("a"):
        number = next(tab.all("span")).text()
        found[tab.text().removesuffix(number).strip()] = (tab.attributes["href"], int(number))
    return found


def rows(page: Page) -> list[Element]:
    return [item for item in page.root.all("a") if "go" in item.attributes.get("class", "").split()]


def main(page: Page) -> str:
    return page.one("main").text()


def test_read_approve_unlock_and_see_the_results(nam: CheckingClient, town: Town, staff: Staff) -> None:
    letters = [approved(staff) for _ in range(3)]
    page = nam.page("/sign")
    assert [row.attributes["href"] for row in rows(page)] == [f"/sign/{letter}" for letter in letters]
    text = main(page)
    for told in ("Công văn, 1 trong 3", "Lê Minh Tuấn soạn, bản 1", "Đặng Hồng Sơn duyệt nội dung", "người đứng đầu",
                 "Bà Hạnh (Văn thư) cấp số", "Gửi 1 nơi, không kèm bản giấy", "Đã hiển thị 1 trong 1 trang",
                 "Trả lại ông Tuấn"):  # fmt: skip
        assert told in text, told
    assert where(press(nam, page, "/approve")) == f"/sign/{letters[1]}"
    page = nam.page(f"/sign/{letters[1]}")
    assert "Đã duyệt, đưa vào danh sách ký; chưa ký." in main(page)
    assert "Danh sách ký: 1 văn bản đã duyệt" in main(page)
    assert where(press(nam, page, "/approve")) == f"/sign/{letters[2]}"
    assert where(approve(nam, letters[2])) == "/sign"
    assert "Đã đọc hết. 3 văn bản" in main(nam.page("/sign"))
    assert where(unlock(nam)) == "/sign/progress"
    page = nam.page("/sign/progress")
    assert (len(rows(page)), "0 trong 3 đã ký" in main(page)) == (3, True)
    assert "every 1s" in nam.get("/sign/progress/rows").get_data(as_text=True)
    assert "Việc đang chạy: ký 3" in nam.page("/incoming").one("header").text()
    assert "ký 3" in nam.get("/sign/running").get_data(as_text=True)
    drain(town.office)
    page = nam.page("/sign/progress")
    assert "3 trong 3 đã ký, không còn việc đang chạy" in main(page)
    assert "every 1s" not in nam.get("/sign/progress/rows").get_data(as_text=True)
    assert nam.get("/sign/running").data == b""
    assert "Việc đang chạy" not in nam.page("/incoming").one("header").text()
    assert [item.state for item in items(town)] == ["signed"] * 3
    assert "đã đọc, đưa vào danh sách ký" in main(nam.page(f"/documents/{letters[0]}"))
    assert where(nam.get(f"/sign/{letters[0]}")) == f"/documents/{letters[0]}"


@pytest.mark.parametrize("locale", ["vi", "en"])
@SQLITE
def test_every_page_in_both_languages(nam: CheckingClient, town: Town, staff: Staff, locale: str) -> None:
    nam.speak(locale)
    paths = ["/sign", "/sign/unlock", "/sign/progress", "/sign/progress?state=signed", "/sign/progress?state=failed"]
    for path in (*paths, "/sign/progress/rows", "/sign/running"):
        assert nam.get(path).status_code == 200
    letter, other, third = long_letter(staff), approved(staff), approved(staff)
    for path in (f"/sign/{letter}", f"/sign/{letter}?page=2", f"/sign/{letter}?page=99", f"/sign/{letter}?page=x"):
        assert nam.get(path).status_code == 200
    approve(nam, other)
    approve(nam, third)
    assert nam.get(f"/sign/{other}").status_code == 200
    unlock(nam)
    nam.get(f"/sign/{other}")
    revise(staff, other)
    pass_on(staff, other)
    town.office.agent().lock(items(town)[0].shown["sign_in"])
    drain(town.office)
    for path in (*paths, "/sign/progress/rows?state=failed", f"/sign/{third}", f"/sign/{other}"):
        assert nam.get(path).status_code == 200


def test_every_page_must_have_been_displayed(nam: CheckingClient, town: Town, staff: Staff) -> None:
    letter = long_letter(staff)
    page = nam.page(f"/sign/{letter}")
    text = main(page)
    assert "Đã hiển thị 1 trong" in text
    pages = int(re.search(r"Đã hiển thị 1 trong (\d+) trang", text)[1])  # type: ignore[index]
    assert pages >= 2
    assert not [item for item in page.root.all("form") if item.attributes["action"].endswith("/approve")]
    first = form(page, f"/sign/{letter}", "get")["seen"]
    wrong = nam.post(f"/sign/{letter}/approve", data={"csrf_token": nam.token(), "key": "0" * 32, "seen": first})
    assert wrong.status_code == 422
    assert "sau khi mọi trang đã được hiển thị" in wrong.get_data(as_text=True)
    for number in range(2, pages + 1):
        town.step(seconds=5)
        turn = form(page, f"/sign/{letter}", "get")
        assert turn["page"] == str(number), "A leads to the next page that was not displayed"
        page = nam.page(f"/sign/{letter}", query_string=turn)
        assert f"Đã hiển thị {number} trong {pages}" in main(page)
    town.step(seconds=5)
    assert press(nam, page, "/approve").status_code == 303
    (item,) = items(town)
    assert [(look["page"], look["seconds"]) for look in item.shown["pages"]] == [(n, 5) for n in range(1, pages + 1)]


def test_the_record_of_another_is_of_no_use(nam: CheckingClient, app: Flask, town: Town, staff: Staff) -> None:
    letter, other = approved(staff), approved(staff)
    page = nam.page(f"/sign/{letter}")
    good = form(page, "/approve")
    of_other = form(nam.page(f"/sign/{other}"), "/approve")["seen"]
    second = app.test_client()
    assert isinstance(second, CheckingClient)
    town.enter(second, "nam")
    of_session = form(second.page(f"/sign/{letter}"), "/approve")["seen"]
    body, _, signature = good["seen"].rpartition(".")
    for index, seen in enumerate((of_other, of_session, f"{body}.x{signature}", f"x{good['seen']}", "", "{}", "a.b")):
        answer = nam.post(f"/sign/{letter}/approve", data={**good, "seen": seen, "key": f"{index:032x}"})
        assert answer.status_code == 422, seen
        assert items(town) == []
    assert press(nam, page, "/approve").status_code == 303
    assert len(items(town)) == 1


def revise(staff: Staff, letter: UUID, text: str = "Một câu khác hẳn./.") -> None:
    content = Content(
        kind="official_letter",
        subject="V/v hướng dẫn giao nộp hồ sơ, tài liệu",
        paragraphs=(text,),
        to=(staff.to("so-tai-chinh"),),
        signer=staff.province.posts["nam"],
    )
    staff.do("tuan", drafting.revise, letter, content=content)


def test_a_version_he_has_not_seen_is_not_approved(nam: CheckingClient, town: Town, staff: Staff) -> None:
    letter = approved(staff)
    page = nam.page(f"/sign/{letter}")
    revise(staff, letter)
    answer = press(nam, page, "/approve")
    assert answer.status_code == 409
    pass_on(staff, letter)
    answer = press(nam, page, "/approve", version="")
    assert answer.status_code == 409
    text = answer.get_data(as_text=True)
    assert "Có bản mới được lưu sau khi văn bản đã được xem" in text
    assert "bản 2" in text
    assert items(town) == []
    assert press(nam, Page(text), "/approve").status_code == 303, "what the page shows now may be approved"


def test_only_the_named_signer(nam: CheckingClient, app: Flask, town: Town, staff: Staff) -> None:
    letter = approved(staff)
    good = form(nam.page(f"/sign/{letter}"), "/approve")
    other = app.test_client()
    assert isinstance(other, CheckingClient)
    town.enter(other, "ngan")
    assert where(other.get(f"/sign/{letter}")) == f"/documents/{letter}"
    answer = other.post(f"/sign/{letter}/approve", data={**good, "csrf_token": other.token()})
    assert answer.status_code == 403
    approve(nam, letter)
    (item,) = items(town)
    remove = {"csrf_token": other.token(), "key": "1" * 32}
    assert other.post(f"/sign/items/{item.id}/remove", data=remove).status_code == 404
    wrong = {**remove, "item": f"{item.id}.{item.version}", "password": KEY_PASSWORD}
    assert other.post("/sign/unlock", data=wrong).status_code == 409
    assert other.post("/sign/retry", data=wrong).status_code == 409
    town.enter(other, "dung")
    assert other.get(f"/sign/{letter}").status_code == 404
    town.enter(other, "hanh")
    assert where(other.get(f"/sign/{letter}")) == f"/documents/{letter}"
    for path in ("/sign", "/sign/unlock", "/sign/progress"):
        assert other.get(path).status_code == 403
    assert [row.state for row in items(town)] == ["listed"]


def test_sending_back_needs_a_reason_and_goes_on(nam: CheckingClient, town: Town, staff: Staff) -> None:
    letters = [approved(staff) for _ in range(2)]
    page = nam.page(f"/sign/{letters[0]}")
    answer = press(nam, page, "/send-back", reason="  ")
    assert answer.status_code == 422
    assert "Vui lòng" in answer.get_data(as_text=True) or "lý do" in answer.get_data(as_text=True)
    assert where(press(nam, page, "/send-back", reason="Thiếu căn cứ", key="3" * 32)) == f"/sign/{letters[1]}"
    assert staff.document("nam", letters[0]).state == "draft"
    assert len(rows(nam.page("/sign"))) == 1
    assert town


def test_a_double_press_is_one_deed(nam: CheckingClient, town: Town, staff: Staff) -> None:
    letters = [approved(staff) for _ in range(2)]
    page = nam.page(f"/sign/{letters[0]}")
    assert where(press(nam, page, "/approve")) == f"/sign/{letters[1]}"
    town.step(seconds=3)
    assert press(nam, page, "/approve").status_code == 303
    assert len(items(town)) == 1
    listed = nam.page("/sign/unlock")
    for _ in range(2):
        assert where(press(nam, listed, "/sign/unlock", password=KEY_PASSWORD)) == "/sign/progress"
    drain(town.office)
    assert [item.state for item in items(town)] == ["signed"]


def test_a_wrong_password_is_told_and_shown_nowhere(
    nam: CheckingClient, town: Town, staff: Staff, caplog: pytest.LogCaptureFixture
) -> None:
    approve(nam, approved(staff))
    caplog.set_level(logging.DEBUG)
    wrong = "mat-khau-sai-4711"
    answers = [unlock(nam, wrong) for _ in range(6)]
    assert {answer.status_code for answer in answers} == {422}
    texts = [answer.get_data(as_text=True) for answer in answers]
    assert "Mật khẩu khóa ký không đúng" in texts[0]
    assert "sau 15 phút" in texts[5]
    assert not [text for text in (*texts, caplog.text) if wrong in text]
    empty = unlock(nam, "")
    assert empty.status_code == 422
    assert "nhập mật khẩu khóa ký" in empty.get_data(as_text=True)
    assert [item.state for item in items(town)] == ["listed"]


def test_a_lost_session_keeps_the_list_but_not_the_password(nam: CheckingClient, town: Town, staff: Staff) -> None:
    approve(nam, approved(staff))
    page = nam.page("/sign/unlock")
    nam.delete_cookie("office")
    answer = press(nam, page, "/sign/unlock", password=KEY_PASSWORD)
    assert answer.status_code == 401
    kept = form(Page(answer.get_data(as_text=True)), "/sign-in")["kept"]
    with nam.application.test_request_context():
        from eoffice.web.kept import open_again

        again = open_again(kept)
    assert again is not None
    assert {name for name, _text in again["written"].fields} == {"key", "item"}
    assert [item.state for item in items(town)] == ["listed"]


def test_two_windows_and_an_old_list(nam: CheckingClient, town: Town, staff: Staff) -> None:
    letters = [approved(staff) for _ in range(2)]
    approve(nam, letters[0])
    old = nam.page("/sign/unlock")
    approve(nam, letters[1])
    new = nam.page("/sign/unlock")
    remove = next(item.attributes["action"] for item in new.root.all("form") if "remove" in item.attributes["action"])
    assert where(press(nam, new, remove)) == "/sign/unlock"
    answer = press(nam, old, "/sign/unlock", password=KEY_PASSWORD)
    assert answer.status_code == 409
    assert "Danh sách ký đã thay đổi" in answer.get_data(as_text=True)
    drain(town.office)
    assert [item.state for item in items(town)] == ["listed"]


def test_a_failure_stays_with_reason_and_retry(nam: CheckingClient, town: Town, staff: Staff) -> None:
    letters = [approved(staff) for _ in range(2)]
    for letter in letters:
        approve(nam, letter)
    unlock(nam)
    stamper, turns = town.office.tsa, iter([None, TsaDown()])
    assert stamper is not None

    def flaky() -> Any:
        error = next(turns, None)
        if error is not None:
            raise error
        return stamper()

    town.office.tsa = flaky
    drain(town.office)
    page = nam.page("/sign/progress?state=failed")
    assert len(rows(page)) == 1
    assert "Máy chủ cấp dấu thời gian không trả lời" in main(page)
    assert "1 trong 2 đã ký, 1 lỗi" in main(nam.page("/sign/progress"))
    failed = next(item for item in items(town) if item.state == "failed")
    assert "Chưa ký. Máy chủ cấp dấu thời gian" in main(nam.page(f"/sign/{failed.document_id}"))
    assert where(press(nam, page, "/sign/retry")) == "/sign/progress", "the key is still open"
    drain(town.office)
    assert [item.state for item in items(town)] == ["signed", "signed"]


def test_a_retry_after_the_key_is_locked_asks_the_password(nam: CheckingClient, town: Town, staff: Staff) -> None:
    letters = [approved(staff) for _ in range(2)]
    for letter in letters:
        approve(nam, letter)
    unlock(nam)
    town.office.agent().lock(items(town)[0].shown["sign_in"])
    drain(town.office)
    page = nam.page("/sign/progress?state=failed")
    target = where(press(nam, page, "/sign/retry"))
    assert target.startswith("/sign/unlock?item=")
    asked = nam.page(target)
    assert "Ký số 2 văn bản" in main(asked)
    assert where(press(nam, asked, "/sign/unlock", password=KEY_PASSWORD)) == "/sign/progress"
    drain(town.office)
    assert [item.state for item in items(town)] == ["signed", "signed"]


def test_stopping_is_one_press(nam: CheckingClient, town: Town, staff: Staff) -> None:
    approve(nam, approved(staff))
    unlock(nam)
    assert where(press(nam, nam.page("/sign/progress"), "/sign/stop")) == "/sign/unlock"
    drain(town.office)
    assert [item.state for item in items(town)] == ["listed"]
    assert "vẫn ở trong danh sách ký" in main(nam.page("/sign/unlock"))


def test_counters_equal_their_lists(nam: CheckingClient, town: Town, staff: Staff) -> None:
    letters = [approved(staff) for _ in range(6)]
    for letter in letters[:4]:
        approve(nam, letter)
    unlock(nam)
    town.office.agent().lock(items(town)[0].shown["sign_in"])
    drain(town.office)
    town.step(minutes=1)
    page = nam.page("/sign/progress?state=failed")
    several = form(page, "/sign/retry")
    nam.post("/sign/retry", data=several)
    one = {**form(nam.page("/sign/unlock?item=" + several["item"][0][:36]), "/sign/unlock"), "password": KEY_PASSWORD}
    nam.post("/sign/unlock", data=one)
    page = nam.page("/sign")
    rail = next(item for item in page.root.all("span") if item.attributes.get("data-count") == "to_sign-mine")
    found = tabs(page)
    assert {text: number for text, (_url, number) in found.items()} == {
        "Chờ ký": 2, "Đang ký": 1, "Đã ký": 0, "Lỗi": 3,
    }  # fmt: skip
    assert rail.text() == "2"
    for text, (url, number) in found.items():
        assert len(rows(nam.page(url))) == number, text
    drain(town.office)
    assert tabs(nam.page("/sign"))["Đã ký"] == ("/sign/progress?state=signed", 1)
    assert len(rows(nam.page("/sign/progress?state=signed"))) == 1


def test_a_page_costs_the_same_with_many(nam: CheckingClient, town: Town, staff: Staff) -> None:
    approve(nam, approved(staff))
    approved(staff, reply_to=town.arrived)
    paths = ("/sign", "/sign/unlock", "/sign/progress", "/sign/progress/rows", "/sign/running", "/incoming")

    def cost() -> list[int]:
        found = []
        for path in paths:
            with statements(town) as seen:
                nam.get(path)
            found.append(len([one for one in seen if "access_entry" not in one]))
        return found

    few = cost()
    assert max(few) <= 10, dict(zip(paths, few, strict=True))
    for letter in [approved(staff) for _ in range(6)][:3]:
        approve(nam, letter)
    unlock(nam)
    many = cost()
    assert all(after - before <= 1 for before, after in zip(few, many, strict=True)), (few, many)
    assert max(many) <= 10


def test_the_script_is_told_where_trouble_belongs(nam: CheckingClient, town: Town, staff: Staff) -> None:
    """What goes wrong is shown on the whole page, and an ended session leads out of it."""
    letter = approved(staff)
    page = nam.page(f"/sign/{letter}")
    data = {**form(page, "/approve"), "seen": "none"}
    answer = nam.post(f"/sign/{letter}/approve", data=data, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (422, "#main")
    nam.delete_cookie("office")
    given = {"HX-Request": "true", "HX-Current-URL": "http://localhost/sign/progress?state=failed"}
    answer = nam.get("/sign/progress/rows", headers=given)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in?next=/sign/progress")
    answer = nam.get("/sign/progress/rows", headers={**given, "HX-Current-URL": "http://evil.example//evil.example/"})
    assert answer.headers["HX-Redirect"] == "/sign-in"
    assert items(town) == []


@SQLITE
def test_a_forged_choice_changes_nothing(nam: CheckingClient, town: Town, staff: Staff) -> None:
    approve(nam, approved(staff))
    data = {"csrf_token": nam.token(), "key": "4" * 32, "password": KEY_PASSWORD}
    (item,) = items(town)
    for chosen, status in (("", 422), ("x", 422), ("-" * 36 + ".1", 422), (f"{item.id}.99", 409), (None, 422)):
        given = data if chosen is None else {**data, "item": chosen}
        assert nam.post("/sign/unlock", data=given).status_code == status, chosen
    assert [row.state for row in items(town)] == ["listed"]

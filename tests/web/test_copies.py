"""Certified copies from the page of a document: one press, one copy; the register; what may not be copied is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import Staff
from eoffice.core.ids import new_id
from eoffice.models.directory import Certificate
from eoffice.services import copies, search
from tests.support.checking import CheckingClient, Page
from tests.support.copies import came, issued, make, paper, wish
from tests.support.elsewhere import on_a_token
from tests.support.letters import at_work
from tests.web.conftest import Town
from tests.web.test_documents import statements
from tests.web.test_tokens import values

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PURPOSE = "Gửi Kho bạc Nhà nước khu vực XVIII"


@pytest.fixture
def staff(town: Town) -> Iterator[Staff]:
    with at_work(town) as staff:
        yield staff


def form(page: Page) -> dict[str, str]:
    """What the form of the page sends when nothing is touched."""
    found = next(item for item in page.root.all("form") if item.attributes.get("action", "").endswith("/copy"))
    sent = {
        item.attributes["name"]: item.attributes.get("value", "")
        for item in found.all("input")
        if item.attributes.get("name")
    }
    for box in found.all("select"):
        marked = [item for item in box.all("option") if "selected" in item.attributes]
        sent[box.attributes["name"]] = (marked or list(box.all("option")))[0].attributes["value"]
    return sent


def press(client: CheckingClient, document: UUID, sent: dict[str, str] | None = None, **more: str) -> Any:
    sent = sent if sent is not None else form(client.page(f"/documents/{document}/copy"))
    given = {"purpose": PURPOSE, "password": KEY_PASSWORD}
    return client.post(f"/documents/{document}/copy", data={**sent, **given, **more})


def main(answer: Any) -> str:
    return Page(answer.get_data(as_text=True)).one("main").text()


def lines(page: Page) -> list[str]:
    """The lines of the register as the page shows them."""
    table = next(item for item in page.root.all("table") if "data-rows" in item.attributes)
    return [row.text().strip() for row in table.all("tr")][1:]


def made(town: Town) -> int:
    with town.office.read(town.actor("hanh")) as desk:
        return len(copies.find(desk).rows)


def test_from_the_document_to_its_copy(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    document = came(staff)
    page = hanh.page(f"/documents/{document}")
    assert any(link.attributes["href"] == f"/documents/{document}/copy" for link in page.root.all("a"))
    page = hanh.page(f"/documents/{document}/copy")
    told = page.one("main").text()
    for words in ("bản số hóa từ văn bản giấy", "3 trang", "Giám đốc Nguyễn Văn Nam", "SAO Y", "SAO LỤC", "TRÍCH SAO"):
        assert words in told, words
    answer = press(hanh, document, form(page))
    assert answer.status_code == 303, main(answer)
    page = hanh.page(answer.headers["Location"])
    told = page.one("main").text()
    for words in (
        "Đã tạo bản sao 01/SY-SNV", "SAO Y", PURPOSE, "Nguyễn Văn Nam, Giám đốc", "Trần Thị Hạnh, Văn thư",
        "chữ ký số của cơ quan", "Bản sao chứa nguyên vẹn từng byte", "B-LT",
    ):  # fmt: skip
        assert words in told, words
    with town.office.read(town.actor("hanh")) as desk:
        (line,) = copies.find(desk).rows
    assert line.copy.source_sha256 in told
    file = hanh.get(f"/documents/{document}/files/{line.copy.file_id}")
    assert file.data == town.office.files.read(line.copy.sha256)
    assert hanh.get(f"/documents/{document}/files/{line.copy.file_id}/pages/1.jpg").status_code == 200
    sheet = hanh.get(f"/documents/{document}/files/{line.copy.file_id}/verdict.pdf")
    assert sheet.data.startswith(b"%PDF")
    page = hanh.page(f"/documents/{document}")
    told = page.one("main").text()
    assert "bản sao 01/SY-SNV" in told
    assert "Trần Thị Hạnh tạo bản sao 01/SY-SNV" in told
    assert "đã có 1 bản sao" in hanh.page(f"/documents/{document}/copy").one("main").text()


def test_the_same_press_gives_one_copy(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    """A double click, and the back button: the form as it was, pressed again."""
    document = came(staff)
    sent = form(hanh.page(f"/documents/{document}/copy"))
    where = {press(hanh, document, sent).headers["Location"] for _ in range(3)}
    assert len(where) == 1
    assert made(town) == 1
    answer = press(hanh, document, sent, purpose="khác")
    assert answer.status_code == 409
    assert made(town) == 1


def test_eight_presses_at_once_give_one_copy(app: Flask, town: Town, staff: Staff) -> None:
    document = came(staff)
    first = app.test_client()
    assert isinstance(first, CheckingClient)
    town.enter(first, "hanh")
    sent = form(first.page(f"/documents/{document}/copy"))
    cookies = {name: first.get_cookie(name) for name in ("office", "form")}
    start = threading.Barrier(8)

    def one(_: int) -> int:
        client = app.test_client()
        for name, cookie in cookies.items():
            assert cookie is not None
            client.set_cookie(name, cookie.value)
        start.wait()
        data = {**sent, "purpose": PURPOSE, "password": KEY_PASSWORD}
        return client.post(f"/documents/{document}/copy", data=data).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(8)))
    assert set(answers) <= {303, 503}, answers
    assert press(first, document, sent).status_code == 303
    assert made(town) == 1


@SQLITE
def test_an_extract_of_what_was_issued(hanh: CheckingClient, staff: Staff) -> None:
    letter = issued(staff)
    page = hanh.page(f"/documents/{letter}/copy")
    sent = form(page)
    told = page.one("main").text()
    assert sent["form"] == "copy_extract"
    assert "SAO LỤC" not in told
    assert "chữ ký số chỉ có giá trị với bản gốc" in told
    answer = press(hanh, letter, sent, pages="1-2")
    assert answer.status_code == 303, main(answer)
    told = hanh.page(answer.headers["Location"]).one("main").text()
    assert "TRÍCH SAO, trang 1-2" in told
    assert "không kèm biểu mẫu và chữ ký số" in told
    told = hanh.page(f"/documents/{letter}").one("main").text()
    assert "bản sao 01/TrS-SNV" in told
    assert "có dấu thời gian mới" not in told


@SQLITE
def test_hostile_lists_of_pages(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    document = came(staff)
    for pages in ("0", "9-1", "1-999999", "1," * 400, "x" * 900_000, "1\x00", "<script>", "2", "1-3", ""):
        answer = press(hanh, document, form="copy_extract", pages=pages)
        assert answer.status_code == 422, pages[:20]
        page = Page(answer.get_data(as_text=True))
        box = next(item for item in page.root.all("input") if item.attributes.get("name") == "pages")
        assert box.attributes.get("aria-invalid") == "true"
        assert page.one("main").text().count("<script>") <= 1
        purpose = next(item for item in page.root.all("input") if item.attributes.get("name") == "purpose")
        assert purpose.attributes["value"] == PURPOSE
    assert made(town) == 0
    assert press(hanh, document, form="copy_extract", pages="1, 3").status_code == 303


@SQLITE
def test_what_else_is_wrong_is_told_and_nothing_written_is_lost(
    hanh: CheckingClient, town: Town, staff: Staff
) -> None:
    document = came(staff)
    for more, status in (
        ({"purpose": " "}, 422),
        ({"purpose": "x" * 501}, 422),
        ({"password": "sai"}, 422),
        ({"password": ""}, 422),
        ({"form": "report"}, 422),
        ({"file": str(uuid4())}, 422),
        ({"file": "x"}, 422),
        ({"decided_by": str(town.post("tuan"))}, 422),
        ({"decided_by": ""}, 422),
        ({"version": "1"}, 409),
        ({"key": "x"}, 422),
    ):
        answer = press(hanh, document, **more)
        assert answer.status_code == status, more
        assert "sai" not in [
            item.attributes.get("value") for item in Page(answer.get_data(as_text=True)).root.all("input")
        ]
    assert made(town) == 0


@SQLITE
def test_an_electronic_original_is_passed_on_and_not_copied(
    client: CheckingClient, town: Town, staff: Staff
) -> None:
    town.enter(client, "yen")
    page = client.page(f"/documents/{town.theirs}/copy")
    assert "văn bản này chỉ có một trang" in page.one("main").text()
    assert list(page.one("main").all("select")) == []
    with town.office.read(town.actor("yen")) as desk:
        file = copies.sources(search.document(desk, town.theirs))[0].id
        decided_by = next(iter(copies.deciders(desk)))
    sent = {**form(page), "file": str(file), "decided_by": str(decided_by), "form": "copy_full"}
    answer = press(client, town.theirs, sent)
    assert answer.status_code == 422
    assert "hãy gửi chính tệp đó" in main(answer)


@SQLITE
def test_who_may(client: CheckingClient, town: Town, staff: Staff) -> None:
    document = came(staff)
    for login in ("nam", "tuan", "mai", "phong"):
        town.enter(client, login)
        assert client.get(f"/documents/{document}/copy").status_code == 403
    town.enter(client, "yen")
    assert client.get(f"/documents/{document}/copy").status_code == 404
    town.enter(client, "nam")
    links = [link.attributes["href"] for link in client.page(f"/documents/{document}").root.all("a")]
    assert f"/documents/{document}/copy" not in links


@SQLITE
def test_another_clerk_sees_who_keeps_the_key(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    from sqlalchemy import update

    document = came(staff)
    sent = form(hanh.page(f"/documents/{document}/copy"))
    with town.office.sessions.write() as session:
        session.execute(
            update(Certificate)
            .where(Certificate.purpose == "seal", Certificate.custodian_post_id == town.post("hanh"))
            .values(custodian_post_id=town.post("tuan")),
            execution_options={"scoped": True, "synchronize_session": False},
        )
        session.commit()
    page = hanh.page(f"/documents/{document}/copy")
    assert "Lê Minh Tuấn" in page.one("main").text()
    assert "disabled" in next(item for item in page.root.all("button") if "why-not" in str(item.attributes)).attributes
    assert press(hanh, document, sent).status_code == 403


@SQLITE
def test_no_copy_of_what_is_not_registered(hanh: CheckingClient, staff: Staff) -> None:
    document = staff.arrive("hanh", paper(), "mới đến.pdf").id
    answer = hanh.get(f"/documents/{document}/copy")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/documents/{document}")
    links = [link.attributes["href"] for link in hanh.page(f"/documents/{document}").root.all("a")]
    assert f"/documents/{document}/copy" not in links
    assert hanh.get(f"/documents/{new_id()}/copy").status_code == 404


def test_the_register(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    assert "Chưa có bản sao nào" in hanh.page("/copies").one("main").text()
    document = came(staff)
    make(staff, document, purpose="=1+1<b class='canary'>")
    make(staff, document, "copy_extract", pages="1-2")
    page = hanh.page("/copies")
    rows = lines(page)
    assert ["02/TrS-SNV" in rows[0], "01/SY-SNV" in rows[1]] == [True, True]
    assert "trang 1-2" in rows[0]
    assert "=1+1<b class='canary'>" in rows[1], "shown as it was written"
    assert any(link.attributes["href"] == "/copies" for link in hanh.page("/incoming").root.all("a"))
    assert "01/SY-SNV" in hanh.page("/copies?year=2026").one("main").text()
    assert "01/SY-SNV" not in hanh.page("/copies?year=2025").one("main").text()
    for odd in ("?year=x", "?year=99999", "?after=x", "?after=%00", "?year=٢٠٢٦"):
        assert "01/SY-SNV" in hanh.page(f"/copies{odd}").one("main").text()
    table = hanh.get("/copies.csv").get_data(as_text=True).splitlines()
    assert len(table) == 3
    assert "'=1+1" in table[2], "no formula reaches a spreadsheet"
    assert "TRÍCH SAO" in table[1]


@SQLITE
def test_the_register_pages_and_costs(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    document = came(staff)
    for _ in range(3):
        make(staff, document)
    hanh.page("/copies")
    with statements(town) as seen:
        hanh.page("/copies")
    assert len(seen) <= 6, seen
    with statements(town) as seen:
        page = hanh.page(f"/documents/{document}/copy")
    assert len(seen) <= 10, [statement[:120] for statement in seen]
    assert page.one("h1").text() == "Sao văn bản"
    with town.office.read(town.actor("hanh")) as desk:
        mark = copies.find(desk, limit=2).after
    page = hanh.page(f"/copies?after={mark.replace('+', '%2B')}")
    assert [text[:9] for text in lines(page)] == ["01/SY-SNV"]
    with town.office.read(town.actor("hanh")) as desk:
        line = copies.find(desk).rows[0].copy
    with statements(town) as seen:
        hanh.page(f"/copies/{line.id}")
    assert len(seen) <= 10, [statement[:120] for statement in seen]


@SQLITE
def test_strangers_know_of_no_copy(client: CheckingClient, town: Town, staff: Staff) -> None:
    row = make(staff, came(staff))
    for login in ("tuan", "yen", "phong"):
        town.enter(client, login)
        assert client.get(f"/copies/{row.id}").status_code == 404
        assert row.code not in client.get("/copies").get_data(as_text=True)
        assert row.code not in client.get("/copies.csv").get_data(as_text=True)
    for login in ("nam", "mai"):
        town.enter(client, login)
        assert row.code in client.page(f"/copies/{row.id}").one("h1").text()


@SQLITE
def test_the_ledger_tells_it(client: CheckingClient, town: Town, staff: Staff) -> None:
    row = make(staff, came(staff))
    town.enter(client, "nam")
    page = client.page("/ledger")
    assert "Tạo bản sao 01/SY-SNV" in page.one("main").text()
    link = next(item for item in page.root.all("a") if "01/SY-SNV" in item.text())
    told = client.page(link.attributes["href"]).one("main").text()
    for words in ("SAO Y: từ bản gốc", "Người quyết định sao", row.source_sha256[:4], "Gửi Kho bạc Nhà nước đối chiếu"):
        assert words in told, words


@SQLITE
def test_in_english(hanh: CheckingClient, staff: Staff) -> None:
    document = came(staff)
    hanh.set_cookie("locale", "en")
    assert "Full copy" in hanh.page(f"/documents/{document}/copy").one("main").text()
    answer = press(hanh, document, form="copy_of_copy")
    told = hanh.page(answer.headers["Location"]).one("main").text()
    assert "Certified copy 01/SL-SNV was made" in told
    hanh.page("/copies")
    hanh.page(f"/documents/{document}")


@SQLITE
def test_the_wish_is_one_value(staff: Staff) -> None:
    """The same answer for the same wish alone: what a key was used for is compared as a whole."""
    document = came(staff)
    assert wish(staff, document) == wish(staff, document)


def test_the_clerk_s_token_signs_a_copy(hanh: CheckingClient, town: Town, staff: Staff) -> None:
    document = came(staff)
    seal = on_a_token(staff.office, "seal-so-noi-vu")
    page = hanh.page(f"/documents/{document}/copy")
    sent = {**form(page), "purpose": PURPOSE}
    assert "password" not in sent
    refused = hanh.post(f"/documents/{document}/copy", data=sent)
    assert (refused.status_code, made(town)) == (422, 0)
    asked = next(item for item in page.root.all("form") if "data-offer" in item.attributes).attributes["data-offer"]
    assert hanh.post(asked, data={**sent, "purpose": ""}).status_code == 422
    told = hanh.post(asked, data=sent)
    assert told.status_code == 200
    answer = hanh.post(f"/documents/{document}/copy", data={**sent, "value": values(told.json, seal)})
    assert answer.status_code == 303
    assert made(town) == 1
    other = {**form(hanh.page(f"/documents/{document}/copy")), "purpose": PURPOSE, "value": values(told.json, seal)}
    assert hanh.post(f"/documents/{document}/copy", data=other).status_code == 422
    assert made(town) == 1, "what was handed to the token serves once"

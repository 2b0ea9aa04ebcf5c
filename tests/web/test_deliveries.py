"""Following what was sent, from the pages: counters equal lists, tracks, signed answers, deeds, side doors."""

from __future__ import annotations

import hashlib
import subprocess
from base64 import b64decode
from datetime import timedelta
from json import loads
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from eoffice.core.canonical import canonical
from eoffice.core.desk import scope
from eoffice.core.ids import new_id
from eoffice.models.documents import Document
from eoffice.models.exchange import Delivery, DeliveryEvent, Recipient
from tests.support.checking import CheckingClient, Page
from tests.web.conftest import Town
from tests.web.test_documents import change, links, statements

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def rows(town: Town, document: UUID | None = None) -> list[Delivery]:
    with town.office.read(town.actor("hanh")) as desk:
        statement = scope(desk, Delivery).where(Delivery.document_id == (document or town.answer))
        return list(desk.session.scalars(statement.order_by(Delivery.id)))


def alter(town: Town, key: UUID, **values: Any) -> None:
    statement = update(Delivery).where(Delivery.id == key).values(values)
    with town.office.sessions.write() as session:
        session.execute(statement, execution_options={"scoped": True, "synchronize_session": False})
        session.commit()


def more(town: Town, number: int, **values: Any) -> list[UUID]:
    """Further issued documents, each with one delivery."""
    made = []
    with town.office.sessions.write() as session:
        given = session.execute(
            select(*Document.__table__.c).where(Document.id == town.answer), execution_options={"scoped": True}
        ).one()._asdict()
        sent = session.execute(
            select(*Delivery.__table__.c).where(Delivery.document_id == town.answer, Delivery.channel == "local"),
            execution_options={"scoped": True},
        ).first()
        to = session.execute(
            select(*Recipient.__table__.c).where(Recipient.id == sent.recipient_id), execution_options={"scoped": True}
        ).one()._asdict()
        for at in range(number):
            key = new_id()
            later = given["created_at"] + timedelta(seconds=at)
            row = {**given, "id": key, "code": f"{at + 50}/SNV-VTLT", "created_at": later}
            session.execute(insert(Document), [row])
            session.execute(insert(Recipient), [person := {**to, "id": new_id(), "document_id": key}])
            item = {**sent._asdict(), "id": new_id(), "document_id": key, "recipient_id": person["id"], **values}
            session.execute(insert(Delivery), [item])
            made.append(key)
        session.commit()
    return made


def tabs(page: Page) -> dict[str, tuple[str, int]]:
    """Address and number of each tab by its words."""
    found = next(item for item in page.root.all("nav") if "tabs" in item.attributes.get("class", ""))
    told = {}
    for tab in found.all("a"):
        number = next(item for item in tab.all("span") if item.attributes.get("class") == "n").text()
        told[tab.text().removesuffix(number).strip()] = (tab.attributes["href"], int(number))
    return told


def test_counters_equal_their_lists(hanh: CheckingClient, town: Town) -> None:
    """The story's own letter was accepted by one recipient, refused by another, and posted to a third."""
    now = town.clock.now()
    more(town, 2, state="arrived", status_at=now - timedelta(days=10))
    more(town, 3, state="refused", status_at=now)
    more(town, 1, state="failed")
    more(town, 4, state="arrived", status_at=now)
    found = tabs(hanh.page("/deliveries"))
    assert {name: number for name, (_, number) in found.items()} == {
        "Cần xem": 7, "Chưa tiếp nhận": 6, "Trễ": 2, "Từ chối, lỗi": 5, "Tất cả": 11,
    }  # fmt: skip
    for name, (url, number) in found.items():
        page = hanh.page(url)
        assert len(links(page)) == number, name
        assert tabs(page)[name][1] == number
    spans = hanh.page("/account").root.all("span")
    rail = next(item for item in spans if item.attributes.get("data-count") == "attention-mine")
    assert rail.text() == "7"
    assert "bad" in rail.attributes["class"]
    assert hanh.get("/counters.json").get_json()["attention-mine"] == "7"


def test_pages_show_each_document_once_and_cost_the_same(hanh: CheckingClient, town: Town) -> None:
    made = more(town, 3, state="failed")
    hanh.get("/deliveries")
    with statements(town) as few:
        hanh.get("/deliveries")
    made += more(town, 118, state="failed")
    with statements(town) as many:
        hanh.get("/deliveries")
    assert len(few) == len(many) <= 7, many
    seen: list[str] = []
    path = "/deliveries?show=trouble"
    while path:
        page = hanh.page(path)
        seen += links(page)
        older = (item.attributes for item in page.root.all("a") if item.attributes.get("rel") == "next")
        path = next(older, {"href": ""})["href"]
    assert sorted(seen) == sorted(f"/documents/{key}/deliveries" for key in [*made, town.answer])


def test_a_page_for_each_document(hanh: CheckingClient, town: Town) -> None:
    path = f"/documents/{town.answer}/deliveries"
    with statements(town) as seen:
        page = hanh.page(path)
    assert len(seen) <= 10, seen
    told = page.one("main").text()
    for words in ("Theo dõi gửi 01/SNV-VTLT", "Sở Tài chính", "Nội bộ hệ thống", "Hoàn thành", "Từ chối"):
        assert words in told, words
    assert tabs(page)["Tất cả"][1] == len(rows(town)) == len(links(page))
    track = next(item for item in page.root.all("ol") if item.attributes.get("class") == "track")
    assert [item.attributes.get("class", "") for item in track.all("li")] == ["done"] * 5
    assert f'href="/documents/{town.answer}/deliveries"' in hanh.get(f"/documents/{town.answer}").get_data(as_text=True)


def test_one_delivery_is_marked_and_told(hanh: CheckingClient, town: Town) -> None:
    for item in rows(town):
        page = hanh.page(f"/documents/{town.answer}/deliveries/{item.id}")
        marked = next(row for row in page.root.all("tr") if row.attributes.get("class") == "cur")
        pane = next(part for part in page.root.all("section") if part.attributes.get("id") == "preview")
        assert item.to_name in marked.all("td").__next__().attributes["title"]
        assert item.to_name in pane.text()
        if item.container_sha256:
            assert item.container_sha256 in pane.text()
        part = hanh.get(f"/documents/{town.answer}/deliveries/{item.id}/detail").get_data(as_text=True)
        assert "<html" not in part and item.to_name in part


def late_one(town: Town) -> Delivery:
    item = next(row for row in rows(town) if row.channel == "local")
    alter(town, item.id, state="arrived", status_code="01", status_at=town.clock.now() - timedelta(days=14))
    return item


def test_late_is_said_in_working_time(hanh: CheckingClient, town: Town) -> None:
    item = late_one(town)
    page = hanh.page(f"/documents/{town.answer}/deliveries/{item.id}")
    told = page.one("main").text()
    assert "Trễ, mới 01" in told
    assert "ngày: văn bản đã đến" in told, told
    assert tabs(page)["Trễ"][1] == 1


def receipts(page: Page) -> list[str]:
    return [item.attributes["href"] for item in page.root.all("a") if "/answers/" in item.attributes.get("href", "")]


def test_answers_come_byte_for_byte(hanh: CheckingClient, town: Town) -> None:
    item = next(row for row in rows(town) if row.channel == "local")
    found = receipts(hanh.page(f"/documents/{town.answer}/deliveries/{item.id}"))
    with town.office.read(town.actor("hanh")) as desk:
        events = desk.session.scalars(scope(desk, DeliveryEvent).where(DeliveryEvent.delivery_id == item.id)).all()
    kept = {str(event.id): event.sha256 for event in events if event.sha256}
    assert len(found) == len(kept) >= 5
    for path in found:
        answer = hanh.get(path)
        assert hashlib.sha256(answer.data).hexdigest() == kept[path.rpartition("/")[2]]
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer.headers["Content-Type"] == "application/json"


@SQLITE
def test_anybody_checks_a_receipt_with_openssl(
    hanh: CheckingClient, town: Town, openssl: Path, tmp_path: Path
) -> None:
    item = next(row for row in rows(town) if row.channel == "local")
    path = receipts(hanh.page(f"/documents/{town.answer}/deliveries/{item.id}"))[0]
    answer = loads(hanh.get(path).data)
    (tmp_path / "content").write_bytes(canonical(answer["receipt"]))
    (tmp_path / "content.p7s").write_bytes(b64decode(answer["signature"]))
    trust = town.office.settings.pki / "trust"
    roots = tmp_path / "roots.pem"
    anchors = (file for file in sorted(trust.rglob("*")) if file.suffix in (".pem", ".crt"))
    roots.write_bytes(b"".join(file.read_bytes() for file in anchors))
    command = f"cms -verify -binary -inform DER -in content.p7s -content content -CAfile {roots} -purpose any"
    again = command + f" -attime {int(town.clock.now().timestamp())}"
    subprocess.run([str(openssl), *again.split()], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "content").write_bytes(canonical({**answer["receipt"], "to": "X"}))
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run([str(openssl), *again.split()], cwd=tmp_path, check=True, capture_output=True)


def press(client: CheckingClient, path: str, action: str, **more: str) -> Any:
    """Press the button of the page whose form leads to an action."""
    page = client.page(path)
    form = next(item for item in page.root.all("form") if item.attributes.get("action", "").endswith(action))
    sent = {item.attributes["name"]: item.attributes.get("value", "") for item in form.all("input")}
    return client.post(form.attributes["action"], data={**sent, **more})


def buttons(page: Page) -> list[str]:
    pane = next(part for part in page.root.all("section") if part.attributes.get("id") == "preview")
    return [item.text() for item in pane.all("button")]


def test_what_failed_is_sent_again_once(hanh: CheckingClient, town: Town) -> None:
    item = next(row for row in rows(town) if row.channel == "local")
    path = f"/documents/{town.answer}/deliveries/{item.id}"
    assert buttons(hanh.page(path)) == []
    alter(town, item.id, state="failed", refusal="Hệ thống nơi nhận không trả lời")
    page = hanh.page(path)
    assert "Hệ thống nơi nhận không trả lời" in page.one("main").text()
    sent = press(hanh, path, "/resend")
    assert (sent.status_code, sent.headers["Location"]) == (303, path)
    assert "đang được gửi lại" in hanh.page(path).one("main").text()
    refused = hanh.send(f"{path}/resend", {"key": "a" * 32})
    assert refused.status_code == 422
    assert "Chỉ gửi lại" in told(refused), told(refused)


def told(answer: Any) -> str:
    return Page(answer.get_data(as_text=True)).one("main").text()


def test_paper_is_posted_once(hanh: CheckingClient, town: Town) -> None:
    item = next(row for row in rows(town) if row.channel == "paper")
    alter(town, item.id, state="queued", sent_at=None)
    path = f"/documents/{town.answer}/deliveries/{item.id}"
    assert press(hanh, path, "/post", note="RN 123 456 789 VN").status_code == 303
    text = hanh.page(path).one("main").text()
    assert "RN 123 456 789 VN" in text and "Đã ghi nhận việc giao bưu điện" in text
    refused = hanh.send(f"{path}/post", {"key": "b" * 32})
    assert refused.status_code == 422
    assert next(row.state for row in rows(town) if row.id == item.id) == "posted"


def test_a_stale_form_is_told(hanh: CheckingClient, town: Town) -> None:
    item = next(row for row in rows(town) if row.channel == "local")
    alter(town, item.id, state="failed")
    path = f"/documents/{town.answer}/deliveries/{item.id}"
    assert press(hanh, path, "/resend", version="0").status_code == 409


def doors(town: Town, document: UUID, item: UUID, event: UUID) -> list[str]:
    base = f"/documents/{document}/deliveries"
    return [base, f"{base}/{item}", f"{base}/{item}/detail", f"{base}/{item}/answers/{event}"]


def test_side_doors(client: CheckingClient, town: Town, app: Flask) -> None:
    item = next(row for row in rows(town) if row.channel == "local")
    with town.office.read(town.actor("hanh")) as desk:
        receipt = scope(desk, DeliveryEvent).where(DeliveryEvent.kind == "receipt")
        event = desk.session.scalars(receipt.where(DeliveryEvent.delivery_id == item.id)).one().id
    ours = doors(town, town.answer, item.id, event)
    town.enter(client, "hanh")
    assert {client.get(path).status_code for path in ours} == {200}
    for document, delivery, answer in (
        (town.arrived, item.id, event), (town.theirs, item.id, event), (uuid4(), item.id, event),
        (town.answer, uuid4(), event),
    ):  # fmt: skip
        for path in doors(town, document, delivery, answer)[1:]:
            assert client.get(path).status_code == 404, path
    assert client.get(doors(town, town.answer, item.id, uuid4())[3]).status_code == 404
    for login in ("yen", "phong", "huy"):
        town.enter(client, login)
        for path in ours:
            assert client.get(path).status_code == 404, (login, path)
        for deed in ("resend", "post"):
            status = client.send(f"{ours[1]}/{deed}", {"key": "c" * 32}).status_code
            assert status == (404 if login == "yen" else 403), (login, deed)
        assert f"/documents/{town.answer}/deliveries" not in links(client.page("/deliveries?show=all"))
    town.enter(client, "tuan")
    assert {client.get(path).status_code for path in ours} == {200}, "he drafted it"
    assert buttons(client.page(ours[1])) == []
    town.enter(client, "mai")
    assert client.get(ours[0]).status_code == 200, "an auditor reads"


@SQLITE
def test_markup_is_shown_as_it_is(hanh: CheckingClient, town: Town) -> None:
    canary = "<script>alert('canary')</script>"
    item = late_one(town)
    alter(town, item.id, to_name=canary, refusal=canary, state="refused")
    change(town, town.answer, subject=canary)
    for locale in ("vi", "en"):
        hanh.speak(locale)
        for path in ("/deliveries?show=all", f"/documents/{town.answer}/deliveries/{item.id}"):
            source = hanh.get(path).get_data(as_text=True)
            assert "<script>alert" not in source and "&lt;script&gt;alert" in source, path


@SQLITE
def test_an_empty_board_teaches(client: CheckingClient, town: Town) -> None:
    town.enter(client, "phong")
    assert "Chưa phát hành văn bản nào" in client.page("/deliveries?show=all").one("main").text()
    assert "Không có văn bản nào ở mục này" in client.page("/deliveries").one("main").text()
    assert client.get("/deliveries?after=x").status_code == 422

"""The annexes of a draft in its pages, with plain forms: added, named, ordered, opened by all who may, or refused."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
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
from eoffice.services import annexes, drafting, ledger, search
from tests.services.test_annexes import add, approve, hostile
from tests.support.checking import CheckingClient, Page
from tests.support.letters import at_work, content
from tests.support.papers import annex_pdf
from tests.web.conftest import Town
from tests.web.test_documents import statements

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

ONE, TWO = annex_pdf("Bảng tổng hợp kinh phí"), annex_pdf("Danh sách", pages=2)


@pytest.fixture
def staff(town: Town) -> Iterator[Staff]:
    with at_work(town) as staff:
        yield staff


def person(app: Flask, town: Town, login: str) -> CheckingClient:
    client = app.test_client()
    assert isinstance(client, CheckingClient)
    town.enter(client, login)
    return client


def bring(client: CheckingClient, letter: UUID, *brought: tuple[bytes, str], **more: str) -> TestResponse:
    """Send files through the form of the draft's page, as it stands there."""
    sent = client.form(f"/documents/{letter}", f"/documents/{letter}/annexes")
    data: dict[str, Any] = {**sent, "file": [(io.BytesIO(pdf), name) for pdf, name in brought], **more}
    return client.post(f"/documents/{letter}/annexes", data=data, content_type="multipart/form-data")


def press(client: CheckingClient, letter: UUID, do: str, **names: str) -> TestResponse:
    """Press a button of the list of annexes."""
    page = client.page(f"/documents/{letter}")
    form = next(item for item in page.root.all("form") if item.attributes.get("action", "").endswith("/arrange"))
    fields = [(item.attributes["name"], item.attributes.get("value", "")) for item in form.all("input")]
    data: dict[str, Any] = {}
    for name, value in fields:
        data.setdefault(name, []).append(names.get(value if name == "annex" else name, value))
    data |= {name: [text] for name, text in names.items()} | {"do": [do]}
    return client.post(f"/documents/{letter}/annexes/arrange", data=data)


def names(town: Town, letter: UUID) -> list[str]:
    with town.office.read(town.actor("tuan")) as desk:
        return [annex.name for annex in drafting.annexes(search.document(desk, letter))]


def main(answer: TestResponse) -> str:
    return Page(answer.get_data(as_text=True)).one("main").text()


def test_a_drafter_adds_names_orders_and_takes_out(app: Flask, town: Town, staff: Staff) -> None:
    letter = staff.draft("tuan", content(staff)).id
    tuan = person(app, town, "tuan")
    answer = bring(tuan, letter, (ONE, "Phụ lục I.pdf"), (TWO, "Phụ lục II.pdf"))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/documents/{letter}#annexes")
    told = tuan.page(f"/documents/{letter}").one("main").text()
    assert "Đã thêm 2 phụ lục" in told
    assert "2 trang" in told
    assert names(town, letter) == ["Phụ lục I.pdf", "Phụ lục II.pdf"]
    assert press(tuan, letter, "down:0").status_code == 303
    assert names(town, letter) == ["Phụ lục II.pdf", "Phụ lục I.pdf"]
    first = staff.document("tuan", letter).annexes[0][0]
    assert press(tuan, letter, "save", **{f"name-{first}": "Danh sách kèm theo"}).status_code == 303
    assert names(town, letter) == ["Danh sách kèm theo.pdf", "Phụ lục I.pdf"]
    assert press(tuan, letter, "remove:1").status_code == 303
    assert names(town, letter) == ["Danh sách kèm theo.pdf"]
    tuan.page(f"/documents/{letter}")  # what the last press said is told once
    tuan.speak("en")
    assert "Annexes 1" in tuan.page(f"/documents/{letter}").one("main").text()


def test_whatever_is_wrong_with_one_stops_none_of_the_others(app: Flask, town: Town, staff: Staff) -> None:
    letter = staff.draft("tuan", content(staff)).id
    tuan = person(app, town, "tuan")
    secret = hostile(staff, "state secret")
    kinds = ("protected", "certified", "damaged", "no pdf", "scripted")
    brought = [(hostile(staff, kind), f"{kind}.pdf") for kind in kinds]
    stored = set(town.office.files.names())
    answer = bring(tuan, letter, *brought, (secret, "mật.pdf"), (ONE, "được.pdf"), (ONE, "lần nữa.pdf"))
    assert answer.status_code == 422
    told = main(answer)
    for words in (
        "protected.pdf: Tệp PDF này được bảo vệ bằng mật khẩu",
        "certified.pdf: Tệp PDF này đã được chứng thực",
        "no pdf.pdf:",
        "scripted.pdf: Tệp PDF này chứa mã lệnh",
        "mật.pdf: Văn bản độ “Tuyệt mật”",
        "lần nữa.pdf: Tệp này đã là phụ lục 1",
        "Đã thêm 1 phụ lục",
        "7 trong 8 tệp chưa được thêm vào",
    ):
        assert words in told, words
    assert names(town, letter) == ["được.pdf"]
    assert hashlib.sha256(secret).hexdigest() not in set(town.office.files.names()) - stored


def test_an_empty_form_a_strange_button_and_a_strange_file(app: Flask, town: Town, staff: Staff) -> None:
    letter = staff.draft("tuan", content(staff)).id
    tuan = person(app, town, "tuan")
    assert bring(tuan, letter).status_code == 422
    assert bring(tuan, letter, (ONE, "a.pdf"), version="").status_code == 422
    add(staff, letter, ONE)
    for do in ("up:7", "remove:-1", "fly:0", ""):
        assert press(tuan, letter, do).status_code == 303
    assert len(names(town, letter)) == 1
    assert press(tuan, letter, "save", **{names_key(staff, letter): "x"}).status_code == 422
    assert tuan.get(f"/documents/{letter}?file={UUID(int=7)}").status_code == 404
    assert tuan.get(f"/documents/{letter}?file=x").status_code == 404


def names_key(staff: Staff, letter: UUID) -> str:
    """The id of the only annex, to be replaced by something else in a form."""
    found = staff.document("tuan", letter).annexes
    assert found
    return str(found[0][0])


def test_nothing_is_stored_for_who_may_not_add_it(app: Flask, town: Town, staff: Staff) -> None:
    """A clerk who sees every draft, and the drafter himself once it is signed; both attempts are written down."""
    letter = ready(staff, ONE)
    other = staff.draft("tuan", content(staff)).id
    stored = set(town.office.files.names())
    for login, key, status in (("hanh", other, 403), ("tuan", letter, 409), ("hoa", other, 404)):
        client = person(app, town, login)
        data = {"csrf_token": client.token(), "key": "a" * 32, "version": "1", "file": [(io.BytesIO(TWO), "b.pdf")]}
        answer = client.post(f"/documents/{key}/annexes", data=data, content_type="multipart/form-data")
        assert answer.status_code == status, login
    assert set(town.office.files.names()) == stored
    with town.office.read(town.actor("hanh")) as desk:
        for key in (letter, other):
            assert "deed.refused" in [entry.word for entry in ledger.find(desk, object_id=key)]


def test_a_form_from_before_a_change_is_refused(app: Flask, town: Town, staff: Staff) -> None:
    letter = staff.draft("tuan", content(staff)).id
    tuan = person(app, town, "tuan")
    sent = tuan.form(f"/documents/{letter}", f"/documents/{letter}/annexes")
    add(staff, letter, ONE)
    data = {**sent, "file": [(io.BytesIO(TWO), "b.pdf")]}
    answer = tuan.post(f"/documents/{letter}/annexes", data=data, content_type="multipart/form-data")
    assert answer.status_code == 409
    assert len(names(town, letter)) == 1


def test_everybody_who_sees_the_draft_opens_its_annexes(app: Flask, town: Town, staff: Staff) -> None:
    """Unit head, format checker, leader and clerk: link, page, text, bytes. Others: as if it were not there."""
    letter = staff.draft("tuan", content(staff)).id
    add(staff, letter, TWO, "Danh sách.pdf")
    approve(staff, letter)
    file = names_key(staff, letter)
    base = f"/documents/{letter}/files/{file}"
    for login in ("tuan", "son", "anh", "nam", "hanh"):
        client = person(app, town, login)
        page = client.page(f"/documents/{letter}")
        assert f"/documents/{letter}?file={file}" in {item.attributes.get("href", "") for item in page.root.all("a")}
        shown = client.page(f"/documents/{letter}?file={file}")
        pictures = [item.attributes["src"] for item in shown.root.all("img") if "/files/" in item.attributes["src"]]
        assert pictures == [f"{base}/pages/1.jpg", f"{base}/pages/2.jpg"]
        assert client.get(pictures[1]).status_code == 200
        assert "Danh sách" in client.page(f"{base}/text").one("main").text()
        assert client.get(base).data == TWO
    paths = (base, f"{base}/pages/1.jpg", f"{base}/text", f"{base}/verdict.json", f"/documents/{letter}?file={file}")
    for login in ("hoa", "phong"):  # another agency, and the administrator
        client = person(app, town, login)
        assert {client.get(path).status_code for path in paths} == {404}, login


def test_what_was_taken_out_is_served_to_nobody(app: Flask, town: Town, staff: Staff) -> None:
    letter = staff.draft("tuan", content(staff)).id
    add(staff, letter, ONE)
    tuan = person(app, town, "tuan")
    base = f"/documents/{letter}/files/{names_key(staff, letter)}"
    assert press(tuan, letter, "remove:0").status_code == 303
    assert base not in tuan.get(f"/documents/{letter}").get_data(as_text=True)
    for path in (base, f"{base}/pages/1.jpg", f"{base}/text", f"{base}/verdict.pdf", f"{base}/revisions/100"):
        assert tuan.get(path).status_code == 404, path
    checked = tuan.form(f"/documents/{letter}", f"/documents/{letter}/annexes")
    assert tuan.post(f"{base}/check", data=checked).status_code == 404


def test_only_who_writes_the_draft_is_offered_a_change(app: Flask, town: Town, staff: Staff) -> None:
    letter = staff.draft("tuan", content(staff)).id
    add(staff, letter, ONE)
    approve(staff, letter)
    for login, offered in (("tuan", True), ("son", True), ("anh", False), ("hanh", False), ("nam", False)):
        page = person(app, town, login).page(f"/documents/{letter}")
        actions = {item.attributes.get("action", "") for item in page.root.all("form")}
        assert (f"/documents/{letter}/annexes" in actions) is offered, login
    tuan = person(app, town, "tuan")
    assert "mất hiệu lực các lần duyệt" in tuan.page(f"/documents/{letter}").one("main").text()
    bring(tuan, letter, (TWO, "b.pdf"))
    assert staff.document("tuan", letter).state == "draft"
    assert "với phụ lục tại thời điểm đó" in tuan.page(f"/documents/{letter}").one("main").text()


def test_nobody_approves_what_the_page_did_not_show(app: Flask, town: Town, staff: Staff) -> None:
    """Another annex came between the look and the press, from the format check to the leader's desk."""
    letter = staff.draft("tuan", content(staff)).id
    staff.do("tuan", drafting.submit, letter)
    son = person(app, town, "son")
    sent = son.form(f"/documents/{letter}", "/approve-content")
    add(staff, letter, ONE)
    staff.do("tuan", drafting.submit, letter)
    assert son.post(f"/documents/{letter}/approve-content", data=sent).status_code == 409
    staff.do("son", drafting.approve_content, letter)
    staff.do("anh", drafting.approve_format, letter)
    nam = person(app, town, "nam")
    seen = nam.form(f"/sign/{letter}", "/approve")
    add(staff, letter, TWO)
    approve(staff, letter)
    answer = nam.post(f"/sign/{letter}/approve", data=seen)
    assert answer.status_code == 409
    with town.office.read(town.actor("nam")) as desk:
        assert desk.session.scalars(scope(desk, SigningItem)).all() == []


def test_the_leader_is_told_of_them_at_his_desk(app: Flask, town: Town, staff: Staff) -> None:
    letter = staff.draft("tuan", content(staff)).id
    add(staff, letter, ONE, "Bảng.pdf")
    approve(staff, letter)
    page = person(app, town, "nam").page(f"/sign/{letter}")
    assert "Phụ lục 1: Bảng.pdf" in page.one("main").text()
    assert "duyệt nội dung" in page.one("main").text()


def test_pages_cost_as_many_statements_as_before(app: Flask, town: Town, staff: Staff) -> None:
    letter = staff.draft("tuan", content(staff)).id
    for place in range(5):
        add(staff, letter, annex_pdf(f"Bảng {place}"))
    tuan = person(app, town, "tuan")
    with statements(town) as seen:
        tuan.page(f"/documents/{letter}")
    assert len(seen) <= 10, seen


# issuing


def ready(staff: Staff, *brought: bytes) -> UUID:
    """A letter with annexes and the director's signature."""
    letter = staff.draft("tuan", replace(content(staff), to=(staff.to("so-tai-chinh"),))).id
    for place, pdf in enumerate(brought or (ONE, TWO), start=1):
        add(staff, letter, pdf, f"Phụ lục {place}.pdf")
    approve(staff, letter)
    staff.sign("nam", letter)
    return letter


def issue(client: CheckingClient, letter: UUID, **more: str) -> TestResponse:
    sent = client.form(f"/issue/{letter}", f"/issue/{letter}")
    return client.post(f"/issue/{letter}", data={**sent, "password": KEY_PASSWORD, **more})


def test_one_gesture_seals_the_annexes_and_tells_of_them(hanh: CheckingClient, staff: Staff) -> None:
    """Pressed twice it is done once; the pages of issuing, of deliveries and of the document tell of them."""
    letter = ready(staff)
    assert "2 phụ lục: Phụ lục 1.pdf Phụ lục 2.pdf" in hanh.page(f"/issue/{letter}").one("main").text()
    sent = hanh.form(f"/issue/{letter}", f"/issue/{letter}")
    for _ in range(2):
        assert hanh.post(f"/issue/{letter}", data={**sent, "password": KEY_PASSWORD}).status_code == 303
    rows = [row for row in staff.document("hanh", letter).files if (row.role, row.stage) == ("annex", "sealed")]
    assert len(rows) == 2
    assert len(staff.deliveries("hanh", letter)) == 1
    assert "2 phụ lục:" in hanh.page(f"/documents/{letter}/deliveries").one("main").text()
    page = hanh.page(f"/documents/{letter}?file={rows[0].id}")
    assert "Hợp lệ" in page.one("main").text()
    base = f"/documents/{letter}/files/{rows[0].id}"
    assert f"{base}/verdict.pdf" in {item.attributes.get("href") for item in page.root.all("a")}
    for form in ("pdf", "xml", "json"):
        assert hanh.get(f"{base}/verdict.{form}").status_code == 200
    answer = hanh.press(f"/documents/{letter}?file={rows[0].id}", "/check")
    assert answer.headers["Location"] == f"/documents/{letter}?file={rows[0].id}#signatures"
    assert hanh.get(answer.headers["Location"]).status_code == 200


def test_the_recipient_s_pages_tell_of_them(app: Flask, hanh: CheckingClient, town: Town, staff: Staff) -> None:
    letter = ready(staff)
    assert issue(hanh, letter).status_code == 303
    drain(town.office)
    theirs = staff.received("yen")[-1]
    yen = person(app, town, "yen")
    assert "2 phụ lục:" in yen.page(f"/documents/{theirs.id}/register").one("main").text()
    told = yen.page(f"/documents/{theirs.id}").one("main").text()
    assert "Phụ lục 2" in told
    assert told.count("Hợp lệ") >= 3
    file = next(row for row in theirs.files if row.role == "annex")
    base = f"/documents/{theirs.id}/files/{file.id}"
    assert yen.get(base).data == town.office.files.read(file.sha256)
    for login in ("hanh", "phong"):
        stranger = person(app, town, login)
        for path in (base, f"{base}/pages/1.jpg", f"{base}/text", f"{base}/verdict.pdf", f"{base}/revisions/1"):
            assert stranger.get(path).status_code == 404, (login, path)


def test_an_annex_that_cannot_be_signed_is_told_on_the_page(
    hanh: CheckingClient, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf = hostile(staff, "certified")
    with monkeypatch.context() as door:
        door.setattr(annexes, "try_out", lambda *_anything: None)
        letter = ready(staff, ONE, pdf)
    answer = issue(hanh, letter)
    assert answer.status_code == 422
    assert "Không ký số được phụ lục “Phụ lục 2.pdf”" in main(answer)
    assert "khóa bởi một chữ ký trước" in main(answer)
    row = staff.document("hanh", letter)
    assert row.state == "numbered"
    assert {file.stage for file in row.files} == {"draft", "signed"}

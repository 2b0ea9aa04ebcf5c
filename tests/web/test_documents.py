"""Lists, one document, its files: what is shown, to whom, and at what cost."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from eoffice.core.desk import scope
from eoffice.models.documents import Document, DocumentFile
from eoffice.models.ledger import AccessEntry, LedgerEntry
from eoffice.services import examine, search
from signing import signed_version
from tests.support.checking import CheckingClient, Page, filled
from tests.support.papers import arrived
from tests.web.conftest import Town

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@contextmanager
def statements(town: Town) -> Iterator[list[str]]:
    """The statements sent to the database within the block."""
    seen: list[str] = []

    own = threading.get_ident()  # what is written about visits comes from a thread of its own

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if threading.get_ident() == own and not statement.startswith(("PRAGMA", "BEGIN", "SET ")):
            seen.append(statement)

    event.listen(town.office.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(town.office.engine, "before_cursor_execute", note)


def listed(page: Page) -> str:
    """The text of the rows of a list."""
    return next(item for item in page.root.all("table") if "data-rows" in item.attributes).text()


def change(town: Town, document: UUID, **values: Any) -> None:
    """Change a document behind everybody's back."""
    statement = update(Document).where(Document.id == document).values(values)
    with town.office.sessions.write() as session:
        session.execute(statement, execution_options={"scoped": True, "synchronize_session": False})
        session.commit()


def links(page: Page) -> list[str]:
    return [item.attributes["href"] for item in page.root.all("a") if "go" in item.attributes.get("class", "").split()]


def many(town: Town, number: int, *, state: str = "done", slug: str = "so-noi-vu") -> None:
    """Put more documents into the books than anybody would register in a test."""
    agency = town.agency(slug)
    now = town.clock.now()
    with town.office.write(town.system(slug), key="many") as desk:
        desk.session.execute(
            Document.__table__.insert(),
            [
                {
                    "id": uuid4(), "agency_id": agency, "direction": "incoming", "state": state, "version": 1,
                    "kind": "official_letter", "symbol": "BNV-VP", "code": f"{at}/BNV-VP", "issuer_name": "Bộ Nội vụ",
                    "issuer_identifier": "", "subject": f"Đề nghị số {at} về lưu trữ",
                    "folded": f"{at}/bnv-vp de nghi so {at} ve luu tru bo noi vu",
                    "language": "vi", "page_count": 1, "urgency": "normal", "circulation": "none", "signer_name": "",
                    "signer_title": "", "capacity": "", "created_at": now + timedelta(seconds=at), "provenance": "work",
                    "active_content": False, "done_note": "", "refusal": "",
                }
                for at in range(1, number + 1)
            ],
        )  # fmt: skip


def test_the_list_tells_what_came(hanh: CheckingClient, town: Town) -> None:
    page = hanh.page("/incoming")
    assert f"/documents/{town.arrived}" in links(page)
    assert "Hoàn thành" in listed(page)
    assert "Không chữ ký" in listed(page)
    assert "Đã phát hành" in listed(hanh.page("/outgoing"))


def test_counters_equal_their_lists(hanh: CheckingClient, town: Town) -> None:
    arrived(town, "so-noi-vu", b"%PDF-1.7 one more")
    page = hanh.page("/incoming")
    tabs = next(item for item in page.root.all("nav") if "tabs" in item.attributes.get("class", ""))
    for tab in tabs.all("a"):
        number = next(tab.all("span")).text()
        assert len(links(hanh.page(tab.attributes["href"]))) == int(number), tab.text()
    menu = next(item for item in page.root.all("div") if item.attributes.get("class") == "in")
    for state in menu.all("a"):
        number = next(state.all("span")).text()
        assert len(links(hanh.page(state.attributes["href"]))) == int(number), state.text()


def test_late_ones_are_found_and_told_in_words(hanh: CheckingClient, town: Town) -> None:
    late = arrived(town, "so-noi-vu", b"%PDF-1.7 late")
    change(town, late, due_at=town.clock.now() - timedelta(days=2), state="in_progress")
    page = hanh.page("/incoming?late=1")
    assert links(page) == [f"/documents/{late}"]
    assert "trễ" in listed(page)
    assert "trễ" in hanh.page(f"/documents/{late}").one("main").text()


@pytest.mark.parametrize("words", ["văn thư", "van thu", "VĂN THƯ", "thu van"])
def test_words_are_found_with_and_without_marks(hanh: CheckingClient, town: Town, words: str) -> None:
    many(town, 3)
    with town.office.read(town.actor("hanh")) as desk:
        subject = desk.session.scalars(scope(desk, Document).where(Document.id == town.arrived)).one().folded
    assert ("van" in subject and "thu" in subject) == bool(links(hanh.page("/incoming", query_string={"q": words})))
    assert len(links(hanh.page("/incoming", query_string={"q": "lưu trữ bộ nội vụ đề nghị"}))) == 3
    assert links(hanh.page("/incoming", query_string={"q": "100% không_có"})) == []


def test_pages_of_a_list_show_each_document_once(hanh: CheckingClient, town: Town) -> None:
    before = len(links(hanh.page("/incoming")))
    many(town, 120)
    seen: list[str] = []
    path = "/incoming"
    while path:
        page = hanh.page(path)
        seen += links(page)
        older = (item.attributes for item in page.root.all("a") if item.attributes.get("rel") == "next")
        path = next(older, {"href": ""})["href"]
    assert len(seen) == len(set(seen)) == before + 120


@SQLITE
@pytest.mark.parametrize(
    "mark", ["x", "W10", "WyJhIiwiYiJd", "WzEsMl0", "WyIyMDI2LTAxLTAxVDAwOjAwOjAwIiwgIngiXQ", "%00"]
)
def test_a_foreign_page_mark_is_refused(hanh: CheckingClient, mark: str) -> None:
    assert hanh.get(f"/incoming?after={mark}").status_code == 422


def test_a_list_costs_the_same_however_long(hanh: CheckingClient, town: Town) -> None:
    hanh.get("/incoming")
    with statements(town) as few:
        hanh.get("/incoming")
    many(town, 200)
    with statements(town) as more:
        hanh.get("/incoming")
    assert len(few) == len(more) <= 6, more


def test_an_auditors_list_costs_no_more(client: CheckingClient, town: Town) -> None:
    town.enter(client, "mai")
    client.get("/incoming")
    with statements(town) as seen:
        page = client.page("/incoming")
    assert len(seen) <= 6, seen
    assert "Cơ quan" in page.one("thead").text()


def test_a_document_costs_ten_statements(hanh: CheckingClient, town: Town) -> None:
    for document in (town.arrived, town.answer):
        hanh.get(f"/documents/{document}")
        with statements(town) as seen:
            hanh.get(f"/documents/{document}")
        assert len(seen) <= 10, [statement[:120] for statement in seen]


def test_a_document_tells_its_whole_story(hanh: CheckingClient, town: Town) -> None:
    text = hanh.page(f"/documents/{town.arrived}").one("main").text()
    for told in ("Chỉ đạo và phân công", "Chủ trì", "Trần Thị Hạnh vào sổ, số đến 1", "Trả lời"):
        assert told in text, told
    text = hanh.page(f"/documents/{town.answer}").one("main").text()
    for told in (
        "Nguyễn Văn Nam người có thẩm quyền ký",
        "chữ ký số của cơ quan",
        "theo dấu thời gian tin cậy",
        "phiên bản 2/5",  # the draft, each signature, and behind each the evidence about it
        "phiên bản 4/5",
        "chưa bị thu hồi, CRL, ",
        ", kèm trong tệp",
        "chỉ có bổ sung được phép",
        "Đã duyệt nội dung",
        "Đã duyệt thể thức",
        "đã kiểm tra biên nhận có chữ ký",
        "TOTAL-PASSED",
    ):
        assert told in text, told


def test_the_signatures_are_checked_anew(client: CheckingClient, town: Town) -> None:
    """A list that tells of a revocation came in since: the verdict follows, what was counted does not."""
    town.enter(client, "hanh")
    page = client.page(f"/documents/{town.arrived}")
    (form,) = [item for item in page.root.all("form") if item.attributes["action"].endswith("/check")]
    town.clock.step(timedelta(hours=1))
    with town.office.read(town.actor("hanh")) as desk:
        row = search.document(desk, town.arrived)
        (file,) = [one for one in row.files if one.stage == "received"]
        before = examine.verdict_of(desk, file.sha256)
        assert before is not None
    change(town, town.arrived, verdict="WARNED")  # as if the lists had known less when it came
    answer = client.send(form.attributes["action"], filled(form))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/documents/{town.arrived}#signatures")
    again = client.send(form.attributes["action"], filled(form))
    assert again.status_code == 303, "pressed twice it is one check"
    with town.office.read(town.actor("hanh")) as desk:
        after = examine.verdict_of(desk, file.sha256)
        assert after is not None
        assert after.checked_at > before.checked_at
        assert search.document(desk, town.arrived).verdict == after.verdict
        told = desk.session.scalars(select(LedgerEntry).where(LedgerEntry.word == "file.checked")).all()
    assert [entry.object_id for entry in told] == [town.arrived]
    assert "cho kiểm tra lại chữ ký" in client.page(f"/documents/{town.arrived}").one("main").text()
    town.enter(client, "mai")  # reads several agencies and changes nothing in them
    assert "/check" not in client.get(f"/documents/{town.arrived}").get_data(as_text=True)
    assert client.send(form.attributes["action"], filled(form)).status_code in (403, 404)


def test_files_come_byte_for_byte(hanh: CheckingClient, town: Town) -> None:
    with town.office.read(town.actor("hanh")) as desk:
        files = desk.session.scalars(scope(desk, DocumentFile)).all()
    for file in files:
        answer = hanh.get(f"/documents/{file.document_id}/files/{file.id}")
        assert hashlib.sha256(answer.data).hexdigest() == file.sha256
        assert answer.headers["Content-Type"] == "application/pdf"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_the_version_that_was_signed_can_be_opened(hanh: CheckingClient, town: Town) -> None:
    page = hanh.page(f"/documents/{town.answer}")
    targets = [item.attributes.get("href", "") for item in page.root.all("a")]
    signed, sealed = [target for target in targets if "/revisions/" in target]
    whole, part = hanh.get(sealed).data, hanh.get(signed).data
    assert whole.startswith(part)
    with town.office.read(town.actor("hanh")) as desk:
        ours = scope(desk, DocumentFile).where(DocumentFile.document_id == town.answer)
        files = {file.stage: desk.files.read(file.sha256) for file in desk.session.scalars(ours)}
    assert (part, whole) == tuple(signed_version(files["sealed"], field) for field in ("leader", "agency"))
    assert files["signed"].startswith(part)  # behind it stands the evidence, which the seal covers too
    assert whole.startswith(files["signed"])
    assert hanh.get(signed.rpartition("/")[0] + "/100").status_code == 404


def test_the_verdict_is_taken_away_by_those_who_may_see_it(client: CheckingClient, town: Town) -> None:
    town.enter(client, "hanh")
    links = [item.attributes["href"] for item in client.page(f"/documents/{town.answer}").root.all("a")]
    sheet, xml, told = [target for target in links if "/verdict." in target]
    assert [target.rpartition(".")[2] for target in (sheet, xml, told)] == ["pdf", "xml", "json"]
    assert client.get(sheet).data.startswith(b"%PDF-")
    assert b"ValidationReport" in client.get(xml).data
    assert client.get(told).get_json()["verdict"] == "PASSED"
    assert client.get(told.replace(".json", ".exe")).status_code == 404
    town.enter(client, "huy")  # of the same agency, but none of those it concerns
    assert [client.get(target).status_code for target in (sheet, xml, told)] == [404, 404, 404]


def images(page: Page) -> list[str]:
    return [item.attributes["src"] for item in page.root.all("img") if "/pages/" in item.attributes["src"]]


def test_page_images_and_text(hanh: CheckingClient, town: Town) -> None:
    (image,) = images(hanh.page(f"/documents/{town.answer}"))
    answer = hanh.get(image)
    assert answer.data.startswith(b"\xff\xd8\xff")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert hanh.get(image, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert hanh.get(image.replace("/1.jpg", "/2.jpg")).status_code == 404
    assert images(hanh.page("/outgoing")) == [image]
    text = hanh.page(image.replace("pages/1.jpg", "text")).one("pre").text()
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in text


def test_a_file_nobody_can_draw_is_told(hanh: CheckingClient, town: Town) -> None:
    broken = arrived(town, "so-noi-vu", b"%PDF-1.7 nothing to see")
    (image,) = images(hanh.page(f"/documents/{broken}"))
    assert hanh.get(image).status_code == 422
    assert hanh.get(image.replace("pages/1.jpg", "text")).status_code in (200, 422)


def test_the_preview_is_a_part_of_a_page(hanh: CheckingClient, town: Town) -> None:
    answer = hanh.get(f"/documents/{town.arrived}/preview")
    assert "<html" not in answer.get_data(as_text=True)
    assert f"/documents/{town.arrived}/files/" in answer.get_data(as_text=True)


def test_openings_are_written_into_the_access_log(hanh: CheckingClient, town: Town, app: Flask) -> None:
    page = hanh.page(f"/documents/{town.answer}")
    downloads = [item.attributes["href"] for item in page.root.all("a") if "download" in item.attributes]
    file = next(target for target in downloads if "/verdict." not in target)
    hanh.get(file)
    with statements(town) as seen:
        hanh.get(f"/documents/{town.answer}")
    assert not [statement for statement in seen if not statement.lstrip().startswith(("SELECT", "WITH"))]
    app.extensions["visits"].flush()
    with town.office.sessions.read() as session:
        found = session.scalars(select(AccessEntry).order_by(AccessEntry.at, AccessEntry.id)).all()
    assert sorted(entry.action for entry in found) == ["document.opened", "document.opened", "file.fetched"]
    assert {entry.actor for entry in found} == {"Trần Thị Hạnh"}
    assert {entry.chain for entry in found} == {town.agency("so-noi-vu")}
    assert {entry.object_id for entry in found} == {town.answer}


def paths(app: Flask, document: UUID, file: UUID) -> list[str]:
    """Every address that names a document, from the routes themselves."""
    found = []
    for rule in app.url_map.iter_rules():
        if "document_id" in rule.arguments and "GET" in (rule.methods or ()):
            values: dict[str, Any] = {"document_id": document, "file_id": file, "page": 1, "length": 1}
            values |= {"delivery_id": file, "event_id": file, "form": "pdf"}
            _domain, path = rule.build({name: values[name] for name in rule.arguments}) or ("", "")
            found.append(path)
    assert len(found) >= 6
    return found


def file_of(town: Town, login: str, document: UUID) -> UUID:
    with town.office.read(town.actor(login)) as desk:
        return desk.session.scalars(scope(desk, DocumentFile).where(DocumentFile.document_id == document)).all()[0].id


def test_what_belongs_to_others_is_not_there(hanh: CheckingClient, town: Town, app: Flask) -> None:
    file = file_of(town, "yen", town.theirs)
    for path in paths(app, town.theirs, file):
        assert hanh.get(path).status_code == 404, path
    own = file_of(town, "hanh", town.arrived)
    for path in paths(app, town.arrived, file):
        if "/files/" in path:
            assert hanh.get(path).status_code == 404, path
    for path in paths(app, town.theirs, own):
        assert hanh.get(path).status_code == 404, path
    for path in paths(app, uuid4(), own):
        assert hanh.get(path).status_code == 404, path


def test_an_officer_sees_what_he_takes_part_in(client: CheckingClient, town: Town, app: Flask) -> None:
    town.enter(client, "tuan")
    assert f"/documents/{town.arrived}" in links(client.page("/incoming"))
    assert client.get(f"/documents/{town.answer}").status_code == 200
    town.enter(client, "phong")
    assert links(client.page("/incoming")) == []
    for path in paths(app, town.arrived, file_of(town, "hanh", town.arrived)):
        # who may issue or copy nothing is told so about every document alike
        told = 403 if path.startswith("/issue/") or path.endswith("/copy") else 404
        assert client.get(path).status_code == told, path


def test_the_auditor_reads_what_is_in_his_reach(client: CheckingClient, town: Town) -> None:
    town.enter(client, "mai")
    found = links(client.page("/incoming"))
    assert {f"/documents/{town.arrived}", f"/documents/{town.theirs}"} <= set(found)
    text = client.page(f"/documents/{town.arrived}").one("main").text()
    assert "vào sổ, số đến 1" in text
    assert "Chủ trì" in text


def test_markup_in_text_is_shown_as_it_is(hanh: CheckingClient, town: Town) -> None:
    canary = "<script>alert('canary')</script><img src=x onerror=alert(1)>\"'&"
    fields = ("subject", "issuer_name", "code", "signer_name", "refusal", "done_note")
    change(town, town.arrived, **dict.fromkeys(fields, canary))
    for locale in ("vi", "en"):
        hanh.speak(locale)
        for path in ("/incoming", f"/documents/{town.arrived}", f"/documents/{town.arrived}/preview"):
            source = hanh.get(path).get_data(as_text=True)
            assert "<script>alert" not in source
            assert "&lt;script&gt;alert" in source
        source = hanh.get("/incoming", query_string={"q": canary}).get_data(as_text=True)
        assert "<script>alert" not in source


@SQLITE
def test_an_empty_list_teaches(client: CheckingClient, town: Town) -> None:
    town.enter(client, "phong")
    assert "Chưa có văn bản" in client.page("/incoming").one("main").text()
    assert "Không có văn bản phù hợp" in client.page("/incoming?q=x").one("main").text()

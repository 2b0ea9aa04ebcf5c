"""Files that are brought: taken in one by one, or refused with a reason; nothing half done, nothing lost."""

from __future__ import annotations

import gc
import io
import unicodedata
import warnings
from typing import Any

import pytest
from flask import Flask
from pikepdf import Encryption
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from eoffice.cli.tour import letter_from_outside
from eoffice.core.desk import scope
from eoffice.models.documents import Document, DocumentFile
from eoffice.services import files
from eoffice.web.incoming import MOST_FILES
from tests.services.test_bad_input import pdf
from tests.support.checking import CheckingClient, Page, check_page
from tests.web.conftest import Town

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

KEY = "0" * 32
GOOD = pdf()


def bring(client: CheckingClient, *brought: tuple[bytes, str], key: str = KEY, **more: str) -> TestResponse:
    """Send files through the form."""
    data: dict[str, Any] = {"file": [(io.BytesIO(content), name) for content, name in brought]}
    return client.send("/incoming/add", {"key": key, **more, **data}, content_type="multipart/form-data")


def waiting(town: Town) -> list[Document]:
    """Documents that wait to be registered in Sở Nội vụ, oldest first."""
    with town.office.read(town.actor("hanh")) as desk:
        statement = scope(desk, Document).where(Document.state == "arrived").order_by(Document.created_at, Document.id)
        rows = list(desk.session.scalars(statement))
        for row in rows:
            assert len(row.files) == 1
        return rows


def main(answer: TestResponse) -> str:
    return Page(answer.get_data(as_text=True)).one("main").text()


@pytest.mark.parametrize("channel", ["hand", "post", "email", "fax"])
def test_a_good_file_leads_to_its_form(hanh: CheckingClient, town: Town, channel: str) -> None:
    answer = bring(hanh, (letter_from_outside(town.clock.now()), "công văn.pdf"), channel=channel)
    (row,) = waiting(town)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/documents/{row.id}/register")
    assert (row.channel, row.code, row.files[0].name) == (channel, "214/CTN-HC", "công văn.pdf")
    assert hanh.get(answer.headers["Location"]).status_code == 200


def test_it_came_by_hand_unless_said_otherwise(hanh: CheckingClient, town: Town) -> None:
    assert bring(hanh, (GOOD, "x.pdf")).status_code == 303
    assert waiting(town)[0].channel == "hand"


def test_pressed_twice_it_is_one_document(hanh: CheckingClient, town: Town) -> None:
    first, second = bring(hanh, (GOOD, "x.pdf")), bring(hanh, (GOOD, "x.pdf"))
    assert first.headers["Location"] == second.headers["Location"]
    many = [(pdf(pages), f"{pages}.pdf") for pages in (2, 3)]
    for _ in range(2):
        assert bring(hanh, *many, key="1" * 32).status_code == 200
    assert len(waiting(town)) == 3


def test_one_key_is_not_for_other_files(hanh: CheckingClient, town: Town) -> None:
    assert bring(hanh, (GOOD, "x.pdf")).status_code == 303
    answer = bring(hanh, (pdf(2), "another.pdf"))
    assert answer.status_code == 409
    assert len(waiting(town)) == 1


WRONG: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "trống"),
    "not a PDF": (b"PK\x03\x04" + b"\0" * 2000, "không phải PDF"),
    "damaged": (b"%PDF-1.7\n" + bytes(range(256)) * 40, "bị hỏng"),
    "locked": (pdf(encryption=Encryption(user="x", owner="y")), "mật khẩu"),
}


@pytest.mark.parametrize("what", list(WRONG))
@pytest.mark.parametrize("locale", ["vi", "en"])
def test_a_wrong_file_is_refused_with_its_reason(hanh: CheckingClient, town: Town, what: str, locale: str) -> None:
    hanh.speak(locale)
    content, reason = WRONG[what]
    answer = bring(hanh, (content, "văn bản.pdf"))
    assert answer.status_code == 422
    assert "văn bản.pdf" in main(answer)
    if locale == "vi":
        assert reason in main(answer)
    box = next(
        item for item in Page(answer.get_data(as_text=True)).root.all("input") if item.attributes.get("id") == "file"
    )
    assert box.attributes["aria-invalid"] == "true"
    assert "file-err" in box.attributes["aria-describedby"]
    assert waiting(town) == []


@pytest.mark.parametrize("what", ["empty", "not a PDF"])
def test_what_is_no_pdf_at_first_sight_is_not_even_stored(hanh: CheckingClient, town: Town, what: str) -> None:
    before = list(town.office.files.names())
    bring(hanh, (WRONG[what][0], "x.pdf"))
    assert list(town.office.files.names()) == before


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_each_of_many_is_told_apart(hanh: CheckingClient, town: Town, locale: str) -> None:
    hanh.speak(locale)
    brought = [
        (pdf(1), "1.pdf"),
        *((content, f"{what}.pdf") for what, (content, _) in WRONG.items()),
        (pdf(2), "2.pdf"),
    ]
    answer = bring(hanh, *brought)
    assert answer.status_code == 200
    rows = waiting(town)
    assert [row.files[0].name for row in rows] == ["2.pdf", "1.pdf"]
    page = Page(answer.get_data(as_text=True))
    lines = list(page.one("main").all("tr"))
    assert len(lines) == 1 + len(brought)
    links = [item.attributes["href"] for line in lines for item in line.all("a")]
    assert links == [f"/documents/{row.id}/register" for row in reversed(rows)]
    first = next(item for item in page.one("main").all("a") if "pri" in item.attributes.get("class", ""))
    assert first.attributes["href"] == links[0]
    assert "1 trong 2" in hanh.page(links[0]).one("main").text() or locale == "en"


def test_of_many_wrong_ones_none_is_taken(hanh: CheckingClient, town: Town) -> None:
    answer = bring(hanh, *((content, f"{what}.pdf") for what, (content, _) in WRONG.items()))
    assert answer.status_code == 422
    assert waiting(town) == []


def test_the_same_file_again_is_a_hint(hanh: CheckingClient, town: Town) -> None:
    assert "Tệp này đã đến trước đây" in main(bring(hanh, (GOOD, "1.pdf"), (GOOD, "2.pdf")))
    first, second = waiting(town)
    page = hanh.page(f"/documents/{second.id}/register").one("main")
    assert f"/documents/{first.id}" in [item.attributes["href"] for item in page.all("a")]


def test_as_many_as_may_come_at_once(hanh: CheckingClient, town: Town) -> None:
    few = [(b"no PDF", f"{number}.pdf") for number in range(MOST_FILES)]
    assert len(list(Page(bring(hanh, *few).get_data(as_text=True)).one("main").all("tr"))) == MOST_FILES + 1
    answer = bring(hanh, *few, (GOOD, "one more.pdf"), key="1" * 32)
    assert answer.status_code == 422
    assert f"{MOST_FILES + 1} tệp" in main(answer)
    assert waiting(town) == []


@pytest.mark.parametrize("data", [{}, {"channel": "pigeon", "file": (io.BytesIO(GOOD), "x.pdf")}])
def test_no_file_or_no_such_way(hanh: CheckingClient, town: Town, data: dict[str, Any]) -> None:
    answer = hanh.send("/incoming/add", {"key": KEY, **data}, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert waiting(town) == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("ă" * 300 + ".pdf", "ă" * 116 + ".pdf"),
        (unicodedata.normalize("NFD", "quyết định.pdf"), "quyết định.pdf"),
        ("../../<thư>\u202efdp.exe", "_thư_fdp.exe"),
        ("a%22b'c;d&<script>.pdf", "a_b'c;d&_script_.pdf"),
        ("con.pdf", "_con.pdf"),
    ],
)
def test_any_name_is_made_harmless(hanh: CheckingClient, town: Town, name: str, kept: str) -> None:
    assert bring(hanh, (GOOD, name)).status_code == 303
    (row,) = waiting(town)
    assert row.files[0].name == kept
    assert hanh.get(f"/documents/{row.id}/files/{row.files[0].id}").data == GOOD


class Torn(io.BytesIO):
    """A body whose sender is gone before its end."""


def upload(town: Town, hanh: CheckingClient, *, cut: int = 0, cookies: bool = True) -> dict[str, Any]:
    """The environment of an upload, as a server hands it on."""
    token = hanh.token()
    builder = EnvironBuilder(
        "/incoming/add",
        method="POST",
        data={"csrf_token": token, "key": KEY, "file": FileStorage(io.BytesIO(GOOD * 2000), "x.pdf")},
    )
    environ = builder.get_environ()
    with environ["wsgi.input"] as made:
        body = made.read()
    builder.close()
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = Torn(body[: len(body) - cut])
    if cookies:
        told = [hanh.get_cookie(name) for name in ("office", "form")]
        environ["HTTP_COOKIE"] = "; ".join(f"{item.key}={item.value}" for item in told if item is not None)
    return environ


def test_a_connection_lost_on_the_way_leaves_nothing(hanh: CheckingClient, town: Town, app: Flask) -> None:
    before = list(town.office.files.names())
    environ = upload(town, hanh, cut=len(GOOD))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # werkzeug leaves its nameless file to the collector
        body, status, _ = run_wsgi_app(app, environ, buffered=True)
        environ.clear()
        gc.collect()
    assert status.startswith("400 ")
    assert "Chưa có gì thay đổi" in check_page(b"".join(body).decode()).one("main").text()
    assert list(town.office.files.names()) == before
    assert not list((town.office.settings.files / "incoming").glob("*"))
    assert waiting(town) == []


def test_files_of_somebody_not_signed_in_are_not_read(hanh: CheckingClient, town: Town, app: Flask) -> None:
    environ = upload(town, hanh, cookies=False)
    _, status, headers = run_wsgi_app(app, environ, buffered=True)
    assert (status[:3], headers["Location"]) == ("303", "/sign-in?next=/incoming/add")
    assert environ["wsgi.input"].tell() == 0


def test_files_too_large_are_refused_unread(hanh: CheckingClient, town: Town, app: Flask) -> None:
    environ = upload(town, hanh)
    environ["CONTENT_LENGTH"] = str(town.office.settings.upload_limit + 1024 * 1024)
    body, status, _ = run_wsgi_app(app, environ, buffered=True)
    assert status.startswith("413 ")
    assert "200 MB" in check_page(b"".join(body).decode()).one("main").text()
    assert environ["wsgi.input"].tell() == 0


@pytest.mark.parametrize("login", ["nam", "tuan", "anh", "mai"])
def test_only_clerks_bring_files(client: CheckingClient, town: Town, login: str) -> None:
    town.enter(client, login)
    assert client.get("/incoming/add").status_code == 403
    assert bring(client, (GOOD, "x.pdf")).status_code == 403
    assert "data-drop" not in client.get("/incoming").get_data(as_text=True)
    assert waiting(town) == []


def test_the_list_takes_files_too(hanh: CheckingClient, town: Town) -> None:
    for path in ("/incoming", "/incoming?queue=to_register"):
        page = hanh.page(path)
        assert any("data-drop" in item.attributes for item in page.root.all("input"))
        assert "/incoming/add" in [item.attributes.get("href") for item in page.root.all("a")]
    assert not any("data-drop" in item.attributes for item in hanh.page("/outgoing").root.all("input"))


def test_a_disk_that_is_full_refuses_one_file_and_loses_none(
    hanh: CheckingClient, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, turns = town.office.files.put, iter((True, False, True))

    def full(*given: Any, **more: Any) -> str:
        if next(turns):
            return put(*given, **more)
        raise files_full()

    monkeypatch.setattr(town.office.files, "put", full)
    answer = bring(hanh, (pdf(1), "1.pdf"), (pdf(2), "2.pdf"), (pdf(3), "3.pdf"))
    assert "Đĩa đã đầy" in main(answer) or "đầy" in main(answer)
    assert [row.files[0].name for row in waiting(town)] == ["3.pdf", "1.pdf"]


def files_full() -> Exception:
    from eoffice.core.errors import StorageFull

    return StorageFull()


def test_the_pages_read_stay_beside_the_file(hanh: CheckingClient, town: Town) -> None:
    bring(hanh, (letter_from_outside(town.clock.now()), "x.pdf"))
    with town.office.read(town.actor("hanh")) as desk:
        sha256 = desk.session.scalars(
            select(DocumentFile.sha256)
            .where(DocumentFile.document_id == waiting(town)[0].id)
            .execution_options(scoped=True)
        ).one()
        assert files.reading(desk, sha256)["symbol"]["value"] == "CTN-HC"

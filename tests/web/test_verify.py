"""Public verification: every verdict is told, nothing is kept, nobody can overload it."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pypdfium2
import pytest
from sqlalchemy import func, select

from eoffice.cli.demo import forge
from eoffice.cli.tour import letter_from_outside
from eoffice.core.desk import scope
from eoffice.models.documents import DocumentFile, File, FileVerdict
from eoffice.models.ledger import AccessEntry, LedgerEntry
from eoffice.web.verify import LIMITER
from tests.support.checking import CheckingClient, Page
from tests.web.conftest import Town
from tests.web.test_sign_in import value

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def issued(town: Town) -> bytes:
    with town.office.read(town.actor("hanh")) as desk:
        files = scope(desk, DocumentFile).where(DocumentFile.document_id == town.answer)
        sealed = desk.session.scalars(files.where(DocumentFile.stage == "sealed")).one()
    return town.office.files.read(sealed.sha256)


def check(client: CheckingClient, data: bytes, name: str = "công văn đến.pdf") -> Any:
    return client.send("/verify", {"file": (io.BytesIO(data), name)}, content_type="multipart/form-data")


def told(answer: Any) -> str:
    return Page(answer.get_data(as_text=True)).one("main").text()


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_an_issued_document_is_valid(client: CheckingClient, town: Town, locale: str) -> None:
    client.speak(locale)
    answer = check(client, issued(town))
    assert answer.status_code == 200
    wanted = {
        "vi": ("Hợp lệ: chữ ký nguyên vẹn", "Nguyễn Văn Nam", "toàn bộ tệp", "Chứng thư thử nghiệm", "1 trang"),
        "en": ("Valid: the signature is intact", "Nguyễn Văn Nam", "the whole file", "Test certificate", "1 page"),
    }
    for words in wanted[locale]:
        assert words in told(answer), words


@SQLITE
def test_a_forged_one_is_not(client: CheckingClient, town: Town) -> None:
    text = told(check(client, forge(issued(town))))
    assert "Không hợp lệ: không được sử dụng" in text
    assert "TOTAL-FAILED" in text


@SQLITE
def test_the_verdict_itself_says_why_and_who(client: CheckingClient, town: Town) -> None:
    """Whoever reads nothing but the first lines knows what is wrong, or who has signed."""

    def banner(data: bytes) -> str:
        page = Page(check(client, data).get_data(as_text=True))
        boxes = [item for item in page.root.all("div") if item.attributes.get("class", "").startswith("verdict ")]
        return boxes[0].text()

    assert "2 chữ ký đã được xác nhận, lần lượt của: Nguyễn Văn Nam, Sở Nội vụ." in banner(issued(town))
    forged = banner(forge(issued(town)))
    assert forged.count("Vùng ký vượt ra ngoài tệp.") == 1
    assert "xác nhận" not in forged


@SQLITE
def test_an_addition_after_the_signatures_is_told(client: CheckingClient, town: Town) -> None:
    text = told(check(client, issued(town) + b"\n% something\n"))
    assert "Hợp lệ: chữ ký" not in text


@SQLITE
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Tệp trống"),
        (b"not a pdf at all", "Không đọc được"),
        (b"%PDF-1.7\n%broken", "Không đọc được"),
        (b"%PDF-1.7\n" + b"[" * 100_000, "Không đọc được"),
    ],
    ids=["empty", "text", "broken", "nested"],
)
def test_what_is_no_document_is_told(client: CheckingClient, data: bytes, words: str) -> None:
    answer = check(client, data)
    assert answer.status_code in (200, 422)
    assert words in told(answer)


@SQLITE
def test_an_unsigned_one_is_unsigned(client: CheckingClient, town: Town) -> None:
    assert "Không chữ ký" in told(check(client, letter_from_outside(town.clock.now())))


@SQLITE
def test_no_file_is_told(client: CheckingClient) -> None:
    answer = client.send("/verify")
    assert answer.status_code == 422
    assert "Chưa chọn tệp" in told(answer)


@SQLITE
@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a" * 300 + ".pdf", "<script>.pdf", "công văn.pdf", "\u202efdp.exe"]
)
def test_names_do_no_harm(client: CheckingClient, town: Town, name: str) -> None:
    answer = check(client, letter_from_outside(town.clock.now()), name)
    assert answer.status_code == 200
    assert "<script>." not in answer.get_data(as_text=True)
    assert "\u202e" not in answer.get_data(as_text=True)


def test_nothing_is_kept(
    client: CheckingClient, town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    def everything() -> tuple[list[int], list[str]]:
        with town.office.sessions.read() as session:
            tables = [table.__table__ for table in (File, FileVerdict, AccessEntry, LedgerEntry)]
            counts = [session.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]
        kept = [town.office.settings.files, town.office.settings.cache, scratch]
        return counts, sorted(str(path) for folder in kept for path in folder.rglob("*"))

    before = everything()
    check(client, letter_from_outside(town.clock.now()))
    check(client, b"%PDF-1.7 broken")
    assert everything() == before


@SQLITE
def test_the_report_comes_as_sheet_xml_and_json(client: CheckingClient, town: Town) -> None:
    page = Page(check(client, issued(town)).get_data(as_text=True))
    sealed = value(page.one("main"), "report")
    answers = {form: client.send(f"/verify/report.{form}", {"report": sealed}) for form in ("pdf", "xml", "json")}
    for form, answer in answers.items():
        assert answer.mimetype == f"application/{form}"
        assert "attachment" in answer.headers["Content-Disposition"]
    report = json.loads(answers["json"].data)
    assert report["verdict"] == "PASSED"
    assert [item["signer"] for item in report["signatures"]] == ["Nguyễn Văn Nam", "Sở Nội vụ"]
    root = ElementTree.fromstring(answers["xml"].data)
    assert sum(item.tag.endswith("}SignatureValidationReport") for item in root) == 2
    told = " ".join(pypdfium2.PdfDocument(answers["pdf"].data)[0].get_textpage().get_text_bounded().split())
    assert "PHIẾU XÁC MINH CHỮ KÝ SỐ" in told
    assert "người có thẩm quyền ký" in told
    assert client.send("/verify/report.json", {"report": sealed + "x"}).status_code == 422
    assert client.send("/verify/report.exe", {"report": sealed}).status_code == 404


@SQLITE
def test_a_file_that_cannot_be_read_has_a_report_too(client: CheckingClient, town: Town) -> None:
    page = Page(check(client, b"%PDF-1.7 broken").get_data(as_text=True))
    sealed = value(page.one("main"), "report")
    for form in ("pdf", "xml", "json"):
        assert client.send(f"/verify/report.{form}", {"report": sealed}).status_code == 200


@SQLITE
def test_one_address_gets_so_many_turns(client: CheckingClient, town: Town) -> None:
    LIMITER.forget()
    for _ in range(LIMITER.times):
        assert client.send("/verify").status_code == 422
    answer = client.send("/verify")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) <= 300
    assert "giây" in told(answer)
    assert client.get("/verify").status_code == 200
    town.step(minutes=5, seconds=1)
    assert client.send("/verify").status_code == 422
    LIMITER.forget()

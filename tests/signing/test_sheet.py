"""The sheet for people and the XML for programs: every fact is on them, and hostile names play no tricks."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pikepdf
import pypdfium2
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pyhanko.generated.etsi.ts_11910202 import ValidationReport
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig

from signing.etsi import DS, VR, as_etsi
from signing.pki import Pki
from signing.report import as_dict
from signing.results import Change, Modification, Reason, SignatureReport, Verdict, Verification
from signing.sheet import as_sheet
from signing.trust import Trust
from signing.tsa import LocalTsa
from signing.verify import verify
from tests.signing.making import (  # noqa: F401
    LEADER,
    NUMBER,
    TEXT,
    Judge,
    Paper,
    approved,
    certified,
    draft,
    issued,
    judge,
    stream,
)

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "verification.schema.json").read_text("utf-8"))
KINDS: dict[str, Callable[[Paper, Paper], Paper]] = {
    "passed": lambda certified, issued: issued,
    "warned": lambda certified, issued: certified.fill(NUMBER, b"12"),
    "failed": lambda certified, issued: issued.update({TEXT: stream(b"q Q")}),
    "foul range": lambda certified, issued: Paper(issued.data.replace(b"/ByteRange[0 ", b"/ByteRange[1 ", 1)),
    "torn": lambda certified, issued: Paper(issued.data.replace(b"/Contents<3", b"/Contents[3", 1)),
    "trailing": lambda certified, issued: Paper(issued.data + b"junk"),
    "unsigned": lambda certified, issued: draft(),
    "unreadable": lambda certified, issued: Paper(b"hello"),
}


@pytest.fixture(params=KINDS)
def answer(request: pytest.FixtureRequest, judge: Judge, certified: Paper, issued: Paper) -> Verification:
    return judge(KINDS[request.param](certified, issued))


def lines(pdf: bytes) -> str:
    """The text of a sheet, white space made even."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        text = " ".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()
    return " ".join(text.replace("\ufffe", "").replace("\x02", "").split())


def hostile(answer: Verification) -> Verification:
    """The same verdict about somebody who wants to disturb the report."""
    nasty = "<b>&amp;]]>\x00\x1b[31m\u202eạ\ud800\ufffe</para><font size=99>" + "W" * 5000
    item = replace(
        answer.signatures[0], signer=nasty, organisation=nasty, unit=nasty, issuer=nasty, field=nasty,
        changes=(Change(nasty, nasty, 1, Modification.LISTED, nasty),) * 500, reasons=(Reason("x" * 99, nasty),),
        byte_range=tuple(range(8)),
    )  # fmt: skip
    return replace(answer, signatures=(item, *answer.signatures[1:]))


def test_the_sheet_tells_every_fact(judge: Judge, issued: Paper) -> None:
    answer = judge(issued)
    told = lines(as_sheet(answer, file="Quyết định số 12.pdf"))
    for words in (
        "PHIẾU XÁC MINH CHỮ KÝ SỐ", "HỢP LỆ", "Quyết định số 12.pdf", answer.sha256, "Nguyễn Văn Nam",
        "Sở Nội vụ tỉnh An Bình", "21/11/2026 09:15:42 (+07:00)", "theo đồng hồ của người ký", "phiên bản 2/5",
        "Giá trị ô biểu mẫu so, trang 1", "'12'", "(được phép)", "TOTAL-PASSED", "CA cấp phát THỬ NGHIỆM",
        "CA gốc THỬ NGHIỆM", "không bị thu hồi", "B-B; kiểm tra được đến", "RSA-2048 SHA-256", "khóa văn bản",
        answer.signatures[0].digest, answer.signatures[1].certificate_sha256, "decree-30-2020/1", "Trang 1/2",
        "Chứng thư thử nghiệm: không có giá trị pháp lý.", "leader, trang 1", "Chữ ký chứng nhận văn bản",
    ):  # fmt: skip
        assert words in told, words


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_every_verdict_has_its_sheet(qpdf: Path, answer: Verification, locale: str, tmp_path: Path) -> None:
    drawn = as_sheet(answer, file="a.pdf", locale=locale)
    assert drawn == as_sheet(answer, file="a.pdf", locale=locale)
    told = lines(drawn)
    words = {
        "PASSED": ("HỢP LỆ", "VALID"),
        "WARNED": ("CẢNH BÁO", "WARNING"),
        "FAILED": ("KHÔNG HỢP LỆ", "NOT VALID"),
        "UNSIGNED": ("KHÔNG CHỮ KÝ", "NOT SIGNED"),
        "UNREADABLE": ("KHÔNG ĐỌC ĐƯỢC", "UNREADABLE"),
    }
    assert words[answer.verdict.value][locale == "en"] in told
    for reason in (*answer.notes, *answer.reasons, *(one for item in answer.signatures for one in item.reasons)):
        assert f"[{reason.code}]" in told
    (tmp_path / "sheet.pdf").write_bytes(drawn)
    assert subprocess.run([qpdf, "--check", tmp_path / "sheet.pdf"], capture_output=True, check=False).returncode == 0
    with pikepdf.open(tmp_path / "sheet.pdf") as sheet:
        fonts = {str(font.BaseFont) for page in sheet.pages for font in page.Resources.Font.values()}
        assert all("Tinos" in font or font == "/Helvetica" for font in fonts), fonts


def test_a_capacity_that_is_known_is_told(judge: Judge, issued: Paper) -> None:
    assert "Giám đốc Sở Nội vụ" in lines(as_sheet(judge(issued), capacities={"leader": "Giám đốc Sở Nội vụ"}))


def test_a_proven_time_is_told(judge: Judge, pki: Pki, at: datetime) -> None:
    tsa = LocalTsa(pki.key("tsa"), lambda: at)
    signed = draft().sign(pki.key("leader"), LEADER, at, stamp=lambda digest: tsa.stamp(digest, "sha256"))
    signed = signed.sign_new(tsa.key, at, document_stamp=True, stamp=lambda digest: tsa.stamp(digest, "sha256"))
    answer = judge(signed)
    told = lines(as_sheet(answer))
    assert "được dấu thời gian của chữ ký chứng minh" in told
    assert "Dấu thời gian 2" in told
    xml = ElementTree.fromstring(as_etsi(answer))
    assert len(xml.findall(f".//{{{VR}}}TimeStampValue")) == 2
    assert [item.text for item in xml.findall(f".//{{{VR}}}TypeOfProof")] == ["urn:etsi:019102:poetype:provided"] * 2
    processes = [str(item.text).rpartition(":")[2] for item in xml.iter(f"{{{VR}}}SignatureValidationProcessID")]
    assert processes == ["LTVM", "LTA"]


def test_hostile_names_stay_text(judge: Judge, issued: Paper) -> None:
    answer = hostile(judge(issued))
    told = lines(as_sheet(answer, file="\u202efdp.exe<br/>"))
    assert "<b>&amp;]]>" in told
    assert "\u202e" not in told
    assert "470" in told
    root = ElementTree.fromstring(as_etsi(answer, file="\u202e\x00"))
    text = "".join(root.itertext())
    assert "<b>&amp;]]>" in text
    assert not re.search("[\x00-\x08\x0e-\x1f\u202e\ufffe\ud800]", text)


def test_programs_of_other_makers_can_read_the_report(answer: Verification) -> None:
    """The classes were generated from ETSI's own schema; whatever it does not know is refused."""
    strict = ParserConfig(
        fail_on_unknown_properties=True, fail_on_unknown_attributes=True, fail_on_converter_warnings=True
    )
    raw = as_etsi(answer, file="a.pdf")
    report = XmlParser(config=strict).from_bytes(raw, ValidationReport)
    told = [item.signature_validation_status for item in report.signature_validation_report]
    assert len(told) == max(1, len(answer.signatures))
    for status, item in zip(told, answer.signatures, strict=False):
        assert status is not None
        assert status.main_indication == f"urn:etsi:019102:mainindication:{item.indication.lower()}"
        assert [sub.rpartition(":")[2] for sub in status.sub_indication] == [item.sub_indication] * bool(
            item.sub_indication
        )
    root = ElementTree.fromstring(raw)
    names = [item.get("id") for item in root.iter(f"{{{VR}}}ValidationObject")]
    assert len(set(names)) == len(names)
    assert {item.get("VOReference") for item in root.iter() if item.get("VOReference")} <= set(names)
    known = type(report.signature_validation_report[0]).__dataclass_fields__.values()
    order = [field.metadata["name"] for field in known if "name" in field.metadata]
    for item in root.iter(f"{{{VR}}}SignatureValidationReport"):
        places = [order.index(child.tag.rpartition("}")[2]) for child in item]
        assert places == sorted(places)


def test_the_report_names_signature_and_document_by_their_digests(judge: Judge, issued: Paper) -> None:
    answer = judge(issued)
    root = ElementTree.fromstring(as_etsi(answer))
    values = {item.text for item in root.iter(f"{{{DS}}}DigestValue")}
    for item in answer.signatures:
        assert base64.b64encode(bytes.fromhex(item.digest)).decode() in values
        assert base64.b64encode(bytes.fromhex(item.certificate_sha256)).decode() in values
        assert len(item.value) == 512
    assert base64.b64encode(bytes.fromhex(answer.sha256)).decode() in values


def test_real_verdicts_fit_the_schema(answer: Verification) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    check = Draft202012Validator(SCHEMA, format_checker=FormatChecker())
    check.validate([as_dict(answer, "a.pdf"), as_dict(answer) | {"report": "a.verification.pdf"}])


def test_the_schema_knows_every_field_and_no_other(judge: Judge, issued: Paper) -> None:
    known = SCHEMA["$defs"]
    assert set(known["signature"]["properties"]) == set(SignatureReport.__dataclass_fields__)
    assert set(known["verification"]["properties"]) == set(as_dict(judge(issued), "a.pdf")) | {"report"}
    assert set(known["verification"]["properties"]["verdict"]["enum"]) == {verdict.value for verdict in Verdict}
    check = Draft202012Validator(SCHEMA)
    assert not check.is_valid([{**as_dict(judge(issued)), "verdict": "GOOD"}])
    assert not check.is_valid([{**as_dict(judge(issued)), "more": 1}])


def test_a_file_nobody_could_open_has_its_reports(tmp_path: Path) -> None:
    answer = verify(tmp_path / "missing.pdf", Trust(), at=datetime(2026, 11, 21, tzinfo=UTC))
    assert "file_missing" in lines(as_sheet(answer))
    assert b"urn:eoffice:reason:file_missing" in as_etsi(answer)


@pytest.mark.parametrize(
    ("source", "locale", "told"),
    [
        ("CRL 2026-10-09T01:00:00+00:00, embedded", "vi", "CRL, 09/10/2026 08:00:00 (+07:00), kèm trong tệp"),
        ("OCSP 2026-10-09T01:00:00+00:00", "en", "OCSP, 09/10/2026 08:00:00 (+07:00))"),
        ("anchor", "vi", "chính là gốc tin cậy"),
    ],
)
def test_the_evidence_of_a_status_is_told_in_words(
    judge: Judge, issued: Paper, source: str, locale: str, told: str
) -> None:
    found = judge(issued)
    first = replace(found.signatures[0], revocation_source=source)
    text = lines(as_sheet(replace(found, signatures=(first,)), locale=locale))
    assert told in text
    assert "embedded" not in text
    assert "+00:00" not in text

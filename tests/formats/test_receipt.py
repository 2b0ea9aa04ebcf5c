"""Receipts and statuses come back as they were signed, chain up, and are checked by programs that are not ours."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoffice.core.canonical import canonical
from eoffice.core.text import tidy
from eoffice.formats.receipt import STATUS_CODES, Receipt, ReceiptRefused, is_unbroken, opened, sealed
from signing.detached import sign_detached, verify_detached
from signing.pki import Pki
from signing.trust import pem

AT = datetime(2026, 11, 21, 2, 15, 42, 123456, tzinfo=UTC)
RECEIPT = Receipt(
    message=UUID(int=1),
    sender="H01.02",
    to="H01.05",
    manifest_sha256="ab" * 32,
    received_at=AT,
    receiver_installation="anbinh.eoffice.test",
)
STATUS = replace(
    RECEIPT, kind="status", status_code="02", description="Văn bản gửi nhầm nơi nhận", staff="Trần Thị Hạnh",
    previous_receipt_sha256="cd" * 32, register_hint="15",
)  # fmt: skip


def sign(data: bytes) -> bytes:
    return b"signature of " + hashlib.sha256(data).digest()


@pytest.mark.parametrize("answer", [RECEIPT, STATUS], ids=["receipt", "status"])
def test_round_trip(answer: Receipt) -> None:
    data = sealed(answer, sign)
    found = opened(data)
    assert found.receipt == answer
    assert found.content == answer.content()
    assert found.signature == sign(found.content)
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert sealed(answer, sign) == data


def test_shape_of_the_file() -> None:
    whole = json.loads(sealed(RECEIPT, sign))
    assert set(whole) == {"receipt", "signature"}
    assert set(whole["receipt"]) == {
        "v", "kind", "message", "from", "to", "manifest_sha256", "received_at", "receiver_installation",
        "register_hint", "previous_receipt_sha256",
    }  # fmt: skip
    status = json.loads(sealed(STATUS, sign))
    assert set(status["status"]) - set(whole["receipt"]) == {"status_code", "description", "staff"}


def canonical_part(data: bytes, kind: str) -> bytes:
    """One part of a file as canonical JSON, by jq where it is installed and by nothing of ours where it is not."""
    jq = shutil.which("jq")
    if jq:
        return subprocess.run([jq, "-jcS", f".{kind}"], input=data, check=True, capture_output=True).stdout
    return json.dumps(json.loads(data)[kind], ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize("answer", [RECEIPT, STATUS], ids=["receipt", "status"])
def test_the_commands_of_the_docstring_confirm_it(
    exchange: Pki, answer: Receipt, tmp_path: Path, openssl: Path
) -> None:
    key = exchange.key("exchange-snv")
    file = tmp_path / "answer.json"
    file.write_bytes(sealed(answer, lambda content: sign_detached(content, key, at=AT)))
    trust = exchange.trust()
    (tmp_path / "root.pem").write_bytes(b"".join(map(pem, (*trust.anchors, *trust.intermediates))))
    (tmp_path / "content").write_bytes(canonical_part(file.read_bytes(), answer.kind))
    script = f"""
        {sys.executable} -c 'import json; print(json.load(open("answer.json"))["signature"])' | base64 -d > content.p7s
        {openssl} cms -verify -binary -inform DER -in content.p7s -content content -CAfile root.pem -purpose any \
            -attime {int(AT.timestamp())}
    """
    seen = subprocess.run(["sh", "-ec", script], cwd=tmp_path, check=True, capture_output=True)
    assert seen.stdout == answer.content()
    found = opened(file.read_bytes())
    assert verify_detached(found.content, found.signature, exchange.trust(), at=AT).ok
    other = replace(answer, register_hint="16").content()
    assert not verify_detached(other, found.signature, exchange.trust(), at=AT).ok


texts = st.text(max_size=60)
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone(timedelta(hours=7))))  # noqa: DTZ001
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
receipts = st.builds(
    Receipt, message=st.uuids(), sender=texts, to=texts, manifest_sha256=hashes, received_at=times,
    receiver_installation=texts, register_hint=texts, previous_receipt_sha256=st.none() | hashes,
)  # fmt: skip
statuses = st.builds(
    lambda receipt, code, why, who: replace(receipt, kind="status", status_code=code, description="x" + why, staff=who),
    receipts, st.sampled_from(STATUS_CODES), texts, texts,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(answer=receipts | statuses)
def test_any_answer_survives_as_far_as_people_see_it(answer: Receipt) -> None:
    found = opened(sealed(answer, sign)).receipt
    for name in ("sender", "to", "receiver_installation", "register_hint", "description", "staff"):
        assert getattr(found, name) == tidy(getattr(answer, name))
    assert (found.message, found.received_at, found.status_code) == (
        answer.message, answer.received_at, answer.status_code
    )  # fmt: skip
    assert found.content() == answer.content()


@settings(max_examples=30, deadline=None)
@given(answer=statuses)
def test_another_program_writes_the_signed_bytes(answer: Receipt) -> None:
    assert canonical_part(sealed(answer, sign), "status") == answer.content()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "letter"}, {"kind": "status"}, {"status_code": "03"}, {"manifest_sha256": "AB" * 32},
        {"manifest_sha256": ""}, {"received_at": AT.replace(tzinfo=None)}, {"previous_receipt_sha256": "x"},
        {"kind": "status", "status_code": "07"}, {"kind": "status", "status_code": "02", "description": " \u200b "},
    ],
)  # fmt: skip
def test_what_makes_no_sense_cannot_be_made(change: dict[str, Any]) -> None:
    with pytest.raises(ReceiptRefused):
        replace(RECEIPT, **change)


def spoiled(**changes: Any) -> bytes:
    whole = json.loads(sealed(STATUS, sign))
    for name, value in changes.items():
        place = whole if name in ("signature", "status", "receipt") else whole["status"]
        if value is ...:
            del place[name]
        else:
            place[name] = value
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"null", b"\xff", b"[" * 60_000, sealed(RECEIPT, sign) + b" " * 70_000,
        sealed(RECEIPT, sign)[:-1],
        spoiled(v=2), spoiled(v=...), spoiled(kind="receipt"), spoiled(message="1"), spoiled(message=1),
        spoiled(received_at="2026-01-01"), spoiled(received_at=1), spoiled(to=None), spoiled(staff=1),
        spoiled(status_code=...), spoiled(status_code=["02"]), spoiled(manifest_sha256="x"), spoiled(extra=1.5),
        spoiled(signature=""), spoiled(signature="*"), spoiled(signature=...), spoiled(signature=1),
        spoiled(status=[]), spoiled(receipt={}), spoiled(previous_receipt_sha256=1), spoiled(description=""),
        sealed(STATUS, sign).replace(b'"v":1', b'"v":1,"v":1'),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(ReceiptRefused) as refusal:
        opened(data)
    assert refusal.value.code == "bad-receipt"


@given(data=st.binary(max_size=300))
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(ReceiptRefused):
        opened(data)


def test_fields_of_a_later_version_stay_under_the_signature() -> None:
    record = json.loads(STATUS.content()) | {"later": "x"}
    data = canonical({"status": record, "signature": base64.b64encode(sign(canonical(record))).decode()})
    found = opened(data)
    assert found.receipt == STATUS
    assert found.signature == sign(found.content)


def chain(*codes: str) -> list[bytes]:
    files: list[bytes] = []
    for code in codes:
        previous = opened(files[-1]).sha256 if files else None
        answer = RECEIPT if not code else replace(STATUS, status_code=code)
        files.append(sealed(replace(answer, previous_receipt_sha256=previous), sign))
    return files


def test_answers_of_a_conversation_chain_up() -> None:
    files = chain("", "01", "03", "04", "05", "06")
    assert is_unbroken([])
    assert is_unbroken(files)
    for index in range(len(files) - 1):
        assert not is_unbroken(files[:index] + files[index + 1 :])
    assert not is_unbroken([files[0], files[2], files[1]])
    other = sealed(replace(opened(files[1]).receipt, staff="ai khác"), sign)
    assert not is_unbroken([files[0], other, *files[2:]])

"""The verdict as plain data and back: what the command prints and the office stores."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import Any

from signing.messages import sentence
from signing.results import (
    Change,
    Integrity,
    Modification,
    Reason,
    SignatureReport,
    TimeSource,
    TrustLevel,
    Verdict,
    Verification,
)

_TIMES = ("valid_from", "valid_to", "claimed_time", "proven_time", "time")


def as_dict(verification: Verification, file: str | None = None) -> dict[str, Any]:
    """The verdict as JSON-ready data.

    Args:
        file: name to be shown for the file.

    Returns:
        ``file``, ``sha256``, ``verdict``, ``signatures`` (each with all fields of ``SignatureReport``), ``notes``,
        ``flags``, ``reasons``, ``pages``, ``checked_at``, ``policy``, ``engine``. Times are ISO 8601 with zone.
    """
    return {
        "file": file,
        "sha256": verification.sha256,
        "verdict": verification.verdict.value,
        "signatures": [_signature(item) for item in verification.signatures],
        "notes": [_reason(item) for item in verification.notes],
        "flags": list(verification.flags),
        "reasons": [_reason(item) for item in verification.reasons],
        "pages": verification.pages,
        "checked_at": verification.checked_at.isoformat(),
        "policy": verification.policy,
        "engine": verification.engine,
    }


def evidence_of(source: str) -> tuple[str, datetime | None, bool]:
    """Take ``revocation_source`` apart: kind of evidence, its date, and whether the file itself carries it."""
    told, _, place = source.partition(", ")
    kind, _, at = told.partition(" ")
    try:
        return kind, datetime.fromisoformat(at), place == "embedded"
    except ValueError:
        return source, None, False


def from_dict(data: Mapping[str, Any]) -> Verification:
    """The verdict that ``as_dict`` wrote.

    Raises:
        KeyError, ValueError: it is not of that shape.
    """
    return Verification(
        sha256=str(data["sha256"]),
        verdict=Verdict(data["verdict"]),
        signatures=tuple(_read_signature(item) for item in data["signatures"]),
        notes=tuple(_read_reason(item) for item in data["notes"]),
        flags=tuple(data["flags"]),
        checked_at=datetime.fromisoformat(data["checked_at"]),
        policy=str(data["policy"]),
        engine=str(data["engine"]),
        pages=data["pages"],
        reasons=tuple(_read_reason(item) for item in data["reasons"]),
    )


def as_text(verification: Verification, *, file: str, locale: str = "vi") -> str:
    """The verdict for people: one sentence, then each signature with what stands for and against it.

    Args:
        file: name to be shown.
        locale: ``vi`` or ``en``.
    """
    lines = [f"{printable(file)}: {verification.verdict.value} - {sentence(verification.verdict.value, locale)}"]
    lines += [f"  {sentence(item.code, locale)}" for item in verification.reasons]
    for item in verification.signatures:
        lines += _told(item, locale)
    lines += [f"  * {sentence(item.code, locale)}" for item in verification.notes]
    lines += [f"  ! {sentence(flag, locale)}" for flag in verification.flags]
    if verification.sha256:
        lines.append(f"  SHA-256 {verification.sha256}")
    return "\n".join(lines)


def printable(text: str) -> str:
    """Text from a document without characters that could disturb a terminal or reorder a line."""
    return "".join("�" if unicodedata.category(char) in ("Cc", "Cf", "Cs") else char for char in text)


_WORDS = {
    "signer": ("Người ký", "Signer"),
    "field": ("ô", "field"),
    "time": ("Thời gian", "Time"),
    "clock": ("theo đồng hồ của người ký", "by the signer's clock"),
    "signature_timestamp": ("theo dấu thời gian của chữ ký", "by a signature time-stamp"),
    "document_timestamp": ("theo dấu thời gian của văn bản", "by a document time-stamp"),
    "unknown": ("không rõ", "unknown"),
    "revision": ("phiên bản {0}/{1}", "revision {0} of {1}"),
    "all": ("bao trọn tệp", "covers the whole file"),
    "issuer": ("Cấp bởi", "Issued by"),
    "page": ("trang {0}", "page {0}"),
}


def _word(key: str, locale: str) -> str:
    return _WORDS[key][1 if locale.lower().startswith("en") else 0]


def _told(item: SignatureReport, locale: str) -> list[str]:
    who = ", ".join(printable(part) for part in (item.signer, item.organisation) if part) or _word("unknown", locale)
    when = item.time.isoformat(sep=" ") if item.time else _word("unknown", locale)
    how = f" ({_word(item.time_source.value, locale)})" if item.time_source else ""
    part = _word("revision", locale).format(item.revision, item.revisions)
    part += f", {_word('all', locale)}" if item.covers_all else ""
    etsi = f"{item.indication} {item.sub_indication}".strip()
    lines = [
        f"  [{item.verdict.value}] {_word('signer', locale)}: {who}"
        f" ({_word('field', locale)} {printable(item.field) or '-'}, {part})",
        f"      {_word('time', locale)}: {when}{how}",
        f"      {_word('issuer', locale)}: {printable(item.issuer) or '-'}; {item.level}; {item.algorithm or '-'}; "
        + etsi,
    ]
    lines += [f"      - {sentence(reason.code, locale)}" for reason in item.reasons]
    for change in item.changes:
        page = f", {_word('page', locale).format(change.page)}" if change.page else ""
        detail = f": {printable(change.detail)}" if change.detail else ""
        lines.append(f"      ~ {sentence(change.kind, locale)} {printable(change.where)}{page}{detail}")
    if item.test:
        lines.append(f"      {sentence('test_certificate', locale)}")
    return lines


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _signature(item: SignatureReport) -> dict[str, Any]:
    data = {each.name: _plain(getattr(item, each.name)) for each in fields(item)}
    data["changes"] = [
        {each.name: _plain(getattr(change, each.name)) for each in fields(change)} for change in item.changes
    ]
    data["reasons"] = [_reason(reason) for reason in item.reasons]
    return data


def _reason(item: Reason) -> dict[str, str]:
    return {"code": item.code, "detail": item.detail}


def _read_reason(data: Mapping[str, Any]) -> Reason:
    return Reason(str(data["code"]), str(data["detail"]))


def _read_signature(data: Mapping[str, Any]) -> SignatureReport:
    values = {each.name: data[each.name] for each in fields(SignatureReport) if each.name != "value"}
    values["value"] = str(data.get("value", ""))  # verdicts stored by the first version do not have it
    for name in _TIMES:
        values[name] = datetime.fromisoformat(values[name]) if values[name] else None
    values |= {
        "verdict": Verdict(values["verdict"]),
        "integrity": Integrity(values["integrity"]),
        "modification": Modification(values["modification"]),
        "trust": TrustLevel(values["trust"]),
        "time_source": TimeSource(values["time_source"]) if values["time_source"] else None,
        "byte_range": tuple(values["byte_range"]),
        "changes": tuple(
            Change(item["kind"], item["where"], item["page"], Modification(item["level"]), item["detail"])
            for item in values["changes"]
        ),
        "reasons": tuple(_read_reason(item) for item in values["reasons"]),
    }
    return SignatureReport(**values)

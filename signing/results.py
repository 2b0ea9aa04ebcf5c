"""What signing answers: frozen objects, never bare booleans."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """The five words, best first (signing threat model; ETSI EN 319 102-1 indications stand beside them)."""

    PASSED = "PASSED"
    UNSIGNED = "UNSIGNED"
    WARNED = "WARNED"
    UNREADABLE = "UNREADABLE"
    FAILED = "FAILED"


class Integrity(StrEnum):
    OK = "OK"
    BROKEN = "BROKEN"
    UNSUPPORTED = "UNSUPPORTED"
    NONE = "NONE"


class Modification(StrEnum):
    NONE = "NONE"
    PERMITTED = "PERMITTED"
    LISTED = "LISTED"
    FORBIDDEN = "FORBIDDEN"


class TrustLevel(StrEnum):
    TRUSTED = "TRUSTED"
    UNKNOWN = "UNKNOWN"
    UNTRUSTED = "UNTRUSTED"


class TimeSource(StrEnum):
    CLOCK = "clock"
    SIGNATURE_TIMESTAMP = "signature_timestamp"
    DOCUMENT_TIMESTAMP = "document_timestamp"


@dataclass(frozen=True)
class Limits:
    """Bounds of one verification.

    Args:
        bytes: largest file in bytes.
        pages, objects, depth, signatures: counts.
        stream_bytes: largest decompressed stream in bytes, and all together ``total_stream_bytes``.
        seconds: time for one file.
    """

    bytes: int = 200 * 1024 * 1024
    pages: int = 5000
    objects: int = 500_000
    depth: int = 100
    signatures: int = 200
    stream_bytes: int = 64 * 1024 * 1024
    total_stream_bytes: int = 256 * 1024 * 1024
    seconds: float = 8.0


@dataclass(frozen=True)
class Reason:
    """One plain reason: code (key of ``signing.messages``) and facts."""

    code: str
    detail: str = ""


@dataclass(frozen=True)
class Change:
    """One difference between the signed revision and the file as it stands.

    Args:
        kind: word such as ``form_value``, ``annotation``, ``page_content``, ``signature_added``, ``dss``.
        where: field name, object or path.
        page: 1-based page, None when it concerns no page.
        detail: old and new value where there is one.
        level: NONE never; PERMITTED, LISTED or FORBIDDEN.
    """

    kind: str
    where: str
    page: int | None
    level: Modification
    detail: str = ""


@dataclass(frozen=True)
class SignatureReport:
    """Everything found about one signature or document time-stamp.

    Args:
        kind: ``certification``, ``approval``, ``document_timestamp`` or ``unknown``.
        indication, sub_indication: ETSI EN 319 102-1 words; sub_indication is "" when there is none.
        signer: common name; organisation and unit from the certificate's subject.
        certificate_sha256: lower-case hex fingerprint of the signer's certificate, "" when none was found.
        claimed_time: what the signer's clock said; proven_time: from a time-stamp; time: the best of both.
        level: ``B-B``, ``B-T``, ``B-LT``, ``B-LTA``, ``legacy`` (not PAdES) or ``unknown``.
        revision, revisions: 1-based number of the signed revision and how many the file has.
        covers_all: nothing but permitted evidence follows the signed bytes.
        docmdp: 1, 2 or 3 for a certification signature, None otherwise.
        locks: the signature locks the whole document.
        digest: lower-case hex of the digest over the signed byte range.
        revocation: "good" | "revoked" | "unknown", with source and date in ``revocation_source``.
        test: the chain is a test chain without legal value.
        value: lower-case hex of the signature value itself, "" when none could be read.
    """

    field: str
    kind: str
    verdict: Verdict
    indication: str
    sub_indication: str
    integrity: Integrity
    modification: Modification
    trust: TrustLevel
    level: str
    signer: str
    organisation: str
    unit: str
    issuer: str
    anchor: str
    certificate_sha256: str
    certificate_serial: str
    valid_from: datetime | None
    valid_to: datetime | None
    claimed_time: datetime | None
    proven_time: datetime | None
    time: datetime | None
    time_source: TimeSource | None
    covers_all: bool
    revision: int
    revisions: int
    docmdp: int | None
    locks: bool
    byte_range: tuple[int, ...]
    digest: str
    algorithm: str
    revocation: str
    revocation_source: str
    page: int | None
    test: bool
    changes: tuple[Change, ...] = ()
    reasons: tuple[Reason, ...] = ()
    value: str = ""


@dataclass(frozen=True)
class Verification:
    """The answer of ``signing.verify`` for one file.

    Args:
        sha256: lower-case hex of the file.
        signatures: in signing order; document time-stamps included.
        notes: codes about the file as a whole (``read_leniently``, ``trailing_bytes`` ...).
        flags: active content (``javascript``, ``launch``, ``xfa``, ``embedded_files``, ``open_action`` ...).
        policy: name and generation of trust and rules that led to this verdict.
    """

    sha256: str
    verdict: Verdict
    signatures: tuple[SignatureReport, ...]
    notes: tuple[Reason, ...]
    flags: tuple[str, ...]
    checked_at: datetime
    policy: str
    engine: str
    pages: int | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Intake:
    """What ``signing.inspect`` sees of a PDF without judging it."""

    pages: int
    version: str
    encrypted: bool
    signature_fields: tuple[str, ...] = ()
    signed_fields: tuple[str, ...] = ()
    text_fields: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

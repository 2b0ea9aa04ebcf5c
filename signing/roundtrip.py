"""Signing by a program on the signer's desk: the file goes out, and what comes back is hostile until it is proved."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime
from typing import Literal

from signing.changes import Comparer, Finding
from signing.cms import open_container
from signing.errors import Damaged, DocumentError, NotPermitted, OverLimit, SigningError, ValueRejected
from signing.fitness import require_signer
from signing.increment import Increment, Mark, Signed, check_embedded, checked, require_sound
from signing.pdf import Document
from signing.results import Limits, SignatureReport, Verdict
from signing.sign import moment
from signing.trust import Trust
from signing.verify import verify

__all__ = ["HandedOut", "hand_out", "take_back"]

_BYTE_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]")
_SILENT = frozenset({"metadata"})
"""Programs note when and by what a file was written; nobody sees it, and every one of them does it."""


@dataclass(frozen=True, kw_only=True)
class HandedOut:
    """A document on its way to the signer's desk; keep it, or its hash and the file store's copy.

    Args:
        pdf: exactly what goes out.
        sha256: lower-case hex of it.
    """

    pdf: bytes = default(repr=False)
    sha256: str
    field: str


def hand_out(
    pdf: bytes,
    field: str,
    *,
    kind: Literal["approval", "certification"] = "approval",
    limits: Limits = Limits(),
) -> HandedOut:
    """Make sure that a document can be signed in this field before it is sent to somebody's desk.

    Raises:
        NotPermitted: ``field_missing``, ``field_taken``, ``document_locked``, ``certification_not_first`` or
            ``encrypted``.
        NotAPdf, Damaged, OverLimit: the file cannot be used.
    """
    Increment(pdf, limits).require_room(Mark(field, certify=2 if kind == "certification" else None))
    return HandedOut(pdf=pdf, sha256=hashlib.sha256(pdf).hexdigest(), field=field)


def take_back(
    sent: bytes,
    returned: bytes,
    *,
    field: str,
    trust: Trust,
    certificate: bytes | None = None,
    kind: Literal["approval", "certification"] = "approval",
    at: datetime | None = None,
    limits: Limits = Limits(),
) -> Signed:
    """Accept a returned file only if it is what was sent, updated once, and the update only signs the field.

    Args:
        sent: what ``hand_out`` gave, byte for byte.
        returned: what came back.
        trust: with anchors the signature must verify as PASSED; without, digest, value and usage are asked alone.
        certificate: the only signer (DER) to be accepted; None: anybody the trust accepts.
        at: aware moment of the check; None: now.

    Raises:
        ValueRejected: ``input_changed``: what was sent is not its beginning; ``byterange_malformed``, ``value_wrong``,
            ``signing_certificate_mismatch`` ...: the signature is not sound, not over the whole file, or another's.
        NotPermitted: ``returned_unsigned``, ``returned_updates``, ``returned_other_kind``; ``returned_changed``: the
            detail names what else changed; and those of ``hand_out``.
        CertificateUnfit, RevocationDown: the signer must not sign.
        DocumentError: one of the files cannot be read.
    """
    at = moment(at)
    if len(returned) > limits.bytes:
        raise OverLimit("over_limit_bytes", str(len(returned)))
    hand_out(sent, field, kind=kind, limits=limits)
    checked(returned, sent)
    if returned == sent:
        raise NotPermitted("returned_unsigned")
    findings = _differences(returned, len(sent), limits)
    own = [one for one in findings if one.kind == "signature_added" and one.name == field and not one.fresh]
    others = [one for one in findings if one not in own and one.kind not in _SILENT]
    if others or len(own) > 1:
        raise NotPermitted("returned_changed", "; ".join(map(_told, others or own)))
    if not own:
        raise NotPermitted("returned_unsigned")
    covered = _range(returned, len(sent))
    signer = check_embedded(returned, covered, certificate=certificate)
    require_sound(returned, sent, covered, certificate=signer)
    require_signer(signer, _chain(returned, covered), trust, at=at)
    report = _judged(returned, field, covered, trust, at=at, limits=limits)
    if report.kind != kind:
        raise NotPermitted("returned_other_kind", report.kind)
    return Signed(
        pdf=returned,
        sha256=hashlib.sha256(returned).hexdigest(),
        field=field,
        level=report.level,
        claimed_time=report.claimed_time or at,
        proven_time=report.proven_time,
        digest=report.digest,
        algorithm=report.algorithm.rpartition(" ")[2].replace("-", "").lower(),
    )


def _differences(returned: bytes, length: int, limits: Limits) -> list[Finding]:
    try:
        document = Document(returned, limits)
        old, new = document.revision(length), document.revision(len(returned))
        if len(new.sections) != len(old.sections) + 1:
            raise NotPermitted("returned_updates", str(len(new.sections) - len(old.sections)))
        return Comparer(document).compare(old, new)
    except SigningError:
        raise
    except Exception as error:  # hostile bytes make a parser raise nearly anything
        raise Damaged("damaged", f"{type(error).__name__}: {error}") from error


def _range(returned: bytes, length: int) -> tuple[int, int, int, int]:
    found = _BYTE_RANGE.findall(returned, length)
    if len(found) != 1:
        raise ValueRejected("byterange_malformed", f"{len(found)} in the update")
    zero, start, end, rest = map(int, found[0])
    # All of the file, and the container inside the update: else something of it would not be signed.
    if zero != 0 or not length < start < end or end + rest != len(returned):
        raise ValueRejected("byterange_coverage")
    return zero, start, end, rest


def _chain(returned: bytes, covered: tuple[int, int, int, int]) -> tuple[bytes, ...]:
    raw = bytes.fromhex(returned[covered[1] + 1 : covered[2] - 1].decode("ascii"))
    return tuple(open_container(raw, lambda algorithm: hashlib.new(algorithm).digest()).pool)


def _judged(
    returned: bytes, field: str, covered: tuple[int, ...], trust: Trust, *, at: datetime, limits: Limits
) -> SignatureReport:
    """Full verification: of the new signature, and that no earlier one fails by it."""
    found = verify(returned, trust, at=at, limits=limits)
    if found.verdict is Verdict.UNREADABLE:
        raise DocumentError(found.reasons[0].code if found.reasons else "document_error")
    report = next((one for one in found.signatures if one.field == field and one.byte_range == covered), None)
    if report is None:
        raise NotPermitted("returned_unsigned", field)
    wanted = (Verdict.PASSED,) if trust.anchors else (Verdict.PASSED, Verdict.WARNED)
    if report.verdict not in wanted:
        raise ValueRejected(report.reasons[0].code if report.reasons else "value_rejected", report.verdict)
    if found.verdict is Verdict.FAILED:
        raise NotPermitted("returned_changed", "; ".join(reason.code for reason in found.reasons))
    return report


def _told(finding: Finding) -> str:
    page = "" if finding.page is None else f", page {finding.page}"
    return f"{finding.kind} {finding.where or finding.name}".strip() + page

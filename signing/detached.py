"""Signs and checks bytes beside their signature (detached CMS, CAdES B-B) with exchange certificates.

Containers, receipts and statuses between agencies are signed this way, day and night, by an installation; documents
and seals never are. ``openssl cms -verify -binary -content DATA`` checks the same thing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from asn1crypto import cms, core
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from signing.cms import open_container
from signing.container import attributes, check, container, scheme
from signing.errors import CertificateUnfit, RevocationDown
from signing.fitness import require_chain, require_time
from signing.keys import Key
from signing.results import Integrity
from signing.trust import Trust

_LARGEST = 1024 * 1024


@dataclass(frozen=True)
class DetachedReport:
    """What was found about one detached signature.

    Args:
        ok: digest, value, certificate, chain and status are all good; everything else is only for telling why not.
        certificate_sha256: lower-case hex fingerprint of the signer's certificate, "" when none was found.
        subject: its subject (RFC 4514).
        signing_time: what the signer's clock said.
        reasons: codes of ``signing.messages``, the first is the one to tell; empty when ``ok``.
    """

    ok: bool
    certificate_sha256: str = ""
    subject: str = ""
    signing_time: datetime | None = None
    reasons: tuple[str, ...] = ()


def sign_detached(data: bytes, key: Key, *, at: datetime) -> bytes:
    """Return a detached CMS (DER) over the data.

    Args:
        key: of an exchange certificate.
        at: aware time, written as signing time (ETSI EN 319 122-1, 5.2.1).

    Raises:
        CertificateUnfit: expired, not yet valid, or not made for this.
        ValueRejected: the key answered with something that does not fit.
    """
    certificate = x509.load_der_x509_certificate(key.certificate)
    require_time(certificate, at)
    _require_usage(certificate)
    how = scheme(key)
    digest = hashlib.new(how.digest, data).digest()
    signed = _with_time(attributes(digest, key.certificate, how), at)
    made = container(signed, key.sign(signed, digest=how.digest), key)
    check(made, lambda name: hashlib.new(name, data).digest(), certificate=key.certificate)
    return made


def verify_detached(data: bytes, signature: bytes, trust: Trust, *, at: datetime) -> DetachedReport:
    """Check a detached CMS over the data; never raises for what is wrong with either.

    Args:
        signature: DER.
        trust: anchors, intermediates and lists; the status of every certificate must be told by a list.
        at: aware time for which chain and status are judged: now, or the proven time of receipt.
    """
    if len(signature) > _LARGEST or not _is_whole(signature):
        return DetachedReport(ok=False, reasons=("container_unreadable",))
    found = open_container(signature, lambda name: hashlib.new(name, data, usedforsecurity=False).digest())
    certificate = found.certificate
    if certificate is None:
        return DetachedReport(ok=False, reasons=(found.code or "signer_certificate_missing",))
    own = certificate.public_bytes(Encoding.DER)
    reasons: list[str] = []
    if found.integrity is not Integrity.OK:
        reasons.append(found.code or "container_unreadable")
    if found.weak:
        reasons.append("weak_algorithm")
    if found.integrity is Integrity.OK and found.bound is not True:
        reasons.append("signing_certificate_mismatch")
    try:
        require_time(certificate, at)
        _require_usage(certificate)
        require_chain(own, tuple(found.pool), trust, trust.anchors, at=at)
    except CertificateUnfit as unfit:
        reasons.append(unfit.code)
    except RevocationDown:
        reasons.append("status_unknown")
    except Exception:  # hostile certificates make the parsers raise nearly anything
        reasons.append("chain_invalid")
    return DetachedReport(
        ok=not reasons,
        certificate_sha256=hashlib.sha256(own).hexdigest(),
        subject=_subject(certificate),
        signing_time=found.signing_time,
        reasons=tuple(reasons),
    )


def _with_time(signed: bytes, at: datetime) -> bytes:
    """Add the signing time to signed attributes and bring them into the order of DER."""
    found = cms.CMSAttributes.load(signed)
    moment = cms.Time({"utc_time": core.UTCTime(at.astimezone(UTC).replace(microsecond=0))})
    found.append(cms.CMSAttribute({"type": "signing_time", "values": [moment]}))
    raw: bytes = cms.CMSAttributes(list(found)).dump()
    return raw


def _require_usage(certificate: x509.Certificate) -> None:
    """Refuse whatever is not an exchange certificate: signs digitally, authenticates a client, is no authority."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError) as error:
        raise CertificateUnfit("wrong_usage") from error
    if not usage.digital_signature or usage.key_cert_sign or ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
        raise CertificateUnfit("wrong_usage")


def _is_whole(signature: bytes) -> bool:
    """Tell whether the bytes are one DER value with nothing behind it."""
    try:
        return bool(cms.ContentInfo.load(signature, strict=True)["content_type"].native == "signed_data")
    except (ValueError, TypeError, KeyError):
        return False


def _subject(certificate: x509.Certificate) -> str:
    try:
        return certificate.subject.rfc4514_string()
    except ValueError:
        return ""

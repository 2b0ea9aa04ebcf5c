"""Asks whether a certificate may sign here and now: validity, usage, chain, revocation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from signing.errors import CertificateUnfit, RevocationDown
from signing.trust import Trust

_E = TypeVar("_E", bound=x509.ExtensionType)

_LONGEST_CHAIN = 8
_DOCUMENT_USES = frozenset(
    {
        ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # document signing, RFC 9336
        ObjectIdentifier("1.3.6.1.4.1.311.10.3.12"),  # document signing, Microsoft
        ObjectIdentifier("1.2.840.113583.1.1.5"),  # authentic documents, Adobe
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    }
)


def require_signer(certificate: bytes, chain: Iterable[bytes], trust: Trust, *, at: datetime) -> None:
    """Refuse a certificate that must not sign a document at this moment.

    Args:
        certificate: the signer's (DER).
        chain: certificates of issuers (DER) that came with the key.
        trust: without anchors only validity and usage can be asked; with anchors the whole chain is.
        at: aware moment of signing.

    Raises:
        CertificateUnfit: ``certificate_expired``, ``certificate_not_yet_valid``, ``wrong_usage``, ``no_chain``,
            ``certificate_revoked``.
        RevocationDown: no list and no answer of the issuer tells the status now.
    """
    own = _load(certificate)
    require_time(own, at)
    if not may_sign_documents(own):
        raise CertificateUnfit("wrong_usage")
    if trust.anchors:
        require_chain(certificate, tuple(chain), trust, trust.anchors, at=at)


def require_stamper(certificate: bytes, chain: Iterable[bytes], trust: Trust, *, at: datetime) -> None:
    """Refuse a certificate that must not stamp time (RFC 3161, 2.3: time stamping, critical, and nothing else).

    Raises:
        CertificateUnfit, RevocationDown: as ``require_signer``.
    """
    own = _load(certificate)
    require_time(own, at)
    try:
        purpose = own.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except (x509.ExtensionNotFound, ValueError) as error:
        raise CertificateUnfit("wrong_usage") from error
    if not purpose.critical or list(purpose.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise CertificateUnfit("wrong_usage")
    anchors = trust.tsa_anchors or trust.anchors
    if anchors:
        require_chain(certificate, tuple(chain), trust, anchors, at=at)


def may_sign_documents(certificate: x509.Certificate) -> bool:
    """Tell whether key usage and extended key usage allow signing documents.

    Content commitment is asked for (ETSI EN 319 412-2, 4.3.2); the exchange certificate lacks it on purpose.
    """
    try:
        usage = _extension(certificate, x509.KeyUsage)
        purposes = _extension(certificate, x509.ExtendedKeyUsage)
        basic = _extension(certificate, x509.BasicConstraints)
    except ValueError:
        return False
    return (
        (usage is None or usage.content_commitment)
        and (purposes is None or not _DOCUMENT_USES.isdisjoint(purposes))
        and (basic is None or not basic.ca)
    )


def require_time(certificate: x509.Certificate, at: datetime) -> None:
    if at > certificate.not_valid_after_utc:
        raise CertificateUnfit("certificate_expired", certificate.not_valid_after_utc.isoformat())
    if at < certificate.not_valid_before_utc:
        raise CertificateUnfit("certificate_not_yet_valid", certificate.not_valid_before_utc.isoformat())


def require_chain(
    certificate: bytes, chain: tuple[bytes, ...], trust: Trust, anchors: tuple[bytes, ...], *, at: datetime
) -> None:
    path = _path(certificate, (*chain, *trust.intermediates), anchors)
    if path is None:
        raise CertificateUnfit("no_chain")
    for below, issuer in pairwise(path):
        require_time(issuer, at)
        status = (*_revocations(issuer, trust.crls), *_answers(below, issuer, trust.ocsps))
        revoked = [dates[below.serial_number] for _, dates in status if below.serial_number in dates]
        if revoked and min(revoked) <= at:
            raise CertificateUnfit("certificate_revoked", min(revoked).isoformat())
        # A list made later knows what was revoked before; one that has run out no longer speaks for this moment.
        if not any(until is None or at <= until for until, _ in status):
            raise RevocationDown(detail=issuer.subject.rfc4514_string())


@lru_cache(maxsize=512)
def _path(
    certificate: bytes, helpers: tuple[bytes, ...], anchors: tuple[bytes, ...]
) -> tuple[x509.Certificate, ...] | None:
    """Signer first, anchor last; None where no path leads to an anchor. Signatures and CA marks are checked."""
    path = [_load(certificate)]
    roots = [_load(a) for a in anchors]
    others = [_load(h) for h in dict.fromkeys(helpers)]
    while len(path) <= _LONGEST_CHAIN:
        if path[-1] in roots:
            return tuple(path)
        root = next((r for r in roots if _issued(path[-1], r)), None)
        if root is not None:
            return (*path, root)
        issuer = next((o for o in others if o not in path and _issued(path[-1], o)), None)
        if issuer is None:
            return None
        path.append(issuer)
    return None


def _issued(below: x509.Certificate, issuer: x509.Certificate) -> bool:
    if below.issuer != issuer.subject:
        return False
    try:
        basic = _extension(issuer, x509.BasicConstraints)
        usage = _extension(issuer, x509.KeyUsage)
        if basic is None or not basic.ca or (usage is not None and not usage.key_cert_sign):
            return False
        below.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


@lru_cache(maxsize=64)
def _revocations(
    issuer: x509.Certificate, crls: tuple[bytes, ...]
) -> tuple[tuple[datetime | None, dict[int, datetime]], ...]:
    """(end, serial -> revocation date) of each list this issuer signed; parsed once per set of lists."""
    found = []
    for raw in crls:
        try:
            crl = x509.load_der_x509_crl(raw)
            if crl.issuer != issuer.subject or not crl.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
                continue
            dates = {entry.serial_number: entry.revocation_date_utc for entry in crl}
        except (ValueError, TypeError):
            continue
        found.append((crl.next_update_utc, dates))
    return tuple(found)


def _answers(
    certificate: x509.Certificate, issuer: x509.Certificate, ocsps: tuple[bytes, ...]
) -> list[tuple[datetime | None, dict[int, datetime]]]:
    """The same of the OCSP answers about one certificate."""
    if not ocsps:
        return []
    from signing.chain import Evidence

    found = Evidence(Trust(ocsps=ocsps)).answers(certificate, issuer)
    return [(one.ends, {certificate.serial_number: one.date} if one.date else {}) for one in found]


def _extension(certificate: x509.Certificate, kind: type[_E]) -> _E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


@lru_cache(maxsize=256)
def _load(certificate: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(certificate)
    except ValueError as error:
        raise CertificateUnfit("certificate_unreadable") from error

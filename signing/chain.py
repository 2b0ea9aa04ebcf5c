"""Who stands behind a certificate: its chain to an anchor, its usage, validity and status at a given moment.

The shape of a chain (signatures, constraints, policies) is checked by the path validation of RFC 5280 in a library;
the questions of time and revocation are answered here, because they depend on what was proven when.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, SignatureAlgorithmOID
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.validate import async_validate_path

from signing.cms import weak_key
from signing.results import TrustLevel
from signing.trust import Trust

_DOCUMENT_USES = frozenset(
    {
        "1.3.6.1.5.5.7.3.36",  # document signing, RFC 9336
        "1.3.6.1.5.5.7.3.4",  # e-mail protection
        "1.3.6.1.4.1.311.10.3.12",  # document signing of an operating system
        "1.2.840.113583.1.1.5",  # authentic documents of a reader
    }
)
# These alone say nothing about documents: they count when the certificate is meant to commit its holder.
_PERSONAL_USES = frozenset({"2.5.29.37.0", "1.3.6.1.5.5.7.3.2"})
_WEAK = (hashes.MD5, hashes.SHA1)
_STRONG = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_TOLERANCE = timedelta(minutes=5)
_UNSAID = timedelta(days=1)
"""How long an OCSP answer speaks that does not say until when."""
_MOST_PATHS = 8
_MOST_CERTIFICATES = 200
_TEST_MARKS = ("THỬ NGHIỆM", "TEST")


@dataclass(frozen=True)
class Standing:
    """What can be said of a certificate at a moment.

    Args:
        chain: certificates from the holder to the anchor, empty when none was found.
        revocation: ``good``, ``revoked`` or ``unknown`` for the holder's certificate.
        source: kind of evidence and its date.
    """

    trust: TrustLevel
    code: str = ""
    sub: str = ""
    detail: str = ""
    chain: tuple[x509.Certificate, ...] = ()
    revocation: str = "unknown"
    source: str = ""
    embedded: bool = False


@dataclass(frozen=True)
class Status:
    """What one list or answer says of a certificate; its signature was checked.

    Args:
        word: ``good``, ``revoked`` or ``unknown``.
        source: kind and date, as a report tells it.
        date: of the revocation.
        embedded: found in the document itself.
        kind: ``crl`` or ``ocsp``; der: the list or answer; begins, ends: the time it speaks for.
        responder: who signed an OCSP answer in the issuer's name, None when the issuer did.
        origin: where it came from: ``folder``, ``document`` or an address.
    """

    word: str
    source: str = ""
    date: datetime | None = None
    embedded: bool = False
    kind: str = ""
    der: bytes = field(default=b"", repr=False)
    begins: datetime | None = None
    ends: datetime | None = None
    responder: x509.Certificate | None = field(default=None, repr=False)
    origin: str = ""

    def at(self, certificate: x509.Certificate, moment: datetime) -> str:
        """The status it proves for a moment: ``good``, ``revoked`` or ``unknown``.

        Revoked counts from any evidence. Good counts from evidence that was current at the moment, or was made later,
        as long as the issuer still had to name the certificate then (RFC 5280, 3.3: not after it has expired).
        """
        if self.word == "revoked" and self.date is not None and self.date <= moment:
            return "revoked"
        if self.begins is None:
            return "unknown"
        within = self.begins <= moment + _TOLERANCE and (self.ends is None or moment <= self.ends)
        later = moment < self.begins <= certificate.not_valid_after_utc
        return "good" if within or later else "unknown"


@dataclass(frozen=True)
class _Path:
    chain: tuple[x509.Certificate, ...] = ()
    code: str = ""
    sub: str = ""
    detail: str = ""


class Evidence:
    """Everything known for one file: the installation's trust and what the file itself carries.

    Args:
        trust: anchors and lists of the installation.
        certificates, crls, ocsps: DER found in the file; helpful, never believed without a chain.
    """

    def __init__(
        self,
        trust: Trust,
        certificates: Iterable[bytes] = (),
        *,
        crls: Iterable[bytes] = (),
        ocsps: Iterable[bytes] = (),
    ) -> None:
        self._trust = trust
        helpers = list(dict.fromkeys((*trust.intermediates, *certificates)))[:_MOST_CERTIFICATES]
        self._helpers = [found for der in helpers if (found := _asn1(der)) is not None]
        self._crls = _marked(trust.crls, crls)
        self._ocsps = _marked(trust.ocsps, ocsps)
        self._paths: dict[tuple[bytes, bool], _Path] = {}
        self._signed: dict[tuple[bytes, bytes], bool] = {}
        # What was parsed for one question serves the next: many signatures ask about the same few certificates.
        self._lists: dict[bytes, x509.CertificateRevocationList | None] = {}
        self._numbers: dict[bytes, frozenset[int]] = {}

    def knowing(self, crls: Iterable[bytes], ocsps: Iterable[bytes]) -> Evidence:
        """The same with more lists and answers beside the installation's; chains found before need no second search."""
        more = copy(self)
        more._crls = self._crls + [(der, False) for der in crls if (der, False) not in self._crls]
        more._ocsps = self._ocsps + [(der, False) for der in ocsps if (der, False) not in self._ocsps]
        return more

    def standing(
        self, certificate: x509.Certificate, moment: datetime, *, purpose: str, proven: bool, claimed: datetime | None
    ) -> Standing:
        """Judge a certificate at a moment (ETSI EN 319 102-1, 5.2.6 and 5.6.2).

        Args:
            moment: the proven time of use, or the time of the check when nothing is proven.
            purpose: ``signer`` or ``tsa``.
            proven: ``moment`` was proven by somebody else than the signer.
            claimed: the signer's own word about the time.
        """
        try:
            return self._standing(certificate, moment, purpose=purpose, proven=proven, claimed=claimed)
        except Exception as error:  # extensions are parsed when they are asked for, and hostile ones raise anything
            detail = type(error).__name__
            return Standing(TrustLevel.UNTRUSTED, "chain_invalid", "CERTIFICATE_CHAIN_GENERAL_FAILURE", detail)

    def _standing(
        self, certificate: x509.Certificate, moment: datetime, *, purpose: str, proven: bool, claimed: datetime | None
    ) -> Standing:
        path = self._path(certificate, tsa=purpose == "tsa")
        if path.code:
            level = TrustLevel.UNKNOWN if path.code == "no_chain" else TrustLevel.UNTRUSTED
            return Standing(level, path.code, path.sub, path.detail, path.chain)
        chain = path.chain
        usage = _usage_fault(certificate, purpose)
        if usage:
            return Standing(TrustLevel.UNTRUSTED, "wrong_usage", "CHAIN_CONSTRAINTS_FAILURE", usage, chain)
        first = self.status(chain[0], chain[1], moment) if len(chain) > 1 else Status("good", "anchor")
        base = Standing(
            TrustLevel.TRUSTED, chain=chain, revocation=first.word, source=_told(first), embedded=first.embedded
        )
        late = self._early(chain, moment, claimed)
        if late:
            return replace(base, trust=TrustLevel.UNTRUSTED, code=late, sub="NOT_YET_VALID")
        revoked = self._revoked(chain, moment, first, proven=proven, claimed=claimed)
        if revoked is not None:
            level, code, sub, detail = revoked
            return replace(base, trust=level, code=code, sub=sub, detail=detail)
        return self._doubts(base, moment, first, proven=proven, claimed=claimed)

    def _early(self, chain: tuple[x509.Certificate, ...], moment: datetime, claimed: datetime | None) -> str:
        for certificate in chain[:-1] or chain:
            if certificate.not_valid_before_utc > moment:
                return "certificate_not_yet_valid"
        if claimed is not None and claimed + _TOLERANCE < chain[0].not_valid_before_utc:
            return "certificate_not_yet_valid"
        return ""

    def _revoked(
        self,
        chain: tuple[x509.Certificate, ...],
        moment: datetime,
        first: Status,
        *,
        proven: bool,
        claimed: datetime | None,
    ) -> tuple[TrustLevel, str, str, str] | None:
        for index, certificate in enumerate(chain[:-1]):
            status = first if index == 0 else self.status(certificate, chain[index + 1], moment)
            if status.word != "revoked" or status.date is None:
                continue
            who = _name(certificate)
            detail = f"{who} {status.date.isoformat()}"
            if not proven and claimed is not None and claimed < status.date:
                sub = "REVOKED_NO_POE" if index == 0 else "REVOKED_CA_NO_POE"
                return TrustLevel.UNKNOWN, "certificate_revoked_no_proof", sub, detail
            return TrustLevel.UNTRUSTED, "certificate_revoked", "REVOKED", detail
        return None

    def _doubts(
        self, base: Standing, moment: datetime, first: Status, *, proven: bool, claimed: datetime | None
    ) -> Standing:
        chain = base.chain
        for certificate in chain[:-1] or chain:
            if certificate.not_valid_after_utc < moment:
                over = proven or (claimed is not None and claimed > certificate.not_valid_after_utc)
                code = "certificate_expired_at_signing" if over else "certificate_expired"
                return replace(
                    base, trust=TrustLevel.UNKNOWN, code=code, sub="OUT_OF_BOUNDS_NO_POE", detail=_name(certificate)
                )
        for index, certificate in enumerate(chain[:-1]):
            status = first if index == 0 else self.status(certificate, chain[index + 1], moment)
            if status.word == "unknown":
                return replace(
                    base, trust=TrustLevel.UNKNOWN, code="status_unknown", sub="TRY_LATER", detail=_name(certificate)
                )
        for certificate in chain[:-1]:
            if _weak(certificate):
                return replace(
                    base,
                    trust=TrustLevel.UNKNOWN,
                    code="weak_algorithm",
                    sub="CRYPTO_CONSTRAINTS_FAILURE_NO_POE",
                    detail=_name(certificate),
                )
        return base

    # chains --------------------------------------------------------------------------------------------------

    def chain(self, certificate: x509.Certificate, *, tsa: bool = False) -> tuple[x509.Certificate, ...]:
        """The certificates from the holder to an anchor; empty when there is no good chain."""
        path = self._path(certificate, tsa=tsa)
        return () if path.code else path.chain

    def _path(self, certificate: x509.Certificate, *, tsa: bool) -> _Path:
        key = (certificate.fingerprint(hashes.SHA256()), tsa)
        if key not in self._paths:
            anchors = self._trust.tsa_anchors if tsa and self._trust.tsa_anchors else self._trust.anchors
            try:
                self._paths[key] = _find_path(certificate, anchors, self._helpers)
            except Exception as error:  # hostile certificates make the parsers raise nearly anything
                self._paths[key] = _Path(
                    code="chain_invalid", sub="CERTIFICATE_CHAIN_GENERAL_FAILURE", detail=type(error).__name__
                )
        return self._paths[key]

    # status --------------------------------------------------------------------------------------------------

    def status(self, certificate: x509.Certificate, issuer: x509.Certificate, moment: datetime) -> Status:
        """Status of a certificate: revoked counts from any evidence, good only from what speaks for the moment."""
        good: Status | None = None
        for answer in self.answers(certificate, issuer):
            word = answer.at(certificate, moment)
            if word == "revoked":
                return answer
            if word == "good":
                good = good or replace(answer, word="good")
        return good or Status("unknown")

    def provided(self, chain: tuple[x509.Certificate, ...], moment: datetime) -> bool:
        """Say whether the file itself carries evidence about every certificate of a chain at a moment."""
        return all(
            any(one.embedded and one.at(certificate, moment) != "unknown" for one in self.answers(certificate, issuer))
            for certificate, issuer in pairwise(chain)
        )

    def answers(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        """Every list and answer about a certificate that its issuer, or whom it appointed, has signed."""
        for der, embedded in self._ocsps:
            if der not in self._numbers:
                self._numbers[der] = _numbers(der)
            if certificate.serial_number not in self._numbers[der]:
                continue
            try:
                found = list(_ocsp_answers(der, certificate, issuer))
            except Exception:  # noqa: S112  a rotten answer is no answer
                continue
            for answer in found:
                if not self._dismissed(answer, issuer):
                    yield replace(answer, embedded=embedded, origin="document" if embedded else "folder")
        yield from self._listed(certificate, issuer)

    def _dismissed(self, answer: Status, issuer: x509.Certificate) -> bool:
        """Say whether the responder had been revoked when it answered, unless its issuer vouched for it."""
        responder, moment = answer.responder, answer.begins
        if responder is None or moment is None or vouched_for(responder):
            return False
        return any(status.at(responder, moment) == "revoked" for status in self._listed(responder, issuer))

    def _listed(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        for der, embedded in self._crls:
            if der not in self._lists:
                self._lists[der] = _load_crl(der)
            listed = self._lists[der]
            if listed is None or listed.issuer != issuer.subject or not self._signs(der, listed, issuer):
                continue
            if not _speaks_for(listed, certificate):
                continue
            entry = listed.get_revoked_certificate_by_serial_number(certificate.serial_number)
            gone = entry is not None and not _removed(entry)
            yield Status(
                "revoked" if gone else "good",
                f"CRL {listed.last_update_utc.isoformat()}",
                entry.revocation_date_utc if entry is not None else None,
                embedded=embedded,
                kind="crl",
                der=der,
                begins=listed.last_update_utc,
                ends=listed.next_update_utc,
                origin="document" if embedded else "folder",
            )

    def _signs(self, der: bytes, listed: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
        key = (der, issuer.fingerprint(hashes.SHA256()))
        if key not in self._signed:
            usage = _extension(issuer, x509.KeyUsage)
            try:
                allowed = usage is None or usage.crl_sign
                self._signed[key] = allowed and listed.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
            except (TypeError, ValueError, UnsupportedAlgorithm):
                self._signed[key] = False
        return self._signed[key]


def is_test(chain: Iterable[x509.Certificate]) -> bool:
    """Say whether a chain is a test chain without legal value, by the mark in a subject."""
    for certificate in chain:
        for attribute in certificate.subject:
            value = str(attribute.value).upper()
            if any(mark in value for mark in _TEST_MARKS):
                return True
    return False


def subject(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    """First value of an attribute of the subject, "" when there is none."""
    found = certificate.subject.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


def _name(certificate: x509.Certificate) -> str:
    return subject(certificate, NameOID.COMMON_NAME) or certificate.subject.rfc4514_string()


def _told(status: Status) -> str:
    return f"{status.source}, embedded" if status.embedded and status.source else status.source


def _marked(own: tuple[bytes, ...], found: Iterable[bytes]) -> list[tuple[bytes, bool]]:
    """The installation's evidence and the file's, each once, with a mark on what the file carries."""
    embedded = dict.fromkeys(found)
    others = [der for der in embedded if der not in own][:_MOST_CERTIFICATES]
    return [(der, der in embedded) for der in own] + [(der, True) for der in others]


def _asn1(der: bytes) -> asn1_x509.Certificate | None:
    try:
        found = asn1_x509.Certificate.load(der)
        _ = (found.subject.hashable, found.key_identifier, found.issuer_serial)
    except Exception:  # a rotten helper is no helper
        return None
    return found


def _find_path(
    certificate: x509.Certificate, anchors: tuple[bytes, ...], helpers: list[asn1_x509.Certificate]
) -> _Path:
    leaf = asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
    roots = [asn1_x509.Certificate.load(der) for der in anchors]
    if any(root.dump() == leaf.dump() for root in roots):
        return _Path((certificate,))
    context = ValidationContext(trust_roots=roots, other_certs=helpers, moment=certificate.not_valid_before_utc)
    paths = context.path_builder.async_build_paths_lazy(leaf)
    fault = _Path(code="no_chain", sub="NO_CERTIFICATE_CHAIN_FOUND")
    for _ in range(_MOST_PATHS):
        try:
            path: ValidationPath = _run(paths.__anext__())
        except StopAsyncIteration:
            break
        except Exception as error:
            if fault.code == "no_chain":
                fault = replace(fault, detail=type(error).__name__)
            break
        chain = tuple(x509.load_der_x509_certificate(item.dump()) for item in reversed(list(path)))
        moment = max(item.not_valid_before_utc for item in chain[:-1])
        if moment > min(item.not_valid_after_utc for item in chain[:-1]):
            moment = certificate.not_valid_before_utc
        judge = ValidationContext(
            trust_roots=roots,
            moment=moment,
            revocation_mode="soft-fail",
            weak_hash_algos=set(),
        )
        try:
            _run(async_validate_path(judge, path))
        except Exception as error:
            if _linked(chain):  # otherwise only the names match: that is no chain at all
                fault = _Path(chain, "chain_invalid", "CHAIN_CONSTRAINTS_FAILURE", type(error).__name__)
            continue
        return _Path(chain)
    return fault


def _linked(chain: tuple[x509.Certificate, ...]) -> bool:
    """Say whether each certificate was signed by the next."""
    try:
        for below, above in pairwise(chain):
            below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _run(routine: Any) -> Any:
    """Run a coroutine that waits for nothing: no network, so no event loop."""
    try:
        routine.send(None)
    except StopIteration as end:
        return end.value
    routine.close()
    raise RuntimeError("path validation tried to wait")


def _extension(certificate: x509.Certificate, kind: type[Any]) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _usage_fault(certificate: x509.Certificate, purpose: str) -> str:
    usage = _extension(certificate, x509.KeyUsage)
    extended = _extension(certificate, x509.ExtendedKeyUsage)
    purposes = {oid.dotted_string for oid in extended} if extended is not None else set()
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        return "key usage"
    basic = _extension(certificate, x509.BasicConstraints)
    if basic is not None and basic.ca:
        return "authority"
    if purpose == "tsa":
        return "" if purposes == {ExtendedKeyUsageOID.TIME_STAMPING.dotted_string} else "extended key usage"
    if extended is None or not purposes.isdisjoint(_DOCUMENT_USES):
        return ""
    commits = usage is None or usage.content_commitment
    return "" if commits and not purposes.isdisjoint(_PERSONAL_USES) else "extended key usage"


def _weak(certificate: x509.Certificate) -> bool:
    if weak_key(certificate.public_key()):
        return True
    try:
        return isinstance(certificate.signature_hash_algorithm, _WEAK)
    except UnsupportedAlgorithm:
        return False


_CRLS: OrderedDict[bytes, x509.CertificateRevocationList | None] = OrderedDict()


def _load_crl(der: bytes) -> x509.CertificateRevocationList | None:
    """Parse a list once; long lists come back with every document of their issuer."""
    key = hashlib.sha256(der).digest()
    if key in _CRLS:
        return _CRLS[key]
    try:
        found = x509.load_der_x509_crl(der)
        _ = (found.issuer, found.last_update_utc, found.next_update_utc)
    except Exception:
        found = None
    _CRLS[key] = found
    while len(_CRLS) > 64:
        _CRLS.popitem(last=False)
    return found


def _speaks_for(listed: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    """Scope of a list (RFC 5280, 5.2.5); a list with critical parts not understood here speaks for nobody."""
    basic = _extension(certificate, x509.BasicConstraints)
    authority = basic is not None and basic.ca
    for extension in listed.extensions:
        value = extension.value
        if isinstance(value, x509.IssuingDistributionPoint):
            if value.indirect_crl or value.only_contains_attribute_certs or value.only_some_reasons:
                return False
            if (value.only_contains_user_certs and authority) or (value.only_contains_ca_certs and not authority):
                return False
            if value.full_name and not _same_point(value.full_name, certificate):
                return False
        elif isinstance(value, x509.DeltaCRLIndicator) or (
            extension.critical and isinstance(value, x509.UnrecognizedExtension)
        ):
            return False
    return True


def _same_point(names: Iterable[x509.GeneralName], certificate: x509.Certificate) -> bool:
    points = _extension(certificate, x509.CRLDistributionPoints)
    known = [name for point in points or () for name in point.full_name or ()]
    return any(name in known for name in names)


def _removed(entry: x509.RevokedCertificate) -> bool:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return False
    return reason is x509.ReasonFlags.remove_from_crl


def _numbers(der: bytes) -> frozenset[int]:
    """Which certificates an OCSP answer is about; most in a file are about others, and need no further look."""
    try:
        response = ocsp.load_der_ocsp_response(der)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return frozenset()
        return frozenset(one.serial_number for one in response.responses)
    except Exception:  # a rotten answer is no answer
        return frozenset()


def _ocsp_answers(der: bytes, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
    response = ocsp.load_der_ocsp_response(der)
    signer = _ocsp_signer(response, issuer)
    if signer is None:
        return
    for single in response.responses:
        if single.serial_number != certificate.serial_number or not named_by(single, issuer):
            continue
        word = {ocsp.OCSPCertStatus.GOOD: "good", ocsp.OCSPCertStatus.REVOKED: "revoked"}.get(
            single.certificate_status, "unknown"
        )
        if word == "unknown":
            continue
        begins = single.this_update_utc
        yield Status(
            word,
            f"OCSP {begins.isoformat()}",
            single.revocation_time_utc,
            kind="ocsp",
            der=der,
            begins=begins,
            ends=single.next_update_utc or begins + _UNSAID,
            responder=None if signer is issuer else signer,
        )


def named_by(asked: Any, issuer: x509.Certificate) -> bool:
    """Say whether an OCSP request or answer means this issuer (RFC 6960, 4.1.1: hashes of its name and key)."""
    algorithm = asked.hash_algorithm.name
    name = hashlib.new(algorithm, issuer.subject.public_bytes(), usedforsecurity=False).digest()
    return bool(asked.issuer_name_hash == name and asked.issuer_key_hash == _key_hash(issuer, algorithm))


def _key_hash(certificate: x509.Certificate, name: str) -> bytes:
    from asn1crypto.keys import PublicKeyInfo

    raw = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    bits = bytes(PublicKeyInfo.load(raw)["public_key"])
    return hashlib.new(name, bits, usedforsecurity=False).digest()


def _ocsp_signer(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> x509.Certificate | None:
    """Who signed: the issuer itself, or a responder it appointed (RFC 6960, 4.2.2.2); None: anybody else."""
    produced = response.produced_at_utc
    for candidate in (issuer, *response.certificates[:5]):
        if candidate is not issuer:
            extended = _extension(candidate, x509.ExtendedKeyUsage)
            if extended is None or ExtendedKeyUsageOID.OCSP_SIGNING not in extended:
                continue
            usage = _extension(candidate, x509.KeyUsage)
            if usage is not None and not usage.digital_signature:
                continue
            if not candidate.not_valid_before_utc <= produced <= candidate.not_valid_after_utc:
                continue
            try:
                candidate.verify_directly_issued_by(issuer)
            except (ValueError, TypeError, InvalidSignature):
                continue
        if _signed_by(candidate.public_key(), response):
            return candidate
    return None


def vouched_for(responder: x509.Certificate) -> bool:
    """Say whether its issuer told that a responder's own status need not be asked (RFC 6960, 4.2.2.2.1)."""
    return _extension(responder, x509.OCSPNoCheck) is not None


def _pss(response: ocsp.OCSPResponse) -> tuple[padding.PSS, hashes.HashAlgorithm]:
    """How an answer was signed with RSASSA-PSS (RFC 4055, 3.1), which its own parser does not tell."""
    basic = asn1_ocsp.OCSPResponse.load(response.public_bytes(Encoding.DER))["response_bytes"]["response"].parsed
    settings = basic["signature_algorithm"]["parameters"]
    inner = settings["mask_gen_algorithm"]["parameters"]["algorithm"].native
    scheme = padding.PSS(padding.MGF1(_STRONG[inner]), settings["salt_length"].native)
    return scheme, _STRONG[settings["hash_algorithm"]["algorithm"].native]


def _signed_by(key: Any, response: ocsp.OCSPResponse) -> bool:
    pss = response.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS
    algorithm = None if pss else response.signature_hash_algorithm
    try:
        if pss and not isinstance(key, rsa.RSAPublicKey):
            return False
        if pss:
            key.verify(response.signature, response.tbs_response_bytes, *_pss(response))
        elif isinstance(key, rsa.RSAPublicKey) and algorithm is not None:
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm is not None:
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(algorithm))
        elif isinstance(key, dsa.DSAPublicKey) or algorithm is not None:
            return False
        else:
            key.verify(response.signature, response.tbs_response_bytes)
    except InvalidSignature:
        return False
    return True


def utc(moment: datetime) -> datetime:
    """The moment in UTC; a naive one is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

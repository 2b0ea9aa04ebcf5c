"""Reads one CMS container (RFC 5652, CAdES, RFC 3161) and checks digest, value and the binding to its certificate."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding

from signing.results import Integrity

Digest = Callable[[str], bytes]

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
    "sha3_256": hashes.SHA3_256,
    "sha3_384": hashes.SHA3_384,
    "sha3_512": hashes.SHA3_512,
}
_WEAK = frozenset({"md2", "md5", "sha1"})
_MOST = 100
_MOST_SIGNERS = 4
_ONCE = frozenset(
    {"message_digest", "content_type", "signing_time", "signing_certificate", "signing_certificate_v2"}
)  # attributes that a reader could otherwise choose among
_KINDS = frozenset({"rsassa_pkcs1v15", "rsassa_pss", "ecdsa", "dsa", "ed25519", "ed448"})
_KEYS = (
    rsa.RSAPublicKey,
    ec.EllipticCurvePublicKey,
    dsa.DSAPublicKey,
    ed25519.Ed25519PublicKey,
    ed448.Ed448PublicKey,
)


class CmsFault(Exception):
    """The container is no lawful one of its kind; ``code`` is a key of ``signing.messages``."""

    def __init__(self, code: str, sub: str, *, unsupported: bool = False, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.sub = sub
        self.unsupported = unsupported
        self.detail = detail


@dataclass
class Container:
    """What one container says and how it checked out.

    Args:
        content: encapsulated content (of a time-stamp token), empty when detached.
        bound: the signed attributes name the signer's certificate and it is this one; None when they name none.
        value: the signature value, which a signature time-stamp covers.
    """

    integrity: Integrity = Integrity.NONE
    code: str = ""
    sub: str = ""
    detail: str = ""
    certificate: x509.Certificate | None = None
    pool: list[bytes] = field(default_factory=list)
    crls: list[bytes] = field(default_factory=list)
    ocsps: list[bytes] = field(default_factory=list)
    tokens: list[bytes] = field(default_factory=list)
    signing_time: datetime | None = None
    algorithm: str = ""
    digest_name: str = ""
    weak: bool = False
    bound: bool | None = None
    value: bytes = b""
    content: bytes = b""


def open_container(der: bytes, digest: Digest, *, content_type: str = "data", sha1_inside: bool = False) -> Container:
    """Check a CMS SignedData over detached (or, for a token, enclosed) content.

    Args:
        der: the container.
        digest: gives the digest of the signed bytes under a named algorithm.
        content_type: ``data``, or ``tst_info`` for a time-stamp token.
        sha1_inside: the container encloses the SHA-1 digest of the signed bytes (adbe.pkcs7.sha1).

    Returns:
        Everything found; faults of the container stand in ``integrity`` and ``code``, nothing is raised for them.
    """
    found = Container()
    try:
        _open(found, der, digest, content_type, sha1_inside=sha1_inside)
    except CmsFault as fault:
        found.integrity = Integrity.UNSUPPORTED if fault.unsupported else Integrity.BROKEN
        found.code, found.sub, found.detail = fault.code, fault.sub, fault.detail
    except Exception as error:  # hostile DER makes the parsers raise nearly anything
        found.integrity, found.code, found.sub = Integrity.BROKEN, "container_unreadable", "FORMAT_FAILURE"
        found.detail = type(error).__name__
    return found


def _open(found: Container, der: bytes, digest: Digest, content_type: str, *, sha1_inside: bool) -> None:
    info = cms.ContentInfo.load(der)
    if info["content_type"].native != "signed_data":
        raise CmsFault("container_unreadable", "FORMAT_FAILURE", detail="content type")
    signed = info["content"]
    _collect(found, signed)
    signers = signed["signer_infos"]
    if not 1 <= len(signers) <= _MOST_SIGNERS:
        raise CmsFault("container_unreadable", "FORMAT_FAILURE", detail="signers")
    _check(found, signed, signers[0], digest, content_type, sha1_inside=sha1_inside)
    digests = {found.digest_name}
    for signer in list(signers)[1:]:
        # ISO 32000-2, 12.8.3.3.1, allows one; some programs write the same signer once for each of several digests.
        other = Container(pool=found.pool)
        if signer["sid"].dump() != signers[0]["sid"].dump():
            raise CmsFault("container_unreadable", "FORMAT_FAILURE", detail="signers")
        _check(other, signed, signer, digest, content_type, sha1_inside=sha1_inside)
        if other.digest_name in digests:
            raise CmsFault("container_unreadable", "FORMAT_FAILURE", detail="signers")
        digests.add(other.digest_name)
    if len(signers) > 1:
        raise CmsFault("several_signers", "SIG_CONSTRAINTS_FAILURE", unsupported=True)
    found.integrity = Integrity.OK


def _check(
    found: Container, signed: Any, signer: Any, digest: Digest, content_type: str, *, sha1_inside: bool
) -> None:
    """Check one signer's part against the content."""
    found.certificate = _signer(signer, found.pool)
    encapsulated = signed["encap_content_info"]
    inner = encapsulated["content"]
    enclosed = inner.native if content_type == "data" and inner.native is not None else None
    if content_type == "tst_info":
        found.content = bytes(inner) if inner.native is not None else b""
        found.content = inner.parsed.dump() if found.content else b""
    if encapsulated["content_type"].native != content_type:
        raise CmsFault("container_unreadable", "FORMAT_FAILURE", detail="content type")
    if content_type == "tst_info" and not found.content:
        raise CmsFault("container_unreadable", "FORMAT_FAILURE", detail="no content")
    if content_type == "data" and (enclosed is not None) != sha1_inside:
        raise CmsFault("container_unreadable", "FORMAT_FAILURE", detail="enclosed content")
    name = str(signer["digest_algorithm"]["algorithm"].native)
    if name not in _HASHES:
        raise CmsFault("algorithm_unsupported", "CRYPTO_CONSTRAINTS_FAILURE", unsupported=True, detail=name)
    found.digest_name = name
    if sha1_inside:
        if not hmac.compare_digest(bytes(enclosed or b""), digest("sha1")):
            raise CmsFault("digest_mismatch", "HASH_FAILURE")
        actual = hashlib.new(name, bytes(enclosed or b""), usedforsecurity=False).digest()
    elif found.content:
        actual = hashlib.new(name, found.content, usedforsecurity=False).digest()
    else:
        actual = digest(name)
    found.value = signer["signature"].native
    found.weak = name in _WEAK or sha1_inside
    _unsigned(found, signer["unsigned_attrs"])
    attributes = signer["signed_attrs"]
    message = _attributes(found, attributes, content_type, actual) if attributes else None
    if found.certificate is None:
        raise CmsFault("signer_certificate_missing", "NO_SIGNING_CERTIFICATE_FOUND", unsupported=True)
    try:
        key = found.certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CmsFault("algorithm_unsupported", "CRYPTO_CONSTRAINTS_FAILURE", unsupported=True) from error
    found.weak = found.weak or weak_key(key)
    found.algorithm = _value(signer, key, found.value, message, actual, name)
    if found.bound is False:
        raise CmsFault("signing_certificate_mismatch", "NO_SIGNING_CERTIFICATE_FOUND")


def weak_key(key: Any) -> bool:
    """Say whether a public key is short enough to be broken: below 112 bits of strength (NIST SP 800-57, table 2)."""
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey):
        return key.key_size < 2048
    return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size < 224


def _collect(found: Container, signed: Any) -> None:
    certificates = signed["certificates"]
    for choice in list(certificates)[:_MOST] if certificates else ():
        if choice.name == "certificate":
            found.pool.append(choice.chosen.dump())
    lists = signed["crls"]
    for choice in list(lists)[:_MOST] if lists else ():
        if choice.name == "certificate_list":
            found.crls.append(choice.chosen.dump())


def _signer(signer: Any, pool: list[bytes]) -> x509.Certificate | None:
    sid = signer["sid"]
    for der in pool:
        try:
            certificate = asn1_x509.Certificate.load(der)
            if sid.name == "issuer_and_serial_number":
                named = sid.chosen["issuer"]
                match = certificate.serial_number == sid.chosen["serial_number"].native and (
                    # the same bytes are the same name; preparing two names to be compared takes a millisecond
                    certificate.issuer.dump() == named.dump() or certificate.issuer == named
                )
            else:
                match = certificate.key_identifier == sid.chosen.native
            if match:
                return whole_certificate(der)
        except Exception:  # noqa: S112  one rotten certificate in the bag must not hide the others
            continue
    return None


def whole_certificate(der: bytes) -> x509.Certificate:
    """Parse a certificate and everything a report tells of it, so that rot shows here and not later.

    Raises:
        ValueError: some part of it cannot be read.
    """
    found = x509.load_der_x509_certificate(der)
    _ = (found.subject, found.issuer, found.serial_number, found.not_valid_before_utc, found.not_valid_after_utc)
    return found


def _attributes(found: Container, attributes: Any, content_type: str, actual: bytes) -> bytes:
    """Check the signed attributes; returns the bytes the value was computed over (RFC 5652, 5.4)."""
    raw: bytes = attributes.dump()  # before anything inside is parsed: afterwards the library encodes anew
    known: dict[str, Any] = {}
    for attribute in attributes:
        name = attribute["type"].native
        if name in known and name in _ONCE:
            raise CmsFault("container_unreadable", "FORMAT_FAILURE", detail=f"{name} twice")
        known[name] = attribute["values"]
    for name in ("message_digest", "content_type"):
        if len(known.get(name, ())) != 1:
            raise CmsFault("container_unreadable", "FORMAT_FAILURE", detail=name)
    if known["content_type"][0].native != content_type:
        raise CmsFault("container_unreadable", "FORMAT_FAILURE", detail="content_type")
    if not hmac.compare_digest(known["message_digest"][0].native, actual):
        raise CmsFault("digest_mismatch", "HASH_FAILURE")
    if len(known.get("signing_time", ())) == 1:
        found.signing_time = known["signing_time"][0].native
    found.bound = _bound(found.certificate, known)
    archived = known.get("adobe_revocation_info_archival")
    if archived is not None and len(archived) == 1:
        found.crls.extend(item.dump() for item in list(archived[0]["crl"] or ())[:_MOST])
        found.ocsps.extend(item.dump() for item in list(archived[0]["ocsp"] or ())[:_MOST])
    return b"\x31" + raw[1:]


def _bound(certificate: x509.Certificate | None, known: dict[str, Any]) -> bool | None:
    if certificate is None:
        return None
    told: list[bool] = []
    for name, default in (("signing_certificate_v2", "sha256"), ("signing_certificate", "sha1")):
        values = known.get(name)
        if values is None:
            continue
        entry = values[0]["certs"][0]
        algorithm = entry["hash_algorithm"]["algorithm"].native if name.endswith("v2") else default
        digest = hashlib.new(algorithm, certificate.public_bytes(Encoding.DER), usedforsecurity=False).digest()
        told.append(hmac.compare_digest(entry["cert_hash"].native, digest))
    return all(told) if told else None  # both kinds may stand side by side, and then both must mean this one


def _unsigned(found: Container, attributes: Any) -> None:
    for attribute in attributes or ():
        kind = attribute["type"].native
        if kind == "signature_time_stamp_token":
            found.tokens.extend(value.dump() for value in list(attribute["values"])[:10])


def _value(signer: Any, key: Any, value: bytes, message: bytes | None, prehashed: bytes, name: str) -> str:
    """Check the signature value; returns a label such as ``RSA-2048 SHA-256``."""
    algorithm = signer["signature_algorithm"]
    try:
        kind = str(algorithm.signature_algo)
    except ValueError:
        kind = str(algorithm["algorithm"].native)
    hash_name = name
    if kind == "rsassa_pss":
        hash_name = str(algorithm["parameters"]["hash_algorithm"]["algorithm"].native)
    elif kind in ("rsassa_pkcs1v15", "ecdsa", "dsa") and "with" not in kind:
        declared = algorithm["algorithm"].native
        hash_name = str(algorithm.hash_algo) if declared.partition("_")[0] in _HASHES or "sha" in declared else name
    if hash_name not in _HASHES:
        raise CmsFault("algorithm_unsupported", "CRYPTO_CONSTRAINTS_FAILURE", unsupported=True, detail=hash_name)
    if hash_name != name and kind not in ("ed25519", "ed448"):
        raise CmsFault("algorithm_unsupported", "SIG_CONSTRAINTS_FAILURE", unsupported=True, detail="two digests")
    chosen: Any = _HASHES[hash_name]()
    data = prehashed if message is None else message
    if message is None:
        chosen = Prehashed(chosen)
    try:
        if kind == "rsassa_pkcs1v15" and isinstance(key, rsa.RSAPublicKey):
            key.verify(value, data, padding.PKCS1v15(), chosen)
            label = f"RSA-{key.key_size}"
        elif kind == "rsassa_pss" and isinstance(key, rsa.RSAPublicKey):
            settings = algorithm["parameters"]
            inner = settings["mask_gen_algorithm"]["parameters"]["algorithm"].native
            scheme = padding.PSS(padding.MGF1(_HASHES[inner]()), settings["salt_length"].native)
            key.verify(value, data, scheme, chosen)
            label = f"RSA-PSS-{key.key_size}"
        elif kind == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(value, data, ec.ECDSA(chosen))
            label = f"ECDSA {key.curve.name}"
        elif kind == "dsa" and isinstance(key, dsa.DSAPublicKey):
            key.verify(value, data, chosen)
            label = f"DSA-{key.key_size}"
        elif kind == "ed25519" and isinstance(key, ed25519.Ed25519PublicKey) and message is not None:
            key.verify(value, data)
            label = "Ed25519"
        elif kind == "ed448" and isinstance(key, ed448.Ed448PublicKey) and message is not None:
            key.verify(value, data)
            label = "Ed448"
        elif kind in _KINDS and isinstance(key, _KEYS) and not (kind.startswith("ed") and message is None):
            raise CmsFault("value_wrong", "SIG_CRYPTO_FAILURE", detail=f"{kind} by a key of another kind")
        else:
            raise CmsFault("algorithm_unsupported", "CRYPTO_CONSTRAINTS_FAILURE", unsupported=True, detail=kind)
    except InvalidSignature as error:
        raise CmsFault("value_wrong", "SIG_CRYPTO_FAILURE") from error
    return f"{label} {_spelled(name)}"


def _spelled(name: str) -> str:
    """``sha256`` as people write it: ``SHA-256``; ``sha3_256``: ``SHA3-256``."""
    return name.upper().replace("_", "-") if "_" in name else name.upper().replace("SHA", "SHA-", 1)


@dataclass
class Token:
    """A time-stamp token and what it proves.

    Args:
        time: the authority's time; None when the token does not check out.
    """

    container: Container
    time: datetime | None = None
    code: str = ""


def open_token(der: bytes, digest: Digest) -> Token:
    """Check a time-stamp token (RFC 3161) against what it should cover.

    Args:
        digest: gives the digest of the covered bytes under a named algorithm.
    """
    container = open_container(der, digest, content_type="tst_info")
    token = Token(container)
    if container.integrity is not Integrity.OK:
        token.code = "timestamp_invalid"
        return token
    try:
        info = tsp.TSTInfo.load(container.content)
        imprint = info["message_imprint"]
        name = str(imprint["hash_algorithm"]["algorithm"].native)
        if name not in _HASHES or not hmac.compare_digest(imprint["hashed_message"].native, digest(name)):
            token.code = "timestamp_invalid"
            return token
        container.weak = container.weak or name in _WEAK
        time = info["gen_time"].native
        if not isinstance(time, datetime) or time.tzinfo is None:
            token.code = "timestamp_invalid"
            return token
        token.time = time
    except Exception:  # hostile DER again
        token.code = "timestamp_invalid"
    return token


def open_raw(value: bytes, certificate: bytes, digest: Digest) -> Container:
    """Check the oldest kind of PDF signature: a bare PKCS#1 value beside its certificate (adbe.x509.rsa_sha1)."""
    found = Container(weak=True, pool=[certificate])
    try:
        found.certificate = whole_certificate(certificate)
        key = found.certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise CmsFault("algorithm_unsupported", "CRYPTO_CONSTRAINTS_FAILURE", unsupported=True)
        inner = core.OctetString.load(value).native
        # The name says SHA-1, but the value itself tells which digest was really signed.
        info = algos.DigestInfo.load(key.recover_data_from_signature(inner, padding.PKCS1v15(), None))
        name = str(info["digest_algorithm"]["algorithm"].native)
        found.value, found.algorithm = inner, f"RSA-{key.key_size} {_spelled(name)}"
        if name not in _HASHES:
            raise CmsFault("algorithm_unsupported", "CRYPTO_CONSTRAINTS_FAILURE", unsupported=True, detail=name)
        found.integrity = Integrity.OK
        if not hmac.compare_digest(info["digest"].native, digest(name)):
            found.integrity, found.code, found.sub = Integrity.BROKEN, "digest_mismatch", "HASH_FAILURE"
    except InvalidSignature:
        found.integrity, found.code, found.sub = Integrity.BROKEN, "value_wrong", "SIG_CRYPTO_FAILURE"
    except CmsFault as fault:
        found.integrity, found.code, found.sub = Integrity.UNSUPPORTED, fault.code, fault.sub
    except Exception as error:  # hostile DER makes the parsers raise nearly anything
        found.integrity, found.code, found.sub = Integrity.UNSUPPORTED, "subfilter_unsupported", "FORMAT_FAILURE"
        found.detail = type(error).__name__
    return found

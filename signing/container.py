"""Makes the CMS container of a signature or a time-stamp token (RFC 5652, CAdES baseline of ETSI EN 319 122-1)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from signing.cms import open_container
from signing.errors import CertificateUnfit, ValueRejected
from signing.keys import Identity
from signing.results import Integrity

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_SEQUENCE, _SET, _OCTETS = 0x30, 0x31, 0x04
_ONE, _THREE = b"\x02\x01\x01", b"\x02\x01\x03"


@dataclass(frozen=True)
class Scheme:
    """How one key signs.

    Args:
        digest: ``sha256``, ``sha384`` or ``sha512``.
        mechanism: ``pkcs1``, ``pss``, ``ecdsa`` or ``ed25519``.
        longest: most bytes a value can have.
    """

    digest: str
    mechanism: str
    longest: int

    def algorithm(self) -> algos.SignedDigestAlgorithm:
        """The algorithm identifier of the signature."""
        if self.mechanism == "pkcs1":
            return algos.SignedDigestAlgorithm({"algorithm": f"{self.digest}_rsa", "parameters": core.Null()})
        if self.mechanism == "ecdsa":
            return algos.SignedDigestAlgorithm({"algorithm": f"{self.digest}_ecdsa"})
        if self.mechanism == "ed25519":
            return algos.SignedDigestAlgorithm({"algorithm": "ed25519"})
        digest = {"algorithm": self.digest, "parameters": core.Null()}
        parameters = algos.RSASSAPSSParams(
            {
                "hash_algorithm": digest,
                "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": digest},
                "salt_length": hashlib.new(self.digest).digest_size,
            }
        )
        return algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": parameters})


def scheme(key: Identity) -> Scheme:
    """Choose digest and mechanism for a key: SHA-256, except where the key's strength or RFC 8419 asks for more.

    Raises:
        CertificateUnfit: ``weak_algorithm`` (RSA below 2048 bits), ``algorithm_unsupported`` or
            ``certificate_unreadable``.
    """
    return _scheme(key.certificate, bool(getattr(key, "pss", False)))


def attributes(digest: bytes, certificate: bytes, how: Scheme, *, content: str = "data") -> bytes:
    """The signed attributes (DER of a SET): what the key really signs.

    Content type, message digest, the signer's certificate by hash (signing-certificate-v2: it cannot be swapped) and
    the algorithms (RFC 6211). No signing-time: PAdES keeps the claimed time in the PDF (ETSI EN 319 142-1, 5.3).
    """
    own = _attribute("message_digest", _tlv(_OCTETS, digest))
    return _tlv(_SET, b"".join(sorted((own, *_constant_attributes(certificate, how, content)))))


def container(
    signed: bytes, value: bytes, key: Identity, *, token: bytes | None = None, content: tuple[str, bytes] | None = None
) -> bytes:
    """Put the parts together as SignedData (DER).

    Only digest, value and token differ between two signatures of one key, so the rest is encoded once and kept.

    Args:
        signed: attributes as ``attributes`` made them.
        value: what the key answered for them.
        key: for its certificate and chain; roots are left out, a reader has its own.
        token: time-stamp token over ``value`` (PAdES B-T).
        content: type and bytes of content that travels inside; None: detached.
    """
    how = scheme(key)
    identifier, certificates = _constant_parts(key.certificate, key.chain)
    digest_algorithm, signature_algorithm = _constant_algorithms(how)
    unsigned = b"" if token is None else _tlv(0xA1, _attribute("signature_time_stamp_token", token))
    signer = b"".join(
        (_ONE, identifier, digest_algorithm, _retagged(signed), signature_algorithm, _tlv(_OCTETS, value), unsigned)
    )
    version, inside = _ONE, _oid("data")
    if content is not None:
        version, inside = _THREE, _oid(content[0]) + _tlv(0xA0, _tlv(_OCTETS, content[1]))
    data = b"".join(
        (
            version,
            _tlv(_SET, digest_algorithm),
            _tlv(_SEQUENCE, inside),
            certificates,
            _tlv(_SET, _tlv(_SEQUENCE, signer)),
        )
    )
    return _tlv(_SEQUENCE, _oid("signed_data") + _tlv(0xA0, _tlv(_SEQUENCE, data)))


def der_value(value: bytes, how: Scheme) -> bytes:
    """Bring an ECDSA value to DER (RFC 3279, 2.2.3): tokens and browsers give the two numbers bare (IEEE P1363)."""
    if how.mechanism != "ecdsa" or len(value) != how.longest - 9 or _is_der_pair(value):
        return value
    half = len(value) // 2
    return encode_dss_signature(int.from_bytes(value[:half]), int.from_bytes(value[half:]))


def fits(value: bytes, data: bytes, certificate: bytes, how: Scheme) -> bool:
    """Whether a value (ECDSA as DER) is a signature over the data by the key of a certificate."""
    public = _public(certificate)
    algorithm = _HASHES[how.digest]
    try:
        if how.mechanism == "ed25519":
            public.verify(value, data)
        elif how.mechanism == "ecdsa":
            public.verify(value, data, ec.ECDSA(algorithm))
        elif how.mechanism == "pss":
            public.verify(value, data, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
        else:
            public.verify(value, data, padding.PKCS1v15(), algorithm)
    except InvalidSignature:
        return False
    return True


def _is_der_pair(value: bytes) -> bool:
    try:
        decode_dss_signature(value)
    except ValueError:
        return False
    return True


def check(raw: bytes, digest: Callable[[str], bytes], *, certificate: bytes | None = None) -> bytes:
    """Check digest and value of a detached container before it is relied on; says nothing about trust.

    Args:
        raw: the container (DER, zero bytes may follow).
        digest: gives the hash of the signed bytes under a named algorithm.
        certificate: the only signer (DER) to be accepted; None: whoever the container names.

    Returns:
        The signer's certificate (DER).

    Raises:
        ValueRejected: with the code of what does not fit, such as ``digest_mismatch`` or ``value_wrong``.
    """
    found = open_container(raw, digest)
    if found.integrity is not Integrity.OK or found.certificate is None:
        raise ValueRejected(found.code or "container_unreadable", found.detail)
    if found.weak:
        raise ValueRejected("weak_algorithm", found.algorithm)
    own = found.certificate.public_bytes(Encoding.DER)
    if found.bound is not True or (certificate is not None and own != certificate):
        raise ValueRejected("signing_certificate_mismatch")
    return own


@lru_cache(maxsize=256)
def _parsed(certificate: bytes) -> asn1_x509.Certificate:
    try:
        found = asn1_x509.Certificate.load(certificate, strict=True)
        found.native  # noqa: B018 - asn1crypto parses when asked; a broken certificate shall show here
        return found
    except (ValueError, TypeError, KeyError) as error:
        raise CertificateUnfit("certificate_unreadable") from error


@lru_cache(maxsize=256)
def _public(certificate: bytes) -> Any:
    return load_der_public_key(_parsed(certificate).public_key.dump())


@lru_cache(maxsize=256)
def _scheme(certificate: bytes, pss: bool) -> Scheme:
    public = _public(certificate)
    if isinstance(public, rsa.RSAPublicKey):
        if public.key_size < 2048:
            raise CertificateUnfit("weak_algorithm", f"RSA-{public.key_size}")
        return Scheme("sha256", "pss" if pss else "pkcs1", public.key_size // 8)
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in {"secp256r1", "secp384r1"}:
        size = public.curve.key_size // 8
        return Scheme("sha256" if size == 32 else "sha384", "ecdsa", 2 * size + 9)
    if isinstance(public, ed25519.Ed25519PublicKey):
        return Scheme("sha512", "ed25519", 64)
    raise CertificateUnfit("algorithm_unsupported", type(public).__name__)


@lru_cache(maxsize=256)
def _constant_attributes(certificate: bytes, how: Scheme, content: str) -> tuple[bytes, ...]:
    own = _parsed(certificate)
    entry = {
        "hash_algorithm": {"algorithm": "sha256"},
        "cert_hash": hashlib.sha256(certificate).digest(),
        "issuer_serial": {
            "issuer": [asn1_x509.GeneralName("directory_name", own.issuer)],
            "serial_number": own.serial_number,
        },
    }
    protection = cms.CMSAlgorithmProtection(
        {"digest_algorithm": {"algorithm": how.digest}, "signature_algorithm": how.algorithm()}
    )
    return (
        _attribute("content_type", _oid(content)),
        _attribute("signing_certificate_v2", bytes(tsp.SigningCertificateV2({"certs": [entry]}).dump())),
        _attribute("cms_algorithm_protection", bytes(protection.dump())),
    )


@lru_cache(maxsize=256)
def _constant_parts(certificate: bytes, chain: tuple[bytes, ...]) -> tuple[bytes, bytes]:
    """The signer's identifier, and the certificates that travel along."""
    own = _parsed(certificate)
    identifier = cms.IssuerAndSerialNumber({"issuer": own.issuer, "serial_number": own.serial_number})
    along = (c for c in chain if _parsed(c).issuer != _parsed(c).subject)
    return bytes(identifier.dump()), _tlv(0xA0, b"".join(sorted((certificate, *along))))


@lru_cache(maxsize=16)
def _constant_algorithms(how: Scheme) -> tuple[bytes, bytes]:
    return bytes(algos.DigestAlgorithm({"algorithm": how.digest}).dump()), bytes(how.algorithm().dump())


@lru_cache(maxsize=16)
def _oid(name: str) -> bytes:
    return bytes(cms.ContentType(name).dump())


def _attribute(name: str, value: bytes) -> bytes:
    return _tlv(_SEQUENCE, bytes(cms.CMSAttributeType(name).dump()) + _tlv(_SET, value))


def _retagged(signed: bytes) -> bytes:
    """The SET of signed attributes as the implicit [0] it is inside a signer's part (RFC 5652, 5.4)."""
    return b"\xa0" + signed[1:]


def _tlv(tag: int, contents: bytes) -> bytes:
    length = len(contents)
    if length < 128:
        return bytes((tag, length)) + contents
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(size))) + size + contents

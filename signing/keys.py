"""A key is a certificate chain and a way to sign bytes; the soft key reads sealed, PKCS#8 and PKCS#12 files."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from asn1crypto import algos
from asn1crypto import keys as asn1_keys
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    pkcs12,
)

from signing.errors import KeyUnavailable, WrongPassword
from signing.keyfile import USUAL, Cost, is_sealed, seal, unseal

ROUNDS = 600_000
"""PBKDF2-HMAC-SHA-256 rounds for a password a person chose."""

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_ALGORITHMS = ("p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096")


class Identity(Protocol):
    """Who signs, as the certificate says it."""

    @property
    def certificate(self) -> bytes:
        """The signer's certificate (DER)."""

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Certificates of the issuers (DER), nearest first; the signer's own is not among them."""


@dataclass(frozen=True)
class Signer:
    """A signer whose key is elsewhere; see ``Identity``.

    Args:
        pss: an RSA key that signs with PSS.
    """

    certificate: bytes
    chain: tuple[bytes, ...] = ()
    pss: bool = False


@runtime_checkable
class Key(Identity, Protocol):
    """Whoever can sign: a file, the key agent, a token or a service."""

    def sign(self, data: bytes, *, digest: str) -> bytes:
        """Sign ``data`` after hashing it with ``digest`` (``sha256``, ``sha384`` or ``sha512``).

        RSA: PKCS#1 v1.5, or PSS when the key says so by a true attribute ``pss``. ECDSA: DER value, or the two numbers
        bare as tokens give them. Ed25519 hashes by itself and ignores ``digest``.

        Raises:
            KeyUnavailable: the key cannot be used now.
        """


class SoftKey:
    """A private key in memory, parsed once."""

    def __init__(self, private: PrivateKey, certificate: bytes, chain: tuple[bytes, ...] = (), *, pss: bool = False):
        if _public(x509.load_der_x509_certificate(certificate).public_key()) != _public(private.public_key()):
            raise KeyUnavailable("key_certificate_mismatch")
        self._private: PrivateKey | None = private
        self.certificate = certificate
        self.chain = chain
        self.pss = pss and isinstance(private, rsa.RSAPrivateKey)

    def __repr__(self) -> str:
        return f"SoftKey({hashlib.sha256(self.certificate).hexdigest()[:12]})"

    @classmethod
    def load(cls, path: Path, password: str | bytes) -> SoftKey:
        """Open ``NAME.p12`` (PKCS#12), or ``NAME.key`` (``signing.keyfile``, or PKCS#8) with ``NAME.crt`` beside it.

        Args:
            path: the key file; the certificate file holds the signer's certificate first, then the issuers'.
            password: text is brought to NFC, so that ``Mật`` typed on any keyboard is the same password.

        Raises:
            WrongPassword: the password does not open the key.
            KeyUnavailable: no such file, not a key, not encrypted, or not the key of the certificate.
        """
        try:
            raw = path.read_bytes()
            crt = b"" if is_pkcs12(path) else path.with_suffix(".crt").read_bytes()
        except OSError as error:
            raise KeyUnavailable("key_missing", path.name) from error
        if is_pkcs12(path):
            return cls.from_pkcs12(raw, password)
        return cls.from_sealed(raw, crt, password) if is_sealed(raw) else cls.from_pkcs8(raw, crt, password)

    @classmethod
    def from_sealed(cls, raw: bytes, certificates: bytes, password: str | bytes) -> SoftKey:
        """Open a key of ``signing.keyfile``; ``certificates`` are PEM, the signer's first. Errors as in ``load``."""
        try:
            private = load_der_private_key(unseal(raw, secret(password)), None)
        except ValueError as error:
            raise KeyUnavailable("key_algorithm_unsupported") from error
        return cls._of(private, certificates)

    @classmethod
    def from_pkcs8(cls, raw: bytes, certificates: bytes, password: str | bytes) -> SoftKey:
        """Open an encrypted PKCS#8 key (DER); ``certificates`` are PEM, the signer's first. Errors as in ``load``."""
        try:
            asn1_keys.EncryptedPrivateKeyInfo.load(raw)["encryption_algorithm"].native  # noqa: B018 - parses it
        except (ValueError, TypeError, KeyError) as error:
            raise KeyUnavailable("key_unprotected") from error
        try:
            private = load_der_private_key(raw, secret(password))
        except ValueError as error:
            raise WrongPassword from error
        return cls._of(private, certificates)

    @classmethod
    def _of(cls, private: object, certificates: bytes) -> SoftKey:
        try:
            signer, *issuers = (c.public_bytes(Encoding.DER) for c in x509.load_pem_x509_certificates(certificates))
        except ValueError as error:
            raise KeyUnavailable("certificate_unreadable") from error
        return cls(_known(private), signer, tuple(issuers))

    @classmethod
    def from_pkcs12(cls, raw: bytes, password: str | bytes) -> SoftKey:
        """Open a PKCS#12 container; issuers are put in order. Errors as in ``load``."""
        try:
            found = pkcs12.load_pkcs12(raw, secret(password))
        except ValueError as error:
            # A wrong password and a damaged file look alike here: the MAC fails in both.
            raise WrongPassword from error
        if found.key is None or found.cert is None:
            raise KeyUnavailable("key_missing")
        issuers = ordered(found.cert.certificate, [c.certificate for c in found.additional_certs])
        return cls(_known(found.key), found.cert.certificate.public_bytes(Encoding.DER), issuers)

    def sign(self, data: bytes, *, digest: str) -> bytes:
        """See ``Key.sign``."""
        private = self._private
        if private is None:
            raise KeyUnavailable
        if isinstance(private, ed25519.Ed25519PrivateKey):
            return private.sign(data)
        algorithm = _HASHES[digest]
        if isinstance(private, ec.EllipticCurvePrivateKey):
            return private.sign(data, ec.ECDSA(algorithm))
        if self.pss:
            return private.sign(data, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
        return private.sign(data, padding.PKCS1v15(), algorithm)

    def sealed(self, password: str | bytes, *, cost: Cost = USUAL) -> bytes:
        """This key, sealed for a file with a password; see ``to_sealed``.

        Raises:
            KeyUnavailable: it was closed.
        """
        if self._private is None:
            raise KeyUnavailable
        return to_sealed(self._private, password, cost=cost)

    def close(self) -> None:
        """Drop the private key, which OpenSSL overwrites as it frees it; ``sign`` refuses from now on."""
        self._private = None


def is_pkcs12(path: Path) -> bool:
    """Tell by the name whether a key file is a PKCS#12 container."""
    return path.suffix.lower() in {".p12", ".pfx"}


def secret(password: str | bytes) -> bytes:
    """Bring a password to the bytes the key files use: NFC, UTF-8."""
    return unicodedata.normalize("NFC", password).encode() if isinstance(password, str) else password


def generate(algorithm: str) -> PrivateKey:
    """Make a private key: ``p256``, ``p384``, ``ed25519``, ``rsa2048``, ``rsa3072`` or ``rsa4096``."""
    if algorithm not in _ALGORITHMS:
        raise ValueError(f"unknown key algorithm {algorithm!r}")
    if algorithm == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm.startswith("rsa"):
        return rsa.generate_private_key(65537, int(algorithm[3:]))
    return ec.generate_private_key(ec.SECP256R1() if algorithm == "p256" else ec.SECP384R1())


def to_sealed(private: PrivateKey, password: str | bytes, *, cost: Cost = USUAL) -> bytes:
    """Seal a key for a file, see ``signing.keyfile``; how a key rests that a person's password protects."""
    return seal(private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), secret(password), cost=cost)


def to_pkcs8(private: PrivateKey, password: str | bytes, *, rounds: int = ROUNDS) -> bytes:
    """Encrypt a key as PKCS#8 (DER) with PBES2: PBKDF2-HMAC-SHA-256 and AES-256-CBC (RFC 8018, 6.2).

    Written here because ``cryptography`` does not let the caller choose the rounds for PKCS#8.
    """
    salt, vector = os.urandom(16), os.urandom(16)
    derived = hashlib.pbkdf2_hmac("sha256", secret(password), salt, rounds, 32)
    pad = PKCS7(128).padder()
    plain = pad.update(private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())) + pad.finalize()
    cipher = Cipher(algorithms.AES(derived), modes.CBC(vector)).encryptor()
    kdf = {"salt": algos.Pbkdf2Salt("specified", salt), "iteration_count": rounds, "prf": {"algorithm": "sha256"}}
    parameters = {
        "key_derivation_func": {"algorithm": "pbkdf2", "parameters": kdf},
        "encryption_scheme": {"algorithm": "aes256_cbc", "parameters": vector},
    }
    sealed = asn1_keys.EncryptedPrivateKeyInfo(
        {
            "encryption_algorithm": {"algorithm": "pbes2", "parameters": parameters},
            "encrypted_data": cipher.update(plain) + cipher.finalize(),
        }
    )
    return bytes(sealed.dump())


def _known(private: object) -> PrivateKey:
    if not isinstance(private, PrivateKey):
        raise KeyUnavailable("key_algorithm_unsupported", type(private).__name__)
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size < 2048:
        raise KeyUnavailable("weak_algorithm", f"RSA-{private.key_size}")
    return private


def _public(key: object) -> bytes:
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))  # type: ignore[attr-defined]


def ordered(leaf: x509.Certificate, others: list[x509.Certificate]) -> tuple[bytes, ...]:
    """Issuers of a certificate out of a bag (DER), nearest first, as far as the bag reaches."""
    chain: list[x509.Certificate] = []
    here = leaf
    while here.issuer != here.subject:
        issuer = next((c for c in others if c.subject == here.issuer and c not in chain), None)
        if issuer is None:
            break
        chain.append(issuer)
        here = issuer
    return tuple(c.public_bytes(Encoding.DER) for c in chain)

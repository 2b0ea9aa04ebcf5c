"""What a certificate says of itself: whose it is, who issued it, from when to when, and what for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_
from eoffice.core.text import fold

if TYPE_CHECKING:
    from cryptography import x509

_USAGES = {
    "digital_signature": N_("digital signature"),
    "content_commitment": N_("commitment to the content"),
    "key_encipherment": N_("encipherment of keys"),
    "data_encipherment": N_("encipherment of data"),
    "key_agreement": N_("agreement of keys"),
    "key_cert_sign": N_("issuing of certificates"),
    "crl_sign": N_("issuing of revocation lists"),
}
_EXTENDED = {
    "1.3.6.1.5.5.7.3.36": N_("signing of documents"),
    "1.3.6.1.4.1.311.10.3.12": N_("signing of documents"),
    "1.2.840.113583.1.1.5": N_("signing of documents"),
    "1.3.6.1.5.5.7.3.1": N_("identification of a server"),
    "1.3.6.1.5.5.7.3.2": N_("identification of a person or system"),
    "1.3.6.1.5.5.7.3.4": N_("protection of e-mail"),
    "1.3.6.1.5.5.7.3.8": N_("time-stamps"),
    "1.3.6.1.5.5.7.3.9": N_("answers about revocation"),
}


@dataclass(frozen=True)
class Facts:
    """A certificate in words.

    Args:
        name: common name of the holder, or the whole subject when there is none.
        subject: the whole of it in the order of RFC 4514, with a space behind each comma and words instead of numbers.
        serial: hexadecimal, in lower case.
        sha256: fingerprint, hexadecimal.
        usages: English msgids; other purposes as dotted numbers.
        algorithm: of the key, such as ``RSA 2048``.
        test: it says itself that it is one of the test authority.
    """

    name: str
    organisation: str
    subject: str
    issuer: str
    serial: str
    sha256: str
    valid_from: datetime
    valid_to: datetime
    usages: tuple[str, ...]
    algorithm: str
    test: bool

    @property
    def folded(self) -> str:
        """What it is searched by."""
        return fold(f"{self.name} {self.organisation} {self.serial}")


def read(der: bytes) -> Facts:
    """Read a certificate (DER).

    Raises:
        InvalidInput: ``certificate_unreadable``.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    from signing.chain import is_test, subject

    try:
        found = x509.load_der_x509_certificate(der)
        return Facts(
            name=subject(found, NameOID.COMMON_NAME) or found.subject.rfc4514_string(),
            organisation=subject(found, NameOID.ORGANIZATION_NAME),
            subject=_spoken(found.subject),
            issuer=_first(found.issuer, NameOID.COMMON_NAME) or found.issuer.rfc4514_string(),
            serial=f"{found.serial_number:x}",
            sha256=found.fingerprint(hashes.SHA256()).hex(),
            valid_from=found.not_valid_before_utc,
            valid_to=found.not_valid_after_utc,
            usages=_usages(found),
            algorithm=_algorithm(found),
            test=is_test([found]),
        )
    except (ValueError, TypeError, x509.DuplicateExtension) as error:
        raise InvalidInput(
            "certificate_unreadable", N_("This is no certificate that can be read. Nothing was stored.")
        ) from error


def _spoken(name: x509.Name) -> str:
    from cryptography.x509.oid import NameOID

    words = {
        NameOID.TITLE: "T",
        NameOID.SERIAL_NUMBER: "SERIALNUMBER",
        NameOID.EMAIL_ADDRESS: "E",
        NameOID.SURNAME: "SN",
        NameOID.GIVEN_NAME: "GN",
        NameOID.ORGANIZATION_IDENTIFIER: "ORGANIZATIONIDENTIFIER",
    }
    return ", ".join(part.rfc4514_string(words) for part in reversed(name.rdns))


def _first(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    values = name.get_attributes_for_oid(oid)
    return str(values[0].value) if values else ""


def _usages(found: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    said: dict[str, None] = {}
    for extension in found.extensions:
        value = extension.value
        if isinstance(value, x509.KeyUsage):
            said |= {text: None for name, text in _USAGES.items() if getattr(value, name)}
        elif isinstance(value, x509.ExtendedKeyUsage):
            said |= {_EXTENDED.get(oid.dotted_string, oid.dotted_string): None for oid in value}
    return tuple(said)


def _algorithm(found: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key = found.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    return f"ECDSA {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__.strip("_")

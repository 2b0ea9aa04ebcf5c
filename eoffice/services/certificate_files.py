"""Real certificates, brought in as the file of their issuer: looked at in a child process, checked, put into use.

The private key stays where it is: on a token at its holder's computer, or with the key agent of this installation,
which opens it as a file, in an HSM or with a signing service. From a PKCS#12 file, which holds it too, only the
certificates leave the child process that opens it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from eoffice.core.desk import Desk, scope
from eoffice.core.errors import FileRefused, InvalidInput
from eoffice.core.i18n import N_
from eoffice.core.secret import Secret
from eoffice.core.text import fold, tidy
from eoffice.models.certificates import CertificateRequest
from eoffice.models.directory import Agency, Certificate, Post
from eoffice.rules.access import Permission
from eoffice.services import certificate_facts, certificate_requests, certificates, directory
from eoffice.services.verbs import verb

if TYPE_CHECKING:
    from cryptography import x509

LIMIT = 256 * 1024
"""Most bytes of such a file."""

MOST = 10
"""Most certificates in one file."""

STORAGES = ("token", "agent")
"""Where somebody who brings in a certificate may say that its key lies."""

KINDS = {"file": "agent", "pkcs11": "hsm", "csc": "service"}
"""What is kept as the place of a key, by the kind of which the agent says it is."""


class CertificateFileRefused(FileRefused):
    """No file of certificates."""

    code = "certificate_file_refused"
    message = N_(
        "No certificate could be read from this file. Nothing was stored. "
        "Please bring the issuer's file: PEM, DER, P7B or P12 with its password."
    )


class PrivateKeySent(FileRefused):
    """An unprotected private key: it should never have travelled."""

    code = "private_key_sent"
    message = N_(
        "This file holds a private key in the open. Nothing was stored. A key never leaves its holder: please have "
        "this certificate revoked and a new one made, and bring the certificate alone."
    )


class PasswordNotRight(FileRefused):
    """A PKCS#12 file that the password does not open."""

    code = "file_password_wrong"
    message = N_("The password does not open this file. Nothing was stored. Please enter it again.")


def take_out(data: bytes, *, password: str = "") -> list[str]:
    """Take the certificates out of a file, as hexadecimal DER: called in a sandbox child; no key leaves it.

    Raises:
        CertificateFileRefused: none in it, too many, or damaged.
        PrivateKeySent: it holds a private key in the open.
        PasswordNotRight: of a PKCS#12 file.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding

    if b"PRIVATE KEY-----" in data:
        raise PrivateKeySent
    found: list[x509.Certificate] = []
    for read in (_pem, _one, _bag):
        try:
            found = read(data)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        if found:
            break
    else:
        found = _protected(data, password)
    if not found or len(found) > MOST:
        raise CertificateFileRefused
    return [other.public_bytes(Encoding.DER).hex() for other in found]


def _pem(data: bytes) -> list[x509.Certificate]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import pkcs7

    if b"-----BEGIN PKCS7-----" in data:
        return list(pkcs7.load_pem_pkcs7_certificates(data))
    return list(x509.load_pem_x509_certificates(data))


def _one(data: bytes) -> list[x509.Certificate]:
    from cryptography import x509

    return [x509.load_der_x509_certificate(data)]


def _bag(data: bytes) -> list[x509.Certificate]:
    from cryptography.hazmat.primitives.serialization import pkcs7

    return list(pkcs7.load_der_pkcs7_certificates(data))


def _protected(data: bytes, password: str) -> list[x509.Certificate]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import pkcs12

    if data[:1] != b"\x30":
        raise CertificateFileRefused
    try:
        found = pkcs12.load_pkcs12(data, password.encode() or None)
    except ValueError as error:
        wrong = "password" in str(error).lower() or "mac" in str(error).lower()
        raise (PasswordNotRight if wrong else CertificateFileRefused) from None
    except (TypeError, UnsupportedAlgorithm):
        raise CertificateFileRefused from None
    own = [found.cert.certificate] if found.cert else []
    return [*own, *(other.certificate for other in found.additional_certs)]


@dataclass(frozen=True)
class Brought:
    """What a file holds: the holder's certificate and its issuers', DER, nearest first."""

    der: bytes
    chain: tuple[bytes, ...]


def read(desk: Desk, data: bytes, password: Secret | None = None) -> Brought:
    """Read a file of certificates in a child process and sort them.

    Raises:
        FileRefused: as ``take_out``, or it holds not exactly one that is no issuer's.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    found = desk.tools.sandbox().call(
        "eoffice.services.certificate_files.take_out",
        data,
        raises=(CertificateFileRefused, PrivateKeySent, PasswordNotRight),
        password=password.reveal() if password else "",
    )
    certificates_ = [x509.load_der_x509_certificate(bytes.fromhex(text)) for text in found]
    issuers = {other.subject for other in certificates_ if _is_issuer(other)}
    own = [other for other in certificates_ if not _is_issuer(other)]
    if len(own) != 1:
        raise CertificateFileRefused("certificate_file_several", SEVERAL)
    chain: list[x509.Certificate] = []
    here = own[0]
    while here.issuer != here.subject and here.issuer in issuers:
        named = [other for other in certificates_ if other.subject == here.issuer and other not in chain]
        above = next((other for other in named if _signed(here, other)), None)
        if above is None:
            break
        chain.append(above)
        here = above
    der = [other.public_bytes(Encoding.DER) for other in (own[0], *chain)]
    return Brought(der[0], tuple(der[1:]))


SEVERAL = N_(
    "The file must hold the certificate of one holder, with or without its issuers'. Nothing was stored. "
    "Please bring one holder at a time."
)


def _is_issuer(other: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return bool(other.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (x509.ExtensionNotFound, ValueError):
        return False


def _signed(below: x509.Certificate, above: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


@dataclass(frozen=True)
class Checked:
    """A certificate that may be put into use: what it says, where its key lies, and what the agent calls it."""

    facts: certificate_facts.Facts
    storage: str
    key_name: str


def _checked(desk: Desk, *, brought: Brought, purpose: str, post: UUID, storage: str) -> Checked:
    """Check a certificate for a holder before it is put into use (Decree 23/2025, article 15).

    Raises:
        InvalidInput: the holder may not have one, its subject is somebody else, or it is known already.
        SigningError: no chain to an anchor of this office, wrong usage, expired, revoked or of unknown status; the
            agent is gone, or holds the key but cannot use it.
    """
    from signing.errors import CertificateUnfit
    from signing.fitness import require_signer

    if storage not in STORAGES or purpose not in ("leader", "seal"):
        raise InvalidInput("form_incomplete")
    able = certificates.signers(desk) if purpose == "leader" else certificates.keepers(desk)
    holder = next((other for other in able if other.id == post), None)
    if holder is None:
        raise InvalidInput("holder_impossible", certificate_requests.HOLDER_IMPOSSIBLE, field="whom")
    trust = desk.tools.trust()
    if not trust.anchors:
        raise CertificateUnfit("no_chain")
    facts = certificate_facts.read(brought.der)
    require_signer(brought.der, brought.chain, trust, at=max(desk.now(), facts.valid_from))
    _require_subject(brought.der, purpose, holder, directory.agency(desk))
    if _is_known(desk, brought.der):
        raise InvalidInput("key_known", KEY_KNOWN, field="file")
    where, name = _with_agent(desk, brought.der) if storage == "agent" else (storage, "")
    return Checked(facts, where, name)


def _with_agent(desk: Desk, der: bytes) -> tuple[str, str]:
    """Where the key of a certificate lies and what it is called, as the key agent says by its public half.

    Raises:
        InvalidInput: it holds none, or with another certificate; KeyUnavailable: it is gone, or cannot use the key.
    """
    from hashlib import sha256

    from signing.errors import KeyUnavailable

    public, own = sha256(_key(der)).hexdigest(), sha256(der).hexdigest()
    held: list[dict[str, str]] = desk.tools.agent().keys()
    found = [one for one in held if one["public_key"] == public]
    if not found:
        raise InvalidInput("agent_has_no_key", AGENT_HAS_NO_KEY, field="storage")
    same = [one for one in found if one["certificate"] == own]
    if not same:
        raise InvalidInput("agent_other_certificate", AGENT_OTHER_CERTIFICATE, field="storage", name=found[0]["name"])
    best = min(same, key=lambda one: one["fault"])
    if best["fault"]:
        raise KeyUnavailable(best["fault"], best["name"])
    return KINDS[best["kind"]], best["name"]


OTHER_HOLDER = N_("The certificate was issued to “{given}”, not to “{wanted}”. Nothing was stored.")
OTHER_AGENCY = N_("The certificate names another organisation than “{wanted}”. Nothing was stored.")
AGENT_HAS_NO_KEY = N_(
    "The key agent of this office holds no key of this certificate. Nothing was stored. Please have the administrator "
    "connect the key, with the certificate beside it, and bring the certificate in again."
)
AGENT_OTHER_CERTIFICATE = N_(
    "The key agent knows the key of this certificate, called “{name}”, with another certificate. Nothing was stored. "
    "Please have the administrator put this certificate beside the key, and bring it in again."
)
KEY_KNOWN = N_("This certificate, or another one with the same key, is known already. Nothing was stored.")


def _require_subject(der: bytes, purpose: str, holder: Post, agency: Agency) -> None:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    subject = x509.load_der_x509_certificate(der).subject

    def said(oid: x509.ObjectIdentifier) -> list[str]:
        return [tidy(str(item.value)) for item in subject.get_attributes_for_oid(oid)]

    name, wanted = " ".join(said(NameOID.COMMON_NAME)), holder.person.full_name if purpose == "leader" else agency.name
    houses = {fold(agency.name), fold(agency.short_name)}
    alike = fold(name) == fold(wanted) or (purpose == "seal" and fold(name) in houses)
    if not alike:
        raise InvalidInput("other_holder", OTHER_HOLDER, given=name[:200], wanted=wanted, field="file")
    named = {fold(text) for text in (*said(NameOID.ORGANIZATION_NAME), *said(NameOID.ORGANIZATIONAL_UNIT_NAME))}
    if not named & houses:
        raise InvalidInput("other_agency", OTHER_AGENCY, wanted=agency.name, field="file")


def _key(der: bytes) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = x509.load_der_x509_certificate(der).public_key()
    return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _is_known(desk: Desk, der: bytes) -> bool:
    """Whether this very key has a certificate among those this person may see."""
    own = _key(der)
    rows = desk.session.scalars(scope(desk, Certificate).with_only_columns(Certificate.der))
    return any(_key(other) == own for other in rows)


@verb(Permission.CERTIFICATE_CHANGE, "certificate.brought_in", prepare=_checked)
def bring_in(
    desk: Desk, *, brought: Brought, purpose: str, post: UUID, prepared: Checked, **_storage: str
) -> Certificate:
    """Put a real certificate into use. It takes the place of the one before, and an open request for it is answered.

    Args:
        post: the leader, or the clerk who keeps the seal.
        storage: where the key lies: ``token`` (at the computer of its holder) or ``agent`` (with the key agent).

    Raises:
        InvalidInput, SigningError: as ``_checked``.
    """
    made = Certificate(
        agency_id=desk.agency,
        purpose=purpose,
        post_id=post if purpose == "leader" else None,
        custodian_post_id=post if purpose == "seal" else None,
        key_name=prepared.key_name,
        storage=prepared.storage,
        origin="imported",
        **directory.described(prepared.facts, brought.der, brought.chain),
    )
    certificates.enter(desk, made)
    for row in _open_requests(desk, certificate_requests.slot(purpose, post)):
        row.state, row.certificate_id, row.decided_at = "issued", made.id, desk.now()
    desk.note(purpose=purpose, post=post, subject=made.subject, certificate=made.sha256, storage=made.storage)
    return made


def _open_requests(desk: Desk, place: str) -> Sequence[CertificateRequest]:
    statement: Any = scope(desk, CertificateRequest).where(
        CertificateRequest.agency_id == desk.agency,
        CertificateRequest.slot == place,
        CertificateRequest.state == "requested",
    )
    found: Sequence[CertificateRequest] = desk.session.scalars(statement).all()
    return found

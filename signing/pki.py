"""Raises the test PKI from its recipe: authorities, seals, leaders, time-stamps, revocation lists, and unfit ones."""

from __future__ import annotations

import argparse
import hmac
import json
import os
import re
import secrets
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from signing.errors import KeyUnavailable, SigningError
from signing.keyfile import QUICK, USUAL
from signing.keys import ROUNDS, PrivateKey, SoftKey, generate, to_pkcs8, to_sealed
from signing.trust import Trust, pem

RECIPE = Path(__file__).parent / "certs" / "recipe.toml"

# A password derived from the installation's secret, or drawn here, cannot be guessed: stretching it buys nothing.
_FEW_ROUNDS = 2_048
_DRAWN_BYTES = 16
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_EXTENDED = {
    "document_signing": ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # RFC 9336
    "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "server_auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "time_stamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp_signing": ExtendedKeyUsageOID.OCSP_SIGNING,
}


@dataclass(frozen=True)
class Holder:
    """Somebody or something to be given a key and a certificate.

    Args:
        name: file name of the key; ASCII letters in lower case, digits, ``-``, ``_``, ``.``.
        common_name: cut at a word when longer than the 64 bytes a certificate holds; ``organisation`` never is.
        template: one of the recipe's templates: ``leader``, ``seal``, ``clerk``, ``exchange`` ...
        password: for keys a person opens; None: one is drawn and kept in ``passwords.json`` (mode 0600).
        issuer: name of the certificate that issues this one; equal to ``name`` for a root.
        overrides: values of the template to be replaced, such as ``{"begins_days": 30}``.
    """

    name: str
    common_name: str
    organisation: str
    unit: str = ""
    title: str = ""
    template: str = "leader"
    password: str | None = field(default=None, repr=False)
    issuer: str = "issuing"
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One issued certificate as the PKI remembers it; times are ISO 8601 with zone."""

    name: str
    template: str
    issuer: str
    serial: int
    begins: str
    ends: str
    installation: bool
    authority: bool
    revoked_at: str | None = None


def seal_and_exchange(code: str, name: str, *, password: str | None = None) -> tuple[Holder, Holder]:
    """The two certificates of an agency: the seal a clerk keeps (``seal-CODE``) and ``exchange-CODE``.

    Source: Decree 30/2020, art. 32-33: the seal is used for issued documents and copies, and for nothing else.
    """
    return (
        Holder(f"seal-{code}", name, name, template="seal", password=password),
        Holder(f"exchange-{code}", f"Trao đổi - {name}", name, template="exchange"),
    )


class Pki:
    """A raised PKI in its folder.

    ``trust/`` anchors, with ``intermediates/`` and ``crl/``; ``keys/NAME.key`` (sealed by a person's password, see
    ``signing.keyfile``; encrypted PKCS#8 where the password cannot be guessed) and ``keys/NAME.crt`` (chain, PEM);
    ``secret`` protects the keys of the installation; ``pki.json`` remembers what was issued.
    """

    def __init__(self, directory: Path, recipe: Mapping[str, Any], entries: dict[str, Entry], *, rounds: int):
        self.directory = directory
        self.recipe = recipe
        self.entries = entries
        self.rounds = rounds

    @classmethod
    def load(cls, directory: Path) -> Pki:
        """Open a folder made by ``raise_pki``.

        Raises:
            SigningError: ``pki_missing``: the folder holds no PKI.
        """
        try:
            state = json.loads((directory / "pki.json").read_text("utf-8"))
            entries = {e["name"]: Entry(**e) for e in state["entries"]}
            return cls(directory, state["recipe"], entries, rounds=state["rounds"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SigningError("pki_missing", str(directory)) from error

    def again(self) -> Pki:
        """This PKI as its folder is now, with what others issued and revoked meanwhile."""
        return Pki.load(self.directory)

    @property
    def trust_dir(self) -> Path:
        """The folder ``Trust.load`` reads."""
        return self.directory / "trust"

    @property
    def keys_dir(self) -> Path:
        """The folder the key agent reads."""
        return self.directory / "keys"

    def trust(self) -> Trust:
        """Anchors, intermediates and revocation lists as they are now."""
        return Trust.load(self.trust_dir)

    def certificate(self, name: str) -> bytes:
        """The certificate (DER) of ``name``."""
        return _certificates(self._crt(name))[0].public_bytes(Encoding.DER)

    def chain(self, name: str) -> tuple[bytes, ...]:
        """Certificates (DER) of the issuers of ``name``, nearest first."""
        return tuple(c.public_bytes(Encoding.DER) for c in _certificates(self._crt(name))[1:])

    def password(self, name: str) -> str:
        """The password of an installation's key, or of a person's key whose password was drawn here.

        Raises:
            KeyUnavailable: the person's password was given by the person and is known to nobody else.
        """
        if self._entry(name).installation:
            return self._installation_password(name)
        drawn = self._drawn()
        if name not in drawn:
            raise KeyUnavailable("password_unknown", name)
        return drawn[name]

    def key(self, name: str, password: str | None = None) -> SoftKey:
        """Open the key of ``name``; without a password as ``password()`` knows it. Errors as ``SoftKey.load``."""
        known = self.password(name) if password is None else password
        return SoftKey.load(self.keys_dir / f"{name}.key", known)

    def issue(self, holders: Iterable[Holder], *, at: datetime) -> None:
        """Make keys and certificates for further holders, from the stored authorities.

        Args:
            holders: none of them may have a name already used.
            at: the moment the days of the templates are counted from.

        Raises:
            ValueError: a name is taken or malformed, a template or an issuer is unknown.
        """
        wanted = tuple(holders)
        self._check(wanted)
        drawn = self._drawn()
        passwords: dict[str, str] = {}
        for holder in wanted:
            if self._template(holder)["held_by"] == "installation":
                passwords[holder.name] = self._installation_password(holder.name)
            else:
                passwords[holder.name] = holder.password or drawn.setdefault(
                    holder.name, secrets.token_urlsafe(_DRAWN_BYTES)
                )
        # RSA generation and password stretching release the interpreter's lock: two threads are twice as fast.
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            made = dict(zip(passwords, pool.map(lambda h: self._make(h, passwords[h.name]), wanted), strict=True))
        open_authorities = {h.name: made[h.name][0] for h in wanted if "authority" in self._template(h)}
        _write_private(self.directory / "passwords.json", json.dumps(drawn, indent=1, sort_keys=True).encode())
        for holder in wanted:
            private, sealed = made[holder.name]
            self._certify(holder, private, open_authorities, at=at)
            _write_private(self.keys_dir / f"{holder.name}.key", sealed)
        self._save()

    def forget_password(self, name: str) -> None:
        """Keep the password that was drawn for a key no longer: its holder has chosen another."""
        drawn = self._drawn()
        if drawn.pop(name, None) is not None:
            _write_private(self.directory / "passwords.json", json.dumps(drawn, indent=1, sort_keys=True).encode())

    def revoke(self, name: str, *, at: datetime) -> None:
        """Revoke a certificate from ``at`` on; the next ``renew_crls`` says so."""
        self.entries[name] = replace(self._entry(name), revoked_at=at.isoformat())
        self._save()

    def renew_crls(self, *, at: datetime) -> None:
        """Write one revocation list per trusted authority, good from ``crl_days`` before ``at`` to as long after."""
        span = timedelta(days=self.recipe["crl_days"])
        place = self.trust_dir / "crl"
        place.mkdir(parents=True, exist_ok=True)
        for entry in self.entries.values():
            if entry.authority and self._is_trusted(entry):
                crl = self.crl(entry.name, begins=at - span, ends=at + span, number=int(at.timestamp()))
                _write(place / f"{entry.name}.crl", pem(crl, "X509 CRL"))

    def crl(self, name: str, *, begins: datetime, ends: datetime, number: int | None = None) -> bytes:
        """A revocation list (DER) of an authority: all it revoked, also from a moment still to come.

        Args:
            begins, ends: aware moments between which the list is current.
            number: of the list (RFC 5280, 5.2.3); None: the second it begins.

        Raises:
            KeyUnavailable: no such authority.
        """
        if not self._entry(name).authority:
            raise KeyUnavailable("key_missing", name)
        issuer = _certificates(self._crt(name))[0]
        private = self.authority(name)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.subject)
            .last_update(_seconds(begins))
            .next_update(_seconds(ends))
            .add_extension(x509.CRLNumber(int(begins.timestamp()) if number is None else number), critical=False)
            .add_extension(_authority_key(issuer), critical=False)
        )
        for other in self.entries.values():
            if other.issuer == name and other.revoked_at:
                builder = builder.add_revoked_certificate(
                    x509.RevokedCertificateBuilder()
                    .serial_number(other.serial)
                    .revocation_date(_seconds(datetime.fromisoformat(other.revoked_at)))
                    .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
                    .build()
                )
        return builder.sign(private, _digest(private)).public_bytes(Encoding.DER)

    def _check(self, wanted: tuple[Holder, ...]) -> None:
        names = set(self.entries)
        for holder in wanted:
            if not _NAME.fullmatch(holder.name):
                raise ValueError(f"not a name for a key: {holder.name!r}")
            if holder.name in names:
                raise ValueError(f"a key {holder.name!r} exists already")
            names.add(holder.name)
            if holder.password == "":
                raise ValueError(f"an empty password for {holder.name!r}")
            if holder.issuer not in names:
                raise ValueError(f"no issuer {holder.issuer!r} for {holder.name!r}")
            if holder.template not in self.recipe["templates"]:
                raise ValueError(f"no template {holder.template!r}")

    def _template(self, holder: Holder) -> dict[str, Any]:
        return {**self.recipe["templates"][holder.template], **holder.overrides}

    def _make(self, holder: Holder, password: str) -> tuple[PrivateKey, bytes]:
        template = self._template(holder)
        private = generate(template["key"])
        chosen = template["held_by"] == "person" and holder.password is not None
        if chosen:
            return private, to_sealed(private, password, cost=USUAL if self.rounds >= ROUNDS else QUICK)
        return private, to_pkcs8(private, password, rounds=_FEW_ROUNDS)

    def _certify(
        self, holder: Holder, private: PrivateKey, open_authorities: dict[str, PrivateKey], *, at: datetime
    ) -> None:
        template = self._template(holder)
        self_issued = holder.issuer == holder.name
        begins = _seconds(at + timedelta(days=template["begins_days"]))
        ends = begins + timedelta(days=template["lasts_days"])
        above: list[x509.Certificate] = []
        if not self_issued:
            above = _certificates(self._crt(holder.issuer))
            begins, ends = max(begins, above[0].not_valid_before_utc), min(ends, above[0].not_valid_after_utc)
            if begins >= ends:
                raise ValueError(f"{holder.name!r} would begin after its issuer ends")
        subject = self._subject(holder, authority="authority" in template)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(above[0].subject if above else subject)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
        )
        for extension, critical in _extensions(template, private, above[0] if above else None):
            builder = builder.add_extension(extension, critical)
        if self.recipe.get("base_url") and not self_issued:
            for extension in _addresses(self.recipe["base_url"], holder.issuer):
                builder = builder.add_extension(extension, critical=False)
        signer = private if self_issued else open_authorities.get(holder.issuer) or self.authority(holder.issuer)
        certificate = builder.sign(signer, _digest(signer))
        self._crt(holder.name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        chain = b"".join(c.public_bytes(Encoding.PEM) for c in (certificate, *above))
        _write(self._crt(holder.name), chain)
        revoked_days = template.get("revoked_days")
        entry = Entry(
            name=holder.name,
            template=holder.template,
            issuer=holder.issuer,
            serial=certificate.serial_number,
            begins=begins.isoformat(),
            ends=ends.isoformat(),
            installation=template["held_by"] == "installation",
            authority="authority" in template,
            revoked_at=None if revoked_days is None else _seconds(at + timedelta(days=revoked_days)).isoformat(),
        )
        self.entries[holder.name] = entry
        if entry.authority and template.get("trusted", True):
            place = self.trust_dir if self_issued else self.trust_dir / "intermediates"
            place.mkdir(parents=True, exist_ok=True)
            _write(place / f"{holder.name}.crt", certificate.public_bytes(Encoding.PEM))

    def _subject(self, holder: Holder, *, authority: bool) -> x509.Name:
        parts = [(NameOID.COUNTRY_NAME, self.recipe["country"]), (NameOID.ORGANIZATION_NAME, holder.organisation)]
        if holder.unit:
            parts.append((NameOID.ORGANIZATIONAL_UNIT_NAME, holder.unit))
        if not authority:
            parts.append((NameOID.ORGANIZATIONAL_UNIT_NAME, self.recipe["marker_unit"]))
        elif self.recipe["marker"] not in holder.common_name:
            raise ValueError(f"the authority {holder.name!r} does not say that it is a test")
        if holder.title:
            parts.append((NameOID.TITLE, holder.title))
        parts.append((NameOID.COMMON_NAME, _fit(holder.common_name)))
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])

    def _is_trusted(self, entry: Entry) -> bool:
        folder = self.trust_dir if entry.issuer == entry.name else self.trust_dir / "intermediates"
        return (folder / f"{entry.name}.crt").is_file()

    def authority(self, name: str) -> PrivateKey:
        """The key of an authority or a responder, opened with the installation's secret."""
        raw = (self.keys_dir / f"{name}.key").read_bytes()
        private = load_der_private_key(raw, self._installation_password(name).encode())
        if not isinstance(private, PrivateKey):
            raise KeyUnavailable("key_algorithm_unsupported", name)
        return private

    def _installation_password(self, name: str) -> str:
        path = self.directory / "secret"
        if not path.exists():
            _write_private(path, secrets.token_bytes(32))
        return hmac.digest(path.read_bytes(), name.encode(), "sha256").hex()

    def _drawn(self) -> dict[str, str]:
        path = self.directory / "passwords.json"
        found: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return found

    def _entry(self, name: str) -> Entry:
        if name not in self.entries:
            raise KeyUnavailable("key_missing", name)
        return self.entries[name]

    def _crt(self, name: str) -> Path:
        return self.keys_dir / f"{name}.crt"

    def _save(self) -> None:
        state = {
            "recipe": self.recipe,
            "rounds": self.rounds,
            "entries": [asdict(e) for e in self.entries.values()],
        }
        _write(self.directory / "pki.json", json.dumps(state, ensure_ascii=False, indent=1).encode())


def raise_pki(
    recipe: Path | Mapping[str, Any],
    directory: Path,
    *,
    at: datetime,
    holders: Iterable[Holder] = (),
    key: str | None = None,
    rounds: int = ROUNDS,
    base_url: str = "",
) -> Pki:
    """Make the whole test PKI: what the recipe names, the holders given, and revocation lists good around ``at``.

    Args:
        recipe: the recipe's file, or its contents.
        directory: a new or empty folder.
        at: aware moment from which the days of the templates are counted.
        holders: office holders and agencies (see ``seal_and_exchange``) besides the recipe's own.
        key: algorithm for every key instead of the templates' (``p256`` makes tests quick).
        rounds: effort for the stretching of passwords that were given: ``ROUNDS`` and more as people's keys deserve;
            less for tests only.
        base_url: where ``pki serve`` will answer: certificates then name it for OCSP and revocation lists.

    Raises:
        ValueError: the folder holds a PKI already, or the recipe or a holder makes no sense.
    """
    if (directory / "pki.json").exists():
        raise ValueError(f"there is a PKI in {directory} already")
    found = tomllib.loads(recipe.read_text("utf-8")) if isinstance(recipe, Path) else dict(recipe)
    named = [_holder(entity) for entity in found.pop("entity", ())]
    if key is not None:
        found["templates"] = {name: {**t, "key": key} for name, t in found["templates"].items()}
    if base_url:
        found["base_url"] = base_url
    directory.mkdir(parents=True, exist_ok=True)
    pki = Pki(directory, found, {}, rounds=rounds)
    pki.issue([*named, *holders], at=at)
    pki.renew_crls(at=at)
    return pki


def _holder(entity: Mapping[str, Any]) -> Holder:
    known = {name: entity[name] for name in ("name", "common_name", "organisation", "unit", "title") if name in entity}
    template = entity["template"]
    issuer = entity.get("issuer", entity["name"] if template == "root" else "issuing")
    overrides = {k: v for k, v in entity.items() if k not in known and k not in {"template", "issuer"}}
    return Holder(**known, template=template, issuer=issuer, overrides=overrides)


def _extensions(
    template: Mapping[str, Any], private: PrivateKey, issuer: x509.Certificate | None
) -> list[tuple[x509.ExtensionType, bool]]:
    authority = "authority" in template
    found: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=authority, path_length=template.get("authority")), True),
        (x509.KeyUsage(**{name: name in template["usage"] for name in _USAGES}), True),
        (x509.SubjectKeyIdentifier.from_public_key(private.public_key()), False),
    ]
    if issuer is not None:
        found.append((_authority_key(issuer), False))
    if "extended" in template:
        oids = [_EXTENDED[name] if name in _EXTENDED else ObjectIdentifier(name) for name in template["extended"]]
        found.append((x509.ExtendedKeyUsage(oids), bool(template.get("extended_critical"))))
    if template.get("no_check"):
        found.append((x509.OCSPNoCheck(), False))
    return found


def _addresses(base_url: str, issuer: str) -> tuple[x509.AuthorityInformationAccess, x509.CRLDistributionPoints]:
    """Where ``signing.responders`` answers about a certificate (RFC 5280, 4.2.2.1 and 4.2.1.13)."""
    base = base_url.rstrip("/")
    answers = x509.UniformResourceIdentifier(f"{base}/ocsp")
    lists = x509.UniformResourceIdentifier(f"{base}/crl/{issuer}.crl")
    return (
        x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, answers)]),
        x509.CRLDistributionPoints([x509.DistributionPoint([lists], None, None, None)]),
    )


def _authority_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _digest(private: PrivateKey) -> hashes.SHA256 | None:
    return None if isinstance(private, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def _certificates(path: Path) -> list[x509.Certificate]:
    if not path.is_file():
        raise KeyUnavailable("key_missing", path.stem)
    return x509.load_pem_x509_certificates(path.read_bytes())


def _fit(text: str, limit: int = 64) -> str:
    if len(text.encode()) <= limit:
        return text
    words = text.split()
    while words and len(" ".join([*words, "…"]).encode()) > limit:
        words.pop()
    return " ".join([*words, "…"]) if words else text.encode()[: limit - 3].decode(errors="ignore") + "…"


def _seconds(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _write_private(path: Path, data: bytes) -> None:
    _write(path, data, mode=0o600)


def _write(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    # Whole or not at all: a start that is killed must not leave half a revocation list.
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    beside.replace(path)


def add_command(subparsers: Any, *, serve: Callable[..., None] | None = None) -> None:
    """Add ``pki up`` and ``pki crl`` to ``python -m signing``, and ``pki serve`` where the responders are given."""
    parser = subparsers.add_parser("pki", help="raise the test PKI, renew its revocation lists, or serve it")
    deeds = parser.add_subparsers(dest="deed", required=True)
    up = deeds.add_parser("up", help="raise it; where there is one already, only renew its revocation lists")
    up.add_argument("--recipe", type=Path, default=RECIPE)
    up.add_argument("--key", help="one algorithm for all keys, such as p256")
    up.add_argument("--base-url", default="", help="where 'pki serve' will answer; certificates then name it")
    crl = deeds.add_parser("crl", help="renew the revocation lists")
    if serve is not None:
        answer = deeds.add_parser("serve", help="answer on loopback: time-stamps, OCSP, revocation lists")
        answer.add_argument("--port", type=int, default=0, help="0: any free port")
        answer.add_argument("--out", type=Path, required=True, help="folder of the PKI")
    for deed in (up, crl):
        deed.add_argument("--out", type=Path, required=True, help="folder of the PKI")
        deed.add_argument("--at", type=datetime.fromisoformat, help="moment it is good around (ISO 8601); default: now")
    parser.set_defaults(run=_run, serve=serve)


def _run(arguments: argparse.Namespace) -> int:
    """0: done; 64: the folder, the recipe or the port cannot be used."""
    at = getattr(arguments, "at", None) or datetime.now(UTC)
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    try:
        if arguments.deed == "serve":
            arguments.serve(Pki.load(arguments.out), lambda: datetime.now(UTC), port=arguments.port)
            return 0
        if arguments.deed == "up" and not (arguments.out / "pki.json").exists():
            pki = raise_pki(arguments.recipe, arguments.out, at=at, key=arguments.key, base_url=arguments.base_url)
        else:
            pki = Pki.load(arguments.out)
            pki.renew_crls(at=at)
    except (SigningError, OSError, ValueError) as error:
        sys.stderr.write(f"{arguments.out}: {error}\n")
        return 64
    sys.stdout.write(f"{pki.directory}: {len(pki.entries)} certificates, revocation lists around {at.isoformat()}\n")
    return 0

"""A folder of keys: which it names, of what kind each is, and how it is opened.

A name has one of these, and where more lie there the first of them counts:

``NAME.toml``   where a key lies elsewhere: on a token or in an HSM (``pkcs11``), or with a signing service (``csc``)
``NAME.p12``    PKCS#12
``NAME.key``    ``signing.keyfile``, or PKCS#8

``NAME.crt`` beside it (PEM) holds the signer's certificate, then the issuers'; only PKCS#12 does without.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from signing.errors import KeyUnavailable

if TYPE_CHECKING:
    import ssl

    from signing.csc import RemoteKey, Service

FILE, PKCS11, CSC = "file", "pkcs11", "csc"
SERVICE_TIMEOUT = 10.0
"""Seconds for one call of a signing service; a signature takes two."""

_SUFFIXES = (".toml", ".p12", ".key")
_NAMES: dict[str, tuple[set[str], set[str]]] = {
    PKCS11: ({"module"}, {"token", "serial", "id"}),
    CSC: ({"url", "credential", "access_token"}, {"root"}),
}
"""What a description of each kind must say, and may say besides ``pss``; a token may be told by its address instead."""


class OpenedKey(Protocol):
    """A key that was opened with its password; see ``signing.keys.Key``."""

    certificate: bytes
    chain: tuple[bytes, ...]
    pss: bool

    def sign(self, data: bytes, *, digest: str) -> bytes:
        """See ``Key.sign``."""

    def close(self) -> None:
        """Forget it; ``sign`` refuses from now on."""


@dataclass(frozen=True)
class Held:
    """A key of the folder, as far as it tells without a password.

    Args:
        kind: ``file``, ``pkcs11`` or ``csc``; "" where the description cannot be read.
        public_key, certificate: SHA-256 of SubjectPublicKeyInfo and of the certificate, lower-case hex; "" where no
            certificate lies beside it.
        fault: code of ``signing.messages`` when it cannot be used as it is; "" when nothing is known against it.
    """

    name: str
    kind: str
    public_key: str = ""
    certificate: str = ""
    fault: str = ""


@dataclass(frozen=True)
class _Elsewhere:
    """What ``NAME.toml`` says, checked."""

    kind: str
    facts: dict[str, str]
    pss: bool

    def text(self, name: str) -> str:
        return self.facts.get(name, "")


def held(folder: Path) -> tuple[Held, ...]:
    """Every key of the folder, by name."""
    names = {path.stem for path in folder.iterdir() if path.suffix in _SUFFIXES}
    return tuple(_held(folder, name) for name in sorted(names))


def kind(folder: Path, name: str) -> str:
    """Of which kind a key is.

    Raises:
        KeyUnavailable: ``key_missing``, ``key_description_wrong``.
    """
    path = _path(folder, name)
    return _read(path).kind if path.suffix == ".toml" else FILE


def unlock(folder: Path, name: str, password: str) -> OpenedKey:
    """Open a key with its password: of the file, or the PIN of token or service, which is tried once.

    Raises:
        WrongPassword: it does not open it, WrongPin where it is a PIN.
        KeyUnavailable: anything else that stands against it.
    """
    from signing.keys import SoftKey, secret

    path = _path(folder, name)
    if path.suffix != ".toml":
        return SoftKey.load(path, password)
    found, certificates = _read(path), _certificates(path)
    pin = secret(password).decode()
    if found.kind == PKCS11:
        from signing.apart import ApartKey

        return ApartKey(_address(found), pin, certificates, pss=found.pss)
    return _remote(path, found, certificates, pin)


def _held(folder: Path, name: str) -> Held:
    path = _path(folder, name)
    own, found, fault = "", {"public_key": "", "certificate": ""}, ""
    try:
        own = kind(folder, name)
        if own == CSC:
            _service(path, _read(path))
    except KeyUnavailable as error:
        fault = error.code
    try:
        found = _fingerprints(_certificates(path)[0])
    except KeyUnavailable as error:
        fault = fault or ("" if path.suffix == ".p12" else error.code)
    return Held(name, own, **found, fault=fault)


def _fingerprints(der: bytes) -> dict[str, str]:
    return {"public_key": _public(der), "certificate": hashlib.sha256(der).hexdigest()}


def _public(der: bytes) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = x509.load_der_x509_certificate(der).public_key()
    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _path(folder: Path, name: str) -> Path:
    paths = (folder / f"{name}{suffix}" for suffix in _SUFFIXES)
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise KeyUnavailable("key_missing", name)
    return found


def _certificates(path: Path) -> tuple[bytes, ...]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    beside = path.with_name(f"{path.stem}.crt")
    try:
        found = x509.load_pem_x509_certificates(beside.read_bytes())
        for one in found:
            one.public_key()
    except (OSError, ValueError) as error:
        raise KeyUnavailable("certificate_unreadable", beside.name) from error
    return tuple(one.public_bytes(Encoding.DER) for one in found)


def _read(path: Path) -> _Elsewhere:
    """Read a description; nothing in it is a secret, and nothing unknown is passed over."""
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise KeyUnavailable("key_description_wrong", f"{path.name}: {error}") from error
    own, pss = found.pop("kind", None), found.pop("pss", False)
    needed, allowed = _NAMES.get(own, (set(), set())) if isinstance(own, str) else (set(), set())
    if own == PKCS11 and "address" in found:
        needed, allowed = {"address"}, set()
    fine = needed and needed <= found.keys() <= needed | allowed and isinstance(pss, bool)
    if not fine or not all(isinstance(text, str) and text for text in found.values()):
        raise KeyUnavailable("key_description_wrong", path.name)
    elsewhere = _Elsewhere(str(own), found, pss)
    if own == PKCS11:
        from signing.pkcs11 import Address

        try:
            Address.read(_address(elsewhere))
        except ValueError as error:
            raise KeyUnavailable("key_description_wrong", f"{path.name}: {error}") from error
    return elsewhere


def _address(found: _Elsewhere) -> str:
    """The address of a key on a token (RFC 7512), put together of its parts where they stand alone."""
    from urllib.parse import quote

    if "address" in found.facts:
        return found.text("address")
    number = quote(bytes.fromhex(found.text("id")))
    parts = {"token": quote(found.text("token")), "serial": quote(found.text("serial")), "id": number}
    path = ";".join(f"{name}={text}" for name, text in parts.items() if text)
    return f"pkcs11:{path}?module-path={quote(found.text('module'))}"


def _service(path: Path, found: _Elsewhere) -> Service:
    from signing.csc import Service

    root = found.text("root")
    try:
        context = _context((path.parent / root).read_text("ascii") if root else "")
        token = _access_token(path.parent / found.text("access_token"))
        return Service(found.text("url"), token, timeout=SERVICE_TIMEOUT, context=context)
    except (OSError, ValueError) as error:
        raise KeyUnavailable("key_description_wrong", f"{path.name}: {type(error).__name__}") from error


@lru_cache(maxsize=16)
def _context(root: str) -> ssl.SSLContext:
    """TLS settings that believe a root (PEM) alone, "": those of the system; loading these takes 20 ms."""
    import ssl

    return ssl.create_default_context(cadata=root or None)


def _access_token(path: Path) -> str:
    """What the service was told to know us by; whoever could read it besides us could ask for signatures too."""
    with path.open("rb") as file:
        facts = os.fstat(file.fileno())
        if stat.S_IMODE(facts.st_mode) & 0o077 or facts.st_uid != os.getuid():
            raise KeyUnavailable("access_token_open", path.name)
        token = file.read(64 * 1024).decode("ascii").strip()
    if not token or not token.isprintable():
        raise ValueError("no token")
    return token


def _remote(path: Path, found: _Elsewhere, certificates: tuple[bytes, ...], pin: str) -> RemoteKey:
    from dataclasses import replace

    from signing.csc import RemoteKey
    from signing.errors import WrongPin

    if not pin:
        raise WrongPin("wrong_pin", "no PIN")
    service = _service(path, found)
    told = service.info(found.text("credential"))
    if _public(told.certificate) != _public(certificates[0]):
        raise KeyUnavailable("key_certificate_mismatch")
    if not told.pin:
        raise KeyUnavailable("pin_not_asked")  # nobody would have to know anything to sign with it
    if told.otp:
        raise KeyUnavailable("otp_asked")
    own = replace(told, certificate=certificates[0], chain=certificates[1:])
    key = RemoteKey(service, own, pin=pin, otp="", pss=found.pss)
    key.check()
    return key

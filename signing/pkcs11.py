"""Keys on a token or in an HSM, through the maker's PKCS#11 module (extra ``token``: python-pkcs11)."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from asn1crypto import algos, core
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from signing.errors import KeyUnavailable, WrongPin
from signing.keys import ordered

__all__ = ["Address", "Token", "TokenFacts", "TokenKey", "key_at", "tokens"]

_FEW_TRIES = "few tries are left"


@dataclass(frozen=True)
class TokenFacts:
    """One token that is plugged in.

    Args:
        few_tries, last_try, locked: what it tells of the tries left for its PIN.
    """

    label: str
    serial: str
    model: str
    maker: str
    few_tries: bool
    last_try: bool
    locked: bool


def tokens(module: Path) -> tuple[TokenFacts, ...]:
    """Tokens present at a PKCS#11 module (the maker's shared library).

    Raises:
        KeyUnavailable: ``token_module_missing``.
    """
    with _answering():
        return tuple(_facts(slot.get_token()) for slot in _library(module).get_slots(token_present=True))


@dataclass(frozen=True)
class Address:
    """Where a key lies (RFC 7512).

    Args:
        token, serial: of the token; "" where only one is plugged in.
        number: CKA_ID of key and certificate; None where the token has one key.
    """

    module: Path
    token: str = ""
    serial: str = ""
    number: bytes | None = None

    @classmethod
    def read(cls, text: str) -> Address:
        """Read such as ``pkcs11:token=LABEL;id=%01?module-path=/usr/lib/module.so``.

        Raises:
            ValueError: no such address, or without ``module-path``.
        """
        scheme, _, rest = text.partition(":")
        path, _, query = rest.partition("?")
        known = {"token", "serial", "id", "module-path", "type"}
        found: dict[str, str] = {}
        for part in (*path.split(";"), *query.split("&")):
            name, equals, value = part.partition("=")
            if part and (not equals or name not in known):
                raise ValueError(f"not understood in the address of a token: {part!r}")
            found[name] = value
        if scheme != "pkcs11" or not found.get("module-path"):
            raise ValueError("the address of a token is pkcs11:token=LABEL?module-path=FILE")
        token, serial = (unquote(found.get(name, "")) for name in ("token", "serial"))
        number = unquote_to_bytes(found["id"]) if "id" in found else None
        return cls(Path(unquote(found["module-path"])), token, serial, number)


def key_at(address: str, pin: str, *, certificates: tuple[bytes, ...] = (), pss: bool = False) -> TokenKey:
    """Open the key that a PKCS#11 address names.

    Args:
        address: see ``Address.read``.
        certificates: the signer's first, then the issuers' (DER), where they are kept beside the token; its own need
            not be on it then.
        pss: an RSA key signs with PSS.

    Raises:
        ValueError: as ``Address.read``. Others as ``Token.open``, ``Token.key`` and ``Token.key_of``.
    """
    where = Address.read(address)
    token = Token.open(where.module, pin, label=where.token, serial=where.serial)
    try:
        if certificates:
            return token.key_of(certificates, number=where.number, pss=pss)
        if where.number is None:
            return token.key(pss=pss)
        return token.key(next((c for c, own in token.certificates.items() if own == where.number), b""), pss=pss)
    except KeyUnavailable:
        token.close()
        raise


class Token:
    """A token opened with its PIN; its sessions are not made for threads, so its keys take turns.

    Use ``Token.open``, and ``with``: leaving closes it.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._lock = threading.Lock()
        self.certificates = _certificates(session)

    @classmethod
    def open(cls, module: Path, pin: str, *, label: str = "", serial: str = "", insist: bool = False) -> Token:
        """Open the token of this label or serial number; the only one where neither is given.

        The PIN is tried once. Where the token says that one more wrong PIN locks it, it is not tried at all.

        Args:
            insist: try it even then.

        Raises:
            KeyUnavailable: ``token_module_missing``, ``token_missing``, ``token_ambiguous``, ``token_busy`` (opened
                already in this process: use that ``Token``), ``token_gone``.
            WrongPin: ``wrong_pin``, ``pin_final_try``, ``pin_locked``; ``left`` says what is known of the tries left.
        """
        from pkcs11 import exceptions

        with _answering():
            slot, facts = _chosen(_library(module), label, serial)
            if facts.locked:
                raise WrongPin("pin_locked", facts.label, left=0)
            if facts.last_try and not insist:
                raise WrongPin("pin_final_try", facts.label, left=1)
            try:
                session = slot.get_token().open(user_pin=pin)
            except exceptions.UserAlreadyLoggedIn:
                # The module would let any PIN pass here: it was not looked at.
                raise KeyUnavailable("token_busy", facts.label) from None
            except exceptions.PinLocked:
                raise WrongPin("pin_locked", facts.label, left=0) from None
            except (exceptions.PinIncorrect, exceptions.PinInvalid, exceptions.PinLenRange):
                raise _wrong(_facts(slot.get_token())) from None
            return cls(session)

    def key(self, certificate: bytes | None = None, *, pss: bool = False) -> TokenKey:
        """The key that belongs to a certificate on the token.

        Args:
            certificate: DER; None: the only one that has a key.
            pss: an RSA key signs with PSS.

        Raises:
            KeyUnavailable: ``key_missing``, ``key_ambiguous``, ``key_algorithm_unsupported``, ``weak_algorithm``.
        """
        with self._lock, _answering():
            if self._session is None:
                raise KeyUnavailable("token_gone")
            held = {c: found for c, number in self.certificates.items() if (found := self._private(number)) is not None}
        if certificate is not None:
            held = {c: found for c, found in held.items() if c == certificate}
        if not held:
            raise KeyUnavailable("key_missing")
        if len(held) > 1:
            raise KeyUnavailable("key_ambiguous", f"{len(held)} keys")
        ((own, private),) = held.items()
        return TokenKey(self, private, own, self.chain(own), pss=pss)

    def key_of(
        self, certificates: tuple[bytes, ...], *, number: bytes | None = None, pss: bool = False
    ) -> TokenKey:
        """The key of a certificate that is kept elsewhere: many an HSM holds keys alone.

        Args:
            certificates: the signer's first, then the issuers' (DER).
            number: CKA_ID; None: the token has one private key.
            pss: an RSA key signs with PSS.

        Raises:
            KeyUnavailable: ``key_missing``, ``key_ambiguous``; ``key_certificate_mismatch``: the public half or the
                certificate that lies beside the key on the token is another one's. As ``key``.
        """
        from pkcs11 import ObjectClass

        with self._lock, _answering():
            if self._session is None:
                raise KeyUnavailable("token_gone")
            found = _objects(self._session, ObjectClass.PRIVATE_KEY, number)
            if not found:
                raise KeyUnavailable("key_missing")
            if len(found) > 1:
                raise KeyUnavailable("key_ambiguous", f"{len(found)} keys")
            beside = self._beside(_number(found[0]))
        wanted = _public(x509.load_der_x509_certificate(certificates[0]))
        if any(half != wanted for half in beside):
            raise KeyUnavailable("key_certificate_mismatch")
        return TokenKey(self, found[0], certificates[0], certificates[1:], pss=pss)

    def chain(self, certificate: bytes) -> tuple[bytes, ...]:
        """Issuers of a certificate that are on the token (DER), nearest first."""
        others = [x509.load_der_x509_certificate(c) for c in self.certificates if c != certificate]
        return ordered(x509.load_der_x509_certificate(certificate), others)

    def value(self, private: Any, data: bytes, **how: Any) -> bytes:
        """Have a private key sign; one at a time.

        Raises:
            KeyUnavailable: ``token_gone``, from now on always.
        """
        with self._lock:
            if self._session is None:
                raise KeyUnavailable("token_gone")
            try:
                with _answering():
                    return bytes(private.sign(data, **how))
            except KeyUnavailable:
                # A session that failed once is not trusted again: the token may be another one by now.
                self._close()
                raise

    def close(self) -> None:
        """Log out and close; its keys sign no more."""
        with self._lock:
            self._close()

    def __enter__(self) -> Token:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _close(self) -> None:
        from pkcs11 import PKCS11Error

        session, self._session = self._session, None
        if session is not None:
            with suppress(PKCS11Error):  # a token that is gone has nothing left to be closed
                session.close()

    def _private(self, number: bytes) -> Any:
        from pkcs11 import ObjectClass

        return next(iter(_objects(self._session, ObjectClass.PRIVATE_KEY, number)), None)

    def _beside(self, number: bytes) -> list[bytes]:
        """The public halves a token tells of a key (SubjectPublicKeyInfo); none where it tells nothing."""
        own = [_public(x509.load_der_x509_certificate(c)) for c, other in self.certificates.items() if other == number]
        return own + _halves(self._session, number)


class TokenKey:
    """A key that never leaves its token; see ``signing.keys.Key``."""

    def __init__(
        self, token: Token, private: Any, certificate: bytes, chain: tuple[bytes, ...], *, pss: bool
    ) -> None:
        public = x509.load_der_x509_certificate(certificate).public_key()
        if isinstance(public, rsa.RSAPublicKey):
            if public.key_size < 2048:
                raise KeyUnavailable("weak_algorithm", f"RSA-{public.key_size}")
        elif not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name not in {"secp256r1", "secp384r1"}:
            raise KeyUnavailable("key_algorithm_unsupported", type(public).__name__)
        self._token = token
        self._private = private
        self._rsa = isinstance(public, rsa.RSAPublicKey)
        self.certificate = certificate
        self.chain = chain
        self.pss = pss and self._rsa

    def close(self) -> None:
        """Close the token, and with it every key on it."""
        self._token.close()

    def __repr__(self) -> str:
        return f"TokenKey({hashlib.sha256(self.certificate).hexdigest()[:12]})"

    def sign(self, data: bytes, *, digest: str) -> bytes:
        """See ``Key.sign``; hashed here, so that the token needs the plainest mechanisms only.

        Raises:
            KeyUnavailable: ``token_gone``: pulled out, closed, or it failed.
        """
        from pkcs11 import MGF, Mechanism

        hashed = hashlib.new(digest, data).digest()
        if not self._rsa:
            raw = self._token.value(self._private, hashed, mechanism=Mechanism.ECDSA)
            half = len(raw) // 2
            return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))
        if self.pss:
            settings = (getattr(Mechanism, digest.upper()), getattr(MGF, digest.upper()), len(hashed))
            return self._token.value(
                self._private, hashed, mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=settings
            )
        algorithm = algos.DigestAlgorithm({"algorithm": digest, "parameters": core.Null()})
        info = algos.DigestInfo({"digest_algorithm": algorithm, "digest": hashed})
        return self._token.value(self._private, info.dump(), mechanism=Mechanism.RSA_PKCS)


@contextmanager
def _answering() -> Iterator[None]:
    """Whatever a module answers besides what was asked for: the key cannot be used now."""
    from pkcs11 import PKCS11Error

    try:
        yield
    except PKCS11Error as error:
        raise KeyUnavailable("token_gone", type(error).__name__) from error


def _library(module: Path) -> Any:
    try:
        import pkcs11
    except ImportError as error:
        raise KeyUnavailable("token_module_missing", "python-pkcs11 is not installed") from error
    if not module.is_file():
        raise KeyUnavailable("token_module_missing", str(module))
    try:
        return pkcs11.lib(str(module))
    except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
        raise KeyUnavailable("token_module_missing", f"{module}: {error}") from error


def _chosen(library: Any, label: str, serial: str) -> tuple[Any, TokenFacts]:
    present = [(slot, _facts(slot.get_token())) for slot in library.get_slots(token_present=True)]
    found = [
        (slot, facts)
        for slot, facts in present
        if (not label or facts.label == label) and (not serial or facts.serial == serial) and facts.label
    ]
    if not found:
        raise KeyUnavailable("token_missing", label or serial)
    if len(found) > 1:
        raise KeyUnavailable("token_ambiguous", ", ".join(facts.label for _, facts in found))
    return found[0]


def _facts(token: Any) -> TokenFacts:
    from pkcs11.constants import TokenFlag

    def text(raw: object) -> str:
        # Fixed fields padded with spaces (PKCS #11, 3.2), some makers pad with zero bytes.
        whole = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
        return whole.strip(" \x00")

    flags = token.flags
    return TokenFacts(
        label=text(token.label),
        serial=text(token.serial),
        model=text(token.model),
        maker=text(token.manufacturer_id),
        few_tries=bool(flags & TokenFlag.USER_PIN_COUNT_LOW),
        last_try=bool(flags & TokenFlag.USER_PIN_FINAL_TRY),
        locked=bool(flags & TokenFlag.USER_PIN_LOCKED),
    )


def _wrong(facts: TokenFacts) -> WrongPin:
    if facts.locked:
        return WrongPin("pin_locked", facts.label, left=0)
    if facts.last_try:
        return WrongPin("wrong_pin", f"{facts.label}: one try is left", left=1)
    return WrongPin("wrong_pin", f"{facts.label}: {_FEW_TRIES}" if facts.few_tries else facts.label)


def _certificates(session: Any) -> dict[bytes, bytes]:
    """Certificates on the token (DER) with their CKA_ID; what cannot be read is left out."""
    from pkcs11 import Attribute, ObjectClass

    found: dict[bytes, bytes] = {}
    with _answering():
        held = [(o[Attribute.VALUE], o[Attribute.ID]) for o in _objects(session, ObjectClass.CERTIFICATE)]
    for der, number in held:
        try:
            found[x509.load_der_x509_certificate(bytes(der)).public_bytes(Encoding.DER)] = bytes(number)
        except ValueError:
            continue
    return found


def _objects(session: Any, kind: Any, number: bytes | None = None) -> list[Any]:
    from pkcs11 import Attribute

    wanted = {Attribute.CLASS: kind} | ({} if number is None else {Attribute.ID: number})
    return list(session.get_objects(wanted))


def _number(found: Any) -> bytes:
    from pkcs11 import Attribute

    return bytes(found[Attribute.ID])


def _public(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _halves(session: Any, number: bytes) -> list[bytes]:
    """Public keys on a token as SubjectPublicKeyInfo; what cannot be read is left out."""
    from pkcs11 import Attribute, KeyType, ObjectClass, PKCS11Error
    from pkcs11.util.ec import encode_ec_public_key

    found: list[bytes] = []
    for public in _objects(session, ObjectClass.PUBLIC_KEY, number):
        try:
            if public.key_type == KeyType.RSA:
                exponent, modulus = (
                    int.from_bytes(public[name]) for name in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS)
                )
                key: Any = rsa.RSAPublicNumbers(exponent, modulus).public_key()
            else:
                key = load_der_public_key(encode_ec_public_key(public))
        except (PKCS11Error, ValueError, TypeError, UnsupportedAlgorithm):
            continue
        found.append(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return found

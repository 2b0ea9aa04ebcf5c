"""Keys held by a remote signing service that speaks the CSC API, version 1 (Cloud Signature Consortium, 1.0.4.0)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from http.client import HTTPException
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from signing.container import der_value, fits, scheme
from signing.errors import KeyUnavailable, SigningError, ValueRejected, WrongPassword, WrongPin
from signing.keys import Signer

__all__ = ["Credential", "RemoteKey", "Service"]

_LARGEST = 1024 * 1024
_MOST_PAGES = 20
_LONGEST_CHAIN = 10
_WORDS = frozenset(
    {
        "access_denied",
        "disabled",
        "expired_token",
        "invalid_client",
        "invalid_request",
        "invalid_token",
        "server_error",
        "temporarily_unavailable",
        "unauthorized",
        "unsupported_response_type",
    }
)
"""Words of the service that are passed on; any other might be the PIN it was given."""
_HASHES = {"sha256": "2.16.840.1.101.3.4.2.1", "sha384": "2.16.840.1.101.3.4.2.2", "sha512": "2.16.840.1.101.3.4.2.3"}


@dataclass(frozen=True, kw_only=True)
class Credential:
    """One key at the service (CSC API, 11.5).

    Args:
        certificate, chain: DER, chain nearest first.
        algorithms: identifiers of what the key can do; empty where the service does not say.
        pin, otp: the service asks for them.
    """

    identifier: str
    certificate: bytes = default(repr=False)
    chain: tuple[bytes, ...] = default(repr=False)
    algorithms: tuple[str, ...]
    pin: bool
    otp: bool


class Service:
    """A remote signing service.

    Args:
        url: base address of its API, such as ``https://service.example/csc/v1``.
        token: access token of the user (OAuth 2.0 bearer), as the caller obtained it.
        timeout: seconds for a whole call.
        loopback: allow ``http`` to an address of this very machine, for tests.
        context: TLS settings, such as the service's own root; None: the system's.

    Raises:
        ValueError: not an ``https`` address.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: float = 15.0,
        loopback: bool = False,
        context: ssl.SSLContext | None = None,
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        here = loopback and parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1"}
        if not (parts.scheme == "https" or here) or not parts.hostname or parts.username or parts.query:
            raise ValueError(f"not an https address of a signing service: {url!r}")
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._token = token
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({}), _NoRedirect()]
        if not here:
            handlers.append(urllib.request.HTTPSHandler(context=context or ssl.create_default_context()))
        self._opener = urllib.request.build_opener(*handlers)

    def __repr__(self) -> str:
        return f"Service({self.url!r})"

    def credentials(self) -> tuple[str, ...]:
        """Identifiers of the user's keys (``credentials/list``). Errors as ``call``."""
        found: list[str] = []
        page: str | None = None
        for _ in range(_MOST_PAGES):
            answer = self.call("credentials/list", {"pageToken": page} if page else {})
            found += _texts(answer, "credentialIDs")
            page = answer.get("nextPageToken") or None
            if page is None:
                return tuple(found)
            if not isinstance(page, str):
                raise _rubbish("nextPageToken")
        raise _rubbish("too many pages")

    def info(self, identifier: str) -> Credential:
        """What the service says of a key (``credentials/info``). Errors as ``call``."""
        asked = {"credentialID": identifier, "certificates": "chain", "certInfo": False, "authInfo": True}
        answer = self.call("credentials/info", asked)
        key, cert = _object(answer, "key"), _object(answer, "cert")
        if key.get("status") != "enabled":
            raise KeyUnavailable("key_unavailable", f"the service says the key is {_word(key.get('status'))}")
        certificates = [_certificate(text) for text in _texts(cert, "certificates")]
        if not 0 < len(certificates) <= _LONGEST_CHAIN:
            raise _rubbish("certificates")
        pin, otp = (answer.get(name) for name in ("PIN", "OTP"))
        return Credential(
            identifier=identifier,
            certificate=certificates[0],
            chain=tuple(certificates[1:]),
            algorithms=tuple(_texts(key, "algo")),
            pin=isinstance(pin, dict) and pin.get("presence") == "true",
            otp=isinstance(otp, dict) and otp.get("presence") == "true",
        )

    def key(
        self, identifier: str, *, pin: str = "", otp: str | Callable[[], str] = "", pss: bool = False
    ) -> RemoteKey:
        """A key ready to sign.

        Args:
            pin: of the key; used for every signature.
            otp: one-time code, or what is asked for a new one before every signature.
            pss: an RSA key signs with PSS.
        """
        return RemoteKey(self, self.info(identifier), pin=pin, otp=otp, pss=pss)

    def call(self, method: str, body: Mapping[str, object]) -> dict[str, Any]:
        """One call of the API; the answer is a JSON object and nothing is believed of it yet.

        Raises:
            KeyUnavailable: ``service_down``, ``service_refused``, ``service_rubbish``.
            WrongPin, WrongPassword (``wrong_otp``): the service says so.
        """
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        request = urllib.request.Request(f"{self.url}/{method}", json.dumps(body).encode(), headers)  # noqa: S310
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        until = time.monotonic() + self.timeout
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                raw = _read(answer, until)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error.code, error.read(_LARGEST)) from None
        except (OSError, HTTPException, ValueError) as error:
            raise KeyUnavailable("service_down", f"{method}: {type(error).__name__}") from error
        return _parsed(raw)


class RemoteKey:
    """A key at a remote signing service; see ``signing.keys.Key``."""

    def __init__(
        self, service: Service, credential: Credential, *, pin: str, otp: str | Callable[[], str], pss: bool
    ) -> None:
        self._service = service
        self._credential = credential
        self._pin = pin
        self._otp = otp
        self._refused: tuple[str, str] | None = None
        self._closed = False
        self.certificate = credential.certificate
        self.chain = credential.chain
        self.pss = pss
        how = scheme(self)
        self.pss = how.mechanism == "pss"
        if how.mechanism == "ed25519":
            # The service signs hashes; Ed25519 has to see the bytes.
            raise KeyUnavailable("key_algorithm_unsupported", "Ed25519")
        wanted = {how.algorithm()["algorithm"].dotted, "1.2.840.113549.1.1.1"}
        if credential.algorithms and wanted.isdisjoint(credential.algorithms):
            raise KeyUnavailable("key_algorithm_unsupported", how.mechanism)

    def __repr__(self) -> str:
        return f"RemoteKey({hashlib.sha256(self.certificate).hexdigest()[:12]})"

    def check(self) -> None:
        """Have the service look at the PIN, without anything being signed: what it authorises is a hash drawn by lot,
        and the permission is thrown away (CSC API, 11.6). It is tried once.

        Raises:
            WrongPin, KeyUnavailable: as ``Service.call``.
        """
        size = hashlib.new(scheme(self).digest).digest_size
        self._authorised(base64.b64encode(os.urandom(size)).decode())

    def close(self) -> None:
        """Forget the PIN; ``sign`` refuses from now on."""
        self._pin, self._otp, self._closed = "", "", True

    def sign(self, data: bytes, *, digest: str) -> bytes:
        """See ``Key.sign``; authorises exactly this hash, and checks what comes back against the certificate.

        A PIN that was refused is not tried again by itself: services lock keys as tokens do.

        Raises:
            WrongPin, WrongPassword (``wrong_otp``), KeyUnavailable: as ``Service.call``.
            ValueRejected: ``value_wrong``: not a signature of this key over these bytes.
        """
        hashed = base64.b64encode(hashlib.new(digest, data).digest()).decode()
        sad = self._authorised(hashed)
        identifier = self._credential.identifier
        how = scheme(Signer(self.certificate, pss=self.pss))
        algorithm = how.algorithm()
        signing: dict[str, object] = {
            "credentialID": identifier,
            "SAD": sad,
            "hash": [hashed],
            "hashAlgo": _HASHES[digest],
            "signAlgo": algorithm["algorithm"].dotted,
        }
        if self.pss:
            signing["signAlgoParams"] = base64.b64encode(algorithm["parameters"].dump()).decode()
        answer = _texts(self._service.call("signatures/signHash", signing), "signatures")
        if len(answer) != 1:
            raise _rubbish("signatures")
        value = der_value(_decoded(answer[0]), how)
        if digest != how.digest or not fits(value, data, self.certificate, how):
            raise ValueRejected("value_wrong", "from the signing service")
        return value

    def _authorised(self, hashed: str) -> str:
        """The service's permission to sign one hash (SAD)."""
        if self._closed:
            raise KeyUnavailable
        if self._refused is not None:
            raise WrongPin(*self._refused)
        asked: dict[str, object] = {
            "credentialID": self._credential.identifier,
            "numSignatures": 1,
            "hash": [hashed],
        }
        if self._pin:
            asked["PIN"] = self._pin
        otp = self._otp() if callable(self._otp) else self._otp
        if otp:
            asked["OTP"] = otp
        try:
            sad = self._service.call("credentials/authorize", asked).get("SAD")
        except WrongPin as error:
            self._refused = (error.code, error.detail)
            raise
        if not isinstance(sad, str) or not sad:
            raise _rubbish("SAD")
        return sad


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token that was given to one address is not carried to another."""

    def redirect_request(self, *_: object) -> None:
        return None


def _read(answer: Any, until: float) -> bytes:
    parts, size = [], 0
    while part := answer.read1(64 * 1024):
        size += len(part)
        parts.append(part)
        if size > _LARGEST:
            raise _rubbish("answer too long")
        if time.monotonic() > until:  # one byte a second would never time out
            raise TimeoutError
    return b"".join(parts)


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _rubbish("no JSON") from error
    if not isinstance(found, dict):
        raise _rubbish("no object")
    return found


def _refusal(status: int, raw: bytes) -> SigningError:
    """An error of the service; its own description is not passed on."""
    try:
        word = str(_parsed(raw).get("error", ""))
    except KeyUnavailable:
        word = ""
    if word == "invalid_pin":
        return WrongPin("wrong_pin", "the signing service says so")
    if word in {"pin_locked", "locked_pin"}:
        return WrongPin("pin_locked", "the signing service says so", left=0)
    if word == "invalid_otp":
        return WrongPassword("wrong_otp", "the signing service says so")
    return KeyUnavailable("service_down" if status >= 500 else "service_refused", f"{status} {_word(word)}".strip())


def _word(word: object) -> str:
    return word if isinstance(word, str) and word in _WORDS else "?"


def _object(answer: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = answer.get(name)
    if not isinstance(found, dict):
        raise _rubbish(name)
    return found


def _texts(answer: Mapping[str, Any], name: str) -> list[str]:
    found = answer.get(name)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise _rubbish(name)
    return found


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _rubbish("base64") from error


def _certificate(text: str) -> bytes:
    try:
        return x509.load_der_x509_certificate(_decoded("".join(text.split()))).public_bytes(Encoding.DER)
    except ValueError as error:
        raise _rubbish("certificate") from error


def _rubbish(what: str) -> KeyUnavailable:
    return KeyUnavailable("service_rubbish", what)

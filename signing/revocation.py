"""Where evidence of a certificate's status comes from: the installation's folder, or allow-listed responders."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import ipaddress
import os
import secrets
import socket
import threading
import urllib.parse
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPException
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from signing.chain import Evidence, Status, vouched_for
from signing.errors import CertificateUnfit, RevocationDown, SigningError
from signing.trust import Trust

_LARGEST_ANSWER = 64 * 1024
_LARGEST_LIST = 16 * 1024 * 1024
_MOST_REMEMBERED = 512
_MOST_ADDRESSES = 4
_NONCE = 32  # bytes, the most RFC 8954, 2.1 allows
_TOLERANCE = timedelta(minutes=5)


class Source(Protocol):
    """Whoever can tell the status of a certificate, with a signed proof."""

    def status(
        self, certificate: x509.Certificate, issuer: x509.Certificate, *, at: datetime, listed: bool = False
    ) -> Status:
        """Tell whether a certificate was good at a moment.

        Args:
            certificate, issuer: whose status, and who issued it.
            at: aware moment the proof must speak for.
            listed: a revocation list is wanted, because the certificate is that of an OCSP responder.

        Returns:
            ``good`` or ``revoked``, with the checked list or answer it rests on.

        Raises:
            RevocationDown: nothing there speaks for the moment.
        """


@dataclass(frozen=True)
class Gathered:
    """Evidence about the certificates of one chain.

    Args:
        certificates: the chain with its anchor, and OCSP responders (DER).
        answers: one per certificate, each with its kind, DER, dates and origin.
    """

    certificates: tuple[bytes, ...] = ()
    answers: tuple[Status, ...] = ()

    @property
    def crls(self) -> tuple[bytes, ...]:
        """Revocation lists (DER), each once."""
        return tuple(dict.fromkeys(one.der for one in self.answers if one.kind == "crl"))

    @property
    def ocsps(self) -> tuple[bytes, ...]:
        """OCSP answers (DER), each once."""
        return tuple(dict.fromkeys(one.der for one in self.answers if one.kind == "ocsp"))

    def added_to(self, trust: Trust) -> Trust:
        """The trust with this evidence beside its own."""
        new_crls = tuple(der for der in self.crls if der not in trust.crls)
        new_ocsps = tuple(der for der in self.ocsps if der not in trust.ocsps)
        if not new_crls and not new_ocsps:
            return trust
        return replace(trust, crls=(*trust.crls, *new_crls), ocsps=(*trust.ocsps, *new_ocsps))


class Stored:
    """The lists and answers of a trust folder; asks nobody.

    Args:
        trust: as ``Trust.load`` read it.
    """

    def __init__(self, trust: Trust) -> None:
        self._evidence = Evidence(Trust(crls=trust.crls, ocsps=trust.ocsps))

    def status(
        self, certificate: x509.Certificate, issuer: x509.Certificate, *, at: datetime, listed: bool = False
    ) -> Status:
        """See ``Source.status``."""
        found = list(self._evidence.answers(certificate, issuer))
        best = _best([one for one in found if one.kind == "crl"] if listed else found, certificate, at)
        if best is None:
            raise RevocationDown(detail=f"{_name(certificate)}: nothing in the trust folder speaks for it")
        return best


class Online:
    """Asks the responders a certificate names: OCSP first, since its answers are short, then the revocation list.

    Only hosts named here are asked, over plain HTTP (RFC 5280, 8: what comes is signed), and never for certificates.
    Redirects are not followed. What comes is checked before it is believed or kept.

    Args:
        allowed: ``HOST`` (port 80) or ``HOST:PORT``. A host with a loopback or private address is asked only when that
            very ``HOST:PORT`` is named.
        stored: asked when nobody there answers, such as the trust folder.
        cache: folder for what was fetched; it is checked again when it is read.
        timeout: seconds for one question from start to end.
    """

    def __init__(
        self, allowed: Iterable[str], *, stored: Source | None = None, cache: Path | None = None, timeout: float = 10.0
    ) -> None:
        self._allowed = frozenset(item.strip().lower() for item in allowed if item.strip())
        self._stored = stored
        self._cache = cache
        self._timeout = timeout
        self._lock = threading.Lock()
        self._known: OrderedDict[str, bytes] = OrderedDict()

    def status(
        self, certificate: x509.Certificate, issuer: x509.Certificate, *, at: datetime, listed: bool = False
    ) -> Status:
        """See ``Source.status``."""
        faults: list[str] = []
        for way in (self._list, self._answer) if listed else (self._answer, self._list):
            for address in _addresses(certificate, ocsp_wanted=way == self._answer):
                try:
                    return way(certificate, issuer, address, at)
                except (OSError, HTTPException, ValueError) as error:
                    faults.append(f"{address}: {error or type(error).__name__}")
        if self._stored is not None:
            try:
                return self._stored.status(certificate, issuer, at=at, listed=listed)
            except RevocationDown as error:
                faults.append(error.detail)
        raise RevocationDown(detail=f"{_name(certificate)}: {'; '.join(faults) or 'names no responder'}")

    def _answer(
        self, certificate: x509.Certificate, issuer: x509.Certificate, address: str, at: datetime
    ) -> Status:
        """Ask one OCSP responder (RFC 6960)."""
        place = _place(address, self._allowed)
        key = _key("ocsp", issuer, str(certificate.serial_number))
        known = self._remembered(key, certificate, issuer, at=at)
        if known is not None:
            return known
        nonce = secrets.token_bytes(_NONCE)
        # SHA-1 only names the issuer here, nothing rests on its strength; it is what every responder knows (RFC 5019).
        builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())  # noqa: S303
        query = builder.add_extension(x509.OCSPNonce(nonce), critical=False).build().public_bytes(Encoding.DER)
        raw = _fetch(place, query, limit=_LARGEST_ANSWER, timeout=self._timeout)
        found = _checked("ocsp", raw, certificate, issuer, at=at, origin=address)
        extensions = ocsp.load_der_ocsp_response(raw).extensions
        try:
            told = extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
        except x509.ExtensionNotFound:
            told = nonce  # many responders answer from stock (RFC 8954, 2.1): freshness then rests on the dates
        if told != nonce:
            raise ValueError("answers another question")
        if ocsp.load_der_ocsp_response(raw).next_update_utc is not None:
            self._remember(key, raw)
        return found

    def _list(self, certificate: x509.Certificate, issuer: x509.Certificate, address: str, at: datetime) -> Status:
        """Fetch one revocation list (RFC 5280)."""
        place = _place(address, self._allowed)
        key = _key("crl", issuer, address)
        known = self._remembered(key, certificate, issuer, at=at)
        if known is not None:
            return known
        raw = _der(_fetch(place, None, limit=_LARGEST_LIST, timeout=self._timeout))
        found = _checked("crl", raw, certificate, issuer, at=at, origin=address)
        self._remember(key, raw)
        return found

    # what is known already ----------------------------------------------------------------------------------

    def _remembered(
        self, key: str, certificate: x509.Certificate, issuer: x509.Certificate, *, at: datetime
    ) -> Status | None:
        with self._lock:
            raw = self._known.get(key)
        if raw is None and self._cache is not None:
            try:
                raw = (self._cache / key).read_bytes()
            except OSError:
                raw = None
        if raw is None:
            return None
        try:
            found = _checked(key.rpartition(".")[2], raw, certificate, issuer, at=at, origin="cache")
        except ValueError:
            return None
        # Only while it is current: one that was made after the moment might be from another time altogether.
        return found if found.begins is not None and found.begins <= at + _TOLERANCE else None

    def _remember(self, key: str, raw: bytes) -> None:
        with self._lock:
            self._known[key] = raw
            self._known.move_to_end(key)
            while len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
        if self._cache is not None:
            self._cache.mkdir(parents=True, exist_ok=True)
            beside = self._cache / f".{key}.{secrets.token_hex(4)}"
            beside.write_bytes(raw)
            os.replace(beside, self._cache / key)


def gather(
    chain: tuple[x509.Certificate, ...], source: Source, *, moment: datetime, at: datetime, held: Evidence | None = None
) -> Gathered:
    """Collect evidence of status for a chain and for the OCSP responders that speak about it.

    Args:
        chain: from the holder to the anchor, as ``Evidence.chain`` finds it.
        moment: what the evidence must prove the status for.
        at: when the source is asked.
        held: what the document carries already; it serves for moments before ``at``.

    Raises:
        RevocationDown: somebody's status cannot be told.
        CertificateUnfit: ``certificate_revoked``: revoked before ``moment``.
    """
    certificates = list(chain)
    work = [(certificate, issuer, False) for certificate, issuer in pairwise(chain)]
    answers: list[Status] = []
    while work:
        certificate, issuer, listed = work.pop(0)
        try:
            found = _held(held, certificate, issuer, moment) if held is not None and moment < at else None
            found = found or source.status(certificate, issuer, at=at, listed=listed)
        except SigningError:
            raise
        except Exception as error:  # extensions are parsed when they are asked for, and hostile ones raise anything
            raise CertificateUnfit("chain_invalid", type(error).__name__) from error
        word = found.at(certificate, moment)
        if word == "revoked":
            told = found.date.isoformat() if found.date else ""
            raise CertificateUnfit("certificate_revoked", f"{_name(certificate)} {told}")
        if word != "good":
            raise RevocationDown(detail=f"{_name(certificate)}: {found.source} does not speak for {moment}")
        answers.append(found)
        responder = found.responder
        if responder is not None and responder not in certificates:
            certificates.append(responder)
            if not vouched_for(responder):
                work.append((responder, issuer, True))
    return Gathered(tuple(one.public_bytes(Encoding.DER) for one in certificates), tuple(answers))


def _held(
    held: Evidence, certificate: x509.Certificate, issuer: x509.Certificate, moment: datetime
) -> Status | None:
    found = [one for one in held.answers(certificate, issuer) if one.embedded]
    return _best(found, certificate, moment)


def _best(found: Iterable[Status], certificate: x509.Certificate, moment: datetime) -> Status | None:
    """The proof to be kept: a revocation before all, then a short answer before a long list, then the younger."""
    known = [(one.at(certificate, moment), one) for one in found]
    usable = [(word, one) for word, one in known if word != "unknown" and one.begins is not None]
    if not usable:
        return None
    return max(usable, key=lambda pair: (pair[0] == "revoked", pair[1].kind == "ocsp", pair[1].begins))[1]


def _checked(
    kind: str, raw: bytes, certificate: x509.Certificate, issuer: x509.Certificate, *, at: datetime, origin: str
) -> Status:
    """What was fetched, once signature, scope, certificate and dates hold. Raises ``ValueError`` otherwise."""
    evidence = Evidence(Trust(crls=(raw,)) if kind == "crl" else Trust(ocsps=(raw,)))
    found = _best(evidence.answers(certificate, issuer), certificate, at)
    if found is None:
        raise ValueError("no answer about this certificate that its issuer signed and that speaks for now")
    return replace(found, origin=origin)


def _addresses(certificate: x509.Certificate, *, ocsp_wanted: bool) -> list[str]:
    """Where a certificate says its status can be asked."""
    try:
        return list(dict.fromkeys(_told(certificate, ocsp_wanted=ocsp_wanted)))[:_MOST_ADDRESSES]
    except ValueError:
        return []


def _told(certificate: x509.Certificate, *, ocsp_wanted: bool) -> Iterator[str]:
    names: list[x509.GeneralName] = []
    try:
        if ocsp_wanted:
            access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
            names = [one.access_location for one in access if one.access_method == AuthorityInformationAccessOID.OCSP]
        else:
            points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
            names = [name for point in points if point.reasons is None for name in point.full_name or ()]
    except x509.ExtensionNotFound:
        pass
    for name in names:
        if isinstance(name, x509.UniformResourceIdentifier):
            yield name.value


@dataclass(frozen=True)
class _Place:
    host: str
    port: int
    path: str
    private: bool


def _place(address: str, allowed: frozenset[str]) -> _Place:
    """Where to go for an address. Raises ``ValueError`` when the caller did not allow it."""
    parts = urllib.parse.urlsplit(address)
    host = (parts.hostname or "").lower()
    if parts.scheme != "http" or not host or parts.username is not None:
        raise ValueError("not a plain http address")
    port = parts.port or 80
    shown = f"[{host}]" if ":" in host else host
    named = f"{shown}:{port}" in allowed
    if not named and not (port == 80 and shown in allowed):
        raise ValueError(f"{shown}:{port} is not allowed")
    path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    if not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError("not a plain http address")
    return _Place(host, port, path, named)


class _Connection(HTTPConnection):
    """Goes to one address that was looked at before, so that a name cannot lead elsewhere in between."""

    target: tuple[str, int]
    held: socket.socket | None = None

    def connect(self) -> None:
        self.sock = self.held = socket.create_connection(self.target, self.timeout)

    def cut(self) -> None:
        """End the exchange from another thread; whoever reads finds the end."""
        if self.held is not None:
            with contextlib.suppress(OSError):
                self.held.shutdown(socket.SHUT_RDWR)


def _fetch(place: _Place, query: bytes | None, *, limit: int, timeout: float) -> bytes:
    """One HTTP exchange: POST of an OCSP request, or GET of a list.

    Raises:
        OSError, HTTPException, ValueError: no answer in time, not 200, too long, or an address not to be asked.
    """
    found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    targets = [(str(item[4][0]), place.port) for item in found]
    if not place.private and not all(ipaddress.ip_address(host).is_global for host, _ in targets):
        raise ValueError("a loopback or private address")
    connection = _Connection(place.host, place.port, timeout=timeout)
    connection.target = targets[0]
    # The time-out of a socket is one per read: who sends a byte now and then would hold us for ever.
    end = threading.Timer(timeout, connection.cut)
    end.daemon = True
    end.start()
    try:
        headers = {"Accept-Encoding": "identity", "Connection": "close"}
        if query is None:
            connection.request("GET", place.path, headers=headers)
        else:
            connection.request("POST", place.path, query, {**headers, "Content-Type": "application/ocsp-request"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(f"answers {answer.status}")
        raw = answer.read(limit + 1)
        if len(raw) > limit:
            raise ValueError("answer too long")
        if answer.length:
            raise ValueError("answer cut off")
        return raw
    finally:
        end.cancel()
        connection.close()


def _der(raw: bytes) -> bytes:
    """A list as DER; some places serve it as PEM."""
    if not raw.startswith(b"-----BEGIN X509 CRL-----"):
        return raw
    return base64.b64decode(b"".join(raw.split(b"-----")[2].split()), validate=True)


def _key(kind: str, issuer: x509.Certificate, what: str) -> str:
    state = hashlib.sha256(issuer.fingerprint(hashes.SHA256()))
    state.update(what.encode())
    return f"{state.hexdigest()[:40]}.{kind}"


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()

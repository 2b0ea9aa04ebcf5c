"""Responders of a raised test PKI on loopback: time-stamps, OCSP answers and revocation lists over HTTP."""

from __future__ import annotations

import base64
import binascii
import urllib.parse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from signing import pki as raising
from signing import serving
from signing.chain import named_by
from signing.errors import SigningError
from signing.pki import Entry, Pki
from signing.tsa import QUERY, REPLY, LocalTsa

OCSP_QUERY = "application/ocsp-request"
OCSP_REPLY = "application/ocsp-response"
CRL_REPLY = "application/pkix-crl"

_ANSWER = timedelta(hours=1)
_LIST = timedelta(days=1)
_LARGEST = 8 * 1024
_HASHES = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}  # noqa: S303 - names the issuer, secures nothing


class Responder:
    """Answers about the certificates of a test PKI as it is in its folder at that moment.

    Args:
        pki: whose folder is read anew for each answer, so that a revocation is told at once.
        clock: gives the aware moment the answers are made.
        delegated: name of the responder its issuer appointed (RFC 6960, 4.2.2.2); it answers about that issuer's
            certificates. For other authorities their own key answers; "" : for all of them.
    """

    def __init__(self, pki: Pki, clock: Callable[[], datetime], *, delegated: str = "ocsp") -> None:
        self.pki = pki
        self.clock = clock
        self.delegated = delegated

    def crl(self, name: str) -> bytes:
        """The revocation list (DER) of an authority as of now. Raises ``KeyUnavailable`` where there is none."""
        now = self.clock()
        return self.pki.again().crl(name, begins=now, ends=now + _LIST)

    def ocsp(self, query: bytes) -> bytes:
        """Answer an OCSP request (DER) with a response (DER); a bad request gets a refusal, never an exception."""
        try:
            asked = ocsp.load_der_ocsp_request(query)
            algorithm = _HASHES[asked.hash_algorithm.name]
            serial = asked.serial_number
            nonce = next((one.value for one in asked.extensions if isinstance(one.value, x509.OCSPNonce)), None)
        except (ValueError, KeyError, TypeError, NotImplementedError):  # the last: cryptography reads one at a time
            return _refusal(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
        pki = self.pki.again()
        issuer = next((name for name in _authorities(pki) if named_by(asked, _certificate(pki, name))), None)
        if issuer is None:
            return _refusal(ocsp.OCSPResponseStatus.UNAUTHORIZED)
        entry = next((e for e in pki.entries.values() if e.issuer == issuer and e.serial == serial), None)
        now = self.clock().astimezone(UTC).replace(microsecond=0)
        builder = ocsp.OCSPResponseBuilder()
        status, date = _status(entry, now)
        builder = builder.add_response_by_hash(
            issuer_name_hash=asked.issuer_name_hash,
            issuer_key_hash=asked.issuer_key_hash,
            serial_number=serial,
            algorithm=algorithm,
            cert_status=status,
            this_update=now,
            next_update=now + _ANSWER,
            revocation_time=date,
            revocation_reason=x509.ReasonFlags.key_compromise if date else None,
        )
        appointed = pki.entries.get(self.delegated)
        signer = self.delegated if appointed is not None and appointed.issuer == issuer else issuer
        certificate = _certificate(pki, signer)
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
        if signer != issuer:
            builder = builder.certificates([certificate])
        if nonce is not None:
            builder = builder.add_extension(nonce, critical=False)
        private = pki.authority(signer)
        digest = None if isinstance(private, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        return builder.sign(private, digest).public_bytes(Encoding.DER)


def _status(entry: Entry | None, now: datetime) -> tuple[ocsp.OCSPCertStatus, datetime | None]:
    if entry is None:
        return ocsp.OCSPCertStatus.UNKNOWN, None
    date = datetime.fromisoformat(entry.revoked_at).astimezone(UTC) if entry.revoked_at else None
    if date is None or date > now:
        return ocsp.OCSPCertStatus.GOOD, None
    return ocsp.OCSPCertStatus.REVOKED, date


def _authorities(pki: Pki) -> list[str]:
    return [entry.name for entry in pki.entries.values() if entry.authority]


def _certificate(pki: Pki, name: str) -> x509.Certificate:
    return x509.load_der_x509_certificate(pki.certificate(name))


def _refusal(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


def server(responder: Responder, tsa: LocalTsa, *, host: str = "127.0.0.1", port: int = 0) -> ThreadingHTTPServer:
    """Make the three responders, bound but not yet serving; port 0 takes a free one (``server_address[1]``).

    ``/tsa`` takes time-stamp requests (RFC 3161, 3.4), ``/ocsp`` takes OCSP requests by POST and, in the path, by GET
    (RFC 6960, A.1), ``/crl/NAME.crl`` gives the list of an authority.
    """

    class Answer(serving.Answer):
        def do_POST(self) -> None:
            ways = {"/tsa": (QUERY, REPLY, tsa.answer), "/ocsp": (OCSP_QUERY, OCSP_REPLY, responder.ocsp)}
            way, size = ways.get(self.path.rstrip("/")), self.headers.get("Content-Length", "")
            if way is None:
                self.send_error(404)
            elif self.headers.get("Content-Type") != way[0] or not size.isdecimal() or int(size) > _LARGEST:
                self.send_error(400)
            else:
                self.reply(way[1], way[2](self.rfile.read(int(size))))

        def do_GET(self) -> None:
            path = urllib.parse.unquote(self.path)
            if path.startswith("/ocsp/"):
                try:
                    query = base64.b64decode(path.removeprefix("/ocsp/"), validate=True)
                except binascii.Error:
                    self.send_error(400)
                    return
                self.reply(OCSP_REPLY, responder.ocsp(query))
            elif path.startswith("/crl/") and path.endswith(".crl"):
                try:
                    made = responder.crl(path[len("/crl/") : -len(".crl")])
                except SigningError:
                    self.send_error(404)
                    return
                self.reply(CRL_REPLY, made)
            else:
                self.send_error(404)

    return serving.Server((host, port), Answer)


def add_command(subparsers: Any) -> None:
    """Add ``pki up``, ``pki crl`` and ``pki serve`` to ``python -m signing``."""
    raising.add_command(subparsers, serve=serve)


def serve(pki: Pki, clock: Callable[[], datetime], *, port: int = 0) -> None:
    """Serve a PKI until SIGTERM or SIGINT; prints one ``name address`` per line once it is bound.

    Raises:
        OSError: the port is taken.
    """
    http = server(Responder(pki, clock), LocalTsa(pki.key("tsa"), clock), port=port)
    base = f"http://127.0.0.1:{http.server_address[1]}"
    lines = [f"tsa {base}/tsa", f"ocsp {base}/ocsp", *(f"crl {base}/crl/{name}.crl" for name in _authorities(pki))]
    serving.until_signal(http, lines)

"""Time-stamps of RFC 3161: a client for any authority and a small responder of our own that stamps a clock's time."""

from __future__ import annotations

import argparse
import hashlib
import secrets
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, Protocol

from asn1crypto import algos, cms, core, tsp
from cryptography.hazmat.primitives.serialization import Encoding

from signing import serving
from signing.cms import open_container
from signing.container import attributes, container, scheme
from signing.errors import CertificateUnfit, RevocationDown, TsaDown
from signing.fitness import require_stamper
from signing.keys import Key
from signing.results import Integrity
from signing.trust import Trust

QUERY = "application/timestamp-query"
REPLY = "application/timestamp-reply"
POLICY = "0.4.0.2023.1.1"  # best practices policy for time-stamps, ETSI EN 319 421, 5.2

_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}
FIRST_ROOM = 8 * 1024
"""Bytes a token may take before the authority has shown how long its tokens are."""
_SPREAD = 64
"""Two tokens of one authority differ by a few bytes: serial numbers, ECDSA values."""
_LARGEST_REQUEST = 8 * 1024
_LARGEST_REPLY = 256 * 1024


class Tsa(Protocol):
    """Whoever can stamp time; ``room`` is how many bytes its next token takes at most."""

    room: int

    def stamp(self, digest: bytes, algorithm: str) -> bytes:
        """Have a hash stamped.

        Args:
            digest: the hash.
            algorithm: its name, ``sha256``, ``sha384`` or ``sha512``.

        Returns:
            The time-stamp token (DER), checked as ``check_token`` does.

        Raises:
            TsaDown: no answer, a refusal, or an answer that is not what was asked for.
        """


@dataclass(frozen=True)
class Stamped:
    """What a token says: its time, who stamped (DER), and the other certificates in it (DER)."""

    time: datetime
    certificate: bytes
    chain: tuple[bytes, ...]


class _Response(core.Sequence):  # type: ignore[misc]
    """RFC 3161, 2.4.2; the library's own class has no place for a refusal, which comes without a token."""

    _fields: ClassVar = [("status", tsp.PKIStatusInfo), ("time_stamp_token", cms.ContentInfo, {"optional": True})]


class HttpTsa:
    """A time-stamp authority behind a URL (RFC 3161, 3.4).

    Args:
        url: ``http`` or ``https``; redirects are not followed.
        timeout: seconds for connecting and for each read.
    """

    def __init__(self, url: str, timeout: float = 10.0) -> None:
        if urllib.parse.urlsplit(url).scheme not in {"http", "https"}:
            raise ValueError(f"not a web address of a time-stamp authority: {url!r}")
        self.url = url
        self.timeout = timeout
        self.room = FIRST_ROOM
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())

    def stamp(self, digest: bytes, algorithm: str) -> bytes:
        """See ``Tsa.stamp``."""
        nonce, query = request(digest, algorithm)
        message = urllib.request.Request(self.url, query, {"Content-Type": QUERY, "Accept": REPLY})  # noqa: S310
        try:
            with self._opener.open(message, timeout=self.timeout) as answer:
                raw = answer.read(_LARGEST_REPLY + 1)
        except (OSError, HTTPException, ValueError) as error:
            raise TsaDown(detail=f"{self.url}: {error}") from error
        if len(raw) > _LARGEST_REPLY:
            raise TsaDown("timestamp_invalid", "answer too long")
        token = _accepted(raw, digest, algorithm, nonce)
        self.room = len(token) + _SPREAD
        return token


class LocalTsa:
    """A time-stamp authority in this process, for the test PKI; it says in its certificate that it is a test.

    Args:
        key: of a certificate for time-stamping alone.
        clock: gives the aware moment to be stamped.
    """

    def __init__(self, key: Key, clock: Callable[[], datetime]) -> None:
        self.key = key
        self.clock = clock
        self.room = FIRST_ROOM

    def stamp(self, digest: bytes, algorithm: str) -> bytes:
        """See ``Tsa.stamp``; goes through the same request, answer and checks as over the network."""
        nonce, query = request(digest, algorithm)
        token = _accepted(self.answer(query), digest, algorithm, nonce)
        self.room = len(token) + _SPREAD
        return token

    def answer(self, query: bytes) -> bytes:
        """Answer a time-stamp request (DER) with a response (DER); a bad request gets a refusal, never an exception."""
        try:
            asked = tsp.TimeStampReq.load(query, strict=True)
            imprint = asked["message_imprint"]
            algorithm = imprint["hash_algorithm"]["algorithm"].native
            length = len(imprint["hashed_message"].native)
            nonce = asked["nonce"].native
            extended = bool(asked["extensions"].native)
            policy = asked["req_policy"].native
        except (ValueError, TypeError, KeyError):
            return _refusal("bad_data_format")
        if algorithm not in _SIZES:
            return _refusal("bad_alg")
        if length != _SIZES[algorithm]:
            return _refusal("bad_data_format")
        if extended:
            return _refusal("unaccepted_extensions")
        if policy not in (None, POLICY):
            return _refusal("unaccepted_policy")
        facts = {
            "version": "v1",
            "policy": POLICY,
            "message_imprint": imprint,
            "serial_number": secrets.randbits(64) | 1 << 64,
            "gen_time": self.clock().astimezone(UTC).replace(microsecond=0),
            "accuracy": {"seconds": 1},
        }
        if nonce is not None:
            facts["nonce"] = nonce
        inside = tsp.TSTInfo(facts).dump()
        how = scheme(self.key)
        digest = hashlib.new(how.digest, inside).digest()
        signed = attributes(digest, self.key.certificate, how, content="tst_info")
        value = self.key.sign(signed, digest=how.digest)
        token = container(signed, value, self.key, content=("tst_info", inside))
        granted = {"status": {"status": "granted"}, "time_stamp_token": cms.ContentInfo.load(token)}
        return bytes(_Response(granted).dump())


def request(digest: bytes, algorithm: str) -> tuple[int, bytes]:
    """Make a time-stamp request (DER) with a fresh nonce; returns both. Raises ``ValueError`` on an unfit hash."""
    if _SIZES.get(algorithm) != len(digest):
        raise ValueError(f"not a hash of {algorithm!r}")
    nonce = secrets.randbits(63) | 1 << 63
    imprint = {"hash_algorithm": algos.DigestAlgorithm({"algorithm": algorithm}), "hashed_message": digest}
    asked = tsp.TimeStampReq({"version": "v1", "message_imprint": imprint, "nonce": nonce, "cert_req": True})
    return nonce, bytes(asked.dump())


def check_token(token: bytes, digest: bytes, algorithm: str, *, nonce: int | None = None) -> Stamped:
    """Check that a token stamps this hash, and was signed by a certificate made for stamping and valid then.

    Args:
        token: time-stamp token (DER).
        digest, algorithm: the hash that was to be stamped, and its name.
        nonce: the number sent with the request, which must come back; None: not asked.

    Raises:
        TsaDown: ``timestamp_invalid`` with the reason.
    """
    found = open_container(token, _nothing_detached, content_type="tst_info")
    if found.integrity is not Integrity.OK or found.certificate is None or found.bound is not True or found.weak:
        raise TsaDown("timestamp_invalid", found.code or "weak, or not bound to its certificate")
    try:
        facts = tsp.TSTInfo.load(found.content, strict=True)
        imprint = facts["message_imprint"]
        if imprint["hash_algorithm"]["algorithm"].native != algorithm or imprint["hashed_message"].native != digest:
            raise TsaDown("timestamp_invalid", "stamps another hash")
        if nonce is not None and facts["nonce"].native != nonce:
            raise TsaDown("timestamp_invalid", "answers another request")
        time = facts["gen_time"].native
        own = found.certificate.public_bytes(Encoding.DER)
        require_stamper(own, (), Trust(), at=time)
    except CertificateUnfit as error:
        raise TsaDown("timestamp_invalid", str(error)) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise TsaDown("timestamp_invalid", f"rubbish: {error}") from error
    return Stamped(time, own, tuple(c for c in found.pool if c != own))


def _nothing_detached(_: str) -> bytes:
    return b""


def require_trusted(stamped: Stamped, trust: Trust) -> None:
    """Refuse a token whose chain does not lead to an anchor, or was revoked when it stamped.

    Raises:
        TsaDown: ``timestamp_untrusted``.
    """
    try:
        require_stamper(stamped.certificate, stamped.chain, trust, at=stamped.time)
    except (CertificateUnfit, RevocationDown) as error:
        raise TsaDown("timestamp_untrusted", str(error)) from error


def _accepted(raw: bytes, digest: bytes, algorithm: str, nonce: int) -> bytes:
    try:
        answer = _Response.load(raw, strict=True)
        status = answer["status"]["status"].native
        if status not in {"granted", "granted_with_mods"}:
            raise TsaDown(detail=f"refused: {status} {answer['status']['fail_info'].native}")
        token = bytes(answer["time_stamp_token"].dump())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise TsaDown("timestamp_invalid", f"rubbish: {error}") from error
    check_token(token, digest, algorithm, nonce=nonce)
    return token


def _refusal(reason: str) -> bytes:
    status = {"status": "rejection", "fail_info": tsp.PKIFailureInfo({reason})}
    return bytes(_Response({"status": status}).dump())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def server(tsa: LocalTsa, *, host: str = "127.0.0.1", port: int = 0) -> ThreadingHTTPServer:
    """Make a responder over HTTP, bound but not yet serving; port 0 takes a free one (``server_address[1]``)."""

    class Answer(serving.Answer):
        def do_POST(self) -> None:
            size = self.headers.get("Content-Length", "")
            if self.headers.get("Content-Type") != QUERY or not size.isdecimal() or int(size) > _LARGEST_REQUEST:
                self.send_error(400)
                return
            self.reply(REPLY, tsa.answer(self.rfile.read(int(size))))

    return serving.Server((host, port), Answer)


def serve(tsa: LocalTsa, *, host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve in this process until SIGTERM or SIGINT; the address goes to standard output once it is bound."""
    http = server(tsa, host=host, port=port)
    serving.until_signal(http, [f"http://{host}:{http.server_address[1]}/"])


def _renew_daily(directory: Path) -> None:
    """Publish the test authority's revocation lists anew once a day, as long as this process lives."""
    from signing.pki import Pki

    while True:
        Pki.load(directory).renew_crls(at=datetime.now(UTC))
        time.sleep(24 * 3600)


def main(arguments: list[str] | None = None) -> int:
    """``python -m signing.tsa --pki DIR [--port N]``: the test authority of a raised PKI on loopback."""
    from signing.pki import Pki

    parser = argparse.ArgumentParser(prog="python -m signing.tsa", description=main.__doc__)
    parser.add_argument("--pki", type=Path, required=True, help="folder of the test PKI")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    found = parser.parse_args(arguments)
    threading.Thread(target=_renew_daily, args=(found.pki,), daemon=True).start()
    serve(LocalTsa(Pki.load(found.pki).key("tsa"), lambda: datetime.now(UTC)), port=found.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())

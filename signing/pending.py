"""Signing in two steps, for a key this machine never sees: prepare here, sign about 250 bytes elsewhere, complete."""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import os
import secrets
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from dataclasses import field as default
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from signing.annex import AnnexRequest, begin_annex
from signing.container import scheme
from signing.errors import CertificateUnfit, Expired, NotPermitted, SigningError, ValueRejected
from signing.fitness import require_signer
from signing.increment import Begun, Signed
from signing.keys import Identity, Signer
from signing.results import Limits
from signing.seal import SealRequest, begin_seal
from signing.sign import Request, begin, locale, moment, needed_tsa
from signing.stamp import Stamp
from signing.trust import Trust
from signing.tsa import FIRST_ROOM, HttpTsa, Tsa

__all__ = ["LASTS", "Once", "Pending", "add_command", "complete", "prepare"]

LASTS = timedelta(minutes=10)
"""How long a prepared signature may be completed."""

_SKEW = timedelta(minutes=1)
"""Two machines of one office may differ by so much."""
_MAGIC = b"signing-pending-1\n"
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A document with room for a signature, and who may put it there, until when.

    Keep it where only the server writes: what it says of user and time is believed. What it says of the document is
    not: everything is computed anew from the bytes when it is completed.

    Args:
        pdf: the document and the update, its container still zeros.
        identifier: drawn for this one; what is remembered so that it serves once.
        user: who alone may complete it.
        document_sha256: lower-case hex of the document as it came; ``length``: its bytes.
        start, end: where the container will stand, angle brackets included.
        digest: how ``to_sign`` must be hashed: ``sha256``, ``sha384`` or ``sha512``.
        mechanism: ``pkcs1``, ``pss`` (salt as long as the digest), ``ecdsa`` or ``ed25519`` (signs the bytes unhashed).
        to_sign: the signed attributes (DER of a SET, RFC 5652, 5.4): what the key elsewhere has to sign.
        level: ``B-B`` or ``B-T``.
        at: claimed time of signing; ``until``: last moment for completing.
    """

    pdf: bytes = default(repr=False)
    identifier: str
    user: str
    field: str
    document_sha256: str
    length: int
    start: int
    end: int
    digest: str
    mechanism: str
    to_sign: bytes = default(repr=False)
    certificate: bytes = default(repr=False)
    chain: tuple[bytes, ...] = default(repr=False)
    level: str
    at: datetime
    until: datetime

    @property
    def hash(self) -> bytes:
        """The hash of ``to_sign``, for a token that does not hash by itself."""
        return hashlib.new(self.digest, self.to_sign).digest()

    def to_bytes(self) -> bytes:
        """For a file or a table; ``from_bytes`` reads it."""
        facts = asdict(self)
        del facts["pdf"]
        for name in ("to_sign", "certificate"):
            facts[name] = base64.b64encode(facts[name]).decode()
        facts["chain"] = [base64.b64encode(c).decode() for c in self.chain]
        facts["at"], facts["until"] = self.at.isoformat(), self.until.isoformat()
        head = json.dumps(facts, ensure_ascii=False, sort_keys=True).encode()
        return b"".join((_MAGIC, _LENGTH.pack(len(head)), head, self.pdf))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Pending:
        """Read what ``to_bytes`` wrote.

        Raises:
            SigningError: ``pending_unreadable``.
        """
        try:
            if not raw.startswith(_MAGIC):
                raise ValueError("not a prepared signature")
            begins = len(_MAGIC) + _LENGTH.size
            (size,) = _LENGTH.unpack(raw[len(_MAGIC) : begins])
            facts = json.loads(raw[begins : begins + size])
            for name in ("to_sign", "certificate"):
                facts[name] = base64.b64decode(facts[name], validate=True)
            facts["chain"] = tuple(base64.b64decode(c, validate=True) for c in facts["chain"])
            for name in ("at", "until"):
                facts[name] = datetime.fromisoformat(facts[name])
                if facts[name].tzinfo is None:
                    raise ValueError("a time without zone")
            for name in ("length", "start", "end"):
                facts[name] = int(facts[name])
            found = cls(pdf=raw[begins + size :], **facts)
        except (ValueError, TypeError, KeyError, AttributeError, struct.error, RecursionError) as error:
            raise SigningError("pending_unreadable", str(error)) from error
        if not 0 < found.length < found.start < found.end - 2 < len(found.pdf):
            raise SigningError("pending_unreadable", "places")
        return found


class Once:
    """Lets each prepared signature through once, in this process; several processes need a table in common.

    Such a table holds ``identifier`` under a unique constraint until ``until``; inserting it is the claim.
    """

    def __init__(self) -> None:
        self._seen: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def __call__(self, pending: Pending) -> bool:
        """Whether this is the first time."""
        with self._lock:
            if pending.identifier in self._seen:
                return False
            newest = max([pending.until, *self._seen.values()])
            # What ended a day before anything we have seen is refused as too old by every clock.
            self._seen = {one: until for one, until in self._seen.items() if newest - until < timedelta(days=1)}
            self._seen[pending.identifier] = pending.until
            return True


_ONCE = Once()


def prepare(
    pdf: bytes,
    signer: Identity,
    request: Request | SealRequest | AnnexRequest,
    trust: Trust,
    *,
    user: str,
    at: datetime | None = None,
    tsa: Tsa | None = None,
    limits: Limits = Limits(),
) -> Pending:
    """Write everything but the value, and say which bytes the key elsewhere must sign.

    Args:
        signer: whose key is elsewhere, such as ``Signer(certificate, chain)``.
        request: a signature, filling in and sealing, or the signature of an annex; at level ``B-B`` or ``B-T``: a
            higher one is reached by extending the completed document.
        user: who alone may complete it, as the caller names its users.
        tsa: to be used when completing at level ``B-T``: tells how much room its token needs.
        at: aware claimed time of signing; None: now. It may be completed for ``LASTS`` from then on.

    Raises:
        As ``signing.sign.sign``, ``signing.seal.fill_and_seal`` or ``signing.annex.sign_annex``, but for key and
        authority, not asked yet.
    """
    at = moment(at)
    if request.level not in ("B-B", "B-T"):
        raise ValueError(f"no level {request.level!r} in two steps")
    if isinstance(request, SealRequest):
        opened, mark = begin_seal(pdf, signer, request, trust, at=at, limits=limits)
    elif isinstance(request, AnnexRequest):
        opened, mark = begin_annex(pdf, signer, request, trust, at=at, limits=limits)
    else:
        opened, mark = begin(pdf, signer, request, trust, at=at, limits=limits)
    token_room = None
    if request.level == "B-T":
        token_room = max(FIRST_ROOM, 0 if tsa is None else tsa.room)
    begun = opened.begin(signer, mark, token_room=token_room, at=at)
    begun.stream.seek(0)
    return Pending(
        pdf=begun.stream.read(),
        identifier=secrets.token_hex(16),
        user=user,
        field=request.field,
        document_sha256=hashlib.sha256(pdf).hexdigest(),
        length=len(pdf),
        start=begun.start,
        end=begun.end,
        digest=begun.how.digest,
        mechanism=begun.how.mechanism,
        to_sign=begun.to_sign,
        certificate=signer.certificate,
        chain=signer.chain,
        level=request.level,
        at=at,
        until=at + LASTS,
    )


def complete(
    pending: Pending,
    value: bytes,
    trust: Trust,
    *,
    user: str,
    tsa: Tsa | None = None,
    at: datetime | None = None,
    claim: Callable[[Pending], bool] = _ONCE,
) -> Signed:
    """Put the value into the prepared document, once everything about it has been checked.

    Args:
        value: what the key elsewhere answered for ``pending.to_sign``; ECDSA as DER or as two bare numbers.
        user: who completes it.
        tsa: needed at level ``B-T``.
        at: aware moment of completing; None: now.
        claim: called last, when the value has proved right; tells whether this one was not completed before, and
            remembers it. Of two at the same time one wins. A value that is refused uses nothing up. The default
            remembers within this process (``Once``); where several complete, give one that all of them share.

    Raises:
        NotPermitted: ``other_user``, ``pending_used``, ``clock_behind``.
        Expired: ``pending_expired``.
        CertificateUnfit, RevocationDown: the certificate must not sign any more.
        TsaDown: nothing was written; may be completed again.
        ValueRejected: the value is of another document or another key, or the prepared document was changed.
    """
    at, tsa = moment(at), needed_tsa(pending.level, tsa, trust)
    if user != pending.user:
        raise NotPermitted("other_user")
    if at > pending.until or pending.until - pending.at > LASTS:
        raise Expired("pending_expired", pending.until.isoformat())
    if at < pending.at - _SKEW:
        raise NotPermitted("clock_behind", f"{at.isoformat()} before {pending.at.isoformat()}")
    require_signer(pending.certificate, pending.chain, trust, at=max(at, pending.at))
    before = pending.pdf[: pending.length]
    if hashlib.sha256(before).hexdigest() != pending.document_sha256:
        raise ValueRejected("input_changed")
    signer = Signer(pending.certificate, pending.chain, pss=pending.mechanism == "pss")
    begun = Begun(
        io.BytesIO(pending.pdf),
        pending.length,
        pending.start,
        pending.end,
        signer=signer,
        field=pending.field,
        at=pending.at,
    )
    if begun.to_sign != pending.to_sign or scheme(signer).digest != pending.digest:
        raise ValueRejected("digest_mismatch", "the prepared document was changed")
    signed = begun.signed(value, before, trust, tsa=tsa)
    if not claim(pending):
        raise NotPermitted("pending_used", pending.identifier)
    return signed


def read_certificates(raw: bytes) -> tuple[bytes, ...]:
    """Certificates (DER) of a PEM or DER file, in its order.

    Raises:
        CertificateUnfit: ``certificate_unreadable``.
    """
    try:
        if b"-----BEGIN" in raw:
            found = x509.load_pem_x509_certificates(raw)
        else:
            found = [x509.load_der_x509_certificate(raw)]
    except ValueError as error:
        raise CertificateUnfit("certificate_unreadable") from error
    return tuple(c.public_bytes(Encoding.DER) for c in found)


def add_command(subparsers: Any) -> None:
    """Add ``prepare`` and ``complete`` to ``python -m signing``."""
    first = subparsers.add_parser("prepare", help="first step for a key elsewhere: say which bytes it must sign")
    first.add_argument("input", type=Path)
    first.add_argument("state", type=Path, help="to be written; STATE.tosign beside it holds the bytes to be signed")
    first.add_argument("--cert", type=Path, required=True, help="the signer's certificate, issuers behind it (PEM)")
    first.add_argument("--field", required=True, help="name of the empty signature field")
    first.add_argument("--certify", action="store_true", help="certification signature")
    first.add_argument("--lock", action="store_true", help="nothing may change after this signature")
    first.add_argument("--stamp", type=Path, help="PNG to be shown in the field")
    first.add_argument("--reason", default="")
    first.add_argument("--pss", action="store_true", help="the RSA key signs with PSS")
    first.add_argument("--level", choices=("B-B", "B-T"), default="B-B")
    second = subparsers.add_parser("complete", help="second step: put the value the key elsewhere gave into the PDF")
    second.add_argument("state", type=Path)
    second.add_argument("value", type=Path, help="file with the bare value")
    second.add_argument("output", type=Path)
    second.add_argument("--tsa", help="URL of a time-stamp authority, for level B-T")
    for parser in (first, second):
        parser.add_argument("--user", default="", help="who signs; must be the same in both steps")
        parser.add_argument("--trust", type=Path, help="folder of anchors: chain and revocation are asked")
        parser.add_argument("--at", type=datetime.fromisoformat, help="moment with time zone; default: now")
    first.set_defaults(run=lambda arguments: _told(_prepare, arguments.input, arguments))
    second.set_defaults(run=lambda arguments: _told(_complete, arguments.state, arguments))


def _told(deed: Callable[[argparse.Namespace], str], about: Path, arguments: argparse.Namespace) -> int:
    """0: done; 1: refused, with the reason on standard error; 64: files that cannot be read or written."""
    try:
        sys.stdout.write(deed(arguments))
    except SigningError as error:
        sys.stderr.write(f"{about}: {error.sentence(locale())} ({error})\n")
        return 1
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{about}: {error}\n")
        return 64
    return 0


def _prepare(arguments: argparse.Namespace) -> str:
    certificate, *chain = read_certificates(arguments.cert.read_bytes())
    pending = prepare(
        arguments.input.read_bytes(),
        Signer(certificate, tuple(chain), pss=arguments.pss),
        Request(
            field=arguments.field,
            kind="certification" if arguments.certify else "approval",
            stamp=Stamp(arguments.stamp.read_bytes()) if arguments.stamp else None,
            reason=arguments.reason,
            level=arguments.level,
            lock_all=arguments.lock,
        ),
        Trust.load(arguments.trust) if arguments.trust else Trust(),
        user=arguments.user,
        at=arguments.at,
    )
    descriptor = os.open(arguments.state, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pending.to_bytes())
    Path(f"{arguments.state}.used").unlink(missing_ok=True)  # it spoke of what stood in this file before
    to_sign = Path(f"{arguments.state}.tosign")
    to_sign.write_bytes(pending.to_sign)
    return f"{to_sign}: {pending.mechanism} {pending.digest} {pending.hash.hex()}, until {pending.until.isoformat()}\n"


def _complete(arguments: argparse.Namespace) -> str:
    def claim(_: Pending) -> bool:
        try:
            os.close(os.open(f"{arguments.state}.used", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        return True

    signed = complete(
        Pending.from_bytes(arguments.state.read_bytes()),
        arguments.value.read_bytes(),
        Trust.load(arguments.trust) if arguments.trust else Trust(),
        user=arguments.user,
        tsa=HttpTsa(arguments.tsa) if arguments.tsa else None,
        at=arguments.at,
        claim=claim,
    )
    arguments.output.write_bytes(signed.pdf)
    return f"{arguments.output}: {signed.level}, {signed.field}, sha256 {signed.sha256}\n"

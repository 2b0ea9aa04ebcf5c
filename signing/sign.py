"""Signs a PDF in a field that was placed for it: PAdES baseline B-B to B-LTA, with a visible stamp."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

from signing.errors import SigningError
from signing.extend import known_status, lasting, source_of
from signing.fitness import require_signer
from signing.increment import Increment, Mark, Signed
from signing.keys import Identity, Key, SoftKey
from signing.results import Limits
from signing.revocation import Source
from signing.stamp import Stamp, handwriting
from signing.trust import Trust
from signing.tsa import HttpTsa, Tsa

__all__ = ["Level", "Request", "Signed", "Stamp", "add_command", "sign"]

Level = Literal["B-B", "B-T", "B-LT", "B-LTA"]


@dataclass(frozen=True)
class Request:
    """What is to be signed, and how.

    Args:
        field: name of the empty signature field.
        kind: ``certification`` (must be the first; later only filling in and signing: DocMDP level 2) or ``approval``.
        stamp: picture to be shown in the field.
        reason, location, name: said in the signature dictionary; not shown on the page.
        level: ``B-B``, ``B-T`` with a time-stamp over the signature, ``B-LT`` with evidence of status too, ``B-LTA``
            with a time-stamp over all of it.
        lock_all: after this signature nothing may be filled in, changed or signed any more.
    """

    field: str
    kind: Literal["certification", "approval"] = "approval"
    stamp: Stamp | None = None
    reason: str = ""
    location: str = ""
    name: str = ""
    level: Level = "B-B"
    lock_all: bool = False


def sign(
    pdf: bytes,
    key: Key,
    request: Request,
    trust: Trust,
    *,
    tsa: Tsa | None = None,
    source: Source | None = None,
    at: datetime | None = None,
    limits: Limits = Limits(),
) -> Signed:
    """Sign a PDF by incremental updates; the input is the beginning of the output, byte for byte.

    Everything that can be refused is refused before the key is asked; digest and value are checked before the answer.

    Args:
        pdf: the document with the empty field.
        key: unlocked for exactly this document where it comes from the key agent.
        trust: with anchors: chain, revocation and the time-stamp's chain are asked too; needed from ``B-LT`` on.
        tsa: needed from level ``B-T`` on.
        source: from level ``B-LT`` on: tells the status of certificates; None: the lists of ``trust``.
        at: aware moment of signing; None: now.

    Raises:
        CertificateUnfit, RevocationDown: see ``signing.fitness.require_signer``.
        NotPermitted: ``field_missing``, ``field_taken``, ``document_locked``, ``certification_not_first``,
            ``encrypted``, ``stamp_too_large``.
        NotAPdf, Damaged, OverLimit: the file cannot be used.
        KeyUnavailable, TsaDown: nothing was written; try again.
        ValueRejected: the value does not fit the document and the certificate.
    """
    at, tsa = moment(at), needed_tsa(request.level, tsa, trust)
    opened, mark = begin(pdf, key, request, trust, source=source, at=at, limits=limits)
    signed = opened.finish(key, mark, stamp_trust(request.level, trust), tsa=tsa, at=at)
    return lasting(signed, request.level, trust, tsa=tsa, source=source, limits=limits)


def begin(
    pdf: bytes | BinaryIO,
    signer: Identity,
    request: Request,
    trust: Trust,
    *,
    at: datetime,
    source: Source | None = None,
    limits: Limits = Limits(),
) -> tuple[Increment, Mark]:
    """Refuse whatever can be refused before a key is asked; what every way of signing begins with.

    Args:
        pdf: the document, or a file opened by ``signing.increment.appending``.

    Raises:
        All that ``sign`` names but KeyUnavailable, TsaDown and ValueRejected.
    """
    require_signer(signer.certificate, signer.chain, known_status(signer, trust, source, at=at), at=at)
    opened = Increment(pdf, limits)
    mark = Mark(
        field=request.field,
        certify=2 if request.kind == "certification" else None,
        lock=request.lock_all,
        stamp=request.stamp,
        name=request.name,
        reason=request.reason,
        location=request.location,
    )
    opened.require_room(mark)
    return opened, mark


def moment(at: datetime | None) -> datetime:
    """The moment of signing to the second, since a PDF knows no finer one; None: now."""
    at = at or datetime.now(UTC)
    if at.tzinfo is None:
        raise ValueError("the moment of signing needs a time zone")
    return at.replace(microsecond=0)


def needed_tsa(level: str, tsa: Tsa | None, trust: Trust) -> Tsa | None:
    """The authority to be asked at this level; B-B asks none."""
    if level == "B-B":
        return None
    if level not in ("B-T", "B-LT", "B-LTA"):
        raise ValueError(f"no level {level!r}")
    if tsa is None:
        raise ValueError(f"level {level!r} needs a time-stamp authority")
    if level != "B-T" and not trust.anchors:
        raise ValueError(f"level {level!r} needs anchors of trust")
    return tsa


def stamp_trust(level: str, trust: Trust) -> Trust:
    """What the chain of a new time-stamp is checked with at once; from B-LT on the gathering of evidence does it."""
    return trust if level == "B-T" else Trust()


def add_command(subparsers: Any) -> None:
    """Add ``sign`` to ``python -m signing``."""
    parser = subparsers.add_parser("sign", help="sign a PDF in an empty field")
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument(
        "--key",
        type=Path,
        required=True,
        help="NAME.p12, or NAME.key with NAME.crt beside it; or pkcs11:token=LABEL?module-path=FILE",
    )
    parser.add_argument("--field", required=True, help="name of the empty signature field")
    parser.add_argument("--trust", type=Path, help="folder of anchors: chain and revocation are asked before signing")
    parser.add_argument("--tsa", help="URL of a time-stamp authority: level B-T unless --level says more")
    parser.add_argument("--level", choices=("B-B", "B-T", "B-LT", "B-LTA"), help="from B-LT on with --trust and --tsa")
    parser.add_argument(
        "--allow",
        action="append",
        metavar="HOST[:PORT]",
        help="from B-LT on: ask OCSP and revocation lists of this host; without it only the trust folder is asked",
    )
    parser.add_argument(
        "--certify", action="store_true", help="certification signature: later only filling in, signing"
    )
    parser.add_argument("--lock", action="store_true", help="nothing may change after this signature")
    parser.add_argument("--stamp", type=Path, help="PNG to be shown in the field; 'test' draws a test signature")
    parser.add_argument("--reason", default="")
    parser.add_argument("--at", type=datetime.fromisoformat, help="moment of signing with time zone; default: now")
    parser.add_argument("--password-file", type=Path, help="otherwise SIGNING_PASSWORD, otherwise asked for")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """0: signed; 1: refused, with the reason on standard error; 64: files that cannot be read or written."""
    try:
        signed = _signed(arguments)
        arguments.output.write_bytes(signed.pdf)
    except SigningError as error:
        sys.stderr.write(f"{arguments.input}: {error.sentence(locale())} ({error})\n")
        return 1
    except (OSError, EOFError, ValueError) as error:
        sys.stderr.write(f"{arguments.input}: {error}\n")
        return 64
    sys.stdout.write(f"{arguments.output}: {signed.level}, {signed.field}, sha256 {signed.sha256}\n")
    return 0


def locale() -> str:
    """Language of the terminal."""
    return "vi" if os.environ.get("LANG", "").startswith("vi") else "en"


def _signed(arguments: argparse.Namespace) -> Signed:
    pdf = arguments.input.read_bytes()
    stamp = None
    if arguments.stamp is not None:
        drawn = str(arguments.stamp) == "test"
        stamp = Stamp(handwriting(arguments.key.stem) if drawn else arguments.stamp.read_bytes())
    request = Request(
        field=arguments.field,
        kind="certification" if arguments.certify else "approval",
        stamp=stamp,
        reason=arguments.reason,
        level=arguments.level or ("B-T" if arguments.tsa else "B-B"),
        lock_all=arguments.lock,
    )
    trust = Trust.load(arguments.trust) if arguments.trust else Trust()
    tsa = HttpTsa(arguments.tsa) if arguments.tsa else None
    key = _key(arguments.key, _password(arguments.password_file))
    source = source_of(trust, arguments.allow) if request.level in ("B-LT", "B-LTA") else None
    return sign(pdf, key, request, trust, tsa=tsa, source=source, at=arguments.at)


def _key(given: Path, password: str) -> Key:
    if not str(given).startswith("pkcs11:"):
        return SoftKey.load(given, password)
    from signing.pkcs11 import key_at

    return key_at(str(given), password)


def _password(file: Path | None) -> str:
    if file is not None:
        return file.read_text("utf-8").rstrip("\r\n")
    return os.environ.get("SIGNING_PASSWORD") or getpass.getpass("Password of the key: ")

"""Adds what keeps signatures checkable for years: evidence (level B-LT) and a time-stamp over it all (level B-LTA)."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from asn1crypto import crl as asn1_crl
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from pyhanko.sign.fields import SigFieldSpec
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.constants import ESIC_EXTENSION_1
from pyhanko.sign.signers.pdf_byterange import DocumentTimestamp
from pyhanko.sign.validation.dss import DocumentSecurityStore

from signing.byterange import GuardFault, container
from signing.chain import Evidence, Status, utc
from signing.cms import Container, open_container, open_token
from signing.errors import CertificateUnfit, NotPermitted, RevocationDown, SigningError, TsaDown, ValueRejected
from signing.increment import Increment, Signed, reading
from signing.keys import Identity
from signing.objects import entry
from signing.results import Integrity, Limits, TrustLevel
from signing.revocation import Gathered, Online, Source, Stored, gather
from signing.trust import Trust
from signing.tsa import HttpTsa, Tsa, check_token

__all__ = ["Extended", "Level", "add_command", "extend"]

Level = Literal["B-LT", "B-LTA"]

_ALGORITHM = "sha256"
_CHUNK = 1024 * 1024
_store: Any = DocumentSecurityStore
_document_stamp: Any = DocumentTimestamp


@dataclass(frozen=True)
class Extended:
    """A document with evidence, and what was put into it.

    Args:
        pdf: the whole file; the input is its beginning, byte for byte.
        sha256: lower-case hex of ``pdf``.
        level: what the document was brought to.
        fields: names of the signatures and time-stamps evidence was gathered for.
        stamp_field: field of the new document time-stamp, "" when none was added; stamped_at: what it says.
        evidence: per field, in the order of ``fields``.
    """

    pdf: bytes = field(repr=False)
    sha256: str
    level: Level
    fields: tuple[str, ...]
    stamp_field: str
    stamped_at: datetime | None
    evidence: tuple[Gathered, ...] = field(repr=False)


@dataclass
class _Part:
    """One signature or document time-stamp of the file, its digest and value checked."""

    field: str
    raw: bytes
    container: Container
    end: int
    stamp: bool
    times: list[tuple[datetime, Container]]

    def people(self) -> list[tuple[bool, Container]]:
        """Whose certificates are involved: its authorities of time-stamps (True) and its signer (False)."""
        own = [] if self.stamp else [(False, self.container)]
        return [*((True, one) for _, one in self.times), *own]


def extend(
    pdf: bytes,
    trust: Trust,
    *,
    level: Level,
    tsa: Tsa | None = None,
    source: Source | None = None,
    at: datetime | None = None,
    limits: Limits = Limits(),
) -> Extended:
    """Add evidence of status for every signature and time-stamp of a document, and a time-stamp over all of it.

    Called again on a document of level B-LTA it renews the protection: evidence about the last time-stamp, then a new
    one, which must happen before the certificate of the last one ends (ETSI EN 319 142-1, 5.4 and 5.5). Evidence and
    document time-stamps are allowed in every document, also in one that allows nothing else (ISO 32000-2, 12.8.2.2.2).

    Args:
        pdf: the signed document, of which no byte will change.
        trust: anchors every chain must lead to; its lists serve as evidence where ``source`` is not given.
        level: ``B-LT``: evidence; ``B-LTA``: a document time-stamp too. A signature without a time-stamp gets a
            document time-stamp in both cases, since nothing else proves when it was made.
        tsa: needed where a time-stamp is added.
        source: tells the status of certificates.
        at: aware moment of the extension; None: now.

    Raises:
        RevocationDown, TsaDown: nothing was written; try again. ``timestamp_untrusted``: a stamp of the document, or
            the new one, does not come from a trusted authority.
        CertificateUnfit: a signer's certificate leads to no anchor, was revoked before the proven time, or has expired
            without a proof; evidence would not help.
        NotPermitted: ``not_signed``, ``encrypted``.
        ValueRejected: a signature of the document is broken.
        NotAPdf, Damaged, OverLimit: the file cannot be used.
        ValueError: no anchors, or no authority where a time-stamp is needed.
    """
    moment = utc(at or datetime.now(UTC))
    if not trust.anchors:
        raise ValueError("evidence needs anchors of trust")
    if level == "B-LTA" and tsa is None:
        raise ValueError("level 'B-LTA' needs a time-stamp authority")
    source = source or Stored(trust)
    opened = Increment(pdf, limits)
    parts = _parts(opened)
    unproven = [part.field for part in parts if not part.stamp and not part.times and not _later(part, parts)]
    if level == "B-LT" and unproven:
        if tsa is None:
            raise ValueError(f"no time-stamp proves when {unproven[0]!r} was signed: a time-stamp authority is needed")
        out, field_name, stamped = _stamp(opened, tsa, trust, source, at=moment)
        opened = Increment(out, limits)
        parts = _parts(opened)
    else:
        field_name, stamped = "", None
    gathered = _evidence(opened, parts, trust, source, at=moment)
    _keep(opened, parts, gathered)
    if level == "B-LTA" and tsa is not None:
        out, field_name, stamped = _stamp(opened, tsa, trust, source, at=moment)
    else:
        out = opened.written()
    return Extended(
        pdf=out,
        sha256=hashlib.sha256(out).hexdigest(),
        level=level,
        fields=tuple(part.field for part in parts),
        stamp_field=field_name,
        stamped_at=stamped,
        evidence=tuple(gathered),
    )


def known_status(signer: Identity, trust: Trust, source: Source | None, *, at: datetime) -> Trust:
    """The trust together with what a source tells of a signer now, so that it is asked before the key is.

    Raises:
        RevocationDown: the signer's status cannot be told. CertificateUnfit: ``certificate_revoked``.
    """
    if source is None or isinstance(source, Stored):  # lists of a folder are looked at with the trust itself
        return trust
    certificate = x509.load_der_x509_certificate(signer.certificate)
    chain = Evidence(trust, signer.chain).chain(certificate)
    return gather(chain, source, moment=at, at=at).added_to(trust) if chain else trust


def lasting(
    signed: Signed,
    level: str,
    trust: Trust,
    *,
    tsa: Tsa | None,
    source: Source | None,
    limits: Limits,
    at: datetime | None = None,
) -> Signed:
    """A document just signed, brought to the level that was asked for; B-B and B-T are what they are.

    Args:
        at: aware moment, where it is another than the claimed time of signing.

    Raises:
        As ``extend``: then the signature is not kept either, nothing was written.
    """
    if level not in ("B-LT", "B-LTA"):
        return signed
    wanted: Level = "B-LTA" if level == "B-LTA" else "B-LT"
    moment = at or signed.claimed_time
    done = extend(signed.pdf, trust, level=wanted, tsa=tsa, source=source, at=moment, limits=limits)
    return replace(signed, pdf=done.pdf, sha256=done.sha256, level=level)


def informed(pdf: bytes, trust: Trust, source: Source, *, at: datetime, limits: Limits = Limits()) -> Trust:
    """The trust with what a source tells today of everybody who signed a document, for verifying with a network.

    A fault of the document and a silent responder leave out what is not known; the verifier then says so.

    Args:
        at: aware moment of the check.
    """
    answers: list[Status] = []
    try:
        opened = Increment(pdf, limits)
        with reading():
            pool = _stored(opened)[0]
        people = [person for part in _parts(opened, lenient=True) for person in part.people()]
    except SigningError:
        return trust
    held = Evidence(trust, [*(der for _, one in people for der in one.pool), *pool])
    for tsa, one in people:
        chain = held.chain(one.certificate, tsa=tsa) if one.certificate is not None else ()
        for below, above in pairwise(chain):
            try:
                answers.append(source.status(below, above, at=at))
            except Exception:  # noqa: S112  hostile extensions raise anything; what is not known is told by the verifier
                continue
    return Gathered((), tuple(answers)).added_to(trust)


# what the document holds --------------------------------------------------------------------------------------


def _parts(opened: Increment, *, lenient: bool = False) -> list[_Part]:
    """Every signature and document time-stamp, in the order they were made; ``lenient``: the broken ones left out."""
    found = []
    for name, value in opened.signatures():
        try:
            with reading():
                numbers = tuple(int(number) for number in value["/ByteRange"])
                kind = str(entry(value, "/Type", "/Sig")), str(entry(value, "/SubFilter", ""))
            found.append(_part(opened.pdf, name, numbers, stamp="/DocTimeStamp" in kind or "/ETSI.RFC3161" in kind))
        except SigningError:
            if not lenient:
                raise
    if not found:
        raise NotPermitted("not_signed")
    return sorted(found, key=lambda part: part.end)


def _part(pdf: bytes, name: str, numbers: tuple[int, ...], *, stamp: bool) -> _Part:
    if len(numbers) != 4 or numbers[0] != 0 or not 0 < numbers[1] < numbers[2] <= numbers[2] + numbers[3] <= len(pdf):
        raise ValueRejected("byterange_malformed", name)
    _, before, after, rest = numbers
    raw = pdf[before:after]
    if raw[:1] != b"<" or raw[-1:] != b">":
        raise ValueRejected("byterange_gap", name)
    digest = _digest_of(pdf, before, after, after + rest)
    times: list[tuple[datetime, Container]] = []
    try:
        der = container(raw[1:-1])
    except (GuardFault, ValueError) as error:
        raise ValueRejected("container_unreadable", name) from error
    if stamp:
        token = open_token(der, digest)
        held = token.container
        if token.time is None or held.certificate is None:
            raise ValueRejected("timestamp_invalid", name)
        times.append((utc(token.time), held))
    else:
        held = open_container(der, digest)
        if held.integrity is not Integrity.OK or held.certificate is None:
            raise ValueRejected(held.code or "container_unreadable", name)
        for one in held.tokens:
            token = open_token(one, lambda algorithm: hashlib.new(algorithm, held.value).digest())
            if token.time is not None and token.container.certificate is not None:
                times.append((utc(token.time), token.container))
    return _Part(name, raw[1:-1], held, after + rest, stamp, times)


def _digest_of(pdf: bytes, before: int, after: int, end: int) -> Callable[[str], bytes]:
    def digest(algorithm: str) -> bytes:
        state = hashlib.new(algorithm, usedforsecurity=False)
        with memoryview(pdf) as view:
            state.update(view[:before])
            state.update(view[after:end])
        return state.digest()

    return digest


def _later(part: _Part, parts: list[_Part]) -> datetime | None:
    """The earliest time a document time-stamp over this part proves."""
    return min((time for one in parts if one.stamp and one.end > part.end for time, _ in one.times), default=None)


# evidence -----------------------------------------------------------------------------------------------------


def _evidence(
    opened: Increment, parts: list[_Part], trust: Trust, source: Source, *, at: datetime
) -> list[Gathered]:
    """Evidence for each part: its signer, its time-stamps, and whoever answered about them."""
    with reading():
        certificates, crls, ocsps = _stored(opened)
    pool = [der for part in parts for _, one in part.people() for der in one.pool]
    held = Evidence(trust, [*pool, *certificates], crls=crls, ocsps=ocsps)
    found = []
    for part in parts:
        proven = _later(part, parts) or at
        chains = [_Chain(one.certificate, proven, tsa=True) for _, one in part.times if one.certificate is not None]
        if not part.stamp and part.container.certificate is not None:
            times = [time for time, _ in part.times]
            chains.append(_Chain(part.container.certificate, min([*times, proven]), tsa=False))
        found.append(_joined([_trusted(chain, held, source, at=at) for chain in chains]))
    return found


@dataclass(frozen=True)
class _Chain:
    certificate: x509.Certificate
    moment: datetime
    tsa: bool


def _trusted(wanted: _Chain, held: Evidence, source: Source, *, at: datetime) -> Gathered:
    """Evidence for one chain, with which the verifier's own rules call it trusted; otherwise it is refused."""
    chain = held.chain(wanted.certificate, tsa=wanted.tsa)
    if not chain:
        raise _refused("no_chain", tsa=wanted.tsa)
    try:
        gathered = gather(chain, source, moment=wanted.moment, at=at, held=held)
    except CertificateUnfit as error:
        raise _refused(error.code, tsa=wanted.tsa, detail=error.detail) from error
    judge = held.knowing(gathered.crls, gathered.ocsps)
    purpose = "tsa" if wanted.tsa else "signer"
    standing = judge.standing(wanted.certificate, wanted.moment, purpose=purpose, proven=True, claimed=None)
    if standing.trust is not TrustLevel.TRUSTED:
        raise _refused(standing.code, tsa=wanted.tsa, detail=standing.detail)
    return gathered


def _refused(code: str, *, tsa: bool, detail: str = "") -> SigningError:
    if code == "status_unknown":
        return RevocationDown(detail=detail)
    if tsa:
        return TsaDown("timestamp_untrusted", f"{code} {detail}".strip())
    return CertificateUnfit("certificate_expired" if code == "certificate_expired_at_signing" else code, detail)


def _joined(found: list[Gathered]) -> Gathered:
    certificates = dict.fromkeys(der for one in found for der in one.certificates)
    answers = {one.der: one for gathered in found for one in gathered.answers}
    return Gathered(tuple(certificates), tuple(answers.values()))


# writing ------------------------------------------------------------------------------------------------------


def _stored(opened: Increment) -> tuple[list[bytes], list[bytes], list[bytes]]:
    store = entry(opened.writer.root, "/DSS", {})
    found = [[item.get_object().data for item in entry(store, key, ())] for key in ("/Certs", "/CRLs", "/OCSPs")]
    return found[0], found[1], found[2]


def _keep(opened: Increment, parts: list[_Part], gathered: list[Gathered]) -> None:
    """Write the document security store: every item once, what is there already stays, one VRI per signature."""
    with reading():
        for part, one in zip(parts, gathered, strict=True):
            _store.supply_dss_in_writer(
                opened.writer,
                part.raw,  # the digits as they stand in the file are what a VRI is named after
                certs=[asn1_x509.Certificate.load(der) for der in one.certificates],
                ocsps=[asn1_ocsp.OCSPResponse.load(der) for der in one.ocsps],
                crls=[asn1_crl.CertificateList.load(der) for der in one.crls],
            )
        _announce(opened)


def _announce(opened: Increment) -> None:
    """Say in a file older than PDF 2.0 that it holds evidence or document time-stamps (ETSI EN 319 142-1, 5.4)."""
    if opened.writer.output_version < (2, 0):
        opened.writer.register_extension(ESIC_EXTENSION_1)


def _stamp(
    opened: Increment, tsa: Tsa, trust: Trust, source: Source, *, at: datetime
) -> tuple[bytes, str, datetime]:
    """Write the update with a document time-stamp over the whole of it, and check the stamp from the kept bytes."""
    room = tsa.room
    with reading():
        fields = entry(entry(opened.writer.root, "/AcroForm", {}), "/Fields", ())
        names = {str(entry(ref.get_object(), "/T", "")) for ref in fields}
        field_name = next(name for number in range(1, len(names) + 2) if (name := f"timestamp{number}") not in names)
        _announce(opened)
        steps: Any = PdfCMSEmbedder(SigFieldSpec(field_name)).write_cms(field_name, opened.writer)
        next(steps)
        steps.send(SigObjSetup(sig_placeholder=_document_stamp(bytes_reserved=2 * room)))
        setup = SigIOSetup(md_algorithm=_ALGORITHM, in_place=True, chunk_size=_CHUNK)
        prepared, _ = steps.send(setup)
    token = tsa.stamp(prepared.document_digest, _ALGORITHM)
    start, end = prepared.reserved_region_start, prepared.reserved_region_end
    if 2 * len(token) > end - start - 2:
        raise TsaDown("timestamp_invalid", f"{len(token)} bytes do not fit")
    steps.send(token)
    steps.close()
    pdf = opened.output()
    if not pdf.startswith(opened.pdf):
        raise ValueRejected("input_changed")
    part = _part(pdf, field_name, (0, start, end, len(pdf) - end), stamp=True)
    stamped = check_token(token, _digest_of(pdf, start, end, len(pdf))(_ALGORITHM), _ALGORITHM)
    certificate = x509.load_der_x509_certificate(stamped.certificate)
    held = Evidence(trust, part.container.pool)
    _trusted(_Chain(certificate, max(at, utc(stamped.time)), tsa=True), held, source, at=at)
    return pdf, field_name, utc(stamped.time)


# command ------------------------------------------------------------------------------------------------------


def source_of(trust: Trust, allowed: Sequence[str] | None, *, cache: Path | None = None) -> Source:
    """The trust folder alone, or the responders on some hosts before it."""
    stored = Stored(trust)
    return Online(allowed, stored=stored, cache=cache) if allowed else stored


def add_command(subparsers: Any) -> None:
    """Add ``extend`` to ``python -m signing``."""
    parser = subparsers.add_parser("extend", help="add evidence, and a time-stamp over it, to a signed PDF")
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--level", choices=("B-LT", "B-LTA"), required=True)
    parser.add_argument("--trust", type=Path, required=True, help="folder of anchors, with intermediates/ crl/ ocsp/")
    parser.add_argument("--tsa", help="URL of a time-stamp authority; needed for B-LTA")
    parser.add_argument(
        "--allow",
        action="append",
        metavar="HOST[:PORT]",
        help="ask OCSP and revocation lists of this host; without it only the trust folder is asked",
    )
    parser.add_argument("--at", type=datetime.fromisoformat, help="moment of the extension; default: now")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """0: extended; 1: refused, with the reason on standard error; 64: files that cannot be read or written."""
    try:
        trust = Trust.load(arguments.trust)
        done = extend(
            arguments.input.read_bytes(),
            trust,
            level=arguments.level,
            tsa=HttpTsa(arguments.tsa) if arguments.tsa else None,
            source=source_of(trust, arguments.allow),
            at=arguments.at,
        )
        arguments.output.write_bytes(done.pdf)
    except SigningError as error:
        locale = "vi" if os.environ.get("LANG", "").startswith("vi") else "en"
        sys.stderr.write(f"{arguments.input}: {error.sentence(locale)} ({error})\n")
        return 1
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{arguments.input}: {error}\n")
        return 64
    told = f", stamped {done.stamped_at.isoformat()}" if done.stamped_at else ""
    sys.stdout.write(f"{arguments.output}: {done.level}, {', '.join(done.fields)}{told}, sha256 {done.sha256}\n")
    return 0

"""Judges a PDF: every signature in it, what was changed afterwards, and who stands behind each."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from mmap import ACCESS_READ, mmap
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from signing import verdict
from signing.byterange import Cover, GuardFault, container, guard
from signing.chain import Evidence, Standing, is_test, subject, utc
from signing.changes import Comparer, Finding, Rules, View, judged, text
from signing.cms import Container, Token, open_container, open_raw, open_token
from signing.errors import Damaged, DocumentError, NotPermitted, OverLimit
from signing.inspect import latest
from signing.pdf import REVISION_END, Dict, Document, Revision, Stream
from signing.results import (
    Change,
    Integrity,
    Limits,
    Modification,
    Reason,
    SignatureReport,
    TimeSource,
    TrustLevel,
    Verdict,
    Verification,
)
from signing.scan import Found, Scan, title
from signing.trust import Trust
from signing.witness import agrees

ENGINE = "signing 1"
POLICY = "decree-30-2020/1"
_PADES = "ETSI.CAdES.detached"
_STAMP = "ETSI.RFC3161"
_DETACHED = frozenset({_PADES, "adbe.pkcs7.detached"})
_CHUNK = 4 * 1024 * 1024
_IRREGULAR = frozenset({"read_leniently", "hybrid_references", "leading_bytes", "trailing_bytes", "structure_disputed"})
_FATAL = frozenset({"trailing_objects", "unlisted_objects", "references_ambiguous"})
_TOLERANCE = timedelta(minutes=5)
_SPACE = b"\x00\t\n\f\r "


def verify(pdf: bytes | Path, trust: Trust, *, at: datetime | None = None, limits: Limits = Limits()) -> Verification:
    """Judge every signature of a PDF (ETSI EN 319 102-1; ISO 32000-2, 12.8).

    Args:
        pdf: the file's bytes, or where it lies (then it is read in place).
        trust: anchors and evidence; nothing is ever fetched.
        at: moment of the check; now when None.
        limits: bounds; beyond them the file is UNREADABLE.

    Returns:
        The verdict with its reasons. A fault of the document is an answer, never an exception.
    """
    moment = utc(at) if at is not None else datetime.now(UTC)
    try:
        with _opened(pdf, limits) as data:
            return _Check(data, trust, moment, limits).answer()
    except FileNotFoundError:
        return _unreadable("", trust, moment, "file_missing", "")
    except OSError as error:
        return _unreadable("", trust, moment, "damaged", type(error).__name__)
    except OverLimit as error:
        return _unreadable("", trust, moment, error.code, error.detail)


def _opened(pdf: bytes | Path, limits: Limits) -> AbstractContextManager[bytes | mmap]:
    if isinstance(pdf, bytes):
        return nullcontext(pdf)
    size = pdf.stat().st_size
    if size > limits.bytes:
        raise OverLimit("over_limit_bytes", str(size))
    if not size:
        return nullcontext(b"")
    with pdf.open("rb") as file:
        return closing(mmap(file.fileno(), 0, access=ACCESS_READ))


def _unreadable(
    sha256: str, trust: Trust, moment: datetime, code: str, detail: str, notes: tuple[Reason, ...] = ()
) -> Verification:
    return Verification(
        sha256=sha256,
        verdict=Verdict.UNREADABLE,
        signatures=(),
        notes=notes,
        flags=(),
        checked_at=moment,
        policy=policy(trust),
        engine=ENGINE,
        reasons=(Reason(code, detail),),
    )


def policy(trust: Trust) -> str:
    """Name of the rules and generation of the trust that a verdict rests on."""
    return f"{POLICY} {trust.generation}"


@dataclass
class _Case:
    """One signature on its way to a report."""

    found: Found
    reasons: list[Reason] = field(default_factory=list)
    cover: Cover | None = None
    container: Container = field(default_factory=Container)
    tokens: list[Token] = field(default_factory=list)
    stamp: Token | None = None
    revision: Revision | None = None
    rules: Rules = field(default_factory=Rules)
    docmdp: int | None = None
    integrity: Integrity = Integrity.NONE
    subs: list[str] = field(default_factory=list)
    forbidden: bool = False
    late: bool = False
    kind: str = "unknown"
    filter: str = ""
    name: str = ""
    page: int | None = None
    digest: str = ""
    claimed: datetime | None = None
    proven: datetime | None = None
    source: TimeSource | None = None
    standing: Standing = field(default_factory=lambda: Standing(TrustLevel.UNKNOWN))
    token_chain: tuple[x509.Certificate, ...] = ()
    changes: tuple[Change, ...] = ()
    modification: Modification = Modification.NONE
    verdict: Verdict = Verdict.FAILED

    @property
    def end(self) -> int:
        return self.cover.end if self.cover else -1

    def blame(self, code: str, sub: str = "", detail: str = "") -> None:
        """Add a reason, and the sub-indication that goes with it."""
        if all(reason.code != code for reason in self.reasons):
            self.reasons.append(Reason(code, detail))
        if sub:
            self.subs.append(sub)


class _Check:
    """One verification."""

    def __init__(self, data: bytes | mmap, trust: Trust, moment: datetime, limits: Limits) -> None:
        self.data, self.trust, self.moment, self.limits = data, trust, moment, limits
        self.sha256 = ""
        self.notes: dict[str, str] = {}
        self.hasher = _Hasher(data)

    def answer(self) -> Verification:
        """The verdict; whatever goes wrong with this document is part of it."""
        try:
            if len(self.data) > self.limits.bytes:
                raise OverLimit("over_limit_bytes", str(len(self.data)))
            self.sha256 = self.hasher.whole()
            return self._judge()
        except DocumentError as error:
            return _unreadable(self.sha256, self.trust, self.moment, error.code, error.detail, self._notes())
        except MemoryError:
            return _unreadable(self.sha256, self.trust, self.moment, "over_limit_memory", "")
        except Exception as error:  # the last net: a fault of the document must never leave as an exception
            return _unreadable(self.sha256, self.trust, self.moment, "internal_error", type(error).__name__)

    def _judge(self) -> Verification:
        self.document = Document(self.data, self.limits)
        self.comparer = Comparer(self.document)
        self.final = latest(self.document)
        view = self.comparer.view(self.final)
        if not view.pages:
            raise Damaged("damaged", "no pages")
        self.scan = Scan(self.document, self.final, view)
        cases = [_Case(found, name=found.field, page=found.page) for found in self.scan.signatures()]
        for case in cases:
            self._isolated(case, self._guard)
        if cases:
            self._order(cases)
        self._trailing(cases)
        if cases:
            self._witness(view, cases)
            self._trust(cases)
            self._changes(cases)
        reports = tuple(self._report(case, cases) for case in cases)
        notes = self._notes()
        irregular = any(note.code in _IRREGULAR for note in notes)
        return Verification(
            sha256=self.sha256,
            verdict=verdict.of_file((report.verdict for report in reports), irregular=irregular),
            signatures=reports,
            notes=notes,
            flags=self.scan.flags(),
            checked_at=self.moment,
            policy=policy(self.trust),
            engine=ENGINE,
            pages=len(view.pages),
        )

    def _notes(self) -> tuple[Reason, ...]:
        issues = self.document.issues if hasattr(self, "document") else {}
        return tuple(Reason(code, detail) for code, detail in {**issues, **self.notes}.items())

    def _isolated(self, case: _Case, step: Callable[[_Case], None]) -> None:
        """One rotten signature must not hide the others."""
        try:
            step(case)
        except OverLimit:
            raise
        except Exception as error:
            case.integrity = Integrity.BROKEN
            case.blame("container_unreadable", "FORMAT_FAILURE", type(error).__name__)

    # one signature by itself ---------------------------------------------------------------------------------

    def _guard(self, case: _Case) -> None:
        found = case.found
        item = found.dict
        case.filter = str(self.final.resolve(item.get("SubFilter")) or "")
        stamp = item.get("Type") == "DocTimeStamp" or case.filter == _STAMP
        case.kind = "document_timestamp" if stamp else "approval"
        if item.twice:
            case.forbidden = True
            case.blame("byterange_malformed", "FORMAT_FAILURE", "key twice")
        try:
            case.cover = guard(self.data, self.final.resolve(item.get("ByteRange")), found.contents)
        except GuardFault as fault:
            case.integrity = Integrity.BROKEN
            case.blame(fault.code, "FORMAT_FAILURE", fault.detail)
            if fault.code == "byterange_padding" or found.contents is None:
                return
            self._peek(case)
            return
        self._revision(case)
        self._container(case)
        self._rules(case)

    def _peek(self, case: _Case) -> None:
        """Tell the signer's name even when the range is foul; nothing of it is believed."""
        raw = self.final.resolve(case.found.dict.get("Contents"))
        if type(raw) is not bytes or len(raw) > 1 << 20:
            return
        try:
            der = container(raw.hex().encode("ascii"))
        except GuardFault:
            return
        peeked = open_container(der, lambda _: b"")
        case.container = Container(
            Integrity.BROKEN, certificate=peeked.certificate, pool=peeked.pool, algorithm=peeked.algorithm
        )

    def _revision(self, case: _Case) -> None:
        try:
            case.revision = self.document.revision(case.end)
        except Damaged:
            case.revision = self.document.rebuilt(case.end)
        view = self.comparer.view(case.revision)
        names = [(item, view) for item in view.fields.values() if case.revision.resolve(item.value) is case.found.dict]
        if not names and not case.found.permission:
            case.forbidden = True
            case.blame("signature_hidden", "FORMAT_FAILURE")
        if names and not case.found.field:
            case.name = names[0][0].name
            case.forbidden = True
            case.blame("signature_removed", "FORMAT_FAILURE")
        if case.found.fields > 1:
            case.forbidden = True
            case.blame("signature_wrapped", "FORMAT_FAILURE")
        if case.found.field and case.found.kind != "Sig":
            case.forbidden = True
            case.blame("signature_misplaced", "FORMAT_FAILURE")

    def _container(self, case: _Case) -> None:
        cover, item = case.cover, case.found.dict
        assert cover is not None
        digest = self.hasher.of(cover)
        case.claimed = _pdf_date(title(self.final, item, "M"))
        if case.kind == "document_timestamp":
            case.stamp = open_token(cover.container, digest)
            case.container = case.stamp.container
            if case.stamp.code and case.container.integrity is Integrity.OK:
                case.container.integrity, case.container.code = Integrity.BROKEN, "digest_mismatch"
                case.container.sub = "HASH_FAILURE"
        elif case.filter in _DETACHED:
            case.container = open_container(cover.container, digest)
        elif case.filter == "adbe.pkcs7.sha1":
            case.container = open_container(cover.container, digest, sha1_inside=True)
        elif case.filter == "adbe.x509.rsa_sha1":
            case.container = self._bare(case, digest)
        else:
            case.container = Container(Integrity.UNSUPPORTED, "subfilter_unsupported", "POLICY_PROCESSING_ERROR")
        held = case.container
        case.integrity = held.integrity
        case.digest = digest(held.digest_name or "sha256").hex()
        if held.code:
            case.blame(held.code, held.sub, held.detail)
        if held.signing_time is not None:
            case.claimed = utc(held.signing_time)
        if case.stamp is None and held.integrity is Integrity.OK:
            for der in held.tokens:
                case.tokens.append(open_token(der, lambda name: hashlib.new(name, held.value).digest()))

    def _bare(self, case: _Case, digest: Callable[[str], bytes]) -> Container:
        assert case.cover is not None
        value = self.final.resolve(case.found.dict.get("Cert"))
        first = self.final.resolve(value[0]) if type(value) is list and value else value
        if type(first) is not bytes:
            return Container(Integrity.UNSUPPORTED, "signer_certificate_missing", "NO_SIGNING_CERTIFICATE_FOUND")
        return open_raw(case.cover.container, first, digest)

    def _rules(self, case: _Case) -> None:
        """DocMDP, FieldMDP and the field's own lock (ISO 32000-2, 12.8.2 and table 236)."""
        revision = case.revision
        assert revision is not None
        locks: list[tuple[str, frozenset[str]]] = []
        level: int | None = None
        for entry in revision.list(case.found.dict.get("Reference")):
            reference = revision.dict(entry)
            method = revision.resolve(reference.get("TransformMethod"))
            settings = revision.dict(reference.get("TransformParams"))
            if method == "DocMDP":
                allowed = revision.resolve(settings.get("P", 2))
                level = allowed if allowed in (1, 2, 3) else 1
                case.kind = "certification" if self._certifies(case, revision) else case.kind
            elif method == "FieldMDP":
                locks.append(_lock(revision, settings))
        case.docmdp = level if case.kind == "certification" else None
        view = self.comparer.view(revision)
        item = view.fields.get(case.name)
        lock = revision.dict(item.dict.get("Lock")) if item is not None else Dict()
        if lock:
            locks.append(_lock(revision, lock))
            allowed = revision.resolve(lock.get("P"))
            if allowed in (1, 2, 3):
                level = min(level or 3, allowed)
        case.rules = Rules(level, tuple(locks))

    def _certifies(self, case: _Case, revision: Revision) -> bool:
        """A certification is what the catalogue names; without that entry the reference alone says so too."""
        perms = revision.dict(self.comparer.view(revision).catalog.get("Perms"))
        named = revision.resolve(perms.get("DocMDP"))
        return named is None or named is case.found.dict

    # signatures together -------------------------------------------------------------------------------------

    def _order(self, cases: list[_Case]) -> None:
        """Sort into signing order; each signature must lie wholly behind what the earlier ones cover."""
        cases.sort(key=lambda case: (case.end < 0, case.end, case.found.offset))
        guarded = [case for case in cases if case.cover is not None]
        for case in [case for case in guarded if case.kind != "document_timestamp"][1:]:
            case.late = case.kind == "certification"  # ISO 32000-2, 12.8.2.2: nobody can certify what others signed
        for earlier, later in itertools.pairwise(guarded):
            assert later.cover is not None
            if later.cover.before < earlier.end:
                later.forbidden = True
                later.blame("byterange_overlap", "FORMAT_FAILURE")
        work = sum(len(self.data) - case.cover.after for case in guarded if case.cover)
        if work > 40 * self.limits.bytes:
            raise OverLimit("over_limit_seconds", "digests")

    def _trailing(self, cases: list[_Case]) -> None:
        """What follows the last end-of-file marker, and objects no table lists, were signed by nobody."""
        last = self.data.rfind(b"%%EOF")
        tail = bytes(self.data[last + 5 : last + 5 + _CHUNK]) if last >= 0 else b""
        if tail.strip(_SPACE) or last < 0:
            hostile = any(word in tail for word in (b"startxref", b"xref", b"trailer", b" obj", b"endobj"))
            self.notes["trailing_objects" if hostile or last < 0 else "trailing_bytes"] = str(len(tail))
        first = min((case.end for case in cases if case.cover is not None), default=None)
        if first is not None and first < len(self.data):
            offset = self.scan.unlisted(first, len(self.data))
            if offset is None:
                offset = self.scan.unreached(first, len(self.data))
            if offset is not None:
                self.notes["unlisted_objects"] = str(offset)
        sizes = [size for section in self.final.sections if type(size := section.trailer.get("Size")) is int]
        if sizes and first is not None and sizes[0] < max(sizes) and any(
            number >= sizes[0] for section in self.final.sections for number in (*section.plain, *section.packed)
        ):
            # Objects beyond the size are missing for a reader that goes by the standard (ISO 32000-2, table 15).
            self.notes["references_ambiguous"] = f"size {sizes[0]}"
        for section in self.document.sections():
            if section.ambiguous and first is not None and section.offset >= first:
                self.notes["references_ambiguous"] = str(section.offset)
            elif section.ambiguous:
                self.document.issue("read_leniently", f"object listed twice at {section.offset}")
        for code in _FATAL & self.notes.keys():
            for case in cases:
                case.forbidden = True
                case.blame(code, "FORMAT_FAILURE", self.notes[code])

    def _witness(self, view: View, cases: list[_Case]) -> None:
        """A second reader must see the same pages; otherwise nobody can say what a viewer would show."""
        agreed = agrees(self.data, [number for number, _ in view.pages])
        if agreed is False:
            self.notes["structure_disputed"] = ""
            for case in cases:
                case.forbidden = True
                case.blame("structure_disputed", "FORMAT_FAILURE")
        elif agreed is None:
            self.document.issue("read_leniently", "second reader")

    def _trust(self, cases: list[_Case]) -> None:
        certificates, crls, ocsps = self._store()
        for case in cases:
            for held in (case.container, *(token.container for token in case.tokens)):
                certificates += held.pool
                crls += held.crls
                ocsps += held.ocsps
        self.evidence = Evidence(self.trust, certificates, crls=crls, ocsps=ocsps)
        proofs = self._archive(cases)
        for case in cases:
            if case.stamp is None:
                self._isolated(case, lambda one: self._ladder(one, proofs))

    def _store(self) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """Certificates, lists and answers of the document security store (ETSI EN 319 142-1, 5.4.2)."""
        store = self.final.dict(self.comparer.view(self.final).catalog.get("DSS"))
        found: tuple[list[bytes], list[bytes], list[bytes]] = ([], [], [])
        for key, items in zip(("Certs", "CRLs", "OCSPs"), found, strict=True):
            for value in self.final.list(store.get(key))[:200]:
                stream = self.final.resolve(value)
                if type(stream) is Stream:
                    try:
                        items.append(self.document.decode(stream, self.final))
                    except Damaged:
                        continue
        self.stored = bool(store) and bool(found[1] or found[2])
        return found

    def _archive(self, cases: Sequence[_Case]) -> list[tuple[int, datetime]]:
        """Document time-stamps from the last to the first: each is judged at the time the next one proves."""
        proofs: list[tuple[int, datetime]] = []
        moment, proven = self.moment, False
        for case in reversed(cases):
            if case.stamp is None or case.container.certificate is None:
                continue
            case.standing = self.evidence.standing(
                case.container.certificate, moment, purpose="tsa", proven=proven, claimed=case.stamp.time
            )
            time = case.stamp.time
            if case.integrity is not Integrity.OK or time is None:
                continue
            time = utc(time)
            if time > moment + _TOLERANCE:
                case.standing = Standing(TrustLevel.UNKNOWN, "timestamp_order", "TIMESTAMP_ORDER_FAILURE")
            case.proven, case.source = time, TimeSource.DOCUMENT_TIMESTAMP
            if case.standing.trust is TrustLevel.TRUSTED and not case.forbidden:
                proofs.append((case.end, time))
                moment, proven = time, True
        return proofs

    def _ladder(self, case: _Case, proofs: list[tuple[int, datetime]]) -> None:
        """The best proven time of one signature, and its certificate at that time (ETSI EN 319 102-1, 5.3 to 5.6)."""
        certificate = case.container.certificate
        if certificate is None:
            if case.integrity is Integrity.OK:
                case.integrity = Integrity.UNSUPPORTED
            return
        later = min((time for end, time in proofs if end > case.end), default=None)
        for token in case.tokens:
            self._token(case, token, later)
        if case.proven is None and later is not None:
            case.proven, case.source = later, TimeSource.DOCUMENT_TIMESTAMP
        if case.proven is None and case.claimed is not None:
            case.source = TimeSource.CLOCK
        case.standing = self.evidence.standing(
            certificate,
            case.proven or self.moment,
            purpose="signer",
            proven=case.proven is not None,
            claimed=case.claimed,
        )
        doubt = next((reason for reason in case.reasons if reason.code.startswith("timestamp_")), None)
        if doubt is not None and case.standing.trust is TrustLevel.TRUSTED:
            sub = "TIMESTAMP_ORDER_FAILURE" if doubt.code == "timestamp_order" else "NO_POE"
            case.standing = _doubted(case.standing, doubt.code, sub)
        if case.proven is None and case.claimed is not None and case.claimed > self.moment + _TOLERANCE:
            case.standing = _doubted(case.standing, "time_in_future", "OUT_OF_BOUNDS_NO_POE")

    def _token(self, case: _Case, token: Token, later: datetime | None) -> None:
        if token.time is None or token.container.certificate is None:
            case.blame("timestamp_invalid")
            return
        time = utc(token.time)
        standing = self.evidence.standing(
            token.container.certificate, later or self.moment, purpose="tsa", proven=later is not None, claimed=time
        )
        if standing.trust is not TrustLevel.TRUSTED or token.container.weak:
            known = standing.code != "status_unknown"
            case.blame("timestamp_untrusted" if known else "timestamp_unconfirmed", detail=standing.code)
        elif time > (later or self.moment) + _TOLERANCE:
            case.blame("timestamp_order")
        elif case.proven is None or time < case.proven:
            case.proven, case.source = time, TimeSource.SIGNATURE_TIMESTAMP
            case.token_chain = standing.chain

    # changes -------------------------------------------------------------------------------------------------

    def _changes(self, cases: list[_Case]) -> None:
        """Compare revision by revision, once each; then judge every difference for every signature before it."""
        guarded = [case for case in cases if case.cover is not None and case.revision is not None]
        revisions = [(case.end, case.revision) for case in guarded if case.revision is not None]
        revisions.append((len(self.data), self.final))
        steps: list[tuple[int, list[Finding]]] = []
        for (_, old), (end, new) in itertools.pairwise(revisions):
            try:
                steps.append((end, self.comparer.compare(old, new)))
            except OverLimit:
                raise
            except Exception as error:  # what cannot be compared is not permitted
                steps.append((end, [Finding("comparison_impossible", detail=type(error).__name__)]))
        sound: list[int] = []
        for index in range(len(guarded) - 1, -1, -1):
            case = guarded[index]
            earlier = guarded[: index + 1]
            levels = [one.docmdp for one in earlier if one.docmdp is not None]
            own = case.rules.docmdp
            level = min([*levels, *([own] if own is not None else [])], default=None)
            rules = Rules(level, case.rules.locks)
            changes = [
                judged(finding, rules, covered=any(mark >= end for mark in sound))
                for end, findings in steps[index:]
                for finding in findings
            ]
            case.changes = tuple(changes)
            if self._settle(case) is Verdict.PASSED and case.kind != "document_timestamp":
                sound.append(case.end)  # a time-stamp says when, and nobody answers by it for what was filled in
        for case in cases:
            self._settle(case)

    def _settle(self, case: _Case) -> Verdict:
        """The three axes and the verdict of one signature."""
        levels = tuple(Modification)
        case.modification = max((change.level for change in case.changes), key=levels.index, default=Modification.NONE)
        if case.late and case.modification is not Modification.FORBIDDEN:
            case.modification = Modification.LISTED
            case.blame("certification_late", "SIG_CONSTRAINTS_FAILURE")
        if case.forbidden:
            case.modification = Modification.FORBIDDEN
        if any(change.kind == "comparison_impossible" for change in case.changes):
            case.blame("comparison_impossible", "FORMAT_FAILURE")
        elif case.modification is Modification.FORBIDDEN and case.changes:
            case.blame("changed_forbidden", "FORMAT_FAILURE")
        elif any(change.level is Modification.LISTED for change in case.changes):
            case.blame("changed_listed")
        if case.standing.code:
            case.blame(case.standing.code, case.standing.sub, case.standing.detail)
        trust = case.standing.trust
        if case.container.weak and case.integrity is Integrity.OK:
            case.blame("weak_algorithm", "CRYPTO_CONSTRAINTS_FAILURE")
            trust = TrustLevel.UNKNOWN if trust is TrustLevel.TRUSTED else trust
        if case.filter == _PADES and case.integrity is Integrity.OK and case.container.bound is None:
            case.blame("signing_certificate_absent", "SIG_CONSTRAINTS_FAILURE")
            trust = TrustLevel.UNKNOWN if trust is TrustLevel.TRUSTED else trust
        if case.standing.trust is not trust:
            case.standing = _doubted(case.standing, case.standing.code, case.standing.sub)
        case.verdict = verdict.of_signature(case.integrity, case.modification, trust)
        return case.verdict

    # reports -------------------------------------------------------------------------------------------------

    def _level(self, case: _Case, cases: list[_Case]) -> str:
        if case.kind == "document_timestamp":
            return "B-T" if case.integrity is Integrity.OK else "unknown"
        if case.filter not in _DETACHED:
            return "legacy" if case.filter.startswith("adbe.") else "unknown"
        if case.filter != _PADES or not case.container.bound:
            return "legacy" if case.filter != _PADES else "unknown"
        if case.proven is None:
            return "B-B"
        chains = (case.standing.chain, case.token_chain)
        if not self.stored or not all(self.evidence.provided(chain, case.proven) for chain in chains):
            return "B-T"
        stamps = [one for one in cases if one.kind == "document_timestamp" and one.proven and one.end > case.end]
        return "B-LTA" if any(self._holds_evidence(one) for one in stamps) else "B-LT"

    def _holds_evidence(self, stamp: _Case) -> bool:
        """A time-stamp over the evidence; one that only came before it proves when, and keeps nothing."""
        return stamp.revision is not None and "DSS" in self.comparer.view(stamp.revision).catalog

    def _report(self, case: _Case, cases: list[_Case]) -> SignatureReport:
        certificate = case.container.certificate
        chain = case.standing.chain
        ends = self._ends()
        word, sub = verdict.indication(case.verdict, case.subs)
        return SignatureReport(
            field=case.name,
            kind=case.kind,
            verdict=case.verdict,
            indication=word,
            sub_indication=sub,
            integrity=case.integrity,
            modification=case.modification,
            trust=case.standing.trust,
            level=self._level(case, cases),
            signer=subject(certificate, NameOID.COMMON_NAME) if certificate else "",
            organisation=subject(certificate, NameOID.ORGANIZATION_NAME) if certificate else "",
            unit=subject(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME) if certificate else "",
            issuer=_issuer(certificate) if certificate else "",
            anchor=subject(chain[-1], NameOID.COMMON_NAME) if chain else "",
            certificate_sha256=certificate.fingerprint(hashes.SHA256()).hex() if certificate else "",
            certificate_serial=f"{certificate.serial_number:x}" if certificate else "",
            valid_from=certificate.not_valid_before_utc if certificate else None,
            valid_to=certificate.not_valid_after_utc if certificate else None,
            claimed_time=case.claimed,
            proven_time=case.proven,
            time=case.proven or case.claimed,
            time_source=case.source,
            covers_all=(
                case.cover is not None
                and not case.forbidden
                and not bytes(self.data[case.end : case.end + _CHUNK]).strip(_SPACE)
            )
            or (case.cover is not None and bool(case.changes) and self._evidence_only(case)),
            revision=sum(1 for end in ends if end <= case.end) if case.cover else 0,
            revisions=max(len(ends), 1),
            docmdp=case.docmdp,
            locks=case.rules.whole,
            byte_range=_numbers(self.final, case.found.dict),
            digest=case.digest,
            algorithm=case.container.algorithm,
            revocation=case.standing.revocation,
            revocation_source=case.standing.source,
            page=case.page,
            test=is_test((*chain, *([certificate] if certificate else []), *case.token_chain)),
            changes=case.changes,
            reasons=tuple(case.reasons),
            value=case.container.value.hex(),
        )

    def _evidence_only(self, case: _Case) -> bool:
        return all(change.kind in ("dss", "timestamp_added", "metadata") for change in case.changes) and all(
            change.level is Modification.PERMITTED for change in case.changes
        )

    def _ends(self) -> list[int]:
        """Ends of the revisions that the final chain knows."""
        if not hasattr(self, "_known_ends"):
            offsets = {section.offset for section in self.document.sections()}
            self._known_ends = [
                found.end() for found in REVISION_END.finditer(self.data) if int(found.group(1)) in offsets
            ]
        return self._known_ends


class _Hasher:
    """Digests of byte ranges that share their beginnings: the file is read once, not once per signature."""

    def __init__(self, data: bytes | mmap) -> None:
        self._view = memoryview(data)
        self._states: dict[str, tuple[int, hashlib._Hash]] = {}
        self._done: dict[tuple[str, int, int, int], bytes] = {}

    def whole(self) -> str:
        """SHA-256 of the file as lower-case hex."""
        return hashlib.sha256(self._view).hexdigest()

    def of(self, cover: Cover) -> Callable[[str], bytes]:
        """The digest over a cover, by name of the algorithm."""

        def digest(name: str) -> bytes:
            key = (name, cover.before, cover.after, cover.end)
            if key not in self._done:
                reached, state = self._states.get(name, (0, hashlib.new(name, usedforsecurity=False)))
                if reached > cover.before:
                    reached, state = 0, hashlib.new(name, usedforsecurity=False)
                state.update(self._view[reached : cover.before])
                self._states[name] = (cover.before, state)
                own = state.copy()
                own.update(self._view[cover.after : cover.end])
                self._done[key] = own.digest()
            return self._done[key]

        return digest


def _doubted(standing: Standing, code: str, sub: str) -> Standing:
    level = TrustLevel.UNKNOWN if standing.trust is TrustLevel.TRUSTED else standing.trust
    return replace(standing, trust=level, code=standing.code or code, sub=standing.sub or sub)


def _lock(revision: Revision, settings: Dict) -> tuple[str, frozenset[str]]:
    action = str(revision.resolve(settings.get("Action")) or "All")
    names = (text(revision.resolve(item)) for item in revision.list(settings.get("Fields")))
    return (action if action in ("All", "Include", "Exclude") else "All"), frozenset(names)


def _issuer(certificate: x509.Certificate) -> str:
    found = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else certificate.issuer.rfc4514_string()


def _numbers(revision: Revision, item: Dict) -> tuple[int, ...]:
    values = revision.resolve(item.get("ByteRange"))
    return tuple(value for value in values[:8] if type(value) is int) if type(values) is list else ()


def _pdf_date(value: str) -> datetime | None:
    """A PDF date (ISO 32000-2, 7.9.4); None when it is none."""
    digits = value[2:16] if value.startswith("D:") else ""
    try:
        moment = datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        zone = value[16:].replace("'", "")
        if zone[:1] in ("+", "-") and len(zone) >= 3:
            shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5] or 0))
            moment = moment - shift if zone[0] == "+" else moment + shift
    except (ValueError, OverflowError):
        return None
    return moment


def signed_version(pdf: bytes, field: str) -> bytes:
    """The file as it stood when a field was signed.

    Raises:
        DocumentError: the file cannot be read, or the signature's range is foul.
        NotPermitted: no such field, or it is not signed.
    """
    document = Document(pdf, Limits())
    revision = latest(document)
    scan = Scan(document, revision, Comparer(document).view(revision))
    for found in scan.signatures():
        if found.field == field:
            try:
                cover = guard(pdf, revision.resolve(found.dict.get("ByteRange")), found.contents)
            except GuardFault as fault:
                raise Damaged(fault.code, fault.detail) from fault
            return pdf[: cover.end]
    raise NotPermitted("field_missing", field)

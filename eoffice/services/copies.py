"""Certified copies: SAO Y, SAO LỤC and TRÍCH SAO with the agency's signature, in a register and series of their own.

Decree 30/2020 articles 25 to 27: the head decides what is copied, the custodian of the agency's key makes the copy
(articles 32 and 33), and an electronic copy bears the agency's signature alone. The document itself stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select, tuple_

from eoffice.core.clock import local_date
from eoffice.core.desk import Desk, scope
from eoffice.core.errors import FileRefused, InvalidInput, NotFound, SignatureProblem, StaleForm
from eoffice.core.i18n import N_
from eoffice.core.ids import new_id
from eoffice.core.sandbox import SandboxBusy, SandboxError
from eoffice.core.text import file_name, tidy
from eoffice.models.copies import CertifiedCopy
from eoffice.models.directory import Certificate, SigningAuthority
from eoffice.models.documents import Document, DocumentFile, File
from eoffice.rules import authority, kinds, numbering
from eoffice.rules import copies as rules
from eoffice.rules.access import Permission
from eoffice.rules.copies import CopyForm
from eoffice.rules.lifecycle import Direction
from eoffice.services import books, directory, elsewhere, examine, issuing
from eoffice.services.directory import Named
from eoffice.services.elsewhere import Answer
from eoffice.services.examine import Examined
from eoffice.services.verbs import verb

FIELD = "copy"
"""Name of the signature field of a copy."""

ELECTRONIC_CHANNELS = ("intra_system", "axis")
"""Ways on which a document never comes on paper."""

LONGEST = 500
"""Characters of what a copy is for."""

PAGE = 50


@dataclass(frozen=True)
class Wanted:
    """Which copy somebody asks for.

    Args:
        form: code of its kind; see ``rules.copies.CopyForm``.
        file: of the document, of which it is made.
        pages: of an extract, such as ``1-2, 5``.
        purpose: what it is for, and for whom: stands in the register.
        decided_by: post of the leader who decided it (article 27).
    """

    form: str
    file: UUID
    pages: str = ""
    purpose: str = ""
    decided_by: UUID | None = None


@dataclass(frozen=True)
class Laid:
    """What will be signed.

    Args:
        source: file it is made of; pages: those taken, none for all.
        data: the very bytes that get the signature; rewritten: they are not those of the source.
    """

    form: CopyForm
    source: DocumentFile
    pages: tuple[int, ...]
    data: bytes
    rewritten: bool

    @property
    def sha256(self) -> str:
        """Hash of what will be signed: for it the key is opened."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Certified:
    """A finished copy as verified in full, and what it was made of."""

    source_sha256: str
    pages: tuple[int, ...]
    rewritten: bool
    certificate_sha256: str
    examined: Examined


# what may be copied


def sources(document: Document) -> list[DocumentFile]:
    """Files of a document of which copies are made: as they were received, or as they were issued; oldest first."""
    stage = "received" if document.direction == Direction.INCOMING else "sealed"
    return [item for item in document.files if item.stage == stage and item.role != "rendition"]


def is_electronic(document: Document, file: DocumentFile, report: Mapping[str, Any] | None) -> bool:
    """Whether a file is an electronic document and no scan of paper: by the way it came, or the signatures in it.

    Args:
        report: of the verification of the file, None when it was never examined.
    """
    if file.role == "scan":
        return False
    sent = document.message_id is not None or document.channel in ELECTRONIC_CHANNELS
    return sent or document.direction == Direction.OUTGOING or bool(report and report["signatures"])


def possible_forms(document: Document, *, electronic: bool, pages: int) -> list[CopyForm]:
    """The forms the law knows for a file of a document with so many pages; of one page there is no part."""
    of_copy = kinds.by_code(document.kind).copy
    forms = [form for form in CopyForm if rules.obstacle(form, electronic=electronic, of_copy=of_copy) is None]
    return [form for form in forms if form is not CopyForm.EXTRACT or pages > 1]


def deciders(desk: Desk, forms: Sequence[CopyForm] = tuple(CopyForm)) -> dict[UUID, Named]:
    """Leaders of this agency who may sign, and so decide, one of these copies today, the head first (article 27)."""
    given = directory.capacities(desk, desk.agency)
    posts = [post.id for post in directory.leaders(desk) if _may_decide(desk, given.get(post.id, ()), forms)]
    people = directory.named(desk, posts)
    return {post: people[post] for post in posts}


def _may_decide(desk: Desk, rows: Sequence[SigningAuthority], forms: Sequence[CopyForm]) -> bool:
    today = local_date(desk.now())
    given = [row.as_rule() for row in rows]
    return any(
        authority.check([one], capacity=one.capacity, kind=form, on=today) for one in given for form in forms
    )


def _decider(desk: Desk, wanted: Wanted, form: CopyForm) -> tuple[UUID, str]:
    """Post, and name and title, of the leader who decided a copy.

    Raises:
        InvalidInput: nobody named, or somebody who may not.
    """
    people = deciders(desk, (form,))
    if wanted.decided_by is None or wanted.decided_by not in people:
        raise InvalidInput(
            "decider_unknown",
            N_("Please choose the leader who decided that the copy is made. Nothing was changed."),
            field="decided_by",
        )
    found = people[wanted.decided_by]
    return wanted.decided_by, f"{found.name}, {found.title}"


def _purpose(wanted: Wanted) -> str:
    text = tidy(wanted.purpose)
    if not text or len(text) > LONGEST:
        raise InvalidInput(
            "copy_purpose_missing",
            N_("Please write what the copy is for, in up to {most} letters. Nothing was changed."),
            most=LONGEST,
            field="purpose",
        )
    return text


# making one


def lay_out(desk: Desk, document: Document, wanted: Wanted) -> Laid:
    """Check a wish against the law and lay out what will be signed; the same wish gives the same bytes.

    Raises:
        InvalidInput: a form, file, pages or purpose that cannot be; a copy the decree does not know.
        SignatureProblem: ``source_not_valid``: the electronic document does not pass the check.
        Unavailable: every child that opens files is at work.
    """
    form = rules.parse(wanted.form)
    _purpose(wanted)
    _decider(desk, wanted, form)
    source = next((item for item in sources(document) if item.id == wanted.file), None)
    if source is None:
        raise InvalidInput("choice_unknown", field="file")
    stored = examine.verdict_of(desk, source.sha256)
    electronic = is_electronic(document, source, stored.report if stored is not None else None)
    rules.check(form, electronic=electronic, of_copy=kinds.by_code(document.kind).copy)
    total = desk.session.scalars(select(File.pages).where(File.sha256 == source.sha256)).one() or 0
    pages = rules.pages(wanted.pages, total) if form is CopyForm.EXTRACT else _no_pages(wanted)
    if electronic:
        _check_source(desk, source)
    try:
        made = desk.tools.sandbox().call(
            "eoffice.formats.extract.lay_out",
            desk.files.path(source.sha256),
            pages=list(pages),
            raises=(InvalidInput,),
        )
    except SandboxBusy:
        raise
    except SandboxError as error:
        raise FileRefused(
            "copy_impossible",
            N_(
                "No copy can be laid out from this file: it is damaged or too large. Nothing was changed; the "
                "document is kept as it is. Please make the copy on paper."
            ),
            detail=error.code,
            field="file",
        ) from error
    return Laid(form, source, pages, made or desk.files.read(source.sha256), bool(made))


def _no_pages(wanted: Wanted) -> tuple[int, ...]:
    if wanted.pages.strip():
        raise InvalidInput(
            "pages_of_extract",
            N_("Pages are chosen for an extract only; the other copies are whole. Nothing was changed."),
            field="pages",
        )
    return ()


def _check_source(desk: Desk, source: DocumentFile) -> None:
    """Only what can be confirmed today is certified to others."""
    found = examine.examine(desk, source.sha256, read=False)
    if found.verdict != "PASSED":
        raise SignatureProblem(
            "source_not_valid",
            N_(
                "The signatures of this electronic document cannot be confirmed today, so no copy of it may be "
                "certified. Nothing was changed."
            ),
            verdict=found.verdict,
        )


def open_seal(desk: Desk, document: Document, wanted: Wanted, password: str) -> None:
    """Open the agency's key for exactly the file a copy is signed in, for this sign-in: 15 minutes.

    The password goes to the key agent and nowhere else, as in ``issuing.open_seal``.

    Args:
        password: "" when the key should be open already.

    Raises:
        NotAllowed: another post keeps this key. WrongState: nothing is copied of a document in this state.
        InvalidInput, SignatureProblem: see ``lay_out``.
        SigningError: wrong password, key closed and no password given, agent gone.
    """
    from signing.errors import KeyUnavailable

    with certify.refusing(document.id):
        certify.check(desk, document.id)
        certificate = issuing.seal_certificate(desk)
        elsewhere.require_here(certificate)
    sha256 = lay_out(desk, document, wanted).sha256
    if password:
        desk.tools.agent().unlock(desk.actor.session, certificate.key_name, password, {sha256})
        return
    opened = issuing.opened_files(desk, certificate)
    if sha256 not in opened:
        raise KeyUnavailable("not_unlocked", certificate.key_name)


def agency_signature(desk: Desk, document: Document, wanted: Wanted) -> tuple[Laid, elsewhere.Wanted]:
    """What will be signed, and the agency's signature on it as it is to be made now.

    Raises:
        NotAllowed: another post keeps the agency's key. WrongState: nothing is copied of a document in this state.
        InvalidInput, SignatureProblem: see ``lay_out``.
    """
    from signing.annex import CopyRequest

    with certify.refusing(document.id):
        certify.check(desk, document.id)
        certificate = issuing.seal_certificate(desk)
    laid = lay_out(desk, document, wanted)
    request = CopyRequest(
        form=_printed(laid.form),
        agency=directory.agency(desk).name,
        field=FIELD,
        level="B-LT" if desk.tools.tsa() is not None else "B-B",
        name=certificate.name,
        reason=f"{laid.form.printed} {document.code} SHA-256 {laid.source.sha256}",
    )
    return laid, elsewhere.Wanted(document.id, certificate, laid.sha256, request, laid.data)


def _certify(desk: Desk, document: Document, *, wanted: Wanted, answer: Answer | None = None) -> Certified:
    """Lay out, sign with the agency's key, and verify all of it before anything is committed."""
    laid, own = agency_signature(desk, document, wanted)
    signed = elsewhere.make(desk, own, answer)
    examined = examine.examine(desk, desk.files.put(signed.pdf), read=False)
    _check_signed(examined, own.certificate)
    return Certified(laid.source.sha256, laid.pages, laid.rewritten, own.certificate.sha256, examined)


def _printed(form: CopyForm) -> Literal["SAO Y", "SAO LỤC", "TRÍCH SAO"]:
    if form is CopyForm.FULL:
        return "SAO Y"
    return "SAO LỤC" if form is CopyForm.OF_COPY else "TRÍCH SAO"


def _check_signed(found: Examined, certificate: Certificate) -> None:
    """The copy must be PASSED, by the agency's signature and no other."""
    signed = [(item["field"], item["certificate_sha256"]) for item in found.report["signatures"]]
    if found.verdict != "PASSED" or signed != [(FIELD, certificate.sha256)]:
        raise SignatureProblem(
            "not_valid",
            N_("The signed file did not pass the check ({verdict}). Nothing was changed. Please try again."),
            verdict=found.verdict,
        )


@verb(Permission.DOCUMENT_SEAL, "copy.certified", on=Document, prepare=_certify)
def certify(
    desk: Desk, document: Document, *, wanted: Wanted, prepared: Certified, answer: Answer | None = None
) -> CertifiedCopy:
    """Make a certified copy: its number of the year, its line in the register of copies, its file at the document.

    Args:
        answer: of the clerk's token, when the agency's key lies there.

    Raises:
        NotAllowed: not the custodian of the agency's key.
        InvalidInput: a copy that the decree does not know, or facts that are missing.
        SignatureProblem: key locked, the source or the result is not valid.
        SigningUnavailable: time-stamps or the status of certificates cannot be had; nothing was changed.
    """
    if issuing.seal_certificate(desk).sha256 != prepared.certificate_sha256:
        raise StaleForm(certificate=prepared.certificate_sha256)
    form = rules.parse(wanted.form)
    source = next((item for item in sources(document) if item.sha256 == prepared.source_sha256), None)
    if source is None or source.id != wanted.file:
        raise StaleForm(file=prepared.source_sha256)
    if answer:
        elsewhere.claim(desk, answer)
    decider, decided_by = _decider(desk, wanted, form)
    year = local_date(desk.now()).year
    kind = kinds.by_code(form)
    number, _today = books.take(
        desk, numbering.series_key(desk.agency, year, numbering.scope(kind)), document.id
    )
    code = numbering.code(number, numbering.symbol(kind, directory.agency(desk).abbreviation))
    examine.keep(desk, prepared.examined)
    file = _keep_file(desk, document, source, code, prepared)
    row = CertifiedCopy(
        id=new_id(),
        agency_id=desk.agency,
        document_id=document.id,
        form=form,
        year=year,
        number=number,
        code=code,
        file_id=file.id,
        sha256=file.sha256,
        source_sha256=source.sha256,
        rewritten=prepared.rewritten,
        pages=rules.print_pages(prepared.pages),
        purpose=_purpose(wanted),
        decided_by_id=decider,
        decided_by=decided_by,
        post_id=desk.actor.post,
        made_by=f"{desk.actor.name}, {desk.actor.title}",
        at=desk.now(),
    )
    desk.session.add(row)
    desk.note(
        document=document.id,
        number=code,
        year=year,
        form=form,
        pages=row.pages,
        note=row.purpose,
        decided_by=decided_by,
        sha256=file.sha256,
        source=source.sha256,
        certificate=prepared.certificate_sha256,
    )
    return row


def _keep_file(
    desk: Desk, document: Document, source: DocumentFile, code: str, prepared: Certified
) -> DocumentFile:
    numbers = [item.number for item in document.files if (item.role, item.stage) == ("rendition", "sealed")]
    file = DocumentFile(
        id=new_id(),
        agency_id=desk.agency,
        document_id=document.id,
        sha256=prepared.examined.sha256,
        role="rendition",
        stage="sealed",
        number=max(numbers, default=0) + 1,
        name=file_name(f"{code.replace('/', '-')} {source.name}"),
        derived_from=source.sha256,
        created_at=desk.now(),
    )
    desk.session.add(file)
    desk.session.flush()
    return file


# the register


@dataclass(frozen=True)
class Line:
    """A line of the register of copies, with what it is a copy of."""

    copy: CertifiedCopy
    document_code: str
    subject: str
    issuer: str


@dataclass(frozen=True)
class Found:
    """A page of the register, and the mark the next one begins after, "" at the end."""

    rows: Sequence[Line]
    after: str


def find(desk: Desk, *, year: int | None = None, after: str = "", limit: int = PAGE) -> Found:
    """Copies this person may know of, newest first; every page costs the same.

    Args:
        year: of the register; all when None.
        after: as the page before says; what is none begins at the top.
    """
    statement = scope(desk, CertifiedCopy)
    if year is not None:
        statement = statement.where(CertifiedCopy.year == year)
    mark = _mark(after)
    if mark is not None:
        statement = statement.where(tuple_(CertifiedCopy.at, CertifiedCopy.id) < tuple_(*mark))
    rows = desk.session.execute(
        statement.join(
            Document, (Document.agency_id == CertifiedCopy.agency_id) & (Document.id == CertifiedCopy.document_id)
        )
        .order_by(CertifiedCopy.at.desc(), CertifiedCopy.id.desc())
        .limit(limit + 1)
        .with_only_columns(CertifiedCopy, Document.code, Document.subject, Document.issuer_name)
    ).all()
    lines = [Line(*row) for row in rows[:limit]]
    last = lines[-1].copy if len(rows) > limit else None
    return Found(lines, f"{last.at.isoformat()}_{last.id}" if last else "")


def _mark(text: str) -> tuple[datetime, UUID] | None:
    at, _, key = text.partition("_")
    try:
        found = datetime.fromisoformat(at), UUID(key)
    except ValueError:
        return None
    return found if found[0].tzinfo else None


def years(desk: Desk) -> list[int]:
    """Years of which this person may see copies, newest first."""
    statement = scope(desk, CertifiedCopy).with_only_columns(CertifiedCopy.year).distinct()
    return list(desk.session.scalars(statement.order_by(CertifiedCopy.year.desc())))


def of_document(desk: Desk, document: UUID) -> list[CertifiedCopy]:
    """Copies made of a document, newest first; ask for the document first."""
    statement = scope(desk, CertifiedCopy).where(CertifiedCopy.document_id == document)
    return list(desk.session.scalars(statement.order_by(CertifiedCopy.at.desc(), CertifiedCopy.id.desc())))


def one(desk: Desk, copy: UUID) -> CertifiedCopy:
    """One certified copy this person may know of.

    Raises:
        NotFound: there is none.
    """
    row = desk.session.scalars(scope(desk, CertifiedCopy).where(CertifiedCopy.id == copy)).one_or_none()
    if row is None:
        raise NotFound(table="certified_copy", id=str(copy))
    return row

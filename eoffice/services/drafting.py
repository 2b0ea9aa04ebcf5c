"""Drafts: composed as data, rendered as paper, approved in content and format (Decree 30/2020 articles 10-12)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, func
from sqlalchemy.orm.attributes import flag_modified

from eoffice.core.canonical import digest
from eoffice.core.clock import local_date
from eoffice.core.desk import Desk, scope
from eoffice.core.errors import InvalidInput, NotAllowed, NotFound, StaleForm
from eoffice.core.i18n import N_, translate
from eoffice.core.ids import new_id
from eoffice.core.text import fold, tidy
from eoffice.formats.letter import Kind, Letter, render
from eoffice.models.directory import Agency, Post
from eoffice.models.documents import Document, DocumentFile
from eoffice.models.exchange import Recipient
from eoffice.models.review import Approval, DraftVersion, SigningItem
from eoffice.rules import authority, delivery, kinds, numbering, secrecy
from eoffice.rules.access import Permission, Role
from eoffice.rules.lifecycle import Direction, State
from eoffice.services import directory, examine
from eoffice.services.examine import PDF
from eoffice.services.routing import let_see
from eoffice.services.verbs import verb

MOST_CHARACTERS = 100_000
"""Of one document, all its paragraphs together: some forty pages."""

MOST_PARAGRAPHS = 1000


class NewerVersion(StaleForm):
    """Somebody saved a version after the one a text was written from."""

    code = "newer_version"
    message = N_(
        "Version {found} was saved while you were writing from version {expected}. Your text is kept. "
        "Please look at the newer version and send yours again."
    )


@dataclass(frozen=True)
class To:
    """A recipient: an agency of the directory or a name; paper only by choice and with a legal reason."""

    name: str
    agency: UUID | None = None
    kind: str = "addressee"
    paper: bool = False
    paper_reason: str | None = None


@dataclass(frozen=True)
class Content:
    """What an officer writes; the layout is the office's work.

    Args:
        kind: code of one of the 29 kinds.
        grounds: căn cứ; paragraphs: the body.
        to: recipients, addressees (Kính gửi) first.
        signer: post of the person who will sign; basis and holder: his capacity (``rules.authority``).
        noted: further lines of Nơi nhận.
    """

    kind: str
    subject: str
    paragraphs: tuple[str, ...]
    to: tuple[To, ...]
    signer: UUID
    basis: str = "head"
    holder: str = "self"
    grounds: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()
    urgency: str = "normal"
    secrecy: str = "none"


@dataclass(frozen=True)
class Rendered:
    """A draft as paper: the letter it was drawn from and the file in the store."""

    letter: dict[str, Any]
    symbol: str
    sha256: str
    size: int
    pages: int


def _render(desk: Desk, *, content: Content, **_others: Any) -> Rendered:
    letter = letter_of(desk, content)
    data = render(letter)
    sha256 = desk.files.put(data)
    return Rendered(letter.to_recipe(), letter.symbol, sha256, len(data), page_count(data))


def _render_again(desk: Desk, _document: Document, *, content: Content, **_others: Any) -> Rendered:
    return _render(desk, content=content)


def page_count(data: bytes) -> int:
    """Pages of a paper that we drew ourselves."""
    import io

    from pikepdf import Pdf

    with Pdf.open(io.BytesIO(data)) as pdf:
        return len(pdf.pages)


def letter_of(desk: Desk, content: Content) -> Letter:
    """The letter as it will be drawn, from what was written and from the directory.

    Raises:
        InvalidInput: subject, body or recipient missing, impossible capacity, unknown kind.
        StateSecretRefused: state secrets are not written in this system.
    """
    secrecy.check(content.secrecy)
    subject = tidy(content.subject)
    paragraphs = tuple(text for text in map(tidy, content.paragraphs) if text)
    if not subject or not paragraphs:
        raise InvalidInput("content_missing", N_("Subject and text are needed. Your text is kept."))
    check_length(content)
    if not content.to:
        raise InvalidInput("recipient_missing", N_("Please name at least one recipient. Your text is kept."))
    kind = kinds.by_code(content.kind)
    agency = directory.agency(desk)
    posts = {row.id: row for row in directory.posts(desk)}
    signer = posts.get(content.signer) or directory.post(desk, content.signer)
    unit = desk.actor.unit and next((row.unit for row in posts.values() if row.unit_id == desk.actor.unit), None)
    symbol = numbering.symbol(kind, agency.abbreviation, unit.abbreviation if unit else "")
    kept = f"Lưu: VT{', ' + unit.abbreviation if unit else ''}"
    return Letter(
        parent=agency.superior_name,
        agency=agency.name,
        place=agency.place,
        kind=Kind(kind.code, kind.name_vi, kind.symbol or ""),
        symbol=symbol,
        subject=subject,
        recipients=_addressed(content),
        grounds=tuple(text for text in map(tidy, content.grounds) if text),
        paragraphs=paragraphs,
        noi_nhan=(*_noted(content), *filter(None, map(tidy, content.noted)), kept),
        capacity=_capacity_lines(list(posts.values()), agency, signer, content),
        signer=signer.person.full_name,
        urgency=content.urgency,
        contact=(f"Địa chỉ: {agency.contact}",) if agency.contact else (),
        test=desk.settings.test_mode,
    )


def check_length(content: Content) -> None:
    """Let only as much text through as one document may have.

    Raises:
        InvalidInput: ``text_too_long`` or ``too_many_paragraphs``.
    """
    texts = (content.subject, *content.grounds, *content.paragraphs, *content.noted, *(to.name for to in content.to))
    length = sum(map(len, texts))
    if length > MOST_CHARACTERS:
        raise InvalidInput(
            "text_too_long",
            N_(
                "The text has {length} characters; one document takes {limit} at most. What you wrote stands below, "
                "but this time it was not saved. Please move a part of it into an annex."
            ),
            length=length,
            limit=MOST_CHARACTERS,
        )
    if len(content.paragraphs) > MOST_PARAGRAPHS:
        raise InvalidInput(
            "too_many_paragraphs",
            N_(
                "The text has {length} paragraphs; one document takes {limit} at most. What you wrote stands below, "
                "but this time it was not saved. Please move a part of it into an annex."
            ),
            length=len(content.paragraphs),
            limit=MOST_PARAGRAPHS,
        )


def _addressed(content: Content) -> tuple[str, ...]:
    """Names after "Kính gửi"; decisions and their like are addressed to nobody (Decree 30/2020 Annex I, box 9a)."""
    if kinds.by_code(content.kind).addressing is kinds.Addressing.NEVER:
        return ()
    return tuple(to.name for to in content.to if to.kind == "addressee")


def _noted(content: Content) -> tuple[str, ...]:
    """The lines of Nơi nhận that follow from the recipients."""
    addressed = _addressed(content)
    others = (to.name for to in content.to if to.kind == "cc" or not addressed)
    return (*(("Như trên",) if addressed else ()), *others)


def _capacity_lines(posts: list[Post], agency: Agency, signer: Post, content: Content) -> tuple[str, ...]:
    capacity = authority.Capacity(authority.Basis(content.basis), authority.Holder(content.holder))
    head = next((row for row in posts if any(role.role == Role.LEADER for role in row.roles)), signer)
    collective = "Ủy ban nhân dân" if capacity.basis is authority.Basis.COLLECTIVE else ""
    unit_title = signer.title if capacity.basis in (authority.Basis.BY_ORDER, authority.Basis.BY_AUTHORISATION) else ""
    return authority.lines(
        capacity,
        head_title=head.title,
        signer_title=signer.title,
        body=collective or agency.name,
        unit_title=unit_title,
    )


@verb(Permission.DRAFT_COMPOSE, "draft.composed", prepare=_render)
def compose(desk: Desk, *, content: Content, prepared: Rendered, reply_to: UUID | None = None) -> Document:
    """Begin a document, alone or as the answer to an incoming one.

    Raises:
        NotFound: the document to be answered is none this person may see.
    """
    if reply_to is not None:
        found = desk.session.scalars(
            scope(desk, Document).where(Document.id == reply_to, Document.direction == Direction.INCOMING)
        ).one_or_none()
        if found is None or found.agency_id != desk.agency:
            raise NotFound(table="document", id=str(reply_to))
    document = Document(
        id=new_id(),
        agency_id=desk.agency,
        direction=Direction.OUTGOING,
        state=State.DRAFT,
        language="vi",
        circulation="none",
        created_at=desk.now(),
        provenance="work",
        reply_to_id=reply_to,
        drafter_post_id=desk.actor.post,
        unit_id=desk.actor.unit,
        issuer_id=desk.agency,
        **_facts(desk, content, prepared),
    )
    desk.session.add(document)
    desk.session.flush()
    _add_version(desk, document, content, prepared, note="")
    let_see(desk, document.id, post=desk.actor.post, unit=desk.actor.unit)
    let_see(desk, document.id, post=content.signer)
    desk.note(document=document.id, version=1, sha256=prepared.sha256, reply_to=reply_to)
    return document


def _facts(desk: Desk, content: Content, prepared: Rendered) -> dict[str, Any]:
    subject = tidy(content.subject)
    name = directory.agency(desk).name
    signer = directory.post(desk, content.signer)
    return {
        "kind": content.kind,
        "symbol": prepared.symbol,
        "subject": subject,
        "issuer_name": name,
        "folded": fold(f"{prepared.symbol} {subject} {name}"),
        "page_count": prepared.pages,
        "urgency": content.urgency,
        "signer_post_id": content.signer,
        "signer_name": signer.person.full_name,
        "signer_title": signer.title,
        "capacity": str(authority.Capacity(authority.Basis(content.basis), authority.Holder(content.holder))),
    }


def _add_version(desk: Desk, document: Document, content: Content, made: Rendered, *, note: str) -> int:
    newest = desk.session.execute(
        scope(desk, DraftVersion)
        .where(DraftVersion.document_id == document.id)
        .with_only_columns(func.max(DraftVersion.number))
    ).scalar_one_or_none()
    number = (newest or 0) + 1
    now = desk.now()
    examine.keep_file(desk, made.sha256, made.size, PDF, made.pages)
    desk.session.add(
        DraftVersion(
            agency_id=desk.agency,
            document_id=document.id,
            number=number,
            letter=made.letter,
            sha256=made.sha256,
            post_id=desk.actor.post,
            note=note,
            at=now,
        )
    )
    desk.session.add(
        DocumentFile(
            agency_id=desk.agency,
            document_id=document.id,
            sha256=made.sha256,
            role="main",
            stage="draft",
            number=number,
            name=_file_name(document),
            created_at=now,
        )
    )
    desk.session.execute(
        delete(Recipient)
        .where(Recipient.agency_id == desk.agency, Recipient.document_id == document.id)
        .execution_options(scoped=True)
    )
    today = local_date(desk.now())
    for position, to in enumerate(content.to, start=1):
        delivery.check_paper(to.paper, to.paper_reason, today)
        desk.session.add(
            Recipient(
                agency_id=desk.agency,
                document_id=document.id,
                to_agency_id=to.agency,
                name=tidy(to.name),
                kind=to.kind,
                position=position,
                paper=to.paper,
                paper_reason=to.paper_reason,
            )
        )
    desk.session.flush()
    desk.session.expire(document, ["files"])
    return number


def _file_name(document: Document) -> str:
    words = re.sub(r"^v/v\s+", "", fold(document.subject))
    return re.sub(r"[^a-z0-9]+", "-", words)[:60].strip("-") + ".pdf"


@verb(Permission.DRAFT_COMPOSE, "draft.revised", on=Document, prepare=_render_again)
def revise(
    desk: Desk,
    document: Document,
    *,
    content: Content,
    prepared: Rendered,
    note: str = "",
    began_from: int | None = None,
) -> Document:
    """Write a new version; every approval of the old one drops, for it named the old hash.

    Args:
        began_from: number of the version this one was written from; None when nobody could have been faster.

    Raises:
        NotAllowed: somebody of another unit.
        NewerVersion: there is one after ``began_from``.
    """
    last = newest(desk, document.id)
    if began_from is not None and last.number != began_from:
        raise NewerVersion(expected=began_from, found=last.number)
    check_drafter(desk, document)
    for name, value in _facts(desk, content, prepared).items():
        setattr(document, name, value)
    number = _add_version(desk, document, content, prepared, note=tidy(note))
    document.returned_at = None
    let_see(desk, document.id, post=content.signer)
    begin_anew(desk, document, REVISED, number=number)
    desk.note(document=document.id, version=number, sha256=prepared.sha256, note=note)
    return document


def check_drafter(desk: Desk, document: Document) -> None:
    """Let only those change a draft whose work it is.

    Raises:
        NotAllowed: somebody of another unit.
    """
    if desk.actor.post != document.drafter_post_id and desk.actor.unit != document.unit_id:
        raise NotAllowed("not_drafter", N_("Only the drafter and his unit change a draft. Nothing was changed."))


def begin_anew(desk: Desk, document: Document, message: str, **facts: object) -> None:
    """After a change, within the deed that made it: the draft begins its way through review from the start.

    Args:
        message: for a leader who had approved it for signing; facts: what its sentence needs.
    """
    document.state = State.DRAFT
    flag_modified(document, "state")  # another text of the same facts is another document: older forms are stale
    _leave_signing(desk, document, "draft_changed", message, **facts)


@verb(Permission.DRAFT_SUBMIT, "draft.submitted", on=Document)
def submit(desk: Desk, document: Document) -> Document:
    """Hand the newest version in for review."""
    document.state, document.returned_at = State.IN_REVIEW, None
    desk.note(document=document.id, sha256=newest(desk, document.id).sha256)
    return document


@verb(Permission.DRAFT_SEND_BACK, "draft.sent_back", on=Document)
def send_back(desk: Desk, document: Document, *, reason: str) -> Document:
    """Return a draft with a reason that everybody in the circuit reads."""
    reason = tidy(reason)
    if not reason:
        raise InvalidInput("reason_missing", N_("Please say why. Nothing was changed."))
    kind = "content" if document.state == State.IN_REVIEW else "format"
    _decide(desk, document, kind, "sent_back", reason)
    document.state, document.returned_at = State.DRAFT, desk.now()
    _leave_signing(desk, document, "sent_back", SENT_BACK)
    return document


REVISED = N_(
    "Version {number} was saved after you looked. The signature is only put on what was displayed. "
    "Nothing was lost. The new version comes to you again once it is approved."
)
SENT_BACK = N_(
    "The draft was sent back after you had approved it. Nothing was signed or lost. "
    "It comes to you again once it is approved."
)


def _leave_signing(desk: Desk, document: Document, code: str, message: str, **facts: object) -> None:
    """What a leader approved for signing is no longer what would be signed: tell him, unless he did it himself."""
    rows = desk.session.scalars(
        scope(desk, SigningItem)
        .where(SigningItem.document_id == document.id, SigningItem.state != "signed")
        .with_for_update()
    )
    for item in rows.all():
        if item.post_id == desk.actor.post:
            desk.session.delete(item)
            continue
        item.state, item.code, item.ended_at = "failed", code, desk.now()
        item.reason_vi, item.reason_en = translate("vi", message, **facts), translate("en", message, **facts)


@verb(Permission.DRAFT_APPROVE_CONTENT, "draft.content_approved", on=Document)
def approve_content(desk: Desk, document: Document, *, note: str = "") -> Document:
    """The head of the drafting unit approves the content of exactly this version.

    Raises:
        NotAllowed: the drafter himself, or the head of another unit.
    """
    _not_own(desk, document)
    if desk.actor.unit != document.unit_id:
        raise NotAllowed("not_unit_head", N_("The head of the drafting unit approves the content."))
    _decide(desk, document, "content", "approved", note)
    document.state = State.CONTENT_OK
    return document


@verb(Permission.DRAFT_APPROVE_FORMAT, "draft.format_approved", on=Document)
def approve_format(desk: Desk, document: Document, *, note: str = "") -> Document:
    """A designated person, never the drafter, approves layout and form of exactly this version.

    Raises:
        NotAllowed: the drafter himself.
    """
    _not_own(desk, document)
    _decide(desk, document, "format", "approved", note)
    document.state = State.FORMAT_OK
    return document


def _not_own(desk: Desk, document: Document) -> None:
    drafter = directory.post(desk, document.drafter_post_id) if document.drafter_post_id else None
    if drafter is not None and drafter.person_id == desk.actor.person:
        raise NotAllowed("own_draft", N_("Nobody approves his own draft. Please ask a colleague."))


def _decide(desk: Desk, document: Document, kind: str, decision: str, note: str) -> None:
    sha256, beside = newest(desk, document.id).sha256, annexes_digest(document)
    desk.session.add(
        Approval(
            agency_id=desk.agency,
            document_id=document.id,
            kind=kind,
            decision=decision,
            sha256=sha256,
            annexes=beside,
            post_id=desk.actor.post,
            note=tidy(note),
            at=desk.now(),
        )
    )
    desk.note(document=document.id, kind=kind, decision=decision, sha256=sha256, note=note)
    if beside is not None:
        desk.note(annexes=[annex.sha256 for annex in annexes(document)])


@dataclass(frozen=True)
class Annex:
    """A separate file of annexes: the file's id and hash, and the name under which it goes along."""

    id: UUID
    sha256: str
    name: str


def annexes(document: Document) -> list[Annex]:
    """The annexes of a draft, in the order in which they go along."""
    hashes = {str(row.id): row.sha256 for row in document.files}
    return [Annex(UUID(key), hashes[key], name) for key, name in document.annexes or ()]


def annexes_digest(document: Document) -> str | None:
    """What an approval names beside the version: bytes, names and order of the annexes; None without any."""
    found = annexes(document)
    return digest([[annex.sha256, annex.name] for annex in found]) if found else None


def newest(desk: Desk, document_id: UUID) -> DraftVersion:
    """The newest version of a draft.

    Raises:
        NotFound: it has none.
    """
    row = desk.session.scalars(
        scope(desk, DraftVersion)
        .where(DraftVersion.document_id == document_id)
        .order_by(DraftVersion.number.desc())
        .limit(1)
    ).first()
    if row is None:
        raise NotFound(table="draft_version", document=str(document_id))
    return row


def content_of(desk: Desk, document: Document) -> Content:
    """What the newest version of a draft says, as it was written.

    Raises:
        NotFound: it has none.
    """
    letter = newest(desk, document.id).letter
    capacity = authority.Capacity.parse(document.capacity)
    found = Content(
        kind=document.kind,
        subject=letter["subject"],
        paragraphs=tuple(letter["paragraphs"]),
        to=tuple(
            To(row.name, row.to_agency_id, row.kind, row.paper, row.paper_reason)
            for row in recipients(desk, document.id)
        ),
        signer=document.signer_post_id or desk.actor.post or new_id(),
        basis=capacity.basis.value,
        holder=capacity.holder.value,
        grounds=tuple(letter.get("grounds", ())),
        urgency=letter.get("urgency", "normal"),
    )
    return replace(found, noted=tuple(letter["noi_nhan"][len(_noted(found)) : -1]))


def versions(desk: Desk, document_id: UUID) -> list[DraftVersion]:
    """All versions of a draft, oldest first."""
    return list(
        desk.session.scalars(
            scope(desk, DraftVersion).where(DraftVersion.document_id == document_id).order_by(DraftVersion.number)
        )
    )


@dataclass(frozen=True)
class Version:
    """A version of a draft without its letter: number, hash, who wrote it, why and when."""

    number: int
    sha256: str
    post_id: UUID
    note: str
    at: datetime


def version_list(desk: Desk, document_id: UUID) -> list[Version]:
    """All versions of a draft, oldest first, as a list shows them."""
    rows = desk.session.execute(
        scope(desk, DraftVersion)
        .where(DraftVersion.document_id == document_id)
        .order_by(DraftVersion.number)
        .with_only_columns(
            DraftVersion.number, DraftVersion.sha256, DraftVersion.post_id, DraftVersion.note, DraftVersion.at
        )
    )
    return [Version(*row) for row in rows]


def circuit(desk: Desk, document_id: UUID) -> tuple[list[Version], list[Approval]]:
    """All versions of a draft, oldest first, and the approvals and sendings back of each, by one query."""
    rows = desk.session.execute(
        scope(desk, DraftVersion)
        .outerjoin(
            Approval,
            and_(
                Approval.agency_id == DraftVersion.agency_id,
                Approval.document_id == DraftVersion.document_id,
                Approval.sha256 == DraftVersion.sha256,
            ),
        )
        .where(DraftVersion.document_id == document_id)
        .order_by(DraftVersion.number, Approval.at, Approval.id)
        .with_only_columns(
            DraftVersion.number, DraftVersion.sha256, DraftVersion.post_id, DraftVersion.note, DraftVersion.at, Approval
        )
    ).all()
    versions = {row[0]: Version(*row[:5]) for row in rows}
    decided = {row[5].id: row[5] for row in rows if row[5] is not None}
    return list(versions.values()), list(decided.values())


def approvals(desk: Desk, document_id: UUID) -> list[Approval]:
    """Approvals and sendings back of all versions, in order."""
    return list(
        desk.session.scalars(
            scope(desk, Approval).where(Approval.document_id == document_id).order_by(Approval.at, Approval.id)
        )
    )


def check_approved(desk: Desk, document: Document) -> None:
    """The newest version must have both approvals with the annexes it has now, and nobody may have sent it back after.

    Raises:
        NotAllowed: one is missing; text or annexes were changed after it, or it was never given.
    """
    wanted = newest(desk, document.id).sha256, annexes_digest(document)
    last = {row.kind: row.decision for row in approvals(desk, document.id) if (row.sha256, row.annexes) == wanted}
    if last != {"content": "approved", "format": "approved"}:
        raise NotAllowed(
            "not_approved",
            N_("Content and format of this version are not both approved. Nothing was changed."),
            missing=sorted({"content", "format"} - {kind for kind, decision in last.items() if decision == "approved"}),
        )


def recipients(desk: Desk, document_id: UUID) -> list[Recipient]:
    """To whom a document goes, in the order of the letter."""
    return list(
        desk.session.scalars(
            scope(desk, Recipient).where(Recipient.document_id == document_id).order_by(Recipient.position)
        )
    )


def search_text(document: Document) -> str:
    """What the search compares of an outgoing document."""
    return fold(f"{document.code} {document.subject} {document.issuer_name}")

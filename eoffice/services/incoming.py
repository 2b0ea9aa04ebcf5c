"""What comes in: arriving, registering, refusing (Decree 30/2020 articles 20-22)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from eoffice.core.clock import local_date
from eoffice.core.desk import Desk, scope
from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_
from eoffice.core.ids import new_id
from eoffice.core.text import file_name, fold, tidy
from eoffice.models.documents import Document, DocumentFile
from eoffice.rules import deadlines, kinds, numbering, secrecy
from eoffice.rules.access import Permission
from eoffice.rules.lifecycle import Direction, State
from eoffice.services import books, directory, examine, files
from eoffice.services.examine import Examined
from eoffice.services.verbs import verb

CIRCULATION = ("none", "return_after_reading", "internal_circulation")
"""How far a document may go round (Decree 30/2020 Annex I)."""

YEARS_AHEAD = 10
"""A deadline further away is a slip of the pen."""


@dataclass(frozen=True)
class Facts:
    """What is known of a document that comes in, as printed or as sent.

    Args:
        code: number and symbol, ``05/BNV-VP``.
        issuer_name, issuer_identifier: of whom it is from; kept as printed and sent.
        urgency: ``normal``, ``urgent``, ``very_urgent`` or ``express``; secrecy: only ``none`` has content here.
        circulation: word of ``CIRCULATION``.
        due: last day for dealing with it, as the document or the clerk says; a leader may set another one.
    """

    code: str = ""
    issued_date: date | None = None
    issuer_name: str = ""
    issuer_identifier: str = ""
    subject: str = ""
    kind: str = "official_letter"
    signer_name: str = ""
    urgency: str = "normal"
    secrecy: str = "none"
    circulation: str = "none"
    due: date | None = None


@dataclass(frozen=True)
class Arrival:
    """Bytes at the door: already in the store, by hand or from the exchange.

    Args:
        sha256: of the main file.
        name: as it was called where it comes from.
        channel: ``hand``, ``post``, ``email``, ``intra_system`` ...
        facts: what the message said of it; read from page 1 when None.
        message: id of the exchange message that brought it.
    """

    sha256: str
    name: str
    channel: str
    facts: Facts | None = None
    message: UUID | None = None


def _examine(desk: Desk, *, arrival: Arrival) -> Examined:
    found = examine.examine(desk, arrival.sha256)
    if arrival.message:
        return found
    files.keep_reading(desk, arrival.sha256, examine.welcome(found).reading)
    return found


def read_facts(found: Examined) -> Facts:
    """What page 1 says, as far as it could be read."""
    said = {name: (item or {}).get("value") for name, item in found.reading.items()}
    number, symbol = said.get("number"), said.get("symbol")
    return Facts(
        code=numbering.code(int(number), symbol or "") if number else "",
        issued_date=examine.read_date(found.reading),
        issuer_name=said.get("issuer") or "",
        subject=said.get("subject") or "",
        kind=_kind(said.get("title"), symbol),
    )


def _kind(title: str | None, symbol: str | None) -> str:
    found = (kinds.by_name(title) if title else None) or kinds.by_symbol((symbol or "").partition("-")[0])
    return found.code if found else "official_letter"


@verb(Permission.DOCUMENT_ARRIVE, "document.arrived", prepare=_examine)
def arrive(desk: Desk, *, arrival: Arrival, prepared: Examined) -> Document:
    """Take in a document from any source: verdict, facts of page 1, hints of duplicates.

    Raises:
        FileRefused: not a PDF, damaged, locked or empty (by hand; the exchange keeps it with its verdict).
    """
    examine.keep(desk, prepared)
    facts = arrival.facts or read_facts(prepared)
    secrecy.check(facts.secrecy)
    issuer = _issuer(desk, facts)
    now = desk.now()
    document = Document(
        id=new_id(),
        agency_id=desk.agency,
        direction=Direction.INCOMING,
        state=State.ARRIVED,
        kind=facts.kind,
        **_code(facts.code),
        issued_date=facts.issued_date,
        issuer_id=issuer,
        issuer_name=facts.issuer_name,
        issuer_identifier=facts.issuer_identifier,
        subject=facts.subject,
        folded=search_text(facts.code, facts.subject, facts.issuer_name),
        language="vi",
        page_count=prepared.pages,
        urgency=facts.urgency,
        circulation=facts.circulation,
        signer_name=facts.signer_name,
        created_at=now,
        provenance="work",
        channel=arrival.channel,
        arrived_at=now,
        verdict=prepared.verdict,
        active_content=bool(prepared.flags),
        message_id=arrival.message,
        same_bytes_id=_same_bytes(desk, prepared.sha256),
        same_code_id=_same_code(desk, facts),
    )
    desk.session.add(document)
    desk.session.flush()
    desk.session.add(
        DocumentFile(
            agency_id=desk.agency,
            document_id=document.id,
            sha256=prepared.sha256,
            role="main",
            stage="received",
            name=file_name(arrival.name),
            created_at=now,
        )
    )
    desk.note(
        channel=arrival.channel,
        sha256=prepared.sha256,
        verdict=prepared.verdict,
        policy=prepared.policy,
        flags=list(prepared.flags),
    )
    return document


@verb(Permission.DOCUMENT_REGISTER, "document.registered", on=Document)
def register(desk: Desk, document: Document, *, facts: Facts) -> Document:
    """Enter a document in this year's incoming book under the next arrival number (Decree 30/2020 article 22).

    Raises:
        InvalidInput: number and symbol or issuer or subject missing or impossible, or an impossible deadline.
        StateSecretRefused: state secrets are not kept in this system.
    """
    secrecy.check(facts.secrecy)
    now = desk.now()
    checked = _checked(facts, local_date(now))
    year = local_date(now).year
    series = numbering.book_key(desk.agency, "incoming", year)
    number, today = books.take(desk, series, document.id)
    for name, value in _code(checked.code).items():
        setattr(document, name, value)
    document.kind = checked.kind
    document.issued_date = checked.issued_date
    document.issuer_name = checked.issuer_name
    document.issuer_identifier = checked.issuer_identifier or document.issuer_identifier
    document.issuer_id = _issuer(desk, replace(checked, issuer_identifier=document.issuer_identifier))
    document.subject = checked.subject
    document.folded = search_text(checked.code, checked.subject, checked.issuer_name)
    document.urgency = checked.urgency
    document.circulation = checked.circulation
    document.signer_name = checked.signer_name or document.signer_name
    document.due_at = deadlines.due_on(checked.due) if checked.due else None
    document.same_code_id = _same_code(desk, checked, but=document.id)
    document.book_year = year
    document.arrival_number = number
    document.registered_at = now
    document.state = State.REGISTERED
    books.write_line(
        desk,
        document,
        series,
        number,
        {
            "arrival_date": today.isoformat(),
            "arrival_number": number,
            "author": document.issuer_name,
            "code": document.code,
            "issued_date": document.issued_date.isoformat() if document.issued_date else "",
            "kind_and_subject": f"{kinds.by_code(document.kind).name_vi}: {document.subject}",
            "note": "",
        },
    )
    desk.note(document=document.id, book="incoming", year=year, number=number, due=document.due_at)
    tell_sender(desk, document, "03")
    return document


@verb(Permission.DOCUMENT_REFUSE, "document.refused", on=Document)
def refuse(desk: Desk, document: Document, *, reason: str) -> Document:
    """Send a document back before it is registered, with a reason (Decision 28/2018 article 5.4).

    Raises:
        InvalidInput: no reason.
    """
    reason = tidy(reason)
    if not reason:
        raise InvalidInput("reason_missing", N_("Please say why. The sender reads it; nothing was changed."))
    document.state = State.REFUSED
    document.refusal = reason
    document.done_at = desk.now()
    desk.note(document=document.id, reason=reason)
    tell_sender(desk, document, "02", description=reason)
    return document


def tell_sender(desk: Desk, document: Document, code: str, *, description: str = "") -> None:
    """Have the status of a document from the exchange reported to its sender, in order, after this deed."""
    if document.message_id is None:
        return
    desk.later(
        "exchange.report",
        f"report:{document.message_id}:{code}",
        {
            "message": str(document.message_id),
            "code": code,
            "description": description,
            "staff": ", ".join(part for part in (desk.actor.name, desk.actor.title) if part),
        },
        part=f"message:{document.message_id}",
    )


def search_text(code: str, subject: str, issuer: str) -> str:
    """What the search compares: number, subject and issuer without diacritics and letter case."""
    return fold(" ".join((code, subject, issuer)))


def _code(code: str) -> dict[str, Any]:
    parsed = numbering.parse_code(code) if code else None
    if parsed is None:
        return {"number": None, "symbol": "", "code": tidy(code)}
    number, symbol = parsed
    return {"number": number, "symbol": symbol, "code": numbering.code(number, symbol)}


def _checked(facts: Facts, today: date) -> Facts:
    missing = [name for name in ("issuer_name", "subject") if not tidy(getattr(facts, name))]
    if missing:
        raise InvalidInput(
            "field_missing",
            N_("Issuer and subject are needed to register a document. Nothing was changed."),
            fields=", ".join(missing),
        )
    if facts.code and numbering.parse_code(facts.code) is None:
        raise InvalidInput(
            "code_impossible",
            N_("“{given}” is no number and symbol such as 05/BNV-VP. Nothing was changed."),
            given=facts.code,
            fields="code",
        )
    kinds.by_code(facts.kind)
    if facts.urgency not in list(deadlines.Urgency):
        raise InvalidInput("choice_unknown", fields="urgency")
    if facts.circulation not in CIRCULATION:
        raise InvalidInput("choice_unknown", fields="circulation")
    if facts.due and not _possible(facts.due, facts.issued_date, today):
        raise InvalidInput(
            "due_impossible",
            N_("A deadline is not before the date of the document and at most ten years away. Nothing was changed."),
            fields="due",
        )
    issuer, subject, signer = (tidy(text) for text in (facts.issuer_name, facts.subject, facts.signer_name))
    return replace(facts, issuer_name=issuer, subject=subject, signer_name=signer)


def _possible(due: date, issued: date | None, today: date) -> bool:
    """A deadline that has passed is possible: the document came late."""
    return due >= (issued or due) and due.year <= today.year + YEARS_AHEAD


def _issuer(desk: Desk, facts: Facts) -> UUID | None:
    on = facts.issued_date or local_date(desk.now())
    row = None
    if facts.issuer_identifier:
        row = directory.agency_by_identifier(desk, facts.issuer_identifier, on)
    if row is None and facts.issuer_name:
        row = directory.agency_by_name(desk, facts.issuer_name)
    return row.id if row else None


def _same_bytes(desk: Desk, sha256: str) -> UUID | None:
    """Another document of this agency with the same bytes: a hint, not a verdict."""
    statement = (
        scope(desk, DocumentFile)
        .where(
            DocumentFile.agency_id == desk.agency, DocumentFile.sha256 == sha256, DocumentFile.stage == "received"
        )
        .order_by(DocumentFile.created_at, DocumentFile.id)
        .limit(1)
    )
    return desk.session.scalars(statement.with_only_columns(DocumentFile.document_id)).first()


def _same_code(desk: Desk, facts: Facts, *, but: UUID | None = None) -> UUID | None:
    """Another document with the same issuer, number and symbol (Decree 30/2020 Annex VI, F1.h)."""
    code = _code(facts.code)["code"]
    if not code or not facts.issuer_name:
        return None
    statement = scope(desk, Document).where(
        Document.agency_id == desk.agency,
        Document.direction == Direction.INCOMING,
        Document.code == code,
        Document.issuer_name == tidy(facts.issuer_name),
    )
    if but is not None:
        statement = statement.where(Document.id != but)
    return desk.session.scalars(
        statement.with_only_columns(Document.id).order_by(Document.created_at, Document.id).limit(1)
    ).first()


def main_file(document: Document, *stages: str) -> DocumentFile | None:
    """The newest main file of a document, of one of the stages if any are named."""
    found = [item for item in document.files if item.role == "main" and (not stages or item.stage in stages)]
    return max(found, key=lambda item: (item.number, item.created_at)) if found else None


def by_arrival_number(desk: Desk, year: int, number: int) -> Document | None:
    """A registered document by its arrival number."""
    return desk.session.scalars(
        scope(desk, Document).where(
            Document.agency_id == desk.agency, Document.book_year == year, Document.arrival_number == number
        )
    ).one_or_none()


def facts_of(document: Document) -> Facts:
    """What is already known of a document, as a clerk would confirm it in the register form; the same afterwards."""
    return Facts(
        code=document.code,
        issued_date=document.issued_date,
        issuer_name=tidy(document.issuer_name),
        issuer_identifier=document.issuer_identifier,
        subject=tidy(document.subject),
        kind=document.kind,
        signer_name=tidy(document.signer_name),
        urgency=document.urgency,
        circulation=document.circulation,
        due=local_date(document.due_at) if document.due_at else None,
    )

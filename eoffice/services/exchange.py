"""Documents between agencies: containers out, receipts and statuses back, each side writing its own rows only.

A sender's ``deliver`` makes the container and hands its bytes over; the receiver's ``receive`` writes his rows from
those bytes and answers with a signed receipt; the sender's ``confirm`` checks it before "delivered". Statuses
(01-06) travel back the same way: the receiver's ``report`` signs, the sender's ``apply`` checks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from eoffice.core.clock import local_date
from eoffice.core.desk import Desk, scope
from eoffice.core.errors import Conflict, InvalidInput, NotFound, SignatureProblem
from eoffice.core.i18n import N_
from eoffice.core.ids import new_id
from eoffice.core.text import tidy
from eoffice.formats import container, receipt
from eoffice.models.directory import Agency, Certificate
from eoffice.models.documents import Document
from eoffice.models.exchange import Delivery, DeliveryEvent, Message
from eoffice.rules import lifecycle
from eoffice.rules.access import Permission
from eoffice.rules.lifecycle import DeliveryState
from eoffice.services import annexes, directory, examine, incoming
from eoffice.services.examine import Examined
from eoffice.services.incoming import Arrival, Facts, main_file
from eoffice.services.verbs import verb

EXPIRY = timedelta(days=5)
"""How long a container is good for; then the delivery is a dead letter that a person sees."""

CONTAINER = "application/vnd.etsi.asic-e+zip"


def _signer(desk: Desk) -> tuple[Certificate, Callable[[bytes], bytes]]:
    """The agency's exchange certificate and what signs with it (never the seal: Decree 30/2020 article 33)."""
    from signing.detached import sign_detached

    row = directory.certificate(desk, "exchange")
    if row is None:
        raise SignatureProblem(
            "no_exchange_certificate", N_("The agency has no exchange certificate. Nothing was sent.")
        )
    key = desk.tools.exchange_key(row.key_name)
    at = desk.now()
    return row, lambda data: sign_detached(data, key, at=at)


def _check_signed(desk: Desk, data: bytes, signature: bytes, identifier: str) -> Agency:
    """Who signed these bytes: the certificate must be trusted and belong to the agency that says it sent them.

    Raises:
        SignatureProblem: wrong, untrusted, revoked, or another agency's.
    """
    from signing.detached import verify_detached

    found = verify_detached(data, signature, desk.tools.trust(), at=desk.now())
    if not found.ok:
        raise SignatureProblem(
            "exchange_signature",
            N_("The signature of a message from another agency is not valid."),
            reasons=found.reasons,
        )
    agency = desk.session.scalars(
        select(Agency)
        .join(Certificate, Certificate.agency_id == Agency.id)
        .where(Certificate.sha256 == found.certificate_sha256, Certificate.purpose == "exchange")
        .execution_options(scoped=True)  # exchange certificates are everybody's to read
    ).one_or_none()
    today = local_date(desk.now())
    if agency is None or directory.identifier(desk, agency.id, today) != identifier:
        raise SignatureProblem(
            "sender_mismatch", N_("A message was signed by another agency than it names."), named=identifier
        )
    return agency


def _own_identifier(desk: Desk) -> str:
    return directory.identifier(desk, desk.agency, local_date(desk.now()))


# deliver: the sender hands a container over


@dataclass(frozen=True)
class Packed:
    """A container in the store."""

    sha256: str
    size: int
    manifest_sha256: str


def _pack(desk: Desk, row: Delivery) -> Packed | None:
    if row.container_sha256 is not None:
        return None
    document = desk.session.scalars(scope(desk, Document).where(Document.id == row.document_id)).one()
    sealed = main_file(document, "sealed")
    if sealed is None or document.issued_date is None or document.number is None:
        raise NotFound(table="document_file", stage="sealed")
    _certificate, sign = _signer(desk)
    now = desk.now()
    own = _own_identifier(desk)
    data = desk.files.read(sealed.sha256, check=True)
    envelope = container.Envelope(
        id=row.id,
        kind="document",
        conversation=row.conversation,
        seq=1,
        sender=container.Party(org=own, installation=desk.settings.installation),
        to=container.Party(org=row.to_identifier, installation=desk.settings.installation),
        created=now,
        expires=now + EXPIRY,
        document=container.DocumentFacts(
            uid=f"{own}/{document.issued_date.year}/{document.id}",
            number=str(document.number),
            notation=document.symbol,
            issued=document.issued_date,
            type=document.kind,
            subject=document.subject,
            issuer=document.issuer_name,
            signer=document.signer_name,
            priority=_PRIORITY[document.urgency],
            paper_follows=row.paper,
        ),
    )
    parts = [container.Payload(sealed.name, data, role="main"), *annexes.payloads(desk, document)]
    packed = container.pack(envelope, parts, sign)
    sha256 = desk.files.put(packed)
    return Packed(sha256, len(packed), container.unpack(packed).manifest_sha256)


_PRIORITY = {"normal": 0, "urgent": 1, "very_urgent": 2, "express": 3}
_URGENCY = {value: name for name, value in _PRIORITY.items()}


@verb(Permission.EXCHANGE_DELIVER, "delivery.sent", on=Delivery, prepare=_pack)
def deliver(desk: Desk, row: Delivery, *, prepared: Packed | None) -> Delivery:
    """Hand a document's container to the receiving agency of this installation."""
    if row.to_agency_id is None:
        raise NotFound(table="agency", id=row.to_name)
    if prepared is not None and row.container_sha256 is None:
        examine.keep_file(desk, prepared.sha256, prepared.size, CONTAINER, 0)
        row.container_sha256, row.manifest_sha256 = prepared.sha256, prepared.manifest_sha256
    row.attempts += 1
    row.state, row.sent_at = DeliveryState.SENDING, row.sent_at or desk.now()
    _event(desk, row, "sent")
    desk.note(document=row.document_id, delivery=row.id, container=row.container_sha256, attempt=row.attempts)
    desk.later(
        "exchange.receive",
        f"receive:{row.id}:{row.attempts}",
        {"sha256": row.container_sha256, "delivery": str(row.id), "sender": str(desk.agency)},
        agency=row.to_agency_id,
    )
    return row


@verb(Permission.EXCHANGE_DELIVER, "delivery.failed", on=Delivery)
def fail(desk: Desk, row: Delivery, *, reason: str) -> Delivery:
    """Show that a delivery was given up and why; a clerk may have it sent again."""
    if row.state in (DeliveryState.QUEUED, DeliveryState.SENDING):
        row.state, row.refusal = DeliveryState.FAILED, reason
    _event(desk, row, "problem", description=reason, applied=row.state == DeliveryState.FAILED)
    desk.note(document=row.document_id, delivery=row.id, reason=reason)
    return row


@verb(Permission.EXCHANGE_POST, "delivery.resent", on=Delivery)
def resend(desk: Desk, row: Delivery) -> Delivery:
    """Have a failed delivery sent again: the same message under the same id, so it never arrives twice.

    Raises:
        InvalidInput: it has not failed.
    """
    if row.state != DeliveryState.FAILED:
        raise InvalidInput("not_failed", N_("Only a failed delivery is sent again. Nothing was changed."))
    row.state, row.refusal = DeliveryState.QUEUED, ""
    desk.note(document=row.document_id, delivery=row.id)
    desk.later("exchange.deliver", f"deliver:{row.id}:{row.attempts}", {"delivery": str(row.id)}, part=f"to:{row.id}")
    return row


def _event(
    desk: Desk,
    row: Delivery,
    kind: str,
    *,
    code: str | None = None,
    description: str = "",
    staff: str = "",
    sha256: str | None = None,
    applied: bool = True,
    at: datetime | None = None,
) -> None:
    desk.session.add(
        DeliveryEvent(
            id=new_id(),
            agency_id=desk.agency,
            delivery_id=row.id,
            kind=kind,
            code=code,
            at=at or desk.now(),
            description=description,
            staff=staff,
            sha256=sha256,
            applied=applied,
        )
    )


# receive: the receiver writes its own rows from the bytes


@dataclass(frozen=True)
class Opened:
    """A container whose signature and contents were checked, its files examined, and the receipt for it."""

    envelope: Any
    sender: UUID
    sender_name: str
    manifest_sha256: str
    main: Examined
    name: str
    receipt_sha256: str
    receipt_size: int
    annexes: tuple[annexes.Received, ...] = ()


def _open(desk: Desk, *, sha256: str) -> Opened:
    path = desk.files.path(sha256)
    children = desk.tools.sandbox()
    raises = (container.BadContainer,)
    found = container.contents(children.call("eoffice.formats.container.describe", path, raises=raises))
    envelope = found.envelope
    if envelope.to.org != _own_identifier(desk):
        raise NotFound("unknown_receiver", table="agency", id=envelope.to.org)
    sender = _check_signed(desk, found.manifest, found.signature, envelope.sender.org)
    index, main = next((index, part) for index, part in enumerate(found.parts) if part.role == "main")

    def opened(place: int, *, read: bool) -> Examined:
        """One file of the container, if it is the very one the sender's signature vouches for."""
        data = children.call("eoffice.formats.container.payload", path, raises=raises, index=place)
        kept = desk.files.put(data)
        if kept != found.parts[place].sha256 or not found.vouches_for(kept):
            raise container.DigestMismatch(part=found.parts[place].title)
        return examine.examine(desk, kept, read=read)

    examined = opened(index, read=True)
    beside = [
        annexes.Received(part.title, opened(place, read=False))
        for place, part in enumerate(found.parts)
        if part.role == "annex"
    ]
    own = receipt.Receipt(
        message=envelope.id,
        sender=envelope.sender.org,
        to=envelope.to.org,
        manifest_sha256=found.manifest_sha256,
        received_at=desk.now(),
        receiver_installation=desk.settings.installation,
        register_hint="",
        previous_receipt_sha256=None,
    )
    _certificate, sign = _signer(desk)
    signed = receipt.sealed(own, sign)
    return Opened(
        envelope=envelope,
        sender=sender.id,
        sender_name=sender.name,
        manifest_sha256=found.manifest_sha256,
        main=examined,
        name=main.title,
        receipt_sha256=desk.files.put(signed),
        receipt_size=len(signed),
        annexes=tuple(beside),
    )


@verb(Permission.EXCHANGE_RECEIVE, "message.received", prepare=_open)
def receive(desk: Desk, *, sha256: str, prepared: Opened) -> Message:
    """Take a container in: once, whatever is repeated; the answer is always the same signed receipt.

    Raises:
        NotFound: addressed to another agency.
        SignatureProblem: not signed by the agency it names.
        Conflict: a message with this id but other contents was received before.
    """
    envelope = prepared.envelope
    row = desk.session.scalars(
        scope(desk, Message).where(
            Message.message == envelope.id, Message.sender_installation == envelope.sender.installation
        )
    ).one_or_none()
    if row is None:
        row = _take_in(desk, sha256, prepared)
    elif row.manifest_sha256 != prepared.manifest_sha256:
        raise Conflict("id_reuse", N_("A message came twice with different contents. The first one is kept."))
    desk.note(
        message=row.message,
        document=row.document_id,
        container=sha256,
        manifest=row.manifest_sha256,
        receipt=row.receipt_sha256,
    )
    desk.later(
        "exchange.confirm",
        f"confirm:{row.message}:{sha256}:{desk.key}",
        {"delivery": str(row.message), "sha256": row.receipt_sha256},
        agency=prepared.sender,
    )
    return row


def _take_in(desk: Desk, sha256: str, prepared: Opened) -> Message:
    envelope = prepared.envelope
    said = envelope.document
    facts = Facts(
        code=f"{int(said.number):02d}/{said.notation}",
        issued_date=said.issued,
        issuer_name=said.issuer or prepared.sender_name,
        issuer_identifier=envelope.sender.org,
        subject=said.subject,
        kind=said.type,
        signer_name=said.signer,
        urgency=_URGENCY.get(said.priority, "normal"),
    )
    arrival = Arrival(prepared.main.sha256, prepared.name, "intra_system", facts=facts, message=(own := new_id()))
    document = incoming.arrive(desk, arrival=arrival, prepared=prepared.main)
    annexes.keep_received(desk, document, prepared.annexes)
    examine.keep_file(desk, sha256, len(desk.files.read(sha256)), CONTAINER, 0)
    examine.keep_file(desk, prepared.receipt_sha256, prepared.receipt_size, "application/json", 0)
    row = Message(
        id=own,
        agency_id=desk.agency,
        message=envelope.id,
        channel="local",
        sender_installation=envelope.sender.installation,
        sender_identifier=envelope.sender.org,
        sender_name=prepared.sender_name,
        sender_id=prepared.sender,
        container_sha256=sha256,
        manifest_sha256=prepared.manifest_sha256,
        received_at=desk.now(),
        document_id=document.id,
        receipt_sha256=prepared.receipt_sha256,
    )
    desk.session.add(row)
    desk.session.flush()
    incoming.tell_sender(desk, document, "01")
    return row


# confirm: the sender believes nothing before the receipt is checked


@dataclass(frozen=True)
class Answer:
    """A receipt or status whose signature was checked, and the bytes it came as."""

    said: receipt.Receipt
    size: int


def _read_answer(desk: Desk, row: Delivery, *, sha256: str) -> Answer:
    data = desk.files.read(sha256, check=True)
    found = receipt.opened(data)
    said = found.receipt
    _check_signed(desk, found.content, found.signature, row.to_identifier)
    if (said.message, said.sender, said.to) != (row.id, _own_identifier(desk), row.to_identifier):
        raise SignatureProblem("receipt_mismatch", N_("A receipt speaks of another message. The delivery stays open."))
    if said.manifest_sha256 != row.manifest_sha256:
        raise SignatureProblem("receipt_mismatch", N_("A receipt speaks of other contents. The delivery stays open."))
    return Answer(said, len(data))


@verb(Permission.EXCHANGE_CONFIRM, "delivery.confirmed", on=Delivery, prepare=_read_answer)
def confirm(desk: Desk, row: Delivery, *, sha256: str, prepared: Answer) -> Delivery:
    """Mark a delivery delivered, after its receipt was verified: signature, sender, message and manifest.

    Raises:
        SignatureProblem: the receipt is not in order; the delivery stays open.
    """
    examine.keep_file(desk, sha256, prepared.size, "application/json", 0)
    if row.receipt_sha256 is None:
        row.receipt_sha256, row.delivered_at = sha256, desk.now()
        if row.state in (DeliveryState.QUEUED, DeliveryState.SENDING):
            row.state = DeliveryState.DELIVERED
        _event(desk, row, "receipt", sha256=sha256, at=prepared.said.received_at)
    desk.note(document=row.document_id, delivery=row.id, receipt=sha256)
    return row


# report and apply: what the receiver does comes back to the sender


@dataclass(frozen=True)
class Signed:
    """A status in the store."""

    sha256: str
    size: int


def _sign_status(desk: Desk, row: Message, *, code: str, description: str = "", staff: str = "") -> Signed:
    document = desk.session.scalars(scope(desk, Document).where(Document.id == row.document_id)).one()
    said = receipt.Receipt(
        message=row.message,
        sender=row.sender_identifier,
        to=_own_identifier(desk),
        manifest_sha256=row.manifest_sha256,
        received_at=desk.now(),
        receiver_installation=desk.settings.installation,
        register_hint=str(document.arrival_number or ""),
        previous_receipt_sha256=row.last_status_sha256 or row.receipt_sha256,
        kind="status",
        status_code=code,
        description=description,
        staff=staff,
    )
    _certificate, sign = _signer(desk)
    data = receipt.sealed(said, sign)
    return Signed(desk.files.put(data), len(data))


@verb(Permission.EXCHANGE_REPORT, "status.reported", on=Message, prepare=_sign_status)
def report(
    desk: Desk, row: Message, *, code: str, prepared: Signed, description: str = "", staff: str = ""
) -> Message:
    """Report a status of a received document to its sender, signed, chained to the one before."""
    examine.keep_file(desk, prepared.sha256, prepared.size, "application/json", 0)
    row.last_status_sha256 = prepared.sha256
    desk.note(message=row.message, document=row.document_id, code=code, description=description, staff=staff)
    desk.later(
        "exchange.apply",
        f"apply:{row.message}:{code}",
        {"delivery": str(row.message), "sha256": prepared.sha256},
        agency=row.sender_id,
        part=f"status:{row.message}",
    )
    return row


@verb(Permission.EXCHANGE_APPLY, "status.applied", on=Delivery, prepare=_read_answer)
def apply(desk: Desk, row: Delivery, *, sha256: str, prepared: Answer) -> Delivery:
    """Apply a receiver's status: never backwards; a late one belongs to the history only."""
    examine.keep_file(desk, sha256, prepared.size, "application/json", 0)
    said = prepared.said
    if said.status_code is None:
        raise InvalidInput("not_a_status", N_("A receipt came where a status was expected."))
    target = lifecycle.advance(DeliveryState(row.state), said.status_code)
    if target is not None:
        row.state, row.status_code, row.status_at = target, said.status_code, said.received_at
        if target is DeliveryState.REFUSED:
            row.refusal = said.description
    _event(
        desk,
        row,
        "status",
        code=said.status_code,
        description=said.description,
        staff=said.staff,
        sha256=sha256,
        applied=target is not None,
        at=said.received_at,
    )
    desk.note(document=row.document_id, delivery=row.id, code=said.status_code, applied=target is not None)
    return row


def deliveries(desk: Desk, document_id: UUID) -> list[Delivery]:
    """Deliveries of an outgoing document with their events, in the order of the letter."""
    return list(
        desk.session.scalars(
            scope(desk, Delivery)
            .where(Delivery.document_id == document_id)
            .order_by(Delivery.id)
            .options(joinedload(Delivery.events))
        ).unique()
    )


def recipient_names(desk: Desk, deliveries: Collection[UUID]) -> dict[str, str]:
    """To whom some deliveries of this person's agencies went, by the id of the delivery."""
    if not deliveries:
        return {}
    rows = desk.session.execute(
        scope(desk, Delivery)
        .where(Delivery.id.in_(sorted(deliveries)))
        .with_only_columns(Delivery.id, Delivery.to_name)
    )
    return {str(row[0]): row[1] for row in rows}


@verb(Permission.EXCHANGE_POST, "delivery.posted", on=Delivery)
def post(desk: Desk, row: Delivery, *, note: str = "") -> Delivery:
    """Write down that a paper letter was handed to the post."""
    if row.channel != "paper" or row.state != DeliveryState.QUEUED:
        raise InvalidInput("not_on_paper", N_("This delivery does not travel on paper. Nothing was changed."))
    row.state, row.sent_at = DeliveryState.POSTED, desk.now()
    _event(desk, row, "posted", description=tidy(note))
    desk.note(document=row.document_id, delivery=row.id, note=tidy(note))
    return row

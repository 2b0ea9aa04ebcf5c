"""From the leader's signature to the issued document: sign, number, seal, issue, in the law's order.

Decree 30/2020 article 14: signature of the competent person, number and date, register, signature of the agency,
issue. Each deed has its own commit; a crash between two of them is continued by doing the next one again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from eoffice.core.clock import local_date
from eoffice.core.desk import Desk, scope
from eoffice.core.errors import Conflict, NotAllowed, NotFound, SignatureProblem, StaleForm
from eoffice.core.i18n import N_
from eoffice.core.ids import new_id
from eoffice.models.directory import Certificate, Picture
from eoffice.models.documents import Document, DocumentFile
from eoffice.models.exchange import Delivery, Recipient
from eoffice.models.review import SigningItem
from eoffice.rules import authority, delivery, kinds, numbering
from eoffice.rules.access import Permission
from eoffice.rules.lifecycle import DeliveryState, State
from eoffice.services import books, directory, drafting, examine
from eoffice.services.examine import Examined
from eoffice.services.incoming import main_file
from eoffice.services.verbs import verb

LEADER_FIELD, AGENCY_FIELD = "leader", "agency"
"""Names of the two signature fields that every draft carries in place."""


@dataclass(frozen=True)
class Made:
    """A file that came out of a signature: what it was made from, and what verification says of it."""

    source_sha256: str
    examined: Examined


class SigningStopped(Conflict):
    code = "signing_stopped"
    message = N_("Signing was stopped before this document's turn. Nothing was signed or lost.")


# sign


def may_sign(desk: Desk, document: Document) -> authority.Capacity:
    """The capacity in which the person at this desk signs a document today.

    Raises:
        NotAllowed: he is not the signer named in it, has no authority for it on this day, or an approval is missing.
    """
    if document.signer_post_id is None or document.signer_post_id != desk.actor.post:
        raise NotAllowed("not_signer", N_("Another person is named to sign this document. Nothing was changed."))
    drafting.check_approved(desk, document)
    capacity = authority.Capacity.parse(document.capacity)
    found = [
        authority.Authority(
            post=row.post_id,
            capacity=authority.Capacity(authority.Basis(row.basis), authority.Holder(row.holder)),
            kinds=frozenset(row.kinds) if row.kinds is not None else None,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            basis_document=row.basis_document,
        )
        for row in directory.authorities(desk, document.signer_post_id)
    ]
    answer = authority.check(found, capacity=capacity, kind=document.kind, on=local_date(desk.now()))
    if isinstance(answer, authority.Refused):
        raise NotAllowed(answer.reason, answer.message)
    return capacity


def leader_certificate(desk: Desk) -> Certificate:
    """The certificate of the person at this desk.

    Raises:
        SignatureProblem: he has none that is in force.
    """
    return _in_force(directory.certificate(desk, "leader", post_id=desk.actor.post))


def seal_certificate(desk: Desk) -> Certificate:
    """The agency's seal, for its custodian alone (Decree 30/2020 articles 32-33).

    Raises:
        NotAllowed: another post keeps this key.
        SignatureProblem: the agency has none that is in force.
    """
    row = _in_force(directory.certificate(desk, "seal"))
    if row.custodian_post_id != desk.actor.post:
        raise NotAllowed("not_custodian", N_("Only the person who keeps the agency's key seals documents."))
    return row


def _in_force(row: Certificate | None) -> Certificate:
    if row is None:
        raise SignatureProblem(
            "no_certificate",
            N_("There is no certificate for this signature. Nothing was changed. Please tell the administrator."),
        )
    return row


def check_shown(document: Document, sha256: str) -> None:
    """The draft must be the very version that was displayed.

    Raises:
        Conflict: ``draft_changed``.
    """
    if _file(document, "draft").sha256 != sha256:
        raise Conflict(
            "draft_changed",
            N_(
                "A newer version was saved after you looked. The signature is only put on what was displayed. "
                "Nothing was lost. Please look at the new version."
            ),
        )


def _sign(desk: Desk, document: Document, *, sha256: str = "", batch: UUID | None = None, **_others: Any) -> Made:
    """Have the leader's key sign the approved draft, and verify all of it before anything is committed."""
    from signing.sign import Request, sign

    if sha256:
        check_shown(document, sha256)
    _item(desk, document, sha256, batch)
    may_sign(desk, document)
    certificate = leader_certificate(desk)
    draft = _file(document, "draft")
    request = Request(
        field=LEADER_FIELD,
        kind="certification",
        stamp=_stamp(desk, directory.picture(desk, "handwriting", post_id=desk.actor.post)),
        level=_level(desk),
    )
    key = _key(desk, certificate, draft.sha256)
    signed = sign(
        desk.files.read(draft.sha256), key, request, desk.tools.trust(), tsa=desk.tools.tsa(), at=desk.now()
    )
    made = Made(draft.sha256, examine.examine(desk, desk.files.put(signed.pdf), read=False))
    _check_signatures(made.examined, {LEADER_FIELD: certificate.sha256})
    return made


@verb(Permission.DOCUMENT_SIGN, "document.signed", on=Document, prepare=_sign)
def sign(
    desk: Desk,
    document: Document,
    *,
    prepared: Made,
    shown: dict[str, Any] | None = None,
    sha256: str = "",
    batch: UUID | None = None,
) -> Document:
    """Put the leader's signature under the approved draft: his own key, his authority of today.

    Args:
        shown: record of what was displayed to him before, kept with the signature.
        sha256: of the version that was displayed; only that one is signed.
        batch: of his signing list, when it is signed from there in the background.

    Raises:
        NotAllowed: not the signer, no authority today, or an approval is missing.
        SignatureProblem: key locked, wrong password, certificate unfit, time-stamp missing, or the result is not valid.
        Conflict: the draft is another one than was displayed; SigningStopped: it was taken out of the batch.
        StaleForm: the draft has changed since it was signed.
    """
    if sha256:
        check_shown(document, sha256)
    item = _item(desk, document, sha256, batch)
    capacity = may_sign(desk, document)
    if _file(document, "draft").sha256 != prepared.source_sha256:
        raise StaleForm(file=prepared.source_sha256)
    _keep(desk, document, prepared, "signed")
    document.state, document.signed_at = State.SIGNED, desk.now()
    document.signer_name, document.signer_title = desk.actor.name, desk.actor.title
    if item is not None:
        item.state, item.ended_at = "signed", desk.now()
        item.code = item.reason_vi = item.reason_en = ""
    desk.note(
        document=document.id,
        sha256=prepared.examined.sha256,
        capacity=str(capacity),
        certificate=leader_certificate(desk).sha256,
        shown=shown or {},
    )
    return document


def _item(desk: Desk, document: Document, sha256: str, batch: UUID | None) -> SigningItem | None:
    """The place of this document in the signer's list, if it has one.

    Raises:
        SigningStopped: it no longer waits in this batch.
    """
    statement = scope(desk, SigningItem).where(
        SigningItem.document_id == document.id, SigningItem.post_id == desk.actor.post
    )
    row = desk.session.scalars(statement.with_for_update() if desk.writing else statement).one_or_none()
    if batch is not None and (row is None or (row.state, row.batch, row.sha256) != ("queued", batch, sha256)):
        raise SigningStopped
    return row


# number


@verb(Permission.DOCUMENT_NUMBER, "document.numbered", on=Document)
def number(desk: Desk, document: Document) -> Document:
    """Give number and date and write the line of the outgoing book, after the leader's valid signature.

    Raises:
        SignatureProblem: the signed file has no valid signature of the leader.
    """
    signed = _file(document, "signed")
    _check_stored(desk, signed.sha256)
    series = _series(desk, document)
    taken, today = books.take(desk, series, document.id)
    document.number, document.issued_date = taken, today
    document.code = numbering.code(taken, document.symbol)
    document.book_year = today.year
    document.numbered_at = desk.now()
    document.state = State.NUMBERED
    document.folded = drafting.search_text(document)
    recipients = drafting.recipients(desk, document.id)
    books.write_line(
        desk,
        document,
        series,
        taken,
        {
            "code": document.code,
            "issued_date": today.isoformat(),
            "kind_and_subject": f"{kinds.by_code(document.kind).name_vi}: {document.subject}",
            "signer": document.signer_name,
            "recipients": [recipient.name for recipient in recipients],
            "copies": sum(recipient.paper for recipient in recipients),
            "note": "",
        },
    )
    desk.note(document=document.id, book="outgoing", year=today.year, number=taken, code=document.code)
    return document


# seal


def _seal(desk: Desk, document: Document) -> Made:
    """Fill number and date and sign with the agency's key, in one increment that locks the file."""
    from signing.seal import SealRequest, fill_and_seal

    certificate = seal_certificate(desk)
    signed = _file(document, "signed")
    _check_stored(desk, signed.sha256)
    if document.number is None or document.issued_date is None:
        raise SignatureProblem("number_missing", N_("The document has no number and date yet. Nothing was changed."))
    request = SealRequest(
        texts=numbering.fields(document.number, document.issued_date),
        stamp=_stamp(desk, directory.picture(desk, "seal")),
        field=AGENCY_FIELD,
        leader_field=LEADER_FIELD,
        level=_level(desk),
    )
    key = _key(desk, certificate, signed.sha256)
    sealed = fill_and_seal(
        desk.files.read(signed.sha256), key, request, desk.tools.trust(), tsa=desk.tools.tsa(), at=desk.now()
    )
    return Made(signed.sha256, examine.examine(desk, desk.files.put(sealed.pdf), read=False))


def _series(desk: Desk, document: Document) -> str:
    return numbering.series_key(desk.agency, local_date(desk.now()).year, numbering.scope(kinds.by_code(document.kind)))


@verb(Permission.DOCUMENT_SEAL, "document.sealed", on=Document, prepare=_seal)
def seal(desk: Desk, document: Document, *, prepared: Made) -> Document:
    """Sign with the agency's key, by its custodian, only a file that bears the leader's valid signature and a number.

    Raises:
        NotAllowed: not the custodian.
        SignatureProblem: no valid leader's signature, no number, key locked, or the result is not valid.
    """
    certificate = seal_certificate(desk)
    if _file(document, "signed").sha256 != prepared.source_sha256:
        raise StaleForm(file=prepared.source_sha256)
    _check_signatures(prepared.examined, {LEADER_FIELD: _leader_of(desk, document), AGENCY_FIELD: certificate.sha256})
    _keep(desk, document, prepared, "sealed")
    document.state, document.sealed_at = State.SEALED, desk.now()
    desk.note(document=document.id, sha256=prepared.examined.sha256, certificate=certificate.sha256, code=document.code)
    return document


# issue


def _verify_sealed(desk: Desk, document: Document) -> Examined:
    return examine.examine(desk, _file(document, "sealed").sha256, read=False)


@verb(Permission.DOCUMENT_ISSUE, "document.issued", on=Document, prepare=_verify_sealed)
def issue(desk: Desk, document: Document, *, prepared: Examined) -> Document:
    """Issue a sealed document: one delivery per recipient, its class frozen now (Decision 28/2018 articles 5-7).

    Raises:
        SignatureProblem: the file is not valid with both signatures.
        InvalidInput: paper without a legal reason, or a recipient whom nothing would reach.
        NotFound: no recipient.
    """
    sealed = _file(document, "sealed")
    if sealed.sha256 != prepared.sha256:
        raise StaleForm(file=prepared.sha256)
    examine.keep(desk, prepared)
    seal_row = directory.certificate(desk, "seal")
    wanted = {LEADER_FIELD: _leader_of(desk, document), AGENCY_FIELD: seal_row.sha256 if seal_row else ""}
    _check_signatures(prepared, wanted)
    people = drafting.recipients(desk, document.id)
    if not people:
        raise NotFound("no_recipient", N_("This document has no recipient. Nothing was changed."))
    verdicts = {item["field"]: item["verdict"] for item in prepared.report["signatures"]}
    made = [_deliver(desk, document, person, verdicts) for person in people]
    document.state, document.issued_at = State.ISSUED, desk.now()
    desk.note(
        document=document.id,
        code=document.code,
        sha256=sealed.sha256,
        deliveries=[_told(row, local_date(desk.now())) for row in made],
    )
    if document.reply_to_id is not None:
        desk.later(
            "routing.finish",
            f"finish:{document.reply_to_id}:{document.id}",
            {"document": str(document.reply_to_id), "answer": str(document.id)},
        )
    return document


def _told(row: Delivery, today: date) -> dict[str, Any]:
    """What the ledger is told of a delivery; with paper, whether the law asked for it."""
    told = {"id": row.id, "class": row.delivery_class, "to": row.to_name}
    return {**told, "obligatory": delivery.is_obligatory(row.paper_reason, today)} if row.paper else told


def _deliver(desk: Desk, document: Document, person: Recipient, verdicts: dict[str, str]) -> Delivery:
    today = local_date(desk.now())
    target = directory.agency(desk, person.to_agency_id) if person.to_agency_id else None
    electronic = target is not None and target.hosted and target.exchange_mode == "local"
    delivery.check_paper(person.paper, person.paper_reason, today)
    found = delivery.classify(
        delivery.DeliveryFacts(
            electronic=electronic,
            leader_verdict=verdicts.get(LEADER_FIELD),
            agency_verdict=verdicts.get(AGENCY_FIELD),
            paper=person.paper,
        )
    )
    row = Delivery(
        id=new_id(),
        agency_id=desk.agency,
        document_id=document.id,
        recipient_id=person.id,
        to_agency_id=person.to_agency_id,
        to_name=person.name,
        to_identifier=directory.identifier(desk, person.to_agency_id, today) if person.to_agency_id else "",
        channel="local" if electronic else "paper",
        delivery_class=found,
        paper=person.paper,
        paper_reason=person.paper_reason,
        state=DeliveryState.QUEUED,
        conversation=document.id,
        created_at=desk.now(),
    )
    desk.session.add(row)
    desk.session.flush()
    if electronic:
        desk.later("exchange.deliver", f"deliver:{row.id}", {"delivery": str(row.id)}, part=f"to:{row.id}")
    return row


# what several of them need


def _file(document: Document, stage: str) -> DocumentFile:
    row = main_file(document, stage)
    if row is None:
        raise NotFound(table="document_file", stage=stage)
    return row


def _key(desk: Desk, certificate: Certificate, sha256: str) -> Any:
    """The key as the agent holds it: unlocked by this sign-in, for this file."""
    from signing.agent import AgentKey

    chain = tuple(bytes.fromhex(der) for der in certificate.chain)
    return AgentKey(
        desk.tools.agent(), desk.actor.session, certificate.key_name, sha256, certificate.der, chain
    )


def _level(desk: Desk) -> Literal["B-B", "B-T"]:
    return "B-T" if desk.tools.tsa() is not None else "B-B"


def _stamp(desk: Desk, picture: Picture | None) -> Any:
    from signing.stamp import Stamp

    if picture is None:
        return None
    return Stamp(desk.files.read(picture.sha256), picture.width_um / 1000, picture.height_um / 1000)


def _keep(desk: Desk, document: Document, made: Made, stage: str) -> None:
    examine.keep(desk, made.examined)
    source = next(item for item in document.files if item.sha256 == made.source_sha256)
    desk.session.add(
        DocumentFile(
            id=new_id(),
            agency_id=desk.agency,
            document_id=document.id,
            sha256=made.examined.sha256,
            role="main",
            stage=stage,
            name=source.name,
            derived_from=made.source_sha256,
            created_at=desk.now(),
        )
    )


def _check_stored(desk: Desk, sha256: str) -> None:
    """The leader's file must have the stored verdict PASSED."""
    stored = examine.verdict_of(desk, sha256)
    if stored is None or stored.verdict != "PASSED":
        raise SignatureProblem(
            "leader_signature_missing",
            N_("The leader's signature is missing or not valid. Nothing was changed. Please send the document back."),
        )


def _check_signatures(found: Examined, wanted: dict[str, str]) -> None:
    """The file must be PASSED, and each field signed with exactly the certificate it must be signed with."""
    signed = {item["field"]: item for item in found.report["signatures"]}
    good = found.verdict == "PASSED" and all(
        field in signed and signed[field]["verdict"] == "PASSED" and signed[field]["certificate_sha256"] == sha256
        for field, sha256 in wanted.items()
    )
    if not good:
        raise SignatureProblem(
            "not_valid",
            N_("The signed file did not pass the check ({verdict}). Nothing was changed. Please try again."),
            verdict=found.verdict,
            reasons=[reason for item in found.report["signatures"] for reason in item["reasons"]],
        )


def _leader_of(desk: Desk, document: Document) -> str:
    """The certificate with which the leader signed this document, as the ledger's entry and the file say."""
    stored = examine.verdict_of(desk, _file(document, "signed").sha256)
    signatures = stored.report["signatures"] if stored else []
    mine = [item["certificate_sha256"] for item in signatures if item["field"] == LEADER_FIELD]
    certificate = desk.session.scalars(
        scope(desk, Certificate).where(
            Certificate.post_id == document.signer_post_id,
            Certificate.purpose == "leader",
            Certificate.sha256.in_(mine),
        )
    ).first()
    if certificate is None:
        raise SignatureProblem(
            "leader_signature_missing",
            N_("The leader's signature is missing or not valid. Nothing was changed. Please send the document back."),
        )
    return certificate.sha256

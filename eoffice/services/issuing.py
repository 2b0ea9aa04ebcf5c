"""From the leader's signature to the issued document: sign, number, seal, issue, in the law's order.

Decree 30/2020 article 14: signature of the competent person, number and date, register, signature of the agency,
issue. Each deed has its own commit; a crash between two of them is continued by doing the next one again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.orm.attributes import flag_modified

from eoffice.core.clock import local_date
from eoffice.core.desk import Desk, scope
from eoffice.core.errors import Conflict, NotAllowed, NotFound, SignatureProblem, StaleForm
from eoffice.core.i18n import N_
from eoffice.core.ids import new_id
from eoffice.models.directory import Agency, Certificate, Picture
from eoffice.models.documents import Document, DocumentFile, FileVerdict
from eoffice.models.exchange import Delivery, Recipient
from eoffice.models.review import SigningItem
from eoffice.rules import authority, delivery, kinds, numbering
from eoffice.rules.access import Permission
from eoffice.rules.delivery import DeliveryClass
from eoffice.rules.lifecycle import DeliveryState, Direction, State
from eoffice.services import annexes, books, directory, drafting, elsewhere, evidence, examine
from eoffice.services.elsewhere import Answer, Wanted
from eoffice.services.examine import Examined
from eoffice.services.incoming import main_file
from eoffice.services.verbs import verb

LEADER_FIELD, AGENCY_FIELD = "leader", "agency"
"""Names of the two signature fields that every draft carries in place."""

MOST_OPENED = 1000
"""Files for which the agency's key is opened at once, at most."""


@dataclass(frozen=True)
class Made:
    """A file that came out of a signature: what it was made from, and what verification says of it."""

    source_sha256: str
    examined: Examined
    annexes: tuple[annexes.Sealed, ...] = ()
    """What was sealed with it, in files of their own."""


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
    found = [row.as_rule() for row in directory.authorities(desk, document.signer_post_id)]
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


def leader_signature(desk: Desk, document: Document) -> Wanted:
    """The signature of the person at this desk under the approved draft, as it is to be made now.

    Raises:
        NotAllowed, SignatureProblem: as ``sign``.
    """
    from signing.sign import Request

    with sign.refusing(document.id):
        may_sign(desk, document)
        certificate = leader_certificate(desk)
    picture = directory.picture(desk, "handwriting", post_id=desk.actor.post)
    request = Request(LEADER_FIELD, kind="certification", stamp=_stamp(desk, picture), level=_level(desk))
    return Wanted(document.id, certificate, _file(document, "draft").sha256, request)


def _sign(
    desk: Desk,
    document: Document,
    *,
    sha256: str = "",
    batch: UUID | None = None,
    answer: Answer | None = None,
    **_others: Any,
) -> Made:
    """Have the leader's key sign the approved draft, and verify all of it before anything is committed."""
    if sha256:
        check_shown(document, sha256)
    _item(desk, document, sha256, batch, listed=answer is not None)
    wanted = leader_signature(desk, document)
    signed = elsewhere.make(desk, wanted, answer)
    made = Made(wanted.sha256, examine.examine(desk, desk.files.put(signed.pdf), read=False))
    _check_signatures(made.examined, {LEADER_FIELD: wanted.certificate.sha256})
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
    answer: Answer | None = None,
) -> Document:
    """Put the leader's signature under the approved draft: his own key, his authority of today.

    Args:
        shown: record of what was displayed to him before, kept with the signature.
        sha256: of the version that was displayed; only that one is signed.
        batch: of his signing list, when it is signed from there in the background.
        answer: of his token or program, when the key lies with him; the document stands in his list then.

    Raises:
        NotAllowed: not the signer, no authority today, or an approval is missing.
        SignatureProblem: key locked, wrong password, certificate unfit, time-stamp missing, or the result is not valid.
        Conflict: the draft is another one than was displayed; SigningStopped: it was taken out of the batch.
        StaleForm: the draft has changed since it was signed.
    """
    if sha256:
        check_shown(document, sha256)
    item = _item(desk, document, sha256, batch, listed=answer is not None)
    capacity = may_sign(desk, document)
    if _file(document, "draft").sha256 != prepared.source_sha256:
        raise StaleForm(file=prepared.source_sha256)
    if answer:
        elsewhere.claim(desk, answer)
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


def _item(
    desk: Desk, document: Document, sha256: str, batch: UUID | None, *, listed: bool = False
) -> SigningItem | None:
    """The place of this document in the signer's list, if it has one.

    Args:
        listed: it must stand there, in this version.

    Raises:
        SigningStopped: it no longer waits in this batch, or in the list.
    """
    statement = scope(desk, SigningItem).where(
        SigningItem.document_id == document.id, SigningItem.post_id == desk.actor.post
    )
    row = desk.session.scalars(statement.with_for_update() if desk.writing else statement).one_or_none()
    if batch is not None and (row is None or (row.state, row.batch, row.sha256) != ("queued", batch, sha256)):
        raise SigningStopped
    if listed and (row is None or row.sha256 != sha256 or row.state not in ("listed", "failed")):
        raise SigningStopped
    return row


# how it will reach whom


@dataclass(frozen=True)
class Way:
    """How a document reaches one recipient.

    Args:
        recipient: whom; to: his agency in the directory, None for a name alone.
        facts: what is known of this sending; reason: for which paper is sent, None without.
    """

    recipient: Recipient
    to: Agency | None
    facts: delivery.DeliveryFacts
    reason: str | None

    @property
    def channel(self) -> str:
        """``local`` or ``paper``."""
        return "local" if self.facts.electronic else "paper"

    @property
    def delivery_class(self) -> DeliveryClass | None:
        """The class it will have, None as long as nothing would reach this recipient."""
        return delivery.classify(self.facts) if self.facts.electronic or self.facts.paper else None


@dataclass(frozen=True)
class Plan:
    """What issuing a document will do now.

    Args:
        number: what it will be called; the next one as long as it has none.
        last: the last number given in its series; on: its date.
        ways: to whom and how.
        stored: what verification said of the file it begins from, None when it was never examined.
    """

    number: int
    last: int
    on: date
    ways: tuple[Way, ...]
    stored: FileVerdict | None

    @property
    def changes_paper(self) -> bool:
        """Whether the choice of paper is another one than the document carries."""
        return any(way.reason != (way.recipient.paper_reason if way.recipient.paper else None) for way in self.ways)

    @property
    def electronic(self) -> int:
        """How many get a file."""
        return sum(way.facts.electronic for way in self.ways)

    @property
    def on_paper(self) -> int:
        """How many get paper, alone or with the file."""
        return sum(way.facts.paper for way in self.ways)


def plan(desk: Desk, document: Document, chosen: Mapping[str, str] | None = None) -> Plan:
    """What issuing would do today: number, date, and way and class for each recipient as ``issue`` itself decides.

    Args:
        chosen: reasons for paper as somebody is just choosing them, by recipient (see ``choose_paper``).
    """
    stage = "sealed" if document.state in (State.SEALED, State.ISSUED) else "signed"
    file = main_file(document, stage)
    stored = examine.verdict_of(desk, file.sha256) if file is not None else None
    verdicts = _verdicts(stored.report) if stored is not None else {}
    if stage == "signed":
        verdicts[AGENCY_FIELD] = "PASSED"  # it is sealed first, or not issued at all
    people = drafting.recipients(desk, document.id)
    last = books.last(desk, _series(desk, document)) if document.number is None else document.number - 1
    return Plan(
        number=document.number or last + 1,
        last=last,
        on=document.issued_date or local_date(desk.now()),
        ways=tuple(_ways(desk, people, verdicts, chosen or {}, otherwise=delivery.NO_WAY)),
        stored=stored,
    )


def _ways(
    desk: Desk,
    people: Sequence[Recipient],
    verdicts: Mapping[str, str],
    chosen: Mapping[str, str],
    *,
    otherwise: str | None = None,
) -> list[Way]:
    """The way to each recipient.

    Args:
        chosen: reasons for paper that go before what is stored.
        otherwise: the reason proposed where only paper reaches him and none was given.
    """
    known = directory.agencies(desk, {one.to_agency_id for one in people if one.to_agency_id})
    ways = []
    for one in people:
        to = known.get(one.to_agency_id) if one.to_agency_id else None
        stored = one.paper_reason if one.paper else None
        electronic = to is not None and to.hosted and to.exchange_mode == "local"
        reason = chosen.get(str(one.id), stored or "") or (None if electronic else otherwise)
        facts = delivery.DeliveryFacts(
            electronic=electronic,
            leader_verdict=verdicts.get(LEADER_FIELD),
            agency_verdict=verdicts.get(AGENCY_FIELD),
            paper=reason is not None,
        )
        ways.append(Way(one, to, facts, reason))
    return ways


def _verdicts(report: Mapping[str, Any]) -> dict[str, str]:
    return {item["field"]: item["verdict"] for item in report["signatures"]}


@verb(Permission.DOCUMENT_ISSUE, "document.paper_chosen", on=Document)
def choose_paper(desk: Desk, document: Document, *, reasons: Mapping[str, str]) -> Document:
    """Choose for which recipients paper is sent too, and why, at the last moment before issuing (Decision 28/2018).

    Args:
        reasons: recipient's id as text -> code of the legal reason, "" without paper; whom it does not name stays.

    Raises:
        InvalidInput: a reason that does not hold today, or no way left for a recipient without an electronic one.
    """
    today = local_date(desk.now())
    ways = _ways(desk, drafting.recipients(desk, document.id), {}, reasons)
    for way in ways:
        delivery.check_paper(way.facts.paper, way.reason, today)
        delivery.classify(way.facts)  # refuses when nothing would reach him
        way.recipient.paper, way.recipient.paper_reason = way.facts.paper, way.reason
    # Whoever looks at the document with the choice before must be told: its version moves with its recipients.
    flag_modified(document, "state")
    if document.number is not None:
        books.revise_line(desk, document, copies=sum(way.facts.paper for way in ways))
    desk.note(document=document.id, paper={str(way.recipient.id): way.reason or "" for way in ways})
    return document


def open_seal(desk: Desk, document: Document, password: str, *, more: Sequence[str] = ()) -> None:
    """Open the agency's key for the signed file of a document, and for others, for this sign-in: 15 minutes.

    The password goes to the key agent and nowhere else: it is no argument of a deed, so no ledger, no remembered
    call and no log can hold it.

    Args:
        password: "" when the key should be open already.
        more: hashes of further signed files to open it for (see ``to_seal``).

    Raises:
        NotAllowed: another post keeps this key.
        SignatureProblem: no certificate in force.
        SigningError: wrong password, key closed and no password given, agent gone.
    """
    from signing.agent import MOST_HASHES
    from signing.errors import KeyUnavailable

    with seal.refusing(document.id):
        certificate = seal_certificate(desk)
        elsewhere.require_here(certificate)
    needed = _needed(document)
    if password:
        opened = needed | _with_annexes(desk, more, room=MOST_HASHES - len(needed))
        desk.tools.agent().unlock(desk.actor.session, certificate.key_name, password, opened)
    elif not needed <= opened_files(desk, certificate):
        raise KeyUnavailable("not_unlocked", certificate.key_name)


def is_seal_open(desk: Desk, certificate: Certificate, document: Document) -> bool:
    """Whether this sign-in may seal a document without giving the password again; no when the agent is gone."""
    from signing.errors import KeyUnavailable

    try:
        return _needed(document) <= opened_files(desk, certificate)
    except KeyUnavailable:
        return False


def _needed(document: Document) -> set[str]:
    """Hashes of everything that is signed when a document is sealed: the leader's file and each annex."""
    return {_file(document, "signed").sha256, *(annex.sha256 for annex in drafting.annexes(document))}


def _with_annexes(desk: Desk, signed: Sequence[str], *, room: int) -> set[str]:
    """Hashes of signed files and of their annexes, whole documents only, as many as an unlock takes."""
    beside, opened = annexes.beside(desk, signed), set[str]()
    for sha256 in signed:
        group = {sha256, *beside.get(sha256, ())}
        if len(opened | group) > room:
            break
        opened |= group
    return opened


def opened_files(desk: Desk, certificate: Certificate) -> set[str]:
    """Hashes of the files for which this sign-in has a key open."""
    status = desk.tools.agent().status(desk.actor.session)
    return {sha256 for item in status if item["key_id"] == certificate.key_name for sha256 in item["files"]}


def to_seal(desk: Desk) -> dict[UUID, str]:
    """Signed documents of this agency that wait for its signature, oldest first, and the hashes of their files."""
    waiting = (
        scope(desk, Document)
        .where(
            Document.agency_id == desk.agency,
            Document.direction == Direction.OUTGOING,
            Document.state.in_((State.SIGNED, State.NUMBERED)),
        )
        .with_only_columns(Document.id)
    )
    rows = desk.session.execute(
        scope(desk, DocumentFile)
        .where(
            DocumentFile.agency_id == desk.agency,
            DocumentFile.document_id.in_(waiting),
            DocumentFile.role == "main",
            DocumentFile.stage == "signed",
        )
        .order_by(DocumentFile.created_at, DocumentFile.id)
        .with_only_columns(DocumentFile.document_id, DocumentFile.sha256)
        .limit(MOST_OPENED)
    )
    return {key: sha256 for key, sha256 in rows}  # noqa: C416 - the newest file of a document wins


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


def agency_signature(desk: Desk, document: Document) -> Wanted:
    """The agency's signature on a numbered document, by its custodian, as it is to be made now.

    Raises:
        NotAllowed, SignatureProblem: as ``seal``.
    """
    from signing.seal import SealRequest

    with seal.refusing(document.id):
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
    return Wanted(document.id, certificate, signed.sha256, request)


def agency_signatures(desk: Desk, document: Document) -> list[Wanted]:
    """Every signature of the agency on a numbered document: on the document itself, and on each annex beside it.

    Raises:
        NotAllowed, SignatureProblem: as ``seal``.
    """
    own = agency_signature(desk, document)
    return [own, *annexes.wanted(document, own.certificate, level=_level(desk))]


def _seal(desk: Desk, document: Document, *, answer: Answer | None = None) -> Made:
    """Fill number and date and sign with the agency's key, which locks the file; evidence for both follows."""
    own = agency_signature(desk, document)
    sealed = elsewhere.make(desk, own, answer)
    beside = annexes.seal(desk, document, certificate=own.certificate, level=_level(desk), answer=answer)
    return Made(own.sha256, examine.examine(desk, desk.files.put(sealed.pdf), read=False), beside)


def _series(desk: Desk, document: Document) -> str:
    return numbering.series_key(desk.agency, local_date(desk.now()).year, numbering.scope(kinds.by_code(document.kind)))


@verb(Permission.DOCUMENT_SEAL, "document.sealed", on=Document, prepare=_seal)
def seal(desk: Desk, document: Document, *, prepared: Made, answer: Answer | None = None) -> Document:
    """Sign with the agency's key, by its custodian, only a file that bears the leader's valid signature and a number.

    Args:
        answer: of the clerk's token or program, when the key lies there.

    Raises:
        NotAllowed: not the custodian.
        SignatureProblem: no valid leader's signature, no number, key locked, or the result is not valid.
        SigningUnavailable: time-stamps or the status of certificates cannot be had; nothing was changed.
    """
    certificate = seal_certificate(desk)
    if _file(document, "signed").sha256 != prepared.source_sha256:
        raise StaleForm(file=prepared.source_sha256)
    _check_signatures(prepared.examined, {LEADER_FIELD: _leader_of(desk, document), AGENCY_FIELD: certificate.sha256})
    if answer:
        elsewhere.claim(desk, answer)
    _keep(desk, document, prepared, "sealed")
    annexes.keep_sealed(desk, document, prepared.annexes, certificate=certificate.sha256)
    document.state, document.sealed_at = State.SEALED, desk.now()
    desk.note(document=document.id, sha256=prepared.examined.sha256, certificate=certificate.sha256, code=document.code)
    return document


# issue


@dataclass(frozen=True)
class Ready:
    """The sealed file as verified in full, until when its signatures can be proven, and its annexes as verified."""

    examined: Examined
    ends: evidence.Ends | None
    annexes: tuple[Examined, ...] = ()


def _verify_sealed(desk: Desk, document: Document) -> Ready:
    sha256 = _file(document, "sealed").sha256
    examined = examine.examine(desk, sha256, read=False)
    ends = evidence.ends(desk.files.read(sha256), sha256, examined.report)
    return Ready(examined, ends, annexes.verify_sealed(desk, document))


@verb(Permission.DOCUMENT_ISSUE, "document.issued", on=Document, prepare=_verify_sealed)
def issue(desk: Desk, document: Document, *, prepared: Ready) -> Document:
    """Issue a sealed document: one delivery per recipient, its class frozen now (Decision 28/2018 articles 5-7).

    Raises:
        SignatureProblem: the file is not valid with both signatures.
        InvalidInput: paper without a legal reason, or a recipient whom nothing would reach.
        NotFound: no recipient.
    """
    sealed, examined = _file(document, "sealed"), prepared.examined
    if sealed.sha256 != examined.sha256:
        raise StaleForm(file=examined.sha256)
    examine.keep(desk, examined)
    wanted = {LEADER_FIELD: _leader_of(desk, document), AGENCY_FIELD: _seal_of(desk, examined)}
    _check_signatures(examined, wanted)
    annexes.check_sealed(desk, document, prepared.annexes, certificate=wanted[AGENCY_FIELD])
    evidence.keep(desk, document.id, prepared.ends)
    people = drafting.recipients(desk, document.id)
    if not people:
        raise NotFound("no_recipient", N_("This document has no recipient. Nothing was changed."))
    verdicts = _verdicts(examined.report)
    made = [_deliver(desk, document, way) for way in _ways(desk, people, verdicts, {})]
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


def _deliver(desk: Desk, document: Document, way: Way) -> Delivery:
    today = local_date(desk.now())
    delivery.check_paper(way.facts.paper, way.reason, today)
    row = Delivery(
        id=new_id(),
        agency_id=desk.agency,
        document_id=document.id,
        recipient_id=way.recipient.id,
        to_agency_id=way.recipient.to_agency_id,
        to_name=way.recipient.name,
        to_identifier=directory.identifier(desk, way.to.id, today) if way.to else "",
        channel=way.channel,
        delivery_class=delivery.classify(way.facts),
        paper=way.facts.paper,
        paper_reason=way.reason,
        state=DeliveryState.QUEUED,
        conversation=document.id,
        created_at=desk.now(),
    )
    desk.session.add(row)
    desk.session.flush()
    if way.facts.electronic:
        desk.later("exchange.deliver", f"deliver:{row.id}", {"delivery": str(row.id)}, part=f"to:{row.id}")
    return row


# what several of them need


def _file(document: Document, stage: str) -> DocumentFile:
    row = main_file(document, stage)
    if row is None:
        raise NotFound(table="document_file", stage=stage)
    return row


def _level(desk: Desk) -> Literal["B-B", "B-LT"]:
    """Evidence travels in the file; without an authority for time-stamps there is only the clock's word."""
    return "B-LT" if desk.tools.tsa() is not None else "B-B"


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


def _seal_of(desk: Desk, found: Examined) -> str:
    """The certificate of this agency's seal the file is signed with, "" when it is none of hers; she may have had a new
    one since the file was sealed."""
    mine = [item["certificate_sha256"] for item in found.report["signatures"] if item["field"] == AGENCY_FIELD]
    statement = directory.own(desk, Certificate).where(
        Certificate.purpose == "seal", Certificate.status != "revoked", Certificate.sha256.in_(mine)
    )
    return desk.session.scalars(statement.with_only_columns(Certificate.sha256)).first() or ""


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

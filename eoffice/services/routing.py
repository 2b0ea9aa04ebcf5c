"""Who does what by when: instruction, assignments, starting and finishing (Decree 30/2020 articles 23-24)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from eoffice.core.desk import Desk, scope
from eoffice.core.errors import InvalidInput, NotAllowed, NotFound
from eoffice.core.i18n import N_
from eoffice.core.ids import new_id
from eoffice.core.text import tidy
from eoffice.models.directory import Unit
from eoffice.models.documents import Document, Participant
from eoffice.models.routing import Assignment, Instruction
from eoffice.rules.access import Permission, Role
from eoffice.rules.lifecycle import State
from eoffice.services import directory
from eoffice.services.incoming import tell_sender
from eoffice.services.verbs import verb


@dataclass(frozen=True)
class Share:
    """One unit's or person's part in an instruction; role is ``lead``, ``coordinate`` or ``inform``."""

    role: str
    unit: UUID | None = None
    post: UUID | None = None


@verb(Permission.DOCUMENT_FORWARD, "document.forwarded", on=Document)
def forward(desk: Desk, document: Document, *, to: UUID | None = None) -> Document:
    """Submit a registered document to the leader (trình).

    Args:
        to: post of the leader who is to give the instruction; any leader of the agency when left out.

    Raises:
        InvalidInput: the post is no leader of this agency.
    """
    if to is not None and to not in {post.id for post in directory.leaders(desk)}:
        raise InvalidInput("not_a_leader", N_("This person is no leader of your agency. Nothing was changed."))
    document.state = State.SUBMITTED
    document.submitted_at = desk.now()
    document.submitted_to_id = to
    desk.note(document=document.id, to=to)
    return document


@verb(Permission.DOCUMENT_INSTRUCT, "document.instructed", on=Document)
def instruct(
    desk: Desk, document: Document, *, text: str, shares: Sequence[Share], working_days: int | None = None
) -> Document:
    """Write the leader's instruction: exactly one lead, any number of co-ordinators and informed, a deadline.

    Args:
        text: what is to be done.
        working_days: deadline in working days of the agency's calendar, counted from the next working day; the one
            named when the document was registered stands when left out.

    Raises:
        InvalidInput: no lead or more than one, somebody named twice, an impossible deadline.
    """
    text = tidy(text)
    if not text:
        raise InvalidInput("instruction_missing", N_("Please write what is to be done. Nothing was changed."))
    leads = [share for share in shares if share.role == "lead"]
    if len(leads) != 1:
        raise InvalidInput("one_lead", N_("Exactly one unit or person takes the lead. Nothing was changed."))
    named = [(share.unit, share.post) for share in shares]
    if len(set(named)) != len(named):
        raise InvalidInput("named_twice", N_("Somebody is named twice. Nothing was changed."))
    if working_days is not None and not 0 < working_days <= 250:
        raise InvalidInput("deadline_impossible", N_("The deadline is 1 to 250 working days. Nothing was changed."))
    now = desk.now()
    due = directory.calendar(desk).add_working_days(now, working_days) if working_days else document.due_at
    instruction = Instruction(
        id=new_id(),
        agency_id=desk.agency,
        document_id=document.id,
        post_id=desk.actor.post,
        text=text,
        at=now,
        due_at=due,
    )
    desk.session.add(instruction)
    desk.session.flush()
    for share in shares:
        _give(desk, document, instruction, share, due)
    document.state = State.ASSIGNED
    document.submitted_at = document.submitted_at or now
    document.assigned_at = now
    document.due_at = due
    desk.note(document=document.id, due=due, lead=[str(part) for part in named[shares.index(leads[0])] if part])
    tell_sender(desk, document, "04")
    return document


def _give(desk: Desk, document: Document, instruction: Instruction, share: Share, due: datetime | None) -> None:
    post = directory.post(desk, share.post) if share.post else None
    unit_id = share.unit or (post.unit_id if post else None)
    if share.unit is not None:
        _unit(desk, share.unit)
    if unit_id is None and post is None:
        raise InvalidInput("nobody_named", N_("Please name a unit or a person. Nothing was changed."))
    desk.session.add(
        Assignment(
            id=new_id(),
            agency_id=desk.agency,
            document_id=document.id,
            instruction_id=instruction.id,
            role=share.role,
            unit_id=unit_id,
            post_id=share.post,
            state="open",
            due_at=due if share.role != "inform" else None,
        )
    )
    desk.session.flush()
    let_see(desk, document.id, unit=share.unit, post=share.post)


def _unit(desk: Desk, unit_id: UUID) -> Unit:
    row = desk.session.scalars(
        scope(desk, Unit).where(Unit.id == unit_id, Unit.agency_id == desk.agency)
    ).one_or_none()
    if row is None:
        raise InvalidInput("unknown_unit", N_("This unit is not in the directory. Nothing was changed."))
    return row


def let_see(desk: Desk, document_id: UUID, *, unit: UUID | None = None, post: UUID | None = None) -> None:
    """Let a unit and/or a post see a document, once."""
    for name, value in (("unit_id", unit), ("post_id", post)):
        if value is None:
            continue
        column = getattr(Participant, name)
        known = desk.session.scalars(
            scope(desk, Participant).where(Participant.document_id == document_id, column == value).limit(1)
        ).first()
        if known is None:
            desk.session.add(Participant(agency_id=desk.agency, document_id=document_id, **{name: value}))
    desk.session.flush()


@verb(Permission.DOCUMENT_ASSIGN, "document.assigned", on=Document)
def assign(desk: Desk, document: Document, *, post: UUID) -> Document:
    """The head of a unit names the person who does his unit's part.

    Raises:
        NotAllowed: the unit has no open part in this document.
        InvalidInput: the person is not of the unit.
    """
    part = _part_of_unit(desk, document)
    person = directory.post(desk, post)
    if person.unit_id != part.unit_id or person.agency_id != desk.agency:
        raise InvalidInput("not_of_unit", N_("This person is not of your unit. Nothing was changed."))
    part.post_id = post
    let_see(desk, document.id, post=post)
    desk.note(document=document.id, post=post, role=part.role)
    return document


def _part_of_unit(desk: Desk, document: Document) -> Assignment:
    for part in assignments(desk, document.id):
        if part.unit_id == desk.actor.unit and part.unit_id is not None and part.state != "done":
            return part
    raise NotAllowed("no_part", N_("Your unit has no open part in this document. Nothing was changed."))


@verb(Permission.DOCUMENT_START, "document.started", on=Document)
def start(desk: Desk, document: Document) -> Document:
    """The person named begins; the sender hears 05 when it is the lead's person.

    Raises:
        NotAllowed: the document was not assigned to this person.
    """
    part = _own_part(desk, document)
    now = desk.now()
    if part.state == "open":
        part.state, part.started_at = "in_progress", now
    if part.role == "lead" and document.started_at is None:
        document.state, document.started_at = State.IN_PROGRESS, now
        tell_sender(desk, document, "05")
    desk.note(document=document.id, role=part.role)
    return document


def _own_part(desk: Desk, document: Document) -> Assignment:
    for part in assignments(desk, document.id):
        if part.post_id == desk.actor.post and part.state != "done":
            return part
    raise NotAllowed("not_yours", N_("This document was not assigned to you. Nothing was changed."))


@verb(Permission.DOCUMENT_FINISH, "document.finished", on=Document)
def finish(desk: Desk, document: Document, *, note: str = "", answer: UUID | None = None) -> Document:
    """Close a document: the answer was issued, or none is needed and the reason is written down; 06 goes out.

    Args:
        note: why no answer is needed.
        answer: the issued answer (the system closes the document with it).

    Raises:
        NotAllowed: neither the lead's person nor a leader.
        InvalidInput: neither answer nor reason.
    """
    parts = assignments(desk, document.id)
    lead = next((part for part in parts if part.role == "lead"), None)
    whole = {Role.LEADER, Role.SYSTEM} & set(desk.actor.roles)
    if not whole and (lead is None or lead.post_id != desk.actor.post):
        raise NotAllowed("not_lead", N_("Only the person in the lead or a leader closes a document."))
    note = tidy(note)
    if answer is None and not note:
        raise InvalidInput("reason_missing", N_("Please say why no answer is needed. Nothing was changed."))
    now = desk.now()
    document.state, document.done_at, document.done_note = State.DONE, now, note
    for part in parts:
        if part.state != "done" and (part is lead or whole):
            part.state, part.done_at = "done", now
    desk.note(document=document.id, answer=answer, note=note, **_times(desk, document))
    tell_sender(desk, document, "06")
    return document


def _times(desk: Desk, document: Document) -> dict[str, Any]:
    """The three parts of the processing time in working minutes, and whether the deadline was kept (K8, K12)."""
    calendar = directory.calendar(desk)
    marks = (document.arrived_at, document.registered_at, document.assigned_at, document.done_at)
    if any(mark is None for mark in marks):
        raise NotFound(table="document", id=str(document.id))
    arrived, registered, assigned, done = (mark for mark in marks if mark is not None)
    minutes = {
        "register": calendar.working_minutes_between(arrived, registered),
        "assign": calendar.working_minutes_between(registered, assigned),
        "handle": calendar.working_minutes_between(assigned, done),
    }
    if document.due_at is None:
        punctuality = "no_due"
    else:
        punctuality = "on_time" if done <= document.due_at else "late"
    return {"minutes": minutes, "punctuality": punctuality, "channel": document.channel}


def assignments(desk: Desk, document_id: UUID) -> list[Assignment]:
    """The parts of a document, the lead first."""
    rows = desk.session.scalars(
        scope(desk, Assignment).where(Assignment.document_id == document_id).order_by(Assignment.id)
    )
    return sorted(rows, key=lambda part: part.role != "lead")


def instructions(desk: Desk, document_id: UUID) -> list[Instruction]:
    """The instructions given for a document, in order."""
    return list(
        desk.session.scalars(
            scope(desk, Instruction).where(Instruction.document_id == document_id).order_by(Instruction.at)
        )
    )

"""The queues of the desks: which documents wait for somebody, by one condition that both counts and lists them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, false, or_, select, true

from eoffice.core.desk import Actor
from eoffice.models.documents import Document
from eoffice.models.review import LOOK_AGAIN, SigningItem
from eoffice.models.routing import Assignment
from eoffice.rules.access import Permission
from eoffice.rules.lifecycle import OPEN_INCOMING, Direction, State

S = State
PREPARING = (S.DRAFT, S.IN_REVIEW, S.CONTENT_OK, S.FORMAT_OK, S.SIGNED, S.NUMBERED, S.SEALED)
"""Outgoing documents that are not issued yet."""

Condition = Callable[[Actor], Any]


@dataclass(frozen=True)
class Queue:
    """Documents that wait for a deed of the person who looks.

    Args:
        code: as addresses name it.
        permission: who has this queue: those who may do the deed.
        direction, states: in which the documents are.
        mine: which of them wait for this very person.
    """

    code: str
    permission: Permission
    direction: Direction
    states: tuple[State, ...]
    mine: Condition


def _all(_actor: Actor) -> Any:
    return true()


def _parts(actor: Actor, *conditions: Any) -> Any:
    """Documents with an open part that fits."""
    found = select(Assignment.document_id).where(
        Assignment.agency_id == actor.agency, Assignment.state != "done", Assignment.role != "inform", *conditions
    )
    return Document.id.in_(found)


def _own_parts(actor: Actor) -> Any:
    return _parts(actor, Assignment.post_id == actor.post)


def _unit_parts(actor: Actor) -> Any:
    return _parts(actor, Assignment.unit_id == actor.unit) if actor.unit else false()


def _to_assign(actor: Actor) -> Any:
    if actor.unit is None:
        return false()
    return _parts(actor, Assignment.unit_id == actor.unit, Assignment.post_id.is_(None))


def _submitted_to(actor: Actor) -> Any:
    """Submitted to this leader, or to no one of them by name."""
    return or_(Document.submitted_to_id == actor.post, Document.submitted_to_id.is_(None))


def _of_unit(actor: Actor) -> Any:
    return and_(Document.unit_id == actor.unit, Document.drafter_post_id != actor.post) if actor.unit else false()


def _to_read(actor: Actor) -> Any:
    """Named to this signer, and not in his signing list yet."""
    listed = select(SigningItem.document_id).where(
        SigningItem.agency_id == actor.agency,
        SigningItem.post_id == actor.post,
        SigningItem.state.in_(("listed", "queued", "failed")),
        SigningItem.code.not_in(LOOK_AGAIN),
    )
    return and_(Document.signer_post_id == actor.post, Document.id.not_in(listed))


QUEUES: tuple[Queue, ...] = (
    Queue("to_register", Permission.DOCUMENT_REGISTER, Direction.INCOMING, (S.ARRIVED,), _all),
    Queue("to_forward", Permission.DOCUMENT_FORWARD, Direction.INCOMING, (S.REGISTERED,), _all),
    Queue("to_instruct", Permission.DOCUMENT_INSTRUCT, Direction.INCOMING, (S.SUBMITTED,), _submitted_to),
    Queue("to_assign", Permission.DOCUMENT_ASSIGN, Direction.INCOMING, (S.ASSIGNED, S.IN_PROGRESS), _to_assign),
    Queue("tasks", Permission.DOCUMENT_START, Direction.INCOMING, (S.ASSIGNED, S.IN_PROGRESS), _own_parts),
    Queue(
        "drafting",
        Permission.DRAFT_COMPOSE,
        Direction.OUTGOING,
        (S.DRAFT,),
        lambda actor: and_(Document.drafter_post_id == actor.post, Document.returned_at.is_(None)),
    ),
    Queue(
        "sent_back",
        Permission.DRAFT_COMPOSE,
        Direction.OUTGOING,
        (S.DRAFT,),
        lambda actor: and_(Document.drafter_post_id == actor.post, Document.returned_at.is_not(None)),
    ),
    Queue("to_approve", Permission.DRAFT_APPROVE_CONTENT, Direction.OUTGOING, (S.IN_REVIEW,), _of_unit),
    Queue(
        "to_check",
        Permission.DRAFT_APPROVE_FORMAT,
        Direction.OUTGOING,
        (S.CONTENT_OK,),
        lambda actor: Document.drafter_post_id != actor.post,
    ),
    Queue(
        "to_sign",
        Permission.DOCUMENT_SIGN,
        Direction.OUTGOING,
        (S.FORMAT_OK,),
        _to_read,
    ),
    Queue("to_issue", Permission.DOCUMENT_ISSUE, Direction.OUTGOING, (S.SIGNED, S.NUMBERED, S.SEALED), _all),
)
"""In the order of a document's life."""

BY_CODE = {queue.code: queue for queue in QUEUES}

SCOPES = ("mine", "unit", "late")
"""What waits for me; everything open of my unit (of my agency, for those who see it whole); and what of it is late."""


def condition(actor: Actor, code: str, scope: str) -> Any:
    """The documents of a queue within a scope, before what this person may see is taken into account."""
    queue = BY_CODE[code]
    if scope == "mine":
        return and_(Document.direction == queue.direction, Document.state.in_(queue.states), queue.mine(actor))
    states = OPEN_INCOMING if queue.direction == Direction.INCOMING else PREPARING
    wide = and_(Document.direction == queue.direction, Document.state.in_(states))
    if actor.whole_agency:
        return wide
    if queue.direction == Direction.INCOMING:
        return and_(wide, or_(_own_parts(actor), _unit_parts(actor)))
    own = Document.drafter_post_id == actor.post
    return and_(wide, or_(own, Document.unit_id == actor.unit) if actor.unit else own)


def overdue(at: datetime) -> Any:
    """Incoming, open and due before a time; in the words of the partial index, which knows no parameters."""
    states = [state.value for state in OPEN_INCOMING]
    return and_(
        Document.direction == bindparam(None, Direction.INCOMING.value, literal_execute=True),
        Document.state.in_(bindparam(None, states, expanding=True, literal_execute=True)),
        Document.due_at < at,
    )

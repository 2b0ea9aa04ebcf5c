"""The states of documents and deliveries, and which deed leads from which state to which, as data."""

from __future__ import annotations

from enum import StrEnum


class Direction(StrEnum):
    INCOMING = "incoming"
    OUTGOING = "outgoing"


class State(StrEnum):
    """States of a document: the incoming ones first, then the outgoing ones."""

    ARRIVED = "arrived"
    REFUSED = "refused"
    REGISTERED = "registered"
    SUBMITTED = "submitted"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    CANCELLED_BY_RECALL = "cancelled_by_recall"
    FILED = "filed"
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    CONTENT_OK = "content_ok"
    FORMAT_OK = "format_ok"
    SIGNED = "signed"
    NUMBERED = "numbered"
    SEALED = "sealed"
    ISSUED = "issued"
    RECALLING = "recalling"
    RECALLED = "recalled"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    VOID = "void"


S = State
INCOMING_STATES = (
    S.ARRIVED,
    S.REFUSED,
    S.REGISTERED,
    S.SUBMITTED,
    S.ASSIGNED,
    S.IN_PROGRESS,
    S.DONE,
    S.CANCELLED_BY_RECALL,
    S.FILED,
)
OUTGOING_STATES = tuple(state for state in State if state not in INCOMING_STATES)
OPEN_INCOMING = (S.ARRIVED, S.REGISTERED, S.SUBMITTED, S.ASSIGNED, S.IN_PROGRESS)
"""States in which an incoming document still wants work: the small living part of every book."""

COPIED_INCOMING = (S.REGISTERED, S.SUBMITTED, S.ASSIGNED, S.IN_PROGRESS, S.DONE, S.FILED)
"""States in which copies of an incoming document are made: it is in the book, and neither refused nor recalled."""

_REVIEWED = {S.DRAFT: S.DRAFT, S.IN_REVIEW: S.DRAFT, S.CONTENT_OK: S.DRAFT, S.FORMAT_OK: S.DRAFT}
"""A change of a draft, which begins its review anew."""

TRANSITIONS: dict[str, dict[State, State]] = {
    "register": {S.ARRIVED: S.REGISTERED},
    "refuse": {S.ARRIVED: S.REFUSED},
    "forward": {S.REGISTERED: S.SUBMITTED},
    "instruct": {S.REGISTERED: S.ASSIGNED, S.SUBMITTED: S.ASSIGNED},
    "assign": {S.ASSIGNED: S.ASSIGNED, S.IN_PROGRESS: S.IN_PROGRESS},
    "start": {S.ASSIGNED: S.IN_PROGRESS, S.IN_PROGRESS: S.IN_PROGRESS},
    "finish": {S.ASSIGNED: S.DONE, S.IN_PROGRESS: S.DONE},
    "revise": _REVIEWED,
    "add_annex": _REVIEWED,
    "arrange_annexes": _REVIEWED,
    "submit": {S.DRAFT: S.IN_REVIEW},
    "send_back": {S.IN_REVIEW: S.DRAFT, S.CONTENT_OK: S.DRAFT, S.FORMAT_OK: S.DRAFT},
    "approve_content": {S.IN_REVIEW: S.CONTENT_OK},
    "approve_format": {S.CONTENT_OK: S.FORMAT_OK},
    "approve": {S.FORMAT_OK: S.FORMAT_OK},
    "sign": {S.FORMAT_OK: S.SIGNED},
    "choose_paper": {S.SIGNED: S.SIGNED, S.NUMBERED: S.NUMBERED, S.SEALED: S.SEALED},
    "number": {S.SIGNED: S.NUMBERED},
    "seal": {S.NUMBERED: S.SEALED},
    "issue": {S.SEALED: S.ISSUED},
    "certify": {state: state for state in (*COPIED_INCOMING, S.ISSUED)},
}
"""Verb -> state before -> state after. A verb that is not here asks for no state."""


def next_state(verb: str, state: State) -> State | None:
    """Return the state a deed leads to, None when it may not be done in this state."""
    return TRANSITIONS[verb].get(state)


class DeliveryState(StrEnum):
    """States of one delivery, seen from the sender (message x recipient)."""

    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    ARRIVED = "arrived"
    REGISTERED = "registered"
    ASSIGNED = "assigned"
    WORKING = "working"
    FINISHED = "finished"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    POSTED = "posted"


D = DeliveryState
LADDER: dict[str, DeliveryState] = {
    "01": D.ARRIVED,
    "02": D.REFUSED,
    "03": D.REGISTERED,
    "04": D.ASSIGNED,
    "05": D.WORKING,
    "06": D.FINISHED,
}
"""Status code on the axis -> state it means (QCVN 102:2016/BTTTT; Decision 28/2018 article 10)."""

_RANK = (D.QUEUED, D.SENDING, D.DELIVERED, D.ARRIVED, D.REGISTERED, D.ASSIGNED, D.WORKING, D.FINISHED)
DELIVERY_ENDS = frozenset({D.FINISHED, D.REFUSED, D.FAILED, D.EXPIRED, D.CANCELLED, D.POSTED})
DELIVERY_WAITING = (D.QUEUED, D.SENDING, D.DELIVERED, D.ARRIVED)
"""States of a delivery that its recipient has not accepted yet."""
DELIVERY_TROUBLE = (D.EXPIRED, D.FAILED, D.REFUSED)
"""Ends of a delivery whose document did not get to work."""
DELIVERY_WATCHED = (D.ARRIVED, *DELIVERY_TROUBLE)
"""States in which a delivery may want its sender to look: arrived but not accepted, or gone wrong."""


def advance(state: DeliveryState, code: str) -> DeliveryState | None:
    """Return the state after a status, None when it changes nothing.

    A status never goes backwards: a late 03 after 05 belongs to the history only; 02 and 06 end the ladder, and a
    refusal is possible only before the receiver has registered the document.
    """
    target = LADDER.get(code)
    if target is None or state in DELIVERY_ENDS:
        return None
    if target is D.REFUSED:
        return target if _RANK.index(state) < _RANK.index(D.REGISTERED) else None
    return target if _RANK.index(target) > _RANK.index(state) else None

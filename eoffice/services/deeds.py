"""Which deeds a person may do to a document now, so that pages offer no button whose press would be refused.

The verbs decide anew when they are called; this is a courtesy, never a guard.
"""

from __future__ import annotations

from collections.abc import Sequence

from eoffice.core.desk import Desk
from eoffice.models.documents import Document
from eoffice.models.routing import Assignment
from eoffice.rules import lifecycle
from eoffice.rules.access import Permission, Role, permits
from eoffice.rules.lifecycle import Direction, State
from eoffice.services.verbs import VERBS


def possible(desk: Desk, row: Document, parts: Sequence[Assignment] = ()) -> frozenset[str]:
    """Names of the verbs this person may do to this document in its state, such as ``register`` or ``approve_content``;
    and ``answer``, which begins a text and is no verb yet.

    Args:
        parts: its assignments, if it has any.
    """
    actor = desk.actor
    if row.agency_id != actor.agency:
        return frozenset()
    found = {
        verb.body.__name__
        for verb in VERBS.values()
        if verb.on is Document
        and permits(actor.roles, verb.permission)
        and verb.body.__name__ in lifecycle.TRANSITIONS
        and lifecycle.next_state(verb.body.__name__, State(row.state)) is not None
    }
    drafts = actor.post == row.drafter_post_id or (actor.unit is not None and actor.unit == row.unit_id)
    mine = [part for part in parts if part.post_id == actor.post and part.state != "done"]
    own_unit = actor.unit is not None
    if _answers(desk, row, parts):
        found.add("answer")
    keeps = {
        "assign": own_unit and any(part.unit_id == actor.unit and part.state != "done" for part in parts),
        "start": any(part.state == "open" for part in mine),
        "finish": Role.LEADER in actor.roles or any(part.role == "lead" for part in mine),
        "revise": drafts,
        "add_annex": drafts,
        "arrange_annexes": drafts,
        "submit": drafts,
        "approve_content": own_unit and actor.unit == row.unit_id and actor.post != row.drafter_post_id,
        "approve_format": actor.post != row.drafter_post_id,
        "approve": actor.post == row.signer_post_id,
        "sign": actor.post == row.signer_post_id,
        "send_back": _decides_now(desk, row),
    }
    return frozenset(name for name in found if keeps.get(name, True))


def _answers(desk: Desk, row: Document, parts: Sequence[Assignment]) -> bool:
    """Whether this person writes the answer: he or his unit has an open part in it that is more than to know of it."""
    actor = desk.actor
    if row.direction != Direction.INCOMING or not permits(actor.roles, Permission.DRAFT_COMPOSE):
        return False
    working = [part for part in parts if part.state != "done" and part.role != "inform"]
    own = any(part.post_id == actor.post or (actor.unit and part.unit_id == actor.unit) for part in working)
    return own and row.state in (State.ASSIGNED, State.IN_PROGRESS)


def _decides_now(desk: Desk, row: Document) -> bool:
    """Whether it is this person's turn in the circuit: unit head, then format checker, then signer."""
    actor = desk.actor
    if row.state == State.IN_REVIEW:
        return Role.UNIT_HEAD in actor.roles and actor.unit is not None and actor.unit == row.unit_id
    if row.state == State.CONTENT_OK:
        return Role.FORMAT_CHECKER in actor.roles and actor.post != row.drafter_post_id
    return row.state == State.FORMAT_OK and actor.post == row.signer_post_id

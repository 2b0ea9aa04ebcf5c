"""Following what was sent: who has not accepted it yet, who is late with that, whom it did not reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, case, func, or_

from eoffice.core.calendar import WorkingCalendar
from eoffice.core.desk import Desk, scope
from eoffice.core.errors import NotFound
from eoffice.models.documents import Document
from eoffice.models.exchange import Delivery, DeliveryEvent
from eoffice.rules import deadlines
from eoffice.rules.deadlines import IN_REG, Urgency
from eoffice.rules.lifecycle import (
    DELIVERY_ENDS,
    DELIVERY_TROUBLE,
    DELIVERY_WAITING,
    DELIVERY_WATCHED,
    DeliveryState,
)
from eoffice.services import directory

GROUPS = ("attention", "waiting", "late", "trouble")
"""What a sender looks for: what wants a look now; not accepted; late with that; refused or not delivered."""

RECENT = timedelta(days=30)
"""How long a refusal counts as something that wants a look; the others end by a deed."""


@dataclass(frozen=True)
class Clock:
    """Since when an arrived document that nobody accepted is overdue now (Decree 30/2020 article 4).

    The recipient registers or refuses on the day it arrived, at the latest on the next working day; an urgent one at
    once. Counted in the sender's calendar, the recipient's days off are not known to him.

    Args:
        normal, urgent: what arrived before it is late.
    """

    calendar: WorkingCalendar
    now: datetime
    normal: datetime
    urgent: datetime

    def due(self, arrived: datetime, urgency: str) -> datetime:
        """Until when the recipient should have accepted or refused."""
        return deadlines.due(IN_REG, arrived, self.calendar, urgency=urgency)

    def is_late(self, row: Delivery, urgency: str) -> bool:
        """Whether a delivery is late: the same comparison that counts and lists them."""
        since = self.normal if urgency == Urgency.NORMAL else self.urgent
        return row.state == DeliveryState.ARRIVED and row.status_at is not None and row.status_at < since


def clock(desk: Desk) -> Clock:
    """The clock of this moment."""
    calendar, now = directory.calendar(desk), desk.now()
    since = (deadlines.overdue_since(IN_REG, now, calendar, urgency=word) for word in (Urgency.NORMAL, Urgency.URGENT))
    return Clock(calendar, now, *since)


def only(desk: Desk, statement: Any, group: str) -> Any:
    """Of the documents a statement selects, those with a delivery of a group: what counts them also lists them.

    The deliveries lead, by partial indexes: few are open or went wrong, and a book of any size is not walked for them.
    (With the time of the status in the index, SQLite would rather walk the book.)
    """
    of = scope(desk, Delivery).whereclause
    joined = and_(Delivery.agency_id == Document.agency_id, Delivery.document_id == Document.id)
    return statement.join(Delivery, joined).where(of, _condition(desk, group)).distinct()


def _condition(desk: Desk, group: str) -> Any:
    if group == "waiting":
        return and_(Delivery.state.in_(DELIVERY_WAITING), Delivery.state.not_in(_literal(sorted(DELIVERY_ENDS))))
    watched = Delivery.state.in_(_literal(DELIVERY_WATCHED))
    trouble = Delivery.state.in_(DELIVERY_TROUBLE)
    if group == "trouble":
        return and_(watched, trouble)
    at = clock(desk)
    since = case((Document.urgency == Urgency.NORMAL, at.normal), else_=at.urgent)
    late = and_(Delivery.state == DeliveryState.ARRIVED, Delivery.status_at < since)
    if group == "late":
        return and_(watched, late)
    failed = Delivery.state.in_((DeliveryState.EXPIRED, DeliveryState.FAILED))
    refused = and_(Delivery.state == DeliveryState.REFUSED, Delivery.status_at > at.now - RECENT)
    return and_(watched, or_(late, failed, refused))


def _literal(states: Sequence[DeliveryState]) -> Any:
    """In the words of a partial index, which knows no parameters."""
    return bindparam(None, [state.value for state in states], expanding=True, literal_execute=True)


@dataclass(frozen=True)
class Summary:
    """How a document's deliveries stand: how many there are, how many are accepted, posted or further, and the rest."""

    total: int = 0
    accepted: int = 0
    waiting: int = 0
    late: int = 0
    refused: int = 0
    failed: int = 0


def summaries(desk: Desk, rows: Sequence[Any]) -> dict[UUID, Summary]:
    """How the deliveries of some documents stand, by one query.

    Args:
        rows: documents with ``id`` and ``urgency`` that this person may see.
    """
    at = clock(desk)
    urgencies = {row.id: row.urgency for row in rows}
    if not urgencies:
        return {}
    found: Any = desk.session.execute(
        scope(desk, Delivery)
        .where(Delivery.document_id.in_(sorted(urgencies)))
        .with_only_columns(
            Delivery.document_id,
            Delivery.state,
            (Delivery.status_at < at.normal).label("normal"),
            (Delivery.status_at < at.urgent).label("urgent"),
            func.count().label("number"),
        )
        .group_by(Delivery.document_id, Delivery.state, "normal", "urgent")
    )
    counts: dict[UUID, dict[str, int]] = {key: {} for key in urgencies}
    for key, state, normal, urgent, number in found:
        past = normal if urgencies[key] == Urgency.NORMAL else urgent
        _count(counts[key], state, bool(past) and state == DeliveryState.ARRIVED, number)
    return {key: Summary(**parts) for key, parts in counts.items()}


def _count(parts: dict[str, int], state: str, late: bool, number: int) -> None:
    names = ["total"]
    if state in DELIVERY_WAITING:
        names += ["waiting", "late"] if late else ["waiting"]
    elif state in DELIVERY_TROUBLE:
        names.append("refused" if state == DeliveryState.REFUSED else "failed")
    else:
        names.append("accepted")
    for name in names:
        parts[name] = parts.get(name, 0) + number


def members(rows: Sequence[Delivery], urgency: str, at: Clock) -> Mapping[str, list[Delivery]]:
    """The deliveries of one document by group: ``all``, ``waiting``, ``late`` and ``trouble``."""
    return {
        "all": list(rows),
        "waiting": [row for row in rows if row.state in DELIVERY_WAITING],
        "late": [row for row in rows if at.is_late(row, urgency)],
        "trouble": [row for row in rows if row.state in DELIVERY_TROUBLE],
    }


@dataclass(frozen=True)
class Answer:
    """A receipt or a status as the recipient signed it: where its bytes lie, and what it is."""

    path: Path
    sha256: str
    kind: str
    code: str | None
    to_identifier: str


def answer(desk: Desk, document: Document, delivery_id: UUID, event_id: UUID) -> Answer:
    """The signed answer of a recipient; ask for the document first, whoever may see it may see what came back.

    Raises:
        NotFound: no such delivery of this document, or nothing signed came with the event.
    """
    found: Any = desk.session.execute(
        scope(desk, DeliveryEvent)
        .join(
            Delivery,
            and_(Delivery.agency_id == DeliveryEvent.agency_id, Delivery.id == DeliveryEvent.delivery_id),
        )
        .where(
            Delivery.agency_id == document.agency_id,
            Delivery.document_id == document.id,
            Delivery.id == delivery_id,
            DeliveryEvent.id == event_id,
            DeliveryEvent.sha256.is_not(None),
        )
        .with_only_columns(DeliveryEvent.sha256, DeliveryEvent.kind, DeliveryEvent.code, Delivery.to_identifier)
    ).one_or_none()
    if found is None:
        raise NotFound(table="delivery_event", id=str(event_id))
    sha256, kind, code, identifier = found
    return Answer(desk.files.path(sha256), sha256, kind, code, identifier)

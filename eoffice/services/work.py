"""The port to background work: queue, claim, finish, and take over what a dead worker left."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from eoffice.core.db import insert_into
from eoffice.core.desk import Desk
from eoffice.core.ids import new_id
from eoffice.models.ledger import INSTALLATION
from eoffice.models.work import Job

LEASE = timedelta(seconds=60)
BACKOFF = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 7200, 14400))
"""Wait before attempt n+1; the last one repeats. (exchange: 5 s ... 4 h, then every 6 h)"""
LONGEST = timedelta(hours=6)
GIVE_UP = timedelta(days=5)


def queue(
    desk: Desk,
    name: str,
    key: str,
    payload: Mapping[str, Any],
    *,
    agency: UUID | None = None,
    at: datetime | None = None,
    part: str = "",
) -> None:
    """Queue a job in the desk's transaction; behind ``desk.later``. The same key is queued once, for ever."""
    now = desk.now()
    order = Order(name, key, payload, agency or INSTALLATION, part=part, cause=desk.key or "")
    insert_job(desk.session, order, now=now, at=at or now)


@dataclass(frozen=True)
class Order:
    """A piece of work to be queued."""

    name: str
    key: str
    payload: Mapping[str, Any]
    agency: UUID
    part: str = ""
    cause: str = ""


def insert_job(session: Session, order: Order, *, now: datetime, at: datetime) -> None:
    """Insert a job unless its key is known."""
    session.execute(
        insert_into(session, Job)
        .values(
            id=new_id(),
            name=order.name,
            key=order.key,
            payload=dict(order.payload),
            for_agency_id=order.agency,
            cause=order.cause,
            part=order.part,
            state="waiting",
            run_at=at,
            queued_at=now,
            attempts=0,
            error="",
        )
        .on_conflict_do_nothing(index_elements=["key"])
    )


def due(session: Session, now: datetime) -> bool:
    """Tell without taking the writer's place whether a job waits or a dead worker left one."""
    waiting = select(Job.id).where(Job.state == "waiting", Job.run_at <= now).limit(1)
    left = select(Job.id).where(Job.state == "running", Job.lease_until < now).limit(1)
    return session.scalar(waiting) is not None or session.scalar(left) is not None


def claim(session: Session, owner: str, now: datetime, *, limit: int = 1) -> list[Job]:
    """Take due jobs for ``owner`` until their lease runs out; also those whose owner's lease has run out.

    Args:
        owner: token of one worker's life; ``finish`` checks it, so a zombie is fenced.
        now: the system's time (jobs work on their desk's clock, claiming uses the system's).

    A job of a part waits until every earlier job of this part is done.
    """
    earlier = aliased(Job)
    blocked = exists().where(
        and_(
            Job.part != "",
            earlier.part == Job.part,
            earlier.state.in_(("waiting", "running")),
            or_(
                earlier.queued_at < Job.queued_at,
                and_(earlier.queued_at == Job.queued_at, earlier.id < Job.id),
            ),
        )
    )
    ready = or_(
        and_(Job.state == "waiting", Job.run_at <= now),
        and_(Job.state == "running", Job.lease_until < now),
    )
    chosen = select(Job.id).where(ready, ~blocked).order_by(Job.run_at, Job.id).limit(limit)
    if session.get_bind().dialect.name == "postgresql":
        chosen = chosen.with_for_update(skip_locked=True, of=Job)
    statement = (
        update(Job)
        .where(Job.id.in_(chosen.scalar_subquery()))
        .values(state="running", owner=owner, lease_until=now + LEASE, attempts=Job.attempts + 1)
        .returning(Job)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return sorted(session.scalars(statement), key=lambda job: (job.run_at, job.id))


def beat(session: Session, owner: str, now: datetime) -> None:
    """Prolong the leases of a worker that is still at work."""
    session.execute(
        update(Job).where(Job.owner == owner, Job.state == "running").values(lease_until=now + LEASE),
        execution_options={"synchronize_session": False},
    )


def finish(session: Session, job_id: UUID, owner: str, now: datetime) -> bool:
    """Mark a job done; False when another worker has taken it over meanwhile (then nothing may be committed)."""
    result = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.owner == owner, Job.state == "running")
        .values(state="done", done_at=now, owner=None, lease_until=None, error="")
        .returning(Job.id),
        execution_options={"synchronize_session": False},
    )
    return result.first() is not None


def cancel(session: Session, keys: Collection[str], now: datetime) -> None:
    """Call jobs off that nobody has begun."""
    session.execute(
        update(Job)
        .where(Job.key.in_(keys), Job.state == "waiting")
        .values(state="done", done_at=now, error="cancelled"),
        execution_options={"synchronize_session": False},
    )


def begun(session: Session, keys: Collection[str]) -> set[str]:
    """Which jobs a worker is at just now."""
    return set(session.scalars(select(Job.key).where(Job.key.in_(keys), Job.state == "running")))


def put_back(session: Session, job: Job, owner: str, now: datetime, error: str, *, permanent: bool = False) -> bool:
    """Give a failed job back: tried again later with growing patience, or failed for a person to see.

    Returns:
        True when it was given up.
    """
    wait = BACKOFF[job.attempts - 1] if job.attempts <= len(BACKOFF) else LONGEST
    expired = permanent or now - job.queued_at > GIVE_UP
    session.execute(
        update(Job)
        .where(Job.id == job.id, Job.owner == owner, Job.state == "running")
        .values(
            state="failed" if expired else "waiting",
            run_at=now + wait,
            owner=None,
            lease_until=None,
            error=error[:2000],
        ),
        execution_options={"synchronize_session": False},
    )
    return expired


def failed(session: Session, *, limit: int = 50) -> list[Job]:
    """Jobs that were given up, newest first."""
    return list(session.scalars(select(Job).where(Job.state == "failed").order_by(Job.queued_at.desc()).limit(limit)))

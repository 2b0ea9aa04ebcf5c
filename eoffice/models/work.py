"""The job table: work that follows a deed, queued in the deed's own transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from eoffice.core.db import Base, Row, short

_WAITING = "state = 'waiting'"
_RUNNING = "state = 'running'"


class Job(Base, Row):
    """One piece of background work, for the desk of one agency."""

    __tablename__ = "job"
    name: Mapped[str] = short(60)
    key: Mapped[str] = short(200)
    payload: Mapped[dict[str, Any]]
    for_agency_id: Mapped[UUID]
    cause: Mapped[str] = short(120)
    part: Mapped[str] = short(120)
    state: Mapped[str] = short()
    run_at: Mapped[datetime]
    queued_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None] = short(80)
    lease_until: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")
    done_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name="state"),
        Index("ix_job_waiting", "run_at", "id", sqlite_where=text(_WAITING), postgresql_where=text(_WAITING)),
        Index("ix_job_running", "lease_until", sqlite_where=text(_RUNNING), postgresql_where=text(_RUNNING)),
        Index(
            "ix_job_part",
            "part",
            "queued_at",
            sqlite_where=text("part <> '' AND state IN ('waiting', 'running')"),
            postgresql_where=text("part <> '' AND state IN ('waiting', 'running')"),
        ),
    )

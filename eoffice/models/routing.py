"""Instructions of leaders and the assignments that follow from them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from eoffice.core.db import Base, Owned, short


class Instruction(Base, Owned):
    """What a leader ordered about an incoming document (ý kiến chỉ đạo)."""

    __tablename__ = "instruction"
    document_id: Mapped[UUID]
    post_id: Mapped[UUID]
    text: Mapped[str]
    at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    ledgered = True
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        ForeignKeyConstraint(["agency_id", "post_id"], ["post.agency_id", "post.id"]),
        Index("ix_instruction_document", "agency_id", "document_id"),
    )


class Assignment(Base, Owned):
    """One unit's or person's part: lead (one), coordinate or inform (Decree 30/2020 article 23)."""

    __tablename__ = "assignment"
    document_id: Mapped[UUID]
    instruction_id: Mapped[UUID]
    role: Mapped[str] = short()
    unit_id: Mapped[UUID | None]
    post_id: Mapped[UUID | None]
    state: Mapped[str] = short()
    due_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012
    ledgered = True
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        ForeignKeyConstraint(["agency_id", "instruction_id"], ["instruction.agency_id", "instruction.id"]),
        ForeignKeyConstraint(["agency_id", "post_id"], ["post.agency_id", "post.id"]),
        ForeignKeyConstraint(["agency_id", "unit_id"], ["unit.agency_id", "unit.id"]),
        CheckConstraint("role IN ('lead', 'coordinate', 'inform')", name="role"),
        CheckConstraint("state IN ('open', 'in_progress', 'done')", name="state"),
        CheckConstraint("unit_id IS NOT NULL OR post_id IS NOT NULL", name="somebody"),
        Index(
            "uq_assignment_lead",
            "document_id",
            unique=True,
            sqlite_where=text("role = 'lead'"),
            postgresql_where=text("role = 'lead'"),
        ),
        Index("ix_assignment_document", "agency_id", "document_id"),
        Index(
            "ix_assignment_open_post",
            "agency_id",
            "post_id",
            "due_at",
            sqlite_where=text("state <> 'done'"),
            postgresql_where=text("state <> 'done'"),
        ),
        Index(
            "ix_assignment_open_unit",
            "agency_id",
            "unit_id",
            "due_at",
            sqlite_where=text("state <> 'done'"),
            postgresql_where=text("state <> 'done'"),
        ),
    )

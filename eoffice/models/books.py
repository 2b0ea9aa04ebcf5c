"""Numbers and register books: one counter per series, one row per number, lines with revisions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from eoffice.core.db import Base, Owned, short


class NumberCounter(Base, Owned):
    """The last number of a series; its row lock is the place where numbers queue up."""

    __tablename__ = "number_counter"
    series: Mapped[str] = short(120)
    value: Mapped[int]
    last_date: Mapped[date]
    __table_args__ = (
        UniqueConstraint("agency_id", "series"),
        ForeignKeyConstraint(["agency_id"], ["agency.id"]),
    )


class NumberAllocation(Base, Owned):
    """One number of a series: held, used by a document, or void with its reason; never reused."""

    __tablename__ = "number_allocation"
    series: Mapped[str] = short(120)
    number: Mapped[int]
    document_id: Mapped[UUID | None]
    state: Mapped[str] = short()
    reason: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    ledgered = True
    __table_args__ = (
        UniqueConstraint("agency_id", "series", "number"),
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        CheckConstraint("state IN ('held', 'used', 'void')", name="state"),
        CheckConstraint("state <> 'void' OR reason <> ''", name="void_says_why"),
        CheckConstraint("state <> 'used' OR document_id IS NOT NULL", name="used_has_document"),
    )


class RegisterLine(Base, Owned):
    """A line of a register book (Decree 30/2020 Annex IV); a correction adds a revision, the old one stays."""

    __tablename__ = "register_line"
    book: Mapped[str] = short(40)
    series: Mapped[str] = short(120)
    year: Mapped[int]
    number: Mapped[int]
    revision: Mapped[int] = mapped_column(default=1)
    document_id: Mapped[UUID]
    columns: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    post_id: Mapped[UUID | None]
    ledgered = True
    __table_args__ = (
        UniqueConstraint("agency_id", "series", "number", "revision"),
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        CheckConstraint("book IN ('incoming', 'outgoing')", name="book"),
        Index("ix_register_line_book", "agency_id", "book", "year", "number"),
        Index("ix_register_line_document", "agency_id", "document_id"),
    )

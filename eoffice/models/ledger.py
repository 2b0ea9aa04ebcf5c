"""The ledger: one hash chain per agency, appended to by every deed, changed by nobody."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from eoffice.core.db import Base, Row, short

INSTALLATION = UUID(int=0)
"""The chain of events that belong to no agency."""


class LedgerHead(Base):
    """The last entry of a chain; its row lock orders the deeds of one agency."""

    __tablename__ = "ledger_head"
    chain: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int]
    hash: Mapped[str] = short(64)


class LedgerEntry(Base):
    """One deed or refusal: the canonical bytes that were hashed, and a few columns to find it by."""

    __tablename__ = "ledger_entry"
    chain: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    word: Mapped[str] = short(60)
    object_id: Mapped[UUID | None]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    previous: Mapped[str] = short(64)
    hash: Mapped[str] = short(64)
    __table_args__ = (
        Index("ix_ledger_entry_object", "chain", "object_id", "seq"),
        Index("ix_ledger_entry_word", "chain", "word", "seq"),
    )


class AccessEntry(Base, Row):
    """Who looked at, printed or downloaded what; kept apart from the chain."""

    __tablename__ = "access_entry"
    chain: Mapped[UUID]
    at: Mapped[datetime]
    post_id: Mapped[UUID | None]
    person_id: Mapped[UUID | None]
    actor: Mapped[str]
    action: Mapped[str] = short()
    object_id: Mapped[UUID | None]
    detail: Mapped[str] = mapped_column(default="")
    __table_args__ = (Index("ix_access_entry_object", "chain", "object_id", "at"),)


class LedgerCheck(Base, Row):
    """One proof of a chain, asked for by a person and done in the background, with what it found."""

    __tablename__ = "ledger_check"
    chain: Mapped[UUID]
    asked_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    seconds: Mapped[float | None]
    entries: Mapped[int | None]
    ok: Mapped[bool | None]
    broken: Mapped[list[Any]] = mapped_column(default=list)
    __table_args__ = (Index("ix_ledger_check_chain", "chain", "asked_at"),)

"""Calls already answered: the same idempotency key gets the same answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from eoffice.core.db import Base, Row, short


class Call(Base, Row):
    """One call by its key: which verb, with what, and which row it answered with."""

    __tablename__ = "call"
    chain: Mapped[UUID]
    key: Mapped[str] = short(200)
    verb: Mapped[str] = short(60)
    arguments: Mapped[str] = short(64)
    answer: Mapped[list[Any] | None]
    at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("chain", "key", "verb"),)

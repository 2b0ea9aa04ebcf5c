"""Sign-ins and failed tries: sessions that can be revoked at once, lockout kept in the database."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from eoffice.core.db import Base, Row, short


class SignIn(Base, Row):
    """One sign-in of a person on a post; the cookie holds a token of which only the hash is kept."""

    __tablename__ = "sign_in"
    token_sha256: Mapped[str] = short(64)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    post_id: Mapped[UUID] = mapped_column(ForeignKey("post.id"))
    generation: Mapped[int]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    __table_args__ = (UniqueConstraint("token_sha256"), Index("ix_sign_in_person", "person_id"))


class FailedSignIn(Base, Row):
    """One failed try, by login as typed (folded) and address."""

    __tablename__ = "failed_sign_in"
    login: Mapped[str] = short(64)
    address: Mapped[str] = short(64)
    at: Mapped[datetime]
    __table_args__ = (Index("ix_failed_sign_in_login", "login", "at"),)

"""Drafts in all their versions and the two approvals before the signature (Decree 30/2020 articles 10-12)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from eoffice.core.db import Base, Owned, short


class DraftVersion(Base, Owned):
    """One version of a draft: the letter as data and the PDF rendered from it."""

    __tablename__ = "draft_version"
    document_id: Mapped[UUID]
    number: Mapped[int]
    letter: Mapped[dict[str, Any]]
    sha256: Mapped[str] = short(64)
    post_id: Mapped[UUID]
    note: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    ledgered = True
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        ForeignKeyConstraint(["agency_id", "post_id"], ["post.agency_id", "post.id"]),
        ForeignKeyConstraint(["sha256"], ["file.sha256"]),
        UniqueConstraint("document_id", "number"),
    )


class Approval(Base, Owned):
    """An approval, or a sending back, of exactly one version: it names the hash it speaks of."""

    __tablename__ = "approval"
    document_id: Mapped[UUID]
    kind: Mapped[str] = short()
    decision: Mapped[str] = short()
    sha256: Mapped[str] = short(64)
    post_id: Mapped[UUID]
    note: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    ledgered = True
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        ForeignKeyConstraint(["agency_id", "post_id"], ["post.agency_id", "post.id"]),
        CheckConstraint("kind IN ('content', 'format')", name="kind"),
        CheckConstraint("decision IN ('approved', 'sent_back')", name="decision"),
        Index("ix_approval_document", "agency_id", "document_id"),
    )

"""Drafts in all their versions and the two approvals before the signature (Decree 30/2020 articles 10-12)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
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
    """An approval, or a sending back, of exactly one version: it names the hash it speaks of.

    ``annexes`` is the digest of the separate annexes as they were then, None when there were none.
    """

    __tablename__ = "approval"
    document_id: Mapped[UUID]
    kind: Mapped[str] = short()
    decision: Mapped[str] = short()
    sha256: Mapped[str] = short(64)
    annexes: Mapped[str | None] = short(64)
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


class DraftText(Base, Owned):
    """What somebody is writing: kept while he types, his alone, until it becomes a version of a draft."""

    __tablename__ = "draft_text"
    post_id: Mapped[UUID]
    document_id: Mapped[UUID | None]
    reply_to_id: Mapped[UUID | None]
    content: Mapped[dict[str, Any]]
    began_from: Mapped[int] = mapped_column(default=0)
    kept_at: Mapped[datetime]
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "post_id"], ["post.agency_id", "post.id"]),
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        ForeignKeyConstraint(["agency_id", "reply_to_id"], ["document.agency_id", "document.id"]),
        Index("ix_draft_text_post", "agency_id", "post_id", "kept_at"),
        Index(
            "uq_draft_text_document",
            "post_id",
            "document_id",
            unique=True,
            sqlite_where=text("document_id IS NOT NULL"),
            postgresql_where=text("document_id IS NOT NULL"),
        ),
    )


LOOK_AGAIN = ("draft_changed", "sent_back")
"""Why an item failed when the draft itself went on: what comes back has to be looked at anew."""


class SigningItem(Base, Owned):
    """A place in a leader's signing list: the version that was shown to him, and how signing it went."""

    __tablename__ = "signing_item"
    document_id: Mapped[UUID]
    post_id: Mapped[UUID]
    sha256: Mapped[str] = short(64)
    shown: Mapped[dict[str, Any]]
    state: Mapped[str] = short()
    batch: Mapped[UUID | None]
    listed_at: Mapped[datetime]
    begun_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    code: Mapped[str] = mapped_column(default="")
    reason_vi: Mapped[str] = mapped_column(default="")
    reason_en: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        ForeignKeyConstraint(["agency_id", "post_id"], ["post.agency_id", "post.id"]),
        CheckConstraint("state IN ('listed', 'queued', 'signed', 'failed')", name="state"),
        UniqueConstraint("document_id", "post_id"),
        Index("ix_signing_item_post", "agency_id", "post_id", "state", "listed_at"),
    )


class PreparedSignature(Base, Owned):
    """What was handed to a signer's own computer for one signature: bytes for a token, or a file for a program there.

    ``content`` is the prepared update without the document (``signing.Pending``), ``handed_sha256`` the file that went
    out; ``used_at`` is when the answer became a signature, which happens once.
    """

    __tablename__ = "prepared_signature"
    post_id: Mapped[UUID]
    document_id: Mapped[UUID]
    certificate_id: Mapped[UUID]
    sha256: Mapped[str] = short(64)
    content: Mapped[bytes | None]
    handed_sha256: Mapped[str | None] = mapped_column(String(64))
    made_at: Mapped[datetime]
    until: Mapped[datetime]
    used_at: Mapped[datetime | None]
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        ForeignKeyConstraint(["agency_id", "post_id"], ["post.agency_id", "post.id"]),
        ForeignKeyConstraint(["agency_id", "certificate_id"], ["certificate.agency_id", "certificate.id"]),
        CheckConstraint("(content IS NULL) <> (handed_sha256 IS NULL)", name="one_of_two"),
        Index("ix_prepared_signature_until", "agency_id", "until"),
        Index("ix_prepared_signature_document", "agency_id", "document_id", "post_id"),
    )

"""Documents and their files: facts in one table for both directions, bytes under their hash."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    and_,
    false,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from eoffice.core.db import Base, Json, Owned, Row, one_of, short
from eoffice.core.desk import Actor
from eoffice.rules.lifecycle import OPEN_INCOMING, Direction, State

_OPEN = ", ".join(f"'{state}'" for state in OPEN_INCOMING)


class File(Base, Row):
    """Bytes in the store; the same bytes are one row, whoever brought them."""

    __tablename__ = "file"
    sha256: Mapped[str] = short(64)
    size: Mapped[int]
    media: Mapped[str] = short(120)
    pages: Mapped[int | None]
    created_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("sha256"),)


class FileVerdict(Base, Row):
    """What ``signing.verify`` said of a file under one policy; the same question is answered from here."""

    __tablename__ = "file_verdict"
    sha256: Mapped[str] = short(64)
    policy: Mapped[str] = short(120)
    verdict: Mapped[str] = short()
    report: Mapped[dict[str, Any]]
    checked_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("sha256", "policy"),
        CheckConstraint("verdict IN ('PASSED', 'WARNED', 'FAILED', 'UNSIGNED', 'UNREADABLE')", name="verdict"),
    )


class Document(Base, Owned):
    """One incoming or outgoing document of one agency (field names after Annex VI of Decree 30/2020).

    ``annexes`` are those of a draft, in order: the id of each file and the name under which it goes along. The rows of
    the files stay when one is taken out, for the ledger speaks of them.
    """

    __tablename__ = "document"
    direction: Mapped[str] = short()
    state: Mapped[str] = short()
    version: Mapped[int] = mapped_column()
    kind: Mapped[str] = short()
    number: Mapped[int | None]
    symbol: Mapped[str] = mapped_column(default="")
    code: Mapped[str] = mapped_column(default="")
    issued_date: Mapped[date | None]
    issuer_id: Mapped[UUID | None] = mapped_column(ForeignKey("agency.id"))
    issuer_name: Mapped[str] = mapped_column(default="")
    issuer_identifier: Mapped[str] = mapped_column(default="")
    subject: Mapped[str] = mapped_column(default="")
    folded: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = short(5)
    page_count: Mapped[int] = mapped_column(default=0)
    urgency: Mapped[str] = short()
    circulation: Mapped[str] = short()
    signer_name: Mapped[str] = mapped_column(default="")
    signer_title: Mapped[str] = mapped_column(default="")
    capacity: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    provenance: Mapped[str] = short()
    # incoming
    channel: Mapped[str | None] = short()
    arrived_at: Mapped[datetime | None]
    book_year: Mapped[int | None]
    arrival_number: Mapped[int | None]
    registered_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None]
    submitted_to_id: Mapped[UUID | None]
    assigned_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    done_note: Mapped[str] = mapped_column(default="")
    refusal: Mapped[str] = mapped_column(default="")
    verdict: Mapped[str | None] = short()
    active_content: Mapped[bool] = mapped_column(default=False)
    same_bytes_id: Mapped[UUID | None]
    same_code_id: Mapped[UUID | None]
    message_id: Mapped[UUID | None]
    # outgoing
    reply_to_id: Mapped[UUID | None]
    drafter_post_id: Mapped[UUID | None]
    unit_id: Mapped[UUID | None]
    signer_post_id: Mapped[UUID | None]
    annexes: Mapped[list[list[str]] | None] = mapped_column(Json)
    returned_at: Mapped[datetime | None]
    signed_at: Mapped[datetime | None]
    numbered_at: Mapped[datetime | None]
    sealed_at: Mapped[datetime | None]
    issued_at: Mapped[datetime | None]
    files: Mapped[list[DocumentFile]] = relationship(
        lazy="selectin", viewonly=True, order_by="DocumentFile.created_at, DocumentFile.id"
    )
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id"], ["agency.id"]),
        ForeignKeyConstraint(["agency_id", "reply_to_id"], ["document.agency_id", "document.id"]),
        ForeignKeyConstraint(["agency_id", "drafter_post_id"], ["post.agency_id", "post.id"]),
        ForeignKeyConstraint(["agency_id", "signer_post_id"], ["post.agency_id", "post.id"]),
        ForeignKeyConstraint(["agency_id", "unit_id"], ["unit.agency_id", "unit.id"]),
        one_of("direction", Direction),
        one_of("state", State),
        CheckConstraint("urgency IN ('normal', 'urgent', 'very_urgent', 'express')", name="urgency"),
        CheckConstraint("provenance IN ('work', 'generated', 'imported')", name="provenance"),
        CheckConstraint("(arrival_number IS NULL) = (registered_at IS NULL)", name="registered_has_number"),
        CheckConstraint("direction = 'outgoing' OR numbered_at IS NULL", name="only_outgoing_numbered"),
        Index(
            "uq_document_arrival_number",
            "agency_id",
            "book_year",
            "arrival_number",
            unique=True,
            sqlite_where=text("arrival_number IS NOT NULL"),
            postgresql_where=text("arrival_number IS NOT NULL"),
        ),
        Index("ix_document_list", "agency_id", "direction", "created_at", "id"),
        Index("ix_document_list_state", "agency_id", "direction", "state", "created_at", "id"),
        Index("ix_document_code", "agency_id", "code", "issuer_name"),
        Index(
            "ix_document_open_due",
            "agency_id",
            "due_at",
            sqlite_where=text(f"direction = 'incoming' AND state IN ({_OPEN})"),
            postgresql_where=text(f"direction = 'incoming' AND state IN ({_OPEN})"),
        ),
        Index("ix_document_reply_to", "agency_id", "reply_to_id"),
    )

    ledgered = True

    def is_taken_out(self, file: DocumentFile) -> bool:
        """Whether a file was an annex of the draft and is none any more."""
        kept = {key for key, _name in self.annexes or ()}
        return (file.role, file.stage) == ("annex", "draft") and str(file.id) not in kept

    def name_of(self, file: DocumentFile) -> str:
        """What a file is called: an annex of a draft as its drafter calls it now."""
        return next((name for key, name in self.annexes or () if key == str(file.id)), file.name)

    @classmethod
    def visible_to(cls, actor: Actor, *, few: bool = False) -> ColumnElement[bool]:
        """What a person who does not see the whole agency may see: what he or his unit takes part in."""
        return takes_part(actor, cls.id, cls.agency_id, few=few)


class DocumentFile(Base, Owned):
    """A file in its role for a document; the file itself never changes."""

    __tablename__ = "document_file"
    document_id: Mapped[UUID]
    sha256: Mapped[str] = short(64)
    role: Mapped[str] = short()
    stage: Mapped[str] = short()
    number: Mapped[int] = mapped_column(default=1)
    name: Mapped[str]
    derived_from: Mapped[str | None] = short(64)
    created_at: Mapped[datetime]
    ledgered = True
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        ForeignKeyConstraint(["sha256"], ["file.sha256"]),
        CheckConstraint("role IN ('main', 'annex', 'attachment', 'rendition', 'scan')", name="role"),
        CheckConstraint("stage IN ('received', 'draft', 'signed', 'sealed')", name="stage"),
        UniqueConstraint("document_id", "role", "stage", "number"),
        Index("ix_document_file_sha256", "agency_id", "sha256"),
        Index("ix_document_file_document", "agency_id", "document_id"),
    )


class Participant(Base, Owned):
    """A post or a unit that takes part in a document and may therefore see it."""

    __tablename__ = "participant"
    document_id: Mapped[UUID]
    post_id: Mapped[UUID | None]
    unit_id: Mapped[UUID | None]
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        ForeignKeyConstraint(["agency_id", "post_id"], ["post.agency_id", "post.id"]),
        ForeignKeyConstraint(["agency_id", "unit_id"], ["unit.agency_id", "unit.id"]),
        CheckConstraint("(post_id IS NULL) <> (unit_id IS NULL)", name="post_or_unit"),
        Index("ix_participant_document", "agency_id", "document_id"),
        Index("ix_participant_post", "agency_id", "post_id", "document_id"),
        Index("ix_participant_unit", "agency_id", "unit_id", "document_id"),
    )


def takes_part(actor: Actor, document: Any, agency: Any, *, few: bool) -> ColumnElement[bool]:
    """The documents a person or his unit takes part in: what somebody who does not see the whole agency may see.

    Args:
        document, agency: columns with the document's id and its agency's.
        few: see ``core.desk.scope``.
    """
    if actor.post is None:
        return false()
    mine = Participant.post_id == actor.post
    who = or_(mine, Participant.unit_id == actor.unit) if actor.unit else mine
    if few:
        parts = select(Participant.id).where(Participant.agency_id == agency, Participant.document_id == document, who)
        return parts.exists()
    # From his few parts to the documents: asking each document of a large book costs twice as much and more.
    own = select(Participant.document_id).where(Participant.agency_id == actor.agency, who)
    return and_(document.in_(own))

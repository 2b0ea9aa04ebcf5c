"""The life of certificates: requests, hand-overs of an agency's key, and how long signatures can be proven."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from eoffice.core.db import Base, Owned, short

_OPEN = text("state = 'requested'")


class CertificateRequest(Base, Owned):
    """That a certificate is wanted for a post, the agency's seal or its exchange, and what became of it.

    ``slot`` says for whom; only one request per slot is open at a time.
    """

    __tablename__ = "certificate_request"
    purpose: Mapped[str] = short()
    slot: Mapped[str] = short(60)
    post_id: Mapped[UUID | None]
    state: Mapped[str] = short()
    reason: Mapped[str] = mapped_column(default="")
    renews_id: Mapped[UUID | None]
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    certificate_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012
    ledgered = True
    __table_args__ = (
        ForeignKeyConstraint(["agency_id"], ["agency.id"]),
        ForeignKeyConstraint(["agency_id", "post_id"], ["post.agency_id", "post.id"]),
        ForeignKeyConstraint(["agency_id", "renews_id"], ["certificate.agency_id", "certificate.id"]),
        ForeignKeyConstraint(["agency_id", "certificate_id"], ["certificate.agency_id", "certificate.id"]),
        CheckConstraint("purpose IN ('leader', 'seal', 'exchange')", name="purpose"),
        CheckConstraint("state IN ('requested', 'issued', 'refused')", name="state"),
        CheckConstraint("(purpose = 'exchange') = (post_id IS NULL)", name="somebody_holds_it"),
        CheckConstraint("(state = 'issued') = (certificate_id IS NOT NULL)", name="issued_has_certificate"),
        Index("ix_certificate_request_state", "agency_id", "state", "asked_at", "id"),
        Index(
            "uq_certificate_request_open",
            "agency_id",
            "slot",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )


class KeyHandover(Base, Owned):
    """That the key of an agency's seal went from one post to another, by written permission (Decree 30/2020, 32).

    Names and titles stand as they were on that day, because the minutes are drawn from them again whenever asked for.
    """

    __tablename__ = "key_handover"
    certificate_id: Mapped[UUID]
    from_post_id: Mapped[UUID]
    to_post_id: Mapped[UUID]
    from_name: Mapped[str]
    from_title: Mapped[str]
    to_name: Mapped[str]
    to_title: Mapped[str]
    permission: Mapped[str]
    device: Mapped[str]
    device_serial: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    ledgered = True
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "certificate_id"], ["certificate.agency_id", "certificate.id"]),
        ForeignKeyConstraint(["agency_id", "from_post_id"], ["post.agency_id", "post.id"]),
        ForeignKeyConstraint(["agency_id", "to_post_id"], ["post.agency_id", "post.id"]),
        CheckConstraint("from_post_id <> to_post_id", name="to_somebody_else"),
        Index("ix_key_handover_certificate", "agency_id", "certificate_id", "at"),
    )


class Evidence(Base, Owned):
    """Until when the signatures of an issued file can be proven, as read from the file, where it stands anyway."""

    __tablename__ = "evidence"
    document_id: Mapped[UUID]
    sha256: Mapped[str] = short(64)
    level: Mapped[str] = short(10)
    ends_at: Mapped[datetime]
    measured_at: Mapped[datetime]
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        UniqueConstraint("document_id"),
        Index("ix_evidence_ends", "agency_id", "ends_at", "id"),
    )

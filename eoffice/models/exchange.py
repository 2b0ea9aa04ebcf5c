"""What travels between agencies: recipients, deliveries of the sender, messages as bytes, and their events."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from eoffice.core.db import Base, Owned, one_of, short
from eoffice.rules.delivery import DeliveryClass
from eoffice.rules.lifecycle import DELIVERY_ENDS, DELIVERY_WATCHED, DeliveryState

_ENDS = ", ".join(f"'{state}'" for state in sorted(DELIVERY_ENDS))
_WATCHED = ", ".join(f"'{state}'" for state in DELIVERY_WATCHED)


class Recipient(Base, Owned):
    """An addressee of an outgoing document, with the deliberate choice of paper and its legal reason."""

    __tablename__ = "recipient"
    document_id: Mapped[UUID]
    to_agency_id: Mapped[UUID | None] = mapped_column(ForeignKey("agency.id"))
    name: Mapped[str]
    kind: Mapped[str] = short()
    position: Mapped[int]
    paper: Mapped[bool] = mapped_column(default=False)
    paper_reason: Mapped[str | None] = short()
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("document_id", "position"),
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        CheckConstraint("kind IN ('addressee', 'cc')", name="kind"),
        CheckConstraint("NOT paper OR paper_reason IS NOT NULL", name="paper_says_why"),
    )


class Delivery(Base, Owned):
    """One document to one recipient, as the sender knows it; its id is the message's, its class frozen at sending."""

    __tablename__ = "delivery"
    document_id: Mapped[UUID]
    recipient_id: Mapped[UUID]
    to_agency_id: Mapped[UUID | None] = mapped_column(ForeignKey("agency.id"))
    to_name: Mapped[str]
    to_identifier: Mapped[str]
    channel: Mapped[str] = short()
    delivery_class: Mapped[str] = short(2)
    paper: Mapped[bool]
    paper_reason: Mapped[str | None] = short()
    state: Mapped[str] = short()
    conversation: Mapped[UUID]
    container_sha256: Mapped[str | None] = short(64)
    manifest_sha256: Mapped[str | None] = short(64)
    receipt_sha256: Mapped[str | None] = short(64)
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    status_code: Mapped[str | None] = short(2)
    status_at: Mapped[datetime | None]
    refusal: Mapped[str] = mapped_column(default="")
    attempts: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column()
    events: Mapped[list[DeliveryEvent]] = relationship(
        lazy="raise", viewonly=True, order_by="DeliveryEvent.at, DeliveryEvent.id"
    )
    ledgered = True
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("recipient_id"),
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        ForeignKeyConstraint(["agency_id", "recipient_id"], ["recipient.agency_id", "recipient.id"]),
        one_of("state", DeliveryState),
        one_of("delivery_class", DeliveryClass),
        CheckConstraint("channel IN ('local', 'paper')", name="channel"),
        Index("ix_delivery_document", "agency_id", "document_id"),
        Index(
            "ix_delivery_open",
            "agency_id",
            "created_at",
            sqlite_where=text(f"state NOT IN ({_ENDS})"),
            postgresql_where=text(f"state NOT IN ({_ENDS})"),
        ),
        Index(
            "ix_delivery_watched",
            "agency_id",
            "created_at",
            sqlite_where=text(f"state IN ({_WATCHED})"),
            postgresql_where=text(f"state IN ({_WATCHED})"),
        ),
    )


class DeliveryEvent(Base, Owned):
    """What happened to a delivery, in order and for ever; ``applied`` tells whether it changed the state."""

    __tablename__ = "delivery_event"
    delivery_id: Mapped[UUID]
    kind: Mapped[str] = short()
    code: Mapped[str | None] = short(2)
    at: Mapped[datetime]
    description: Mapped[str] = mapped_column(default="")
    staff: Mapped[str] = mapped_column(default="")
    sha256: Mapped[str | None] = short(64)
    applied: Mapped[bool]
    ledgered = True
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "delivery_id"], ["delivery.agency_id", "delivery.id"]),
        CheckConstraint("kind IN ('sent', 'receipt', 'status', 'posted', 'problem')", name="kind"),
        UniqueConstraint("delivery_id", "sha256"),
        Index("ix_delivery_event_delivery", "agency_id", "delivery_id"),
    )


class Message(Base, Owned):
    """A container as it was received: immutable bytes, the sender as sent, and the answer given to it."""

    __tablename__ = "message"
    message: Mapped[UUID]
    channel: Mapped[str] = short()
    sender_installation: Mapped[str] = short(120)
    sender_identifier: Mapped[str]
    sender_name: Mapped[str]
    sender_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    container_sha256: Mapped[str] = short(64)
    manifest_sha256: Mapped[str] = short(64)
    received_at: Mapped[datetime]
    document_id: Mapped[UUID]
    receipt_sha256: Mapped[str] = short(64)
    last_status_sha256: Mapped[str | None] = short(64)
    version: Mapped[int] = mapped_column()
    ledgered = True
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012
    __table_args__ = (
        UniqueConstraint("agency_id", "sender_installation", "message"),
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
    )

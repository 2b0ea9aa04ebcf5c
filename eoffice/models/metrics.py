"""Facts that follow from deeds, and the counters that follow from facts."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from eoffice.core.db import Base, Owned, short


class Fact(Base, Owned):
    """One measured thing: what every figure opens; made by ``rules.measures`` from one ledger event."""

    __tablename__ = "fact"
    measure: Mapped[str] = short()
    day: Mapped[date]
    bucket: Mapped[str] = short()
    value: Mapped[int]
    document_id: Mapped[UUID]
    subject_id: Mapped[UUID]
    __table_args__ = (
        ForeignKeyConstraint(["agency_id"], ["agency.id"]),
        UniqueConstraint("measure", "subject_id"),
        Index("ix_fact_measure", "agency_id", "measure", "day"),
    )


class Rollup(Base, Owned):
    """How many facts of one value an agency has per day; counted in the deed's own transaction."""

    __tablename__ = "rollup"
    measure: Mapped[str] = short()
    day: Mapped[date]
    bucket: Mapped[str] = short()
    value: Mapped[int]
    number: Mapped[int]
    __table_args__ = (
        ForeignKeyConstraint(["agency_id"], ["agency.id"]),
        UniqueConstraint("agency_id", "measure", "day", "bucket", "value"),
    )

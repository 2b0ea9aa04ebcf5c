"""The register of certified copies: one line per copy, in a series of numbers of its own (Decree 30/2020 Annex I)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from eoffice.core.db import Base, Owned, one_of, short
from eoffice.core.desk import Actor
from eoffice.models.documents import takes_part
from eoffice.rules.copies import CopyForm


class CertifiedCopy(Base, Owned):
    """One certified copy; never changed. Names stand as they were on that day.

    ``sha256`` is the copy's file, ``source_sha256`` the file it was made of, ``pages`` "" for all of them.
    """

    __tablename__ = "certified_copy"
    document_id: Mapped[UUID]
    form: Mapped[str] = short()
    year: Mapped[int]
    number: Mapped[int]
    code: Mapped[str]
    file_id: Mapped[UUID]
    sha256: Mapped[str] = short(64)
    source_sha256: Mapped[str] = short(64)
    rewritten: Mapped[bool]
    pages: Mapped[str] = mapped_column(default="")
    purpose: Mapped[str]
    decided_by_id: Mapped[UUID]
    decided_by: Mapped[str]
    post_id: Mapped[UUID]
    made_by: Mapped[str]
    at: Mapped[datetime]
    ledgered = True
    __table_args__ = (
        ForeignKeyConstraint(["agency_id"], ["agency.id"]),
        ForeignKeyConstraint(["agency_id", "document_id"], ["document.agency_id", "document.id"]),
        ForeignKeyConstraint(["sha256"], ["file.sha256"]),
        ForeignKeyConstraint(["source_sha256"], ["file.sha256"]),
        ForeignKeyConstraint(["agency_id", "decided_by_id"], ["post.agency_id", "post.id"]),
        ForeignKeyConstraint(["agency_id", "post_id"], ["post.agency_id", "post.id"]),
        UniqueConstraint("agency_id", "year", "number"),
        one_of("form", CopyForm),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("(form = 'copy_extract') = (pages <> '')", name="extract_names_pages"),
        CheckConstraint("sha256 <> source_sha256", name="another_file"),
        CheckConstraint("purpose <> ''", name="says_what_for"),
        Index("ix_certified_copy_document", "agency_id", "document_id"),
        Index("ix_certified_copy_list", "agency_id", "at", "id"),
    )

    @classmethod
    def visible_to(cls, actor: Actor, *, few: bool = False) -> ColumnElement[bool]:
        """What a person who does not see the whole agency may see: copies of the documents he takes part in."""
        return takes_part(actor, cls.document_id, cls.agency_id, few=few)

"""Agencies, units, posts and people: who works where, with which roles, authority and certificates."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from eoffice.core.db import Base, Owned, Row, one_of, short
from eoffice.rules.access import Role
from eoffice.rules.authority import Authority, Basis, Capacity, Holder


class Agency(Base, Row):
    """An organisation, of this installation (``hosted``) or another; dissolved ones stay with ``valid_to``."""

    __tablename__ = "agency"
    slug: Mapped[str] = short()
    name: Mapped[str]
    short_name: Mapped[str]
    abbreviation: Mapped[str]
    folded_name: Mapped[str]
    folded_short_name: Mapped[str]
    superior_name: Mapped[str] = mapped_column(default="")
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agency.id"))
    successor_id: Mapped[UUID | None] = mapped_column(ForeignKey("agency.id"))
    level: Mapped[str] = short()
    kind: Mapped[str] = short()
    place: Mapped[str] = mapped_column(default="")
    contact: Mapped[str] = mapped_column(default="")
    hosted: Mapped[bool] = mapped_column(default=False)
    exchange_mode: Mapped[str] = short()
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012
    __table_args__ = (
        UniqueConstraint("slug"),
        Index("ix_agency_folded_name", "folded_name"),
        Index("ix_agency_folded_short_name", "folded_short_name"),
        CheckConstraint("level IN ('central', 'province', 'department', 'commune', 'other')", name="level"),
        CheckConstraint("exchange_mode IN ('local', 'paper')", name="exchange_mode"),
    )


class AgencyIdentifier(Base, Row):
    """An identifier of an agency with the time it holds (Decision 20/2020; QCVN 102:2016/BTTTT)."""

    __tablename__ = "agency_identifier"
    subject_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    scheme: Mapped[str] = short()
    value: Mapped[str] = short(64)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    __table_args__ = (
        UniqueConstraint("scheme", "value", "valid_from"),
        Index("ix_agency_identifier_subject", "subject_id"),
    )


class Unit(Base, Owned):
    """A unit of an agency (phòng, ban)."""

    __tablename__ = "unit"
    name: Mapped[str]
    abbreviation: Mapped[str]
    parent_id: Mapped[UUID | None]
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("agency_id", "abbreviation"),
        ForeignKeyConstraint(["agency_id"], ["agency.id"]),
        ForeignKeyConstraint(["agency_id", "parent_id"], ["unit.agency_id", "unit.id"]),
    )


class Person(Base, Row):
    """A person with a sign-in; holds posts in agencies."""

    __tablename__ = "person"
    full_name: Mapped[str]
    honorific: Mapped[str] = mapped_column(default="ông")
    login: Mapped[str] = short(64)
    password_hash: Mapped[str]
    locale: Mapped[str] = short(5)
    active: Mapped[bool] = mapped_column(default=True)
    generation: Mapped[int] = mapped_column(default=1)
    __table_args__ = (UniqueConstraint("login"),)


class Post(Base, Owned):
    """A post (chức vụ) held by a person for a time; roles and authority sit on posts."""

    __tablename__ = "post"
    unit_id: Mapped[UUID | None]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    title: Mapped[str]
    rank: Mapped[int] = mapped_column(default=100)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    person: Mapped[Person] = relationship(lazy="joined", innerjoin=True)
    unit: Mapped[Unit | None] = relationship(lazy="joined", viewonly=True)
    roles: Mapped[list[PostRole]] = relationship(lazy="selectin", viewonly=True)
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id"], ["agency.id"]),
        ForeignKeyConstraint(["agency_id", "unit_id"], ["unit.agency_id", "unit.id"]),
        Index("ix_post_person", "person_id"),
    )


class PostRole(Base, Owned):
    """A role carried by a post; an auditor's role may reach another agency (``over_agency_id``)."""

    __tablename__ = "post_role"
    post_id: Mapped[UUID]
    role: Mapped[str] = short()
    over_agency_id: Mapped[UUID | None] = mapped_column(ForeignKey("agency.id"))
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "post_id"], ["post.agency_id", "post.id"]),
        UniqueConstraint("post_id", "role", "over_agency_id"),
        one_of("role", Role),
    )


class SigningAuthority(Base, Owned):
    """In which capacity a post may sign what, from when to when (Decree 30/2020 article 13)."""

    __tablename__ = "signing_authority"
    post_id: Mapped[UUID]
    basis: Mapped[str] = short()
    holder: Mapped[str] = short()
    kinds: Mapped[list[Any] | None]
    basis_document: Mapped[str] = mapped_column(default="")
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "post_id"], ["post.agency_id", "post.id"]),
        one_of("basis", Basis),
        one_of("holder", Holder),
    )

    def as_rule(self) -> Authority:
        """The same as the rules know it."""
        return Authority(
            post=self.post_id,
            capacity=Capacity(Basis(self.basis), Holder(self.holder)),
            kinds=frozenset(self.kinds) if self.kinds is not None else None,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            basis_document=self.basis_document,
        )


class Certificate(Base, Owned):
    """A certificate of a leader, of the agency's seal, or of its exchange; the key lies with the key agent or outside.

    ``name``, ``issuer`` and ``serial`` are read from ``der`` once, so that lists need not; ``ended_at`` is from when it
    was revoked or replaced, ``reported_on`` the day its issuer was told.
    """

    __tablename__ = "certificate"
    purpose: Mapped[str] = short()
    post_id: Mapped[UUID | None]
    custodian_post_id: Mapped[UUID | None]
    key_name: Mapped[str] = short(80)
    storage: Mapped[str] = mapped_column(String(40), default="agent")
    origin: Mapped[str] = mapped_column(String(40), default="entered")
    test: Mapped[bool] = mapped_column(default=False)
    sha256: Mapped[str] = short(64)
    der: Mapped[bytes]
    chain: Mapped[list[Any]]
    subject: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    issuer: Mapped[str] = mapped_column(default="")
    serial: Mapped[str] = mapped_column(String(64), default="")
    folded: Mapped[str] = mapped_column(default="")
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]
    status: Mapped[str] = short()
    ended_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")
    reported_on: Mapped[date | None]
    replaced_by_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012
    __table_args__ = (
        UniqueConstraint("sha256"),
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id"], ["agency.id"]),
        ForeignKeyConstraint(["agency_id", "post_id"], ["post.agency_id", "post.id"]),
        ForeignKeyConstraint(["agency_id", "custodian_post_id"], ["post.agency_id", "post.id"]),
        CheckConstraint("purpose IN ('leader', 'seal', 'exchange')", name="purpose"),
        CheckConstraint("status IN ('active', 'revoked', 'replaced')", name="status"),
        CheckConstraint("(purpose = 'leader') = (post_id IS NOT NULL)", name="leader_has_post"),
        CheckConstraint("(purpose = 'seal') = (custodian_post_id IS NOT NULL)", name="seal_has_custodian"),
        Index("ix_certificate_ends", "agency_id", "status", "valid_to", "id"),
    )


class Picture(Base, Owned):
    """The picture of a leader's handwriting or of an agency's seal, with its real size on paper."""

    __tablename__ = "picture"
    purpose: Mapped[str] = short()
    post_id: Mapped[UUID | None]
    sha256: Mapped[str] = short(64)
    width_um: Mapped[int]
    height_um: Mapped[int]
    __table_args__ = (
        ForeignKeyConstraint(["agency_id"], ["agency.id"]),
        ForeignKeyConstraint(["agency_id", "post_id"], ["post.agency_id", "post.id"]),
        CheckConstraint("purpose IN ('handwriting', 'seal')", name="purpose"),
    )


class RecipientGroup(Base, Owned):
    """A named group of agencies to send to."""

    __tablename__ = "recipient_group"
    name: Mapped[str]
    members: Mapped[list[RecipientGroupMember]] = relationship(lazy="selectin", viewonly=True)
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("agency_id", "name"),
        ForeignKeyConstraint(["agency_id"], ["agency.id"]),
    )


class RecipientGroupMember(Base, Owned):
    """One agency of a recipient group."""

    __tablename__ = "recipient_group_member"
    group_id: Mapped[UUID]
    member_id: Mapped[UUID] = mapped_column(ForeignKey("agency.id"))
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "group_id"], ["recipient_group.agency_id", "recipient_group.id"]),
        UniqueConstraint("group_id", "member_id"),
    )


class CalendarDay(Base, Row):
    """A day off, or a day worked for one (làm bù), for the whole installation or one agency."""

    __tablename__ = "calendar_day"
    for_agency_id: Mapped[UUID | None] = mapped_column(ForeignKey("agency.id"))
    day: Mapped[date]
    kind: Mapped[str] = short()
    name_vi: Mapped[str]
    name_en: Mapped[str]
    basis: Mapped[str]
    __table_args__ = (
        UniqueConstraint("for_agency_id", "day"),
        CheckConstraint("kind IN ('holiday', 'make_up')", name="kind"),
    )


class Setting(Base, Row):
    """A dated setting with its source, such as the baseline of the processing time."""

    __tablename__ = "setting"
    name: Mapped[str] = short(80)
    value: Mapped[str]
    source: Mapped[str]
    valid_from: Mapped[date]
    __table_args__ = (UniqueConstraint("name", "valid_from"),)

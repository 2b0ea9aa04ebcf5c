"""Agencies, units, posts and people: setting them up, and telling who sits at a desk."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, func, or_, select, tuple_
from sqlalchemy.orm import Session, joinedload

from eoffice.core.calendar import Day, WorkingCalendar
from eoffice.core.clock import local_date
from eoffice.core.desk import Actor, Desk, scope
from eoffice.core.errors import InvalidInput, NotFound
from eoffice.core.i18n import N_
from eoffice.core.text import fold
from eoffice.models.directory import (
    Agency,
    AgencyIdentifier,
    CalendarDay,
    Certificate,
    Person,
    Picture,
    Post,
    PostRole,
    Setting,
    SigningAuthority,
    Unit,
)
from eoffice.rules.access import Permission, Role, sees_whole_agency
from eoffice.services import certificate_facts
from eoffice.services.verbs import verb

PAGE = 50

DEMO_PASSWORD = "demo_password"  # noqa: S105 - the name of the setting by which a demo says how to sign in


@dataclass(frozen=True)
class NewAgency:
    """An agency to be entered in the directory; dates inclusive."""

    slug: str
    name: str
    short_name: str
    abbreviation: str
    level: str
    kind: str
    identifier: str
    superior_name: str = ""
    parent: str = ""
    place: str = ""
    contact: str = ""
    hosted: bool = True
    exchange_mode: str = "local"
    valid_from: date = date(2020, 1, 1)
    units: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class NewPost:
    """A person on a post, with roles and, for signers, the capacity (basis, holder)."""

    agency: str
    login: str
    full_name: str
    honorific: str
    title: str
    password_hash: str
    roles: tuple[str, ...]
    unit: str = ""
    rank: int = 100
    authority: tuple[str, str] | None = None
    kinds: tuple[str, ...] | None = None
    basis_document: str = ""
    over: tuple[str, ...] = ()
    valid_from: date = date(2020, 1, 1)
    valid_to: date | None = None


@dataclass(frozen=True)
class NewCertificate:
    """A certificate whose key lies in the key agent (or, for exchange, beside the installation's secret)."""

    agency: str
    purpose: str
    key_name: str
    der: bytes
    chain: tuple[bytes, ...]
    login: str = ""
    picture_sha256: str = ""
    picture_size_um: tuple[int, int] = (0, 0)
    extra: dict[str, str] = field(default_factory=dict)


@verb(Permission.DIRECTORY_CHANGE, "agency.established")
def establish(desk: Desk, *, agency: NewAgency) -> Agency:
    """Enter an agency with its identifier and units.

    Raises:
        InvalidInput: the short code or the identifier is taken, or the parent is unknown.
    """
    if _agency(desk, agency.slug) is not None:
        raise InvalidInput("agency_taken", N_("There is already an agency with this code."), slug=agency.slug)
    parent = _agency(desk, agency.parent) if agency.parent else None
    if agency.parent and parent is None:
        raise InvalidInput("unknown_parent", N_("The superior agency is not in the directory."), slug=agency.parent)
    row = Agency(
        slug=agency.slug,
        name=agency.name,
        short_name=agency.short_name,
        abbreviation=agency.abbreviation,
        folded_name=fold(agency.name),
        folded_short_name=fold(agency.short_name),
        superior_name=agency.superior_name,
        parent_id=parent.id if parent else None,
        level=agency.level,
        kind=agency.kind,
        place=agency.place,
        contact=agency.contact,
        hosted=agency.hosted,
        exchange_mode=agency.exchange_mode,
        valid_from=agency.valid_from,
    )
    desk.session.add(row)
    desk.session.flush()
    desk.session.add(
        AgencyIdentifier(
            subject_id=row.id, scheme="qd20_2020", value=agency.identifier, valid_from=agency.valid_from
        )
    )
    desk.session.add_all(Unit(agency_id=row.id, name=name, abbreviation=short) for name, short in agency.units)
    desk.note(slug=agency.slug, name=agency.name, identifier=agency.identifier)
    return row


@verb(Permission.DIRECTORY_CHANGE, "post.appointed")
def appoint(desk: Desk, *, post: NewPost) -> Post:
    """Put a person on a post of the desk's agency, with roles and authority to sign."""
    person = desk.session.scalars(select(Person).where(Person.login == post.login)).one_or_none()
    if person is None:
        person = Person(
            full_name=post.full_name,
            honorific=post.honorific,
            login=post.login,
            password_hash=post.password_hash,
            locale=desk.settings.locale,
        )
        desk.session.add(person)
        desk.session.flush()
    unit = None
    if post.unit:
        unit = desk.session.scalars(own(desk, Unit).where(Unit.abbreviation == post.unit)).one_or_none()
        if unit is None:
            raise InvalidInput("unknown_unit", N_("This unit is not in the directory."), unit=post.unit)
    row = Post(
        agency_id=desk.agency,
        unit_id=unit.id if unit else None,
        person_id=person.id,
        title=post.title,
        rank=post.rank,
        valid_from=post.valid_from,
        valid_to=post.valid_to,
    )
    desk.session.add(row)
    desk.session.flush()
    over: list[UUID | None] = [_known_agency(desk, slug).id for slug in post.over]
    for role in post.roles:
        for reach in over if over and role == "auditor" else [None]:
            desk.session.add(PostRole(agency_id=desk.agency, post_id=row.id, role=role, over_agency_id=reach))
    if post.authority:
        basis, holder = post.authority
        desk.session.add(
            SigningAuthority(
                agency_id=desk.agency,
                post_id=row.id,
                basis=basis,
                holder=holder,
                kinds=list(post.kinds) if post.kinds is not None else None,
                basis_document=post.basis_document,
                valid_from=post.valid_from,
                valid_to=post.valid_to,
            )
        )
    desk.note(login=post.login, title=post.title, roles=list(post.roles))
    return row


@verb(Permission.DIRECTORY_CHANGE, "certificate.entered")
def enter_certificate(desk: Desk, *, certificate: NewCertificate) -> Certificate:
    """Enter a certificate of a leader, the agency's seal (with its custodian) or its exchange."""
    facts = certificate_facts.read(certificate.der)
    post = post_of(desk, certificate.login) if certificate.login else None
    row = Certificate(
        agency_id=desk.agency,
        purpose=certificate.purpose,
        post_id=post.id if post and certificate.purpose == "leader" else None,
        custodian_post_id=post.id if post and certificate.purpose == "seal" else None,
        key_name=certificate.key_name,
        **described(facts, certificate.der, certificate.chain),
    )
    desk.session.add(row)
    if certificate.picture_sha256:
        width, height = certificate.picture_size_um
        desk.session.add(
            Picture(
                agency_id=desk.agency,
                purpose="seal" if certificate.purpose == "seal" else "handwriting",
                post_id=row.post_id,
                sha256=certificate.picture_sha256,
                width_um=width,
                height_um=height,
            )
        )
    desk.note(purpose=certificate.purpose, subject=row.subject, sha256=row.sha256)
    return row


def described(facts: certificate_facts.Facts, der: bytes, chain: Sequence[bytes]) -> dict[str, Any]:
    """The columns of a certificate in use that come from the certificate itself."""
    return {
        "sha256": facts.sha256,
        "der": der,
        "chain": [other.hex() for other in chain],
        "subject": facts.subject,
        "name": facts.name,
        "issuer": facts.issuer,
        "serial": facts.serial,
        "folded": facts.folded,
        "test": facts.test,
        "valid_from": facts.valid_from,
        "valid_to": facts.valid_to,
        "status": "active",
    }


@verb(Permission.DIRECTORY_CHANGE, "calendar.seeded")
def seed_calendar(desk: Desk, *, days: Sequence[Any]) -> None:
    """Enter days off and make-up days for the whole installation."""
    desk.session.add_all(
        CalendarDay(day=day.day, kind=day.kind, name_vi=day.name_vi, name_en=day.name_en, basis=day.basis)
        for day in days
    )
    desk.tools.memory.clear()
    desk.note(days=len(days))


@verb(Permission.DIRECTORY_CHANGE, "setting.changed")
def set_value(desk: Desk, *, name: str, value: str, source: str, valid_from: date) -> Setting:
    """Enter a dated setting with its source."""
    row = Setting(name=name, value=value, source=source, valid_from=valid_from)
    desk.session.add(row)
    desk.note(name=name, value=value, source=source)
    return row


def _agency(desk: Desk, slug: str) -> Agency | None:
    return desk.session.scalars(select(Agency).where(Agency.slug == slug)).one_or_none()


def _known_agency(desk: Desk, slug: str) -> Agency:
    row = _agency(desk, slug)
    if row is None:
        raise NotFound(table="agency", slug=slug)
    return row


def agency(desk: Desk, agency_id: UUID | None = None) -> Agency:
    """An agency of the directory, this desk's own when no id is given."""
    row = desk.session.get(Agency, agency_id or desk.agency)
    if row is None:
        raise NotFound(table="agency", id=str(agency_id))
    return row


def agencies(desk: Desk, ids: Collection[UUID]) -> dict[UUID, Agency]:
    """Some agencies of the directory by id, by one query."""
    if not ids:
        return {}
    return {row.id: row for row in desk.session.scalars(select(Agency).where(Agency.id.in_(sorted(ids))))}


def agency_by_slug(desk: Desk, slug: str) -> Agency:
    """An agency by its short code.

    Raises:
        NotFound: there is none.
    """
    return _known_agency(desk, slug)


def hosted(desk: Desk) -> list[Agency]:
    """Agencies that work in this installation, by name."""
    return list(desk.session.scalars(select(Agency).where(Agency.hosted).order_by(Agency.name)))


def identifier(desk: Desk, agency_id: UUID, on: date) -> str:
    """The identifier of an agency on a day, "" when it has none (Decision 20/2020)."""
    found = desk.session.scalars(
        select(AgencyIdentifier.value)
        .where(
            AgencyIdentifier.subject_id == agency_id,
            AgencyIdentifier.valid_from <= on,
            or_(AgencyIdentifier.valid_to.is_(None), AgencyIdentifier.valid_to >= on),
        )
        .order_by(AgencyIdentifier.valid_from.desc())
        .limit(1)
    ).first()
    return found or ""


def agency_by_identifier(desk: Desk, value: str, on: date) -> Agency | None:
    """Whose identifier this was on a day."""
    return desk.session.scalars(
        select(Agency)
        .join(AgencyIdentifier, AgencyIdentifier.subject_id == Agency.id)
        .where(
            AgencyIdentifier.value == value,
            AgencyIdentifier.valid_from <= on,
            or_(AgencyIdentifier.valid_to.is_(None), AgencyIdentifier.valid_to >= on),
        )
        .limit(1)
    ).first()


def agency_by_name(desk: Desk, name: str) -> Agency | None:
    """The agency with this name as printed, letter case and diacritics apart; None when none or several have it."""
    wanted = fold(name)
    statement = select(Agency).where(or_(Agency.folded_name == wanted, Agency.folded_short_name == wanted)).limit(2)
    found = desk.session.scalars(statement).all()
    return found[0] if len(found) == 1 else None


def own(desk: Desk, table: Any) -> Any:
    """Select rows of the desk's own agency; an auditor's scope reaches further."""
    return scope(desk, table).where(table.agency_id == desk.agency)


def units(desk: Desk) -> list[Unit]:
    """Units of this agency, by name."""
    return list(desk.session.scalars(own(desk, Unit).order_by(Unit.name)))


def posts(desk: Desk) -> list[Post]:
    """Posts of this agency that are held today, by rank; a reading desk, which sees one moment, asks once."""
    known: list[Post] | None = desk.session.info.get("posts")
    if known is not None:
        return known
    today = local_date(desk.now())
    statement = own(desk, Post).where(
        Post.valid_from <= today, or_(Post.valid_to.is_(None), Post.valid_to >= today)
    )
    rows = desk.session.scalars(statement.order_by(Post.rank, Post.id).options(joinedload(Post.roles)))
    found = list(rows.unique())
    if not desk.writing:
        desk.session.info["posts"] = found
    return found


def leaders(desk: Desk) -> list[Post]:
    """Who leads this agency today, the head first."""
    return [post for post in posts(desk) if any(role.role == Role.LEADER for role in post.roles)]


def post(desk: Desk, post_id: UUID) -> Post:
    """A post of an agency this desk may read.

    Raises:
        NotFound: there is none.
    """
    row = desk.session.scalars(scope(desk, Post).where(Post.id == post_id)).one_or_none()
    if row is None:
        raise NotFound(table="post", id=str(post_id))
    return row


def post_of(desk: Desk, login: str) -> Post:
    """The post a person holds in this agency.

    Raises:
        NotFound: he holds none.
    """
    row: Post | None = desk.session.scalars(
        own(desk, Post).join(Person).where(Person.login == login).order_by(Post.rank).limit(1)
    ).first()
    if row is None:
        raise NotFound(table="post", login=login)
    return row


def authorities(desk: Desk, post_id: UUID) -> list[SigningAuthority]:
    """In which capacities a post may sign."""
    return list(desk.session.scalars(own(desk, SigningAuthority).where(SigningAuthority.post_id == post_id)))


def certificate(desk: Desk, purpose: str, *, post_id: UUID | None = None) -> Certificate | None:
    """The certificate of this agency for a purpose that is in use (``leader`` needs the post).

    Where there are several, the one valid now comes first: while one is renewed, old and new overlap. One that has run
    out is still given, so that signing can say so.
    """
    statement = own(desk, Certificate).where(Certificate.purpose == purpose, Certificate.status == "active")
    if post_id is not None:
        statement = statement.where(Certificate.post_id == post_id)
    return desk.session.scalars(statement.order_by(*newest_valid(desk.now())).limit(1)).first()


def newest_valid(now: datetime) -> tuple[Any, ...]:
    """An order of certificates: those valid now first, of these the one that holds longest."""
    valid = and_(Certificate.valid_from <= now, Certificate.valid_to > now)
    return case((valid, 0), else_=1), Certificate.valid_to.desc(), Certificate.id.desc()


def picture(desk: Desk, purpose: str, *, post_id: UUID | None = None) -> Picture | None:
    """The picture of a post's handwriting or of the agency's seal."""
    statement = own(desk, Picture).where(Picture.purpose == purpose)
    if post_id is not None:
        statement = statement.where(Picture.post_id == post_id)
    return desk.session.scalars(statement.order_by(Picture.id.desc()).limit(1)).first()


def calendar(desk: Desk) -> WorkingCalendar:
    """The working calendar of this agency: the installation's days, its own over them.

    A desk that only reads may get one of up to a minute ago.
    """
    if desk.writing:
        return _calendar(desk)
    known: WorkingCalendar = desk.tools.memory.get(f"calendar:{desk.actor.agency}", lambda: _calendar(desk))
    return known


def _calendar(desk: Desk) -> WorkingCalendar:
    own = desk.actor.agency
    rows = desk.session.scalars(
        select(CalendarDay)
        .where(or_(CalendarDay.for_agency_id.is_(None), CalendarDay.for_agency_id == own))
        .order_by(CalendarDay.for_agency_id.is_not(None))
    )
    days = {row.day: row for row in rows}
    return WorkingCalendar.from_days(
        Day(row.day, row.kind, row.name_vi, row.name_en, row.basis) for row in days.values()
    )


SEAT = (
    Post.id,
    Post.agency_id,
    Post.person_id,
    Post.unit_id,
    Post.title,
    Post.valid_from,
    Post.valid_to,
    Person.full_name,
    Person.active,
    PostRole.role,
    PostRole.over_agency_id,
)
"""What is known of who sits on a post: one row per role."""


def seats() -> Any:
    """Select the ``SEAT`` of posts; who asks says of which one."""
    statement = select(*SEAT).join(Person, Person.id == Post.person_id)
    return statement.outerjoin(PostRole, PostRole.post_id == Post.id).execution_options(scoped=True)


def actor_of(session: Session, post_id: UUID, *, on: date, sign_in: str = "") -> Actor:
    """Who sits on a post: his name, roles and what he may see.

    Args:
        sign_in: identifier of the sign-in; unlocked keys are bound to it.
        on: the day, local.

    Raises:
        NotFound: no such post, not held on this day, or its holder is no longer active.
    """
    actor = seated(session.execute(seats().where(Post.id == post_id)).all(), on=on, sign_in=sign_in)
    if actor is None:
        raise NotFound(table="post", id=str(post_id))
    return actor


def seated(rows: Sequence[Any], *, on: date, sign_in: str = "") -> Actor | None:
    """The actor whose seat these rows are; None when the post is not held on this day or its holder has left."""
    if not rows:
        return None
    seat = rows[0]
    held = seat.valid_from <= on and (seat.valid_to is None or seat.valid_to >= on)
    if not held or not seat.active:
        return None
    roles = frozenset(row.role for row in rows if row.role)
    reach = {row.over_agency_id for row in rows if row.role == "auditor" and row.over_agency_id}
    return Actor(
        kind="person",
        agency=seat.agency_id,
        post=seat.id,
        person=seat.person_id,
        unit=seat.unit_id,
        roles=roles,
        name=seat.full_name,
        title=seat.title,
        agencies=frozenset({seat.agency_id, *reach}),
        whole_agency=sees_whole_agency(roles),
        session=sign_in,
    )


@dataclass(frozen=True)
class Named:
    """A person on a post as pages name him, and his unit, "" when he has none."""

    name: str
    honorific: str
    title: str
    unit: str

    @property
    def called(self) -> str:
        """As buttons call him: ``ông Sơn``."""
        return f"{self.honorific} {self.name.rpartition(' ')[2]}"


def named(desk: Desk, posts: Collection[UUID]) -> dict[UUID, Named]:
    """Names, titles and units of posts, those that are no longer held too."""
    if not posts:
        return {}
    rows = desk.session.execute(
        scope(desk, Post)
        .where(Post.id.in_(sorted(posts)))
        .join(Person, Person.id == Post.person_id)
        .outerjoin(Unit, Unit.id == Post.unit_id)
        .with_only_columns(Post.id, Person.full_name, Person.honorific, Post.title, Unit.name)
    )
    return {row[0]: Named(row[1], row[2], row[3], row[4] or "") for row in rows}


@dataclass(frozen=True)
class Colleague:
    """Somebody who holds a post of this agency today, to choose from.

    Args:
        roles: words of ``rules.access.Role``.
    """

    id: UUID
    named: Named
    unit_id: UUID | None
    roles: frozenset[str]


def colleagues(desk: Desk) -> list[Colleague]:
    """Everybody who holds a post of this agency today, by rank, with unit and roles, by one query."""
    today = local_date(desk.now())
    rows = desk.session.execute(
        own(desk, Post)
        .where(Post.valid_from <= today, or_(Post.valid_to.is_(None), Post.valid_to >= today), Person.active)
        .join(Person, Person.id == Post.person_id)
        .outerjoin(Unit, Unit.id == Post.unit_id)
        .outerjoin(PostRole, PostRole.post_id == Post.id)
        .order_by(Post.rank, Post.id)
        .with_only_columns(
            Post.id, Person.full_name, Person.honorific, Post.title, Unit.name, Post.unit_id, PostRole.role
        )
    )
    found: dict[UUID, Colleague] = {}
    for post_id, name, honorific, title, unit, unit_id, role in rows:
        before = found.get(post_id)
        roles = (before.roles if before else frozenset()) | ({role} if role else set())
        found[post_id] = Colleague(post_id, Named(name, honorific, title, unit or ""), unit_id, frozenset(roles))
    return list(found.values())


@dataclass(frozen=True)
class Seat:
    """A post with who holds or held it.

    Args:
        roles: words of ``rules.access.Role``.
        until: the last day, None while no end is known.
    """

    id: UUID
    person: UUID
    named: Named
    unit_id: UUID | None
    since: date
    until: date | None
    roles: tuple[str, ...]

    def held(self, on: date) -> bool:
        """Whether somebody sits on it on a day."""
        return self.since <= on and (self.until is None or self.until >= on)


def staff(desk: Desk, agency_id: UUID) -> list[Seat]:
    """Every post of an agency this desk may read, by rank, with people, units and roles; former ones too."""
    rows = desk.session.execute(
        scope(desk, Post)
        .where(Post.agency_id == agency_id)
        .join(Person, Person.id == Post.person_id)
        .outerjoin(Unit, Unit.id == Post.unit_id)
        .outerjoin(PostRole, PostRole.post_id == Post.id)
        .order_by(Post.rank, Post.id)
        .with_only_columns(
            Post.id,
            Post.person_id,
            Person.full_name,
            Person.honorific,
            Post.title,
            Unit.name,
            Post.unit_id,
            Post.valid_from,
            Post.valid_to,
            PostRole.role,
        )
    )
    found: dict[UUID, Seat] = {}
    for post_id, person, name, honorific, title, unit, unit_id, since, until, role in rows:
        before = found[post_id].roles if post_id in found else ()
        roles = tuple(sorted({*before, *([role] if role else [])}))
        named = Named(name, honorific, title, unit or "")
        found[post_id] = Seat(post_id, person, named, unit_id, since, until, roles)
    return list(found.values())


def readable(desk: Desk) -> list[Agency]:
    """Agencies whose rows this desk may read, its own first, then by name."""
    own, statement = desk.actor.agency, select(Agency).order_by(Agency.folded_name)
    if desk.actor.agencies is not None:
        statement = statement.where(Agency.id.in_(sorted(desk.actor.agencies)))
    return sorted(desk.session.scalars(statement), key=lambda agency: agency.id != own)


@dataclass(frozen=True)
class Listed:
    """An agency as everybody may know it."""

    id: UUID
    slug: str
    name: str
    short_name: str
    identifier: str
    level: str
    exchange_mode: str
    hosted: bool


@dataclass(frozen=True)
class Agencies:
    """A page of the directory and the agency it goes on after, "" at the end."""

    rows: Sequence[Listed]
    after: str


def find(desk: Desk, words: str, *, after: str = "", limit: int = PAGE) -> Agencies:
    """Agencies of today by name, some on a page; every page costs the same.

    Args:
        words: of the name, with or without diacritics, or of the identifier; all must occur.
        after: as the page before says.
    """
    today = local_date(desk.now())
    identifier = _identifier(today)
    statement = select(
        Agency.id,
        Agency.slug,
        Agency.name,
        Agency.short_name,
        func.coalesce(identifier, ""),
        Agency.level,
        Agency.exchange_mode,
        Agency.hosted,
    ).where(or_(Agency.valid_to.is_(None), Agency.valid_to >= today))
    for word in fold(words).split()[:10]:
        like = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        places = (Agency.folded_name, Agency.folded_short_name, func.lower(identifier))
        statement = statement.where(or_(*(place.like(like, escape="\\") for place in places)))
    if after:
        name = select(Agency.folded_name).where(Agency.slug == after).scalar_subquery()
        statement = statement.where(tuple_(Agency.folded_name, Agency.slug) > tuple_(name, after))
    ordered = statement.order_by(Agency.folded_name, Agency.slug).limit(limit + 1)
    rows = [Listed(*row) for row in desk.session.execute(ordered)]
    return Agencies(rows[:limit], rows[limit - 1].slug if len(rows) > limit else "")


def _identifier(on: date) -> Any:
    """The identifier of the agency at hand on a day."""
    return (
        select(AgencyIdentifier.value)
        .where(
            AgencyIdentifier.subject_id == Agency.id,
            AgencyIdentifier.valid_from <= on,
            or_(AgencyIdentifier.valid_to.is_(None), AgencyIdentifier.valid_to >= on),
        )
        .order_by(AgencyIdentifier.valid_from.desc())
        .limit(1)
        .scalar_subquery()
    )


def head(desk: Desk, agency_id: UUID) -> Named | None:
    """Who leads an agency of this installation today: public, so it is told of every agency; None when not known."""
    today = local_date(desk.now())
    row = desk.session.execute(
        select(Person.full_name, Person.honorific, Post.title)
        .join(Post, Post.person_id == Person.id)
        .join(PostRole, PostRole.post_id == Post.id)
        .where(
            Post.agency_id == agency_id,
            PostRole.role == Role.LEADER,
            Person.active,
            Post.valid_from <= today,
            or_(Post.valid_to.is_(None), Post.valid_to >= today),
        )
        .order_by(Post.rank, Post.id)
        .limit(1)
        .execution_options(scoped=True)  # the head of an agency is known to everybody; nothing else of its posts is
    ).first()
    return Named(row[0], row[1], row[2], "") if row is not None else None


@dataclass(frozen=True)
class Held:
    """A certificate: for what, of whom, and when it holds."""

    purpose: str
    post_id: UUID | None
    valid_from: datetime
    valid_to: datetime
    status: str

    def standing(self, now: datetime) -> str:
        """``active``, ``revoked``, ``replaced``, ``expired`` or ``to_come``."""
        if self.status != "active":
            return self.status
        return "to_come" if now < self.valid_from else "expired" if now > self.valid_to else "active"


def certificates(desk: Desk, agency_id: UUID) -> list[Held]:
    """The certificates of an agency this desk may read, those of its leaders by post; the newest first."""
    rows = desk.session.execute(
        scope(desk, Certificate)
        .where(Certificate.agency_id == agency_id)
        .order_by(Certificate.valid_to.desc(), Certificate.id)
        .with_only_columns(
            Certificate.purpose,
            func.coalesce(Certificate.post_id, Certificate.custodian_post_id),
            Certificate.valid_from,
            Certificate.valid_to,
            Certificate.status,
        )
    )
    return [Held(*row) for row in rows]


def capacities(desk: Desk, agency_id: UUID) -> dict[UUID, list[SigningAuthority]]:
    """In which capacities the posts of an agency may sign today, by post."""
    today = local_date(desk.now())
    found: dict[UUID, list[SigningAuthority]] = {}
    for row in desk.session.scalars(
        scope(desk, SigningAuthority)
        .where(
            SigningAuthority.agency_id == agency_id,
            SigningAuthority.valid_from <= today,
            or_(SigningAuthority.valid_to.is_(None), SigningAuthority.valid_to >= today),
        )
        .order_by(SigningAuthority.valid_from, SigningAuthority.id)
    ):
        found.setdefault(row.post_id, []).append(row)
    return found


def units_of(desk: Desk, agency_id: UUID) -> list[Unit]:
    """Units of an agency this desk may read, by name."""
    return list(desk.session.scalars(scope(desk, Unit).where(Unit.agency_id == agency_id).order_by(Unit.name)))


def units_named(desk: Desk, units: Collection[UUID]) -> dict[UUID, str]:
    """Names of units."""
    if not units:
        return {}
    rows = desk.session.execute(
        scope(desk, Unit).where(Unit.id.in_(sorted(units))).with_only_columns(Unit.id, Unit.name)
    )
    return {row[0]: row[1] for row in rows}


def short_names(desk: Desk, agencies: Collection[UUID]) -> dict[UUID, str]:
    """Short names of agencies of the directory."""
    rows = desk.session.execute(select(Agency.id, Agency.short_name).where(Agency.id.in_(sorted(agencies))))
    return {row[0]: row[1] for row in rows}


def names(desk: Desk, *, most: int = 500) -> list[str]:
    """Names of the agencies of the directory, to choose from while writing one."""
    return list(desk.session.scalars(select(Agency.name).order_by(Agency.name).limit(most)))


def value(desk: Desk, name: str) -> str:
    """The value of a dated setting today, "" when nobody has entered one."""
    found = desk.session.scalars(
        select(Setting.value)
        .where(Setting.name == name, Setting.valid_from <= local_date(desk.now()))
        .order_by(Setting.valid_from.desc())
        .limit(1)
    ).first()
    return found or ""


def owner(desk: Desk) -> str:
    """The name of the province whose office this is, "" when no agency of this installation is one."""
    of_province = select(Agency.name).where(Agency.hosted, Agency.level == "province")
    return desk.session.scalars(of_province.order_by(Agency.valid_from, Agency.id).limit(1)).first() or ""


@dataclass(frozen=True)
class Account:
    """One account of the demo province, as its sign-in page lists it."""

    login: str
    name: str
    title: str
    agency: str


def demo_accounts(desk: Desk) -> list[Account]:
    """Everybody who can sign in to the demo province, by agency and rank; nobody where it was not founded."""
    if not desk.settings.test_mode or not value(desk, DEMO_PASSWORD):
        return []
    today = local_date(desk.now())
    rows = desk.session.execute(
        select(Person.login, Person.full_name, Post.title, Agency.short_name)
        .join(Post, Post.person_id == Person.id)
        .join(Agency, Agency.id == Post.agency_id)
        .where(Person.active, Post.valid_from <= today, or_(Post.valid_to.is_(None), Post.valid_to >= today))
        .order_by(Agency.id, Post.rank, Post.id)
        .execution_options(scoped=True)  # the demo hides nobody
    )
    return [Account(*row) for row in rows]


@dataclass(frozen=True)
class Offered:
    """A post a person may sign in on."""

    id: UUID
    title: str
    agency: str


def offered(desk: Desk, posts: Collection[UUID]) -> list[Offered]:
    """Posts to choose from at signing in; ask ``accounts.account`` first whose they are."""
    rows = desk.session.execute(
        select(Post.id, Post.title, Agency.short_name)
        .join(Agency, Agency.id == Post.agency_id)
        .where(Post.id.in_(sorted(posts)))
        .order_by(Post.rank, Post.id)
        .execution_options(scoped=True)  # a person may know of all his own posts
    )
    return [Offered(*row) for row in rows]

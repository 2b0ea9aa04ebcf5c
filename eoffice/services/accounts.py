"""Signing in and out: passwords as argon2id, lockout in the database, sessions that end at once when revoked."""

from __future__ import annotations

import hashlib
import math
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, update

from eoffice.core.clock import local_date
from eoffice.core.db import OfficeSession
from eoffice.core.desk import Actor, Desk
from eoffice.core.errors import InvalidInput, NotAllowed, NotFound
from eoffice.core.i18n import N_
from eoffice.core.secret import Secret
from eoffice.core.settings import Settings
from eoffice.core.text import fold
from eoffice.models.access import FailedSignIn, SignIn
from eoffice.models.directory import Agency, Person, Post
from eoffice.rules.access import Permission
from eoffice.services import directory
from eoffice.services.verbs import verb

TRIES, WINDOW = 5, timedelta(minutes=15)
"""After this many wrong passwords within the window a login waits until the window has passed."""

SHORTEST, LONGEST = 10, 1000
"""Characters of a password."""

MOST_LISTED = 50

_one_at_a_time = threading.Semaphore(1)  # hashing takes a core for a while; the pages must not wait for it


@lru_cache(maxsize=1)
def _hasher() -> Any:
    from argon2 import PasswordHasher

    # One of the equal choices of OWASP's password storage guide; the library's own takes six times as long, and 64 MiB.
    return PasswordHasher(time_cost=3, memory_cost=12 * 1024, parallelism=1)


@lru_cache(maxsize=1)
def _dummy() -> str:
    return hash_password(secrets.token_urlsafe(12))


def hash_password(password: str) -> str:
    """Hash a password with argon2id."""
    return str(_hasher().hash(password))


def token_digest(token: str) -> str:
    """What the database keeps of a session's token."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True)
class Check:
    """Who a login and password belong to: posts to choose from, or none.

    Args:
        locked: how long the login waits after too many tries, None when it does not.
    """

    person: UUID | None = None
    posts: tuple[UUID, ...] = ()
    locked: timedelta | None = None


@dataclass(frozen=True)
class Account:
    """What is known of a login before its password: one nobody has looks like any other.

    Args:
        stored: hash its password must fit.
        found: who comes in when it does.
        locked: how long the login waits after too many tries, None when it does not.
    """

    stored: str
    found: Check
    locked: timedelta | None = None

    def check(self, password: str) -> Check:
        """Check the password; away from every desk, because people wait in line for it with no connection in hand."""
        from argon2.exceptions import Argon2Error

        if self.locked is not None:
            return Check(locked=self.locked)
        with _one_at_a_time:
            try:
                _hasher().verify(self.stored, password)
            except Argon2Error:
                return Check()
        return self.found


def account(desk: Desk, login: str) -> Account:
    """Look a login up, for its password to be checked; an unknown one takes as long as a known one."""
    login = login.strip().casefold()
    since = desk.now() - WINDOW
    failed = select(FailedSignIn.at).where(FailedSignIn.login == login[:64], FailedSignIn.at > since)
    tries = desk.session.scalars(failed.order_by(FailedSignIn.at.desc()).limit(TRIES)).all()
    locked = tries[-1] - since if len(tries) == TRIES else None
    person = desk.session.scalars(select(Person).where(Person.login == login)).one_or_none()
    if person is None or not person.active:
        return Account(_dummy(), Check(), locked)
    today = local_date(desk.now())
    held = (
        select(Post.id)
        .where(
            Post.person_id == person.id,
            Post.valid_from <= today,
            or_(Post.valid_to.is_(None), Post.valid_to >= today),
        )
        .order_by(Post.rank, Post.id)
        .execution_options(scoped=True)  # a person may know of all his own posts
    )
    return Account(person.password_hash, Check(person.id, tuple(desk.session.scalars(held))), locked)


@verb(Permission.ACCOUNT_SIGN_IN, "account.signed_in")
def sign_in(desk: Desk, *, person: UUID, post: UUID, token_sha256: str) -> SignIn:
    """Begin a session of a person on one of his posts.

    Raises:
        NotFound: the post is not his.
    """
    row = desk.session.get(Person, person)
    mine = select(Post.id).where(Post.id == post, Post.person_id == person).execution_options(scoped=True)
    if row is None or desk.session.scalars(mine).first() is None:
        raise NotFound(table="post", id=str(post))
    now = desk.now()
    session = SignIn(
        token_sha256=token_sha256,
        person_id=person,
        post_id=post,
        generation=row.generation,
        created_at=now,
        seen_at=now,
    )
    desk.session.add(session)
    desk.session.flush()
    desk.note(person=person, post=post)
    return session


@verb(Permission.ACCOUNT_SIGN_IN, "account.sign_in_failed")
def fail(desk: Desk, *, login: str, address: str) -> None:
    """Write down a wrong password, for the lockout."""
    desk.session.add(FailedSignIn(login=login.strip().casefold()[:64], address=address[:64], at=desk.now()))
    desk.note(login=login[:64], address=address)


@verb(Permission.ACCOUNT_SIGN_OUT, "account.signed_out")
def sign_out(desk: Desk) -> None:
    """End the session of the person at this desk, on every worker at once."""
    if not desk.actor.session:
        raise NotAllowed("not_signed_in", N_("You are not signed in."))
    desk.session.execute(
        update(SignIn).where(SignIn.id == UUID(desk.actor.session)).values(ended_at=desk.now()),
        execution_options={"synchronize_session": False},
    )


@verb(Permission.ACCOUNT_SIGN_OUT, "account.session_ended")
def end_session(desk: Desk, *, sign_in: UUID) -> None:
    """End one session of the person at this desk, on every worker at once.

    Raises:
        NotFound: it is none of his open ones.
    """
    ended = desk.session.execute(
        update(SignIn)
        .where(SignIn.id == sign_in, SignIn.person_id == _person(desk), SignIn.ended_at.is_(None))
        .values(ended_at=desk.now())
        .returning(SignIn.id),
        execution_options={"synchronize_session": False},
    )
    if ended.first() is None:
        raise NotFound("session_unknown", N_("This session has ended already. Nothing was changed."))
    desk.note(session=sign_in)


@verb(Permission.ACCOUNT_SIGN_OUT, "account.others_ended")
def end_others(desk: Desk) -> None:
    """End every session of the person at this desk but this one, on every worker at once."""
    desk.note(ended=_end_others(desk))


def _end_others(desk: Desk) -> int:
    own = UUID(desk.actor.session) if desk.actor.session else None
    ended = desk.session.execute(
        update(SignIn)
        .where(SignIn.person_id == _person(desk), SignIn.id != own, SignIn.ended_at.is_(None))
        .values(ended_at=desk.now())
        .returning(SignIn.id),
        execution_options={"synchronize_session": False},
    )
    return len(ended.all())


def _person(desk: Desk) -> UUID:
    if desk.actor.person is None:
        raise NotAllowed("not_signed_in", N_("You are not signed in."))
    return desk.actor.person


def _new_hash(desk: Desk, *, old: Secret, new: Secret) -> str:
    """The slow part of a new password: the old one is checked, the new one judged and hashed.

    Raises:
        InvalidInput: the old one is wrong, or was wrong too often, or the new one is none to rely on.
    """
    person = desk.session.get(Person, _person(desk))
    if person is None:
        raise NotFound(table="person")
    judge(new.reveal(), login=person.login, name=person.full_name)
    found = account(desk, person.login).check(old.reveal())
    if found.locked is not None:
        raise InvalidInput(
            "password_locked",
            N_("Too many wrong passwords. Nothing was changed. Please wait {minutes} min and try again."),
            minutes=max(1, math.ceil(found.locked / timedelta(minutes=1))),
        )
    if found.person is None:
        raise WrongPassword
    if old.reveal() == new.reveal():
        raise InvalidInput("password_same", PASSWORD_SAME)
    with _one_at_a_time:
        return hash_password(new.reveal())


PASSWORD_SAME = N_("The new password is the old one. Nothing was changed.")


class WrongPassword(InvalidInput):
    code = "password_wrong"
    message = N_("The present password is wrong. Nothing was changed. Please enter it again.")


def judge(password: str, *, login: str, name: str) -> None:
    """Tell whether a password is one to rely on; long ones of any letters are.

    Raises:
        InvalidInput: it is too short or too long, or it is the person's own name or login.
    """
    if len(password) < SHORTEST:
        raise InvalidInput(
            "password_short",
            N_("A password has at least {count} characters. Nothing was changed. Several words make a good one."),
            count=SHORTEST,
        )
    if len(password) > LONGEST:
        raise InvalidInput("password_long", N_("This password is too long. Nothing was changed."))
    bare = "".join(fold(password).split())
    own = {"".join(fold(text).split()) for text in (login, name)}
    if bare in own or len(set(bare)) < 4 or not bare.replace(login, "").strip("0123456789!@#$%&*._-"):
        raise InvalidInput(
            "password_own",
            N_("The own name, the login or one repeated letter is no password. Nothing was changed."),
        )


@verb(Permission.ACCOUNT_CHANGE, "account.password_changed", prepare=_new_hash)
def change_password(desk: Desk, *, old: Secret, new: Secret, prepared: str) -> None:  # noqa: ARG001 - both were looked at
    """Give the person at this desk a new password; all his other sessions end.

    Raises:
        NotAllowed: nobody is signed in.
        InvalidInput: as ``_new_hash``.
    """
    statement = update(Person).where(Person.id == _person(desk)).values(password_hash=prepared)
    desk.session.execute(statement, execution_options={"synchronize_session": False})
    desk.note(ended=_end_others(desk))


@dataclass(frozen=True)
class Open:
    """One open session of a person.

    Args:
        current: it is the one this desk was opened with.
    """

    id: UUID
    title: str
    agency: str
    since: datetime
    seen: datetime
    current: bool


def open_sessions(desk: Desk) -> list[Open]:
    """The sessions of the person at this desk that still hold, this one first, then the last used."""
    now, settings = desk.now(), desk.settings
    rows = desk.session.execute(
        select(SignIn.id, Post.title, Agency.short_name, SignIn.created_at, SignIn.seen_at)
        .join(Post, Post.id == SignIn.post_id)
        .join(Person, Person.id == SignIn.person_id)
        .join(Agency, Agency.id == Post.agency_id)
        .where(
            SignIn.person_id == _person(desk),
            SignIn.ended_at.is_(None),
            SignIn.generation == Person.generation,
            SignIn.seen_at >= now - timedelta(minutes=settings.session_idle_minutes),
            SignIn.created_at >= now - timedelta(hours=settings.session_hours),
        )
        .order_by(SignIn.seen_at.desc(), SignIn.id)
        .limit(MOST_LISTED)
        .execution_options(scoped=True)  # a person may know of all his own sessions
    )
    found = [Open(*row, current=str(row[0]) == desk.actor.session) for row in rows]
    return sorted(found, key=lambda row: not row.current)


def login_of(desk: Desk) -> str:
    """The login of the person at this desk."""
    return desk.session.scalars(select(Person.login).where(Person.id == _person(desk))).one()


def revoke(session: OfficeSession, person: UUID, now: datetime) -> None:
    """End all sessions of a person, on every worker at once."""
    session.execute(
        update(SignIn).where(SignIn.person_id == person, SignIn.ended_at.is_(None)).values(ended_at=now),
        execution_options={"synchronize_session": False},
    )


@dataclass(frozen=True)
class Current:
    """A session that holds: who, where, in which language, since when, and when a page was last asked for."""

    actor: Actor
    agency: str
    locale: str
    created_at: datetime
    seen_at: datetime


def current(session: OfficeSession, settings: Settings, token: str, now: datetime) -> Current | None:
    """Who a token belongs to; None when it is unknown, ended, idle too long, too old, or the person has left."""
    return _current(session, settings, SignIn.token_sha256 == token_digest(token), now)


def holder(session: OfficeSession, settings: Settings, sign_in_id: UUID, now: datetime) -> Actor | None:
    """Who a sign-in belongs to, for work he ordered in it; None under the same conditions as ``current``."""
    found = _current(session, settings, SignIn.id == sign_in_id, now)
    return found.actor if found is not None else None


def _current(session: OfficeSession, settings: Settings, which: Any, now: datetime) -> Current | None:
    statement = directory.seats().add_columns(
        SignIn.id.label("sign_in"), SignIn.created_at, SignIn.seen_at, Person.locale, Agency.short_name
    )
    rows = session.execute(
        statement.join(SignIn, SignIn.post_id == Post.id)
        .join(Agency, Agency.id == Post.agency_id)
        .where(
            which,
            SignIn.person_id == Post.person_id,
            SignIn.ended_at.is_(None),
            SignIn.generation == Person.generation,
            SignIn.seen_at >= now - timedelta(minutes=settings.session_idle_minutes),
            SignIn.created_at >= now - timedelta(hours=settings.session_hours),
        )
    ).all()
    actor = directory.seated(rows, on=local_date(now), sign_in=str(rows[0].sign_in)) if rows else None
    if actor is None:
        return None
    return Current(actor, rows[0].short_name, rows[0].locale, rows[0].created_at, rows[0].seen_at)


def seen(session: OfficeSession, sign_in_id: UUID, now: datetime) -> None:
    """Keep a session awake."""
    session.execute(
        update(SignIn).where(SignIn.id == sign_in_id).values(seen_at=now),
        execution_options={"synchronize_session": False},
    )

"""Who is signed in: the cookie holds a random token and nothing else; the database says whose it is, each time."""

from __future__ import annotations

import secrets
from datetime import timedelta
from uuid import UUID

from flask import Flask, current_app, g, request
from flask import session as form_session
from flask_login import LoginManager, UserMixin
from werkzeug.wrappers import Request, Response

from eoffice.core.desk import PUBLIC
from eoffice.services import accounts
from eoffice.services.accounts import Current
from eoffice.web import here

AWAKE = timedelta(minutes=1)
"""How exactly the time of the last use is kept."""


class User(UserMixin):  # type: ignore[misc]
    """The signed-in person as Flask-Login knows one."""

    def __init__(self, current: Current) -> None:
        self.current = current

    def get_id(self) -> str:
        """The id of the sign-in, not of the person: it ends with the session."""
        return self.current.actor.session


def register(app: Flask) -> None:
    """Have Flask-Login ask the token of each request."""
    login = LoginManager(app)
    login.session_protection = None
    login.request_loader(_of_request)


def _of_request(_request: Request) -> User | None:
    current = load()
    return User(current) if current is not None else None


def cookie_name() -> str:
    """Over TLS the browser itself refuses such a cookie from anybody but this host."""
    return "__Host-office" if here.office().settings.https else "office"


def load() -> Current | None:
    """The session this request belongs to, looked up once per request."""
    if "current" not in g:
        g.current = _look_up()
    found: Current | None = g.current
    return found


def _look_up() -> Current | None:
    token = request.cookies.get(cookie_name(), "")
    if not 20 <= len(token) <= 100:
        return None
    office = here.office()
    now = office.clock.now()
    with office.read(PUBLIC) as desk:
        found = accounts.current(desk.session, office.settings, token, now)
    if found is not None and now - found.seen_at >= AWAKE:
        here.visits().awake(UUID(found.actor.session))
    return found


def begin(response: Response, person: UUID, post: UUID) -> None:
    """Sign a person in on one of his posts: a new token, and new tokens for forms.

    Raises:
        NotFound: the post is not his.
    """
    token = secrets.token_urlsafe(32)
    here.office().do(
        PUBLIC,
        accounts.sign_in,
        key=f"sign-in:{accounts.token_digest(token)}",
        person=person,
        post=post,
        token_sha256=accounts.token_digest(token),
    )
    end_old()
    form_session.clear()
    set_cookie(response, cookie_name(), token)


def end_old() -> None:
    """End the session this browser had, if it had one."""
    current = load()
    if current is not None:
        here.office().do(current.actor, accounts.sign_out, key=f"sign-out:{current.actor.session}")
        g.current = None


def end(response: Response) -> None:
    """Sign out, here and in the database."""
    end_old()
    form_session.clear()
    response.delete_cookie(cookie_name(), secure=here.office().settings.https, httponly=True, samesite="Lax")


def set_cookie(response: Response, name: str, value: str, *, max_age: int | None = None, script: bool = False) -> None:
    """Set a cookie as all of ours are set.

    Args:
        max_age: seconds; until the browser closes when left out.
        script: our own script may read it.
    """
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    response.set_cookie(name, value, max_age=max_age, secure=secure, httponly=not script, samesite="Lax")

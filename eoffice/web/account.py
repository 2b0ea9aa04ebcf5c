"""Signing in and out, choosing a post, language and theme."""

from __future__ import annotations

import math
import secrets
from datetime import timedelta
from uuid import UUID

from flask import Blueprint, current_app, flash, g, render_template, request, url_for
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from eoffice.core.desk import PUBLIC
from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import LOCALES, N_
from eoffice.core.secret import Secret
from eoffice.services import accounts, certificate_keys, certificates, directory, test_authority
from eoffice.web import here, kept, language, rail, session
from eoffice.web.guard import public, signed_in
from eoffice.web.language import say as _

room = Blueprint("account", __name__)

YEAR = 365 * 24 * 3600
CHOICE_SECONDS = 300
"""How long a checked password may wait for the choice of a post."""

WRONG = N_("Login or password is wrong. Nothing was changed. Please enter both again.")
DIFFERS = N_("The new password was not written twice alike. Nothing was changed.")
NO_POST = N_("You hold no post today. Please ask the administrator of your agency.")


@room.get("/")
@public("leads to the desk, or to the sign-in page")
def home() -> Response:
    """Where people begin."""
    return here.go(rail.home() if session.load() else url_for("account.sign_in"))


@room.get("/sign-in")
@public("nobody is signed in before it")
def sign_in() -> str:
    """The sign-in page."""
    return _page(login=request.args.get("login", "")[:64], next=here.path(request.args.get("next", "")))


@room.post("/sign-in")
@public("nobody is signed in before it")
def sign_in_post() -> Response | tuple[str, int]:
    """Check login and password; wrong ones are counted, and too many of them make the login wait."""
    login, password = request.form.get("login", "")[:64], request.form.get("password", "")[:1000]
    with here.office().read(PUBLIC) as desk:
        account = accounts.account(desk, login)
    found = account.check(password)
    if found.locked is not None:
        return _page(login=login, error=_wait(found.locked)), 429
    if found.person is None:
        address = request.remote_addr or ""
        key = f"sign-in-failed:{secrets.token_urlsafe(16)}"
        here.office().do(PUBLIC, accounts.fail, key=key, login=login, address=address)
        return _page(login=login, error=_(WRONG)), 422
    if not found.posts:
        return _page(login=login, error=_(NO_POST)), 403
    if len(found.posts) > 1:
        return _ask_which_post(found), 200
    return _begin(found.person, found.posts[0])


def _wait(locked: timedelta) -> str:
    minutes = max(1, math.ceil(locked / timedelta(minutes=1)))
    return _(
        "Too many wrong passwords. Nothing was lost. Please wait {count} minute and try again.",
        plural="Too many wrong passwords. Nothing was lost. Please wait {count} minutes and try again.",
        count=minutes,
    )


def _ask_which_post(found: accounts.Check) -> str:
    with here.office().read(PUBLIC) as desk:
        posts = directory.offered(desk, found.posts)
    ticket = _tickets().dumps([str(found.person), *map(str, found.posts)])
    return render_template(
        "account/post.html",
        posts=posts,
        ticket=ticket,
        next=here.path(request.form.get("next", "")),
        kept=request.form.get("kept", ""),
    )


@room.post("/sign-in/post")
@public("the last step of signing in; a signed ticket says whose password was checked")
def choose_post() -> Response | tuple[str, int]:
    """Sign in on the chosen one of several posts."""
    try:
        person, *posts = _tickets().loads(request.form.get("ticket", ""), max_age=CHOICE_SECONDS)
    except BadData:
        return here.go(url_for("account.sign_in"))
    chosen = request.form.get("post", "")
    if chosen not in posts:
        raise InvalidInput("post_unknown")
    return _begin(UUID(person), UUID(chosen))


def _tickets() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt="post")


def _begin(person: UUID, post: UUID) -> Response:
    again = kept.open_again(request.form.get("kept", ""))
    target = here.path(request.form.get("next", ""))
    if again is None:
        response = here.go(target or url_for("account.home"))
        session.begin(response, person, post)
        return response
    response = current_app.make_response("")
    session.begin(response, person, post)
    response.set_data(render_template("account/again.html", **again))
    return response


def _page(*, login: str = "", error: str = "", next: str = "") -> str:
    with here.office().read(PUBLIC) as desk:
        demo = directory.demo_accounts(desk)
        password = directory.value(desk, directory.DEMO_PASSWORD) if demo else ""
        owner = directory.owner(desk)
    return render_template(
        "account/sign_in.html",
        login=login,
        error=error,
        lost=False,
        kept=request.form.get("kept", ""),
        next=next or here.path(request.form.get("next", "")),
        demo=demo,
        password=password,
        owner=owner,
    )


@room.get("/account")
@signed_in
def account() -> str:
    """Who is signed in, since when and where else, a new password, and how pages look."""
    return _account()


def _account(problem: str = "", field: str = "") -> str:
    with here.reading() as desk:
        sessions = accounts.open_sessions(desk)
        own = certificates.held(desk, desk.actor.post) if desk.actor.post else []
        drawn = {row.id: test_authority.first_password(desk, row.key_name) for row in own if row.origin == "issued"}
    return render_template(
        "account/account.html",
        sessions=sessions,
        certificates=own,
        drawn=drawn,
        elsewhere={row.id: certificate_keys.elsewhere(row.storage) for row in own},
        problem=problem,
        field=field,
        shortest=accounts.SHORTEST,
    )


@room.post("/account/sessions/<uuid:sign_in_id>/end")
@signed_in
def end_session(sign_in_id: UUID) -> Response:
    """End one of the own sessions; this one is ended by signing out."""
    if str(sign_in_id) == here.actor().session:
        return sign_out()
    here.do(accounts.end_session, sign_in=sign_in_id)
    flash(_("The session was ended."))
    return here.go(url_for("account.account"))


@room.post("/account/sessions/end-others")
@signed_in
def end_others() -> Response:
    """End every session but this one."""
    here.do(accounts.end_others)
    flash(_("All other sessions were ended."))
    return here.go(url_for("account.account"))


@room.post("/account/password")
@signed_in
def change_password() -> Response | tuple[str, int]:
    """Take a new password; a wrong old one counts like a wrong password at the door."""
    old, new = (request.form.get(name, "")[:2000] for name in ("old_password", "new_password"))
    try:
        if new != request.form.get("new_password_again", ""):
            raise InvalidInput("password_differs", DIFFERS)
        here.do(accounts.change_password, old=Secret(old), new=Secret(new))
    except accounts.WrongPassword as error:
        _count_wrong()
        return _account(error.sentence(g.locale), "old"), error.status
    except InvalidInput as error:
        return _account(error.sentence(g.locale), "old" if error.code == "password_locked" else "new"), error.status
    flash(_("The password was changed. All other sessions were ended."))
    return here.go(url_for("account.account"))


def _count_wrong() -> None:
    with here.reading() as desk:
        login = accounts.login_of(desk)
    key = f"password-wrong:{secrets.token_urlsafe(16)}"
    here.office().do(PUBLIC, accounts.fail, key=key, login=login, address=request.remote_addr or "")


@room.post("/sign-out")
@signed_in
def sign_out() -> Response:
    """End this session, on every worker at once."""
    response = here.go(url_for("account.sign_in"))
    session.end(response)
    return response


@room.post("/preferences")
@public("language and theme may be chosen before signing in; they change nothing but two cookies")
def preferences() -> Response:
    """Remember language or theme in this browser."""
    response = here.go(here.path(request.form.get("next", "")) or url_for("account.home"))
    locale, theme = request.form.get("locale", ""), request.form.get("theme", "")
    if locale in LOCALES:
        session.set_cookie(response, "locale", locale, max_age=YEAR)
    if theme in language.THEMES:
        session.set_cookie(response, "theme", theme, max_age=YEAR, script=True)
    return response

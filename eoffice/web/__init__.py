"""The web door: pages and forms of the office, built by ``create_app``."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from eoffice.services.office import Office
from eoffice.web import (
    account,
    annexes,
    certificates,
    copies,
    deliveries,
    directory,
    documents,
    drafting,
    errors,
    guard,
    headers,
    health,
    incoming,
    issuing,
    keys,
    language,
    ledger,
    lists,
    papers,
    rail,
    register,
    routing,
    session,
    sign,
    static,
    statistics,
    verify,
    writing,
)
from eoffice.web.visits import Visits

ROOMS = (
    account,
    keys,
    rail,
    lists,
    documents,
    papers,
    incoming,
    register,
    routing,
    drafting,
    annexes,
    writing,
    sign,
    issuing,
    copies,
    deliveries,
    statistics,
    ledger,
    certificates,
    directory,
    verify,
    health,
)

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


def create_app(office: Office) -> Flask:
    """Build the application.

    Args:
        office: whose pages these are. Nothing of it is opened before the first request, so that a server may fork.

    Raises:
        guard.Unguarded: a route does not say who may use it.
    """
    app = Flask("eoffice.web", static_folder=None, template_folder=str(TEMPLATES))
    app.extensions["office"] = office
    app.extensions["visits"] = Visits(office)
    settings = office.settings
    app.config.update(
        SECRET_KEY=settings.secret,
        SESSION_COOKIE_NAME="__Host-form" if settings.https else "form",
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # a form is as good as the session it was shown in
        WTF_CSRF_SSL_STRICT=False,  # we send no referrer; the token alone decides
        MAX_CONTENT_LENGTH=guard.SMALL,
        MAX_FORM_MEMORY_SIZE=guard.SMALL,
    )
    errors.register(app)
    static.register(app)
    language.register(app)
    session.register(app)
    guard.register(app)
    headers.register(app)
    rail.register(app)
    for part in ROOMS:
        app.register_blueprint(part.room)
    guard.check(app)
    return app

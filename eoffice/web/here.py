"""What a view reaches for: this application's office, visits, and a desk for the person who asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from flask import current_app, g
from werkzeug.wrappers import Response

from eoffice.core.desk import PUBLIC, Actor, Desk
from eoffice.services.office import Office
from eoffice.web.visits import Visits


def office() -> Office:
    """The office whose pages these are."""
    found: Office = current_app.extensions["office"]
    return found


def visits() -> Visits:
    """Where openings of documents and files are written down."""
    found: Visits = current_app.extensions["visits"]
    return found


def actor() -> Actor:
    """The person who asks; the public when nobody is signed in."""
    current = g.get("current")
    return current.actor if current is not None else PUBLIC


def now() -> datetime:
    """The office's time."""
    return office().clock.now()


@contextmanager
def reading() -> Iterator[Desk]:
    """A reading desk for the person who asks."""
    with office().read(actor(), locale=g.locale) as desk:
        yield desk


def go(target: str) -> Response:
    """Lead on to another page, to be fetched anew; nobody reads the body of such an answer, so it has none."""
    return Response(status=303, headers={"Location": target}, mimetype="text/html")

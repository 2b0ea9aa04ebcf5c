"""What a view reaches for: this application's office, visits, a desk for the person who asks, and his deeds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from flask import current_app, g, request
from werkzeug.wrappers import Response

from eoffice.core.desk import PUBLIC, Actor, Desk
from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_
from eoffice.services.office import Office
from eoffice.services.verbs import Verb
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


def do(verb: Verb, subject: UUID | None = None, *, part: str = "", **arguments: Any) -> Any:
    """Do one deed with what the form brought: its key, so that a second press changes nothing, and its version.

    Args:
        part: which of several deeds of one verb this is, such as the file of a form that brings many.

    Raises:
        InvalidInput: the form has no key, or a version that is no number.
    """
    key, version = _key(part), request.form.get("version", "")
    if not re.fullmatch("[0-9]{0,9}", version):
        raise InvalidInput("form_incomplete")
    arguments.setdefault("version", int(version) if version else None)
    return office().do(actor(), verb, subject, key=key, locale=g.locale, **arguments)


def is_done(desk: Desk, verb: Verb, subject: UUID | None = None, **arguments: Any) -> bool:
    """Whether this very form did this deed before, as another press of its button."""
    desk.key = _key()
    return verb.recalled(desk, subject, arguments)[0]


def _key(part: str = "") -> str:
    key = request.form.get("key", "")
    if not re.fullmatch("[0-9a-f]{32}", key):
        raise InvalidInput("form_incomplete")
    return f"form:{key}{part}"


def day(name: str, given: Mapping[str, str] | None = None) -> date | None:
    """A date somebody typed as dd/mm/yyyy, None when the box is empty.

    Args:
        given: where it was typed; the form when left out.

    Raises:
        InvalidInput: it is no date.
    """
    text = (request.form if given is None else given).get(name, "").strip()
    if not text:
        return None
    found = re.fullmatch(r"(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})", text)
    try:
        if found:
            return date(int(found[3]), int(found[2]), int(found[1]))
    except ValueError:
        pass
    raise InvalidInput(
        "date_impossible",
        N_("“{given}” is no date. Please write day, month and year, such as 24/11/2026. Nothing was changed."),
        given=text[:40],
        field=name,
    )


def identifier(name: str) -> UUID | None:
    """An identifier somebody chose from a list, None when he chose nothing.

    Raises:
        InvalidInput: it is none of ours.
    """
    text = request.form.get(name, "")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidInput("choice_unknown", field=name) from None


def path(target: str) -> str:
    """A path of ours to go on to, "" when it leads anywhere else."""
    parts = urlsplit(target)
    inside = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return target if inside and target.isprintable() else ""


def go(target: str) -> Response:
    """Lead on to another page, to be fetched anew; nobody reads the body of such an answer, so it has none."""
    return Response(status=303, headers={"Location": target}, mimetype="text/html")

"""What somebody wrote and sent: kept when the session was gone, shown again when it failed; never secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import current_app, render_template, request
from flask_wtf.csrf import CSRFError, validate_csrf
from itsdangerous import BadData, URLSafeSerializer
from werkzeug.exceptions import HTTPException
from wtforms.validators import ValidationError

from eoffice.web import words

MOST = 300_000
"""Characters of text that are kept."""
SECRET = re.compile("passw|passphrase|secret|token|ticket|pin$", re.IGNORECASE)
"""Fields that are never kept, shown or sent on."""


def is_secret(name: str) -> bool:
    """Whether a box of a form holds what only its writer may know."""
    return bool(SECRET.search(name)) and name != "csrf_token"


OURS = frozenset({"csrf_token", "key", "version", "next", "kept", "report", "seen"})
"""Fields the page wrote, not the person."""

CHOSEN = re.compile(r"[a-z_+]*|\S*[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\S*|[0-9]*")
"""What boxes to choose from send: codes, identifiers and counts, nothing anybody wrote."""


@dataclass(frozen=True)
class Written:
    """What a form brought.

    Args:
        fields: all of it, as it may be sent again; secrets, keys and versions left out.
        complete: nothing was left out that would have to be given anew: neither a secret nor a file.
    """

    fields: tuple[tuple[str, str], ...]
    complete: bool

    @property
    def texts(self) -> list[tuple[str, str]]:
        """What the person wrote himself, longer than a few characters: label and text."""
        return [
            (words.BOXES.get(name, words.OTHER_BOX), text)
            for name, text in self.fields
            if name not in OURS and len(text.strip()) > 3 and not CHOSEN.fullmatch(text.strip())
        ]


def written() -> Written | None:
    """What the form of this request brought; None when it is none of ours or cannot be read.

    A form that came from elsewhere is not shown: with a button under it, it would be our page that asks for the deed.
    """
    try:
        validate_csrf(request.form.get("csrf_token"))
        return _read()
    except (ValidationError, HTTPException):
        return None


def _read() -> Written:
    given = list(request.form.items(multi=True))
    fields = tuple((name, text) for name, text in given if name != "csrf_token" and not is_secret(name))
    secrets = any(is_secret(name) for name, _text in given)
    return Written(fields, not secrets and not any(file.filename for file in request.files.values()))


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt="kept")


def ask() -> tuple[str, int] | tuple[str, int, dict[str, str]]:
    """The sign-in page instead of an answer to a form whose sender is no longer signed in.

    A script that keeps what somebody is typing gets a line instead: his next press of a button asks him to sign in.

    Raises:
        CSRFError: the form is none of ours; then nothing of it is shown to anybody.
    """
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError as error:
        raise CSRFError(str(error)) from error
    if request.headers.get("HX-Target") in ("page", "boxes"):
        return render_template("account/lost.html"), 401, {"HX-Retarget": "#kept", "HX-Reswap": "outerHTML"}
    found = _read()
    data = ""
    if sum(len(text) for _, text in found.fields) <= MOST:
        again = {"path": request.path, "fields": found.fields, "complete": found.complete}
        data = str(_serializer().dumps(again))
    page = render_template(
        "account/sign_in.html", kept=data, lost=True, login="", error="", next="/", demo=[], owner=""
    )
    return page, 401


def open_again(data: str) -> dict[str, Any] | None:
    """The form that was kept: ``path``, ``written``; None when there is none, or it is none of ours."""
    try:
        found = _serializer().loads(data)
    except BadData:
        return None
    fields = tuple((str(name), str(text)) for name, text in found["fields"])
    return {"path": found["path"], "written": Written(fields, bool(found["complete"]))}

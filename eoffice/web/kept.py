"""Text sent when the session was gone: kept, signed, inside the sign-in page, and sent on after it."""

from __future__ import annotations

from typing import Any

from flask import current_app, render_template, request
from flask_wtf.csrf import CSRFError, validate_csrf
from itsdangerous import BadData, URLSafeSerializer
from wtforms.validators import ValidationError

MOST = 300_000
"""Characters of text that are kept."""

SECRET = "password"  # noqa: S105 - a part of names
"""What the name of every box for a password holds: such a box is never kept and never shown again."""


def is_secret(name: str) -> bool:
    """Whether a box of a form holds a password."""
    return SECRET in name.lower()


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt="kept")


def ask() -> tuple[str, int]:
    """The sign-in page instead of an answer to a form whose sender is no longer signed in.

    Raises:
        CSRFError: the form is none of ours; then nothing of it is shown to anybody.
    """
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError as error:
        raise CSRFError(str(error)) from error
    sent = request.form.items(multi=True)
    fields = [(name, text) for name, text in sent if name != "csrf_token" and not is_secret(name)]
    data = ""
    if sum(len(text) for _, text in fields) <= MOST:
        data = str(_serializer().dumps({"path": request.path, "fields": fields}))
    return render_template("account/sign_in.html", kept=data, lost=True, login="", error="", next="/", demo=[]), 401


def open_again(data: str) -> dict[str, Any] | None:
    """The form that was kept: ``path`` and ``fields``; None when there is none, or it is none of ours."""
    try:
        found: dict[str, Any] = _serializer().loads(data)
    except BadData:
        return None
    return found

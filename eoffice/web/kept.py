"""Text sent when the session was gone: kept, signed, inside the sign-in page, and sent on after it."""

from __future__ import annotations

from typing import Any

from flask import current_app, render_template, request
from flask_wtf.csrf import CSRFError, validate_csrf
from itsdangerous import BadData, URLSafeSerializer
from wtforms.validators import ValidationError

MOST = 300_000
"""Characters of text that are kept."""
NEVER = ("csrf_token", "password")
"""Fields that are not: the token belongs to the old session, and a password is nobody's to keep."""


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
    fields = [(name, text) for name, text in request.form.items(multi=True) if name not in NEVER]
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

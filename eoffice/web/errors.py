"""Every error as a page: what happened, that nothing was lost, what to do; one status each."""

from __future__ import annotations

import logging
import secrets

from flask import Flask, g, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from eoffice.core.errors import NotAllowed, NotFound, OfficeError, StaleForm, StorageFull, TooLarge, Unavailable
from eoffice.core.i18n import N_, translate
from eoffice.web import here, kept

_log = logging.getLogger(__name__)

TITLES: dict[int, str] = {
    400: N_("The request was not understood"),
    403: N_("This is not open to you"),
    404: N_("Nothing was found under this address"),
    405: N_("This address does not work that way"),
    409: N_("The work has moved on meanwhile"),
    413: N_("The file is too large"),
    422: N_("Something cannot be used"),
    429: N_("Too many requests for the moment"),
    500: N_("The server met a fault"),
    503: N_("A part of the system does not answer"),
    507: N_("The disk is full"),
}

SENTENCES: dict[int, str] = {
    400: N_("Nothing was changed. Please go back, reload the page and try again."),
    403: NotAllowed.message,
    404: NotFound.message,
    405: N_("Nothing was changed. Please use the links and buttons of the pages."),
    413: TooLarge.message,
    429: N_("Nothing was lost. Please wait {seconds} seconds and try again."),
}

UNFORESEEN = N_(
    "What you asked for was not done, and nothing was lost. Please try again in a few minutes; "
    "if it returns, give the administrator this code:"
)

FORM_EXPIRED = N_(
    "The page was open too long or came from elsewhere, so its form was not accepted. "
    "Nothing was changed. Please reload the page and send it again."
)

KEEPING = frozenset({403, 409, 422, 500, 503, 507})
"""After these the page shows what the person had written."""

ICONS = {403: "ban", 404: "file-x", 409: "git-compare-arrows", 429: "clock"}


def register(app: Flask) -> None:
    """Answer errors of ours, of HTTP, and those nobody thought of."""
    app.register_error_handler(OfficeError, _of_ours)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _unforeseen)


def _of_ours(error: OfficeError) -> tuple[str, int]:
    if error.status >= 500:
        _log.error("%s %s: %s %s", request.method, request.path, error.code, error.facts)
    again = isinstance(error, StaleForm | Unavailable) and not isinstance(error, StorageFull)
    return page(error.status, text=error.sentence(_locale()), again=again), error.status


def _of_http(error: HTTPException) -> Response | tuple[str, int] | tuple[str, int, dict[str, str]]:
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()  # a redirect
    if isinstance(error, CSRFError):
        return page(400, FORM_EXPIRED), 400
    if status == 413:
        return page(413, limit_mb=(request.max_content_length or 0) // (1024 * 1024)), 413
    if status == 429:
        wait = int(getattr(error, "retry_after", None) or 60)
        return page(429, seconds=wait), 429, {"Retry-After": str(wait)}
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    status = status if status in TITLES else 400
    return page(status), status, headers


def _unforeseen(error: Exception) -> tuple[str, int]:
    code = "-".join((secrets.token_hex(2), secrets.token_hex(2))).upper()
    _log.error("%s %s %s", code, request.method, request.path, exc_info=error)
    return page(500, UNFORESEEN, code=code), 500


def _locale() -> str:
    g.setdefault("locale", here.office().settings.locale)
    return str(g.locale)


def page(
    status: int, message: str = "", *, text: str = "", code: str = "", again: bool = False, **facts: object
) -> str:
    """The page of an error; it needs neither database nor session.

    Args:
        message: English msgid; the sentence of the status when left out.
        text: the sentence itself, when it is known.
        code: by which the fault is found in the log.
        again: the same may be sent once more, with a key of its own and whatever the document has become.
        facts: what the sentence tells.
    """
    locale = _locale()
    g.setdefault("theme", "")
    g.setdefault("current", None)
    g.counts = {}  # a page about a fault asks the database for nothing
    sent = request.method == "POST" and status in KEEPING
    return render_template(
        "errors/error.html",
        heading=TITLES.get(status, TITLES[500]),
        text=text or translate(locale, message or SENTENCES.get(status, OfficeError.message), **facts),
        code=code,
        again=again,
        written=kept.written() if sent else None,
        document_id=(request.view_args or {}).get("document_id") if sent and g.current else None,
        icon_name=ICONS.get(status, "octagon-alert"),
        serious=status >= 500,
    )

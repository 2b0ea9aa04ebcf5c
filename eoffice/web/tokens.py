"""Signing with a token at the signer's own computer: what the page tells its program, and what comes back from it.

The page fetches the bytes to be signed here, has the program on the loopback address of that computer sign them, and
brings the value back; docs/tokens.md tells what is said between page and program.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import g, jsonify, request
from werkzeug.wrappers import Response

from eoffice.core.errors import InvalidInput, OfficeError
from eoffice.core.i18n import N_
from eoffice.models.directory import Certificate
from eoffice.services import elsewhere
from eoffice.services.elsewhere import Offer, Returned, Value
from eoffice.web import here
from eoffice.web.language import say
from signing.errors import SigningError

OF_THE_TOKEN = (
    "wrong_pin", "pin_final_try", "pin_locked", "token_module_missing", "token_missing", "token_ambiguous",
    "token_busy", "token_gone", "key_ambiguous", "key_algorithm_unsupported",
)  # fmt: skip
"""What a token's program may answer that signing knows itself."""

OF_OURS = {
    "agent": N_(
        "No signing program answers on this computer. Nothing was signed. Please start it, or have the file signed by "
        "another program and bring it back."
    ),
    "server": N_("The server did not answer as expected. What was not signed is kept. Please reload the page."),
    "key_missing": N_("This token does not hold your certificate. Nothing was signed. Please plug in the right one."),
    "refused": N_("The signing program did not sign. What was not signed is kept. Please look at its window."),
    "at_work": N_("Signing with the token: {count} to go. Please look at the window of the signing program."),
}


@dataclass(frozen=True)
class Token:
    """What a page needs to reach the program: its address on that computer, and what it says of each outcome."""

    url: str
    words: dict[str, str]


def about(certificate: Certificate | None) -> dict[str, Any]:
    """What a page is told of a key: ``at_holder``: its holder alone has it; ``at_token``: how his token is reached;
    ``by_pin``: the key agent opens it with a PIN.
    """
    at_holder = certificate is not None and elsewhere.is_at_holder(certificate)
    by_pin = certificate is not None and certificate.storage in ("hsm", "service")
    url = here.office().settings.signing_program
    if not at_holder or not url:
        return {"at_holder": at_holder, "at_token": None, "by_pin": by_pin}
    g.reach = url
    known = {code: SigningError(code).sentence(g.locale) for code in OF_THE_TOKEN}
    words = {**known, **{code: say(text, count="{count}") for code, text in OF_OURS.items()}}
    return {"at_holder": True, "at_token": Token(url, words), "by_pin": False}


def keep(offers: Sequence[Offer]) -> None:
    """Remember what is handed out."""
    here.office().keep(here.actor(), lambda desk: elsewhere.keep(desk, *offers), locale=g.locale)


def told(view: Callable[..., Any]) -> Callable[..., Response]:
    """Answer the page's script: what the view gives, or the sentence of what went wrong, with its status."""

    @functools.wraps(view)
    def answer(**arguments: Any) -> Response:
        try:
            return jsonify(view(**arguments))
        except OfficeError as error:
            response = jsonify(error=error.sentence(g.locale))
            response.status_code = error.status
            return response

    return answer


def values() -> tuple[Value, ...]:
    """The values a form brings.

    Raises:
        InvalidInput: they are none.
    """
    found = [re.fullmatch("([0-9a-f-]{36}):([A-Za-z0-9+/=]{1,4000})", text) for text in request.form.getlist("value")]
    try:
        return tuple(Value(UUID(match[1]), match[2]) for match in found if match)
    except ValueError:
        raise InvalidInput("form_incomplete") from None


def returned(prepared: UUID | None = None) -> Returned:
    """The file a form brings back, in the store.

    Raises:
        InvalidInput: there is none; FileRefused: it is no PDF.
    """
    from eoffice.services import examine

    file = request.files.get("file")
    if file is None or not file.filename:
        raise InvalidInput("file_missing", N_("No file was chosen. Please choose a PDF file and press the button."))
    office = here.office()
    examine.glance(file.stream)  # type: ignore[arg-type]
    return Returned(office.files.put(file.stream, limit=office.settings.upload_limit), prepared)  # type: ignore[arg-type]

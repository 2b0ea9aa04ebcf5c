"""A verdict to take away: as a sheet of paper, as ETSI's XML, as JSON."""

from __future__ import annotations

import io
import json

from flask import g, send_file
from werkzeug.wrappers import Response

from eoffice.core.errors import NotFound
from eoffice.web.language import role_of, say
from eoffice.web.words import SIGNATURES
from signing.etsi import as_etsi
from signing.report import as_dict
from signing.results import Verification
from signing.sheet import as_sheet

FORMS = {"pdf": "application/pdf", "xml": "application/xml", "json": "application/json"}


def send(checked: Verification, form: str, *, file: str) -> Response:
    """The report in one of ``FORMS``, in the language of the person who asks.

    Args:
        file: name of the file that was judged.

    Raises:
        NotFound: there is no such form.
    """
    if form not in FORMS:
        raise NotFound(table="report", form=form)
    if form == "pdf":
        capacities = {item.field: say(SIGNATURES[role_of(item)]) for item in checked.signatures}
        body = as_sheet(checked, file=file, locale=g.locale, capacities=capacities)
    elif form == "xml":
        body = as_etsi(checked, file=file, locale=g.locale)
    else:
        body = json.dumps(as_dict(checked, file), ensure_ascii=False, indent=1).encode()
    response = send_file(
        io.BytesIO(body),
        mimetype=FORMS[form],
        as_attachment=True,
        download_name=f"{file.removesuffix('.pdf')}.verdict.{form}",
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response

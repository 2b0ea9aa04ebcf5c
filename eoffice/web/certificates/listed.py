"""Many certificates asked for at once, by a list: looked through first, asked for then."""

from __future__ import annotations

import json
from collections.abc import Sequence

from flask import flash, g, render_template, request, url_for
from werkzeug.wrappers import Response

from eoffice.core.errors import InvalidInput, OfficeError
from eoffice.formats import sheet
from eoffice.services import certificate_lists, test_authority
from eoffice.web import here, sheets, words
from eoffice.web.certificates.common import CHANGE, FILE_MISSING, room
from eoffice.web.guard import needs
from eoffice.web.language import say as _

LIST_LIMIT = 1024 * 1024
"""Most bytes of a list."""


@room.get("/certificates/list")
@needs(CHANGE)
def list_form() -> str:
    """Where a list is brought."""
    return _list_page()


def _list_page(checked: Sequence[certificate_lists.Checked] = (), problem: OfficeError | None = None) -> str:
    with here.reading() as desk:
        authority = test_authority.available(desk)
    numbers = {state: sum(item.state == state for item in checked) for state in ("new", "skipped", "wrong")}
    return render_template(
        "certificates/list.html",
        checked=checked,
        numbers=numbers,
        rows=json.dumps([[item.row.number, item.row.login, item.row.name, item.row.purpose] for item in checked]),
        authority=authority,
        most=LIST_LIMIT // (1024 * 1024),
        problem=problem.sentence(g.locale) if problem else "",
    )


@room.get("/certificates/list-template.csv")
@needs(CHANGE)
def list_template() -> Response:
    """A list to begin with: everybody of the agency who may hold a certificate."""
    with here.reading() as desk:
        found = certificate_lists.suggested(desk)
    rows: list[Sequence[sheets.Cell]] = [(_("Login"), _("Name"), _("Post"), _("Purpose"))]
    rows += [(login, name, title, _(words.PURPOSES_LISTED[purpose])) for login, name, title, purpose in found]
    return sheets.answer("certificates-list", rows)


@room.post("/certificates/list")
@needs(CHANGE, limit=LIST_LIMIT)
def list_preview() -> str | tuple[str, int]:
    """What would become of each row; nothing is done yet."""
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise InvalidInput("file_missing", FILE_MISSING)
        with here.reading() as desk:
            return _list_page(certificate_lists.check(desk, certificate_lists.read(desk, file.read())))
    except InvalidInput as error:
        return _list_page((), error), error.status


@room.post("/certificates/list/ask")
@needs(CHANGE)
def list_ask() -> Response | tuple[str, int]:
    """Ask for what the preview showed."""
    rows = _listed(request.form.get("rows", ""))
    try:
        here.do(certificate_lists.ask, rows=rows, issue=request.form.get("issue") == "yes")
    except InvalidInput as error:
        with here.reading() as desk:
            return _list_page(certificate_lists.check(desk, rows), error), error.status
    flash(_("The certificates of the list were asked for."))
    return here.go(url_for("certificates.requests"))


def _listed(text: str) -> tuple[certificate_lists.Row, ...]:
    """The rows a preview showed, as its form brings them back.

    Raises:
        InvalidInput: they are none.
    """
    try:
        rows = tuple(
            certificate_lists.Row(int(number), str(login), str(name), str(purpose))
            for number, login, name, purpose in json.loads(text)
        )
    except (ValueError, TypeError) as error:
        raise InvalidInput("form_incomplete") from error
    if len(rows) > sheet.MOST_ROWS:
        raise InvalidInput("form_incomplete")
    return rows

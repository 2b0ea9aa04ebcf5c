"""Checking the signatures of any PDF, for anybody, without an account; nothing of the file is kept."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint, current_app, g, render_template, request
from itsdangerous import BadData, URLSafeSerializer
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_
from eoffice.core.text import file_name
from eoffice.services import examine
from eoffice.web import here, reports
from eoffice.web.guard import public
from eoffice.web.limits import Limiter

room = Blueprint("verify", __name__)

LIMITER = Limiter(30, timedelta(minutes=5))
WHY = "anybody who is handed a document may ask whether it is genuine"


@room.get("/verify")
@public(WHY)
def verify() -> str:
    """The page that takes a file."""
    return _page()


@room.post("/verify")
@public(WHY, upload=True, limiter=LIMITER)
def verify_post() -> str | tuple[str, int]:
    """Check a file in a child process and tell everything about every signature."""
    given = request.files.get("file")
    try:
        name, report = _examined(given)
    except InvalidInput as error:
        return _page(error=error.sentence(g.locale)), error.status
    checked = examine.verification(report, sha256=report["sha256"], checked_at=here.now())
    return _page(checked=checked, name=name, size=report["size"], sealed=_serializer().dumps(report))


def _page(*, checked: Any = None, error: str = "", **about: Any) -> str:
    limit = here.office().settings.upload_limit
    return render_template("verify/verify.html", checked=checked, error=error, limit=limit, **about)


def _examined(given: FileStorage | None) -> tuple[str, dict[str, Any]]:
    if given is None or not given.filename:
        raise InvalidInput("file_missing", N_("No file was chosen. Please choose a PDF file and press the button."))
    name = file_name(given.filename)
    with tempfile.NamedTemporaryFile(prefix="verify-", suffix=".pdf") as brought:
        given.save(brought)
        brought.flush()
        with here.reading() as desk:
            found = examine.examine_once(desk, Path(brought.name))
    about = {"file": name, "sha256": found.sha256, "size": found.size, "asked_at": here.now().isoformat()}
    return name, {**found.report, **about}


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt="report")


@room.post("/verify/report.<form>")
@public("the report of a check anybody may make; only what we signed is given back")
def report(form: str) -> Response:
    """The whole report of the check: nothing was kept, so the page brings it back, signed by us."""
    try:
        data = _serializer().loads(request.form.get("report", ""))
    except BadData as error:
        raise InvalidInput("report_unknown") from error
    when = datetime.fromisoformat(data.get("checked_at") or data["asked_at"])
    checked = examine.verification(data, sha256=data["sha256"], checked_at=when)
    return reports.send(checked, form, file=str(data["file"]))

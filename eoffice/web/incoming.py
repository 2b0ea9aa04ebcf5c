"""What comes in: taking the files somebody brings, one or many, and sending a document back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, g, render_template, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from eoffice.core.errors import InvalidInput, OfficeError
from eoffice.core.i18n import N_
from eoffice.core.text import file_name
from eoffice.rules.access import Permission
from eoffice.services import examine, incoming
from eoffice.services.incoming import Arrival
from eoffice.web import here
from eoffice.web.documents import stays
from eoffice.web.guard import needs
from eoffice.web.language import say as _

room = Blueprint("incoming", __name__)

MOST_FILES = 40
"""Files taken at once."""

CHANNELS = ("hand", "post", "email", "fax")
"""How a file may have come that somebody brings."""


@room.get("/incoming/add")
@needs(Permission.DOCUMENT_ARRIVE)
def add() -> str:
    """The page that takes files."""
    return _page()


@room.post("/incoming/add")
@needs(Permission.DOCUMENT_ARRIVE, upload=True)
def bring() -> Response | str | tuple[str, int]:
    """Take files: a good one leads on to its register form, several to what became of each."""
    try:
        channel, files = _given()
    except InvalidInput as error:
        return _page(error.sentence(g.locale)), error.status
    last_first = [_take(index, file, channel) for index, file in reversed(list(enumerate(files)))]
    brought = last_first[::-1]  # lists show the newest first: the first file shall stand on top, and the others follow
    taken = [item for item in brought if item.row is not None]
    if len(brought) > 1:
        return render_template("incoming/brought.html", brought=brought, taken=taken), 200 if taken else 422
    if taken:
        return here.go(url_for("register.form", document_id=taken[0].row.id))
    return _page(brought[0].reason, brought[0].name), brought[0].status


@dataclass(frozen=True)
class Brought:
    """What became of one file: the document it was taken in as, or why it was not."""

    name: str
    row: Any = None
    reason: str = ""
    status: int = 200


def _page(problem: str = "", name: str = "") -> str:
    limit = here.office().settings.upload_limit
    return render_template(
        "incoming/add.html", problem=problem, name=name, limit=limit, most=MOST_FILES, channels=CHANNELS
    )


def _given() -> tuple[str, list[FileStorage]]:
    """How the files came, and those that were chosen.

    Raises:
        InvalidInput: none, too many, or a way that is none.
    """
    channel = request.form.get("channel", CHANNELS[0])
    if channel not in CHANNELS:
        raise InvalidInput("choice_unknown", field="channel")
    files = [file for file in request.files.getlist("file") if file.filename]
    if not files:
        raise InvalidInput("file_missing", N_("No file was chosen. Please choose a PDF file and press the button."))
    if len(files) > MOST_FILES:
        raise InvalidInput(
            "too_many_files",
            N_("{count} files came at once; at most {most} are taken. Nothing was stored. Please send them in parts."),
            count=len(files),
            most=MOST_FILES,
        )
    return channel, files


def _take(index: int, file: FileStorage, channel: str) -> Brought:
    """Store a file as it streams in, and let it arrive; whatever is wrong with it stops none of the others."""
    name = file_name(file.filename or "")
    office = here.office()
    try:
        examine.glance(file.stream)  # type: ignore[arg-type]
        sha256 = office.files.put(file.stream, limit=office.settings.upload_limit)  # type: ignore[arg-type]
        arrival = Arrival(sha256, name, channel)
        return Brought(name, here.do(incoming.arrive, part=f":{index}", arrival=arrival))
    except OfficeError as error:
        return Brought(name, reason=error.sentence(g.locale), status=error.status)


@room.post("/documents/<uuid:document_id>/refuse")
@needs(Permission.DOCUMENT_REFUSE)
@stays
def refuse(document_id: UUID) -> Response:
    """Send a document back before it is registered; the sender reads the reason."""
    here.do(incoming.refuse, document_id, reason=request.form.get("reason", ""))
    flash(_("It was refused; the sender is told why."))
    return here.go(here.path(request.form.get("next", "")) or url_for("lists.incoming", queue="to_register"))

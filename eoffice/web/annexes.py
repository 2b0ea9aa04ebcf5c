"""The separate annexes of a draft: files brought in, put in order, named and taken out."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, g, request, url_for
from werkzeug.datastructures import FileStorage

from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_
from eoffice.core.text import file_name
from eoffice.rules.access import Permission
from eoffice.services import annexes, examine
from eoffice.web import here
from eoffice.web.documents import show, stays
from eoffice.web.guard import needs
from eoffice.web.language import say as _

room = Blueprint("annexes", __name__)


@dataclass(frozen=True)
class Refused:
    """A file that is no annex now, and why."""

    name: str
    reason: str


class NotAdded(InvalidInput):
    """Some of the files that were brought are no annexes now; the others are."""

    code = "annexes_refused"
    message = N_("{count} of {total} files were not added; the draft has the others.")

    def __init__(self, refused: list[Refused], *, total: int) -> None:
        self.refused = refused
        super().__init__(count=len(refused), total=total)


@room.post("/documents/<uuid:document_id>/annexes")
@needs(Permission.DRAFT_COMPOSE, upload=True)
def add(document_id: UUID) -> Any:
    """Take files as annexes; whatever is wrong with one stops none of the others."""
    files = [file for file in request.files.getlist("file") if file.filename]
    try:
        if not files:
            raise InvalidInput("file_missing", N_("No file was chosen. Please choose a PDF file and press the button."))
        if not request.form.get("version"):
            raise InvalidInput("form_incomplete")
        refused = _take(document_id, files)
        if refused:
            raise NotAdded(refused, total=len(files))
    except InvalidInput as error:
        return show(document_id, error), error.status
    return here.go(url_for("documents.document", document_id=document_id, _anchor="annexes"))


def _take(document_id: UUID, files: list[FileStorage]) -> list[Refused]:
    """Add one file after the other; returns those that were refused.

    Raises:
        OfficeError: the draft itself is not this person's, or another one by now; nothing of all was added.
    """
    refused, added, version = list[Refused](), 0, dict[str, None]()
    for index, file in enumerate(files):
        name = file_name(file.filename or "")
        try:
            sha256 = _stored(document_id, file)
            here.do(annexes.add_annex, document_id, part=f":{index}", sha256=sha256, name=name, **version)
        except InvalidInput as error:
            refused.append(Refused(name, error.sentence(g.locale)))
            continue
        added, version = added + 1, {"version": None}  # of the form, for the first one alone: it moves it on
    if added:
        flash(_("{count} annex was added.", plural="{count} annexes were added.", count=added))
    return refused


def _stored(document_id: UUID, file: FileStorage) -> str:
    """Look at a file before anything of it is kept, and nothing is kept for who may not add it."""
    office = here.office()
    examine.glance(file.stream)  # type: ignore[arg-type]
    with tempfile.NamedTemporaryFile(prefix="annex-", suffix=".pdf") as brought:
        file.save(brought)
        brought.flush()
        with here.reading() as desk, annexes.add_annex.refusing(document_id):
            annexes.try_out(desk, Path(brought.name), annexes.add_annex.check(desk, document_id))
        brought.seek(0)
        return office.files.put(brought, limit=office.settings.upload_limit)  # type: ignore[arg-type]


@room.post("/documents/<uuid:document_id>/annexes/arrange")
@needs(Permission.DRAFT_COMPOSE)
@stays
def arrange(document_id: UUID) -> Any:
    """Keep names and order as the form has them, and do what its button says: move one, or take it out."""
    if not request.form.get("version"):
        raise InvalidInput("form_incomplete")
    deed, _colon, at = request.form.get("do", "").partition(":")
    found = _moved([(key, request.form.get(f"name-{key}", "")) for key in _keys()], deed, at)
    here.do(annexes.arrange_annexes, document_id, annexes=tuple(found))
    flash(_("The annexes are kept as they stand here."))
    return here.go(url_for("documents.document", document_id=document_id, _anchor="annexes"))


def _keys() -> list[UUID]:
    try:
        return [UUID(text) for text in request.form.getlist("annex")]
    except ValueError:
        raise InvalidInput("choice_unknown", field="annex") from None


def _moved(found: list[tuple[UUID, str]], deed: str, at: str) -> list[tuple[UUID, str]]:
    if not at.isdecimal() or not int(at) < len(found):
        return found
    place = int(at)
    if deed == "remove":
        del found[place]
    elif deed in ("up", "down"):
        found.insert(min(max(place + (1 if deed == "down" else -1), 0), len(found) - 1), found.pop(place))
    return found

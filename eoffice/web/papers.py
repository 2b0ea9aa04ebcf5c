"""The files of a document: as they are kept, as pictures of their pages, as text, and as they were when signed."""

from __future__ import annotations

import io
from pathlib import Path
from uuid import UUID

from flask import Blueprint, flash, render_template, request, send_file, url_for
from werkzeug.wrappers import Response

from eoffice.core.errors import NotFound
from eoffice.rules.access import Permission
from eoffice.services import files, search
from eoffice.web import here, reports
from eoffice.web.guard import needs, signed_in
from eoffice.web.language import say as _

room = Blueprint("papers", __name__)

MOST_PAGES = 60
"""Pages of a paper shown at once; the rest is in the file."""


@room.get("/documents/<uuid:document_id>/files/<uuid:file_id>")
@signed_in
def download(document_id: UUID, file_id: UUID) -> Response:
    """A file, byte for byte as it is kept."""
    with here.reading() as desk:
        opened = files.find(desk, document_id, file_id)
    here.visits().note(here.actor(), "file.fetched", object_id=document_id, detail=opened.sha256)
    return attached(opened.path, name=opened.name, sha256=opened.sha256, media=opened.media)


def attached(path: Path, *, name: str, sha256: str, media: str = "application/pdf") -> Response:
    """Send a file of the store to be saved, never to be shown in our own name."""
    response = send_file(path, mimetype=media, as_attachment=True, download_name=name, etag=sha256)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@room.get("/documents/<uuid:document_id>/files/<uuid:file_id>/pages/<int:page>.jpg")
@signed_in
def page_image(document_id: UUID, file_id: UUID, page: int) -> Response:
    """The picture of a page; the browser keeps it and asks each time whether it still may show it."""
    with here.reading() as desk:
        opened = files.find(desk, document_id, file_id)
        etag = f"{opened.sha256}-{page}"
        known = request.if_none_match.contains(etag)
        picture = None if known else files.page_image(desk, opened.sha256, page)
    response = Response(status=304) if picture is None else send_file(picture, mimetype="image/jpeg", etag=False)
    response.set_etag(etag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@room.get("/documents/<uuid:document_id>/files/<uuid:file_id>/text")
@signed_in
def text(document_id: UUID, file_id: UUID) -> str:
    """The text of a file for those who listen to it instead of looking at it."""
    with here.reading() as desk:
        row = search.document(desk, document_id)
        opened = files.find(desk, document_id, file_id)
        about = files.about(desk, row)[opened.sha256]
    pages = min(about.pages or 0, MOST_PAGES)
    here.visits().note(here.actor(), "file.read", object_id=document_id, detail=opened.sha256)
    texts = [files.page_text(desk, opened.sha256, page) for page in range(1, pages + 1)]
    return render_template("papers/text.html", row=row, opened=opened, file_id=file_id, texts=texts)


@room.post("/documents/<uuid:document_id>/files/<uuid:file_id>/check")
@needs(Permission.DOCUMENT_CHECK)
def check(document_id: UUID, file_id: UUID) -> Response:
    """Have the signatures of a file judged anew."""
    here.do(files.check, document_id, file=file_id)
    flash(_("The signatures were checked anew; the result stands with the file."))
    shown = here.identifier("annex")  # where it was pressed: the page that shows the annex
    return here.go(url_for("documents.document", document_id=document_id, file=shown, _anchor="signatures"))


@room.get("/documents/<uuid:document_id>/files/<uuid:file_id>/verdict.<form>")
@signed_in
def verdict(document_id: UUID, file_id: UUID, form: str) -> Response:
    """The stored verdict on a file as a report to take away."""
    with here.reading() as desk:
        row = search.document(desk, document_id)
        opened = files.find(desk, document_id, file_id)
        checked = files.checked(files.about(desk, row)[opened.sha256], opened.sha256)
    if checked is None:
        raise NotFound(table="file_verdict", sha256=opened.sha256)
    here.visits().note(here.actor(), "file.read", object_id=document_id, detail=f"{opened.sha256} {form}")
    return reports.send(checked, form, file=opened.name)


@room.get("/documents/<uuid:document_id>/files/<uuid:file_id>/revisions/<int:length>")
@signed_in
def revision(document_id: UUID, file_id: UUID, length: int) -> Response:
    """The file as it stood when a signature was made: its first bytes, up to where that signature reaches."""
    with here.reading() as desk:
        row = search.document(desk, document_id)
        opened = files.find(desk, document_id, file_id)
        checked = files.checked(files.about(desk, row)[opened.sha256], opened.sha256)
    ends = {sum(item.byte_range[2:]) for item in (checked.signatures if checked else ()) if len(item.byte_range) == 4}
    if length not in ends:
        raise NotFound(table="revision", id=str(length))
    with opened.path.open("rb") as stream:
        data = io.BytesIO(stream.read(length))
    here.visits().note(here.actor(), "file.fetched", object_id=document_id, detail=f"{opened.sha256} {length}")
    name = f"{opened.name.removesuffix('.pdf')}.{length}.pdf"
    response = send_file(data, mimetype=opened.media, as_attachment=True, download_name=name)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response

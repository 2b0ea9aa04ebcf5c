"""Opening the files of a document: only through the document, every opening written into the access log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select

from eoffice.core.desk import Actor, Desk, scope
from eoffice.core.errors import NotFound
from eoffice.core.ids import new_id
from eoffice.core.sandbox import SandboxBusy, SandboxError
from eoffice.core.text import tidy
from eoffice.models.copies import CertifiedCopy
from eoffice.models.documents import Document, DocumentFile, File, FileVerdict
from eoffice.models.ledger import INSTALLATION, AccessEntry
from eoffice.rules.access import Permission
from eoffice.services import examine, search
from eoffice.services.examine import Examined
from eoffice.services.verbs import verb


@dataclass(frozen=True)
class Opened:
    """A file to be served: where its bytes lie, and its name and kind."""

    path: Path
    name: str
    media: str
    sha256: str


@dataclass(frozen=True)
class About:
    """What is known of a file's bytes: size, pages, verdict with its whole report and age; None when never examined.

    ``copy`` is the line of the register when the file is a certified copy, with its number and symbol.
    """

    size: int
    pages: int | None
    verdict: str | None
    report: dict[str, Any] | None
    checked_at: datetime | None
    copy: UUID | None = None
    copy_code: str | None = None


def find(desk: Desk, document_id: UUID, file_id: UUID) -> Opened:
    """A file of a document this person may see.

    Raises:
        NotFound: no such file, or none he may know of.
    """
    document = search.document(desk, document_id)
    row = desk.session.scalars(
        scope(desk, DocumentFile).where(DocumentFile.document_id == document.id, DocumentFile.id == file_id)
    ).one_or_none()
    if row is None or document.is_taken_out(row):
        raise NotFound(table="document_file", id=str(file_id))
    return Opened(desk.files.path(row.sha256), document.name_of(row), "application/pdf", row.sha256)


def page_image(desk: Desk, sha256: str, page: int, *, dpi: int = 110) -> Path:
    """The picture of a page, drawn once and kept in the cache; ask ``find`` for the file first.

    Args:
        page: from 1.

    Raises:
        NotFound: the file has no such page.
    """
    place = desk.settings.cache / sha256[:2] / sha256 / f"{page}-{dpi}.jpg"
    return draw_once(desk, desk.files.path(sha256), page, place=place, dpi=dpi)


def draw_once(desk: Desk, paper: Path, page: int, *, place: Path, dpi: int = 110) -> Path:
    """The picture of a page, drawn in the sandbox unless it lies in its place already.

    Raises:
        NotFound: the paper has no such page.
    """
    if not place.exists():
        data = desk.tools.sandbox().call("eoffice.services.files.draw_page", paper, page=page, dpi=dpi)
        if not data:
            raise NotFound(table="page", page=page)
        keep_beside(place, data)
    return place


def draw_page(data: bytes, *, page: int, dpi: int) -> bytes:
    """Draw one page as JPEG; b"" when there is none. Runs in the sandbox's child."""
    import io

    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    try:
        document.init_forms()  # number, date and signatures are form fields
        if not 1 <= page <= len(document):
            return b""
        found = document[page - 1]
        width, height = found.get_size()
        scale = min(dpi / 72, 4000 / max(width, height, 1))  # a page a kilometre wide is drawn small
        picture = found.render(scale=scale, may_draw_forms=True).to_pil().convert("RGB")
    finally:
        document.close()
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82)
    return out.getvalue()


def page_text(desk: Desk, sha256: str, page: int) -> str:
    """The text of a page as far as the file carries one, read once and kept in the cache; ask ``find`` first.

    Args:
        page: from 1; "" when there is none, or no text on it.
    """
    place = desk.settings.cache / sha256[:2] / sha256 / f"{page}.txt"
    if not place.exists():
        text = desk.tools.sandbox().call("eoffice.services.files.read_page", desk.files.path(sha256), page=page)
        keep_beside(place, str(text).encode())
    return place.read_bytes().decode()


def read_page(data: bytes, *, page: int) -> str:
    """Read the text of one page; runs in the sandbox's child."""
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    try:
        document.init_forms()
        if not 1 <= page <= len(document):
            return ""
        text: str = document[page - 1].get_textpage().get_text_range()
    finally:
        document.close()
    return "\n".join(filter(None, (tidy(line) for line in text.splitlines())))[:200_000]


def reading(desk: Desk, sha256: str) -> dict[str, Any]:
    """What page 1 of a file says and where, read once and kept in the cache; ask ``find`` first.

    Returns:
        As ``formats.page1.as_dict`` has it; {} for a file that nobody can read.
    """
    try:
        known: dict[str, Any] = json.loads(_reading_place(desk, sha256).read_bytes())
    except (FileNotFoundError, ValueError):
        try:
            known = desk.tools.sandbox().call("eoffice.services.examine.read_first", desk.files.path(sha256))
        except SandboxBusy:
            return {}  # the next time does it
        except SandboxError:
            known = {}
        keep_reading(desk, sha256, known)
    return known


def keep_reading(desk: Desk, sha256: str, found: dict[str, Any]) -> None:
    """Keep what the door check read of page 1, so that the register form need not read it again."""
    keep_beside(_reading_place(desk, sha256), json.dumps(found, ensure_ascii=False).encode())


def _reading_place(desk: Desk, sha256: str) -> Path:
    return desk.settings.cache / sha256[:2] / sha256 / "reading.json"


@dataclass(frozen=True)
class Place:
    """Where a form field stands: page from 1, left, top, width and height as parts of a million of the page's."""

    page: int
    left: int
    top: int
    width: int
    height: int


def places(desk: Desk, sha256: str) -> dict[str, Place]:
    """Where the form fields of a file stand, by name, found once and kept in the cache; ask ``find`` first."""
    place = desk.settings.cache / sha256[:2] / sha256 / "fields.json"
    if not place.exists():
        found = desk.tools.sandbox().call("eoffice.services.files.find_fields", desk.files.path(sha256))
        keep_beside(place, json.dumps(found).encode())
    return {name: Place(*edges) for name, edges in json.loads(place.read_bytes()).items()}


def find_fields(data: bytes) -> dict[str, list[int]]:
    """Find the form fields of the upright pages of a file; runs in the sandbox's child."""
    import io

    from pikepdf import Pdf

    found: dict[str, list[int]] = {}
    with Pdf.open(io.BytesIO(data)) as pdf:
        for number, page in enumerate(pdf.pages, start=1):
            box = [float(edge) for edge in page.cropbox]
            wide, high = box[2] - box[0], box[3] - box[1]
            if wide <= 0 or high <= 0 or int(page.obj.get("/Rotate", 0)) % 360:
                continue
            for widget in page.obj.get("/Annots", ()):
                if widget.get("/Subtype") == "/Widget" and "/T" in widget and "/Rect" in widget:
                    x, y, right, top = (float(edge) for edge in widget["/Rect"])
                    parts = ((x - box[0]) / wide, (box[3] - top) / high, (right - x) / wide, (top - y) / high)
                    found[str(widget["/T"])] = [number, *(round(part * 1_000_000) for part in parts)]
    return found


def keep_beside(place: Path, data: bytes) -> None:
    """Write a derived file in one step, so that nobody reads half of it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f"{place.name}.{new_id().hex}")
    beside.write_bytes(data)
    beside.replace(place)


def about(desk: Desk, row: Document) -> dict[str, About]:
    """Size, pages and newest verdict of every file of a document this person has opened, by hash."""
    hashes = sorted({item.sha256 for item in row.files})
    found = desk.session.execute(
        select(
            File.sha256, File.size, File.pages, FileVerdict.verdict, FileVerdict.report, FileVerdict.checked_at,
            CertifiedCopy.id, CertifiedCopy.code,
        )
        .outerjoin(FileVerdict, FileVerdict.sha256 == File.sha256)
        .outerjoin(CertifiedCopy, and_(CertifiedCopy.document_id == row.id, CertifiedCopy.sha256 == File.sha256))
        .where(File.sha256.in_(hashes))
        .order_by(FileVerdict.checked_at)
        .execution_options(scoped=True)  # the document was asked for, and what belongs to it may be seen with it
    )
    return {sha256: About(*facts) for sha256, *facts in found}


def _look_again(desk: Desk, document: Document, *, file: UUID) -> Examined:
    return examine.examine(desk, _of(document, file).sha256, read=False)


@verb(Permission.DOCUMENT_CHECK, "file.checked", on=Document, prepare=_look_again)
def check(desk: Desk, document: Document, *, file: UUID, prepared: Examined) -> Document:
    """Judge the signatures of a file anew, by what is known today of its certificates.

    What came in is judged for its lists too; what was counted when it came or was sent stays as it was counted.

    Raises:
        NotFound: the document has no such file.
    """
    row = _of(document, file)
    before = examine.verdict_of(desk, row.sha256)
    examine.keep_anew(desk, prepared)
    if (row.role, row.stage) == ("main", "received"):
        document.verdict = prepared.verdict
    was = before.verdict if before is not None else None
    desk.note(document=document.id, sha256=row.sha256, before=was, verdict=prepared.verdict)
    return document


def _of(document: Document, file: UUID) -> DocumentFile:
    row = next((one for one in document.files if one.id == file), None)
    if row is None or document.is_taken_out(row):
        raise NotFound(table="document_file", id=str(file))
    return row


def checked(known: About | None, sha256: str) -> Any:
    """The stored verification of a file with every signature, None when it was never examined."""
    if known is None or known.report is None or known.checked_at is None:
        return None
    return examine.verification(known.report, sha256=sha256, checked_at=known.checked_at)


@dataclass(frozen=True)
class Visit:
    """Somebody looked at or fetched something; ``detail`` says which part of it."""

    actor: Actor
    action: str
    object_id: UUID | None
    detail: str
    at: datetime


def note_visits(desk: Desk, visits: Sequence[Visit]) -> None:
    """Write visits into the access log, which stands beside the chain of deeds."""
    desk.session.add_all(
        AccessEntry(
            chain=visit.actor.agency or INSTALLATION,
            at=visit.at,
            post_id=visit.actor.post,
            person_id=visit.actor.person,
            actor=visit.actor.name or visit.actor.kind,
            action=visit.action,
            object_id=visit.object_id,
            detail=visit.detail,
        )
        for visit in visits
    )

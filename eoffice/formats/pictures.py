"""Turns PDF pages into pictures, for looking at and for making scans; run it in the sandbox on foreign files."""

from __future__ import annotations

import io
from threading import Lock
from typing import TYPE_CHECKING

import pypdfium2
from reportlab.pdfgen.canvas import Canvas

from eoffice.core.errors import FileRefused

if TYPE_CHECKING:
    from PIL.Image import Image

PDFIUM = Lock()  # PDFium may be used by one thread at a time
MAX_PIXELS = 30_000_000


class PageRefused(FileRefused):
    """The page cannot be drawn: no PDF, encrypted, damaged, no such page."""

    code = "page_refused"


def page_image(data: bytes, *, page: int = 0, width: int = 1100, form: str = "JPEG") -> bytes:
    """Return one page as a picture.

    Args:
        data: a PDF.
        page: from 0.
        width: pixels; the height follows.
        form: ``JPEG`` or ``PNG``.

    Raises:
        PageRefused: it cannot be drawn.
    """
    with PDFIUM:
        document = _open(data)
        try:
            picture = _draw(document, page, width=width)
        finally:
            document.close()
    out = io.BytesIO()
    picture.save(out, form, **({"quality": 88, "optimize": True} if form == "JPEG" else {"optimize": False}))
    return out.getvalue()


def as_scan(data: bytes, *, dpi: int) -> bytes:
    """Return the PDF as a scanner would have made it: every page a grey JPEG, no text, no fields."""
    out = io.BytesIO()
    with PDFIUM:
        document = _open(data)
        try:
            canvas = Canvas(out, invariant=1, pageCompression=0)
            canvas.setTitle("Scan")
            for number in range(len(document)):
                wide, high = document.get_page_size(number)
                picture = _draw(document, number, width=round(wide * dpi / 72)).convert("L")
                canvas.setPageSize((wide, high))
                _place(canvas, picture, wide, high)
                canvas.showPage()
        finally:
            document.close()
    canvas.save()
    return out.getvalue()


def _open(data: bytes) -> pypdfium2.PdfDocument:
    try:
        document = pypdfium2.PdfDocument(data)
        document.init_forms()
    except pypdfium2.PdfiumError as error:
        raise PageRefused(reason=str(error)) from None
    return document


def _draw(document: pypdfium2.PdfDocument, number: int, *, width: int) -> Image:
    try:
        page = document[number]
        wide, high = page.get_size()
        scale = width / max(wide, 1)
        if width < 1 or wide * high * scale * scale > MAX_PIXELS:
            raise PageRefused("page_too_large")
        picture: Image = page.render(scale=scale, may_draw_forms=True).to_pil().convert("RGB")
        return picture
    except (pypdfium2.PdfiumError, IndexError, ValueError) as error:
        raise PageRefused(reason=str(error)) from None


def _place(canvas: Canvas, picture: Image, wide: float, high: float) -> None:
    from reportlab.lib.utils import ImageReader

    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=60)
    jpeg.seek(0)
    canvas.drawImage(ImageReader(jpeg), 0, 0, wide, high)

"""Lays out what a certified copy shows: pages of a document as they look, without its form, signatures and scripts.

A file that others may not sign any more (certified, locked), or of which some pages are taken, is written anew: what a
reader shows of its fields and signatures becomes part of the page, as on paper, and nothing else of the file comes
along. Content of the pages is not drawn again: letters stay letters, pictures keep every point.
The same input gives the same bytes, so that a key opened for them fits what is signed afterwards.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_

_CATALOG = {"/Type", "/Pages", "/Version", "/Lang", "/OCProperties", "/OutputIntents"}
"""What stays of a document besides its pages: which layers are shown, colours, language."""

_HARMLESS = {
    "/Metadata", "/PageMode", "/PageLayout", "/PageLabels", "/MarkInfo", "/StructTreeRoot", "/ViewerPreferences",
}  # fmt: skip
"""What a plain scan may have besides, when it is signed as it is."""

_PAGE = {
    "/Type", "/Parent", "/Resources", "/Contents", "/Rotate", "/UserUnit", "/Group",
    "/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox",
}  # fmt: skip
"""What stays of a page: how it looks, nothing that happens."""

_UNSEEN = 1 | 2 | 32
"""Flags of annotations that a reader does not show: invisible, hidden, no view (ISO 32000-2, 12.5.3)."""

_WORDS_TOP, _WORDS_BOTTOM = 17.0, 53.0
"""Between which distances from the upper edge, in points, a copy has its words (``signing.annex``)."""


def lay_out(data: bytes, *, pages: Sequence[int]) -> bytes:
    """Return the file a copy is signed in; runs in the sandbox's child.

    Args:
        pages: those that are taken, ascending, from 1; none for the whole file.

    Returns:
        b"" when the file itself can be signed as it is: whole, without a form, signatures, notes and anything active.

    Raises:
        InvalidInput: ``copy_no_room``: where the words of the copy belong stand those of another signature.
        pikepdf.PdfError, IndexError: not readable, or without these pages.
    """
    import pikepdf

    with pikepdf.open(io.BytesIO(data)) as pdf:
        if not pages and _is_plain(pdf):
            return b""
        if pages:
            _take(pdf, pages)
        _check_room(pdf.pages[0])
        form = pdf.Root.get("/AcroForm")
        if form is not None and "/NeedAppearances" in form:
            del form["/NeedAppearances"]  # what is shown counts, not what another program would draw
        pdf.flatten_annotations("screen")
        for page in pdf.pages:
            _keep(page.obj, _PAGE)
        _keep(pdf.Root, _CATALOG)
        if "/Info" in pdf.trailer:
            del pdf.trailer["/Info"]
        pdf.remove_unreferenced_resources()  # pictures of pages left out must not travel along
        out = io.BytesIO()
        pdf.save(out, deterministic_id=True, encryption=False, min_version="1.4", fix_metadata_version=False)
    return out.getvalue()


def _is_plain(pdf: Any) -> bool:
    """Whether a file holds pages and nothing that would have to be left out."""
    extra = set(pdf.Root.keys()) - _CATALOG - _HARMLESS
    active = {"/Annots", "/AA"}
    return not pdf.is_encrypted and not extra and not any(active & set(page.obj.keys()) for page in pdf.pages)


def _take(pdf: Any, pages: Sequence[int]) -> None:
    if pages[-1] > len(pdf.pages):
        raise IndexError(pages[-1])
    wanted = set(pages)
    for index in reversed(range(len(pdf.pages))):
        if index + 1 not in wanted:
            del pdf.pages[index]


def _keep(owner: Any, names: set[str]) -> None:
    for name in set(owner.keys()) - names:
        del owner[name]


def _check_room(page: Any) -> None:
    """No words over words: of a signature that shows something at the top right, no copy can be signed there."""
    left, bottom, right, top = (float(edge) for edge in page.cropbox)
    turned = int(page.get("/Rotate", 0)) % 360
    width = (top - bottom) if turned in (90, 270) else (right - left)
    for note in page.get("/Annots", ()):
        if "/Rect" not in note or "/AP" not in note or int(note.get("/F", 0)) & _UNSEEN:
            continue
        x, y, far, up = (float(edge) for edge in note["/Rect"])
        corners = [_shown(px, py, (left, bottom, right, top), turned) for px in (x, far) for py in (y, up)]
        across, down = [corner[0] for corner in corners], [corner[1] for corner in corners]
        empty = max(across) - min(across) < 1 or max(down) - min(down) < 1
        if not empty and max(across) > width / 2 and min(down) < _WORDS_BOTTOM and max(down) > _WORDS_TOP:
            raise InvalidInput(
                "copy_no_room",
                N_(
                    "At the top right of the first page stand the words of another signature; the words of a copy "
                    "would cover them. Nothing was changed. Please make the copy on paper."
                ),
            )


def _shown(x: float, y: float, box: tuple[float, float, float, float], turned: int) -> tuple[float, float]:
    """A point of the page as it is shown: from the left and from the top."""
    left, bottom, right, top = box
    if turned == 90:
        return y - bottom, x - left
    if turned == 180:
        return right - x, y - bottom
    if turned == 270:
        return top - y, right - x
    return x - left, top - y

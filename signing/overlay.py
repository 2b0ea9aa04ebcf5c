"""Whether an annotation only comments on a page or changes what a reader sees there."""

from __future__ import annotations

import ctypes
import re
import threading
from enum import IntEnum
from typing import TYPE_CHECKING

from signing.errors import Damaged
from signing.pdf import Dict, Revision, Stream, Value

if TYPE_CHECKING:
    from pypdfium2 import PdfObject

_HIDDEN, _PRINT, _NO_VIEW = 2, 4, 32  # ISO 32000-2, 12.5.3
_NOTES = frozenset({"Text", "Popup", "Link", "FileAttachment", "Sound", "Caret"})
_MARKS = frozenset({"Highlight", "Underline", "Squiggly", "StrikeOut", "Ink"})
_BOXED = frozenset({"FreeText", "Stamp", "Square", "Circle", "Widget"})
_ICON = 40.0
_LARGEST = 64 * 1024 * 1024
_FRAME = 6  # points of a path: a rectangle has five, letters and drawings that were turned into outlines have more
_GROUND = 20  # a ground with round corners
_RENDERER = threading.Lock()  # the renderer is not safe in several threads
_TEXT_OR_IMAGE = re.compile(rb"(?:^|[\s\]>)])(?:Tj|TJ|'|\"|Do|sh|BI)(?=[\s/\[(<]|$)")
_WIDTH = re.compile(rb"(?:^|[\s\]>)])(\d*\.?\d+)\s+w(?=[\s/\[(<]|$)")
_PEN = 8.0  # points; a broader pen paints words over instead of marking them
_STROKE = re.compile(rb"(?:^|\s)[Ss](?=[\s/\[(<]|$)")
_FILL = re.compile(rb"(?:^|\s)(?:f|F|f\*|B|B\*|b|b\*)(?=[\s/\[(<]|$)")


class Ink(IntEnum):
    """How much an appearance draws: nothing, shapes such as a frame, or text and pictures."""

    NOTHING = 0
    SHAPES = 1
    WORDS = 2


def hidden(revision: Revision, node: Dict) -> bool:
    """Say whether the flags keep an annotation off the screen and off the paper."""
    flags = revision.resolve(node.get("F", 0))
    return type(flags) is int and (bool(flags & _HIDDEN) or flags & (_NO_VIEW | _PRINT) == _NO_VIEW)


def shows(revision: Revision, node: Dict) -> bool:
    """Say whether an annotation shows text, pictures or areas of its own, more than a comment does.

    Notes with an icon, links and the usual marks (highlight, underline ...) do not; what cannot be told does.
    """
    if hidden(revision, node):
        return False
    kind = revision.resolve(node.get("Subtype"))
    streams = _appearances(revision, node)
    if kind in _NOTES:
        return bool(streams) and (kind in ("Link", "Popup") or not _small(rectangle(revision, node)))
    if kind in _MARKS:
        painted = (_paints(revision, stream, marking=kind == "Highlight") for stream in streams)
        return _broad(revision, node) or any(painted)
    return bool(streams) or kind != "Widget"


def disturbs(revision: Revision, node: Dict, old: Revision, page: int | None) -> bool:
    """Say whether an annotation shows something over text or pictures of its page; what cannot be told does.

    Args:
        revision: holds the annotation.
        old: holds the page as it was.
        page: 1-based number of the page.
    """
    if not shows(revision, node):
        return False
    box = rectangle(revision, node)
    boxed = revision.resolve(node.get("Subtype")) in _BOXED
    return box is None or page is None or not boxed or _occupied(old, page, box)


Box = tuple[float, float, float, float]


def rectangle(revision: Revision, node: Dict) -> Box | None:
    """Left, bottom, right, top of an annotation in points; None when it has no lawful rectangle."""
    numbers = [revision.resolve(number) for number in revision.list(node.get("Rect"))]
    if len(numbers) != 4 or any(type(number) not in (int, float) for number in numbers):
        return None
    left, right = sorted((float(numbers[0]), float(numbers[2])))
    bottom, top = sorted((float(numbers[1]), float(numbers[3])))
    return left, bottom, right, top


def _occupied(old: Revision, page: int, box: Box) -> bool:
    """Say whether text, a picture or another painted field stands inside a box of a page."""
    import pypdfium2
    from pypdfium2 import raw

    old.document.tick()
    if old.end > _LARGEST:
        return True
    with _RENDERER:
        try:
            document = pypdfium2.PdfDocument(bytes(old.document.data[: old.end]))
        except (pypdfium2.PdfiumError, ValueError):
            return True
        try:
            leaf = document[page - 1]
            if leaf.get_textpage().get_text_bounded(*box).strip():
                return True
            kinds = (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_SHADING, raw.FPDF_PAGEOBJ_PATH)
            return any(_stands(item, box) for item in leaf.get_objects(filter=kinds, max_depth=8))
        except (pypdfium2.PdfiumError, ValueError, IndexError):
            return True
        finally:
            document.close()


def _stands(item: PdfObject, box: Box) -> bool:
    """Say whether a picture or a drawn shape stands inside a box; frames, rules and grounds are no content."""
    from pypdfium2 import raw

    place, holder = item.get_bounds(), item.container
    while holder is not None:  # what stands in a form is measured in the form's own space
        place, holder = holder.get_matrix().on_rect(*place), holder.container
    if not _meet(place, box):
        return False
    if item.type != raw.FPDF_PAGEOBJ_PATH:
        return True
    filled, stroked = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(item, filled, stroked)
    around = place[0] <= box[0] and place[1] <= box[1] and place[2] >= box[2] and place[3] >= box[3]
    return bool(filled.value) and raw.FPDFPath_CountSegments(item) > (_GROUND if around else _FRAME)


def _meet(one: Box, two: Box) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def meets(one: Box | None, two: Box | None) -> bool:
    """Say whether two boxes share an area; an unknown box meets nothing."""
    return one is not None and two is not None and _meet(one, two)


def paints(revision: Revision, node: Dict) -> bool:
    """Say whether an annotation brings an appearance of its own that shows."""
    return bool(_appearances(revision, node)) and not hidden(revision, node)


def inked(revision: Revision, node: Dict) -> Ink:
    """Say what the appearance of a field that nobody has signed draws."""
    if hidden(revision, node):
        return Ink.NOTHING
    most = Ink.NOTHING
    for stream in _appearances(revision, node):
        try:
            content = revision.document.decode(stream, revision)
        except Damaged:
            return Ink.WORDS
        if _TEXT_OR_IMAGE.search(content):
            return Ink.WORDS
        if _FILL.search(content) or _STROKE.search(content):
            most = Ink.SHAPES
    return most


def _small(box: Box | None) -> bool:
    return box is not None and box[2] - box[0] <= _ICON and box[3] - box[1] <= _ICON


def _appearances(revision: Revision, node: Dict) -> list[Stream]:
    found: list[Stream] = []
    work: list[tuple[Value, int]] = [(node.get("AP"), 0)]
    while work:
        value, depth = work.pop()
        value = revision.resolve(value)
        if type(value) is Stream:
            found.append(value)
        elif type(value) is Dict and depth < 3:
            work.extend((item, depth + 1) for item in value.values())
    return found


def _broad(revision: Revision, node: Dict) -> bool:
    """A reader draws a mark without appearance with the pen its border names."""
    border = revision.list(node.get("Border"))
    widths = (revision.resolve(item) for item in (revision.dict(node.get("BS")).get("W"), *border[2:3]))
    return any(type(width) in (int, float) and width > _PEN for width in widths)


def _paints(revision: Revision, stream: Stream, *, marking: bool) -> bool:
    try:
        content = revision.document.decode(stream, revision)
    except Damaged:
        return True
    if _TEXT_OR_IMAGE.search(content) or any(float(found) > _PEN for found in _WIDTH.findall(content)):
        return True
    return _FILL.search(content) is not None and not (marking and _multiplies(revision, stream))


def _multiplies(revision: Revision, stream: Stream) -> bool:
    """Multiplied colour lets the text below be read."""
    resources = revision.dict(stream.dict.get("Resources"))
    states = revision.dict(resources.get("ExtGState"))
    return bool(states) and all(
        revision.resolve(revision.dict(state).get("BM")) == "Multiply" for state in states.values()
    )

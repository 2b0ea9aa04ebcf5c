"""Whether an annotation only comments on a page or changes what a reader sees there."""

from __future__ import annotations

import re

from signing.errors import Damaged
from signing.pdf import Dict, Revision, Stream, Value

_HIDDEN = 2 | 32  # Hidden, NoView (ISO 32000-2, 12.5.3)
_NOTES = frozenset({"Text", "Popup", "Link", "FileAttachment", "Sound", "Caret"})
_MARKS = frozenset({"Highlight", "Underline", "Squiggly", "StrikeOut", "Ink"})
_ICON = 40.0
_TEXT_OR_IMAGE = re.compile(rb"(?:^|[\s\]>)])(?:Tj|TJ|'|\"|Do|sh|BI)(?=[\s/\[(<]|$)")
_FILL = re.compile(rb"(?:^|\s)(?:f|F|f\*|B|B\*|b|b\*)(?=[\s/\[(<]|$)")


def hidden(revision: Revision, node: Dict) -> bool:
    """Say whether the flags keep an annotation off the screen."""
    flags = revision.resolve(node.get("F", 0))
    return type(flags) is int and bool(flags & _HIDDEN)


def disturbs(revision: Revision, node: Dict) -> bool:
    """Say whether an annotation shows text, pictures or opaque areas of its own, so that it could hide content.

    Notes with an icon, links and the usual marks (highlight, underline ...) do not; what cannot be told does.
    """
    if hidden(revision, node):
        return False
    kind = revision.resolve(node.get("Subtype"))
    streams = _appearances(revision, node)
    if kind in _NOTES:
        return bool(streams) and (kind in ("Link", "Popup") or not _small(revision, node))
    if kind in _MARKS:
        return any(_paints(revision, stream, marking=kind == "Highlight") for stream in streams)
    return True


def _small(revision: Revision, node: Dict) -> bool:
    rect = [revision.resolve(number) for number in revision.list(node.get("Rect"))]
    if len(rect) != 4 or any(not isinstance(number, int | float) for number in rect):
        return False
    return bool(abs(rect[2] - rect[0]) <= _ICON and abs(rect[3] - rect[1]) <= _ICON)


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


def _paints(revision: Revision, stream: Stream, *, marking: bool) -> bool:
    try:
        content = revision.document.decode(stream, revision)
    except Damaged:
        return True
    if _TEXT_OR_IMAGE.search(content):
        return True
    return _FILL.search(content) is not None and not (marking and _multiplies(revision, stream))


def _multiplies(revision: Revision, stream: Stream) -> bool:
    """Multiplied colour lets the text below be read."""
    resources = revision.dict(stream.dict.get("Resources"))
    states = revision.dict(resources.get("ExtGState"))
    return bool(states) and all(
        revision.resolve(revision.dict(state).get("BM")) == "Multiply" for state in states.values()
    )

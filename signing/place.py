"""Where something can stand on a page: its shape as a reader shows it, and boxes that are free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from signing.objects import entry

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in points of the page."""


@dataclass(frozen=True)
class PageShape:
    """What a reader shows of a page, in points.

    Args:
        turned: by how many degrees clockwise it is shown.
        taken: boxes of what lies on it already.
    """

    left: float
    bottom: float
    right: float
    top: float
    turned: int
    taken: tuple[Box, ...] = ()

    def at_top_right(self, width: float, height: float, *, margin: float, above: float) -> Box:
        """Free box for something of this size as read, so far from the right and the upper edge of the page as shown.

        Where something lies already it comes below: a signature that covers another one changes what that one showed.
        """
        boxes = [self._box(width, height, margin, above + height * step) for step in range(6)]
        return next((box for box in boxes if not any(_meet(box, other) for other in self.taken)), boxes[0])

    def _box(self, width: float, height: float, margin: float, above: float) -> Box:
        left, bottom, right, top = self.left, self.bottom, self.right, self.top
        if self.turned == 90:
            return left + above, top - margin - width, left + above + height, top - margin
        if self.turned == 180:
            return left + margin, bottom + above, left + margin + width, bottom + above + height
        if self.turned == 270:
            return right - above - height, bottom + margin, right - above, bottom + margin + width
        return right - margin - width, top - above - height, right - margin, top - above


def shape(page: Any) -> PageShape:
    """Size, turn and annotations of a page (ISO 32000-2, 7.7.3.4 and 14.11.2)."""
    box = _inherited(page, "/CropBox") or _inherited(page, "/MediaBox")
    across, up = sorted(float(box[n]) for n in (0, 2)), sorted(float(box[n]) for n in (1, 3))
    taken = tuple(_rectangle(note.get_object()) for note in entry(page, "/Annots", ()))
    turned = int(_inherited(page, "/Rotate") or 0) % 360
    return PageShape(across[0], up[0], across[1], up[1], turned, taken)


def _rectangle(annotation: Any) -> Box:
    left, bottom, right, top = (float(side) for side in entry(annotation, "/Rect", (0, 0, 0, 0)))
    return min(left, right), min(bottom, top), max(left, right), max(bottom, top)


def _meet(one: Box, other: Box) -> bool:
    slack = 0.5  # boxes are written with few decimals
    return (
        one[0] < other[2] - slack
        and other[0] < one[2] - slack
        and one[1] < other[3] - slack
        and other[1] < one[3] - slack
    )


def _inherited(page: Any, key: str) -> Any:
    """What a page has under a key, or the nearest node above it."""
    for _ in range(50):
        found = entry(page, key)
        if found is not None or (page := entry(page, "/Parent")) is None:
            return found
    return None

"""What a signature shows on the page: a picture of its real size, without text (Decree 30/2020, Annex I, part I)."""

from __future__ import annotations

import hashlib
import io
import math
import random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from signing.errors import Damaged, NotPermitted, OverLimit
from signing.typeface import FONTS, Face, embed, face_for

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

POINTS_PER_MM = 72 / 25.4
SEAL_MM = 36.0

_INK = (23, 55, 148)
_SEAL_RED = (214, 24, 36)
_MOST_PIXELS = 4_000_000
_LEADING = 1.2
"""Distance of two lines of text, in sizes of their letters."""
_DRAWN_LARGER = 4
"""Pictures are drawn so many times larger and then reduced, which smooths their edges."""


@dataclass(frozen=True)
class Stamp:
    """A picture to be shown in a signature field, centred.

    Args:
        image: PNG; a transparent ground stays transparent.
        width_mm, height_mm: real size in millimetres, as a seal must have it; None: as large as the field allows,
            proportions kept.
    """

    image: bytes
    width_mm: float | None = None
    height_mm: float | None = None

    def box(self, width: float, height: float) -> tuple[float, float, float, float]:
        """Where the picture goes in a field of this size: left, bottom, width, height in points.

        Raises:
            NotPermitted: ``stamp_too_large``: the real size does not fit into the field.
        """
        pixels = picture(self.image)
        wide, high = pixels.width, pixels.height
        if self.width_mm is None and self.height_mm is None:
            scale = min(width / wide, height / high)
            across, up = wide * scale, high * scale
        else:
            across = (self.width_mm or (self.height_mm or 0) * wide / high) * POINTS_PER_MM
            up = (self.height_mm or (self.width_mm or 0) * high / wide) * POINTS_PER_MM
        # Fields are placed in whole points or with two decimals: half a point is rounding, not a wrong field.
        if across > width + 0.5 or up > height + 0.5:
            raise NotPermitted("stamp_too_large", f"{across:.1f}x{up:.1f} pt in {width:.1f}x{height:.1f} pt")
        return (width - across) / 2, (height - up) / 2, across, up


@dataclass(frozen=True)
class Words:
    """Lines of black upright text instead of a picture, set in Tinos (Decree 30/2020, Annex I, part II, 12 and 14).

    Args:
        size: in points.
        turned: by how many degrees the page is shown turned clockwise; the text stands upright on the page as shown.
    """

    lines: tuple[str, ...]
    size: float = 10.0
    turned: int = 0

    def extent(self) -> tuple[float, float]:
        """Width and height in points the text takes as it is read.

        Raises:
            NotPermitted: ``text_not_drawable``: a letter is not in the font.
        """
        face = self._face()
        return max(face.width(line, self.size) for line in self.lines) + 1, len(self.lines) * self.size * _LEADING

    def draw(self, writer: Any, width: float, height: float) -> tuple[bytes, dict[str, object]]:
        """Content and resources of an appearance of this size in points."""
        face = self._face()
        turn = {
            90: f"0 1 -1 0 {width:.3f} 0 cm ",
            180: f"-1 0 0 -1 {width:.3f} {height:.3f} cm ",
            270: f"0 -1 1 0 0 {height:.3f} cm ",
        }
        high = width if self.turned in (90, 270) else height
        leading = self.size * _LEADING
        first = high - (leading + self.size * face.capitals / 1000) / 2
        shown = b" T* ".join(face.codes(line) + b" Tj" for line in self.lines)
        content = f"q {turn.get(self.turned, '')}BT /F {self.size:.2f} Tf {leading:.3f} TL 0 {first:.3f} Td "
        return content.encode() + shown + b" ET Q", {"Font": {"F": embed(writer, face)}}

    def _face(self) -> Face:
        return face_for("".join(self.lines), italic=False)


@dataclass(frozen=True)
class Pixels:
    """A picture as a PDF holds it: colours and transparency, each compressed."""

    width: int
    height: int
    colours: bytes
    alpha: bytes


@lru_cache(maxsize=128)
def picture(image: bytes) -> Pixels:
    """Read a PNG once per process; the same picture serves every document its owner signs.

    Raises:
        Damaged: ``stamp_unreadable``: not a PNG, or a broken one.
        OverLimit: ``stamp_too_large``: more than four million pixels.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(image), formats=("PNG",)) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise OverLimit("stamp_too_large", f"{opened.width}x{opened.height}")
            rgba = opened.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Damaged("stamp_unreadable", str(error)) from error
    colours = zlib.compress(rgba.convert("RGB").tobytes(), 9)
    return Pixels(rgba.width, rgba.height, colours, zlib.compress(rgba.getchannel("A").tobytes(), 9))


def appearance(writer: Any, stamp: Stamp | Words | None, width: float, height: float) -> Any:
    """Add the appearance of a signature field to a pyHanko writer.

    Args:
        writer: ``IncrementalPdfFileWriter``.
        stamp: None: a field without a picture gets an empty appearance, so that no viewer draws its own.
        width, height: of the field in points.

    Returns:
        The reference of the form XObject.
    """
    content: bytes = b""
    resources: dict[str, object] = {}
    if isinstance(stamp, Words):
        content, resources = stamp.draw(writer, width, height)
    elif stamp is not None:
        left, bottom, across, up = stamp.box(width, height)
        resources = {"XObject": {"I": _image(writer, picture(stamp.image))}}
        content = f"q {across:.3f} 0 0 {up:.3f} {left:.3f} {bottom:.3f} cm /I Do Q".encode()
    return form(writer, content, resources, width=width, height=height)


def form(writer: Any, content: bytes, resources: Mapping[str, object], *, width: float, height: float) -> Any:
    """Add a form XObject of this size in points to a pyHanko writer; returns its reference."""
    from signing.objects import name, stream

    entries = {
        "Type": name("XObject"),
        "Subtype": name("Form"),
        "BBox": (0, 0, float(width), float(height)),
        "Resources": resources,
    }
    return writer.add_object(stream(entries, content))


def _image(writer: Any, pixels: Pixels) -> Any:
    from signing.objects import name, stream

    def add(data: bytes, space: str, **more: object) -> Any:
        entries = {
            "Type": name("XObject"),
            "Subtype": name("Image"),
            "Width": pixels.width,
            "Height": pixels.height,
            "ColorSpace": name(space),
            "BitsPerComponent": 8,
            "Filter": name("FlateDecode"),
            **more,
        }
        return writer.add_object(stream(entries, data, encoded=True))

    return add(pixels.colours, "DeviceRGB", SMask=add(pixels.alpha, "DeviceGray"))


def handwriting(name: str, *, width: int = 560, height: int = 200) -> bytes:
    """Draw a plausible blue signature from a name, for tests and the demo: always the same for the same name (PNG).

    It carries no readable text: Decree 30/2020 asks for none in the picture of a signature.
    """
    dice = random.Random(hashlib.sha256(name.encode()).digest())  # noqa: S311 - a drawing, not a secret
    scale = _DRAWN_LARGER
    strokes = max(5, min(11, len(name.replace(" ", ""))))
    points: list[tuple[float, float]] = []
    left, right, middle = width * 0.10, width * 0.86, height * 0.55
    for index in range(strokes * 2 + 1):
        along = left + (right - left) * index / (strokes * 2)
        # The first letters of a signature are tall, the rest runs out.
        reach = height * (0.40 if index < 5 else 0.24 - 0.12 * index / (strokes * 2))
        sway = (-1) ** index * reach * dice.uniform(0.55, 1.0)
        points.append((along + dice.uniform(-0.5, 0.5) * (right - left) / strokes, middle + sway))
    flourish = [
        (width * 0.93, middle - height * dice.uniform(0.05, 0.25)),
        (width * dice.uniform(0.50, 0.70), height * 0.86),
        (width * 0.16, height * dice.uniform(0.80, 0.90)),
        (width * 0.60, height * dice.uniform(0.72, 0.82)),
    ]
    path = _curve([*points, *flourish])
    alpha = _blank(width * scale, height * scale)
    pen = _pen(alpha)
    for index, (x, y) in enumerate(path):
        before = path[max(0, index - 1)]
        # A pen runs thin on upstrokes and where it is fast.
        speed = math.dist(before, (x, y))
        radius = scale * max(0.9, 2.6 - 0.16 * speed + (0.5 if y > before[1] else 0.0))
        pen.line((before[0] * scale, before[1] * scale, x * scale, y * scale), fill=255, width=int(2 * radius))
        pen.ellipse((x * scale - radius, y * scale - radius, x * scale + radius, y * scale + radius), fill=255)
    return _inked(alpha, _INK, width, height)


def seal(name: str, *, above: str = "THỬ NGHIỆM", width: int = 480) -> bytes:
    """Draw a round red seal that says it is a test, for tests and the demo (PNG, square).

    Args:
        name: of the agency, in the middle.
        above: along the upper edge; the mark of the test stays along the lower one.
        width: pixels of the finished picture.
    """
    from PIL import ImageFont

    size = width * _DRAWN_LARGER
    centre = size / 2
    alpha = _blank(size, size)
    pen = _pen(alpha)
    for outer, thick in ((0.490, 0.016), (0.462, 0.005), (0.325, 0.005)):
        radius = size * outer
        box = (centre - radius, centre - radius, centre + radius, centre + radius)
        pen.ellipse(box, outline=255, width=int(size * thick))
    font = ImageFont.truetype(FONTS / "Tinos-Regular.ttf", int(size * 0.085))
    _around(alpha, above.upper(), font, radius=size * 0.393, upper=True)
    _around(
        alpha, "KHÔNG CÓ GIÁ TRỊ PHÁP LÝ", font.font_variant(size=int(size * 0.06)), radius=size * 0.393, upper=False
    )
    lines, small = _fitted(name.upper(), font, size * 0.52)
    step = small.size * 1.25
    for index, line in enumerate(lines):
        y = centre + (index - (len(lines) - 1) / 2) * step
        pen.text((centre, y), line, font=small, fill=255, anchor="mm")
    return _inked(alpha, _SEAL_RED, width, width)


def _curve(points: list[tuple[float, float]], steps: int = 90) -> list[tuple[float, float]]:
    """Points along a Catmull-Rom spline through the given ones."""
    padded = [points[0], *points, points[-1]]
    found = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(steps):
            t = step / steps
            found.append(
                tuple(
                    0.5 * (2 * q + (r - p) * t + (2 * p - 5 * q + 4 * r - s) * t**2 + (3 * q - p - 3 * r + s) * t**3)
                    for p, q, r, s in zip(a, b, c, d, strict=True)
                )
            )
    return [(x, y) for x, y in found]


def _around(alpha: Picture, text: str, font: Any, *, radius: float, upper: bool) -> None:
    """Set text along a circle around the middle of the picture, each letter upright to the circle."""
    from PIL import Image, ImageDraw

    size = alpha.width
    gap = font.size * 0.10
    widths = [font.getlength(letter) + gap for letter in text]
    turned = -sum(widths) / 2
    for letter, wide in zip(text, widths, strict=True):
        angle = (turned + wide / 2) / radius
        turned += wide
        side = int(font.size * 2)
        glyph = Image.new("L", (side, side), 0)
        ImageDraw.Draw(glyph).text((side / 2, side / 2), letter, font=font, fill=255, anchor="mm")
        glyph = glyph.rotate(math.degrees(-angle if upper else angle), resample=Image.Resampling.BICUBIC)
        x = size / 2 + radius * math.sin(angle)
        y = size / 2 - (radius if upper else -radius) * math.cos(angle)
        alpha.paste(255, (int(x - side / 2), int(y - side / 2)), glyph)


def _fitted(text: str, font: Any, width: float) -> tuple[list[str], Any]:
    """Break text into lines of this width in a letter size that keeps it within four lines."""
    size = font.size
    while True:
        small = font.font_variant(size=int(size))
        lines: list[str] = []
        for word in text.split():
            joined = f"{lines[-1]} {word}" if lines else word
            if lines and small.getlength(joined) <= width:
                lines[-1] = joined
            else:
                lines.append(word)
        fits = len(lines) <= 4 and all(small.getlength(line) <= width for line in lines)
        if fits or size < font.size * 0.3:
            return lines, small
        size *= 0.92


def _blank(width: int, height: int) -> Picture:
    from PIL import Image

    return Image.new("L", (width, height), 0)


def _pen(alpha: Picture) -> Any:
    from PIL import ImageDraw

    return ImageDraw.Draw(alpha)


def _inked(alpha: Picture, ink: tuple[int, int, int], width: int, height: int) -> bytes:
    from PIL import Image

    small = alpha.resize((width, height), Image.Resampling.LANCZOS)
    # Sixteen steps of transparency look the same and take half the room in every document.
    small = small.point([step // 17 * 17 for step in range(256)])
    found = Image.new("RGBA", (width, height), (*ink, 0))
    found.putalpha(small)
    out = io.BytesIO()
    found.save(out, "PNG", optimize=True)
    return out.getvalue()

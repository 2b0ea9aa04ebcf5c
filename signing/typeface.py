"""Sets a line of Vietnamese text in Tinos: subsets made once per process, embedded whole, never per document."""

from __future__ import annotations

import hashlib
import io
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from signing.errors import NotPermitted

FONTS = Path(__file__).parent / "fonts"

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TIERS = (
    "0123456789 /-.",
    f"0123456789 /-.,()&{_LETTERS}{_LETTERS.lower()}Đđ",
)
"""Alphabets tried in turn before the whole font: a date needs two kilobytes, not twenty."""


@dataclass(frozen=True)
class Face:
    """One subset, ready to be embedded.

    Args:
        glyphs: character -> glyph number in the subset.
        widths: glyph number -> width in thousandths of the size.
        program: the subset as TrueType, compressed; ``length`` before that.
        ascent, descent: above and below the baseline, in thousandths; descent is negative.
    """

    label: str
    glyphs: dict[str, int]
    widths: tuple[int, ...]
    program: bytes
    length: int
    ascent: int
    descent: int
    box: tuple[int, ...]
    slant: float
    stem: int
    flags: int
    capitals: int

    def width(self, text: str, size: float) -> float:
        """Width of a line in points."""
        return sum(self.widths[self.glyphs[letter]] for letter in text) * size / 1000

    def codes(self, text: str) -> bytes:
        """The operand of a text operator for a line."""
        return b"<" + b"".join(b"%04X" % self.glyphs[letter] for letter in text) + b">"


def face_for(text: str, *, italic: bool, font: bytes | None = None) -> Face:
    """The smallest subset that holds every letter of a text.

    Args:
        font: another TrueType font instead of the Tinos that travels with the library.

    Raises:
        NotPermitted: ``text_not_drawable``: a letter is not in the font.
    """
    needed = set(text)
    alphabet = next((tier for tier in _TIERS if needed <= set(tier)), None)
    found = _face(italic, font, alphabet)
    missing = needed - found.glyphs.keys()
    if missing:
        raise NotPermitted("text_not_drawable", repr(sorted(missing)))
    return found


def embed(writer: Any, face: Face) -> Any:
    """Add a face to a pyHanko writer as composite font with Unicode mapping; returns its reference.

    Source: ISO 32000-2, 9.7 (composite fonts) and 9.10.3 (ToUnicode).
    """
    from pyhanko.pdf_utils import generic

    from signing.objects import name, stream, value

    def add(plain: object) -> Any:
        return writer.add_object(value(plain))

    program = {"Length1": face.length, "Filter": name("FlateDecode")}
    descriptor = add(
        {
            "Type": name("FontDescriptor"),
            "FontName": name(face.label),
            "Flags": face.flags,
            "FontBBox": face.box,
            "ItalicAngle": float(face.slant),
            "Ascent": face.ascent,
            "Descent": face.descent,
            "CapHeight": face.capitals,
            "StemV": face.stem,
            "FontFile2": writer.add_object(stream(program, face.program, encoded=True)),
        }
    )
    registry = {
        "Registry": generic.ByteStringObject(b"Adobe"),
        "Ordering": generic.ByteStringObject(b"Identity"),
        "Supplement": 0,
    }
    descendant = add(
        {
            "Type": name("Font"),
            "Subtype": name("CIDFontType2"),
            "BaseFont": name(face.label),
            "CIDSystemInfo": registry,
            "FontDescriptor": descriptor,
            "W": (0, face.widths),
            "CIDToGIDMap": name("Identity"),
        }
    )
    return add(
        {
            "Type": name("Font"),
            "Subtype": name("Type0"),
            "BaseFont": name(face.label),
            "Encoding": name("Identity-H"),
            "DescendantFonts": (descendant,),
            "ToUnicode": writer.add_object(stream({"Filter": name("FlateDecode")}, _to_unicode(face), encoded=True)),
        }
    )


@lru_cache(maxsize=16)
def _face(italic: bool, font: bytes | None, alphabet: str | None) -> Face:
    from reportlab.pdfbase.ttfonts import TTFontFile

    raw = font or (FONTS / f"Tinos-{'Italic' if italic else 'Regular'}.ttf").read_bytes()
    opened = TTFontFile(io.BytesIO(raw), validate=0)
    wanted = sorted(opened.charToGlyph if alphabet is None else {ord(letter) for letter in alphabet})
    codes = [code for code in wanted if code in opened.charToGlyph]
    program = opened.makeSubset(codes)
    # The subset numbers its glyphs by first appearance, after the one for missing characters.
    numbers: dict[int, int] = {}
    glyphs = {chr(code): numbers.setdefault(opened.charToGlyph[code], len(numbers) + 1) for code in codes}
    widths = [round(opened.defaultWidth)] * (len(numbers) + 1)
    for letter, glyph in glyphs.items():
        widths[glyph] = round(opened.charWidths[ord(letter)])
    drawn = hashlib.sha256(program).digest()
    tag = "".join(_LETTERS[byte % 26] for byte in drawn[:6])
    style = opened.name.decode("ascii") if isinstance(opened.name, bytes) else str(opened.name)
    return Face(
        label=f"{tag}+{style}",
        glyphs=glyphs,
        widths=tuple(widths),
        program=zlib.compress(program, 9),
        length=len(program),
        ascent=round(opened.ascent),
        descent=round(opened.descent),
        box=tuple(round(edge) for edge in opened.bbox),
        slant=float(opened.italicAngle),
        stem=round(opened.stemV),
        flags=4 | (64 if italic else 0),  # symbolic: glyphs are named by number; italic
        capitals=round(opened.capHeight),
    )


@lru_cache(maxsize=16)
def _mapping(pairs: tuple[tuple[int, str], ...]) -> bytes:
    lines = [f"<{glyph:04X}> <{letter.encode('utf-16-be').hex().upper()}>" for glyph, letter in pairs]
    blocks = [lines[i : i + 100] for i in range(0, len(lines), 100)]
    body = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    text = (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"
        f"{body}\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    )
    return zlib.compress(text.encode("ascii"), 9)


def _to_unicode(face: Face) -> bytes:
    # Where two characters share a glyph (space and no-break space) the first one is told.
    first: dict[int, str] = {}
    for letter, glyph in face.glyphs.items():
        first.setdefault(glyph, letter)
    return _mapping(tuple(sorted(first.items())))

"""Sets Vietnamese text in Tinos: breaks it into lines, measures and draws them.

Tinos has the widths of Times New Roman, which Decree 30/2020 (Annex I, part I, section I) asks for, and all 146
Vietnamese letters. The fonts are parsed once per process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from eoffice.core.text import tidy

FONTS = Path(__file__).parent / "fonts"
REGULAR, BOLD, ITALIC, BOLD_ITALIC = "Tinos", "Tinos-Bold", "Tinos-Italic", "Tinos-BoldItalic"
MM = 72 / 25.4

drawing = Lock()
"""Held while a paper is drawn: the parsed fonts keep a reading position."""

_FILES = {REGULAR: "Tinos-Regular", BOLD: "Tinos-Bold", ITALIC: "Tinos-Italic", BOLD_ITALIC: "Tinos-BoldItalic"}
_HEAVIER = {REGULAR: BOLD, ITALIC: BOLD_ITALIC, BOLD: BOLD, BOLD_ITALIC: BOLD_ITALIC}


@dataclass(frozen=True)
class Style:
    """How a block of text looks.

    Args:
        font: one of the four names above.
        size, leading: points; leading is the distance between two baselines.
        align: ``left``, ``centre`` or ``justify``.
        first: indent of the first line in points; negative hangs it out.
        colour: red, green, blue from 0 to 1.
    """

    font: str = REGULAR
    size: float = 14
    leading: float = 18.5
    align: str = "left"
    first: float = 0
    colour: tuple[float, float, float] = (0, 0, 0)


@dataclass(frozen=True)
class Line:
    """One set line: runs of text in one font each, and what is needed to place it.

    Args:
        runs: (font name, text); spaces between words stand inside the runs.
        width: natural width in points.
        indent: points from the left edge of the block.
        last: ends its paragraph, and so is never stretched.
    """

    runs: tuple[tuple[str, str], ...]
    width: float
    indent: float
    last: bool

    @property
    def text(self) -> str:
        """The words of the line."""
        return "".join(text for _, text in self.runs)


@cache
def load_fonts() -> None:
    """Register the four fonts with ReportLab, once."""
    for name, file in _FILES.items():
        pdfmetrics.registerFont(TTFont(name, str(FONTS / f"{file}.ttf"), asciiReadable=1, shapable=False))


def width_of(text: str, font: str, size: float) -> float:
    """Return the width of text in points."""
    load_fonts()
    return float(pdfmetrics.stringWidth(text, font, size))


def missing_letters(text: str) -> str:
    """Return the characters of the text that the fonts cannot show, sorted, each once."""
    load_fonts()
    glyphs = pdfmetrics.getFont(REGULAR).face.charToGlyph
    return "".join(sorted({c for c in tidy(text) if ord(c) not in glyphs}))


def break_lines(text: str, style: Style, width: float) -> tuple[Line, ...]:
    """Break one paragraph into lines of at most ``width`` points.

    ``**words**`` are set bold. A word wider than a line is broken between letters; empty text gives no line. Centred
    lines are made about equally long.
    """
    lines = _greedy(text, style, width)
    if style.align == "centre" and len(lines) > 1:
        narrow, wide = width / 2, width
        while wide - narrow > 1:
            middle = (narrow + wide) / 2
            narrower = _greedy(text, style, middle)
            narrow, wide = (narrow, middle) if len(narrower) == len(lines) else (middle, wide)
        return _greedy(text, style, wide)
    return lines


def _greedy(text: str, style: Style, width: float) -> tuple[Line, ...]:
    lines: list[Line] = []
    words: list[_Word] = []
    used = 0.0
    space = width_of(" ", style.font, style.size)
    first, rest = max(style.first, 0.0), max(-style.first, 0.0)
    for word in _words(text, style, width - max(first, rest)):
        indent = rest if lines else first
        if words and indent + used + space + word.width > width + 0.01:
            lines.append(Line(_runs(words), used, indent, last=False))
            words, used = [], 0.0
        used += word.width + (space if words else 0)
        words.append(word)
    if words:
        lines.append(Line(_runs(words), used, rest if lines else first, last=True))
    return tuple(lines)


def draw_line(canvas: Any, line: Line, style: Style, *, x: float, y: float, width: float) -> None:
    """Draw a line with its baseline at ``y`` in a block that begins at ``x`` and is ``width`` points wide."""
    canvas.setFillColorRGB(*style.colour)
    free = width - line.indent - line.width
    x += line.indent + (free / 2 if style.align == "centre" else 0)
    text = canvas.beginText(x, y)
    gaps = line.text.count(" ")
    # Set on every line: a page keeps the spacing of its last one.
    text.setWordSpace(free / gaps if style.align == "justify" and not line.last and gaps else 0)
    for font, words in line.runs:
        text.setFont(font, style.size)
        text.textOut(words)
    canvas.drawText(text)


def draw_block(canvas: Any, lines: Sequence[Line], style: Style, *, x: float, y: float, width: float) -> float:
    """Draw lines one under the other, the first baseline at ``y``; return the baseline the next line would have."""
    for line in lines:
        draw_line(canvas, line, style, x=x, y=y, width=width)
        y -= style.leading
    return y


@dataclass(frozen=True)
class _Word:
    parts: tuple[tuple[str, str], ...]  # (font, letters)
    width: float


def _words(text: str, style: Style, width: float) -> Iterator[_Word]:
    parts: list[tuple[str, str]] = []
    for font, piece in _pieces(text, style.font):
        for index, letters in enumerate(piece.split(" ")):
            if index and parts:
                yield from _fitting(parts, style.size, width)
                parts = []
            if letters:
                parts.append((font, letters))
    if parts:
        yield from _fitting(parts, style.size, width)


def _pieces(text: str, font: str) -> Iterator[tuple[str, str]]:
    for index, piece in enumerate(re.split(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", tidy(text))):
        if piece:
            yield (_HEAVIER[font] if index % 2 else font), piece


def _fitting(parts: list[tuple[str, str]], size: float, width: float) -> Iterator[_Word]:
    total = sum(width_of(letters, font, size) for font, letters in parts)
    if total <= width:
        yield _Word(tuple(parts), total)
        return
    taken: list[tuple[str, str]] = []
    used = 0.0
    for font, letter in ((font, letter) for font, letters in parts for letter in letters):
        step = width_of(letter, font, size)
        if taken and used + step > width:
            yield _Word(_joined(taken), used)
            taken, used = [], 0.0
        taken.append((font, letter))
        used += step
    yield _Word(_joined(taken), used)


def _runs(words: list[_Word]) -> tuple[tuple[str, str], ...]:
    pieces: list[tuple[str, str]] = []
    for word in words:
        if pieces:
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + " ")
        pieces.extend(word.parts)
    return _joined(pieces)


def _joined(pieces: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    runs: list[tuple[str, str]] = []
    for font, text in pieces:
        if runs and runs[-1][0] == font:
            runs[-1] = (font, runs[-1][1] + text)
        else:
            runs.append((font, text))
    return tuple(runs)

"""Reads a table somebody sends, CSV or XLSX, as rows of text: called in a sandbox child, for the file may be hostile.

Of a workbook only the text of its first sheet is read (ISO/IEC 29500-1, 18.3): no formulas, no styles, no links.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as Xml

from eoffice.core.errors import FileRefused
from eoffice.core.i18n import N_
from eoffice.core.text import tidy

MOST_ROWS, MOST_COLUMNS, MOST_LETTERS = 5000, 30, 300
_MOST_UNPACKED = 64 * 1024 * 1024
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINKED = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_RELATION = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"


class SheetRefused(FileRefused):
    """This is no table that can be read."""

    code = "sheet_refused"
    message = N_("This is no table that can be read. Nothing was stored. Please save it as CSV (UTF-8) or XLSX.")


class SheetTooLong(FileRefused):
    """More rows than a list may have."""

    code = "sheet_too_long"
    message = N_("The list has more than {most} rows. Nothing was stored. Please send it in parts.")


def read(data: bytes) -> list[list[str]]:
    """Return the rows that hold anything, their cells as tidied text.

    Raises:
        SheetRefused: it is neither CSV in UTF-8 or UTF-16 nor a workbook, or it is damaged.
        SheetTooLong: it has more than ``MOST_ROWS`` rows.
    """
    try:
        rows = _workbook(data) if data[:2] == b"PK" else _csv(data)
        found: list[list[str]] = []
        for row in rows:
            cells = [tidy(cell)[:MOST_LETTERS] for cell in row[:MOST_COLUMNS]]
            if not any(cells):
                continue
            if len(found) > MOST_ROWS:
                raise SheetTooLong(most=MOST_ROWS)
            found.append(cells)
    except (ValueError, KeyError, IndexError, csv.Error, zipfile.BadZipFile, Xml.ParseError, NotImplementedError,
            RuntimeError, EOFError, OSError) as error:  # fmt: skip
        raise SheetRefused(fact=type(error).__name__) from None
    if not found:
        raise SheetRefused(fact="empty")
    return found


def _csv(data: bytes) -> Iterator[list[str]]:
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    if "\x00" in text:
        raise ValueError("binary")
    first = text.lstrip().split("\n", 1)[0]
    mark = max(";,\t", key=first.count)
    yield from csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)


def _workbook(data: bytes) -> Iterator[list[str]]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        if sum(part.file_size for part in file.infolist()) > _MOST_UNPACKED:
            raise ValueError("too large when unpacked")
        shared = _shared(file)
        for row in _elements(file, _first_sheet(file), "row"):
            yield _cells(row, shared)


def _elements(file: zipfile.ZipFile, name: str, tag: str) -> Iterator[Any]:
    """The elements of a kind in a part, each let go of when the next is asked for."""
    with file.open(name) as part:
        for _event, element in Xml.iterparse(part, events=("end",)):  # noqa: S314 - in a child with limits
            if element.tag == _MAIN + tag:
                yield element
                element.clear()


def _first_sheet(file: zipfile.ZipFile) -> str:
    (first, *_others) = [sheet.get(_LINKED) for sheet in _elements(file, "xl/workbook.xml", "sheet")]
    with file.open("xl/_rels/workbook.xml.rels") as part:
        relations = {
            item.get("Id"): item.get("Target", "")
            for _event, item in Xml.iterparse(part)  # noqa: S314 - in a child with limits
            if item.tag == _RELATION
        }
    target = str(relations[first])
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _shared(file: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in file.namelist():
        return []
    return [_text(item) for item in _elements(file, "xl/sharedStrings.xml", "si")]


def _text(element: Any) -> str:
    return "".join(part.text or "" for part in element.iter(_MAIN + "t"))


def _cells(row: Any, shared: list[str]) -> list[str]:
    cells: list[str] = []
    for cell in row.iter(_MAIN + "c"):
        place = _column(cell.get("r", ""), len(cells))
        if place >= MOST_COLUMNS:
            break
        cells += [""] * (place - len(cells))
        value, kind = cell.find(_MAIN + "v"), cell.get("t", "")
        if kind == "inlineStr":
            cells.append(_text(cell))
        elif value is None or value.text is None:
            cells.append("")
        else:
            cells.append(shared[int(value.text)] if kind == "s" else value.text)
    return cells


def _column(reference: str, otherwise: int) -> int:
    letters = re.match(r"[A-Z]{1,3}", reference)
    if letters is None:
        return otherwise
    number = 0
    for letter in letters[0]:
        number = number * 26 + ord(letter) - 64
    return max(number - 1, otherwise)

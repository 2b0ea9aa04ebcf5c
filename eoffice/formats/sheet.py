"""Reads a table somebody sends, CSV or XLSX, as rows of text: called in a sandbox child, for the file may be hostile.

Of a workbook the values of its first sheet are read as they were last reckoned: no formula is, no link is followed. The
reader takes its XML from defusedxml where that is installed, which refuses entities before they grow; we see to it that
it is (docs/dependencies.md).
"""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator
from datetime import datetime, time

from eoffice.core.errors import FileRefused
from eoffice.core.i18n import N_
from eoffice.core.text import tidy

MOST_ROWS, MOST_COLUMNS, MOST_LETTERS = 5000, 30, 300
_MOST_UNPACKED = 32 * 1024 * 1024
_LAST_ROW = 1_048_576
"""Rows a sheet of Excel or LibreOffice has at most; a file may number its rows as it likes."""


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
        SheetRefused: it is neither CSV in UTF-8 or UTF-16 nor a workbook, it is damaged, or it carries macros.
        SheetTooLong: it has more than ``MOST_ROWS`` rows.
    """
    found: list[list[str]] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the reader warns of what it leaves out, and that is nearly everything
            for row in _workbook(data) if data[:2] == b"PK" else _csv(data):
                cells = [tidy(cell)[:MOST_LETTERS] for cell in row[:MOST_COLUMNS]]
                if not any(cells):
                    continue
                if len(found) > MOST_ROWS:
                    raise SheetTooLong(most=MOST_ROWS)
                found.append(cells)
    except (SheetTooLong, MemoryError):
        raise
    except Exception as error:  # a damaged part makes the reader stumble in more ways than it names
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
        if any(name.lower().endswith("vbaproject.bin") for name in file.namelist()):
            raise ValueError("macros")
    from openpyxl import load_workbook  # large, and needed in the child alone

    book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # what a file says of its size is not to be believed
    for number, row in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS, values_only=True), start=1):
        if number > _LAST_ROW:
            raise ValueError("rows without end")
        if row.count(None) == len(row):
            continue  # an empty row costs next to nothing, for a file may leave out a million of them
        cells = [_text(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        yield cells


def _text(value: object) -> str:
    """A cell as a person reads it in the sheet; days as they are written in Vietnam."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return f"{value:%d/%m/%Y}" if value.time() == time() else f"{value:%d/%m/%Y %H:%M}"
    return str(value)

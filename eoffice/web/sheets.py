"""Tables to take away as CSV, so that a double click in a Vietnamese office opens them well.

UTF-8 with a byte order mark, or Excel reads the old code page and breaks every diacritic. In Vietnamese the decimal
mark is the comma, so fields are parted by semicolons as Excel does there; in English it is point and comma. A cell
that a spreadsheet would take for a formula gets an apostrophe before it: subjects are written by strangers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from flask import g, stream_with_context
from werkzeug.wrappers import Response

from eoffice.core import i18n

Cell = str | int | float | None

FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""How a formula may begin; the wide signs of East Asian keyboards are taken for the narrow ones."""


def answer(name: str, rows: Iterable[Sequence[Cell]]) -> Response:
    """A file of rows, the first of them the headings, written while it is sent.

    Args:
        name: of the file, without its ending; ASCII.
    """
    response = Response(stream_with_context(_written(rows)), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}.csv")
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _written(rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    yield "\ufeff"
    line = io.StringIO()
    writer = csv.writer(line, delimiter=";" if g.locale == "vi" else ",", lineterminator="\r\n")
    for row in rows:
        writer.writerow([cell(value) for value in row])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def cell(value: Cell) -> str:
    """One value as it is written: numbers without groups of thousands, text that is never a formula."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return i18n.number(g.locale, value, 1).replace("." if g.locale == "vi" else ",", "")
    return f"'{value}" if FORMULA.match(value) else value

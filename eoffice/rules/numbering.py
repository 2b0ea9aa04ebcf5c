"""Numbers, symbols and dates of documents, and the series they are counted in (Decree 30/2020 articles 15 and 22)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from uuid import UUID

from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_
from eoffice.rules.kinds import ALL, Kind

COMMON = "common"
"""Scope of the series all administrative documents share, unless the head of the agency divides them."""
COPIES = "copies"
"""Scope of the series the three kinds of copies share (article 26; Annex I part II)."""

_GROUP = r"[^\W_]+(?:[.&][^\W_]+)*"
_SYMBOL = re.compile(rf"(?:[12][0-9]{{3}}/)?{_GROUP}(?:-{_GROUP})*")
_CODE = re.compile(r"(?:số\s*:?\s*)?0*([1-9][0-9]{0,9})\s*/\s*(\S.*)", re.IGNORECASE)
_DASHES = re.compile(r"\s*[-\u2010-\u2015\u2212]\s*")
_DATE = re.compile(r"([0-9]{1,2})\s*[/.-]\s*([0-9]{1,2})\s*[/.-]\s*([0-9]{4})")


def format_number(number: int) -> str:
    """Return a number as it is printed, with a leading zero below 10 (Annex I part I II.3).

    Raises:
        InvalidInput: ``number_invalid`` below 1.
    """
    if number < 1:
        raise InvalidInput("number_invalid", N_("A document's number begins at 1. Nothing was changed."), given=number)
    return f"{number:02d}"


def symbol(kind: Kind, agency: str, unit: str = "") -> str:
    """Return the symbol of a document: ``QĐ-BNV`` for a named kind, ``BNV-VP`` for a công văn (Annex I part I II.3).

    Args:
        kind: of the document.
        agency: abbreviation of the agency or the body that issues.
        unit: abbreviation of the drafting unit or of the field; needed by kinds without a symbol of their own.

    Raises:
        InvalidInput: ``symbol_invalid`` for an abbreviation that is missing or holds other characters than letters,
            digits, ``.`` and ``&``.
    """
    groups = (kind.symbol, agency) if kind.symbol else (agency, unit)
    text = "-".join(unicodedata.normalize("NFC", group).strip() for group in groups)
    if not re.fullmatch(rf"{_GROUP}(?:-{_GROUP})+", text):
        raise InvalidInput(
            "symbol_invalid",
            N_(
                "No symbol can be made from these abbreviations. Nothing was changed. "
                "Please complete the abbreviation of the agency and of the unit."
            ),
            agency=agency,
            unit=unit,
        )
    return text


def code(number: int, symbol: str) -> str:
    """Return number and symbol as they are printed: ``05/BNV-VP``.

    Raises:
        InvalidInput: ``number_invalid`` below 1.
    """
    return f"{format_number(number)}/{symbol}"


def parse_code(text: str) -> tuple[int, str] | None:
    """Read number and symbol as people and other systems write them; None when the text is not such a pair.

    Both normal forms, spaces around ``/`` and ``-``, long dashes, "Số:" before it and leading zeros are taken. The
    case of the symbol is kept: it carries meaning (QyĐ, TTr). A year between number and symbol stays with the symbol.
    """
    match = _CODE.fullmatch(unicodedata.normalize("NFC", text).strip())
    if match is None:
        return None
    tail = re.sub(r"\s*/\s*", "/", _DASHES.sub("-", match[2]).strip())
    return (int(match[1]), tail) if _SYMBOL.fullmatch(tail) else None


def scope(kind: Kind, groups: Mapping[str, str] | None = None) -> str:
    """Return in which series a kind is counted (article 15.1: the head of the agency decides).

    Args:
        kind: of the document.
        groups: code of a kind -> name of its series; kinds not named share the common one.

    Raises:
        InvalidInput: see ``check_groups``.
    """
    if kind.copy:
        return COPIES
    groups = groups or {}
    check_groups(groups)
    return groups.get(kind.code, COMMON)


def check_groups(groups: Mapping[str, str]) -> None:
    """Check a division into series: number and symbol must stay unique within agency and year.

    Raises:
        InvalidInput: ``series_ambiguous`` when two kinds that have no symbol of their own are counted apart: both
            would be issued as 05/BNV-VP. ``series_invalid`` for a copy, a kind not known, or an unusable name.
    """
    administrative = {kind.code for kind in ALL if not kind.copy}
    for kind, name in groups.items():
        if kind not in administrative or name == COPIES or not re.fullmatch(r"[a-z0-9_]{1,40}", name):
            raise InvalidInput("series_invalid", kind=kind, series=name)
    if len({groups.get(kind.code, COMMON) for kind in ALL if not kind.copy and kind.symbol is None}) > 1:
        raise InvalidInput(
            "series_ambiguous",
            N_(
                "Two kinds without a symbol of their own cannot be counted apart: two documents would carry the "
                "same number and symbol. Nothing was changed."
            ),
        )


def series_key(issuing_body: UUID | str, year: int, scope: str) -> str:
    """Return the key of the series of *số, ký hiệu*: issuing body, calendar year, scope.

    Advisory bodies that use the agency's seal have series of their own, hence the body and not the agency.

    Raises:
        InvalidInput: ``series_invalid`` for a part that is empty or holds a ``/``.
    """
    return _key("number", issuing_body, year, scope)


def book_key(agency: UUID | str, direction: str, year: int) -> str:
    """Return the key of a register book: agency, direction, calendar year. *Số đến* is counted in the incoming one.

    Raises:
        InvalidInput: ``series_invalid`` for a part that is empty or holds a ``/``.
    """
    return _key("book", agency, year, direction)


def _key(what: str, owner: UUID | str, year: int, last: str) -> str:
    parts = (str(owner), str(year), last)
    if not all(parts) or any("/" in part for part in parts) or not 1000 <= year <= 9999:
        raise InvalidInput("series_invalid", owner=str(owner), year=year, series=last)
    return "/".join((what, *parts))


def check_order(on: date, previous: date | None) -> None:
    """Check that the date of a document is not before that of the number given last in its series.

    Numbers are given in the order of time (articles 15 and 22); a series does not cross the year.

    Args:
        on: date to be given; previous: date of the last number, None for the first one.

    Raises:
        InvalidInput: ``date_before_previous`` or ``date_of_other_year``.
    """
    if previous is None:
        return
    if on < previous:
        raise InvalidInput(
            "date_before_previous",
            N_(
                "The date {given} lies before {previous}, the date of the last number in this series. "
                "Nothing was changed. Please choose a later date."
            ),
            given=print_date(on),
            previous=print_date(previous),
        )
    if on.year != previous.year:
        raise InvalidInput("date_of_other_year", given=print_date(on), previous=print_date(previous))


def print_date(day: date) -> str:
    """Return ``dd/mm/yyyy`` for registers and forms."""
    return f"{day.day:02d}/{day.month:02d}/{day.year:04d}"


def parse_date(text: str) -> date:
    """Read ``dd/mm/yyyy``, also with ``.`` or ``-`` and without zeros.

    Raises:
        InvalidInput: ``date_invalid``.
    """
    match = _DATE.fullmatch(text.strip())
    try:
        if match:
            return date(int(match[3]), int(match[2]), int(match[1]))
    except ValueError:
        pass
    raise InvalidInput(
        "date_invalid",
        N_("“{given}” is no date. Nothing was changed. Please write day/month/year, such as 24/11/2026."),
        given=text.strip(),
    )


def date_parts(day: date) -> tuple[str, str, str]:
    """Return day, month, year as the layout writes them: zero before days under 10 and months 1 and 2 only.

    The decree prints "ngày 05 tháng 3": a zero keeps a 1 or 2 from being turned into 11 or 12 (Annex I part I II.4).
    """
    month = f"{day.month:02d}" if day.month < 3 else str(day.month)
    return f"{day.day:02d}", month, f"{day.year:04d}"


def place_and_date(place: str, day: date) -> str:
    """Return the line "An Bình, ngày 05 tháng 3 năm 2026" (Annex I part I II.4)."""
    number, month, year = date_parts(day)
    return f"{place}, ngày {number} tháng {month} năm {year}"


def fields(number: int, day: date) -> dict[str, str]:
    """Return what is filled into a signed draft when it is numbered: field name -> text.

    The fields cover the number and the whole date, so that what was signed on 31/12 can be numbered on 02/01.

    Raises:
        InvalidInput: ``number_invalid`` below 1.
    """
    written = date_parts(day)
    return {"so": format_number(number), "ngay": written[0], "thang": written[1], "nam": written[2]}

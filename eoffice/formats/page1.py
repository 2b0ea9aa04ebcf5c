"""Reads number and symbol, date, issuer, subject, title, signer and deadline from the text of a letter's first page.

Written for the layout of Decree 30/2020, Annex I, as any producer sets it: issuer and number at the top left, nation
and date at the top right, "V/v" under the number or a title in the middle. Never raises on what it does not understand:
what was not found is None. ``extract`` opens the PDF and belongs into the sandbox; ``read`` is pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from eoffice.core.text import fold, tidy

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the page as it is seen (0 to 1, top down)."""

_MOST_LETTERS = 20_000
_MOST_SEGMENTS = 2_000


@dataclass(frozen=True)
class Segment:
    """Words that stand together on one line; ``bold`` as far as the font tells."""

    text: str
    box: Box
    bold: bool = False

    @property
    def middle(self) -> float:
        """Horizontal centre."""
        return (self.box[0] + self.box[2]) / 2

    @property
    def height(self) -> float:
        """Height of the line, ascenders and descenders included."""
        return self.box[3] - self.box[1]

    def is_below(self, other: Segment) -> bool:
        """Tell whether it stands on a later line; letters with marks are higher than others of their line."""
        return (self.box[1] + self.box[3]) / 2 > other.box[3]


@dataclass(frozen=True)
class PageText:
    """The text of page 1, from top to bottom and left to right."""

    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Found:
    """A value that was read: as text, how sure (0 to 1), and where."""

    value: str
    confidence: float
    box: Box


@dataclass(frozen=True)
class Reading:
    """What page 1 says; None where nothing was found.

    Args:
        number: digits without leading zeros; a draft has none.
        symbol: what follows the number and the slash.
        date: ISO 8601.
        issuer: name of the issuing body as printed, without its parent.
        subject: "V/v ..." of an official letter, the abstract of any other kind without "Về việc".
        title: as printed, such as "QUYẾT ĐỊNH"; official letters have none.
        signer: the name under the capacity, when the letter ends on this page.
        due: last day of what the text asks for "before" a day or "at the latest" on it; ISO 8601, never quite sure.
    """

    number: Found | None = None
    symbol: Found | None = None
    date: Found | None = None
    issuer: Found | None = None
    subject: Found | None = None
    title: Found | None = None
    signer: Found | None = None
    due: Found | None = None


def as_dict(reading: Reading) -> dict[str, Any]:
    """Return the reading as JSON values: name -> None or value, confidence in percent, box."""

    def plain(found: Found | None) -> dict[str, Any] | None:
        if found is None:
            return None
        box = [round(edge, 4) for edge in found.box]
        return {"value": found.value, "confidence": round(found.confidence * 100), "box": box}

    return {name: plain(getattr(reading, name)) for name in Reading.__dataclass_fields__}


# From the file to segments


def extract(data: bytes) -> PageText:
    """Open a PDF and return the text of its first page; runs in the sandbox.

    Raises:
        pypdfium2.PdfiumError: not a PDF that can be opened.
    """
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    try:
        document.init_forms()
        page = document[0]
        if document.formenv is not None:
            page.flatten()  # number and date of an issued document stand in form fields
            page = document[0]
        return PageText(tuple(_segments(_glyphs(page))))
    finally:
        document.close()


@dataclass(frozen=True)
class _Glyph:
    text: str  # a letter with its marks
    box: Box
    bold: bool
    after_space: bool

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]

    @property
    def centre(self) -> float:
        return (self.box[1] + self.box[3]) / 2


def _glyphs(page: Any) -> list[_Glyph]:
    """The visible letters in the order of the file; what kerning, stretching or a table did to them does not matter."""
    from pypdfium2 import raw

    text = page.get_textpage()
    turned = _Turned(page.get_bbox(), page.get_rotation())
    found: list[_Glyph] = []
    after_space = False
    for index in range(min(text.count_chars(), _MOST_LETTERS)):
        letter = chr(raw.FPDFText_GetUnicode(text.raw, index))
        if letter.isspace() or not letter.isprintable():
            after_space = after_space or raw.FPDFText_IsGenerated(text.raw, index) != 1
        elif unicodedata.combining(letter) and found:
            found[-1] = replace(found[-1], text=found[-1].text + letter)
        else:
            # Loose boxes reach from ascender to descender, so that all letters of a line are equally high.
            box = turned.box(text.get_charbox(index, loose=True))
            if box[0] < box[2] and box[1] < box[3]:
                bold = raw.FPDFText_GetFontWeight(text.raw, index) >= 600 or _is_bold(text, index)
                found.append(_Glyph(letter, box, bold, after_space))
                after_space = False
    return found


def _is_bold(text: Any, index: int) -> bool:
    """Tell by the font's name; most producers state no weight."""
    import ctypes

    from pypdfium2 import raw

    name = ctypes.create_string_buffer(64)
    raw.FPDFText_GetFontInfo(text.raw, index, name, 64, ctypes.c_int())
    return b"bold" in name.raw.lower()


class _Turned:
    """Brings boxes of a page's own coordinates to what is seen on the screen."""

    def __init__(self, page: tuple[float, float, float, float], rotation: int) -> None:
        self._left, self._bottom, right, top = page
        self._width, self._height = max(right - self._left, 1), max(top - self._bottom, 1)
        self._rotation = rotation

    def box(self, box: tuple[float, float, float, float]) -> Box:
        left, right = (box[0] - self._left) / self._width, (box[2] - self._left) / self._width
        bottom, top = (box[1] - self._bottom) / self._height, (box[3] - self._bottom) / self._height
        if self._rotation == 90:
            return bottom, left, top, right
        if self._rotation == 180:
            return 1 - right, bottom, 1 - left, top
        if self._rotation == 270:
            return 1 - top, 1 - right, 1 - bottom, 1 - left
        return left, 1 - top, right, 1 - bottom


def _segments(glyphs: Iterable[_Glyph]) -> Iterator[Segment]:
    """Put letters together to lines and cut these where a column ends."""
    rows: list[list[_Glyph]] = []
    for glyph in sorted(glyphs, key=lambda item: (item.centre, item.box[0])):
        if rows and abs(rows[-1][0].centre - glyph.centre) < 0.4 * rows[-1][0].height:
            rows[-1].append(glyph)
        else:
            rows.append([glyph])
    for row in rows:
        row.sort(key=lambda item: item.box[0])
        begin = 0
        for index in range(1, len(row) + 1):
            # Heights are shares of the page's height, gaps of its width: about 1.4 on every upright sheet.
            if index == len(row) or row[index].box[0] - row[index - 1].box[2] > 0.8 * row[index - 1].height:
                yield _segment(row[begin:index])
                begin = index


def _segment(row: Sequence[_Glyph]) -> Segment:
    text = row[0].text
    for last, glyph in pairwise(row):
        is_word = glyph.after_space or glyph.box[0] - last.box[2] > 0.22 * glyph.height
        text += (" " if is_word else "") + glyph.text
    return Segment(tidy(text), _around(row), sum(glyph.bold for glyph in row) * 2 > len(row))


# From segments to a reading

_LETTERS = "A-ZÀ-ỸĐa-zà-ỹđ"
_GROUP = rf"[{_LETTERS}0-9.&]+"
_NUMBER = re.compile(
    rf"^s[ốôo]\s*[:.]?\s*(?:0*(?P<number>[1-9][0-9]{{0,6}})|[\s.…_]*)\s*/\s*"
    rf"(?P<symbol>(?:[0-9]{{4}}\s*/\s*)?{_GROUP}(?:\s*[-–]\s*{_GROUP})*)[\s.…_]*$",
    re.IGNORECASE,
)
_BOTH = re.compile(r"^(?P<number>s[ốôo]\b[^/]{0,20}/\s*\S+)\s+(?P<date>\S[^/,]{1,60},\s*ng[àa]y\b.*)$", re.IGNORECASE)
_PLACE = r"^(?P<place>[^:;]{2,60},\s*)?"
_DATES = (
    re.compile(_PLACE + r"ng[àa]y\s*(\d{1,2})\s*th[áa]ng\s*(\d{1,2})\s*n[ăa]m\s*(\d{4})\W*$", re.IGNORECASE),
    re.compile(_PLACE + r"(?:ng[àa]y\s*)?(\d{1,2})\s*[/.-]\s*(\d{1,2})\s*[/.-]\s*(\d{4})\W*$", re.IGNORECASE),
)
_ABOUT = re.compile(r"^(?:V\s*/\s*v|Về việc)\b\s*[:.]?\s*", re.IGNORECASE)
_DUE = re.compile(
    r"\b(?P<how>trước|chậm nhất(?:\s+là)?(?:\s+trước)?)"
    r"(?P<end>\s+hết|\s+\d{1,2}\s*(?:giờ|h)(?:\s*\d{2}(?:\s*phút)?)?)?,?\s+ngày\s+"
    r"(\d{1,2})(?:\s*[/.-]\s*|\s+tháng\s+)(\d{1,2})(?:(?:\s*[/.-]\s*|\s+năm\s+)(\d{4}))?(?![\d/])",
    re.IGNORECASE,
)
_CAPACITY = re.compile(
    r"^(?:tm|kt|tl|tuq|q)\.\s|\b(?:giam doc|chu tich|bi thu|truong|chanh|vien truong|tong thu ky|thu truong)\b"
)
_STOP = re.compile(r"^(?:kính gửi|căn cứ|điều \d|phần [IVX\d]+\b|chương [IVX\d]+\b|I\.|1\.|-\s)", re.IGNORECASE)
_NATION = ("cong hoa xa hoi", "doc lap", "dang cong san")
_MARKS = {"khan", "thuong khan", "hoa toc", "mat", "toi mat", "tuyet mat", "xem xong tra lai", "luu hanh noi bo"}
_BODIES = str.split(
    "uy ban|ubnd|hdnd|so|bo|cong ty|tong cong ty|tap doan|truong|dai hoc|hoc vien|hoi|hoi dong|van phong|phong|ban|"
    "chi cuc|cuc|tong cuc|vien|trung tam|tinh uy|thanh uy|dang uy|lien doan|buu dien|ngan hang|toa an|doan|benh vien|"
    "bao hiem|kho bac|thanh tra|dai|chi nhanh|hop tac xa|quy|mat tran|cong an|vu|nha xuat ban|doan thanh nien",
    "|",
)
_KINDS = (
    "NGHỊ QUYẾT|QUYẾT ĐỊNH|CHỈ THỊ|QUY CHẾ|QUY ĐỊNH|THÔNG CÁO|THÔNG BÁO|HƯỚNG DẪN|CHƯƠNG TRÌNH|KẾ HOẠCH|PHƯƠNG ÁN|"
    "ĐỀ ÁN|DỰ ÁN|BÁO CÁO|BIÊN BẢN|TỜ TRÌNH|HỢP ĐỒNG|CÔNG ĐIỆN|BẢN GHI NHỚ|BẢN THỎA THUẬN|GIẤY ỦY QUYỀN|GIẤY MỜI|"
    "GIẤY GIỚI THIỆU|GIẤY NGHỈ PHÉP|PHIẾU GỬI|PHIẾU CHUYỂN|PHIẾU BÁO|THƯ CÔNG"
)  # Decree 30/2020, article 7
_TITLES = {fold(name).replace(" ", ""): name for name in _KINDS.split("|")}


def read(page: PageText) -> Reading:
    """Find what a clerk would copy into the register."""
    sane = [_bounded(item) for item in page.segments[:_MOST_SEGMENTS] if _is_sane(item)]
    segments = [part for item in sane for part in _columns(item)]
    number, symbol = _number(segments)
    below = symbol.box if symbol else None
    title = _title(segments, below)
    written = _date(segments, below)
    return Reading(
        number=number,
        symbol=symbol,
        date=written,
        issuer=_issuer(segments, below) if below else None,
        subject=_about(segments, below) or (_abstract(segments, title) if title else None),
        title=Found(title[0], title[1], title[2].box) if title else None,
        signer=_signer(segments),
        due=_due(segments, date.fromisoformat(written.value)) if written else None,
    )


def _is_sane(item: Segment) -> bool:
    left, top, right, bottom = item.box
    return -0.5 <= left < right <= 1.5 and -0.5 <= top < bottom <= 1.5 and bool(item.text.strip())


def _bounded(item: Segment) -> Segment:
    """The same words, cut to what any value could be, on the sheet."""
    left, top, right, bottom = (min(max(edge, 0.0), 1.0) for edge in item.box)
    return Segment(tidy(item.text[:1000]), (left, top, right, bottom), item.bold)


def _columns(item: Segment) -> Iterator[Segment]:
    """Divide a line on which number and date stand so close that they were taken for one."""
    match = _BOTH.match(item.text)
    if match is None:
        yield item
        return
    left, top, right, bottom = item.box
    cut = left + (right - left) * match.start("date") / len(item.text)
    yield Segment(match["number"], (left, top, cut, bottom), item.bold)
    yield Segment(match["date"], (cut, top, right, bottom), item.bold)


def _number(segments: Sequence[Segment]) -> tuple[Found | None, Found | None]:
    for item in segments:
        if item.box[1] > 0.45 or item.box[0] > 0.45 or not fold(item.text).startswith("so"):
            continue
        for words, box in _with_neighbours(segments, item, until=0.55):
            match = _NUMBER.match(words)
            if match is None:
                continue
            sure = 0.99 if item.box[1] < 0.35 else 0.7
            symbol = re.sub(r"\s*[-–]\s*", "-", match["symbol"]).replace(" ", "").strip("-.")
            if match["number"] is None and "-" not in symbol:
                continue  # "Số: ... / ..." of a form
            number = Found(match["number"], sure, box) if match["number"] else None
            return number, Found(symbol, sure, box) if symbol else None
    return None, None


def _date(segments: Sequence[Segment], number: Box | None) -> Found | None:
    """Box 4, on the line of the number; dates of the body stand within sentences."""
    for item in segments:
        top, bottom = (number[1] - 0.05, number[3] + 0.05) if number else (0.0, 0.35)
        if not top <= item.box[1] <= bottom or item.box[2] < 0.5:
            continue
        for words, box in _with_neighbours(segments, item, until=1.0):
            match = next(filter(None, (form.match(words) for form in _DATES)), None)
            if match is None or (match["place"] is None and item.box[0] < 0.5):
                continue
            try:
                day = date(int(match[4]), int(match[3]), int(match[2]))
            except ValueError:
                continue
            return Found(day.isoformat(), 0.99 if match["place"] and day.year > 1945 else 0.6, box)
    return None


def _with_neighbours(segments: Sequence[Segment], item: Segment, *, until: float) -> Iterator[tuple[str, Box]]:
    """The words of a segment, then with ever more of what follows it on the line: blanks were left to be filled in."""
    taken = [item]
    yield item.text, item.box
    row = [
        other
        for other in segments
        if other is not item
        and item.box[2] - 0.01 <= other.box[0] < until
        and abs((other.box[1] + other.box[3]) - (item.box[1] + item.box[3])) < item.height
    ]
    for other in sorted(row, key=lambda found: found.box[0])[:10]:
        if other.box[0] - taken[-1].box[2] > 0.13:
            return
        taken.append(other)
        yield tidy(" ".join(found.text for found in taken)), _around(taken)


def _issuer(segments: Sequence[Segment], number: Box) -> Found | None:
    """Box 2: the lines above the number; the parent's are not bold, the issuer's begin with a word for a body."""
    lines = [
        item
        for item in segments
        if item.box[1] < number[1]
        and item.box[3] <= number[3]
        and item.box[0] < 0.45
        and item.middle < 0.5
        and len(re.findall(f"[{_LETTERS}]", item.text)) >= 2
        and not fold(item.text).startswith(_NATION)
    ][-6:]
    if not lines:
        return None
    begin = len(lines)
    while begin and lines[begin - 1].bold:
        begin -= 1
    sure = 0.95
    if begin in (0, len(lines)):  # all or none are bold, so words have to tell
        starts = [index for index, item in enumerate(lines) if _is_body(item.text)]
        begin = starts[-1] if starts and len(lines) - starts[-1] <= 4 else len(lines) - 1
        sure = 0.85 if starts else 0.6
    named = lines[begin:]
    name = tidy(" ".join(item.text for item in named)).strip(" -–_*.")
    return Found(name, sure, _around(named)) if name else None


def _is_body(text: str) -> bool:
    words = fold(text)
    return any(words == body or words.startswith(body + " ") for body in _BODIES)


def _about(segments: Sequence[Segment], number: Box | None) -> Found | None:
    """Box 5b: "V/v ..." under the number, in the column of the number."""
    for item in segments:
        is_below = number is None or item.box[1] > number[1]
        if is_below and item.box[1] < 0.5 and item.middle < 0.48 and _ABOUT.match(item.text):
            lines = [item]
            for other in segments:
                if not other.is_below(lines[-1]) or other.box[0] > 0.5 or other.box[2] > 0.62:
                    continue  # above, or in the other column
                if _ends_block(lines, other):
                    break
                lines.append(other)
            words = _ABOUT.sub("", tidy(" ".join(line.text for line in lines)))
            if words:
                return Found(f"V/v {words}", 0.95, _around(lines))
    return None


def _title(segments: Sequence[Segment], number: Box | None) -> tuple[str, float, Segment] | None:
    """Box 5a: capitals in the middle, the name of one of the kinds, or at least something short."""
    for item in segments:
        is_below = number is None or item.box[1] > number[1]
        if not is_below or not 0.1 < item.box[1] < 0.55 or item.text != item.text.upper():
            continue
        for words, box in _with_neighbours(segments, item, until=0.8):
            whole = Segment(words, box, item.bold)
            known = _TITLES.get(fold(words).replace(" ", ""))
            if known and abs(whole.middle - 0.52) < 0.1:
                is_spaced = all(len(word) == 1 for word in words.split())  # "Q U Y Ế T   Đ Ị N H"
                return known if is_spaced else words, 0.95, whole
        letters = len(re.findall(f"[{_LETTERS}]", item.text))
        if number and item.bold and abs(item.middle - 0.52) < 0.1 and letters > 4 and 2 <= len(item.text.split()) <= 4:
            return item.text, 0.6, item
    return None


def _abstract(segments: Sequence[Segment], title: tuple[str, float, Segment]) -> Found | None:
    """The lines under a title, centred like it, up to the body."""
    head = title[2]
    lines: list[Segment] = []
    for other in segments:
        if not other.is_below(lines[-1] if lines else head):
            continue
        is_centred = abs(other.middle - head.middle) < 0.06
        if not is_centred or (head.bold and not other.bold) or _ends_block([head, *lines], other):
            break
        if lines and other.text == other.text.upper() and lines[-1].text != lines[-1].text.upper():
            break  # "GIÁM ĐỐC SỞ NỘI VỤ": who decides
        lines.append(other)
    words = _ABOUT.sub("", tidy(" ".join(line.text for line in lines)))
    return Found(words, 0.9 if head.bold else 0.75, _around(lines)) if words else None


def _signer(segments: Sequence[Segment]) -> Found | None:
    """Box 7b: the name under the last line of the capacity, in the right half."""
    right = [item for item in segments if item.middle > 0.5 and item.box[1] > 0.25]
    capacity = [item for item in right if item.text == item.text.upper() and _CAPACITY.search(fold(item.text))]
    for item in right if capacity else ():
        words = item.text.split()
        is_name = 2 <= len(words) <= 6 and all(re.fullmatch(f"[{_LETTERS}]+", word) for word in words)
        is_under = item.is_below(capacity[-1]) and abs(item.middle - capacity[-1].middle) < 0.08
        if is_under and is_name and all(word[0].isupper() and not word.isupper() for word in words):
            return Found(item.text, 0.95 if item.bold else 0.75, item.box)
    return None


def _due(segments: Sequence[Segment], written: date) -> Found | None:
    """What is asked for by a day; days before the letter's own are history. Of several the first ends first."""
    found: dict[str, Found] = {}
    for index, item in enumerate(segments):
        after = next((other.text for other in segments[index + 1 :] if other.is_below(item) and other.box[0] < 0.5), "")
        for match in _DUE.finditer(f"{item.text} {after}"):
            day = _day(match, written)
            if day is None or match.start() >= len(item.text):
                continue
            left, top, right, bottom = item.box
            step = (right - left) / len(item.text)
            end = min(match.end(), len(item.text))
            box = (left + step * match.start(), top, left + step * end, bottom)
            found.setdefault(day.isoformat(), Found(day.isoformat(), 0.74, box))
    if not found:
        return None
    first = found[min(found)]
    return first if len(found) == 1 else replace(first, confidence=0.5)


def _day(match: re.Match[str], written: date) -> date | None:
    """The last day in time: "before a day" is the day before it, a year that is not said the next possible one."""
    number, month, year = match[3], match[4], match[5]
    for guess in [int(year)] if year else [written.year, written.year + 1]:
        try:
            day = date(guess, int(month), int(number))
        except ValueError:
            return None
        if match["how"].casefold() == "trước" and not match["end"] and day > written:
            day -= timedelta(days=1)
        if written <= day < written + timedelta(days=3650 if year else 180):
            return day
    return None


def _ends_block(lines: Sequence[Segment], item: Segment) -> bool:
    gap = item.box[1] - lines[-1].box[3]
    is_apart = gap > 0.9 * lines[-1].height
    return is_apart or len(lines) > 8 or bool(_STOP.match(item.text)) or fold(item.text) in _MARKS


def _around(items: Sequence[Segment] | Sequence[_Glyph]) -> Box:
    return (
        min(item.box[0] for item in items),
        min(item.box[1] for item in items),
        max(item.box[2] for item in items),
        max(item.box[3] for item in items),
    )

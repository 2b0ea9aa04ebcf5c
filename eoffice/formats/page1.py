"""Reads number and symbol, date, issuer, subject and title from the text of a letter's first page.

Written for the layout of Decree 30/2020, Annex I, as any producer sets it: issuer and number at the top left, nation
and date at the top right, "V/v" under the number or a title in the middle. Never raises on what it does not understand:
what was not found is None. ``extract`` opens the PDF and belongs into the sandbox; ``read`` is pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the page (0 to 1, top down)."""


@dataclass(frozen=True)
class Segment:
    """Words that stand together on one line."""

    text: str
    box: Box

    @property
    def middle(self) -> float:
        return (self.box[0] + self.box[2]) / 2

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]


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
    """What page 1 says; None where nothing was found. ``date`` is ISO 8601, ``title`` as printed ("QUYẾT ĐỊNH")."""

    number: Found | None = None
    symbol: Found | None = None
    date: Found | None = None
    issuer: Found | None = None
    subject: Found | None = None
    title: Found | None = None


def as_dict(reading: Reading) -> dict[str, Any]:
    """Return the reading as JSON values: name -> None or value, confidence in percent, box."""

    def plain(found: Found | None) -> dict[str, Any] | None:
        if found is None:
            return None
        box = [round(edge, 4) for edge in found.box]
        return {"value": found.value, "confidence": round(found.confidence * 100), "box": box}

    return {name: plain(getattr(reading, name)) for name in Reading.__dataclass_fields__}


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
        width, height = page.get_size()
        text = page.get_textpage()
        letters = text.get_text_range()
        runs: list[_Run] = [_Run()]
        for index, letter in enumerate(letters[:20_000]):
            if letter in "\r\n":
                runs.append(_Run())
            elif not letter.isspace():
                left, bottom, right, top = text.get_charbox(index)
                box = (left / width, 1 - top / height, right / width, 1 - bottom / height)
                if not runs[-1].continues(box):
                    runs.append(_Run())
                runs[-1].add(letter, box)
            else:
                runs[-1].space()
    finally:
        document.close()
    return PageText(tuple(_joined(run.segment() for run in runs if run.boxes)))


class _Run:
    """Letters that follow one another on one line."""

    def __init__(self) -> None:
        self.text = ""
        self.boxes: list[Box] = []

    def continues(self, box: Box) -> bool:
        if not self.boxes:
            return True
        last = self.boxes[-1]
        same_line = last[1] - 0.004 < (box[1] + box[3]) / 2 < last[3] + 0.004
        return same_line and -0.02 < box[0] - last[2] < 0.045

    def add(self, letter: str, box: Box) -> None:
        self.text += letter
        self.boxes.append(box)

    def space(self) -> None:
        self.text += " "

    def segment(self) -> Segment:
        lefts, tops, rights, bottoms = zip(*self.boxes, strict=True)
        return Segment(_tidy(self.text), (min(lefts), min(tops), max(rights), max(bottoms)))


def _tidy(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).replace("\u00ad", "").split())


def _joined(segments: Iterable[Segment]) -> list[Segment]:
    """Put together what stands side by side on one line with no more than a gap between words."""
    rows: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda item: (item.box[1] + item.box[3], item.box[0])):
        centre = (segment.box[1] + segment.box[3]) / 2
        last = rows[-1] if rows else None
        if last and last[0].box[1] <= centre <= last[0].box[3]:
            last.append(segment)
        else:
            rows.append([segment])
    lines: list[Segment] = []
    for row in rows:
        line: Segment | None = None
        for segment in sorted(row, key=lambda item: item.box[0]):
            if line is not None and segment.box[0] - line.box[2] < 0.045:
                space = "" if segment.box[0] - line.box[2] < 0.002 else " "
                box = (
                    line.box[0],
                    min(line.box[1], segment.box[1]),
                    max(line.box[2], segment.box[2]),
                    max(line.box[3], segment.box[3]),
                )
                line = Segment(_tidy(line.text + space + segment.text), box)
            else:
                lines += [line] if line else []
                line = segment
        lines += [line] if line else []
    return lines


_LETTER = "A-ZÀ-ỸĐa-zà-ỹđ"
_NUMBER = re.compile(
    rf"^s[ốôo]\s*[:.]?\s*0*([1-9][0-9]{{0,6}})\s*/\s*((?:[0-9]{{4}}\s*/\s*)?[{_LETTER}0-9.&]+(?:\s*[-–]\s*[{_LETTER}0-9.&]+)*)",
    re.IGNORECASE,
)
_DATE = re.compile(r"ng[àa]y\s*([0-9]{1,2})\s*th[áa]ng\s*([0-9]{1,2})\s*n[ăa]m\s*([0-9]{4})", re.IGNORECASE)
_ABOUT = re.compile(r"^(?:V\s*/\s*v|Về việc)\b[:.]?\s*", re.IGNORECASE)
_STOP = re.compile(r"^(?:kính gửi|căn cứ|theo |thực hiện|điều |để |ngày |phần |chương |i\.|1\.|- )", re.IGNORECASE)
_NATION = re.compile(r"cộng\s*hòa\s*xã\s*hội|cộng\s*hoà\s*xã\s*hội|độc\s*lập", re.IGNORECASE)
_STARTS = tuple(
    sorted(
        {
            "ủy ban", "uỷ ban", "sở", "bộ", "công ty", "tổng công ty", "tập đoàn", "trường", "đại học", "học viện",
            "hội", "hội đồng", "văn phòng", "phòng", "ban", "chi cục", "cục", "tổng cục", "viện", "trung tâm",
            "tỉnh ủy", "tỉnh uỷ", "liên đoàn", "bưu điện", "ngân hàng", "tòa án", "toà án", "đoàn", "bệnh viện",
            "bảo hiểm", "kho bạc", "thanh tra", "đài", "chi nhánh", "hợp tác xã", "quỹ", "mặt trận", "công an",
        },
        key=len,
        reverse=True,
    )
)  # fmt: skip


def read(page: PageText) -> Reading:
    """Find what a clerk would copy into the register."""
    segments = page.segments
    number, symbol, at = _number(segments)
    return Reading(
        number=number,
        symbol=symbol,
        date=_date(segments),
        issuer=_issuer(segments, at),
        **_subject(segments, at),
    )


def _number(segments: Sequence[Segment]) -> tuple[Found | None, Found | None, int | None]:
    for index, segment in enumerate(segments):
        match = _NUMBER.match(segment.text)
        if match is None or segment.box[1] > 0.6:
            continue
        sure = 0.99 if segment.box[0] < 0.4 and segment.box[1] < 0.35 else 0.7
        words = re.sub(r"\s*[-–]\s*", "-", match[2]).replace(" ", "").strip("-.")
        return Found(match[1], sure, segment.box), Found(words, sure, segment.box), index
    return None, None, None


def _date(segments: Sequence[Segment]) -> Found | None:
    for segment in segments:
        match = _DATE.search(segment.text)
        if match is None or segment.box[1] > 0.35:
            continue
        try:
            day = date(int(match[3]), int(match[2]), int(match[1]))
        except ValueError:
            continue
        sure = 0.99 if segment.middle > 0.5 and segment.box[1] < 0.35 else 0.6
        return Found(day.isoformat(), sure, segment.box)
    return None


def _issuer(segments: Sequence[Segment], at: int | None) -> Found | None:
    if at is None:
        return None
    top = segments[at].box[1]
    left = [
        item
        for item in segments
        if item.box[3] <= top + 0.005 and item.middle < 0.47 and item.box[0] < 0.42 and not _NATION.search(item.text)
    ]
    named = [item for item in left if len(re.findall(rf"[{_LETTER}]", item.text)) >= 3][-5:]
    if not named:
        return None
    begin = max((i for i, item in enumerate(named) if item.text.casefold().startswith(_STARTS)), default=len(named) - 1)
    if begin + 2 < len(named):
        begin = len(named) - 1  # more than two lines after it: rather the last line alone
    lines = named[begin:]
    text = " ".join(item.text for item in lines).strip(" -_*")
    upper = text == text.upper()
    return Found(text, 0.95 if upper else 0.7, _around(lines)) if text else None


def _subject(segments: Sequence[Segment], at: int | None) -> dict[str, Found | None]:
    for index, segment in enumerate(segments):
        if segment.box[1] < 0.55 and _ABOUT.match(segment.text) and (at is None or index > at):
            lines = _block(segments, index, column=segment)
            words = _ABOUT.sub("", " ".join(item.text for item in lines)).strip()
            if words:
                prefix = "V/v " if segment.middle < 0.5 else ""
                return {"subject": Found(prefix + words, 0.95, _around(lines)), "title": _title(segments, at)}
    title = _title(segments, at)
    if title is None:
        return {"subject": None, "title": None}
    index = next(i for i, item in enumerate(segments) if item.box == title.box)
    lines = _block(segments, index + 1, column=segments[index]) if index + 1 < len(segments) else []
    words = " ".join(item.text for item in lines).strip()
    return {"subject": Found(words, 0.85, _around(lines)) if words else None, "title": title}


def _title(segments: Sequence[Segment], at: int | None) -> Found | None:
    if at is None:
        return None
    below = segments[at].box[3]
    for item in segments:
        centred = abs(item.middle - 0.52) < 0.09
        letters = re.sub(rf"[^{_LETTER}]", "", item.text)
        if below <= item.box[1] < 0.5 and centred and len(letters) > 4 and letters == letters.upper():
            return Found(item.text, 0.9, item.box) if len(item.text.split()) <= 4 else None
    return None


def _block(segments: Sequence[Segment], index: int, *, column: Segment) -> list[Segment]:
    """The lines from ``index`` on that stand below one another in the same column, up to a gap or a new beginning."""
    lines: list[Segment] = []
    for item in segments[index:]:
        if lines:
            gap = item.box[1] - lines[-1].box[3]
            if item.box[1] < lines[-1].box[3] - 0.004 or abs(item.middle - column.middle) > 0.14:
                continue  # beside, in the other column
            if gap > max(lines[-1].height, 0.008) * 0.9 or _STOP.match(item.text):
                break
        elif _STOP.match(item.text):
            break
        lines.append(item)
        if len(lines) == 8:
            break
    return lines


def _around(lines: Sequence[Segment]) -> Box:
    return (
        min(item.box[0] for item in lines),
        min(item.box[1] for item in lines),
        max(item.box[2] for item in lines),
        max(item.box[3] for item in lines),
    )

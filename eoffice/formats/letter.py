"""Draws an administrative document as Decree 30/2020 wants it (Annex I), as a draft to sign or as issued.

A draft leaves the number and the whole date open as form fields, and carries the two signature fields already:
a field added after the leader's signature would break it. Field names: ``so``, ``ngay``, ``thang``, ``nam``
(text), ``leader``, ``agency`` (signatures). The same letter always gives the same bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFObjectReference, PDFString
from reportlab.pdfbase.pdfmetrics import getFont
from reportlab.pdfgen.canvas import Canvas

from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_
from eoffice.core.text import tidy
from eoffice.formats.typeset import (
    BOLD,
    BOLD_ITALIC,
    ITALIC,
    MM,
    REGULAR,
    Line,
    Style,
    break_lines,
    draw_block,
    draw_line,
    drawing,
    load_fonts,
    width_of,
)

NATION = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
MOTTO = "Độc lập - Tự do - Hạnh phúc"
TEST_MARK = "CHỨNG THƯ THỬ NGHIỆM – không có giá trị pháp lý"
URGENCY = {"normal": "", "urgent": "KHẨN", "very_urgent": "THƯỢNG KHẨN", "express": "HỎA TỐC"}
CIRCULATION = {
    "none": "",
    "return_after_reading": "XEM XONG TRẢ LẠI",
    "internal_circulation": "LƯU HÀNH NỘI BỘ",
}

_ENACTING = {"decision": "QUYẾT ĐỊNH:", "resolution": "QUYẾT NGHỊ:"}
_URGENCY_WIDTH = {"KHẨN": 20 * MM, "THƯỢNG KHẨN": 40 * MM, "HỎA TỐC": 30 * MM}  # box 10b
_LETTER, _PUBLIC_LETTER = "official_letter", "public_letter"

# Margins of section I: top and bottom 20-25 mm, left 30-35 mm, right 15-20 mm.
_WIDTH, _HEIGHT = A4
_LEFT, _RIGHT, _TOP, _BOTTOM = 30 * MM, 18 * MM, 20 * MM, 20 * MM
_TEXT = _WIDTH - _LEFT - _RIGHT
_WEST = 62 * MM  # column of the issuing body (boxes 2, 3, 5b)
_EAST_X, _EAST = 94 * MM, _WIDTH - _RIGHT - 94 * MM  # column of the nation's name and the date (boxes 1, 4)
_SIGNER_X, _SIGNER = 114 * MM, 76 * MM  # column of the signer (box 7)
_NOTED = 74 * MM  # column of the recipients' list (box 9b)
_LEADER_BOX = (46 * MM, 21 * MM)  # the handwritten signature
_SEAL = 36 * MM  # the seal's real size
_SIGNING_ROOM = 39 * MM  # from the last line of the title to the name

_RED = (0.8, 0.05, 0.05)
_NATION = Style(BOLD, 13, 16.5, "centre")
_MOTTO = Style(BOLD, 14, 17, "centre")
_PARENT = Style(REGULAR, 13, 16.5, "centre")
_AGENCY = Style(BOLD, 13, 16.5, "centre")
_NUMBER = Style(REGULAR, 13, 16, "centre")
_DATE = Style(ITALIC, 14, 17, "centre")
_ABOUT = Style(REGULAR, 12, 14.5, "centre")
_TITLE = Style(BOLD, 14, 18, "centre")
_CENTRED = Style(REGULAR, 14, 18.5, "centre")
_BODY = Style(REGULAR, 14, 18.5, "justify", first=12.7 * MM)
_GROUND = Style(ITALIC, 14, 18, "justify", first=12.7 * MM)
_ADDRESSEE = Style(REGULAR, 14, 18.5, first=-8)
_NOTED_HEAD = Style(BOLD_ITALIC, 12, 14)
_NOTED_LINE = Style(REGULAR, 11, 13, first=-5.5)
_FOOT = Style(REGULAR, 11, 13, "centre")
_TEST = Style(REGULAR, 9, 11, "centre", colour=(0.35, 0.35, 0.35))
_PARAGRAPH_GAP = 6.0


class RecipeInvalid(InvalidInput):
    """Stored data do not describe a letter."""

    code = "recipe_invalid"
    message = N_("This draft cannot be drawn. Nothing was lost. Please open the form and save it again.")


@dataclass(frozen=True)
class Kind:
    """Kind of a document.

    Args:
        code: word such as ``decision``; ``official_letter`` (công văn) and ``public_letter`` carry no title.
        name: Vietnamese name, such as "Quyết định".
        symbol: official abbreviation, "" where there is none (Annex III).
    """

    code: str
    name: str
    symbol: str = ""


@dataclass(frozen=True)
class Letter:
    """What is written on the paper; boxes as numbered in Annex I.

    Args:
        parent, agency: names of box 2 in any case (they are set in capitals); parent "" where there is none.
        place: of box 4, such as "An Bình".
        kind: what kind of document it is.
        symbol: what follows the number and the slash, such as "SNV-VTLT" or "QĐ-SNV".
        subject: abstract (trích yếu) without "V/v" or "Về việc" unless it is to be printed.
        paragraphs: the body; ``**words**`` are bold, "Điều 1." at the beginning is bold by itself.
        capacity: lines over the signature, such as ("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC").
        signer: name under it.
        recipients: Kính gửi, without dashes and final marks.
        authority: line before the grounds, such as "GIÁM ĐỐC SỞ NỘI VỤ".
        grounds: căn cứ, without final marks.
        noi_nhan: lines of box 9b without dashes and final marks.
        drafter: mark of box 12.
        urgency: word of ``URGENCY``; circulation: word of ``CIRCULATION``.
        contact: lines of box 13, foot of page 1.
        number, issued: printed when given; left open as form fields when not.
        test: a test certificate will sign; every page says so.
    """

    agency: str
    place: str
    kind: Kind
    symbol: str
    subject: str
    paragraphs: tuple[str, ...]
    capacity: tuple[str, ...]
    signer: str
    parent: str = ""
    recipients: tuple[str, ...] = ()
    authority: str = ""
    grounds: tuple[str, ...] = ()
    noi_nhan: tuple[str, ...] = ()
    drafter: str = ""
    urgency: str = "normal"
    circulation: str = "none"
    contact: tuple[str, ...] = ()
    number: str = ""
    issued: date | None = None
    test: bool = False

    def to_recipe(self) -> dict[str, Any]:
        """Return the letter as JSON values, to be kept instead of its bytes."""
        recipe = asdict(self)
        recipe["issued"] = self.issued.isoformat() if self.issued else None
        return {name: list(value) if isinstance(value, tuple) else value for name, value in recipe.items()}

    @classmethod
    def from_recipe(cls, recipe: Any) -> Letter:
        """Make a letter from what ``to_recipe`` returned; values left out take their defaults.

        Raises:
            RecipeInvalid: something is missing, unknown or of another type; ``fact`` names it.
        """
        if not isinstance(recipe, dict):
            raise RecipeInvalid(fact="recipe")
        known = {field.name: str(field.type) for field in fields(cls)}
        values = {name: _checked(name, value, known) for name, value in recipe.items()}
        try:
            letter = cls(**values)
        except TypeError as error:
            raise RecipeInvalid(fact=str(error)) from None
        if letter.urgency not in URGENCY or letter.circulation not in CIRCULATION:
            raise RecipeInvalid(fact="urgency")
        return letter


def render(letter: Letter) -> bytes:
    """Draw a letter; with number and date left out it is a draft with form and signature fields.

    Returns:
        PDF 1.7, fonts embedded as subsets, the same bytes for the same letter.
    """
    with drawing:
        return _Paper(letter).draw()


def incoming_letter(letter: Letter, *, number: str, issued: date) -> bytes:
    """Draw a letter as another body would have sent it: number and date printed, no fields."""
    return render(replace(letter, number=number, issued=issued))


def render_scan(letter: Letter, *, dpi: int = 150) -> bytes:
    """Draw a letter as a scanner would have read it from paper: pages are grey pictures without text.

    Args:
        letter: number and date should be given; a scan has no fields.
        dpi: dots per inch.
    """
    from eoffice.formats.pictures import as_scan

    return as_scan(render(letter), dpi=dpi)


def date_line(place: str, issued: date) -> str:
    """Return box 4: day below 10 and months 1 and 2 with a zero, other months without (Annex I, section II.4)."""
    month = f"{issued.month:02d}" if issued.month < 3 else str(issued.month)
    return f"{place}, ngày {issued.day:02d} tháng {month} năm {issued.year}"


@dataclass(frozen=True)
class _Row:
    """One line of the body, and where a page may not end."""

    line: Line
    style: Style
    gap: float  # points above it, unless it comes first on a page
    may_begin_page: bool


class _Paper:
    """One letter on its way to paper: a canvas, the current page and the height still free on it."""

    def __init__(self, letter: Letter) -> None:
        load_fonts()
        self.letter = letter
        self.is_draft = not letter.number and not letter.issued
        self.out = io.BytesIO()
        self.canvas = Canvas(
            self.out,
            pagesize=A4,
            invariant=1,
            pageCompression=1,
            pdfVersion=(1, 7),
            lang="vi-VN",
            initialFontName=REGULAR,  # else Helvetica is named on each page and not embedded
        )
        self.page = 1
        self.y = _HEIGHT - _TOP
        self.floor = _BOTTOM
        self.widgets: list[PDFObjectReference] = []

    def draw(self) -> bytes:
        """Draw everything and return the file."""
        self._describe()
        self._foot()
        self._head()
        self._marks()
        self._headline()
        self._recipients()
        self._body_and_closing()
        self._form()
        self.canvas.showPage()
        self.canvas.save()
        return self.out.getvalue()

    def _describe(self) -> None:
        letter = self.letter
        self.canvas.setTitle(f"{letter.kind.name} {letter.number}{_tail(letter)} {tidy(letter.subject)}".strip())
        self.canvas.setAuthor(tidy(letter.agency))
        self.canvas.setSubject(tidy(letter.subject))
        self.canvas.setCreator("eoffice")
        self.canvas.setProducer("eoffice")

    # The upper part of page 1

    def _head(self) -> None:
        letter = self.letter
        top = self.y - 13
        west = self._stack(top, _LEFT, _WEST, (tidy(letter.parent).upper(), _PARENT), (_caps(letter.agency), _AGENCY))
        issuer = break_lines(_caps(letter.agency), _AGENCY, _WEST)
        self._rule(_LEFT + _WEST / 2, west + 10.5, 0.42 * max((line.width for line in issuer), default=0))
        east = self._stack(top, _EAST_X, _EAST, (NATION, _NATION), (MOTTO, _MOTTO))
        self._rule(_EAST_X + _EAST / 2, east + 11.5, width_of(MOTTO, _MOTTO.font, _MOTTO.size))
        self.y = min(west, east) - 9
        self._number_and_date()
        if letter.kind.code == _LETTER and letter.subject:
            lines = break_lines(_about(letter.subject), _ABOUT, _WEST)
            self.y = draw_block(self.canvas, lines, _ABOUT, x=_LEFT, y=self.y - 4, width=_WEST) - 2

    def _number_and_date(self) -> None:
        letter = self.letter
        place = tidy(letter.place)
        if self.is_draft:
            self._blanks(_LEFT, _WEST, _NUMBER, (("Số: ", "so", 37), (_tail(letter), "", 0)))
            dated = ((f"{place}, ngày ", "ngay", 21), (" tháng ", "thang", 21), (" năm ", "nam", 33))
            self._blanks(_EAST_X, _EAST, _DATE, dated)
            self.y -= _NUMBER.leading
            return
        below = self._stack(self.y, _LEFT, _WEST, (f"Số: {tidy(letter.number)}{_tail(letter)}", _NUMBER))
        dated_line = date_line(place, letter.issued) if letter.issued else ""
        self.y = min(below, self._stack(self.y, _EAST_X, _EAST, (dated_line, _DATE)))

    def _blanks(self, x: float, width: float, style: Style, parts: Sequence[tuple[str, str, float]]) -> None:
        """Draw words with open fields between them on one line, smaller if they would not fit."""
        wide = sum(width_of(words, style.font, style.size) + room for words, _, room in parts)
        scale = min(1.0, (width - 3 * MM) / wide)  # number and date must not run into each other
        size = style.size * scale
        x += (width - wide * scale) / 2
        self.canvas.setFillColorRGB(*style.colour)
        for words, field, room in parts:
            self.canvas.setFont(style.font, size)
            self.canvas.drawString(x, self.y, words)
            x += width_of(words, style.font, size)
            if field:
                box = (x, self.y - 0.3 * size, x + room * scale, self.y + 0.95 * size)
                self._text_field(field, box, style.font, size)
            x += room * scale

    def _marks(self) -> None:
        """Boxes 10b and 11, under the number or the abstract."""
        urgency = URGENCY[self.letter.urgency]
        if urgency:
            self._boxed(urgency, _URGENCY_WIDTH[urgency], _RED)
        circulation = CIRCULATION[self.letter.circulation]
        if circulation:
            self._boxed(circulation, width_of(circulation, BOLD, 13) + 16, (0, 0, 0))

    def _boxed(self, words: str, width: float, colour: tuple[float, float, float]) -> None:
        height = 8 * MM
        size = min(13.0, 13.0 * (width - 4) / width_of(words, BOLD, 13))
        bottom = self.y + 6 - height
        x = _LEFT + (_WEST - width) / 2
        self.canvas.setStrokeColorRGB(*colour)
        self.canvas.setLineWidth(1)
        self.canvas.rect(x, bottom, width, height)
        style = Style(BOLD, size, size, "centre", colour=colour)
        draw_line(self.canvas, break_lines(words, style, width)[0], style, x=x, y=bottom + 7.2, width=width)
        self.y = bottom - 10

    def _headline(self) -> None:
        """Box 5a; công văn and thư công have none."""
        letter = self.letter
        if letter.kind.code not in (_LETTER, _PUBLIC_LETTER):
            self.y -= 18
            subject = tidy(letter.subject)
            subject = subject[:1].upper() + subject[1:]
            inset = 20 * MM
            lines = break_lines(subject, _TITLE, _TEXT - 2 * inset)
            self.y = self._stack(self.y, _LEFT, _TEXT, (_caps(letter.kind.name), _TITLE))
            self.y = draw_block(self.canvas, lines, _TITLE, x=_LEFT + inset, y=self.y, width=_TEXT - 2 * inset)
            self._rule(_LEFT + _TEXT / 2, self.y + 12.5, 0.42 * max((line.width for line in lines), default=0))
            self.y += 4
        if letter.authority:
            self.y = self._stack(self.y - 16, _LEFT, _TEXT, (_caps(letter.authority), _TITLE))

    def _recipients(self) -> None:
        """Box 9a: one on the same line, several under each other."""
        recipients = _listed(self.letter.recipients, dash="")
        if not recipients:
            return
        self.y -= 16
        single = break_lines(f"Kính gửi: {recipients[0]}", _CENTRED, _TEXT)
        if len(recipients) == 1 and len(single) == 1:
            self.y = draw_block(self.canvas, single, _CENTRED, x=_LEFT, y=self.y, width=_TEXT)
            return
        self.y = self._stack(self.y, _LEFT + 16 * MM, 30 * MM, ("Kính gửi:", replace(_CENTRED, align="left")))
        x, width = _LEFT + 38 * MM, _TEXT - 38 * MM
        for recipient in recipients:
            for line in break_lines(f"- {recipient}" if len(recipients) > 1 else recipient, _ADDRESSEE, width):
                self._need(_ADDRESSEE.leading)
                self.y = draw_block(self.canvas, [line], _ADDRESSEE, x=x, y=self.y, width=width)

    # The body, the signature and who gets it: these flow over pages

    def _body_and_closing(self) -> None:
        rows = list(self._rows())
        self.y -= 10
        start, done = 0, False
        while not done:
            end, done = self._page_end(rows, start)
            for index in range(start, end):
                row = rows[index]
                self.y -= row.gap if index > start else 0
                self.y = draw_block(self.canvas, [row.line], row.style, x=_LEFT, y=self.y, width=_TEXT)
            start = end
            if not done:
                self._turn()
        self._closing()

    def _rows(self) -> Iterator[_Row]:
        letter = self.letter
        for ground in _listed(letter.grounds, dash=""):
            yield from _paragraph(ground, _GROUND)
        enacting = _ENACTING.get(letter.kind.code) if letter.grounds else None
        if enacting:
            yield from _paragraph(enacting, _TITLE)
        for text in letter.paragraphs:
            rows = list(_paragraph(_with_bold_article(text), _BODY))
            if rows and enacting:  # the word that enacts never stands alone at the foot of a page
                rows[0], enacting = replace(rows[0], may_begin_page=False), None
            yield from rows

    def _page_end(self, rows: list[_Row], start: int) -> tuple[int, bool]:
        """Return up to which row this page goes, and whether the signature follows on it."""
        height, end = self.y - self.floor, start
        used = 0.0
        while end < len(rows):
            step = rows[end].style.leading + (rows[end].gap if end > start else 0)
            if used + step > height + rows[end].style.leading * 0.75:  # a baseline may lie on the floor
                break
            used += step
            end += 1
        is_fresh = self.page > 1 and self.y >= _HEIGHT - _TOP - 20
        if end == len(rows) and (used + self._closing_height() <= height or (is_fresh and start == 0 == end)):
            return end, True
        last = min(end, len(rows) - 2)  # two lines of text stay with the signature
        cuts = [index for index in range(start + 1, last + 1) if rows[index].may_begin_page]
        if cuts:
            return cuts[-1], False
        if not is_fresh:
            return start, False
        # A full page leaves no better place; the signature itself is larger than what the page can hold beside it.
        return (end, True) if end == len(rows) else (max(end, start + 1), False)

    def _closing(self) -> None:
        """Boxes 7 and 9b, side by side."""
        top = self.y - _PARAGRAPH_GAP - 6
        self._signer(top)
        self.y = top
        lines = [("Nơi nhận:", _NOTED_HEAD)] if self.letter.noi_nhan else []
        lines += [(line, _NOTED_LINE) for line in _listed(self.letter.noi_nhan, dash="- ")]
        lines += [(tidy(self.letter.drafter), _NOTED_LINE)] if self.letter.drafter else []
        for text, style in lines:
            for line in break_lines(text, style, _NOTED):
                self._need(0)
                self.y = draw_block(self.canvas, [line], style, x=_LEFT, y=self.y, width=_NOTED)

    def _signer(self, y: float) -> None:
        for line in self.letter.capacity:
            y = self._stack(y, _SIGNER_X, _SIGNER, (_caps(line), _TITLE))
        y += _TITLE.leading  # back on the baseline of the last line
        centre = _SIGNER_X + _SIGNER / 2
        middle = y - _SIGNING_ROOM / 2 + 2
        width, height = _LEADER_BOX
        left = centre - width / 2
        self._signature_field("leader", (left, middle - height / 2, left + width, middle + height / 2))
        right = left + width / 3  # the seal covers a third of the signature (Annex I, section II.8)
        self._signature_field("agency", (right - _SEAL, middle - _SEAL / 2, right, middle + _SEAL / 2))
        self._stack(y - _SIGNING_ROOM, _SIGNER_X, _SIGNER, (tidy(self.letter.signer), _TITLE))

    def _closing_height(self) -> float:
        titles = sum(len(break_lines(_caps(line), _TITLE, _SIGNER)) for line in self.letter.capacity)
        names = len(break_lines(self.letter.signer, _TITLE, _SIGNER))
        signer = (titles + names - 1) * _TITLE.leading + _SIGNING_ROOM
        listed = _listed(self.letter.noi_nhan, dash="- ")
        noted = 14 + _NOTED_LINE.leading * sum(len(break_lines(line, _NOTED_LINE, _NOTED)) for line in listed)
        noted += _NOTED_LINE.leading if self.letter.drafter else 0
        # A longer list goes on over the page, under the signature.
        return _PARAGRAPH_GAP + 6 + max(signer, min(noted, 20 * _NOTED_LINE.leading))

    # Pages, rules, fields

    def _need(self, height: float) -> None:
        if self.y - height < self.floor - 4:
            self._turn()

    def _turn(self) -> None:
        self.canvas.showPage()
        self.page += 1
        self.floor = _BOTTOM
        number = break_lines(str(self.page), _CENTRED, _TEXT)
        draw_block(self.canvas, number, _CENTRED, x=_LEFT, y=_HEIGHT - 13 * MM, width=_TEXT)
        self._foot()
        self.y = _HEIGHT - _TOP - 13

    def _foot(self) -> None:
        if self.letter.test:
            mark = break_lines(TEST_MARK, _TEST, _WIDTH)
            draw_block(self.canvas, mark, _TEST, x=0, y=10 * MM, width=_WIDTH)
        contact = [line for text in self.letter.contact for line in break_lines(text, _FOOT, _TEXT)]
        if contact and self.page == 1:
            top = 15 * MM + (len(contact) - 1) * _FOOT.leading
            draw_block(self.canvas, contact, _FOOT, x=_LEFT, y=top, width=_TEXT)
            self._rule(_LEFT + _TEXT / 2, top + 13, _TEXT)
            self.floor = max(_BOTTOM, top + 20)

    def _stack(self, y: float, x: float, width: float, *texts: tuple[str, Style]) -> float:
        for text, style in texts:
            y = draw_block(self.canvas, break_lines(text, style, width), style, x=x, y=y, width=width)
        return y

    def _rule(self, centre: float, y: float, length: float) -> None:
        self.canvas.setStrokeColorRGB(0, 0, 0)
        self.canvas.setLineWidth(0.7)
        self.canvas.line(centre - length / 2, y, centre + length / 2, y)

    def _text_field(self, name: str, box: tuple[float, ...], font: str, size: float) -> None:
        words = {"so": "Số", "ngay": "Ngày", "thang": "Tháng", "nam": "Năm"}
        right, centre = 2, 1  # the number stands at its slash, day and month between their words
        align = right if name == "so" else centre
        look = {"FT": PDFName("Tx"), "DA": PDFString(_appearance(font, size)), "Q": align, "TU": PDFString(words[name])}
        self._widget(name, box, look)

    def _signature_field(self, name: str, box: tuple[float, ...]) -> None:
        if self.is_draft:
            self._widget(name, box, {"FT": PDFName("Sig")})

    def _widget(self, name: str, box: tuple[float, ...], entries: dict[str, Any]) -> None:
        widget = PDFDictionary(
            {
                "Type": PDFName("Annot"),
                "Subtype": PDFName("Widget"),
                "T": PDFString(name),
                "Rect": PDFArray([round(edge, 2) for edge in box]),
                "F": 4,  # printed
                "P": self.canvas._doc.thisPageRef(),
                **entries,
            }
        )
        self.canvas._addAnnotation(widget, name=name)
        self.widgets.append(PDFObjectReference(self.canvas._doc.annotationName(name)))

    def _form(self) -> None:
        if not self.widgets:
            return
        document = self.canvas._doc
        # The first subset of each font keeps ASCII in its places, so that fields can be filled with it.
        first = {name: getFont(name).getSubsetInternalName(0, document)[1:] for name in (REGULAR, ITALIC)}
        fonts = {name: PDFObjectReference(subset) for name, subset in first.items()}
        document.Catalog.AcroForm = PDFDictionary(
            {
                "Fields": PDFArray(self.widgets),
                "DR": PDFDictionary({"Font": PDFDictionary(fonts)}),
                "DA": PDFString(_appearance(REGULAR, 13)),
                "SigFlags": 1,
            }
        )


def _paragraph(text: str, style: Style) -> Iterator[_Row]:
    lines = break_lines(text, style, _TEXT)
    for index, line in enumerate(lines):
        # Neither the first nor the last line of a paragraph stands alone on a page.
        divides = index not in (1, len(lines) - 1) or index == 0
        yield _Row(line, style, _PARAGRAPH_GAP if index == 0 else 0.0, divides)


def _listed(items: Sequence[str], *, dash: str) -> list[str]:
    """Return the items as the decree lists them: each with a semicolon, the last with a full stop."""
    words = [tidy(item).lstrip("-– ").rstrip(";. ") for item in items]
    words = [word for word in words if word]
    return [f"{dash}{word}{'.' if index == len(words) - 1 else ';'}" for index, word in enumerate(words)]


def _about(subject: str) -> str:
    words = tidy(subject)
    return "V/v " + re.sub(r"^(v/v|về việc)[:\s]+", "", words, flags=re.IGNORECASE)


def _with_bold_article(text: str) -> str:
    return re.sub(r"^\s*(Điều \d+[a-zđ]?\.)", r"**\1**", text)


def _caps(text: str) -> str:
    return tidy(text).upper()


def _tail(letter: Letter) -> str:
    return f"/{tidy(letter.symbol)}" if letter.symbol else ""


def _appearance(font: str, size: float) -> str:
    return f"/{font} {size:g} Tf 0 g"


def _checked(name: str, value: Any, known: dict[str, str]) -> Any:
    """Return one value of a recipe in the type its field has."""
    kind = known.get(name)
    if kind == "str" and isinstance(value, str):
        return value
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "tuple[str, ...]" and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if kind == "date | None" and (value is None or isinstance(value, str)):
        try:
            return date.fromisoformat(value) if value else None
        except ValueError:
            raise RecipeInvalid(fact=name) from None
    if kind == "Kind" and isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        try:
            return Kind(**value)
        except TypeError:
            raise RecipeInvalid(fact=name) from None
    raise RecipeInvalid(fact=name)

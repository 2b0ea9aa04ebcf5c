"""First pages as other producers set them: words at places, drawn run by run, word by word or letter by letter."""

from __future__ import annotations

import io
import unicodedata
from dataclasses import dataclass, replace

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from eoffice.formats.typeset import BOLD, ITALIC, MM, REGULAR, load_fonts, width_of


@dataclass(frozen=True)
class Words:
    """One line of text; ``x`` from the left is its middle, or its left edge when not ``centred``; ``y`` from the top.

    Both in millimetres.
    """

    text: str
    x: float
    y: float
    size: float = 13
    font: str = REGULAR
    centred: bool = True


@dataclass(frozen=True)
class Page:
    """What stands on a page and how its producer writes it.

    Args:
        by: ``run`` (one text object a line), ``word`` or ``letter``.
        spacing: points added between letters.
        form: normal form of the text, ``NFC`` or ``NFD``.
    """

    words: tuple[Words, ...]
    by: str = "run"
    spacing: float = 0.0
    form: str = "NFC"
    size: tuple[float, float] = A4

    def pdf(self) -> bytes:
        """Draw it."""
        load_fonts()
        out = io.BytesIO()
        canvas = Canvas(out, pagesize=self.size, invariant=1, initialFontName=REGULAR)
        for words in self.words:
            self._draw(canvas, words)
        canvas.showPage()
        canvas.save()
        return out.getvalue()

    def _draw(self, canvas: Canvas, words: Words) -> None:
        text = unicodedata.normalize(self.form, words.text)
        width = width_of(words.text, words.font, words.size) + self.spacing * len(text)
        x = words.x * MM - (width / 2 if words.centred else 0)
        y = self.size[1] - words.y * MM
        pieces = {"run": [text], "word": [word + " " for word in text.split(" ")], "letter": list(text)}[self.by]
        for piece in pieces:
            run = canvas.beginText(x, y)
            run.setFont(words.font, words.size)
            run.setCharSpace(self.spacing)
            run.textOut(piece)
            canvas.drawText(run)
            x += width_of(piece, words.font, words.size) + self.spacing * len(piece)


NATION = (
    Words("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", 143, 25, 12.5, BOLD),
    Words("Độc lập - Tự do - Hạnh phúc", 143, 31, 13, BOLD),
)
BODY = tuple(
    Words(text, x, y, 14, centred=False)
    for text, x, y in (
        ("Thực hiện Kế hoạch số 186/KH-UBND ngày 12 tháng 10 năm 2025 của Ủy ban nhân dân tỉnh,", 43, 100),
        ("Sở Tài chính đề nghị các cơ quan, đơn vị báo cáo số 77/BC-STC trước ngày 15 tháng 11.", 30, 107),
        ("1. Rà soát khối lượng hồ sơ, tài liệu đã chỉnh lý.", 43, 114),
    )
)


def official(
    *,
    issuer: tuple[str, ...] = ("UBND TỈNH AN BÌNH", "SỞ TÀI CHÍNH"),
    number: str = "Số: 2914/STC-HCSN",
    dated: str = "An Bình, ngày 23 tháng 11 năm 2026",
    about: tuple[str, ...] = ("V/v lập dự toán kinh phí số hóa", "hồ sơ, tài liệu lưu trữ năm 2027"),
    bold: int = 1,
) -> Page:
    """An official letter as most offices set it; the last ``bold`` lines of the issuer are bold."""
    heads = tuple(
        Words(line, 60, 25 + 6 * index, 13, BOLD if index >= len(issuer) - bold else REGULAR)
        for index, line in enumerate(issuer)
    )
    y = 25 + 6 * max(len(issuer), 2)
    lines = (Words(number, 60, y + 3), Words(dated, 143, y + 3, 13, ITALIC))
    abouts = tuple(Words(line, 60, y + 10 + 5 * index, 12) for index, line in enumerate(about))
    kinh = Words("Kính gửi: Sở Nội vụ tỉnh An Bình", 110, y + 32, 14)
    return Page((*heads, *NATION, *lines, *abouts, kinh, *BODY))


def named(
    title: str,
    subject: tuple[str, ...],
    *,
    issuer: tuple[str, ...] = ("ỦY BAN NHÂN DÂN", "TỈNH AN BÌNH"),
    number: str = "Số: 45/QĐ-UBND",
    dated: str = "An Bình, ngày 05 tháng 3 năm 2026",
) -> Page:
    """A document with a title in the middle."""
    heads = tuple(Words(line, 60, 25 + 6 * index, 13, BOLD) for index, line in enumerate(issuer))
    lines = (Words(number, 60, 42), Words(dated, 143, 42, 13, ITALIC))
    titles = (Words(title, 111, 58, 14, BOLD),)
    subjects = tuple(Words(line, 111, 64.5 + 6.5 * index, 14, BOLD) for index, line in enumerate(subject))
    return Page((*heads, *NATION, *lines, *titles, *subjects, *BODY))


def moved(page: Page, right: float, down: float) -> Page:
    """The same page with everything shifted, in millimetres."""
    return replace(page, words=tuple(replace(words, x=words.x + right, y=words.y + down) for words in page.words))

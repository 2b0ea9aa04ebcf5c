"""Draws the minutes by which the key of an agency's seal goes from one clerk to another (Decree 30/2020, 32-33)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from eoffice.core.clock import local
from eoffice.core.text import tidy
from eoffice.formats.letter import MOTTO, NATION, TEST_MARK
from eoffice.formats.typeset import BOLD, ITALIC, MM, REGULAR, Style, break_lines, draw_block, drawing, load_fonts

_WIDTH, _HEIGHT = A4
_LEFT, _RIGHT, _TOP, _BOTTOM = 30 * MM, 18 * MM, 20 * MM, 20 * MM
_TEXT = _WIDTH - _LEFT - _RIGHT
_WEST = 62 * MM
_EAST_X, _EAST = 94 * MM, _WIDTH - _RIGHT - 94 * MM
_SIGNING_ROOM = 20 * MM

_SMALL = Style(REGULAR, 13, 16.5, "centre")
_STRONG = Style(BOLD, 13, 16.5, "centre")
_MOTTO = Style(BOLD, 14, 17, "centre")
_DATE = Style(ITALIC, 14, 17, "centre")
_TITLE = Style(BOLD, 15, 20, "centre")
_BODY = Style(REGULAR, 13, 16.8, "justify", first=12.7 * MM)
_HEAD = Style(BOLD, 13, 17)
_FACT = Style(REGULAR, 13, 16.8, first=-8)
_TEST = Style(REGULAR, 9, 11, "centre", colour=(0.35, 0.35, 0.35))


@dataclass(frozen=True)
class Side:
    """Somebody in the minutes: full name and post."""

    name: str
    title: str


@dataclass(frozen=True)
class Minutes:
    """What the minutes say.

    Args:
        parent, agency, place: as on a letter of the agency.
        permission: number and date of the head's written permission.
        device, device_serial: what the key lies on; the serial "" when it has none.
        subject, issuer, serial, valid_from, valid_to: of the certificate.
        note: anything else, "" for nothing.
        test: the certificate is one of the test authority; the page says so.
    """

    agency: str
    place: str
    giver: Side
    taker: Side
    permission: str
    device: str
    subject: str
    issuer: str
    serial: str
    valid_from: datetime
    valid_to: datetime
    at: datetime
    parent: str = ""
    device_serial: str = ""
    note: str = ""
    test: bool = False


def render(minutes: Minutes) -> bytes:
    """Draw the minutes; the same minutes always give the same bytes.

    Returns:
        PDF 1.7 on A4, fonts embedded as subsets.
    """
    with drawing:
        load_fonts()
        return _Paper(minutes).draw()


class _Paper:
    def __init__(self, minutes: Minutes) -> None:
        self.minutes = minutes
        self.out = io.BytesIO()
        self.canvas = Canvas(
            self.out, pagesize=A4, invariant=1, pageCompression=1, pdfVersion=(1, 7), lang="vi-VN",
            initialFontName=REGULAR,
        )  # fmt: skip
        self.y: float = _HEIGHT - _TOP - 13

    def draw(self) -> bytes:
        made = self.minutes
        self.canvas.setTitle(f"Biên bản bàn giao khóa bí mật {made.serial}")
        self.canvas.setAuthor(tidy(made.agency))
        self.canvas.setCreator("eoffice")
        self.canvas.setProducer("eoffice")
        self._foot()
        self._headline()
        for text in self._opening():
            self._write(text, _BODY)
        for heading, facts in self._parts():
            self._write(heading, _HEAD)
            for fact in facts:
                self._write(f"- {fact}", _FACT, indent=12.7 * MM, gap=2)
        self._write(_DUTY, _BODY)
        self._write(
            "Biên bản được lập thành 03 bản có giá trị như nhau: mỗi bên giữ 01 bản, 01 bản lưu tại cơ quan.", _BODY
        )
        self._signatures()
        self.canvas.showPage()
        self.canvas.save()
        return self.out.getvalue()

    def _headline(self) -> None:
        made, at = self.minutes, local(self.minutes.at)
        west = self._stack(_LEFT, _WEST, (tidy(made.parent).upper(), _SMALL), (tidy(made.agency).upper(), _STRONG))
        east = self._stack(_EAST_X, _EAST, (NATION, _STRONG), (MOTTO, _MOTTO))
        self._rule(_LEFT + _WEST / 2, west + 12, _WEST / 3)
        self._rule(_EAST_X + _EAST / 2, east + 13, 62 * MM)
        self.y = min(west, east) - 6
        date = f"{tidy(made.place) or '…'}, ngày {at.day:02} tháng {at.month:02} năm {at.year}"
        self.y = draw_block(
            self.canvas, break_lines(date, _DATE, _EAST), _DATE, x=_EAST_X, y=self.y, width=_EAST
        )
        self.y -= 10
        for line in ("BIÊN BẢN", "Bàn giao thiết bị lưu khóa bí mật của cơ quan"):
            self._write(line, _TITLE, gap=0)
        self.y -= 8

    def _opening(self) -> tuple[str, ...]:
        made, at = self.minutes, local(self.minutes.at)
        return (
            "Căn cứ Nghị định số 30/2020/NĐ-CP ngày 05 tháng 3 năm 2020 của Chính phủ về công tác văn thư "
            "(Điều 32, Điều 33);",
            f"Căn cứ văn bản cho phép: {tidy(made.permission)};",
            f"Hôm nay, vào hồi {at:%H} giờ {at:%M} phút, ngày {at.day:02} tháng {at.month:02} năm {at.year}, "
            f"tại {tidy(made.agency)}, chúng tôi gồm:",
        )

    def _parts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        made = self.minutes
        device = f"Thiết bị: {tidy(made.device)}" + (
            f", số hiệu {tidy(made.device_serial)}" if made.device_serial else ""
        )
        span = f"{local(made.valid_from):%d/%m/%Y} đến {local(made.valid_to):%d/%m/%Y}"
        return (
            ("Bên giao", _side(made.giver)),
            ("Bên nhận", _side(made.taker)),
            (
                "Nội dung bàn giao",
                (
                    device,
                    f"Chứng thư số cấp cho: {tidy(made.subject)}",
                    f"Đơn vị cấp: {tidy(made.issuer)}",
                    f"Số sê-ri: {_grouped(made.serial)}",
                    f"Thời hạn: {span}",
                    "Mật khẩu của khóa bí mật được bàn giao riêng, không ghi trong biên bản này",
                    *((f"Ghi chú: {tidy(made.note)}",) if made.note else ()),
                ),
            ),
        )

    def _signatures(self) -> None:
        made, width = self.minutes, _TEXT / 2
        needed = 2 * _STRONG.leading + _SIGNING_ROOM + _STRONG.leading
        if self.y - needed < _BOTTOM:
            self._turn()
        top = self.y - 8
        for x, heading, side in ((_LEFT, "BÊN GIAO", made.giver), (_LEFT + width, "BÊN NHẬN", made.taker)):
            self.y = top
            y = self._stack(x, width, (heading, _STRONG), ("(Ký, ghi rõ họ tên)", _SMALL)) - _SIGNING_ROOM
            self.y = y
            self._stack(x, width, (tidy(side.name), _STRONG))

    def _write(self, text: str, style: Style, *, indent: float = 0, gap: float = 4) -> None:
        width = _TEXT - indent
        for line in break_lines(text, style, width):
            if self.y < _BOTTOM:
                self._turn()
            self.y = draw_block(self.canvas, [line], style, x=_LEFT + indent, y=self.y, width=width)
        self.y -= gap

    def _stack(self, x: float, width: float, *texts: tuple[str, Style]) -> float:
        y: float = self.y
        for text, style in texts:
            y = draw_block(self.canvas, break_lines(text, style, width), style, x=x, y=y, width=width)
        return y

    def _rule(self, centre: float, y: float, length: float) -> None:
        self.canvas.setLineWidth(0.7)
        self.canvas.line(centre - length / 2, y, centre + length / 2, y)

    def _turn(self) -> None:
        self.canvas.showPage()
        self._foot()
        self.y = _HEIGHT - _TOP - 13

    def _foot(self) -> None:
        if self.minutes.test:
            mark = break_lines(TEST_MARK, _TEST, _WIDTH)
            draw_block(self.canvas, mark, _TEST, x=0, y=10 * MM, width=_WIDTH)


_DUTY = (
    "Kể từ thời điểm bàn giao, Bên nhận có trách nhiệm quản lý, bảo mật thiết bị lưu khóa bí mật của cơ quan; chỉ trực "
    "tiếp ký số vào văn bản điện tử do cơ quan ban hành và bản sao từ văn bản giấy; không giao thiết bị cho người khác "
    "khi chưa được phép bằng văn bản của người có thẩm quyền."
)


def _side(side: Side) -> tuple[str, str]:
    return f"Họ và tên: **{tidy(side.name)}**", f"Chức vụ: {tidy(side.title)}"


def _grouped(serial: str) -> str:
    return " ".join(serial[at : at + 4] for at in range(0, len(serial), 4))

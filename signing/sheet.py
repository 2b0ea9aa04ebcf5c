"""The verdict as a sheet of paper, "Phiếu xác minh chữ ký số": who signed what, when, and how sure that is."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import escape

from signing.messages import sentence
from signing.report import evidence_of, printable
from signing.results import Change, SignatureReport, TimeSource, Verdict, Verification
from signing.typeface import FONTS

__all__ = ["as_sheet"]

HANOI = timezone(timedelta(hours=7))
_MOST_CHANGES = 30
_LONGEST = 300
_COLOURS = {
    Verdict.PASSED: ("#1b5e20", "#e8f5e9", "check"),
    Verdict.UNSIGNED: ("#37474f", "#eceff1", "dash"),
    Verdict.WARNED: ("#8a4b00", "#fff4e0", "bang"),
    Verdict.UNREADABLE: ("#37474f", "#eceff1", "bang"),
    Verdict.FAILED: ("#8e0000", "#fdecea", "cross"),
}
_WORDS = {
    "title": ("PHIẾU XÁC MINH CHỮ KÝ SỐ", "SIGNATURE VERIFICATION SHEET"),
    "subtitle": (
        "Kết quả kiểm tra chữ ký số trên văn bản điện tử",
        "Result of checking the signatures of an electronic document",
    ),
    "file": ("Tên tệp", "File"),
    "sha256": ("SHA-256 của tệp", "SHA-256 of the file"),
    "pages": ("Số trang", "Pages"),
    "checked": ("Thời điểm kiểm tra", "Time of the check"),
    "count": ("Số chữ ký và dấu thời gian", "Signatures and time-stamps"),
    "PASSED": ("HỢP LỆ", "VALID"),
    "UNSIGNED": ("KHÔNG CHỮ KÝ", "NOT SIGNED"),
    "WARNED": ("CẢNH BÁO", "WARNING"),
    "UNREADABLE": ("KHÔNG ĐỌC ĐƯỢC", "UNREADABLE"),
    "FAILED": ("KHÔNG HỢP LỆ", "NOT VALID"),
    "notes": ("Về toàn bộ tệp", "About the file as a whole"),
    "flags": ("Nội dung hoạt động trong tệp", "Active content of the file"),
    "signature": ("Chữ ký {0}", "Signature {0}"),
    "stamp": ("Dấu thời gian {0}", "Time-stamp {0}"),
    "signer": ("Người ký", "Signer"),
    "unit": ("Đơn vị", "Unit"),
    "organisation": ("Cơ quan, tổ chức", "Organisation"),
    "capacity": ("Tư cách", "Capacity"),
    "certification": ("Chữ ký chứng nhận văn bản", "Certification of the document"),
    "approval": ("Chữ ký phê duyệt", "Approval signature"),
    "document_timestamp": ("Dấu thời gian của văn bản", "Document time-stamp"),
    "unknown": ("Không xác định", "Unknown"),
    "locks": ("khóa văn bản: sau chữ ký này không được thay đổi", "locks the document: nothing may change after it"),
    "time": ("Thời gian ký", "Time of signing"),
    "clock": ("theo đồng hồ của người ký, chưa được xác nhận", "by the signer's own clock, not confirmed"),
    "signature_timestamp": ("được dấu thời gian của chữ ký chứng minh", "proven by a signature time-stamp"),
    "document_timestamp_time": ("được dấu thời gian của văn bản chứng minh", "proven by a document time-stamp"),
    "covers": ("Phạm vi", "Covers"),
    "revision": ("phiên bản {0}/{1} của tệp", "revision {0} of {1} of the file"),
    "all": ("sau đó không có gì ngoài dữ liệu chứng thực được phép", "nothing but permitted evidence follows"),
    "later": ("sau đó tệp còn được bổ sung, xem mục thay đổi", "the file grew afterwards, see changes"),
    "page": ("trang {0}", "page {0}"),
    "anchor_itself": ("chính là gốc tin cậy", "a trust anchor itself"),
    "inside": ("kèm trong tệp", "carried by the file"),
    "field": ("Ô chữ ký", "Signature field"),
    "changes": ("Thay đổi sau khi ký", "Changes after signing"),
    "none": ("Không có", "None"),
    "more": ("và {0} thay đổi khác", "and {0} more changes"),
    "PERMITTED": ("được phép", "permitted"),
    "LISTED": ("cần xem lại", "needs a look"),
    "FORBIDDEN": ("trái phép", "not permitted"),
    "reasons": ("Căn cứ", "Reasons"),
    "etsi": ("Kết luận theo EN 319 102-1", "Conclusion of EN 319 102-1"),
    "issuer": ("Tổ chức cấp chứng thư", "Issuer of the certificate"),
    "anchor": ("Gốc tin cậy", "Trust anchor"),
    "validity": ("Hiệu lực chứng thư", "Certificate valid"),
    "from_to": ("từ {0} đến {1}", "from {0} to {1}"),
    "serial": ("Số sê-ri", "Serial number"),
    "status": ("Tình trạng thu hồi", "Revocation status"),
    "good": ("không bị thu hồi", "not revoked"),
    "revoked": ("đã bị thu hồi", "revoked"),
    "unknown_status": ("chưa xác định", "not known"),
    "level": ("Mức chữ ký", "Level"),
    "until_expiry": ("kiểm tra được đến {0}", "can be checked until {0}"),
    "until_evidence": (
        "có bằng chứng thời gian; kiểm tra được khi dấu thời gian cuối cùng còn hiệu lực",
        "time is proven; can be checked as long as the last time-stamp is valid",
    ),
    "axes": ("Toàn vẹn / thay đổi / tin cậy", "Integrity / changes / trust"),
    "technical": ("Phần kỹ thuật", "Technical part"),
    "algorithm": ("Thuật toán", "Algorithm"),
    "digest": ("Giá trị băm vùng ký", "Digest of the signed range"),
    "range": ("Vùng ký (byte)", "Signed range (bytes)"),
    "fingerprint": ("SHA-256 của chứng thư", "SHA-256 of the certificate"),
    "footer": (
        "Phiếu do phần mềm lập từ kết quả kiểm tra tự động.",
        "Made by software from the result of an automatic check.",
    ),
    "verifier": ("Bộ kiểm tra {0}, chính sách {1}", "Verifier {0}, policy {1}"),
    "own": (
        "Phiếu này mô tả tệp có giá trị SHA-256 nêu trên. Ai có tệp đó đều có thể kiểm tra lại kết quả này.",
        "This sheet describes the file with the SHA-256 above. Whoever has that file can repeat the check.",
    ),
    "sheet": ("Trang {0}/{1}", "Page {0} of {1}"),
}  # fmt: skip


def as_sheet(
    verification: Verification,
    *,
    file: str = "",
    locale: str = "vi",
    zone: tzinfo = HANOI,
    capacities: Mapping[str, str] | None = None,
) -> bytes:
    """Draw the sheet on A4; the same verdict gives the same bytes.

    Args:
        file: name to be shown for the file.
        locale: ``vi`` or ``en``.
        zone: time zone of the times shown, that of Hà Nội by default.
        capacities: field name -> what its signer acts as (leader, agency seal, certified copy), where that is known.
    """
    return _Sheet(verification, file, locale, zone, capacities or {}).drawn()


class _Sheet:
    def __init__(
        self, told: Verification, file: str, locale: str, zone: tzinfo, capacities: Mapping[str, str]
    ) -> None:
        self.told, self.file, self.locale, self.zone, self.capacities = told, file, locale, zone, capacities
        self.column = 1 if locale.lower().startswith("en") else 0
        self.styles = _styles()

    def word(self, key: str, *facts: object) -> str:
        return _WORDS[key][self.column].format(*facts)

    def time(self, moment: datetime | None) -> str:
        if moment is None:
            return self.word("unknown")
        local = moment.astimezone(self.zone)
        offset = local.strftime("%z")
        return f"{local:%d/%m/%Y %H:%M:%S} ({offset[:3]}:{offset[3:5]})"

    def drawn(self) -> bytes:
        from reportlab.lib.pagesizes import A4
        from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

        out = io.BytesIO()
        page = BaseDocTemplate(
            out, pagesize=A4, title=self.word("title"), subject=_short(self.file), creator=self.told.engine,
            author="", invariant=1, lang="en" if self.column else "vi",
        )  # fmt: skip
        width, height = A4
        frame = Frame(56, 56, width - 112, height - 112, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
        page.addPageTemplates(PageTemplate(frames=[frame]))
        page.build(self.story(), canvasmaker=_numbered(self))
        return out.getvalue()

    def story(self) -> list[Any]:
        from reportlab.platypus import Spacer

        told = self.told
        story: list[Any] = [
            self.text(self.word("title"), "title"),
            self.text(self.word("subtitle"), "subtitle"),
            Spacer(1, 10),
            self.banner(told.verdict, sentence(told.verdict.value, self.locale)),
            Spacer(1, 8),
            self.table(
                [
                    ("file", self.file or "-"),
                    ("sha256", told.sha256 or "-"),
                    ("pages", "-" if told.pages is None else str(told.pages)),
                    ("count", str(len(told.signatures))),
                    ("checked", self.time(told.checked_at)),
                ]
            ),
        ]
        for reason in told.reasons:
            story.append(self.text(f"{sentence(reason.code, self.locale)} [{reason.code}]", "strong"))
        story += self.section("notes", (f"{sentence(item.code, self.locale)} [{item.code}]" for item in told.notes))
        story += self.section("flags", (sentence(flag, self.locale) for flag in told.flags))
        for index, item in enumerate(told.signatures, 1):
            story += self.signature(index, item)
        story += [Spacer(1, 10), self.text(self.word("own"), "small")]
        return story

    def section(self, title: str, lines: Iterable[str]) -> list[Any]:
        told = [self.text(f"- {line}", "body") for line in lines]
        return [self.text(self.word(title), "heading"), *told] if told else []

    def signature(self, index: int, item: SignatureReport) -> list[Any]:
        from reportlab.platypus import KeepTogether, Spacer

        stamp = item.kind == "document_timestamp"
        name = item.signer or self.word("unknown")
        heading = f"{self.word('stamp' if stamp else 'signature', index)}: {name}"
        story: list[Any] = [
            Spacer(1, 12),
            KeepTogether(
                [
                    self.text(heading, "heading"),
                    self.banner(item.verdict, self.conclusion(item), small=True),
                    Spacer(1, 4),
                    self.table(self.who(item)),
                ]
            ),
        ]
        if item.test:
            story.append(self.text(sentence("test_certificate", self.locale), "strong"))
        story.append(self.table(self.certificate(item)))
        story.append(self.text(self.word("technical"), "subheading"))
        story.append(self.table(self.technical(item), small=True))
        return story

    def conclusion(self, item: SignatureReport) -> str:
        return sentence(item.reasons[0].code if item.reasons else item.verdict.value, self.locale)

    def who(self, item: SignatureReport) -> list[tuple[str, str]]:
        capacity = self.capacities.get(item.field) or self.word(item.kind if item.kind in _WORDS else "unknown")
        if item.locks:
            capacity += f"; {self.word('locks')}"
        when = self.time(item.time)
        if item.time_source is not None:
            source = item.time_source
            key = "document_timestamp_time" if source is TimeSource.DOCUMENT_TIMESTAMP else source.value
            when += f", {self.word(key)}"
        covers = self.word("revision", item.revision, item.revisions)
        covers += f"; {self.word('all' if item.covers_all else 'later')}"
        place = item.field or "-"
        if item.page is not None:
            place += f", {self.word('page', item.page)}"
        return [
            ("signer", item.signer or self.word("unknown")),
            ("unit", item.unit),
            ("organisation", item.organisation),
            ("capacity", capacity),
            ("time", when),
            ("covers", covers),
            ("field", place),
            ("changes", self.changes(item.changes)),
            ("reasons", "\n".join(f"- {sentence(one.code, self.locale)} [{one.code}]" for one in item.reasons)),
            ("etsi", f"{item.indication} {item.sub_indication}".strip()),
        ]

    def changes(self, changes: tuple[Change, ...]) -> str:
        if not changes:
            return self.word("none")
        lines = []
        for change in changes[:_MOST_CHANGES]:
            page = f", {self.word('page', change.page)}" if change.page is not None else ""
            detail = f": {_short(change.detail)}" if change.detail else ""
            level = self.word(change.level.value)
            lines.append(f"- {sentence(change.kind, self.locale)} {_short(change.where)}{page}{detail} ({level})")
        if len(changes) > _MOST_CHANGES:
            lines.append(self.word("more", len(changes) - _MOST_CHANGES))
        return "\n".join(lines)

    def certificate(self, item: SignatureReport) -> list[tuple[str, str]]:
        validity = ""
        if item.valid_from is not None and item.valid_to is not None:
            validity = self.word("from_to", self.time(item.valid_from), self.time(item.valid_to))
        status = self.word(item.revocation if item.revocation in ("good", "revoked") else "unknown_status")
        if item.revocation_source:
            kind, at, inside = evidence_of(item.revocation_source)
            kind = self.word("anchor_itself") if kind == "anchor" else kind
            parts = [kind, *([self.time(at)] if at else []), *([self.word("inside")] if inside else [])]
            status += f" ({', '.join(parts)})"
        level = item.level
        if item.proven_time is not None:
            level += f"; {self.word('until_evidence')}"
        elif item.valid_to is not None:
            level += f"; {self.word('until_expiry', self.time(item.valid_to))}"
        return [
            ("issuer", item.issuer),
            ("anchor", item.anchor or self.word("unknown")),
            ("validity", validity),
            ("serial", item.certificate_serial),
            ("status", status),
            ("level", level),
        ]

    def technical(self, item: SignatureReport) -> list[tuple[str, str]]:
        return [
            ("axes", f"{item.integrity.value} / {item.modification.value} / {item.trust.value}"),
            ("algorithm", item.algorithm),
            ("digest", item.digest),
            ("range", " ".join(str(number) for number in item.byte_range)),
            ("fingerprint", item.certificate_sha256),
        ]

    # drawing -------------------------------------------------------------------------------------------------

    def text(self, words: str, style: str) -> Any:
        from reportlab.platypus import Paragraph

        return Paragraph("<br/>".join(escape(printable(line)) for line in words.split("\n")), self.styles[style])

    def table(self, rows: list[tuple[str, str]], *, small: bool = False) -> Any:
        from reportlab.lib import colors
        from reportlab.platypus import Table

        label, value = ("smalllabel", "small") if small else ("label", "body")
        cells = [[self.text(self.word(key), label), self.text(_bounded(words), value)] for key, words in rows if words]
        table = Table(cells, colWidths=[132, 351], splitInRow=1)
        table.setStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.HexColor("#c5c9ce")),
                ("LEFTPADDING", (0, 0), (0, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ]
        )
        return table

    def banner(self, verdict: Verdict, words: str, *, small: bool = False) -> Any:
        from reportlab.lib import colors
        from reportlab.platypus import Table

        ink, ground, shape = _COLOURS[verdict]
        size = 14 if small else 26
        said = [self.text(self.word(verdict.value), "bannersmall" if small else "banner"), self.text(words, "body")]
        table = Table([[_icon(shape, ink, size), said]], colWidths=[size + 18, 483 - size - 18])
        table.setStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), colors.HexColor(ground)),
                ("LINEBEFORE", (0, 0), (0, -1), 3, colors.HexColor(ink)),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("TOPPADDING", (0, 0), (-1, -1), 3 if small else 7),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4 if small else 9),
            ]
        )
        return table


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST else words[:_LONGEST] + "…"


def _bounded(words: str) -> str:
    """No field of a hostile certificate may fill pages."""
    return "\n".join(_short(line) for line in words.split("\n"))


def _icon(shape: str, ink: str, size: int) -> Any:
    from reportlab.graphics.shapes import Circle, Drawing, Line
    from reportlab.lib import colors

    colour = colors.HexColor(ink)
    drawing = Drawing(size, size)
    middle = size / 2
    drawing.add(Circle(middle, middle, middle, fillColor=colour, strokeColor=None))
    strokes = {
        "check": ((0.25, 0.5, 0.43, 0.3), (0.43, 0.3, 0.76, 0.7)),
        "cross": ((0.3, 0.3, 0.7, 0.7), (0.3, 0.7, 0.7, 0.3)),
        "bang": ((0.5, 0.8, 0.5, 0.42), (0.5, 0.26, 0.5, 0.22)),
        "dash": ((0.28, 0.5, 0.72, 0.5),),
    }
    for points in strokes[shape]:
        drawn = Line(*(size * point for point in points), strokeColor=colors.white, strokeWidth=size / 9)
        drawn.strokeLineCap = 1
        drawing.add(drawn)
    return drawing


def _numbered(sheet: _Sheet) -> Any:
    """A canvas that knows how many pages there are when it writes the foot of each."""
    from reportlab.pdfgen.canvas import Canvas

    class Numbered(Canvas):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for index, page in enumerate(self._pages, 1):
                self.__dict__.update(page)
                self.setFont("Sheet-Regular", 8.5)
                self.setFillGray(0.3)
                self.drawString(56, 40, sheet.word("footer"))
                self.drawString(56, 29, sheet.word("verifier", sheet.told.engine, printable(sheet.told.policy)[:80]))
                self.drawRightString(539, 29, sheet.word("sheet", index, len(self._pages)))
                super().showPage()
            super().save()

    return Numbered


@lru_cache(maxsize=1)
def _styles() -> dict[str, Any]:
    from reportlab.lib.colors import HexColor
    from reportlab.lib.enums import TA_CENTER
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.pdfbase.ttfonts import TTFont

    # Names of their own, of font and face: ReportLab knows one by each name, for everything that a process draws.
    for file in ("Regular", "Bold", "Italic"):
        font = TTFont(f"Sheet-{file}", str(FONTS / f"Tinos-{file}.ttf"))
        font.face.name = f"Tinos-Sheet-{file}".encode()
        registerFont(font)

    def style(name: str, font: str, size: float, **more: Any) -> Any:
        return ParagraphStyle(name, fontName=font, fontSize=size, leading=size * 1.25, splitLongWords=1, **more)

    grey = HexColor("#4a5058")
    return {
        "title": style("title", "Sheet-Bold", 17, alignment=TA_CENTER),
        "subtitle": style("subtitle", "Sheet-Italic", 11.5, alignment=TA_CENTER, spaceBefore=3),
        "heading": style("heading", "Sheet-Bold", 12.5, spaceBefore=8, spaceAfter=4, keepWithNext=1),
        "subheading": style("subheading", "Sheet-Italic", 10, spaceBefore=5, textColor=grey, keepWithNext=1),
        "body": style("body", "Sheet-Regular", 10.5),
        "strong": style("strong", "Sheet-Bold", 10.5, spaceBefore=4, spaceAfter=4),
        "label": style("label", "Sheet-Regular", 10.5, textColor=grey),
        "small": style("small", "Sheet-Regular", 8.5),
        "smalllabel": style("smalllabel", "Sheet-Regular", 8.5, textColor=grey),
        "banner": style("banner", "Sheet-Bold", 13),
        "bannersmall": style("bannersmall", "Sheet-Bold", 10.5),
    }

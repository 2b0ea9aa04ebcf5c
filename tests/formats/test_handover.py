"""The minutes of a hand-over: one page, all facts on it, the same bytes every time."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import pikepdf
import pypdfium2

from eoffice.formats.handover import Minutes, Side, render

MINUTES = Minutes(
    parent="Ủy ban nhân dân tỉnh An Bình",
    agency="Sở Nội vụ",
    place="An Bình",
    giver=Side("Trần Thị Hạnh", "Văn thư"),
    taker=Side("Vũ Minh Thư", "Văn thư"),
    permission="Quyết định số 15/QĐ-SNV ngày 01/9/2026",
    device="USB token",
    device_serial="VN-0012345",
    subject="Sở Nội vụ",
    issuer="CA cấp phát THỬ NGHIỆM",
    serial="22977683d5b62888a1b2c3d4e5f60718",
    valid_from=datetime(2024, 8, 28, tzinfo=UTC),
    valid_to=datetime(2029, 8, 28, tzinfo=UTC),
    at=datetime(2026, 9, 7, 18, 5, tzinfo=UTC),
    test=True,
)


def text(pdf: bytes) -> list[str]:
    """The text of each page on one line."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [" ".join(page.get_textpage().get_text_range().split()) for page in document]


def test_it_says_who_gave_what_to_whom_by_whose_permission() -> None:
    (page,) = text(render(MINUTES))
    for words in (
        "SỞ NỘI VỤ", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "BIÊN BẢN", "Trần Thị Hạnh", "Vũ Minh Thư", "15/QĐ-SNV",
        "VN-0012345", "2297 7683 d5b6 2888", "28/08/2024 đến 28/08/2029", "BÊN GIAO", "BÊN NHẬN",
        "ngày 08 tháng 09 năm 2026", "01 giờ 05 phút", "không có giá trị pháp lý",
    ):  # fmt: skip
        assert words in page, words
    assert "không có giá trị pháp lý" not in text(render(replace(MINUTES, test=False)))[0]


def test_the_same_minutes_give_the_same_bytes() -> None:
    assert render(MINUTES) == render(MINUTES)


def test_long_words_turn_the_page_and_nothing_is_lost() -> None:
    long = " ".join(f"chữ{number}" for number in range(900))
    pages = text(render(replace(MINUTES, note=long)))
    assert len(pages) > 1
    assert "chữ0 " in pages[0]
    assert "chữ899" in " ".join(pages)
    assert "BÊN NHẬN" in pages[-1]


def test_its_fonts_are_embedded() -> None:
    with pikepdf.open(io.BytesIO(render(MINUTES))) as pdf:
        fonts = pdf.pages[0].Resources.Font
        assert all("/FontFile2" in font.FontDescriptor for font in fonts.values())

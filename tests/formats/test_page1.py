"""What a clerk would copy from page 1 is read from our letters, from other producers' and from no rubbish."""

from __future__ import annotations

import io
import json
import unicodedata
from dataclasses import replace
from datetime import date

import pikepdf
import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eoffice.core.text import tidy
from eoffice.formats.letter import Kind, Letter, incoming_letter, render, render_scan
from eoffice.formats.page1 import PageText, Reading, Segment, as_dict, extract, read
from eoffice.formats.typeset import BOLD, ITALIC, MM, width_of
from tests.formats.letters import DECISION, OFFICIAL, letters
from tests.formats.pages import NATION, Page, Words, moved, named, official


def values(reading: Reading) -> dict[str, str | None]:
    """What the head of a letter says; its end has tests of its own."""
    told = as_dict(reading).items()
    return {name: (found or {}).get("value") for name, found in told if name not in ("signer", "due")}


def said(pdf: bytes) -> dict[str, str | None]:
    return values(read(extract(pdf)))


# Our own letters


@pytest.mark.parametrize(
    ("letter", "expected"),
    [
        (
            OFFICIAL,
            {
                "number": "5", "symbol": "SNV-VTLT", "date": "2026-03-05", "issuer": "SỞ NỘI VỤ",
                "subject": "V/v dự toán kinh phí số hóa hồ sơ, tài liệu lưu trữ năm 2027", "title": None,
            },
        ),
        (
            DECISION,
            {
                "number": "5", "symbol": "QĐ-SNV", "date": "2026-03-05", "issuer": "SỞ NỘI VỤ", "title": "QUYẾT ĐỊNH",
                "subject": "thành lập Đoàn kiểm tra công tác văn thư, lưu trữ và văn bản điện tử quý IV năm 2026",
            },
        ),
    ],
)  # fmt: skip
def test_our_letters_are_read_back(letter: Letter, expected: dict[str, str | None]) -> None:
    assert said(incoming_letter(letter, number="05", issued=date(2026, 3, 5))) == expected


AGENCIES = ["Sở Nội vụ", "Sở Tài chính", "Văn phòng Ủy ban nhân dân tỉnh", "Ban Quản lý dự án đầu tư xây dựng",
            "Trung tâm Lưu trữ lịch sử", "Bộ Khoa học và Công nghệ", "Ủy ban nhân dân phường Hòa An"]  # fmt: skip
SUBJECTS = ["dự toán kinh phí số hóa hồ sơ, tài liệu lưu trữ năm 2027", "cử cán bộ tham gia Đoàn kiểm tra", "góp ý",
            "triển khai Nghị định số 30/2020/NĐ-CP ngày 05 tháng 3 năm 2020 của Chính phủ về công tác văn thư",
            "báo cáo tình hình thực hiện nhiệm vụ phát triển kinh tế - xã hội 9 tháng đầu năm và nhiệm vụ trọng tâm"]


@settings(max_examples=150, deadline=None)
@given(
    letter=letters,
    agency=st.sampled_from(AGENCIES),
    subject=st.sampled_from(SUBJECTS),
    number=st.integers(1, 99999),
    symbol=st.sampled_from(["SNV-VTLT", "QĐ-UBND", "TTr-STC", "BC-BQLDAĐTXD", "UBND-KGVX1", "VP"]),
    issued=st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    kind=st.sampled_from(
        [Kind("official_letter", "Công văn"), Kind("decision", "Quyết định"), Kind("submission", "Tờ trình")]
    ),
    parent=st.sampled_from(["", "UBND tỉnh An Bình", "Bộ Nội vụ"]),
)
def test_any_letter_of_ours_is_read_back(
    letter: Letter, agency: str, subject: str, number: int, symbol: str, issued: date, kind: Kind, parent: str
) -> None:
    letter = replace(letter, agency=agency, subject=subject, symbol=symbol, kind=kind, parent=parent, grounds=())
    found = said(incoming_letter(letter, number=f"{number:02d}", issued=issued))
    assert (found["number"], found["symbol"], found["date"]) == (str(number), symbol, issued.isoformat())
    assert found["issuer"] == agency.upper()
    if kind.code == "official_letter":
        assert (found["subject"], found["title"]) == ("V/v " + subject, None)
    else:
        assert found["title"] == kind.name.upper()
        assert found["subject"] == subject[:1].upper() + subject[1:]


LONG = replace(OFFICIAL, place="Thành phố Hồ Chí Minh", symbol="BQLDAĐTXD-KHTC")


@pytest.mark.parametrize("letter", [OFFICIAL, DECISION, LONG], ids=["official", "decision", "long"])
def test_filled_form_fields_are_read(letter: Letter) -> None:
    """An issued document of ours carries number and date in fields, not in the text of the page."""
    with pikepdf.open(io.BytesIO(render(letter))) as document:
        form = document.Root.AcroForm
        for field, value in zip(form.Fields, ("12345", "24", "11", "2026"), strict=False):
            box = [float(edge) for edge in field.Rect]
            content = f"BT {field.DA!s} 2 4 Td ({value}) Tj ET".encode()
            look = document.make_stream(content, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form)
            look.BBox = [0, 0, box[2] - box[0], box[3] - box[1]]
            look.Resources = form.DR
            field.V, field.AP = value, pikepdf.Dictionary(N=document.make_indirect(look))
        out = io.BytesIO()
        document.save(out)
    found = said(out.getvalue())
    assert (found["number"], found["symbol"], found["date"]) == ("12345", letter.symbol, "2026-11-24")


def test_a_draft_has_a_symbol_and_no_number_and_no_date() -> None:
    found = said(render(OFFICIAL))
    assert (found["number"], found["date"]) == (None, None)
    assert found["symbol"] == "SNV-VTLT"
    assert found["issuer"] == "SỞ NỘI VỤ"
    assert found["subject"] == "V/v dự toán kinh phí số hóa hồ sơ, tài liệu lưu trữ năm 2027"


def test_a_scan_says_nothing() -> None:
    assert set(said(render_scan(replace(OFFICIAL, number="05", issued=date(2026, 3, 5)))).values()) == {None}


# Other producers

LETTER = {
    "number": "2914", "symbol": "STC-HCSN", "date": "2026-11-23", "issuer": "SỞ TÀI CHÍNH",
    "subject": "V/v lập dự toán kinh phí số hóa hồ sơ, tài liệu lưu trữ năm 2027", "title": None,
}  # fmt: skip
DECREE = {
    "number": "45", "symbol": "QĐ-UBND", "date": "2026-03-05", "issuer": "ỦY BAN NHÂN DÂN TỈNH AN BÌNH",
    "subject": "ban hành Quy chế công tác văn thư, lưu trữ của tỉnh", "title": "QUYẾT ĐỊNH",
}  # fmt: skip
DECISION_PAGE = named("QUYẾT ĐỊNH", ("Về việc ban hành Quy chế", "công tác văn thư, lưu trữ của tỉnh"))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("by", ["run", "word", "letter"])
@pytest.mark.parametrize(
    ("page", "expected"), [(official(), LETTER), (DECISION_PAGE, DECREE)], ids=["official", "decision"]
)
def test_however_the_text_is_cut_into_pieces(page: Page, expected: dict[str, str | None], by: str, form: str) -> None:
    assert said(replace(page, by=by, form=form).pdf()) == expected


@pytest.mark.parametrize("spacing", [-0.3, 0.3, 0.8])
@pytest.mark.parametrize("by", ["run", "letter"])
def test_stretched_and_condensed_letters(spacing: float, by: str) -> None:
    assert said(replace(official(), spacing=spacing, by=by).pdf()) == LETTER


@pytest.mark.parametrize(("right", "down"), [(-8, -8), (5, 0), (0, 15), (4, 30)])
@pytest.mark.parametrize(("page", "expected"), [(official(), LETTER), (DECISION_PAGE, DECREE)])
def test_wherever_the_margins_are(page: Page, expected: dict[str, str | None], right: float, down: float) -> None:
    assert said(moved(page, right, down).pdf()) == expected


@pytest.mark.parametrize(
    ("printed", "number", "symbol"),
    [
        ("Số: 123/SNV-VTLT", "123", "SNV-VTLT"),
        ("Số 123/SNV-VTLT", "123", "SNV-VTLT"),
        ("Số:123/SNV-VTLT", "123", "SNV-VTLT"),
        ("Số : 123 / SNV - VTLT", "123", "SNV-VTLT"),
        ("SỐ: 123/SNV-VTLT", "123", "SNV-VTLT"),
        ("Số: 05/QyĐ-UBND", "5", "QyĐ-UBND"),
        ("Số: 123/UBND–KGVX", "123", "UBND-KGVX"),
        ("Số: 12/2026/QĐ-UBND", "12", "2026/QĐ-UBND"),
        ("Số: 1234/BNV-CCHC&TTr", "1234", "BNV-CCHC&TTr"),
        ("Số:     /SNV-VTLT", None, "SNV-VTLT"),
        ("Số: .........../SNV-VTLT", None, "SNV-VTLT"),
        ("Số: 15/TTr-STC", "15", "TTr-STC"),
        ("S\u1ed1:\u00a015\u00a0/\u00a0TTr-STC", "15", "TTr-STC"),
    ],
)
def test_numbers_as_they_are_printed(printed: str, number: str | None, symbol: str) -> None:
    found = said(official(number=printed).pdf())
    assert (found["number"], found["symbol"]) == (number, symbol)
    assert found["issuer"] == "SỞ TÀI CHÍNH"


@pytest.mark.parametrize(
    ("printed", "day"),
    [
        ("An Bình, ngày 05 tháng 3 năm 2026", "2026-03-05"),
        ("An Bình, ngày 5 tháng 03 năm 2026", "2026-03-05"),
        ("An Bình, Ngày 05 Tháng 3 Năm 2026", "2026-03-05"),
        ("TP. Hồ Chí Minh, ngày 31 tháng 12 năm 2026", "2026-12-31"),
        ("An Bình, ngày  05  tháng  3  năm  2026", "2026-03-05"),
        ("An Bình, ngày 31 tháng 02 năm 2026", None),
        ("An Bình, ngày      tháng      năm", None),
        ("An Bình, ngày    tháng 3 năm 2026", None),
        ("An Bình, ngày 05/3/2026", "2026-03-05"),
        ("An Bình, 05-03-2026", "2026-03-05"),
    ],
)
def test_dates_as_they_are_printed(printed: str, day: str | None) -> None:
    assert said(official(dated=printed).pdf())["date"] == day


@pytest.mark.parametrize(
    ("about", "subject"),
    [
        (("V/v góp ý",), "V/v góp ý"),
        (("V/v: góp ý dự thảo",), "V/v góp ý dự thảo"),
        (("V/V góp ý dự thảo",), "V/v góp ý dự thảo"),
        (("v/v góp ý dự thảo",), "V/v góp ý dự thảo"),
        (("Về việc góp ý dự thảo",), "V/v góp ý dự thảo"),
        (
            ("V/v triển khai Nghị định số", "30/2020/NĐ-CP ngày 05 tháng 3", "năm 2020 của Chính phủ", "về văn thư"),
            "V/v triển khai Nghị định số 30/2020/NĐ-CP ngày 05 tháng 3 năm 2020 của Chính phủ về văn thư",
        ),
        (("V/v thực hiện nhiệm vụ", "phần việc còn lại"), "V/v thực hiện nhiệm vụ phần việc còn lại"),
        (("V/v chuẩn bị nội dung", "để họp", "ngày 20/11"), "V/v chuẩn bị nội dung để họp ngày 20/11"),
    ],
)
def test_subjects_as_they_are_printed(about: tuple[str, ...], subject: str) -> None:
    assert said(official(about=about).pdf())["subject"] == subject


@pytest.mark.parametrize(
    ("printed", "issuer"),
    [
        (("BỘ NỘI VỤ",), "BỘ NỘI VỤ"),
        (("UBND TỈNH AN BÌNH", "SỞ NỘI VỤ"), "SỞ NỘI VỤ"),
        (("ỦY BAN NHÂN DÂN", "TỈNH AN BÌNH"), "ỦY BAN NHÂN DÂN TỈNH AN BÌNH"),
        (("ỦY BAN NHÂN DÂN TỈNH AN BÌNH", "SỞ GIÁO DỤC", "VÀ ĐÀO TẠO"), "SỞ GIÁO DỤC VÀ ĐÀO TẠO"),
        (("UBND TỈNH AN BÌNH", "BAN QUẢN LÝ DỰ ÁN ĐẦU TƯ", "XÂY DỰNG CÔNG TRÌNH", "GIAO THÔNG"),
         "BAN QUẢN LÝ DỰ ÁN ĐẦU TƯ XÂY DỰNG CÔNG TRÌNH GIAO THÔNG"),
        (("CÔNG TY CỔ PHẦN", "CẤP NƯỚC AN BÌNH"), "CÔNG TY CỔ PHẦN CẤP NƯỚC AN BÌNH"),
        (("TỔNG CỤC THUẾ", "CỤC THUẾ TỈNH AN BÌNH"), "CỤC THUẾ TỈNH AN BÌNH"),
        (("BỘ TÀI CHÍNH", "KHO BẠC NHÀ NƯỚC", "-------"), "KHO BẠC NHÀ NƯỚC"),
        (("UBND TỈNH AN BÌNH", "SỞ NỘI VỤ", "________"), "SỞ NỘI VỤ"),
        (("HỘI ĐỒNG NHÂN DÂN", "TỈNH AN BÌNH"), "HỘI ĐỒNG NHÂN DÂN TỈNH AN BÌNH"),
        (("UBND XÃ HÒA BÌNH", "TRƯỜNG TIỂU HỌC SỐ 1"), "TRƯỜNG TIỂU HỌC SỐ 1"),
        (("Ủy ban nhân dân tỉnh An Bình", "Sở Xây dựng"), "Sở Xây dựng"),
    ],
)  # fmt: skip
def test_issuers_as_they_are_printed(printed: tuple[str, ...], issuer: str) -> None:
    """Told by words alone (nothing or all bold), and by the weight of the letters where a producer sets it."""
    own = sum(line in issuer or not line.strip("-_") for line in printed)
    for bold in (0, len(printed), own):
        assert said(official(issuer=printed, bold=bold).pdf())["issuer"] == issuer, bold


@pytest.mark.parametrize("printed", [("TỈNH AN BÌNH", "BAN CHỈ ĐẠO ABC", "TỔ GIÚP VIỆC"), ("ABC HOLDINGS", "XYZ LTD")])
def test_weight_tells_the_issuer_where_words_do_not(printed: tuple[str, ...]) -> None:
    assert said(official(issuer=printed, bold=1).pdf())["issuer"] == printed[-1]


@pytest.mark.parametrize(
    ("title", "subject", "expected"),
    [
        ("BÁO CÁO", ("Tình hình thực hiện nhiệm vụ quý I", "và phương hướng quý II năm 2026"),
         "Tình hình thực hiện nhiệm vụ quý I và phương hướng quý II năm 2026"),
        ("TỜ TRÌNH", ("Về việc phê duyệt dự toán",), "phê duyệt dự toán"),
        ("KẾ HOẠCH", ("Thực hiện công tác văn thư, lưu trữ năm 2026",), "Thực hiện công tác văn thư, lưu trữ năm 2026"),
        ("THÔNG BÁO", ("Kết luận của Chủ tịch UBND tỉnh tại cuộc họp", "ngày 02 tháng 3 năm 2026"),
         "Kết luận của Chủ tịch UBND tỉnh tại cuộc họp ngày 02 tháng 3 năm 2026"),
        ("CHỈ THỊ", ("Về tăng cường kỷ luật, kỷ cương hành chính",), "Về tăng cường kỷ luật, kỷ cương hành chính"),
        ("GIẤY MỜI", ("Họp giao ban tháng 3",), "Họp giao ban tháng 3"),
        ("NGHỊ QUYẾT", ("Thông qua quy hoạch",), "Thông qua quy hoạch"),
        ("CÔNG ĐIỆN", ("Về việc ứng phó bão số 9",), "ứng phó bão số 9"),
    ],
)  # fmt: skip
def test_titles_and_abstracts(title: str, subject: tuple[str, ...], expected: str) -> None:
    found = said(named(title, subject, number="Số: 45/QĐ-UBND").pdf())
    assert (found["title"], found["subject"]) == (title, expected)
    assert (found["number"], found["date"]) == ("45", "2026-03-05")


def test_columns_that_nearly_touch_stay_apart() -> None:
    name = "BAN QUẢN LÝ DỰ ÁN ĐẦU TƯ VÀ XÂY DỰNG"
    heads = (Words(name, 22, 25, 10, BOLD, centred=False),)
    right = 22 + width_of(name, BOLD, 10) / MM + 3
    nation = (Words("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", right, 25, 11, BOLD, centred=False),)
    lines = (Words("Số: 7/BQLDA-KH", 60, 36), Words("An Bình, ngày 05 tháng 3 năm 2026", 145, 36, 13, ITALIC))
    for by in ("run", "word", "letter"):
        found = said(Page((*heads, *nation, *lines), by=by).pdf())
        assert found["issuer"] == name
        assert (found["number"], found["date"]) == ("7", "2026-03-05")


def test_number_lower_or_higher_than_the_date() -> None:
    for shift in (-3.0, -1.5, 1.5, 3.0):
        page = official()
        words = tuple(
            replace(one, y=one.y + shift) if one.text.startswith("An Bình, ngày") else one for one in page.words
        )
        assert said(replace(page, words=words).pdf()) == LETTER


@pytest.mark.parametrize("blanks", [1, 3, 12])
def test_number_and_date_written_in_one_run(blanks: int) -> None:
    line = "Số: 12345/BQLDAĐTXD-KHTC" + " " * blanks + "Thành phố Hồ Chí Minh, ngày 24 tháng 11 năm 2026"
    page = Page((Words("SỞ NỘI VỤ", 60, 25, 13, BOLD), *NATION, Words(line, 15, 40, 11, centred=False)))
    found = said(page.pdf())
    assert (found["number"], found["symbol"], found["date"]) == ("12345", "BQLDAĐTXD-KHTC", "2026-11-24")


def test_stamp_and_seal_words_over_the_head_change_nothing() -> None:
    stamp = (
        Words("ĐẾN", 75, 50, 8, centred=False),
        Words("Số: 321", 90, 55, 8, centred=False),
        Words("Ngày: 24/11/2026", 90, 59, 8, centred=False),
    )
    page = official()
    found = said(replace(page, words=(*page.words, *stamp)).pdf())
    assert (found["number"], found["symbol"], found["date"]) == ("2914", "STC-HCSN", "2026-11-23")
    assert found["issuer"] == "SỞ TÀI CHÍNH"


def test_numbers_and_dates_of_the_body_are_not_taken() -> None:
    body = (
        Words("Căn cứ Quyết định số 12/QĐ-UBND ngày 01 tháng 2 năm 2025 của UBND tỉnh;", 30, 60, 14, centred=False),
        Words("Số 99/KH-UBND ngày 05 tháng 5 năm 2025 về chuyển đổi số.", 30, 150, 14, centred=False),
    )
    found = said(Page((*NATION, *body)).pdf())
    assert (found["number"], found["date"]) == (None, None)


def test_date_of_an_abstract_is_not_that_of_the_document() -> None:
    page = named("THÔNG BÁO", ("Kết luận của Chủ tịch tại cuộc họp", "ngày 02 tháng 3 năm 2025"), number="", dated="")
    assert said(page.pdf())["date"] is None


@pytest.mark.parametrize("mark", ["HỎA TỐC", "KHẨN", "LƯU HÀNH NỘI BỘ"])
def test_marks_under_the_subject_do_not_belong_to_it(mark: str) -> None:
    page = official()
    found = said(replace(page, words=(*page.words, Words(mark, 60, 56, 13, BOLD))).pdf())
    assert found["subject"] == LETTER["subject"]


def test_who_decides_does_not_belong_to_the_abstract() -> None:
    subject = ("Về việc ban hành Quy chế", "công tác văn thư, lưu trữ của tỉnh", "CHỦ TỊCH ỦY BAN NHÂN DÂN TỈNH")
    assert said(named("QUYẾT ĐỊNH", subject).pdf()) == DECREE


def test_date_without_number_and_number_without_date() -> None:
    date_only = Page((*NATION, Words("An Bình, ngày 05 tháng 3 năm 2026", 143, 40, 13, ITALIC)))
    assert said(date_only.pdf())["date"] == "2026-03-05"
    number_only = Page((Words("SỞ NỘI VỤ", 60, 25, 13, BOLD), Words("Số: 12/SNV-VP", 60, 36)))
    assert said(number_only.pdf())["number"] == "12"


@pytest.mark.parametrize("size", [(612, 792), (842, 595), (420, 595)], ids=["letter", "landscape", "A5"])
def test_other_sheets(size: tuple[float, float]) -> None:
    scale = size[0] / (210 * 72 / 25.4)
    words = tuple(replace(one, x=one.x * scale, size=one.size * min(scale, 1.2)) for one in official().words)
    found = said(Page(words, size=size).pdf())
    assert (found["number"], found["symbol"], found["date"]) == ("2914", "STC-HCSN", "2026-11-23")


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_turned_sheet_is_read_as_it_is_seen(rotation: int) -> None:
    """Some producers write across the sheet and have it turned by the reader; the origin need not be at 0 either."""
    width, height = (edge for edge in official().size)
    turn = {90: f"0 1 -1 0 {height} 0", 180: f"-1 0 0 -1 {width} {height}", 270: f"0 -1 1 0 0 {width}"}[rotation]
    box = [0, 0, width, height] if rotation == 180 else [0, 0, height, width]
    with pikepdf.open(io.BytesIO(official().pdf())) as document:
        page = document.pages[0]
        page.contents_add(document.make_stream(f"q 1 0 0 1 50 -30 cm {turn} cm".encode()), prepend=True)
        page.contents_add(document.make_stream(b"Q"))
        page.MediaBox = [box[0] + 50, box[1] - 30, box[2] + 50, box[3] - 30]
        page.Rotate = rotation
        out = io.BytesIO()
        document.save(out)
    assert said(out.getvalue()) == LETTER


def test_letters_set_apart_in_a_title() -> None:
    page = named("Q U Y Ế T   Đ Ị N H", ("Về việc ban hành Quy chế",))
    found = said(page.pdf())
    assert (found["title"], found["subject"]) == ("QUYẾT ĐỊNH", "ban hành Quy chế")


# The end: who signed, and by when something is asked for


@pytest.mark.parametrize(
    ("letter", "signer"), [(OFFICIAL, "Nguyễn Văn Nam"), (DECISION, "Hoàng Thị Bích Liên")], ids=["head", "deputy"]
)
def test_the_signer_is_the_name_under_the_capacity(letter: Letter, signer: str) -> None:
    reading = read(extract(incoming_letter(letter, number="05", issued=date(2026, 3, 5))))
    assert reading.signer is not None
    assert reading.signer.value == signer
    assert reading.signer.box[0] > 0.5
    assert reading.signer.box[1] > 0.5


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (Words("GIÁM ĐỐC", 150, 200, font=BOLD),),
        (Words("GIÁM ĐỐC", 150, 200, font=BOLD), Words("Ký bởi: Sở Nội vụ", 150, 215)),
        (Words("GIÁM ĐỐC", 150, 200, font=BOLD), Words("Nguyễn Văn Nam", 60, 225, font=BOLD)),
        (Words("Nguyễn Văn Nam", 150, 225, font=BOLD),),
    ],
)
def test_no_signer_where_none_stands(lines: tuple[Words, ...]) -> None:
    page = official()
    assert read(extract(replace(page, words=(*page.words, *lines)).pdf())).signer is None


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ("Gửi báo cáo trước ngày 04 tháng 12 năm 2026 bằng văn bản điện tử.", "2026-12-03"),
        ("Báo cáo gửi về Sở trước ngày 04/12/2026.", "2026-12-03"),
        ("Ý kiến gửi chậm nhất là ngày 04/12/2026 để tổng hợp.", "2026-12-04"),
        ("Ý kiến gửi chậm nhất trước ngày 04/12/2026 để tổng hợp.", "2026-12-04"),
        ("Ý kiến gửi trước 17 giờ ngày 04/12/2026 để tổng hợp.", "2026-12-04"),
        ("Ý kiến gửi trước 16 giờ 30 phút, ngày 04/12/2026.", "2026-12-04"),
        ("Ý kiến gửi trước hết ngày 04 tháng 12.", "2026-12-04"),
        ("Hoàn thành trước ngày 15/01.", "2027-01-14"),
        ("Số liệu tính đến ngày 31 tháng 12 năm 2026 là 1.842 hồ sơ.", None),
        ("Các hợp đồng ký trước ngày 01 tháng 7 năm 2025 vẫn có hiệu lực.", None),
        ("Hoàn thành trước ngày 31/02/2027.", None),
        ("Hoàn thành trước ngày 01/01/2199.", None),
        ("Quyết định có hiệu lực trước ngày ký.", None),
        ("Gửi trước ngày 04/12/20265 hồ sơ.", None),
    ],
)
def test_the_deadline_a_text_sets(said: str, due: str | None) -> None:
    page = replace(official(), words=(*official().words, Words(said, 30, 150, centred=False)))
    reading = read(extract(page.pdf()))
    assert (reading.due.value if reading.due else None) == due
    if reading.due is not None:
        assert reading.due.confidence < 0.8
        assert 0.1 < reading.due.box[0] < reading.due.box[2] < 0.9


def test_a_deadline_over_two_lines_is_marked_on_the_first() -> None:
    lines = (
        Words("Đề nghị các đơn vị gửi báo cáo trước ngày 04", 30, 150, centred=False),
        Words("tháng 12 năm 2026 để tổng hợp.", 30, 158, centred=False),
    )
    reading = read(extract(replace(official(), words=(*official().words, *lines)).pdf()))
    assert reading.due is not None
    assert reading.due.value == "2026-12-03"
    assert reading.due.box[3] < 158 / 297


def test_of_two_deadlines_the_first_ends_first_and_is_less_sure() -> None:
    lines = (
        Words("Đợt 2 gửi trước ngày 20/12/2026.", 30, 150, centred=False),
        Words("Đợt 1 gửi trước ngày 10/12/2026.", 30, 160, centred=False),
    )
    reading = read(extract(replace(official(), words=(*official().words, *lines)).pdf()))
    assert reading.due is not None
    assert (reading.due.value, reading.due.confidence) == ("2026-12-09", 0.5)


def test_boxes_show_where_it_stands() -> None:
    reading = read(extract(official().pdf()))
    assert reading.number is not None
    assert reading.date is not None
    assert reading.subject is not None
    assert reading.number.box[0] < 0.4
    assert reading.date.box[0] > 0.45
    assert reading.number.box[1] < reading.subject.box[1] < reading.subject.box[3] < 0.35
    for name, found in as_dict(reading).items():
        if found is not None:
            left, top, right, bottom = found["box"]
            assert 0 <= left < right <= 1, name
            assert 0 <= top < bottom <= 1, name
            assert 0 < found["confidence"] <= 100


def test_reading_travels_as_json() -> None:
    reading = as_dict(read(extract(official().pdf())))
    assert json.loads(json.dumps(reading)) == reading


# Rubbish


edges = st.floats(-2, 3) | st.floats(0, 1) | st.sampled_from([float("nan"), float("inf")])
boxes = st.tuples(edges, edges, edges, edges) | st.builds(
    lambda x, y, w, h: (x, y, x + w, y + h), *[st.floats(0, 0.5)] * 4
)
words = st.sampled_from(
    ["Số: 12/SNV", "Số", "/", "ngày 1 tháng 1 năm 2026", "V/v", "V/v x", "QUYẾT ĐỊNH", "Kính gửi:", "SỞ", "-", "",
     "a" * 5000, "Số: 99999999999999999999/X", "ngày 99 tháng 99 năm 9999", "Số: 0/X", "\u0301", "CỘNG HÒA XÃ HỘI"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.builds(Segment, words | st.text(max_size=30), boxes), max_size=40))
def test_no_page_makes_it_raise(segments: list[Segment]) -> None:
    reading = read(PageText(tuple(segments)))
    assert isinstance(json.dumps(as_dict(reading), ensure_ascii=False), str)
    if reading.date is not None:
        date.fromisoformat(reading.date.value)
    if reading.number is not None:
        assert int(reading.number.value) > 0


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.builds(Words, words | st.text(max_size=30), st.floats(0, 210), st.floats(0, 297)),
        max_size=30,
    )
)
def test_no_file_makes_it_raise(placed: list[Words]) -> None:
    clean = tuple(replace(one, text=tidy(unicodedata.normalize("NFC", one.text))) for one in placed)
    said(Page(clean).pdf())


def test_what_is_no_pdf_is_told_by_the_reader_of_pdfs() -> None:
    with pytest.raises(pypdfium2.PdfiumError):
        extract(b"no pdf")


def test_a_page_of_too_many_words_ends_soon() -> None:
    page = PageText(tuple(Segment(f"chữ {n}", (0.1, n / 5000, 0.3, n / 5000 + 0.01)) for n in range(4000)))
    assert read(page) == Reading()

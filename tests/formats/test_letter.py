"""Letters are laid out as the decree wants, flow over pages, and keep their fields where the text belongs."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageFont

from eoffice.core.text import tidy
from eoffice.formats.letter import (
    MOTTO,
    NATION,
    TEST_MARK,
    Kind,
    Letter,
    RecipeInvalid,
    date_line,
    incoming_letter,
    render,
    render_scan,
)
from eoffice.formats.pictures import PageRefused, page_image
from eoffice.formats.typeset import FONTS, MM, missing_letters
from tests.formats.letters import DECISION, OFFICIAL, letters, words

TONES = ["", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323"]
LOWER = [unicodedata.normalize("NFC", vowel + tone) for vowel in "aăâeêioôơuưy" for tone in TONES] + ["đ"]
ALPHABET = LOWER + [letter.upper() for letter in LOWER]
ISSUED = date(2026, 3, 5)


def pages_of(pdf: bytes) -> list[str]:
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def lines_of(pdf: bytes, page: int = 0) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Text rectangles of a page: words and (left, bottom, right, top) in points."""
    with pypdfium2.PdfDocument(pdf) as document:
        text = document[page].get_textpage()
        boxes = [text.get_rect(index) for index in range(text.count_rects())]
        return [(text.get_text_bounded(*box).strip(), box) for box in boxes]


def where(pdf: bytes, words: str, page: int = 0) -> tuple[float, float, float, float]:
    """Box of some words on a page."""
    with pypdfium2.PdfDocument(pdf) as document:
        text = document[page].get_textpage()
        found = text.search(words).get_next()
        assert found, f"{words!r} not on page {page + 1}"
        boxes = [text.get_charbox(index) for index in range(found[0], found[0] + found[1])]
    boxes = [box for box in boxes if box[2] > box[0]]
    return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)


def fields_of(pdf: bytes) -> dict[str, tuple[Any, list[float]]]:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        form = document.Root.get("/AcroForm", {})
        found = {}
        for field in form.get("/Fields", []):
            found[str(field.T)] = (str(field.FT), [float(edge) for edge in field.Rect])
            assert "/V" not in field
        return found


def flat(text: str) -> str:
    return " ".join(text.split())


# The alphabet


def test_there_are_146_letters() -> None:
    assert len(set(ALPHABET)) == 146


@pytest.mark.parametrize("font", ["Regular", "Bold", "Italic", "BoldItalic"])
def test_every_vietnamese_letter_has_a_picture_of_its_own(font: str) -> None:
    face = ImageFont.truetype(str(FONTS / f"Tinos-{font}.ttf"), 64)

    def picture(letter: str) -> bytes:
        mask = face.getmask(letter)
        return bytes(mask) + repr((mask.size, face.getbbox(letter))).encode()

    missing = picture("\uffff")
    pictures = {letter: picture(letter) for letter in ALPHABET}
    assert missing not in pictures.values()
    assert all(any(face.getmask(letter)) for letter in ALPHABET)
    assert len(set(pictures.values())) == 146


def test_every_vietnamese_letter_arrives_on_paper() -> None:
    text = (" ".join(ALPHABET),)
    for letter in (replace(OFFICIAL, paragraphs=text), replace(DECISION, grounds=text)):
        shown = flat(" ".join(pages_of(render(letter))))
        assert all(one in shown for one in ALPHABET)


def test_letters_differ_on_paper_from_what_the_font_lacks() -> None:
    empty = picture_of(replace(OFFICIAL, paragraphs=("\u4e00 \u4e01",)))
    assert ImageChops.difference(empty, picture_of(replace(OFFICIAL, paragraphs=("ặ ỷ",)))).getbbox()
    assert missing_letters("Ủy ban 一丁 \u0301") == "一丁"
    assert missing_letters("".join(ALPHABET)) == ""


def picture_of(letter: Letter) -> Image.Image:
    return Image.open(io.BytesIO(page_image(render(letter), form="PNG")))


def test_fonts_are_those_their_licence_file_names() -> None:
    sums = dict(reversed(line.split("  ")) for line in (FONTS / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {"OFL.txt", *(f"Tinos-{name}.ttf" for name in ("Regular", "Bold", "Italic", "BoldItalic"))}
    for name, digest in sums.items():
        assert hashlib.sha256((FONTS / name).read_bytes()).hexdigest() == digest


# Layout of the first page


@pytest.mark.parametrize("letter", [OFFICIAL, DECISION], ids=["official", "decision"])
def test_boxes_stand_where_the_decree_puts_them(letter: Letter) -> None:
    pdf = render(letter)
    width, height = 210 * MM, 297 * MM
    nation, motto = where(pdf, NATION), where(pdf, MOTTO)
    parent, agency = where(pdf, "UBND TỈNH AN BÌNH"), where(pdf, "SỞ NỘI VỤ")
    number, place = where(pdf, "Số:"), where(pdf, "An Bình, ngày")
    assert nation[0] > width * 0.44
    assert height - nation[3] >= 20 * MM - 2
    assert motto[3] < nation[1] + 3
    assert agency[2] < nation[0]
    assert agency[3] < parent[1] + 3
    assert abs(number[1] - place[1]) < 4
    assert number[3] < agency[1]
    assert place[3] < motto[1]
    signer, title = where(pdf, letter.signer), where(pdf, letter.capacity[-1].upper())
    noted = where(pdf, "Nơi nhận:")
    assert abs((signer[0] + signer[2]) - (title[0] + title[2])) < 3
    assert title[0] > width / 2
    assert signer[3] < title[1] - 30 * MM
    first_title = where(pdf, letter.capacity[0].upper(), 0) if len(letter.capacity) == 1 else where(pdf, "KT. GIÁM ĐỐC")
    assert abs(noted[3] - first_title[3]) < 6
    for _, (left, _bottom, right, _top) in lines_of(pdf):
        assert left > 30 * MM - 1
        assert right < width - 15 * MM


def test_official_letter_has_v_v_under_the_number_and_no_title() -> None:
    pdf = render(OFFICIAL)
    text = flat(pages_of(pdf)[0])
    assert "CÔNG VĂN" not in text
    about, number = where(pdf, "V/v dự toán"), where(pdf, "Số:")
    assert about[3] < number[1]
    assert about[2] < 105 * MM
    assert "Kính gửi: Sở Tài chính tỉnh An Bình." in text


@pytest.mark.parametrize("subject", ["v/v lập dự toán", "Về việc lập dự toán", "lập dự toán", "V/v: lập dự toán"])
def test_v_v_is_written_once(subject: str) -> None:
    assert "V/v lập dự toán" in flat(pages_of(render(replace(OFFICIAL, subject=subject)))[0])


def test_named_kind_has_its_title_in_the_middle() -> None:
    pdf = render(DECISION)
    title = where(pdf, "QUYẾT ĐỊNH")
    assert abs((title[0] + title[2]) / 2 - (30 + 81) * MM) < 2
    text = flat(pages_of(pdf)[0])
    assert text.index("Về việc thành lập") < text.index("GIÁM ĐỐC SỞ NỘI VỤ") < text.index("Căn cứ Luật")
    assert text.index("Phòng Văn thư, lưu trữ.") < text.index("QUYẾT ĐỊNH:") < text.index("Điều 1.")
    assert "năm 2024;" in text
    assert "công tác văn thư;" in text


def test_several_recipients_stand_under_each_other() -> None:
    text = pages_of(render(replace(OFFICIAL, recipients=("Các sở, ban, ngành;", "- Ủy ban nhân dân các xã."))))[0]
    assert flat(text).count("Kính gửi: - Các sở, ban, ngành; - Ủy ban nhân dân các xã.") == 1


def test_list_of_recipients_ends_as_the_decree_writes_it() -> None:
    text = flat(pages_of(render(OFFICIAL))[0])
    assert "- Như trên; - UBND tỉnh (để b/c); - Giám đốc, các Phó Giám đốc Sở; - Lưu: VT, VTLT. LMT" in text


@pytest.mark.parametrize(
    ("urgency", "words", "width"),
    [("urgent", "KHẨN", 20), ("very_urgent", "THƯỢNG KHẨN", 40), ("express", "HỎA TỐC", 30)],
)
def test_urgency_is_boxed_in_red(urgency: str, words: str, width: int) -> None:
    letter = replace(OFFICIAL, urgency=urgency)
    assert words in flat(pages_of(render(letter))[0])
    assert words not in flat(pages_of(render(OFFICIAL))[0])
    picture = Image.open(io.BytesIO(page_image(render(letter), width=2100, form="PNG"))).convert("RGB")
    red = picture.point(lambda value: 255 if value > 150 else 0).split()
    only_red = ImageChops.subtract(ImageChops.subtract(red[0], red[1]), red[2]).getbbox()
    assert only_red is not None
    assert abs((only_red[2] - only_red[0]) - width * 10) < 8
    assert abs((only_red[3] - only_red[1]) - 80) < 8


def test_test_mark_stands_on_every_page_or_on_none() -> None:
    long = replace(OFFICIAL, paragraphs=OFFICIAL.paragraphs * 12)
    assert all(TEST_MARK in page for page in pages_of(render(long)))
    assert not any(TEST_MARK in page for page in pages_of(render(replace(long, test=False))))


def test_contact_stands_at_the_foot_of_page_one_only() -> None:
    letter = replace(OFFICIAL, paragraphs=OFFICIAL.paragraphs * 12, contact=("Số 1 đường Lê Lợi", "ĐT: 0299.3822.114"))
    pdf = render(letter)
    assert where(pdf, "Số 1 đường Lê Lợi")[3] < 28 * MM
    assert all("Lê Lợi" not in page for page in pages_of(pdf)[1:])
    foot = ("0299", "Lê Lợi", "THỬ")
    lowest = min(box[1] for text, box in lines_of(pdf) if not any(words in text for words in foot))
    assert lowest > where(pdf, "Số 1 đường Lê Lợi")[3]


# Fields


@pytest.mark.parametrize("letter", [OFFICIAL, DECISION], ids=["official", "decision"])
def test_draft_leaves_number_and_date_open_in_fields(letter: Letter) -> None:
    pdf = render(letter)
    fields = fields_of(pdf)
    assert {name: kind for name, (kind, _) in fields.items()} == {
        "so": "/Tx", "ngay": "/Tx", "thang": "/Tx", "nam": "/Tx", "leader": "/Sig", "agency": "/Sig",
    }  # fmt: skip
    number, tail = where(pdf, "Số:"), where(pdf, f"/{letter.symbol}")
    so = fields["so"][1]
    assert number[2] < so[0] < so[2] <= tail[0] + 0.5
    assert so[2] - so[0] > 36
    assert so[1] < number[1] < number[3] < so[3]
    day, month, year = where(pdf, "ngày"), where(pdf, "tháng"), where(pdf, "năm")
    edges = [day[2], *fields["ngay"][1][0::2], month[0], month[2], *fields["thang"][1][0::2], year[0], year[2]]
    assert edges == sorted(edges)
    assert fields["nam"][1][0] >= year[2]
    assert fields["nam"][1][2] < 195 * MM
    text = flat(pages_of(pdf)[0])
    assert f"Số: /{letter.symbol}" in text
    assert "An Bình, ngày tháng năm" in text


def test_signature_fields_lie_as_the_law_wants() -> None:
    pdf = render(OFFICIAL)
    leader, agency = fields_of(pdf)["leader"][1], fields_of(pdf)["agency"][1]
    title, name = where(pdf, "GIÁM ĐỐC"), where(pdf, "Nguyễn Văn Nam")
    assert name[3] < leader[1] < leader[3] < title[1]
    assert abs((leader[0] + leader[2]) - (title[0] + title[2])) < 2
    assert abs(agency[2] - agency[0] - 36 * MM) < 0.1
    assert abs(agency[3] - agency[1] - 36 * MM) < 0.1
    covered = (agency[2] - leader[0]) / (leader[2] - leader[0])
    assert abs(covered - 1 / 3) < 0.01
    assert agency[0] > where(pdf, "- Giám đốc, các Phó Giám đốc Sở;")[2]


def test_fields_can_be_filled_with_the_fonts_they_name() -> None:
    with pikepdf.open(io.BytesIO(render(OFFICIAL))) as document:
        form = document.Root.AcroForm
        for field in form.Fields[:4]:
            font = form.DR.Font[str(field.DA).split()[0]]
            widths = {chr(code): int(font.Widths[code - int(font.FirstChar)]) for code in b"0123456789a-"}
            assert widths["0"] == widths["9"] == 500
            assert widths["-"] == 333
            assert "/FontFile2" in font.FontDescriptor


def test_issued_letter_prints_number_and_date_and_has_no_fields() -> None:
    pdf = incoming_letter(OFFICIAL, number="05", issued=ISSUED)
    assert fields_of(pdf) == {}
    text = flat(pages_of(pdf)[0])
    assert "Số: 05/SNV-VTLT" in text
    assert "An Bình, ngày 05 tháng 3 năm 2026" in text


@pytest.mark.parametrize(
    ("day", "line"),
    [
        (date(2026, 1, 9), "Hà Nội, ngày 09 tháng 01 năm 2026"),
        (date(2026, 2, 10), "Hà Nội, ngày 10 tháng 02 năm 2026"),
        (date(2026, 3, 1), "Hà Nội, ngày 01 tháng 3 năm 2026"),
        (date(2026, 12, 31), "Hà Nội, ngày 31 tháng 12 năm 2026"),
    ],
)
def test_zeros_of_the_date(day: date, line: str) -> None:
    assert date_line("Hà Nội", day) == line


# Flow


def test_page_numbers_begin_on_page_two_at_the_top() -> None:
    pdf = render(replace(OFFICIAL, paragraphs=OFFICIAL.paragraphs * 12))
    texts = pages_of(pdf)
    assert len(texts) > 2
    for index, text in enumerate(texts[1:], start=2):
        assert text.split()[0] == str(index)
        left, bottom, right, _ = where(pdf, str(index), index - 1)
        assert abs((left + right) / 2 - 111 * MM) < 2
        assert bottom > 277 * MM
    assert texts[0].split()[0] != "1"


@pytest.mark.parametrize("pages", [1, 2, 7, 60])
def test_from_one_page_to_sixty(pages: int) -> None:
    count, letter = 0, OFFICIAL
    while count < pages:
        letter = replace(letter, paragraphs=letter.paragraphs + OFFICIAL.paragraphs * (1 if pages < 10 else 14))
        count = len(pages_of(render(letter)))
    assert count >= pages
    text = flat(" ".join(pages_of(render(letter))))
    assert text.count("Kính đề nghị Sở Tài chính") == len(letter.paragraphs) // 4


def body_lines(page: str, letter: Letter) -> list[str]:
    """Lines of a page before the signature that are neither page number nor heading."""
    lines = [line.strip() for line in page.splitlines()]
    end = next(index for index, line in enumerate(lines) if letter.capacity[0].upper() in line or "Nơi nhận" in line)
    return [line for line in lines[:end] if line and not line.isdigit()]


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 60), length=st.integers(1, 90))
def test_signature_never_stands_without_two_lines_of_text(count: int, length: int) -> None:
    text = " ".join(f"chữ{number}" for number in range(length)) + "."
    letter = replace(OFFICIAL, paragraphs=(text,) * count, recipients=(), subject="", test=False, drafter="")
    texts = pages_of(render(letter))
    last = next(page for page in texts if letter.signer in page)
    assert last is texts[-1]
    assert "Nơi nhận" in last
    assert sum("chữ" in line for line in body_lines(last, letter)) >= min(2, count * max(1, len(text) // 95))
    shown = [flat(page) for page in texts]
    assert sum(page.count(f"chữ{length - 1}.") for page in shown) == count


@settings(max_examples=40, deadline=None)
@given(lines=st.integers(2, 60))
def test_no_line_of_a_paragraph_stands_alone(lines: int) -> None:
    text = " ".join(["dài"] * 18 * 3)
    letter = replace(OFFICIAL, paragraphs=("ngắn",) * lines + (text,) * 12, recipients=(), test=False)
    for page in pages_of(render(letter)):
        body = [line.strip() for line in page.splitlines()]
        runs = "".join("d" if line.startswith("dài") else "." for line in body).split(".")
        assert "d" not in runs


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(letter=letters)
def test_any_letter_is_drawn_whole_and_inside_its_margins(letter: Letter) -> None:
    pdf = render(letter)
    assert pdf == render(letter)
    texts = pages_of(pdf)
    shown = flat(" ".join(texts))
    syllables = set(shown.split())
    for paragraph in letter.paragraphs:
        assert set(tidy(paragraph).split()) <= syllables
    signing_page = next(index for index, page in enumerate(texts) if flat(letter.signer)[:8] in flat(page))
    assert signing_page <= len(texts) - 1
    for page in range(len(texts)):
        for text, (left, bottom, right, top) in lines_of(pdf, page):
            if TEST_MARK in text or text in TEST_MARK:
                continue
            assert left > 29 * MM
            assert right < 195 * MM
            assert bottom > 12 * MM
            assert top < 297 * MM - 8 * MM
    assert set(fields_of(pdf)) == {"so", "ngay", "thang", "nam", "leader", "agency"}


def test_the_signature_follows_on_a_new_page_when_there_is_no_room() -> None:
    for count in range(1, 40):
        letter = replace(OFFICIAL, paragraphs=("Một dòng.",) * count)
        pdf = render(letter)
        page = len(pages_of(pdf)) - 1
        assert where(pdf, letter.signer, page)[1] > 20 * MM
        with pikepdf.open(io.BytesIO(pdf)) as document:
            leader = document.Root.AcroForm.Fields[4]
            assert leader.P.objgen == document.pages[page].obj.objgen
            assert leader.objgen in [one.objgen for one in document.pages[page].Annots]


def test_very_long_list_of_recipients_goes_on_over_the_page() -> None:
    letter = replace(OFFICIAL, noi_nhan=tuple(f"Cơ quan thứ {number}" for number in range(150)))
    texts = pages_of(render(letter))
    assert len(texts) >= 3
    assert sum(flat(page).count("- Cơ quan thứ") for page in texts) == 150


def test_a_word_longer_than_a_line_is_broken_and_not_cut_off() -> None:
    word = "".join(chr(ord("a") + number % 26) for number in range(400))
    pdf = render(replace(OFFICIAL, paragraphs=(f"Xem {word} nhé",), agency=word[:90], signer=word[:70]))
    assert word in "".join(pages_of(pdf)[0].split())
    for _, (left, _bottom, right, _top) in lines_of(pdf):
        assert left > 29 * MM
        assert right < 195 * MM


def test_only_full_lines_are_stretched() -> None:
    pdf = render(replace(OFFICIAL, paragraphs=("một hai ba " * 11,)))
    body = [box for text, box in lines_of(pdf) if text.startswith(("một", "hai", "ba"))]
    assert len(body) == 2
    assert body[0][2] == pytest.approx(192 * MM, abs=1)
    assert body[1][2] < 130 * MM


# The file


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Threads take turns as often as possible."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("busy_threads")
def test_same_letter_same_bytes_from_many_threads() -> None:
    with ThreadPoolExecutor(8) as threads:
        alone = {id(letter): render(letter) for letter in (OFFICIAL, DECISION)}
        together = list(threads.map(lambda n: (n % 2, render((OFFICIAL, DECISION)[n % 2])), range(40)))
    assert all(pdf == alone[id((OFFICIAL, DECISION)[which])] for which, pdf in together)


def test_file_says_what_it_is() -> None:
    with pikepdf.open(io.BytesIO(render(DECISION))) as document:
        assert str(document.Root.Lang) == "vi-VN"
        assert "Quyết định" in str(document.docinfo.Title)
        assert "Đoàn kiểm tra" in str(document.docinfo.Title)
        assert str(document.docinfo.Author) == "Sở Nội vụ"
        assert document.pdf_version == "1.7"


@pytest.mark.parametrize("letter", [OFFICIAL, DECISION, replace(OFFICIAL, number="1287", issued=ISSUED)])
def test_other_readers_find_nothing_wrong(letter: Letter, tmp_path: Path, qpdf: Path) -> None:
    path = tmp_path / "letter.pdf"
    path.write_bytes(render(letter))
    subprocess.run([qpdf, "--check", path], check=True, capture_output=True)
    fonts = subprocess.run(["pdffonts", path], check=True, capture_output=True, text=True).stdout.splitlines()[2:]
    assert len(fonts) == 4
    for line in fonts:
        assert "+Tinos" in line
        assert line.split()[-5:-2] == ["yes", "yes", "yes"]  # embedded, subset, with a map to Unicode
    text = subprocess.run(["pdftotext", path, "-"], check=True, capture_output=True, text=True).stdout
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in flat(text)
    assert text == unicodedata.normalize("NFC", text)


def test_decomposed_text_gives_the_same_paper() -> None:
    recipe = json.dumps(OFFICIAL.to_recipe(), ensure_ascii=False)
    decomposed = Letter.from_recipe(json.loads(unicodedata.normalize("NFD", recipe)))
    assert flat(pages_of(render(decomposed))[0]) == flat(pages_of(render(OFFICIAL))[0])


def test_a_scan_shows_the_same_page_and_holds_no_text() -> None:
    letter = replace(OFFICIAL, number="05", issued=ISSUED)
    scan = render_scan(letter)
    assert scan == render_scan(letter)
    assert all(not page.strip() for page in pages_of(scan))
    paper = Image.open(io.BytesIO(page_image(render(letter), width=400, form="PNG"))).convert("L")
    seen = Image.open(io.BytesIO(page_image(scan, width=400, form="PNG"))).convert("L")
    assert paper.size == seen.size
    difference = ImageChops.difference(paper, seen).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(difference, int)
    assert difference < 6
    with pikepdf.open(io.BytesIO(scan)) as document:
        filters = [str(image.Filter) for image in document.pages[0].Resources.XObject.values()]
    assert any("DCTDecode" in one for one in filters)


@pytest.mark.parametrize("data", [b"", b"no pdf", b"%PDF-1.7\n%%EOF"])
def test_what_is_no_pdf_has_no_picture(data: bytes) -> None:
    with pytest.raises(PageRefused):
        page_image(data)


def test_pictures_are_bounded() -> None:
    with pytest.raises(PageRefused):
        page_image(render(OFFICIAL), width=50_000)
    with pytest.raises(PageRefused):
        page_image(render(OFFICIAL), page=7)


# Recipes


@given(letter=letters, number=words, issued=st.one_of(st.none(), st.dates()))
def test_recipe_keeps_the_whole_letter(letter: Letter, number: str, issued: date | None) -> None:
    letter = replace(letter, number=number, issued=issued)
    assert Letter.from_recipe(json.loads(json.dumps(letter.to_recipe()))) == letter


@pytest.mark.parametrize(
    "change",
    [
        {"agency": None}, {"agency": 3}, {"paragraphs": "text"}, {"paragraphs": [1]}, {"kind": "decision"},
        {"kind": {"code": "x"}}, {"kind": {"code": "x", "name": 1}}, {"issued": "5/3/2026"}, {"test": "yes"},
        {"urgency": "now"}, {"circulation": "?"}, {"more": "x"},
    ],
)  # fmt: skip
def test_spoiled_recipe_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(RecipeInvalid):
        Letter.from_recipe(OFFICIAL.to_recipe() | change)


@pytest.mark.parametrize("recipe", [None, [], "x", {}])
def test_what_is_no_recipe_is_refused(recipe: Any) -> None:
    with pytest.raises(RecipeInvalid):
        Letter.from_recipe(recipe)


def test_old_recipe_without_newer_fields_is_read() -> None:
    recipe = OFFICIAL.to_recipe()
    for name in ("circulation", "contact", "urgency"):
        del recipe[name]
    assert Letter.from_recipe(recipe) == OFFICIAL


@settings(max_examples=30, deadline=None)
@given(text=st.text(max_size=300))
def test_any_characters_at_all_give_a_file(text: str) -> None:
    letter = replace(DECISION, kind=Kind("report", text), subject=text, paragraphs=(text, "**" + text), signer=text)
    assert pages_of(render(replace(letter, agency=text, symbol=text)))


def test_a_verification_sheet_leaves_the_fonts_of_letters_alone() -> None:
    """ReportLab knows one face by each name in a process: whichever is drawn first, letters have their own fonts."""
    alone = (
        "from eoffice.formats import typeset; from signing import sheet; from reportlab.pdfbase import pdfmetrics;"
        "sheet._styles(); typeset.load_fonts();"
        "print(*{str(pdfmetrics.getFont(name).face.filename) for name in typeset._FILES}, sep='\\n')"
    )
    told = subprocess.run([sys.executable, "-c", alone], check=True, capture_output=True, text=True)
    used = {Path(line) for line in told.stdout.splitlines()}
    assert {path.parent for path in used} == {FONTS}
    assert len(used) == 4

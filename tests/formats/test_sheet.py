"""Tables somebody sends: rows of text whatever program wrote them, or a refusal."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import Any

import pytest
from openpyxl import Workbook

from eoffice.formats.sheet import MOST_ROWS, SheetRefused, SheetTooLong, read

SPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
LINKS = f'xmlns:r="{OFFICE}"'
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PARTS = "".join(
    f'<Override PartName="/xl/{part}.xml" ContentType="{TYPE}.{kind}+xml"/>'
    for part, kind in (("workbook", "sheet.main"), ("worksheets/one", "worksheet"), ("sharedStrings", "sharedStrings"))
)
GROWING = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "aaaaaaaaaa"}">' for n in range(10))


def workbook(rows: str, *, shared: str = "", head: str = "", **more: bytes) -> bytes:
    """A workbook as small as one can be, with the rows of its first sheet as written."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{PARTS}</Types>',
        )
        file.writestr(
            "xl/workbook.xml",
            f'{head}<workbook {SPACE} {LINKS}><sheets><sheet name="A" sheetId="1" r:id="rId7"/></sheets></workbook>',
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="rId7" Type="{OFFICE}/worksheet" Target="worksheets/one.xml"/></Relationships>',
        )
        sheet = f"{head}<worksheet {SPACE}><sheetData>{rows}</sheetData></worksheet>"
        file.writestr("xl/worksheets/one.xml", sheet)
        file.writestr("xl/sharedStrings.xml", f"<sst {SPACE}>{shared}</sst>")
        for part, data in more.items():
            file.writestr(part, data)
    return out.getvalue()


def made(*rows: list[Any]) -> bytes:
    """A workbook as an ordinary program writes it, with styles, theme and properties."""
    book, out = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("mark", [";", ",", "\t"])
@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_is_read_whatever_parts_and_writes_it(mark: str, code: str) -> None:
    text = f"Tên đăng nhập{mark}Mục đích\r\nnam{mark}Người ký\r\n\r\n"
    assert read(text.encode(code)) == [["Tên đăng nhập", "Mục đích"], ["nam", "Người ký"]]


def test_a_workbook_gives_shared_inline_and_numeric_cells_in_their_columns() -> None:
    rows = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c>'
        '<c r="C1" t="inlineStr"><is><r><t>Mục </t></r><r><t>đích</t></r></is></c></row>'
        '<row r="2"><c r="B2"><v>42</v></c><c r="C2" t="s"><v>1</v></c></row><row r="3"/>'
    )
    shared = "<si><t>Tên đăng nhập</t></si><si><r><t>Người </t></r><r><t>ký</t></r></si>"
    assert read(workbook(rows, shared=shared)) == [["Tên đăng nhập", "", "Mục đích"], ["", "42", "Người ký"]]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 not a zip",
        b"\xff\xfe\x00",
        b"\x00\x01\x02",
        "Tên".encode("cp1258", "replace") + b"\x80\x81",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
        workbook('<row><c t="s"><v>9</v></c></row>'),
        workbook('<row><c t="s"><v>x</v></c></row>'),
        workbook("<row><c></row>"),
        workbook("")[:-30],
        b'a;"b\n',
    ],
)
def test_what_is_no_table_is_refused(data: bytes) -> None:
    with pytest.raises(SheetRefused):
        read(data)


def test_a_workbook_comes_out_as_a_person_reads_it() -> None:
    day = datetime(2026, 2, 28)  # noqa: DTZ001 - a sheet knows no zones
    data = made(
        ["Tên đăng nhập", "Số điện thoại", "Ngày", "Lúc", "Có", "Tỷ lệ", None, None],
        ["007", 912345678, day, day.replace(hour=8, minute=5), True, 0.25],
        ["=1+1", 42.0, None, " Nguyễn  Văn Nam "],
    )
    assert read(data) == [
        ["Tên đăng nhập", "Số điện thoại", "Ngày", "Lúc", "Có", "Tỷ lệ"],
        ["007", "912345678", "28/02/2026", "28/02/2026 08:05", "TRUE", "0.25"],
        ["", "42", "", "Nguyễn Văn Nam"],
    ]


def test_a_formula_is_worth_what_it_was_worth_when_it_was_saved() -> None:
    assert read(workbook('<row><c t="str"><f>HYPERLINK("http://x")</f><v>nam</v></c></row>')) == [["nam"]]


@pytest.mark.parametrize("entities", ['<!ENTITY a9 "a">', GROWING, '<!ENTITY a9 SYSTEM "file:///etc/passwd">'])
def test_entities_are_refused_before_they_grow(entities: str) -> None:
    head = f"<!DOCTYPE x [{entities}]>"
    with pytest.raises(SheetRefused):
        read(workbook("<row><c t='inlineStr'><is><t>&a9;</t></is></c></row>", head=head))


def test_entities_beside_the_sheet_do_not_grow_either() -> None:
    data = workbook("<row><c><v>1</v></c></row>")
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as file, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as other:
        for part in file.namelist():
            text = file.read(part).decode()
            if part == "xl/workbook.xml":
                text = f"<!DOCTYPE x [{GROWING}]>" + text.replace('name="A"', 'name="&a9;"')
            other.writestr(part, text)
    with pytest.raises(SheetRefused):
        read(out.getvalue())


def test_macros_are_refused_and_links_to_elsewhere_are_not_followed() -> None:
    one = "<row><c><v>1</v></c></row>"
    with pytest.raises(SheetRefused):
        read(workbook(one, **{"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0"}))
    links = b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1"'
    links += f' Type="{OFFICE}/externalLinkPath" Target="file:///etc/passwd" TargetMode="External"/>'.encode()
    links += b"</Relationships>"
    more = {"xl/externalLinks/externalLink1.xml": b"<", "xl/externalLinks/_rels/externalLink1.xml.rels": links}
    assert read(workbook(one, **more)) == [["1"]]


@pytest.mark.parametrize("number", ["1048577", "99999999999999"])
def test_a_row_far_below_every_sheet_is_refused_and_soon(number: str) -> None:
    with pytest.raises(SheetRefused):
        read(workbook(f'<row r="{number}"><c><v>1</v></c></row>'))


def test_the_size_a_file_gives_itself_is_not_believed() -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="B2"><v>2</v></c></row>'
    data = workbook(rows)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as file, zipfile.ZipFile(out, "w") as other:
        for part in file.namelist():
            text = file.read(part).decode()
            other.writestr(part, text.replace("<sheetData>", '<dimension ref="A1:A1"/><sheetData>'))
    assert read(out.getvalue()) == [["1"], ["", "2"]]


def test_a_bomb_and_a_list_without_end_are_refused() -> None:
    with pytest.raises(SheetRefused):
        read(workbook("<row/>", bomb=b"\x00" * (33 * 1024 * 1024)))
    with pytest.raises(SheetTooLong):
        read(b"a;b\n" * (MOST_ROWS + 2))


def test_a_wide_row_and_a_long_cell_are_cut() -> None:
    (row,) = read(("x" * 5000 + ";y" * 500).encode())
    assert (len(row), len(row[0])) == (30, 300)
    assert read(workbook('<row><c r="XFD1"><v>1</v></c></row><row><c r="A2"><v>2</v></c></row>')) == [["2"]]

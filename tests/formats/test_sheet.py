"""Tables somebody sends: rows of text whatever program wrote them, or a refusal."""

from __future__ import annotations

import io
import zipfile

import pytest

from eoffice.formats.sheet import MOST_ROWS, SheetRefused, SheetTooLong, read

SPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LINKS = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'


def workbook(rows: str, *, shared: str = "", head: str = "", **more: bytes) -> bytes:
    """A workbook as small as one can be, with the rows of its first sheet as written."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(
            "xl/workbook.xml",
            f'{head}<workbook {SPACE} {LINKS}><sheets><sheet name="A" sheetId="1" r:id="rId7"/></sheets></workbook>',
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="rId7" Type="t" Target="worksheets/one.xml"/></Relationships>',
        )
        sheet = f"{head}<worksheet {SPACE}><sheetData>{rows}</sheetData></worksheet>"
        file.writestr("xl/worksheets/one.xml", sheet)
        if shared:
            file.writestr("xl/sharedStrings.xml", f"<sst {SPACE}>{shared}</sst>")
        for name, data in more.items():
            file.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("mark", [";", ",", "\t"])
@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_is_read_whatever_parts_and_writes_it(mark: str, code: str) -> None:
    text = f"Tên đăng nhập{mark}Mục đích\r\nnam{mark}Người ký\r\n\r\n"
    assert read(text.encode(code)) == [["Tên đăng nhập", "Mục đích"], ["nam", "Người ký"]]


def test_a_workbook_gives_shared_inline_and_numeric_cells_in_their_columns() -> None:
    rows = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>Mục </t><t>đích</t></is></c></row>'
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


def test_entities_that_grow_are_refused() -> None:
    head = "<!DOCTYPE x [" + '<!ENTITY a0 "aaaaaaaaaa">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)
    ) + "]>"
    with pytest.raises(SheetRefused):
        read(workbook("<row><c t='inlineStr'><is><t>&a9;</t></is></c></row>", head=head))


def test_a_bomb_and_a_list_without_end_are_refused() -> None:
    with pytest.raises(SheetRefused):
        read(workbook("<row/>", bomb=b"\x00" * (65 * 1024 * 1024)))
    with pytest.raises(SheetTooLong):
        read(b"a;b\n" * (MOST_ROWS + 2))


def test_a_wide_row_and_a_long_cell_are_cut() -> None:
    (row,) = read(("x" * 5000 + ";y" * 500).encode())
    assert (len(row), len(row[0])) == (30, 300)
    assert read(workbook('<row><c r="XFD1"><v>1</v></c></row><row><c r="A2"><v>2</v></c></row>')) == [["2"]]

"""Pages taken for a copy: they look as before, and nothing else of the file travels along."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageChops
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from eoffice.core.errors import InvalidInput
from eoffice.core.sandbox import Sandbox
from eoffice.formats.extract import lay_out


def scan(pages: int = 4) -> bytes:
    """Pages with a line and a picture each, as a scanner writes them."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=True)
    for number in range(1, pages + 1):
        canvas.drawImage(ImageReader(Image.new("RGB", (90, 60), (number * 50, 120, 40))), 100, 500)
        canvas.drawString(72, 700, f"trang {number}")
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def changed(data: bytes, change) -> bytes:  # type: ignore[no-untyped-def]
    """The file with something done to it."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        change(pdf)
        pdf.save(out)
    return out.getvalue()


def form(where: tuple[int, int, int, int] = (100, 300, 260, 330), flags: int = 4) -> bytes:
    """A scan with a field on page 1 that shows a word, a script, a file inside and a link."""

    def add(pdf: pikepdf.Pdf) -> None:
        look = pdf.make_stream(b"0 0 1 rg 0 0 160 30 re f")
        look.Type, look.Subtype, look.BBox = pikepdf.Name.XObject, pikepdf.Name.Form, [0, 0, 160, 30]
        widget = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Tx, T="so", F=flags,
                Rect=list(where), AP=pikepdf.Dictionary(N=look), V="04",
            )
        )  # fmt: skip
        pdf.pages[0].Annots = pdf.make_indirect(pikepdf.Array([widget]))
        pdf.pages[0].AA = pikepdf.Dictionary(O=pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)"))
        pdf.Root.AcroForm = pdf.make_indirect(pikepdf.Dictionary(Fields=[widget], NeedAppearances=True))
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(2)")
        pdf.attachments["note.txt"] = b"inside"
        pdf.docinfo["/Author"] = "Somebody"

    return changed(scan(), add)


def picture(pdf: bytes, page: int) -> Image.Image:
    document = pypdfium2.PdfDocument(pdf)
    document.init_forms()
    return document[page - 1].render(scale=1, may_draw_forms=True).to_pil().convert("RGB")


def texts(pdf: bytes) -> list[str]:
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.get_textpage().get_text_range() for page in document]


def test_a_plain_scan_is_signed_as_it_is() -> None:
    assert lay_out(scan(), pages=[]) == b""


@pytest.mark.parametrize("pages", [[1], [1, 3], [1, 2, 4]])
def test_pages_are_taken_as_they_are(pages: list[int], qpdf: Path, tmp_path: Path) -> None:
    before = scan()
    made = lay_out(before, pages=pages)
    assert texts(made) == [f"trang {page}" for page in pages]
    for place, page in enumerate(pages, start=1):
        assert ImageChops.difference(picture(made, place), picture(before, page)).getbbox() is None
    (tmp_path / "made.pdf").write_bytes(made)
    subprocess.run([qpdf, "--check", tmp_path / "made.pdf"], check=True, capture_output=True)


def test_the_same_wish_gives_the_same_bytes_in_another_process() -> None:
    with Sandbox(workers=1) as sandbox:
        elsewhere = sandbox.call("eoffice.formats.extract.lay_out", form(), pages=[1, 2])
    assert elsewhere == lay_out(form(), pages=[1, 2])


def test_what_fields_show_becomes_part_of_the_page_and_nothing_active_comes_along() -> None:
    made = lay_out(form(), pages=[])
    assert ImageChops.difference(picture(made, 1), picture(scan(), 1)).getbbox() == (100, 511, 261, 542)
    assert picture(made, 1).getpixel((180, 842 - 315)) == (0, 0, 255)
    with pikepdf.open(io.BytesIO(made)) as pdf:
        assert set(pdf.Root.keys()) <= {"/Type", "/Pages"}
        assert not any({"/Annots", "/AA"} & set(page.obj.keys()) for page in pdf.pages)
        assert "/Info" not in pdf.trailer
    for word in (b"JavaScript", b"inside", b"Somebody", b"/Widget"):
        assert word not in made, word


def test_pictures_of_pages_left_out_stay_out() -> None:
    """Many producers list the pictures of all pages at each of them."""

    def share(pdf: pikepdf.Pdf) -> None:
        every = pikepdf.Dictionary()
        for number, page in enumerate(pdf.pages, start=1):
            (name,) = page.Resources.XObject.keys()
            every[f"/P{number}"] = page.Resources.XObject[name]
            page.Contents = pdf.make_stream(page.Contents.read_bytes().replace(name.encode(), f"/P{number}".encode()))
        shared = pdf.make_indirect(pikepdf.Dictionary(XObject=every, Font=pdf.pages[0].Resources.Font))
        for page in pdf.pages:
            page.Resources = shared

    made = lay_out(changed(scan(), share), pages=[1])
    with pikepdf.open(io.BytesIO(made)) as pdf:
        pictures = [item for item in pdf.objects if isinstance(item, pikepdf.Stream) and "/Width" in item]
    assert len(pictures) == 1


def test_hidden_layers_stay_hidden() -> None:
    def add(pdf: pikepdf.Pdf) -> None:
        layer = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name="hidden"))
        pdf.Root.OCProperties = pikepdf.Dictionary(OCGs=[layer], D=pikepdf.Dictionary(OFF=[layer], Order=[layer]))
        pdf.pages[0].Resources.Properties = pikepdf.Dictionary(L=layer)
        pdf.pages[0].contents_add(b"/OC /L BDC 1 0 0 rg 300 300 80 80 re f EMC")

    before = changed(scan(), add)
    made = lay_out(before, pages=[1, 2])
    assert ImageChops.difference(picture(made, 1), picture(before, 1)).getbbox() is None
    assert picture(made, 1).getpixel((340, 842 - 340)) == (255, 255, 255)


def test_a_locked_file_is_opened_without_its_lock() -> None:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(scan())) as pdf:
        pdf.save(out, encryption=pikepdf.Encryption(owner="owner", user=""))
    with pikepdf.open(io.BytesIO(lay_out(out.getvalue(), pages=[]))) as pdf:
        assert not pdf.is_encrypted
        assert len(pdf.pages) == 4


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_words_are_not_put_over_words(turned: int) -> None:
    """Another signature's words at the top right of the page as shown: an annex signed by its agency."""
    width, height = (int(side) for side in A4)
    where = {
        0: (width - 200, height - 45, width - 45, height - 20),
        90: (20, height - 200, 45, height - 45),
        180: (45, 20, 200, 45),
        270: (width - 45, 45, width - 20, 200),
    }
    for place, box in where.items():
        data = changed(form(box), lambda pdf: setattr(pdf.pages[0], "Rotate", turned))
        if place == turned:
            with pytest.raises(InvalidInput) as refused:
                lay_out(data, pages=[1, 2])
            assert refused.value.code == "copy_no_room"
        else:
            assert lay_out(data, pages=[1, 2])
    assert lay_out(form(where[0], flags=2), pages=[1, 2]), "what nobody sees is in nobody's way"


@pytest.mark.parametrize("pages", [[5], [1, 999_999]])
def test_pages_that_are_not_there(pages: list[int]) -> None:
    with pytest.raises(IndexError):
        lay_out(scan(), pages=pages)

"""One test PKI for all tests of signing, raised from the recipe that travels with the product, and a small letter."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, append_signature_field
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from signing.objects import dictionary, name
from signing.pki import RECIPE, Pki, raise_pki
from signing.tsa import LocalTsa

AT = datetime(2026, 11, 21, 2, 15, 42, tzinfo=UTC)

TEXT_FIELDS = {
    "so": (100, 749, 190, 765),
    "ngay": (380, 749, 400, 765),
    "thang": (432, 749, 452, 765),
    "nam": (480, 749, 512, 765),
}
SIGNATURE_FIELDS = {"leader": (330, 400, 500, 480), "agency": (285, 385, 391, 491)}


def letter(
    pages: int = 1, *, sign_fields: dict[str, tuple[int, ...]] = SIGNATURE_FIELDS, compress: bool = True
) -> bytes:
    """A letter with the empty fields of a draft: number, date, leader, agency seal."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=True, pageCompression=int(compress), pdfVersion=(1, 7))
    canvas.setTitle("Letter")
    for page in range(pages):
        canvas.drawString(72, 780, f"Page {page + 1}")
        canvas.drawString(72, 752, "So:                                 /SNV-VTLT")
        canvas.showPage()
    canvas.save()
    writer = IncrementalPdfFileWriter(io.BytesIO(out.getvalue()))
    page_ref = writer.find_page_for_modification(0)[0]
    page = page_ref.get_object()
    widgets = []
    for field, box in TEXT_FIELDS.items():
        entries = {
            "Type": name("Annot"),
            "Subtype": name("Widget"),
            "FT": name("Tx"),
            "T": generic.TextStringObject(field),
            "Rect": box,
            "F": 4,
            "DA": generic.TextStringObject("/Helv 13 Tf 0 g"),
            "P": generic.IndirectObject(page_ref.idnum, page_ref.generation, writer),
        }
        widgets.append(writer.add_object(dictionary(entries)))
    page[name("Annots")] = generic.ArrayObject(widgets)
    form = {"Fields": generic.ArrayObject(widgets), "DA": generic.TextStringObject("/Helv 0 Tf 0 g")}
    writer.root[name("AcroForm")] = writer.add_object(dictionary(form))
    writer.update_root()
    for field, box in sign_fields.items():
        append_signature_field(writer, SigFieldSpec(field, box=box))
    done = io.BytesIO()
    writer.write(done)
    return done.getvalue()


@pytest.fixture(scope="session")
def at() -> datetime:
    """The moment most tests happen: Saturday morning in Hà Nội."""
    return AT


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Everybody of ``certs/recipe.toml``, with cheap password stretching; keys as in the recipe."""
    return raise_pki(RECIPE, tmp_path_factory.mktemp("pki"), at=AT, rounds=1000)


@pytest.fixture(scope="session")
def tsa(pki: Pki) -> LocalTsa:
    """The test authority, stopped at the moment of the tests."""
    return LocalTsa(pki.key("tsa"), lambda: AT)


@pytest.fixture(scope="session")
def draft() -> bytes:
    """A letter of one page, ready to be signed."""
    return letter()

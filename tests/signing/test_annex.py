"""Separate annexes and copies: the words of the decree at the top right of the page as shown, and nothing else."""

from __future__ import annotations

import io
import subprocess
from datetime import datetime
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from PIL import ImageChops
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from signing.annex import AnnexRequest, CopyRequest, require_annex, sign_annex, sign_copy
from signing.errors import NotPermitted
from signing.keys import Signer
from signing.pending import complete, prepare
from signing.pki import Pki
from signing.results import Verdict
from signing.sign import Request, sign
from signing.verify import verify
from tests.signing.conftest import letter

TIME = "2026-11-21T09:15:42+07:00"


def annex(*, turned: int = 0, box: tuple[float, float, float, float] | None = None, forms: bool = False) -> bytes:
    """A page of a table by another hand: no form, perhaps turned, perhaps showing only a part of its sheet."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=True)
    canvas.drawString(72, 600, "Table of the annex")
    canvas.showPage()
    canvas.save()
    if not (turned or box or forms):
        return out.getvalue()
    with pikepdf.open(io.BytesIO(out.getvalue())) as pdf:
        page = pdf.pages[0].obj
        if turned:
            pdf.Root.Pages.Rotate = turned  # inherited, as many producers have it
        if box:
            page.CropBox = pikepdf.Array(box)
        done = io.BytesIO()
        pdf.save(done, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return done.getvalue()


def ink(pdf: bytes) -> tuple[float, float, float, float]:
    """Where the widget's ink is on page 1 as shown: left, top, right, bottom as fractions of the page."""
    document = pypdfium2.PdfDocument(pdf)
    document.init_forms()
    with_words = document[0].render(scale=2, may_draw_forms=True, draw_annots=True).to_pil().convert("L")
    without = document[0].render(scale=2, may_draw_forms=False, draw_annots=False).to_pil().convert("L")
    box = ImageChops.difference(with_words, without).getbbox()
    assert box is not None
    return (
        box[0] / with_words.width,
        box[1] / with_words.height,
        box[2] / with_words.width,
        box[3] / with_words.height,
    )


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
@pytest.mark.parametrize("box", [None, (30, 40, 500, 700)])
def test_the_words_stand_at_the_top_right_of_the_page_as_shown(
    pki: Pki, at: datetime, turned: int, box: tuple[float, float, float, float] | None
) -> None:
    pdf = annex(turned=turned, box=box)
    signed = sign_annex(pdf, pki.key("seal"), AnnexRequest("04/SNV-VTLT"), pki.trust(), at=at)
    assert signed.pdf.startswith(pdf)
    left, top, right, bottom = ink(signed.pdf)
    assert left > 0.6
    assert 0.9 < right < 0.99
    assert 0.005 < top < 0.04
    assert bottom < 0.09
    assert (right - left) > 2 * (bottom - top) * 0.7, "two lines of words lie flat"
    found = verify(signed.pdf, pki.trust(), at=at)
    assert found.verdict is Verdict.PASSED
    assert found.signatures[0].kind == "approval"


def test_an_annex_tells_the_main_document_and_the_time(
    pki: Pki, at: datetime, pdfsig: Path, qpdf: Path, tmp_path: Path
) -> None:
    signed = sign_annex(annex(), pki.key("seal"), AnnexRequest("04/SNV-VTLT"), pki.trust(), at=at)
    with pikepdf.open(io.BytesIO(signed.pdf)) as pdf:
        (widget,) = pdf.pages[0].Annots
        look = widget.AP.N
        assert look.Resources.get("/XObject") is None, "no picture (Annex I, part II, 12)"
        assert "/F 10.00 Tf" in look.read_bytes().decode("latin-1")
        letters = look.Resources.Font.F.ToUnicode.read_bytes().decode("latin-1")
    assert all(f"{ord(letter):04X}" in letters for letter in set(TIME + "04/SNV-VTLT"))
    file = tmp_path / "annex.pdf"
    file.write_bytes(signed.pdf)
    told = subprocess.run([pdfsig, "-nocert", file], check=True, capture_output=True, text=True).stdout
    assert "Signature is Valid" in told
    subprocess.run([qpdf, "--check", file], check=True, capture_output=True)


def test_a_copy_tells_its_form_its_agency_and_the_time(pki: Pki, at: datetime) -> None:
    request = CopyRequest("SAO Y", "Sở Nội vụ tỉnh An Bình")
    signed = sign_copy(annex(forms=True), pki.key("seal"), request, pki.trust(), at=at)
    with pikepdf.open(io.BytesIO(signed.pdf)) as pdf:
        look = pdf.pages[0].Annots[0].AP.N.read_bytes().decode("latin-1")
    assert look.count(" Tj") == 3
    assert verify(signed.pdf, pki.trust(), at=at).verdict is Verdict.PASSED


def test_an_annex_is_signed_by_a_key_elsewhere(pki: Pki, at: datetime) -> None:
    key, pdf = pki.key("seal"), annex()
    request = AnnexRequest("04/SNV-VTLT")
    begun = prepare(pdf, Signer(key.certificate, key.chain), request, pki.trust(), user="hanh", at=at)
    value = key.sign(begun.to_sign, digest=begun.digest)
    signed = complete(begun, value, pki.trust(), user="hanh", at=at)
    assert signed.pdf.startswith(pdf)
    assert signed.field == "annex"
    assert ink(signed.pdf) == ink(sign_annex(pdf, key, request, pki.trust(), at=at).pdf)
    assert verify(signed.pdf, pki.trust(), at=at).verdict is Verdict.PASSED


def test_what_could_not_be_signed_is_known_without_a_key(pki: Pki, at: datetime) -> None:
    request = AnnexRequest("04/SNV-VTLT")
    require_annex(annex(), request, at=at)
    certified = sign(letter(), pki.key("leader"), Request("leader", "certification"), pki.trust(), at=at)
    with pytest.raises(NotPermitted) as refused:
        require_annex(certified.pdf, request, at=at)
    assert refused.value.code == "document_locked"


def test_two_agencies_may_sign_one_annex(pki: Pki, at: datetime) -> None:
    first = sign_annex(annex(), pki.key("seal"), AnnexRequest("04/SNV-VTLT"), pki.trust(), at=at)
    with pytest.raises(NotPermitted) as refused:
        sign_annex(first.pdf, pki.key("leader"), AnnexRequest("05/SNV"), pki.trust(), at=at)
    assert refused.value.code == "field_taken"
    second = sign_annex(first.pdf, pki.key("leader"), AnnexRequest("05/SNV", field="second"), pki.trust(), at=at)
    found = verify(second.pdf, pki.trust(), at=at)
    assert [item.verdict for item in found.signatures] == [Verdict.PASSED, Verdict.PASSED]


def test_nothing_is_placed_in_a_certified_file(pki: Pki, at: datetime) -> None:
    certified = sign(letter(), pki.key("leader"), Request("leader", "certification"), pki.trust(), at=at)
    with pytest.raises(NotPermitted) as refused:
        sign_annex(certified.pdf, pki.key("seal"), AnnexRequest("04/SNV-VTLT"), pki.trust(), at=at)
    assert refused.value.code == "document_locked"


def test_a_letter_no_font_has_is_told(pki: Pki, at: datetime) -> None:
    with pytest.raises(NotPermitted) as refused:
        sign_annex(annex(), pki.key("seal"), AnnexRequest("04/漢"), pki.trust(), at=at)
    assert refused.value.code == "text_not_drawable"

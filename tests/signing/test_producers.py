"""PDFs of other makers, signed twice by us: we, Poppler, MuPDF and qpdf must agree whether they are sound."""



from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pikepdf
import pytest

from signing.errors import NotPermitted
from signing.fields import place_field
from signing.inspect import inspect
from signing.pki import Pki
from signing.results import Modification, Verdict, Verification
from signing.sign import Request, sign
from signing.verify import verify
from tests.signing.conftest import letter
from tests.signing.making import CATALOG, draft
from tests.support.parts import Parts

Maker = Callable[[Parts, Path, Path], None]
PAGE = """<!doctype html><meta charset=utf-8><title>Quyết định</title>
<body style="font-family:serif"><h1>QUYẾT ĐỊNH</h1><p>Số: 12/QĐ-SNV. Nội dung thử nghiệm: ậ ộ Ủ Ỉ ữ.</p>
<p><a href="https://example.org/">liên kết</a></p><p style="page-break-before:always">Trang hai</p>"""


def _run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, timeout=90, check=True)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def _chromium(parts: Parts, base: Path, made: Path) -> None:
    page = base.with_suffix(".html")
    page.write_text(PAGE, "utf-8")
    program = parts.program("Chromium", "chromium", "chromium-browser")
    home = made.parent / "profile"
    _run(program, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={home}", "--no-pdf-header-footer",
         f"--print-to-pdf={made}", page.as_uri())  # fmt: skip


def _cairo(parts: Parts, base: Path, made: Path) -> None:
    _run(parts.program("pdfsig", "pdftocairo"), "-pdf", base, made)


def _ghostscript(*options: str) -> Maker:
    def make(parts: Parts, base: Path, made: Path) -> None:
        program = parts.program("ghostscript", "gs")
        _run(program, "-q", "-dNOPAUSE", "-dBATCH", "-sDEVICE=pdfwrite", *options, "-o", made, base)

    return make


def _qpdf(*options: str) -> Maker:
    def make(parts: Parts, base: Path, made: Path) -> None:
        _run(parts.program("qpdf", "qpdf"), *options, base, made)

    return make


def _mutool(*options: str) -> Maker:
    def make(parts: Parts, base: Path, made: Path) -> None:
        places = ("-o", made, base) if options[0] == "convert" else (base, made)
        _run(parts.program("mutool", "mutool"), *options, *places)

    return make


def _reportlab(parts: Parts, base: Path, made: Path) -> None:
    made.write_bytes(base.read_bytes())


def _pikepdf(parts: Parts, base: Path, made: Path) -> None:
    with pikepdf.open(base) as pdf:
        pdf.add_blank_page()
        pdf.save(made, object_stream_mode=pikepdf.ObjectStreamMode.generate, linearize=True)


def _pikepdf_old(parts: Parts, base: Path, made: Path) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(595, 842))
        pdf.save(made, force_version="1.3", object_stream_mode=pikepdf.ObjectStreamMode.disable)


MAKERS: dict[str, Maker] = {
    "reportlab": _reportlab,
    "chromium": _chromium,
    "cairo": _cairo,
    "ghostscript": _ghostscript(),
    "ghostscript 1.4": _ghostscript("-dCompatibilityLevel=1.4"),
    "qpdf object streams": _qpdf("--object-streams=generate"),
    "qpdf linearized": _qpdf("--linearize"),
    "qpdf linearized object streams": _qpdf("--linearize", "--object-streams=generate"),
    "qpdf plain": _qpdf("--qdf"),
    "mupdf clean": _mutool("clean", "-gggg", "-z"),
    "mupdf convert": _mutool("convert"),
    "pikepdf": _pikepdf,
    "pikepdf old": _pikepdf_old,
}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("makers")
    (folder / "base.pdf").write_bytes(letter(2))
    with pikepdf.open(folder / "base.pdf") as pdf:
        del pdf.Root.AcroForm
        for page in pdf.pages:
            if "/Annots" in page:
                del page.Annots
        pdf.save(folder / "bare.pdf")
    return folder


def signed(pdf: bytes, pki: Pki, at: datetime) -> bytes:
    """Certified by the leader, then sealed."""
    placed = place_field(pdf, "agency", box=(120, 40, 220, 140))
    placed = place_field(placed, "leader", page=inspect(pdf).pages)
    assert placed.startswith(pdf)
    first = sign(placed, pki.key("leader"), Request("leader", kind="certification"), pki.trust(), at=at)
    return sign(first.pdf, pki.key("seal"), Request("agency", lock_all=True), pki.trust(), at=at).pdf


def judged(pdf: bytes, pki: Pki, at: datetime) -> Verification:
    return verify(pdf, pki.trust(), at=at + timedelta(minutes=1))


@pytest.mark.parametrize("maker", MAKERS)
def test_all_witnesses_agree(
    parts: Parts, pdfsig: Path, qpdf: Path, mutool: Path, shelf: Path, pki: Pki, at: datetime, maker: str
) -> None:
    made = shelf / f"{maker.replace(' ', '-')}.pdf"
    MAKERS[maker](parts, shelf / "bare.pdf", made)
    path = made.with_suffix(".signed.pdf")
    path.write_bytes(signed(made.read_bytes(), pki, at))
    answer = judged(path.read_bytes(), pki, at)
    assert answer.verdict is Verdict.PASSED, answer
    assert answer.notes == ()
    assert [item.modification for item in answer.signatures] == [Modification.PERMITTED, Modification.NONE]
    assert _run(pdfsig, "-nocert", path).count("Signature is Valid.") == 2
    assert "No syntax or stream encoding errors" in _run(qpdf, "--check", path)
    told = _run(mutool, "sign", "-v", path)
    assert told.count("The document is unchanged since signing.") == 1
    assert told.count("The signature is valid but there have been edits since signing.") == 1

    data = bytearray(path.read_bytes())
    spot = len(made.read_bytes()) // 2
    data[spot] ^= 1
    path.write_bytes(data)
    assert judged(bytes(data), pki, at).verdict in (Verdict.FAILED, Verdict.UNREADABLE)
    assert "Signature is Valid." not in subprocess.run(
        [pdfsig, "-nocert", path], capture_output=True, text=True, check=False, timeout=60
    ).stdout


REWRITERS = ["ghostscript", "qpdf object streams", "qpdf linearized", "mupdf clean", "pikepdf"]


@pytest.mark.parametrize("maker", REWRITERS)
def test_a_signed_file_that_was_written_anew_does_not_pass(
    parts: Parts, shelf: Path, pki: Pki, at: datetime, maker: str
) -> None:
    path = shelf / "twice.pdf"
    path.write_bytes(signed((shelf / "bare.pdf").read_bytes(), pki, at))
    made = shelf / f"anew-{maker.replace(' ', '-')}.pdf"
    MAKERS[maker](parts, path, made)
    answer = judged(made.read_bytes(), pki, at)
    if answer.signatures:
        assert answer.verdict is Verdict.FAILED
    else:  # the maker threw the signatures away altogether
        assert answer.verdict is Verdict.UNSIGNED


def test_a_hybrid_file_is_judged_and_told(pdfsig: Path, pki: Pki, at: datetime, tmp_path: Path) -> None:
    """Two tables side by side, as some word processors write them (ISO 32000-2, 7.5.8.4)."""
    base = draft()
    out = bytearray(base.data)
    hidden = len(out)
    packed = b"951 0 <</X true>>"
    out += b"950 0 obj\n<</Type/ObjStm/N 1/First 6/Length %d>>stream\n%s\nendstream\nendobj\n" % (len(packed), packed)
    rows = b"\x01" + hidden.to_bytes(4, "big") + b"\x00" + b"\x02" + (950).to_bytes(4, "big") + b"\x00"
    second = len(out)
    keys = b"/Type/XRef/Size 961/W[1 4 1]/Index[950 2]/Root %d 0 R/Length %d" % (CATALOG, len(rows))
    out += b"960 0 obj\n<<%s>>stream\n%s\nendstream\nendobj\n" % (keys, rows)
    table = len(out)
    out += b"xref\n0 1\n0000000000 65535 f \n"
    out += b"trailer\n<</Size 961/Root %d 0 R/Prev %d/XRefStm %d>>\nstartxref\n%d\n%%%%EOF\n" % (
        CATALOG, base.table, second, table,
    )  # fmt: skip
    made = sign(bytes(out), pki.key("leader"), Request("leader"), pki.trust(), at=at).pdf
    answer = judged(made, pki, at)
    assert answer.verdict is Verdict.WARNED
    assert "hybrid_references" in [note.code for note in answer.notes]
    assert [item.verdict for item in answer.signatures] == [Verdict.PASSED]
    (tmp_path / "hybrid.pdf").write_bytes(made)
    assert "Signature is Valid." in _run(pdfsig, "-nocert", tmp_path / "hybrid.pdf")


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"field": "leader"}, "field_taken"),
        ({"field": "so"}, "field_taken"),
        ({"field": "x", "page": 3}, "field_missing"),
    ],
)
def test_no_field_where_none_can_be(draft: bytes, how: dict[str, object], code: str) -> None:
    with pytest.raises(NotPermitted) as refused:
        place_field(draft, **how)  # type: ignore[arg-type]
    assert refused.value.code == code


def test_no_field_is_placed_after_a_signature(draft: bytes, pki: Pki, at: datetime) -> None:
    made = sign(draft, pki.key("leader"), Request("leader"), pki.trust(), at=at).pdf
    with pytest.raises(NotPermitted, match="document_locked"):
        place_field(made, "another")

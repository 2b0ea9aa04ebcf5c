"""The seal comes after the leader and with a number, in one increment that leaves the leader's signature good."""

from __future__ import annotations

import io
import random
import subprocess
import unicodedata
from datetime import datetime, timedelta
from pathlib import Path

import pypdfium2
import pytest
from asn1crypto.keys import PrivateKeyInfo
from asn1crypto.x509 import Certificate
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pyhanko_certvalidator.registry import SimpleCertificateStore
from pypdfium2 import raw as pdfium

from signing.errors import CertificateUnfit, NotPermitted, SigningError, TsaDown
from signing.keys import SoftKey
from signing.objects import name
from signing.pki import Pki
from signing.results import Modification, Verdict
from signing.seal import SealRequest, fill_and_seal
from signing.sign import Request, sign
from signing.stamp import SEAL_MM, Stamp, handwriting, seal
from signing.trust import Trust
from signing.tsa import LocalTsa
from signing.typeface import face_for
from signing.verify import verify
from tests.signing.conftest import SIGNATURE_FIELDS, letter

TEXTS = {"so": "05", "ngay": "02", "thang": "01", "nam": "2027"}


@pytest.fixture(scope="module")
def trust(pki: Pki) -> Trust:
    return pki.trust()


@pytest.fixture(scope="module")
def agency(pki: Pki) -> SoftKey:
    return pki.key("seal")


@pytest.fixture(scope="module")
def signed(draft: bytes, pki: Pki, trust: Trust, at: datetime) -> bytes:
    """The draft, signed by the leader on the last day of the year."""
    stamp = Stamp(handwriting("Nguyễn Văn Nam"))
    return sign(draft, pki.key("leader"), Request("leader", kind="certification", stamp=stamp), trust, at=at).pdf


@pytest.fixture(scope="module")
def picture() -> Stamp:
    return Stamp(seal("Sở Nội vụ tỉnh An Bình"), SEAL_MM, SEAL_MM)


def field(pdf: bytes, wanted: str) -> generic.DictionaryObject:
    form = PdfFileReader(io.BytesIO(pdf)).root["/AcroForm"]
    return next(ref.get_object() for ref in form["/Fields"] if ref.get_object()["/T"] == wanted)


def shown(pdf: bytes) -> str:
    """The text of the first page as a viewer shows it, forms drawn into the page."""
    opened = pypdfium2.PdfDocument(pdf)
    try:
        page = opened[0]
        pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)
        again = opened[0].get_textpage()
        return str(again.get_text_bounded())
    finally:
        opened.close()


def test_the_issued_letter_convinces_others(
    signed: bytes,
    agency: SoftKey,
    trust: Trust,
    at: datetime,
    tsa: LocalTsa,
    picture: Stamp,
    pdfsig: Path,
    qpdf: Path,
    tmp_path: Path,
) -> None:
    done = fill_and_seal(signed, agency, SealRequest(TEXTS, stamp=picture), trust, tsa=tsa, at=at)
    assert done.pdf.startswith(signed)
    assert (done.level, done.proven_time) == ("B-T", at)
    (tmp_path / "x.pdf").write_bytes(done.pdf)
    said = subprocess.run([pdfsig, "x.pdf"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said.count("Signature is Valid") == 2
    subprocess.run([qpdf, "--check", "x.pdf"], cwd=tmp_path, check=True, capture_output=True)
    found = verify(done.pdf, trust, at=at + timedelta(days=1))
    assert found.verdict is Verdict.PASSED
    leader, sealed = found.signatures
    assert (leader.field, leader.verdict, leader.modification) == ("leader", Verdict.PASSED, Modification.PERMITTED)
    assert {change.where for change in leader.changes if change.kind == "form_value"} == set(TEXTS)
    assert {change.kind for change in leader.changes} == {"form_value", "signature_added"}
    assert (sealed.field, sealed.level, sealed.covers_all, sealed.locks) == ("agency", "B-T", True, True)


def test_it_is_one_increment(signed: bytes, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa) -> None:
    done = fill_and_seal(signed, agency, SealRequest(TEXTS), trust, tsa=tsa, at=at)
    revisions = [PdfFileReader(io.BytesIO(pdf)).total_revisions for pdf in (signed, done.pdf)]
    assert revisions[1] == revisions[0] + 1


def test_number_and_date_are_read_from_fields_and_page(
    signed: bytes, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa
) -> None:
    pdf = fill_and_seal(signed, agency, SealRequest(TEXTS), trust, tsa=tsa, at=at).pdf
    for wanted, text in TEXTS.items():
        filled = field(pdf, wanted)
        assert filled["/V"] == text
        assert filled["/Ff"] & 1
        assert field(signed, wanted).get("/Ff") is None
    words = shown(pdf).split()
    assert all(text in words for text in TEXTS.values())


@pytest.mark.parametrize("number", ["05", "1234", "12/QĐ-UBND", "7/QyĐ", "Số ậộỦỈ", "12/QĐ-HĐND-TTr/B"])
def test_every_symbol_can_be_written(
    signed: bytes, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa, number: str
) -> None:
    texts = {**TEXTS, "so": unicodedata.normalize("NFD", number)}
    pdf = fill_and_seal(signed, agency, SealRequest(texts), trust, tsa=tsa, at=at).pdf
    assert field(pdf, "so")["/V"] == number
    assert number in shown(pdf)
    assert verify(pdf, trust, at=at).verdict is Verdict.PASSED


def test_a_text_that_would_leave_its_field_is_refused(
    signed: bytes, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa
) -> None:
    with pytest.raises(NotPermitted, match="text_too_long"):
        fill_and_seal(signed, agency, SealRequest({**TEXTS, "so": "8" * 30}), trust, tsa=tsa, at=at)


def test_a_letter_the_font_lacks_is_refused_and_not_drawn_as_a_box(
    signed: bytes, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa
) -> None:
    with pytest.raises(NotPermitted, match="text_not_drawable"):
        fill_and_seal(signed, agency, SealRequest({**TEXTS, "so": "五"}), trust, tsa=tsa, at=at)


def test_all_vietnamese_letters_have_glyphs_of_their_own() -> None:
    vowels = "aăâeêioôơuưy"
    marked = [
        unicodedata.normalize("NFC", vowel + tone)
        for vowel in vowels
        for tone in ("", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323")
    ]
    letters = "".join(marked) + "đ"
    letters += letters.upper()
    assert len(letters) == 146
    for italic in (False, True):
        face = face_for(letters, italic=italic)
        assert len({face.glyphs[letter] for letter in letters}) == 146
        assert all(face.widths[face.glyphs[letter]] > 0 for letter in letters)
    assert len(face_for("2027", italic=False).program) < 3000


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        ({}, "number_missing"),
        ({**TEXTS, "so": ""}, "number_missing"),
        ({**TEXTS, "so": " \t"}, "number_missing"),
        ({**TEXTS, "nam": ""}, "date_missing"),
        ({"so": "05"}, "date_missing"),
        ({**TEXTS, "nobody": "x"}, "field_missing"),
        ({**TEXTS, "agency": "x"}, "field_missing"),
    ],
)
def test_without_number_and_date_there_is_no_seal(
    signed: bytes, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa, texts: dict[str, str], code: str
) -> None:
    with pytest.raises(NotPermitted) as refused:
        fill_and_seal(signed, agency, SealRequest(texts), trust, tsa=tsa, at=at)
    assert refused.value.code == code


def refused_as_unsigned(pdf: bytes, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa) -> bool:
    try:
        fill_and_seal(pdf, agency, SealRequest(TEXTS), trust, tsa=tsa, at=at)
    except NotPermitted as error:
        return error.code == "leader_signature_missing"
    return False


def test_without_the_leader_there_is_no_seal(
    draft: bytes, pki: Pki, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa
) -> None:
    leader = pki.key("leader")
    assert refused_as_unsigned(draft, agency, trust, at, tsa)
    approval = sign(draft, leader, Request("leader"), trust, at=at).pdf  # protects nothing that is filled in later
    assert refused_as_unsigned(approval, agency, trust, at, tsa)
    three = letter(sign_fields={**SIGNATURE_FIELDS, "other": (50, 50, 100, 100)})
    elsewhere = sign(three, leader, Request("other", kind="certification"), trust, at=at).pdf
    assert refused_as_unsigned(elsewhere, agency, trust, at, tsa)
    both = sign(elsewhere, leader, Request("leader"), trust, at=at).pdf
    assert refused_as_unsigned(both, agency, trust, at, tsa)
    closed = sign(draft, leader, Request("leader", kind="certification", lock_all=True), trust, at=at).pdf
    assert refused_as_unsigned(closed, agency, trust, at, tsa)


def test_a_leader_s_file_that_was_touched_is_not_sealed(
    signed: bytes, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa
) -> None:
    (embedded,) = PdfFileReader(io.BytesIO(signed)).embedded_signatures
    _, start, end, rest = embedded.byte_range
    dice = random.Random(11)
    for _ in range(40):
        place = dice.choice((dice.randrange(20, start - 200), dice.randrange(end, end + rest)))
        broken = bytearray(signed)
        broken[place] ^= 1 << dice.randrange(8)
        with pytest.raises(SigningError):
            fill_and_seal(bytes(broken), agency, SealRequest(TEXTS), trust, tsa=tsa, at=at)
    swapped = signed[: start + 1] + b"00" * ((end - start - 2) // 2) + signed[end - 1 :]
    assert refused_as_unsigned(swapped, agency, trust, at, tsa)


def test_a_certification_the_catalogue_does_not_know_is_none(
    signed: bytes, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa
) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(signed))
    del writer.root["/Perms"]
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)
    assert refused_as_unsigned(out.getvalue(), agency, trust, at, tsa)


@pytest.mark.parametrize(("digest", "sealed"), [("sha1", False), ("sha256", True)])
def test_a_leader_s_signature_of_other_software_counts_unless_it_is_weak(
    draft: bytes, pki: Pki, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa, digest: str, sealed: bool
) -> None:
    leader = pki.key("leader")
    assert leader._private is not None
    signer = SimpleSigner(
        signing_cert=Certificate.load(leader.certificate),
        signing_key=PrivateKeyInfo.load(
            leader._private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        ),
        cert_registry=SimpleCertificateStore.from_certs([Certificate.load(one) for one in leader.chain]),
    )
    facts = PdfSignatureMetadata("leader", md_algorithm=digest, certify=True, subfilter=SigSeedSubFilter.PADES)
    out = io.BytesIO()
    sign_pdf(IncrementalPdfFileWriter(io.BytesIO(draft)), facts, signer, output=out)
    assert refused_as_unsigned(out.getvalue(), agency, trust, at, tsa) is not sealed


def test_a_seal_is_put_once(signed: bytes, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa) -> None:
    done = fill_and_seal(signed, agency, SealRequest(TEXTS), trust, tsa=tsa, at=at).pdf
    with pytest.raises(NotPermitted) as refused:
        fill_and_seal(done, agency, SealRequest(TEXTS), trust, tsa=tsa, at=at)
    assert refused.value.code in {"field_taken", "document_locked"}


def test_a_field_filled_before_is_not_overwritten(
    signed: bytes, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa
) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(signed))
    found = next(ref for ref in writer.root["/AcroForm"]["/Fields"] if ref.get_object()["/T"] == "so")
    found.get_object()[name("V")] = generic.TextStringObject("99")
    writer.mark_update(found)
    out = io.BytesIO()
    writer.write(out)
    with pytest.raises(NotPermitted) as refused:
        fill_and_seal(out.getvalue(), agency, SealRequest(TEXTS), trust, tsa=tsa, at=at)
    assert refused.value.code == "field_taken"


def test_only_a_fit_certificate_seals(signed: bytes, pki: Pki, trust: Trust, at: datetime, tsa: LocalTsa) -> None:
    for who in ("exchange", "expired", "revoked", "rogue-leader"):
        with pytest.raises(CertificateUnfit):
            fill_and_seal(signed, pki.key(who), SealRequest(TEXTS), trust, tsa=tsa, at=at)


def test_a_silent_authority_leaves_the_letter_as_it_was(
    signed: bytes, agency: SoftKey, trust: Trust, at: datetime
) -> None:
    class Silent:
        room = 8000

        def stamp(self, digest: bytes, algorithm: str) -> bytes:
            raise TsaDown

    with pytest.raises(TsaDown):
        fill_and_seal(signed, agency, SealRequest(TEXTS), trust, tsa=Silent(), at=at)


def test_nothing_may_change_after_the_seal(
    signed: bytes, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa
) -> None:
    done = fill_and_seal(signed, agency, SealRequest(TEXTS), trust, tsa=tsa, at=at).pdf
    writer = IncrementalPdfFileWriter(io.BytesIO(done))
    found = next(ref for ref in writer.root["/AcroForm"]["/Fields"] if ref.get_object()["/T"] == "so")
    found.get_object()[name("V")] = generic.TextStringObject("99")
    writer.mark_update(found)
    out = io.BytesIO()
    writer.write(out)
    assert verify(out.getvalue(), trust, at=at).verdict is Verdict.FAILED


def test_the_seal_s_picture_has_its_real_size_on_the_page(
    signed: bytes, agency: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa, picture: Stamp
) -> None:
    pdf = fill_and_seal(signed, agency, SealRequest(TEXTS, stamp=picture), trust, tsa=tsa, at=at).pdf
    opened = pypdfium2.PdfDocument(pdf)
    opened.init_forms()
    scale = 4
    image = opened[0].render(scale=scale, may_draw_forms=True).to_pil().convert("RGB")
    opened.close()
    red = [
        (x, y)
        for x in range(0, image.width, 2)
        for y in range(0, image.height, 2)
        if (p := image.getpixel((x, y)))[0] > 180 and p[1] < 90 and p[2] < 90
    ]
    across = (max(x for x, _ in red) - min(x for x, _ in red)) / scale / 72 * 25.4
    assert across == pytest.approx(SEAL_MM * 0.98, abs=0.6)  # the outer ring stands a little inside the picture

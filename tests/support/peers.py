"""Other libraries and programs that sign and verify PDFs, asked for the same work as ours where they are installed."""

from __future__ import annotations

import io
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import pkcs12

PASSWORD = "đo"


@dataclass(frozen=True)
class Work:
    """What every peer gets.

    Args:
        draft, signed: files of the same letter, before and after our signature.
        store: PKCS#12 of the signer, opened by ``PASSWORD``; certificate, key: the same as PEM.
        picture: PNG of the handwriting; font: TrueType with all Vietnamese letters.
        field: the empty signature field.
    """

    draft: Path
    signed: Path
    store: Path
    certificate: Path
    key: Path
    picture: Path
    font: Path
    field: str


class Plain:
    """pyHanko as its own documentation uses it: the key read once, everything else made for each document."""

    def __init__(self, work: Work) -> None:
        from pyhanko.sign import fields, signers

        self._work, self._pdf = work, work.draft.read_bytes()
        self._signer = signers.SimpleSigner.load_pkcs12(str(work.store), passphrase=PASSWORD.encode())
        self._meta = signers.PdfSignatureMetadata(
            field_name=work.field,
            subfilter=fields.SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=fields.MDPPerm.FILL_FORMS,
        )

    def sign(self, *, visible: bool) -> bytes:
        """One signature, with or without picture and text in the field."""
        from PIL import Image
        from pyhanko.pdf_utils.font.opentype import GlyphAccumulatorFactory
        from pyhanko.pdf_utils.images import PdfImage
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.pdf_utils.text import TextBoxStyle
        from pyhanko.sign import signers
        from pyhanko.stamp import TextStampStyle

        style = None
        if visible:
            style = TextStampStyle(
                stamp_text="Người ký: Nguyễn Văn Nam\n%(ts)s",
                text_box_style=TextBoxStyle(font=GlyphAccumulatorFactory(str(self._work.font))),
                background=PdfImage(Image.open(self._work.picture)),
            )
        signer = signers.PdfSigner(self._meta, signer=self._signer, stamp_style=style)
        made = signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(self._pdf)), existing_fields_only=True)
        return bytes(made.getvalue())


def endesive(work: Work) -> Callable[[], object] | None:
    """endesive makes a field of its own and an adbe.pkcs7.detached signature."""
    try:
        from endesive.pdf import cms
    except Exception:  # not installed, or one of its parts does not get along with this machine's OpenSSL
        return None
    pdf = work.draft.read_bytes()
    key, certificate, others = pkcs12.load_key_and_certificates(work.store.read_bytes(), PASSWORD.encode())
    how = {"sigflags": 3, "sigpage": 0, "contact": "", "location": "", "signingdate": "D:20261128000000+00'00'"}
    return lambda: cms.sign(pdf, {**how, "reason": "", "password": ""}, key, certificate, others, "sha256")


def command(name: str, *arguments: str) -> Callable[[], object] | None:
    """A program run anew for each file, start included; None where it is not installed."""
    program = shutil.which(name)
    if program is None:
        return None
    return lambda: subprocess.run([program, *arguments], capture_output=True, check=True)


def programs(work: Work, out: Path) -> dict[str, Callable[[], object] | None]:
    """The peers by name of their figure; programs are measured with their start."""
    signed, draft, target = str(work.signed), str(work.draft), str(out)
    pem = ("-cert", str(work.certificate), "-pkey", str(work.key), "-digest", "SHA256")
    return {
        "endesive_sign": endesive(work),
        "podofo_sign": command(
            "podofosign", "-in", draft, "-out", target, *pem, "-field-name", work.field, "-field-use-existing"
        ),
        "pdfsig_verify": command("pdfsig", "-nocert", signed),
        "mutool_verify": command("mutool", "sign", "-v", signed),
    }


def wall(deed: Callable[[], object], times: int) -> float:
    """Milliseconds of the fastest of some runs on the clock on the wall."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        deed()
        found.append((time.perf_counter() - began) * 1000)
    return min(found)

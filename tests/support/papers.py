"""Papers of the named world: letters, and documents brought to a state without opening a file each time."""

from __future__ import annotations

import hashlib
import io
from typing import Any
from uuid import UUID

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from eoffice.services import incoming
from eoffice.services.examine import Examined
from tests.support.code import ROOT
from tests.support.world import World

FONT = ROOT / "signing" / "fonts" / "Tinos-Regular.ttf"
"""A font with every Vietnamese letter."""


def examined(content: bytes, verdict: str = "UNSIGNED", **reading: Any) -> Examined:
    """What the door check would say; for tests of what comes after it."""
    return Examined(
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        media="application/pdf",
        pages=1,
        verdict=verdict,
        report={"verdict": verdict, "signatures": [], "notes": [], "flags": []},
        policy="test",
        flags=(),
        reading=reading,
    )


def arrived(world: World, slug: str, content: bytes = b"%PDF-1.7 a letter", *, key: str = "arrive") -> UUID:
    """An incoming document that has just arrived, without going through the door check."""
    found = examined(content)
    world.office.files.put(content)
    with world.office.write(world.system(slug), key=key) as desk:
        arrival = incoming.Arrival(found.sha256, "công văn.pdf", "hand")
        return UUID(str(incoming.arrive(desk, arrival=arrival, prepared=found).id))


def annex_pdf(*lines: str, pages: int = 1) -> bytes:
    """An annex as another program makes it: a table of its own, without any form field.

    Args:
        lines: on its first page, each on a line of its own.
    """
    out = io.BytesIO()
    font = TTFont("Annex", str(FONT))
    font.face.name = b"Annex"  # ReportLab would give it to whoever asks for the font of a letter
    pdfmetrics.registerFont(font)
    canvas = Canvas(out, pagesize=A4, invariant=True)
    for page in range(1, pages + 1):
        canvas.setFont("Annex", 13)
        for place, line in enumerate(lines if page == 1 else (f"Trang {page}",)):
            canvas.drawString(85, 700 - 20 * place, line)
        canvas.showPage()
    canvas.save()
    return out.getvalue()

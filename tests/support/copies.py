"""Certified copies made by the clerk through the real verbs, and what they are made of."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import Staff
from eoffice.core.ids import new_id
from eoffice.models.copies import CertifiedCopy
from eoffice.models.documents import DocumentFile
from eoffice.services import copies, drafting, search
from eoffice.services.copies import Wanted
from eoffice.services.drafting import Content
from eoffice.services.incoming import Facts

FACTS = Facts(code="12/CTN-HC", issuer_name="Công ty Cổ phần Cấp nước An Bình", subject="V/v đề nghị hướng dẫn lưu trữ")


def paper(pages: int = 3) -> bytes:
    """A paper of some pages as a scanner brings it."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=True)
    for number in range(1, pages + 1):
        shade = Image.new("RGB", (60, 80), (250, 250, 240 - number))
        canvas.drawImage(ImageReader(shade), 60, 60, width=470, height=700)
        canvas.drawString(90, 600, f"page {number} of the paper")
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def came(staff: Staff, pages: int = 3, pdf: bytes = b"") -> UUID:
    """A paper that came by hand, was scanned and registered."""
    document: UUID = staff.arrive("hanh", pdf or paper(pages), "công văn 12.pdf").id
    staff.register("hanh", document, FACTS)
    return document


def issued(staff: Staff, paragraphs: int = 60) -> UUID:
    """A letter of three pages that Sở Nội vụ issued."""
    line = "Sở Nội vụ hướng dẫn giao nộp hồ sơ, tài liệu vào lưu trữ lịch sử như sau."
    content = Content(
        kind="official_letter",
        subject="V/v hướng dẫn giao nộp hồ sơ, tài liệu",
        paragraphs=(line,) * paragraphs,
        to=(staff.to("so-tai-chinh"),),
        signer=staff.province.posts["nam"],
    )
    letter: UUID = staff.draft("tuan", content).id
    staff.do("tuan", drafting.submit, letter)
    staff.do("son", drafting.approve_content, letter)
    staff.do("anh", drafting.approve_format, letter)
    staff.sign("nam", letter)
    staff.number("hanh", letter)
    staff.seal("hanh", letter)
    staff.issue("hanh", letter)
    return letter


def source(staff: Staff, document: UUID, login: str = "hanh") -> DocumentFile:
    with staff.office.read(staff.actor(login)) as desk:
        return copies.sources(search.document(desk, document))[0]


def wish(staff: Staff, document: UUID, form: str = "copy_full", **more: Any) -> Wanted:
    given = {"purpose": "Gửi Kho bạc Nhà nước đối chiếu", "decided_by": staff.province.posts["nam"], **more}
    return Wanted(form=form, file=given.pop("file", None) or source(staff, document).id, **given)


def make(
    staff: Staff, document: UUID, form: str = "copy_full", *, key: str = "", login: str = "hanh", **more: Any
) -> CertifiedCopy:
    """Open the key for the file and make the copy, as the page does."""
    wanted = wish(staff, document, form, **more)
    with staff.office.read(staff.actor(login)) as desk:
        copies.open_seal(desk, search.document(desk, document), wanted, KEY_PASSWORD)
    key = key or f"copy:{new_id()}"
    made: CertifiedCopy = staff.office.do(staff.actor(login), copies.certify, document, key=key, wanted=wanted)
    return made

"""Looks at a PDF without judging it: pages, fields, encryption, active content."""

from __future__ import annotations

from pathlib import Path

from signing.changes import View, text
from signing.errors import Damaged, OverLimit, PasswordNeeded, SigningError
from signing.pdf import Dict, Document, Revision
from signing.results import Intake, Limits
from signing.scan import Scan


def inspect(pdf: bytes | Path, *, limits: Limits = Limits()) -> Intake:
    """See what a PDF holds.

    Args:
        pdf: the file's bytes, or where it lies.
        limits: bounds of the reading.

    Raises:
        NotAPdf, Damaged, PasswordNeeded, OverLimit: the file cannot be used.
    """
    try:
        if isinstance(pdf, Path) and pdf.stat().st_size > limits.bytes:
            raise OverLimit("over_limit_bytes", str(pdf.stat().st_size))
        document = Document(pdf if isinstance(pdf, bytes) else pdf.read_bytes(), limits)
        revision = latest(document)
        return _seen(document, revision)
    except SigningError:
        raise
    except Exception as error:  # a fault of the document must not leave as a library's exception
        raise Damaged("damaged", type(error).__name__) from error


def latest(document: Document) -> Revision:
    """The file as a reader opens it: by the last startxref, or rebuilt when that leads nowhere.

    Raises:
        Damaged: nothing readable either way. PasswordNeeded: encrypted.
    """
    data = document.data
    position = data.rfind(b"startxref")
    try:
        if position < 0:
            raise Damaged("damaged", "startxref")
        chain = document.revision(min(len(data), position + 64))
        revision = Revision(document, len(data), chain.sections)
        if "Encrypt" not in revision.trailer and not View(revision).pages:
            raise Damaged("damaged", "no pages")
    except Damaged:
        revision = document.rebuilt(len(data))
    if "Encrypt" in revision.trailer:
        raise PasswordNeeded()
    return revision


def _seen(document: Document, revision: Revision) -> Intake:
    view = View(revision)
    if not view.pages:
        raise Damaged("damaged", "no pages")
    fields = view.fields.values()
    signatures = [item for item in fields if item.kind == "Sig"]
    values = {item.name: revision.resolve(item.value) for item in fields if item.kind == "Tx"}
    version = revision.resolve(view.catalog.get("Version"))
    header = bytes(document.data[document.leading + 5 : document.leading + 8]).decode("latin-1")
    return Intake(
        pages=len(view.pages),
        version=str(version or header),
        encrypted=False,
        signature_fields=tuple(item.name for item in signatures),
        signed_fields=tuple(item.name for item in signatures if type(revision.resolve(item.value)) is Dict),
        text_fields={name: text(value) for name, value in values.items()},
        flags=Scan(document, revision, view).flags(),
    )

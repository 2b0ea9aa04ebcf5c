"""Places an empty signature field in a PDF that has none, so that it can be signed."""

from __future__ import annotations

import io

from signing.errors import NotPermitted
from signing.increment import Increment, reading
from signing.inspect import inspect
from signing.place import Box
from signing.results import Limits

__all__ = ["place_field"]


def place_field(
    pdf: bytes,
    field: str,
    *,
    page: int = 1,
    box: Box | None = None,
    limits: Limits = Limits(),
) -> bytes:
    """Add an empty signature field by one incremental update; the input is the beginning of the output.

    Args:
        pdf: a document nobody signed yet: a field added later would be a change of what was signed.
        field: its name.
        page: 1-based.
        box: left, bottom, right, top in points; None: invisible.

    Raises:
        NotPermitted: ``field_taken`` (a field of that name is there), ``document_locked`` (signed already),
            ``field_missing`` (no such page), ``encrypted``.
        NotAPdf, Damaged, OverLimit: the file cannot be used.
    """
    opened = Increment(pdf, limits)
    seen = inspect(pdf, limits=limits)
    if seen.signed_fields:
        raise NotPermitted("document_locked", "signed already")
    if field in seen.signature_fields or field in seen.text_fields:
        raise NotPermitted("field_taken", field)
    if not 1 <= page <= seen.pages:
        raise NotPermitted("field_missing", f"page {page} of {seen.pages}")
    opened.add_field(field, box, page=page)
    with reading():
        out = io.BytesIO()
        opened.writer.write(out)
    return out.getvalue()

"""A second, independent reader: it must see the same pages as the first, or what a viewer shows is in doubt."""

from __future__ import annotations

import io
from mmap import mmap

_LARGEST = 64 * 1024 * 1024


def agrees(data: bytes | mmap, pages: list[int | None]) -> bool | None:
    """Compare the pages another library finds with ours.

    Args:
        pages: object numbers of our pages in order; None for a page that is no indirect object.

    Returns:
        True: the same pages in the same order (or the file is too large to be read twice); False: others; None: the
        other reader refuses the file.
    """
    if len(data) > _LARGEST:
        return True
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(bytes(data)), suppress_warnings=True) as other:
            seen = [page.obj.objgen[0] for page in other.pages]
    except (pikepdf.PdfError, ValueError, TypeError, RuntimeError, RecursionError):
        return None
    if len(seen) != len(pages):
        return False
    return all(mine is None or mine == theirs for mine, theirs in zip(pages, seen, strict=True))

"""Which copy may be made of what, and the pages an extract takes (Decree 30/2020 articles 3, 25 and 27, Annex I).

The agency's digital signature makes electronic copies only; of these the decree knows: SAO Y of a paper original that
is scanned, SAO LỤC of a paper copy that is scanned, and TRÍCH SAO of a paper or an electronic original (article 25).
An electronic original is passed on as it is: each copy of its bytes is the original.
"""

from __future__ import annotations

import re
from enum import StrEnum

from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_

MOST_PAGES = 2000
"""Pages of a document of which a copy is made, at most."""

LONGEST = 200
"""Characters of a list of pages, at most."""

_RANGE = re.compile(r"([0-9]{1,6})(?:\s*[-\u2010-\u2015\u2212]\s*([0-9]{1,6}))?", re.ASCII)


class CopyForm(StrEnum):
    """The three forms of a copy, by the code of their kind (``rules.kinds``)."""

    FULL = "copy_full"
    OF_COPY = "copy_of_copy"
    EXTRACT = "copy_extract"

    @property
    def printed(self) -> str:
        """The words at the top right of the copy (Annex I part II.14)."""
        return _PRINTED[self]


_PRINTED = {CopyForm.FULL: "SAO Y", CopyForm.OF_COPY: "SAO LỤC", CopyForm.EXTRACT: "TRÍCH SAO"}


def parse(form: str) -> CopyForm:
    """Read the code of a form.

    Raises:
        InvalidInput: ``copy_form_unknown``.
    """
    try:
        return CopyForm(form)
    except ValueError:
        raise InvalidInput(
            "copy_form_unknown",
            N_("This form of copy is not known. Nothing was changed. Please choose one from the list."),
            field="form",
        ) from None


def obstacle(form: CopyForm, *, electronic: bool, of_copy: bool) -> str | None:
    """Return why this copy may not be made, a key of ``REASONS``; None when it may (articles 3 and 25).

    Args:
        electronic: it is made of an electronic document; else of paper that was scanned.
        of_copy: what it is made of is itself a copy.
    """
    if form is CopyForm.OF_COPY:
        return "of_copy_electronic" if electronic else None
    if of_copy:
        return "of_copy_only"
    return "full_electronic" if electronic and form is CopyForm.FULL else None


REASONS: dict[str, str] = {
    "full_electronic": N_(
        "An electronic original needs no full copy: pass on the file itself, its signatures can be checked by "
        "everybody. Of a part of it an extract can be made (Decree 30/2020, article 25). Nothing was changed."
    ),
    "of_copy_electronic": N_(
        "An electronic copy of a copy is made of a paper copy that was scanned, not of an electronic document "
        "(Decree 30/2020, article 25). Nothing was changed."
    ),
    "of_copy_only": N_(
        "This document is itself a copy: of a copy only a copy of a copy is made (Decree 30/2020, articles 3 and 25). "
        "Nothing was changed."
    ),
}


def check(form: CopyForm, *, electronic: bool, of_copy: bool) -> None:
    """Let only the copies through that the decree knows.

    Raises:
        InvalidInput: one of ``REASONS``.
    """
    reason = obstacle(form, electronic=electronic, of_copy=of_copy)
    if reason is not None:
        raise InvalidInput(reason, REASONS[reason], field="form")


def pages(text: str, total: int) -> tuple[int, ...]:
    """Read which pages an extract takes, such as ``1-2, 5``: in the order of the document, each once.

    The first page belongs to every extract: an extract repeats the elements of form of its original (article 25.3),
    which stand there. All pages are no extract.

    Args:
        total: pages of the document.

    Raises:
        InvalidInput: ``pages_invalid``, ``pages_missing_first`` or ``pages_whole``; ``too_many_pages``.
    """
    if total > MOST_PAGES:
        raise InvalidInput(
            "too_many_pages",
            N_("Copies are made of documents of up to {most} pages. Nothing was changed."),
            most=MOST_PAGES,
            field="pages",
        )
    chosen: set[int] = set()
    for part in text.split(",") if len(text) <= LONGEST else ("",):
        found = _RANGE.fullmatch(part.strip())
        first = int(found[1]) if found else 0
        last = int(found[2] or found[1]) if found else 0
        if not 1 <= first <= last <= total:
            raise InvalidInput(
                "pages_invalid",
                N_("“{given}” are no pages of this file, which has {total}. Please write them like 1-2, 5."),
                given=text.strip()[:40],
                total=total,
                field="pages",
            )
        chosen.update(range(first, last + 1))
    if 1 not in chosen:
        raise InvalidInput(
            "pages_missing_first",
            N_(
                "An extract repeats the elements of form of the original, so its first page must be among the pages "
                "(Decree 30/2020, article 25). Nothing was changed."
            ),
            field="pages",
        )
    if len(chosen) == total:
        raise InvalidInput(
            "pages_whole", N_("These are all pages; an extract is a part. Nothing was changed."), field="pages"
        )
    return tuple(sorted(chosen))


def print_pages(chosen: tuple[int, ...]) -> str:
    """Return pages as people write them: ``1-2, 5``."""
    runs: list[list[int]] = []
    for page in chosen:
        if runs and page == runs[-1][-1] + 1:
            runs[-1].append(page)
        else:
            runs.append([page])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)

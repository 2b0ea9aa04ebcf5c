"""Separate files of annexes of an outgoing document, from the draft over the agency's signature to the recipient.

Source: Decree 30/2020, Annex I, part II, 12: what stands in another file than the document is signed by the agency on
its own, at the top right of its first page, with number and symbol of the document and the time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from eoffice.core.desk import Desk
from eoffice.core.errors import FileRefused, InvalidInput
from eoffice.core.i18n import N_, translate
from eoffice.core.ids import new_id
from eoffice.core.sandbox import SandboxError
from eoffice.core.text import file_name, fold, tidy
from eoffice.models.documents import Document, DocumentFile, File
from eoffice.rules import numbering, secrecy
from eoffice.rules.access import Permission
from eoffice.services import drafting, examine
from eoffice.services.drafting import Annex
from eoffice.services.examine import Examined
from eoffice.services.verbs import verb
from signing.errors import SigningError

MOST_ANNEXES = 30
"""Of one document."""

SHARE = 0.9
"""Of the largest upload, for all annexes of a document together: a container holds the document and signatures too."""

SCRIPTED = frozenset({"javascript", "launch", "xfa", "submit_form", "import_data"})
"""What a file must not carry under the agency's signature: it could show or do something else at every opening."""

REFUSALS = {
    "encrypted": N_(
        "This PDF is protected by a password, so the agency could not sign it as an annex. It was not added. "
        "Please use a copy without protection."
    ),
    "document_locked": N_(
        "This PDF is certified or locked by an earlier signature, so the agency could not sign it as an annex. "
        "It was not added. Please use the file as it was before that signature."
    ),
    "scripted": N_(
        "This PDF carries scripts or a form that can change what it shows. The agency does not sign such a file; "
        "it was not added. Please print it into a plain PDF and add that one."
    ),
    "signatures": N_(
        "A signature in this PDF did not pass the check ({verdict}), so it could not be issued with the document. "
        "It was not added. Please ask its signer for a good copy."
    ),
}

CHANGED = N_(
    "The annexes were changed after you looked. The signature is only put on what was displayed. Nothing was lost. "
    "The draft comes to you again once it is approved."
)


# what may be an annex


def try_out(desk: Desk, path: Path, document: Document) -> None:
    """Refuse a file that could not be issued as an annex of a draft; nothing is kept of it, nothing was written.

    Args:
        path: where it lies.

    Raises:
        FileRefused: it could not be signed later, and why.
        StateSecretRefused: its first page bears the stamp of a state secret.
    """
    code = numbering.code(99_999, document.symbol)
    try:
        answer = desk.tools.sandbox().call(
            "eoffice.services.annexes.probe", path, code=code, field=field_of(document), at=desk.now().isoformat()
        )
    except SandboxError as error:
        raise FileRefused("over_limit", examine.REFUSALS["over_limit"], detail=error.code) from error
    if answer["secrecy"]:
        secrecy.check(answer["secrecy"])
    if answer["code"]:
        word = next((word for word in REFUSALS if answer["code"].startswith(word)), "")
        other = next((word for word in examine.REFUSALS if answer["code"].startswith(word)), "damaged")
        raise FileRefused(word or other, REFUSALS.get(word) or examine.REFUSALS[other], detail=answer["detail"])


def probe(data: bytes, *, code: str, field: str, at: str) -> dict[str, str]:
    """Whether the agency could sign a file, and the stamp of secrecy on its first page; runs in the sandbox's child.

    Returns:
        ``code`` and ``detail`` of the reason why not, and the level of ``secrecy``, each "" when all is well.
    """
    from eoffice.services.files import read_page
    from signing.annex import AnnexRequest, require_annex

    found = {"code": "", "detail": "", "secrecy": ""}
    with contextlib.suppress(Exception):  # what cannot be read is refused below, or has no text
        found["secrecy"] = stamped(read_page(data, page=1))
    try:
        require_annex(data, AnnexRequest(code, field=field), at=datetime.fromisoformat(at).replace(microsecond=0))
    except SigningError as error:
        found["code"], found["detail"] = error.code, error.detail[:500]
    return found


def stamped(text: str) -> str:
    """The level of secrecy that stands on a page as a stamp: in capitals, on a line of its own; "" without one."""
    levels = {secrecy.NAMES[level].upper(): level.value for level in secrecy.Secrecy if level != secrecy.Secrecy.NONE}
    return next((levels[line] for line in map(tidy, text.splitlines()) if line in levels), "")


def _examine(desk: Desk, document: Document, *, sha256: str, **_others: Any) -> Examined:
    drafting.check_drafter(desk, document)
    try_out(desk, desk.files.path(sha256), document)
    found = examine.welcome(examine.examine(desk, sha256, read=False))
    if SCRIPTED & set(found.flags):
        raise FileRefused("scripted", REFUSALS["scripted"])
    if found.verdict not in ("UNSIGNED", "PASSED"):
        word = translate(desk.locale, VERDICTS[found.verdict])
        raise FileRefused("signatures", REFUSALS["signatures"], verdict=word)
    return found


VERDICTS = {"WARNED": N_("warning"), "FAILED": N_("not valid")}


# the draft


@verb(Permission.DRAFT_COMPOSE, "draft.annex_added", on=Document, prepare=_examine)
def add_annex(desk: Desk, document: Document, *, sha256: str, name: str, prepared: Examined) -> Document:
    """Add a file to the annexes of a draft, behind the others; its review begins anew.

    Args:
        sha256: of a file in the store; name: as the recipient will see it.

    Raises:
        FileRefused: not a PDF, damaged, protected, locked, scripted or wrongly signed: it could not be signed later.
        StateSecretRefused: its first page bears the stamp of a state secret.
        InvalidInput: it is an annex already, or there are too many or too large ones.
        NotAllowed: somebody of another unit.
    """
    drafting.check_drafter(desk, document)
    before = drafting.annexes(document)
    twice = next((place for place, row in enumerate(before, start=1) if row.sha256 == sha256), 0)
    if twice:
        raise InvalidInput(
            "annex_twice",
            N_("This file is annex {place} of the draft already. It was not added again."),
            place=twice,
        )
    _check_room(desk, before, prepared.size)
    examine.keep(desk, prepared)
    rows = _rows(document, "draft")
    row = next((row for row in rows if row.sha256 == sha256), None)  # it was one before and was taken out
    if row is None:
        number = max((row.number for row in rows), default=0) + 1
        row = _add(desk, document, prepared, stage="draft", number=number, name=_name(name))
    document.annexes = [*(document.annexes or []), [str(row.id), _name(name)]]
    drafting.begin_anew(desk, document, CHANGED)
    desk.session.flush()
    desk.session.expire(document, ["files"])
    desk.note(document=document.id, sha256=sha256, note=_name(name), verdict=prepared.verdict)
    return document


@verb(Permission.DRAFT_COMPOSE, "draft.annexes_arranged", on=Document)
def arrange_annexes(desk: Desk, document: Document, *, annexes: Sequence[tuple[UUID, str]]) -> Document:
    """Put the annexes of a draft in order, name them, take some out; the review begins anew if anything changes.

    Args:
        annexes: those that stay, by the id of their file, in order, each with its name.

    Raises:
        InvalidInput: one is none of this draft's, or stands twice.
        NotAllowed: somebody of another unit.
    """
    drafting.check_drafter(desk, document)
    before = {annex.id: annex for annex in drafting.annexes(document)}
    wanted = [[str(key), _name(name)] for key, name in annexes]
    if len({key for key, _name in annexes}) != len(annexes) or not before.keys() >= {key for key, _name in annexes}:
        raise InvalidInput("choice_unknown", field="annex")
    if wanted == (document.annexes or []):
        return document
    document.annexes = wanted or None
    drafting.begin_anew(desk, document, CHANGED)
    desk.note(document=document.id, note=", ".join(name for _key, name in wanted) or "–")
    desk.note(annexes=[before[key].sha256 for key, _name in annexes])
    return document


def _name(given: str) -> str:
    name = file_name(given)
    return name if fold(name).endswith(".pdf") else f"{name}.pdf"


def _check_room(desk: Desk, before: Sequence[Annex], size: int) -> None:
    if len(before) >= MOST_ANNEXES:
        raise InvalidInput(
            "too_many_annexes",
            N_("A document takes {most} separate annexes at most. This file was not added. Please join some into one."),
            most=MOST_ANNEXES,
        )
    sizes = select(func.sum(File.size)).where(File.sha256.in_([row.sha256 for row in before]))
    most = int(desk.settings.upload_limit * SHARE)
    if (desk.session.execute(sizes).scalar_one() or 0) + size > most:
        raise InvalidInput(
            "annexes_too_large",
            N_("The annexes of one document take {limit_mb} MB at most together. This file was not added."),
            limit_mb=most // (1024 * 1024),
        )


def going_along(document: Document) -> list[Annex]:
    """The annexes as they count most: sealed by the agency, or as they came, or those of the draft; in order."""
    rows = _rows(document, "sealed") or _rows(document, "received")
    return [Annex(row.id, row.sha256, row.name) for row in rows] or drafting.annexes(document)


def field_of(document: Document) -> str:
    """Name of the signature field in each annex of a document: its own, for another agency may have signed before."""
    return f"annex-{document.id.hex[:12]}"


def _rows(document: Document, stage: str) -> list[DocumentFile]:
    rows = [row for row in document.files if (row.role, row.stage) == ("annex", stage)]
    return sorted(rows, key=lambda row: row.number)


def _add(
    desk: Desk, document: Document, found: Examined, *, stage: str, number: int, name: str, source: str | None = None
) -> DocumentFile:
    row = DocumentFile(
        id=new_id(),
        agency_id=desk.agency,
        document_id=document.id,
        sha256=found.sha256,
        role="annex",
        stage=stage,
        number=number,
        name=name,
        derived_from=source,
        created_at=desk.now(),
    )
    desk.session.add(row)
    return row

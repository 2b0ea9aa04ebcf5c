"""Separate files of annexes of an outgoing document, from the draft over the agency's signature to the recipient.

Source: Decree 30/2020, Annex I, part II, 12: what stands in another file than the document is signed by the agency on
its own, at the top right of its first page, with number and symbol of the document and the time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import and_, func, select

from eoffice.core.desk import Desk, scope
from eoffice.core.errors import FileRefused, InvalidInput, SignatureProblem, StaleForm
from eoffice.core.i18n import N_, translate
from eoffice.core.ids import new_id
from eoffice.core.sandbox import SandboxError
from eoffice.core.text import file_name, fold, tidy
from eoffice.formats.container import Payload
from eoffice.models.directory import Certificate
from eoffice.models.documents import Document, DocumentFile, File
from eoffice.rules import numbering, secrecy
from eoffice.rules.access import Permission
from eoffice.services import drafting, elsewhere, examine
from eoffice.services.drafting import Annex
from eoffice.services.elsewhere import Answer, Wanted
from eoffice.services.examine import Examined
from eoffice.services.verbs import verb
from signing.errors import DocumentError, NotPermitted, SigningError

if TYPE_CHECKING:
    from signing.annex import AnnexRequest

Level = Literal["B-B", "B-LT"]

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
        NotAllowed: somebody of another unit.
    """
    drafting.check_drafter(desk, document)
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
    chosen = [[str(key), _name(name)] for key, name in annexes]
    if len({key for key, _name in annexes}) != len(annexes) or not before.keys() >= {key for key, _name in annexes}:
        raise InvalidInput("choice_unknown", field="annex")
    if chosen == (document.annexes or []):
        return document
    document.annexes = chosen or None
    drafting.begin_anew(desk, document, CHANGED)
    desk.note(document=document.id, note=", ".join(name for _key, name in chosen) or "–")
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


# the agency's signature


@dataclass(frozen=True)
class Sealed:
    """An annex with the agency's signature: what it was made from, and what verification says of it."""

    source_sha256: str
    examined: Examined


class NotSealed(SignatureProblem):
    """One of the annexes could not be signed, and why; so nothing was sealed."""

    code = "annex_not_sealed"
    message = N_("Annex “{name}” could not be signed, so nothing was sealed; the number stays. {reason}")

    def __init__(self, name: str, error: SigningError) -> None:
        self.error = error
        super().__init__(name=name, reason="", detail=f"{error.code} {error.detail}".strip())

    def sentence(self, locale: str = "vi") -> str:
        return translate(locale, self.message, **{**self.facts, "reason": self.error.sentence(locale)})


def to_sign(document: Document, *, level: Level) -> list[tuple[Annex, AnnexRequest]]:
    """The files that the agency signs beside a numbered document, each with how: in their order, by their hash.

    Whoever holds the key elsewhere, such as on a token at the clerk's desk, needs one value for each of them.

    Args:
        level: of evidence, as of the document itself.
    """
    from signing.annex import AnnexRequest

    how = AnnexRequest(document.code, field=field_of(document), level=level)
    return [(annex, how) for annex in drafting.annexes(document)]


def wanted(document: Document, certificate: Certificate, *, level: Level) -> list[Wanted]:
    """The agency's signatures beside a numbered document, in the order of the annexes; arguments as ``seal``."""
    how = to_sign(document, level=level)
    return [Wanted(document.id, certificate, annex.sha256, request) for annex, request in how]


def seal(
    desk: Desk, document: Document, *, certificate: Certificate, level: Level, answer: Answer | None = None
) -> tuple[Sealed, ...]:
    """Have every annex signed with the agency's key, and verify each like the document; before anything is committed.

    Args:
        certificate: the agency's, which must be the one in each file.
        level: of evidence, as of the document itself.
        answer: of the clerk's token, when the key lies there.

    Raises:
        NotSealed: one of them cannot be signed, and why; SignatureProblem: the result is not valid.
        SigningError: key locked, time-stamps or the status of certificates not to be had.
    """
    made = []
    for annex, one in zip(drafting.annexes(document), wanted(document, certificate, level=level), strict=True):
        try:
            signed = elsewhere.make(desk, one, answer)
        except (DocumentError, NotPermitted) as error:
            raise NotSealed(annex.name, error) from error
        made.append(Sealed(annex.sha256, examine.examine(desk, desk.files.put(signed.pdf), read=False)))
        _check(document, annex.name, made[-1].examined, certificate.sha256)
    return tuple(made)


def keep_sealed(desk: Desk, document: Document, made: Sequence[Sealed], *, certificate: str) -> None:
    """Keep the signed annexes, within the deed that seals the document.

    Raises:
        StaleForm: they are not those of the document; SignatureProblem: one is not valid.
    """
    own = drafting.annexes(document)
    if [annex.sha256 for annex in own] != [one.source_sha256 for one in made]:
        raise StaleForm(files=len(made))
    for number, (annex, one) in enumerate(zip(own, made, strict=True), start=1):
        _check(document, annex.name, one.examined, certificate)
        examine.keep(desk, one.examined)
        _add(desk, document, one.examined, stage="sealed", number=number, name=annex.name, source=annex.sha256)
    if made:
        desk.note(annexes=[one.examined.sha256 for one in made])


def verify_sealed(desk: Desk, document: Document) -> tuple[Examined, ...]:
    """The signed annexes as verified in full now, in order; no transaction that has written may be open."""
    return tuple(examine.examine(desk, row.sha256, read=False) for row in _rows(document, "sealed"))


def check_sealed(desk: Desk, document: Document, found: Sequence[Examined], *, certificate: str) -> None:
    """Let a document be issued only with all its annexes, each valid with the agency's signature.

    Raises:
        StaleForm: they are not those that were looked at; SignatureProblem: one is missing or not valid.
    """
    rows = _rows(document, "sealed")
    if [row.sha256 for row in rows] != [one.sha256 for one in found]:
        raise StaleForm(files=len(found))
    if [row.derived_from for row in rows] != [annex.sha256 for annex in drafting.annexes(document)]:
        raise SignatureProblem("annex_missing", N_("An annex is not signed by the agency. Nothing was issued."))
    for row, one in zip(rows, found, strict=True):
        _check(document, row.name, one, certificate)
        examine.keep(desk, one)


def _check(document: Document, name: str, found: Examined, certificate: str) -> None:
    """The annex must be PASSED, and its own field signed with exactly this certificate."""
    mine = [item for item in found.report["signatures"] if item["field"] == field_of(document)]
    good = [(item["verdict"], item["certificate_sha256"]) for item in mine] == [("PASSED", certificate)]
    if found.verdict != "PASSED" or not good:
        raise SignatureProblem(
            "annex_not_valid",
            N_("The signed annex “{name}” did not pass the check ({verdict}). Nothing was changed. Please try again."),
            name=name,
            verdict=found.verdict,
            reasons=[reason for item in found.report["signatures"] for reason in item["reasons"]],
        )


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


def beside(desk: Desk, signed: Collection[str]) -> dict[str, list[str]]:
    """Hashes of the annexes that the agency signs together with documents, by the hash of the leader's file."""
    rows = desk.session.execute(
        scope(desk, Document)
        .join(DocumentFile, and_(DocumentFile.agency_id == Document.agency_id, DocumentFile.document_id == Document.id))
        .where(
            Document.agency_id == desk.agency,
            Document.annexes.is_not(None),
            DocumentFile.role == "main",
            DocumentFile.stage == "signed",
            DocumentFile.sha256.in_(sorted(signed)),
        )
        .with_only_columns(Document, DocumentFile.sha256)
    ).all()
    return {sha256: [annex.sha256 for annex in drafting.annexes(document)] for document, sha256 in rows}


# the way to the recipient


def payloads(desk: Desk, document: Document) -> list[Payload]:
    """The signed annexes as a container takes them along, in order."""
    return [
        Payload(row.name, desk.files.read(row.sha256, check=True), role="annex") for row in _rows(document, "sealed")
    ]


@dataclass(frozen=True)
class Received:
    """An annex that came with a document: examined like the document itself, and what its sender calls it."""

    name: str
    examined: Examined


def keep_received(desk: Desk, document: Document, brought: Sequence[Received]) -> None:
    """Keep the annexes that came with a document, within the deed that takes it in; each with its own verdict."""
    for number, one in enumerate(brought, start=1):
        examine.keep(desk, one.examined)
        _add(desk, document, one.examined, stage="received", number=number, name=file_name(one.name))
        document.active_content = document.active_content or bool(one.examined.flags)
    if brought:
        desk.note(annexes=[one.examined.sha256 for one in brought])

"""The review of a draft: handing in, approving content and format, sending back, and its versions side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, render_template, request, url_for
from werkzeug.wrappers import Response

from eoffice.core import compare
from eoffice.core.errors import InvalidInput, NotFound
from eoffice.core.i18n import N_
from eoffice.rules.access import Permission, permits
from eoffice.services import directory, drafting, search
from eoffice.services.queues import BY_CODE
from eoffice.services.search import Filter
from eoffice.services.verbs import Verb
from eoffice.web import here
from eoffice.web.documents import stays
from eoffice.web.guard import needs, signed_in
from eoffice.web.language import say as _

room = Blueprint("drafting", __name__)


@room.post("/documents/<uuid:document_id>/submit")
@needs(Permission.DRAFT_SUBMIT)
@stays
def submit(document_id: UUID) -> Response:
    """Hand the newest version in for review."""
    _decide(drafting.submit, document_id)
    flash(_("The draft was handed in for review."))
    return here.go(url_for("documents.document", document_id=document_id))


@room.post("/documents/<uuid:document_id>/approve-content")
@needs(Permission.DRAFT_APPROVE_CONTENT)
@stays
def approve_content(document_id: UUID) -> Response:
    """Approve the content of the version that was shown."""
    _decide(drafting.approve_content, document_id)
    flash(_("The content was approved."))
    return _onward(document_id)


@room.post("/documents/<uuid:document_id>/approve-format")
@needs(Permission.DRAFT_APPROVE_FORMAT)
@stays
def approve_format(document_id: UUID) -> Response:
    """Approve the format of the version that was shown."""
    _decide(drafting.approve_format, document_id)
    flash(_("The format was approved; the draft waits for the signature."))
    return _onward(document_id)


@room.post("/documents/<uuid:document_id>/send-back")
@needs(Permission.DRAFT_SEND_BACK)
@stays
def send_back(document_id: UUID) -> Response:
    """Return a draft with a reason."""
    _decide(drafting.send_back, document_id, reason=request.form.get("reason", ""))
    flash(_("The draft was sent back; the drafter reads why."))
    return _onward(document_id)


def _decide(verb: Verb, document_id: UUID, **arguments: Any) -> None:
    """Decide about exactly what the page showed: a version saved after it makes the form stale.

    Raises:
        InvalidInput: the form does not say what it showed.
    """
    if not request.form.get("version"):
        raise InvalidInput("form_incomplete")
    here.do(verb, document_id, **arguments)


def _onward(document_id: UUID) -> Response:
    """From a queue on to its next document, or to the queue when it is empty; else back to the document."""
    queue = BY_CODE.get(request.values.get("queue", ""))
    if queue is None or not permits(here.actor().roles, queue.permission):
        return here.go(url_for("documents.document", document_id=document_id))
    with here.reading() as desk:
        row = search.document(desk, document_id)
        following = search.next_after(desk, Filter(queue.direction, queue=queue.code), row)
    if following is None:
        return here.go(url_for(f"lists.{queue.direction}", queue=queue.code))
    return here.go(url_for("documents.document", document_id=following, queue=queue.code))


@dataclass(frozen=True)
class Part:
    """One part of a letter on both sides."""

    heading: str
    pairs: list[compare.Pair]


PARTS: tuple[tuple[str, str], ...] = (
    ("kind", N_("Kind")),
    ("subject", N_("Subject")),
    ("recipients", N_("Addressed to")),
    ("grounds", N_("Grounds")),
    ("paragraphs", N_("Text")),
    ("capacity", N_("Signer")),
    ("noi_nhan", N_("Recipients")),
)


@room.get("/documents/<uuid:document_id>/versions")
@signed_in
def versions(document_id: UUID) -> str:
    """Two versions of a draft side by side, paragraph by paragraph; the newest against the one before, unless asked."""
    with here.reading() as desk:
        row = search.document(desk, document_id)
        found = drafting.versions(desk, row.id)
        if not found:
            raise NotFound(table="draft_version", id=str(document_id))
        people = directory.named(desk, {version.post_id for version in found})
    by_number = {version.number: version for version in found}
    right = by_number.get(request.args.get("to", 0, type=int), found[-1])
    left = by_number.get(request.args.get("from", 0, type=int), by_number.get(right.number - 1, found[0]))
    parts = list(_parts(left.letter, right.letter))
    return render_template(
        "drafting/versions.html",
        row=row,
        versions=found,
        left=left,
        right=right,
        people=people,
        parts=parts,
        changed=any(pair.change != "same" for part in parts for pair in part.pairs),
    )


def _parts(left: dict[str, Any], right: dict[str, Any]) -> Iterator[Part]:
    for name, heading in PARTS:
        pairs = compare.paragraphs(_lines(left, name), _lines(right, name))
        if pairs:
            yield Part(heading, pairs)


def _lines(letter: dict[str, Any], name: str) -> Sequence[str]:
    value = letter.get(name) or ()
    if name == "capacity":
        return [*value, letter.get("signer", "")]
    if isinstance(value, dict):
        return [value.get("name", "")]
    return [value] if isinstance(value, str) else value

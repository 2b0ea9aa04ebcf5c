"""Who does what by when: submitting to a leader, instructing, assigning, starting and finishing."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, request, url_for
from werkzeug.wrappers import Response

from eoffice.core.errors import InvalidInput
from eoffice.rules.access import Permission
from eoffice.services import routing
from eoffice.services.routing import Share
from eoffice.web import here
from eoffice.web.documents import stays
from eoffice.web.guard import needs
from eoffice.web.language import say as _

room = Blueprint("routing", __name__)


def _on(document_id: UUID) -> Response:
    """Go on where the person came from, or to the document."""
    return here.go(here.path(request.form.get("next", "")) or url_for("documents.document", document_id=document_id))


@room.post("/documents/<uuid:document_id>/forward")
@needs(Permission.DOCUMENT_FORWARD)
@stays
def forward(document_id: UUID) -> Response:
    """Submit a registered document to a leader."""
    here.do(routing.forward, document_id, to=here.identifier("to"))
    flash(_("It was submitted to the leader."))
    return _on(document_id)


@room.post("/documents/<uuid:document_id>/instruct")
@needs(Permission.DOCUMENT_INSTRUCT)
@stays
def instruct(document_id: UUID) -> Response:
    """Give the leader's instruction: what is to be done, who leads, who helps, by when."""
    lead = _share("lead", request.form.get("lead", ""))
    others = [_share(role, name) for role in ("coordinate", "inform") for name in request.form.getlist(role)]
    shares = [share for share in (lead, *others) if share is not None]
    text = request.form.get("text", "")
    here.do(routing.instruct, document_id, text=text, shares=shares, working_days=_days())
    flash(_("The instruction was given; those who are named see the document now."))
    return _on(document_id)


def _share(role: str, chosen: str) -> Share | None:
    """One line of the form: ``unit:`` or ``post:`` and whose part it is.

    Raises:
        InvalidInput: it names nobody of ours.
    """
    kind, _colon, name = chosen.partition(":")
    if not chosen:
        return None
    try:
        key = UUID(name)
    except ValueError:
        raise InvalidInput("choice_unknown", field=role) from None
    return Share(role, unit=key) if kind == "unit" else Share(role, post=key)


def _days() -> int | None:
    text = request.form.get("days", "").strip()
    if not text:
        return None
    return int(text) if text.isdecimal() and len(text) < 4 else 0  # 0 is refused with the sentence about deadlines


@room.post("/documents/<uuid:document_id>/assign")
@needs(Permission.DOCUMENT_ASSIGN)
@stays
def assign(document_id: UUID) -> Response:
    """Name the person who does the unit's part."""
    post = here.identifier("post")
    if post is None:
        raise InvalidInput("choice_unknown", field="post")
    here.do(routing.assign, document_id, post=post)
    flash(_("It was assigned."))
    return _on(document_id)


@room.post("/documents/<uuid:document_id>/start")
@needs(Permission.DOCUMENT_START)
@stays
def start(document_id: UUID) -> Response:
    """Begin the work on a document."""
    here.do(routing.start, document_id)
    return _on(document_id)


@room.post("/documents/<uuid:document_id>/finish")
@needs(Permission.DOCUMENT_FINISH)
@stays
def finish(document_id: UUID) -> Response:
    """Close a document without an answer, with the reason."""
    here.do(routing.finish, document_id, note=request.form.get("note", ""))
    flash(_("The document is done."))
    return _on(document_id)

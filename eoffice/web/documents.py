"""One document with everything about it, and the deeds that may be done to it now."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, g, render_template, request
from markupsafe import Markup

from eoffice.core.desk import Desk
from eoffice.core.errors import InvalidInput, NotFound, OfficeError
from eoffice.models.documents import Document, DocumentFile
from eoffice.rules.access import Permission, Role, permits
from eoffice.rules.lifecycle import Direction, State
from eoffice.services import annexes, deeds, directory, drafting, exchange, files, ledger, routing, search
from eoffice.services.incoming import main_file
from eoffice.web import entries, here
from eoffice.web.deadlines import due_of
from eoffice.web.guard import signed_in
from eoffice.web.language import say as _
from eoffice.web.papers import MOST_PAGES
from eoffice.web.writing import labels

room = Blueprint("documents", __name__)

UNTOUCHED = (State.ARRIVED, State.REFUSED, State.REGISTERED, State.SUBMITTED)
"""Incoming documents that nobody has been told to work on."""


@room.get("/documents/<uuid:document_id>")
@signed_in
def document(document_id: UUID) -> str:
    """One document: facts, verdict, instruction, files, deliveries, history, the paper, and what may be done now."""
    here.visits().note(here.actor(), "document.opened", object_id=document_id)
    return show(document_id)


def show(document_id: UUID, problem: OfficeError | None = None) -> str:
    """The page of a document.

    Args:
        problem: why what was just sent could not be used; what was written stands in its boxes again.

    Raises:
        NotFound: there is none, or none this person may know of.
    """
    with here.reading() as desk:
        row = search.document(desk, document_id)
        about = files.about(desk, row)
        found = _gather(desk, row)
        history = ledger.history(desk, row)
        beside = annexes.going_along(row)
        due = due_of(row, directory.calendar(desk), here.now()) if row.direction == Direction.INCOMING else None
    best = main_file(row, *best_stage(row))
    main = _asked_for(row) or best
    known = about[main.sha256] if main is not None else None
    return render_template(
        "documents/document.html",
        row=row,
        about=about,
        main=main,
        annexes=beside,
        upload_limit=here.office().settings.upload_limit,
        annexes_digest=drafting.annexes_digest(row),
        annex=main.id if main is not None and main is not best else None,
        checked=files.checked(known, main.sha256) if main is not None else None,
        draft=main is not None and main.stage == "draft",
        checks=row.agency_id == here.actor().agency and permits(here.actor().roles, Permission.DOCUMENT_CHECK),
        pages=min((known.pages if known else 0) or 0, MOST_PAGES),
        whole=(known.pages if known else 0) or 0,
        due=due,
        history=[_told(deed, {str(item.id): item.to_name for item in found["deliveries"]}) for deed in history],
        problem=problem.sentence(g.locale) if problem else "",
        refused=getattr(problem, "refused", ()),
        queue=request.values.get("queue", ""),
        **found,
    )


def _asked_for(row: Document) -> DocumentFile | None:
    """The annex somebody wants to see in place of the document itself.

    Raises:
        NotFound: it is none of this document.
    """
    wanted = request.args.get("file", "")
    if not wanted or request.method != "GET":
        return None
    shown = {str(annex.id) for annex in annexes.going_along(row)}
    found = next((file for file in row.files if str(file.id) == wanted and wanted in shown), None)
    if found is None:
        raise NotFound(table="document_file", id=wanted[:40])
    return found


View = Callable[..., Any]


def stays(view: View) -> View:
    """A deed's view that shows the document again, with what was written, when the form could not be used."""

    @functools.wraps(view)
    def wrapped(document_id: UUID) -> Any:
        try:
            return view(document_id)
        except InvalidInput as error:
            return show(document_id, error), error.status

    return wrapped


def best_stage(row: Document) -> tuple[str, ...]:
    """The stage that counts most: what was issued, then what was signed, then what came or was written."""
    stages = {item.stage for item in row.files if item.role == "main"}
    return next(((stage,) for stage in ("sealed", "signed", "received", "draft") if stage in stages), ())


def _gather(desk: Desk, row: Document) -> dict[str, Any]:
    """What belongs to a document, each by one query, and the names of everybody in it."""
    related = search.related(desk, row)
    by_id = {other.id: other for other in related}
    found: dict[str, Any] = {
        "answers_found": [other for other in related if other.reply_to_id == row.id],
        "reply_to": by_id.get(row.reply_to_id),
        "same_bytes": by_id.get(row.same_bytes_id),
        "same_code": by_id.get(row.same_code_id),
    }
    incoming = row.direction == Direction.INCOMING
    worked_on = incoming and row.state not in UNTOUCHED
    found["instructions"] = routing.instructions(desk, row.id) if worked_on else []
    found["parts"] = parts = routing.assignments(desk, row.id) if worked_on else []
    found["versions"], found["approvals"] = ([], []) if incoming else drafting.circuit(desk, row.id)
    found["deliveries"] = exchange.deliveries(desk, row.id) if row.issued_at else []
    found["recipients"] = [] if incoming or row.issued_at else drafting.recipients(desk, row.id)
    found["can"] = can = deeds.possible(desk, row, parts)
    found["labels"] = labels(desk, row) if can & {"submit", "approve_content", "approve_format"} else {}
    choosing = can & {"register", "forward", "instruct", "assign"}
    colleagues = directory.colleagues(desk) if choosing else []
    found["colleagues"] = colleagues
    found["leaders"] = [person for person in colleagues if Role.LEADER in person.roles]
    found["unit_list"] = directory.units(desk) if "instruct" in can else []
    people = {item.post_id for name in ("instructions", "parts", "versions", "approvals") for item in found[name]}
    people |= {row.drafter_post_id, row.signer_post_id, row.submitted_to_id}
    found["people"] = directory.named(desk, {post for post in people if post is not None})
    found["units"] = directory.units_named(desk, {part.unit_id for part in parts if part.unit_id})
    return found


@dataclass(frozen=True)
class Told:
    """One line of a history: when, and what, in a sentence."""

    at: datetime
    text: Markup


def _told(deed: ledger.Deed, recipients: Mapping[str, str]) -> Told:
    who = _("The system") if deed.name == "eoffice" else deed.name
    return Told(deed.at, entries.deed(deed.word, deed.notes, recipients, who=who))

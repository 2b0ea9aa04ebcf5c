"""Issuing: number, the agency's signature and sending in one gesture, which goes on where an earlier press stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, g, render_template, request, url_for
from werkzeug.wrappers import Response

from eoffice.core.clock import local_date
from eoffice.core.desk import Desk
from eoffice.core.errors import Conflict, InvalidInput, NotFound, OfficeError
from eoffice.core.i18n import N_
from eoffice.models.documents import Document
from eoffice.rules import delivery, lifecycle
from eoffice.rules.access import Permission
from eoffice.rules.lifecycle import State
from eoffice.services import annexes, directory, drafting, elsewhere, examine, files, issuing, search
from eoffice.services.elsewhere import Answer
from eoffice.services.incoming import main_file
from eoffice.services.verbs import Verb
from eoffice.web import here, papers, tokens
from eoffice.web.guard import needs
from eoffice.web.language import say as _

room = Blueprint("issuing", __name__)

STEPS: tuple[Verb, ...] = (issuing.number, issuing.seal, issuing.issue)
"""The law's order after the leader's signature (Decree 30/2020 article 14); each is a commit of its own."""

WIDE, HIGH = 910, 1287
"""Size of a page's picture (A4 at 110 dots per inch)."""

ANNEXES = N_(
    "This document has annexes in files of their own, each of which the agency signs. By another program a document "
    "alone is sealed; nothing was handed out. Please seal it with the token."
)

BEFORE_SEAL = (State.SIGNED, State.NUMBERED)
ISSUABLE = (*BEFORE_SEAL, State.SEALED)


@room.get("/issue/<uuid:document_id>")
@needs(Permission.DOCUMENT_ISSUE)
def form(document_id: UUID) -> Response | tuple[str, int]:
    """Everything about a signed document that somebody wants to see before it is issued."""
    return _page(document_id)


@room.get("/issue/<uuid:document_id>/recipients")
@needs(Permission.DOCUMENT_ISSUE)
def recipients(document_id: UUID) -> str:
    """The recipients with the choice of paper just made: a part of the page, so that the classes follow the choice."""
    with here.reading() as desk:
        row = _own(desk, document_id)
        plan = issuing.plan(desk, row, _chosen(request.args))
    return render_template("issuing/recipients.html", row=row, plan=plan, reasons=_reasons())


@room.post("/issue/<uuid:document_id>")
@needs(Permission.DOCUMENT_ISSUE)
def issue(document_id: UUID) -> Response | tuple[str, int]:
    """Number, seal and send; pressed again it continues with the same number."""
    return _press(document_id, tokens.values)


@room.post("/issue/<uuid:document_id>/file")
@needs(Permission.DOCUMENT_ISSUE, upload=True)
def file_post(document_id: UUID) -> Response | tuple[str, int]:
    """Take back the file that another program has sealed, and send it."""
    return _press(document_id, lambda: tokens.returned(here.identifier("prepared")))


def _press(document_id: UUID, answer: Callable[[], Answer]) -> Response | tuple[str, int]:
    try:
        row = _issue(document_id, answer())
    except NotFound:
        raise
    except OfficeError as error:
        return _page(document_id, error)
    shown = request.form.get("number", "")
    if shown.isdecimal() and row.number != int(shown):
        told = _("Number {shown} was given to another document meanwhile; this one has number {number}.",
                 shown=shown, number=row.number)  # fmt: skip
        flash(told)
    flash(_("{code} was issued and is being sent.", code=row.code))
    return here.go(url_for("deliveries.document", document_id=document_id))


@room.post("/issue/<uuid:document_id>/offer")
@needs(Permission.DOCUMENT_ISSUE)
@tokens.told
def offer(document_id: UUID) -> list[dict[str, str]]:
    """Give the number, and tell what the clerk's token has to sign."""
    _check_custodian(document_id)
    row = _number(document_id)
    with here.reading() as desk:
        made = [elsewhere.offer(desk, one) for one in issuing.agency_signatures(desk, _own(desk, row.id))]
    tokens.keep(made)
    return [one.facts() for one in made]


def _check_custodian(document_id: UUID) -> Document:
    """Refuse before a number is given for what this person could not seal."""
    with here.reading() as desk, issuing.seal.refusing(document_id):
        row = _own(desk, document_id)
        issuing.seal_certificate(desk)
    return row


@room.post("/issue/<uuid:document_id>/hand-out")
@needs(Permission.DOCUMENT_ISSUE)
def hand_out(document_id: UUID) -> Response | tuple[str, int]:
    """Give the number, and make the file that another program will seal."""
    try:
        if drafting.annexes(_check_custodian(document_id)):
            raise InvalidInput("annexes_by_token", ANNEXES)
        row = _number(document_id)
        with here.reading() as desk:
            made = elsewhere.hand_out(desk, issuing.agency_signature(desk, _own(desk, row.id)))
        tokens.keep([made])
    except NotFound:
        raise
    except OfficeError as error:
        return _page(document_id, error)
    return here.go(url_for("issuing.form", document_id=document_id, _anchor="elsewhere"))


@room.get("/issue/<uuid:document_id>/handed-out.pdf")
@needs(Permission.DOCUMENT_ISSUE)
def handed_out(document_id: UUID) -> Response:
    """The file that went out to be sealed, as it is expected back but for the seal."""
    with here.reading() as desk:
        row = _own(desk, document_id)
        out = elsewhere.handed_out(desk, document_id)
        if out is None:
            raise NotFound(table="prepared_signature", id=str(document_id))
        path = desk.files.path(out.handed_sha256 or "")
    here.visits().note(here.actor(), "file.fetched", object_id=document_id, detail=out.handed_sha256 or "")
    name = f"{(row.code or str(row.id)).replace('/', '-')}.pdf"
    return papers.attached(path, name=name, sha256=out.handed_sha256 or "")


def _issue(document_id: UUID, answer: Answer) -> Document:
    """Do what is left to be done, with one key for all steps.

    Raises:
        OfficeError: one step was not possible; those before it stay done.
    """
    if not answer:
        with here.reading() as desk:
            row = _own(desk, document_id)
            if row.state in BEFORE_SEAL:
                more = list(issuing.to_seal(desk).values()) if request.form.get("all") else []
                issuing.open_seal(desk, row, request.form.get("password", "")[:1000], more=more)
    row = _number(document_id)
    while (step := _next(row)) is not None:
        row = _do(step, row, answer if step is issuing.seal else ())
    return row


def _number(document_id: UUID) -> Document:
    """Give the number, with the choice of paper as it was just made; what has one keeps it."""
    chosen = _chosen(request.form)
    with here.reading() as desk:
        row = _own(desk, document_id)
        changes = row.state in ISSUABLE and (
            issuing.plan(desk, row, chosen).changes_paper
            # another press of this form was faster, and moved the version on
            or here.is_done(desk, issuing.choose_paper, document_id, reasons=chosen)
        )
    if row.state not in (*ISSUABLE, State.ISSUED):
        here.do(issuing.number, document_id)  # refuses, and writes the attempt down
    version: dict[str, Any] = {}  # of the form, for the first step alone: the steps themselves move it on
    if changes:
        row = here.do(issuing.choose_paper, document_id, reasons=chosen)
        version["version"] = None
    return _do(issuing.number, row, **version) if _next(row) is issuing.number else row


def _next(row: Document) -> Verb | None:
    state = State(row.state)
    return next((step for step in STEPS if lifecycle.next_state(step.body.__name__, state) is not None), None)


def _do(step: Verb, row: Document, answer: Answer = (), **version: Any) -> Document:
    if step is not issuing.number:
        version["version"] = None  # what a number was given to is what was shown; only its paper may be chosen anew
    try:
        done: Document = here.do(step, row.id, **({"answer": answer} if answer else {}), **version)
    except Conflict:
        with here.reading() as desk:
            found = _own(desk, row.id)
        if found.state == row.state:
            raise
        return found  # another press was faster with the same step: go on from where it has come
    return done


def _own(desk: Desk, document_id: UUID) -> Document:
    """A document of this person's own agency; an auditor's view reaches further, a clerk's hand does not."""
    row = search.document(desk, document_id)
    if row.agency_id != desk.agency:
        raise NotFound(table="document", id=str(document_id))
    return row


def _chosen(given: Any) -> dict[str, str]:
    """The reasons for paper as the form brings them, by recipient."""
    return {name[6:42]: text[:40] for name, text in given.items() if name.startswith("paper-")}


def _reasons() -> tuple[delivery.PaperReason, ...]:
    return delivery.paper_reasons(local_date(here.now()))


@dataclass(frozen=True)
class Mark:
    """A numbered frame over the picture of a page, in its points; ``at`` is where the number stands."""

    number: int
    x: int
    y: int
    width: int
    height: int
    at: int


FILLED = ((1, ("so",)), (2, ("ngay", "thang", "nam")), (3, (issuing.AGENCY_FIELD,)))
"""What numbering and sealing fill in, as the page numbers it."""


def _marks(places: Mapping[str, files.Place]) -> dict[int, list[Mark]]:
    """The frames of each page; none for a field that is not where it should be."""
    marks: dict[int, list[Mark]] = {}
    for number, names in FILLED:
        found = [places[name] for name in names if name in places]
        if len(found) != len(names) or len({place.page for place in found}) != 1:
            continue
        x = min(place.left for place in found) * WIDE // 1_000_000 - 3
        y = min(place.top for place in found) * HIGH // 1_000_000 - 3
        right = max(place.left + place.width for place in found) * WIDE // 1_000_000 + 3
        below = max(place.top + place.height for place in found) * HIGH // 1_000_000 + 3
        at = (x - 46, right + 16, x - 16)[number - 1]  # never over the words "Số:" and "ngày" before the fields
        marks.setdefault(found[0].page, []).append(Mark(number, x, y, right - x, below - y, at))
    return marks


def _page(document_id: UUID, problem: OfficeError | None = None) -> Response | tuple[str, int]:
    with here.reading() as desk:
        row = _own(desk, document_id)
        if row.state not in ISSUABLE:
            return here.go(_elsewhere(row))
        plan = issuing.plan(desk, row, _chosen(request.form) if problem else None)
        file = main_file(row, "sealed" if row.state == State.SEALED else "signed")
        if file is None:
            raise NotFound(table="document_file", id=str(document_id))
        certificate = directory.certificate(desk, "seal")
        keeper = certificate.custodian_post_id if certificate is not None else None
        mine = keeper is not None and keeper == desk.actor.post
        found = {
            "mine": mine,
            "keeper": None if mine or keeper is None else directory.named(desk, {keeper}).get(keeper),
            "is_open": certificate is not None and mine and issuing.is_seal_open(desk, certificate, row),
            "waiting": list(issuing.to_seal(desk)),
            **tokens.about(certificate if mine else None),
            "handed_out": elsewhere.handed_out(desk, document_id) if mine else None,
            "annexes": annexes.going_along(row),
            "marks": _marks(files.places(desk, file.sha256)) if row.state in BEFORE_SEAL else {},
        }
    stored = plan.stored
    checked = stored and examine.verification(stored.report, sha256=file.sha256, checked_at=stored.checked_at)
    told = problem.sentence(g.locale) if problem else ""
    page = render_template(
        "issuing/issue.html", row=row, plan=plan, file=file, checked=checked, reasons=_reasons(), problem=told, **found
    )
    return page, problem.status if problem else 200


def _elsewhere(row: Document) -> str:
    """Where a document is looked at that is not to be issued now."""
    return url_for("deliveries.document" if row.issued_at else "documents.document", document_id=row.id)

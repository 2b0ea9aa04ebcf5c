"""Entering a document in the incoming book: the form with what was read of it, and on to the next one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, g, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from eoffice.core import i18n
from eoffice.core.clock import local_date
from eoffice.core.errors import Conflict, InvalidInput, OfficeError
from eoffice.core.i18n import N_
from eoffice.core.text import fold
from eoffice.rules import kinds, numbering
from eoffice.rules.access import Permission
from eoffice.rules.deadlines import Urgency
from eoffice.rules.secrecy import Secrecy
from eoffice.services import annexes, books, deeds, directory, files, incoming, routing, search
from eoffice.services.directory import Colleague
from eoffice.services.incoming import Facts, main_file
from eoffice.web import here
from eoffice.web.documents import best_stage
from eoffice.web.guard import needs, signed_in
from eoffice.web.language import given, role_of, told
from eoffice.web.language import say as _
from eoffice.web.lists import leaders
from eoffice.web.papers import MOST_PAGES

room = Blueprint("register", __name__)

QUEUE = "to_register"

CIRCULATION: dict[str, str] = {
    "none": N_("Without limit"),
    "return_after_reading": N_("To be returned after reading"),
    "internal_circulation": N_("For internal circulation only"),
}

LABELS: dict[str, str] = {
    "code": N_("Number, symbol"),
    "issued_date": N_("Document date"),
    "issuer_name": N_("Sender"),
    "kind": N_("Kind"),
    "subject": N_("Subject"),
    "signer_name": N_("Signer"),
    "due": N_("Deadline"),
    "urgency": N_("Urgency"),
    "secrecy": N_("State secrecy"),
    "circulation": N_("Circulation"),
    "to": N_("Submit to"),
}
"""The boxes of the form, in its order."""

FIELDS_OF = {"kind_unknown": "kind", "state_secret_refused": "secrecy", "secrecy_unknown": "secrecy"}
"""Refusals of the rules that name no box of this form -> the box they are about."""


# The form


@room.get("/documents/<uuid:document_id>/register")
@signed_in
def form(document_id: UUID) -> Response | str:
    """The form, filled in with what is known; what this person cannot register (any more) leads to its page."""
    with here.reading() as desk:
        row = search.document(desk, document_id)
        waits = "register" in deeds.possible(desk, row)
    if not waits:
        return here.go(url_for("documents.document", document_id=document_id))
    here.visits().note(here.actor(), "document.opened", object_id=document_id)
    return _show(document_id)


def _show(document_id: UUID, problem: OfficeError | None = None) -> str:
    """The form's page.

    Args:
        problem: why what was just sent could not be used; what was written stands in its boxes again.
    """
    with here.reading() as desk:
        row = search.document(desk, document_id)
        about = files.about(desk, row)
        main = main_file(row, *best_stage(row))
        read = files.reading(desk, main.sha256) if main is not None and row.message_id is None else {}
        related = {other.id: other for other in search.related(desk, row)}
        year = local_date(here.now()).year
        number = books.last(desk, numbering.book_key(desk.agency, "incoming", year)) + 1
        queue = [item.id for item in search.waiting(desk, QUEUE)]
        people = leaders(desk)
        agency_names = directory.names(desk)
        can = deeds.possible(desk, row)
    known = about[main.sha256] if main is not None else None
    checked = files.checked(known, main.sha256) if main is not None else None
    at = queue.index(row.id) if row.id in queue else -1
    facts = incoming.facts_of(row)
    signer = facts.signer_name or _signed_by(checked)
    if signer:  # a message or a signature says it better than the page
        read = {**read, "signer": None}
    signer = signer or _value(read, "signer")
    due = _value(read, "due")
    read_places = places(read)
    problems = _problems(problem)
    return render_template(
        "incoming/register.html",
        row=row,
        main=main,
        checked=checked,
        pages=min((known.pages if known else 0) or 0, MOST_PAGES),
        whole=(known.pages if known else 0) or 0,
        same_bytes=related.get(row.same_bytes_id),
        same_code=related.get(row.same_code_id),
        reply_to=None,
        annexes=annexes.going_along(row),
        number=number,
        year=year,
        today=here.now(),
        facts=facts if facts.due or not due else replace(facts, due=date.fromisoformat(due)),
        issuer=_written_as(row.issuer_name, agency_names),
        signer=signer,
        places=read_places,
        at=at,
        waiting=len(queue),
        before=queue[at - 1] if at > 0 else None,
        after=queue[at + 1] if 0 <= at < len(queue) - 1 else None,
        problem=_sentence(problem) if problem else "",
        problems=problems,
        doubtful=next((name for name in (*problems, *(n for n, p in read_places.items() if p.doubtful))), ""),
        labels={name: _(text) for name, text in LABELS.items()},
        kind_options=[(kind.code, kind.name_in(g.locale)) for kind in kinds.ALL],
        urgency_options=[(word.value, word.name_in(g.locale)) for word in Urgency],
        secrecy_options=[(word.value, word.name_in(g.locale)) for word in Secrecy],
        circulation_options=[(word, _(text)) for word, text in CIRCULATION.items()],
        can=can,
        leaders=people,
        leader=next((one for one in people if str(one.id) == given("to")), people[0] if people else None),
        agency_names=agency_names,
    )


def _sentence(problem: OfficeError) -> Markup:
    """What a refusal says; words of the form within it are marked as theirs."""
    return told(problem.message, **{name: str(fact) for name, fact in problem.facts.items()})


def _problems(problem: OfficeError | None) -> dict[str, Markup]:
    """The boxes a refusal is about, each with its sentence."""
    if problem is None:
        return {}
    said = str(problem.facts.get("fields") or problem.facts.get("field") or FIELDS_OF.get(problem.code, ""))
    return {name: _sentence(problem) for name in said.split(", ") if name}


def _written_as(issuer: str, names: Sequence[str]) -> str:
    """A name as the directory writes it when it is the same but for letter case; papers print theirs in capitals."""
    return next((name for name in names if fold(name) == fold(issuer)), issuer)


def _signed_by(checked: Any) -> str:
    """Who signed in person, as the certificate of a signature in order says."""
    signed = (item for item in (checked.signatures if checked else ()) if item.verdict == "PASSED")
    return next((str(item.signer) for item in signed if role_of(item) == "leader"), "")


# What was read of page 1

PARTS: dict[str, tuple[str, ...]] = {
    "code": ("number", "symbol"),
    "issued_date": ("date",),
    "issuer_name": ("issuer",),
    "kind": ("title",),
    "subject": ("subject",),
    "signer_name": ("signer",),
    "due": ("due",),
}
"""Box of the form -> what of the page fills it, in the order of the form."""

SURE = 80
"""Percent under which somebody should look."""

WIDTH, HEIGHT, RADIUS = 1100, 1556, 15
"""Size of the drawing laid over a page, whatever the page's own, and of the numbers on it."""


@dataclass(frozen=True)
class Place:
    """Where a value was read: its number, how sure, and the rectangle and number drawn on the paper."""

    number: int
    sure: int
    x: int
    y: int
    width: int
    height: int

    @property
    def doubtful(self) -> bool:
        return self.sure < SURE

    @property
    def percent(self) -> str:
        return i18n.percent(g.locale, self.sure / 100, 0)

    @property
    def dot(self) -> tuple[int, int]:
        """Middle of the number: in the margin beside the first line, never on the words."""
        return max(RADIUS, self.x - RADIUS - 7), self.y + min(self.height // 2, RADIUS + 2)


def _value(read: Mapping[str, Any], name: str) -> str:
    return str((read.get(name) or {}).get("value") or "")


def places(read: Mapping[str, Any]) -> dict[str, Place]:
    """Where each box's value was read, numbered from 1; nothing for a value that was not found."""
    found: dict[str, Place] = {}
    for name, parts in PARTS.items():
        items = [read.get(part) for part in parts]
        if not all(items):
            continue
        left, top, right, bottom = (
            edge(item["box"][index] for item in items) for index, edge in enumerate((min, min, max, max))
        )
        x, y = round(left * WIDTH) - 6, round(top * HEIGHT) - 3
        found[name] = Place(
            len(found) + 1,
            min(item["confidence"] for item in items),
            x,
            y,
            round(right * WIDTH) + 6 - x,
            round(bottom * HEIGHT) + 3 - y,
        )
    return found


# The deed


@room.post("/documents/<uuid:document_id>/register")
@needs(Permission.DOCUMENT_REGISTER)
def register(document_id: UUID) -> Response | tuple[str, int]:
    """Enter a document in the book; unless told to stay, submit it to the leader chosen and open the next one."""
    alone = request.form.get("then") == "stay"
    try:
        facts, leader = _written(), None if alone else _leader()
        row = here.do(incoming.register, document_id, facts=facts)
    except (InvalidInput, Conflict) as error:
        return _show(document_id, error), error.status
    if leader is None:
        flash(told(N_("It was registered under arrival number {number}."), number=str(row.arrival_number)))
        return here.go(url_for("documents.document", document_id=document_id))
    return _submitted(row, leader) or here.go(_next(row, "register.form"))


@room.post("/documents/<uuid:document_id>/accept")
@needs(Permission.DOCUMENT_REGISTER)
def accept(document_id: UUID) -> Response | tuple[str, int]:
    """Register a document of the exchange with the facts as they were sent, and submit it to the head."""
    with here.reading() as desk:
        row = search.document(desk, document_id)
        head = next(iter(leaders(desk)), None)
    if row.message_id is None or head is None:
        return here.go(url_for("register.form", document_id=document_id))
    try:
        row = here.do(incoming.register, document_id, facts=incoming.facts_of(row))
    except (InvalidInput, Conflict) as error:
        return _show(document_id, error), error.status
    return _submitted(row, head) or here.go(_next(row, "lists.incoming"))


def _submitted(row: Any, leader: Colleague) -> Response | None:
    """The second step, by the same press; when it cannot be done the first one stands, and that is said."""
    number = str(row.arrival_number)
    try:
        here.do(routing.forward, row.id, version=None, to=leader.id)
    except OfficeError as error:
        done = told(N_("It was registered under arrival number {number}, but not submitted."), number=number)
        flash(done + " " + _sentence(error))
        return here.go(url_for("documents.document", document_id=row.id))
    called = leader.named.called
    flash(told(N_("Registered under arrival number {number}, submitted to {name}."), number=number, name=called))
    return None


def _next(row: Any, endpoint: str) -> str:
    """Where work goes on: the next older document that waits, else the newest one, else the empty queue."""
    with here.reading() as desk:
        queue: Sequence[Any] = search.waiting(desk, QUEUE)
    mark = (row.created_at, row.id)
    target = next((item.id for item in queue if (item.created_at, item.id) < mark), queue[0].id if queue else None)
    if target is not None and endpoint == "register.form":
        return url_for(endpoint, document_id=target)
    return url_for("lists.incoming", queue=QUEUE, cur=target)


def _written() -> Facts:
    """What stands in the form's boxes.

    Raises:
        InvalidInput: a date that is none.
    """
    text = {name: request.form.get(name, "").strip() for name in ("code", "issuer_name", "subject", "signer_name")}
    words = {name: request.form.get(name, "none") for name in ("secrecy", "circulation")}
    return Facts(
        **text,
        **words,
        issued_date=here.day("issued_date"),
        kind=request.form.get("kind", ""),
        urgency=request.form.get("urgency", "normal"),
        due=here.day("due"),
    )


def _leader() -> Colleague:
    """To whom the document is submitted.

    Raises:
        InvalidInput: somebody who is no leader of this agency.
    """
    chosen = here.identifier("to")
    with here.reading() as desk:
        for person in leaders(desk):
            if person.id == chosen:
                return person
    raise InvalidInput(
        "not_a_leader", N_("This person is no leader of your agency. Nothing was changed."), field="to"
    )

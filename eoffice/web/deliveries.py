"""Following what was sent: all documents that want a look, one document to each recipient, and the signed answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, g, render_template, request, send_file, url_for
from werkzeug.wrappers import Response

from eoffice.core import i18n
from eoffice.core.clock import local_date
from eoffice.core.errors import InvalidInput, NotFound, OfficeError
from eoffice.core.i18n import N_
from eoffice.models.documents import Document
from eoffice.models.exchange import Delivery, DeliveryEvent
from eoffice.rules.access import Permission
from eoffice.rules.lifecycle import DELIVERY_TROUBLE, DeliveryState, State
from eoffice.services import annexes, directory, exchange, search, tracking
from eoffice.services.search import Filter
from eoffice.web import here, rail, words
from eoffice.web.guard import needs, signed_in
from eoffice.web.language import say as _
from eoffice.web.lists import MOST_COUNTED, Tab

room = Blueprint("deliveries", __name__)

SENT = (State.ISSUED, State.RECALLING, State.RECALLED, State.REPLACED)

TABS = {
    "attention": N_("To look at"),
    "waiting": N_("Not accepted"),
    "late": N_("Late"),
    "trouble": N_("Refused, failed"),
    "all": N_("All"),
}
"""The first one is what a sender opens in the morning."""

ONE_TABS = {name: TABS[name] for name in ("all", "waiting", "late", "trouble")}
"""Of one document: everything first."""


# the board


@room.get("/deliveries")
@signed_in
def board() -> str:
    """Documents that were issued, by how they reached their recipients."""
    show = request.args.get("show", "attention")
    show = show if show in TABS else "attention"
    after = request.args.get("after") or None
    with here.reading() as desk:
        page = search.find(desk, _filter(show), after=after)
        counts = search.count_each(desk, {name: _filter(name) for name in TABS}, most=MOST_COUNTED)
        summaries = tracking.summaries(desk, page.rows)
        first = page.rows[0] if page.rows else None
        paper = search.newest_file(desk, first.id) if first is not None else None
    return render_template(
        "deliveries/board.html",
        show=show,
        tabs=[_tab(name, text, counts[name], show) for name, text in TABS.items()],
        page=page,
        after=after,
        summaries=summaries,
        first=first,
        shown={"paper": paper, "can": frozenset(), "due": None},
    )


def _filter(show: str) -> Filter:
    """The same filter lists and counts."""
    return Filter("outgoing", states=SENT) if show == "all" else Filter("outgoing", sent=show)


def _tab(name: str, text: str, count: int, show: str) -> Tab:
    url = url_for("deliveries.board", show=name if name != "attention" else None)
    return Tab(_(text), url, rail.number(count), show == name, late=name == "late")


# one document


@room.get("/documents/<uuid:document_id>/deliveries")
@signed_in
def document(document_id: UUID) -> str:
    """One document to each of its recipients: how far it is with whom."""
    return _show(document_id)


@room.get("/documents/<uuid:document_id>/deliveries/<uuid:delivery_id>")
@signed_in
def one(document_id: UUID, delivery_id: UUID) -> str:
    """The same page with one recipient marked, and everything that happened to his delivery."""
    return _show(document_id, delivery_id)


@room.get("/documents/<uuid:document_id>/deliveries/<uuid:delivery_id>/detail")
@signed_in
def detail(document_id: UUID, delivery_id: UUID) -> str:
    """The pane beside the list: a part of a page, fetched when the list's cursor moves."""
    return render_template("deliveries/detail.html", **_found(document_id, delivery_id))


def _show(document_id: UUID, delivery_id: UUID | None = None, problem: OfficeError | None = None) -> str:
    told = problem.sentence(g.locale) if problem else ""
    return render_template("deliveries/document.html", problem=told, **_found(document_id, delivery_id))


def _found(document_id: UUID, delivery_id: UUID | None) -> dict[str, Any]:
    show = request.args.get("show", "all")
    show = show if show in ONE_TABS else "all"
    with here.reading() as desk:
        row = search.document(desk, document_id)
        rows = exchange.deliveries(desk, row.id)
        if row.issued_at is None:
            raise NotFound(table="delivery", document=str(document_id))
        at = tracking.clock(desk)
        own = directory.identifier(desk, row.agency_id, row.issued_date or local_date(row.issued_at))
        may = row.agency_id == desk.agency
    groups = tracking.members(rows, row.urgency, at)
    marked = next((item for item in rows if item.id == delivery_id), None)
    if delivery_id is not None and marked is None:
        raise NotFound(table="delivery", id=str(delivery_id))
    listed = groups[show] if marked is None or marked in groups[show] else groups["all"]
    current = marked or next(iter(listed), None)
    return {
        "row": row,
        "rows": listed,
        "show": show,
        "asked_for": marked is not None,
        "current": current,
        "tabs": [_one_tab(row, name, text, groups, show) for name, text in ONE_TABS.items()],
        "late": {item.id: _how_late(item, row, at) for item in groups["late"]},
        "when": {item.id: _when(item.status_at or item.sent_at or item.created_at) for item in listed},
        "lines": _lines(current, row, at) if current is not None else [],
        "own": own,
        "may": may,
        "accept_by": _first_due(rows, row, at),
        "annexes": annexes.going_along(row),
    }


def _one_tab(row: Document, name: str, text: str, groups: Any, show: str) -> Tab:
    url = url_for("deliveries.document", document_id=row.id, show=name if name != "all" else None)
    return Tab(_(text), url, i18n.number(g.locale, len(groups[name])), show == name, late=name == "late")


def _when(at: datetime) -> str:
    """A time of today, or else its day: a bare time means today."""
    return i18n.time_text(at) if local_date(at) == local_date(here.now()) else i18n.date_text(at)


def _how_late(item: Delivery, row: Document, at: tracking.Clock) -> str:
    due = at.due(item.status_at or item.created_at, row.urgency)
    days = at.calendar.working_days_between(local_date(due), local_date(at.now))
    minutes = at.calendar.working_minutes_between(due, at.now)
    told = i18n.deadline(g.locale, late=True, days=days, minutes=minutes)
    return told[:1].upper() + told[1:]


def _first_due(rows: Sequence[Delivery], row: Document, at: tracking.Clock) -> datetime | None:
    """Until when the first of those who have it should have accepted it, None when nobody has it."""
    arrived = [item.status_at for item in rows if item.state == DeliveryState.ARRIVED and item.status_at]
    return at.due(min(arrived), row.urgency) if arrived else None


@dataclass(frozen=True)
class Line:
    """One line of what happened to a delivery, or of what is still to come.

    Args:
        code: of a status; "" for the others.
        at: None while it is to come; due: until when it should come.
        event: with the recipient's signed answer to download, None without one.
        history_only: a status that came too late to change anything.
    """

    text: str
    icon: str
    tone: str
    code: str = ""
    at: datetime | None = None
    due: datetime | None = None
    event: DeliveryEvent | None = None
    note: str = ""
    staff: str = ""
    history_only: bool = False


EVENTS: dict[str, tuple[str, str, str]] = {
    "sent": (N_("Handed over for delivery"), "send", ""),
    "receipt": (N_("The recipient's system took it in"), "badge-check", "ok"),
    "posted": (N_("Handed to the post"), "mail", "ok"),
    "problem": (N_("It could not be delivered"), "octagon-alert", "bad"),
}


def _lines(item: Delivery, row: Document, at: tracking.Clock) -> list[Line]:
    lines = [Line(_("Queued"), "circle-check", "ok", at=item.created_at)]
    for event in item.events:
        signed = event if event.sha256 else None
        if event.kind == "status":
            code = event.code or ""
            text, tone = _(words.CODE_NAMES.get(code, "")), "warn" if code == "02" else "ok"
            icon = "undo-2" if code == "02" else "circle-check"
        else:
            code, (msgid, icon, tone) = "", EVENTS[event.kind]
            text = _(msgid)
        staff = event.staff if event.staff != "eoffice" else ""  # told by the recipient's system, by nobody there
        told_late = event.kind == "status" and not event.applied
        lines.append(Line(text, icon, tone, code, event.at, None, signed, event.description, staff, told_late))
    reached = {line.code for line in lines}
    if item.channel == "paper" or item.state in DELIVERY_TROUBLE:
        return lines
    by = at.due(item.status_at, row.urgency) if item.state == DeliveryState.ARRIVED and item.status_at else None
    highest = max(reached)
    for code, name in words.CODES:
        if code not in reached and code > highest:
            lines.append(Line(_(name), "circle-dashed", "q", code, due=by if code == "03" else None))
    return lines


# deeds


@room.post("/documents/<uuid:document_id>/deliveries/<uuid:delivery_id>/resend")
@needs(Permission.EXCHANGE_POST)
def resend(document_id: UUID, delivery_id: UUID) -> Response | tuple[str, int]:
    """Send again what failed: the same message, so that it never arrives twice."""
    return _do(document_id, delivery_id, exchange.resend, _("It is being sent again."))


@room.post("/documents/<uuid:document_id>/deliveries/<uuid:delivery_id>/post")
@needs(Permission.EXCHANGE_POST)
def post(document_id: UUID, delivery_id: UUID) -> Response | tuple[str, int]:
    """Write down that the paper was handed to the post."""
    note = request.form.get("note", "")[:1000]
    return _do(document_id, delivery_id, exchange.post, _("The posting was written down."), note=note)


def _do(
    document_id: UUID, delivery_id: UUID, verb: Any, told: str, **arguments: Any
) -> Response | tuple[str, int]:
    with here.reading() as desk:  # the address must be a true one, whoever asks
        row = search.document(desk, document_id)
        if all(item.id != delivery_id for item in exchange.deliveries(desk, row.id)):
            raise NotFound(table="delivery", id=str(delivery_id))
    try:
        here.do(verb, delivery_id, **arguments)
    except InvalidInput as error:
        return _show(document_id, delivery_id, error), error.status
    flash(told)
    return here.go(url_for("deliveries.one", document_id=document_id, delivery_id=delivery_id))


# what came back, signed


@room.get("/documents/<uuid:document_id>/deliveries/<uuid:delivery_id>/answers/<uuid:event_id>")
@signed_in
def answer(document_id: UUID, delivery_id: UUID, event_id: UUID) -> Response:
    """A receipt or status byte for byte as the recipient signed it; anybody checks it with openssl."""
    with here.reading() as desk:
        row = search.document(desk, document_id)
        found = tracking.answer(desk, row, delivery_id, event_id)
    here.visits().note(here.actor(), "answer.fetched", object_id=document_id, detail=found.sha256)
    what = "bien-nhan" if found.code is None else f"trang-thai-{found.code}"
    name = "-".join((what, row.code.replace("/", "-"), found.to_identifier)) + ".json"
    response = send_file(
        found.path, mimetype="application/json", as_attachment=True, download_name=name, etag=found.sha256
    )
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, no-cache"
    return response

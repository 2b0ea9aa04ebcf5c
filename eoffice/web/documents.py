"""The lists of documents, one document with everything about it, and its files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, g, render_template, request, send_file, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from eoffice.core import i18n
from eoffice.core.calendar import WorkingCalendar
from eoffice.core.clock import local_date
from eoffice.core.desk import Desk
from eoffice.core.errors import NotFound
from eoffice.core.i18n import N_
from eoffice.models.documents import Document
from eoffice.rules.lifecycle import INCOMING_STATES, OPEN_INCOMING, OUTGOING_STATES, Direction
from eoffice.services import directory, drafting, examine, exchange, files, ledger, routing, search
from eoffice.services.files import About
from eoffice.services.incoming import main_file
from eoffice.services.search import Filter
from eoffice.web import here, words
from eoffice.web.guard import signed_in
from eoffice.web.language import say as _
from eoffice.web.language import told

room = Blueprint("documents", __name__)

MOST_COUNTED = 1000
MOST_PAGES = 60
"""Pages of a paper shown at once; the rest is in the file."""

TITLES = {"incoming": N_("Incoming documents"), "outgoing": N_("Outgoing documents")}


@dataclass(frozen=True)
class Due:
    """A deadline as a list shows it; ``tone`` is ``bad`` when missed, ``warn`` when it ends today or tomorrow."""

    text: str
    title: str
    tone: str = ""


def due_of(row: Any, calendar: WorkingCalendar, now: datetime) -> Due | None:
    """The deadline of a document that is still open, None when it has none or is finished."""
    if row.due_at is None or row.state not in OPEN_INCOMING:
        return None
    today, last = local_date(now), local_date(row.due_at)
    title = _("Due {time}", time=i18n.datetime_text(row.due_at))
    if row.due_at < now:
        days = calendar.working_days_between(last, today)
        minutes = calendar.working_minutes_between(row.due_at, now)
        return Due(i18n.deadline(g.locale, late=True, days=days, minutes=minutes, short=True), title, "bad")
    days = calendar.working_days_between(today, last)
    if last == today:
        return Due(i18n.time_text(row.due_at), title, "warn")
    return Due(i18n.deadline(g.locale, late=False, days=days, short=True), title, "warn" if days <= 1 else "")


@room.get("/incoming")
@signed_in
def incoming() -> str:
    """What came to the agency."""
    return _list(Direction.INCOMING, INCOMING_STATES)


@room.get("/outgoing")
@signed_in
def outgoing() -> str:
    """What the agency writes and issues."""
    return _list(Direction.OUTGOING, OUTGOING_STATES)


@dataclass(frozen=True)
class Asked:
    """What somebody wants to see of a list, as its address says it."""

    direction: str
    states: tuple[str, ...]
    group: str
    late: bool
    words: str

    def filter(self) -> Filter:
        """The same as the search understands it."""
        states = self.states
        for group in words.GROUPS[self.direction]:
            if group.code == self.group:
                states = tuple(state for state in group.states if not states or state in states) or group.states
        return Filter(self.direction, states, self.words, self.late)

    def url(self, **changes: Any) -> str:
        """The address of this list with something else wanted."""
        wanted = replace(self, **changes)
        return url_for(
            f"documents.{wanted.direction}",
            q=wanted.words or None,
            group=wanted.group or None,
            late="1" if wanted.late else None,
            state=wanted.states or None,
        )


def _list(direction: Direction, known: Sequence[str]) -> str:
    asked = Asked(
        direction=direction.value,
        states=tuple(state for state in request.args.getlist("state") if state in known),
        group=request.args.get("group", ""),
        late=direction == Direction.INCOMING and request.args.get("late") == "1",
        words=request.args.get("q", "").strip()[:200],
    )
    after = request.args.get("after") or None
    now = here.now()
    with here.reading() as desk:
        page = search.find(desk, asked.filter(), after=after)
        counts = search.count_states(desk, asked.filter(), most=MOST_COUNTED)
        calendar = directory.calendar(desk)
        first = page.rows[0] if page.rows else None
        paper = search.newest_file(desk, first.id) if first is not None else None
        several = len(desk.actor.agencies or ()) > 1
        agencies = directory.short_names(desk, {row.agency_id for row in page.rows}) if several else {}
    return render_template(
        "documents/list.html",
        heading=TITLES[asked.direction],
        asked=asked,
        page=page,
        after=after,
        tabs=_tabs(asked, counts),
        counts=counts,
        most=MOST_COUNTED,
        states=[state for state in known if counts.get(state)],
        dues={row.id: due_of(row, calendar, now) for row in page.rows},
        first=first,
        paper=paper,
        agencies=agencies,
        more=asked.url() + ("&" if "?" in asked.url() else "?") + f"after={page.after}" if page.after else "",
    )


@dataclass(frozen=True)
class Tab:
    """One tab of a list with the number of rows behind it, as text."""

    text: str
    url: str
    number: str
    current: bool
    late: bool = False


def _tabs(asked: Asked, counts: Mapping[str, int]) -> list[Tab]:
    def number(of: Sequence[str]) -> str:
        found = [counts.get(state, 0) for state in of]
        return i18n.number(g.locale, sum(found)) + ("+" if any(count >= MOST_COUNTED for count in found) else "")

    everything = [state for state in counts if state != "late"]
    tabs = [Tab(_("All"), asked.url(group="", late=False), number(everything), not asked.group and not asked.late)]
    for group in words.GROUPS[asked.direction]:
        url = asked.url(group=group.code, late=False, states=())
        tabs.append(Tab(_(group.text), url, number(group.states), asked.group == group.code))
    if asked.direction == Direction.INCOMING:
        url = asked.url(group="", late=True, states=())
        tabs.append(Tab(_("Late"), url, number(["late"]), asked.late, late=True))
    return tabs


@room.get("/documents/<uuid:document_id>")
@signed_in
def document(document_id: UUID) -> str:
    """One document: facts, verdict, instruction, files, deliveries, history, and the paper."""
    with here.reading() as desk:
        row = search.document(desk, document_id)
        about = files.about(desk, row)
        found = _gather(desk, row)
        history = ledger.history(desk, row)
        calendar = directory.calendar(desk)
    main = main_file(row, *_best_stage(row))
    here.visits().note(here.actor(), "document.opened", object_id=row.id)
    known = about[main.sha256] if main is not None else None
    return render_template(
        "documents/document.html",
        row=row,
        about=about,
        main=main,
        checked=_checked(main.sha256, known) if main is not None else None,
        draft=main is not None and main.stage == "draft",
        pages=min((known.pages if known else 0) or 0, MOST_PAGES),
        whole=(known.pages if known else 0) or 0,
        due=due_of(row, calendar, here.now()),
        history=[_told(deed, {str(item.id): item.to_name for item in found["deliveries"]}) for deed in history],
        **found,
    )


def _best_stage(row: Document) -> tuple[str, ...]:
    """The stage that counts most: what was issued, then what was signed, then what came or was written."""
    stages = {item.stage for item in row.files if item.role == "main"}
    return next(((stage,) for stage in ("sealed", "signed", "received", "draft") if stage in stages), ())


def _checked(sha256: str, about: About | None) -> Any:
    if about is None or about.report is None or about.checked_at is None:
        return None
    return examine.verification(about.report, sha256=sha256, checked_at=about.checked_at)


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
    found["instructions"] = routing.instructions(desk, row.id) if incoming else []
    found["parts"] = routing.assignments(desk, row.id) if incoming else []
    found["versions"] = [] if incoming else drafting.version_list(desk, row.id)
    found["approvals"] = [] if incoming else drafting.approvals(desk, row.id)
    found["deliveries"] = exchange.deliveries(desk, row.id) if row.issued_at else []
    found["recipients"] = [] if incoming or row.issued_at else drafting.recipients(desk, row.id)
    people = {item.post_id for name in ("instructions", "parts", "versions", "approvals") for item in found[name]}
    people |= {row.drafter_post_id, row.signer_post_id}
    found["people"] = directory.named(desk, {post for post in people if post is not None})
    found["units"] = directory.units_named(desk, {part.unit_id for part in found["parts"] if part.unit_id})
    return found


@dataclass(frozen=True)
class Told:
    """One line of a history: when, and what, in a sentence."""

    at: datetime
    text: Markup


def _told(deed: ledger.Deed, recipients: Mapping[str, str]) -> Told:
    notes = deed.notes
    facts = {name: str(notes[name]) for name in ("number", "reason", "note", "version", "code") if notes.get(name)}
    if "verdict" in notes:
        facts["verdict"] = _(words.VERDICTS[str(notes["verdict"])].text).lower()
    if "code" in notes:
        facts["step"] = _(words.CODE_NAMES.get(str(notes["code"]), "")).lower()
    facts["to"] = recipients.get(str(notes.get("delivery")), _("a recipient"))
    sentence = words.DEEDS.get(deed.word, words.OTHER_DEED)
    who = _("The system") if deed.name == "eoffice" else deed.name
    return Told(deed.at, told(sentence, who=who, **{"number": "–", "reason": "–", "note": "–", **facts}))


@room.get("/documents/<uuid:document_id>/preview")
@signed_in
def preview(document_id: UUID) -> str:
    """The pane beside a list: a part of a page, fetched when the list's cursor moves."""
    with here.reading() as desk:
        row = search.document(desk, document_id)
        paper = search.newest_file(desk, document_id)
        calendar = directory.calendar(desk)
    return render_template("documents/preview.html", row=row, paper=paper, due=due_of(row, calendar, here.now()))


@room.get("/documents/<uuid:document_id>/files/<uuid:file_id>")
@signed_in
def download(document_id: UUID, file_id: UUID) -> Response:
    """A file, byte for byte as it is kept."""
    with here.reading() as desk:
        opened = files.find(desk, document_id, file_id)
    here.visits().note(here.actor(), "file.fetched", object_id=document_id, detail=opened.sha256)
    response = send_file(
        opened.path, mimetype=opened.media, as_attachment=True, download_name=opened.name, etag=opened.sha256
    )
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@room.get("/documents/<uuid:document_id>/files/<uuid:file_id>/pages/<int:page>.jpg")
@signed_in
def page_image(document_id: UUID, file_id: UUID, page: int) -> Response:
    """The picture of a page; the browser keeps it and asks each time whether it still may show it."""
    with here.reading() as desk:
        opened = files.find(desk, document_id, file_id)
        etag = f"{opened.sha256}-{page}"
        known = request.if_none_match.contains(etag)
        picture = None if known else files.page_image(desk, opened.sha256, page)
    response = Response(status=304) if picture is None else send_file(picture, mimetype="image/jpeg", etag=False)
    response.set_etag(etag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@room.get("/documents/<uuid:document_id>/files/<uuid:file_id>/text")
@signed_in
def text(document_id: UUID, file_id: UUID) -> str:
    """The text of a file for those who listen to it instead of looking at it."""
    with here.reading() as desk:
        row = search.document(desk, document_id)
        opened = files.find(desk, document_id, file_id)
        about = files.about(desk, row)[opened.sha256]
    pages = min(about.pages or 0, MOST_PAGES)
    here.visits().note(here.actor(), "file.read", object_id=document_id, detail=opened.sha256)
    texts = [files.page_text(desk, opened.sha256, page) for page in range(1, pages + 1)]
    return render_template("documents/text.html", row=row, opened=opened, file_id=file_id, texts=texts)


@room.get("/documents/<uuid:document_id>/files/<uuid:file_id>/revisions/<int:length>")
@signed_in
def revision(document_id: UUID, file_id: UUID, length: int) -> Response:
    """The file as it stood when a signature was made: its first bytes, up to where that signature reaches."""
    with here.reading() as desk:
        row = search.document(desk, document_id)
        opened = files.find(desk, document_id, file_id)
        checked = _checked(opened.sha256, files.about(desk, row)[opened.sha256])
    ends = {sum(item.byte_range[2:]) for item in (checked.signatures if checked else ()) if len(item.byte_range) == 4}
    if length not in ends:
        raise NotFound(table="revision", id=str(length))
    with opened.path.open("rb") as stream:
        data = io.BytesIO(stream.read(length))
    here.visits().note(here.actor(), "file.fetched", object_id=document_id, detail=f"{opened.sha256} {length}")
    name = f"{opened.name.removesuffix('.pdf')}.{length}.pdf"
    response = send_file(data, mimetype=opened.media, as_attachment=True, download_name=name)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response

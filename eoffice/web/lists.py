"""The lists of documents: what waits for somebody, and the books, with the paper of the marked row beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from flask import Blueprint, g, render_template, request, url_for

from eoffice.core import i18n
from eoffice.core.errors import NotFound
from eoffice.core.i18n import N_
from eoffice.rules.access import Permission, Role, permits
from eoffice.rules.lifecycle import INCOMING_STATES, OUTGOING_STATES, Direction, State
from eoffice.services import deeds, directory, routing, search
from eoffice.services.queues import BY_CODE, SCOPES
from eoffice.services.search import Filter
from eoffice.web import here, words
from eoffice.web.deadlines import due_of
from eoffice.web.guard import signed_in
from eoffice.web.language import say as _

room = Blueprint("lists", __name__)

MOST_COUNTED = 1000

TITLES = {"incoming": N_("Incoming documents"), "outgoing": N_("Outgoing documents")}
KNOWN: dict[str, Sequence[str]] = {"incoming": INCOMING_STATES, "outgoing": OUTGOING_STATES}


@room.get("/incoming")
@signed_in
def incoming() -> str:
    """What came to the agency: its book, or what waits of it."""
    return _list(_asked(Direction.INCOMING))


@room.get("/outgoing")
@signed_in
def outgoing() -> str:
    """What the agency writes and issues: its book, or what waits of it."""
    return _list(_asked(Direction.OUTGOING))


@room.get("/tasks")
@signed_in
def tasks() -> str:
    """What was assigned to the person who asks, or to his unit."""
    return _list(replace(_asked(Direction.INCOMING), queue="tasks"))


@dataclass(frozen=True)
class Asked:
    """What somebody wants to see of a list, as its address says it."""

    direction: str
    states: tuple[str, ...] = ()
    group: str = ""
    late: bool = False
    words: str = ""
    queue: str = ""
    whose: str = "mine"
    verdicts: tuple[str, ...] = ()
    urgencies: tuple[str, ...] = ()

    def filter(self) -> Filter:
        """The same as the search understands it."""
        states = self.states
        for group in words.GROUPS[self.direction]:
            if group.code == self.group:
                states = tuple(state for state in group.states if not states or state in states) or group.states
        return Filter(
            self.direction, states, self.words, self.late, self.queue, self.whose, self.verdicts, self.urgencies
        )

    def url(self, **changes: Any) -> str:
        """The address of this list with something else wanted."""
        wanted = replace(self, **changes)
        tasks = wanted.queue == "tasks"
        return url_for(
            "lists.tasks" if tasks else f"lists.{wanted.direction}",
            q=wanted.words or None,
            group=wanted.group or None,
            late="1" if wanted.late else None,
            state=wanted.states or None,
            queue=(not tasks and wanted.queue) or None,
            whose=wanted.whose if wanted.whose != "mine" else None,
            verdict=wanted.verdicts or None,
            urgency=wanted.urgencies or None,
        )


def _asked(direction: Direction) -> Asked:
    """Read what is wanted from the address.

    Raises:
        NotFound: a queue that is none, or none of this person's.
    """
    queue, whose = request.args.get("queue", ""), request.args.get("whose", "mine")
    if queue and (queue not in BY_CODE or BY_CODE[queue].direction != direction):
        raise NotFound(table="queue", id=queue)
    return Asked(
        direction=direction.value,
        states=tuple(state for state in request.args.getlist("state") if state in KNOWN[direction.value]),
        group=request.args.get("group", ""),
        late=direction == Direction.INCOMING and request.args.get("late") == "1",
        words=request.args.get("q", "").strip()[:200],
        queue=queue,
        whose=whose if whose in SCOPES else "mine",
        verdicts=tuple(code for code in request.args.getlist("verdict") if code in words.VERDICTS),
        urgencies=tuple(code for code in request.args.getlist("urgency") if code in words.URGENCIES),
    )


def _list(asked: Asked) -> str:
    if asked.queue and not permits(here.actor().roles, BY_CODE[asked.queue].permission):
        raise NotFound(table="queue", id=asked.queue)
    after = request.args.get("after") or None
    now = here.now()
    with here.reading() as desk:
        page = search.find(desk, asked.filter(), after=after)
        counts = _counts(desk, asked)
        calendar = directory.calendar(desk)
        marked = request.args.get("cur", "")
        first = next((row for row in page.rows if str(row.id) == marked), page.rows[0] if page.rows else None)
        shown = _shown(desk, first) if first is not None else {}
        several = len(desk.actor.agencies or ()) > 1
        agencies = directory.short_names(desk, {row.agency_id for row in page.rows}) if several else {}
    dues = {row.id: due_of(row, calendar, now) for row in page.rows}
    return render_template(
        "lists/list.html",
        heading=words.QUEUES[asked.queue].title if asked.queue else TITLES[asked.direction],
        asked=asked,
        page=page,
        after=after,
        tabs=_queue_tabs(asked, counts) if asked.queue else _tabs(asked, counts),
        counts=counts,
        most=MOST_COUNTED,
        menus=_menus(asked),
        states=[] if asked.queue else [state for state in KNOWN[asked.direction] if counts.get(state)],
        dues=dues,
        first=first,
        can_add=asked.direction == Direction.INCOMING and permits(here.actor().roles, Permission.DOCUMENT_ARRIVE),
        shown={**shown, "due": dues[first.id]} if first is not None else {},
        agencies=agencies,
        composes=permits(here.actor().roles, Permission.DRAFT_COMPOSE),
        more=asked.url() + ("&" if "?" in asked.url() else "?") + f"after={page.after}" if page.after else "",
    )


def _counts(desk: Any, asked: Asked) -> dict[str, int]:
    """Rows behind each tab and each line of a filter's menu: by the very filters they lead to."""
    if not asked.queue:
        return search.count_states(desk, asked.filter(), most=MOST_COUNTED)
    now = asked.filter()
    wanted = {whose: replace(now, whose=whose) for whose in _scopes(asked)}
    values = {menu.name: menu.words for menu in _menus(asked)}
    counts = search.count_each(desk, wanted, most=MOST_COUNTED)
    return counts | search.count_values(desk, now, values, most=MOST_COUNTED)


@dataclass(frozen=True)
class Menu:
    """A filter within a queue: a field of ``Asked``, how it is called, and the words of its values."""

    name: str
    text: str
    icon: str
    words: Mapping[str, words.Word]


VERDICT = Menu("verdicts", N_("Signatures"), "shield-check", words.VERDICTS)
URGENCY = Menu("urgencies", N_("Urgency"), "zap", words.URGENCIES)


def _menus(asked: Asked) -> tuple[Menu, ...]:
    if not asked.queue:
        return ()
    return (VERDICT, URGENCY) if asked.direction == Direction.INCOMING else (URGENCY,)


def _scopes(asked: Asked) -> tuple[str, ...]:
    """Drafts have no deadline."""
    return SCOPES if asked.direction == Direction.INCOMING else SCOPES[:2]


@dataclass(frozen=True)
class Tab:
    """One tab of a list with the number of rows behind it, as text."""

    text: str
    url: str
    number: str
    current: bool
    late: bool = False


def _number(found: Sequence[int]) -> str:
    return i18n.number(g.locale, sum(found)) + ("+" if any(count >= MOST_COUNTED for count in found) else "")


def _tabs(asked: Asked, counts: Mapping[str, int]) -> list[Tab]:
    def number(of: Sequence[str]) -> str:
        return _number([counts.get(state, 0) for state in of])

    everything = [state for state in counts if state != "late"]
    tabs = [Tab(_("All"), asked.url(group="", late=False), number(everything), not asked.group and not asked.late)]
    for group in words.GROUPS[asked.direction]:
        url = asked.url(group=group.code, late=False, states=())
        tabs.append(Tab(_(group.text), url, number(group.states), asked.group == group.code))
    if asked.direction == Direction.INCOMING:
        url = asked.url(group="", late=True, states=())
        tabs.append(Tab(_("Late"), url, number(["late"]), asked.late, late=True))
    return tabs


def _queue_tabs(asked: Asked, counts: Mapping[str, int]) -> list[Tab]:
    texts = {"mine": _("Mine"), "unit": _("Agency") if here.actor().whole_agency else _("Unit"), "late": _("Late")}
    return [
        Tab(texts[whose], asked.url(whose=whose), _number([counts[whose]]), asked.whose == whose, late=whose == "late")
        for whose in _scopes(asked)
    ]


def _shown(desk: Any, row: Any) -> dict[str, Any]:
    """What the pane beside a list shows of one document: its paper, and the deeds that may be done to it now."""
    parts = routing.assignments(desk, row.id) if row.direction == Direction.INCOMING else []
    return {
        "paper": search.newest_file(desk, row.id),
        "can": deeds.possible(desk, row, parts),
        "leaders": leaders(desk) if row.state in (State.ARRIVED, State.REGISTERED) else [],
    }


def leaders(desk: Any) -> list[directory.Colleague]:
    """To whom a document may be submitted, the head of the agency first."""
    return [person for person in directory.colleagues(desk) if Role.LEADER in person.roles]


@room.get("/documents/<uuid:document_id>/preview")
@signed_in
def preview(document_id: UUID) -> str:
    """The pane beside a list: a part of a page, fetched when the list's cursor moves."""
    with here.reading() as desk:
        row = search.document(desk, document_id)
        shown = _shown(desk, row)
        calendar = directory.calendar(desk)
    return render_template("lists/preview.html", row=row, shown={**shown, "due": due_of(row, calendar, here.now())})

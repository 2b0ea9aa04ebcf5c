"""The rail beside every page: the desks of whoever is signed in, each queue with the number of rows behind it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, request, url_for

from eoffice.core import i18n
from eoffice.core.i18n import N_
from eoffice.rules.access import Permission, Role, permits
from eoffice.services import certificates, search, signing_list
from eoffice.services.queues import BY_CODE
from eoffice.services.search import Filter
from eoffice.web import here, words
from eoffice.web.guard import signed_in

room = Blueprint("rail", __name__)

MOST_COUNTED = 1000


@dataclass(frozen=True)
class Item:
    """One line: where it leads, and the filter of documents, or the other ``rows`` by name, counted beside it."""

    endpoint: str
    icon: str
    text: str
    values: dict[str, str] = field(default_factory=dict)
    counted: Filter | None = None
    late: bool = False
    rows: str = ""

    @property
    def code(self) -> str:
        """Its name among the counters, "" when nothing is counted."""
        if self.rows:
            return self.rows
        wanted = self.counted
        return f"{wanted.queue or wanted.sent}-{wanted.whose}" if wanted else ""

    def url(self) -> str:
        return url_for(self.endpoint, **self.values)

    def current(self) -> bool:
        asked = {name: request.args[name] for name in ("queue", "whose", "state") if request.args.get(name)}
        room = request.blueprint if self.endpoint == "sign.desk" else None
        return (request.endpoint == self.endpoint or room == "sign") and asked == self.values


def _queue(code: str, whose: str = "mine", *, text: str = "") -> Item:
    word, queue = words.QUEUES[code], BY_CODE[code]
    if code == "tasks":
        endpoint, values = "lists.tasks", {}
    elif code == "to_sign":
        endpoint, values = "sign.desk", {}
    else:
        endpoint, values = f"lists.{queue.direction}", {"queue": code}
    late = whose == "late"
    if whose != "mine":
        values = {**values, "whose": whose}
    icon = "clock" if late else "users" if whose == "unit" else word.icon
    wanted = Filter(queue.direction, queue=code, whose=whose)
    return Item(endpoint, icon, text or word.text, values, wanted, late)


@dataclass(frozen=True)
class Section:
    """Lines under one heading."""

    heading: str
    items: tuple[Item, ...]


INCOMING, OUTGOING = Permission.DOCUMENT_REGISTER, Permission.DOCUMENT_ISSUE

BOOK_IN = Item("lists.incoming", "book-open", N_("Incoming book"))
BOOK_OUT = Item("lists.outgoing", "book-open", N_("Outgoing book"))

DELIVERIES = Item(
    "deliveries.board", "network", N_("Track deliveries"), counted=Filter("outgoing", sent="attention"), late=True
)

CERTIFICATES = Item("certificates.board", "badge-check", N_("Certificates"), rows="ending")

SECTIONS: tuple[tuple[str, tuple[tuple[Permission | None, Item], ...]], ...] = (
    (
        N_("Incoming"),
        (
            (INCOMING, _queue("to_register")),
            (INCOMING, _queue("to_forward")),
            (INCOMING, Item("lists.incoming", "undo-2", N_("Returned"), {"state": "refused"})),
            (INCOMING, BOOK_IN),
        ),
    ),
    (
        N_("Outgoing"),
        (
            (OUTGOING, _queue("to_issue")),
            (OUTGOING, DELIVERIES),
            (OUTGOING, BOOK_OUT),
        ),
    ),
    (
        N_("Leader"),
        (
            (Permission.DOCUMENT_SIGN, _queue("to_sign")),
            (Permission.DOCUMENT_INSTRUCT, _queue("to_instruct")),
            (Permission.DOCUMENT_INSTRUCT, _queue("to_instruct", "late", text=N_("Late work"))),
        ),
    ),
    (
        N_("Review"),
        (
            (Permission.DRAFT_APPROVE_CONTENT, _queue("to_approve")),
            (Permission.DRAFT_APPROVE_FORMAT, _queue("to_check")),
            (Permission.DOCUMENT_ASSIGN, _queue("to_assign")),
        ),
    ),
    (N_("Administration"), ((Permission.CERTIFICATE_CHANGE, CERTIFICATES),)),
)

MINE = Section(
    N_("My work"),
    (
        _queue("tasks"),
        _queue("drafting"),
        _queue("sent_back"),
        _queue("tasks", "late", text=N_("Overdue")),
        _queue("tasks", "unit", text=N_("Whole unit")),
    ),
)


def sections() -> list[Section]:
    """The desks of the person who asks."""
    roles = here.actor().roles
    found = [
        Section(heading, tuple(item for permission, item in items if permission is None or permits(roles, permission)))
        for heading, items in SECTIONS
    ]
    if roles & {Role.OFFICER, Role.UNIT_HEAD}:
        found.append(MINE)
    elif permits(roles, Permission.DRAFT_COMPOSE):
        found.append(Section(MINE.heading, MINE.items[:3]))
    if Role.AUDITOR in roles:
        found.insert(
            0,
            Section(
                N_("Audit"),
                (
                    Item("statistics.board", "chart-column", N_("E-documents")),
                    Item("ledger.board", "link", N_("Ledger")),
                    replace(CERTIFICATES, rows=""),
                ),
            ),
        )
    found.append(Section(N_("General"), tuple(_general(roles))))
    there = current_app.view_functions
    found = [Section(part.heading, tuple(item for item in part.items if item.endpoint in there)) for part in found]
    return [part for part in found if part.items]


def _general(roles: frozenset[str]) -> list[Item]:
    items = [] if permits(roles, INCOMING) else [BOOK_IN, BOOK_OUT]
    if Role.AUDITOR not in roles:
        if permits(roles, Permission.STATISTICS_READ):
            items.append(Item("statistics.board", "chart-column", N_("Statistics")))
        if permits(roles, Permission.LEDGER_READ):
            items.append(Item("ledger.board", "link", N_("Ledger")))
    return [
        *items,
        Item("directory.board", "landmark", N_("Directory")),
        Item("verify.verify", "shield-check", N_("Verify a PDF")),
        Item("account.account", "user", N_("My account")),
    ]


def home() -> str:
    """Where the person who asks begins his day: the first line of his first desk."""
    return sections()[0].items[0].url()


def counts() -> dict[str, str]:
    """The counters of this page's rail as text, by the code of their lines; asked for once per request."""
    if "counts" not in g:
        wanted = {item.code: item.counted for part in sections() for item in part.items if item.counted}
        with here.reading() as desk:
            more: dict[str, Any] = {}
            if permits(here.actor().roles, Permission.DOCUMENT_SIGN):
                more["signing"] = signing_list.running(desk)
            if permits(here.actor().roles, Permission.CERTIFICATE_CHANGE):
                more["ending"] = certificates.ending(desk)
            found = search.count_each(desk, wanted, most=MOST_COUNTED, more=more)
        g.counts = {code: number(found[code]) for code in (*wanted, *more)}
    found_: dict[str, str] = g.counts
    return found_


def number(count: int) -> str:
    """A counter as text."""
    return i18n.number(g.locale, count) + ("+" if count >= MOST_COUNTED else "")


@room.get("/counters.json")
@signed_in
def counters() -> Response:
    """The counters of the rail, asked for every 15 seconds; unchanged ones are answered with 304."""
    answer: Response = jsonify(counts())
    answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest()[:32])
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer.make_conditional(request)


def register(app: Any) -> None:
    """Teach the templates the rail."""
    app.jinja_env.globals.update(rail_sections=sections, rail_counts=counts)

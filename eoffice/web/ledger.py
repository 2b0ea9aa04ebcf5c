"""The ledger of an agency: what was done, entry by entry, and the proof that nothing of it was changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, current_app, flash, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from eoffice.core.clock import VIETNAM, local, local_date
from eoffice.core.desk import Desk
from eoffice.core.errors import NotFound
from eoffice.core.i18n import date_text
from eoffice.core.text import fold
from eoffice.models.directory import Agency
from eoffice.rules.access import Permission
from eoffice.services import directory, exchange, ledger, proofs, search
from eoffice.services.verbs import VERBS
from eoffice.web import entries, here, words
from eoffice.web.guard import needs
from eoffice.web.language import say as _
from eoffice.web.language import short_issuer, short_subject

room = Blueprint("ledger", __name__)


@room.app_template_global("broken_places")
def broken_places(check: Any) -> int:
    """How many places a proof found broken, those it did not keep one by one too."""
    return sum(item.get("more", 1) for item in check.broken)


@room.app_template_global("long_hash")
def long_hash(value: str) -> str:
    """A hash as one compares it by eye."""
    return entries.short_hash(value, 4)


@room.app_template_filter("clock")
def clock(at: datetime) -> str:
    """A time of a day to the second, under the heading of its day."""
    return f"{local(at):%H:%M:%S}"


MOST_EXPORTED = 5000
OF_THE_INSTALLATION = frozenset(
    {"account.signed_in", "account.sign_in_failed", "agency.established", "calendar.seeded", "setting.changed"}
)
"""Deeds of no agency: they stand in the installation's own chain, never in one shown here."""

MOST_NAMED = 10
"""Broken places named on the page; the command names them all."""


@dataclass(frozen=True)
class Asked:
    """What somebody wants to see, as the address says it."""

    agency: Agency
    several: bool
    deed: str = ""
    who: str = ""
    day: date | None = None
    before: int | None = None

    def wanted(self) -> ledger.Wanted:
        """The same as the ledger understands it."""
        day = datetime.combine(self.day, time(), VIETNAM).astimezone(UTC) if self.day else None
        return ledger.Wanted(
            chain=self.agency.id,
            word=self.deed,
            person=UUID(self.who) if self.who not in ("", "system") else None,
            system=self.who == "system",
            since=day,
            until=day + timedelta(days=1) if day else None,
        )

    def url(self, *, entry: int | None = None, agency: str = "", **changes: Any) -> str:
        """The address of the page with something else wanted."""
        other = replace(self, **changes)
        return url_for(
            "ledger.board",
            agency=agency or (self.agency.slug if self.several else None),
            deed=other.deed or None,
            who=other.who or None,
            day=date_text(other.day) if other.day else None,
            before=other.before,
            entry=entry,
            _anchor=f"e{entry}" if entry else None,
        )


def _agency(desk: Desk, slug: str) -> tuple[Agency, list[Agency]]:
    """The agency whose ledger is wanted, and those to choose from.

    Raises:
        NotFound: none of those this person reads.
    """
    readable = directory.readable(desk)
    chosen = next((agency for agency in readable if agency.slug == slug or not slug), None)
    if chosen is None:
        raise NotFound(table="agency", slug=slug)
    return chosen, readable


def _asked(agency: Agency, several: bool) -> Asked:
    who, deed = request.args.get("who", ""), request.args.get("deed", "")
    try:
        who = who if who == "system" else str(UUID(who))
    except ValueError:
        who = ""
    return Asked(
        agency=agency,
        several=several,
        deed=deed if deed in words.DEEDS.keys() - OF_THE_INSTALLATION else "",
        who=who,
        day=here.day("day", request.args),
        before=_seq("before"),
    )


def _seq(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


@dataclass(frozen=True)
class Line:
    """One entry of the list."""

    seq: int
    at: datetime
    who: str
    deed: Markup
    hash: str
    object: str = ""
    object_id: UUID | None = None


@room.get("/ledger")
@needs(Permission.LEDGER_READ)
def board() -> str:
    """The state of the chain, its entries by person, deed and day, and one of them in full."""
    with here.reading() as desk:
        agency, readable = _agency(desk, request.args.get("agency", ""))
        asked = _asked(agency, len(readable) > 1)
        standing = proofs.standing(desk, agency.id)
        before = asked.before or standing.entries + 1
        page = ledger.browse(desk, asked.wanted(), before=before)
        chosen = _seq("entry")
        marked = chosen or (page.rows[0].seq if page.rows else None)
        linked = ledger.entry(desk, agency.id, marked) if marked else None
        staff = directory.staff(desk, agency.id)
        told = [(row, ledger.told(row.body)) for row in page.rows]
        names = _names(desk, [data for _row, data in told], standing, linked, staff)
    kinds = {word: entries.kind(word) for word in words.DEEDS if word not in OF_THE_INSTALLATION}
    return render_template(
        "ledger/board.html",
        look=asked,
        readable=readable,
        standing=standing,
        places=_places(standing, names),
        days=_days([_line(row, data, names) for row, data in told]),
        stretch=(page.rows[-1].seq, page.rows[0].seq) if page.rows else None,
        older=asked.url(before=page.before) if page.before else "",
        deeper=bool(page.before and len(page.rows) < ledger.PAGE),
        people=_people(staff),
        deeds=sorted(kinds.items(), key=lambda pair: fold(pair[1].striptags())),
        deeds_by_word=kinds,
        reach=ledger.REACH,
        file=file_of(agency.slug, page.rows[-1].seq, page.rows[0].seq) if page.rows else "",
        chosen=chosen,
        marked=marked,
        shown=_shown(linked, names) if linked else None,
    )


def _people(staff: Sequence[directory.Seat]) -> dict[str, str]:
    """Everybody who holds or held a post there, each once."""
    return {str(seat.person): seat.named.name for seat in staff}


def _days(lines: Iterable[Line]) -> list[tuple[date, list[Line]]]:
    found: dict[date, list[Line]] = {}
    for line in lines:
        found.setdefault(local_date(line.at), []).append(line)
    return list(found.items())


def _names(
    desk: Desk,
    told: Sequence[dict[str, Any]],
    standing: proofs.Standing,
    linked: ledger.Linked | None,
    staff: Sequence[directory.Seat],
) -> entries.Names:
    """What the identifiers of a page mean, by two queries."""
    everything = [*told, *([linked.data] if linked else [])]
    wanted = {str(data.get("object")) for data in everything}
    wanted |= {str(data.get("notes", {}).get(name)) for data in everything for name in ("reply_to", "answer")}
    broken = standing.last.broken if standing.last else []
    wanted |= {str(item["id"]) for item in broken[:MOST_NAMED] if item.get("table") == "document"}
    deliveries = {str(data.get("notes", {}).get("delivery")) for data in everything}
    deliveries |= {row.partition(":")[2] for data in everything[-1:] for row in data.get("changes", {})}
    return entries.Names(
        people={str(seat.id): f"{seat.named.name}, {seat.named.title}" for seat in staff},
        units={str(seat.unit_id): seat.named.unit for seat in staff if seat.unit_id},
        documents={
            str(row.id): row.code or short_subject(row.subject) for row in search.known(desk, _identifiers(wanted))
        },
        recipients={
            key: short_issuer(name) for key, name in exchange.recipient_names(desk, _identifiers(deliveries)).items()
        },
    )


def _identifiers(texts: Iterable[str]) -> set[UUID]:
    found = set()
    for text in texts:
        try:
            found.add(UUID(text))
        except ValueError:
            continue
    return found


def _line(row: Any, data: dict[str, Any], names: entries.Names) -> Line:
    known = str(row.object_id) in names.documents
    return Line(
        seq=row.seq,
        at=row.at,
        who=entries.who(data.get("actor") or {}),
        deed=entries.deed(row.word, data.get("notes") or {}, names.recipients),
        hash=entries.short_hash(row.hash),
        object=(names.documents[str(row.object_id)] or _("No subject yet")) if known else "",
        object_id=row.object_id if known else None,
    )


@dataclass(frozen=True)
class Shown:
    """One entry in full."""

    line: Line
    exact: str
    title: str
    linked: ledger.Linked
    noted: list[entries.Fact]
    changed: list[entries.Fact]
    tried: Markup | None
    technical: str


def _shown(linked: ledger.Linked, names: entries.Names) -> Shown:
    row, data = linked.entry, linked.data
    at, actor, notes = local(row.at), data.get("actor") or {}, data.get("notes") or {}
    verb = VERBS.get(str(data.get("verb"))) if row.word == "deed.refused" else None
    return Shown(
        line=_line(row, data, names),
        exact=f"{at:%H:%M:%S},{at.microsecond // 1000:03d}, {date_text(row.at)} (+07:00)",
        title=str(actor.get("title") or ""),
        linked=linked,
        noted=list(entries.noted(notes, names)),
        changed=list(entries.changed(data.get("changes") or {}, names)),
        tried=entries.kind(verb.word) if verb is not None else None,
        technical=json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True),
    )


def _places(standing: proofs.Standing, names: entries.Names) -> list[entries.Place]:
    """What the last proof found broken, in words; documents by their number as far as the person may see them."""
    broken = standing.last.broken if standing.last else []
    found = [entries.place(item) for item in broken[:MOST_NAMED]]
    more = sum(item.get("more", 1) for item in broken[MOST_NAMED:])
    found = [replace(item, document=names.documents.get(item.document, "")) for item in found]
    return [*found, entries.place({"more": more})] if more else found


@room.get("/ledger/entries/<int(max=999999999):seq>")
@needs(Permission.LEDGER_READ)
def entry(seq: int) -> str:
    """The pane beside the list: a part of a page, fetched when the list's cursor moves."""
    with here.reading() as desk:
        agency, readable = _agency(desk, request.args.get("agency", ""))
        linked = ledger.entry(desk, agency.id, seq)
        names = _names(desk, [], proofs.Standing(0, None, None, None), linked, directory.staff(desk, agency.id))
    asked = Asked(agency, len(readable) > 1)
    return render_template("ledger/entry.html", look=asked, shown=_shown(linked, names))


@room.get("/ledger/proof")
@needs(Permission.LEDGER_READ)
def proof() -> str:
    """The state of the chain: a part of the page, fetched anew while a proof is under way."""
    with here.reading() as desk:
        agency, readable = _agency(desk, request.args.get("agency", ""))
        standing = proofs.standing(desk, agency.id)
        names = _names(desk, [], standing, None, [])
    asked = Asked(agency, len(readable) > 1)
    return render_template(
        "ledger/proof.html", look=asked, standing=standing, places=_places(standing, names), fresh=True
    )


@room.post("/ledger/proof")
@needs(Permission.LEDGER_READ)
def ask() -> Response:
    """Have the chain proved in the background."""
    with here.reading() as desk:
        agency, readable = _agency(desk, request.form.get("agency", ""))
    here.do(proofs.ask, agency=agency.id, version=None)
    flash(_("The proof was asked for. It is made in the background; its result appears here."))
    return here.go(Asked(agency, len(readable) > 1).url())


@room.get("/ledger/entries.jsonl")
@needs(Permission.LEDGER_READ)
def export() -> Response:
    """A stretch of the chain without gaps as JSON lines, for a proof on any machine."""
    first, last = _seq("first") or 1, _seq("last") or 1
    with here.reading() as desk:
        agency, _readable = _agency(desk, request.args.get("agency", ""))
        last = min(last, first + MOST_EXPORTED - 1)
        body = "".join(ledger.exported(desk, agency.id, first=first, last=last))
    if not body:
        raise NotFound(table="ledger_entry", id=f"{first}-{last}")
    name = file_of(agency.slug, first, last)
    here.visits().note(here.actor(), "ledger.exported", object_id=None, detail=name)
    answer = current_app.response_class(body, mimetype="application/x-ndjson")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def file_of(slug: str, first: int, last: int) -> str:
    """The name of an exported stretch, as the page tells it beside the command that proves it."""
    return f"ledger-{slug}-{first}-{last}.jsonl"

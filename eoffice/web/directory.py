"""The directory to read: agencies, and of the own one units, posts, people, what they may sign, certificates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request, url_for

from eoffice.core.clock import local_date
from eoffice.core.text import fold
from eoffice.rules.authority import Basis, Capacity, Holder
from eoffice.services import directory
from eoffice.web import here
from eoffice.web.guard import signed_in

room = Blueprint("directory", __name__)

POSTS = 50
"""Posts on one page."""


@room.get("/directory")
@signed_in
def board() -> str:
    """All agencies of the directory, by name."""
    words, after = request.args.get("q", "").strip()[:200], request.args.get("after", "")[:40]
    with here.reading() as desk:
        page = directory.find(desk, words, after=after)
    older = url_for("directory.board", q=words or None, after=page.after) if page.after else ""
    return render_template("directory/board.html", page=page, words_wanted=words, after=after, older=older)


@dataclass(frozen=True)
class Line:
    """A post as the page of its agency lists it."""

    seat: directory.Seat
    capacities: list[Capacity]
    certificate: directory.Held | None
    standing: str


@room.get("/directory/<slug>")
@signed_in
def agency(slug: str) -> str:
    """One agency: what everybody may know of it, and if it is the own one, who works there in what."""
    wanted, after = request.args.get("q", "").strip()[:200], request.args.get("after", "")
    with here.reading() as desk:
        row = directory.agency_by_slug(desk, slug)
        own = desk.actor.agencies is None or row.id in desk.actor.agencies
        about: dict[str, Any] = {
            "identifier": directory.identifier(desk, row.id, local_date(desk.now())),
            "parent": directory.agency(desk, row.parent_id) if row.parent_id else None,
            "head": directory.head(desk, row.id),
        }
        inner = _inner(desk, row.id) if own else None
    lines = [line for line in inner["lines"] if _matches(line, wanted)] if inner else []
    begin = int(after) if after.isascii() and after.isdecimal() and len(after) < 7 else 0
    more = begin + POSTS if len(lines) > begin + POSTS else 0
    return render_template(
        "directory/agency.html",
        row=row,
        inner=inner,
        lines=lines[begin : begin + POSTS],
        wanted=wanted,
        begin=begin,
        older=url_for("directory.agency", slug=slug, q=wanted or None, after=more) if more else "",
        **about,
    )


def _inner(desk: Any, agency_id: Any) -> dict[str, Any]:
    """What only those see who may read the agency's rows."""
    now = desk.now()
    capacities = directory.capacities(desk, agency_id)
    certificates = directory.certificates(desk, agency_id)
    of_leaders: dict[Any, directory.Held] = {}
    for held in certificates:
        if held.purpose == "leader":
            of_leaders.setdefault(held.post_id, held)
    seats = [seat for seat in directory.staff(desk, agency_id) if seat.held(local_date(now))]
    return {
        "units": directory.units_of(desk, agency_id),
        "lines": [
            Line(
                seat,
                [Capacity(Basis(row.basis), Holder(row.holder)) for row in capacities.get(seat.id, [])],
                held := of_leaders.get(seat.id),
                held.standing(now) if held else "",
            )
            for seat in seats
        ],
        "seals": [(held, held.standing(now)) for held in certificates if held.purpose != "leader"],
        "people": {seat.id: seat.named for seat in seats},
    }


def _matches(line: Line, wanted: str) -> bool:
    named = line.seat.named
    text = fold(f"{named.name} {named.title} {named.unit}")
    return all(word in text for word in fold(wanted).split())

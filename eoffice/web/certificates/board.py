"""The board: every certificate this person may see, how many stand how, and the same as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import g, render_template, request, url_for
from werkzeug.wrappers import Response

from eoffice.core import i18n
from eoffice.models.directory import Agency
from eoffice.rules.access import permits
from eoffice.services import certificate_requests, certificates, directory, evidence
from eoffice.services.certificates import PURPOSES, WARNINGS, Counts, Wanted
from eoffice.web import here, sheets, words
from eoffice.web.certificates.common import CHANGE, READ, Tab, room
from eoffice.web.guard import needs
from eoffice.web.language import say as _

CHUNK = 500
"""Rows of the list fetched at once for a file."""


@dataclass(frozen=True)
class Look:
    """What somebody wants to see, as the address says it."""

    wanted: Wanted
    agency: Agency | None
    readable: Sequence[Agency]

    def values(self, **changes: Any) -> dict[str, Any]:
        """The same as values of an address, with something else wanted."""
        slug = changes.pop("agency", self.agency.slug if self.agency else "")
        other = replace(self.wanted, **changes)
        return {
            "show": other.standing if other.standing != "active" else None,
            "days": other.within if other.standing == "ending" and other.within != WARNINGS[0] else None,
            "agency": slug or None,
            "purpose": other.purpose or None,
            "q": other.words or None,
        }

    def url(self, **changes: Any) -> str:
        """The address of the board with something else wanted."""
        return url_for("certificates.board", **self.values(**changes))


def _look(readable: Sequence[Agency]) -> Look:
    asked = request.args
    agency = next((row for row in readable if row.slug == asked.get("agency")), None)
    days = asked.get("days", "")
    wanted = Wanted(
        standing=asked["show"] if asked.get("show") in certificates.STANDINGS else "active",
        within=int(days) if days in map(str, WARNINGS) else WARNINGS[0],
        agency=agency.id if agency else None,
        purpose=asked["purpose"] if asked.get("purpose") in PURPOSES else "",
        words=asked.get("q", "").strip()[:200],
    )
    return Look(wanted, agency, readable)


def _sum(counts: Sequence[Counts], name: str, within: int = WARNINGS[0]) -> int:
    return sum(row.of(name, within) for row in counts)


@room.get("/certificates")
@needs(READ)
def board() -> str:
    """Every certificate of the agencies this person may read: how many stand how, and a list of them."""
    after = request.args.get("after", "")[:80]
    with here.reading() as desk:
        look = _look(directory.readable(desk))
        counts = certificates.count(desk, replace(look.wanted, agency=None, purpose=""))
        page = certificates.find(desk, look.wanted, after=after)
        people = directory.named(desk, {row.holder for row in page.rows if row.holder})
        open_requests = certificate_requests.request_counts(desk)["requested"]
        risk = evidence.count(desk)
    wanted = look.wanted
    there = [row for row in counts if wanted.agency in (None, row.agency)]
    chosen = [row for row in there if wanted.purpose in ("", row.purpose)]
    names = {row.id: row.short_name for row in look.readable}
    return render_template(
        "certificates/board.html",
        look=look,
        page=page,
        after=after,
        older=url_for("certificates.board", **look.values(), after=page.after) if page.after else "",
        tabs=[_tab(look, name, text, _sum(chosen, name)) for name, text in words.CERTIFICATE_TABS.items()],
        soon=[(days, _sum(chosen, "ending", days), look.url(standing="ending", within=days)) for days in WARNINGS],
        purposes=[(name, sum(row.active for row in there if row.purpose == name)) for name in PURPOSES],
        agencies=_agencies(look, counts) if len(look.readable) > 1 else [],
        names=names,
        people=people,
        csv=url_for("certificates.export", **look.values()),
        open_requests=open_requests,
        risk=risk,
        may=permits(here.actor().roles, CHANGE),
    )


def _tab(look: Look, name: str, text: str, count: int) -> Tab:
    url = look.url(standing=name, within=WARNINGS[0])
    return Tab(_(text), url, i18n.number(g.locale, count), look.wanted.standing == name, name == "ending")


@dataclass(frozen=True)
class Share:
    """One agency's line of the table of numbers; ``numbers`` are how many, and where each leads."""

    agency: Agency
    url: str
    numbers: list[tuple[int, str]]


def _agencies(look: Look, counts: Sequence[Counts]) -> list[Share]:
    """The numbers of each agency: in use by purpose, then what ends and what has ended."""
    found = []
    for agency in look.readable:
        own = [row for row in counts if row.agency == agency.id]
        to = {"agency": agency.slug, "words": ""}
        numbers = [
            (sum(row.active for row in own if row.purpose == name), look.url(standing="active", purpose=name, **to))
            for name in PURPOSES
        ]
        numbers += [
            (_sum(own, name), look.url(standing=name, purpose="", within=WARNINGS[0], **to))
            for name in ("ending", "expired", "revoked")
        ]
        found.append(Share(agency, look.url(standing="active", purpose="", **to), numbers))
    return found


@room.get("/certificates.csv")
@needs(READ)
def export() -> Response:
    """What the board lists, all of it, as a table to take away."""
    with here.reading() as desk:
        look = _look(directory.readable(desk))
    day = i18n.date_text(here.now()).replace("/", "-")
    return sheets.answer(f"certificates-{look.wanted.standing}-{day}", _rows(look))


def _rows(look: Look) -> Iterator[Sequence[sheets.Cell]]:
    names = {row.id: row.name for row in look.readable}
    yield [
        _("Agency"), _("Purpose"), _("Name"), _("Held by"), _("Post"), _("Serial number"), _("Issuer"),
        _("Valid from"), _("Valid to"), _("State"), _("Days left"), _("Test certificate"),
    ]  # fmt: skip
    after, now = "", here.now()
    while True:
        with here.reading() as desk:
            page = certificates.find(desk, look.wanted, after=after, limit=CHUNK)
            people = directory.named(desk, {row.holder for row in page.rows if row.holder})
        for row in page.rows:
            holder = people.get(row.holder) if row.holder else None
            yield [
                names.get(row.agency_id, ""), _(words.PURPOSES[row.purpose]), row.name,
                holder.name if holder else "", holder.title if holder else "", row.serial, row.issuer,
                i18n.date_text(row.valid_from), i18n.date_text(row.valid_to),
                _(words.CERTIFICATE_STATES[row.standing(now)].text), row.days(now),
                _("yes") if row.test else _("no"),
            ]  # fmt: skip
        if not page.after:
            return
        after = page.after

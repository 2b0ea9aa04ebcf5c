"""Certificates of the agency: a board of all of them, one of them in full, and what is done with them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, g, render_template, request, send_file, url_for
from werkzeug.wrappers import Response

from eoffice.core import i18n
from eoffice.core.clock import local_date
from eoffice.core.errors import Conflict, InvalidInput, KeyReused, OfficeError, SignatureProblem, Unavailable
from eoffice.core.i18n import N_
from eoffice.core.secret import Secret
from eoffice.formats import sheet
from eoffice.models.directory import Agency
from eoffice.rules.access import Permission, permits
from eoffice.services import (
    certificate_facts,
    certificate_files,
    certificate_lists,
    certificates,
    directory,
    evidence,
    test_authority,
)
from eoffice.services.certificates import PURPOSES, WARNINGS, Counts, Handing, Wanted
from eoffice.services.verbs import Verb
from eoffice.web import entries, here, sheets, words
from eoffice.web.guard import needs
from eoffice.web.language import say as _

room = Blueprint("certificates", __name__)

READ, CHANGE, ISSUE = Permission.CERTIFICATE_READ, Permission.CERTIFICATE_CHANGE, Permission.CERTIFICATE_ISSUE
CHUNK = 500
"""Rows of the list fetched at once for a file."""


@room.app_template_global("days_left")
def days_left(row: Any) -> int:
    """Whole days until a certificate ends."""
    return certificates.days_left(row, here.now())


@room.app_template_global("standing_of")
def standing_of(row: Any) -> str:
    """What a certificate is worth now."""
    return certificates.standing(row, here.now())


@room.app_template_global("now")
def now() -> datetime:
    """The office's time."""
    return here.now()


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
        open_requests = certificates.request_counts(desk)["requested"]
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


@dataclass(frozen=True)
class Tab:
    """One tab of the board, with the number of rows behind it as text."""

    text: str
    url: str
    number: str
    current: bool
    late: bool


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


# one certificate


@room.get("/certificates/<uuid:certificate_id>")
@needs(READ)
def certificate(certificate_id: UUID) -> str:
    """One certificate in full: what it says, what it is worth now and by whose word, and what was done to it."""
    return show(certificate_id)


def show(certificate_id: UUID, problem: OfficeError | None = None) -> str:
    """The page of one certificate, with what could not be done."""
    with here.reading() as desk:
        row = certificates.one(desk, certificate_id)
        given = certificates.handovers(desk, row)
        posts = {row.post_id, row.custodian_post_id}
        may = row.agency_id == desk.agency and row.status == "active" and permits(desk.actor.roles, CHANGE)
        keepers = certificates.keepers(desk) if may and row.purpose == "seal" else []
        found = {
            "agency": directory.agency(desk, row.agency_id),
            "people": directory.named(desk, {post for post in posts if post}),
            "status": certificates.status(desk, row),
            "history": [_told(deed) for deed in certificates.history(desk, row)],
        }
    facts = certificate_facts.read(row.der)
    return render_template(
        "certificates/certificate.html",
        row=row,
        facts=facts,
        usages=[_(usage) for usage in facts.usages],
        given_over=given,
        may=may,
        takers=[post for post in keepers if post.id != row.custodian_post_id],
        problem=problem.sentence(g.locale) if problem else "",
        field=str(problem.facts.get("field", "")) if problem else "",
        **found,
    )


def _told(deed: Any) -> Any:
    who = _("The system") if deed.name == "eoffice" else deed.name
    return deed.at, entries.deed(deed.word, deed.notes, {}, who=who)


@room.post("/certificates/<uuid:certificate_id>/revoke")
@needs(CHANGE)
def revoke(certificate_id: UUID) -> Response | tuple[str, int]:
    """Revoke it, with a reason and the day it counts from."""
    return _do(
        certificate_id,
        certificates.revoke,
        _("The certificate was revoked; nothing more is signed with it."),
        lambda: {
            "reason": request.form.get("reason", "")[:4000],
            "since": here.day("since"),
            "reported_on": here.day("reported_on"),
        },
    )


@room.post("/certificates/<uuid:certificate_id>/hand-over")
@needs(CHANGE)
def hand_over(certificate_id: UUID) -> Response | tuple[str, int]:
    """Give the agency's key to another clerk; the minutes can be printed then."""
    form = request.form
    return _do(
        certificate_id,
        certificates.hand_over,
        _("The hand-over was written down. Please print the minutes and have them signed."),
        lambda: {
            "handing": Handing(
                to_post=here.identifier("to_post") or UUID(int=0),
                permission=form.get("permission", "")[:500],
                device=form.get("device", "")[:200],
                device_serial=form.get("device_serial", "")[:100],
                note=form.get("note", "")[:1000],
            )
        },
    )


def _do(
    certificate_id: UUID, deed: Verb, told: str, read: Callable[[], dict[str, Any]]
) -> Response | tuple[str, int]:
    try:
        here.do(deed, certificate_id, **read())
    except (InvalidInput, Conflict) as error:
        if isinstance(error, KeyReused):
            raise
        return show(certificate_id, error), error.status
    flash(told)
    return here.go(url_for("certificates.certificate", certificate_id=certificate_id))


@room.get("/certificates/<uuid:certificate_id>/hand-overs/<uuid:handover_id>.pdf")
@needs(READ)
def minutes(certificate_id: UUID, handover_id: UUID) -> Response:
    """The minutes of a hand-over to print and sign, drawn from what was written down."""
    from eoffice.formats import handover  # draws, and so brings much along

    with here.reading() as desk:
        row = certificates.one(desk, certificate_id)
        given = certificates.handover(desk, certificate_id, handover_id)
        agency = directory.agency(desk, row.agency_id)
    pdf = handover.render(
        handover.Minutes(
            parent=agency.superior_name,
            agency=agency.name,
            place=agency.place,
            giver=handover.Side(given.from_name, given.from_title),
            taker=handover.Side(given.to_name, given.to_title),
            permission=given.permission,
            device=given.device,
            device_serial=given.device_serial,
            subject=row.name,
            issuer=row.issuer,
            serial=row.serial,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            at=given.at,
            note=given.note,
            test=row.test,
        )
    )
    day = local_date(given.at).isoformat()
    answer = send_file(
        io.BytesIO(pdf), mimetype="application/pdf", as_attachment=True, download_name=f"bien-ban-ban-giao-{day}.pdf"
    )
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


# requests


@room.get("/certificates/requests")
@needs(READ)
def requests() -> str:
    """What certificates are asked for, and what became of earlier requests."""
    return _requests()


def _requests(problem: OfficeError | None = None) -> str:
    state = request.args.get("state", "requested")
    state = state if state in words.REQUEST_STATES else "requested"
    with here.reading() as desk:
        counts = certificates.request_counts(desk)
        rows = certificates.requests(desk, state)
        waiting = certificates.under_way(desk, rows) if state == "requested" else {}
        names = directory.short_names(desk, {row.agency_id for row in rows})
        people = directory.named(desk, {row.post_id for row in rows if row.post_id})
        may = permits(desk.actor.roles, CHANGE)
        choices = (certificates.signers(desk), certificates.keepers(desk)) if may else ([], [])
        own = desk.agency
        authority = test_authority.available(desk)
        soon = len(certificates.to_renew(desk)) if may else 0
    return render_template(
        "certificates/requests.html",
        rows=rows,
        state=state,
        tabs=[
            Tab(
                _(word.text),
                url_for("certificates.requests", state=name if name != "requested" else None),
                i18n.number(g.locale, counts[name]),
                name == state,
                False,
            )
            for name, word in words.REQUEST_STATES.items()
        ],
        open_count=counts["requested"],
        waiting=waiting,
        names=names,
        people=people,
        may=may,
        own=own,
        signers=choices[0],
        keepers=choices[1],
        authority=authority,
        soon=soon,
        problem=problem.sentence(g.locale) if problem else "",
        field=str(problem.facts.get("field", "")) if problem else "",
    )


def _decide(deed: Verb, told: str, subject: UUID | None = None, **arguments: Any) -> Response | tuple[str, int]:
    try:
        here.do(deed, subject, **arguments)
    except (InvalidInput, Conflict) as error:
        if isinstance(error, KeyReused):
            raise
        return _requests(error), error.status
    flash(told)
    return here.go(url_for("certificates.requests"))


@room.post("/certificates/requests")
@needs(CHANGE)
def ask() -> Response | tuple[str, int]:
    """Ask for one certificate."""
    purpose, _mark, post = request.form.get("whom", "").partition(":")
    try:
        holder = UUID(post) if post else None
    except ValueError:
        holder = UUID(int=0)
    return _decide(certificates.request, _("The certificate was asked for."), purpose=purpose, post=holder)


@room.post("/certificates/requests/issue")
@needs(CHANGE)
def issue_all() -> Response | tuple[str, int]:
    """Have everything that is asked for issued in the background."""
    return _decide(certificates.order, _("The certificates are being issued; this page tells how far it is."))


@room.post("/certificates/requests/renew")
@needs(CHANGE)
def renew() -> Response | tuple[str, int]:
    """Ask anew for all that end soon."""
    return _decide(certificates.renew, _("New certificates were asked for in place of those that end."))


@room.post("/certificates/requests/<uuid:request_id>/issue")
@needs(ISSUE)
def issue(request_id: UUID) -> Response | tuple[str, int]:
    """Issue one by the test authority."""
    return _decide(certificates.issue, _("The test certificate was issued."), request_id)


@room.get("/certificates/requests/<uuid:request_id>/refuse")
@needs(CHANGE)
def refusal(request_id: UUID) -> str:
    """Ask for the reason of a refusal."""
    return _refusal(request_id)


def _refusal(request_id: UUID, problem: OfficeError | None = None) -> str:
    with here.reading() as desk:
        row = certificates.asked(desk, request_id)
        holder = directory.named(desk, {row.post_id}).get(row.post_id) if row.post_id else None
    told = problem.sentence(g.locale) if problem else ""
    return render_template("certificates/refusal.html", row=row, holder=holder, problem=told)


@room.post("/certificates/requests/<uuid:request_id>/refuse")
@needs(CHANGE)
def refuse(request_id: UUID) -> Response | tuple[str, int]:
    """Refuse one with a reason."""
    try:
        here.do(certificates.refuse, request_id, reason=request.form.get("reason", "")[:4000])
    except InvalidInput as error:
        return _refusal(request_id, error), error.status
    flash(_("The request was refused with your reason."))
    return here.go(url_for("certificates.requests"))


# lists


FILE_MISSING = N_("Please choose a file. Nothing was stored.")
LIST_LIMIT = 1024 * 1024
"""Most bytes of a list."""


@room.get("/certificates/list")
@needs(CHANGE)
def list_form() -> str:
    """Where a list is brought."""
    return _list_page()


def _list_page(checked: Sequence[certificate_lists.Checked] = (), problem: OfficeError | None = None) -> str:
    with here.reading() as desk:
        authority = test_authority.available(desk)
    numbers = {state: sum(item.state == state for item in checked) for state in ("new", "skipped", "wrong")}
    return render_template(
        "certificates/list.html",
        checked=checked,
        numbers=numbers,
        rows=json.dumps([[item.row.number, item.row.login, item.row.name, item.row.purpose] for item in checked]),
        authority=authority,
        most=LIST_LIMIT // (1024 * 1024),
        problem=problem.sentence(g.locale) if problem else "",
    )


@room.get("/certificates/list-template.csv")
@needs(CHANGE)
def list_template() -> Response:
    """A list to begin with: everybody of the agency who may hold a certificate."""
    with here.reading() as desk:
        found = certificate_lists.suggested(desk)
    rows: list[Sequence[sheets.Cell]] = [(_("Login"), _("Name"), _("Post"), _("Purpose"))]
    rows += [(login, name, title, _(words.PURPOSES_LISTED[purpose])) for login, name, title, purpose in found]
    return sheets.answer("certificates-list", rows)


@room.post("/certificates/list")
@needs(CHANGE, limit=LIST_LIMIT)
def list_preview() -> str | tuple[str, int]:
    """What would become of each row; nothing is done yet."""
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise InvalidInput("file_missing", FILE_MISSING)
        with here.reading() as desk:
            return _list_page(certificate_lists.check(desk, certificate_lists.read(desk, file.read())))
    except InvalidInput as error:
        return _list_page((), error), error.status


@room.post("/certificates/list/ask")
@needs(CHANGE)
def list_ask() -> Response | tuple[str, int]:
    """Ask for what the preview showed."""
    rows = _listed(request.form.get("rows", ""))
    try:
        here.do(certificate_lists.ask, rows=rows, issue=request.form.get("issue") == "yes")
    except InvalidInput as error:
        with here.reading() as desk:
            return _list_page(certificate_lists.check(desk, rows), error), error.status
    flash(_("The certificates of the list were asked for."))
    return here.go(url_for("certificates.requests"))


def _listed(text: str) -> tuple[certificate_lists.Row, ...]:
    """The rows a preview showed, as its form brings them back.

    Raises:
        InvalidInput: they are none.
    """
    try:
        rows = tuple(
            certificate_lists.Row(int(number), str(login), str(name), str(purpose))
            for number, login, name, purpose in json.loads(text)
        )
    except (ValueError, TypeError) as error:
        raise InvalidInput("form_incomplete") from error
    if len(rows) > sheet.MOST_ROWS:
        raise InvalidInput("form_incomplete")
    return rows


# files of real certificates


@room.get("/certificates/bring-in")
@needs(CHANGE)
def file_form() -> str:
    """Where the file of an issuer is brought."""
    return _file_page()


def _file_page(problem: OfficeError | None = None) -> str:
    with here.reading() as desk:
        signers, keepers = certificates.signers(desk), certificates.keepers(desk)
    told = problem.sentence(g.locale) if problem else ""
    return render_template("certificates/file.html", signers=signers, keepers=keepers, problem=told)


@room.post("/certificates/bring-in")
@needs(CHANGE, limit=certificate_files.LIMIT)
def file_post() -> Response | tuple[str, int]:
    """Check a file of certificates for its holder and put it into use."""
    file, form = request.files.get("file"), request.form
    purpose, _mark, post = form.get("whom", "").partition(":")
    try:
        if file is None or not file.filename:
            raise InvalidInput("file_missing", FILE_MISSING)
        with here.reading() as desk:
            brought = certificate_files.read(desk, file.read(), Secret(form.get("password", "")[:1000]))
        row = here.do(
            certificate_files.bring_in,
            brought=brought,
            purpose=purpose,
            post=UUID(post) if re.fullmatch("[0-9a-f-]{36}", post) else UUID(int=0),
            storage=form.get("storage", ""),
        )
    except (InvalidInput, SignatureProblem, Unavailable) as error:
        return _file_page(error), error.status
    flash(_("The certificate is in use now."))
    return here.go(url_for("certificates.certificate", certificate_id=row.id))


# signatures at risk


@room.get("/certificates/at-risk")
@needs(READ)
def at_risk() -> str:
    """Issued documents whose signatures cannot be proven for much longer."""
    return _at_risk()


def _at_risk(problem: OfficeError | None = None) -> str:
    days, after = request.args.get("days", ""), request.args.get("after", "")[:80]
    within = int(days) if days in map(str, evidence.SPANS) else evidence.SOON
    with here.reading() as desk:
        page = evidence.find(desk, within, after=after)
        names = directory.short_names(desk, {row.agency_id for row in page.rows})
        may = permits(desk.actor.roles, CHANGE)
        unmeasured = evidence.unmeasured(desk) if may else 0
        working = evidence.under_way(desk, page.rows)
        number = evidence.count(desk, within)
    return render_template(
        "certificates/at_risk.html",
        page=page,
        names=names,
        within=within,
        spans=evidence.SPANS,
        number=number,
        may=may,
        working=working,
        unmeasured=unmeasured,
        after=after,
        older=url_for("certificates.at_risk", days=within, after=page.after) if page.after else "",
        problem=problem.sentence(g.locale) if problem else "",
    )


@room.post("/certificates/at-risk")
@needs(CHANGE)
def measure() -> Response | tuple[str, int]:
    """Look at issued documents of which it is not known yet."""
    try:
        here.do(evidence.survey)
    except InvalidInput as error:
        return _at_risk(error), error.status
    flash(_("The documents were looked at."))
    return here.go(url_for("certificates.at_risk"))


@room.post("/certificates/at-risk/renew")
@needs(CHANGE)
def stamp_anew() -> Response | tuple[str, int]:
    """Have what is at risk stamped anew in the background."""
    days = request.form.get("days", "")
    within = int(days) if days in map(str, evidence.SPANS) else evidence.SOON
    try:
        here.do(evidence.order, within=within)
    except InvalidInput as error:
        return _at_risk(error), error.status
    flash(_("They are being stamped anew; each leaves this list when it is done."))
    return here.go(url_for("certificates.at_risk", days=within))

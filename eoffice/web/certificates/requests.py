"""Requests for certificates: what is asked for, what became of it, and deciding about it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, g, render_template, request, url_for
from werkzeug.wrappers import Response

from eoffice.core import i18n
from eoffice.core.errors import Conflict, InvalidInput, KeyReused, OfficeError
from eoffice.rules.access import permits
from eoffice.services import certificate_requests, certificates, directory, test_authority
from eoffice.services.verbs import Verb
from eoffice.web import here, words
from eoffice.web.certificates.common import CHANGE, ISSUE, READ, Tab, room
from eoffice.web.guard import needs
from eoffice.web.language import say as _


@room.get("/certificates/requests")
@needs(READ)
def requests() -> str:
    """What certificates are asked for, and what became of earlier requests."""
    return _requests()


def _requests(problem: OfficeError | None = None) -> str:
    state = request.args.get("state", "requested")
    state = state if state in words.REQUEST_STATES else "requested"
    with here.reading() as desk:
        counts = certificate_requests.request_counts(desk)
        rows = certificate_requests.requests(desk, state)
        waiting = certificate_requests.under_way(desk, rows) if state == "requested" else {}
        names = directory.short_names(desk, {row.agency_id for row in rows})
        people = directory.named(desk, {row.post_id for row in rows if row.post_id})
        may = permits(desk.actor.roles, CHANGE)
        choices = (certificates.signers(desk), certificates.keepers(desk)) if may else ([], [])
        own = desk.agency
        authority = test_authority.available(desk)
        soon = len(certificate_requests.to_renew(desk)) if may else 0
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
    return _decide(certificate_requests.request, _("The certificate was asked for."), purpose=purpose, post=holder)


@room.post("/certificates/requests/issue")
@needs(CHANGE)
def issue_all() -> Response | tuple[str, int]:
    """Have everything that is asked for issued in the background."""
    return _decide(certificate_requests.order, _("The certificates are being issued; this page tells how far it is."))


@room.post("/certificates/requests/renew")
@needs(CHANGE)
def renew() -> Response | tuple[str, int]:
    """Ask anew for all that end soon."""
    return _decide(certificate_requests.renew, _("New certificates were asked for in place of those that end."))


@room.post("/certificates/requests/<uuid:request_id>/issue")
@needs(ISSUE)
def issue(request_id: UUID) -> Response | tuple[str, int]:
    """Issue one by the test authority."""
    return _decide(certificate_requests.issue, _("The test certificate was issued."), request_id)


@room.get("/certificates/requests/<uuid:request_id>/refuse")
@needs(CHANGE)
def refusal(request_id: UUID) -> str:
    """Ask for the reason of a refusal."""
    return _refusal(request_id)


def _refusal(request_id: UUID, problem: OfficeError | None = None) -> str:
    with here.reading() as desk:
        row = certificate_requests.asked(desk, request_id)
        holder = directory.named(desk, {row.post_id}).get(row.post_id) if row.post_id else None
    told = problem.sentence(g.locale) if problem else ""
    return render_template("certificates/refusal.html", row=row, holder=holder, problem=told)


@room.post("/certificates/requests/<uuid:request_id>/refuse")
@needs(CHANGE)
def refuse(request_id: UUID) -> Response | tuple[str, int]:
    """Refuse one with a reason."""
    try:
        here.do(certificate_requests.refuse, request_id, reason=request.form.get("reason", "")[:4000])
    except InvalidInput as error:
        return _refusal(request_id, error), error.status
    flash(_("The request was refused with your reason."))
    return here.go(url_for("certificates.requests"))

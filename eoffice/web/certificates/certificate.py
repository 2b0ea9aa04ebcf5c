"""The page of one certificate, and what is done to it: revoked, or its key handed over with minutes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import flash, g, render_template, request, send_file, url_for
from werkzeug.wrappers import Response

from eoffice.core.clock import local_date
from eoffice.core.errors import Conflict, InvalidInput, KeyReused, OfficeError
from eoffice.rules.access import permits
from eoffice.services import certificate_facts, certificates, directory
from eoffice.services.certificates import Handing
from eoffice.services.verbs import Verb
from eoffice.web import entries, here
from eoffice.web.certificates.common import CHANGE, READ, room
from eoffice.web.guard import needs
from eoffice.web.language import say as _


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

"""Issued documents whose signatures cannot be proven for much longer, and their next time-stamp."""

from __future__ import annotations

from flask import flash, g, render_template, request, url_for
from werkzeug.wrappers import Response

from eoffice.core.errors import InvalidInput, OfficeError
from eoffice.rules.access import permits
from eoffice.services import directory, evidence
from eoffice.web import here
from eoffice.web.certificates.common import CHANGE, READ, room
from eoffice.web.guard import needs
from eoffice.web.language import say as _


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

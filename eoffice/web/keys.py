"""The page on which a person gives his signing key, or the agency's, another password."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, g, render_template, request, url_for
from werkzeug.wrappers import Response

from eoffice.core.errors import Conflict, InvalidInput, KeyReused, OfficeError, SignatureProblem, Unavailable
from eoffice.core.secret import Secret
from eoffice.services import accounts, certificate_keys
from eoffice.web import here
from eoffice.web.account import DIFFERS
from eoffice.web.guard import signed_in
from eoffice.web.language import say as _

room = Blueprint("keys", __name__)

OF_OLD = ("wrong_password", "throttled")
"""Refusals that are about the present password."""


@room.get("/account/keys/<uuid:certificate_id>")
@signed_in
def key(certificate_id: UUID) -> str:
    """Whose key it is, and a form for its new password; or where its PIN is changed."""
    return _page(certificate_id)


def _page(certificate_id: UUID, problem: OfficeError | None = None) -> str:
    with here.reading() as desk:
        row = certificate_keys.own(desk, certificate_id)
    of_new = isinstance(problem, InvalidInput) and problem.code.startswith("password_")
    return render_template(
        "account/key.html",
        row=row,
        elsewhere=certificate_keys.elsewhere(row.storage),
        problem=problem.sentence(g.locale) if problem else "",
        field="new" if of_new else "old" if problem and problem.code in OF_OLD else "",
        shortest=accounts.SHORTEST,
    )


@room.post("/account/keys/<uuid:certificate_id>")
@signed_in
def change_password(certificate_id: UUID) -> Response | tuple[str, int]:
    """Have the key agent seal the key with another password; a wrong old one counts like a wrong unlock."""
    old, new = (request.form.get(name, "")[:2000] for name in ("old_password", "new_password"))
    try:
        if new != request.form.get("new_password_again", ""):
            raise InvalidInput("password_differs", DIFFERS)
        here.do(certificate_keys.change_password, certificate_id, old=Secret(old), new=Secret(new))
    except (InvalidInput, Conflict, SignatureProblem, Unavailable) as error:
        if isinstance(error, KeyReused):
            raise
        return _page(certificate_id, error), error.status
    flash(_("The password of the key was changed. Wherever the key was open, it was closed."))
    return here.go(url_for("account.account"))

"""A certificate that came as a file from its issuer, brought in for its holder."""

from __future__ import annotations

import re
from uuid import UUID

from flask import flash, g, render_template, request, url_for
from werkzeug.wrappers import Response

from eoffice.core.errors import InvalidInput, OfficeError, SignatureProblem, Unavailable
from eoffice.core.secret import Secret
from eoffice.services import certificate_files, certificates
from eoffice.web import here
from eoffice.web.certificates.common import CHANGE, FILE_MISSING, room
from eoffice.web.guard import needs
from eoffice.web.language import say as _


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

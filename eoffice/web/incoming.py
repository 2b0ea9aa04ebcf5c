"""What comes in: refusing and accepting it."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, request, url_for
from werkzeug.wrappers import Response

from eoffice.rules.access import Permission
from eoffice.services import incoming
from eoffice.web import here
from eoffice.web.documents import stays
from eoffice.web.guard import needs
from eoffice.web.language import say as _

room = Blueprint("incoming", __name__)


@room.post("/documents/<uuid:document_id>/refuse")
@needs(Permission.DOCUMENT_REFUSE)
@stays
def refuse(document_id: UUID) -> Response:
    """Send a document back before it is registered; the sender reads the reason."""
    here.do(incoming.refuse, document_id, reason=request.form.get("reason", ""))
    flash(_("It was refused; the sender is told why."))
    return here.go(here.path(request.form.get("next", "")) or url_for("lists.incoming", queue="to_register"))

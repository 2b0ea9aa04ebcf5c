"""Whether this process can answer: for supervisors and load balancers."""

from __future__ import annotations

from flask import Blueprint
from sqlalchemy import text
from werkzeug.wrappers import Response

from eoffice.core.desk import PUBLIC
from eoffice.core.errors import OfficeError
from eoffice.web import here
from eoffice.web.guard import public

room = Blueprint("health", __name__)


@room.get("/health")
@public("a supervisor has no account; the answer says nothing but ok or not")
def health() -> Response:
    """``ok`` when the database answers, otherwise 503."""
    try:
        with here.office().read(PUBLIC) as desk:
            desk.session.execute(text("SELECT 1"))
    except OfficeError as error:
        return Response(error.code + "\n", 503, mimetype="text/plain")
    return Response("ok\n", mimetype="text/plain")

"""Every route says who may use it, stands in this list, and if it is public, says why."""

from __future__ import annotations

from pathlib import Path

from eoffice.core.settings import Settings
from eoffice.services.office import Office
from eoffice.web import create_app, guard

ROUTES = {
    "GET /": "public",
    "GET /account": "signed in",
    "GET /counters.json": "signed in",
    "GET /documents/<uuid:document_id>": "signed in",
    "GET /documents/<uuid:document_id>/files/<uuid:file_id>": "signed in",
    "GET /documents/<uuid:document_id>/files/<uuid:file_id>/pages/<int:page>.jpg": "signed in",
    "GET /documents/<uuid:document_id>/files/<uuid:file_id>/revisions/<int:length>": "signed in",
    "GET /documents/<uuid:document_id>/files/<uuid:file_id>/text": "signed in",
    "GET /documents/<uuid:document_id>/preview": "signed in",
    "GET /health": "public",
    "GET /incoming": "signed in",
    "GET /outgoing": "signed in",
    "GET /sign": "needs document.sign",
    "GET /sign-in": "public",
    "GET /sign/<uuid:document_id>": "signed in",
    "GET /sign/progress": "needs document.sign",
    "GET /sign/progress/rows": "needs document.sign",
    "GET /sign/running": "needs document.sign",
    "GET /sign/unlock": "needs document.sign",
    "GET /tasks": "signed in",
    "GET /verify": "public",
    "POST /sign/<uuid:document_id>/approve": "needs document.sign",
    "POST /sign/<uuid:document_id>/send-back": "needs draft.send_back",
    "POST /sign/items/<uuid:item_id>/remove": "needs document.sign",
    "POST /sign/retry": "needs document.sign",
    "POST /sign/stop": "needs document.sign",
    "POST /sign/unlock": "needs document.sign",
    "POST /documents/<uuid:document_id>/assign": "needs document.assign",
    "POST /documents/<uuid:document_id>/finish": "needs document.finish",
    "POST /documents/<uuid:document_id>/forward": "needs document.forward",
    "POST /documents/<uuid:document_id>/instruct": "needs document.instruct",
    "POST /documents/<uuid:document_id>/refuse": "needs document.refuse",
    "POST /documents/<uuid:document_id>/start": "needs document.start",
    "POST /preferences": "public",
    "POST /sign-in": "public",
    "POST /sign-in/post": "public",
    "POST /sign-out": "signed in",
    "POST /verify": "public",
    "POST /verify/report.json": "public",
}

PUBLIC = {
    "GET /": "leads to the desk, or to the sign-in page",
    "GET /health": "a supervisor has no account; the answer says nothing but ok or not",
    "GET /sign-in": "nobody is signed in before it",
    "GET /verify": "anybody who is handed a document may ask whether it is genuine",
    "POST /preferences": "language and theme may be chosen before signing in; they change nothing but two cookies",
    "POST /sign-in": "nobody is signed in before it",
    "POST /sign-in/post": "the last step of signing in; a signed ticket says whose password was checked",
    "POST /verify": "anybody who is handed a document may ask whether it is genuine",
    "POST /verify/report.json": "the report of a check anybody may make; only what we signed is given back",
}


def _guards() -> dict[str, guard.Guard]:
    office = Office(Settings(home=Path("/nowhere"), database_url="sqlite:////nowhere/none.sqlite3", secret="of no use"))
    app = create_app(office)
    found = {
        f"{method} {rule.rule}": guard.of(app, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    }
    office.close()
    return found


def test_every_route_stands_in_the_list_with_its_guard() -> None:
    found = {route: "public" if told.reason else str(told) for route, told in _guards().items()}
    assert found == ROUTES


def test_public_routes_say_why() -> None:
    assert {route: told.reason for route, told in _guards().items() if told.reason} == PUBLIC


def test_only_public_routes_take_files_and_they_count_turns() -> None:
    for route, told in _guards().items():
        assert not (told.reason and told.upload) or told.limiter is not None, route

"""Every route says who may use it, stands in this list, and if it is public, says why."""

from __future__ import annotations

from pathlib import Path

from eoffice.core.settings import Settings
from eoffice.services.office import Office
from eoffice.web import create_app, guard

ROUTES = {
    "GET /": "public",
    "GET /account": "signed in",
    "GET /account/keys/<uuid:certificate_id>": "signed in",
    "GET /certificates": "needs certificate.read",
    "GET /certificates.csv": "needs certificate.read",
    "GET /certificates/<uuid:certificate_id>": "needs certificate.read",
    "GET /certificates/<uuid:certificate_id>/hand-overs/<uuid:handover_id>.pdf": "needs certificate.read",
    "GET /certificates/at-risk": "needs certificate.read",
    "GET /certificates/bring-in": "needs certificate.change",
    "GET /certificates/list": "needs certificate.change",
    "GET /certificates/list-template.csv": "needs certificate.change",
    "GET /certificates/requests": "needs certificate.read",
    "GET /certificates/requests/<uuid:request_id>/refuse": "needs certificate.change",
    "GET /copies": "signed in",
    "GET /copies.csv": "signed in",
    "GET /copies/<uuid:copy_id>": "signed in",
    "GET /counters.json": "signed in",
    "GET /deliveries": "signed in",
    "GET /directory": "signed in",
    "GET /directory/<slug>": "signed in",
    "GET /documents/<uuid:document_id>": "signed in",
    "GET /documents/<uuid:document_id>/copy": "needs document.seal",
    "GET /documents/<uuid:document_id>/deliveries": "signed in",
    "GET /documents/<uuid:document_id>/deliveries/<uuid:delivery_id>": "signed in",
    "GET /documents/<uuid:document_id>/deliveries/<uuid:delivery_id>/answers/<uuid:event_id>": "signed in",
    "GET /documents/<uuid:document_id>/deliveries/<uuid:delivery_id>/detail": "signed in",
    "GET /documents/<uuid:document_id>/files/<uuid:file_id>": "signed in",
    "GET /documents/<uuid:document_id>/files/<uuid:file_id>/pages/<int:page>.jpg": "signed in",
    "GET /documents/<uuid:document_id>/files/<uuid:file_id>/revisions/<int:length>": "signed in",
    "GET /documents/<uuid:document_id>/files/<uuid:file_id>/text": "signed in",
    "GET /documents/<uuid:document_id>/files/<uuid:file_id>/verdict.<form>": "signed in",
    "GET /documents/<uuid:document_id>/preview": "signed in",
    "GET /documents/<uuid:document_id>/register": "signed in",
    "GET /documents/<uuid:document_id>/versions": "signed in",
    "GET /drafts": "needs draft.compose",
    "GET /drafts/<uuid:text_id>": "needs draft.compose",
    "GET /drafts/<uuid:text_id>/pages/<int:page>.jpg": "needs draft.compose",
    "GET /health": "public",
    "GET /incoming": "signed in",
    "GET /incoming/add": "needs document.arrive",
    "GET /issue/<uuid:document_id>": "needs document.issue",
    "GET /issue/<uuid:document_id>/handed-out.pdf": "needs document.issue",
    "GET /issue/<uuid:document_id>/recipients": "needs document.issue",
    "GET /ledger": "needs ledger.read",
    "GET /ledger/entries.jsonl": "needs ledger.read",
    "GET /ledger/entries/<int(max=999999999):seq>": "needs ledger.read",
    "GET /ledger/proof": "needs ledger.read",
    "GET /outgoing": "signed in",
    "GET /sign": "needs document.sign",
    "GET /sign-in": "public",
    "GET /sign/<uuid:document_id>": "signed in",
    "GET /sign/items/<uuid:item_id>/file": "needs document.sign",
    "GET /sign/progress": "needs document.sign",
    "GET /sign/progress/rows": "needs document.sign",
    "GET /sign/running": "needs document.sign",
    "GET /sign/unlock": "needs document.sign",
    "GET /statistics": "needs statistics.read",
    "GET /statistics/agencies.csv": "needs statistics.read",
    "GET /statistics/documents": "needs statistics.read",
    "GET /statistics/documents.csv": "needs statistics.read",
    "GET /statistics/months.csv": "needs statistics.read",
    "GET /tasks": "signed in",
    "GET /verify": "public",
    "POST /account/keys/<uuid:certificate_id>": "signed in",
    "POST /account/password": "signed in",
    "POST /account/sessions/<uuid:sign_in_id>/end": "signed in",
    "POST /account/sessions/end-others": "signed in",
    "POST /certificates/<uuid:certificate_id>/hand-over": "needs certificate.change",
    "POST /certificates/<uuid:certificate_id>/revoke": "needs certificate.change",
    "POST /certificates/at-risk": "needs certificate.change",
    "POST /certificates/at-risk/renew": "needs certificate.change",
    "POST /certificates/bring-in": "needs certificate.change",
    "POST /certificates/list": "needs certificate.change",
    "POST /certificates/list/ask": "needs certificate.change",
    "POST /certificates/requests": "needs certificate.change",
    "POST /certificates/requests/<uuid:request_id>/issue": "needs certificate.issue",
    "POST /certificates/requests/<uuid:request_id>/refuse": "needs certificate.change",
    "POST /certificates/requests/issue": "needs certificate.change",
    "POST /certificates/requests/renew": "needs certificate.change",
    "POST /documents/<uuid:document_id>/accept": "needs document.register",
    "POST /documents/<uuid:document_id>/annexes": "needs draft.compose",
    "POST /documents/<uuid:document_id>/annexes/arrange": "needs draft.compose",
    "POST /documents/<uuid:document_id>/answer": "needs draft.compose",
    "POST /documents/<uuid:document_id>/approve-content": "needs draft.approve_content",
    "POST /documents/<uuid:document_id>/approve-format": "needs draft.approve_format",
    "POST /documents/<uuid:document_id>/assign": "needs document.assign",
    "POST /documents/<uuid:document_id>/copy": "needs document.seal",
    "POST /documents/<uuid:document_id>/copy/offer": "needs document.seal",
    "POST /documents/<uuid:document_id>/deliveries/<uuid:delivery_id>/post": "needs exchange.post",
    "POST /documents/<uuid:document_id>/deliveries/<uuid:delivery_id>/resend": "needs exchange.post",
    "POST /documents/<uuid:document_id>/edit": "needs draft.compose",
    "POST /documents/<uuid:document_id>/files/<uuid:file_id>/check": "needs document.check",
    "POST /documents/<uuid:document_id>/finish": "needs document.finish",
    "POST /documents/<uuid:document_id>/forward": "needs document.forward",
    "POST /documents/<uuid:document_id>/instruct": "needs document.instruct",
    "POST /documents/<uuid:document_id>/refuse": "needs document.refuse",
    "POST /documents/<uuid:document_id>/register": "needs document.register",
    "POST /documents/<uuid:document_id>/send-back": "needs draft.send_back",
    "POST /documents/<uuid:document_id>/start": "needs document.start",
    "POST /documents/<uuid:document_id>/submit": "needs draft.submit",
    "POST /drafts": "needs draft.compose",
    "POST /drafts/<uuid:text_id>": "needs draft.compose",
    "POST /drafts/<uuid:text_id>/discard": "needs draft.compose",
    "POST /drafts/<uuid:text_id>/keep": "needs draft.compose",
    "POST /incoming/add": "needs document.arrive",
    "POST /issue/<uuid:document_id>": "needs document.issue",
    "POST /issue/<uuid:document_id>/file": "needs document.issue",
    "POST /issue/<uuid:document_id>/hand-out": "needs document.issue",
    "POST /issue/<uuid:document_id>/offer": "needs document.issue",
    "POST /ledger/proof": "needs ledger.read",
    "POST /preferences": "public",
    "POST /sign-in": "public",
    "POST /sign-in/post": "public",
    "POST /sign-out": "signed in",
    "POST /sign/<uuid:document_id>/approve": "needs document.sign",
    "POST /sign/<uuid:document_id>/send-back": "needs draft.send_back",
    "POST /sign/items/<uuid:item_id>/file": "needs document.sign",
    "POST /sign/items/<uuid:item_id>/offer": "needs document.sign",
    "POST /sign/items/<uuid:item_id>/remove": "needs document.sign",
    "POST /sign/items/<uuid:item_id>/value": "needs document.sign",
    "POST /sign/retry": "needs document.sign",
    "POST /sign/stop": "needs document.sign",
    "POST /sign/unlock": "needs document.sign",
    "POST /verify": "public",
    "POST /verify/report.<form>": "public",
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
    "POST /verify/report.<form>": "the report of a check anybody may make; only what we signed is given back",
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

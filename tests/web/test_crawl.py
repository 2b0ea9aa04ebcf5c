"""Everybody follows every link: no page breaks, none shows what is not his, none renders what somebody wrote."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Text, inspect, select, text, update

from eoffice.core.db import Base, Words
from eoffice.core.desk import scope
from eoffice.models.documents import Document
from eoffice.rules.access import permits
from eoffice.services import certificate_requests, certificates, directory
from eoffice.services.certificates import Handing
from eoffice.services.directory import NewPost
from eoffice.web import guard
from tests.support.checking import CheckingClient, filled
from tests.support.copies import make
from tests.support.crawling import Walk, walk
from tests.support.letters import at_work
from tests.web.conftest import Town
from tests.web.test_documents import change

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

PEOPLE = ("hanh", "nam", "tuan", "son", "anh", "mai", "phong", "yen", "dung", "hoa")
"""Clerk, leader, officer, unit head, format checker, auditor, administrator of Sở Nội vụ, and Sở Tài chính's."""

UNLINKED = {
    "ledger.proof": "asked by the script while a proof is made",
    "rail.counters": "asked by the script",
    "sign.rows": "asked by the script while something is being signed",
    "sign.running": "asked by the script while something is being signed",
    "health.health": "asked by a supervisor",
    "sign.file": "led to where the signer's key is on his token: test_tokens.py",
    "issuing.handed_out": "led to while a file is out to be sealed by another program: test_tokens.py",
    "account.sign_in": "who is signed in is not led there",
}
"""Addresses nobody is led to from a page, and why."""

SECRET = "Chuyện riêng của Sở Tài chính 7731"
CANARY = "<b class='canary'>{{7*191}}${7*191}</b><script>canary()</script>"
MARKS = ("<b class='canary'", '<b class="canary"', "<script>canary", ">1337<", "1337$")


@pytest.fixture
def town(busy: tuple[Town, dict[str, UUID]]) -> Town:
    return busy[0]


def journey(client: CheckingClient, town: Town, login: str) -> Walk:
    town.enter(client, login)
    return walk(client, "/", "/incoming", "/outgoing", "/account")


def _kind(rule: str) -> str:
    return re.sub("<int:[^>]+>", "<n>", re.sub("<uuid:[^>]+>", "<id>", rule))


def _certificates_at_work(town: Town) -> None:
    """A certificate is asked for, and the agency's key was handed over: both lead to pages of their own."""
    admin = town.actor("phong")
    clerk = NewPost("so-noi-vu", "minh-thu", "Vũ Minh Thư", "bà", "Văn thư", "no password opens this", ("clerk",))
    taker = town.office.do(town.system("so-noi-vu"), directory.appoint, key="clerk", post=clerk)
    town.office.do(admin, certificate_requests.request, key="ask", purpose="exchange")
    with town.office.read(admin) as desk:
        seal = directory.certificate(desk, "seal")
    assert seal is not None
    handing = Handing(taker.id, "Quyết định số 15/QĐ-SNV", "USB token")
    town.office.do(admin, certificates.hand_over, seal.id, key="over", handing=handing)


def test_everybody_follows_every_link(
    client: CheckingClient, town: Town, busy: tuple[Town, dict[str, UUID]], app: Flask
) -> None:
    reached: set[str] = set()
    routes = app.url_map.bind("localhost")
    town.enter(client, "tuan")
    client.press(f"/documents/{busy[1]['draft']}", "/edit")
    with at_work(town) as staff:  # leads to the register of copies and to the page of one
        make(staff, busy[1]["registered"])
    _certificates_at_work(town)
    for login in PEOPLE:
        found = journey(client, town, login)
        broken = {path: answer.status for path, answer in found.answers.items() if answer.status_code >= 400}
        assert not broken, f"{login}: {broken}"
        reached |= {routes.match(path.partition("?")[0], method="GET")[0] for path in found.answers}
    known = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())} - {"static"}
    missing = {endpoint for endpoint in known if not endpoint.startswith("static")} - reached - set(UNLINKED)
    assert not missing, f"no page leads to {sorted(missing)}"


def test_every_page_in_english(client: CheckingClient, town: Town) -> None:
    client.speak("en")
    for login in PEOPLE[:6]:
        assert len(journey(client, town, login).answers) > 3, login


def test_nobody_sees_what_is_not_his(client: CheckingClient, town: Town) -> None:
    """A document of Sở Tài chính that was never sent: its subject and its identifier are on no page of others."""
    change(town, town.theirs, subject=SECRET, folded="chuyen rieng")
    theirs = str(town.theirs)
    for login in ("hanh", "nam", "tuan", "son", "anh", "phong"):
        for path, source in journey(client, town, login).pages():
            assert SECRET not in source, f"{login} {path}"
            assert theirs not in source, f"{login} {path}"
    seen = [path for path, source in journey(client, town, "yen").pages() if SECRET in source]
    assert seen, "the test looks at something"


def test_side_doors_of_others_are_shut(client: CheckingClient, town: Town) -> None:
    """Every address that Sở Tài chính's people reach with an identifier of theirs is 404 (or 403) for others."""
    doors: set[str] = set()
    for login in ("yen", "dung", "hoa"):
        found = journey(client, town, login)
        with town.office.read(town.actor(login)) as desk:
            own = {str(key) for key in desk.session.scalars(scope(desk, Document).with_only_columns(Document.id))}
        doors |= {path for path in found.answers if any(key in path for key in own)}
    assert len(doors) >= 7
    tried = 0
    for login in ("hanh", "nam", "tuan", "son", "anh", "phong"):
        town.enter(client, login)
        for path in doors:
            tried += 1
            assert client.get(path).status_code in (403, 404), f"{login} {path}"
    assert tried >= 42


def test_nothing_anybody_wrote_is_rendered(client: CheckingClient, town: Town) -> None:
    """Markup in every column of text of every table: shown as it is, on every page, to everybody."""
    with town.office.sessions.write() as session:
        for (trigger,) in session.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            session.execute(text(f"DROP TRIGGER {trigger}"))
        for mapper in Base.registry.mappers:
            free = {
                column.key: CANARY
                for column in mapper.local_table.columns
                if isinstance(column.type, Text | Words) and column.key not in KEPT
            }
            if free:
                session.execute(
                    update(mapper.class_).values(free),
                    execution_options={"scoped": True, "synchronize_session": False},
                )
        session.commit()
    shown = 0
    for login in PEOPLE:
        town.enter(client, login)
        for path, source in walk(client, "/", "/incoming", "/outgoing").pages():
            assert not [mark for mark in MARKS if mark in source], f"{login} {path}"
            shown += "canary" in source
    assert shown > 20


KEPT = {
    "abbreviation", "capacity", "code", "key", "locale", "login", "password_hash",
    "series", "slug", "symbol", "value",
}
"""Columns that are read as something else than text."""


def test_no_form_takes_more_than_it_shows(client: CheckingClient, town: Town, app: Flask) -> None:
    """Every column of every table posted beside the fields of every form: none of it arrives anywhere."""
    columns = {column.key for mapper in Base.registry.mappers for column in inspect(mapper).columns}
    pressed: set[str] = set()
    for login in PEOPLE:
        found = journey(client, town, login)
        for (action, _names), (page, form) in found.forms.items():
            method, path = action.split(" ")
            if method != "POST" or path in ("/sign-out",):
                continue
            fields = filled(form)
            own = {item.attributes.get("name") for item in form.all("input", "select", "textarea")}
            extra = {name: f"zz {name.replace('_', ' ')}" for name in columns - own}
            town.enter(client, login)
            fields["csrf_token"] = client.token()
            target = form.attributes.get("action", page)
            answer = client.post(target, data={**extra, **fields})
            assert answer.status_code < 500 or answer.status_code == 503, f"{login} {target}: {answer.status}"
            pressed.add(_kind(path))
    assert len(pressed) >= 6
    with town.office.sessions.read() as session:
        for mapper in Base.registry.mappers:
            for column in mapper.local_table.columns:
                if isinstance(column.type, Text | Words):
                    found_rows = session.execute(select(column).where(column.like("%zz %"))).all()
                    assert not found_rows, f"{mapper.local_table.name}.{column.key}: {found_rows[:2]}"


def test_each_route_is_tried_by_each_kind_of_person(client: CheckingClient, town: Town, app: Flask) -> None:
    """Route x role: who is not signed in is asked to sign in, whose roles lack the permission is refused."""
    cells = 0
    for rule in app.url_map.iter_rules():
        told = guard.of(app, rule.endpoint)
        if told.reason:
            continue
        values = {name: (town.theirs if "id" in name else 1) for name in rule.arguments}
        _domain, path = rule.build(values) or ("", "")
        for login in ("", *PEOPLE[:7]):
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                cells += 1
                client.delete_cookie("office")
                if login:
                    town.enter(client, login)
                answer = client.open(path, method=method)
                if not login:
                    expected = {303} if method == "GET" or told.upload else {400, 401}
                elif told.permission is not None and not _may(town, login, told):
                    expected = {403}
                elif method == "POST":
                    expected = {400}
                else:
                    expected = {200, 303, 404}
                assert answer.status_code in expected, f"{login or 'nobody'} {method} {path}: {answer.status}"
    assert cells > 100


def _may(town: Town, login: str, told: guard.Guard) -> bool:
    return told.permission is None or permits(town.actor(login).roles, told.permission)

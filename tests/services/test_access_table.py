"""Every verb, every role, every state: who may do what when, decided before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import insert

from eoffice.core.desk import Actor
from eoffice.core.errors import NotAllowed, NotFound, OfficeError, StaleForm, WrongState
from eoffice.core.ids import new_id
from eoffice.jobs import handlers
from eoffice.models.documents import Document, Participant
from eoffice.rules.access import Role, sees_whole_agency
from eoffice.rules.lifecycle import INCOMING_STATES, State
from eoffice.services import (
    accounts,
    certificate_files,
    certificate_keys,
    certificate_lists,
    copies,
    drafting,
    files,
    incoming,
    issuing,
    routing,
)
from eoffice.services.incoming import Facts
from eoffice.services.routing import Share
from eoffice.services.verbs import VERBS
from tests.support.world import World

ROOMS = (
    accounts,
    certificate_files,
    certificate_keys,
    certificate_lists,
    copies,
    drafting,
    files,
    incoming,
    issuing,
    routing,
    handlers,
)
"""Imported so that every verb is known."""

EVERYBODY = "clerk leader unit_head officer"

WHO = {
    "accounts.change_password": "clerk leader unit_head officer format_checker archivist auditor admin system public",
    "accounts.end_others": "clerk leader unit_head officer format_checker archivist auditor admin system public",
    "accounts.end_session": "clerk leader unit_head officer format_checker archivist auditor admin system public",
    "accounts.fail": "public",
    "accounts.sign_in": "public",
    "accounts.sign_out": "clerk leader unit_head officer format_checker archivist auditor admin system public",
    "annexes.add_annex": EVERYBODY,
    "annexes.arrange_annexes": EVERYBODY,
    "certificate_files.bring_in": "admin",
    "certificate_keys.change_password": (
        "clerk leader unit_head officer format_checker archivist auditor admin system public"
    ),
    "certificate_lists.ask": "admin",
    "certificate_requests.issue": "admin system",
    "certificate_requests.order": "admin",
    "certificate_requests.refuse": "admin",
    "certificate_requests.renew": "admin",
    "certificate_requests.request": "admin",
    "certificates.hand_over": "admin",
    "certificates.publish": "system",
    "certificates.revoke": "admin",
    "copies.certify": "clerk",
    "directory.appoint": "admin system",
    "directory.enter_certificate": "admin system",
    "directory.establish": "admin system",
    "directory.seed_calendar": "admin system",
    "directory.set_value": "admin system",
    "drafting.approve_content": "unit_head",
    "drafting.approve_format": "format_checker",
    "drafting.compose": EVERYBODY,
    "drafting.revise": EVERYBODY,
    "drafting.send_back": "leader unit_head format_checker",
    "drafting.submit": EVERYBODY,
    "evidence.order": "admin",
    "evidence.renew": "system",
    "evidence.survey": "admin",
    "exchange.apply": "system",
    "exchange.confirm": "system",
    "exchange.deliver": "system",
    "exchange.fail": "system",
    "exchange.post": "clerk",
    "exchange.receive": "system",
    "exchange.report": "system",
    "exchange.resend": "clerk",
    "incoming.arrive": "clerk system",
    "incoming.refuse": "clerk",
    "incoming.register": "clerk",
    "issuing.choose_paper": "clerk",
    "issuing.issue": "clerk",
    "issuing.number": "clerk",
    "issuing.seal": "clerk",
    "issuing.sign": "leader",
    "proofs.ask": "auditor leader",
    "proofs.prove": "system",
    "routing.assign": "unit_head",
    "routing.finish": f"{EVERYBODY} system",
    "files.check": EVERYBODY,
    "routing.forward": "clerk",
    "routing.instruct": "leader",
    "routing.start": EVERYBODY,
    "signing_list.approve": "leader",
    "signing_list.fail": "system",
    "signing_list.remove": "leader",
    "signing_list.retry": "leader",
    "signing_list.stop": "leader",
    "signing_list.unlock": "leader",
}
"""Verb -> roles that may do it (Decree 30/2020; written here anew, not read from the rules)."""

WHEN = {
    "annexes.add_annex": "draft in_review content_ok format_ok",
    "annexes.arrange_annexes": "draft in_review content_ok format_ok",
    "copies.certify": "registered submitted assigned in_progress done filed issued",
    "drafting.approve_content": "in_review",
    "drafting.approve_format": "content_ok",
    "drafting.revise": "draft in_review content_ok format_ok",
    "drafting.send_back": "in_review content_ok format_ok",
    "drafting.submit": "draft",
    "files.check": " ".join(State),
    "incoming.refuse": "arrived",
    "incoming.register": "arrived",
    "issuing.choose_paper": "signed numbered sealed",
    "issuing.issue": "sealed",
    "issuing.number": "signed",
    "issuing.seal": "numbered",
    "issuing.sign": "format_ok",
    "routing.assign": "assigned in_progress",
    "routing.finish": "assigned in_progress",
    "routing.forward": "registered",
    "routing.instruct": "registered submitted",
    "routing.start": "assigned in_progress",
    "signing_list.approve": "format_ok",
}
"""Verb -> states of a document in which it may be done; the others are not about a document's state."""


@dataclass
class Table:
    """One document in each state, and people with one role each who may see all of them."""

    world: World
    documents: dict[State, UUID]

    def person(self, role: Role, slug: str = "so-noi-vu") -> Actor:
        post = self.world.post("tuan" if slug == "so-noi-vu" else "hoa")
        agency = self.world.agency(slug)
        return Actor(
            kind="person",
            agency=agency,
            post=post,
            roles=frozenset({role}),
            agencies=frozenset({agency}),
            whole_agency=sees_whole_agency({role}),
        )

    def more(self, state: State, times: int = 1) -> list[UUID]:
        """Further documents in a state."""
        made = [new_id() for _ in range(times)]
        now, agency = self.world.clock.now(), self.world.agency("so-noi-vu")
        direction = "incoming" if state in INCOMING_STATES else "outgoing"
        facts = {"agency_id": agency, "direction": direction, "state": state.value, "version": 1, "created_at": now}
        facts |= {"kind": "report", "language": "vi", "urgency": "normal", "circulation": "none", "provenance": "work"}
        seen = {"agency_id": agency, "post_id": self.world.post("tuan")}
        with self.world.office.engine.begin() as connection:
            connection.execute(insert(Document), [{"id": key, **facts} for key in made])
            connection.execute(insert(Participant), [{"id": new_id(), "document_id": key, **seen} for key in made])
        return made


@pytest.fixture
def table(bare_world: World) -> Table:
    made = Table(bare_world, {})
    made.documents = {state: made.more(state)[0] for state in State}
    return made


def test_the_table_names_every_verb() -> None:
    assert set(WHO) == set(VERBS)
    about = {name for name, verb in VERBS.items() if verb.on is Document}
    assert set(WHEN) == about


def test_every_cell_is_decided_as_the_table_says(table: Table) -> None:
    """Verb x role x state, on a writing desk as the deed itself would use, without doing anything."""
    wrong, cells = [], 0
    for role in Role:
        with table.world.office.write(table.person(role), key=f"cells of {role}") as desk:
            for name in sorted(WHEN):
                for state, document in table.documents.items():
                    cells += 1
                    found = "allowed"
                    try:
                        VERBS[name].check(desk, document)
                    except OfficeError as error:
                        found = type(error).__name__
                    expected = "allowed" if state in WHEN[name].split() else "WrongState"
                    if role not in WHO[name].split():
                        expected = "NotAllowed"
                    if found != expected:
                        wrong.append(f"{name} {role} {state}: {found}, not {expected}")
    assert wrong == []
    assert cells == len(WHEN) * len(Role) * len(State)


def test_nobody_reaches_another_agency_s_document(table: Table) -> None:
    """With every right, in the right state: it is not there."""
    for name, states in WHEN.items():
        for role in map(Role, WHO[name].split()):
            with table.world.office.read(table.person(role, "so-tai-chinh")) as desk:
                for state in states.split():
                    with pytest.raises(NotFound):
                        VERBS[name].check(desk, table.documents[State(state)])


def test_a_refusal_comes_before_the_deed_looks_at_anything(table: Table) -> None:
    """Without the arguments of the deed: who may not do it is told so, and never that something is missing."""
    for name, who in WHO.items():
        subject = table.documents[State.ARRIVED] if VERBS[name].on is not None else None
        for role in set(Role) - set(map(Role, who.split())):
            with pytest.raises(NotAllowed):
                table.world.office.do(table.person(role), VERBS[name], subject, key=f"{name} {role}")


def test_a_wrong_state_comes_before_the_deed_looks_at_anything(table: Table) -> None:
    for name, states in WHEN.items():
        role = Role(WHO[name].split()[0])
        for other in [state for state in State if state not in states.split()][:1]:  # none: it may be done in any state
            with pytest.raises(WrongState):
                table.world.office.do(table.person(role), VERBS[name], table.documents[other], key=f"{name} {other}")


def test_an_old_form_comes_before_the_deed_looks_at_anything(table: Table) -> None:
    for name, states in WHEN.items():
        role, subject = Role(WHO[name].split()[0]), table.documents[State(states.split()[0])]
        with pytest.raises(StaleForm):
            table.world.office.do(table.person(role), VERBS[name], subject, key=f"{name} old", version=7)


FACTS = Facts(code="15/BC-STC", issuer_name="Sở Tài chính", subject="Báo cáo quý III")


@pytest.mark.parametrize(
    ("name", "login", "after"),
    [
        ("incoming.register", "hanh", "registered"),
        ("incoming.refuse", "hanh", "refused"),
        ("routing.forward", "hanh", "submitted"),
        ("routing.instruct", "nam", "assigned"),
    ],
)
def test_what_is_allowed_is_done_once(table: Table, name: str, login: str, after: str) -> None:
    """From each state it may be done in: done, the same answer for the same press, refused for another."""
    office, actor = table.world.office, table.world.actor(login)
    arguments = {
        "incoming.register": {"facts": FACTS},
        "incoming.refuse": {"reason": "Không thuộc thẩm quyền"},
        "routing.forward": {},
        "routing.instruct": {"text": "Chủ trì giải quyết", "shares": [Share("lead", post=table.world.post("tuan"))]},
    }[name]
    for state in WHEN[name].split():
        (document,) = table.more(State(state))
        first = office.do(actor, VERBS[name], document, key=f"{state} once", **arguments)
        assert (first.state, first.version) == (after, 2)
        again = office.do(actor, VERBS[name], document, key=f"{state} once", **arguments)
        assert (again.id, again.version) == (document, 2)
        if state != after and after not in WHEN[name].split():
            with pytest.raises(WrongState):
                office.do(actor, VERBS[name], document, key=f"{state} twice", **arguments)

"""Many certificates asked for at once, from a list: looked at row by row first, then asked for in one deed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from eoffice.core.desk import Desk, scope
from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_
from eoffice.core.text import fold
from eoffice.formats.sheet import SheetRefused, SheetTooLong
from eoffice.models.certificates import CertificateRequest
from eoffice.models.directory import Certificate, Person, Post
from eoffice.rules.access import Permission
from eoffice.services import certificate_requests, certificates, test_authority
from eoffice.services.certificate_requests import slot
from eoffice.services.certificates import WARNINGS
from eoffice.services.verbs import verb

HEADINGS: dict[str, tuple[str, ...]] = {
    "login": ("ten dang nhap", "dang nhap", "login"),
    "name": ("ho va ten", "ho ten", "name"),
    "purpose": ("muc dich", "purpose"),
}
"""Columns of a list by their folded headings, in either language; others are left out."""

PURPOSE_WORDS: dict[str, tuple[str, ...]] = {
    "leader": ("nguoi ky", "signer", "leader"),
    "seal": ("ky so co quan", "agency's seal", "seal"),
    "exchange": ("gui, nhan", "gui nhan", "exchange"),
}


@dataclass(frozen=True)
class Row:
    """A row of a list as somebody wrote it; ``number`` counts from 1, the headings being row 1."""

    number: int
    login: str
    name: str
    purpose: str


@dataclass(frozen=True)
class Checked:
    """What would become of a row.

    Args:
        state: ``new`` (it will be asked for), ``skipped`` (nothing to do) or ``wrong``.
        why: English msgid, "" for a new one.
        purpose: one of ``PURPOSES``, "" when it is none.
    """

    row: Row
    state: str
    why: str
    purpose: str = ""
    post: UUID | None = None
    name: str = ""
    title: str = ""


NO_HEADINGS = N_(
    "The first row lacks the headings of the template. Nothing was stored. Please begin with the template."
)


def read(desk: Desk, data: bytes) -> list[Row]:
    """Read a list in a child process.

    Raises:
        FileRefused: no table, damaged, too long, or without the headings of the template.
    """
    rows = desk.tools.sandbox().call("eoffice.formats.sheet.read", data, raises=(SheetRefused, SheetTooLong))
    headings = [fold(cell) for cell in rows[0]]
    place = {
        column: next((at for at, heading in enumerate(headings) if heading in names), None)
        for column, names in HEADINGS.items()
    }
    if place["login"] is None or place["purpose"] is None:
        raise SheetRefused("headings_missing", NO_HEADINGS)

    def cell(row: Sequence[str], column: str) -> str:
        at = place[column]
        return row[at] if at is not None and at < len(row) else ""

    return [
        Row(number, cell(row, "login"), cell(row, "name"), cell(row, "purpose"))
        for number, row in enumerate(rows[1:], start=2)
    ]


NO_PURPOSE = N_("the purpose is none of those in the template")
NO_LOGIN = N_("nobody of this agency has this login")
OTHER_NAME = N_("the name is not the one in the directory")
NOT_ABLE = N_("this person may not hold a certificate of this purpose")
NO_NEED = N_("has one that is valid for longer")
ASKED = N_("asked for already")
TWICE = N_("stands in the list twice")


def check(desk: Desk, rows: Sequence[Row]) -> list[Checked]:
    """Say of each row what would become of it, with the same few queries however long the list is."""
    people = _people(desk)
    able = {
        "leader": {post.id for post in certificates.signers(desk)},
        "seal": {post.id for post in certificates.keepers(desk)},
    }
    taken = dict.fromkeys(certificate_requests.open_slots(desk), ASKED)
    taken |= {place: NO_NEED for place in _lasting(desk) if place not in taken}
    found = []
    for row in rows:
        checked = _check(row, people, able, taken)
        if checked.state == "new":
            taken[slot(checked.purpose, checked.post)] = TWICE
        found.append(checked)
    return found


def _check(
    row: Row, people: dict[str, list[tuple[UUID, str, str]]], able: dict[str, set[UUID]], taken: dict[str, str]
) -> Checked:
    word = fold(row.purpose)
    purpose = next((name for name, words in PURPOSE_WORDS.items() if word in words), "")
    if not purpose:
        return Checked(row, "wrong", NO_PURPOSE)
    post: UUID | None = None
    name = title = ""
    if purpose != "exchange":
        held = people.get(row.login.lower(), [])
        if not held:
            return Checked(row, "wrong", NO_LOGIN, purpose)
        post, name, title = next((seat for seat in held if seat[0] in able[purpose]), held[0])
        if row.name and fold(row.name) != fold(name):
            return Checked(row, "wrong", OTHER_NAME, purpose, post, name, title)
        if post not in able[purpose]:
            return Checked(row, "wrong", NOT_ABLE, purpose, post, name, title)
    why = taken.get(slot(purpose, post), "")
    return Checked(row, "skipped" if why else "new", why, purpose, post, name, title)


def _people(desk: Desk) -> dict[str, list[tuple[UUID, str, str]]]:
    """Posts of today of the own agency by login."""
    statement = scope(desk, Post).where(Post.agency_id == desk.agency).join(Person, Person.id == Post.person_id)
    found: dict[str, list[tuple[UUID, str, str]]] = {}
    rows: Any = desk.session.execute(
        statement.order_by(Post.rank, Post.id).with_only_columns(Person.login, Post.id, Person.full_name, Post.title)
    )
    for login, post, name, title in rows:
        found.setdefault(login.lower(), []).append((post, name, title))
    return found


def _lasting(desk: Desk) -> set[str]:
    """For whom the own agency has a certificate in use that does not end soon."""
    long = desk.now() + timedelta(days=WARNINGS[0])
    statement = scope(desk, Certificate).where(
        Certificate.agency_id == desk.agency, Certificate.status == "active", Certificate.valid_to > long
    )
    rows: Any = desk.session.execute(statement.with_only_columns(Certificate.purpose, Certificate.post_id))
    return {slot(purpose, post) for purpose, post in rows}


def suggested(desk: Desk) -> list[tuple[str, str, str, str]]:
    """Login, name, post, purpose: a row for each leader of the own agency, one for its seal, one for its exchange."""
    of_logins = {post: login for login, posts in _people(desk).items() for post, _name, _title in posts}
    found = [
        (of_logins.get(post.id, ""), post.person.full_name, post.title, purpose)
        for purpose, posts in (("leader", certificates.signers(desk)), ("seal", certificates.keepers(desk)[:1]))
        for post in posts
    ]
    return [*found, ("", "", "", "exchange")]


@verb(Permission.CERTIFICATE_CHANGE, "request_list.sent")
def ask(desk: Desk, *, rows: tuple[Row, ...], issue: bool = False) -> None:
    """Ask for every certificate of a list that is not asked for or held yet; the same list again asks for nothing.

    Args:
        issue: have the test authority issue them in the background too.

    Raises:
        InvalidInput: a row is wrong, nothing is left to ask for, or there is no test authority to issue.
    """
    if issue:
        test_authority.require(desk)
    checked = check(desk, rows)
    wrong = [item for item in checked if item.state == "wrong"]
    if wrong:
        raise InvalidInput(
            "list_wrong",
            N_("Rows of the list are wrong, the first is row {number}. Nothing was asked for."),
            number=wrong[0].row.number,
        )
    new = [item for item in checked if item.state == "new"]
    if not new:
        raise InvalidInput(
            "list_done", N_("Everything in this list is there or asked for already. Nothing was changed.")
        )
    made = [
        CertificateRequest(
            agency_id=desk.agency,
            purpose=item.purpose,
            slot=slot(item.purpose, item.post),
            post_id=item.post,
            state="requested",
            asked_at=desk.now(),
            asked_by_id=desk.actor.post,
        )
        for item in new
    ]
    desk.session.add_all(made)
    desk.session.flush()
    if issue:
        for row in made:
            desk.later("certificate_requests.issue", f"issue:{row.id}", {"request": str(row.id)})
    desk.note(count=len(made), skipped=len(checked) - len(made), issue=issue)

"""Leaders of the named world at their signing desks, signed in as in a browser, so that a sign-in can be revoked."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import Staff
from eoffice.core.clock import SteppingClock
from eoffice.core.desk import PUBLIC, Actor
from eoffice.core.ids import new_id
from eoffice.core.secret import Secret
from eoffice.services import accounts, search, signing_list
from eoffice.services.incoming import main_file
from eoffice.services.signing_list import Chosen, Shown, Tray

PASSWORD = Secret(KEY_PASSWORD)
READING = timedelta(seconds=8)


@dataclass
class Leader:
    """A leader at his desk, signed in as in a browser."""

    staff: Staff
    actor: Actor

    def do(self, verb: Any, subject: UUID | None = None, **arguments: Any) -> Any:
        return self.staff.office.do(self.actor, verb, subject, key=f"leader:{new_id()}", **arguments)

    def shown(self, letter: UUID, pages: int = 1) -> Shown:
        """Have the pages displayed, eight seconds each."""
        with self.staff.office.read(self.actor) as desk:
            file = main_file(search.document(desk, letter), "draft")
        assert file is not None
        assert self.actor.post is not None
        found = Shown(letter, file.sha256, self.actor.post, self.actor.session)
        for page in range(1, pages + 1):
            found = found.turned(page, self.staff.office.clock.now())
            clock = self.staff.office.clock
            assert isinstance(clock, SteppingClock)
            clock.step(READING)
        return found

    def approve(self, *letters: UUID) -> None:
        for letter in letters:
            self.do(signing_list.approve, letter, shown=self.shown(letter))

    def tray(self) -> Tray:
        with self.staff.office.read(self.actor) as desk:
            return signing_list.tray(desk)

    def pile(self) -> list[UUID]:
        with self.staff.office.read(self.actor) as desk:
            return [row.id for row in signing_list.pile(desk)]

    def unlock(self, password: Secret = PASSWORD) -> None:
        self.do(signing_list.unlock, items=chosen(self.tray().listed), password=password)

    def open_files(self) -> set[str]:
        return {file for entry in self.staff.office.agent().status(self.actor.session) for file in entry["files"]}


def chosen(items: Any) -> Chosen:
    return tuple((item.id, item.version) for item in items)


def enter(staff: Staff, login: str) -> Leader:
    """Sign a person in; his sign-in can be revoked."""
    token, actor = secrets.token_urlsafe(16), staff.actor(login)
    digest = accounts.token_digest(token)
    given = {"person": actor.person, "post": actor.post, "token_sha256": digest}
    row = staff.office.do(PUBLIC, accounts.sign_in, key=f"enter:{token}", **given)
    return Leader(staff, replace(actor, session=str(row.id)))

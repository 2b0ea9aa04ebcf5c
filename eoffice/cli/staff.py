"""The people of the demo province at work: each does his deeds through the same verbs as in the browser."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select

from eoffice.cli.province import KEY_PASSWORD, Province
from eoffice.core.desk import Actor, scope, system
from eoffice.core.errors import Unavailable
from eoffice.jobs.worker import drain
from eoffice.models.directory import Agency, Unit
from eoffice.models.documents import Document
from eoffice.models.exchange import Delivery
from eoffice.services import directory, drafting, incoming, issuing, routing
from eoffice.services.drafting import Content, To
from eoffice.services.incoming import Arrival, Facts, main_file
from eoffice.services.office import Office
from eoffice.services.routing import Share
from eoffice.services.verbs import Verb


class Staff:
    """Everybody of a founded province.

    Args:
        office: whose clock tells the time of every deed.
        province: who is who.
        label: begins every idempotency key, so that two runs do not meet.
    """

    def __init__(self, office: Office, province: Province, *, label: str = "staff") -> None:
        self.office = office
        self.province = province
        self.label = label
        self._count = itertools.count(1)
        self._actors: dict[str, Actor] = {}
        with office.read(system(None)) as desk:
            names = desk.session.execute(select(Agency.slug, Agency.name)).all()
            units = desk.session.execute(
                scope(desk, Unit).with_only_columns(Unit.agency_id, Unit.abbreviation, Unit.id)
            ).all()
        self.names = dict(names)
        self.units = {(owner, short): key for owner, short, key in units}

    def actor(self, login: str) -> Actor:
        if login not in self._actors:
            self._actors[login] = self.province.actor(self.office, login)
        return self._actors[login]

    def do(self, login: str, verb: Verb, subject: UUID | None = None, **arguments: Any) -> Any:
        """Have a person do a deed, with a key of its own."""
        key = f"{self.label}:{next(self._count)}"
        return self.office.do(self.actor(login), verb, subject, key=key, **arguments)

    def work(self) -> int:
        """Let the background work catch up."""
        return drain(self.office)

    # the deeds, by the people whose they are

    def arrive(self, clerk: str, pdf: bytes, name: str, *, channel: str = "hand") -> Document:
        sha256 = self.office.files.put(pdf)
        found: Document = self.do(clerk, incoming.arrive, arrival=Arrival(sha256, name, channel))
        return found

    def register(self, clerk: str, document: UUID, facts: Facts) -> Document:
        found: Document = self.do(clerk, incoming.register, document, facts=facts)
        return found

    def instruct(
        self, leader: str, document: UUID, text: str, *, lead: str, days: int | None = 3, also: str = ""
    ) -> None:
        agency = self.actor(leader).agency
        assert agency is not None
        shares = [Share("lead", unit=self.units[agency, lead])]
        if also:
            shares.append(Share("coordinate", unit=self.units[agency, also]))
        self.do(leader, routing.instruct, document, text=text, shares=shares, working_days=days)

    def assign(self, head: str, document: UUID, officer: str) -> None:
        self.do(head, routing.assign, document, post=self.province.posts[officer])

    def start(self, officer: str, document: UUID) -> None:
        self.do(officer, routing.start, document)

    def finish(self, officer: str, document: UUID, note: str) -> None:
        self.do(officer, routing.finish, document, note=note)

    def to(self, slug: str, *, paper: bool = False, reason: str | None = None, kind: str = "addressee") -> To:
        return To(self.names[slug], self.province.agencies[slug], kind=kind, paper=paper, paper_reason=reason)

    def draft(self, officer: str, content: Content, *, reply_to: UUID | None = None) -> Document:
        found: Document = self.do(officer, drafting.compose, content=content, reply_to=reply_to)
        return found

    def unlock(self, login: str, document: UUID, purpose: str, stage: str) -> None:
        """Unlock a person's key for exactly one file of a document, the seal for its annexes too, with his password."""
        actor = self.actor(login)
        with self.office.read(actor) as desk:
            row = desk.session.scalars(scope(desk, Document).where(Document.id == document)).one()
            file = main_file(row, stage)
            certificate = directory.certificate(desk, purpose, post_id=actor.post if purpose == "leader" else None)
        assert file is not None
        assert certificate is not None
        beside = [annex.sha256 for annex in drafting.annexes(row)] if purpose == "seal" else []
        agent = self.office.agent()
        agent.unlock(actor.session, certificate.key_name, KEY_PASSWORD, [file.sha256, *beside], seconds=300)

    def sign(self, leader: str, document: UUID) -> Document:
        self.unlock(leader, document, "leader", "draft")
        found: Document = self.do(leader, issuing.sign, document, shown={"pages": 1})
        return found

    def number(self, clerk: str, document: UUID) -> Document:
        found: Document = self.do(clerk, issuing.number, document)
        return found

    def seal(self, clerk: str, document: UUID) -> Document:
        self.unlock(clerk, document, "seal", "signed")
        found: Document = self.do(clerk, issuing.seal, document)
        return found

    def issue(self, clerk: str, document: UUID) -> Document:
        found: Document = self.do(clerk, issuing.issue, document)
        return found

    # what can be seen

    def document(self, login: str, document: UUID) -> Document:
        with self.office.read(self.actor(login)) as desk:
            return desk.session.scalars(scope(desk, Document).where(Document.id == document)).one()

    def bytes_of(self, login: str, document: UUID, stage: str) -> bytes:
        file = main_file(self.document(login, document), stage)
        assert file is not None, stage
        return self.office.files.read(file.sha256)

    def deliveries(self, login: str, document: UUID) -> list[Delivery]:
        with self.office.read(self.actor(login)) as desk:
            rows = desk.session.scalars(
                scope(desk, Delivery).where(Delivery.document_id == document).order_by(Delivery.id)
            )
            return list(rows)

    def received(self, login: str) -> list[Document]:
        """Documents that came to this person's agency by exchange, newest last."""
        with self.office.read(self.actor(login)) as desk:
            rows = desk.session.scalars(
                scope(desk, Document)
                .where(Document.channel == "intra_system", Document.agency_id == desk.agency)
                .order_by(Document.created_at, Document.id)
            )
            return list(rows)


@contextlib.contextmanager
def key_agent(office: Office) -> Iterator[None]:
    """Run a key agent for this office, as long as the block lasts.

    Raises:
        Unavailable: it does not come up within ten seconds.
    """
    socket = office.settings.agent_socket
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = office.settings.pki / "keys"
    command = [sys.executable, "-m", "signing.agent", "--socket", str(socket), "--keys", str(keys)]
    with tempfile.TemporaryFile() as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            _await(socket, process)
            yield
        finally:
            process.send_signal(signal.SIGTERM)


def _await(socket: Path, process: subprocess.Popen[bytes]) -> None:
    from eoffice.cli.supervise import answers

    up = answers(socket)
    until = time.monotonic() + 10
    while not (socket.exists() and up()):
        if time.monotonic() > until or process.poll() is not None:
            raise Unavailable("key_agent", pid=os.getpid())
        time.sleep(0.01)

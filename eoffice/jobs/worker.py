"""The worker: claims due jobs, does their verbs, and takes over what a dead worker left."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
from typing import Any
from uuid import UUID

from eoffice.core.clock import Clock, SystemClock
from eoffice.core.db import OfficeSession
from eoffice.core.desk import Actor, Desk, system
from eoffice.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, OfficeError
from eoffice.core.i18n import N_
from eoffice.jobs.handlers import HANDLERS, TELL, Handler
from eoffice.models.ledger import INSTALLATION
from eoffice.models.work import Job
from eoffice.services import accounts, work
from eoffice.services.office import Office

log = logging.getLogger("eoffice.jobs")

PERMANENT = (NotAllowed, NotFound, InvalidInput, Conflict)
"""Refusals of a rule: trying again would not help, a person has to look."""


SESSION_ENDED = N_(
    "The sign-in in which the key was unlocked has ended, so nothing more is signed with it. "
    "Nothing was lost. Please unlock the key and sign again."
)


class Fenced(Exception):
    """Another worker took the job over; nothing of ours may be committed."""


class Worker:
    """One worker of one process.

    Args:
        office: whose jobs are done.
        clock: for claiming; the system's, or the stepping one of demo and tour.
    """

    def __init__(self, office: Office, *, clock: Clock | None = None) -> None:
        self.office = office
        self.clock = clock or SystemClock()
        self.owner = f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}"
        self.stopping = threading.Event()

    def run(self, *, poll: float = 0.03) -> None:
        """Work until ``stop``; between jobs wait for the database to change, at most a second."""
        heart = threading.Thread(target=self._beat, daemon=True, name="heartbeat")
        heart.start()
        waiter = Doorbell(self.office)
        while not self.stopping.is_set():
            try:
                if not self.step():
                    waiter.wait(self.stopping, poll=poll, longest=1.0)
            except OfficeError as error:
                log.warning("worker waits: %s", error)
                self.stopping.wait(1.0)

    def stop(self) -> None:
        """Finish the job at hand, then return from ``run``."""
        self.stopping.set()

    def step(self) -> bool:
        """Do one due job; False when none is due."""
        now = self.clock.now()
        with contextlib.closing(self.office.sessions.read()) as session:
            if not work.due(session, now):
                return False
        with contextlib.closing(self.office.sessions.write()) as session:
            jobs = work.claim(session, self.owner, now)
            session.commit()
        for job in jobs:
            self.do(job)
        return bool(jobs)

    def do(self, job: Job) -> None:
        """Do one claimed job; its verb and its mark "done" are one commit."""
        handler = HANDLERS.get(job.name)

        def done(desk: Desk, _answer: Any) -> None:
            if handler is not None and handler.as_person:
                self._person(desk.session, job)  # as good as the sign-in until the very commit
            if not work.finish(desk.session, job.id, self.owner, self.clock.now()):
                raise Fenced(job.key)

        try:
            if handler is None:
                raise NotFound("no_handler", name=job.name)
            actor = self._actor(job, handler)
            subject, arguments = handler.read(job.payload)
            self.office.do(actor, handler.verb, subject, key=f"job:{job.key}", also=done, **arguments)
        except Fenced:
            log.warning("job %s was taken over by another worker", job.key)
        except Exception as error:
            log.exception("job %s failed", job.key)
            self._put_back(job, error)

    def _actor(self, job: Job, handler: Handler) -> Actor:
        if not handler.as_person:
            return system(None if job.for_agency_id == INSTALLATION else job.for_agency_id)
        with contextlib.closing(self.office.sessions.read()) as session:
            return self._person(session, job)

    def _person(self, session: OfficeSession, job: Job) -> Actor:
        """Who ordered the job; nobody when his sign-in has ended or was revoked meanwhile.

        Raises:
            NotAllowed: ``session_ended``.
        """
        sign_in, now = UUID(job.payload["sign_in"]), self.office.clock.now()
        actor = accounts.holder(session, self.office.settings, sign_in, now)
        if actor is None:
            raise NotAllowed("session_ended", SESSION_ENDED)
        return actor

    def _put_back(self, job: Job, error: Exception) -> None:
        said = f"{error.code}: {error.facts}" if isinstance(error, OfficeError) else f"{type(error).__name__}: {error}"
        with contextlib.closing(self.office.sessions.write()) as session:
            now = self.clock.now()
            final = isinstance(error, PERMANENT) or (job.name in HANDLERS and HANDLERS[job.name].once)
            given_up = work.put_back(session, job, self.owner, now, said, permanent=final)
            told = TELL.get(job.name) if given_up else None
            order = told(job.key, job.payload, job.for_agency_id, error) if told is not None else None
            if order is not None:
                work.insert_job(session, order, now=now, at=job.run_at)  # it is told before the next one is begun
            session.commit()

    def _beat(self) -> None:
        while not self.stopping.wait(work.LEASE.total_seconds() / 3):
            with contextlib.suppress(Exception), contextlib.closing(self.office.sessions.write()) as session:
                work.beat(session, self.owner, self.clock.now())
                session.commit()


class Doorbell:
    """Waits until the database has changed: cheap on SQLite, LISTEN on PostgreSQL is left to the short poll."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.sqlite = office.engine.dialect.name == "sqlite"
        self._connection: Any = None
        self._version: int | None = None

    def wait(self, stopping: threading.Event, *, poll: float, longest: float) -> None:
        """Return after a change, or after ``longest`` seconds."""
        waited = 0.0
        while waited < longest and not stopping.wait(poll):
            waited += poll
            if self._changed():
                return

    def _changed(self) -> bool:
        if not self.sqlite:
            return True
        if self._connection is None:
            self._connection = self.office.engine.raw_connection()
        version = self._connection.cursor().execute("PRAGMA data_version").fetchone()[0]
        changed, self._version = version != self._version, version
        return changed


def drain(office: Office) -> int:
    """Do every job that is due, in time order, here and now (commands, demo, tests); returns how many."""
    worker = Worker(office, clock=office.clock)
    count = 0
    while worker.step():
        count += 1
    return count


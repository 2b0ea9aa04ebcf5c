"""The access log: what people open is queued and written in batches, so that no page waits for the writer's lock."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from eoffice.core.desk import Actor, system
from eoffice.core.errors import OfficeError
from eoffice.services import accounts, files
from eoffice.services.office import Office

PAUSE = 0.5
"""Seconds a visit may wait for others to be written with it."""

_log = logging.getLogger(__name__)


class Visits:
    """The openings of this process that are not written yet.

    A failed write is tried again with the next batch; what is queued when a process is killed is lost, which is why
    the ledger of deeds never goes this way.
    """

    def __init__(self, office: Office) -> None:
        self._office = office
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._waiting: list[files.Visit] = []
        self._awake: dict[UUID, datetime] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._called = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, actor: Actor, action: str, *, object_id: UUID | None, detail: str = "") -> None:
        """Note that somebody opened something."""
        visit = files.Visit(actor, action, object_id, detail, self._office.clock.now())
        self._put(lambda: self._waiting.append(visit))

    def awake(self, sign_in: UUID) -> None:
        """Note that a session was used."""
        self._put(lambda: self._awake.update({sign_in: self._office.clock.now()}))

    def _put(self, change: Callable[[], None]) -> None:
        with self._lock:
            change()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="visits", daemon=True)
                self._thread.start()
                atexit.register(self.flush)
        self._called.set()

    def _work(self) -> None:
        pause = threading.Event()
        while True:
            self._called.wait()
            pause.wait(PAUSE)
            self._called.clear()
            self.flush()

    def flush(self) -> None:
        """Write what is queued, in one short transaction."""
        with self._writing:
            with self._lock:
                waiting, awake = self._waiting, self._awake
                self._waiting, self._awake = [], {}
            if not waiting and not awake:
                return
            try:
                self._write(waiting, awake)
            except OfficeError as error:
                _log.warning("access log waits: %s", error.code)
                with self._lock:
                    self._waiting = [*waiting, *self._waiting]
                    self._awake = {**awake, **self._awake}

    def _write(self, waiting: list[files.Visit], awake: dict[UUID, datetime]) -> None:
        with self._office.write(system(None), key="visits") as desk:
            files.note_visits(desk, waiting)
            for sign_in, at in awake.items():
                accounts.seen(desk.session, sign_in, at)



"""The office of one installation: opens desks for doors, and does a deed in its phases."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from eoffice.core.clock import Clock, SystemClock
from eoffice.core.db import OfficeSession, Sessions, make_engine
from eoffice.core.desk import Actor, Desk, Tools
from eoffice.core.errors import Busy, Conflict, OfficeError, SignatureProblem, StorageFull, Unavailable
from eoffice.core.files import FileStore
from eoffice.core.settings import Settings
from eoffice.services import ledger, work
from eoffice.services.verbs import Verb, refusal_of
from signing.errors import RevocationDown, SigningError, TsaDown

Kept = TypeVar("Kept")

TRIES = 5
"""How often a deed is tried when another one took the lock or the row first."""


class Office:
    """Everything a door needs.

    Args:
        settings: of this installation.
        clock: the system's when left out; tests, demo and tour bring their own.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.engine = make_engine(settings.database_url, lock_timeout_ms=settings.lock_timeout_ms)
        self.sessions = Sessions(self.engine)
        self.files = FileStore(settings.files)
        self._lock = threading.Lock()
        self._sandbox: Any = None
        self._trust: tuple[str, Any] | None = None
        self._exchange_keys: dict[str, Any] = {}
        self.tsa: Callable[[], Any] | None = None
        self.tools = Tools(
            sandbox=self.sandbox,
            trust=self.trust,
            agent=self.agent,
            tsa=self.time_stamper,
            revocation=self.revocation,
            exchange_key=self.exchange_key,
        )

    # what lies beside the desks

    def sandbox(self) -> Any:
        """The pool of children that open hostile files."""
        from eoffice.core.sandbox import Sandbox, SandboxLimits

        with self._lock:
            if self._sandbox is None:
                limits = SandboxLimits(
                    memory=self.settings.sandbox_memory,
                    seconds=self.settings.sandbox_seconds,
                    answer=self.settings.upload_limit + 1024 * 1024,
                )
                self._sandbox = Sandbox(limits, workers=self.settings.sandbox_workers)
            return self._sandbox

    def trust(self) -> Any:
        """Anchors, intermediates and revocation lists; read again when a file in the folder has changed."""
        from signing.trust import Trust

        folder = self.settings.pki / "trust"
        stamp = trust_stamp(folder)
        with self._lock:
            if self._trust is None or self._trust[0] != stamp:
                self._trust = (stamp, Trust.load(folder))
            return self._trust[1]

    def agent(self) -> Any:
        """The client of the key agent."""
        from signing.agent import AgentClient

        return AgentClient(self.settings.agent_socket)

    def time_stamper(self) -> Any:
        """The time-stamp authority, None when none is set."""
        if self.tsa is not None:
            return self.tsa()
        if not self.settings.tsa_url:
            return None
        from signing.tsa import HttpTsa

        return HttpTsa(self.settings.tsa_url, timeout=self.settings.tsa_timeout)

    def revocation(self) -> Any:
        """Who tells the status of certificates: the trust folder, and before it the hosts that are named."""
        from signing.extend import source_of

        hosts = self.settings.revocation_hosts.split()
        return source_of(self.trust(), hosts, cache=self.settings.cache / "revocation")

    def exchange_key(self, name: str) -> Any:
        """An exchange certificate's key, opened with the installation's secret and held by this process."""
        from signing.pki import Pki

        with self._lock:
            if name not in self._exchange_keys:
                self._exchange_keys[name] = Pki.load(self.settings.pki).key(name)
            return self._exchange_keys[name]

    def close(self) -> None:
        """Let go of children and connections."""
        with self._lock:
            if self._sandbox is not None:
                self._sandbox.close()
                self._sandbox = None
        self.engine.dispose()

    # desks

    @contextlib.contextmanager
    def read(self, actor: Actor, *, locale: str = "vi") -> Iterator[Desk]:
        """A desk that only reads."""
        with self._opened(self.sessions.read(), actor, locale) as desk:
            yield desk

    @contextlib.contextmanager
    def write(self, actor: Actor, *, key: str, locale: str = "vi") -> Iterator[Desk]:
        """A desk that changes something: commits once at the end, or not at all."""
        with self._opened(self.sessions.write(), actor, locale) as desk:
            desk.key, desk.writing, desk.enqueue = key, True, work.queue
            yield desk
            desk.session.commit()

    @contextlib.contextmanager
    def _opened(self, session: OfficeSession, actor: Actor, locale: str) -> Iterator[Desk]:
        desk = Desk(
            session=session,
            actor=actor,
            clock=self.clock,
            files=self.files,
            settings=self.settings,
            tools=self.tools,
            locale=locale,
        )
        try:
            yield desk
        except BaseException as error:
            session.rollback()
            self._write_refusal(desk, error)
            plain = _plain(error)
            if plain is None:
                raise
            raise plain from error
        finally:
            session.close()

    def _write_refusal(self, desk: Desk, error: BaseException) -> None:
        refusal = refusal_of(error)
        if refusal is None:
            return
        with contextlib.closing(self.sessions.write()) as session:
            other = Desk(
                session=session,
                actor=desk.actor,
                clock=self.clock,
                files=self.files,
                settings=self.settings,
                tools=self.tools,
            )
            ledger.record_refusal(other, refusal)
            session.commit()
        del error.refusal  # type: ignore[attr-defined]

    # deeds

    def do(
        self,
        actor: Actor,
        verb: Verb,
        subject: UUID | None = None,
        *,
        key: str,
        version: int | None = None,
        locale: str = "vi",
        also: Callable[[Desk, Any], None] | None = None,
        **arguments: Any,
    ) -> Any:
        """Do one deed: look for the answer of the same call, prepare on a reading desk, then commit once.

        Args:
            verb: of a service room.
            subject: id of the row it is done to.
            key: idempotency key of the call.
            version: of the form, for a clear 409 when the row has changed.
            also: work in the same transaction after the verb (a job marks itself done there).
            arguments: of the verb.

        Returns:
            The row the verb answers with, detached.
        """
        for last in (*[False] * (TRIES - 1), True):
            try:
                return self._once(actor, verb, subject, key, version, locale, also, arguments)
            except Retry as error:
                if last:
                    raise error.plain from error
        raise AssertionError("unreachable")

    def keep(self, actor: Actor, body: Callable[[Desk], Kept], *, locale: str = "vi") -> Kept:
        """Write what is no deed and concerns nobody else, such as a person's own unfinished text.

        Args:
            body: what to do on the writing desk; done anew when another one was faster.
        """
        for last in (*[False] * (TRIES - 1), True):
            try:
                with _retrying(), self.write(actor, key="") as desk:
                    desk.locale = locale
                    return body(desk)
            except Retry as error:
                if last:
                    raise error.plain from error
        raise AssertionError("unreachable")

    def _once(
        self,
        actor: Actor,
        verb: Verb,
        subject: UUID | None,
        key: str,
        version: int | None,
        locale: str,
        also: Callable[[Desk, Any], None] | None,
        arguments: dict[str, Any],
    ) -> Any:
        prepared: dict[str, Any] = {}
        if verb.prepare_body is not None:
            with self.read(actor, locale=locale) as desk:
                desk.key = key
                known, answer = verb.recalled(desk, subject, arguments)
                if known and also is None:
                    return answer
                if not known:
                    prepared["prepared"] = verb.prepare(desk, subject, version, arguments)
        with _retrying(), self.write(actor, key=key, locale=locale) as desk:
            answer = verb(desk, subject, version=version, **arguments, **prepared)
            if also is not None:
                also(desk, answer)
        return answer


class SigningRefused(SignatureProblem):
    """A refusal of signing, with its own code and sentences."""

    def __init__(self, error: SigningError) -> None:
        self.error = error
        super().__init__(error.code, detail=error.detail)

    def sentence(self, locale: str = "vi") -> str:
        return self.error.sentence(locale)


class SigningUnavailable(Unavailable):
    """A part that signing needs does not answer, with its own code and sentences."""

    def __init__(self, error: SigningError) -> None:
        self.error = error
        super().__init__(error.code, detail=error.detail)

    def sentence(self, locale: str = "vi") -> str:
        return self.error.sentence(locale)


class Retry(Exception):
    """Another deed was faster; doing it again from the start is right."""

    def __init__(self, plain: OfficeError) -> None:
        self.plain = plain
        super().__init__(plain.code)


@contextlib.contextmanager
def _retrying() -> Iterator[None]:
    try:
        yield
    except Conflict as error:
        if isinstance(error.__cause__, IntegrityError):
            raise Retry(error) from error
        raise
    except Busy as error:
        if getattr(getattr(error.__cause__, "orig", None), "sqlstate", None) in ("40001", "40P01"):
            raise Retry(error) from error
        raise


def _plain(error: BaseException) -> OfficeError | None:
    """The error a person understands for one of the database, the disk or a signature; None when it is fine as is."""
    if isinstance(error, OfficeError):
        return None
    if isinstance(error, SigningError):
        down = isinstance(error, TsaDown | RevocationDown) or error.code in ("agent_gone", "service_down")
        return SigningUnavailable(error) if down else SigningRefused(error)
    if isinstance(error, IntegrityError):
        return Conflict(detail=str(error.orig))
    if isinstance(error, DBAPIError | sqlite3.OperationalError | PoolTimeout):
        text = str(getattr(error, "orig", error))
        full = "disk is full" in text or "No space left" in text or getattr(
            getattr(error, "orig", None), "sqlstate", ""
        ) in ("53100", "53200")
        return StorageFull(detail=text) if full else Busy(detail=text)
    if isinstance(error, OSError) and error.errno in (28, 122):
        return StorageFull(detail=str(error))
    return None


def trust_stamp(folder: Path) -> str:
    """A word that changes when a certificate or revocation list in the folder changes."""
    stats = ((path, path.stat()) for path in sorted(folder.rglob("*")) if path.is_file())
    return ";".join(f"{path.name}:{stat.st_mtime_ns}:{stat.st_size}" for path, stat in stats)

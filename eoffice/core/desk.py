"""The desk: everything a service needs to do one deed, so that a page, a job, a command and a test do the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, select

from eoffice.core.clock import Clock
from eoffice.core.db import Base, OfficeSession, Owned
from eoffice.core.errors import ProgrammingError
from eoffice.core.files import FileStore
from eoffice.core.settings import Settings

if TYPE_CHECKING:
    from eoffice.core.sandbox import Sandbox


@dataclass(frozen=True)
class Actor:
    """Who does a deed: a person on a post, or the system for one agency.

    Args:
        kind: ``person``, ``system`` or ``public``.
        agency: the agency in whose name the deed is done; None for the installation itself and the public.
        post, person, unit: identifiers, None for the system.
        roles: words of ``rules.access.Role``.
        name, title: as they are written into the ledger.
        agencies: whose rows may be read; the auditor reads several, everybody else one. None is all (installation).
        whole_agency: sees every document of these agencies; others see what they take part in.
        session: identifies the sign-in; unlocked keys are bound to it.
    """

    kind: str
    agency: UUID | None = None
    post: UUID | None = None
    person: UUID | None = None
    unit: UUID | None = None
    roles: frozenset[str] = frozenset()
    name: str = ""
    title: str = ""
    agencies: frozenset[UUID] | None = frozenset()
    whole_agency: bool = False
    session: str = ""


PUBLIC = Actor(kind="public", roles=frozenset({"public"}))


def system(agency: UUID | None) -> Actor:
    """The system itself: acts for one agency, or for the installation when ``agency`` is None."""
    agencies = frozenset({agency}) if agency else None
    return Actor(
        kind="system", agency=agency, name="eoffice", roles=frozenset({"system"}), agencies=agencies, whole_agency=True
    )


@dataclass
class Desk:
    """One opened desk.

    Args:
        key: idempotency key of the call; every writing desk has one.
        later: queue a job in this desk's transaction: ``later(name, key, payload, agency=..., at=...)``.
        notes: facts a verb tells the ledger, filled with ``note``.
    """

    session: OfficeSession
    actor: Actor
    clock: Clock
    files: FileStore
    settings: Settings
    tools: Tools
    locale: str = "vi"
    key: str | None = None
    writing: bool = False
    enqueue: Callable[..., None] | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    depth: int = 0
    inner: list[dict[str, Any]] = field(default_factory=list)

    @property
    def agency(self) -> UUID:
        """The agency in whose name this desk works."""
        if self.actor.agency is None:
            raise ProgrammingError("this desk belongs to no agency")
        return self.actor.agency

    def now(self) -> datetime:
        """The desk clock's time, aware, UTC."""
        return self.clock.now()

    def note(self, **facts: Any) -> None:
        """Tell the ledger (and the measures, which are counted from it) facts about this deed."""
        self.notes.update(facts)

    def later(
        self,
        name: str,
        key: str,
        payload: Mapping[str, Any],
        *,
        agency: UUID | None = None,
        at: datetime | None = None,
        part: str = "",
    ) -> None:
        """Queue a job in this transaction.

        Args:
            name: handler, such as ``exchange.deliver``.
            key: a job with the same key is queued once, for ever.
            payload: JSON values.
            agency: on whose desk the job works; this desk's own when left out.
            at: earliest time; now when left out.
            part: jobs of one part run in the order they were queued.
        """
        if self.enqueue is None:
            raise ProgrammingError("later() on a reading desk")
        self.enqueue(self, name, key, payload, agency=agency or self.agency, at=at, part=part)


class Memory:
    """What a process remembers for a short while of things that hardly ever change.

    Args:
        seconds: how long.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        self.seconds = seconds
        self._kept: dict[str, tuple[float, Any]] = {}

    def get(self, name: str, make: Callable[[], Any]) -> Any:
        """What is remembered under a name, made anew when it is too old."""
        now = time.monotonic()
        at, value = self._kept.get(name, (0.0, None))
        if value is None or now - at > self.seconds:
            value = make()
            fresh = {kept: entry for kept, entry in list(self._kept.items()) if now - entry[0] <= self.seconds}
            self._kept = {**fresh, name: (now, value)}
        return value

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()


@dataclass
class Tools:
    """What lies beside every desk: opened lazily, shared by all desks of a process."""

    sandbox: Callable[[], Sandbox]
    trust: Callable[[], Any]
    agent: Callable[[], Any]
    tsa: Callable[[], Any]
    revocation: Callable[[], Any]
    exchange_key: Callable[[str], Any]
    memory: Memory = field(default_factory=Memory)


T = TypeVar("T", bound=Base)


def scope(desk: Desk, table: type[T], *, few: bool = False) -> Select[T]:
    """Select rows of a table as far as the person at this desk may see them: the only way to query owned tables.

    Args:
        table: a mapped class; if it defines ``visible_to(actor)`` its clause is added for people who do not see
            the whole agency.
        few: only few rows are looked at anyway, so each is asked whether it may be seen, instead of beginning with
            everything the person may see. The answer is the same.
    """
    statement = select(table).execution_options(scoped=True)
    owned: Any = table
    if not issubclass(owned, Owned):
        return statement
    actor = desk.actor
    if actor.agencies is not None:
        ids = actor.agencies
        own = owned.agency_id == next(iter(ids)) if len(ids) == 1 else owned.agency_id.in_(sorted(ids))
        statement = statement.where(own)
    limit = getattr(table, "visible_to", None)
    if limit is not None and not actor.whole_agency:
        statement = statement.where(limit(actor, few=few))
    return statement

"""The wrapper around every deed: right, state, idempotency, facts and ledger, so that nobody can forget them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm.exc import StaleDataError

from eoffice.core.canonical import digest, plain
from eoffice.core.db import Base, insert_into
from eoffice.core.desk import Desk, scope
from eoffice.core.errors import (
    KeyReused,
    NotAllowed,
    NotFound,
    ProgrammingError,
    SignatureProblem,
    StaleForm,
    WrongState,
)
from eoffice.core.ids import new_id
from eoffice.core.secret import Secret
from eoffice.models.calls import Call
from eoffice.models.documents import Document
from eoffice.models.ledger import INSTALLATION
from eoffice.rules import lifecycle
from eoffice.rules.access import Permission, permits
from eoffice.services import ledger, statistics
from signing.errors import SigningError

VERBS: dict[str, Verb] = {}
"""Every verb of the house by its name, such as ``issuing.sign``."""

REFUSALS = (NotAllowed, NotFound, WrongState, SignatureProblem)
"""Errors that mean somebody tried what may not be done; the attempt is written into the ledger."""


class Verb:
    """One deed.

    Args:
        permission: what the actor's roles must carry.
        word: ledger word.
        on: the table of the row it is done to; the wrapper loads it by id within the actor's scope.
        body: the function itself; gets the desk, the loaded row (if ``on``) and the arguments.
        prepare: slow work (files, keys, network) done before, on a reading desk; its result is the argument
            ``prepared`` of the body.
    """

    def __init__(
        self,
        permission: Permission,
        word: str,
        *,
        on: type[Base] | None,
        body: Callable[..., Any],
        prepare: Callable[..., Any] | None,
    ) -> None:
        self.permission = permission
        self.word = word
        self.on = on
        self.body = body
        self.prepare_body = prepare
        self.name = f"{body.__module__.rpartition('.services.')[2]}.{body.__name__}"
        functools.update_wrapper(self, body)
        VERBS[self.name] = self

    def __call__(self, desk: Desk, subject: UUID | None = None, *, version: int | None = None, **arguments: Any) -> Any:
        """Do the deed on a writing desk; one ledger entry for the outermost verb."""
        if not desk.writing or desk.key is None:
            raise ProgrammingError(f"{self.name} needs a writing desk with an idempotency key")
        if desk.depth:
            return self._join(desk, subject, version, arguments)
        told = {name: value for name, value in arguments.items() if name != "prepared"}
        call, answer = self._claim(desk, subject, told)
        if call is None:
            return self._recall(desk, answer)
        with self.refusing(subject):
            result = self._run(desk, subject, version, arguments)
        self._remember(desk, call, result)
        return result

    def check(self, desk: Desk, subject: UUID | None, version: int | None = None) -> Any:
        """Ask for the right, load the row and look at its state, without doing anything.

        Raises:
            NotAllowed: the actor's roles do not carry the permission.
            NotFound: no such row, or none this person may know of.
            StaleForm: the row has changed since the form was shown.
            WrongState: not a deed for this state.
        """
        if not permits(desk.actor.roles, self.permission):
            raise NotAllowed(permission=str(self.permission))
        if self.on is None:
            return None
        if subject is None:
            raise ProgrammingError(f"{self.name} needs the id of a {self.on.__name__}")
        statement = scope(desk, self.on).where(self.on.id == subject)  # type: ignore[attr-defined]
        if desk.writing:  # until the commit nobody else changes what is checked here
            statement = statement.with_for_update(key_share=True, of=self.on)
        row: Any = desk.session.scalars(statement).one_or_none()
        if row is None or row.agency_id != desk.actor.agency:
            raise NotFound(table=self.on.__tablename__, id=str(subject))
        if version is not None and row.version != version:
            raise StaleForm(expected=version, found=row.version)
        name = self.body.__name__
        known = isinstance(row, Document) and name in lifecycle.TRANSITIONS
        if known and lifecycle.next_state(name, lifecycle.State(row.state)) is None:
            raise WrongState(verb=name, state=row.state)
        return row

    def prepare(self, desk: Desk, subject: UUID | None, version: int | None, arguments: Mapping[str, Any]) -> Any:
        """Check the right, then do the slow part on a reading desk."""
        if self.prepare_body is None:
            return None
        with self.refusing(subject):
            row = self.check(desk, subject, version)
            return self.prepare_body(desk, row, **arguments) if self.on else self.prepare_body(desk, **arguments)

    def recalled(self, desk: Desk, subject: UUID | None, arguments: Mapping[str, Any]) -> tuple[bool, Any]:
        """Tell whether this call was already answered, and its answer."""
        call = desk.session.scalars(self._find_call(desk)).one_or_none()
        if call is None:
            return False, None
        self._same(call, subject, arguments)
        return True, self._recall(desk, call.answer)

    def _run(self, desk: Desk, subject: UUID | None, version: int | None, arguments: Mapping[str, Any]) -> Any:
        journal = ledger.Journal()
        desk.session.info["journal"] = journal
        desk.notes, desk.inner = {}, []
        desk.depth += 1
        try:
            row = self.check(desk, subject, version)
            result = self.body(desk, row, **arguments) if self.on else self.body(desk, **arguments)
            desk.session.flush()
        except StaleDataError as error:
            raise StaleForm from error
        finally:
            desk.depth -= 1
            desk.session.info.pop("journal", None)
        notes = plain(desk.notes)
        statistics.record(desk, self.word, notes)
        ledger.record(desk, journal, self.word, _object_of(row if row is not None else result), verb=self.name)
        return result

    def _join(self, desk: Desk, subject: UUID | None, version: int | None, arguments: Mapping[str, Any]) -> Any:
        row = self.check(desk, subject, version)
        result = self.body(desk, row, **arguments) if self.on else self.body(desk, **arguments)
        desk.session.flush()
        desk.inner.append({"word": self.word, "object": _object_of(row if row is not None else result)})
        return result

    def _find_call(self, desk: Desk) -> Any:
        return select(Call).where(
            Call.chain == (desk.actor.agency or INSTALLATION), Call.key == desk.key, Call.verb == self.name
        )

    def _claim(self, desk: Desk, subject: UUID | None, arguments: Mapping[str, Any]) -> tuple[UUID | None, Any]:
        """Take the key: a second call waits here until the first has committed, then gets its answer."""
        taken: UUID | None = desk.session.execute(
            insert_into(desk.session, Call)
            .values(
                id=new_id(),
                chain=desk.actor.agency or INSTALLATION,
                key=desk.key,
                verb=self.name,
                arguments=_arguments(subject, arguments),
                at=desk.now(),
            )
            .on_conflict_do_nothing(index_elements=["chain", "key", "verb"])
            .returning(Call.id)
        ).scalar_one_or_none()
        if taken is not None:
            return taken, None
        call = desk.session.scalars(self._find_call(desk)).one()
        self._same(call, subject, arguments)
        return None, call.answer

    @staticmethod
    def _same(call: Call, subject: UUID | None, arguments: Mapping[str, Any]) -> None:
        if call.arguments != _arguments(subject, arguments):
            raise KeyReused(key=call.key)

    @staticmethod
    def _remember(desk: Desk, call: UUID, result: Any) -> None:
        if result is not None and not isinstance(result, Base):
            raise ProgrammingError("a verb answers with a row or nothing")
        answer = [result.__tablename__, str(result.id)] if result is not None else []  # type: ignore[attr-defined]
        desk.session.execute(
            update(Call).where(Call.id == call).values(answer=answer),
            execution_options={"synchronize_session": False},
        )

    @staticmethod
    def _recall(desk: Desk, answer: list[Any] | None) -> Any:
        if not answer:
            return None
        table_name, key = answer
        table = next(
            mapper.class_ for mapper in Base.registry.mappers if mapper.class_.__tablename__ == table_name
        )
        return desk.session.scalars(scope(desk, table).where(table.id == UUID(key))).one_or_none()

    def refusing(self, subject: UUID | None) -> _Refusing:
        """A block whose refusals are written down as attempts of this deed: what is asked just before it."""
        return _Refusing(self.name, subject)


class _Refusing:
    """Marks a refusal with what was tried, for the desk to write down after the rollback."""

    def __init__(self, verb: str, subject: UUID | None) -> None:
        self.verb, self.subject = verb, subject

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if isinstance(error, (*REFUSALS, SigningError)) and not hasattr(error, "refusal"):
            facts = {name: str(value) for name, value in getattr(error, "facts", {}).items()}
            refusal = {"verb": self.verb, "object": self.subject, "code": error.code, "facts": facts}
            error.refusal = refusal  # type: ignore[union-attr]


def verb(
    permission: Permission,
    word: str,
    *,
    on: type[Base] | None = None,
    prepare: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Verb]:
    """Make a function of a service room a verb; see ``Verb`` for the arguments."""

    def wrap(body: Callable[..., Any]) -> Verb:
        return Verb(permission, word, on=on, body=body, prepare=prepare)

    return wrap


def refusal_of(error: BaseException) -> dict[str, Any] | None:
    """What was tried and refused, if this error is a refusal."""
    return getattr(error, "refusal", None)


def _object_of(row: Any) -> UUID | None:
    """The document a row is about, or the row itself."""
    found: UUID | None = getattr(row, "document_id", None) or getattr(row, "id", None)
    return found


def _arguments(subject: UUID | None, arguments: Mapping[str, Any]) -> str:
    return digest({"subject": subject, "arguments": {name: _told(value) for name, value in arguments.items()}})


def _told(value: Any) -> Any:
    """Arguments may be frozen dataclasses; their fields count. A secret is left out: a digest could be guessed."""
    if isinstance(value, Secret):
        return repr(value)
    if hasattr(value, "__dataclass_fields__"):
        return {name: _told(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, list | tuple):
        return [_told(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _told(item) for name, item in value.items()}
    return str(value) if isinstance(value, float) else value

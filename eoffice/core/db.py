"""Engine, column types and sessions for SQLite and PostgreSQL alike."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Dialect, Engine, MetaData, String, Text, Uuid, create_engine, event
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Mapper, ORMExecuteState, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from eoffice.core.errors import ProgrammingError
from eoffice.core.ids import new_id

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time: aware in Python, UTC in the database (SQLite stores it without a zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ProgrammingError("a time without zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text as people write it, always NFC, so that equal words are equal bytes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else unicodedata.normalize("NFC", value).replace("\x00", "")


class Json(TypeDecorator[Any]):
    """JSON kept as text: the same bytes on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class Base(DeclarativeBase):
    """Root of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: UtcDateTime,
        str: Words,
        UUID: Uuid,
        dict[str, Any]: Json,
        list[Any]: Json,
    }


class Row:
    """A row with an identifier of its own."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)


class Owned(Row):
    """A row of one agency; reached through ``scope`` alone, never referenced from another agency's rows."""

    agency_id: Mapped[UUID] = mapped_column(nullable=False)


def one_of(column: str, words: type) -> CheckConstraint:
    """A CHECK that a text column holds one of an enum's words; the database refuses the impossible."""
    values = ", ".join(f"'{word.value}'" for word in words)  # type: ignore[attr-defined]
    return CheckConstraint(f"{column} IN ({values})", name=column)


def short(length: int = 40) -> Any:
    """A column for a machine word: short, indexed well, not for people's text."""
    return mapped_column(String(length))


def insert_into(session: Session, table: Any) -> Any:
    """An INSERT that knows ON CONFLICT, in the dialect of the session's database."""
    return (pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert)(table)


def make_engine(url: str, *, pool_size: int = 5, lock_timeout_ms: int = 30_000) -> Engine:
    """Open the database.

    Args:
        url: ``sqlite:///path`` or ``postgresql://...``.
        pool_size: connections kept open.
        lock_timeout_ms: how long a statement waits for another one's lock, in milliseconds.
    """
    if url.startswith("postgresql"):
        options = f"-c lock_timeout={lock_timeout_ms} -c idle_in_transaction_session_timeout=120000 -c timezone=UTC"
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        return create_engine(url, pool_size=pool_size, max_overflow=5, connect_args={"options": options})
    engine = create_engine(url, pool_size=pool_size, max_overflow=5, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={lock_timeout_ms}"):
            connection.execute("PRAGMA " + pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # A deferred transaction that writes later cannot wait for the lock; writers take it first.
        reading = connection.get_execution_options().get("readonly")
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reading else 'OFF'}")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


class OfficeSession(Session):
    """A session that refuses queries on agency-owned tables made without ``scope``."""


class Sessions:
    """Two kinds of session on one engine: for reading and for writing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # What one desk reads belongs together: a proof of the ledger made while others work must not see half a deed.
        # SQLite's readers see one moment anyway.
        one_moment = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = engine.execution_options(
            readonly=True, **(one_moment if engine.dialect.name == "postgresql" else {})
        )

    def read(self) -> OfficeSession:
        """A session that only reads (``query_only`` on SQLite, READ ONLY on PostgreSQL)."""
        return OfficeSession(self._reading, autoflush=False, expire_on_commit=False)

    def write(self) -> OfficeSession:
        """A session that holds the writer's place from its first statement on SQLite."""
        # no autoflush: a deed's rows go to the database together, and none twice because something was looked up
        return OfficeSession(self.engine, autoflush=False, expire_on_commit=False)


@event.listens_for(OfficeSession, "do_orm_execute")
def _refuse_unscoped(state: ORMExecuteState) -> None:
    if state.is_column_load or state.is_relationship_load or state.is_insert:
        return
    if not (state.is_select or state.is_update or state.is_delete):
        return
    if state.execution_options.get("scoped"):
        return
    owned = [mapper.class_.__name__ for mapper in state.all_mappers if _is_owned(mapper)]
    if owned:
        raise ProgrammingError(f"query on {', '.join(owned)} without scope()")


def _is_owned(mapper: Mapper[Any]) -> bool:
    return issubclass(mapper.class_, Owned)

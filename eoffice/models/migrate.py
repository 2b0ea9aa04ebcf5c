"""Brings a database to the tables this version knows, and tells how far one is."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

import eoffice.models  # noqa: F401 - makes all tables known
from eoffice.core.db import Base

_FOLDER = Path(__file__).resolve().parent.parent / "migrations"


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_FOLDER))


def head() -> str:
    """The newest migration this version knows."""
    found = _scripts().get_current_head()
    if found is None:
        raise RuntimeError("no migration")
    return found


def current(engine: Engine) -> str | None:
    """The migration a database stands at, None when it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine, target: str = "head") -> None:
    """Bring the database up to a migration, in one transaction."""
    scripts = _scripts()
    _run(engine, lambda revision, _context: scripts._upgrade_revs(target, revision))


def downgrade(engine: Engine, target: str) -> None:
    """Take the database back to a migration (``base`` is empty), in one transaction."""
    scripts = _scripts()
    _run(engine, lambda revision, _context: scripts._downgrade_revs(target, revision))


def differences(engine: Engine) -> list[object]:
    """What differs between the tables of the models and those of the database; [] is the only good answer."""
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


def _run(engine: Engine, steps: object) -> None:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))

    def migrate(connection: Connection) -> None:
        context = EnvironmentContext(config, _scripts(), fn=steps)
        context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
        with context:
            context.run_migrations()

    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        migrate(connection)

"""Pytest plugin: both databases for the same tests, migrated once and then copied or rolled back.

``engine_url`` is a migrated copy of its own for tests that commit; ``connection`` and ``session`` share one migrated
database and are rolled back. Each of them runs the test twice, on SQLite and on PostgreSQL. A test that sees
something on one database only narrows it: ``@pytest.mark.parametrize("database", ["sqlite"], indirect=True)``.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from tests.support import postgres
from tests.support.parts import Parts

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_SCRATCH = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Choose one place for all workers' databases; the reporting process owns it and removes it."""
    given = getattr(config, "workerinput", {}).get("scratch")
    config.stash[_SCRATCH] = Path(given) if given else postgres.scratch("tests")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist the place and whose process the cluster serves."""
    node.workerinput["scratch"] = str(node.config.stash[_SCRATCH])
    node.workerinput["serves"] = os.getpid()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what the session left; the cluster ends by itself with this process."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(config.stash[_SCRATCH], ignore_errors=True)


@dataclass
class Databases:
    """Makes databases of both kinds; the first to ask makes the templates, the other workers find them.

    Args:
        folder: shared by all workers.
        serves: process id with which the PostgreSQL cluster ends.
    """

    folder: Path
    serves: int

    def new(self, kind: str) -> str:
        """Make a migrated database and return its URL."""
        name = f"t{uuid.uuid4().hex}"
        if kind == "sqlite":
            copy = self.folder / f"{name}.sqlite"
            shutil.copyfile(self._sqlite_template(), copy)
            return f"sqlite:///{copy}"
        address = self.cluster()
        template = self._postgresql_template(address)
        _command(address, f"CREATE DATABASE {name} TEMPLATE {template}")
        return address.format(database=name)

    def empty(self, kind: str) -> str:
        """Make a database without any table and return its URL."""
        name = f"t{uuid.uuid4().hex}"
        if kind == "sqlite":
            return f"sqlite:///{self.folder / name}.sqlite"
        address = self.cluster()
        _command(address, f"CREATE DATABASE {name}")
        return address.format(database=name)

    def copy(self, url: str) -> str:
        """Copy a database to which nobody is connected and return the copy's URL."""
        name = f"t{uuid.uuid4().hex}"
        if url.startswith("sqlite"):
            shutil.copyfile(url.removeprefix("sqlite:///"), self.folder / f"{name}.sqlite")
            return f"sqlite:///{self.folder / name}.sqlite"
        source = url.partition("@/")[2].partition("?")[0]
        _command(self.cluster(), f"CREATE DATABASE {name} TEMPLATE {source}")
        return self.cluster().format(database=name)

    def drop(self, url: str) -> None:
        """Remove a database; whoever is still connected is thrown out."""
        if url.startswith("sqlite"):
            path = url.removeprefix("sqlite:///")
            for suffix in ("", "-wal", "-shm"):
                Path(path + suffix).unlink(missing_ok=True)
        else:
            name = url.partition("@/")[2].partition("?")[0]
            _command(self.cluster(), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def cluster(self) -> str:
        """The address of the session's PostgreSQL with the database's name left open; started on first use."""
        mark = self.folder / "postgresql.url"
        with _one_at_a_time(self.folder / "postgresql.lock"):
            if not mark.exists():
                mark.write_text(postgres.start(self.folder, serves=self.serves))
        return mark.read_text()

    def _sqlite_template(self) -> Path:
        template = self.folder / "template.sqlite"
        with _one_at_a_time(self.folder / "sqlite.lock"):
            if not template.exists():
                making = template.with_suffix(".making")
                _migrate(f"sqlite:///{making}")
                making.replace(template)
        return template

    def _postgresql_template(self, address: str) -> str:
        mark = self.folder / "postgresql.template"
        with _one_at_a_time(self.folder / "template.lock"):
            if not mark.exists():
                _command(address, "CREATE DATABASE template_eoffice")
                _migrate(address.format(database="template_eoffice"))
                mark.touch()
        return "template_eoffice"


def _migrate(url: str) -> None:
    from eoffice.core.db import make_engine
    from eoffice.models.migrate import upgrade

    engine = make_engine(url)
    try:
        upgrade(engine)
    finally:
        engine.dispose()  # the last connection folds SQLite's write-ahead log into the file


def _command(address: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(address.format(database="postgres"), autocommit=True) as connection:
        connection.execute(statement)


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def databases(pytestconfig: pytest.Config) -> Databases:
    """The maker of databases, for tests that need several or an empty one."""
    serves = getattr(pytestconfig, "workerinput", {}).get("serves", os.getpid())
    return Databases(pytestconfig.stash[_SCRATCH], serves)


@pytest.fixture(params=list(NAMES))
def database(request: pytest.FixtureRequest, parts: Parts) -> str:
    """Which database this test runs on: ``sqlite`` or ``postgresql``; counted, skipped where it is not installed."""
    kind: str = request.param
    parts.need(NAMES[kind], kind if kind == "sqlite" else postgres.binaries())
    return kind


@pytest.fixture
def engine_url(database: str, databases: Databases) -> Iterator[str]:
    """The URL of a migrated database for this test alone."""
    url = databases.new(database)
    yield url
    databases.drop(url)


@pytest.fixture
def empty_url(database: str, databases: Databases) -> Iterator[str]:
    """The URL of a database without tables, for this test alone."""
    url = databases.empty(database)
    yield url
    databases.drop(url)


@pytest.fixture
def engine(engine_url: str) -> Iterator[Engine]:
    """An engine on a migrated database for this test alone."""
    from eoffice.core.db import make_engine

    engine = make_engine(engine_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def _shared_engines(databases: Databases) -> Iterator[Callable[[str], Engine]]:
    from eoffice.core.db import make_engine

    engines: dict[str, Engine] = {}

    def get(kind: str) -> Engine:
        if kind not in engines:
            engines[kind] = make_engine(databases.new(kind))
        return engines[kind]

    yield get
    for engine in engines.values():
        url = engine.url.render_as_string(hide_password=False)
        engine.dispose()
        databases.drop(url)


@pytest.fixture
def connection(database: str, _shared_engines: Callable[[str], Engine]) -> Iterator[Connection]:
    """A connection inside a transaction that is rolled back after the test, on a database shared by many tests."""
    with _shared_engines(database).connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture
def session(connection: Connection) -> Iterator[Any]:
    """A writing session whose commits are savepoints of ``connection``."""
    from eoffice.core.db import OfficeSession

    with OfficeSession(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
        yield session

"""The test house itself: databases are real, apart from each other and gone afterwards; the network is closed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from tests.support import network, postgres
from tests.support.databases import Databases
from tests.support.parts import Parts
from tests.support.wait import until


def _tables(engine: Engine) -> int:
    catalogue = "sqlite_master WHERE type = 'table'"
    if engine.dialect.name == "postgresql":
        catalogue = "pg_tables WHERE schemaname = 'public'"
    with engine.connect() as connection:
        count: int = connection.execute(text(f"SELECT count(*) FROM {catalogue}")).scalar_one()
    return count


def test_a_copy_is_migrated_and_alone(engine: Engine, databases: Databases, database: str) -> None:
    assert _tables(engine) > 10
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE only_here (n INTEGER)"))
    other = databases.new(database)
    try:
        from eoffice.core.db import make_engine

        second = make_engine(other)
        assert _tables(second) == _tables(engine) - 1
        second.dispose()
    finally:
        databases.drop(other)


@pytest.mark.parametrize("turn", [1, 2])
def test_a_commit_inside_the_savepoint_is_rolled_back(connection: Connection, session: Session, turn: int) -> None:
    session.execute(text("CREATE TABLE left_over (n INTEGER)"))
    session.commit()
    session.execute(text("INSERT INTO left_over VALUES (1)"))
    session.rollback()
    assert connection.execute(text("SELECT count(*) FROM left_over")).scalar_one() == 0


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_postgresql_is_not_entered_as_superuser(engine: Engine) -> None:
    with engine.connect() as connection:
        row = connection.execute(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")).scalar_one()
        assert row is False
        assert connection.execute(text("SELECT inet_server_addr()")).scalar_one() is None


@pytest.mark.slow
def test_the_cluster_ends_with_the_process_it_serves(parts: Parts) -> None:
    parts.need("PostgreSQL", postgres.binaries())
    place = postgres.scratch("cluster")
    served = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        postgres.start(place, serves=served.pid, durable=True)
        server = int((place / "pg" / "data" / "postmaster.pid").read_text().split()[0])
        served.send_signal(signal.SIGKILL)
        served.wait()
        until(lambda: not place.exists(), what="the place is removed")
        until(lambda: not _runs(server), what="the server ends")
    finally:
        served.kill()
        served.communicate()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80, 0, 0)])
def test_connections_beyond_this_machine_are_refused(address: tuple[object, ...]) -> None:
    family = socket.AF_INET6 if ":" in str(address[0]) else socket.AF_INET
    with socket.socket(family) as outward, pytest.raises(network.NetworkRefused):
        outward.connect(address)


def test_names_of_other_machines_are_not_even_looked_up() -> None:
    with pytest.raises(network.NetworkRefused):
        socket.getaddrinfo("example.org", 443)


def test_datagrams_beyond_this_machine_are_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as outward, pytest.raises(network.NetworkRefused):
        outward.sendto(b"", ("192.0.2.1", 9))


def test_this_machine_may_be_reached(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))

"""A throw-away PostgreSQL: made in memory where possible, reached by a local socket, gone with the process it serves.

``python -m tests.support.postgres PLACE PID`` makes and runs one cluster until the process PID ends, however it ends,
and removes the place with all that lies in it. Started by root it runs as a user of its own: initdb refuses root.
"""

from __future__ import annotations

import os
import pwd
import select
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.wait import until

OWNER = "eoffice"
"""The role tests connect as: no superuser, like in production; it may create databases."""

# a vacuum worker looking into a database keeps it from being dropped or copied
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")
_ALWAYS = (
    "listen_addresses=",
    "max_connections=200",
    "shared_buffers=64MB",
    "timezone=Asia/Ho_Chi_Minh",  # code that trusts the server's zone fails here
    "log_min_messages=fatal",
    "jit=off",
)

_keepers: list[subprocess.Popen[bytes]] = []


def binaries() -> Path | None:
    """The folder with initdb and postgres, None when PostgreSQL is not installed."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def scratch(name: str) -> Path:
    """Make a folder that vanishes with the test run: in memory where there is enough, reachable by other users."""
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 1 << 30
    folder = Path(tempfile.mkdtemp(prefix=f"eoffice-{name}-", dir=shared if roomy else None))
    folder.chmod(0o755)
    return folder


def start(place: Path, *, serves: int, durable: bool = False) -> str:
    """Start a cluster.

    Args:
        place: a scratch folder, removed with the cluster.
        serves: process id; the cluster ends with it.
        durable: flush to disk as in production; otherwise fast.

    Returns:
        Its address without a database: ``postgresql://eoffice@/{database}?host=...`` with the name left open.
    """
    command = [sys.executable, "-m", "tests.support.postgres", str(place), str(serves)]
    log = place / "pg.log"
    with log.open("wb") as out:
        keeper = subprocess.Popen(
            command + (["durable"] if durable else []),
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=Path(__file__).parents[2],
        )

    _keepers.append(keeper)

    def is_up() -> bool:
        assert keeper.poll() is None, f"PostgreSQL did not start:\n{log.read_text(errors='replace')}"
        return (place / "pg" / "up").exists()

    until(is_up, seconds=60, what="PostgreSQL starts")
    return f"postgresql://{OWNER}@/{{database}}?host={place / 'pg'}"


def keep(place: Path, serves: int, durable: bool) -> None:
    """Make the cluster, run it until process ``serves`` ends, stop it and remove the place."""
    owner = _unprivileged()
    programs = binaries()
    assert programs is not None, "PostgreSQL is not installed"
    watched = os.pidfd_open(serves)
    folder = place / "pg"
    folder.mkdir(exist_ok=True)
    if owner is not None:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    as_owner: dict[str, Any] = (
        {} if owner is None else {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    )
    data = folder / "data"
    init: list[str | Path] = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
    ]
    subprocess.run([*init, "--no-sync"], check=True, stdout=subprocess.DEVNULL, cwd=folder, **as_owner)
    settings = [*_ALWAYS, *(() if durable else _FAST), f"unix_socket_directories={folder}"]
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, *(part for setting in settings for part in ("-c", setting))],
        cwd=folder,
        **as_owner,
    )
    try:
        ask: list[str | Path] = [programs / "psql", "-qX", "-h", folder, "-U", "postgres", "-d", "postgres", "-c"]
        create = [*ask, f"CREATE ROLE {OWNER} LOGIN CREATEDB"]

        def is_created() -> bool:
            assert server.poll() is None, "PostgreSQL ended by itself"
            return subprocess.run(create, check=False, stderr=subprocess.DEVNULL).returncode == 0

        until(is_created, seconds=30, what="PostgreSQL accepts connections")
        (folder / "up").touch()
        select.select([watched], [], [])
    finally:
        server.send_signal(3)  # SIGQUIT: at once; nothing here is needed again
        server.wait(timeout=10)
        shutil.rmtree(place, ignore_errors=True)


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom to run as: nobody else, unless we are root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]), "durable" in sys.argv[3:])

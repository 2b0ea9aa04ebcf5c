"""What benchmarks share: an office of their own on each database, processor time of a whole family, percentiles."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eoffice.core.settings import Settings

TICK = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def homes(kinds: Sequence[str]) -> Iterator[dict[str, Settings]]:
    """One fresh home and empty database per kind, ``sqlite`` and ``postgresql``; both flush to disk."""
    with tempfile.TemporaryDirectory(prefix="eoffice-bench-") as folder, contextlib.ExitStack() as stack:
        made = {}
        for kind in kinds:
            home = Path(folder) / kind
            home.mkdir()
            url = f"sqlite:///{home}/office.sqlite3"
            if kind == "postgresql":
                url = stack.enter_context(_postgresql())
            made[kind] = Settings(home=home, database_url=url, secret="a secret of the benchmarks, long enough")
        yield made


@contextlib.contextmanager
def _postgresql() -> Iterator[str]:
    import psycopg

    from tests.support import postgres

    place = Path(tempfile.mkdtemp(prefix="eoffice-bench-pg-"))
    place.chmod(0o755)
    address = postgres.start(place, serves=os.getpid(), durable=True)
    with psycopg.connect(address.format(database="postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE bench")
    yield address.format(database="bench")


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)]


def family_seconds(*, without: Sequence[int] = ()) -> float:
    """Processor seconds of this process and all below it, but those named."""
    children: dict[int, list[int]] = {}
    used: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            pid = int(stat.parent.name)
            children.setdefault(int(fields[1]), []).append(pid)
            used[pid] = int(fields[11]) + int(fields[12])
    total, todo = 0, [os.getpid()]
    while todo:
        pid = todo.pop()
        if pid not in without:
            total += used.get(pid, 0)
            todo += children.get(pid, [])
    return total / TICK


def answer(bench: str, figures: dict[str, float], *, database: str, command: str, quick: bool) -> None:
    """Print the last line: figures, and on what they were measured."""
    body: dict[str, Any] = {
        "bench": bench,
        "figures": {name: round(value, 3) for name, value in figures.items()},
        "ratios": {},
        "peers": {},
        "database": database,
        "cores": os.cpu_count(),
        "command": command,
        "quick": quick,
    }
    print(json.dumps(body))

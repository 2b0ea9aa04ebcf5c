"""What the benchmarks share: a place of their own, processor time of a whole family of processes, one line of JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from tests.support import postgres
from tests.support.databases import NAMES, Databases

_CONTROL = ("PRAGMA", "BEGIN", "COMMIT", "ROLLBACK", "SET", "SAVEPOINT", "RELEASE")


@dataclass(frozen=True)
class Options:
    """How a benchmark was called: ``--quick`` is SQLite in under 45 s, the full run is both databases."""

    quick: bool
    quiet: bool

    @classmethod
    def read(cls, told: str | None) -> Options:
        parser = argparse.ArgumentParser(description=told)
        parser.add_argument("--quick", action="store_true", help="SQLite alone, fewer repetitions, under 45 s")
        parser.add_argument("--json", action="store_true", help="print nothing but the line of JSON")
        given = parser.parse_args()
        return cls(given.quick, given.json)

    def say(self, text: str) -> None:
        """Tell people what is going on."""
        if not self.quiet:
            print(text, flush=True)

    def databases(self) -> list[str]:
        """Which databases are measured."""
        return list(NAMES)[:1] if self.quick or postgres.binaries() is None else list(NAMES)


class Durable(Databases):
    """Databases on a disk, flushed as in production."""

    def cluster(self) -> str:
        mark = self.folder / "postgresql.url"
        if not mark.exists():
            mark.write_text(postgres.start(self.folder / "cluster", serves=self.serves, durable=True))
        return mark.read_text()


@contextlib.contextmanager
def place() -> Iterator[Durable]:
    """A folder on the disk for everything a benchmark writes, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="eoffice-bench-"))
    (folder / "cluster").mkdir()
    for path in (folder, folder / "cluster"):
        path.chmod(0o755)
    try:
        yield Durable(folder, os.getpid())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# figures


@dataclass
class Figures:
    """Figures of one run, some of them with targets; the worse of two databases counts."""

    targets: Mapping[str, tuple[str, float]]
    found: dict[str, float] = field(default_factory=dict)

    def add(self, figures: Mapping[str, float]) -> None:
        """Take in the figures of one database."""
        for name, value in figures.items():
            worse = min if self.targets.get(name, ("<=",))[0] == ">=" else max
            self.found[name] = worse(self.found.get(name, value), value)

    def missed(self) -> list[str]:
        """The targets that were not met, in words."""
        return [
            f"{name} {self.found[name]:g}, wanted {sign} {target:g}"
            for name, (sign, target) in self.targets.items()
            if (self.found[name] < target if sign == ">=" else self.found[name] > target)
        ]

    def line(self, bench: str, databases: Sequence[str], *, peers: Mapping[str, float] | None = None) -> str:
        """The last line of a benchmark's output."""
        body: dict[str, Any] = {
            "bench": bench,
            "figures": {name: round(value, 3) for name, value in self.found.items()},
            "ratios": {},
            "peers": dict(peers or {}),
            "database": "+".join(databases),
            "cores": len(os.sched_getaffinity(0)),
            "command": " ".join(["scripts/bench", bench, *sys.argv[1:]]),
        }
        return json.dumps(body)


def p95(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def milliseconds(deed: Callable[[], object], times: int) -> list[float]:
    """How long a deed takes on the clock on the wall, each time."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        deed()
        found.append((time.perf_counter() - began) * 1000)
    return found


# processor time


def family_cpu(*, without: Sequence[int] = ()) -> float:
    """Processor seconds used so far by this process and all its living descendants.

    Args:
        without: process ids that are not counted, nor what they started.
    """
    total, waiting = 0.0, [os.getpid()]
    while waiting:
        process = waiting.pop()
        for task in Path(f"/proc/{process}/task").glob("*"):
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0]) / 1e9
                waiting += [
                    child for child in map(int, (task / "children").read_text().split()) if child not in without
                ]
    return total


# statements


@contextlib.contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """The statements an engine executes meanwhile; what only opens and closes transactions aside."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        if not statement.upper().startswith(_CONTROL):
            statements.append(statement)

    event.listen(engine, "after_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "after_cursor_execute", note)

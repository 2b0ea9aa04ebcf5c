"""Kills a process at every point where dying could hurt: after each SQL statement, commit, rename and socket send.

A fork server with the product already imported forks one process per point. The points are counted by hooks set here,
in that process; the product knows nothing of them.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from sqlalchemy import Engine, event

PATIENCE = 60.0
"""Seconds after which a process that neither ended nor died is a failure."""

WARM = (
    "pytest",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "eoffice.cli.demo",
    "eoffice.jobs.worker",
    "eoffice.services.issuing",
    "eoffice.services.exchange",
    "signing.agent",
    "signing.detached",
    "signing.pki",
    "signing.seal",
    "signing.sign",
    "signing.stamp",
    "signing.tsa",
    "signing.verify",
    "tests.support.killing",
    "tests.support.world",
)
"""What a fork server imports before the first process is forked."""


class Points:
    """The points one process passes, and the one where it dies.

    Args:
        fatal: the number of the point, counted from 1; None to live on.
    """

    def __init__(self, fatal: int | None) -> None:
        self.fatal = fatal
        self.passed: list[str] = []

    def reached(self, name: str) -> None:
        """Pass a point, or die there like a process whose power was cut."""
        self.passed.append(name)
        if len(self.passed) == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, engine: Engine) -> None:
        """Count from now on what is done through this engine, to files and to sockets, in this process."""

        @event.listens_for(engine, "after_cursor_execute")
        def _executed(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
            self.reached(" ".join(statement.split()[:3]))

        for owner, name in (
            (engine.dialect, "do_commit"),
            (os, "rename"),
            (os, "replace"),
            (os, "link"),
            (socket.socket, "send"),
            (socket.socket, "sendall"),
        ):
            setattr(owner, name, self.after(getattr(owner, name), name))

    def after(self, original: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The same function, with a point behind it."""

        @functools.wraps(original)
        def counted(*arguments: Any, **named: Any) -> Any:
            result = original(*arguments, **named)
            self.reached(name)
            return result

        return counted


Act = Callable[..., None]
"""What the process does: a function of a module, called with its ``Points`` and the arguments given here."""


def points_of(act: Act, *arguments: Any) -> list[str]:
    """Let a process do it undisturbed and return the names of the points it passed."""
    ours, theirs = _context().Pipe(duplex=False)
    with ours:
        process = _start(act, None, theirs, arguments)
        theirs.close()
        assert ours.poll(PATIENCE), "nothing was heard of the process"
        found: list[str] = ours.recv()
        process.join(PATIENCE)
    assert process.exitcode == 0
    return found


def kill_at(point: int, act: Act, *arguments: Any) -> None:
    """Let a process do it and die right after its point number ``point`` (from 1)."""
    process = _start(act, point, None, arguments)
    process.join(PATIENCE)
    assert process.exitcode == -signal.SIGKILL, f"point {point}: it ended with {process.exitcode}"


@functools.cache
def _context() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(WARM))
    return context


def _start(act: Act, fatal: int | None, heard: Connection | None, arguments: tuple[Any, ...]) -> Any:
    process = _context().Process(target=_run, args=(act, fatal, heard, arguments))
    process.start()
    return process


def _run(act: Act, fatal: int | None, heard: Connection | None, arguments: tuple[Any, ...]) -> None:
    points = Points(fatal)
    act(points, *arguments)
    if heard is not None:
        heard.send(points.passed)

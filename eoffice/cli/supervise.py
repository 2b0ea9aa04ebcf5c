"""Keeps the programs of one installation running together, and leaves none of them behind."""

from __future__ import annotations

import ctypes
import fcntl
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from eoffice.core.errors import Conflict
from eoffice.core.i18n import N_

BACKOFF = (0.5, 1.0, 2.0)
"""Seconds before the first, second and third new start of a program; after the third it has failed."""

STEADY = 60.0
"""Seconds after which a program counts as sound again and may be started anew as often as at first."""

GRACE = 10.0
"""Seconds a program has to end by itself when it is asked to."""

PATIENCE = 60.0
"""Seconds within which everything must be up."""

_PR_SET_PDEATHSIG = 1


class HomeInUse(Conflict):
    """Another copy of the office already works in this home."""

    code = "home_in_use"
    message = N_(
        "Another copy of the office (process {process}) already works in {home}. Nothing was changed. "
        "Stop that copy first, or choose another home."
    )


@dataclass(frozen=True)
class Program:
    """One program to be kept running.

    Args:
        name: stands before each line it prints.
        command: program and arguments.
        is_up: asked until it says yes; when all programs are up the office is ready. None: up as soon as started.
        environment: variables added to ours.
    """

    name: str
    command: Sequence[str]
    is_up: Callable[[], bool] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def answers(address: tuple[str, int] | Path) -> Callable[[], bool]:
    """Make the question whether somebody answers at a port or a local socket."""

    def ask() -> bool:
        family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
        with socket.socket(family) as caller, suppress(OSError):
            caller.settimeout(1)
            caller.connect(str(address) if isinstance(address, Path) else address)
            return True
        return False

    return ask


@contextmanager
def hold(home: Path) -> Iterator[None]:
    """Take the home for this process; released when it ends, however it ends.

    Raises:
        HomeInUse: another copy works in this home.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise HomeInUse(home=str(home), process=lock.read().strip()) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def run(programs: Sequence[Program], ready: Callable[[], None]) -> int:
    """Start the programs, say when all are up, start anew what dies, and stop everything on SIGTERM or Ctrl+C.

    To be called from the main thread. What the programs print goes to stderr, each line after their name.

    Args:
        programs: started together, in this order.
        ready: called once, when all programs are up.

    Returns:
        0 when it was asked to stop, 1 when a program failed for good.
    """
    return _Supervisor(programs, ready).run()


class _Running:
    """One program and its present process."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.failures = 0
        self.since = 0.0
        self.due: float | None = 0.0
        self.rest = b""

    def is_up(self) -> bool:
        return self.process is not None and (self.program.is_up is None or self.program.is_up())


class _Supervisor:
    """The loop: one thread that waits for signals, lines and the next thing due."""

    def __init__(self, programs: Sequence[Program], ready: Callable[[], None]) -> None:
        self.running = [_Running(program) for program in programs]
        self.ready = ready
        self.selector = selectors.DefaultSelector()
        self.stopping = False
        self.failed = False
        self.waiting = True
        self.width = max(len(program.name) for program in programs)

    def run(self) -> int:
        self.undertaker = _Undertaker()
        heard, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        before = {number: signal.signal(number, self._asked) for number in (signal.SIGTERM, signal.SIGINT)}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        old_wake = signal.set_wakeup_fd(wake)
        self.selector.register(heard, selectors.EVENT_READ)
        self.patience = time.monotonic() + PATIENCE
        try:
            while not self.stopping:
                self._start_what_is_due()
                self._look_whether_up()
                self._wait()
                self._bury()
        finally:
            self._stop()
            signal.set_wakeup_fd(old_wake)
            for number, handler in before.items():
                signal.signal(number, handler)
            self.undertaker.dismiss()
            self.selector.close()
            os.close(heard)
            os.close(wake)
        return int(self.failed)

    def _asked(self, *_: object) -> None:
        self.stopping = True

    def _say(self, name: str, line: str) -> None:
        print(f"{name:<{self.width}} | {line}", file=sys.stderr, flush=True)

    def _start_what_is_due(self) -> None:
        now = time.monotonic()
        for one in self.running:
            if one.due is not None and one.due <= now and not self.stopping:
                self._start(one)

    def _start(self, one: _Running) -> None:
        ours = os.getpid()
        libc = ctypes.CDLL(None)

        def in_child() -> None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != ours:  # we died before the line above
                os._exit(1)

        one.process = subprocess.Popen(
            list(one.program.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **one.program.environment},
            start_new_session=True,
            preexec_fn=in_child,  # noqa: PLW1509 - this process has one thread
        )
        self.undertaker.watch(one.process.pid)
        one.since, one.due = time.monotonic(), None
        assert one.process.stdout is not None
        os.set_blocking(one.process.stdout.fileno(), False)
        self.selector.register(one.process.stdout, selectors.EVENT_READ, one)

    def _look_whether_up(self) -> None:
        if self.waiting and all(one.is_up() for one in self.running):
            self.waiting = False
            self.ready()
        elif self.waiting and time.monotonic() > self.patience:
            late = ", ".join(one.program.name for one in self.running if not one.is_up())
            self._say("start", f"not up within {PATIENCE:.0f} s: {late}")
            self.failed = self.stopping = True

    def _wait(self) -> None:
        now = time.monotonic()
        due = [one.due - now for one in self.running if one.due is not None]
        pause = min([0.02 if self.waiting else 3600.0, *due])
        self._read(0 if self.stopping else max(pause, 0))

    def _read(self, seconds: float) -> None:
        for key, _ in self.selector.select(seconds):
            if key.data is None:
                os.read(key.fd, 4096)
            elif not self._pass_on(key.data, key.fileobj):  # type: ignore[arg-type]
                self.selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]

    def _pass_on(self, one: _Running, pipe: IO[bytes]) -> bool:
        """Print what a program said, whole lines only; return whether it may say more."""
        try:
            said = os.read(pipe.fileno(), 65536)
        except BlockingIOError:
            return True
        *lines, one.rest = (one.rest + said).split(b"\n")
        if not said and one.rest:
            lines, one.rest = [one.rest], b""
        for line in lines:
            self._say(one.program.name, line.decode("utf-8", "replace"))
        return bool(said)

    def _bury(self) -> None:
        """Notice who died, clear away what it left, and decide when it starts anew."""
        for one in self.running:
            if one.process is None or one.process.poll() is None:
                continue
            ended, one.process = one.process, None
            _kill_group(ended.pid)
            self.undertaker.forget(ended.pid)
            if time.monotonic() - one.since > STEADY:
                one.failures = 0
            if one.failures == len(BACKOFF):
                self._say(one.program.name, f"ended with {ended.returncode} once too often; everything stops")
                self.failed = self.stopping = True
                return
            pause = BACKOFF[one.failures]
            one.failures += 1
            one.due = time.monotonic() + pause
            self._say(one.program.name, f"ended with {ended.returncode}; starts anew in {pause} s")

    def _stop(self) -> None:
        """Ask all to end, wait, then end them."""
        alive = [one.process for one in self.running if one.process is not None]
        for process in alive:
            with suppress(ProcessLookupError):
                process.terminate()
        end = time.monotonic() + GRACE
        while time.monotonic() < end and any(process.poll() is None for process in alive):
            self._read(0.05)
        for process in alive:
            _kill_group(process.pid)
            process.wait()
            self.undertaker.forget(process.pid)
        self._read(0)
        for key in list(self.selector.get_map().values()):
            if key.data is not None:
                key.fileobj.close()  # type: ignore[union-attr]


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


class _Undertaker:
    """A child that outlives us: when we are killed it ends the programs' process groups.

    It holds nothing but the reading end of a pipe. The pipe closes when we end, whatever ends us.
    """

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._writing)
            os.setsid()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            self._serve(reading)
            os._exit(0)
        os.close(reading)

    @staticmethod
    def _serve(reading: int) -> None:
        groups: set[int] = set()
        with os.fdopen(reading) as orders:
            for order in orders:
                number = int(order)
                groups.add(number) if number > 0 else groups.discard(-number)
        for group in groups:
            _kill_group(group)

    def watch(self, group: int) -> None:
        """Remember a process group."""
        os.write(self._writing, f"{group}\n".encode())

    def forget(self, group: int) -> None:
        """A process group has ended; its number may soon be another's."""
        os.write(self._writing, f"-{group}\n".encode())

    def dismiss(self) -> None:
        """Everything has ended."""
        os.close(self._writing)
        os.waitpid(self._pid, 0)

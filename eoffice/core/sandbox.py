"""Opens hostile bytes in warm child processes that may be killed at any time.

What this protects: the server's memory, time and liveness, and whatever a parser's fault would otherwise take down.
A child gets the input as an open file and a clean environment, cannot write to disk, has no network where the system
allows to take it away, and is believed nothing: its answers are JSON and plain bytes of bounded size. It is no wall
against an attacker who runs machine code in it; that is what the operating system's isolation of the whole service
is for (docs/security.md).
"""

from __future__ import annotations

import array
import atexit
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eoffice.core.errors import FileRefused, Unavailable
from eoffice.core.i18n import N_
from eoffice.core.sandbox_child import FRAME, OUT_OF_MEMORY, receive


class SandboxError(FileRefused):
    """The function did not come to an end with these bytes."""

    code = "sandbox_failed"
    message = N_("This file could not be opened safely. Nothing was stored. Please ask the sender for another copy.")


class SandboxTimeout(SandboxError):
    """It took longer than allowed, by the clock or in processor time."""

    code = "sandbox_timeout"


class SandboxMemory(SandboxError):
    """It wanted more memory than allowed."""

    code = "sandbox_memory"


class SandboxCrashed(SandboxError):
    """The child died, answered rubbish or too much, or the function raised what its caller had not declared."""

    code = "sandbox_crashed"


class SandboxBusy(Unavailable):
    """All children were at work for as long as a caller waits."""

    code = "sandbox_busy"


@dataclass(frozen=True)
class SandboxLimits:
    """Bounds of one child and one call.

    Args:
        memory: address space of a child in bytes.
        seconds: wall time of one call; processor time is bounded by the same, rounded up.
        answer: largest answer in bytes.
        calls: calls after which a child is replaced by a fresh one.
        files: open files of a child.
        written: largest file a child may write, in bytes.
        queue_seconds: how long a caller waits for a free child.
    """

    memory: int = 1024 * 1024 * 1024
    seconds: float = 20.0
    answer: int = 64 * 1024 * 1024
    calls: int = 200
    files: int = 64
    written: int = 0
    queue_seconds: float = 60.0


class Sandbox:
    """A pool of children for one process; safe to call from many threads and across a fork.

    Args:
        limits: bounds of each child and call.
        workers: most children at the same time; they are started when first needed.
    """

    def __init__(self, limits: SandboxLimits | None = None, *, workers: int = 2) -> None:
        self.limits = limits or SandboxLimits()
        self._size = workers
        self._idle: list[_Child] = []
        self._children: set[_Child] = set()
        self._renew()
        _sandboxes.add(self)

    def call(
        self,
        name: str,
        data: bytes | Path,
        *,
        raises: tuple[type[Exception], ...] = (),
        seconds: float | None = None,
        **arguments: Any,
    ) -> Any:
        """Call ``name(bytes, **arguments)`` in a child and return its answer: bytes, or a JSON value.

        Args:
            name: dotted name of a function, such as ``eoffice.formats.page1.extract_json``; the child imports it.
            data: the hostile bytes, or the path of a file that holds them (large files are not copied through us).
            raises: exceptions the function may raise, subclasses included; one of them is raised here again, made
                from its code, message and facts alone. Whatever else it raises is a crash.
            seconds: wall time of this call, instead of the limit.
            arguments: JSON values.

        Raises:
            SandboxTimeout, SandboxMemory, SandboxCrashed: the bytes are to blame (or the function).
            SandboxBusy: nobody is to blame; try again.
        """
        seconds = seconds or self.limits.seconds
        order = {"name": name, "arguments": arguments, "seconds": seconds, "cpu_seconds": math.ceil(seconds)}
        with _as_file(data) as file, self._child() as child:
            header, body = child.ask(order, file, seconds=seconds)
            refusal = None if "result" in header or header.get("bytes") is True else _revived(header, raises)
        if refusal:
            raise refusal
        return bytes(body) if header.get("bytes") is True else header["result"]

    def close(self) -> None:
        """End all children; the sandbox may be used again afterwards."""
        with self._lock:
            children, self._idle = self._idle, []
        for child in children:
            self._end(child)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @contextmanager
    def _child(self) -> Iterator[_Child]:
        free = self._free
        if not free.acquire(timeout=self.limits.queue_seconds):
            raise SandboxBusy
        child = None
        try:
            child = self._take()
            yield child
        except BaseException:
            # Also for an interrupt of our own: the child may still be at work and would answer the next caller.
            if child:
                self._end(child)
            raise
        else:
            self._give_back(child)
        finally:
            free.release()

    def _take(self) -> _Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()  # the warmest
                if child.is_alive():
                    return child
                self._end(child)
        child = _nursery.start(self.limits)
        self._children.add(child)
        return child

    def _give_back(self, child: _Child) -> None:
        if child.calls >= self.limits.calls:
            self._end(child)
            return
        with self._lock:
            self._idle.append(child)

    def _end(self, child: _Child) -> None:
        child.end()
        self._children.discard(child)

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(self._size)
        self._idle.clear()
        self._children.clear()

    def _forget(self) -> None:
        for child in self._children:
            child.disown()
        self._renew()


class _Child:
    """One running child and the line to it; used by one thread at a time."""

    def __init__(self, limits: SandboxLimits) -> None:
        ours, theirs = socket.socketpair()
        bounds = {
            "parent": os.getpid(),
            "memory": limits.memory,
            "files": limits.files,
            "written": limits.written,
        }
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-B", "-P", "-m", "eoffice.core.sandbox_child", json.dumps(bounds)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Nothing of the server's environment: it may hold secrets. The path lets it import what we can.
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LANG": "C.UTF-8"},
                start_new_session=True,  # Ctrl+C at the terminal is ours to handle
            )
        self._line = ours
        self._answer_limit = limits.answer
        self.calls = 0

    def is_alive(self) -> bool:
        """Tell whether it still runs."""
        return self._process.poll() is None

    def ask(self, order: dict[str, Any], file: int, *, seconds: float) -> tuple[dict[str, Any], bytearray]:
        """Send one order with its open input and return the answer's header and bytes."""
        self.calls += 1
        header = json.dumps(order).encode()
        line = _Deadline(self._line, seconds)
        try:
            line.send(FRAME.pack(len(header), 0) + header, file)
            head_length, body_length = FRAME.unpack(line.receive(FRAME.size))
            if head_length + body_length > self._answer_limit:
                raise SandboxCrashed("sandbox_answer_too_large", size=head_length + body_length)
            head, body = json.loads(line.receive(head_length)), line.receive(body_length)
        except TimeoutError:
            raise SandboxTimeout(seconds=seconds) from None
        except (EOFError, OSError):
            raise self._cause_of_death(seconds) from None
        except (ValueError, RecursionError):
            raise SandboxCrashed("sandbox_answer_unreadable") from None
        if not isinstance(head, dict):
            raise SandboxCrashed("sandbox_answer_unreadable")
        return head, body

    def end(self) -> None:
        """Kill it and wait for its end."""
        self._line.close()
        self._process.kill()
        self._process.wait()

    def disown(self) -> None:
        """After a fork: it is our parent's child, only our copy of the line is ours to close."""
        self._line.close()
        self._process.returncode = 0  # there is nothing for us to wait for

    def _cause_of_death(self, seconds: float) -> SandboxError:
        # It has hung up; if it did not die of that itself, it is killed here, so that there is a status to read.
        try:
            status = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if status == OUT_OF_MEMORY:
            return SandboxMemory()
        if status in (-signal.SIGXCPU, -signal.SIGALRM):
            return SandboxTimeout(seconds=seconds)
        return SandboxCrashed(status=status)


class _Deadline:
    """A socket with one time limit for everything that is sent and received."""

    def __init__(self, line: socket.socket, seconds: float) -> None:
        self._line = line
        self._end = time.monotonic() + seconds

    def send(self, data: bytes, file: int) -> None:
        self._wait()
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))
        sent = self._line.sendmsg([data], [rights])
        while sent < len(data):
            self._wait()
            sent += self._line.send(data[sent:])

    def receive(self, length: int) -> bytearray:
        return receive(self, length)

    def recv_into(self, view: memoryview) -> int:
        self._wait()
        return self._line.recv_into(view)

    def _wait(self) -> None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._line.settimeout(left)


class _Nursery:
    """Starts children from one thread that lives as long as the process.

    The kernel sends the parent-death signal when the *thread* that started a child ends; a web server's threads come
    and go.
    """

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sandbox-nursery")

    def start(self, limits: SandboxLimits) -> _Child:
        return self._thread.submit(_Child, limits).result()


@contextmanager
def _as_file(data: bytes | Path) -> Iterator[int]:
    if isinstance(data, Path):
        file = os.open(data, os.O_RDONLY | os.O_CLOEXEC)
    else:
        file = os.memfd_create("sandbox-input", os.MFD_CLOEXEC)
    try:
        if isinstance(data, bytes):
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(file, rest) :]
            os.lseek(file, 0, os.SEEK_SET)
        yield file
    finally:
        os.close(file)


def _revived(header: dict[str, Any], declared: tuple[type[Exception], ...]) -> Exception:
    """Make a declared exception again from the words a child sent.

    Raises:
        SandboxCrashed: it was not declared, or the words make no sense.
    """
    names, code, message, facts = (header.get(key) for key in ("error", "code", "message", "facts"))
    if not isinstance(names, list) or not isinstance(message, str) or not isinstance(facts, dict):
        raise SandboxCrashed("sandbox_answer_unreadable")
    known = _by_name(declared)
    kind = next((known[name] for name in names if isinstance(name, str) and name in known), None)
    if kind is None:
        raise SandboxCrashed(raised=str(names[:1])[:200], said=message[:500])
    try:
        return kind(code, message, **facts) if isinstance(code, str) else kind(message)
    except TypeError:  # facts that do not fit
        raise SandboxCrashed("sandbox_answer_unreadable") from None


def _by_name(kinds: tuple[type[Exception], ...]) -> dict[str, type[Exception]]:
    found: dict[str, type[Exception]] = {}
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        found[f"{kind.__module__}.{kind.__qualname__}"] = kind
        waiting.extend(kind.__subclasses__())
    return found


def _after_fork() -> None:
    _nursery.renew()  # threads do not survive a fork
    for sandbox in list(_sandboxes):
        sandbox._forget()


def _at_exit() -> None:
    for sandbox in list(_sandboxes):
        sandbox.close()


_sandboxes: weakref.WeakSet[Sandbox] = weakref.WeakSet()
_nursery = _Nursery()
os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)

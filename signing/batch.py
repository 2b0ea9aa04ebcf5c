"""Judges many files in child processes: one that kills or stops its child costs one answer, never the others."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from signing.report import as_dict, from_dict
from signing.results import Limits, Reason, Verdict, Verification
from signing.trust import Trust
from signing.verify import ENGINE, policy, verify

__all__ = ["verify_many"]

_MEMORY = 2 * 1024**3
_GRACE = 2.0  # seconds a child may take beyond the limit, before it is stopped
_AHEAD = 4
_LARGEST_ANSWER = 64 * 1024 * 1024
_CHUNK = 1024 * 1024
_PARTS = ("anchors", "intermediates", "crls", "tsa_anchors")
_START = "import sys; sys.path.insert(0, sys.argv[1]); from signing.batch import serve; serve()"


def verify_many(
    paths: Iterable[Path],
    trust: Trust,
    *,
    at: datetime | None = None,
    jobs: int | None = None,
    limits: Limits = Limits(),
) -> Iterator[tuple[Path, Verification]]:
    """Judge files side by side, each in a child process with limits of time and memory.

    Args:
        paths: the files; taken from the iterator as they are needed, so there may be any number.
        trust: as for ``verify``.
        at: one moment for all of them; now when None.
        jobs: how many children at once; the number of processors when None.
        limits: bounds for each file; a child that outstays ``seconds`` by two is stopped.

    Yields:
        Each path with its verdict, in the order given. A file whose child died or hung is UNREADABLE
        (``check_interrupted``, ``over_limit_seconds``).
    """
    moment = at if at is not None else datetime.now(UTC)
    count = max(1, jobs if jobs is not None else os.cpu_count() or 1)
    order = json.dumps({"trust": _packed(trust), "at": moment.isoformat(), "limits": asdict(limits)}).encode() + b"\n"
    work = enumerate(paths)
    waiting: dict[int, Path] = {}
    answers: dict[int, Verification] = {}
    asked = told = 0
    more = True
    with _Children(count, order, limits.seconds + _GRACE) as children:
        while True:
            while more and children.idle and asked - told < count * _AHEAD:
                found = next(work, None)
                if found is None:
                    more = False
                    break
                index, path = found
                waiting[index], asked = path, index + 1
                children.ask(index, path)
            while told in answers:
                yield waiting.pop(told), answers.pop(told)
                told += 1
            if not more and told == asked:
                return
            if children.idle and asked - told < count * _AHEAD and more:
                continue
            for index, code, data in children.wait():
                answers[index] = data if data is not None else _lost(waiting[index], trust, moment, code, limits)


def _packed(trust: Trust) -> dict[str, list[str]]:
    return {name: [base64.b64encode(der).decode("ascii") for der in getattr(trust, name)] for name in _PARTS}


def _lost(path: Path, trust: Trust, moment: datetime, code: str, limits: Limits) -> Verification:
    return Verification(
        sha256=_digest(path, limits),
        verdict=Verdict.UNREADABLE,
        signatures=(),
        notes=(),
        flags=(),
        checked_at=moment,
        policy=policy(trust),
        engine=ENGINE,
        reasons=(Reason(code),),
    )


def _digest(path: Path, limits: Limits) -> str:
    try:
        if not path.is_file() or path.stat().st_size > limits.bytes:
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


class _Child:
    """One child process and what it is busy with."""

    def __init__(self, order: bytes) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START, str(Path(__file__).parent.parent)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
        )  # fmt: skip
        self.index: int | None = None
        self.ready = False
        self.since = time.monotonic()
        self._answer = bytearray()
        self._send(order)

    @property
    def output(self) -> BinaryIO:
        assert self.process.stdout is not None
        return self.process.stdout  # type: ignore[return-value]

    def ask(self, index: int, path: Path) -> None:
        self.index, self.since = index, time.monotonic()
        self._send(json.dumps({"path": os.fsencode(path).hex()}).encode() + b"\n")

    def _send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        try:
            view = memoryview(line)
            while view:
                view = view[self.process.stdin.write(view) :]
        except BrokenPipeError:
            return  # it died: its end of the other pipe tells

    def read(self) -> list[bytes] | None:
        """Whole lines that came; None when the child is gone or talks without end."""
        data = os.read(self.output.fileno(), _CHUNK)
        self._answer += data
        if not data or len(self._answer) > _LARGEST_ANSWER:
            return None
        *lines, rest = bytes(self._answer).split(b"\n") if b"\n" in data else [bytes(self._answer)]
        self._answer = bytearray(rest)
        return lines

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class _Children:
    """Some children, replaced as they die."""

    def __init__(self, count: int, order: bytes, seconds: float) -> None:
        self._count, self._order, self._seconds = count, order, seconds
        self._children: list[_Child] = []
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> _Children:
        return self

    def __exit__(self, *_: object) -> None:
        for child in list(self._children):
            self._drop(child)
        self._selector.close()

    @property
    def idle(self) -> bool:
        """There is room for one more file."""
        return len(self._children) < self._count or any(child.index is None for child in self._children)

    def ask(self, index: int, path: Path) -> None:
        """Give a file to a child that has none."""
        child = next((child for child in self._children if child.index is None), None)
        if child is None:
            child = _Child(self._order)
            self._children.append(child)
            self._selector.register(child.output, selectors.EVENT_READ, child)
        child.ask(index, path)

    def wait(self) -> list[tuple[int, str, Verification | None]]:
        """Answers that came in: index, code when there is no verdict, verdict."""
        found: list[tuple[int, str, Verification | None]] = []
        now = time.monotonic()
        busy = [child for child in self._children if child.index is not None]
        # Starting is not the file's fault, so its time runs from the moment the child is ready.
        ends = {id(child): child.since + self._seconds + (0.0 if child.ready else 60.0) for child in busy}
        for event, _ in self._selector.select(max(0.0, min(ends.values(), default=now) - now)):
            found += self._heard(event.data)
        now = time.monotonic()
        for child in [one for one in self._children if one.index is not None and now > ends.get(id(one), now)]:
            found.append((self._index(child), "over_limit_seconds", None))
            self._drop(child)
        return found

    def _heard(self, child: _Child) -> list[tuple[int, str, Verification | None]]:
        found: list[tuple[int, str, Verification | None]] = []
        lines = child.read()
        if lines is None:
            if child.index is not None:
                found.append((child.index, "check_interrupted", None))
            self._drop(child)
            return found
        for line in lines:
            if not child.ready:
                child.ready, child.since = True, time.monotonic()
                continue
            try:
                found.append((self._index(child), "", from_dict(json.loads(line))))
                child.index = None
            except (ValueError, KeyError, TypeError):  # nobody knows what a hostile file made of the child
                found.append((self._index(child), "check_interrupted", None))
                self._drop(child)
                break
        return found

    @staticmethod
    def _index(child: _Child) -> int:
        if child.index is None:
            raise ValueError("an answer nobody asked for")
        return child.index

    def _drop(self, child: _Child) -> None:
        self._children.remove(child)
        self._selector.unregister(child.output)
        child.stop()


def serve() -> None:
    """The child: reads the order and then paths, one line each, and answers each with one line of JSON."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints must not look like an answer
    _bound_memory()
    order = json.loads(sys.stdin.buffer.readline())
    trust = Trust(**{name: tuple(base64.b64decode(item) for item in order["trust"][name]) for name in _PARTS})
    moment, limits = datetime.fromisoformat(order["at"]), Limits(**order["limits"])
    answers.write(b"{}\n")
    for line in sys.stdin.buffer:
        path = Path(os.fsdecode(bytes.fromhex(json.loads(line)["path"])))
        found: dict[str, Any] = as_dict(verify(path, trust, at=moment, limits=limits))
        view = memoryview(json.dumps(found).encode("ascii") + b"\n")
        while view:
            view = view[answers.write(view) :]


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # not a Unix: the limit of time still holds
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

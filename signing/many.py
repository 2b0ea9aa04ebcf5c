"""Signs files on disk and many documents in a row: one unlock, a result for each, and none that stops the others."""

from __future__ import annotations

import gc
import os
import shutil
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, fields
from dataclasses import field as default
from datetime import datetime
from enum import StrEnum
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import BinaryIO

from signing.errors import DocumentError, SigningError
from signing.increment import Facts, Signed, appending
from signing.keys import Key
from signing.results import Limits
from signing.revocation import Source
from signing.sign import Request, begin, moment, needed_tsa, sign
from signing.trust import Trust
from signing.tsa import Tsa

__all__ = ["Item", "Outcome", "SignedFile", "State", "sign_file", "sign_many"]

_SMALL = 2 * 1024 * 1024
"""Bytes of a file that is signed in memory, where a parser that reads byte by byte is twice as fast."""
_CHUNK = 8
"""Items one process takes at a time: asking for each would cost a tenth of the signing."""


@dataclass(frozen=True, kw_only=True)
class SignedFile(Facts):
    """A signed file and what was put into it.

    Args:
        path: where it stands; the input is its beginning, byte for byte.
    """

    path: Path


@dataclass(frozen=True, kw_only=True)
class Item:
    """One document of many.

    Args:
        name: how the caller calls it; ``done`` is asked for it.
        pdf: the document; or ``source`` and ``target``: files, of which the target is written.
        key: for this document alone, such as a key the agent unlocked for it; None: the common one.
    """

    name: str
    request: Request
    pdf: bytes | None = default(default=None, repr=False)
    source: Path | None = None
    target: Path | None = None
    key: Key | None = default(default=None, repr=False)


class State(StrEnum):
    SIGNED = "signed"
    REFUSED = "refused"
    DONE_BEFORE = "done_before"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one item; ``signed`` or ``error`` as the state says, neither when it was not touched."""

    name: str
    state: State
    signed: Signed | SignedFile | None = None
    error: SigningError | None = None


def sign_file(
    source: Path,
    target: Path,
    key: Key,
    request: Request,
    *,
    trust: Trust,
    tsa: Tsa | None = None,
    status: Source | None = None,
    at: datetime | None = None,
    limits: Limits = Limits(),
    durable: bool = True,
) -> SignedFile:
    """Sign a file into another one; a large one is copied by the kernel and the update appended, never read whole.

    Args:
        target: written whole or not at all; one that was there is replaced. ``source`` and ``target`` may be one file.
        status: tells the status of certificates, see ``source`` of ``signing.sign.sign``.
        durable: on the disk before this returns.

    Raises:
        DocumentError: ``file_missing``, ``file_unusable``. Others as ``signing.sign.sign``.
    """
    item = Item(name=str(source), request=request, source=source, target=target)
    signed = _How(key, trust, tsa, status, at, limits, durable=durable).sign_file(item)
    if durable:
        _sync({target.parent})
    return signed


def sign_many(
    items: Iterable[Item],
    key: Key,
    trust: Trust,
    *,
    tsa: Tsa | None = None,
    status: Source | None = None,
    at: datetime | None = None,
    done: Container[str] = frozenset(),
    stop: Callable[[], bool] = lambda: False,
    limits: Limits = Limits(),
    processes: int = 1,
) -> Iterator[Outcome]:
    """Sign one document after the other, when the next outcome is asked for.

    Args:
        items: taken one by one.
        key: opened once by the caller, who also closes it.
        at: one claimed time for all, aware; None: each its own, now.
        done: names of what was signed before; those are told and not touched.
        stop: asked before each (with processes: before each handful); once it is true the rest are told as stopped and
            not touched.
        processes: 2 or more: so many are forked, for items of ``source`` and ``target`` and a key in memory
            (``SoftKey``); a token or the agent is asked by one process alone. Fork before starting threads.

    Yields:
        One outcome per item, in their order. Nothing that happens to one is raised.
    """
    how = _How(key, trust, tsa, status, at, limits)
    if processes > 1:
        yield from _parallel(iter(items), how, done, stop, processes=processes)
        return
    stopped = False
    for item in items:
        stopped = stopped or stop()
        yield _untouched(item, done, stopped=stopped) or how.outcomes([item])[0]


@dataclass(frozen=True)
class _How:
    """What all items have in common."""

    key: Key
    trust: Trust
    tsa: Tsa | None
    status: Source | None
    at: datetime | None
    limits: Limits
    durable: bool = True

    def outcomes(self, items: list[Item]) -> list[Outcome]:
        """Sign some, and tell once all of them are on the disk under their names."""
        found = [self._outcome(item) for item in items]
        if self.durable:
            _sync({one.signed.path.parent for one in found if isinstance(one.signed, SignedFile)})
        return found

    def _outcome(self, item: Item) -> Outcome:
        try:
            signed: Signed | SignedFile
            signed = self.sign_file(item) if item.pdf is None else self._sign(item.pdf, item)
        except SigningError as error:
            return Outcome(name=item.name, state=State.REFUSED, error=error)
        except Exception as error:  # whatever it was, the others are still to be signed
            return Outcome(name=item.name, state=State.REFUSED, error=_unexpected(error))
        return Outcome(name=item.name, state=State.SIGNED, signed=signed)

    def _sign(self, pdf: bytes, item: Item) -> Signed:
        key, trust = item.key or self.key, self.trust
        return sign(
            pdf, key, item.request, trust, tsa=self.tsa, source=self.status, at=self.at, limits=self.limits
        )

    def sign_file(self, item: Item) -> SignedFile:
        """See ``sign_file``; whether the name is on the disk too is the caller's to see to."""
        source, target, key = item.source, item.target, item.key or self.key
        if source is None or target is None:
            raise DocumentError("file_missing", item.name)
        beside = target.with_name(f".{target.name}.{os.getpid()}.new")
        try:
            # What comes after the signature (evidence, time-stamps over the file) is written in memory.
            if source.stat().st_size <= _SMALL or item.request.level not in ("B-B", "B-T"):
                signed = self._sign(source.read_bytes(), item)
                facts = Facts(**{one.name: getattr(signed, one.name) for one in fields(Facts)})
                with beside.open("xb") as file:
                    file.write(signed.pdf)
                    self._keep(file)
            else:
                shutil.copyfile(source, beside)
                with appending(beside) as file:
                    at, tsa = moment(self.at), needed_tsa(item.request.level, self.tsa, self.trust)
                    opened, mark = begin(
                        file, key, item.request, self.trust, source=self.status, at=at, limits=self.limits
                    )
                    facts = opened.finish_in_place(key, mark, self.trust, tsa=tsa, at=at)
                    self._keep(file)
            beside.replace(target)
        except FileNotFoundError as error:
            raise DocumentError("file_missing", str(error)) from error
        except OSError as error:
            raise DocumentError("file_unusable", str(error)) from error
        finally:
            beside.unlink(missing_ok=True)
        return SignedFile(path=target, **vars(facts))

    def _keep(self, file: BinaryIO) -> None:
        file.flush()
        if self.durable:
            os.fsync(file.fileno())


def _untouched(item: Item, done: Container[str], *, stopped: bool) -> Outcome | None:
    if item.name in done:
        return Outcome(name=item.name, state=State.DONE_BEFORE)
    return Outcome(name=item.name, state=State.STOPPED) if stopped else None


def _unexpected(error: BaseException) -> SigningError:
    return SigningError("internal_error", f"{type(error).__name__}: {error}")


_here: list[_How] = []
"""In a forked process: what all items have in common; a key cannot be sent, but it is inherited."""


def _inherit(how: _How) -> None:
    _here[:] = [how]
    gc.freeze()  # what was there before the fork stays: looking through it again and again costs time and copies pages


def _sign_chunk(items: list[Item]) -> list[Outcome]:
    return _here[0].outcomes(items)


def _parallel(
    items: Iterator[Item], how: _How, done: Container[str], stop: Callable[[], bool], *, processes: int
) -> Iterator[Outcome]:
    waiting: deque[tuple[list[Item | Outcome], Future[list[Outcome]]]] = deque()
    stopped = False
    with ProcessPoolExecutor(processes, get_context("fork"), initializer=_inherit, initargs=(how,)) as pool:
        try:
            while True:
                while len(waiting) < 2 * processes and (chunk := list(islice(items, _CHUNK))):
                    stopped = stopped or stop()
                    told = [_untouched(item, done, stopped=stopped) or item for item in chunk]
                    waiting.append((told, _submit(pool, [one for one in told if isinstance(one, Item)])))
                if not waiting:
                    return
                yield from _collected(*waiting.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, items: list[Item]) -> Future[list[Outcome]]:
    answer: Future[list[Outcome]] = Future()
    try:
        if items:
            return pool.submit(_sign_chunk, items)
        answer.set_result([])
    except BrokenProcessPool as error:
        answer.set_exception(error)
    return answer


def _collected(told: list[Item | Outcome], future: Future[list[Outcome]]) -> Iterator[Outcome]:
    """Outcomes of one chunk, those of untouched items in their places."""
    try:
        made = iter(future.result())
    except Exception as error:  # a process was killed: what it held is not known to be signed
        lost = _unexpected(error)
        items = (one for one in told if isinstance(one, Item))
        made = iter([Outcome(name=item.name, state=State.REFUSED, error=lost) for item in items])
    return (next(made) if isinstance(one, Item) else one for one in told)


def _sync(folders: set[Path]) -> None:
    """Make sure that the names of files are on the disk too."""
    for folder in folders:
        with suppress(OSError):  # some file systems cannot
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

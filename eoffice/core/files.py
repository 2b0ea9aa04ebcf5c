"""Bytes under their SHA-256, written once and never changed."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from eoffice.core.errors import NotFound, OfficeError, StorageFull, TooLarge
from eoffice.core.i18n import N_

_CHUNK = 1024 * 1024
_NAME = re.compile(r"[0-9a-f]{64}\Z")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FileMissing(NotFound):
    """A hash that the store does not hold, or something that is no hash."""

    code = "file_missing"


class FileDamaged(OfficeError):
    """The bytes on the disk are not those that were stored."""

    code = "file_damaged"
    message = N_("A stored file has been damaged on the disk. It is not shown. Please tell the administrator.")


class FileStore:
    """A folder of files named by the SHA-256 of their bytes: ``<first two digits>/<all 64 digits>``.

    A file is either whole and durable or not there: it is written beside, flushed, renamed, and its folder flushed.
    Any number of processes may store at the same time, the same bytes too.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / "incoming"

    def put(self, source: bytes | BinaryIO, *, limit: int | None = None) -> str:
        """Store bytes and return their lower-case hex SHA-256; storing what is already there is fine.

        Args:
            source: the bytes, or an open binary file that is read to its end.
            limit: most bytes accepted; more raise TooLarge and leave nothing behind.

        Raises:
            TooLarge: more than ``limit`` bytes.
            StorageFull: no room on the disk; nothing was stored, earlier files are untouched.
        """
        try:
            self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._incoming)
            try:
                with os.fdopen(handle, "wb") as target:
                    sha256 = _copy(source, target, limit)
                    os.fchmod(target.fileno(), 0o400)
                    os.fsync(target.fileno())
                self._place(Path(name), sha256)
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise StorageFull from error
            raise
        return sha256

    def path(self, sha256: str) -> Path:
        """Return where the bytes of a hash lie, whether they are there or not.

        Raises:
            FileMissing: ``sha256`` is not 64 lower-case hex digits.
        """
        if not _NAME.match(sha256):
            raise FileMissing(sha256=sha256[:80])
        return self.root / sha256[:2] / sha256

    def exists(self, sha256: str) -> bool:
        """Tell whether the bytes are there."""
        return self.path(sha256).is_file()

    def open(self, sha256: str) -> BinaryIO:
        """Open the bytes for reading.

        Raises:
            FileMissing: they are not there.
        """
        try:
            return self.path(sha256).open("rb")
        except FileNotFoundError:
            raise FileMissing(sha256=sha256) from None

    def read(self, sha256: str, *, check: bool = False) -> bytes:
        """Return the bytes; with ``check`` only after hashing them again.

        Raises:
            FileMissing: they are not there.
            FileDamaged: with ``check``, they are not what was stored.
        """
        with self.open(sha256) as file:
            data = file.read()
        if check and hashlib.sha256(data).hexdigest() != sha256:
            raise FileDamaged(sha256=sha256)
        return data

    def verify(self, sha256: str) -> bool:
        """Tell whether the bytes on the disk still have this hash.

        Raises:
            FileMissing: they are not there.
        """
        hasher = hashlib.sha256()
        with self.open(sha256) as file:
            for chunk in _chunks(file):
                hasher.update(chunk)
        return hasher.hexdigest() == sha256

    def names(self) -> Iterator[str]:
        """Return the hashes of all stored files, sorted."""
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(file.name for file in folder.iterdir() if _NAME.match(file.name))

    def sweep(self, *, before: datetime) -> int:
        """Remove what interrupted writers left before that time; return how many leftovers there were."""
        left = 0
        for file in self._incoming.glob("*"):
            try:
                if file.stat().st_mtime < before.timestamp():
                    file.unlink()
                    left += 1
            except FileNotFoundError:
                continue  # its writer finished meanwhile
        return left

    def _place(self, written: Path, sha256: str) -> None:
        final = self.path(sha256)
        # A torn file of the right name (an older disk fault) is replaced; renaming is atomic for its readers.
        if not (final.is_file() and final.stat().st_size == written.stat().st_size):
            if not final.parent.is_dir():
                final.parent.mkdir(mode=0o700, exist_ok=True)
                _flush_folder(self.root)
            written.rename(final)
        # Also when it was there: whoever put it there may not have come to this line yet.
        _flush_folder(final.parent)


def _copy(source: bytes | BinaryIO, target: BinaryIO, limit: int | None) -> str:
    hasher = hashlib.sha256()
    size = 0
    for chunk in _chunks(source):
        size += len(chunk)
        if limit is not None and size > limit:
            raise TooLarge(limit_mb=limit // (1024 * 1024), limit=limit)
        hasher.update(chunk)
        target.write(chunk)
    target.flush()
    return hasher.hexdigest()


def _chunks(source: bytes | BinaryIO) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    while chunk := source.read(_CHUNK):
        yield chunk


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

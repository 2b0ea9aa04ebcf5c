"""The file store keeps bytes whole, once, and says so when it cannot."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoffice.core.errors import NotFound, StorageFull, TooLarge
from eoffice.core.files import FileDamaged, FileMissing, FileStore

ABC = hashlib.sha256(b"abc").hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


def everything(store: FileStore) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file()]


def test_bytes_and_streams_come_back_under_their_hash(store: FileStore) -> None:
    assert store.put(b"abc") == ABC == store.put(io.BytesIO(b"abc"))
    assert store.read(ABC) == store.read(ABC, check=True) == b"abc"
    assert store.exists(ABC)
    assert store.verify(ABC)
    assert [path.name for path in everything(store)] == [ABC]
    with store.open(ABC) as file:
        assert file.read() == b"abc"


@given(data=st.binary(max_size=5000))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    store = FileStore(tmp_path_factory.getbasetemp() / "any")
    assert store.read(store.put(data), check=True) == data


def test_stored_files_cannot_be_written_by_accident(store: FileStore) -> None:
    assert store.path(store.put(b"abc")).stat().st_mode & 0o777 == 0o400


@pytest.mark.parametrize("name", ["", "../../etc/passwd", ABC.upper(), ABC + "\n", ABC[:-1], "g" * 64, "/" + ABC])
def test_what_is_no_hash_is_never_a_path(store: FileStore, name: str) -> None:
    for ask in (store.path, store.exists, store.open, store.read, store.verify):
        with pytest.raises(FileMissing):
            ask(name)


def test_missing_is_not_found(store: FileStore) -> None:
    assert not store.exists(ABC)
    with pytest.raises(NotFound) as missing:
        store.read(ABC)
    assert missing.value.code == "file_missing"


def test_damage_is_seen_and_healed_by_storing_again(store: FileStore) -> None:
    path = store.path(store.put(b"abc"))
    path.chmod(0o600)
    path.write_bytes(b"abd")
    assert not store.verify(ABC)
    assert store.read(ABC) == b"abd"
    with pytest.raises(FileDamaged):
        store.read(ABC, check=True)
    path.write_bytes(b"a")  # torn
    store.put(b"abc")
    assert store.verify(ABC)


def test_too_much_is_refused_and_leaves_nothing(store: FileStore) -> None:
    with pytest.raises(TooLarge) as refusal:
        store.put(io.BytesIO(bytes(3_000_001)), limit=3_000_000)
    assert refusal.value.facts["limit"] == 3_000_000
    assert everything(store) == []
    assert store.put(b"abc", limit=3) == ABC


def test_a_source_that_fails_leaves_nothing(store: FileStore) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.put(Broken(b"abc"))
    assert everything(store) == []


NO_ROOM = """
import resource, signal, sys
from pathlib import Path
from eoffice.core.errors import StorageFull
from eoffice.core.files import FileStore
store = FileStore(Path(sys.argv[1]))
first = store.put(b"abc")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    store.put(bytes(5_000_000))
except StorageFull as full:
    assert full.code == "storage_full" and full.status == 507
else:
    raise SystemExit("stored")
assert store.read(first) == b"abc"
"""


def test_no_room_is_told_and_leaves_nothing(store: FileStore) -> None:
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", NO_ROOM, str(store.root)], env=path, check=True)
    assert [file.name for file in everything(store)] == [ABC]


def test_a_disk_that_is_full_only_at_the_flush(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store.put(b"first")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull):
        store.put(b"abc")
    assert not store.exists(ABC)
    assert len(everything(store)) == 1


def test_other_faults_of_the_disk_are_not_called_full(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output") as fault:
        store.put(b"abc")
    assert fault.value.errno == errno.EIO


def test_flushed_before_it_can_be_found(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = os.fsync

    def watch(handle: int) -> None:
        seen.append((os.path.realpath(f"/proc/self/fd/{handle}"), store.exists(ABC)))
        real(handle)

    monkeypatch.setattr(os, "fsync", watch)
    store.put(b"abc")
    assert "incoming" in seen[0][0]
    assert seen[0][1] is False
    assert seen[-1] == (str(store.path(ABC).parent.resolve()), True)


def test_many_writers_of_the_same_bytes(store: FileStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: store.put(b"abc"), range(40))) == {ABC}
    assert [path.name for path in everything(store)] == [ABC]


def test_names_are_all_stored_files(store: FileStore) -> None:
    stored = sorted(store.put(b"%d" % n) for n in range(20))
    assert list(store.names()) == stored


def test_sweep_takes_old_leftovers_only(store: FileStore) -> None:
    store.put(b"abc")
    old, fresh = store.root / "incoming" / "tmpold", store.root / "incoming" / "tmpfresh"
    old.write_bytes(b"half")
    fresh.write_bytes(b"half")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    assert store.sweep(before=datetime(2020, 1, 1, tzinfo=UTC)) == 1
    assert (old.exists(), fresh.exists(), store.exists(ABC)) == (False, True, True)
    assert FileStore(store.root / "nothing").sweep(before=datetime(2020, 1, 1, tzinfo=UTC)) == 0

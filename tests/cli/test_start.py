"""``scripts/start``: one command to a working office, one copy per home, nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.wait import until


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(home: Path, port: int, *more: str) -> list[str]:
    return [sys.executable, "-m", "eoffice.cli", "start", "--home", str(home), "--port", str(port), *more]


def page(port: int, path: str = "/") -> str | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return None


@contextmanager
def running(home: Path, port: int, *more: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    said = home.parent / f"said-{port}.txt"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EOFFICE_")}
    with said.open("wb") as out:
        process = subprocess.Popen(command(home, port, *more), stdout=out, stderr=out, env=environment)
    try:
        until(lambda: page(port) is not None or process.poll() is not None, seconds=90, what="the first page")
        assert process.poll() is None, said.read_text("utf-8")
        yield process, said
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, said.read_text("utf-8")


def offspring(parent: int) -> set[int]:
    """Processes below one, by the system's own table."""
    children: dict[int, set[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), set()).add(int(status.parent.name))
    found, todo = set(), [parent]
    while todo:
        for child in children.get(todo.pop(), ()):
            found.add(child)
            todo.append(child)
    return found


@pytest.mark.slow
def test_one_command_to_a_working_office(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    with running(home, port) as (process, said):
        front = page(port) or ""
        assert "THỬ NGHIỆM" in front
        assert re.search(r'<html[^>]* lang="vi"', front)
        until(lambda: "Ctrl+C" in said.read_text("utf-8"), seconds=30, what="the welcome")
        assert "hanh" in said.read_text("utf-8")

        second = subprocess.run(command(home, free_port()), capture_output=True, text=True, check=False, timeout=60)
        assert second.returncode != 0
        assert str(process.pid) in second.stderr
        assert "Traceback" not in second.stderr

        below = offspring(process.pid)
        worker = next(
            pid for pid in below if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        )
        os.kill(worker, signal.SIGKILL)
        until(
            lambda: any(
                b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                for pid in offspring(process.pid) - below
            ),
            seconds=30,
            what="a new worker",
        )
        assert page(port) is not None
        everybody = offspring(process.pid)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in everybody), seconds=15, what="nothing left")

    with running(home, port):  # the second start finds everything
        assert page(port, "/") is not None


@pytest.mark.slow
def test_an_empty_office_starts_too(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path / "home", port, "--empty"):
        assert page(port) is not None


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        done = subprocess.run(
            command(tmp_path / "home", port), capture_output=True, text=True, check=False, timeout=60
        )
    assert done.returncode != 0
    assert f"port {port} is taken" in done.stderr
    assert not (tmp_path / "home" / "eoffice.sqlite3").exists()

"""The environment is made from what we know by hash, and says clearly why when it cannot be made."""

from __future__ import annotations

import errno
import hashlib
import http.server
import io
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.code import ROOT

LIB = ROOT / "scripts" / "lib"


def _load(name: str) -> ModuleType:
    spec = spec_from_file_location(name, LIB / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


prepare = _load("prepare")


def _wheel(version: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"uv-{version}.data/scripts/uv", "#!/bin/sh\necho run > ran\n")
    return content.getvalue()


class _Index(http.server.BaseHTTPRequestHandler):
    files: dict[str, bytes] = {}  # noqa: RUF012 - set by the fixture

    def do_GET(self) -> None:
        found = self.files.get(self.path)
        if "me" in self.files and self.headers["Authorization"] != "Basic bWU6aCBkZA==":
            found = None
        self.send_response(200 if found is not None else 404)
        self.end_headers()
        self.wfile.write(found or b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A package index on this machine: path to content."""
    files: dict[str, bytes] = {}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Index", (_Index,), {"files": files}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    yield files
    server.shutdown()
    thread.join()
    server.server_close()


def _page(wheel: str) -> bytes:
    return f'<a href="../../files/other.whl">other.whl</a><a href="../../files/{wheel}#sha256=0" x>w</a>'.encode()


def test_uv_is_fetched_without_pip_from_any_index(index: dict[str, bytes], tmp_path: Path) -> None:
    name = prepare.wheel_name("9.9.9")
    index["/simple/uv/"] = _page(name)
    index[f"/files/{name}"] = wheel = _wheel("9.9.9")
    assert prepare.fetch_without_pip(name) == wheel


def test_a_mirror_gets_the_password_in_its_address(index: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    name = prepare.wheel_name("9.9.9")
    index["/simple/uv/"] = _page(name)
    index[f"/files/{name}"] = wheel = _wheel("9.9.9")
    index["me"] = b""
    with pytest.raises(prepare.CannotPrepare, match="404"):
        prepare.fetch_without_pip(name)
    monkeypatch.setenv("PIP_INDEX_URL", os.environ["PIP_INDEX_URL"].replace("//", "//me:h%20dd@"))
    assert prepare.fetch_without_pip(name) == wheel


def test_an_index_without_our_wheel_is_named(index: dict[str, bytes]) -> None:
    index["/simple/uv/"] = _page("uv-1-py3-none-any.whl")
    with pytest.raises(prepare.CannotPrepare, match=r"127\.0\.0\.1.* does not offer uv-9\.9\.9"):
        prepare.fetch_without_pip(prepare.wheel_name("9.9.9"))


def test_an_index_that_does_not_answer_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(prepare.CannotPrepare, match="A network is needed once") as told:
        prepare.get("http://me:hidden@127.0.0.1:9/simple/uv/")
    assert "hidden" not in str(told.value)


@pytest.mark.parametrize("known", [True, False])
def test_only_the_uv_we_know_is_unpacked(
    known: bool, index: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = prepare.wheel_name("9.9.9")
    index["/simple/uv/"] = _page(name)
    index[f"/files/{name}"] = wheel = _wheel("9.9.9")
    digest = hashlib.sha256(wheel if known else b"another").hexdigest()
    (tmp_path / "uv.txt").write_text(f"uv==9.9.9 --hash=sha256:{digest}")
    monkeypatch.setattr(prepare, "PINS", tmp_path)
    monkeypatch.setattr(prepare, "fetch_with_pip", lambda: None)
    if known:
        uv = prepare.get_uv(tmp_path)
        assert uv.read_text().startswith("#!/bin/sh")
        assert uv.stat().st_mode & 0o111
    else:
        with pytest.raises(prepare.CannotPrepare, match="hash differs"):
            prepare.get_uv(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["uv.txt"]


def test_the_pins_hold_a_hash_for_every_machine_we_name() -> None:
    _, hashes = prepare.read_pin(LIB / "uv.txt")
    assert len(hashes) == 3
    version, hashes = prepare.read_pin(LIB / "build.txt")
    assert hashes
    assert version.split(".")[0] in ("80", "81", "82", "83")


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.ENOSPC, "The disk is full"), (errno.EACCES, "may not be written"), (errno.EROFS, "may not be written")],
)
def test_the_system_s_errors_are_said_in_a_sentence(number: int, told: str) -> None:
    assert told in prepare.explain(OSError(number, os.strerror(number), "/somewhere"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the environment is made from."""
    place = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts", place / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.lock", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, place)
    return place


def _run(checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    base = {"PATH": os.environ["PATH"], "HOME": str(checkout), "PIP_CONFIG_FILE": "/dev/null", "PIP_RETRIES": "0"}
    script = checkout / "scripts" / "try"
    script.write_text('#!/bin/sh\nset -eu\n. "$(dirname -- "$0")/lib/ready.sh"\necho "ready in $ROOT"\n')
    script.chmod(0o755)
    return subprocess.run([script], env=base | variables, capture_output=True, text=True, check=False)


def test_without_a_network_it_says_so_and_nothing_runs(checkout: Path) -> None:
    done = _run(checkout, PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert done.returncode == 1
    assert "The environment in" in done.stderr
    assert "A network is needed once" in done.stderr
    assert "Traceback" not in done.stderr
    assert "ready" not in done.stdout
    assert not (checkout / ".venv" / "ready").exists()


def test_a_fitting_environment_is_used_at_once_and_a_changed_lock_is_seen(checkout: Path) -> None:
    venv = checkout / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    stamp = subprocess.run(
        [sys.executable, "-c", "import bootstrap; print(bootstrap.stamp(), end='')"],
        cwd=checkout / "scripts" / "lib",
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (venv / "ready").write_text(stamp)
    assert _run(checkout).stdout == f"ready in {checkout}\n"
    with (checkout / "requirements.lock").open("a") as lock:
        lock.write("# another\n")
    again = _run(checkout, PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert again.returncode == 1
    assert "Preparing the environment" in again.stderr


def test_a_python_that_does_not_fit_is_named(checkout: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    old = tools / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2"\nexit 1\n')
    old.chmod(0o755)
    for name in ("dirname", "sh"):
        (tools / name).symlink_to(str(shutil.which(name)))
    done = _run(checkout, PATH=str(tools))
    assert done.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13 and found none: Python 3.9.2" in done.stderr

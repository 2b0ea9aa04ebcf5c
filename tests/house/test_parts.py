"""The table of real parts counts what ran, and a run that may not skip fails when it does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.code import ROOT

SUITE = """
import pytest

def test_signs(openssl, qpdf): pass
def test_again(openssl): pass
def test_nothing(): pass
def test_missing(parts): parts.program("Chromium", "no-such-browser")
@pytest.mark.slow
def test_slow(pdfsig): pass
"""


def _run(
    folder: Path, variables: dict[str, str], *arguments: str, workers: int = 0
) -> subprocess.CompletedProcess[str]:
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests" / "test_suite.py").write_text(SUITE)
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = tests\nmarkers = slow: slow\n")
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | variables
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "pytest", "-p", "tests.support.parts", "-p", "no:cacheprovider", f"-n{workers}"]
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    """A machine on which the tools the suite asks for are there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("openssl", "qpdf", "pdfsig"):
        (folder / name).symlink_to("/bin/true")
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def _counted(said: str) -> dict[str, tuple[int, int]]:
    rows = re.findall(r"^(\w+) +(\d+) +(\d+)$", said, re.M)
    return {part: (int(ran), int(skipped)) for part, ran, skipped in rows}


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_each_part_is_counted_once_per_test(tmp_path: Path, tools: dict[str, str], workers: int) -> None:
    done = _run(tmp_path, tools, workers=workers)
    assert done.returncode == 0, done.stdout
    counted = _counted(done.stdout)
    assert counted["openssl"] == (2, 0)
    assert counted["qpdf"] == (1, 0)
    assert counted["Chromium"] == (0, 1)
    assert counted["pdfsig"] == (0, 0), "slow tests wait for --all"
    assert "3 passed, 1 skipped" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_with_all_a_skip_fails_the_run(tmp_path: Path, tools: dict[str, str], workers: int) -> None:
    done = _run(tmp_path, tools, "--all", "tests/test_suite.py", workers=workers)
    assert done.returncode == 1
    assert _counted(done.stdout)["pdfsig"] == (1, 0)
    assert "1 skipped: this run counts as failed." in done.stdout


def test_in_ci_a_skip_fails_the_run(tmp_path: Path, tools: dict[str, str]) -> None:
    assert _run(tmp_path, tools | {"CI": "true"}).returncode == 1
    assert _run(tmp_path, tools | {"CI": "true"}, "-k", "signs or again").returncode == 0


def test_what_failed_before_fails_the_run(tmp_path: Path, tools: dict[str, str]) -> None:
    done = _run(tmp_path, tools, "--failed-before=scripts/check")
    assert done.returncode == 1
    assert "scripts/check failed" in done.stdout
    assert " passed" in done.stdout.splitlines()[-1]


def test_what_the_features_name_must_have_passed(tmp_path: Path, tools: dict[str, str]) -> None:
    whole = ("--all", "--deselect", "tests/test_suite.py::test_missing")
    page = tmp_path / "features.md"
    row = "| R01 | something | partly (much) | here | tests/web/test_a.py::test_gone |\n"
    page.write_text(row)
    (tmp_path / "conftest.py").write_text(
        f"from pathlib import Path\nfrom tests.support import features\nfeatures.PAGE = Path({str(page)!r})\n"
    )
    done = _run(tmp_path, tools, *whole)
    assert "names a test that did not pass: R01 tests/web/test_a.py::test_gone" in done.stdout
    assert done.returncode == 1
    page.write_text(row.replace("tests/web/test_a.py::test_gone", "tests/test_suite.py::test_signs"))
    done = _run(tmp_path, tools, *whole)
    assert done.returncode == 0, done.stdout

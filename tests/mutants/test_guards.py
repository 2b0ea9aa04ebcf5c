"""The tests see the guards: each is switched off in a copy of the tree, and the test named for it goes red."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.code import ROOT
from tests.support.parts import Parts

TREES = ("eoffice", "signing", "templates", "certs", "tests")
FILES = ("setup.cfg", "pyproject.toml")


@dataclass(frozen=True)
class Guard:
    """A line of the product, what it becomes when it is switched off, and the test that must see it."""

    name: str
    file: str
    old: str
    new: str
    test: str


GUARDS = [Guard(**item) for item in tomllib.loads((Path(__file__).parent / "guards.toml").read_text("utf-8"))["guard"]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the product and its tests."""
    for name in TREES:
        ignored = shutil.ignore_patterns("__pycache__", "mutants")
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def run(tree: Path, *tests: str) -> tuple[int, str]:
    """Run tests of a copy; its own modules come before ours."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n0", "-q", *tests]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_guards_are_named_each_once() -> None:
    """What is switched off stands in the product exactly once, so that no mutant rots."""
    assert len(GUARDS) >= 14
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)
    for guard in GUARDS:
        assert (ROOT / guard.file).read_text("utf-8").count(guard.old) == 1, guard.name
        path, _, test = guard.test.partition("::")
        assert f"def {test.partition('[')[0]}(" in (ROOT / path).read_text("utf-8"), guard.test


@pytest.mark.slow
def test_with_all_guards_every_test_is_green(tree: Path, parts: Parts) -> None:
    parts.use("PostgreSQL")
    code, said = run(tree, *sorted({guard.test for guard in GUARDS}))
    assert code == 0, said


@pytest.mark.slow
@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_without_it_its_test_is_red(tree: Path, guard: Guard) -> None:
    path = tree / guard.file
    path.write_text(path.read_text("utf-8").replace(guard.old, guard.new), "utf-8")
    code, said = run(tree, guard.test)
    assert code == pytest.ExitCode.TESTS_FAILED, f"{guard.test} did not see that {guard.name!r} is off:\n{said}"
    assert "1 failed" in said, said

"""Guard, comparison and verdict decide over false and true: their own tests see every line and every branch of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DECIDING = ("byterange", "changes", "verdict")
TESTS = ("byterange", "changes", "changes_each", "verdict", "verify_attacks", "verify_shadows", "verify_lawful",
         "verify_second_round")


@pytest.mark.slow
def test_every_branch_that_decides_is_seen(tmp_path: Path) -> None:
    told = tmp_path / "coverage.json"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "--no-header",
         *[f"tests/signing/test_{name}.py" for name in TESTS], *[f"--cov=signing.{name}" for name in DECIDING],
         "--cov-branch", f"--cov-report=json:{told}"],
        cwd=ROOT, capture_output=True, text=True, timeout=280, check=False,
        env={**os.environ, "COVERAGE_FILE": str(tmp_path / "coverage")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    files = json.loads(told.read_text())["files"]
    assert {Path(name).stem for name in files} == set(DECIDING)
    for name, seen in files.items():
        assert seen["missing_lines"] == [], name
        assert seen["missing_branches"] == [], name
        assert seen["excluded_lines"] == [], name

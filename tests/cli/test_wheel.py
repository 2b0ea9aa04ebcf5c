"""The wheel, installed into an empty environment, is the whole office: its command tells a letter's whole life."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eoffice import __version__

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "EOFFICE"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_an_installed_wheel_goes_on_the_tour(tmp_path: Path) -> None:
    uv = next(Path(sys.prefix).glob("uv-*"))  # the one that made this environment
    tree = tmp_path / "tree"
    run("git", "clone", "--quiet", str(ROOT), str(tree), cwd=tmp_path)
    run(uv, "build", "--quiet", "--wheel", "--out-dir", str(tmp_path / "dist"), ".", cwd=tree)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    python = tmp_path / "empty" / "bin" / "python"
    run(sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "empty"), cwd=tmp_path)
    lock = ROOT / "requirements.lock"
    run(uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(lock), cwd=tmp_path)
    run(uv, "pip", "install", "--quiet", "--python", str(python), "--no-deps", str(wheel), cwd=tmp_path)
    eoffice = python.with_name("eoffice")
    assert run(eoffice, "--version", cwd=tmp_path).split()[-1] == __version__
    answer = json.loads(run(eoffice, "tour", "--out", str(tmp_path / "out"), "--json", cwd=tmp_path))
    assert answer["ok"]
    assert [step["name"] for step in answer["steps"]][-1] == "prove"
    for name in answer["files"].values():
        assert (tmp_path / "out" / name).exists(), name
    said = run(python, "-m", "signing", "verify", "out/issued.pdf", "--trust", "out/trust", "--json", cwd=tmp_path)
    assert json.loads(said)[0]["verdict"] == "PASSED"

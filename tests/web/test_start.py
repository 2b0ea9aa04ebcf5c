"""The application is built quickly, and nothing heavy is loaded for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.code import ROOT

LOOK = """
import json, sys, time
import eoffice.wsgi
heavy = ["pyhanko", "pikepdf", "pypdfium2", "cryptography", "asn1crypto", "lxml", "holidays", "alembic", "argon2"]
heavy += ["openpyxl"]
print(json.dumps({"cpu": time.process_time(), "loaded": [name for name in heavy if name in sys.modules]}))
"""


def test_the_application_is_there_soon(tmp_path: Path) -> None:
    answers = []
    for _ in range(2):  # the first one may have to compile
        done = subprocess.run(
            [sys.executable, "-c", LOOK],
            env={"EOFFICE_HOME": str(tmp_path), "PATH": ""},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(json.loads(done.stdout))
    assert answers[-1]["loaded"] == []
    assert min(answer["cpu"] for answer in answers) <= 1.2

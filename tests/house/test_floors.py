"""Each floor imports only floors below it; what belongs to one place stays there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from tests.support.code import BELOW_THE_DOORS, ROOT, last, modules, names

ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv"}
NOW = {"now", "utcnow", "today", "time", "time_ns", "current_timestamp"}

OPENS_DESKS = "eoffice/services/office.py"
"""The one place that opens desks for the doors and ends their transactions."""

CLOCKS = {
    "eoffice/core/clock.py": "the one clock; everything else is handed a time or a clock",
    "eoffice/core/ids.py": "identifiers sort by their birth, and nothing reads them as a date",
}

READERS_OF_THE_ENVIRONMENT = {
    "eoffice/config.py": "the settings of the office",
    "eoffice/cli/supervise.py": "hands its own environment on to its programs, looks at nothing in it",
    "signing/__main__.py": "signing as a command: the language of who calls it",
    "signing/extend.py": "signing as a command: the language of who calls it",
    "signing/sign.py": "signing as a command: the password of a key, which must not stand among the arguments",
}

OUTER_FACE = {
    "signing/sign.py": "signing alone, asked to sign without a time, means now",
    "signing/__main__.py": "signing as a command that may ask for the status of certificates, when no time is given",
    "signing/extend.py": "signing alone, asked to extend a document without a time, means now",
    "signing/verify.py": "signing alone, asked about a file without a time, means now",
    "signing/batch.py": "signing alone, asked about many files without a time, means one now for all",
    "signing/stored.py": "signing alone, asked about a file without a time, means now",
    "signing/pki.py": "the command that raises the test PKI, when no time is given",
    "signing/tsa.py": "the command that runs the test TSA, when no clock is given",
}
"""Modules of signing with a public face of their own, where "no time given" is resolved once."""


def test_imports_point_down() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_every_contract_is_kept_by_name() -> None:
    setup = (ROOT / "setup.cfg").read_text()
    for contract in ("floors", "signing", "web", "pure", "rooms"):
        assert f"[importlinter:contract:{contract}]" in setup


def test_only_the_configuration_reads_the_environment() -> None:
    found = [
        module.at(node)
        for module in modules("eoffice", "signing")
        if module.name not in READERS_OF_THE_ENVIRONMENT
        for node, name in names(module)
        if name.startswith("os.") and last(name) in ENVIRONMENT
    ]
    assert not found, f"the environment is read by eoffice/config.py alone: {found}"


def test_services_never_commit() -> None:
    found = [
        module.at(node)
        for module in modules("eoffice/services")
        if module.name != OPENS_DESKS
        for node, name in names(module)
        if "." in name and last(name) in ("commit", "rollback")
    ]
    assert not found, f"the door commits, once: {found}"


def test_time_is_handed_in() -> None:
    found = [
        module.at(node)
        for module in modules(*BELOW_THE_DOORS)
        if module.name not in CLOCKS and module.name not in OUTER_FACE
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and _asks_what_time_it_is(node)
    ]
    assert not found, f"time comes from desk.clock or an argument: {found}"


def _asks_what_time_it_is(call: ast.Call) -> bool:
    owner, _, word = ast.unparse(call.func).rpartition(".")
    return last(owner) in ("datetime", "date", "time", "func") and word in NOW


def test_exceptions_name_modules_that_exist() -> None:
    for name in [OPENS_DESKS, *CLOCKS, *READERS_OF_THE_ENVIRONMENT, *OUTER_FACE]:
        assert (ROOT / name).is_file(), f"{name} is named as an exception and is not there"


def test_the_database_tells_no_time() -> None:
    found = [
        module.at(node)
        for module in modules("eoffice/models", "eoffice/migrations")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.lower().strip("() ") in ("now", "current_timestamp", "localtimestamp")
    ]
    assert not found, f"time-stamps are set in Python: {found}"

"""The command, as an administrator types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eoffice import __version__
from tests.support.world import SECRET, World


def eoffice(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("EOFFICE_")}
    return subprocess.run(
        [sys.executable, "-m", "eoffice.cli", *arguments],
        env={**inherited, "LANG": "C.UTF-8", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def of(world: World) -> dict[str, str]:
    """What tells the command where this world is."""
    settings = world.office.settings
    return {
        "EOFFICE_HOME": str(settings.home),
        "EOFFICE_DATABASE_URL": settings.database_url,
        "EOFFICE_SECRET": SECRET,
    }


def test_it_tells_its_version() -> None:
    assert eoffice("--version").stdout.split()[-1] == __version__


def test_a_new_database_is_made_and_found_in_order(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    assert eoffice("db", "check", "--home", home).returncode == 1
    assert eoffice("db", "upgrade", "--home", home).returncode == 0
    done = eoffice("db", "check", "--home", home, "--json")
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (0, True)


def test_the_ledger_is_proved(bare_world: World) -> None:
    done = eoffice("ledger", "verify", "--json", **of(bare_world))
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["ok"]) == (0, True)
    assert {chain["agency"] for chain in answer["chains"]} == {"installation", *bare_world.province.agencies} - {
        "cong-ty-nuoc"
    }
    assert all(set(chain) == {"agency", "entries", "ok", "broken"} for chain in answer["chains"])


def test_a_broken_ledger_is_named_and_fails(bare_world: World) -> None:
    from sqlalchemy import text

    with bare_world.office.engine.begin() as connection:
        connection.execute(text("UPDATE ledger_head SET seq = seq + 1"))
    done = eoffice("ledger", "verify", "--json", **of(bare_world))
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["ok"]) == (1, False)
    broken: list[dict[str, Any]] = [item for chain in answer["chains"] for item in chain["broken"]]
    assert {(item["table"], item["reason"]) for item in broken} == {("ledger_head", "removed")}


def test_a_stretch_is_proved_without_an_office(bare_world: World, tmp_path: Path) -> None:
    """On a machine that has the file alone: a home that is not there, no database, no secret."""
    from eoffice.services import ledger

    file, nowhere = tmp_path / "entries.jsonl", {"EOFFICE_HOME": str(tmp_path / "nowhere")}
    with bare_world.office.read(bare_world.system("so-noi-vu")) as desk:
        lines = list(ledger.exported(desk, bare_world.agency("so-noi-vu"), first=1, last=5))
    file.write_text("".join(lines), "utf-8")
    done = eoffice("ledger", "verify", str(file), "--json", **nowhere)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["ok"]) == (0, True)
    assert [(chain["entries"], chain["broken"]) for chain in answer["chains"]] == [(5, [])]
    assert "5 entries" in eoffice("ledger", "verify", str(file), **nowhere).stdout
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_flipped_byte_of_a_stretch_is_found(bare_world: World, tmp_path: Path) -> None:
    from eoffice.services import ledger

    file = tmp_path / "entries.jsonl"
    with bare_world.office.read(bare_world.system("so-noi-vu")) as desk:
        content = "".join(ledger.exported(desk, bare_world.agency("so-noi-vu"), first=1, last=3)).encode()
    at = content.index(b"post.appointed")
    file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    done = eoffice("ledger", "verify", str(file))
    assert done.returncode == 1
    assert "changed: ledger_entry 1" in done.stdout
    file.write_bytes(content[:at] + b"\xff" + content[at + 1 :])
    assert eoffice("ledger", "verify", str(file)).returncode == 1
    assert eoffice("ledger", "verify", str(tmp_path / "not there")).returncode == 64


def test_figures_of_an_empty_period_have_no_value(bare_world: World) -> None:
    done = eoffice("stats", "ratio", "--from", "2026-01-01", "--to", "31/12/2026", "--json", **of(bare_world))
    answer = json.loads(done.stdout)
    assert (answer["from"], answer["to"], answer["agency"]) == ("2026-01-01", "2026-12-31", None)
    assert answer["K1"] == {"numerator": 0, "denominator": 0, "value": None}


@pytest.mark.parametrize("agency", ["so-noi-vu", "H99.09"])
def test_figures_of_one_agency_by_code_or_identifier(bare_world: World, agency: str) -> None:
    period = ("--from", "2026-01-01", "--to", "2026-12-31")
    done = eoffice("stats", "ratio", *period, "--agency", agency, "--json", **of(bare_world))
    assert (done.returncode, json.loads(done.stdout)["agency"]) == (0, agency)


def test_an_unknown_agency_is_a_sentence_and_no_traceback(bare_world: World) -> None:
    period = ("--from", "2026-01-01", "--to", "2026-12-31")
    done = eoffice("stats", "ratio", *period, "--agency", "nowhere", **of(bare_world))
    assert done.returncode == 1
    assert done.stderr.startswith("eoffice: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("stats", "ratio", "--from", "2026-02-30", "--to", "2026-03-01"), 64),
        (("stats", "ratio", "--from", "2026-03-02", "--to", "2026-03-01"), 64),
        (("no-such-command",), 64),
        (("tour",), 64),
    ],
)
def test_wrong_usage_is_told(arguments: tuple[str, ...], code: int, tmp_path: Path) -> None:
    done = eoffice(*arguments, EOFFICE_HOME=str(tmp_path))
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("prot = 80", "unknown setting prot"),
        ('port = "many"', "is no int"),
        ("port = ", "config.toml"),
        ("production = true", "test_mode"),
        ("production = true\ntest_mode = false", "https"),
        ('production = true\ntest_mode = false\nhttps = true\nsecret = "short"', "32 characters"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "config.toml").write_text(line, "utf-8")
    done = eoffice("db", "check", "--home", str(tmp_path))
    assert done.returncode == 78
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_own_secret_is_made_once_and_for_its_user_alone(tmp_path: Path) -> None:
    from eoffice.config import load

    first, second = load(tmp_path, {}), load(tmp_path, {})
    assert first.secret == second.secret
    assert len(first.secret) > 40
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600

"""``python -m signing verify``: exit codes, JSON, text, and what it leaves unloaded."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from signing.__main__ import INTERNAL, USAGE, main
from signing.pki import Pki
from signing.results import Verdict
from tests.signing.making import (  # noqa: F401
    NUMBER,
    TEXT,
    Paper,
    approved,
    certified,
    draft,
    issued,
    stream,
)

AT = "2026-11-21T12:00:00+07:00"


@dataclass(frozen=True)
class Desk:
    """Files of every verdict in a folder."""

    folder: Path
    trust: Path

    def path(self, name: str) -> str:
        return str(self.folder / f"{name}.pdf")


@pytest.fixture(scope="module")
def desk(pki: Pki, approved: Paper, certified: Paper, issued: Paper, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("command")
    for name, paper in {
        "passed": issued,
        "unsigned": draft(),
        "warned": certified.fill(NUMBER, b"5"),
        "unreadable": Paper(b"hello"),
        "failed": approved.update({TEXT: stream(b"q Q")}),
    }.items():
        (folder / f"{name}.pdf").write_bytes(paper.data)
    return Desk(folder, pki.trust_dir)


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["passed"], 0),
        (["unsigned"], 1),
        (["warned"], 2),
        (["unreadable"], 3),
        (["missing"], 3),
        (["failed"], 4),
        (["passed", "unsigned"], 1),
        (["failed", "unreadable", "passed"], 4),
        (["warned", "missing"], 3),
    ],
)
def test_exit_codes(desk: Desk, names: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    files = [desk.path(name) for name in names]
    assert main(["verify", *files, "--trust", str(desk.trust), "--at", AT, "--lang", "en"]) == code
    told = capsys.readouterr().out
    assert [line.split(": ")[0] for line in told.splitlines() if not line.startswith(" ")] == files


def test_json(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", desk.path("passed"), "--trust", str(desk.trust), "--at", AT, "--json"]) == 0
    (data,) = json.loads(capsys.readouterr().out)
    assert (data["file"], data["verdict"]) == (desk.path("passed"), "PASSED")
    assert [item["field"] for item in data["signatures"]] == ["leader", "agency"]
    main(["verify", desk.path("passed"), desk.path("missing"), "--json"])
    both = json.loads(capsys.readouterr().out)
    assert [item["verdict"] for item in both] == ["WARNED", "UNREADABLE"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["verify"],
        ["verify", "--trust", "/no/such/folder", "a.pdf"],
        ["verify", "a.pdf", "--at", "yesterday"],
        ["x"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == USAGE
    captured = capsys.readouterr()
    assert captured.err
    assert not captured.out


def test_a_fault_of_our_own_is_told_apart(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(import_module("signing.verify"), "latest", lambda document: document.nothing)
    assert main(["verify", desk.path("passed")]) == INTERNAL
    assert Verdict.UNREADABLE.value in capsys.readouterr().out


@pytest.mark.parametrize(("language", "word"), [("vi_VN.UTF-8", "Hợp lệ"), ("en_US.UTF-8", "Valid"), ("", "Hợp lệ")])
def test_the_language_follows_the_terminal(
    desk: Desk, language: str, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", language)
    main(["verify", desk.path("passed"), "--trust", str(desk.trust), "--at", AT])
    assert word in capsys.readouterr().out


def test_it_runs_as_a_program_and_loads_no_signing_half(desk: Desk) -> None:
    script = (
        "import sys; from signing.__main__ import main; code = main(sys.argv[1:]);"
        "print(*sorted(m for m in sys.modules if m.startswith(('signing.', 'pyhanko.', 'reportlab', 'flask'))),"
        "file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "verify", desk.path("passed"), "--trust", str(desk.trust), "--at", AT],
        capture_output=True, timeout=60, check=False, env={**os.environ, "LANG": "vi_VN.UTF-8"}, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.split())
    assert not loaded & {"signing.sign", "signing.seal", "signing.pki", "signing.stamp", "signing.agent"}
    assert not [name for name in loaded if name.startswith(("pyhanko.", "reportlab", "flask"))]


def test_the_face_is_light_and_whole() -> None:
    script = (
        "import signing, sys; heavy = [m for m in sys.modules if m.split('.')[0] in"
        " ('asn1crypto', 'cryptography', 'pikepdf', 'pyhanko', 'pyhanko_certvalidator', 'pypdfium2')];"
        "assert not heavy, heavy; from signing import Trust; from signing.verify import signed_version;"
        "from signing import verify, inspect; assert callable(verify) and callable(inspect), verify;"
        "import signing.report; assert callable(signing.verify) and callable(signing.inspect)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize(("kind", "begins"), [("pdf", b"%PDF-"), ("xml", b"<?xml"), ("json", b"{")])
def test_reports_are_written(
    desk: Desk, kind: str, begins: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [desk.path("passed"), desk.path("failed"), desk.path("passed")]
    arguments = ["--trust", str(desk.trust), "--at", AT, "--report", kind, "--out", str(tmp_path / "new")]
    assert main(["verify", *files, *arguments, "--json"]) == 4
    written = [Path(item["report"]) for item in json.loads(capsys.readouterr().out)]
    assert [path.name for path in written] == [
        f"{name}.verification.{kind}" for name in ("passed", "failed", "passed-2")
    ]
    assert all(path.read_bytes().startswith(begins) for path in written)
    assert main(["verify", files[0], *arguments]) == 0
    assert f"-> {written[0]}" in capsys.readouterr().out


def test_a_report_goes_beside_its_file_and_a_place_that_is_none_is_told(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "thư.pdf"
    file.write_bytes(Path(desk.path("passed")).read_bytes())
    assert main(["verify", str(file), "--trust", str(desk.trust), "--at", AT, "--report", "xml"]) == 0
    assert (tmp_path / "thư.verification.xml").read_bytes().startswith(b"<?xml")
    assert main(["verify", str(file), "--report", "xml", "--out", str(file)]) == USAGE
    (tmp_path / "x" / "thư.verification.pdf").mkdir(parents=True)
    assert main(["verify", str(file), "--report", "pdf", "--out", str(tmp_path / "x")]) == USAGE
    assert "thư.verification.pdf" in capsys.readouterr().err


def test_jobs_give_the_same_answers(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    files = [desk.path(name) for name in ("passed", "missing", "warned", "failed", "unsigned", "unreadable")]
    given = ["verify", *files, "--trust", str(desk.trust), "--at", AT, "--json"]
    assert main(given) == 4
    alone = capsys.readouterr().out
    assert main([*given, "--jobs", "2"]) == 4
    assert json.loads(capsys.readouterr().out) == json.loads(alone)
    assert main([*given, "--jobs", "0"]) == USAGE


def test_inspection_tells_what_a_file_holds(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", desk.path("passed")]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert (seen["pages"], seen["signed_fields"], seen["text_fields"]["so"]) == (2, ["leader", "agency"], "12")
    assert main(["inspect", desk.path("unreadable"), "--lang", "en"]) == 3
    assert "not_a_pdf" in capsys.readouterr().err
    assert main(["inspect", desk.path("missing")]) == 3


@pytest.mark.parametrize("command", ["verify", "inspect", "sign", "pki"])
def test_each_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert len(capsys.readouterr().out) > 200
    assert main(["--help"]) == 0
    assert command in capsys.readouterr().out


def test_names_that_are_no_text_stop_nothing(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"t\xff.pdf")
    path.write_bytes(b"hello")
    for encoding in ("utf-8", "ascii"):
        for more in ([], ["--json"]):
            done = subprocess.run(
                [sys.executable, "-m", "signing", "verify", path, *more],
                capture_output=True, timeout=60, check=False, env={**os.environ, "PYTHONIOENCODING": encoding},
            )  # fmt: skip
            assert done.returncode == 3, done.stderr
            assert b"t\\xff.pdf" in done.stdout or b"t\\\\xff.pdf" in done.stdout


def test_a_reader_who_goes_away_is_no_fault(desk: Desk) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -m signing verify "$@" | true', sys.executable, *[desk.path("passed")] * 3],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == b""

"""The commands by which a stranger confirms what we say, run as they stand on the page."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import UTC, datetime
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path

import pytest

import signing
from signing.messages import codes
from signing.pki import RECIPE, Pki, raise_pki
from signing.seal import SealRequest, fill_and_seal
from signing.sign import Request, sign
from tests.signing.conftest import letter
from tests.support.code import ROOT

PAGE = ROOT / "docs" / "signatures.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A letter before and after its signatures, beside the trust of a PKI raised now: openssl asks its own clock."""
    place = tmp_path_factory.mktemp("stranger")
    at = datetime.now(UTC)
    pki: Pki = raise_pki(RECIPE, place / "pki", at=at, rounds=1000)
    draft = letter()
    (place / "before.pdf").write_bytes(draft)
    signed = sign(draft, pki.key("leader"), Request("leader", "certification"), pki.trust(), at=at)
    texts = {"so": "128", "ngay": "21", "thang": "11", "nam": "2026"}
    sealed = fill_and_seal(signed.pdf, pki.key("seal"), SealRequest(texts, level="B-B"), pki.trust(), at=at)
    (place / "signed.pdf").write_bytes(sealed.pdf)
    return place


def test_every_code_of_the_page_has_its_sentence() -> None:
    rows = [line.split("|") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    told = {code for row in rows if len(row) == 5 for code in re.findall(r"`([a-z_]+\*?)`", row[3])}
    assert len(told) > 20
    unknown = {code for code in told if not any(fnmatch(known, code) for known in codes())}
    assert unknown == set()


def run(folder: Path, file: str) -> subprocess.CompletedProcess[str]:
    """All lines of the page, one after the other, until one fails."""
    blocks = re.findall(r"^```sh check\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    (folder / ".venv").unlink(missing_ok=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    variables = {"F": file, "BEFORE": "before.pdf", "TRUST": "pki/trust"}
    variables |= {"LC_ALL": "en_US.UTF-8", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["/bin/sh", "-e", "-c", "\n".join(blocks)],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def test_a_stranger_comes_to_the_same_verdict(folder: Path, pdfsig: Path, qpdf: Path, openssl: Path) -> None:
    done = run(folder, "signed.pdf")
    assert done.returncode == 0, done.stderr
    assert "No syntax or stream encoding errors found" in done.stdout
    assert done.stdout.count("Signature is Valid") == 2
    assert "CMS Verification successful" in done.stderr
    assert "Valid: the signature is intact and can be trusted." in done.stdout


def test_the_same_lines_find_a_changed_byte(folder: Path, pdfsig: Path, qpdf: Path, openssl: Path) -> None:
    data = (folder / "signed.pdf").read_bytes()
    (folder / "changed.pdf").write_bytes(data.replace(b"(Letter)", b"(Better)", 1))
    done = run(folder, "changed.pdf")
    assert done.returncode != 0
    assert "Digest Mismatch" in done.stdout
    assert "verification failure" in done.stderr


def test_the_page_of_the_library_can_be_followed(folder: Path, tmp_path: Path) -> None:
    """Its commands and its program, as they stand, beside a letter and the password the page speaks of."""
    page = (ROOT / "docs" / "signing.md").read_text("utf-8")
    (commands,) = re.findall(r"^```sh use\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (program,) = re.findall(r"^```python use\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "letter.pdf").write_bytes((folder / "before.pdf").read_bytes())
    first, rest = commands.split("\n", 1)
    _run(first, tmp_path)
    password = json.loads((tmp_path / "pki" / "passwords.json").read_text("utf-8"))["leader"]
    (tmp_path / "password").write_text(password, "utf-8")
    told = _run(rest, tmp_path)
    assert told.count("PASSED") >= 2
    assert (tmp_path / "signed.verification.pdf").read_bytes().startswith(b"%PDF-")
    (tmp_path / "program.py").write_text(program, "utf-8")
    assert "Nguyễn Văn Nam" in _run(".venv/bin/python program.py", tmp_path)
    names = re.findall(r"`signing\.([a-z_]+)`", page)
    assert len(names) > 15
    for name in names:
        assert hasattr(signing, name) or find_spec(f"signing.{name}") is not None, name


def _run(command: str, folder: Path) -> str:
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", command],
        cwd=folder,
        env=os.environ | {"LC_ALL": "en_US.UTF-8", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"
    return done.stdout

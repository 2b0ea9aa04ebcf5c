"""One letter's whole life, on both databases, from arrival to audit; then strangers check the papers it left."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

from eoffice.cli.demo import own_time_stamps
from eoffice.cli.journey import Journey
from eoffice.cli.staff import Staff, key_agent
from eoffice.cli.tour import letter_from_outside
from signing import signed_version
from tests.support.world import World


def journey(world: World) -> Journey:
    own_time_stamps(world.office)
    with key_agent(world.office):
        made = Journey(Staff(world.office, world.province), world.clock, letter_from_outside(world.clock.now()))
        made.run()
    return made


def test_from_arrival_to_audit(world: World) -> None:
    made = journey(world)
    failed = [f"{step.name}: {name}" for step in made.steps for name, ok in step.checks if not ok]
    assert failed == []
    assert [step.name for step in made.steps] == [
        "arrive",
        "instruct",
        "draft",
        "sign",
        "issue",
        "send",
        "work_there",
        "measure",
        "prove",
    ]
    assert sum(len(step.checks) for step in made.steps) >= 45


def run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def test_strangers_confirm_what_it_leaves(
    world: World, tmp_path: Path, pdfsig: Path, qpdf: Path, openssl: Path
) -> None:
    made = journey(world)
    out = tmp_path / "out"
    files = made.write(out)
    for name in ("draft", "signed", "issued"):
        assert "No syntax or stream encoding errors" in run(qpdf, "--check", out / files[name])
    said = run(pdfsig, "-nocert", out / "issued.pdf")
    assert said.count("Signature is Valid") == 2
    # Behind the seal stands the evidence; up to there the seal covers every byte.
    (out / "sealed.pdf").write_bytes(signed_version((out / "issued.pdf").read_bytes(), "agency"))
    assert "Total document signed" in run(pdfsig, "-nocert", out / "sealed.pdf")
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(b"".join(path.read_bytes() for path in (out / "trust").glob("*.pem")))
    assert anchors.stat().st_size
    for name in (name for name in files if name.startswith("receipt")):
        answer = json.loads((out / files[name]).read_text("utf-8"))
        content = json.dumps(answer["receipt"], ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        (tmp_path / "content").write_bytes(content)
        (tmp_path / "content.p7s").write_bytes(base64.b64decode(answer["signature"]))
        at = str(int(world.clock.now().timestamp()))
        checking = ("-CAfile", anchors, "-purpose", "any", "-attime", at)
        run(
            openssl, "cms", "-verify", "-binary", "-inform", "DER",
            "-in", tmp_path / "content.p7s", "-content", tmp_path / "content", *checking, "-out", tmp_path / "same",
        )  # fmt: skip
        assert (tmp_path / "same").read_bytes() == content

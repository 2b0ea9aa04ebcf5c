"""The docs hold together: links lead somewhere, parts in use are explained."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

from tests.support.code import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("certs/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.S)
        for link in LINK.findall(text):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), f"{page.name} links to {link}, which is not there"
            if anchor and target.suffix == ".md":
                assert anchor in _anchors(target), f"{page.name} links to {link}: no such heading"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ +(.+)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def _wanted() -> set[str]:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    wanted = setup["options"]["install_requires"] + "\n".join(setup["options.extras_require"].values())
    return {re.split(r"[\s<>=\[~!;]", line.strip())[0] for line in wanted.splitlines() if line.strip()}


def test_every_part_is_locked() -> None:
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), re.M))
    missing = sorted(name for name in _wanted() if name.lower().replace("_", "-") not in locked)
    assert not missing, f"requirements.lock lacks {missing}"


def test_every_part_is_explained() -> None:
    told = {cell.lower() for cell in re.findall(r"^\| ([\w.\-]+) ", (ROOT / "docs/dependencies.md").read_text(), re.M)}
    missing = sorted(name for name in _wanted() if name.lower() not in told)
    assert not missing, f"docs/dependencies.md does not explain {missing}"


def test_the_lock_names_no_host_and_every_package_has_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    entries = re.split(r"\n(?=[a-z])", "\n" + re.sub(r"^\s*#.*\n", "", lock, flags=re.M))
    bare = [entry.split()[0] for entry in entries if entry.strip() and "--hash=sha256:" not in entry]
    assert not bare, bare


def test_the_version_is_told_in_the_changes() -> None:
    from eoffice import __version__

    assert f"## {__version__}" in (ROOT / "CHANGES.md").read_text("utf-8")

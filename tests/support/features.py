"""Reads docs/features.md: which feature works, and which tests prove it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.support.code import ROOT

PAGE = ROOT / "docs" / "features.md"

_ANNEX = "abcdđeghiklmno"
IDS = (
    *(f"R{n:02d}" for n in range(1, 92)),
    *(f"N{n:02d}" for n in range(1, 18)),
    *(f"F1.{letter}" for letter in _ANNEX),
    *(f"F{n}" for n in range(2, 11)),
    *(f"Z{n:02d}" for n in range(1, 15)),
)
"""Every row the page must have: features, firsts, the law's own list (Decree 30/2020, Annex VI), systems described."""

STATES = re.compile(r"works|partly \([^()]+\)|not yet")
DOORS = ("tests/web/", "tests/api/", "tests/jobs/", "tests/cli/", "tests/stories/", "tests/signing/test_command")


@dataclass(frozen=True)
class Feature:
    """One row.

    Args:
        tests: node ids without parameters, ``tests/...py::name``.
    """

    id: str
    name: str
    state: str
    where: str
    tests: tuple[str, ...]


def features() -> list[Feature]:
    """All rows of the page, in their order."""
    rows = []
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 5 and re.fullmatch(r"[RNFZ]\d+(\.\w)?", cells[0]):
            tests = tuple(re.findall(r"tests/[\w/]+\.py::\w+(?:::\w+)?", cells[4]))
            rows.append(Feature(cells[0], cells[1], cells[2], cells[3], tests))
    return rows

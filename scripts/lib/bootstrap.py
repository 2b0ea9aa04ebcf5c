"""Looks whether .venv in the checkout fits the locked packages, and has it made when it does not.

Standard library only. A second run compares one stamp and returns at once.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ("requirements.lock", "setup.cfg", "pyproject.toml", "scripts/lib/uv.txt", "scripts/lib/build.txt")


def main() -> int:
    """Make .venv ready; return the exit code."""
    venv = ROOT / ".venv"
    if is_ready(venv):
        return 0
    from prepare import prepare_once  # beside this file; needs modules a ready environment does without

    return prepare_once(ROOT, lambda: is_ready(venv), stamp())


def stamp() -> str:
    """What .venv depends on, as one hash: lock, metadata, pins, Python, and where the checkout lies."""
    seen = hashlib.sha256(f"{sys.version_info[:2]} {ROOT}".encode())
    for name in INPUTS:
        seen.update((ROOT / name).read_bytes())
    return seen.hexdigest()


def is_ready(venv: Path) -> bool:
    """Tell whether .venv was made from exactly these inputs and the Python it links to is still there."""
    mark = venv / "ready"
    return mark.exists() and (venv / "bin" / "python").exists() and mark.read_text() == stamp()


if __name__ == "__main__":
    sys.exit(main())

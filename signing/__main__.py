"""The command of signing: ``python -m signing verify FILE...`` and, where they are present, ``sign`` and ``pki``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

USAGE, INTERNAL = 64, 70
_OTHERS = ("sign", "extend", "responders")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code (0 PASSED, 1 UNSIGNED, 2 WARNED, 3 UNREADABLE, 4 FAILED, 64, 70)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _Parser(prog="python -m signing", description="Signs and verifies PDFs.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    _verify_command(commands)
    if given[:1] != ["verify"]:
        _add_others(commands)
    try:
        parsed = parser.parse_args(given)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else USAGE
    try:
        code: int = parsed.run(parsed)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the answers went away: nothing to tell anybody
        return INTERNAL
    return code


def _add_others(commands: Any) -> None:
    """The other commands bring heavy modules with them, so they are only loaded when one of them was named."""
    for name in _OTHERS:
        if find_spec(f"signing.{name}") is not None:
            add = getattr(import_module(f"signing.{name}"), "add_command", None)
            if add is not None:
                add(commands)


def _verify_command(commands: Any) -> None:
    command = commands.add_parser("verify", help="judge every signature of some PDFs")
    command.add_argument("files", nargs="+", metavar="FILE", type=Path)
    command.add_argument("--trust", metavar="DIR", type=Path, help="anchors, with intermediates/ and crl/ beside them")
    command.add_argument("--at", metavar="ISO", type=_moment, help="moment of the check, now by default")
    command.add_argument(
        "--allow",
        action="append",
        metavar="HOST[:PORT]",
        help="ask OCSP and revocation lists of this host; without it nobody is asked",
    )
    command.add_argument("--json", action="store_true", help="one JSON list with an entry for each file")
    command.add_argument("--lang", choices=("vi", "en"), help="language of the text, from LANG by default")
    command.set_defaults(run=_verify)


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment.astimezone() if moment.tzinfo is None else moment


def _verify(parsed: argparse.Namespace) -> int:
    from signing.errors import SigningError
    from signing.report import as_dict, as_text
    from signing.trust import Trust
    from signing.verdict import exit_code
    from signing.verify import verify

    locale = parsed.lang or _locale()
    try:
        trust = Trust.load(parsed.trust) if parsed.trust else Trust()
    except (SigningError, OSError) as error:
        told = error.sentence(locale) if isinstance(error, SigningError) else str(error)
        print(f"{parsed.trust}: {told}", file=sys.stderr)
        return USAGE
    code = 0
    answers = []
    for path in parsed.files:
        found = verify(path, _asked(path, trust, parsed) if parsed.allow else trust, at=parsed.at)
        code = max(code, exit_code(found.verdict))
        if any(reason.code == "internal_error" for reason in found.reasons):
            code = INTERNAL
        if parsed.json:
            answers.append(as_dict(found, str(path)))
        else:
            print(as_text(found, file=str(path), locale=locale))
    if parsed.json:
        print(json.dumps(answers, ensure_ascii=False, indent=2))
    return code


def _asked(path: Path, trust: Any, parsed: argparse.Namespace) -> Any:
    """The trust with what the named hosts tell of this file's signers; a file that cannot be read brings nothing."""
    from signing.extend import informed, source_of
    from signing.results import Limits

    try:
        if path.stat().st_size > Limits().bytes:
            return trust
        return informed(path.read_bytes(), trust, source_of(trust, parsed.allow), at=parsed.at or datetime.now(UTC))
    except OSError:
        return trust


def _locale() -> str:
    """Language of the terminal; the command is a door of its own, so it may ask."""
    import locale
    import os

    name = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "en" if locale.normalize(name).lower().startswith("en") else "vi"


if __name__ == "__main__":
    sys.exit(main())

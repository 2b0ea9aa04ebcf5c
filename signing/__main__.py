"""The command of signing: ``python -m signing verify FILE...``, ``inspect``, and ``sign``, ``pki`` and others."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from signing.results import Verification
    from signing.trust import Trust

USAGE, INTERNAL = 64, 70
_OTHERS = ("sign", "pending", "extend", "responders")  # modules; ``pending`` holds prepare and complete
_EPILOG = """\
exit codes of verify, the highest of the files: 0 PASSED, 1 UNSIGNED, 2 WARNED, 3 UNREADABLE (a missing file too),
4 FAILED; 64 wrong use of the command, 70 a fault of the program itself."""
_VERIFY = """\
Judges every signature and time-stamp of each PDF: is it intact, what was changed afterwards and was that permitted, and
does its certificate lead to somebody trusted. Nothing is fetched from a network. The answers come in the order of the
files.

  python -m signing verify letter.pdf --trust trust/
  python -m signing verify *.pdf --trust trust/ --json --jobs 4 > verdicts.json
  python -m signing verify letter.pdf --trust trust/ --report pdf --out sheets/

The folder of --trust holds certificates (PEM or DER) that are believed: every one in it is an anchor; intermediates/
helps to build chains, crl/ holds revocation lists, tsa/ anchors for time-stamp authorities. Without --trust no
signature can be PASSED."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code (0 PASSED, 1 UNSIGNED, 2 WARNED, 3 UNREADABLE, 4 FAILED, 64, 70)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _Parser(
        prog="python -m signing",
        description="Signs and verifies PDFs. COMMAND --help explains each command.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser, metavar="COMMAND")
    _verify_command(commands)
    _inspect_command(commands)
    if given[:1] not in (["verify"], ["inspect"]):
        _add_others(commands)
    try:
        parsed = parser.parse_args(given)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else USAGE
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the answers went away: nothing to tell anybody, not even when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
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
    command = commands.add_parser(
        "verify",
        help="judge every signature of some PDFs",
        description=_VERIFY,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("files", nargs="+", metavar="FILE", type=Path)
    command.add_argument("--trust", metavar="DIR", type=Path, help="anchors, with intermediates/, crl/, tsa/ in it")
    command.add_argument(
        "--at", metavar="ISO", type=_moment, help="moment of the check, as 2026-11-21T09:00:00+07:00; now by default"
    )
    command.add_argument(
        "--allow",
        action="append",
        metavar="HOST[:PORT]",
        help="ask OCSP and revocation lists of this host, not together with --jobs; without it nobody is asked",
    )
    command.add_argument("--json", action="store_true", help="one JSON list with an entry for each file")
    command.add_argument(
        "--report",
        choices=("pdf", "xml", "json"),
        help="also write a report for each file, NAME.verification.pdf and so on: pdf is the sheet for people,"
        " xml that of ETSI TS 119 102-2, json the entry of --json",
    )
    command.add_argument("--out", metavar="DIR", type=Path, help="folder of the reports; beside each file by default")
    command.add_argument(
        "--jobs", metavar="N", type=_count, help="judge in N child processes with limits of time and memory"
    )
    command.add_argument("--lang", choices=("vi", "en"), help="language of the words, from LANG by default")
    command.set_defaults(run=_verify)


def _inspect_command(commands: Any) -> None:
    command = commands.add_parser(
        "inspect",
        help="see what a PDF holds, without judging it",
        description="Tells pages, form fields, signature fields and active content of a PDF as JSON."
        " Exit code 3 when the file cannot be read.",
    )
    command.add_argument("file", metavar="FILE", type=Path)
    command.add_argument("--lang", choices=("vi", "en"), help="language of the words, from LANG by default")
    command.set_defaults(run=_inspect)


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment.astimezone() if moment.tzinfo is None else moment


def _count(value: str) -> int:
    count = int(value)
    if not 1 <= count <= 256:
        raise ValueError(value)
    return count


def _verify(parsed: argparse.Namespace) -> int:
    from signing.errors import SigningError
    from signing.report import as_dict, as_text
    from signing.trust import Trust
    from signing.verdict import exit_code

    locale = parsed.lang or _locale()
    if parsed.allow and parsed.jobs is not None:
        print("--allow asks from this process: not together with --jobs", file=sys.stderr)
        return USAGE
    try:
        trust = Trust.load(parsed.trust) if parsed.trust else Trust()
        if parsed.out is not None:
            parsed.out.mkdir(parents=True, exist_ok=True)
    except (SigningError, OSError) as error:
        told = error.sentence(locale) if isinstance(error, SigningError) else str(error)
        print(f"{_shown(parsed.trust)}: {told}", file=sys.stderr)
        return USAGE
    code = 0
    taken: set[Path] = set()
    opened = False
    for path, found in _judged(parsed, trust):
        code = max(code, exit_code(found.verdict))
        if any(reason.code == "internal_error" for reason in found.reasons):
            code = INTERNAL
        report = None
        if parsed.report:
            report = _place(path, parsed.out, parsed.report, taken)
            try:
                report.write_bytes(_REPORTS[parsed.report](found, _shown(path), locale))
            except OSError as error:
                print(f"{_shown(report)}: {error.strerror}", file=sys.stderr)
                code = max(code, USAGE)
        if parsed.json:
            entry = as_dict(found, _shown(path)) | ({"report": _shown(report)} if report else {})
            text = json.dumps(entry, ensure_ascii=sys.stdout.encoding.lower() not in ("utf-8", "utf8"), indent=2)
            print(",\n" if opened else "[\n", text, sep="", end="", flush=True)
            opened = True
        else:
            _say(as_text(found, file=_shown(path), locale=locale))
            if report:
                _say(f"  -> {_shown(report)}")
    if parsed.json:
        print("\n]")
    return code


def _judged(parsed: argparse.Namespace, trust: Trust) -> Iterator[tuple[Path, Verification]]:
    if parsed.jobs is not None:
        from signing.batch import verify_many

        yield from verify_many(parsed.files, trust, at=parsed.at, jobs=parsed.jobs)
        return
    from signing.verify import verify

    for path in parsed.files:
        yield path, verify(path, _asked(path, trust, parsed) if parsed.allow else trust, at=parsed.at)


def _place(path: Path, folder: Path | None, kind: str, taken: set[Path]) -> Path:
    """Where the report of a file goes; two files of one name do not overwrite each other's."""
    place = path.parent if folder is None else folder
    count = 1
    while (chosen := place / f"{path.stem}{'' if count == 1 else f'-{count}'}.verification.{kind}") in taken:
        count += 1
    taken.add(chosen)
    return chosen


def _as_pdf(found: Verification, file: str, locale: str) -> bytes:
    from signing.sheet import as_sheet

    return as_sheet(found, file=Path(file).name, locale=locale)


def _as_xml(found: Verification, file: str, locale: str) -> bytes:
    from signing.etsi import as_etsi

    return as_etsi(found, file=Path(file).name, locale=locale)


def _as_json(found: Verification, file: str, _locale: str) -> bytes:
    from signing.report import as_dict

    return json.dumps(as_dict(found, file), ensure_ascii=False, indent=2).encode() + b"\n"


_REPORTS: dict[str, Callable[[Verification, str, str], bytes]] = {"pdf": _as_pdf, "xml": _as_xml, "json": _as_json}


def _inspect(parsed: argparse.Namespace) -> int:
    from dataclasses import asdict

    from signing.errors import SigningError
    from signing.inspect import inspect

    try:
        seen = inspect(parsed.file)
    except SigningError as error:
        print(f"{_shown(parsed.file)}: {error.sentence(parsed.lang or _locale())} ({error.code})", file=sys.stderr)
        return 3
    except OSError as error:
        print(f"{_shown(parsed.file)}: {error.strerror}", file=sys.stderr)
        return 3
    _say(json.dumps(asdict(seen), ensure_ascii=False, indent=2))
    return 0


def _shown(path: Path | None) -> str:
    """A path as text; bytes that are no text become visible instead of stopping the command."""
    return os.fsencode(path).decode("utf-8", "backslashreplace") if path is not None else ""


def _say(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))
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

    name = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "en" if locale.normalize(name).lower().startswith("en") else "vi"


if __name__ == "__main__":
    sys.exit(main())

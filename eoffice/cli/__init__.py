"""The command ``eoffice``: starts the other doors, keeps the database, shows figures, proves the ledger."""

from __future__ import annotations

import json
import locale
import os
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from eoffice import __version__

HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default="var",
    envvar="EOFFICE_HOME",
    show_envvar=True,
    help="Folder of the installation: database, files, keys.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def main() -> None:
    """Entry point: errors become a sentence and an exit code, never a traceback."""
    from eoffice.config import ConfigError
    from eoffice.core.errors import OfficeError

    try:
        commands(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(64 if isinstance(error, click.UsageError) else error.exit_code)
    except ConfigError as error:
        click.echo(f"eoffice: {error}", err=True)
        sys.exit(78)
    except OfficeError as error:
        click.echo(f"eoffice: {error.sentence(_locale())}", err=True)
        sys.exit(1)


def _locale() -> str:
    language, _encoding = locale.getlocale()
    return "en" if (language or "").startswith("en") else "vi"


def open_office(home: Path, **given: Any) -> Any:
    """The office of a home folder, its settings read."""
    from eoffice.config import load
    from eoffice.services.office import Office

    return Office(load(home, **given))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="eoffice")
def commands() -> None:
    """An electronic document office with digital signing."""


@commands.command("start")
@HOME
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Port of the web door (8080).")
@click.option("--empty", is_flag=True, help="Begin with an empty office instead of the small demo.")
def start_command(home: Path, port: int | None, empty: bool) -> None:
    """Start everything: key agent, test time-stamps, web and worker; Ctrl+C stops it all."""
    from eoffice.cli.start import run

    sys.exit(run(home, port=port, empty=empty))


@commands.command()
@HOME
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Port of the web door (8080).")
def serve(home: Path, port: int | None) -> None:
    """Serve the pages alone (gunicorn, two workers of four threads)."""
    from eoffice.cli.start import program_environment, web_command
    from eoffice.config import inherited

    settings = open_office(home, port=port).settings
    command, environment = web_command(settings), program_environment(settings)
    os.execve(command[0], command, inherited(environment))  # noqa: S606 - no shell is wanted


@commands.command()
@HOME
def worker(home: Path) -> None:
    """Do the background work: deliveries, receipts, statuses."""
    import logging
    import signal

    from eoffice.jobs.worker import Worker

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    office = open_office(home)
    one = Worker(office)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: one.stop())
    one.run()
    office.close()


@commands.group()
def db() -> None:
    """Keep the database."""


@db.command("upgrade")
@HOME
def db_upgrade(home: Path) -> None:
    """Bring the database to the tables of this version."""
    from eoffice.models import migrate

    office = open_office(home)
    migrate.upgrade(office.engine)
    click.echo(migrate.current(office.engine))


@db.command("check")
@HOME
@JSON
def db_check(home: Path, as_json: bool) -> None:
    """Compare the database with the tables of this version; exit code 1 when they differ."""
    from eoffice.models import migrate

    office = open_office(home)
    found = {
        "current": migrate.current(office.engine),
        "head": migrate.head(),
        "differences": [str(item) for item in migrate.differences(office.engine)],
    }
    ok = found["current"] == found["head"] and not found["differences"]
    click.echo(json.dumps({"ok": ok, **found}) if as_json else f"{'ok' if ok else 'differs'}: {found}")
    sys.exit(0 if ok else 1)


@commands.group()
def demo() -> None:
    """The fictional province An Bình."""


@demo.command("load")
@HOME
def demo_load(home: Path) -> None:
    """Found the province in an empty home and let its people work for three months."""
    from eoffice.cli.demo import load_demo
    from eoffice.models import migrate

    office = open_office(home)
    migrate.upgrade(office.engine)
    for line in load_demo(office):
        click.echo(line)
    office.close()


class Day(click.ParamType):
    """A day, ``2026-09-30`` or ``30/09/2026``."""

    name = "day"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        if isinstance(value, date):
            return value
        for form in ("%Y-%m-%d", "%d/%m/%Y"):
            try:
                return datetime.strptime(value, form).date()  # noqa: DTZ007 - a day has no zone
            except ValueError:
                continue
        raise click.BadParameter(f"{value!r} is no day such as 2026-09-30", ctx, param)


@commands.group()
def stats() -> None:
    """Figures that follow from events."""


@stats.command("ratio")
@HOME
@click.option("--from", "first", type=Day(), required=True, help="First day, local, inclusive.")
@click.option("--to", "last", type=Day(), required=True, help="Last day, local, inclusive.")
@click.option("--agency", default=None, help="Short code or identifier of one agency.")
@JSON
def stats_ratio(home: Path, first: date, last: date, agency: str | None, as_json: bool) -> None:
    """K1, K2, K3, K8 and K12 of a period."""
    from eoffice.core.desk import system
    from eoffice.services import directory, statistics

    if last < first:
        raise click.UsageError("--to lies before --from")
    with open_office(home).read(system(None)) as desk:
        chosen = None
        if agency:
            found = directory.agency_by_identifier(desk, agency, last)
            chosen = found or directory.agency_by_slug(desk, agency)
        summary = statistics.summary(desk, statistics.Period(first, last), agency=chosen.id if chosen else None)
    answer = {"agency": agency, **summary}
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    for name in ("K1", "K2", "K3", "K8"):
        ratio = answer[name]
        value = "—" if ratio["value"] is None else f"{ratio['value']:.1%}"
        click.echo(f"{name}  {value:>7}  {ratio['numerator']}/{ratio['denominator']}")
    times = answer["K12"]
    click.echo(
        f"K12 median {times['median_minutes']} min, p90 {times['p90_minutes']} min, "
        f"mean {times['mean_minutes']} min, reduction {times['reduction']}"
    )


@commands.group("ledger")
def ledger_group() -> None:
    """The tamper-evident ledger."""


@ledger_group.command("verify")
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@HOME
@JSON
def ledger_verify(file: Path | None, home: Path, as_json: bool) -> None:
    """Prove every chain and every row it vouches for; exit code 1 names what is broken.

    With FILE, a stretch that was fetched from the ledger's page: proved on any machine, without an office.
    """
    import dataclasses

    from eoffice.core.desk import system
    from eoffice.services import ledger, statistics

    if file is not None:
        sys.exit(_verify_stretch(file, as_json))
    with open_office(home).read(system(None)) as desk:
        chains = ledger.verify(desk)
        drift = statistics.recount(desk)
    ok = all(chain.ok for chain in chains) and not drift
    if as_json:
        body = {"ok": ok, "chains": [dataclasses.asdict(chain) for chain in chains], "measures": drift}
        click.echo(json.dumps(body, ensure_ascii=False))
    else:
        for chain in chains:
            click.echo(f"{'ok    ' if chain.ok else 'BROKEN'} {chain.agency:<20} {chain.entries} entries")
            for item in chain.broken:
                click.echo(f"       {item.reason}: {item.table} {item.id} (entry {item.seq})")
        for line in drift:
            click.echo(f"DRIFT  {line}")
    sys.exit(0 if ok else 1)


def _verify_stretch(file: Path, as_json: bool) -> int:
    import dataclasses

    from eoffice.services import ledger

    with file.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        chain = ledger.verify_lines(lines)
    if as_json:
        click.echo(json.dumps({"ok": chain.ok, "chains": [dataclasses.asdict(chain)]}, ensure_ascii=False))
        return 0 if chain.ok else 1
    click.echo(f"{'ok    ' if chain.ok else 'BROKEN'} {file.name}: {chain.entries} entries of chain {chain.agency}")
    for item in chain.broken:
        click.echo(f"       {item.reason}: {item.table} {item.id}")
    return 0 if chain.ok else 1


@commands.command("tour")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where the files go.")
@click.option(
    "--incoming",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    help="Begin with this PDF instead of a letter of the demo.",
)
@JSON
def tour_command(out: Path, incoming: Path | None, as_json: bool) -> None:
    """One letter's whole life in a temporary home of its own; exit code 1 when any check fails."""
    from eoffice.cli.tour import run

    sys.exit(run(out, incoming=incoming, as_json=as_json))

"""Starts an installation: the first time it is founded, every time its programs are brought up together."""

from __future__ import annotations

import contextlib
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from eoffice.cli.supervise import Program, answers, hold
from eoffice.cli.supervise import run as supervise
from eoffice.config import load
from eoffice.core.settings import Settings


def run(home: Path, *, port: int | None, empty: bool) -> int:
    """Start everything in ``home`` and stay until Ctrl+C; returns the exit code.

    Raises:
        HomeInUse: another copy works there.
    """
    settings = load(home, port=port)
    with hold(settings.home):
        _check_port(settings)
        _prepare(settings, empty=empty)
        programs, tsa_port = _programs(settings)
        return supervise(programs, lambda: _welcome(settings, test_authority=tsa_port is not None))


def _check_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise click.ClickException(
                f"port {settings.port} is taken ({error.strerror}); nothing was changed; choose another with --port"
            ) from error


def _prepare(settings: Settings, *, empty: bool) -> None:
    """Bring the database up to date, found the demo in a new home, renew the test revocation lists."""
    from eoffice.models import migrate
    from eoffice.services.office import Office

    office = Office(settings)
    try:
        new = migrate.current(office.engine) is None
        if migrate.current(office.engine) != migrate.head():
            migrate.upgrade(office.engine)
        if new and not empty:
            from eoffice.cli.demo import load_demo

            for line in load_demo(office):
                click.echo(line)
    finally:
        office.close()
    if settings.test_mode and (settings.pki / "pki.json").exists():
        from signing.pki import Pki

        Pki.load(settings.pki).renew_crls(at=datetime.now(UTC))


def web_command(settings: Settings) -> tuple[str, ...]:
    """gunicorn with threads, so that a slow client stops nobody (its workers poll nothing and hold no keys)."""
    return (
        sys.executable,
        "-m",
        "gunicorn",
        "--worker-class=gthread",
        "--workers=2",
        "--threads=4",
        "--keep-alive=0",
        "--no-control-socket",
        "--preload",
        "--timeout=60",
        "--graceful-timeout=8",
        "--log-level=warning",
        f"--bind={settings.host}:{settings.port}",
        "eoffice.wsgi:app",
    )


def program_environment(settings: Settings) -> dict[str, str]:
    """What web and worker are told of the installation; the rest they read from its config file."""
    return {"EOFFICE_HOME": str(settings.home), "EOFFICE_PORT": str(settings.port), "PYTHONUNBUFFERED": "1"}


def _programs(settings: Settings) -> tuple[list[Program], int | None]:
    environment = program_environment(settings)
    programs: list[Program] = []
    tsa_port = None
    if settings.test_mode and not settings.tsa_url and (settings.pki / "pki.json").exists():
        tsa_port = free_port()
        environment["EOFFICE_TSA_URL"] = f"http://127.0.0.1:{tsa_port}/"
        command = (sys.executable, "-m", "signing.tsa", "--pki", str(settings.pki), "--port", str(tsa_port))
        programs.append(Program("time-stamp", command, answers(("127.0.0.1", tsa_port))))
    settings.agent_socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    agent = (
        sys.executable,
        "-m",
        "signing.agent",
        "--socket",
        str(settings.agent_socket),
        "--keys",
        str(settings.pki / "keys"),
    )
    (settings.pki / "keys").mkdir(mode=0o700, parents=True, exist_ok=True)
    programs.append(Program("keys", agent, answers(settings.agent_socket)))
    worker = (sys.executable, "-m", "eoffice.cli", "worker")
    programs.append(Program("worker", worker, environment=environment))
    programs.append(Program("web", web_command(settings), answers((settings.host, settings.port)), environment))
    return programs, tsa_port


def free_port() -> int:
    """A port of loopback nobody uses now."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _welcome(settings: Settings, *, test_authority: bool) -> None:
    from eoffice.cli.province import DEMO_PASSWORD, KEY_PASSWORD, plan

    click.echo(f"\neoffice: http://{settings.host}:{settings.port}/   home: {settings.home}")
    if test_authority:
        click.echo("THỬ NGHIỆM / TEST: test certificates and a test time-stamp authority; no legal value.")
        click.echo(f"Accounts (password {DEMO_PASSWORD}, key password {KEY_PASSWORD}):")
        for post in plan()["post"]:
            click.echo(f"  {post['login']:<8} {post['full_name']}, {post['title']}, {post['agency']}")
    click.echo("Ctrl+C stops everything.\n")


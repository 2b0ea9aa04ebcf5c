"""The tour: one letter's whole life in a temporary home with its own PKI and time-stamp authority."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import click

from eoffice.cli.demo import own_time_stamps
from eoffice.cli.journey import Journey, Step, monday_before
from eoffice.cli.province import found, plan
from eoffice.cli.staff import Staff, key_agent
from eoffice.core.clock import VIETNAM, SteppingClock, local_date
from eoffice.core.settings import Settings
from eoffice.formats.letter import Kind, Letter, incoming_letter
from eoffice.models import migrate
from eoffice.services.office import Office


def letter_from_outside(day: datetime) -> bytes:
    """A letter of a company outside the system, as paper scanned to PDF would say it."""
    letter = Letter(
        agency="Công ty Cổ phần Cấp nước An Bình",
        place="An Bình",
        kind=Kind("official_letter", "Công văn"),
        symbol="CTN-HC",
        subject="V/v đề nghị hướng dẫn giao nộp hồ sơ, tài liệu lưu trữ",
        recipients=("Sở Nội vụ tỉnh An Bình",),
        paragraphs=(
            "Công ty đang lưu giữ hồ sơ các công trình cấp nước giai đoạn 2010 - 2020.",
            "Công ty đề nghị Sở Nội vụ hướng dẫn thủ tục giao nộp vào lưu trữ lịch sử của tỉnh./.",
        ),
        capacity=("GIÁM ĐỐC",),
        signer="Lê Quang Vinh",
        noi_nhan=("Như trên", "Lưu: HC"),
    )
    return incoming_letter(letter, number="214", issued=local_date(day))


def run(out: Path, *, incoming: Path | None, as_json: bool) -> int:
    """Go through the journey and write its files; returns the exit code.

    Args:
        out: folder for the files.
        incoming: the PDF to begin with, None for a letter of our own.
        as_json: one JSON object instead of lines.
    """
    monday = monday_before(datetime.now(VIETNAM).date(), days=7)
    clock = SteppingClock(datetime.combine(monday, time(8, 0), VIETNAM).astimezone(UTC))
    pdf = incoming.read_bytes() if incoming else letter_from_outside(clock.now() - timedelta(days=2))

    def told(step: Step) -> None:
        if not as_json:
            click.echo(f"{step.seconds:7.2f} s  {step.name}")
            for name, ok in step.checks:
                click.echo(f"           {'ok  ' if ok else 'FAIL'} {name}")

    with tempfile.TemporaryDirectory(prefix="eoffice-tour-") as home:
        settings = Settings(
            home=Path(home), database_url=f"sqlite:///{home}/eoffice.sqlite3", secret="tour " * 8, sandbox_workers=1
        )
        office = Office(settings, clock)
        try:
            migrate.upgrade(office.engine)
            province = found(office, plan(), password_hash="nobody signs in here")  # noqa: S106
            own_time_stamps(office)
            with key_agent(office):
                staff = Staff(office, province, label="tour")
                journey = Journey(staff, clock, pdf, name=incoming.name if incoming else "214-CTN-HC.pdf", told=told)
                steps = journey.run()
                ok = all(step.ok for step in steps) and steps[-1].name == "prove"
                files = journey.write(out) if ok else {}
        finally:
            office.close()
    if as_json:
        body = {
            "ok": ok,
            "steps": [
                {
                    "name": step.name,
                    "seconds": step.seconds,
                    "checks": [{"name": name, "ok": good} for name, good in step.checks],
                }
                for step in steps
            ],
            "files": files,
        }
        click.echo(json.dumps(body, ensure_ascii=False))
    return 0 if ok else 1


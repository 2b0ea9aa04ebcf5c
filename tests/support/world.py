"""Pytest plugin: the named world of the tests, An Bình in one autumn week, founded once and copied per test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from eoffice.cli.province import Province, found, known, plan
from eoffice.core.clock import SteppingClock
from eoffice.core.desk import Actor, system
from eoffice.core.settings import Settings
from eoffice.services.office import Office
from tests.support.databases import Databases

MONDAY = datetime(2026, 9, 7, 1, 0, tzinfo=UTC)
"""Monday 7 September 2026, 08:00 in An Bình."""

SECRET = "a secret of the tests, long enough for production"


@dataclass
class World:
    """A founded office with its people and a clock that only tests move."""

    office: Office
    province: Province
    clock: SteppingClock

    def actor(self, login: str) -> Actor:
        return self.province.actor(self.office, login)

    def system(self, slug: str) -> Actor:
        return system(self.province.agencies[slug])

    def post(self, login: str) -> UUID:
        return self.province.posts[login]

    def agency(self, slug: str) -> UUID:
        return self.province.agencies[slug]

    def step(self, **span: float) -> None:
        self.clock.step(timedelta(**span))


def _office(url: str, home: Path) -> tuple[Office, SteppingClock]:
    clock = SteppingClock(MONDAY)
    settings = Settings(home=home, database_url=url, secret=SECRET, sandbox_workers=1, lock_timeout_ms=20_000)
    return Office(settings, clock), clock


@pytest.fixture(scope="session")
def founded(databases: Databases) -> Callable[[str], tuple[str, Path]]:
    """Found the province once per worker and database; returns database URL and home to be copied."""
    made: dict[str, tuple[str, Path]] = {}

    def get(kind: str) -> tuple[str, Path]:
        if kind not in made:
            url, home = databases.new(kind), databases.folder / f"home-{kind}-{id(made)}"
            office, _clock = _office(url, home)
            found(office, plan(), password_hash="no password opens this", key="p256", rounds=1000)
            office.close()
            made[kind] = (url, home)
        return made[kind]

    return get


@pytest.fixture
def world(
    database: str, databases: Databases, founded: Callable[[str], tuple[str, Path]], tmp_path: Path
) -> Iterator[World]:
    """A copy of the founded province for this test alone, on each database."""
    template, home = founded(database)
    url = databases.copy(template)
    shutil.copytree(home, tmp_path / "home")
    office, clock = _office(url, tmp_path / "home")
    with office.read(system(None)) as desk:
        province = known(desk)
    yield World(office, province, clock)
    office.close()
    databases.drop(url)


@pytest.fixture
def bare_world(engine_url: str, tmp_path: Path) -> Iterator[World]:
    """The province without certificates, for deeds that need none: quick."""
    office, clock = _office(engine_url, tmp_path / "home")
    province = found(office, plan(), password_hash="no password opens this", certificates=False)
    yield World(office, province, clock)
    office.close()


def snapshot(world: World, table: Any) -> int:
    """How many rows a table holds."""
    from sqlalchemy import func, select

    with world.office.sessions.read() as session:
        return session.execute(select(func.count()).select_from(table.__table__)).scalar_one()

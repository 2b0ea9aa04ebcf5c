"""The pages' world: An Bình after one letter's whole life, lived once per database and copied per test."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from eoffice.cli.demo import own_time_stamps
from eoffice.cli.journey import Journey
from eoffice.cli.province import Province, known
from eoffice.cli.staff import Staff, key_agent
from eoffice.cli.tour import letter_from_outside
from eoffice.core.clock import SteppingClock
from eoffice.core.desk import PUBLIC, scope, system
from eoffice.core.settings import Settings
from eoffice.models.documents import Document
from eoffice.services import accounts
from eoffice.services.office import Office
from eoffice.web import create_app, verify
from tests.support.checking import CheckingClient
from tests.support.databases import Databases
from tests.support.letters import one_in_each_state
from tests.support.world import MONDAY, SECRET, World


@dataclass
class Town(World):
    """The world after the letter's life.

    Args:
        arrived: the letter that came to Sở Nội vụ from outside; answer: what Sở Nội vụ issued.
        theirs: what Sở Tài chính received of it.
    """

    arrived: UUID
    answer: UUID
    theirs: UUID

    def enter(self, client: CheckingClient, login: str) -> str:
        """Sign a person in without a password, and return the token of the session."""
        token = secrets.token_urlsafe(32)
        with self.office.sessions.read() as session:
            from eoffice.models.directory import Person

            person = session.scalars(select(Person.id).where(Person.login == login)).one()
        self.office.do(
            PUBLIC,
            accounts.sign_in,
            key=f"enter:{token}",
            person=person,
            post=self.post(login),
            token_sha256=accounts.token_digest(token),
        )
        client.set_cookie("office", token)
        return token


@dataclass(frozen=True)
class Lived:
    """What a template holds: database, home, and when the story ended."""

    url: str
    home: Path
    at: datetime
    arrived: UUID
    answer: UUID


def settings(url: str, home: Path, **more: object) -> Settings:
    """Settings of a test's office."""
    given = {"sandbox_workers": 1, "lock_timeout_ms": 20_000, **more}
    return Settings(home=home, database_url=url, secret=SECRET, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def lived(databases: Databases, founded: Callable[[str], tuple[str, Path]]) -> Callable[[str], Lived]:
    """Let the story happen once per worker and database."""
    made: dict[str, Lived] = {}

    def get(kind: str) -> Lived:
        if kind not in made:
            template, home = founded(kind)
            url, own = databases.copy(template), databases.folder / f"lived-{kind}-{id(made)}"
            shutil.copytree(home, own)
            clock = SteppingClock(MONDAY)
            office = Office(settings(url, own), clock)
            own_time_stamps(office)
            with office.read(system(None)) as desk:
                province: Province = known(desk)
            with key_agent(office):
                journey = Journey(Staff(office, province), clock, letter_from_outside(clock.now()))
                steps = journey.run()
            assert all(step.ok for step in steps), [step for step in steps if not step.ok]
            office.close()
            shutil.rmtree(own / "run", ignore_errors=True)
            made[kind] = Lived(url, own, clock.now(), journey.arrived, journey.answer)
        return made[kind]

    return get


@dataclass(frozen=True)
class Busy(Lived):
    """A world in which something waits on every desk of Sở Nội vụ.

    Args:
        waiting: state -> the document that has come so far and no further, ``signed`` and ``failed`` among them.
    """

    waiting: dict[str, UUID] = field(default_factory=dict)


@pytest.fixture(scope="session")
def busied(databases: Databases, lived: Callable[[str], Lived]) -> Callable[[str], Busy]:
    """Let people go on working after the story, once per worker and database."""
    made: dict[str, Busy] = {}

    def get(kind: str) -> Busy:
        if kind not in made:
            before = lived(kind)
            url, home = databases.copy(before.url), databases.folder / f"busy-{kind}-{id(made)}"
            shutil.copytree(before.home, home)
            clock = SteppingClock(before.at)
            office = Office(settings(url, home), clock)
            with office.read(system(None)) as desk:
                province = known(desk)
            own_time_stamps(office)
            with key_agent(office):
                staff = Staff(office, province, label="busy")
                waiting = one_in_each_state(staff, tick=lambda: clock.step(timedelta(minutes=1)))
            office.close()
            shutil.rmtree(home / "run", ignore_errors=True)
            made[kind] = Busy(url, home, clock.now(), before.arrived, before.answer, waiting)
        return made[kind]

    return get


@pytest.fixture
def town(
    database: str, databases: Databases, lived: Callable[[str], Lived], tmp_path: Path
) -> Iterator[Town]:
    """A copy of the world after the letter's life, for this test alone, on each database."""
    with opened(lived(database), databases, tmp_path) as found:
        yield found


@pytest.fixture
def busy(
    database: str, databases: Databases, busied: Callable[[str], Busy], tmp_path: Path
) -> Iterator[tuple[Town, dict[str, UUID]]]:
    """A copy of the world with something on every desk, and what waits there by state."""
    before = busied(database)
    with opened(before, databases, tmp_path) as found:
        yield found, before.waiting


@contextmanager
def opened(before: Lived, databases: Databases, folder: Path) -> Iterator[Town]:
    """A town on a copy of a lived world."""
    url, home = databases.copy(before.url), folder / "home"
    shutil.copytree(before.home, home)
    clock = SteppingClock(before.at)
    office = Office(settings(url, home), clock)
    with office.read(system(None)) as desk:
        province = known(desk)
    with office.read(system(province.agencies["so-tai-chinh"])) as desk:
        theirs = desk.session.scalars(scope(desk, Document).where(Document.direction == "incoming")).first()
    assert theirs is not None
    yield Town(office, province, clock, before.arrived, before.answer, theirs.id)
    office.close()
    databases.drop(url)


@pytest.fixture
def app(town: Town) -> Iterator[Flask]:
    """The application on the town."""
    verify.LIMITER.forget()
    app = create_app(town.office)
    app.test_client_class = CheckingClient
    yield app
    app.extensions["visits"].flush()


@pytest.fixture
def client(app: Flask) -> CheckingClient:
    """A browser nobody is signed in with; it checks every page."""
    found = app.test_client()
    assert isinstance(found, CheckingClient)
    return found


@pytest.fixture
def hanh(client: CheckingClient, town: Town) -> CheckingClient:
    """The clerk of Sở Nội vụ at her desk."""
    town.enter(client, "hanh")
    return client

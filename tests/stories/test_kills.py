"""Somebody pulls the plug in the middle of a deed, at every point: nothing is lost, nothing doubled, the number stays.

Each deed of a letter's way is begun from the same moment again and again, in a process that kills itself after its
n-th SQL statement, commit, rename or socket send. Then the same person presses again (or another worker takes over),
and what comes out must be what comes out undisturbed.
"""

from __future__ import annotations

import contextlib
import importlib
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from eoffice.cli.demo import own_time_stamps
from eoffice.cli.province import known
from eoffice.cli.staff import Staff
from eoffice.cli.tour import letter_from_outside
from eoffice.core.clock import SteppingClock
from eoffice.core.desk import scope, system
from eoffice.core.errors import WrongState
from eoffice.core.settings import Settings
from eoffice.jobs.worker import Worker, drain
from eoffice.models.books import NumberAllocation, NumberCounter, RegisterLine
from eoffice.models.calls import Call
from eoffice.models.documents import Document, DocumentFile
from eoffice.models.exchange import Delivery, DeliveryEvent, Message
from eoffice.models.ledger import LedgerEntry
from eoffice.models.metrics import Fact
from eoffice.models.review import SigningItem
from eoffice.models.work import Job
from eoffice.services import ledger, statistics, work
from eoffice.services.incoming import Facts
from eoffice.services.office import Office
from eoffice.services.verbs import VERBS
from tests.support.databases import Databases
from tests.support.killing import Points, kill_at, points_of
from tests.support.leaders import enter
from tests.support.letters import approved, at_work
from tests.support.world import SECRET, World


@dataclass(frozen=True)
class Place:
    """A moment of an installation that can be gone back to: database, home and the time on its clock."""

    url: str
    home: Path
    now: datetime

    def open(self) -> Office:
        office = Office(Settings(home=self.home, database_url=self.url, secret=SECRET), SteppingClock(self.now))
        own_time_stamps(office)
        return office


@dataclass(frozen=True)
class Deed:
    """What is being done when the plug is pulled: a person's deed, or the next job of a worker (no login).

    Args:
        name: of the verb or of the job.
    """

    name: str
    login: str = ""
    document: UUID | None = None
    arguments: dict[str, Any] = field(default_factory=dict)


class Inside:
    """Opens files in the process that is going to die: what its children would answer, without starting any."""

    def call(self, name: str, data: Path | bytes, *, raises: object = (), **arguments: Any) -> Any:
        module, _, function = name.rpartition(".")
        given = data if isinstance(data, bytes) else data.read_bytes()
        return getattr(importlib.import_module(module), function)(given, **arguments)


def begin(points: Points, place: Place, deed: Deed) -> None:
    """Do the deed for the first time, in a process of its own."""
    office = place.open()
    office._sandbox = Inside()
    if not deed.login:
        points.watch(office.engine)
        Worker(office, clock=office.clock).step()
        return
    with office.read(system(None)) as desk:
        actor = known(desk).actor(office, deed.login)
    points.watch(office.engine)
    office.do(actor, VERBS[deed.name], deed.document, key="first press", **deed.arguments)


def go_on(office: Office, deed: Deed, keys: tuple[str, str]) -> None:
    """What people and workers do after the plug was pulled: press again, or take over when the lease is over."""
    if deed.login:
        with office.read(system(None)) as desk:
            actor = known(desk).actor(office, deed.login)
        done = 0
        for key in keys:
            try:
                office.do(actor, VERBS[deed.name], deed.document, key=key, **deed.arguments)
                done += 1
            except WrongState:
                continue  # it was done before, under another key
        assert done or keys[0] != "first press", "the same press again gets its answer"
    else:
        assert isinstance(office.clock, SteppingClock)
        office.clock.step(work.LEASE + timedelta(seconds=1))
    drain(office)


def outcome(office: Office) -> Counter[str]:
    """What there is, by rows that would show a loss or a doubling; refused second presses aside."""
    found: Counter[str] = Counter()
    with office.read(system(None)) as desk:

        def add(table: Any, *columns: str) -> None:
            for row in desk.session.scalars(scope(desk, table)):
                found[" ".join([table.__tablename__, *(str(getattr(row, column)) for column in columns)])] += 1

        add(Document, "direction", "state", "code", "arrival_number", "verdict")
        add(DocumentFile, "role", "stage", "number")
        add(NumberCounter, "value")
        add(NumberAllocation, "number", "state")
        add(RegisterLine, "book", "number", "revision")
        add(Delivery, "channel", "delivery_class", "state", "status_code")
        add(DeliveryEvent, "kind", "code", "applied")
        add(Message, "channel")
        add(SigningItem, "state", "code")
        add(Fact, "measure", "bucket")
        add(Job, "name", "state")
        add(LedgerEntry, "word")
        unanswered = desk.session.scalars(select(Call).where(Call.answer.is_(None))).all()
        assert not unanswered
        assert [chain for chain in ledger.verify(desk) if not chain.ok] == []
        assert statistics.recount(desk) == []
        for file in desk.session.scalars(scope(desk, DocumentFile)):
            assert office.files.verify(file.sha256), f"{file.stage} is damaged"
    found.pop("ledger_entry deed.refused", None)
    return found


def story(staff: Staff) -> Iterator[Deed]:
    """A letter's way from number to register book; each deed is told just before it is done."""
    pdf = letter_from_outside(staff.office.clock.now())
    question = staff.arrive("hanh", pdf, "công văn đến.pdf")
    facts = Facts(code="214/CTN-HC", issuer_name="Công ty Cổ phần Cấp nước An Bình", subject="Đề nghị hướng dẫn")
    staff.register("hanh", question.id, facts)
    staff.instruct("nam", question.id, "Trả lời công ty", lead="VTLT")
    staff.assign("son", question.id, "tuan")
    to = [staff.to("so-tai-chinh"), staff.to("cong-ty-nuoc", paper=True, reason="no_electronic_way")]
    letter = approved(staff, to, reply_to=question.id)
    nam = enter(staff, "nam")
    nam.approve(letter)
    nam.unlock()
    yield Deed("signing.sign")
    Worker(staff.office, clock=staff.office.clock).step()
    yield Deed("issuing.number", "hanh", letter)
    staff.number("hanh", letter)
    staff.unlock("hanh", letter, "seal", "signed")
    yield Deed("issuing.seal", "hanh", letter)
    staff.seal("hanh", letter)
    yield Deed("issuing.issue", "hanh", letter)
    staff.issue("hanh", letter)
    worker = Worker(staff.office, clock=staff.office.clock)
    while name := next_job(staff.office):
        yield Deed(name)
        worker.step()
    (theirs,) = staff.received("yen")
    facts = Facts(code=theirs.code, issuer_name=theirs.issuer_name, subject=theirs.subject, kind=theirs.kind)
    yield Deed("incoming.register", "yen", theirs.id, {"facts": facts})


def next_job(office: Office) -> str | None:
    with office.read(system(None)) as desk:
        waiting = select(Job.name).where(Job.state == "waiting").order_by(Job.run_at, Job.id)
        return desk.session.scalars(waiting.limit(1)).first()


@dataclass
class Tally:
    """How often the plug was pulled in a deed, and what was missing or too much afterwards."""

    deed: str
    points: int
    tried: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    doubled: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        whole = f"tried {self.tried:3d} of {self.points:3d} points, survived {self.tried - self.broken:3d}"
        return f"{self.deed:18} {whole}, lost {self.lost.total()}, doubled {self.doubled.total()}"

    broken: int = 0

    def compare(self, point: str, found: Counter[str], expected: Counter[str]) -> None:
        self.tried += 1
        if found != expected:
            self.broken += 1
            self.lost += Counter({f"{name} (after {point})": count for name, count in (expected - found).items()})
            self.doubled += Counter({f"{name} (after {point})": count for name, count in (found - expected).items()})


@dataclass
class Sweep:
    """Pulls the plug at every ``every``-th point of each deed of the story."""

    world: World
    databases: Databases
    every: int

    def run(self) -> Iterator[Tally]:
        sandbox = self.world.office.sandbox()  # one pool for all the offices that come after a kill
        with at_work(self.world) as staff:
            for index, deed in enumerate(story(staff)):
                yield self._deed(deed, index, sandbox)

    def _deed(self, deed: Deed, index: int, sandbox: Any) -> Tally:
        self.world.office.engine.dispose()
        with self._copy() as place:
            points = points_of(begin, place, deed)
            expected = self._after(place, deed, sandbox, index)
            assert "do_commit" in points, f"{deed.name} does nothing undisturbed"
        tally = Tally(deed.name, len(points))
        for point in range(1 + index % self.every, len(points) + 1, self.every):
            with self._copy() as place:
                kill_at(point, begin, place, deed)
                name = f"{points[point - 1]}, point {point}"
                tally.compare(name, self._after(place, deed, sandbox, point), expected)
        return tally

    @contextlib.contextmanager
    def _copy(self) -> Iterator[Place]:
        """Go back to the moment before the deed."""
        settings = self.world.office.settings
        home = self.databases.folder / f"copy-{uuid4().hex}"
        shutil.copytree(settings.files, home / "files")
        (home / "run").mkdir()
        (home / "pki").symlink_to(settings.pki)
        (home / "run" / "agent.sock").symlink_to(settings.agent_socket)
        place = Place(self.databases.copy(settings.database_url), home, self.world.clock.now())
        try:
            yield place
        finally:
            self.databases.drop(place.url)
            shutil.rmtree(home)

    @staticmethod
    def _after(place: Place, deed: Deed, sandbox: Any, turn: int) -> Counter[str]:
        office = place.open()
        office._sandbox = sandbox
        keys = ("first press", "second press")
        try:
            go_on(office, deed, keys if turn % 2 else keys[::-1])
            return outcome(office)
        finally:
            office._sandbox = None
            office.close()


def check(sweep: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    tallies = []
    for tally in sweep.run():
        tallies.append(tally)
        with capsys.disabled():
            print(f"\n  {tally}", end="")
    assert [tally.lost for tally in tallies if tally.lost] == []
    assert [tally.doubled for tally in tallies if tally.doubled] == []
    assert {tally.deed for tally in tallies} == {
        "signing.sign",
        "issuing.number",
        "issuing.seal",
        "issuing.issue",
        "routing.finish",
        "exchange.deliver",
        "exchange.receive",
        "exchange.confirm",
        "exchange.report",
        "exchange.apply",
        "incoming.register",
    }


def test_pulled_plugs(world: World, databases: Databases, capsys: pytest.CaptureFixture[str]) -> None:
    """Every tenth point of every deed, begun at another one for each."""
    check(Sweep(world, databases, every=10), capsys)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_pulled_plug(world: World, databases: Databases, capsys: pytest.CaptureFixture[str]) -> None:
    """Every point of every deed."""
    check(Sweep(world, databases, every=1), capsys)

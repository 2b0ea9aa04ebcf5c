"""Background work: done once whatever dies, in order, tried again with patience, and given up where people see it."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from eoffice.core.clock import SteppingClock
from eoffice.core.desk import system
from eoffice.core.errors import Busy, NotAllowed, OfficeError
from eoffice.core.settings import Settings
from eoffice.jobs.handlers import HANDLERS, Handler
from eoffice.jobs.worker import Worker, drain
from eoffice.models.directory import Setting
from eoffice.models.ledger import LedgerEntry
from eoffice.models.work import Job
from eoffice.services import directory, ledger, work
from eoffice.services.office import Office
from eoffice.services.verbs import Verb
from tests.support.killing import Points, kill_at, points_of
from tests.support.world import SECRET, World


def note(job: Any) -> tuple[None, dict[str, Any]]:
    return None, {"name": job["name"], "value": "1", "source": "a job", "valid_from": date(2026, 1, 1)}


@contextlib.contextmanager
def handling() -> Iterator[None]:
    """Let jobs named ``test.note`` enter a setting."""
    HANDLERS["test.note"] = Handler(directory.set_value, note)
    try:
        yield
    finally:
        del HANDLERS["test.note"]


@pytest.fixture
def office(bare_world: World) -> Iterator[Office]:
    with handling():
        yield bare_world.office


def queue(office: Office, *names: str, part: str = "", key: str = "", delay: float = 0) -> None:
    """Queue one job per name, each a moment after the one before."""
    for name in names:
        with office.write(system(None), key=f"queue:{name}:{key}") as desk:
            at = office.clock.now() + timedelta(seconds=delay)
            desk.enqueue(desk, "test.note", key or name, {"name": name}, at=at, part=part)  # type: ignore[misc]
        assert isinstance(office.clock, SteppingClock)
        office.clock.step(timedelta(milliseconds=1))


def done(office: Office) -> list[str]:
    """The notes that were written, in the order of the ledger."""
    with office.read(system(None)) as desk:
        rows = Counter(desk.session.scalars(select(Setting.name).where(Setting.source == "a job")))
        entries = desk.session.scalars(
            select(LedgerEntry.body).where(LedgerEntry.word == "setting.changed").order_by(LedgerEntry.seq)
        )
        told = [item["notes"]["name"] for item in map(json.loads, entries) if item["notes"]["source"] == "a job"]
    assert Counter(told) == rows
    return told


def jobs(office: Office) -> dict[str, Job]:
    with office.read(system(None)) as desk:
        return {job.key: job for job in desk.session.scalars(select(Job))}


def states(office: Office) -> Counter[str]:
    return Counter(job.state for job in jobs(office).values())


def work_once(points: Points, url: str, home: Path, now: datetime) -> None:
    """One worker process does one job."""
    office = Office(Settings(home=home, database_url=url, secret=SECRET), SteppingClock(now))
    points.watch(office.engine)
    with handling():
        Worker(office, clock=office.clock).step()


def test_a_killed_worker_s_job_is_done_once_by_another(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """It dies at every point, and never comes back: after the lease a living one takes over."""
    clock = office.clock
    assert isinstance(clock, SteppingClock)
    place = (office.settings.database_url, office.settings.home)
    queue(office, "first")
    points = points_of(work_once, *place, clock.now())
    wanted = ["first"]
    assert done(office) == wanted
    assert points[-1] == "do_commit"
    for point, name in enumerate(points, start=1):
        queue(office, f"job {point}")
        wanted.append(f"job {point}")
        kill_at(point, work_once, *place, clock.now())
        clock.step(work.LEASE / 2)
        drain(office)
        assert done(office) in (wanted, wanted[:-1]), f"killed after {name}"
        clock.step(work.LEASE)
        drain(office)
        assert done(office) == wanted, f"killed after {name}"
    assert states(office) == {"done": len(wanted)}
    with office.read(system(None)) as desk:
        assert all(chain.ok for chain in ledger.verify(desk))
    with capsys.disabled():
        print(f"\n  worker killed: tried {len(points)}, survived {len(points)}, lost 0, doubled 0", end="")


def test_a_zombie_is_fenced(office: Office) -> None:
    """A worker that slept through its lease and wakes up commits nothing: neither the mark nor the deed."""
    queue(office, "once")
    clock = office.clock
    assert isinstance(clock, SteppingClock)
    zombie, living = Worker(office, clock=clock), Worker(office, clock=clock)
    with contextlib.closing(office.sessions.write()) as session:
        (job,) = work.claim(session, zombie.owner, clock.now())
        session.commit()
    clock.step(work.LEASE + timedelta(seconds=1))
    with contextlib.closing(office.sessions.write()) as session:
        (taken,) = work.claim(session, living.owner, clock.now())
        session.commit()
    assert taken.id == job.id
    zombie.do(job)
    assert done(office) == []
    assert jobs(office)["once"].owner == living.owner
    living.do(taken)
    zombie.do(job)
    assert done(office) == ["once"]
    with contextlib.closing(office.sessions.write()) as session:
        assert not work.finish(session, job.id, zombie.owner, clock.now())
    assert states(office) == {"done": 1}


def test_a_zombie_s_failure_changes_nothing(office: Office) -> None:
    queue(office, "once")
    now = office.clock.now()
    with contextlib.closing(office.sessions.write()) as session:
        (job,) = work.claim(session, "zombie", now)
        assert work.claim(session, "living", now + work.LEASE * 2)
        work.put_back(session, job, "zombie", now + work.LEASE * 2, "too late")
        session.commit()
    found = jobs(office)["once"]
    assert (found.state, found.owner, found.error) == ("running", "living", "")


def test_a_beating_worker_keeps_its_job(office: Office) -> None:
    queue(office, "long")
    now = office.clock.now()
    with contextlib.closing(office.sessions.write()) as session:
        assert work.claim(session, "slow", now)
        work.beat(session, "slow", now + work.LEASE * 0.9)
        assert work.claim(session, "other", now + work.LEASE * 1.5) == []
        assert work.claim(session, "other", now + work.LEASE * 2)
        session.commit()


def test_jobs_of_one_part_keep_their_order(office: Office) -> None:
    """The first is not due yet: the later ones of its part wait for it, others do not."""
    queue(office, "a1", part="a", delay=60)
    queue(office, "a2", "a3", part="a")
    queue(office, "b1", part="b")
    queue(office, "free")
    drain(office)
    assert done(office) == ["b1", "free"]
    assert isinstance(office.clock, SteppingClock)
    office.clock.step(timedelta(seconds=61))
    drain(office)
    assert done(office) == ["b1", "free", "a1", "a2", "a3"]


def test_a_running_job_holds_back_its_part(office: Office) -> None:
    queue(office, "a1", "a2", part="a")
    now = office.clock.now()
    with contextlib.closing(office.sessions.write()) as session:
        assert [job.key for job in work.claim(session, "one", now, limit=5)] == ["a1"]
        assert work.claim(session, "two", now, limit=5) == []
        session.commit()


def test_the_same_key_is_queued_once_for_ever(office: Office) -> None:
    queue(office, "first", "second", key="same")
    drain(office)
    queue(office, "third", key="same")
    drain(office)
    assert done(office) == ["first"]
    assert list(jobs(office)) == ["same"]


def test_a_rolled_back_deed_queues_nothing(office: Office) -> None:
    with pytest.raises(ZeroDivisionError), office.write(system(None), key="k") as desk:
        desk.later("test.note", "never", {"name": "never"}, agency=UUID(int=0))
        raise ZeroDivisionError
    assert jobs(office) == {}


class Failing:
    """Says with which error every deed fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error


@pytest.fixture
def failing(office: Office, monkeypatch: pytest.MonkeyPatch) -> Failing:
    """The door of deeds breaks down: what the worker sees of a part that does not answer."""
    found = Failing(Busy())

    def broken(*_arguments: Any, **_named: Any) -> Any:
        raise found.error

    monkeypatch.setattr(office, "do", broken)
    return found


@pytest.mark.usefixtures("failing")
def test_a_failing_job_is_tried_again_with_growing_patience(office: Office) -> None:
    queue(office, "patient")
    clock = office.clock
    assert isinstance(clock, SteppingClock)
    waits = []
    for _attempt in range(len(work.BACKOFF) + 2):
        assert drain(office) == 1
        job = jobs(office)["patient"]
        assert (job.state, job.owner) == ("waiting", None)
        assert job.error.startswith("busy")
        waits.append(job.run_at - clock.now())
        clock.set(job.run_at - timedelta(seconds=1))
        assert drain(office) == 0
        clock.set(job.run_at)
    assert waits == [*work.BACKOFF, work.LONGEST, work.LONGEST]


@pytest.mark.usefixtures("failing")
def test_after_five_days_it_is_given_up_and_seen(office: Office) -> None:
    queue(office, "hopeless")
    clock = office.clock
    assert isinstance(clock, SteppingClock)
    began = clock.now()
    while jobs(office)["hopeless"].state == "waiting":
        clock.set(max(clock.now(), jobs(office)["hopeless"].run_at))
        assert drain(office) == 1
    assert work.GIVE_UP < clock.now() - began < work.GIVE_UP + work.LONGEST * 2
    with office.read(system(None)) as desk:
        assert [job.key for job in work.failed(desk.session)] == ["hopeless"]
    clock.step(timedelta(days=30))
    assert drain(office) == 0


def test_a_refusal_is_not_tried_again(office: Office, failing: Failing) -> None:
    failing.error = NotAllowed()
    queue(office, "refused")
    drain(office)
    found = jobs(office)["refused"]
    assert (found.state, found.attempts) == ("failed", 1)
    assert found.error.startswith("not_allowed")


def test_it_succeeds_once_the_trouble_is_over(
    office: Office, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(office, "later")
    drain(office)
    monkeypatch.undo()
    assert done(office) == []
    assert isinstance(office.clock, SteppingClock)
    office.clock.step(work.BACKOFF[0])
    drain(office)
    assert done(office) == ["later"]
    assert jobs(office)["later"].error == ""


def test_an_unknown_job_is_seen_and_stops_nobody(office: Office) -> None:
    with office.write(system(None), key="k") as desk:
        desk.later("no.such.thing", "odd", {}, agency=UUID(int=0))
    queue(office, "next")
    drain(office)
    assert (jobs(office)["odd"].state, jobs(office)["next"].state) == ("failed", "done")


def test_two_workers_share_two_hundred_jobs(office: Office) -> None:
    """Each job is done once and no worker fails."""
    names = [f"n{number}" for number in range(200)]
    with office.write(system(None), key="all") as desk:
        for name in names:
            desk.later("test.note", name, {"name": name}, agency=UUID(int=0))
    workers = [Worker(office, clock=office.clock) for _ in range(2)]

    def toil(worker: Worker) -> int:
        count = 0
        while work_left():
            with contextlib.suppress(OfficeError):
                count += worker.step()
        return count

    def work_left() -> bool:
        with contextlib.closing(office.sessions.read()) as session:
            return session.scalar(select(Job.id).where(Job.state != "done").limit(1)) is not None

    with ThreadPoolExecutor(2) as pool:
        shares = list(pool.map(toil, workers))
    assert sorted(done(office)) == sorted(names)
    assert sum(shares) == 200
    assert all(shares), "one worker did everything"
    assert {job.attempts for job in jobs(office).values()} == {1}


def test_every_handler_names_a_verb() -> None:
    assert all(isinstance(handler.verb, Verb) for handler in HANDLERS.values())

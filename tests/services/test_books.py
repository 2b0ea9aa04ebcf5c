"""Numbers: none doubled, none lost, whoever is in a hurry, crashes or changes his mind."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from eoffice.core.clock import SteppingClock
from eoffice.core.desk import scope
from eoffice.core.errors import Conflict
from eoffice.core.settings import Settings
from eoffice.models.books import NumberAllocation, NumberCounter
from eoffice.services import books, incoming
from eoffice.services.incoming import Facts
from eoffice.services.office import Office
from tests.support.papers import arrived, examined
from tests.support.world import MONDAY, SECRET, World

FACTS = Facts(code="15/BC-STC", issuer_name="Sở Tài chính", subject="Báo cáo quý III")


def test_the_first_number_of_a_year_is_one_and_they_follow(bare_world: World) -> None:
    numbers = []
    for index in range(3):
        document = arrived(bare_world, "so-noi-vu", b"%%PDF-1.7 %d" % index, key=f"a{index}")
        row = bare_world.office.do(bare_world.actor("hanh"), incoming.register, document, key=f"r{index}", facts=FACTS)
        numbers.append((row.book_year, row.arrival_number))
        bare_world.clock.step(timedelta(days=60))
    assert numbers == [(2026, 1), (2026, 2), (2027, 1)]


def test_a_rollback_gives_the_number_back(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    with pytest.raises(ZeroDivisionError), bare_world.office.write(bare_world.actor("hanh"), key="x") as desk:
        incoming.register(desk, document, facts=FACTS)
        raise ZeroDivisionError
    row = bare_world.office.do(bare_world.actor("hanh"), incoming.register, document, key="y", facts=FACTS)
    assert row.arrival_number == 1


def test_no_number_before_the_date_of_the_last(bare_world: World) -> None:
    clerk = bare_world.actor("hanh")
    first = arrived(bare_world, "so-noi-vu")
    bare_world.office.do(clerk, incoming.register, first, key="r", facts=FACTS)
    second = arrived(bare_world, "so-noi-vu", b"%PDF-1.7 second", key="a2")
    bare_world.office.clock = SteppingClock(MONDAY - timedelta(days=1))
    with pytest.raises(Conflict) as caught:
        bare_world.office.do(clerk, incoming.register, second, key="r2", facts=FACTS)
    assert caught.value.code == "date_before_last"


def _numbering(url: str, home: Path, slug_agency: Any, worker: int, count: int, answers: Any) -> None:
    """One of the processes: registers its documents, every tenth one rolled back first."""
    from eoffice.core.desk import system
    from eoffice.rules.access import Role

    office = Office(Settings(home=home, database_url=url, secret=SECRET), SteppingClock(MONDAY))
    actor = system(slug_agency)
    clerk = type(actor)(**{**actor.__dict__, "roles": frozenset({Role.CLERK, Role.SYSTEM})})
    taken = []
    for index in range(count):
        content = b"%%PDF-1.7 %d %d" % (worker, index)
        with office.write(actor, key=f"a{worker}.{index}") as desk:
            arrival = incoming.Arrival(examined(content).sha256, "x.pdf", "hand")
            document = incoming.arrive(desk, arrival=arrival, prepared=examined(content)).id
        if index % 10 == 3:
            with pytest.raises(ZeroDivisionError), office.write(clerk, key=f"x{worker}.{index}") as desk:
                incoming.register(desk, document, facts=FACTS)
                raise ZeroDivisionError
        row = office.do(clerk, incoming.register, document, key=f"r{worker}.{index}", facts=FACTS)
        taken.append(row.arrival_number)
    answers.put(taken)
    office.close()


def test_eight_processes_number_at_once(bare_world: World) -> None:
    """8 processes, 12 documents each, some rolled back: 1..96, each once, and the ledger whole."""
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    settings = bare_world.office.settings
    arguments: Callable[[int], tuple[Any, ...]] = lambda worker: (  # noqa: E731
        settings.database_url,
        settings.home,
        bare_world.agency("so-noi-vu"),
        worker,
        12,
        answers,
    )
    processes = [context.Process(target=_numbering, args=arguments(worker)) for worker in range(8)]
    for process in processes:
        process.start()
    numbers = [number for _ in processes for number in answers.get(timeout=120)]
    for process in processes:
        process.join(60)
    assert sorted(numbers) == list(range(1, 97))
    with bare_world.office.read(bare_world.system("so-noi-vu")) as desk:
        assert [row.number for row in books.find(desk, "incoming", 2026, limit=200)] == list(range(1, 97))
        states = {row.state for row in desk.session.scalars(scope(desk, NumberAllocation))}
        (counter,) = desk.session.scalars(scope(desk, NumberCounter)).all()
        from eoffice.services import ledger

        assert ledger.verify(desk)[0].ok
    assert states == {"used"}
    assert (counter.value, counter.last_date) == (96, date(2026, 9, 7))

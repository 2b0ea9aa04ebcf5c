"""Figures follow from events: counted anew they are the same, and a planted one is named."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from eoffice.rules import measures
from eoffice.services import incoming, routing, statistics
from eoffice.services.incoming import Facts
from eoffice.services.statistics import Period
from tests.support.papers import arrived
from tests.support.world import World

FACTS = Facts(code="15/BC-STC", issuer_name="Sở Tài chính", subject="Báo cáo quý III")
WEEK = Period(date(2026, 9, 7), date(2026, 9, 13))


def worked(world: World, index: int, *, days: int | None, hours: float) -> None:
    """One document from arrival to done: 30 minutes to register, 60 to assign, then ``hours`` of handling."""
    office = world.office
    document = arrived(world, "so-noi-vu", b"%%PDF-1.7 %d" % index, key=f"a{index}")
    world.step(minutes=30)
    office.do(world.actor("hanh"), incoming.register, document, key=f"r{index}", facts=FACTS)
    world.step(minutes=60)
    share = routing.Share("lead", post=world.post("tuan"))
    office.do(
        world.actor("nam"), routing.instruct, document, key=f"i{index}", text="Xử lý", shares=[share], working_days=days
    )
    world.step(hours=hours)
    office.do(world.actor("tuan"), routing.finish, document, key=f"f{index}", note="Đã giải quyết")


def summary(world: World, login: str = "nam") -> dict[str, Any]:
    with world.office.read(world.actor(login)) as desk:
        return statistics.summary(desk, WEEK)


def test_processing_time_in_its_three_parts(bare_world: World) -> None:
    worked(bare_world, 1, days=2, hours=1)
    found = summary(bare_world)["K12"]
    assert [found["parts"][part]["median_minutes"] for part in measures.TIME_PARTS] == [30, 60, 60]
    assert (found["median_minutes"], found["count"]) == (150, 1)
    assert found["baseline_minutes"] == 480
    assert found["reduction"] == 1 - 150 / 480


def test_punctuality_counts_what_is_open_and_late(bare_world: World) -> None:
    worked(bare_world, 1, days=3, hours=0.5)
    bare_world.clock.set(bare_world.clock.now() + timedelta(days=1))
    worked(bare_world, 2, days=None, hours=0.5)
    late = arrived(bare_world, "so-noi-vu", b"%PDF-1.7 late", key="late")
    bare_world.office.do(bare_world.actor("hanh"), incoming.register, late, key="rl", facts=FACTS)
    share = routing.Share("lead", post=bare_world.post("tuan"))
    bare_world.office.do(
        bare_world.actor("nam"), routing.instruct, late, key="il", text="Xử lý", shares=[share], working_days=1
    )
    before = summary(bare_world)["K8"]
    assert (before["numerator"], before["denominator"], before["without_deadline"]) == (1, 1, 1)
    bare_world.step(days=3)
    after = summary(bare_world)["K8"]
    assert (after["numerator"], after["denominator"]) == (1, 2)


def test_without_a_denominator_there_is_no_value(bare_world: World) -> None:
    found = summary(bare_world)
    assert [found[name]["value"] for name in ("K1", "K2", "K3", "K8")] == [None] * 4
    assert (found["K12"]["median_minutes"], found["K12"]["reduction"]) == (None, None)


def test_counted_anew_it_is_the_same_and_a_planted_figure_is_named(bare_world: World) -> None:
    for index in range(3):
        worked(bare_world, index, days=3, hours=0.2)
    with bare_world.office.read(bare_world.system("so-noi-vu")) as desk:
        assert statistics.recount(desk) == []
    with bare_world.office.engine.begin() as connection:
        connection.execute(text("UPDATE rollup SET number = number + 1 WHERE measure = 'on_time'"))
    with bare_world.office.read(bare_world.system("so-noi-vu")) as desk:
        (difference,) = statistics.recount(desk)
    assert "4 kept, 3 counted" in difference
    with bare_world.office.engine.begin() as connection:
        connection.execute(text("UPDATE rollup SET number = number - 1 WHERE measure = 'on_time'"))
        connection.execute(text("UPDATE fact SET bucket = 'late' WHERE measure = 'on_time'"))
    with bare_world.office.read(bare_world.system("so-noi-vu")) as desk:
        assert any("no event tells it" in line for line in statistics.recount(desk))


def test_the_auditor_sees_all_agencies_a_leader_his_own(bare_world: World) -> None:
    worked(bare_world, 1, days=2, hours=1)
    assert summary(bare_world, "mai")["K12"]["count"] == 1
    assert summary(bare_world, "dung")["K12"]["count"] == 0

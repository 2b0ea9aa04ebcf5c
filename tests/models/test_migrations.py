"""Migrations: up and down with data, the same tables as the models, one head."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from eoffice.core.db import make_engine
from eoffice.jobs.handlers import HANDLERS
from eoffice.models import migrate
from eoffice.services import ledger
from tests.support.papers import arrived
from tests.support.world import World


def test_there_is_one_head() -> None:
    folder = Path(migrate.__file__).resolve().parent.parent / "migrations"
    assert len(ScriptDirectory(str(folder)).get_heads()) == 1


def test_up_gives_the_models_tables_and_down_leaves_nothing(empty_url: str) -> None:
    engine = make_engine(empty_url)
    migrate.upgrade(engine)
    assert migrate.current(engine) == migrate.head()
    assert migrate.differences(engine) == []
    migrate.downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    migrate.upgrade(engine)
    assert migrate.differences(engine) == []
    engine.dispose()


def test_upgrading_what_is_up_to_date_changes_nothing(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    migrate.upgrade(bare_world.office.engine)
    with bare_world.office.read(bare_world.system("so-noi-vu")) as desk:
        assert ledger.verify(desk)[0].ok
        assert ledger.find(desk, object_id=document)[0].word == "document.arrived"


def test_down_with_data_goes_through(bare_world: World) -> None:
    arrived(bare_world, "so-noi-vu")
    engine = bare_world.office.engine
    migrate.downgrade(engine, "base")
    with engine.connect() as connection, pytest.raises(Exception, match="document"):
        connection.execute(text("SELECT 1 FROM document"))


def test_work_that_waits_keeps_its_handler(bare_world: World) -> None:
    """What was queued under the name its deed had before is done after the upgrade too."""
    engine = bare_world.office.engine
    with bare_world.office.write(bare_world.system("so-noi-vu"), key="before") as desk:
        desk.later("certificate_requests.issue", "issue:1", {"request": str(bare_world.agency("so-noi-vu"))})
    migrate.downgrade(engine, "0003")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT name FROM job WHERE key = 'issue:1'")).scalar() == "certificates.issue"
    migrate.upgrade(engine)
    with engine.connect() as connection:
        name = connection.execute(text("SELECT name FROM job WHERE key = 'issue:1'")).scalar()
    assert name in HANDLERS

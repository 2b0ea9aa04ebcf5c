"""The small demo: three months of real deeds, with something on every desk."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from eoffice.cli.demo import load_demo
from eoffice.cli.province import known
from eoffice.core.desk import scope, system
from eoffice.core.settings import Settings
from eoffice.models import migrate
from eoffice.models.documents import Document, DocumentFile
from eoffice.models.work import Job
from eoffice.services import examine, ledger, search, statistics
from eoffice.services.office import Office
from eoffice.services.queues import BY_CODE
from eoffice.services.search import Filter
from tests.support.world import SECRET

DESKS = [
    ("hanh", "to_register", 3),
    ("hanh", "to_forward", 1),
    ("hanh", "to_issue", 2),
    ("nam", "to_instruct", 2),
    ("nam", "to_sign", 4),
    ("son", "to_assign", 1),
    ("son", "to_approve", 1),
    ("anh", "to_check", 1),
    ("tuan", "tasks", 3),
    ("tuan", "drafting", 1),
    ("tuan", "sent_back", 1),
    ("yen", "to_register", 1),
    ("dung", "to_sign", 1),
    ("hoa", "tasks", 1),
]


@pytest.mark.slow
def test_the_demo_is_all_true(tmp_path: Path) -> None:
    office = Office(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}/office.sqlite3", secret=SECRET))
    migrate.upgrade(office.engine)
    assert list(load_demo(office))
    with office.read(system(None)) as desk:
        documents = desk.session.scalars(scope(desk, Document)).all()
        files = desk.session.scalars(scope(desk, DocumentFile)).all()
        verdicts = Counter(row.verdict for row in documents if row.direction == "incoming")
        states = Counter(row.state for row in documents)
        assert 110 <= len(documents) <= 140
        assert verdicts["FAILED"] == 1
        assert verdicts["UNSIGNED"] >= 20
        assert states["issued"] == 12
        assert {"in_review", "format_ok", "registered", "in_progress", "refused", "done"} <= set(states)
        province = known(desk)
        for login, code, least in DESKS:
            with office.read(province.actor(office, login)) as own:
                waiting = search.count(own, Filter(BY_CODE[code].direction, queue=code))
                assert waiting >= least, f"{login} finds {waiting} in {code}"
        assert all(office.files.verify(row.sha256) for row in files)
        sealed = [examine.verdict_of(desk, row.sha256) for row in files if row.stage == "sealed"]
        assert Counter(row.verdict for row in sealed if row) == {"PASSED": 12}
        assert all(chain.ok for chain in ledger.verify(desk))
        assert statistics.recount(desk) == []
        assert {job.state for job in desk.session.scalars(select(Job))} == {"done"}
    office.close()

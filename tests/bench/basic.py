"""Speed of the backbone: lists, signing, issuing, registering, starting, receipts; ``scripts/bench basic``."""

from __future__ import annotations

import argparse
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import event, insert

from eoffice.cli.province import Province, found, plan
from eoffice.cli.staff import Staff, key_agent
from eoffice.core.clock import VIETNAM, SystemClock
from eoffice.core.desk import PUBLIC, Actor, system
from eoffice.core.ids import new_id
from eoffice.core.settings import Settings
from eoffice.core.text import fold
from eoffice.models import migrate
from eoffice.models.documents import Document
from eoffice.rules.access import Role
from eoffice.services import accounts, books, drafting, incoming, issuing
from eoffice.services.drafting import Content
from eoffice.services.incoming import Arrival, Facts
from eoffice.services.office import Office
from tests.bench.support import answer, family_seconds, homes, percentile
from tests.support.papers import examined

ROWS, QUICK_ROWS = 100_000, 20_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench basic")
    parser.add_argument("--quick", action="store_true", help="SQLite only, fewer repetitions, under 45 s")
    parser.add_argument("--json", action="store_true", help="only the last line")
    options = parser.parse_args()
    kinds = ["sqlite"] if options.quick else ["sqlite", "postgresql"]

    def say(text: str) -> None:
        if not options.json:
            print(text, flush=True)

    figures: dict[str, float] = {"import_s": import_seconds()}
    say(f"import_s {figures['import_s']:.2f}")
    with homes(kinds) as made:
        for kind, settings in made.items():
            for name, value in _on(settings, quick=options.quick, say=lambda text, kind=kind: say(f"{kind}: {text}")):
                worse = min if name == "register_per_s" else max
                figures[name] = worse(figures[name], value) if name in figures else value
    command = "scripts/bench basic" + (" --quick" if options.quick else "")
    answer("basic", figures, database="+".join(kinds), command=command, quick=options.quick)


def _on(settings: Settings, *, quick: bool, say: Callable[[str], None]) -> list[tuple[str, float]]:
    office = Office(settings, SystemClock())
    migrate.upgrade(office.engine)
    province = found(office, plan(), password_hash="nobody signs in here")
    figures: list[tuple[str, float]] = []
    with key_agent(office), TestAuthority(office) as authority:
        for measure in (
            lambda: registering(settings, province, count=20 if quick else 60),
            lambda: signing_cpu(office, count=20 if quick else 100),
            lambda: issuing_cpu(office, province, authority, count=5 if quick else 20),
            lambda: receipts(office, province, count=5 if quick else 20),
            lambda: lists(office, province, rows=QUICK_ROWS if quick else ROWS, count=60 if quick else 300),
        ):
            for name, value in measure().items():
                say(f"{name} {value:.3f}")
                figures.append((name, value))
    office.close()
    return figures


class TestAuthority:
    """The test time-stamp authority in a process of its own, so that its work is not counted as ours."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def __enter__(self) -> int:
        command = [sys.executable, "-m", "signing.tsa", "--pki", str(self.office.settings.pki)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        url = self.process.stdout.readline().strip()
        from signing.tsa import HttpTsa

        self.office.tsa = lambda: HttpTsa(url)
        return self.process.pid

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()


def import_seconds() -> float:
    """Processor seconds to build the web application object in a fresh process, best of three (bytecode compiled)."""
    program = (
        "import tempfile, time\nfrom pathlib import Path\n"
        "from eoffice.config import load\nfrom eoffice.services.office import Office\n"
        "from eoffice.web import create_app\n"
        "create_app(Office(load(Path(tempfile.mkdtemp()), {})))\nprint(time.process_time())"
    )
    runs = [
        float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    return min(runs)


# registering: eight processes, each through the verb, committed


def _register(settings: Settings, agency: UUID, worker: int, count: int, start: Any, answers: Any) -> None:
    office = Office(settings, SystemClock())
    actor = system(agency)
    clerk = Actor(**{**actor.__dict__, "roles": frozenset({Role.CLERK, Role.SYSTEM})})
    facts = Facts(code="15/BC-STC", issuer_name="Sở Tài chính", subject="Báo cáo kết quả công tác quý III năm 2026")
    documents = []
    for index in range(count):
        content = b"%%PDF-1.7 %d %d" % (worker, index)
        with office.write(actor, key=f"bench:{worker}:{index}") as desk:
            arrival = Arrival(examined(content).sha256, "x.pdf", "hand")
            documents.append(incoming.arrive(desk, arrival=arrival, prepared=examined(content)).id)
    start.wait()
    began = time.time()
    for index, document in enumerate(documents):
        office.do(clerk, incoming.register, document, key=f"bench-r:{worker}:{index}", facts=facts)
    answers.put((began, time.time()))
    office.close()


def registering(settings: Settings, province: Province, *, count: int) -> dict[str, float]:
    """Registrations per second by eight processes, and numbers doubled or left out."""
    context = multiprocessing.get_context("spawn")
    answers, start = context.Queue(), context.Barrier(8)
    agency = province.agencies["so-noi-vu"]
    workers = [
        context.Process(target=_register, args=(settings, agency, number, count, start, answers)) for number in range(8)
    ]
    for worker in workers:
        worker.start()
    times = [answers.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join()
    office = Office(settings, SystemClock())
    year = datetime.now(VIETNAM).year
    with office.read(system(agency)) as desk:
        numbers = [row.number for row in books.find(desk, "incoming", year, limit=100_000)]
    office.close()
    seconds = max(end for _, end in times) - min(begin for begin, _ in times)
    return {
        "register_per_s": 8 * count / seconds,
        "register_doubles": len(numbers) - len(set(numbers)),
        "register_holes": max(numbers) - len(set(numbers)),
    }


# signing and issuing


def signing_cpu(office: Office, *, count: int) -> dict[str, float]:
    """Processor milliseconds of one visible B-B signature with the key held."""
    from eoffice.cli.tour import letter_from_outside  # noqa: F401 - loads what drawing needs before the clock runs
    from eoffice.formats.letter import Kind, Letter, render
    from signing.pki import Pki
    from signing.sign import Request, sign
    from signing.stamp import Stamp, handwriting

    letter = Letter(
        agency="Sở Nội vụ",
        place="An Bình",
        kind=Kind("official_letter", "Công văn"),
        symbol="SNV-VTLT",
        subject="V/v hướng dẫn giao nộp hồ sơ",
        paragraphs=("Sở Nội vụ hướng dẫn như sau./.",),
        capacity=("GIÁM ĐỐC",),
        signer="Nguyễn Văn Nam",
    )
    pdf = render(letter)
    from eoffice.cli.province import KEY_PASSWORD

    key = Pki.load(office.settings.pki).key("leader-nam", KEY_PASSWORD)
    trust = office.trust()
    request = Request(field="leader", kind="certification", stamp=Stamp(handwriting("Nguyễn Văn Nam"), 44.8, 16.0))
    at = datetime.now(UTC)
    for _ in range(3):
        sign(pdf, key, request, trust, at=at)
    began = time.process_time()
    for _ in range(count):
        sign(pdf, key, request, trust, at=at)
    return {"sign_cpu_ms": (time.process_time() - began) / count * 1000}


def _content(staff: Staff, index: int) -> Content:
    return Content(
        kind="official_letter",
        subject=f"V/v hướng dẫn giao nộp hồ sơ, tài liệu lần thứ {index}",
        paragraphs=("Sở Nội vụ hướng dẫn các cơ quan, đơn vị thực hiện như sau./.",),
        to=(staff.to("so-tai-chinh"), staff.to("phuong-tan-an")),
        signer=staff.province.posts["nam"],
    )


def _signed(staff: Staff, index: int) -> UUID:
    document = staff.draft("tuan", _content(staff, index)).id
    staff.do("tuan", drafting.submit, document)
    staff.do("son", drafting.approve_content, document)
    staff.do("anh", drafting.approve_format, document)
    staff.sign("nam", document)
    return UUID(str(document))


def issuing_cpu(office: Office, province: Province, authority: int, *, count: int) -> dict[str, float]:
    """Processor milliseconds of number, fill, seal and ledger, everybody's but the time-stamp authority's."""
    staff = Staff(office, province, label="bench-issue")
    documents = [_signed(staff, index) for index in range(count + 1)]
    for document in documents:
        staff.unlock("hanh", document, "seal", "signed")

    def seal(document: UUID) -> None:
        staff.number("hanh", document)
        staff.do("hanh", issuing.seal, document)

    staff.unlock("hanh", documents[0], "seal", "signed")
    seal(documents[0])  # warm
    used = 0.0
    for document in documents[1:]:
        staff.unlock("hanh", document, "seal", "signed")
        began = family_seconds(without=[authority])
        seal(document)
        used += family_seconds(without=[authority]) - began
    return {"issue_cpu_ms": used / count * 1000}


def receipts(office: Office, province: Province, *, count: int) -> dict[str, float]:
    """Seconds from the issue's commit to the verified signed receipt, with a worker process of its own."""
    staff = Staff(office, province, label="bench-send")
    documents = []
    for index in range(count):
        document = _signed(staff, 1000 + index)
        staff.number("hanh", document)
        staff.seal("hanh", document)
        documents.append(document)
    settings = office.settings
    variables = {
        "EOFFICE_HOME": str(settings.home),
        "EOFFICE_DATABASE_URL": settings.database_url,
        "EOFFICE_SECRET": settings.secret,
    }
    from eoffice.config import inherited

    command = [sys.executable, "-m", "eoffice.cli", "worker"]
    with subprocess.Popen(command, env=inherited(variables), stderr=subprocess.DEVNULL) as worker:
        try:
            waited = []
            for index, document in enumerate(documents):
                staff.issue("hanh", document)
                rows = _delivered(staff, document)
                begun = staff.document("hanh", document).issued_at
                assert begun is not None
                if index:  # the first one waits for the worker to come up
                    waited += [(row.delivered_at - begun).total_seconds() for row in rows if row.delivered_at]
        finally:
            worker.terminate()
    return {"receipt_p95_s": percentile(waited, 0.95)}


def _delivered(staff: Staff, document: UUID) -> list[Any]:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        rows = staff.deliveries("hanh", document)
        if all(row.delivered_at for row in rows):
            return rows
        time.sleep(0.02)
    raise TimeoutError("no receipt within a minute")


# lists


def lists(office: Office, province: Province, *, rows: int, count: int) -> dict[str, float]:
    """Milliseconds and statements of a list page of 50 rows, signed in, at any depth, through the application."""
    agency = province.agencies["so-noi-vu"]
    _fill(office, agency, rows)
    from eoffice.web import create_app

    app = create_app(office)
    client = app.test_client()
    token = "t" * 43
    person = office.do(
        PUBLIC,
        accounts.sign_in,
        key="bench-sign-in",
        person=province.actor(Office(office.settings, office.clock), "hanh").person,
        post=province.posts["hanh"],
        token_sha256=accounts.token_digest(token),
    )
    assert person is not None
    client.set_cookie("office", token)
    statements: list[str] = []

    @event.listens_for(office.engine, "before_cursor_execute")
    def _count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA", "SET ")):
            statements.append(statement)

    times, most = [], 0
    addresses = ["/incoming", "/incoming?state=done", "/incoming?state=registered", "/incoming?late=1"]
    deep = _deep(office, agency)
    addresses += [f"/incoming?after={mark}" for mark in deep]
    for index in range(count + 10):
        statements.clear()
        began = time.perf_counter()
        page = client.get(addresses[index % len(addresses)])
        spent = time.perf_counter() - began
        assert page.status_code == 200, page.data[:500]
        if index >= 10:
            times.append(spent * 1000)
            most = max(most, len(statements))
    app.extensions["visits"].flush()
    return {"list_p95_ms": percentile(times, 0.95), "list_queries": most}


def _deep(office: Office, agency: UUID) -> list[str]:
    """Marks of pages far down the list."""
    from eoffice.services import search
    from eoffice.services.search import Filter

    with office.read(system(agency)) as desk:
        page = search.find(desk, Filter("incoming"), limit=10_000)
        return [page.after] if page.after else []


def _fill(office: Office, agency: UUID, rows: int) -> None:
    """Documents as an import would bring them: three years, most of them done; no measure counts them."""
    now = datetime.now(UTC).replace(microsecond=0)
    step = timedelta(days=365 * 3) / rows

    def row(index: int) -> dict[str, Any]:
        at = now - step * (index + 1)
        subject = f"V/v báo cáo kết quả công tác cải cách hành chính đợt {index % 97}"
        return {
            "id": new_id(),
            "agency_id": agency,
            "direction": "incoming",
            "state": "done" if index > rows // 100 else "registered",
            "version": 1,
            "kind": "official_letter",
            "number": index + 1,
            "symbol": "STC-NS",
            "code": f"{index + 1}/STC-NS",
            "issuer_name": "Sở Tài chính",
            "issuer_identifier": "H99.10",
            "subject": subject,
            "folded": fold(f"{index + 1}/STC-NS {subject} Sở Tài chính"),
            "language": "vi",
            "page_count": 1,
            "urgency": "normal",
            "circulation": "none",
            "signer_name": "",
            "signer_title": "",
            "capacity": "",
            "created_at": at,
            "provenance": "imported",
            "channel": "hand",
            "arrived_at": at,
            "book_year": 1000 + index // 10_000,
            "arrival_number": index % 10_000 + 1,
            "registered_at": at,
            "done_at": at if index > rows // 100 else None,
            "done_note": "",
            "refusal": "",
            "verdict": "UNSIGNED",
            "active_content": False,
        }

    with office.engine.begin() as connection:
        for begin in range(0, rows, 5000):
            connection.execute(insert(Document), [row(index) for index in range(begin, min(begin + 5000, rows))])
        connection.exec_driver_sql("ANALYZE")



if __name__ == "__main__":
    main()

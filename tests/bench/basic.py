"""How fast the backbone is: the list, signing, issuing, registering, starting, and a receipt coming back.

``scripts/bench basic [--quick] [--json]``; the last line is JSON. Everything is measured through the same faces people
use: pages through the application, deeds through the verbs, committed and flushed to the disk. The figure of a full
run is the worse of the two databases.
"""

from __future__ import annotations

import compileall
import contextlib
import multiprocessing
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from eoffice import config
from eoffice.cli.province import found, known, plan
from eoffice.cli.staff import Staff, key_agent
from eoffice.cli.supervise import answers
from eoffice.core.clock import SystemClock, local_date
from eoffice.core.desk import PUBLIC, Actor, scope, system
from eoffice.core.ids import new_id
from eoffice.core.settings import Settings
from eoffice.core.text import fold
from eoffice.models.books import NumberAllocation, RegisterLine
from eoffice.models.directory import Person
from eoffice.models.documents import Document, DocumentFile, File, Participant
from eoffice.models.exchange import Delivery
from eoffice.services import accounts, books, incoming
from eoffice.services.office import Office
from tests.support.code import ROOT
from tests.support.killing import WARM
from tests.support.letters import approved, sealed
from tests.support.measuring import Figures, Options, counted, family_cpu, milliseconds, p95, place
from tests.support.papers import examined
from tests.support.wait import until
from tests.support.world import SECRET, World

TARGETS = {
    "list_p95_ms": ("<=", 60),
    "list_queries": ("<=", 6),
    "sign_cpu_ms": ("<=", 30),
    "issue_cpu_ms": ("<=", 150),
    "register_per_s": (">=", 100),
    "register_doubles": ("<=", 0),
    "register_holes": ("<=", 0),
    "import_s": ("<=", 1.2),
    "receipt_p95_s": ("<=", 1),
}

ROWS = 100_000
PROCESSES = 8


# the place and its people


def open_office(url: str, home: Path, *, tsa: str = "") -> Office:
    settings = Settings(home=home, database_url=url, secret=SECRET, sandbox_workers=1, tsa_url=tsa)
    return Office(settings, SystemClock())


def world_of(office: Office) -> World:
    with office.read(system(None)) as desk:
        return World(office, known(desk), office.clock)  # type: ignore[arg-type]


@contextlib.contextmanager
def program(*arguments: str, home: Path | None = None, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program of ours, running as long as the block lasts; what it says goes to a file beside."""
    environment = config.inherited(variables) if home is None else config.inherited({"EOFFICE_HOME": str(home)})
    environment = {**environment, **variables}
    with subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextlib.contextmanager
def time_stamps(home: Path) -> Iterator[tuple[str, int]]:
    """A time-stamp authority of its own process: its address and process id; its work is not counted."""
    port = 20_000 + secrets.randbelow(10_000)
    with program("signing.tsa", "--pki", str(home / "pki"), "--port", str(port)) as process:
        until(answers(("127.0.0.1", port)), seconds=20, what="the time-stamp authority answers")
        yield f"http://127.0.0.1:{port}/", process.pid


# list_p95_ms, list_queries


def fill(world: World, rows: int) -> None:
    """Enter documents of three years, in bulk: most are done, some open, a few the officer's or his head's own."""
    office, agency = world.office, world.agency("so-noi-vu")
    now = office.clock.now()
    paper = examined(b"%PDF-1.7 bulk")
    names = ("Sở Tài chính", "Ủy ban nhân dân phường Tân An", "Bộ Nội vụ", "Công ty Cổ phần Cấp nước An Bình")
    matters = (
        "V/v báo cáo kết quả công tác quý",
        "V/v triển khai kế hoạch chuyển đổi số",
        "Về việc cử cán bộ tập huấn",
    )
    documents: list[dict[str, Any]] = []
    for index in range(rows):
        at = now - timedelta(minutes=15 * (rows - index))
        incoming_one = index % 5 < 3
        fresh = index > rows - 400
        code, issuer, subject = f"{index % 9000 + 1}/BC-STC", names[index % 4], f"{matters[index % 3]} {index}"
        facts: dict[str, Any] = {
            "id": new_id(),
            "agency_id": agency,
            "version": 1,
            "kind": "official_letter",
            "code": code,
            "issuer_name": issuer,
            "subject": subject,
            "folded": fold(f"{code} {subject} {issuer}"),
            "language": "vi",
            "page_count": 1,
            "urgency": "normal",
            "circulation": "none",
            "created_at": at,
            "provenance": "generated",
            "direction": "incoming" if incoming_one else "outgoing",
            "state": ("in_progress" if fresh else "done") if incoming_one else ("in_review" if fresh else "issued"),
            "channel": "hand" if incoming_one else None,
            "arrived_at": at if incoming_one else None,
            "verdict": "UNSIGNED" if incoming_one else None,
            "due_at": at + timedelta(days=3) if incoming_one and index % 2 else None,
            "done_at": at + timedelta(hours=20) if incoming_one and not fresh else None,
        }
        documents.append(facts)
    files = [
        {
            "id": new_id(),
            "agency_id": agency,
            "document_id": facts["id"],
            "sha256": paper.sha256,
            "role": "main",
            "stage": "received" if facts["direction"] == "incoming" else "draft",
            "name": "công văn.pdf",
            "created_at": facts["created_at"],
        }
        for facts in documents
    ]
    shares = {"tuan": documents[::21], "son": documents[:: rows // 3]}
    seen = [
        {"id": new_id(), "agency_id": agency, "document_id": facts["id"], "post_id": world.post(login)}
        for login, share in shares.items()
        for facts in share
    ]
    with office.engine.begin() as connection:
        connection.execute(
            insert(File),
            {"id": new_id(), "sha256": paper.sha256, "size": paper.size, "media": paper.media, "created_at": now},
        )
        for table, entries in ((Document, documents), (DocumentFile, files), (Participant, seen)):
            for start in range(0, len(entries), 10_000):
                connection.execute(insert(table), entries[start : start + 10_000])
            if office.engine.dialect.name == "postgresql":
                # What autovacuum does within a minute; without it the next table's keys are checked row by row.
                connection.exec_driver_sql("ANALYZE")


def lists(office: Office, options: Options) -> dict[str, float]:
    """Pages of 50 rows at 100,000 documents, through the application, signed in."""
    from eoffice.web import create_app

    world = world_of(office)
    fill(world, ROWS)
    app = create_app(office)
    plain = ("/incoming", "/outgoing", "/incoming?late=1", "/incoming?state=done")
    times, most = 15 if options.quick else 60, 0
    slowest = {"list_p95_ms": 0.0, "search_p95_ms": 0.0}
    for login in ("hanh", "tuan", "son"):  # sees all, sees some thousands, sees a handful
        client = app.test_client()
        client.set_cookie("office", enter(world, login))
        first = client.get("/incoming").get_data(as_text=True)
        assert login == "son" or first.count("<tr") > 50, "a page shows 50 rows"
        deep = first.rpartition("after=")[2].partition('"')[0] if "after=" in first else ""
        for page in (*plain, *([f"/incoming?after={deep}"] if deep else []), "/incoming?q=ke+hoach"):

            def ask(client: Any = client, page: str = page) -> None:
                answer = client.get(page)
                assert answer.status_code == 200, f"{page}: {answer.status_code}"

            ask()
            with counted(office.engine) as statements:
                ask()
            taken = milliseconds(ask, times)
            told = f"p50 {statistics.median(taken):6.1f} ms, p95 {p95(taken):6.1f} ms, {len(statements)} queries"
            options.say(f"    {login:5} {page[:32]:32} {told}")
            figure = "search_p95_ms" if "q=" in page else "list_p95_ms"
            slowest[figure], most = max(slowest[figure], p95(taken)), max(most, len(statements))
    return {**slowest, "list_queries": most}


def enter(world: World, login: str) -> str:
    """Sign a person in and return the session's token."""
    token = secrets.token_urlsafe(32)
    with world.office.sessions.read() as session:
        person = session.scalars(select(Person.id).where(Person.login == login)).one()
    digest = accounts.token_digest(token)
    deed = {"person": person, "post": world.post(login), "token_sha256": digest}
    world.office.do(PUBLIC, accounts.sign_in, key=f"enter:{digest}", **deed)
    return token


# sign_cpu_ms, issue_cpu_ms, receipt_p95_s


def signing(staff: Staff, times: int) -> dict[str, float]:
    """The leader's signature: B-B with a visible picture, the key held by this process."""
    from eoffice.cli.province import KEY_PASSWORD
    from eoffice.models.directory import Picture
    from eoffice.services import directory, issuing
    from signing.pki import Pki
    from signing.sign import Request, sign
    from signing.stamp import Stamp

    office = staff.office
    letter = approved(staff)
    draft = staff.bytes_of("nam", letter, "draft")
    with office.read(staff.actor("nam")) as desk:
        picture = directory.picture(desk, "handwriting", post_id=staff.actor("nam").post)
    assert isinstance(picture, Picture)
    stamp = Stamp(office.files.read(picture.sha256), picture.width_um / 1000, picture.height_um / 1000)
    key = Pki.load(office.settings.pki).key("leader-nam", KEY_PASSWORD)
    request = Request(field=issuing.LEADER_FIELD, kind="certification", stamp=stamp, level="B-B")
    spent = []
    for _ in range(times + 3):
        began = time.process_time()
        sign(draft, key, request, office.trust(), at=office.clock.now())
        spent.append((time.process_time() - began) * 1000)
    return {"sign_cpu_ms": statistics.mean(spent[3:])}


def sealing(staff: Staff, times: int, *, tsa: int) -> dict[str, float]:
    """Number, seal and ledger: the work of the office, its children and its key agent, not of the authority."""
    from eoffice.services import issuing

    letters = [approved(staff) for _ in range(times + 2)]
    spent = []
    for letter in letters:
        staff.sign("nam", letter)
        staff.unlock("hanh", letter, "seal", "signed")
        began = family_cpu(without=(tsa,))
        staff.do("hanh", issuing.number, letter)
        staff.do("hanh", issuing.seal, letter)
        spent.append((family_cpu(without=(tsa,)) - began) * 1000)
    return {"issue_cpu_ms": statistics.mean(spent[2:])}


def receipts(staff: Staff, home: Path, times: int) -> dict[str, float]:
    """From the deed "issue" to the verified receipt, done by a worker process that was waiting."""
    office = staff.office
    letters = [sealed(staff) for _ in range(times + 1)]
    spent = []
    settings = {"EOFFICE_DATABASE_URL": office.settings.database_url, "EOFFICE_SECRET": SECRET}
    with program("eoffice.cli", "worker", home=home, **settings):
        for letter in letters:
            staff.issue("hanh", letter)
            began = time.perf_counter()

            def confirmed(letter: UUID = letter) -> bool:
                with office.read(system(staff.actor("hanh").agency)) as desk:
                    row = scope(desk, Delivery).where(Delivery.document_id == letter)
                    return desk.session.scalars(row).one().receipt_sha256 is not None

            until(confirmed, seconds=60, what="a receipt")
            spent.append(time.perf_counter() - began)
    return {"receipt_p95_s": p95(spent[1:])}  # the first one waits for the worker to start


# register_per_s, register_doubles, register_holes


@dataclass(frozen=True)
class Desk:
    """What one of the processes is told."""

    url: str
    home: Path
    clerk: Actor
    number: int
    documents: int


def registering(desk: Desk, ready: Any, heard: Any) -> None:
    """Enter documents one by one as fast as it goes, when all the others are ready too."""
    office = open_office(desk.url, desk.home)
    facts = incoming.Facts(code="15/BC-STC", issuer_name="Sở Tài chính", subject="V/v báo cáo quý III")
    waiting = []
    for index in range(desk.documents):
        paper = examined(f"%PDF-1.7 {desk.number} {index}".encode())
        with office.write(desk.clerk, key=f"a{desk.number}.{index}") as opened:
            arrival = incoming.Arrival(paper.sha256, "công văn.pdf", "hand")
            waiting.append(incoming.arrive(opened, arrival=arrival, prepared=paper).id)
    ready.wait(120)
    began = time.monotonic()
    for index, document in enumerate(waiting):
        office.do(desk.clerk, incoming.register, document, key=f"r{desk.number}.{index}", facts=facts)
    heard.put((began, time.monotonic()))
    office.close()


def register(office: Office, documents: int) -> dict[str, float]:
    """Eight processes at one book: documents per second, numbers given twice, numbers left out."""
    world = world_of(office)
    clerk = world.actor("hanh")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(WARM))
    ready, heard = context.Barrier(PROCESSES), context.Queue()
    url = office.settings.database_url
    told = [Desk(url, office.settings.home, clerk, number, documents) for number in range(PROCESSES)]
    with office.read(clerk) as desk:
        before = books.last(desk, _series(desk))
    office.engine.dispose()
    processes = [context.Process(target=registering, args=(one, ready, heard)) for one in told]
    for process in processes:
        process.start()
    spans = [heard.get(timeout=300) for _ in processes]
    for process in processes:
        process.join(60)
    took = max(end for _, end in spans) - min(begin for begin, _ in spans)
    with office.read(clerk) as desk:
        series = _series(desk)
        given = desk.session.scalars(
            scope(desk, NumberAllocation)
            .where(NumberAllocation.series == series)
            .with_only_columns(NumberAllocation.number)
        ).all()
        lines = desk.session.scalars(
            scope(desk, RegisterLine).where(RegisterLine.series == series).with_only_columns(RegisterLine.number)
        ).all()
        last = books.last(desk, series)
    total = PROCESSES * documents
    assert last == before + total
    numbers = [*given, *lines]
    return {
        "register_per_s": total / took,
        "register_doubles": len(numbers) - 2 * len(set(numbers)) + abs(len(given) - len(lines)),
        "register_holes": len(set(range(1, last + 1)) - set(given)),
    }


def _series(desk: Any) -> str:
    from eoffice.rules import numbering

    return numbering.book_key(desk.agency, "incoming", local_date(desk.now()).year)


# import_s


def importing(home: Path, times: int) -> dict[str, float]:
    """Processor time of a fresh process until the web application is there, as the server does it."""
    for folder in ("eoffice", "signing"):
        compileall.compile_dir(ROOT / folder, quiet=2)
    code = "import time, eoffice.wsgi; print(time.process_time())"
    environment = config.inherited({"EOFFICE_HOME": str(home)})
    spent = [
        float(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout)
        for _ in range(times + 1)
    ]
    return {"import_s": statistics.median(spent[1:])}


# all of it


def measure(kind: str, options: Options) -> Iterator[dict[str, float]]:
    """The figures of one database, one group after the other."""
    with place() as databases:
        home = databases.folder / "home"
        office = open_office(databases.new(kind), home)
        found(office, plan(), password_hash="nobody signs in with a password", rounds=1000)
        office.engine.dispose()
        bulk_url = databases.copy(office.settings.database_url)
        yield importing(home, 3 if options.quick else 7)
        yield register(office, 40 if options.quick else 100)
        with time_stamps(home) as (tsa, pid):
            working = Office(replace(office.settings, tsa_url=tsa), SystemClock())
            with key_agent(working):
                staff = Staff(working, world_of(working).province, label="bench")
                yield signing(staff, 10 if options.quick else 40)
                yield sealing(staff, 6 if options.quick else 25, tsa=pid)
                yield receipts(staff, home, 8 if options.quick else 25)
            working.close()
        office.close()
        bulk = open_office(bulk_url, home)
        yield lists(bulk, options)
        bulk.close()


def wanted(name: str) -> str:
    return f"wanted {TARGETS[name][0]} {TARGETS[name][1]:g}" if name in TARGETS else ""


def main() -> int:
    """Measure, say it to people, and print the line of JSON."""
    options = Options.read(__doc__)
    figures = Figures(TARGETS)
    for kind in options.databases():
        options.say(kind)
        for group in measure(kind, options):
            figures.add(group)
            for name, value in group.items():
                options.say(f"  {name:18} {value:10.3f}   {wanted(name)}")
    for text in figures.missed():
        options.say(f"missed: {text}")
    print(figures.line("basic", options.databases()))
    return 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())

"""What goes wrong outside: bad files, wrong keys, dead parts, full disks: told; nothing is lost or half done."""

from __future__ import annotations

import contextlib
import io
import resource
import sqlite3
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pikepdf import Encryption, Pdf
from sqlalchemy import event, update

from eoffice.cli.demo import own_time_stamps
from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import Staff, key_agent
from eoffice.core.errors import (
    Busy,
    FileRefused,
    NotAllowed,
    OfficeError,
    SignatureProblem,
    StorageFull,
    TooLarge,
    Unavailable,
)
from eoffice.core.text import file_name
from eoffice.models.books import NumberAllocation, RegisterLine
from eoffice.models.directory import SigningAuthority
from eoffice.models.documents import Document, DocumentFile
from eoffice.models.work import Job
from eoffice.services import books, incoming, issuing, ledger
from eoffice.services.incoming import Arrival, Facts, main_file
from eoffice.services.office import Office
from signing.pki import Pki
from signing.tsa import HttpTsa
from tests.support.letters import approved, at_work
from tests.support.papers import arrived
from tests.support.world import World, snapshot

FACTS = Facts(code="15/BC-STC", issuer_name="Sở Tài chính", subject="Báo cáo quý III")


@contextlib.contextmanager
def told(kind: type[OfficeError], *codes: str) -> Iterator[None]:
    """The block fails with an error of this kind, which says in both languages what happened."""
    with pytest.raises(kind) as caught:
        yield
    error = caught.value
    assert not codes or error.code in codes, (error.code, error.facts)
    vi, en = error.sentence("vi"), error.sentence("en")
    assert vi != en
    for sentence in (vi, en):
        assert sentence.strip() == sentence
        assert sentence[-1] in ".?!"
        assert len(sentence.split()) > 5
        assert "{" not in sentence
        assert unicodedata.is_normalized("NFC", sentence)
    assert not vi.isascii()


@contextlib.contextmanager
def nothing_changes(world: World) -> Iterator[None]:
    """Documents, files, numbers, lines and jobs are as many afterwards, and every ledger is whole."""
    tables = (Document, DocumentFile, NumberAllocation, RegisterLine, Job)
    before = [snapshot(world, table) for table in tables]
    yield
    assert [snapshot(world, table) for table in tables] == before
    with world.office.read(world.system("so-noi-vu")) as desk:
        assert all(chain.ok for chain in ledger.verify(desk))


# files at the door


def pdf(pages: int = 1, **saving: Any) -> bytes:
    out = io.BytesIO()
    with Pdf.new() as made:
        for _ in range(pages):
            made.add_blank_page()
        made.save(out, **saving)
    return out.getvalue()


def written(*objects: bytes) -> bytes:
    """A PDF by hand: objects 1, 2, 3 ...; the first one is the catalogue."""
    data, offsets = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    trailer = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(data))
    return data + head + table + trailer


CATALOGUE = b"<</Type/Catalog/Pages 2 0 R>>"
PAGES = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"

REFUSED: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "0 bytes": (lambda: b"", ("empty",)),
    "text": ("Kính gửi: Sở Nội vụ".encode, ("not_a_pdf",)),
    "another kind of file": (lambda: b"PK\x03\x04" + b"\0" * 2000, ("not_a_pdf",)),
    "a page of the web": (lambda: b"<!doctype html><script>alert(1)</script>", ("not_a_pdf",)),
    "cut off": (lambda: pdf(3)[:200], ("damaged",)),
    "a header and noise": (lambda: b"%PDF-1.7\n" + bytes(range(256)) * 40, ("damaged",)),
    "locked with a password": (lambda: pdf(encryption=Encryption(user="x", owner="y")), ("password_needed",)),
    "200,000 nested arrays": (
        lambda: written(CATALOGUE, PAGES, PAGE.replace(b">>", b"/Annots" + b"[" * 200_000 + b"]" * 200_000 + b">>")),
        ("over_limit", "damaged"),
    ),
    "100,000 pages": (
        lambda: written(CATALOGUE, b"<</Type/Pages/Count 100000/Kids[" + b"3 0 R " * 100_000 + b"]>>", PAGE),
        ("over_limit",),
    ),
    "pages in a circle": (
        lambda: written(CATALOGUE, PAGES, b"<</Type/Pages/Count 1/Kids[2 0 R]>>"),
        ("damaged",),
    ),
}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_no_readable_pdf_is_refused(world: World) -> None:
    """Each with its own sentence, within seconds; the next good file is let in as if nothing had happened."""
    office, clerk = world.office, world.actor("hanh")
    for name, (make, codes) in REFUSED.items():
        sha256 = office.files.put(make())
        began = time.monotonic()
        with nothing_changes(world), told(FileRefused, *codes):
            office.do(clerk, incoming.arrive, key=name, arrival=Arrival(sha256, f"{name}.pdf", "hand"))
        assert time.monotonic() - began < office.settings.sandbox_seconds, name
    good = office.files.put(pdf())
    assert office.do(clerk, incoming.arrive, key="good", arrival=Arrival(good, "x.pdf", "hand")).state == "arrived"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_page_as_large_as_a_town_does_no_harm(world: World) -> None:
    huge = PAGE.replace(b"595 842", b"900000000 900000000")
    sha256 = world.office.files.put(written(CATALOGUE, PAGES, huge))
    arrival = Arrival(sha256, "lớn.pdf", "hand")
    row = world.office.do(world.actor("hanh"), incoming.arrive, key="huge", arrival=arrival)
    assert (row.page_count, row.verdict) == (1, "UNSIGNED")


NAMES = {
    "../../../etc/passwd.pdf": "passwd.pdf",
    "C:\\Users\\hanh\\công văn.pdf": "công văn.pdf",
    "/công văn.pdf": "công văn.pdf",
    "tên\x00có\x1bdấu\r\n.pdf": "têncódấu.pdf",
    "CON.pdf": "_CON.pdf",
    "hoá đơn\u202efdp.exe": "hoá đơnfdp.exe",
    unicodedata.normalize("NFD", "Quyết định số 5.pdf"): "Quyết định số 5.pdf",
    "": "file",
    "..": "file",
    "công văn.docx": "công văn.docx",
}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_odd_names_are_tidied_and_never_a_path(world: World) -> None:
    """The kind of a file is told by its bytes, whatever its ending; the name is for people alone."""
    office, clerk = world.office, world.actor("hanh")
    sha256 = office.files.put(pdf())
    for name, kept in {**NAMES, "d" * 296 + ".pdf": "d" * 116 + ".pdf"}.items():
        row = office.do(clerk, incoming.arrive, key=f"name {name!r}"[:190], arrival=Arrival(sha256, name, "hand"))
        with office.read(clerk) as desk:
            file = main_file(desk.session.get_one(Document, row.id, execution_options={"scoped": True}), "received")
        assert file is not None
        assert file.name == kept


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=400))
def test_any_name_becomes_a_safe_one(name: str) -> None:
    kept = file_name(name)
    assert 0 < len(kept) <= 120
    assert not set(kept) & set('/\\\0<>:"|?*\r\n')
    assert unicodedata.is_normalized("NFC", kept)
    assert kept.strip(". ") and kept != ".."


def test_more_than_the_limit_is_refused_and_leaves_nothing(bare_world: World, tmp_path: Path) -> None:
    """The real limit with a file full of nothing, and a small one."""
    files, limit = bare_world.office.files, bare_world.office.settings.upload_limit
    large = tmp_path / "large.pdf"
    with large.open("wb") as stream:
        stream.write(b"%PDF-1.7\n")
        stream.truncate(limit + 1)
    with large.open("rb") as stream, told(TooLarge):
        files.put(stream, limit=limit)
    with told(TooLarge):
        files.put(b"x" * 1025, limit=1024)
    assert list(files.names()) == []
    assert [path for path in files.root.rglob("*") if path.is_file()] == []
    assert files.put(b"x" * 1024, limit=1024)


# keys, certificates, authorities


@pytest.fixture
def staff(world: World) -> Iterator[Staff]:
    with at_work(world) as staff:
        yield staff


def signs_after_all(staff: Staff, letter: UUID) -> None:
    assert staff.sign("nam", letter).state == "signed"


def test_a_wrong_key_password(staff: Staff, world: World) -> None:
    letter = approved(staff)
    file = main_file(staff.document("nam", letter), "draft")
    assert file is not None
    nam = staff.actor("nam")
    with nothing_changes(world):
        with told(SignatureProblem, "wrong_password"), world.office.read(nam) as desk:
            desk.tools.agent().unlock(nam.session, "leader-nam", "sai mật khẩu", [file.sha256], seconds=60)
        with told(SignatureProblem, "not_unlocked"):
            staff.do("nam", issuing.sign, letter)
    signs_after_all(staff, letter)


def test_an_expired_certificate(staff: Staff, world: World) -> None:
    letter = approved(staff)
    pki = Pki.load(world.office.settings.pki)
    world.clock.set(datetime.fromisoformat(pki.entries["leader-nam"].ends) + timedelta(days=1))
    pki.renew_crls(at=world.clock.now())
    with nothing_changes(world), told(SignatureProblem):
        staff.sign("nam", letter)
    assert staff.document("nam", letter).state == "format_ok"


def test_a_revoked_certificate(staff: Staff, world: World) -> None:
    letter = approved(staff)
    pki = Pki.load(world.office.settings.pki)
    pki.revoke("leader-nam", at=world.clock.now() - timedelta(hours=1))
    pki.renew_crls(at=world.clock.now())
    with nothing_changes(world), told(SignatureProblem):
        staff.sign("nam", letter)
    assert staff.document("nam", letter).state == "format_ok"


def test_revocation_lists_that_are_too_old(staff: Staff, world: World) -> None:
    letter = approved(staff)
    world.step(days=60)
    with nothing_changes(world), told(Unavailable):
        staff.sign("nam", letter)
    Pki.load(world.office.settings.pki).renew_crls(at=world.clock.now())
    signs_after_all(staff, letter)


def test_no_signature_without_authority_that_day(staff: Staff, world: World) -> None:
    letter = approved(staff)
    with world.office.write(world.system("so-noi-vu"), key="end") as desk:
        ended = update(SigningAuthority).where(SigningAuthority.post_id == world.post("nam"))
        desk.session.execute(ended.values(valid_to=date(2026, 9, 6)).execution_options(scoped=True))
    with nothing_changes(world), told(NotAllowed):
        staff.sign("nam", letter)
    assert staff.document("nam", letter).state == "format_ok"


def test_no_time_stamp_authority(staff: Staff, world: World) -> None:
    letter = approved(staff)
    world.office.tsa = lambda: HttpTsa("http://127.0.0.1:9/", timeout=2)
    with nothing_changes(world), told(Unavailable, "tsa_down"):
        staff.sign("nam", letter)
    own_time_stamps(world.office)
    signs_after_all(staff, letter)


def test_no_evidence_of_status(staff: Staff, world: World) -> None:
    """Signing and sealing both want the status of every certificate; without it the deed is not done, and said so."""
    letter = approved(staff)
    lists = world.office.settings.pki / "trust" / "crl"
    kept = {path: path.read_bytes() for path in lists.iterdir()}
    for path in kept:
        path.unlink()
    with nothing_changes(world), told(Unavailable, "revocation_down"):
        staff.sign("nam", letter)
    for path, raw in kept.items():
        path.write_bytes(raw)
    staff.sign("nam", letter)
    staff.number("hanh", letter)
    for path in kept:
        path.unlink()
    with nothing_changes(world), told(Unavailable, "revocation_down"):
        staff.seal("hanh", letter)
    for path, raw in kept.items():
        path.write_bytes(raw)
    assert staff.seal("hanh", letter).state == "sealed"


def test_no_key_agent(world: World) -> None:
    """It is gone before the signature, and its unlocked keys with it; started anew, one unlocks and goes on."""
    own_time_stamps(world.office)
    staff = Staff(world.office, world.province, label="test")
    letter = approved(staff)
    with nothing_changes(world), told(Unavailable, "agent_gone"):
        staff.do("nam", issuing.sign, letter)
    with key_agent(world.office):
        file = main_file(staff.document("nam", letter), "draft")
        assert file is not None
        nam = staff.actor("nam")
        world.office.agent().unlock(nam.session, "leader-nam", KEY_PASSWORD, [file.sha256], seconds=60)
    with key_agent(world.office):
        with nothing_changes(world), told(SignatureProblem, "not_unlocked"):
            staff.do("nam", issuing.sign, letter)
        signs_after_all(staff, letter)


# disk and database


@contextlib.contextmanager
def no_room() -> Iterator[None]:
    """No file grows past a few bytes meanwhile: what a full disk does to a writer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_full_disk_while_sealing(staff: Staff, world: World) -> None:
    """The number stays; with room again the next press seals with it."""
    letter = approved(staff)
    staff.sign("nam", letter)
    number = staff.number("hanh", letter).number
    staff.unlock("hanh", letter, "seal", "signed")
    stored = set(world.office.files.names())
    with nothing_changes(world), told(StorageFull), no_room():
        world.office.do(staff.actor("hanh"), issuing.seal, letter, key="seal")
    assert set(world.office.files.names()) == stored
    row = world.office.do(staff.actor("hanh"), issuing.seal, letter, key="seal")
    assert (row.state, row.number) == ("sealed", number)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_full_database(bare_world: World) -> None:
    office, clerk = bare_world.office, bare_world.actor("hanh")
    documents = [arrived(bare_world, "so-noi-vu", b"%%PDF-1.7 %d" % n, key=f"a{n}") for n in range(30)]
    office.engine.dispose()
    full = True

    @event.listens_for(office.engine, "begin")
    def bound(connection: Any) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 1 if full else 1 << 30}")

    done = 0
    with told(StorageFull):
        for done, document in enumerate(documents):
            office.do(clerk, incoming.register, document, key=f"r{done}", facts=FACTS)
    with office.read(clerk) as desk:
        assert [line.number for line in books.find(desk, "incoming", 2026)] == list(range(1, done + 1))
    full = False
    row = office.do(clerk, incoming.register, documents[done], key=f"r{done}", facts=FACTS)
    assert row.arrival_number == done + 1


@contextlib.contextmanager
def held(office: Office) -> Iterator[None]:
    """Somebody else holds the lock a deed needs, for as long as the block lasts."""
    url = office.settings.database_url
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
    else:
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE document IN ACCESS EXCLUSIVE MODE")
            yield
            other.rollback()


def test_a_locked_database(bare_world: World) -> None:
    """After the time a deed waits for a lock: nothing was done; the same press works when it is free again."""
    document = arrived(bare_world, "so-noi-vu")
    impatient = Office(replace(bare_world.office.settings, lock_timeout_ms=200), bare_world.clock)
    clerk = bare_world.actor("hanh")
    try:
        with nothing_changes(bare_world), held(impatient):
            began = time.monotonic()
            with told(Busy):
                impatient.do(clerk, incoming.register, document, key="r", facts=FACTS)
            assert time.monotonic() - began < 10
        assert impatient.do(clerk, incoming.register, document, key="r", facts=FACTS).arrival_number == 1
    finally:
        impatient.close()


@contextlib.contextmanager
def gone(office: Office) -> Iterator[None]:
    """The database is away, open connections with it."""
    url = office.settings.database_url
    if url.startswith("sqlite"):
        office.engine.dispose()
        path = Path(url.removeprefix("sqlite:///"))
        path.rename(path.with_suffix(".away"))
        path.mkdir()
        try:
            yield
        finally:
            path.rmdir()
            path.with_suffix(".away").rename(path)
    else:
        name, _, address = url.partition("@/")[2].partition("?")
        with psycopg.connect(f"{url.partition('@/')[0]}@/postgres?{address}", autocommit=True) as server:
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            try:
                yield
            finally:
                server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_a_database_that_is_gone(bare_world: World) -> None:
    """While it is away, reading and doing say so; when it is back, the same press works."""
    office, clerk = bare_world.office, bare_world.actor("hanh")
    document = arrived(bare_world, "so-noi-vu")
    with nothing_changes(bare_world), gone(office):
        for _ in range(2):
            with told(Busy):
                office.do(clerk, incoming.register, document, key="r", facts=FACTS)
        with told(Busy), office.read(clerk) as desk:
            books.find(desk, "incoming", 2026)
    assert office.do(clerk, incoming.register, document, key="r", facts=FACTS).arrival_number == 1


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_database_that_restarts_in_the_middle_of_a_deed(bare_world: World) -> None:
    """The connection breaks between two statements: nothing is half done."""
    office, clerk = bare_world.office, bare_world.actor("hanh")
    document = arrived(bare_world, "so-noi-vu")
    with nothing_changes(bare_world), told(Busy), office.write(clerk, key="r") as desk:
        incoming.register(desk, document, facts=FACTS)
        with gone(office):
            desk.session.flush()
            books.find(desk, "incoming", 2026)
    assert office.do(clerk, incoming.register, document, key="r", facts=FACTS).arrival_number == 1

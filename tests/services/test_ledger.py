"""The ledger names what was changed, removed or inserted, and every row that differs from its last entry."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from eoffice.services import incoming, ledger
from eoffice.services.incoming import Facts
from tests.support.papers import arrived
from tests.support.world import World

FACTS = Facts(code="15/BC-STC", issuer_name="Sở Tài chính", subject="Báo cáo quý III")


@pytest.fixture
def written(bare_world: World) -> World:
    for number in range(4):
        document = arrived(bare_world, "so-noi-vu", f"%PDF-1.7 letter {number}".encode(), key=f"a{number}")
        bare_world.office.do(bare_world.actor("hanh"), incoming.register, document, key=f"r{number}", facts=FACTS)
    return bare_world


def broken(world: World, slug: str = "so-noi-vu") -> set[tuple[str, str]]:
    with world.office.read(world.system(slug)) as desk:
        (chain,) = ledger.verify(desk)
    assert chain.ok == (not chain.broken)
    return {(item.table, item.reason) for item in chain.broken}


def tamper(engine: Engine, *statements: str, **facts: Any) -> None:
    """What somebody with the database's own password could do: the guards are switched off first."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            for table in ("ledger_entry", "document_file", "file"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        else:
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in names:
                connection.execute(text(f"DROP TRIGGER {name}"))
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        for statement in statements:
            connection.execute(text(statement), facts)


def chain_key(world: World) -> str:
    found = world.agency("so-noi-vu")
    return found.hex if world.office.engine.dialect.name == "sqlite" else str(found)


def test_an_honest_ledger_is_whole(written: World) -> None:
    assert broken(written) == set()


@pytest.mark.parametrize("table", ["ledger_entry", "file", "document_file"])
@pytest.mark.parametrize("deed", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_the_database_itself_refuses(written: World, table: str, deed: str) -> None:
    column = {"ledger_entry": "word", "file": "media", "document_file": "name"}[table]
    with pytest.raises(DBAPIError, match="append-only"), written.office.engine.begin() as connection:
        connection.execute(text(deed.format(table, column, "'x'")))


def test_a_changed_body_is_named(written: World) -> None:
    """One letter of the stored bytes, with a hash that is made to fit: the next entry's link tells."""
    engine, chain = written.office.engine, chain_key(written)
    with engine.connect() as connection:
        body, previous = connection.execute(
            text("SELECT body, previous FROM ledger_entry WHERE chain = :c AND word = 'document.registered' LIMIT 1"),
            {"c": chain},
        ).one()
    forged = bytes(body).replace("Trần Thị Hạnh".encode(), "Trần Thị Hành".encode())
    assert forged != bytes(body)
    tamper(
        engine,
        "UPDATE ledger_entry SET body = :b, hash = :h WHERE chain = :c AND previous = :p",
        b=forged,
        h=ledger.link(previous, forged),
        c=chain,
        p=previous,
    )
    assert ("ledger_entry", "link") in broken(written)


def test_a_changed_body_with_its_old_hash_is_named(written: World) -> None:
    tamper(
        written.office.engine,
        "UPDATE ledger_entry SET body = replace(CAST(body AS text), 'hand', 'post') WHERE word = 'document.arrived'"
        if written.office.engine.dialect.name == "sqlite"
        else "UPDATE ledger_entry SET body = convert_to(replace(convert_from(body, 'UTF8'), 'hand', 'post'), 'UTF8') "
        "WHERE word = 'document.arrived'",
    )
    assert ("ledger_entry", "changed") in broken(written)


def test_a_removed_entry_is_named(written: World) -> None:
    tamper(written.office.engine, "DELETE FROM ledger_entry WHERE chain = :c AND seq = 10", c=chain_key(written))
    assert ("ledger_entry", "removed") in broken(written)


def test_a_removed_last_entry_is_named(written: World) -> None:
    tamper(
        written.office.engine,
        "DELETE FROM ledger_entry WHERE chain = :c AND seq = (SELECT max(seq) FROM ledger_entry WHERE chain = :c)",
        c=chain_key(written),
    )
    assert ("ledger_head", "removed") in broken(written)


def test_a_forgotten_head_is_named(written: World) -> None:
    tamper(written.office.engine, "DELETE FROM ledger_head WHERE chain = :c", c=chain_key(written))
    assert ("ledger_head", "removed") in broken(written)


def test_an_inserted_entry_is_named(written: World) -> None:
    """A new last entry whose hashes fit: the head does not know it."""
    engine, chain = written.office.engine, chain_key(written)
    with engine.connect() as connection:
        seq, previous = connection.execute(
            text("SELECT seq, hash FROM ledger_head WHERE chain = :c"), {"c": chain}
        ).one()
    body = b'{"chain":"%s","seq":%d,"word":"document.signed"}' % (str(written.agency("so-noi-vu")).encode(), seq + 1)
    tamper(
        engine,
        "INSERT INTO ledger_entry (chain, seq, at, word, body, previous, hash) "
        "VALUES (:c, :s, '2026-09-07 02:00:00', 'document.signed', :b, :p, :h)",
        c=chain,
        s=seq + 1,
        b=body,
        p=previous,
        h=ledger.link(previous, body),
    )
    assert ("ledger_head", "removed") in broken(written)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE document SET subject = 'Báo cáo khác'", ("document", "row_differs")),
        ("UPDATE document SET arrival_number = arrival_number + 100", ("document", "row_differs")),
        ("UPDATE register_line SET number = number + 100", ("register_line", "row_differs")),
        ("DELETE FROM register_line", ("register_line", "row_gone")),
        ("UPDATE document_file SET sha256 = (SELECT max(sha256) FROM file)", ("document_file", "row_differs")),
    ],
)
def test_a_row_that_differs_from_its_last_entry_is_named(
    written: World, statement: str, expected: tuple[str, str]
) -> None:
    tamper(written.office.engine, statement)
    assert expected in broken(written)


def test_a_row_nobody_made_is_named(written: World) -> None:
    columns = ", ".join(
        ("agency_id", "book", "series", "year", "revision", "document_id", "columns", "at", "post_id")
    )
    tamper(
        written.office.engine,
        f"INSERT INTO register_line (id, number, {columns}) SELECT :i, 99, {columns} FROM register_line LIMIT 1",
        i="0" * 31 + "1" if written.office.engine.dialect.name == "sqlite" else f"{'0' * 31}1",
    )
    assert ("register_line", "row_without_entry") in broken(written)


def test_other_chains_stay_whole(written: World) -> None:
    tamper(written.office.engine, "UPDATE document SET subject = 'x'")
    assert broken(written, "so-tai-chinh") == set()

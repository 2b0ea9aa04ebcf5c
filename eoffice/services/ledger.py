"""The ledger: appends an entry per deed and proves that nothing was changed, removed or inserted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import event, func, insert, inspect, select, update
from sqlalchemy.orm import Session

from eoffice.core.canonical import canonical, digest
from eoffice.core.db import Base, OfficeSession, insert_into
from eoffice.core.desk import Actor, Desk, scope
from eoffice.core.errors import NotFound, ProgrammingError
from eoffice.models.directory import Agency
from eoffice.models.ledger import INSTALLATION, LedgerEntry, LedgerHead

START = "0" * 64
"""The hash before the first entry of a chain."""


def row_values(row: Any) -> dict[str, Any]:
    """The facts of a row that the ledger vouches for: every column with a value."""
    values = {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}
    # columns without a value do not count, so that a later version of the office may add some
    return {key: value for key, value in values.items() if value is not None}


def row_digest(row: Any) -> str:
    """Digest of a row's facts, the same on both databases and after a restore."""
    return digest(row_values(row))


class Journal:
    """Watches which ledgered rows one transaction touches, and what they were before."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, UUID], Any] = {}
        self.before: dict[tuple[str, UUID], dict[str, Any]] = {}

    def watch(self, session: Session) -> None:
        for row in session.deleted:
            if getattr(type(row), "ledgered", False):
                raise ProgrammingError("rows the ledger speaks of are never deleted")
        for row in [*session.new, *session.dirty]:
            if not getattr(type(row), "ledgered", False):
                continue
            state = inspect(row)
            if state.transient or (state.persistent and not session.is_modified(row)):
                continue
            if row.id is None:
                row.id = inspect(type(row)).columns.id.default.arg(None)
            name = (type(row).__tablename__, row.id)
            self.rows[name] = row
            if not state.persistent:
                continue
            kept = self.before.setdefault(name, {})
            for column in state.mapper.column_attrs:
                history = state.attrs[column.key].history
                if history.has_changes() and column.key not in kept:
                    kept[column.key] = history.deleted[0] if history.deleted else None

    def digests(self) -> dict[str, str]:
        return {f"{table}:{key}": row_digest(row) for (table, key), row in sorted(self.rows.items())}

    def changes(self) -> dict[str, Any]:
        return {
            f"{table}:{key}": {name: [old, getattr(self.rows[table, key], name)] for name, old in sorted(was.items())}
            for (table, key), was in sorted(self.before.items())
        }

    def agencies(self) -> set[UUID]:
        return {row.agency_id for row in self.rows.values()}


@event.listens_for(OfficeSession, "before_flush")
def _watch(session: Session, _context: Any, _instances: Any) -> None:
    journal = session.info.get("journal")
    if journal is not None:
        journal.watch(session)


def _who(actor: Actor) -> dict[str, Any]:
    return {
        "kind": actor.kind,
        "agency": actor.agency,
        "post": actor.post,
        "person": actor.person,
        "name": actor.name,
        "title": actor.title,
    }


def append(session: OfficeSession, chain: UUID, body: dict[str, Any], *, at: datetime) -> LedgerEntry:
    """Append one entry to a chain; call it last in a transaction, for it locks the chain's head.

    Args:
        chain: the agency, or ``INSTALLATION``.
        body: facts of the deed with ``word`` and ``object``; chain, number and time are added here.
        at: time of the deed.
    """
    found = _next(session, chain)
    if found is None:  # the first entry of this chain
        first = insert_into(session, LedgerHead).values(chain=chain, seq=0, hash=START)
        session.execute(first.on_conflict_do_nothing())
        found = _next(session, chain)
    if found is None:
        raise ProgrammingError("a chain without a head")
    seq, previous = found
    data = canonical({**body, "v": 1, "chain": chain, "seq": seq, "at": at})
    entry = LedgerEntry(
        chain=chain,
        seq=seq,
        at=at,
        word=body["word"],
        object_id=body.get("object"),
        body=data,
        previous=previous,
        hash=link(previous, data),
    )
    session.execute(insert(LedgerEntry).values({c: getattr(entry, c) for c in _COLUMNS}))
    session.execute(
        update(LedgerHead).where(LedgerHead.chain == chain).values(hash=entry.hash),
        execution_options={"synchronize_session": False},
    )
    return entry


_COLUMNS = ("chain", "seq", "at", "word", "object_id", "body", "previous", "hash")


def _next(session: OfficeSession, chain: UUID) -> tuple[int, str] | None:
    """Lock the head of a chain and count it up: its new number and the hash before."""
    row = session.execute(
        update(LedgerHead)
        .where(LedgerHead.chain == chain)
        .values(seq=LedgerHead.seq + 1)
        .returning(LedgerHead.seq, LedgerHead.hash),
        execution_options={"synchronize_session": False},
    ).one_or_none()
    return (row[0], row[1]) if row is not None else None


def link(previous: str, body: bytes) -> str:
    """Hash of an entry: SHA-256 over the previous hash (hex) and the canonical body."""
    return hashlib.sha256(previous.encode() + body).hexdigest()


def record(desk: Desk, journal: Journal, word: str, object_id: UUID | None, *, verb: str) -> LedgerEntry:
    """Write the entry of one deed: who, what, notes, what changed and the digests of the rows as they stand now."""
    foreign = journal.agencies() - {desk.actor.agency}
    if foreign:
        raise ProgrammingError(f"{verb} touched rows of another agency")
    body = {
        "word": word,
        "verb": verb,
        "object": object_id,
        "actor": _who(desk.actor),
        "notes": desk.notes,
        "inner": desk.inner,
        "changes": journal.changes(),
        "rows": journal.digests(),
    }
    return append(desk.session, desk.actor.agency or INSTALLATION, body, at=desk.now())


def record_refusal(desk: Desk, refusal: dict[str, Any]) -> LedgerEntry:
    """Write down that somebody tried a deed and was refused; in a transaction of its own, after the rollback."""
    body = {
        "word": "deed.refused",
        "verb": refusal["verb"],
        "object": refusal.get("object"),
        "actor": _who(desk.actor),
        "notes": {"code": refusal["code"], "facts": refusal.get("facts", {})},
    }
    return append(desk.session, desk.actor.agency or INSTALLATION, body, at=desk.now())


@dataclass(frozen=True)
class Broken:
    """One place where a chain, or a row it vouches for, is not what it was."""

    seq: int | None
    table: str
    id: str
    reason: str


@dataclass(frozen=True)
class Chain:
    """The proof of one chain."""

    agency: str
    entries: int
    ok: bool
    broken: tuple[Broken, ...]


def find(
    desk: Desk, *, object_id: UUID | None = None, word: str | None = None, before: int | None = None, limit: int = 50
) -> list[LedgerEntry]:
    """The newest entries of this agency's chain, or of one document; page on with ``before`` (a sequence number)."""
    statement = select(LedgerEntry).where(LedgerEntry.chain == desk.agency)
    if object_id is not None:
        statement = statement.where(LedgerEntry.object_id == object_id)
    if word is not None:
        statement = statement.where(LedgerEntry.word == word)
    if before is not None:
        statement = statement.where(LedgerEntry.seq < before)
    return list(desk.session.scalars(statement.order_by(LedgerEntry.seq.desc()).limit(limit)))


@dataclass(frozen=True)
class Wanted:
    """Which entries of one agency's chain somebody wants to see.

    Args:
        chain: the agency.
        word: one kind of deed, "" for all.
        person: whose deeds, None for everybody's; system: only what the system did by itself.
        since, until: only from this time on, and before that one.
    """

    chain: UUID
    word: str = ""
    person: UUID | None = None
    system: bool = False
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Stretch:
    """Entries of a chain, the newest first, and where the list goes on: None at its end."""

    rows: Sequence[Any]
    before: int | None


PAGE = 50
REACH = 20_000
"""How many entries are looked through for one person's deeds at a time: who did it stands only inside the entries."""

SHOWN = (LedgerEntry.seq, LedgerEntry.at, LedgerEntry.word, LedgerEntry.object_id, LedgerEntry.body, LedgerEntry.hash)


def readable(desk: Desk, chain: UUID) -> UUID:
    """The chain itself, when the person at this desk may read it.

    Raises:
        NotFound: there is none, or none this person may know of.
    """
    if desk.actor.agencies is not None and chain not in desk.actor.agencies:
        raise NotFound(table="ledger_head", id=str(chain))
    return chain


def browse(desk: Desk, wanted: Wanted, *, before: int, limit: int = PAGE) -> Stretch:
    """The newest entries before a number that are wanted.

    Args:
        before: number of the last entry already shown; one more than the chain has to begin.

    Raises:
        NotFound: a chain this person may not know of.
    """
    statement = select(*SHOWN).where(LedgerEntry.chain == readable(desk, wanted.chain), LedgerEntry.seq < before)
    if wanted.word:
        statement = statement.where(LedgerEntry.word == wanted.word)
    if wanted.since is not None:
        statement = statement.where(LedgerEntry.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(LedgerEntry.at < wanted.until)
    deepest = 1
    if wanted.system or wanted.person is not None:
        deepest = max(1, before - REACH)
        mark = '"kind":"system"' if wanted.system else f',"person":"{wanted.person}"'
        statement = statement.where(LedgerEntry.seq >= deepest, _holds(desk, mark.encode()))
    rows = desk.session.execute(statement.order_by(LedgerEntry.seq.desc()).limit(limit + 1)).all()
    if len(rows) > limit:
        return Stretch(rows[:limit], rows[limit - 1].seq)
    return Stretch(rows, deepest if deepest > 1 else None)


def _holds(desk: Desk, mark: bytes) -> Any:
    """Whether an entry's bytes hold some others, in the words of the database at hand."""
    if desk.session.get_bind().dialect.name == "sqlite":
        return func.instr(LedgerEntry.body, mark) > 0
    return LedgerEntry.body.op("LIKE", is_comparison=True)(b"%" + mark + b"%")


@dataclass(frozen=True)
class Linked:
    """One entry between its neighbours, and whether its bytes and its links still fit."""

    entry: LedgerEntry
    before: LedgerEntry | None
    after: LedgerEntry | None

    @property
    def data(self) -> dict[str, Any]:
        """What the entry says; empty when it can no longer be read."""
        return told(self.entry.body)

    @property
    def unchanged(self) -> bool:
        """Whether the bytes still have the hash that was written down."""
        body: bytes | str = self.entry.body  # a tampered SQLite row may hold text
        return self.entry.hash == link(self.entry.previous, body.encode() if isinstance(body, str) else body)

    @property
    def joined(self) -> bool:
        """Whether it names the hash of the entry before, and the entry after names its own."""
        first = self.entry.seq == 1 and self.entry.previous == START
        back = self.before.hash == self.entry.previous if self.before is not None else first
        return back and (self.after is None or self.after.previous == self.entry.hash)


def entry(desk: Desk, chain: UUID, seq: int) -> Linked:
    """One entry of a chain with the one before and the one after.

    Raises:
        NotFound: there is none, or none this person may know of.
    """
    near = select(LedgerEntry).where(
        LedgerEntry.chain == readable(desk, chain), LedgerEntry.seq.in_((seq - 1, seq, seq + 1))
    )
    found = {row.seq: row for row in desk.session.scalars(near)}
    if seq not in found:
        raise NotFound(table="ledger_entry", id=str(seq))
    return Linked(found[seq], found.get(seq - 1), found.get(seq + 1))


def exported(desk: Desk, chain: UUID, *, first: int, last: int) -> Iterator[str]:
    """The entries from one number to another as lines of JSON, the oldest first: what ``verify_lines`` proves.

    Raises:
        NotFound: a chain this person may not know of.
    """
    statement = (
        select(LedgerEntry.seq, LedgerEntry.body, LedgerEntry.previous, LedgerEntry.hash)
        .where(LedgerEntry.chain == readable(desk, chain), LedgerEntry.seq.between(first, last))
        .order_by(LedgerEntry.seq)
        .execution_options(yield_per=1000)
    )
    rows: Any = desk.session.execute(statement)
    for seq, body, previous, own in rows:
        # the body as text within the line: its bytes are what was hashed, so nothing may be written anew
        text = body if isinstance(body, str) else body.decode(errors="replace")
        line = {"seq": seq, "previous": previous, "hash": own, "body": text}
        yield json.dumps(line, ensure_ascii=False) + "\n"


def verify_lines(lines: Iterable[str]) -> Chain:
    """Prove a stretch of a chain that was exported, without any database.

    Every body must have its hash and carry its number, and every entry must name the hash of the one before it. That
    the stretch is the office's own is known by comparing the last hash with the one the office shows.

    Args:
        lines: as ``exported`` wrote them.
    """
    broken: list[Broken] = []
    chain, previous, expected, entries = "", "", 0, 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        data = _body(line.encode()) or {}
        seq, was, own, body = (data.get(name) for name in ("seq", "previous", "hash", "body"))
        told = _body(body.encode(errors="replace")) if isinstance(body, str) else None
        if told is None or not isinstance(seq, int) or not isinstance(was, str) or not isinstance(body, str):
            broken.append(Broken(None, "line", str(number), "unreadable"))
            continue
        reasons = []
        if entries and seq != expected:
            reasons.append("removed" if seq > expected else "inserted")
        if entries and seq == expected and was != previous:
            reasons.append("link")
        chain = chain or str(told.get("chain"))
        if own != link(was, body.encode()) or told.get("seq") != seq or told.get("chain") != chain:
            reasons.append("changed")
        broken += [Broken(seq, "ledger_entry", str(seq), reason) for reason in reasons]
        entries, expected, previous = entries + 1, seq + 1, str(own)
    if not entries:
        broken.append(Broken(None, "line", "", "empty"))
    return Chain(chain, entries, not broken, tuple(broken))


@dataclass(frozen=True)
class Deed:
    """One line of a document's history: what was done, when, by whom, and what the deed noted."""

    word: str
    at: datetime
    name: str
    title: str
    notes: dict[str, Any]


def history(desk: Desk, row: Any, *, limit: int = 100) -> list[Deed]:
    """What was done to a document this person has opened, the newest first.

    Args:
        row: the document, as a query within the person's scope gave it.
    """
    return history_of(desk, row.agency_id, [row.id], limit=limit)


def history_of(desk: Desk, agency: UUID, objects: Collection[UUID], *, limit: int = 100) -> list[Deed]:
    """What was done to several things of an agency that this person may see, the newest first."""
    statement = select(LedgerEntry.word, LedgerEntry.at, LedgerEntry.body).where(
        LedgerEntry.chain == agency, LedgerEntry.object_id.in_(sorted(objects))
    )
    found = []
    for word, at, body in desk.session.execute(statement.order_by(LedgerEntry.seq.desc()).limit(limit)):
        data = _body(body) or {}
        actor = data.get("actor") or {}
        found.append(Deed(word, at, actor.get("name") or "", actor.get("title") or "", data.get("notes") or {}))
    return found


def verify(desk: Desk) -> list[Chain]:
    """Prove every chain this desk may read, and every row the chains vouch for.

    An entry changed, removed or inserted, and a row that differs from its last entry, has none or is gone, is named.
    """
    agencies = select(Agency).where(Agency.hosted).order_by(Agency.slug)
    if desk.actor.agencies is not None:
        agencies = agencies.where(Agency.id.in_(desk.actor.agencies))
    chains = [(agency.slug, agency.id) for agency in desk.session.scalars(agencies)]
    if desk.actor.agencies is None:
        chains.insert(0, ("installation", INSTALLATION))
    return [_verify_chain(desk, slug, chain) for slug, chain in chains]


def _verify_chain(desk: Desk, slug: str, chain: UUID) -> Chain:
    broken: list[Broken] = []
    last: dict[str, tuple[int, str]] = {}
    expected, previous, entries = 1, START, 0
    statement = (
        select(LedgerEntry.seq, LedgerEntry.body, LedgerEntry.previous, LedgerEntry.hash, LedgerEntry.word)
        .where(LedgerEntry.chain == chain)
        .order_by(LedgerEntry.seq)
        .execution_options(yield_per=2000)
    )
    for seq, body, was, own, word in desk.session.execute(statement):
        entries += 1
        body = body if isinstance(body, bytes) else str(body).encode()  # a tampered SQLite row may hold text
        reasons = []
        if seq != expected:
            reasons.append("removed" if seq > expected else "inserted")
        if was != previous:
            reasons.append("link")
        if own != link(was, body):
            reasons.append("changed")
        data = _body(body)
        if data is None or data.get("seq") != seq or data.get("word") != word or data.get("chain") != str(chain):
            reasons.append("changed")
        broken += [Broken(seq, "ledger_entry", str(seq), reason) for reason in dict.fromkeys(reasons)]
        for name, value in ((data or {}).get("rows") or {}).items():
            last[name] = (seq, value)
        expected, previous = seq + 1, own
    head = desk.session.execute(
        select(LedgerHead.seq, LedgerHead.hash).where(LedgerHead.chain == chain)
    ).one_or_none()
    if (head.seq, head.hash) != (expected - 1, previous) if head else entries:
        broken.append(Broken(head.seq if head else None, "ledger_head", str(chain), "removed"))
    if chain != INSTALLATION:
        broken += _verify_rows(desk, chain, last)
    return Chain(slug, entries, not broken, tuple(broken))


def told(body: bytes | str) -> dict[str, Any]:
    """What an entry says; empty when somebody made it unreadable."""
    return _body(body.encode() if isinstance(body, str) else body) or {}


def _body(body: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(body)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _verify_rows(desk: Desk, chain: UUID, last: dict[str, tuple[int, str]]) -> Iterator[Broken]:
    seen = set()
    for table in ledgered_tables():
        statement = scope(desk, table).where(table.agency_id == chain).execution_options(yield_per=1000)
        for row in desk.session.scalars(statement):
            name = f"{table.__tablename__}:{row.id}"
            seen.add(name)
            seq, value = last.get(name, (None, None))
            if seq is None:
                yield Broken(None, table.__tablename__, str(row.id), "row_without_entry")
            elif value != row_digest(row):
                yield Broken(seq, table.__tablename__, str(row.id), "row_differs")
        desk.session.expunge_all()
    for name in sorted(set(last) - seen):
        table_name, _, key = name.partition(":")
        yield Broken(last[name][0], table_name, key, "row_gone")


def ledgered_tables() -> list[Any]:
    """The mapped classes whose rows the ledger vouches for."""
    classes = [mapper.class_ for mapper in Base.registry.mappers if getattr(mapper.class_, "ledgered", False)]
    return sorted(classes, key=lambda table: str(table.__tablename__))

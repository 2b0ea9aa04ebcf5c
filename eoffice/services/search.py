"""Finding documents: lists by book, state and words, a page at a time, as far as the person may see them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, literal, select, true, tuple_, union_all
from sqlalchemy.orm import joinedload

from eoffice.core.desk import Desk, scope
from eoffice.core.errors import InvalidInput, NotFound
from eoffice.core.text import fold
from eoffice.models.documents import Document, DocumentFile, File
from eoffice.rules.lifecycle import INCOMING_STATES, OUTGOING_STATES, Direction
from eoffice.services import queues, tracking

PAGE = 50

COLUMNS = (
    Document.id,
    Document.agency_id,
    Document.direction,
    Document.state,
    Document.version,
    Document.kind,
    Document.code,
    Document.subject,
    Document.issuer_name,
    Document.urgency,
    Document.verdict,
    Document.active_content,
    Document.arrival_number,
    Document.book_year,
    Document.created_at,
    Document.due_at,
    Document.done_at,
    Document.issued_at,
    Document.message_id,
    Document.drafter_post_id,
    Document.unit_id,
    Document.signer_post_id,
)


@dataclass(frozen=True)
class Filter:
    """What a list shows.

    Args:
        direction: ``incoming``, ``outgoing`` or None for both.
        states: some states, none for all.
        words: of number, symbol, subject and issuer, with or without diacritics; all must occur.
        late: only open ones past their deadline.
        queue: code of one of ``queues.QUEUES``: only what waits in it; whose: one of ``queues.SCOPES``.
        verdicts, urgencies: some of them, none for all; asked within a queue, for no index of a book knows them.
        sent: one of ``tracking.GROUPS``: only documents with such a delivery.
    """

    direction: str | None = None
    states: tuple[str, ...] = ()
    words: str = ""
    late: bool = False
    queue: str = ""
    whose: str = "mine"
    verdicts: tuple[str, ...] = ()
    urgencies: tuple[str, ...] = ()
    sent: str = ""


@dataclass(frozen=True)
class Page:
    """Rows of a list and where it goes on: ``after`` is None on the last page."""

    rows: Sequence[Any]
    after: str | None


def find(desk: Desk, wanted: Filter, *, after: str | None = None, limit: int = PAGE) -> Page:
    """One page of documents, newest first; every page costs the same, however deep.

    Args:
        after: mark of the page before.

    Raises:
        InvalidInput: a mark that is none of ours.
    """
    statement = _matching(desk, wanted).with_only_columns(*COLUMNS)
    if after:
        statement = statement.where(tuple_(Document.created_at, Document.id) < tuple_(*_mark(after)))
    statement = statement.order_by(Document.created_at.desc(), Document.id.desc()).limit(limit + 1)
    rows = desk.session.execute(_merged(desk, statement, wanted, limit + 1)).all()
    more = len(rows) > limit
    return Page(rows[:limit], _to_mark(rows[limit - 1]) if more else None)


def _merged(desk: Desk, statement: Any, wanted: Filter, limit: int) -> Any:
    """The same rows, taken from as many ordered indexes as there are agencies and states, so that nothing is sorted.

    Asked for several at once, a planner may walk the whole book to find a few.
    """
    agencies = [Document.agency_id == agency for agency in sorted(desk.actor.agencies or ())]
    waiting = queues.BY_CODE[wanted.queue].states if wanted.queue and wanted.whose == "mine" else ()
    states = [Document.state == state for state in wanted.states or waiting]
    clauses = [and_(*pair) for pair in product(agencies or [true()], states or [true()])]
    if len(clauses) < 2:
        return statement
    parts = [statement.where(clause).subquery() for clause in clauses]
    rows = union_all(*(select(*part.c) for part in parts)).subquery().c
    return select(*rows).order_by(rows.created_at.desc(), rows.id.desc()).limit(limit)


def count(desk: Desk, wanted: Filter, *, most: int = 1000) -> int:
    """How many documents match, counted no further than ``most`` (a page says "1000+" then)."""
    some = _matching(desk, wanted).with_only_columns(Document.id).limit(most).subquery()
    return desk.session.execute(select(func.count()).select_from(some)).scalar_one()


def count_states(desk: Desk, wanted: Filter, *, most: int = 1000) -> dict[str, int]:
    """How many documents there are per state, and under ``late``: of every state, whatever the filter says of states.

    Each is counted no further than ``most``, so that a book of any size costs the same. With words, the newest
    ``most`` matches are counted.
    """
    wide = replace(wanted, states=(), late=False)
    if wide.words:
        found = _matching(desk, wide).with_only_columns(Document.state, _late(desk).label("late"))
        newest = found.order_by(Document.created_at.desc(), Document.id.desc()).limit(most).subquery()
        rows = desk.session.execute(select(newest.c.state, newest.c.late, func.count()).group_by(*newest.c)).all()
        counts: dict[str, int] = {}
        for state, late, number in rows:
            counts[state] = counts.get(state, 0) + number
            if late:
                counts["late"] = counts.get("late", 0) + number
        return counts
    states = OUTGOING_STATES if wide.direction == Direction.OUTGOING else INCOMING_STATES
    every = _matching(desk, wide).with_only_columns(Document.id)
    parts = {state.value: every.where(Document.state == state) for state in states}
    parts["late"] = every.where(_late(desk))
    return {name: number for name, number in count_each(desk, {}, most=most, more=parts).items() if number}


def count_each(
    desk: Desk, wanted: Mapping[str, Filter], *, most: int = 1000, more: Mapping[str, Any] | None = None
) -> dict[str, int]:
    """How many documents match each of several filters, by one statement; each no further than ``most``.

    Args:
        more: selects of other rows that are counted along.
    """
    selects = {name: _matching(desk, part).with_only_columns(Document.id) for name, part in wanted.items()}
    some = [(name, part.limit(most).subquery()) for name, part in {**selects, **(more or {})}.items()]
    if not some:
        return {}
    counted = [select(literal(name), func.count()).select_from(part) for name, part in some]
    rows: Any = desk.session.execute(union_all(*counted)).all()
    return dict(rows)


VALUES = {"verdicts": Document.verdict, "urgencies": Document.urgency}
"""Fields of a filter that name values of a column."""


def count_values(
    desk: Desk, wanted: Filter, values: Mapping[str, Collection[str]], *, most: int = 1000
) -> dict[str, int]:
    """How many documents match with each value of some fields; each no further than ``most``.

    Args:
        wanted: the rest of the filter; what it says of a field is left out where that field's values are counted.
        values: field of ``VALUES`` -> the values asked for.

    Returns:
        ``field:value`` -> number.
    """

    def only(name: str, *chosen: str) -> Filter:
        field: dict[str, Any] = {name: chosen}
        return replace(wanted, **field)

    def grouped(name: str) -> Any:
        rows = _matching(desk, only(name)).with_only_columns(VALUES[name].label("value"))
        some = rows.limit(most).subquery()
        return select(literal(name), some.c.value, func.count()).group_by(some.c.value)

    found: Any = desk.session.execute(union_all(*map(grouped, values))).all() if values else []
    seen = {name: sum(number for field, _value, number in found if field == name) for name in values}
    counts = {f"{name}:{value}": 0 for name, each in values.items() for value in each}
    counts |= {f"{name}:{value}": number for name, value, number in found}
    full = {  # the first ``most`` say nothing of the others: each value is counted by itself
        f"{name}:{value}": only(name, value)
        for name, each in values.items()
        if seen[name] >= most
        for value in each
    }
    return counts | count_each(desk, full, most=most)


def _late(desk: Desk) -> Any:
    return queues.overdue(desk.now())


def _matching(desk: Desk, wanted: Filter) -> Any:
    statement = scope(desk, Document, few=bool(wanted.queue))
    if wanted.direction:
        statement = statement.where(Document.direction == wanted.direction)
    if wanted.states:
        statement = statement.where(Document.state.in_(wanted.states))
    if wanted.queue:
        statement = statement.where(queues.condition(desk.actor, wanted.queue, wanted.whose))
    if wanted.verdicts:
        statement = statement.where(Document.verdict.in_(wanted.verdicts))
    if wanted.urgencies:
        statement = statement.where(Document.urgency.in_(wanted.urgencies))
    if wanted.sent:
        statement = tracking.only(desk, statement, wanted.sent)
    if wanted.late or (wanted.queue and wanted.whose == "late"):
        statement = statement.where(_late(desk))
    for word in fold(wanted.words).split()[:10]:
        like = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        statement = statement.where(Document.folded.like(f"%{like}%", escape="\\"))
    return statement


def _to_mark(row: Any) -> str:
    data = json.dumps([row.created_at.isoformat(), str(row.id)])
    return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")


def _mark(text: str) -> tuple[datetime, UUID]:
    try:
        at, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return datetime.fromisoformat(at).astimezone(UTC), UUID(key)
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error) as error:
        raise InvalidInput("bad_mark") from error


def waiting(desk: Desk, queue: str, *, most: int = 1000) -> Sequence[Any]:
    """Identifiers and births of the newest documents that wait in a queue for the person who asks, newest first."""
    statement = _matching(desk, Filter(queue=queue)).with_only_columns(Document.id, Document.created_at)
    rows: Sequence[Any] = desk.session.execute(
        statement.order_by(Document.created_at.desc(), Document.id.desc()).limit(most)
    ).all()
    return rows


def document(desk: Desk, document_id: UUID) -> Document:
    """One document this person may see.

    Raises:
        NotFound: there is none, or none he may know of.
    """
    statement = scope(desk, Document, few=True).where(Document.id == document_id).options(joinedload(Document.files))
    row = desk.session.scalars(statement).unique().one_or_none()
    if row is None:
        raise NotFound(table="document", id=str(document_id))
    return row


def find_one(desk: Desk, document_id: UUID) -> Any:
    """What lists show of one document, None when this person may not know of it."""
    statement = scope(desk, Document).where(Document.id == document_id)
    return desk.session.execute(statement.with_only_columns(*COLUMNS)).first()


def next_after(desk: Desk, wanted: Filter, row: Any) -> UUID | None:
    """The document below one in a list; the first when it was the last, None when there is no other."""
    place = tuple_(Document.created_at, Document.id)
    below = place < tuple_(literal(row.created_at), literal(row.id))
    others = _matching(desk, wanted).where(Document.id != row.id).with_only_columns(Document.id)
    found: UUID | None = desk.session.scalars(
        others.order_by(below.desc(), Document.created_at.desc(), Document.id.desc()).limit(1)
    ).first()
    return found


def known(desk: Desk, documents: Collection[UUID]) -> Sequence[Any]:
    """Those of some documents that this person may know of: id, number with symbol, subject."""
    if not documents:
        return []
    found: Sequence[Any] = desk.session.execute(
        scope(desk, Document)
        .where(Document.id.in_(sorted(documents)))
        .with_only_columns(Document.id, Document.code, Document.subject)
    ).all()
    return found


def related(desk: Desk, row: Document) -> Sequence[Any]:
    """What belongs to a document: what it answers, its answers, the same bytes or number; oldest first."""
    others = [key for key in (row.reply_to_id, row.same_bytes_id, row.same_code_id) if key is not None]
    own: Any = scope(desk, Document, few=True).where(Document.agency_id == row.agency_id)
    own = own.with_only_columns(*COLUMNS, Document.reply_to_id)
    # two questions, each with an index of its own: asked as one with "or", the whole book is read
    parts: list[Any] = [own.where(Document.reply_to_id == row.id)]
    if others:
        parts.append(own.where(Document.id.in_(others)))
    found: Any = desk.session.execute(union_all(*(select(*part.subquery().c) for part in parts))).all()
    return sorted(dict.fromkeys(found), key=lambda other: (other.created_at, other.id))


@dataclass(frozen=True)
class MainFile:
    """The file that is the document: its id, hash and number of pages."""

    id: UUID
    sha256: str
    pages: int | None


def newest_file(desk: Desk, document_id: UUID) -> MainFile | None:
    """The newest main file of a document this person may see."""
    found: Any = desk.session.execute(
        scope(desk, DocumentFile)
        .join(Document, and_(Document.agency_id == DocumentFile.agency_id, Document.id == DocumentFile.document_id))
        .join(File, File.sha256 == DocumentFile.sha256)
        .where(DocumentFile.document_id == document_id, DocumentFile.role == "main", _seen(desk))
        .order_by(DocumentFile.created_at.desc(), DocumentFile.id.desc())
        .limit(1)
        .with_only_columns(DocumentFile.id, DocumentFile.sha256, File.pages)
    ).first()
    return MainFile(*found) if found else None


def _seen(desk: Desk) -> Any:
    return true() if desk.actor.whole_agency else Document.visible_to(desk.actor, few=True)

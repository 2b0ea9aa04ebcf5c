"""Finding documents: lists by book, state and words, a page at a time, as far as the person may see them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, tuple_

from eoffice.core.desk import Desk, scope
from eoffice.core.errors import InvalidInput, NotFound
from eoffice.core.text import fold
from eoffice.models.documents import Document

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
)


@dataclass(frozen=True)
class Filter:
    """What a list shows.

    Args:
        direction: ``incoming``, ``outgoing`` or None for both.
        states: some states, none for all.
        words: of number, symbol, subject and issuer, with or without diacritics; all must occur.
        late: only open ones past their deadline.
    """

    direction: str | None = None
    states: tuple[str, ...] = ()
    words: str = ""
    late: bool = False


@dataclass(frozen=True)
class Page:
    """Rows of a list and where it goes on: ``after`` is None on the last page."""

    rows: Sequence[Row[Any]]
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
    rows = desk.session.execute(statement).all()
    more = len(rows) > limit
    return Page(rows[:limit], _to_mark(rows[limit - 1]) if more else None)


def count(desk: Desk, wanted: Filter, *, most: int = 1000) -> int:
    """How many documents match, counted no further than ``most`` (a page says "1000+" then)."""
    some = _matching(desk, wanted).with_only_columns(Document.id).limit(most).subquery()
    return desk.session.execute(select(func.count()).select_from(some)).scalar_one()


def _matching(desk: Desk, wanted: Filter) -> Any:
    statement = scope(desk, Document)
    if wanted.direction:
        statement = statement.where(Document.direction == wanted.direction)
    if wanted.states:
        statement = statement.where(Document.state.in_(wanted.states))
    if wanted.late:
        statement = statement.where(Document.due_at < desk.now(), Document.done_at.is_(None))
    for word in fold(wanted.words).split()[:10]:
        like = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        statement = statement.where(Document.folded.like(f"%{like}%", escape="\\"))
    return statement


def _to_mark(row: Row[Any]) -> str:
    data = json.dumps([row.created_at.isoformat(), str(row.id)])
    return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")


def _mark(text: str) -> tuple[datetime, UUID]:
    try:
        at, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return datetime.fromisoformat(at), UUID(key)
    except (ValueError, TypeError, binascii.Error) as error:
        raise InvalidInput("bad_mark") from error


def document(desk: Desk, document_id: UUID) -> Document:
    """One document this person may see.

    Raises:
        NotFound: there is none, or none he may know of.
    """
    row = desk.session.scalars(scope(desk, Document).where(Document.id == document_id)).one_or_none()
    if row is None:
        raise NotFound(table="document", id=str(document_id))
    return row

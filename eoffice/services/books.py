"""Numbers and register lines: taken one after the other, without a hole, each written down once."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from eoffice.core.clock import local_date
from eoffice.core.db import insert_into
from eoffice.core.desk import Desk, scope
from eoffice.core.errors import Conflict, NotFound
from eoffice.core.i18n import N_
from eoffice.core.ids import new_id
from eoffice.models.books import NumberAllocation, NumberCounter, RegisterLine
from eoffice.models.documents import Document


def take(desk: Desk, series: str, document_id: UUID) -> tuple[int, date]:
    """Take the next number of a series and today's date, for one document.

    The counter row stays locked until the commit, so a rollback gives the number back and none is ever doubled or
    lost (Decree 30/2020 article 15; the date is never before that of the number before).

    Raises:
        Conflict: the clock stands before the date of the last number.
    """
    today = local_date(desk.now())
    statement = insert_into(desk.session, NumberCounter).values(
        id=new_id(), agency_id=desk.agency, series=series, value=1, last_date=today
    )
    number = desk.session.execute(
        statement.on_conflict_do_update(
            index_elements=["agency_id", "series"],
            set_={"value": NumberCounter.value + 1, "last_date": statement.excluded.last_date},
            where=NumberCounter.last_date <= statement.excluded.last_date,
        ).returning(NumberCounter.value)
    ).scalar_one_or_none()
    if number is None:
        raise Conflict(
            "date_before_last",
            N_("The last number of this book has a later date than today. Please tell the administrator: the clock."),
            series=series,
        )
    desk.session.add(
        NumberAllocation(
            agency_id=desk.agency, series=series, number=number, document_id=document_id, state="used", at=desk.now()
        )
    )
    return number, today


def write_line(desk: Desk, document: Document, series: str, number: int, columns: dict[str, Any]) -> None:
    """Write a line of this year's register book, incoming or outgoing (columns after Decree 30/2020 Annex IV)."""
    desk.session.add(
        RegisterLine(
            agency_id=desk.agency,
            book=document.direction,
            series=series,
            year=local_date(desk.now()).year,
            number=number,
            document_id=document.id,
            columns=columns,
            at=desk.now(),
            post_id=desk.actor.post,
        )
    )


def revise_line(desk: Desk, document: Document, **changes: Any) -> None:
    """Correct columns of a document's line in the book: a further revision, the line before stays readable.

    Raises:
        NotFound: the document has no line in the book of its direction.
    """
    statement = scope(desk, RegisterLine).where(
        RegisterLine.agency_id == desk.agency,
        RegisterLine.document_id == document.id,
        RegisterLine.book == document.direction,
    )
    line = desk.session.scalars(statement.order_by(RegisterLine.revision.desc()).limit(1)).first()
    if line is None:
        raise NotFound(table="register_line", document=str(document.id))
    desk.session.add(
        RegisterLine(
            agency_id=desk.agency,
            book=line.book,
            series=line.series,
            year=line.year,
            number=line.number,
            revision=line.revision + 1,
            document_id=document.id,
            columns={**line.columns, **changes},
            at=desk.now(),
            post_id=desk.actor.post,
        )
    )


def last(desk: Desk, series: str) -> int:
    """The last number taken in a series of this agency, 0 before the first: also the exact count of the book."""
    statement = scope(desk, NumberCounter).where(
        NumberCounter.agency_id == desk.agency, NumberCounter.series == series
    )
    row = desk.session.scalars(statement).one_or_none()
    return row.value if row else 0


def find(desk: Desk, book: str, year: int, *, after: int = 0, limit: int = 50) -> list[RegisterLine]:
    """Lines of a book in order, from the number after ``after``; the newest revision of each is the last."""
    statement = (
        scope(desk, RegisterLine)
        .where(
            RegisterLine.agency_id == desk.agency,
            RegisterLine.book == book,
            RegisterLine.year == year,
            RegisterLine.number > after,
        )
        .order_by(RegisterLine.number, RegisterLine.revision)
        .limit(limit)
    )
    return list(desk.session.scalars(statement))

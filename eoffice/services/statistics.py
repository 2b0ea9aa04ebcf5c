"""Measures: facts recorded with each deed, counters kept in the same transaction, and the figures read from them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, select

from eoffice.core.clock import VIETNAM, local_date
from eoffice.core.db import insert_into
from eoffice.core.desk import Desk, scope
from eoffice.core.ids import new_id
from eoffice.models.directory import Agency, Setting
from eoffice.models.documents import Document
from eoffice.models.ledger import LedgerEntry
from eoffice.models.metrics import Fact, Rollup
from eoffice.rules import measures
from eoffice.services import queues

BASELINE = "baseline_minutes"
"""Setting: working minutes a document took before the office, with date and source (a province's report)."""


def record(desk: Desk, word: str, notes: Mapping[str, Any]) -> None:
    """Add the facts of one deed and count them, in the deed's own transaction."""
    rows = measures.facts(word, notes)
    if not rows:
        return
    day = local_date(desk.now())
    desk.session.add_all(
        Fact(
            agency_id=desk.agency,
            measure=row.measure,
            day=day,
            bucket=row.bucket,
            value=row.value,
            document_id=row.document,
            subject_id=row.subject,
        )
        for row in rows
    )
    desk.session.flush()
    # sorted: two deeds of one agency lock the same counters in the same order
    for (measure, bucket, value), count in sorted(Counter((r.measure, r.bucket, r.value) for r in rows).items()):
        statement = insert_into(desk.session, Rollup).values(
            id=new_id(), agency_id=desk.agency, measure=measure, day=day, bucket=bucket, value=value, number=count
        )
        desk.session.execute(
            statement.on_conflict_do_update(
                index_elements=["agency_id", "measure", "day", "bucket", "value"],
                set_={"number": Rollup.number + statement.excluded["number"]},
            )
        )


@dataclass(frozen=True)
class Period:
    """Local dates, both inclusive."""

    first: date
    last: date

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.last + timedelta(days=1), time(), VIETNAM)


def rollups(desk: Desk, period: Period, agency: UUID | None) -> Any:
    """Select the counters of a period, of one agency or of all this desk may read."""
    statement = scope(desk, Rollup).where(Rollup.day.between(period.first, period.last))
    return statement.where(Rollup.agency_id == agency) if agency else statement


def counts(desk: Desk, measure: str, period: Period, *, agency: UUID | None = None) -> dict[str, int]:
    """How many facts of a measure fall into each bucket."""
    statement = rollups(desk, period, agency).where(Rollup.measure == measure)
    rows = desk.session.execute(
        statement.with_only_columns(Rollup.bucket, func.sum(Rollup.number)).group_by(Rollup.bucket)
    )
    return {bucket: int(count) for bucket, count in rows}


def histogram(desk: Desk, measure: str, period: Period, *, agency: UUID | None = None) -> list[tuple[int, int]]:
    """Working minutes and how often they occurred."""
    statement = rollups(desk, period, agency).where(Rollup.measure == measure)
    rows = desk.session.execute(
        statement.with_only_columns(Rollup.value, func.sum(Rollup.number)).group_by(Rollup.value)
    )
    return [(value, int(count)) for value, count in rows]


def open_late(desk: Desk, periods: Sequence[Period], *, agency: UUID | None = None) -> list[int]:
    """How many incoming documents are still open now although their deadline fell before the end of each period."""
    ends = [reach(desk, period) for period in periods]
    statement = scope(desk, Document).where(queues.overdue(max(ends)))
    if agency:
        statement = statement.where(Document.agency_id == agency)
    columns = [func.count(case((Document.due_at < end, 1))) for end in ends]
    return list(desk.session.execute(statement.with_only_columns(*columns)).one())


def reach(desk: Desk, period: Period) -> datetime:
    """Up to when a deadline can have been missed within a period."""
    return min(desk.now(), period.end)


@dataclass(frozen=True)
class Baseline:
    """The processing time before, in working minutes, and where the figure is from."""

    minutes: int
    source: str
    valid_from: date


def baseline(desk: Desk, on: date) -> Baseline | None:
    """The baseline in force on a day, None when nobody has entered one."""
    row = desk.session.scalars(
        select(Setting)
        .where(Setting.name == BASELINE, Setting.valid_from <= on)
        .order_by(Setting.valid_from.desc())
        .limit(1)
    ).one_or_none()
    return Baseline(int(row.value), row.source, row.valid_from) if row else None


def _ratio(ratio: measures.Ratio) -> dict[str, Any]:
    return {"numerator": ratio.numerator, "denominator": ratio.denominator, "value": ratio.value}


def summary(desk: Desk, period: Period, *, agency: UUID | None = None) -> dict[str, Any]:
    """K1, K2, K3, K8 and K12 of a period with what they are made of (definitions in the docs).

    Args:
        period: local dates, inclusive.
        agency: one agency; all this desk may read when left out.
    """
    classes = counts(desk, "delivery", period, agency=agency)
    punctuality = counts(desk, "on_time", period, agency=agency)
    total = measures.times(histogram(desk, "time.total", period, agency=agency))
    before = baseline(desk, period.last)
    parts = {
        part: _times(measures.times(histogram(desk, f"time.{part}", period, agency=agency)))
        for part in measures.TIME_PARTS
    }
    return {
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "classes": {name: classes.get(name, 0) for name in ("E1", "E2", "E3", "P", "X")},
        **{name: _ratio(ratio) for name, ratio in measures.delivery_ratios(classes).items()},
        "K8": {
            **_ratio(measures.on_time_ratio(punctuality, open_late(desk, [period], agency=agency)[0])),
            "without_deadline": punctuality.get("no_due", 0),
        },
        "K12": {
            **_times(total),
            "parts": parts,
            "baseline_minutes": before.minutes if before else None,
            "baseline_source": before.source if before else None,
            "reduction": measures.reduction(total.mean, before.minutes if before else None),
        },
        "months": by_month(desk, period, agency=agency),
    }


def _times(found: measures.Times) -> dict[str, Any]:
    return {
        "count": found.count,
        "mean_minutes": found.mean,
        "median_minutes": found.median,
        "p90_minutes": found.p90,
    }


def by_month(desk: Desk, period: Period, *, agency: UUID | None = None) -> list[dict[str, Any]]:
    """Deliveries per agency and month by class, with K1, K2 and K3."""
    statement = rollups(desk, period, agency).where(Rollup.measure == "delivery")
    found: dict[tuple[UUID, str], Counter[str]] = {}
    for row in desk.session.execute(
        statement.with_only_columns(Rollup.agency_id, Rollup.day, Rollup.bucket, Rollup.number)
    ):
        found.setdefault((row.agency_id, row.day.strftime("%Y-%m")), Counter())[row.bucket] += row.number
    slugs = {row.id: row.slug for row in desk.session.execute(select(Agency.id, Agency.slug))}
    return [
        {
            "agency": slugs[owner],
            "month": month,
            "classes": dict(classes),
            **{name: _ratio(ratio) for name, ratio in measures.delivery_ratios(classes).items()},
        }
        for (owner, month), classes in sorted(found.items(), key=lambda item: (item[0][1], str(item[0][0])))
    ]


def recount(desk: Desk) -> list[str]:
    """Derive every fact anew from the ledger's events and count anew; each difference is named, none is good."""
    return [*_facts_that_differ(desk), *_counters_that_differ(desk)]


def _facts_that_differ(desk: Desk) -> list[str]:
    told = select(LedgerEntry.chain, LedgerEntry.word, LedgerEntry.body).where(LedgerEntry.word.in_(measures.WORDS))
    if desk.actor.agencies is not None:
        told = told.where(LedgerEntry.chain.in_(desk.actor.agencies))
    derived = set()
    for chain, word, body in desk.session.execute(told.execution_options(yield_per=1000)):
        for row in measures.facts(word, json.loads(body)["notes"]):
            derived.add((str(chain), row.measure, row.bucket, row.value, str(row.document), str(row.subject)))
    kept = {
        (str(row.agency_id), row.measure, row.bucket, row.value, str(row.document_id), str(row.subject_id))
        for row in desk.session.scalars(scope(desk, Fact).execution_options(yield_per=1000))
    }
    return [
        f"{' '.join(str(part) for part in fact)}: {'no event tells it' if fact in kept else 'an event tells it'}"
        for fact in sorted(derived ^ kept)
    ]


def _counters_that_differ(desk: Desk) -> list[str]:
    keys = ("agency_id", "measure", "day", "bucket", "value")
    facts = scope(desk, Fact).with_only_columns(
        Fact.agency_id, Fact.measure, Fact.day, Fact.bucket, Fact.value, func.count()
    )
    counted = {
        tuple(row[:5]): row[5]
        for row in desk.session.execute(facts.group_by(Fact.agency_id, Fact.measure, Fact.day, Fact.bucket, Fact.value))
    }
    kept = {
        tuple(getattr(row, key) for key in keys): row.number for row in desk.session.scalars(scope(desk, Rollup))
    }
    return [
        f"{' '.join(str(part) for part in key)}: {kept.get(key, 0)} kept, {counted.get(key, 0)} counted"
        for key in sorted(set(counted) | set(kept), key=str)
        if counted.get(key, 0) != kept.get(key, 0)
    ]

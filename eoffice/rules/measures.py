"""What is measured: one pure function from a deed to facts, and the ratios made of them (Decision 28/2018 art. 11).

No figure is typed in anywhere: a deed leaves a ledger event, the event gives facts, facts are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

TIME_PARTS = ("register", "assign", "handle")
"""The three parts of the processing time: arrival to register, register to assignment, assignment to done (K12)."""


WORDS = ("document.issued", "document.finished")
"""Ledger words of the events from which facts follow."""


@dataclass(frozen=True)
class FactRow:
    """One measured thing.

    Args:
        measure: ``delivery``, ``on_time``, ``time.total`` or ``time.<part>``.
        bucket: delivery class, ``on_time`` / ``late`` / ``no_due``, or "" for times.
        value: working minutes for times, 0 otherwise.
        document, subject: the document, and the row that is counted once.
    """

    measure: str
    bucket: str
    value: int
    document: UUID
    subject: UUID


def facts(word: str, notes: Mapping[str, Any]) -> list[FactRow]:
    """Return what one ledger event adds to the measures.

    Args:
        word: ledger word of the event.
        notes: what the verb told about it; JSON values.
    """
    if word == "document.issued":
        document = UUID(notes["document"])
        return [FactRow("delivery", item["class"], 0, document, UUID(item["id"])) for item in notes["deliveries"]]
    if word == "document.finished":
        document = UUID(notes["document"])
        rows = [FactRow("on_time", notes["punctuality"], 0, document, document)]
        minutes = {part: int(notes["minutes"][part]) for part in TIME_PARTS}
        rows += [FactRow(f"time.{part}", "", value, document, document) for part, value in minutes.items()]
        rows.append(FactRow("time.total", "", sum(minutes.values()), document, document))
        return rows
    return []


@dataclass(frozen=True)
class Ratio:
    """A ratio that says what it is made of; without a denominator there is no value, never 100 %."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None


def delivery_ratios(counts: Mapping[str, int]) -> dict[str, Ratio]:
    """Return K1, K2 and K3 from the number of deliveries per class; class X is counted apart, in no denominator.

    K1: sent wholly electronically (E1). K2: electronically with paper in parallel (E2). K3: electronically in any
    way (E1, E2, E3). Denominator: E1 + E2 + E3 + P.
    """
    e1, e2, e3, paper = (counts.get(name, 0) for name in ("E1", "E2", "E3", "P"))
    total = e1 + e2 + e3 + paper
    return {"K1": Ratio(e1, total), "K2": Ratio(e2, total), "K3": Ratio(e1 + e2 + e3, total)}


def on_time_ratio(counts: Mapping[str, int], open_late: int) -> Ratio:
    """Return K8: finished in time over finished with a deadline plus those open past their deadline."""
    done = counts.get("on_time", 0)
    return Ratio(done, done + counts.get("late", 0) + open_late)


def quantile(histogram: Sequence[tuple[int, int]], share: float) -> int | None:
    """Return the smallest value that at least ``share`` of the counted things do not exceed (nearest rank).

    Args:
        histogram: (value, count), in any order.
        share: 0 < share <= 1, 0.5 for the median.
    """
    total = sum(count for _, count in histogram)
    if not total:
        return None
    rank, seen = max(1, -(-int(share * 1000) * total // 1000)), 0
    for value, count in sorted(histogram):
        seen += count
        if seen >= rank:
            return value
    return None


@dataclass(frozen=True)
class Times:
    """Processing time of the finished documents: count, mean, median and 90th percentile in working minutes."""

    count: int
    mean: float | None
    median: int | None
    p90: int | None


def times(histogram: Sequence[tuple[int, int]]) -> Times:
    """Summarise working minutes given as (value, count)."""
    count = sum(number for _, number in histogram)
    mean = sum(value * number for value, number in histogram) / count if count else None
    return Times(count, mean, quantile(histogram, 0.5), quantile(histogram, 0.9))


def reduction(mean_minutes: float | None, baseline_minutes: int | None) -> float | None:
    """Return 1 - now / baseline, None when either is missing."""
    if mean_minutes is None or not baseline_minutes:
        return None
    return 1 - mean_minutes / baseline_minutes

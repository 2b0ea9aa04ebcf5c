"""What is measured: one pure function from a deed to facts, and the ratios made of them (Decision 28/2018 art. 11).

No figure is typed in anywhere: a deed leaves a ledger event, the event gives facts, facts are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eoffice.core.i18n import N_

TIME_PARTS = ("register", "assign", "handle")
"""The three parts of the processing time: arrival to register, register to assignment, assignment to done (K12)."""

WORDS = ("document.issued", "document.finished")
"""Ledger words of the events from which facts follow."""

COUNTED = ("E1", "E2", "E3", "P")
"""Delivery classes that make the denominator of K1, K2 and K3."""

BUCKETS: dict[str, tuple[str, ...]] = {
    "delivery": (*COUNTED, "X"),
    "paper": ("obligatory", "optional"),
    "on_time": ("on_time", "late", "no_due"),
    "time.total": ("",),
}
"""Measures whose documents can be looked at, with the buckets their facts fall into."""

DEFINITIONS: dict[str, str] = {
    "E1": N_(
        "Electronic document; the signature of the competent person and the signature of the agency were both valid "
        "when it was sent, and no paper went with it."
    ),
    "E2": N_(
        "Like E1, with a paper copy sent in parallel; counted apart where the law asks for the paper "
        "(Decision 28/2018, article 7 clause 2 points a and b) and where it does not."
    ),
    "E3": N_("File without both valid signatures: for information only, it does not replace paper."),
    "P": N_("Sent on paper only."),
    "X": N_("Exempt: counted apart, in no denominator. State secrets are not kept in this system and not counted."),
    "K1": N_("E1 ÷ (E1 + E2 + E3 + P), counted per delivery to each recipient on the day of issue."),
    "K2": N_("E2 ÷ (E1 + E2 + E3 + P), divided into paper the law asks for and paper it does not."),
    "K3": N_("(E1 + E2 + E3) ÷ (E1 + E2 + E3 + P): everything sent electronically in any way."),
    "K8": N_(
        "Finished in time ÷ (finished with a deadline + still open although the deadline fell within or before the "
        "period). Documents without a deadline are counted apart. What is still open is counted as of this moment."
    ),
    "K12": N_(
        "Working hours from arrival until the document is done, by the working calendar, of documents finished in the "
        "period: median, 90th percentile (nearest rank) and mean. Reduction = 1 − mean ÷ former level."
    ),
}
"""What every class and figure means: the one text that pages show. Without a denominator there is no value."""


@dataclass(frozen=True)
class FactRow:
    """One measured thing.

    Args:
        measure: ``delivery``, ``paper`` (of E2), ``on_time``, ``time.total`` or ``time.<part>``.
        bucket: delivery class, ``obligatory`` / ``optional``, ``on_time`` / ``late`` / ``no_due``, or "" for times.
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
        sent = notes["deliveries"]
        rows = [FactRow("delivery", item["class"], 0, document, UUID(item["id"])) for item in sent]
        paper = [item for item in sent if item["class"] == "E2" and "obligatory" in item]  # older events do not say
        return rows + [
            FactRow("paper", "obligatory" if item["obligatory"] else "optional", 0, document, UUID(item["id"]))
            for item in paper
        ]
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
    e1, e2, e3, paper = (counts.get(name, 0) for name in COUNTED)
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


NO_TIMES = Times(0, None, None, None)
"""Of nothing."""


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

"""From a deed to facts: what is counted, and what divides it."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from eoffice.rules import delivery, measures

DOCUMENT, SENT = UUID(int=1), UUID(int=2)


def _issued(**told: object) -> list[tuple[str, str]]:
    notes = {"document": str(DOCUMENT), "deliveries": [{"id": str(SENT), "class": "E2", "to": "Sở Y tế", **told}]}
    return [(row.measure, row.bucket) for row in measures.facts("document.issued", notes)]


def test_paper_beside_the_electronic_document_is_told_apart() -> None:
    assert _issued(obligatory=True) == [("delivery", "E2"), ("paper", "obligatory")]
    assert _issued(obligatory=False) == [("delivery", "E2"), ("paper", "optional")]


def test_events_from_before_it_was_told_give_what_they_gave() -> None:
    assert _issued() == [("delivery", "E2")]


def test_paper_alone_is_no_paper_in_parallel() -> None:
    assert _issued(obligatory=True, **{"class": "P"}) == [("delivery", "P")]


@pytest.mark.parametrize(
    ("reason", "day", "obliged"),
    [
        ("government", date(2026, 5, 28), True),
        ("government", date(2026, 5, 29), False),  # Decree 191/2026
        ("province_list", date(2026, 9, 7), True),
        ("recipient_request", date(2026, 9, 7), False),
        (None, date(2026, 9, 7), False),
        ("unheard_of", date(2026, 9, 7), False),
    ],
)
def test_whether_the_law_asked_for_paper_depends_on_the_day(reason: str | None, day: date, obliged: bool) -> None:
    assert delivery.is_obligatory(reason, day) is obliged


def test_every_class_and_figure_is_defined() -> None:
    assert set(measures.BUCKETS["delivery"]) <= set(measures.DEFINITIONS)
    assert {"K1", "K2", "K3", "K8", "K12"} <= set(measures.DEFINITIONS)

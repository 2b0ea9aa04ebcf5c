"""Geometry of charts: nothing, one step, twelve steps, rounding, and labels that do not cover each other."""

from __future__ import annotations

import itertools

import pytest

from eoffice.web import charts
from eoffice.web.charts import BOTTOM, LEFT, LINE, TOP, Box, Label


def test_a_bar_is_filled_to_its_end_whatever_is_rounded() -> None:
    boxes = charts.stack([("E1", 1), ("E2", 1), ("E3", 1), ("P", 4)], 320)
    assert [box.name for box in boxes] == ["E1", "E2", "E3", "P"]
    assert boxes[0].x == 0
    for box, following in itertools.pairwise(boxes):
        assert round(box.x + box.width, 1) == following.x
    assert round(boxes[-1].x + boxes[-1].width, 1) == 320


def test_nothing_is_drawn_of_nothing() -> None:
    assert charts.stack([("E1", 0), ("P", 0)], 320) == []
    assert [box.name for box in charts.stack([("E1", 0), ("P", 2)], 320)] == ["P"]
    empty = charts.columns([[], []], open_from=2, right=300)
    assert (empty.closed, empty.open, empty.labels) == ([], [], [])
    none = charts.lines({"median": [None, None]}, reference=None, open_from=2, right=300)
    assert ([line.runs for line in none.series], none.reference, none.labels) == ([[]], None, [])
    assert charts.lines({}, reference=None, open_from=0, right=300).series == []


def test_columns_stand_on_the_axis_and_reach_the_top() -> None:
    drawn = charts.columns([[("E1", 0.5), ("E2", 0.25), ("P", 0.25)]] * 12, open_from=11, right=300)
    first, second, third = drawn.closed[:3]
    assert (first.y + first.height, third.y) == (BOTTOM, TOP)
    assert (first.y, second.y) == (round(second.y + second.height, 1), round(third.y + third.height, 1))
    assert (len(drawn.closed), len(drawn.open)) == (33, 3)
    assert all(box.x >= LEFT and box.x + box.width <= 300 for box in [*drawn.closed, *drawn.open])
    assert len(drawn.grid.middles) == 12
    assert drawn.labels == [Label("E1", 304, 124.5)]


def test_a_share_of_nothing_has_no_segment() -> None:
    drawn = charts.columns([[("E1", 0.0), ("E2", 1.0)]], open_from=1, right=300)
    assert [box.name for box in drawn.closed] == ["E2"]


def test_one_month_is_a_mark_without_a_line() -> None:
    drawn = charts.lines({"median": [2.0], "p90": [8.0]}, reference=None, open_from=0, right=276)
    assert [list(line.runs) for line in drawn.series] == [[], []]
    assert [[mark.open for mark in line.marks] for line in drawn.series] == [[True], [True]]
    assert drawn.series[1].marks[0].y == TOP
    assert drawn.grid.lines[-1] == (TOP, 8.0)


def test_a_line_breaks_where_a_value_is_missing() -> None:
    drawn = charts.lines({"median": [1.0, 2.0, None, 3.0, None, 4.0, 4.0]}, reference=8.0, open_from=6, right=276)
    (line,) = drawn.series
    assert [len(run.split()) for run in line.runs] == [2, 2]
    assert [mark.open for mark in line.marks] == [False] * 4 + [True]
    assert drawn.reference == TOP


def test_every_coordinate_has_one_decimal() -> None:
    values: list[float | None] = [1 / 3, 2 / 7, 11 / 13]
    drawn = charts.lines({"median": values}, reference=1 / 9, open_from=9, right=276)
    numbers = [float(number) for run in drawn.series[0].runs for point in run.split() for number in point.split(",")]
    numbers += [number for mark in drawn.series[0].marks for number in (mark.x, mark.y)]
    assert numbers and all(round(number, 1) == number for number in numbers)


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (0.2, 1), (1, 1), (3.6, 4), (22.4, 24), (30.8, 32), (41, 60), (1001, 1200), (9e4, 1e5)]
)
def test_an_axis_ends_where_its_half_is_easily_read(most: float, top: float) -> None:
    assert charts.axis_top(most) == top


@pytest.mark.parametrize("ys", [[100, 100, 100], [159, 159, 159], [14, 150, 20], [160], []])
def test_labels_never_cover_each_other_nor_leave_the_frame(ys: list[float]) -> None:
    moved = charts.apart([Label(str(at), 280, y) for at, y in enumerate(ys)])
    assert len(moved) == len(ys)
    assert all(round(after.y - before.y, 1) >= LINE for before, after in itertools.pairwise(moved))
    assert all(label.y <= BOTTOM + 4 for label in moved)


def test_boxes_are_plain_facts() -> None:
    assert charts.stack([("E1", 3)], 320) == [Box("E1", 0.0, 0.0, 320.0, 14.0)]

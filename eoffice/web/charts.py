"""Geometry of charts drawn on the server: numbers in, coordinates out; what they look like stands in classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LEFT, TOP, BOTTOM, WIDTH, HEIGHT = 30.0, 14.0, 156.0, 360, 176
LINE = 13.0
"""Height of a line of text: labels stand at least so far apart."""

TOPS = (1, 2, 4, 8, 12, 16, 20, 24, 32, 40, 60, 80, 100, 120, 160, 200, 240, 320, 400, 600, 800, 1000)
"""Where an axis may end: numbers whose half is easily read."""


@dataclass(frozen=True)
class Box:
    """A rectangle; ``name`` says of what."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Label:
    """Words of a template at a place: ``name`` says which."""

    name: str
    x: float
    y: float


@dataclass(frozen=True)
class Mark:
    """A point of a line; an open one is not complete yet."""

    x: float
    y: float
    open: bool


@dataclass(frozen=True)
class Line:
    """One series: its unbroken runs as the ``points`` of polylines, and its marks."""

    runs: Sequence[str]
    marks: Sequence[Mark]


@dataclass(frozen=True)
class Grid:
    """The frame: three grid lines with their values, and the middle of each step."""

    left: float
    right: float
    lines: Sequence[tuple[float, float]]
    middles: Sequence[float]


@dataclass(frozen=True)
class Bars:
    """A chart of columns; open ones are drawn in outline."""

    grid: Grid
    closed: Sequence[Box]
    open: Sequence[Box]
    labels: Sequence[Label]


@dataclass(frozen=True)
class Lines:
    """A chart of lines with one reference line; None when there is none."""

    grid: Grid
    series: Sequence[Line]
    reference: float | None
    labels: Sequence[Label]


def stack(parts: Sequence[tuple[str, int]], width: float) -> list[Box]:
    """One bar of a table: named parts beside each other over a width; nothing when there is nothing."""
    total = sum(count for _, count in parts)
    boxes: list[Box] = []
    before = 0
    for name, count in parts:
        if count:
            left, right = _share(before, total, width), _share(before + count, total, width)
            boxes.append(Box(name, left, 0.0, _round(right - left), 14.0))
        before += count
    return boxes


def columns(steps: Sequence[Sequence[tuple[str, float]]], *, open_from: int, right: float) -> Bars:
    """Columns of shares, 0 to 1, stacked from the axis outwards; a step without any has no column.

    Args:
        open_from: steps from here on are not complete yet.
        right: where the frame ends; the rest is for the label of the newest column.
    """
    grid = _grid(len(steps), 100, right)
    slot = (right - LEFT) / max(1, len(steps))
    closed: list[Box] = []
    unfinished: list[Box] = []
    labels: list[Label] = []
    for index, step in enumerate(steps):
        below = 0.0
        for name, share in step:
            low, high = _height(below * 100, 100), _height((below + share) * 100, 100)
            if low > high:
                box = Box(name, _round(grid.middles[index] - slot * 0.4), high, _round(slot * 0.8), _round(low - high))
                (unfinished if index >= open_from else closed).append(box)
            below += share
        if step:
            labels = [Label(step[0][0], _round(right + 4), _round(_height(step[0][1] * 50, 100) + 4))]
    return Bars(grid, closed, unfinished, labels)


def lines(series: dict[str, Sequence[float | None]], *, reference: float | None, open_from: int, right: float) -> Lines:
    """Lines over steps, from 0; where a value is missing the line is broken.

    The newest value of each series is written at the line's end, and so is the reference; none covers another.

    Args:
        reference: a value drawn across.
        open_from: steps from here on are not complete yet.
        right: where the frame ends; the rest is for labels.
    """
    known = [value for values in series.values() for value in values if value is not None]
    top = axis_top(max([*known, reference or 0.0]))
    steps = max((len(values) for values in series.values()), default=0)
    grid = _grid(steps, top, right)
    drawn: list[Line] = []
    ends: list[Label] = []
    for name, values in series.items():
        at = [None if value is None else _height(value, top) for value in values]
        marks = [Mark(grid.middles[i], y, i >= open_from) for i, y in enumerate(at) if y is not None]
        drawn.append(Line([" ".join(run) for run in _runs(grid.middles, at) if len(run) > 1], marks))
        if marks:
            ends.append(Label(name, _round(right + 4), _round(marks[-1].y + 4)))
    across = None if reference is None else _height(reference, top)
    if across is not None:
        ends.append(Label("reference", _round(right + 4), _round(across + 4)))
    return Lines(grid, drawn, across, apart(ends))


def apart(labels: Sequence[Label]) -> list[Label]:
    """Labels in the margin moved so that none covers another and none leaves the frame, from top to bottom."""
    ordered = sorted(labels, key=lambda label: label.y)
    ys: list[float] = []
    for label in ordered:
        ys.append(max(label.y, ys[-1] + LINE) if ys else label.y)
    lowest = BOTTOM + 4
    for index in range(len(ys) - 1, -1, -1):
        ys[index] = min(ys[index], lowest)
        lowest = ys[index] - LINE
    return [Label(label.name, label.x, _round(y)) for label, y in zip(ordered, ys, strict=True)]


def axis_top(most: float) -> float:
    """Where an axis ends that must show a value; its half is a number easily read."""
    scale = 1
    while most > TOPS[-1] * scale:
        scale *= 10
    return float(next(top * scale for top in TOPS if top * scale >= most))


def _grid(steps: int, top: float, right: float) -> Grid:
    slot = (right - LEFT) / max(1, steps)
    return Grid(
        left=LEFT,
        right=right,
        lines=[(_height(value, top), value) for value in (0.0, top / 2, top)],
        middles=[_round(LEFT + slot * (index + 0.5)) for index in range(steps)],
    )


def _runs(xs: Sequence[float], ys: Sequence[float | None]) -> Iterator[list[str]]:
    run: list[str] = []
    for x, y in zip(xs, ys, strict=True):
        if y is None:
            yield run
            run = []
        else:
            run.append(f"{x},{y}")
    yield run


def _height(value: float, top: float) -> float:
    return _round(BOTTOM - (BOTTOM - TOP) * value / top)


def _share(part: int, total: int, width: float) -> float:
    return _round(width * part / total)


def _round(value: float) -> float:
    return round(value, 1)

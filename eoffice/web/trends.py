"""How figures are drawn over time and beside each other, and what the drawings tell in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import g

from eoffice.core import i18n
from eoffice.rules import measures
from eoffice.services.figures import Board, Figures
from eoffice.web import charts
from eoffice.web.language import say as _

BAR = 320
"""Width of a bar in a table."""


@dataclass(frozen=True)
class Drawn:
    """The three charts.

    Args:
        findings: what each series shows, in words; newest: its last value, as it stands at the line's end.
        steps: names along the axis; open_step: the one that is not complete yet, "" when all are.
    """

    classes: charts.Bars
    times: charts.Lines
    on_time: charts.Bars
    findings: dict[str, str]
    newest: dict[str, str]
    steps: list[str]
    open_step: str


def draw(found: Board) -> Drawn:
    """Lay the figures out over time."""
    parts = found.parts
    open_from = next((at for at, part in enumerate(parts) if part.period.last >= found.today), len(parts))
    series: dict[str, tuple[list[float | None], Callable[[float | None], str]]] = {
        "K1": ([part.ratios["K1"].value for part in parts], percent),
        "median": ([in_hours(part.times.median) for part in parts], hours),
        "p90": ([in_hours(part.times.p90) for part in parts], hours),
        "K8": ([part.ratios["K8"].value for part in parts], percent),
    }
    former = in_hours(found.before.minutes) if found.before else None
    lines = {name: series[name][0] for name in ("median", "p90")}
    on_time = [[] if value is None else [("E1", value)] for value in series["K8"][0]]
    return Drawn(
        classes=charts.columns([_shares(part) for part in parts], open_from=open_from, right=296),
        times=charts.lines(lines, reference=former, open_from=open_from, right=276),
        on_time=charts.columns(on_time, open_from=open_from, right=312),
        findings={name: _finding(found, values, text) for name, (values, text) in series.items()},
        newest={
            **{name: text(_last(values)) for name, (values, text) in series.items()},
            "former": hours(former),
        },
        steps=[f"{part.period.first:%Y}" if found.by_year else f"{part.period.first:%m}" for part in parts],
        open_step=step_name(found, parts[open_from]) if open_from < len(parts) else "",
    )


def boxes(found: Figures) -> list[charts.Box]:
    """The bar of one row: the classes beside each other."""
    return charts.stack([(name, found.classes.get(name, 0)) for name in measures.COUNTED], BAR)


def _shares(part: Figures) -> list[tuple[str, float]]:
    return [(name, part.classes.get(name, 0) / part.sent) for name in measures.COUNTED] if part.sent else []


def in_hours(minutes: float | None) -> float | None:
    """Minutes as hours."""
    return None if minutes is None else minutes / 60


def percent(value: float | None) -> str:
    """A ratio as text, "" without one."""
    return "" if value is None else i18n.percent(g.locale, value)


def hours(value: float | None) -> str:
    """Hours as text, "" without any."""
    return "" if value is None else i18n.number(g.locale, value, 1)


def step_name(found: Board, part: Figures) -> str:
    """How a step of a table over time is called: ``11/2026``, or ``2026``."""
    return f"{part.period.first:%Y}" if found.by_year else f"{part.period.first:%m/%Y}"


def _last(values: Sequence[float | None]) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)


def _finding(found: Board, values: Sequence[float | None], text: Callable[[float | None], str]) -> str:
    """What a series tells: its first and its newest value, each with its time."""
    named = zip((step_name(found, part) for part in found.parts), values, strict=True)
    known = [(step, value) for step, value in named if value is not None]
    if not known:
        return _("no figures")
    (since, first), (until, last) = known[0], known[-1]
    if len(known) == 1:
        return _("{value} in {when}", value=text(last), when=until)
    return _(
        "from {first} in {since} to {last} in {until}", first=text(first), since=since, last=text(last), until=until
    )


def before(found: Board) -> str:
    """How K1 stands to the month before; "" unless both are months with deliveries."""
    now, earlier = found.parts[-1], found.parts[-2]
    value, other = now.ratios["K1"].value, earlier.ratios["K1"].value
    if found.by_year or now.period != found.whole.period or value is None or other is None:
        return ""
    tenths = _tenths(value) - _tenths(other)
    share, points = percent(other), i18n.number(g.locale, abs(tenths) / 10, 1)
    if tenths > 0:
        return _("month before {share}, up {points} points", share=share, points=points)
    if tenths < 0:
        return _("month before {share}, down {points} points", share=share, points=points)
    return _("month before {share}, unchanged", share=share)


def _tenths(ratio: float) -> int:
    """Tenths of a percent, rounded as they are shown, so that the difference is that of what is read."""
    return int(ratio * 1000 + 0.5)

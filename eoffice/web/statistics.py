"""Figures that follow from events: ratios and times per agency and month, and the documents behind each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, g, render_template, request
from werkzeug.wrappers import Response

from eoffice.core.desk import Desk
from eoffice.core.errors import InvalidInput
from eoffice.rules import measures
from eoffice.rules.access import Permission
from eoffice.services import figures
from eoffice.services.figures import Board, month_of
from eoffice.services.statistics import Period
from eoffice.web import here, sheets, tables, trends, wanted, words
from eoffice.web.guard import needs
from eoffice.web.language import say as _
from eoffice.web.wanted import Asked

room = Blueprint("statistics", __name__, url_prefix="/statistics")

@room.get("")
@needs(Permission.STATISTICS_READ)
def board() -> Any:
    """The figures of a period: now, per agency and over time, with what they mean."""
    with here.reading() as desk:
        asked, problem = wanted.whose(desk), None
        try:
            asked = replace(asked, period=wanted.period())
        except InvalidInput as error:
            problem = error
        found = None if problem else _board(desk, asked)
    page = render_template(
        "statistics/board.html",
        want=asked,
        found=found,
        problem=problem.sentence(g.locale) if problem else "",
        wrong=problem.facts.get("field", "") if problem else "",
        presets=_presets(asked),
        definitions=measures.DEFINITIONS,
        **(_told(asked, found) if found else {}),
    )
    return page, problem.status if problem else 200


@room.get("/documents")
@needs(Permission.STATISTICS_READ)
def documents() -> str:
    """The documents behind a figure, as many as the figure says."""
    after = request.args.get("after") or None
    with here.reading() as desk:
        asked = wanted.asked_list(desk)
        number = figures.number(desk, asked.wanted)
        page = figures.behind(desk, asked.wanted, after=after)
    return render_template(
        "statistics/documents.html",
        want=asked,
        number=number,
        page=page,
        after=after,
        heading=words.FIGURES[asked.measure],
        names={agency.id: agency.short_name for agency in asked.agencies},
        bucket_name=tables.bucket_name,
        more=asked.again("documents", after=page.after) if page.after else "",
    )


@room.get("/documents.csv")
@needs(Permission.STATISTICS_READ)
def documents_csv() -> Response:
    """The same documents as a file."""
    with here.reading() as desk:
        asked = wanted.asked_list(desk)
    here.visits().note(here.actor(), "statistics.exported", object_id=None, detail=asked.again("documents")[:200])
    return sheets.answer(tables.file_name(asked, asked.measure), tables.list_rows(asked))


@room.get("/agencies.csv")
@needs(Permission.STATISTICS_READ)
def agencies_csv() -> Response:
    """The table per agency as a file."""
    with here.reading() as desk:
        asked = wanted.asked(desk)
        found = _board(desk, asked)
    return sheets.answer(tables.file_name(asked, "agencies"), tables.agency_rows(asked, found))


@room.get("/months.csv")
@needs(Permission.STATISTICS_READ)
def months_csv() -> Response:
    """The table over time as a file."""
    with here.reading() as desk:
        asked = wanted.asked(desk)
        found = _board(desk, asked)
    return sheets.answer(tables.file_name(asked, "months"), tables.month_rows(found))


def _board(desk: Desk, asked: Asked) -> Board:
    return figures.board(
        desk,
        asked.period,
        agencies=[agency.id for agency in asked.agencies],
        agency=asked.agency.id if asked.agency else None,
    )


@dataclass(frozen=True)
class Preset:
    """A period to choose with one click."""

    text: str
    url: str
    current: bool


def _presets(asked: Asked) -> list[Preset]:
    this = month_of(wanted.today())
    quarter = this.first.replace(month=(this.first.month - 1) // 3 * 3 + 1)
    periods = (
        (_("This month"), this),
        (_("Last month"), month_of(this.first - timedelta(days=1))),
        (_("This quarter"), Period(quarter, month_of(quarter + timedelta(days=75)).last)),
        (_("This year"), Period(date(this.first.year, 1, 1), date(this.first.year, 12, 31))),
    )
    return [Preset(text, asked.board(period), period == asked.period) for text, period in periods]


def _told(asked: Asked, found: Board) -> dict[str, Any]:
    """What the page says of the figures beside themselves."""
    return {
        "drawn": trends.draw(found),
        "before": trends.before(found),
        "reduction": measures.reduction(found.whole.times.mean, found.before.minutes if found.before else None),
        "rows": tables.over_time(asked, found),
        "step_name": trends.step_name,
        "boxes": trends.boxes,
    }



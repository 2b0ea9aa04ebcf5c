"""Which figures somebody wants, read from the address and written into addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask import request, url_for

from eoffice.core import i18n
from eoffice.core.clock import local_date
from eoffice.core.desk import Desk
from eoffice.core.errors import InvalidInput, NotFound
from eoffice.core.i18n import N_
from eoffice.rules import measures
from eoffice.services import figures
from eoffice.services.figures import OPEN_LATE, Named, Wanted, month_of
from eoffice.services.statistics import Period
from eoffice.web import here

FIRST_YEAR, LAST_YEAR = 2000, 2099

MOST_YEARS = 10
"""Longest period: its figures are laid out by year."""


@dataclass(frozen=True)
class Asked:
    """What somebody wants to see, as the address says it.

    Args:
        agencies: all whose figures he may read; agency: the one he wants, None for all of them.
        measure, buckets: of a list.
    """

    period: Period
    agencies: Sequence[Named]
    agency: Named | None = None
    measure: str = ""
    buckets: tuple[str, ...] = ()

    def board(self, period: Period | None = None, *, agency: Named | None = None, view: str = "board") -> str:
        """The address of the figures, of another period or agency if wanted."""
        return url_for(f"statistics.{view}", **self._values(period, agency))

    def list(self, measure: str, *buckets: str, period: Period | None = None, agency: Named | None = None) -> str:
        """The address of the documents behind a figure."""
        values = self._values(period, agency)
        return url_for("statistics.documents", measure=measure, bucket=list(buckets) or None, **values)

    def again(self, view: str, **more: str) -> str:
        """The address of this list elsewhere or further on."""
        values = {**self._values(None, None), **more}
        return url_for(f"statistics.{view}", measure=self.measure, bucket=list(self.buckets) or None, **values)

    def _values(self, period: Period | None, agency: Named | None) -> dict[str, Any]:
        wanted, chosen = period or self.period, agency or self.agency
        days = {"from": i18n.date_text(wanted.first), "to": i18n.date_text(wanted.last)}
        return {**days, "agency": chosen.slug if chosen else None}

    @property
    def wanted(self) -> Wanted:
        """The same as the services understand it."""
        return Wanted(self.measure, self.period, self.buckets, self.agency.id if self.agency else None)

    @property
    def several(self) -> bool:
        """Figures of more than one agency stand together."""
        return self.agency is None and len(self.agencies) > 1


# what is asked


def today() -> date:
    """The day it is in Vietnam."""
    return local_date(here.now())


def asked(desk: Desk) -> Asked:
    """Read agency and period from the address.

    Raises:
        InvalidInput: no dates, the wrong way round, or too far apart.
        NotFound: an agency this person may not know figures of.
    """
    return replace(whose(desk), period=period())


def whose(desk: Desk) -> Asked:
    """The current month of the agency that is asked for, or of all whose figures this person may read."""
    readable = figures.readable(desk)
    slug = request.args.get("agency", "")
    chosen = next((agency for agency in readable if agency.slug == slug), None)
    if slug and chosen is None:
        raise NotFound(table="agency", id=slug)
    return Asked(month_of(today()), readable, chosen if len(readable) > 1 else None)


def period() -> Period:
    """The period that is asked for, this month when none is; one date alone reaches to its month's other end, or now.

    Raises:
        InvalidInput: no dates, the wrong way round, or too far apart.
    """
    this = month_of(today())
    given = [here.day(name, request.args) for name in ("from", "to")]
    if any(day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR for day in given):
        raise _too_long()
    first = given[0] or month_of(given[1] or this.first).first
    last = given[1] or max(this.last, month_of(first).last)
    if last < first:
        raise InvalidInput("period_reversed", N_("The period ends before it begins. Please exchange the two dates."))
    if last.year - first.year >= MOST_YEARS:
        raise _too_long()
    return Period(first, last)


def _too_long() -> InvalidInput:
    return InvalidInput(
        "period_too_long",
        N_("A period reaches over at most {years} calendar years, between {first} and {last}. Please shorten it."),
        years=MOST_YEARS,
        first=FIRST_YEAR,
        last=LAST_YEAR,
    )


def asked_list(desk: Desk) -> Asked:
    """Read which figure is meant.

    Raises:
        NotFound: a measure or bucket that is none.
    """
    measure, buckets = request.args.get("measure", ""), tuple(dict.fromkeys(request.args.getlist("bucket")))
    known = () if measure == OPEN_LATE else measures.BUCKETS.get(measure)
    if known is None or not set(buckets) <= set(known):
        raise NotFound(table="measure", id=measure)
    return replace(asked(desk), measure=measure, buckets=buckets)

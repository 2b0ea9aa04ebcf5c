"""Deadlines as pages show them: how long there is left in working days, and how loudly to say it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import g

from eoffice.core import i18n
from eoffice.core.calendar import WorkingCalendar
from eoffice.core.clock import local_date
from eoffice.rules.lifecycle import OPEN_INCOMING
from eoffice.web.language import say as _


@dataclass(frozen=True)
class Due:
    """A deadline as a list shows it; ``tone`` is ``bad`` when missed, ``warn`` when it ends today or tomorrow."""

    text: str
    title: str
    tone: str = ""


def due_of(row: Any, calendar: WorkingCalendar, now: datetime) -> Due | None:
    """The deadline of a document that is still open, None when it has none or is finished."""
    if row.due_at is None or row.state not in OPEN_INCOMING:
        return None
    today, last = local_date(now), local_date(row.due_at)
    title = _("Due {time}", time=i18n.datetime_text(row.due_at))
    if row.due_at < now:
        days = calendar.working_days_between(last, today)
        minutes = 0 if days else calendar.working_minutes_between(row.due_at, now)
        return Due(i18n.deadline(g.locale, late=True, days=days, minutes=minutes, short=True), title, "bad")
    days = calendar.working_days_between(today, last)
    if last == today:
        return Due(i18n.time_text(row.due_at), title, "warn")
    return Due(i18n.deadline(g.locale, late=False, days=days, short=True), title, "warn" if days <= 1 else "")

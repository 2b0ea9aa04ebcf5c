"""What the pages about certificates share: their room, the rights they ask for, and words for their templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint

from eoffice.core.i18n import N_
from eoffice.rules.access import Permission
from eoffice.services import certificates
from eoffice.web import here

room = Blueprint("certificates", __name__)

READ, CHANGE, ISSUE = Permission.CERTIFICATE_READ, Permission.CERTIFICATE_CHANGE, Permission.CERTIFICATE_ISSUE
FILE_MISSING = N_("Please choose a file. Nothing was stored.")


@room.app_template_global("days_left")
def days_left(row: Any) -> int:
    """Whole days until a certificate ends."""
    return certificates.days_left(row, here.now())


@room.app_template_global("standing_of")
def standing_of(row: Any) -> str:
    """What a certificate is worth now."""
    return certificates.standing(row, here.now())


@room.app_template_global("now")
def now() -> datetime:
    """The office's time."""
    return here.now()


@dataclass(frozen=True)
class Tab:
    """One tab above a list, with the number of rows behind it as text."""

    text: str
    url: str
    number: str
    current: bool
    late: bool

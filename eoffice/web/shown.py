"""The record of what a leader was shown, carried by his own pages, signed by the server that fills it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import current_app
from itsdangerous import BadData, URLSafeSerializer

from eoffice.core.desk import Actor
from eoffice.services.signing_list import Look, Shown
from eoffice.web import here


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt="shown")


def write(shown: Shown) -> str:
    """The record as pages carry it."""
    looks = [[look.page, _stamp(look.at), look.seconds] for look in shown.looks]
    since = _stamp(shown.since) if shown.since else 0
    whose = [shown.document.hex, shown.sha256, shown.post.hex, shown.session]
    return str(_serializer().dumps([*whose, looks, shown.page, since]))


def read(text: str) -> Shown | None:
    """The record a form brought back, None when it is none of ours."""
    try:
        document, sha256, post, session, looks, page, since = _serializer().loads(text)
    except (BadData, ValueError):
        return None
    seen = tuple(Look(number, _time(at), seconds) for number, at, seconds in looks)
    return Shown(UUID(document), sha256, UUID(post), session, seen, page, _time(since) if since else None)


def go_on(text: str, document: UUID, sha256: str) -> Shown:
    """The record a page brought, when it is about this version, this person and this sign-in; else an empty one."""
    empty = begin(here.actor(), document, sha256)
    found = read(text)
    same = found is not None and (found.document, found.sha256, found.post, found.session) == _whose(empty)
    return found if found is not None and same else empty


def begin(actor: Actor, document: UUID, sha256: str) -> Shown:
    """A record in which nothing was shown yet."""
    return Shown(document, sha256, actor.post or UUID(int=0), actor.session)


def _whose(shown: Shown) -> tuple[Any, ...]:
    return shown.document, shown.sha256, shown.post, shown.session


def _stamp(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _time(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC)

"""Who may use which route: every view says so, one place enforces it before anything of the request is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, current_app, request, url_for
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from eoffice.core.errors import NotAllowed, TooLarge
from eoffice.rules.access import Permission, permits
from eoffice.web import here, kept, session
from eoffice.web.limits import Limiter

SMALL = 1024 * 1024
"""Most bytes of a request that brings no file."""

ENVELOPE = 64 * 1024
"""What a form around a file may weigh beside it."""

View = TypeVar("View", bound=Callable[..., Any])


class Unguarded(AssertionError):
    """A route does not say who may use it."""


@dataclass(frozen=True)
class Guard:
    """Who may use a route.

    Args:
        permission: what the roles must carry; None when any signed-in person may.
        reason: why anybody may use it; "" when one must be signed in.
        upload: it takes a file up to the installation's limit.
        limit: most bytes of a form that brings none.
        limiter: how often one address may use it.
    """

    permission: Permission | None = None
    reason: str = ""
    upload: bool = False
    limiter: Limiter | None = None
    limit: int = SMALL

    def __str__(self) -> str:
        if self.reason:
            return f"public: {self.reason}"
        return f"needs {self.permission}" if self.permission else "signed in"


def needs(permission: Permission, *, limit: int = SMALL, upload: bool = False) -> Callable[[View], View]:
    """Say that a route is for people whose roles carry a permission; ``limit`` is what its form may weigh."""
    return _set(Guard(permission, limit=limit, upload=upload))


def signed_in(view: View) -> View:
    """Say that a route is for everybody who is signed in; what they see is the business of ``scope``."""
    return _set(Guard())(view)


def public(reason: str, *, upload: bool = False, limiter: Limiter | None = None) -> Callable[[View], View]:
    """Say that a route is for anybody, and why."""
    return _set(Guard(None, reason, upload, limiter))


def _set(guard: Guard) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.guard = guard  # type: ignore[attr-defined]
        return view

    return mark


def of(app: Flask, endpoint: str) -> Guard:
    """The guard of an endpoint.

    Raises:
        Unguarded: it has none.
    """
    guard = getattr(app.view_functions[endpoint], "guard", None)
    if guard is None:
        raise Unguarded(f"{endpoint} does not say who may use it")
    return guard


def check(app: Flask) -> None:
    """Refuse an application with a route that does not say who may use it."""
    for rule in app.url_map.iter_rules():
        of(app, rule.endpoint)


def register(app: Flask) -> None:
    """Enforce size, frequency and rights in this order, before the body is read, then the token of the form."""
    app.before_request(_enforce)
    CSRFProtect(app)


def _enforce() -> Response | tuple[Any, ...] | None:
    if request.endpoint is None:
        return None
    guard = of(current_app, request.endpoint)
    _check_size(guard)
    if guard.limiter is not None and request.method == "POST":
        wait = guard.limiter.take(request.remote_addr or "", here.now())
        if wait:
            raise TooManyRequests(retry_after=wait)
    if guard.reason:
        return None
    current = session.load()
    if current is None:
        return _ask_to_sign_in(guard)
    if guard.permission is not None and not permits(current.actor.roles, guard.permission):
        raise NotAllowed(permission=str(guard.permission))
    return None


def _check_size(guard: Guard) -> None:
    most = here.office().settings.upload_limit if guard.upload else guard.limit
    request.max_content_length = most + ENVELOPE
    if not guard.upload:
        request.max_form_memory_size = most + ENVELOPE
    if (request.content_length or 0) > most + ENVELOPE:
        raise TooLarge(limit_mb=most // (1024 * 1024))


def _ask_to_sign_in(guard: Guard) -> Response | tuple[Any, ...]:
    if request.method == "POST" and not guard.upload:  # files are not read for somebody who is not signed in
        return kept.ask()
    if "HX-Request" in request.headers:  # a part of a page: the whole of it has to go
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        target = url_for("account.sign_in", next=here.path(page.path) or None)
        return Response(status=401, headers={"HX-Redirect": target}, mimetype="text/html")
    wanted = request.full_path.rstrip("?") if request.query_string else request.path
    return here.go(url_for("account.sign_in", next=wanted if wanted != "/" else None))

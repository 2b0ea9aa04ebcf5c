"""Style sheet, script, icons and fonts: served for ever under an address that changes with their content."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from wsgiref.headers import Headers

from flask import Flask
from whitenoise import WhiteNoise

from eoffice.web.headers import HEADERS

FOLDER = Path(__file__).resolve().parent / "static"


@cache
def digest() -> str:
    """Digest of all static files: one changes, all have a new address, and what they name beside them too."""
    found = hashlib.sha256()
    for path in sorted(path for path in FOLDER.rglob("*") if path.is_file()):
        found.update(path.relative_to(FOLDER).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def address(name: str) -> str:
    """The address of a static file, such as ``icons.svg``."""
    return f"/static/{digest()}/{name}"


def _set_headers(headers: Headers, _path: str, _url: str) -> None:
    for name, value in HEADERS.items():
        headers[name] = value


def register(app: Flask) -> None:
    """Serve the files before Flask sees the request."""
    server = WhiteNoise(
        app.wsgi_app,
        allow_all_origins=False,
        immutable_file_test=lambda _path, _url: True,
        add_headers_function=_set_headers,
    )
    server.add_files(str(FOLDER), prefix=f"static/{digest()}/")
    app.wsgi_app = server  # type: ignore[method-assign]
    app.jinja_env.globals["static"] = address

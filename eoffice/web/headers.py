"""Headers of every answer: nothing from elsewhere, nothing inline, nothing kept by others."""

from __future__ import annotations

from flask import Flask, g, request
from werkzeug.wrappers import Response

POLICY = "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'; object-src 'none'"

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


IN_FULL = {
    "HX-Retarget": "#main",
    "HX-Reselect": "#main",
    "HX-Reswap": "outerHTML",
    "HX-Push-Url": "false",
}


def register(app: Flask) -> None:
    """Set them on every answer."""
    app.after_request(_set)


def _set(response: Response) -> Response:
    if "reach" in g:  # the page talks to the program of a token at the signer's own computer
        response.headers["Content-Security-Policy"] = f"{POLICY}; connect-src 'self' {g.reach}"
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    if response.status_code >= 400 and "HX-Request" in request.headers and "HX-Retarget" not in response.headers:
        # what went wrong is told on the whole page, wherever the script had wanted to put the answer;
        # a look that nobody asked for by a press changes nothing
        looked = request.method == "GET" and request.headers.get("HX-Target") != "main"
        response.headers.update({"HX-Reswap": "none"} if looked else IN_FULL)
    return response

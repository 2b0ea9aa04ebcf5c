"""Signs and verifies PDFs; knows no office, no database, no web."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PLACES = {
    "Verification": "results",
    "SignatureReport": "results",
    "Verdict": "results",
    "Integrity": "results",
    "Modification": "results",
    "TrustLevel": "results",
    "TimeSource": "results",
    "Limits": "results",
    "Change": "results",
    "Reason": "results",
    "Intake": "results",
    "SigningError": "errors",
    "Trust": "trust",
    "verify": "verify",
    "signed_version": "verify",
    "inspect": "inspect",
    "sign": "sign",
    "fill_and_seal": "seal",
}

__all__ = sorted(_PLACES)  # noqa: PLE0605  the face of the library, loaded when it is used


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{place}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})

"""Signs and verifies PDFs; knows no office, no database, no web."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signing.errors import SigningError as SigningError
    from signing.results import Limits as Limits
    from signing.results import Verdict as Verdict
    from signing.results import Verification as Verification
    from signing.trust import Trust as Trust

_PLACES = {
    "Change": "results",
    "Integrity": "results",
    "Intake": "results",
    "Limits": "results",
    "Modification": "results",
    "Pending": "pending",
    "Reason": "results",
    "SignatureReport": "results",
    "Signer": "keys",
    "SigningError": "errors",
    "TimeSource": "results",
    "Trust": "trust",
    "TrustLevel": "results",
    "Verdict": "results",
    "Verification": "results",
    "complete": "pending",
    "fill_and_seal": "seal",
    "hand_out": "roundtrip",
    "inspect": "inspect",
    "prepare": "pending",
    "sign": "sign",
    "sign_file": "many",
    "sign_many": "many",
    "signed_version": "verify",
    "take_back": "roundtrip",
    "verify": "verify",
}


class _Face(ModuleType):
    """The package as its users see it: every name is loaded when it is used.

    Some functions share the name of the module they live in, and importing such a module would put the module in the
    function's place; so a name of the face always leads to what it stands for.
    """

    def __getattribute__(self, name: str) -> Any:
        place = _PLACES.get(name)
        if place is None:
            return super().__getattribute__(name)
        return getattr(import_module(f"{__name__}.{place}"), name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_PLACES})


sys.modules[__name__].__class__ = _Face

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
    "Extended": "extend",
    "Integrity": "results",
    "Intake": "results",
    "Limits": "results",
    "Modification": "results",
    "Online": "revocation",
    "Pending": "pending",
    "Reason": "results",
    "SignatureReport": "results",
    "Signer": "keys",
    "SigningError": "errors",
    "Store": "stored",
    "Stored": "revocation",
    "TimeSource": "results",
    "Trust": "trust",
    "TrustLevel": "results",
    "Verdict": "results",
    "Verification": "results",
    "as_dict": "report",
    "as_etsi": "etsi",
    "as_sheet": "sheet",
    "complete": "pending",
    "extend": "extend",
    "fill_and_seal": "seal",
    "hand_out": "roundtrip",
    "inspect": "inspect",
    "place_field": "fields",
    "prepare": "pending",
    "sign": "sign",
    "sign_annex": "annex",
    "sign_copy": "annex",
    "sign_file": "many",
    "sign_many": "many",
    "signed_version": "verify",
    "take_back": "roundtrip",
    "verify": "verify",
    "verify_many": "batch",
    "verify_stored": "stored",
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

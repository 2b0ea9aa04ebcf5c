"""The verdict as a pure function of the three axes: the worst axis decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from signing.results import Integrity, Modification, TrustLevel, Verdict

_INTEGRITY = {
    Integrity.OK: Verdict.PASSED,
    Integrity.UNSUPPORTED: Verdict.WARNED,
    Integrity.BROKEN: Verdict.FAILED,
    Integrity.NONE: Verdict.FAILED,
}
_MODIFICATION = {
    Modification.NONE: Verdict.PASSED,
    Modification.PERMITTED: Verdict.PASSED,
    Modification.LISTED: Verdict.WARNED,
    Modification.FORBIDDEN: Verdict.FAILED,
}
_TRUST = {
    TrustLevel.TRUSTED: Verdict.PASSED,
    TrustLevel.UNKNOWN: Verdict.WARNED,
    TrustLevel.UNTRUSTED: Verdict.FAILED,
}
_ORDER = tuple(Verdict)
_TOTAL_FAILED = frozenset({"FORMAT_FAILURE", "HASH_FAILURE", "SIG_CRYPTO_FAILURE", "REVOKED", "NOT_YET_VALID"})


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of some verdicts in the order of ``Verdict``; PASSED of none."""
    return max(verdicts, key=_ORDER.index, default=Verdict.PASSED)


def of_signature(integrity: Integrity, modification: Modification, trust: TrustLevel) -> Verdict:
    """The verdict on one signature: its worst axis."""
    return worst((_INTEGRITY[integrity], _MODIFICATION[modification], _TRUST[trust]))


def of_file(signatures: Iterable[Verdict], *, irregular: bool) -> Verdict:
    """The verdict on a file.

    Args:
        signatures: verdicts on everything that was found signed.
        irregular: the file could only be read leniently, or holds bytes that belong to nothing.
    """
    found = tuple(signatures)
    if not found:
        return Verdict.UNSIGNED
    return worst((*found, Verdict.WARNED if irregular else Verdict.PASSED))


def indication(verdict: Verdict, subs: Sequence[str] = ()) -> tuple[str, str]:
    """Main and sub-indication that go with a verdict on a signature (ETSI EN 319 102-1, tables 5 and 6).

    Args:
        subs: what was found against the signature, in that order; a definite failure outweighs a mere doubt.
    """
    if verdict is Verdict.PASSED:
        return "TOTAL-PASSED", ""
    definite = [sub for sub in subs if sub in _TOTAL_FAILED]
    if verdict is Verdict.FAILED and (definite or not subs):
        return "TOTAL-FAILED", definite[0] if definite else ""
    doubts = [sub for sub in subs if sub not in _TOTAL_FAILED]
    return "INDETERMINATE", doubts[0] if doubts else ""


def exit_code(verdict: Verdict) -> int:
    """Exit code of the command: 0 PASSED, 1 UNSIGNED, 2 WARNED, 3 UNREADABLE, 4 FAILED."""
    return _ORDER.index(verdict)

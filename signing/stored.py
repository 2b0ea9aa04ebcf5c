"""Keeps verdicts, so that a file that was judged is not judged again at every look."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509

from signing.report import as_dict, from_dict
from signing.results import Limits, Verdict, Verification
from signing.trust import Trust
from signing.verify import ENGINE, policy, verify

__all__ = ["Store", "verify_stored"]

_MAX_AGE = timedelta(hours=1)


class Store:
    """Verdicts in a folder, one file each.

    Args:
        folder: made when it is not there.
        max_age: how long a verdict may be shown again; it never outlives a certificate or a revocation list.
    """

    def __init__(self, folder: Path, *, max_age: timedelta = _MAX_AGE) -> None:
        self._folder, self._max_age = folder, max_age

    def get(self, sha256: str, trust: Trust, at: datetime) -> Verification | None:
        """The verdict on a file under exactly this trust, engine and rules, if it still holds at a moment.

        Args:
            sha256: lower-case hex of the file.
        """
        try:
            found = from_dict(json.loads(self._path(sha256, trust).read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        told = (found.sha256, found.policy, found.engine) == (sha256, policy(trust), ENGINE)
        if not told or not found.checked_at <= at < found.checked_at + self._max_age:
            return None
        ends = [item.valid_to for item in found.signatures if item.valid_to is not None]
        if any(found.checked_at <= end < at for end in (*ends, *_ends(trust))):
            return None
        return found

    def put(self, found: Verification, trust: Trust) -> None:
        """Keep a verdict; an UNREADABLE one is not kept, since it may be the moment's fault."""
        if found.verdict is Verdict.UNREADABLE:
            return
        path = self._path(found.sha256, trust)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps(as_dict(found)).encode("ascii"))
        os.replace(name, path)

    def _path(self, sha256: str, trust: Trust) -> Path:
        key = hashlib.sha256(f"{sha256} {policy(trust)} {ENGINE}".encode()).hexdigest()
        return self._folder / key[:2] / f"{key}.json"


def verify_stored(
    pdf: bytes | Path, trust: Trust, store: Store, *, at: datetime | None = None, limits: Limits = Limits()
) -> Verification:
    """As ``verify``, but a verdict that still holds is taken from the store: only the file is hashed.

    ``checked_at`` of the answer tells when it was judged.
    """
    moment = at if at is not None else datetime.now(UTC)
    try:
        size = len(pdf) if isinstance(pdf, bytes) else pdf.stat().st_size
        sha256 = _hash(pdf) if size <= limits.bytes else ""
    except OSError:
        sha256 = ""
    known = store.get(sha256, trust, moment) if sha256 else None
    if known is not None:
        return known
    found = verify(pdf, trust, at=moment, limits=limits)
    store.put(found, trust)
    return found


def _hash(pdf: bytes | Path) -> str:
    if isinstance(pdf, bytes):
        return hashlib.sha256(pdf).hexdigest()
    with pdf.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=16)
def _ends(trust: Trust) -> tuple[datetime, ...]:
    """Moments at which something we believe in runs out."""
    found: list[datetime] = []
    for der in (*trust.anchors, *trust.intermediates, *trust.tsa_anchors):
        try:
            found.append(x509.load_der_x509_certificate(der).not_valid_after_utc)
        except ValueError:
            continue
    for der in trust.crls:
        try:
            end = x509.load_der_x509_crl(der).next_update_utc
        except ValueError:
            continue
        if end is not None:
            found.append(end)
    return tuple(sorted(found))

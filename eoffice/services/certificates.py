"""Certificates in the office: which there are, when they end, and what the administrator does with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, func, or_, tuple_

from eoffice.core.desk import Desk, scope
from eoffice.core.errors import NotFound
from eoffice.core.text import fold
from eoffice.models.certificates import CertificateRequest, KeyHandover
from eoffice.models.directory import Certificate
from eoffice.services import ledger

PURPOSES = ("leader", "seal", "exchange")
WARNINGS = (60, 30, 7)
"""Days before the end at which a certificate is told of."""

STANDINGS = ("active", "ending", "expired", "revoked", "replaced")
PAGE = 50

C = Certificate


# which there are


@dataclass(frozen=True)
class Wanted:
    """Which certificates somebody wants to see.

    Args:
        standing: one of ``STANDINGS``.
        within: days in which ``ending`` ones end.
        agency: None for all this person may see.
        purpose: "" for all.
        words: of the holder's name, the organisation or the serial number; all must occur.
    """

    standing: str = "active"
    within: int = WARNINGS[0]
    agency: UUID | None = None
    purpose: str = ""
    words: str = ""


def _standing(name: str, now: datetime, within: int) -> Any:
    """The condition of a standing; ``ending`` ones are in use too."""
    in_use = and_(C.status == "active", C.valid_to > now)
    return {
        "active": in_use,
        "ending": and_(in_use, C.valid_to <= now + timedelta(days=within)),
        "expired": and_(C.status == "active", C.valid_to <= now),
        "revoked": C.status == "revoked",
        "replaced": C.status == "replaced",
    }[name]


def _matching(desk: Desk, wanted: Wanted) -> Any:
    """Certificates within what this person may see that fit everything but the standing."""
    statement = scope(desk, C)
    if wanted.agency is not None:
        statement = statement.where(C.agency_id == wanted.agency)
    if wanted.purpose:
        statement = statement.where(C.purpose == wanted.purpose)
    for word in fold(wanted.words).split()[:10]:
        like = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        statement = statement.where(C.folded.like(f"%{like}%", escape="\\"))
    return statement


@dataclass(frozen=True)
class Line:
    """A certificate as the board lists it."""

    id: UUID
    agency_id: UUID
    purpose: str
    name: str
    issuer: str
    serial: str
    valid_from: datetime
    valid_to: datetime
    status: str
    ended_at: datetime | None
    reason: str
    storage: str
    origin: str
    test: bool
    holder: UUID | None

    def standing(self, now: datetime) -> str:
        """``active``, ``revoked``, ``replaced``, ``expired`` or ``to_come``."""
        return standing(self, now)

    def days(self, now: datetime) -> int:
        """Whole days until its end, 0 on the last day and after it."""
        return days_left(self, now)


_LINE = (
    C.id, C.agency_id, C.purpose, C.name, C.issuer, C.serial, C.valid_from, C.valid_to, C.status, C.ended_at, C.reason,
    C.storage, C.origin, C.test, func.coalesce(C.post_id, C.custodian_post_id),
)  # fmt: skip


def standing(row: Any, now: datetime) -> str:
    """What a certificate is worth now: ``active``, ``revoked``, ``replaced``, ``expired`` or ``to_come``."""
    if row.status != "active":
        return str(row.status)
    return "to_come" if now < row.valid_from else "expired" if now >= row.valid_to else "active"


def days_left(row: Any, now: datetime) -> int:
    """Whole days until a certificate ends, 0 on the last day and after it."""
    return max(0, (row.valid_to - now).days)


@dataclass(frozen=True)
class Found:
    """A page of certificates, and the mark the next one begins after, "" at the end."""

    rows: Sequence[Line]
    after: str


def find(desk: Desk, wanted: Wanted, *, after: str = "", limit: int = PAGE) -> Found:
    """Certificates, those that end first on top; every page costs the same.

    Args:
        after: as the page before says; what is none begins at the top.
    """
    statement = _matching(desk, wanted).where(_standing(wanted.standing, desk.now(), wanted.within))
    mark = _read_mark(after)
    if mark is not None:
        statement = statement.where(tuple_(C.valid_to, C.id) > tuple_(*mark))
    ordered = statement.order_by(C.valid_to, C.id).limit(limit + 1).with_only_columns(*_LINE)
    rows = [Line(*row) for row in desk.session.execute(ordered)]
    last = rows[limit - 1] if len(rows) > limit else None
    return Found(rows[:limit], f"{last.valid_to.isoformat()}_{last.id}" if last else "")


def _read_mark(text: str) -> tuple[datetime, UUID] | None:
    at, _, key = text.partition("_")
    try:
        found = datetime.fromisoformat(at), UUID(key)
    except ValueError:
        return None
    return found if found[0].tzinfo else None


@dataclass(frozen=True)
class Counts:
    """How many certificates of one agency and purpose stand how; ``within`` is in the order of ``WARNINGS``."""

    agency: UUID
    purpose: str
    active: int
    expired: int
    revoked: int
    replaced: int
    within: Sequence[int]

    def of(self, name: str, within: int = WARNINGS[0]) -> int:
        """The number behind a standing."""
        found: int = self.within[WARNINGS.index(within)] if name == "ending" else getattr(self, name)
        return found


def count(desk: Desk, wanted: Wanted) -> list[Counts]:
    """How many there are by agency and purpose and standing, by one statement; the wanted standing plays no part."""
    now = desk.now()
    conditions = [_standing(name, now, 0) for name in ("active", "expired", "revoked", "replaced")]
    conditions += [_standing("ending", now, days) for days in WARNINGS]
    sums = [func.sum(case((condition, 1), else_=0)) for condition in conditions]
    statement = _matching(desk, wanted).with_only_columns(C.agency_id, C.purpose, *sums)
    rows = desk.session.execute(statement.group_by(C.agency_id, C.purpose).order_by(C.agency_id, C.purpose))
    return [Counts(*row[:6], row[6:]) for row in rows]


def ending(desk: Desk) -> Any:
    """Select the certificates this person may see that end soon, for whoever counts them."""
    return scope(desk, C).where(_standing("ending", desk.now(), WARNINGS[0])).with_only_columns(C.id)


def one(desk: Desk, certificate_id: UUID) -> Certificate:
    """A certificate this person may see.

    Raises:
        NotFound: there is none.
    """
    row = desk.session.scalars(scope(desk, C).where(C.id == certificate_id)).one_or_none()
    if row is None:
        raise NotFound(table="certificate", id=str(certificate_id))
    return row


@dataclass(frozen=True)
class Status:
    """What the office's own evidence says of a certificate now.

    Args:
        trusted: it leads to an anchor the office believes in.
        revocation: ``good``, ``revoked`` or ``unknown``.
        source: kind of evidence and its date, "" when there is none.
        code: why it is not trusted, as the verifier says it; "" when it is.
    """

    trusted: bool
    revocation: str
    source: str
    code: str


def status(desk: Desk, row: Certificate) -> Status:
    """Ask the installation's anchors and revocation lists about a certificate; nothing is fetched."""
    from cryptography import x509

    from signing.chain import Evidence
    from signing.results import TrustLevel

    evidence = Evidence(desk.tools.trust(), [bytes.fromhex(other) for other in row.chain])
    found = evidence.standing(
        x509.load_der_x509_certificate(row.der), desk.now(), purpose="signer", proven=False, claimed=None
    )
    return Status(found.trust == TrustLevel.TRUSTED, found.revocation, found.source, found.code)


def handovers(desk: Desk, row: Certificate) -> list[KeyHandover]:
    """The hand-overs of a key, the newest first."""
    statement = scope(desk, KeyHandover).where(
        KeyHandover.agency_id == row.agency_id, KeyHandover.certificate_id == row.id
    )
    return list(desk.session.scalars(statement.order_by(KeyHandover.at.desc(), KeyHandover.id.desc())))


def history(desk: Desk, row: Certificate) -> list[ledger.Deed]:
    """What was done to a certificate and, before it was issued, to the request for it; the newest first."""
    asked = desk.session.scalars(
        scope(desk, CertificateRequest)
        .where(CertificateRequest.agency_id == row.agency_id, CertificateRequest.certificate_id == row.id)
        .with_only_columns(CertificateRequest.id)
    ).all()
    return ledger.history_of(desk, row.agency_id, [row.id, *asked])


def held(desk: Desk, post: UUID) -> list[Line]:
    """The certificates in use that a post of the own agency holds or keeps, those that end first on top."""
    statement = scope(desk, C).where(
        C.agency_id == desk.agency, C.status == "active", or_(C.post_id == post, C.custodian_post_id == post)
    )
    rows: Any = desk.session.execute(statement.order_by(C.valid_to, C.id).with_only_columns(*_LINE))
    return [Line(*row) for row in rows]

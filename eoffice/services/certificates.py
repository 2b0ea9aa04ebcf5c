"""Certificates in the office: which there are, when they end, how they are revoked and their keys handed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, func, or_, select, tuple_

from eoffice.core.clock import VIETNAM, local_date
from eoffice.core.desk import Desk, scope
from eoffice.core.errors import Conflict, InvalidInput, NotFound
from eoffice.core.i18n import N_
from eoffice.core.text import fold
from eoffice.models.access import SignIn
from eoffice.models.certificates import CertificateRequest, KeyHandover
from eoffice.models.directory import Certificate, Post
from eoffice.rules.access import Permission, permits
from eoffice.services import directory, ledger, signing_list, test_authority
from eoffice.services.verbs import verb
from signing.errors import SigningError

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
    key_name: str
    holder: UUID | None

    def standing(self, now: datetime) -> str:
        """``active``, ``revoked``, ``replaced``, ``expired`` or ``to_come``."""
        return standing(self, now)

    def days(self, now: datetime) -> int:
        """Whole days until its end, 0 on the last day and after it."""
        return days_left(self, now)


_LINE = (
    C.id, C.agency_id, C.purpose, C.name, C.issuer, C.serial, C.valid_from, C.valid_to, C.status, C.ended_at, C.reason,
    C.storage, C.origin, C.test, C.key_name, func.coalesce(C.post_id, C.custodian_post_id),
)  # fmt: skip


def standing(row: Any, now: datetime) -> str:
    """What a certificate is worth now: ``active``, ``revoked``, ``replaced``, ``expired`` or ``to_come``."""
    if row.status != "active":
        return str(row.status)
    return "to_come" if now < row.valid_from else "expired" if now >= row.valid_to else "active"


def days_left(row: Any, now: datetime) -> int:
    """Whole days until a certificate ends, 0 on the last day and after it."""
    days: int = (row.valid_to - now).days
    return max(0, days)


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
    rows: Any = desk.session.execute(statement.group_by(C.agency_id, C.purpose).order_by(C.agency_id, C.purpose))
    return [Counts(row[0], row[1], row[2], row[3], row[4], row[5], row[6:]) for row in rows]


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
    return _in_use(desk, or_(C.post_id == post, C.custodian_post_id == post))


def in_use(desk: Desk) -> list[Line]:
    """The certificates of the own agency that were neither revoked nor replaced, those that end first on top."""
    return _in_use(desk)


def _in_use(desk: Desk, *conditions: Any) -> list[Line]:
    statement = scope(desk, C).where(C.agency_id == desk.agency, C.status == "active", *conditions)
    rows: Any = desk.session.execute(statement.order_by(C.valid_to, C.id).with_only_columns(*_LINE))
    return [Line(*row) for row in rows]


# how one begins


def enter(desk: Desk, made: Certificate) -> None:
    """Put a new certificate into use; those it takes the place of are replaced, unless it begins later."""
    desk.session.add(made)
    desk.session.flush()
    if made.valid_from > desk.now():
        return  # signing goes on with the one that is valid, and takes the newer one when its day has come
    same = scope(desk, C).where(
        C.agency_id == desk.agency,
        C.purpose == made.purpose,
        C.status == "active",
        C.id != made.id,
        C.post_id == made.post_id if made.purpose == "leader" else C.post_id.is_(None),
    )
    for old in desk.session.scalars(same.with_for_update(of=C)):
        old.status, old.ended_at, old.replaced_by_id = "replaced", desk.now(), made.id


# how one ends


REVOKED_VI = "Chứng thư số đã bị thu hồi nên chưa ký. Văn bản vẫn được giữ nguyên; vui lòng liên hệ quản trị."
REVOKED_EN = "The certificate was revoked, so this was not signed. Nothing was lost; please ask the administrator."


def _lock(desk: Desk, row: Certificate, **_facts: Any) -> int:
    """Close a key in every open sign-in of whoever holds it, before anything is written; answers how many it closed."""
    holder = row.post_id or row.custodian_post_id
    if holder is None or not row.key_name:
        return 0
    open_now = select(SignIn.id).where(SignIn.post_id == holder, SignIn.ended_at.is_(None))
    closed = 0
    for sign_in in desk.session.scalars(open_now):
        try:
            closed += int(desk.tools.agent().lock(str(sign_in), row.key_name))
        except SigningError:
            return closed  # an agent that is gone has locked every key
    return closed


@verb(Permission.CERTIFICATE_CHANGE, "certificate.revoked", on=Certificate, prepare=_lock)
def revoke(
    desk: Desk,
    row: Certificate,
    *,
    reason: str,
    prepared: int,
    since: date | None = None,
    reported_on: date | None = None,
) -> Certificate:
    """Revoke a certificate: nothing more is signed with it, its key is closed, and waiting documents are told so.

    One of the test authority is put on its revocation list; of a real one the issuer was asked, on ``reported_on``.

    Args:
        since: the local day from which it is no longer to be relied on; now when left out.

    Raises:
        InvalidInput: no reason, an impossible day, or a real one whose issuer was not told.
        Conflict: it is not in use any more.
    """
    require_active(row)
    now, today = desk.now(), local_date(desk.now())
    if not reason.strip():
        raise InvalidInput("reason_missing", REASON_MISSING, field="reason")
    if since is not None and not local_date(row.valid_from) <= since <= today:
        raise InvalidInput("since_impossible", SINCE_IMPOSSIBLE, field="since")
    if not row.test and reported_on is None:
        raise InvalidInput("not_reported", NOT_REPORTED, field="reported_on")
    if reported_on is not None and reported_on > today:
        raise InvalidInput("reported_impossible", REPORTED_IMPOSSIBLE, field="reported_on")
    begun = datetime.combine(since, time(), VIETNAM).astimezone(UTC) if since not in (None, today) and since else now
    row.status, row.reason, row.reported_on = "revoked", reason.strip(), reported_on
    row.ended_at = max(begun, row.valid_from)
    told = _tell_queue(desk, row)
    if row.test and test_authority.knows(desk, row.key_name):
        desk.later("certificates.publish", f"publish:{row.id}", {"certificate": str(row.id)})
    desk.note(
        subject=row.subject, purpose=row.purpose, certificate=row.sha256, reason=row.reason,
        since=row.ended_at, reported_on=reported_on, keys_locked=prepared, documents=told,
    )  # fmt: skip
    return row


REASON_MISSING = N_("Please give a reason. Nothing was changed.")
SINCE_IMPOSSIBLE = N_("This day is before the certificate began or still to come. Nothing was changed.")
NOT_REPORTED = N_(
    "A real certificate is revoked by its issuer. Please ask the issuer first and give the day. Nothing was changed."
)
REPORTED_IMPOSSIBLE = N_("The day on which the issuer was told is still to come. Nothing was changed.")


def require_active(row: Certificate) -> None:
    """Refuse what is done to a certificate in use.

    Raises:
        Conflict: it is not in use any more.
    """
    if row.status != "active":
        raise Conflict(
            "certificate_ended",
            N_("This certificate is not in use any more. Nothing was changed. Please reload the page."),
        )


def _tell_queue(desk: Desk, row: Certificate) -> list[UUID]:
    """Show the leader in his list which documents the certificate can no longer sign."""
    if row.post_id is None:
        return []
    return signing_list.call_off(
        desk, row.post_id, code="certificate_revoked", reason_vi=REVOKED_VI, reason_en=REVOKED_EN
    )


def _published(desk: Desk, row: Certificate) -> bool:
    """Put it on the test authority's list and write the list anew; done twice it is the same."""
    return test_authority.revoke(desk, row.key_name, row.ended_at or desk.now())


@verb(Permission.CERTIFICATE_PUBLISH, "revocation.published", on=Certificate, prepare=_published)
def publish(desk: Desk, row: Certificate, *, prepared: bool) -> Certificate:
    """Publish the revocation of a test certificate in the list of its issuer."""
    desk.note(subject=row.subject, certificate=row.sha256, ok=prepared)
    return row


# who keeps the agency's key


@dataclass(frozen=True)
class Handing:
    """What the minutes of a hand-over say.

    Args:
        to_post: who takes the key.
        permission: number and date of the written permission of the head (Decree 30/2020, article 32).
        device: kind of the device; ``device_serial`` its number, "" when it has none.
    """

    to_post: UUID
    permission: str
    device: str
    device_serial: str = ""
    note: str = ""


@verb(Permission.CERTIFICATE_CHANGE, "key.handed_over", on=Certificate, prepare=_lock)
def hand_over(desk: Desk, row: Certificate, *, handing: Handing, prepared: int) -> Certificate:
    """Give the key of the agency's seal to another clerk, by written permission, with minutes (Decree 30/2020, 32-33).

    Raises:
        InvalidInput: it is no seal, the taker may not keep it or keeps it already, permission or device are missing.
        Conflict: the certificate is not in use any more.
    """
    require_active(row)
    if row.purpose != "seal" or row.custodian_post_id is None:
        raise InvalidInput("no_seal", N_("Only the key of the agency's seal is handed over. Nothing was changed."))
    if not handing.permission.strip():
        raise InvalidInput("permission_missing", PERMISSION_MISSING, field="permission")
    if not handing.device.strip():
        raise InvalidInput("device_missing", DEVICE_MISSING, field="device")
    taker = next((post for post in keepers(desk) if post.id == handing.to_post), None)
    if taker is None or taker.id == row.custodian_post_id:
        raise InvalidInput("taker_impossible", TAKER_IMPOSSIBLE, field="to_post")
    giver = directory.post(desk, row.custodian_post_id)
    given = KeyHandover(
        agency_id=row.agency_id,
        certificate_id=row.id,
        from_post_id=giver.id,
        to_post_id=taker.id,
        from_name=giver.person.full_name,
        from_title=giver.title,
        to_name=taker.person.full_name,
        to_title=taker.title,
        permission=handing.permission.strip(),
        device=handing.device.strip(),
        device_serial=handing.device_serial.strip(),
        note=handing.note.strip(),
        at=desk.now(),
    )
    desk.session.add(given)
    row.custodian_post_id = taker.id
    desk.note(
        subject=row.subject, certificate=row.sha256, title=taker.title, post=taker.id, name=given.to_name,
        note=given.permission, keys_locked=prepared,
    )  # fmt: skip
    return row


PERMISSION_MISSING = N_(
    "The key is handed over by written permission only. Please give its number and date. Nothing was changed."
)
DEVICE_MISSING = N_("Please say which device the key lies on. Nothing was changed.")
TAKER_IMPOSSIBLE = N_("Only another clerk of this agency may take the key. Nothing was changed.")


def keepers(desk: Desk) -> list[Post]:
    """Who may keep the key of the agency's seal: its clerks of today."""
    return [post for post in directory.posts(desk) if _may(post, Permission.DOCUMENT_SEAL)]


def signers(desk: Desk) -> list[Post]:
    """Who may have a certificate to sign documents with: the leaders of today."""
    return [post for post in directory.posts(desk) if _may(post, Permission.DOCUMENT_SIGN)]


def _may(post: Post, permission: Permission) -> bool:
    return permits([role.role for role in post.roles], permission)


def handover(desk: Desk, certificate_id: UUID, handover_id: UUID) -> KeyHandover:
    """One hand-over of a certificate this person may see.

    Raises:
        NotFound: there is none.
    """
    statement = scope(desk, KeyHandover).where(
        KeyHandover.id == handover_id, KeyHandover.certificate_id == certificate_id
    )
    row = desk.session.scalars(statement).one_or_none()
    if row is None:
        raise NotFound(table="key_handover", id=str(handover_id))
    return row

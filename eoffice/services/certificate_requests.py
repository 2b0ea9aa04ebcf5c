"""Requests for certificates: asked for, refused, issued by the test authority one by one or all, asked anew in time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from eoffice.core.desk import Desk, scope
from eoffice.core.errors import Conflict, InvalidInput, NotFound
from eoffice.core.i18n import N_
from eoffice.models.certificates import CertificateRequest
from eoffice.models.directory import Certificate
from eoffice.models.work import Job
from eoffice.rules.access import Permission
from eoffice.services import certificate_facts, certificates, directory, test_authority
from eoffice.services.certificates import PURPOSES, REASON_MISSING, WARNINGS, Line, keepers, signers
from eoffice.services.verbs import verb

R = CertificateRequest


def slot(purpose: str, post: UUID | None) -> str:
    """For whom a certificate is: each leader has his own place, the agency one seal and one exchange."""
    return f"leader:{post}" if purpose == "leader" else purpose


@verb(Permission.CERTIFICATE_CHANGE, "certificate.requested")
def request(desk: Desk, *, purpose: str, post: UUID | None = None) -> CertificateRequest:
    """Ask for a certificate for a leader, for the agency's seal with the clerk who will keep it, or for its exchange.

    Raises:
        InvalidInput: the post may not hold one of this purpose.
        Conflict: one is asked for already.
    """
    row = _wish(desk, purpose, post)
    if row is None:
        raise Conflict("already_requested", ALREADY_REQUESTED)
    desk.note(purpose=purpose, post=post)
    return row


ALREADY_REQUESTED = N_("A certificate is asked for here already. Nothing was changed. Please decide about that one.")
HOLDER_IMPOSSIBLE = N_("This person may not hold a certificate of this purpose. Nothing was changed.")


def _wish(desk: Desk, purpose: str, post: UUID | None, *, renews: UUID | None = None) -> CertificateRequest | None:
    """A new open request; None when one is open already."""
    if purpose not in PURPOSES:
        raise InvalidInput("purpose_unknown", field="purpose")
    able = {"leader": signers, "seal": keepers}.get(purpose)
    if able is None:
        post = None
    elif post not in {other.id for other in able(desk)}:
        raise InvalidInput("holder_impossible", HOLDER_IMPOSSIBLE, field="post")
    if slot(purpose, post) in open_slots(desk):
        return None
    row = CertificateRequest(
        agency_id=desk.agency,
        purpose=purpose,
        slot=slot(purpose, post),
        post_id=post,
        state="requested",
        renews_id=renews,
        asked_at=desk.now(),
        asked_by_id=desk.actor.post,
    )
    desk.session.add(row)
    desk.session.flush()
    return row


def open_slots(desk: Desk) -> set[str]:
    """For whom a certificate is asked for in the own agency just now."""
    statement = scope(desk, R).where(R.agency_id == desk.agency, R.state == "requested")
    return set(desk.session.scalars(statement.with_only_columns(R.slot)))


@verb(Permission.CERTIFICATE_CHANGE, "certificate.refused", on=CertificateRequest)
def refuse(desk: Desk, row: CertificateRequest, *, reason: str) -> CertificateRequest:
    """Refuse a request, with a reason.

    Raises:
        InvalidInput: no reason. Conflict: it was decided already.
    """
    _require_open(row)
    if not reason.strip():
        raise InvalidInput("reason_missing", REASON_MISSING, field="reason")
    row.state, row.reason, row.decided_at = "refused", reason.strip(), desk.now()
    desk.note(purpose=row.purpose, post=row.post_id, reason=row.reason)
    return row


def _require_open(row: CertificateRequest) -> None:
    if row.state != "requested":
        raise Conflict(
            "request_decided", N_("This request was decided already. Nothing was changed. Please reload the page.")
        )


def _make(desk: Desk, row: CertificateRequest) -> test_authority.Made:
    """Have the test authority make key and certificate, before anything is written."""
    _require_open(row)
    agency = directory.agency(desk)
    post = directory.post(desk, row.post_id) if row.post_id else None
    return test_authority.issue(
        desk,
        f"{row.purpose}-{row.id}",
        purpose=row.purpose,
        organisation=agency.name,
        person=post.person.full_name if post and row.purpose == "leader" else "",
        title=post.title if post and row.purpose == "leader" else "",
    )


@verb(Permission.CERTIFICATE_ISSUE, "certificate.issued", on=CertificateRequest, prepare=_make)
def issue(desk: Desk, row: CertificateRequest, *, prepared: test_authority.Made) -> CertificateRequest:
    """Issue what was asked for by the test authority of this installation; what it replaces is replaced at once.

    Raises:
        Conflict: the request was decided already.
        InvalidInput: this installation has no test authority.
    """
    _require_open(row)
    facts = certificate_facts.read(prepared.der)
    made = Certificate(
        agency_id=row.agency_id,
        purpose=row.purpose,
        post_id=row.post_id if row.purpose == "leader" else None,
        custodian_post_id=row.post_id if row.purpose == "seal" else None,
        key_name=prepared.name,
        storage="agent",
        origin="issued",
        **directory.described(facts, prepared.der, prepared.chain),
    )
    certificates.enter(desk, made)
    row.state, row.certificate_id, row.decided_at = "issued", made.id, desk.now()
    desk.note(purpose=row.purpose, post=row.post_id, subject=made.subject, certificate=made.sha256)
    return row


@verb(Permission.CERTIFICATE_CHANGE, "issuing.ordered")
def order(desk: Desk) -> None:
    """Have the test authority issue, in the background, everything that is asked for in the own agency.

    Raises:
        InvalidInput: this installation has no test authority, or nothing is asked for.
    """
    test_authority.require(desk)
    statement = scope(desk, R).where(R.agency_id == desk.agency, R.state == "requested")
    wanted = desk.session.scalars(statement.order_by(R.asked_at, R.id).with_only_columns(R.id)).all()
    if not wanted:
        raise InvalidInput("nothing_requested", N_("Nothing is asked for. Nothing was changed."))
    for key in wanted:
        desk.later("certificate_requests.issue", f"issue:{key}", {"request": str(key)})
    desk.note(count=len(wanted))


@verb(Permission.CERTIFICATE_CHANGE, "renewal.asked")
def renew(desk: Desk, *, within: int = WARNINGS[0]) -> None:
    """Ask for new certificates in the place of all of the own agency that end soon; what is asked for already stays.

    Args:
        within: days.

    Raises:
        InvalidInput: none ends so soon for which none is asked yet, or its holder has left.
    """
    asked = [row for row in to_renew(desk, within=within) if _wish(desk, row.purpose, row.holder, renews=row.id)]
    if not asked:
        raise InvalidInput(
            "nothing_to_renew", N_("No certificate ends so soon without a request for a new one. Nothing was changed.")
        )
    desk.note(count=len(asked), certificates=[row.id for row in asked])


def to_renew(desk: Desk, *, within: int = WARNINGS[0]) -> list[Line]:
    """Certificates of the own agency in use that have ended or end soon, without a newer one or a request for one,
    whose holder may still have one; those that end first on top."""
    newest = {slot(line.purpose, line.holder): line for line in certificates.in_use(desk)}
    asked, able = open_slots(desk), {"leader": signers(desk), "seal": keepers(desk)}
    able_ids = {purpose: {post.id for post in posts} for purpose, posts in able.items()}
    soon = desk.now() + timedelta(days=within)
    return [
        line
        for place, line in newest.items()
        if line.valid_to <= soon
        and place not in asked
        and (line.purpose == "exchange" or line.holder in able_ids[line.purpose])
    ]


def requests(desk: Desk, state: str, *, limit: int = 200) -> list[CertificateRequest]:
    """Requests this person may see in a state, the oldest open ones or the last decided ones first."""
    order_by = (R.asked_at, R.id) if state == "requested" else (R.decided_at.desc(), R.id.desc())
    statement = scope(desk, R).where(R.state == state).order_by(*order_by).limit(limit)
    return list(desk.session.scalars(statement))


def asked(desk: Desk, request_id: UUID) -> CertificateRequest:
    """A request of the own agency.

    Raises:
        NotFound: there is none.
    """
    row = desk.session.scalars(scope(desk, R).where(R.id == request_id, R.agency_id == desk.agency)).one_or_none()
    if row is None:
        raise NotFound(table="certificate_request", id=str(request_id))
    return row


def request_counts(desk: Desk) -> dict[str, int]:
    """How many requests this person may see are in each state."""
    statement = scope(desk, R).with_only_columns(R.state, func.count()).group_by(R.state)
    rows: Any = desk.session.execute(statement).all()
    return {"requested": 0, "issued": 0, "refused": 0} | dict(rows)


def under_way(desk: Desk, rows: Collection[CertificateRequest]) -> dict[UUID, str]:
    """Which requests are being issued in the background: ``waiting``, ``running`` or ``failed``."""
    keys = {f"issue:{row.id}": row.id for row in rows}
    if not keys:
        return {}
    found = desk.session.execute(select(Job.key, Job.state).where(Job.key.in_(sorted(keys)), Job.state != "done"))
    return {keys[key]: state for key, state in found}

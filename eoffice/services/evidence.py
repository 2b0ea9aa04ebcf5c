"""Until when the signatures of issued documents can be proven, and which are at risk because that is soon.

A signature is proven by what still holds: the certificate of the last time-stamp over the document, or of the one in
the signature, or else the signer's own (ETSI EN 319 142-1, 5.4). The end is read from the file once, when it is issued.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select, tuple_

from eoffice.core.clock import local_date
from eoffice.core.desk import Desk, scope
from eoffice.core.errors import InvalidInput, SignatureProblem, StaleForm
from eoffice.core.i18n import N_
from eoffice.models.certificates import Evidence
from eoffice.models.documents import Document, DocumentFile
from eoffice.models.work import Job
from eoffice.rules.access import Permission
from eoffice.services import examine
from eoffice.services.verbs import verb

SPANS = (30, 90, 365)
"""Days in which evidence ends, as the list offers them."""

SOON = SPANS[1]
PAGE = 50
AT_ONCE = 200
"""Documents looked at in one deed."""

STAMPED = "document_timestamp"


@dataclass(frozen=True)
class Ends:
    """Until when the signatures of a file are proven; ``level`` is the lowest of them (``B-B`` ... ``B-LTA``)."""

    sha256: str
    level: str
    at: datetime


def ends(pdf: bytes, sha256: str, report: Mapping[str, Any]) -> Ends | None:
    """Read from a verified file until when it can be proven; None when it has no signature that says so.

    Args:
        report: of the verification of this very file.
    """
    stamps = [item for item in report["signatures"] if item["kind"] == STAMPED]
    signatures = [item for item in report["signatures"] if item["kind"] != STAMPED]
    level = min((str(item["level"]) for item in signatures), key=lambda name: _LEVELS.get(name, 0), default="")
    if not signatures or not level:
        return None
    if stamps:  # the last one protects everything before it
        last = max(stamps, key=lambda item: item["revision"])
        found = [_time(last["valid_to"])]
    else:
        found = [_stamp_ends(pdf, item) or _time(item["valid_to"]) for item in signatures]
    known = [at for at in found if at is not None]
    return Ends(sha256, level, min(known)) if known else None


_LEVELS = {name: rank for rank, name in enumerate(("unknown", "legacy", "B-B", "B-T", "B-LT", "B-LTA"))}


def _time(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _stamp_ends(pdf: bytes, item: Mapping[str, Any]) -> datetime | None:
    """When the certificate of the time-stamp inside a signature ends; the longest, where there are several."""
    from signing.byterange import GuardFault, container
    from signing.cms import open_container

    if len(item["byte_range"]) != 4:
        return None
    begin, size, after, rest = item["byte_range"]
    covered = pdf[begin : begin + size] + pdf[after : after + rest]
    try:
        der = container(pdf[begin + size + 1 : after - 1])
    except (GuardFault, ValueError):
        return None
    opened = open_container(der, lambda name: hashlib.new(name, covered).digest())
    tokens = (open_container(token, lambda _name: b"", content_type="tst_info") for token in opened.tokens)
    return max((token.certificate.not_valid_after_utc for token in tokens if token.certificate), default=None)


def keep(desk: Desk, document: UUID, found: Ends | None) -> None:
    """Keep until when a document is proven, within the deed that issues or looks at it."""
    if found is None:
        return
    statement = scope(desk, Evidence).where(Evidence.agency_id == desk.agency, Evidence.document_id == document)
    row = desk.session.scalars(statement).one_or_none()
    if row is None:
        row = Evidence(agency_id=desk.agency, document_id=document)
        desk.session.add(row)
    row.sha256, row.level, row.ends_at, row.measured_at = found.sha256, found.level, found.at, desk.now()


def _unmeasured(desk: Desk) -> Any:
    """Select issued documents of the own agency of which it is not known yet; their ids and files alone."""
    known = exists().where(Evidence.agency_id == Document.agency_id, Evidence.document_id == Document.id)
    return (
        select(Document.id, DocumentFile.sha256)
        .join(DocumentFile, DocumentFile.document_id == Document.id)
        .where(
            Document.agency_id == desk.agency,
            Document.direction == "outgoing",
            Document.issued_at.is_not(None),
            DocumentFile.agency_id == desk.agency,
            DocumentFile.role == "main",
            DocumentFile.stage == "sealed",
            ~known,
        )
        .execution_options(scoped=True)  # the administrator learns of no document what it says
    )


def _look(desk: Desk) -> list[tuple[UUID, Ends]]:
    found = []
    for document, sha256 in desk.session.execute(_unmeasured(desk).limit(AT_ONCE)).all():
        stored = examine.verdict_of(desk, sha256)
        end = ends(desk.files.read(sha256), sha256, stored.report) if stored is not None else None
        if end is not None:
            found.append((document, end))
    return found


@verb(Permission.CERTIFICATE_CHANGE, "evidence.measured", prepare=_look)
def survey(desk: Desk, *, prepared: Sequence[tuple[UUID, Ends]]) -> None:
    """Look at issued documents of which it is not known until when they are proven, some at once.

    Raises:
        InvalidInput: there is none.
    """
    if not prepared:
        raise InvalidInput(
            "nothing_to_measure", N_("Every issued document was looked at already. Nothing was changed.")
        )
    for document, end in prepared:
        keep(desk, document, end)
    desk.note(count=len(prepared))


# proving them for longer


@verb(Permission.CERTIFICATE_CHANGE, "renewal.ordered")
def order(desk: Desk, *, within: int = SOON) -> None:
    """Have the issued documents of the own agency whose proof ends soon stamped anew in the background, one by one.

    Args:
        within: days.

    Raises:
        InvalidInput: none is at risk, or this installation has no authority for time-stamps.
    """
    if desk.tools.tsa() is None:
        raise InvalidInput("no_tsa", NO_TSA)
    statement = _soon(desk, within).where(Evidence.agency_id == desk.agency, Evidence.ends_at > desk.now())
    rows = desk.session.execute(
        statement.order_by(Evidence.ends_at, Evidence.id).with_only_columns(Evidence.id, Evidence.sha256)
    ).all()
    if not rows:
        raise InvalidInput(
            "nothing_at_risk", N_("No document is at risk whose proof still holds. Nothing was changed.")
        )
    for key, sha256 in rows:
        desk.later("evidence.renew", _job(desk, sha256), {"evidence": str(key)}, part=f"renew:{desk.agency}")
    desk.note(count=len(rows))


def _job(desk: Desk, sha256: str) -> str:
    """One job per file and day: what failed may be ordered again the next day."""
    return f"renew:{sha256}:{local_date(desk.now())}"


def under_way(desk: Desk, rows: Sequence[AtRisk]) -> dict[UUID, str]:
    """Which of these are being stamped anew since today: ``waiting``, ``running`` or ``failed``."""
    keys = {_job(desk, row.sha256): row.id for row in rows}
    if not keys:
        return {}
    found = desk.session.execute(select(Job.key, Job.state).where(Job.key.in_(sorted(keys)), Job.state != "done"))
    return {keys[key]: state for key, state in found}


NO_TSA = N_("This installation has no authority for time-stamps. Nothing was changed. Please have one configured.")


@dataclass(frozen=True)
class Extended:
    """A file with a new time-stamp over all of it, as verified in full, and until when it can be proven."""

    source_sha256: str
    examined: examine.Examined
    ends: Ends


def _extend(desk: Desk, row: Evidence) -> Extended:
    """Add evidence and a time-stamp over everything; the issued file is its beginning, byte for byte."""
    from signing.extend import extend

    made = extend(
        desk.files.read(row.sha256),
        desk.tools.trust(),
        level="B-LTA",
        tsa=desk.tools.tsa(),
        source=desk.tools.revocation(),
        at=desk.now(),
    )
    examined = examine.examine(desk, desk.files.put(made.pdf), read=False)
    found = ends(made.pdf, examined.sha256, examined.report)
    if examined.verdict != "PASSED" or found is None:
        raise SignatureProblem(
            "not_valid",
            N_("The signed file did not pass the check ({verdict}). Nothing was changed. Please try again."),
            verdict=examined.verdict,
        )
    return Extended(row.sha256, examined, found)


@verb(Permission.EVIDENCE_RENEW, "evidence.renewed", on=Evidence, prepare=_extend)
def renew(desk: Desk, row: Evidence, *, prepared: Extended) -> Evidence:
    """Keep a copy of an issued document whose signatures can be proven for longer; what was issued stays as it is.

    Raises:
        StaleForm: it was renewed meanwhile.
        SignatureProblem: the result did not pass the check, or a signature can no longer be proven.
        SigningUnavailable: time-stamps or the status of certificates cannot be had; it is tried again.
    """
    if row.sha256 != prepared.source_sha256:
        raise StaleForm(file=prepared.source_sha256)
    examine.keep(desk, prepared.examined)
    statement = scope(desk, DocumentFile).where(
        DocumentFile.agency_id == desk.agency, DocumentFile.document_id == row.document_id
    )
    files = list(desk.session.scalars(statement))
    source = next(file for file in files if file.sha256 == row.sha256)
    copies = [file.number for file in files if file.role == "rendition" and file.stage == "sealed"]
    desk.session.add(
        DocumentFile(
            agency_id=desk.agency,
            document_id=row.document_id,
            sha256=prepared.examined.sha256,
            role="rendition",
            stage="sealed",
            number=max(copies, default=0) + 1,
            name=source.name,
            derived_from=source.sha256,
            created_at=desk.now(),
        )
    )
    keep(desk, row.document_id, prepared.ends)
    desk.note(document=row.document_id, sha256=prepared.examined.sha256, until=prepared.ends.at)
    return row


@dataclass(frozen=True)
class AtRisk:
    """An issued document whose proof ends soon: which, in which level, and when."""

    id: UUID
    agency_id: UUID
    document_id: UUID
    code: str
    issued_at: datetime
    level: str
    ends_at: datetime
    sha256: str


@dataclass(frozen=True)
class Found:
    """A page of them, and the mark the next one begins after, "" at the end."""

    rows: Sequence[AtRisk]
    after: str


def _soon(desk: Desk, within: int) -> Any:
    return scope(desk, Evidence).where(Evidence.ends_at <= desk.now() + timedelta(days=within))


def count(desk: Desk, within: int = SOON) -> int:
    """How many issued documents this person's agencies have whose proof ends within some days, or has ended."""
    found: int = desk.session.execute(
        select(func.count()).select_from(_soon(desk, within).with_only_columns(Evidence.id).subquery())
    ).scalar_one()
    return found


def unmeasured(desk: Desk) -> int:
    """How many issued documents of the own agency were never looked at."""
    found: int = desk.session.execute(
        select(func.count()).select_from(_unmeasured(desk).subquery())
    ).scalar_one()
    return found


def find(desk: Desk, within: int = SOON, *, after: str = "", limit: int = PAGE) -> Found:
    """Issued documents at risk, those whose proof ends first on top; every page costs the same.

    Args:
        after: as the page before says; what is none begins at the top.
    """
    statement = _soon(desk, within)
    for mark in _marks(after):
        statement = statement.where(tuple_(Evidence.ends_at, Evidence.id) > tuple_(*mark))
    ordered = (
        statement.join(Document, (Document.agency_id == Evidence.agency_id) & (Document.id == Evidence.document_id))
        .order_by(Evidence.ends_at, Evidence.id)
        .limit(limit + 1)
        .with_only_columns(
            Evidence.id, Evidence.agency_id, Evidence.document_id, Document.code, Document.issued_at, Evidence.level,
            Evidence.ends_at, Evidence.sha256,
        )
    )  # fmt: skip
    rows = [AtRisk(*row) for row in desk.session.execute(ordered)]
    last = rows[limit - 1] if len(rows) > limit else None
    return Found(rows[:limit], f"{last.ends_at.isoformat()}_{last.id}" if last else "")


def _marks(text: str) -> Iterator[tuple[datetime, UUID]]:
    at, _, key = text.partition("_")
    try:
        found = datetime.fromisoformat(at), UUID(key)
    except ValueError:
        return
    if found[0].tzinfo:
        yield found

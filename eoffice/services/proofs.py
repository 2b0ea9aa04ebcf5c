"""Proofs of a chain that a person asks for: done in the background, and what they found is kept for everybody."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from eoffice.core.desk import Desk
from eoffice.core.errors import NotFound
from eoffice.models.ledger import LedgerCheck, LedgerHead
from eoffice.models.work import Job
from eoffice.rules.access import Permission
from eoffice.services import ledger
from eoffice.services.verbs import verb

MOST_NAMED = 200
"""Broken places that are kept one by one; where there are more, one line says how many."""

LOOKED_AT = 20
"""How many of the newest proofs are looked through for the last one that was finished."""


@verb(Permission.LEDGER_READ, "proof.asked")
def ask(desk: Desk, *, agency: UUID) -> LedgerCheck:
    """Have an agency's chain proved in the background; while a proof is under way, asking again changes nothing.

    Raises:
        NotFound: a chain this person may not know of.
    """
    chain = ledger.readable(desk, agency)
    under_way = standing(desk, chain).under_way
    if under_way is not None:
        return under_way
    row = LedgerCheck(chain=chain, asked_at=desk.now(), broken=[])
    desk.session.add(row)
    desk.session.flush()
    desk.note(agency=chain)
    desk.later("proofs.prove", _job_key(row), {"check": str(row.id)}, agency=chain)
    return row


def _job_key(row: LedgerCheck) -> str:
    return f"prove:{row.id}"


@dataclass(frozen=True)
class Proved:
    """What a proof found, and how long it took."""

    chain: ledger.Chain
    seconds: float


def _prove(desk: Desk, *, check: UUID) -> Proved:
    """The slow part: nothing is locked while every entry and every row is read."""
    _asked(desk, check)
    begun = time.perf_counter()
    (chain,) = ledger.verify(desk)
    return Proved(chain, round(time.perf_counter() - begun, 3))


@verb(Permission.LEDGER_PROVE, "proof.made", prepare=_prove)
def prove(desk: Desk, *, check: UUID, prepared: Proved) -> LedgerCheck:
    """Keep what the proof of this desk's chain found.

    Raises:
        NotFound: nobody asked for it here.
    """
    row, found = _asked(desk, check), prepared.chain
    named: list[Any] = [asdict(item) for item in found.broken[:MOST_NAMED]]
    if len(found.broken) > MOST_NAMED:
        named.append({"more": len(found.broken) - MOST_NAMED})
    row.done_at, row.seconds = desk.now(), prepared.seconds
    row.entries, row.ok, row.broken = found.entries, found.ok, named
    desk.note(entries=found.entries, ok=found.ok, broken=len(found.broken))
    return row


def _asked(desk: Desk, check: UUID) -> LedgerCheck:
    row = desk.session.get(LedgerCheck, check)
    if row is None or row.chain != desk.agency:
        raise NotFound(table="ledger_check", id=str(check))
    return row


@dataclass(frozen=True)
class Standing:
    """What is known of a chain.

    Args:
        entries: how many it has now.
        last: the last finished proof, None when there was none yet.
        under_way: a proof that is waited for.
        trouble: the job of the newest proof, when it has failed: it is tried again, or was given up.
    """

    entries: int
    last: LedgerCheck | None
    under_way: LedgerCheck | None
    trouble: Job | None


def standing(desk: Desk, chain: UUID) -> Standing:
    """The last proof of a chain and the one that is under way.

    Raises:
        NotFound: a chain this person may not know of.
    """
    newest = (
        select(LedgerHead.seq, LedgerCheck)
        .outerjoin(LedgerCheck, LedgerCheck.chain == LedgerHead.chain)
        .where(LedgerHead.chain == ledger.readable(desk, chain))
        .order_by(LedgerCheck.asked_at.desc(), LedgerCheck.id.desc())
        .limit(LOOKED_AT)
    )
    rows = desk.session.execute(newest).all()
    entries, checks = (rows[0].seq if rows else 0), [row[1] for row in rows if row[1] is not None]
    last = next((row for row in checks if row.done_at is not None), None)
    if not checks or checks[0].done_at is not None:
        return Standing(entries, last, None, None)
    job = desk.session.scalars(select(Job).where(Job.key == _job_key(checks[0]))).one_or_none()
    given_up = job is None or job.state == "failed"
    trouble = job if job is not None and job.error else None
    return Standing(entries, last, None if given_up else checks[0], trouble)

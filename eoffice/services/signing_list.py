"""A leader's signing list: what was shown to him page by page, approved, and signed in the background after one unlock.

Nothing is signed that was not displayed: an approval names the version whose every page the server showed to this
person in this sign-in, the unlock names exactly these versions, and each is signed by a job of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, literal, or_, select, union_all

from eoffice.core.clock import VIETNAM, local_date
from eoffice.core.desk import Desk, scope
from eoffice.core.errors import Conflict, InvalidInput, NotFound, OfficeError
from eoffice.core.i18n import N_
from eoffice.core.ids import new_id
from eoffice.core.secret import Secret
from eoffice.models.directory import Certificate, Person, Post
from eoffice.models.documents import Document, DocumentFile, File
from eoffice.models.review import LOOK_AGAIN, Approval, DraftVersion, SigningItem
from eoffice.rules.access import Permission
from eoffice.services import directory, drafting, elsewhere, issuing, queues, work
from eoffice.services.verbs import verb
from signing.errors import KeyUnavailable, SigningError

MOST_LISTED = 200
"""Documents that a reading stack or a signing list shows at once."""

LIST_CHANGED = N_(
    "The signing list has changed meanwhile, perhaps in another window. Nothing was unlocked or signed. "
    "Please look at the list below and press again."
)

NO_PASSWORD = N_("Please enter the password of the signing key. Nothing was unlocked.")


# what was displayed


@dataclass(frozen=True)
class Look:
    """One page that was displayed: when for the first time, and for how many whole seconds in all."""

    page: int
    at: datetime
    seconds: int = 0


@dataclass(frozen=True)
class Shown:
    """What the server displayed of one version of a draft, to one person in one sign-in.

    Args:
        looks: the pages, in the order in which they were first displayed.
        page, since: the page that is on the screen now, and since when.
    """

    document: UUID
    sha256: str
    post: UUID
    session: str
    looks: tuple[Look, ...] = ()
    page: int = 0
    since: datetime | None = None

    def turned(self, page: int, at: datetime) -> Shown:
        """The same after another page was displayed (0: none any more)."""
        passed = int((at - self.since).total_seconds()) if self.since is not None else 0
        looks = [
            replace(look, seconds=look.seconds + passed) if look.page == self.page else look for look in self.looks
        ]
        if page and page not in self.pages():
            looks.append(Look(page, at))
        return replace(self, looks=tuple(looks), page=page, since=at if page else None)

    def pages(self) -> set[int]:
        """The pages that were displayed so far."""
        return {look.page for look in self.looks}

    def record(self) -> dict[str, Any]:
        """As the list and the ledger keep it."""
        pages = [{"page": look.page, "at": look.at.isoformat(), "seconds": look.seconds} for look in self.looks]
        return {"sha256": self.sha256, "sign_in": self.session, "pages": pages}


def _check_complete(desk: Desk, document: Document, shown: Shown) -> None:
    """Every page of exactly the newest version, to this person, in this sign-in.

    Raises:
        Conflict: ``draft_changed``; InvalidInput: ``not_shown``.
    """
    actor = desk.actor
    if (shown.document, shown.post, shown.session) != (document.id, actor.post, actor.session):
        raise InvalidInput("not_shown", NOT_SHOWN)
    issuing.check_shown(document, shown.sha256)
    pages = desk.session.scalars(select(File.pages).where(File.sha256 == shown.sha256)).one_or_none() or 0
    if not pages or not shown.pages() >= set(range(1, pages + 1)):
        raise InvalidInput("not_shown", NOT_SHOWN)


NOT_SHOWN = N_(
    "A document is approved for signing only after every page of it was displayed to you in this session. "
    "Nothing was changed. Please read it page by page, then approve."
)


# the list


@verb(Permission.DOCUMENT_SIGN, "signing.listed", on=Document)
def approve(desk: Desk, document: Document, *, shown: Shown) -> SigningItem:
    """Put a draft into the list of the person who is named to sign it, in the version he has read.

    Raises:
        NotAllowed: not the signer, no authority today, or an approval is missing.
        InvalidInput: not every page was displayed to him.
        Conflict: the draft has changed since he looked, or it is being signed already.
    """
    capacity = issuing.may_sign(desk, document)
    _check_complete(desk, document, shown)
    row = desk.session.scalars(
        _mine(desk).where(SigningItem.document_id == document.id).with_for_update()
    ).one_or_none()
    if row is not None and row.state == "queued":
        raise Conflict("being_signed", N_("This document is being signed already. Nothing was changed."))
    now, record = desk.now(), shown.turned(0, desk.now()).record()
    beside = drafting.annexes(document)
    if beside:  # not displayed page by page: what was listed to him, each with a link
        record["annexes"] = [file.sha256 for file in beside]
    if row is None:
        row = SigningItem(
            id=new_id(), agency_id=desk.agency, document_id=document.id, post_id=desk.actor.post, state="listed",
            sha256=shown.sha256, shown=record, listed_at=now, code="", reason_vi="", reason_en="",
        )  # fmt: skip
        desk.session.add(row)
    else:
        _reset(row)
        row.sha256, row.shown, row.listed_at = shown.sha256, record, now
    desk.note(document=document.id, sha256=shown.sha256, capacity=str(capacity), shown=record)
    return row


@verb(Permission.DOCUMENT_SIGN, "signing.unlisted", on=SigningItem)
def remove(desk: Desk, row: SigningItem) -> None:
    """Take a document out of one's list: it waits to be read again, or it is gone on its way.

    Raises:
        NotFound: another person's list.
        Conflict: it is being signed, or was.
    """
    if row.post_id != desk.actor.post:
        raise NotFound(table="signing_item", id=str(row.id))
    if row.state not in ("listed", "failed"):
        raise Conflict("being_signed", N_("This document is being signed already. Nothing was changed."))
    desk.session.delete(row)
    desk.note(document=row.document_id, sha256=row.sha256)


# one unlock for the whole list

Chosen = tuple[tuple[UUID, int], ...]
"""Items with the version in which the form showed them."""


@dataclass(frozen=True)
class Unlocked:
    """A key that is open: whose, for which files, and for how many seconds at most."""

    certificate: str
    hashes: tuple[str, ...]
    seconds: int


def _unlock(desk: Desk, *, items: Chosen, password: Secret) -> Unlocked:
    rows = _chosen(desk, items, "listed", "failed")
    certificate = issuing.leader_certificate(desk)
    elsewhere.require_here(certificate)
    if not password:
        raise InvalidInput("password_missing", NO_PASSWORD)
    # an unlock replaces the one before: what is still being signed stays open
    hashes = {row.sha256 for row in rows} | {row.sha256 for row in _queued(desk)}
    agent = desk.tools.agent()
    seconds = agent.unlock(desk.actor.session, certificate.key_name, password.reveal(), hashes)
    return Unlocked(certificate.sha256, tuple(sorted(hashes)), seconds)


@verb(Permission.DOCUMENT_SIGN, "key.unlocked", prepare=_unlock)
def unlock(desk: Desk, *, items: Chosen, prepared: Unlocked, **_password: Secret) -> None:
    """Unlock one's key for exactly these versions, in this sign-in, and have each signed in the background.

    Raises:
        InvalidInput: nothing is chosen, or no password is given.
        Conflict: the list is not the one that was shown.
        SignatureProblem: the key lies with its holder, wrong password, too many wrong ones, no certificate.
        Unavailable: the key agent is gone.
    """
    rows = _chosen(desk, items, "listed", "failed")
    batch = _queue(desk, rows)
    desk.note(
        batch=batch,
        count=len(rows),
        hashes=[row.sha256 for row in rows],
        documents=[row.document_id for row in rows],
        certificate=prepared.certificate,
        still_open=len(prepared.hashes) - len({row.sha256 for row in rows}),
        seconds=prepared.seconds,
    )


def waiting(desk: Desk, item: UUID) -> SigningItem:
    """One of one's own items that may be signed as it was displayed.

    Raises:
        NotFound: it is in nobody's list, or in another's.
        Conflict: it is being signed, was signed, or has to be looked at anew.
    """
    row: SigningItem | None = desk.session.scalars(_mine(desk).where(SigningItem.id == item)).one_or_none()
    if row is None:
        raise NotFound(table="signing_item", id=str(item))
    if row.state not in ("listed", "failed") or row.code in LOOK_AGAIN:
        raise Conflict("list_changed", LIST_CHANGED)
    return row


def is_unlocked(desk: Desk, items: Chosen) -> bool:
    """Whether this sign-in's key is still open for all of these, so that no password is needed."""
    return _open_for(desk, _chosen(desk, items, "listed", "failed"))


def _open_for(desk: Desk, rows: Sequence[SigningItem]) -> bool:
    key_name = issuing.leader_certificate(desk).key_name
    try:
        found = desk.tools.agent().status(desk.actor.session)
    except SigningError:
        return False
    files = {sha256 for entry in found if entry["key_id"] == key_name for sha256 in entry["files"]}
    return {row.sha256 for row in rows} <= files


def _retry(desk: Desk, *, items: Chosen) -> str:
    if not _open_for(desk, _chosen(desk, items, "failed")):
        raise KeyUnavailable("key_unavailable")
    return issuing.leader_certificate(desk).sha256


@verb(Permission.DOCUMENT_SIGN, "signing.retried", prepare=_retry)
def retry(desk: Desk, *, items: Chosen, prepared: str) -> None:
    """Have failed ones signed once more while the key is still open for them.

    Raises:
        Conflict: the list is not the one that was shown.
        SignatureProblem: the key is no longer open for all of them.
    """
    rows = _chosen(desk, items, "failed")
    batch = _queue(desk, rows)
    desk.note(batch=batch, count=len(rows), documents=[row.document_id for row in rows], certificate=prepared)


def _stop(desk: Desk) -> int:
    """Lock the key first: from now on nothing more is signed, whatever a worker is about to do."""
    try:
        return int(desk.tools.agent().lock(desk.actor.session, issuing.leader_certificate(desk).key_name))
    except (SigningError, OfficeError):
        return 0  # an agent that is gone has locked every key


@verb(Permission.DOCUMENT_SIGN, "signing.stopped", prepare=_stop)
def stop(desk: Desk, *, prepared: int) -> None:
    """Call off what is not signed yet: it stands in the list again, still approved."""
    rows = _queued(desk)
    work.cancel(desk.session, [_job(row) for row in rows], desk.now())
    for row in rows:
        _reset(row)
    desk.note(count=len(rows), documents=[row.document_id for row in rows], keys_locked=prepared)


@verb(Permission.SIGNING_FAIL, "signing.failed", on=SigningItem)
def fail(desk: Desk, row: SigningItem, *, batch: UUID, code: str, reason_vi: str, reason_en: str) -> SigningItem:
    """Show the leader why one of his documents was not signed; he decides what happens next."""
    if (row.state, row.batch) == ("queued", batch):
        row.state, row.ended_at, row.code = "failed", desk.now(), code[:100]
        row.reason_vi, row.reason_en = reason_vi, reason_en
    desk.note(document=row.document_id, sha256=row.sha256, code=code, reason=reason_vi)
    return row


def call_off(desk: Desk, post: UUID, *, code: str, reason_vi: str, reason_en: str) -> list[UUID]:
    """Call off what waits to be signed by a post, within the deed that made it impossible, and say why in its list.

    Returns:
        The documents.
    """
    waiting = scope(desk, SigningItem).where(
        SigningItem.agency_id == desk.agency, SigningItem.post_id == post, SigningItem.state == "queued"
    )
    rows = _locked(desk, waiting)
    work.cancel(desk.session, [_job(row) for row in rows], desk.now())
    for row in rows:
        row.state, row.ended_at, row.code = "failed", desk.now(), code
        row.reason_vi, row.reason_en = reason_vi, reason_en
    return [row.document_id for row in rows]


def _mine(desk: Desk) -> Any:
    return scope(desk, SigningItem).where(
        SigningItem.agency_id == desk.agency, SigningItem.post_id == desk.actor.post
    )


def _locked(desk: Desk, statement: Any) -> list[SigningItem]:
    ordered = statement.order_by(SigningItem.listed_at, SigningItem.id)
    return list(desk.session.scalars(ordered.with_for_update() if desk.writing else ordered))


def _chosen(desk: Desk, items: Chosen, *states: str) -> list[SigningItem]:
    if not items:
        raise InvalidInput("nothing_listed", N_("The signing list is empty. Nothing was unlocked. Approve first."))
    rows = _locked(desk, _mine(desk).where(SigningItem.id.in_(sorted({key for key, _version in items}))))
    same = {(row.id, row.version) for row in rows} == set(items)
    if not same or any(row.state not in states or row.code in LOOK_AGAIN for row in rows):
        raise Conflict("list_changed", LIST_CHANGED)
    return rows


def _queued(desk: Desk) -> list[SigningItem]:
    return _locked(desk, _mine(desk).where(SigningItem.state == "queued"))


def _reset(row: SigningItem) -> None:
    row.state, row.batch, row.begun_at, row.ended_at = "listed", None, None, None
    row.code = row.reason_vi = row.reason_en = ""


def _job(row: SigningItem) -> str:
    """One job per item, version and batch: whoever takes it over does the same work."""
    return f"sign:{row.id}:{row.sha256}:{row.batch}"


def _queue(desk: Desk, rows: Sequence[SigningItem]) -> UUID:
    batch, now = new_id(), desk.now()
    for place, row in enumerate(rows):
        _reset(row)
        row.state, row.batch, row.begun_at = "queued", batch, now
        payload = {
            "item": str(row.id),
            "document": str(row.document_id),
            "sha256": row.sha256,
            "batch": str(batch),
            "shown": row.shown,
            "sign_in": desk.actor.session,
        }
        turn = now - timedelta(microseconds=len(rows) - place)  # in the order of the list
        desk.later("signing.sign", _job(row), payload, at=turn)
    return batch


# what the desk shows


def pile(desk: Desk) -> Sequence[Any]:
    """What waits to be read by the person at this desk: the most urgent first, then the oldest."""
    file = (
        scope(desk, DocumentFile)
        .where(
            DocumentFile.agency_id == Document.agency_id,
            DocumentFile.document_id == Document.id,
            DocumentFile.role == "main",
            DocumentFile.stage == "draft",
        )
        .order_by(DocumentFile.number.desc())
        .limit(1)
        .with_only_columns(DocumentFile.id)
        .correlate(Document)
        .scalar_subquery()
    )
    rank = case({"express": 0, "very_urgent": 1, "urgent": 2}, value=Document.urgency, else_=3)
    statement = scope(desk, Document).where(queues.condition(desk.actor, "to_sign", "mine"))
    rows: Sequence[Any] = desk.session.execute(
        statement.outerjoin(Post, Post.id == Document.drafter_post_id)
        .outerjoin(Person, Person.id == Post.person_id)
        .order_by(rank, Document.created_at, Document.id)
        .limit(MOST_LISTED)
        .with_only_columns(
            Document.id, Document.kind, Document.subject, Document.urgency, Person.full_name, file.label("file_id")
        )
    ).all()
    return rows


@dataclass(frozen=True)
class Tray:
    """A leader's list by what became of each item; ``signed`` holds those of today."""

    listed: Sequence[Any]
    queued: Sequence[Any]
    signed: Sequence[Any]
    failed: Sequence[Any]

    def batches(self) -> set[UUID]:
        """Batches in which something still waits to be signed."""
        return {item.batch for item in self.queued}

    def running(self) -> list[Any]:
        """Everything of these batches, what is done of them too."""
        return self._of(self.batches())

    def last(self) -> list[Any]:
        """Everything of the batch that was begun last."""
        ended = [item for item in (*self.signed, *self.failed) if item.batch is not None]
        newest = max(ended, key=lambda item: item.begun_at, default=None)
        return self._of({newest.batch}) if newest is not None else []

    def _of(self, batches: set[UUID]) -> list[Any]:
        found = [item for item in (*self.queued, *self.signed, *self.failed) if item.batch in batches]
        return sorted(found, key=lambda item: (item.listed_at, item.id))

    def of(self, document: UUID) -> Any:
        """The item of a document, None when it has none."""
        return next(
            (item for part in (self.listed, self.queued, self.failed) for item in part if item.document_id == document),
            None,
        )


def tray(desk: Desk) -> Tray:
    """The list of the person at this desk, by one query."""
    today = datetime.combine(local_date(desk.now()), time(), VIETNAM)
    rows = desk.session.execute(
        _mine(desk)
        .join(Document, and_(Document.agency_id == SigningItem.agency_id, Document.id == SigningItem.document_id))
        .where(or_(SigningItem.state != "signed", SigningItem.ended_at >= today))
        .order_by(SigningItem.listed_at, SigningItem.id)
        .with_only_columns(
            SigningItem.id,
            SigningItem.version,
            SigningItem.document_id,
            SigningItem.sha256,
            SigningItem.shown,
            SigningItem.state,
            SigningItem.batch,
            SigningItem.listed_at,
            SigningItem.begun_at,
            SigningItem.ended_at,
            SigningItem.code,
            SigningItem.reason_vi,
            SigningItem.reason_en,
            Document.kind,
            Document.subject,
            Document.urgency,
            Document.state.label("document_state"),
        )
    ).all()
    parts = {state: [row for row in rows if row.state == state] for state in ("listed", "queued", "signed", "failed")}
    return Tray(**parts)


def at_work(desk: Desk, items: Sequence[Any]) -> set[UUID]:
    """Those of some queued items that a worker is at just now."""
    keys = {_job(item): item.id for item in items}
    return {keys[key] for key in work.begun(desk.session, keys)} if keys else set()


def running(desk: Desk) -> Any:
    """Select the items that wait to be signed in the background, for whoever counts them."""
    return _mine(desk).where(SigningItem.state == "queued").with_only_columns(SigningItem.id)


@dataclass(frozen=True)
class Step:
    """One step of the circuit of a version: what was done (``written``, ``content``, ``format``), by whom and when."""

    what: str
    post: UUID
    at: datetime


def circuit(desk: Desk, document_id: UUID, sha256: str, annexes: str | None = None) -> list[Step]:
    """Who wrote a version and who approved it, in order.

    Args:
        annexes: digest of the annexes it has now (``drafting.annexes_digest``); approvals of others do not count.
    """
    written = (
        scope(desk, DraftVersion)
        .where(DraftVersion.document_id == document_id, DraftVersion.sha256 == sha256)
        .with_only_columns(literal("written").label("what"), DraftVersion.post_id, DraftVersion.at)
    )
    approved = (
        scope(desk, Approval)
        .where(
            Approval.document_id == document_id,
            Approval.sha256 == sha256,
            Approval.annexes == annexes if annexes else Approval.annexes.is_(None),
            Approval.decision == "approved",
        )
        .with_only_columns(Approval.kind.label("what"), Approval.post_id, Approval.at)
    )
    rows = desk.session.execute(union_all(written, approved).execution_options(scoped=True))
    return [Step(*row) for row in sorted(rows, key=lambda row: row.at)]


def certificates(desk: Desk) -> dict[str, Certificate]:
    """The certificate this person signs with and the agency's seal, by purpose, as far as there are any."""
    rows = desk.session.scalars(
        scope(desk, Certificate)
        .where(
            Certificate.agency_id == desk.agency,
            Certificate.status == "active",
            or_(
                and_(Certificate.purpose == "leader", Certificate.post_id == desk.actor.post),
                Certificate.purpose == "seal",
            ),
        )
        .order_by(*directory.newest_valid(desk.now()))
    )
    return {row.purpose: row for row in reversed(rows.all())}


def retriable(items: Collection[Any]) -> list[Any]:
    """Failed ones that may be signed once more as they were displayed."""
    return [item for item in items if item.code not in LOOK_AGAIN and item.document_state == "format_ok"]

"""The door check: what a file is, whether it may come in, what its signatures are worth and what page 1 says.

``look`` runs in a child process with limits (core.sandbox); nothing else of the office opens bytes from outside.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from sqlalchemy import select, update

from eoffice.core.db import insert_into
from eoffice.core.desk import Desk
from eoffice.core.errors import FileRefused
from eoffice.core.i18n import N_
from eoffice.core.ids import new_id
from eoffice.core.sandbox import SandboxError
from eoffice.models.documents import File, FileVerdict

if TYPE_CHECKING:
    from signing.results import Verification

PDF = "application/pdf"

REFUSALS = {
    "empty": N_("The file is empty. Nothing was stored. Please choose the file again."),
    "not_a_pdf": N_("This file is not a PDF. Nothing was stored. Please send the document as PDF."),
    "damaged": N_(
        "This PDF is damaged and cannot be read. It was not taken in. Please ask the sender for another copy."
    ),
    "password_needed": N_(
        "This PDF is locked with a password. It was not taken in. Please ask the sender for a copy without password."
    ),
    "over_limit": N_("This PDF is larger or deeper than can be checked safely. It was not taken in."),
}


@dataclass(frozen=True)
class Examined:
    """What is known of a file.

    Args:
        sha256, size: of the bytes; media: by magic bytes, never by name.
        pages: 0 when it cannot be read.
        verdict: one of the five words; report: the whole verification as JSON; policy: under which it was made.
        flags: active content.
        reading: what page 1 says, each with confidence and place; {} without a text.
    """

    sha256: str
    size: int
    media: str
    pages: int
    verdict: str
    report: dict[str, Any]
    policy: str
    flags: tuple[str, ...]
    reading: dict[str, Any]

    @property
    def reason(self) -> str:
        """Code of the first reason why the file cannot be read, "" when it can."""
        reasons = self.report.get("reasons") or []
        return str(reasons[0]["code"]) if self.verdict == "UNREADABLE" and reasons else ""


def look(data: bytes, *, trust: str, at: str, read: bool) -> dict[str, Any]:
    """Verify every signature and read page 1; runs in the child.

    Args:
        data: the file.
        trust: folder of anchors, intermediates and revocation lists.
        at: time of the check, ISO 8601.
        read: also read number, date, issuer and subject.
    """
    from signing import report
    from signing.trust import Trust
    from signing.verify import verify

    found = verify(data, Trust.load(Path(trust)), at=datetime.fromisoformat(at))
    return {
        "report": report.as_dict(found),
        "verdict": str(found.verdict),
        "policy": found.policy,
        "pages": found.pages or 0,
        "flags": list(found.flags),
        "reading": read_first(data) if read and found.verdict != "UNREADABLE" else {},
    }


def read_first(data: bytes) -> dict[str, Any]:
    """Read page 1, each value with confidence and place; runs in the child."""
    from eoffice.formats import page1

    with contextlib.suppress(Exception):  # a help for the clerk: a page nobody can read is no reason to refuse
        return page1.as_dict(page1.read(page1.extract(data)))
    return {}


def examine(desk: Desk, sha256: str, *, read: bool = True) -> Examined:
    """Examine a file of the store; no transaction that has written may be open.

    Raises:
        FileRefused: it is empty. (Anything else that is wrong is told in the verdict.)
        FileMissing: not in the store.
    """
    with desk.files.open(sha256) as stream:
        return _examine(desk, desk.files.path(sha256), stream, sha256=sha256, read=read)


def examine_once(desk: Desk, path: Path) -> Examined:
    """Examine a file that is kept nowhere: whoever asks removes it.

    Raises:
        FileRefused: it is empty.
    """
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        return _examine(desk, path, stream, sha256=sha256, read=False)


def glance(stream: BinaryIO) -> None:
    """Turn away what is no PDF at first sight, before it is stored; the stream stands at its beginning afterwards.

    Raises:
        FileRefused: it is empty, or something else than a PDF.
    """
    head = stream.read(1024)
    stream.seek(0)
    if b"%PDF-" not in head:
        code = "not_a_pdf" if head else "empty"
        raise FileRefused(code, REFUSALS[code])


def _examine(desk: Desk, path: Path, stream: BinaryIO, *, sha256: str, read: bool) -> Examined:
    media = PDF if b"%PDF-" in stream.read(1024) else "application/octet-stream"
    size = stream.seek(0, io.SEEK_END)
    if size == 0:
        raise FileRefused("empty", REFUSALS["empty"])
    trust = str(desk.settings.pki / "trust")
    try:
        answer = desk.tools.sandbox().call(
            "eoffice.services.examine.look", path, trust=trust, at=desk.now().isoformat(), read=read
        )
    except SandboxError as error:
        answer = _unreadable(error.code)
    return Examined(
        sha256=sha256,
        size=size,
        media=media,
        pages=answer["pages"],
        verdict=answer["verdict"],
        report=answer["report"],
        policy=answer["policy"],
        flags=tuple(answer["flags"]),
        reading=answer["reading"],
    )


def _unreadable(code: str) -> dict[str, Any]:
    reasons = [{"code": code, "detail": ""}]
    report = {"verdict": "UNREADABLE", "signatures": [], "notes": [], "flags": [], "reasons": reasons}
    return {"report": report, "verdict": "UNREADABLE", "policy": "sandbox", "pages": 0, "flags": [], "reading": {}}


def welcome(found: Examined) -> Examined:
    """Let in only what a clerk can work with: a readable PDF.

    Raises:
        FileRefused: not a PDF, damaged, locked with a password, or over a limit.
    """
    if found.verdict == "UNREADABLE":
        code = next((word for word in REFUSALS if found.reason.startswith(word)), "damaged")
        if found.reason in ("sandbox_timeout", "sandbox_memory"):
            code = "over_limit"
        raise FileRefused(code, REFUSALS[code], detail=found.reason)
    return found


def keep(desk: Desk, found: Examined) -> None:
    """Write down the file and its verdict; the same file under the same policy is one row each."""
    keep_file(desk, found.sha256, found.size, found.media, found.pages)
    desk.session.execute(
        insert_into(desk.session, FileVerdict)
        .values(
            id=new_id(),
            sha256=found.sha256,
            policy=found.policy,
            verdict=found.verdict,
            report=found.report,
            checked_at=desk.now(),
        )
        .on_conflict_do_nothing(index_elements=["sha256", "policy"])
    )


def keep_anew(desk: Desk, found: Examined) -> None:
    """Write down a verdict made again: what is known today of the same file under the same policy takes its place."""
    keep(desk, found)
    newest = {"verdict": found.verdict, "report": found.report, "checked_at": desk.now()}
    desk.session.execute(
        update(FileVerdict)
        .where(FileVerdict.sha256 == found.sha256, FileVerdict.policy == found.policy)
        .values(**newest),
        execution_options={"synchronize_session": False},
    )


def keep_file(desk: Desk, sha256: str, size: int, media: str, pages: int) -> None:
    """Write down a file of the store, once for the same bytes."""
    statement = insert_into(desk.session, File).values(
        id=new_id(), sha256=sha256, size=size, media=media, pages=pages, created_at=desk.now()
    )
    desk.session.execute(statement.on_conflict_do_nothing(index_elements=["sha256"]))


def verdict_of(desk: Desk, sha256: str) -> FileVerdict | None:
    """The newest verdict about a file; ask for the document first, a hash is no right to see anything."""
    return desk.session.scalars(
        select(FileVerdict).where(FileVerdict.sha256 == sha256).order_by(FileVerdict.checked_at.desc()).limit(1)
    ).first()


def read_date(reading: dict[str, Any]) -> date | None:
    """The date page 1 shows, if it was read."""
    value = (reading.get("date") or {}).get("value")
    return date.fromisoformat(value) if value else None


def verification(report: dict[str, Any], *, sha256: str, checked_at: datetime) -> Verification:
    """A stored report as what it was: a verification with every signature.

    Args:
        sha256, checked_at: of a file that could not be opened at all; its report is short.
    """
    from signing.report import from_dict

    known = {"sha256": sha256, "checked_at": checked_at.isoformat(), "policy": "", "engine": "", "pages": None}
    return from_dict({"notes": (), "flags": (), "reasons": (), **known, **report})

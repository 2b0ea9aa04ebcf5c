"""What somebody is writing before it is a version of a draft: begun, kept while he types, drawn as it will look."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from eoffice.core.canonical import digest
from eoffice.core.clock import local_date
from eoffice.core.desk import Desk, scope
from eoffice.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, OfficeError
from eoffice.core.i18n import N_
from eoffice.core.ids import new_id
from eoffice.core.text import fold, tidy
from eoffice.formats.letter import Letter, render
from eoffice.models.calls import Call
from eoffice.models.directory import Agency, Post, SigningAuthority
from eoffice.models.documents import Document
from eoffice.models.review import DraftText
from eoffice.rules import authority, kinds, secrecy
from eoffice.rules.lifecycle import TRANSITIONS, Direction, State
from eoffice.services import directory, drafting, files
from eoffice.services.drafting import Content, To

NO_WAY = "no_electronic_way"
"""Reason of ``rules.delivery`` for which a recipient outside the system gets paper."""


class KeptElsewhere(Conflict):
    """Another window kept something of the same text since this one last saw it."""

    code = "kept_elsewhere"
    message = N_(
        "This text was also changed in another window, at {time}. What you wrote here stands below and has "
        "replaced nothing. Look at the other text, then save again to keep this one."
    )


GONE = N_(
    "This text is no longer open: it was handed in or thrown away. Nothing was lost; "
    "what was handed in is among the outgoing documents."
)
"""Also what is told of a text that is somebody else's, so that nobody learns whether it is there."""


@dataclass(frozen=True)
class Writing:
    """A text that is no version yet, and where it comes from.

    Args:
        document, reply_to: the draft it will be a version of, and what it answers; None for a new one.
        began_from: number of the version it was begun from, 0 for none.
        count: how often it was kept; window: the window that kept it last.
    """

    id: UUID
    document: UUID | None
    reply_to: UUID | None
    began_from: int
    kept_at: datetime
    count: int
    window: str
    content: Content


# Beginning


def begin(desk: Desk, *, key: UUID) -> UUID:
    """Begin a new document; the same key begins it once.

    Raises:
        InvalidInput: nobody of this agency may sign.
        NotFound: the key is somebody else's.
    """
    known = desk.session.execute(
        scope(desk, DraftText).where(DraftText.id == key).with_only_columns(DraftText.post_id)
    ).scalar_one_or_none()
    if known is not None:
        if known != desk.actor.post:
            raise NotFound(table="draft_text", id=str(key))
        return key
    return _add(desk, _blank(desk), key=key)


def answer(desk: Desk, document_id: UUID) -> Writing | UUID:
    """Begin the answer to an incoming document, or find the one this person has begun.

    Returns:
        The text, or the id of his answer that is already on its way through review.

    Raises:
        NotFound: no incoming document this person may see.
        InvalidInput: nobody of this agency may sign.
    """
    asked = _document(desk, document_id, Direction.INCOMING)
    open_ = desk.session.scalars(_mine(desk).where(DraftText.reply_to_id == asked.id).limit(1)).first()
    if open_ is not None:
        return _writing(open_)
    before = desk.session.scalars(
        scope(desk, Document)
        .where(
            Document.reply_to_id == asked.id,
            Document.drafter_post_id == desk.actor.post,
            Document.state.in_([state.value for state in TRANSITIONS["revise"]]),
        )
        .order_by(Document.created_at.desc())
        .limit(1)
    ).first()
    if before is not None:
        return edit(desk, before.id) if before.state == State.DRAFT else before.id
    sender = desk.session.get(Agency, asked.issuer_id) if asked.issuer_id else None
    to = () if not (sender or asked.issuer_name) else (_to(sender, asked.issuer_name, "addressee"),)
    about = _about(asked.subject)
    content = replace(
        _blank(desk),
        subject=f"V/v {about}",
        to=to,
        paragraphs=(_opening(desk, asked, about), ""),
        urgency=asked.urgency,
    )
    return find(desk, _add(desk, content, reply_to=asked.id))


def edit(desk: Desk, document_id: UUID) -> Writing:
    """Begin a new version of a draft, or find the one this person has begun.

    Raises:
        NotFound: no draft this person may see.
        NotAllowed: somebody of another unit.
        Conflict: it is signed already.
    """
    draft = _document(desk, document_id, Direction.OUTGOING)
    open_ = desk.session.scalars(_mine(desk).where(DraftText.document_id == draft.id)).one_or_none()
    if open_ is not None:
        return _writing(open_)
    if desk.actor.post != draft.drafter_post_id and (desk.actor.unit is None or desk.actor.unit != draft.unit_id):
        raise NotAllowed("not_drafter", N_("Only the drafter and his unit change a draft. Nothing was changed."))
    if State(draft.state) not in TRANSITIONS["revise"]:
        raise Conflict("wrong_state", state=draft.state)
    number = drafting.newest(desk, draft.id).number
    content = drafting.content_of(desk, draft)
    return find(desk, _add(desk, content, document=draft.id, reply_to=draft.reply_to_id, began_from=number))


def again(
    desk: Desk, content: Content, *, document: UUID | None, reply_to: UUID | None, began_from: int
) -> Writing:
    """Keep what was sent from a window whose text was already saved or thrown away elsewhere: as a text of its own.

    Returns:
        The new text; when this person has since begun another for the same draft, that one, unchanged.

    Raises:
        NotFound: the draft or what it answers is none this person may see.
        InvalidInput: the text is longer than one document may be.
        StateSecretRefused: state secrets are not kept, not even here.
    """
    _check(content)
    if document is not None:
        before = edit(desk, document)
        if before.count == 0:
            desk.session.flush()
            row = _row(desk, before.id)
            row.content, row.began_from = _told(content, 1, ""), began_from
            desk.session.flush()
            return _writing(row)
        return before
    if reply_to is not None:
        _document(desk, reply_to, Direction.INCOMING)
    return find(desk, _add(desk, content, reply_to=reply_to))


def _document(desk: Desk, document_id: UUID, direction: Direction) -> Document:
    """A document of the desk's own agency, held until the commit so that two presses begin one text."""
    statement = scope(desk, Document).where(Document.id == document_id, Document.direction == direction)
    row = desk.session.scalars(statement.with_for_update(key_share=True, of=Document)).one_or_none()
    if row is None or row.agency_id != desk.agency:
        raise NotFound(table="document", id=str(document_id))
    return row


def _add(
    desk: Desk,
    content: Content,
    *,
    key: UUID | None = None,
    document: UUID | None = None,
    reply_to: UUID | None = None,
    began_from: int = 0,
) -> UUID:
    row = DraftText(
        id=key or new_id(),
        agency_id=desk.agency,
        post_id=desk.actor.post,
        document_id=document,
        reply_to_id=reply_to,
        content=_told(content, 0, ""),
        began_from=began_from,
        kept_at=desk.now(),
    )
    desk.session.add(row)
    desk.session.flush()
    return row.id


def _blank(desk: Desk) -> Content:
    found = signers(desk)
    if not found:
        raise InvalidInput(
            "nobody_signs",
            N_("Nobody of this agency may sign today. Nothing was begun. Please ask the administrator."),
        )
    first = found[0]
    return Content(
        kind="official_letter",
        subject="",
        paragraphs=("",),
        to=(),
        signer=first.post,
        basis=first.basis,
        holder=first.holder,
    )


def _about(subject: str) -> str:
    """What a subject is about, as it is said within a sentence: without "V/v", with a small letter at the front."""
    rest = re.sub(r"^(v/v|về việc)[:\s]+", "", tidy(subject), flags=re.IGNORECASE)
    return rest[:1].lower() + rest[1:] if rest[1:2].islower() else rest


def _opening(desk: Desk, asked: Document, about: str) -> str:
    number = f" số {asked.code}" if asked.code else ""
    day = asked.issued_date
    dated = f" ngày {day.day:02d} tháng {_month(day)} năm {day.year}" if day else ""
    sender = f" của {asked.issuer_name}" if asked.issuer_name else ""
    kind = kinds.by_code(asked.kind).name_vi
    name = directory.agency(desk).name
    return f"Phúc đáp {kind}{number}{dated}{sender}{' về việc ' + about if about else ''}, {name} có ý kiến như sau:"


def _month(day: date) -> str:
    return f"{day.month:02d}" if day.month < 3 else str(day.month)


# Keeping


def find(desk: Desk, text_id: UUID) -> Writing:
    """A text of this very person.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    return _writing(_row(desk, text_id))


def find_or_none(desk: Desk, text_id: UUID) -> Writing | None:
    """A text of this very person; None when it is nobody's, for it was saved or thrown away.

    Raises:
        NotFound: it is somebody else's.
    """
    row = desk.session.scalars(
        select(DraftText).where(DraftText.id == text_id).execution_options(scoped=True)  # only to tell whose it is
    ).one_or_none()
    if row is not None and (row.agency_id, row.post_id) != (desk.agency, desk.actor.post):
        raise NotFound("text_gone", GONE, table="draft_text", id=str(text_id))
    return _writing(row) if row is not None else None


def all_open(desk: Desk) -> list[Writing]:
    """Everything this person has begun and not yet saved as a version, newest first."""
    return [_writing(row) for row in desk.session.scalars(_mine(desk).order_by(DraftText.kept_at.desc()).limit(200))]


def keep(desk: Desk, text_id: UUID, content: Content, *, window: str, count: int) -> Writing:
    """Keep what somebody is writing.

    Args:
        window: a word of the page it is written on; a page never stands in its own way.
        count: of the text as this page last saw it.

    Raises:
        NotFound: there is none, or it is somebody else's.
        KeptElsewhere: another page kept it meanwhile.
        InvalidInput: the text is longer than one document may be.
        StateSecretRefused: state secrets are not kept, not even here.
    """
    _check(content)
    row = _row(desk, text_id, hold=True)
    before = _writing(row)
    if before.count != count and before.window != window:
        raise KeptElsewhere(at=before.kept_at)
    row.content, row.kept_at = _told(content, before.count + 1, window), desk.now()
    desk.session.flush()
    return _writing(row)


def _check(content: Content) -> None:
    secrecy.check(content.secrecy)
    drafting.check_length(content)


def attach(desk: Desk, text_id: UUID, document: Document) -> None:
    """Tie a text to the draft that was made of it; if handing it in fails now, the next press goes on with that one."""
    with contextlib.suppress(NotFound):
        row = _row(desk, text_id, hold=True)
        row.document_id, row.began_from = document.id, drafting.newest(desk, document.id).number


def drop(desk: Desk, text_id: UUID) -> None:
    """Throw a text away, or let it go after it has become a version."""
    with contextlib.suppress(NotFound):
        desk.session.delete(_row(desk, text_id, hold=True))
    shutil.rmtree(_cache(desk, text_id), ignore_errors=True)


def became(desk: Desk, key: str) -> Document | None:
    """The draft that the same press has already made of a text, None when it is a first press."""
    answers = desk.session.scalars(
        select(Call.answer).where(Call.chain == desk.agency, Call.key == key, Call.answer.is_not(None))
    )
    ids = [UUID(found[1]) for found in answers if found and found[0] == Document.__tablename__]
    return desk.session.scalars(scope(desk, Document).where(Document.id.in_(ids)).limit(1)).first() if ids else None


def _mine(desk: Desk) -> Any:
    return scope(desk, DraftText).where(DraftText.agency_id == desk.agency, DraftText.post_id == desk.actor.post)


def _row(desk: Desk, text_id: UUID, *, hold: bool = False) -> DraftText:
    statement = _mine(desk).where(DraftText.id == text_id)
    found: DraftText | None = desk.session.scalars(statement.with_for_update() if hold else statement).one_or_none()
    if found is None:
        raise NotFound("text_gone", GONE, table="draft_text", id=str(text_id))
    return found


def _told(content: Content, count: int, window: str) -> dict[str, Any]:
    told = asdict(content) | {"signer": str(content.signer)}
    told["to"] = [{**asdict(to), "agency": str(to.agency) if to.agency else None} for to in content.to]
    return {"content": told, "count": count, "window": window}


def _writing(row: DraftText) -> Writing:
    kept = row.content
    told = dict(kept["content"])
    told["to"] = tuple(To(**{**to, "agency": UUID(to["agency"]) if to["agency"] else None}) for to in told["to"])
    told["signer"] = UUID(told["signer"])
    for name in ("paragraphs", "grounds", "noted"):
        told[name] = tuple(told[name])
    return Writing(
        row.id,
        row.document_id,
        row.reply_to_id,
        row.began_from,
        row.kept_at,
        kept["count"],
        kept["window"],
        Content(**told),
    )


# What is chosen from


@dataclass(frozen=True)
class Signer:
    """Somebody who may sign, in one of his capacities; ``label`` as the form offers it."""

    post: UUID
    basis: str
    holder: str
    label: str
    called: str
    given: tuple[authority.Authority, ...]

    @property
    def code(self) -> str:
        """As the form names it."""
        return f"{self.post}:{self.basis}:{self.holder}"

    def refusal(self, kind: str, on: date) -> str:
        """Why he may not sign this kind of document, as a msgid; "" when he may."""
        capacity = authority.Capacity(authority.Basis(self.basis), authority.Holder(self.holder))
        found = authority.check(self.given, capacity=capacity, kind=kind, on=on)
        return "" if found else found.message  # type: ignore[union-attr]


def signers(desk: Desk) -> list[Signer]:
    """Who may sign today, each in each of his capacities, the head first."""
    today = local_date(desk.now())
    posts = directory.posts(desk)
    rows = desk.session.scalars(
        directory.own(desk, SigningAuthority).where(
            SigningAuthority.valid_from <= today,
            or_(SigningAuthority.valid_to.is_(None), SigningAuthority.valid_to >= today),
        )
    ).all()
    head = posts[0].title if posts else ""
    found: dict[str, Signer] = {}
    for post in posts:
        for row in rows:
            if row.post_id != post.id:
                continue
            given = row.as_rule()
            called = f"{post.person.honorific} {post.person.full_name.rpartition(' ')[2]}"
            label = _label(row.basis, row.holder, head, post)
            one = Signer(post.id, row.basis, row.holder, label, called, (given,))
            before = found.get(one.code)
            found[one.code] = replace(before, given=(*before.given, given)) if before else one
    return list(found.values())


_BASES = {"head": "", "collective": "TM. UBND, ", "by_order": "TL. ", "by_authorisation": "TUQ. "}


def _label(basis: str, holder: str, head: str, post: Post) -> str:
    """As officials say it: "GĐ Nguyễn Văn Nam", "KT. GĐ, bà Phạm Thị Kim Ngân"."""
    person = post.person
    polite = f"{person.honorific} {person.full_name}"
    before = _BASES[basis]
    if holder == "deputy":
        return f"{before}KT. {_initials(head)}, {polite}"
    if holder == "acting":
        return f"{before}Q. {_initials(head)}, {polite}"
    if basis in ("by_order", "by_authorisation"):
        return f"{before}{_initials(head)}, {polite}"
    return f"{before}{_initials(post.title)} {person.full_name}"


def _initials(title: str) -> str:
    return "".join(word[0] for word in title.split() if word[0].isalpha()).upper()


def agencies(desk: Desk) -> list[Agency]:
    """Whom one may write to: every agency of the directory but one's own, by name."""
    today = local_date(desk.now())
    statement = select(Agency).where(
        Agency.valid_from <= today, or_(Agency.valid_to.is_(None), Agency.valid_to >= today)
    )
    rows = desk.session.scalars(statement.order_by(Agency.level, Agency.name))
    return [row for row in rows if row.id != desk.agency]  # one's own is read too, for the head of the paper


def recipient(known: Sequence[Agency], words: str, kind: str) -> To:
    """A recipient somebody typed: the agency of that name, or a name outside the directory, which gets paper."""
    wanted = fold(tidy(words))
    found = [row for row in known if wanted in (row.folded_name, row.folded_short_name)]
    return _to(found[0] if len(found) == 1 else None, tidy(words), kind)


def chosen(known: Sequence[Agency], agency_id: UUID, kind: str) -> To:
    """A recipient chosen from the directory.

    Raises:
        InvalidInput: it is not there.
    """
    found = next((row for row in known if row.id == agency_id), None)
    if found is None:
        raise InvalidInput("choice_unknown", field="to")
    return _to(found, "", kind)


def _to(agency: Agency | None, name: str, kind: str) -> To:
    paper = agency is None or not agency.hosted
    return To(
        agency.name if agency else tidy(name), agency.id if agency else None, kind, paper, NO_WAY if paper else None
    )


# Paste, and paper


def paragraphs(texts: Sequence[str]) -> tuple[str, ...]:
    """What stood in the boxes, one paragraph each: pasted text falls apart at its line breaks, empty boxes stay.

    Bullets of a word processor become the dash of official papers; characters nobody sees are dropped.
    """
    found: list[str] = []
    for text in texts:
        lines = [tidy(_bullet(line)) for line in re.split(r"\r\n|[\n\r\v\f\x85\u2028\u2029]", text)]
        filled = [line for line in lines if line]
        found += filled or [""]
    return tuple(found)


def _bullet(line: str) -> str:
    return re.sub(r"^\s*[\u2022\u00b7\u25aa\u25cf\u25cb\u25a0\u2219\uf0b7\uf02d\uf0a7o]\s+(?=\S)", "- ", line)


@dataclass(frozen=True)
class Look:
    """A text as paper: ``pages`` 0 and the ``problem`` when it cannot be drawn yet; ``mark`` names this very look."""

    pages: int
    mark: str
    problem: OfficeError | None = None


def look(desk: Desk, text_id: UUID, content: Content) -> Look:
    """Draw a text as it will look; the same text is drawn once."""
    try:
        letter = drafting.letter_of(desk, content)
    except OfficeError as error:
        return Look(0, "", error)
    mark = digest(letter.to_recipe())
    return Look(_pages(_drawn(desk, text_id, letter, mark)), mark[:16])


def page_image(desk: Desk, writing: Writing, page: int) -> Path:
    """The picture of a page of a text as it is now.

    Raises:
        NotFound: it has no such page, or cannot be drawn yet.
    """
    try:
        letter = drafting.letter_of(desk, writing.content)
    except InvalidInput:
        raise NotFound(table="page", page=page) from None
    mark = digest(letter.to_recipe())
    paper = _drawn(desk, writing.id, letter, mark)
    return files.draw_once(desk, paper, page, place=paper.with_name(f"{page}.jpg"))


def _cache(desk: Desk, text_id: UUID) -> Path:
    return desk.settings.cache / "writing" / str(text_id)


def _drawn(desk: Desk, text_id: UUID, letter: Letter, mark: str) -> Path:
    """The paper of a text; older looks of it go, for nobody will ask for them again."""
    folder = _cache(desk, text_id) / mark
    found = next(folder.glob("*.pdf"), None)
    if found is not None:
        return found
    data = render(letter)
    for older in folder.parent.glob("*"):
        shutil.rmtree(older, ignore_errors=True)
    paper = folder / f"{drafting.page_count(data)}.pdf"
    files.keep_beside(paper, data)
    return paper


def _pages(paper: Path) -> int:
    return int(paper.stem)

"""The editor: begin a draft, write it with the paper beside it, save it as a version and hand it in."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, g, make_response, render_template, request, send_file, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from eoffice.core.desk import Desk
from eoffice.core.errors import Conflict, InvalidInput, NotAllowed, OfficeError, Unavailable
from eoffice.core.i18n import N_, time_text
from eoffice.core.text import tidy
from eoffice.formats.letter import URGENCY
from eoffice.models.documents import Document
from eoffice.rules import delivery, kinds, secrecy
from eoffice.rules.access import Permission, Role
from eoffice.rules.lifecycle import State
from eoffice.services import directory, drafting, search, writing
from eoffice.services.drafting import Content, NewerVersion, To
from eoffice.services.writing import KeptElsewhere, Writing
from eoffice.web import here
from eoffice.web.deadlines import due_of
from eoffice.web.guard import needs
from eoffice.web.language import form_key, told
from eoffice.web.language import say as _

room = Blueprint("writing", __name__)

LONG = 4 * 1024 * 1024
"""Bytes of a form: far more than one document takes, so that too much text is answered with the text."""

MOST_PAGES = 20
"""Pages shown beside the text; the rest is seen once it is a version."""


class Gone(Conflict):
    """What was sent belongs to a text that has become a version or was thrown away meanwhile."""

    code = "text_gone"
    message = N_(
        "This text was saved as a version, or thrown away, in another window. What you wrote here stands below "
        "and is kept as a new text; nothing was sent yet."
    )


# Beginning


@room.get("/drafts")
@needs(Permission.DRAFT_COMPOSE)
def texts() -> str:
    """What this person has begun and not yet saved as a version."""
    with here.reading() as desk:
        found = writing.all_open(desk)
    return render_template("writing/list.html", found=found)


@room.post("/drafts")
@needs(Permission.DRAFT_COMPOSE)
def begin() -> Response:
    """Begin a new document."""
    key = _key()
    text = here.office().keep(here.actor(), lambda desk: writing.begin(desk, key=key), locale=g.locale)
    return here.go(url_for("writing.editor", text_id=text))


@room.post("/documents/<uuid:document_id>/answer")
@needs(Permission.DRAFT_COMPOSE)
def answer(document_id: UUID) -> Response:
    """Begin the answer to an incoming document, or go on with the one that was begun."""
    found = here.office().keep(here.actor(), lambda desk: writing.answer(desk, document_id), locale=g.locale)
    if isinstance(found, UUID):
        return here.go(url_for("documents.document", document_id=found))
    return here.go(url_for("writing.editor", text_id=found.id))


@room.post("/documents/<uuid:document_id>/edit")
@needs(Permission.DRAFT_COMPOSE)
def edit(document_id: UUID) -> Response:
    """Begin a new version of a draft, or go on with the one that was begun."""
    found = here.office().keep(here.actor(), lambda desk: writing.edit(desk, document_id), locale=g.locale)
    return here.go(url_for("writing.editor", text_id=found.id))


def _key() -> UUID:
    key = request.form.get("key", "")
    if not re.fullmatch("[0-9a-f]{32}", key):
        raise InvalidInput("form_incomplete")
    return UUID(key)


# Writing


@room.get("/drafts/<uuid:text_id>")
@needs(Permission.DRAFT_COMPOSE)
def editor(text_id: UUID) -> str:
    """The editor with the paper beside it."""
    with here.reading() as desk:
        return _page(desk, writing.find(desk, text_id))


@room.post("/drafts/<uuid:text_id>", endpoint="write")
@needs(Permission.DRAFT_COMPOSE, limit=LONG)
def write(text_id: UUID) -> Any:
    """Keep what was written, and do what the button says: show it, move paragraphs, save a version, hand it in."""
    row, content = _sent(text_id)
    if row is None:
        return _gone(content)
    deed, _colon, at = request.form.get("do", "show").partition(":")
    content = replace(content, paragraphs=_moved(content.paragraphs, deed, at))
    try:
        row = _keep(row, content)
        if deed in ("save", "submit"):
            return _save(row, _final(content), submit=deed == "submit")
    except (Conflict, InvalidInput, NotAllowed) as error:
        with here.reading() as desk:
            return _page(desk, _fresh(desk, row), content, error), error.status
    return here.go(url_for("writing.editor", text_id=row.id, at=_focus(content, deed, at)))


@room.post("/drafts/<uuid:text_id>/keep")
@needs(Permission.DRAFT_COMPOSE, limit=LONG)
def keep(text_id: UUID) -> Response:
    """Keep what was written so far, and answer with the paper as it looks now."""
    row, content = _sent(text_id)
    try:
        if row is None:
            raise Gone
        row = _keep(row, content)
    except (Conflict, InvalidInput, Unavailable) as error:
        response = make_response(render_template("writing/unkept.html", problem=_said(error), text=text_id))
        response.status_code = error.status
        response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#kept", "outerHTML"
        return response
    with here.reading() as desk:
        look = writing.look(desk, row.id, _final(content))
    return make_response(render_template("writing/kept.html", text=row, look=look, most=MOST_PAGES))


@room.post("/drafts/<uuid:text_id>/discard")
@needs(Permission.DRAFT_COMPOSE)
def discard(text_id: UUID) -> Response:
    """Throw a text away that is no version yet; versions stay."""

    def drop(desk: Desk) -> Writing:
        row = writing.find(desk, text_id)
        writing.drop(desk, text_id)
        return row

    row = here.office().keep(here.actor(), drop, locale=g.locale)
    flash(_("The unsaved text was thrown away."))
    back = row.document or row.reply_to
    return here.go(url_for("documents.document", document_id=back) if back else url_for("writing.texts"))


@room.get("/drafts/<uuid:text_id>/pages/<int:page>.jpg")
@needs(Permission.DRAFT_COMPOSE)
def page_image(text_id: UUID, page: int) -> Response:
    """A page of the paper as the text stands now."""
    with here.reading() as desk:
        row = writing.find(desk, text_id)
        picture = writing.page_image(desk, replace(row, content=_final(row.content)), page)
    return send_file(picture, mimetype="image/jpeg", etag=False)


def _sent(text_id: UUID) -> tuple[Writing | None, Content]:
    """What the form brought, and the text it belongs to: None when that is no longer there.

    Raises:
        NotFound: the text is somebody else's.
    """
    with here.reading() as desk:
        row = writing.find_or_none(desk, text_id)
        return row, _content(desk, row)


def _keep(row: Writing, content: Content) -> Writing:
    window, count = request.form.get("window", ""), request.form.get("count", "")
    seen = int(count) if re.fullmatch("[0-9]{1,9}", count) else -1
    return here.office().keep(
        here.actor(),
        lambda desk: writing.keep(desk, row.id, content, window=window[:32], count=seen),
        locale=g.locale,
    )


def _fresh(desk: Desk, row: Writing) -> Writing:
    """The text as it is kept; as it was, when it has gone."""
    return writing.find_or_none(desk, row.id) or row


def _content(desk: Desk, row: Writing | None) -> Content:
    """What stands in the boxes.

    Raises:
        InvalidInput: something was chosen that nobody offered.
    """
    form = request.form
    known = writing.agencies(desk)
    people = writing.signers(desk)
    signer = next((one for one in people if one.code == form.get("signer")), None)
    before = row.content if row else None
    if signer is None and before is None:
        raise InvalidInput("choice_unknown", field="signer")
    urgency = form.get("urgency", "normal")
    if urgency not in URGENCY:
        raise InvalidInput("choice_unknown", field="urgency")
    return Content(
        kind=kinds.by_code(form.get("kind", "official_letter")).code,
        subject=tidy(form.get("subject", "")),
        paragraphs=writing.paragraphs(form.getlist("p")) or ("",),
        to=(*_recipients(known, "to", "addressee"), *_recipients(known, "cc", "cc")),
        signer=signer.post if signer else before.signer,  # type: ignore[union-attr]
        basis=signer.basis if signer else before.basis,  # type: ignore[union-attr]
        holder=signer.holder if signer else before.holder,  # type: ignore[union-attr]
        grounds=_lines("grounds"),
        noted=_lines("noted"),
        urgency=urgency,
        secrecy=form.get("secrecy", "none"),
    )


def _lines(name: str) -> tuple[str, ...]:
    return tuple(text for text in writing.paragraphs([request.form.get(name, "")]) if text)


def _recipients(known: Any, field: str, kind: str) -> tuple[To, ...]:
    """Those that are ticked, and those whose names were typed, each once."""
    found: dict[Any, To] = {}
    typed = [name for name in re.split(r"[;\r\n]", request.form.get(f"{field}_name", "")) if tidy(name)]
    for value in [*request.form.getlist(field), *(f"name:{name}" for name in typed)]:
        way, _colon, name = value.partition(":")
        if way == "name":
            one = writing.recipient(known, name, kind)
        else:
            try:
                one = writing.chosen(known, UUID(value), kind)
            except ValueError:
                raise InvalidInput("choice_unknown", field=field) from None
        found.setdefault(one.agency or one.name, one)
    return tuple(found.values())


def _moved(texts: tuple[str, ...], deed: str, at: str) -> tuple[str, ...]:
    """The paragraphs after a button beside one of them was pressed."""
    found = list(texts)
    if deed == "add":
        return (*found, "")
    if not at.isdecimal() or not int(at) < len(found):
        return texts
    place = int(at)
    if deed == "remove":
        del found[place]
    elif deed in ("up", "down"):
        other = min(max(place + (1 if deed == "down" else -1), 0), len(found) - 1)
        found.insert(other, found.pop(place))
    return tuple(found) or ("",)


def _focus(content: Content, deed: str, at: str) -> int | None:
    """Which paragraph the person goes on with."""
    last = len(content.paragraphs)
    if deed == "add":
        return last
    if deed in ("remove", "up", "down") and at.isdecimal():
        return min(max(int(at) + {"up": 0, "down": 2, "remove": 1}[deed], 1), last)
    return None


def _final(content: Content) -> Content:
    """Without the empty boxes."""
    return replace(content, paragraphs=tuple(text for text in content.paragraphs if text))


# Saving


def _save(row: Writing, content: Content, *, submit: bool) -> Response:
    """Make a version of it if it differs from the newest one, hand it in if that is wanted, and let the text go."""

    def drop(desk: Desk, _done: Any) -> None:
        writing.drop(desk, row.id)

    def attach(desk: Desk, done: Document) -> None:
        writing.attach(desk, row.id, done)

    number, state = 1, State.DRAFT.value
    if row.document is None:
        done = here.do(
            drafting.compose, content=content, reply_to=row.reply_to, version=None, also=attach if submit else drop
        )
    else:
        with here.reading() as desk:
            done = search.document(desk, row.document)
            number, state = drafting.newest(desk, done.id).number, done.state
            changed = drafting.content_of(desk, done) != content
        if changed:
            note, began = request.form.get("note", ""), _began_from(row)
            done = here.do(
                drafting.revise, done.id, content=content, note=note, began_from=began, version=None,
                also=attach if submit else drop,
            )  # fmt: skip
            number, state = number + 1, done.state
    if submit and state == State.DRAFT:
        here.do(drafting.submit, done.id, version=None, also=drop)
        flash(_("The draft was handed in for review."))
    else:
        here.office().keep(here.actor(), lambda desk: drop(desk, None), locale=g.locale)
        flash(_("Version {number} is saved.", number=number))
    return here.go(url_for("documents.document", document_id=done.id))


def _began_from(row: Writing) -> int:
    text = request.form.get("began_from", "")
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else row.began_from


def _gone(content: Content) -> Any:
    """The text is no longer there: the same press has made a version of it, or another window has."""
    with here.reading() as desk:
        done = writing.became(desk, f"form:{request.form.get('key', '')}")
        same = done is not None and drafting.content_of(desk, done) == _final(content)
    if done is not None and same:
        return here.go(url_for("documents.document", document_id=done.id))
    document, reply_to = done.id if done else here.identifier("document"), here.identifier("reply_to")
    began = request.form.get("began_from", "")
    row = here.office().keep(
        here.actor(),
        lambda desk: writing.again(
            desk,
            content,
            document=document,
            reply_to=reply_to,
            began_from=int(began) if re.fullmatch("[0-9]{1,9}", began) else 0,
        ),
        locale=g.locale,
    )
    with here.reading() as desk:
        return _page(desk, row, content, Gone()), Gone.status


# The page


@dataclass(frozen=True)
class Step:
    """One station of the circuit, in words."""

    text: Markup
    icon: str
    state: str


def circuit(posts: list[Any], drafter: UUID | None, unit: UUID | None, signer: UUID) -> dict[str, list[Any]]:
    """Who does what with a draft on its way: ``approvers``, ``checkers`` and ``signers``, never the drafter himself."""
    def roles(post: Any) -> set[str]:
        return {role.role for role in post.roles}

    own = next((post.person_id for post in posts if post.id == drafter), None)
    others = [post for post in posts if post.person_id != own]
    return {
        "approvers": [post for post in others if Role.UNIT_HEAD in roles(post) and unit and post.unit_id == unit],
        "checkers": [post for post in others if Role.FORMAT_CHECKER in roles(post)],
        "signers": [post for post in posts if post.id == signer],
    }


def _given(person: Any) -> str:
    return str(person.full_name.rpartition(" ")[2])


def _steps(stations: dict[str, list[Any]], drafter: Any) -> list[Step]:
    def names(posts: list[Any]) -> str:
        return ", ".join(_given(post.person) for post in posts[:3])

    def step(posts: list[Any], sentence: str, nobody: str) -> Step:
        if not posts:
            return Step(Markup.escape(_(nobody)), "circle-alert", _("nobody does this:"))
        return Step(told(sentence, name=names(posts)), "circle-dashed", _("not yet:"))

    first = told(N_("{name} writes"), name=_given(drafter.person)) if drafter else Markup.escape(_("The drafter"))
    return [
        Step(first, "circle-dot", _("here now:")),
        step(stations["approvers"], N_("{name} approves"), N_("Nobody approves")),
        step(stations["checkers"], N_("{name} checks the format"), N_("Nobody checks the format")),
        step(stations["signers"], N_("{name} signs"), N_("Nobody signs")),
        Step(Markup.escape(_("The clerk issues")), "circle-dashed", _("not yet:")),
    ]


def _said(error: OfficeError) -> str:
    if isinstance(error, KeptElsewhere):
        error.facts["time"] = time_text(error.facts["at"])  # type: ignore[arg-type]
    return error.sentence(g.locale)


def _page(desk: Desk, row: Writing, content: Content | None = None, problem: OfficeError | None = None) -> str:
    """The editor.

    Args:
        content: what was written, when it could not be kept; else what is kept.
        problem: why not.
    """
    posts = directory.posts(desk)
    people = writing.signers(desk)
    shown = content or row.content
    asked = search.find_one(desk, row.reply_to) if row.reply_to else None
    draft = search.find_one(desk, row.document) if row.document else None
    versions = drafting.version_list(desk, row.document) if row.document else []
    stations = circuit(
        posts, draft.drafter_post_id if draft else desk.actor.post, draft.unit_id if draft else desk.actor.unit,
        shown.signer,
    )  # fmt: skip
    signer = next((one for one in people if (one.post, one.basis, one.holder) == _capacity(shown)), None)
    known = writing.agencies(desk)
    newest = versions[-1] if versions else None
    began = _began_from(row) if request.method == "POST" else row.began_from
    return render_template(
        "writing/editor.html",
        text=row,
        content=shown,
        look=writing.look(desk, row.id, _final(row.content)),  # the pictures are of what is kept
        most=MOST_PAGES,
        window=request.form.get("window") if content and not isinstance(problem, Gone) else form_key(),
        problem=_said(problem) if problem else "",
        elsewhere=isinstance(problem, KeptElsewhere),
        newer=newest if newest and began < newest.number else None,
        began=began,
        # who has been told of a newer version may replace it by pressing again
        began_next=newest.number if newest and isinstance(problem, NewerVersion) else began,
        writer=next((post.person for post in posts if newest and post.id == newest.post_id), None),
        answered=asked,
        due=due_of(asked, directory.calendar(desk), here.now()) if asked else None,
        draft=draft,
        steps=_steps(stations, next((post for post in posts if post.id == desk.actor.post), None)),
        submit_label=submit_label(stations),
        signers=people,
        signer=signer,
        unfit=signer.refusal(shown.kind, here.now().date()) if signer else "",
        agencies=known,
        kinds=kinds.KINDS,
        unaddressed=kinds.by_code(shown.kind).addressing is kinds.Addressing.NEVER,
        levels=list(secrecy.Secrecy),
        reasons={reason.code: reason.name_in(g.locale) for reason in delivery.paper_reasons(here.now().date())},
        at=request.args.get("at", 0, type=int),
        versions=versions,
    )


def _capacity(content: Content) -> tuple[UUID, str, str]:
    return content.signer, content.basis, content.holder


def labels(desk: Desk, row: Any) -> dict[str, Markup]:
    """What the buttons of a draft's page say: the consequence, and who is next."""
    if row.signer_post_id is None:
        return {}
    stations = circuit(directory.posts(desk), row.drafter_post_id, row.unit_id, row.signer_post_id)
    return {
        "submit": submit_label(stations),
        "approve_content": _label(
            stations["checkers"],
            N_("Approve the content, on to {name} for the format"),
            N_("Approve the content, on to the format check"),
        ),
        "approve_format": _label(
            stations["signers"],
            N_("Approve the format, on to {name} for signature"),
            N_("Approve the format, on to signature"),
        ),
    }


def submit_label(stations: dict[str, list[Any]]) -> Markup:
    """What the button says that hands a draft in."""
    return _label(
        stations["approvers"],
        N_("Submit to {name} for approval of the content"),
        N_("Submit for approval of the content"),
    )


def _label(people: list[Any], named: str, unnamed: str) -> Markup:
    """With the name of the one person who is next, without when there is none or several."""
    person = people[0].person if len(people) == 1 else None
    return told(named, name=f"{person.honorific} {_given(person)}") if person else Markup.escape(_(unnamed))

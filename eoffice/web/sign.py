"""The leader's signing desk: read page by page, approve, unlock once, and watch the list being signed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, g, render_template, request, url_for
from werkzeug.wrappers import Response

from eoffice.core.desk import Desk
from eoffice.core.errors import Conflict, InvalidInput, OfficeError, SignatureProblem, Unavailable
from eoffice.core.i18n import N_
from eoffice.core.secret import Secret
from eoffice.rules.access import Permission
from eoffice.services import directory, drafting, elsewhere, issuing, search, signing_list
from eoffice.services.incoming import main_file
from eoffice.services.signing_list import Chosen, Tray
from eoffice.web import here, rail, shown, tokens
from eoffice.web.guard import needs, signed_in
from eoffice.web.language import say as _

room = Blueprint("sign", __name__)

LEADER = Permission.DOCUMENT_SIGN
REFUSED = (InvalidInput, Conflict, SignatureProblem, Unavailable)
"""What is told on the page where it happened."""

FORGED = N_("This page was opened elsewhere or altered, so it does not tell what was displayed. Please read it again.")


# reading


@room.get("/sign")
@needs(LEADER)
def desk() -> str | Response:
    """The first document that waits to be read, or what there is to do when none does."""
    with here.reading() as desk:
        pile, tray = signing_list.pile(desk), signing_list.tray(desk)
        if pile:
            return _show(desk, pile[0].id, pile, tray)
    return render_template("sign/empty.html", tray=tray, tabs=_tabs(tray, "read"))


@room.get("/sign/<uuid:document_id>")
@signed_in
def document(document_id: UUID) -> str | Response:
    """One page of one document, with the facts a signer needs."""
    return show(document_id)


def show(document_id: UUID, problem: OfficeError | None = None) -> str | Response:
    """The desk with one document on it; one that is neither to be read nor listed is shown in its own page.

    Raises:
        NotFound: there is none, or none this person may know of.
    """
    with here.reading() as desk:
        return _show(desk, document_id, signing_list.pile(desk), signing_list.tray(desk), problem)


def _show(
    desk: Desk, document_id: UUID, pile: Sequence[Any], tray: Tray, problem: OfficeError | None = None
) -> str | Response:
    row = search.document(desk, document_id)
    place = next((index for index, other in enumerate(pile) if other.id == document_id), None)
    item = tray.of(document_id)
    draft = main_file(row, "draft")
    if draft is None or (place is None and item is None):
        return here.go(url_for("documents.document", document_id=document_id))
    here.visits().note(here.actor(), "document.opened", object_id=document_id)
    steps = signing_list.circuit(desk, document_id, draft.sha256, drafting.annexes_digest(row))
    certificates = signing_list.certificates(desk)
    clerk = certificates["seal"].custodian_post_id if "seal" in certificates else None
    posts = {row.drafter_post_id, row.signer_post_id, clerk, *(step.post for step in steps)}
    page = min(max(request.args.get("page", 1, type=int), 1), row.page_count)
    seen = shown.go_on(request.values.get("seen", ""), document_id, draft.sha256).turned(page, here.now())
    return render_template(
        "sign/desk.html",
        row=row,
        draft=draft,
        item=item,
        pile=pile,
        place=place,
        page=page,
        unread=next((number for number in range(1, row.page_count + 1) if number not in seen.pages()), 0),
        seen=seen,
        record=shown.write(seen),
        steps=steps,
        recipients=drafting.recipients(desk, document_id),
        people=directory.named(desk, {post for post in posts if post is not None}),
        clerk=clerk,
        certificate=certificates.get("leader"),
        **tokens.about(certificates.get("leader")),
        answered=_answered(desk, row),
        annexes=drafting.annexes(row),
        problem=problem.sentence(g.locale) if problem else "",
        tray=tray,
        tabs=_tabs(tray, "read"),
        retriable=signing_list.retriable([item] if item is not None and item.state == "failed" else []),
    )


def _answered(desk: Desk, row: Any) -> Any:
    """What this document answers, as far as the person may see it."""
    if row.reply_to_id is None:
        return None
    return next((other for other in search.related(desk, row) if other.id == row.reply_to_id), None)


@dataclass(frozen=True)
class Tab:
    """One tab of the desk, with the number of rows behind it as text."""

    code: str
    text: str
    url: str
    number: str
    current: bool


def _tabs(tray: Tray, current: str) -> list[Tab]:
    waiting = rail.counts().get("to_sign-mine", "0")
    parts = (
        ("read", _("To sign"), url_for("sign.desk"), waiting),
        ("running", _("Running"), url_for("sign.progress"), rail.number(len(tray.running()))),
        ("signed", _("Signed"), url_for("sign.progress", state="signed"), rail.number(len(tray.signed))),
        ("failed", _("Failed"), url_for("sign.progress", state="failed"), rail.number(len(tray.failed))),
    )
    return [Tab(*part, part[0] == current) for part in parts]


@room.post("/sign/<uuid:document_id>/approve")
@needs(LEADER)
def approve(document_id: UUID) -> Any:
    """Put the document into the signing list and go to the next one."""
    following = _following(document_id)
    try:
        seen = shown.read(request.form.get("seen", ""))
        if seen is None:
            raise InvalidInput("not_shown", FORGED)
        here.do(signing_list.approve, document_id, shown=seen)
    except (InvalidInput, Conflict) as error:
        return _stay(document_id, error)
    flash(_("Approved and put into the signing list; it is not signed yet."))
    return _go_on(following)


@room.post("/sign/<uuid:document_id>/send-back")
@needs(Permission.DRAFT_SEND_BACK)
def send_back(document_id: UUID) -> Any:
    """Return the draft with a reason and go to the next one."""
    following = _following(document_id)
    try:
        here.do(drafting.send_back, document_id, reason=request.form.get("reason", ""))
    except (InvalidInput, Conflict) as error:
        return _stay(document_id, error)
    flash(_("The draft was sent back with your reason."))
    return here.go(following)


def _go_on(following: str) -> Response:
    """To the next document; the script is sent to the empty desk in full, for that one has another frame."""
    if "HX-Request" in request.headers and following == url_for("sign.desk"):
        return Response(headers={"HX-Redirect": following}, mimetype="text/html")
    return here.go(following)


def _stay(document_id: UUID, error: OfficeError) -> Any:
    answer = show(document_id, error)
    if not isinstance(answer, str):
        raise error  # it is on nobody's desk any more
    return answer, error.status


def _following(document_id: UUID) -> str:
    """The one after this in the reading stack, or the first one, or the desk when it is empty."""
    with here.reading() as desk:
        keys = [row.id for row in signing_list.pile(desk)]
    place = keys.index(document_id) + 1 if document_id in keys else 0
    rest = [key for key in (*keys[place:], *keys) if key != document_id]
    return url_for("sign.document", document_id=rest[0]) if rest else url_for("sign.desk")


# the list


@room.post("/sign/items/<uuid:item_id>/remove")
@needs(LEADER)
def remove(item_id: UUID) -> Response:
    """Take one out of the list."""
    here.do(signing_list.remove, item_id)
    flash(_("It was taken out of the list; nothing was signed."))
    return here.go(here.path(request.form.get("next", "")) or url_for("sign.unlock"))


@room.get("/sign/unlock")
@needs(LEADER)
def unlock() -> str:
    """The signing list, and the password that signs it."""
    return _list_page(set(request.args.getlist("item")))


@room.post("/sign/unlock")
@needs(LEADER)
def unlock_post() -> Any:
    """Unlock the key for exactly what the form shows; it is signed in the background."""
    items = _chosen()
    try:
        here.do(signing_list.unlock, items=items, password=Secret(request.form.get("password", "")[:1000]))
    except REFUSED as error:
        return _list_page({str(key) for key, _version in items}, error), error.status
    return here.go(url_for("sign.progress"))


@room.post("/sign/retry")
@needs(LEADER)
def retry() -> Response:
    """Sign failed ones once more; the password is asked again unless the key is still open for them."""
    items = _chosen()
    with here.reading() as desk:
        still_open = signing_list.is_unlocked(desk, items)
    if not still_open:
        return here.go(url_for("sign.unlock", item=[key for key, _version in items]))
    here.do(signing_list.retry, items=items)
    return here.go(url_for("sign.progress"))


@room.post("/sign/stop")
@needs(LEADER)
def stop() -> Response:
    """Call off what is not signed yet."""
    here.do(signing_list.stop)
    flash(_("Signing was stopped. What was not signed yet stands in your list, still approved."))
    return here.go(url_for("sign.unlock"))


def _chosen() -> Chosen:
    """The items of a form, each with the version in which it was shown.

    Raises:
        InvalidInput: they are none of ours.
    """
    found = []
    for text in request.form.getlist("item"):
        match = re.fullmatch(r"([0-9a-f-]{36})\.([0-9]{1,9})", text)
        try:
            found.append((UUID(match[1]), int(match[2])) if match else None)
        except ValueError:
            found.append(None)
    if None in found:
        raise InvalidInput("choice_unknown")
    return tuple(item for item in found if item is not None)


def _list_page(wanted: set[str], problem: OfficeError | None = None) -> str:
    with here.reading() as desk:
        tray = signing_list.tray(desk)
        certificate = signing_list.certificates(desk).get("leader")
    open_ones = [*tray.listed, *signing_list.retriable(tray.failed)]
    chosen = [item for item in open_ones if str(item.id) in wanted]
    return render_template(
        "sign/unlock.html",
        items=chosen or tray.listed,
        certificate=certificate,
        **tokens.about(certificate),
        tray=tray,
        tabs=_tabs(tray, ""),
        problem=problem.sentence(g.locale) if problem else "",
    )


# with a key that lies with the signer


@room.post("/sign/items/<uuid:item_id>/offer")
@needs(LEADER)
@tokens.told
def offer(item_id: UUID) -> list[dict[str, str]]:
    """What the signer's token has to sign for one document of the list."""
    with here.reading() as desk:
        made = elsewhere.offer(desk, _wanted(desk, item_id)[1])
    tokens.keep([made])
    return [made.facts()]


@room.post("/sign/items/<uuid:item_id>/value")
@needs(LEADER)
@tokens.told
def value(item_id: UUID) -> dict[str, str]:
    """Sign one document of the list with what the token answered."""
    _sign(item_id, tokens.values())
    return {}


@room.get("/sign/items/<uuid:item_id>/file")
@needs(LEADER)
def file(item_id: UUID) -> str:
    """How one document of the list is signed by another program, and where it is brought back."""
    return _file_page(item_id)


@room.post("/sign/items/<uuid:item_id>/file")
@needs(LEADER, upload=True)
def file_post(item_id: UUID) -> Response | tuple[str, int]:
    """Take a document that another program has signed."""
    try:
        _sign(item_id, tokens.returned())
    except REFUSED as error:
        return _file_page(item_id, error), error.status
    flash(_("The document is signed; the file was brought back exactly as it went out."))
    return here.go(url_for("sign.progress", state="signed"))


def _wanted(desk: Desk, item_id: UUID) -> tuple[Any, elsewhere.Wanted]:
    item = signing_list.waiting(desk, item_id)
    row = search.document(desk, item.document_id)
    issuing.check_shown(row, item.sha256)
    return item, issuing.leader_signature(desk, row)


def _sign(item_id: UUID, answer: elsewhere.Answer) -> None:
    with here.reading() as desk:
        item = signing_list.waiting(desk, item_id)
    if not answer:
        raise InvalidInput("form_incomplete")
    about = {"sha256": item.sha256, "shown": item.shown}
    here.do(issuing.sign, item.document_id, part=f":{item_id}", version=None, answer=answer, **about)


def _file_page(item_id: UUID, problem: OfficeError | None = None) -> str:
    with here.reading() as desk:
        item, wanted = _wanted(desk, item_id)
        row = search.document(desk, item.document_id)
    return render_template(
        "sign/file.html",
        item=item,
        row=row,
        draft=main_file(row, "draft"),
        field=wanted.request.field,
        problem=problem.sentence(g.locale) if problem else "",
    )


# progress


@room.get("/sign/progress")
@needs(LEADER)
def progress() -> str:
    """What is being signed, what was signed today, or what failed and why."""
    return render_template("sign/progress.html", **_progress())


@room.get("/sign/progress/rows")
@needs(LEADER)
def rows() -> str:
    """The moving part of that page, fetched every second while something runs."""
    return render_template("sign/rows.html", **_progress())


def _progress() -> dict[str, Any]:
    asked = request.args.get("state", "")
    state = asked if asked in ("signed", "failed") else "running"
    with here.reading() as desk:
        tray = signing_list.tray(desk)
        begun = signing_list.at_work(desk, tray.queued)
    running = tray.running()
    batch = running or tray.last()
    items = {"signed": tray.signed, "failed": tray.failed, "running": batch}[state]
    return {
        "state": state,
        "items": items,
        "begun": begun,
        "running": bool(running),
        "done": sum(item.state != "queued" for item in batch),
        "signed": sum(item.state == "signed" for item in batch),
        "failed": sum(item.state == "failed" for item in batch),
        "retriable": signing_list.retriable([item for item in items if item.state == "failed"]),
        "tray": tray,
        "tabs": _tabs(tray, state),
    }


@room.get("/sign/running")
@needs(LEADER)
def running() -> str:
    """The link to running work in the bar; nothing once all is done."""
    return render_template("sign/running.html")

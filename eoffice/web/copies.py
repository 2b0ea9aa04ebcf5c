"""Certified copies: making one of a document, looking at one, and the register of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, g, render_template, request, url_for
from werkzeug.wrappers import Response

from eoffice.core import i18n
from eoffice.core.errors import NotFound, OfficeError
from eoffice.models.documents import Document
from eoffice.rules.access import Permission
from eoffice.rules.copies import CopyForm
from eoffice.rules.lifecycle import State, next_state
from eoffice.services import copies, directory, elsewhere, files, search
from eoffice.services.copies import Wanted
from eoffice.web import here, sheets, tokens, words
from eoffice.web.guard import needs, signed_in
from eoffice.web.language import say as _
from eoffice.web.language import short_subject
from eoffice.web.papers import MOST_PAGES

room = Blueprint("copies", __name__)

NOWHERE = UUID(int=0)
CHUNK = 500
"""Lines of the register fetched at once for a file."""


# making one


@room.get("/documents/<uuid:document_id>/copy")
@needs(Permission.DOCUMENT_SEAL)
def form(document_id: UUID) -> Response | tuple[str, int]:
    """What can be copied of a document, and who decides it."""
    return _page(document_id)


@room.post("/documents/<uuid:document_id>/copy")
@needs(Permission.DOCUMENT_SEAL)
def certify(document_id: UUID) -> Response | tuple[str, int]:
    """Make a certified copy; the same press again leads to the same copy."""
    try:
        wanted, values = _wanted(), tokens.values()
        if not values:
            with here.reading() as desk:
                copies.open_seal(desk, _own(desk, document_id), wanted, request.form.get("password", "")[:1000])
        row = here.do(copies.certify, document_id, wanted=wanted, **({"answer": values} if values else {}))
    except NotFound:
        raise
    except OfficeError as error:
        return _page(document_id, error)
    flash(_("Certified copy {code} was made.", code=row.code))
    return here.go(url_for("copies.copy", copy_id=row.id))


@room.post("/documents/<uuid:document_id>/copy/offer")
@needs(Permission.DOCUMENT_SEAL)
@tokens.told
def offer(document_id: UUID) -> list[dict[str, str]]:
    """What the clerk's token has to sign for a copy."""
    wanted = _wanted()
    with here.reading() as desk:
        made = elsewhere.offer(desk, copies.agency_signature(desk, _own(desk, document_id), wanted)[1])
    tokens.keep([made])
    return [made.facts()]


def _wanted() -> Wanted:
    given = request.form
    return Wanted(
        form=given.get("form", "")[:40],
        file=here.identifier("file") or NOWHERE,
        pages=given.get("pages", "")[:1000],
        purpose=given.get("purpose", "")[:4000],
        decided_by=here.identifier("decided_by"),
    )


def _own(desk: Any, document_id: UUID) -> Document:
    """A document of this person's own agency; an auditor's view reaches further, a clerk's hand does not."""
    row = search.document(desk, document_id)
    if row.agency_id != desk.agency:
        raise NotFound(table="document", id=str(document_id))
    return row


def _page(document_id: UUID, problem: OfficeError | None = None) -> Response | tuple[str, int]:
    with here.reading() as desk:
        row = _own(desk, document_id)
        if next_state("certify", State(row.state)) is None:
            return here.go(url_for("documents.document", document_id=document_id))
        about = files.about(desk, row)
        sources = copies.sources(row)
        electronic = {item.id: copies.is_electronic(row, item, about[item.sha256].report) for item in sources}
        certificate = directory.certificate(desk, "seal")
        keeper = certificate.custodian_post_id if certificate is not None else None
        mine = keeper is not None and keeper == desk.actor.post
        found = {
            "deciders": copies.deciders(desk),
            "mine": mine,
            "keeper": None if mine or keeper is None else directory.named(desk, {keeper}).get(keeper),
        }
    asked = request.form.get("file")
    chosen = next((item for item in sources if str(item.id) == asked), sources[0] if sources else None)
    possible: set[CopyForm] = set()
    for item in sources:
        pages = about[item.sha256].pages or 0
        possible.update(copies.possible_forms(row, electronic=electronic[item.id], pages=pages))
    known = about[chosen.sha256] if chosen is not None else None
    page = render_template(
        "copies/form.html",
        row=row,
        about=about,
        sources=sources,
        chosen=chosen,
        made=[known for known in (about[item.sha256] for item in row.files) if known.copy],
        electronic=electronic,
        forms=[form for form in CopyForm if form in possible],
        whole=(known.pages if known else 0) or 0,
        pages=min((known.pages if known else 0) or 0, MOST_PAGES),
        most=copies.LONGEST,
        problem=problem.sentence(g.locale) if problem else "",
        field=str(problem.facts.get("field", "")) if problem else "",
        **found,
        **tokens.about(certificate if mine else None),
    )
    return page, problem.status if problem else 200


# one copy


@room.get("/copies/<uuid:copy_id>")
@signed_in
def copy(copy_id: UUID) -> str:
    """A certified copy: its line in the register, what it was made of, its verdict, its pages."""
    with here.reading() as desk:
        line = copies.one(desk, copy_id)
        row = search.document(desk, line.document_id)
        about = files.about(desk, row)
    source = next((item for item in row.files if item.sha256 == line.source_sha256), None)
    known = about[line.sha256]
    here.visits().note(here.actor(), "document.opened", object_id=row.id, detail=line.code)
    return render_template(
        "copies/copy.html",
        line=line,
        row=row,
        source=source,
        checked=files.checked(known, line.sha256),
        known=known,
        pages=min(known.pages or 0, MOST_PAGES),
        whole=known.pages or 0,
    )


# the register


@room.get("/copies")
@signed_in
def register() -> str:
    """The register of certified copies, the newest first, as far as this person may know of them."""
    year, after = _year(), request.args.get("after", "")[:80]
    with here.reading() as desk:
        page = copies.find(desk, year=year, after=after)
        years = copies.years(desk)
        names = directory.short_names(desk, {line.copy.agency_id for line in page.rows})
    return render_template(
        "copies/register.html",
        page=page,
        years=years,
        year=year,
        after=after,
        names=names,
        several=len(here.actor().agencies or ()) > 1,
        older=url_for("copies.register", year=year, after=page.after) if page.after else "",
    )


def _year() -> int | None:
    text = request.args.get("year", "")
    return int(text) if len(text) == 4 and text.isascii() and text.isdecimal() else None


@room.get("/copies.csv")
@signed_in
def export() -> Response:
    """The register as a table to take away."""
    year = _year()
    day = i18n.date_text(here.now()).replace("/", "-")
    return sheets.answer(f"copies-{year or 'all'}-{day}", _rows(year))


def _rows(year: int | None) -> Iterator[Sequence[sheets.Cell]]:
    yield [
        _("Number, symbol"), _("Day"), _("Form of the copy"), _("Agency"), _("Copy of"), _("Subject"), _("Issued by"),
        _("Pages taken"), _("For what, for whom"), _("Decided by"), _("Made by"), _("Copied from (SHA-256)"),
        _("File (SHA-256)"),
    ]  # fmt: skip
    after = ""
    while True:
        with here.reading() as desk:
            page = copies.find(desk, year=year, after=after, limit=CHUNK)
            names = directory.short_names(desk, {line.copy.agency_id for line in page.rows})
        for line in page.rows:
            row = line.copy
            yield [
                row.code, i18n.datetime_text(row.at), CopyForm(row.form).printed, names[row.agency_id],
                line.document_code, short_subject(line.subject), line.issuer, row.pages or _("all"), row.purpose,
                row.decided_by, row.made_by, row.source_sha256, row.sha256,
            ]  # fmt: skip
        if not page.after:
            return
        after = page.after


@room.app_template_global("copy_form")
def copy_form(code: str) -> str:
    """The words printed on a copy of this form."""
    return CopyForm(code).printed


@room.app_template_global("copy_says")
def copy_says(code: str) -> str:
    """What a form of copy is, as its choice says it."""
    return _(words.COPIES[code])

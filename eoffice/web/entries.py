"""An entry of the ledger in words: what was done, what it notes, and what changed from what to what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from flask import g
from markupsafe import Markup

from eoffice.core import i18n
from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_
from eoffice.rules.authority import Capacity
from eoffice.web import language, words
from eoffice.web.language import data, told
from eoffice.web.language import say as _


def deed(word: str, notes: Mapping[str, Any], recipients: Mapping[str, str], *, who: str = "") -> Markup:
    """What was done, as a sentence about somebody, or beginning with the deed when nobody is named.

    Args:
        word: of the ledger; notes: what the deed noted.
        recipients: names by the id of their delivery.
    """
    facts = {name: str(notes[name]) for name in ("number", "reason", "note", "version", "code") if notes.get(name)}
    if str(notes.get("verdict", "")) in words.VERDICTS:
        facts["verdict"] = _(words.VERDICTS[str(notes["verdict"])].text).lower()
    if "code" in notes:
        facts["step"] = _(words.CODE_NAMES.get(str(notes["code"]), "")).lower()
    facts["to"] = recipients.get(str(notes.get("delivery")), _("a recipient"))
    facts["title"] = str(notes.get("title") or "–")
    sentence = words.DEEDS.get(word, words.OTHER_DEED)
    text = told(sentence, who=who, **{"number": "–", "reason": "–", "note": "–", "verdict": "–", **facts})
    return text if who else _begun(text)


def kind(word: str) -> Markup:
    """What a kind of deed is called in a menu: its sentence without anybody and anything."""
    blank = dict.fromkeys(("number", "reason", "note", "version", "verdict", "code", "step", "to", "title"), "…")
    return _begun(Markup.escape(_(words.DEEDS.get(word, words.OTHER_DEED), who="", **blank)))


def _begun(text: Markup) -> Markup:
    """A sentence that lacks its subject, begun with a capital."""
    rest = text.removeprefix(str(data(""))).strip()
    return Markup(rest[:1].upper() + rest[1:])  # noqa: S704 - every part was escaped by told()


def who(actor: Mapping[str, Any]) -> str:
    """Who did it, as lists name him."""
    if actor.get("kind") == "system":
        return _("The system")
    return str(actor.get("name") or _("Somebody"))


@dataclass(frozen=True)
class Names:
    """What identifiers inside an entry mean, as far as the person may know.

    Args:
        people: by the id of their post; units; documents; recipients: by the id of their delivery.
    """

    people: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    recipients: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fact:
    """One line: a label and its value; ``before`` is None where nothing changed."""

    label: str
    value: Markup
    before: Markup | None = None


Show = Callable[[Any, Names], Markup]


def _text(value: Any, _names: Names) -> Markup:
    return data(str(value))


def _number(value: Any, _names: Names) -> Markup:
    return Markup("{}").format(i18n.number(g.locale, int(value)))


def _plain(value: Any, _names: Names) -> Markup:
    return Markup("{}").format(value)


def _when(value: Any, _names: Names) -> Markup:
    return Markup("{}").format(i18n.datetime_text(datetime.fromisoformat(str(value))))


def _day(value: Any, _names: Names) -> Markup:
    return Markup("{}").format(i18n.date_text(date.fromisoformat(str(value))))


def _person(value: Any, names: Names) -> Markup:
    return data(names.people[str(value)])


def _unit(value: Any, names: Names) -> Markup:
    return data(names.units[str(value)])


def _document(value: Any, names: Names) -> Markup:
    return data(names.documents[str(value)])


def _recipient(value: Any, names: Names) -> Markup:
    return data(names.recipients[str(value)])


def _yes(value: Any, _names: Names) -> Markup:
    return Markup("{}").format(_("yes") if value else _("no"))


def _kind(value: Any, _names: Names) -> Markup:
    return Markup("{}").format(language.kind_name(str(value)))


def _hash(value: Any, _names: Names) -> Markup:
    return Markup('<span class="mono">{}</span>').format(short_hash(str(value), 4))


def _capacity(value: Any, _names: Names) -> Markup:
    found = Capacity.parse(str(value))
    parts = [words.BASES[found.basis], *([words.HOLDERS[found.holder]] if found.holder in words.HOLDERS else [])]
    return Markup("{}").format(", ".join(_(part) for part in parts))


def _of(table: Mapping[str, words.Word | str]) -> Show:
    """A code by its word."""

    def show(value: Any, _names: Names) -> Markup:
        word = table[str(value)]
        return Markup("{}").format(_(word if isinstance(word, str) else word.text))

    return show


def _roles(value: Any, _names: Names) -> Markup:
    return Markup("{}").format(", ".join(_(words.ROLES[str(role)]) for role in value))


def _seen(value: Any, _names: Names) -> Markup:
    """What was shown before signing."""
    pages = int(value["pages"])
    said = _("{count} page", plural="{count} pages", count=pages)
    seconds = value.get("seconds")
    if isinstance(seconds, int):
        said += ", " + _("{count} second", plural="{count} seconds", count=seconds)
    return Markup("{}").format(said)


def _sent(value: Any, _names: Names) -> Markup:
    return Markup(", ").join(Markup("{} ({})").format(data(str(item["to"])), item["class"]) for item in value)


NOTES: dict[str, tuple[str, Show]] = {
    "number": (N_("Number"), _plain),
    "year": (N_("Year"), _plain),
    "reason": (N_("Reason"), _text),
    "note": (N_("Note"), _text),
    "version": (N_("Version"), _plain),
    "verdict": (N_("Signatures"), _of(words.VERDICTS)),
    "due": (N_("Due"), _when),
    "channel": (N_("Channel"), _of(words.CHANNELS)),
    "reply_to": (N_("Answer to"), _document),
    "answer": (N_("Answered by"), _document),
    "post": (N_("Person"), _person),
    "delivery": (N_("Recipient"), _recipient),
    "deliveries": (N_("Sent to"), _sent),
    "capacity": (N_("Signed as"), _capacity),
    "shown": (N_("Shown before signing"), _seen),
    "attempt": (N_("Attempt"), _number),
    "title": (N_("Post"), _text),
    "login": (N_("Login"), _plain),
    "roles": (N_("Roles"), _roles),
    "name": (N_("Name"), _text),
    "identifier": (N_("Identifier"), _plain),
    "subject": (N_("Holder of the certificate"), _text),
    "purpose": (N_("Certificate of"), _of(words.PURPOSES)),
    "description": (N_("Explanation"), _text),
    "staff": (N_("Contact"), _text),
    "days": (N_("Days"), _number),
    "entries": (N_("Entries"), _number),
    "ok": (N_("Chain intact"), _yes),
    "broken": (N_("Broken places"), _number),
    "form": (N_("Form of the copy"), _of(words.COPIES)),
    "pages": (N_("Pages taken"), _plain),
    "decided_by": (N_("Decided by"), _text),
    "source": (N_("Copied from (SHA-256)"), _hash),
    "sha256": (N_("File (SHA-256)"), _hash),
    "certificate": (N_("Certificate (SHA-256)"), _hash),
    "receipt": (N_("Receipt (SHA-256)"), _hash),
    "container": (N_("Container (SHA-256)"), _hash),
}
"""What a deed noted: its label, and how its value is shown. What is not named here stands in the technical part."""

_COMMON: dict[str, tuple[str, Show]] = {
    "due_at": (N_("Due"), _when),
    "started_at": (N_("Begun on"), _when),
    "done_at": (N_("Done on"), _when),
    "post_id": (N_("Person"), _person),
    "unit_id": (N_("Unit"), _unit),
    "number": (N_("Number"), _plain),
    "reason": (N_("Reason"), _text),
    "note": (N_("Note"), _text),
    "refusal": (N_("Reason of refusal"), _text),
}

FIELDS: dict[str, dict[str, tuple[str, Show]]] = {
    "document": {
        "state": (N_("State"), _of(words.STATES)),
        "kind": (N_("Kind"), _kind),
        "number": (N_("Number"), _plain),
        "symbol": (N_("Symbol"), _plain),
        "code": (N_("Number and symbol"), _plain),
        "issued_date": (N_("Date of the document"), _day),
        "issuer_name": (N_("Issued by"), _text),
        "subject": (N_("Subject"), _text),
        "page_count": (N_("Pages"), _number),
        "urgency": (N_("Urgency"), _of(words.URGENCIES)),
        "signer_name": (N_("Signed by"), _text),
        "signer_title": (N_("Post of the signer"), _text),
        "capacity": (N_("Signed as"), _capacity),
        "arrived_at": (N_("Arrived on"), _when),
        "book_year": (N_("Year of the book"), _plain),
        "arrival_number": (N_("Arrival number"), _plain),
        "registered_at": (N_("Registered on"), _when),
        "submitted_at": (N_("Submitted on"), _when),
        "submitted_to_id": (N_("Submitted to"), _person),
        "assigned_at": (N_("Assigned on"), _when),
        "done_note": (N_("Note at the end"), _text),
        "verdict": (N_("Signatures"), _of(words.VERDICTS)),
        "reply_to_id": (N_("Answer to"), _document),
        "drafter_post_id": (N_("Drafted by"), _person),
        "signer_post_id": (N_("To be signed by"), _person),
        "returned_at": (N_("Sent back on"), _when),
        "signed_at": (N_("Signed on"), _when),
        "numbered_at": (N_("Numbered on"), _when),
        "sealed_at": (N_("Sealed on"), _when),
        "issued_at": (N_("Issued on"), _when),
    },
    "assignment": {"state": (N_("State of the part"), _of(words.PART_STATES)), "role": (N_("Part"), _of(words.PARTS))},
    "delivery": {
        "state": (N_("State of the delivery"), _of(words.DELIVERY_STATES)),
        "status_code": (N_("Reported by the recipient"), _of(words.CODE_NAMES)),
        "status_at": (N_("Reported on"), _when),
        "sent_at": (N_("Sent on"), _when),
        "delivered_at": (N_("Delivered on"), _when),
        "attempts": (N_("Attempts"), _number),
    },
    "number_allocation": {"state": (N_("State of the number"), _of(words.NUMBER_STATES))},
}
"""Columns people understand, per table: label, and how a value is shown. The others stand in the technical part."""


def noted(notes: Mapping[str, Any], names: Names) -> Iterator[Fact]:
    """What a deed noted, as far as it can be said in words."""
    for name, (label, show) in NOTES.items():
        said = _said(show, notes.get(name), names)
        if said:
            yield Fact(_(label), said)


def changed(changes: Mapping[str, Any], names: Names) -> Iterator[Fact]:
    """What changed, as far as it can be said in words: before and after."""
    for row, columns in sorted(changes.items()):
        known = {**_COMMON, **FIELDS.get(row.partition(":")[0], {})}
        for name, (label, show) in known.items():
            if name in columns:
                before, after = (_said(show, value, names) for value in columns[name])
                if before is not None and after is not None and (before or after):
                    yield Fact(_(label), after or _nothing(), before or _nothing())


def _nothing() -> Markup:
    return Markup("{}").format(_("(empty)"))


def _said(show: Show, value: Any, names: Names) -> Markup | None:
    """A value in words, "" when there is none, None when it cannot be said."""
    if value is None or value in ("", [], {}):
        return Markup("")
    try:
        return show(value, names)
    except (LookupError, ValueError, TypeError, AttributeError, InvalidInput):
        return None  # an entry is never changed, so one of an older office may say what this one has no word for


def short_hash(value: str, groups: int = 2) -> str:
    """The first digits of a hash in groups of four, and with more than two groups its last ones too."""
    parts = [value[at : at + 4] for at in range(0, 4 * groups, 4)]
    return " ".join(parts) + (f" … {value[-4:]}" if groups > 2 and len(value) > 4 * groups else "")


@dataclass(frozen=True)
class Place:
    """One broken place: what is wrong, and the entry to look at, None when there is none."""

    text: str
    seq: int | None
    document: str = ""


REASONS: dict[str, str] = {
    "removed": N_("Before entry {seq} at least one entry is missing"),
    "inserted": N_("Entry {seq} was put in where none belongs"),
    "link": N_("Entry {seq} does not fit the one before it"),
    "changed": N_("Entry {seq} was changed"),
    "row_without_entry": N_("{what}: nobody's deed made it"),
    "row_differs": N_("{what}: differs from what entry {seq} says"),
    "row_gone": N_("{what}: gone, although entry {seq} speaks of it"),
}
HEAD = N_("The end of the chain is not the last entry that was written: entries were removed or put in there")


def place(item: Mapping[str, Any]) -> Place:
    """A broken place as a proof kept it, in words."""
    if "more" in item:
        more = _("and {count} further place", plural="and {count} further places", count=int(item["more"]))
        return Place(more, None)
    if item["table"] == "ledger_head":
        return Place(_(HEAD), None)
    what = _(words.TABLES.get(str(item["table"]), words.OTHER_TABLE))
    seq = item["seq"]
    text = _(REASONS[str(item["reason"])], what=what, seq=i18n.number(g.locale, seq) if seq is not None else "–")
    return Place(text, seq, str(item["id"]) if item["table"] == "document" else "")

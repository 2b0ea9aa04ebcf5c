"""Language and theme of a page, and the words and formats its template asks for."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Any

from flask import Flask, g, request
from jinja2 import StrictUndefined
from jinja2.runtime import Macro
from markupsafe import Markup, escape

from eoffice.core import i18n
from eoffice.core.clock import local
from eoffice.core.i18n import LOCALES, N_
from eoffice.rules import delivery, kinds
from eoffice.web import here, session, words
from eoffice.web.kept import is_secret
from signing.messages import sentence
from signing.report import evidence_of, printable
from signing.results import SignatureReport

THEMES = ("light", "dark")


def register(app: Flask) -> None:
    """Choose the language of each request and teach the templates to speak."""
    app.before_request(_choose)
    app.context_processor(_context)
    env = app.jinja_env
    env.undefined = StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    env.globals.update(
        _=say,
        N_=i18n.N_,
        told=told,
        vi=data,
        once=once,
        words=words,
        kind_name=kind_name,
        class_name=class_name,
        reason_name=reason_name,
        short_subject=short_subject,
        short_issuer=short_issuer,
        spoken=spoken,
        role_of=role_of,
        form_key=form_key,
        given=given,
    )
    env.filters.update(
        date=i18n.date_text,
        datetime=i18n.datetime_text,
        time=i18n.time_text,
        ago=lambda at: i18n.relative(g.locale, at, here.now()),
        number=lambda value, decimals=0: i18n.number(g.locale, value, decimals),
        percent=lambda ratio: i18n.percent(g.locale, ratio),
        size=size,
        exact=exact,
        evidence=evidence,
        shown=printable,
        change=change,
    )


def _choose() -> None:
    locale, theme = request.cookies.get("locale", ""), request.cookies.get("theme", "")
    g.theme = theme if theme in THEMES else ""
    g.locale = locale if locale in LOCALES else here.office().settings.locale
    current = session.load()
    if current is not None and locale not in LOCALES:
        g.locale = current.locale


def _context() -> dict[str, Any]:
    return {
        "me": g.get("current"),
        "locale": g.locale,
        "theme": g.theme,
        "test": here.office().settings.test_mode,
    }


def say(msgid: str, *, plural: str | None = None, count: int | None = None, **facts: object) -> str:
    """A sentence in the language of this page."""
    return i18n.translate(g.locale, msgid, plural=plural, count=count, **facts)


def told(msgid: str, **facts: str) -> Markup:
    """A sentence in the language of this page that carries words of people, each marked as theirs."""
    return Markup(i18n.translate(g.locale, msgid, **{name: data(text) for name, text in facts.items()}))  # noqa: S704


def data(text: str) -> Markup:
    """Text of a document, which stays Vietnamese: on an English page readers and screen readers are told so."""
    shown = escape(text)
    return Markup('<span lang="vi">') + shown + Markup("</span>") if text and g.locale != "vi" else shown


def once(macro: Macro, *arguments: str) -> str:
    """What a macro makes of some words, made once per page: the rows of a list share their few tags."""
    made: dict[tuple[str, ...], str] = g.setdefault("made", {})
    name = (macro.name, *arguments)
    if name not in made:
        made[name] = macro(*arguments)
    return made[name]


def form_key() -> str:
    """A key of its own for each form shown: pressed twice, it is one call."""
    return secrets.token_hex(16)


def given(name: str, otherwise: str = "") -> str:
    """What somebody had written into a box when the form could not be used, so that nothing is lost but passwords."""
    sent = request.method == "POST" and not is_secret(name)
    return request.form.get(name, otherwise) if sent else otherwise


def kind_name(code: str) -> str:
    """Name of a kind of document in the language of this page."""
    return kinds.by_code(code).name_in(g.locale)


def short_subject(subject: str) -> str:
    """A subject as lists show it, without the leading "V/v"."""
    rest = re.sub(r"^v/v:?\s+", "", subject, flags=re.IGNORECASE)
    return rest[:1].upper() + rest[1:]


def short_issuer(name: str) -> str:
    """A name as lists show it, with the abbreviations everybody uses (UBND, HĐND)."""
    for long, short in (("Ủy ban nhân dân", "UBND"), ("Hội đồng nhân dân", "HĐND")):
        name = re.sub(f"^{long}", short, name, flags=re.IGNORECASE)
    return name


def class_name(code: str) -> str:
    """What a delivery class means."""
    return say(delivery.CLASS_NAMES[delivery.DeliveryClass(code)])


def reason_name(code: str) -> str:
    """The legal reason for which paper was sent, in the language of this page, whatever day it held."""
    found = (reason.name_in(g.locale) for reason in delivery.PAPER_REASONS if reason.code == code)
    return next(found, say("Paper"))


def spoken(code: str) -> str:
    """A code of the verifier as a sentence."""
    return sentence(words.SANDBOX.get(code, code), g.locale)


def role_of(item: SignatureReport) -> str:
    """Whose signature it is, as far as the file tells: the leader's, the agency's, a time-stamp, or just one."""
    if item.kind == "document_timestamp":
        return "document_timestamp"
    if item.signer and item.signer == item.organisation:
        return "seal"
    return "leader" if item.kind == "certification" else "other"


def exact(at: datetime) -> str:
    """A time to the second: ``10:31:04, 24/11/2026``."""
    return f"{local(at):%H:%M:%S}, {i18n.date_text(at)}"


def evidence(source: str) -> str:
    """Where the status of a certificate is known from: ``CRL, 08:00, 26/07/2026``, and whether the file carries it."""
    kind, at, inside = evidence_of(source)
    kind = say(N_("a trusted authority itself")) if kind == "anchor" else kind
    return ", ".join(
        [kind, *([i18n.datetime_text(at)] if at else []), *([say(N_("carried by the file"))] if inside else [])]
    )


def change(detail: str) -> str:
    """Old and new value of a field as people read them: ``(empty) → 01``."""
    values = re.fullmatch(r"'(.*)' -> '(.*)'", detail, re.DOTALL)
    return " → ".join(value or i18n.translate(g.locale, "(empty)") for value in values.groups()) if values else detail


def size(value: int) -> str:
    """Bytes as people read them: ``182 KB``, ``1,4 MB``."""
    if value < 1024:
        return f"{i18n.number(g.locale, value)} byte" + ("s" if g.locale == "en" and value != 1 else "")
    if value < 1024 * 1024:
        return f"{i18n.number(g.locale, value / 1024)} KB"
    return f"{i18n.number(g.locale, value / 1024 / 1024, 1)} MB"

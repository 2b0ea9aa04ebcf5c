"""Words, numbers and times for people in Vietnamese and English; English msgids, Vietnamese from ``vi.po`` as it is."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from pathlib import Path

from eoffice.core.clock import local

LOCALES = ("vi", "en")
VI_PO = Path(__file__).resolve().parent.parent / "translations" / "vi.po"
NO_VALUE = "–"
HARD_SPACE = "\u00a0"
_ROUNDING = Context(prec=100, rounding=ROUND_HALF_UP)


def N_(msgid: str) -> str:
    """Mark an English sentence as to be translated later, where it is shown."""
    return msgid


def translate(locale: str, msgid: str, /, *, plural: object = None, count: object = None, **facts: object) -> str:
    """Return a sentence in the language of a person, with its facts filled in.

    Args:
        locale: ``vi`` or ``en``; anything else is answered in English.
        msgid: the English sentence, with ``{facts}``; of one thing when ``plural`` is given.
        plural: the English sentence of several things.
        count: how many; chooses between the two and fills ``{count}`` with thousands grouped.
        facts: words and numbers as they are to be shown. They are never read as templates themselves. What an error
            carries may be passed as it is, so ``plural`` and ``count`` take any value and use what fits.
    """
    several = plural if isinstance(plural, str) else None
    template = lookup(locale, msgid, plural=several, count=count if isinstance(count, int) else None)
    if count is not None:
        facts["count"] = number(locale, count) if isinstance(count, int) else count

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name in facts:
            return str(facts[name])
        _gaps.add(f"fact {name}: {msgid}")
        return match[0]

    return _FACT.sub(fill, template)


def lookup(locale: str, msgid: str, /, *, plural: str | None = None, count: int | None = None) -> str:
    """Return a sentence in a language with its facts still open, as templates' own fillers want it.

    A msgid without a Vietnamese translation is answered in English and remembered in ``gaps()``.
    """
    english = msgid if plural is None or count == 1 else plural
    if locale != "vi":
        return english
    translation = vietnamese().find(msgid, plural)
    if translation is None:
        _gaps.add(f"vi: {msgid}")
        return english
    return translation


def gaps() -> frozenset[str]:
    """Return what was missing since the process began: translations, and facts a sentence asked for in vain."""
    return frozenset(_gaps)


_FACT = re.compile(r"\{(\w+)\}")
_gaps: set[str] = set()


# --- the catalogue -----------------------------------------------------------------------------------------------


class PoError(ValueError):
    """A line of a po file that the reader does not take, with its number."""


@dataclass(frozen=True)
class Message:
    """One sentence of a catalogue.

    Args:
        msgid: English; plural: English of several things, None when it has none.
        text: Vietnamese, which has one form for both.
        line: where it stands, counted from 1.
    """

    msgid: str
    plural: str | None
    text: str
    line: int


@dataclass(frozen=True)
class Translations:
    """All sentences of one language."""

    messages: Mapping[tuple[str, str | None], Message]

    @classmethod
    def load(cls, path: Path) -> Translations:
        """Read a po file.

        Raises:
            PoError: for anything out of the ordinary: fuzzy entries, contexts, duplicates, bad escapes, a header
                that does not say UTF-8 and one plural form.
        """
        messages: dict[tuple[str, str | None], Message] = {}
        singular: set[str] = set()
        header: Message | None = None
        for message in _read(path.read_text("utf-8")):
            if message.msgid in singular:
                raise PoError(f"line {message.line}: {message.msgid!r} a second time")
            singular.add(message.msgid)
            if message.msgid:
                messages[message.msgid, message.plural] = message
            else:
                header = message
        if header is None or "charset=UTF-8" not in header.text or "nplurals=1;" not in header.text:
            raise PoError("the header must say charset=UTF-8 and nplurals=1")
        return cls(messages)

    def find(self, msgid: str, plural: str | None = None) -> str | None:
        """Return the translation, None when there is none or it is empty."""
        message = self.messages.get((msgid, plural))
        return message.text or None if message else None

    def problems(self) -> list[str]:
        """Name every translation that is empty, not NFC, framed by other white space or filled with other facts."""
        found = []
        for message in self.messages.values():
            source = message.plural or message.msgid
            if not message.text:
                found.append(f"line {message.line}: not translated: {message.msgid!r}")
            elif not unicodedata.is_normalized("NFC", message.text + source):
                found.append(f"line {message.line}: not NFC: {message.msgid!r}")
            elif _edges(source) != _edges(message.text):
                found.append(f"line {message.line}: other white space at the ends: {message.msgid!r}")
            elif _places(source) != _places(message.text):
                found.append(f"line {message.line}: other facts: {message.msgid!r}")
        return found


@cache
def vietnamese() -> Translations:
    """Return the product's Vietnamese, read once per process."""
    return Translations.load(VI_PO)


def _edges(text: str) -> tuple[str, str]:
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


def _places(text: str) -> set[str]:
    return set(re.findall(r"\{\w+\}|%\(\w+\)[sd]", text))


_LINE = re.compile(r'(?:(msgid|msgid_plural|msgstr|msgstr\[0\])\s+)?"((?:[^"\\]|\\.)*)"')
_ESCAPES = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}
_SHAPES = ({"msgid", "msgstr"}, {"msgid", "msgid_plural", "msgstr[0]"})


def _read(text: str) -> Iterator[Message]:
    parts: dict[str, str] = {}
    start, last = 0, ""
    for at, raw in enumerate([*text.split("\n"), ""], start=1):
        line = raw.strip()
        if line.startswith("#"):
            if line.startswith("#,") and "fuzzy" in line:
                raise PoError(f"line {at}: a fuzzy entry; translate it or take it out")
            continue
        match = _LINE.fullmatch(line)
        if line and not match:
            raise PoError(f"line {at}: not understood: {line[:60]}")
        keyword = match[1] if match else None
        if parts and (not match or keyword == "msgid"):
            if set(parts) not in _SHAPES:
                raise PoError(f"line {start}: incomplete entry with {', '.join(parts)}")
            translation = parts.get("msgstr", parts.get("msgstr[0]", ""))
            yield Message(parts["msgid"], parts.get("msgid_plural"), translation, start)
            parts = {}
        if not match:
            continue
        if keyword:
            if keyword in parts:
                raise PoError(f"line {at}: {keyword} twice in one entry")
            if not parts:
                start = at
            last = keyword
            parts[last] = ""
        elif not parts:
            raise PoError(f"line {at}: text without msgid or msgstr")
        parts[last] += re.sub(r"\\.", lambda escape, at=at: _unescape(escape[0], at), match[2])


def _unescape(escape: str, at: int) -> str:
    try:
        return _ESCAPES[escape]
    except KeyError:
        raise PoError(f"line {at}: unknown escape {escape}") from None


# --- numbers and times -------------------------------------------------------------------------------------------


def number(locale: str, value: float | Decimal | None, decimals: int = 0) -> str:
    """Return a number as people write it: ``1.246.125`` and ``8,5`` (vi), ``1,246,125`` and ``8.5`` (en).

    Args:
        value: None is shown as a dash.
        decimals: digits after the mark; halves are rounded away from zero.
    """
    if value is None:
        return NO_VALUE
    rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), context=_ROUNDING)
    text = f"{rounded:,f}" if rounded else f"{abs(rounded):f}"
    return text.translate(str.maketrans(",.", ".,")) if locale == "vi" else text


def percent(locale: str, ratio: float | Decimal | None, decimals: int = 1) -> str:
    """Return a ratio as a percentage: 0.891 is ``89,1 %`` with a hard space (vi) and ``89.1%`` (en).

    Args:
        ratio: None, for a denominator of zero, is shown as a dash.
    """
    if ratio is None:
        return NO_VALUE
    space = HARD_SPACE if locale == "vi" else ""
    return f"{number(locale, Decimal(str(ratio)) * 100, decimals)}{space}%"


def date_text(day: date | None) -> str:
    """Return ``24/11/2026``, the same in both languages; a dash for None."""
    if day is None:
        return NO_VALUE
    if isinstance(day, datetime):
        day = local(day).date()
    return f"{day.day:02d}/{day.month:02d}/{day.year:04d}"


def time_text(at: datetime) -> str:
    """Return ``10:31`` in Vietnam's time."""
    return f"{local(at):%H:%M}"


def datetime_text(at: datetime | None) -> str:
    """Return ``10:31, 24/11/2026`` in Vietnam's time; a dash for None."""
    return NO_VALUE if at is None else f"{time_text(at)}, {date_text(at)}"


def relative(locale: str, at: datetime, now: datetime) -> str:
    """Return how long ago or how soon a time is: ``2 giờ trước``, ``hôm qua 10:31``; the date when it is far.

    Args:
        at, now: aware times.
    """
    ahead = at > now
    minutes = int(abs(now - at) / timedelta(minutes=1))
    days = (local(at).date() - local(now).date()).days
    if minutes == 0:
        return translate(locale, "just now")
    if minutes < 60 and ahead:
        return translate(locale, "in {count} minute", plural="in {count} minutes", count=minutes)
    if minutes < 60:
        return translate(locale, "{count} minute ago", plural="{count} minutes ago", count=minutes)
    if days == 0 and ahead:
        return translate(locale, "in {count} hour", plural="in {count} hours", count=minutes // 60)
    if days == 0:
        return translate(locale, "{count} hour ago", plural="{count} hours ago", count=minutes // 60)
    if days == -1:
        return translate(locale, "yesterday {time}", time=time_text(at))
    if days == 1:
        return translate(locale, "tomorrow {time}", time=time_text(at))
    return datetime_text(at)


def deadline(locale: str, *, late: bool, days: int, minutes: int = 0, short: bool = False) -> str:
    """Return what is left of a deadline, or by how much it is missed: ``còn 2 ngày làm việc``, ``trễ 1 ngày``.

    Args:
        late: the deadline has passed.
        days: working days left or missed.
        minutes: working minutes; said when there is no whole day.
        short: the form for columns, where the heading says that days are working days.
    """
    if late:
        return _late(locale, days, minutes, short)
    if days and short:
        return translate(locale, "{count} day left", plural="{count} days left", count=days)
    if days:
        return translate(locale, "{count} working day left", plural="{count} working days left", count=days)
    if minutes >= 60:
        return translate(locale, "{count} hour left", plural="{count} hours left", count=minutes // 60)
    if minutes:
        return translate(locale, "{count} minute left", plural="{count} minutes left", count=minutes)
    return translate(locale, "due now")


def _late(locale: str, days: int, minutes: int, short: bool) -> str:
    if days and short:
        return translate(locale, "{count} d late", count=days)
    if days:
        return translate(locale, "{count} day late", plural="{count} days late", count=days)
    if minutes >= 60:
        return translate(locale, "{count} hour late", plural="{count} hours late", count=minutes // 60)
    if minutes:
        return translate(locale, "{count} minute late", plural="{count} minutes late", count=minutes)
    return translate(locale, "overdue")


# --- finding the sentences ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Use:
    """A sentence as the product uses it, and where."""

    msgid: str
    plural: str | None
    path: Path
    line: int


def collect(paths: Iterable[Path]) -> list[Use]:
    """Find every sentence to be translated in Python files and in templates, for the test of the house.

    Python: ``_("...")``, ``N_("...")``, ``translate(locale, "...")``, ``lookup(locale, "...")``, each with
    ``plural="..."``. Templates (every other file): ``{{ _("...") }}`` in the same forms and ``{% trans %}`` blocks.

    Args:
        paths: files, or folders to look through for ``*.py``, ``*.html``, ``*.txt`` and ``*.xml``.

    Raises:
        ValueError: for a sentence put together on the spot (f-string, sum, ``%``, ``.format``): it can never be found.
    """
    uses: list[Use] = []
    for path in _files(paths):
        source = path.read_text("utf-8")
        found = _in_python(source) if path.suffix == ".py" else _in_template(source)
        try:
            uses += [Use(msgid, plural, path, line) for line, msgid, plural in found]
        except _BuiltOnTheSpot as error:
            raise ValueError(f"{path}:{error}: a sentence put together on the spot cannot be translated") from None
    return uses


_SUFFIXES = {".py", ".html", ".txt", ".xml"}
_MARKS = {"_": 0, "N_": 0, "gettext": 0, "ngettext": 0, "translate": 1, "lookup": 1}
_Found = Iterator[tuple[int, str, str | None]]


class _BuiltOnTheSpot(Exception):
    """Carries the line number to ``collect``."""


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES and file.is_file())
        else:
            yield path


def _in_python(source: str) -> _Found:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = _name(ast.unparse(node.func))
        place = _MARKS.get(name)
        if place is None or len(node.args) <= place:
            continue
        plural = node.args[place + 1] if name == "ngettext" and len(node.args) > place + 1 else None
        plural = next((keyword.value for keyword in node.keywords if keyword.arg == "plural"), plural)
        several = plural.value if isinstance(plural, ast.Constant) and isinstance(plural.value, str) else None
        for given in _python_choices(node.args[place]):
            if isinstance(given, ast.JoinedStr | ast.BinOp) or (
                isinstance(given, ast.Call) and getattr(given.func, "attr", "") == "format"
            ):
                raise _BuiltOnTheSpot(given.lineno)
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                yield node.lineno, given.value, several


def _python_choices(given: ast.expr) -> Iterator[ast.expr]:
    if isinstance(given, ast.IfExp):
        yield from _python_choices(given.body)
        yield from _python_choices(given.orelse)
    else:
        yield given


def _name(call: str) -> str:
    # "self.lookup" is somebody else's; "desk._" and "i18n.translate" are ours.
    owner, _, name = call.rpartition(".")
    return name if not owner or owner == "i18n" or name in ("_", "N_", "gettext", "ngettext") else ""


def _in_template(source: str) -> _Found:
    from jinja2 import Environment, nodes

    def choices(given: nodes.Node | None) -> Iterator[nodes.Node]:
        if isinstance(given, nodes.CondExpr):
            yield from choices(given.expr1)
            yield from choices(given.expr2)
        elif given is not None:
            yield given

    # The templates are only read here, never rendered.
    environment = Environment(  # noqa: S701
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"]
    )
    for node in environment.parse(source).find_all(nodes.Call):
        name = getattr(node.node, "name", "")
        place = _MARKS.get(name)
        if place is None or len(node.args) <= place:
            continue
        plural = node.args[place + 1] if name == "ngettext" and len(node.args) > place + 1 else None
        plural = next((keyword.value for keyword in node.kwargs if keyword.key == "plural"), plural)
        several = plural.value if isinstance(plural, nodes.Const) and isinstance(plural.value, str) else None
        for given in choices(node.args[place]):
            if isinstance(given, nodes.BinExpr | nodes.Concat):
                raise _BuiltOnTheSpot(node.lineno)
            if isinstance(given, nodes.Const) and isinstance(given.value, str):
                yield node.lineno, given.value, several

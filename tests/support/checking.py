"""A test client that looks at every page it fetches: valid HTML, one h1, labels, tokens, one language, no codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from eoffice.core.i18n import vietnamese
from eoffice.rules import access, authority, lifecycle

VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr", "use"})
PHRASING_ONLY = frozenset({"p", "h1", "h2", "h3", "h4", "a", "span", "b", "button", "label", "summary", "pre"})
BLOCKS = frozenset(
    {"p", "div", "section", "ul", "ol", "dl", "table", "form", "h1", "h2", "h3", "nav", "main", "details", "figure"}
)
PARENTS = {
    "li": {"ul", "ol"},
    "dt": {"dl", "div"},
    "dd": {"dl", "div"},
    "tr": {"tbody", "thead", "tfoot"},
    "td": {"tr"},
    "th": {"tr"},
    "tbody": {"table"},
    "thead": {"table"},
    "summary": {"details"},
    "figcaption": {"figure"},
    "caption": {"table"},
}
CHILDREN = {
    "ul": {"li"},
    "ol": {"li"},
    "tr": {"td", "th"},
    "tbody": {"tr"},
    "thead": {"tr"},
    "table": {"caption", "thead", "tbody", "tfoot"},
    "dl": {"dt", "dd", "div"},
}
ACTIVE = frozenset({"a", "button", "input", "select", "textarea", "summary", "label"})
SPOKEN = ("alt", "title", "aria-label", "placeholder")
VIETNAMESE = re.compile("[àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ]", re.IGNORECASE)
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
CODE = re.compile(r"\b(?:[a-z]+(?:_[a-z]+)+|PASSED|WARNED|FAILED|UNSIGNED|UNREADABLE|None|undefined)\b")
ENUMS: tuple[type[StrEnum], ...] = (
    access.Role,
    access.Permission,
    lifecycle.State,
    lifecycle.Direction,
    lifecycle.DeliveryState,
    authority.Basis,
    authority.Holder,
)
VALUES = frozenset(word.value for words in ENUMS for word in words)


@dataclass
class Element:
    """One element of a page."""

    name: str
    attributes: dict[str, str]
    parent: Element | None
    children: list[Element | str] = field(default_factory=list)

    def all(self, *names: str) -> Iterator[Element]:
        """This element and all below it, of some names if any are given."""
        if not names or self.name in names:
            yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.all(*names)

    def up(self) -> Iterator[Element]:
        """This element and all above it."""
        yield self
        if self.parent is not None:
            yield from self.parent.up()

    def text(self) -> str:
        """The text inside, white space collapsed."""
        return " ".join("".join(_texts(self)).split())

    def lang(self) -> str:
        """The language in force here."""
        return next((item.attributes["lang"] for item in self.up() if "lang" in item.attributes), "")


def _texts(element: Element) -> Iterator[str]:
    for child in element.children:
        if isinstance(child, str):
            yield child
        else:
            yield from _texts(child)


class Page(HTMLParser):
    """Reads a page strictly: what is opened is closed, in order.

    Raises:
        AssertionError: the page is not well formed.
    """

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("#document", {}, None)
        self._open = [self.root]
        self.feed(source)
        self.close()
        assert len(self._open) == 1, f"never closed: {[item.name for item in self._open[1:]]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"<{tag}> repeats an attribute: {names}"
        parent = self._open[-1]
        element = Element(tag, {name: value or "" for name, value in attrs}, parent)
        parent.children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert tag not in VOID, f"</{tag}> closes what is never open"
        assert self._open[-1].name == tag, f"</{tag}> closes <{self._open[-1].name}> {self._open[-1].attributes}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def one(self, name: str) -> Element:
        """The only element of a name; a drawing may have a title of its own."""
        found = [item for item in self.root.all(name) if not any(other.name == "svg" for other in item.up())]
        assert len(found) == 1, f"{len(found)} <{name}>"
        return found[0]


def check_page(source: str, *, test: bool = True) -> Page:
    """Look at a whole page.

    Args:
        test: the installation uses test certificates, so the page says so.

    Raises:
        AssertionError: naming what is wrong.
    """
    assert source.lstrip().startswith("<!doctype html>"), source[:80]
    page = Page(source)
    html, heading, title = page.one("html"), page.one("h1"), page.one("title")
    assert html.attributes.get("lang") in ("vi", "en")
    assert title.text().startswith(heading_text(heading)), f"{title.text()!r} does not begin with {heading.text()!r}"
    assert list(page.root.all("main")), "no main"
    _check_structure(page)
    _check_forms(page)
    _check_words(page, html.attributes["lang"])
    if test:
        assert ("THỬ NGHIỆM" if html.attributes["lang"] == "vi" else "TEST") in page.one("header").text()
    return page


def heading_text(heading: Element) -> str:
    """The heading without the mark of urgency before it."""
    marks = [item.text() for item in heading.all("span") if "urg" in item.attributes.get("class", "").split()]
    text = heading.text()
    for mark in marks:
        text = text.removeprefix(mark)
    return text.strip()


def check_part(source: str, lang: str) -> Page:
    """Look at a part of a page that the script puts into one."""
    page = Page(f'<div lang="{lang}">{source}</div>')
    _check_structure(page)
    _check_words(page, lang)
    return page


def _check_structure(page: Page) -> None:
    ids = [item.attributes["id"] for item in page.root.all() if "id" in item.attributes]
    assert len(set(ids)) == len(ids), f"ids twice: {sorted(name for name in ids if ids.count(name) > 1)}"
    for item in page.root.all():
        above = [other.name for other in item.up()][1:]
        parent = above[0] if above else ""
        assert item.name not in PARENTS or parent in PARENTS[item.name], f"<{item.name}> in <{parent}>"
        assert parent not in CHILDREN or item.name in CHILDREN[parent], f"<{item.name}> in <{parent}>"
        if item.name in BLOCKS:
            assert parent not in PHRASING_ONLY or parent == "a", f"<{item.name}> in <{parent}>: {item.text()[:60]}"
        if item.name in ("a", "button"):
            assert not {"a", "button"} & set(above), f"<{item.name}> inside something that is pressed"
        assert not (item.name == "form" and "form" in above), "a form in a form"
        inline = [name for name in item.attributes if name == "style" or name.startswith("on")]
        assert not inline, f"<{item.name}> carries {inline}"
        assert item.name != "style", "a style sheet in the page"
        if item.name == "script":
            assert item.attributes.get("src") and not item.text(), "a script in the page"
        if item.name == "img":
            assert "alt" in item.attributes, "an image without alt"
        if item.name in ("a", "button"):
            name = item.text() or item.attributes.get("aria-label", "")
            assert name, f"<{item.name}> without a name: {item.attributes}"
        for name in ("aria-labelledby", "aria-describedby", "for", "form"):
            for target in item.attributes.get(name, "").split():
                assert target in ids, f"{name}={target} leads nowhere"


def _check_forms(page: Page) -> None:
    labels = {item.attributes.get("for") for item in page.root.all("label")}
    for item in page.root.all("input", "select", "textarea"):
        if item.attributes.get("type") in ("hidden", "submit", "button"):
            continue
        wrapped = any(other.name == "label" for other in item.up())
        named = item.attributes.get("id") in labels or wrapped or item.attributes.get("aria-label")
        assert named, f"no label: {item.attributes}"
    for form in page.root.all("form"):
        if form.attributes.get("method", "get").lower() == "post":
            tokens = [item for item in form.all("input") if item.attributes.get("name") == "csrf_token"]
            assert len(tokens) == 1 and tokens[0].attributes["value"], f"no token: {form.attributes}"
        else:
            assert not any(item.attributes.get("name") == "csrf_token" for item in form.all("input")), "token in a link"


def _check_words(page: Page, lang: str) -> None:
    foreign = _other_language(lang)
    for item, text in _spoken(page.root):
        words = " ".join(text.split())
        here = item.lang()
        technical = any(
            other.name in ("code", "pre") or "mono" in other.attributes.get("class", "").split() for other in item.up()
        )
        raw = any(other.name == "pre" for other in item.up())  # what machines wrote, behind "technical details"
        assert raw or not UUID.search(words), f"an identifier is shown: {words}"
        if not words or technical:
            continue
        assert not CODE.search(words), f"a code is shown: {words}"
        if here == lang:
            assert words not in foreign, f"a word of the other language: {words}"
            assert lang == "en" or words not in VALUES, f"a code is shown: {words}"
    if lang == "en":
        for item in page.root.all():
            own = "".join(child for child in item.children if isinstance(child, str))
            if item.name != "title" and item.lang() == "en":
                assert not VIETNAMESE.search(own), f"Vietnamese without lang: {own.strip()}"


def _spoken(root: Element) -> Iterator[tuple[Element, str]]:
    for item in root.all():
        if item.name in ("script", "style"):
            continue
        for child in item.children:
            if isinstance(child, str):
                yield item, child
        for name in SPOKEN:
            if name in item.attributes:
                yield item, item.attributes[name]


def _other_language(lang: str) -> frozenset[str]:
    pairs = [(message.msgid, message.text) for message in vietnamese().messages.values() if message.msgid]
    if lang == "vi":
        return frozenset(msgid for msgid, text in pairs if text != msgid)
    return frozenset(text for msgid, text in pairs if text != msgid)


def filled(form: Element) -> dict[str, str]:
    """The fields of a form as they stand in the page."""
    found = {
        item.attributes["name"]: item.attributes.get("value", "")
        for item in form.all("input")
        if "name" in item.attributes
        and (item.attributes.get("type") not in ("checkbox", "radio", "submit", "file") or "checked" in item.attributes)
    }
    for item in form.all("textarea"):
        found[item.attributes["name"]] = "".join(child for child in item.children if isinstance(child, str))
    for item in form.all("select"):
        options = list(item.all("option"))
        chosen = [option for option in options if "selected" in option.attributes] or options[:1]
        if chosen:
            found[item.attributes["name"]] = chosen[0].attributes.get("value", chosen[0].text())
    return found


class CheckingClient(FlaskClient):
    """Checks every HTML answer, and the headers of every answer."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request and look at what comes back."""
        answer = super().open(*args, **{"buffered": True, **kwargs})
        assert "default-src" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Cache-Control" in answer.headers
        for name, text in answer.headers:
            assert text.encode("latin-1"), f"{name} would stop a server"
        if answer.mimetype == "text/html" and answer.data and not 300 <= answer.status_code < 400:
            assert "Cookie" in answer.headers.get("Vary", "Cookie")
            text = answer.get_data(as_text=True)
            if text.lstrip().startswith("<!doctype"):
                check_page(text)
            else:
                check_part(text, str(self.get_cookie("locale").value if self.get_cookie("locale") else "vi"))
        return answer

    def page(self, *args: Any, **kwargs: Any) -> Page:
        """Fetch a page that must be there, and return it read."""
        answer = self.get(*args, **kwargs)
        assert answer.status_code == 200, answer.status
        return Page(answer.get_data(as_text=True))

    def token(self) -> str:
        """A form token of this session."""
        page = Page(self.get("/verify").get_data(as_text=True))
        found = next(item for item in page.root.all("input") if item.attributes.get("name") == "csrf_token")
        return found.attributes["value"]

    def send(self, path: str, data: dict[str, Any] | None = None, **kwargs: Any) -> TestResponse:
        """Send a form with its token."""
        return self.post(path, data={"csrf_token": self.token(), **(data or {})}, **kwargs)

    def form(self, page: str, action: str) -> dict[str, str]:
        """What a form of a page carries before anybody types: hidden fields, texts and choices as they stand.

        Args:
            page: its address; action: how the address ends to which the form is sent.
        """
        return filled(self._form(page, action))

    def press(self, page: str, action: str, **fields: Any) -> TestResponse:
        """Fill a form of a page and send it, as somebody with a browser would."""
        form = self._form(page, action)
        return self.post(form.attributes["action"], data={**filled(form), **fields})

    def _form(self, page: str, action: str) -> Element:
        found = self.page(page).root.all("form")
        forms = [item for item in found if item.attributes.get("action", "").endswith(action)]
        assert len(forms) == 1, f"{len(forms)} forms to {action} on {page}"
        return forms[0]

    def speak(self, locale: str) -> None:
        """Choose a language."""
        self.set_cookie("locale", locale)

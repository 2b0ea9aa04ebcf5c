"""Walks through the pages as a person would who follows every link, picture and pane he is shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urljoin, urlsplit

from werkzeug.test import TestResponse

from tests.support.checking import CheckingClient, Element, Page

SOURCES = {"a": "href", "img": "src", "form": "action"}
MOST = 3000
ALIKE = 12
"""Addresses of one kind with the same parameters that are followed; the next one would show nothing new."""


@dataclass
class Walk:
    """What somebody saw.

    Args:
        answers: address -> what came back.
        forms: (method and address, names of its fields) -> the page it stands on and the form.
    """

    answers: dict[str, TestResponse] = field(default_factory=dict)
    forms: dict[tuple[str, frozenset[str]], tuple[str, Element]] = field(default_factory=dict)

    def pages(self) -> Iterator[tuple[str, str]]:
        """Address and source of everything that was HTML."""
        for path, answer in self.answers.items():
            if answer.mimetype == "text/html":
                yield path, answer.get_data(as_text=True)


def walk(client: CheckingClient, *starts: str, leave: tuple[str, ...] = ()) -> Walk:
    """Follow everything from the starting addresses until nothing new is found.

    Args:
        leave: beginnings of addresses that are not followed.
    """
    seen, waiting, alike = Walk(), list(starts), Counter[str]()
    while waiting:
        path = waiting.pop(0)
        if path in seen.answers or path.startswith(leave or ("\0",)):
            continue
        kind = f"{plain(path)} {sorted(name for name, _value in parse_qsl(urlsplit(path).query))}"
        alike[kind] += 1
        if alike[kind] > ALIKE and path not in starts:
            continue
        assert len(seen.answers) < MOST, "there is no end to it"
        answer = client.get(path)
        seen.answers[path] = answer
        if 300 <= answer.status_code < 400:
            waiting.append(_inside(path, answer.headers["Location"]))
        elif answer.mimetype == "text/html" and answer.status_code == 200:
            source = answer.get_data(as_text=True)
            page = Page(source if source.lstrip().startswith("<!doctype") else f"<div>{source}</div>")
            waiting += [target for target in _targets(path, page) if target]
            for form in page.root.all("form"):
                action = _inside(path, form.attributes.get("action", path))
                names = frozenset(item.attributes.get("name", "") for item in form.all("input", "select", "textarea"))
                method = form.attributes.get("method", "get").upper()
                seen.forms.setdefault((f"{method} {plain(action)}", names), (path, form))
    return seen


def plain(path: str) -> str:
    """An address without its query, with every identifier and number alike: what kind of page it is."""
    path = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<id>", urlsplit(path).path)
    return re.sub(r"(?<=/)\d+(?=[/.]|$)", "<n>", path)


def _targets(path: str, page: Page) -> Iterator[str]:
    for item in page.root.all():
        for name in (SOURCES.get(item.name, ""), "hx-get"):
            if item.name == "form" and name == "action":
                continue
            if item.attributes.get(name):
                yield _inside(path, item.attributes[name])


def _inside(path: str, target: str) -> str:
    """An address of ours without its fragment; "" when it leads elsewhere."""
    parts = urlsplit(urljoin(path, target))
    if parts.scheme or parts.netloc or parts.path.startswith("/static"):
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "")

"""A real browser on a real server: the pages as people and their helpers meet them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sqlalchemy import update
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app

from eoffice.core.desk import scope
from eoffice.models.directory import Person
from eoffice.models.documents import DocumentFile
from eoffice.services import accounts
from eoffice.web import create_app
from tests.web.conftest import Town
from tests.web.test_sign_in import PASSWORD

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = Path(__file__).resolve().parent.parent / "support" / "axe" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, PHONE = (1366, 768), (390, 844)


@dataclass
class Site:
    """The office on a loopback port, and a browser to look at it."""

    town: Town
    address: str
    browser: Browser
    issued: Path
    said: list[str]

    @contextmanager
    def window(
        self, size: tuple[int, int] = WIDE, *, locale: str = "vi", theme: str = "light", **more: Any
    ) -> Iterator[Page]:
        """A window of its own; whatever the console says is kept."""
        context: BrowserContext = self.browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
        chosen = {"locale": locale, "theme": theme}
        context.add_cookies([{"name": name, "value": value, "url": self.address} for name, value in chosen.items()])
        page = context.new_page()
        page.on("console", lambda message: self.said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        try:
            yield page
        finally:
            context.close()

    def sign_in(self, page: Page) -> None:
        """Sign the clerk in through the form."""
        page.goto(self.address + "/sign-in")
        page.fill("#login", "hanh")
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("#rail", state="attached")
        page.goto(self.address + "/incoming")

    def check(self, page: Page) -> None:
        """Have the issued document verified."""
        page.goto(self.address + "/verify")
        page.set_input_files("#file", str(self.issued))
        page.click("main form button")
        page.wait_for_selector(".verdict")


def _in_one_piece(app: Flask) -> Any:
    """Each answer read and closed before it is sent: the test server leaves files open when a browser hangs up."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        body, status, headers = run_wsgi_app(app, environ, buffered=True)
        start_response(status, list(headers))
        return body

    return answer


@pytest.fixture
def site(town: Town, chromium: Path, tmp_path: Path) -> Iterator[Site]:
    """The site and its browser, for one test."""
    change = update(Person).where(Person.login == "hanh").values(password_hash=accounts.hash_password(PASSWORD))
    with town.office.sessions.write() as session:
        session.execute(change, execution_options={"synchronize_session": False})
        session.commit()
    app: Flask = create_app(town.office)
    server = make_server("127.0.0.1", 0, _in_one_piece(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with town.office.read(town.actor("hanh")) as desk:
        files = scope(desk, DocumentFile).where(DocumentFile.document_id == town.answer, DocumentFile.stage == "sealed")
        issued = tmp_path / "công văn.pdf"
        issued.write_bytes(town.office.files.read(desk.session.scalars(files).one().sha256))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=list(FLAGS))
        said: list[str] = []
        yield Site(town, f"http://127.0.0.1:{server.server_port}", browser, issued, said)
        browser.close()
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["visits"].flush()


def test_a_clerk_at_her_desk(site: Site) -> None:
    with site.window() as page:
        site.sign_in(page)
        first = page.get_attribute("#preview img", "src")
        page.wait_for_function("document.querySelector('#preview img').naturalWidth > 400")
        page.keyboard.press("j")
        page.wait_for_function("src => document.querySelector('#preview img').getAttribute('src') !== src", arg=first)
        marked = page.get_attribute(".cur .go", "href")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{marked}")
        page.wait_for_function("document.querySelector('.paper img').naturalWidth > 400")
        page.keyboard.press("f")
        assert page.get_attribute("[data-fit]", "aria-pressed") == "true"
        page.keyboard.press("/")
        page.keyboard.type("khong co van ban nao nhu the")
        page.keyboard.press("Enter")
        page.wait_for_selector(".empty")
        page.goto(site.address + "/account")
        page.click("main form button")
        page.wait_for_url("**/sign-in")
        page.goto(site.address + "/incoming")
        assert "/sign-in" in page.url
    assert site.said == []


def test_keys_can_be_switched_off(site: Site) -> None:
    with site.window() as page:
        site.sign_in(page)
        before = page.get_attribute(".cur .go", "href")
        page.keyboard.press("?")
        page.check("#keys-off")
        page.keyboard.press("Escape")
        page.keyboard.press("j")
        assert page.get_attribute(".cur .go", "href") == before


def test_anybody_verifies_a_document(site: Site) -> None:
    with site.window(PHONE) as page:
        site.check(page)
        assert "Hợp lệ" in page.inner_text(".verdict")
        with page.expect_download() as download:
            page.click("text=Tải báo cáo JSON")
        assert download.value.suggested_filename == "công văn.verdict.json"
    assert site.said == []


def test_it_works_without_scripts(site: Site) -> None:
    with site.window(java_script_enabled=False) as page:
        site.sign_in(page)
        page.click(".tabs a:nth-child(2)")
        page.goto(site.address + "/incoming")
        page.click(".go >> nth=0")
        assert "/documents/" in page.url
        page.click("text=Xem dạng chữ")
        assert page.url.endswith("/text")
        page.click("[data-theme-next]")
        assert page.get_attribute("html", "data-theme") == "dark"
        site.check(page)
        assert "Hợp lệ" in page.inner_text(".verdict")
        page.goto(site.address + "/account")
        page.click("main form button")
        page.wait_for_url("**/sign-in")


def test_language_and_theme_at_a_click(site: Site) -> None:
    with site.window() as page:
        page.goto(site.address + "/sign-in")
        page.click("text=English")
        assert page.inner_text("h1") == "Electronic office"
        page.click("[data-theme-next]")
        page.wait_for_function("document.documentElement.dataset.theme === 'dark'")


def test_a_file_too_large_is_told_before_it_travels(site: Site, tmp_path: Path) -> None:
    large = tmp_path / "large.pdf"
    with large.open("wb") as stream:
        stream.truncate(site.town.office.settings.upload_limit + 1)
    with site.window() as page:
        page.goto(site.address + "/verify")
        page.set_input_files("#file", str(large))
        assert "200 MB" in page.evaluate("document.querySelector('#file').validationMessage")


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["vi", "en"])
def test_every_page_is_accessible(site: Site, locale: str, theme: str, size: tuple[int, int]) -> None:
    town = site.town
    told: list[str] = []
    with site.window(size, locale=locale, theme=theme) as page:
        page.goto(site.address + "/sign-in")
        told += _audit(page)
        page.fill("#login", "ai đó")
        page.fill("#password", "sai")
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=alert]")
        told += _audit(page)
        site.check(page)
        page.click("summary")
        told += _audit(page)
        site.sign_in(page)
        with town.office.read(town.actor("hanh")) as desk:
            file = desk.session.scalars(scope(desk, DocumentFile)).all()[0]
        for path in (
            "/incoming",
            "/outgoing",
            "/incoming?q=nothing",
            f"/documents/{town.arrived}",
            f"/documents/{town.answer}",
            f"/documents/{file.document_id}/files/{file.id}/text",
            "/verify",
            "/account",
            "/nowhere",
        ):
            page.goto(site.address + path)
            told += _audit(page)
        page.goto(site.address + "/incoming")
        page.click("summary")
        told += _audit(page, "details.menu")  # what an open menu covers is no target
        if size == WIDE:
            page.keyboard.press("Escape")
            page.keyboard.press("?")
            told += _audit(page, "dialog[open]")
        else:
            page.keyboard.press("Escape")
            page.click(".to-rail")
            told += _audit(page)
    assert not told, "\n".join(told)


def _audit(page: Page, part: str = "html") -> list[str]:
    """What the auditor finds on a page or a part of it, and whether the page scrolls sideways."""
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready.then(() => 1)")
    size = page.viewport_size
    assert size is not None
    # As high as the page: what a bar at the bottom hides for the moment is scrolled up, and no small target for that.
    high = max(size["height"], page.evaluate("document.documentElement.scrollHeight"))
    page.set_viewport_size({"width": size["width"], "height": high})
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("([part, rules]) => axe.run(part, {runOnly: rules})", [part, RULES])
    page.set_viewport_size(size)
    told = [
        f"{page.url} {item['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for item in found["violations"]
        for node in item["nodes"]
    ]
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return told if width[0] <= width[1] else [*told, f"{page.url} scrolls sideways: {width}"]


def test_the_narrowest_phone_scrolls_no_page_sideways(site: Site) -> None:
    for locale in ("vi", "en"):
        with site.window((360, 640), locale=locale) as page:
            site.check(page)
            site.sign_in(page)
            for path in ("/incoming", "/account", f"/documents/{site.town.answer}", "/sign-in"):
                page.goto(site.address + path)
                width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
                assert width[0] <= width[1], f"{path} in {locale} scrolls sideways: {width}"


def test_nothing_is_asked_of_anybody_else(site: Site) -> None:
    asked: set[str] = set()
    with site.window() as page:
        page.on("request", lambda request: asked.add(request.url))
        site.sign_in(page)
        page.goto(f"{site.address}/documents/{site.town.answer}")
        page.wait_for_load_state("networkidle")
        page.goto(site.address + "/verify")
        kept = page.evaluate("[document.cookie, Object.keys(localStorage).length]")
    assert {url for url in asked if not url.startswith(site.address)} == set()
    assert "office" not in kept[0]

"""The figures in a real browser: how near they are, that they can be taken away, and that everybody can read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.checking import CheckingClient
from tests.web.test_browser import PHONE, WIDE, Site, _audit
from tests.web.test_browser import site as site

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

LISTS = (
    "/statistics/documents?measure=delivery&bucket=E1&bucket=E2&bucket=E3&bucket=P",
    "/statistics/documents?measure=time.total",
    "/statistics/documents?measure=open_late",
)


@pytest.fixture
def mai(site: Site, client: CheckingClient) -> str:
    """The session of the auditor of several agencies."""
    return site.town.enter(client, "mai")


def _enter(site: Site, page: Page, session: str) -> None:
    page.context.add_cookies([{"name": "office", "value": session, "url": site.address}])


class Clicks:
    """Counts what a hand does."""

    def __init__(self, page: Page) -> None:
        self.page, self.made = page, 0

    def __call__(self, what: str) -> None:
        self.page.click(what)
        self.page.wait_for_load_state()
        self.made += 1


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_the_ratio_is_one_click_away_and_its_documents_one_more(
    site: Site, mai: str, scripts: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with site.window(java_script_enabled=scripts) as page:
        _enter(site, page, mai)
        page.goto(site.address + "/incoming")
        click = Clicks(page)
        click("#rail >> text=Văn bản điện tử")
        assert page.inner_text("#K1 b") == "66,7\u00a0%"
        to_the_ratio = click.made
        click("#K1 b")
        to_its_documents = click.made - to_the_ratio
        assert page.locator("[data-rows] tbody tr").count() == 2
        assert "2 lượt gửi" in page.inner_text("main")
        click(".go >> nth=0")
        assert f"/documents/{site.town.answer}" in page.url
    with capsys.disabled():
        print(f"\nratio: {to_the_ratio} click, its documents: {to_its_documents} more")
    assert (to_the_ratio, to_its_documents) == (1, 1)
    assert site.said == []


def test_a_period_is_chosen_and_a_table_taken_away(site: Site, mai: str) -> None:
    with site.window() as page:
        _enter(site, page, mai)
        page.goto(site.address + "/statistics")
        page.click("text=Năm nay")
        page.wait_for_url("**from=01/01/2026**")
        page.select_option("#agency", "so-noi-vu")
        page.fill("#from", "07/09/2026")
        page.fill("#to", "30/09/2026")
        page.keyboard.press("Enter")
        page.wait_for_url("**agency=so-noi-vu")
        assert page.input_value("#from") == "07/09/2026"
        with page.expect_download() as download:
            page.click("text=Tải CSV >> nth=0")
        assert download.value.suggested_filename == "statistics-agencies-so-noi-vu-2026-09-07-2026-09-30.csv"
        assert Path(download.value.path()).read_bytes().startswith(b"\xef\xbb\xbf")
        page.fill("#to", "01/09/2026")
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=alert]")
        assert page.input_value("#from") == "07/09/2026"
        page.go_back()
        assert page.inner_text("#K1 b")
    assert [text for text in site.said if "422" not in text] == []


def test_the_patterns_are_found_in_both_themes(site: Site, mai: str) -> None:
    inks: dict[str, Any] = {}
    for theme in ("light", "dark"):
        with site.window(theme=theme) as page:
            _enter(site, page, mai)
            page.goto(site.address + "/statistics")
            assert page.evaluate("[...document.querySelectorAll('[fill^=url]')].every(item => document.querySelector("
                                 "item.getAttribute('fill').slice(4, -1)))")  # fmt: skip
            inks[theme] = page.evaluate("getComputedStyle(document.querySelector('main .e1')).fill")
    assert inks["light"] != inks["dark"]


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["vi", "en"])
def test_figures_are_accessible(site: Site, mai: str, locale: str, theme: str, size: tuple[int, int]) -> None:
    told: list[str] = []
    with site.window(size, locale=locale, theme=theme) as page:
        _enter(site, page, mai)
        for path in ("/statistics", "/statistics?from=01/01/2020&to=31/12/2026", "/statistics?from=x", *LISTS):
            page.goto(site.address + path)
            told += _audit(page)
    assert not told, "\n".join(told)

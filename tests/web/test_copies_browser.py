"""A certified copy in a real browser: by mouse and keyboard, twice pressed, after going back, and with scripts off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import Staff
from eoffice.services import copies
from tests.support.copies import came, issued
from tests.support.letters import at_work
from tests.web.test_browser import PHONE, WIDE, Site, _audit, site

__all__ = ["site"]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def staff(site: Site) -> Iterator[Staff]:
    with at_work(site.town) as staff:
        yield staff


def made(site: Site) -> list[str]:
    with site.town.office.read(site.town.actor("hanh")) as desk:
        return [line.copy.code for line in copies.find(desk).rows]


def fill(page: Page, pages: str = "") -> None:
    page.fill("#purpose", "Gửi Kho bạc Nhà nước đối chiếu")
    if pages:
        page.select_option("#form", "copy_extract")
        page.fill("#pages", pages)
    page.fill("#password", KEY_PASSWORD)


def test_a_copy_is_made_pressed_twice_and_gone_back(site: Site, staff: Staff) -> None:
    document = came(staff)
    with site.window() as page:
        site.sign_in(page)
        page.goto(f"{site.address}/documents/{document}")
        page.click("text=Sao văn bản…")
        page.wait_for_selector("#purpose")
        fill(page)
        page.dblclick("main form button.pri")
        page.wait_for_url("**/copies/*")
        assert page.inner_text("h1") == "Bản sao 01/SY-SNV"
        assert "Hợp lệ" in page.inner_text(".verdict")
        shown = page.locator("figure img").first
        assert shown.evaluate("item => item.decode().then(() => item.naturalWidth > 600)")
        page.go_back()
        page.wait_for_selector("#purpose")
        assert page.input_value("#password") == ""
        assert made(site) == ["01/SY-SNV"]
        page.goto(site.address + "/copies")
        page.click("text=01/SY-SNV")
        page.wait_for_url("**/copies/*")
    assert site.said == []


def test_with_scripts_off_an_extract_is_made(site: Site, staff: Staff) -> None:
    letter = issued(staff)
    with site.window(java_script_enabled=False) as page:
        site.sign_in(page)
        page.goto(f"{site.address}/documents/{letter}/copy")
        fill(page, "9-1")
        page.click("main form button.pri")
        assert page.get_attribute("#pages", "aria-invalid") == "true"
        assert page.input_value("#purpose") == "Gửi Kho bạc Nhà nước đối chiếu"
        fill(page, "1-2")
        page.click("main form button.pri")
        page.wait_for_url("**/copies/*")
        assert page.inner_text("h1") == "Bản sao 01/TrS-SNV"
    assert made(site) == ["01/TrS-SNV"]


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["vi", "en"])
def test_these_pages_are_accessible(
    site: Site, staff: Staff, locale: str, theme: str, size: tuple[int, int]
) -> None:
    document = came(staff)
    told: list[str] = []
    with site.window(size, locale=locale, theme=theme) as page:
        site.sign_in(page)
        page.goto(f"{site.address}/documents/{document}/copy")
        told += _audit(page)
        fill(page, "9-1")
        page.click("main form button.pri")
        page.wait_for_selector("[role=alert]")
        told += _audit(page)
        fill(page, "1")
        page.click("main form button.pri")
        page.wait_for_url("**/copies/*")
        told += _audit(page)
        for path in ("/copies", f"/documents/{document}", f"/documents/{site.town.answer}/copy"):
            page.goto(site.address + path)
            told += _audit(page)
    assert not told, "\n".join(told)

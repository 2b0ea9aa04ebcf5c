"""Issuing and following in a real browser: by mouse with every click counted, by keyboard, and with scripts off."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from playwright.sync_api import Page

from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import Staff
from eoffice.services.drafting import To
from tests.support.letters import approved, at_work
from tests.web.test_browser import PHONE, WIDE, Site, _audit, site

__all__ = ["site"]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def staff(site: Site) -> Iterator[Staff]:
    with at_work(site.town) as staff:
        yield staff


def signed(staff: Staff) -> UUID:
    to = (staff.to("so-tai-chinh"), staff.to("phuong-tan-an"), To("Kho bạc Nhà nước khu vực XVIII"))
    letter = approved(staff, to)
    staff.sign("nam", letter)
    return letter


def budget(site: Site, page: Page, told: str, most: int) -> None:
    """Print what it cost; the clicks are counted by the page itself."""
    clicks = page.evaluate("+sessionStorage.clicks || 0")
    print(f"\n{told}: {clicks} clicks")
    assert clicks <= most
    assert site.said == []


COUNT = "addEventListener('click', e => e.isTrusted && (sessionStorage.clicks = +(sessionStorage.clicks || 0) + 1), 1)"


def test_issuing_takes_two_clicks(site: Site, staff: Staff, capsys: pytest.CaptureFixture[str]) -> None:
    """From the queue: the letter is the marked one; "Issue", the password as text, the button."""
    signed(staff)
    with site.window() as page:
        site.sign_in(page)
        page.goto(site.address + "/outgoing?queue=to_issue")
        page.add_init_script(COUNT)
        page.evaluate(COUNT)
        page.click("#preview >> text=Phát hành…")
        page.wait_for_selector("#password")
        page.focus("#password")
        page.keyboard.type(KEY_PASSWORD)
        page.click("main form button.pri")
        page.wait_for_url("**/deliveries")
        assert "Đã phát hành 02/SNV-VTLT" in page.inner_text("main")
        with capsys.disabled():
            budget(site, page, "issue a signed letter to three recipients", 2)
        page.go_back()
        page.goto(site.address + "/outgoing?queue=to_issue")
        assert page.locator(".empty").count() == 1


def test_the_second_letter_asks_no_password(site: Site, staff: Staff) -> None:
    first, second = signed(staff), signed(staff)
    with site.window() as page:
        site.sign_in(page)
        page.goto(f"{site.address}/issue/{first}")
        page.fill("#password", KEY_PASSWORD)
        page.check("[name=all]")
        page.click("main form button.pri")
        page.wait_for_url("**/deliveries")
        page.goto(f"{site.address}/issue/{second}")
        assert page.locator("#password").count() == 0
        page.click("main form button.pri")
        page.wait_for_url("**/deliveries")
        assert "03/SNV-VTLT" in page.inner_text("h1")
    assert site.said == []


def test_a_double_click_is_one_press(site: Site, staff: Staff) -> None:
    letter = signed(staff)
    with site.window() as page:
        site.sign_in(page)
        page.goto(f"{site.address}/issue/{letter}")
        page.fill("#password", KEY_PASSWORD)
        page.dblclick("main form button.pri")
        page.wait_for_url("**/deliveries")
    assert len(staff.deliveries("hanh", letter)) == 3


def test_paper_changes_the_class_at_once_and_never_the_address(site: Site, staff: Staff) -> None:
    letter = signed(staff)
    asked: list[str] = []
    with site.window() as page:
        site.sign_in(page)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{site.address}/issue/{letter}")
        page.fill("#password", "không được vào địa chỉ")
        page.focus("#to select >> nth=0")
        page.select_option("#to select >> nth=0", "recipient_request")
        page.wait_for_selector("#to td:has-text('E2')")
        assert page.input_value("#password") == "không được vào địa chỉ"
        assert page.evaluate("document.activeElement.tagName") == "SELECT", "the focus stays where it was"
        page.fill("#password", "sai")
        page.click("main form button.pri")
        page.wait_for_selector("[role=alert]")
        assert page.input_value("#to select >> nth=0") == "recipient_request", "what was chosen is kept"
        assert page.input_value("#password") == ""
    parts = [url for url in asked if "/recipients" in url]
    assert parts and not [url for url in asked if "password" in url or "dia" in url]


def test_it_works_without_scripts(site: Site, staff: Staff) -> None:
    letter = signed(staff)
    with site.window(java_script_enabled=False) as page:
        site.sign_in(page)
        page.goto(site.address + "/outgoing?queue=to_issue")
        page.click(".go >> nth=0")
        page.click("text=Phát hành…")
        page.select_option("#to select >> nth=0", "recipient_request")
        page.fill("#password", "sai")
        page.click("main form button.pri")
        assert "Mật khẩu khóa ký không đúng" in page.inner_text("[role=alert]")
        assert page.input_value("#to select >> nth=0") == "recipient_request"
        page.fill("#password", KEY_PASSWORD)
        page.click("main form button.pri")
        assert "/deliveries" in page.url
        page.click(".go >> nth=2")
        page.fill("#note", "RN 123 456 789 VN")
        page.click("text=Đã giao bưu điện")
        assert "RN 123 456 789 VN" in page.inner_text("#preview")
        page.goto(site.address + "/deliveries?show=all")
        page.click(".go >> nth=0")
        assert page.url.endswith(f"/documents/{letter}/deliveries")
    assert sorted(row.delivery_class for row in staff.deliveries("hanh", letter)) == ["E1", "E2", "P"]


def test_the_cursor_moves_over_the_recipients(site: Site) -> None:
    with site.window() as page:
        site.sign_in(page)
        page.goto(f"{site.address}/documents/{site.town.answer}/deliveries")
        first = page.inner_text("#one")
        page.keyboard.press("j")
        page.wait_for_function("was => document.querySelector('#one').innerText !== was", arg=first)
        with page.expect_download() as download:
            page.keyboard.press("k")
            page.wait_for_function("was => document.querySelector('#one').innerText === was", arg=first)
            page.click("text=Biên nhận có chữ ký")
        assert download.value.suggested_filename.startswith("bien-nhan-01-SNV-VTLT-")
        page.click(".go >> nth=1")
        page.wait_for_url("**/deliveries/*")
        assert page.get_attribute(".cur td", "title") == page.inner_text("#one")
    assert site.said == []


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["vi", "en"])
def test_these_pages_are_accessible(
    site: Site, staff: Staff, locale: str, theme: str, size: tuple[int, int]
) -> None:
    letter = signed(staff)
    told: list[str] = []
    with site.window(size, locale=locale, theme=theme) as page:
        site.sign_in(page)
        page.goto(f"{site.address}/issue/{letter}")
        told += _audit(page)
        page.fill("#password", "sai")
        page.click("main form button.pri")
        page.wait_for_selector("[role=alert]")
        told += _audit(page)
        item = staff.deliveries("hanh", site.town.answer)[0].id
        for path in (
            "/deliveries",
            "/deliveries?show=all",
            f"/documents/{site.town.answer}/deliveries",
            f"/documents/{site.town.answer}/deliveries/{item}",
        ):
            page.goto(site.address + path)
            told += _audit(page)
    assert not told, "\n".join(told)

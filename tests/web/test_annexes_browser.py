"""Two annexes from the drafter's page to the recipient's, in a real browser, each person at his own desk."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from eoffice.cli.province import KEY_PASSWORD
from eoffice.core.desk import scope
from eoffice.jobs.worker import drain
from eoffice.models.documents import Document
from tests.services.test_annexes import add, approve
from tests.support.letters import approved, at_work, content
from tests.support.papers import annex_pdf
from tests.web.test_browser import PHONE, WIDE, Site, _audit, site
from tests.web.test_sign_browser import Desk

__all__ = ["site"]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

ONE, TWO = annex_pdf("Danh mục hồ sơ"), annex_pdf("Kinh phí", pages=2)


@pytest.fixture
def desk(site: Site) -> Iterator[Desk]:
    with at_work(site.town) as staff:
        yield Desk(site, staff)


DROP = """([content, name]) => {
  const brought = new DataTransfer(), bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
  brought.items.add(new File([bytes], name, {type: 'application/pdf'}));
  document.querySelector('h1').dispatchEvent(new DragEvent('drop', {dataTransfer: brought, bubbles: true}));
}"""


def drop(page: Page, pdf: bytes, name: str) -> None:
    """Drop a file anywhere on the page."""
    page.evaluate(DROP, [base64.b64encode(pdf).decode(), name])


def test_two_annexes_reach_the_recipient(desk: Desk, tmp_path: Path) -> None:
    """Added, approved, signed, issued, received: both stand with the recipient, each with a good signature."""
    site, staff = desk.site, desk.staff
    letter = staff.draft("tuan", content(staff))
    files = [tmp_path / "Phụ lục I.pdf", tmp_path / "Phụ lục II.pdf"]
    for file, pdf in zip(files, (ONE, TWO), strict=True):
        file.write_bytes(pdf)
    with site.window() as page:
        desk.enter(page, "tuan", f"/documents/{letter.id}")
        page.set_input_files("#file", files)
        page.click("text=Thêm phụ lục")
        page.wait_for_selector("text=Đã thêm 2 phụ lục")
        page.click("[title='Chuyển phụ lục 2 lên trên']")
        page.wait_for_selector("text=Đã lưu các phụ lục")
        assert page.locator("[name^=name-]").nth(0).input_value() == "Phụ lục II.pdf"
    approve(staff, letter.id)
    with site.window() as page:
        desk.enter(page, "nam", f"/sign/{letter.id}")
        page.click("text=Phụ lục 1: Phụ lục II.pdf")
        page.wait_for_selector("img[alt^='Trang 2 trong 2']")
        page.go_back()
        page.click("#approve")
        page.wait_for_url("**/sign")
        page.goto(site.address + "/sign/unlock")
        page.fill("#keypw", KEY_PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/sign/progress")
    drain(site.town.office)
    with site.window() as page:
        desk.enter(page, "hanh", f"/issue/{letter.id}")
        assert "2 phụ lục:" in page.inner_text("main")
        page.fill("#password", KEY_PASSWORD)
        page.dblclick("main form button.pri")
        page.wait_for_url("**/deliveries")
        assert "2 phụ lục:" in page.inner_text("main")
        page.click("text=Phụ lục II.pdf")
        page.wait_for_selector("#signatures")
        assert "Hợp lệ" in page.inner_text("main")
    drain(site.town.office)
    with site.town.office.read(staff.actor("yen")) as there:
        theirs = there.session.scalars(
            scope(there, Document).where(Document.channel == "intra_system").order_by(Document.created_at.desc())
        ).first()
    assert theirs is not None
    with site.window() as page:
        desk.enter(page, "yen", f"/documents/{theirs.id}/register")
        assert "2 phụ lục:" in page.inner_text("main")
        page.goto(f"{site.address}/documents/{theirs.id}#annexes")
        rows = page.locator("#annexes + ol li")
        assert rows.count() == 2
        for place, name in enumerate(("Phụ lục II.pdf", "Phụ lục I.pdf")):
            assert name in rows.nth(place).inner_text()
            assert "Hợp lệ" in rows.nth(place).inner_text()
        rows.nth(0).locator("a").click()
        page.wait_for_selector("img[alt^='Trang 2 trong 2']")
        assert "Sở Nội vụ" in page.inner_text("#signatures ~ section")
    assert site.said == []


def test_a_file_is_dropped_on_the_page(desk: Desk) -> None:
    site = desk.site
    letter = desk.staff.draft("tuan", content(desk.staff))
    with site.window() as page:
        desk.enter(page, "tuan", f"/documents/{letter.id}")
        drop(page, ONE, "Thả vào.pdf")
        page.wait_for_selector("text=Đã thêm 1 phụ lục")
        assert page.locator("[name^=name-]").input_value() == "Thả vào.pdf"
    assert site.said == []


def test_it_works_without_scripts(desk: Desk, tmp_path: Path) -> None:
    site = desk.site
    letter = desk.staff.draft("tuan", content(desk.staff))
    file, other = tmp_path / "Bảng.pdf", tmp_path / "Bảng khác.pdf"
    file.write_bytes(ONE)
    other.write_bytes(TWO)
    with site.window(java_script_enabled=False) as page:
        desk.enter(page, "tuan", f"/documents/{letter.id}")
        page.set_input_files("#file", [file, other])
        page.click("text=Thêm phụ lục")
        page.fill("[name^=name-] >> nth=0", "Tên mới.pdf")
        page.click(".btn:has-text('Lưu tên và thứ tự')")
        assert page.locator("[name^=name-]").nth(0).input_value() == "Tên mới.pdf"
        page.click("[title='Bỏ phụ lục 2']")
        assert page.locator("[name^=name-]").count() == 1
        page.set_input_files("#file", file)
        page.click("text=Thêm phụ lục")
        assert "Tệp này đã là phụ lục 1" in page.inner_text("[role=alert]")


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["vi", "en"])
def test_these_pages_are_accessible(desk: Desk, locale: str, theme: str, size: tuple[int, int]) -> None:
    site, staff = desk.site, desk.staff
    letter, plain = staff.draft("tuan", content(staff)).id, approved(staff)
    add(staff, letter, ONE)
    add(staff, letter, TWO, "Kinh phí.pdf")
    told: list[str] = []
    with site.window(size, locale=locale, theme=theme) as page:
        desk.enter(page, "tuan", f"/documents/{letter}")
        told += _audit(page)
        page.click("a[href*='?file=']")
        told += _audit(page)
        desk.enter(page, "tuan", f"/documents/{plain}")
        told += _audit(page)
    assert not told, "\n".join(told)

"""The pages of certificates in a real browser: for everybody to use, on a phone too, and with scripts switched off."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eoffice.services import directory
from eoffice.services.directory import NewPost
from tests.web.test_browser import PHONE, WIDE, Site, _audit, site
from tests.web.test_ledger_browser import enter

__all__ = ["site"]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

LIST = "Tên đăng nhập;Họ và tên;Mục đích\nnam;Nguyễn Văn Nam;Người ký\ntuan;Lê Minh Tuấn;Người ký\n;;Gửi, nhận\n"


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_every_page_passes_the_audit(site: Site, size: tuple[int, int], tmp_path: Path) -> None:
    clerk = NewPost("so-noi-vu", "minh-thu", "Vũ Minh Thư", "bà", "Văn thư", "no password opens this", ("clerk",))
    site.town.office.do(site.town.system("so-noi-vu"), directory.appoint, key="clerk", post=clerk)
    (tmp_path / "list.csv").write_text(LIST, "utf-8")
    found: list[str] = []
    with site.window(size) as page:
        enter(site, page, "phong")
        page.wait_for_url("**/certificates")
        found += _audit(page)
        page.click("main .go >> text=Sở Nội vụ >> nth=0")
        for place in (0, 1):
            page.click(f"main summary >> nth={place}")
        found += _audit(page)
        for path in ("requests", "at-risk", "bring-in", "list"):
            page.goto(f"{site.address}/certificates/{path}")
            found += _audit(page)
        page.set_input_files("#file", str(tmp_path / "list.csv"))
        page.click("main form button.pri")
        page.wait_for_selector("main table")
        found += _audit(page)
    with site.window(size) as page:
        enter(site, page, "nam")
        page.wait_for_url(lambda address: "sign-in" not in address)
        page.goto(f"{site.address}/account")
        found += _audit(page)
        page.click("main a >> text=Đổi mật khẩu khóa ký")
        page.wait_for_selector("#old_password")
        found += _audit(page)
    assert found == []
    assert site.said == []


def test_it_works_with_scripts_off(site: Site, tmp_path: Path) -> None:
    """Asked for, issued, and the new one revoked: plain forms and links."""
    with site.window(java_script_enabled=False) as page:
        enter(site, page, "phong")
        page.click("main a >> text=Đề nghị")
        page.select_option("#whom", label="Nguyễn Văn Nam, Giám đốc")
        page.click("main form >> text=Đề nghị cấp >> nth=-1")
        page.click("main table button >> text=Cấp")
        page.wait_for_selector("text=Đã cấp chứng thư thử nghiệm")
        page.click("main nav a >> text=Đã cấp")
        page.click("main table a")
        page.click("main summary >> text=Thu hồi")
        page.fill("#reason", "Mất thiết bị lưu khóa")
        page.click("main form button >> text=Thu hồi chứng thư số")
        page.wait_for_selector("text=Đã thu hồi chứng thư số; từ nay")
        page.click("main p a")
        page.click("main nav.tabs a >> text=Đã thu hồi")
        assert re.search("Nguyễn Văn Nam", page.inner_text("main table"))
    assert site.said == []

"""The signing desk in a real browser: twenty letters by keyboard, with and without scripts, and on a phone."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from eoffice.cli.province import KEY_PASSWORD
from eoffice.cli.staff import Staff
from eoffice.core.desk import PUBLIC, scope
from eoffice.jobs.worker import Worker
from eoffice.models.review import SigningItem
from eoffice.services import accounts
from signing.errors import TsaDown
from tests.support.letters import approved, at_work
from tests.web.test_browser import PHONE, WIDE, Site, _audit, site
from tests.web.test_sign import long_letter

__all__ = ["site"]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@dataclass
class Desk:
    """A site on which everybody is at work, with a worker in the background; what the leader presses is counted."""

    site: Site
    staff: Staff
    clicks: int = 0
    keys: int = 0
    told: list[str] = field(default_factory=list)

    def enter(self, page: Page, login: str = "nam", path: str = "/") -> None:
        """Sign a person in without a password and open a page."""
        token, actor = secrets.token_urlsafe(32), self.staff.actor(login)
        given: dict[str, Any] = {"person": actor.person, "post": actor.post}
        digest = accounts.token_digest(token)
        self.site.town.office.do(PUBLIC, accounts.sign_in, key=f"e:{token}", token_sha256=digest, **given)
        page.context.add_cookies([{"name": "office", "value": token, "url": self.site.address}])
        page.goto(self.site.address + path)

    def key(self, page: Page, key: str) -> None:
        self.keys += 1
        page.keyboard.press(key)

    def click(self, page: Page, selector: str) -> None:
        self.clicks += 1
        page.click(selector)

    def states(self) -> list[str]:
        with self.site.town.office.read(self.site.town.system("so-noi-vu")) as desk:
            return [row.state for row in desk.session.scalars(scope(desk, SigningItem).order_by(SigningItem.listed_at))]


@pytest.fixture
def desk(site: Site) -> Iterator[Desk]:
    with at_work(site.town) as staff:
        worker = Worker(site.town.office, clock=site.town.clock)
        thread = threading.Thread(target=worker.run, daemon=True)
        thread.start()
        yield Desk(site, staff)
        worker.stop()
        thread.join()


def listed(page: Page, number: int) -> None:
    """Wait until so many stand in the signing list."""
    expect(page.locator("#main")).to_contain_text(f"{number} văn bản")


def test_twenty_letters_by_keyboard_one_fails_and_is_retried(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    town = desk.site.town
    for _ in range(20):
        approved(desk.staff)
    stamper, turns = town.office.tsa, iter([None] * 14)
    assert stamper is not None

    def down_once() -> Any:
        if next(turns, 0) == 0:
            town.office.tsa = stamper
            raise TsaDown
        return stamper()

    town.office.tsa = down_once
    with desk.site.window() as page:
        desk.enter(page)
        assert page.url.endswith("/sign"), "the leader's day begins here"
        for number in range(1, 21):
            page.wait_for_function("() => document.querySelector('.paper img')?.naturalWidth > 400")
            desk.key(page, "a")
            listed(page, number)
        desk.key(page, "a")
        page.wait_for_selector("#keypw")
        page.keyboard.type(KEY_PASSWORD)
        desk.key(page, "Enter")
        page.wait_for_url("**/sign/progress")
        used = (desk.clicks, desk.keys)
        expect(page.locator("#progress")).to_contain_text("không còn việc đang chạy", timeout=60_000)
        assert "19 trong 20 đã ký, 1 lỗi" in page.inner_text("#progress")
        assert "Dừng" not in page.inner_text("#main")
        assert "Máy chủ cấp dấu thời gian không trả lời" in page.inner_text("#progress")
        expect(page.locator(".tabs .late")).to_have_text("Lỗi 1")
        desk.click(page, "#progress form:has-text('Ký lại') button")
        expect(page.locator(".tabs")).to_contain_text("Đã ký 20", timeout=30_000)
        expect(page.locator(".tabs")).to_contain_text("Lỗi 0")
        expect(page.locator("#running")).to_have_count(0, timeout=10_000)
    assert desk.states() == ["signed"] * 20
    assert desk.site.said == []
    clicks, keys = used
    with capsys.disabled():
        print(f"\n  20 one-page letters signed: {clicks} clicks, {keys} keys and the password", end="")
    assert clicks <= 2
    assert keys <= 28


def test_keys_turn_pages_and_walk_the_stack(desk: Desk) -> None:
    long, others = long_letter(desk.staff, 14), [approved(desk.staff) for _ in range(2)]
    with desk.site.window() as page:
        desk.enter(page)
        desk.key(page, "f")
        desk.key(page, "j")
        page.wait_for_url(f"**/sign/{others[0]}")
        assert page.get_attribute("[data-fit]", "aria-pressed") == "true", "the next one is shown as whole as this"
        desk.key(page, "j")
        page.wait_for_url(f"**/sign/{others[1]}")
        desk.key(page, "k")
        page.wait_for_url(f"**/sign/{others[0]}")
        page.go_back()
        page.wait_for_url(f"**/sign/{others[1]}")
        page.goto(f"{desk.site.address}/sign/{long}")
        assert page.title().startswith("Kế hoạch năm 2027")
        desk.key(page, "a")
        page.wait_for_url(f"**/sign/{long}?page=2")
        assert "Đọc trang" not in page.inner_text("#approve")
        desk.key(page, "a")
        page.wait_for_url(f"**/sign/{others[0]}")
        listed(page, 1)
        desk.key(page, "x")
        page.keyboard.type("Thiếu căn cứ pháp lý")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/sign/{others[1]}")
        assert "Đã trả lại dự thảo" in page.inner_text("[role=status] >> nth=0")
        page.click("[data-open=unlock]")
        page.keyboard.type("không phải mật khẩu này")
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=alert]")
        assert "Mật khẩu khóa ký không đúng" in page.inner_text("[role=alert]")
    assert [text for text in desk.site.said if "422" not in text] == []
    assert desk.staff.document("nam", others[0]).state == "draft"


def test_what_goes_wrong_behind_a_key_is_seen(desk: Desk) -> None:
    letters = [approved(desk.staff) for _ in range(2)]
    with desk.site.window() as page:
        desk.enter(page, path=f"/sign/{letters[0]}")
        page.evaluate("document.querySelector('[name=seen]').value = 'x'")
        desk.key(page, "a")
        page.wait_for_selector("[role=alert]")
        assert page.url.endswith(f"/sign/{letters[0]}")
        page.context.clear_cookies(name="office")
        desk.key(page, "a")
        page.wait_for_selector("#login")
        assert "Phiên làm việc" in page.inner_text("#main") or "đăng nhập" in page.inner_text("#main").lower()
    assert desk.states() == []


def test_it_works_without_scripts(desk: Desk) -> None:
    long, short, third = long_letter(desk.staff, 14), approved(desk.staff), approved(desk.staff)
    with desk.site.window(java_script_enabled=False) as page:
        desk.enter(page, path=f"/sign/{long}")
        page.click("#approve")
        assert f"/sign/{long}?page=2" in page.url
        page.click("#approve")
        assert page.url.endswith(f"/sign/{short}")
        page.click("summary.no")
        page.fill("[name=reason]", "Thiếu căn cứ")
        page.click("text=Trả lại kèm lý do")
        assert page.url.endswith(f"/sign/{third}")
        page.click("[data-open=unlock]")
        assert page.url.endswith("/sign/unlock")
        page.fill("#keypw", KEY_PASSWORD)
        page.click("text=Mở khóa và ký 1 văn bản")
        assert page.url.endswith("/sign/progress")
        for _ in range(200):
            if "không còn việc đang chạy" in page.inner_text("#main"):
                break
            page.reload()
        assert "1 trong 1 đã ký" in page.inner_text("#main")
    assert desk.states() == ["signed"]


def test_on_a_phone(desk: Desk) -> None:
    letters = [approved(desk.staff) for _ in range(3)]
    with desk.site.window(PHONE) as page:
        desk.enter(page)
        page.wait_for_function("() => document.querySelector('.paper img')?.naturalWidth > 400")
        _fits(page)
        page.click("#approve")
        page.wait_for_url(f"**/sign/{letters[1]}")
        page.click("summary.no")
        page.fill("[name=reason]", "Thiếu căn cứ")
        _fits(page)
        page.click("text=Trả lại kèm lý do")
        page.wait_for_url(f"**/sign/{letters[2]}")
        page.click("text=Danh sách ký 1")
        _fits(page)
        page.fill("#keypw", KEY_PASSWORD)
        page.click("text=Mở khóa và ký 1 văn bản")
        page.wait_for_url("**/sign/progress")
        expect(page.locator("#progress")).to_contain_text("1 trong 1 đã ký", timeout=30_000)
        _fits(page)
    assert desk.site.said == []
    assert desk.states() == ["signed"]


def _fits(page: Page) -> None:
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], f"{page.url} scrolls sideways: {width}"


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["vi", "en"])
def test_the_desk_is_accessible(desk: Desk, locale: str, theme: str, size: tuple[int, int]) -> None:
    town = desk.site.town
    letters: list[UUID] = [approved(desk.staff) for _ in range(4)]
    told: list[str] = []
    with desk.site.window(size, locale=locale, theme=theme) as page:
        desk.enter(page)
        told += _audit(page)
        for letter in letters[1:]:
            page.goto(f"{desk.site.address}/sign/{letter}")
            page.click("#approve")
            expect(page.locator("#approve")).to_be_visible()
            page.wait_for_function("path => !location.pathname.endsWith(path)", arg=str(letter))
        told += _audit(page)
        page.goto(f"{desk.site.address}/sign/{letters[1]}")
        told += _audit(page)
        if size == WIDE:
            page.goto(f"{desk.site.address}/sign")
            page.click("[data-open=unlock]")
            told += _audit(page, "dialog[open]")
        page.goto(f"{desk.site.address}/sign/unlock")
        told += _audit(page)
        town.office.tsa = _down
        page.fill("#keypw", KEY_PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/sign/progress")
        page.wait_for_selector("#progress [role=status]")
        for path in ("/sign/progress", "/sign/progress?state=failed", "/sign/progress?state=signed"):
            page.goto(desk.site.address + path)
            told += _audit(page)
    assert not told, "\n".join(told)


def _down() -> Any:
    raise TsaDown

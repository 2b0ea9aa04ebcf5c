"""Writing and reviewing in a real browser: as people do it, counted, and once without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from playwright.sync_api import Page
from sqlalchemy import select, update

from eoffice.models.directory import Person
from eoffice.models.routing import Assignment
from eoffice.services import accounts, drafting, search
from tests.web.test_browser import PHONE, WIDE, Site, _audit, site
from tests.web.test_documents import change
from tests.web.test_sign_in import PASSWORD

__all__ = ["site"]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

TEXT = "1. Sở Nội vụ đã rà soát 1.842 hồ sơ.\n2. Đề nghị Quý Công ty phối hợp./."


@pytest.fixture
def task(site: Site) -> UUID:
    """The letter that came, open again with Tuấn; everybody in the circuit may sign in."""
    town = site.town
    change(town, town.arrived, state="in_progress")
    change(town, town.answer, drafter_post_id=town.post("huy"))
    people = update(Person).where(Person.login.in_(("tuan", "son", "anh")))
    with town.office.sessions.write() as session:
        changed = people.values(password_hash=accounts.hash_password(PASSWORD))
        session.execute(changed, execution_options={"synchronize_session": False})
        parts = select(Assignment).where(Assignment.document_id == town.arrived).execution_options(scoped=True)
        for part in session.scalars(parts):
            part.state = "in_progress"
        session.commit()
    return town.arrived


class Hands:
    """Counts what somebody presses on a page."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks, self.keys = page, 0, 0

    def click(self, what: str) -> None:
        self.page.click(what)
        self.clicks += 1

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.keys += 1


@contextmanager
def at_desk(site: Site, login: str, path: str, size: tuple[int, int] = WIDE, **more: object) -> Iterator[Page]:
    """Somebody's window, signed in, on a page."""
    with site.window(size, **more) as page:  # type: ignore[arg-type]
        page.goto(site.address + "/sign-in")
        page.fill("#login", login)
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("#rail", state="attached")
        page.goto(site.address + path)
        yield page


def drawn(page: Page) -> None:
    """Wait until the page of the paper is there."""
    page.wait_for_selector(".paper img")
    page.locator(".paper img").first.evaluate("image => image.decode()")


def state(site: Site, draft: UUID) -> str:
    with site.town.office.read(site.town.actor("hanh")) as desk:
        return search.document(desk, draft).state


def lines(site: Site, draft: UUID) -> list[str]:
    with site.town.office.read(site.town.actor("hanh")) as desk:
        return list(drafting.newest(desk, draft).letter["paragraphs"])


def document_of(page: Page) -> UUID:
    page.wait_for_url(re.compile("/documents/[0-9a-f-]{36}"))
    return UUID(page.url.partition("/documents/")[2][:36])


def test_a_letter_is_answered_and_approved(site: Site, task: UUID, capsys: pytest.CaptureFixture[str]) -> None:
    with at_desk(site, "tuan", "/tasks") as page:
        hands = Hands(page)
        hands.click(f".go[href='/documents/{task}']")
        hands.click("button:has-text('Trả lời')")
        page.wait_for_url("**/drafts/**")
        drawn(page)
        before = page.get_attribute(".paper img", "src")
        page.fill("#p2", TEXT)
        page.wait_for_selector("#kept:has-text('Đã lưu')")
        page.wait_for_selector(f".paper img:not([src='{before}'])")
        drawn(page)
        page.reload()
        assert page.input_value("#p3") == "2. Đề nghị Quý Công ty phối hợp./."
        hands.click("button:has-text('Trình ông Sơn duyệt nội dung')")
        draft = document_of(page)
        page.wait_for_selector("text=Đã trình dự thảo")
    assert state(site, draft) == "in_review"
    for login, queue, following in (("son", "to_approve", "content_ok"), ("anh", "to_check", "format_ok")):
        with at_desk(site, login, f"/outgoing?queue={queue}") as page:
            page.click(".go >> nth=0")
            drawn(page)
            page.keyboard.press("a")
            page.wait_for_url(f"**/outgoing?queue={queue}")
        assert state(site, draft) == following
    assert site.said == []
    with capsys.disabled():
        print(f"\nanswer and send for signature: {hands.clicks} clicks, {hands.keys} keys + the text")
    assert hands.clicks <= 5
    assert hands.keys == 0


def test_the_answer_by_keyboard_alone(site: Site, task: UUID) -> None:
    with at_desk(site, "tuan", f"/documents/{task}") as page:
        page.keyboard.press("r")
        page.wait_for_url("**/drafts/**")
        page.focus("#p2")
        page.keyboard.type("Nhất trí./.")
        page.focus("button:has-text('Thêm đoạn')")
        page.keyboard.press("Enter")
        page.wait_for_selector("#p3")
        page.keyboard.type("Đoạn nữa./.")  # the new box has the focus
        page.focus("[title='Đưa đoạn 3 lên']")
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('#p2').value === 'Đoạn nữa./.'")
        assert page.evaluate("document.activeElement.id") == "p2"  # the moved box has the focus, and leaves it alone
        page.focus("button:has-text('Trình ông Sơn')")
        page.keyboard.press("Enter")
        draft = document_of(page)
    assert lines(site, draft)[1:] == ["Đoạn nữa./.", "Nhất trí./."]
    assert site.said == []


def test_two_windows_of_one_text(site: Site, task: UUID) -> None:
    with at_desk(site, "tuan", f"/documents/{task}") as page:
        page.keyboard.press("r")
        page.wait_for_url("**/drafts/**")
        other = page.context.new_page()
        other.goto(page.url)
        page.fill("#p2", "Của cửa sổ một")
        page.wait_for_selector("#kept:has-text('Đã lưu')")
        other.fill("#p2", "Của cửa sổ hai")
        other.wait_for_selector("#kept:has-text('cửa sổ khác')")
        assert other.input_value("#p2") == "Của cửa sổ hai"
        other.click("text=Lưu, xem trang")
        other.wait_for_selector("[role=alert]")
        assert other.input_value("#p2") == "Của cửa sổ hai"
        page.reload()
        assert page.input_value("#p2") == "Của cửa sổ một"


def test_a_draft_is_sent_back_with_a_reason(site: Site, task: UUID) -> None:
    with at_desk(site, "tuan", f"/documents/{task}") as page:
        page.keyboard.press("r")
        page.wait_for_url("**/drafts/**")
        page.click("text=Trình ông Sơn")
        draft = document_of(page)
    with at_desk(site, "son", f"/documents/{draft}") as page:
        page.keyboard.press("x")
        page.keyboard.type("Thiếu số liệu")
        page.click("text=Trả lại với lý do này")
        page.wait_for_selector("text=Đã trả lại dự thảo")
    with at_desk(site, "tuan", f"/documents/{draft}") as page:
        assert "Thiếu số liệu" in page.inner_text("main")
        page.click("text=Sửa dự thảo")
        page.wait_for_url("**/drafts/**")
        page.fill("#p1", "Có 12 hồ sơ./.")
        page.click("text=Trình ông Sơn")
        page.wait_for_url("**/documents/**")
        page.click("text=So các bản")
        assert page.inner_text("ins").strip()
    assert state(site, draft) == "in_review"
    assert site.said == []


def test_writing_without_scripts(site: Site, task: UUID) -> None:
    with at_desk(site, "tuan", f"/documents/{task}", java_script_enabled=False) as page:
        page.click("button:has-text('Trả lời')")
        page.fill("#p2", TEXT)
        page.click("text=Lưu, xem trang")
        assert page.input_value("#p3") == "2. Đề nghị Quý Công ty phối hợp./."
        page.click("text=Thêm đoạn")
        page.fill("#p4", "Thừa")
        page.click("[title='Xóa đoạn 4']")
        assert page.locator("#p4").count() == 0
        page.fill("#to-name", "Hội Làm vườn")
        page.press("#to-name", "Enter")  # the first button of the form keeps, it sends nothing
        assert "Hội Làm vườn" in page.inner_text("#f-to")
        page.click("text=Trình ông Sơn")
        draft = document_of(page)
    for login, deed in (("son", "Duyệt nội dung"), ("anh", "Duyệt thể thức")):
        with at_desk(site, login, f"/documents/{draft}", java_script_enabled=False) as page:
            page.click(f"button:has-text('{deed}')")
    assert state(site, draft) == "format_ok"


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["vi", "en"])
def test_the_editor_is_accessible(
    site: Site, task: UUID, locale: str, theme: str, size: tuple[int, int]
) -> None:
    more = {"locale": locale, "theme": theme}
    with at_desk(site, "tuan", f"/documents/{task}", size, **more) as page:
        page.click("[data-key=r]")
        page.wait_for_url("**/drafts/**")
        page.click("#draft details summary")
        told = _audit(page)
        page.click("[value=save]")
        draft = document_of(page)
        for path in (f"/documents/{draft}", f"/documents/{draft}/versions", "/drafts", "/outgoing"):
            page.goto(site.address + path)
            told += _audit(page)
    assert told == []

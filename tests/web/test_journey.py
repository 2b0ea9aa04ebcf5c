"""One letter's whole way in a real browser, through five pairs of hands and back from another agency, counted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from eoffice.cli.province import KEY_PASSWORD
from eoffice.services import ledger, search
from tests.web.test_browser import site
from tests.web.test_intake_browser import LETTER
from tests.web.test_sign_browser import Desk, desk

__all__ = ["desk", "site"]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

BUDGETS = {
    "register one PDF": (3, 8),
    "answer and send for signature": (5, 0),
    "approve and sign one letter": (2, 28),
    "number, seal and issue": (2, 0),
    "accept what came by exchange": (0, 1),
    "from the desk to the ratio": (1, 0),
    "from the ratio to its documents": (1, 0),
}
"""Task -> most clicks, most keys; text that is written and the password of a key are not counted."""


@dataclass
class Hands:
    """Somebody's hands on a page; without scripts a key becomes a click on what it stands for."""

    page: Page
    scripts: bool
    clicks: int = 0
    keys: int = 0

    def click(self, what: str) -> None:
        self.clicks += 1
        self.page.click(what)

    def key(self, key: str, otherwise: str) -> None:
        """Press a key, or where scripts are off what it stands for."""
        if self.scripts:
            self.keys += 1
            self.page.keyboard.press(key)
        else:
            self.page.click(otherwise)


@dataclass
class Journey:
    """The people and what their tasks cost them."""

    desk: Desk
    scripts: bool
    spent: dict[str, tuple[int, int]] = field(default_factory=dict)

    @contextmanager
    def at(self, login: str, path: str) -> Iterator[Hands]:
        """Somebody's own window, signed in, on a page."""
        with self.desk.site.window(java_script_enabled=self.scripts) as page:
            self.desk.enter(page, login, path)
            yield Hands(page, self.scripts)

    def done(self, task: str, hands: Hands) -> None:
        self.spent[task] = (hands.clicks, hands.keys)
        hands.clicks = hands.keys = 0

    def state(self, document: UUID, login: str = "hanh") -> str:
        with self.desk.site.town.office.read(self.desk.site.town.actor(login)) as opened:
            return search.document(opened, document).state


def shown(page: Page) -> UUID:
    """The document whose page is open."""
    found = re.search("/(?:documents|sign|issue)/([0-9a-f-]{36})", page.url)
    assert found, page.url
    return UUID(found[1])


def go(journey: Journey) -> None:
    """From the company's letter to the auditor's figures."""
    incoming = register(journey)
    instruct(journey, incoming)
    answer = write(journey, incoming)
    review(journey, answer)
    sign(journey, answer)
    issue(journey, answer)
    assert journey.state(incoming) in ("in_progress", "done")
    receive(journey, answer)
    read(journey)
    with journey.desk.site.town.office.read(journey.desk.site.town.system("so-noi-vu")) as opened:
        assert all(chain.ok for chain in ledger.verify(opened))
    assert journey.desk.site.said == []


def register(journey: Journey) -> UUID:
    with journey.at("hanh", "/") as clerk:
        page = clerk.page
        clerk.key("n", "text=Thêm tệp PDF")
        page.wait_for_url("**/incoming/add")
        clerk.clicks += 1  # opens the chooser of the system
        page.set_input_files("#file", [{"name": "công văn.pdf", "mimeType": "application/pdf", "buffer": LETTER}])
        clerk.click("main button.pri")
        page.wait_for_url("**/register")
        document = shown(page)
        clerk.key("Enter", "main .foot .pri")
        page.wait_for_url("**/incoming?queue=to_register")
        journey.done("register one PDF", clerk)
    assert journey.state(document) == "submitted"
    return document


def instruct(journey: Journey, document: UUID) -> None:
    with journey.at("nam", f"/documents/{document}") as leader:
        page = leader.page
        page.fill("#text", "Phòng VTLT chủ trì, tham mưu văn bản trả lời.")
        page.select_option("#lead", label="Phòng Văn thư - Lưu trữ")
        page.fill("#days", "5")
        leader.click("#instruct .pri")
        expect(page.locator("main")).to_contain_text("Đã ghi ý kiến chỉ đạo")
    with journey.at("son", "/incoming?queue=to_assign") as head:
        head.click(f".go[href*='{document}']")
        head.page.select_option("#post", label="Lê Minh Tuấn, Chuyên viên")
        head.click("button:has-text('Phân công')")
        expect(head.page.locator("main")).to_contain_text("Đã phân công")
    with journey.at("tuan", f"/documents/{document}") as officer:
        officer.key("t", "button:has-text('Bắt đầu xử lý')")
        expect(officer.page.locator("main")).to_contain_text("Đang xử lý")


def write(journey: Journey, incoming: UUID) -> UUID:
    with journey.at("tuan", "/tasks") as officer:
        page = officer.page
        officer.click(f".go[href*='{incoming}']")
        officer.click("button:has-text('Trả lời')")
        page.wait_for_url("**/drafts/**")
        page.fill("#to-name", "Sở Tài chính")
        page.fill("#p2", "1. Sở Nội vụ thống nhất với đề nghị.\n2. Đề nghị Quý cơ quan phối hợp thực hiện./.")
        officer.click("button:has-text('Trình ông Sơn duyệt nội dung')")
        page.wait_for_url("**/documents/**")
        answer = shown(page)
        journey.done("answer and send for signature", officer)
    assert journey.state(answer) == "in_review"
    return answer


def review(journey: Journey, answer: UUID) -> None:
    for login, queue in (("son", "to_approve"), ("anh", "to_check")):
        with journey.at(login, f"/outgoing?queue={queue}") as reader:
            reader.click(f".go[href*='{answer}']")
            reader.page.wait_for_url("**/documents/**")
            reader.key("a", "main .foot .pri")
            reader.page.wait_for_url(f"**/outgoing?queue={queue}")
    assert journey.state(answer) == "format_ok"


def sign(journey: Journey, answer: UUID) -> None:
    with journey.at("nam", "/sign") as leader:
        page = leader.page
        expect(page.locator("#approve")).to_be_visible()
        leader.key("a", "#approve")
        expect(page.locator("main")).to_contain_text("1 văn bản")
        leader.key("a", "main a:has-text('Mở khóa')")
        page.fill("#keypw", KEY_PASSWORD)
        leader.key("Enter", "form:has(#keypw) button.pri")
        page.wait_for_url("**/sign/progress")
        until(page, "Đã ký 1")
        journey.done("approve and sign one letter", leader)
    assert journey.state(answer) == "signed"


def until(page: Page, text: str) -> None:
    """Wait until a page tells something; one without scripts is fetched again, as a person would do."""
    for _ in range(60):
        if text in " ".join(page.inner_text("main").split()):
            return
        page.wait_for_timeout(250)
        page.reload()
    raise AssertionError(f"{text!r} never came: {page.inner_text('main')}")


def issue(journey: Journey, answer: UUID) -> None:
    with journey.at("hanh", "/outgoing?queue=to_issue") as clerk:
        page = clerk.page
        clerk.click("#preview >> text=Phát hành…")
        page.fill("#password", KEY_PASSWORD)
        clerk.click("main form button.pri")
        page.wait_for_url("**/deliveries")
        journey.done("number, seal and issue", clerk)
        expect(page.locator("main")).to_contain_text("/SNV-VTLT")
        page.go_back()
        page.reload()
        assert "Cấp số" not in page.inner_text("main"), "it is issued: there is nothing left to press"
    assert journey.state(answer) == "issued"


def receive(journey: Journey, answer: UUID) -> None:
    """Sở Tài chính accepts it; the sender sees 03 by a signed status."""
    with journey.at("yen", "/incoming?queue=to_register") as clerk:
        until(clerk.page, "SNV-VTLT")
        clerk.key("t", "#preview button.pri")
        clerk.page.wait_for_url("**/incoming?queue=to_register*")
        expect(clerk.page.locator("main")).to_contain_text("số đến")
        journey.done("accept what came by exchange", clerk)
    with journey.at("hanh", f"/documents/{answer}/deliveries") as sender:
        until(sender.page, "Đã tiếp nhận")


def read(journey: Journey) -> None:
    with journey.at("mai", "/incoming") as auditor:
        page = auditor.page
        auditor.click("#rail a:has-text('Văn bản điện tử')")
        expect(page.locator("main")).to_contain_text("Hoàn toàn điện tử")
        journey.done("from the desk to the ratio", auditor)
        auditor.click(".kpi a >> nth=0")
        page.wait_for_url(re.compile("/statistics/documents"))
        expect(page.locator("main")).to_contain_text("/SNV-VTLT")
        journey.done("from the ratio to its documents", auditor)


def test_a_letter_goes_its_way_through_five_people(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    journey = Journey(desk, scripts=True)
    go(journey)
    with capsys.disabled():
        for task, (clicks, keys) in journey.spent.items():
            print(f"\n  {task}: {clicks} clicks, {keys} keys", end="")
    over = {task: spent for task, spent in journey.spent.items() if not _within(spent, BUDGETS[task])}
    assert not over
    assert set(journey.spent) == set(BUDGETS)


def test_it_goes_the_same_way_without_scripts(desk: Desk) -> None:
    go(Journey(desk, scripts=False))


def _within(spent: tuple[int, int], most: tuple[int, int]) -> bool:
    return spent[0] <= most[0] and spent[1] <= most[1]

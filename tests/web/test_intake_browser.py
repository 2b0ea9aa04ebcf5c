"""The clerk's intake in a real browser: files are dropped and registered, with how many clicks and keys."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Page, Route

from eoffice.cli.tour import letter_from_outside
from eoffice.services import search
from tests.services.test_bad_input import pdf
from tests.support.papers import arrived
from tests.web.test_browser import PHONE, WIDE, Site, _audit, site
from tests.web.test_documents import change

__all__ = ["site"]
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

QUEUE = "/incoming?queue=to_register"
LETTER = letter_from_outside(datetime(2026, 9, 4, 1, tzinfo=UTC))

DROP = """files => {
  const carried = new DataTransfer();
  for (const [name, data] of files)
    carried.items.add(new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], name));
  const send = type => document.querySelector('main').dispatchEvent(
    new DragEvent(type, { dataTransfer: carried, bubbles: true, cancelable: true }));
  send('dragover'); send('drop');
}"""


@dataclass
class Hand:
    """A hand on mouse and keyboard that counts."""

    page: Page
    clicks: int = 0
    keys: int = 0

    def drop(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Drag files onto the page: as much work as a click."""
        self.clicks += 1
        with self.page.expect_navigation():
            self.page.evaluate(DROP, [[name, base64.b64encode(data).decode()] for name, data in files])

    def click(self, what: str) -> None:
        self.clicks += 1
        self.page.click(what)

    def press(self, key: str) -> None:
        self.keys += 1
        self.page.keyboard.press(key)

    def tell(self, what: str) -> None:
        """Print the counts, for whoever reads the test's output."""
        print(f"{what}: {self.clicks} clicks, {self.keys} keys")


def state(site: Site, document: UUID) -> str:
    with site.town.office.read(site.town.actor("hanh")) as desk:
        return search.document(desk, document).state


def shown(page: Page) -> UUID:
    """The document whose form is open."""
    page.wait_for_url("**/register")
    return UUID(page.url.split("/")[-2])


def test_a_dropped_letter_is_registered_with_one_key(site: Site) -> None:
    with site.window() as page:
        site.sign_in(page)
        page.goto(site.address + QUEUE)
        hand = Hand(page)
        hand.drop([("công văn.pdf", LETTER)])
        document = shown(page)
        assert page.input_value("#code") == "214/CTN-HC"
        page.wait_for_function("document.querySelector('.paper img').naturalWidth > 400")
        hand.press("Enter")
        page.wait_for_url("**" + QUEUE)
        assert "số đến 2, đã chuyển ông Nam" in page.inner_text("main")
        hand.tell("register one dropped PDF")
        assert hand.clicks <= 3
        assert hand.keys <= 8
    assert state(site, document) == "submitted"
    assert site.said == []


def test_a_chosen_letter_is_registered_within_the_budget(site: Site) -> None:
    with site.window() as page:
        site.sign_in(page)
        page.goto(site.address + QUEUE)
        hand = Hand(page)
        hand.press("n")
        page.wait_for_url("**/incoming/add")
        with page.expect_file_chooser() as chooser:
            hand.click("#file")
        chooser.value.set_files([{"name": "x.pdf", "mimeType": "application/pdf", "buffer": LETTER}])
        hand.click("main button.pri")
        document = shown(page)
        hand.press("Enter")
        page.wait_for_url("**" + QUEUE)
        hand.tell("register one chosen PDF")
        assert hand.clicks <= 3
        assert hand.keys <= 8
    assert state(site, document) == "submitted"
    assert site.said == []


def test_many_are_dropped_and_walked_through_by_keyboard(site: Site) -> None:
    files = [("1.pdf", LETTER), ("2.pdf", pdf(2)), ("hỏng.pdf", b"%PDF-1.7 noise"), ("ảnh.jpg", b"\xff\xd8\xff")]
    with site.window() as page:
        site.sign_in(page)
        hand = Hand(page)
        hand.drop(files)
        assert page.locator("main tbody tr").count() == len(files)
        assert page.locator("main tbody td.bad").count() == 2
        hand.click("main .pri")
        first = shown(page)
        assert "1 trong 2" in page.inner_text("main")
        page.keyboard.press("j")
        page.wait_for_url(lambda url: str(first) not in url)
        second = shown(page)
        page.keyboard.press("k")
        page.wait_for_url(f"**{first}/register")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{second}/register")
        page.fill("#issuer_name", "Sở Y tế")
        page.fill("#subject", "Báo cáo")
        page.focus("#code")
        page.keyboard.press("Enter")
        page.wait_for_url("**" + QUEUE)
    assert {state(site, document) for document in (first, second)} == {"submitted"}
    assert site.said == []


def test_what_is_dragged_and_is_no_file_is_left_alone(site: Site) -> None:
    with site.window() as page:
        site.sign_in(page)
        kept = page.evaluate("""() => {
          const carried = new DataTransfer(); carried.setData('text/plain', 'words');
          return document.querySelector('main').dispatchEvent(
            new DragEvent('drop', { dataTransfer: carried, bubbles: true, cancelable: true }));
        }""")
        assert kept is True
        assert page.url.endswith("/incoming")


def test_the_place_of_a_value_is_lit(site: Site) -> None:
    with site.window() as page:
        site.sign_in(page)
        Hand(page).drop([("x.pdf", LETTER)])
        shown(page)
        page.focus("#issued_date")
        assert page.get_attribute("#m2", "class") == "on"
        page.focus("#code")
        assert page.get_attribute("#m2", "class") == ""
        assert page.get_attribute("#m1", "class") == "on"
        paper, date = page.locator(".paper img").bounding_box(), page.locator("#m2 rect").bounding_box()
        assert paper is not None
        assert date is not None
        assert paper["x"] + paper["width"] / 2 < date["x"]
        assert date["x"] + date["width"] < paper["x"] + paper["width"]


def test_the_button_tells_who_is_next(site: Site) -> None:
    with site.window() as page:
        site.sign_in(page)
        Hand(page).drop([("x.pdf", LETTER)])
        shown(page)
        others = page.locator("#to option").count()
        assert "ông Nam" in page.inner_text("#says")
        if others > 1:
            page.select_option("#to", index=1)
            assert "ông Nam" not in page.inner_text("#says")


def from_the_exchange(site: Site, number: int) -> UUID:
    """A document as the exchange brings it: complete, its signature in order."""
    town = site.town
    town.step(minutes=1)
    document = arrived(town, "so-noi-vu", b"%%PDF-1.7 %d" % number, key=f"x{number}")
    facts = {"issuer_name": "Sở Tài chính", "subject": f"V/v việc {number}", "code": f"{number}/STC-NS"}
    change(town, document, message_id=uuid4(), verdict="PASSED", **facts)
    return document


def test_t_accepts_row_after_row(site: Site) -> None:
    older, middle, newest = (from_the_exchange(site, number) for number in (1, 2, 3))
    with site.window() as page:
        site.sign_in(page)
        page.goto(site.address + QUEUE)
        page.keyboard.press("j")
        page.wait_for_selector(f"#preview form[action='/documents/{middle}/accept']")
        page.keyboard.press("t")
        page.wait_for_selector(f"#preview form[action='/documents/{older}/accept']")
        assert page.get_attribute(".cur .go", "href") == f"/documents/{older}"
        page.keyboard.press("t")
        page.wait_for_selector(f"#preview form[action='/documents/{newest}/accept']")
        page.keyboard.press("t")
        page.wait_for_selector(".empty")
    assert {state(site, document) for document in (older, middle, newest)} == {"submitted"}


def test_no_key_reaches_the_deeds_of_another_row(site: Site) -> None:
    """The pane follows the cursor a moment later; until then its buttons, which are the row's before, do nothing."""
    older, newest = (from_the_exchange(site, number) for number in (1, 2))
    held: list[Route] = []
    with site.window() as page:
        site.sign_in(page)
        page.goto(site.address + QUEUE)
        page.route("**/preview", lambda route: held.append(route))  # noqa: PLW0108 - playwright wants a function
        with page.expect_request("**/preview"):
            page.keyboard.press("j")
            page.keyboard.press("t")
        page.wait_for_selector("[data-deeds][inert]")
        page.keyboard.press("t")
        page.keyboard.press("x")
        assert page.locator("#preview details[open]").count() == 0
        assert {state(site, document) for document in (older, newest)} == {"arrived"}
        held[0].continue_()
        page.wait_for_selector(f"#preview form[action='/documents/{older}/accept']")
        page.keyboard.press("t")
        page.wait_for_selector(f"#preview form[action='/documents/{newest}/accept']")
    assert (state(site, older), state(site, newest)) == ("submitted", "arrived")


def test_a_key_held_down_does_one_deed(site: Site) -> None:
    """What comes up next has not been looked at."""
    older, newest = (from_the_exchange(site, number) for number in (1, 2))
    with site.window() as page:
        site.sign_in(page)
        page.goto(site.address + QUEUE)
        page.keyboard.down("t")
        page.wait_for_selector(f"#preview form[action='/documents/{older}/accept']")
        page.keyboard.down("t")
        assert page.locator("form[data-sent]").count() == 0
        page.keyboard.up("t")
        page.goto(f"{site.address}/documents/{older}/register")
        page.keyboard.down("Enter")
        page.wait_for_url("**" + QUEUE)
        Hand(page).drop([("x.pdf", LETTER)])
        letter = shown(page)
        page.wait_for_selector("button.pri:focus")
        page.keyboard.down("Enter")
        assert page.locator("form[data-sent]").count() == 0
        page.keyboard.up("Enter")
    assert [state(site, document) for document in (newest, older, letter)] == ["submitted", "submitted", "arrived"]


def test_it_works_without_scripts(site: Site) -> None:
    with site.window(java_script_enabled=False) as page:
        site.sign_in(page)
        page.click("text=Thêm tệp PDF")
        files = [("1.pdf", LETTER), ("2.pdf", pdf(2))]
        page.set_input_files(
            "#file", [{"name": name, "mimeType": "application/pdf", "buffer": data} for name, data in files]
        )
        page.click("main button.pri")
        page.click("text=Vào sổ văn bản đầu tiên")
        first = shown(page)
        page.click("#code-read")
        assert page.url.endswith("#m1")
        page.goto(page.url.partition("#")[0])
        page.fill("#issued_date", "31/02/2026")
        page.click(".foot .pri")
        assert page.get_attribute("#issued_date", "aria-invalid") == "true"
        page.click(".verdict a >> nth=0")
        page.fill("#issued_date", "04/09/2026")
        page.click(".foot .pri")
        second = shown(page)
        assert second != first
        page.click("summary >> text=Trả lại")
        page.fill("[name=reason]", "Gửi nhầm nơi nhận")
        page.click(".ask [type=submit]")
        page.wait_for_url("**" + QUEUE)
    assert (state(site, first), state(site, second)) == ("submitted", "refused")


def _at_rest(page: Page) -> list[str]:
    """What the auditor finds where the buttons stand at the form's end: on a phone they float over it before."""
    end = "document.querySelector('.foot').parentElement.getBoundingClientRect().bottom"
    page.evaluate(f"scrollBy(0, {end} - innerHeight)")
    return _audit(page)


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["vi", "en"])
def test_every_page_is_accessible(site: Site, locale: str, theme: str, size: tuple[int, int]) -> None:
    from_the_exchange(site, 1)
    told: list[str] = []
    with site.window(size, locale=locale, theme=theme) as page:
        site.sign_in(page)
        page.goto(site.address + QUEUE)
        told += _audit(page)
        Hand(page).drop([("1.pdf", LETTER), ("hỏng.pdf", b"%PDF-1.7 noise")])
        told += _audit(page)
        page.click("main .pri")
        shown(page)
        told += _at_rest(page)
        page.fill("#due", "hôm nay")
        page.click(".foot .pri")
        page.wait_for_selector("[aria-invalid]")
        told += _at_rest(page)
        page.goto(site.address + "/incoming/add")
        told += _audit(page)
        page.goto(site.address + "/incoming/add")
        with page.expect_navigation():
            page.set_input_files("#file", [{"name": "x.pdf", "mimeType": "application/pdf", "buffer": b"none"}])
            page.click("main button.pri")
        told += _audit(page)
    assert not told, "\n".join(told)

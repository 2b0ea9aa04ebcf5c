"""A real token (SoftHSM) behind a real browser: a list signed, a wrong PIN, a token pulled out, a seal in one press."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pkcs11
import pytest
from playwright.sync_api import expect

from eoffice.cli.staff import Staff
from eoffice.services.incoming import main_file
from signing.results import Verdict
from signing.verify import verify
from tests.signing.test_pkcs11 import PIN, drawer
from tests.support.elsewhere import on_a_token
from tests.support.leaders import enter
from tests.support.letters import approved, at_work
from tests.support.token_program import TokenProgram, listening, load
from tests.web.test_browser import PHONE, Site, _audit, site
from tests.web.test_issuing import signed
from tests.web.test_sign_browser import Desk

__all__ = ["drawer", "site"]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def desk(site: Site) -> Iterator[Desk]:
    with at_work(site.town) as staff:
        yield Desk(site, staff)


@pytest.fixture
def plug(desk: Desk, drawer: Path, softhsm: Path, tmp_path: Path) -> Iterator[Callable[[str], TokenProgram]]:
    """Take a key away from the office, put it on a token, and start the program of that token."""
    with ExitStack() as stack:

        def plugged(name: str) -> TokenProgram:
            load(softhsm, tmp_path, on_a_token(desk.staff.office, name), pin=PIN)
            program = TokenProgram(softhsm, origin=desk.site.address, pin=PIN)
            url = stack.enter_context(listening(program))
            desk.staff.office.settings = replace(desk.staff.office.settings, signing_program=url)
            return program

        yield plugged


def listed(desk: Desk, number: int) -> list[UUID]:
    """Letters the director has read and approved."""
    letters = [approved(desk.staff) for _ in range(number)]
    enter(desk.staff, "nam").approve(*letters)
    return letters


def sealed(staff: Staff, letter: UUID, stage: str) -> bytes:
    file = main_file(staff.document("hanh", letter), stage)
    assert file is not None
    return staff.office.files.read(file.sha256)


def states(desk: Desk, letters: list[UUID]) -> list[str]:
    return [desk.staff.document("hanh", letter).state for letter in letters]


def test_a_list_is_signed_with_one_pin(desk: Desk, plug: Callable[[str], TokenProgram]) -> None:
    program, letters = plug("leader-nam"), listed(desk, 3)
    with desk.site.window() as page:
        desk.enter(page, "nam", "/sign/unlock")
        assert page.locator("#keypw").count() == 0
        assert "PIN" in page.inner_text("main")
        _audit(page)
        page.click("text=Ký 3 văn bản bằng thiết bị")
        page.wait_for_url("**/sign/progress?state=signed", timeout=60_000)
        expect(page.locator(".tabs")).to_contain_text("Đã ký 3")
    assert states(desk, letters) == ["signed"] * 3
    assert len(program.asked) == 3
    office = desk.staff.office
    for letter in letters:
        found = verify(sealed(desk.staff, letter, "signed"), office.trust(), at=office.clock.now())
        assert (found.verdict, found.signatures[0].level) == (Verdict.PASSED, "B-LT")
    assert desk.site.said == []


def test_what_the_token_says_is_told_and_nothing_is_lost(
    desk: Desk, plug: Callable[[str], TokenProgram], drawer: Path, softhsm: Path
) -> None:
    program, letters = plug("leader-nam"), listed(desk, 3)
    with desk.site.window(PHONE) as page:
        desk.enter(page, "nam", "/sign/unlock")
        says, press = page.locator("main output"), page.locator("main button.pri")
        program.pin = "00000000"
        press.click()
        expect(says).to_contain_text("Mã PIN của khóa ký không đúng", timeout=30_000)
        assert len(program.asked) == 1, "it is not tried again by itself"
        program.pin = PIN
        pulled: list[str] = []

        def pull() -> None:
            if len(program.asked) == 3:
                (token,) = drawer.iterdir()
                shutil.move(token, drawer.parent / token.name)
                pulled.append(token.name)

        program.before.append(pull)
        press.click()
        expect(says).to_contain_text("Thiết bị ký không còn trả lời", timeout=30_000)
        assert states(desk, letters) == ["signed", "format_ok", "format_ok"]
        program.before.clear()
        shutil.move(drawer.parent / pulled[0], drawer / pulled[0])
        pkcs11.lib(str(softhsm)).reinitialize()  # SoftHSM looks for its tokens when it starts, and then no more
        page.reload()
        expect(page.locator("main tbody tr")).to_have_count(2)
        press.click()
        page.wait_for_url("**/sign/progress?state=signed", timeout=60_000)
    assert states(desk, letters) == ["signed"] * 3


def test_no_program_answers(desk: Desk, plug: Callable[[str], TokenProgram]) -> None:
    plug("leader-nam")
    letters = listed(desk, 1)
    office = desk.staff.office
    office.settings = replace(office.settings, signing_program="http://127.0.0.1:9")
    with desk.site.window() as page:
        desk.enter(page, "nam", "/sign/unlock")
        page.click("main button.pri")
        expect(page.locator("main output")).to_contain_text("không trả lời", timeout=30_000)
        page.click("main td a.up")
        page.wait_for_selector("#file")
        _audit(page)
    assert states(desk, letters) == ["format_ok"]


def test_a_program_set_up_for_another_office_signs_nothing(desk: Desk, plug: Callable[[str], TokenProgram]) -> None:
    program, letters = plug("leader-nam"), listed(desk, 1)
    program.origin = "https://another.example"
    with desk.site.window() as page:
        desk.enter(page, "nam", "/sign/unlock")
        page.click("main button.pri")
        expect(page.locator("main output")).to_contain_text("không trả lời", timeout=30_000)
    assert (program.asked, states(desk, letters)) == ([], ["format_ok"])


def test_the_clerk_s_token_numbers_seals_and_sends(desk: Desk, plug: Callable[[str], TokenProgram]) -> None:
    letter = signed(desk.staff)
    program = plug("seal-so-noi-vu")
    with desk.site.window() as page:
        desk.enter(page, "hanh", f"/issue/{letter}")
        assert page.locator("#password").count() == 0
        _audit(page)
        program.pin = "00000000"
        page.click("form button.pri.big")
        expect(page.locator("main output")).to_contain_text("Mã PIN", timeout=30_000)
        assert desk.staff.document("hanh", letter).state == "numbered"
        program.pin = PIN
        page.click("form button.pri.big")
        page.wait_for_url(f"**/documents/{letter}/deliveries", timeout=60_000)
    document = desk.staff.document("hanh", letter)
    assert (document.state, document.number) == ("issued", 2)
    office = desk.staff.office
    assert verify(sealed(desk.staff, letter, "sealed"), office.trust(), at=office.clock.now()).verdict is Verdict.PASSED

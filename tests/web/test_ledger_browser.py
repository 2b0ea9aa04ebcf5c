"""Ledger, directory, account and kept text in a real browser, with scripts and without."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page
from sqlalchemy import text, update

from eoffice.jobs.worker import Worker
from eoffice.models.directory import Person
from eoffice.services import accounts, ledger
from tests.support.papers import arrived
from tests.web.test_browser import PHONE, WIDE, Site, _audit, site
from tests.web.test_sign_in import PASSWORD

__all__ = ["site"]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def enter(site: Site, page: Page, login: str) -> None:
    """Sign somebody in by clicking his account in the list of the demo."""
    if login != "hanh":
        change = update(Person).where(Person.login == login).values(password_hash=accounts.hash_password(PASSWORD))
        with site.town.office.sessions.write() as session:
            session.execute(change, execution_options={"synchronize_session": False})
            session.commit()
    page.goto(site.address + "/sign-in")
    page.click(f"main a:text-is('{login}')")
    assert page.input_value("#login") == login
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("#rail", state="attached")


@contextmanager
def working(site: Site) -> Iterator[None]:
    """Somebody does the background work meanwhile."""
    worker = Worker(site.town.office, clock=site.town.office.clock)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()


def test_a_proof_appears_by_itself(site: Site) -> None:
    with site.window() as page:
        enter(site, page, "mai")
        page.goto(site.address + "/ledger?agency=so-noi-vu")
        page.click("text=Kiểm tra lại chuỗi")
        page.wait_for_selector("text=Đang kiểm tra chuỗi")
        with working(site):
            page.wait_for_selector("text=Chuỗi nguyên vẹn")
    assert site.said == []


def test_a_broken_chain_is_loud(site: Site) -> None:
    with site.town.office.engine.begin() as connection:
        connection.execute(text("UPDATE document SET subject = 'khác'"))
    with site.window() as page:
        enter(site, page, "nam")
        page.goto(site.address + "/ledger")
        page.click("text=Kiểm tra lại chuỗi")
        with working(site):
            page.wait_for_selector("#proof .verdict.bad")
        page.click("#proof .verdict a >> nth=0")
        page.wait_for_url("**entry=**")
        assert "Mục" in page.inner_text("#preview h2")


def test_the_pane_follows_the_keys_and_a_stretch_is_taken_away(site: Site, tmp_path: Path) -> None:
    with site.window() as page:
        enter(site, page, "mai")
        page.goto(site.address + "/ledger?agency=so-noi-vu")
        first = page.inner_text("#preview h2")
        page.keyboard.press("j")
        page.wait_for_function("was => document.querySelector('#preview h2').innerText !== was", arg=first)
        second = page.inner_text("#preview h2")
        page.keyboard.press("Enter")
        page.wait_for_url("**entry=**")
        assert page.inner_text("#preview h2") == second
        with page.expect_download() as download:
            page.click("text=Xuất đoạn đang xem")
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        assert ledger.verify_lines(file.read_text("utf-8").splitlines(keepends=True)).ok
    assert site.said == []


def test_a_phone_shows_one_entry_and_the_way_back(site: Site) -> None:
    with site.window(PHONE) as page:
        enter(site, page, "mai")
        page.goto(site.address + "/ledger?agency=so-noi-vu")
        assert not page.is_visible("#preview")
        page.click(".go >> nth=2")
        page.wait_for_url("**entry=**")
        assert page.is_visible("#preview h2")
        assert not page.is_visible("table[data-rows]")
        page.click("text=Tất cả các mục")
        assert page.is_visible("table[data-rows]")


def test_the_narrowest_phone_scrolls_none_of_these_sideways(site: Site) -> None:
    for locale in ("vi", "en"):
        with site.window((360, 640), locale=locale) as page:
            enter(site, page, "mai")
            for path in ("/ledger?agency=so-noi-vu", "/ledger?agency=so-noi-vu&entry=14", "/directory/so-noi-vu"):
                page.goto(site.address + path)
                width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
                assert width[0] <= width[1], f"{path} in {locale} scrolls sideways: {width}"


def test_it_works_without_scripts(site: Site) -> None:
    with site.window(java_script_enabled=False) as page:
        enter(site, page, "mai")
        page.goto(site.address + "/ledger?agency=so-noi-vu")
        page.click("text=Kiểm tra lại chuỗi")
        assert "Đang kiểm tra chuỗi" in page.inner_text("#proof")
        Worker(site.town.office, clock=site.town.office.clock).step()
        page.click("text=Tải lại trang")
        assert "Chuỗi nguyên vẹn" in page.inner_text("#proof")
        page.click("summary:has-text('Người')")
        page.click(".menu >> text=Nguyễn Văn Nam")
        assert "Hệ thống" not in page.inner_text("table[data-rows]")
        page.click(".chip")
        page.click(".go >> nth=1")
        assert page.inner_text("#preview h2")
        page.goto(site.address + "/directory")
        page.fill("#name", "so noi vu")
        page.click("main form button")
        page.click(".go")
        assert page.inner_text("h1") == "Sở Nội vụ"


def test_what_was_written_on_an_old_form_is_sent_again(site: Site) -> None:
    """Two people, one document: the second finds his text, looks at the new state and sends the same."""
    from eoffice.services import incoming, routing
    from eoffice.services.incoming import Facts

    town, office = site.town, site.town.office
    document = arrived(town, "so-noi-vu", b"%PDF-1.7 old form")
    facts = Facts(code="99/BC-STC", issuer_name="Sở Tài chính", subject="Báo cáo quý IV")
    office.do(town.actor("hanh"), incoming.register, document, key="register", facts=facts)
    words = "Giao Phòng Văn thư - Lưu trữ\nbáo cáo trước 15/12."
    with site.window() as page:
        enter(site, page, "nam")
        page.goto(f"{site.address}/documents/{document}")
        office.do(town.actor("hanh"), routing.forward, document, key="forward")
        page.fill("textarea[name=text]", words)
        page.select_option("select[name=lead]", index=1)
        page.click("form:has(textarea[name=text]) button[type=submit]")
        page.wait_for_selector("#again", state="attached")
        assert page.input_value("textarea") == words
        page.dblclick("button[form=again]")
        page.wait_for_url(f"**/documents/{document}")
        assert "Giao Phòng Văn thư - Lưu trữ" in page.inner_text("main")


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["vi", "en"])
def test_these_pages_are_accessible(site: Site, locale: str, theme: str, size: tuple[int, int]) -> None:
    told: list[str] = []
    with site.window(size, locale=locale, theme=theme) as page:
        page.goto(site.address + "/sign-in?login=hanh")
        told += _audit(page)
        enter(site, page, "mai")
        for broken in (False, True):
            if broken:
                with site.town.office.engine.begin() as connection:
                    connection.execute(text("UPDATE document SET subject = 'khác'"))
            page.goto(site.address + "/ledger?agency=so-noi-vu")
            page.click("form[action='/ledger/proof'] button")
            told += _audit(page)
            Worker(site.town.office, clock=site.town.office.clock).step()
            page.goto(site.address + "/ledger?agency=so-noi-vu")
            told += _audit(page)
        for path in (
            "/ledger?agency=so-noi-vu&entry=14",
            "/ledger?deed=document.signed&day=01/01/2020",
            "/directory",
            "/directory?q=zzz",
            "/directory/so-noi-vu",
            "/directory/phuong-tan-an",
            "/account",
        ):
            page.goto(site.address + path)
            told += _audit(page)
        page.goto(site.address + "/ledger?agency=so-noi-vu")
        page.click("details.menu summary >> nth=2")
        told += _audit(page, "details.menu[open]")
    assert not told, "\n".join(told)

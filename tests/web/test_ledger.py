"""The ledger's pages: what was done in words, by whom, how it hangs together, and the proof somebody asks for."""

from __future__ import annotations

import json
import re
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from eoffice.core.clock import local
from eoffice.jobs.worker import drain
from eoffice.models.ledger import AccessEntry, LedgerEntry
from eoffice.models.work import Job
from eoffice.services import ledger
from eoffice.web import entries, words
from tests.services.test_ledger import chain_key, tamper
from tests.support.checking import CheckingClient, Element, Page
from tests.web.conftest import Town
from tests.web.test_documents import links, listed, statements

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def mai(client: CheckingClient, town: Town) -> CheckingClient:
    """The auditor, who reads several agencies."""
    town.enter(client, "mai")
    return client


def press(client: CheckingClient, agency: str = "so-noi-vu", key: str = "") -> Any:
    return client.send("/ledger/proof", {"key": key or secrets.token_hex(16), "agency": agency})


def proof(page: Page) -> Element:
    return next(item for item in page.root.all("div") if item.attributes.get("id") == "proof")


def detail(page: Page) -> Element:
    return next(item for item in page.root.all("div") if item.attributes.get("id") == "preview")


def entry_of(town: Town, word: str, slug: str = "so-noi-vu") -> LedgerEntry:
    with town.office.sessions.read() as session:
        found = session.scalars(
            select(LedgerEntry)
            .where(LedgerEntry.chain == town.agency(slug), LedgerEntry.word == word)
            .order_by(LedgerEntry.seq.desc())
        ).first()
    assert found is not None, word
    return found


def facts(element: Element) -> dict[str, str]:
    """Labels and values of the pairs, and of the table of changes as ``label: before -> after``."""
    found = {}
    for pairs in element.all("dl"):
        texts = [item.text() for item in pairs.all("dt", "dd")]
        found |= dict(zip(texts[::2], texts[1::2], strict=True))
    for row in element.all("tr"):
        cells = [item.text() for item in row.all("th", "td")]
        found[cells[0]] = " -> ".join(cells[1:])
    return found


def test_every_deed_of_the_letter_is_told_in_words(mai: CheckingClient, town: Town) -> None:
    page = mai.page("/ledger?agency=so-noi-vu")
    told = listed(page)
    for words_ in ("Ký số", "Cấp số 1", "Phát hành", "Vào sổ, số đến 1", "Trần Thị Hạnh", "Hệ thống", "Đã gửi tới"):
        assert words_ in told, told
    assert "Trần Thị Hạnh vào sổ" not in told
    assert f"/documents/{town.answer}" in [item.attributes["href"] for item in page.one("main").all("a")]


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_every_entry_has_its_page_in_both_languages(mai: CheckingClient, town: Town, locale: str) -> None:
    """The checking client fails on a code, an identifier or a word of the other language."""
    mai.speak(locale)
    for slug in ("so-noi-vu", "so-tai-chinh"):
        newest = max(int(link.partition("#e")[2]) for link in links(mai.page(f"/ledger?agency={slug}")))
        for seq in range(1, newest + 1):
            page = mai.page(f"/ledger?agency={slug}&entry={seq}")
            part = mai.get(f"/ledger/entries/{seq}?agency={slug}")
            assert part.status_code == 200
            assert detail(page).text().startswith(("Mục", "Entry"))
            alone = Page(part.get_data(as_text=True))
            assert next(detail(page).all("h2")).text() == next(alone.root.all("h2")).text()


def test_what_changed_is_told_before_and_after(mai: CheckingClient, town: Town) -> None:
    entry = entry_of(town, "document.registered")
    found = facts(detail(mai.page(f"/ledger?agency=so-noi-vu&entry={entry.seq}")))
    assert found["Trạng thái"] == "Đã đến -> Đã vào sổ"
    assert found["Số đến"] == "(trống) -> 1"
    assert found["Người"] == "Trần Thị Hạnh, Văn thư"
    at = local(entry.at)
    assert found["Lúc"] == f"{at:%H:%M:%S},000, {at:%d/%m/%Y} (+07:00)"
    assert found["Mục này"].startswith(entry.hash[:4])


def test_the_deed_of_signing_tells_capacity_and_what_was_shown(mai: CheckingClient, town: Town) -> None:
    entry = entry_of(town, "document.signed")
    found = facts(detail(mai.page(f"/ledger?agency=so-noi-vu&entry={entry.seq}")))
    assert found["Quyền ký"] == "người đứng đầu cơ quan"
    assert found["Người"] == "Nguyễn Văn Nam, Giám đốc"
    assert found["Trạng thái"] == "Đã duyệt thể thức -> Đã ký"


def test_filters_show_only_what_is_wanted(mai: CheckingClient, town: Town) -> None:
    nam = town.actor("nam").person
    signed = mai.page("/ledger?agency=so-noi-vu&deed=document.signed")
    assert len(links(signed)) == 1
    his = mai.page(f"/ledger?agency=so-noi-vu&who={nam}")
    assert set(links_seq(signed)) < set(links_seq(his))
    assert "Hệ thống" not in listed(his)
    own = mai.page("/ledger?agency=so-noi-vu&who=system")
    assert "Nguyễn Văn Nam" not in listed(own)
    day = local(entry_of(town, "document.signed").at)
    of_day = mai.page(f"/ledger?agency=so-noi-vu&day={day:%d/%m/%Y}")
    assert set(links_seq(signed)) <= set(links_seq(of_day))
    before = day - timedelta(days=400)
    assert "Không có mục nào khớp" in mai.page(f"/ledger?agency=so-noi-vu&day={before:%d/%m/%Y}").one("main").text()
    assert mai.get("/ledger?day=31/02/2026").status_code == 422


def links_seq(page: Page) -> list[int]:
    return [int(link.partition("#e")[2]) for link in links(page)]


def test_pages_of_a_long_chain_join(mai: CheckingClient, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger.browse, "__kwdefaults__", {**(ledger.browse.__kwdefaults__ or {}), "limit": 7})
    found, path = [], "/ledger?agency=so-noi-vu"
    while path:
        page = mai.page(path)
        found += links_seq(page)
        more = [item for item in page.one("main").all("a") if item.attributes.get("rel") == "next"]
        path = more[0].attributes["href"] if more else ""
    assert found == list(range(max(found), 0, -1))


def test_every_filter_leads_to_a_page(mai: CheckingClient) -> None:
    page = mai.page("/ledger?agency=so-noi-vu")
    for menu in page.one("main").all("details"):
        for item in menu.all("a"):
            assert mai.get(item.attributes["href"]).status_code == 200


@pytest.mark.parametrize("login", ["nam", "mai"])
def test_it_costs_the_same_however_long(client: CheckingClient, town: Town, login: str) -> None:
    town.enter(client, login)
    press(client)
    drain(town.office)
    press(client)
    for path in ("/ledger?agency=so-noi-vu", "/ledger?agency=so-noi-vu&entry=9", "/ledger/proof?agency=so-noi-vu"):
        with statements(town) as seen:
            assert client.get(path).status_code == 200
        assert len(seen) <= 10, "\n".join(seen)


@pytest.mark.parametrize("login", ["hanh", "tuan", "phong", "anh"])
def test_who_may_not_read_the_ledger_is_told_so(client: CheckingClient, town: Town, login: str) -> None:
    town.enter(client, login)
    for path in ("/ledger", "/ledger/proof", "/ledger/entries/1", "/ledger/entries.jsonl?first=1&last=2"):
        assert client.get(path).status_code == 403
    assert press(client).status_code == 403


def test_another_agency_s_ledger_is_not_there(client: CheckingClient, town: Town) -> None:
    """The head of one agency asks for another's, by every door."""
    town.enter(client, "nam")
    assert client.get("/ledger").status_code == 200
    for slug in ("so-tai-chinh", "cong-ty-nuoc", "nowhere"):
        for path in ("/ledger?", "/ledger/proof?", "/ledger/entries/1?", "/ledger/entries.jsonl?first=1&last=2&"):
            assert client.get(f"{path}agency={slug}").status_code == 404, path
        assert press(client, slug).status_code == 404
    with town.office.sessions.read() as session:
        assert session.scalars(select(Job).where(Job.name == "proofs.prove")).all() == []


def test_the_auditor_chooses_among_the_agencies_he_reads(mai: CheckingClient, town: Town) -> None:
    page = mai.page("/ledger")
    assert "Văn phòng UBND tỉnh" in next(iter(page.one("main").all("summary"))).text()
    others = [item.attributes["href"] for item in page.one("main").all("a")]
    other = next(link for link in others if "agency=so-tai-chinh" in link)
    assert "Sở Tài chính" in next(iter(mai.page(other).one("main").all("summary"))).text()
    assert mai.get("/ledger?agency=cong-ty-nuoc").status_code == 404


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_a_proof_is_asked_for_made_and_shown(mai: CheckingClient, town: Town, locale: str) -> None:
    mai.speak(locale)
    page = mai.page("/ledger?agency=so-noi-vu")
    assert {"vi": "chưa được kiểm tra", "en": "not been proved"}[locale] in proof(page).text()
    key = secrets.token_hex(16)
    for _ in range(2):  # a double press is one call
        answer = press(mai, key=key)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/ledger?agency=so-noi-vu")
    page = mai.page("/ledger?agency=so-noi-vu")
    assert proof(page).attributes["hx-trigger"] == "every 2s"
    assert {"vi": "Đang kiểm tra", "en": "being proved"}[locale] in proof(page).text()
    part = mai.get(proof(page).attributes["hx-get"]).get_data(as_text=True)
    assert "every 2s" in part
    assert drain(town.office) == 1
    part = mai.get(proof(page).attributes["hx-get"]).get_data(as_text=True)
    assert "every 2s" not in part
    assert {"vi": "Chuỗi nguyên vẹn", "en": "Chain intact"}[locale] in part
    page = mai.page("/ledger?agency=so-noi-vu")
    assert "hx-get" not in proof(page).attributes
    assert "ok" in str(next(proof(page).all("svg")).attributes["class"])
    assert {"vi": "thêm 1 mục", "en": "1 entry was added"}[locale] in proof(page).text()


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_a_tampered_row_is_named_on_the_page(mai: CheckingClient, town: Town, locale: str) -> None:
    mai.speak(locale)
    with town.office.engine.begin() as connection:
        connection.execute(text("UPDATE document SET subject = 'Nội dung khác' WHERE code = '01/SNV-VTLT'"))
    press(mai)
    drain(town.office)
    page = mai.page("/ledger?agency=so-noi-vu")
    seq = entry_of(town, "document.issued").seq
    said = proof(page).text()
    assert {"vi": "không nguyên vẹn: 1 chỗ", "en": "not intact: 1 place"}[locale] in said
    assert f"{seq}" in said
    assert "01/SNV-VTLT" in said
    link = next(item.attributes["href"] for item in proof(page).all("a"))
    assert f"entry={seq}" in link
    assert detail(mai.page(link)).text().startswith(("Mục", "Entry"))


def test_a_tampered_entry_is_named_on_the_page_and_in_itself(mai: CheckingClient, town: Town) -> None:
    entry = entry_of(town, "document.registered")
    forged = entry.body.replace("Trần Thị Hạnh".encode(), "Trần Thị Hành".encode())
    statement = "UPDATE ledger_entry SET body = :b WHERE chain = :c AND seq = :s"
    tamper(town.office.engine, statement, b=forged, c=chain_key(town), s=entry.seq)
    press(mai)
    drain(town.office)
    page = mai.page("/ledger?agency=so-noi-vu")
    assert f"Mục {entry.seq} đã bị sửa" in proof(page).text()
    shown = detail(mai.page(f"/ledger?agency=so-noi-vu&entry={entry.seq}"))
    assert "Mục này đã bị sửa sau khi ghi" in shown.text()


def test_an_entry_nobody_can_read_any_more_has_its_page(mai: CheckingClient, town: Town) -> None:
    entry = entry_of(town, "document.signed")
    statement = "UPDATE ledger_entry SET body = :b, hash = :h WHERE chain = :c AND seq = :s"
    tamper(town.office.engine, statement, b=b"\xff\x00", h="0" * 64, c=chain_key(town), s=entry.seq)
    shown = detail(mai.page(f"/ledger?agency=so-noi-vu&entry={entry.seq}"))
    assert "bị sửa" in shown.text()
    after = detail(mai.page(f"/ledger?agency=so-noi-vu&entry={entry.seq + 1}"))
    assert "không nối đúng" in after.text()


def test_a_job_that_failed_is_told(mai: CheckingClient, town: Town) -> None:
    press(mai)
    waiting = update(Job).where(Job.name == "proofs.prove")
    for values, said in (
        ({"error": "busy: {}", "attempts": 1}, "chạy bị lỗi"),
        ({"error": "busy: {}", "state": "failed"}, "không chạy xong"),
    ):
        with town.office.sessions.write() as session:
            session.execute(waiting.values(values), execution_options={"synchronize_session": False})
            session.commit()
        assert said in proof(mai.page("/ledger?agency=so-noi-vu")).text()
    assert "busy" in proof(mai.page("/ledger?agency=so-noi-vu")).text()


def test_a_stretch_is_taken_away_and_proved(mai: CheckingClient, town: Town) -> None:
    page = mai.page("/ledger?agency=so-noi-vu&before=12")
    command = next(item.text() for item in page.one("main").all("pre") if item.text().startswith("eoffice"))
    link = next(item.attributes["href"] for item in page.one("main").all("a") if "jsonl" in item.attributes["href"])
    answer = mai.get(link)
    assert answer.status_code == 200
    assert command.split()[-1] in answer.headers["Content-Disposition"]
    lines = answer.get_data(as_text=True).splitlines(keepends=True)
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, 12))
    found = ledger.verify_lines(lines)
    assert found.ok, found.broken
    mai.application.extensions["visits"].flush()
    with town.office.sessions.read() as session:
        noted = session.scalars(select(AccessEntry).where(AccessEntry.action == "ledger.exported")).one()
    assert (noted.actor, noted.detail) == ("Ngô Thị Mai", "ledger-so-noi-vu-1-11.jsonl")


@SQLITE
@pytest.mark.parametrize("path", ["/ledger?entry=99999", "/ledger/entries/0", "/ledger/entries.jsonl?first=9&last=1"])
def test_what_is_not_there_is_404(mai: CheckingClient, path: str) -> None:
    assert mai.get(path).status_code == 404


@SQLITE
@pytest.mark.parametrize("given", ["before=x", "who=x", "deed=x", "before=99999999999999999999", "entry=-1", "day="])
def test_nonsense_in_the_address_is_as_if_it_were_not_there(mai: CheckingClient, given: str) -> None:
    assert links(mai.page(f"/ledger?agency=so-noi-vu&{given}"))


@SQLITE
def test_every_deed_has_a_sentence_that_begins_with_a_capital(town: Town) -> None:
    from flask import g

    from eoffice.web import create_app

    app = create_app(town.office)
    for locale in ("vi", "en"):
        with app.test_request_context():
            g.locale = locale
            for word in words.DEEDS:
                said = entries.kind(word).striptags()
                assert said[:1].isupper() or said.startswith("…"), said
                assert "{" not in said


@SQLITE
def test_an_entry_of_another_time_is_shown_as_far_as_it_can_be(mai: CheckingClient, town: Town) -> None:
    """Words, fields and codes this office does not know stay in the technical part."""
    body = {
        "word": "planet.discovered",
        "object": UUID(int=5),
        "actor": {"kind": "person", "name": "Nguyễn Văn Nam", "title": "Giám đốc"},
        "notes": {"channel": "pigeon", "capacity": "king+self", "shown": {"sheets": 1}, "roles": ["king"]},
        "changes": {
            "document:x": {"state": ["draft", "framed"], "due_at": [None, "some day"]},
            "planet:y": {"a": [1, 2]},
        },
    }
    with town.office.write(town.system("so-noi-vu"), key="odd") as desk:
        ledger.append(desk.session, town.agency("so-noi-vu"), body, at=desk.now())
    page = mai.page("/ledger?agency=so-noi-vu")
    shown = detail(page)
    outside = re.sub(r"\{.*\}", "", shown.text())
    assert "pigeon" in shown.text()
    assert not any(word in outside for word in ("pigeon", "king", "framed", "planet", "some day"))

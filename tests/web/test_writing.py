"""Editor and review as the browser meets them: the buttons of each person, what goes wrong, that nothing is lost."""

from __future__ import annotations

import re
import secrets
import unicodedata
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from eoffice.core.desk import scope
from eoffice.models.documents import Document
from eoffice.models.exchange import Recipient
from eoffice.models.review import DraftText
from eoffice.models.routing import Assignment
from eoffice.services import drafting, search, writing
from eoffice.services.drafting import Content, To
from tests.support.checking import CheckingClient, Page
from tests.web.conftest import Town
from tests.web.test_documents import SQLITE, change, statements

pytestmark = SQLITE


def person(app: Flask, town: Town, login: str) -> CheckingClient:
    client = app.test_client()
    assert isinstance(client, CheckingClient)
    town.enter(client, login)
    return client


@pytest.fixture
def tuan(app: Flask, town: Town) -> CheckingClient:
    """The officer of the records unit, who has a letter of another body to answer."""
    return person(app, town, "tuan")


@pytest.fixture
def task(town: Town) -> UUID:
    """The letter that came, still open, led by Tuấn."""
    change(town, town.arrived, state="in_progress")
    change(town, town.answer, drafter_post_id=town.post("huy"))  # so that nobody has begun an answer
    with town.office.sessions.write() as session:
        parts = select(Assignment).where(Assignment.document_id == town.arrived).execution_options(scoped=True)
        for part in session.scalars(parts):
            part.state = "in_progress"
        session.commit()
    return town.arrived


def key() -> str:
    return secrets.token_hex(16)


def begin(client: CheckingClient, path: str = "/drafts") -> str:
    answer = client.send(path, {"key": key()})
    assert answer.status_code == 303, answer.status
    return answer.headers["Location"]


def boxes(page: Page) -> dict[str, list[str]]:
    """What a browser would send of the editor's form."""
    form = next(item for item in page.root.all("form") if item.attributes.get("id") == "draft")
    found: dict[str, list[str]] = {}
    for item in form.all("input", "textarea", "select"):
        name = item.attributes.get("name", "")
        if item.name == "select":
            options = list(item.all("option"))
            value = next((one for one in options if "selected" in one.attributes), options[0]).attributes["value"]
        elif item.name == "textarea":
            value = "".join(child for child in item.children if isinstance(child, str)).removeprefix("\n")
        elif item.attributes.get("type") == "checkbox" and "checked" not in item.attributes:
            continue
        else:
            value = item.attributes.get("value", "")
        found.setdefault(name, []).append(value)
    return found


def filled(client: CheckingClient, path: str, **changes: Any) -> dict[str, Any]:
    """The form of a text with something else in some boxes."""
    return {**boxes(client.page(path)), **changes}


def read(answer: TestResponse) -> Page:
    return Page(answer.get_data(as_text=True))


def says(answer: TestResponse, words: str) -> bool:
    return words in read(answer).one("main").text()


def paragraphs(page: Page) -> list[str]:
    return boxes(page)["p"]


TEXT = ["Mở đầu:", "Kết./."]


def full(client: CheckingClient, path: str, **changes: Any) -> dict[str, Any]:
    given = {"subject": "V/v cung cấp số liệu", "to_name": "Sở Tài chính", "p": TEXT, "do": "submit"}
    return filled(client, path, **{**given, **changes})


def document_of(answer: TestResponse) -> UUID:
    assert answer.status_code == 303, answer.get_data(as_text=True)[:3000]
    found = re.fullmatch("/documents/([0-9a-f-]{36})", answer.headers["Location"])
    assert found, answer.headers["Location"]
    return UUID(found[1])


def row(town: Town, document: UUID) -> Document:
    with town.office.read(town.actor("hanh")) as desk:
        return search.document(desk, document)


def texts(town: Town) -> int:
    with town.office.sessions.read() as session:
        return len(session.scalars(select(DraftText).execution_options(scoped=True)).all())


def submitted(client: CheckingClient, **changes: Any) -> UUID:
    path = begin(client)
    return document_of(client.post(path, data=full(client, path, **changes)))


# Beginning


def test_an_answer_is_prefilled_and_begun_once(tuan: CheckingClient, town: Town, task: UUID) -> None:
    page = tuan.page(f"/documents/{task}")
    button = next(item for item in page.root.all("button") if item.attributes.get("data-key") == "r")
    assert button.text().startswith("Trả lời")
    path = begin(tuan, f"/documents/{task}/answer")
    assert begin(tuan, f"/documents/{task}/answer") == path
    asked = row(town, task)
    given = boxes(tuan.page(path))
    assert given["subject"][0].startswith("V/v ")
    assert given["p"][0].startswith(f"Phúc đáp Công văn số {asked.code}")
    assert f"của {asked.issuer_name} về việc" in given["p"][0]
    assert given["p"][0].endswith("Sở Nội vụ có ý kiến như sau:")
    assert given["to"] == [str(town.agency("cong-ty-nuoc"))]  # found in the directory by the name as printed


def test_the_answer_reaches_its_end(tuan: CheckingClient, town: Town, task: UUID) -> None:
    path = begin(tuan, f"/documents/{task}/answer")
    given = filled(tuan, path, do="submit")
    given["p"][1] = "Sở Nội vụ nhất trí./."
    draft = document_of(tuan.post(path, data=given))
    found = row(town, draft)
    assert (found.state, found.reply_to_id) == ("in_review", task)
    assert texts(town) == 0
    again = tuan.send(f"/documents/{task}/answer", {"key": key()})
    assert again.headers["Location"] == f"/documents/{draft}"


@pytest.mark.parametrize("login", ["yen", "hoa", "dung"])
def test_another_agency_finds_nothing(app: Flask, town: Town, tuan: CheckingClient, login: str) -> None:
    draft = submitted(tuan)
    path = begin(tuan)
    stranger = person(app, town, login)
    for address in (path, f"{path}/pages/1.jpg", f"/documents/{draft}/versions"):
        assert stranger.get(address).status_code in (403, 404)
    texts_of_others = (path, f"{path}/keep", f"{path}/discard")
    for address in (*texts_of_others, f"/documents/{draft}/edit", f"/documents/{town.arrived}/answer"):
        data = {"key": key(), "p": "Của tôi", "signer": f"{town.post(login)}:head:self", "window": "w", "count": "0"}
        assert stranger.send(address, data).status_code in (403, 404), address
    for deed in ("submit", "approve-content", "approve-format", "send-back"):
        answer = stranger.send(f"/documents/{draft}/{deed}", {"key": key(), "version": "1", "reason": "x"})
        assert answer.status_code in (403, 404), deed
    assert row(town, draft).state == "in_review"


@pytest.mark.parametrize("login", ["son", "hanh", "nam"])
def test_colleagues_find_nothing_of_a_text(app: Flask, town: Town, tuan: CheckingClient, login: str) -> None:
    path = begin(tuan)
    other = person(app, town, login)
    assert other.get(path).status_code == 404
    assert other.get(f"{path}/pages/1.jpg").status_code == 404
    for address in (path, f"{path}/keep", f"{path}/discard"):
        assert other.send(address, {"key": key(), "p": "x"}).status_code == 404
    assert texts(town) == 1


@pytest.mark.parametrize("login", ["phong", "mai"])
def test_who_writes_nothing_has_no_editor(app: Flask, town: Town, login: str) -> None:
    client = person(app, town, login)
    assert client.get("/drafts").status_code == 403
    assert client.send("/drafts", {"key": key()}).status_code == 403


# Writing


def test_what_is_kept_is_shown_again(tuan: CheckingClient, town: Town) -> None:
    path = begin(tuan)
    answer = tuan.post(f"{path}/keep", data=full(tuan, path))
    part = read(answer)
    assert answer.status_code == 200
    assert "Đã lưu" in part.root.text()
    (image,) = [item.attributes["src"] for item in part.root.all("img")]
    picture = tuan.get(image)
    assert picture.data.startswith(b"\xff\xd8\xff")
    assert paragraphs(tuan.page(path)) == TEXT
    assert "Cung cấp số liệu" in tuan.page("/drafts").one("main").text()


def test_the_page_waits_until_there_is_enough_on_it(tuan: CheckingClient) -> None:
    path = begin(tuan)
    assert "Trang hiện ra khi đã đủ nội dung" in tuan.page(path).one("main").text()
    assert tuan.get(f"{path}/pages/1.jpg").status_code == 404


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_the_editor_speaks_both_languages(tuan: CheckingClient, task: UUID, locale: str) -> None:
    tuan.speak(locale)
    path = begin(tuan, f"/documents/{task}/answer")
    for kind in ("decision", "report", "official_letter"):
        tuan.post(path, data=filled(tuan, path, kind=kind, cc_name="Hội Làm vườn", urgency="express", do="show"))
        tuan.page(path)
    tuan.page("/drafts")
    draft = document_of(tuan.post(path, data=filled(tuan, path, do="save")))
    tuan.page(f"/documents/{draft}")
    tuan.page(f"/documents/{draft}/versions")
    tuan.page(begin(tuan, f"/documents/{draft}/edit"))


def test_an_editor_costs_ten_statements(tuan: CheckingClient, town: Town, task: UUID) -> None:
    path = begin(tuan, f"/documents/{task}/answer")
    for _turn in range(2):
        tuan.get(path)
        with statements(town) as seen:
            tuan.get(path)
        assert len(seen) <= 11, [statement[:120] for statement in seen]
        draft = document_of(tuan.post(path, data=full(tuan, path, do="save")))
        path = begin(tuan, f"/documents/{draft}/edit")


def test_paragraphs_are_added_moved_and_removed_without_scripts(tuan: CheckingClient) -> None:
    path = begin(tuan)

    def press(deed: str) -> list[str]:
        answer = tuan.post(path, data=filled(tuan, path, do=deed))
        return paragraphs(tuan.page(answer.headers["Location"]))

    tuan.post(path, data=filled(tuan, path, p=["Một", "Hai"]))
    assert press("add") == ["Một", "Hai", ""]
    assert press("up:1") == ["Hai", "Một", ""]
    assert press("down:0") == ["Một", "Hai", ""]
    assert press("remove:0") == ["Hai", ""]
    assert press("remove:9") == press("up:x") == press("fly:0") == ["Hai", ""]


def test_paste_from_a_word_processor(tuan: CheckingClient, town: Town) -> None:
    pasted = unicodedata.normalize("NFD", "Một:\r\n\r\n\u2022\tHai\u00a0\u200bba\r\nBốn./.")
    draft = submitted(tuan, p=[pasted])
    with town.office.read(town.actor("tuan")) as desk:
        assert drafting.newest(desk, draft).letter["paragraphs"] == ["Một:", "- Hai ba", "Bốn./."]


def test_recipients_are_chosen_or_typed(tuan: CheckingClient, town: Town) -> None:
    typed = "so tai chinh; Hội Làm vườn;; Công ty Cổ phần Cấp nước An Bình"
    draft = submitted(tuan, to_name=typed, cc_name="UBND xã Phú Thịnh")
    with town.office.read(town.actor("tuan")) as desk:
        found = desk.session.scalars(
            scope(desk, Recipient).where(Recipient.document_id == draft).order_by(Recipient.position)
        ).all()
    assert [(one.name, one.kind, one.paper) for one in found] == [
        ("Sở Tài chính", "addressee", False),
        ("Hội Làm vườn", "addressee", True),
        ("Công ty Cổ phần Cấp nước An Bình", "addressee", True),
        ("Ủy ban nhân dân xã Phú Thịnh", "cc", False),
    ]
    assert {one.paper_reason for one in found if one.paper} == {"no_electronic_way"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"secrecy": "secret"}, "bí mật nhà nước"),
        ({"p": ["x" * 100_001]}, "nhiều nhất 100000 ký tự"),
        ({"subject": " "}, "Cần có trích yếu"),
        ({"to_name": ""}, "nơi nhận"),
    ],
)
def test_what_cannot_be_used_stands_in_its_boxes(
    tuan: CheckingClient, town: Town, changes: dict[str, Any], words: str
) -> None:
    path = begin(tuan)
    given = full(tuan, path, **changes)
    answer = tuan.post(path, data=given)
    assert answer.status_code == 422
    assert says(answer, words)
    assert paragraphs(read(answer)) == given["p"]
    if "secrecy" in changes or "p" in changes:
        assert paragraphs(tuan.page(path)) == [""]
        kept = tuan.post(f"{path}/keep", data=given)
        assert kept.status_code == 422
        assert kept.headers["HX-Retarget"] == "#kept"


@pytest.mark.parametrize(
    "changes", [{"kind": "poem"}, {"urgency": "now"}, {"to": [str(uuid4())]}, {"to": ["x"]}, {"secrecy": "x"}]
)
def test_what_nobody_offered_is_refused(tuan: CheckingClient, town: Town, changes: dict[str, Any]) -> None:
    path = begin(tuan)
    assert tuan.post(path, data=full(tuan, path, **changes)).status_code == 422
    assert tuan.post(f"{path}/keep", data=full(tuan, path, **changes)).status_code == 422


def test_two_windows_are_told_of_each_other(tuan: CheckingClient, town: Town) -> None:
    path = begin(tuan)
    first, second = full(tuan, path, p=["Cửa sổ một"]), full(tuan, path, p=["Cửa sổ hai"])
    assert tuan.post(f"{path}/keep", data=first).status_code == 200
    told = tuan.post(f"{path}/keep", data=second)
    assert told.status_code == 409
    assert "cửa sổ khác" in read(told).root.text()
    answer = tuan.post(path, data=second)
    assert answer.status_code == 409
    assert paragraphs(read(answer)) == ["Cửa sổ hai"]
    assert paragraphs(tuan.page(path)) == ["Cửa sổ một"]
    given = {**boxes(read(answer)), "do": "submit"}  # having been told, he sends it again
    draft = document_of(tuan.post(path, data=given))
    with town.office.read(town.actor("tuan")) as desk:
        assert drafting.newest(desk, draft).letter["paragraphs"] == ["Cửa sổ hai"]


def test_a_double_press_makes_one_draft(tuan: CheckingClient, town: Town) -> None:
    path = begin(tuan)
    given = full(tuan, path)
    first, second = (document_of(tuan.post(path, data=given)) for _ in range(2))
    assert first == second
    with town.office.read(town.actor("tuan")) as desk:
        assert [one.number for one in drafting.version_list(desk, first)] == [1]
    assert texts(town) == 0


def test_what_was_sent_after_the_text_had_gone_is_kept(tuan: CheckingClient, town: Town) -> None:
    """Back button, or a second window, after the text became a version: nothing is lost, nothing is sent."""
    path = begin(tuan)
    given = full(tuan, path)
    draft = document_of(tuan.post(path, data=given))
    back = tuan.post(path, data={**given, "p": ["Viết thêm./."]})
    assert back.status_code == 409
    assert paragraphs(read(back)) == ["Viết thêm./."]
    assert str(draft) in boxes(read(back))["document"]
    other = tuan.post(path, data={**given, "key": key(), "p": ["Cửa sổ kia./."]})
    assert other.status_code == 409
    assert paragraphs(read(other)) == ["Cửa sổ kia./."]
    assert row(town, draft).state == "in_review"
    late = tuan.post(f"{path}/keep", data=given)
    assert late.status_code == 409


def test_a_text_is_thrown_away(tuan: CheckingClient, town: Town) -> None:
    path = begin(tuan)
    assert tuan.send(f"{path}/discard").headers["Location"] == "/drafts"
    gone = tuan.get(path)  # the back button leads here
    assert gone.status_code == 404
    assert "đã được trình hoặc đã bỏ" in gone.get_data(as_text=True)
    assert texts(town) == 0


def test_the_text_survives_a_lost_session(client: CheckingClient, town: Town, tuan: CheckingClient) -> None:
    path = begin(tuan)
    given = full(tuan, path)
    tuan.delete_cookie("office")
    answer = tuan.post(path, data=given)
    assert answer.status_code == 401
    assert any(item.attributes.get("name") == "kept" for item in read(answer).root.all("input"))
    line = tuan.post(f"{path}/keep", data=given, headers={"HX-Request": "true", "HX-Target": "page"})
    assert (line.status_code, line.headers["HX-Retarget"]) == (401, "#kept")
    assert "chưa được lưu" in read(line).root.text()


# Versions


def colleague(town: Town, draft: UUID, login: str, *lines: str) -> None:
    """Let a colleague of the unit save a version."""
    with town.office.read(town.actor(login)) as desk:
        content = drafting.content_of(desk, search.document(desk, draft))
    changed = Content(**{**content.__dict__, "paragraphs": lines})
    town.office.do(town.actor(login), drafting.revise, draft, key=f"colleague {uuid4()}", content=changed)


def test_a_colleagues_version_is_shown_before_it_is_replaced(tuan: CheckingClient, town: Town) -> None:
    draft = document_of(tuan.post(path := begin(tuan), data=full(tuan, path, do="save")))
    path = begin(tuan, f"/documents/{draft}/edit")
    given = filled(tuan, path, p=["Của Tuấn./."], do="save", note="rút gọn")
    colleague(town, draft, "son", "Của Sơn./.")
    answer = tuan.post(path, data=given)
    assert answer.status_code == 409
    assert says(answer, town.actor("son").name)
    assert paragraphs(read(answer)) == ["Của Tuấn./."]
    links = [item.attributes.get("href", "") for item in read(answer).root.all("a")]
    (compare,) = [link for link in links if "/versions?from=1&to=2" in link]
    assert tuan.get(compare).status_code == 200
    assert document_of(tuan.post(path, data={**boxes(read(answer)), "do": "save", "note": "rút gọn"})) == draft
    with town.office.read(town.actor("tuan")) as desk:
        found = drafting.version_list(desk, draft)
    assert [(one.number, one.note) for one in found] == [(1, ""), (2, ""), (3, "rút gọn")]


def test_nothing_changed_makes_no_version(tuan: CheckingClient, town: Town) -> None:
    draft = document_of(tuan.post(path := begin(tuan), data=full(tuan, path, do="save")))
    path = begin(tuan, f"/documents/{draft}/edit")
    assert document_of(tuan.post(path, data=filled(tuan, path, do="submit"))) == draft
    assert row(town, draft).state == "in_review"
    with town.office.read(town.actor("tuan")) as desk:
        assert len(drafting.version_list(desk, draft)) == 1


def test_versions_say_what_changed_in_words_and_signs(tuan: CheckingClient, town: Town) -> None:
    lines = ["Có 1.842 hồ sơ", "Kết./."]
    draft = document_of(tuan.post(path := begin(tuan), data=full(tuan, path, do="save", p=lines)))
    colleague(town, draft, "son", "Có 1.900 hồ sơ", "Thêm", "Kết./.")
    page = tuan.page(f"/documents/{draft}/versions?from=1&to=2")
    assert [item.text() for item in page.root.all("del")] == ["bỏ: −1.842"]
    assert [item.text() for item in page.root.all("ins")] == ["thêm: +1.900", "thêm: +Thêm"]
    assert "sửa" in page.one("main").text()
    assert [item.text() for item in tuan.page(f"/documents/{draft}/versions").root.all("del")] == ["bỏ: −1.842"]
    assert "như nhau" in tuan.page(f"/documents/{draft}/versions?from=2&to=2").one("main").text()
    assert tuan.get(f"/documents/{town.arrived}/versions").status_code == 404


# Review


def form(page: Page, path: str) -> dict[str, str]:
    found = next(item for item in page.root.all("form") if item.attributes.get("action", "").partition("?")[0] == path)
    return {item.attributes["name"]: item.attributes.get("value", "") for item in found.all("input")}


def press(client: CheckingClient, draft: UUID, deed: str, *, queue: str = "", **more: str) -> TestResponse:
    page = client.page(f"/documents/{draft}" + (f"?queue={queue}" if queue else ""))
    return client.post(f"/documents/{draft}/{deed}", data={**form(page, f"/documents/{draft}/{deed}"), **more})


def test_a_draft_goes_its_way(app: Flask, town: Town, tuan: CheckingClient) -> None:
    draft = submitted(tuan)
    son, anh = person(app, town, "son"), person(app, town, "anh")
    assert "Duyệt nội dung, chuyển bà Ánh kiểm tra thể thức" in son.page(f"/documents/{draft}").one("main").text()
    assert press(son, draft, "approve-content").status_code == 303
    assert "Duyệt thể thức, trình ông Nam ký" in anh.page(f"/documents/{draft}").one("main").text()
    assert press(anh, draft, "approve-format").status_code == 303
    assert row(town, draft).state == "format_ok"


def test_a_draft_is_sent_back_and_comes_again(app: Flask, town: Town, tuan: CheckingClient) -> None:
    draft = submitted(tuan)
    son = person(app, town, "son")
    refused = press(son, draft, "send-back", reason=" ")
    assert refused.status_code == 422
    assert press(son, draft, "send-back", reason="Thiếu căn cứ").status_code == 303
    page = tuan.page(f"/documents/{draft}")
    assert "Thiếu căn cứ" in page.one("main").text()
    assert f"/documents/{draft}" in tuan.get("/outgoing?queue=sent_back").get_data(as_text=True)
    assert press(tuan, draft, "submit").status_code == 303
    assert row(town, draft).state == "in_review"


def test_only_the_version_that_was_shown_is_approved(app: Flask, town: Town, tuan: CheckingClient) -> None:
    draft = submitted(tuan)
    son = person(app, town, "son")
    path = f"/documents/{draft}/approve-content"
    shown = form(son.page(f"/documents/{draft}"), path)
    colleague(town, draft, "tuan", "Bản khác./.")
    town.office.do(town.actor("tuan"), drafting.submit, draft, key="again")
    assert son.post(path, data=shown).status_code == 409
    assert son.post(path, data={**shown, "version": ""}).status_code == 422
    assert row(town, draft).state == "in_review"


def test_of_two_who_approve_one_wins(app: Flask, town: Town, tuan: CheckingClient) -> None:
    draft = submitted(tuan)
    first, second = person(app, town, "son"), person(app, town, "son")
    path = f"/documents/{draft}/approve-content"
    shown = [form(client.page(f"/documents/{draft}"), path) for client in (first, second)]
    assert first.post(path, data=shown[0]).status_code == 303
    late = second.post(path, data=shown[1])
    assert late.status_code == 409
    assert first.post(path, data=shown[0]).status_code == 303  # the same press gets the same answer
    with town.office.read(town.actor("son")) as desk:
        assert len(drafting.approvals(desk, draft)) == 1


def test_a_queue_goes_on_to_its_next_document(app: Flask, town: Town, tuan: CheckingClient) -> None:
    drafts = []
    for _turn in range(3):
        drafts.append(submitted(tuan))
        town.step(minutes=1)
    son = person(app, town, "son")
    links = re.findall(r'href="(/documents/[0-9a-f-]+\?queue=to_approve)"', son.get("/outgoing?queue=to_approve").text)
    assert links == [f"/documents/{draft}?queue=to_approve" for draft in reversed(drafts)]
    order = [drafts[1], drafts[0], drafts[2]]  # below, below, and round to the first
    for draft, following in zip(order, [*order[1:], None], strict=True):
        answer = press(son, draft, "approve-content", queue="to_approve")
        expected = f"/documents/{following}?queue=to_approve" if following else "/outgoing?queue=to_approve"
        assert answer.headers["Location"] == expected
    assert press(person(app, town, "anh"), drafts[0], "send-back", reason="Sai thể thức").status_code == 303


@pytest.mark.parametrize("login", ["tuan", "huy", "hanh", "nam", "anh"])
def test_nobody_else_approves_the_content(app: Flask, town: Town, tuan: CheckingClient, login: str) -> None:
    draft = submitted(tuan)
    client = person(app, town, login)
    seen = client.get(f"/documents/{draft}")
    assert "approve-content" not in seen.get_data(as_text=True)
    version = str(row(town, draft).version)
    answer = client.send(f"/documents/{draft}/approve-content", {"key": key(), "version": version})
    assert answer.status_code in (403, 404)
    assert row(town, draft).state == "in_review"


def test_a_double_text_is_never_sent_by_the_system(town: Town) -> None:
    """What a text names as recipient is what the draft names: no agency is guessed."""
    with town.office.read(town.actor("tuan")) as desk:
        assert writing.recipient(writing.agencies(desk), "Sở", "cc") == To("Sở", None, "cc", True, writing.NO_WAY)

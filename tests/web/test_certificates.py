"""The board of certificates: who sees which, how many stand how, and one of them in full."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from eoffice.core.desk import scope
from eoffice.jobs.worker import drain
from eoffice.models.directory import Certificate
from eoffice.models.review import SigningItem
from eoffice.services import certificate_requests, certificates, directory, test_authority
from eoffice.services.directory import NewPost
from eoffice.web import create_app
from signing.pki import Holder, Pki
from tests.support.checking import CheckingClient, Page, filled
from tests.web.conftest import Town
from tests.web.test_directory import change
from tests.web.test_documents import links, listed, statements

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def phong(client: CheckingClient, town: Town) -> CheckingClient:
    """The administrator of Sở Nội vụ."""
    town.enter(client, "phong")
    return client


def rows(town: Town, slug: str = "so-noi-vu", purpose: str = "") -> list[Certificate]:
    with town.office.sessions.read() as session:
        statement = select(Certificate).where(Certificate.agency_id == town.agency(slug))
        if purpose:
            statement = statement.where(Certificate.purpose == purpose)
        return list(session.scalars(statement.order_by(Certificate.id).execution_options(scoped=True)))


def ends_in(town: Town, row: Certificate, **span: float) -> None:
    change(town, update(Certificate).where(Certificate.id == row.id).values(valid_to=at(town, **span)))


def at(town: Town, **span: float) -> Any:
    return town.clock.now() + timedelta(**span)


def many(town: Town, number: int) -> None:
    """Enter further certificates of leaders, spread over the coming years."""
    (first, *_more) = rows(town, purpose="leader")
    table: Any = Certificate.__table__
    same = {column.key: getattr(first, column.key) for column in table.columns}
    made = [
        same | {"id": uuid4(), "sha256": f"{place:064x}", "valid_to": at(town, days=place % 900 + 1)}
        for place in range(number)
    ]
    with town.office.engine.begin() as connection:
        connection.execute(table.insert(), made)


def tabs(page: Page) -> dict[str, str]:
    """The tabs of the board and the numbers on them."""
    nav = next(item for item in page.one("main").all("nav") if "tabs" in item.attributes.get("class", ""))
    found = [re.split(r"(?=\d)", item.text(), maxsplit=1) for item in nav.all("a")]
    return {text.strip(): number for text, number in found}


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_the_board_tells_each_with_holder_state_and_end(phong: CheckingClient, town: Town, locale: str) -> None:
    phong.speak(locale)
    page = phong.page("/certificates")
    told = listed(page)
    seal, in_use = {"vi": ("Ký số cơ quan", "Đang dùng"), "en": ("Agency's seal", "In use")}[locale]
    for words in ("Nguyễn Văn Nam", "Trần Thị Hạnh", "Sở Nội vụ", seal, in_use):
        assert words in told, words
    assert len(links(page)) == len(rows(town))


def test_the_administrator_sees_his_agency_and_the_auditor_hers(client: CheckingClient, town: Town) -> None:
    town.enter(client, "phong")
    assert "Sở Tài chính" not in client.page("/certificates").one("main").text()
    theirs = rows(town, "so-tai-chinh")[0].id
    assert client.get(f"/certificates/{theirs}").status_code == 404
    town.enter(client, "mai")
    assert "Sở Tài chính" in client.page("/certificates").one("main").text()
    own = links(client.page("/certificates", query_string={"agency": "so-tai-chinh"}))
    assert own
    assert f"/certificates/{theirs}" in own
    client.page(f"/certificates/{theirs}")


@pytest.mark.parametrize("login", ["hanh", "nam", "tuan", "anh"])
@SQLITE
def test_others_are_refused(client: CheckingClient, town: Town, login: str) -> None:
    town.enter(client, login)
    assert client.get("/certificates").status_code == 403
    assert client.get("/certificates.csv").status_code == 403
    assert client.get(f"/certificates/{rows(town)[0].id}").status_code == 403


def test_ends_are_counted_in_sixty_thirty_and_seven_days(phong: CheckingClient, town: Town) -> None:
    leader, seal, exchange = (rows(town, purpose=purpose)[0] for purpose in ("leader", "seal", "exchange"))
    before = tabs(phong.page("/certificates"))
    ends_in(town, leader, days=59)
    ends_in(town, seal, days=6, hours=1)
    ends_in(town, exchange, days=-1)
    page = phong.page("/certificates")
    now = tabs(page)
    assert (now["Sắp hết hạn"], now["Hết hạn"]) == ("2", "1")
    assert int(now["Đang dùng"]) == int(before["Đang dùng"]) - 1
    told = page.one("main").text()
    assert [re.search(rf"trong {days} ngày: (\d+)", told)[1] for days in (60, 30, 7)] == ["2", "1", "1"]  # type: ignore[index]
    assert links(phong.page("/certificates?show=ending&days=7")) == [f"/certificates/{seal.id}"]
    assert links(phong.page("/certificates?show=ending")) == [f"/certificates/{row.id}" for row in (seal, leader)]
    assert "còn 6 ngày" in listed(phong.page("/certificates?show=ending&days=7")).lower()
    assert links(phong.page("/certificates?show=expired")) == [f"/certificates/{exchange.id}"]
    counted = next(item for item in page.root.all("span") if item.attributes.get("data-count") == "ending")
    assert counted.text().strip() == "2"


@SQLITE
def test_the_holder_is_told_quietly(client: CheckingClient, town: Town) -> None:
    town.enter(client, "nam")
    assert "Đề nghị liên hệ quản trị" not in client.page("/account").one("main").text()
    (leader,) = [row for row in rows(town, purpose="leader") if row.post_id == town.post("nam")]
    ends_in(town, leader, days=20, hours=1)
    told = client.page("/account").one("main").text()
    assert "còn 20 ngày" in told.lower()
    assert "Đề nghị liên hệ quản trị" in told
    town.enter(client, "hanh")
    ends_in(town, rows(town, purpose="seal")[0], days=3, hours=1)
    assert "còn 3 ngày" in client.page("/account").one("main").text().lower()


@pytest.mark.parametrize("words", ["nguyen van nam", "NAM Nguyễn", "{serial}"])
def test_it_is_searched_by_name_and_serial_number(phong: CheckingClient, town: Town, words: str) -> None:
    (leader,) = [row for row in rows(town, purpose="leader") if row.post_id == town.post("nam")]
    found = links(phong.page("/certificates", query_string={"q": words.format(serial=leader.serial[3:20].upper())}))
    assert found == [f"/certificates/{leader.id}"]


@SQLITE
@pytest.mark.parametrize("words", ["%", "_", "\\", "không có ai"])
def test_signs_of_a_pattern_are_letters_like_others(phong: CheckingClient, words: str) -> None:
    assert "Không có chứng thư số nào khớp" in phong.page("/certificates", query_string={"q": words}).one("main").text()


@SQLITE
def test_what_an_address_says_wrongly_is_left_out(phong: CheckingClient, town: Town) -> None:
    for query in ("show=x", "days=8&show=ending", "purpose=x", "agency=x", "after=x", "after=2026-01-01_x"):
        phong.page(f"/certificates?{query}")
    assert len(links(phong.page("/certificates?after=2026-01-01T00:00:00_" + str(uuid4())))) == len(rows(town))


@SQLITE
def test_pages_join_and_cost_the_same(phong: CheckingClient, town: Town) -> None:
    with statements(town) as few:
        phong.page("/certificates")
    many(town, 300)
    found, path, cost = [], "/certificates", set()
    while path:
        with statements(town) as seen:
            page = phong.page(path)
        cost.add(len(seen))
        found += links(page)
        path = next((a.attributes["href"] for a in page.one("main").all("a") if a.attributes.get("rel") == "next"), "")
    assert len(found) == len(set(found)) == len(rows(town)) > 300
    assert cost == {len(few)}
    assert len(few) <= 10


@SQLITE
def test_the_table_to_take_away_has_every_row(phong: CheckingClient, town: Town) -> None:
    many(town, 1100)
    text = phong.get("/certificates.csv").get_data().decode("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert len(table) == len(rows(town))
    assert {row["Trạng thái"] for row in table} == {"Đang dùng"}
    assert all(row["Số sê-ri"] and row["Hiệu lực đến"] for row in table)


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_one_certificate_in_full(phong: CheckingClient, town: Town, locale: str) -> None:
    phong.speak(locale)
    (leader,) = [row for row in rows(town, purpose="leader") if row.post_id == town.post("nam")]
    page = phong.page(f"/certificates/{leader.id}")
    told = page.one("main").text()
    good, usage, test = {
        "vi": ("chưa bị thu hồi, theo CRL", "ký văn bản", "Chứng thư thử nghiệm"),
        "en": ("not revoked, by CRL", "signing of documents", "Test certificate"),
    }[locale]
    own = (leader.serial, leader.sha256, "CA cấp phát THỬ NGHIỆM", "Nguyễn Văn Nam, Giám đốc")
    subject = "CN=Nguyễn Văn Nam, T=Giám đốc, "
    for words in (*own, subject, good, usage, test):
        assert words in told, words
    with statements(town) as seen:
        phong.page(f"/certificates/{leader.id}")
    assert len(seen) <= 10


@SQLITE
def test_an_unknown_certificate_is_not_found(phong: CheckingClient) -> None:
    assert phong.get(f"/certificates/{UUID(int=0)}").status_code == 404


# deeds


def sent(page: Page, action: str) -> dict[str, str]:
    """The fields of the form of a page that leads to an address."""
    return filled(next(form for form in page.root.all("form") if form.attributes.get("action") == action))


def post(client: CheckingClient, page: Page, action: str, **given: str) -> Any:
    """Send a form of a page, with what somebody wrote into it."""
    return client.post(action, data=sent(page, action) | given)


def test_a_certificate_is_revoked_in_its_page(phong: CheckingClient, town: Town) -> None:
    (leader,) = [row for row in rows(town, purpose="leader") if row.post_id == town.post("nam")]
    path = f"/certificates/{leader.id}"
    page = phong.page(path)
    assert post(phong, page, f"{path}/revoke", reason="").status_code == 422
    wrong = post(phong, page, f"{path}/revoke", reason="Mất thiết bị", since="31/02/2026")
    assert wrong.status_code == 422
    assert "Mất thiết bị" in wrong.get_data(as_text=True)
    page = phong.page(path)
    given = sent(page, f"{path}/revoke") | {"reason": "Mất thiết bị lưu khóa"}
    for _press in range(2):
        assert phong.post(f"{path}/revoke", data=given).status_code == 303
    told = phong.page(path).one("main").text()
    for words in ("Mất thiết bị lưu khóa", "Đã thu hồi chứng thư số; từ nay", "Lý Hoài Phong thu hồi chứng thư số"):
        assert words in told, words
    assert "Thu hồi…" not in told
    stale = post(phong, page, f"{path}/revoke", reason="lần nữa", key="0" * 32)
    assert stale.status_code == 409


@SQLITE
def test_waiting_documents_are_told_of_a_revocation(busy: tuple[Town, dict[str, UUID]]) -> None:
    """What stands in the queue of the key fails with the reason, in the leader's own list."""
    town, waiting = busy
    app = create_app(town.office)
    app.test_client_class = CheckingClient
    client: Any = app.test_client()
    queued = SigningItem(
        agency_id=town.agency("so-noi-vu"), document_id=waiting["format_ok"], post_id=town.post("nam"),
        sha256="0" * 64, shown={"pages": []}, state="queued", batch=uuid4(), listed_at=town.clock.now(),
        begun_at=town.clock.now(),
    )  # fmt: skip
    with town.office.sessions.write() as session:
        session.add(queued)
        session.commit()
        key = queued.id
    (leader,) = [row for row in rows(town, purpose="leader") if row.post_id == town.post("nam")]
    town.office.do(town.actor("phong"), certificates.revoke, leader.id, key="lost", reason="Mất thiết bị")
    with town.office.read(town.actor("nam")) as desk:
        row = desk.session.scalars(scope(desk, SigningItem).where(SigningItem.id == key)).one()
    assert (row.state, row.code, row.reason_vi) == ("failed", "certificate_revoked", certificates.REVOKED_VI)
    town.enter(client, "nam")
    assert "Chứng thư số đã bị thu hồi" in client.page("/sign/progress?state=failed").one("main").text()
    app.extensions["visits"].flush()


def test_the_key_is_handed_over_with_minutes_to_print(phong: CheckingClient, town: Town) -> None:
    (seal,) = rows(town, purpose="seal")
    path = f"/certificates/{seal.id}"
    assert "Cơ quan chưa có văn thư nào khác" in phong.page(path).one("main").text()
    clerk = NewPost("so-noi-vu", "minh-thu", "Vũ Minh Thư", "bà", "Văn thư", "no password opens this", ("clerk",))
    taker = town.office.do(town.system("so-noi-vu"), directory.appoint, key="clerk", post=clerk).id
    page, action = phong.page(path), f"{path}/hand-over"
    refused = post(phong, page, action, to_post=str(taker), permission=" ", device="USB token")
    assert refused.status_code == 422
    assert "Chỉ bàn giao khóa khi được phép bằng văn bản" in refused.get_data(as_text=True)
    done = post(
        phong, page, action, to_post=str(taker), permission="QĐ số 15/QĐ-SNV ngày 01/9/2026", device="USB token",
        key="1" * 32,
    )  # fmt: skip
    assert done.status_code == 303
    page = phong.page(path)
    assert "Trần Thị Hạnh → Vũ Minh Thư" in page.one("main").text()
    (link,) = [a.attributes["href"] for a in page.one("main").all("a") if a.attributes["href"].endswith(".pdf")]
    minutes = phong.get(link)
    assert (minutes.mimetype, minutes.get_data()[:5]) == ("application/pdf", b"%PDF-")
    assert phong.get(link).get_data() == minutes.get_data()
    assert phong.get(link.replace(str(seal.id), str(rows(town)[0].id))).status_code == 404


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_requests_are_asked_issued_and_refused(phong: CheckingClient, town: Town, locale: str) -> None:
    phong.speak(locale)
    path = "/certificates/requests"
    for whom in (f"leader:{town.post('nam')}", f"seal:{town.post('hanh')}", "exchange"):
        assert post(phong, phong.page(path), path, whom=whom).status_code == 303
    assert post(phong, phong.page(path), path, whom="exchange").status_code == 409
    for wrong in ("", "leader:x", f"leader:{town.post('tuan')}", "root"):
        assert post(phong, phong.page(path), path, whom=wrong).status_code == 422
    with statements(town) as seen:
        page = phong.page(path)
    assert len(seen) <= 10
    forms = [form.attributes["action"] for form in page.one("main").all("form")]
    first, second, third = [action for action in forms if re.search("requests/[0-9a-f-]{36}/issue", action)]
    assert post(phong, page, first).status_code == 303
    refusal = second.replace("/issue", "/refuse")
    assert post(phong, phong.page(refusal), refusal, reason=" ").status_code == 422
    assert post(phong, phong.page(refusal), refusal, reason="Chưa cần").status_code == 303
    assert post(phong, phong.page(path), f"{path}/issue").status_code == 303
    told = {"vi": "đang cấp", "en": "being issued"}[locale]
    assert told in phong.page(path).one("main").text()
    drain(town.office)
    assert len(list(phong.page(path + "?state=issued").one("main").all("tr"))) == 3
    assert "Chưa cần" in phong.page(path + "?state=refused").one("main").text()
    assert third


@SQLITE
def test_the_holder_alone_sees_the_password_of_the_new_key(client: CheckingClient, town: Town) -> None:
    admin = town.actor("phong")
    asked = town.office.do(admin, certificate_requests.request, key="ask", purpose="leader", post=town.post("nam"))
    town.office.do(admin, certificate_requests.issue, asked.id, key="issue")
    (new,) = [row for row in rows(town, purpose="leader") if row.origin == "issued"]
    with town.office.read(admin) as desk:
        password = test_authority.first_password(desk, new.key_name)
    town.enter(client, "phong")
    assert password not in client.get(f"/certificates/{new.id}").get_data(as_text=True)
    assert password not in client.get("/account").get_data(as_text=True)
    town.enter(client, "nam")
    assert password in client.get("/account").get_data(as_text=True)


def bring(client: CheckingClient, data: bytes, name: str = "danh-sach.csv") -> Any:
    """Bring a file through the form of lists."""
    given: dict[str, Any] = sent(client.page("/certificates/list"), "/certificates/list")
    return client.post("/certificates/list", data=given | {"file": (io.BytesIO(data), name)})


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_a_list_is_looked_at_before_anything_is_done(phong: CheckingClient, town: Town, locale: str) -> None:
    phong.speak(locale)
    change(town, update(Certificate).values(valid_to=at(town, days=3)))
    template = phong.get("/certificates/list-template.csv").get_data()
    assert "Nguyễn Văn Nam" in template.decode("utf-8-sig")
    mark = {"vi": ";", "en": ","}[locale]
    wrong = bring(phong, template + mark.join(("tuan", "Lê Minh Tuấn", "", "Người ký")).encode())
    text = wrong.get_data(as_text=True)
    assert wrong.status_code == 200
    assert {"vi": "1 dòng sai", "en": "1 wrong"}[locale] in text
    assert "certificates/list/ask" not in text
    preview = bring(phong, template)
    page = Page(preview.get_data(as_text=True))
    given = sent(page, "/certificates/list/ask") | {"issue": "yes"}
    for _press in range(2):
        assert phong.post("/certificates/list/ask", data=given).status_code == 303
    drain(town.office)
    issued = phong.page("/certificates/requests?state=issued")
    assert len(list(issued.one("main").all("tr"))) == len(template.splitlines())
    again = bring(phong, template).get_data(as_text=True)
    assert "certificates/list/ask" not in again


@SQLITE
@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"PK\x03\x04rubbish", b"\x00" * 100, b"a;b\n1;2\n"])
def test_a_wrong_file_is_refused_with_a_sentence(phong: CheckingClient, data: bytes) -> None:
    answer = bring(phong, data)
    assert answer.status_code == 422
    assert "Chưa lưu gì" in answer.get_data(as_text=True)


@SQLITE
def test_altered_rows_are_refused(phong: CheckingClient, town: Town) -> None:
    given = sent(phong.page("/certificates/list"), "/certificates/list")
    for rows_given in ("", "x", "[1]", '[["a", "b", "c", "d"]]', json.dumps([[1, "nam", "", "Người ký"]] * 5001)):
        assert phong.post("/certificates/list/ask", data=given | {"rows": rows_given}).status_code in (413, 422)
    foreign = json.dumps([[2, "dung", "", "Người ký"]])
    assert phong.post("/certificates/list/ask", data=given | {"rows": foreign}).status_code == 422
    with town.office.read(town.actor("phong")) as desk:
        assert certificate_requests.request_counts(desk)["requested"] == 0


@SQLITE
def test_a_real_certificate_is_brought_in(phong: CheckingClient, town: Town) -> None:
    pki = Pki.load(town.office.settings.pki)
    pki.issue([Holder("real", "Nguyễn Văn Nam", "Sở Nội vụ", overrides={"begins_days": -1})], at=town.clock.now())
    action = "/certificates/bring-in"

    def bring_file(data: bytes, **more: str) -> Any:
        given: dict[str, Any] = sent(phong.page(action), action) | {"whom": f"leader:{town.post('nam')}"} | more
        return phong.post(action, data=given | {"storage": "token", "file": (io.BytesIO(data), "nam.cer")})

    refused = bring_file(b"rubbish")
    assert refused.status_code == 422
    assert "Không đọc được chứng thư số nào" in refused.get_data(as_text=True)
    assert bring_file(pki.certificate("real"), whom=f"leader:{town.post('ngan')}").status_code == 422
    done = bring_file(pki.certificate("real"))
    assert done.status_code == 303
    told = phong.page(done.headers["Location"]).one("main").text()
    for words in ("Chứng thư số đã được đưa vào sử dụng", "trong thiết bị của người giữ", "Nguyễn Văn Nam, Giám đốc"):
        assert words in told, words

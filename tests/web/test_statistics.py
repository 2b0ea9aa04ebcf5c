"""The figures on pages and in files: each opens as many documents as it says, for those who may, at a constant cost."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from eoffice.core.desk import scope
from eoffice.models.directory import Setting
from eoffice.models.ledger import AccessEntry, LedgerEntry
from eoffice.services import statistics
from tests.support.checking import CheckingClient, Page
from tests.web.conftest import Town
from tests.web.test_documents import SQLITE, change, listed, statements

VIEWS = ("/statistics", "/statistics/documents?measure=delivery", "/statistics/agencies.csv", "/statistics/months.csv")
FILES = ("/statistics/agencies.csv", "/statistics/months.csv", "/statistics/documents.csv?measure=delivery")


@pytest.fixture
def mai(client: CheckingClient, town: Town) -> CheckingClient:
    """The auditor of several agencies at her desk."""
    town.enter(client, "mai")
    return client


def _table(text: str, delimiter: str = ";") -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:]), delimiter=delimiter))


def _figures(page: Page) -> list[tuple[str, str]]:
    """Every link to a list with its text."""
    links = page.one("main").all("a")
    return [
        (item.attributes["href"], item.text())
        for item in links
        if item.attributes["href"].startswith("/statistics/documents?")
    ]


def _walk(client: CheckingClient, path: str) -> tuple[int, int]:
    """How many rows a list has over all its pages, and how many it says it has."""
    rows, said = 0, -1
    while path:
        page = client.page(path)
        main = page.one("main")
        rows += sum(1 for body in main.all("tbody") for _row in body.all("tr"))
        found = re.match(r"([\d.]+) (lượt gửi|văn bản)", next(iter(main.all("b"))).text())
        assert found
        said = int(found[1].replace(".", ""))
        path = next((item.attributes["href"] for item in main.all("a") if item.attributes.get("rel") == "next"), "")
    return rows, said


def _many(town: Town, number: int, slug: str = "so-noi-vu", **told: Any) -> None:
    """More deliveries than anybody would issue in a test, behind the answer's document."""
    item = {"class": "E2", "to": "Sở Y tế", "obligatory": True, **told}
    sent = [{**item, "id": str(uuid4())} for _ in range(number)]
    with town.office.write(town.system(slug), key=uuid4().hex) as desk:
        statistics.record(desk, "document.issued", {"document": str(town.answer), "deliveries": sent})


def test_the_figures_of_one_letter(hanh: CheckingClient) -> None:
    page = hanh.page("/statistics")
    tiles = [item for item in page.root.all("div") if item.attributes.get("class") == "kpi"]
    told = {item.attributes["id"]: item.text() for item in tiles}
    assert told["K1"].startswith("Hoàn toàn điện tử K1 66,7 % 2 / 3 lượt gửi")
    assert told["K2"].startswith("Điện tử kèm giấy K2 0,0 %")
    assert told["K3"].startswith("Có gửi điện tử K3 66,7 %")
    assert "đúng hạn 1, trễ hạn 0, chưa xong đã quá hạn 0" in told["K8"]
    assert "giờ" in told["K12"] and "P90" in told["K12"]
    text = page.one("main").text()
    for part in ("Mức trước đây: 8,0 giờ làm việc", "áp dụng từ 01/01/2020; nguồn:", "Cách tính", "Theo tháng"):
        assert part in text, part


@pytest.mark.parametrize("login", ["hanh", "mai"])
def test_every_figure_opens_as_many_documents_as_it_says(client: CheckingClient, town: Town, login: str) -> None:
    town.enter(client, login)
    _many(town, 53)
    page = client.page("/statistics")
    figures = _figures(page)
    lists = {href: text for href, text in figures if re.fullmatch(r"[\d.]+", text)}
    assert len(lists) > 15
    assert any(text == "53" for text in lists.values())
    for href, text in lists.items():
        assert _walk(client, href) == (int(text.replace(".", "")),) * 2, href
    for href in {href for href, _text in figures} - set(lists):
        rows, said = _walk(client, href)
        assert rows == said, href


def test_the_list_names_number_subject_recipient_class_and_day(hanh: CheckingClient, town: Town) -> None:
    text = listed(hanh.page("/statistics/documents?measure=delivery&bucket=E1&bucket=P"))
    for part in ("Sở Tài chính", "E1 hoàn toàn điện tử", "P chỉ bản giấy", "Công ty", "09/2026"):
        assert part in text, part
    page = hanh.page("/statistics/documents?measure=time.total")
    assert f"/documents/{town.arrived}" in [item.attributes["href"] for item in page.root.all("a")]
    assert "Giờ làm việc" in listed(page)


@SQLITE
@pytest.mark.parametrize("login", ["tuan", "son", "anh", "phong"])
def test_nobody_else_sees_figures(client: CheckingClient, town: Town, login: str) -> None:
    town.enter(client, login)
    for path in (*VIEWS, *FILES):
        assert client.get(path).status_code == 403, path


@SQLITE
def test_another_agency_is_nothing_one_may_know_of(hanh: CheckingClient) -> None:
    for path in (*VIEWS, *FILES):
        joined = f"{path}{'&' if '?' in path else '?'}agency="
        assert hanh.get(joined + "so-tai-chinh").status_code == 404, path
        assert hanh.get(joined + "nowhere").status_code == 404, path
        assert hanh.get(joined + "so-noi-vu").status_code == 200, path


def test_a_leader_sees_his_agency_and_the_auditor_several(client: CheckingClient, town: Town) -> None:
    town.enter(client, "dung")
    assert "K1 không có 0 / 0 lượt gửi" in client.page("/statistics").one("main").text()
    town.enter(client, "mai")
    page = client.page("/statistics?agency=so-noi-vu")
    assert "Sở Nội vụ" in page.one("main").text()
    assert len(list(client.page("/statistics").one("select").all("option"))) > 3


@pytest.mark.parametrize(
    "query",
    ["", "?from=01/01/2026&to=31/12/2026", "?from=02/03/2020&to=30/09/2026", "?from=03/08/2026&to=04/09/2026"],
)
def test_a_page_costs_ten_statements_at_most_however_much_there_is(
    mai: CheckingClient, town: Town, query: str
) -> None:
    mai.get("/account")
    town.office.tools.memory.clear()
    with statements(town) as few:
        mai.get("/statistics" + query)
    _many(town, 200)
    town.office.tools.memory.clear()
    with statements(town) as more:
        mai.get("/statistics" + query)
    with statements(town) as listed:
        mai.get("/statistics/documents?measure=delivery")
    assert len(few) == len(more) <= 10, [statement[:100] for statement in more]
    assert len(listed) <= 6, [statement[:100] for statement in listed]


@SQLITE
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("from=31/02/2026", "“31/02/2026” không phải là ngày"),
        ("from=x&to=y", "“x” không phải là ngày"),
        ("to=2026-09-01", "“2026-09-01” không phải là ngày"),
        ("from=02/09/2026&to=01/09/2026", "Kỳ kết thúc trước khi bắt đầu"),
        ("from=01/01/2010&to=01/01/2020", "Một kỳ dài nhất 10 năm lịch"),
        ("from=01/01/0001", "Một kỳ dài nhất"),
        ("to=31/12/9999", "Một kỳ dài nhất"),
    ],
)
def test_silly_dates_are_told_in_a_sentence(mai: CheckingClient, query: str, told: str) -> None:
    answer = mai.get(f"/statistics?{query}&agency=so-noi-vu")
    page = Page(answer.get_data(as_text=True))
    assert answer.status_code == 422
    alert = next(item for item in page.root.all("div") if item.attributes.get("role") == "alert")
    assert told in alert.text()
    assert any("selected" in item.attributes for item in page.one("select").all("option")), "the agency stays chosen"
    for path in FILES:
        joined = f"{path}{'&' if '?' in path else '?'}{query}"
        assert mai.get(joined).status_code == 422, path
    mai.speak("en")
    assert mai.get(f"/statistics?{query}").status_code == 422


@SQLITE
@pytest.mark.parametrize(
    ("query", "period"),
    [
        ("", ("01/09/2026", "30/09/2026")),
        ("to=15/09/2026", ("01/09/2026", "15/09/2026")),
        ("from=01/01/2026", ("01/01/2026", "30/09/2026")),
        ("to=02/02/2026", ("01/02/2026", "02/02/2026")),
        ("from=05/12/2026", ("05/12/2026", "31/12/2026")),
    ],
)
def test_one_date_is_enough(mai: CheckingClient, query: str, period: tuple[str, str]) -> None:
    boxes = mai.page(f"/statistics?{query}").root.all("input")
    given = {item.attributes.get("name"): item.attributes.get("value") for item in boxes}
    assert (given["from"], given["to"]) == period


def test_ten_years_are_told_in_ten_points(mai: CheckingClient) -> None:
    page = mai.page("/statistics?from=01/01/2017&to=31/12/2026")
    heads = [item.text() for item in list(page.root.all("thead"))[1].all("th")]
    assert heads == ["Chỉ số", *map(str, range(2017, 2026)), "2026 chưa chốt"]
    assert len(page.one("main").text()) < 6000


def test_a_period_without_anything_says_none_and_never_all(mai: CheckingClient) -> None:
    page = mai.page("/statistics?from=01/01/2020&to=31/01/2020")
    text = page.one("main").text()
    assert not re.search(r"\d %", text.split("Cách tính")[0])
    assert text.count("không có") > 5
    drawn = [item for figure in page.root.all("figure") for item in figure.all("rect", "circle", "polyline")]
    assert drawn == []


@SQLITE
@pytest.mark.parametrize(
    "query",
    ["", "measure=nothing", "measure=delivery&bucket=late", "measure=time.register", "measure=open_late&bucket=E1"],
)
def test_a_figure_that_is_none_is_not_found(mai: CheckingClient, query: str) -> None:
    for path in ("documents", "documents.csv"):
        assert mai.get(f"/statistics/{path}?{query}").status_code == 404


@SQLITE
def test_a_foreign_mark_is_refused(mai: CheckingClient) -> None:
    assert mai.get("/statistics/documents?measure=delivery&after=x").status_code == 422


def test_the_open_month_is_drawn_and_told_as_open(hanh: CheckingClient, town: Town) -> None:
    page = hanh.page("/statistics")
    figure = next(item for item in page.root.all("figure") if item.attributes["id"] == "ways")
    assert "09/2026: chưa chốt" in figure.text()
    assert next(item.attributes["class"] for item in figure.all("rect")) == "l1"
    town.step(days=40)
    town.enter(hanh, "hanh")
    page = hanh.page("/statistics?from=01/09/2026&to=30/09/2026")
    figure = next(item for item in page.root.all("figure") if item.attributes["id"] == "ways")
    assert "chưa chốt" not in page.one("main").text()
    assert next(item.attributes["class"] for item in figure.all("rect")) == "seg e1"


@pytest.mark.parametrize(
    ("locale", "words"),
    [("vi", "Hoàn toàn điện tử 66,7 % (09/2026)."), ("en", "Fully electronic 66.7% in 09/2026.")],
)
def test_each_drawing_tells_its_finding(hanh: CheckingClient, locale: str, words: str) -> None:
    hanh.speak(locale)
    page = hanh.page("/statistics")
    drawings = [item for item in page.root.all("svg") if item.attributes.get("class") == "chart"]
    assert len(drawings) == 3
    for item in drawings:
        assert [part.text() for part in item.all("title", "desc") if part.text()] != []
    assert next(drawings[0].all("desc")).text() == words
    assert len(hanh.get("/statistics").data) < 60_000


def test_without_a_former_level_no_reduction_is_told(hanh: CheckingClient, town: Town) -> None:
    with town.office.sessions.write() as session:
        session.execute(
            update(Setting).where(Setting.name == statistics.BASELINE).values(name="baseline_of_somebody_else"),
            execution_options={"synchronize_session": False},
        )
        session.commit()
    page = hanh.page("/statistics")
    assert "Chưa nhập mức thời gian xử lý trước đây" in page.one("main").text()
    assert "so với mức đó" not in page.one("main").text()


def test_k1_is_compared_only_with_a_month_that_had_deliveries(hanh: CheckingClient, town: Town) -> None:
    assert "tháng trước" not in hanh.page("/statistics").one("main").text().split("Theo tháng")[0].split("Năm nay")[1]
    town.step(days=25)
    town.enter(hanh, "hanh")
    _many(town, 3, **{"class": "E1"})
    assert "tháng trước 66,7 %, tăng 33,3 điểm" in hanh.page("/statistics").one("main").text()
    assert "điểm" not in hanh.page("/statistics?from=01/09/2026&to=31/10/2026").one("main").text().split("Cách")[0]


def test_the_ledger_is_told_whether_the_law_asked_for_paper(hanh: CheckingClient, town: Town) -> None:
    with town.office.read(town.system("so-noi-vu")) as desk:
        entry = desk.session.scalars(select(LedgerEntry).where(LedgerEntry.word == "document.issued")).one()
    sent = json.loads(entry.body)["notes"]["deliveries"]
    assert [item.get("obligatory") for item in sent if item["class"] == "P"] == [True]
    assert [item for item in sent if item["class"] == "E1" and "obligatory" in item] == []
    _many(town, 2)
    _many(town, 1, obligatory=False)
    text = hanh.page("/statistics").one("main").text()
    assert "3 / 6 lượt gửi; bắt buộc 2, không bắt buộc 1" in text
    assert "chưa phân loại" not in text


# files


@SQLITE
@pytest.mark.parametrize("path", FILES)
def test_files_are_safe_to_open(mai: CheckingClient, path: str) -> None:
    answer = mai.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert "charset=utf-8" in answer.headers["Content-Type"]
    assert re.fullmatch(r"attachment; filename=statistics-[a-z-]+-all-2026-09-01-2026-09-30\.csv",
                        answer.headers["Content-Disposition"])  # fmt: skip
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Cache-Control"] == "no-store"
    rows = _table(answer.get_data(as_text=True))
    assert len({len(row) for row in rows}) == 1 and len(rows) > 1


def test_files_tell_what_the_page_tells(mai: CheckingClient) -> None:
    rows = _table(mai.get("/statistics/agencies.csv").get_data(as_text=True))
    own = dict(zip(rows[0], next(row for row in rows if row[0] == "Sở Nội vụ"), strict=True))
    assert (own["E1"], own["P"], own["Lượt gửi"], own["K1 %"]) == ("2", "1", "3", "66,7")
    assert (own["Từ ngày"], own["Đến ngày"]) == ("01/09/2026", "30/09/2026")
    none = dict(zip(rows[0], next(row for row in rows if row[0] == "Sở Tài chính"), strict=True))
    assert (none["Lượt gửi"], none["K1 %"]) == ("0", "")
    months = _table(mai.get("/statistics/months.csv").get_data(as_text=True))
    assert len(months) == 13
    assert sum(int(row[months[0].index("Lượt gửi")]) for row in months[1:]) == 3
    mai.speak("en")
    english = _table(mai.get("/statistics/agencies.csv").get_data(as_text=True), ",")
    assert english[0][0] == "Agency"
    assert "66.7" in english[3]


def test_a_list_as_a_file_has_every_row(mai: CheckingClient, town: Town) -> None:
    _many(town, 130)
    path = "documents.csv?measure=delivery&bucket=E2&agency=so-noi-vu"
    rows = _table(mai.get(f"/statistics/{path}").get_data(as_text=True))
    assert len(rows) == 131
    assert {row[0] for row in rows[1:]} == {"Sở Nội vụ"}


FORMULAS = ["=1+1", "+84", "-2", "@SUM(A1)", "\t=1", " =cmd|' /C calc'!A0", "＝1+1", 'x;"y"\r\nz']


@SQLITE
@pytest.mark.parametrize("subject", FORMULAS)
def test_a_subject_is_never_a_formula(hanh: CheckingClient, town: Town, subject: str) -> None:
    change(town, town.answer, subject=subject)
    rows = _table(hanh.get("/statistics/documents.csv?measure=delivery&bucket=E1").get_data(as_text=True))
    at = rows[0].index("Trích yếu")
    assert {row[at] for row in rows[1:]} == {subject if subject.startswith("x") else f"'{subject}"}
    assert len({len(row) for row in rows}) == 1


def test_taking_a_list_away_is_written_into_the_access_log(hanh: CheckingClient, town: Town) -> None:
    hanh.get("/statistics/documents.csv?measure=delivery").get_data()
    hanh.application.extensions["visits"].flush()
    with town.office.read(town.system("so-noi-vu")) as desk:
        actions = [row.action for row in desk.session.scalars(scope(desk, AccessEntry))]
    assert "statistics.exported" in actions

"""The directory: what everybody may know of every agency, and what only its own people see."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from eoffice.core.text import fold
from eoffice.models.directory import Agency, Certificate, Post
from tests.support.checking import CheckingClient, Page
from tests.web.conftest import Town
from tests.web.test_documents import links, listed, statements

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def change(town: Town, statement: Any) -> None:
    with town.office.sessions.write() as session:
        session.execute(statement, execution_options={"synchronize_session": False, "scoped": True})
        session.commit()


def more(town: Town, number: int) -> None:
    """Enter more agencies than a page holds."""
    rows = [
        {
            "id": uuid4(), "slug": f"xa-{at:03}", "name": f"Xã số {at}", "short_name": f"Xã {at}", "abbreviation": "X",
            "folded_name": fold(f"Xã số {at}"), "folded_short_name": fold(f"Xã {at}"), "superior_name": "",
            "level": "commune", "kind": "commune", "place": "", "contact": "", "hosted": False,
            "exchange_mode": "paper", "valid_from": date(2020, 1, 1), "version": 1,
        }
        for at in range(number)
    ]  # fmt: skip
    with town.office.engine.begin() as connection:
        connection.execute(Agency.__table__.insert(), rows)


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_agencies_are_listed_with_identifier_level_and_channel(hanh: CheckingClient, locale: str) -> None:
    hanh.speak(locale)
    told = listed(hanh.page("/directory"))
    by_post, here = {"vi": ("Bưu chính", "Nội bộ hệ thống"), "en": ("By post", "Within this system")}[locale]
    for words in ("Sở Tài chính", "H99.10", by_post, here, {"vi": "Xã, phường", "en": "Commune"}[locale]):
        assert words in told


@pytest.mark.parametrize("words", ["so tai chinh", "SỞ TÀI CHÍNH", "Sở Tài chính", "h99.10", "chinh tai"])
def test_it_is_searched_with_and_without_diacritics(hanh: CheckingClient, words: str) -> None:
    assert links(hanh.page("/directory", query_string={"q": words})) == ["/directory/so-tai-chinh"]


@SQLITE
@pytest.mark.parametrize("words", ["%", "_", "\\", "không có ai"])
def test_signs_of_a_pattern_are_letters_like_others(hanh: CheckingClient, words: str) -> None:
    assert "Không có cơ quan nào khớp" in hanh.page("/directory", query_string={"q": words}).one("main").text()


def test_pages_join_without_gap_or_overlap(hanh: CheckingClient, town: Town) -> None:
    more(town, 120)
    found, path = [], "/directory"
    while path:
        page = hanh.page(path)
        found += links(page)
        path = next(
            (item.attributes["href"] for item in page.one("main").all("a") if item.attributes.get("rel") == "next"), ""
        )
    assert len(found) == len(set(found)) == 127


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_the_own_agency_tells_posts_roles_authority_and_certificates(hanh: CheckingClient, locale: str) -> None:
    hanh.speak(locale)
    told = hanh.page("/directory/so-noi-vu").one("main").text()
    capacity, use = {"vi": ("ký thay (KT.)", "Đang dùng"), "en": ("in place of the head (KT.)", "In use")}[locale]
    for words in ("Nguyễn Văn Nam", "Giám đốc", "Lê Minh Tuấn", "Phòng Văn thư - Lưu trữ", capacity, use, "H99.09"):
        assert words in told, words


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_of_another_agency_only_the_head_is_told(hanh: CheckingClient, town: Town, locale: str) -> None:
    hanh.speak(locale)
    page = hanh.page("/directory/so-tai-chinh")
    told = page.one("main").text()
    assert "H99.10" in told
    names = [account.name for account in people(town, "so-tai-chinh")]
    assert sum(name in told for name in names) == 1
    assert len(names) > 2
    assert not list(page.one("main").all("table"))


def people(town: Town, slug: str) -> list[Any]:
    from eoffice.services import directory

    with town.office.read(town.system(slug)) as desk:
        return [seat.named for seat in directory.staff(desk, town.agency(slug))]


def test_the_auditor_sees_the_agencies_he_reads(client: CheckingClient, town: Town) -> None:
    town.enter(client, "mai")
    told = client.page("/directory/so-tai-chinh").one("main").text()
    assert all(named.name in told for named in people(town, "so-tai-chinh"))


@SQLITE
def test_people_of_the_own_agency_are_searched(hanh: CheckingClient) -> None:
    for words in ("le minh tuan", "Tuấn", "van thu luu tru"):
        assert "Lê Minh Tuấn" in hanh.page("/directory/so-noi-vu", query_string={"q": words}).one("main").text()
    told = hanh.page("/directory/so-noi-vu?q=zzz").one("main").text()
    assert "Không có ai khớp" in told


@SQLITE
def test_who_has_left_is_not_listed_and_old_certificates_say_so(hanh: CheckingClient, town: Town) -> None:
    now = town.clock.now()
    change(town, update(Post).where(Post.id == town.post("tuan")).values(valid_to=now.date() - timedelta(days=2)))
    change(town, update(Certificate).where(Certificate.post_id == town.post("nam")).values(valid_to=now))
    change(town, update(Certificate).where(Certificate.post_id == town.post("ngan")).values(status="revoked"))
    town.step(hours=1)
    told = hanh.page("/directory/so-noi-vu").one("main").text()
    assert "Lê Minh Tuấn" not in told
    assert "Hết hạn" in told
    assert "Đã thu hồi" in told


def test_it_costs_the_same_however_many(hanh: CheckingClient, town: Town) -> None:
    more(town, 120)
    for path in ("/directory", "/directory?q=xa", "/directory/so-noi-vu", "/directory/so-tai-chinh"):
        with statements(town) as seen:
            assert hanh.get(path).status_code == 200
        assert len(seen) <= 10, "\n".join(seen)


@SQLITE
def test_what_is_not_there_is_404(hanh: CheckingClient) -> None:
    assert hanh.get("/directory/nowhere").status_code == 404
    assert hanh.get("/directory?after=nowhere").status_code == 200
    assert Page(hanh.get("/directory/so-noi-vu?after=x").get_data(as_text=True)).one("h1").text() == "Sở Nội vụ"

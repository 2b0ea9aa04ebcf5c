"""Certificates from a list: each row is told what becomes of it, and the same list makes nothing twice."""

from __future__ import annotations

import io
from typing import Any

import pytest
from openpyxl import Workbook

from eoffice.core.errors import FileRefused, InvalidInput
from eoffice.jobs.worker import drain
from eoffice.models.certificates import CertificateRequest
from eoffice.models.directory import Certificate
from eoffice.services import certificate_lists, certificate_requests
from eoffice.services.certificate_lists import Row, ask
from tests.support.world import World, snapshot

HEAD = "Tên đăng nhập;Họ và tên;Chức vụ;Mục đích\n"


def checked(world: World, text: str) -> list[tuple[int, str, str]]:
    with world.office.read(world.actor("phong")) as desk:
        found = certificate_lists.check(desk, certificate_lists.read(desk, (HEAD + text).encode()))
    return [(item.row.number, item.state, item.why) for item in found]


def send(world: World, key: str, rows: tuple[Row, ...], **more: Any) -> None:
    world.office.do(world.actor("phong"), ask, key=key, rows=rows, **more)


def test_each_row_is_told_what_becomes_of_it(bare_world: World) -> None:
    text = (
        "nam;Nguyễn Văn Nam;Giám đốc;Người ký\n"
        "NGAN;phạm thị kim ngân;;người ký\n"
        "hanh;;;Ký số cơ quan\n"
        ";;;Gửi, nhận\n"
        "nam;;;Người ký\n"
        "tuan;;;Người ký\n"
        "hanh;;;Người ký\n"
        "dung;;;Người ký\n"
        "nam;Nguyễn Văn Năm Hai;;Người ký\n"
        "nam;;;Đóng dấu\n"
        "=1+1;;;Người ký\n"
    )
    lists = certificate_lists
    assert checked(bare_world, text) == [
        (2, "new", ""),
        (3, "new", ""),
        (4, "new", ""),
        (5, "new", ""),
        (6, "skipped", lists.TWICE),
        (7, "wrong", lists.NOT_ABLE),
        (8, "wrong", lists.NOT_ABLE),
        (9, "wrong", lists.NO_LOGIN),
        (10, "wrong", lists.OTHER_NAME),
        (11, "wrong", lists.NO_PURPOSE),
        (12, "wrong", lists.NO_LOGIN),
    ]


def test_a_workbook_is_read_in_the_child_like_the_same_list_as_csv(bare_world: World) -> None:
    rows = [("nam", "Nguyễn Văn Nam", "", "Người ký"), ("", "", "", "Gửi, nhận"), (7, True, None, "Người ký")]
    book, out = Workbook(), io.BytesIO()
    for row in (HEAD.strip().split(";"), *rows):
        book.active.append(row)
    book.save(out)
    with bare_world.office.read(bare_world.actor("phong")) as desk:
        found = certificate_lists.read(desk, out.getvalue())
        assert found[:2] == certificate_lists.read(
            desk, (HEAD + "nam;Nguyễn Văn Nam;;Người ký\n;;;Gửi, nhận\n").encode()
        )
        assert found[2] == Row(4, "7", "TRUE", "Người ký")
        with pytest.raises(FileRefused) as refused:
            certificate_lists.read(desk, out.getvalue()[:-40])
    assert refused.value.code == "sheet_refused"


@pytest.mark.parametrize("text", ["a;b\n1;2\n", "Tên đăng nhập\nnam\n", ""])
def test_a_list_without_the_headings_is_refused(bare_world: World, text: str) -> None:
    with bare_world.office.read(bare_world.actor("phong")) as desk, pytest.raises(FileRefused):
        certificate_lists.read(desk, text.encode())


def test_the_template_is_a_list_without_a_wrong_row(bare_world: World) -> None:
    with bare_world.office.read(bare_world.actor("phong")) as desk:
        rows = certificate_lists.suggested(desk)
    words = {"leader": "Người ký", "seal": "Ký số cơ quan", "exchange": "Gửi, nhận"}
    text = "".join(f"{login};{name};{title};{words[purpose]}\n" for login, name, title, purpose in rows)
    assert {state for _number, state, _why in checked(bare_world, text)} == {"new"}


def test_the_same_list_makes_nothing_twice(world: World) -> None:
    rows = (Row(2, "nam", "", "Người ký"), Row(3, "", "", "Gửi, nhận"))
    with world.office.sessions.write() as session:  # so that new ones are wanted
        from sqlalchemy import update

        ends = update(Certificate).values(valid_to=world.clock.now())
        session.execute(ends, execution_options={"synchronize_session": False, "scoped": True})
        session.commit()
    before = snapshot(world, Certificate)
    send(world, "one", rows, issue=True)
    send(world, "one", rows, issue=True)
    assert snapshot(world, CertificateRequest) == 2
    for key in ("two", "three"):
        with pytest.raises(InvalidInput) as refused:
            send(world, key, rows)
        assert refused.value.code == "list_done"
        drain(world.office)
    assert snapshot(world, CertificateRequest) == 2
    assert snapshot(world, Certificate) == before + 2
    with world.office.read(world.actor("phong")) as desk:
        assert certificate_requests.request_counts(desk)["issued"] == 2


def test_one_wrong_row_stops_the_whole_list(bare_world: World) -> None:
    rows = (Row(2, "nam", "", "Người ký"), Row(3, "tuan", "", "Người ký"))
    with pytest.raises(InvalidInput) as refused:
        send(bare_world, "wrong", rows)
    assert (refused.value.code, refused.value.facts["number"]) == ("list_wrong", 3)
    assert snapshot(bare_world, CertificateRequest) == 0


def test_without_a_test_authority_nothing_is_issued(bare_world: World) -> None:
    with pytest.raises(InvalidInput) as refused:
        send(bare_world, "none", (Row(2, "nam", "", "Người ký"),), issue=True)
    assert refused.value.code == "no_test_authority"

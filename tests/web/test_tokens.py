"""Keys that lie with their holders, by the forms: what the page's script is told, and the way without scripts."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from eoffice.cli.staff import Staff
from eoffice.services.incoming import main_file
from signing.keys import SoftKey
from signing.results import Verdict
from signing.sign import Request, sign
from signing.verify import verify
from tests.services.test_annexes import add
from tests.support.checking import CheckingClient
from tests.support.elsewhere import on_a_token
from tests.support.letters import approved, at_work, content
from tests.support.papers import annex_pdf
from tests.web.conftest import Town
from tests.web.test_issuing import form as issue_form
from tests.web.test_issuing import signed
from tests.web.test_sign import approve, form, pass_on, where

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def staff(town: Town) -> Iterator[Staff]:
    with at_work(town) as staff:
        yield staff


@pytest.fixture
def nam(client: CheckingClient, town: Town, staff: Staff) -> CheckingClient:
    town.enter(client, "nam")
    return client


@pytest.fixture
def key(staff: Staff) -> SoftKey:
    return on_a_token(staff.office, "leader-nam")


def offers(client: CheckingClient) -> list[str]:
    """Where the signing list asks what the token has to sign."""
    boxes = client.page("/sign/unlock").one("main").all("input")
    return [box.attributes["data-offer"] for box in boxes if "data-offer" in box.attributes]


def values(told: list[dict[str, str]], key: SoftKey) -> list[str]:
    """What the script brings back of what the token answers."""
    raw = [key.sign(base64.b64decode(one["data"]), digest=one["digest"]) for one in told]
    return [f"{one['prepared']}:{base64.b64encode(value).decode()}" for one, value in zip(told, raw, strict=True)]


def file_of(staff: Staff, letter: UUID, stage: str) -> bytes:
    file = main_file(staff.document("hanh", letter), stage)
    assert file is not None
    return staff.office.files.read(file.sha256)


def with_annexes(staff: Staff, number: int) -> UUID:
    """A letter with annexes in files of their own, signed by the director."""
    letter = staff.draft("tuan", content(staff)).id
    for place in range(number):
        add(staff, letter, annex_pdf(f"Bảng {place + 1}"), f"Phụ lục {place + 1}.pdf")
    pass_on(staff, letter)
    staff.sign("nam", letter)
    return letter


def test_the_list_is_signed_by_a_token(nam: CheckingClient, staff: Staff, key: SoftKey) -> None:
    letters = [approved(staff) for _ in range(2)]
    for letter in letters:
        approve(nam, letter)
    page = nam.page("/sign/unlock")
    sent = form(page, "/sign/unlock")
    assert "password" not in sent
    for offer in offers(nam):
        told = nam.post(offer, data=sent)
        assert told.status_code == 200
        (one,) = told.json
        assert set(one) == {"prepared", "certificate", "data", "digest", "mechanism"}
        again = nam.post(offer.replace("/offer", "/value"), data={**sent, "value": values(told.json, key)})
        assert (again.status_code, again.json) == (200, {})
    assert [staff.document("hanh", letter).state for letter in letters] == ["signed", "signed"]
    assert nam.get("/sign/progress?state=signed").get_data(as_text=True).count("Đã ký") >= 2


@SQLITE
def test_only_a_page_that_signs_with_a_token_reaches_beyond_the_office(
    nam: CheckingClient, staff: Staff, key: SoftKey
) -> None:
    approve(nam, approved(staff))
    policies = [nam.get(path).headers["Content-Security-Policy"] for path in ("/sign/unlock", "/account")]
    assert policies[0] == f"{policies[1]}; connect-src 'self' http://127.0.0.1:14407"


@SQLITE
def test_the_script_is_told_what_went_wrong(nam: CheckingClient, staff: Staff, town: Town, key: SoftKey) -> None:
    letter = approved(staff)
    approve(nam, letter)
    sent = form(nam.page("/sign/unlock"), "/sign/unlock")
    (offer,) = offers(nam)
    told = nam.post(offer, data=sent).json
    bring = offer.replace("/offer", "/value")
    for value, status in (([], 422), (["x"], 422), ([f"{uuid4()}:AAAA"], 404), ([f"{told[0]['prepared']}:AAAA"], 422)):
        answer = nam.post(bring, data={**sent, "value": value})
        assert (answer.status_code, list(answer.json)) == (status, ["error"])
        assert answer.json["error"][0].isupper()
    for path in (f"/sign/items/{uuid4()}/offer", f"/sign/items/{uuid4()}/value"):
        assert nam.post(path, data={**sent, "value": values(told, key)}).status_code == 404
    town.step(minutes=11)
    late = nam.post(bring, data={**sent, "value": values(told, key)})
    assert (late.status_code, "mười phút" in late.json["error"]) == (422, True)
    assert staff.document("hanh", letter).state == "format_ok"


def test_without_scripts_the_file_is_carried(nam: CheckingClient, staff: Staff, key: SoftKey) -> None:
    letter = approved(staff)
    approve(nam, letter)
    answer = nam.post("/sign/unlock", data=form(nam.page("/sign/unlock"), "/sign/unlock"))
    assert answer.status_code == 422
    assert "thiết bị ký do người ký giữ" in answer.get_data(as_text=True)
    links = [a.attributes["href"] for a in nam.page("/sign/unlock").one("main").all("a")]
    (path,) = (link for link in links if link.endswith("/file"))
    page = nam.page(path)
    download = next(a.attributes["href"] for a in page.one("main").all("a") if "/files/" in a.attributes["href"])
    draft = nam.get(download).data
    trust, at = staff.office.trust(), staff.office.clock.now()
    back = sign(draft, key, Request("leader", kind="certification"), trust, at=at).pdf

    def bring(pdf: bytes) -> Any:
        return nam.post(path, data={**form(nam.page(path), "/file"), "file": (io.BytesIO(pdf), "ký.pdf")})

    for wrong in (draft, b"no PDF at all", b"", back[:-300]):
        answer = bring(wrong)
        assert answer.status_code == 422
        assert staff.document("hanh", letter).state == "format_ok"
    assert where(bring(back)) == "/sign/progress?state=signed"
    assert staff.document("hanh", letter).state == "signed"
    assert file_of(staff, letter, "signed").startswith(back)


def test_the_clerk_s_token_seals_in_one_gesture(client: CheckingClient, town: Town, staff: Staff) -> None:
    letter = signed(staff)
    seal = on_a_token(staff.office, "seal-so-noi-vu")
    town.enter(client, "hanh")
    page = client.page(f"/issue/{letter}")
    sent = issue_form(page)
    offer = next(item for item in page.root.all("form") if "data-offer" in item.attributes).attributes["data-offer"]
    told = client.post(offer, data=sent)
    assert told.status_code == 200
    assert staff.document("hanh", letter).state == "numbered"
    answer = client.post(f"/issue/{letter}", data={**sent, "value": values(told.json, seal)})
    assert where(answer) == f"/documents/{letter}/deliveries"
    assert staff.document("hanh", letter).state == "issued"
    twice = client.post(f"/issue/{letter}", data={**sent, "value": values(told.json, seal)})
    assert where(twice) == f"/documents/{letter}/deliveries"
    assert len([file for file in staff.document("hanh", letter).files if file.stage == "sealed"]) == 1


def test_the_clerk_s_program_seals_a_file(client: CheckingClient, town: Town, staff: Staff) -> None:
    letter = signed(staff)
    seal = on_a_token(staff.office, "seal-so-noi-vu")
    town.enter(client, "hanh")
    assert client.get(f"/issue/{letter}/handed-out.pdf").status_code == 404
    refused = client.post(f"/issue/{letter}", data=issue_form(client.page(f"/issue/{letter}")))
    assert refused.status_code == 422
    assert staff.document("hanh", letter).number is None, "no number is given for what cannot be sealed"
    sent = issue_form(client.page(f"/issue/{letter}"))
    assert where(client.post(f"/issue/{letter}/hand-out", data=sent)) == f"/issue/{letter}#elsewhere"
    out = client.get(f"/issue/{letter}/handed-out.pdf")
    assert out.headers["Content-Disposition"].startswith("attachment")
    trust, at = staff.office.trust(), staff.office.clock.now()
    back = sign(out.data, seal, Request("agency", lock_all=True), trust, at=at).pdf

    def bring(pdf: bytes) -> Any:
        page = client.page(f"/issue/{letter}")
        return client.post(
            f"/issue/{letter}/file", data={**form(page, "/file"), "file": (io.BytesIO(pdf), "đóng dấu.pdf")}
        )

    assert bring(out.data).status_code == 422
    assert staff.document("hanh", letter).state == "numbered"
    assert where(bring(back)) == f"/documents/{letter}/deliveries"
    document = staff.document("hanh", letter)
    assert (document.state, document.number) == ("issued", 2)
    town.enter(client, "tuan")
    assert client.get(f"/issue/{letter}/handed-out.pdf").status_code == 403


@SQLITE
def test_one_press_of_the_token_signs_the_annexes_too(client: CheckingClient, town: Town, staff: Staff) -> None:
    letter = with_annexes(staff, 2)
    seal = on_a_token(staff.office, "seal-so-noi-vu")
    town.enter(client, "hanh")
    sent = issue_form(client.page(f"/issue/{letter}"))
    refused = client.post(f"/issue/{letter}/hand-out", data=sent)
    assert (refused.status_code, "phụ lục" in refused.get_data(as_text=True)) == (422, True)
    assert staff.document("hanh", letter).number is None
    told = client.post(f"/issue/{letter}/offer", data=sent).json
    assert len(told) == 3
    short = client.post(f"/issue/{letter}", data={**sent, "value": values(told, seal)[:2]})
    assert short.status_code == 422
    assert staff.document("hanh", letter).state == "numbered"
    assert where(client.post(f"/issue/{letter}", data={**sent, "value": values(told, seal)}))
    files = [file for file in staff.document("hanh", letter).files if file.stage == "sealed"]
    assert sorted(file.role for file in files) == ["annex", "annex", "main"]
    for file in files:
        found = verify(staff.office.files.read(file.sha256), staff.office.trust(), at=staff.office.clock.now())
        assert found.verdict is Verdict.PASSED

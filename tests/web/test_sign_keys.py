"""Leaders whose keys lie in an HSM (SoftHSM 2) or with a signing service: brought in, unlocked once, used, failed."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from eoffice.cli.staff import Staff
from eoffice.core.desk import scope
from eoffice.jobs.worker import drain
from eoffice.models.directory import Certificate
from eoffice.services import search
from eoffice.services.incoming import main_file
from signing.pki import Holder, Pki
from signing.results import Verdict
from signing.verify import verify
from tests.support.checking import CheckingClient, Page, filled
from tests.support.csc import RemoteService
from tests.support.letters import approved, at_work
from tests.support.tokens import FEW, FINAL, PIN, WRONG, Drawer
from tests.web.conftest import Town
from tests.web.test_issuing import press as issue
from tests.web.test_sign import approve, items, main, press, unlock, where

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
TOKEN = "the-access-token-4711"


@pytest.fixture
def drawer(softhsm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drawer:
    found = Drawer.make(softhsm, tmp_path)
    monkeypatch.setenv("SOFTHSM2_CONF", str(found.conf))
    return found


@pytest.fixture
def pki(town: Town) -> Pki:
    return Pki.load(town.office.settings.pki)


@pytest.fixture
def staff(town: Town, drawer: Drawer) -> Iterator[Staff]:
    """Everybody at work, with an agent that knows where the tokens are."""
    assert drawer
    with at_work(town) as staff:
        yield staff


@pytest.fixture
def nam(client: CheckingClient, town: Town, staff: Staff) -> CheckingClient:
    assert staff
    town.enter(client, "nam")
    return client


@pytest.fixture
def phong(app: Flask, town: Town) -> CheckingClient:
    """The administrator, in a browser of his own."""
    found = app.test_client()
    assert isinstance(found, CheckingClient)
    town.enter(found, "phong")
    return found


def issued(
    town: Town, pki: Pki, name: str, holder: str = "Nguyễn Văn Nam", *, template: str = "leader", **more: object
) -> Any:
    """Have the authority certify a key; returns the private key, which no file of the agent holds any more."""
    made = Holder(name, holder, "Sở Nội vụ", template=template, overrides={"begins_days": -1, **more})
    pki.issue([made], at=town.clock.now())
    private = pki.key(name)
    (pki.keys_dir / f"{name}.key").unlink()
    return private


def describe(pki: Pki, name: str, **facts: object) -> None:
    # the strings of JSON are strings of TOML
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in facts.items())
    (pki.keys_dir / f"{name}.toml").write_text(text)


@pytest.fixture
def in_hsm(town: Town, pki: Pki, drawer: Drawer) -> str:
    """A key of the director in the HSM of the office."""
    drawer.token({7: issued(town, pki, "nam-hsm")._private})
    describe(pki, "nam-hsm", kind="pkcs11", address=drawer.address(7))
    return "nam-hsm"


@pytest.fixture
def remote(town: Town, pki: Pki) -> RemoteService:
    return RemoteService({"cred-1": issued(town, pki, "nam-remote")}, token=TOKEN, pin=PIN, otps=None)


@pytest.fixture
def with_service(remote: RemoteService, pki: Pki, tmp_path: Path) -> Iterator[str]:
    """A key of the director with a signing service."""
    with remote.secured(tmp_path) as (url, root):
        told(pki, url, root)
        yield "nam-remote"


def told(pki: Pki, url: str, root: Path) -> None:
    (pki.keys_dir / "access-token").write_text(TOKEN)
    (pki.keys_dir / "access-token").chmod(0o600)
    describe(
        pki, "nam-remote", kind="csc", url=url, credential="cred-1", access_token="access-token", root=str(root)
    )


def bring(client: CheckingClient, town: Town, data: bytes, **more: str) -> Any:
    """Bring a certificate in by the page of the office; its key lies with the agent."""
    action = "/certificates/bring-in"
    page = client.page(action)
    form = filled(next(form for form in page.root.all("form") if form.attributes.get("action") == action))
    given: dict[str, Any] = form | {"whom": f"leader:{town.post('nam')}", "storage": "agent"} | more
    return client.post(action, data=given | {"file": (io.BytesIO(data), "nam.cer")})


def full(pki: Pki, name: str) -> bytes:
    """A certificate with its issuers, as the issuer gives them."""
    return (pki.keys_dir / f"{name}.crt").read_bytes()


def listed(staff: Staff, nam: CheckingClient, count: int = 2) -> list[UUID]:
    """Documents in the director's signing list."""
    letters = [approved(staff) for _ in range(count)]
    for letter in letters:
        assert approve(nam, letter).status_code == 303
    return letters


def in_use(town: Town, name: str) -> Certificate:
    with town.office.read(town.actor("phong")) as desk:
        rows = desk.session.scalars(scope(desk, Certificate).where(Certificate.key_name == name))
        return rows.one()


def check_signed(town: Town, letters: list[UUID], row: Certificate, pdfsig: Path, folder: Path) -> None:
    """Each is signed by this certificate, and two who do not know of each other say so."""
    with town.office.read(town.actor("hanh")) as desk:
        files = [main_file(search.document(desk, letter), "signed") for letter in letters]
        trust = desk.tools.trust()
    for file in files:
        assert file is not None
        pdf = town.office.files.read(file.sha256)
        found = verify(pdf, trust, at=town.clock.now())
        assert (found.verdict, found.signatures[0].signer) == (Verdict.PASSED, row.name)
        (folder / "signed.pdf").write_bytes(pdf)
        command = [str(pdfsig), "-nocert", str(folder / "signed.pdf")]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        assert "Signature is Valid" in said, said


@pytest.mark.parametrize(
    ("where_it_lies", "kind", "words"),
    [
        ("in_hsm", "hsm", "trong thiết bị HSM hoặc thiết bị ký của hệ thống này"),
        ("with_service", "service", "tại dịch vụ ký số từ xa"),
    ],
    ids=["hsm", "service"],
)
def test_brought_in_unlocked_once_and_two_are_signed(
    where_it_lies: str, kind: str, words: str, request: pytest.FixtureRequest, nam: CheckingClient,
    phong: CheckingClient, town: Town, staff: Staff, pki: Pki, pdfsig: Path, tmp_path: Path,
) -> None:  # fmt: skip
    name = request.getfixturevalue(where_it_lies)
    page = phong.page(where(bring(phong, town, full(pki, name))))
    for text in (words, "Nguyễn Văn Nam, Giám đốc"):
        assert text in page.one("main").text()
    row = in_use(town, name)
    assert (row.storage, row.origin) == (kind, "imported")
    letters = listed(staff, nam)
    assert where(unlock(nam, PIN)) == "/sign/progress"
    assert drain(town.office) == 2
    assert "2 trong 2 đã ký" in main(nam.page("/sign/progress"))
    check_signed(town, letters, row, pdfsig, tmp_path)


@pytest.mark.parametrize("where_it_lies", ["in_hsm", "with_service"], ids=["hsm", "service"])
@SQLITE
def test_a_wrong_pin_is_told_tried_once_and_shown_nowhere(
    where_it_lies: str, request: pytest.FixtureRequest, nam: CheckingClient, phong: CheckingClient, town: Town,
    staff: Staff, pki: Pki, drawer: Drawer, remote: RemoteService,
) -> None:  # fmt: skip
    where(bring(phong, town, full(pki, request.getfixturevalue(where_it_lies))))
    listed(staff, nam, 1)
    answer = unlock(nam, WRONG)
    assert answer.status_code == 422
    text = answer.get_data(as_text=True)
    assert "Mã PIN của khóa ký không đúng; chưa ký gì và hệ thống không tự thử lại" in text
    assert ">Mã PIN của khóa ký</label>" in text
    assert WRONG not in text
    if where_it_lies == "in_hsm":
        assert drawer.flags == FEW
        drawer.flags = FINAL
        answer = unlock(nam, PIN)
        assert "chỉ còn một lần nhập mã PIN" in answer.get_data(as_text=True)
        assert drawer.flags == FINAL, "the last try was left to its holder"
        drawer.flags = 0
    else:
        assert remote.wrong_pins == 1
    assert states(town) == ["listed"]
    where(unlock(nam, PIN))
    drain(town.office)
    assert states(town) == ["signed"]


def states(town: Town) -> list[str]:
    return sorted(item.state for item in items(town))


def one_by_one(town: Town, between: Callable[[], None]) -> None:
    """Have the first of a batch signed, let something happen, and go on."""
    stamper, happened = town.office.tsa, []
    assert stamper is not None

    def watching() -> Any:  # it is asked for before each signature
        if not happened and "signed" in states(town):
            happened.append(True)
            between()
        return stamper()

    town.office.tsa = watching
    drain(town.office)
    town.office.tsa = stamper
    assert happened


def test_the_token_is_pulled_out_between_two_documents(
    in_hsm: str, nam: CheckingClient, phong: CheckingClient, town: Town, staff: Staff, pki: Pki, drawer: Drawer,
    pdfsig: Path, tmp_path: Path,
) -> None:  # fmt: skip
    where(bring(phong, town, full(pki, in_hsm)))
    letters = listed(staff, nam, 3)
    where(unlock(nam, PIN))
    one_by_one(town, drawer.pull_out)
    assert states(town) == ["failed", "failed", "signed"]
    page = nam.page("/sign/progress?state=failed")
    assert "Thiết bị ký không còn trả lời" in main(page)
    asked = where(press(nam, page, "/sign/retry"))
    assert asked.startswith("/sign/unlock?item="), "an opened key that is lost is not tried for ever"
    answer = press(nam, nam.page(asked), "/sign/unlock", password=PIN)
    assert answer.status_code == 422
    assert "Không tìm thấy thiết bị ký" in answer.get_data(as_text=True)
    drawer.plug_in()
    where(press(nam, nam.page(asked), "/sign/unlock", password=PIN))
    drain(town.office)
    assert states(town) == ["signed"] * 3
    check_signed(town, letters, in_use(town, in_hsm), pdfsig, tmp_path)


def test_the_service_is_down_between_two_documents(
    remote: RemoteService, nam: CheckingClient, phong: CheckingClient, town: Town, staff: Staff, pki: Pki,
    pdfsig: Path, tmp_path: Path,
) -> None:  # fmt: skip
    serving = remote.secured(tmp_path)
    url, root = serving.__enter__()
    told(pki, url, root)
    where(bring(phong, town, full(pki, "nam-remote")))
    letters = listed(staff, nam)
    where(unlock(nam, PIN))
    one_by_one(town, lambda: serving.__exit__(None, None, None))
    assert states(town) == ["failed", "signed"]
    page = nam.page("/sign/progress?state=failed")
    assert "Dịch vụ ký số từ xa không trả lời" in main(page)
    listed(staff, nam, 1)
    answer = unlock(nam, PIN)
    assert answer.status_code == 503
    assert "Dịch vụ ký số từ xa không trả lời" in answer.get_data(as_text=True)
    with remote.secured(tmp_path, int(url.split(":")[2].split("/")[0])):
        assert where(press(nam, page, "/sign/retry")) == "/sign/progress", "the key is still open"
        drain(town.office)
    assert states(town) == ["listed", "signed", "signed"]
    check_signed(town, letters, in_use(town, "nam-remote"), pdfsig, tmp_path)


def test_leader_and_seal_at_one_hsm_two_kinds_of_signature(
    app: Flask, nam: CheckingClient, phong: CheckingClient, town: Town, staff: Staff, pki: Pki, drawer: Drawer,
    pdfsig: Path, tmp_path: Path,
) -> None:  # fmt: skip
    """The director's key is open while the clerk's is; the seal's is RSA and signs with PSS."""
    seal = issued(town, pki, "seal-hsm", "Sở Nội vụ", template="seal", key="rsa2048")
    drawer.token({1: issued(town, pki, "nam-hsm")._private, 2: seal._private})
    describe(pki, "nam-hsm", kind="pkcs11", module=str(drawer.module), token="An Bình", id="01")
    describe(pki, "seal-hsm", kind="pkcs11", module=str(drawer.module), token="An Bình", id="02", pss=True)
    where(bring(phong, town, full(pki, "nam-hsm")))
    where(bring(phong, town, full(pki, "seal-hsm"), whom=f"seal:{town.post('hanh')}"))
    (letter,) = listed(staff, nam, 1)
    where(unlock(nam, PIN))
    drain(town.office)
    hanh = app.test_client()
    assert isinstance(hanh, CheckingClient)
    town.enter(hanh, "hanh")
    assert issue(hanh, letter, password=WRONG).status_code == 422
    assert staff.document("hanh", letter).state == "signed", "no number was spent"
    where(issue(hanh, letter, password=PIN))
    assert staff.document("hanh", letter).state == "issued"
    with town.office.read(town.actor("hanh")) as desk:
        file, trust = main_file(search.document(desk, letter), "sealed"), desk.tools.trust()
    assert file is not None
    pdf = town.office.files.read(file.sha256)
    found = verify(pdf, trust, at=town.clock.now())
    assert found.verdict is Verdict.PASSED
    assert [one.signer for one in found.signatures] == [in_use(town, name).name for name in ("nam-hsm", "seal-hsm")]
    assert "PSS" in found.signatures[1].algorithm
    (tmp_path / "sealed.pdf").write_bytes(pdf)
    command = [str(pdfsig), "-nocert", str(tmp_path / "sealed.pdf")]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert said.count("Signature is Valid") == 2, said


@SQLITE
def test_revoked_means_closed_wherever_the_key_lies(
    in_hsm: str, nam: CheckingClient, phong: CheckingClient, town: Town, staff: Staff, pki: Pki
) -> None:
    page = where(bring(phong, town, full(pki, in_hsm)))
    listed(staff, nam, 1)
    where(unlock(nam, PIN))
    (item,) = items(town)
    agent = town.office.agent()
    assert len(agent.status(item.shown["sign_in"])) == 1
    where(press(phong, phong.page(page), "/revoke", reason="Mất thiết bị", reported="08/09/2026"))
    assert agent.status(item.shown["sign_in"]) == []
    drain(town.office)
    assert states(town) == ["failed"]


@SQLITE
def test_a_service_that_talks_rubbish_signs_nothing(
    with_service: str, remote: RemoteService, nam: CheckingClient, phong: CheckingClient, town: Town, staff: Staff,
    pki: Pki,
) -> None:  # fmt: skip
    where(bring(phong, town, full(pki, with_service)))
    listed(staff, nam)
    honest = remote.spoil
    remote.spoil = lambda *_: b"<html>"
    answer = unlock(nam, PIN)
    assert answer.status_code == 422
    assert "trả lời sai quy cách" in answer.get_data(as_text=True)
    remote.spoil = honest
    where(unlock(nam, PIN))
    remote.spoil = lambda method, answer: (
        b'{"signatures": ["AAAA"]}' if method == "signatures/signHash" else honest(method, answer)
    )
    drain(town.office)
    assert [(item.state, item.code) for item in items(town)] == [("failed", "value_wrong")] * 2
    assert {staff.document("nam", item.document_id).state for item in items(town)} == {"format_ok"}


@SQLITE
def test_a_key_the_agent_does_not_hold_is_refused(
    in_hsm: str, nam: CheckingClient, phong: CheckingClient, town: Town, pki: Pki
) -> None:
    assert nam
    issued(town, pki, "nowhere")
    answer = bring(phong, town, full(pki, "nowhere"))
    assert answer.status_code == 422
    assert "không có khóa của chứng thư số này" in answer.get_data(as_text=True)
    own = full(pki, in_hsm)
    description = (pki.keys_dir / f"{in_hsm}.toml").read_text()
    (pki.keys_dir / f"{in_hsm}.toml").write_text("kind = 'pkcs11'\n")
    answer = bring(phong, town, own)
    assert answer.status_code == 422
    assert "Tệp mô tả nơi giữ khóa (.toml) không dùng được" in answer.get_data(as_text=True)
    (pki.keys_dir / f"{in_hsm}.toml").write_text(description)
    assert bring(phong, town, own, storage="service").status_code == 422, "a place nobody can reach is none"
    where(bring(phong, town, own))


@SQLITE
def test_a_key_known_with_another_certificate_is_told(
    nam: CheckingClient, phong: CheckingClient, town: Town, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate was renewed for the same key, and the agent still has the old one."""
    assert nam
    same = issued(town, pki, "first")._private
    pki.issue([Holder("first-b", "Nguyễn Văn Nam", "Sở Nội vụ", overrides={"begins_days": -1})], at=town.clock.now())
    monkeypatch.setattr("signing.pki.generate", lambda _algorithm: same)
    pki.issue([Holder("second", "Nguyễn Văn Nam", "Sở Nội vụ", overrides={"begins_days": -1})], at=town.clock.now())
    renewed = full(pki, "second")
    shutil.copy(pki.keys_dir / "first.crt", pki.keys_dir / "second.crt")
    answer = bring(phong, town, renewed)
    assert answer.status_code == 422
    assert "với một chứng thư số khác" in answer.get_data(as_text=True)
    assert "“second”" in Page(answer.get_data(as_text=True)).one("main").text()
    (pki.keys_dir / "second.crt").write_bytes(renewed)
    where(bring(phong, town, renewed))
    assert in_use(town, "second").storage == "agent"


@SQLITE
def test_without_the_agent_it_is_said(phong: CheckingClient, town: Town, pki: Pki) -> None:
    issued(town, pki, "real")
    answer = bring(phong, town, full(pki, "real"))
    assert answer.status_code == 503
    assert "Bộ giữ khóa không hoạt động" in answer.get_data(as_text=True)

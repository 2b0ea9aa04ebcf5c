"""Until when issued documents can be proven: read from the file at issue, and looked up for older ones."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from eoffice.cli.demo import own_time_stamps
from eoffice.cli.staff import Staff, key_agent
from eoffice.core.desk import scope
from eoffice.core.errors import InvalidInput
from eoffice.jobs.worker import drain
from eoffice.models.certificates import Evidence
from eoffice.models.directory import Certificate
from eoffice.models.documents import Document, DocumentFile
from eoffice.models.work import Job
from eoffice.services import certificate_requests, evidence, examine, ledger, search
from eoffice.services.incoming import main_file
from signing.pki import Pki
from tests.support.checking import CheckingClient, filled
from tests.web.conftest import Town
from tests.web.test_documents import statements


def known(town: Town) -> list[Evidence]:
    with town.office.read(town.system("so-noi-vu")) as desk:
        return list(desk.session.scalars(scope(desk, Evidence)))


def without(town: Town) -> None:
    with town.office.sessions.write() as session:
        session.execute(
            delete(Evidence), execution_options={"synchronize_session": False, "scoped": True}
        )
        session.commit()


def test_what_is_issued_is_known_by_its_time_stamp(town: Town) -> None:
    (row,) = known(town)
    pki = Pki.load(town.office.settings.pki)
    from cryptography import x509

    stamper = x509.load_der_x509_certificate(pki.certificate("tsa"))
    assert row.document_id == town.answer
    assert row.level in ("B-T", "B-LT")
    assert row.ends_at == stamper.not_valid_after_utc
    with town.office.read(town.actor("nam")) as desk:
        file = desk.session.scalars(
            scope(desk, DocumentFile).where(
                DocumentFile.document_id == town.answer, DocumentFile.stage == "sealed", DocumentFile.role == "main"
            )
        ).one()
    assert row.sha256 == file.sha256


def test_without_a_stamp_the_signer_s_certificate_decides(town: Town) -> None:
    (row,) = known(town)
    with town.office.read(town.actor("nam")) as desk:
        stored = examine.verdict_of(desk, row.sha256)
        assert stored is not None
        signatures = [{**item, "byte_range": (0, 10, 20, 10)} for item in stored.report["signatures"]]
        found = evidence.ends(b"x" * 100, row.sha256, {"signatures": signatures})
    assert found is not None
    assert found.at == min(evidence._time(item["valid_to"]) for item in signatures)  # type: ignore[type-var]


def test_the_last_time_stamp_over_the_document_protects_what_lies_before(town: Town) -> None:
    (row,) = known(town)
    with town.office.read(town.actor("nam")) as desk:
        stored = examine.verdict_of(desk, row.sha256)
        assert stored is not None
        signatures = stored.report["signatures"]
    far = row.ends_at + timedelta(days=3650)
    stamps = [
        {**signatures[0], "kind": "document_timestamp", "revision": 8, "valid_to": row.ends_at.isoformat()},
        {**signatures[0], "kind": "document_timestamp", "revision": 9, "valid_to": far.isoformat()},
    ]
    found = evidence.ends(b"", row.sha256, {"signatures": [*signatures, *stamps]})
    assert found is not None
    assert found.at == far


def test_older_documents_are_looked_at_once(town: Town) -> None:
    before = known(town)
    without(town)
    admin = town.actor("phong")
    with town.office.read(admin) as desk:
        assert evidence.unmeasured(desk) == 1
    town.office.do(admin, evidence.survey, key="look")
    assert [(row.document_id, row.ends_at) for row in known(town)] == [(row.document_id, row.ends_at) for row in before]
    with pytest.raises(InvalidInput) as nothing:
        town.office.do(admin, evidence.survey, key="again")
    assert nothing.value.code == "nothing_to_measure"


def test_they_are_listed_before_their_proof_ends_and_by_nobody_else(town: Town) -> None:
    (row,) = known(town)

    def found(login: str, within: int = evidence.SOON) -> list[Any]:
        with town.office.read(town.actor(login)) as desk:
            page = evidence.find(desk, within)
            assert len(page.rows) == evidence.count(desk, within)
            return [item.document_id for item in page.rows]

    assert found("phong") == []
    with town.office.sessions.write() as session:
        soon = update(Evidence).values(ends_at=town.clock.now() + timedelta(days=40))
        session.execute(soon, execution_options={"synchronize_session": False, "scoped": True})
        session.commit()
    assert found("phong") == found("mai") == [row.document_id]
    assert found("phong", 30) == []
    assert found("yen") == []


def test_a_sealed_document_is_issued_after_the_seal_was_renewed(busy: tuple[Town, dict[str, Any]]) -> None:
    """The file carries the certificate of its day; a newer one must not stop it."""
    town, waiting = busy
    document = waiting["signed"]
    own_time_stamps(town.office)
    with key_agent(town.office):
        staff = Staff(town.office, town.province, label="renewed")
        staff.number("hanh", document)
        staff.seal("hanh", document)
        admin = town.actor("phong")
        asked = town.office.do(admin, certificate_requests.request, key="ask", purpose="seal", post=town.post("hanh"))
        town.office.do(admin, certificate_requests.issue, asked.id, key="issue")
        assert staff.issue("hanh", document).state == "issued"
    with town.office.sessions.read() as session:
        states = session.scalars(
            select(Certificate.status)
            .where(Certificate.agency_id == town.agency("so-noi-vu"), Certificate.purpose == "seal")
            .execution_options(scoped=True)
        ).all()
    assert sorted(states) == ["active", "replaced"]


def test_openssl_reads_the_same_end(town: Town, openssl: Path, tmp_path: Path) -> None:
    """An independent reader says of the stamper's certificate what we keep as the end."""
    (row,) = known(town)
    crt = tmp_path / "tsa.der"
    crt.write_bytes(Pki.load(town.office.settings.pki).certificate("tsa"))
    command = [str(openssl), "x509", "-inform", "DER", "-in", str(crt), "-noout", "-enddate", "-dateopt", "iso_8601"]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert f"{row.ends_at:%Y-%m-%d %H:%M:%S}" in said


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_the_page_lists_them_and_looks_at_older_ones(client: CheckingClient, town: Town, locale: str) -> None:
    town.enter(client, "phong")
    client.speak(locale)
    path = "/certificates/at-risk"
    assert {"vi": "Không có chữ ký nào", "en": "No signature at risk"}[locale] in client.page(path).one("main").text()
    without(town)
    page = client.page(path)
    given = filled(next(form for form in page.one("main").all("form") if form.attributes["action"] == path))
    for _press in range(2):
        assert client.post(path, data=given).status_code == 303
    assert client.post(path, data=given | {"key": "0" * 32}).status_code == 422
    with town.office.sessions.write() as session:
        past = update(Evidence).values(ends_at=town.clock.now() - timedelta(days=1))
        session.execute(past, execution_options={"synchronize_session": False, "scoped": True})
        session.commit()
    with statements(town) as seen:
        told = client.page(path).one("main").text()
    assert len(seen) <= 10
    with town.office.read(town.actor("nam")) as desk:
        code, subject = desk.session.execute(
            scope(desk, Document).where(Document.id == town.answer).with_only_columns(Document.code, Document.subject)
        ).one()
    assert code in told
    assert subject not in told
    assert {"vi": "đã hết", "en": "ended"}[locale] in told


def test_what_is_at_risk_is_stamped_anew_in_the_background(town: Town) -> None:
    """A copy with a new time-stamp is kept; what was issued stays byte for byte, and the copy begins with it."""
    (before,) = known(town)
    own_time_stamps(town.office)
    admin = town.actor("phong")
    with pytest.raises(InvalidInput) as nothing:
        town.office.do(admin, evidence.order, key="too early")
    assert nothing.value.code == "nothing_at_risk"
    with town.office.sessions.write() as session:
        soon = update(Evidence).values(ends_at=town.clock.now() + timedelta(days=40))
        session.execute(soon, execution_options={"synchronize_session": False, "scoped": True})
        session.commit()
    town.office.do(admin, evidence.order, key="order")
    assert drain(town.office) == 1
    (after,) = known(town)
    assert after.sha256 != before.sha256
    assert after.ends_at == before.ends_at  # the stamper's certificate is the same
    old, new = town.office.files.read(before.sha256), town.office.files.read(after.sha256)
    assert new.startswith(old)
    assert len(new) > len(old)
    with town.office.read(town.actor("nam")) as desk:
        row = search.document(desk, town.answer)
        main = main_file(row, "sealed")
        assert main is not None
        assert main.sha256 == before.sha256
        stored = examine.verdict_of(desk, after.sha256)
        assert stored is not None
        assert stored.verdict == "PASSED"
        assert "document_timestamp" in {item["kind"] for item in stored.report["signatures"]}
        assert evidence.count(desk) == 0
        assert ledger.verify(desk)[0].ok
    with town.office.read(admin) as desk:
        assert evidence.unmeasured(desk) == 0


def test_the_page_tells_what_is_being_stamped_and_what_was_not(client: CheckingClient, town: Town) -> None:
    with town.office.sessions.write() as session:
        soon = update(Evidence).values(ends_at=town.clock.now() + timedelta(days=40))
        session.execute(soon, execution_options={"synchronize_session": False, "scoped": True})
        session.commit()
    own_time_stamps(town.office)
    town.enter(client, "phong")
    path = "/certificates/at-risk"
    page, action = client.page(path), f"{path}/renew"
    given = filled(next(form for form in page.one("main").all("form") if form.attributes["action"] == action))
    for _press in range(2):
        assert client.post(action, data=given).status_code == 303
    with statements(town) as seen:
        assert "đang gia hạn" in client.page(path).one("main").text()
    assert len(seen) <= 10
    with town.office.sessions.write() as session:
        session.execute(update(Job).where(Job.name == "evidence.renew").values(state="failed"))
        session.commit()
    assert "chưa gia hạn được" in client.page(path).one("main").text()
    with town.office.sessions.write() as session:
        session.execute(update(Job).where(Job.name == "evidence.renew").values(state="waiting"))
        session.commit()
    drain(town.office)
    assert "Không có chữ ký nào" in client.page(path).one("main").text()
    town.enter(client, "hanh")
    assert "có dấu thời gian mới" in client.page(f"/documents/{town.answer}").one("main").text()


def test_without_a_stamper_nothing_is_ordered(town: Town) -> None:
    town.office.tsa = lambda: None
    with pytest.raises(InvalidInput) as refused:
        town.office.do(town.actor("phong"), evidence.order, key="none")
    assert refused.value.code == "no_tsa"

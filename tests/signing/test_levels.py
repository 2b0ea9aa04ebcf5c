"""The long-term levels in a time machine: signed at t, looked at a day, years and a revocation later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from signing.chain import Status
from signing.extend import _keep, _parts, extend
from signing.increment import Increment
from signing.keys import Key
from signing.pki import RECIPE, Holder, Pki, raise_pki
from signing.results import TimeSource, TrustLevel, Verdict, Verification
from signing.revocation import Gathered
from signing.sign import Level, Request, sign
from signing.tsa import LocalTsa
from signing.verify import verify
from tests.signing.conftest import letter
from tests.signing.test_verify_time import codes, crl, fresh

DAY = timedelta(days=1)
# Days after the signing. Certificates end: signer 1,095, authority of the stamps 2,920, the younger one 4,745.
SOON, SIGNER_OVER, RENEWED, STAMPS_OVER = 2, 1500, 2800, 3100
LEVELS: tuple[Level, ...] = ("B-B", "B-T", "B-LT", "B-LTA")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, at: datetime) -> Pki:
    """The test PKI with a signer of P-256 beside that of RSA-2048, and an authority of stamps that comes later."""
    signer = Holder("small", "Nguyễn Văn Nam", "Sở Nội vụ tỉnh An Bình", overrides={"key": "p256"})
    pki = raise_pki(RECIPE, tmp_path_factory.mktemp("world"), at=at, rounds=1000, holders=[signer])
    younger = Holder("tsa2", "Dấu thời gian sau THỬ NGHIỆM", "Hạ tầng khóa THỬ NGHIỆM", template="tsa")
    pki.issue([younger], at=at + RENEWED * DAY)
    return pki


@dataclass(frozen=True)
class Papers:
    """One letter per level, signed with one key."""

    name: str
    pki: Pki
    at: datetime
    pdf: dict[str, bytes]

    def look(self, level: str, days: int, *, evidence: bool = True, **revoked: datetime) -> Verification:
        """Verify with an installation that has renewed its lists; or one that has anchors and nothing else."""
        moment = self.at + days * DAY
        trust = fresh(self.pki, moment, **revoked) if evidence else replace(self.pki.trust(), crls=())
        return verify(self.pdf[level], trust, at=moment)


def stamps(pki: Pki, moment: datetime, name: str = "tsa") -> LocalTsa:
    return LocalTsa(pki.key(name), lambda: moment)


@pytest.fixture(scope="module", params=["leader", "small"], ids=["rsa2048", "p256"])
def papers(request: pytest.FixtureRequest, world: Pki, at: datetime) -> Papers:
    name: str = request.param
    key: Key = world.key(name)
    trust, tsa = fresh(world, at), stamps(world, at)
    made = {
        level: sign(letter(), key, Request("leader", level=level), trust, tsa=tsa, at=at).pdf for level in LEVELS
    }
    later = at + RENEWED * DAY
    made["renewed"] = extend(
        made["B-LTA"], fresh(world, later), level="B-LTA", tsa=stamps(world, later, "tsa2"), at=later
    ).pdf
    return Papers(name, world, at, made)


@pytest.mark.parametrize("level", LEVELS)
def test_a_day_later_every_level_passes_and_is_named(papers: Papers, level: str) -> None:
    answer = papers.look(level, SOON)
    assert answer.verdict is Verdict.PASSED, codes(answer)
    report = answer.signatures[0]
    assert (report.level, report.covers_all) == (level, True)
    source = TimeSource.CLOCK if level == "B-B" else TimeSource.SIGNATURE_TIMESTAMP
    assert (report.time_source, report.time) == (source, papers.at)


@pytest.mark.parametrize(("level", "verdict"), [("B-T", Verdict.WARNED), ("B-LT", Verdict.PASSED)])
def test_evidence_in_the_file_serves_who_has_only_anchors(papers: Papers, level: str, verdict: Verdict) -> None:
    answer = papers.look(level, 0, evidence=False)
    assert answer.verdict is verdict
    assert ("embedded" in answer.signatures[0].revocation_source) is (verdict is Verdict.PASSED)


@pytest.mark.parametrize("level", ["B-T", "B-LT", "B-LTA"])
def test_the_newest_stamp_needs_somebody_to_tell_its_status_today(papers: Papers, level: str) -> None:
    """Long after the evidence in the file has run out, and no list renewed: not valid, and the reason says why."""
    answer = papers.look(level, SIGNER_OVER, evidence=False)
    assert answer.verdict is Verdict.WARNED
    assert codes(answer) & {"timestamp_unconfirmed", "status_unknown"}


@pytest.mark.parametrize(
    ("level", "verdict", "sub"),
    [
        ("B-B", Verdict.WARNED, "OUT_OF_BOUNDS_NO_POE"),
        ("B-T", Verdict.WARNED, "TRY_LATER"),  # proven when, but nobody kept that it was not revoked
        ("B-LT", Verdict.PASSED, ""),
        ("B-LTA", Verdict.PASSED, ""),
    ],
)
def test_after_the_signers_certificate_has_ended(papers: Papers, level: str, verdict: Verdict, sub: str) -> None:
    answer = papers.look(level, SIGNER_OVER)
    assert (answer.verdict, answer.signatures[0].sub_indication) == (verdict, sub), codes(answer)


@pytest.mark.parametrize(
    ("level", "verdict", "sub"),
    [
        ("B-B", Verdict.WARNED, "REVOKED_NO_POE"),
        ("B-T", Verdict.PASSED, ""),
        ("B-LT", Verdict.PASSED, ""),
        ("B-LTA", Verdict.PASSED, ""),
    ],
)
def test_revoked_after_the_signature(papers: Papers, level: str, verdict: Verdict, sub: str) -> None:
    answer = papers.look(level, SOON, **{papers.name: papers.at + DAY})
    assert (answer.verdict, answer.signatures[0].sub_indication) == (verdict, sub), codes(answer)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("days", [SOON, SIGNER_OVER])
def test_revoked_before_the_signature_stays_revoked(papers: Papers, level: str, days: int) -> None:
    """The list in the file was younger than the loss of the key and did not know it yet; ours does."""
    answer = papers.look(level, days, **{papers.name: papers.at - DAY})
    assert answer.verdict is Verdict.FAILED
    assert answer.signatures[0].sub_indication == "REVOKED"


@pytest.mark.parametrize(
    ("level", "verdict"),
    [("B-LT", Verdict.WARNED), ("B-LTA", Verdict.WARNED), ("renewed", Verdict.PASSED)],
)
def test_after_the_authority_of_the_stamps_has_ended(papers: Papers, level: str, verdict: Verdict) -> None:
    answer = papers.look(level, STAMPS_OVER)
    assert answer.verdict is verdict, codes(answer)
    if level == "renewed":
        assert [report.level for report in answer.signatures] == ["B-LTA", "B-T", "B-T"]
        assert {report.trust for report in answer.signatures} == {TrustLevel.TRUSTED}
        assert answer.signatures[0].time == papers.at


def test_a_stamp_revoked_after_its_renewal_still_counts(papers: Papers) -> None:
    lost = {"tsa": papers.at + (RENEWED + 1) * DAY}
    assert papers.look("renewed", RENEWED + 2, **lost).verdict is Verdict.PASSED
    assert papers.look("B-LTA", RENEWED + 2, **lost).verdict is Verdict.WARNED


def test_a_stamp_whose_key_was_lost_before_it_proves_nothing(papers: Papers) -> None:
    answer = papers.look("renewed", RENEWED + 2, tsa=papers.at - DAY)
    assert answer.verdict is not Verdict.PASSED
    assert "timestamp_untrusted" in codes(answer)


def test_evidence_about_others_is_no_level(papers: Papers, world: Pki, at: datetime) -> None:
    """A file that stores some list is not B-LT: the list must speak about these certificates."""
    trust = fresh(world, at)
    opened = Increment(papers.pdf["B-T"])
    root_only = crl(world, at - DAY, at + DAY, issuer="root")
    _keep(opened, _parts(opened), [Gathered((), (Status("good", kind="crl", der=root_only),))])
    assert verify(opened.written(), trust, at=at).signatures[0].level == "B-T"

"""What the product itself signs and seals passes its own verifier, with and without time-stamps."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest

from signing.pki import Pki
from signing.results import Modification, TimeSource, Verdict
from signing.seal import SealRequest, fill_and_seal
from signing.sign import Request, sign
from signing.stamp import Stamp, handwriting, seal
from signing.tsa import LocalTsa
from signing.verify import signed_version, verify

TEXTS = {"so": "12", "ngay": "21", "thang": "11", "nam": "2026"}


@pytest.fixture(scope="module")
def finished(pki: Pki, at: datetime) -> bytes:
    """Certified by the leader, numbered, dated and sealed by the agency with a time-stamp."""
    from tests.signing.conftest import letter

    trust, tsa = pki.trust(), LocalTsa(pki.key("tsa"), lambda: at)
    request = Request("leader", kind="certification", stamp=Stamp(handwriting("Nguyễn Văn Nam")))
    signed = sign(letter(), pki.key("leader"), request, trust, at=at)
    wanted = SealRequest(TEXTS, stamp=Stamp(seal("Sở Nội vụ")))
    return fill_and_seal(signed.pdf, pki.key("seal"), wanted, trust, tsa=tsa, at=at).pdf


def test_the_sealed_document_passes(pki: Pki, at: datetime, finished: bytes) -> None:
    answer = verify(finished, pki.trust(), at=at + timedelta(minutes=1))
    assert answer.verdict is Verdict.PASSED, [report.reasons for report in answer.signatures]
    leader, agency = answer.signatures
    assert (leader.kind, leader.docmdp, leader.modification) == ("certification", 2, Modification.PERMITTED)
    assert [change.where for change in leader.changes if change.kind == "form_value"] == ["so", "ngay", "thang", "nam"]
    assert agency.time_source is TimeSource.SIGNATURE_TIMESTAMP
    assert agency.covers_all
    assert agency.locks
    assert answer.notes == ()
    assert answer.flags == ()


def test_the_leaders_version_passes_by_itself(pki: Pki, at: datetime, finished: bytes) -> None:
    version = signed_version(finished, "leader")
    (leader,) = verify(version, pki.trust(), at=at + timedelta(minutes=1)).signatures
    assert leader.verdict is Verdict.PASSED
    assert leader.covers_all


def test_two_signatures_are_judged_within_their_time(pki: Pki, at: datetime, finished: bytes) -> None:
    """Half of what two signatures may cost, by the CPU's clock and the best of five."""
    trust, costs = pki.trust(), []
    for _ in range(5):
        begin = time.process_time()
        verify(finished, trust, at=at + timedelta(minutes=1))
        costs.append(time.process_time() - begin)
    assert min(costs) < 0.040

"""10,000 seeded bit flips of a twice-signed file: none passes with a changed signed byte, none raises."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta

import pytest

from signing.pki import Pki
from signing.results import Verdict
from signing.seal import SealRequest, fill_and_seal
from signing.sign import Request, sign
from signing.verify import verify
from tests.signing.making import Paper, certified, issued  # noqa: F401

FLIPS = 10_000
PARTS = 8  # the processes of a run share them out


@pytest.fixture(scope="module")
def finished(pki: Pki, at: datetime, draft: bytes) -> bytes:
    """Certified and sealed by the product itself."""
    first = sign(draft, pki.key("leader"), Request("leader", kind="certification"), pki.trust(), at=at)
    texts = {"so": "12", "ngay": "21", "thang": "11", "nam": "2026"}
    return fill_and_seal(first.pdf, pki.key("seal"), SealRequest(texts, level="B-B"), pki.trust(), at=at).pdf


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_flipped_bit_passes(pki: Pki, at: datetime, issued: Paper, finished: bytes, part: int) -> None:
    data = issued.data if part % 2 else finished
    trust, moment = pki.trust(), at + timedelta(hours=1)
    whole = verify(data, trust, at=moment)
    assert whole.verdict is Verdict.PASSED
    _, before, after, length = whole.signatures[-1].byte_range
    assert after + length == len(data)
    signers = [report.signer for report in whole.signatures]
    chance = random.Random(20261121 + part)
    seen: Counter[Verdict] = Counter()
    for _ in range(FLIPS // PARTS):
        position, bit = chance.randrange(len(data)), chance.randrange(8)
        flipped = bytearray(data)
        flipped[position] ^= 1 << bit
        answer = verify(bytes(flipped), trust, at=moment)
        seen[answer.verdict] += 1
        assert all(reason.code != "internal_error" for reason in answer.reasons), (position, bit, answer.reasons)
        assert answer.verdict is not Verdict.UNSIGNED, (position, bit)
        if answer.verdict is Verdict.PASSED:
            # Only the last container is covered by nobody: its spare certificates may rot without harm, and the case of
            # its digits says nothing. Every other byte is signed.
            assert before < position < after - 1, (position, bit)
            assert [report.signer for report in answer.signatures] == signers
    assert seen[Verdict.FAILED] > 0.8 * FLIPS / PARTS, seen

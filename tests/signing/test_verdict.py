"""The verdict is the worst of its axes: the whole table."""

from __future__ import annotations

from itertools import product

import pytest

from signing.results import Integrity, Modification, TrustLevel, Verdict
from signing.verdict import exit_code, indication, of_file, of_signature, worst


@pytest.mark.parametrize(("integrity", "modification", "trust"), list(product(Integrity, Modification, TrustLevel)))
def test_the_worst_axis_decides(integrity: Integrity, modification: Modification, trust: TrustLevel) -> None:
    bad = (
        integrity in (Integrity.BROKEN, Integrity.NONE)
        or modification is Modification.FORBIDDEN
        or trust is TrustLevel.UNTRUSTED
    )
    doubtful = integrity is Integrity.UNSUPPORTED or modification is Modification.LISTED or trust is TrustLevel.UNKNOWN
    expected = Verdict.FAILED if bad else Verdict.WARNED if doubtful else Verdict.PASSED
    assert of_signature(integrity, modification, trust) is expected


def test_only_two_of_all_combinations_pass() -> None:
    passed = [axes for axes in product(Integrity, Modification, TrustLevel) if of_signature(*axes) is Verdict.PASSED]
    assert passed == [
        (Integrity.OK, Modification.NONE, TrustLevel.TRUSTED),
        (Integrity.OK, Modification.PERMITTED, TrustLevel.TRUSTED),
    ]


@pytest.mark.parametrize(
    ("signatures", "irregular", "expected"),
    [
        ([], False, Verdict.UNSIGNED),
        ([], True, Verdict.UNSIGNED),
        ([Verdict.PASSED], False, Verdict.PASSED),
        ([Verdict.PASSED], True, Verdict.WARNED),
        ([Verdict.PASSED, Verdict.WARNED], False, Verdict.WARNED),
        ([Verdict.FAILED, Verdict.PASSED], False, Verdict.FAILED),
        ([Verdict.FAILED], True, Verdict.FAILED),
    ],
)
def test_a_file_is_as_good_as_its_worst_signature(
    signatures: list[Verdict], irregular: bool, expected: Verdict
) -> None:
    assert of_file(signatures, irregular=irregular) is expected


def test_exit_codes_follow_the_order() -> None:
    assert {verdict.value: exit_code(verdict) for verdict in Verdict} == {
        "PASSED": 0,
        "UNSIGNED": 1,
        "WARNED": 2,
        "UNREADABLE": 3,
        "FAILED": 4,
    }
    assert worst([]) is Verdict.PASSED


@pytest.mark.parametrize(
    ("verdict", "subs", "expected"),
    [
        (Verdict.PASSED, [], ("TOTAL-PASSED", "")),
        (Verdict.PASSED, ["TRY_LATER"], ("TOTAL-PASSED", "")),
        (Verdict.WARNED, [], ("INDETERMINATE", "")),
        (Verdict.WARNED, ["TRY_LATER", "NO_POE"], ("INDETERMINATE", "TRY_LATER")),
        (Verdict.WARNED, ["FORMAT_FAILURE"], ("INDETERMINATE", "")),
        (Verdict.FAILED, [], ("TOTAL-FAILED", "")),
        (Verdict.FAILED, ["TRY_LATER", "HASH_FAILURE"], ("TOTAL-FAILED", "HASH_FAILURE")),
        (Verdict.FAILED, ["CHAIN_CONSTRAINTS_FAILURE"], ("INDETERMINATE", "CHAIN_CONSTRAINTS_FAILURE")),
    ],
)
def test_main_and_sub_indication_belong_together(
    verdict: Verdict, subs: list[str], expected: tuple[str, str]
) -> None:
    assert indication(verdict, subs) == expected

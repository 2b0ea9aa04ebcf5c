"""What is lawful: signatures that pass, and later changes that are permitted or only listed."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from signing.changes import View
from signing.keys import SoftKey
from signing.pki import Holder, Pki
from signing.results import Integrity, Modification, TimeSource, TrustLevel, Verdict, Verification
from signing.tsa import LocalTsa
from signing.verify import signed_version, verify
from tests.signing.making import (  # noqa: F401
    AGENCY,
    CATALOG,
    DAY,
    LEADER,
    NUMBER,
    TEXT,
    Judge,
    Paper,
    approved,
    certified,
    draft,
    drawing,
    issued,
    judge,
    stream,
    write,
)


def kinds(answer: Verification, index: int = 0) -> list[tuple[str, Modification]]:
    return [(change.kind, change.level) for change in answer.signatures[index].changes]


def test_one_certification_covers_everything(judge: Judge, certified: Paper) -> None:
    answer = judge(certified)
    assert answer.verdict is Verdict.PASSED
    (report,) = answer.signatures
    assert (report.field, report.kind, report.docmdp) == ("leader", "certification", 2)
    assert (report.integrity, report.modification, report.trust) == (
        Integrity.OK,
        Modification.NONE,
        TrustLevel.TRUSTED,
    )
    assert (report.indication, report.sub_indication) == ("TOTAL-PASSED", "")
    assert report.signer == "Nguyễn Văn Nam"
    assert report.organisation == "Sở Nội vụ tỉnh An Bình"
    assert report.covers_all
    assert (report.revision, report.revisions, report.page) == (2, 2, 1)
    assert (report.level, report.time_source) == ("B-B", TimeSource.CLOCK)
    assert report.test
    assert report.revocation == "good"


def test_the_issued_document_passes_for_leader_and_seal(judge: Judge, issued: Paper) -> None:
    answer = judge(issued)
    assert answer.verdict is Verdict.PASSED
    leader, seal = answer.signatures
    assert (leader.field, seal.field) == ("leader", "agency")
    assert ("form_value", Modification.PERMITTED) in kinds(answer)
    assert ("signature_added", Modification.PERMITTED) in kinds(answer)
    assert not leader.covers_all
    assert seal.covers_all
    assert seal.locks
    shown = [change for change in leader.changes if change.kind == "form_value"]
    assert [(change.where, change.page) for change in shown] == [("so", 1), ("ngay", 1)]
    assert "12" in shown[0].detail


def test_a_fill_nobody_signed_is_a_warning(judge: Judge, certified: Paper) -> None:
    answer = judge(certified.fill(NUMBER, b"12"))
    assert answer.verdict is Verdict.WARNED
    assert kinds(answer) == [("form_value", Modification.LISTED)]
    assert [reason.code for reason in answer.signatures[0].reasons] == ["changed_listed"]


def test_a_fill_covered_by_an_untrusted_seal_stays_a_warning(
    judge: Judge, certified: Paper, pki: Pki, at: datetime
) -> None:
    answer = judge(certified.fill(NUMBER, b"12").sign(pki.key("rogue-leader"), AGENCY, at))
    assert answer.verdict is Verdict.WARNED
    assert ("form_value", Modification.LISTED) in kinds(answer)


def test_without_certification_a_fill_is_listed_even_when_covered(
    judge: Judge, approved: Paper, pki: Pki, at: datetime
) -> None:
    answer = judge(approved.fill(DAY, b"5").sign(pki.key("seal"), AGENCY, at))
    assert answer.verdict is Verdict.WARNED
    assert ("form_value", Modification.LISTED) in kinds(answer)


def test_a_second_signature_is_permitted(judge: Judge, approved: Paper, pki: Pki, at: datetime) -> None:
    answer = judge(approved.sign(pki.key("seal"), AGENCY, at, look=b"1 0 0 RG 0 0 100 60 re S"))
    assert answer.verdict is Verdict.PASSED
    assert kinds(answer) == [("signature_added", Modification.PERMITTED)]


def test_a_second_signature_in_a_new_field_is_permitted_after_an_approval(
    judge: Judge, approved: Paper, pki: Pki, at: datetime
) -> None:
    answer = judge(approved.sign_new(pki.key("deputy"), at))
    assert answer.verdict is Verdict.PASSED


def test_a_new_field_after_a_certification_is_not_silently_accepted(
    judge: Judge, certified: Paper, pki: Pki, at: datetime
) -> None:
    answer = judge(certified.sign_new(pki.key("deputy"), at))
    assert answer.verdict is Verdict.WARNED
    visible = certified.add_field(b"third", (50, 300, 150, 350))
    assert judge(visible).verdict is Verdict.FAILED


@pytest.mark.parametrize("signed", ["certified", "approved", "issued"])
def test_evidence_and_time_stamps_are_permitted(
    judge: Judge, pki: Pki, at: datetime, signed: str, request: pytest.FixtureRequest
) -> None:
    paper: Paper = request.getfixturevalue(signed)
    tsa = LocalTsa(pki.key("tsa"), lambda: at)
    later = paper.store(certificates=[pki.certificate("issuing")], crls=pki.trust().crls)
    later = later.sign_new(tsa.key, at, document_stamp=True, stamp=lambda digest: tsa.stamp(digest, "sha256"))
    answer = judge(later)
    assert answer.verdict is Verdict.PASSED
    assert {kind for kind, _ in kinds(answer)} >= {"dss", "timestamp_added"}
    leader = answer.signatures[0]
    assert leader.time_source is TimeSource.DOCUMENT_TIMESTAMP
    assert leader.proven_time == at.replace(microsecond=0)
    assert leader.level == "B-LTA"
    assert answer.signatures[-1].kind == "document_timestamp"


@pytest.mark.parametrize(
    "body",
    [
        b"<</Type/Annot/Subtype/Text/Rect[500 800 520 820]/Contents(xem lai)/F 4>>",
        b"<</Type/Annot/Subtype/Highlight/Rect[72 695 200 715]/QuadPoints[72 715 200 715 72 695 200 695]/F 4>>",
        b"<</Type/Annot/Subtype/FreeText/Rect[300 400 400 450]/Contents(y kien)/DA(/F1 9 Tf)/F 4>>",
    ],
)
def test_a_comment_is_listed_and_after_a_certification_forbidden(
    judge: Judge, approved: Paper, certified: Paper, body: bytes
) -> None:
    listed = judge(approved.annotate(body))
    assert listed.verdict is Verdict.WARNED
    assert kinds(listed) == [("annotation", Modification.LISTED)]
    assert listed.signatures[0].changes[0].page == 1
    assert judge(certified.annotate(body)).verdict is Verdict.FAILED


def test_rewriting_an_object_with_the_same_content_is_no_change(judge: Judge, approved: Paper) -> None:
    again = approved.update({number: approved.objects[number] for number in (5, 3)})
    answer = judge(again)
    assert answer.verdict is Verdict.PASSED
    assert kinds(answer) == []


@pytest.mark.parametrize("algorithm", ["p256", "p384", "ed25519", "rsa3072"])
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_every_algorithm_passes(
    judge: Judge, keys_by_algorithm: dict[str, SoftKey], at: datetime, algorithm: str, digest: str
) -> None:
    answer = judge(draft().sign(keys_by_algorithm[algorithm], LEADER, at, digest=digest))
    assert answer.verdict is Verdict.PASSED, answer.signatures[0].reasons
    assert answer.signatures[0].algorithm.endswith(digest.upper().replace("SHA", "SHA-"))


def test_pss_passes(judge: Judge, pki: Pki, at: datetime) -> None:
    key = pki.key("leader")
    key.pss = True
    answer = judge(draft().sign(key, LEADER, at))
    assert answer.verdict is Verdict.PASSED
    assert answer.signatures[0].algorithm == "RSA-PSS-2048 SHA-256"


def test_white_space_behind_the_end_is_nothing(judge: Judge, issued: Paper) -> None:
    answer = judge(Paper(issued.data + b"\r\n \n"))
    assert answer.verdict is Verdict.PASSED
    assert answer.notes == ()


def test_the_version_that_was_signed_comes_back(judge: Judge, certified: Paper, issued: Paper) -> None:
    version = signed_version(issued.data, "leader")
    assert version == certified.data
    assert judge(Paper(version)).signatures[0].covers_all


def test_a_file_on_disk_is_judged_like_its_bytes(
    tmp_path_factory: pytest.TempPathFactory, pki: Pki, at: datetime, issued: Paper
) -> None:
    path = tmp_path_factory.mktemp("disk") / "văn bản.pdf"
    path.write_bytes(issued.data)
    assert verify(path, pki.trust(), at=at) == verify(issued.data, pki.trust(), at=at)


def test_cost_grows_linearly_with_signatures(pki: Pki, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: each further signature may not look at the skeletons of all the earlier ones again."""
    made: list[int] = []
    real = View.__init__

    def counted(self: View, *arguments: object) -> None:
        made.append(1)
        real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(View, "__init__", counted)
    paper, counts = draft(), []
    for index in range(8):
        paper = paper.sign_new(pki.key("leader" if index % 2 else "seal"), at)
        made.clear()
        assert verify(paper.data, pki.trust(), at=at + timedelta(minutes=1)).verdict is Verdict.PASSED
        counts.append(len(made))
    steps = {later - earlier for earlier, later in pairwise(counts)}
    assert len(steps) == 1
    assert steps.pop() <= 2


@pytest.fixture(scope="module")
def keys_by_algorithm(pki: Pki, at: datetime) -> dict[str, SoftKey]:
    names = ("p256", "p384", "ed25519", "rsa3072")
    holders = [
        Holder(f"verify-{name}", f"Người ký {name}", "Sở Nội vụ", overrides={"key": name})
        for name in names
        if f"verify-{name}" not in pki.entries
    ]
    pki.issue(holders, at=at)
    return {name: pki.key(f"verify-{name}") for name in names}


def test_what_nobody_needs_any_more_may_be_freed(judge: Judge, pki: Pki, at: datetime) -> None:
    """Programs free the objects they replace: an old appearance, old evidence, things nobody refers to."""
    looking = draft().objects[AGENCY].removesuffix(b">>")
    base = write(
        {**draft().objects, 300: b"<</Spare 1>>", AGENCY: looking + b"/AP<</N 301 0 R>>>>", 301: drawing(b"q Q")}
    )
    signed = base.sign(pki.key("leader"), LEADER, at, certify=2)
    assert judge(signed.update({}, freed=[300])).verdict is Verdict.PASSED
    plain = replace(signed, objects={**signed.objects, AGENCY: looking + b">>"})
    sealed = plain.fill(NUMBER, b"7").sign(pki.key("seal"), AGENCY, at, lock=b"/Action/All", look=b"0 0 9 9 re S")
    assert judge(sealed.update({}, freed=[300, 301])).verdict is Verdict.PASSED
    stored = sealed.store(certificates=[pki.certificate("issuing")], crls=pki.trust().crls)
    old = [number for number in stored.objects if number not in sealed.objects]
    evidence = sealed.objects[CATALOG].removesuffix(b">>") + b"/DSS<</Certs[990 0 R]>>>>"
    anew = stored.update({CATALOG: evidence, 990: stream(pki.certificate("issuing"))}, freed=old)
    answer = judge(anew)
    assert answer.verdict is Verdict.PASSED
    assert answer.notes == ()
    assert judge(anew.update({}, freed=[TEXT])).verdict is Verdict.FAILED

"""Who stands behind a signature, and when: revocation, expiry, usage, time-stamps."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key
from cryptography.x509 import ocsp

from signing.keys import Key
from signing.pki import Pki
from signing.results import TimeSource, TrustLevel, Verdict, Verification
from signing.trust import Trust
from signing.tsa import LocalTsa, request
from signing.verify import verify
from tests.signing.making import (  # noqa: F401
    AGENCY,
    LEADER,
    Judge,
    Paper,
    approved,
    draft,
    judge,
)

DAY = timedelta(days=1)


def stamper(pki: Pki, moment: datetime, name: str = "tsa") -> Callable[[bytes], bytes]:
    """Gives time-stamp tokens of one moment."""
    local = LocalTsa(pki.key(name), lambda: moment)

    def stamp(digest: bytes) -> bytes:  # past the client, which would refuse what is wrong on purpose here
        answer = tsp.TimeStampResp.load(local.answer(request(digest, "sha256")[1]))
        token: bytes = answer["time_stamp_token"].dump()
        return token

    return stamp


def codes(answer: Verification) -> set[str]:
    return {reason.code for report in answer.signatures for reason in report.reasons}


def crl(
    pki: Pki, begins: datetime, ends: datetime, *, issuer: str = "issuing", revoked: dict[str, datetime] | None = None
) -> bytes:
    """A revocation list of an authority for some span of time."""
    authority = x509.load_der_x509_certificate(pki.certificate(issuer))
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.subject)
    builder = builder.last_update(begins.replace(microsecond=0)).next_update(ends.replace(microsecond=0))
    for name, moment in (revoked or {}).items():
        entry = x509.RevokedCertificateBuilder().revocation_date(moment.replace(microsecond=0))
        builder = builder.add_revoked_certificate(entry.serial_number(pki.entries[name].serial).build())
    return builder.sign(_private(pki, issuer), hashes.SHA256()).public_bytes(Encoding.DER)


def _private(pki: Pki, name: str) -> object:
    raw = (pki.keys_dir / f"{name}.key").read_bytes()
    return load_der_private_key(raw, pki.password(name).encode())


def fresh(pki: Pki, moment: datetime, **revoked: datetime) -> Trust:
    """The trust of an installation that has just renewed its lists."""
    lists = tuple(
        crl(pki, moment - DAY, moment + DAY, issuer=name, revoked=revoked if name == "issuing" else None)
        for name in ("root", "issuing")
    )
    return replace(pki.trust(), crls=lists)


@pytest.mark.parametrize(
    ("who", "verdict", "code", "sub"),
    [
        ("leader", Verdict.PASSED, "", ""),
        ("revoked", Verdict.FAILED, "certificate_revoked", "REVOKED"),
        ("expired", Verdict.WARNED, "certificate_expired_at_signing", "OUT_OF_BOUNDS_NO_POE"),
        ("not-yet-valid", Verdict.FAILED, "certificate_not_yet_valid", "NOT_YET_VALID"),
        ("wrong-usage", Verdict.FAILED, "wrong_usage", "CHAIN_CONSTRAINTS_FAILURE"),
        ("clerk", Verdict.FAILED, "wrong_usage", "CHAIN_CONSTRAINTS_FAILURE"),
        ("exchange", Verdict.FAILED, "wrong_usage", "CHAIN_CONSTRAINTS_FAILURE"),
        ("tsa", Verdict.FAILED, "wrong_usage", "CHAIN_CONSTRAINTS_FAILURE"),
        ("issuing", Verdict.FAILED, "wrong_usage", "CHAIN_CONSTRAINTS_FAILURE"),
        ("rogue-leader", Verdict.WARNED, "no_chain", "NO_CERTIFICATE_CHAIN_FOUND"),
    ],
)
def test_who_may_sign(judge: Judge, pki: Pki, at: datetime, who: str, verdict: Verdict, code: str, sub: str) -> None:
    answer = judge(draft().sign(pki.key(who), LEADER, at))
    assert answer.verdict is verdict
    assert codes(answer) == ({code} if code else set())
    assert answer.signatures[0].sub_indication == sub
    assert answer.signatures[0].test


def test_a_test_mark_is_told_even_without_a_chain(pki: Pki, at: datetime, approved: Paper) -> None:
    (report,) = verify(approved.data, Trust(), at=at).signatures
    assert (report.trust, report.test, report.anchor) == (TrustLevel.UNKNOWN, True, "")


def test_without_evidence_of_status_nothing_passes(pki: Pki, at: datetime, approved: Paper) -> None:
    answer = verify(approved.data, replace(pki.trust(), crls=()), at=at)
    assert answer.verdict is Verdict.WARNED
    assert codes(answer) == {"status_unknown"}
    assert answer.signatures[0].revocation == "unknown"


def test_a_stale_list_is_no_evidence(pki: Pki, at: datetime, approved: Paper) -> None:
    lists = tuple(crl(pki, at - 9 * DAY, at - 2 * DAY, issuer=name) for name in ("root", "issuing"))
    assert codes(verify(approved.data, replace(pki.trust(), crls=lists), at=at)) == {"status_unknown"}


def test_a_list_signed_by_somebody_else_is_no_evidence(pki: Pki, at: datetime, approved: Paper) -> None:
    own = crl(pki, at - DAY, at + DAY, issuer="root")
    authority = x509.load_der_x509_certificate(pki.certificate("issuing"))
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.subject)
    builder = builder.last_update(at - DAY).next_update(at + DAY)
    forged = builder.sign(_private(pki, "rogue-root"), hashes.SHA256()).public_bytes(Encoding.DER)  # type: ignore[arg-type]
    answer = verify(approved.data, replace(pki.trust(), crls=(own, forged)), at=at)
    assert codes(answer) == {"status_unknown"}


def test_an_old_list_that_names_the_certificate_still_counts(pki: Pki, at: datetime, approved: Paper) -> None:
    stale = crl(pki, at - 9 * DAY, at - 2 * DAY, revoked={"leader": at - 10 * DAY})
    trust = pki.trust()
    answer = verify(approved.data, replace(trust, crls=(*trust.crls, stale)), at=at)
    assert answer.verdict is Verdict.FAILED
    assert codes(answer) == {"certificate_revoked"}


def test_revoked_after_the_claimed_time_is_not_proven_innocent(pki: Pki, at: datetime, approved: Paper) -> None:
    answer = verify(approved.data, fresh(pki, at + 2 * DAY, leader=at + DAY), at=at + 2 * DAY)
    assert answer.verdict is Verdict.WARNED
    assert answer.signatures[0].sub_indication == "REVOKED_NO_POE"


def test_a_revoked_authority_takes_its_people_along(pki: Pki, at: datetime, approved: Paper) -> None:
    root = crl(pki, at - DAY, at + DAY, issuer="root", revoked={"issuing": at - 5 * DAY})
    answer = verify(approved.data, replace(pki.trust(), crls=(root, crl(pki, at - DAY, at + DAY))), at=at)
    assert answer.verdict is Verdict.FAILED
    assert codes(answer) == {"certificate_revoked"}


def test_a_time_stamp_proves_that_the_signature_is_older_than_the_revocation(pki: Pki, at: datetime) -> None:
    paper = draft().sign(pki.key("leader"), LEADER, at, stamp=stamper(pki, at))
    later = at + 2 * DAY
    answer = verify(paper.data, fresh(pki, later, leader=at + DAY), at=later)
    assert answer.verdict is Verdict.PASSED
    report = answer.signatures[0]
    assert (report.level, report.time_source, report.proven_time) == ("B-T", TimeSource.SIGNATURE_TIMESTAMP, at)


def test_a_backdated_clock_does_not_help_a_revoked_key(pki: Pki, at: datetime) -> None:
    paper = draft().sign(pki.key("leader"), LEADER, at - 60 * DAY, stamp=stamper(pki, at))
    answer = verify(paper.data, fresh(pki, at, leader=at - DAY), at=at)
    assert answer.verdict is Verdict.FAILED
    assert codes(answer) == {"certificate_revoked"}


def _keep(pki: Pki, paper: Paper, moment: datetime) -> Paper:
    """Add evidence of the moment and an archive time-stamp over it."""
    certificates = [pki.certificate(name) for name in ("root", "issuing", "leader", "tsa")]
    stored = paper.store(certificates=certificates, crls=fresh(pki, moment).crls)
    return stored.sign_new(pki.key("tsa"), moment, document_stamp=True, stamp=stamper(pki, moment))


def test_time_machine(pki: Pki, at: datetime) -> None:
    """Signed, then looked at after a day, after expiry, after revocation; with and without keeping evidence."""
    plain = draft().sign(pki.key("leader"), LEADER, at)
    stamped = draft().sign(pki.key("leader"), LEADER, at, stamp=stamper(pki, at))
    kept = _keep(pki, stamped, at + DAY)
    soon, late = (
        at + 2 * DAY,
        at + 1500 * DAY,
    )  # the leader's certificate ends after 1,095 days, the stamp's after 2,920
    expected = {
        ("plain", soon): Verdict.PASSED,
        ("stamped", soon): Verdict.PASSED,
        ("kept", soon): Verdict.PASSED,
        ("plain", late): Verdict.WARNED,
        ("stamped", late): Verdict.WARNED,  # nobody kept evidence that it was not revoked
        ("kept", late): Verdict.PASSED,
    }
    papers = {"plain": plain, "stamped": stamped, "kept": kept}
    for (name, moment), verdict in expected.items():
        answer = verify(papers[name].data, fresh(pki, moment), at=moment)
        assert answer.verdict is verdict, (name, moment, codes(answer))
    assert verify(kept.data, fresh(pki, late), at=late).signatures[0].level == "B-LTA"


def test_after_the_stamping_authority_has_expired(pki: Pki, at: datetime) -> None:
    """A renewed archive stamp of a younger authority carries the proof on; without it the proof is gone."""
    stamped = draft().sign(pki.key("leader"), LEADER, at, stamp=stamper(pki, at))
    kept = _keep(pki, stamped, at + DAY)
    late = at + 3100 * DAY
    answer = verify(kept.data, fresh(pki, late), at=late)
    assert answer.verdict is Verdict.WARNED
    assert "timestamp_untrusted" in codes(answer)


@pytest.mark.parametrize(("who", "code"), [("rogue-tsa", "timestamp_untrusted"), ("leader", "timestamp_untrusted")])
def test_a_time_stamp_of_the_wrong_authority_proves_nothing(
    judge: Judge, pki: Pki, at: datetime, who: str, code: str
) -> None:
    answer = judge(draft().sign(pki.key("leader"), LEADER, at, stamp=stamper(pki, at, who)))
    assert answer.verdict is Verdict.WARNED
    assert codes(answer) == {code}
    assert answer.signatures[0].time_source is TimeSource.CLOCK


def test_a_time_stamp_over_something_else_proves_nothing(judge: Judge, pki: Pki, at: datetime) -> None:
    wrong = hashlib.sha256(b"something else").digest()
    answer = judge(draft().sign(pki.key("leader"), LEADER, at, stamp=lambda _: stamper(pki, at)(wrong)))
    assert answer.verdict is Verdict.WARNED
    assert codes(answer) == {"timestamp_invalid"}


def test_a_document_time_stamp_over_something_else_fails(judge: Judge, approved: Paper, pki: Pki, at: datetime) -> None:
    wrong = hashlib.sha256(b"something else").digest()
    answer = judge(approved.sign_new(pki.key("tsa"), at, document_stamp=True, stamp=lambda _: stamper(pki, at)(wrong)))
    assert [report.verdict for report in answer.signatures] == [Verdict.PASSED, Verdict.FAILED]
    assert answer.signatures[0].proven_time is None


def test_time_stamps_in_the_wrong_order(judge: Judge, pki: Pki, at: datetime) -> None:
    paper = draft().sign(pki.key("leader"), LEADER, at, stamp=stamper(pki, at))
    paper = paper.sign_new(pki.key("tsa"), at, document_stamp=True, stamp=stamper(pki, at - 3 * DAY))
    answer = judge(paper)
    assert answer.verdict is Verdict.WARNED
    assert "timestamp_order" in codes(answer)


def test_a_clock_that_runs_ahead_is_doubted(judge: Judge, pki: Pki, at: datetime) -> None:
    answer = judge(draft().sign(pki.key("leader"), LEADER, at + 5 * DAY))
    assert answer.verdict is Verdict.WARNED
    assert codes(answer) == {"time_in_future"}


def test_a_signature_must_be_bound_to_its_certificate(judge: Judge, pki: Pki, at: datetime) -> None:
    answer = judge(draft().sign(pki.key("leader"), LEADER, at, bound=False))
    assert answer.verdict is Verdict.WARNED
    assert codes(answer) == {"signing_certificate_absent"}
    legacy = judge(draft().sign(pki.key("leader"), LEADER, at, bound=False, subfilter=b"adbe.pkcs7.detached"))
    assert (legacy.verdict, legacy.signatures[0].level) == (Verdict.PASSED, "legacy")


def test_an_unknown_kind_of_signature_is_not_judged(judge: Judge, pki: Pki, at: datetime) -> None:
    answer = judge(draft().sign(pki.key("leader"), LEADER, at, subfilter=b"vendor.special"))
    assert answer.verdict is Verdict.WARNED
    assert codes(answer) == {"subfilter_unsupported"}


def answered(pki: Pki, at: datetime, responder: str, *, status: ocsp.OCSPCertStatus) -> bytes:
    """An OCSP answer about the leader's certificate."""
    authority = x509.load_der_x509_certificate(pki.certificate("issuing"))
    certificate = x509.load_der_x509_certificate(pki.certificate(responder))
    gone = status is ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=x509.load_der_x509_certificate(pki.certificate("leader")),
        issuer=authority,
        algorithm=hashes.SHA1(),
        cert_status=status,
        this_update=at - DAY,
        next_update=at + DAY,
        revocation_time=at - DAY if gone else None,
        revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate).certificates([certificate])
    return builder.sign(_private(pki, responder), hashes.SHA256()).public_bytes(Encoding.DER)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("responder", "status", "verdict"),
    [
        ("ocsp", ocsp.OCSPCertStatus.GOOD, Verdict.PASSED),
        ("issuing", ocsp.OCSPCertStatus.GOOD, Verdict.PASSED),
        ("ocsp", ocsp.OCSPCertStatus.REVOKED, Verdict.FAILED),
        ("leader", ocsp.OCSPCertStatus.GOOD, Verdict.WARNED),
        ("rogue-root", ocsp.OCSPCertStatus.GOOD, Verdict.WARNED),
    ],
)
def test_embedded_answers_count_when_an_appointed_responder_gave_them(
    pki: Pki, at: datetime, approved: Paper, responder: str, status: ocsp.OCSPCertStatus, verdict: Verdict
) -> None:
    answer = answered(pki, at, responder, status=status)
    number = approved.free
    body = b"<</Length %d>>\nstream\n%s\nendstream" % (len(answer), answer)
    catalog = approved.with_entry(1, b"/DSS<</OCSPs[%d 0 R]>>" % number)
    paper = approved.update({number: body, 1: catalog})
    trust = replace(pki.trust(), crls=(crl(pki, at - DAY, at + DAY, issuer="root"),))
    found = verify(paper.data, trust, at=at)
    assert found.verdict is verdict
    if verdict is Verdict.PASSED:
        assert found.signatures[0].revocation_source.startswith("OCSP")


def test_the_signer_and_its_issuer_are_told(judge: Judge, pki: Pki, at: datetime) -> None:
    key: Key = pki.key("seal")
    (report,) = judge(draft().sign(key, AGENCY, at)).signatures
    assert report.certificate_sha256 == hashlib.sha256(key.certificate).hexdigest()
    assert (report.issuer, report.anchor) == ("CA cấp phát THỬ NGHIỆM", "CA gốc THỬ NGHIỆM")
    assert int(report.certificate_serial, 16) == pki.entries["seal"].serial
    assert report.revocation_source.startswith("CRL ")

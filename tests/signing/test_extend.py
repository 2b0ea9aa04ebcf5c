"""Extending adds evidence and a time-stamp and nothing else; other programs agree; what cannot be proven is refused."""

from __future__ import annotations

import asyncio
import hashlib
import io
import random
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from asn1crypto.crl import CertificateList
from asn1crypto.keys import PrivateKeyInfo
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko.sign.validation.policy_decl import PdfSignatureValidationSpec, SignatureValidationSpec
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleCertificateStore, SimpleTrustManager

from signing.__main__ import main
from signing.errors import CertificateUnfit, NotPermitted, RevocationDown, SigningError, TsaDown, ValueRejected
from signing.extend import extend
from signing.pki import Pki
from signing.results import Modification, TimeSource, Verdict
from signing.seal import SealRequest, fill_and_seal
from signing.sign import Request, sign
from signing.trust import Trust
from signing.tsa import LocalTsa
from signing.verify import verify
from tests.signing import making
from tests.signing.test_verify_time import crl, fresh, stamper

DAY = timedelta(days=1)
TEXTS = {"so": "05", "ngay": "21", "thang": "11", "nam": "2026"}


@pytest.fixture(scope="module")
def trust(pki: Pki, at: datetime) -> Trust:
    return fresh(pki, at)


@pytest.fixture(scope="module")
def stamped(draft: bytes, pki: Pki, trust: Trust, tsa: LocalTsa, at: datetime) -> bytes:
    """Certified by the leader at level B-T."""
    request = Request("leader", kind="certification", level="B-T")
    return sign(draft, pki.key("leader"), request, trust, tsa=tsa, at=at).pdf


@pytest.fixture(scope="module")
def sealed(stamped: bytes, pki: Pki, trust: Trust, tsa: LocalTsa, at: datetime) -> bytes:
    """Issued: sealed at level B-LTA in one call; nothing may change any more."""
    return fill_and_seal(
        stamped, pki.key("seal"), SealRequest(TEXTS, level="B-LTA"), trust, tsa=tsa, at=at + timedelta(hours=1)
    ).pdf


def store(pdf: bytes) -> Any:
    return PdfFileReader(io.BytesIO(pdf)).root["/DSS"]


def streams(pdf: bytes, key: str) -> list[bytes]:
    return [item.get_object().data for item in store(pdf)[key]]


def test_only_evidence_is_added(stamped: bytes, pki: Pki, trust: Trust, at: datetime) -> None:
    done = extend(stamped, trust, level="B-LT", at=at)
    assert done.pdf.startswith(stamped)
    assert done.sha256 == hashlib.sha256(done.pdf).hexdigest()
    assert (done.level, done.fields, done.stamp_field, done.stamped_at) == ("B-LT", ("leader",), "", None)
    assert set(streams(done.pdf, "/CRLs")) == set(trust.crls)
    assert set(streams(done.pdf, "/Certs")) == {pki.certificate(name) for name in ("leader", "root", "issuing", "tsa")}
    (report,) = verify(done.pdf, trust, at=at).signatures
    assert (report.verdict, report.modification) == (Verdict.PASSED, Modification.PERMITTED)
    assert [change.kind for change in report.changes] == ["dss"]


def test_each_signature_of_an_issued_document_has_its_evidence(sealed: bytes, trust: Trust, at: datetime) -> None:
    """Sealed and closed for good; evidence and time-stamps are still allowed (ISO 32000-2, 12.8.2.2.2)."""
    answer = verify(sealed, trust, at=at + DAY)
    assert answer.verdict is Verdict.PASSED
    assert [(one.field, one.level) for one in answer.signatures] == [
        ("leader", "B-LTA"), ("agency", "B-LTA"), ("timestamp1", "B-T"),
    ]  # fmt: skip
    assert answer.signatures[1].locks
    names = set(store(sealed)["/VRI"])
    contents = re.findall(rb"/Contents\s*<([0-9a-fA-F]+)>", sealed)
    expected = {"/" + hashlib.sha1(raw, usedforsecurity=False).hexdigest().upper() for raw in contents[:2]}
    assert names == expected  # ETSI EN 319 142-1, 5.4.2.3


def test_a_document_that_allows_nothing_more(pki: Pki, trust: Trust, tsa: LocalTsa, at: datetime) -> None:
    """DocMDP level 1 of a file another program wrote, with a field of the name that would come next."""
    paper = making.draft().add_field(b"timestamp1")
    paper = paper.sign(pki.key("leader"), making.LEADER, at, certify=1, stamp=stamper(pki, at))
    done = extend(paper.data, trust, level="B-LTA", tsa=tsa, at=at)
    assert done.stamp_field == "timestamp2"
    answer = verify(done.pdf, trust, at=at + DAY)
    assert answer.verdict is Verdict.PASSED
    assert (answer.signatures[0].docmdp, answer.signatures[0].level) == (1, "B-LTA")


def test_renewal_keeps_what_is_there(sealed: bytes, pki: Pki, at: datetime) -> None:
    later = at + 20 * DAY
    lists = fresh(pki, later)
    again = extend(sealed, lists, level="B-LTA", tsa=LocalTsa(pki.key("tsa"), lambda: later), at=later)
    assert again.pdf.startswith(sealed)
    assert (again.stamp_field, again.stamped_at) == ("timestamp2", later)
    assert again.fields == ("leader", "agency", "timestamp1")
    assert len(store(again.pdf)["/VRI"]) == 3
    old, new = streams(sealed, "/CRLs"), streams(again.pdf, "/CRLs")
    assert new[: len(old)] == old
    assert set(new) == {*old, *lists.crls}
    assert len(new) == len(set(new))
    assert streams(again.pdf, "/Certs") == streams(sealed, "/Certs")  # the same authority stamped
    assert verify(again.pdf, lists, at=later).verdict is Verdict.PASSED


def test_without_a_time_stamp_the_document_gets_one_first(
    draft: bytes, pki: Pki, trust: Trust, tsa: LocalTsa, at: datetime
) -> None:
    plain = sign(draft, pki.key("leader"), Request("leader"), trust, at=at).pdf
    with pytest.raises(ValueError, match="time-stamp authority"):
        extend(plain, trust, level="B-LT", at=at)
    done = extend(plain, trust, level="B-LT", tsa=tsa, at=at)
    assert done.fields == ("leader", "timestamp1")
    report = verify(done.pdf, trust, at=at + DAY).signatures[0]
    assert (report.verdict, report.level, report.time_source) == (
        Verdict.PASSED, "B-LT", TimeSource.DOCUMENT_TIMESTAMP,
    )  # fmt: skip
    archived = extend(plain, trust, level="B-LTA", tsa=tsa, at=at)
    assert verify(archived.pdf, trust, at=at + DAY).signatures[0].level == "B-LTA"


# refusals -----------------------------------------------------------------------------------------------------


class _Silent:
    room = 8192

    def stamp(self, digest: bytes, algorithm: str) -> bytes:
        raise TsaDown


def test_an_authority_that_is_down(stamped: bytes, trust: Trust, at: datetime) -> None:
    with pytest.raises(TsaDown):
        extend(stamped, trust, level="B-LTA", tsa=_Silent(), at=at)


def test_an_authority_nobody_trusts(stamped: bytes, pki: Pki, trust: Trust, at: datetime) -> None:
    with pytest.raises(TsaDown, match="timestamp_untrusted"):
        extend(stamped, trust, level="B-LTA", tsa=LocalTsa(pki.key("rogue-tsa"), lambda: at), at=at)


def test_an_authority_that_stamps_something_else(stamped: bytes, trust: Trust, tsa: LocalTsa, at: datetime) -> None:
    class Liar:
        room = 8192

        def stamp(self, digest: bytes, algorithm: str) -> bytes:
            return tsa.stamp(hashlib.new(algorithm, b"something else").digest(), algorithm)

    with pytest.raises(SigningError, match="timestamp_invalid"):
        extend(stamped, trust, level="B-LTA", tsa=Liar(), at=at)


@pytest.mark.parametrize(
    ("lists", "error", "code"),
    [
        (lambda pki, at: (), RevocationDown, "revocation_down"),
        (lambda pki, at: (crl(pki, at - DAY, at + DAY),), RevocationDown, "revocation_down"),
        (
            lambda pki, at: tuple(crl(pki, at - 9 * DAY, at - DAY, issuer=name) for name in ("root", "issuing")),
            RevocationDown,
            "revocation_down",
        ),
        (lambda pki, at: fresh(pki, at, leader=at - DAY).crls, CertificateUnfit, "certificate_revoked"),
        (lambda pki, at: fresh(pki, at, tsa=at - DAY).crls, TsaDown, "timestamp_untrusted"),
    ],
    ids=["none", "not-for-the-authority", "run-out", "revoked", "stamps-revoked"],
)
def test_evidence_that_does_not_prove_it(
    stamped: bytes,
    pki: Pki,
    trust: Trust,
    at: datetime,
    lists: Callable[[Pki, datetime], tuple[bytes, ...]],
    error: type[SigningError],
    code: str,
) -> None:
    with pytest.raises(error) as caught:
        extend(stamped, replace(trust, crls=lists(pki, at)), level="B-LT", at=at)
    assert caught.value.code == code


def test_revoked_after_it_was_stamped_is_no_hindrance(stamped: bytes, pki: Pki, at: datetime) -> None:
    later = at + 3 * DAY
    lists = fresh(pki, later, leader=at + DAY)
    done = extend(stamped, lists, level="B-LT", at=later)
    assert verify(done.pdf, lists, at=later).verdict is Verdict.PASSED


def test_too_late_once_the_signer_has_expired(stamped: bytes, pki: Pki, at: datetime) -> None:
    """An issuer need not list whom it let expire, so its later lists prove nothing (RFC 5280, 3.3)."""
    late = at + 1500 * DAY
    with pytest.raises(RevocationDown):
        extend(stamped, fresh(pki, late), level="B-LT", at=late)


def test_too_late_once_the_last_stamp_has_expired(sealed: bytes, pki: Pki, at: datetime) -> None:
    late = at + 3100 * DAY
    with pytest.raises(TsaDown, match="timestamp_untrusted"):
        extend(sealed, fresh(pki, late), level="B-LTA", tsa=LocalTsa(pki.key("tsa"), lambda: late), at=late)


def test_a_broken_signature_gets_no_evidence(stamped: bytes, trust: Trust, at: datetime) -> None:
    place = stamped.index(b"stream") + 20
    broken = stamped[:place] + bytes([stamped[place] ^ 1]) + stamped[place + 1 :]
    with pytest.raises(ValueRejected, match="digest_mismatch"):
        extend(broken, trust, level="B-LT", at=at)


def test_turned_bits_never_leak_an_error_of_another_kind(sealed: bytes, trust: Trust, at: datetime) -> None:
    """Whatever is wrong with a document is told by our own tree of errors."""
    chance = random.Random(5)
    told = set()
    for _ in range(120):
        place = chance.randrange(len(sealed))
        broken = sealed[:place] + bytes([sealed[place] ^ 1 << chance.randrange(8)]) + sealed[place + 1 :]
        try:
            extend(broken, trust, level="B-LT", at=at)
        except SigningError as error:
            told.add(error.code)
    assert "digest_mismatch" in told


def test_a_signer_nobody_knows(draft: bytes, pki: Pki, trust: Trust, tsa: LocalTsa, at: datetime) -> None:
    foreign = sign(draft, pki.key("rogue-leader"), Request("leader", level="B-T"), Trust(), tsa=tsa, at=at).pdf
    with pytest.raises(CertificateUnfit, match="no_chain"):
        extend(foreign, trust, level="B-LT", at=at)


def test_an_unsigned_document(draft: bytes, trust: Trust, at: datetime) -> None:
    with pytest.raises(NotPermitted, match="not_signed"):
        extend(draft, trust, level="B-LT", at=at)


def test_a_level_needs_what_it_stands_on(stamped: bytes, trust: Trust, at: datetime) -> None:
    with pytest.raises(ValueError, match="anchors"):
        extend(stamped, Trust(), level="B-LT", at=at)
    with pytest.raises(ValueError, match="authority"):
        extend(stamped, trust, level="B-LTA", at=at)


@pytest.mark.parametrize(("level", "with_tsa", "with_trust"), [("B-LT", False, True), ("B-LTA", True, False)])
def test_signing_at_a_level_needs_it_too(
    draft: bytes, pki: Pki, trust: Trust, tsa: LocalTsa, at: datetime, level: Any, with_tsa: bool, with_trust: bool
) -> None:
    chosen, stamper = trust if with_trust else Trust(), tsa if with_tsa else None
    with pytest.raises(ValueError, match=level):
        sign(draft, pki.key("leader"), Request("leader", level=level), chosen, tsa=stamper, at=at)


# other programs -----------------------------------------------------------------------------------------------


def test_pdfsig_accepts_the_signatures(sealed: bytes, pdfsig: Path, tmp_path: Path) -> None:
    (tmp_path / "sealed.pdf").write_bytes(sealed)
    done = subprocess.run([pdfsig, "-nocert", tmp_path / "sealed.pdf"], capture_output=True, text=True, check=False)
    assert done.stdout.count("Signature is Valid") == 2, done.stdout


def test_qpdf_finds_the_structure_sound(sealed: bytes, qpdf: Path, tmp_path: Path) -> None:
    (tmp_path / "sealed.pdf").write_bytes(sealed)
    done = subprocess.run([qpdf, "--check", tmp_path / "sealed.pdf"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("openssl")
def test_openssl_accepts_the_document_time_stamp(sealed: bytes, pki: Pki, at: datetime, tmp_path: Path) -> None:
    field = next(
        ref.get_object()["/V"]
        for ref in PdfFileReader(io.BytesIO(sealed)).root["/AcroForm"]["/Fields"]
        if ref.get_object()["/T"] == "timestamp1"
    )
    _, before, after, rest = (int(number) for number in field["/ByteRange"])
    assert after + rest == len(sealed)
    (tmp_path / "data").write_bytes(sealed[:before] + sealed[after:])
    (tmp_path / "token").write_bytes(bytes(field["/Contents"]))
    command = ["openssl", "ts", "-verify", "-data", "data", "-in", "token", "-token_in", "-attime"]
    trusted = [
        "-CAfile", str(pki.trust_dir / "root.crt"), "-untrusted", str(pki.trust_dir / "intermediates/issuing.crt"),
    ]  # fmt: skip
    done = subprocess.run(
        [*command, str(int((at + DAY).timestamp())), *trusted],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_pyhanko_needs_nothing_but_the_file_and_the_root(
    sealed: bytes, stamped: bytes, pki: Pki, at: datetime
) -> None:
    """Its own process for archived signatures (ETSI EN 319 102-1, 5.6.3); without the evidence it does not pass."""
    root = asn1_x509.Certificate.load(pki.certificate("root"))
    policy = CertValidationPolicySpec(SimpleTrustManager.build([root]), CertRevTrustPolicy(REQUIRE_REVINFO))
    spec = PdfSignatureValidationSpec(SignatureValidationSpec(policy))
    moment = at + timedelta(hours=2)
    timing = ValidationTimingInfo(moment, moment, point_in_time_validation=True)

    def judged(pdf: bytes) -> list[object]:
        return [
            asyncio.run(ades_lta_validation(signature, spec, timing_info=timing)).ades_subindic
            for signature in PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures
        ]

    assert judged(sealed) == [AdESPassed.OK, AdESPassed.OK]
    assert AdESPassed.OK not in judged(stamped)


def test_what_pyhanko_kept_is_judged_and_extended(
    draft: bytes, pki: Pki, trust: Trust, tsa: LocalTsa, at: datetime
) -> None:
    """Made by another library: evidence in an update of its own, its own names, its own time-stamp fields."""

    class Stamper(TimeStamper):
        async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
            return tsp.TimeStampResp.load(tsa.answer(req.dump()))

    def known(name: str) -> asn1_x509.Certificate:
        return asn1_x509.Certificate.load(pki.certificate(name))

    private = load_der_private_key((pki.keys_dir / "leader.key").read_bytes(), pki.password("leader").encode())
    raw = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    others = SimpleCertificateStore()
    others.register_multiple([known("issuing"), known("root")])
    signer = SimpleSigner(signing_cert=known("leader"), signing_key=PrivateKeyInfo.load(raw), cert_registry=others)
    context = ValidationContext(
        trust_roots=[known("root")],
        other_certs=[known("issuing")],
        crls=[CertificateList.load(der) for der in trust.crls],
        moment=at,
        revocation_mode="require",
    )
    about = PdfSignatureMetadata(
        field_name="leader",
        subfilter=SigSeedSubFilter.PADES,
        embed_validation_info=True,
        use_pades_lta=True,
        validation_context=context,
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(draft))
    made = sign_pdf(writer, about, signer=signer, timestamper=Stamper(), existing_fields_only=True).getvalue()
    answer = verify(made, replace(trust, crls=()), at=at + timedelta(minutes=1))
    assert (answer.verdict, answer.signatures[0].level) == (Verdict.PASSED, "B-LTA")
    again = extend(made, trust, level="B-LTA", tsa=tsa, at=at)
    assert streams(again.pdf, "/CRLs") == streams(made, "/CRLs")  # its evidence serves, nothing is stored twice
    found = verify(again.pdf, trust, at=at + timedelta(minutes=1))
    assert [one.verdict for one in found.signatures] == [Verdict.PASSED] * 3


# the command --------------------------------------------------------------------------------------------------


def test_the_command(stamped: bytes, trust: Trust, at: datetime, tmp_path: Path, capsys: Any) -> None:
    trust.save(tmp_path / "trust")
    (tmp_path / "in.pdf").write_bytes(stamped)
    out = tmp_path / "out.pdf"
    words = ["extend", str(tmp_path / "in.pdf"), str(out), "--trust", str(tmp_path / "trust"), "--level"]
    assert main([*words, "B-LT", "--at", at.isoformat()]) == 0
    assert "B-LT, leader" in capsys.readouterr().out
    assert verify(out.read_bytes(), trust, at=at).signatures[0].level == "B-LT"
    out.unlink()
    assert main([*words, "B-LTA", "--at", at.isoformat()]) == 64
    assert main([*words, "B-LTA", "--at", at.isoformat(), "--tsa", "http://127.0.0.1:9/"]) == 1
    assert not out.exists()

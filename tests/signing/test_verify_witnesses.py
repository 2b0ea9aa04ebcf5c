"""Other programs as witnesses: what we pass they call valid, what they call broken we do not pass."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

import hashlib
import io
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from asn1crypto import core
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from signing.pki import Pki
from signing.results import Verdict
from signing.trust import pem
from signing.witness import agrees
from tests.signing.making import (  # noqa: F401
    LEADER,
    PAGE,
    SECOND,
    Judge,
    Paper,
    approved,
    certified,
    draft,
    issued,
    judge,
)


def run(program: Path, *arguments: str | Path) -> str:
    done = subprocess.run([program, *arguments], capture_output=True, timeout=60, check=False)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def test_pdfsig_agrees_on_the_issued_document(pdfsig: Path, judge: Judge, issued: Paper, work: Path) -> None:
    path = work / "issued.pdf"
    path.write_bytes(issued.data)
    told = run(pdfsig, "-nocert", path)
    assert told.count("Signature is Valid.") == 2
    assert told.count("Signature #") == len(judge(issued).signatures)
    assert "Total document signed" in told
    assert "Nguyễn Văn Nam" in told


def test_pdfsig_agrees_on_a_changed_byte(pdfsig: Path, judge: Judge, approved: Paper, work: Path) -> None:
    changed = Paper(approved.data.replace(b"Quyet dinh", b"Quyet dixh"))
    path = work / "changed.pdf"
    path.write_bytes(changed.data)
    assert "Digest Mismatch" in run(pdfsig, "-nocert", path)
    answer = judge(changed)
    assert answer.verdict is Verdict.FAILED
    assert [reason.code for reason in answer.signatures[0].reasons] == ["digest_mismatch"]


def test_qpdf_finds_the_generated_files_sound(qpdf: Path, issued: Paper, work: Path) -> None:
    path = work / "issued.pdf"
    path.write_bytes(issued.data)
    assert "No syntax or stream encoding errors" in run(qpdf, "--check", path)


def test_another_reader_may_veto(issued: Paper) -> None:
    assert agrees(issued.data, [PAGE, SECOND]) is True
    assert agrees(issued.data, [SECOND, PAGE]) is False
    assert agrees(issued.data, [PAGE]) is False
    assert agrees(b"%PDF-1.7\nrubbish", [PAGE]) is None


def _key(pki: Pki, name: str) -> rsa.RSAPrivateKey:
    raw = (pki.keys_dir / f"{name}.key").read_bytes()
    found = load_der_private_key(raw, pki.password(name).encode())
    assert isinstance(found, rsa.RSAPrivateKey)
    return found


def made_by(openssl: Path, pki: Pki, work: Path, *options: str, enclose: str = "") -> Callable[[bytes], bytes]:
    """Containers of another maker."""

    def make(data: bytes) -> bytes:
        plain = _key(pki, "leader").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (work / "key.pem").write_bytes(plain)
        (work / "cert.pem").write_bytes(pem(pki.certificate("leader")))
        (work / "chain.pem").write_bytes(b"".join(pem(der) for der in pki.chain("leader")))
        (work / "data").write_bytes(hashlib.new(enclose, data, usedforsecurity=False).digest() if enclose else data)
        more = ("-nodetach", *options) if enclose else options
        subprocess.run(
            [openssl, "cms", "-sign", "-binary", "-outform", "DER", "-in", work / "data", "-out", work / "made",
             "-signer", work / "cert.pem", "-inkey", work / "key.pem", "-certfile", work / "chain.pem", *more],
            check=True, capture_output=True,
        )  # fmt: skip
        return (work / "made").read_bytes()

    return make


@pytest.mark.parametrize(
    ("options", "subfilter", "verdict", "code"),
    [
        (("-md", "sha256", "-cades"), b"ETSI.CAdES.detached", Verdict.PASSED, ""),
        (("-md", "sha384"), b"adbe.pkcs7.detached", Verdict.PASSED, ""),
        (("-md", "sha512", "-keyopt", "rsa_padding_mode:pss"), b"adbe.pkcs7.detached", Verdict.PASSED, ""),
        (("-md", "sha256", "-noattr"), b"adbe.pkcs7.detached", Verdict.PASSED, ""),
        (("-md", "sha1"), b"adbe.pkcs7.detached", Verdict.WARNED, "weak_algorithm"),
        (("-md", "md5"), b"adbe.pkcs7.detached", Verdict.WARNED, "algorithm_unsupported"),
        (("-md", "sha256", "-nocerts"), b"adbe.pkcs7.detached", Verdict.WARNED, "signer_certificate_missing"),
        (("-md", "sha256", "-nodetach"), b"adbe.pkcs7.detached", Verdict.FAILED, "container_unreadable"),
    ],
)
def test_containers_of_openssl(
    openssl: Path, judge: Judge, pki: Pki, at: datetime, work: Path, options: tuple[str, ...], subfilter: bytes,
    verdict: Verdict, code: str,
) -> None:  # fmt: skip
    how = {"subfilter": subfilter, "build": made_by(openssl, pki, work, *options)}
    paper = _signed_lately(pki, at, **how)
    report = judge(paper).signatures[0]
    codes = {reason.code for reason in report.reasons} - {"time_in_future"}
    assert codes == ({code} if code else set())
    if code != "":
        assert report.verdict is verdict
    else:
        assert report.integrity.value == "OK"


def _signed_lately(pki: Pki, at: datetime, **how: object) -> Paper:
    return draft().sign(pki.key("leader"), LEADER, at, **how)


def test_the_digest_inside_is_compared(openssl: Path, judge: Judge, pki: Pki, at: datetime, work: Path) -> None:
    build = made_by(openssl, pki, work, "-md", "sha1", enclose="sha1")
    paper = _signed_lately(pki, at, subfilter=b"adbe.pkcs7.sha1", build=build)
    assert "weak_algorithm" in {reason.code for reason in judge(paper).signatures[0].reasons}
    changed = Paper(paper.data.replace(b"Quyet dinh", b"Quyet dixh"))
    assert [reason.code for reason in judge(changed).signatures[0].reasons][:1] == ["digest_mismatch"]
    assert judge(changed).verdict is Verdict.FAILED


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256()])
def test_the_oldest_kind_is_compared_too(judge: Judge, pki: Pki, at: datetime, algorithm: hashes.HashAlgorithm) -> None:
    def build(data: bytes) -> bytes:
        return core.OctetString(_key(pki, "leader").sign(data, padding.PKCS1v15(), algorithm)).dump()

    entries = b"/Cert<" + pki.certificate("leader").hex().encode() + b">"
    paper = _signed_lately(pki, at, subfilter=b"adbe.x509.rsa_sha1", build=build, entries=entries)
    answer = judge(paper)
    assert answer.verdict is Verdict.WARNED
    assert [reason.code for reason in answer.signatures[0].reasons] == ["weak_algorithm"]
    assert judge(Paper(paper.data.replace(b"Quyet dinh", b"Quyet dixh"))).verdict is Verdict.FAILED


def test_another_library_agrees_that_both_signatures_are_intact(issued: Paper) -> None:
    from pyhanko.pdf_utils.reader import PdfFileReader

    reader = PdfFileReader(io.BytesIO(issued.data))
    for signature in reader.embedded_regular_signatures:
        signature.compute_integrity_info()
        assert signature.compute_digest() is not None
        assert signature.coverage is not None
    assert [signature.field_name for signature in reader.embedded_regular_signatures] == ["leader", "agency"]


@pytest.fixture
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("witness")

"""What is signed is the sent file plus one increment that other programs accept; what is unfit is refused first."""

from __future__ import annotations

import hashlib
import io
import random
import subprocess
import threading
import time
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.errors import (
    CertificateUnfit,
    Damaged,
    DocumentError,
    KeyUnavailable,
    NotAPdf,
    NotPermitted,
    OverLimit,
    RevocationDown,
    SigningError,
    TsaDown,
    ValueRejected,
)
from signing.increment import check_embedded, require_sound
from signing.keys import SoftKey
from signing.pki import RECIPE, Holder, Pki, raise_pki
from signing.results import Limits, Verdict
from signing.sign import Request, add_command, sign
from signing.stamp import Stamp, handwriting
from signing.trust import Trust
from signing.tsa import LocalTsa
from signing.verify import verify
from tests.signing.conftest import letter

CERTIFY = Request("leader", kind="certification")


class Witness:
    """A key that counts how often it was asked, and may lie."""

    pss = False

    def __init__(self, key: SoftKey, lie: bytes | None = None) -> None:
        self.key = key
        self.certificate = key.certificate
        self.chain = key.chain
        self.asked = 0
        self.lie = lie

    def sign(self, data: bytes, *, digest: str) -> bytes:
        self.asked += 1
        return self.key.sign(data, digest=digest) if self.lie is None else self.lie


class Silent:
    """A time-stamp authority that does not answer."""

    room = 8000

    def stamp(self, digest: bytes, algorithm: str) -> bytes:
        raise TsaDown


@pytest.fixture
def leader(pki: Pki) -> SoftKey:
    return pki.key("leader")


@pytest.fixture
def trust(pki: Pki) -> Trust:
    return pki.trust()


def byte_range(pdf: bytes) -> tuple[int, int, int, int]:
    """Of the last signature."""
    zero, start, end, rest = PdfFileReader(io.BytesIO(pdf)).embedded_signatures[-1].byte_range
    return int(zero), int(start), int(end), int(rest)


def pdfsig_says(pdfsig: Path, pdf: bytes, folder: Path) -> str:
    (folder / "x.pdf").write_bytes(pdf)
    return subprocess.run([pdfsig, "x.pdf"], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_the_leader_s_signature_convinces_others(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime, pdfsig: Path, qpdf: Path, tmp_path: Path
) -> None:
    stamp = Stamp(handwriting("Nguyễn Văn Nam"))
    signed = sign(
        draft, leader, Request("leader", kind="certification", stamp=stamp, reason="Ký ban hành"), trust, at=at
    )
    assert signed.pdf.startswith(draft)
    assert signed.sha256 == hashlib.sha256(signed.pdf).hexdigest()
    said = pdfsig_says(pdfsig, signed.pdf, tmp_path)
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "Nguyễn Văn Nam" in said
    assert "ETSI.CAdES.detached" in said
    assert "SHA-256" in said
    subprocess.run([qpdf, "--check", "x.pdf"], cwd=tmp_path, check=True, capture_output=True)
    found = verify(signed.pdf, trust, at=at)
    assert found.verdict is Verdict.PASSED
    (report,) = found.signatures
    assert (report.field, report.kind, report.docmdp, report.level) == ("leader", "certification", 2, "B-B")
    assert report.digest == signed.digest
    assert report.claimed_time == at
    assert report.covers_all
    assert report.test


def test_openssl_accepts_the_container(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime, pki: Pki, openssl: Path, tmp_path: Path
) -> None:
    signed = sign(draft, leader, CERTIFY, trust, at=at)
    _, start, end, rest = byte_range(signed.pdf)
    (tmp_path / "data").write_bytes(signed.pdf[:start] + signed.pdf[end : end + rest])
    (tmp_path / "cms").write_bytes(bytes.fromhex(signed.pdf[start + 1 : end - 1].decode()))
    command = [openssl, "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "cms", "-content", "data"]
    trusted = ["-CAfile", pki.trust_dir / "root.crt", "-purpose", "any", "-attime", str(int(at.timestamp()))]
    done = subprocess.run(
        [*command, *trusted, "-out", "out"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_time_stamp_proves_the_time(draft: bytes, leader: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa) -> None:
    signed = sign(draft, leader, Request("leader", level="B-T"), trust, tsa=tsa, at=at + timedelta(minutes=3))
    assert (signed.level, signed.proven_time) == ("B-T", at)
    (report,) = verify(signed.pdf, trust, at=at + timedelta(hours=1)).signatures
    assert (report.level, report.proven_time, report.verdict) == ("B-T", at, Verdict.PASSED)


@pytest.mark.parametrize("algorithm", ["p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096", "pss"])
def test_every_algorithm(algorithm: str, draft: bytes, tmp_path: Path, at: datetime, tsa: LocalTsa) -> None:
    own = raise_pki(RECIPE, tmp_path / "pki", at=at, key="p256", rounds=1000)
    kind = "rsa2048" if algorithm == "pss" else algorithm
    own.issue([Holder("signer", "Lê Thị Bình", "Sở Tài chính", overrides={"key": kind})], at=at)
    own.renew_crls(at=at)
    key = own.key("signer")
    if algorithm == "pss":
        assert key._private is not None
        key = SoftKey(key._private, key.certificate, key.chain, pss=True)
    signed = sign(draft, key, CERTIFY, own.trust(), at=at)
    found = verify(signed.pdf, own.trust(), at=at)
    assert found.verdict is Verdict.PASSED, found
    assert ("PSS" in found.signatures[0].algorithm) == (algorithm == "pss")
    own_tsa = LocalTsa(own.key("tsa"), lambda: at)
    stamped = sign(draft, key, Request("leader", level="B-T"), own.trust(), tsa=own_tsa, at=at)
    assert verify(stamped.pdf, own.trust(), at=at).verdict is Verdict.PASSED


def test_no_more_room_is_taken_than_the_container_needs(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime, tsa: LocalTsa
) -> None:
    for request in (CERTIFY, Request("leader", level="B-T")):
        tsa.stamp(bytes(32), "sha256")
        pdf = sign(draft, leader, request, trust, tsa=tsa, at=at).pdf
        _, start, end, _ = byte_range(pdf)
        contents = bytes.fromhex(pdf[start + 1 : end - 1].decode())
        assert len(contents) - len(contents.rstrip(b"\x00")) <= 256


def test_nothing_but_the_signature_is_written(draft: bytes, leader: SoftKey, trust: Trust, at: datetime) -> None:
    before, after = (PdfFileReader(io.BytesIO(pdf)) for pdf in (draft, sign(draft, leader, CERTIFY, trust, at=at).pdf))
    assert before.trailer["/Info"] == after.trailer["/Info"]
    assert "/Metadata" not in after.root
    assert after.root["/Pages"]["/Count"] == before.root["/Pages"]["/Count"]


def test_times_are_told_with_their_zone(draft: bytes, leader: SoftKey, trust: Trust, at: datetime) -> None:
    local = at.astimezone(timezone(timedelta(hours=7)))
    (signature,) = PdfFileReader(io.BytesIO(sign(draft, leader, CERTIFY, trust, at=local).pdf)).embedded_signatures
    assert signature.sig_object["/M"] == "D:20261121091542+07'00'"
    with pytest.raises(ValueError, match="time zone"):
        sign(draft, leader, CERTIFY, trust, at=at.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("expired", "certificate_expired"),
        ("not-yet-valid", "certificate_not_yet_valid"),
        ("revoked", "certificate_revoked"),
        ("wrong-usage", "wrong_usage"),
        ("clerk", "wrong_usage"),
        ("exchange", "wrong_usage"),
        ("tsa", "wrong_usage"),
        ("issuing", "wrong_usage"),
        ("rogue-leader", "no_chain"),
    ],
)
def test_an_unfit_certificate_is_refused_before_the_key_is_asked(
    draft: bytes, pki: Pki, trust: Trust, at: datetime, name: str, code: str
) -> None:
    key = Witness(pki.key(name))
    with pytest.raises(CertificateUnfit) as refused:
        sign(draft, key, CERTIFY, trust, at=at)
    assert refused.value.code == code
    assert key.asked == 0


def test_nobody_but_an_authority_issues_certificates(draft: bytes, pki: Pki, trust: Trust, at: datetime) -> None:
    issuer = pki.key("leader")
    above = x509.load_der_x509_certificate(issuer.certificate)
    private = ec.generate_private_key(ec.SECP256R1())
    assert issuer._private is not None
    forged = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Chủ tịch")]))
        .issuer_name(above.subject)
        .public_key(private.public_key())
        .serial_number(7)
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .sign(issuer._private, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    key = SoftKey(private, forged, (issuer.certificate, *issuer.chain))
    with pytest.raises(CertificateUnfit) as refused:
        sign(draft, key, CERTIFY, trust, at=at)
    assert refused.value.code == "no_chain"


def test_an_authority_signs_no_documents(draft: bytes, tmp_path: Path, at: datetime) -> None:
    own = raise_pki(RECIPE, tmp_path / "pki", at=at, key="p256", rounds=1000)
    usage = {"usage": ["key_cert_sign", "crl_sign", "content_commitment"]}
    own.issue([Holder("second", "CA hai THỬ NGHIỆM", "X", template="issuing", issuer="root", overrides=usage)], at=at)
    with pytest.raises(CertificateUnfit) as refused:
        sign(draft, own.key("second"), CERTIFY, Trust(), at=at)
    assert refused.value.code == "wrong_usage"


def test_what_was_revoked_later_could_sign_before(draft: bytes, pki: Pki, trust: Trust, at: datetime) -> None:
    signed = sign(draft, pki.key("revoked"), CERTIFY, trust, at=at - timedelta(days=31))
    assert signed.claimed_time == at - timedelta(days=31)


def test_a_status_that_cannot_be_told_is_not_good(draft: bytes, leader: SoftKey, trust: Trust, at: datetime) -> None:
    bare = Trust(trust.anchors, trust.intermediates)
    with pytest.raises(RevocationDown):
        sign(draft, leader, CERTIFY, bare, at=at)
    with pytest.raises(RevocationDown):  # the lists have run out by then
        sign(draft, leader, CERTIFY, trust, at=at + timedelta(days=31))
    forged = Trust(trust.anchors, trust.intermediates, tuple(crl[:-1] + bytes([crl[-1] ^ 1]) for crl in trust.crls))
    with pytest.raises(RevocationDown):
        sign(draft, leader, CERTIFY, forged, at=at)


def test_without_anchors_validity_and_usage_are_still_asked(draft: bytes, pki: Pki, at: datetime) -> None:
    sign(draft, pki.key("rogue-leader"), CERTIFY, Trust(), at=at)
    with pytest.raises(CertificateUnfit):
        sign(draft, pki.key("expired"), CERTIFY, Trust(), at=at)


def test_fields_must_be_there_and_empty(draft: bytes, leader: SoftKey, trust: Trust, at: datetime) -> None:
    for field in ("nobody", "so", ""):
        with pytest.raises(NotPermitted) as refused:
            sign(draft, leader, Request(field), trust, at=at)
        assert refused.value.code == "field_missing"
    once = sign(draft, leader, Request("leader"), trust, at=at).pdf
    with pytest.raises(NotPermitted) as refused:
        sign(once, leader, Request("leader"), trust, at=at)
    assert refused.value.code == "field_taken"


def test_a_certification_comes_first(draft: bytes, leader: SoftKey, trust: Trust, at: datetime) -> None:
    once = sign(draft, leader, Request("agency"), trust, at=at).pdf
    with pytest.raises(NotPermitted) as refused:
        sign(once, leader, CERTIFY, trust, at=at)
    assert refused.value.code == "certification_not_first"


@pytest.mark.parametrize("kind", ["certification", "approval"])
def test_a_locked_document_takes_no_more_signatures(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime, kind: str
) -> None:
    locked = sign(draft, leader, Request("leader", kind=kind, lock_all=True), trust, at=at).pdf  # type: ignore[arg-type]
    assert verify(locked, trust, at=at).signatures[0].locks or kind == "certification"
    with pytest.raises(NotPermitted) as refused:
        sign(locked, leader, Request("agency"), trust, at=at)
    assert refused.value.code == "document_locked"


def test_two_people_sign_one_after_the_other(
    draft: bytes, leader: SoftKey, pki: Pki, trust: Trust, at: datetime, pdfsig: Path, tmp_path: Path
) -> None:
    once = sign(draft, leader, CERTIFY, trust, at=at).pdf
    twice = sign(once, pki.key("deputy"), Request("agency"), trust, at=at).pdf
    assert twice.startswith(once)
    assert pdfsig_says(pdfsig, twice, tmp_path).count("Signature is Valid") == 2
    found = verify(twice, trust, at=at)
    assert [report.verdict for report in found.signatures] == [Verdict.PASSED] * 2


def encrypted(pdf: bytes) -> bytes:
    import pikepdf

    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        opened.save(out, encryption=pikepdf.Encryption(owner="x", user=""))
    return out.getvalue()


def test_files_that_cannot_be_used_say_why(draft: bytes, leader: SoftKey, trust: Trust, at: datetime) -> None:
    key = Witness(leader)
    expected: list[tuple[bytes, type[SigningError], str]] = [
        (b"", NotAPdf, "not_a_pdf"),
        (b"PK\x03\x04", NotAPdf, "not_a_pdf"),
        (b"%PDF-1.7\n", Damaged, "damaged"),
        (draft[:900], Damaged, "damaged"),
        (encrypted(draft), NotPermitted, "encrypted"),
    ]
    for pdf, kind, code in expected:
        with pytest.raises(kind) as refused:
            sign(pdf, key, CERTIFY, trust, at=at)
        assert refused.value.code == code
    with pytest.raises(OverLimit):
        sign(draft, key, CERTIFY, trust, at=at, limits=Limits(bytes=len(draft) - 1))
    assert key.asked == 0


def test_broken_files_never_leak_an_error_of_the_library(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime
) -> None:
    dice = random.Random(7)
    signed = 0
    for _ in range(150):
        broken = bytearray(draft)
        for _ in range(dice.choice((1, 3, 20))):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        if dice.random() < 0.2:
            del broken[dice.randrange(len(broken)) :]
        try:
            done = sign(bytes(broken), leader, CERTIFY, trust, at=at)
        except (DocumentError, NotPermitted):
            continue
        assert done.pdf.startswith(bytes(broken))
        signed += 1
    assert signed > 20  # many a flaw every viewer forgives


def test_a_value_that_does_not_fit_is_not_handed_out(
    draft: bytes, leader: SoftKey, pki: Pki, trust: Trust, at: datetime
) -> None:
    other = pki.key("deputy").sign(b"x", digest="sha256")
    for lie in (other, b"", bytes(256), bytes(100), bytes(5000)):
        with pytest.raises(ValueRejected):
            sign(draft, Witness(leader, lie), CERTIFY, trust, at=at)


def test_the_check_before_returning_sees_every_signed_byte(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime
) -> None:
    pdf = sign(draft, leader, CERTIFY, trust, at=at).pdf
    covered = byte_range(pdf)
    assert check_embedded(pdf, covered) == leader.certificate
    dice = random.Random(3)
    _, start, end, rest = covered
    for _ in range(100):
        place = dice.choice((dice.randrange(start), dice.randrange(end, end + rest)))
        broken = bytearray(pdf)
        broken[place] ^= 1 << dice.randrange(8)
        with pytest.raises(ValueRejected):
            check_embedded(bytes(broken), covered)
    for wrong in ((), (1, start, end, rest), (0, start + 1, end, rest), (0, start, end + 1, rest - 1), (0, 5, 3, 1)):
        with pytest.raises(ValueRejected):
            check_embedded(pdf, wrong)
    with pytest.raises(ValueRejected):
        check_embedded(pdf, (0, start, end, rest + 1))


def test_an_output_that_is_not_the_input_and_one_signature_is_not_handed_out(
    draft: bytes, leader: SoftKey, pki: Pki, trust: Trust, at: datetime
) -> None:
    once = sign(draft, leader, CERTIFY, trust, at=at).pdf
    twice = sign(once, pki.key("deputy"), Request("agency"), trust, at=at).pdf
    covered, deputy = byte_range(twice), pki.certificate("deputy")
    require_sound(twice, once, covered, certificate=deputy)
    with pytest.raises(ValueRejected, match="input_changed"):
        require_sound(twice, once[:-1] + b" ", covered, certificate=deputy)
    with pytest.raises(ValueRejected, match="byterange_malformed"):  # two signatures where there was one to be made
        require_sound(twice, draft, covered, certificate=deputy)
    with pytest.raises(ValueRejected, match="signing_certificate_mismatch"):
        require_sound(twice, once, covered, certificate=leader.certificate)


def test_a_silent_authority_costs_nothing_but_the_try(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime
) -> None:
    with pytest.raises(TsaDown):
        sign(draft, leader, Request("leader", level="B-T"), trust, tsa=Silent(), at=at)
    with pytest.raises(ValueError, match="needs a time-stamp authority"):
        sign(draft, leader, Request("leader", level="B-T"), trust, at=at)


def test_a_time_stamp_nobody_trusts_is_not_embedded(
    draft: bytes, leader: SoftKey, pki: Pki, trust: Trust, at: datetime
) -> None:
    rogue = LocalTsa(pki.key("rogue-tsa"), lambda: at)
    with pytest.raises(TsaDown) as refused:
        sign(draft, leader, Request("leader", level="B-T"), trust, tsa=rogue, at=at)
    assert refused.value.code == "timestamp_untrusted"


def test_a_key_unlocked_for_another_file_is_not_asked(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime
) -> None:
    key = Witness(leader)
    key.file_sha256 = hashlib.sha256(b"another").hexdigest()  # type: ignore[attr-defined]
    with pytest.raises(KeyUnavailable):
        sign(draft, key, CERTIFY, trust, at=at)
    assert key.asked == 0


def test_a_stamp_that_does_not_fit_is_refused_before_the_key_is_asked(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime
) -> None:
    key = Witness(leader)
    stamp = Stamp(handwriting("A"), width_mm=200)
    with pytest.raises(NotPermitted, match="stamp_too_large"):
        sign(draft, key, Request("leader", stamp=stamp), trust, at=at)
    assert key.asked == 0


def test_files_of_other_shapes_can_be_signed(leader: SoftKey, trust: Trust, at: datetime) -> None:
    import pikepdf

    base = letter(3)
    shapes = {"many pages": letter(60), "not compressed": letter(compress=False)}
    with pikepdf.open(io.BytesIO(base)) as opened:
        for shape, mode in (
            ("object streams", pikepdf.ObjectStreamMode.generate),
            ("plain", pikepdf.ObjectStreamMode.disable),
        ):
            out = io.BytesIO()
            opened.save(out, object_stream_mode=mode)
            shapes[shape] = out.getvalue()
        out = io.BytesIO()
        opened.save(out, linearize=True)
        shapes["linearised"] = out.getvalue()
    for shape, pdf in shapes.items():
        signed = sign(pdf, leader, CERTIFY, trust, at=at).pdf
        assert signed.startswith(pdf), shape
        assert verify(signed, trust, at=at).verdict is Verdict.PASSED, shape


def test_a_form_that_is_a_direct_object_can_be_signed(
    leader: SoftKey, trust: Trust, at: datetime, draft: bytes
) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(draft))
    form = writer.root.raw_get("/AcroForm").get_object()
    writer.root["/AcroForm"] = type(form)(form)
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)
    signed = sign(out.getvalue(), leader, CERTIFY, trust, at=at).pdf
    assert verify(signed, trust, at=at).verdict is Verdict.PASSED


def test_a_container_put_together_wrongly_shows_at_its_signer_s_first(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from signing import increment

    monkeypatch.setattr(increment, "_PROVEN", set())
    made = increment.container

    def broken(*given: object, **more: object) -> bytes:
        raw = bytearray(made(*given, **more))  # type: ignore[arg-type]
        raw[raw.index(leader.certificate) + 500] ^= 1  # in the copy of the certificate that travels along
        return bytes(raw)

    monkeypatch.setattr(increment, "container", broken)
    with pytest.raises(ValueRejected):
        sign(draft, leader, CERTIFY, trust, at=at)
    monkeypatch.setattr(increment, "container", made)
    for _ in range(2):
        assert verify(sign(draft, leader, CERTIFY, trust, at=at).pdf, trust, at=at).verdict is Verdict.PASSED
    with pytest.raises(ValueRejected) as refused:  # the value is checked every time
        sign(draft, Witness(leader, lie=leader.sign(b"something else", digest="sha256")), CERTIFY, trust, at=at)
    assert refused.value.code == "value_wrong"


def test_threads_sign_the_same(draft: bytes, leader: SoftKey, trust: Trust, at: datetime) -> None:
    digests: list[str] = []

    def many() -> None:
        digests.extend(sign(draft, leader, Request("leader"), trust, at=at).field for _ in range(10))

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert digests == ["leader"] * 80


def test_signing_with_a_stamp_takes_less_than_thirty_milliseconds(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime
) -> None:
    request = Request("leader", kind="certification", stamp=Stamp(handwriting("Nguyễn Văn Nam")))
    sign(draft, leader, request, trust, at=at)
    before = time.process_time()
    for _ in range(20):
        sign(draft, leader, request, trust, at=at)
    assert (time.process_time() - before) / 20 < 0.030


def test_the_command_signs(draft: bytes, pki: Pki, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC)
    (tmp_path / "in.pdf").write_bytes(draft)
    (tmp_path / "password").write_text(pki.password("leader") + "\n", "utf-8")
    parser = ArgumentParser()
    add_command(parser.add_subparsers())
    paths = [str(tmp_path / "in.pdf"), str(tmp_path / "out.pdf")]
    options = ["--key", str(pki.keys_dir / "leader.key"), "--field", "leader", "--certify", "--stamp", "test"]
    arguments = parser.parse_args(["sign", *paths, *options, "--password-file", str(tmp_path / "password")])
    assert arguments.run(arguments) == 0
    assert "B-B, leader" in capsys.readouterr().out
    signed = (tmp_path / "out.pdf").read_bytes()
    (report,) = verify(signed, pki.trust(), at=now).signatures
    assert report.kind == "certification"


def test_the_command_says_why_it_did_not_sign(
    draft: bytes, pki: Pki, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.pdf").write_bytes(draft)
    (tmp_path / "password").write_text("wrong", "utf-8")
    parser = ArgumentParser()
    add_command(parser.add_subparsers())
    options = ["--key", str(pki.keys_dir / "leader.key"), "--field", "leader"]
    for source, code, said in (("in.pdf", 1, "wrong_password"), ("nothing.pdf", 64, "No such file")):
        paths = [str(tmp_path / source), str(tmp_path / "out.pdf")]
        arguments = parser.parse_args(["sign", *paths, *options, "--password-file", str(tmp_path / "password")])
        assert arguments.run(arguments) == code
        assert said in capsys.readouterr().err
    assert not (tmp_path / "out.pdf").exists()

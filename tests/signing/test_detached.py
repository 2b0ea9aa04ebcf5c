"""Detached signatures: made once, checked by us and by a tool that is not ours, refused for every single reason."""

from __future__ import annotations

import hashlib
import random
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signing.container import attributes, container, scheme
from signing.detached import sign_detached, verify_detached
from signing.errors import CertificateUnfit, ValueRejected
from signing.keys import SoftKey
from signing.pki import RECIPE, Holder, Pki, raise_pki
from signing.trust import Trust, pem

AT = datetime(2026, 11, 21, 2, 15, 42, tzinfo=UTC)
DATA = "Văn bản số 12/SNV-VTLT".encode()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """A PKI with exchange certificates of every sort of key, one of them revoked."""
    pki = raise_pki(RECIPE, tmp_path_factory.mktemp("exchange"), at=AT, rounds=1000)
    holders = [
        Holder(f"x-{key}", f"Trao đổi {key}", "Sở Nội vụ", template="exchange", overrides={"key": key})
        for key in ("p256", "p384", "ed25519", "rsa2048")
    ]
    gone = Holder("x-gone", "Trao đổi cũ", "Sở Nội vụ", template="exchange")
    pki.issue([*holders, gone], at=AT)
    pki.revoke("x-gone", at=AT - timedelta(days=1))
    pki.renew_crls(at=AT)
    return pki


@pytest.fixture(scope="module")
def signature(office: Pki) -> bytes:
    return sign_detached(DATA, office.key("x-p256"), at=AT)


@pytest.mark.parametrize("key", ["p256", "p384", "ed25519", "rsa2048"])
def test_every_sort_of_key_signs(office: Pki, key: str) -> None:
    made = sign_detached(DATA, office.key(f"x-{key}"), at=AT)
    report = verify_detached(DATA, made, office.trust(), at=AT)
    assert report.ok
    assert report.reasons == ()
    assert report.certificate_sha256 == hashlib.sha256(office.certificate(f"x-{key}")).hexdigest()
    assert f"Trao đổi {key}" in report.subject
    assert report.signing_time == AT


@pytest.mark.parametrize("key", ["p256", "p384", "rsa2048"])  # OpenSSL 3.0 knows no EdDSA in CMS
def test_openssl_confirms(office: Pki, key: str, tmp_path: Path, openssl: Path) -> None:
    made = sign_detached(DATA, office.key(f"x-{key}"), at=AT)
    (tmp_path / "data").write_bytes(DATA)
    (tmp_path / "p7s").write_bytes(made)
    anchors = office.trust()
    root = tmp_path / "root.pem"
    root.write_bytes(b"".join(pem(der) for der in (*anchors.anchors, *anchors.intermediates)))
    command = [openssl, "cms", "-verify", "-binary", "-inform", "DER", "-in", tmp_path / "p7s"]
    command += ["-content", tmp_path / "data", "-CAfile", root, "-purpose", "any", "-attime", str(int(AT.timestamp()))]
    seen = subprocess.run(command, capture_output=True, check=True)
    assert seen.stdout == DATA
    (tmp_path / "data").write_bytes(DATA + b" ")
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0


def test_other_data_fail(office: Pki, signature: bytes) -> None:
    report = verify_detached(DATA + b"x", signature, office.trust(), at=AT)
    assert not report.ok
    assert report.reasons[0] == "digest_mismatch"


def test_no_changed_byte_passes(office: Pki, signature: bytes) -> None:
    chance = random.Random(7)
    trust = office.trust()
    for _ in range(400):
        spoiled = bytearray(signature)
        spoiled[chance.randrange(len(spoiled))] ^= 1 << chance.randrange(8)
        report = verify_detached(DATA, bytes(spoiled), trust, at=AT)
        # Some bits are not signed (order of carried certificates, say); then it must be the same signer all the same.
        assert not report.ok or report.certificate_sha256 == hashlib.sha256(office.certificate("x-p256")).hexdigest()


@pytest.mark.parametrize("cut", [0, 1, 10, 500, -1])
def test_cut_and_padded_signatures_are_unreadable(office: Pki, signature: bytes, cut: int) -> None:
    assert verify_detached(DATA, signature[:cut], office.trust(), at=AT).reasons == ("container_unreadable",)
    assert verify_detached(DATA, signature + b"\0", office.trust(), at=AT).reasons == ("container_unreadable",)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rubbish=st.binary(max_size=300))
def test_rubbish_is_refused_and_never_raises(rubbish: bytes) -> None:
    assert not verify_detached(DATA, rubbish, Trust(), at=AT).ok


def test_two_signers_of_one_data_are_told_apart(office: Pki) -> None:
    first, second = (sign_detached(DATA, office.key(name), at=AT) for name in ("x-p256", "x-p384"))
    reports = [verify_detached(DATA, made, office.trust(), at=AT) for made in (first, second)]
    assert reports[0].certificate_sha256 != reports[1].certificate_sha256


def test_revoked_is_refused_from_that_moment_on(office: Pki) -> None:
    made = sign_detached(DATA, office.key("x-gone"), at=AT)
    assert verify_detached(DATA, made, office.trust(), at=AT).reasons == ("certificate_revoked",)


def test_without_a_list_the_status_is_unknown_and_not_good(office: Pki, signature: bytes) -> None:
    trust = office.trust()
    blind = Trust(anchors=trust.anchors, intermediates=trust.intermediates)
    assert verify_detached(DATA, signature, blind, at=AT).reasons == ("status_unknown",)


def test_unknown_root_is_no_chain(office: Pki, signature: bytes) -> None:
    assert verify_detached(DATA, signature, Trust(), at=AT).reasons == ("no_chain",)


@pytest.mark.parametrize(
    ("days", "reason"), [(-800, "certificate_not_yet_valid"), (365 * 6, "certificate_expired")]
)
def test_outside_its_validity_it_neither_signs_nor_verifies(
    office: Pki, signature: bytes, days: int, reason: str
) -> None:
    other = AT + timedelta(days=days)
    assert verify_detached(DATA, signature, office.trust(), at=other).reasons[0] == reason
    with pytest.raises(CertificateUnfit) as refusal:
        sign_detached(DATA, office.key("x-p256"), at=other)
    assert refusal.value.code == reason


@pytest.mark.parametrize("name", ["tsa", "issuing"])
def test_certificates_for_other_uses_are_refused(office: Pki, name: str) -> None:
    with pytest.raises(CertificateUnfit) as refusal:
        sign_detached(DATA, office.key(name), at=AT)
    assert refusal.value.code == "wrong_usage"


@pytest.mark.parametrize("name", ["seal", "leader", "tsa"])
def test_documents_keys_do_not_speak_for_an_installation(office: Pki, name: str) -> None:
    key = office.key(name, office.password(name))
    how = scheme(key)
    signed = attributes(hashlib.new(how.digest, DATA).digest(), key.certificate, how)
    made = container(signed, key.sign(signed, digest=how.digest), key)
    assert verify_detached(DATA, made, office.trust(), at=AT).reasons == ("wrong_usage",)


@pytest.mark.parametrize(("option", "reasons"), [("-cades", ()), ("-nosmimecap", ("signing_certificate_mismatch",))])
def test_what_openssl_signs_is_read_when_it_names_its_certificate(
    office: Pki, tmp_path: Path, openssl: Path, option: str, reasons: tuple[str, ...]
) -> None:
    """Without the certificate's hash under the signature somebody could put another certificate beside it."""
    (tmp_path / "data").write_bytes(DATA)
    keys = office.keys_dir
    command = [openssl, "cms", "-sign", "-binary", "-outform", "DER", option, "-in", tmp_path / "data"]
    command += ["-signer", keys / "x-p256.crt", "-inkey", keys / "x-p256.key"]
    command += ["-keyform", "DER", "-passin", f"pass:{office.password('x-p256')}"]
    made = subprocess.run(command, check=True, capture_output=True).stdout
    report = verify_detached(DATA, made, office.trust(), at=AT)
    assert (report.ok, report.reasons) == (not reasons, reasons)


def test_a_key_that_is_not_its_certificates_is_caught(office: Pki) -> None:
    right, other = office.key("x-p256"), office.key("x-p384")

    class Mixed:
        certificate = right.certificate
        chain = right.chain

        def sign(self, data: bytes, *, digest: str) -> bytes:
            return other.sign(data, digest=digest)

    with pytest.raises(ValueRejected):
        sign_detached(DATA, Mixed(), at=AT)
    assert isinstance(right, SoftKey)

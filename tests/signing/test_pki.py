"""The recipe gives a chain OpenSSL accepts, refuses what must be refused, and grows with the office."""

from __future__ import annotations

import json
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto.keys import EncryptedPrivateKeyInfo
from cryptography import x509
from cryptography.x509.oid import NameOID

from signing.errors import KeyUnavailable, SigningError, WrongPassword
from signing.keys import ROUNDS
from signing.pki import RECIPE, Holder, Pki, raise_pki, seal_and_exchange

pytestmark = pytest.mark.usefixtures("openssl")


def judge(pki: Pki, name: str, at: datetime) -> str:
    """What OpenSSL says of a certificate, with revocation lists, at a moment."""
    trusted = b"".join(p.read_bytes() for p in (*pki.trust_dir.glob("*.crt"), *pki.trust_dir.glob("crl/*.crl")))
    bundle = pki.directory / "bundle.txt"
    bundle.write_bytes(trusted)
    done = subprocess.run(
        [
            "openssl", "verify", "-crl_check_all", "-attime", str(int(at.timestamp())), "-CAfile", str(bundle),
            "-untrusted", str(pki.trust_dir / "intermediates" / "issuing.crt"), str(pki.keys_dir / f"{name}.crt"),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.fixture
def own(tmp_path: Path, at: datetime) -> Pki:
    """A PKI of one's own, to be changed."""
    return raise_pki(RECIPE, tmp_path / "pki", at=at, key="p256", rounds=1000)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("leader", "OK"),
        ("deputy", "OK"),
        ("seal", "OK"),
        ("clerk", "OK"),
        ("exchange", "OK"),
        ("tsa", "OK"),
        ("ocsp", "OK"),
        ("revoked", "certificate revoked"),
        ("expired", "certificate has expired"),
        ("not-yet-valid", "certificate is not yet valid"),
        ("rogue-leader", "unable to get"),
    ],
)
def test_openssl_judges_as_the_recipe_says(pki: Pki, at: datetime, name: str, answer: str) -> None:
    assert answer in judge(pki, name, at)


def test_everybody_says_that_it_is_a_test(pki: Pki) -> None:
    for name in pki.entries:
        certificate = x509.load_der_x509_certificate(pki.certificate(name))
        assert "THỬ NGHIỆM" in "\n".join(str(a.value) for a in certificate.subject), name


def test_usage_tells_who_may_sign_documents(pki: Pki) -> None:
    may = set()
    for name in pki.entries:
        usage = x509.load_der_x509_certificate(pki.certificate(name)).extensions.get_extension_for_class(x509.KeyUsage)
        if usage.value.content_commitment:
            may.add(name)
    assert {"leader", "deputy", "seal"} <= may
    assert may.isdisjoint({"clerk", "exchange", "ocsp", "wrong-usage", "root", "issuing"})


def test_certificates_begin_two_years_back(pki: Pki, at: datetime) -> None:
    certificate = x509.load_der_x509_certificate(pki.certificate("leader"))
    assert certificate.not_valid_before_utc == (at - timedelta(days=730)).replace(microsecond=0)


def test_trust_holds_the_true_root_alone(pki: Pki) -> None:
    trust = pki.trust()
    assert trust.anchors == (pki.certificate("root"),)
    assert trust.intermediates == (pki.certificate("issuing"),)
    assert len(trust.crls) == 2


def test_holders_of_an_office_are_issued_later(own: Pki, at: datetime) -> None:
    long = "Văn phòng Đoàn đại biểu Quốc hội và Hội đồng nhân dân tỉnh An Bình"
    later = at + timedelta(days=40)
    own.issue(
        [
            Holder(
                "binh", "Lê Thị Bình", "Sở Tài chính", unit="Phòng Ngân sách", title="Trưởng phòng", password="Mật-1"
            ),
            *seal_and_exchange("vp", long),
        ],
        at=later,
    )
    again = Pki.load(own.directory)
    again.renew_crls(at=later)
    assert "OK" in judge(again, "binh", later)
    binh = x509.load_der_x509_certificate(again.certificate("binh"))
    units = [a.value for a in binh.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)]
    assert units[0] == "Phòng Ngân sách"
    assert binh.subject.get_attributes_for_oid(NameOID.TITLE)[0].value == "Trưởng phòng"
    seal = x509.load_der_x509_certificate(again.certificate("seal-vp"))
    assert seal.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == long
    assert len(str(seal.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value).encode()) <= 64
    again.key("binh", "Mật-1")
    with pytest.raises(WrongPassword):
        again.key("binh", "Mat-1")
    with pytest.raises(KeyUnavailable, match="password_unknown"):
        again.password("binh")
    assert "Mật-1" not in "".join(
        p.read_text("utf-8", errors="replace") for p in own.directory.rglob("*") if p.is_file()
    )


def test_nonsense_is_refused_before_anything_is_written(own: Pki, at: datetime) -> None:
    before = sorted(p.name for p in own.keys_dir.iterdir())
    unfit = (
        Holder("leader", "x", "x"),
        Holder("../x", "x", "x"),
        Holder("a", "x", "x", template="emperor"),
        Holder("b", "x", "x", issuer="nobody"),
        Holder("c", "x", "x", password=""),
    )
    for holder in unfit:
        with pytest.raises(ValueError, match=r"exists already|not a name|no template|no issuer|empty password"):
            own.issue([Holder("good", "x", "x"), holder], at=at)
    assert sorted(p.name for p in own.keys_dir.iterdir()) == before
    with pytest.raises(ValueError, match="already"):
        raise_pki(RECIPE, own.directory, at=at)


def test_an_authority_that_does_not_say_it_is_a_test_is_not_made(own: Pki, at: datetime) -> None:
    with pytest.raises(ValueError, match="does not say that it is a test"):
        own.issue([Holder("ca", "Ban Cơ yếu", "Ban Cơ yếu", template="issuing", issuer="root")], at=at)


def test_revoking_shows_in_the_next_list(own: Pki, at: datetime) -> None:
    own.revoke("deputy", at=at)
    assert "OK" in judge(own, "deputy", at + timedelta(hours=1))
    own.renew_crls(at=at)
    assert "certificate revoked" in judge(own, "deputy", at + timedelta(hours=1))
    assert "certificate revoked" in judge(Pki.load(own.directory), "deputy", at + timedelta(hours=1))


def test_lists_are_good_around_their_moment_and_are_renewed(own: Pki, at: datetime) -> None:
    assert "OK" in judge(own, "leader", at - timedelta(days=29))
    assert "CRL has expired" in judge(own, "leader", at + timedelta(days=31))
    before = own.trust().generation
    own.renew_crls(at=at + timedelta(days=31))
    assert "OK" in judge(own, "leader", at + timedelta(days=31))
    assert own.trust().generation != before


def test_secrets_are_for_the_owner_alone(own: Pki) -> None:
    private = [own.directory / "secret", own.directory / "passwords.json", *own.keys_dir.glob("*.key")]
    assert {stat.S_IMODE(p.stat().st_mode) for p in private} == {0o600}
    assert stat.S_IMODE(own.keys_dir.stat().st_mode) == 0o700
    passwords = json.loads((own.directory / "passwords.json").read_text("utf-8"))
    assert len(set(passwords.values())) == len(passwords)
    assert own.password("tsa") != own.password("exchange")


def test_passwords_somebody_chose_are_stretched(own: Pki, at: datetime) -> None:
    def rounds(name: str) -> int:
        raw = (own.keys_dir / f"{name}.key").read_bytes()
        found = EncryptedPrivateKeyInfo.load(raw)["encryption_algorithm"]["parameters"]["key_derivation_func"]
        return int(found["parameters"]["iteration_count"].native)

    own.rounds = ROUNDS
    own.issue([Holder("chosen", "A", "X", password="12345678"), Holder("drawn", "B", "X")], at=at)
    chosen = (own.keys_dir / "chosen.key").read_bytes()
    assert chosen[8:17] == (64 * 1024).to_bytes(4) + (3).to_bytes(4) + b"\x04"
    assert own.key("chosen", "12345678").certificate == own.certificate("chosen")
    assert rounds("drawn") == rounds("tsa") == 2_048
    assert len(own.password("drawn")) >= 22  # 128 bits


def test_the_command_raises_and_renews(tmp_path: Path) -> None:
    from argparse import ArgumentParser

    from signing.pki import add_command

    parser = ArgumentParser()
    add_command(parser.add_subparsers())
    up = ["pki", "up", "--out", str(tmp_path / "p"), "--key", "p256", "--at"]
    arguments = parser.parse_args([*up, "2026-11-21T09:00:00+07:00"])
    assert arguments.run(arguments) == 0
    first = (tmp_path / "p" / "keys" / "leader.crt").read_bytes()
    arguments = parser.parse_args([*up, "2027-01-21"])
    assert arguments.run(arguments) == 0
    assert (tmp_path / "p" / "keys" / "leader.crt").read_bytes() == first
    assert "OK" in judge(Pki.load(tmp_path / "p"), "leader", datetime(2027, 2, 1, tzinfo=UTC))
    with pytest.raises(SigningError, match="pki_missing"):
        Pki.load(tmp_path)
    arguments = parser.parse_args(["pki", "crl", "--out", str(tmp_path)])
    assert arguments.run(arguments) == 64

"""Keys open with their password only, fit their certificate, and sign what OpenSSL accepts."""

from __future__ import annotations

import subprocess
import unicodedata
from pathlib import Path

import pytest
from asn1crypto import keys as asn1_keys
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from signing.errors import KeyUnavailable, WrongPassword
from signing.keys import ROUNDS, Key, SoftKey, generate, to_pkcs8
from signing.pki import Pki


def openssl(*arguments: str | Path, cwd: Path) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("openssl")
def test_openssl_accepts_the_value_and_the_encrypted_key(pki: Pki, tmp_path: Path) -> None:
    value = pki.key("leader").sign(b"data", digest="sha256")
    (tmp_path / "data").write_bytes(b"data")
    (tmp_path / "value").write_bytes(value)
    certificate = pki.keys_dir / "leader.crt"
    (tmp_path / "public").write_text(openssl("x509", "-in", certificate, "-noout", "-pubkey", cwd=tmp_path))
    assert "OK" in openssl("dgst", "-sha256", "-verify", "public", "-signature", "value", "data", cwd=tmp_path)
    password = f"pass:{pki.password('leader')}"
    key = pki.keys_dir / "leader.key"
    assert "valid" in openssl(
        "pkey", "-inform", "DER", "-in", key, "-passin", password, "-noout", "-check", cwd=tmp_path
    )


@pytest.mark.parametrize("algorithm", ["p256", "p384", "ed25519", "rsa3072"])
def test_every_algorithm_survives_its_file(algorithm: str, tmp_path: Path, pki: Pki) -> None:
    private = generate(algorithm)
    sealed = to_pkcs8(private, "mật khẩu", rounds=1000)
    with pytest.raises(KeyUnavailable) as refused:  # not the key of this certificate
        SoftKey.from_pkcs8(sealed, (pki.keys_dir / "leader.crt").read_bytes(), "mật khẩu")
    assert refused.value.code == "key_certificate_mismatch"
    with pytest.raises(WrongPassword):
        SoftKey.from_pkcs8(sealed, (pki.keys_dir / "leader.crt").read_bytes(), "mat khau")


def test_a_password_is_the_same_composed_or_decomposed(pki: Pki) -> None:
    leader = pki.key("leader")
    assert leader._private is not None
    sealed = to_pkcs8(leader._private, unicodedata.normalize("NFD", "Mật khẩu ấy"), rounds=1000)
    certificates = (pki.keys_dir / "leader.crt").read_bytes()
    opened = SoftKey.from_pkcs8(sealed, certificates, unicodedata.normalize("NFC", "Mật khẩu ấy"))
    assert opened.sign(b"x", digest="sha256") == leader.sign(b"x", digest="sha256")


def test_pkcs12_opens_with_its_chain_in_order(pki: Pki, tmp_path: Path) -> None:
    leader = pki.key("leader")
    issuers = [x509.load_der_x509_certificate(c) for c in reversed(leader.chain)]
    own = x509.load_der_x509_certificate(leader.certificate)
    path = tmp_path / "leader.p12"
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(b"x", leader._private, own, issuers, BestAvailableEncryption(b"12345678"))
    )
    opened = SoftKey.load(path, "12345678")
    assert opened.chain == leader.chain
    assert opened.sign(b"x", digest="sha512") == leader.sign(b"x", digest="sha512")
    with pytest.raises(WrongPassword):
        SoftKey.load(path, "87654321")


def test_people_s_keys_are_stretched_600000_times_by_default() -> None:
    assert ROUNDS == 600_000
    sealed = to_pkcs8(generate("p256"), "x")
    parameters = asn1_keys.EncryptedPrivateKeyInfo.load(sealed)["encryption_algorithm"]["parameters"].native
    assert parameters["key_derivation_func"]["parameters"]["iteration_count"] == 600_000
    assert parameters["encryption_scheme"]["algorithm"] == "aes256_cbc"


def test_unfit_files_are_refused_by_name(pki: Pki, tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable) as refused:
        SoftKey.load(tmp_path / "nobody.key", "x")
    assert refused.value.code == "key_missing"
    bare = generate("p256").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    certificates = (pki.keys_dir / "leader.crt").read_bytes()
    for raw in (bare, b"", b"not a key", b"0\x82\xff\xff"):
        with pytest.raises(KeyUnavailable) as refused:
            SoftKey.from_pkcs8(raw, certificates, "x")
        assert refused.value.code == "key_unprotected"
    weak = to_pkcs8(rsa.generate_private_key(65537, 1024), "x", rounds=1000)
    with pytest.raises(KeyUnavailable) as refused:
        SoftKey.from_pkcs8(weak, certificates, "x")
    assert refused.value.code == "weak_algorithm"
    with pytest.raises(KeyUnavailable) as refused:
        SoftKey.from_pkcs8((pki.keys_dir / "leader.key").read_bytes(), b"no PEM", pki.password("leader"))
    assert refused.value.code == "certificate_unreadable"


def test_a_closed_key_signs_no_more_and_says_nothing_of_itself(pki: Pki) -> None:
    key = pki.key("seal")
    assert isinstance(key, Key)
    assert pki.password("seal") not in repr(key)
    key.close()
    with pytest.raises(KeyUnavailable):
        key.sign(b"x", digest="sha256")

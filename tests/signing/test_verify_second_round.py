"""What a second round against the verifier found: other people's containers, and updates that leave things lying."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from signing.cms import weak_key
from signing.pki import Pki
from signing.results import Integrity, Verdict, Verification
from tests.signing.making import LEADER, Judge, draft, judge  # noqa: F401


def codes(answer: Verification) -> set[str]:
    return {reason.code for report in answer.signatures for reason in report.reasons}


@dataclass
class Curve:
    """A key on some curve with a certificate of the test authority."""

    private: ec.EllipticCurvePrivateKey
    certificate: bytes
    chain: tuple[bytes, ...]

    @classmethod
    def of(cls, curve: ec.EllipticCurve, pki: Pki, at: datetime) -> Curve:
        private = ec.generate_private_key(curve)
        model = x509.load_der_x509_certificate(pki.certificate("leader"))
        builder = x509.CertificateBuilder().subject_name(model.subject).issuer_name(model.issuer)
        builder = builder.public_key(private.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(at - timedelta(days=1)).not_valid_after(at + timedelta(days=9))
        for extension in model.extensions:
            if not isinstance(extension.value, x509.SubjectKeyIdentifier):
                builder = builder.add_extension(extension.value, extension.critical)
        signer = pki.authority("issuing")
        made = builder.sign(signer, hashes.SHA256())  # type: ignore[arg-type]
        return cls(private, made.public_bytes(Encoding.DER), pki.chain("leader"))

    def sign(self, data: bytes, *, digest: str) -> bytes:
        assert digest == "sha256"
        return self.private.sign(data, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("curve", "verdict"), [(ec.SECP192R1(), Verdict.WARNED), (ec.SECP224R1(), Verdict.PASSED)], ids=["192", "224"]
)
def test_a_short_curve_is_told_as_weak(
    judge: Judge, pki: Pki, at: datetime, curve: ec.EllipticCurve, verdict: Verdict
) -> None:
    answer = judge(draft().sign(Curve.of(curve, pki, at), LEADER, at))  # type: ignore[arg-type]
    assert answer.verdict is verdict
    assert answer.signatures[0].integrity is Integrity.OK
    assert codes(answer) == ({"weak_algorithm"} if verdict is Verdict.WARNED else set())


def test_a_short_key_of_any_kind_is_weak() -> None:
    assert weak_key(dsa.generate_private_key(1024).public_key())
    assert weak_key(rsa.generate_private_key(65537, 1024).public_key())
    assert not weak_key(rsa.generate_private_key(65537, 2048).public_key())

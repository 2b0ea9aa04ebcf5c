"""A signature made in two steps: OpenSSL signs elsewhere; whatever does not fit is refused, and nothing is used up."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from signing.__main__ import main
from signing.annex import AnnexRequest, CopyRequest
from signing.chain import Status
from signing.container import der_value, scheme
from signing.errors import CertificateUnfit, Expired, NotPermitted, RevocationDown, SigningError, TsaDown, ValueRejected
from signing.keys import Signer, SoftKey
from signing.pending import Once, Pending, complete, prepare
from signing.pki import RECIPE, Holder, Pki, raise_pki
from signing.results import Verdict
from signing.revocation import Stored
from signing.seal import SealRequest
from signing.sign import Request, sign
from signing.trust import Trust
from signing.tsa import LocalTsa
from signing.verify import verify
from tests.signing.conftest import letter
from tests.signing.test_annex import annex

CERTIFY = Request("leader", kind="certification")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, at: datetime) -> Pki:
    """Signers with an RSA and with an elliptic key."""
    pki = raise_pki(RECIPE, tmp_path_factory.mktemp("people"), at=at, key="p256", rounds=1000)
    pki.issue([Holder("rsa", "Lê Thị Bình", "Sở Tài chính", overrides={"key": "rsa2048"})], at=at)
    pki.issue([Holder("p384", "Trần Văn Cường", "Sở Tài chính", overrides={"key": "p384"})], at=at)
    pki.renew_crls(at=at)
    return pki


@pytest.fixture
def key(people: Pki) -> SoftKey:
    return people.key("leader")


@pytest.fixture
def trust(people: Pki) -> Trust:
    return people.trust()


@pytest.fixture
def begin(draft: bytes, key: SoftKey, trust: Trust, at: datetime) -> Callable[..., Pending]:
    def begun(request: Request = CERTIFY, pdf: bytes = draft, by: SoftKey = key, **more: object) -> Pending:
        return prepare(pdf, Signer(by.certificate, by.chain), request, trust, user="hanh", at=at, **more)  # type: ignore[arg-type]

    return begun


def bare(key: SoftKey, path: Path) -> Path:
    """The key as OpenSSL reads it."""
    assert key._private is not None
    path.write_bytes(key._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@pytest.mark.parametrize(("name", "options"), [("rsa", []), ("rsa", ["--pss"]), ("leader", []), ("p384", [])])
def test_openssl_signs_the_bytes_elsewhere(
    name: str, options: list[str], people: Pki, draft: bytes, at: datetime, openssl: Path, tmp_path: Path
) -> None:
    (tmp_path / "in.pdf").write_bytes(draft)
    moment = ["--trust", str(people.trust_dir), "--user", "hanh", "--at"]
    state, out = str(tmp_path / "state"), str(tmp_path / "out.pdf")
    certificate = ["--cert", str(people.keys_dir / f"{name}.crt"), "--field", "leader", "--certify"]
    assert main(["prepare", str(tmp_path / "in.pdf"), state, *certificate, *options, *moment, at.isoformat()]) == 0
    digest = "-sha384" if name == "p384" else "-sha256"
    padding = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"] if options else []
    command = [openssl, "dgst", digest, "-sign", bare(people.key(name), tmp_path / "key"), *padding]
    subprocess.run([*command, "-out", tmp_path / "value", f"{state}.tosign"], check=True, capture_output=True)
    complete_ = ["complete", state, str(tmp_path / "value"), out, *moment]
    assert main([*complete_, (at + timedelta(minutes=9)).isoformat()]) == 0
    signed = (tmp_path / "out.pdf").read_bytes()
    assert signed.startswith(draft)
    (report,) = verify(signed, people.trust(), at=at).signatures
    assert (report.verdict, report.claimed_time) == (Verdict.PASSED, at)
    assert ("PSS" in report.algorithm) == bool(options)
    assert main([*complete_, (at + timedelta(minutes=9)).isoformat()]) == 1  # single use
    assert Path(state).stat().st_mode & 0o777 == 0o600


def test_both_ways_write_the_same_update(
    people: Pki, begin: Callable[..., Pending], draft: bytes, trust: Trust, at: datetime
) -> None:
    rsa = people.key("rsa")
    pending = begin(by=rsa)
    assert 150 < len(pending.to_sign) < 400
    value = rsa.sign(pending.to_sign, digest=pending.digest)
    two_steps, one = complete(pending, value, trust, user="hanh", at=at), sign(draft, rsa, CERTIFY, trust, at=at)
    # The file's identifier is drawn anew with every update, the rest is the same byte for byte.
    parts = [re.split(rb"/ID \[.*?\]|/Contents <\w+>", signed.pdf) for signed in (two_steps, one)]
    assert parts[0] == parts[1]
    assert (two_steps.field, two_steps.level) == (one.field, one.level)


def test_a_pending_survives_storage(
    begin: Callable[..., Pending], key: SoftKey, trust: Trust, at: datetime, draft: bytes
) -> None:
    pending = Pending.from_bytes(begin().to_bytes())
    assert pending == Pending.from_bytes(pending.to_bytes())
    value = key.sign(pending.to_sign, digest=pending.digest)
    signed = complete(pending, value, trust, user="hanh", at=at)
    assert verify(signed.pdf, trust, at=at).verdict is Verdict.PASSED
    for raw in (b"", b"x", pending.to_bytes()[:40], pending.to_bytes()[:600], b"signing-pending-1\n\xff\xff\xff\xff{}"):
        with pytest.raises(SigningError) as refused:
            Pending.from_bytes(raw)
        assert refused.value.code == "pending_unreadable"


def test_the_document_may_be_kept_elsewhere(
    begin: Callable[..., Pending], key: SoftKey, trust: Trust, at: datetime, draft: bytes
) -> None:
    pending = begin()
    bare = pending.to_bytes(document=False)
    assert len(bare) + len(draft) == len(pending.to_bytes())
    assert Pending.from_bytes(bare, draft) == pending
    value = key.sign(pending.to_sign, digest=pending.digest)
    other = draft[:-1] + b" "
    with pytest.raises(ValueRejected, match="input_changed"):
        complete(Pending.from_bytes(bare, other), value, trust, user="hanh", at=at)
    with pytest.raises(SigningError, match="pending_unreadable"):
        Pending.from_bytes(bare)


def test_a_bare_pair_of_numbers_is_accepted(
    begin: Callable[..., Pending], key: SoftKey, trust: Trust, at: datetime
) -> None:
    pending = begin()
    r, s = decode_dss_signature(key.sign(pending.to_sign, digest="sha256"))
    signed = complete(pending, r.to_bytes(32) + s.to_bytes(32), trust, user="hanh", at=at)
    assert verify(signed.pdf, trust, at=at).verdict is Verdict.PASSED
    assert der_value(b"\x00" * 7, scheme(key)) == b"\x00" * 7


def test_a_time_stamp_comes_with_the_second_step(
    begin: Callable[..., Pending], key: SoftKey, trust: Trust, people: Pki, at: datetime
) -> None:
    class Down:
        room = 8000

        def stamp(self, digest: bytes, algorithm: str) -> bytes:
            raise TsaDown

    tsa = LocalTsa(people.key("tsa"), lambda: at)
    pending = begin(Request("leader", level="B-T"), tsa=tsa)
    value = key.sign(pending.to_sign, digest=pending.digest)
    with pytest.raises(TsaDown):
        complete(pending, value, trust, user="hanh", at=at, tsa=Down())
    with pytest.raises(ValueError, match="time-stamp"):
        complete(pending, value, trust, user="hanh", at=at)
    signed = complete(pending, value, trust, user="hanh", at=at, tsa=tsa)  # nothing was used up by the failure
    assert signed.level == "B-T"
    assert verify(signed.pdf, trust, at=at).verdict is Verdict.PASSED


@pytest.mark.parametrize("level", ["B-LT", "B-LTA"])
def test_evidence_comes_with_the_second_step(
    level: str, begin: Callable[..., Pending], key: SoftKey, trust: Trust, people: Pki, at: datetime
) -> None:
    later = at + timedelta(minutes=8)
    tsa = LocalTsa(people.key("tsa"), lambda: later)
    pending = begin(Request("leader", level=level), tsa=tsa)  # type: ignore[arg-type]
    value = key.sign(pending.to_sign, digest=pending.digest)
    with pytest.raises(RevocationDown):
        complete(pending, value, trust, user="hanh", at=later, tsa=tsa, source=Silent())
    signed = complete(pending, value, trust, user="hanh", at=later, tsa=tsa, source=Stored(trust))
    found = verify(signed.pdf, trust, at=later)
    assert (signed.level, found.verdict, found.signatures[0].level) == (level, Verdict.PASSED, level)


class Silent:
    """Tells the status of nobody."""

    def status(self, *_: object, **__: object) -> Status:
        raise RevocationDown


def test_an_annex_is_signed_in_two_steps(people: Pki, draft: bytes, trust: Trust, at: datetime) -> None:
    seal = people.key("seal")
    for request in (AnnexRequest("04/SNV-VTLT"), CopyRequest("SAO Y", "Sở Nội vụ")):
        pending = prepare(annex(), seal, request, trust, user="hanh", at=at)
        signed = complete(pending, seal.sign(pending.to_sign, digest=pending.digest), trust, user="hanh", at=at)
        (report,) = verify(signed.pdf, trust, at=at).signatures
        assert (report.verdict, report.field) == (Verdict.PASSED, request.field)


def test_a_clerk_s_token_seals_in_two_steps(people: Pki, draft: bytes, trust: Trust, at: datetime) -> None:
    led = sign(draft, people.key("leader"), CERTIFY, trust, at=at).pdf
    texts = {"so": "128", "ngay": "21", "thang": "11", "nam": "2026"}
    seal = people.key("seal")
    pending = prepare(led, seal, SealRequest(texts, level="B-B"), trust, user="hanh", at=at)
    signed = complete(pending, seal.sign(pending.to_sign, digest=pending.digest), trust, user="hanh", at=at)
    found = verify(signed.pdf, trust, at=at)
    assert (found.verdict, [one.field for one in found.signatures]) == (Verdict.PASSED, ["leader", "agency"])
    with pytest.raises(NotPermitted, match="number_missing"):
        prepare(led, seal, SealRequest({**texts, "so": ""}, level="B-B"), trust, user="hanh", at=at)
    with pytest.raises(NotPermitted, match="leader_signature_missing"):
        prepare(draft, seal, SealRequest(texts, level="B-B"), trust, user="hanh", at=at)


def test_a_value_that_does_not_fit_is_refused_and_uses_nothing_up(
    begin: Callable[..., Pending], key: SoftKey, people: Pki, trust: Trust, at: datetime
) -> None:
    pending, other = begin(), begin(pdf=letter(2))
    right = key.sign(pending.to_sign, digest="sha256")
    wrong = {
        "of another document": key.sign(other.to_sign, digest="sha256"),
        "of another key": people.key("deputy").sign(pending.to_sign, digest="sha256"),
        "with another hash": key.sign(pending.to_sign, digest="sha384"),
        "of the hash instead of the bytes": key.sign(pending.hash, digest="sha256"),
        "cut": right[:-1],
        "empty": b"",
        "longer than there is room": bytes(5000),
        "one bit": right[:-1] + bytes([right[-1] ^ 1]),
    }
    for what, value in wrong.items():
        with pytest.raises(ValueRejected):
            complete(pending, value, trust, user="hanh", at=at)
            pytest.fail(what)
    assert complete(pending, right, trust, user="hanh", at=at).field == "leader"


def test_a_pending_serves_its_user_once_for_ten_minutes(
    begin: Callable[..., Pending], key: SoftKey, trust: Trust, at: datetime
) -> None:
    pending = begin()
    value = key.sign(pending.to_sign, digest="sha256")

    def code(kind: type[SigningError], **how: object) -> str:
        with pytest.raises(kind) as refused:
            complete(pending, value, trust, **{"user": "hanh", "at": at, **how})  # type: ignore[arg-type]
        return refused.value.code

    assert code(NotPermitted, user="nam") == "other_user"
    assert code(Expired, at=at + timedelta(minutes=10, seconds=1)) == "pending_expired"
    assert code(NotPermitted, at=at - timedelta(minutes=2)) == "clock_behind"
    assert code(NotPermitted, claim=lambda _: False) == "pending_used"
    complete(pending, value, trust, user="hanh", at=at + timedelta(minutes=10))
    assert code(NotPermitted) == "pending_used"
    stretched = replace(pending, until=at + timedelta(days=1))
    with pytest.raises(Expired):
        complete(stretched, value, trust, user="hanh", at=at)


def test_of_two_at_the_same_time_one_wins(begin: Callable[..., Pending], at: datetime) -> None:
    once, pending = Once(), begin()
    assert [once(pending), once(pending)] == [True, False]
    later = replace(pending, identifier="b", until=pending.until + timedelta(days=2))
    assert once(later)
    assert once(pending)  # forgotten: every clock refuses it as too old by now


def test_a_changed_state_is_refused(begin: Callable[..., Pending], key: SoftKey, trust: Trust, at: datetime) -> None:
    pending = begin()
    value = key.sign(pending.to_sign, digest="sha256")
    page = pending.pdf.index(b"/Contents")
    changed = {
        "document": replace(pending, pdf=pending.pdf[:page] + b"/contents" + pending.pdf[page + 9 :]),
        "update": replace(pending, pdf=pending.pdf.replace(b"/Perms", b"/Permz")),
        "appended": replace(pending, pdf=pending.pdf + b"\n% more"),
        "places": replace(pending, start=pending.start + 2, end=pending.end + 2),
        "attributes": replace(pending, to_sign=pending.to_sign[:-1] + b"x"),
        "hash": replace(pending, digest="sha512"),
        "length": replace(pending, length=pending.length - 1),
    }
    for what, state in changed.items():
        with pytest.raises(ValueRejected):
            complete(state, value, trust, user="hanh", at=at)
            pytest.fail(what)


def test_a_certificate_revoked_in_between_is_refused(
    begin: Callable[..., Pending], key: SoftKey, tmp_path: Path, draft: bytes, at: datetime
) -> None:
    own = raise_pki(RECIPE, tmp_path / "pki", at=at, key="p256", rounds=1000)
    leader = own.key("leader")
    pending = prepare(draft, leader, CERTIFY, own.trust(), user="hanh", at=at)
    own.revoke("leader", at=at)
    own.renew_crls(at=at)
    value = leader.sign(pending.to_sign, digest="sha256")
    with pytest.raises(CertificateUnfit) as refused:
        complete(pending, value, own.trust(), user="hanh", at=at)
    assert refused.value.code == "certificate_revoked"


def test_what_can_be_refused_is_refused_at_the_first_step(
    begin: Callable[..., Pending], people: Pki, draft: bytes, at: datetime, tmp_path: Path
) -> None:
    with pytest.raises(NotPermitted, match="field_missing"):
        begin(Request("nobody"))
    with pytest.raises(CertificateUnfit, match="wrong_usage"):
        begin(by=people.key("exchange"))
    with pytest.raises(ValueError, match="no level"):
        begin(Request("leader", level="B-X"))  # type: ignore[arg-type]
    assert isinstance(people.key("leader")._private, ec.EllipticCurvePrivateKey)
    (tmp_path / "in.pdf").write_bytes(draft)
    (tmp_path / "no.crt").write_bytes(b"no certificate")
    paths = [str(tmp_path / "in.pdf"), str(tmp_path / "state"), "--field", "leader", "--cert"]
    assert main(["prepare", *paths, str(tmp_path / "no.crt")]) == 1
    assert main(["prepare", *paths, str(tmp_path / "missing.crt")]) == 64
    assert not (tmp_path / "state").exists()

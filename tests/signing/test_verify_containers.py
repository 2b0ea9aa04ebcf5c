"""Tricks inside the signature container: each is told, none passes, however well its parts fit elsewhere."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from asn1crypto import cms
from asn1crypto import x509 as asn1_x509

from signing.pki import Pki
from signing.results import Integrity, Verdict
from tests.signing.making import AGENCY, LEADER, NUMBER, Judge, Signature, draft, judge  # noqa: F401

Trick = Callable[[Any, Pki], Any]


def _signer(change: Callable[[Any, Pki], None]) -> Trick:
    """A trick on the signer's part."""

    def make(signed: Any, pki: Pki) -> Any:
        signer = signed["signer_infos"][0].copy()
        change(signer, pki)
        signed["signer_infos"] = cms.SignerInfos([signer])
        return signed

    return make


def _set(place: str, value: object) -> Trick:
    def make(signed: Any, pki: Pki) -> Any:
        signed[place] = value
        return signed

    return make


def _twice(signed: Any, pki: Pki) -> Any:
    signer = signed["signer_infos"][0]
    signed["signer_infos"] = cms.SignerInfos([signer.copy(), signer.copy()])
    return signed


def _another(signed: Any, pki: Pki) -> Any:
    """The signer's part names somebody else, whose certificate is enclosed."""
    other = asn1_x509.Certificate.load(pki.certificate("deputy"))
    signed["certificates"] = cms.CertificateSet([other])
    signer = signed["signer_infos"][0].copy()
    named = {"issuer": other.issuer, "serial_number": other.serial_number}
    signer["sid"] = cms.SignerIdentifier({"issuer_and_serial_number": named})
    signed["signer_infos"] = cms.SignerInfos([signer])
    return signed


def _algorithm(name: str) -> Trick:
    return _signer(lambda signer, pki: signer.__setitem__("signature_algorithm", {"algorithm": name}))


TRICKS: dict[str, tuple[Trick, Verdict, str]] = {
    "two signers": (_twice, Verdict.FAILED, "container_unreadable"),
    "no signer": (_set("signer_infos", cms.SignerInfos([])), Verdict.FAILED, "container_unreadable"),
    "other content enclosed": (
        _set("encap_content_info", {"content_type": "data", "content": b"x"}), Verdict.FAILED, "container_unreadable",
    ),
    "empty content enclosed": (
        _set("encap_content_info", {"content_type": "data", "content": b""}), Verdict.FAILED, "container_unreadable",
    ),
    "another kind of content": (
        _set("encap_content_info", {"content_type": "tst_info"}), Verdict.FAILED, "container_unreadable",
    ),
    "no signed attributes": (
        _signer(lambda signer, pki: signer.__setitem__("signed_attrs", None)), Verdict.FAILED, "value_wrong",
    ),
    "a value of zeros": (
        _signer(lambda signer, pki: signer.__setitem__("signature", bytes(256))), Verdict.FAILED, "value_wrong",
    ),
    "an empty value": (
        _signer(lambda signer, pki: signer.__setitem__("signature", b"")), Verdict.FAILED, "value_wrong",
    ),
    "somebody else's certificate": (_another, Verdict.FAILED, "value_wrong"),
    "Ed25519 by an RSA key": (_algorithm("ed25519"), Verdict.FAILED, "value_wrong"),
    "ECDSA by an RSA key": (_algorithm("sha256_ecdsa"), Verdict.FAILED, "value_wrong"),
    "two digests": (_algorithm("sha1_rsa"), Verdict.WARNED, "algorithm_unsupported"),
    "no certificate": (_set("certificates", cms.CertificateSet([])), Verdict.WARNED, "signer_certificate_missing"),
}  # fmt: skip


def remade(trick: Trick, pki: Pki, at: datetime) -> Callable[[bytes], bytes]:
    """The container a signature would get, after a trick."""

    def build(data: bytes) -> bytes:
        honest = cms.ContentInfo.load(Signature(at)._container(data, pki.key("leader")))
        signed = trick(honest["content"].copy(), pki)
        return bytes(cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump(force=True))

    return build


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_inside_the_container_is_told(judge: Judge, pki: Pki, at: datetime, name: str) -> None:
    trick, verdict, code = TRICKS[name]
    answer = judge(draft().sign(pki.key("leader"), LEADER, at, build=remade(trick, pki, at)))
    assert answer.verdict is verdict
    assert answer.signatures[0].reasons[0].code == code
    assert answer.signatures[0].integrity in (Integrity.BROKEN, Integrity.UNSUPPORTED)


def test_the_same_way_of_remaking_without_a_trick_passes(judge: Judge, pki: Pki, at: datetime) -> None:
    signed = draft().sign(pki.key("leader"), LEADER, at, build=remade(lambda honest, pki: honest, pki, at))
    assert judge(signed).verdict is Verdict.PASSED


def _open(der: bytes) -> bytes:
    """The same container with an outermost length that is told by its end (BER)."""
    return b"\x30\x80" + der[4:] + b"\x00\x00"


ENDS: dict[str, tuple[Callable[[bytes], bytes], Verdict, str]] = {
    "length told by the end": (_open, Verdict.PASSED, ""),
    "something behind that end": (lambda der: _open(der) + b"AAAA", Verdict.FAILED, "byterange_padding"),
    "something behind": (lambda der: der + b"\x01", Verdict.FAILED, "byterange_padding"),
    "a second container behind": (lambda der: der + der, Verdict.FAILED, "byterange_padding"),
    "cut short": (lambda der: der[:-1], Verdict.FAILED, "value_wrong"),
    "other content": (lambda der: bytes(cms.ContentInfo({"content_type": "data", "content": b"x"}).dump()),
                      Verdict.FAILED, "container_unreadable"),
    "opened again and again": (lambda der: b"\x30\x80" * 2900, Verdict.FAILED, "container_unreadable"),
    "nested": (lambda der: b"\x30\x82\x16\xa8" + b"\x30\x80" * 1450 + bytes(2900), Verdict.FAILED,
               "container_unreadable"),
    "all ones": (lambda der: b"\xff" * 900, Verdict.FAILED, "container_unreadable"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_nothing_hides_behind_the_container(judge: Judge, pki: Pki, at: datetime, name: str) -> None:
    change, verdict, code = ENDS[name]

    def build(data: bytes) -> bytes:
        return change(Signature(at)._container(data, pki.key("leader")))

    answer = judge(draft().sign(pki.key("leader"), LEADER, at, build=build))
    assert answer.verdict is verdict
    assert [reason.code for reason in answer.signatures[0].reasons][:1] == ([code] if code else [])


@pytest.mark.parametrize(
    ("subfilter", "verdict", "code"),
    [
        (b"Nobody.knows", Verdict.WARNED, "subfilter_unsupported"),
        (b"adbe.pkcs7.sha1", Verdict.FAILED, "container_unreadable"),
        (b"adbe.x509.rsa_sha1", Verdict.WARNED, "signer_certificate_missing"),
        (b"ETSI.RFC3161", Verdict.FAILED, "container_unreadable"),
        (b"adbe.pkcs7.detached", Verdict.PASSED, ""),
    ],
)
def test_a_container_under_another_name(
    judge: Judge, pki: Pki, at: datetime, subfilter: bytes, verdict: Verdict, code: str
) -> None:
    answer = judge(draft().sign(pki.key("leader"), LEADER, at, subfilter=subfilter))
    assert answer.verdict is verdict
    assert [reason.code for reason in answer.signatures[0].reasons][:1] == ([code] if code else [])


def test_a_signature_in_a_text_field_is_hidden_from_readers(judge: Judge, pki: Pki, at: datetime) -> None:
    answer = judge(Signature(at).place(draft(), NUMBER, pki.key("leader")))
    assert answer.verdict is Verdict.FAILED
    assert [reason.code for reason in answer.signatures[0].reasons] == ["signature_misplaced"]


def test_two_fields_cannot_share_a_signature(judge: Judge, pki: Pki, at: datetime) -> None:
    base = draft()
    more = {AGENCY: base.with_entry(AGENCY, b"/V %d 0 R" % max(base.free, LEADER + 1))}
    answer = judge(Signature(at).place(base, LEADER, pki.key("leader"), more))
    assert answer.verdict is Verdict.FAILED
    assert [reason.code for reason in answer.signatures[0].reasons] == ["signature_wrapped"]

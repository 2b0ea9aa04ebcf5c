"""What a second round against the verifier found: other people's containers, and updates that leave things lying."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from signing.cms import weak_key
from signing.pki import Pki
from signing.results import Integrity, Verdict, Verification
from signing.verify import verify
from tests.signing.making import (  # noqa: F401
    AGENCY,
    CATALOG,
    FORM,
    HACK,
    LEADER,
    NUMBER,
    PAGE,
    PAGES,
    SECOND,
    SECOND_TEXT,
    TEXT,
    Judge,
    Paper,
    Signature,
    approved,
    draft,
    drawing,
    judge,
    stream,
    widget,
    write,
)
from tests.signing.test_verify_time import stamper


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


def info(pki: Pki, data: bytes, digest: str, more: list[dict[str, Any]], who: str = "leader") -> cms.SignerInfo:
    """One signer's part of a container, with further signed attributes."""
    key = pki.key(who)
    certificate = asn1_x509.Certificate.load(key.certificate)
    named = {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["data"]},
            {"type": "message_digest", "values": [hashlib.new(digest, data).digest()]},
            *more,
        ]
    )
    return cms.SignerInfo(
        {
            "version": "v1",
            "sid": {"issuer_and_serial_number": named},
            "digest_algorithm": {"algorithm": digest},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": f"{digest}_rsa"},
            "signature": key.sign(attributes.dump(), digest=digest),
        }
    )


def enclosing(pki: Pki, *infos: cms.SignerInfo) -> bytes:
    """A container around the parts of some signers."""
    people = [asn1_x509.Certificate.load(pki.certificate(name)) for name in ("leader", "deputy")]
    body = {
        "version": "v1",
        "digest_algorithms": [{"algorithm": one["digest_algorithm"]["algorithm"]} for one in infos],
        "encap_content_info": {"content_type": "data"},
        "certificates": people,
        "signer_infos": infos,
    }
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(body)}).dump())


def older(der: bytes) -> dict[str, Any]:
    """The binding to a certificate as it was before SHA-2 (RFC 2634)."""
    identity = tsp.ESSCertID({"cert_hash": hashlib.sha1(der, usedforsecurity=False).digest()})
    return {"type": "signing_certificate", "values": [tsp.SigningCertificate({"certs": [identity]})]}


def newer(der: bytes) -> dict[str, Any]:
    """The binding to a certificate of today (RFC 5035)."""
    identity = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(der).digest()})
    return {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [identity]})]}


def clock(at: datetime) -> dict[str, Any]:
    return {"type": "signing_time", "values": [cms.Time({"utc_time": core.UTCTime(at)})]}


DAY = timedelta(days=1)
ATTRIBUTES: dict[str, tuple[Callable[[bytes, bytes, datetime], list[dict[str, Any]]], Verdict, str]] = {
    "both bindings mean the signer": (lambda own, other, at: [older(own), newer(own)], Verdict.PASSED, ""),
    "the older binding means another": (
        lambda own, other, at: [older(other), newer(own)], Verdict.FAILED, "signing_certificate_mismatch",
    ),
    "the newer binding means another": (
        lambda own, other, at: [older(own), newer(other)], Verdict.FAILED, "signing_certificate_mismatch",
    ),
    "two older bindings": (
        lambda own, other, at: [older(other), older(own)], Verdict.FAILED, "container_unreadable",
    ),
    "two clocks": (
        lambda own, other, at: [newer(own), clock(at - DAY), clock(at)], Verdict.FAILED, "container_unreadable",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_that_contradict_each_other(judge: Judge, pki: Pki, at: datetime, name: str) -> None:
    more, verdict, code = ATTRIBUTES[name]
    wanted = more(pki.certificate("leader"), pki.certificate("deputy"), at)
    signed = draft().sign(
        pki.key("leader"), LEADER, at, build=lambda data: enclosing(pki, info(pki, data, "sha256", wanted))
    )
    answer = judge(signed)
    assert answer.verdict is verdict
    assert codes(answer) == ({code} if code else set())


Infos = Callable[[Pki, bytes, list[dict[str, Any]]], list[cms.SignerInfo]]
SIGNERS: dict[str, tuple[Infos, Verdict, str]] = {
    "one": (lambda pki, data, more: [info(pki, data, "sha512", more)], Verdict.PASSED, ""),
    "the same one under two digests": (
        lambda pki, data, more: [info(pki, data, "sha256", more), info(pki, data, "sha512", more)],
        Verdict.WARNED, "several_signers",
    ),
    "the same one twice": (
        lambda pki, data, more: [info(pki, data, "sha256", more), info(pki, data, "sha256", [*more, older_of(pki)])],
        Verdict.FAILED, "container_unreadable",
    ),
    "somebody else beside": (
        lambda pki, data, more: [info(pki, data, "sha256", more), info(pki, data, "sha512", [], "deputy")],
        Verdict.FAILED, "container_unreadable",
    ),
    "the second over other bytes": (
        lambda pki, data, more: [info(pki, data, "sha256", more), info(pki, data + b" ", "sha512", more)],
        Verdict.FAILED, "digest_mismatch",
    ),
    "the first over other bytes": (
        lambda pki, data, more: [info(pki, data + b" ", "sha256", more), info(pki, data, "sha512", more)],
        Verdict.FAILED, "digest_mismatch",
    ),
    "too many": (
        lambda pki, data, more: [info(pki, data, "sha256", more)] * 5, Verdict.FAILED, "container_unreadable",
    ),
}  # fmt: skip


def older_of(pki: Pki) -> dict[str, Any]:
    return older(pki.certificate("leader"))


@pytest.mark.parametrize("name", SIGNERS)
def test_several_parts_of_signers(judge: Judge, pki: Pki, at: datetime, name: str) -> None:
    """PoDoFo's tool signs once with SHA-256 and once with SHA-512 in one container."""
    parts, verdict, code = SIGNERS[name]
    bound = [newer(pki.certificate("leader"))]
    signed = draft().sign(
        pki.key("leader"), LEADER, at, build=lambda data: enclosing(pki, *parts(pki, data, bound))
    )
    answer = judge(signed)
    assert answer.verdict is verdict
    assert codes(answer) == ({code} if code else set())
    assert verdict is Verdict.FAILED or answer.signatures[0].signer == "Nguyễn Văn Nam"


OTHER = 73


@pytest.fixture(scope="module")
def doubled(pki: Pki, at: datetime) -> Paper:
    """A signed letter that holds a second catalogue with another first page."""
    objects = dict(draft().objects)
    objects[70] = stream(HACK)
    objects[71] = objects[PAGE].replace(b"/Contents %d " % TEXT, b"/Contents 70 ")
    objects[72] = b"<</Type/Pages/Count 2/Kids[71 0 R %d 0 R]>>" % SECOND
    objects[OTHER] = objects[CATALOG].replace(b"/Pages %d " % PAGES, b"/Pages 72 ")
    return write(objects).sign(pki.key("leader"), LEADER, at)


def started_again(paper: Paper) -> bytes:
    """An update to the other catalogue, and a start that leads past it."""
    return paper.update({}, root=OTHER).data + b"startxref\n%d\n%%%%EOF\n" % paper.table


def two_trailers(paper: Paper) -> bytes:
    """A table with two trailers, the second of which leads to the other catalogue."""
    data = paper.update({}).data
    start = data.rindex(b"startxref")
    return data[:start] + b"trailer\n<</Size 200/Root %d 0 R>>\n" % OTHER + data[start:]


def start_without_number(paper: Paper) -> bytes:
    """A reader that looks for the last start of its own kind finds another than one that reads backwards."""
    data = paper.update({}).data
    start = data.rindex(b"startxref")
    return data[:start] + b"startxref %% %d\n" % paper.table + data[start:]


@pytest.mark.parametrize("left", [started_again, two_trailers, start_without_number])
def test_a_section_the_chain_passes_by_fails(
    pki: Pki, at: datetime, doubled: Paper, left: Callable[[Paper], bytes]
) -> None:
    answer = verify(left(doubled), pki.trust(), at=at + timedelta(minutes=1))
    assert answer.verdict is Verdict.FAILED
    assert "unlisted_objects" in codes(answer)


def test_words_of_the_structure_inside_an_update_are_no_structure(judge: Judge, approved: Paper) -> None:
    quoted = stream(b"trailer\n<</Root 9 0 R>>\nstartxref\n5\n%%EOF\n")
    assert judge(approved.update({901: quoted}).update({902: b"(trailer <<>> startxref 5)"})).verdict is Verdict.PASSED


BLANK, LINE = (60, 400, 400, 450), (60, 680, 420, 730)
WHITE = b"1 1 1 rg 0 0 999 999 re f"


def placed(paper: Paper, box: tuple[int, int, int, int], flags: bytes = b"4") -> tuple[Paper, int, dict[int, bytes]]:
    """The paper with one more signature field in mind, its number, and the update of page and form it needs."""
    number = paper.free
    body = widget(b"Sig", b"moi", box).replace(b"/F 4", b"/F " + flags)
    page = paper.objects[PAGE].replace(b"/Annots[", b"/Annots[%d 0 R " % number)
    form = paper.objects[FORM].replace(b"/Fields[", b"/Fields[%d 0 R " % number)
    return replace(paper, objects={**paper.objects, number: body}), number, {PAGE: page, FORM: form}


EMPTY: dict[str, tuple[bytes | None, Verdict, str]] = {
    "no look": (None, Verdict.PASSED, ""),
    "a look that draws nothing": (b"% DSBlank\nq Q", Verdict.PASSED, ""),
    "a frame": (b"q 0.9 g 0 0 340 50 re f Q 0 0 340 50 re S", Verdict.WARNED, "changed_listed"),
    "words": (b"BT /F1 14 Tf 9 9 Td (Mot ty dong) Tj ET", Verdict.FAILED, "changed_forbidden"),
    "a picture": (b"q 300 0 0 40 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q", Verdict.FAILED, "changed_forbidden"),
}


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_field_draws_nothing_into_a_signed_page(judge: Judge, approved: Paper, name: str) -> None:
    look, verdict, code = EMPTY[name]
    paper, number, objects = placed(approved, BLANK)
    body = paper.objects[number]
    if look is not None:
        body = body.removesuffix(b">>") + b"/AP<</N %d 0 R>>>>" % (number + 1)
        objects[number + 1] = drawing(look, 340, 50)
    answer = judge(paper.update({**objects, number: body}))
    assert answer.verdict is verdict
    assert codes(answer) == ({code} if code else set())


def test_an_undecodable_look_of_an_empty_field_is_content(judge: Judge, approved: Paper) -> None:
    paper, number, objects = placed(approved, BLANK)
    body = paper.objects[number].removesuffix(b">>") + b"/AP<</N %d 0 R>>>>" % (number + 1)
    objects[number + 1] = drawing(b"x", 9, 9).replace(b"/Subtype", b"/Filter/LZWDecode/Subtype")
    assert judge(paper.update({**objects, number: body})).verdict is Verdict.FAILED


def outlined(points: int) -> dict[int, bytes]:
    """Words that were turned into shapes, as printing programs do: nothing a reader finds as text."""
    shape = b" ".join(b"%d %d l" % (i % 7, (i * 3) % 11) for i in range(points))
    line = b"".join(b"q 1 0 0 1 %d 700 cm 0 0 m %s f Q " % (left, shape) for left in range(80, 400, 8))
    return {TEXT: stream(line)}


def scanned() -> dict[int, bytes]:
    """A scan that stands in a form in a form, each with a space of its own."""
    start = draft().objects
    inner = drawing(b"q 300 0 0 20 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q", 300, 30)
    outer = drawing(b"q 1 0 0 1 0 300 cm /X Do Q", 600, 600)
    return {
        201: inner,
        202: outer.replace(b"/Form", b"/Form/Resources<</XObject<</X 201 0 R>>>>"),
        TEXT: stream(b"q 1 0 0 1 72 400 cm /X Do Q"),
        PAGE: start[PAGE].replace(b"/Resources<<", b"/Resources<</XObject<</X 202 0 R>>"),
    }


GROUNDS: dict[str, tuple[dict[int, bytes], tuple[int, int, int, int], bytes, Verdict]] = {
    "words": ({}, LINE, b"4", Verdict.WARNED),
    "words, on paper only": ({}, LINE, b"36", Verdict.WARNED),
    "words, hidden": ({}, LINE, b"6", Verdict.PASSED),
    "outlines": (outlined(24), LINE, b"4", Verdict.WARNED),
    "rules": (outlined(3), LINE, b"4", Verdict.PASSED),
    "a ground": ({TEXT: stream(b"0.9 g 0 0 m 0 842 l 595 842 l 595 0 l 300 1 l 200 1 l 90 1 l f")}, LINE, b"4",
                 Verdict.PASSED),
    "a frame of lines": ({TEXT: stream(b"70 690 m 400 690 l 400 720 l 70 720 l 70 690 l 90 700 l 80 710 l S")}, LINE,
                         b"4", Verdict.PASSED),
    "a scan": (scanned(), LINE, b"4", Verdict.WARNED),
    "beside a scan": (scanned(), (60, 300, 400, 380), b"4", Verdict.PASSED),
}  # fmt: skip


@pytest.mark.parametrize("name", GROUNDS)
def test_what_a_new_signature_lies_over(judge: Judge, pki: Pki, at: datetime, name: str) -> None:
    """A later signature in a new place is lawful; over what the first signer saw it is told."""
    objects, box, flags, verdict = GROUNDS[name]
    first = write({**draft().objects, **objects}).sign(pki.key("leader"), LEADER, at)
    paper, number, more = placed(first, box, flags)
    answer = judge(Signature(at, look=WHITE).place(paper, number, pki.key("seal"), more))
    assert answer.verdict is verdict
    assert codes(answer) == ({"changed_listed"} if verdict is Verdict.WARNED else set())


PREPARED = 150


def prepared(kind: bytes, box: tuple[int, int, int, int], look: bytes | None = WHITE) -> Paper:
    """A letter with a field that lies on no page yet."""
    objects = dict(draft().objects)
    body = widget(kind, b"san", box).removesuffix(b">>")
    objects[PREPARED] = body + (b"/AP<</N 151 0 R>>>>" if look is not None else b">>")
    objects[PREPARED + 1] = drawing(look or b"", 340, 50)
    objects[FORM] = objects[FORM].replace(b"/Fields[", b"/Fields[%d 0 R " % PREPARED)
    return write(objects)


def put(paper: Paper) -> bytes:
    """The first page with that field on it."""
    return paper.objects[PAGE].replace(b"]>>", b" %d 0 R]>>" % PREPARED)


@pytest.mark.parametrize("certify", [None, 2])
@pytest.mark.parametrize("kind", [b"Tx", b"Sig", b"Btn"])
def test_a_field_prepared_beside_the_pages_may_not_come_up_later(
    judge: Judge, pki: Pki, at: datetime, kind: bytes, certify: int | None
) -> None:
    signed = prepared(kind, LINE).sign(pki.key("leader"), LEADER, at, certify=certify)
    shown = signed.update({PAGE: put(signed)})
    sealed = replace(shown, objects={**shown.objects, PAGE: put(signed)}).sign(pki.key("seal"), AGENCY, at)
    for paper in (shown, sealed):
        answer = judge(paper)
        assert answer.verdict is Verdict.FAILED
        assert "changed_forbidden" in codes(answer)


@pytest.mark.parametrize(
    ("box", "look", "verdict"),
    [(BLANK, WHITE, Verdict.PASSED), (LINE, WHITE, Verdict.FAILED), ((0, 0, 0, 0), None, Verdict.PASSED)],
)
def test_a_prepared_field_may_be_signed_where_nothing_stands(
    judge: Judge, pki: Pki, at: datetime, box: tuple[int, int, int, int], look: bytes | None, verdict: Verdict
) -> None:
    first = prepared(b"Sig", box, None).sign(pki.key("leader"), LEADER, at)
    second = Signature(at, look=look).place(first, PREPARED, pki.key("seal"), {PAGE: put(first)})
    assert judge(second).verdict is verdict


def test_a_time_stamp_answers_for_nothing_that_was_filled_in(judge: Judge, pki: Pki, at: datetime) -> None:
    filled = draft().sign(pki.key("leader"), LEADER, at, certify=2).fill(NUMBER, b"99")
    stamped = filled.sign_new(pki.key("tsa"), at, document_stamp=True, stamp=stamper(pki, at))
    answer = judge(stamped)
    assert (answer.verdict, codes(answer)) == (Verdict.WARNED, {"changed_listed"})
    assert judge(stamped.sign(pki.key("seal"), AGENCY, at)).verdict is Verdict.PASSED


STAMP = b"<</Type/Annot/Subtype/Stamp/Rect[60 600 200 640]/F 4/AP<</N %d 0 R>>>>"


def test_a_direct_annotation_may_not_be_laid_over_another_once_more(judge: Judge, pki: Pki, at: datetime) -> None:
    objects = dict(draft().objects)
    objects[PREPARED] = objects[PREPARED + 1] = drawing(WHITE, 140, 40)
    both = STAMP % PREPARED + STAMP % (PREPARED + 1)
    objects[PAGE] = objects[PAGE].replace(b"/Annots[", b"/Annots[" + both)
    signed = write(objects).sign(pki.key("leader"), LEADER, at)
    page = signed.objects[PAGE]
    assert judge(signed.update({PAGE: page.replace(both, both + STAMP % PREPARED)})).verdict is Verdict.FAILED
    one = write({**objects, PAGE: page.replace(both, STAMP % PREPARED)}).sign(pki.key("leader"), LEADER, at)
    page = one.objects[PAGE]
    moved = page.replace(STAMP % PREPARED, b"").replace(b"]>>", STAMP % PREPARED + b"]>>")
    assert judge(one.update({PAGE: moved})).verdict is Verdict.PASSED


SHOWN: dict[str, tuple[dict[int, bytes], tuple[int, int, int, int]]] = {
    "a free text without a look": (
        {PREPARED: b"<</Type/Annot/Subtype/FreeText/Rect[60 400 420 450]/Contents(x)/DA(/F1 9 Tf)/F 4>>",
         PAGE: draft().objects[PAGE].replace(b"/Annots[", b"/Annots[150 0 R ")}, BLANK,
    ),
    "a value without a look": (
        {NUMBER: draft().objects[NUMBER].removesuffix(b">>") + b"/V(12)>>"}, (70, 770, 150, 800),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
def test_a_new_signature_over_what_readers_draw_themselves(judge: Judge, pki: Pki, at: datetime, name: str) -> None:
    objects, box = SHOWN[name]
    first = write({**draft().objects, **objects}).sign(pki.key("leader"), LEADER, at)
    paper, number, more = placed(first, box)
    answer = judge(Signature(at, look=WHITE).place(paper, number, pki.key("seal"), more))
    assert (answer.verdict, codes(answer)) == (Verdict.WARNED, {"changed_listed"})


def test_a_new_signature_stands_on_one_page(judge: Judge, pki: Pki, at: datetime) -> None:
    words = {SECOND_TEXT: stream(b"BT /F1 14 Tf 72 420 Td (Trang hai) Tj ET")}
    first = write({**draft().objects, **words}).sign(pki.key("leader"), LEADER, at)
    paper, number, more = placed(first, BLANK)
    further = paper.objects[SECOND].removesuffix(b">>") + b"/Annots[%d 0 R]>>" % number
    seal = pki.key("seal")
    assert judge(Signature(at, look=WHITE).place(paper, number, seal, more)).verdict is Verdict.PASSED
    twice = Signature(at, look=WHITE).place(paper, number, seal, {**more, SECOND: further})
    assert judge(twice).verdict is Verdict.FAILED
    unseen, number, more = placed(first, (0, 0, 0, 0))
    assert judge(Signature(at).place(unseen, number, seal, {**more, SECOND: further})).verdict is Verdict.PASSED

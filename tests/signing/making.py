"""A small generator of signed, changed and attacked PDFs that shares no code with what it tests."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from signing.keys import Key
from signing.pki import Pki
from signing.results import Verification
from signing.verify import verify

Judge = Callable[["Paper"], Verification]
CATALOG, PAGES, FONT, FORM, TEXT, PAGE, SECOND_TEXT, SECOND = 1, 2, 3, 4, 5, 6, 7, 8
NUMBER, DAY, LEADER, AGENCY = 10, 11, 12, 13
ROOM = 6000
HACK = b"BT /F1 14 Tf 72 700 Td (Khong phai noi dung da ky) Tj ET"


def stream(data: bytes, extra: bytes = b"") -> bytes:
    """A stream object."""
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(data), extra, data)


def drawing(data: bytes, width: int = 60, height: int = 16) -> bytes:
    """A form XObject, as appearances are."""
    return stream(data, b"/Type/XObject/Subtype/Form/BBox[0 0 %d %d]" % (width, height))


def widget(kind: bytes, name: bytes, box: tuple[int, int, int, int]) -> bytes:
    """A field with its one widget on page 1."""
    rect = b" ".join(b"%d" % number for number in box)
    return b"<</Type/Annot/Subtype/Widget/FT/%s/T(%s)/F 4/P %d 0 R/Rect[%s]>>" % (kind, name, PAGE, rect)


@dataclass(frozen=True)
class Paper:
    """A PDF and the text of each of its objects, so that an update can change one of them."""

    data: bytes
    objects: Mapping[int, bytes] = field(default_factory=dict)
    offsets: Mapping[int, int] = field(default_factory=dict)
    table: int = 0

    @property
    def free(self) -> int:
        """The next object number nobody uses."""
        return max(self.objects) + 1

    def update(
        self,
        objects: Mapping[int, bytes],
        *,
        freed: Iterable[int] = (),
        moved: Mapping[int, int] | None = None,
        root: int = CATALOG,
        previous: int | None = None,
        marker: bytes = b"%%EOF\n",
    ) -> Paper:
        """Append an incremental update; ``moved`` gives objects an offset without writing them."""
        out = bytearray(self.data)
        entries: dict[int, bytes] = dict.fromkeys(freed, b"%010d 00001 f \n" % 0)
        offsets = dict(self.offsets)
        for number, offset in (moved or {}).items():
            entries[number] = b"%010d 00000 n \n" % offset
        for number, body in objects.items():
            offsets[number] = len(out)
            entries[number] = b"%010d 00000 n \n" % len(out)
            out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        table = len(out)
        out += b"xref\n"
        for number in sorted(entries):
            out += b"%d 1\n%s" % (number, entries[number])
        prev = self.table if previous is None else previous
        size = max([*self.objects, *entries]) + 1
        out += b"trailer\n<</Size %d/Root %d 0 R/Prev %d>>\nstartxref\n%d\n" % (size, root, prev, table)
        return Paper(bytes(out) + marker, {**self.objects, **objects}, offsets, table)

    def with_entry(self, number: int, entry: bytes) -> bytes:
        """Text of an object with one more dictionary entry."""
        return self.objects[number].removesuffix(b">>") + entry + b">>"

    def without(self, number: int, pattern: bytes) -> bytes:
        """Text of an object without what a pattern matches."""
        return re.sub(pattern, b"", self.objects[number])

    def fill(self, number: int, value: bytes, drawn: bytes | None = None) -> Paper:
        """Fill a text field and draw its value."""
        look, body = self.free, self.without(number, rb"/V\([^)]*\)|/AP<<[^>]*>>")
        body = body.removesuffix(b">>") + b"/V(%s)/AP<</N %d 0 R>>>>" % (value, look)
        return self.update({number: body, look: drawing(b"BT /F1 10 Tf 2 4 Td (%s) Tj ET" % (drawn or value))})

    def annotate(self, body: bytes, look: bytes | None = None) -> Paper:
        """Add an annotation to page 1; ``look`` becomes its appearance."""
        number = self.free
        more: dict[int, bytes] = {}
        if look is not None:
            more[number + 1] = drawing(look, 400, 200)
            body = body.removesuffix(b">>") + b"/AP<</N %d 0 R>>>>" % (number + 1)
        page = self.objects[PAGE].replace(b"/Annots[", b"/Annots[%d 0 R " % number)
        return self.update({number: body, PAGE: page, **more})

    def add_field(self, name: bytes, box: tuple[int, int, int, int] = (0, 0, 0, 0), kind: bytes = b"Sig") -> Paper:
        """Add an empty field."""
        number = self.free
        page = self.objects[PAGE].replace(b"/Annots[", b"/Annots[%d 0 R " % number)
        form = self.objects[FORM].replace(b"/Fields[", b"/Fields[%d 0 R " % number)
        return self.update({number: widget(kind, name, box), PAGE: page, FORM: form})

    def sign(self, key: Key, number: int, at: datetime, **how: object) -> Paper:
        """Sign the field with that object number; ``how`` are the arguments of ``Signature``."""
        return Signature(at, **how).place(self, number, key)  # type: ignore[arg-type]

    def sign_new(self, key: Key, at: datetime, **how: object) -> Paper:
        """Sign a new invisible field in one update."""
        signature = Signature(at, **how)  # type: ignore[arg-type]
        number = self.free
        page = self.objects[PAGE].replace(b"/Annots[", b"/Annots[%d 0 R " % number)
        form = self.objects[FORM].replace(b"/Fields[", b"/Fields[%d 0 R " % number)
        body = widget(b"Sig", b"field%d" % number, (0, 0, 0, 0))
        grown = replace(self, objects={**self.objects, number: body})
        return signature.place(grown, number, key, {PAGE: page, FORM: form})

    def store(self, *, certificates: Iterable[bytes] = (), crls: Iterable[bytes] = ()) -> Paper:
        """Add a document security store."""
        number, objects, lists = self.free, {}, {}
        for label, items in ((b"Certs", certificates), (b"CRLs", crls)):
            names = []
            for der in items:
                objects[number] = stream(der)
                names.append(b"%d 0 R" % number)
                number += 1
            lists[label] = b" ".join(names)
        entries = b"".join(b"/%s[%s]" % pair for pair in lists.items())
        return self.update({**objects, CATALOG: self.with_entry(CATALOG, b"/DSS<<%s>>" % entries)})


def draft(pages: int = 2, *, lock: bytes = b"", extra: Mapping[int, bytes] | None = None) -> Paper:
    """An unsigned letter with number, day and two empty signature fields on page 1."""
    objects: dict[int, bytes] = {
        CATALOG: b"<</Type/Catalog/Pages %d 0 R/AcroForm %d 0 R>>" % (PAGES, FORM),
        FONT: b"<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>",
        FORM: b"<</Fields[%s]/SigFlags 3/DA(/F1 10 Tf 0 g)/DR<</Font<</F1 %d 0 R>>>>>>"
        % (b" ".join(b"%d 0 R" % number for number in (NUMBER, DAY, LEADER, AGENCY)), FONT),
        TEXT: stream(b"BT /F1 14 Tf 72 700 Td (Quyet dinh ve viec thu nghiem) Tj ET"),
        SECOND_TEXT: stream(b"BT /F1 14 Tf 72 700 Td (Trang hai) Tj ET"),
        NUMBER: widget(b"Tx", b"so", (80, 780, 140, 796)),
        DAY: widget(b"Tx", b"ngay", (200, 780, 240, 796)),
        LEADER: widget(b"Sig", b"leader", (300, 100, 420, 180)).removesuffix(b">>") + lock + b">>",
        AGENCY: widget(b"Sig", b"agency", (220, 100, 340, 220)),
        **(extra or {}),
    }
    shared = b"/Type/Page/Parent %d 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 %d 0 R>>>>" % (PAGES, FONT)
    fields = b" ".join(b"%d 0 R" % number for number in (NUMBER, DAY, LEADER, AGENCY))
    objects[PAGE] = b"<<%s/Contents %d 0 R/Annots[%s]>>" % (shared, TEXT, fields)
    kids = [PAGE]
    for number in range(SECOND, SECOND + pages - 1):
        number = number if number == SECOND else number + 100
        objects[number] = b"<<%s/Contents %d 0 R>>" % (shared, SECOND_TEXT)
        kids.append(number)
    names = b" ".join(b"%d 0 R" % number for number in kids)
    objects[PAGES] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), names)
    return write(objects)


def write(objects: Mapping[int, bytes], trailer: bytes = b"") -> Paper:
    """A whole file from the text of its objects."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets: dict[int, int] = {}
    for number, body in sorted(objects.items()):
        offsets[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 1\n0000000000 65535 f \n"
    for number, offset in offsets.items():
        out += b"%d 1\n%010d 00000 n \n" % (number, offset)
    size = max(objects) + 1
    out += b"trailer\n<</Size %d/Root %d 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, CATALOG, trailer, table)
    return Paper(bytes(out), dict(objects), offsets, table)


@dataclass(frozen=True)
class Signature:
    """How a signature is made.

    Args:
        at: what the signer's clock says.
        certify: DocMDP level of a certification.
        lock: FieldMDP dictionary text, such as ``/Action/All``.
        identity: certificate the signer commits to, the signer's own when empty.
        stamp: gives a time-stamp token for a SHA-256 digest.
        document_stamp: the whole signature is a document time-stamp.
        build: makes the container itself from the signed bytes.
        hidden: the field does not get the value (an orphan).
    """

    at: datetime
    certify: int | None = None
    lock: bytes = b""
    subfilter: bytes = b"ETSI.CAdES.detached"
    digest: str = "sha256"
    bound: bool = True
    identity: bytes = b""
    stamp: Callable[[bytes], bytes] | None = None
    document_stamp: bool = False
    build: Callable[[bytes], bytes] | None = None
    hidden: bool = False
    look: bytes | None = None
    entries: bytes = b""

    def place(self, paper: Paper, number: int, key: Key, more: Mapping[int, bytes] | None = None) -> Paper:
        """Append the signature as one update."""
        value = max(paper.free, number + 1)
        body = paper.objects[number] if self.hidden else paper.with_entry(number, b"/V %d 0 R" % value)
        objects: dict[int, bytes] = {**(more or {})}
        if self.look is not None:
            body = body.removesuffix(b">>") + b"/AP<</N %d 0 R>>>>" % (value + 1)
            objects[value + 1] = drawing(self.look, 120, 80)
        objects[number] = body
        hole = b"<" + b"0" * (2 * ROOM) + b">"
        numbers = b"[0 0000000000 0000000000 0000000000]"
        kind = b"DocTimeStamp" if self.document_stamp else b"Sig"
        name = b"ETSI.RFC3161" if self.document_stamp else self.subfilter
        objects[value] = b"<</Type/%s/Filter/Adobe.PPKLite/SubFilter/%s%s/M(%s)/ByteRange%s/Contents%s%s>>" % (
            kind,
            name,
            self.entries,
            self.at.strftime("D:%Y%m%d%H%M%S+00'00'").encode(),
            numbers,
            hole,
            self._references(),
        )
        if self.certify:
            objects[CATALOG] = paper.with_entry(CATALOG, b"/Perms<</DocMDP %d 0 R>>" % value)
        placed = paper.update(objects)
        start = placed.data.index(hole)
        end = start + len(hole)
        told = b"[0 %d %d %d]" % (start, end, len(placed.data) - end)
        data = placed.data.replace(numbers, told.ljust(len(numbers)))
        container = self._container(data[:start] + data[end:], key)
        filled = b"<" + container.hex().encode().ljust(2 * ROOM, b"0") + b">"
        return replace(placed, data=data[:start] + filled + data[end:])

    def _references(self) -> bytes:
        found = []
        if self.certify:
            found.append(b"<</TransformMethod/DocMDP/TransformParams<</P %d/V/1.2>>>>" % self.certify)
        if self.lock:
            found.append(b"<</TransformMethod/FieldMDP/TransformParams<<%s/V/1.2>>>>" % self.lock)
        return b"/Reference[%s]" % b"".join(found) if found else b""

    def _container(self, data: bytes, key: Key) -> bytes:
        if self.build is not None:
            return self.build(data)
        if self.document_stamp:
            assert self.stamp is not None
            return self.stamp(hashlib.sha256(data).digest())
        return container(data, key, self)


_STAMP_TYPE = cms.CMSAttributeType("signature_time_stamp_token").dump()


def tlv(tag: int, value: bytes) -> bytes:
    """One DER value."""
    size = len(value)
    if size < 0x80:
        return bytes([tag, size]) + value
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + value


def contents(der: bytes) -> bytes:
    """What is inside one DER value."""
    return der[2:] if der[1] < 0x80 else der[2 + (der[1] & 0x7F) :]


def container(data: bytes, key: Key, how: Signature) -> bytes:
    """A CMS container over detached data."""
    certificate = asn1_x509.Certificate.load(key.certificate)
    attributes = [
        {"type": "content_type", "values": ["data"]},
        {"type": "message_digest", "values": [hashlib.new(how.digest, data).digest()]},
        {"type": "signing_time", "values": [cms.Time({"utc_time": core.UTCTime(how.at)})]},
    ]
    if how.bound:
        identity = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(how.identity or key.certificate).digest()})
        attributes.append(
            {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [identity]})]}
        )
    signed = cms.CMSAttributes(attributes)
    value = key.sign(signed.dump(), digest=how.digest)
    info = {
        "version": "v1",
        "sid": {"issuer_and_serial_number": {"issuer": certificate.issuer, "serial_number": certificate.serial_number}},
        "digest_algorithm": {"algorithm": how.digest},
        "signed_attrs": signed,
        "signature_algorithm": algorithm(key, how.digest),
        "signature": value,
    }
    signer = cms.SignerInfo(info).dump()
    if how.stamp is not None:
        # Spliced by hand: nested into one another the library's objects encode each other over and over again.
        stamped = tlv(0x30, _STAMP_TYPE + tlv(0x31, how.stamp(hashlib.sha256(value).digest())))
        signer = tlv(0x30, contents(signer) + tlv(0xA1, stamped))
    certificates = [certificate, *(asn1_x509.Certificate.load(der) for der in key.chain)]
    body = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [{"algorithm": how.digest}],
            "encap_content_info": {"content_type": "data"},
            "certificates": certificates,
            "signer_infos": [cms.SignerInfo.load(signer)],
        }
    )
    return cms.ContentInfo({"content_type": "signed_data", "content": body}).dump()


def algorithm(key: Key, digest: str) -> algos.SignedDigestAlgorithm:
    """How CMS names the algorithm of a key."""
    public = x509.load_der_x509_certificate(key.certificate).public_key()
    if isinstance(public, rsa.RSAPublicKey) and getattr(key, "pss", False):
        inner = {"algorithm": digest}
        return algos.SignedDigestAlgorithm(
            {
                "algorithm": "rsassa_pss",
                "parameters": {
                    "hash_algorithm": inner,
                    "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": inner},
                    "salt_length": hashlib.new(digest).digest_size,
                },
            }
        )
    if isinstance(public, rsa.RSAPublicKey):
        return algos.SignedDigestAlgorithm({"algorithm": f"{digest}_rsa"})
    if isinstance(public, ec.EllipticCurvePublicKey):
        return algos.SignedDigestAlgorithm({"algorithm": f"{digest}_ecdsa"})
    return algos.SignedDigestAlgorithm({"algorithm": "ed25519"})


@pytest.fixture
def judge(pki: Pki, at: datetime) -> Judge:
    """Judge a paper a minute after it was made, with the trust of the test PKI."""
    trust, moment = pki.trust(), at + timedelta(minutes=1)
    return lambda paper: verify(paper.data, trust, at=moment)


@pytest.fixture(scope="module")
def approved(pki: Pki, at: datetime) -> Paper:
    """Signed by the leader, without a certification."""
    return draft().sign(pki.key("leader"), LEADER, at)


@pytest.fixture(scope="module")
def certified(pki: Pki, at: datetime) -> Paper:
    """Certified by the leader: form filling and signing allowed."""
    return draft().sign(pki.key("leader"), LEADER, at, certify=2, look=b"0 0 1 RG 10 10 m 90 50 l S")


@pytest.fixture(scope="module")
def issued(certified: Paper, pki: Pki, at: datetime) -> Paper:
    """An issued document: certified, number and day filled, sealed with a lock of everything."""
    filled = certified.fill(NUMBER, b"12").fill(DAY, b"21")
    return filled.sign(pki.key("seal"), AGENCY, at, lock=b"/Action/All", look=b"1 0 0 RG 10 10 90 90 re S")

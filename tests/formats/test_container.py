"""Containers come back as they were sent, and whatever else comes is refused with a reason."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import random
import stat
import struct
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoffice.core.canonical import canonical
from eoffice.core.errors import OfficeError
from eoffice.formats.container import (
    MIMETYPE,
    Action,
    BadContainer,
    Container,
    ContainerLimits,
    ContainerTooLarge,
    DigestMismatch,
    DocumentFacts,
    Envelope,
    Party,
    Payload,
    UnsupportedVersion,
    as_dict,
    pack,
    unpack,
)
from signing.detached import sign_detached, verify_detached
from signing.pki import Pki
from signing.trust import pem

AT = datetime(2026, 11, 21, 2, 15, 42, tzinfo=UTC)
FACTS = DocumentFacts(
    uid="H01.02/2026/0197c0de-0000-7000-8000-000000000001",
    number="15",
    notation="SNV-VTLT",
    issued=date(2026, 11, 20),
    type="official_letter",
    subject="dự toán kinh phí “số hóa” <năm 2027> & tiếp theo",
    issuer="Sở Nội vụ",
    signer="Nguyễn Văn Nam",
    priority=1,
)
ENVELOPE = Envelope(
    id=UUID(int=1),
    kind="document",
    conversation=UUID(int=2),
    seq=1,
    sender=Party("H01.02", "anbinh.eoffice.test"),
    to=Party("H01.05", "anbinh.eoffice.test"),
    created=AT,
    expires=AT + timedelta(days=5),
    document=FACTS,
)
PARTS = (
    Payload("15-SNV-VTLT.pdf", b"%PDF-1.7 main"),
    Payload("Phụ lục.xlsx", b"PK annex", role="annex", media="application/vnd.ms-excel", signed=False),
)


def sign(data: bytes) -> bytes:
    return b"signature of " + hashlib.sha256(data).digest()


GOOD = pack(ENVELOPE, PARTS, sign)


def entries(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


Change = Callable[[dict[str, bytes]], None]


def rebuilt(change: Change, *, compression: int = zipfile.ZIP_STORED) -> bytes:
    """The good container with its entries changed, nothing else made right."""
    parts = entries(GOOD)
    change(parts)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_STORED if name == "mimetype" else compression)
    return out.getvalue()


def resigned(change: Callable[[dict[str, Any]], None]) -> bytes:
    """The good container with another envelope, the manifest made right: what a dishonest sender can make."""

    def spoil(parts: dict[str, bytes]) -> None:
        message = json.loads(parts["message.json"])
        change(message)
        old = parts["message.json"]
        parts["message.json"] = json.dumps(message).encode()
        swap_digest(parts, old, parts["message.json"])

    return rebuilt(spoil)


def swap_digest(parts: dict[str, bytes], old: bytes, new: bytes) -> None:
    import base64

    before, after = (base64.b64encode(hashlib.sha256(data).digest()) for data in (old, new))
    assert before in parts["META-INF/ASiCManifest.xml"]
    parts["META-INF/ASiCManifest.xml"] = parts["META-INF/ASiCManifest.xml"].replace(before, after)


# What was sent comes back


def test_round_trip() -> None:
    found = unpack(GOOD)
    assert found.envelope == ENVELOPE
    assert found.parts == PARTS
    assert found.signature == sign(found.manifest)
    assert found.manifest_sha256 == hashlib.sha256(found.manifest).hexdigest()


def test_same_message_same_bytes() -> None:
    assert pack(ENVELOPE, PARTS, sign) == GOOD
    assert entries(GOOD)["message.json"] == canonical(json.loads(entries(GOOD)["message.json"]))


def test_first_bytes_tell_what_it_is() -> None:
    assert GOOD[30:38] == b"mimetype"
    assert GOOD[38 : 38 + len(MIMETYPE)] == MIMETYPE.encode()


def test_names_and_envelope_are_those_of_the_format() -> None:
    names = list(entries(GOOD))
    assert names[:2] == ["mimetype", "message.json"]
    assert names[2].startswith("files/1-")
    assert names[2].endswith(".pdf")
    assert names[3].endswith(".xlsx")
    assert names[4:] == ["META-INF/ASiCManifest.xml", "META-INF/signature.p7s"]
    message = json.loads(entries(GOOD)["message.json"])
    assert set(message) == {
        "v", "id", "kind", "conversation", "seq", "from", "to", "created", "expires", "document", "action", "parts",
    }  # fmt: skip
    assert set(message["parts"][0]) == {"name", "title", "media", "size", "sha256", "role", "signed_pdf"}
    assert as_dict(unpack(GOOD))["message"] == message


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
facts = st.builds(
    DocumentFacts,
    uid=texts, number=texts, notation=texts, issued=st.dates(), type=texts, subject=texts, issuer=texts, signer=texts,
    priority=st.integers(0, 4), due=st.none() | st.dates(), reply_to=st.lists(texts, max_size=3).map(tuple),
    paper_follows=st.booleans(), edxml_id=texts,
)  # fmt: skip
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
parties = st.builds(Party, texts.filter(bool), texts)
envelopes = st.builds(
    Envelope,
    id=st.uuids(), kind=st.just("document"), conversation=st.uuids(), seq=st.integers(1, 1000), sender=parties,
    to=parties, created=times, expires=times, document=facts,
    action=st.just(Action()) | st.builds(
        Action, st.sampled_from(["update", "replace", "recall"]), st.lists(texts, min_size=1, max_size=2).map(tuple),
        st.none() | texts,
    ),
)  # fmt: skip
payloads = st.builds(
    Payload, title=texts, data=st.binary(max_size=200), role=st.sampled_from(["annex", "attachment"]),
    media=st.sampled_from(["application/pdf", "image/svg+xml", "text/plain"]), signed=st.booleans(),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(envelope=envelopes, main=payloads, others=st.lists(payloads, max_size=4))
def test_any_message_survives(envelope: Envelope, main: Payload, others: list[Payload]) -> None:
    parts = (replace(main, role="main"), *others)
    found = unpack(pack(envelope, parts, sign))
    assert [part.data for part in found.parts] == [part.data for part in parts]
    assert canonical(dataclasses.asdict(found.envelope)) == canonical(dataclasses.asdict(envelope))
    assert [canonical(part.title) for part in found.parts] == [canonical(part.title) for part in parts]


def test_a_compressed_container_of_another_writer_is_read() -> None:
    data = rebuilt(lambda parts: None, compression=zipfile.ZIP_DEFLATED)
    assert unpack(data).envelope == ENVELOPE


def test_later_minor_version_with_more_fields_is_read() -> None:
    def more(message: dict[str, Any]) -> None:
        message["ext"] = {"anything": [1]}
        message["document"]["colour"] = "red"

    assert unpack(resigned(more)).envelope == ENVELOPE


def test_a_status_needs_no_document() -> None:
    envelope = replace(ENVELOPE, kind="receipt-request", document=None)
    assert unpack(pack(envelope, (), sign)).envelope == envelope


def test_signature_is_checked_by_openssl(exchange: Pki, tmp_path: Path, openssl: Path) -> None:
    key = exchange.key("exchange-snv")
    data = pack(ENVELOPE, PARTS, lambda content: sign_detached(content, key, at=AT))
    found = unpack(data)
    assert verify_detached(found.manifest, found.signature, exchange.trust(), at=AT).ok
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(tmp_path)
    trust = exchange.trust()
    (tmp_path / "root.pem").write_bytes(b"".join(map(pem, (*trust.anchors, *trust.intermediates))))
    command = [openssl, "cms", "-verify", "-binary", "-inform", "DER", "-in", "META-INF/signature.p7s", "-content"]
    command += ["META-INF/ASiCManifest.xml", "-CAfile", "root.pem", "-purpose", "any"]
    command += ["-attime", str(int(AT.timestamp()))]
    seen = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert seen.stdout == found.manifest


# What is refused


@pytest.mark.parametrize("data", [b"", b"PK", b"%PDF-1.7", b"\x00" * 100, GOOD[:-1], GOOD[1:], GOOD[:200]])
def test_what_is_no_container(data: bytes) -> None:
    with pytest.raises(BadContainer):
        unpack(data)


def spoil_part(parts: dict[str, bytes]) -> None:
    parts[next(name for name in parts if name.startswith("files/1-"))] = b"%PDF-1.7 other"


def test_changed_part_is_a_digest_mismatch() -> None:
    with pytest.raises(DigestMismatch) as refusal:
        unpack(rebuilt(spoil_part))
    assert refusal.value.code == "digest-mismatch"


def test_changed_envelope_is_a_digest_mismatch() -> None:
    def spoil(parts: dict[str, bytes]) -> None:
        parts["message.json"] = parts["message.json"].replace(b'"15"', b'"16"')

    with pytest.raises(DigestMismatch):
        unpack(rebuilt(spoil))


def test_part_exchanged_with_its_manifest_entry_is_a_digest_mismatch() -> None:
    """The manifest is right then, but the envelope, which the register reads, is not."""

    def spoil(parts: dict[str, bytes]) -> None:
        name = next(name for name in parts if name.startswith("files/1-"))
        swap_digest(parts, parts[name], b"%PDF-1.7 evil")
        parts[name] = b"%PDF-1.7 evil"

    with pytest.raises(DigestMismatch):
        unpack(rebuilt(spoil))


@pytest.mark.parametrize("name", ["mimetype", "message.json", "META-INF/ASiCManifest.xml", "META-INF/signature.p7s"])
def test_nothing_may_be_missing(name: str) -> None:
    with pytest.raises(BadContainer):
        unpack(rebuilt(lambda parts: parts.pop(name) and None))


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/passwd", "files/../../evil", "files\\1-00000000.pdf", "C:evil", "evil", "files/", "files/1.pdf",
     "META-INF/manifest.xml", "META-INF/signature2.p7s", "files/0-00000000.pdf", "files/1-00000000.pdf/x", "a\nb",
     "files/3-00000000.PDF", "message.json/", "MESSAGE.JSON", "files/1-00000000.pdf\u202e"],
)  # fmt: skip
def test_no_other_entry_is_let_in(name: str) -> None:
    with pytest.raises(BadContainer):
        unpack(rebuilt(lambda parts: parts.update({name: b"x"})))


def test_an_expected_name_that_the_manifest_does_not_know_is_refused() -> None:
    with pytest.raises(BadContainer) as refusal:
        unpack(rebuilt(lambda parts: parts.update({"files/3-00000000.pdf": b"x"})))
    assert refusal.value.facts["reason"] == "manifest and entries differ"


def test_first_entry_has_to_be_the_type() -> None:
    def last(parts: dict[str, bytes]) -> None:
        parts["mimetype"] = parts.pop("mimetype")

    with pytest.raises(BadContainer):
        unpack(rebuilt(last))
    with pytest.raises(BadContainer):
        unpack(rebuilt(lambda parts: parts.update(mimetype=b"application/zip")))


def archive_of(*items: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in entries(GOOD).items():
            archive.writestr(zipfile.ZipInfo(name), data)
        for info, data in items:
            archive.writestr(info, data)
    return out.getvalue()


def test_symbolic_links_and_devices_are_refused() -> None:
    for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFDIR, stat.S_IFIFO):
        info = zipfile.ZipInfo("files/3-00000000.pdf")
        info.external_attr = (kind | 0o777) << 16
        with pytest.raises(BadContainer) as refusal:
            unpack(archive_of((info, b"/etc/passwd")))
        assert refusal.value.facts["reason"] == "not a plain file"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_twice_is_refused() -> None:
    with pytest.raises(BadContainer) as refusal:
        unpack(archive_of((zipfile.ZipInfo("message.json"), b"{}")))
    assert refusal.value.facts["reason"] == "entry twice"


@pytest.mark.parametrize("data", [GOOD + b"tail", b"head" + GOOD], ids=["behind", "before"])
def test_bytes_outside_are_refused(data: bytes) -> None:
    with pytest.raises(BadContainer):
        unpack(data)


def test_bytes_between_entries_are_refused() -> None:
    """Such an entry is seen by readers that go from front to back, and not by those that use the directory."""
    start = struct.unpack("<L", GOOD[-6:-2])[0]
    hidden = b"PK\x03\x04" + b"\x00" * 26
    spoiled = bytearray(GOOD[:start] + hidden + GOOD[start:])
    spoiled[-6:-2] = struct.pack("<L", start + len(hidden))
    with pytest.raises(BadContainer) as refusal:
        unpack(bytes(spoiled))
    assert refusal.value.facts["reason"] == "bytes that belong to no entry"


def test_comment_is_refused() -> None:
    out = io.BytesIO(GOOD)
    with zipfile.ZipFile(out, "a") as archive:
        archive.comment = b"hello"
    with pytest.raises(BadContainer):
        unpack(out.getvalue())


def test_names_that_disagree_are_refused() -> None:
    spoiled = GOOD.replace(b"message.json", b"message.jsoN", 1)
    with pytest.raises(BadContainer):
        unpack(spoiled)


def test_encrypted_and_streamed_entries_are_refused() -> None:
    for flag in (0x01, 0x08, 0x40, 0x2000):
        spoiled = bytearray(GOOD)
        place = GOOD.index(b"PK\x03\x04", 40)
        spoiled[place + 6 : place + 8] = struct.pack("<H", flag)
        place = GOOD.index(b"PK\x01\x02", GOOD.index(b"PK\x01\x02") + 4)
        spoiled[place + 8 : place + 10] = struct.pack("<H", flag)
        with pytest.raises(BadContainer):
            unpack(bytes(spoiled))


def central(data: bytes) -> list[bytes]:
    """The records of the central directory, as they lie there."""
    start = struct.unpack("<L", data[-6:-2])[0]
    return [b"PK\x01\x02" + record for record in data[start:-22].split(b"PK\x01\x02")[1:]]


def test_directory_in_another_order_than_the_entries_is_refused() -> None:
    records = central(GOOD)
    start = len(GOOD) - 22 - sum(map(len, records))
    records[2], records[3] = records[3], records[2]
    with pytest.raises(BadContainer) as refusal:
        unpack(GOOD[:start] + b"".join(records) + GOOD[-22:])
    assert refusal.value.facts["reason"] == "entries are not one after the other"


def test_flags_that_only_one_header_shows_are_refused() -> None:
    spoiled = bytearray(GOOD)
    spoiled[6] |= 0x08
    with pytest.raises(BadContainer) as refusal:
        unpack(bytes(spoiled))
    assert refusal.value.facts["reason"] == "headers disagree"


# Limits


def bomb(size: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries(GOOD).items():
            archive.writestr(zipfile.ZipInfo(name), data)
        info = zipfile.ZipInfo("files/3-00000000.pdf")
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, bytes(size))
    return out.getvalue()


def test_bombs_are_refused_before_they_unfold() -> None:
    with pytest.raises(ContainerTooLarge) as refusal:
        unpack(bomb(20_000_000))
    assert (refusal.value.code, refusal.value.facts["reason"]) == ("too-large", "ratio")
    with pytest.raises(ContainerTooLarge) as refusal:
        unpack(bomb(20_000_000), ContainerLimits(unpacked=10_000_000))
    assert refusal.value.facts["reason"] == "unpacked"


def test_a_bomb_that_lies_about_its_size_is_refused() -> None:
    data = bytearray(bomb(20_000_000))
    real, lie = struct.pack("<L", 20_000_000), struct.pack("<L", 20)
    assert data.count(real) == 2
    with pytest.raises(BadContainer):
        unpack(bytes(data).replace(real, lie))


def test_number_of_parts_and_bytes_is_bounded() -> None:
    many = [Payload(f"{number}.pdf", b"%d" % number, role="main" if number == 0 else "annex") for number in range(60)]
    data = pack(ENVELOPE, many, sign)
    assert len(unpack(data).parts) == 60
    with pytest.raises(ContainerTooLarge):
        unpack(data, ContainerLimits(parts=59))
    with pytest.raises(ContainerTooLarge):
        unpack(data, ContainerLimits(packed=len(data) - 1))
    with pytest.raises(ContainerTooLarge):
        unpack(data, ContainerLimits(text=100))


# The manifest


@pytest.mark.parametrize(
    "spoil",
    [
        lambda xml: b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + xml.split(b"\n", 1)[1],
        lambda xml: xml.replace(b"<asic:SigReference", b"<!DOCTYPE x><asic:SigReference"),
        lambda xml: xml.replace(b"META-INF/signature.p7s", b"META-INF/other.p7s"),
        lambda xml: xml.replace(b"xmlenc#sha256", b"xmldsig#sha1"),
        lambda xml: xml.replace(b"</asic:ASiCManifest>", b"<x/></asic:ASiCManifest>"),
        lambda xml: xml.replace(b"<ds:DigestValue>", b"<ds:DigestValue>!!"),
        lambda xml: xml.replace(b"asic:ASiCManifest", b"asic:Other"),
        lambda xml: xml.replace(b"</asic:ASiCManifest>", b""),
        lambda xml: xml.decode().encode("utf-16"),
        lambda xml: b"<a>" * 100_000,
        lambda xml: b"",
        lambda xml: xml.replace(b"<asic:DataObjectReference", xml[xml.index(b"<asic:Data") : xml.index(b"</asic:Data")]
                                + b"</asic:DataObjectReference><asic:DataObjectReference", 1),
    ],
)  # fmt: skip
def test_spoiled_manifest_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    def change(parts: dict[str, bytes]) -> None:
        parts["META-INF/ASiCManifest.xml"] = spoil(parts["META-INF/ASiCManifest.xml"])

    with pytest.raises(BadContainer):
        unpack(rebuilt(change))


# The envelope


def set_to(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(message: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        place: Any = message
        for name in parents:
            place = place[int(name) if name.isdigit() else name]
        if value is ...:
            del place[last]
        else:
            place[last] = value

    return change


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("v", 0), ("v", "1"), ("v", ...), ("id", "1"), ("id", 7), ("kind", "letter"), ("kind", []), ("seq", 0),
        ("seq", "1"), ("seq", True), ("from", None), ("from.org", ""), ("from.org", ...), ("to", "x"),
        ("created", "today"), ("created", "2026-01-05T08:15:30"), ("created", 1), ("document", None), ("document", []),
        ("document.issued", "5/1/2026"), ("document.number", 15), ("document.subject", "x" * 4001),
        ("document.subject", "a\x00b"), ("document.priority", 9), ("document.reply_to", "x"),
        ("document.paper_follows", 1), ("action", {}), ("action.type", "destroy"), ("action.type", "recall"),
        ("parts", []), ("parts", {}), ("parts", [1]), ("parts.0.role", "annex"), ("parts.1.role", "main"),
        ("parts.0.name", "../../evil"), ("parts.0.name", "files/9-00000000.pdf"), ("parts.0.size", 1),
        ("parts.0.sha256", "0" * 64), ("parts.0.sha256", "x"), ("parts.0.signed_pdf", "yes"), ("parts.0.title", None),
        ("parts.0.media", "text"), ("parts.0.media", "text/plain\n"), ("parts.0.media", "a/b\x1f"),
        ("parts.0.media", 1),
    ],
)  # fmt: skip
def test_spoiled_envelope_is_refused(path: str, value: Any) -> None:
    with pytest.raises(BadContainer):
        unpack(resigned(set_to(path, value)))


def test_later_version_says_so() -> None:
    with pytest.raises(UnsupportedVersion) as refusal:
        unpack(resigned(set_to("v", 2)))
    assert refusal.value.code == "unsupported-version"


@pytest.mark.parametrize(
    "message", [b"[" * 200_000, b'{"v":1,"v":1}', b"\xff", b"null", b"1e999", b'{"v":1' + b"0" * 5000]
)
def test_envelope_that_is_no_json_is_refused(message: bytes) -> None:
    def change(parts: dict[str, bytes]) -> None:
        swap_digest(parts, parts["message.json"], message)
        parts["message.json"] = message

    with pytest.raises(BadContainer):
        unpack(rebuilt(change))


def test_a_name_twice_in_the_envelope_is_refused() -> None:
    """Two readers could take two different values."""

    def change(parts: dict[str, bytes]) -> None:
        old = parts["message.json"]
        parts["message.json"] = old.replace(b'"seq":1', b'"seq":2,"seq":1')
        swap_digest(parts, old, parts["message.json"])

    with pytest.raises(BadContainer):
        unpack(rebuilt(change))


def test_what_no_receiver_would_take_is_not_packed() -> None:
    for envelope, parts in (
        (replace(ENVELOPE, document=None), PARTS),
        (ENVELOPE, ()),
        (ENVELOPE, PARTS[1:]),
        (replace(ENVELOPE, kind="letter"), PARTS),
        (replace(ENVELOPE, created=AT.replace(tzinfo=None)), PARTS[1:]),
    ):
        with pytest.raises(BadContainer):
            pack(envelope, parts, sign)


# Chance


def test_no_flipped_bit_changes_what_is_read_or_leaks_an_exception() -> None:
    chance = random.Random(11)
    true = unpack(GOOD)
    for _ in range(3000):
        spoiled = bytearray(GOOD)
        for _ in range(chance.choice((1, 1, 1, 4))):
            spoiled[chance.randrange(len(spoiled))] ^= 1 << chance.randrange(8)
        assert read_or_refused(bytes(spoiled)) in (None, replace(true, signature=b""))


def read_or_refused(data: bytes) -> Container | None:
    """What is read as far as the signature covers it; a changed manifest or signature fails its check."""
    try:
        found = unpack(data)
    except OfficeError:
        return None
    if found.signature != sign(found.manifest):
        return None
    return replace(found, signature=b"")


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=500))
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(BadContainer):
        unpack(data)
    with pytest.raises(BadContainer):
        unpack(GOOD[: len(GOOD) // 2] + data + GOOD[len(GOOD) // 2 :] if data else b"")

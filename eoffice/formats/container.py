"""Packs a message between agencies into one ASiC-E container and takes foreign ones apart without believing them.

A container (ETSI EN 319 162-1, with CAdES) is a ZIP of: ``mimetype``; ``message.json``, the envelope as canonical
JSON; the payloads as they are, ``files/<number>-<first 8 of their SHA-256>.<ending>``; the manifest with the SHA-256
of every part; and a detached signature over the manifest. The same message always gives the same bytes, whoever
reads one accepts nothing else than these entries. Signing and checking signatures is done by whoever calls.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from eoffice.core.canonical import canonical, plain
from eoffice.core.errors import FileRefused

MIMETYPE = "application/vnd.etsi.asic-e+zip"
KINDS = ("document", "status", "receipt-request", "directory")
ACTIONS = ("new", "update", "replace", "recall")
VERSION = 1

_MESSAGE, _MANIFEST, _SIGNATURE = "message.json", "META-INF/ASiCManifest.xml", "META-INF/signature.p7s"
_PART = re.compile(r"files/([1-9][0-9]{0,3})-([0-9a-f]{8})\.[a-z0-9]{1,8}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_MEDIA = re.compile(r"[a-zA-Z0-9][\w.+-]{0,80}/[a-zA-Z0-9][\w.+-]{0,80}\Z", re.ASCII)
_ASIC, _DSIG = "http://uri.etsi.org/02918/v1.2.1#", "http://www.w3.org/2000/09/xmldsig#"
_SHA256_URI = "http://www.w3.org/2001/04/xmlenc#sha256"
_LOCAL = struct.Struct("<4s5H3I2H")  # a local file header up to its name (ZIP application note, 4.3.7)
_END = struct.Struct("<4s4H2LH")  # the end of the central directory (4.3.16)
_FAULTS = (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, OSError, EOFError, struct.error)


class BadContainer(FileRefused):
    """Not one of our containers; ``reason`` says what is wrong."""

    code = "bad-container"


class DigestMismatch(BadContainer):
    """A part is not what the manifest says."""

    code = "digest-mismatch"


class ContainerTooLarge(BadContainer):
    """More bytes, entries or compression than allowed."""

    code = "too-large"


class UnsupportedVersion(BadContainer):
    """A message of a later version of this format."""

    code = "unsupported-version"


@dataclass(frozen=True)
class ContainerLimits:
    """Bounds of what is taken apart.

    Args:
        packed, unpacked: bytes of the container, and of all its parts together.
        parts: payloads.
        ratio: how many times larger than its compressed form an entry may be.
        text: bytes of the envelope, the manifest and the signature, each.
    """

    packed: int = 210 * 1024 * 1024
    unpacked: int = 210 * 1024 * 1024
    parts: int = 200
    ratio: int = 100
    text: int = 1024 * 1024


@dataclass(frozen=True)
class Party:
    """One side: identifier of the agency and name of its installation ("" when not known)."""

    org: str
    installation: str = ""


@dataclass(frozen=True)
class DocumentFacts:
    """What the receiver's register needs to know of a document.

    Args:
        uid: identifier of the document for ever, as the sender made it.
        number, notation: as printed, "15" and "UBND-VP".
        issued: date on the paper.
        type: code of the kind of document.
        subject: abstract.
        issuer, signer: names as printed.
        priority: 0 normal to 3 express.
        due: date until which an answer is asked for.
        reply_to: uids of documents this one answers.
        paper_follows: a paper copy comes by another way.
        edxml_id: identifier on the national axis, "" when it was not there.
    """

    uid: str
    number: str
    notation: str
    issued: date
    type: str
    subject: str
    issuer: str = ""
    signer: str = ""
    priority: int = 0
    due: date | None = None
    reply_to: tuple[str, ...] = ()
    paper_follows: bool = False
    edxml_id: str = ""


@dataclass(frozen=True)
class Action:
    """What the message does: ``new``, or something to earlier documents, named by ``targets`` (uids)."""

    type: str = "new"
    targets: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class Envelope:
    """Everything about a message except its payloads; one sender, one receiver.

    Args:
        id: of the message; stays the same over retries.
        conversation: id of the first message of its thread; ``seq`` counts in it from 1.
        created, expires: aware times.
        document: required for the kind ``document``.
    """

    id: UUID
    kind: str
    conversation: UUID
    seq: int
    sender: Party
    to: Party
    created: datetime
    expires: datetime
    document: DocumentFacts | None = None
    action: Action = field(default_factory=Action)


@dataclass(frozen=True)
class Payload:
    """One file of a message.

    Args:
        title: file name for people.
        data: its bytes.
        role: ``main``, ``annex`` or ``attachment``; the main file comes first.
        media: media type.
        signed: it is a signed PDF.
    """

    title: str
    data: bytes = field(repr=False)
    role: str = "main"
    media: str = "application/pdf"
    signed: bool = True

    @property
    def sha256(self) -> str:
        """Lower-case hex digest of the bytes."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Container:
    """A container taken apart: every digest has been checked, the signature has not.

    Args:
        manifest: the signed bytes; ``manifest_sha256`` their digest, which a receipt names.
        signature: detached CMS (DER) over ``manifest``.
    """

    envelope: Envelope
    parts: tuple[Payload, ...]
    manifest: bytes
    manifest_sha256: str
    signature: bytes


def pack(envelope: Envelope, parts: Sequence[Payload], sign: Callable[[bytes], bytes]) -> bytes:
    """Make a container.

    Args:
        parts: payloads, the main one first.
        sign: makes a detached CMS over the manifest with the sender's exchange certificate.

    Raises:
        BadContainer: the envelope would not be accepted by any receiver.
    """
    names = [_part_name(index, part) for index, part in enumerate(parts, start=1)]
    message = canonical(_to_json(envelope, names, parts))
    _from_json(json.loads(message))
    entries = [(_MESSAGE, "application/json", message)]
    entries += [(name, part.media, part.data) for name, part in zip(names, parts, strict=True)]
    manifest = _write_manifest(entries)
    out = io.BytesIO()
    files = [("mimetype", MIMETYPE.encode()), *((name, data) for name, _, data in entries)]
    files += [(_MANIFEST, manifest), (_SIGNATURE, sign(manifest))]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, data)
    return out.getvalue()


def unpack(data: bytes, limits: ContainerLimits = ContainerLimits()) -> Container:
    """Take a container apart.

    Raises:
        BadContainer: it is none; ``reason`` says why. Nothing of it may be used.
        DigestMismatch, ContainerTooLarge, UnsupportedVersion: the kinds of it that need another answer.
    """
    if len(data) > limits.packed:
        raise ContainerTooLarge(reason="packed", limit=limits.packed)
    found = _read_entries(data, limits)
    if found.get("mimetype") != MIMETYPE.encode():
        raise BadContainer(reason="mimetype")
    for name in (_MESSAGE, _MANIFEST, _SIGNATURE):
        if name not in found:
            raise BadContainer(reason=f"no {name}")
        if len(found[name]) > limits.text:
            raise ContainerTooLarge(reason=name, limit=limits.text)
    manifest = found[_MANIFEST]
    digests = _read_manifest(manifest)
    payloads = set(found) - {"mimetype", _MANIFEST, _SIGNATURE}
    if set(digests) != payloads:
        raise BadContainer(reason="manifest and entries differ")
    for name, digest in digests.items():
        if hashlib.sha256(found[name]).hexdigest() != digest:
            raise DigestMismatch(part=name)
    envelope, described = _from_json(_load_json(found[_MESSAGE]))
    if [name for name, _, _ in described] != sorted(payloads - {_MESSAGE}, key=_part_order):
        raise BadContainer(reason="envelope and parts differ")
    parts = tuple(_part(found[name], about, size=size) for name, about, size in described)
    return Container(envelope, parts, manifest, hashlib.sha256(manifest).hexdigest(), found[_SIGNATURE])


def as_dict(container: Container) -> dict[str, Any]:
    """Return what is in a container as JSON values, payload bytes aside."""
    names = [_part_name(index, part) for index, part in enumerate(container.parts, start=1)]
    message: dict[str, Any] = plain(_to_json(container.envelope, names, container.parts))
    return {
        "message": message,
        "manifest": base64.b64encode(container.manifest).decode(),
        "manifest_sha256": container.manifest_sha256,
        "signature": base64.b64encode(container.signature).decode(),
    }


@dataclass(frozen=True)
class Part:
    """A payload as the envelope describes it, without its bytes."""

    title: str
    role: str
    media: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Contents:
    """A container that was taken apart elsewhere, in a child process; see ``Container``."""

    envelope: Envelope
    parts: tuple[Part, ...]
    manifest: bytes
    manifest_sha256: str
    signature: bytes

    def vouches_for(self, sha256: str) -> bool:
        """Tell whether the manifest, which the signature covers, names these bytes."""
        return sha256 in _read_manifest(self.manifest).values()


def describe(data: bytes) -> dict[str, Any]:
    """Take a container apart and answer with ``as_dict``; runs in the sandbox's child. Errors as ``unpack``."""
    return as_dict(unpack(data))


def payload(data: bytes, *, index: int) -> bytes:
    """The bytes of one part, counted from 0; runs in the sandbox's child. Errors as ``unpack``."""
    return unpack(data).parts[index].data


def contents(described: dict[str, Any]) -> Contents:
    """Read what ``describe`` answered.

    Raises:
        BadContainer: it is no such answer.
    """
    envelope, parts = _from_json(described["message"])
    manifest = base64.b64decode(described["manifest"])
    return Contents(
        envelope=envelope,
        parts=tuple(
            Part(about["title"], about["role"], about["media"], about["sha256"], size) for _, about, size in parts
        ),
        manifest=manifest,
        manifest_sha256=hashlib.sha256(manifest).hexdigest(),
        signature=base64.b64decode(described["signature"]),
    )


# ZIP


def _read_entries(data: bytes, limits: ContainerLimits) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > limits.parts + 4:
                raise ContainerTooLarge(reason="parts", limit=limits.parts)
            _check_layout(data, entries, archive.start_dir)
            if sum(entry.file_size for entry in entries) > limits.unpacked:
                raise ContainerTooLarge(reason="unpacked", limit=limits.unpacked)
            for entry in entries:
                _check_entry(entry, limits)
            return {entry.filename: archive.read(entry) for entry in entries}
    except _FAULTS as error:
        raise BadContainer(reason=type(error).__name__) from None


def _check_layout(data: bytes, entries: list[zipfile.ZipInfo], end: int) -> None:
    """Refuse what two ZIP readers could see differently: gaps, overlaps, doubles, names that disagree."""
    if len({entry.filename for entry in entries}) != len(entries):
        raise BadContainer(reason="entry twice")
    if not entries or entries[0].filename != "mimetype" or entries[0].compress_type != zipfile.ZIP_STORED:
        raise BadContainer(reason="mimetype is not first")
    offset = 0
    for entry in entries:
        if entry.header_offset != offset:
            raise BadContainer(reason="entries are not one after the other")
        header = _LOCAL.unpack_from(data, offset)
        name_length, extra_length = header[9], header[10]
        name = data[offset + _LOCAL.size : offset + _LOCAL.size + name_length]
        if header[0] != b"PK\x03\x04" or name != entry.filename.encode() or header[2] != entry.flag_bits:
            raise BadContainer(reason="headers disagree")
        offset += _LOCAL.size + name_length + extra_length + entry.compress_size
    mark, *_, size, start, comment = _END.unpack(data[-_END.size :])
    if mark != b"PK\x05\x06" or comment or not offset == start == end or start + size + _END.size != len(data):
        raise BadContainer(reason="bytes that belong to no entry")


def _check_entry(entry: zipfile.ZipInfo, limits: ContainerLimits) -> None:
    name = entry.filename
    if name not in ("mimetype", _MESSAGE, _MANIFEST, _SIGNATURE) and not _PART.match(name):
        raise BadContainer(reason="entry not expected", name=name[:100])
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        raise BadContainer(reason="not a plain file", name=name)
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadContainer(reason="compression", name=name)
    if entry.flag_bits & ~0x0806:  # anything but UTF-8 names and the level of compression: encrypted, streamed ...
        raise BadContainer(reason="flags", name=name)
    if entry.file_size > limits.ratio * max(entry.compress_size, 1):
        raise ContainerTooLarge(reason="ratio", limit=limits.ratio)


# Manifest


def _write_manifest(entries: Sequence[tuple[str, str, bytes]]) -> bytes:
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<asic:ASiCManifest xmlns:asic="{_ASIC}" xmlns:ds="{_DSIG}">',
        f'<asic:SigReference URI="{_SIGNATURE}" MimeType="application/pkcs7-signature"/>',
    ]
    for name, media, data in entries:
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        lines += [
            f"<asic:DataObjectReference URI={quoteattr(name)} MimeType={quoteattr(media)}>",
            f'<ds:DigestMethod Algorithm="{_SHA256_URI}"/><ds:DigestValue>{digest}</ds:DigestValue>',
            "</asic:DataObjectReference>",
        ]
    return "\n".join([*lines, "</asic:ASiCManifest>", ""]).encode()


def _read_manifest(data: bytes) -> dict[str, str]:
    """Return name -> SHA-256 (hex) of a manifest; it has to point at our signature."""
    reader = _ManifestReader()
    parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse  # no DTD, so no entities
    try:
        parser.Parse(data.decode(), True)
    except (expat.ExpatError, ValueError) as error:
        raise BadContainer(reason=f"manifest: {type(error).__name__}") from None
    if reader.signature != _SIGNATURE or not reader.digests:
        raise BadContainer(reason="manifest names no signature")
    return reader.digests


class _ManifestReader:
    def __init__(self) -> None:
        self.signature = ""
        self.digests: dict[str, str] = {}
        self._path: list[str] = []
        self._name = ""
        self._method = ""
        self._value = ""

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        expected = {
            1: {f"{_ASIC} ASiCManifest"},
            2: {f"{_ASIC} SigReference", f"{_ASIC} DataObjectReference"},
            3: {f"{_DSIG} DigestMethod", f"{_DSIG} DigestValue"},
        }
        if name not in expected.get(len(self._path), ()):
            raise BadContainer(reason="manifest: element not expected")
        if name.endswith(" SigReference"):
            self.signature = "" if self.signature else attributes.get("URI", "")
        elif name.endswith(" DataObjectReference"):
            self._name, self._method, self._value = attributes.get("URI", ""), "", ""
        elif name.endswith(" DigestMethod"):
            self._method = attributes.get("Algorithm", "")

    def text(self, words: str) -> None:
        if self._path[-1] == f"{_DSIG} DigestValue":
            self._value += words

    def end(self, name: str) -> None:
        self._path.pop()
        if not name.endswith(" DataObjectReference"):
            return
        digest = base64.b64decode(self._value.strip(), validate=True)
        if self._method != _SHA256_URI or len(digest) != 32 or self._name in self.digests:
            raise BadContainer(reason="manifest: digest")
        self.digests[self._name] = digest.hex()

    def refuse(self, *_declaration: object) -> None:
        raise BadContainer(reason="manifest: document type")


# Envelope


def _to_json(envelope: Envelope, names: Sequence[str], parts: Sequence[Payload]) -> dict[str, Any]:
    document = envelope.document
    return {
        "v": VERSION,
        "id": envelope.id,
        "kind": envelope.kind,
        "conversation": envelope.conversation,
        "seq": envelope.seq,
        "from": vars(envelope.sender),
        "to": vars(envelope.to),
        "created": envelope.created,
        "expires": envelope.expires,
        "document": None if document is None else vars(document),
        "action": vars(envelope.action),
        "parts": [
            {
                "name": name,
                "title": part.title,
                "media": part.media,
                "size": len(part.data),
                "sha256": part.sha256,
                "role": part.role,
                "signed_pdf": part.signed,
            }
            for name, part in zip(names, parts, strict=True)
        ],
    }


_Described = tuple[str, dict[str, Any], int]


def _from_json(message: Any) -> tuple[Envelope, list[_Described]]:
    """Make an envelope of JSON values; fields of later minor versions are passed over.

    Raises:
        UnsupportedVersion, BadContainer: a field is missing, of another type or out of bounds.
    """
    if isinstance(message, dict) and isinstance(message.get("v"), int) and message["v"] > VERSION:
        raise UnsupportedVersion(version=message["v"])
    try:
        if message["v"] != VERSION:
            raise BadContainer(reason="version")
        document = message["document"]
        envelope = Envelope(
            id=UUID(message["id"]),
            kind=_one_of(message["kind"], KINDS),
            conversation=UUID(message["conversation"]),
            seq=_count(message["seq"], 1, 1_000_000),
            sender=_party(message["from"]),
            to=_party(message["to"]),
            created=_time(message["created"]),
            expires=_time(message["expires"]),
            document=None if document is None else _document(document),
            action=_action(message["action"]),
        )
        described = [_described(part) for part in message["parts"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadContainer(reason=f"envelope: {type(error).__name__}") from None
    if envelope.kind == "document" and (envelope.document is None or not described):
        raise BadContainer(reason="envelope: a document without its facts or file")
    if [about["role"] for _, about, _ in described].count("main") != (1 if described else 0):
        raise BadContainer(reason="envelope: one main file")
    return envelope, described


def _party(value: dict[str, Any]) -> Party:
    org = _text(value["org"], 200)
    if not org:
        raise ValueError("org")
    return Party(org, _text(value["installation"], 200))


def _document(value: dict[str, Any]) -> DocumentFacts:
    return DocumentFacts(
        uid=_text(value["uid"], 300),
        number=_text(value["number"], 40),
        notation=_text(value["notation"], 100),
        issued=date.fromisoformat(value["issued"]),
        type=_text(value["type"], 60),
        subject=_text(value["subject"], 4000),
        issuer=_text(value["issuer"], 500),
        signer=_text(value["signer"], 200),
        priority=_count(value["priority"], 0, 4),
        due=None if value["due"] is None else date.fromisoformat(value["due"]),
        reply_to=_texts(value["reply_to"]),
        paper_follows=_flag(value["paper_follows"]),
        edxml_id=_text(value["edxml_id"], 300),
    )


def _action(value: dict[str, Any]) -> Action:
    reason = value["reason"]
    targets = _texts(value["targets"])
    kind = _one_of(value["type"], ACTIONS)
    if kind != "new" and not targets:
        raise ValueError("targets")
    return Action(kind, targets, None if reason is None else _text(reason, 4000))


def _described(value: dict[str, Any]) -> _Described:
    about = {
        "title": _text(value["title"], 500),
        "media": value["media"],
        "role": _one_of(value["role"], ("main", "annex", "attachment")),
        "signed": _flag(value["signed_pdf"]),
        "sha256": value["sha256"],
    }
    match = _PART.match(value["name"])
    if not _MEDIA.match(value["media"]):
        raise ValueError("media")
    if not match or not _SHA256.match(value["sha256"]) or match[2] != value["sha256"][:8]:
        raise ValueError("name")
    return value["name"], about, _count(value["size"], 0, 1 << 50)


def _part(data: bytes, about: dict[str, Any], *, size: int) -> Payload:
    if len(data) != size or hashlib.sha256(data).hexdigest() != about["sha256"]:
        raise DigestMismatch(part=about["title"])
    return Payload(about["title"], data, about["role"], about["media"], about["signed"])


def _part_name(index: int, part: Payload) -> str:
    ending = re.sub(r"[^a-z0-9]", "", part.title.rpartition(".")[2].lower() if "." in part.title else "")[:8]
    return f"files/{index}-{part.sha256[:8]}.{ending or 'bin'}"


def _part_order(name: str) -> int:
    match = _PART.match(name)
    return int(match[1]) if match else 0


def _load_json(data: bytes) -> Any:
    try:
        return json.loads(data.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise BadContainer(reason=f"envelope: {type(error).__name__}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _text(value: Any, most: int) -> str:
    if not isinstance(value, str) or len(value) > most or "\x00" in value:
        raise ValueError("text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > 1000:
        raise ValueError("list")
    return tuple(_text(item, 300) for item in value)


def _count(value: Any, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError("number")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("flag")
    return value


def _one_of(value: Any, words: Sequence[str]) -> str:
    if value not in words:
        raise ValueError("word")
    return str(value)


def _time(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("time without zone")
    return moment

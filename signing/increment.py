"""One incremental update that ends in a signature: pre-flight of the document, writing, the check afterwards."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.form_tools import annot_width_height, enumerate_fields_in, get_single_field_annot
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import (
    FieldMDPAction,
    FieldMDPSpec,
    MDPPerm,
    SigFieldSpec,
    SigSeedSubFilter,
    append_signature_field,
)
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigMDPSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import SignatureObject

from signing.container import Scheme, attributes, check, container, der_value, fits, scheme
from signing.errors import (
    Damaged,
    KeyUnavailable,
    NotAPdf,
    NotPermitted,
    OverLimit,
    SigningError,
    TsaDown,
    ValueRejected,
)
from signing.keys import Identity, Key, Signer
from signing.objects import dictionary, entry, name
from signing.place import Box, PageShape, shape
from signing.results import Limits
from signing.stamp import Stamp, Words, appearance
from signing.trust import Trust
from signing.tsa import Tsa, check_token, require_trusted

_BYTE_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]")
_CHUNK = 1024 * 1024
_MOST_PROVEN = 1024
_PROVEN: set[tuple[bytes, tuple[bytes, ...], Scheme]] = set()
"""Signers of whom one whole container was taken apart and found good in this process."""
_enumerate: Any = enumerate_fields_in


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was put into a document.

    Args:
        sha256: lower-case hex of the whole signed file.
        claimed_time: the signer's clock, as the document says it.
        proven_time: what the time-stamp says, None at level B-B.
        level: ``B-B``, ``B-T``, ``B-LT`` or ``B-LTA``.
        digest: lower-case hex of the hash over the signed byte range, under ``algorithm``.
    """

    sha256: str
    field: str
    level: str
    claimed_time: datetime
    proven_time: datetime | None
    digest: str
    algorithm: str


@dataclass(frozen=True, kw_only=True)
class Signed(Facts):
    """A signed document and what was put into it.

    Args:
        pdf: the whole file; the input is its beginning, byte for byte.
    """

    pdf: bytes = dataclass_field(repr=False)


@dataclass(frozen=True)
class Mark:
    """What goes into the signature dictionary.

    Args:
        certify: DocMDP level of a certification signature, None for an approval signature.
        lock: the signature locks every field and allows no further change.
    """

    field: str
    certify: int | None = None
    lock: bool = False
    stamp: Stamp | Words | None = None
    name: str = ""
    reason: str = ""
    location: str = ""


class Begun:
    """An update with room for its signature, waiting for the value.

    Args:
        stream: the file as it stands, placeholder and all; the value will be written into it.
        length: bytes of the document before the update.
        start, end: where the container's hexadecimal string begins and ends, angle brackets included.
        signer: who is to sign.
        at: claimed time.
    """

    def __init__(
        self, stream: BinaryIO, length: int, start: int, end: int, *, signer: Identity, field: str, at: datetime
    ) -> None:
        self.stream = stream
        self.length = length
        self.start, self.end = start, end
        self.signer = signer
        self.field = field
        self.at = at
        self.how = scheme(signer)
        self._before: dict[str, Any] = {}
        self._tail = self._read_tail()
        self.digest = self._digest(self.how.digest)
        self.to_sign = attributes(self.digest, signer.certificate, self.how)

    def signed(self, value: bytes, before: bytes, trust: Trust, *, tsa: Tsa | None) -> Signed:
        """Put the value in and give the whole file; arguments and errors as ``complete``.

        Args:
            before: the document as it came; must be the beginning of the result.
        """
        facts = self.complete(value, trust, tsa=tsa)
        self.stream.seek(0)
        return Signed(pdf=checked(self.stream.read(), before), **vars(facts))

    @property
    def document_sha256(self) -> str:
        """Lower-case hex of the document before the update."""
        return str(self._prefix("sha256").hexdigest())

    def complete(self, value: bytes, trust: Trust, *, tsa: Tsa | None) -> Facts:
        """Put the value in, and check the file as it then stands: a fault shows here and not at the recipient's.

        Args:
            value: what the key answered for ``to_sign``; an ECDSA value may be DER or two bare numbers.
            trust: the chain of the time-stamp must lead to one of its anchors, if it has any.
            tsa: None: level B-B; otherwise B-T.

        Raises:
            TsaDown: no token, or none that can be used.
            ValueRejected: digest or value do not fit the document and the certificate.
        """
        value = der_value(value, self.how)
        token, proven = None, None
        if tsa is not None:
            self._require_value(value)  # one that does not fit is not worth a time-stamp
            hashed = hashlib.new(self.how.digest, value).digest()
            token = tsa.stamp(hashed, self.how.digest)
            stamped = check_token(token, hashed, self.how.digest)
            require_trusted(stamped, trust)
            proven = stamped.time
        made = container(self.to_sign, value, self.signer, token=token)
        if 2 * len(made) > self.end - self.start - 2:
            code = "timestamp_invalid" if token else "value_wrong"
            raise (TsaDown if token else ValueRejected)(code, f"{len(made)} bytes do not fit")
        self.stream.seek(self.start + 1)
        self.stream.write(made.hex().encode("ascii"))
        self._tail = self._read_tail()
        written = _BYTE_RANGE.findall(self._tail)
        rest = self.length + len(self._tail) - self.end
        if [tuple(map(int, numbers)) for numbers in written] != [(0, self.start, self.end, rest)]:
            raise ValueRejected("byterange_malformed")
        self._require_whole(made, value, stamped=token is not None)
        whole = self._prefix("sha256")
        whole.update(self._tail)
        return Facts(
            sha256=whole.hexdigest(),
            field=self.field,
            level="B-B" if token is None else "B-T",
            claimed_time=self.at,
            proven_time=proven,
            digest=self.digest.hex(),
            algorithm=self.how.digest,
        )

    def _require_whole(self, made: bytes, value: bytes, *, stamped: bool) -> None:
        """Check what now stands in the file: the container, the digest of what it covers, the value.

        The container of one signer differs from his last one in digest, value and time-stamp alone. So it is taken
        apart like a stranger's when it is his first in this process, or has a time-stamp; afterwards it is enough that
        digest and value fit, and that the file holds exactly what was put together.
        """
        found = _gap(self._tail, self.start - self.length, self.end - self.length)
        if found.rstrip(b"\x00") != made.rstrip(b"\x00"):
            raise ValueRejected("byterange_gap")
        key = (self.signer.certificate, self.signer.chain, self.how)
        if stamped or key not in _PROVEN:
            check(found, self._digest, certificate=self.signer.certificate)
            if len(_PROVEN) > _MOST_PROVEN:
                _PROVEN.clear()
            _PROVEN.add(key)
            return
        if self._digest(self.how.digest) != self.digest:
            raise ValueRejected("digest_mismatch")
        self._require_value(value)

    def _require_value(self, value: bytes) -> None:
        if not fits(value, self.to_sign, self.signer.certificate, self.how):
            raise ValueRejected("value_wrong")

    def _read_tail(self) -> bytes:
        self.stream.seek(self.length)
        return self.stream.read()

    def _digest(self, algorithm: str) -> bytes:
        """Hash of what the signature covers, as it stands in the file now."""
        state = self._prefix(algorithm)
        with memoryview(self._tail) as tail:
            state.update(tail[: self.start - self.length])
            state.update(tail[self.end - self.length :])
        return bytes(state.digest())

    def _prefix(self, algorithm: str) -> Any:
        """State after the document before the update, which is read once for all the hashes that begin with it."""
        if algorithm not in self._before:
            state = hashlib.new(algorithm)
            self.stream.seek(0)
            left = self.length
            with memoryview(bytearray(min(left, _CHUNK))) as room:
                while left:
                    read = self.stream.readinto(room[: min(left, _CHUNK)])  # type: ignore[attr-defined]
                    if not read:
                        raise ValueRejected("input_changed")
                    state.update(room[:read])
                    left -= read
            self._before[algorithm] = state
        return self._before[algorithm].copy()


class _Appending(io.BufferedRandom):
    """A file of which no byte that was there can be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path, "r+"))
        self.floor = self.seek(0, io.SEEK_END)

    def write(self, data: Any) -> int:
        if self.tell() < self.floor:
            raise ValueRejected("input_changed")
        return super().write(data)


def appending(path: Path) -> BinaryIO:
    """Open a file so that things can be added at its end, and nothing else."""
    return _Appending(path)


class _Writer(IncrementalPdfFileWriter):
    """Leaves the document's metadata alone: they would carry this machine's clock, and change after a signature."""

    def _update_meta(self) -> None:
        """Say nothing."""


class Increment:
    """A PDF opened for one more signature.

    Args:
        pdf: the bytes, of which none will be changed; or a file opened by ``appending``, which the update is added to.
        limits: largest file.

    Raises:
        NotAPdf, Damaged, OverLimit: the file cannot be used.
        NotPermitted: ``encrypted``.
    """

    def __init__(self, pdf: bytes | BinaryIO, limits: Limits = Limits()) -> None:
        # Whatever else is made of bytes may come too: a memory map, a buffer.
        self._stream: BinaryIO = pdf if isinstance(pdf, io.IOBase) else io.BytesIO(pdf)  # type: ignore[arg-type]
        self.length = self._stream.seek(0, io.SEEK_END)
        if self.length > limits.bytes:
            raise OverLimit("over_limit_bytes", str(self.length))
        self._stream.seek(0)
        if b"%PDF-" not in self._stream.read(1024):
            raise NotAPdf
        self._given = pdf if isinstance(pdf, bytes) else None
        with reading():
            reader = self._reader()
            if reader.encrypted:
                raise NotPermitted("encrypted")
            self.writer: Any = _Writer.from_reader(reader)
            self._form = entry(self.writer.root, "/AcroForm", {})
            self._places: dict[str, tuple[Any, Any]] = {}
            for full_name, value, ref in self._fields("/Sig"):
                self._places.setdefault(full_name, (value, ref))
            self._signatures = tuple(
                (full_name, ref.get_object(), value.get_object())
                for full_name, (value, ref) in self._places.items()
                if value is not None and isinstance(value.get_object(), generic.DictionaryObject)
            )

    @property
    def pdf(self) -> bytes:
        """The document as it came."""
        if self._given is None:
            self._stream.seek(0)
            self._given = self._stream.read(self.length)
        return self._given

    def _reader(self) -> PdfFileReader:
        try:
            return self._read(strict=True)
        except SigningError:
            raise
        except Exception:
            # Many producers err in small ways that every viewer forgives; what was read is checked after signing.
            self._stream.seek(0)
            return self._read(strict=False)

    def _read(self, *, strict: bool) -> PdfFileReader:
        reader = PdfFileReader(self._stream, strict=strict)
        if not reader.encrypted:
            reader.root["/Pages"]
        return reader

    def _fields(self, kind: str, full_name: str | None = None) -> Iterator[tuple[str, Any, Any]]:
        fields = entry(self._form, "/Fields")
        if fields is not None:
            yield from _enumerate(fields, with_name=full_name, refs_seen=set(), target_field_type=kind)

    def signature(self, field: str) -> Any:
        """The signature dictionary in a field; None when the field is empty or not there."""
        return next((value for full_name, _, value in self._signatures if full_name == field), None)

    def signatures(self) -> tuple[tuple[str, Any], ...]:
        """Name and signature dictionary of every signed field, document time-stamps included."""
        return tuple((full_name, value) for full_name, _, value in self._signatures)

    def output(self) -> bytes:
        """The whole file as it was written in place."""
        self._stream.seek(0)
        return self._stream.read()

    def written(self) -> bytes:
        """Write the update without a signature; the whole file.

        Raises:
            ValueRejected: ``input_changed``.
        """
        with reading():
            self.writer.write_in_place()
        return checked(self.output(), self.pdf)

    def empty_field(self, kind: str, field: str) -> tuple[Any, Any]:
        """An empty field and its reference.

        Args:
            kind: ``/Sig`` or ``/Tx``.

        Raises:
            NotPermitted: ``field_missing`` or ``field_taken``.
        """
        try:
            if kind == "/Sig":  # walked through already
                value, ref = self._places.get(field, (None, None))
            else:
                with reading():
                    _, value, ref = next(self._fields(kind, field), (None, None, None))
        except Damaged as error:  # a field of that name and another kind
            raise NotPermitted("field_missing", f"{field}: {error.detail}") from error
        if ref is None:
            raise NotPermitted("field_missing", field)
        if value:
            raise NotPermitted("field_taken", field)
        return ref.get_object(), ref

    def require_room(self, mark: Mark) -> None:
        """Refuse when the document permits no such signature now.

        Raises:
            NotPermitted: ``field_missing``, ``field_taken``, ``document_locked`` or ``certification_not_first``.
        """
        self.empty_field("/Sig", mark.field)
        with reading():
            for full_name, field, value in self._signatures:
                if mark.certify is not None and entry(value, "/Type", "/Sig") != "/DocTimeStamp":
                    raise NotPermitted("certification_not_first", full_name)
                if _locks(field, value, mark.field):
                    raise NotPermitted("document_locked", full_name)

    def begin(self, signer: Identity, mark: Mark, *, token_room: int | None, at: datetime) -> Begun:
        """Write the update with room for the signature; the bytes to be signed are known from here on.

        Args:
            signer: certificate and chain; the key itself is not needed.
            token_room: bytes a time-stamp token will take; None: level B-B.
            at: claimed time, aware.

        Raises:
            NotPermitted, Damaged: nothing was written anywhere.
        """
        how = scheme(signer)
        with reading():
            start, end = self._write(mark, room=_room(signer, token_room), digest=how.digest, at=at)
        return Begun(self._stream, self.length, start, end, signer=signer, field=mark.field, at=at)

    def finish(self, key: Key, mark: Mark, trust: Trust, *, tsa: Tsa | None, at: datetime) -> Signed:
        """Write the update, have it signed, check what came out, and give the whole file; see ``finish_in_place``."""
        before = self.pdf
        facts = self.finish_in_place(key, mark, trust, tsa=tsa, at=at)
        return Signed(pdf=checked(self.output(), before), **vars(facts))

    def finish_in_place(self, key: Key, mark: Mark, trust: Trust, *, tsa: Tsa | None, at: datetime) -> Facts:
        """Write the update, have it signed and check what came out, where the document itself stands.

        Args:
            trust: the chain of the time-stamp must lead to one of its anchors, if it has any.
            tsa: None: level B-B; otherwise B-T.
            at: claimed time, aware.

        Raises:
            KeyUnavailable, TsaDown, NotPermitted, Damaged: nothing was written anywhere.
            ValueRejected: digest or value do not fit the document and the certificate.
        """
        begun = self.begin(key, mark, token_room=None if tsa is None else tsa.room, at=at)
        bound = getattr(key, "file_sha256", None)
        if bound is not None and bound != begun.document_sha256:
            raise KeyUnavailable("not_unlocked", "unlocked for another document")
        return begun.complete(key.sign(begun.to_sign, digest=begun.how.digest), trust, tsa=tsa)

    def _write(self, mark: Mark, *, room: int, digest: str, at: datetime) -> tuple[int, int]:
        steps: Any = PdfCMSEmbedder().write_cms(mark.field, self.writer, existing_fields_only=True)
        field = next(steps).get_object()
        self._show(field, mark.stamp)
        setup = None
        if mark.certify is not None or mark.lock:
            setup = SigMDPSetup(
                md_algorithm=digest,
                certify=mark.certify is not None,
                docmdp_perms=MDPPerm.NO_CHANGES if mark.lock else MDPPerm(mark.certify),
                field_lock=FieldMDPSpec(FieldMDPAction.ALL) if mark.lock else None,
            )
        placeholder: Any = SignatureObject(
            timestamp=at,
            subfilter=SigSeedSubFilter.PADES,
            name=mark.name or None,
            reason=mark.reason or None,
            location=mark.location or None,
            bytes_reserved=2 * room,
        )
        steps.send(SigObjSetup(sig_placeholder=placeholder, mdp_setup=setup))
        # From here on by hand: the library would hash the file once for itself, and we once more for the check.
        self.writer.digest_aware_write = True
        self.writer.write_in_place()
        start, end = placeholder.contents.offsets
        placeholder.byte_range.fill_offsets(self._stream, start, end, self._stream.seek(0, io.SEEK_END))
        return start, end

    def first_page(self) -> PageShape:
        """The first page as a reader shows it."""
        with reading():
            return shape(self.writer.find_page_for_modification(0)[0].get_object())

    def add_field(self, field: str, box: Box | None, *, page: int = 1) -> None:
        """Place an empty signature field on a page (1-based), in the update that may sign it; no box: invisible.

        Raises:
            NotPermitted: ``document_locked``: certified, so no field may be added (ISO 32000-2, table 257), or locked;
                ``field_taken``: there is a field of this name.
        """
        with reading():
            if entry(entry(self.writer.root, "/Perms", {}), "/DocMDP") is not None:
                raise NotPermitted("document_locked", "certified")
            if field in self._places:
                raise NotPermitted("field_taken", field)
            append_signature_field(self.writer, SigFieldSpec(field, on_page=page - 1, box=box))  # type: ignore[arg-type]
            self._form = entry(self.writer.root, "/AcroForm", {})
            self._places |= {full_name: (value, ref) for full_name, value, ref in self._fields("/Sig", field)}

    def _show(self, field: Any, stamp: Stamp | Words | None) -> None:
        widget = get_single_field_annot(field)
        width, height = annot_width_height(widget)
        if stamp is None and ("/AP" in widget or not (width and height)):
            return
        drawn = appearance(self.writer, stamp, float(width), float(height))
        widget[name("AP")] = dictionary({"N": drawn})
        self.writer.update_container(widget)


@contextmanager
def reading() -> Iterator[None]:
    """Turn whatever a broken document makes the library raise into ``Damaged``."""
    try:
        yield
    except SigningError:
        raise
    except RecursionError as error:
        raise Damaged("damaged", "nested too deeply") from error
    except Exception as error:  # hostile bytes make the parser raise nearly anything
        raise Damaged("damaged", f"{type(error).__name__}: {error}") from error


def checked(pdf: bytes, before: bytes) -> bytes:
    """The file, if it begins with what was to be signed.

    Raises:
        ValueRejected: ``input_changed``.
    """
    if not pdf.startswith(before):
        raise ValueRejected("input_changed")
    return pdf


def require_sound(pdf: bytes, before: bytes, byte_range: tuple[int, int, int, int], *, certificate: bytes) -> None:
    """Check a signature just made, from the bytes that will be kept: a fault shows here and not at the recipient's.

    Args:
        pdf: the signed file.
        before: what was to be signed; must be the beginning of ``pdf``.
        byte_range: what the signature must cover: all but its own container.
        certificate: of the key that signed (DER).

    Raises:
        ValueRejected: ``input_changed``, ``byterange_malformed``, ``digest_mismatch``, ``value_wrong`` ...
    """
    checked(pdf, before)
    written = _BYTE_RANGE.findall(pdf, len(before))
    if [tuple(map(int, numbers)) for numbers in written] != [byte_range]:
        raise ValueRejected("byterange_malformed")
    check_embedded(pdf, byte_range, certificate=certificate)


def check_embedded(pdf: bytes, byte_range: tuple[int, ...], *, certificate: bytes | None = None) -> bytes:
    """Check digest and value of a signature in a file, reading its container from the gap of the byte range alone.

    Returns:
        The signer's certificate (DER).

    Raises:
        ValueRejected: the range is none, the gap holds anything else, or digest or value do not fit.
    """
    if len(byte_range) != 4:
        raise ValueRejected("byterange_malformed")
    zero, start, end, rest = byte_range
    if zero != 0 or not 0 < start < end - 2 or rest <= 0 or end + rest > len(pdf):
        raise ValueRejected("byterange_malformed")
    raw = _gap(pdf, start, end)

    def digest(algorithm: str) -> bytes:
        state = hashlib.new(algorithm)
        with memoryview(pdf) as view:
            state.update(view[:start])
            state.update(view[end : end + rest])
        return state.digest()

    return check(raw, digest, certificate=certificate)


def _gap(pdf: bytes, start: int, end: int) -> bytes:
    """The container in the gap of a byte range, zero bytes behind it included."""
    if pdf[start : start + 1] != b"<" or pdf[end - 1 : end] != b">":
        raise ValueRejected("byterange_gap")
    try:
        return bytes.fromhex(pdf[start + 1 : end - 1].decode("ascii"))
    except ValueError as error:
        raise ValueRejected("byterange_gap") from error


def _locks(field: Any, value: Any, other: str) -> bool:
    """Whether a signature forbids signing another field after it (ISO 32000-2, 12.8.2)."""
    lock = entry(field, "/Lock", {})
    if entry(lock, "/P") == 1:
        return True
    for reference in entry(value, "/Reference", ()):
        parameters = entry(reference.get_object(), "/TransformParams", {})
        if entry(parameters, "/P") == 1:
            return True
        if entry(reference.get_object(), "/TransformMethod") == "/FieldMDP" and _policy(parameters).is_locked(other):
            return True
    return False


def _policy(parameters: Mapping[Any, Any]) -> Any:
    read: Any = FieldMDPSpec.from_pdf_object
    return read(parameters)


def _room(signer: Identity, token_room: int | None) -> int:
    """Bytes to be kept free for the container: what it needs, not the customary 16 kB."""
    # 64 bytes: lengths inside grow by a few bytes when the token comes in.
    return _bare_room(signer.certificate, signer.chain, scheme(signer)) + (0 if token_room is None else 64 + token_room)


@lru_cache(maxsize=256)
def _bare_room(certificate: bytes, chain: tuple[bytes, ...], how: Scheme) -> int:
    hashed = bytes(hashlib.new(how.digest).digest_size)
    signer = Signer(certificate, chain, pss=how.mechanism == "pss")
    return len(container(attributes(hashed, certificate, how), bytes(how.longest), signer))

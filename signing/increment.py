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
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.form_tools import annot_width_height, enumerate_fields_in, get_single_field_annot
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import FieldMDPAction, FieldMDPSpec, MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigMDPSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import SignatureObject

from signing.container import attributes, check, container, scheme
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
from signing.keys import Key
from signing.objects import dictionary, entry, name
from signing.results import Limits
from signing.stamp import Stamp, appearance
from signing.trust import Trust
from signing.tsa import Tsa, check_token, require_trusted

_BYTE_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]")
_CHUNK = 1024 * 1024
_enumerate: Any = enumerate_fields_in


@dataclass(frozen=True)
class Signed:
    """A signed document and what was put into it.

    Args:
        pdf: the whole file; the input is its beginning, byte for byte.
        sha256: lower-case hex of ``pdf``.
        claimed_time: the signer's clock, as the document says it.
        proven_time: what the time-stamp says, None at level B-B.
        level: ``B-B``, ``B-T``, ``B-LT`` or ``B-LTA``.
        digest: lower-case hex of the hash over the signed byte range, under ``algorithm``.
    """

    pdf: bytes = dataclass_field(repr=False)
    sha256: str
    field: str
    level: str
    claimed_time: datetime
    proven_time: datetime | None
    digest: str
    algorithm: str


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
    stamp: Stamp | None = None
    name: str = ""
    reason: str = ""
    location: str = ""


class _Writer(IncrementalPdfFileWriter):
    """Leaves the document's metadata alone: they would carry this machine's clock, and change after a signature."""

    def _update_meta(self) -> None:
        """Say nothing."""


class Increment:
    """A PDF opened for one more signature.

    Args:
        pdf: the bytes, of which none will be changed.
        limits: largest file.

    Raises:
        NotAPdf, Damaged, OverLimit: the file cannot be used.
        NotPermitted: ``encrypted``.
    """

    def __init__(self, pdf: bytes, limits: Limits = Limits()) -> None:
        if len(pdf) > limits.bytes:
            raise OverLimit("over_limit_bytes", str(len(pdf)))
        if b"%PDF-" not in pdf[:1024]:
            raise NotAPdf
        self.pdf = pdf
        self._stream = io.BytesIO(pdf)
        with reading():
            reader = self._reader()
            if reader.encrypted:
                raise NotPermitted("encrypted")
            self.writer: Any = _Writer.from_reader(reader)
            self._form = entry(self.writer.root, "/AcroForm", {})
            self._signatures = tuple(
                (full_name, ref.get_object(), value.get_object())
                for full_name, value, ref in self._fields("/Sig")
                if value is not None and isinstance(value.get_object(), generic.DictionaryObject)
            )

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
        return self._stream.getvalue()

    def empty_field(self, kind: str, field: str) -> tuple[Any, Any]:
        """An empty field and its reference.

        Args:
            kind: ``/Sig`` or ``/Tx``.

        Raises:
            NotPermitted: ``field_missing`` or ``field_taken``.
        """
        try:
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

    def finish(self, key: Key, mark: Mark, trust: Trust, *, tsa: Tsa | None, at: datetime) -> Signed:
        """Write the update, have it signed and check what came out.

        Args:
            trust: the chain of the time-stamp must lead to one of its anchors, if it has any.
            tsa: None: level B-B; otherwise B-T.
            at: claimed time, aware.

        Raises:
            KeyUnavailable, TsaDown, NotPermitted, Damaged: nothing was written anywhere.
            ValueRejected: digest or value do not fit the document and the certificate.
        """
        how = scheme(key)
        bound = getattr(key, "file_sha256", None)
        if bound is not None and bound != hashlib.sha256(self.pdf).hexdigest():
            raise KeyUnavailable("not_unlocked", "unlocked for another document")
        with reading():
            steps, prepared, output = self._write(mark, room=_room(key, tsa), digest=how.digest, at=at)
        start, end = prepared.reserved_region_start, prepared.reserved_region_end
        signed = attributes(prepared.document_digest, key.certificate, how)
        value = key.sign(signed, digest=how.digest)
        token, proven = None, None
        if tsa is not None:
            hashed = hashlib.new(how.digest, value).digest()
            token = tsa.stamp(hashed, how.digest)
            stamped = check_token(token, hashed, how.digest)
            require_trusted(stamped, trust)
            proven = stamped.time
        made = container(signed, value, key, token=token)
        if 2 * len(made) > end - start - 2:
            code = "timestamp_invalid" if token else "value_wrong"
            raise (TsaDown if token else ValueRejected)(code, f"{len(made)} bytes do not fit")
        steps.send(made)
        steps.close()
        pdf = output.getvalue()
        require_sound(pdf, self.pdf, (0, start, end, len(pdf) - end), certificate=key.certificate)
        return Signed(
            pdf=pdf,
            sha256=hashlib.sha256(pdf).hexdigest(),
            field=mark.field,
            level="B-B" if token is None else "B-T",
            claimed_time=at,
            proven_time=proven,
            digest=prepared.document_digest.hex(),
            algorithm=how.digest,
        )

    def _write(self, mark: Mark, *, room: int, digest: str, at: datetime) -> tuple[Any, Any, Any]:
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
        placeholder = SignatureObject(
            timestamp=at,
            subfilter=SigSeedSubFilter.PADES,
            name=mark.name or None,
            reason=mark.reason or None,
            location=mark.location or None,
            bytes_reserved=2 * room,
        )
        steps.send(SigObjSetup(sig_placeholder=placeholder, mdp_setup=setup))
        prepared, output = steps.send(SigIOSetup(md_algorithm=digest, in_place=True, chunk_size=_CHUNK))
        return steps, prepared, output

    def _show(self, field: Any, stamp: Stamp | None) -> None:
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
    if not pdf.startswith(before):
        raise ValueRejected("input_changed")
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
    if pdf[start : start + 1] != b"<" or pdf[end - 1 : end] != b">":
        raise ValueRejected("byterange_gap")
    try:
        raw = bytes.fromhex(pdf[start + 1 : end - 1].decode("ascii"))
    except ValueError as error:
        raise ValueRejected("byterange_gap") from error

    def digest(algorithm: str) -> bytes:
        state = hashlib.new(algorithm)
        with memoryview(pdf) as view:
            state.update(view[:start])
            state.update(view[end : end + rest])
        return state.digest()

    return check(raw, digest, certificate=certificate)


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


def _room(key: Key, tsa: Tsa | None) -> int:
    """Bytes to be kept free for the container: what it needs, not the customary 16 kB."""
    how = scheme(key)
    hashed = bytes(hashlib.new(how.digest).digest_size)
    made = container(attributes(hashed, key.certificate, how), bytes(how.longest), key)
    # 64 bytes: lengths inside grow by a few bytes when the token comes in.
    return len(made) + (0 if tsa is None else 64 + tsa.room)

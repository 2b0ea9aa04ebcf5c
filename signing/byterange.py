"""The byte-range guard: what a signature covers, decided on raw bytes before any other reading of the file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from mmap import mmap

_HEX = re.compile(rb"<([0-9A-Fa-f\x00\t\n\f\r ]*)>\Z")
_SPACE = bytes.maketrans(b"", b"")
_END = re.compile(rb"startxref[\x00\t\n\f\r ]+\d{1,10}[\x00\t\n\f\r ]+%%EOF[\x00\t\n\f\r ]*\Z")
_TAIL = 1024
LARGEST_GAP = 8 * 1024 * 1024


class GuardFault(Exception):
    """The range is not one a lawful signature has; ``code`` is a key of ``signing.messages``."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Cover:
    """What a guarded signature covers.

    Args:
        before: length in bytes of the part before the gap (the gap begins here).
        after: offset of the first signed byte behind the gap.
        end: offset behind the last signed byte: the end of the signed revision.
        container: the CMS bytes found in the gap, without padding.
    """

    before: int
    after: int
    end: int
    container: bytes


def guard(data: bytes | mmap, byte_range: object, contents: tuple[int, int] | None) -> Cover:
    """Check a byte range (ISO 32000-2, 12.8.1) against the file itself.

    Four integers, the first 0, ordered, inside the file; the gap is exactly the one hexadecimal string that is the
    signature's own ``/Contents`` (``contents``: its first and past-the-end offset); behind the DER bytes only zero
    padding; the signed bytes end where a revision ends.

    Raises:
        GuardFault: which of these does not hold.
    """
    if not isinstance(byte_range, list):
        raise GuardFault("byterange_missing")
    if len(byte_range) != 4 or any(type(number) is not int for number in byte_range):
        raise GuardFault("byterange_malformed", repr(byte_range)[:100])
    start, before, after, length = byte_range
    if start != 0 or before <= 0 or length <= 0 or after <= before:
        raise GuardFault("byterange_malformed", repr(byte_range)[:100])
    end = after + length
    if end > len(data):
        raise GuardFault("byterange_outside", f"{end} > {len(data)}")
    if contents is None or contents != (before, after) or after - before > LARGEST_GAP:
        raise GuardFault("byterange_gap", f"{before}-{after}")
    found = _HEX.match(data[before:after])
    if found is None:
        raise GuardFault("byterange_gap", f"{before}-{after}")
    if not ends_revision(data, end):
        raise GuardFault("byterange_coverage", str(end))
    return Cover(before, after, end, container(found.group(1)))


def ends_revision(data: bytes | mmap, end: int) -> bool:
    """Say whether a revision ends at ``end``: startxref, number, end-of-file marker, white space."""
    return _END.search(data[max(0, end - _TAIL) : end]) is not None


def container(hexadecimal: bytes) -> bytes:
    """Decode the gap and cut the zero padding behind the DER (or BER) bytes.

    Raises:
        GuardFault: no container, or something else than zeros behind it.
    """
    digits = hexadecimal.translate(_SPACE, b"\x00\t\n\f\r ")
    raw = bytes.fromhex((digits + b"0" if len(digits) % 2 else digits).decode("ascii"))
    if len(raw) < 2 or not raw.strip(b"\x00"):
        raise GuardFault("contents_missing")
    size = _size(raw)
    if size > len(raw):
        raise GuardFault("container_unreadable")
    if raw[size:].strip(b"\x00"):
        raise GuardFault("byterange_padding")
    return raw[:size]


def _size(raw: bytes) -> int:
    """Length in bytes of the first value, in DER or in BER of indefinite length (X.690, 8.1)."""
    if raw[0] not in (0x30, 0x04):
        raise GuardFault("container_unreadable")
    position = depth = 0
    while True:
        tag, first = raw[position : position + 1], raw[position + 1 : position + 2]
        if not first or tag[0] & 0x1F == 0x1F:
            raise GuardFault("container_unreadable")
        position += 2
        if tag + first == b"\x00\x00" and depth:
            depth -= 1
        elif first[0] == 0x80:
            depth += 1
        elif first[0] < 0x80:
            position += first[0]
        else:
            count = first[0] & 0x7F
            if count > 4 or len(raw) < position + count:
                raise GuardFault("container_unreadable")
            position += count + int.from_bytes(raw[position : position + count], "big")
        if not depth:
            return position

"""A small strict reader of PDF structure: objects by file offset, revisions by their own cross-reference chain.

It exists because a verdict must rest on every revision as it stood, on where each object lies in the file, and on
typed faults only; a general library hides the first two and leaks the third. It never repairs silently: every
irregularity it had to overlook stands in ``Document.issues``.
"""

from __future__ import annotations

import re
import time
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from mmap import mmap
from typing import Any, NamedTuple

from signing.errors import Damaged, NotAPdf, OverLimit
from signing.results import Limits

Value = Any  # None, bool, int, float, Name, bytes, list, Dict, Ref or Stream

_WS = rb"\x00\t\n\f\r "
_END = rb"(?=[\x00\t\n\f\r ()<>\[\]{}/%]|\Z)"
_TOKEN = re.compile(
    rb"(?:[" + _WS + rb"]++|%[^\r\n]*+)*+(?:"
    rb"(?P<ref>(\d{1,10})[" + _WS + rb"]++(\d{1,5})[" + _WS + rb"]++R" + _END + rb")"
    rb"|(?P<int>[+-]?\d++)"
    + _END
    + rb"|(?P<real>[+-]?(?:\d++\.\d*+|\.\d++))"
    + _END
    + rb"|/(?P<name>[^"
    + _WS
    + rb"()<>\[\]{}/%]*+)"
    rb"|(?P<open><<)|(?P<close>>>)|<(?P<hex>[0-9A-Fa-f" + _WS + rb"]*+)>"
    rb"|(?P<array>\[)|(?P<end>\])|(?P<string>\()"
    rb"|(?P<word>[A-Za-z]++)" + _END + rb")"
)
_HEADER = re.compile(rb"[" + _WS + rb"]{0,64}+(\d{1,10})[" + _WS + rb"]++(\d{1,5})[" + _WS + rb"]++obj" + _END)
_ANY_HEADER = re.compile(rb"(?<![0-9])(\d{1,10})[" + _WS + rb"]{1,8}+(\d{1,5})[" + _WS + rb"]{1,8}+obj" + _END)
_STREAM = re.compile(rb"(?:[" + _WS + rb"]++|%[^\r\n]*+)*+stream(\r\n|\n|\r)")
_ENDSTREAM = re.compile(rb"[" + _WS + rb"]{0,4}endstream")
_ENDOBJ = re.compile(rb"(?:[" + _WS + rb"]++|%[^\r\n]*+)*+endobj")
_SUBSECTION = re.compile(rb"(?:[" + _WS + rb"]++|%[^\r\n]*+)*+(\d{1,10})[" + _WS + rb"]++(\d{1,10})[" + _WS + rb"]*+")
_ENTRIES = re.compile(rb"(?:\d{10} \d{5} [nf](?: \r| \n|\r\n))*+")
_ENTRY = re.compile(rb"[" + _WS + rb"]*+(\d{1,10})[" + _WS + rb"]++(\d{1,5})[" + _WS + rb"]++([nf])")
_TRAILER = re.compile(rb"(?:[" + _WS + rb"]++|%[^\r\n]*+)*+trailer")
_XREF = re.compile(rb"[" + _WS + rb"]{0,16}+xref" + _END)
_STARTXREF = re.compile(rb"startxref[" + _WS + rb"]++(\d{1,10})")
REVISION_END = re.compile(rb"startxref[" + _WS + rb"]++(\d{1,10})[" + _WS + rb"]++%%EOF")
_PAREN = re.compile(rb"[()\\]")
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|[\r\n])|(.))", re.S)
_HASH = re.compile(rb"#([0-9A-Fa-f]{2})")
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_KEYWORDS = {b"true": True, b"false": False, b"null": None}
_HEADER_WINDOW = 1024


class Name(str):
    """A PDF name, apart from text."""

    __slots__ = ()


class Ref(NamedTuple):
    """A reference to an indirect object."""

    number: int
    generation: int


class Dict(dict[str, Value]):
    """A PDF dictionary; ``spans`` gives the offsets of its string values, ``twice`` says that a key stood twice."""

    __slots__ = ("spans", "twice")

    def __init__(self) -> None:
        super().__init__()
        self.spans: dict[str, tuple[int, int]] = {}
        self.twice = False


class Stream(NamedTuple):
    """A stream: its dictionary and the offset of its first data byte in the file."""

    dict: Dict
    start: int


class Place(NamedTuple):
    """Where an object lies: file offset, and its slot when it lies in the object stream at that offset (else -1)."""

    offset: int
    slot: int


class Parsed(NamedTuple):
    """An indirect object as found at an offset; ``end`` is the offset behind its value (before stream data)."""

    number: int
    generation: int
    value: Value
    end: int


class Section(NamedTuple):
    """One cross-reference section: entries (place in file, or in an object stream by number), trailer, Prev.

    ``ambiguous``: it speaks twice of the same object, and readers differ in which word they believe.
    """

    offset: int
    plain: dict[int, tuple[int, int]]
    packed: dict[int, tuple[int, int]]
    free: frozenset[int]
    trailer: Dict
    previous: int | None
    hybrid: int | None
    ambiguous: bool


class Document:
    """The bytes of one PDF with everything read from them so far.

    Args:
        data: the file.
        limits: bounds; what goes beyond raises ``OverLimit``.
    """

    def __init__(self, data: bytes | mmap, limits: Limits) -> None:
        if len(data) > limits.bytes:
            raise OverLimit("over_limit_bytes", str(len(data)))
        self.data = data
        self.limits = limits
        self.issues: dict[str, str] = {}
        self._deadline = time.monotonic() + limits.seconds
        self._budget = limits.total_stream_bytes
        self._parsed: dict[int, Parsed | None] = {}
        self._packed: dict[int, dict[int, tuple[int, Value]]] = {}
        self._unpacked: dict[int, bytes] = {}
        self._sections: dict[int, Section] = {}
        self._ticks = 0
        self.leading = bytes(data[:_HEADER_WINDOW]).find(b"%PDF-")
        if self.leading < 0:
            raise NotAPdf()
        if self.leading:
            self.issue("leading_bytes", str(self.leading))

    def issue(self, code: str, detail: str = "") -> None:
        """Note an irregularity that was overlooked."""
        self.issues.setdefault(code, detail)

    def tick(self) -> None:
        """Stop when the time for this file is over."""
        self._ticks += 1
        if time.monotonic() > self._deadline:
            raise OverLimit("over_limit_seconds")
        if self._ticks > 40 * self.limits.objects:
            raise OverLimit("over_limit_objects")

    # objects -------------------------------------------------------------------------------------------------

    def object_at(self, offset: int) -> Parsed | None:
        """Read the indirect object at an offset; None when none stands there."""
        if offset in self._parsed:
            return self._parsed[offset]
        self.tick()
        if len(self._parsed) > 2 * self.limits.objects:
            raise OverLimit("over_limit_objects")
        found: Parsed | None = None
        header = _HEADER.match(self.data, offset)
        if header is not None:
            try:
                value, end = parse(self.data, header.end(), self.limits.depth)
            except Damaged:
                value = None
            else:
                if type(value) is Dict:
                    opened = _STREAM.match(self.data, end)
                    if opened is not None:
                        value = Stream(value, opened.end())
                        if opened.group(1) == b"\r":
                            self.issue("read_leniently", f"stream keyword at {end}")
                found = Parsed(int(header.group(1)), int(header.group(2)), value, end)
        self._parsed[offset] = found
        return found

    def members(self, offset: int, revision: Revision) -> dict[int, tuple[int, Value]]:
        """Read the object stream at an offset: index -> (number, value)."""
        if offset in self._packed:
            return self._packed[offset]
        self._packed[offset] = {}  # an object stream that leads to itself finds nothing
        parsed = self.object_at(offset)
        if parsed is None or type(parsed.value) is not Stream:
            return {}
        stream = parsed.value
        raw = self.unpacked(offset, revision)
        count, first = revision.resolve(stream.dict.get("N")), revision.resolve(stream.dict.get("First"))
        if type(count) is not int or type(first) is not int or not 0 <= count <= self.limits.objects:
            raise Damaged("damaged", "object stream")
        numbers = raw[: max(first, 0)].split()
        members: dict[int, tuple[int, Value]] = {}
        for index in range(min(count, len(numbers) // 2)):
            self.tick()
            try:
                number, position = int(numbers[2 * index]), int(numbers[2 * index + 1])
                members[index] = (number, parse(raw, first + position, self.limits.depth)[0])
            except (ValueError, Damaged):
                self.issue("read_leniently", f"object stream at {offset}")
        self._packed[offset] = members
        return members

    def unpacked(self, offset: int, revision: Revision) -> bytes:
        """The decoded bytes of the stream at an offset, decoded once."""
        known = self._unpacked.get(offset)
        if known is None:
            parsed = self.object_at(offset)
            if parsed is None or type(parsed.value) is not Stream:
                raise Damaged("damaged", f"stream at {offset}")
            known = self._unpacked[offset] = self.decode(parsed.value, revision)
        return known

    def raw(self, stream: Stream, revision: Revision) -> bytes:
        """The undecoded bytes of a stream, its length read as that revision has it."""
        length = revision.resolve(stream.dict.get("Length"))
        end = stream.start + length if type(length) is int and length >= 0 else -1
        if end < 0 or end > len(self.data) or _ENDSTREAM.match(self.data, end) is None:
            self.issue("read_leniently", f"stream length at {stream.start}")
            end = self.data.find(b"endstream", stream.start)
            if end < 0:
                raise Damaged("damaged", f"stream at {stream.start}")
        return bytes(self.data[stream.start : end])

    def decode(self, stream: Stream, revision: Revision) -> bytes:
        """The decoded bytes of a stream with the filters that structure may use (Flate, hexadecimal).

        Raises:
            Damaged: another filter, or data that does not fit it.
            OverLimit: more bytes than allowed.
        """
        raw = self.raw(stream, revision)
        filters = revision.resolve(stream.dict.get("Filter"))
        parameters = revision.resolve(stream.dict.get("DecodeParms"))
        filters = filters if type(filters) is list else [] if filters is None else [filters]
        parameters = parameters if type(parameters) is list else [parameters]
        if len(filters) > 4:
            raise Damaged("damaged", "filters")
        for index, item in enumerate(filters):
            name = revision.resolve(item)
            if name in ("FlateDecode", "Fl"):
                raw = self._inflate(raw)
            elif name in ("ASCIIHexDecode", "AHx"):
                try:
                    digits = b"".join(raw.split(b">")[0].split())
                    raw = bytes.fromhex((digits + b"0" if len(digits) % 2 else digits).decode("ascii"))
                except ValueError as error:
                    raise Damaged("damaged", "hexadecimal stream") from error
            else:
                raise Damaged("damaged", f"filter {name}")
            settings = revision.resolve(parameters[index]) if index < len(parameters) else None
            if isinstance(settings, dict):
                raw = _unpredict(raw, {key: revision.resolve(item) for key, item in settings.items()})
        return raw

    def _inflate(self, raw: bytes) -> bytes:
        allowed = min(self.limits.stream_bytes, self._budget)
        engine = zlib.decompressobj()
        try:
            out = engine.decompress(raw, allowed + 1)
        except zlib.error as error:
            raise Damaged("damaged", "compressed data") from error
        if len(out) > allowed:
            raise OverLimit("over_limit_stream")
        self._budget -= len(out)
        return out

    # revisions -----------------------------------------------------------------------------------------------

    def revision(self, end: int) -> Revision:
        """Read the file as it stood at ``end``, by the last startxref before it.

        Raises:
            Damaged: no readable chain of cross-reference sections there.
        """
        tail = bytes(self.data[max(0, end - 2048) : end])
        position = tail.rfind(b"startxref")
        found = _STARTXREF.match(tail, position) if position >= 0 else None
        if found is None:
            raise Damaged("damaged", "startxref")
        sections: list[Section] = []
        seen: set[int] = set()
        offset: int | None = int(found.group(1))
        while offset is not None:
            self.tick()
            if offset in seen:
                raise Damaged("damaged", "cross-reference loop")
            if len(seen) > 2000:
                raise OverLimit("over_limit_objects", "revisions")
            seen.add(offset)
            section = self.section(offset, end)
            sections.append(section)
            if section.hybrid is not None and section.hybrid not in seen:
                seen.add(section.hybrid)
                self.issue("hybrid_references", str(offset))
                sections.append(self.section(section.hybrid, end))
            offset = section.previous
        return Revision(self, end, tuple(sections))

    def section(self, offset: int, end: int) -> Section:
        """Read one cross-reference section (table or stream)."""
        if offset >= end:
            raise Damaged("damaged", f"cross-reference beyond its revision at {offset}")
        known = self._sections.get(offset)
        if known is None:
            self.tick()
            found = _XREF.match(self.data, offset)
            known = self._table(offset, found.end()) if found is not None else self._stream_section(offset)
            self._sections[offset] = known
        return known

    def sections(self) -> list[Section]:
        """Every cross-reference section read so far."""
        return list(self._sections.values())

    def _table(self, offset: int, position: int) -> Section:
        plain: dict[int, tuple[int, int]] = {}
        free: set[int] = set()
        told = 0
        data = self.data
        while (found := _SUBSECTION.match(data, position)) is not None:
            first, count = int(found.group(1)), int(found.group(2))
            if first + count > 10 * self.limits.objects or len(plain) + len(free) + count > self.limits.objects:
                raise OverLimit("over_limit_objects", str(count))
            position = found.end()
            strict = _ENTRIES.match(data, position, min(len(data), position + 20 * count))
            if strict is not None and strict.end() == position + 20 * count:
                block = strict.group()
                for index in range(count):
                    entry = block[20 * index : 20 * index + 18]
                    if entry[17] == 0x6E:
                        plain.setdefault(first + index, (int(entry[:10]), int(entry[11:16])))
                    else:
                        free.add(first + index)
                position = strict.end()
                told += count
                continue
            self.issue("read_leniently", f"cross-reference entries at {position}")
            for index in range(count):
                entry_found = _ENTRY.match(data, position)
                if entry_found is None:
                    break
                position = entry_found.end()
                told += 1
                if entry_found.group(3) == b"n":
                    plain.setdefault(first + index, (int(entry_found.group(1)), int(entry_found.group(2))))
                else:
                    free.add(first + index)
        keyword = _TRAILER.match(data, position)
        if keyword is None:
            raise Damaged("damaged", f"trailer at {position}")
        trailer, _ = parse(data, keyword.end(), self.limits.depth)
        if type(trailer) is not Dict:
            raise Damaged("damaged", f"trailer at {position}")
        if trailer.twice:
            self.issue("read_leniently", "trailer key twice")
        ambiguous = told != len(plain.keys() | free)
        previous, hybrid = _offset(trailer, "Prev"), _offset(trailer, "XRefStm")
        return Section(offset, plain, {}, frozenset(free), trailer, previous, hybrid, ambiguous)

    def _stream_section(self, offset: int) -> Section:
        parsed = self.object_at(offset)
        if parsed is None or type(parsed.value) is not Stream:
            raise Damaged("damaged", f"cross-reference at {offset}")
        trailer = parsed.value.dict
        bare = Revision(self, len(self.data), ())
        widths, index = trailer.get("W"), trailer.get("Index")
        size = trailer.get("Size")
        if (
            type(widths) is not list
            or len(widths) != 3
            or any(type(width) is not int or not 0 <= width <= 8 for width in widths)
            or type(size) is not int
        ):
            raise Damaged("damaged", f"cross-reference stream at {offset}")
        index = index if type(index) is list else [0, size]
        if len(index) % 2 or any(type(number) is not int or number < 0 for number in index):
            raise Damaged("damaged", f"cross-reference stream at {offset}")
        raw = self.decode(parsed.value, bare)
        one, two, three = widths
        step = one + two + three
        if not step or sum(index[1::2]) > self.limits.objects or size > 10 * self.limits.objects:
            raise OverLimit("over_limit_objects")
        plain: dict[int, tuple[int, int]] = {}
        packed: dict[int, tuple[int, int]] = {}
        free: set[int] = set()
        told = position = 0
        for first, count in zip(index[::2], index[1::2], strict=True):
            for number in range(first, first + count):
                entry = raw[position : position + step]
                position += step
                if len(entry) < step:
                    self.issue("read_leniently", f"short cross-reference stream at {offset}")
                    break
                told += 1
                kind = int.from_bytes(entry[:one], "big") if one else 1
                second = int.from_bytes(entry[one : one + two], "big")
                third = int.from_bytes(entry[one + two :], "big")
                if kind == 1:
                    plain.setdefault(number, (second, third))
                elif kind == 2:
                    packed.setdefault(number, (second, third))
                else:  # a kind that is not known counts as null (ISO 32000-2, 7.5.8.3)
                    free.add(number)
        ambiguous = told != len(plain.keys() | packed.keys() | free)
        return Section(offset, plain, packed, frozenset(free), trailer, _offset(trailer, "Prev"), None, ambiguous)

    def rebuilt(self, end: int) -> Revision:
        """Read the file up to ``end`` without its cross references: the last definition of each object counts.

        Raises:
            Damaged: no catalogue can be found that way either.
        """
        self.issue("read_leniently", "cross references rebuilt")
        plain: dict[int, tuple[int, int]] = {}
        trailer = Dict()
        containers: list[int] = []
        position = 0
        while (found := _ANY_HEADER.search(self.data, position, end)) is not None:
            self.tick()
            if len(plain) > self.limits.objects:
                raise OverLimit("over_limit_objects")
            parsed = self.object_at(found.start(1))
            position = found.end()
            if parsed is None:
                continue
            number, generation, value, after = parsed
            plain[number] = (found.start(1), generation)
            position = max(position, after)
            if type(value) is Stream:
                length = value.dict.get("Length")
                skip = value.start + length if type(length) is int and length >= 0 else value.start
                position = skip if _ENDSTREAM.match(self.data, skip) else value.start
                kind = value.dict.get("Type")
                if kind == "XRef":
                    trailer.update({key: value.dict[key] for key in ("Root", "Info", "Encrypt") if key in value.dict})
                elif kind == "ObjStm":
                    containers.append(number)
            elif type(value) is Dict and value.get("Type") == "Catalog":
                trailer["Root"] = Ref(number, generation)
        for keyword in re.finditer(rb"trailer", bytes(self.data[:end])):
            try:
                value, _ = parse(self.data, keyword.end(), self.limits.depth)
            except Damaged:
                continue
            if type(value) is Dict:
                trailer.update({key: value[key] for key in ("Root", "Info", "Encrypt") if key in value})
        packed: dict[int, tuple[int, int]] = {}
        revision = Revision(self, end, (Section(-1, plain, packed, frozenset(), trailer, None, None, False),))
        for container in containers:
            try:
                members = self.members(plain[container][0], revision)
            except Damaged:
                continue
            for index, (number, value) in members.items():
                if number not in plain:
                    packed[number] = (container, index)
                    if type(value) is Dict and value.get("Type") == "Catalog" and "Root" not in trailer:
                        trailer["Root"] = Ref(number, 0)
        if type(revision.resolve(trailer.get("Root"))) is not Dict:
            raise Damaged()
        return revision

    def headers(self, start: int, end: int) -> Iterator[int]:
        """Offsets of everything between two offsets that looks like the beginning of an indirect object."""
        for found in _ANY_HEADER.finditer(self.data, start, end):
            self.tick()
            yield found.start(1)

    def within(self, position: int, offsets: list[int], revision: Revision) -> bool:
        """Say whether a position lies in the text or in the stream data of a known object.

        Args:
            offsets: sorted offsets of all objects known to some cross-reference chain.
        """
        index = bisect_right(offsets, position) - 1
        parsed = self.object_at(offsets[index]) if index >= 0 else None
        if parsed is None:
            return False
        if position < parsed.end:
            return True
        length = revision.resolve(parsed.value.dict.get("Length")) if type(parsed.value) is Stream else None
        return type(length) is int and position < parsed.value.start + length

    def holder(self, position: int, offsets: list[int], revision: Revision) -> tuple[Parsed, int, bool] | None:
        """Find the object whose text holds a position: the object, its offset, and whether it is known to a chain.

        Args:
            position: offset in the file.
            offsets: sorted offsets of all objects known to some cross-reference chain.

        Returns:
            None when the position lies in stream data or in no object.
        """
        index = bisect_right(offsets, position) - 1
        if index >= 0:
            parsed = self.object_at(offsets[index])
            if parsed is not None and position < parsed.end:
                return parsed, offsets[index], True
            if self.within(position, offsets, revision):
                return None
        start = max(0, position - 65536, offsets[index] + 1 if index >= 0 else 0)
        before = [found.start(1) for found in _ANY_HEADER.finditer(self.data, start, position)]
        for offset in reversed(before[-20:]):
            parsed = self.object_at(offset)
            if parsed is not None and position < parsed.end:
                return parsed, offset, False
        return None


class Revision:
    """The file as it stood at one moment: a chain of cross-reference sections, newest first."""

    def __init__(self, document: Document, end: int, sections: tuple[Section, ...]) -> None:
        self.document = document
        self.end = end
        self.sections = sections
        self._places: dict[int, Place | None] = {}
        self._generations: dict[int, int] = {}
        self._values: dict[int, Value] = {}

    @property
    def trailer(self) -> Dict:
        """The newest trailer."""
        return self.sections[0].trailer if self.sections else Dict()

    def place(self, number: int) -> Place | None:
        """Where an object lies in this revision; None when it is free or unknown."""
        if number in self._places:
            return self._places[number]
        self._places[number] = None
        place: Place | None = None
        hidden = False
        for section in self.sections:
            entry = section.plain.get(number)
            if entry is not None:
                place = Place(entry[0], -1) if 0 < entry[0] < self.end else None
                self._generations[number] = entry[1]
                break
            packed = section.packed.get(number)
            if packed is not None:
                container = self.place(packed[0])
                place = Place(container.offset, packed[1]) if container is not None and container.slot < 0 else None
                break
            if hidden or (number in section.free and section.hybrid is None):
                break
            hidden = number in section.free  # from old readers; the table beside this one may show it to new ones
        self._places[number] = place
        return place

    def generations(self, number: int) -> tuple[int, int] | None:
        """Generation of an object as its table and as its own header tell it; None for one that is not in use."""
        place = self.place(number)
        if place is None or place.slot >= 0:
            return None if place is None else (0, 0)
        parsed = self.document.object_at(place.offset)
        return self._generations[number], -1 if parsed is None else parsed.generation

    def entry(self, number: int) -> tuple[Place | None, int]:
        """What the tables say of an object: its place and its generation."""
        return self.place(number), self._generations.get(number, 0)

    def get(self, number: int) -> Value:
        """The object of that number; None when there is none or it cannot be read."""
        if number in self._values:
            return self._values[number]
        self._values[number] = None
        place = self.place(number)
        value: Value = None
        if place is not None and place.slot < 0:
            parsed = self.document.object_at(place.offset)
            if parsed is None or parsed.number != number:
                parsed = self._shifted(place.offset, number)
            if parsed is None:
                self.document.issue("read_leniently", f"object {number} is not at {place.offset}")
            else:
                value = parsed.value
        elif place is not None:
            found = self.document.members(place.offset, self).get(place.slot)
            if found is None or found[0] != number:
                self.document.issue("read_leniently", f"object {number} is not in its object stream")
            else:
                value = found[1]
        self._values[number] = value
        return value

    def _shifted(self, offset: int, number: int) -> Parsed | None:
        """Offsets may count from the header when other bytes stand before it."""
        if not self.document.leading:
            return None
        parsed = self.document.object_at(offset + self.document.leading)
        return parsed if parsed is not None and parsed.number == number else None

    def resolve(self, value: Value) -> Value:
        """Follow references until a value stands there; None for a loop."""
        for _ in range(20):
            if type(value) is not Ref:
                return value
            value = self.get(value.number)
        return None

    def dict(self, value: Value) -> Dict:
        """The dictionary behind a value (of a stream too), an empty one when there is none."""
        found = self.resolve(value)
        if type(found) is Stream:
            return found.dict
        return found if type(found) is Dict else Dict()

    def list(self, value: Value) -> list[Value]:
        """The array behind a value, an empty one when there is none."""
        found = self.resolve(value)
        return found if type(found) is list else []

    def numbers(self) -> set[int]:
        """All object numbers that some section of the chain speaks of."""
        found: set[int] = set()
        for section in self.sections:
            found.update(section.plain, section.packed, section.free)
        return found


def parse(data: bytes | mmap, position: int, depth: int) -> tuple[Value, int]:
    """Read one direct value.

    Args:
        data: bytes that hold it.
        position: offset where it (or white space before it) begins.
        depth: how deeply arrays and dictionaries may be nested.

    Returns:
        The value and the offset behind it.

    Raises:
        Damaged: no value there. OverLimit: nested too deeply.
    """
    stack: list[tuple[list[Value] | Dict, str | None]] = []
    current: list[Value] | Dict | None = None
    key: str | None = None
    match = _TOKEN.match
    while True:
        found = match(data, position)
        if found is None:
            raise Damaged("damaged", f"syntax at {position}")
        start, position, kind = position, found.end(), found.lastgroup
        value: Value
        if kind == "name":
            value = _name(found.group("name"))
            if type(current) is Dict and key is None:
                key = value
                continue
        elif kind == "ref":
            value = Ref(int(found.group(2)), int(found.group(3)))
        elif kind == "int":
            digits = found.group("int")
            if len(digits) > 20:
                raise Damaged("damaged", f"number at {start}")
            value = int(digits)
        elif kind == "open" or kind == "array":
            if len(stack) >= depth:
                raise OverLimit("over_limit_depth", str(depth))
            if type(current) is Dict and key is None:
                raise Damaged("damaged", f"key at {start}")
            if current is not None:
                stack.append((current, key))
            current, key = (Dict() if kind == "open" else []), None
            continue
        elif kind == "close" or kind == "end":
            if (type(current) is Dict) != (kind == "close") or key is not None or current is None:
                raise Damaged("damaged", f"bracket at {start}")
            value = current
            if not stack:
                return value, position
            current, key = stack.pop()
        elif kind == "string":
            value, position = _string(data, position)
        elif kind == "hex":
            digits = found.group("hex").translate(None, b"\x00\t\n\f\r ")
            value = bytes.fromhex((digits + b"0" if len(digits) % 2 else digits).decode("ascii"))
        elif kind == "real":
            value = float(found.group("real"))
        else:
            word = found.group("word")
            if word not in _KEYWORDS:
                raise Damaged("damaged", f"word at {start}")
            value = _KEYWORDS[word]
        if current is None:
            return value, position
        if type(current) is Dict:
            if key is None:
                raise Damaged("damaged", f"key at {start}")
            if key in current:
                current.twice = True
            current[key] = value
            if type(value) is bytes:
                current.spans[key] = (found.start("hex") - 1 if kind == "hex" else start, position)
            key = None
        else:
            current.append(value)  # type: ignore[union-attr]


def _name(raw: bytes) -> Name:
    if b"#" in raw:
        raw = _HASH.sub(lambda found: bytes([int(found.group(1), 16)]), raw)
    return Name(raw.decode("latin-1"))


def _string(data: bytes | mmap, position: int) -> tuple[bytes, int]:
    start, level, escaped = position, 1, False
    while level:
        found = _PAREN.search(data, position)
        if found is None:
            raise Damaged("damaged", f"string at {start}")
        mark = found.group()
        position = found.end()
        if mark == b"\\":
            escaped = True
            position += 1
        else:
            level += 1 if mark == b"(" else -1
    raw = bytes(data[start : position - 1])
    return (_ESCAPE.sub(_unescape, raw) if escaped else raw), position


def _unescape(found: re.Match[bytes]) -> bytes:
    octal, newline, other = found.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if newline is not None:
        return b""
    return _ESCAPES.get(other, other)


def _offset(trailer: Dict, key: str) -> int | None:
    value = trailer.get(key)
    if value is None:
        return None
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or value < 0:
        raise Damaged("damaged", key)
    return value


def _unpredict(raw: bytes, settings: dict[str, Value]) -> bytes:
    """Undo the PNG predictors (ISO 32000-2, 7.4.4.4); others do not occur in structure."""
    predictor = settings.get("Predictor", 1)
    if predictor == 1:
        return raw
    colors, bits, columns = settings.get("Colors", 1), settings.get("BitsPerComponent", 8), settings.get("Columns", 1)
    if (
        type(predictor) is not int
        or predictor < 10
        or any(type(n) is not int or n < 1 for n in (colors, bits, columns))
    ):
        raise Damaged("damaged", "predictor")
    size = max(1, colors * bits // 8)
    width = (colors * bits * columns + 7) // 8
    if width > 1 << 20:
        raise Damaged("damaged", "predictor")
    out = bytearray()
    above = bytes(width)
    for start in range(0, len(raw), width + 1):
        kind, row = raw[start], bytearray(raw[start + 1 : start + 1 + width])
        row.extend(bytes(width - len(row)))
        if kind == 2:
            row = bytearray((one + two) & 0xFF for one, two in zip(row, above, strict=True))
        elif kind:
            _unfilter(kind, row, above, size)
        out += row
        above = bytes(row)
    return bytes(out)


def _unfilter(kind: int, row: bytearray, above: bytes, size: int) -> None:
    for index in range(len(row)):
        left = row[index - size] if index >= size else 0
        up = above[index]
        corner = above[index - size] if index >= size else 0
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + up) // 2
        elif kind == 4:
            middle = left + up - corner
            guess = min((left, up, corner), key=lambda value: abs(middle - value))
        else:
            raise Damaged("damaged", "predictor")
        row[index] = (row[index] + guess) & 0xFF

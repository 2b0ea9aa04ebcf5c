"""Finds every signature dictionary and all active content in a PDF, wherever they stand or hide."""

from __future__ import annotations

import re
from dataclasses import dataclass

from signing.changes import View, text
from signing.errors import Damaged, OverLimit
from signing.pdf import Dict, Document, Parsed, Ref, Revision, Stream, Value


def _pattern(name: str) -> bytes:
    """A name however it is escaped: every letter may be written as ``#`` and two hexadecimal digits."""
    return b"".join(
        b"(?:" + re.escape(char.encode()) + b"|#" + b"".join(b"[%c%c]" % (d, d ^ 32) if d > 57 else b"%c" % d
        for d in b"%02x" % ord(char)) + b")" for char in name
    )  # fmt: skip


_STOP = rb"(?=[\x00\t\n\f\r ()<>\[\]{}/%]|\Z)"
_FLAGS = {
    "JavaScript": "javascript",
    "JS": "javascript",
    "Launch": "launch",
    "XFA": "xfa",
    "EmbeddedFile": "embedded_files",
    "EmbeddedFiles": "embedded_files",
    "GoToR": "remote_goto",
    "GoToE": "remote_goto",
    "OpenAction": "open_action",
    "AA": "additional_actions",
    "SubmitForm": "submit_form",
    "ImportData": "import_data",
    "RichMedia": "rich_media",
}
_RANGE = re.compile(rb"/" + _pattern("ByteRange") + _STOP)
_ACTIVE = re.compile(rb"/(?:" + b"|".join(_pattern(name) for name in _FLAGS) + rb")" + _STOP)
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_NUMBER = re.compile(rb"[\x00\t\n\f\r ]+(\d{1,10})(?!\d)")
_TABLE = re.compile(rb"[\x00\t\n\f\r ]{0,16}xref")
_MOST_HITS = 20_000


@dataclass
class Found:
    """One signature dictionary.

    Args:
        dict: the dictionary itself.
        offset: where its object begins, -1 when it lies in an object stream.
        contents: offsets of its ``/Contents`` string in the file, None when it has none there.
        field: name of the field that holds it today, "" for none.
        fields: how many fields hold it today.
        kind: kind of that field (``Sig`` for a lawful one).
        permission: it is a usage-rights signature held by the catalogue instead of a field.
    """

    dict: Dict
    offset: int
    contents: tuple[int, int] | None
    field: str = ""
    fields: int = 0
    kind: str = ""
    page: int | None = None
    permission: bool = False


class Scan:
    """Walks over all bytes and all object streams once."""

    def __init__(self, document: Document, revision: Revision, view: View) -> None:
        self._document, self._revision, self._view = document, revision, view
        known = {entry[0] for section in document.sections() for entry in section.plain.values() if entry[0]}
        known |= {section.offset for section in document.sections() if section.offset > 0}
        self._known = known
        self.offsets = sorted(known)

    def signatures(self) -> list[Found]:
        """Every signature dictionary of the file in the order of the file: used, removed, orphaned, compressed.

        Raises:
            OverLimit: more of them than allowed.
        """
        found: dict[int, Found] = {}
        for position in self._hits(_RANGE):
            held = self._document.holder(position, self.offsets, self._revision)
            if held is None:
                if not self._document.within(position, self.offsets, self._revision):
                    found[-position] = Found(Dict(), position, None)  # torn open, yet it was a signature
                continue
            for item in _holding(held[0]):
                found.setdefault(id(item), Found(item, held[1], item.spans.get("Contents")))
            self._bound(found)
        for container in self._containers():
            for item in self._inside(container):
                found.setdefault(id(item), Found(item, -1, None))
        self._name(found)
        self._bound(found)
        return sorted(found.values(), key=lambda item: item.offset)

    def flags(self) -> tuple[str, ...]:
        """Kinds of active content (codes of ``signing.messages``), in object streams too."""
        names: set[bytes] = set()
        for found in _ACTIVE.finditer(self._document.data):
            self._document.tick()
            name = _plain(found.group())
            if name not in names and self._document.holder(found.start(), self.offsets, self._revision) is not None:
                names.add(name)
        for container in self._containers():
            names.update(_plain(found.group()) for found in _ACTIVE.finditer(self._bytes(container)))
        return tuple(sorted({_FLAGS[name.decode("ascii")] for name in names}))

    def unlisted(self, start: int, end: int) -> int | None:
        """Offset of an object between two offsets that no cross-reference section lists, None when there is none."""
        for offset in self._document.headers(start, end):
            if offset not in self._known and not self._document.within(offset, self.offsets, self._revision):
                return offset
        return None

    def unreached(self, start: int, end: int) -> int | None:
        """Offset of a cross-reference section between two offsets that the chain of the file passes by, or None.

        Each section has one start that leads to it, and each table one trailer; more are for readers that search.
        """
        data = self._document.data
        sections = {section.offset for section in self._document.sections()}
        for position in self._words(b"startxref", start, end):
            told = _NUMBER.match(data, position + 9)
            if told is None or int(told.group(1)) not in sections:
                return position
            sections.discard(int(told.group(1)))
        tables = [offset for offset in self._known if start <= offset < end and _TABLE.match(data, offset)]
        trailers = self._words(b"trailer", start, end)
        return trailers[len(tables)] if len(trailers) > len(tables) else None

    def _words(self, word: bytes, start: int, end: int) -> list[int]:
        """Where a word of the structure stands between two offsets outside all known objects."""
        found: list[int] = []
        position = self._document.data.find(word, start, end)
        while position >= 0:
            self._document.tick()
            if not self._document.within(position, self.offsets, self._revision):
                found.append(position)
            position = self._document.data.find(word, position + 1, end)
        return found

    def _bound(self, found: dict[int, Found]) -> None:
        if len(found) > self._document.limits.signatures:
            raise OverLimit("over_limit_signatures", str(len(found)))

    def _hits(self, pattern: re.Pattern[bytes]) -> list[int]:
        hits: list[int] = []
        for found in pattern.finditer(self._document.data):
            self._document.tick()
            hits.append(found.start())
            if len(hits) > _MOST_HITS:
                raise OverLimit("over_limit_signatures", str(len(hits)))
        return hits

    def _containers(self) -> list[int]:
        numbers: dict[int, None] = {}
        for section in self._document.sections():
            numbers.update(dict.fromkeys(container for container, _ in section.packed.values()))
        offsets: dict[int, None] = {}
        for section in self._document.sections():
            for number in numbers:
                entry = section.plain.get(number)
                if entry is not None:
                    offsets[entry[0]] = None
        return list(offsets)

    def _bytes(self, container: int) -> bytes:
        parsed = self._document.object_at(container)
        if parsed is None or type(parsed.value) is not Stream:
            return b""
        try:
            return self._document.unpacked(container, self._revision)
        except Damaged:
            return b""

    def _inside(self, container: int) -> list[Dict]:
        if _RANGE.search(self._bytes(container)) is None:
            return []
        try:
            members = self._document.members(container, self._revision)
        except Damaged:
            return []
        return [item for _, value in members.values() for item in _signed_dicts(value)]

    def _name(self, found: dict[int, Found]) -> None:
        """Tell which field holds which dictionary today; values of signature fields count whatever they look like."""
        for field in self._view.fields.values():
            value = self._revision.resolve(field.value)
            if type(value) is not Dict:
                torn = type(field.value) is Ref and self._revision.place(field.value.number) is not None
                if field.kind == "Sig" and value is None and torn:
                    found[id(field)] = Found(Dict(), -1, None, field.name, 1, field.kind)
                continue
            item = found.get(id(value))
            if item is None and field.kind == "Sig":
                item = found[id(value)] = Found(value, -1, value.spans.get("Contents"))
            if item is not None:
                item.fields += 1
                if not item.field or field.kind == "Sig":
                    item.field, item.kind = field.name, field.kind
                    pages = (self._view.page(number, node) for number, node in field.widgets)
                    item.page = next((page for page in pages if page is not None), None)
        for key, value in self._revision.dict(self._view.catalog.get("Perms")).items():
            item = found.get(id(self._revision.resolve(value)))
            if item is not None and key != "DocMDP":
                item.permission = True


def _plain(name: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: bytes([int(found.group(1), 16)]), name[1:])


def _holding(parsed: Parsed) -> list[Dict]:
    value = parsed.value
    return _signed_dicts(value.dict if type(value) is Stream else value)


def _signed_dicts(value: Value) -> list[Dict]:
    """Dictionaries with a byte range inside a direct value."""
    found: list[Dict] = []
    work = [value]
    while work:
        item = work.pop()
        if type(item) is Dict:
            if "ByteRange" in item:
                found.append(item)
            work.extend(item.values())
        elif type(item) is list:
            work.extend(item)
    return found


def title(revision: Revision, item: Dict, key: str) -> str:
    """A text entry of a signature dictionary."""
    return text(revision.resolve(item.get(key)))

"""What changed between two revisions of a PDF, and whether a signature allows it.

Everything a reader can see must be the same in both (pages, resources, catalogue, structure); the only ways to differ
are the few that the standard knows: signing a field, a time-stamp, evidence, metadata, form values, annotations
(ISO 32000-2, 12.8.2). Whatever fits none of these is forbidden, so an unknown trick fails instead of passing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from signing.errors import Damaged, OverLimit
from signing.overlay import Ink, disturbs, hidden, inked, meets, paints, rectangle, shows
from signing.pdf import Dict, Document, Place, Ref, Revision, Stream, Value
from signing.results import Change, Modification

_FREE_CATALOG = frozenset({"Pages", "AcroForm", "DSS", "Metadata", "Extensions", "Version", "Perms"})
_FREE_PAGE = frozenset({"Annots", "LastModified", "Tabs"})
_ENCODING = frozenset({"Length", "Filter", "DecodeParms", "DL"})
_SIGNING = frozenset({"V", "AP", "AS", "F", "M", "MK", "Type", "Subtype", "P"})
_FILLING = frozenset({"V", "AP", "AS", "RV", "I", "TI", "M", "NM", "Ff", "F", "DA", "Type", "Subtype", "P"})
_NATURE = frozenset({"Type", "Subtype"})
_LINKS = frozenset({"Kids", "Parent", "P"})
_READ_ONLY = 1
_PRINT = 4  # flags of annotations, ISO 32000-2, table 167
_LOCKING = 64 | 128 | 512
_HARMLESS = frozenset({"GoTo", "URI", "Named"})
_LARGEST_COMPARISON = 400_000
_MOST_FINDINGS = 10_000


@dataclass(frozen=True)
class Finding:
    """One difference, not yet judged.

    Args:
        name: full name of the form field, "" for other things.
        fresh: a signature sits in a field that did not exist before.
        visible: it paints on the page.
        disturbing: what it paints lies over something else, or cannot be told.
    """

    kind: str
    where: str = ""
    page: int | None = None
    detail: str = ""
    name: str = ""
    fresh: bool = False
    visible: bool = False
    disturbing: bool = False


@dataclass(frozen=True)
class Rules:
    """What a signature allows afterwards (DocMDP, FieldMDP).

    Args:
        docmdp: 1 nothing, 2 form filling and signing, 3 annotations too; None where nothing was said.
        locks: pairs of action (``All``, ``Include``, ``Exclude``) and field names.
    """

    docmdp: int | None = None
    locks: tuple[tuple[str, frozenset[str]], ...] = ()

    def locked(self, name: str) -> bool:
        """Say whether a field may no longer change; naming a parent locks its children."""
        for action, names in self.locks:
            parts = name.split(".")
            named = any(".".join(parts[:count]) in names for count in range(1, len(parts) + 1))
            if action == "All" or (action == "Include" and named) or (action == "Exclude" and not named):
                return True
        return False

    @property
    def whole(self) -> bool:
        """The whole document is locked."""
        return self.docmdp == 1 or any(action == "All" for action, _ in self.locks)


def grade(finding: Finding, rules: Rules, *, covered: bool) -> Modification:
    """Judge one difference under the rules of one signature.

    Args:
        covered: a later valid signature of the file covers the difference.
    """
    permitted, listed, forbidden = Modification.PERMITTED, Modification.LISTED, Modification.FORBIDDEN
    kind = finding.kind
    if kind in ("dss", "metadata", "timestamp_added"):
        return forbidden if finding.visible else permitted
    if kind in ("signature_added", "signature_field"):
        if rules.docmdp == 1 or (rules.locked(finding.name) and not finding.fresh):
            return forbidden
        if finding.fresh and rules.docmdp is not None:
            return forbidden if finding.visible else listed
        if finding.fresh and rules.locked(finding.name):
            return listed
        return listed if finding.disturbing and finding.fresh else permitted
    if kind == "form_value":
        if rules.docmdp == 1 or rules.locked(finding.name):
            return forbidden
        return permitted if covered and rules.docmdp is not None else listed
    if kind == "annotation":
        return forbidden if rules.docmdp in (1, 2) else listed
    return forbidden


def judged(finding: Finding, rules: Rules, *, covered: bool) -> Change:
    """The difference as it is reported."""
    level = grade(finding, rules, covered=covered)
    return Change(finding.kind, finding.where, finding.page, level, finding.detail)


@dataclass
class Field:
    """A form field: its dictionary, kind (``Sig``, ``Tx`` ...), value and widgets."""

    name: str
    number: int | None
    dict: Dict
    kind: str
    value: Value
    widgets: list[tuple[int | None, Dict]] = field(default_factory=list)


class View:
    """The skeleton of one revision: pages, page tree, annotations, fields."""

    def __init__(self, revision: Revision) -> None:
        self.revision = revision
        root = revision.trailer.get("Root")
        self.root = root.number if type(root) is Ref else None
        self.catalog = revision.dict(root)
        self.form = revision.dict(self.catalog.get("AcroForm"))
        self.pages: list[tuple[int | None, Dict]] = []
        self.tree: dict[int | str, Dict] = {}
        self.page_of: dict[int, int] = {}
        self.annotations: dict[int | str, tuple[int, Value]] = {}
        self.listed: dict[int, list[int]] = {}
        self.fields: dict[str, Field] = {}
        self.nodes: set[int] = set()
        self._walk_pages()
        self._walk_annotations()
        self._walk_fields()
        self.skeleton = {number for number, _ in self.pages if number is not None} | self.nodes
        self.skeleton |= {number for number in self.tree if type(number) is int}
        self.skeleton |= {number for number in self.annotations if type(number) is int}
        for value in (root, self.catalog.get("AcroForm"), self.form.get("Fields")):
            if type(value) is Ref:
                self.skeleton.add(value.number)

    def _walk_pages(self) -> None:
        revision, limits = self.revision, self.revision.document.limits
        work = [(self.catalog.get("Pages"), 0)]
        while work:
            value, depth = work.pop()
            revision.document.tick()
            number = value.number if type(value) is Ref else None
            if number is not None and (number in self.tree or (number in self.page_of and depth == 0)):
                raise Damaged("damaged", "page tree loop")
            if depth > limits.depth:
                raise OverLimit("over_limit_depth", "page tree")
            node = revision.resolve(value)
            if type(node) is not Dict:
                continue
            if "Kids" in node or node.get("Type") == "Pages":
                self.tree[f"direct {len(self.tree)}" if number is None else number] = node
                work.extend((kid, depth + 1) for kid in reversed(revision.list(node.get("Kids"))))
                continue
            self.pages.append((number, node))
            if len(self.pages) > limits.pages:
                raise OverLimit("over_limit_pages", str(limits.pages))
            if number is not None:
                self.page_of.setdefault(number, len(self.pages))

    def _walk_annotations(self) -> None:
        for index, (_, page) in enumerate(self.pages, 1):
            if "Annots" not in page:
                continue
            for position, item in enumerate(self.revision.list(page["Annots"])):
                self.revision.document.tick()
                key = item.number if type(item) is Ref else f"{index}/{position}"
                self.annotations.setdefault(key, (index, item))
                if type(key) is int:
                    self.listed.setdefault(index, []).append(key)

    def _walk_fields(self) -> None:
        revision, limits = self.revision, self.revision.document.limits
        work: list[tuple[Value, str, str, Value, int]] = [
            (item, "", "", None, 0) for item in reversed(revision.list(self.form.get("Fields")))
        ]
        while work:
            item, prefix, kind, value, depth = work.pop()
            revision.document.tick()
            number = item.number if type(item) is Ref else None
            if depth > limits.depth:
                raise OverLimit("over_limit_depth", "form fields")
            if number is not None and number in self.nodes:
                continue
            node = revision.resolve(item)
            if type(node) is not Dict:
                continue
            if number is not None:
                self.nodes.add(number)
            title = text(revision.resolve(node.get("T")))
            name = f"{prefix}.{title}" if prefix and title else title or prefix
            kind = str(revision.resolve(node.get("FT")) or kind)
            value = node.get("V", value)
            if name in self.fields and (title or name == ""):
                name = f"{name}#{len(self.fields)}"
            kids = revision.list(node.get("Kids"))
            if title or name not in self.fields:
                self.fields[name] = Field(name, number, node, kind, value)
            if not kids:
                self.fields[name].widgets.append((number, node))
            work.extend((kid, name, kind, value, depth + 1) for kid in reversed(kids))

    def page(self, number: int | None, node: Dict) -> int | None:
        """1-based page of a widget or annotation."""
        if number is not None and number in self.annotations:
            return self.annotations[number][0]
        parent = node.get("P")
        return self.page_of.get(parent.number) if type(parent) is Ref else None


class Comparer:
    """Compares revisions of one document; what was read once serves every comparison."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._views: dict[int, View] = {}
        self._edges: dict[Place, tuple[int, ...]] = {}

    def view(self, revision: Revision) -> View:
        """The skeleton of a revision, read once."""
        known = self._views.get(id(revision))
        if known is None or known.revision is not revision:
            known = self._views[id(revision)] = View(revision)
        return known

    def compare(self, old: Revision, new: Revision) -> list[Finding]:
        """List every difference a reader could notice, and the silent lawful ones.

        Raises:
            Damaged, OverLimit: one of the revisions cannot be read.
        """
        changed = _changed(old, new)
        before, after = self.view(old), self.view(new)
        if not changed and before.root == after.root:
            return []
        findings = _Step(self, before, after, changed).findings()
        if len(findings) > _MOST_FINDINGS:
            raise OverLimit("over_limit_objects", f"{len(findings)} changes")
        return findings

    def edges(self, revision: Revision, number: int) -> tuple[int, ...]:
        """Numbers an object refers to."""
        place = revision.place(number)
        if place is None:
            return ()
        known = self._edges.get(place)
        if known is None:
            known = self._edges[place] = tuple(references(revision.get(number)))
        return known

    def closure(self, revision: Revision, values: Iterable[Value], stop: set[int]) -> set[int]:
        """Every object number reachable from some values, undefined ones too, not entering ``stop``."""
        found: set[int] = set()
        work = [number for value in values for number in references(value)]
        while work:
            number = work.pop()
            if number in found or number in stop:
                continue
            found.add(number)
            self.document.tick()
            work.extend(self.edges(revision, number))
        return found


def references(value: Value) -> set[int]:
    """Numbers of the references inside a direct value."""
    found: set[int] = set()
    work = [value]
    while work:
        item = work.pop()
        kind = type(item)
        if kind is Ref:
            found.add(item.number)
        elif kind is Dict:
            work.extend(item.values())
        elif kind is list:
            work.extend(item)
        elif kind is Stream:
            work.extend(item.dict.values())
    return found


def text(value: Value) -> str:
    """A PDF text string as text (ISO 32000-2, 7.9.2)."""
    if type(value) is not bytes:
        return "" if value is None or isinstance(value, list | dict | Stream) else str(value)
    if value[:2] == b"\xfe\xff":
        return value[2:].decode("utf-16-be", "replace")
    if value[:3] == b"\xef\xbb\xbf":
        return value[3:].decode("utf-8", "replace")
    return value.decode("latin-1")


def _changed(old: Revision, new: Revision) -> set[int]:
    """Numbers of the objects that lie elsewhere in the new revision."""
    count = len(new.sections) - len(old.sections)
    continues = count >= 0 and all(a is b for a, b in zip(new.sections[count:], old.sections, strict=True))
    if continues:
        candidates: set[int] = set()
        for section in new.sections[:count]:
            candidates.update(section.plain, section.packed, section.free)
    else:
        candidates = old.numbers() | new.numbers()
    changed = {number for number in candidates if old.entry(number) != new.entry(number)}
    moved = {number for number in changed if old.dict(Ref(number, 0)).get("Type") == "ObjStm"}
    if moved and continues:
        for section in old.sections:
            packed = [number for number, (container, _) in section.packed.items() if container in moved]
            changed.update(number for number in packed if old.place(number) != new.place(number))
    return changed


class _Step:
    """One comparison of two revisions."""

    def __init__(self, comparer: Comparer, before: View, after: View, changed: set[int]) -> None:
        self.comparer = comparer
        self.before, self.after = before, after
        self.old, self.new = before.revision, after.revision
        self.changed = changed
        self.stop = before.skeleton
        self.found: list[Finding] = []
        self.signed: set[int] = set()
        self.placed: set[int | str] = set()
        self.new_widgets: set[int | str] = set()
        self._equal: set[tuple[int, int]] = set()

    def findings(self) -> list[Finding]:
        self._fields()
        self._form()
        self._annotations()
        self._order()
        self._pages()
        self._catalog()
        self._content()
        return self.found

    def add(self, kind: str, where: str = "", page: int | None = None, detail: str = "") -> None:
        self.found.append(Finding(kind, where, page, detail))

    # equality ------------------------------------------------------------------------------------------------

    def same(self, one: Value, two: Value) -> bool:
        """Compare two values by content, references followed, the skeleton compared by number only."""
        seen: set[tuple[int, int]] = set()
        if not self._alike(one, two, seen):
            return False  # what was met on the way is not known to be equal
        self._equal |= seen
        return True

    def _alike(self, one: Value, two: Value, seen: set[tuple[int, int]]) -> bool:
        work = [(one, two)]
        while work:
            one, two = work.pop()
            if type(one) is Ref and type(two) is Ref:
                if one.number == two.number and one.number in self.stop:
                    continue
                pair = (one.number, two.number)
                if one.generation != two.generation or self._renewed(*pair):
                    return False
                if pair in self._equal or pair in seen:
                    continue
                seen.add(pair)
                if len(self._equal) + len(seen) > _LARGEST_COMPARISON:
                    raise OverLimit("over_limit_objects", "comparison")
            self.comparer.document.tick()
            one, two = self.old.resolve(one), self.new.resolve(two)
            if type(one) is not type(two):
                if isinstance(one, int | float) and isinstance(two, int | float) and one == two and one is not True:
                    continue
                return False
            if type(one) is list:
                if len(one) != len(two):
                    return False
                work.extend(zip(one, two, strict=True))
            elif type(one) is Dict:
                if one.twice != two.twice:
                    return False
                work.extend((one.get(key), two.get(key)) for key in one.keys() | two.keys())
            elif type(one) is Stream:
                keys = (one.dict.keys() | two.dict.keys()) - _ENCODING
                work.extend((one.dict.get(key), two.dict.get(key)) for key in keys)
                if not self._same_data(one, two):
                    return False
            elif one != two:
                return False
        return True

    def _renewed(self, one: int, two: int) -> bool:
        """Other generations mean other objects: a reader that looks at them shows nothing where another shows all."""
        old, new = self.old.generations(one), self.new.generations(two)
        return old is not None and new is not None and old != new

    def _same_data(self, one: Stream, two: Stream) -> bool:
        document = self.comparer.document
        raw_one, raw_two = document.raw(one, self.old), document.raw(two, self.new)
        filters = [self._plain(self.old, one), self._plain(self.new, two)]
        if raw_one == raw_two and filters[0] == filters[1]:
            return True
        try:
            return document.decode(one, self.old) == document.decode(two, self.new)
        except Damaged:
            return False

    @staticmethod
    def _plain(revision: Revision, stream: Stream) -> str:
        return repr([_direct(revision, stream.dict.get(key)) for key in ("Filter", "DecodeParms")])

    def differing(self, one: Dict, two: Dict, ignored: frozenset[str]) -> set[str]:
        """Keys whose values differ; everything when a key stands twice in the new dictionary."""
        keys = (one.keys() | two.keys()) - ignored
        if two.twice and not one.twice:
            return set(keys) or {"?"}
        return {key for key in keys if not self.same(one.get(key), two.get(key))}

    def touched(self, revision: Revision, node: Dict) -> bool:
        """Say whether anything a field or annotation leads to was redefined."""
        values = [value for key, value in node.items() if key not in _LINKS]
        return not self.changed.isdisjoint(self.comparer.closure(revision, values, self.stop))

    # fields --------------------------------------------------------------------------------------------------

    def _fields(self) -> None:
        for name, was in self.before.fields.items():
            now = self.after.fields.get(name)
            if now is None:
                self.add("form_field", name, self._page(self.before, was), "removed")
            elif was.number in self.changed or was.number is None or was.dict is not now.dict or self._moved(was):
                self._field(was, now)
        for name, now in self.after.fields.items():
            if name not in self.before.fields:
                self._fresh(now)

    def _moved(self, was: Field) -> bool:
        nodes = [was.dict, *(node for _, node in was.widgets)]
        numbers = {number for number, _ in was.widgets if number is not None}
        return not self.changed.isdisjoint(numbers) or any(self.touched(self.old, node) for node in nodes)

    def _page(self, view: View, item: Field) -> int | None:
        pages = (view.page(number, node) for number, node in item.widgets)
        return next((page for page in pages if page is not None), None)

    def _field(self, was: Field, now: Field) -> None:
        page = self._page(self.before, was)
        if was.kind != now.kind or len(was.widgets) > len(now.widgets):
            self.add("form_field", was.name, page, f"{was.kind} -> {now.kind}")
            return
        signing = was.kind == "Sig" and self.old.resolve(was.value) is None and self.new.resolve(now.value) is not None
        valued = not self.same(was.value, now.value)
        keys = self.differing(was.dict, now.dict, _LINKS)
        twins: list[tuple[Dict, Dict]] = []
        for (number, node), (other, twin) in zip(was.widgets, now.widgets, strict=False):
            if number != other:
                self.add("form_field", was.name, page, "widget")
                return
            if node is not was.dict:
                keys |= self.differing(node, twin, _LINKS)
                twins.append((node, twin))
        if len(now.widgets) > len(was.widgets):
            keys.add("Kids")
        if any(not self.same(one.get("Parent"), two.get("Parent")) for one, two in [(was.dict, now.dict), *twins]):
            self.add("form_field", was.name, page, "Parent")
            return
        if not keys and not valued:
            return
        if keys & _NATURE and any(not self._widget(node) for _, node in now.widgets):
            self.add("form_field", was.name, page, "no widget any more")
            return
        if was.kind == "Sig":
            self._signature(was, now, keys, signing=signing, valued=valued)
        else:
            self._filled(was, now, keys, valued=valued)

    def _widget(self, node: Dict) -> bool:
        kind = self.new.resolve(node.get("Type"))
        return kind in (None, "Annot") and self.new.resolve(node.get("Subtype")) == "Widget"

    def _signature(self, was: Field, now: Field, keys: set[str], *, signing: bool, valued: bool) -> None:
        page = self._page(self.after, now)
        if not signing:
            if valued:
                self.add("signature_changed", was.name, page)
            elif keys - {"F", "M"} or not self._flags(was, now):
                self.add(
                    "appearance" if "AP" in keys else "form_field", was.name, page, ", ".join(sorted(keys)) or "flags"
                )
            return
        if keys - _SIGNING or not self._flags(was, now):
            self.add("form_field", was.name, page, ", ".join(sorted(keys - _SIGNING)))
        self._signed(now, fresh=False, drawn="AP" in keys)

    def _signed(self, now: Field, *, fresh: bool, drawn: bool = False) -> None:
        value = self.new.dict(now.value)
        if type(now.value) is Ref:
            self.signed.add(now.value.number)
        self.placed.update(number for number, _ in now.widgets if number is not None)
        stamp = value.get("Type") == "DocTimeStamp" or value.get("SubFilter") == "ETSI.RFC3161"
        visible = any(not _invisible(self.new, node) for _, node in now.widgets)
        page = self._page(self.after, now)
        disturbing = fresh and visible and self._disturbs(now)
        kind = "timestamp_added" if stamp else "signature_added"
        self.found.append(
            Finding(
                kind, now.name, page, name=now.name, fresh=fresh, visible=visible and (fresh or drawn or not stamp),
                disturbing=disturbing,
            )
        )  # fmt: skip

    def _disturbs(self, now: Field) -> bool:
        return any(self._covers(self.new, node, self.after.page(number, node)) for number, node in now.widgets)

    def _covers(self, revision: Revision, node: Dict, page: int | None) -> bool:
        """An annotation lies over content of its page, or over what another annotation showed there before."""
        if disturbs(revision, node, self.old, page):
            return True
        self.comparer.document.tick()
        box = rectangle(revision, node)
        if not paints(revision, node):
            return False
        return any(
            index == page and other is not node and _seen(self.old, other) and meets(box, rectangle(self.old, other))
            for index, other in ((index, self.old.dict(item)) for index, item in self.before.annotations.values())
        )

    def _flags(self, was: Field, now: Field) -> bool:
        """Nothing gets hidden or shown, on screen or on paper; a field may only become read-only."""
        for (_, one), (_, two) in zip(was.widgets, now.widgets, strict=False):
            seen, shown = _bits(self.old, one.get("F")), _bits(self.new, two.get("F"))
            if (seen ^ shown) & ~(_LOCKING | _PRINT) or seen & ~shown & _PRINT:
                return False
            old, new = self.old.resolve(one.get("Ff", 0)), self.new.resolve(two.get("Ff", 0))
            if type(old) is not int or type(new) is not int or (old ^ new) & ~_READ_ONLY or (old & ~new & _READ_ONLY):
                return False
        return True

    def _filled(self, was: Field, now: Field, keys: set[str], *, valued: bool) -> None:
        page = self._page(self.after, now)
        alien = keys - _FILLING
        if alien or not self._flags(was, now):
            self.add("form_field", was.name, page, ", ".join(sorted(alien)) or "flags")
            return
        if not valued:
            keys -= {"Ff", "F", "M", "NM", "Type", "Subtype", "P"}
            if keys and not (keys == {"AP"} and not any("AP" in node for _, node in was.widgets)):
                self.add("appearance", was.name, page, ", ".join(sorted(keys)))
                return
            if not keys:
                return
        detail = f"{_shown(self.old, was.value)!r} -> {_shown(self.new, now.value)!r}"
        self.found.append(Finding("form_value", was.name, page, detail, name=was.name))

    def _fresh(self, now: Field) -> None:
        page = self._page(self.after, now)
        self.new_widgets.update(number for number, _ in now.widgets if number is not None)
        if any(number in self.before.annotations for number, _ in now.widgets):
            self.add("form_field", now.name, page, "annotation became a field")
        elif any(_acts(self.new, node) for node in (now.dict, *(node for _, node in now.widgets))):
            self.add("action", now.name, page)
        elif now.kind == "Sig" and self.new.resolve(now.value) is not None:
            self._signed(now, fresh=True)
        elif now.kind == "Sig":
            visible = any(not _invisible(self.new, node) for _, node in now.widgets)
            ink = max((inked(self.new, node) for _, node in now.widgets if visible), default=Ink.NOTHING)
            kind = "overlay" if visible and (ink is Ink.WORDS or self._disturbs(now)) else "signature_field"
            self.found.append(
                Finding(kind, now.name, page, name=now.name, fresh=True, visible=visible, disturbing=bool(ink))
            )
        elif now.widgets or now.kind:
            self.add("form_field", now.name, page, "added")

    def _form(self) -> None:
        was, now = self.before.form, self.after.form
        if was and not now:
            self.add("catalog", "AcroForm", detail="removed")
            return
        ignored = frozenset({"Fields", "SigFlags", "DR", "DA", "NeedAppearances", "Q"})
        for key in sorted(self.differing(was, now, ignored)):
            self.add("catalog", f"AcroForm/{key}")
        if _bits(self.old, was.get("SigFlags")) & ~_bits(self.new, now.get("SigFlags")):
            self.add("catalog", "AcroForm/SigFlags")
        if "DA" in was and not self.same(was["DA"], now.get("DA")):
            self.add("catalog", "AcroForm/DA")
        if self.new.resolve(now.get("NeedAppearances")) is True and not self.same(
            was.get("NeedAppearances"), now.get("NeedAppearances")
        ):
            self.add("form_value", "NeedAppearances")  # readers then draw the values, which are compared themselves
        old, new = self.old.dict(was.get("DR")), self.new.dict(now.get("DR"))
        for kind, items in old.items():
            kept = self.new.dict(new.get(kind))
            resolved = self.old.resolve(items)
            if type(resolved) is Dict:
                if any(not self.same(item, kept.get(name)) for name, item in resolved.items()):
                    self.add("catalog", f"AcroForm/DR/{kind}")
            elif not self.same(items, new.get(kind)):
                self.add("catalog", f"AcroForm/DR/{kind}")

    # annotations and pages -----------------------------------------------------------------------------------

    def _annotations(self) -> None:
        was, now = self.before.annotations, self.after.annotations
        numbers = {number for item in self.before.fields.values() for number, _ in item.widgets}
        for key, (page, item) in was.items():
            if key in numbers and key in now:
                if now[key][0] != page:
                    self.add("annotation", str(key), page, "moved")
                continue  # compared with its field
            node = self.old.dict(item)
            if key not in now:
                if not self._twin(node, page):
                    kind = "overlay" if key in numbers or shows(self.old, node) else "annotation"
                    self.add(kind, _label(self.old, node), page, "removed")
                continue
            other = self.new.dict(now[key][1])
            if node is other and not self.touched(self.old, node) and now[key][0] == page:
                continue
            if now[key][0] != page or self.differing(node, other, frozenset({"P", "M"})):
                quiet = not shows(self.old, node) and not self._covers(self.new, other, page)
                self.add("annotation" if quiet else "overlay", _label(self.new, other), page, "changed")
        for key, (page, item) in now.items():
            if key in was or key in self.new_widgets:
                continue
            node = self.new.dict(item)
            if key in numbers:
                self._put(key, node, page)
                continue
            if type(key) is str and self._twins_before(node, page):
                if self._copied(node, page):
                    self.add("overlay", _label(self.new, node), page, "copied")  # over what lay over the first one
                continue
            kind = "overlay" if self._covers(self.new, node, page) else "annotation"
            self.add(
                "action" if _acts(self.new, node) else kind, _label(self.new, node), page, _contents(self.new, node)
            )

    def _put(self, key: int | str, node: Dict, page: int) -> None:
        """A field that lay on no page comes up on one: who signed before did not see it there."""
        if _invisible(self.new, node) or (key in self.placed and not self._covers(self.new, node, page)):
            return
        self.add("overlay", _label(self.new, node), page, "put on the page")

    def _order(self) -> None:
        """Annotations cover each other in the order of their page, and none may come up on a further page."""
        was, now = self.before.annotations, self.after.annotations
        seen: set[int] = set()
        for page, keys in sorted(self.after.listed.items()):
            for key in keys:
                if key in seen and key not in was and not _invisible(self.new, self.new.dict(now[key][1])):
                    self.add("overlay", "Annots", page, "twice")
                seen.add(key)
        for page in sorted(self.before.listed.keys() | self.after.listed.keys()):
            kept = [key for key in self.before.listed.get(page, []) if key in now]
            if kept != [key for key in self.after.listed.get(page, []) if key in was]:
                self.add("overlay", "Annots", page, "order")

    def _twin(self, node: Dict, page: int) -> bool:
        """A direct annotation may have moved inside its array; it counts by content."""
        items = (item for number, item in self.after.annotations.values() if number == page)
        return any(not self.differing(node, self.new.dict(item), frozenset({"P"})) for item in items)

    def _twins_before(self, node: Dict, page: int) -> list[Dict]:
        items = (self.old.dict(item) for number, item in self.before.annotations.values() if number == page)
        return [item for item in items if not self.differing(item, node, frozenset({"P"}))]

    def _copied(self, node: Dict, page: int) -> bool:
        """There are more of the same than before."""
        twins = self._twins_before(node, page)
        items = (self.new.dict(item) for number, item in self.after.annotations.values() if number == page)
        return sum(1 for item in items if not self.differing(twins[0], item, frozenset({"P"}))) > len(twins)

    def _pages(self) -> None:
        was, now = self.before.pages, self.after.pages
        if len(was) != len(now):
            self.add("page_count", "Pages", None, f"{len(was)} -> {len(now)}")
            return
        for index, ((number, page), (other, twin)) in enumerate(zip(was, now, strict=True), 1):
            if number != other or (page is not twin and self.differing(page, twin, _FREE_PAGE)):
                self.add("page_content", "Page", index)
        if self.before.tree.keys() != self.after.tree.keys():
            self.add("page_count", "Pages", None, "tree")
            return
        for key, node in self.before.tree.items():
            twin = self.after.tree[key]
            if node is not twin and self.differing(node, twin, frozenset({"Kids"})):
                self.add("page_content", "Pages", None, "inherited attributes")

    def _catalog(self) -> None:
        was, now = self.before.catalog, self.after.catalog
        if not now:
            self.add("catalog", "Root", detail="removed")
            return
        for key in sorted(self.differing(was, now, _FREE_CATALOG)):
            self.add("structure" if key in ("StructTreeRoot", "MarkInfo") else "catalog", key)
        if not self.same(was.get("DSS"), now.get("DSS")):
            self.add("dss", "DSS")
        if not self.same(was.get("Metadata"), now.get("Metadata")):
            self.add("metadata", "Metadata")
        if not self.same(self.old.trailer.get("Info"), self.new.trailer.get("Info")):
            self.add("metadata", "Info")
        if not self.same(was.get("Perms"), now.get("Perms")):
            perms = self.new.dict(now.get("Perms"))
            target = perms.get("DocMDP")
            known = type(target) is Ref and target.number in self.signed
            if was.get("Perms") is not None or set(perms) != {"DocMDP"} or not known:
                self.add("catalog", "Perms")

    # everything else that is reachable -----------------------------------------------------------------------

    def _content(self) -> None:
        """Whatever pages, catalogue, resources and signatures lead to must be what it was, undefined things too."""
        before = self.before
        roots: list[Value] = [value for key, value in before.catalog.items() if key not in _FREE_CATALOG]
        roots += [before.catalog.get("Perms"), before.form.get("DR"), before.form.get("XFA")]
        roots += [
            value for node in before.tree.values() for key, value in node.items() if key not in ("Kids", "Parent")
        ]
        for _, page in before.pages:
            roots += [value for key, value in page.items() if key not in _FREE_PAGE]
        roots += [item.value for item in before.fields.values() if item.kind == "Sig"]
        reach = self.comparer.closure(self.old, roots, self.stop)
        suspects = sorted(reach & self.changed)
        for number in sorted(self.stop & self.changed):
            if self._renewed(number, number):
                self.add("object", f"object {number}", detail="generation")
        altered = [number for number in suspects if not self.same(Ref(number, 0), Ref(number, 0))]
        if not altered:
            return
        pages = [index for index, (_, page) in enumerate(before.pages, 1) if self._leads(page, set(altered))]
        known = {finding.page for finding in self.found if finding.kind == "page_content"}
        for index in pages[:20]:
            if index not in known:
                self.add("page_content", f"object {altered[0]}", index)
        if not pages:
            for number in altered[:20]:
                self.add("object", f"object {number}")

    def _leads(self, page: Dict, altered: set[int]) -> bool:
        values = [value for key, value in page.items() if key not in _FREE_PAGE]
        return not altered.isdisjoint(self.comparer.closure(self.old, values, self.stop))


def _bits(revision: Revision, value: Value) -> int:
    flags = revision.resolve(value)
    return flags if type(flags) is int else 0


def _direct(revision: Revision, value: Value) -> Value:
    value = revision.resolve(value)
    if type(value) is list:
        return [_direct(revision, item) if type(item) is Ref else item for item in value]
    return sorted(value.items()) if type(value) is Dict else value


def _acts(revision: Revision, node: Dict) -> bool:
    """Say whether a field or annotation does more than lead to a page or an address."""
    action = revision.dict(node.get("A"))
    if "AA" in node or "Next" in action:
        return True
    return bool(action) and revision.resolve(action.get("S")) not in _HARMLESS


def _invisible(revision: Revision, node: Dict) -> bool:
    if hidden(revision, node):
        return True
    rect = [revision.resolve(number) for number in revision.list(node.get("Rect"))]
    if len(rect) != 4 or any(not isinstance(number, int | float) for number in rect):
        return "Rect" not in node
    return bool(rect[0] == rect[2] or rect[1] == rect[3])


def _seen(revision: Revision, node: Dict) -> bool:
    """Say whether a reader shows something there, drawn by an appearance or made from a text or a value."""
    if revision.resolve(node.get("Subtype")) != "Widget":
        return paints(revision, node) or shows(revision, node)
    valued = revision.resolve(node.get("FT")) in ("Tx", "Ch") and revision.resolve(node.get("V")) not in (None, b"")
    return paints(revision, node) or (valued and not hidden(revision, node))


def _shown(revision: Revision, value: Value) -> str:
    found = revision.resolve(value)
    if type(found) is list:
        return ", ".join(text(revision.resolve(item)) for item in found[:20])
    return text(found)[:200] if not isinstance(found, Dict | Stream) else "..."


def _label(revision: Revision, node: Dict) -> str:
    return str(revision.resolve(node.get("Subtype")) or "annotation")[:40]


def _contents(revision: Revision, node: Dict) -> str:
    return text(revision.resolve(node.get("Contents")))[:200]

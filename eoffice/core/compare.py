"""Two texts side by side: which paragraphs were added, removed or changed, and in these which words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest


@dataclass(frozen=True)
class Piece:
    """Some words of a paragraph; ``changed`` when the other side has not got them."""

    text: str
    changed: bool = False


@dataclass(frozen=True)
class Pair:
    """A paragraph on both sides; ``change`` is ``same``, ``changed``, ``added`` or ``removed``."""

    change: str
    left: tuple[Piece, ...] = ()
    right: tuple[Piece, ...] = ()


def paragraphs(left: Sequence[str], right: Sequence[str]) -> list[Pair]:
    """Pair the paragraphs of two texts, in order."""
    found: list[Pair] = []
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            found += [Pair("same", (Piece(text),), (Piece(text),)) for text in left[a:b]]
        else:
            found += [_pair(old, new) for old, new in zip_longest(left[a:b], right[c:d])]
    return found


def _pair(old: str | None, new: str | None) -> Pair:
    if new is None:
        return Pair("removed", (Piece(old or "", True),))
    if old is None:
        return Pair("added", (), (Piece(new, True),))
    return Pair("changed", *words(old, new))


def words(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Split two versions of one paragraph into what they share and what only one of them has."""
    left, right = re.findall(r"\S+\s*", old), re.findall(r"\S+\s*", new)
    matcher = SequenceMatcher(None, [word.strip() for word in left], [word.strip() for word in right], autojunk=False)
    ours: list[Piece] = []
    theirs: list[Piece] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        for pieces, some in ((ours, left[a:b]), (theirs, right[c:d])):
            if some:
                pieces.append(Piece("".join(some), tag != "equal"))
    return tuple(ours), tuple(theirs)

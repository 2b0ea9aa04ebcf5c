"""Text as people write it, made comparable (folded) and made safe to show (tidied)."""

from __future__ import annotations

import unicodedata

# Characters that move or hide their neighbours; a file name "gpj.exe" must not be shown as "exe.jpg".
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
_RESERVED = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}


def fold(text: str) -> str:
    """Return the text without tone and vowel marks, in lower case, for searching and comparing.

    ``đ`` is a letter of its own, not a marked d, and is folded apart. Both normal forms give the same result.
    """
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    # Lower-casing may bring new marks (İ), hence the second look; "đ" has no decomposition at all.
    lower = unicodedata.normalize("NFD", plain.lower().replace("đ", "d"))
    return "".join(c for c in lower if not unicodedata.combining(c))


def tidy(text: str) -> str:
    """Return one line for showing: NFC, white space collapsed, no control, direction or unassigned characters."""
    spaced = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFC", text))
    return " ".join("".join(c for c in spaced if unicodedata.category(c) not in _INVISIBLE).split())


def file_name(text: str, *, limit: int = 120) -> str:
    """Return a name under which a file may be offered for download on any system.

    Only for people: files are stored under their hash. Path parts are dropped, an over-long name keeps its ending.

    Args:
        text: the name as it was sent, from any system.
        limit: most characters of the result; at least 20.
    """
    name = tidy(text).replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join("_" if c in '<>:"|?*' else c for c in name).strip(" .")
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        stem, dot, ending = name, "", ""
    if fold(stem.split(".", 1)[0]).strip() in _RESERVED:
        stem = "_" + stem
    stem = stem[: limit - len(dot + ending)].rstrip(" .")
    return (stem or "file") + dot + ending

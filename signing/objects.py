"""Short words for the PDF objects we write; one place for what the library leaves untyped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pyhanko.pdf_utils import generic

_array: Any = generic.ArrayObject
_boolean: Any = generic.BooleanObject
_dictionary: Any = generic.DictionaryObject
_number: Any = generic.NumberObject
_real: Any = generic.FloatObject
_stream: Any = generic.StreamObject


def entry(holder: Any, key: str, default: object = None) -> Any:
    """What stands under a key (with its slash) of a dictionary, references followed; ``default`` where nothing does."""
    try:
        found = holder[key]
    except KeyError:
        return default
    return default if isinstance(found, generic.NullObject) else found


def name(text: str) -> generic.NameObject:
    """A name; ``text`` without the slash."""
    return generic.NameObject(f"/{text}")


def value(plain: object) -> Any:
    """A Python value as PDF object: numbers, booleans, mappings, sequences; PDF objects pass as they are."""
    if isinstance(plain, generic.PdfObject):
        return plain
    if isinstance(plain, bool):
        return _boolean(plain)
    if isinstance(plain, int):
        return _number(plain)
    if isinstance(plain, float):
        return _real(f"{plain:.3f}")
    if isinstance(plain, Mapping):
        return dictionary(plain)
    if isinstance(plain, Iterable) and not isinstance(plain, str | bytes):
        return _array(value(item) for item in plain)
    raise TypeError(f"no PDF object for {type(plain).__name__}; texts and names must say which they are")


def dictionary(entries: Mapping[str, object]) -> Any:
    """A dictionary; keys without the slash."""
    return _dictionary({name(key): value(item) for key, item in entries.items()})


def stream(entries: Mapping[str, object], data: bytes, *, encoded: bool = False) -> Any:
    """A stream; ``encoded``: the data went through the filter named in ``entries`` already."""
    keys = {name(key): value(item) for key, item in entries.items()}
    return _stream(keys, encoded_data=data) if encoded else _stream(keys, stream_data=data)

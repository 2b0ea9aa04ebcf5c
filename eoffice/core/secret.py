"""Words that only their owner may know: carried to where they are needed, and never told, kept or digested."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """A password on its way to the key agent.

    Args:
        text: the words; only ``reveal`` gives them back.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The words themselves, for the one who must have them."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written down")

"""A text that must not be written down anywhere: not in a log, not in a fault's trace, not in the record of a call."""

from __future__ import annotations


class Secret:
    """Carries a password through the house.

    Args:
        text: what only ``reveal`` gives back.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

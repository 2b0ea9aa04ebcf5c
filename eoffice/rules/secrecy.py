"""State secrets stay out: levels of secrecy, and the refusal of any content that carries one (Law 117/2025)."""

from __future__ import annotations

from enum import StrEnum

from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_
from eoffice.core.text import fold


class Secrecy(StrEnum):
    """Levels of state secrecy, from none upwards. They are not the grades of sensitivity of QCVN 12:2026/BCA."""

    NONE = "none"
    CONFIDENTIAL = "confidential"
    SECRET = "secret"  # noqa: S105 - a level, no password
    TOP_SECRET = "top_secret"  # noqa: S105 - a level, no password

    def name_in(self, locale: str) -> str:
        """Return the word of the stamp, or its English."""
        return NAMES[self] if locale == "vi" else NAMES_EN[self]


NAMES: dict[Secrecy, str] = {
    Secrecy.NONE: "Không",
    Secrecy.CONFIDENTIAL: "Mật",
    Secrecy.SECRET: "Tối mật",
    Secrecy.TOP_SECRET: "Tuyệt mật",
}
NAMES_EN: dict[Secrecy, str] = {
    Secrecy.NONE: "Not secret",
    Secrecy.CONFIDENTIAL: "Confidential (state secret)",
    Secrecy.SECRET: "Secret (state secret)",
    Secrecy.TOP_SECRET: "Top secret (state secret)",
}

BASIS = ("L117/2025", "ND63/2026")
"""Codes of the legal texts that forbid drafting and storing state secrets on networked machines."""


class StateSecretRefused(InvalidInput):
    """Content marked as a state secret was offered; nothing of it was kept."""

    code = "state_secret_refused"
    message = N_(
        "A document of level “{level}” is a state secret. It may not be drafted, stored or sent on a networked system "
        "(Law 117/2025/QH15, Decree 63/2026/ND-CP). Nothing of it was stored. "
        "Please handle it on paper by the rules for state secrets."
    )

    def __init__(self, level: Secrecy) -> None:
        self.level = level
        super().__init__(level=NAMES[level], basis=BASIS)


def parse(text: str) -> Secrecy:
    """Read a level: a machine word, or a Vietnamese word whatever its case and marks; empty text is none.

    A word that is not understood is refused, never taken for none.

    Raises:
        InvalidInput: ``secrecy_unknown``.
    """
    folded = " ".join(fold(text).split())
    for level in Secrecy:
        if folded in (level.value, fold(NAMES[level])):
            return level
    if not folded:
        return Secrecy.NONE
    raise InvalidInput(
        "secrecy_unknown",
        N_("“{given}” is no level of secrecy. Nothing was stored. Please choose one from the list."),
        given=text,
    )


def check(level: Secrecy | str) -> None:
    """Let only content through that is no state secret.

    Args:
        level: as chosen, or as it came with a message.

    Raises:
        StateSecretRefused: for every level but none.
        InvalidInput: ``secrecy_unknown``.
    """
    level = level if isinstance(level, Secrecy) else parse(level)
    if level is not Secrecy.NONE:
        raise StateSecretRefused(level)

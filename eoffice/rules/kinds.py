"""The 29 kinds of administrative documents and the three kinds of copies (Decree 30/2020 article 7, Annex III)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_
from eoffice.core.text import fold


class Addressing(StrEnum):
    """When a document carries "Kính gửi" (Annex I, box 9a)."""

    ALWAYS = "always"
    UPWARD = "upward"
    NEVER = "never"


@dataclass(frozen=True)
class Kind:
    """One kind of document.

    Args:
        code: machine word.
        name_vi: as it is printed; name_en: for English pages. Both stand here and not among the translations, whose
            English words ("Minutes", "Rules") would mean other things elsewhere.
        symbol: abbreviation inside the symbol, case and Đ as in Annex III; None for công văn and thư công.
        addressing: when it says to whom it is written.
        layout: number of the model in Annex III, None when the decree draws none.
        copy: it is a copy of another document (article 25), with a series of its own.
    """

    code: str
    name_vi: str
    name_en: str
    symbol: str | None
    addressing: Addressing = Addressing.NEVER
    layout: str | None = "1.4"
    copy: bool = False

    def name_in(self, locale: str) -> str:
        """Return the name in the language of a person."""
        return self.name_vi if locale == "vi" else self.name_en

    @property
    def titled(self) -> bool:
        """Its name is printed above the abstract; a công văn has "V/v" under its number instead."""
        return self.code != "official_letter"


KINDS: tuple[Kind, ...] = (
    Kind("resolution", "Nghị quyết", "Resolution", "NQ", layout="1.1"),
    Kind("decision", "Quyết định", "Decision", "QĐ", layout="1.2"),
    Kind("directive", "Chỉ thị", "Directive", "CT"),
    Kind("regulation_internal", "Quy chế", "Internal regulation", "QC"),
    Kind("rules", "Quy định", "Rules", "QyĐ"),
    Kind("communique", "Thông cáo", "Communique", "TC"),
    Kind("notice", "Thông báo", "Notice", "TB"),
    Kind("guidance", "Hướng dẫn", "Guidance", "HD"),
    Kind("programme", "Chương trình", "Programme", "CTr"),
    Kind("plan", "Kế hoạch", "Plan", "KH"),
    Kind("option_plan", "Phương án", "Option plan", "PA"),
    Kind("scheme", "Đề án", "Scheme", "ĐA"),
    Kind("project", "Dự án", "Project", "DA"),
    Kind("report", "Báo cáo", "Report", "BC", Addressing.UPWARD),
    Kind("minutes", "Biên bản", "Minutes", "BB", layout="1.9"),
    Kind("submission", "Tờ trình", "Submission", "TTr", Addressing.UPWARD),
    Kind("contract", "Hợp đồng", "Contract", "HĐ"),
    Kind("official_letter", "Công văn", "Official letter", None, Addressing.ALWAYS, "1.5"),
    Kind("telegram", "Công điện", "Telegram", "CĐ", layout="1.6"),
    Kind("memorandum", "Bản ghi nhớ", "Memorandum", "BGN"),
    Kind("agreement", "Bản thỏa thuận", "Agreement", "BTT"),
    Kind("authorisation", "Giấy ủy quyền", "Authorisation", "GUQ"),
    Kind("invitation", "Giấy mời", "Invitation", "GM", layout="1.7"),
    Kind("introduction", "Giấy giới thiệu", "Letter of introduction", "GGT", layout="1.8"),
    Kind("leave_slip", "Giấy nghỉ phép", "Leave slip", "GNP", layout="1.10"),
    Kind("dispatch_slip", "Phiếu gửi", "Dispatch slip", "PG"),
    Kind("transfer_slip", "Phiếu chuyển", "Transfer slip", "PC"),
    Kind("notification_slip", "Phiếu báo", "Notification slip", "PB"),
    Kind("public_letter", "Thư công", "Public letter", None, layout=None),
)
"""In the order of the decree."""

COPIES: tuple[Kind, ...] = (
    Kind("copy_full", "Sao y", "Full copy", "SY", layout="3.1", copy=True),
    Kind("copy_extract", "Trích sao", "Extract", "TrS", layout="3.1", copy=True),
    Kind("copy_of_copy", "Sao lục", "Copy of a copy", "SL", layout="3.1", copy=True),
)

ALL: tuple[Kind, ...] = KINDS + COPIES

_BY_CODE = {kind.code: kind for kind in ALL}
_BY_SYMBOL = {kind.symbol: kind for kind in ALL if kind.symbol}
_BY_LOOSE_SYMBOL = {symbol.casefold(): kind for symbol, kind in _BY_SYMBOL.items()}
_BY_NAME = {fold(kind.name_vi): kind for kind in ALL}


def by_code(code: str) -> Kind:
    """Return the kind with a code.

    Raises:
        InvalidInput: ``kind_unknown``.
    """
    try:
        return _BY_CODE[code]
    except KeyError:
        message = N_("This kind of document is not known. Nothing was changed. Please choose one from the list.")
        raise InvalidInput("kind_unknown", message, given=code) from None


def by_symbol(text: str) -> Kind | None:
    """Return the kind whose abbreviation a symbol begins with: ``QĐ`` or ``QĐ-UBND``; None when it begins with none.

    The year of a normative document is skipped (``2024/NQ-HĐND``). Case counts first; where no kind fits, it is
    ignored, for files that were typed carelessly. Đ never becomes D: ĐA and DA, HĐ and HD are different kinds.
    """
    first = re.sub(r"^\d{4}/", "", unicodedata.normalize("NFC", text).strip()).split("-")[0].strip()
    return _BY_SYMBOL.get(first) or _BY_LOOSE_SYMBOL.get(first.casefold())


def by_name(text: str) -> Kind | None:
    """Return the kind with a Vietnamese name, whatever its case, marks and spaces; None when there is none.

    A word in brackets after it, as in "Nghị quyết (cá biệt)", and "Bản" before a copy are ignored.
    """
    folded = " ".join(fold(re.sub(r"\(.*?\)", " ", text)).split())
    return _BY_NAME.get(folded) or _BY_NAME.get(folded.removeprefix("ban "))

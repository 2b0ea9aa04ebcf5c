"""How a document reached a recipient: the class that decides whether it counts as paperless (Decision 28/2018)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_


class DeliveryClass(StrEnum):
    """Classes of a delivery; every one stands in exactly one of them."""

    E1 = "E1"
    E2 = "E2"
    E3 = "E3"
    P = "P"
    X = "X"


CLASS_NAMES: dict[DeliveryClass, str] = {
    DeliveryClass.E1: N_("Fully electronic"),
    DeliveryClass.E2: N_("Electronic with paper in parallel"),
    DeliveryClass.E3: N_("Electronic file for information only"),
    DeliveryClass.P: N_("Paper only"),
    DeliveryClass.X: N_("Exempt"),
}


@dataclass(frozen=True)
class DeliveryFacts:
    """What is known of one document to one recipient at the moment of sending.

    Args:
        electronic: a file is sent through the system.
        leader_verdict: verdict of the competent person's signature, None when there is none.
        agency_verdict: verdict of the agency's signature, None when there is none.
        paper: a paper copy is sent.
        exempt: the document stands on a list that exempts it from the measure.
    """

    electronic: bool
    leader_verdict: str | None
    agency_verdict: str | None
    paper: bool
    exempt: bool = False

    @property
    def fully_signed(self) -> bool:
        """Both signatures are good: one of the two is not enough (Decree 30/2020 article 5)."""
        return self.leader_verdict == self.agency_verdict == "PASSED"


def classify(facts: DeliveryFacts) -> DeliveryClass:
    """Return the class of a delivery; it is frozen at sending.

    E1 needs both signatures PASSED and no paper; an unsigned file or a scan is E3, because it does not replace paper
    (Decision 28/2018 article 4).

    Raises:
        InvalidInput: ``delivery_without_way`` when neither a file nor paper is sent.
    """
    if not facts.electronic and not facts.paper:
        raise InvalidInput(
            "delivery_without_way",
            N_("Nothing would reach this recipient. Nothing was sent. Please choose the electronic way or paper."),
        )
    if facts.exempt:
        return DeliveryClass.X
    if not facts.electronic:
        return DeliveryClass.P
    if not facts.fully_signed:
        return DeliveryClass.E3
    return DeliveryClass.E2 if facts.paper else DeliveryClass.E1


@dataclass(frozen=True)
class PaperReason:
    """A reason for which paper may be sent, for the time its basis holds.

    Args:
        code: machine word.
        vi, en: what people choose.
        basis: code of the legal text; article: where in it.
        obligatory: paper must be sent, so the delivery does not speak against the office.
        valid_from, valid_to: first and last day, both included; None for no end.
    """

    code: str
    vi: str
    en: str
    basis: str
    article: str
    obligatory: bool
    valid_from: date
    valid_to: date | None = None

    def name_in(self, locale: str) -> str:
        """Return the reason in the language of a person."""
        return self.vi if locale == "vi" else self.en

    def holds(self, on: date) -> bool:
        """Tell whether the reason may be given on a day."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


_D28 = date(2018, 9, 6)

NO_WAY = "no_electronic_way"
"""Code of the reason that goes without saying where a recipient cannot be reached by the system."""

PAPER_REASONS: tuple[PaperReason, ...] = (
    PaperReason(
        code="government",
        vi="Gửi Chính phủ, Thủ tướng Chính phủ theo quy chế làm việc",
        en="To the Government or the Prime Minister, under their working rules",
        basis="QD28/2018",
        article="7.2a",
        obligatory=True,
        valid_from=_D28,
        valid_to=date(2026, 5, 28),
    ),
    # From then on signed electronic dossiers are the rule for the Government too; paper needs its request.
    PaperReason(
        code="government",
        vi="Gửi Chính phủ, Thủ tướng Chính phủ, có yêu cầu bản giấy",
        en="To the Government or the Prime Minister, who asked for paper",
        basis="ND191/2026",
        article="",
        obligatory=False,
        valid_from=date(2026, 5, 29),
    ),
    PaperReason(
        code="province_list",
        vi="Thuộc danh mục phải gửi bản giấy do người đứng đầu bộ, tỉnh quyết định",
        en="On the list decided by the head of the ministry or province",
        basis="QD28/2018",
        article="7.2b",
        obligatory=True,
        valid_from=_D28,
    ),
    PaperReason(
        code=NO_WAY,
        vi="Nơi nhận chưa có hạ tầng để nhận văn bản điện tử",
        en="The recipient has no electronic way to receive",
        basis="QD28/2018",
        article="5",
        obligatory=True,
        valid_from=_D28,
    ),
    PaperReason(
        code="not_fully_signed",
        vi="Tệp điện tử chưa có đủ chữ ký số hợp lệ, không thay thế bản giấy",
        en="The electronic file lacks a valid signature and does not replace paper",
        basis="QD28/2018",
        article="4",
        obligatory=True,
        valid_from=_D28,
    ),
    PaperReason(
        code="recipient_request",
        vi="Nơi nhận đề nghị gửi thêm bản giấy",
        en="The recipient asked for an additional paper copy",
        basis="QD28/2018",
        article="7",
        obligatory=False,
        valid_from=_D28,
    ),
)


def paper_reasons(on: date) -> tuple[PaperReason, ...]:
    """Return the reasons that may be given on a day, in the order they are offered."""
    return tuple(reason for reason in PAPER_REASONS if reason.holds(on))


def is_obligatory(reason: str | None, on: date) -> bool:
    """Tell whether a reason given on a day obliged the office to send paper, so that it is counted apart (K2)."""
    return any(known.code == reason and known.obligatory for known in paper_reasons(on))


def check_paper(paper: bool, reason: str | None, on: date) -> PaperReason | None:
    """Check the choice of paper: it is off by default and needs a reason that holds (Decision 28/2018 article 7.2).

    Args:
        paper: paper is to be sent.
        reason: code of the reason, None when none was given.
        on: day of sending.

    Returns:
        The reason, None without paper.

    Raises:
        InvalidInput: ``paper_without_reason``, or ``paper_reason_unknown`` for one that does not hold on the day.
    """
    if not paper:
        return None
    if not reason:
        raise InvalidInput(
            "paper_without_reason",
            N_(
                "After the electronic document no paper is sent, unless the law asks for it. Nothing was sent. "
                "Please choose the reason for paper, or send without it."
            ),
        )
    for candidate in paper_reasons(on):
        if candidate.code == reason:
            return candidate
    raise InvalidInput(
        "paper_reason_unknown",
        N_("This reason for paper does not hold on this day. Nothing was sent. Please choose another one."),
        given=reason,
    )

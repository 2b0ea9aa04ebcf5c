"""Who may sign what, in which capacity, and how it is written above the name (Decree 30/2020 article 13, Annex I)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from eoffice.core.errors import InvalidInput
from eoffice.core.i18n import N_


class Basis(StrEnum):
    """In whose right a signature is given."""

    HEAD = "head"
    COLLECTIVE = "collective"
    BY_ORDER = "by_order"
    BY_AUTHORISATION = "by_authorisation"


class Holder(StrEnum):
    """How the signer holds the post that signs."""

    SELF = "self"
    DEPUTY = "deputy"
    ACTING = "acting"


@dataclass(frozen=True)
class Capacity:
    """A basis with a holder: TM. + KT. and TL. + KT. exist."""

    basis: Basis
    holder: Holder = Holder.SELF

    def __str__(self) -> str:
        return f"{self.basis}+{self.holder}"

    @classmethod
    def parse(cls, text: str) -> Capacity:
        """Read what ``str`` wrote, such as ``collective+deputy``.

        Raises:
            InvalidInput: ``capacity_unknown``.
        """
        basis, _, holder = text.partition("+")
        try:
            return cls(Basis(basis), Holder(holder))
        except ValueError:
            raise InvalidInput("capacity_unknown", given=text) from None


@dataclass(frozen=True)
class Authority:
    """What one post may sign.

    Args:
        post: identifier of the post.
        capacity: the capacity it is given for.
        kinds: codes of the kinds of documents, None for all.
        fields: fields of work (lĩnh vực), None for all.
        valid_from, valid_to: first and last day, both included; None for no end.
        basis_document: number and symbol of the decision or the authorisation.
        may_redelegate: stated so that a text that grants it can be refused (article 13.3 forbids it).
    """

    post: UUID | str
    capacity: Capacity
    kinds: frozenset[str] | None = None
    fields: frozenset[str] | None = None
    valid_from: date = date.min
    valid_to: date | None = None
    basis_document: str = ""
    may_redelegate: bool = False


@dataclass(frozen=True)
class Allowed:
    """The signature may be given, by this authority."""

    authority: Authority

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True)
class Refused:
    """The signature may not be given.

    Args:
        reason: a key of ``REASONS``.
    """

    reason: str

    def __bool__(self) -> bool:
        return False

    @property
    def message(self) -> str:
        """English msgid of the sentence for people."""
        return REASONS[self.reason]


REASONS: dict[str, str] = {
    "no_authority": N_("This post has no authority to sign in this capacity."),
    "not_yet": N_("The authority to sign in this capacity has not begun on this day."),
    "expired": N_("The authority to sign in this capacity has ended before this day."),
    "redelegation": N_("Who signs by authorisation may not pass the authorisation on."),
    "not_assigned": N_("An acting head signs only after having been formally assigned; the decision is missing."),
    "not_foreseen": N_("Signing by order must be foreseen in the working rules; they are not named."),
    "not_written": N_("An authorisation must be given in writing; its document is not named."),
    "no_time_limit": N_("An authorisation must be limited in time; its last day is missing."),
    "no_content_limit": N_("An authorisation must be limited in content; it names no kinds and no fields."),
    "kind_not_covered": N_("The authority does not cover this kind of document."),
    "field_not_covered": N_("The authority does not cover this field of work."),
}
"""Reasons of a refusal, from the farthest from being allowed to the nearest."""

_NEARNESS = {reason: place for place, reason in enumerate(REASONS)}


def check(
    authorities: Iterable[Authority], *, capacity: Capacity, kind: str, on: date, field: str | None = None
) -> Allowed | Refused:
    """Tell whether a post may sign a document (Decree 30/2020 article 13).

    Args:
        authorities: those of the post.
        capacity: in which the document is to be signed.
        kind: code of the kind of document.
        on: the day of signing, in Vietnam.
        field: field of work of the document; None when it has none, which a limit to fields then does not cover.

    Returns:
        Allowed with the authority used, or Refused with the reason of the authority that comes nearest.
    """
    nearest = "no_authority"
    for authority in authorities:
        if authority.capacity != capacity:
            continue
        reason = _obstacle(authority, kind, on, field)
        if reason is None:
            return Allowed(authority)
        nearest = max(nearest, reason, key=_NEARNESS.__getitem__)
    return Refused(nearest)


def _obstacle(authority: Authority, kind: str, on: date, field: str | None) -> str | None:
    basis, holder = authority.capacity.basis, authority.capacity.holder
    if on < authority.valid_from:
        return "not_yet"
    if authority.valid_to is not None and on > authority.valid_to:
        return "expired"
    if basis is Basis.BY_AUTHORISATION:
        if holder is Holder.DEPUTY or authority.may_redelegate:
            return "redelegation"
        if not authority.basis_document:
            return "not_written"
        if authority.valid_to is None:
            return "no_time_limit"
        if authority.kinds is None and authority.fields is None:
            return "no_content_limit"
    if holder is Holder.ACTING and not authority.basis_document:
        return "not_assigned"
    if basis is Basis.BY_ORDER and not authority.basis_document:
        return "not_foreseen"
    if basis in (Basis.HEAD, Basis.COLLECTIVE) and holder is not Holder.DEPUTY:
        return None  # whoever heads the body, also for a time, may sign everything it issues
    if authority.kinds is not None and kind not in authority.kinds:
        return "kind_not_covered"
    if authority.fields is not None and field not in authority.fields:
        return "field_not_covered"
    return None


def lines(
    capacity: Capacity, *, head_title: str, signer_title: str, body: str = "", unit_title: str = ""
) -> tuple[str, ...]:
    """Return the lines above the signature, in capitals (Decree 30/2020 Annex I part I II.7).

    Args:
        capacity: in which is signed.
        head_title: title of the head of the agency or of the collective, such as ``Giám đốc`` or ``Chủ tịch``.
        signer_title: title of the signer, such as ``Phó Giám đốc``.
        body: name of the collective, such as ``Ủy ban nhân dân``; needed with the basis collective.
        unit_title: title of the head of the unit or body that signs by order or by authorisation, such as
            ``Chánh Văn phòng``; needed when another person signs for its head.

    Raises:
        InvalidInput: ``capacity_impossible`` for a deputy by authorisation, ``title_missing`` for an empty title.
    """
    if capacity.basis is Basis.BY_AUTHORISATION and capacity.holder is Holder.DEPUTY:
        raise InvalidInput("capacity_impossible", REASONS["redelegation"], capacity=str(capacity))
    above: list[tuple[str, str]] = []
    own_head = head_title
    if capacity.basis is Basis.COLLECTIVE:
        above.append(("TM. ", body))
    elif capacity.basis is Basis.BY_ORDER:
        above.append(("TL. ", head_title))
        own_head = unit_title
    elif capacity.basis is Basis.BY_AUTHORISATION:
        above.append(("TUQ. ", head_title))
        own_head = unit_title
    if capacity.holder is Holder.SELF:
        above.append(("", signer_title))
    elif capacity.holder is Holder.DEPUTY:
        above += [("KT. ", own_head), ("", signer_title)]
    else:
        above.append(("Q. ", own_head))
    if not all(title.strip() for _, title in above):
        raise InvalidInput("title_missing", N_("A title above the signature is missing. Nothing was changed."))
    return tuple(prefix + _capitals(title) for prefix, title in above)


def _capitals(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split())).upper()

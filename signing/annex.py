"""Signs what stands in a file of its own beside the document, and copies: words at the top right of the first page.

Source: Decree 30/2020, Annex I, part II, 12 (agency's signature on separate annexes) and 14 (electronic copies): no
picture; number and symbol of the main document, or form of the copy and the agency that makes it; then the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

from signing.extend import known_status, lasting
from signing.fitness import require_signer
from signing.increment import Increment, Mark, Signed
from signing.keys import Identity, Key
from signing.results import Limits
from signing.revocation import Source
from signing.sign import Level, moment, needed_tsa, stamp_trust
from signing.stamp import POINTS_PER_MM, Words
from signing.trust import Trust
from signing.tsa import Tsa

__all__ = ["AnnexRequest", "CopyRequest", "begin_annex", "require_annex", "sign_annex", "sign_copy"]

HANOI = timezone(timedelta(hours=7))
_MARGIN, _ABOVE = 15 * POINTS_PER_MM, 6 * POINTS_PER_MM
"""Distance of the words from the right and the upper edge: within the margins of Annex I, part I, so over no text."""


@dataclass(frozen=True)
class AnnexRequest:
    """How a separate file of annexes is signed.

    Args:
        code: number and symbol of the main document, such as ``04/SNV-VTLT``.
        field: name of the signature field that is placed.
        name, reason: said in the signature dictionary; not shown.
    """

    code: str
    field: str = "annex"
    level: Level = "B-B"
    name: str = ""
    reason: str = ""


@dataclass(frozen=True)
class CopyRequest:
    """How an electronic copy is signed.

    Args:
        form: full copy, copy of a copy, or extract (Decree 30/2020, art. 3 and 25).
        agency: name of the agency that makes the copy.
    """

    form: Literal["SAO Y", "SAO LỤC", "TRÍCH SAO"]
    agency: str
    field: str = "copy"
    level: Level = "B-B"
    name: str = ""
    reason: str = ""


def sign_annex(
    pdf: bytes,
    key: Key,
    request: AnnexRequest,
    trust: Trust,
    *,
    tsa: Tsa | None = None,
    source: Source | None = None,
    at: datetime | None = None,
    limits: Limits = Limits(),
) -> Signed:
    """Sign a separate annex with the agency's key; the input is the beginning of the output, byte for byte.

    Raises:
        NotPermitted: ``document_locked`` (certified or locked), ``field_taken``, ``text_not_drawable``,
            ``text_too_long``, ``encrypted``.
        Others as ``signing.sign.sign``.
    """
    return _sign(pdf, key, request, (request.code,), trust, tsa=tsa, source=source, at=at, limits=limits)


def require_annex(pdf: bytes, request: AnnexRequest, *, at: datetime, limits: Limits = Limits()) -> None:
    """Refuse a file that could not be signed as an annex, long before there is a number or a key for it.

    Args:
        request: with a code as long as the real one will be.
        at: any aware time; the words of the signature are as long at every time.

    Raises:
        NotPermitted, NotAPdf, Damaged, OverLimit: as ``sign_annex``.
    """
    _placed(pdf, request, (request.code,), at=at, limits=limits)


def begin_annex(
    pdf: bytes,
    signer: Identity,
    request: AnnexRequest,
    trust: Trust,
    *,
    at: datetime,
    source: Source | None = None,
    limits: Limits = Limits(),
) -> tuple[Increment, Mark]:
    """Refuse whatever can be refused before a key is asked; what every way of signing an annex begins with.

    Raises:
        All that ``sign_annex`` names but KeyUnavailable, TsaDown and ValueRejected.
    """
    return _begin(pdf, signer, request, (request.code,), trust, source=source, at=at, limits=limits)


def sign_copy(
    pdf: bytes,
    key: Key,
    request: CopyRequest,
    trust: Trust,
    *,
    tsa: Tsa | None = None,
    source: Source | None = None,
    at: datetime | None = None,
    limits: Limits = Limits(),
) -> Signed:
    """Sign an electronic copy of a paper with the agency's key; errors as ``sign_annex``."""
    return _sign(pdf, key, request, (request.form, request.agency), trust, tsa=tsa, source=source, at=at, limits=limits)


def _sign(
    pdf: bytes,
    key: Key,
    request: AnnexRequest | CopyRequest,
    lines: tuple[str, ...],
    trust: Trust,
    *,
    tsa: Tsa | None,
    source: Source | None,
    at: datetime | None,
    limits: Limits,
) -> Signed:
    at, tsa = moment(at), needed_tsa(request.level, tsa, trust)
    opened, mark = _begin(pdf, key, request, lines, trust, source=source, at=at, limits=limits)
    signed = opened.finish(key, mark, stamp_trust(request.level, trust), tsa=tsa, at=at)
    return lasting(signed, request.level, trust, tsa=tsa, source=source, limits=limits)


def _begin(
    pdf: bytes,
    signer: Identity,
    request: AnnexRequest | CopyRequest,
    lines: tuple[str, ...],
    trust: Trust,
    *,
    source: Source | None,
    at: datetime,
    limits: Limits,
) -> tuple[Increment, Mark]:
    require_signer(signer.certificate, signer.chain, known_status(signer, trust, source, at=at), at=at)
    return _placed(pdf, request, lines, at=at, limits=limits)


def _placed(
    pdf: bytes, request: AnnexRequest | CopyRequest, lines: tuple[str, ...], *, at: datetime, limits: Limits
) -> tuple[Increment, Mark]:
    """The file with an empty field where the words stand, and what goes into it."""
    opened = Increment(pdf, limits)
    page = opened.first_page()
    words = Words((*lines, at.astimezone(HANOI).isoformat()), turned=page.turned)
    opened.add_field(request.field, page.at_top_right(*words.extent(), margin=_MARGIN, above=_ABOVE))
    mark = Mark(field=request.field, stamp=words, name=request.name, reason=request.reason)
    opened.require_room(mark)
    return opened, mark

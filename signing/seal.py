"""Writes number and date into a signed letter and seals it, in one incremental update.

The order is the law's: the competent person signs, the clerk gives number and date, the agency signs last and closes
the document (Decree 30/2020, art. 14-18 and 32-33).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.form_tools import annot_width_height, get_single_field_annot

from signing.errors import NotPermitted, SigningError, ValueRejected
from signing.extend import known_status, lasting
from signing.fitness import require_signer
from signing.increment import Increment, Mark, Signed, check_embedded, reading
from signing.keys import Identity, Key
from signing.objects import dictionary, entry, name, value
from signing.results import Limits
from signing.revocation import Source
from signing.sign import Level, moment, needed_tsa, stamp_trust
from signing.stamp import Stamp, form
from signing.trust import Trust
from signing.tsa import Tsa
from signing.typeface import embed, face_for

__all__ = ["SealRequest", "fill", "fill_and_seal"]

_FONT_SIZE = re.compile(r"/(\S+)\s+([\d.]+)\s+Tf")
_COLOUR = re.compile(r"((?:[\d.]+\s+){1,4})(g|rg|k)\b")
_USUAL_SIZE = 13.0
_SMALLEST = 0.6
"""A text too wide for its field is set smaller, down to this part of its size."""


@dataclass(frozen=True)
class SealRequest:
    """What is written into the letter, and how it is sealed.

    Args:
        texts: name of a form field -> its text; number and the whole date must be among them.
        number, date: names of the fields that must not stay empty.
        field: the agency's empty signature field.
        leader_field: where the competent person's certification signature must stand.
        stamp: the seal's picture in its real size.
        fonts: TrueType fonts ``regular`` and ``italic`` instead of the Tinos that travels with the library.
    """

    texts: Mapping[str, str]
    stamp: Stamp | None = None
    field: str = "agency"
    leader_field: str = "leader"
    number: str = "so"
    date: tuple[str, ...] = ("ngay", "thang", "nam")
    level: Level = "B-T"
    reason: str = ""
    location: str = ""
    name: str = ""
    fonts: Mapping[str, bytes] = default(default_factory=dict)


def fill_and_seal(
    pdf: bytes,
    key: Key,
    request: SealRequest,
    trust: Trust,
    *,
    tsa: Tsa | None = None,
    source: Source | None = None,
    at: datetime | None = None,
    limits: Limits = Limits(),
) -> Signed:
    """Fill number and date, make them read-only, and sign with the agency's key; nothing may change afterwards.

    Only digest and value of the leader's signature are checked here; the full verdict on the leader's file is the
    caller's to ask for beforehand.

    Args:
        pdf: the file the leader signed.
        key: the agency's, in the clerk's custody.
        source: see ``signing.sign.sign``; from level ``B-LT`` on the leader's signature gets evidence too.
        at: aware moment of sealing; None: now.

    Raises:
        NotPermitted: ``leader_signature_missing`` (none, or it does not check out, or is no certification that lets
            fields be filled in), ``number_missing``, ``date_missing``, ``field_missing``, ``field_taken``,
            ``document_locked``, ``text_not_drawable``, ``text_too_long``, ``stamp_too_large``, ``encrypted``.
        Others as ``signing.sign.sign``.
    """
    at, tsa = moment(at), needed_tsa(request.level, tsa, trust)
    opened, mark = begin_seal(pdf, key, request, trust, source=source, at=at, limits=limits)
    sealed = opened.finish(key, mark, stamp_trust(request.level, trust), tsa=tsa, at=at)
    return lasting(sealed, request.level, trust, tsa=tsa, source=source, limits=limits)


def fill(
    pdf: bytes,
    signer: Identity,
    request: SealRequest,
    trust: Trust,
    *,
    source: Source | None = None,
    at: datetime | None = None,
    limits: Limits = Limits(),
) -> bytes:
    """Fill number and date without sealing: what goes out to a program that will sign the agency's field elsewhere.

    Such a program draws the seal and closes the document by itself; ``request.stamp`` is not used.

    Raises:
        As ``begin_seal``.
    """
    opened, _ = begin_seal(pdf, signer, request, trust, source=source, at=moment(at), limits=limits)
    return opened.written()


def begin_seal(
    pdf: bytes,
    signer: Identity,
    request: SealRequest,
    trust: Trust,
    *,
    at: datetime,
    source: Source | None = None,
    limits: Limits = Limits(),
) -> tuple[Increment, Mark]:
    """Refuse whatever can be refused before a key is asked, and fill in; what every way of sealing begins with.

    Raises:
        All that ``fill_and_seal`` names but KeyUnavailable, TsaDown and ValueRejected.
    """
    if not request.texts.get(request.number, "").strip():
        raise NotPermitted("number_missing")
    if not all(request.texts.get(part, "").strip() for part in request.date):
        raise NotPermitted("date_missing")
    require_signer(signer.certificate, signer.chain, known_status(signer, trust, source, at=at), at=at)
    opened = Increment(pdf, limits)
    require_leader(opened, request.leader_field)
    mark = Mark(
        field=request.field,
        lock=True,
        stamp=request.stamp,
        name=request.name,
        reason=request.reason,
        location=request.location,
    )
    opened.require_room(mark)
    _fill(opened, request)
    return opened, mark


def require_leader(opened: Increment, leader_field: str) -> None:
    """Refuse unless the leader's certification signature is there, allows filling in, and checks out.

    Raises:
        NotPermitted: ``leader_signature_missing``.
    """
    signature = opened.signature(leader_field)
    if signature is None:
        raise NotPermitted("leader_signature_missing", "no signature")
    try:
        with reading():
            certified = entry(entry(opened.writer.root, "/Perms", {}), "/DocMDP")
            if certified is None or bytes(certified["/Contents"]) != bytes(signature["/Contents"]):
                raise NotPermitted("leader_signature_missing", "not the certification signature")
            if _level(signature) not in (2, 3):
                raise NotPermitted("leader_signature_missing", "does not allow filling in")
            byte_range = tuple(int(number) for number in signature["/ByteRange"])
        check_embedded(opened.pdf, byte_range)
    except NotPermitted:
        raise
    except (ValueRejected, SigningError) as error:
        raise NotPermitted("leader_signature_missing", str(error)) from error


def _level(signature: Any) -> int | None:
    for reference in entry(signature, "/Reference", ()):
        found = reference.get_object()
        if entry(found, "/TransformMethod") == "/DocMDP":
            # ISO 32000-2, table 257: a level that is not said is 2.
            return int(entry(entry(found, "/TransformParams", {}), "/P", 2))
    return None


def _fill(opened: Increment, request: SealRequest) -> None:
    embedded: dict[str, Any] = {}
    for field_name, text in request.texts.items():
        text = unicodedata.normalize("NFC", " ".join(text.split()))
        field_object, ref = opened.empty_field("/Tx", field_name)
        with reading():
            widget = get_single_field_annot(field_object)
            width, height = (float(side) for side in annot_width_height(widget))
            inherited = entry(entry(opened.writer.root, "/AcroForm", {}), "/DA", "")
            look = str(entry(widget, "/DA", entry(field_object, "/DA", inherited)))
            found = _FONT_SIZE.search(look)
            size = float(found[2]) if found and float(found[2]) else _USUAL_SIZE
            italic = bool(found and re.search(r"ital|obli", found[1], re.IGNORECASE))
            alignment = int(entry(widget, "/Q", entry(field_object, "/Q", 0)))
            ink = _COLOUR.search(look)
        face = face_for(text, italic=italic, font=request.fonts.get("italic" if italic else "regular"))
        wide = face.width(text, size)
        if wide > width:
            if wide * _SMALLEST > width:
                raise NotPermitted("text_too_long", f"{field_name}: {text}")
            size, wide = size * width / wide, width
        left = (0.0, (width - wide) / 2, width - wide)[alignment if alignment in (0, 1, 2) else 0]
        # Figures and capitals stand in the middle of the field, where the words around it were set by the same measure.
        baseline = (height - face.capitals * size / 1000) / 2
        if face.label not in embedded:
            embedded[face.label] = embed(opened.writer, face)
        content = b"/Tx BMC q BT %s /F %.3f Tf %.3f %.3f Td %s Tj ET Q EMC" % (
            (ink[0] if ink else "0 g").encode("ascii"), size, left, baseline, face.codes(text),
        )  # fmt: skip
        resources = {"Font": {"F": embedded[face.label]}}
        drawn = form(opened.writer, content, resources, width=width, height=height)
        widget[name("AP")] = dictionary({"N": drawn})
        field_object[name("V")] = generic.TextStringObject(text)
        field_object[name("Ff")] = value(int(entry(field_object, "/Ff", 0)) | 1)
        opened.writer.update_container(widget)
        opened.writer.mark_update(ref)

"""Receipts and statuses: what the receiver of a message answers, signed, and provable without us.

One answer is one JSON file: ``{"receipt": {...}, "signature": "<base64>"}``, or ``"status"`` instead of ``"receipt"``.
The signature is a detached CMS by the receiver's exchange certificate over the canonical JSON of the first part
(UTF-8, sorted keys, no spaces). Anybody checks it with two programs that are not ours::

    jq -jcS .receipt answer.json > content
    jq -r .signature answer.json | base64 -d > content.p7s
    openssl cms -verify -binary -inform DER -in content.p7s -content content -CAfile root.pem -purpose any

Each answer names the SHA-256 of the file before it in the same conversation, so a missing one shows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from eoffice.core.canonical import canonical
from eoffice.core.errors import FileRefused
from eoffice.core.text import tidy

STATUS_CODES = ("01", "02", "03", "04", "05", "06", "13", "15", "16")
"""QCVN 102:2016: arrived, refused, registered, assigned, in work, finished; 13, 15 and 16 are about taking back."""

_LARGEST = 64 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class ReceiptRefused(FileRefused):
    """The bytes are no receipt and no status; nothing is said about signatures."""

    code = "bad-receipt"


@dataclass(frozen=True)
class Receipt:
    """One answer to one message.

    Args:
        message: identifier of the message that is answered.
        sender, to: identifiers of its sender and of its receiver, who gives this answer ("from" and "to").
        manifest_sha256: hash of the manifest that was received; it covers every part.
        received_at: aware time of arrival, or of the event a status tells.
        receiver_installation: name of the answering installation.
        register_hint: number in the incoming register, "" when there is none yet.
        previous_receipt_sha256: hash of the answer before this one, None for the first.
        kind: ``receipt`` or ``status``.
        status_code: one of ``STATUS_CODES``; None in a receipt.
        description: reason or note for people; required when refusing (02).
        staff: who did it, as shown to the sender.
    """

    message: UUID
    sender: str
    to: str
    manifest_sha256: str
    received_at: datetime
    receiver_installation: str
    register_hint: str = ""
    previous_receipt_sha256: str | None = None
    kind: str = "receipt"
    status_code: str | None = None
    description: str = ""
    staff: str = ""

    def __post_init__(self) -> None:
        good = (
            self.kind in ("receipt", "status")
            and (self.status_code is None) == (self.kind == "receipt")
            and (self.status_code is None or self.status_code in STATUS_CODES)
            and (self.status_code != "02" or bool(tidy(self.description)))
            and self.received_at.tzinfo is not None
            and bool(_SHA256.match(self.manifest_sha256))
            and (self.previous_receipt_sha256 is None or bool(_SHA256.match(self.previous_receipt_sha256)))
        )
        if not good:
            raise ReceiptRefused(reason="values")

    def content(self) -> bytes:
        """Return the bytes that are signed."""
        record: dict[str, Any] = {
            "v": 1,
            "kind": self.kind,
            "message": self.message,
            "from": tidy(self.sender),
            "to": tidy(self.to),
            "manifest_sha256": self.manifest_sha256,
            "received_at": self.received_at,
            "receiver_installation": tidy(self.receiver_installation),
            "register_hint": tidy(self.register_hint),
            "previous_receipt_sha256": self.previous_receipt_sha256,
        }
        if self.kind == "status":
            record |= {
                "status_code": self.status_code,
                "description": tidy(self.description),
                "staff": tidy(self.staff),
            }
        return canonical(record)


@dataclass(frozen=True)
class Sealed:
    """An answer as it was read from its file; its signature has not been checked.

    Args:
        receipt: what it says.
        content: the signed bytes.
        signature: detached CMS (DER) over them.
        sha256: of the whole file; the next answer names it.
    """

    receipt: Receipt
    content: bytes
    signature: bytes
    sha256: str


def sealed(receipt: Receipt, sign: Callable[[bytes], bytes]) -> bytes:
    """Return the file of an answer.

    Args:
        sign: makes a detached CMS over bytes with the exchange certificate.
    """
    content = receipt.content()
    signature = base64.b64encode(sign(content)).decode()
    return canonical({receipt.kind: json.loads(content), "signature": signature})


def opened(data: bytes) -> Sealed:
    """Read the file of an answer; whoever calls checks ``signature`` over ``content`` next.

    Raises:
        ReceiptRefused: it is no answer, or one of a later version.
    """
    if len(data) > _LARGEST:
        raise ReceiptRefused(reason="size")
    try:
        whole = json.loads(data.decode(), object_pairs_hook=_once)
        kind = "status" if "status" in whole else "receipt"
        record = whole[kind]
        signature = base64.b64decode(whole["signature"], validate=True)
        if set(whole) != {kind, "signature"} or record["v"] != 1 or record["kind"] != kind or not signature:
            raise ReceiptRefused(reason="shape")
        return Sealed(_receipt(record), canonical(record), signature, hashlib.sha256(data).hexdigest())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise ReceiptRefused(reason=type(error).__name__) from None


def is_unbroken(files: Sequence[bytes]) -> bool:
    """Tell whether answers of one conversation, oldest first, each name the one before, with the first naming none.

    Raises:
        ReceiptRefused: one of them cannot be read.
    """
    previous = None
    for data in files:
        answer = opened(data)
        if answer.receipt.previous_receipt_sha256 != previous:
            return False
        previous = answer.sha256
    return True


def _receipt(record: dict[str, Any]) -> Receipt:
    optional = ("status_code", "previous_receipt_sha256")
    names = ["from", "to", "manifest_sha256", "receiver_installation", "register_hint"]
    names += ["description", "staff"] if record["kind"] == "status" else []
    if not all(isinstance(record[name], str) for name in names):
        raise ReceiptRefused(reason="types")
    if not all(isinstance(record.get(name), str | None) for name in optional):
        raise ReceiptRefused(reason="types")
    return Receipt(
        message=UUID(record["message"]),
        sender=record["from"],
        to=record["to"],
        manifest_sha256=record["manifest_sha256"],
        received_at=datetime.fromisoformat(record["received_at"]),
        receiver_installation=record["receiver_installation"],
        register_hint=record["register_hint"],
        previous_receipt_sha256=record["previous_receipt_sha256"],
        kind=record["kind"],
        status_code=record.get("status_code"),
        description=record.get("description", ""),
        staff=record.get("staff", ""),
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found

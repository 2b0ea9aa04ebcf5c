"""Job name -> the verb it does and how its payload becomes the verb's arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eoffice.core.errors import OfficeError
from eoffice.services import (
    certificate_requests,
    certificates,
    evidence,
    exchange,
    issuing,
    proofs,
    routing,
    signing_list,
)
from eoffice.services.verbs import Verb
from eoffice.services.work import Order

Payload = Mapping[str, Any]


@dataclass(frozen=True)
class Handler:
    """How a job is done.

    Args:
        verb: the deed.
        read: makes its subject and arguments of the payload.
        once: a failure is final and told at once, for a person to decide; nothing is tried again by itself.
        as_person: done by the person whose ``sign_in`` the payload names, as long as that sign-in holds.
    """

    verb: Verb
    read: Callable[[Payload], tuple[UUID | None, dict[str, Any]]]
    once: bool = False
    as_person: bool = False


HANDLERS: dict[str, Handler] = {
    "certificate_requests.issue": Handler(certificate_requests.issue, lambda job: (UUID(job["request"]), {})),
    "certificates.publish": Handler(certificates.publish, lambda job: (UUID(job["certificate"]), {})),
    "evidence.renew": Handler(evidence.renew, lambda job: (UUID(job["evidence"]), {})),
    "exchange.deliver": Handler(exchange.deliver, lambda job: (UUID(job["delivery"]), {})),
    "exchange.receive": Handler(exchange.receive, lambda job: (None, {"sha256": job["sha256"]})),
    "exchange.confirm": Handler(exchange.confirm, lambda job: (UUID(job["delivery"]), {"sha256": job["sha256"]})),
    "exchange.report": Handler(
        exchange.report,
        lambda job: (UUID(job["message"]), {name: job[name] for name in ("code", "description", "staff")}),
    ),
    "exchange.fail": Handler(exchange.fail, lambda job: (UUID(job["delivery"]), {"reason": job["reason"]})),
    "exchange.apply": Handler(exchange.apply, lambda job: (UUID(job["delivery"]), {"sha256": job["sha256"]})),
    "proofs.prove": Handler(proofs.prove, lambda job: (None, {"check": UUID(job["check"])})),
    "routing.finish": Handler(
        routing.finish,
        lambda job: (UUID(job["document"]), {"answer": UUID(job["answer"])}),
    ),
    "signing.sign": Handler(
        issuing.sign,
        lambda job: (
            UUID(job["document"]),
            {"sha256": job["sha256"], "batch": UUID(job["batch"]), "shown": job["shown"]},
        ),
        once=True,
        as_person=True,
    ),
    "signing.fail": Handler(
        signing_list.fail,
        lambda job: (
            UUID(job["item"]),
            {"batch": UUID(job["batch"]), "code": job["code"], "reason_vi": job["vi"], "reason_en": job["en"]},
        ),
    ),
}


def _delivery_failed(key: str, job: Payload, agency: UUID, error: Exception) -> Order:
    """The sender's delivery has to show why it did not arrive, wherever that was found out."""
    reason = error.sentence("vi") if isinstance(error, OfficeError) else type(error).__name__
    sender = UUID(job["sender"]) if "sender" in job else agency
    return Order("exchange.fail", f"fail:{key}", {"delivery": job["delivery"], "reason": reason}, sender)


def _not_signed(key: str, job: Payload, agency: UUID, error: Exception) -> Order | None:
    """The leader has to see in his list what was not signed, and why; what he stopped himself he knows."""
    if isinstance(error, issuing.SigningStopped):
        return None
    known = error if isinstance(error, OfficeError) else OfficeError()
    told = {"code": known.code, "vi": known.sentence("vi"), "en": known.sentence("en")}
    return Order("signing.fail", f"fail:{key}", {"item": job["item"], "batch": job["batch"], **told}, agency)


TELL: dict[str, Callable[[str, Payload, UUID, Exception], Order | None]] = {
    "exchange.deliver": _delivery_failed,
    "exchange.receive": _delivery_failed,
    "exchange.confirm": _delivery_failed,
    "signing.sign": _not_signed,
}
"""Job name -> what is queued, if anything, when it was given up, so that a failure is a state people see."""

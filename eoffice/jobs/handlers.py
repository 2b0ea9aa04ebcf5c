"""Job name -> the verb it does and how its payload becomes the verb's arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from eoffice.core.errors import OfficeError
from eoffice.services import exchange, proofs, routing
from eoffice.services.verbs import Verb
from eoffice.services.work import Order

Payload = Mapping[str, Any]
Handler = tuple[Verb, Callable[[Payload], tuple[UUID | None, dict[str, Any]]]]

HANDLERS: dict[str, Handler] = {
    "exchange.deliver": (exchange.deliver, lambda job: (UUID(job["delivery"]), {})),
    "exchange.receive": (exchange.receive, lambda job: (None, {"sha256": job["sha256"]})),
    "exchange.confirm": (exchange.confirm, lambda job: (UUID(job["delivery"]), {"sha256": job["sha256"]})),
    "exchange.report": (
        exchange.report,
        lambda job: (UUID(job["message"]), {name: job[name] for name in ("code", "description", "staff")}),
    ),
    "exchange.fail": (exchange.fail, lambda job: (UUID(job["delivery"]), {"reason": job["reason"]})),
    "exchange.apply": (exchange.apply, lambda job: (UUID(job["delivery"]), {"sha256": job["sha256"]})),
    "proofs.prove": (proofs.prove, lambda job: (None, {"check": UUID(job["check"])})),
    "routing.finish": (
        routing.finish,
        lambda job: (UUID(job["document"]), {"answer": UUID(job["answer"])}),
    ),
}


def _delivery_failed(key: str, job: Payload, agency: UUID, error: Exception) -> Order:
    """The sender's delivery has to show why it did not arrive, wherever that was found out."""
    reason = error.sentence("vi") if isinstance(error, OfficeError) else type(error).__name__
    sender = UUID(job["sender"]) if "sender" in job else agency
    return Order("exchange.fail", f"fail:{key}", {"delivery": job["delivery"], "reason": reason}, sender)


TELL: dict[str, Callable[[str, Payload, UUID, Exception], Order]] = {
    "exchange.deliver": _delivery_failed,
    "exchange.receive": _delivery_failed,
    "exchange.confirm": _delivery_failed,
}
"""Job name -> what is queued when it was given up, so that a failure is a state people see."""

"""Job name -> the verb it does and how its payload becomes the verb's arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from eoffice.services import exchange, routing
from eoffice.services.verbs import Verb

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
    "exchange.apply": (exchange.apply, lambda job: (UUID(job["delivery"]), {"sha256": job["sha256"]})),
    "routing.finish": (
        routing.finish,
        lambda job: (UUID(job["document"]), {"answer": UUID(job["answer"])}),
    ),
}

"""Papers of the named world: letters, and documents brought to a state without opening a file each time."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from eoffice.services import incoming
from eoffice.services.examine import Examined
from tests.support.world import World


def examined(content: bytes, verdict: str = "UNSIGNED", **reading: Any) -> Examined:
    """What the door check would say; for tests of what comes after it."""
    return Examined(
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        media="application/pdf",
        pages=1,
        verdict=verdict,
        report={"verdict": verdict, "signatures": [], "notes": [], "flags": []},
        policy="test",
        flags=(),
        reading=reading,
    )


def arrived(world: World, slug: str, content: bytes = b"%PDF-1.7 a letter", *, key: str = "arrive") -> UUID:
    """An incoming document that has just arrived, without going through the door check."""
    found = examined(content)
    world.office.files.put(content)
    with world.office.write(world.system(slug), key=key) as desk:
        arrival = incoming.Arrival(found.sha256, "công văn.pdf", "hand")
        return UUID(str(incoming.arrive(desk, arrival=arrival, prepared=found).id))

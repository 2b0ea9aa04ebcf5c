"""How often one address may ask for something dear: a small counter in this process."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from datetime import datetime, timedelta

ADDRESSES = 10_000
"""Addresses remembered; the longest unseen is forgotten first."""


class Limiter:
    """Lets an address do something so many times within a span, per process.

    Args:
        times: how often.
        within: in which span.
    """

    def __init__(self, times: int, within: timedelta) -> None:
        self.times = times
        self.within = within
        self._taken: OrderedDict[str, list[datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, address: str, now: datetime) -> int:
        """Take one turn.

        Returns:
            0 when there was one, otherwise after how many seconds there will be.
        """
        with self._lock:
            taken = [at for at in self._taken.pop(address, []) if now - at < self.within]
            wait = 0
            if len(taken) >= self.times:
                wait = math.ceil((taken[0] + self.within - now).total_seconds())
            else:
                taken.append(now)
            self._taken[address] = taken
            while len(self._taken) > ADDRESSES:
                self._taken.popitem(last=False)
            return wait

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._taken.clear()

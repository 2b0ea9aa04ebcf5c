"""Waiting for something to become true: with an end, and without guessing how long it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(question: Callable[[], T], *, seconds: float = 10.0, what: str = "") -> T:
    """Ask again and again until the answer is true, and return it.

    Args:
        question: asked about a hundred times a second.
        seconds: after these the test fails.
        what: named in the failure.

    Raises:
        AssertionError: the answer did not become true in time.
    """
    end = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {seconds} s: {what or question}"
        pause.wait(0.01)

"""What a process that holds keys does first, so that nothing of them is found outside it."""

from __future__ import annotations

import ctypes
import resource


def harden() -> None:
    """Keep key material out of core dumps and away from debuggers of the same user (Linux)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pr_set_dumpable = 4
    if ctypes.CDLL(None, use_errno=True).prctl(pr_set_dumpable, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE)")

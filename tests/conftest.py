"""What holds for all tests: both databases, parts counted, no network, a home of its own for each that needs one."""

from __future__ import annotations

from tests.support import network

pytest_plugins = ["tests.support.parts", "tests.support.databases", "tests.support.world"]

network.watch()

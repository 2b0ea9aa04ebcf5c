"""What holds for all tests: both databases, parts counted, no network, a home of its own for each that needs one."""

from __future__ import annotations

from hypothesis import settings

from tests.support import network

pytest_plugins = ["tests.support.parts", "tests.support.databases", "tests.support.world"]

network.watch()

# The same examples each time: a red run speaks of the change it ran on. To search for new ones:
# scripts/test --hypothesis-profile=default
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

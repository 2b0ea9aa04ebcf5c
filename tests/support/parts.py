"""Pytest plugin: counts on which real parts the tests ran, prints the table, lets no part be missing where it counts.

A test that runs against a part says so: through a fixture below (``pdfsig``, ``qpdf``, ``openssl``, ``mutool``, ...),
through a database fixture, or by ``parts.use(name)``. A part that is not there skips the test; with ``--all``, or
where the variable ``CI`` is set, any skip fails the run.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.features import features

PARTS = ("SQLite", "PostgreSQL", "Chromium", "pdfsig", "qpdf", "openssl", "softhsm", "mutool", "ghostscript")

SOFTHSM_MODULES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/pkcs11/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
    Path("/opt/homebrew/lib/softhsm/libsofthsm2.so"),
)


Found = TypeVar("Found")


class Parts:
    """Notes which real parts one test uses."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def use(self, part: str) -> None:
        """Note that this test runs against a part, one of ``PARTS``."""
        assert part in PARTS, part
        if ("part", part) not in self._item.user_properties:
            self._item.user_properties.append(("part", part))

    def need(self, part: str, found: Found | None) -> Found:
        """Note the part and return what was found of it; the one place where a test is skipped: it has none."""
        self.use(part)
        if found is None:
            pytest.skip(f"{part} is not installed")
        return found

    def program(self, part: str, *names: str) -> Path:
        """Note the part and return its program, under the first of these names the machine has."""
        return self.need(part, next((Path(found) for name in names if (found := shutil.which(name))), None))


@pytest.fixture
def parts(request: pytest.FixtureRequest) -> Parts:
    """The notebook of the running test."""
    return Parts(request.node)


@pytest.fixture
def pdfsig(parts: Parts) -> Path:
    """Poppler's ``pdfsig``: a second opinion on signatures."""
    return parts.program("pdfsig", "pdfsig")


@pytest.fixture
def qpdf(parts: Parts) -> Path:
    """``qpdf``: a second opinion on the structure of a PDF."""
    return parts.program("qpdf", "qpdf")


@pytest.fixture
def openssl(parts: Parts) -> Path:
    """``openssl``: a second opinion on certificates, CMS and time-stamps."""
    return parts.program("openssl", "openssl")


@pytest.fixture
def softhsm(parts: Parts) -> Path:
    """The PKCS#11 module of SoftHSM 2: a token in software."""
    parts.program("softhsm", "softhsm2-util")
    return parts.need("softhsm", next((path for path in SOFTHSM_MODULES if path.is_file()), None))


@pytest.fixture
def mutool(parts: Parts) -> Path:
    """MuPDF's ``mutool``: a second opinion on signatures and structure, and a maker of PDFs."""
    return parts.program("mutool", "mutool")


@pytest.fixture
def ghostscript(parts: Parts) -> Path:
    """``gs``: a maker of PDFs, and a reader that draws them."""
    return parts.program("ghostscript", "gs")


@pytest.fixture
def chromium(parts: Parts) -> Path:
    """The browser, to be driven by its path."""
    return parts.program("Chromium", "chromium", "chromium-browser")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="slow tests too; a skipped test fails the run")
    parser.addoption(
        "--failed-before", default="", help="what failed before the tests, so that the run fails and says so"
    )


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(
            Table(is_strict(config), before=config.getoption("--failed-before")), "parts-table"
        )


def is_strict(config: pytest.Config) -> bool:
    """Tell whether a skipped test fails the run."""
    return bool(config.getoption("--all")) or bool(os.environ.get("CI"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow tests for ``--all``, or for whoever chooses them with ``-m`` or names one."""
    named = any("::" in argument for argument in config.args)
    if config.getoption("--all") or config.getoption("markexpr") or named:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        items[:] = [item for item in items if item not in slow]
        config.hook.pytest_deselected(items=slow)


class Table:
    """Lives in the process that reports; adds up what all workers tell."""

    def __init__(self, strict: bool, *, before: str) -> None:
        self.strict = strict
        self.before = before
        self.ran: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.passed: set[str] = set()
        self.skips = 0
        self.unproven: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count each test once, where its outcome is decided."""
        used = [str(value) for name, value in report.user_properties if name == "part"]
        if report.skipped:
            self.skips += 1
            self.skipped.update(used)
        elif report.when == "call":
            self.ran.update(used)
            if report.passed:
                self.passed.add(report.nodeid.partition("[")[0])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that skipped something although it may not, or did not pass what docs/features.md names."""
        config = session.config
        if config.getoption("--all") and config.args == config.getini("testpaths") and not config.getoption("keyword"):
            self.unproven = [
                f"{feature.id} {test}" for feature in features() for test in feature.tests if test not in self.passed
            ]
        wrong = self.before or self.unproven or (self.strict and self.skips)
        if wrong and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        terminalreporter.section("real parts")
        terminalreporter.write_line(f"{'part':<12}{'tests run':>10}{'skipped':>10}")
        for part in PARTS:
            terminalreporter.write_line(f"{part:<12}{self.ran[part]:>10}{self.skipped[part]:>10}")
        if self.strict and self.skips:
            terminalreporter.write_line(f"{self.skips} skipped: this run counts as failed.", red=True)
        if self.before:
            terminalreporter.write_line(f"{self.before} failed: see the top.", red=True)
        for line in self.unproven:
            terminalreporter.write_line(f"docs/features.md names a test that did not pass: {line}", red=True)

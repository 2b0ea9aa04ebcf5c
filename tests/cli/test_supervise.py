"""The supervisor with real little programs: up, prefixed, restarted, stopped, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from eoffice.cli.supervise import HomeInUse, answers, hold
from tests.support.wait import until

ROOT = Path(__file__).parents[2]

WAITS = "import os, signal\nos.write(1, b'pid %d\\n' % os.getpid())\nsignal.pause()"
DEAF = "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.write(1, b'pid %d\\n' % os.getpid())\n" + (
    "while True: signal.pause()"
)
FORKS = (
    "import os, signal\nchild = os.fork()\nif not child: signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "os.write(1, b'pid %d\\n' % os.getpid())\nwhile True: signal.pause()"
)
DIES = "print('once', flush=True); raise SystemExit(3)"


class Copy:
    """A supervisor in a process of its own."""

    def __init__(self, folder: Path, programs: dict[str, str], tune: str) -> None:
        self.log = folder / "log"
        script = dedent(
            """
            import sys
            from pathlib import Path
            from eoffice.cli import supervise
            supervise.BACKOFF = (0.01, 0.02, 0.03)
            {tune}
            programs = [supervise.Program(n, [sys.executable, "-c", c]) for n, c in {programs!r}.items()]
            with supervise.hold(Path({home!r})):
                code = supervise.run(programs, lambda: print("READY", file=sys.stderr, flush=True))
            sys.exit(code)
            """
        ).format(programs=programs, tune=tune, home=str(folder / "home"))
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", script], stdout=out, stderr=out, cwd=ROOT, start_new_session=True
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def pids(self, name: str = r"\w+") -> list[int]:
        """Processes that told their number, in the order they did."""
        return [int(number) for number in re.findall(rf"^{name} *\| pid (\d+)$", self.said, re.M)]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


Start = Callable[..., Copy]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    copies: list[Copy] = []

    def make(programs: dict[str, str], tune: str = "") -> Copy:
        copies.append(Copy(tmp_path, programs, tune))
        return copies[-1]

    yield make
    for copy in copies:
        if copy.process.poll() is None:
            copy.stop()
        for process in copy.pids():
            if runs(process):
                os.kill(process, signal.SIGKILL)


def runs(process: int) -> bool:
    """Tell whether a process is alive; one that is dead and not yet buried is not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def test_all_run_and_are_said_to_be_ready_once(start: Start) -> None:
    copy = start({"web": WAITS, "worker": WAITS})
    until(lambda: len(copy.pids()) == 2 and "READY" in copy.said)
    assert all(runs(process) for process in copy.pids())
    assert copy.said.count("READY") == 1
    assert re.search(r"^web    \| pid \d+$", copy.said, re.M)
    assert re.search(r"^worker \| pid \d+$", copy.said, re.M)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_ends_everything(start: Start, number: int) -> None:
    copy = start({"web": WAITS, "worker": WAITS})
    until(lambda: len(copy.pids()) == 2)
    assert copy.stop(number) == 0
    assert not [process for process in copy.pids() if runs(process)]


def test_what_does_not_listen_is_ended_after_the_grace(start: Start) -> None:
    copy = start({"deaf": DEAF}, "supervise.GRACE = 0.3")
    until(copy.pids)
    assert copy.stop() == 0
    assert not runs(copy.pids()[0])


def test_a_deaf_grandchild_ends_too(start: Start) -> None:
    copy = start({"web": FORKS}, "supervise.GRACE = 0.3")
    until(lambda: len(copy.pids()) == 2)
    assert copy.stop() == 0
    until(lambda: not [process for process in copy.pids() if runs(process)])


def test_killed_it_leaves_nothing_behind(start: Start) -> None:
    copy = start({"web": FORKS, "deaf": DEAF, "worker": WAITS})
    until(lambda: len(copy.pids()) == 4)
    assert copy.stop(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: not [process for process in copy.pids() if runs(process)], what="all have ended")


def test_what_is_killed_starts_anew_and_its_children_do_not_pile_up(start: Start) -> None:
    copy = start({"web": FORKS, "worker": WAITS})
    until(lambda: len(copy.pids()) == 3)
    leader = next(process for process in copy.pids("web") if os.getpgid(process) == process)
    others = copy.pids("worker")
    os.kill(leader, signal.SIGKILL)
    until(lambda: len(copy.pids("web")) == 4)
    assert sum(runs(process) for process in copy.pids("web")) == 2
    assert copy.pids("worker") == others
    assert runs(others[0])


def test_what_dies_again_and_again_stops_everything_and_is_named(start: Start) -> None:
    copy = start({"web": DIES, "worker": WAITS})
    assert copy.process.wait(timeout=20) == 1
    assert copy.said.count("web    | once\n") == 4
    assert "web    | ended with 3 once too often; everything stops" in copy.said
    assert not [process for process in copy.pids() if runs(process)]


def test_what_never_comes_up_is_named(start: Start) -> None:
    copy = start(
        {"web": WAITS}, "supervise.PATIENCE = 0.3\nsupervise.Program.__init__.__defaults__ = (lambda: False, {})"
    )
    assert copy.process.wait(timeout=20) == 1
    assert "not up within 0 s: web" in copy.said
    assert "READY" not in copy.said


def test_a_program_has_our_environment_and_its_own(start: Start) -> None:
    tune = "import os; os.environ['OURS'] = 'a'; supervise.Program.__init__.__defaults__ = (None, {'OWN': 'b'})"
    copy = start({"web": "import os; print(os.environ['OURS'] + os.environ['OWN'])"}, tune)
    until(lambda: "web | ab\n" in copy.said)


def test_a_last_line_without_its_end_is_not_lost(start: Start) -> None:
    copy = start({"web": "print('xin chào', end='', flush=True); raise SystemExit(1)"})
    assert copy.process.wait(timeout=20) == 1
    assert copy.said.count("web | xin chào\n") == 4


def test_a_home_is_held_by_one_copy(tmp_path: Path, start: Start) -> None:
    copy = start({"web": WAITS})
    until(copy.pids)
    with pytest.raises(HomeInUse) as refused, hold(tmp_path / "home"):
        pass
    assert str(copy.process.pid) in refused.value.sentence("en")
    assert str(tmp_path / "home") in refused.value.sentence("en")
    copy.stop(signal.SIGKILL)
    until(lambda: _free(tmp_path / "home"), what="the home is free again")


def _free(home: Path) -> bool:
    try:
        with hold(home):
            return True
    except HomeInUse:
        return False


def test_answers_asks_ports_and_local_sockets(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    assert not answers(path)()
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(path))
        local.listen()
        assert answers(path)()
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        assert answers(address)()
    assert not answers(address)()

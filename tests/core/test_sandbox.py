"""The sandbox holds against what hostile files do to parsers, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eoffice.core import sandbox as sandbox_module
from eoffice.core.errors import FileRefused
from eoffice.core.sandbox import Sandbox, SandboxBusy, SandboxCrashed, SandboxLimits, SandboxMemory, SandboxTimeout
from tests.core.hostile import Encrypted

HERE = "tests.core.hostile."
LIMITS = SandboxLimits(memory=512 * 1024 * 1024, seconds=10, answer=1024 * 1024, calls=50, queue_seconds=10)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS, workers=1) as box:
        yield box


def children() -> set[int]:
    """Processes that are children of this one, zombies included."""
    own = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            own.add(int(entry.parent.name))
    return own


def wait_until(condition, seconds: float = 10.0) -> bool:
    """Poll without guessing how long it takes."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > end:
            return False
        pause.wait(0.02)
    return True


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def test_answers_json_and_bytes(sandbox: Sandbox) -> None:
    assert sandbox.call(HERE + "length", b"abc") == 3
    assert sandbox.call(HERE + "echo", bytes(range(256))) == bytes(range(256))
    assert sandbox.call(HERE + "state", b"", name_of="tệp", n=[1, None])["given"] == {"name_of": "tệp", "n": [1, None]}


def test_empty_input_and_empty_answer(sandbox: Sandbox) -> None:
    assert sandbox.call(HERE + "echo", b"") == b""


def test_child_stays_warm_and_is_replaced_after_its_calls() -> None:
    with Sandbox(SandboxLimits(calls=3), workers=1) as box:
        pids = [box.call(HERE + "state", b"")["pid"] for _ in range(7)]
    assert len(set(pids[:3])) == 1
    assert len(set(pids)) == 3
    assert all(map(is_gone, pids))


def test_environment_of_the_server_stays_outside(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOFFICE_SECRET", "do not tell")
    with Sandbox(LIMITS, workers=1) as box:
        assert set(box.call(HERE + "state", b"")["environment"]) <= {"PYTHONPATH", "LANG", "LC_CTYPE"}


def test_memory_hog_is_refused_and_the_next_call_works(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxMemory) as refusal:
        sandbox.call(HERE + "hog", b"")
    assert refusal.value.code == "sandbox_memory"
    assert isinstance(refusal.value, FileRefused)
    assert sandbox.call(HERE + "length", b"ab") == 2


@pytest.mark.parametrize("function", ["loop", "hang"])
def test_endless_work_is_cut(sandbox: Sandbox, function: str) -> None:
    start = time.monotonic()
    with pytest.raises(SandboxTimeout) as refusal:
        sandbox.call(HERE + function, b"", seconds=0.5)
    assert time.monotonic() - start < 3
    assert refusal.value.code == "sandbox_timeout"
    assert sandbox.call(HERE + "length", b"ab") == 2


@pytest.mark.parametrize("function", ["leave", "killed"])
def test_dead_child_is_told_and_replaced(sandbox: Sandbox, function: str) -> None:
    with pytest.raises(SandboxCrashed):
        sandbox.call(HERE + function, b"")
    assert sandbox.call(HERE + "length", b"ab") == 2


def test_child_that_died_idle_is_replaced_silently(sandbox: Sandbox) -> None:
    pid = sandbox.call(HERE + "state", b"")["pid"]
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: is_gone(pid))
    assert sandbox.call(HERE + "length", b"ab") == 2


def test_declared_exception_travels_with_code_and_facts(sandbox: Sandbox) -> None:
    with pytest.raises(Encrypted) as refusal:
        sandbox.call(HERE + "refuse", b"", raises=(FileRefused,))
    assert (refusal.value.code, refusal.value.facts) == ("encrypted", {"pages": "3"})


def test_undeclared_exception_is_a_crash(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxCrashed) as refusal:
        sandbox.call(HERE + "fail", b"", raises=(Encrypted,))
    assert "ZeroDivisionError" in str(refusal.value.facts["raised"])
    assert len(str(refusal.value.facts)) < 1000
    with pytest.raises(ZeroDivisionError):
        sandbox.call(HERE + "fail", b"", raises=(ArithmeticError,))


@pytest.mark.parametrize("name", ["tests.core.hostile.no_such", "no_such_module.function"])
def test_unknown_function_is_a_crash(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(SandboxCrashed):
        sandbox.call(name, b"")


def test_answer_that_is_too_deep_or_too_large_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxCrashed):
        sandbox.call(HERE + "deep", b"")
    assert len(sandbox.call(HERE + "large", b"", size=1_000_000)) == 1_000_000
    with pytest.raises(SandboxCrashed) as refusal:
        sandbox.call(HERE + "large", b"", size=2_000_000)
    assert refusal.value.code == "sandbox_answer_too_large"


@pytest.mark.parametrize(
    "words",
    [
        "ff" * 16,  # lengths beyond any limit
        "0000000000000002" + "0000000000000000" + "5b5d",  # a list
        "0000000000000003" + "0000000000000000" + "7b7b7b",  # no JSON
        "0000000000000010" + "0000000000000000" + "7b226572726f72223a5b223132225d7d",  # an error without its fields
    ],
)
def test_child_is_believed_nothing(sandbox: Sandbox, words: str) -> None:
    with pytest.raises(SandboxCrashed):
        sandbox.call(HERE + "speak_rubbish", b"", words=words, seconds=5)
    assert sandbox.call(HERE + "length", b"ab") == 2


def test_child_cannot_write_files_nor_open_many(sandbox: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "out"
    with pytest.raises(SandboxCrashed):
        sandbox.call(HERE + "write", b"", path=str(target))
    assert not target.exists() or target.stat().st_size == 0
    with pytest.raises(SandboxCrashed) as refusal:
        sandbox.call(HERE + "open_many", b"")
    assert "Too many open files" in str(refusal.value.facts["said"])


def test_deeply_nested_pdf_ends_in_an_answer_or_a_typed_refusal(sandbox: Sandbox) -> None:
    nested = b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R/X " + b"[" * 200_000 + b"]" * 200_000 + b">>endobj\n"
    nested += b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R>>endobj\n"
    nested += b"trailer<</Root 1 0 R>>\n%%EOF"
    try:
        assert sandbox.call(HERE + "nested_pdf", nested) in (0, 1)
    except SandboxCrashed as refusal:
        assert "raised" in refusal.facts or "status" in refusal.facts  # noqa: PT017
    assert sandbox.call(HERE + "length", b"ab") == 2


def test_large_file_goes_by_path_without_passing_through_us(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    with Sandbox(LIMITS, workers=1) as box:
        before = memory_peak()
        assert box.call(HERE + "length", path) == 200 * 1024 * 1024
        assert memory_peak() - before < 20 * 1024 * 1024


def memory_peak() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_many_threads_share_few_children() -> None:
    with Sandbox(LIMITS, workers=2) as box, ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: box.call(HERE + "echo", b"%d" % n), range(60)))
        assert answers == [b"%d" % n for n in range(60)]
        pids = {box.call(HERE + "state", b"")["pid"] for _ in range(4)}
    assert len(pids) <= 2


def test_child_outlives_the_thread_that_first_called() -> None:
    with Sandbox(LIMITS, workers=1) as box:
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(box.call(HERE + "state", b"")["pid"]))
        thread.start()
        thread.join()
        assert box.call(HERE + "state", b"")["pid"] == found[0]


def test_waiting_callers_are_told_when_it_takes_too_long() -> None:
    limits = SandboxLimits(queue_seconds=0.1)
    with Sandbox(limits, workers=1) as box, ThreadPoolExecutor(1) as thread:
        slow = thread.submit(box.call, HERE + "hang", b"", seconds=1.5)
        assert wait_until(lambda: not box._free._value)
        with pytest.raises(SandboxBusy):
            box.call(HERE + "length", b"")
        with pytest.raises(SandboxTimeout):
            slow.result()


def test_nothing_is_left_behind(sandbox: Sandbox) -> None:
    sandbox.close()
    before = children()
    files = len(os.listdir("/proc/self/fd"))
    with Sandbox(LIMITS, workers=2) as box:
        for name in ("length", "leave", "killed", "fail"):
            try:
                box.call(HERE + name, b"")
            except SandboxCrashed:
                continue
        box.call(HERE + "length", b"")
        assert len(children() - before) == 1
    assert children() == before
    assert len(os.listdir("/proc/self/fd")) == files


def test_works_in_a_forked_process() -> None:
    with Sandbox(LIMITS, workers=1) as box:
        ours = box.call(HERE + "state", b"")["pid"]
        child = os.fork()
        if child == 0:  # as a web server's worker does after loading the application
            good = box.call(HERE + "state", b"")["pid"] != ours
            box.close()
            os._exit(0 if good else 1)
        _, status = os.waitpid(child, 0)
        assert status == 0
        assert box.call(HERE + "state", b"")["pid"] == ours


ORPHAN = """
import sys, threading
from eoffice.core.sandbox import Sandbox
box = Sandbox(workers=2)
pid = box.call("tests.core.hostile.state", b"")["pid"]
threading.Thread(target=box.call, args=("tests.core.hostile.loop", b""), daemon=True).start()
ticks = lambda: int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11])
start = ticks()
while ticks() < start + 10:  # it is in its loop, and would not see that we hang up
    pass
print(pid, flush=True)
sys.stdin.readline()
"""


def test_children_die_with_a_killed_parent() -> None:
    command = [sys.executable, "-c", ORPHAN]
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, env=path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert wait_until(lambda: is_gone(pid), 3)


def test_module_is_light() -> None:
    code = "import sys, eoffice.core.sandbox; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"reportlab", "pypdfium2", "pikepdf", "pyhanko", "sqlalchemy", "flask"} & set(eval(loaded))


def test_limits_are_told_by_name() -> None:
    assert sandbox_module.SandboxLimits().written == 0

"""The agent signs for the unlocked session, key and file only, for its time only, and nothing but signed attributes."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from asn1crypto import cms

from signing.agent import (
    LONGEST_UNLOCK,
    WRONG_BLOCK,
    WRONG_TRIES,
    AgentClient,
    AgentKey,
    Vault,
    require_attributes,
    serve,
)
from signing.container import attributes, scheme
from signing.errors import Expired, KeyUnavailable, SigningError, ValueRejected, WrongPassword
from signing.keys import Key
from signing.pki import Pki
from signing.sign import Request, sign

FILE = hashlib.sha256(b"letter").hexdigest()
OTHER = hashlib.sha256(b"contract").hexdigest()


class Clock:
    """Seconds that go on when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vault(pki: Pki, clock: Clock) -> Vault:
    return Vault(pki.keys_dir, clock)


@pytest.fixture
def data(pki: Pki) -> bytes:
    """Signed attributes for the leader."""
    key = pki.key("leader")
    return attributes(hashlib.sha256(b"letter").digest(), key.certificate, scheme(key))


def start(pki: Pki, path: Path) -> subprocess.Popen[str]:
    """Start an agent and wait until it listens."""
    command = [sys.executable, "-m", "signing.agent", "--socket", str(path), "--keys", str(pki.keys_dir)]
    agent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert agent.stdout is not None
    assert agent.stdout.readline().strip() == str(path)
    return agent


def end(agent: subprocess.Popen[str], number: int = signal.SIGTERM) -> int:
    agent.send_signal(number)
    code = agent.wait(timeout=10)
    assert agent.stdout is not None
    agent.stdout.close()
    return code


@pytest.fixture(scope="module")
def running(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """One agent for the tests that leave it as they found it."""
    path = tmp_path_factory.mktemp("agent") / "agent.sock"
    agent = start(pki, path)
    yield SimpleNamespace(client=AgentClient(path), process=agent, path=path)
    if agent.poll() is None:
        end(agent)


def test_a_document_is_signed_through_the_agent(running: SimpleNamespace, pki: Pki, draft: bytes, at: object) -> None:
    digest = hashlib.sha256(draft).hexdigest()
    assert running.client.unlock("s1", "leader", pki.password("leader"), [digest]) == LONGEST_UNLOCK
    key = AgentKey(running.client, "s1", "leader", digest, pki.certificate("leader"), pki.chain("leader"))
    assert isinstance(key, Key)
    signed = sign(draft, key, Request("leader", kind="certification"), pki.trust(), at=at)  # type: ignore[arg-type]
    assert signed.pdf.startswith(draft)
    with pytest.raises(KeyUnavailable) as refused:  # another file than the one it was unlocked for
        sign(draft + b"\n", key, Request("leader"), pki.trust(), at=at)  # type: ignore[arg-type]
    assert refused.value.code == "not_unlocked"


def test_only_the_same_session_key_and_file_are_served(vault: Vault, pki: Pki, data: bytes) -> None:
    vault.unlock("s1", "leader", pki.password("leader"), [FILE], 60)
    assert vault.sign("s1", "leader", FILE, data, "sha256")
    for session, key, file in (
        ("s2", "leader", FILE),
        ("s1", "deputy", FILE),
        ("s1", "leader", OTHER),
        ("", "leader", FILE),
    ):
        with pytest.raises(KeyUnavailable) as refused:
            vault.sign(session, key, file, data, "sha256")
        assert refused.value.code == "not_unlocked"


def test_a_new_unlock_replaces_the_files_of_the_old_one(vault: Vault, pki: Pki, data: bytes) -> None:
    vault.unlock("s1", "leader", pki.password("leader"), [FILE], 60)
    vault.unlock("s1", "leader", pki.password("leader"), [OTHER], 60)
    with pytest.raises(KeyUnavailable):
        vault.sign("s1", "leader", FILE, data, "sha256")


def test_unlocked_again_in_the_middle_of_a_signature_nothing_is_lost(
    vault: Vault, pki: Pki, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same form pressed twice: the second press opens the key anew while the first is about to use it."""
    checked = require_attributes

    def press_again(*about: bytes) -> None:
        checked(*about)  # type: ignore[arg-type]
        vault.unlock("s1", "leader", pki.password("leader"), [FILE], 60)

    monkeypatch.setattr("signing.agent.require_attributes", press_again)
    vault.unlock("s1", "leader", pki.password("leader"), [FILE], 60)
    assert vault.sign("s1", "leader", FILE, data, "sha256")


def test_time_over_means_locked_and_forgotten(vault: Vault, pki: Pki, data: bytes, clock: Clock) -> None:
    vault.unlock("s1", "leader", pki.password("leader"), [FILE], 60)
    held = vault._open["s1", "leader"].key
    assert held is not None
    clock.now += 59.9
    assert vault.sign("s1", "leader", FILE, data, "sha256")
    assert vault.status("s1") == [{"key_id": "leader", "files": [FILE], "seconds": 0}]
    clock.now += 0.1
    vault.forget()
    assert vault._open["s1", "leader"].key is None
    with pytest.raises(KeyUnavailable):  # whoever still holds the object cannot use it either
        held.sign(b"x", digest="sha256")
    with pytest.raises(Expired):
        vault.sign("s1", "leader", FILE, data, "sha256")
    assert vault.status("s1") == []
    clock.now += 3600
    with pytest.raises(KeyUnavailable, match="not_unlocked"):
        vault.sign("s1", "leader", FILE, data, "sha256")


def test_locking_forgets_one_key_or_all_of_a_session(vault: Vault, pki: Pki, data: bytes) -> None:
    for session in ("s1", "s2"):
        vault.unlock(session, "leader", pki.password("leader"), [FILE], 60)
        vault.unlock(session, "deputy", pki.password("deputy"), [FILE], 60)
    assert vault.lock("s1", "leader") == 1
    with pytest.raises(KeyUnavailable):
        vault.sign("s1", "leader", FILE, data, "sha256")
    assert [one["key_id"] for one in vault.status("s1")] == ["deputy"]
    assert vault.lock("s1") == 1
    assert vault.lock("s1") == 0
    assert vault.sign("s2", "leader", FILE, data, "sha256")
    vault.forget_all()
    assert vault.status("s2") == []


@pytest.mark.parametrize("seconds", [0, -1, LONGEST_UNLOCK + 1])
def test_no_unlock_lasts_longer_than_a_quarter_of_an_hour(vault: Vault, pki: Pki, seconds: int) -> None:
    with pytest.raises(SigningError, match="bad_request"):
        vault.unlock("s1", "leader", pki.password("leader"), [FILE], seconds)


@pytest.mark.parametrize("hashes", [[], ["x"], [FILE.upper()], [FILE + "\n"], [FILE] * 2 + ["../x"]])
def test_an_unlock_names_files_by_hash(vault: Vault, pki: Pki, hashes: list[str]) -> None:
    with pytest.raises(SigningError, match="bad_request"):
        vault.unlock("s1", "leader", pki.password("leader"), hashes, 60)


@pytest.mark.parametrize("key_id", ["../keys/leader", "", "Leader", "a/b", ".leader", "leader\n"])
def test_a_key_is_a_name_and_never_a_path(vault: Vault, pki: Pki, key_id: str) -> None:
    with pytest.raises(SigningError, match="bad_request"):
        vault.unlock("s1", key_id, pki.password("leader"), [FILE], 60)


def test_wrong_passwords_block_the_key_and_no_other(vault: Vault, pki: Pki, clock: Clock) -> None:
    for _ in range(WRONG_TRIES):
        with pytest.raises(WrongPassword):
            vault.unlock("s1", "leader", "wrong", [FILE], 60)
        clock.now += 10
    with pytest.raises(KeyUnavailable) as refused:
        vault.unlock("s2", "leader", pki.password("leader"), [FILE], 60)
    assert refused.value.code == "throttled"
    vault.unlock("s1", "deputy", pki.password("deputy"), [FILE], 60)
    clock.now += WRONG_BLOCK - 10
    vault.unlock("s1", "leader", pki.password("leader"), [FILE], 60)


def test_wrong_passwords_far_apart_or_followed_by_the_right_one_do_not_block(
    vault: Vault, pki: Pki, clock: Clock
) -> None:
    for _ in range(3 * WRONG_TRIES):
        with pytest.raises(WrongPassword):
            vault.unlock("s1", "leader", "wrong", [FILE], 60)
        clock.now += 226  # five tries take longer than a quarter of an hour
    clock.now += 1000
    for _ in range(3):
        for _ in range(WRONG_TRIES - 1):
            with pytest.raises(WrongPassword):
                vault.unlock("s1", "leader", "wrong", [FILE], 60)
        vault.unlock("s1", "leader", pki.password("leader"), [FILE], 60)


def test_the_agent_is_no_oracle(vault: Vault, pki: Pki, data: bytes) -> None:
    vault.unlock("s1", "leader", pki.password("leader"), [FILE], 60)
    leader, deputy = pki.key("leader"), pki.key("deputy")
    digest = hashlib.sha256(b"x").digest()
    parsed = cms.CMSAttributes.load(data)
    members = sorted(attribute.dump() for attribute in parsed)
    unknown = {"type": "1.2.3", "values": [cms.ObjectIdentifier("1.2.3")]}
    unfit = {
        "text": b"Toi dong y ban nha",
        "empty": b"",
        "certificate": leader.certificate,
        "time-stamp": attributes(digest, leader.certificate, scheme(leader), content="tst_info"),
        "another signer's": attributes(digest, deputy.certificate, scheme(deputy)),
        "bytes behind": data + b"\x00",
        "short digest": attributes(b"x" * 20, leader.certificate, scheme(leader)),
        "one missing": cms.CMSAttributes([a for a in parsed if a["type"].native != "signing_certificate_v2"]).dump(),
        "one twice": cms.CMSAttributes([*parsed, parsed[0]]).dump(),
        "one unknown": cms.CMSAttributes([*parsed, unknown]).dump(),
        "not in order": data[: len(data) - len(b"".join(members))] + b"".join(reversed(members)),
    }
    for what, raw in unfit.items():
        with pytest.raises(ValueRejected) as refused:
            vault.sign("s1", "leader", FILE, raw, "sha256")
        assert refused.value.code == "not_attributes", what
    with pytest.raises(ValueRejected):
        vault.sign("s1", "leader", FILE, data, "sha512")
    require_attributes(data, "sha256", leader.certificate)


def test_killed_and_started_again_everything_is_locked(pki: Pki, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "agent.sock"
    client = AgentClient(path)
    agent = start(pki, path)
    client.unlock("s1", "leader", pki.password("leader"), [FILE])
    assert client.sign("s1", "leader", FILE, data, digest="sha256")
    assert end(agent, signal.SIGKILL) == -signal.SIGKILL
    assert client.ping() is False
    with pytest.raises(KeyUnavailable) as refused:
        client.sign("s1", "leader", FILE, data, digest="sha256")
    assert refused.value.code == "agent_gone"
    agent = start(pki, path)  # takes the place of the socket left behind
    assert client.ping()
    with pytest.raises(KeyUnavailable) as refused:
        client.sign("s1", "leader", FILE, data, digest="sha256")
    assert refused.value.code == "not_unlocked"
    assert end(agent) == 0
    assert not path.exists()


def test_many_ask_at_once_and_nobody_is_turned_away(running: SimpleNamespace) -> None:
    together = threading.Barrier(64)
    faults: list[Exception] = []

    def ask() -> None:
        together.wait()
        try:
            for _ in range(5):
                running.client.status("s")
        except SigningError as error:
            faults.append(error)

    threads = [threading.Thread(target=ask) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_errors_cross_the_socket_with_their_kind(running: SimpleNamespace, pki: Pki, data: bytes) -> None:
    with pytest.raises(WrongPassword) as wrong:
        running.client.unlock("s1", "leader", "wrong", [FILE])
    assert wrong.value.code == "wrong_password"
    with pytest.raises(KeyUnavailable, match="key_missing"):
        running.client.unlock("s1", "nobody", "x", [FILE])
    with pytest.raises(SigningError, match="bad_request"):
        running.client.unlock("s1", "leader", "x", [FILE], seconds=901)
    running.client.unlock("s1", "leader", pki.password("leader"), [FILE], seconds=900)
    assert running.client.status("s1")[0]["key_id"] == "leader"
    assert running.client.status("s2") == []
    with pytest.raises(ValueRejected):
        running.client.sign("s1", "leader", FILE, b"rubbish", digest="sha256")
    assert running.client.lock("s1") == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x00\x00\x02[]",
        b"\x00\x00\x00\x03{}}",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x01",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\x00\x00\x15" + b'{"call":"unlock","x":',
        b"\x00\x01\x86\xa0" + b"[" * 100_000,
    ],
)
def test_rubbish_does_not_end_the_agent(running: SimpleNamespace, raw: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(str(running.path))
        line.sendall(raw)
        line.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):  # what it did not care to read
            assert line.recv(10) == b""
    assert running.client.ping()


@pytest.mark.parametrize(
    "facts",
    [
        {"call": "fly", "session": "s"},
        {"call": "sign", "session": 1},
        {"call": "sign", "session": "s", "key_id": "leader", "file_sha256": FILE, "data": "???", "digest": "sha256"},
        {"call": "unlock", "session": "s", "key_id": "leader", "password": "x", "hashes": FILE, "seconds": 5},
        {"call": "unlock", "session": "s", "key_id": "leader", "password": "x", "hashes": [1], "seconds": 5},
        {"call": "unlock", "session": "s", "key_id": "leader", "password": "x", "hashes": [FILE], "seconds": True},
        {},
    ],
)
def test_malformed_calls_are_refused(running: SimpleNamespace, facts: dict[str, object]) -> None:
    call = str(facts.pop("call", ""))
    with pytest.raises(SigningError, match="bad_request"):
        running.client._call(call, **facts)


def test_the_socket_is_the_owner_s_alone_and_memory_is_not_dumped(running: SimpleNamespace) -> None:
    assert stat.S_IMODE(running.path.stat().st_mode) == 0o600
    limits = Path(f"/proc/{running.process.pid}/limits").read_text()
    core = next(line.split() for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core[4:6] == ["0", "0"]
    code = "import ctypes; from signing.agent import harden; harden(); print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"  # PR_GET_DUMPABLE


def test_a_second_agent_does_not_take_the_socket_of_a_living_one(running: SimpleNamespace, pki: Pki) -> None:
    with pytest.raises(KeyUnavailable) as refused:
        serve(running.path, pki.keys_dir)
    assert refused.value.code == "agent_running"
    assert running.client.ping()


def test_another_user_is_turned_away(pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from signing import agent

    with agent._Server(tmp_path / "a.sock", Vault(pki.keys_dir)) as server:
        line = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        assert server.verify_request(line[0], None)
        monkeypatch.setattr("signing.agent.os.getuid", lambda: os.geteuid() + 1)
        assert not server.verify_request(line[0], None)
        for end_ in line:
            end_.close()


def test_the_client_is_light() -> None:
    code = (
        "import signing.agent, sys; print([m for m in ('cryptography', 'asn1crypto', 'pyhanko') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def own_vault(pki: Pki, clock: Clock, tmp_path: Path) -> Vault:
    """A vault whose keys may be changed."""
    shutil.copytree(pki.keys_dir, tmp_path / "keys")
    return Vault(tmp_path / "keys", clock)


NEW = "mật khẩu mới lắm"


def test_a_new_password_closes_the_key_everywhere_and_opens_it_from_now_on(
    own_vault: Vault, pki: Pki, data: bytes
) -> None:
    old = pki.password("leader")
    for session in ("s1", "s2"):
        own_vault.unlock(session, "leader", old, [FILE], 60)
    own_vault.unlock("s1", "deputy", pki.password("deputy"), [FILE], 60)
    assert own_vault.change_password("s1", "leader", old, NEW) == 2
    for session in ("s1", "s2"):
        with pytest.raises(KeyUnavailable, match="not_unlocked"):
            own_vault.sign(session, "leader", FILE, data, "sha256")
    assert [one["key_id"] for one in own_vault.status("s1")] == ["deputy"]
    with pytest.raises(WrongPassword):
        own_vault.unlock("s1", "leader", old, [FILE], 60)
    own_vault.unlock("s1", "leader", NEW, [FILE], 60)
    assert own_vault.sign("s1", "leader", FILE, data, "sha256")


def test_a_wrong_old_password_counts_like_a_wrong_unlock(own_vault: Vault, pki: Pki, clock: Clock) -> None:
    for number in range(WRONG_TRIES):
        with pytest.raises(WrongPassword):
            if number % 2:
                own_vault.unlock("s1", "leader", "wrong", [FILE], 60)
            else:
                own_vault.change_password("s1", "leader", "wrong", NEW)
    for deed in (
        lambda: own_vault.change_password("s1", "leader", pki.password("leader"), NEW),
        lambda: own_vault.unlock("s1", "leader", pki.password("leader"), [FILE], 60),
    ):
        with pytest.raises(KeyUnavailable, match="throttled"):
            deed()
    clock.now += WRONG_BLOCK
    own_vault.change_password("s1", "leader", pki.password("leader"), NEW)


def test_pressed_twice_it_is_changed_once_and_nobody_else_learns_so(own_vault: Vault, pki: Pki) -> None:
    old = pki.password("leader")
    assert own_vault.change_password("s1", "leader", old, NEW) == 0
    assert own_vault.change_password("s1", "leader", old, NEW) == 0
    for session, new in (("s1", "something else"), ("s2", NEW)):
        with pytest.raises(WrongPassword):
            own_vault.change_password(session, "leader", old, new)


@pytest.mark.parametrize(("session", "key_id", "new"), [("", "leader", NEW), ("s1", "../leader", NEW), ("s1", "a", "")])
def test_a_new_password_is_asked_for_a_key_by_its_name(own_vault: Vault, session: str, key_id: str, new: str) -> None:
    with pytest.raises(SigningError, match="bad_request"):
        own_vault.change_password(session, key_id, "x", new)


def test_the_agent_itself_changes_it(own_vault: Vault, pki: Pki, tmp_path: Path) -> None:
    place = SimpleNamespace(keys_dir=own_vault.keys)
    agent = start(place, tmp_path / "agent.sock")  # type: ignore[arg-type]
    try:
        client = AgentClient(tmp_path / "agent.sock")
        client.unlock("s2", "leader", pki.password("leader"), [FILE])
        assert client.change_password("s1", "leader", pki.password("leader"), NEW) == 1
        assert client.status("s2") == []
        assert client.unlock("s1", "leader", NEW, [FILE]) == LONGEST_UNLOCK
    finally:
        end(agent)

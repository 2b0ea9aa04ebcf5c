"""Keys of every kind in the agent: on a token (SoftHSM 2), with a signing service on loopback, as files; same rules."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PublicFormat, pkcs12

from signing import apart, keyfolder
from signing.agent import WRONG_TRIES, AgentClient, AgentKey, Vault, main
from signing.container import attributes, scheme
from signing.errors import Expired, KeyUnavailable, SigningError, ValueRejected, WrongPassword, WrongPin
from signing.keys import Signer
from signing.pki import RECIPE, Holder, Pki, raise_pki
from signing.results import Verdict
from signing.sign import Request, sign
from signing.verify import verify
from tests.support.csc import RemoteService
from tests.support.tokens import FEW, FINAL, LOCKED, PIN, WRONG, Drawer
from tests.support.wait import until

NAMES = ("rsa2048", "p256", "p384")
TOKEN, SERVICE_PIN = "the-access-token-4711", "pin-4711-canary"
FILES = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(3)]
CERTIFY = Request("leader", kind="certification")


class Clock:
    """Seconds that go on when told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, at: datetime) -> Pki:
    pki = raise_pki(RECIPE, tmp_path_factory.mktemp("people"), at=at, key="p256", rounds=1000)
    pki.issue([Holder(name, f"Lê Thị {name}", "Sở Tài chính", overrides={"key": name}) for name in NAMES], at=at)
    pki.renew_crls(at=at)
    return pki


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    return tmp_path / "keys"


@pytest.fixture
def describe(keys: Path, people: Pki) -> Callable[..., None]:
    """Write NAME.toml, and beside it the certificate of somebody."""

    def write(name: str, of: str, **facts: object) -> None:
        # the strings of JSON are strings of TOML
        (keys / f"{name}.toml").write_text("".join(f"{key} = {json.dumps(facts[key])}\n" for key in facts))
        shutil.copy(people.keys_dir / f"{of}.crt", keys / f"{name}.crt")

    return write


@pytest.fixture
def drawer(softhsm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drawer:
    found = Drawer.make(softhsm, tmp_path)
    monkeypatch.setenv("SOFTHSM2_CONF", str(found.conf))
    return found


@pytest.fixture
def hsm(drawer: Drawer, people: Pki, describe: Callable[..., None]) -> Drawer:
    """One HSM with a key each for three people, described in the folder."""
    drawer.token({number: people.key(name)._private for number, name in enumerate(NAMES, 1)})
    for number, name in enumerate(NAMES, 1):
        describe(name, name, kind="pkcs11", address=drawer.address(number))
    return drawer


@pytest.fixture
def vault(keys: Path) -> Iterator[Vault]:
    found = Vault(keys, Clock())
    yield found
    found.forget_all()


@pytest.fixture
def remote(people: Pki) -> RemoteService:
    return RemoteService({name: people.key(name) for name in NAMES}, token=TOKEN, pin=SERVICE_PIN, otps=None)


@pytest.fixture
def service(remote: RemoteService, keys: Path, describe: Callable[..., None], tmp_path: Path) -> Iterator[str]:
    """The service over TLS, with a key described in the folder; gives its address."""
    with remote.secured(tmp_path) as (url, root):
        token = keys / "access-token"
        token.write_text(TOKEN + "\n")
        token.chmod(0o600)
        for name in NAMES:
            describe(
                name, name, kind="csc", url=url, credential=name, access_token="access-token",
                root=os.path.relpath(root, keys),
            )  # fmt: skip
        yield url


@contextmanager
def running(keys: Path, path: Path) -> Iterator[tuple[AgentClient, subprocess.Popen[str]]]:
    """An agent of its own."""
    command = [sys.executable, "-m", "signing.agent", "--socket", str(path), "--keys", str(keys)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline().strip() == str(path)
        ended = False
        try:
            yield AgentClient(path), agent
            ended = agent.poll() is not None
        finally:
            agent.terminate()
        assert ended or agent.wait(timeout=20) == 0


def asked(people: Pki, name: str, *, pss: bool = False) -> bytes:
    """Signed attributes for somebody."""
    who = Signer(people.certificate(name), pss=pss)
    how = scheme(who)
    return attributes(hashlib.new(how.digest, b"letter").digest(), who.certificate, how)


def refusal(do: Callable[..., Any], *arguments: Any, **more: Any) -> SigningError:
    with pytest.raises(SigningError) as refused:
        do(*arguments, **more)
    return refused.value


def children(number: int) -> set[int]:
    """Processes that a process started."""
    found: set[int] = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it is over
        if int(fields[1]) == number and fields[0] != "Z":
            found.add(int(path.parent.name))
    return found


# on a token


@pytest.mark.parametrize(("name", "pss"), [("rsa2048", False), ("rsa2048", True), ("p256", False), ("p384", False)])
def test_two_documents_are_signed_on_a_token_after_one_unlock(
    name: str, pss: bool, hsm: Drawer, vault: Vault, keys: Path, people: Pki, draft: bytes, at: datetime, tmp_path: Path
) -> None:
    if pss:
        with (keys / f"{name}.toml").open("a") as description:
            description.write("pss = true\n")
    files = {hashlib.sha256(pdf).hexdigest(): pdf for pdf in (draft, draft + b"\n")}
    with running(keys, tmp_path / "agent.sock") as (client, _agent):
        client.unlock("s", name, PIN, files)
        for digest, pdf in files.items():
            key = AgentKey(client, "s", name, digest, people.certificate(name), people.chain(name))
            found = verify(sign(pdf, key, CERTIFY, people.trust(), at=at).pdf, people.trust(), at=at)
            assert found.verdict is Verdict.PASSED
            assert ("PSS" in found.signatures[0].algorithm) == pss
        assert client.lock("s") == 1
        assert refusal(key.sign, b"x", digest="sha256").code == "not_unlocked"


def test_a_key_is_told_by_its_parts(drawer: Drawer, vault: Vault, people: Pki, describe: Callable[..., None]) -> None:
    drawer.token({0xA1: people.key("p256")._private})
    module = str(drawer.module)
    describe("by-parts", "p256", kind="pkcs11", module=module, token="An Bình", id="a1")
    describe("alone", "p256", kind="pkcs11", module=module)
    describe("another-number", "p256", kind="pkcs11", module=module, id="02")
    describe("another-token", "p256", kind="pkcs11", module=module, token="Khác")
    describe("another-person", "p384", kind="pkcs11", module=module)
    describe("no-module", "p256", kind="pkcs11", module="/nowhere.so")
    for name in ("by-parts", "alone"):
        vault.unlock("s", name, PIN, FILES, 60)
        assert vault.sign("s", name, FILES[0], asked(people, "p256"), "sha256")
    for name, code in (
        ("another-number", "key_missing"),
        ("another-token", "token_missing"),
        ("another-person", "key_certificate_mismatch"),
        ("no-module", "token_module_missing"),
    ):
        assert refusal(vault.unlock, "s", name, PIN, FILES, 60).code == code


def test_of_several_keys_none_is_guessed(hsm: Drawer, vault: Vault, describe: Callable[..., None]) -> None:
    describe("any", "p256", kind="pkcs11", module=str(hsm.module))
    assert refusal(vault.unlock, "s", "any", PIN, FILES, 60).code == "key_ambiguous"


def test_a_wrong_pin_is_tried_once_told_counted_and_blocked(
    hsm: Drawer, keys: Path, people: Pki, tmp_path: Path
) -> None:
    with running(keys, tmp_path / "agent.sock") as (client, _agent):
        for _ in range(WRONG_TRIES):
            hsm.flags = 0
            wrong = refusal(client.unlock, "s", "p256", WRONG, FILES)
            assert (type(wrong), wrong.code) == (WrongPin, "wrong_pin")
            assert isinstance(wrong, WrongPassword)
            assert "PIN" in wrong.sentence("vi")
            assert WRONG not in str(wrong)
            assert hsm.flags == FEW  # SoftHSM notes every wrong try so
            assert client.status("s") == []
        hsm.flags = 0
        assert refusal(client.unlock, "s", "p256", WRONG, FILES).code == "throttled"
        assert hsm.flags == 0, "a blocked key's token is not asked"
        client.unlock("s", "p384", PIN, FILES)


@pytest.mark.parametrize(("flags", "code", "left"), [(FINAL, "pin_final_try", 1), (LOCKED, "pin_locked", 0)])
def test_the_last_try_is_left_to_its_holder(
    flags: int, code: str, left: int, hsm: Drawer, keys: Path, tmp_path: Path
) -> None:
    hsm.flags = flags
    with running(keys, tmp_path / "agent.sock") as (client, _agent):
        for pin in (WRONG, PIN):
            wrong = refusal(client.unlock, "s", "p256", pin, FILES)
            assert isinstance(wrong, WrongPin)
            assert (wrong.code, wrong.left) == (code, left)
            assert hsm.flags == flags, "it was not tried"


def test_two_people_and_two_windows_at_one_hsm(hsm: Drawer, vault: Vault, people: Pki) -> None:
    desks = [("s1", "p256"), ("s2", "p256"), ("s3", "p384"), ("s3", "rsa2048")]
    for session, name in desks:
        vault.unlock(session, name, PIN, FILES, 60)
    wrong = refusal(vault.unlock, "s4", "p384", WRONG, FILES, 60)
    assert isinstance(wrong, WrongPin), "while others have it open the driver would let any PIN pass"
    faults: list[BaseException] = []
    values: list[bytes] = []

    def work(session: str, name: str) -> None:
        digest = "sha384" if name == "p384" else "sha256"
        try:
            for turn in range(6):
                values.append(vault.sign(session, name, FILES[turn % 3], asked(people, name), digest))
        except SigningError as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=desk) for desk in desks * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (faults, len(values)) == ([], 48)
    assert vault.lock("s1") == 1
    assert vault.sign("s2", "p256", FILES[0], asked(people, "p256"), "sha256"), "the other window's is still open"


def test_pulled_out_in_mid_batch_and_plugged_in_again(hsm: Drawer, vault: Vault, people: Pki) -> None:
    data = asked(people, "p256")
    vault.unlock("s", "p256", PIN, FILES, 60)
    assert vault.sign("s", "p256", FILES[0], data, "sha256")
    hsm.pull_out()
    for file in FILES[1:]:
        lost = refusal(vault.sign, "s", "p256", file, data, "sha256")
        assert (type(lost), lost.code) == (KeyUnavailable, "token_gone")
    assert vault.status("s") == [], "so that the PIN is asked for again"
    assert refusal(vault.unlock, "s", "p256", PIN, FILES, 60).code == "token_missing"
    hsm.plug_in()
    assert refusal(vault.sign, "s", "p256", FILES[1], data, "sha256").code == "token_gone", "not without a new unlock"
    vault.unlock("s", "p256", PIN, FILES[1:], 60)
    for file in FILES[1:]:
        assert vault.sign("s", "p256", file, data, "sha256")


def test_a_token_that_hangs_holds_nobody_else(
    hsm: Drawer, vault: Vault, people: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_FAREWELL", 0.1)
    vault.unlock("s", "p256", PIN, FILES, 60)
    vault.unlock("s", "p384", PIN, FILES, 60)
    key = vault._open["s", "p256"].key
    assert isinstance(key, apart.ApartKey)
    assert key.process.pid is not None
    os.kill(key.process.pid, signal.SIGSTOP)
    key._patience = 0.2
    assert refusal(vault.sign, "s", "p256", FILES[0], asked(people, "p256"), "sha256").code == "token_gone"
    assert vault.sign("s", "p384", FILES[0], asked(people, "p384"), "sha384")
    vault.lock("s", "p256")
    until(lambda: key.process.exitcode is not None, what="the stopped process is ended by force")
    vault.unlock("s", "p256", PIN, FILES, 60)
    assert vault.sign("s", "p256", FILES[0], asked(people, "p256"), "sha256")


def test_time_over_and_lock_end_the_process(hsm: Drawer, vault: Vault, people: Pki) -> None:
    data = asked(people, "p256")
    for end in ("time", "lock", "another unlock"):
        vault.unlock("s", "p256", PIN, FILES, 60)
        key = vault._open["s", "p256"].key
        assert isinstance(key, apart.ApartKey)
        assert vault.sign("s", "p256", FILES[0], data, "sha256")
        if end == "time":
            vault.clock.now += 60  # type: ignore[attr-defined]
            assert isinstance(refusal(vault.sign, "s", "p256", FILES[0], data, "sha256"), Expired)
        elif end == "lock":
            vault.lock("s")
        else:
            vault.unlock("s", "p256", PIN, FILES, 60)
        until(lambda held=key: held.process.exitcode == 0, what=end)  # type: ignore[misc]
        assert refusal(key.sign, b"x", digest="sha256").code == "token_gone"


def test_an_agent_that_is_killed_takes_its_tokens_along(hsm: Drawer, keys: Path, tmp_path: Path) -> None:
    with running(keys, tmp_path / "agent.sock") as (client, agent):
        client.unlock("s", "p256", PIN, FILES)
        held = children(agent.pid)
        assert held
        for child in held:
            assert PIN not in Path(f"/proc/{child}/cmdline").read_bytes().decode()
        cores = [Path(f"/proc/{child}/limits").read_text().partition("Max core file size")[2] for child in held]
        assert ["0", "0"] in [core.split()[:2] for core in cores], "what holds the token leaves no core behind"
        agent.kill()
        agent.wait()
    until(lambda: not any(Path(f"/proc/{child}/exe").exists() for child in held))


# with a signing service


@pytest.mark.parametrize(("name", "pss"), [("rsa2048", False), ("rsa2048", True), ("p256", False), ("p384", False)])
def test_two_documents_are_signed_by_a_service_after_one_unlock(
    name: str, pss: bool, service: str, remote: RemoteService, keys: Path, people: Pki, draft: bytes, at: datetime,
    tmp_path: Path,
) -> None:  # fmt: skip
    if pss:
        with (keys / f"{name}.toml").open("a") as description:
            description.write("pss = true\n")
    files = {hashlib.sha256(pdf).hexdigest(): pdf for pdf in (draft, draft + b"\n")}
    with running(keys, tmp_path / "agent.sock") as (client, _agent):
        client.unlock("s", name, SERVICE_PIN, files)
        assert remote.calls == ["credentials/info", "credentials/authorize"], "the PIN is looked at, nothing is signed"
        for digest, pdf in files.items():
            key = AgentKey(client, "s", name, digest, people.certificate(name), people.chain(name))
            found = verify(sign(pdf, key, CERTIFY, people.trust(), at=at).pdf, people.trust(), at=at)
            assert found.verdict is Verdict.PASSED
            assert ("PSS" in found.signatures[0].algorithm) == pss


def test_a_wrong_pin_of_a_service_is_found_at_the_unlock(
    service: str, remote: RemoteService, keys: Path, tmp_path: Path
) -> None:
    with running(keys, tmp_path / "agent.sock") as (client, _agent):
        for tries in range(1, WRONG_TRIES + 1):
            wrong = refusal(client.unlock, "s", "p256", "not-it", FILES)
            assert (type(wrong), wrong.code) == (WrongPin, "wrong_pin")
            assert remote.wrong_pins == tries
        assert refusal(client.unlock, "s", "p256", SERVICE_PIN, FILES).code == "throttled"
        assert isinstance(refusal(client.unlock, "s", "p384", "", FILES), WrongPin)
    assert remote.wrong_pins == WRONG_TRIES


def test_a_pin_that_turns_wrong_in_mid_batch_is_tried_by_one_item_alone(
    service: str, remote: RemoteService, vault: Vault, people: Pki
) -> None:
    data = asked(people, "p256")
    vault.unlock("s", "p256", SERVICE_PIN, FILES, 60)
    assert vault.sign("s", "p256", FILES[0], data, "sha256")
    remote.pin = "changed-meanwhile"
    for file in FILES[1:] * 2:
        assert isinstance(refusal(vault.sign, "s", "p256", file, data, "sha256"), WrongPin)
    assert remote.wrong_pins == 1
    assert vault.status("s") == []
    vault.unlock("s", "p256", "changed-meanwhile", FILES, 60)
    assert vault.sign("s", "p256", FILES[1], data, "sha256")


def test_a_service_that_is_down_for_a_moment(
    remote: RemoteService, keys: Path, describe: Callable[..., None], vault: Vault, people: Pki, tmp_path: Path
) -> None:
    data = asked(people, "p256")
    (keys / "access-token").write_text(TOKEN)
    (keys / "access-token").chmod(0o600)
    with remote.secured(tmp_path) as (url, root):
        facts = {"url": url, "credential": "p256", "access_token": "access-token", "root": str(root)}
        describe("p256", "p256", kind="csc", **facts)
        vault.unlock("s", "p256", SERVICE_PIN, FILES, 60)
        assert vault.sign("s", "p256", FILES[0], data, "sha256")
    down = refusal(vault.sign, "s", "p256", FILES[1], data, "sha256")
    assert (type(down), down.code) == (KeyUnavailable, "service_down")
    assert refusal(vault.unlock, "s2", "p256", SERVICE_PIN, FILES, 60).code == "service_down"
    with remote.secured(tmp_path, int(url.split(":")[2].split("/")[0])):
        assert vault.sign("s", "p256", FILES[1], data, "sha256"), "it goes on by itself once the service is back"


@pytest.mark.parametrize("method", ["credentials/info", "credentials/authorize", "signatures/signHash"])
@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"\xff\xfe", b'{"SAD": 7, "signatures": ["AAAA"]}'])
def test_garbage_is_told_as_garbage_and_signs_nothing(
    method: str, raw: bytes, service: str, remote: RemoteService, vault: Vault, people: Pki
) -> None:
    def work() -> None:
        vault.unlock("s", "p256", SERVICE_PIN, FILES, 60)
        vault.sign("s", "p256", FILES[0], asked(people, "p256"), "sha256")

    honest = remote.spoil
    remote.spoil = lambda called, answer: raw if called == method else honest(called, answer)
    told = refusal(work)
    assert type(told) in (KeyUnavailable, ValueRejected)
    assert told.code in ("service_rubbish", "value_wrong")
    remote.spoil = honest
    work()


def test_a_service_that_says_nothing_holds_nobody_else(
    service: str, remote: RemoteService, keys: Path, vault: Vault, people: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder waits; locking, other keys and the clock of the agent do not, and what comes too late is not used."""
    honest, silent, spoken = remote.spoil, threading.Event(), threading.Event()

    def keep(called: str, answer: dict[str, Any]) -> bytes:
        silent.set()
        assert spoken.wait(30)
        return honest(called, answer)

    for ending in (".key", ".crt"):
        shutil.copy(people.keys_dir / f"leader{ending}", keys)
    data, outcome = asked(people, "p256"), []
    vault.unlock("s", "p256", SERVICE_PIN, FILES, 60)
    vault.unlock("s", "leader", people.password("leader"), FILES, 60)
    remote.spoil = keep
    thread = threading.Thread(
        target=lambda: outcome.append(refusal(vault.sign, "s", "p256", FILES[0], data, "sha256"))
    )
    thread.start()
    assert silent.wait(30)
    assert vault.sign("s", "leader", FILES[0], asked(people, "leader"), "sha256")
    vault.unlock("s2", "leader", people.password("leader"), FILES, 60)
    vault.forget()
    assert vault.lock("s", "p256") == 1
    spoken.set()
    thread.join(30)
    assert [one.code for one in outcome] == ["not_unlocked"]


def test_a_service_that_never_answers_is_left(
    keys: Path, describe: Callable[..., None], vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyfolder, "SERVICE_TIMEOUT", 0.2)
    (keys / "access-token").write_text(TOKEN)
    (keys / "access-token").chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/csc/v1"
        describe("p256", "p256", kind="csc", url=url, credential="p256", access_token="access-token")
        assert refusal(vault.unlock, "s", "p256", SERVICE_PIN, FILES, 60).code == "service_down"


def test_what_stands_against_a_service_s_key_is_told(
    service: str, remote: RemoteService, keys: Path, describe: Callable[..., None], vault: Vault, tmp_path: Path
) -> None:
    def code() -> str:
        return refusal(vault.unlock, "s", "p256", SERVICE_PIN, FILES, 60).code

    facts = {"url": service, "credential": "p256", "access_token": "access-token"}
    describe("p256", "p256", kind="csc", **facts)
    assert code() == "service_down", "its root is not one of the system's"
    assert remote.calls == [], "and nothing was told it"
    describe("p256", "p384", kind="csc", **facts, root=str(tmp_path / "service-root.pem"))
    assert code() == "key_certificate_mismatch"
    describe("p256", "p256", kind="csc", **facts, root=str(tmp_path / "service-root.pem"))
    remote.otps = {"1"}
    assert code() == "otp_asked"
    remote.otps, remote.pin = None, ""
    assert code() == "pin_not_asked"
    remote.pin, remote.token = SERVICE_PIN, "another"
    assert code() == "service_refused"
    remote.token = TOKEN
    (keys / "access-token").chmod(0o640)
    assert code() == "access_token_open"
    assert {one["name"]: one["fault"] for one in vault.held()}["p256"] == "access_token_open"
    (keys / "access-token").chmod(0o600)
    vault.unlock("s", "p256", SERVICE_PIN, FILES, 60)


# what the folder holds


WRONG_DESCRIPTIONS = (
    "",
    "kind = ",
    'kind = "smart"',
    "kind = 7",
    'kind = "pkcs11"',
    'kind = "pkcs11"\naddress = "pkcs11:token=x"',
    'kind = "pkcs11"\naddress = "pkcs11:token=x?module-path=/x.so"\ntoken = "y"',
    'kind = "pkcs11"\nmodule = "/x.so"\npin = "1234"',
    'kind = "pkcs11"\nmodule = "/x.so"\nid = "xyz"',
    'kind = "pkcs11"\nmodule = "/x.so"\npss = "yes"',
    'kind = "csc"\nurl = "https://a.example"\ncredential = "x"',
    'kind = "csc"\nurl = "https://a.example"\ncredential = "x"\ntoken = "secret"',
    'kind = "csc"\nurl = "http://a.example"\ncredential = "x"\naccess_token = "t"',
    'kind = "csc"\nurl = "https://a.example"\ncredential = "x"\naccess_token = "none"',
    'kind = "csc"\nurl = "https://a.example"\ncredential = "x"\naccess_token = "t"\nroot = "none"',
    'kind = "csc"\nurl = "https://a.example"\ncredential = ""\naccess_token = "t"',
)


@pytest.mark.parametrize("text", WRONG_DESCRIPTIONS)
def test_a_description_that_is_none_is_refused(text: str, vault: Vault, keys: Path, people: Pki) -> None:
    (keys / "t").write_text(TOKEN)
    (keys / "t").chmod(0o600)
    (keys / "x.toml").write_text(text)
    shutil.copy(people.keys_dir / "p256.crt", keys / "x.crt")
    assert refusal(vault.unlock, "s", "x", PIN, FILES, 60).code == "key_description_wrong"
    assert vault.held()[0]["fault"] == "key_description_wrong"


def test_every_key_is_told_without_secret_or_path(
    hsm: Drawer, keys: Path, people: Pki, describe: Callable[..., None], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (keys / "access-token").write_text(TOKEN)
    (keys / "access-token").chmod(0o600)
    facts = {"url": "https://sign.example/csc/v1", "credential": "p384", "access_token": "access-token"}
    describe("p384", "p384", kind="csc", **facts)
    for ending in (".key", ".crt"):
        shutil.copy(people.keys_dir / f"leader{ending}", keys)
    private = people.key("deputy")._private
    assert private is not None
    own = x509.load_der_x509_certificate(people.certificate("deputy"))
    sealed = pkcs12.serialize_key_and_certificates(b"x", private, own, None, BestAvailableEncryption(b"x"))  # type: ignore[arg-type]
    for name in ("bag", "bag-with"):
        (keys / f"{name}.p12").write_bytes(sealed)
    shutil.copy(people.keys_dir / "deputy.crt", keys / "bag-with.crt")
    (keys / "Not a Name.key").write_bytes(b"x")
    (keys / "lonely.crt").write_bytes(b"x")
    (keys / "bare.key").write_bytes(b"x")
    with running(keys, tmp_path / "agent.sock") as (client, _agent):
        found = client.keys()
    assert {one["name"]: one["kind"] for one in found} == {
        "bag": "file", "bag-with": "file", "bare": "file", "leader": "file",
        "p256": "pkcs11", "p384": "csc", "rsa2048": "pkcs11",
    }  # fmt: skip

    def public(name: str) -> str:
        key = x509.load_der_x509_certificate(people.certificate(name)).public_key()
        return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()

    holders = {"bag-with": "deputy", "leader": "leader", "p256": "p256", "p384": "p384", "rsa2048": "rsa2048"}
    for one in found:
        who = holders.get(one["name"])
        assert one["public_key"] == (public(who) if who else ""), one
        assert one["certificate"] == (hashlib.sha256(people.certificate(who)).hexdigest() if who else ""), one
    assert {one["name"]: one["fault"] for one in found if one["fault"]} == {"bare": "certificate_unreadable"}
    said = json.dumps(found)
    assert not [text for text in (str(tmp_path), TOKEN, str(hsm.module), "sign.example") if text in said]
    assert main(["--list", "--keys", str(keys)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert f"p256\tpkcs11\t{public('p256')}" in lines
    assert [line for line in lines if line.startswith("Not a Name\tfile\t-\tIt cannot be opened by this name")]
    assert [line for line in lines if line.startswith("bare\tfile\t-\tThe signer's certificate cannot be read")]

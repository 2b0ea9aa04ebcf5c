"""Keys at a remote service: signed after PIN and code; every answer is taken for a lie until it is proved."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from signing.csc import RemoteKey, Service
from signing.errors import KeyUnavailable, SigningError, ValueRejected, WrongPassword, WrongPin
from signing.keys import Key
from signing.pki import RECIPE, Holder, Pki, raise_pki
from signing.results import Verdict
from signing.sign import Request, sign
from signing.verify import verify
from tests.support.csc import RemoteService, certified

TOKEN, PIN = "the-access-token-4711", "pin-4711-canary"
CERTIFY = Request("leader", kind="certification")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, at: datetime) -> Pki:
    pki = raise_pki(RECIPE, tmp_path_factory.mktemp("people"), at=at, key="p256", rounds=1000)
    kinds = ("rsa2048", "p384", "ed25519")
    pki.issue([Holder(kind, f"Lê Thị {kind}", "Sở Tài chính", overrides={"key": kind}) for kind in kinds], at=at)
    pki.renew_crls(at=at)
    return pki


@pytest.fixture
def remote(people: Pki) -> RemoteService:
    keys = {name: people.key(name) for name in ("leader", "rsa2048", "p384", "ed25519", "deputy")}
    return RemoteService(keys, token=TOKEN, pin=PIN, otps={"1", "2", "3"})


@pytest.fixture
def service(remote: RemoteService) -> Iterator[Service]:
    with remote.serving() as url:
        yield Service(url, TOKEN, loopback=True, timeout=10)


@pytest.mark.parametrize(("name", "pss"), [("rsa2048", False), ("rsa2048", True), ("leader", False), ("p384", False)])
def test_every_algorithm(
    name: str, pss: bool, service: Service, remote: RemoteService, people: Pki, draft: bytes, at: datetime
) -> None:
    key = service.key(name, pin=PIN, otp="1", pss=pss)
    assert isinstance(key, Key)
    assert (key.certificate, key.chain) == (people.certificate(name), people.chain(name))
    signed = sign(draft, key, CERTIFY, people.trust(), at=at)
    (report,) = verify(signed.pdf, people.trust(), at=at).signatures
    assert report.verdict is Verdict.PASSED
    assert ("PSS" in report.algorithm) == pss
    assert remote.calls == ["credentials/info", "credentials/authorize", "signatures/signHash"]


def test_the_user_s_keys_are_listed_over_several_pages(service: Service, remote: RemoteService) -> None:
    assert service.credentials() == tuple(sorted(remote.keys))
    assert remote.calls == ["credentials/list"] * 3
    found = service.info("leader")
    assert (found.pin, found.otp) == (True, True)
    with pytest.raises(KeyUnavailable, match="Ed25519"):
        service.key("ed25519", pin=PIN)
    with pytest.raises(KeyUnavailable, match="service_refused"):
        service.info("nobody")


def test_a_new_code_is_asked_for_each_signature(service: Service, remote: RemoteService) -> None:
    codes = iter(["1", "2"])
    key = service.key("leader", pin=PIN, otp=lambda: next(codes))
    assert key.sign(b"x", digest="sha256") != key.sign(b"y", digest="sha256")
    once = service.key("leader", pin=PIN, otp="3")
    once.sign(b"x", digest="sha256")
    with pytest.raises(WrongPassword) as refused:  # a code serves once
        once.sign(b"x", digest="sha256")
    assert refused.value.code == "wrong_otp"


def test_a_refused_pin_is_never_tried_again(service: Service, remote: RemoteService) -> None:
    key = service.key("leader", pin="wrong", otp="1")
    for _ in range(5):
        with pytest.raises(WrongPin) as refused:
            key.sign(b"x", digest="sha256")
        assert refused.value.code == "wrong_pin"
    assert remote.wrong_pins == 1


def lies(method: str, change: Callable[[dict[str, Any]], object]) -> Callable[[str, dict[str, Any]], bytes]:
    """Let the service change its answer to one method."""

    def spoil(called: str, answer: dict[str, Any]) -> bytes:
        found = change(answer) if called == method else answer
        return found if isinstance(found, bytes) else json.dumps(found).encode()

    return spoil


@pytest.mark.parametrize(
    "change",
    [
        lambda a: {**a, "signatures": ["AAAA"]},
        lambda a: {**a, "signatures": [""]},
        lambda a: {**a, "signatures": ["A" * 100_000]},
    ],
    ids=range(3),
)
def test_a_value_that_does_not_fit_is_rejected(change: Any, service: Service, remote: RemoteService) -> None:
    remote.spoil = lies("signatures/signHash", change)
    with pytest.raises(ValueRejected):
        service.key("rsa2048", pin=PIN, otp="1").sign(b"x", digest="sha256")


def test_a_value_of_another_key_or_document_is_rejected(service: Service, remote: RemoteService, people: Pki) -> None:
    key = service.key("rsa2048", pin=PIN, otp="1")
    remote.keys = {**remote.keys, "rsa2048": people.key("leader")}
    with pytest.raises(SigningError):
        key.sign(b"x", digest="sha256")
    remote.keys = {**remote.keys, "leader": people.key("deputy")}
    other = RemoteKey(service, service.info("leader"), pin=PIN, otp="2", pss=False)
    remote.keys = {**remote.keys, "leader": people.key("leader")}
    with pytest.raises(ValueRejected):
        other.sign(b"x", digest="sha256")


@pytest.mark.parametrize("method", ["credentials/info", "credentials/authorize", "signatures/signHash"])
@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda _: b"<html>",
        lambda _: b"[]",
        lambda _: b"{}",
        lambda _: b"\xff\xfe",
        lambda _: b"[" * 200_000,
        lambda _: b'{"x":"' + b"x" * 1_100_000 + b'"}',
        lambda a: dict.fromkeys(a, 7),
        lambda a: {name: ["AAAA"] for name in a},
        lambda a: {**a, "cert": {"certificates": []}, "SAD": "", "signatures": []},
        lambda a: {**a, "cert": {"certificates": ["AAAA"]}, "SAD": 7, "signatures": ["!"]},
        lambda a: {**a, "cert": {"certificates": [["x"]]}, "SAD": None, "signatures": [None]},
    ],
    ids=range(12),
)
def test_rubbish_is_told_as_rubbish(method: str, change: Any, service: Service, remote: RemoteService) -> None:
    remote.spoil = lies(method, change)
    with pytest.raises((KeyUnavailable, ValueRejected)):
        service.key("leader", pin=PIN, otp="1").sign(b"x", digest="sha256")


def test_a_list_without_end_is_left(service: Service, remote: RemoteService) -> None:
    remote.spoil = lies("credentials/list", lambda a: {**a, "nextPageToken": "1"})
    with pytest.raises(KeyUnavailable, match="too many"):
        service.credentials()


def test_secrets_show_nowhere(service: Service, remote: RemoteService) -> None:
    told = [repr(service), repr(service.key("leader", pin=PIN, otp="1"))]
    remote.pin = "another"
    errors: list[BaseException] = []
    for call in (
        lambda: service.key("leader", pin=PIN, otp="1").sign(b"x", digest="sha256"),
        lambda: Service(service.url, TOKEN + "x", loopback=True).credentials(),
        lambda: service.call("credentials/authorize", {"credentialID": "nobody", "PIN": PIN}),
    ):
        with pytest.raises(SigningError) as refused:
            call()
        errors.append(refused.value)
    told += ["".join(traceback.format_exception(error)) for error in errors]
    assert PIN not in "".join(told)
    assert TOKEN not in "".join(told)


def test_nothing_but_tls_is_spoken_elsewhere() -> None:
    for url in (
        "http://127.0.0.1/csc/v1",
        "http://service.example/csc/v1",
        "ftp://service.example",
        "https://user:password@service.example",
        "file:///etc/passwd",
        "https://",
    ):
        with pytest.raises(ValueError, match="not an https"):
            Service(url, TOKEN)
    for url in ("http://service.example/csc/v1", "http://127.0.0.1.example/csc/v1", "http://10.0.0.1/"):
        with pytest.raises(ValueError, match="not an https"):
            Service(url, TOKEN, loopback=True)


def test_a_service_whose_certificate_nobody_knows_is_not_told_anything(remote: RemoteService, tmp_path: Path) -> None:
    bare, own = certified()
    (tmp_path / "tls.pem").write_bytes(bare + own)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.pem")
    with remote.serving(context) as url:
        with pytest.raises(KeyUnavailable, match="service_down"):
            Service(url, TOKEN, timeout=5).credentials()
        assert remote.calls == []
        known = ssl.create_default_context(cadata=own.decode())
        assert Service(url, TOKEN, timeout=5, context=known).credentials()


def test_silence_slowness_and_redirects_are_a_service_that_is_down(remote: RemoteService) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/csc/v1"
        with pytest.raises(KeyUnavailable, match="service_down"):
            Service(url, TOKEN, loopback=True, timeout=0.1).credentials()
    with pytest.raises(KeyUnavailable, match="service_down"):
        Service(url, TOKEN, loopback=True, timeout=5).credentials()

    def drip(listening: socket.socket, head: bytes) -> None:
        line, _ = listening.accept()
        with line:
            line.recv(65536)
            line.sendall(head)
            try:
                while head.startswith(b"HTTP/1.1 200"):
                    line.sendall(b" ")
                    threading.Event().wait(0.02)
            except OSError:
                return  # whoever asked has gone

    for head in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
    ):
        with socket.create_server(("127.0.0.1", 0)) as slow:
            threading.Thread(target=drip, args=(slow, head), daemon=True).start()
            begun = time.monotonic()
            url = f"http://127.0.0.1:{slow.getsockname()[1]}/csc/v1"
            with pytest.raises(KeyUnavailable):
                Service(url, TOKEN, loopback=True, timeout=0.5).credentials()
            assert time.monotonic() - begun < 5

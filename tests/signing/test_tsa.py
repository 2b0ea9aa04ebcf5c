"""Time-stamps are those OpenSSL accepts; an authority that errs, lies or is silent is refused by one error."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from asn1crypto import algos, tsp

from signing.errors import TsaDown
from signing.pki import Pki
from signing.tsa import POLICY, REPLY, HttpTsa, LocalTsa, _Response, check_token, request, require_trusted, server

HASH = hashlib.sha256(b"signature value").digest()


@contextmanager
def served(http: ThreadingHTTPServer) -> Iterator[str]:
    """Serve in a thread; gives the address."""
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}/"
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def answering(answer: Callable[[bytes], bytes], *, status: int = 200, location: str = "") -> ThreadingHTTPServer:
    """A server that answers every request as told."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", REPLY)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Answer)


@pytest.mark.usefixtures("openssl")
def test_openssl_accepts_the_answer(pki: Pki, tsa: LocalTsa, tmp_path: Path) -> None:
    (tmp_path / "query").write_bytes(request(HASH, "sha256")[1])
    (tmp_path / "reply").write_bytes(tsa.answer((tmp_path / "query").read_bytes()))
    command = ["openssl", "ts", "-verify", "-queryfile", "query", "-in", "reply"]
    trusted = [
        "-CAfile",
        str(pki.trust_dir / "root.crt"),
        "-untrusted",
        str(pki.trust_dir / "intermediates/issuing.crt"),
    ]
    done = subprocess.run([*command, *trusted], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("openssl")
def test_our_responder_answers_openssl(tsa: LocalTsa, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"data")
    made = subprocess.run(
        ["openssl", "ts", "-query", "-data", "data", "-sha512", "-no_nonce"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    reply = tmp_path / "reply"
    reply.write_bytes(tsa.answer(made.stdout))
    shown = subprocess.run(
        ["openssl", "ts", "-reply", "-in", reply, "-text"], capture_output=True, text=True, check=True
    )
    assert "Status: Granted." in shown.stdout
    assert "Hash Algorithm: sha512" in shown.stdout


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_the_clock_s_time_is_stamped(pki: Pki, at: datetime, algorithm: str) -> None:
    moment = at - timedelta(days=200)
    hashed = hashlib.new(algorithm, b"x").digest()
    token = LocalTsa(pki.key("tsa"), lambda: moment).stamp(hashed, algorithm)
    stamped = check_token(token, hashed, algorithm)
    assert stamped.time == moment
    assert stamped.certificate == pki.certificate("tsa")
    require_trusted(stamped, pki.trust())


def test_over_http_it_is_the_same(tsa: LocalTsa, at: datetime) -> None:
    with served(server(tsa)) as url:
        client = HttpTsa(url, timeout=5)
        first = client.room
        assert check_token(client.stamp(HASH, "sha256"), HASH, "sha256").time == at
        assert client.room < first


def test_the_responder_runs_as_a_process(pki: Pki) -> None:
    command = [sys.executable, "-m", "signing.tsa", "--pki", str(pki.directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert check_token(HttpTsa(url, timeout=5).stamp(HASH, "sha256"), HASH, "sha256").time.year >= 2024
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_bad_requests_are_refused_politely(tsa: LocalTsa) -> None:
    def asked(**changes: object) -> bytes:
        imprint = {"hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}), "hashed_message": HASH}
        return bytes(tsp.TimeStampReq({"version": "v1", "message_imprint": imprint, "nonce": 5, **changes}).dump())

    def answer(query: bytes) -> set[str]:
        found = _Response.load(tsa.answer(query), strict=True)
        assert found["status"]["status"].native == "rejection"
        assert not found["time_stamp_token"].native
        return set(found["status"]["fail_info"].native)

    short = {"hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}), "hashed_message": b"short"}
    sha1 = {"hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha1"}), "hashed_message": b"x" * 20}
    assert answer(b"") == answer(b"rubbish") == answer(asked() + b"\x00") == {"bad_data_format"}
    assert answer(asked(message_imprint=short)) == {"bad_data_format"}
    assert answer(asked(message_imprint=sha1)) == {"bad_alg"}
    assert answer(asked(req_policy="1.2.3.4")) == {"unaccepted_policy"}
    granted = _Response.load(tsa.answer(asked(req_policy=POLICY)))
    assert granted["status"]["status"].native == "granted"


def test_an_unfit_hash_never_leaves_the_house(tsa: LocalTsa) -> None:
    for digest, algorithm in ((b"short", "sha256"), (b"x" * 20, "sha1"), (HASH, "md5")):
        with pytest.raises(ValueError, match="not a hash"):
            tsa.stamp(digest, algorithm)
    with pytest.raises(ValueError, match="not a web address"):
        HttpTsa("file:///etc/passwd")


@pytest.mark.parametrize("name", ["wrong-tsa", "leader", "exchange"])
def test_a_certificate_not_made_for_stamping_is_refused(pki: Pki, at: datetime, name: str) -> None:
    with pytest.raises(TsaDown, match="wrong_usage"):
        LocalTsa(pki.key(name), lambda: at).stamp(HASH, "sha256")


def test_an_authority_out_of_its_time_is_refused(pki: Pki, at: datetime) -> None:
    with pytest.raises(TsaDown, match="certificate_not_yet_valid"):
        LocalTsa(pki.key("tsa"), lambda: at - timedelta(days=1000)).stamp(HASH, "sha256")


def test_an_authority_of_the_same_name_below_another_root_is_not_trusted(pki: Pki, at: datetime) -> None:
    token = LocalTsa(pki.key("rogue-tsa"), lambda: at).stamp(HASH, "sha256")
    with pytest.raises(TsaDown) as refused:
        require_trusted(check_token(token, HASH, "sha256"), pki.trust())
    assert refused.value.code == "timestamp_untrusted"


def test_a_token_for_something_else_is_refused(tsa: LocalTsa) -> None:
    token = tsa.stamp(HASH, "sha256")
    check_token(token, HASH, "sha256")
    other = hashlib.sha256(b"other").digest()
    with pytest.raises(TsaDown, match="another hash"):
        check_token(token, other, "sha256")
    with pytest.raises(TsaDown, match="another request"):
        check_token(token, HASH, "sha256", nonce=1)


def test_no_flipped_bit_of_a_token_gets_through(tsa: LocalTsa, at: datetime) -> None:
    token = tsa.stamp(HASH, "sha256")
    for place in range(0, len(token), 7):
        broken = bytearray(token)
        broken[place] ^= 1 << place % 8
        try:
            stamped = check_token(bytes(broken), HASH, "sha256")
        except TsaDown:
            continue
        # What is left are the certificates of issuers that travel along: they prove nothing here.
        assert (stamped.time, stamped.certificate) == (at, check_token(token, HASH, "sha256").certificate)


def test_a_token_with_a_wrong_value_is_refused(tsa: LocalTsa) -> None:
    token = tsa.stamp(HASH, "sha256")
    for place in range(1, 30):  # the value stands at the end
        broken = bytearray(token)
        broken[-place] ^= 1
        with pytest.raises(TsaDown, match="value_wrong"):
            check_token(bytes(broken), HASH, "sha256")


def test_an_answer_to_another_request_is_refused(tsa: LocalTsa) -> None:
    replayed = tsa.answer(request(HASH, "sha256")[1])
    with served(answering(lambda _: replayed)) as url, pytest.raises(TsaDown, match="another request"):
        HttpTsa(url, timeout=5).stamp(HASH, "sha256")


@pytest.mark.parametrize(
    "raw", [b"", b"<html>", b"0\x03\x02\x01\x00", os.urandom(64), b"0" * 300_000], ids=range(5)
)  # fmt: skip
def test_rubbish_is_an_authority_that_is_down(raw: bytes) -> None:
    with served(answering(lambda _: raw)) as url, pytest.raises(TsaDown):
        HttpTsa(url, timeout=5).stamp(HASH, "sha256")


def test_refusals_errors_and_redirects_are_an_authority_that_is_down(tsa: LocalTsa) -> None:
    refusal = tsa.answer(b"rubbish")
    with served(answering(lambda _: refusal)) as url, pytest.raises(TsaDown, match="refused"):
        HttpTsa(url, timeout=5).stamp(HASH, "sha256")
    with served(answering(lambda _: b"", status=503)) as url, pytest.raises(TsaDown, match="503"):
        HttpTsa(url, timeout=5).stamp(HASH, "sha256")
    with served(server(tsa)) as good:  # noqa: SIM117 - the inner one needs the outer's address
        with served(answering(lambda _: b"", status=302, location=good)) as url, pytest.raises(TsaDown, match="302"):
            HttpTsa(url, timeout=5).stamp(HASH, "sha256")


def test_silence_and_a_closed_door_are_an_authority_that_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(TsaDown, match="timed out"):
            HttpTsa(url, timeout=0.1).stamp(HASH, "sha256")
    with pytest.raises(TsaDown, match="refused"):
        HttpTsa(url, timeout=5).stamp(HASH, "sha256")


def test_the_responder_takes_only_small_time_stamp_queries(tsa: LocalTsa) -> None:
    import http.client

    query = request(HASH, "sha256")[1]
    with served(server(tsa)) as url:
        for body, kind in ((query, "text/plain"), (b"x" * 9000, "application/timestamp-query")):
            line = http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=5)
            line.request("POST", "/", body, {"Content-Type": kind})
            assert line.getresponse().status == 400
            line.close()

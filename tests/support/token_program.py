"""The program of a token on loopback, for tests: what docs/tokens.md asks of one, with a PIN typed by the test."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from signing.agent import require_attributes
from signing.errors import KeyUnavailable, SigningError
from signing.keys import SoftKey
from signing.pkcs11 import Token, TokenKey


class TokenProgram:
    """A token behind one loopback address.

    Args:
        module: PKCS#11 module; origin: the office it was set up for; pin: what its user types.
        before: called before each signature, such as to pull the token out.
    """

    def __init__(self, module: Path, *, origin: str, pin: str) -> None:
        self.module, self.origin, self.pin = module, origin, pin
        self.before: list[Any] = []
        self.asked: list[dict[str, str]] = []
        self._token: Token | None = None
        self._keys: dict[str, TokenKey] = {}

    def sign(self, asked: dict[str, str]) -> bytes:
        self.asked.append(asked)
        for deed in self.before:
            deed()
        if self._token is None:
            self._token = Token.open(self.module, self.pin)
        held = {hashlib.sha256(der).hexdigest(): der for der in self._token.certificates}
        if asked["certificate"] not in held:
            raise KeyUnavailable("key_missing")
        certificate, data = held[asked["certificate"]], base64.b64decode(asked["data"])
        require_attributes(data, asked["digest"], certificate)
        if asked["certificate"] not in self._keys:
            self._keys[asked["certificate"]] = self._token.key(certificate, pss=asked["mechanism"] == "pss")
        try:
            return self._keys[asked["certificate"]].sign(data, digest=asked["digest"])
        except KeyUnavailable:
            self.forget()
            raise

    def forget(self) -> None:
        """Close the token: the next signature asks the PIN again."""
        token, self._token = self._token, None
        self._keys.clear()
        if token is not None:
            token.close()


def load(module: Path, folder: Path, key: SoftKey, *, pin: str, label: str = "Ký số") -> None:
    """Put a key with its certificate on a new token of SoftHSM, whose drawer SOFTHSM2_CONF names."""
    import pkcs11

    from tests.signing.test_pkcs11 import store

    assert key._private is not None
    pem = folder / f"{label}.pem"
    pem.write_bytes(key._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    util = ["softhsm2-util", "--module", str(module), "--pin", pin]
    for command in (
        ["--init-token", "--free", "--label", label, "--so-pin", "12345678"],
        ["--token", label, "--import", str(pem), "--id", "01", "--label", label],
    ):
        subprocess.run([*util, *command], check=True, capture_output=True)
    pem.unlink()
    library: Any = pkcs11.lib(str(module))
    library.reinitialize()
    token = next(slot.get_token() for slot in library.get_slots(True) if slot.get_token().label.strip() == label)
    with token.open(rw=True, user_pin=pin) as session:
        store(session, key.certificate, b"\x01")


@contextmanager
def listening(program: TokenProgram) -> Iterator[str]:
    """Serve a program; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_OPTIONS(self) -> None:
            self._answer(204, b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Origin") != program.origin:
                return self._answer(403, b'{"error": "refused"}')
            try:
                value = program.sign(json.loads(body))
            except SigningError as error:
                return self._answer(200, json.dumps({"error": error.code}).encode())
            return self._answer(200, json.dumps({"value": base64.b64encode(value).decode()}).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Access-Control-Allow-Origin", program.origin)
            self.send_header("Access-Control-Allow-Methods", "POST")
            self.send_header("Access-Control-Allow-Private-Network", "true")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            program.forget()

"""A remote signing service on loopback (CSC API, version 1) that really keeps keys and really checks."""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from signing.keys import SoftKey

_HASHES = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
}
_PSS = "1.2.840.113549.1.1.10"
_RSA = {"2.16.840.1.101.3.4.2.1": "1.2.840.113549.1.1.11", "2.16.840.1.101.3.4.2.2": "1.2.840.113549.1.1.12"}
_ECDSA = {"2.16.840.1.101.3.4.2.1": "1.2.840.10045.4.3.2", "2.16.840.1.101.3.4.2.2": "1.2.840.10045.4.3.3"}


def certified() -> tuple[bytes, bytes]:
    """A key and a certificate of its own for 127.0.0.1 (PEM)."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    own = (
        x509.CertificateBuilder(name, name, private.public_key(), 7, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )
    bare = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return bare, own.public_bytes(Encoding.PEM)


class Refusal(Exception):
    def __init__(self, error: str, status: int = 400) -> None:
        self.error, self.status = error, status


class RemoteService:
    """Keys, who may use them, and what was authorised.

    Args:
        keys: identifier -> key.
        otps: one-time codes it takes; None: it asks for none.
        spoil: may change the bytes of an answer, given the method and the answer.
    """

    def __init__(self, keys: Mapping[str, SoftKey], *, token: str, pin: str, otps: set[str] | None) -> None:
        self.keys = keys
        self.token, self.pin, self.otps = token, pin, otps
        self.wrong_pins = 0
        self.calls: list[str] = []
        self.spoil: Callable[[str, dict[str, Any]], bytes] = lambda _, answer: json.dumps(answer).encode()
        self._authorised: dict[str, tuple[str, list[str]]] = {}

    def answer(self, method: str, bearer: str, body: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(method)
        if bearer != f"Bearer {self.token}":
            raise Refusal("invalid_token", 401)
        if method == "credentials/list":
            names = sorted(self.keys)
            first = int(body.get("pageToken") or 0)
            more = {"nextPageToken": str(first + 2)} if first + 2 < len(names) else {}
            return {"credentialIDs": names[first : first + 2], **more}
        key = self.keys.get(str(body.get("credentialID")))
        if key is None:
            raise Refusal("invalid_request")
        if method == "credentials/info":
            return self._info(key)
        if method == "credentials/authorize":
            return self._authorize(body)
        if method == "signatures/signHash":
            return self._sign(key, body)
        raise Refusal("unsupported", 404)

    def _info(self, key: SoftKey) -> dict[str, Any]:
        rsa_key = isinstance(key._private, rsa.RSAPrivateKey)
        chain = [base64.b64encode(der).decode() for der in (key.certificate, *key.chain)]
        algorithms = [*_RSA.values(), _PSS] if rsa_key else [*_ECDSA.values()]
        return {
            "key": {"status": "enabled", "algo": algorithms, "len": 2048},
            "cert": {"status": "valid", "certificates": chain},
            "authMode": "explicit",
            "SCAL": "2",
            "PIN": {"presence": "true" if self.pin else "false"},
            "OTP": {"presence": "false" if self.otps is None else "true"},
            "multisign": 1,
        }

    def _authorize(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("PIN") != self.pin:
            self.wrong_pins += 1
            raise Refusal("invalid_pin")
        if self.otps is not None:
            if body.get("OTP") not in self.otps:
                raise Refusal("invalid_otp")
            self.otps.discard(body["OTP"])
        if body["numSignatures"] != len(body["hash"]):
            raise Refusal("invalid_request")
        sad = secrets.token_urlsafe(24)
        self._authorised[sad] = (body["credentialID"], body["hash"])
        return {"SAD": sad, "expiresIn": 300}

    def _sign(self, key: SoftKey, body: dict[str, Any]) -> dict[str, Any]:
        if self._authorised.pop(body["SAD"], None) != (body["credentialID"], body["hash"]):
            raise Refusal("invalid_request")
        algorithm = _HASHES[body["hashAlgo"]]
        (hashed,) = (base64.b64decode(text) for text in body["hash"])
        private = key._private
        if isinstance(private, rsa.RSAPrivateKey):
            if body["signAlgo"] == _PSS:
                assert body["signAlgoParams"]
                scheme: Any = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
            else:
                assert body["signAlgo"] == _RSA[body["hashAlgo"]]
                scheme = padding.PKCS1v15()
            value = private.sign(hashed, scheme, Prehashed(algorithm))
        else:
            assert isinstance(private, ec.EllipticCurvePrivateKey)
            assert body["signAlgo"] == _ECDSA[body["hashAlgo"]]
            # Bare numbers, as many services give them.
            half = private.curve.key_size // 8
            pair = decode_dss_signature(private.sign(hashed, ec.ECDSA(Prehashed(algorithm))))
            value = b"".join(number.to_bytes(half) for number in pair)
        return {"signatures": [base64.b64encode(value).decode()]}

    @contextmanager
    def secured(self, folder: Path, port: int = 0) -> Iterator[tuple[str, Path]]:
        """Serve over TLS; gives the address of the API and the file of the service's own root."""
        root = folder / "service-root.pem"
        if not root.exists():
            bare, own = certified()
            (folder / "service-tls.pem").write_bytes(bare + own)
            root.write_bytes(own)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "service-tls.pem")
        with self.serving(context, port) as url:
            yield url, root

    @contextmanager
    def serving(self, context: ssl.SSLContext | None = None, port: int = 0) -> Iterator[str]:
        """Serve on loopback; gives the address of the API."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                method = self.path.removeprefix("/csc/v1/")
                status = 200
                try:
                    raw = service.spoil(method, service.answer(method, self.headers["Authorization"], body))
                except Refusal as refusal:
                    status = refusal.status
                    # A careless service repeats what it was given.
                    told = {"error": refusal.error, "error_description": f"refused {body} {self.headers}"}
                    raw = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        scheme = "http" if context is None else "https"
        try:
            yield f"{scheme}://127.0.0.1:{server.server_port}/csc/v1"
        finally:
            server.shutdown()
            server.server_close()

"""The key agent: a process of its own that opens keys, signs for one session and one list of files, and forgets.

A key is a file, or lies on a token, in an HSM or with a signing service; ``signing.keyfolder`` says where.
It knows keys, hashes and a local socket (mode 0600, same user only), and nothing of the office. Everything is in
memory: an agent that is gone has locked every key. Messages are JSON behind a length of four bytes, big-endian; each
call connects anew. This module is light to import; what reads keys is loaded by the agent's own process.

What it promises: without the password no value leaves it, with one only for the unlocked session, key and file hashes,
for at most fifteen minutes, and only over the signed attributes of a CMS container that names this key's certificate.
What it cannot know: whether the digest inside those attributes belongs to the file whose hash the caller names; the
caller's process is trusted for that, and ``signing.sign`` checks it again.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import copy
import json
import os
import re
import signal
import socket
import socketserver
import struct
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signing import errors
from signing.errors import Expired, KeyUnavailable, SigningError, ValueRejected, WrongPassword, WrongPin
from signing.hardening import harden

if TYPE_CHECKING:
    from signing.keyfolder import OpenedKey

LONGEST_UNLOCK = 900
"""Seconds an unlock lasts at most."""
WRONG_TRIES = 5
"""Wrong passwords within ``WRONG_WINDOW`` seconds that block a key for ``WRONG_BLOCK`` seconds."""
WRONG_WINDOW = 900
WRONG_BLOCK = 900
MOST_HASHES = 5_000

_REMEMBERED = 3_600
_LONGEST_MESSAGE = 4 * 1024 * 1024
_LENGTH = struct.Struct(">I")
_KEY_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,79}")
_NO_NAME = "It cannot be opened by this name: lower-case letters, digits, '-', '_' and '.', at most 80."
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ERRORS: dict[str, type[SigningError]] = {
    kind.__name__: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SigningError)
}
_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}
_ATTRIBUTES = {"content_type", "message_digest", "signing_certificate_v2", "cms_algorithm_protection"}


_LOST = {"token_gone", "wrong_pin", "pin_locked", "service_refused"}
"""After these an opened key is of no use any more; a service that is down for a moment comes back by itself."""


class _EndedError(Exception):
    """The key was closed while somebody was about to use it."""


@dataclass
class _Unlocked:
    """A key that was opened, for one user of it at a time: no token, and no service, is asked two things at once.

    Args:
        key: None from when it was closed.
        ended: nothing may be signed with it any more; whoever uses it at this moment closes it when he is done.
        lost: why nothing can be signed with it any more, to be said to everybody who still asks.
    """

    key: OpenedKey | None
    hashes: frozenset[str]
    until: float
    ended: bool = False
    lost: KeyUnavailable | None = None
    turn: threading.Lock = field(default_factory=threading.Lock)

    def sign(self, data: bytes, digest: str) -> bytes:
        try:
            with self.turn:
                if self.ended or self.key is None:
                    raise _EndedError
                if self.lost is not None:
                    raise copy.copy(self.lost)
                try:
                    value = self.key.sign(data, digest=digest)
                except KeyUnavailable as error:
                    self.lost = error if error.code in _LOST else None
                    raise
                if self.ended:  # locked meanwhile: what came too late is not handed out
                    raise _EndedError
                return value
        finally:
            self._drop()

    def close(self) -> None:
        """Let nothing be signed from now on; waits for nobody."""
        self.ended = True
        self._drop()

    def _drop(self) -> None:
        if self.ended and self.turn.acquire(blocking=False):
            try:
                key, self.key = self.key, None
                if key is not None:
                    key.close()
            finally:
                self.turn.release()


class Vault:
    """The keys that are open now, for whom, and until when.

    Args:
        keys: folder of keys, see ``signing.keyfolder``.
        clock: seconds that never go back; a wall clock could be set.
    """

    def __init__(self, keys: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.keys = keys
        self.clock = clock
        self._open: dict[tuple[str, str], _Unlocked] = {}
        self._wrong: dict[str, deque[float]] = {}
        self._blocked: dict[str, float] = {}
        self._changed: dict[str, str] = {}
        self._lock = threading.Lock()
        # One password at a time: tries cannot outrun their count, stretching cannot take every core, and no two ask
        # one token. A service answers when it likes: whoever waits for it keeps nobody else from his key.
        self._opening: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def unlock(self, session: str, key_id: str, password: str, hashes: Iterable[str], seconds: int) -> int:
        """Open a key for one session and these files; replaces what the session had unlocked with it before.

        Args:
            hashes: SHA-256 of the files, lower-case hex.
            seconds: at most ``LONGEST_UNLOCK``.

        Returns:
            Seconds it stays open.

        Raises:
            WrongPassword: it counts, also as WrongPin, which was tried once; KeyUnavailable: ``key_missing``,
                ``throttled``, ``token_missing``, ``service_down`` ...; SigningError: ``bad_request``.
        """
        from signing import keyfolder

        wanted = frozenset(hashes)
        _require(_KEY_ID.fullmatch(key_id) and session and 0 < seconds <= LONGEST_UNLOCK)
        _require(0 < len(wanted) <= MOST_HASHES and all(_SHA256.fullmatch(one) for one in wanted))
        kind = keyfolder.kind(self.keys, key_id)
        with self._lock:
            opening = self._opening[f"{kind} {key_id}" if kind == keyfolder.CSC else kind]
        with opening:
            self._require_unblocked(key_id)
            try:
                key = keyfolder.unlock(self.keys, key_id, password)
            except WrongPassword:
                self._count_wrong(key_id)
                raise
            with self._lock:
                self._wrong.pop(key_id, None)
                before = self._open.pop((session, key_id), None)
                self._open[session, key_id] = _Unlocked(key, wanted, self.clock() + seconds)
            if before is not None:
                before.close()
        return seconds

    def change_password(self, session: str, key_id: str, old: str, new: str) -> int:
        """Give the file of a key another password, and close the key wherever it is open.

        Asked again by the session that changed it last, as by a form pressed twice, it is done already.

        Returns:
            How many unlocks were closed.

        Raises:
            WrongPassword: it counts as in ``unlock``; KeyUnavailable: ``throttled``, or as
                ``signing.newpassword.change_password``.
        """
        from signing import keyfolder, newpassword

        _require(_KEY_ID.fullmatch(key_id) and session and new)
        with self._lock:
            opening = self._opening[keyfolder.FILE]
        with opening:
            self._require_unblocked(key_id)
            try:
                newpassword.change_password(self.keys, key_id, old, new)
            except WrongPassword:
                if self._changed.get(key_id) == session and newpassword.opens(self.keys, key_id, new):
                    return 0
                self._count_wrong(key_id)
                raise
            with self._lock:
                self._wrong.pop(key_id, None)
                self._changed[key_id] = session
                entries = [self._open.pop(pair) for pair in list(self._open) if pair[1] == key_id]
        open_ones = sum(not entry.ended for entry in entries)
        for entry in entries:
            entry.close()
        return open_ones

    def held(self) -> list[dict[str, str]]:
        """Every key of the folder that has a name for ``unlock``, see ``signing.keyfolder.Held``."""
        from signing import keyfolder

        return [asdict(one) for one in keyfolder.held(self.keys) if _KEY_ID.fullmatch(one.name)]

    def sign(self, session: str, key_id: str, file_sha256: str, data: bytes, digest: str) -> bytes:
        """Sign the attributes of one of the unlocked files.

        Raises:
            KeyUnavailable: ``not_unlocked`` for exactly this session, key and file; or whatever token or service says,
                after which the other files of this unlock are refused for the same reason, unasked.
            Expired: it was, and no longer is.
            ValueRejected: ``not_attributes``: the bytes are anything else than signed attributes for this key.
        """
        self.forget()
        checked = None
        while True:  # whoever unlocks the same key at this moment closes the one it was opened with before
            with self._lock:
                entry, key = self._key(session, key_id, file_sha256)
            if key.certificate != checked:
                require_attributes(data, digest, key.certificate)
                checked = key.certificate
            with suppress(_EndedError):
                return entry.sign(data, digest)

    def _key(self, session: str, key_id: str, file_sha256: str) -> tuple[_Unlocked, OpenedKey]:
        found = self._open.get((session, key_id))
        if found is None or file_sha256 not in found.hashes:
            raise KeyUnavailable("not_unlocked", key_id)
        if found.ended or found.key is None:
            raise Expired("expired", key_id)
        return found, found.key

    def lock(self, session: str, key_id: str | None = None) -> int:
        """Forget a session's keys, or one of them; returns how many were open."""
        with self._lock:
            gone = [pair for pair in self._open if pair[0] == session and key_id in (None, pair[1])]
            entries = [self._open.pop(pair) for pair in gone]
        open_ones = sum(not entry.ended for entry in entries)
        for entry in entries:
            entry.close()
        return open_ones

    def status(self, session: str) -> list[dict[str, Any]]:
        """What a session has open and can use: key, files, seconds left."""
        self.forget()
        now = self.clock()
        with self._lock:
            return [
                {"key_id": key_id, "files": sorted(entry.hashes), "seconds": max(0, int(entry.until - now))}
                for (owner, key_id), entry in sorted(self._open.items(), key=lambda item: item[0])
                if owner == session and not entry.ended and entry.lost is None
            ]

    def signs_pss(self, session: str, key_id: str) -> bool:
        """Whether a key that a session has open signs with PSS; no when it has not."""
        with self._lock:
            entry = self._open.get((session, key_id))
            key = entry.key if entry is not None else None
        return key is not None and key.pss

    def forget(self) -> None:
        """Drop every key whose time is over. That it was open is remembered for an hour, to say so."""
        now = self.clock()
        with self._lock:
            for pair, entry in list(self._open.items()):
                if now >= entry.until:
                    entry.close()
                if now >= entry.until + _REMEMBERED:
                    del self._open[pair]

    def forget_all(self) -> None:
        """Drop everything."""
        with self._lock:
            for entry in self._open.values():
                entry.close()
            self._open.clear()

    def _require_unblocked(self, key_id: str) -> None:
        until = self._blocked.get(key_id, 0.0)
        if self.clock() < until:
            raise KeyUnavailable("throttled", key_id)

    def _count_wrong(self, key_id: str) -> None:
        now = self.clock()
        tries = self._wrong.setdefault(key_id, deque(maxlen=WRONG_TRIES))
        tries.append(now)
        if len(tries) == WRONG_TRIES and now - tries[0] < WRONG_WINDOW:
            self._blocked[key_id] = now + WRONG_BLOCK
            tries.clear()


def require_attributes(data: bytes, digest: str, certificate: bytes) -> None:
    """Refuse to sign anything but the attributes of a detached signature by this certificate (RFC 5652, 5.3).

    Without this the agent would be an oracle: whoever may have one letter signed could have a contract signed, a
    certificate, or a time-stamp.

    Raises:
        ValueRejected: ``not_attributes``.
    """
    from hashlib import sha256

    from asn1crypto import cms, tsp  # noqa: F401 - tsp teaches cms the attribute for the signer's certificate

    try:
        attributes = cms.CMSAttributes.load(data, strict=True)
        found = {attribute["type"].native: attribute["values"] for attribute in attributes}
        sound = (
            len(attributes) == len(found)
            and {"content_type", "message_digest", "signing_certificate_v2"} <= found.keys() <= _ATTRIBUTES
            and all(len(values) == 1 for values in found.values())
            and found["content_type"][0].native == "data"
            and len(found["message_digest"][0].native) == _SIZES.get(digest)
            and found["signing_certificate_v2"][0]["certs"][0]["cert_hash"].native == sha256(certificate).digest()
            and cms.CMSAttributes(list(attributes)).dump(force=True) == data
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueRejected("not_attributes", str(error)) from error
    if not sound:
        raise ValueRejected("not_attributes")


def _require(fine: object) -> None:
    if not fine:
        raise SigningError("bad_request")


class AgentClient:
    """Talks to the agent; each call is one connection, so it may be shared by threads.

    Args:
        path: the agent's socket.
        timeout: seconds for one call that the agent answers by itself.
        patience: seconds for a call that may have to wait for a token or a signing service.
    """

    def __init__(self, path: Path, timeout: float = 10.0, patience: float = 60.0) -> None:
        self.path = path
        self.timeout = timeout
        self.patience = patience

    def ping(self) -> bool:
        """Whether an agent answers."""
        try:
            return bool(self._call("ping")["ok"])
        except KeyUnavailable:
            return False

    def unlock(
        self, session: str, key_id: str, password: str, hashes: Iterable[str], *, seconds: int = LONGEST_UNLOCK
    ) -> int:
        """See ``Vault.unlock``; ``KeyUnavailable`` with ``agent_gone`` when no agent answers, here and below."""
        facts = {"key_id": key_id, "password": password, "hashes": sorted(hashes), "seconds": seconds}
        return int(self._call("unlock", self.patience, session=session, **facts)["seconds"])

    def change_password(self, session: str, key_id: str, old: str, new: str) -> int:
        """See ``Vault.change_password``."""
        return int(self._call("change_password", session=session, key_id=key_id, old=old, new=new)["locked"])

    def sign(self, session: str, key_id: str, file_sha256: str, data: bytes, *, digest: str) -> bytes:
        """See ``Vault.sign``."""
        encoded = base64.b64encode(data).decode("ascii")
        facts = {"key_id": key_id, "file_sha256": file_sha256, "data": encoded, "digest": digest}
        answer = self._call("sign", self.patience, session=session, **facts)
        return base64.b64decode(answer["value"])

    def lock(self, session: str, key_id: str | None = None) -> int:
        """See ``Vault.lock``."""
        return int(self._call("lock", session=session, key_id=key_id)["locked"])

    def status(self, session: str) -> list[dict[str, Any]]:
        """See ``Vault.status``."""
        found: list[dict[str, Any]] = self._call("status", session=session)["open"]
        return found

    def signs_pss(self, session: str, key_id: str) -> bool:
        """See ``Vault.signs_pss``."""
        return bool(self._call("pss", session=session, key_id=key_id)["pss"])

    def keys(self) -> list[dict[str, str]]:
        """Every key the agent holds, without opening any; see ``signing.keyfolder.Held``."""
        found: list[dict[str, str]] = self._call("keys", self.patience)["keys"]
        return found

    def _call(self, call: str, timeout: float | None = None, /, **facts: Any) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(timeout or self.timeout)
                line.connect(str(self.path))
                _send(line, {"call": call, **facts})
                answer = _receive(line)
        except (OSError, ValueError) as error:
            raise KeyUnavailable("agent_gone", str(error)) from error
        if answer is None:
            raise KeyUnavailable("agent_gone", "no answer")
        if "error" in answer:
            raise _error(answer)
        return answer


@dataclass(frozen=True)
class AgentKey:
    """A key held by the agent, unlocked by a session for one file; see ``signing.keys.Key``.

    Args:
        file_sha256: of the file to be signed, lower-case hex; ``signing.sign`` refuses any other file.
    """

    client: AgentClient
    session: str
    key_id: str
    file_sha256: str
    certificate: bytes
    chain: tuple[bytes, ...] = ()

    @cached_property
    def pss(self) -> bool:
        """Whether the key signs with PSS, as the agent says of the opened key."""
        return self.client.signs_pss(self.session, self.key_id)

    def sign(self, data: bytes, *, digest: str) -> bytes:
        """Have the agent sign; errors as ``Vault.sign``."""
        return self.client.sign(self.session, self.key_id, self.file_sha256, data, digest=digest)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128  # a full queue turns callers away at once on local sockets; the usual five are few

    def __init__(self, path: Path, vault: Vault) -> None:
        self.vault = vault
        before = os.umask(0o177)  # the socket is born with mode 0600: no moment in which others could connect
        try:
            super().__init__(str(path), _Handler)
        finally:
            os.umask(before)

    def verify_request(self, request: Any, *_: object) -> bool:
        """Let the same user in and nobody else; a lost file mode alone must not open the agent."""
        credentials = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", credentials)
        return bool(uid == os.getuid())

    def service_actions(self) -> None:
        """Drop what has run out, also when nobody calls."""
        self.vault.forget()

    def handle_error(self, *_: object) -> None:
        """Say nothing: a trace could show a password."""


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.settimeout(10)
        while (asked := self._asked()) is not None:
            try:
                answer = _answer(self.server.vault, asked)  # type: ignore[attr-defined]
            except SigningError as error:
                answer = {"error": type(error).__name__, "code": error.code, "detail": error.detail}
                answer |= {"left": error.left} if isinstance(error, WrongPin) else {}
            except Exception as error:  # nothing a caller sends may end the agent, and no trace may show what it was
                answer = {"error": "SigningError", "code": "signing_error", "detail": type(error).__name__}
            _send(self.request, answer)

    def _asked(self) -> dict[str, Any] | None:
        try:
            return _receive(self.request)
        except (OSError, ValueError, RecursionError):
            return None


def _error(answer: Mapping[str, Any]) -> SigningError:
    """What the agent refused with, as what it was."""
    code, detail = str(answer["code"]), str(answer.get("detail", ""))
    kind = _ERRORS.get(str(answer["error"]), SigningError)
    return WrongPin(code, detail, left=answer.get("left")) if kind is WrongPin else kind(code, detail)


def _answer(vault: Vault, asked: Mapping[str, Any]) -> dict[str, Any]:
    def text(name: str) -> str:
        found = asked.get(name)
        _require(isinstance(found, str))
        return str(found)

    call = asked.get("call")
    if call == "ping":
        return {"ok": True}
    if call == "keys":
        return {"keys": vault.held()}
    session = text("session")
    if call == "unlock":
        hashes, seconds = asked.get("hashes"), asked.get("seconds")
        _require(isinstance(hashes, list) and all(isinstance(one, str) for one in hashes) and type(seconds) is int)
        return {"seconds": vault.unlock(session, text("key_id"), text("password"), hashes or (), int(seconds or 0))}
    if call == "change_password":
        return {"locked": vault.change_password(session, text("key_id"), text("old"), text("new"))}
    if call == "sign":
        try:
            data = base64.b64decode(text("data"), validate=True)
        except binascii.Error as error:
            raise SigningError("bad_request") from error
        value = vault.sign(session, text("key_id"), text("file_sha256"), data, text("digest"))
        return {"value": base64.b64encode(value).decode("ascii")}
    if call == "lock":
        return {"locked": vault.lock(session, None if asked.get("key_id") is None else text("key_id"))}
    if call == "pss":
        return {"pss": vault.signs_pss(session, text("key_id"))}
    if call == "status":
        return {"open": vault.status(session)}
    raise SigningError("bad_request")


def _send(line: socket.socket, message: Mapping[str, Any]) -> None:
    raw = json.dumps(message).encode()
    if len(raw) > _LONGEST_MESSAGE:
        raise ValueError("message too long")
    line.sendall(_LENGTH.pack(len(raw)) + raw)


def _receive(line: socket.socket) -> dict[str, Any] | None:
    head = _exactly(line, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > _LONGEST_MESSAGE:
        raise ValueError("message too long")
    raw = _exactly(line, length)
    found = None if raw is None else json.loads(raw)
    if found is not None and not isinstance(found, dict):
        raise ValueError("not a message")
    return found


def _exactly(line: socket.socket, length: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < length:
        part = line.recv(length - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)


def serve(path: Path, keys: Path) -> None:
    """Serve until SIGTERM or SIGINT; every key is forgotten at the end.

    Args:
        path: of the socket; one left behind by an agent that is gone is replaced.
        keys: see ``Vault``.

    Raises:
        KeyUnavailable: ``agent_running``: another agent answers there.
    """
    if path.exists() and AgentClient(path, timeout=2).ping():
        raise KeyUnavailable("agent_running", str(path))
    path.unlink(missing_ok=True)
    vault = Vault(keys)
    with _Server(path, vault) as server:
        # shutdown() waits for the serving loop, which this very thread runs: another one must call it.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        sys.stdout.write(f"{path}\n")
        sys.stdout.flush()
        try:
            server.serve_forever(poll_interval=0.25)
        finally:
            vault.forget_all()
            path.unlink(missing_ok=True)


def tell(keys: Path) -> int:
    """Say which keys a folder holds, one a line; 1 when something is wrong with one of them."""
    from signing import keyfolder

    held = keyfolder.held(keys)
    wrong = {one.name: SigningError(one.fault).sentence("en") for one in held if one.fault}
    wrong |= {one.name: _NO_NAME for one in held if not _KEY_ID.fullmatch(one.name)}
    for one in held:
        columns = (one.name, one.kind or "?", one.public_key or "-", wrong.get(one.name, ""))
        sys.stdout.write("\t".join(columns).rstrip() + "\n")
    return int(bool(wrong))


def main(arguments: list[str] | None = None) -> int:
    """``python -m signing.agent --socket PATH --keys DIR``; says its socket on standard output once it listens."""
    parser = argparse.ArgumentParser(prog="python -m signing.agent", description=main.__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--socket", type=Path, help="where it listens")
    what.add_argument("--list", action="store_true", help="only say which keys the folder holds, and what is wrong")
    parser.add_argument("--keys", type=Path, required=True, help="folder of keys: NAME.key, NAME.p12 or NAME.toml")
    found = parser.parse_args(arguments)
    if not found.keys.is_dir():
        parser.error(f"no folder: {found.keys}")
    if found.list:
        return tell(found.keys)
    harden()
    serve(found.socket, found.keys)
    return 0


if __name__ == "__main__":
    sys.exit(main())

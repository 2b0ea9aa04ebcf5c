"""The child's side of the sandbox: takes orders on file descriptor 0, answers there, and owns nothing worth stealing.

Started by ``eoffice.core.sandbox`` as ``python -m eoffice.core.sandbox_child LIMITS``; it imports nothing of ours
until an order names a function. One order is a header (JSON) with the input as an open file beside it; one answer is
a header (JSON) and, when the function returned bytes, those bytes.
"""

from __future__ import annotations

import array
import ctypes
import importlib
import json
import os
import resource
import signal
import socket
import struct
import sys
from typing import Any, Protocol

FRAME = struct.Struct("!QQ")  # length of the header, length of the bytes that follow it
OUT_OF_MEMORY = 77  # exit status; an answer would need memory
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


def main() -> None:
    """Give up what is not needed, then answer orders until the parent hangs up."""
    limits = json.loads(sys.argv[1])
    _isolate(limits["parent"])
    _confine(limits)
    connection = socket.socket(fileno=0)
    while order := _next_order(connection):
        header, file = order
        try:
            answer, body = _obey(header, file)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        try:
            connection.sendall(FRAME.pack(len(answer), len(body)) + answer)
            connection.sendall(body)
        except BrokenPipeError:
            return  # nobody waits any more


def _isolate(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # A network of our own, with nothing in it, where the system lets us; the rest does not depend on it.
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWNET)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # last: new credentials may clear it
    if os.getppid() != parent:
        sys.exit()  # it died before the line above


def _confine(limits: dict[str, int]) -> None:
    for kind, bound in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["written"]),
        (resource.RLIMIT_NOFILE, limits["files"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (bound, bound))


def _next_order(connection: socket.socket) -> tuple[dict[str, Any], int] | None:
    room = array.array("i")
    data, ancillary, _flags, _address = connection.recvmsg(FRAME.size, socket.CMSG_SPACE(room.itemsize))
    if not data:
        return None
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            room.frombytes(content[: room.itemsize])
    length, _nothing = FRAME.unpack(data + receive(connection, FRAME.size - len(data)))
    return json.loads(receive(connection, length)), room[0]


class Line(Protocol):
    """Something bytes come from, such as a socket."""

    def recv_into(self, view: memoryview, /) -> int: ...


def receive(connection: Line, length: int) -> bytearray:
    """Return exactly ``length`` bytes, or raise EOFError when the other side hangs up first."""
    data = bytearray(length)
    view = memoryview(data)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            raise EOFError
        view = view[count:]
    return data


def _obey(header: dict[str, Any], file: int) -> tuple[bytes, bytes]:
    _bound_time(header["cpu_seconds"], header["seconds"])
    try:
        with open(file, "rb") as stream:
            data = stream.read()
        module, _, name = header["name"].rpartition(".")
        result = getattr(importlib.import_module(module), name)(data, **header["arguments"])
        if isinstance(result, bytes):
            return b'{"bytes":true}', result
        return json.dumps({"result": result}, ensure_ascii=False, allow_nan=False).encode(), b""
    except MemoryError:
        raise
    except Exception as error:  # whatever it is, it is the caller's to judge
        return json.dumps(_describe(error)).encode(), b""
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _bound_time(cpu_seconds: int, seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    bound = int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (bound, hard))
    # The parent ends us earlier; this is for a parent that died while we were in a loop. Ends the process by default.
    signal.setitimer(signal.ITIMER_REAL, seconds + 5)


def _describe(error: Exception) -> dict[str, Any]:
    code = getattr(error, "code", None)
    facts = getattr(error, "facts", None)
    return {
        "error": [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__[:8]],
        "code": code[:100] if isinstance(code, str) else None,
        "message": _message(error)[:2000],
        "facts": {str(k)[:50]: str(v)[:500] for k, v in facts.items()} if isinstance(facts, dict) else {},
    }


def _message(error: Exception) -> str:
    for attribute in ("detail", "message"):
        value = getattr(error, attribute, None)
        if isinstance(value, str):
            return value
    return str(error)


if __name__ == "__main__":
    main()

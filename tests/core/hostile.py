"""Functions that behave as a parser does on the worst of files; called in sandbox children by the tests."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

from eoffice.core.errors import FileRefused


class Encrypted(FileRefused):
    """A declared refusal with facts."""

    code = "encrypted"


def length(data: bytes) -> int:
    return len(data)


def echo(data: bytes) -> bytes:
    return data


def state(data: bytes, **given: Any) -> dict[str, Any]:
    return {"pid": os.getpid(), "given": given, "environment": dict(os.environ), "folder": os.getcwd()}


def hog(data: bytes) -> int:
    kept = []
    while True:
        kept.append(bytearray(16 * 1024 * 1024))


def loop(data: bytes) -> None:
    while True:
        pass


def hang(data: bytes) -> None:
    signal.pause()


def leave(data: bytes) -> None:
    os._exit(0)


def killed(data: bytes) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def deep(data: bytes) -> Any:
    value: Any = None
    for _ in range(200_000):
        value = [value]
    return value


def refuse(data: bytes) -> None:
    raise Encrypted(pages=3)


def fail(data: bytes) -> None:
    raise ZeroDivisionError("it" * 5000)


def large(data: bytes, *, size: int) -> bytes:
    return bytes(size)


def write(data: bytes, *, path: str) -> None:
    with Path(path).open("wb") as file:
        file.write(b"x" * 10)


def open_many(data: bytes) -> None:
    kept = [open(os.devnull) for _ in range(1000)]  # noqa: SIM115
    kept.clear()


def speak_rubbish(data: bytes, *, words: str) -> None:
    line = socket.socket(fileno=0)
    line.sendall(bytes.fromhex(words))
    line.detach()
    signal.pause()


def call_home(data: bytes, *, port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=2):
        return True


def nested_pdf(data: bytes) -> int:
    import pypdfium2

    with pypdfium2.PdfDocument(data) as document:
        return len(document)

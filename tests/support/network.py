"""Nothing leaves this machine during tests: every socket is looked at as it connects."""

from __future__ import annotations

import ipaddress
import sys
from typing import Any

_WATCHED = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
}
_watching = False


class NetworkRefused(BaseException):
    """A test tried to reach beyond this machine; no ``except Exception`` may hide it."""


def watch() -> None:
    """Refuse all addresses but loopback and local sockets from now on, in this process."""
    global _watching
    if not _watching:
        _watching = True
        sys.addaudithook(_look)


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    place = _WATCHED.get(event)
    if place is None:
        return
    address = arguments[place]
    if not is_local(address):
        raise NetworkRefused(f"{event} {address!r}: tests stay on this machine")


def is_local(address: object) -> bool:
    """Tell whether an address stays on this machine: a path, none, ``localhost`` or a loopback number."""
    if address is None or (isinstance(address, str | bytes) and address in ("", b"", "localhost", b"localhost")):
        return True
    if isinstance(address, tuple):
        return is_local(address[0])
    text = address.decode("ascii", "replace") if isinstance(address, bytes) else str(address)
    if text.startswith(("/", "\0")):
        return True
    try:
        number = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return number.is_loopback or number.is_unspecified

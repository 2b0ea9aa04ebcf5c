"""A key on a token, opened in a process of its own: a maker's driver may hang, break or forget without harm to others.

A process may log in to a token once and every later login of it passes unchecked, a driver finds a token that was
pulled out and plugged in again only after it was closed for all, and none of them promises anything about threads.
Each unlock therefore has its own process with its own login: two people at one HSM, or one person in two windows, do
not know of each other, and whoever is locked is really gone.
"""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any

from signing.errors import KeyUnavailable, SigningError
from signing.hardening import harden

if TYPE_CHECKING:
    from signing.pkcs11 import TokenKey

PATIENCE = 20.0
"""Seconds a token may take for one answer, its login included."""
_FAREWELL = 5.0
"""Seconds a process has to log out before it is ended."""


class ApartKey:
    """A key on a token, see ``signing.keys.Key``; not for two threads at once.

    Args:
        address: see ``signing.pkcs11.key_at``.
        pin: of the token; tried once.
        certificates: the signer's first, then the issuers' (DER).
        pss: an RSA key signs with PSS.
        patience: seconds for one answer of the token.

    Raises:
        KeyUnavailable, WrongPin: as ``signing.pkcs11.key_at``; ``token_gone`` also when it does not answer in time.
    """

    def __init__(
        self, address: str, pin: str, certificates: tuple[bytes, ...], *, pss: bool = False, patience: float = PATIENCE
    ) -> None:
        self.certificate, *issuers = certificates
        self.chain = tuple(issuers)
        self._patience = patience
        context = get_context("spawn")  # a fork would take along the locks of the agent's other threads
        self._line, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_hold, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        try:
            self.pss = bool(self._ask((address, pin, certificates, pss)))
        except SigningError:
            self.close()
            raise

    def sign(self, data: bytes, *, digest: str) -> bytes:
        """See ``Key.sign``.

        Raises:
            KeyUnavailable: ``token_gone``: pulled out, closed, or it did not answer; from now on always.
        """
        return bytes(self._ask((data, digest)))

    def close(self) -> None:
        """Log out and end the process; one that does not hear is ended by force. Returns at once."""
        self._line.close()
        threading.Thread(target=_end, args=(self.process,), daemon=True).start()

    def _ask(self, question: tuple[Any, ...]) -> Any:
        try:
            self._line.send(question)
            if not self._line.poll(self._patience):
                raise TimeoutError
            answer = self._line.recv()
        except (OSError, EOFError) as error:
            self._line.close()
            raise KeyUnavailable("token_gone", type(error).__name__) from None
        if isinstance(answer, SigningError):
            raise answer
        return answer


def _end(process: BaseProcess) -> None:
    process.join(_FAREWELL)
    if process.exitcode is None:
        process.kill()
        process.join()


def _hold(line: Connection) -> None:
    """What the process does: open the key, sign until nobody asks any more, log out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the agent, which hangs up
    harden()
    with suppress(EOFError, OSError):
        address, pin, certificates, pss = line.recv()
        try:
            key = _open(address, pin, certificates, pss)
        except Exception as error:  # whatever goes wrong in a driver has a name
            line.send(_named(error))
            return
        try:
            line.send(key.pss)
            while True:
                data, digest = line.recv()
                try:
                    line.send(key.sign(data, digest=digest))
                except Exception as error:
                    line.send(_named(error))
        finally:
            key.close()


def _open(address: str, pin: str, certificates: tuple[bytes, ...], pss: bool) -> TokenKey:
    from signing.pkcs11 import key_at

    return key_at(address, pin, certificates=certificates, pss=pss)


def _named(error: Exception) -> SigningError:
    return error if isinstance(error, SigningError) else KeyUnavailable("token_gone", type(error).__name__)

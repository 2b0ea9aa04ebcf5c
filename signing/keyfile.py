"""The file a private key rests in: argon2id makes a key of the password, AES-256-GCM seals with it.

Version 1, numbers big-endian::

    0   8  "SIGNKEY" and the version, 0x01
    8   4  memory in KiB      argon2id (RFC 9106), version 0x13
    12  4  passes
    16  1  lanes
    17  16 salt               drawn for every file
    33  12 nonce              drawn for every file
    45     PKCS#8 PrivateKeyInfo (DER), encrypted; behind it the tag of 16 bytes

Everything before the ciphertext is authenticated with it. Whoever has the password, RFC 9106 and SP 800-38D at hand can
read it without this library.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from signing.errors import WrongPassword

_MAGIC = b"SIGNKEY\x01"
_HEAD = struct.Struct(">8sIIB16s12s")
_TAG = 16


@dataclass(frozen=True)
class Cost:
    """What one try of a password costs.

    Args:
        memory: KiB; passes, lanes: as in RFC 9106.
    """

    memory: int
    passes: int
    lanes: int

    @property
    def bearable(self) -> bool:
        """Whether a file may ask this of us: up to 1 GiB and about ten seconds, so that no file can stop a machine."""
        return 8 * self.lanes <= self.memory <= 1024 * 1024 and 1 <= self.passes <= 16 and 1 <= self.lanes <= 16


USUAL = Cost(memory=64 * 1024, passes=3, lanes=4)
"""RFC 9106, 4, second choice, for machines that cannot give 2 GiB; three and a half times the memory OWASP asks for at
least (19 MiB, 2 passes). 0.2 s of processor per unlock, once; whoever guesses needs 64 MiB for every guess."""

QUICK = Cost(memory=64, passes=1, lanes=1)
"""For tests, and for passwords nobody can guess."""


def is_sealed(raw: bytes) -> bool:
    """Tell whether a file looks like one that ``seal`` made."""
    return raw.startswith(_MAGIC)


def seal(plain: bytes, password: bytes, *, cost: Cost = USUAL) -> bytes:
    """Seal a private key (PKCS#8, DER) with a password."""
    salt, nonce = os.urandom(16), os.urandom(12)
    head = _HEAD.pack(_MAGIC, cost.memory, cost.passes, cost.lanes, salt, nonce)
    return head + AESGCM(_derived(password, salt, cost)).encrypt(nonce, plain, head)


def unseal(raw: bytes, password: bytes) -> bytes:
    """Give the private key (PKCS#8, DER) back.

    Raises:
        WrongPassword: the password is wrong or the file was changed; nobody can tell which.
    """
    if len(raw) < _HEAD.size + _TAG:
        raise WrongPassword
    magic, memory, passes, lanes, salt, nonce = _HEAD.unpack_from(raw)
    cost = Cost(memory, passes, lanes)
    if magic != _MAGIC or not cost.bearable:
        raise WrongPassword
    try:
        return AESGCM(_derived(password, salt, cost)).decrypt(nonce, raw[_HEAD.size :], raw[: _HEAD.size])
    except InvalidTag:
        raise WrongPassword from None


def _derived(password: bytes, salt: bytes, cost: Cost) -> bytes:
    # argon2-cffi and not cryptography's own: with lanes, two threads deriving at once with the latter wait for ever.
    from argon2.low_level import Type, hash_secret_raw

    effort = {"time_cost": cost.passes, "memory_cost": cost.memory, "parallelism": cost.lanes}
    return hash_secret_raw(password, salt, **effort, hash_len=32, type=Type.ID)

"""Gives a key of a folder a new password: the file is sealed anew, whole and at once.

A crash leaves the key under its old password or under its new one, and never none: what is written stands complete on
disk beside it before it takes its place. Files of every kind are read; written is always a sealed one
(``signing.keyfile``), so a key that was stretched cheaply, or lay in a PKCS#12 container, rests better afterwards.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from signing.errors import KeyUnavailable
from signing.keyfile import USUAL, Cost
from signing.keys import SoftKey, is_pkcs12


def change_password(folder: Path, name: str, old: str, new: str, *, cost: Cost = USUAL) -> None:
    """Seal the file of a key with another password.

    Args:
        folder: of keys; the file is ``NAME.p12``, or ``NAME.key`` with ``NAME.crt`` beside it.
        cost: what one try of the new password will cost.

    Raises:
        WrongPassword: the old one does not open it; nothing was written.
        KeyUnavailable: ``no_key_file``: the key is elsewhere; ``key_not_written``: the disk refused, and the old
            password holds; or whatever is wrong with the file.
    """
    path = _file(folder, name)
    key = SoftKey.load(path, old)
    try:
        sealed = key.sealed(new, cost=cost)
        if is_pkcs12(path):
            certificates = [x509.load_der_x509_certificate(der) for der in (key.certificate, *key.chain)]
            pem = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)
            _replace(folder / f"{name}.crt", pem, mode=0o644)
        _replace(folder / f"{name}.key", sealed, mode=0o600)
        if is_pkcs12(path):
            path.unlink()  # until now the container was the key: it goes before the other where both lie there
            _settle(folder)
    except OSError as error:
        raise KeyUnavailable("key_not_written", f"{name}: {error.strerror}") from error
    finally:
        key.close()


def opens(folder: Path, name: str, password: str) -> bool:
    """Whether a password opens the file of a key."""
    with suppress(KeyUnavailable):
        SoftKey.load(_file(folder, name), password).close()
        return True
    return False


def _file(folder: Path, name: str) -> Path:
    paths = [folder / f"{name}{kind}" for kind in (".toml", ".p12", ".key")]
    found = next((path for path in paths if path.is_file()), paths[0])
    if found.suffix == ".toml":  # says where the key lies, and that is not here
        raise KeyUnavailable("no_key_file", name)
    return found


def _replace(path: Path, data: bytes, *, mode: int) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)  # left by a crash
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    _settle(path.parent)


def _settle(folder: Path) -> None:
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)

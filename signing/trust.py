"""What a verifier believes in: anchors, helping certificates and revocation lists, as plain DER bytes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from signing.errors import SigningError

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s*([A-Za-z0-9+/=\s]*?)-----END \1-----")
_CERTIFICATE = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE"})
_LISTS, _ANSWERS = frozenset({b"X509 CRL"}), frozenset({b"OCSP RESPONSE"})
_SUFFIXES = frozenset({".pem", ".crt", ".cer", ".der", ".crl", ".ocsp"})
_LARGEST = 32 * 1024 * 1024


@dataclass(frozen=True)
class Trust:
    """Anchors and evidence of one installation; nothing else is believed and nothing is fetched.

    Args:
        anchors: certificates (DER) that end every chain.
        intermediates: certificates (DER) that help to build a chain; they are never believed by themselves.
        crls: revocation lists (DER); each is checked against its issuer before it is used.
        ocsps: stored OCSP answers (DER); each is checked like a list.
        tsa_anchors: anchors (DER) for time-stamp authorities; empty: ``anchors`` serve.
        generation: hash over all of the above, computed; stored verdicts carry it.
    """

    anchors: tuple[bytes, ...] = ()
    intermediates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    tsa_anchors: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()
    generation: str = field(init=False, default="")

    def __post_init__(self) -> None:
        state = hashlib.sha256()
        for name in ("anchors", "intermediates", "crls", "tsa_anchors", "ocsps"):
            state.update(name.encode())
            for digest in sorted(hashlib.sha256(der).digest() for der in getattr(self, name)):
                state.update(digest)
        object.__setattr__(self, "generation", state.hexdigest()[:32])

    @classmethod
    def load(cls, directory: Path) -> Trust:
        """Read a trust folder: anchors, and beside them ``intermediates/``, ``crl/``, ``ocsp/`` and ``tsa/``.

        Raises:
            SigningError: ``trust_unreadable``: no such folder, or a file named like a certificate that is none.
        """
        if not directory.is_dir():
            raise SigningError("trust_unreadable", str(directory))
        return cls(
            anchors=_read(directory, _CERTIFICATE),
            intermediates=_read(directory / "intermediates", _CERTIFICATE),
            crls=_read(directory / "crl", _LISTS),
            tsa_anchors=_read(directory / "tsa", _CERTIFICATE),
            ocsps=_read(directory / "ocsp", _ANSWERS),
        )

    def save(self, directory: Path) -> None:
        """Write the folder that ``load`` reads (PEM, one file per item); files already there stay."""
        places = (
            (directory, "anchor", self.anchors, "CERTIFICATE"),
            (directory / "intermediates", "intermediate", self.intermediates, "CERTIFICATE"),
            (directory / "crl", "crl", self.crls, "X509 CRL"),
            (directory / "tsa", "tsa", self.tsa_anchors, "CERTIFICATE"),
            (directory / "ocsp", "answer", self.ocsps, "OCSP RESPONSE"),
        )
        for place, stem, items, label in places:
            if items or place == directory:
                place.mkdir(parents=True, exist_ok=True)
            for der in items:
                suffix = {"X509 CRL": "crl", "OCSP RESPONSE": "ocsp"}.get(label, "pem")
                name = f"{stem}-{hashlib.sha256(der).hexdigest()[:12]}.{suffix}"
                (place / name).write_bytes(pem(der, label))


def pem(der: bytes, label: str = "CERTIFICATE") -> bytes:
    """Wrap DER bytes as PEM (RFC 7468)."""
    text = base64.b64encode(der)
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    edge = label.encode("ascii")
    return b"-----BEGIN " + edge + b"-----\n" + b"\n".join(lines) + b"\n-----END " + edge + b"-----\n"


def _read(place: Path, labels: frozenset[bytes]) -> tuple[bytes, ...]:
    found: dict[bytes, None] = {}
    if not place.is_dir():
        return ()
    for path in sorted(place.iterdir()):
        if path.name.startswith(".") or not path.is_file() or path.stat().st_size > _LARGEST:
            continue
        items = _items(path.read_bytes(), labels)
        if not items and path.suffix.lower() in _SUFFIXES:
            raise SigningError("trust_unreadable", path.name)
        found.update(dict.fromkeys(items))
    return tuple(found)


def _items(raw: bytes, labels: frozenset[bytes]) -> list[bytes]:
    blocks = _PEM.findall(raw)
    if blocks:
        try:
            bodies = [b"".join(body.split()) for label, body in blocks if label in labels]
            return [base64.b64decode(body, validate=True) for body in bodies]
        except binascii.Error:
            return []
    return [raw] if raw[:1] == b"\x30" and len(raw) > 64 else []

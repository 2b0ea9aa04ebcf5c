"""A drawer of SoftHSM tokens that are plugged in and pulled out: each test has its own, found through SOFTHSM2_CONF."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

PIN, WRONG = "20261121", "99999999"
FEW, FINAL, LOCKED = 0x10000, 0x20000, 0x40000
"""What a token says of the tries left (PKCS #11, CKF_USER_PIN_COUNT_LOW and its neighbours)."""


@dataclass
class Drawer:
    """Tokens in software.

    Args:
        folder: where they lie; conf: what SOFTHSM2_CONF names.
    """

    module: Path
    folder: Path
    conf: Path

    @classmethod
    def make(cls, module: Path, folder: Path) -> Drawer:
        tokens, conf = folder / "tokens", folder / "softhsm2.conf"
        tokens.mkdir()
        conf.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        return cls(module, tokens, conf)

    def token(self, keys: Mapping[int, Any], label: str = "An Bình") -> None:
        """Make a token with private keys by their number (CKA_ID) and nothing else on it, as many an HSM has them."""
        self._run("--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "12345678")
        for number, private in keys.items():
            pem = self.folder.parent / f"{number}.pem"
            pem.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            more = ("--id", f"{number:02x}", "--label", f"key {number}")
            self._run("--token", label, "--pin", PIN, "--import", str(pem), *more)
            pem.unlink()

    def address(self, number: int) -> str:
        return f"pkcs11:token=An%20B%C3%ACnh;id=%{number:02x}?module-path={self.module}"

    def pull_out(self) -> None:
        """Take every token out."""
        self.folder.rename(self.folder.with_name("elsewhere"))
        self.folder.mkdir()

    def plug_in(self) -> None:
        """Put them back."""
        self.folder.rmdir()
        self.folder.with_name("elsewhere").rename(self.folder)

    @property
    def flags(self) -> int:
        """What the token says of the tries left."""
        _path, raw, place = self._mark()
        return int.from_bytes(raw[place : place + 8]) & (FEW | FINAL | LOCKED)

    @flags.setter
    def flags(self, flags: int) -> None:
        path, raw, place = self._mark()
        value = int.from_bytes(raw[place : place + 8]) & ~(FEW | FINAL | LOCKED) | flags
        path.write_bytes(raw[:place] + value.to_bytes(8) + raw[place + 8 :])

    def _mark(self) -> tuple[Path, bytes, int]:
        """Where SoftHSM's own file keeps it: attribute 0x8000534B, flags of the token."""
        (path,) = self.folder.glob("*/token.object")
        raw = path.read_bytes()
        head = (0x8000534B).to_bytes(8) + (2).to_bytes(8)
        return path, raw, raw.index(head) + len(head)

    def _run(self, *arguments: str) -> None:
        command = ["softhsm2-util", "--module", str(self.module), *arguments]
        subprocess.run(command, env={"SOFTHSM2_CONF": str(self.conf)}, check=True, capture_output=True)

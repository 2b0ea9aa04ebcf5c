"""The settings of one installation as one frozen object; only eoffice.config fills it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Everything that may differ between two installations.

    Args:
        home: folder of this installation: database, files, keys, cache.
        database_url: ``sqlite:///...`` or ``postgresql://...``.
        installation: name under which this installation signs and is known to others.
        secret: signs the form tokens of the pages.
        production: refuse default secrets and test certificates' conveniences.
        test_mode: a test PKI is in use; every page says so.
        locale: language of pages for people who have not chosen, ``vi`` or ``en``.
        host, port: address of the web door.
        upload_limit: largest file in bytes.
        tsa_url: RFC 3161 time-stamp authority, "" when there is none.
        tsa_timeout: seconds.
        revocation_hosts: hosts that may be asked for the status of certificates, ``HOST`` or ``HOST:PORT`` separated by
            spaces; "": the lists in the trust folder alone are used.
        signing_program: address on each signer's own computer where the program of his token listens, "" when pages
            reach none and files are carried to and fro.
        sandbox_memory: bytes of one child that opens hostile files; sandbox_seconds: its time for one file.
        sandbox_workers: how many such children are kept warm.
        session_idle_minutes, session_hours: how long a sign-in lasts unused and at all.
        lock_timeout_ms: how long a statement waits for another's lock, in milliseconds.
        https: the site is reached over TLS; cookies are then marked Secure.
    """

    home: Path
    database_url: str
    secret: str
    installation: str = "anbinh.eoffice.test"
    production: bool = False
    test_mode: bool = True
    locale: str = "vi"
    host: str = "127.0.0.1"
    port: int = 8080
    upload_limit: int = 200 * 1024 * 1024
    tsa_url: str = ""
    tsa_timeout: float = 10.0
    revocation_hosts: str = ""
    signing_program: str = "http://127.0.0.1:14407"
    sandbox_memory: int = 1024 * 1024 * 1024
    sandbox_seconds: float = 20.0
    sandbox_workers: int = 2
    session_idle_minutes: int = 60
    session_hours: int = 12
    lock_timeout_ms: int = 30_000
    https: bool = False

    @property
    def files(self) -> Path:
        return self.home / "files"

    @property
    def pki(self) -> Path:
        return self.home / "pki"

    @property
    def agent_socket(self) -> Path:
        return self.home / "run" / "agent.sock"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

"""Reads the settings of an installation from its config file and EOFFICE_* variables; nothing else reads them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eoffice.core.settings import Settings

FILE = "config.toml"
"""One file in the home folder; a variable EOFFICE_NAME wins over its line ``name = ...``."""


_LOOPBACK = re.compile(r"https?://(127\.0\.0\.1|localhost)(:\d{1,5})?")


class ConfigError(Exception):
    """A setting that cannot be used; the sentence says which and why."""


def load(home: Path, environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Read the settings of the installation in ``home``.

    Args:
        home: folder of the installation; made when it is not there.
        environ: variables; the process's own when left out.
        given: settings that win over file and variables (options of a command); None is not given.

    Raises:
        ConfigError: unknown name, impossible value, or production with what is meant for trying out.
    """
    environ = os.environ if environ is None else environ
    home = Path(home).resolve()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    values: dict[str, Any] = {}
    file = home / FILE
    if file.exists():
        try:
            values.update(tomllib.loads(file.read_text("utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file}: {error}") from error
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    for name in fields:
        if f"EOFFICE_{name.upper()}" in environ and name != "home":
            values[name] = environ[f"EOFFICE_{name.upper()}"]
    values.update({name: value for name, value in given.items() if value is not None})
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ConfigError(f"{file}: unknown setting {', '.join(unknown)}")
    values = {name: _typed(name, value, str(fields[name].type)) for name, value in values.items()}
    values.setdefault("database_url", f"sqlite:///{home / 'eoffice.sqlite3'}")
    own_secret = "secret" in values
    values.setdefault("secret", _own_secret(home))
    values["home"] = home
    settings = Settings(**values)
    if settings.signing_program and not _LOOPBACK.fullmatch(settings.signing_program):
        raise ConfigError("signing_program: an address on the signer's own computer, such as http://127.0.0.1:14407")
    if settings.production:
        _check_production(settings, own_secret=own_secret)
    return settings


def home(environ: Mapping[str, str] | None = None) -> Path:
    """The folder of the installation a server is started for: EOFFICE_HOME, or ``var``."""
    return Path((os.environ if environ is None else environ).get("EOFFICE_HOME") or "var")


def inherited(more: Mapping[str, str]) -> dict[str, str]:
    """The process's own variables with some more, for a program that is started in its place."""
    return {**os.environ, **more}


def _typed(name: str, value: Any, kind: str) -> Any:
    if not isinstance(value, str) or kind == "str":
        return value
    try:
        if kind == "bool":
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[value.lower()]
        return {"int": int, "float": float, "Path": Path}[kind](value)
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{name}: {value!r} is no {kind}") from error


def _own_secret(home: Path) -> str:
    """The installation's own secret: made once, readable by its user alone."""
    file = home / "secret"
    if not file.exists():
        beside = home / f".secret-{secrets.token_hex(8)}"
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):  # another process was faster; its secret is ours
            os.link(beside, file)
        beside.unlink()
    return file.read_text().strip()


def _check_production(settings: Settings, *, own_secret: bool) -> None:
    if own_secret and len(settings.secret) < 32:
        raise ConfigError("secret: production wants at least 32 characters")
    if settings.test_mode:
        raise ConfigError("test_mode: production refuses the test certificates; set test_mode = false")
    if not settings.https:
        raise ConfigError("https: production wants TLS before the office; set https = true")

"""Makes .venv in the checkout: a pinned, hash-checked uv, the locked packages, the project itself, compiled bytecode.

Standard library only; works without Debian's python3-venv and without pip.
"""

from __future__ import annotations

import base64
import configparser
import errno
import fcntl
import hashlib
import html
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PINS = Path(__file__).resolve().parent
SPACE_NEEDED = 700 * 1024 * 1024
INDEX = "https://pypi.org/simple"
NETWORK = (
    "A network is needed once. Behind a proxy set https_proxy; with a mirror of the package index set PIP_INDEX_URL."
)


class CannotPrepare(Exception):
    """The environment cannot be made; the text says why and what to do."""


def prepare_once(root: Path, is_ready: Callable[[], bool], stamp: str) -> int:
    """Make .venv unless another process did so meanwhile.

    Args:
        root: the checkout.
        is_ready: asked again when the others are through.
        stamp: written as the last thing.

    Returns:
        The exit code; what went wrong is on stderr.
    """
    venv = root / ".venv"
    try:
        with only_one(venv):
            if not is_ready():
                prepare(root, venv)
                (venv / "ready").write_text(stamp)
    except (CannotPrepare, OSError) as problem:
        reason = explain(problem) if isinstance(problem, OSError) else problem
        print(f"\nThe environment in {venv} could not be made.\n{reason}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def only_one(venv: Path) -> Iterator[None]:
    """Let one process at a time work on .venv; the others wait."""
    venv.mkdir(exist_ok=True)
    with (venv / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare(root: Path, venv: Path) -> None:
    """Do the whole of it: Python, uv, packages, project, bytecode."""
    free = shutil.disk_usage(venv).free
    if free < SPACE_NEEDED:
        raise CannotPrepare(f"Only {free >> 20} MB are free on this disk; {SPACE_NEEDED >> 20} MB are needed.")
    say("Preparing the environment in .venv (once; about a minute on a slow line) ...")
    (venv / "ready").unlink(missing_ok=True)
    python = make_venv(venv)
    uv = get_uv(venv)
    settings = uv_settings()
    lock = ("pip", "sync", "-q", "--require-hashes", "--compile-bytecode", "--python", str(python))
    run_uv([str(uv), *lock, str(root / "requirements.lock")], settings)
    own = ("pip", "install", "-q", "--no-deps", "--reinstall-package", "eoffice", "--python", str(python))
    run_uv([str(uv), *own, "--build-constraints", str(PINS / "build.txt"), "-e", str(root)], settings)
    subprocess.run([python, "-m", "compileall", "-q", root / "eoffice", root / "signing"], check=True)


def real_python() -> str:
    """The Python outside any virtual environment, which has pip if the system has it."""
    return getattr(sys, "_base_executable", sys.executable)


def make_venv(venv: Path) -> Path:
    """Make the bare virtual environment, or mend the one that is there; return its Python."""
    real = real_python()
    command = [real, "-m", "venv", "--without-pip", str(venv)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise CannotPrepare(
            f"{real} -m venv failed:\n{made.stderr or made.stdout}\n"
            "On Debian or Ubuntu the full python3 package is needed: sudo apt-get install python3"
        )
    return venv / "bin" / "python"


def get_uv(venv: Path) -> Path:
    """Return the pinned uv, fetched when it is not there yet."""
    version, hashes = read_pin(PINS / "uv.txt")
    uv = venv / f"uv-{version}"
    if not uv.exists():
        wheel = fetch_with_pip() or fetch_without_pip(wheel_name(version))
        if hashlib.sha256(wheel).hexdigest() not in hashes:
            raise CannotPrepare("The downloaded uv is not the one we know (hash differs). Nothing of it was run.")
        part = uv.with_suffix(".part")
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            part.write_bytes(archive.read(f"uv-{version}.data/scripts/uv"))
        part.chmod(0o755)
        part.replace(uv)
    return uv


def read_pin(path: Path) -> tuple[str, set[str]]:
    """Read version and SHA-256 sums of the one package in a pin file."""
    text = path.read_text()
    version = re.search(r"^[a-z]+==(\S+)", text, re.M)
    if version is None:
        raise CannotPrepare(f"{path} names no version.")
    return version[1], set(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))


def wheel_name(version: str) -> str:
    """The file name of uv's wheel for this machine."""
    machine = platform.machine()
    musl = not platform.libc_ver()[0]
    names = {
        ("x86_64", False): "manylinux_2_17_x86_64.manylinux2014_x86_64",
        ("x86_64", True): "musllinux_1_1_x86_64",
        ("aarch64", False): "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
        ("aarch64", True): "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
    }
    if sys.platform != "linux" or (machine, musl) not in names:
        raise CannotPrepare(f"eoffice runs on Linux, x86_64 and aarch64; this is {sys.platform} on {machine}.")
    return f"uv-{version}-py3-none-{names[machine, musl]}.whl"


def fetch_with_pip() -> bytes | None:
    """Fetch uv's wheel with the system's pip, which knows proxies and mirrors; None when there is no pip."""
    with tempfile.TemporaryDirectory() as folder:
        command = [real_python(), "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--require-hashes", "--disable-pip-version-check", "-r", str(PINS / "uv.txt"), "-d", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return next(Path(folder).glob("uv-*.whl")).read_bytes()
    if "No module named pip" not in done.stderr:
        say(f"pip did not get uv, trying without: {done.stderr.strip().splitlines()[-1:]}")
    return None


def fetch_without_pip(name: str) -> bytes:
    """Fetch a wheel from the package index with nothing but the standard library."""
    index = index_url().rstrip("/") + "/"
    page, page_url = get(index + "uv/")
    for link in re.findall(r'<a\s[^>]*href="([^"]+)"', page.decode("utf-8", "replace")):
        url = urllib.parse.urljoin(page_url, html.unescape(link)).partition("#")[0]
        if urllib.parse.unquote(url.rpartition("/")[2]) == name:
            return get(_with_password_of(index, url))[0]
    raise CannotPrepare(f"The package index {without_password(index)} does not offer {name}.")


def _with_password_of(index: str, url: str) -> str:
    """Give an address on the index's own host the user and password of the index."""
    named, asked = urllib.parse.urlsplit(index), urllib.parse.urlsplit(url)
    if not named.username or (named.scheme, named.hostname, named.port) != (asked.scheme, asked.hostname, asked.port):
        return url
    return asked._replace(netloc=named.netloc).geturl()


def get(url: str) -> tuple[bytes, str]:
    """Read an address; return the bytes and where they came from after redirects."""
    plain = without_password(url)
    request = urllib.request.Request(plain, headers={"Accept": "text/html, */*;q=0.1"})
    named = urllib.parse.urlsplit(url)
    if named.username:
        pair = f"{urllib.parse.unquote(named.username)}:{urllib.parse.unquote(named.password or '')}"
        request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read(), answer.url
    except OSError as problem:
        raise CannotPrepare(f"{plain} cannot be read: {problem}.\n{NETWORK}") from problem


def index_url() -> str:
    """The package index: as uv or pip would choose it."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name]
    configured = configparser.ConfigParser(interpolation=None)
    home = Path.home()
    configured.read(["/etc/pip.conf", home / ".pip" / "pip.conf", home / ".config" / "pip" / "pip.conf"])
    return configured.get("global", "index-url", fallback=INDEX)


def uv_settings() -> dict[str, str]:
    """The environment uv runs in: its own settings, or else what pip was told."""
    settings = dict(os.environ)
    settings.setdefault("UV_DEFAULT_INDEX", index_url())
    settings.pop("UV_INDEX_URL", None)
    settings.pop("VIRTUAL_ENV", None)
    if settings.get("PIP_CERT"):
        settings.setdefault("SSL_CERT_FILE", settings["PIP_CERT"])
    return settings


def run_uv(command: list[str], settings: dict[str, str]) -> None:
    """Run uv; turn its failure into a sentence."""
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    if "os error 28" in done.stderr or "No space left" in done.stderr:
        raise CannotPrepare(explain(OSError(errno.ENOSPC, "No space left on device")))
    hint = NETWORK if re.search(r"fetch|dns|connect|timed out", done.stderr, re.I) else ""
    raise CannotPrepare(f"uv {' '.join(command[1:3])} failed:\n{done.stderr.strip()}\n{hint}")


def explain(problem: OSError) -> str:
    """Say in a sentence what to do about an error of the operating system."""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full. Make room (about 700 MB) and start again; what is there will be used."
    if problem.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{problem.filename} may not be written by this user. Use a checkout of your own."
    return str(problem)


def without_password(url: str) -> str:
    """An address fit to be shown: without user and password."""
    return re.sub(r"//[^/@]*@", "//", url)


def say(text: str) -> None:
    """Tell the person waiting what is going on."""
    print(text, file=sys.stderr, flush=True)

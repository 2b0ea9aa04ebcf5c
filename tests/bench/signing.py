"""How fast signing and verifying are, beside the raw limit of the same minute and beside other libraries.

``scripts/bench signing [--quick] [--json]``; the last line is JSON. Same file, same key, measured in turns; processor
time, except where the disk is part of the work. Peers that are not installed are left out and said so.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    pkcs12,
)

from eoffice.formats.letter import render
from signing.keys import SoftKey
from signing.many import Item, State, sign_file, sign_many
from signing.pki import RECIPE, Pki, raise_pki
from signing.seal import SealRequest, fill_and_seal
from signing.sign import Request, sign
from signing.stamp import Stamp, handwriting, seal
from signing.stored import Store, verify_stored
from signing.trust import Trust
from signing.tsa import LocalTsa
from signing.verify import verify
from tests.formats.letters import OFFICIAL
from tests.signing import making
from tests.support.code import ROOT
from tests.support.measuring import Figures, Options, milliseconds, p95
from tests.support.peers import PASSWORD, Plain, Work, programs, wall

TARGETS = {
    "sign_ratio_limit": ("<=", 10),
    "sign_ratio_plain": (">=", 30),
    "sign_visible_ratio_plain": (">=", 50),
    "batch_ratio_rsa_limit": (">=", 0.08),
    "big_file_ratio_hash_copy": (">=", 0.8),
    "big_file_extra_mb": ("<=", 16),
    "verify_cpu_ms_p50": ("<=", 40),
    "verify_cpu_ms_p95": ("<=", 130),
    "verify_20sig_s": ("<=", 0.3),
    "size_exponent": ("<=", 1.2),
    "signatures_exponent": ("<=", 1.2),
    "stored_verdict_ms": ("<=", 1),
}
MB = 1024 * 1024
TEXTS = {"so": "128", "ngay": "21", "thang": "11", "nam": "2026"}


@dataclass(frozen=True)
class Bench:
    """What is measured with.

    Args:
        draft: the office's own letter of one page, fonts inside, as the leader gets it.
        raw: the leader's private key itself, for the limit.
    """

    pki: Pki
    at: datetime
    trust: Trust
    key: SoftKey
    raw: rsa.RSAPrivateKey
    draft: bytes
    stamp: Stamp
    folder: Path
    options: Options

    def times(self, full: int) -> int:
        """How often something is done: a fifth of it in a quick run."""
        return max(3, full // 5) if self.options.quick else full

    def request(self, *, visible: bool) -> Request:
        """The leader's certification."""
        return Request("leader", "certification", self.stamp if visible else None)


@contextlib.contextmanager
def ready(options: Options) -> Iterator[Bench]:
    """A test PKI with RSA-2048 leaders, a letter and a picture, in a folder that is gone afterwards."""
    at = datetime.now(UTC).replace(microsecond=0)
    with tempfile.TemporaryDirectory(prefix="signing-bench-") as name:
        folder = Path(name)
        pki = raise_pki(RECIPE, folder / "pki", at=at, rounds=1000)
        key = pki.key("leader")
        sealed = (folder / "pki" / "keys" / "leader.key").read_bytes()
        raw = load_der_private_key(sealed, pki.password("leader").encode())
        assert isinstance(raw, rsa.RSAPrivateKey)
        stamp = Stamp(handwriting("Nguyễn Văn Nam"), 45, 16)
        yield Bench(pki, at, pki.trust(), key, raw, render(OFFICIAL), stamp, folder, options)


def in_turns(deeds: Mapping[str, Callable[[], object]], times: int) -> dict[str, float]:
    """Median processor milliseconds of some deeds, done one after the other again and again."""
    spent: dict[str, list[float]] = {name: [] for name in deeds}
    for turn in range(times + 2):
        for name, deed in deeds.items():
            began = time.process_time()
            deed()
            if turn > 1:  # the first ones warm up
                spent[name].append((time.process_time() - began) * 1000)
    return {name: statistics.median(found) for name, found in spent.items()}


def exponent(points: Mapping[int, float]) -> float:
    """Slope of cost over size on logarithmic scales, from the least squares of all points: 1 is linear."""
    logs = [(math.log(size), math.log(cost)) for size, cost in points.items()]
    return statistics.linear_regression([x for x, _ in logs], [y for _, y in logs]).slope


def signing(bench: Bench) -> tuple[dict[str, float], dict[str, float]]:
    """One letter signed: by the raw key, by us, by pyHanko as documented, and by whoever else is here."""
    draft, attributes = bench.draft, b"x" * 300

    def limit() -> None:
        hashlib.sha256(draft).digest()
        bench.raw.sign(attributes, padding.PKCS1v15(), hashes.SHA256())

    def ours(*, visible: bool) -> Callable[[], object]:
        return lambda: sign(draft, bench.key, bench.request(visible=visible), bench.trust, at=bench.at)

    work = _work(bench)
    plain = Plain(work)
    spent = in_turns({"limit": limit, "ours": ours(visible=False), "visible": ours(visible=True)}, bench.times(100))
    beside = in_turns(
        {
            "ours": ours(visible=False),
            "plain": lambda: plain.sign(visible=False),
            "visible": ours(visible=True),
            "plain_visible": lambda: plain.sign(visible=True),
        },
        bench.times(15),
    )
    bench.options.say(f"  a letter of {len(draft) / 1000:.0f} kB, processor ms: " + _told({**beside, **spent}))
    peers: dict[str, float] = {}
    for name, deed in programs(work, bench.folder / "peer.pdf").items():
        if deed is None:
            bench.options.say(f"  {name}: not here, or not running on this machine")
            continue
        peers[f"{name}_wall_ms"] = round(wall(deed, bench.times(15)), 2)
    return {
        "sign_cpu_ms": spent["ours"],
        "sign_visible_cpu_ms": spent["visible"],
        "limit_cpu_ms": spent["limit"],
        "sign_ratio_limit": spent["visible"] / spent["limit"],
        "sign_ratio_plain": beside["plain"] / beside["ours"],
        "sign_visible_ratio_plain": beside["plain_visible"] / beside["visible"],
    }, {"plain_cpu_ms": round(beside["plain"], 2), "plain_visible_cpu_ms": round(beside["plain_visible"], 2), **peers}


def _work(bench: Bench) -> Work:
    place = bench.folder
    certificate, *others = (x509.load_der_x509_certificate(der) for der in (bench.key.certificate, *bench.key.chain))
    (place / "store.p12").write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"leader", bench.raw, certificate, others, BestAvailableEncryption(PASSWORD.encode())
        )
    )
    (place / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (place / "key.pem").write_bytes(bench.raw.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (place / "draft.pdf").write_bytes(bench.draft)
    (place / "signed.pdf").write_bytes(_signed(bench, bench.draft))
    (place / "picture.png").write_bytes(bench.stamp.image)
    return Work(
        draft=place / "draft.pdf",
        signed=place / "signed.pdf",
        store=place / "store.p12",
        certificate=place / "certificate.pem",
        key=place / "key.pem",
        picture=place / "picture.png",
        font=ROOT / "eoffice" / "formats" / "fonts" / "Tinos-Regular.ttf",  # whole; what we made of it is our own work
        field="leader",
    )


def _signed(bench: Bench, pdf: bytes) -> bytes:
    return sign(pdf, bench.key, bench.request(visible=True), bench.trust, at=bench.at).pdf


def batch(bench: Bench) -> dict[str, float]:
    """Many letters signed from file to file by two processes, each on the disk, beside two processes that only sign."""
    count = bench.times(1000)
    source = bench.folder / "draft.pdf"
    folder = bench.folder / "batch"
    folder.mkdir()
    request = bench.request(visible=True)
    items = [
        Item(name=str(number), source=source, target=folder / f"{number}.pdf", request=request)
        for number in range(count)
    ]
    limit = _raw_rate(bench)
    began = time.perf_counter()
    outcomes = list(sign_many(items, bench.key, bench.trust, at=bench.at, processes=2))
    rate = count / (time.perf_counter() - began)
    assert all(one.state is State.SIGNED for one in outcomes), Counter(one.state for one in outcomes)
    return {"batch_per_s": rate, "rsa_limit_per_s": limit, "batch_ratio_rsa_limit": rate / limit}


def _raw_rate(bench: Bench) -> float:
    """Signatures a second of two forked processes that hash nothing and write nothing."""
    count = bench.times(4000)

    def sign_only() -> None:
        for _ in range(count):
            bench.raw.sign(b"x" * 300, padding.PKCS1v15(), hashes.SHA256())

    workers = [get_context("fork").Process(target=sign_only) for _ in range(2)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return 2 * count / (time.perf_counter() - began)


def big_file(bench: Bench) -> dict[str, float]:
    """A file of 200 MB signed into another one, beside hashing and copying it."""
    size = 40 if bench.options.quick else 200  # in all, for more than 200 is over the limit of the library
    source, target = bench.folder / "big.pdf", bench.folder / "big-signed.pdf"
    source.write_bytes(making.draft(extra={200: making.stream(os.urandom(size * MB - 65_536))}).data)
    request = Request("leader", "certification")

    def ours() -> None:
        sign_file(source, target, bench.key, request, trust=bench.trust, at=bench.at)

    def limit() -> None:
        with source.open("rb") as file:
            hashlib.file_digest(file, "sha256").hexdigest()
        shutil.copyfile(source, target)
        with target.open("rb+") as file:
            os.fsync(file.fileno())

    pairs = [(_seconds(limit), _seconds(ours)) for _ in range(bench.times(10))]
    return {
        "big_file_ratio_hash_copy": statistics.median(theirs / own for theirs, own in pairs),
        "big_file_extra_mb": _extra_memory(bench, source, target),
        "big_file_mb_per_s": size / statistics.median(own for _, own in pairs),
    }


def _seconds(deed: Callable[[], object]) -> float:
    began = time.perf_counter()
    deed()
    return time.perf_counter() - began


_ALONE = """
import resource, sys
from datetime import datetime
from pathlib import Path
from signing.many import sign_file
from signing.pki import Pki
from signing.sign import Request
small, big, target, home, at = sys.argv[1:]
pki = Pki.load(Path(home))
most = []
for source in (small, small, big):
    how = {"trust": pki.trust(), "at": datetime.fromisoformat(at)}
    sign_file(Path(source), Path(target), pki.key("leader"), Request("leader", "certification"), **how)
    most.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(most[2] - most[1])
"""


def _extra_memory(bench: Bench, big: Path, target: Path) -> float:
    """Megabytes a process of its own needs more for the big file than for a letter."""
    about = (bench.folder / "draft.pdf", big, target, bench.pki.directory, bench.at.isoformat())
    told = subprocess.run(
        [sys.executable, "-c", _ALONE, *about],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(told.stdout) / 1024


def corpus(bench: Bench) -> dict[str, bytes]:
    """Files as they come: ours of each kind, unsigned, big, with many signatures, broken and attacked."""
    tsa = LocalTsa(bench.pki.key("tsa"), lambda: bench.at)
    certified = _signed(bench, bench.draft)
    sealing = SealRequest(texts=TEXTS, stamp=Stamp(seal("Sở Nội vụ"), 36, 36))
    sealed = fill_and_seal(certified, bench.pki.key("seal"), sealing, bench.trust, tsa=tsa, at=bench.at).pdf
    paper = making.draft().sign(bench.key, making.LEADER, bench.at, certify=2)
    overlaid = paper.annotate(b"<</Type/Annot/Subtype/Stamp/Rect[0 0 595 842]>>", making.HACK)
    flipped = bytearray(sealed)
    flipped[len(certified) // 3] ^= 1
    return {
        "unsigned": bench.draft,
        "certified": certified,
        "sealed": sealed,
        "small": paper.data,
        "overlaid": overlaid.data,
        "flipped": bytes(flipped),
        "truncated": sealed[: len(sealed) - 3000],
        "100 pages": making.draft(100).sign(bench.key, making.LEADER, bench.at).data,
        "2 MB": _big(bench, 2),
        "20 MB": _big(bench, 20),
        "5 signatures": _many(bench, 5),
        "20 signatures": _many(bench, 20),
    }


def _big(bench: Bench, megabytes: int) -> bytes:
    """A signed letter with a scan of that size in it."""
    scan = making.stream(os.urandom(megabytes * MB))
    return making.draft(extra={200: scan}).sign(bench.key, making.LEADER, bench.at).data


def _many(bench: Bench, signatures: int) -> bytes:
    paper = making.draft()
    for _ in range(signatures):
        paper = paper.sign_new(bench.key, bench.at)
    return paper.data


def verifying(bench: Bench) -> dict[str, float]:
    """The whole verdict of each file of a mixed corpus, and how its cost grows."""
    moment = bench.at + timedelta(minutes=5)

    def judged(pdf: bytes) -> float:
        began = time.process_time()
        verify(pdf, bench.trust, at=moment)
        return (time.process_time() - began) * 1000

    files = corpus(bench)
    spent: list[float] = []
    for name, pdf in files.items():
        found = [judged(pdf) for _ in range(bench.times(15))]
        spent += found
        bench.options.say(f"    {name:14} {len(pdf) / 1000:9.0f} kB {statistics.median(found):8.2f} ms")
    store = Store(bench.folder / "verdicts")
    path = bench.folder / "sealed.pdf"
    path.write_bytes(files["sealed"])
    verify_stored(path, bench.trust, store, at=moment)
    looks = milliseconds(lambda: verify_stored(path, bench.trust, store, at=moment), 50)
    sizes = {size: statistics.median(judged(_big(bench, size)) for _ in range(3)) for size in (4, 8, 16, 32)}
    counts = {count: min(judged(_many(bench, count)) for _ in range(3)) for count in (10, 20, 40, 80)}
    return {
        "verify_cpu_ms_p50": statistics.median(spent),
        "verify_cpu_ms_p95": p95(spent),
        "verify_20sig_s": min(judged(files["20 signatures"]) for _ in range(5)) / 1000,
        "size_exponent": exponent(sizes),
        "signatures_exponent": exponent(counts),
        "stored_verdict_ms": statistics.median(looks),
    }


def _told(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in figures.items())


def main() -> int:
    """Measure, say it to people, and print the line of JSON."""
    options = Options.read(__doc__)
    figures = Figures(TARGETS)
    with ready(options) as bench:
        found, peers = signing(bench)
        figures.add(found)
        figures.add(batch(bench))
        figures.add(big_file(bench))
        figures.add(verifying(bench))
    for name, value in figures.found.items():
        wanted = f"wanted {TARGETS[name][0]} {TARGETS[name][1]:g}" if name in TARGETS else ""
        options.say(f"  {name:26} {value:10.3f}   {wanted}")
    for text in figures.missed():
        options.say(f"missed: {text}")
    print(figures.line("signing", [], peers=peers))
    return 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())

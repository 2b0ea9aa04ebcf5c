"""Many files in child processes, and verdicts that are kept: order, deaths, hangs, and when a verdict stops to hold."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest

from signing import batch
from signing.batch import verify_many
from signing.pki import Pki
from signing.results import Limits, Verdict
from signing.stored import Store, verify_stored
from signing.trust import Trust
from signing.verify import verify
from tests.signing.making import NUMBER, Judge, Paper, approved, certified, draft, issued, judge  # noqa: F401


@pytest.fixture
def folder(tmp_path: Path, certified: Paper, issued: Paper) -> Path:
    for index in range(6):
        (tmp_path / f"{index}.pdf").write_bytes((issued, certified.fill(NUMBER, b"1"), draft())[index % 3].data)
    return tmp_path


@pytest.fixture
def traps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children that die, hang or babble at a file of such a name: what a fault in a library would make them do."""
    start = (
        "import sys, os, signal; sys.path.insert(0, sys.argv[1]); from signing import batch; real = batch.verify\n"
        "def trap(path, *more, **named):\n"
        "    if path.stem == 'die': os.kill(os.getpid(), 9)\n"
        "    if path.stem == 'hang': signal.pause()\n"
        "    if path.stem == 'swell': bytearray(4 * 1024 ** 3)\n"
        "    if path.stem == 'babble': os.write(babble, b'no json\\n')\n"
        "    return real(path, *more, **named)\n"
        "babble = os.dup(1); batch.verify = trap; batch.serve()"
    )
    monkeypatch.setattr(batch, "_START", start)


def test_answers_come_in_order_and_are_the_same(folder: Path, pki: Pki, at: datetime) -> None:
    paths = [*sorted(folder.iterdir()), folder / "missing.pdf"]
    found = list(verify_many(iter(paths), pki.trust(), at=at, jobs=2))
    assert [path for path, _ in found] == paths
    assert [answer for _, answer in found] == [verify(path, pki.trust(), at=at) for path in paths]
    assert [answer.verdict.value for _, answer in found[:3]] == ["PASSED", "WARNED", "UNSIGNED"]


def test_a_child_that_dies_hangs_or_babbles_costs_one_answer(
    folder: Path, pki: Pki, at: datetime, traps: None, issued: Paper
) -> None:
    for name in ("die", "hang", "babble", "swell"):
        (folder / f"{name}.pdf").write_bytes(issued.data)
    names = ["0", "die", "1", "hang", "2", "babble", "3", "swell", "4"]
    paths = [folder / f"{name}.pdf" for name in names]
    before = time.monotonic()
    found = dict(verify_many(paths, pki.trust(), at=at, jobs=2, limits=Limits(seconds=0.7)))
    assert time.monotonic() - before < 30
    assert list(found) == paths
    told = {path.stem: (answer.verdict, [reason.code for reason in answer.reasons]) for path, answer in found.items()}
    assert told["die"] == (Verdict.UNREADABLE, ["check_interrupted"])
    assert told["hang"] == (Verdict.UNREADABLE, ["over_limit_seconds"])
    assert told["babble"] == (Verdict.UNREADABLE, ["check_interrupted"])
    assert told["swell"][0] is Verdict.UNREADABLE
    assert [told[name][0].value for name in "01234"] == ["PASSED", "WARNED", "UNSIGNED", "PASSED", "WARNED"]
    assert found[folder / "die.pdf"].sha256 == found[folder / "0.pdf"].sha256


def test_no_more_files_are_taken_than_are_needed(folder: Path, pki: Pki, at: datetime) -> None:
    taken: list[int] = []

    def endless() -> Iterator[Path]:
        while True:
            taken.append(1)
            yield folder / "2.pdf"

    answers = verify_many(endless(), pki.trust(), at=at, jobs=2)
    for _ in range(20):
        next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert len(taken) <= 20 + 2 * 4


def test_nothing_to_do_needs_no_child() -> None:
    assert list(verify_many([], Trust(), jobs=2)) == []


def test_names_may_be_any_bytes(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"t\xff\nx.pdf")
    path.write_bytes(draft().data)
    ((given, answer),) = verify_many([path], Trust(), jobs=1)
    assert (given, answer.verdict) == (path, Verdict.UNSIGNED)


# verdicts that are kept --------------------------------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often a file was really judged."""
    calls: list[int] = []
    real = import_module("signing.stored").verify

    def count(*arguments: object, **named: object) -> object:
        calls.append(1)
        return real(*arguments, **named)

    monkeypatch.setattr(import_module("signing.stored"), "verify", count)
    return calls


def test_a_verdict_is_kept(tmp_path: Path, pki: Pki, at: datetime, issued: Paper, counted: list[int]) -> None:
    store, path = Store(tmp_path / "store"), tmp_path / "a.pdf"
    path.write_bytes(issued.data)
    first = verify_stored(path, pki.trust(), store, at=at)
    again = verify_stored(issued.data, pki.trust(), store, at=at + timedelta(minutes=9))
    assert first == again == verify(path, pki.trust(), at=at)
    assert len(counted) == 1


@pytest.mark.parametrize("what", ["other trust", "other file", "an hour later", "earlier", "another engine"])
def test_a_verdict_that_no_longer_holds_is_made_anew(
    tmp_path: Path, pki: Pki, at: datetime, issued: Paper, certified: Paper, counted: list[int], what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    store = Store(tmp_path)
    trust, data, moment = pki.trust(), issued.data, at
    verify_stored(data, trust, store, at=moment)
    if what == "other trust":
        trust = replace(trust, crls=trust.crls[:1])
    elif what == "other file":
        data = certified.data
    elif what == "an hour later":
        moment += timedelta(hours=1)
    elif what == "earlier":
        moment -= timedelta(seconds=1)
    else:
        monkeypatch.setattr(import_module("signing.stored"), "ENGINE", "signing 2")
    verify_stored(data, trust, store, at=moment)
    assert len(counted) == 2


def test_no_verdict_outlives_a_list_or_a_certificate(
    tmp_path: Path, pki: Pki, at: datetime, issued: Paper, counted: list[int]
) -> None:
    from cryptography import x509

    trust = pki.trust()
    store = Store(tmp_path, max_age=timedelta(days=4000))
    ends = [x509.load_der_x509_crl(der).next_update_utc for der in trust.crls]
    end = min(one for one in ends if one is not None)
    verify_stored(issued.data, trust, store, at=at)
    verify_stored(issued.data, trust, store, at=end)
    assert len(counted) == 1
    verify_stored(issued.data, trust, store, at=end + timedelta(seconds=1))
    assert len(counted) == 2
    last = verify(issued.data, trust, at=at).signatures[0].valid_to
    assert last is not None
    bare = replace(trust, crls=())
    verify_stored(issued.data, bare, store, at=at)
    verify_stored(issued.data, bare, store, at=last + timedelta(seconds=1))
    assert len(counted) == 4


def test_a_spoilt_store_is_no_verdict(tmp_path: Path, pki: Pki, at: datetime, issued: Paper) -> None:
    store = Store(tmp_path)
    verify_stored(issued.data, pki.trust(), store, at=at)
    (kept,) = tmp_path.rglob("*.json")
    for spoilt in (b"", b"[]", b'{"verdict": "PASSED"}', b"\xff"):
        kept.write_bytes(spoilt)
        assert verify_stored(issued.data, pki.trust(), store, at=at).verdict is Verdict.PASSED
    told = json.loads(kept.read_bytes())
    kept.write_text(json.dumps(told | {"sha256": "0" * 64}))
    assert store.get(verify(issued.data, pki.trust(), at=at).sha256, pki.trust(), at) is None
    assert store.get("../../etc/passwd", pki.trust(), at) is None


def test_what_could_not_be_read_is_not_kept(tmp_path: Path, at: datetime) -> None:
    assert verify_stored(b"hello", Trust(), Store(tmp_path), at=at).verdict is Verdict.UNREADABLE
    assert verify_stored(tmp_path / "missing.pdf", Trust(), Store(tmp_path), at=at).verdict is Verdict.UNREADABLE
    assert list(tmp_path.iterdir()) == []

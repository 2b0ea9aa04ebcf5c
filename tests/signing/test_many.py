"""Many documents: a result for each in order, none stopped by another's fault, files whole or not there."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from signing.errors import KeyUnavailable, NotPermitted, SigningError, TsaDown, ValueRejected, WrongPin
from signing.increment import appending
from signing.keys import SoftKey
from signing.many import Item, SignedFile, State, sign_file, sign_many
from signing.objects import stream
from signing.pki import Pki
from signing.results import Limits, Verdict
from signing.sign import Request, sign
from signing.stamp import Stamp, handwriting
from signing.trust import Trust
from signing.tsa import LocalTsa
from signing.verify import verify

# Whoever runs the tests has threads of his own; from Python 3.12 on that is warned of.
FORKING = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
CERTIFY = Request("leader", kind="certification", stamp=Stamp(handwriting("Nguyễn Văn Nam")))


@pytest.fixture
def leader(pki: Pki) -> SoftKey:
    return pki.key("leader")


@pytest.fixture
def trust(pki: Pki) -> Trust:
    return pki.trust()


def test_each_gets_its_result_and_none_stops_the_others(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime, pki: Pki, tmp_path: Path
) -> None:
    signed = sign(draft, leader, Request("agency", lock_all=True), trust, at=at).pdf
    items = [
        Item(name="good", request=CERTIFY, pdf=draft),
        Item(name="no pdf", request=CERTIFY, pdf=b"nothing"),
        Item(name="locked", request=CERTIFY, pdf=signed),
        Item(name="missing", request=CERTIFY, source=tmp_path / "no.pdf", target=tmp_path / "out.pdf"),
        Item(name="nothing", request=CERTIFY),
        Item(name="no level", request=Request("leader", level="B-X"), pdf=draft),  # type: ignore[arg-type]
        Item(name="before", request=CERTIFY, pdf=draft),
        Item(name="own key", request=CERTIFY, pdf=draft, key=pki.key("expired")),
        Item(name="good too", request=CERTIFY, pdf=draft),
    ]
    found = {outcome.name: outcome for outcome in sign_many(items, leader, trust, at=at, done={"before"})}
    assert list(found) == [item.name for item in items]
    codes = {name: outcome.error.code for name, outcome in found.items() if outcome.error is not None}
    assert codes == {
        "no pdf": "not_a_pdf",
        "locked": "certification_not_first",
        "missing": "file_missing",
        "nothing": "file_missing",
        "no level": "internal_error",
        "own key": "certificate_expired",
    }
    assert found["before"].state is State.DONE_BEFORE
    for name in ("good", "good too"):
        made = found[name].signed
        assert made is not None
        assert not isinstance(made, SignedFile)
        assert verify(made.pdf, trust, at=at).verdict is Verdict.PASSED
    assert not (tmp_path / "out.pdf").exists()


def test_items_are_taken_one_by_one_and_may_be_stopped(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime
) -> None:
    taken: list[int] = []
    stop = False

    def items() -> Iterator[Item]:
        for number in range(5):
            taken.append(number)
            yield Item(name=str(number), request=CERTIFY, pdf=draft)

    outcomes = sign_many(items(), leader, trust, at=at, stop=lambda: stop)
    assert taken == []
    assert next(outcomes).state is State.SIGNED
    assert taken == [0]
    stop = True
    assert [outcome.state for outcome in outcomes] == [State.STOPPED] * 4


def test_a_key_that_goes_in_the_middle_leaves_what_was_signed(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime, pki: Pki
) -> None:
    states = []
    for number, outcome in enumerate(
        sign_many([Item(name=str(n), request=CERTIFY, pdf=draft) for n in range(4)], leader, trust, at=at)
    ):
        states.append(outcome.state)
        if number == 1:
            leader.close()
        if number > 1:
            assert isinstance(outcome.error, KeyUnavailable)
    assert states == [State.SIGNED, State.SIGNED, State.REFUSED, State.REFUSED]


@FORKING
def test_two_processes_sign_files(draft: bytes, leader: SoftKey, trust: Trust, at: datetime, tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.pdf").write_bytes(b"broken" if number == 7 else draft)
    items = [
        Item(name=str(n), request=CERTIFY, source=tmp_path / f"{n}.pdf", target=tmp_path / f"{n}.signed.pdf")
        for n in range(30)
    ]
    outcomes = list(sign_many(items, leader, trust, at=at, done={"3"}, processes=2))
    assert [outcome.name for outcome in outcomes] == [item.name for item in items]
    assert outcomes[3].state is State.DONE_BEFORE
    assert (outcomes[7].state, outcomes[7].error and outcomes[7].error.code) == (State.REFUSED, "not_a_pdf")
    assert len(list(tmp_path.glob("*.signed.pdf"))) == 28
    assert not list(tmp_path.glob(".*"))
    for outcome in outcomes[:3]:
        assert isinstance(outcome.signed, SignedFile)
        pdf = outcome.signed.path.read_bytes()
        assert hashlib.sha256(pdf).hexdigest() == outcome.signed.sha256
        assert verify(pdf, trust, at=at).verdict is Verdict.PASSED
    stopped = list(sign_many(items, leader, trust, at=at, stop=lambda: True, processes=2))
    assert {outcome.state for outcome in stopped} == {State.STOPPED}


@FORKING
def test_a_process_that_dies_is_told(draft: bytes, leader: SoftKey, trust: Trust, at: datetime, tmp_path: Path) -> None:
    class Deadly:
        certificate, chain = leader.certificate, leader.chain

        def sign(self, data: bytes, *, digest: str) -> bytes:
            os._exit(9)

    (tmp_path / "in.pdf").write_bytes(draft)
    items = [
        Item(name=str(n), request=CERTIFY, source=tmp_path / "in.pdf", target=tmp_path / f"{n}.pdf") for n in range(20)
    ]
    outcomes = list(sign_many(items, Deadly(), trust, at=at, processes=2))
    assert [outcome.name for outcome in outcomes] == [item.name for item in items]
    assert {outcome.error.code for outcome in outcomes if outcome.error} == {"internal_error"}
    assert not list(tmp_path.glob("?.pdf"))


@pytest.mark.parametrize("small", [0, 1_000_000])
def test_a_file_is_signed_like_its_bytes(
    small: int,
    draft: bytes,
    leader: SoftKey,
    trust: Trust,
    at: datetime,
    tmp_path: Path,
    tsa: LocalTsa,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("signing.many._SMALL", small)
    source, target = tmp_path / "in.pdf", tmp_path / "out.pdf"
    source.write_bytes(draft)
    made = sign_file(source, target, leader, CERTIFY, trust=trust, at=at)
    pdf = target.read_bytes()
    assert pdf.startswith(draft)
    assert len(pdf) == len(sign(draft, leader, CERTIFY, trust, at=at).pdf)
    assert (made.path, made.sha256, made.level) == (target, hashlib.sha256(pdf).hexdigest(), "B-B")
    assert verify(pdf, trust, at=at).signatures[0].digest == made.digest
    again = sign_file(target, target, leader, Request("agency", level="B-T"), trust=trust, at=at, tsa=tsa)
    assert again.proven_time == at
    assert verify(target.read_bytes(), trust, at=at).verdict is Verdict.PASSED
    assert source.read_bytes() == draft


@pytest.mark.parametrize("small", [0, 1_000_000])
def test_a_file_is_written_whole_or_not_at_all(
    small: int,
    draft: bytes,
    leader: SoftKey,
    trust: Trust,
    at: datetime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("signing.many._SMALL", small)
    class Down:
        room = 8000

        def stamp(self, digest: bytes, algorithm: str) -> bytes:
            raise TsaDown

    source, target = tmp_path / "in.pdf", tmp_path / "out.pdf"
    source.write_bytes(draft)
    target.write_bytes(b"what was there")

    def refused(kind: type[SigningError], request: Request = CERTIFY, **how: Any) -> str:
        with pytest.raises(kind) as error:
            sign_file(source, how.pop("target", target), leader, request, **{"trust": trust, "at": at, **how})
        assert target.read_bytes() == b"what was there"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in.pdf", "out.pdf"]
        return error.value.code

    assert refused(NotPermitted, Request("nobody")) == "field_missing"
    assert refused(TsaDown, Request("leader", level="B-T"), tsa=Down()) == "tsa_down"
    assert refused(SigningError, target=tmp_path / "no folder" / "out.pdf") == "file_missing"
    assert refused(SigningError, limits=Limits(bytes=100)) == "over_limit_bytes"
    assert refused(SigningError, at=at + timedelta(days=9999)) == "certificate_expired"


def test_a_large_file_is_not_read_into_memory(
    draft: bytes, leader: SoftKey, trust: Trust, at: datetime, tmp_path: Path
) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(draft))
    writer.add_object(stream({}, os.urandom(1024 * 1024) * 40, encoded=True))
    with (tmp_path / "in.pdf").open("wb+") as file:
        writer.write(file)
    sign(draft, leader, CERTIFY, trust, at=at)  # what is read once per process
    tracemalloc.start()
    made = sign_file(tmp_path / "in.pdf", tmp_path / "out.pdf", leader, CERTIFY, trust=trust, at=at, durable=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024
    assert verify(tmp_path / "out.pdf", trust, at=at).signatures[0].digest == made.digest


def test_nothing_but_the_end_of_a_file_can_be_written(tmp_path: Path, draft: bytes) -> None:
    (tmp_path / "x.pdf").write_bytes(draft)
    with appending(tmp_path / "x.pdf") as stream:
        stream.seek(len(draft) - 1)
        with pytest.raises(ValueRejected):
            stream.write(b"x")
        stream.seek(len(draft))
        stream.write(b"x")
    assert (tmp_path / "x.pdf").read_bytes() == draft + b"x"


def test_errors_come_back_from_another_process_as_what_they_were() -> None:
    error = pickle.loads(pickle.dumps(WrongPin("pin_locked", "x", left=0)))
    assert (type(error), error.code, error.detail, error.left) == (WrongPin, "pin_locked", "x", 0)

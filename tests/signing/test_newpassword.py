"""A key gets a new password whole and at once: whatever dies on the way, the old one opens it or the new one does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from signing.errors import KeyUnavailable, WrongPassword
from signing.keyfile import QUICK, is_sealed
from signing.keys import SoftKey, to_pkcs8, to_sealed
from signing.newpassword import change_password, opens
from signing.pki import Pki
from tests.support.killing import Points, kill_at, points_of

OLD, NEW = "mật khẩu cũ", "mật khẩu mới lắm"
FORMS = ("sealed", "pkcs8", "pkcs12")


@pytest.fixture
def folder(pki: Pki, tmp_path: Path) -> Callable[[str], Path]:
    """A folder with the leader's key alone, in the form asked for."""

    def make(form: str) -> Path:
        place = tmp_path / form
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        leader = pki.key("leader")
        private = leader._private
        assert private is not None
        if form == "pkcs12":
            own, *others = (x509.load_der_x509_certificate(der) for der in (leader.certificate, *leader.chain))
            secret = BestAvailableEncryption(OLD.encode())
            raw = pkcs12.serialize_key_and_certificates(b"x", private, own, others, secret)
            (place / "leader.p12").write_bytes(raw)
            return place
        raw = to_sealed(private, OLD, cost=QUICK) if form == "sealed" else to_pkcs8(private, OLD, rounds=1000)
        (place / "leader.key").write_bytes(raw)
        shutil.copy(pki.keys_dir / "leader.crt", place)
        return place

    return make


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_and_the_sealed_one_is_written(folder: Callable[[str], Path], pki: Pki, form: str) -> None:
    place = folder(form)
    change_password(place, "leader", OLD, NEW, cost=QUICK)
    assert sorted(path.name for path in place.iterdir()) == ["leader.crt", "leader.key"]
    path = place / "leader.key"
    assert is_sealed(path.read_bytes())
    assert path.stat().st_mode & 0o777 == 0o600
    key, before = SoftKey.load(path, NEW), pki.key("leader")
    assert (key.certificate, key.chain) == (before.certificate, before.chain)
    assert key.sign(b"x", digest="sha256") == before.sign(b"x", digest="sha256")
    with pytest.raises(WrongPassword):
        SoftKey.load(path, OLD)


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_password_writes_nothing(folder: Callable[[str], Path], form: str) -> None:
    place = folder(form)
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    with pytest.raises(WrongPassword):
        change_password(place, "leader", "sai rồi", NEW, cost=QUICK)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def change(points: Points, place: str) -> None:
    """Change the password in a process of its own, whose steps on disk are counted."""
    for name in ("open", "fsync", "replace", "unlink"):
        setattr(os, name, points.after(getattr(os, name), name))
    change_password(Path(place), "leader", OLD, NEW, cost=QUICK)


@pytest.mark.parametrize("form", FORMS)
def test_whenever_it_dies_one_of_the_two_opens_and_the_next_try_ends_well(
    folder: Callable[[str], Path], form: str
) -> None:
    steps = points_of(change, str(folder(form)))
    found = []
    for step in range(1, len(steps) + 1):
        place = folder(form)
        kill_at(step, change, str(place))
        (held,) = [password for password in (OLD, NEW) if opens(place, "leader", password)]
        found.append(held)
        change_password(place, "leader", held, "cuối cùng thì", cost=QUICK)
        assert sorted(path.name for path in place.iterdir()) == ["leader.crt", "leader.key"]
    turn = found.index(NEW)
    assert turn > 0
    assert found == [OLD] * turn + [NEW] * (len(steps) - turn)


def test_what_cannot_be_written_leaves_the_old_one(folder: Callable[[str], Path]) -> None:
    place = folder("sealed")
    (place / ".leader.key.new").mkdir()
    with pytest.raises(KeyUnavailable) as refused:
        change_password(place, "leader", OLD, NEW, cost=QUICK)
    assert refused.value.code == "key_not_written"
    assert opens(place, "leader", OLD)
    assert not opens(place, "leader", NEW)


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_key_that_is_no_file_is_told_so(folder: Callable[[str], Path], elsewhere: bool) -> None:
    place = folder("sealed")
    if elsewhere:  # says where the key lies; what lies beside it is not the key
        (place / "leader.toml").write_text("")
    else:
        (place / "leader.key").unlink()
    with pytest.raises(KeyUnavailable) as refused:
        change_password(place, "leader", OLD, NEW, cost=QUICK)
    assert refused.value.code == "no_key_file"
    assert not opens(place, "leader", OLD)
    assert "PIN" in refused.value.sentence("vi")

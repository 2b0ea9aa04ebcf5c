"""A key at rest opens with its password alone, is told apart from nothing else, and shows itself nowhere."""

from __future__ import annotations

import hashlib
import logging
import threading
import traceback
import unicodedata
from pathlib import Path

import pytest
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_der_private_key

from signing.agent import Vault
from signing.errors import KeyUnavailable, SigningError, WrongPassword
from signing.keyfile import QUICK, USUAL, Cost, is_sealed, seal, unseal
from signing.keys import SoftKey, generate, to_pkcs8, to_sealed
from signing.pki import Pki

CANARY = "chim-hoàng-yến-4711"


@pytest.fixture
def held(pki: Pki, tmp_path: Path) -> Path:
    """The leader's key in a file of its own."""
    leader = pki.key("leader")
    assert leader._private is not None
    (tmp_path / "leader.key").write_bytes(to_sealed(leader._private, CANARY, cost=QUICK))
    (tmp_path / "leader.crt").write_bytes((pki.keys_dir / "leader.crt").read_bytes())
    return tmp_path / "leader.key"


def test_the_form_is_what_its_description_says(held: Path, pki: Pki) -> None:
    raw = held.read_bytes()
    assert raw[:8] == b"SIGNKEY\x01"
    memory, passes, lanes = int.from_bytes(raw[8:12]), int.from_bytes(raw[12:16]), raw[16]
    key = hash_secret_raw(
        unicodedata.normalize("NFC", CANARY).encode(),
        raw[17:33],
        time_cost=passes,
        memory_cost=memory,
        parallelism=lanes,
        hash_len=32,
        type=Type.ID,
    )
    private = load_der_private_key(AESGCM(key).decrypt(raw[33:45], raw[45:], raw[:45]), None)
    assert SoftKey(private, pki.certificate("leader"))  # type: ignore[arg-type]
    assert (USUAL.memory, USUAL.passes, USUAL.lanes) == (65536, 3, 4)


def test_load_tells_the_forms_apart_and_the_old_ones_still_open(held: Path, pki: Pki) -> None:
    leader = pki.key("leader")
    opened = SoftKey.load(held, unicodedata.normalize("NFD", CANARY))
    assert opened.sign(b"x", digest="sha256") == leader.sign(b"x", digest="sha256")
    assert leader._private is not None
    held.write_bytes(to_pkcs8(leader._private, CANARY, rounds=1000))
    assert not is_sealed(held.read_bytes())
    assert SoftKey.load(held, CANARY).certificate == leader.certificate


def test_the_agent_opens_it(held: Path) -> None:
    vault, wanted = Vault(held.parent), hashlib.sha256(b"x").hexdigest()
    with pytest.raises(WrongPassword):
        vault.unlock("session", "leader", "wrong", [wanted], 60)
    assert vault.unlock("session", "leader", CANARY, [wanted], 60) == 60
    assert [entry["key_id"] for entry in vault.status("session")] == ["leader"]


def test_a_wrong_password_and_any_changed_byte_open_nothing() -> None:
    raw = seal(b"the key", b"password", cost=QUICK)
    assert unseal(raw, b"password") == b"the key"
    with pytest.raises(WrongPassword):
        unseal(raw, b"Password")
    for place in range(len(raw)):
        for bit in (0x01, 0x80):
            changed = raw[:place] + bytes([raw[place] ^ bit]) + raw[place + 1 :]
            if Cost(int.from_bytes(changed[8:12]), int.from_bytes(changed[12:16]), changed[16]).memory > 70_000:
                continue  # dear, not different: looked at below
            with pytest.raises(WrongPassword):
                unseal(changed, b"password")
    for cut in (b"", raw[:8], raw[:60], raw[:-1], raw + b"x"):
        with pytest.raises(WrongPassword):
            unseal(cut, b"password")


@pytest.mark.parametrize("cost", [Cost(2**32 - 1, 1, 1), Cost(64, 2**32 - 1, 1), Cost(64, 0, 1), Cost(64, 1, 255)])
def test_no_file_makes_us_work_without_end(cost: Cost) -> None:
    raw = seal(b"the key", b"password", cost=QUICK)
    hostile = raw[:8] + cost.memory.to_bytes(4) + cost.passes.to_bytes(4) + bytes([cost.lanes]) + raw[17:]
    assert not cost.bearable
    with pytest.raises(WrongPassword):
        unseal(hostile, b"password")


def test_two_files_of_one_key_have_nothing_in_common() -> None:
    one, two = (seal(b"the key", b"password", cost=QUICK) for _ in range(2))
    assert one[17:33] != two[17:33]
    assert one[33:45] != two[33:45]
    assert one[45:] != two[45:]


def test_threads_open_keys_at_the_same_time() -> None:
    raw = seal(b"the key", b"password", cost=Cost(1024, 1, 4))
    opened: list[bytes] = []
    threads = [threading.Thread(target=lambda: opened.append(unseal(raw, b"password"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert opened == [b"the key"] * 4


def test_secrets_show_nowhere(held: Path, pki: Pki, caplog: pytest.LogCaptureFixture) -> None:
    private = generate("p256")
    number = private.private_numbers().private_value  # type: ignore[union-attr]
    key = SoftKey.load(held, CANARY)
    told = [repr(key), str(key), str(vars(SoftKey).keys())]
    foreign = to_sealed(private, CANARY, cost=QUICK)
    for raw, password in ((held.read_bytes(), CANARY + "x"), (foreign, CANARY), (held.read_bytes()[:-1], CANARY)):
        held.write_bytes(raw)
        try:
            SoftKey.load(held, password)
        except SigningError as error:
            told += ["".join(traceback.format_exception(error)), repr(error), str(error), error.sentence("vi")]
            logging.getLogger("test").exception("refused")
    text = "\n".join([*told, caplog.text])
    assert "refused" in text
    assert CANARY not in text
    assert str(number) not in text
    assert f"{number:x}" not in text.lower()
    key.close()
    assert "_private': None" in str(vars(key))
    with pytest.raises(KeyUnavailable):
        key.sign(b"x", digest="sha256")

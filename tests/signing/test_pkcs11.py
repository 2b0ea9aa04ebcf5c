"""Keys on a real token in software (SoftHSM 2): every algorithm, a PIN that is never tried twice, a token that goes."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from signing.__main__ import main
from signing.errors import KeyUnavailable, WrongPassword, WrongPin
from signing.keys import Key
from signing.many import Item, State, sign_many
from signing.pending import complete, prepare
from signing.pkcs11 import Token, tokens
from signing.pki import RECIPE, Holder, Pki, raise_pki
from signing.results import Verdict
from signing.sign import Request, sign
from signing.verify import verify

PIN, OTHER = "20261121", "99999999"
CERTIFY = Request("leader", kind="certification")
NAMES = ("rsa2048", "rsa3072", "p256", "p384")
_LOW, _FINAL, _LOCKED = 0x10000, 0x20000, 0x40000


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, at: datetime) -> Pki:
    pki = raise_pki(RECIPE, tmp_path_factory.mktemp("people"), at=at, key="p256", rounds=1000)
    pki.issue([Holder(name, f"Lê Thị {name}", "Sở Tài chính", overrides={"key": name}) for name in NAMES], at=at)
    pki.renew_crls(at=at)
    return pki


@pytest.fixture
def drawer(softhsm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where SoftHSM keeps the tokens of this test."""
    (tmp_path / "tokens").mkdir()
    conf = tmp_path / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(conf))
    pkcs11.unload(str(softhsm))
    yield tmp_path / "tokens"
    pkcs11.unload(str(softhsm))


@pytest.fixture
def plug(drawer: Path, softhsm: Path, people: Pki, tmp_path: Path) -> Callable[..., None]:
    """Make a token with some of the people's keys."""

    def plugged(*names: str, label: str = "Ký số") -> None:
        command = ["softhsm2-util", "--module", str(softhsm)]
        user = ["--pin", PIN, "--token", label]
        subprocess.run(
            [*command, "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "12345678"],
            check=True,
            capture_output=True,
        )
        for number, name in enumerate(names, 1):
            private = people.key(name)._private
            assert private is not None
            pem = tmp_path / f"{name}.pem"
            pem.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            subprocess.run(
                [*command, *user, "--import", pem, "--id", f"{number:02x}", "--label", name],
                check=True,
                capture_output=True,
            )
        library: Any = pkcs11.lib(str(softhsm))
        library.reinitialize()
        token = next(slot.get_token() for slot in library.get_slots(True) if slot.get_token().label.strip() == label)
        with token.open(rw=True, user_pin=PIN) as session:
            for number, name in enumerate(names, 1):
                for der, own in ((people.certificate(name), bytes([number])), *((c, b"") for c in people.chain(name))):
                    store(session, der, own)

    return plugged


def store(session: Any, der: bytes, number: bytes) -> None:
    """Put a certificate on the token."""
    parsed = asn1_x509.Certificate.load(der)
    session.create_object(
        {
            pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE,
            pkcs11.Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
            pkcs11.Attribute.TOKEN: True,
            pkcs11.Attribute.PRIVATE: False,
            pkcs11.Attribute.SUBJECT: parsed.subject.dump(),
            pkcs11.Attribute.VALUE: der,
            pkcs11.Attribute.ID: number,
        }
    )


def mark(drawer: Path, softhsm: Path, flags: int) -> None:
    """Set what the token says of its PIN, in SoftHSM's own file (attribute 0x8000534B: flags of the token)."""
    (path,) = drawer.glob("*/token.object")
    raw = path.read_bytes()
    head = (0x8000534B).to_bytes(8) + (2).to_bytes(8)
    place = raw.index(head) + len(head)
    value = int.from_bytes(raw[place : place + 8]) & ~(_LOW | _FINAL | _LOCKED) | flags
    path.write_bytes(raw[:place] + value.to_bytes(8) + raw[place + 8 :])
    library: Any = pkcs11.lib(str(softhsm))
    library.reinitialize()


@pytest.mark.parametrize(("name", "pss"), [*((name, False) for name in NAMES), ("rsa2048", True), ("rsa3072", True)])
def test_every_algorithm(
    name: str, pss: bool, plug: Callable[..., None], softhsm: Path, people: Pki, draft: bytes, at: datetime
) -> None:
    plug(name)
    with Token.open(softhsm, PIN, label="Ký số") as token:
        key = token.key(pss=pss)
        assert isinstance(key, Key)
        assert key.certificate == people.certificate(name)
        assert key.chain == people.chain(name)
        signed = sign(draft, key, CERTIFY, people.trust(), at=at)
        found = verify(signed.pdf, people.trust(), at=at)
        assert found.verdict is Verdict.PASSED
        assert ("PSS" in found.signatures[0].algorithm) == pss
        pending = prepare(draft, key, CERTIFY, people.trust(), user="hanh", at=at)
        value = key.sign(pending.to_sign, digest=pending.digest)
        assert complete(pending, value, people.trust(), user="hanh", at=at).field == "leader"
    with pytest.raises(KeyUnavailable):
        key.sign(b"x", digest="sha256")


def test_tokens_and_keys_are_chosen(plug: Callable[..., None], softhsm: Path, people: Pki) -> None:
    plug("p256", "rsa2048")
    plug("p384", label="Thứ hai")
    pkcs11.lib(str(softhsm)).reinitialize()
    first, second = sorted((t for t in tokens(softhsm) if t.label), key=lambda t: t.label)
    assert (first.label, second.label, second.maker) == ("Ký số", "Thứ hai", "SoftHSM project")

    def code(**how: Any) -> str:
        with pytest.raises(KeyUnavailable) as refused:
            Token.open(softhsm, PIN, **how)
        return refused.value.code

    assert code() == "token_ambiguous"
    assert code(label="Thứ ba") == "token_missing"
    assert code(label="Ký số", serial=second.serial) == "token_missing"
    with Token.open(softhsm, PIN, serial=second.serial) as token:
        assert token.key().certificate == people.certificate("p384")
    with Token.open(softhsm, PIN, label="Ký số") as token:
        with pytest.raises(KeyUnavailable, match="key_ambiguous"):
            token.key()
        assert token.key(people.certificate("rsa2048")).certificate == people.certificate("rsa2048")
        with pytest.raises(KeyUnavailable, match="key_missing"):
            token.key(people.certificate("p384"))
        assert PIN not in repr(token.key(people.certificate("p256"))) + str(vars(token))


def test_a_wrong_pin_is_tried_once_and_told(plug: Callable[..., None], softhsm: Path) -> None:
    plug("p256")
    with pytest.raises(WrongPin) as refused:
        Token.open(softhsm, OTHER, label="Ký số")
    assert refused.value.code == "wrong_pin"
    assert isinstance(refused.value, WrongPassword)
    assert "few tries" in refused.value.detail  # SoftHSM says so after any wrong PIN
    assert OTHER not in str(refused.value)
    assert tokens(softhsm)[0].few_tries
    for pin in ("", "1", "x" * 300):
        with pytest.raises(WrongPin):
            Token.open(softhsm, pin, label="Ký số")
    with Token.open(softhsm, PIN, label="Ký số") as token:
        assert token.key().sign(b"x", digest="sha256")
        with pytest.raises(KeyUnavailable) as busy:  # while it is open the module would let any PIN pass
            Token.open(softhsm, OTHER, label="Ký số")
        assert busy.value.code == "token_busy"


def test_the_last_try_is_not_taken_unasked(plug: Callable[..., None], softhsm: Path, drawer: Path) -> None:
    plug("p256")
    mark(drawer, softhsm, _FINAL)
    for pin in (PIN, OTHER):
        with pytest.raises(WrongPin) as refused:
            Token.open(softhsm, pin, label="Ký số")
        assert (refused.value.code, refused.value.left) == ("pin_final_try", 1)
    assert tokens(softhsm)[0].last_try  # a wrong PIN that had been tried would have changed the flags
    Token.open(softhsm, PIN, label="Ký số", insist=True).close()
    mark(drawer, softhsm, _LOCKED)
    with pytest.raises(WrongPin) as refused:
        Token.open(softhsm, PIN, label="Ký số", insist=True)
    assert (refused.value.code, refused.value.left) == ("pin_locked", 0)


def test_a_token_pulled_out_in_mid_batch_stops_nothing_else(
    plug: Callable[..., None], softhsm: Path, drawer: Path, people: Pki, draft: bytes, at: datetime
) -> None:
    plug("p256")
    token = Token.open(softhsm, PIN, label="Ký số")
    own = Item(name="another's", request=CERTIFY, pdf=draft, key=people.key("leader"))
    items = [*(Item(name=str(number), request=CERTIFY, pdf=draft) for number in range(4)), own]
    states = []
    for outcome in sign_many(items, token.key(), people.trust(), at=at):
        states.append(outcome.state)
        if outcome.name == "1":
            shutil.rmtree(next(drawer.iterdir()))
        if outcome.error is not None:
            assert (type(outcome.error), outcome.error.code) == (KeyUnavailable, "token_gone")
    assert states == [State.SIGNED, State.SIGNED, State.REFUSED, State.REFUSED, State.SIGNED]
    with pytest.raises(KeyUnavailable, match="token_gone"):
        token.key()
    token.close()


def test_threads_take_turns(plug: Callable[..., None], softhsm: Path, people: Pki, draft: bytes, at: datetime) -> None:
    plug("p256", "rsa2048")
    done: list[str] = []
    with Token.open(softhsm, PIN, label="Ký số") as token:
        keys = [token.key(people.certificate(name)) for name in ("p256", "rsa2048")]

        def many(number: int) -> None:
            for _ in range(5):
                done.append(sign(draft, keys[number % 2], CERTIFY, people.trust(), at=at).field)

        threads = [threading.Thread(target=many, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert done == ["leader"] * 20


def test_the_command_signs_with_a_token(
    plug: Callable[..., None], softhsm: Path, people: Pki, draft: bytes, at: datetime, tmp_path: Path
) -> None:
    plug("p256", "rsa2048")
    (tmp_path / "in.pdf").write_bytes(draft)
    (tmp_path / "pin").write_text(PIN + "\n")
    paths = [str(tmp_path / "in.pdf"), str(tmp_path / "out.pdf")]

    def run(address: str) -> int:
        options = ["--field", "leader", "--at", at.isoformat(), "--password-file", str(tmp_path / "pin")]
        code = main(["sign", *paths, "--key", address, *options])
        pkcs11.lib(str(softhsm)).reinitialize()  # as a command of its own would end
        return code

    address = f"pkcs11:token=K%C3%BD%20s%E1%BB%91;id=%02?module-path={softhsm}"
    assert run(address) == 0
    (report,) = verify((tmp_path / "out.pdf").read_bytes(), people.trust(), at=at).signatures
    assert (report.verdict, report.algorithm) == (Verdict.PASSED, "RSA-2048 SHA-256")
    assert run(address.replace(";id=%02", "")) == 1  # two keys
    assert run(address.replace("%02", "%07")) == 1
    assert run(address.replace("token=", "model=")) == 64
    assert run("pkcs11:token=x") == 64


def test_a_module_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "module.so").write_bytes(b"no library")
    for path in (tmp_path / "module.so", tmp_path / "missing.so"):
        with pytest.raises(KeyUnavailable) as refused:
            tokens(path)
        assert refused.value.code == "token_module_missing"

"""Real certificates as files: every form is read, every fault refused, and no key is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    pkcs7,
    pkcs12,
)

from eoffice.core.errors import FileRefused, InvalidInput, OfficeError
from eoffice.core.secret import Secret
from eoffice.models.directory import Certificate
from eoffice.services import certificate_files, certificate_requests, certificates, directory
from eoffice.services.certificate_files import Brought, bring_in
from signing.pki import Holder, Pki
from tests.support.world import World, snapshot

PASSWORD = "mật khẩu của tệp"


@pytest.fixture
def issued(world: World) -> Callable[..., str]:
    """Have the authority make a certificate the office does not know; returns the name of its key."""
    count = iter(range(100))

    def make(person: str = "Nguyễn Văn Nam", agency: str = "Sở Nội vụ", **more: Any) -> str:
        name = f"outside-{next(count)}"
        more = {"overrides": {"begins_days": -1}, **more}
        Pki.load(world.office.settings.pki).issue([Holder(name, person, agency, **more)], at=world.clock.now())
        return name

    return make


def parts(world: World, name: str) -> tuple[Any, list[x509.Certificate]]:
    """The private key, and the certificates, the holder's first."""
    pki = Pki.load(world.office.settings.pki)
    private = load_der_private_key((pki.keys_dir / f"{name}.key").read_bytes(), pki.password(name).encode())
    return private, [x509.load_der_x509_certificate(der) for der in (pki.certificate(name), *pki.chain(name))]


def files(world: World, name: str) -> dict[str, bytes]:
    """The same certificates in every form an issuer gives them."""
    private, chain = parts(world, name)
    sealed = BestAvailableEncryption(PASSWORD.encode())
    return {
        "pem": b"".join(other.public_bytes(Encoding.PEM) for other in reversed(chain)),
        "der": chain[0].public_bytes(Encoding.DER),
        "p7b": pkcs7.serialize_certificates(chain, Encoding.DER),
        "p7b as text": pkcs7.serialize_certificates(chain, Encoding.PEM),
        "p12": pkcs12.serialize_key_and_certificates(b"x", private, chain[0], chain[1:], sealed),
    }


def bring(
    world: World, data: bytes, *, purpose: str = "leader", login: str = "nam", password: str = "", key: str = "file"
) -> Certificate:
    actor = world.actor("phong")
    with world.office.read(actor) as desk:
        brought = certificate_files.read(desk, data, Secret(password))
    found: Certificate = world.office.do(
        actor, bring_in, key=key, brought=brought, purpose=purpose, post=world.post(login), storage="token"
    )
    return found


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_form_is_read_alike(world: World, issued: Callable[..., str]) -> None:
    name = issued()
    _private, chain = parts(world, name)
    own, *issuers = (other.public_bytes(Encoding.DER) for other in chain)
    with world.office.read(world.actor("phong")) as desk:
        for form, data in files(world, name).items():
            found = certificate_files.read(desk, data, Secret(PASSWORD if form == "p12" else ""))
            assert found == Brought(own, () if form == "der" else tuple(issuers)), form


def test_it_is_put_into_use_in_place_of_the_old_one(world: World, issued: Callable[..., str]) -> None:
    data = files(world, issued())["pem"]
    with world.office.read(world.actor("phong")) as desk:
        old = directory.certificate(desk, "leader", post_id=world.post("nam"))
    assert old is not None
    row = bring(world, data)
    assert (row.storage, row.origin, row.key_name, row.status) == ("token", "imported", "", "active")
    with world.office.read(world.actor("phong")) as desk:
        assert certificates.one(desk, old.id).replaced_by_id == row.id
        assert certificates.status(desk, row).trusted
    assert [deed.word for deed in _history(world, row)] == ["certificate.brought_in"]


def _history(world: World, row: Certificate) -> Any:
    with world.office.read(world.actor("phong")) as desk:
        return certificates.history(desk, row)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_key_is_kept_of_a_file_that_holds_one(world: World, issued: Callable[..., str]) -> None:
    name = issued()
    private, _chain = parts(world, name)
    secret = private.private_numbers().private_value.to_bytes(32, "big")
    bring(world, files(world, name)["p12"], password=PASSWORD)
    world.office.engine.dispose()
    kept = [path for path in Path(world.office.settings.home).rglob("*") if path.is_file() and "keys" not in path.parts]
    assert kept
    assert not any(secret in path.read_bytes() or PASSWORD.encode() in path.read_bytes() for path in kept)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_it_answers_the_open_request_and_is_known_then(world: World, issued: Callable[..., str]) -> None:
    admin = world.actor("phong")
    asked = world.office.do(admin, certificate_requests.request, key="ask", purpose="leader", post=world.post("nam"))
    data = files(world, issued())["pem"]
    row = bring(world, data)
    with world.office.read(admin) as desk:
        found = certificate_requests.asked(desk, asked.id)
    assert (found.state, found.certificate_id) == ("issued", row.id)
    with pytest.raises(InvalidInput) as again:
        bring(world, data, key="again")
    assert again.value.code == "key_known"
    assert bring(world, data).id == row.id  # the same call


WRONG: tuple[tuple[dict[str, Any], dict[str, str], str], ...] = (
    ({"person": "Phạm Thị Kim Ngân"}, {}, "other_holder"),
    ({"agency": "Sở Tài chính"}, {}, "other_agency"),
    ({}, {"login": "tuan"}, "holder_impossible"),
    ({}, {"login": "dung"}, "holder_impossible"),
    ({}, {"purpose": "seal", "login": "hanh"}, "other_holder"),
    ({}, {"purpose": "exchange"}, "form_incomplete"),
    ({"template": "wrong_usage"}, {}, "wrong_usage"),
    ({"overrides": {"begins_days": -20, "lasts_days": 10}}, {}, "certificate_expired"),
    ({"issuer": "rogue"}, {}, "no_chain"),
)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_does_not_fit_is_refused(world: World, issued: Callable[..., str]) -> None:
    before = snapshot(world, Certificate)
    for at, (holder, to, code) in enumerate(WRONG):
        made = {**holder, "issuer": _rogue(world)} if "issuer" in holder else holder
        own, *issuers = (other.public_bytes(Encoding.DER) for other in parts(world, issued(**made))[1])
        given = {"purpose": to.get("purpose", "leader"), "post": world.post(to.get("login", "nam")), "storage": "token"}
        with pytest.raises(OfficeError) as refused:
            brought = Brought(own, tuple(issuers))
            world.office.do(world.actor("phong"), bring_in, key=f"wrong {at}", brought=brought, **given)
        assert refused.value.code == code
    assert snapshot(world, Certificate) == before


def _rogue(world: World) -> str:
    """An authority the office does not believe in."""
    pki = Pki.load(world.office.settings.pki)
    known = next((entry.name for entry in pki.entries.values() if entry.authority and "rogue" in entry.name), None)
    assert known is not None
    return known


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_revoked_one_is_refused(world: World, issued: Callable[..., str]) -> None:
    name = issued()
    pki = Pki.load(world.office.settings.pki)
    pki.revoke(name, at=world.clock.now() - timedelta(hours=1))
    pki.renew_crls(at=world.clock.now())
    with pytest.raises(OfficeError) as refused:
        bring(world, files(world, name)["pem"])
    assert refused.value.code == "certificate_revoked"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_files_that_are_none_are_refused(world: World, issued: Callable[..., str]) -> None:
    name = issued()
    private, chain = parts(world, name)
    given = files(world, name)
    open_key = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    other = parts(world, issued())[1][0].public_bytes(Encoding.PEM)
    authority = chain[1].public_bytes(Encoding.PEM)
    cases = [
        (b"", "certificate_file_refused", ""),
        (b"%PDF-1.7 not a certificate", "certificate_file_refused", ""),
        (b"0\x82\xff\xff" + b"\x00" * 300, "certificate_file_refused", ""),
        (given["der"][:-20], "certificate_file_refused", ""),
        (given["p12"], "file_password_wrong", "sai"),
        (given["p12"], "file_password_wrong", ""),
        (given["pem"] + open_key, "private_key_sent", ""),
        (given["pem"] + other, "certificate_file_several", ""),
        (authority, "certificate_file_several", ""),
        (authority * 40, "certificate_file_refused", ""),
    ]
    for data, code, password in cases:
        with world.office.read(world.actor("phong")) as desk, pytest.raises(FileRefused) as refused:
            certificate_files.read(desk, data, Secret(password))
        assert refused.value.code == code, data[:40]

"""Every algorithm is made by us and believed by others: pyHanko, and pdfsig and OpenSSL where they know it."""

from __future__ import annotations

import asyncio
import hashlib
import io
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from signing.keys import SoftKey
from signing.pki import RECIPE, Holder, Pki, raise_pki
from signing.results import Verdict
from signing.sign import Request, sign
from signing.verify import verify

KINDS = ("rsa2048", "rsa3072", "rsa4096", "p256", "p384", "ed25519")
MATRIX = [*((kind, False) for kind in KINDS), ("rsa2048", True), ("rsa3072", True), ("rsa4096", True)]
DIGESTS = {"p384": "sha384", "ed25519": "sha512"}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, at: datetime) -> Pki:
    pki = raise_pki(RECIPE, tmp_path_factory.mktemp("people"), at=at, key="p256", rounds=1000)
    pki.issue([Holder(kind, f"Lê Thị {kind}", "Sở Tài chính", overrides={"key": kind}) for kind in KINDS], at=at)
    pki.renew_crls(at=at)
    return pki


@pytest.fixture(scope="module")
def signed(people: Pki, draft: bytes, at: datetime) -> dict[tuple[str, bool], bytes]:
    """The draft, signed once with every algorithm."""
    found = {}
    for kind, pss in MATRIX:
        own = people.key(kind)
        assert own._private is not None
        key = SoftKey(own._private, own.certificate, own.chain, pss=pss)
        found[kind, pss] = sign(draft, key, Request("leader", kind="certification"), people.trust(), at=at).pdf
    return found


def parts(pdf: bytes) -> tuple[bytes, bytes]:
    """What the signature covers, and its container."""
    _, start, end, rest = (int(n) for n in PdfFileReader(io.BytesIO(pdf)).embedded_signatures[-1].byte_range)
    return pdf[:start] + pdf[end : end + rest], bytes.fromhex(pdf[start + 1 : end - 1].decode())


def names(value: object) -> Iterator[str]:
    """Every algorithm named anywhere in a structure."""
    if isinstance(value, dict):
        if isinstance(value.get("algorithm"), str):
            yield value["algorithm"]
        for inner in value.values():
            yield from names(inner)
    elif isinstance(value, list | set | tuple):
        for inner in value:
            yield from names(inner)


@pytest.mark.parametrize(("kind", "pss"), MATRIX)
def test_ours_says_passed(
    kind: str, pss: bool, signed: dict[tuple[str, bool], bytes], people: Pki, at: datetime
) -> None:
    found = verify(signed[kind, pss], people.trust(), at=at)
    assert found.verdict is Verdict.PASSED, found
    label = {"p256": "secp256r1", "p384": "secp384r1", "ed25519": "Ed25519"}.get(kind, kind[3:])
    assert label in found.signatures[0].algorithm
    assert ("PSS" in found.signatures[0].algorithm) == pss


@pytest.mark.parametrize(("kind", "pss"), MATRIX)
def test_pyhanko_says_so_too(
    kind: str, pss: bool, signed: dict[tuple[str, bool], bytes], people: Pki, at: datetime
) -> None:
    trust = people.trust()
    context = ValidationContext(
        trust_roots=[asn1_x509.Certificate.load(der) for der in trust.anchors],
        other_certs=[asn1_x509.Certificate.load(der) for der in trust.intermediates],
        crls=list(trust.crls),
        moment=at,
        revocation_mode="require",
    )
    (embedded,) = PdfFileReader(io.BytesIO(signed[kind, pss])).embedded_signatures
    status = asyncio.run(async_validate_pdf_signature(embedded, signer_validation_context=context))
    assert (status.intact, status.valid, status.trusted, status.bottom_line) == (True, True, True, True)
    assert status.coverage.name == "ENTIRE_FILE"


@pytest.mark.parametrize(("kind", "pss"), [one for one in MATRIX if one[0] != "ed25519"])
def test_pdfsig_says_so_too(
    kind: str, pss: bool, signed: dict[tuple[str, bool], bytes], pdfsig: Path, tmp_path: Path
) -> None:
    (tmp_path / "x.pdf").write_bytes(signed[kind, pss])
    said = subprocess.run([pdfsig, "x.pdf"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "Signature is Valid" in said
    assert "Total document signed" in said


@pytest.mark.parametrize(("kind", "pss"), [one for one in MATRIX if one[0] != "ed25519"])
def test_openssl_says_so_too(
    kind: str,
    pss: bool,
    signed: dict[tuple[str, bool], bytes],
    people: Pki,
    at: datetime,
    openssl: Path,
    tmp_path: Path,
) -> None:
    data, container = parts(signed[kind, pss])
    (tmp_path / "data").write_bytes(data)
    (tmp_path / "cms").write_bytes(container)
    command = [openssl, "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "cms", "-content", "data"]
    trusted = ["-CAfile", people.trust_dir / "root.crt", "-purpose", "any", "-attime", str(int(at.timestamp()))]
    done = subprocess.run(
        [*command, *trusted, "-out", "out"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_openssl_accepts_the_bare_value_of_ed25519(
    signed: dict[tuple[str, bool], bytes], people: Pki, openssl: Path, tmp_path: Path
) -> None:
    """OpenSSL 3.0 knows Ed25519, but not inside CMS."""
    (signer,) = cms.ContentInfo.load(parts(signed["ed25519", False])[1])["content"]["signer_infos"]
    (tmp_path / "data").write_bytes(b"\x31" + signer["signed_attrs"].dump()[1:])
    (tmp_path / "value").write_bytes(signer["signature"].native)
    certificate = people.keys_dir / "ed25519.crt"
    command = [openssl, "pkeyutl", "-verify", "-certin", "-inkey", certificate, "-rawin", "-in", "data"]
    done = subprocess.run([*command, "-sigfile", "value"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.parametrize(("kind", "pss"), MATRIX)
def test_sha_1_is_never_made(kind: str, pss: bool, signed: dict[tuple[str, bool], bytes]) -> None:
    data, container = parts(signed[kind, pss])
    info = cms.ContentInfo.load(container)["content"]
    assert info["digest_algorithms"][0]["algorithm"].native == DIGESTS.get(kind, "sha256")
    (signer,) = info["signer_infos"]
    found = {*names(signer.native), *names([info["digest_algorithms"].native])}
    assert found
    assert not [name for name in found if "sha1" in name or "md5" in name]
    digest = hashlib.new(DIGESTS.get(kind, "sha256"), data).digest()
    assert digest in [a["values"][0].native for a in signer["signed_attrs"] if a["type"].native == "message_digest"]

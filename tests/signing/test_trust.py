"""A trust folder is read whole or refused; its generation changes with everything in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from signing.errors import SigningError
from signing.pki import Pki
from signing.trust import Trust, pem


def test_what_was_saved_is_read_again(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("trust") / "new"
    trust = pki.trust()
    whole = Trust(trust.anchors, trust.intermediates, trust.crls, tsa_anchors=(pki.certificate("rogue-root"),))
    whole.save(place)
    again = Trust.load(place)
    assert again.generation == whole.generation
    assert (set(again.anchors), set(again.crls)) == (set(whole.anchors), set(whole.crls))
    assert again.tsa_anchors == whole.tsa_anchors


def test_the_generation_names_content_and_role_but_not_order(pki: Pki) -> None:
    one, two = pki.certificate("root"), pki.certificate("issuing")
    assert Trust((one, two)).generation == Trust((two, one)).generation
    assert Trust((one,), (two,)).generation != Trust((two,), (one,)).generation
    assert Trust((one,)).generation != Trust((one,), crls=pki.trust().crls).generation
    assert Trust((one,)).generation != Trust().generation


def test_both_encodings_and_bundles_are_read(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("mixed")
    (place / "one.der").write_bytes(pki.certificate("root"))
    (place / "two.pem").write_bytes(pem(pki.certificate("issuing")) + b"\n" + pem(pki.certificate("root")))
    (place / "README.md").write_text("not a certificate")
    (place / ".hidden.pem").write_text("nothing")
    assert set(Trust.load(place).anchors) == {pki.certificate("root"), pki.certificate("issuing")}


@pytest.mark.parametrize("content", [b"", b"rubbish", b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----"])
def test_a_file_named_like_a_certificate_must_be_one(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("bad")
    (place / "anchor.pem").write_bytes(content)
    with pytest.raises(SigningError) as caught:
        Trust.load(place)
    assert caught.value.code == "trust_unreadable"
    assert "thư mục" in caught.value.sentence("vi")


def test_a_missing_folder_is_said() -> None:
    with pytest.raises(SigningError):
        Trust.load(Path("/no/such/folder"))

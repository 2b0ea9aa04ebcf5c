"""A secret is carried and never told."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import pytest

from eoffice.core.canonical import digest
from eoffice.core.secret import Secret
from eoffice.services.verbs import _arguments

WORDS = "khóa ký 4711"


@dataclass(frozen=True)
class Form:
    name: str
    password: Secret


def test_only_revealing_tells_it() -> None:
    secret = Secret(WORDS)
    assert secret.reveal() == WORDS
    assert secret
    assert not Secret("")
    assert WORDS not in f"{secret} {secret!r} {[secret]} {Form('nam', secret)}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        digest({"password": secret})


def test_the_digest_of_a_call_does_not_depend_on_it() -> None:
    """It could be guessed from the digest otherwise, at leisure and by anybody who reads the table."""
    one, other = Secret(WORDS), Secret("something else")
    for form in (lambda secret: {"password": secret}, lambda secret: {"form": Form("nam", secret), "all": [secret]}):
        assert _arguments(None, form(one)) == _arguments(None, form(other))
    assert _arguments(None, {"password": WORDS}) != _arguments(None, {"password": "something else"})

"""One test PKI for all tests of signing, raised from the recipe that travels with the product."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from signing.pki import RECIPE, Pki, raise_pki

AT = datetime(2026, 11, 21, 2, 15, 42, tzinfo=UTC)


@pytest.fixture(scope="session")
def at() -> datetime:
    """The moment most tests happen: Saturday morning in Hà Nội."""
    return AT


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Everybody of ``certs/recipe.toml``, with cheap password stretching; keys as in the recipe."""
    return raise_pki(RECIPE, tmp_path_factory.mktemp("pki"), at=AT, rounds=1000)

"""An exchange certificate for the papers that are signed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from signing.pki import RECIPE, Holder, Pki, raise_pki

AT = datetime(2026, 11, 21, 2, 15, 42, tzinfo=UTC)


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """A PKI with the exchange certificate ``exchange-snv``."""
    pki = raise_pki(RECIPE, tmp_path_factory.mktemp("exchange"), at=AT, rounds=1000)
    pki.issue([Holder("exchange-snv", "Trao đổi - Sở Nội vụ", "Sở Nội vụ", template="exchange")], at=AT)
    pki.renew_crls(at=AT)
    return pki

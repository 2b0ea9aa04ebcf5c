"""At the door and at the register: duplicates are hints, state secrets are refused, forms are checked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eoffice.core.errors import InvalidInput
from eoffice.services import incoming, search
from eoffice.services.incoming import Facts
from tests.support.papers import arrived
from tests.support.world import World

FACTS = Facts(code="15/BC-STC", issuer_name="Sở Tài chính", subject="Báo cáo quý III")


def test_same_bytes_are_a_hint(bare_world: World) -> None:
    first = arrived(bare_world, "so-noi-vu")
    second = arrived(bare_world, "so-noi-vu", key="again")
    elsewhere = arrived(bare_world, "so-tai-chinh", key="there")
    with bare_world.office.read(bare_world.system("so-noi-vu")) as desk:
        assert search.document(desk, second).same_bytes_id == first
    with bare_world.office.read(bare_world.system("so-tai-chinh")) as desk:
        assert search.document(desk, elsewhere).same_bytes_id is None  # what another agency has is not told


def test_same_issuer_number_and_symbol_is_a_hint(bare_world: World) -> None:
    clerk = bare_world.actor("hanh")
    rows = []
    others = (replace(FACTS, issuer_name="Sở Y tế"), replace(FACTS, code="16/BC-STC"))
    for index, facts in enumerate((FACTS, FACTS, *others)):
        document = arrived(bare_world, "so-noi-vu", b"%%PDF-1.7 %d" % index, key=f"a{index}")
        rows.append(bare_world.office.do(clerk, incoming.register, document, key=f"r{index}", facts=facts))
    assert [row.same_code_id for row in rows] == [None, rows[0].id, None, None]
    assert [row.arrival_number for row in rows] == [1, 2, 3, 4]


@pytest.mark.parametrize("level", ["confidential", "secret", "top_secret"])
def test_state_secrets_are_refused_with_the_law(bare_world: World, level: str) -> None:
    document = arrived(bare_world, "so-noi-vu")
    with pytest.raises(InvalidInput) as caught:
        bare_world.office.do(
            bare_world.actor("hanh"), incoming.register, document, key="s", facts=replace(FACTS, secrecy=level)
        )
    assert caught.value.sentence("vi") != caught.value.sentence("en")
    with bare_world.office.read(bare_world.actor("hanh")) as desk:
        assert incoming.by_arrival_number(desk, 2026, 1) is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"issuer_name": "  "}, "field_missing"),
        ({"subject": ""}, "field_missing"),
        ({"code": "không có số"}, "code_impossible"),
        ({"kind": "poem"}, "kind_unknown"),
    ],
)
def test_a_form_that_cannot_be_used_takes_no_number(bare_world: World, change: dict[str, str], code: str) -> None:
    document = arrived(bare_world, "so-noi-vu")
    clerk = bare_world.actor("hanh")
    with pytest.raises(InvalidInput) as caught:
        bare_world.office.do(clerk, incoming.register, document, key="bad", facts=replace(FACTS, **change))
    assert caught.value.code == code
    row = bare_world.office.do(clerk, incoming.register, document, key="good", facts=FACTS)
    assert row.arrival_number == 1


def test_the_issuer_is_linked_to_the_directory_and_kept_as_printed(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    facts = replace(FACTS, issuer_name="SỞ TÀI CHÍNH")
    row = bare_world.office.do(bare_world.actor("hanh"), incoming.register, document, key="r", facts=facts)
    assert (row.issuer_id, row.issuer_name) == (bare_world.agency("so-tai-chinh"), "SỞ TÀI CHÍNH")


def test_refusing_needs_a_reason(bare_world: World) -> None:
    document = arrived(bare_world, "so-noi-vu")
    with pytest.raises(InvalidInput):
        bare_world.office.do(bare_world.actor("hanh"), incoming.refuse, document, key="r", reason=" ")
    reason = "Gửi nhầm nơi nhận"
    row = bare_world.office.do(bare_world.actor("hanh"), incoming.refuse, document, key="r2", reason=reason)
    assert (row.state, row.refusal) == ("refused", reason)

"""Who may sign: all capacities on all days, and the lines above the signature."""

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoffice.core.errors import InvalidInput
from eoffice.rules.authority import REASONS, Allowed, Authority, Basis, Capacity, Holder, Refused, check, lines

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
DAY = timedelta(days=1)
CAPACITIES = [Capacity(basis, holder) for basis, holder in product(Basis, Holder)]
HEAD, COLLECTIVE, ORDER, AUTHORISED = Basis.HEAD, Basis.COLLECTIVE, Basis.BY_ORDER, Basis.BY_AUTHORISATION
SELF, DEPUTY, ACTING = Holder.SELF, Holder.DEPUTY, Holder.ACTING


def given_for(capacity, **changes):
    """An authority that has everything the law asks for."""
    facts = {
        "post": "post",
        "capacity": capacity,
        "kinds": frozenset({"decision"}),
        "fields": frozenset({"staff"}),
        "valid_from": FIRST,
        "valid_to": LAST,
        "basis_document": "05/QĐ-SNV",
    }
    return Authority(**{**facts, **changes})


def ask(authority, *, capacity=None, kind="decision", on=FIRST, field="staff"):
    authorities = authority if isinstance(authority, list) else [authority]
    return check(authorities, capacity=capacity or authorities[0].capacity, kind=kind, on=on, field=field)


@pytest.mark.parametrize("capacity", CAPACITIES, ids=str)
@pytest.mark.parametrize(
    ("on", "reason"),
    [(FIRST - DAY, "not_yet"), (FIRST, None), (date(2026, 3, 15), None), (LAST, None), (LAST + DAY, "expired")],
)
def test_every_capacity_on_every_kind_of_day(capacity, on, reason):
    if reason is None and capacity == Capacity(AUTHORISED, DEPUTY):
        reason = "redelegation"
    answer = ask(given_for(capacity), on=on)
    if reason is None:
        assert answer == Allowed(given_for(capacity))
        assert answer
    else:
        assert answer == Refused(reason)
        assert not answer
        assert answer.message == REASONS[reason]


@pytest.mark.parametrize(("held", "asked"), [(a, b) for a, b in product(CAPACITIES, CAPACITIES) if a != b], ids=str)
def test_one_capacity_is_no_other(held, asked):
    assert ask(given_for(held), capacity=asked) == Refused("no_authority")


def test_no_authority_at_all():
    assert check([], capacity=Capacity(HEAD), kind="decision", on=FIRST) == Refused("no_authority")


@pytest.mark.parametrize("capacity", CAPACITIES, ids=str)
@pytest.mark.parametrize(
    ("changes", "asked", "refused"),
    [
        ({}, {"kind": "plan"}, "kind_not_covered"),
        ({}, {"field": "land"}, "field_not_covered"),
        ({}, {"field": None}, "field_not_covered"),
        ({"kinds": None}, {"kind": "plan"}, None),
        ({"fields": None}, {"field": "land"}, None),
        ({"kinds": frozenset()}, {}, "kind_not_covered"),
    ],
)
def test_content(capacity, changes, asked, refused):
    """Heads, of agency or collective, also acting ones, sign everything; all others what was given to them."""
    if capacity == Capacity(AUTHORISED, DEPUTY):
        refused = "redelegation"
    elif capacity.basis in (HEAD, COLLECTIVE) and capacity.holder is not DEPUTY:
        refused = None
    answer = ask(given_for(capacity, **changes), **asked)
    assert getattr(answer, "reason", None) == refused


NEEDS_DOCUMENT = {
    Capacity(HEAD, ACTING): "not_assigned",
    Capacity(COLLECTIVE, ACTING): "not_assigned",
    Capacity(ORDER, SELF): "not_foreseen",
    Capacity(ORDER, DEPUTY): "not_foreseen",
    Capacity(ORDER, ACTING): "not_assigned",
    Capacity(AUTHORISED, SELF): "not_written",
    Capacity(AUTHORISED, ACTING): "not_written",
    Capacity(AUTHORISED, DEPUTY): "redelegation",
}


@pytest.mark.parametrize("capacity", CAPACITIES, ids=str)
def test_what_needs_a_document(capacity):
    answer = ask(given_for(capacity, basis_document=""))
    assert getattr(answer, "reason", None) == NEEDS_DOCUMENT.get(capacity)


@pytest.mark.parametrize("capacity", CAPACITIES, ids=str)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"valid_to": None}, "no_time_limit"),
        ({"kinds": None, "fields": None}, "no_content_limit"),
        ({"may_redelegate": True}, "redelegation"),
    ],
)
def test_only_an_authorisation_must_be_limited_in_time_and_content(capacity, changes, reason):
    if capacity == Capacity(AUTHORISED, DEPUTY):
        reason = "redelegation"
    elif capacity.basis is not AUTHORISED:
        reason = None
    assert getattr(ask(given_for(capacity, **changes)), "reason", None) == reason


def test_one_good_authority_is_enough():
    deputy = Capacity(HEAD, DEPUTY)
    good = given_for(deputy)
    others = [given_for(deputy, valid_to=FIRST - DAY, valid_from=date.min), given_for(deputy, kinds=frozenset())]
    assert ask([*others, good]) == Allowed(good)


def test_the_reason_named_is_the_nearest_one():
    deputy = Capacity(HEAD, DEPUTY)
    expired = given_for(deputy, valid_from=date.min, valid_to=FIRST - DAY)
    wrong_kind = given_for(deputy, kinds=frozenset())
    wrong_field = given_for(deputy, fields=frozenset())
    assert ask([expired, wrong_kind]) == ask([wrong_kind, expired]) == Refused("kind_not_covered")
    assert ask([wrong_field, wrong_kind, expired]) == Refused("field_not_covered")


@given(st.lists(st.sampled_from(CAPACITIES)), st.sampled_from(CAPACITIES), st.dates())
def test_nobody_signs_without_an_authority_that_holds(held, asked, on):
    answer = check([given_for(capacity) for capacity in held], capacity=asked, kind="decision", on=on, field="staff")
    assert bool(answer) == (asked in held and FIRST <= on <= LAST and asked != Capacity(AUTHORISED, DEPUTY))


TITLES = {"head_title": "Giám đốc", "signer_title": "Phó Giám đốc", "unit_title": "Chánh Văn phòng"}


@pytest.mark.parametrize(
    ("capacity", "titles", "expected"),
    [
        (Capacity(HEAD), {"signer_title": "Giám đốc"}, ("GIÁM ĐỐC",)),
        (Capacity(HEAD, DEPUTY), {}, ("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC")),
        (Capacity(HEAD, ACTING), {}, ("Q. GIÁM ĐỐC",)),
        (
            Capacity(COLLECTIVE),
            {"body": "Ủy ban nhân dân", "head_title": "Chủ tịch", "signer_title": "Chủ tịch"},
            ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"),
        ),
        (
            Capacity(COLLECTIVE, DEPUTY),
            {"body": "Ủy ban nhân dân", "head_title": "Chủ tịch", "signer_title": "Phó Chủ tịch"},
            ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"),
        ),
        (
            Capacity(COLLECTIVE, ACTING),
            {"body": "Ủy ban nhân dân", "head_title": "Chủ tịch"},
            ("TM. ỦY BAN NHÂN DÂN", "Q. CHỦ TỊCH"),
        ),
        (
            Capacity(ORDER),
            {"head_title": "Chủ tịch", "signer_title": "Chánh Văn phòng"},
            ("TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG"),
        ),
        (
            Capacity(ORDER, DEPUTY),
            {"head_title": "Chủ tịch", "signer_title": "Phó Chánh Văn phòng"},
            ("TL. CHỦ TỊCH", "KT. CHÁNH VĂN PHÒNG", "PHÓ CHÁNH VĂN PHÒNG"),
        ),
        (Capacity(ORDER, ACTING), {"head_title": "Chủ tịch"}, ("TL. CHỦ TỊCH", "Q. CHÁNH VĂN PHÒNG")),
        (
            Capacity(AUTHORISED),
            {"signer_title": "Trưởng phòng Văn thư  – Lưu trữ"},
            ("TUQ. GIÁM ĐỐC", "TRƯỞNG PHÒNG VĂN THƯ – LƯU TRỮ"),
        ),
        (Capacity(AUTHORISED, ACTING), {"unit_title": "Trưởng phòng"}, ("TUQ. GIÁM ĐỐC", "Q. TRƯỞNG PHÒNG")),
    ],
    ids=str,
)
def test_lines_above_the_signature(capacity, titles, expected):
    assert lines(capacity, **{**TITLES, **titles}) == expected


def test_every_capacity_has_lines_or_is_impossible():
    for capacity in CAPACITIES:
        if capacity == Capacity(AUTHORISED, DEPUTY):
            with pytest.raises(InvalidInput) as refused:
                lines(capacity, **TITLES, body="Ủy ban nhân dân")
            assert refused.value.code == "capacity_impossible"
        else:
            written = lines(capacity, **TITLES, body="Ủy ban nhân dân")
            assert all(line == line.upper() and line.strip() == line for line in written)


def test_lines_are_composed_letters_whatever_was_given():
    assert lines(Capacity(HEAD), head_title="", signer_title="Gia\u0301m đo\u0302\u0301c") == ("GIÁM ĐỐC",)


@pytest.mark.parametrize(
    ("capacity", "titles"),
    [
        (Capacity(HEAD), {"signer_title": " "}),
        (Capacity(HEAD, DEPUTY), {"head_title": ""}),
        (Capacity(HEAD, DEPUTY), {"signer_title": ""}),
        (Capacity(HEAD, ACTING), {"head_title": ""}),
        (Capacity(COLLECTIVE), {"body": ""}),
        (Capacity(ORDER), {"head_title": ""}),
        (Capacity(ORDER, DEPUTY), {"unit_title": ""}),
        (Capacity(ORDER, ACTING), {"unit_title": ""}),
        (Capacity(AUTHORISED), {"head_title": ""}),
    ],
    ids=str,
)
def test_a_missing_title_is_refused(capacity, titles):
    with pytest.raises(InvalidInput) as refused:
        lines(capacity, **{**TITLES, "body": "Ủy ban nhân dân", **titles})
    assert refused.value.code == "title_missing"


@pytest.mark.parametrize("capacity", CAPACITIES, ids=str)
def test_a_capacity_is_written_and_read(capacity):
    assert Capacity.parse(str(capacity)) == capacity


@pytest.mark.parametrize("text", ["", "head", "head+", "head+nobody", "king+self", "head+self+self"])
def test_an_unknown_capacity_is_refused(text):
    with pytest.raises(InvalidInput) as refused:
        Capacity.parse(text)
    assert refused.value.code == "capacity_unknown"

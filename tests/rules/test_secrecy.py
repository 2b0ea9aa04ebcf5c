"""No state secret comes in, by whatever word it is announced."""

import unicodedata

import pytest

from eoffice.core.errors import InvalidInput
from eoffice.rules.secrecy import BASIS, NAMES, NAMES_EN, Secrecy, StateSecretRefused, check, parse

SECRETS = [level for level in Secrecy if level is not Secrecy.NONE]


def test_what_is_not_secret_passes():
    for word in (Secrecy.NONE, "none", "", "  ", "Không", "KHÔNG", unicodedata.normalize("NFD", "không")):
        check(word)


@pytest.mark.parametrize("level", SECRETS)
def test_every_level_is_refused_by_every_word(level):
    name = NAMES[level]
    for word in (level, level.value, name, name.upper(), f" {name} ", unicodedata.normalize("NFD", name)):
        with pytest.raises(StateSecretRefused) as refused:
            check(word)
        assert refused.value.level is level


@pytest.mark.parametrize("level", SECRETS)
def test_the_refusal_explains_itself_and_cites_the_law(level):
    refused = StateSecretRefused(level)
    assert refused.status == 422
    assert refused.code == "state_secret_refused"
    assert refused.facts["basis"] == BASIS
    for locale in ("vi", "en"):
        assert f"“{NAMES[level]}”" in refused.sentence(locale)
        assert "117/2025/QH15" in refused.sentence(locale)
        assert ("63/2026/NĐ-CP" if locale == "vi" else "63/2026/ND-CP") in refused.sentence(locale)
    assert "bí mật nhà nước" in refused.sentence("vi")


@pytest.mark.parametrize("word", ["rất mật", "0", "1", "công khai", "tuyet", "nonee", "confidential_work"])
def test_a_word_not_understood_is_never_taken_for_none(word):
    with pytest.raises(InvalidInput) as refused:
        parse(word)
    assert refused.value.code == "secrecy_unknown"


def test_names():
    assert [level.name_in("vi") for level in Secrecy] == ["Không", "Mật", "Tối mật", "Tuyệt mật"]
    assert [level.name_in("en") for level in Secrecy] == list(NAMES_EN.values())
    assert set(NAMES) == set(NAMES_EN) == set(Secrecy)

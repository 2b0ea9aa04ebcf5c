"""The verdict as data survives the way to JSON and back, and reads as a sentence in both languages."""

# ruff: noqa: F811  the fixtures are imported

from __future__ import annotations

import json
import unicodedata
from dataclasses import fields, replace

import pytest

from signing import errors, messages
from signing.errors import SigningError
from signing.report import as_dict, as_text, from_dict, printable
from signing.results import SignatureReport, Verdict
from tests.signing.making import (  # noqa: F401
    NUMBER,
    Judge,
    Paper,
    approved,
    certified,
    issued,
    judge,
)


@pytest.mark.parametrize("name", ["approved", "certified", "issued"])
def test_json_and_back(judge: Judge, name: str, request: pytest.FixtureRequest) -> None:
    paper: Paper = request.getfixturevalue(name)
    for variant in (paper, paper.fill(NUMBER, b"9"), Paper(paper.data + b"x"), Paper(b"no pdf"), Paper(paper.data[:9])):
        answer = judge(variant)
        assert from_dict(json.loads(json.dumps(as_dict(answer, "a.pdf")))) == answer


def test_the_shape(judge: Judge, issued: Paper) -> None:
    data = as_dict(judge(issued), "quyết định.pdf")
    assert set(data) >= {"file", "sha256", "verdict", "signatures", "notes", "flags"}
    assert (data["file"], data["verdict"]) == ("quyết định.pdf", "PASSED")
    first = data["signatures"][0]
    assert set(first) == {each.name for each in fields(SignatureReport)}
    assert first["time_source"] == "clock"
    assert first["changes"][0] == {
        "kind": "form_value",
        "where": "so",
        "page": 1,
        "level": "PERMITTED",
        "detail": "'' -> '12'",
    }
    assert first["time"].endswith("+00:00")


@pytest.mark.parametrize(("locale", "word"), [("vi", "Hợp lệ"), ("en", "Valid")])
def test_the_text_says_who_and_what(judge: Judge, issued: Paper, locale: str, word: str) -> None:
    told = as_text(judge(issued), file="a.pdf", locale=locale)
    assert told.startswith(f"a.pdf: PASSED - {word}")
    assert "Nguyễn Văn Nam" in told
    assert "Sở Nội vụ tỉnh An Bình" in told
    assert messages.sentence("test_certificate", locale) in told
    assert unicodedata.is_normalized("NFC", told)


def test_names_from_a_document_cannot_play_tricks(judge: Judge, issued: Paper) -> None:
    answer = judge(issued)
    trick = replace(answer.signatures[0], signer="An\u202egnort\x1b[31m\n", field="a\x00b")
    told = as_text(replace(answer, signatures=(trick,)), file="x\ny.pdf", locale="en")
    assert not {"\u202e", "\x1b", "\x00"} & set(told)
    assert "x\ny" not in told
    assert printable("Trần Thị Hạnh") == "Trần Thị Hạnh"


def _classes(root: type[SigningError]) -> list[type[SigningError]]:
    return [root, *(found for child in root.__subclasses__() for found in _classes(child))]


def test_every_error_and_verdict_has_its_words() -> None:
    known = messages.codes()
    assert {each.code for each in _classes(errors.SigningError) if each.__module__ == "signing.errors"} <= known
    assert {verdict.value for verdict in Verdict} <= known


@pytest.mark.parametrize("code", sorted(messages.codes()))
def test_both_languages_say_it(code: str) -> None:
    vietnamese, english = messages.sentence(code, "vi"), messages.sentence(code, "en_GB")
    assert vietnamese
    assert english
    assert vietnamese != english
    assert unicodedata.is_normalized("NFC", vietnamese)
    assert english.isascii()


@pytest.mark.parametrize("locale", ["vi", "en", "fr"])
def test_an_unknown_code_still_says_something(locale: str) -> None:
    assert "no_such_code" in messages.sentence("no_such_code", locale)

"""docs/features.md says of every feature whether it works, and names tests that exist and go through a door."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.support.code import modules
from tests.support.features import DOORS, IDS, STATES, Feature, features


def test_every_feature_has_its_row() -> None:
    assert sorted(feature.id for feature in features()) == sorted(IDS)


def test_every_row_is_honest() -> None:
    assert [told for feature in features() for told in _doubts(feature)] == []


def _doubts(feature: Feature) -> Iterator[str]:
    if not STATES.fullmatch(feature.state):
        yield f"{feature.id}: {feature.state!r} is no state"
    elif feature.state == "not yet" and (feature.where or feature.tests):
        yield f"{feature.id} is not yet there and says where, or names tests"
    elif feature.state != "not yet" and not (feature.where and feature.tests):
        yield f"{feature.id} does not say where it is, or names no test"
    if feature.state == "works" and not any(test.startswith(DOORS) for test in feature.tests):
        yield f"{feature.id} works, and no test goes through a door"


def test_the_named_tests_exist() -> None:
    known = {f"{module.name}::{name}" for module in modules("tests") for name in _tests(module.tree)}
    missing = [f"{feature.id}: {test}" for feature in features() for test in feature.tests if test not in known]
    assert not missing, missing


def _tests(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield from (f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef))

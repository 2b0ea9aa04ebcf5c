"""Habits that keep the code readable: sentences on top, types, few arguments, tests that see something."""

from __future__ import annotations

import ast
import unicodedata
from pathlib import Path

from tests.support.code import BELOW_THE_DOORS, ROOT, functions, last, modules, names, text_files

MOST_POSITIONAL = 4
"""Arguments a public function below the doors may take by position, besides self, cls, the desk or the session."""

MUST_HANG = {"tests/core/hostile.py": "what a child does that never comes back"}

SWITCHES = {"skip", "skipif", "xfail", "importorskip", "skipTest", "expectedFailure"}

MAY_LACK_A_PART = {
    "tests/support/parts.py": "a part that is not installed; fails where it counts",
    "tests/support/databases.py": "PostgreSQL not installed; fails where it counts",
    "tests/house/test_support.py": "PostgreSQL not installed; fails where it counts",
}

OURS = modules("eoffice", "signing")
TESTS = modules("tests")


def test_every_module_says_what_it_is_for() -> None:
    silent = []
    for module in OURS + TESTS + modules("scripts"):
        if module.path.name == "__init__.py" and not module.source.strip():
            continue
        told = (ast.get_docstring(module.tree) or "").partition("\n\n")[0].strip()
        if not told or told[-1] not in ".:`":
            silent.append(f"{module.name}: {told!r}")
    assert not silent, f"no sentence on top: {silent}"


def test_annotations_are_complete_below_the_doors() -> None:
    bare = []
    for module in modules(*BELOW_THE_DOORS):
        for function in functions(module):
            arguments = function.args
            taken = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            known = [argument for argument in taken if argument is not None and argument.arg not in ("self", "cls")]
            if any(argument.annotation is None for argument in known):
                bare.append(f"{module.at(function)} {function.name}: argument")
            if function.returns is None and function.name != "__init__":
                bare.append(f"{module.at(function)} {function.name}: result")
    assert not bare, bare


def test_public_functions_take_few_arguments_by_position() -> None:
    crowded = []
    for module in modules(*BELOW_THE_DOORS):
        for function in functions(module):
            by_position = [argument.arg for argument in [*function.args.posonlyargs, *function.args.args]]
            counted = [name for name in by_position if name not in ("self", "cls", "desk", "session")]
            if not function.name.startswith("_") and len(counted) > MOST_POSITIONAL:
                crowded.append(f"{module.at(function)} {function.name}({', '.join(by_position)})")
    assert not crowded, f"say the others by name: {crowded}"


def test_no_test_waits_by_guessing() -> None:
    found = [
        module.at(node)
        for module in TESTS
        if module.name not in MUST_HANG
        for node, name in names(module)
        if last(name) == "sleep"
    ]
    assert not found, f"wait with tests.support.wait.until: {found}"


def test_no_test_is_switched_off() -> None:
    found = [
        module.at(node)
        for module in TESTS
        if module.name not in MAY_LACK_A_PART
        for node, name in names(module)
        if "." in name and last(name) in SWITCHES
    ]
    assert not found, found


def test_nothing_is_mocked_or_left_open_in_the_product() -> None:
    words = {"breakpoint", "mock", "MagicMock", "Mock", "monkeypatch"}
    found = [module.at(node) for module in OURS for node, name in names(module) if last(name) in words]
    found += [
        module.at(node)
        for module in OURS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Raise) and node.exc and "NotImplementedError" in ast.unparse(node.exc)
    ]
    assert not found, found


def test_every_text_is_composed() -> None:
    decomposed = [
        path.relative_to(ROOT).as_posix()
        for path in text_files()
        if not unicodedata.is_normalized("NFC", path.read_text("utf-8"))
    ]
    assert not decomposed, f"not NFC: {decomposed}"


def test_a_folder_appears_with_its_second_file() -> None:
    lonely = []
    for package in {module.path.parent for module in OURS}:
        written = [path for path in package.iterdir() if path.name not in ("__init__.py", "__pycache__")]
        if not written and package != ROOT / "eoffice" / "migrations" / "versions":
            lonely.append(package.relative_to(ROOT).as_posix())
    assert not lonely, lonely


def test_scripts_are_few_and_can_be_run() -> None:
    for script in [*(ROOT / "scripts").iterdir(), ROOT / ".ci" / "run"]:
        if script.is_file():
            assert script.stat().st_mode & 0o111, f"{script.name} is not executable"
            assert script.read_text().startswith("#!"), f"{script.name} does not say who reads it"
            told = script.read_text().splitlines()[1]
            assert told.startswith(("# ", '"""')), f"{script.name} does not say what it does"


def test_every_font_and_vendored_file_has_its_licence_beside_it() -> None:
    fonts = [path for kind in ("*.ttf", "*.woff2", "*.otf") for path in ROOT.glob(f"eoffice/**/{kind}")]
    fonts += [path for kind in ("*.ttf", "*.otf") for path in ROOT.glob(f"signing/**/{kind}")]
    for folder in {path.parent for path in fonts}:
        assert _licences(folder), f"{folder.relative_to(ROOT)} holds fonts without their licence"


def _licences(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if "OFL" in path.name or "LICENSE" in path.name.upper()]

"""Reads our own source: modules, names they use, functions they offer; for the tests that guard the house."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BELOW_THE_DOORS = ("eoffice/core", "eoffice/rules", "eoffice/formats", "eoffice/models", "eoffice/services", "signing")


@dataclass(frozen=True)
class Module:
    """One Python file of ours."""

    path: Path
    source: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Its path in the checkout, as failures should name it."""
        return self.path.relative_to(ROOT).as_posix()

    def at(self, node: ast.AST) -> str:
        """Where a node stands: ``path:line``."""
        return f"{self.name}:{getattr(node, 'lineno', 1)}"


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """All Python files in folders of the checkout, sorted."""
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            source = path.read_text("utf-8")
            found.append(Module(path, source, ast.parse(source, str(path))))
    return tuple(found)


def names(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Every name a module uses, dotted as far as it is written: ``os.environ``, ``datetime.now``, ``sleep``.

    A name imported from a module is given with it: ``from os import environ`` yields ``os.environ``.
    """
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name):
            yield node, node.id
        elif isinstance(node, ast.Attribute):
            yield node, ast.unparse(node)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node, f"{node.module}.{alias.name}"


def last(dotted: str) -> str:
    """The last word of a dotted name, without what is called on the way."""
    return dotted.rpartition(".")[2]


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a module, nested ones too."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def text_files() -> Iterator[Path]:
    """The files people read and write in this checkout, without what was brought in from elsewhere."""
    kinds = {".py", ".md", ".html", ".txt", ".toml", ".cfg", ".po", ".sh", ".css", ".js", ".xml", ".mako"}
    for top in sorted(ROOT.iterdir()):
        if top.is_dir() and (top.name.startswith(".") or top.name in ("build", "dist", "var")):
            continue
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.suffix in kinds and path.is_file() and "__pycache__" not in path.parts:
                yield path

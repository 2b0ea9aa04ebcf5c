"""One name runs through every floor: ledger words, sentences, templates, headings in the docs."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from tests.support.code import ROOT, modules

DOCS = ROOT / "docs"
TEMPLATES = ROOT / "templates"
LEDGER_WORD = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")


def _headings(name: str) -> set[str]:
    """The words set as code in the headings of a page of the docs."""
    text = (DOCS / name).read_text("utf-8")
    return {word for line in text.splitlines() if line.startswith("#") for word in re.findall(r"`([^`]+)`", line)}


def _verbs() -> Iterator[object]:
    import eoffice.services

    for room in pkgutil.walk_packages(eoffice.services.__path__, "eoffice.services."):
        importlib.import_module(room.name)
    from eoffice.services.verbs import VERBS

    yield from VERBS.values()


def _ledger_words() -> set[str]:
    return {verb.word for verb in _verbs()}  # type: ignore[attr-defined]


def test_ledger_words_follow_their_grammar() -> None:
    words = _ledger_words()
    assert words
    odd = sorted(word for word in words if not LEDGER_WORD.fullmatch(word))
    assert not odd, f"a ledger word is thing.what_happened: {odd}"


def test_ledger_words_stand_in_the_glossary() -> None:
    told = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", (DOCS / "glossary.md").read_text("utf-8")))
    missing = sorted(_ledger_words() - told)
    assert not missing, f"docs/glossary.md does not know {missing}"


def test_every_verb_is_named_after_its_ledger_word_or_the_other_way_round() -> None:
    by_word: dict[str, list[str]] = {}
    for verb in _verbs():
        by_word.setdefault(verb.word, []).append(verb.name)  # type: ignore[attr-defined]
    doubled = {word: names for word, names in by_word.items() if len(names) > 1}
    assert not doubled, f"one ledger word, one verb: {doubled}"


def test_every_ledger_word_is_told_in_a_sentence() -> None:
    from eoffice.web.words import DEEDS

    silent = sorted(_ledger_words() - set(DEEDS))
    assert not silent, f"eoffice/web/words.py has no sentence for {silent}"


def test_every_permission_has_its_heading() -> None:
    from eoffice.rules.access import Permission

    missing = sorted({str(permission) for permission in Permission} - _headings("security.md"))
    assert not missing, f"docs/security.md has no heading for {missing}"


def test_the_docs_say_who_carries_each_permission() -> None:
    from eoffice.rules.access import Permission, Role, permits

    text = (DOCS / "security.md").read_text("utf-8")
    for permission in Permission:
        told = re.search(rf"### `{re.escape(permission)}`\n(?:.*\n)*?.*Carried by: ([^.]*)\.", text)
        assert told, f"docs/security.md does not say who carries {permission}"
        roles = {word.strip().replace(" ", "_") for word in told[1].split(",")}
        carried = {str(role) for role in Role if permits([role], permission)}
        assert roles == (carried if carried != set(Role) else {"everybody"}), permission


def test_every_queued_job_has_a_handler_and_every_handler_is_queued() -> None:
    from eoffice.jobs.handlers import HANDLERS

    queued = {
        call.args[0].value
        for module in modules("eoffice")
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", getattr(call.func, "id", "")) in ("later", "Order")
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }
    assert queued == set(HANDLERS)


def test_every_setting_has_its_heading() -> None:
    from eoffice.core.settings import Settings

    settings = {field.name for field in fields(Settings)}
    told = {heading for heading in _headings("operate.md") if re.fullmatch(r"[a-z_]+", heading)}
    assert settings == told, f"docs/operate.md and the settings differ: {sorted(settings ^ told)}"


def test_every_command_has_its_heading() -> None:
    commands = set(_commands())
    assert "eoffice start" in commands
    told = {heading for heading in _headings("operate.md") if heading.startswith("eoffice ")}
    assert commands == told, f"docs/operate.md and the commands differ: {sorted(commands ^ told)}"


def _commands() -> Iterator[str]:
    """Every command of ``eoffice`` that does something, with its groups before it."""
    import click

    from eoffice.cli import commands

    def walk(command: object, name: str) -> Iterator[str]:
        if isinstance(command, click.Group):
            for word, inner in command.commands.items():
                yield from walk(inner, f"{name} {word}")
        elif isinstance(command, click.Command):
            yield name

    yield from walk(commands, "eoffice")


def test_every_sentence_is_translated() -> None:
    from eoffice.core.i18n import collect, vietnamese

    used = collect([ROOT / "eoffice", TEMPLATES])
    assert used
    missing = [
        f"{use.path.relative_to(ROOT)}:{use.line}: {use.msgid}"
        for use in used
        if vietnamese().find(use.msgid, use.plural) is None
    ]
    assert not missing, "\n".join(["eoffice/translations/vi.po lacks:", *missing])


def test_every_translation_is_well_made_and_used() -> None:
    from eoffice.core.i18n import collect, vietnamese

    assert vietnamese().problems() == []
    used = {use.msgid for use in collect([ROOT / "eoffice", TEMPLATES])}
    idle = sorted(msgid for msgid, _ in vietnamese().messages if msgid not in used)
    assert not idle, f"translated and nowhere used: {idle}"


def _templates() -> list[str]:
    found = [
        path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*") if path.suffix in (".html", ".txt")
    ]
    return sorted(found)


def test_every_template_compiles(tmp_path: Path) -> None:
    """In the application's own environment, with the filters it brings."""
    from eoffice.core.settings import Settings
    from eoffice.services.office import Office
    from eoffice.web import create_app

    office = Office(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}/none.sqlite3", secret="x" * 40))
    environment = create_app(office).jinja_env
    for template in _templates():
        environment.compile((TEMPLATES / template).read_text("utf-8"), template, template)
    office.close()


def test_every_template_is_used() -> None:
    texts = [module.source for module in modules("eoffice")]
    texts += [(TEMPLATES / template).read_text("utf-8") for template in _templates()]
    named = {name for text in texts for pair in re.findall(r"""'([^'\n]+)'|"([^"\n]+)\"""", text) for name in pair}
    idle = [template for template in _templates() if template not in named]
    assert not idle, f"nothing names {idle}"


def test_every_page_has_a_title() -> None:
    bare = []
    for template in _templates():
        text = (TEMPLATES / template).read_text("utf-8")
        is_page = template.endswith(".html") and "{% extends" in text
        if is_page and not re.search(r"{%-? *(block title|set title)\b", text):
            bare.append(template)
    assert not bare, f"pages without a title: {bare}"

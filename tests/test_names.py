"""Names say what a thing holds: `contact_rows`, never `found`. Participles and pronouns are no names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from service import ROOT

PARTICIPLES = {"found", "given", "told", "said", "shown", "gone", "kept", "lost", "left"}
"""Banned as a whole name: each leaves open what was found, given or told."""
PRONOUNS = {"mine", "his", "him", "hers", "her", "theirs"}
"""Banned as a word of a name as well: `his_sockets` are `peer_sockets`."""
SUSPECT = re.compile(rf"(?<![a-z])(?:{'|'.join(PARTICIPLES | PRONOUNS)})(?![a-z])", re.IGNORECASE)
"""A file without one of these words, comments included, need not be parsed."""


def names_in(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of each variable, argument, function, class, attribute, alias and assigned key."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case (
                ast.Name(id=name, ctx=ast.Store())
                | ast.Attribute(attr=name, ctx=ast.Store())
                | ast.arg(arg=name)
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
                | ast.alias(asname=str(name))
                | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.Subscript(slice=ast.Constant(value=str(name)), ctx=ast.Store())
            ):
                yield node.lineno, name


def is_banned(name: str) -> bool:
    """Return whether a name is a participle, or has a pronoun in it."""
    word = name.lower().strip("_")
    return word in PARTICIPLES or not PRONOUNS.isdisjoint(word.split("_"))


def banned_names() -> list[tuple[Path, int, str]]:
    """Return (file, line, name) of every banned name in service/ and tests/."""
    return [
        (path.relative_to(ROOT), line, name)
        for folder in ("service", "tests")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if SUSPECT.search(source := path.read_text())
        for line, name in names_in(source)
        if is_banned(name)
    ]


def test_no_name_is_a_participle_or_a_pronoun() -> None:
    assert not [f"{path}:{line}: {name}" for path, line, name in banned_names()]


def test_the_check_sees_every_kind_of_name() -> None:
    source = """
import os as found
class Given:
    told: int = 0
    def said(self, shown, *, his_key, **gone):
        self.kept, [lost, *left] = 1, (2, 3)
        try:
            fine = [mine for mine in shown if (theirs := mine)]
        except OSError as him:
            pass
        match fine:
            case [hers]: pass
        scene["given"] = 1
"""
    banned = [name for _, name in names_in(source) if is_banned(name)]
    expected = "found Given told said shown his_key gone kept lost left mine theirs him hers given"
    assert sorted(banned) == sorted(expected.split())

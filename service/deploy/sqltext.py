"""SQL source as text: where its comments and strings are, its statements, and the tables they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

NOT_CODE = re.compile(r"--[^\n]*|#[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
NO_ALIAS = (
    "where|set|values|select|on|join|left|inner|cross|straight_join|order|group|limit|for|using|force|use|"
    "ignore|union|having|window|natural|right|returning|from|and|or|do|then|into|lock"
)
REFERENCE = re.compile(
    r"\b(?P<verb>FROM|JOIN|UPDATE|INTO)\s+(?P<name>`?\w+`?(?:\.`?\w+`?)?)"
    rf"(?:\s+(?:AS\s+)?(?!(?:{NO_ALIAS})\b)(?P<alias>\w+))?",
    re.IGNORECASE,
)


def code_only(text: str) -> str:
    """The text with comments and what is inside quotes made blank; places and line breaks stay."""

    def blank(match: re.Match[str]) -> str:
        found = match[0]
        inside = re.sub(r"[^\n]", " ", found)
        return f"{found[0]}{inside[1:-1]}{found[-1]}" if found[0] in "'\"" else inside

    return NOT_CODE.sub(blank, text)


@dataclass(frozen=True)
class Statement:
    """A piece of code between two semicolons."""

    text: str
    start: int
    """Where it begins in the code it was cut from."""


def statements(code: str) -> Iterator[Statement]:
    """Cut at semicolons. `code` has neither comments nor strings any more."""
    start = 0
    for match in re.finditer(";", code):
        piece = code[start : match.start()]
        lead = len(piece) - len(piece.lstrip())
        if piece.strip():
            yield Statement(piece.strip(), start + lead)
        start = match.end()
    if code[start:].strip():
        lead = len(code[start:]) - len(code[start:].lstrip())
        yield Statement(code[start:].strip(), start + lead)


@dataclass(frozen=True)
class Reference:
    """A table in a statement."""

    verb: str
    table: str
    alias: str
    start: int


def references(statement: str) -> list[Reference]:
    """Tables that a statement names after FROM, JOIN, UPDATE or INTO; variables after INTO are among them."""
    return [
        Reference(m["verb"].upper(), m["name"].replace("`", ""), m["alias"] or "", m.start())
        for m in REFERENCE.finditer(statement)
    ]

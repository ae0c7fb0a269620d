"""Sentences name the thing or the person first: none has a clause with What or Who as its subject."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import ROOT

KINDS = {".md", ".py", ".sql", ".json"}
FOLDERS = ("acl", "docs", "procedures", "service", "sql", "tests")
CLAUSE = re.compile(
    r"""(?:^|[.!:]\ |^(?:[*#-]+|--|"{3})\ )(?:What|Who)(?:ever)?\ [a-z][^?]*$""", re.VERBOSE | re.MULTILINE
)
"""A line with such a beginning, and without a question mark behind it."""


def clauses_in(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of each sentence of a file that begins with such a clause."""
    for number, line in enumerate(text.splitlines(), 1):
        if match := CLAUSE.search(line.strip()):
            yield number, match[0]


def pages() -> list[Path]:
    """Return the files with prose: pages, and code with comments."""
    inside = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in KINDS)
    return sorted({*ROOT.glob("*.md"), *inside} - {Path(__file__)})


def test_no_sentence_has_what_or_who_as_its_subject() -> None:
    assert not [
        f"{path.relative_to(ROOT)}:{number}: {clause}"
        for path in pages()
        for number, clause in clauses_in(path.read_text())
    ]


@pytest.mark.parametrize(
    ("line", "clauses"),
    [
        ("It ends. What it has stored stays.", 1),
        ("- Whoever waits at the door is a guest.", 1),
        ("## What a write costs", 1),
        ("    # Who has left needs another call.", 1),
        ("It asks what is stored, and who waits.", 0),
        ("## What is a shard?", 0),
    ],
)
def test_only_such_sentences_are_found(line: str, clauses: int) -> None:
    assert len(list(clauses_in(line))) == clauses

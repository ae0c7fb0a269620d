"""Lint rule: no six lines stand twice, letter for letter, without a reason beside them.

Blank lines, comments, imports and indentation do not count, nor does the signature of a routine: other rules
give it one form. In `acl/`, brackets and references do not count, nor do definitions: they cannot refer.
Our own rule, because copy-paste detectors know no reasons: they list each pair again.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from service import ROOT
from service.lint.finding import Finding

RUN = 6
"""Lines of the shortest run that needs a reason."""
ABOVE = 8
"""A reason stands at most this many lines above the run, or in it."""
REASON = re.compile(r"\s*(?:--|#) Repeats \S")
FORM = re.compile(
    r"""[\[\]{},]*$
    | "(scope|permission|writes|log|method|timeout)":
    | "(params|returns|errors)":.[\[{]$
    | ("\w+":.)?\{"\$ref":."[^"]*"\},?$""",
    re.VERBOSE,
)
"""Lines of a declaration that do not count: brackets, what every service has, references."""
DEFINITIONS = '  "$defs": {'
WHY = "A change of one of them is forgotten in the other."

Counts = Callable[[int, str], bool]
"""Return whether a line, with its number, counts."""


@dataclass(frozen=True)
class Source:
    """A file: its path, the (number, text) of each line that counts, and the lines with a reason."""

    path: Path
    lines: Sequence[tuple[int, str]]
    reasons: frozenset[int]


@dataclass(frozen=True)
class Place:
    """A run of lines in a file."""

    source: Source
    start: int
    """Index in `source.lines`."""

    def text(self, offset: int) -> str | None:
        """Return a line of the file by its distance from the start; None outside the file."""
        index = self.start + offset
        return self.source.lines[index][1] if 0 <= index < len(self.source.lines) else None

    def number(self, offset: int = 0) -> int:
        """Return the number of a line of the run."""
        return self.source.lines[self.start + offset][0]

    def has_reason(self, length: int) -> bool:
        """Return whether a reason stands beside the run."""
        return not self.source.reasons.isdisjoint(range(self.number() - ABOVE, self.number(length - 1)))


def repeats(root: Path = ROOT) -> Iterator[Finding]:
    """Yield a finding for each pair of places that repeat each other without a reason."""
    places: dict[tuple[str, ...], list[Place]] = defaultdict(list)
    for source in _sources(root):
        texts = [text for _, text in source.lines]
        for start in range(len(texts) - RUN + 1):
            places[tuple(texts[start : start + RUN])].append(Place(source, start))
    for twins in places.values():
        for number, one in enumerate(twins):
            for other in twins[number + 1 :]:
                yield from _pair(one, other)


def _pair(one: Place, other: Place) -> Iterator[Finding]:
    if one.text(-1) == other.text(-1) is not None:
        return  # the run begins above
    apart = other.start - one.start if one.source is other.source else len(one.source.lines)
    length = 0
    while length < apart and one.text(length) == other.text(length) is not None:
        length += 1
    if length >= RUN and not (one.has_reason(length) or other.has_reason(length)):
        again = f"{other.source.path}:{other.number()}-{other.number(length - 1)}"
        message = f"{length} lines stand again at {again}; write them once"
        yield Finding(
            one.source.path, one.number(), "six_lines_stand_once", message + _way_out(one.source.path), WHY
        )  # fmt: skip


def _way_out(path: Path) -> str:
    if path.suffix == ".json":
        return " under $defs, and refer to them with $ref"
    return f", or say why above one of them: `{'--' if path.suffix == '.sql' else '#'} Repeats NAME: why`"


def _sources(root: Path) -> Iterator[Source]:
    for folder in ("service", "tests", "procedures", "sql", "acl"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in {".py", ".sql"} or (path.suffix == ".json" and folder == "acl"):
                yield _read(path, root)


def _read(path: Path, root: Path) -> Source:
    text = path.read_text()
    counts = {".py": _counts_in_python, ".sql": _counts_in_sql, ".json": _counts_in_json}[path.suffix](text)
    numbered = list(enumerate(text.split("\n"), 1))
    lines = [
        (number, " ".join(line.split())) for number, line in numbered if line.strip() and counts(number, line)
    ]
    reasons = frozenset(number for number, line in numbered if REASON.match(line))
    return Source(path.relative_to(root), lines, reasons)


def _counts_in_python(text: str) -> Counts:
    imports = _import_lines(text)
    return lambda number, line: number not in imports and not line.lstrip().startswith("#")


def _counts_in_sql(text: str) -> Counts:
    body = 1 + text.count("\n", 0, text.find("\nBEGIN\n") + 1)
    return lambda number, line: number >= body and not line.lstrip().startswith("--")


def _counts_in_json(text: str) -> Counts:
    lines = text.split("\n")
    end = lines.index(DEFINITIONS) if DEFINITIONS in lines else len(lines)
    return lambda number, line: number <= end and not FORM.match(line.strip())


def _import_lines(text: str) -> set[int]:
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {number for node in imports for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)}

"""Our rules for `procedures/` and `sql/`. Each is a function: the docstring is its reason.

A rule yields (place, message): the place is an offset in the file, the message says what to write instead.
Our own rules: sqlfluff knows layout, not what a header promises, which codes acl/ declares or who calls a
routine, and it cannot parse a fifth of our routines (JSON_TABLE, FOR loops).

A statement that breaks `locks` on purpose says so in a comment above it or in it: `-- unlocked: why`. Lines
that stand twice on purpose have `-- Repeats NAME: why` above one of them, or in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from service import ROOT
from service.lint.finding import Finding, Violations
from service.lint.migrations import SCRIPT_RULES, VIEW_RULES, ScriptText
from service.lint.repeats import repeats
from service.lint.routines import ROUTINE_RULES, RoutineText
from service.schema.routines import (
    FileError,
    Routine,
    load_routines,
    parse_routine,
    text_of,
)


def lint_routine(routine: Routine, text: str) -> list[Finding]:
    """Return the findings of one routine."""
    subject = RoutineText(routine, text)
    return [
        Finding(routine.path, _line(text, place), check.__name__, message, check.__doc__ or "")
        for check in ROUTINE_RULES
        for place, message in check(subject)
    ]


def lint_script(
    path: Path, scope: str, text: str, rules: Sequence[Callable[[ScriptText], Violations]] = SCRIPT_RULES
) -> list[Finding]:
    """Return the findings of one migration, or with VIEW_RULES of one view."""
    subject = ScriptText(path, scope, text)
    return [
        Finding(path, _line(text, place), check.__name__, message, check.__doc__ or "")
        for check in rules
        for place, message in check(subject)
    ]


def lint_all(root: Path = ROOT) -> list[Finding]:
    """Return every finding in procedures/ and sql/, and of repeated lines also in service/ and tests/."""
    findings: list[Finding] = []
    for scope in ("yp", "shard"):
        for path in sorted((root / "procedures" / scope).rglob("*.sql")):
            try:
                parse_routine(path, scope, root)
            except FileError as exc:
                findings.append(
                    Finding(path.relative_to(root), 1, "a_file_is_one_routine_of_its_name", exc.fault)
                )
        for path in sorted((root / "sql" / scope).glob("*.sql")):
            findings += lint_script(path.relative_to(root), scope, text_of(path))
        for path in sorted((root / "sql" / scope / "views").glob("*.sql")):
            findings += lint_script(path.relative_to(root), scope, text_of(path), VIEW_RULES)
    if findings and any(f.rule == "a_file_is_one_routine_of_its_name" for f in findings):
        return findings  # The other rules need all files to be readable.
    for routine in load_routines(root):
        findings += lint_routine(routine, (root / routine.path).read_text())
    return [*findings, *repeats(root)]


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1

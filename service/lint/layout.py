"""Lint rule: SQL lines have the width of the Python lines.

Reviewers hold the rest of the layout. sqlfluff 4.5.0 (dialect mariadb) cannot parse a fifth of the routines,
those with FOR loops and JSON_TABLE, and its layout rules complain 2,606 times about the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.lint.finding import Violations

if TYPE_CHECKING:
    from service.lint.migrations import ScriptText
    from service.lint.routines import RoutineText

WIDTH = 110


def lines_fit(r: RoutineText | ScriptText) -> Violations:
    """Two files side by side, a diff and a review show lines of this width without breaking them."""
    place = 0
    for line in r.text.split("\n"):
        if len(line) > WIDTH:
            yield place, f"{len(line)} columns; break the line before column {WIDTH + 1}"
        place += len(line) + 1

"""Lint rule: a lock that matters is a write, because a cluster does not see locks."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from service.lint.finding import Violations
from service.schema.routines import NESTED_CALL, reachable_routines
from service.schema.sqltext import Reference, Statement, code_only, references, statements

if TYPE_CHECKING:
    from service.lint.routines import RoutineText

Table = tuple[str, str]
"""(class of databases, name)"""

LOCK = re.compile(r"\bFOR\s+UPDATE\b", re.IGNORECASE)
LOCK_ONLY = re.compile(r"--\s*lock only: \S")
UPSERT = re.compile(r"\bON\s+DUPLICATE\s+KEY\s+UPDATE\b|\bREPLACE\s+(?:INTO\s+)?[`\w]+[\s(]", re.IGNORECASE)
DELETED = re.compile(r"\bDELETE\b(?P<names>[^;]*?)\bFROM\b", re.IGNORECASE)


def locks_are_written(r: RoutineText) -> Violations:
    """Two nodes of a cluster grant the same lock; of two writes to one row, Galera lets one pass."""
    scope = r.routine.scope
    for statement in statements(r.code):
        lock = LOCK.search(statement.text)
        if lock is None or LOCK_ONLY.search(r.comments_of(statement)):
            continue
        locked = {_table(scope, f) for f in references(statement.text) if f.verb in {"FROM", "JOIN"}}
        unwritten = locked - _written(scope, r.code[statement.start :])
        for _, name in sorted(table for table in unwritten if table[1] != "JSON_TABLE"):
            yield (
                r.body_start + statement.start + lock.start(),
                f"locks {name} and changes none of its rows: write the row, or say `-- lock only: why` a "
                "lock on one node is enough",
            )


def _written(scope: str, code: str) -> set[Table]:
    """Return the tables of which the code, or a routine that it calls, changes rows that are there."""
    written = {_table(scope, f) for s in statements(code) for f in references(s.text) if _writes(s, f)}
    for db, name in NESTED_CALL.findall(code):
        written |= _written_by(db or scope, name)
    return written


@cache
def _written_by(scope: str, name: str) -> frozenset[Table]:
    return frozenset(
        _table(routine.scope, reference)
        for routine in reachable_routines(scope, name)
        for statement in statements(code_only(routine.body))
        for reference in references(statement.text)
        if _writes(statement, reference)
    )


def _writes(statement: Statement, reference: Reference) -> bool:
    """Return whether a statement changes rows of a table. An INSERT writes another row than was locked."""
    if reference.verb == "UPDATE":
        return True
    if reference.verb == "INTO":
        return UPSERT.search(statement.text) is not None
    name = reference.alias or reference.table
    deleted = DELETED.search(statement.text)
    if deleted is not None:
        return not deleted["names"].strip() or re.search(rf"\b{name}\b", deleted["names"]) is not None
    is_update = re.search(r"\bUPDATE\b", statement.text, re.IGNORECASE) is not None
    return is_update and re.search(rf"(?:\bSET|,)\s+{name}\.\w+\s*=", statement.text) is not None


def _table(scope: str, reference: Reference) -> Table:
    db, _, name = reference.table.rpartition(".")
    return db or scope, name

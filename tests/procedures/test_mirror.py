"""Check that the test file of its folder calls every routine, and provokes each of its refusals."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from service.schema.routines import Routine, load_routines

HERE = Path(__file__).parent
Words = frozenset[str]


@cache
def words_of_tests(path: Path) -> tuple[Words, ...]:
    """Return the words of each test of a file, and of each case in a table of CALLs."""
    body = ast.parse(path.read_text()).body if path.exists() else []
    helpers = {name: _words([each], {}) for each in body for name in _defines(each)}
    cases_words = []
    for statement in body:
        tables = [node for node in ast.walk(statement) if isinstance(node, ast.Dict)]
        cases = [pair for table in tables for pair in zip(table.keys, table.values, strict=True)]
        inside = {id(node) for table in tables for node in ast.walk(table)}
        outside = _words([n for n in ast.walk(statement) if id(n) not in inside], helpers, deep=False)
        cases_words.append(outside)
        for key, value in cases:
            words = _words([node for node in (key, value) if node is not None], helpers)
            # A key that is a variable was built outside the table.
            cases_words.append(words | outside if isinstance(key, ast.Name) else words)
    return tuple(cases_words)


def _defines(statement: ast.stmt) -> list[str]:
    """Return the names of constants and helpers that a statement defines."""
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return [] if statement.name.startswith("test_") else [statement.name]
    return []


def _words(nodes: list[ast.AST], helpers: Mapping[str, Words], *, deep: bool = True) -> Words:
    words: set[str] = set()
    for node in nodes:
        for each in ast.walk(node) if deep else [node]:
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                words |= set(re.findall(r"\w+", each.value))
            elif isinstance(each, ast.Name):
                words |= helpers.get(each.id, frozenset())
    return frozenset(words)


def routines() -> list[object]:
    return [pytest.param(r, id=f"{r.scope}.{r.name}") for r in load_routines()]


@pytest.mark.parametrize("routine", routines())
def test_every_routine_and_each_of_its_refusals_is_tested(routine: Routine) -> None:
    path = HERE / routine.scope / f"test_{routine.path.parent.name}.py"
    tests = words_of_tests(path)
    assert any(routine.name in each for each in tests), f"CALL {routine.name} in {path}"
    for code in sorted(routine.signals):
        together = any({routine.name, code} <= each for each in tests)
        assert together, f"no test in {path} has {routine.name} refused with {code}"

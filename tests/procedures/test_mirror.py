"""Every routine is CALLed in the test file of its feature, and so is each of its refusals."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from service.deploy.files import Routine, load_routines

HERE = Path(__file__).parent
Words = frozenset[str]


@cache
def words_of_tests(path: Path) -> tuple[Words, ...]:
    """The words of each test of a file; in a table of CALLs, of each of its cases."""
    body = ast.parse(path.read_text()).body if path.exists() else []
    helpers = {name: _words([each], {}) for each in body for name in _defines(each)}
    found = []
    for statement in body:
        tables = [node for node in ast.walk(statement) if isinstance(node, ast.Dict)]
        cases = [pair for table in tables for pair in zip(table.keys, table.values, strict=True)]
        inside = {id(node) for table in tables for node in ast.walk(table)}
        outside = _words([n for n in ast.walk(statement) if id(n) not in inside], helpers, deep=False)
        found.append(outside)
        for key, value in cases:
            words = _words([node for node in (key, value) if node is not None], helpers)
            # a key that is a variable was made outside the table
            found.append(words | outside if isinstance(key, ast.Name) else words)
    return tuple(found)


def _defines(statement: ast.stmt) -> list[str]:
    """Names of constants and helpers that tests of the file use."""
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    is_helper = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
    return [statement.name] if is_helper and not statement.name.startswith("test_") else []


def _words(nodes: list[ast.AST], helpers: Mapping[str, Words], *, deep: bool = True) -> Words:
    found: set[str] = set()
    for node in nodes:
        for each in ast.walk(node) if deep else [node]:
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                found |= set(re.findall(r"\w+", each.value))
            elif isinstance(each, ast.Name):
                found |= helpers.get(each.id, frozenset())
    return frozenset(found)


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

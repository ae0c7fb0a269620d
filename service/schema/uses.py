"""The stored procedures that the Python code calls, by file and function."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from service import PACKAGE
from service.schema.routines import load_routines

OWNED = {"shard"}
"""Context methods that pass the owner as the first argument."""

CALL = re.compile(r"\.(yp|shard|call)\(")
"""Files without it need not be parsed."""


@dataclass(frozen=True)
class RoutineUse:
    """A routine named in Python source."""

    where: str
    function: str
    scope: str
    name: str
    args: int


@cache
def routine_uses() -> list[RoutineUse]:
    """Return every CALL of service/: `ctx.yp("name", …)`, `ctx.shard("name", …)`, `call(db, "name", …)`.

    A CALL that is made later is a tuple: `"yp", "name", (…)`.
    """
    uses: list[RoutineUse] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text()
        if CALL.search(text):
            uses += _uses_in(ast.parse(text), str(path.relative_to(PACKAGE.parent)), ())
    return uses


def _uses_in(node: ast.AST, where: str, functions: tuple[str, ...]) -> Iterator[RoutineUse]:
    """Generate the CALLs below a node, once for each function around them."""
    for child in ast.iter_child_nodes(node):
        inner = functions
        if isinstance(child, ast.AsyncFunctionDef | ast.FunctionDef):
            inner = (*functions, child.name)
        elif isinstance(child, ast.Call | ast.Tuple):
            for function in inner:
                if use := _use(child, where, function):
                    yield use
        yield from _uses_in(child, where, inner)


def _use(node: ast.AST, where: str, function: str) -> RoutineUse | None:
    if isinstance(node, ast.Tuple):
        return _later_use(node, f"{where}:{node.lineno}", function)
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    text = [a.value if isinstance(a, ast.Constant) else None for a in node.args]
    place = f"{where}:{node.lineno}"
    if node.func.attr in {"yp", *OWNED} and text and isinstance(text[0], str):
        owned = node.func.attr in OWNED
        return RoutineUse(place, function, "shard" if owned else "yp", text[0], len(text) - 1 + owned)
    if node.func.attr == "call" and len(text) > 1 and isinstance(text[1], str):
        return RoutineUse(place, function, "yp" if text[0] == "yp" else "shard", text[1], len(text) - 2)
    return None


def _later_use(node: ast.Tuple, place: str, function: str) -> RoutineUse | None:
    match node.elts:
        case [ast.Constant(value="yp"), ast.Constant(value=str(name)), ast.Tuple(elts=args)]:
            return RoutineUse(place, function, "yp", name, len(args))
    return None


@cache
def _callers() -> dict[tuple[str, str], list[str]]:
    callers: dict[tuple[str, str], list[str]] = {}
    for use in routine_uses():
        callers.setdefault((use.scope, use.name), []).append(use.where)
    for routine in load_routines():
        for called in sorted(routine.calls - {(routine.scope, routine.name)}):
            callers.setdefault(called, []).append(str(routine.path))
    return callers


def callers_of(scope: str, name: str) -> list[str]:
    """Return the places that call a routine: `service/….py:line` and `procedures/….sql`."""
    return _callers().get((scope, name), [])

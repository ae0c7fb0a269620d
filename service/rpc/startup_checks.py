"""Compare handlers with the installed routines and with their declarations, before the service starts."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TypeGuard

from service import PACKAGE, as_typed
from service.errors import DeclarationError
from service.rpc.declarations import Handler, Service, load_declarations
from service.rpc.methods import Writes
from service.schema.compatibility import load_schema
from service.schema.routines import modifies, reachable_signals
from service.schema.uses import RoutineUse, routine_uses
from service.store.database import Database, RoutineInfo

ATTRIBUTE = {"LOAD_ATTR", "LOAD_METHOD"}
"""Instructions that read an attribute; the second one is that of Python 3.11."""


async def load_services(db: Database) -> dict[str, Service]:
    """Return the declared services by name; DeclarationError when they do not match handlers and routines."""
    services = load_declarations()
    check_routines(services, await load_schema(db))
    return services


def check_routines(services: Mapping[str, Service], installed: Mapping[tuple[str, str], RoutineInfo]) -> None:
    """Raise DeclarationError for handlers whose routines are missing, take other arguments, raise codes that
    the service does not declare, or change data while it does not say so."""
    shards = sorted({db for db, _ in installed if db != "yp"})
    problems = [
        problem
        for use in routine_uses()
        for db in (["yp"] if use.scope == "yp" else shards)
        if (problem := _routine_problem(use, db, installed))
    ]
    for service in services.values():
        problems += _service_problems(service)
    if problems:
        raise DeclarationError(
            "\n".join([*sorted(set(problems)), f"deployed? `{as_typed('deploy')}` installs the routines"])
        )


def _routine_problem(
    use: RoutineUse, db: str, installed: Mapping[tuple[str, str], RoutineInfo]
) -> str | None:
    routine = installed.get((db, use.name))
    if routine is None:
        return f"{use.where}: {db}.{use.name} is not installed"
    if routine.params != use.args:
        return f"{use.where}: {db}.{use.name} takes {routine.params} arguments, not {use.args}"
    return None


def _service_problems(service: Service) -> Iterator[str]:
    for use in called_routines(service.handler):
        for code in sorted(reachable_signals(use.scope, use.name) - service.errors.keys()):
            yield f"{service.name}: {use.name} raises {code}, which is not declared in acl/"
        if service.writes is Writes.NO and modifies(use.scope, use.name):
            yield f'{service.name}: {use.name} changes data; declare "writes" in acl/'


@cache
def called_routines(handler: Handler) -> list[RoutineUse]:
    """Return the routines that a handler reaches."""
    places = _places_used(handler)
    return [use for use in routine_uses() if (use.where.rpartition(":")[0], use.function) in places]


def _places_used(handler: Handler) -> frozenset[tuple[str, str]]:
    """Return (file, function) of the handler and of all functions of this package that it reaches."""
    return frozenset(
        (str(Path(function.__code__.co_filename).resolve().relative_to(PACKAGE.parent)), function.__name__)
        for function in _functions_used(handler)
    )


def _functions_used(handler: Handler) -> frozenset[FunctionType]:
    """Return the handler and all functions of this package that it reaches by name, directly or not."""
    functions: set[FunctionType] = set()
    todo: list[object] = [handler]
    while todo:
        function = todo.pop()
        function = inspect.unwrap(function) if callable(function) else function
        if _is_ours(function) and function not in functions:
            functions.add(function)
            todo += _objects_used(function)
    return frozenset(functions)


@cache
def _objects_used(function: FunctionType) -> list[object]:
    """Return the objects that a function reaches by a global name, or as an attribute of a module."""
    known = function.__globals__
    objects: list[object] = []
    for code in _codes(function.__code__):
        home: object = None
        # its instructions, and not its text: to read and parse that takes three times as long
        for each in dis.get_instructions(code):
            if each.opname == "LOAD_GLOBAL":
                home = known.get(each.argval)
                objects.append(home)
            else:
                if each.opname in ATTRIBUTE and isinstance(home, ModuleType):
                    objects.append(getattr(home, each.argval, None))
                home = None
    return objects


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Generate the code of a function and of all that stand in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _is_ours(value: object) -> TypeGuard[FunctionType]:
    return isinstance(value, FunctionType) and value.__module__.partition(".")[0] == "service"

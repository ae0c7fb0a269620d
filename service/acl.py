"""The declarations in `acl/`: what services there are, who may call them, what they take and answer.

They are program and documentation at once. Everything that can be checked is checked at start; a service
that does not fit its declaration, its handler or its routines keeps the process from starting.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import orjson
from marshmallow import Schema

from service import ROOT
from service.database import RoutineInfo
from service.deploy.files import reachable_signals
from service.schema import FORMATS, build_schema

LEVELS = {
    "anonymous": 0,
    "guest": 1,
    "read": 2,
    "download": 3,
    "write": 4,
    "delete": 5,
    "admin": 6,
    "owner": 7,
}
TYPES = {"string", "integer", "number", "boolean", "array", "object"}
SERVICE_KEYS = {"doc", "scope", "permission", "method", "log", "params", "returns", "errors"}
PERMISSION_KEYS = {"src", "on", "fast_check"}
PARAM_KEYS = {
    "type", "format", "required", "default", "doc", "example", "enum", "min", "max", "minLength",
    "maxLength", "maxItems", "maxBytes", "pattern", "items", "properties", "clearable",
}  # fmt: skip
PUSH_KEYS = {"doc", "to", "model"}
ERROR_KEYS = {"code", "http_status", "doc", "protocol"}
COMMON_ERRORS = {"INVALID_PARAM": (400, True), "MISSING_PARAM": (400, True)}
"""Errors that every service may answer and no declaration repeats."""
OWNED = {"mine"}
"""Context methods that put the owner in front of the arguments."""

Handler = Callable[..., Awaitable[Any]]


class DeclarationError(ValueError):
    """Declarations, handlers and routines do not fit together; the message lists every misfit."""


@dataclass(frozen=True)
class Service:
    """One declared service, ready to be called."""

    name: str
    """module.method"""
    level: int
    on_hub: bool
    """True: the level counts in the hub that the request names; False: on the caller's own entity."""
    log: bool
    declaration: Mapping[str, Any]
    params: Mapping[str, Any]
    schema: Schema
    errors: Mapping[str, tuple[int, bool]]
    """code: (HTTP status, keeps it for every caller)"""
    handler: Handler
    takes: tuple[str, ...] | None
    """Parameters that the handler names; None: all."""


def load_declarations(folder: Path = ROOT / "acl") -> dict[str, Service]:
    """All services by name; DeclarationError when a declaration or a handler is not in order."""
    problems: list[str] = []
    services: dict[str, Service] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            content = orjson.loads(path.read_bytes())
            module = _module(content)
        except (ValueError, KeyError, ImportError) as exc:
            problems.append(f"{path.name}: {exc!r}")
            continue
        for method, declaration in content["services"].items():
            name = f"{path.stem}.{method}"
            found = list(_declaration_problems(declaration))
            if found:
                problems += [f"{path.name}: {method}: {problem}" for problem in found]
                continue
            handler = getattr(module, declaration.get("method", method), None)
            if handler is None:
                problems.append(f"{path.name}: {method}: {module.__name__} has no such function")
                continue
            services[name] = _service(name, declaration, handler)
            problems += [f"{name}: {problem}" for problem in _handler_problems(services[name])]
        declared = {d.get("method", m) for m, d in content["services"].items()}
        problems += [
            f"{module.__name__}.{extra}: no declaration in {path.name}"
            for extra in sorted(_public_functions(module) - declared)
        ]
    declared_modules = {s.handler.__module__.rpartition(".")[2] for s in services.values()}
    problems += [
        f"service/modules/{path.name}: no {path.stem}.json declares its services"
        for path in sorted((ROOT / "service" / "modules").glob("[a-z]*.py"))
        if folder == ROOT / "acl" and path.stem not in declared_modules and not problems
    ]
    if problems:
        raise DeclarationError("\n".join(problems))
    return services


def load_pushes(folder: Path = ROOT / "acl") -> dict[str, dict[str, Any]]:
    """Every frame that travels over the WebSocket, by name; DeclarationError when one is not in order.

    Each has `doc`, `to` (who gets it) and, unless anything goes, `model`: the fields of the model of a live
    update, or of the data of a system frame (sys.…).
    """
    pushes: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        pushes |= orjson.loads(path.read_bytes()).get("pushes", {})
    problems = [f"{name}: {problem}" for name, push in pushes.items() for problem in _push_problems(push)]
    if problems:
        raise DeclarationError("\n".join(problems))
    return pushes


def _push_problems(push: Mapping[str, Any]) -> Iterator[str]:
    yield from _key_problems(push, PUSH_KEYS, {"doc", "to"})
    for name, field in push.get("model", {}).items():
        yield from (f"model.{name}: {p}" for p in _key_problems(field, {"type", "doc"}, {"type", "doc"}))
        if field.get("type") not in TYPES:
            yield f"model.{name}: type {field.get('type')!r} is unknown"


def _module(content: Mapping[str, Any]) -> ModuleType:
    return importlib.import_module(content["modules"]["private"].replace("/", "."))


def _service(name: str, declaration: Mapping[str, Any], handler: Handler) -> Service:
    permission = declaration["permission"]
    parameters = list(inspect.signature(handler).parameters.values())[1:]
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return Service(
        name=name,
        level=LEVELS[permission["src"]],
        on_hub=permission.get("on", "hub") == "hub",
        log=bool(declaration.get("log")),
        declaration=declaration,
        params=declaration["params"],
        schema=build_schema(declaration["params"]),
        errors=COMMON_ERRORS
        | {e["code"]: (e["http_status"], bool(e.get("protocol"))) for e in declaration["errors"]},
        handler=handler,
        takes=None if takes_all else tuple(p.name for p in parameters),
    )


def _declaration_problems(declaration: Mapping[str, Any]) -> Iterator[str]:
    yield from _key_problems(
        declaration, SERVICE_KEYS, {"doc", "scope", "permission", "params", "returns", "errors"}
    )
    permission = declaration.get("permission", {})
    yield from _key_problems(permission, PERMISSION_KEYS, {"src"})
    if permission.get("src") not in LEVELS:
        yield f"permission.src is none of {', '.join(LEVELS)}"
    if permission.get("on", "hub") not in {"hub", "self"}:
        yield "permission.on is neither hub nor self"
    if permission.get("fast_check", "public-api") != "public-api":
        yield "permission.fast_check knows nothing but public-api"
    for name, param in declaration.get("params", {}).items():
        yield from (f"params.{name}: {p}" for p in _param_problems(param))
    for error in declaration.get("errors", []):
        yield from _key_problems(error, ERROR_KEYS, {"code", "http_status"})


def _param_problems(param: Mapping[str, Any]) -> Iterator[str]:
    yield from _key_problems(param, PARAM_KEYS, {"type"})
    if param.get("type") not in TYPES:
        yield f"type {param.get('type')!r} is unknown"
    if param.get("format", "id") not in FORMATS:
        yield f"format {param['format']!r} is unknown"
    if param.get("required") and "default" in param:
        yield "is required and has a default"
    for nested in [*param.get("properties", {}).values(), *filter(None, [param.get("items")])]:
        yield from _param_problems(nested)


def _key_problems(item: Mapping[str, Any], known: set[str], required: set[str]) -> Iterator[str]:
    for key in sorted(item.keys() - known):
        yield f"unknown key {key!r}"
    for key in sorted(required - item.keys()):
        yield f"key {key!r} is missing"


def _handler_problems(service: Service) -> Iterator[str]:
    if not inspect.iscoroutinefunction(service.handler):
        yield "its handler is not an async function"
    for name in set(service.takes or ()) - service.params.keys():
        yield f"its handler takes {name!r}, which is not declared"


def _public_functions(module: ModuleType) -> set[str]:
    return {
        name
        for name, value in inspect.getmembers(module, inspect.iscoroutinefunction)
        if value.__module__ == module.__name__ and not name.startswith("_")
    }


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
    """Every CALL the package names: `ctx.yp("name", …)`, `ctx.mine("name", …)`, `call(db, "name", …)`."""
    uses = []
    for path in sorted((ROOT / "service").rglob("*.py")):
        tree = ast.parse(path.read_text())
        for function in ast.walk(tree):
            if isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
                where = str(path.relative_to(ROOT))
                uses += [use for node in ast.walk(function) if (use := _use(node, where, function.name))]
    return uses


def _use(node: ast.AST, where: str, function: str) -> RoutineUse | None:
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


def check_routines(services: Mapping[str, Service], installed: Mapping[tuple[str, str], RoutineInfo]) -> None:
    """Refuse handlers that name a routine which is not installed, with other parameters, or with codes
    that the service does not declare."""
    uses = routine_uses()
    shards = sorted({db for db, _ in installed if db != "yp"})
    problems = [
        problem
        for use in uses
        for db in (["yp"] if use.scope == "yp" else shards)
        if (problem := _routine_problem(use, db, installed))
    ]
    for service in services.values():
        problems += _code_problems(service, uses)
    if problems:
        raise DeclarationError(
            "\n".join([*sorted(set(problems)), "deployed? `make deploy` installs the routines"])
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


def _code_problems(service: Service, uses: list[RoutineUse]) -> Iterator[str]:
    called = {
        (str(Path(function.__code__.co_filename).relative_to(ROOT)), function.__name__)
        for function in _functions_used(service.handler)
    }
    for use in uses:
        if (use.where.rpartition(":")[0], use.function) not in called:
            continue
        for code in sorted(reachable_signals(use.scope, use.name) - service.errors.keys()):
            yield f"{service.name}: {use.name} raises {code}, which is not declared in acl/"


@cache
def _functions_used(handler: Handler) -> frozenset[FunctionType]:
    """The handler and the functions of this package that it reaches by name, through any number of others."""
    found: set[FunctionType] = set()
    todo: list[Any] = [handler]
    while todo:
        function = todo.pop()
        function = inspect.unwrap(function) if callable(function) else function
        if not _is_ours(function) or function in found:
            continue
        found.add(function)
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        known = function.__globals__
        todo += [known.get(n.id) for n in ast.walk(tree) if isinstance(n, ast.Name)]
        todo += [
            getattr(known.get(n.value.id), n.attr, None)
            for n in ast.walk(tree)
            if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)
            if isinstance(known.get(n.value.id), ModuleType)
        ]
    return frozenset(found)


def _is_ours(value: Any) -> bool:
    return isinstance(value, FunctionType) and value.__module__.partition(".")[0] == "service"

"""Load the declarations of `acl/`: services, their levels, parameters and answers, and pushes.

Declarations are program and documentation at once. They are checked at start: the process refuses to start
when a declaration, its handler and its routines do not fit together.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from marshmallow import Schema

from service import PACKAGE, ROOT
from service.errors import DeclarationError
from service.rpc.definitions import read_declarations
from service.rpc.methods import Writes
from service.web.fields import FORMATS, build_schema

OWN_FOLDER = ROOT / "acl"

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
SERVICE_KEYS = {
    "doc", "scope", "permission", "writes", "method", "log", "timeout", "params", "returns", "errors",
    "refused_as",
}  # fmt: skip
PERMISSION_KEYS = {"src", "on", "fast_check"}
PARAM_KEYS = {
    "type", "format", "required", "default", "doc", "example", "enum", "min", "max", "minLength",
    "maxLength", "maxItems", "maxBytes", "pattern", "items", "properties", "clearable",
}  # fmt: skip
PUSH_KEYS = {"doc", "to", "model", "sometimes", "open", "answers_as"}
FIELD_KEYS = {"type", "doc", "properties", "items"}
ERROR_KEYS = {"code", "http_status", "doc", "protocol"}
COMMON_ERRORS = {"INVALID_PARAM": (400, True), "MISSING_PARAM": (400, True)}
"""Errors that every service may answer, so that no declaration repeats them."""

Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Service:
    """One declared service, ready to be called."""

    name: str
    """module.method"""
    level: int
    on_hub: bool
    """True: the level in the hub that the request names counts; False: that on the caller's own entity."""
    writes: Writes
    log: bool
    timeout: float
    """Seconds that the handler may take; DRUMEE_REQUEST_TIMEOUT when that is more."""
    declaration: Mapping[str, Any]
    params: Mapping[str, Any]
    schema: Schema
    errors: Mapping[str, tuple[int, bool]]
    """(HTTP status, whether the frontend gets it as well) by code."""
    handler: Handler
    takes: tuple[str, ...] | None
    """Parameters that the handler takes; None: all."""

    @property
    def answers_numbers(self) -> bool:
        """Whether it answers a contact with its phone numbers."""
        return "mobile" in self.declaration["returns"].get("properties", ())


def load_declarations(folder: Path = OWN_FOLDER) -> dict[str, Service]:
    """Return all services by name; DeclarationError lists every problem of declarations and handlers."""
    return dict(_own_services()) if folder == OWN_FOLDER else _load_folder(folder)


@cache
def _own_services() -> dict[str, Service]:
    # they do not change while a process runs, and take it a tenth of a second
    return _load_folder(OWN_FOLDER)


def _load_folder(folder: Path) -> dict[str, Service]:
    services: dict[str, Service] = {}
    problems: list[str] = []
    for stem, content in read_declarations(folder).items():
        module_services, module_problems = _load_module(stem, content)
        services |= module_services
        problems += module_problems
    if folder == OWN_FOLDER and not problems:
        problems += _undeclared_modules(services)
    if problems:
        raise DeclarationError("\n".join(problems))
    return services


def _load_module(stem: str, content: Mapping[str, Any]) -> tuple[dict[str, Service], list[str]]:
    """Return the services of one file by name, and a sentence for each problem."""
    file = f"{stem}.json"
    try:
        module = importlib.import_module(content["modules"]["private"].replace("/", "."))
    except (KeyError, ImportError) as exc:
        return {}, [f"{file}: {exc!r}"]
    services: dict[str, Service] = {}
    problems: list[str] = []
    functions: set[str] = set()
    for method, declaration in content["services"].items():
        name, function = f"{stem}.{method}", declaration.get("method", method)
        functions.add(function)
        handler = getattr(module, function, None)
        mistakes = [f"{file}: {method}: {problem}" for problem in _declaration_problems(declaration)]
        if mistakes:
            problems += mistakes
        elif handler is None:
            problems.append(f"{file}: {method}: {module.__name__} has no such function")
        else:
            services[name] = _service(name, declaration, handler)
            problems += [f"{name}: {problem}" for problem in _handler_problems(services[name])]
    undeclared = sorted(_public_functions(module) - functions)
    problems += [f"{module.__name__}.{function}: no declaration in {file}" for function in undeclared]
    return services, problems


def _undeclared_modules(services: Mapping[str, Service]) -> Iterator[str]:
    declared = {service.handler.__module__.rpartition(".")[2] for service in services.values()}
    for path in sorted((PACKAGE / "modules").glob("[a-z]*.py")):
        if path.stem not in declared:
            yield f"service/modules/{path.name}: no {path.stem}.json declares its services"


def load_pushes(folder: Path = OWN_FOLDER) -> dict[str, dict[str, Any]]:
    """Return every WebSocket frame by name; DeclarationError lists every problem.

    Each has `doc`, `to` (its recipients) and, unless its fields are free, `model`: the fields of the model of
    a live update, or of the data of a system frame (sys.…). `sometimes` lists those that may be absent.
    `open`: there may be others, those that the client has sent. `answers_as` names the service whose answer
    the model is.
    """
    pushes: dict[str, dict[str, Any]] = {}
    for content in read_declarations(folder).values():
        pushes |= content.get("pushes", {})
    problems = [f"{name}: {problem}" for name, push in pushes.items() for problem in _push_problems(push)]
    if problems:
        raise DeclarationError("\n".join(problems))
    return pushes


def _push_problems(push: Mapping[str, Any]) -> Iterator[str]:
    yield from _key_problems(push, PUSH_KEYS, {"doc", "to"})
    model = push.get("model", {})
    yield from _field_problems("model", model)
    yield from (f"sometimes: {name} is no field" for name in push.get("sometimes", ()) if name not in model)


def _field_problems(path: str, fields: Mapping[str, Any]) -> Iterator[str]:
    for name, field in fields.items():
        yield from (f"{path}.{name}: {p}" for p in _key_problems(field, FIELD_KEYS, {"type", "doc"}))
        if field.get("type") not in TYPES:
            yield f"{path}.{name}: type {field.get('type')!r} is unknown"
        yield from _field_problems(f"{path}.{name}", field.get("properties", {}))


def _service(name: str, declaration: Mapping[str, Any], handler: Handler) -> Service:
    permission = declaration["permission"]
    parameters = list(inspect.signature(handler).parameters.values())[1:]
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return Service(
        name=name,
        level=LEVELS[permission["src"]],
        on_hub=permission.get("on", "hub") == "hub",
        writes=Writes(declaration.get("writes", False)),
        log=bool(declaration.get("log")),
        timeout=float(declaration.get("timeout", 0)),
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
        yield "permission.on must be hub or self"
    if permission.get("fast_check", "public-api") != "public-api":
        yield "permission.fast_check must be public-api"
    if not isinstance(declaration.get("timeout", 1), int) or declaration.get("timeout", 1) < 1:
        yield "timeout must be a number of seconds"
    if declaration.get("writes", False) not in {writes.value for writes in Writes}:
        yield "writes must be true, post or link"
    for name, param in declaration.get("params", {}).items():
        yield from (f"params.{name}: {p}" for p in _param_problems(param, {"type", "doc"}))
    for error in declaration.get("errors", []):
        yield from _key_problems(error, ERROR_KEYS, {"code", "http_status"})


def _param_problems(param: Mapping[str, Any], required: set[str]) -> Iterator[str]:
    yield from _key_problems(param, PARAM_KEYS, required)
    if param.get("type") not in TYPES:
        yield f"type {param.get('type')!r} is unknown"
    if param.get("format", "id") not in FORMATS:
        yield f"format {param['format']!r} is unknown"
    if "format" in param and param.get("type") != "string":
        yield "only a string has a format"
    if param.get("required") and "default" in param:
        yield "is required and has a default"
    for nested in param.get("properties", {}).values():
        yield from _param_problems(nested, {"type", "doc"})
    if "items" in param:
        yield from _param_problems(param["items"], {"type"})


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

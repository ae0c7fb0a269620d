"""The reference for frontend developers, rendered from the declarations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, select_autoescape

from service.acl import Service
from service.dialects.filemail.calls import described
from service.dialects.filemail.errors import kinds
from service.dialects.rest.errors import STATUSES
from service.dialects.rest.openapi import document
from service.dialects.rest.operation import Operation
from service.dialects.rest.operations import OPERATIONS

_environment = Environment(
    loader=PackageLoader("service"),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["json"] = lambda value: orjson.dumps(value).decode()


def render_reference(services: Mapping[str, Service], pushes: Mapping[str, Any]) -> str:
    """One HTML page with every service (level, parameters, answer, errors) and every WebSocket frame."""
    modules: dict[str, list[Service]] = {}
    for name, service in services.items():
        modules.setdefault(name.partition(".")[0], []).append(service)
    return _environment.get_template("reference.html").render(
        modules=modules,
        pushes=pushes,
        token_calls=described(),
        token_errors=kinds(),
        rest_calls=_rest_calls(),
        rest_answers=_rest_answers(),
        rest_errors=STATUSES,
    )


def _rest_calls() -> list[dict[str, Any]]:
    """What the OpenAPI document says of each operation: name, doc, who, params, answer, errors by status."""
    paths = document(OPERATIONS)["paths"]
    return [_rest_call(o, paths[o.path][o.method.lower()]) for o in OPERATIONS]


def _rest_call(operation: Operation, told: dict[str, Any]) -> dict[str, Any]:
    params: list[tuple[Any, ...]] = [
        (p["name"], p["in"], p["schema"].get("type"), p.get("required", False), p["schema"], p["description"])
        for p in told["parameters"]
    ]
    for kind, body in told.get("requestBody", {}).get("content", {}).items():
        where = "form" if kind.startswith("multipart") else "body"
        params += [(name, where, *rest) for name, *rest in _fields(body["schema"])]
    return {
        "name": operation.name,
        "title": f"{operation.method} {operation.path}",
        "doc": told["description"],
        "who": _who(operation),
        "params": params,
        "any_object": operation.free_body,
        "status": operation.status,
        "answer": operation.returns,
        "errors": [(s, r["description"]) for s, r in told["responses"].items() if int(s) >= 400],
    }


def _who(operation: Operation) -> str:
    if operation.public:
        return "everybody"
    if operation.admin:
        return "a key of scope system"
    return "a token; it may stand in the query, as token" if operation.query_token else "a token"


def _rest_answers() -> dict[str, list[Any]]:
    """The fields of each answer; those of one contact stand once, as Record."""
    schemas = document(OPERATIONS)["components"]["schemas"]
    return {name: _fields(schema) for name, schema in schemas.items()}


def _fields(
    schema: Mapping[str, Any], prefix: str = ""
) -> list[tuple[str, str, bool, Mapping[str, Any], str]]:
    """(path, type, required, schema, description) of each field, those of objects and lists within them."""
    found = []
    for choice in schema.get("anyOf", [schema]):
        for name, field in choice.get("properties", {}).items():
            required = name in choice.get("required", ())
            found.append((prefix + name, _kind(field), required, field, field.get("description", "")))
            found += _fields(field, f"{prefix}{name}.")
            found += _fields(field.get("items", {}), f"{prefix}{name}[].")
    return found


def _kind(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "type" not in field:
        return "boolean" if field.get("const") is True else "string"
    kind = field["type"]
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{text} of {_kind(field['items'])}" if "items" in field else text

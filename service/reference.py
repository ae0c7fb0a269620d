"""Render the reference for API developers from the declarations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, select_autoescape

from service import PACKAGE
from service.filemail.endpoints import describe_endpoints
from service.filemail.errors import ERROR_KINDS
from service.rest.asyncapi import live_document
from service.rest.errors import STATUSES
from service.rest.openapi import document
from service.rest.operation import Operation
from service.rest.operations import OPERATIONS
from service.rpc.declarations import Service, load_declarations, load_pushes
from service.specs.live import frontend_document
from service.specs.rpc import rpc_document

_environment = Environment(
    loader=PackageLoader("service"),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["json"] = lambda value: orjson.dumps(value).decode()
_environment.filters["pretty"] = lambda value: orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()

TITLES = {
    "yp": "Sign-in",
    "contact": "Contacts",
    "tagcontact": "Tags",
    "conference": "Conferences",
    "chat": "Conversations",
    "dmz": "Guests",
    "desk": "Desk",
    "drumate": "Account",
    "media": "Files",
    "bootstrap": "WebSocket keys",
    "butler": "Import from Google",
}
"""Titles of the modules, in the order in which a reader needs them."""
TEMPLATES = PACKAGE / "templates"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PAGE_FILES = ("reference.css", "page.css", "card.css", "reference.js", "google.js", "bootstrap.js")
DEMO_FILES = tuple(f"demo/{path.name}" for path in sorted((TEMPLATES / "demo").iterdir()))
ASSETS = {name: TYPES[Path(name).suffix] for name in (*PAGE_FILES, *DEMO_FILES)}
"""Files that the pages load, with their types."""


@cache
def read_asset(name: str) -> str:
    """Return the text of a file that a page loads."""
    return (TEMPLATES / name).read_text()


@cache
def recorded_examples() -> dict[str, Any]:
    """Return a request and its answer for each service (tests/test_reference_examples.py records them)."""
    examples: dict[str, Any] = orjson.loads((TEMPLATES / "examples.json").read_bytes())
    return examples


@cache
def openapi_of_rpc(cookie: str) -> bytes:
    """Return the OpenAPI document of the services, as JSON; `cookie` names the session cookie."""
    return orjson.dumps(rpc_document(load_declarations(), recorded_examples(), TITLES, cookie))


@cache
def asyncapi_of_frontend(base_url: str, cookie: str) -> bytes:
    """Return the AsyncAPI document of the frontend's WebSocket, as JSON; `base_url` is that of browsers."""
    return orjson.dumps(frontend_document(load_declarations(), load_pushes(), base_url, cookie))


@cache
def asyncapi_of_rest(base_url: str) -> bytes:
    """Return the AsyncAPI document of /ws, as JSON; `base_url` is that of browsers."""
    return orjson.dumps(live_document(base_url))


@cache
def reference_page() -> str:
    """Return the page of the services that this version declares."""
    return render_reference(load_declarations(), load_pushes())


def render_reference(services: Mapping[str, Service], pushes: Mapping[str, Any]) -> str:
    """Return an HTML page of all services, endpoints and operations, and of all WebSocket frames."""
    modules: dict[str, list[Service]] = {module: [] for module in TITLES}
    for name, service in services.items():
        modules.setdefault(name.partition(".")[0], []).append(service)
    return _environment.get_template("reference.html").render(
        titles=TITLES,
        modules={module: listed for module, listed in modules.items() if listed},
        examples=recorded_examples(),
        pushes=pushes,
        token_calls=describe_endpoints(),
        token_errors=ERROR_KINDS,
        rest_calls=_rest_calls(),
        rest_answers=_rest_answers(),
        rest_errors=STATUSES,
    )


def _rest_calls() -> list[dict[str, Any]]:
    """Return name, doc, credentials, parameters, answer and errors by status of each operation."""
    paths = document(OPERATIONS)["paths"]
    return [
        _rest_call(operation, paths[operation.path][operation.method.lower()]) for operation in OPERATIONS
    ]


def _rest_call(operation: Operation, description: dict[str, Any]) -> dict[str, Any]:
    params: list[tuple[Any, ...]] = [
        (p["name"], p["in"], p["schema"].get("type"), p.get("required", False), p["schema"], p["description"])
        for p in description["parameters"]
    ]
    for kind, body in description.get("requestBody", {}).get("content", {}).items():
        where = "form" if kind.startswith("multipart") else "body"
        params += [(name, where, *rest) for name, *rest in _fields(body["schema"])]
    return {
        "name": operation.name,
        "title": f"{operation.method} {operation.path}",
        "doc": description["description"],
        "who": _credentials(operation),
        "params": params,
        "any_object": operation.free_body,
        "status": operation.status,
        "answer": operation.returns,
        "errors": [(s, r["description"]) for s, r in description["responses"].items() if int(s) >= 400],
    }


def _credentials(operation: Operation) -> str:
    if operation.public:
        return "everybody"
    if operation.admin:
        return "a key of scope system"
    return "a token; it may stand in the query, as token" if operation.query_token else "a token"


def _rest_answers() -> dict[str, list[Any]]:
    """Return the fields of each answer by schema name; ContactRecord has those of a contact."""
    schemas = document(OPERATIONS)["components"]["schemas"]
    return {name: _fields(schema) for name, schema in schemas.items()}


def _fields(
    schema: Mapping[str, Any], prefix: str = ""
) -> list[tuple[str, str, bool, Mapping[str, Any], str]]:
    """Return (path, type, required, schema, description) of each field, nested ones included."""
    rows = []
    for choice in schema.get("anyOf", [schema]):
        for name, field in choice.get("properties", {}).items():
            required = name in choice.get("required", ())
            rows.append((prefix + name, _kind(field), required, field, field.get("description", "")))
            rows += _fields(field, f"{prefix}{name}.")
            rows += _fields(field.get("items", {}), f"{prefix}{name}[].")
    return rows


def _kind(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "type" not in field:
        return "boolean" if field.get("const") is True else "string"
    kind = field["type"]
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{text} of {_kind(field['items'])}" if "items" in field else text

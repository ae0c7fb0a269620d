"""Build the OpenAPI 3.1 document of the RPC from the declarations of `acl/`.

It describes how a client is to write its values: numbers as numbers, lists as JSON. The service also takes
the other spellings of the frontend (docs/frontend-contract.md#arguments).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from service import __version__
from service.ids import ID
from service.rest.openapi import LICENSE
from service.rest.schemas import json_schema
from service.rpc.declarations import Service
from service.rpc.definitions import read_definitions
from service.rpc.methods import Writes
from service.specs.sharing import Definitions, share_refusals
from service.web.request import UPLOAD_HEADER

Schema = dict[str, Any]
Example = Mapping[str, Any]

PREFIX = "/-/svc"
DESCRIPTION = """The API of the Drumee frontend, as `acl/` declares it; `/-/docs/` shows the same to people.

Parameters may stand in the JSON body, in the query, and in headers `x-param-<name>`; the body overrides the
query, and the query the headers. `undefined`, `null` and the empty text count as absent, and unknown
parameters are ignored. Numbers, flags, lists and objects may arrive as text.

With the header `x-param-device` or `x-param-page-language`, which the Drumee frontend sends, a refusal that a
service declares arrives with status 200 and `data.status`, and any other status 400 as 412."""
FLAG = {"type": ["integer", "string"], "minimum": 0, "maximum": 1, "pattern": "^[01]$"}
ERRORS: Mapping[int, tuple[str, ...]] = {
    400: ("MISSING_PARAM", "INVALID_PARAM", "INVALID_JSON", "INVALID_QUERY", "INVALID_BODY"),
    403: ("FORBIDDEN_ORIGIN",),
    405: ("METHOD_NOT_ALLOWED",),
    408: ("BODY_TIMEOUT",),
    413: ("BODY_TOO_LARGE",),
    415: ("UNSUPPORTED_MEDIA",),
    429: ("RATE_LIMITED",),
    500: ("SERVICE_FAILED",),
    503: ("UNAVAILABLE",),
    504: ("TIMEOUT",),
}
"""Codes that every service may answer, by status."""
ENVELOPE: Schema = {
    "__ack__": {"type": "string", "description": "Name of the service."},
    "__status__": {"type": "string", "description": "online for a live session, otherwise offline."},
    "__expiry__": {"type": "integer", "description": "When the session ends, in Unix seconds; 0: none."},
    "__timestamp__": {"type": "integer", "description": "Unix milliseconds."},
}
RPC_ERROR: Schema = {
    "type": "object",
    "required": [*ENVELOPE, "error", "error_code", "status", "reason", "request_id", "data"],
    "properties": {
        **ENVELOPE,
        "error": {"type": "string", "description": "The code."},
        "error_code": {"type": "integer", "description": "The HTTP status."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "reason": {"type": "string", "description": "A sentence."},
        "request_id": {"type": "string", "description": "Finds the request in the log."},
        "data": {
            "type": "object",
            "description": "`status` repeats the code, `param` names a parameter. 207: the answer.",
            "additionalProperties": True,
        },
    },
}


def rpc_document(
    services: Mapping[str, Service], examples: Mapping[str, Example], titles: Mapping[str, str], cookie: str
) -> dict[str, Any]:
    """Return the document that /-/openapi.json answers.

    `examples` has a recorded request and answer of each service, `titles` the titles of the modules, and
    `cookie` is the name of the session cookie. Objects that acl/ defines and refusals stand in it once.
    """
    definitions = Definitions(_definitions())
    schemas: dict[str, Schema] = {"RpcError": RPC_ERROR}
    paths: dict[str, dict[str, Any]] = {}
    for name, service in services.items():
        example = examples[name]
        if "text" not in example:
            schemas[answer_name(name)] = definitions.refer(_answer(service))
        paths[f"{PREFIX}/{name}"] = _path(service, example)
    refusals = share_refusals(paths)
    modules = dict.fromkeys(name.partition(".")[0] for name in services)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Drumee services",
            "version": __version__,
            "license": LICENSE,
            "contact": {"name": "The maintainers of the service"},
            "description": DESCRIPTION,
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": module, "description": titles.get(module, module)} for module in modules],
        "paths": paths,
        "components": {
            "securitySchemes": _credentials(cookie),
            "responses": refusals,
            "schemas": schemas | definitions.used,
        },
    }


def _definitions() -> dict[str, Schema]:
    """Return the schemas of objects that acl/ defines, by name: ContactGroup for group of contact.json."""
    return {
        _definition_name(module, name): answer_schema(definition)
        for module, definitions in read_definitions().items()
        for name, definition in definitions.items()
        if definition.get("properties")
    }


def _definition_name(module: str, name: str) -> str:
    """Return the name of a definition, in which the module stands once: ContactRow for contact_row."""
    words = [module, *name.removeprefix(module).strip("_").split("_")]
    return "".join(word.capitalize() for word in words)


def answer_name(name: str) -> str:
    """Return the name of the schema of an answer: ContactShowContactAnswer for contact.show_contact."""
    return "".join(part.capitalize() for part in name.replace(".", "_").split("_")) + "Answer"


def _credentials(cookie: str) -> dict[str, Any]:
    doc = "The session, as yp.login sets it."
    other = f"The session, for clients without cookies. `keysel` names another cookie than {cookie}."
    return {
        "cookie": {"type": "apiKey", "in": "cookie", "name": cookie, "description": doc},
        "header": {"type": "apiKey", "in": "header", "name": f"x-param-{cookie}", "description": other},
    }


def _path(service: Service, example: Example) -> dict[str, Any]:
    by_post = _operation(service, example)
    body = _upload(example) if "upload" in example else _body(service, example)
    operations = {"post": {**by_post, **body}}
    if "GET" in service.writes.methods and "upload" not in example:
        fields = {"operationId": f"{by_post['operationId']}_by_get", "parameters": list(_query(service))}
        operations["get"] = by_post | fields
    return operations


def _operation(service: Service, example: Example) -> dict[str, Any]:
    doc = service.declaration["doc"]
    place = "in the hub that `hub_id` names" if service.on_hub else "on the caller's own account"
    level = f"Level {service.level} ({service.declaration['permission']['src']}), {place}."
    fetched = " The frontend's own page may use GET, too." if service.writes is Writes.YES else ""
    return {
        "operationId": service.name.replace(".", "_"),
        "tags": [service.name.partition(".")[0]],
        "summary": doc.partition(". ")[0].rstrip("."),
        "description": f"{doc}\n\n{level}{fetched}{_outcomes(service)}",
        "x-level": service.level,
        "security": [{"cookie": []}, {"header": []}, *([{}] if service.level == 0 else [])],
        "responses": {"200": _success(service, example), **_refusals(service)},
    }


def _outcomes(service: Service) -> str:
    """Return a list of the codes that arrive in `data.status` of an answer with status 200."""
    declared = [e for e in service.declaration["errors"] if e["http_status"] == 200]
    lines = "".join(f"\n- `{e['code']}`: {e.get('doc', '')}" for e in declared)
    return f"\n\nOther values of `data.status`, with status 200:\n{lines}" if lines else ""


def _body(service: Service, example: Example) -> dict[str, Any]:
    required = [name for name, param in service.params.items() if param.get("required")]
    content = {"schema": params_schema(service.params), "examples": {"recorded": {"value": example["args"]}}}
    return {"requestBody": {"required": bool(required), "content": {"application/json": content}}}


def _upload(example: Example) -> dict[str, Any]:
    encoded = {**example["args"], "filename": quote(example["args"]["filename"])}
    header = {
        "name": UPLOAD_HEADER, "in": "header", "required": True, "schema": {"type": "string"},
        "description": "Percent-encoded JSON of the parameters and `filename`, itself percent-encoded.",
        "examples": {"recorded": {"value": quote(orjson.dumps(encoded))}},
    }  # fmt: skip
    file = {"schema": {"type": "string", "format": "binary"}}
    body = {"required": True, "content": {"application/octet-stream": file}}
    return {"parameters": [header], "requestBody": body}


def _query(service: Service) -> Iterator[dict[str, Any]]:
    """Yield the parameters of a query; lists and objects stand there as JSON."""
    for name, param in service.params.items():
        schema = param_schema(param)
        is_tree = param["type"] in {"array", "object"}
        form = {"content": {"application/json": {"schema": schema}}} if is_tree else {"schema": schema}
        required = bool(param.get("required"))
        yield {"name": name, "in": "query", "required": required, "description": param["doc"], **form}


def params_schema(params: Mapping[str, Any]) -> Schema:
    """Return the JSON Schema of parameters."""
    required = [name for name, param in params.items() if param.get("required")]
    properties = {name: param_schema(param) for name, param in params.items()}
    schema: Schema = {"type": "object", "properties": properties}
    return {**schema, "required": required} if required else schema


def param_schema(param: Mapping[str, Any]) -> Schema:
    """Return the JSON Schema (2020-12) of one parameter."""
    # The keywords alone: those of the entries follow. A default of null is the absence of a value.
    outer = {
        key: value
        for key, value in param.items()
        if key not in {"items", "properties"} and (key, value) != ("default", None)
    }
    schema = json_schema({**outer, "items": {"type": "string"}} if param["type"] == "array" else outer)
    if param["type"] == "boolean" or param.get("format") == "flag":
        return {**{k: v for k, v in schema.items() if k not in {"type", "pattern", "maxLength"}}, **FLAG}
    if param["type"] == "array":
        schema["items"] = param_schema(param["items"]) if "items" in param else {}
    if param.get("properties"):
        schema |= params_schema(param["properties"])
        schema.pop("additionalProperties", None)
    if param.get("format") == "id":
        schema["pattern"] = f"^({ID.pattern})$"
    if "maxBytes" in param:
        schema["x-max-bytes"] = param["maxBytes"]
    return _clearable(schema) if param.get("clearable") else schema


def _clearable(schema: Schema) -> Schema:
    """Let a text be empty as well, where its form would not allow that."""
    if not schema.keys() & {"enum", "format", "pattern", "minLength"}:
        return schema
    notes: Schema = {key: schema.pop(key) for key in ("description", "default", "examples") if key in schema}
    return {**notes, "anyOf": [schema, {"type": "string", "maxLength": 0}]}


def _answer(service: Service) -> Schema:
    data = answer_schema(service.declaration["returns"])
    data["type"] = service.declaration["returns"]["type"]
    properties = {**ENVELOPE, "data": data}
    return {"type": "object", "properties": properties, "required": list(properties)}


def answer_schema(returns: Mapping[str, Any]) -> Schema:
    """Return the JSON Schema of a declared answer, or of a part of it; any part may be null."""
    kind = returns.get("type")
    schema: Schema = {"type": [kind, "null"]} if isinstance(kind, str) else {}
    if returns.get("doc"):
        schema["description"] = returns["doc"]
    if "items" in returns:
        schema["items"] = _entry(returns["items"])
    elif kind == "array":
        schema["items"] = {}
    if returns.get("properties"):
        schema["properties"] = _fields(returns["properties"])
    elif kind == "object":
        schema["additionalProperties"] = True
    return schema


def _entry(items: Mapping[str, Any]) -> Schema:
    """Return the schema of the entries of a list; `items` may name their fields alone."""
    if isinstance(items.get("type"), str):
        return answer_schema(items)
    fields = {"properties": _fields(items)} if items else {"additionalProperties": True}
    return {"type": "object", **fields}


def _fields(properties: Mapping[str, Any]) -> Schema:
    return {name: answer_schema(field) for name, field in properties.items()}


def _success(service: Service, example: Example) -> dict[str, Any]:
    doc = service.declaration["returns"].get("doc", "The answer.")
    if "text" in example:
        file = {"schema": {"type": "string"}, "examples": {"recorded": {"value": example["text"]}}}
        return {"description": doc, "content": {example["content_type"]: file, "*/*": file}}
    envelope = {
        "__ack__": service.name, "__status__": "online", "__expiry__": 1_766_750_400,
        "__timestamp__": 1_764_158_400_000, "data": example["data"],
    }  # fmt: skip
    schema = {"$ref": f"#/components/schemas/{answer_name(service.name)}"}
    content = {"schema": schema, "examples": {"recorded": {"value": envelope}}}
    return {"description": doc, "content": {"application/json": content}}


def _refusals(service: Service) -> dict[str, Any]:
    """Return the answers with an error by status; the description lists the codes."""
    lines: dict[int, list[str]] = {status: [f"`{c}`" for c in codes] for status, codes in ERRORS.items()}
    if service.level > 0:
        lines[401] = ["`NOT_SIGNED_IN`"]
        lines[403] = [*lines[403], "`WEAK_PRIVILEGE`"]
    if service.on_hub:
        lines[404] = ["`HUB_NOT_FOUND`"]
    for error in service.declaration["errors"]:
        status = error["http_status"]
        if status != 200:
            lines.setdefault(status, []).append(f"`{error['code']}`: {error.get('doc', '')}".rstrip(": "))
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/RpcError"}}}
    return {
        str(status): {"description": "\n".join(f"- {line}" for line in codes), "content": content}
        for status, codes in sorted(lines.items())
    }

"""Build the OpenAPI 3.1 document from the declarations that also validate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from service.auth.device_setup import PROFILE_TYPE
from service.rest.answers import ANY, TEXT, answer_schemas, ref
from service.rest.errors import STATUSES
from service.rest.idempotency import KEY
from service.rest.operation import PREFIX, Operation
from service.rest.schemas import json_schema, object_schema
from service.rest.webhook_schemas import webhook_operations, webhook_schemas

ALWAYS = ("RATE_LIMITED", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE")
WITH_TOKEN = ("USER_CONTEXT_REQUIRED", "UNAUTHORIZED")
WITH_BODY = ("PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE")
WITH_KEY = ("CONFLICT", "UNPROCESSABLE")
PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif")
FILES = ("text/vcard", "text/csv", "application/vcard+json")
REJECTED = ("text/vcard", "text/csv", "application/json")
TAGS = {
    "auth": "Sign-in, the account of the user, app passwords.",
    "site": "The service itself.",
    "keys": "API keys.",
    "contacts": "Contacts, their changes and their history.",
    "imports": "Files of contacts.",
    "webhooks": "URLs that get events.",
}
TAGGED = {"ContactAnswer", "ContactDetails", "ContactList", "Reverted", "Picture"}
"""Answers with an ETag."""
LICENSE = {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"}


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the document that /api/v1/openapi.json answers."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Contacts",
            "version": "1",
            "license": LICENSE,
            "contact": {"name": "The maintainers of the service"},
            "description": "The WebSocket /ws?token=… sends contact.created, contact.updated, "
            "contact.deleted and contact.restored live.",
        },
        "servers": [{"url": PREFIX}],
        "security": [{"token": []}],
        "tags": [{"name": name, "description": doc} for name, doc in TAGS.items()],
        "paths": paths,
        "webhooks": webhook_operations(),
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer",
                    "description": "An API key (clk_…), or the access token of /auth/login.",
                }
            },
            "schemas": {**answer_schemas(), **webhook_schemas()},
        },
    }  # fmt: skip


def _operation(operation: Operation) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.name.partition(".")[0]],
        "summary": operation.doc.partition(". ")[0].rstrip("."),
        "description": operation.doc,
        "parameters": [*_path_params(operation), *_query_params(operation), *_header_params(operation)],
        "responses": _responses(operation),
    }
    if operation.public:
        fields["security"] = []
    body = _body(operation)
    return {**fields, "requestBody": body} if body else fields


def _path_params(operation: Operation) -> list[dict[str, Any]]:
    docs = {
        "id": "The contact: its UUID, or its 16 significant hex digits.",
        "version": "The version of the picture, as in `avatar_path`.",
        "report": "The id of the import, 16 hexadecimal digits.",
        "key": "The id of the API key, or app password.",
        "session": "The id of the sign-in, from the list of sign-ins.",
        "webhook": "The id of the webhook.",
        "delivery": "The id of the delivery, from the list of deliveries.",
    }
    return [
        {"name": name, "in": "path", "required": True, "description": doc, "schema": TEXT}
        for name, doc in docs.items()
        if f"{{{name}}}" in operation.path
    ]


def _query_params(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name, "in": "query", "required": bool(p.get("required")), "description": p["doc"],
            "schema": _query_schema(p),
        }
        for name, p in operation.query.items()
    ]  # fmt: skip


def _query_schema(declaration: dict[str, Any]) -> dict[str, Any]:
    schema = json_schema(declaration)
    if names := declaration.get("enum_list"):
        choices = "|".join(names)
        schema["pattern"] = f"^(({choices})(,({choices}))*)?$"
    return schema


def _header_params(operation: Operation) -> list[dict[str, Any]]:
    headers = []
    if operation.conditional:
        headers.append(("If-Match", "ETag of the contact as it was read; `*`: any version.", TEXT))
    if operation.method == "GET" and operation.returns in TAGGED:
        doc = "ETags of the answers that the client has, or `*`: 304 when the answer is one of them."
        headers.append(("If-None-Match", doc, TEXT))
    if operation.idempotent:
        doc = "Repeating the request with the same key within 24 hours returns the first answer again."
        headers.append(("Idempotency-Key", doc, {**TEXT, "pattern": f"^{KEY.pattern}$"}))
    return [
        {"name": name, "in": "header", "description": doc, "schema": schema} for name, doc, schema in headers
    ]


def _body(operation: Operation) -> dict[str, Any] | None:
    if operation.upload:
        file = {"type": "string", "format": "binary"}
        form = {"type": "object", "properties": {"file": file}, "required": ["file"]}
        return {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    if operation.file:
        return {"required": True, "content": {kind: {"schema": TEXT} for kind in FILES}}
    if operation.body is None:
        return None
    schema = ANY if operation.free_body else object_schema(operation.body)
    required = bool(operation.either) or any(p.get("required") for p in operation.body.values())
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _responses(operation: Operation) -> dict[str, Any]:
    codes = {*operation.errors, *ALWAYS}
    codes |= set() if operation.public else set(WITH_TOKEN)
    codes |= set(WITH_BODY) if operation.method in {"POST", "PATCH"} else set()
    codes |= set(WITH_KEY) if operation.idempotent else set()
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(STATUSES[code], []).append(code)
    errors = {
        str(status): {
            "description": ", ".join(names),
            "content": {"application/json": {"schema": ref("ApiError")}},
        }
        for status, names in sorted(by_status.items())
    }
    return {**_successes(operation), **errors}


def _successes(operation: Operation) -> dict[str, Any]:
    """Return the answer of success and, where the client may have it already, 304."""
    answer = _success(operation)
    if operation.returns not in TAGGED:
        return {str(operation.status): answer}
    doc = "Version of the answer."
    if operation.returns == "ContactList":
        doc += " A compact list has none."
    headers = {"ETag": {"description": doc, "schema": TEXT}}
    answers = {str(operation.status): {**answer, "headers": headers}}
    if operation.method == "GET":
        answers["304"] = {"description": "The client has this version.", "headers": headers}
    return answers


def _success(operation: Operation) -> dict[str, Any]:
    if operation.returns == "Picture":
        kinds = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in PICTURES}
        return {"description": "The picture.", "content": kinds}
    if operation.returns == "Profile":
        return {"description": "The profile.", "content": {PROFILE_TYPE: {"schema": TEXT}}}
    if operation.returns == "RejectedFile":
        return {"description": "The file.", "content": {kind: {"schema": TEXT} for kind in REJECTED}}
    content = {"application/json": {"schema": ref(operation.returns)}}
    return {"description": operation.returns, "content": content}

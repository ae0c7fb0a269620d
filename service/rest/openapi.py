"""Build the OpenAPI 3.1 document from the declarations that also validate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from service.rest import declarations as d
from service.rest.errors import STATUSES
from service.rest.idempotency import KEY
from service.rest.operation import PREFIX, Operation
from service.rest.schemas import json_schema, object_schema

ALWAYS = ("RATE_LIMITED", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE")
WITH_TOKEN = ("USER_CONTEXT_REQUIRED", "UNAUTHORIZED")
WITH_BODY = ("PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE")
WITH_KEY = ("CONFLICT", "UNPROCESSABLE")
PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif")
FILES = ("text/vcard", "text/csv", "application/vcard+json")
REJECTED = ("text/vcard", "text/csv", "application/json")
ANY = {"type": "object"}
TEXT = {"type": "string"}


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
            "description": "The WebSocket /ws?token=… sends contact.created, contact.updated, "
            "contact.deleted and contact.restored live.",
        },
        "servers": [{"url": PREFIX}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer",
                    "description": "An API key (clk_…), or the access token of /auth/login.",
                }
            },
            "schemas": _schemas(),
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
        "import": "The id of the import, 16 hexadecimal digits.",
        "key": "The id of the API key, or app password.",
        "session": "The id of the sign-in, from the list of sign-ins.",
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
    if operation.idempotent:
        doc = "Repeating the request with the same key within 24 hours returns the first answer again."
        headers.append(("Idempotency-Key", doc, {**TEXT, "pattern": f"^{KEY.pattern}$"}))
    return [
        {"name": name, "in": "header", "description": doc, "schema": schema} for name, doc, schema in headers
    ]


def _body(operation: Operation) -> dict[str, Any] | None:
    if operation.upload:
        form = _object(file={"type": "string", "format": "binary"})
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
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status, names in sorted(by_status.items())
    }
    return {str(operation.status): _success(operation), **errors}


def _success(operation: Operation) -> dict[str, Any]:
    if operation.returns == "Picture":
        kinds = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in PICTURES}
        return {"description": "The picture.", "content": kinds}
    if operation.returns == "RejectedFile":
        return {"description": "The file.", "content": {kind: {"schema": TEXT} for kind in REJECTED}}
    schema = {"$ref": f"#/components/schemas/{operation.returns}"}
    return {"description": operation.returns, "content": {"application/json": {"schema": schema}}}


def _data(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object", "properties": {"data": schema, **more}, "required": ["data", *more],
    }  # fmt: skip


def _list(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _schemas() -> dict[str, Any]:
    """Return the schemas of all answers by name, as `Operation.returns` gives it."""
    return {**_contact_schemas(), **_account_schemas(), **_service_schemas()}


NULLABLE_TEXT = {"type": ["string", "null"]}
INTEGER = {"type": "integer"}
BOOLEAN = {"type": "boolean"}


def _contact_schemas() -> dict[str, Any]:
    record = {"$ref": "#/components/schemas/Record"}
    page = _object(next=NULLABLE_TEXT, has_more=BOOLEAN)
    compact = _object(
        format={"const": "compact"},
        summary=TEXT,
        lines=_list(TEXT),
        ids=_list(TEXT),
        meta=json_schema(d.META),
    )
    change = _object(event=TEXT, data=_object(id=TEXT))
    duplicates = _object(reason=TEXT, value=TEXT, contacts=_list(ANY))
    batch = _object(processed=INTEGER, failed=INTEGER, errors=_list(ANY), results=_list(ANY))
    entry = object_schema(d.CHANGE)
    entry["properties"]["changes"] = _list(_object(field=TEXT, before={}, after={}))
    return {
        "Record": {**object_schema(d.RECORD), "required": ["id"]},
        "Contact": _data(record),
        "ContactList": {"anyOf": [_data(_list(record), meta=json_schema(d.META), tier=TEXT), compact]},
        "Changes": _data(_list(change), meta=page),
        "Duplicates": _data(_list(duplicates), meta=page),
        "Deleted": _data(_object(id=TEXT)),
        "Batch": _data(batch),
        "History": _data(_list(entry), meta=_object(limit=INTEGER, **page["properties"])),
        "Undone": _data(
            _object(reverted=INTEGER, left=_list(_object(id=TEXT, name=NULLABLE_TEXT, reason=TEXT)))
        ),
        "Reverted": _data(record, meta=_object(left=_list(TEXT))),
        "Import": _data(_import()),
        "Imports": _data(_list(_import())),
    }


def _import() -> dict[str, Any]:
    """Return the schema of a report. Those of a list have no entries."""
    counts = (
        "percent",
        "total",
        "loaded",
        "updated",
        "alreadyincontact",
        "noemail",
        "rejected_count",
        "groups",
    )
    report = _object(
        id=TEXT,
        state={"enum": ["running", "done", "cancelled", "failed"]},
        **dict.fromkeys(("reason", "api", "kind", "filename"), TEXT),
        update={"enum": ["add", "replace", "skip"]},
        **dict.fromkeys(counts, INTEGER),
        created_at=TEXT,
        ended_at=NULLABLE_TEXT,
    )
    report["properties"] |= dict.fromkeys(("rejected", "known", "incomplete"), _list(ANY))
    return report


def _account_schemas() -> dict[str, Any]:
    user = _object(id=TEXT, email=TEXT, display_name=TEXT, role=TEXT)
    session = _object(
        access_token=TEXT, refresh_token=TEXT, refresh_token_id=TEXT, expires_in=INTEGER, user=user
    )
    sign_in = _object(
        id=TEXT, kind={"enum": ["browser", "rest", "token"]}, device_label=TEXT, device_name={"type": "null"},
        user_agent=TEXT, address=TEXT, ip_address=TEXT, created_at=TEXT, last_used_at=TEXT, last_seen_at=TEXT,
        expires_at=TEXT, current=BOOLEAN, is_current=BOOLEAN,
    )  # fmt: skip
    scope = {"enum": list(d.SCOPES)}
    key = {
        "id": TEXT, "user_id": TEXT, "prefix": TEXT, "key_prefix": TEXT, "scope": scope,
        "scopes": _list(scope), "label": NULLABLE_TEXT, "name": TEXT, "created_at": TEXT,
        "last_used_at": NULLABLE_TEXT,
    }  # fmt: skip
    app_password = {
        "id": TEXT, "name": TEXT, "prefix": TEXT, "created_at": TEXT, "last_used_at": NULLABLE_TEXT,
    }  # fmt: skip
    return {
        "AppPasswords": _data(_list(_object(**app_password))),
        "NewAppPassword": _data(_object(**app_password, password=TEXT, username=TEXT, server=TEXT)),
        "Session": _data(session),
        "Success": _data(_object(success={"const": True})),
        "Account": _data(
            _object(**user["properties"], avatar_path={"type": "null"}, password_changed_at={"type": "null"})
        ),
        "Sessions": _data(_list(sign_in)),
        "Revoked": _data(_object(revoked=INTEGER)),
        "Ended": _data(_object(ended=INTEGER)),
        "Keys": _data(_list(_object(**key))),
        "NewKey": _data(_object(key=TEXT, **key)),
    }


def _service_schemas() -> dict[str, Any]:
    state = {"enum": ["ok", "degraded"]}
    health = _object(
        status=state,
        dependencies=_object(database=state, redis=state),
        slow_databases=_list(TEXT),
        home=TEXT,
        nodes={
            "type": "object",
            "additionalProperties": {"enum": ["ready", "donor", "read_only", "down"]},
        },
        loops={"type": "object", "additionalProperties": {"enum": ["late", "dead"]}},
        set_aside=INTEGER,
        time=INTEGER,
    )
    status = _object(
        mode={"const": "multi_user"},
        setup_required=BOOLEAN,
        registration_enabled=BOOLEAN,
        two_factor_enabled=BOOLEAN,
    )
    error = _object(code={"enum": list(STATUSES)}, message=TEXT)
    error["properties"]["details"] = ANY
    return {"Health": _data(health), "Status": _data(status, tier=TEXT), "Error": _object(error=error)}

"""Run many operations of one request, each by itself: a failure does not undo the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from service.errors import Refused, RequestError
from service.rest import contacts
from service.rest.declarations import CONTACT
from service.rest.envelope import error_fields
from service.rest.errors import invalid, name_refusal
from service.rest.idempotency import idempotency_key, run_idempotently
from service.rest.operation import ApiRequest, ApiResponse, Handler
from service.rest.schemas import load_body, load_free_body
from service.runtime.context import run_after_commit
from service.web.fields import build_schema

FULL_SCHEMA = build_schema(CONTACT, strict=True)
HANDLERS: dict[str, tuple[Handler, str]] = {
    "create": (contacts.create, "contact.add"),
    "update": (contacts.update, "contact.update"),
    "custom": (contacts.update_custom, "contact.update"),
    "delete": (contacts.delete, "contact.delete_contact"),
    "purge": (contacts.delete, "contact.delete_contact"),
    "restore": (contacts.restore, "contact.add"),
}


async def batch(request: ApiRequest) -> ApiResponse:
    """Run up to 100 operations in order, each with its own result; a failure does not stop the others.

    Send either `operations`, or one `action` with `params` for all `ids`. An Idempotency-Key covers each
    operation by itself, so a batch that broke off can be repeated and resumes.
    """
    items = request.body.get("operations") or [
        {"action": request.body["action"], "id": contact_id, "data": request.body.get("params", {})}
        for contact_id in request.body["ids"]
    ]
    request.charge(len(items) - 1)
    # An invalid key fails the whole request, not each operation.
    idempotency_key(request.http)
    results = [{"index": index, **await _result(request, index, item)} for index, item in enumerate(items)]
    errors = [{"index": r["index"], "id": r["id"], **r["error"]} for r in results if "error" in r]
    fields = {
        "processed": len(results) - len(errors), "failed": len(errors), "errors": errors, "results": results,
    }  # fmt: skip
    return ApiResponse(200, orjson.dumps({"data": fields}))


async def _result(request: ApiRequest, index: int, item: dict[str, Any]) -> dict[str, Any]:
    """Run one operation; return its status, its id, and data or error."""
    contact_id = item.get("id")
    try:
        response = await _run_operation(request, index, item)
    except RequestError as exc:
        return {"status": exc.status, "id": contact_id, "error": error_fields(exc)}
    except Refused as exc:
        error = name_refusal(exc.refusal)
        if error is None:
            raise
        return {"status": error.status, "id": contact_id, "error": error_fields(error)}
    data = orjson.loads(response.body or b"{}")["data"]
    return {"status": response.status, "id": data["id"], "data": data}


async def _run_operation(request: ApiRequest, index: int, item: dict[str, Any]) -> ApiResponse:
    action = item["action"]
    handler, service = HANDLERS[action]
    body = _body(action, item.get("data", {}))
    if action != "create" and "id" not in item:
        raise invalid(f"operations[{index}].id", "required", "is required")
    contact_id = contacts.parse_contact_id(item["id"]) if action != "create" else ""
    query = {"permanent": action == "purge"}
    context = replace(request.ctx, service=service, after_commit=[])
    inner = replace(
        request,
        ctx=context,
        contact_id=contact_id,
        query=query,
        body=body,
        if_match=item.get("if_match"),
    )
    response = await run_idempotently(inner, handler, f"/batch/{index}", orjson.dumps(item))
    run_after_commit(context)
    return response


def _body(action: str, data: dict[str, Any]) -> dict[str, Any]:
    if action in {"create", "update"}:
        return load_body(FULL_SCHEMA, data)
    return load_free_body(data) if action == "custom" else {}

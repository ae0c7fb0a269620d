"""Many operations in one request, each on its own: one that fails undoes nothing of the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from service.dialects.door import tell
from service.dialects.rest import calls
from service.dialects.rest.declarations import CONTACT
from service.dialects.rest.envelope import shown
from service.dialects.rest.errors import ApiError, invalid, refused
from service.dialects.rest.once import answered_once, key_of
from service.dialects.rest.operation import Ask, Reply, Run
from service.dialects.rest.schemas import build_schema, check_free, load_body
from service.errors import Refused

FULL = build_schema(CONTACT)
RUNS: dict[str, tuple[Run, str]] = {
    "create": (calls.create, "contact.add"),
    "update": (calls.update, "contact.update"),
    "custom": (calls.update_custom, "contact.update"),
    "delete": (calls.delete, "contact.delete_contact"),
    "purge": (calls.delete, "contact.delete_contact"),
    "restore": (calls.restore, "contact.add"),
}


async def batch(ask: Ask) -> Reply:
    """Do up to 100 things, one after the other, each with its own result; the others go on when one fails.

    Either `operations`, or the same `action` with `params` for all `ids`. An Idempotency-Key counts for each:
    repeated, a batch that broke off does what is left of it.
    """
    items = ask.body.get("operations") or [
        {"action": ask.body["action"], "id": each, "data": ask.body.get("params", {})}
        for each in ask.body["ids"]
    ]
    ask.charge(len(items) - 1)
    key_of(ask.request)
    results = [{"index": index, **await _result(ask, index, item)} for index, item in enumerate(items)]
    errors = [{"index": r["index"], "id": r["id"], **r["error"]} for r in results if "error" in r]
    fields = {
        "processed": len(results) - len(errors), "failed": len(errors), "errors": errors, "results": results,
    }  # fmt: skip
    return Reply(200, orjson.dumps({"data": fields}))


async def _result(ask: Ask, index: int, item: dict[str, Any]) -> dict[str, Any]:
    """Status, id, and data or error of one of them."""
    key = item.get("id")
    try:
        reply = await _run(ask, index, item)
    except ApiError as exc:
        return {"status": exc.status, "id": key, "error": shown(exc)}
    except Refused as exc:
        error = refused(exc)
        if error is None:
            raise
        return {"status": error.status, "id": key, "error": shown(error)}
    data = orjson.loads(reply.body or b"{}")["data"]
    return {"status": reply.status, "id": data["id"], "data": data}


async def _run(ask: Ask, index: int, item: dict[str, Any]) -> Reply:
    action = item["action"]
    run, service = RUNS[action]
    body = _body(action, item.get("data", {}))
    if action != "create" and "id" not in item:
        raise invalid(f"operations[{index}].id", "required", "is required")
    contact = calls.known_id(item["id"]) if action != "create" else ""
    query = {"permanent": action == "purge"}
    context = replace(ask.ctx, service=service, after_commit=[])
    inner = replace(ask, ctx=context, contact=contact, query=query, body=body, if_match=item.get("if_match"))
    reply = await answered_once(inner, run, f"/batch/{index}", orjson.dumps(item))
    tell(context)
    return reply


def _body(action: str, data: dict[str, Any]) -> dict[str, Any]:
    if action in {"create", "update"}:
        return load_body(FULL, data)
    return check_free(data) if action == "custom" else {}

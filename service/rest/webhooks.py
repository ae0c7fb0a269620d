"""Operations on webhooks: subscriptions of the caller, and their deliveries."""

from __future__ import annotations

import secrets
from typing import Any

import orjson

from service.ids import STORE_ID
from service.rest.errors import invalid, rest_error
from service.rest.operation import ApiRequest, ApiResponse
from service.store.database import ResultSet, document, documents, encode
from service.web.timestamps import wire_seconds
from service.webhooks.addresses import Rules
from service.webhooks.events import payload
from service.webhooks.signing import new_secret

LIMIT = 10
"""Subscriptions of one person."""
MAX_ID = 2**63


async def find(request: ApiRequest) -> ApiResponse:
    """List the caller's webhooks, oldest first."""
    (webhook_rows,) = await request.ctx.yp("webhook_list", request.ctx.caller.uid, None)
    return _answer([_fields(webhook) for webhook in documents(webhook_rows)])


async def create(request: ApiRequest) -> ApiResponse:
    """Subscribe a URL to events. Only this answer shows the secret."""
    body, secret = request.body, new_secret()
    _check_url(request, body["url"])
    (webhook_rows,) = await request.ctx.yp(
        "webhook_add",
        request.ctx.caller.uid,
        secrets.token_hex(8),
        body["url"],
        body.get("label") or "",
        _joined(body["events"]),
        secret,
        LIMIT,
    )
    return _answer({"secret": secret, **_fields({**document(webhook_rows), "pending": 0})}, 201)


async def get(request: ApiRequest) -> ApiResponse:
    """Show a webhook: its state, the events that wait, and its last failure."""
    return await _show(request, _webhook_id(request))


async def update(request: ApiRequest) -> ApiResponse:
    """Change a webhook. `active` true resumes it, false pauses it; events wait for three days meanwhile."""
    webhook_id, body = _webhook_id(request), request.body
    fields: dict[str, Any] = {}
    if body.get("url") is not None:
        _check_url(request, body["url"])
        fields["url"] = body["url"]
    if "label" in body:
        fields["label"] = body["label"] or ""
    if body.get("events") is not None:
        fields["events"] = _joined(body["events"])
    if body.get("active") is not None:
        fields["state"] = "active" if body["active"] else "paused"
    (webhook_rows,) = await request.ctx.yp(
        "webhook_set", request.ctx.caller.uid, webhook_id, encode(fields), None
    )
    _require(webhook_rows)
    return await _show(request, webhook_id)


async def delete(request: ApiRequest) -> ApiResponse:
    """End a webhook. Its events are not delivered any more."""
    webhook_id = _webhook_id(request)
    (((dropped,),),) = await request.ctx.yp("webhook_drop", request.ctx.caller.uid, webhook_id)
    if not dropped:
        raise _not_found()
    return _answer({"id": webhook_id, "deleted": True})


async def rotate(request: ApiRequest) -> ApiResponse:
    """Make a new secret. Events are signed with the former one as well for a day."""
    secret = new_secret()
    (webhook_rows,) = await request.ctx.yp(
        "webhook_set", request.ctx.caller.uid, _webhook_id(request), "{}", secret
    )
    _require(webhook_rows)
    return _answer({"id": document(webhook_rows)["id"], "secret": secret})


async def deliveries(request: ApiRequest) -> ApiResponse:
    """List the deliveries of a webhook in the last three days, newest first."""
    limit, before = min(request.query["limit"], 100), request.query.get("before")
    (delivery_rows,) = await request.ctx.yp(
        "webhook_deliveries",
        request.ctx.caller.uid,
        _webhook_id(request),
        None if before is None else int(before),
        limit + 1,
    )
    listed = [_delivery(delivery) for delivery in documents(delivery_rows)]
    page, has_more = listed[:limit], len(listed) > limit
    meta = {"limit": limit, "next": page[-1]["id"] if has_more else None, "has_more": has_more}
    return ApiResponse(200, orjson.dumps({"data": page, "meta": meta}))


async def test(request: ApiRequest) -> ApiResponse:
    """Send the event webhook.test. It waits its turn like any other."""
    (delivery_rows,) = await request.ctx.yp("webhook_test", request.ctx.caller.uid, _webhook_id(request))
    return _answer(_delivery(document(delivery_rows)), 202)


async def repeat(request: ApiRequest) -> ApiResponse:
    """Deliver an event again, under the same webhook-id."""
    delivery = request.http.match_info["delivery"]
    if not (delivery.isascii() and delivery.isdecimal() and int(delivery[:20]) < MAX_ID):
        raise rest_error("NOT_FOUND", "There is no such delivery")
    (delivery_rows,) = await request.ctx.yp(
        "webhook_repeat", request.ctx.caller.uid, _webhook_id(request), int(delivery)
    )
    return _answer(_delivery(document(delivery_rows)), 202)


async def _show(request: ApiRequest, webhook_id: str) -> ApiResponse:
    (webhook_rows,) = await request.ctx.yp("webhook_list", request.ctx.caller.uid, webhook_id)
    _require(webhook_rows)
    return _answer(_fields(document(webhook_rows)))


def _webhook_id(request: ApiRequest) -> str:
    """Return the id in the path; RequestError 404 for a text that is none."""
    webhook_id = request.http.match_info["webhook"]
    if not STORE_ID.fullmatch(webhook_id):
        raise _not_found()
    return webhook_id


def _check_url(request: ApiRequest, url: str) -> None:
    if problem := Rules.of(request.ctx.settings).problem(url):
        raise invalid("url", "url", problem)


def _joined(patterns: list[str]) -> str:
    return ",".join(dict.fromkeys(patterns))


def _require(webhook_rows: ResultSet) -> None:
    if not webhook_rows:
        raise _not_found()


def _not_found() -> Exception:
    return rest_error("NOT_FOUND", "There is no such webhook")


def _answer(data: Any, status: int = 200) -> ApiResponse:
    return ApiResponse(status, orjson.dumps({"data": data}))


def _fields(webhook: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": webhook["id"],
        "url": webhook["url"],
        "label": webhook["label"] or None,
        "events": webhook["events"].split(","),
        "active": webhook["state"] == "active",
        "state": webhook["state"],
        "pending": webhook["pending"],
        "full": bool(webhook["is_full"]),
        "failures": webhook["failures"],
        "failing_since": wire_seconds(webhook["failing_since"]),
        "last_error": webhook["last_error"] or None,
        "last_success_at": wire_seconds(webhook["last_success"]),
        "next_try_at": wire_seconds(webhook["next_try"] or None) if webhook["failures"] else None,
        "created_at": wire_seconds(webhook["ctime"]),
        "updated_at": wire_seconds(webhook["mtime"]),
    }


def _delivery(delivery: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(delivery["id"]),
        "message_id": f"msg_{delivery['id']}",
        "type": delivery["type"],
        "state": delivery["state"],
        "attempts": delivery["attempts"],
        "status": delivery["status"],
        "error": delivery["error"] or None,
        "tried_at": wire_seconds(delivery["tried_at"]),
        "payload": orjson.loads(payload(delivery)),
    }

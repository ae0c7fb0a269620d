"""Operations on the history of contacts: read it, and go back."""

from __future__ import annotations

from typing import Any

import orjson

from service.contacts import history
from service.ids import to_wire
from service.rest.contacts import expected_rev, record_response
from service.rest.declarations import MAX_LIMIT
from service.rest.errors import rest_error
from service.rest.operation import ApiRequest, ApiResponse


async def list_changes(request: ApiRequest) -> ApiResponse:
    """List the changes of a contact in the last 30 days, newest first: who, when, by which API, and what."""
    before = request.query.get("before")
    limit = min(request.query["limit"], MAX_LIMIT)
    changes, following = await history.list_changes(
        request.ctx, request.contact_id, int(before) if before else None, limit
    )
    meta = {
        "limit": limit,
        "next": None if following is None else str(following),
        "has_more": following is not None,
    }
    data = [_change(change) for change in changes]
    return ApiResponse(200, orjson.dumps({"data": data, "meta": meta}))


def _change(change: dict[str, Any]) -> dict[str, Any]:
    """Return a change with revisions and ids as this API writes them, without what only the RPC shows."""
    actor = change["actor"]
    return {**change, "rev": str(change["rev"]), "actor": to_wire(actor) if actor else None}


async def revert(request: ApiRequest) -> ApiResponse:
    """Give a contact back the state of an earlier revision. The revert is a change as well.

    `meta.left` names the parts that stay as they are.
    """
    rev = await expected_rev(request)
    reverted = await history.revert(request.ctx, request.contact_id, int(request.body["to"]), rev)
    meta = orjson.dumps({"left": reverted.remainder})
    response = record_response(reverted.record)
    response.body = b'{"data":' + reverted.record.data.encode() + b',"meta":' + meta + b"}"
    return response


async def undo(request: ApiRequest) -> ApiResponse:
    """Take back a whole merge, import or revert. The contacts that an import has made go to the trash.

    Contacts that were changed again stay as they are (`left`), unless `force`.
    """
    undone = await history.undo(request.ctx, request.body["change_set"], force=request.body["force"])
    if undone is None:
        raise rest_error("NOT_FOUND", "No change of the last 30 days has this change_set")
    remainder = [
        {"id": to_wire(each["contact_id"]), "name": each["name"], "reason": each["reason"]}
        for each in undone.remainder
    ]
    return ApiResponse(200, orjson.dumps({"data": {"reverted": undone.reverted, "left": remainder}}))

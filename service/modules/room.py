"""`room.*`: meetings that are scheduled, with guests who come by a link."""

from __future__ import annotations

import secrets
import time
from typing import Any

from service.auth.secret import SigningSecret
from service.errors import RequestError
from service.live.meetings import link_secret, link_url
from service.mail.translations import texts
from service.runtime.context import PRIVILEGES, Answer, Context, hub_shard
from service.store.database import document, encode

MEETINGS = 1_000
"""Scheduled meetings of one hub."""
HOUR = 3600


async def book(ctx: Context, hub_id: str, title: str, message: str, date: str) -> Answer:
    """Schedule a meeting; return its node."""
    words = texts(ctx.caller.lang)
    title = title or words.gettext("Meeting with %(name)s") % {"name": ctx.caller.public_name}
    content = {"title": title[:100], "message": message, "date": date}
    node_id = secrets.token_hex(8)
    (node_rows,) = await ctx.db.call(
        hub_shard(ctx), "meeting_book", hub_id, ctx.caller.uid, node_id, encode(content), MEETINGS
    )
    node: dict[str, Any] = document(node_rows)
    return node | {"privilege": PRIVILEGES[ctx.caller.level]}


async def public_link(ctx: Context, hub_id: str, nid: str, days: int, hours: int) -> Answer:
    """Return the link by which guests come into a scheduled meeting: always the same one."""
    node = await _meeting(ctx, hub_id, nid)
    secret = link_secret(await SigningSecret(ctx.db).get(), hub_id, nid)
    duration = (days * 24 + hours) * HOUR
    expiry = int(time.time()) + duration if duration else 0
    await ctx.yp("dmz_link_create", hub_id, nid, secret, node["filename"], expiry)
    return {"link": link_url(ctx.settings.base_url, secret), "expiry": expiry}


async def remove(ctx: Context, hub_id: str, nid: str) -> Answer:
    """Delete a scheduled meeting; its link leads nowhere from then on. Again it does nothing."""
    (deleted_rows,) = await ctx.db.call(hub_shard(ctx), "meeting_delete", hub_id, nid)
    if document(deleted_rows)["deleted"]:
        await ctx.yp("dmz_room_close", hub_id, nid)
    return {"nid": nid}


async def _meeting(ctx: Context, hub_id: str, nid: str) -> dict[str, Any]:
    (node_rows,) = await ctx.db.call(hub_shard(ctx), "node_get", hub_id, ctx.caller.uid, nid)
    node: dict[str, Any] | None = document(node_rows)
    if node is None or node["category"] != "schedule":
        raise RequestError(404, "NODE_NOT_FOUND", "nid names no scheduled meeting of this hub")
    return node

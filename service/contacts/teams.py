"""Conversations of team hubs in lists of conversations and in the notification center.

They are in the shards of the hubs, those of people in the shard of the caller.
"""

from __future__ import annotations

from typing import Any

import orjson

from service.runtime.context import Answer, Context, rows
from service.store.database import ResultSet, documents, encode


async def with_summaries(ctx: Context, room_rows: ResultSet, shard_rows: ResultSet) -> Answer:
    """Return the rows of a list of conversations, those of hubs with their messages.

    `shard_rows` are those of `team_hubs`.
    """
    rooms = documents(room_rows)
    listed = {room["hub_id"] for room in rooms if room["flag"] == "share"}
    summaries: dict[str, Any] = {}
    for shard, hubs in shard_rows:
        wanted = [hub for hub in orjson.loads(hubs) if hub in listed]
        if wanted:
            (summary_rows,) = await ctx.db.call(shard, "channel_summaries", ctx.caller.uid, encode(wanted))
            summaries |= {summary["hub_id"]: summary for summary in documents(summary_rows)}
    return [room | summaries.get(room["hub_id"], {}) for room in rooms]


async def notifications(ctx: Context) -> list[Any]:
    """Return what the notification center shows to the caller: people first, then team hubs."""
    notification_rows, shard_rows = await ctx.shard("notification_center")
    waiting = rows(notification_rows)
    for shard, hubs in shard_rows:
        (hub_rows,) = await ctx.db.call(shard, "channel_notifications", ctx.caller.uid, hubs)
        waiting += rows(hub_rows)
    return waiting


async def mark_read(ctx: Context, hub_id: str | None) -> None:
    """Mark the conversation of a hub as read, or those of all hubs; do nothing when `hub_id` is no hub."""
    (shard_rows,) = await ctx.shard("team_hubs")
    for shard, hubs in shard_rows:
        wanted = [hub for hub in orjson.loads(hubs) if hub_id in {None, hub}]
        if wanted:
            (unread_rows,) = await ctx.db.call(shard, "channel_notifications", ctx.caller.uid, encode(wanted))
            for notification in documents(unread_rows):
                await acknowledge(ctx, shard, notification["hub_id"], None)


async def acknowledge(ctx: Context, shard: str, hub_id: str, message_id: str | None) -> ResultSet:
    """Mark the conversation of a hub as read, up to a message or all of it.

    Its members are shown which messages were seen. Returns the newest of these.
    """
    seen_rows, socket_rows = await ctx.db.call(
        shard, "channel_acknowledge", hub_id, ctx.caller.uid, message_id
    )
    for message in documents(seen_rows):
        ctx.push("channel.acknowledge", message, socket_rows)
    return seen_rows[-1:]

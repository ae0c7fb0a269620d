"""`channel.*`: the conversation of a team hub, which its members have together."""

from __future__ import annotations

from typing import Any

from service.contacts import attachments, teams, uploads
from service.errors import missing_param
from service.live import conversations
from service.runtime.context import Answer, Context, hub_shard, page_of, row, rows
from service.store.database import document, documents, encode


async def messages(ctx: Context, hub_id: str) -> Answer:
    """Return a page of the conversation, newest message first, and mark it as read."""
    page, size = page_of(ctx)
    (message_rows,) = await ctx.db.call(
        hub_shard(ctx), "channel_messages", hub_id, ctx.caller.uid, page, size
    )
    newest = next((m for m in documents(message_rows) if not m["is_readed"]), None)
    if newest is not None:
        await teams.acknowledge(ctx, hub_shard(ctx), hub_id, newest["message_id"])
    return rows(message_rows)


async def post(
    ctx: Context, hub_id: str, message: str, thread_id: str | None, attachment: list[str]
) -> Answer:
    """Write a message into the conversation; notify all tabs of its members."""
    if not (message or attachment):
        raise missing_param("message")
    metadata: dict[str, Any] = {"thread_id": thread_id} if thread_id else {}
    if attachment:
        await ctx.db.call(hub_shard(ctx), "channel_admit", hub_id, ctx.caller.uid)
        metadata["attachment"] = await attachments.store(ctx, hub_id, hub_shard(ctx), attachment)
    content = conversations.new_message(ctx.received_us, message, metadata)
    message_rows, socket_rows = await ctx.db.call(
        hub_shard(ctx), "channel_post", hub_id, ctx.caller.uid, encode(content)
    )
    for upload_id in attachment:
        uploads.remove(ctx, upload_id)
    echo: dict[str, Any] = {} if ctx.echo_id is None else {"echoId": ctx.echo_id}
    posted: dict[str, Any] = document(message_rows) | echo
    ctx.push(ctx.service, posted, socket_rows)
    return posted


async def acknowledge(ctx: Context, hub_id: str, message_id: str | None) -> Answer:
    """Mark the conversation as read up to a message, or all of it."""
    return row(await teams.acknowledge(ctx, hub_shard(ctx), hub_id, message_id))


async def delete(ctx: Context, hub_id: str, messages: list[str], option: str) -> Answer:
    """Delete messages for the caller, or for all members; notify all tabs that showed them."""
    deleted_rows, socket_rows = await ctx.db.call(
        hub_shard(ctx), "channel_delete", hub_id, ctx.caller.uid, encode(messages), option
    )
    for message in documents(deleted_rows):
        ctx.push(ctx.service, message, socket_rows)
    return rows(deleted_rows)

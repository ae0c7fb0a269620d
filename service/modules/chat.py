"""`chat.*`: private conversations, which contain invitations, their answers and calls."""

from __future__ import annotations

from typing import Any

from service.contacts import attachments, teams, uploads
from service.errors import missing_param
from service.live import conversations
from service.live.conversations import Reading, mark_read
from service.runtime.context import Answer, Context, hub_shard, page_of, row, rows
from service.store.database import documents


async def messages(ctx: Context, key: str | None, entity_id: str | None, peer_id: str | None) -> Answer:
    """Return a page of a conversation, newest message first, and mark what is in it as read."""
    peer = key or entity_id or peer_id
    if peer is None:
        raise missing_param("key")
    page, size = page_of(ctx)
    (message_rows,) = await ctx.shard("message_list", peer, page, size)
    newest = next((m for m in documents(message_rows) if not m["is_readed"]), None)
    if newest is not None:
        reading = await _mark_read(ctx, peer, newest["message_id"])
        ctx.push("messages.read", await teams.notifications(ctx), reading.reader_socket_rows)
    return rows(message_rows)


async def chat_rooms(ctx: Context, flag: str, key: str, tag_id: str | None, option: str) -> Answer:
    """Return a page of the caller's conversations: with people, and team hubs."""
    page, size = page_of(ctx)
    room_rows, shard_rows = await ctx.shard("chat_rooms", flag, key, tag_id, option, page, size)
    return await teams.with_summaries(ctx, room_rows, shard_rows)


async def chat_room_info(ctx: Context, key: str) -> Answer:
    """Return one conversation; an empty object for an entity that the caller is not in contact with."""
    (room_rows,) = await ctx.shard("chat_room_info", key)
    return row(room_rows)


async def acknowledge(ctx: Context, message_id: str | None) -> Answer:
    """Mark a conversation as read, and send the new counts to the caller's tabs."""
    peer = ctx.args.get("key") or ctx.args.get("entity_id") or ctx.args.get("peer_id")
    if peer is None and message_id is None:
        raise missing_param("message_id")
    reading = await _mark_read(ctx, peer, message_id)
    ctx.push(ctx.service, reading.counts, reading.reader_socket_rows)
    return reading.counts


async def post(
    ctx: Context, entity_id: str, message: str, thread_id: str | None, attachment: list[str]
) -> Answer:
    """Write a message to a contact or colleague; notify all tabs of both sides."""
    if not (message or attachment):
        raise missing_param("message")
    own_shard = ctx.caller.db or ""
    metadata: dict[str, Any] = {"thread_id": thread_id} if thread_id else {}
    if attachment:
        metadata["attachment"] = await attachments.store(ctx, ctx.caller.uid, own_shard, attachment)
    content = conversations.new_message(ctx.received_us, message, metadata)
    own, other = await conversations.post(ctx.db, own_shard, ctx.caller.uid, entity_id, content)
    for upload_id in attachment:
        uploads.remove(ctx, upload_id)
    echo: dict[str, Any] = {} if ctx.echo_id is None else {"echoId": ctx.echo_id}
    ctx.push(ctx.service, own.message | echo, own.socket_rows)
    ctx.push(ctx.service, other.message, other.socket_rows)
    return own.message | echo


async def list_files(ctx: Context, message_id: str) -> Answer:
    """Return a page of the files of a message: of the caller, or of the hub that the request names."""
    (page, size), hub = page_of(ctx), str(ctx.caller.hub)
    if hub == ctx.caller.uid:
        (file_rows,) = await ctx.shard("message_files", message_id, page, size)
    else:
        (file_rows,) = await ctx.db.call(
            hub_shard(ctx), "channel_files", hub, ctx.caller.uid, message_id, page, size
        )
    return [attachments.node(ctx, file) for file in documents(file_rows)]


async def upload_remove(ctx: Context, nid: str) -> Answer:
    """Delete an upload that no message carries; deleting one that is gone changes nothing."""
    uploads.remove(ctx, nid)
    return {"nid": nid}


async def delete(ctx: Context, messages: list[str], option: str) -> Answer:
    """Delete messages for the caller, or for both sides; notify all tabs that showed them."""
    own, *others = await conversations.delete(ctx.db, ctx.caller.db or "", ctx.caller.uid, messages, option)
    for deletion in (own, *others):
        for message in deletion.messages:
            ctx.push(ctx.service, message, deletion.socket_rows)
    return [*own.messages]


async def _mark_read(ctx: Context, peer: str | None, message_id: str | None) -> Reading:
    """Mark a conversation as read, and show their author which messages were seen."""
    reading = await mark_read(ctx.db, ctx.caller.db or "", ctx.caller.uid, peer, message_id)
    for message in reading.seen:
        ctx.push("chat.acknowledge", message, reading.author_socket_rows)
    return reading

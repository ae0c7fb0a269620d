"""`chat.*`: reading private conversations, which invitations begin and calls are noted in."""

from __future__ import annotations

from typing import Any

from service.context import Context, page_of, row, rows
from service.database import document
from service.errors import missing_param


async def messages(ctx: Context, key: str | None, entity_id: str | None, peer_id: str | None) -> Any:
    """A page of a conversation, newest first."""
    who = key or entity_id or peer_id
    if who is None:
        raise missing_param("key")
    page, size = page_of(ctx)
    (found,) = await ctx.mine("message_list", who, page, size)
    return rows(found)


async def chat_rooms(ctx: Context, flag: str, key: str, tag_id: str | None, option: str) -> Any:
    """A page of the caller's conversations. Shared rooms are not served here."""
    if flag == "share":
        return []
    page, size = page_of(ctx)
    (found,) = await ctx.mine("chat_rooms", key, tag_id, option, page, size)
    return rows(found)


async def chat_room_info(ctx: Context, key: str) -> Any:
    """One conversation; an empty object for whom the caller has nothing to do with."""
    (found,) = await ctx.mine("chat_room_info", key)
    return row(found)


async def acknowledge(ctx: Context, message_id: str | None) -> Any:
    """The caller has read a conversation; his tabs are told the new counts."""
    who = ctx.args.get("key") or ctx.args.get("entity_id") or ctx.args.get("peer_id")
    if who is None:
        raise missing_param("entity_id")
    found, sockets = await ctx.mine("acknowledge_message", who, message_id)
    ctx.push(ctx.service, document(found), sockets)
    return row(found)

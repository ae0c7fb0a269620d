"""Change groups of contacts, for every API. The `key` of a group is its id or its name."""

from __future__ import annotations

from typing import Any

from service.runtime.context import Context
from service.store.database import ResultSet, document, encode


async def create_group(ctx: Context, name: str, comment: str | None, contact_ids: list[str]) -> ResultSet:
    """Create a group of these contacts; return its card, a row of JSON."""
    (group,) = await ctx.shard("contact_group_add", name, comment, encode(contact_ids))
    (sockets,) = await ctx.yp("user_sockets", ctx.caller.uid, ctx.args.get("socket_id"))
    return _notify(ctx, "contact.create_group", group, sockets)


async def delete_group(ctx: Context, key: str) -> ResultSet:
    """Delete a group, whose members remain contacts; return its id, a row of JSON."""
    change, sockets = await ctx.shard("contact_group_delete", key)
    return _notify(ctx, "contact.delete_group", change, sockets)


async def add_to_group(ctx: Context, key: str, contact_ids: list[str]) -> ResultSet:
    """Add contacts to a group; return the group and the new members, a row of JSON."""
    change, sockets = await ctx.shard("contact_group_member_add", key, encode(contact_ids))
    return _notify(ctx, "contact.add_to_group", change, sockets)


async def remove_from_group(ctx: Context, key: str, contact_ids: list[str]) -> ResultSet:
    """Remove contacts from a group; return the group and the removed members, a row of JSON."""
    change, sockets = await ctx.shard("contact_group_member_remove", key, encode(contact_ids))
    return _notify(ctx, "contact.remove_from_group", change, sockets)


async def set_group_avatar(
    ctx: Context, key: str, nid: str | None, picture: str | None, mimetype: str | None
) -> ResultSet:
    """Give a group a picture, from a node or a file, or none; return its card, a row of JSON."""
    change, sockets = await ctx.shard("contact_group_set_avatar", key, nid, picture, mimetype)
    return _notify(ctx, "contact.set_group_avatar", change, sockets)


async def rename_group(ctx: Context, group_id: str, name: str) -> dict[str, Any]:
    """Rename a group; return its card."""
    group_rows, sockets = await ctx.shard("contact_group_rename", group_id, name)
    group: dict[str, Any] = document(group_rows)
    ctx.push("contact.update_group", group, sockets)
    return group


async def leave_group(ctx: Context, group_id: str, contact_id: str) -> None:
    """Remove a contact from a group; for a contact that is no member, nothing changes."""
    change, sockets = await ctx.shard("contact_group_leave", group_id, contact_id)
    ctx.push("contact.remove_from_group", document(change), sockets)


def _notify(ctx: Context, event: str, change: ResultSet, sockets: ResultSet) -> ResultSet:
    """Push a change to the owner's tabs, once it is committed; return the change."""
    ctx.push(event, document(change), sockets, socket_id=ctx.args.get("socket_id"))
    return change

"""What every API does to an address book in the same way, on top of the same routines."""

from __future__ import annotations

from typing import Any

import orjson

from service import invitations
from service.context import Context, row
from service.database import ResultSet, Transaction, document, documents


async def change(ctx: Context, contact_id: str, given: dict[str, Any]) -> dict[str, Any]:
    """Change a contact as an API does that knows one address and one number of it; the contact in full.

    `given` has any of firstname, lastname, email, areacode and phone.
    """
    me, mine = ctx.caller.uid, ctx.caller.db or ""
    text = orjson.dumps(given).decode()

    async def unit(tx: Transaction) -> tuple[ResultSet, ResultSet, list[Any]]:
        found, sockets, others = await tx.call(mine, "my_contact_change", me, contact_id, text)
        pushes: list[Any] = []
        for other in documents(others):
            pushes += await moved(tx, me, other, document(found)["is_blocked"])
        return found, sockets, pushes

    found, sockets, pushes = await ctx.db.transaction("my_contact_change", unit)
    written(ctx, found, sockets)
    invitations.push_all(ctx, pushes)
    contact: dict[str, Any] = document(found)
    return contact


async def trash(ctx: Context, contact_id: str) -> dict[str, Any]:
    """Throw a contact away, which its owner's tabs see; the answer of my_contact_trash."""
    me, mine = ctx.caller.uid, ctx.caller.db or ""

    async def unit(tx: Transaction) -> tuple[dict[str, Any], ResultSet]:
        found, sockets = await tx.call(mine, "my_contact_trash", me, contact_id)
        gone: dict[str, Any] = document(found)
        if gone["blocked"]:
            await tx.call("yp", "contact_block_delete", me, gone["contact_id"])
        return gone, sockets

    gone, sockets = await ctx.db.transaction("my_contact_trash", unit)
    model = {"contact_id": gone["contact_id"], "drumate_id": gone["drumate_id"], "entity": gone["entity"]}
    ctx.push("contact.delete_contact", model, sockets)
    return gone


async def rename_group(ctx: Context, group_id: str, name: str) -> dict[str, Any]:
    """Give a group another name; its card."""
    found, sockets = await ctx.mine("contact_group_rename", group_id, name)
    group: dict[str, Any] = document(found)
    ctx.push("contact.update_group", group, sockets)
    return group


async def moved(tx: Transaction, me: str, other: dict[str, Any], blocked: int) -> list[Any]:
    """Somebody else is meant by an entry: withdraw the invitation of the former one, move the block."""
    if blocked:
        await tx.call("yp", "contact_block_add", me, other["contact_id"], other["entity"], other["peer"])
    if not other["withdrawn"]:
        return []
    if not other["old_peer"]:
        await tx.call("yp", "token_withdraw", me, other["old_entity"])
        return []
    told, lost, sockets = await tx.call(other["old_db"], "contact_peer_gone", other["old_peer"], me, 1)
    await invitations.lift(tx, other["old_peer"], lost)
    return [("contact.update", document(told), sockets)]


def written(ctx: Context, found: ResultSet, sockets: ResultSet) -> Any:
    """Tell the owner's tabs which contact was written. No status: the invite card would act on it."""
    contact = document(found)
    ctx.push(
        ctx.service,
        {
            "contact_id": contact["id"],
            "drumate_id": contact["entity"] if contact["is_drumate"] else None,
            "entity": contact["entity"],
            "surname": contact["surname"],
        },
        sockets,
    )
    return row(found)

"""What every API does to an address book in the same way, on top of the same routines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from service import invitations
from service.context import Context, row
from service.database import ResultSet, Transaction, document, documents


async def change(ctx: Context, contact_id: str, given: dict[str, Any]) -> dict[str, Any]:
    """Change a contact as an API does that knows one address and one number of it; the contact in full.

    `given` has any of name (with firstname and lastname, for a contact that has neither), email, areacode,
    phone.
    """
    me, mine, text = ctx.caller.uid, ctx.caller.db or "", _json(given)
    found, _ = await _change(ctx, lambda tx: tx.call(mine, "my_contact_change", me, contact_id, text))
    contact: dict[str, Any] = document(found)
    return contact


async def trash(ctx: Context, contact_id: str) -> dict[str, Any]:
    """Throw a contact away, which its owner's tabs see; the answer of my_contact_trash."""
    me, mine = ctx.caller.uid, ctx.caller.db or ""
    gone, _ = await _trash(ctx, lambda tx: tx.call(mine, "my_contact_trash", me, contact_id))
    return gone


@dataclass(frozen=True, slots=True)
class Record:
    """A contact as the REST API shows it, JSON text, and its revision."""

    data: str
    rev: int


Calls = Callable[[Transaction], Awaitable[list[ResultSet]]]
"""One CALL of a transaction."""
FIELDS = {
    "display_name": "display_name",
    "first_name": "firstname",
    "last_name": "lastname",
    "company": "company",
    "job_title": "job_title",
    "notes": "comment",
    "avatar_path": "avatar_path",
    "tags": "tags",
    "custom_fields": "custom_fields",
    "source": "origin",
    "source_id": "source_id",
    "synced_at": "synced_at",
}
"""Names of a record, and what the routines call the same."""
POSTAL = ("street", "city", "state", "postal_code", "country")


async def create(ctx: Context, given: dict[str, Any]) -> Record:
    """A new contact, in the words of a record."""
    found, sockets, record = await ctx.mine("my_contact_create", stored(given))
    written(ctx, found, sockets, "contact.add")
    return _record(record)


async def patch(ctx: Context, contact_id: str, given: dict[str, Any], rev: int | None) -> Record:
    """Change what is given, in the words of a record; unless the revision is not `rev` any more."""
    return await _patch(ctx, contact_id, stored(given), rev)


async def patch_custom(ctx: Context, contact_id: str, given: dict[str, Any], rev: int | None) -> Record:
    """Put keys into custom_fields; null takes a key out."""
    return await _patch(ctx, contact_id, _json({"dialect": 1, "custom": given}), rev)


async def discard(ctx: Context, contact_id: str, rev: int | None) -> Record:
    """Throw a contact away; it lies in the trash."""
    me, mine = ctx.caller.uid, ctx.caller.db or ""
    _, record = await _trash(ctx, lambda tx: tx.call(mine, "my_contact_discard", me, contact_id, rev))
    return _record(record)


async def purge(ctx: Context, contact_id: str, rev: int | None) -> None:
    """Delete a contact for good, in the book or in the trash; the other person keeps his entry."""
    await _delete(
        ctx, lambda tx: tx.call(ctx.caller.db or "", "my_contact_purge", ctx.caller.uid, contact_id, rev)
    )


async def restore(ctx: Context, contact_id: str, rev: int | None) -> Record:
    """Take a contact out of the trash."""
    me, mine = ctx.caller.uid, ctx.caller.db or ""

    async def unit(tx: Transaction) -> list[ResultSet]:
        *found, state, record = await tx.call(mine, "my_contact_restore", me, contact_id, rev)
        now = document(state)
        if now["blocked"]:
            await tx.call("yp", "contact_block_add", me, now["contact_id"], now["entity"], now["peer"])
        return [*found, record]

    found, sockets, record = await ctx.db.transaction("my_contact_restore", unit)
    written(ctx, found, sockets, "contact.add")
    return _record(record)


async def merge(ctx: Context, contact_id: str, others: list[str], rev: int | None) -> Record:
    """Make one of several contacts: the others are gone, what they had is the target's."""
    me, mine = ctx.caller.uid, ctx.caller.db or ""

    async def unit(tx: Transaction) -> list[ResultSet]:
        found, sockets, gone, target, record = await tx.call(
            mine, "my_contact_merge", me, contact_id, _json(others), rev
        )
        now = document(target)
        for other in documents(gone):
            if other["blocked"]:
                await tx.call("yp", "contact_block_delete", me, other["contact_id"])
                await tx.call("yp", "contact_block_add", me, now["contact_id"], now["entity"], now["peer"])
        return [found, sockets, gone, record]

    found, sockets, gone, record = await ctx.db.transaction("my_contact_merge", unit)
    for other in documents(gone):
        _gone(ctx, other, None, sockets)
    written(ctx, found, sockets, "contact.update")
    return _record(record)


def stored(given: dict[str, Any]) -> str:
    """What the routines take for a part of a record. Work is professional, any other label private."""
    found: dict[str, Any] = {"dialect": 1}
    found |= {ours: given[theirs] for theirs, ours in FIELDS.items() if theirs in given}
    lists = (("emails", "email", _mail), ("phones", "mobile", _phone), ("addresses", "address", _address))
    found |= {ours: [shape(item) for item in given[name]] for name, ours, shape in lists if name in given}
    return _json(found)


async def delete(ctx: Context, contact_id: str) -> dict[str, Any]:
    """Take a contact out of the book for good; the other person keeps his entry, without the relation."""
    return await _delete(
        ctx, lambda tx: tx.call(ctx.caller.db or "", "my_contact_delete", ctx.caller.uid, contact_id)
    )


async def _delete(ctx: Context, call: Calls) -> dict[str, Any]:
    me = ctx.caller.uid

    async def unit(tx: Transaction) -> list[Any]:
        found, state, sockets = await call(tx)
        gone, was = document(found), document(state)
        if was["blocked"]:
            await tx.call("yp", "contact_block_delete", me, gone["contact_id"])
        if gone["his_id"]:
            told, lost, his_sockets = await tx.call(was["db"], "contact_peer_gone", gone["his_id"], me, 0)
            await invitations.lift(tx, gone["his_id"], lost)
            return [gone, sockets, document(told), his_sockets]
        if was["status"] == "sent":
            await tx.call("yp", "token_withdraw", me, gone["entity"])
        return [gone, sockets, None, []]

    gone, sockets, told, his_sockets = await ctx.db.transaction("my_contact_delete", unit)
    _gone(ctx, gone, gone["his_id"], sockets)
    if told:
        ctx.push("contact.delete_contact", told, his_sockets)
        ctx.presence_changed()
    deleted: dict[str, Any] = gone
    return deleted


async def rename_group(ctx: Context, group_id: str, name: str) -> dict[str, Any]:
    """Give a group another name; its card."""
    found, sockets = await ctx.mine("contact_group_rename", group_id, name)
    group: dict[str, Any] = document(found)
    ctx.push("contact.update_group", group, sockets)
    return group


async def leave_group(ctx: Context, group_id: str, contact_id: str) -> None:
    """Take a contact of the book out of a group, where it need not be."""
    found, sockets = await ctx.mine("contact_group_leave", group_id, contact_id)
    ctx.push("contact.remove_from_group", document(found), sockets)


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


def written(ctx: Context, found: ResultSet, sockets: ResultSet, service: str = "") -> Any:
    """Tell the owner's tabs which contact was written. No status: the invite card would act on it."""
    contact = document(found)
    ctx.push(
        service or ctx.service,
        {
            "contact_id": contact["id"],
            "drumate_id": contact["entity"] if contact["is_drumate"] else None,
            "entity": contact["entity"],
            "surname": contact["surname"],
        },
        sockets,
    )
    return row(found)


async def _patch(ctx: Context, contact_id: str, text: str, rev: int | None) -> Record:
    me, mine = ctx.caller.uid, ctx.caller.db or ""
    _, record = await _change(ctx, lambda tx: tx.call(mine, "my_contact_patch", me, contact_id, text, rev))
    return _record(record)


async def _change(ctx: Context, call: Calls) -> tuple[ResultSet, ResultSet]:
    """Change a contact by a routine that answers as my_contact_update; the contact, and what follows."""
    me = ctx.caller.uid

    async def unit(tx: Transaction) -> tuple[ResultSet, ResultSet, list[Any], ResultSet]:
        found, sockets, others, *more = await call(tx)
        pushes: list[Any] = []
        for other in documents(others):
            pushes += await moved(tx, me, other, document(found)["is_blocked"])
        return found, sockets, pushes, more[0] if more else []

    found, sockets, pushes, record = await ctx.db.transaction("my_contact_update", unit)
    written(ctx, found, sockets, "contact.update")
    invitations.push_all(ctx, pushes)
    return found, record


async def _trash(ctx: Context, call: Calls) -> tuple[dict[str, Any], ResultSet]:
    """Throw a contact away by a routine that answers as my_contact_trash; its answer, and what follows."""
    me = ctx.caller.uid

    async def unit(tx: Transaction) -> tuple[dict[str, Any], ResultSet, ResultSet]:
        found, sockets, *more = await call(tx)
        gone: dict[str, Any] = document(found)
        if gone["blocked"]:
            await tx.call("yp", "contact_block_delete", me, gone["contact_id"])
        return gone, sockets, more[0] if more else []

    gone, sockets, record = await ctx.db.transaction("my_contact_trash", unit)
    _gone(ctx, gone, gone["drumate_id"], sockets)
    return gone, record


def _gone(ctx: Context, contact: dict[str, Any], drumate_id: str | None, sockets: ResultSet) -> None:
    """Tell the owner's tabs that a contact is not in the book any more."""
    model = {"contact_id": contact["contact_id"], "drumate_id": drumate_id, "entity": contact["entity"]}
    ctx.push("contact.delete_contact", model, sockets)


def _record(found: ResultSet) -> Record:
    data, rev = found[0]
    return Record(data, rev)


def _category(label: str | None) -> str:
    return "prof" if (label or "").strip().lower() == "work" else "priv"


def _common(item: dict[str, Any]) -> dict[str, Any]:
    label = (item.get("label") or "other").strip()
    return {"label": label, "category": _category(label)}


def _mail(item: dict[str, Any]) -> dict[str, Any]:
    return {**_common(item), "email": item["address"], "is_default": int(bool(item.get("primary")))}


def _phone(item: dict[str, Any]) -> dict[str, Any]:
    return {**_common(item), "number": item["number"], "is_default": int(bool(item.get("primary")))}


def _address(item: dict[str, Any]) -> dict[str, Any]:
    return {**_common(item), **{name: item.get(name) or "" for name in POSTAL}}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()

"""The changes of an address book that all APIs share: create, change, trash, restore, merge, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from service.contacts import invitations
from service.contacts.contact_change import TEXTS, ContactChange, contact_change
from service.contacts.first_record import API_NAMES, first_record
from service.contacts.form_changes import FormBase
from service.contacts.record import Record, record_of, routine_columns, routine_fields
from service.contacts.search_words import with_words
from service.runtime.context import Context, row
from service.store.database import ResultSet, Transaction, document, documents, encode

RENDERED_FIELDS = {"display_name", "first_name", "last_name", "job_title", "notes"}
"""Fields of a record whose changes the service renders."""
RoutineCall = Callable[[Transaction], Awaitable[list[ResultSet]]]
"""One CALL of a transaction."""


async def create(ctx: Context, fields: dict[str, Any]) -> Record:
    """Create a contact from the fields of a record; return its record."""
    contact = with_words(routine_columns(fields))
    if stored := await store(ctx, contact):
        contact_rows, sockets = stored
        push_contact(ctx, contact_rows, sockets, "contact.add")
        ((_, data, rev),) = contact_rows
        return Record(data, rev)
    card, sockets, record = await ctx.shard("my_contact_create", encode(contact))
    push_contact(ctx, card, sockets, "contact.add")
    return record_of(record)


async def store(ctx: Context, contact: dict[str, Any]) -> list[ResultSet]:
    """Add a contact by the record that the service makes of it; return what `my_contact_store` returns.

    Nothing for a contact of which the routines have to make it. `contact` has its words (`with_words`).
    """
    record = first_record(contact)
    if record is None:
        return []
    return await ctx.shard(
        "my_contact_store",
        record.contact_id,
        record.contact,
        record.words,
        record.name,
        record.record,
        record.digest,
        record.names_digest,
        record.private,
        record.card,
        record.full,
    )


async def patch(ctx: Context, contact_id: str, fields: dict[str, Any], rev: int | None) -> Record:
    """Change these fields of a record; return it. Raise Refused when `rev` is given and out of date."""
    if fields.keys() <= RENDERED_FIELDS:
        patched = await _patch_texts(ctx, contact_id, routine_columns(fields), rev)
        if patched is not None:
            return patched
    return await _patch(ctx, contact_id, routine_fields(fields), rev)


async def replace(ctx: Context, contact_id: str, change: ContactChange) -> list[ResultSet]:
    """Store a changed contact that the service has rendered; return what `my_contact_replace` returns.

    Nothing when the contact is no longer as it was read.
    """
    return await ctx.shard(
        "my_contact_replace",
        contact_id,
        change.digest,
        change.full_digest,
        change.names_digest,
        change.contact,
        change.words,
        change.name,
        change.record,
        change.new_digest,
        change.new_names_digest,
        change.private,
        change.card,
        change.full,
    )


async def patch_custom(ctx: Context, contact_id: str, fields: dict[str, Any], rev: int | None) -> Record:
    """Merge keys into custom_fields, where null removes a key; return the record."""
    return await _patch(ctx, contact_id, encode({"from_api": 1, "custom": fields}), rev)


async def change(ctx: Context, contact_id: str, fields: dict[str, Any]) -> None:
    """Change a contact for an API that knows one name, one address and one number of it.

    `fields` has any of name (with firstname and lastname, for a contact that has neither), email, areacode,
    phone.
    """
    owner_id, shard, text = ctx.caller.uid, ctx.caller.db or "", encode(fields)
    await _change(ctx, lambda tx: tx.call(shard, "my_contact_set_defaults", owner_id, contact_id, text))


async def trash(ctx: Context, contact_id: str, rev: int | None = None) -> Record:
    """Move a contact to the trash, and notify the owner's tabs; return its record."""
    contact, sockets, record = await ctx.db.transaction(
        "my_contact_trash", lambda tx: trash_in(tx, ctx, contact_id, rev)
    )
    push_deleted(ctx, contact, contact["drumate_id"], sockets)
    return record_of(record)


async def trash_in(tx: Transaction, ctx: Context, contact_id: str, rev: int | None) -> tuple[Any, ...]:
    """Move a contact to the trash; return (what is pushed, sockets, record rows)."""
    owner_id, shard = ctx.caller.uid, ctx.caller.db or ""
    contact_rows, sockets, record = await tx.call(shard, "my_contact_trash", owner_id, contact_id, rev)
    contact = document(contact_rows)
    if contact["blocked"]:
        await tx.call("yp", "contact_block_delete", owner_id, contact["contact_id"])
    return contact, sockets, record


async def purge(ctx: Context, contact_id: str, rev: int | None) -> None:
    """Delete a contact permanently, from the book or the trash; the peer keeps their own entry."""
    await _delete(
        ctx, lambda tx: tx.call(ctx.caller.db or "", "my_contact_purge", ctx.caller.uid, contact_id, rev)
    )


async def restore(ctx: Context, contact_id: str, rev: int | None) -> Record:
    """Restore a contact from the trash; return its record."""
    card, sockets, record = await ctx.db.transaction(
        "my_contact_restore", lambda tx: restore_in(tx, ctx, contact_id, rev)
    )
    push_contact(ctx, card, sockets, "contact.add")
    return record_of(record)


async def restore_in(tx: Transaction, ctx: Context, contact_id: str, rev: int | None) -> list[ResultSet]:
    """Restore a contact from the trash; return [card, sockets, record rows]."""
    owner_id, shard = ctx.caller.uid, ctx.caller.db or ""
    card, sockets, state, record = await tx.call(shard, "my_contact_restore", owner_id, contact_id, rev)
    contact = document(state)
    if contact["blocked"]:
        await add_block(tx, owner_id, contact)
    return [card, sockets, record]


async def merge(ctx: Context, contact_id: str, other_ids: list[str], rev: int | None) -> Record:
    """Merge contacts into one, which takes over their values; the others become tombstones."""
    owner_id, shard = ctx.caller.uid, ctx.caller.db or ""

    async def unit(tx: Transaction) -> list[ResultSet]:
        card, sockets, tombstone_rows, target, record = await tx.call(
            shard, "my_contact_merge", owner_id, contact_id, encode(other_ids), rev
        )
        contact = document(target)
        for other in documents(tombstone_rows):
            if other["blocked"]:
                await tx.call("yp", "contact_block_delete", owner_id, other["contact_id"])
                await add_block(tx, owner_id, contact)
        return [card, sockets, tombstone_rows, record]

    card, sockets, tombstone_rows, record = await ctx.db.transaction("my_contact_merge", unit)
    for other in documents(tombstone_rows):
        push_deleted(ctx, other, None, sockets)
    push_contact(ctx, card, sockets, "contact.update")
    return record_of(record)


async def delete(ctx: Context, contact_id: str) -> dict[str, Any]:
    """Delete a contact permanently; the peer keeps their own entry, unlinked."""
    return await _delete(
        ctx, lambda tx: tx.call(ctx.caller.db or "", "my_contact_delete", ctx.caller.uid, contact_id)
    )


async def _delete(ctx: Context, call: RoutineCall) -> dict[str, Any]:
    owner_id = ctx.caller.uid

    async def unit(tx: Transaction) -> list[Any]:
        contact_rows, state, sockets = await call(tx)
        contact, previous = document(contact_rows), document(state)
        if previous["blocked"]:
            await tx.call("yp", "contact_block_delete", owner_id, contact["contact_id"])
        if contact["his_id"]:
            peer_id = contact["his_id"]
            update_rows, block_rows, peer_sockets = await tx.call(
                previous["db"], "contact_peer_gone", peer_id, owner_id, 0
            )
            await invitations.remove_block(tx, peer_id, block_rows)
            if previous["status"] == "sent":
                await tx.call("yp", "invitation_withdraw", owner_id, peer_id)
            return [contact, sockets, document(update_rows), peer_sockets]
        if previous["status"] == "sent":
            await tx.call("yp", "token_withdraw", owner_id, contact["entity"])
        return [contact, sockets, None, []]

    contact, sockets, peer_update, peer_sockets = await ctx.db.transaction("my_contact_delete", unit)
    push_deleted(ctx, contact, contact["his_id"], sockets)
    if peer_update:
        ctx.push("contact.delete_contact", peer_update, peer_sockets)
        ctx.presence_changed()
    deleted: dict[str, Any] = contact
    return deleted


async def release_former_peers(tx: Transaction, owner_id: str, others: ResultSet, blocked: int) -> list[Any]:
    """Withdraw the invitation of the former peer when an entry means another one, and move the block.

    `others`: rows as routines return them, none when the entry means the same peer. Return the pushes for the
    former peer.
    """
    pushes: list[Any] = []
    for other in documents(others):
        pushes += await _release_former_peer(tx, owner_id, other, blocked)
    return pushes


async def _release_former_peer(
    tx: Transaction, owner_id: str, other: dict[str, Any], blocked: int
) -> list[Any]:
    if blocked:
        await add_block(tx, owner_id, other)
    if not other["withdrawn"]:
        return []
    if not other["old_peer"]:
        await tx.call("yp", "token_withdraw", owner_id, other["old_entity"])
        return []
    update_rows, block_rows, sockets = await tx.call(
        other["old_db"], "contact_peer_gone", other["old_peer"], owner_id, 1
    )
    await invitations.remove_block(tx, other["old_peer"], block_rows)
    await tx.call("yp", "invitation_withdraw", owner_id, other["old_peer"])
    return [("contact.update", document(update_rows), sockets)]


def push_contact(ctx: Context, card: ResultSet, sockets: ResultSet, service: str = "") -> Any:
    """Notify the owner's tabs of a written contact; return its card.

    The push has no status: the invite card of the frontend would act on it.
    """
    contact = document(card)
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
    return row(card)


async def _patch(ctx: Context, contact_id: str, text: str, rev: int | None) -> Record:
    owner_id, shard = ctx.caller.uid, ctx.caller.db or ""
    return record_of(
        await _change(ctx, lambda tx: tx.call(shard, "my_contact_patch", owner_id, contact_id, text, rev))
    )


async def _patch_texts(
    ctx: Context, contact_id: str, columns: dict[str, Any], rev: int | None
) -> Record | None:
    """Change texts of a contact by the record that the service makes of it; None for `my_contact_patch`."""
    base_rows, contact_rows, _ = await ctx.shard("my_contact_form", contact_id)
    if not base_rows or not contact_rows:
        return None
    stored, base = document(contact_rows), FormBase(*base_rows[0])
    names = {key: columns.get(key, stored[TEXTS[key]]) for key in API_NAMES}
    # refused by my_contact_patch
    if not (any(names.values()) or stored["given_surname"]) or rev not in (None, base.record_rev):
        return None
    change = contact_change(columns | {"rev": rev}, stored, base)
    replaced = [] if change is None else await replace(ctx, stored["id"], change)
    if not replaced:
        return None
    card, sockets = replaced
    push_contact(ctx, card, sockets, "contact.update")
    ((_, data, new_rev),) = card
    return Record(data, new_rev)


async def _change(ctx: Context, call: RoutineCall) -> ResultSet:
    """Change a contact by a routine that returns card, sockets, the former peer, and perhaps a record."""

    card, sockets, pushes, record = await ctx.db.transaction(
        "my_contact_patch", lambda tx: change_in(tx, ctx.caller.uid, call)
    )
    push_contact(ctx, card, sockets, "contact.update")
    invitations.push_all(ctx, pushes)
    return record


async def change_in(
    tx: Transaction, owner_id: str, call: RoutineCall
) -> tuple[ResultSet, ResultSet, list[Any], ResultSet]:
    """Change a contact as a part of a transaction, by a routine as `_change` takes it.

    Return its card, the owner's sockets, the pushes for a former peer, and its record.
    """
    card, sockets, others, *record = await call(tx)
    pushes = await release_former_peers(tx, owner_id, others, document(card)["is_blocked"])
    return card, sockets, pushes, record[0] if record else []


def push_deleted(ctx: Context, contact: dict[str, Any], drumate_id: str | None, sockets: ResultSet) -> None:
    """Notify the owner's tabs that a contact has left the book."""
    model = {"contact_id": contact["contact_id"], "drumate_id": drumate_id, "entity": contact["entity"]}
    ctx.push("contact.delete_contact", model, sockets)


async def add_block(tx: Transaction, owner_id: str, contact: dict[str, Any]) -> None:
    """Block the person whom a contact stands for; end what the two have with each other.

    Both sides hear of that after the commit (`service.live.calls.watch_blocks`).
    """
    peer = contact["peer"]
    await tx.call("yp", "contact_block_add", owner_id, contact["contact_id"], contact["entity"], peer)
    if peer:
        await tx.call("yp", "call_block", owner_id, peer)
        await tx.call("yp", "call_separate", owner_id, peer)

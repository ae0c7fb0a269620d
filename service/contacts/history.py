"""The history of a contact, and the way back (docs/decisions/history.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from service.contacts import book, invitations
from service.contacts.record import Record, record_of
from service.contacts.states import differences, fields_to_write, values
from service.errors import Refusal, Refused
from service.runtime.context import Context
from service.store.changes import change_set, new_change_set
from service.store.database import ResultSet, Transaction, document, encode
from service.web.timestamps import wire_time

BY_HAND = "sql"
"""API of a change that nobody has signed: in the client of the database."""
SECOND = timedelta(seconds=1)
TRASHED = 100
"""Contacts of one transaction that move to the trash."""

Push = Callable[[ResultSet], None]
"""Notifies the owner's tabs; takes their sockets."""


@dataclass
class Reverted:
    """A contact that was given back an earlier state."""

    record: Record
    remainder: list[str]
    """Parts that stay as they are."""


@dataclass
class Undone:
    """A change set that was taken back."""

    reverted: int = 0
    """Number of contacts."""
    remainder: list[dict[str, Any]] = field(default_factory=list)
    """Contacts that stay as they are: contact_id, name, reason."""

    def leave(self, contact: _Changed, reason: str) -> None:
        """Name a contact that stays as it is."""
        self.remainder.append({"contact_id": contact.contact_id, "name": contact.name, "reason": reason})


@dataclass(frozen=True)
class _Changed:
    """A contact of a change set, as my_change_set returns it."""

    contact_id: str
    name: str | None
    before_rev: int
    is_created: int
    merged_into: str | None
    is_changed: int
    is_related: int
    is_deleted: int
    record: str | None
    private: str | None


async def list_changes(
    ctx: Context, contact_id: str, before: int | None, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Return the changes of a contact, newest first, and the revision before which there are more."""
    event_rows, ((record, private, more),) = await ctx.shard("my_contact_history", contact_id, before, limit)
    after = values(record, private)
    changes: list[dict[str, Any]] = []
    for rev, event, at, actor, name, api, change_set_id, previous_record, previous_private in event_rows:
        previous = values(previous_record, previous_private)
        fields = differences(previous, after)
        after = previous
        moment, record = _moment(at, record), previous_record
        if event == "private" and not fields:
            # a PUT of CardDAV that changes the text of the card alone
            continue
        changes.append(
            {
                "rev": rev,
                "event": "updated" if event == "private" else event,
                "at": moment,
                "actor": actor,
                "actor_name": name,
                "api": api or BY_HAND,
                "change_set": change_set_id,
                "changes": fields,
            }
        )
    return changes, event_rows[-1][0] if more and event_rows else None


def _moment(at: int, record: str | None) -> str:
    """Return the time of a change in milliseconds, as records have it.

    The event knows the second; the record after it has the milliseconds, or those of the change before when
    it does not show the change.
    """
    second = datetime.fromtimestamp(at, UTC)
    updated_at = orjson.loads(record).get("updated_at") if record else None
    written = datetime.fromisoformat(updated_at) if updated_at else second
    return wire_time(written if -SECOND < written - second < SECOND else second)


async def revert(ctx: Context, contact_id: str, to: int, rev: int | None) -> Reverted:
    """Make a contact what it was at a revision of the address book, and notify the owner's tabs.

    Raise Refused when `rev` is given and out of date.
    """

    async def unit(tx: Transaction) -> tuple[Reverted, list[Push]]:
        return await _revert(tx, ctx, contact_id, to, rev)

    with change_set(new_change_set()):
        reverted, pushes = await ctx.db.transaction("my_contact_revert", unit)
    await _push(ctx, pushes)
    return reverted


async def _revert(
    tx: Transaction, ctx: Context, contact_id: str, to: int, rev: int | None
) -> tuple[Reverted, list[Push]]:
    owner_id, shard = ctx.caller.uid, ctx.caller.db or ""
    (past_rows,) = await tx.call(shard, "my_contact_past", owner_id, contact_id, to)
    state, private, was_deleted, is_deleted = past_rows[0]
    if state is None:
        raise Refused(Refusal("NO_HISTORY"))
    if is_deleted:
        await book.restore_in(tx, ctx, contact_id, rev)
        rev = None
    text = encode(fields_to_write(state, private))
    card, others, record, left_rows = await tx.call(
        shard, "my_contact_revert", owner_id, contact_id, text, rev
    )
    peer_pushes = await book.release_former_peers(tx, owner_id, others, document(card)["is_blocked"])
    pushes = [
        _written(ctx, card, "contact.add" if is_deleted else "contact.update"),
        _to_peer(ctx, peer_pushes),
    ]
    if was_deleted:
        contact, _, record = await book.trash_in(tx, ctx, contact_id, None)
        pushes[0] = lambda sockets: book.push_deleted(ctx, contact, contact["drumate_id"], sockets)
    return Reverted(record_of(record), document(left_rows)), pushes


async def undo(ctx: Context, change_set_id: str, *, force: bool) -> Undone | None:
    """Take back a merge, an import or a revert as a whole; None when there is no such change set.

    A contact that was changed again stays as it is, unless `force`. One that is invited, related or blocked
    and was made by the change set stays always.
    """
    (set_rows,) = await ctx.shard("my_change_set", change_set_id)
    contacts = [_Changed(*row) for row in set_rows]
    if not contacts:
        return None
    with change_set(new_change_set()):
        if any(contact.merged_into for contact in contacts):
            return await _undo_merge(ctx, contacts, force=force)
        return await _undo_each(ctx, contacts, force=force)


async def _undo_merge(ctx: Context, contacts: list[_Changed], *, force: bool) -> Undone:
    """Give the target back its state, and make the others again, in one transaction."""
    undone = Undone()
    if not force and any(contact.is_changed for contact in contacts):
        for contact in contacts:
            undone.leave(contact, "changed again")
        return undone

    async def unit(tx: Transaction) -> list[Push]:
        # An invitation goes back first: a target that is invited would keep its addresses.
        pushes = [await _revive(tx, ctx, contact) for contact in contacts if contact.merged_into]
        for contact in contacts:
            if not contact.merged_into:
                pushes += (await _revert(tx, ctx, contact.contact_id, contact.before_rev, None))[1]
        return pushes

    await _push(ctx, await ctx.db.transaction("my_contact_revive", unit))
    undone.reverted = len(contacts)
    return undone


async def _revive(tx: Transaction, ctx: Context, contact: _Changed) -> Push:
    """Make a contact again that a merge has deleted."""
    owner_id = ctx.caller.uid
    if contact.record is None:
        raise Refused(Refusal("NO_HISTORY"))
    text = encode(fields_to_write(contact.record, contact.private))
    card, state, _ = await tx.call(
        ctx.caller.db or "",
        "my_contact_revive",
        owner_id,
        contact.contact_id,
        text,
        contact.private,
        contact.merged_into,
    )
    revived = document(state)
    if revived["blocked"]:
        await tx.call("yp", "contact_block_delete", owner_id, revived["other"])
        await book.add_block(tx, owner_id, revived)
    return _written(ctx, card, "contact.add")


async def _undo_each(ctx: Context, contacts: list[_Changed], *, force: bool) -> Undone:
    """Move what was made to the trash, and give the rest back its state, each contact by itself."""
    undone = Undone()
    made = []
    for contact in contacts:
        if contact.is_changed and not force:
            undone.leave(contact, "changed again")
        elif contact.is_created and contact.is_deleted:
            undone.leave(contact, "in the trash, or deleted")
        elif contact.is_created and contact.is_related:
            undone.leave(contact, "invited, related or blocked")
        elif contact.is_created:
            made.append(contact)
        else:
            await _undo_one(ctx, contact, undone)
    pushes: list[Push] = []
    for start in range(0, len(made), TRASHED):
        pushes += await _trash(ctx, made[start : start + TRASHED], undone)
    await _push(ctx, pushes)
    return undone


async def _undo_one(ctx: Context, contact: _Changed, undone: Undone) -> None:
    try:
        await revert(ctx, contact.contact_id, contact.before_rev, None)
    except Refused as exc:
        undone.leave(contact, exc.code)
    else:
        undone.reverted += 1


async def _trash(ctx: Context, contacts: list[_Changed], undone: Undone) -> list[Push]:
    """Move contacts to the trash; return the pushes for those that were moved."""
    (moved_rows,) = await ctx.shard("my_contacts_trash", encode([contact.contact_id for contact in contacts]))
    moved = {contact_id for contact_id, _ in moved_rows}
    undone.reverted += len(moved)
    for contact in contacts:
        if contact.contact_id not in moved:
            undone.leave(contact, "changed again")
    return [_deleted(ctx, contact_id, entity) for contact_id, entity in moved_rows]


def _deleted(ctx: Context, contact_id: str, entity: str) -> Push:
    contact = {"contact_id": contact_id, "entity": entity}
    return lambda sockets: book.push_deleted(ctx, contact, None, sockets)


def _written(ctx: Context, card: ResultSet, service: str) -> Push:
    def push(sockets: ResultSet) -> None:
        book.push_contact(ctx, card, sockets, service)

    return push


def _to_peer(ctx: Context, peer_pushes: list[Any]) -> Push:
    return lambda _: invitations.push_all(ctx, peer_pushes)


async def _push(ctx: Context, pushes: list[Push]) -> None:
    (sockets,) = await ctx.yp("user_sockets", ctx.caller.uid, None)
    for push in pushes:
        push(sockets)

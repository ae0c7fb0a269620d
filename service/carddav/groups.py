"""Groups as cards of the book: what a PUT stores, and what live updates say of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from service.contacts.card_groups import GROUP_KIND, comment_of, group_name, member_uids
from service.contacts.invitations import Push
from service.contacts.values import Values
from service.contacts.vcards import kinds_of_card
from service.contacts.whole_cards import UID_LIMIT
from service.ids import from_uuid
from service.runtime.context import Context
from service.store.database import Transaction, document, encode


def read_group(values: Values) -> dict[str, Any] | None:
    """Return name, comment and member of the group of a card, as my_card_group_put takes them.

    None for the card of a person.
    """
    if GROUP_KIND not in kinds_of_card(values):
        return None
    uids = dict.fromkeys(uid for uid in member_uids(values) if 0 < len(uid) <= UID_LIMIT)
    return {
        "name": group_name(values),
        "comment": comment_of(values),
        "member": [{"uid": uid, "id": from_uuid(uid)} for uid in uids],
    }


async def put_group(
    ctx: Context, tx: Transaction, group_id: str | None, name: str, group: dict[str, Any]
) -> tuple[str, list[Push]]:
    """Store a group; return its entity tag, without quotes, and the live updates."""
    change_rows, card_rows = await tx.call(
        ctx.caller.db or "", "my_card_group_put", ctx.caller.uid, group_id, name, encode(group)
    )
    (sockets,) = await tx.call("yp", "user_sockets", ctx.caller.uid, None)
    change = document(change_rows)
    models = _models(change, document(card_rows), is_new=group_id is None)
    return change["etag"], [(service, model, sockets) for service, model in models]


def _models(
    change: dict[str, Any], card: dict[str, Any], *, is_new: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (service, model) of the live updates, those of the other APIs."""
    if is_new:
        yield "contact.create_group", card
        return
    counts = {key: change[key] for key in ("group_id", "member_count")}
    if change["changed"]:
        yield "contact.update_group", card
    if change["added"]:
        yield "contact.add_to_group", {**counts, "added": change["added"]}
    if change["removed"]:
        yield "contact.remove_from_group", {**counts, "removed": change["removed"]}


async def delete_group(ctx: Context, tx: Transaction, group_id: str) -> list[Push]:
    """Delete a group, whose members stay contacts; return the live update."""
    change, sockets = await tx.call(ctx.caller.db or "", "contact_group_delete", ctx.caller.uid, group_id)
    return [("contact.delete_group", document(change), sockets)]

"""`contact.*`: the caller's own address book, whatever hub the request names."""

from __future__ import annotations

from typing import Any

import orjson

from service.context import Context, only, row, rows
from service.database import ResultSet, document

FIELDS = {
    "firstname",
    "lastname",
    "surname",
    "comment",
    "message",
    "email",
    "mobile",
    "address",
    "tag",
}
SORT_KEYS = {"name", "date"}
"""Words that old clients send as `name` of show_contact, and that mean an order there."""


async def add(ctx: Context, **contact: Any) -> Any:
    """A new contact, by address or by uid."""
    given = only(contact, {*FIELDS, "invitee_id"})
    return _written(ctx, *await ctx.mine("my_contact_add", _json(given)))


async def update(ctx: Context, contact_id: str, **contact: Any) -> Any:
    """Change a contact; lists replace lists, what is absent stays."""
    given = _json(only(contact, FIELDS))
    return _written(ctx, *await ctx.mine("my_contact_update", contact_id, given))


async def get_contact(ctx: Context, contact_id: str) -> Any:
    """One contact in full; an empty object when there is none."""
    (found,) = await ctx.mine("my_contact_get", contact_id)
    return row(found)


async def show_contact(ctx: Context, tag_id: str | None, name: str | None, order: str, option: str) -> Any:
    """A page of contacts."""
    sort, wanted = (name, None) if name in SORT_KEYS else ("name", name)
    page, size = _page(ctx)
    (found,) = await ctx.mine("my_contact_show", tag_id, wanted, sort, order, option, page, size)
    return rows(found)


async def my_contacts(ctx: Context, value: str, status: str, only_drumate: int) -> Any:
    """People to pick from. The frontend types `ada%`; `%` alone means everybody, nothing means nobody."""
    if not value:
        return []
    key = value.rstrip("%")
    left_out = _json(ctx.args.get("filter") or [])
    page, size = _page(ctx)
    (found,) = await ctx.mine("my_contact", key, status, only_drumate, left_out, page, size)
    return rows(found)


async def search(ctx: Context, key: str | None, string: str | None) -> Any:
    """Contacts and colleagues whose words start with the key."""
    key = key or string
    if not key:
        return []
    page, size = _page(ctx)
    (found,) = await ctx.mine("contact_search_by_domain", key, page, size)
    return rows(found)


async def delete_contact(ctx: Context, contact_id: str) -> Any:
    """Take a contact out of the address book."""
    found, sockets = await ctx.mine("my_contact_delete", contact_id)
    gone = document(found)
    ctx.push(
        ctx.service,
        {"contact_id": contact_id, "drumate_id": gone["his_id"], "entity": gone["entity"]},
        sockets,
    )
    return gone


def _written(ctx: Context, found: ResultSet, sockets: ResultSet) -> Any:
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


def _page(ctx: Context) -> tuple[int, int]:
    return ctx.args["page"], ctx.args.get("pagelength") or ctx.settings.page_size


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()

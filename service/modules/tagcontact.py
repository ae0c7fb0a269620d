"""`tagcontact.*`: the caller's tags, a tree of labels for contacts and hubs."""

from __future__ import annotations

from typing import Any

import orjson

from service.context import Context, page_of, row, rows


async def tag_add(ctx: Context, name: str, parent_id: str | None) -> Any:
    """A new tag at the end of the list."""
    (found,) = await ctx.mine("tag_add", name, parent_id)
    return row(found)


async def tag_rename(ctx: Context, tag_id: str, name: str) -> Any:
    """Another name for a tag."""
    (found,) = await ctx.mine("tag_rename", tag_id, name)
    return row(found)


async def tag_remove(ctx: Context, tag_id: str) -> Any:
    """Take a tag away, with those below it."""
    (found,) = await ctx.mine("tag_remove", tag_id)
    return row(found)


async def tag_get_next(ctx: Context, tag_id: str | None, search: str | None, order: str) -> Any:
    """A page of tags."""
    page, size = page_of(ctx)
    (found,) = await ctx.mine("tag_get_next", tag_id, search, order, page, size)
    return rows(found)


async def tag_reposition(ctx: Context, content: list[str]) -> Any:
    """A new order of the tags."""
    (found,) = await ctx.mine("tag_reposition", orjson.dumps(content).decode())
    return rows(found)


async def tag_assign(ctx: Context, tag_id: str, parent_id: str | None) -> Any:
    """Hang a tag below another one."""
    (found,) = await ctx.mine("tag_assign", tag_id, parent_id)
    return row(found)


async def entity_assign(ctx: Context, entity_id: str, tag: list[str]) -> Any:
    """Give a contact or hub exactly these tags."""
    (found,) = await ctx.mine("my_tag_add", entity_id, orjson.dumps(tag).decode())
    return rows(found)


async def entity_assign_get(ctx: Context, entity_id: str | None) -> Any:
    """The tags of a contact or hub; none for one that is not there yet."""
    if entity_id is None:
        return []
    (found,) = await ctx.mine("my_tag_get", entity_id)
    return rows(found)

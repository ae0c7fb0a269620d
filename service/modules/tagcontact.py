"""`tagcontact.*`: the caller's tags, a tree of labels for contacts and hubs."""

from __future__ import annotations

from service.runtime.context import Answer, Context, page_of, row, rows
from service.store.database import encode


async def tag_add(ctx: Context, name: str, parent_id: str | None) -> Answer:
    """Create a tag at the end of the list."""
    (tag_rows,) = await ctx.shard("tag_add", name, parent_id)
    return row(tag_rows)


async def tag_rename(ctx: Context, tag_id: str, name: str) -> Answer:
    """Rename a tag."""
    (tag_rows,) = await ctx.shard("tag_rename", tag_id, name)
    return row(tag_rows)


async def tag_remove(ctx: Context, tag_id: str) -> Answer:
    """Delete a tag and those below it."""
    (tag_rows,) = await ctx.shard("tag_remove", tag_id)
    return row(tag_rows)


async def tag_list(ctx: Context, tag_id: str | None, search: str | None, order: str) -> Answer:
    """Return a page of tags."""
    page, size = page_of(ctx)
    (tag_rows,) = await ctx.shard("tag_list", tag_id, search, order, page, size)
    return rows(tag_rows)


async def tag_reposition(ctx: Context, content: list[str]) -> Answer:
    """Order the tags."""
    (tag_rows,) = await ctx.shard("tag_reposition", encode(content))
    return rows(tag_rows)


async def tag_assign(ctx: Context, tag_id: str, parent_id: str | None) -> Answer:
    """Move a tag below another one."""
    (tag_rows,) = await ctx.shard("tag_assign", tag_id, parent_id)
    return row(tag_rows)


async def entity_assign(ctx: Context, entity_id: str, tag: list[str]) -> Answer:
    """Replace the tags of a contact or hub."""
    (tag_rows,) = await ctx.shard("my_tag_add", entity_id, encode(tag))
    return rows(tag_rows)


async def entity_assign_get(ctx: Context, entity_id: str | None) -> Answer:
    """Return the tags of a contact or hub; none for one that does not exist yet."""
    if entity_id is None:
        return []
    (tag_rows,) = await ctx.shard("my_tag_get", entity_id)
    return rows(tag_rows)

"""`desk.*`: the workspace a person lands on."""

from __future__ import annotations

from typing import Any

from service.context import Context, row
from service.database import document


async def get_env(ctx: Context) -> Any:
    """The desk: its home node, its wicket (the hub that hosts the person's calls), his privilege."""
    found = document((await ctx.yp("get_user", ctx.caller.uid))[0])
    return {
        **found["hub"],
        "nid": found["home_id"],
        "wicket_id": found["wicket_id"],
        "vhost": ctx.host,
        "disk": {},
        "privilege": 63,
    }


async def create_wicket(ctx: Context) -> Any:
    """The person's wicket, made when there is none."""
    (found,) = await ctx.yp("wicket_get", ctx.caller.uid)
    return row(found)


async def set_online_status(ctx: Context) -> Any:
    """Tell the contacts of the caller whether he is online or in a conference."""
    if ctx.caller.db is None:
        return {}
    return await ctx.presence.publish(ctx.caller.uid, ctx.caller.db)


async def home(ctx: Context) -> Any:
    """Files of the desk: none are served here."""
    return []

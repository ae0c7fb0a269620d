"""`drumate.*`: the account."""

from __future__ import annotations

from typing import Any

from service.context import Context, rows
from service.session import NOBODY
from service.sessions import end_session


async def logout(ctx: Context) -> Any:
    """Sign out this browser; the person's other tabs are told to look again."""
    await end_session(ctx)
    return {"id": NOBODY, "signed_in": 0, "connection": "offline"}


async def notification_center(ctx: Context) -> Any:
    """What waits for the caller."""
    (found,) = await ctx.mine("notification_center")
    return rows(found)

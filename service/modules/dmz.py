"""`dmz.*`: people without an account, who come by a link."""

from __future__ import annotations

from typing import Any

from service.context import Context
from service.database import document
from service.session import new_session_id

GUEST_SECONDS = 86_400


async def login(ctx: Context, token: str) -> Any:
    """Open a guest link. A link that is unknown or has expired answers only that."""
    sid = new_session_id()
    (found,) = await ctx.yp(
        "session_dmz_login", token, ctx.sid, sid, GUEST_SECONDS, ctx.user_agent, ctx.address
    )
    guest = document(found)
    if guest is None:
        return {"validity": "TICKET_INVALID"}
    if guest.pop("created"):
        ctx.new_sid = sid
    name = guest.pop("guest_name")
    return guest | {"validity": "TICKET_OK", "profile": {"firstname": name, "fullname": name}}

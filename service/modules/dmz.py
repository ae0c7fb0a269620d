"""`dmz.*`: guests without an account, who follow a link."""

from __future__ import annotations

from typing import Any

from service.auth.session import NOBODY, new_session_id
from service.errors import RequestError
from service.runtime.context import Answer, Context
from service.runtime.sessions import successor_of, use_session
from service.store.database import document
from service.web.address import address_key

GUEST_SECONDS = 86_400


async def login(ctx: Context, token: str) -> Answer:
    """Open a guest link. The answer for an unknown or expired link has nothing but `validity`."""
    if ctx.caller.uid == NOBODY:
        await _count_guest(ctx, token)
    successor, new_sid = await successor_of(ctx), new_session_id()
    guest_rows, socket_rows = await ctx.yp(
        "session_dmz_login",
        token,
        ctx.sid,
        successor,
        new_sid,
        ctx.socket_id,
        GUEST_SECONDS,
        ctx.user_agent,
        ctx.address,
    )
    guest: dict[str, Any] | None = document(guest_rows)
    if guest is None:
        return {"validity": "TICKET_INVALID"}
    use_session(ctx, guest.pop("sid"))
    ctx.after_commit.append(lambda: ctx.pusher.rebind_sockets(socket_rows))
    name = guest.pop("guest_name")
    return guest | {"validity": "TICKET_OK", "profile": {"firstname": name, "fullname": name}}


async def _count_guest(ctx: Context, token: str) -> None:
    """Count a session that the link will open; RequestError 429 when it has opened too many."""
    wait = await ctx.guests.admit(token, address_key(ctx.address))
    if wait:
        reason = f"this link has opened too many sessions; try again in {wait} seconds"
        raise RequestError.too_many("TOO_MANY_GUESTS", reason, wait)

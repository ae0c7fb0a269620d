"""`bootstrap.*`: the one-time token that opens a WebSocket."""

from __future__ import annotations

import secrets

from service.auth.session import NOBODY, new_session_id
from service.runtime.context import Answer, Context
from service.runtime.sessions import successor_of, use_session
from service.web.address import address_key

TOKEN_SECONDS = 60
VISITOR_SECONDS = 86_400
"""Life of the session of a visitor that nobody uses."""


async def authn(ctx: Context) -> Answer:
    """Return a token for `?otak=`, valid once and for a minute.

    A tab that reconnects names its former socket, and the token carries that id to `socket_bind`. A visitor
    without a session gets one: the pages for guests wait for sys.hello before they call dmz.login. The token
    is empty when the address has opened too many such sessions.
    """
    token = secrets.token_urlsafe(16)
    if ctx.caller.has_session and ctx.socket_id:
        token += f"~{ctx.socket_id}"
    if ctx.caller.uid == NOBODY:
        return {"token": await _visit(ctx, token)}
    await ctx.yp("authn_store", ctx.sid, token, TOKEN_SECONDS)
    return {"token": token}


async def _visit(ctx: Context, token: str) -> str:
    """Store a token of a visitor, and open a session first for one without; return the token, or ""."""
    sid = None if ctx.caller.has_session else new_session_id()
    if sid and await ctx.guests.admit_visitor(address_key(ctx.address)):
        return ""
    successor = await successor_of(ctx)
    ((session,),) = await ctx.yp(
        "session_visit",
        ctx.sid,
        successor,
        sid,
        token,
        TOKEN_SECONDS,
        VISITOR_SECONDS,
        ctx.user_agent,
        ctx.address,
    )
    use_session(ctx, session[0])
    return token if session[0] else ""

"""`bootstrap.*`: the one-time token that opens a WebSocket."""

from __future__ import annotations

import re
import secrets

from service.auth.session import new_session_id
from service.runtime.context import Answer, Context
from service.web.address import address_key

TOKEN_SECONDS = 60
VISITOR_SECONDS = 86_400
"""Life of the session of a visitor that nobody uses."""
SOCKET_ID = re.compile(r"[0-9a-f]{24}")


async def authn(ctx: Context, socket_id: str | None) -> Answer:
    """Return a token for `?otak=`, valid once and for a minute.

    A tab that reconnects names its former socket, and the token carries that id to `socket_bind`. A visitor
    without a session gets one: the pages for guests wait for sys.hello before they call dmz.login. The token
    is empty when the address has opened too many such sessions.
    """
    token = secrets.token_urlsafe(16)
    if not ctx.caller.has_session:
        return {"token": await _visit(ctx, token)}
    if socket_id and SOCKET_ID.fullmatch(socket_id):
        token += f"~{socket_id}"
    await ctx.yp("authn_store", ctx.sid, token, TOKEN_SECONDS)
    return {"token": token}


async def _visit(ctx: Context, token: str) -> str:
    """Open a session for a visitor with this token; return the token, "" when it is one too many."""
    if await ctx.guests.admit_visitor(address_key(ctx.address)):
        return ""
    sid = new_session_id()
    await ctx.yp("session_visit", sid, token, TOKEN_SECONDS, VISITOR_SECONDS, ctx.user_agent, ctx.address)
    ctx.new_sid = sid
    return token

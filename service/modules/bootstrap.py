"""`bootstrap.*`: the one-time token that opens a WebSocket."""

from __future__ import annotations

import re
import secrets
from typing import Any

from service.context import Context
from service.session import NOBODY

TOKEN_SECONDS = 60
SOCKET_ID = re.compile(r"[0-9a-f]{24}")


async def authn(ctx: Context, socket_id: str | None) -> Any:
    """A token for `?otak=`, good once and for a minute; empty without a session: nothing to bind.

    A tab that reconnects says which socket it had; the token carries that to socket_bind.
    Guests of a link (dmz.login) have a session, and sockets, too.
    """
    if ctx.caller.uid == NOBODY:
        return {"token": ""}
    token = secrets.token_urlsafe(16)
    if socket_id and SOCKET_ID.fullmatch(socket_id):
        token += f"~{socket_id}"
    await ctx.yp("authn_store", ctx.sid, token, TOKEN_SECONDS)
    return {"token": token}

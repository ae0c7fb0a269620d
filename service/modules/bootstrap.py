"""`bootstrap.*`: the one-time token that opens a WebSocket."""

from __future__ import annotations

import secrets
from typing import Any

from service.context import Context
from service.session import NOBODY

TOKEN_SECONDS = 60


async def authn(ctx: Context) -> Any:
    """A token for `?otak=`, good once and for a minute; empty without a session: nothing to bind.

    Guests of a link (dmz.login) have a session, and sockets, too.
    """
    if ctx.caller.uid == NOBODY:
        return {"token": ""}
    token = secrets.token_urlsafe(16)
    await ctx.yp("authn_store", ctx.sid, token, TOKEN_SECONDS)
    return {"token": token}

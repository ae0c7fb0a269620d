"""`bootstrap.*`: the one-time token that opens a WebSocket."""

from __future__ import annotations

import secrets
from typing import Any

from service.context import Context

TOKEN_SECONDS = 60


async def authn(ctx: Context) -> Any:
    """A token for `?otak=`, good once and for a minute; empty without a session: nothing to bind."""
    if not ctx.caller.signed_in:
        return {"token": ""}
    token = secrets.token_urlsafe(16)
    await ctx.yp("authn_store", ctx.sid, token, TOKEN_SECONDS)
    return {"token": token}

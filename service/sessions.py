"""The end of a session, however it is asked for."""

from __future__ import annotations

from service.context import Context
from service.rooms import tell_left


async def end_session(ctx: Context) -> None:
    """End the session: its sockets are closed and leave their rooms, the person's other tabs are told."""
    if ctx.sid is None:
        return
    *rooms, closed, others = await ctx.yp("session_logout", ctx.sid)
    ctx.drop_cookie = True
    ctx.connection = "offline"
    ctx.after_commit.append(lambda: tell_left(ctx.pusher, rooms))
    ctx.push("drumate.logout", {"uid": ctx.caller.uid}, others)
    ctx.after_commit.append(lambda: ctx.pusher.close_sockets([row[1:] for row in closed]))
    ctx.presence_changed()

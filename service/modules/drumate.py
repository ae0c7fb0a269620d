"""`drumate.*`: the account."""

from __future__ import annotations

from service.accounts import passwords
from service.auth.session import NOBODY
from service.contacts import teams
from service.errors import RequestError
from service.runtime.context import Answer, Context, row, rows
from service.runtime.sessions import end_session, present_session, revoke
from service.store.database import document


async def logout(ctx: Context) -> Answer:
    """Sign out this browser, that of a guest too; make the user's other tabs check their session."""
    if not ctx.caller.has_session:
        raise RequestError.not_signed_in()
    await end_session(ctx)
    return {"id": NOBODY, "signed_in": 0, "connection": "offline"}


async def sessions(ctx: Context) -> Answer:
    """Return where the caller is signed in."""
    (session_rows,) = await ctx.yp("session_list", ctx.caller.uid, present_session(ctx))
    return rows(session_rows)


async def logout_session(ctx: Context, id: str) -> Answer:  # noqa: A002  # the name of the parameter
    """End one of the caller's sessions."""
    if not await revoke(ctx, id, None):
        raise RequestError(404, "SESSION_NOT_FOUND", "id is no session of yours", protocol=False)
    return {"ended": 1}


async def logout_everywhere(ctx: Context, keep_current: str) -> Answer:
    """End all sessions of the caller."""
    return {"ended": await revoke(ctx, None, present_session(ctx) if keep_current == "1" else None)}


async def change_password(ctx: Context, old_password: str, new_password: str) -> Answer:
    """Change the caller's password, and end the other sign-ins."""
    ended = await passwords.change_password(ctx, old_password, new_password, present_session(ctx))
    return {"id": ctx.caller.uid, "ended": ended}


async def intro_acknowledged(ctx: Context) -> Answer:
    """Record that the caller has seen the introduction; return {profile}."""
    (profile_rows,) = await ctx.yp("intro_acknowledge", ctx.caller.uid)
    return row(profile_rows)


async def notification_center(ctx: Context) -> Answer:
    """Return the caller's pending notifications."""
    return await teams.notifications(ctx)


async def notification_remove(ctx: Context, entity_id: str | None) -> Answer:
    """Remove what the notification center shows about a user or a team hub, or everything."""
    count_rows, socket_rows = await ctx.shard("notification_remove", entity_id)
    ctx.push("chat.acknowledge", document(count_rows), socket_rows)
    await teams.mark_read(ctx, entity_id)
    ctx.push(ctx.service, {"ok": 1, "entity_id": entity_id}, socket_rows)
    return {"ok": 1}

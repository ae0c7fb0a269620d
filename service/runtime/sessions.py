"""Sign in; list and end sessions, and notify the other tabs and the rooms that they leave."""

from __future__ import annotations

import hashlib
from typing import Any

from service.auth.session import NOBODY, new_session_id, open_session, successor_id
from service.auth.sign_in import SignIn
from service.live.rooms import notify_departures
from service.runtime.context import Context
from service.store.database import ResultSet, document


async def check_password(ctx: Context, ident: str, password: str) -> SignIn:
    """Verify a password; with the right one, the browser that sends the request is known from now on."""
    sign_in = await ctx.passwords.check(ctx.db, ident, password, ctx.address, ctx.device_cookie)
    ctx.new_device_cookie = sign_in.device_cookie
    return sign_in


async def sign_in(ctx: Context, uid: str) -> dict[str, Any]:
    """Open a session for a user whose password or link was verified; return the account (`get_user`)."""
    ctx.new_sid = new_session_id()
    ttl, most = min(ctx.settings.session_ttl, ctx.settings.session_lifetime), ctx.settings.sessions
    sid, socket = ctx.sid, ctx.socket_id
    *room_changes, closed_rows, user_rows = await ctx.yp(
        "session_signin", uid, ctx.new_sid, sid, socket, ttl, most, ctx.user_agent, ctx.address
    )
    # If another user was signed in in this browser, their tabs must not receive updates any more.
    notify_ended(ctx, room_changes, closed_rows)
    await rebind_sockets(ctx)
    # The frontend reloads its environment only while it takes itself for offline.
    ctx.connection = "offline"
    account: dict[str, Any] = document(user_rows)
    return account


async def rebind_sockets(ctx: Context) -> None:
    """Let the open sockets of a visitor, who has a new session now, be its user's, after the commit."""
    if ctx.caller.uid == NOBODY and ctx.caller.has_session:
        (socket_rows,) = await ctx.yp("session_sockets", ctx.new_sid)
        ctx.after_commit.append(lambda: ctx.pusher.rebind_sockets(socket_rows))


async def successor_of(ctx: Context) -> str | None:
    """Return the session id that a visitor gets as a guest; None for others, and without a session id."""
    if ctx.sid is None or ctx.caller.uid != NOBODY:
        return None
    return successor_id(await ctx.secret.get(), ctx.sid)


def use_session(ctx: Context, sid: str | None) -> None:
    """Let the browser have this session from now on; None leaves it as it is."""
    if sid not in {None, ctx.sid}:
        ctx.new_sid = sid


async def continue_as(ctx: Context, uid: str) -> None:
    """Sign in, and let the rest of the request be that user's."""
    await sign_in(ctx, uid)
    ctx.caller = await open_session(ctx.db, ctx.new_sid, None, None)


async def end_session(ctx: Context) -> None:
    """Sign the caller out: close the sockets of the session, and notify rooms, other tabs and contacts."""
    if ctx.sid is None:
        return
    *room_changes, closed_rows, other_tabs = await ctx.yp("session_logout", ctx.sid)
    _forget_session(ctx)
    ctx.push("drumate.logout", {"uid": ctx.caller.uid}, other_tabs)
    notify_ended(ctx, room_changes, closed_rows)


async def revoke(ctx: Context, session: str | None, keep: str | None) -> int:
    """End one of the caller's sign-ins, or all of them except one; return how many ended.

    `session` and `keep` are ids of `session_list`. The WebSockets of /ws notice within seconds by themselves.
    """
    *room_changes, closed_rows, ((count,),) = await ctx.yp("session_revoke", ctx.caller.uid, session, keep)
    if ctx.sid is not None and present_session(ctx) != keep and session in {None, present_session(ctx)}:
        _forget_session(ctx)
    notify_ended(ctx, room_changes, closed_rows)
    return int(count)


def present_session(ctx: Context) -> str | None:
    """Return the id of the caller's session, as `session_list` shows it."""
    return hashlib.sha256(ctx.sid.encode()).hexdigest()[:16] if ctx.sid else None


def _forget_session(ctx: Context) -> None:
    ctx.drop_cookie = True
    ctx.connection = "offline"


def notify_ended(ctx: Context, room_changes: list[ResultSet], closed_rows: ResultSet) -> None:
    """Close the sockets of ended sessions, and notify the rooms that they leave, after the commit."""
    ctx.after_commit.append(lambda: notify_departures(ctx.pusher, room_changes))
    ctx.after_commit.append(lambda: ctx.pusher.close_sockets(closed_rows))
    ctx.presence_changed()

"""The begin and the end of a session, however they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from service.context import Context
from service.passwords import verify_password
from service.rooms import tell_left

ACCOUNT_STATES = {
    "archived": "ARCHIVED",
    "deleted": "ARCHIVED",
    "frozen": "frozen",
    "locked": "locked",
}


@dataclass(frozen=True)
class Verdict:
    """Who signs in, or why nobody does."""

    uid: str | None = None
    refusal: dict[str, Any] = field(default_factory=dict)
    """status: BLOCKED (and retry_after, seconds), WRONG_CREDENTIALS, or the state of the account."""


async def check_password(ctx: Context, ident: str, password: str) -> Verdict:
    """Verify a password, slowly for who guesses. Takes as long for an account that does not exist."""
    (found,) = await ctx.yp("drumate_login", ident)
    uid, password_hash, state = found[0] if found else (None, None, None)
    # counted before it is verified: guesses sent all at once are counted, too
    wait = await ctx.throttle.attempt(uid or ident, ctx.address)
    if wait:
        return Verdict(refusal={"status": "BLOCKED", "retry_after": wait})
    if not await verify_password(password, password_hash):
        return Verdict(refusal={"status": "WRONG_CREDENTIALS"})
    if state != "active":
        return Verdict(refusal={"status": ACCOUNT_STATES[state]})
    await ctx.throttle.succeeded(uid, ctx.address)
    return Verdict(uid)


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

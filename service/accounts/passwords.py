"""Set a password by the link of a mail, and change one."""

from __future__ import annotations

from service.accounts.signup import FORGOT_PASSWORD, describe_link
from service.accounts.strength import require_strength
from service.auth.passwords import make_hash
from service.errors import RequestError
from service.runtime.context import Context
from service.runtime.sessions import check_password, notify_ended, sign_in


async def reset_password(ctx: Context, secret: str, uid: str, password: str) -> None:
    """Set the password of an account by the link of a mail; end all its sign-ins, and sign in here."""
    link = await describe_link(ctx, secret)
    if link["method"] != FORGOT_PASSWORD or link["uid"] != uid:
        raise RequestError(400, "INVALID_TOKEN", "the link is not for this account", protocol=False)
    await require_strength(ctx, password, [link["email"]])
    *room_changes, closed_rows, _ = await ctx.yp("password_reset", secret, uid, await make_hash(password))
    notify_ended(ctx, room_changes, closed_rows)
    await sign_in(ctx, uid)


async def change_password(ctx: Context, old: str, new: str, keep: str | None) -> int:
    """Change the caller's password; return how many other sign-ins have ended than `keep`, the caller's.

    RequestError 403 for a wrong old password, 429 after too many of them.
    """
    caller = ctx.caller
    outcome = await check_password(ctx, caller.email or "", old)
    if outcome.uid != caller.uid:
        wait = outcome.refusal.get("retry_after", 0)
        if wait:
            raise RequestError.too_many("BLOCKED", "too many wrong passwords", wait)
        raise RequestError(403, "WRONG_PASSWORD", "old_password: this is not the password", protocol=False)
    await require_strength(ctx, new, [caller.firstname or "", caller.lastname or "", caller.email or ""])
    *room_changes, closed_rows, ((count,),) = await ctx.yp(
        "password_change", caller.uid, await make_hash(new), keep
    )
    notify_ended(ctx, room_changes, closed_rows)
    return int(count)

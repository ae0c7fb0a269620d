"""`butler.*`: pages that other sites send the browser back to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from service.contacts import google
from service.contacts.importing import load_list
from service.errors import RequestError
from service.mail.outbox import render
from service.runtime.context import Answer, Context, Download


async def google_callback(
    ctx: Context, state: str, code: str | None, error: str | None, again: str
) -> Answer:
    """Import the contacts of the Google account that the caller has just granted access to.

    The session cookie is SameSite=Strict, so it is missing after the redirect from Google: the first request
    gets a page that loads this URL again, this time with the cookie. That binds the state to the browser:
    nobody can import the contacts of another user's account.
    """
    if not ctx.caller.signed_in and again == "0":
        return _page(ctx, again=True)
    if not ctx.caller.signed_in:
        raise RequestError(401, "NOT_SIGNED_IN", "sign in first (yp.login)")
    (verifier_rows,) = await ctx.yp("get_redirect_state", state, ctx.caller.uid)
    if error or not code:
        return _page(ctx, loaded=0)
    contacts = await google.contacts(ctx.settings, code, verifier_rows[0][0])
    report = await load_list(ctx, contacts, "google")
    return _page(ctx, **report)


def _page(ctx: Context, **values: Any) -> Download:
    """Return a page for the pop-up window."""
    text = render("google.html", (ctx.caller.lang or "en")[:2], values)

    async def chunks() -> AsyncIterator[bytes]:
        yield text.encode()

    return Download("", "text/html", chunks())

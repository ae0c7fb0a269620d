"""`butler.*`: where people come back to from other sites."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from service import google
from service.context import Context, Download
from service.errors import RequestError
from service.loading import load_list
from service.mail import render


async def google_callback(ctx: Context, state: str, code: str | None, error: str | None, again: str) -> Any:
    """Take over the contacts of the Google account that the caller has just opened to us.

    Our cookie does not travel with a redirect from another site; the page that the first visit gets comes
    back by itself, with it. That binds the state to the browser: nobody can have somebody else's contacts
    put into his own address book.
    """
    if not ctx.caller.signed_in and again == "0":
        return _page(ctx, again=True)
    if not ctx.caller.signed_in:
        raise RequestError(401, "NOT_SIGNED_IN", "sign in first (yp.login)")
    (found,) = await ctx.yp("get_redirect_state", state, ctx.caller.uid)
    if error or not code:
        return _page(ctx, loaded=0)
    people = await google.contacts(ctx.settings, code, found[0][0])
    done = await load_list(ctx, people, "google")
    return _page(ctx, **done)


def _page(ctx: Context, **values: Any) -> Download:
    """A page for the pop-up window."""
    text = render("google.html", (ctx.caller.lang or "en")[:2], values)

    async def chunks() -> AsyncIterator[bytes]:
        yield text.encode()

    return Download("", "text/html", chunks())

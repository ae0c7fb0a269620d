"""`butler.*`: sign-up, forgotten passwords, and the page that Google sends the browser back to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from service.accounts.mails import send_link
from service.accounts.passwords import reset_password
from service.accounts.signup import FORGOT_PASSWORD, SIGNUP, describe_link, request_account, sign_up
from service.contacts import google
from service.contacts.import_report import LoadOptions
from service.contacts.importing import load_list
from service.errors import Refused, RequestError
from service.mail.outbox import render
from service.runtime.context import Answer, Context, Download

NEXT_PASSWORD = {"metadata": {"step": "password"}}
COMPLETE = {"metadata": {"step": "complete"}}
"""The next form of the frontend (docs/frontend-contract.md#sign-up)."""


async def check_token(ctx: Context, secret: str) -> Answer:
    """Describe the link of a mail to the page that it opens."""
    try:
        link = await describe_link(ctx, secret)
    except (Refused, RequestError) as refusal:
        if not ctx.from_frontend:
            raise
        # Without a step its pages show a message; without metadata they stay blank.
        return {"status": refusal.code, "metadata": {}}
    return {
        "method": link["method"],
        "status": "active",
        "email": link["email"],
        "name": link["inviter"],
        "inviter": link["inviter"],
        **NEXT_PASSWORD,
    }


async def signup(ctx: Context, email: str, lang: str) -> Answer:
    """Mail a link for an account, on a site that is open to everybody."""
    await request_account(ctx, email, lang)
    return {"status": "ok", "email": email}


async def b2c_signup_password(
    ctx: Context, secret: str, firstname: str, lastname: str, password: str, lang: str | None
) -> Answer:
    """Make the account of the person who follows the link, and sign in."""
    email = await sign_up(ctx, secret, firstname, lastname, password, lang)
    return {"method": SIGNUP, "email": email, **COMPLETE}


async def get_reset_token(ctx: Context, email: str, lang: str) -> Answer:
    """Mail a link for a new password; the answer does not tell whether there is an account."""
    await send_link(ctx, FORGOT_PASSWORD, email, lang)
    return {"status": "ok", "email": email}


async def set_password(ctx: Context, secret: str, id: str, password: str) -> Answer:  # noqa: A002
    """Set the password by the link of a mail, and sign in."""
    await reset_password(ctx, secret, id, password)
    return {"method": FORGOT_PASSWORD, "id": id, **COMPLETE}


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
        raise RequestError.not_signed_in()
    (verifier_rows,) = await ctx.yp("get_redirect_state", state, ctx.caller.uid)
    if error or not code:
        return _page(ctx, loaded=0)
    contacts = await google.contacts(ctx.settings, code, verifier_rows[0][0])
    report = await load_list(ctx, contacts, LoadOptions(), "google")
    return _page(ctx, **report)


def _page(ctx: Context, **values: Any) -> Download:
    """Return a page for the pop-up window."""
    text = render("google.html", (ctx.caller.lang or "en")[:2], values)

    async def chunks() -> AsyncIterator[bytes]:
        yield text.encode()

    return Download("", "text/html", chunks())

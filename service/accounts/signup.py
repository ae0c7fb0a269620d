"""Sign up by the link of a mail, and refuse an invitation without an account."""

from __future__ import annotations

from typing import Any

from service.accounts.mails import send_link
from service.accounts.strength import require_strength
from service.auth.passwords import make_hash
from service.contacts import invitations
from service.contacts.invitations import Joiner, Joining
from service.errors import RequestError
from service.runtime.context import Context
from service.runtime.sessions import continue_as
from service.settings import SIGNUP_CLOSED, SIGNUP_OPEN
from service.store.database import ResultSet, Transaction, document

SIGNUP, FORGOT_PASSWORD = "signup", "forgot_password"
"""The purposes of a link."""


async def describe_link(ctx: Context, secret: str) -> dict[str, Any]:
    """Return purpose, address, account and inviter of a link; see `token_show`."""
    (link_rows,) = await ctx.yp("token_show", secret)
    link: dict[str, Any] = document(link_rows)
    if link["method"] == SIGNUP and ctx.settings.signup == SIGNUP_CLOSED:
        raise _closed()
    return link


async def sign_up(
    ctx: Context, secret: str, firstname: str, lastname: str, password: str, lang: str | None
) -> str:
    """Make the account of the person who follows a link, and sign them in; return their email address.

    Both sides of the invitation are contacts afterwards, and the inviter is notified. Other users who invited
    the same address wait for an answer.
    """
    link = await describe_link(ctx, secret)
    if link["method"] != SIGNUP:
        raise RequestError(400, "INVALID_TOKEN", "the link is for a new password", protocol=False)
    await require_strength(ctx, password, [firstname, lastname, link["email"]])
    password_hash = await make_hash(password)
    lang = lang or link["lang"] or "en"

    async def unit(tx: Transaction) -> tuple[str, Joining | None]:
        account_rows, link_rows = await tx.call(
            "yp", "drumate_signup", secret, password_hash, firstname, lastname, lang
        )
        ((uid, _wicket, shard),) = account_rows
        if document(link_rows)["inviter"] is None:
            return uid, None
        return uid, await invitations.join_in(tx, Joiner(uid, shard, lang), secret, bind=False)

    uid, joining = await ctx.db.transaction("sign_up", unit)
    # the inviter reads in the push who has come
    await continue_as(ctx, uid)
    if joining is not None:
        invitations.push_acceptance(ctx, joining.own, joining.peer, joining.inviter)
    return str(link["email"])


async def request_account(ctx: Context, email: str, lang: str) -> None:
    """Mail a link for an account to an address that nobody has invited; RequestError 403 unless that is open.

    The answer does not tell whether the address has an account.
    """
    if ctx.settings.signup != SIGNUP_OPEN:
        raise RequestError(
            403, "SIGNUP_BY_INVITATION", "Accounts are made by invitation here.", protocol=False
        )
    await send_link(ctx, SIGNUP, email, lang)


async def refuse(ctx: Context, secret: str) -> None:
    """Refuse the invitation of a mail; notify the inviter."""

    async def unit(tx: Transaction) -> list[ResultSet]:
        (link_rows,) = await tx.call("yp", "token_refuse", secret)
        link = document(link_rows)
        return await tx.call(link["db"], "contact_invite_declined", link["inviter"], link["email"])

    update_rows, socket_rows = await ctx.db.transaction("refuse_invitation", unit)
    ctx.push("contact.invite_refuse", document(update_rows), socket_rows)


def _closed() -> RequestError:
    return RequestError(403, "SIGNUP_CLOSED", "This site makes no accounts.", protocol=False)

"""Mail the link that proves an address."""

from __future__ import annotations

import secrets

from service.errors import RequestError
from service.runtime.context import Context
from service.store.database import document
from service.web.address import address_key
from service.web.email_address import normal_email


async def send_link(ctx: Context, purpose: str, email: str, lang: str) -> None:
    """Mail a link to an address, if `account_mail_open` allows it; RequestError for too many, or no address.

    The mail is sent in the background: the time of the answer does not tell whether there is one.
    """
    address = normal_email(email)
    if address is None:
        raise RequestError(400, "INVALID_PARAM", "This is not an email address.")
    wait = await ctx.passwords.admit_mail(address_key(ctx.address))
    if wait:
        reason = "Your network has asked for too many mails. Please wait an hour."
        raise RequestError.too_many("TOO_MANY_MAILS", reason, wait)
    (mail_rows,) = await ctx.yp(
        "account_mail_open", purpose, address, lang, secrets.token_urlsafe(24), secrets.token_hex(8)
    )
    mail = document(mail_rows)["mail"]
    if mail:
        ctx.after_commit.append(lambda: ctx.mailer.deliver_later(mail))

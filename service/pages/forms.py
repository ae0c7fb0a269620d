"""The forms: the fields that each takes, the page that shows it, and the work that it asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import Schema

from service.accounts import signup
from service.accounts.mails import send_link
from service.accounts.passwords import reset_password
from service.accounts.signup import FORGOT_PASSWORD, describe_link
from service.contacts import invitations
from service.errors import RequestError
from service.runtime.context import Context
from service.runtime.sessions import check_password, continue_as
from service.settings import SIGNUP_OPEN
from service.store.database import documents
from service.web.fields import build_schema

UNANSWERED = {"received", "invitation"}
NO_LINK = "This link does not exist."

Place = Mapping[str, str]
"""The variable parts of the path, and `lang`, the language of the reader."""


@dataclass(frozen=True)
class Page:
    """A template and its values."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True)
class Form:
    """A page with a form."""

    name: str
    fields: Mapping[str, Mapping[str, Any]]
    """Declared like the parameters of a service (acl/README.md)."""
    show: Callable[[Context, Place], Awaitable[Page]]
    send: Callable[[Context, Place, dict[str, Any]], Awaitable[Page]]

    @property
    def schema(self) -> Schema:
        """Return the validation of the fields."""
        return build_schema(self.fields)


async def _show_invitation(ctx: Context, place: Place) -> Page:
    link = await describe_link(ctx, place["secret"])
    if link["method"] == FORGOT_PASSWORD:
        raise RequestError(404, "INVALID_TOKEN", NO_LINK)
    return Page("invitation.html", link)


async def _answer_invitation(ctx: Context, place: Place, values: dict[str, Any]) -> Page:
    secret = place["secret"]
    if values.get("answer") == "no":
        link = await describe_link(ctx, secret)
        await signup.refuse(ctx, secret)
        return Page("refused.html", link)
    if not values.get("firstname") or not values.get("password"):
        raise RequestError(400, "MISSING_PARAM", "Please write your first name and a password.")
    email = await signup.sign_up(
        ctx, secret, values["firstname"], values.get("lastname") or "", values["password"], place["lang"]
    )
    return Page("welcome.html", {"email": email, "firstname": values["firstname"]})


async def _show_signup(ctx: Context, _place: Place) -> Page:
    if ctx.settings.signup != SIGNUP_OPEN:
        raise RequestError(403, "SIGNUP_BY_INVITATION", "Accounts are made by invitation here.")
    return Page("address.html", {"purpose": "signup"})


async def _ask_for_account(ctx: Context, place: Place, values: dict[str, Any]) -> Page:
    await signup.request_account(ctx, values["email"], place["lang"])
    return Page("mailed.html", {"email": values["email"]})


async def _show_forgotten(_ctx: Context, _place: Place) -> Page:
    return Page("address.html", {"purpose": "password"})


async def _ask_for_password(ctx: Context, place: Place, values: dict[str, Any]) -> Page:
    await send_link(ctx, FORGOT_PASSWORD, values["email"], place["lang"])
    return Page("mailed.html", {"email": values["email"]})


async def _show_password(ctx: Context, place: Place) -> Page:
    link = await describe_link(ctx, place["secret"])
    if link["method"] != FORGOT_PASSWORD or link["uid"] != place["uid"]:
        raise RequestError(404, "INVALID_TOKEN", NO_LINK)
    return Page("password.html", link)


async def _set_password(ctx: Context, place: Place, values: dict[str, Any]) -> Page:
    link = await describe_link(ctx, place["secret"])
    await reset_password(ctx, place["secret"], place["uid"], values["password"])
    return Page("password_set.html", {"email": link["email"]})


async def _show_invitations(ctx: Context, _place: Place) -> Page:
    if not ctx.caller.signed_in:
        return Page("sign_in.html")
    (notification_rows,) = await ctx.shard("contact_notification_get")
    waiting = [row for row in documents(notification_rows) if row["status"] in UNANSWERED]
    return Page("invitations.html", {"invitations": waiting, "email": ctx.caller.email})


async def _answer_invitations(ctx: Context, place: Place, values: dict[str, Any]) -> Page:
    if not values.get("answer"):
        await _sign_in(ctx, values.get("ident") or "", values.get("password") or "")
    elif not ctx.caller.signed_in:
        raise RequestError(400, "NOT_SIGNED_IN", "Please sign in first.")
    elif values["answer"] == "yes":
        await invitations.accept(ctx, values.get("inviter") or "")
    else:
        await invitations.refuse(ctx, values.get("inviter") or "")
    return await _show_invitations(ctx, place)


async def _sign_in(ctx: Context, ident: str, password: str) -> None:
    outcome = await check_password(ctx, ident, password)
    if outcome.uid is None:
        wait = outcome.refusal.get("retry_after")
        if wait:
            raise RequestError.too_many("BLOCKED", "Too many attempts. Please wait a while.", wait)
        raise RequestError(400, "WRONG_CREDENTIALS", "The address or the password is wrong.")
    await continue_as(ctx, outcome.uid)


NAME = {"type": "string", "required": False, "maxLength": 255}
PASSWORD = {"type": "string", "required": True, "maxLength": 1024, "format": "secret"}
EMAIL = {"email": {"type": "string", "required": True, "maxLength": 255}}
INVITATION = {
    "answer": {"type": "string", "required": False, "maxLength": 3},
    "firstname": NAME,
    "lastname": NAME,
    "password": {**PASSWORD, "required": False},
}
ANSWER = {
    "answer": {"type": "string", "required": False, "maxLength": 3},
    "inviter": {"type": "string", "required": False, "maxLength": 16},
    "ident": NAME,
    "password": {**PASSWORD, "required": False},
}
LINK = "{secret:[A-Za-z0-9_-]{1,64}}"

FORMS = {
    f"/-/invitation/{LINK}": Form("invitation", INVITATION, _show_invitation, _answer_invitation),
    "/-/invitations": Form("invitations", ANSWER, _show_invitations, _answer_invitations),
    "/-/signup": Form("signup", EMAIL, _show_signup, _ask_for_account),
    "/-/password": Form("forgotten", EMAIL, _show_forgotten, _ask_for_password),
    f"/-/password/{{uid:[0-9a-f]{{16}}}}/{LINK}": Form(
        "password", {"password": PASSWORD}, _show_password, _set_password
    ),
}
"""By path."""

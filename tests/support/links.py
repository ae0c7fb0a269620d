"""Links of mails, as the people who get them find them."""

from __future__ import annotations

import secrets

from tests.support.mail import Postman, body_of
from tests.support.people import Person

PASSWORD = "nine loud yellow trains"
"""Not the one that the people of the tests have."""
PAGES = ("/#/welcome/", "/-/invitation", "/-/password/")
"""Pages for links: those of the frontend, then our own."""


def new_address() -> str:
    """Return an address without an account."""
    return f"dora.{secrets.token_hex(6)}@else.example"


async def invite(inviter: Person, postman: Postman, address: str, **names: str) -> str:
    """Invite an address; return the secret of the link in the mail."""
    await inviter.ok("contact.invite", email=address, message="Come in", **names)
    return link_to(postman, address).rpartition("/")[2]


def link_to(postman: Postman, address: str) -> str:
    """Return the link in the newest mail to an address."""
    body = body_of(postman.to(address)[-1])
    return next(word for word in body.split() if any(page in word for page in PAGES))

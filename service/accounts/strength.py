"""Refuse passwords that are easy to guess."""

from __future__ import annotations

import re

from zxcvbn import zxcvbn

from service.auth.passwords import on_thread
from service.errors import RequestError
from service.runtime.context import Context
from service.web.address import address_key

LEAST_LENGTH = 8
JUDGED = 16
"""Characters that are judged. They are enough to decide, and zxcvbn takes up to 80 ms for these; for 64 signs
that may stand for letters it would take seconds."""
LEAST_SCORE = 3
"""Of zxcvbn, 0 to 4: more than a hundred million guesses."""
WEAK = "WEAK_PASSWORD"


async def require_strength(ctx: Context, password: str, personal: list[str]) -> None:
    """Raise RequestError 400 when a password is short or easy to guess, 429 after too many attempts.

    `personal` has the names and the address of the user, which are easy to guess for them.
    """
    wait = await ctx.passwords.admit_choice(address_key(ctx.address))
    if wait:
        reason = "Your network has tried too many passwords. Please wait an hour."
        raise RequestError.too_many("TOO_MANY_PASSWORDS", reason, wait)
    problem = await on_thread(lambda: _weakness(password, personal))
    if problem:
        raise RequestError(400, WEAK, problem, protocol=False)


def _weakness(password: str, personal: list[str]) -> str:
    """Return why a password is refused, as a sentence for people, or ""."""
    if len(password) < LEAST_LENGTH:
        return "The password needs at least 8 characters."
    words = {word for text in personal for word in (text.partition("@")[0], *re.split(r"\W+", text)) if word}
    if zxcvbn(password[:JUDGED], sorted(words))["score"] < LEAST_SCORE:
        return "This password is easy to guess. Take several words that do not belong together."
    return ""

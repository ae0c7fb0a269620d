"""Refuse passwords that are easy to guess."""

from __future__ import annotations

from zxcvbn import zxcvbn

from service.errors import RequestError

LEAST_LENGTH = 8
JUDGED = 64
"""Characters that are judged: the time grows faster than the length, and this many are enough to decide."""
LEAST_SCORE = 3
"""Of zxcvbn, 0 to 4: more than a hundred million guesses."""
WEAK = "WEAK_PASSWORD"


def check_strength(password: str, personal: list[str]) -> None:
    """Raise RequestError 400 when a password is short or easy to guess.

    `personal` has the names and the address of the user, which are easy to guess for them.
    """
    if len(password) < LEAST_LENGTH:
        raise _weak("The password needs at least 8 characters.")
    if zxcvbn(password[:JUDGED], [text for text in personal if text])["score"] < LEAST_SCORE:
        raise _weak("This password is easy to guess. Take several words that do not belong together.")


def _weak(reason: str) -> RequestError:
    # The frontend shows the form again when it reads this step.
    data = {"metadata": {"step": "password"}}
    return RequestError(400, WEAK, reason, protocol=False, data=data)

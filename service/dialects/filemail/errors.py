"""Error names and codes of this API, and what the codes of our routines are called in it."""

from __future__ import annotations

from service.errors import Refused

UNKNOWN_ERROR = ("UnknownError", 1001)
INVALID_PARAMETER = ("InvalidParameter", 1002)
PARAMETER_MISSING = ("InputParameterMissing", 1003)
INVALID_EMAIL = ("InvalidEmail", 1004)
NOT_FOUND = ("NotFound", 1005)
INTERRUPTION = ("ServiceInterruption", 1009)
WRONG_PASSWORD = ("WrongUsernamePassword", 2001)
INVALID_TOKEN = ("InvalidOrExpiredLoginToken", 2003)
ACCESS_DENIED = ("AccessDenied", 2008)
INVALID_REQUEST = ("InvalidRequest", 2010)

REFUSALS = {
    "ALREADY_IN_CONTACT": "Contact already exists: {email}",
    "SELF_CONTACT": "Parameter 'email' is your own address: {email}",
    "SAME_DOMAIN": "Parameter 'email' belongs to a colleague, who needs no contact: {email}",
    "CONACT_NOT_EXIST": "Contact not found",
    "CONTACT_NOT_FOUND": "Contact not found",
    "GROUP_NOT_FOUND": "Contact group not found",
    "GROUP_EXISTS": "Contact group already exists: {name}",
}
"""Codes of our routines that a caller can bring about: all are 1002 here."""


def kinds() -> list[tuple[str, int]]:
    """Every error of this API: (name, code)."""
    return sorted(
        (value for value in globals().values() if isinstance(value, tuple)), key=lambda kind: kind[1]
    )


class ApiError(Exception):
    """Ends a request with an error of this API."""

    def __init__(self, kind: tuple[str, int], message: str) -> None:
        super().__init__(message)
        self.name, self.code = kind
        self.message = message


def refused(refusal: Refused, given: dict[str, str]) -> ApiError | None:
    """What a routine's code is called here; None for one that no caller of this API can bring about."""
    text = REFUSALS.get(refusal.code)
    if text is None:
        return None
    shown = {"email": given.get("email", ""), "name": given.get("name", "")}
    return ApiError(INVALID_PARAMETER, text.format(**shown))

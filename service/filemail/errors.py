"""Error names and codes of this API, and the refusals of our routines in its words."""

from __future__ import annotations

from service.errors import Failure, Refusal, RequestError

ErrorKind = tuple[str, int]
"""Name and code of an error."""

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

ERROR_KINDS: tuple[ErrorKind, ...] = (
    UNKNOWN_ERROR,
    INVALID_PARAMETER,
    PARAMETER_MISSING,
    INVALID_EMAIL,
    NOT_FOUND,
    INTERRUPTION,
    WRONG_PASSWORD,
    INVALID_TOKEN,
    ACCESS_DENIED,
    INVALID_REQUEST,
)
"""Every error of this API, by code."""

REFUSALS = {
    "ALREADY_IN_CONTACT": "Contact already exists: {email}",
    "SELF_CONTACT": "Parameter 'email' is your own address: {email}",
    "SAME_DOMAIN": "Parameter 'email' belongs to a colleague, who needs no contact: {email}",
    "CONTACT_NOT_FOUND": "Contact not found",
    "ALREADY_DELETED": "Contact not found",
    "GROUP_NOT_FOUND": "Contact group not found",
    "GROUP_EXISTS": "Contact group already exists: {name}",
}
"""Messages for the codes of our routines that a request can cause; the error is always InvalidParameter."""


def filemail_error(kind: ErrorKind, message: str) -> RequestError:
    """Return an error of this API; its HTTP status is always 200."""
    name, code = kind
    return RequestError(200, name, message, data={"errorcode": code})


def name_refusal(refusal: Refusal, params: dict[str, str]) -> RequestError | None:
    """Return the error of this API for a refusal; None for a code that no request of it can cause."""
    text = REFUSALS.get(refusal.code)
    if text is None:
        return None
    values = {"email": params.get("email", ""), "name": params.get("name", "")}
    return filemail_error(INVALID_PARAMETER, text.format(**values))


INTERRUPTED = filemail_error(INTERRUPTION, "The service is interrupted, try again soon")
FAILURES = {
    Failure.MOVING: filemail_error(INTERRUPTION, "Your data is being moved, try again soon"),
    Failure.UNAVAILABLE: INTERRUPTED,
    Failure.TIMEOUT: INTERRUPTED,
    Failure.BODY_TOO_LARGE: filemail_error(INVALID_REQUEST, "The body is too large"),
    Failure.BODY_UNREADABLE: filemail_error(INVALID_REQUEST, "The body cannot be read"),
    Failure.BODY_SLOW: filemail_error(INVALID_REQUEST, "The body did not arrive in time"),
    Failure.BODY_ENCODED: filemail_error(INVALID_REQUEST, "The body must not be compressed"),
    Failure.RATE_LIMITED: filemail_error(
        INTERRUPTION, "At most {rate_limit} requests a minute, try again soon"
    ),
    Failure.TOO_MANY_AT_ONCE: filemail_error(
        INTERRUPTION, "Too many of your requests wait already, try again soon"
    ),
    Failure.UNEXPECTED: filemail_error(UNKNOWN_ERROR, "An error on our side"),
}
"""Failures of the service in the words of this API."""

"""Errors as WebDAV writes them: a status, and the condition that the request breaks."""

from __future__ import annotations

from service.carddav.xml import element
from service.errors import Failure, Refusal, RequestError

XML_TYPE = "application/xml"
TRY_AGAIN = {"Retry-After": "2"}
CHALLENGE = {"WWW-Authenticate": 'Basic realm="Contacts", charset="UTF-8"'}


def dav_error(
    status: int,
    code: str,
    reason: str,
    condition: str = "",
    content: str = "",
    headers: dict[str, str] | None = None,
) -> RequestError:
    """Return an error. `condition` is the expanded name of a precondition, `content` the XML in it."""
    data = {"condition": element(condition, content)} if condition else {}
    return RequestError(status, code, reason, data=data, headers=headers)


def unauthorized() -> RequestError:
    """Return 401: no app password, or none that opens this account."""
    return dav_error(401, "UNAUTHORIZED", "Sign in with an app password", headers=CHALLENGE)


def not_found() -> RequestError:
    """Return 404: there is nothing, or nothing of the caller's."""
    return dav_error(404, "NOT_FOUND", "Not found")


def bad_xml() -> RequestError:
    """Return 400 for a body that is not the XML of this request."""
    return dav_error(400, "INVALID_XML", "The body is not the XML that this request needs")


REFUSALS: dict[str, tuple[int, str]] = {
    "CONTACT_NOT_FOUND": (404, "Not found"),
    "ALREADY_DELETED": (404, "Not found"),
    "PRECONDITION_FAILED": (412, "The card has changed since it was read"),
    "SELF_CONTACT": (403, "This email address is the user's own"),
    "SAME_DOMAIN": (403, "This email address belongs to a colleague, who needs no contact"),
    "CONFLICT": (409, "Two contacts have a relation with the same person"),
    "TOO_LARGE": (413, "More than a contact may have"),
    "INVALID_PARAM": (403, "A value is invalid"),
    "NO_NAME": (403, "The card has no name"),
}
"""(status, message) for the codes of our routines that a request can cause."""


def name_refusal(refusal: Refusal) -> RequestError | None:
    """Return the error of this API for a refusal; None for a code that no request of it can cause."""
    if refusal.code not in REFUSALS:
        return None
    status, message = REFUSALS[refusal.code]
    return dav_error(status, refusal.code, message)


UNAVAILABLE = dav_error(503, "UNAVAILABLE", "Try again: the database is not available", headers=TRY_AGAIN)
FAILURES = {
    Failure.MOVING: dav_error(503, "MOVING", "Try again: this data is being moved", headers=TRY_AGAIN),
    Failure.UNAVAILABLE: UNAVAILABLE,
    Failure.TIMEOUT: UNAVAILABLE,
    Failure.BODY_TOO_LARGE: dav_error(413, "BODY_TOO_LARGE", "The body is too large"),
    Failure.BODY_UNREADABLE: dav_error(400, "BODY_UNREADABLE", "The body cannot be read"),
    Failure.BODY_SLOW: dav_error(408, "BODY_SLOW", "The body did not arrive in time"),
    Failure.BODY_ENCODED: dav_error(415, "BODY_ENCODED", "Send the body uncompressed"),
    Failure.RATE_LIMITED: dav_error(429, "RATE_LIMITED", "At most {rate_limit} requests a minute"),
    Failure.TOO_MANY_AT_ONCE: dav_error(
        429, "TOO_MANY_AT_ONCE", "Too many of your requests wait already", headers=TRY_AGAIN
    ),
    Failure.UNEXPECTED: dav_error(500, "SERVICE_FAILED", "An error on our side"),
}
"""Failures of the service in the words of this API."""

"""Error codes of this API with their statuses, and the refusals of our routines in its words."""

from __future__ import annotations

from typing import Any

from service.errors import Failure, Refusal, RequestError

STATUSES = {
    "VALIDATION_ERROR": 400,
    "INVALID_QUERY": 400,
    "USER_CONTEXT_REQUIRED": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "INSUFFICIENT_SCOPE": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "REQUEST_TIMEOUT": 408,
    "CONFLICT": 409,
    "ALREADY_DELETED": 409,
    "NOT_DELETED": 409,
    "GONE": 410,
    "PRECONDITION_FAILED": 412,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "UNPROCESSABLE": 422,
    "UPGRADE_REQUIRED": 426,
    "RATE_LIMITED": 429,
    "INTERNAL_ERROR": 500,
    "SERVICE_UNAVAILABLE": 503,
}

REFUSALS: dict[str, tuple[str, str]] = {
    "CONTACT_NOT_FOUND": ("NOT_FOUND", "Contact not found"),
    "ALREADY_DELETED": ("ALREADY_DELETED", "The contact is in the trash already"),
    "NOT_DELETED": ("NOT_DELETED", "The contact is not in the trash"),
    "PRECONDITION_FAILED": ("PRECONDITION_FAILED", "The contact has changed since it was read"),
    "NO_NAME": ("VALIDATION_ERROR", "display_name is required, or first_name or last_name to build it from"),
    "INVALID_PARAM": ("VALIDATION_ERROR", "A field is invalid"),
    "MANY_DEFAULT_EMAIL": ("VALIDATION_ERROR", "emails has more than one primary entry"),
    "CONFLICT": ("CONFLICT", "Two contacts have a relation with the same person"),
    "TOO_LARGE": ("UNPROCESSABLE", "More than a contact may have"),
    "SELF_CONTACT": ("UNPROCESSABLE", "This email address is your own"),
    "SAME_DOMAIN": ("UNPROCESSABLE", "This email address belongs to a colleague, who needs no contact"),
    "KEY_IN_USE": ("CONFLICT", "The first request with this Idempotency-Key is still running"),
    "KEY_REUSED": ("UNPROCESSABLE", "This Idempotency-Key was used with a different request"),
    "WEBHOOK_LIMIT": ("CONFLICT", "You have as many webhooks as a person may have"),
    "WEBHOOK_NOT_FOUND": ("NOT_FOUND", "There is no such webhook"),
    "DELIVERY_NOT_FOUND": ("NOT_FOUND", "There is no such delivery, or it is more than three days ago"),
    "NO_SUCH_USER": ("UNPROCESSABLE", "There is no such user, or the account cannot be used"),
    "TOO_MANY_APP_PASSWORDS": ("UNPROCESSABLE", "You have too many app passwords: revoke one first"),
    "IMPORT_NOT_FOUND": ("NOT_FOUND", "No such import, or it is more than a week ago"),
    "IMPORT_ENDED": ("CONFLICT", "The import has ended"),
    "NO_SUCH_STATE": ("UNPROCESSABLE", "The contact had no state at that revision"),
    "NO_HISTORY": ("GONE", "The history of the contact does not go back that far"),
    "TOO_OLD": ("GONE", "Changes since that token are no longer available: read all contacts again"),
}
"""(code, message) of this API for the codes of our routines that a request can cause."""


def rest_error(
    code: str, message: str, details: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> RequestError:
    """Return an error of this API, with the status of its code."""
    return RequestError(STATUSES[code], code, message, data=details, headers=headers)


def name_refusal(refusal: Refusal) -> RequestError | None:
    """Return the error of this API for a refusal; None for a code that no request of it can cause."""
    if refusal.code not in REFUSALS:
        return None
    code, message = REFUSALS[refusal.code]
    if refusal.code == "NO_NAME":
        return rest_error(code, message, {"field": "display_name", "constraint": "required"})
    if refusal.field:
        details = {"field": refusal.field, "constraint": refusal.reason}
        return rest_error(code, f"{refusal.field}: {refusal.reason}", details)
    return rest_error(code, message)


def invalid_body(problem: str) -> RequestError:
    """Return 400 for a body that is not JSON."""
    return rest_error("VALIDATION_ERROR", f"The body {problem}", {"field": "", "constraint": "json"})


TRY_AGAIN = {"Retry-After": "2"}
FAILURES = {
    Failure.MOVING: rest_error(
        "SERVICE_UNAVAILABLE",
        "Try again: this data is being moved and is not available",
        headers=TRY_AGAIN,
    ),
    Failure.UNAVAILABLE: rest_error(
        "SERVICE_UNAVAILABLE", "Try again: the database is not available", headers=TRY_AGAIN
    ),
    Failure.TIMEOUT: rest_error(
        "SERVICE_UNAVAILABLE", "Try again: the database is not available", headers=TRY_AGAIN
    ),
    Failure.BODY_TOO_LARGE: rest_error("PAYLOAD_TOO_LARGE", "The body is too large"),
    Failure.BODY_UNREADABLE: invalid_body("cannot be read"),
    Failure.BODY_SLOW: rest_error("REQUEST_TIMEOUT", "The body did not arrive in time"),
    Failure.BODY_ENCODED: rest_error("UNSUPPORTED_MEDIA_TYPE", "Send the body uncompressed"),
    Failure.RATE_LIMITED: rest_error("RATE_LIMITED", "At most {rate_limit} requests a minute"),
    Failure.TOO_MANY_AT_ONCE: rest_error(
        "RATE_LIMITED", "Too many of your requests wait already", headers=TRY_AGAIN
    ),
    Failure.UNEXPECTED: rest_error(
        "INTERNAL_ERROR", "Something went wrong on our side. Please try again later."
    ),
}
"""Failures of the service in the words of this API."""


def invalid(field: str, constraint: str, sentence: str) -> RequestError:
    """Return 400 for a body: a field, the rule that it breaks, and a sentence to follow its name."""
    return rest_error("VALIDATION_ERROR", f"{field} {sentence}", {"field": field, "constraint": constraint})


def invalid_query(field: str, constraint: str, sentence: str) -> RequestError:
    """Return 400 for a query, as `invalid` does for a body."""
    return rest_error("INVALID_QUERY", f"{field} {sentence}", {"field": field, "constraint": constraint})


def not_found() -> RequestError:
    """Return 404: the contact does not exist, or is not the caller's."""
    return rest_error("NOT_FOUND", "Contact not found")


def unauthorized() -> RequestError:
    """Return 401 with the message that clients of this API know."""
    return rest_error(
        "UNAUTHORIZED",
        "Invalid or missing authentication token",
        headers={"WWW-Authenticate": 'Bearer realm="/api/v1"'},
    )

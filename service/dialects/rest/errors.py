"""Error codes of this API with their statuses, and what the codes of our routines are called in it."""

from __future__ import annotations

from typing import Any

from service.errors import Refused

STATUSES = {
    "VALIDATION_ERROR": 400,
    "INVALID_QUERY": 400,
    "USER_CONTEXT_REQUIRED": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "INSUFFICIENT_SCOPE": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
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
    "NO_NAME": ("VALIDATION_ERROR", "display_name is required, or first_name or last_name to make it of"),
    "INVALID_PARAM": ("VALIDATION_ERROR", "A field cannot be used"),
    "MANY_DEFAULT_EMAIL": ("VALIDATION_ERROR", "emails has more than one primary entry"),
    "ALREADY_IN_CONTACT": ("CONFLICT", "Another contact has this e-mail address"),
    "CONFLICT": ("CONFLICT", "Another contact has the same address, or is the same person"),
    "TOO_LARGE": ("UNPROCESSABLE", "More than a contact may have"),
    "SELF_CONTACT": ("UNPROCESSABLE", "This e-mail address is your own"),
    "SAME_DOMAIN": ("UNPROCESSABLE", "This e-mail address is that of a colleague, who needs no contact"),
    "KEY_IN_USE": ("CONFLICT", "The first request with this Idempotency-Key is still at work"),
    "KEY_REUSED": ("UNPROCESSABLE", "This Idempotency-Key came with another request before"),
    "NO_SUCH_USER": ("UNPROCESSABLE", "There is no such person, or his account cannot be used"),
    "TOO_OLD": ("GONE", "Changes since then are not known any more: read everything again"),
}
"""Codes of our routines that a caller can bring about: (code, message) here."""


class ApiError(Exception):
    """Ends a request with an error of this API."""

    def __init__(
        self,
        code: str,
        message: str,
        details: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = STATUSES[code]
        self.code = code
        self.message = message
        self.details = details or {}
        self.headers = headers or {}


def refused(refusal: Refused) -> ApiError | None:
    """What a routine's code is called here; None for one that no caller of this API can bring about."""
    found = REFUSALS.get(refusal.code)
    if found is None:
        return None
    code, message = found
    if refusal.code == "NO_NAME":
        return ApiError(code, message, {"field": "display_name", "constraint": "required"})
    if refusal.clash:
        field, address = refusal.clash
        details = {"field": field, "constraint": "unique"}
        return ApiError(code, f"Another contact has the address {address}", details)
    if refusal.code in {"INVALID_PARAM", "TOO_LARGE"}:
        # the detail is `name: why`
        field, _, why = refusal.detail.partition(":")
        return ApiError(code, refusal.detail or message, {"field": field, "constraint": why.strip()})
    return ApiError(code, message)


def invalid(field: str, constraint: str, sentence: str) -> ApiError:
    """400 for a body: which field, and which rule it breaks."""
    return ApiError("VALIDATION_ERROR", f"{field} {sentence}", {"field": field, "constraint": constraint})


def invalid_query(field: str, constraint: str, sentence: str) -> ApiError:
    """400 for a query."""
    return ApiError("INVALID_QUERY", f"{field} {sentence}", {"field": field, "constraint": constraint})


def not_found() -> ApiError:
    """404: there is no such contact, at least not for this caller."""
    return ApiError("NOT_FOUND", "Contact not found")


def unauthorized() -> ApiError:
    """401, with the words that the clients know."""
    return ApiError(
        "UNAUTHORIZED",
        "Invalid or missing authentication token",
        headers={"WWW-Authenticate": 'Bearer realm="/api/v1"'},
    )

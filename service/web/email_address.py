"""Email addresses, apart from the fields: the reader of address books starts without marshmallow."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

LONGEST = 1000
"""Characters, with white space around them. No address is as long, and to examine a text takes time."""


def normal_email(text: str) -> str | None:
    """Return an email address as it is stored, or None for any other text."""
    if len(text) > LONGEST:
        return None
    try:
        # test_environment admits the domain .test, which installations use for trials.
        address = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return address.normalized.lower()

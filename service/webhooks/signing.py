"""The secrets that sign webhooks, in the form of Standard Webhooks: made here, or written in a file."""

from __future__ import annotations

import base64
import binascii
import secrets

PREFIX = "whsec_"
BYTES = (24, 42)
"""At least what Standard Webhooks asks for; at most what the column takes."""


def new_secret() -> str:
    """Return a new secret."""
    return f"{PREFIX}{base64.b64encode(secrets.token_bytes(BYTES[0])).decode()}"


def is_secret(text: str) -> bool:
    """Return whether a text has the form of a secret."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(PREFIX) and BYTES[0] <= len(key) <= BYTES[1]

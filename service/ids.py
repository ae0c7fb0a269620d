"""Ids as clients send them; ids of the store, 16 hex digits, as UUIDs of the REST API and back.

A UUID has the digits of the id, the version and variant of a random UUID between them, and zeros at the end.
"""

from __future__ import annotations

import re

ID = re.compile(r"[0-9A-Za-z_.*-]{1,64}")
"""An id in a request."""
SOCKET_ID = re.compile(r"[0-9a-f]{24}")
"""Id of a WebSocket of the frontend."""
STORE_ID = re.compile(r"[0-9a-f]{16}")
STORE_UUID = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-4([0-9a-f]{3})-8([0-9a-f])00-0{12}")


def to_wire(key: str) -> str:
    """Return the UUID of an id."""
    return f"{key[:8]}-{key[8:12]}-4{key[12:15]}-8{key[15]}00-000000000000"


def from_uuid(text: str) -> str | None:
    """Return the id in a UUID; None for any other UUID or text."""
    match = STORE_UUID.fullmatch(text.lower())
    return "".join(match.groups()) if match else None


def from_wire(text: str) -> str | None:
    """Return the id in a UUID, or the id itself; None for any other text."""
    return text.lower() if STORE_ID.fullmatch(text.lower()) else from_uuid(text)

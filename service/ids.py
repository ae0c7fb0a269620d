"""Ids as the REST API shows them: our 16 hex digits, the marks of a random UUID between, zeros behind."""

from __future__ import annotations

import re

OURS = re.compile(r"[0-9a-f]{16}")
WIRE = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-4([0-9a-f]{3})-8([0-9a-f])00-0{12}")


def to_wire(key: str) -> str:
    """The UUID of an id of ours."""
    return f"{key[:8]}-{key[8:12]}-4{key[12:15]}-8{key[15]}00-000000000000"


def from_uuid(text: str) -> str | None:
    """The id behind a UUID; None for what is no UUID of ours."""
    found = WIRE.fullmatch(text.lower())
    return "".join(found.groups()) if found else None


def from_wire(text: str) -> str | None:
    """The id behind a UUID, or that id itself; None for what can be no id of ours."""
    return text.lower() if OURS.fullmatch(text.lower()) else from_uuid(text)

"""What the other APIs have in common: a caller from the answer of a gate, and work that is told after it."""

from __future__ import annotations

import orjson

from service.context import Context
from service.errors import EntityMovingError
from service.session import NOBODY, Caller

STRANGER = Caller(
    uid=NOBODY, signed_in=0, stale=0, expiry=None, dom_id=None, db=None, firstname=None, lastname=None,
    fullname=None, username=None, email=None, lang=None, guest_name=None, hub=None, area=None, hub_db=None,
    hub_owner=None, level=0, moving=0,
)  # fmt: skip
"""Who calls before he has shown anything."""


def caller_of(data: str, *, stale: int = 0, expiry: int | None = None) -> Caller:
    """The caller in a row of caller_card; EntityMovingError while he is on his way to another shard."""
    caller = Caller(**orjson.loads(data), stale=stale, expiry=expiry)
    if caller.moving:
        raise EntityMovingError(f"{caller.uid} is being moved")
    return caller


def tell(context: Context) -> None:
    """Send what a handler has left to be told, now that its work is committed."""
    for each in context.after_commit:
        each()

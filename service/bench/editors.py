"""The contacts that editors change, added by requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from service.bench import names
from service.bench.names import DIRECT_EDITORS, EDITORS, OWNERS, key
from service.bench.scenarios import Request, World, edited_contact

Send = Callable[[Request], Awaitable[Any]]
"""Send a request and return its data."""


async def add_edited_contacts(send: Send, world: World) -> None:
    """Let each editor add their contact, once."""
    if not world.edited:
        world.edited = await _add(send, EDITORS)
        world.directly_edited = await _add(send, DIRECT_EDITORS)


async def _add(send: Send, first: int) -> list[str]:
    body = orjson.dumps(edited_contact("Met in Rome")).decode()
    people = [key(names.SESSION, first + number) for number in range(OWNERS)]
    rows = await asyncio.gather(
        *(send(Request("POST", "/-/svc/contact.add", session, body)) for session in people)
    )
    return [row["id"] for row in rows]

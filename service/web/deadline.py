"""The deadline of a request: one time limit around everything that it waits for.

Work with a limit of its own, such as a client that sends its body or a mail server, stops the clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

BODY_SECONDS = 30.0
"""Time for the body of a request, except an uploaded file."""
CURRENT: ContextVar[asyncio.Timeout | None] = ContextVar("deadline", default=None)


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[asyncio.Timeout]:
    """Run the block of a request for at most `seconds`; TimeoutError after that."""
    async with asyncio.timeout(seconds) as timeout:
        token = CURRENT.set(timeout)
        try:
            yield timeout
        finally:
            CURRENT.reset(token)


def allow(seconds: float) -> None:
    """Give the present request at least `seconds` from now, because its work takes long by nature."""
    timeout = CURRENT.get()
    if timeout is not None and not timeout.expired():
        timeout.reschedule(max(timeout.when() or 0.0, asyncio.get_running_loop().time() + seconds))


@contextmanager
def own_limit(seconds: float) -> Iterator[None]:
    """Run a block that has a limit of `seconds`, and leave the rest of the request the time it had before.

    Use it in the task of the request only.
    """
    timeout = CURRENT.get()
    before = timeout.when() if timeout is not None and not timeout.expired() else None
    if timeout is None or before is None:
        yield
        return
    now = asyncio.get_running_loop().time
    remaining = before - now()
    timeout.reschedule(now() + seconds)
    try:
        yield
    finally:
        if not timeout.expired():
            timeout.reschedule(now() + remaining)

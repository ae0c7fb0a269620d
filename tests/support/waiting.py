"""Wait for a state that arrives by itself."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any


async def until(check: Callable[[], Any], seconds: float = 60) -> Any:
    """Poll until the check, a function or a coroutine function, returns a true value; return it."""
    for _ in range(int(seconds / 0.05)):
        result = check()
        if inspect.isawaitable(result):
            result = await result
        if result:
            return result
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")

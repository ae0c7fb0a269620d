"""Work that no answer waits for."""

from __future__ import annotations

import asyncio
from typing import cast

from service.database import Database
from service.tasks import Background


async def test_what_runs_is_finished_and_nothing_is_begun_after_the_end() -> None:
    background, done = Background(cast(Database, None)), []

    async def work(name: str) -> None:
        await asyncio.sleep(0.01)
        done.append(name)

    async def first() -> None:
        await work("first")
        background.start(work("second"))
        # as a socket does that drops while the process ends
        background.later(0.05, lambda: work("too late"))

    background.later(0.02, lambda: work("never"))
    background.start(first())
    await background.stop()
    assert done == ["first", "second"]
    await asyncio.sleep(0.1)
    assert done == ["first", "second"]

"""Work on all shards, one after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from service.store.database import Database

Result = TypeVar("Result")


async def on_each_shard(db: Database, work: Callable[[str], Awaitable[Result]]) -> list[Result]:
    """Work on every shard, given by its name; return the results.

    A shard that fails does not stop the others: the first error is raised after the last shard.
    """
    results: list[Result] = []
    failures: list[Exception] = []
    for shard in await db.shards():
        try:
            results.append(await work(shard))
        except Exception as exc:
            failures.append(exc)
    if failures:
        raise failures[0]
    return results

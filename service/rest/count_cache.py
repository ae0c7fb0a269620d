"""Cache the totals of searches: counting a frequent word again is the main cost of its next page."""

from __future__ import annotations

from typing import Any

import orjson
from cachetools import LRUCache

SIZE = 2000
"""Searches; the least recently used one is evicted."""


class CountCache:
    """Totals of the latest searches of this process, each valid for one revision of an address book."""

    def __init__(self) -> None:
        self._totals: LRUCache[bytes, dict[str, dict[str, int]]] = LRUCache(SIZE)

    def get(self, uid: str, deleted: str, filters: dict[str, Any]) -> dict[str, dict[str, int] | None]:
        """Return what is known of the total: `known`, or `known_floor` where more contacts may match.

        Each is None, or `rev` and `total` of an earlier page. The routine checks whether rev is current.
        """
        return {"known": None, "known_floor": None, **self._totals.get(_key(uid, deleted, filters), {})}

    def put(
        self, uid: str, deleted: str, filters: dict[str, Any], rev: int, total: int, *, is_floor: bool
    ) -> None:
        """Store the total of a page at a revision."""
        counted = {"rev": rev, "total": total}
        self._totals[_key(uid, deleted, filters)] = {"known_floor" if is_floor else "known": counted}


def _key(uid: str, deleted: str, filters: dict[str, Any]) -> bytes:
    return orjson.dumps([uid, deleted, filters])

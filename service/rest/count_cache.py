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
        self._totals: LRUCache[bytes, dict[str, int]] = LRUCache(SIZE)

    def get(self, uid: str, deleted: str, filters: dict[str, Any]) -> dict[str, int] | None:
        """Return `rev` and `total` of an earlier page, or None. The routine checks whether rev is current."""
        return self._totals.get(_key(uid, deleted, filters))

    def put(self, uid: str, deleted: str, filters: dict[str, Any], rev: int, total: int) -> None:
        """Store the total of a page at a revision."""
        self._totals[_key(uid, deleted, filters)] = {"rev": rev, "total": total}


def _key(uid: str, deleted: str, filters: dict[str, Any]) -> bytes:
    return orjson.dumps([uid, deleted, filters])

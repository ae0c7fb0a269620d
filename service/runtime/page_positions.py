"""Remember where pages of lists ended, so that the next page starts there and skips nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from cachetools import LRUCache

LISTS = 2000
"""Lists; the least recently used one is evicted."""
PAGES = 32
"""Pages of a list; the oldest one is evicted."""


@dataclass(slots=True)
class _Ends:
    """The contact at the end of each page, by the number of contacts up to there."""

    rev: int
    contacts: dict[int, str] = field(default_factory=dict)


class PagePositions:
    """Ends of the latest pages that this process has sent, each valid for one revision of an address book."""

    def __init__(self) -> None:
        self._ends: LRUCache[bytes, _Ends] = LRUCache(LISTS)

    def find(self, uid: str, filters: Any, offset: int) -> dict[str, Any] | None:
        """Return `rev`, `offset` and `contact` (id) of the nearest end at or before an offset, or None.

        The routine checks whether rev is current.
        """
        ends = self._ends.get(_key(uid, filters))
        before = max((end for end in ends.contacts if end <= offset), default=None) if ends else None
        if ends is None or before is None:
            return None
        return {"rev": ends.rev, "offset": before, "contact": ends.contacts[before]}

    def put(self, uid: str, filters: Any, rev: int, offset: int, contact: str) -> None:
        """Store which contact ends a page, after `offset` contacts of the list."""
        key = _key(uid, filters)
        ends = self._ends.get(key)
        if ends is None or ends.rev != rev:
            ends = self._ends[key] = _Ends(rev)
        elif len(ends.contacts) >= PAGES and offset not in ends.contacts:
            del ends.contacts[next(iter(ends.contacts))]
        ends.contacts[offset] = contact


def _key(uid: str, filters: Any) -> bytes:
    return orjson.dumps([uid, filters])

"""How many contacts a search found: what the next page of a frequent word would cost most to count again."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import orjson

SIZE = 2000


class Totals:
    """Totals of the latest searches of this process, each good for one revision of an address book."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, dict[str, int]] = OrderedDict()

    def of(self, uid: str, deleted: str, filters: dict[str, Any]) -> dict[str, int] | None:
        """`rev` and `total` of an earlier page, or None. The procedure says whether rev still holds."""
        return self._known.get(_key(uid, deleted, filters))

    def note(self, uid: str, deleted: str, filters: dict[str, Any], rev: int, total: int) -> None:
        """Remember what a page said."""
        key = _key(uid, deleted, filters)
        self._known[key] = {"rev": rev, "total": total}
        self._known.move_to_end(key)
        if len(self._known) > SIZE:
            self._known.popitem(last=False)


def _key(uid: str, deleted: str, filters: dict[str, Any]) -> bytes:
    return orjson.dumps([uid, deleted, filters])

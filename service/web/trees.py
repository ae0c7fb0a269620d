"""The limits of JSON that is stored as it comes."""

from __future__ import annotations

import re

MAX_DEPTH = 12
FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters but layout, and surrogates."""


def tree_flaw(value: object) -> str:
    """Return why MariaDB cannot store a value as JSON, "" when it can.

    It cannot store NUL, surrogates, huge numbers and deep nesting.
    """
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        following: list[object] = []
        for item in level:
            if flaw := _leaf_flaw(item):
                return flaw
            if isinstance(item, dict):
                following.extend(item)
                following.extend(item.values())
            elif isinstance(item, list):
                following.extend(item)
        if not following:
            return ""
        level = following
    return f"is nested deeper than {MAX_DEPTH} levels"


def _leaf_flaw(item: object) -> str:
    if isinstance(item, str) and FORBIDDEN.search(item):
        return "contains a control character"
    if isinstance(item, int) and abs(item) >= 2**63:
        return "contains a number beyond 64 bits"
    return ""

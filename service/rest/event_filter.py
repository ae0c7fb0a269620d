"""Select the events that a WebSocket receives, by patterns: `contact.created`, `contact.*`, `*`."""

from __future__ import annotations

import re

MAX_PATTERNS = 64
PATTERN = re.compile(r"\*|[a-z_]{1,32}\.(\*|[a-z_]{1,32})")


class EventFilter:
    """The events that a socket subscribes to: all at first. Of two matching patterns the later one counts."""

    def __init__(self) -> None:
        self._patterns: dict[str, bool] = {"*": True}
        """Patterns, the latest last; True: subscribed, False: unsubscribed."""
        self._is_default = True

    def subscribe(self, patterns: set[str]) -> None:
        """Add patterns; the first ones replace the default."""
        if self._is_default:
            self._patterns, self._is_default = {}, False
        self._set(patterns, wanted=True)

    def unsubscribe(self, patterns: set[str]) -> None:
        """Remove patterns, or exclude them from a wider one."""
        self._set(patterns, wanted=False)
        self._is_default &= "*" not in patterns

    def _set(self, patterns: set[str], *, wanted: bool) -> None:
        others = {p: w for p, w in self._patterns.items() if not any(_covers(new, p) for new in patterns)}
        self._patterns = {**others, **dict.fromkeys(sorted(patterns), wanted)}
        if not any(self._patterns.values()):
            self._patterns = {}

    def wants(self, event: str) -> bool:
        """Return whether an event is to be sent."""
        return next((w for p, w in reversed(self._patterns.items()) if _covers(p, event)), False)

    @property
    def fields(self) -> dict[str, list[str]]:
        """Return the subscribed patterns and, if there are any, the exceptions from them."""
        wanted = sorted(p for p, w in self._patterns.items() if w)
        exceptions = sorted(p for p, w in self._patterns.items() if not w)
        return {"events": wanted, "except": exceptions} if exceptions else {"events": wanted}

    @property
    def size(self) -> int:
        """Return the number of patterns."""
        return len(self._patterns)


def _covers(pattern: str, event: str) -> bool:
    return pattern in {"*", event} or (pattern.endswith(".*") and event.startswith(pattern[:-1]))

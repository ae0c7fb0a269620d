"""Write moments as the APIs do."""

from __future__ import annotations

from datetime import UTC, datetime


def wire_time(moment: datetime) -> str:
    """Return a moment in UTC, in milliseconds: 2026-02-16T10:30:00.123Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wire_seconds(seconds: int | None) -> str | None:
    """Return unix seconds in the same form; None for None."""
    return None if seconds is None else wire_time(datetime.fromtimestamp(seconds, UTC))

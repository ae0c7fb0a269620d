"""Moments as this API writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def wire_time(moment: datetime) -> str:
    """UTC, to the millisecond: 2026-02-16T10:30:00.123Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wire_seconds(seconds: int | None) -> str | None:
    """The same of unix seconds."""
    return None if seconds is None else wire_time(datetime.fromtimestamp(seconds, UTC))

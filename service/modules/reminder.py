"""`reminder.*`: notes that open at a time."""

from __future__ import annotations

from service.runtime.context import Answer, Context


async def list_reminders(ctx: Context) -> Answer:
    """Return no reminders: this service has none."""
    return []

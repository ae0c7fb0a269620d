"""Count the trips of requests to MariaDB."""

from __future__ import annotations

import pytest


def trips(caplog: pytest.LogCaptureFixture) -> list[tuple[int, int]]:
    """Return (calls, trips) of the requests since the last time."""
    lines = [(r.calls, r.trips) for r in caplog.records if r.message == "request"]  # type: ignore[attr-defined]
    caplog.clear()
    return lines

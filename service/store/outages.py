"""Outages of the database, and databases whose CALLs time out: for the log and for health.

Each is logged once when it begins and once when it ends, however many requests it concerns.
"""

from __future__ import annotations

import logging
import time

from service import metrics

log = logging.getLogger(__name__)

CALM_SECONDS = 5.0
"""An outage ends with a success that comes so long after the last failure: some work in the middle of it."""
STUCK_CALLS = 2
"""A database is slow when a routine has timed out so often without a success in between."""
STUCK_SECONDS = 10.0
"""Health names a slow database for so long after the last CALL that timed out."""
FORGET_SECONDS = 60.0
"""Timeouts are over after so long, although nobody has called the routine again."""
LONG_SECONDS = 0.5
"""A CALL that is cancelled after so long was ended by the deadline of its request."""


class Outage:
    """Writes one line to the log when failures begin, and one when they are over."""

    def __init__(self, begin: str, end: str, **fields: str) -> None:
        self._begin, self._end, self._fields = begin, end, fields
        self._failures = 0
        self._since = self.last = 0.0
        """time.monotonic() of the first and of the last failure."""

    def failed(self, error: str) -> None:
        """Count a failure."""
        self.last = time.monotonic()
        if not self._failures:
            self._since = self.last
            log.warning(self._begin, extra={**self._fields, "error": error})
        self._failures += 1

    def worked(self) -> bool:
        """Note a success; return whether it ends the outage, or there is none."""
        if self._failures and time.monotonic() - self.last < CALM_SECONDS:
            return False
        self.end()
        return True

    def end(self) -> None:
        """Log that the outage, if there is one, is over."""
        if self._failures:
            numbers = {"failures": self._failures, "seconds": round(self.last - self._since, 1)}
            log.info(self._end, extra={**self._fields, **numbers})
        self._failures = 0


class Timeouts:
    """CALLs to one database that time out."""

    def __init__(self, database: str) -> None:
        self.outage = Outage(
            "CALLs to a database time out", "no CALL to a database times out any more", database=database
        )
        self.in_a_row: dict[str, int] = {}
        """For each routine that has timed out: how often since it last succeeded."""

    @property
    def is_stuck(self) -> bool:
        """Whether a routine keeps timing out."""
        return max(self.in_a_row.values(), default=0) >= STUCK_CALLS


class Outages:
    """The outages that this process sees."""

    def __init__(self) -> None:
        self._unavailable = Outage("the database is unavailable", "the database is available again")
        self._timeouts: dict[str, Timeouts] = {}

    def unavailable(self, error: str) -> None:
        """Count a failure to reach the database."""
        self._unavailable.failed(error)

    def worked(self, database: str, routine: str) -> None:
        """Note a CALL that was answered."""
        self._unavailable.worked()
        timeouts = self._timeouts.get(database)
        if timeouts is None or routine not in timeouts.in_a_row:
            return
        timeouts.in_a_row[routine] = 0
        if not timeouts.is_stuck:
            metrics.SLOW_DATABASE.labels(database).set(0)
        if not any(timeouts.in_a_row.values()) and timeouts.outage.worked():
            del self._timeouts[database]

    def timed_out(self, database: str, routine: str, error: str) -> None:
        """Count a CALL that was not answered in time."""
        timeouts = self._timeouts.setdefault(database, Timeouts(database))
        timeouts.outage.failed(error)
        timeouts.in_a_row[routine] = timeouts.in_a_row.get(routine, 0) + 1
        if timeouts.is_stuck:
            metrics.SLOW_DATABASE.labels(database).set(time.time())

    def slow_databases(self) -> list[str]:
        """Return the databases whose CALLs time out, in this process or in another worker of this host."""
        now = time.monotonic()
        for database, timeouts in list(self._timeouts.items()):
            if now - timeouts.outage.last >= FORGET_SECONDS:
                timeouts.outage.end()
                del self._timeouts[database]
        own = {
            database
            for database, timeouts in self._timeouts.items()
            if timeouts.is_stuck and now - timeouts.outage.last < STUCK_SECONDS
        }
        others = {d for d, moment in metrics.slow_databases().items() if time.time() - moment < STUCK_SECONDS}
        return sorted(own | others)

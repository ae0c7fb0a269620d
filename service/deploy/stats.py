"""Statistics of routine calls, from performance_schema.

Counts and means are kept by the server since a routine was last replaced, errors (refusals are among them)
since it started. Percentiles come from the calls of the next seconds: the server keeps its last statements in
a ring, which is switched on for that long.
"""

from __future__ import annotations

import re
import textwrap
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from service.deploy.guards import check_deployed
from service.deploy.state import read_state, scope_of
from service.schema.routines import load_routines
from service.store.admin import Connection, DeployError

CALL = re.compile(r"\s*CALL\s+(?:`?(\w+)`?\s*\.\s*)?`?(\w+)`?", re.IGNORECASE)
LOOK_SECONDS = 0.25
CONSUMERS = ("events_statements_current", "events_statements_history_long")


@dataclass
class Use:
    """Calls of one routine in all databases of its kind."""

    calls: int = 0
    errors: int = 0
    total_ms: float = 0.0
    slowest_ms: float = 0.0
    """0: unknown, because a slower call was before the moment from which it counts."""
    sample_ms: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float | None:
        """Return a percentile of the sampled calls, in milliseconds; None without any."""
        if not self.sample_ms:
            return None
        samples = sorted(self.sample_ms)
        return samples[min(int(share * len(samples)), len(samples) - 1)]


def collect(connection: Connection, seconds: float) -> dict[tuple[str, str], Use]:
    """Return the use of each routine by (yp or shard, name); sample the calls of the next `seconds`."""
    if not connection.one("SELECT @@performance_schema"):
        raise DeployError(
            "the server keeps no statistics: start it with performance_schema=ON (not possible later)"
        )
    check_deployed(connection)
    uses: dict[tuple[str, str], Use] = defaultdict(Use)
    if seconds > 0:
        for scope, name, ms in _listen(connection, seconds):
            uses[scope, name].sample_ms.append(ms)
    shards = set(read_state(connection).shards)
    for db, name, calls, total, slowest in connection.rows(
        "SELECT OBJECT_SCHEMA, OBJECT_NAME, COUNT_STAR, SUM_TIMER_WAIT / 1e9, MAX_TIMER_WAIT / 1e9 "
        "FROM performance_schema.events_statements_summary_by_program "
        "WHERE OBJECT_TYPE IN ('PROCEDURE', 'FUNCTION')"
    ):
        if db == "yp" or db in shards:
            use = uses[scope_of(db), name]
            use.calls += int(calls)
            use.total_ms += float(total)
            use.slowest_ms = max(use.slowest_ms, float(slowest))
    for text, schema, errors in connection.rows(
        # The statistics of programs do not count SIGNAL; those of statements do.
        "SELECT DIGEST_TEXT, SCHEMA_NAME, SUM_ERRORS "
        "FROM performance_schema.events_statements_summary_by_digest "
        "WHERE DIGEST_TEXT LIKE 'CALL %' AND SUM_ERRORS > 0"
    ):
        match = CALL.match(text)
        if match:
            uses[scope_of(match[1] or schema), match[2]].errors += int(errors)
    return dict(uses)


def _listen(connection: Connection, seconds: float) -> Iterator[tuple[str, str, float]]:
    """Return (scope, routine, milliseconds) of the calls that end in the next seconds."""
    seen: set[tuple[int, int]] = set()
    with _switched_on(connection):
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(min(LOOK_SECONDS, seconds))
            for thread, event, text, schema, ms in connection.rows(
                "SELECT THREAD_ID, EVENT_ID, LEFT(SQL_TEXT, 200), CURRENT_SCHEMA, TIMER_WAIT / 1e9 "
                "FROM performance_schema.events_statements_history_long "
                "WHERE EVENT_NAME = 'statement/sql/call_procedure'"
            ):
                match = CALL.match(text or "")
                if match and (thread, event) not in seen:
                    seen.add((thread, event))
                    yield scope_of(match[1] or schema), match[2], float(ms)


@contextmanager
def _switched_on(connection: Connection) -> Iterator[None]:
    """Record statements in the ring for the length of the block."""
    before = connection.rows(
        "SELECT NAME, ENABLED FROM performance_schema.setup_consumers WHERE NAME IN (%s, %s)", *CONSUMERS
    )
    change = "UPDATE performance_schema.setup_consumers SET ENABLED = %s WHERE NAME = %s"
    connection.run("TRUNCATE TABLE performance_schema.events_statements_history_long")
    for name in CONSUMERS:
        connection.run(change, "YES", name)
    try:
        yield
    finally:
        for name, enabled in before:
            connection.run(change, enabled, name)


def render(uses: dict[tuple[str, str], Use], since: str = "") -> list[str]:
    """Render a table, the busiest first, and the routines without a call; `since` is when both begin."""
    known = {(r.scope, r.name) for r in load_routines()}
    titles = "".join(f"{title:>9}" for title in ("mean ms", "p50 ms", "p95 ms", "max ms"))
    lines = [f"{'routine':<36}{'calls':>10}{'errors':>8}{titles}{'sample':>8}"]
    busiest = sorted(uses.items(), key=lambda item: -item[1].total_ms)
    for (scope, name), use in busiest:
        if (scope, name) in known and use.calls:
            lines.append(_line(f"{scope}.{name}", use))
    never = sorted(f"{scope}.{name}" for scope, name in known if not uses.get((scope, name), Use()).calls)
    if never:
        begin = since or "the server started or they were replaced"
        lines.append(f"{len(never)} never called since {begin}:")
        lines += textwrap.wrap(", ".join(never), 110, initial_indent="  ", subsequent_indent="  ")
    return lines


def _line(title: str, use: Use) -> str:
    median, high = use.percentile(0.5), use.percentile(0.95)
    times = (use.total_ms / use.calls, median, high, use.slowest_ms or None)
    cells = "".join(f"{ms:>9.2f}" if ms is not None else f"{'-':>9}" for ms in times)
    return f"{title:<36}{use.calls:>10}{use.errors:>8}{cells}{len(use.sample_ms):>8}"

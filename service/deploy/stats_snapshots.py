"""Numbers of routines as they were: `make stats` keeps them each time it runs, and compares since a moment.

The server counts since its start, and a routine since it was last replaced. The numbers between two snapshots
are those that were added; after a restart or a replacement, the server has begun at zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

import orjson
import pymysql

from service import as_typed
from service.deploy.history import moment
from service.deploy.privileges import NOT_THERE
from service.deploy.scratch import SERVER
from service.deploy.state import scope_of
from service.deploy.stats import Use
from service.store.admin import Connection, DeployError
from service.store.denials import explain

DETAILED_SECONDS = 2 * 86_400
"""Older snapshots are thinned out to the first one of each day."""
LONGEST_SECONDS = 400 * 86_400
STARTED = (
    "SELECT UNIX_TIMESTAMP() - VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS "
    "WHERE VARIABLE_NAME = 'UPTIME'"
)
START_TOLERANCE = 2
"""Seconds by which two computations of the same start may differ."""
READS_ONLY = {1290, 1836}
"""The server is read-only."""
REPLACED = """
    SELECT j.db_name, j.name, MAX(j.ctime)
    FROM yp.deploy_journal AS j
    JOIN yp.deploy_run AS r ON r.id = j.run_id
    WHERE r.started >= %s AND j.state = 'done' AND j.kind IN ('procedure', 'function')
    GROUP BY j.name, j.db_name
"""

Name = tuple[str, str]
"""Scope (yp or shard) and routine."""


class Counts(NamedTuple):
    """Numbers of one routine; times in milliseconds."""

    calls: int
    errors: int
    total_ms: float
    slowest_ms: float


class Snapshot(NamedTuple):
    """Numbers of all routines at a moment (unix time)."""

    taken: int
    started: int
    """Start of the server."""
    counts: Mapping[Name, Counts]


def begin(connection: Connection, since: str) -> int:
    """Return when the snapshot was made from which to count: the last one before `since`, else the first.

    Raise DeployError when there is none on this server.
    """
    start = moment(since)
    try:
        taken = connection.one(
            "SELECT COALESCE(MAX(IF(taken <= %s, taken, NULL)), MIN(taken)) FROM yp.stats_snapshot "
            f"WHERE server = {SERVER}",
            start,
        )
    except pymysql.err.MySQLError as exc:
        if exc.args[0] not in NOT_THERE:
            raise
        command = as_typed("deploy")
        raise DeployError(f"this server keeps no numbers yet; `{command}` makes the table for them") from exc
    if taken is None:
        raise DeployError(
            f"there are no numbers to compare with yet: `{as_typed('stats')}` keeps them each time it runs, "
            "so let cron run it"
        )
    return int(taken)


def uses_since(connection: Connection, uses: Mapping[Name, Use], taken: int) -> dict[Name, Use]:
    """Return the use of each routine since a snapshot; calls that a restart has wiped out are lost."""
    replaced = {(scope_of(db), name): int(when) for db, name, when in connection.rows(REPLACED, taken)}
    now = int(connection.one("SELECT UNIX_TIMESTAMP()"))
    snapshots = [*_read(connection, taken), Snapshot(now, _started(connection), _counts(uses))]
    sums: dict[Name, Use] = {name: Use(sample_ms=use.sample_ms) for name, use in uses.items()}
    for before, after in pairwise(snapshots):
        is_same_start = abs(before.started - after.started) <= START_TOLERANCE
        for name, counts in after.counts.items():
            is_replaced = before.taken <= replaced.get(name, 0) <= after.taken
            old = before.counts.get(name) if is_same_start else None
            _add(sums.setdefault(name, Use()), counts, old, is_replaced=is_replaced)
    return sums


def keep(connection: Connection, uses: Mapping[Name, Use]) -> str:
    """Keep the numbers of now, and thin out older ones; return why they are not kept, or ""."""
    counts = {f"{scope}.{name}": list(use) for (scope, name), use in _counts(uses).items() if any(use)}
    try:
        connection.run(
            f"REPLACE INTO yp.stats_snapshot (server, taken, started, counts) "
            f"VALUES ({SERVER}, UNIX_TIMESTAMP(), %s, %s)",
            _started(connection),
            orjson.dumps(counts).decode(),
        )
        _thin_out(connection)
    except pymysql.err.MySQLError as exc:
        if exc.args[0] in NOT_THERE:
            return f"`{as_typed('deploy')}` makes the table for them"
        return "the server only reads" if exc.args[0] in READS_ONLY else explain(exc)
    return ""


def when(taken: int) -> str:
    """Return the moment of a snapshot, in the time of this machine."""
    return datetime.fromtimestamp(taken).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _started(connection: Connection) -> int:
    return int(connection.one(STARTED))


def _counts(uses: Mapping[Name, Use]) -> dict[Name, Counts]:
    return {
        name: Counts(use.calls, use.errors, round(use.total_ms, 3), round(use.slowest_ms, 3))
        for name, use in uses.items()
    }


def _read(connection: Connection, taken: int) -> Iterator[Snapshot]:
    for moment_of, started, text in connection.rows(
        "SELECT taken, started, counts FROM yp.stats_snapshot "
        f"WHERE server = {SERVER} AND taken >= %s ORDER BY taken",
        taken,
    ):
        counts = {tuple(name.split(".")): Counts(*numbers) for name, numbers in orjson.loads(text).items()}
        yield Snapshot(int(moment_of), int(started), counts)


def _add(use: Use, counts: Counts, old: Counts | None, *, is_replaced: bool) -> None:
    """Add what came between two snapshots; errors are counted by statement, which a replacement keeps."""
    errors = counts.errors - (old.errors if old and old.errors <= counts.errors else 0)
    if is_replaced or (old and (old.calls > counts.calls or old.total_ms > counts.total_ms)):
        old = None
    use.errors += errors
    use.calls += counts.calls - (old.calls if old else 0)
    use.total_ms += counts.total_ms - (old.total_ms if old else 0)
    if old is None or counts.slowest_ms > old.slowest_ms:
        use.slowest_ms = max(use.slowest_ms, counts.slowest_ms)


def _thin_out(connection: Connection) -> None:
    connection.run(
        "DELETE FROM yp.stats_snapshot WHERE taken < UNIX_TIMESTAMP() - %s OR taken < UNIX_TIMESTAMP() - %s "
        "AND (server, taken) NOT IN "
        "(SELECT server, MIN(taken) FROM yp.stats_snapshot GROUP BY server, taken DIV 86400)",
        LONGEST_SECONDS,
        DETAILED_SECONDS,
    )

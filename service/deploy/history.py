"""Show who deployed, moved, restored, backed up or dropped what, when, and how it ended."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pymysql

from service.deploy.journal import lease_holder
from service.deploy.privileges import NOT_THERE
from service.store.admin import Connection, DeployError

AGO = re.compile(r"(\d+) ?(?:(m|min|minutes?)|(h|hours?)|(d|days?)|(w|weeks?))( ago)?")
UNITS = ("minutes", "hours", "days", "weeks")
"""In the order of the groups of AGO."""
OPERATIONS = """
    SELECT id, purpose, subject, revision, operator, started, ended, outcome
    FROM yp.operation
    WHERE started >= %s AND subject LIKE %s
    ORDER BY started DESC, id DESC
    LIMIT %s
"""
RUNS = """
    SELECT r.id, 'deploy', '', r.revision, r.operator, r.started, r.ended, r.outcome
    FROM yp.deploy_run AS r
    WHERE r.started >= %s
      AND (%s = '%%' OR EXISTS (
        SELECT 1 FROM yp.deploy_journal AS j WHERE j.run_id = r.id AND (j.name LIKE %s OR j.db_name LIKE %s)
      ))
    ORDER BY r.started DESC, r.id DESC
    LIMIT %s
"""
ITEMS = """
    SELECT run_id, action, state, COUNT(DISTINCT db_name), MIN(name), COUNT(DISTINCT name)
    FROM yp.deploy_journal
    WHERE run_id IN %s
    GROUP BY run_id, action, state
    ORDER BY run_id, action, state
"""


@dataclass(frozen=True)
class HistoryEntry:
    """One deploy, or another operation of an administrator."""

    id: int
    purpose: str
    subject: str
    revision: str
    operator: str
    started: int
    ended: int | None
    outcome: str

    def line(self, holder: str) -> str:
        """Return the entry as a line; `holder` holds the lease now, or is empty."""
        outcome = self.outcome
        if outcome == "running" and not holder.endswith(self.operator):
            outcome = "killed"
        seconds = "" if self.ended is None else f"{self.ended - self.started} s"
        when = datetime.fromtimestamp(self.started).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        return (
            f"{when}  {self.purpose:<10}  {outcome:<11}  {seconds:>7}  {self.revision or '-':<14}  "
            f"{self.operator.rpartition(':')[0] or self.operator:<20}"
        )


def history(connection: Connection, since: str = "", name: str = "", most: int = 20) -> Iterator[str]:
    """Yield a line for each of the last operations, the oldest first.

    `since` is a time or an age; `name` a user, hub, shard, file, or routine. DeployError when nothing was
    deployed to the server yet, or `since` is no time.
    """
    tables = {
        table
        for (table,) in connection.rows(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'yp'"
        )
    }
    if "deploy_run" not in tables:
        # information_schema shows no table to an account without rights; the error of a query names them
        try:
            connection.rows("SELECT 1 FROM yp.deploy_run LIMIT 1")
        except pymysql.err.MySQLError as exc:
            if exc.args[0] not in NOT_THERE:
                raise
        raise DeployError("nothing is deployed to this server, so it has no history")
    start, pattern = moment(since), f"%{_escaped(name)}%" if name else "%"
    entries = [HistoryEntry(*row) for row in connection.rows(RUNS, start, pattern, pattern, pattern, most)]
    if "operation" in tables:
        entries += [HistoryEntry(*row) for row in connection.rows(OPERATIONS, start, pattern, most)]
    entries = sorted(entries, key=lambda entry: (entry.started, entry.purpose != "deploy", entry.id))[-most:]
    items = _items(connection, [entry.id for entry in entries if entry.purpose == "deploy"])
    holder = lease_holder(connection)
    for entry in entries:
        changes = items.get(entry.id, "") if entry.purpose == "deploy" else entry.subject
        yield f"{entry.line(holder)}  {changes}".rstrip()


def moment(text: str) -> int:
    """Return a time such as 2026-11-28 10:00, or an age such as 3d, as unix time; 0 for ""."""
    if not text:
        return 0
    if match := AGO.fullmatch(text.strip()):
        unit = next(name for name, word in zip(UNITS, match.groups()[1:], strict=False) if word)
        return int((datetime.now().astimezone() - timedelta(**{unit: int(match[1])})).timestamp())
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp())
    except ValueError:
        raise DeployError(
            f"SINCE={text} is no time: write 2026-11-28, '2026-11-28 10:00', or an age such as 12h or 3d"
        ) from None


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _items(connection: Connection, runs: list[int]) -> dict[int, str]:
    """Return by run its changes in words."""
    words: dict[int, list[str]] = defaultdict(list)
    rows = connection.rows(ITEMS, runs) if runs else []
    for run, action, state, databases, first, names in rows:
        which = first if names == 1 else f"{names} objects"
        failed = "" if state == "done" else f" ({state})"
        where = f" in {databases} databases" if databases > 1 else ""
        words[run].append(f"{action} {which}{where}{failed}")
    return {run: ", ".join(pieces) for run, pieces in words.items()}

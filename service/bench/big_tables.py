"""Measure changes of a table of 10 million rows beside calls that read and write it: `make bench-tables`.

The table is contact_event: every change of a contact adds a row. It is changed in the three ways of a deploy:
a column (INSTANT), a key (INPLACE), another type, which needs a copy (pt-online-schema-change).
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path

from service.admin.registry import Registry
from service.bench.deploys import OWNERS, Results, calls_beside, temporary_server
from service.deploy.deployer import Deployer
from service.deploy.plan import Files
from service.schema.routines import Script
from service.settings import Settings
from service.store.admin import Connection

ROWS = 10_000_000
BATCH = 200_000
ROWS_OF_ONE = 10_000
"""Rows of one owner."""
CALLERS = 16
PAUSE = 0.05
"""Seconds between two calls of each caller: the load is that of a busy site, not the limit of the machine."""
QUIET_SECONDS = 30.0
RATIO = 3.0
"""Limit: p99 of the calls during a change to p99 without."""
STATEMENTS = {
    "INSTANT": "ALTER TABLE contact_event ADD COLUMN IF NOT EXISTS note VARCHAR(64) NULL",
    "INPLACE": "ALTER TABLE contact_event ADD KEY IF NOT EXISTS by_change_set (owner_id, change_set)",
    "online copy": "ALTER TABLE contact_event MODIFY COLUMN at BIGINT UNSIGNED NOT NULL DEFAULT 0",
}
FILL = """
    INSERT INTO contact_event (owner_id, rev, contact_id, event, at, actor, api, before_record)
    SELECT LPAD(HEX(0xF0000000 + seq DIV %s), 16, '0'), seq, LPAD(HEX(seq), 16, '0'), 'updated', seq DIV 100,
           LPAD(HEX(seq DIV %s), 16, '0'), 'rest', JSON_OBJECT('display_name', CONCAT('Ada ', seq))
    FROM (SELECT %s + seq AS seq FROM seq_1_to_{batch}) AS s
"""


def measure(rows: int, say: Callable[[str], None]) -> Results:
    """Measure on a temporary server; return figures by name."""
    with temporary_server("tables", CALLERS) as (settings, place):
        return _on_server(settings, place, rows, say)


def _on_server(settings: Settings, place: Path, rows: int, say: Callable[[str], None]) -> Results:
    Deployer(settings, lambda _: None, examples=False).deploy()
    registry = Registry(settings)
    owners = [registry.add_person(f"p{n}@example.org", "P", str(n), "-", None) for n in range(OWNERS)]
    started = time.monotonic()
    size = _fill(settings, rows)
    say(f"contact_event: {rows:,} rows, {size:,.0f} MB, made in {time.monotonic() - started:.0f} s")
    with calls_beside(settings, owners, place / "calls.json", PAUSE) as quiet:
        time.sleep(QUIET_SECONDS)
    say(_line("quiet", QUIET_SECONDS, quiet, quiet))
    results: Results = {"rows": rows, "MB": size, "p99 without a change, ms": quiet["p99_ms"]}
    results["failed calls"] = quiet["failed"]
    files = Files.load("bench")
    for number, (way, statement) in enumerate(STATEMENTS.items(), 9001):
        files = _with_migration(files, f"{number}_bench", statement)
        # Small rows, too, are changed as those of a big table: a run with fewer of them shows the same.
        tool = Deployer(dataclasses.replace(settings, big_table_mb=1), say, files=files, examples=False)
        with calls_beside(settings, owners, place / "calls.json", PAUSE) as busy:
            begun = time.monotonic()
            outcome = tool.deploy()
            seconds = time.monotonic() - begun
            # Calls of a second: those of a change that takes less than that.
            time.sleep(max(0.0, 5.0 - seconds))
        if outcome.status:
            raise RuntimeError(f"{way}: {outcome.failed}")
        say(_line(way, seconds, busy, quiet))
        results[f"{way}, s"] = seconds
        results[f"{way}, p99 to p99 without"] = busy["p99_ms"] / quiet["p99_ms"]
        results["failed calls"] += busy["failed"]
    return results


def _line(title: str, seconds: float, calls: Results, quiet: Results) -> str:
    ratio = calls["p99_ms"] / quiet["p99_ms"]
    return (
        f"{title}: {seconds:.1f} s; {calls['calls'] / calls['seconds']:.0f} calls/s, "
        f"{calls['failed']:.0f} failed, p50 {calls['p50_ms']:.1f} ms, p99 {calls['p99_ms']:.1f} ms "
        f"({ratio:.1f} times the quiet one), longest {calls['longest_ms']:.0f} ms "
        f"after {calls['longest_at']:.0f} s"
    )


def _fill(settings: Settings, rows: int) -> float:
    """Fill contact_event; return its size in MB."""
    connection = Connection(settings)
    connection.raw.select_db(settings.db_shard)
    for start in range(0, rows, BATCH):
        batch = min(BATCH, rows - start)
        connection.run(FILL.format(batch=batch), ROWS_OF_ONE, ROWS_OF_ONE, start)
    connection.run("ANALYZE TABLE contact_event")
    size = connection.one(
        "SELECT DATA_LENGTH + INDEX_LENGTH FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = 'contact_event'",
        settings.db_shard,
    )
    connection.close()
    return float(size) / 1e6


def _with_migration(files: Files, name: str, statement: str) -> Files:
    """Return the files with one more migration of the shards."""
    script = Script(Path(f"sql/shard/{name}.sql"), "shard", name, (statement,))
    migrations = dict(files.migrations) | {"shard": [*files.migrations["shard"], script]}
    return dataclasses.replace(files, migrations=migrations)


def main() -> int:
    """Measure and print; return 1 when a call failed or was too slow."""
    parser = argparse.ArgumentParser(prog="make bench-tables")
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args()
    results = measure(options.rows, lambda text: print(text, flush=True))
    slow = [name for name, value in results.items() if name.endswith("to p99 without") and value > RATIO]
    verdict = (
        "met" if not slow and not results["failed calls"] else f"MISSED: {', '.join(slow) or 'failed calls'}"
    )
    print(f"no failed call, p99 at most {RATIO:g} times the quiet one: {verdict}")
    return 0 if verdict == "met" else 1


if __name__ == "__main__":
    sys.exit(main())

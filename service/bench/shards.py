"""Measure the commands for DBAs on a server with a thousand shards, then kill deploys and the server.

Each command runs in a process of its own, whose memory is what the system says when it ends.
`python -m service.bench.shards JOB` is such a process; it prints the result of its command as JSON.
"""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from service import ROOT
from service.bench.deploys import Results, touched
from service.bench.tools import BenchError
from service.deploy.deployer import Deployer
from service.deploy.plan import Files
from service.deploy.state import OPENING
from service.local.processes import read_pid
from service.local.servers import MariaDB
from service.local.stack import Stack
from service.schema.routines import Script
from service.settings import Settings
from service.store.admin import Connection

SHARDS = 1000
ROUNDS = 20
TITLE = "shards"
ROUTINE, TABLE = "my_contact_get", "tag"
"""What a deploy changes here."""
LIMITS = {
    "plan with nothing to do, s": 3.0,
    "drift with nothing changed, s": 10.0,
    "one changed routine to all, s": 10.0,
    "one new column to all, s": 60.0,
    "memory of the commands, MB": 200.0,
    "shards with something missing or half after kills": 0.0,
}
REMAINS = """
    SELECT COUNT(*) FROM information_schema.TABLES
    WHERE TABLE_NAME LIKE '#sql%' OR TABLE_SCHEMA LIKE 'drumee\\_check\\_%'
"""


class RoomyMariaDB(MariaDB):
    """The server of a site with a thousand shards, with memory for their tables."""

    def command(self) -> list[str]:
        """Append to the options of `make run`: of two that are equal, the last one counts."""
        return [*super().command(), "--innodb-buffer-pool-size=2G"]


@dataclasses.dataclass
class Site:
    """A server with shards, and the files that its next command has."""

    settings: Settings
    restart: Callable[[], None] | None = None
    """Kills the server and starts it again; None where only commands are killed."""
    examples: bool = True
    """Whether a deploy runs the examples of the headers first, as the command does."""
    mark: str = "first"
    columns: int = 0
    peak_mb: float = 0.0

    def run(self, command: str, kill_after: float | None = None) -> float:
        """Run a command to its end, or kill it that long after it began to write; return its seconds."""
        before = 0 if kill_after is None else self._runs()
        job = {
            "db": self.settings.db, "admin": self.settings.db_admin, "command": command,
            "mark": self.mark, "columns": self.columns, "examples": self.examples,
        }  # fmt: skip
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "service.bench.shards", orjson.dumps(job).decode()],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if kill_after is not None:
            while self._runs() == before and process.poll() is None:
                time.sleep(0.01)
            time.sleep(kill_after)
            process.kill()
            process.communicate()
            return time.perf_counter() - started
        assert process.stdout is not None  # for mypy
        output = process.stdout.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.peak_mb = max(self.peak_mb, usage.ru_maxrss / 1024)
        if process.returncode:
            raise BenchError(f"{command} ended with {process.returncode}: {output[-2000:]}")
        return time.perf_counter() - started

    def _runs(self) -> int:
        connection = Connection(self.settings)
        try:
            return int(connection.one("SELECT COUNT(*) FROM yp.deploy_run"))
        finally:
            connection.close()


def measure(
    say: Callable[[str], None] = lambda _: None, shards: int = SHARDS, rounds: int = ROUNDS
) -> Results:
    """Measure everything on a temporary server; return figures by name, those of LIMITS among them."""
    place = Path(tempfile.mkdtemp(prefix="drumee-bench-shards-"))
    hasty, stack = (Stack(place / "stack", durable, kinds=[RoomyMariaDB]) for durable in (False, True))
    try:
        hasty.start()  # The first deploy of a shard mostly waits for the disk.
        env = hasty.env()
        settings = Settings(db=env["DRUMEE_DB"], db_admin=env["DRUMEE_DB_ADMIN"])
        made = {f"making {shards} shards without waiting for the disk, s": _make(Site(settings), say, shards)}
        hasty.stop()
        stack.start()
        return made | measure_on(Site(settings, lambda: _kill_server(stack)), say, shards, rounds)
    finally:
        stack.stop()
        shutil.rmtree(place, ignore_errors=True)


def _make(site: Site, say: Callable[[str], None], shards: int) -> float:
    """Make the shards that are not there yet; return the seconds."""
    say(f"making {shards} shards, which takes a second each")
    site.run("deploy")
    _register(site.settings, shards)
    return site.run("deploy")


def _kill_server(stack: Stack) -> None:
    pid = read_pid(stack.run_dir / "mariadb.pid")
    if pid:
        os.kill(pid, 9)
    stack.stop()
    stack.start()


def measure_on(site: Site, say: Callable[[str], None], shards: int, rounds: int) -> Results:
    """Measure on a server without databases of ours, or with those that an earlier run has made."""
    _make(site, say, shards)
    results: Results = {"shards": shards}
    say("plan, drift, one routine, one column")
    results["plan with nothing to do, s"] = min(site.run("plan") for _ in range(3))
    results["drift with nothing changed, s"] = site.run("drift")
    site.mark = "second"
    results["one changed routine to all, s"] = site.run("deploy")
    site.columns += 1
    results["one new column to all, s"] = site.run("deploy")
    results["memory of the commands, MB"] = site.peak_mb
    say(f"{rounds} rounds of kill -9")
    seconds = max(results["one changed routine to all, s"] - 2 * results["plan with nothing to do, s"], 0.2)
    return results | _kills(site, say, rounds, seconds)


def _register(settings: Settings, count: int) -> None:
    connection = Connection(settings)
    names = [(f"bench{number:04d}", OPENING, 1) for number in range(1, count)]
    connection.insert("INSERT IGNORE INTO yp.shard (name, is_open, ctime)", names)
    connection.close()


def _kills(site: Site, say: Callable[[str], None], rounds: int, seconds: float) -> Results:
    """Kill a deploy, or the server under it, at random moments; deploy again, and look at every shard."""
    chance = random.Random(20)
    wrong = 0
    unfinished = 0
    for number in range(rounds):
        if number % 2:
            site.columns += 1
        else:
            site.mark = f"round{number}"
        site.run("deploy", kill_after=chance.uniform(0, seconds))
        if site.restart and number % 4 > 1:
            site.restart()
        unfinished += len(_behind(site)) > 0
        site.run("deploy")
        wrong += len(_behind(site))
        say(f"round {number + 1}: {wrong} shards wrong until now")
    return {
        "rounds of kill -9": rounds,
        "rounds that left work to the next deploy": unfinished,
        "shards with something missing or half after kills": wrong,
    }


def _behind(site: Site) -> set[str]:
    """Return the databases without the newest routine and columns, or with another number of objects.

    It asks the server itself, and not the tool that is on trial.
    """
    connection = Connection(site.settings)
    try:
        shards = {name for (name,) in connection.rows("SELECT name FROM yp.shard")}
        rows = connection.rows(
            "SELECT s.name FROM yp.shard AS s JOIN mysql.proc AS p ON p.db = s.name AND p.name = %s "
            "WHERE s.is_open = 1 AND LOCATE(%s, p.body) > 0",
            ROUTINE, f"-- {site.mark}\n",
        )  # fmt: skip
        columns = connection.rows(
            "SELECT TABLE_SCHEMA, COUNT(*) FROM information_schema.COLUMNS "
            "WHERE TABLE_NAME = %s AND COLUMN_NAME LIKE 'bench%%' GROUP BY TABLE_SCHEMA",
            TABLE,
        )
        with_routine = {db for (db,) in rows}
        with_columns = {db for db, number in columns if number == site.columns}
        wrong = shards - with_routine
        wrong |= shards - with_columns if site.columns else set()
        wrong |= _unlike(connection, "SELECT db, COUNT(*) FROM mysql.proc GROUP BY db", shards)
        tables = "SELECT TABLE_SCHEMA, COUNT(*) FROM information_schema.TABLES GROUP BY TABLE_SCHEMA"
        wrong |= _unlike(connection, tables, shards)
        return wrong | ({"#sql"} if connection.one(REMAINS) else set())
    finally:
        connection.close()


def _unlike(connection: Connection, query: str, shards: set[str]) -> set[str]:
    """Return the shards whose number of objects is not that of most of them."""
    numbers = {db: number for db, number in connection.rows(query) if db in shards}
    most = max(numbers.values(), default=0)
    return {db for db in shards if numbers.get(db) != most}


def files(mark: str, columns: int) -> Files:
    """Return the files with one routine changed, and with migrations that add columns."""
    changed = touched(lambda name: name == ROUTINE, mark)
    migrations = list(changed.migrations["shard"])
    first = int(migrations[-1].name[:4]) + 1
    for number in range(columns):
        name = f"{first + number:04d}_bench"
        add = f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS bench{number} TINYINT NULL"
        migrations.append(Script(Path(f"sql/shard/{name}.sql"), "shard", name, (add,)))
    return dataclasses.replace(changed, migrations={**changed.migrations, "shard": migrations})


def _command(job: dict[str, Any]) -> None:
    settings = Settings(db=job["db"], db_admin=job["admin"])
    changed = files(job["mark"], job["columns"])
    tool = Deployer(settings, lambda _: None, files=changed, examples=job["examples"])
    if job["command"] == "deploy":
        outcome = tool.deploy()
        if outcome.status:
            sys.exit(f"{outcome.failed or outcome.plan.decide}")
        return
    planned = tool.drift() if job["command"] == "drift" else tool.plan()
    differences = planned if isinstance(planned, list) else [*planned.todo, *planned.decide]
    if differences:
        sys.exit(f"{job['command']}: {differences[:3]}")


def text(results: Results) -> str:
    """Render the figures, one a line; those with a limit say whether it is met."""
    lines = [TITLE]
    for name, value in results.items():
        limit = LIMITS.get(name)
        verdict = "" if limit is None else "met   " if value <= limit else "MISSED"
        wanted = "" if limit is None else f"<= {limit:g}"
        lines.append(f"{verdict:<7} {value:>10,.2f} {wanted:<7} {name}")
    return "\n".join(lines)


if __name__ == "__main__":
    _command(orjson.loads(sys.argv[1]))

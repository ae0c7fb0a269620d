"""Change a big table with pt-online-schema-change of Debian's percona-toolkit, while others use it.

The tool copies the rows to `_table_new` in small pieces, keeps that table up to date with triggers, and swaps
both. The journal notes it before, so that the next deploy knows what a killed one has left, and removes it.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from service.deploy.journal import Lease
from service.deploy.lag import LAG_SECONDS
from service.deploy.pace import LOADED_THREADS
from service.deploy.tables import definitions, trigger_statement
from service.local.install import find_program
from service.local.processes import leash
from service.settings import DatabaseServer, Settings
from service.store.admin import Connection, DeployError

PROGRAM = "pt-online-schema-change"
INSTALL = "it is not installed here: `apt-get install percona-toolkit` brings it on Debian and Ubuntu"
PLUGIN = Path(__file__).with_name("row_count.pm")
ONLINE = "online"
"""Action in the journal."""
CHUNK_SECONDS = 0.5
"""Time in which the tool copies one piece, whose rows nobody can write meanwhile."""
SLEEP_SECONDS = 0.25
"""Pause after each piece, for the others."""
FLOW_CONTROL_PERCENT = 30
LOOK_SECONDS = 0.5
TOO_MANY_THREADS = 100_000
"""Threads that make the tool give up: it only waits, as a deploy does."""
OPTIONS = (
    # Nothing of the account's own configuration, and nothing sent to its makers.
    "--config", "/dev/null", "--no-version-check",
    "--preserve-triggers",
    "--tries", "create_triggers:20:1,drop_triggers:20:1,copy_rows:1000:0.25,swap_tables:20:1",
    "--chunk-time", str(CHUNK_SECONDS), "--sleep", str(SLEEP_SECONDS),
    "--max-load", f"Threads_running={LOADED_THREADS}",
    "--critical-load", f"Threads_running={TOO_MANY_THREADS}",
    "--max-lag", str(LAG_SECONDS),
    "--progress", "time,10",
)  # fmt: skip
# A table that is busy is waited for briefly, and tried again.
# Strict, as is a deploy: a value that does not fit is an error in the triggers of the tool.
# Without locks on the gaps between rows: on a cluster, writes of other nodes would defeat each copy.
VARIABLES = (
    "lock_wait_timeout=1",
    "innodb_lock_wait_timeout=1",
    "sql_mode='STRICT_TRANS_TABLES'",
    "tx_isolation='READ-COMMITTED'",
)
PROGRESS = re.compile(r"Copying .*?:\s+(?P<percent>\d+)% (?P<remains>\S+) remain")
COMPARING = "Comparing the numbers of rows"
"""Printed by the plug-in."""
TRUNCATED = re.compile(r"Copying rows caused a MySQL error 1265: (?P<warning>.*)")
"""The tool goes on, with the shortened values; ALTER TABLE would not."""
STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:]+ ")
TRIGGERS = "pt_osc_"
CONSTRAINT = re.compile(r"CONSTRAINT `_+(?P<name>\w+)` (?P<definition>FOREIGN KEY .*?),?$", re.MULTILINE)
"""The tool puts _ before the name of each foreign key: a name is unique in a database."""
INTERRUPTED = """
    SELECT run_id, number, db_name, name
    FROM yp.deploy_journal
    WHERE name LIKE '\\_%%\\_new' AND action = %s AND state = 'planned'
"""
HAS_JOURNAL = (
    "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'yp' AND TABLE_NAME = 'deploy_journal'"
)
CLEANED = """
    UPDATE yp.deploy_journal
    SET state = 'failed', error = 'interrupted', ctime = UNIX_TIMESTAMP()
    WHERE run_id = %s AND number = %s
"""

Run = Callable[[str], object]
Stop = Callable[[], None]
"""Raises when the deploy has to end."""


def new_table(table: str) -> str:
    """Return the name of the table that the tool fills."""
    return f"_{table}_new"


def obstacle(connection: Connection, db: str, table: str, specification: str) -> str:
    """Return why the tool cannot change a table, asked in a scratch database; "" when it can."""
    if not specification:
        return "it takes ALTER TABLE only: write the statement as one"
    children = connection.rows(
        "SELECT DISTINCT TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS "
        "WHERE CONSTRAINT_SCHEMA = %s AND REFERENCED_TABLE_NAME = %s AND TABLE_NAME <> %s "
        "ORDER BY TABLE_NAME",
        db,
        table,
        table,
    )
    if children:
        names = ", ".join(name for (name,) in children)
        return (
            f"foreign keys of {names} refer to {table}: after the swap they would refer to the old table for "
            "a while, and calls would fail"
        )
    if _has_triggers(connection, db, table) and connection.one("SELECT @@GLOBAL.wsrep_on"):
        return (
            f"{table} has triggers, for which it locks the tables at the swap: on a cluster, the writes of "
            "all nodes would then wait without end"
        )
    if find_program(PROGRAM) is None:
        return INSTALL
    with _command(connection, db, table, specification, "--dry-run") as (command, handle):
        done = subprocess.run(
            command, pass_fds=[handle], env=_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
    if done.returncode == 0:
        return ""
    if "unique" in done.stdout.lower():
        return "a new unique key: it would drop the rows that are double, without a word"
    return _last_words(done.stdout.splitlines())


def _has_triggers(connection: Connection, db: str, table: str) -> bool:
    return bool(connection.rows(f"SHOW TRIGGERS FROM `{db}` WHERE `Table` = %s", table))


def check_free(connection: Connection, db: str, table: str) -> None:
    """Raise DeployError when a name that the tool uses is taken."""
    for name in {new_table(table), f"_{table}_old"} & _tables(connection, db):
        raise DeployError(f"{db}.{name} is there, and not from a deploy: drop it, or rename it")


def change(
    connection: Connection, db: str, table: str, specification: str, say: Callable[[str], None], stop: Stop
) -> None:
    """Change a table while others use it.

    Raise DeployError when the tool fails, and what `stop` raises. The caller cleans up then.
    """
    with _command(connection, db, table, specification, "--execute") as (command, handle):
        process = subprocess.Popen(
            [*leash("KILL"), *command], pass_fds=[handle], env=_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            # Ctrl-C is for the deploy, which ends it.
            start_new_session=True,
        )  # fmt: skip
        lines: list[str] = []
        try:
            for line in _lines(process, stop):
                _follow(line, lines, f"{db}.{table}", say)
            status = process.wait()
        finally:
            process.kill()
            process.wait()
    if status:
        raise DeployError(f"{PROGRAM} has not completed {db}.{table}: {_why(status, lines)}")


def _follow(line: str, lines: list[str], place: str, say: Callable[[str], None]) -> None:
    """Note a line of the tool, and show how far it is."""
    lines.append(line)
    if match := PROGRESS.search(line):
        say(f"{place}: {match['percent']} % copied, {match['remains']} remain")
    elif line == COMPARING:
        say(f"{place}: copied; the rows of both tables are counted, then the tables are swapped")
    elif match := TRUNCATED.search(line):
        raise DeployError(
            f"a row of {place} does not fit into the new columns: {match['warning']}. "
            "Shorten such values first, or make the column wider"
        )


def _lines(process: subprocess.Popen[str], stop: Stop) -> Iterator[str]:
    """Yield the lines of a process as they come; ask `stop` in between."""
    arrived: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None  # noqa: S101  # for mypy
        for line in process.stdout:
            arrived.put(line.rstrip("\n"))
        arrived.put(None)

    threading.Thread(target=read, name="deploy-online", daemon=True).start()
    while True:
        stop()
        try:
            line = arrived.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            continue
        if line is None:
            return
        yield line


def _why(status: int, lines: list[str]) -> str:
    """Return why the tool has ended."""
    if status < 0:
        return f"it was killed ({signal.Signals(-status).name}), and its tables and triggers were removed"
    return _last_words(lines)


def _last_words(lines: list[str]) -> str:
    """Return the last line that says something."""
    texts = [STAMP.sub("", line).strip() for line in lines]
    texts = [line for line in texts if line and not line.endswith(("was not altered.", "OK."))]
    return texts[-1] if texts else "it says nothing"


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/nonexistent", "LC_ALL": "C"}


@contextmanager
def _command(
    connection: Connection, db: str, table: str, specification: str, verb: str
) -> Iterator[tuple[list[str], int]]:
    """Yield the command, and the handle that it inherits: a file in memory with the account."""
    handle = os.memfd_create("client")
    try:
        os.fchmod(handle, 0o600)
        os.write(handle, _client_file(connection.server).encode())
        options = [*OPTIONS, *_of_session(connection)]
        place = f"F=/dev/fd/{handle},A=utf8mb4,D={db},t={table}"
        program = find_program(PROGRAM) or PROGRAM
        yield [program, *options, "--plugin", str(PLUGIN), verb, "--alter", specification, place], handle
    finally:
        os.close(handle)


def _client_file(server: DatabaseServer) -> str:
    """Return a file of options with an account, for clients of MariaDB: no command line shows it."""
    options = {"user": server.user, "password": server.password}
    if server.unix_socket:
        options["socket"] = server.unix_socket
    else:
        options |= {"host": server.host, "port": str(server.port)}
    lines = (f'{name}="{_escaped(value)}"' for name, value in options.items())
    tls = [option.removeprefix("--") for option in server.tls.client_options] if server.tls else []
    return "\n".join(["[client]", *lines, *tls, ""])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _of_session(connection: Connection) -> list[str]:
    """Return the options that make the sessions of the tool like that of a connection.

    A scratch database that was not sent to replicas and other nodes is not known there.
    """
    is_logged, is_sent = connection.rows("SELECT @@SESSION.sql_log_bin, @@SESSION.wsrep_on")[0]
    variables = [*VARIABLES, *([] if is_logged else ["sql_log_bin=0"])]
    if connection.one("SELECT @@GLOBAL.wsrep_on") and not is_sent:
        variables.append("wsrep_on=0")
    flow_control = ["--max-flow-ctl", str(FLOW_CONTROL_PERCENT)] if is_sent else []
    return ["--set-vars", ",".join(variables), *flow_control]


def _tables(connection: Connection, db: str) -> set[str]:
    return {name for (name,) in connection.rows(f"SHOW TABLES FROM `{db}`")}


def interrupted(connection: Connection) -> list[tuple[str, str]]:
    """Return (database, table) of the changes that run, or that were interrupted."""
    return [(db, _table_of(name)) for _, _, db, name in connection.rows(INTERRUPTED, ONLINE)]


def _table_of(name: str) -> str:
    return name.removeprefix("_").removesuffix("_new")


def is_remainder(table: str, kind: str, name: str, definition: str) -> bool:
    """Return whether an object of its database belongs to an interrupted change of a table."""
    if kind == "table":
        return name in {new_table(table), f"_{table}_old", table}
    is_of_tool = name.startswith(TRIGGERS) and any(is_on(t, definition) for t in (table, f"_{table}_old"))
    # One of ours that the tool has moved already.
    return kind == "trigger" and (is_of_tool or is_on(new_table(table), definition))


def clean_up_interrupted(
    settings: Settings, connection: Connection, run: Run, say: Callable[[str], None]
) -> None:
    """Remove what killed deploys have left. Raise DeployError while another deploy runs."""
    if not connection.rows(HAS_JOURNAL) or not interrupted(connection):
        return
    with Lease(settings):
        for run_id, number, db, name in connection.rows(INTERRUPTED, ONLINE):
            table = _table_of(name)
            say(f"{db}: a change of {table} was interrupted; its tables and triggers are removed")
            clean_up(connection, db, table, run)
            connection.run(CLEANED, run_id, number)


def clean_up(connection: Connection, db: str, table: str, run: Run) -> None:
    """Remove the tables and triggers of the tool, before or after it has swapped the tables.

    `run` executes a statement, with patience for locks. Repeat it after an interruption.
    """
    if db not in {name for (name,) in connection.rows("SHOW DATABASES")}:
        return
    connection.raw.select_db(db)
    objects = definitions(connection, db)
    if ("table", table) not in objects:
        raise DeployError(
            f"{db}.{table} is gone, and {new_table(table)} or _{table}_old may hold its rows: "
            f"rename the right one to {table}, then deploy again"
        )
    for (kind, name), definition in objects.items():
        if kind == "trigger" and is_remainder(table, kind, name, definition):
            run(f"DROP TRIGGER IF EXISTS `{name}`")
            if not name.startswith(TRIGGERS):
                run(
                    trigger_statement(
                        name, definition.replace(f" ON {new_table(table)}\n", f" ON {table}\n", 1)
                    )
                )
    for name in (new_table(table), f"_{table}_old"):
        if ("table", name) in objects:
            run(f"DROP TABLE IF EXISTS `{name}`")
    restore_names(connection, table, run)


def triggers_on(connection: Connection, db: str, table: str) -> dict[str, str]:
    """Return the statements that make the triggers of a table, by name."""
    return {
        name: trigger_statement(name, definition)
        for (kind, name), definition in definitions(connection, db).items()
        if kind == "trigger" and is_on(table, definition)
    }


def is_on(table: str, definition: str) -> bool:
    """Return whether a trigger, of which `definitions` has shown this, is one of a table."""
    return definition.partition("\n")[0].endswith(f" ON {table}")


def restore_triggers(
    connection: Connection, db: str, table: str, statements: Mapping[str, str], run: Run
) -> None:
    """Make the triggers again that the tool has dropped, and had not made on the new table when it ended."""
    present = triggers_on(connection, db, table) if statements else {}
    for name, statement in statements.items():
        if name not in present:
            run(statement)


def restore_names(connection: Connection, table: str, run: Run) -> None:
    """Give the foreign keys of a table their names again, in the database that is in use."""
    ((_, text),) = connection.rows(f"SHOW CREATE TABLE `{table}`")
    changed = list(CONSTRAINT.finditer(text))
    if not changed:
        return
    parts = [
        f"DROP FOREIGN KEY `{m[0].split('`')[1]}`, ADD CONSTRAINT `{m['name']}` {m['definition']}"
        for m in changed
    ]
    # The rows are those that the former key has checked: without the check, nothing is copied or locked.
    connection.run("SET SESSION foreign_key_checks = 0")
    run(f"ALTER TABLE `{table}` {', '.join(parts)}, ALGORITHM = INPLACE, LOCK = NONE")
    connection.run("SET SESSION foreign_key_checks = 1")

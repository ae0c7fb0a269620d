"""The lease of a deploy, its runs with a row for every item, and the other operations."""

from __future__ import annotations

import os
import pwd
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pymysql

from service import as_typed
from service.deploy.plan import Item
from service.deploy.revisions import current_revision
from service.local.ending import shielded
from service.settings import Settings
from service.store.admin import Connection, DeployError

LEASE_SECONDS = 60
RENEW_SECONDS = 10.0

PURPOSES = {
    "deploy": "is deploying",
    "backup": "is writing a backup",
    "move": "is moving a user or hub",
    "restore": "is restoring a user, hub or shard",
    "shard-drop": "is dropping a shard",
}
"""Holders of the lease, in words."""

RUN = """revision VARCHAR(64) NOT NULL COMMENT 'git revision of the files',
        operator VARCHAR(255) NOT NULL COMMENT 'account, machine and process of who ran it',
        started  INT UNSIGNED NOT NULL,
        ended    INT UNSIGNED NULL,
        outcome  ENUM ('running', 'done', 'failed', 'interrupted') NOT NULL DEFAULT 'running'
                 COMMENT 'running, and the lease is free: it was killed'"""
"""Columns of what an administrator ran."""

BOOTSTRAP = (
    "CREATE DATABASE IF NOT EXISTS yp CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci",
    """CREATE TABLE IF NOT EXISTS yp.deploy_item (
        db_name VARCHAR(64) COLLATE ascii_bin NOT NULL,
        kind    ENUM ('migration', 'view') NOT NULL,
        name    VARCHAR(64) COLLATE ascii_bin NOT NULL,
        digest  CHAR(16) COLLATE ascii_bin NOT NULL,
        ctime   INT UNSIGNED NOT NULL,
        PRIMARY KEY (db_name, kind, name)
    ) ENGINE = InnoDB COMMENT 'migrations and views that were applied'""",
    """CREATE TABLE IF NOT EXISTS yp.deploy_lease (
        name   VARCHAR(16) COLLATE ascii_bin NOT NULL,
        holder VARCHAR(255) NOT NULL,
        until  INT UNSIGNED NOT NULL,
        PRIMARY KEY (name)
    ) ENGINE = InnoDB COMMENT 'who deploys right now; a row, because GET_LOCK does not hold on a cluster'""",
    f"""CREATE TABLE IF NOT EXISTS yp.deploy_run (
        id       INT UNSIGNED NOT NULL AUTO_INCREMENT,
        {RUN},
        PRIMARY KEY (id)
    ) ENGINE = InnoDB COMMENT 'deploys'""",
    """CREATE TABLE IF NOT EXISTS yp.deploy_journal (
        run_id      INT UNSIGNED NOT NULL,
        number      INT UNSIGNED NOT NULL COMMENT 'place in the order of the run',
        db_name     VARCHAR(64) COLLATE ascii_bin NOT NULL,
        action      VARCHAR(16) COLLATE ascii_bin NOT NULL,
        kind        VARCHAR(16) COLLATE ascii_bin NOT NULL,
        name        VARCHAR(64) COLLATE ascii_bin NOT NULL,
        from_digest CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'empty: new, or unknown',
        to_digest   CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'empty: dropped',
        state       ENUM ('planned', 'done', 'failed') NOT NULL COMMENT 'planned: written before it is done',
        ms          INT UNSIGNED NULL,
        error       VARCHAR(1000) NOT NULL DEFAULT '',
        ctime       INT UNSIGNED NOT NULL,
        PRIMARY KEY (run_id, number),
        KEY by_name (name, db_name)
    ) ENGINE = InnoDB COMMENT 'what deploys did; rows are added and completed, never removed'""",
    f"""CREATE TABLE IF NOT EXISTS yp.operation (
        id       INT UNSIGNED NOT NULL AUTO_INCREMENT,
        purpose  VARCHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'backup, move, restore or shard-drop',
        subject  VARCHAR(255) NOT NULL COMMENT 'user or hub, shard, or file',
        {RUN},
        PRIMARY KEY (id),
        KEY by_start (started)
    ) ENGINE = InnoDB COMMENT 'what administrators did beside deploys (make history)'""",
    """CREATE TABLE IF NOT EXISTS yp.stats_snapshot (
        server  CHAR(8) COLLATE ascii_bin NOT NULL COMMENT 'each server of a cluster counts by itself',
        taken   INT UNSIGNED NOT NULL,
        started INT UNSIGNED NOT NULL COMMENT 'start of the server, where it began to count',
        counts  MEDIUMTEXT NOT NULL COMMENT 'JSON: calls, errors, total and slowest ms by routine',
        PRIMARY KEY (server, taken)
    ) ENGINE = InnoDB COMMENT 'numbers of the routines, kept for make stats SINCE='""",
    "INSERT IGNORE INTO yp.deploy_lease (name, holder, until) VALUES ('deploy', '', 0)",
)

MADE = re.compile(r"CREATE TABLE IF NOT EXISTS yp\.(\w+)")
LATER_TABLES = frozenset({"operation", "stats_snapshot"})
"""Tables that a server of an earlier version lacks until the next deploy; they have no data of users."""


def bootstrap(connection: Connection) -> None:
    """Make what a deploy itself needs, as far as it is missing."""
    tables = {
        name
        for (name,) in connection.rows(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'yp'"
        )
    }
    for statement in BOOTSTRAP:
        # A statement that makes nothing is counted as well (last_look.py).
        is_made = bool(tables.intersection(MADE.findall(statement))) or statement == BOOTSTRAP[0]
        if not (tables and is_made):
            connection.run(statement)


def begin_operation(connection: Connection, purpose: str, subject: str) -> int | None:
    """Write that an operation begins; return its id, or None where nothing newer was deployed yet."""
    try:
        connection.run(
            "INSERT INTO yp.operation (purpose, subject, revision, operator, started) "
            "VALUES (%s, %s, %s, %s, UNIX_TIMESTAMP())",
            purpose,
            subject[:255],
            current_revision(),
            operator(),
        )
    except pymysql.err.ProgrammingError:
        return None
    return int(connection.one("SELECT LAST_INSERT_ID()"))


def end_operation(connection: Connection, operation: int | None, error: type[BaseException] | None) -> None:
    """Write how an operation has ended, by the kind of its error."""
    outcome = "done" if error is None else "failed" if issubclass(error, Exception) else "interrupted"
    if operation is not None:
        connection.run(
            "UPDATE yp.operation SET ended = UNIX_TIMESTAMP(), outcome = %s WHERE id = %s", outcome, operation
        )


@contextmanager
def noted(connection: Connection, purpose: str, subject: str) -> Iterator[None]:
    """Write for the history that an operation begins, and at the end of the block how it has ended."""
    operation = begin_operation(connection, purpose, subject)
    error: type[BaseException] | None = None
    try:
        yield
    except BaseException as exc:
        error = type(exc)
        raise
    finally:
        with shielded(), suppress(pymysql.err.MySQLError):
            end_operation(connection, operation, error)


def operator() -> str:
    """Return account, machine and process, for readers of the journal."""
    try:
        account = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        account = str(os.geteuid())
    return f"{account}@{socket.gethostname()}:{os.getpid()}"


class Lease:
    """The right to deploy: one row, renewed by a thread while a long statement runs."""

    def __init__(self, settings: Settings, purpose: str = "deploy", subject: str = "") -> None:
        """Prepare to take the lease; `purpose` is one of PURPOSES.

        `subject` is the user or hub, the shard or the file, for the history. Without one, the caller notes
        the operation; a deploy has a journal instead.
        """
        self.holder = f"{purpose} {operator()}"
        self._purpose, self._subject = purpose, subject
        self._operation: int | None = None
        self._settings = settings
        self._connection = Connection(settings)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="deploy-lease", daemon=True)
        self.is_lost = False

    def __enter__(self) -> Lease:
        """Take the lease. Raise DeployError with the name of its holder."""
        if not (self._take("until < UNIX_TIMESTAMP()") or self._take_from_the_dead()):
            ((holder, until),) = self._row()
            self._connection.close()
            purpose, _, who = holder.rpartition(" ")
            raise DeployError(
                f"{who} {PURPOSES.get(purpose, 'is deploying')}, and the schema stays as it is meanwhile; "
                f"if that process is dead, run the same command again in {max(until, 0) + 1} s"
            )
        if self._subject:
            self._operation = begin_operation(self._connection, self._purpose, self._subject)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_details: object) -> None:
        with shielded():
            self._stop.set()
            self._thread.join()
            try:
                end_operation(self._connection, self._operation, kind)
                self._connection.run("UPDATE yp.deploy_lease SET until = 0 WHERE holder = %s", self.holder)
            except pymysql.err.MySQLError:
                self.is_lost = True  # The lease runs out by itself.
            self._connection.close()

    def check(self) -> None:
        """Raise DeployError when another process holds the lease by now."""
        if self.is_lost:
            raise DeployError(
                f"the lease was lost: another deploy may be running; run `{as_typed('deploy')}` again"
            )

    def _row(self) -> list[tuple[str, int]]:
        rows: list[tuple[str, int]] = self._connection.rows(
            "SELECT holder, CAST(until AS SIGNED) - UNIX_TIMESTAMP() "
            "FROM yp.deploy_lease WHERE name = 'deploy'"
        )
        return rows

    def _take(self, condition: str, *args: object) -> bool:
        return bool(
            self._connection.run(
                "UPDATE yp.deploy_lease SET holder = %s, until = UNIX_TIMESTAMP() + %s "
                f"WHERE name = 'deploy' AND {condition}",
                self.holder,
                LEASE_SECONDS,
                *args,
            )
        )

    def _take_from_the_dead(self) -> bool:
        """Return whether the holder was killed on this machine: then nobody has to wait."""
        ((holder, _),) = self._row()
        return _is_dead(holder) and self._take("holder = %s", holder)

    def _renew(self) -> None:
        while not self._stop.wait(RENEW_SECONDS):
            try:
                if not self._take("holder = %s", self.holder):
                    self.is_lost = True
            except pymysql.err.MySQLError:
                self.is_lost = True
            if self.is_lost:
                return


def lease_holder(connection: Connection) -> str:
    """Return who holds the lease, such as `deploy root@db1:4711`; "" for nobody, or for the dead."""
    holders = connection.rows("SELECT holder FROM yp.deploy_lease WHERE until > UNIX_TIMESTAMP()")
    return next((holder for (holder,) in holders if not _is_dead(holder)), "")


def _is_dead(holder: str) -> bool:
    """Return whether a holder was killed on this machine: of others, nobody here can know it."""
    place, _, pid = holder.rpartition(":")  # deploy account@machine:pid
    is_here = place.rpartition("@")[2] == socket.gethostname()
    return is_here and pid.isdigit() and not _is_alive(int(pid))


def _is_alive(pid: int) -> bool:
    """Return whether a process runs: one that nobody has waited for has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        state = ""  # no such process, or no Linux
    if state in {"Z", "X"}:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_unfinished(connection: Connection) -> bool:
    """Return whether the last run was killed, or has failed, before its end."""
    last = "SELECT COALESCE(outcome, '') FROM yp.deploy_run ORDER BY id DESC LIMIT 1"
    return connection.one(last) not in {None, "done"}


Row = tuple[int, Item, str, int | None, str]
"""(number, item, state, milliseconds, error)"""


class Journal:
    """The journal rows of one run.

    The outcome of items that met no error is written with the rows of the next ones, or at the end.
    """

    def __init__(self, connection: Connection, revision: str) -> None:
        self._connection = connection
        self._number = 0
        self._done: list[Row] = []
        connection.run(
            "INSERT INTO yp.deploy_run (revision, operator, started) VALUES (%s, %s, UNIX_TIMESTAMP())",
            revision,
            operator(),
        )
        self.run_id = int(connection.one("SELECT LAST_INSERT_ID()"))

    def before(self, items: Sequence[Item]) -> int:
        """Journal items before they are done; return the number of the first of them."""
        first = self._number + 1
        self._number += len(items)
        self._write([(n, item, "planned", None, "") for n, item in enumerate(items, first)])
        return first

    def after(self, first: int, items: Sequence[Item], took: Sequence[int], error: str) -> None:
        """Journal the outcome of items: `took` has the milliseconds of those that were done."""
        self._done += [
            (first + n, item, "done", ms, "") for n, (item, ms) in enumerate(zip(items, took, strict=False))
        ]
        if error:
            self._write([(first + len(took), items[len(took)], "failed", None, error[:1000])])

    def end(self, outcome: str) -> None:
        """Close the run."""
        self._write([])
        self._connection.run(
            "UPDATE yp.deploy_run SET ended = UNIX_TIMESTAMP(), outcome = %s WHERE id = %s",
            outcome,
            self.run_id,
        )

    def _write(self, rows: Sequence[Row]) -> None:
        done, self._done = self._done, []
        self._connection.insert(
            "INSERT INTO yp.deploy_journal (run_id, number, db_name, action, kind, name, from_digest, "
            "to_digest, state, ms, error, ctime)",
            [
                (
                    self.run_id, number, i.db, i.action, i.kind, i.name, i.from_digest, i.to_digest,
                    state, ms, error, 0,
                )
                for number, i, state, ms, error in (*done, *rows)
            ],
            "ON DUPLICATE KEY UPDATE state = VALUES(state), ms = VALUES(ms), error = VALUES(error), "
            "ctime = UNIX_TIMESTAMP()",
        )  # fmt: skip

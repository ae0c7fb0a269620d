"""Carry out the statements of migrations: in the ways that the plan has found for existing tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

import pymysql

from service.deploy import online
from service.deploy.alters import Alter, Way, perform, read_alter, ways_without_lock
from service.deploy.change import Change
from service.deploy.journal import Journal
from service.deploy.lag import Replicas
from service.deploy.plan import Item, Plan
from service.deploy.row_changes import Write, read_write, run_in_batches
from service.deploy.state import scope_of
from service.store.admin import Connection, DeployError
from service.store.blockers import longest_transaction

BY_THE_TOOL = f"-- {online.PROGRAM} does this; the server refuses it as it stands here\n"
REFUSED = "-- refused, because the table is big; the server refuses it as it stands here, too\n"
REPEATED = "-- repeated until it changes fewer rows\n"
TELL_SECONDS = 10
PAUSE_SHARE = 0.5
"""Pause after a batch, as a part of its time."""
LOCKED = "Lock wait timeout exceeded"


class TableChanger:
    """Runs statements on real tables; without a journal, it only names them, for `make plan SQL=1`."""

    def __init__(
        self,
        connection: Connection,
        plan: Plan,
        run: Callable[[str], int],
        journal: Journal | None = None,
        say: Callable[[str], None] = print,
        checks: Sequence[Callable[[], None]] = (),
    ) -> None:
        """Prepare to change tables. `run` waits for locks; `checks` raise when the deploy has to end."""
        self._connection = connection
        self._changes = {(c.scope, c.script, c.statement): c for c in plan.changes}
        self._run = run
        self._journal = journal
        self._say = say
        self._checks = checks

    def execute(self, db: str, script: str, statement: str) -> None:
        """Run a statement of a migration in a database, which is in use."""
        change = self._changes.get((scope_of(db), script, statement))
        if write := read_write(statement):
            self._write(db, write)
            return
        alter = read_alter(statement)
        if change is None or alter is None or db not in change.sizes:
            self._run(statement)
        elif self._journal is None:
            self._run(self._text(change, alter, db))
        else:
            self._change(db, change, alter, self._journal)

    def _write(self, db: str, write: Write) -> None:
        """Change rows; no row is locked that the statement only reads."""
        if write.batch and self._journal is None:
            self._run(REPEATED + write.statement)
            return
        is_logged_by_text = self._connection.rows("SELECT @@binlog_format = 'STATEMENT'") == [(1,)]
        if not is_logged_by_text:  # the server would refuse it
            self._connection.run("SET SESSION tx_isolation = 'READ-COMMITTED'")
        if write.batch:
            with closing(Replicas(self._connection, self._say)) as replicas:
                pause = self._pause(f"{db}.{write.table}", replicas)
                run_in_batches(self._connection, write, self._run, pause)
        else:
            self._run(write.statement)

    def _pause(self, place: str, replicas: Replicas) -> Callable[[int], None]:
        """Return what lets others write between two batches, and says how far it is."""
        started = last_line = time.monotonic()

        def pause(total: int) -> None:
            nonlocal started, last_line
            self._check()
            now = time.monotonic()
            if now - last_line >= TELL_SECONDS:
                self._say(f"{place}: {total:,} rows changed")
                last_line = now
            time.sleep(min((now - started) * PAUSE_SHARE, 1.0))
            replicas.wait(self._check)
            started = time.monotonic()

        return pause

    def _text(self, change: Change, alter: Alter, db: str) -> str:
        if change.is_online(db):
            return BY_THE_TOOL + alter.by(Way.INPLACE)
        if change.is_refused and db in change.big_in:
            return REFUSED + alter.by(Way.INPLACE)
        return alter.by(Way(change.way))

    def _change(self, db: str, change: Change, alter: Alter, journal: Journal) -> None:
        is_big = db in change.big_in
        # Also where the plan says COPY: a table that was changed before an interruption needs none any more.
        way, reason = perform(self._run, alter, ways_without_lock(self._connection, is_big))
        if way is not None:
            return
        if not is_big or change.is_allowed:
            self._run(alter.statement)
        elif change.is_online(db):
            self._change_online(db, alter, journal)
        else:
            raise DeployError(
                f"{change.script}: {db}.{alter.table} is not as planned, and stays as it is: {reason}"
            )

    def _change_online(self, db: str, alter: Alter, journal: Journal) -> None:
        """Change a table beside its users, noted before, so that the next deploy knows what was left."""
        item = Item(db, online.ONLINE, "table", online.new_table(alter.table), "a big table")
        online.check_free(self._connection, db, alter.table)
        guards = online.triggers_on(self._connection, db, alter.table)
        started = time.monotonic()
        number = journal.before([item])
        self._say(f"{db}.{alter.table}: {online.PROGRAM} copies it, others read and write meanwhile")
        error = "interrupted"
        try:
            online.change(self._connection, db, alter.table, alter.specification, self._say, self._check)
            error = ""
        except DeployError as exc:
            error = str(exc)
            if LOCKED in error:
                raise DeployError(f"{error}; {longest_transaction(self._connection)}") from exc
            raise
        finally:
            self._end(db, alter.table, guards)
            took = [] if error else [round((time.monotonic() - started) * 1000)]
            journal.after(number, [item], took, error)

    def _end(self, db: str, table: str, guards: Mapping[str, str]) -> None:
        try:
            online.clean_up(self._connection, db, table, self._run)
            online.restore_triggers(self._connection, db, table, guards, self._run)
        except pymysql.err.MySQLError as exc:
            # It stays planned in the journal.
            raise DeployError(
                f"tables and triggers of {online.PROGRAM} stay until the next deploy removes them: "
                f"{exc.args[-1]}"
            ) from exc

    def _check(self) -> None:
        for check in self._checks:
            check()

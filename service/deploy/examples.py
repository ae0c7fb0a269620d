"""Run the example of every header on the server that a deploy is for, before the deploy changes anything.

Versions of MariaDB differ in what they accept: 10.11.18 gave text columns of JSON_TABLE another collation
than 10.11.19, and a dozen routines failed there only when they were called. All tables, views and routines
are made in scratch databases, with an owner who has rights on these alone: whatever an example does, it
does not reach real data. The people of the examples, and all that the examples do, are one transaction that
is never committed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pymysql

from service.deploy import scene, scratch
from service.deploy.create import create_statement
from service.deploy.plan import Files, Plan
from service.schema.header import read_header
from service.schema.routines import NESTED_CALL, Routine
from service.settings import DatabaseServer, Settings
from service.store.admin import DEFINER, DEFINER_RIGHTS, Connection, DeployError, admin_servers

SESSION = "SET SESSION tx_isolation = 'READ-COMMITTED', innodb_snapshot_isolation = ON"
"""As in the service."""


@dataclass(frozen=True)
class FailedExample:
    """What a server does not accept, or an example that fails there."""

    subject: str
    """A routine and its file, or a table or view."""
    statement: str
    message: str

    def __str__(self) -> str:
        return "\n    ".join(filter(None, [f"{self.subject} fails: {self.message}", self.statement]))


@dataclass(frozen=True)
class ExamplesReport:
    """The result on one server."""

    version: str
    count: int
    """Examples that ran."""
    failures: Sequence[FailedExample]
    seconds: float

    def __str__(self) -> str:
        return f"{self.count} examples succeed on MariaDB {self.version}, {self.seconds:.1f} s"


def run_examples(settings: Settings, files: Files, server: DatabaseServer) -> ExamplesReport:
    """Run the examples of all headers on a server, and leave nothing there."""
    started = time.monotonic()
    connection = Connection(settings, [server])
    try:
        scratch.unlogged(connection)
        scratch.drop_stale(connection)
        connection.run(SESSION)
        with _Site(connection, files).made() as site:
            failures = [*site.failures, *([] if site.failures else site.run())]
        version = str(connection.one("SELECT VERSION()"))
    finally:
        connection.close()
    return ExamplesReport(version, site.count, failures, time.monotonic() - started)


def examine(settings: Settings, files: Files) -> Iterator[tuple[str, ExamplesReport]]:
    """Return the name and the report of every server: the nodes of a cluster may differ.

    A server that does not answer is a failure; DeployError when none answers.
    """
    servers = admin_servers(settings)
    silent = 0
    for server in servers:
        name = server.unix_socket or f"{server.host}:{server.port}"
        try:
            report = run_examples(settings, files, server)
        except DeployError as exc:
            silent += 1
            if silent == len(servers):
                raise
            report = ExamplesReport("", 0, [FailedExample(name, "", str(exc))], 0)
        yield name, report


def has_news(plan: Plan) -> bool:
    """Return whether a plan brings a routine, migration or view that no database of the server has."""
    installed = {(_scope(r.db), r.name, r.fingerprint) for r in plan.state.routines.values()}
    applied = {(_scope(db), name, digest) for (db, _, name), digest in plan.state.applied.items()}
    return any(
        (_scope(item.db), item.name, item.source.fingerprint) not in installed
        if isinstance(item.source, Routine)
        else (_scope(item.db), item.name, item.source.digest) not in applied
        for item in plan.todo
        if item.source is not None and item.action != "drop"
    )


def _title(routine: Routine) -> str:
    return f"{routine.scope}.{routine.name} ({routine.path})"


def _scope(db: str) -> str:
    return "yp" if db == "yp" else "shard"


class _Site:
    """A registry and a shard, with all routines and the people of the examples."""

    def __init__(self, connection: Connection, files: Files) -> None:
        self._connection = connection
        self._files = files
        self._name = scratch.scratch_name(connection)
        self._databases = {scope: f"{self._name}_{scope}" for scope in ("yp", "shard")}
        self.failures: list[FailedExample] = []
        self.count = 0

    @contextmanager
    def made(self) -> Iterator[_Site]:
        """Make the site, or note in `failures` what cannot be made; drop it at the end."""
        owner = f"'{self._name}'@'localhost'"
        try:
            self._connection.run(f"CREATE USER {owner} ACCOUNT LOCK")
            for name in self._databases.values():
                self._connection.run(f"GRANT {DEFINER_RIGHTS} ON `{name}`.* TO {owner}")
            for scope, name in self._databases.items():
                scratch.create(self._connection, name)
                self._make(scope)
            self._connection.raw.begin()
            self._populate()
            yield self
        finally:
            if self._connection.raw.open:
                self._connection.raw.rollback()
                for name in self._databases.values():
                    scratch.drop(self._connection, name)
                scratch.drop_account(self._connection, self._name)

    def _make(self, scope: str) -> None:
        applied = [script.name for script in self._files.migrations[scope]]
        for statement in scratch.statements(self._files, scope, applied):
            self._try(statement.splitlines()[0], statement)
        for routine in self._files.by_scope[scope].values():
            self._try(_title(routine), create_statement(routine, self._files.revision))

    def _populate(self) -> None:
        """Make the people, unless something could not be made before."""
        self._connection.raw.select_db(self._databases["shard"])
        for statement in (*scene.people(self._databases["shard"]), *scene.EXAMPLES):
            if self.failures:
                return
            self._try(self._called(statement), statement)

    def _called(self, statement: str) -> str:
        """Return the title of the routine that a statement calls."""
        if called := NESTED_CALL.match(statement):
            routine = self._files.by_scope[called[1] or "shard"].get(called[2])
            return _title(routine) if routine else called[2]
        return "the data of the examples"

    def run(self) -> list[FailedExample]:
        """Run each example, and undo what it does; return those that fail."""
        for routine in self._files.routines:
            self._connection.raw.select_db(self._databases[routine.scope])
            for example in read_header(routine).examples:
                self._connection.run("SAVEPOINT example")
                self._try(_title(routine), example)
                self._connection.run("ROLLBACK TO SAVEPOINT example")
                self.count += 1
        return self.failures

    def _try(self, subject: str, statement: str) -> None:
        ours = scratch.with_registry(statement, self._databases["yp"])
        try:
            with self._connection.raw.cursor() as cursor:
                cursor.execute(ours.replace(DEFINER, f"'{self._name}'@'localhost'"))
                while cursor.nextset():
                    pass
        except pymysql.err.MySQLError as exc:
            number, message = (*exc.args, "", "")[:2]
            if not self._connection.raw.open:
                raise DeployError(f"{subject}: the connection was lost: {message}") from exc
            self.failures.append(
                FailedExample(subject, statement.partition("\n")[0], f"({number}) {message}")
            )

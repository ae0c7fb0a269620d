"""Run the example of every header on the server that a deploy is for, before the deploy changes anything.

Versions of MariaDB differ in what they accept: 10.11.18 gave text columns of JSON_TABLE another collation
than 10.11.19, and a dozen routines failed there only when they were called. All tables, views and routines
are made in scratch databases, with an owner who has rights on these alone: whatever an example does, it
does not reach real data. The people of the examples, and all that the examples do, are one transaction that
is never committed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial

import pymysql

from service.deploy import resolve, scene, scratch
from service.deploy.create import create_statement
from service.deploy.fault_lines import fault_in_script, fault_in_statement, fault_of_name
from service.deploy.plan import Files, Plan
from service.deploy.privileges import check_privileges
from service.deploy.state import escaped, scope_of
from service.local.ending import shielded
from service.schema.header import read_header
from service.schema.routines import NESTED_CALL, Routine, Script
from service.settings import DatabaseServer, Settings
from service.store.admin import (
    DEFINER,
    DEFINER_RIGHTS,
    Connection,
    DeployError,
    admin_servers,
    view_statement,
)
from service.store.server_errors import is_disk_full

STATEMENT_SECONDS = 60
SESSION = (
    "SET SESSION tx_isolation = 'READ-COMMITTED', innodb_snapshot_isolation = ON, "
    f"max_statement_time = {STATEMENT_SECONDS}"
)
"""As in the service. An example that never ends is ended."""

Name = tuple[str, str]
"""(yp or shard, routine)"""


@dataclass(frozen=True)
class FailedExample:
    """What a server does not accept, or an example that fails there."""

    subject: str
    """A routine and its file, or a table or view."""
    statement: str
    message: str
    place: str = ""
    """file:line, where it can be told."""

    def __str__(self) -> str:
        place = f"at {self.place}" if self.place else ""
        return "\n    ".join(filter(None, [f"{self.subject} fails: {self.message}", self.statement, place]))


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


def run_examples(
    settings: Settings, files: Files, server: DatabaseServer, changed: Collection[Name] | None = None
) -> ExamplesReport:
    """Run the examples of all headers on a server, and leave nothing there.

    With `changed`, run those of these routines and of all that call them, and make only what they need.
    """
    started = time.monotonic()
    connection = Connection(settings, [server])
    try:
        scratch.unlogged(connection)
        scratch.drop_stale(connection)
        connection.run(SESSION)
        with _Site(connection, files, changed).made() as site:
            failures = [*site.failures, *([] if site.failures else site.run())]
        version = str(connection.one("SELECT VERSION()"))
    finally:
        connection.close()
    return ExamplesReport(version, site.count, failures, time.monotonic() - started)


def examine(settings: Settings, files: Files) -> Iterator[tuple[str, ExamplesReport]]:
    """Return the name and the report of every server: the nodes of a cluster may differ.

    A server that does not answer is a failure; DeployError when none answers.
    """
    with closing(Connection(settings)) as connection:
        check_privileges(connection, "doctor")
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


def news(plan: Plan) -> tuple[set[Name], bool]:
    """Return the routines of a plan that no database of the server has, and whether it has new tables."""
    installed = {(scope_of(r.db), r.name, r.fingerprint) for r in plan.state.routines.distinct()}
    applied = {(scope_of(db), name, digest) for (db, _, name), digest in plan.state.applied.items()}
    routines: set[Name] = set()
    has_tables = False
    for item in (*plan.todo, *plan.decide):
        key = (scope_of(item.db), item.name)
        if isinstance(item.source, Routine):
            if (*key, item.source.fingerprint) not in installed:
                routines.add(key)
        elif isinstance(item.source, Script):
            has_tables |= (*key, item.source.digest) not in applied
    return routines, has_tables


def title(routine: Routine) -> str:
    """Return a routine and its file, for a message."""
    return f"{routine.scope}.{routine.name} ({routine.path})"


def reached(routines: Collection[Routine], start: Collection[Name]) -> set[Name]:
    """Return these routines and all that they call, through any number of others."""
    calls = {(r.scope, r.name): r.calls for r in routines}
    names: set[Name] = set()
    todo = [name for name in start if name in calls]
    while todo:
        name = todo.pop()
        if name not in names:
            names.add(name)
            todo += [called for called in calls[name] if called in calls]
    return names


def reaching(routines: Collection[Routine], names: Collection[Name]) -> set[Name]:
    """Return these routines and all that call them, through any number of others."""
    callers = set(names)
    grown = True
    while grown:
        more = {(r.scope, r.name) for r in routines if r.calls & callers} - callers
        callers |= more
        grown = bool(more)
    return callers


class _Site:
    """A registry and a shard, with all routines and the people of the examples."""

    def __init__(self, connection: Connection, files: Files, changed: Collection[Name] | None) -> None:
        self._connection = connection
        self._files = files
        self._changed = frozenset(changed or ())
        names = {(r.scope, r.name) for r in files.routines}
        self._example_names = names if changed is None else reaching(files.routines, changed)
        """Routines whose examples run."""
        self._needed = names if changed is None else self._needs(self._example_names)
        self._name = scratch.scratch_name(connection)
        self._databases = {scope: f"{self._name}_{scope}" for scope in ("yp", "shard")}
        self.failures: list[FailedExample] = []
        self.count = 0

    def _needs(self, example_names: Collection[Name]) -> set[Name]:
        """Return the routines that examples and the people in them use."""
        texts = [*scene.people("shard"), *scene.EXAMPLES]
        texts += [
            e
            for r in self._files.routines
            if (r.scope, r.name) in example_names
            for e in read_header(r).examples
        ]
        called = {(db or "shard", name) for text in texts for db, name in NESTED_CALL.findall(text)}
        return reached(self._files.routines, {*example_names, *called})

    @contextmanager
    def made(self) -> Iterator[_Site]:
        """Make the site, or note in `failures` what cannot be made; drop it at the end."""
        owner = f"'{self._name}'@'localhost'"
        try:
            self._connection.run(f"CREATE USER {owner} ACCOUNT LOCK")
            for name in self._databases.values():
                self._connection.run(f"GRANT {DEFINER_RIGHTS}, SHOW VIEW ON `{escaped(name)}`.* TO {owner}")
            for scope, name in self._databases.items():
                scratch.create(self._connection, name)
                self._make(scope)
            if not self.failures:
                self._resolve()
            self._connection.raw.begin()
            self._populate()
            yield self
        finally:
            if self._connection.raw.open:
                with shielded():
                    self._drop()

    def _drop(self) -> None:
        self._connection.raw.rollback()
        for name in self._databases.values():
            scratch.drop(self._connection, name)
        scratch.drop_account(self._connection, self._name)

    def _make(self, scope: str) -> None:
        for statement in scratch.bookkeeping(scope):
            self._connection.run(statement)
        for script in (*self._files.migrations[scope], *self._files.views[scope]):
            for statement in script.statements:
                place = partial(fault_in_script, script, statement)
                self._try(f"{scope} ({script.path})", view_statement(statement), place)
        for routine in self._files.by_scope[scope].values():
            if (scope, routine.name) in self._needed:
                self._create(routine)

    def _create(self, routine: Routine) -> None:
        try:
            statement = create_statement(routine, self._files.revision)
        except DeployError as exc:
            self.failures.append(FailedExample(title(routine), "", str(exc)))
        else:
            self._try(title(routine), statement, partial(fault_in_statement, routine, statement))

    def _resolve(self) -> None:
        """Note the names that mean nothing here, also those that no example reaches."""
        definer = f"'{self._name}'@'localhost'"
        counts = {
            (r.scope, r.name.lower()): len(r.params) for r in self._files.routines if r.kind == "PROCEDURE"
        }
        for routine in self._files.routines:
            if (routine.scope, routine.name) in self._example_names:
                self._connection.raw.select_db(self._databases[routine.scope])
                faults = resolve.faults(self._connection, routine, definer, self._databases["yp"], counts)
                self.failures += [self._failure(routine, fault) for fault in faults]

    def _failure(self, routine: Routine, fault: resolve.Fault) -> FailedExample:
        message = fault.message.replace(f"{self._name}_", "")
        return FailedExample(title(routine), fault.statement, message, f"{routine.path}:{fault.line}")

    def _populate(self) -> None:
        """Make the people, unless something could not be made before."""
        self._connection.raw.select_db(self._databases["shard"])
        for statement in (*scene.people(self._databases["shard"]), *scene.EXAMPLES):
            if self.failures:
                return
            called = NESTED_CALL.match(statement)
            routine = self._files.by_scope[called[1] or "shard"].get(called[2]) if called else None
            if routine is None:
                self._try(called[2] if called else "the data of the examples", statement)
            else:
                self._call(routine, statement)

    def _call(self, routine: Routine, statement: str) -> None:
        names = reached(self._files.routines, {(routine.scope, routine.name)})
        others = [r for r in self._files.routines if (r.scope, r.name) in names and r is not routine]
        # An error is more likely where something is new.
        others.sort(key=lambda r: (r.scope, r.name) not in self._changed)
        self._try(title(routine), statement, partial(fault_of_name, [routine, *others]))

    def run(self) -> list[FailedExample]:
        """Run each example, and undo what it does; return those that fail."""
        for routine in self._files.routines:
            if (routine.scope, routine.name) not in self._example_names:
                continue
            self._connection.raw.select_db(self._databases[routine.scope])
            for example in read_header(routine).examples:
                self._connection.run("SAVEPOINT example")
                self._call(routine, example)
                self._connection.run("ROLLBACK TO SAVEPOINT example")
                self.count += 1
        return self.failures

    def _try(self, subject: str, statement: str, place: Callable[[str], str] = lambda _: "") -> None:
        ours = scratch.with_registry(statement, self._databases["yp"])
        error = attempt(self._connection, subject, ours.replace(DEFINER, f"'{self._name}'@'localhost'"))
        if error is not None:
            number, message = error
            if is_disk_full(number, message):  # all that follows would fail by it
                raise DeployError(
                    f"the disk of the server is full, as the trial in scratch databases shows: {message}. "
                    "Nothing was deployed: make room there, then repeat the command"
                )
            self.failures.append(
                FailedExample(
                    subject,
                    statement.partition("\n")[0],
                    f"({number}) {message.replace(f'{self._name}_', '')}",
                    place(message),
                )
            )


def attempt(connection: Connection, subject: str, statement: str) -> tuple[int, str] | None:
    """Execute a statement, all its results included; return number and message of its error, or None.

    Raise DeployError with the subject when the connection is lost.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            while cursor.nextset():
                pass
    except pymysql.err.MySQLError as exc:
        number, message = (*exc.args, 0, "")[:2]
        if not connection.raw.open:
            raise DeployError(f"{subject}: the connection was lost: {message}") from exc
        return int(number), str(message)
    return None

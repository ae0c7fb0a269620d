"""The expected state of a server, and how the installed one differs from it, in both directions.

`make plan`, `drift`, `deploy` and `doctor` compare with this one state: default character sets, tables,
views, triggers, events, accounts and rights here, and routines in `plan.py`. The server itself says how
tables and triggers should be: the migrations that were applied run once more, in an empty database that is
thrown away. So no spelling of a version of MariaDB looks like a change.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import cache

from service import as_typed
from service.deploy import accounts, online, tables
from service.deploy.difference import BY_NAME, BY_NOBODY, BY_THE_DEPLOY, Difference
from service.deploy.journal import LATER_TABLES, lease_holder
from service.deploy.last_look import LastLook
from service.deploy.plan import Files
from service.deploy.scratch import drop_stale, scratch_database, scratch_name, unlogged
from service.deploy.state import State, scope_of
from service.deploy.tables import Name
from service.settings import DatabaseServer, Settings, database_servers
from service.store.admin import CHARSET, COLLATION, DEFINER_NAME, Connection, view_statement

_definitions: dict[tuple[object, ...], dict[Name, str]] = {}
"""Definitions that migrations make on a server, by all that they depend on: to make them takes 0.1 s."""


def differences(
    settings: Settings, server: DatabaseServer, files: Files, state: State, *, in_full: bool = True
) -> list[Difference]:
    """Compare every deployed database with the expected state, without leaving a trace on the server.

    Unless `in_full`, the last comparison of tables counts while no statement can have changed them.
    """
    app = database_servers(settings.db)[0] if settings.db else None
    with closing(Connection(settings, [server])) as connection:
        unlogged(connection)
        drop_stale(connection)
        return [
            *_default_collations(state),
            *_known_objects(settings, connection, files, state, in_full),
            *(accounts.differences(connection, state, app) if state.applied else []),
        ]


def _default_collations(state: State) -> Iterator[Difference]:
    for db in state.deployed:
        if (collation := state.collations.get(db, COLLATION)) != COLLATION:
            yield Difference(
                db, "database", db, "changed", f"new tables would get {collation}",
                statements=(alter_database(db),), repair=BY_THE_DEPLOY,
            )  # fmt: skip


def alter_database(db: str) -> str:
    """Return the statement that gives a database our character set for new tables."""
    return f"ALTER DATABASE `{db}` CHARACTER SET {CHARSET} COLLATE {COLLATION}"


def _known_objects(
    settings: Settings, connection: Connection, files: Files, state: State, in_full: bool
) -> list[Difference]:
    """Compare the objects of all databases, unless the last comparison still holds."""
    online_tables = online.interrupted(connection) if state.deployed else []
    look = LastLook(settings, connection, files, state)
    known = None if in_full or online_tables else look.recall()
    if known is not None:
        return known
    objects = list(_objects(settings, connection, files, state, online_tables))
    if not online_tables and state.registered.issubset(state.shards):
        look.keep(objects)
    return objects


def _objects(
    settings: Settings,
    connection: Connection,
    files: Files,
    state: State,
    online_tables: Sequence[tuple[str, str]],
) -> Iterator[Difference]:
    server = connection.rows("SELECT VERSION(), @@hostname, @@port, @@datadir")[0]
    is_running = bool(online_tables and lease_holder(connection))

    @cache  # a thousand shards have the same migrations
    def expected(scope: str, applied: frozenset[str]) -> dict[Name, str]:
        return _wanted(connection, server, files, scope, applied)

    for db, installed in tables.definitions_of(settings, connection.server, state.deployed):
        applied = state.migrations(db)
        wanted = expected(scope_of(db), applied)
        if installed == wanted:
            continue
        changing = [table for place, table in online_tables if place == db]
        for difference in _of_database(connection, db, installed, wanted, files, state, applied, changing):
            if difference.what != "remains" or not is_running:
                yield difference


def _wanted(
    connection: Connection, server: tuple[object, ...], files: Files, scope: str, applied: frozenset[str]
) -> dict[Name, str]:
    """Return the definitions that these migrations make on a server, from memory when they are known."""
    scripts = (*files.migrations[scope], *files.views[scope])
    digests = tuple((s.name, s.digest) for s in scripts if s.name in applied or s in files.views[scope])
    key = (*server, scope, digests)
    if key not in _definitions:
        name = f"{scratch_name(connection)}_{scope}"
        with scratch_database(connection, name, files, scope, applied) as scratch:
            _definitions[key] = _by_the_definer(connection, tables.definitions(connection, scratch))
    return _definitions[key]


def _by_the_definer(connection: Connection, definitions: dict[Name, str]) -> dict[Name, str]:
    """Return the definitions with the definer as the owner of the views, which the connection has made."""
    user, _, host = connection.one("SELECT CURRENT_USER()").rpartition("@")
    made, wanted = f"DEFINER=`{user}`@`{host}`", f"DEFINER=`{DEFINER_NAME}`@`localhost`"
    return {
        key: text.replace(made, wanted, 1) if key[0] == "view" else text for key, text in definitions.items()
    }


def _of_database(
    connection: Connection,
    db: str,
    installed: Mapping[Name, str],
    wanted: Mapping[Name, str],
    files: Files,
    state: State,
    applied: frozenset[str],
    changing: Sequence[str],
) -> Iterator[Difference]:
    """Compare one database; leave out views with a newer file, and what pending migrations name.

    `changing` has the tables that a deploy changes beside their users, or has not changed to the end.
    """
    scope = scope_of(db)
    views = {v.name: v for v in files.views[scope]}
    newer = {("view", v.name) for v in views.values() if state.applied.get((db, "view", v.name)) != v.digest}
    pending = "\n".join(
        statement for s in files.migrations[scope] if s.name not in applied for statement in s.statements
    )
    for key in sorted({*wanted, *installed} - newer):
        kind, name = key
        should, actual = wanted.get(key), installed.get(key)
        if should != actual and any(online.is_remainder(t, kind, name, actual or "") for t in changing):
            why = f"an interrupted change left it; `{as_typed('deploy')}` puts it in order"
            yield Difference(db, kind, name, "remains", why)
            continue
        if should == actual or re.search(rf"\b{re.escape(name)}\b", pending):
            continue
        if should is None and name in views:
            continue  # it needs tables that are not deployed yet
        if actual is None and (db, kind) == ("yp", "table") and name in LATER_TABLES:
            continue  # every deploy makes it when it is not there
        if should is None:
            yield Difference(db, kind, name, "unknown", "not ours, left alone")
            continue
        statements, repair = _repair(kind, name, should, actual)
        if kind == "view":
            statements = tuple(map(view_statement, views[name].statements))
        what = "missing" if actual is None else "changed"
        why = f"{'removed' if what == 'missing' else what} by hand"
        if kind == "trigger" and actual is None and any(online.is_on(t, should) for t in changing):
            why = "an interrupted change has dropped it"
        diff = _diff(should, actual) if actual is not None else ()
        yield Difference(
            db, kind, name, what, why,
            _changed(connection, db, key), diff, statements, repair, _advice(scope, kind, name, what),
        )  # fmt: skip


def _repair(kind: str, name: str, should: str, actual: str | None) -> tuple[tuple[str, ...], str]:
    """Return the statements that put an object back, and who runs them."""
    if kind == "trigger":
        return (tables.trigger_statement(name, should),), BY_THE_DEPLOY if actual is None else BY_NAME
    if kind == "view":
        return (), BY_THE_DEPLOY if actual is None else BY_NAME
    if actual is None:
        # An empty table in place of one with data is nobody's wish but that of somebody who says its name.
        return ("SET foreign_key_checks = 0", should, "SET foreign_key_checks = 1"), BY_NAME
    return (), BY_NOBODY


def _changed(connection: Connection, db: str, key: Name) -> str:
    """Return the time of the last ALTER of a table."""
    kind, name = key
    when = connection.one(
        "SELECT CREATE_TIME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        db,
        name if kind == "table" else "",
    )
    return f"last altered {when}" if when else ""


def _advice(scope: str, kind: str, name: str, what: str) -> tuple[str, ...]:
    if kind == "table" and what == "missing":
        again = f"{as_typed(f'deploy ALLOW={name}')}   (makes it again, empty)"
        return ("bring it back from a backup", again)
    if kind == "table":
        return (f"keep it: a migration in sql/{scope}/ that does the same; or undo it by hand",)
    return ()


def _diff(should: str, actual: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(_lines(should), _lines(actual), "migrations", "installed", lineterm="", n=0)
    return tuple(line for line in lines if not line.startswith("@@"))


def _lines(definition: str) -> list[str]:
    """Return a line for each column and key; split a view, which is one line on the server, at clauses."""
    if "\n" in definition:
        return definition.splitlines()
    return re.sub(r"(?<=,)| (?=(?:from|left join|join|where|group by) )", "\n", definition).splitlines()

"""Find tables, views and triggers that were changed by hand.

What they should be is asked of the server itself: the migrations that were applied run once more, in an
empty database that is thrown away. So no spelling of a version of MariaDB looks like a change.
"""

from __future__ import annotations

import difflib
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from service import as_typed
from service.deploy.journal import BOOTSTRAP
from service.deploy.plan import Files, places
from service.deploy.state import State
from service.schema.routines import Script
from service.store.admin import COLLATION, DEFINER, Connection, DeployError, view_statement

SCRATCH = "drumee_check_"
STALE_SECONDS = 3600
"""An older scratch database belongs to a killed run. Seconds."""

Name = tuple[str, str]
"""(table, view or trigger; name)"""


@dataclass(frozen=True)
class Difference:
    """An object that differs from the result of the migrations."""

    db: str
    kind: str
    name: str
    what: str
    """changed, missing, or unknown (not created by us)"""
    diff: tuple[str, ...] = ()
    when: Any = None
    """Time of the last ALTER; None when the server does not keep it."""


def differences(connection: Connection, files: Files, state: State) -> list[Difference]:
    """Compare every database with the result of its migrations, without leaving a trace on the server."""
    _drop_stale(connection)
    groups: dict[tuple[str, frozenset[str]], list[str]] = {}
    for db in ["yp", *state.shards]:
        applied = frozenset(n for place, kind, n in state.applied if (place, kind) == (db, "migration"))
        groups.setdefault(("yp" if db == "yp" else "shard", applied), []).append(db)
    all_differences: list[Difference] = []
    for (scope, applied), databases in groups.items():
        with _scratch(connection, files, scope, applied) as scratch:
            wanted = definitions(connection, scratch)
        for db in databases:
            pending = {
                ("view", v.name)
                for v in files.views[scope]
                if state.applied.get((db, "view", v.name)) != v.digest
            }
            all_differences += _compare(connection, db, wanted, pending)
    return all_differences


def _compare(
    connection: Connection, db: str, wanted: Mapping[Name, str], pending: set[Name]
) -> Iterator[Difference]:
    """Compare one database. `pending` views have a newer file: the plan reports them."""
    installed = definitions(connection, db)
    for key in sorted({*wanted, *installed} - pending):
        should, actual = wanted.get(key), installed.get(key)
        if should == actual:
            continue
        if actual is None:
            yield Difference(db, *key, "missing")
        elif should is None:
            yield Difference(db, *key, "unknown")
        else:
            yield Difference(db, *key, "changed", _diff(should, actual), _changed(connection, db, key))


def _diff(should: str, actual: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(_lines(should), _lines(actual), "migrations", "installed", lineterm="", n=0)
    return tuple(line for line in lines if not line.startswith("@@"))


def _lines(definition: str) -> list[str]:
    """Return a line for each column and key; split a view, which is one line on the server, at clauses."""
    if "\n" in definition:
        return definition.splitlines()
    return re.sub(r"(?<=,)| (?=(?:from|left join|join|where|group by) )", "\n", definition).splitlines()


def _changed(connection: Connection, db: str, key: Name) -> Any:
    kind, name = key
    return connection.one(
        "SELECT CREATE_TIME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        db,
        name if kind == "table" else "",
    )


def definitions(connection: Connection, db: str) -> dict[Name, str]:
    """Return the statements of all objects in a database except routines, as the server shows them."""
    connection.raw.select_db(db)
    statements: dict[Name, str] = {}
    for name, kind in connection.rows(f"SHOW FULL TABLES FROM `{db}`"):
        if kind == "VIEW":
            ((_, text, *_),) = connection.rows(f"SHOW CREATE VIEW `{name}`")
            statements["view", name] = text.replace(f"`{db}`.", "")
        else:
            ((_, text, *_),) = connection.rows(f"SHOW CREATE TABLE `{name}`")
            statements["table", name] = re.sub(r" AUTO_INCREMENT=\d+", "", text)
    for name, event, table, statement, timing, *others in connection.rows(f"SHOW TRIGGERS FROM `{db}`"):
        definer = others[2]
        statements["trigger", name] = f"{definer} {timing} {event} ON {table}\n{statement}"
    return statements


@contextmanager
def _scratch(connection: Connection, files: Files, scope: str, applied: Iterable[str]) -> Iterator[str]:
    """Create an empty database, and run the applied migrations and the views in it."""
    scripts = {s.name: s for s in files.migrations[scope]}
    unknown = sorted(set(applied) - set(scripts))
    if unknown:
        raise DeployError(f"{unknown[0]} was applied and is not in this checkout: use a newer one")
    name = f"{SCRATCH}{int(time.time())}_{secrets.token_hex(4)}"
    connection.run(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE {COLLATION}")
    # a view that selects from another one is checked with the rights of its owner
    connection.run(f"GRANT SELECT ON `{name}`.* TO {DEFINER}")
    try:
        connection.raw.select_db(name)
        if scope == "yp":
            connection.each([s.replace("yp.", "") for s in BOOTSTRAP if s.startswith("CREATE TABLE")])
        connection.each(_statements([scripts[each] for each in sorted(applied)]))
        connection.each([view_statement(s) for s in _statements(files.views[scope])])
        yield name
    finally:
        connection.run("SET SESSION foreign_key_checks = 0")
        _drop(connection, name)
        connection.run("SET SESSION foreign_key_checks = 1")


def _statements(scripts: Sequence[Script]) -> list[str]:
    return [statement for script in scripts for statement in script.statements]


def _drop(connection: Connection, name: str) -> None:
    """Drop a scratch database, and the right of the owner of views, which the server would keep."""
    connection.run(f"DROP DATABASE IF EXISTS `{name}`")
    if connection.one("SELECT COUNT(*) FROM mysql.db WHERE Db = %s", name):
        connection.run(f"REVOKE SELECT ON `{name}`.* FROM {DEFINER}")


def _drop_stale(connection: Connection) -> None:
    """Drop the scratch databases of killed runs."""
    for (name,) in connection.rows("SHOW DATABASES"):
        made = re.fullmatch(rf"{SCRATCH}(\d+)_\w+", name)
        if made and int(made[1]) < time.time() - STALE_SECONDS:
            _drop(connection, name)


def render(all_differences: Sequence[Difference]) -> list[str]:
    """Render the differences; equal ones of many databases share a line."""
    groups: dict[tuple[str, str, str, tuple[str, ...]], list[Difference]] = {}
    for each in all_differences:
        groups.setdefault((each.what, each.kind, each.name, each.diff), []).append(each)
    lines = []
    for (what, kind, name, diff), items in groups.items():
        scope = "yp" if items[0].db == "yp" else "shard"
        lines.append(f"  {what:<9} {kind:<9} {name:<26} {places(items):<18} {_why(items[0])}")
        lines += [f"            {line}" for line in diff]
        lines += [f"            → {line}" for line in _advice(what, kind, name, scope)]
    return lines


def _why(item: Difference) -> str:
    if item.what == "unknown":
        return "not ours, left alone"
    when = f", last altered {item.when}" if item.when else ""
    return f"{'changed' if item.what == 'changed' else 'removed'} by hand{when}"


def _advice(what: str, kind: str, name: str, scope: str) -> list[str]:
    if what == "unknown":
        return []
    if kind == "view":
        return [f"{as_typed(f'deploy ALLOW={name}')}   (makes it again, as its file says)"]
    return [f"keep it: a migration in sql/{scope}/ that does the same; or undo it by hand"]

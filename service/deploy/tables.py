"""Find tables, views and triggers that were changed by hand.

What they should be is asked of the server itself: the migrations that were applied run once more, in an
empty database that is thrown away. So no spelling of a version of MariaDB looks like a change.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service import as_typed
from service.deploy.plan import Files, places
from service.deploy.scratch import drop_stale, scratch_database, scratch_name
from service.deploy.state import State
from service.store.admin import Connection

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
    drop_stale(connection)
    name = scratch_name(connection)
    groups: dict[tuple[str, frozenset[str]], list[str]] = {}
    for db in ["yp", *state.shards]:
        applied = frozenset(n for place, kind, n in state.applied if (place, kind) == (db, "migration"))
        groups.setdefault(("yp" if db == "yp" else "shard", applied), []).append(db)
    all_differences: list[Difference] = []
    for (scope, applied), databases in groups.items():
        with scratch_database(connection, f"{name}_{scope}", files, scope, applied) as scratch:
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

"""Read the installed state of a server in a fixed number of queries, whatever the number of shards."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain
from typing import Any

from service.schema.routines import Routine, one_line
from service.store.admin import CHARSET, COLLATION, DEFINER_NAME, SQL_MODE, Connection

STAMP = re.compile(
    r"\[(?P<path>procedures/\S+\.sql) (?P<digest>[0-9a-f]{16})"
    r"(?: (?P<fingerprint>[0-9a-f]{16}) (?P<revision>\S+))?\]$"
)
STAMP_LENGTH = 250
SCRATCH = "drumee_check_"
"""Beginning of the names of scratch databases."""
OPENING = 2
"""Value of yp.shard.is_open while a shard is being created."""

COMPARED = """
    CONCAT_WS('\\0', name, type, sql_data_access, is_deterministic, security_type, definer, param_list,
              returns, body, sql_mode, character_set_client, collation_connection,
              COALESCE(db_collation, ''), comment)
"""
SUMS = f"""
    SELECT db, COUNT(*), SUM(CRC32({COMPARED})), SUM(CRC32C({COMPARED}))
    FROM mysql.proc
    WHERE db BETWEEN %s AND %s AND (db = 'yp' OR db IN (SELECT name FROM yp.shard))
    GROUP BY db
"""
"""Equal for databases with the same routines. Two checksums of each routine take a third of the time of a
digest. Their sums count, as two equal changes would cancel each other in an exclusive or."""
ROUTINE_STATEMENTS = """
    SELECT IF(@@GLOBAL.wsrep_on, NULL, CAST(SUM(VARIABLE_VALUE) AS SIGNED))
    FROM information_schema.GLOBAL_STATUS
    WHERE VARIABLE_NAME REGEXP '^COM_(ALTER|CREATE|DROP)_(FUNCTION|PROCEDURE|PACKAGE)'
"""
"""Statements about routines since the start of the server. A node of a cluster counts those of others in its
own way."""
READERS = 2
"""Connections that read routines, or tables, at the same time: two processors of the server, at most."""
ROUTINES = f"""
    SELECT g.places, r.name, r.type, r.sql_data_access, r.is_deterministic, r.security_type, r.definer,
           r.param_list, r.returns, LEFT(MD5(CONCAT(r.param_list, '\\n', r.body)), 16),
           LEFT(MD5(REPLACE(CONCAT(r.param_list, '\\n', r.body), '\\r\\n', '\\n')), 16), r.sql_mode,
           r.character_set_client, r.collation_connection, r.db_collation, RIGHT(r.comment, {STAMP_LENGTH}),
           g.modified
    FROM (
        SELECT GROUP_CONCAT(db) AS places, MIN(db) AS db, MIN(name) AS name, MIN(type) AS type,
               MAX(modified) AS modified
        FROM mysql.proc
        WHERE db IN %s
        GROUP BY MD5({COMPARED})
    ) AS g
    JOIN mysql.proc AS r ON r.db = g.db AND r.name = g.name AND r.type = g.type
    ORDER BY r.db, r.name
"""
"""One row for all of these databases with the same routine. The server compares faster than Python, and one
digest of all columns faster than the columns."""

APPLIED = """
    SELECT GROUP_CONCAT(db_name), kind, name, digest
    FROM yp.deploy_item
    GROUP BY kind, name, digest
"""
"""One row for all databases with the same script: nearly all of them have the same ones."""
OBJECTS = """
    SELECT db, CAST(SUM(number) AS SIGNED) FROM (
        SELECT TABLE_SCHEMA AS db, COUNT(*) AS number FROM information_schema.TABLES GROUP BY TABLE_SCHEMA
        UNION ALL
        SELECT db, COUNT(*) FROM mysql.proc GROUP BY db
    ) AS counts
    GROUP BY db
"""
OWNER = f"{DEFINER_NAME}@localhost"


@dataclass(frozen=True, slots=True)
class Installed:
    """A routine as installed on the server."""

    group: int
    """Key that is equal for routines that differ only in their database."""
    db: str
    name: str
    kind: str
    access: str
    deterministic: bool
    security: str
    definer: str
    params_text: str
    returns: str
    fingerprint: str
    plain_fingerprint: str
    """That of the text without CR at the ends of its lines."""
    sql_mode: str
    charset: str
    collation: str
    db_collation: str
    comment_end: str
    modified: Any

    @property
    def stamp(self) -> re.Match[str] | None:
        """Mark at the end of the comment: file, digest, fingerprint, revision."""
        return STAMP.search(self.comment_end)

    @property
    def signature(self) -> str:
        """Return the parameters with normalised white space."""
        return one_line(self.params_text)

    def traits_changed(self, routine: Routine) -> list[str]:
        """Return the characteristics that differ from the file, or from those that every routine has."""
        wanted = {
            "kind": (self.kind, routine.kind),
            "data access": (self.access, ACCESS[routine.access]),
            "DETERMINISTIC": (self.deterministic, routine.deterministic),
            "returns": (plain_type(self.returns, routine.returns), plain_type(routine.returns, self.returns)),
            **self._common(),
        }
        return [name for name, (actual, expected) in wanted.items() if actual != expected]

    def traits_wrong(self) -> list[str]:
        """Return the characteristics that differ from those that every routine has."""
        return [name for name, (actual, expected) in self._common().items() if actual != expected]

    def _common(self) -> dict[str, tuple[object, object]]:
        return {
            "SQL SECURITY": (self.security, "DEFINER"),
            "definer": (self.definer, OWNER),
            "sql_mode": (set(self.sql_mode.split(",")), set(SQL_MODE.split(","))),
            "character set": (self.charset, CHARSET),
            "collation": (self.collation, COLLATION),
            "collation of the database": (self.db_collation, COLLATION),
        }


ACCESS = {"READS": "READS_SQL_DATA", "MODIFIES": "MODIFIES_SQL_DATA", "NO": "NO_SQL"}


def plain_type(text: str, other: str) -> str:
    """Return a type in the words of the server, without the parts that `other` leaves to the server."""
    words = one_line(text).lower().replace("character set", "charset")
    words = re.sub(r"\b((?:tiny|small|medium|big)?int)\(\d+\)", r"\1", words)
    words = re.sub(r" charset \w+(?= collate)", "", words)  # a collation names its character set
    if "collate" not in other.lower():
        words = re.sub(r" (charset|collate) \w+", "", words)
    return words


def scope_of(db: str) -> str:
    """Return the class of a database of ours: yp, or shard."""
    return "yp" if db == "yp" else "shard"


class InstalledRoutines(Mapping[tuple[str, str], Installed]):
    """Routines by (database, name): a function and a procedure never share a name.

    Memory holds a routine once for all databases that have the same one.
    """

    def __init__(self, of_database: Mapping[str, Sequence[Installed]]) -> None:
        """Take the routines of each database; those of other databases may stand for equal ones."""
        self._groups = {db: tuple(r.group for r in routines) for db, routines in of_database.items()}
        self._known = {
            self._groups[db]: {r.name: r for r in routines} for db, routines in of_database.items()
        }

    def __getitem__(self, key: tuple[str, str]) -> Installed:
        """Return the routine of a database."""
        db, name = key
        return dataclasses.replace(self._in(db)[name], db=db)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Iterate over the keys."""
        return ((db, name) for db in self._groups for name in self._in(db))

    def __len__(self) -> int:
        """Return the number of routines in all databases."""
        return sum(map(len, self._groups.values()))

    def __eq__(self, other: object) -> bool:
        """Return whether the same routines are in the same databases."""
        return (
            isinstance(other, InstalledRoutines)
            and self._groups == other._groups
            and self._known == other._known
        )

    __hash__ = None  # type: ignore[assignment]

    def names(self, db: str) -> Iterable[str]:
        """Return the names in one database."""
        return self._in(db).keys()

    def alike(self, db: str) -> Mapping[str, Installed]:
        """Return the routines of one database by name; `db` in them may be another one with the same."""
        return self._in(db)

    def distinct(self) -> Iterator[Installed]:
        """Yield the routines of one database of each likeness."""
        for db in {groups: db for db, groups in self._groups.items()}.values():
            yield from (self[db, name] for name in self._in(db))

    def likeness(self, db: str) -> tuple[int, ...]:
        """Return a key that is equal for databases with the same routines."""
        return self._groups.get(db, ())

    def _in(self, db: str) -> Mapping[str, Installed]:
        return self._known.get(self.likeness(db), {})


@dataclass
class State:
    """Databases, routines and applied scripts of one server."""

    databases: set[str] = field(default_factory=set)
    shards: list[str] = field(default_factory=list)
    registered: set[str] = field(default_factory=set)
    """Shards in yp.shard."""
    opening: set[str] = field(default_factory=set)
    """Shards that were never complete: no user is placed there, no service reads them."""
    routines: InstalledRoutines = field(default_factory=lambda: InstalledRoutines({}))
    routine_statements: int | None = None
    """How many statements about routines the server had run before they were read; None on a cluster."""
    applied: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """Digests of migrations and views by (database, kind, name)."""
    granted: set[tuple[str, str]] = field(default_factory=set)
    """(database, account) pairs with the rights they need."""
    wide: set[tuple[str, str]] = field(default_factory=set)
    """(database, account) pairs whose rights reach other databases: _ in a GRANT stands for any letter."""
    users: set[str] = field(default_factory=set)
    """Names of all accounts."""
    collations: dict[str, str] = field(default_factory=dict)
    """Default collation by database."""
    objects: dict[str, int] = field(default_factory=dict)
    """Number of tables, views and routines by database, of any owner."""
    bookkeeping: set[str] = field(default_factory=set)
    """Those of deploy_item and shard that yp has."""
    orphans: set[str] = field(default_factory=set)
    """Databases with routines of ours on a server without registry."""

    @property
    def deployed(self) -> list[str]:
        """Return the databases that have had a migration: the registry first, then the shards."""
        return [db for db in ("yp", *self.shards) if self.is_deployed(db)]

    def is_deployed(self, db: str) -> bool:
        """Return whether a database has had a migration, and is there."""
        return db in self.databases and bool(self.migrations(db))

    def migrations(self, db: str) -> frozenset[str]:
        """Return the names of the migrations that were applied to a database."""
        return frozenset(name for kind, name in self._scripts.get(db, ()) if kind == "migration")

    def is_lost(self, db: str) -> bool:
        """Return whether a database that was deployed is gone or empty."""
        is_new = db not in self.registered or db in self.opening
        return (db in self._scripts or not is_new) and not self.objects.get(db)

    @cached_property
    def _scripts(self) -> dict[str, list[tuple[str, str]]]:
        """Return (kind, name) of what was applied, by database: a thousand shards are searched once."""
        by_database: dict[str, list[tuple[str, str]]] = {}
        for db, kind, name in self.applied:
            by_database.setdefault(db, []).append((kind, name))
        return by_database


def read_state(connection: Connection, new_shards: Iterable[str] = ()) -> State:
    """Read the state of the server, also of one without any of our databases."""
    state = read_outline(connection, new_shards)
    if "shard" in state.bookkeeping:
        state.routines = _routines(connection, sorted({"yp", *state.registered}))
    return state


def read_outline(connection: Connection, new_shards: Iterable[str] = ()) -> State:
    """Read the state without the routines: of a thousand shards, their texts take most of the time."""
    routine_statements = connection.one(ROUTINE_STATEMENTS)
    collations = dict(
        connection.rows("SELECT SCHEMA_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA")
    )
    state = State(databases=set(collations), collations=collations, routine_statements=routine_statements)
    names = state.bookkeeping = registry_tables(connection)
    state.objects = dict(connection.rows(OBJECTS))
    if "shard" not in names:
        state.orphans = orphans(connection)
    else:
        shards = connection.rows("SELECT name, is_open FROM yp.shard ORDER BY name")
        state.shards = [name for name, _ in shards]
        state.registered = set(state.shards)
        state.opening = {name for name, is_open in shards if is_open == OPENING}
    state.shards += [name for name in new_shards if name not in state.shards]
    if "deploy_item" in names:
        state.applied = {
            (db, kind, name): digest
            for places, kind, name, digest in connection.rows(APPLIED)
            for db in places.split(",")
        }
    for pattern, user in _grants(connection):
        db = pattern.replace("\\", "")
        (state.granted if pattern == escaped(db) else state.wide).add((db, user))
    state.users = {user for (user,) in connection.rows("SELECT User FROM mysql.global_priv")}
    return state


def registry_tables(connection: Connection) -> set[str]:
    """Return those of deploy_item and shard that yp has."""
    rows = connection.rows(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'yp' "
        "AND TABLE_NAME IN ('deploy_item', 'shard')"
    )
    return {name for (name,) in rows}


def orphans(connection: Connection) -> set[str]:
    """Return the databases with routines of ours, beside the registry."""
    rows = connection.rows("SELECT DISTINCT db FROM mysql.proc WHERE definer = %s", OWNER)
    return {db for (db,) in rows if db != "yp" and not db.startswith(SCRATCH)}


def _routines(connection: Connection, databases: Sequence[str]) -> InstalledRoutines:
    """Read the routines of these databases, a part of them over each of several connections."""
    size = math.ceil(len(databases) / READERS)
    parts = [databases[start : start + size] for start in range(0, len(databases), size)]
    alike: dict[tuple[object, ...], list[str]] = {}
    with ThreadPoolExecutor(READERS, "routines") as pool:
        for db, *sums in chain.from_iterable(pool.map(partial(_sums, connection), parts)):
            alike.setdefault(tuple(sums), []).append(_text(db))
    of_database: dict[str, list[Installed]] = {}
    rows = connection.rows(ROUTINES, [places[0] for places in alike.values()]) if alike else []
    for group, row in enumerate(rows):
        places = _text(row[0]).split(",")
        installed = _installed(group, places[0], row)
        for db in places:
            of_database.setdefault(db, []).append(installed)
    return InstalledRoutines(
        {db: of_database.get(places[0], []) for places in alike.values() for db in places}
    )


def _sums(connection: Connection, databases: Sequence[str]) -> list[tuple[Any, ...]]:
    with closing(connection.beside()) as reader:
        return reader.rows(SUMS, databases[0], databases[-1])


def _installed(group: int, db: str, row: tuple[Any, ...]) -> Installed:
    (_, name, kind, access, deterministic, security, definer, params, returns, fingerprint,
     plain_fingerprint, mode, charset, collation, db_collation, comment, modified) = row  # fmt: skip
    return Installed(
        group, db, name, kind, access, deterministic == "YES", security, definer, _text(params),
        _text(returns), _text(fingerprint), _text(plain_fingerprint), _text(mode), charset, collation,
        db_collation, _text(comment), modified,
    )  # fmt: skip


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def escaped(db: str) -> str:
    """Return the name of a database for a GRANT, where _ and % stand for any letters."""
    return db.replace("_", "\\_").replace("%", "\\%")


def _grants(connection: Connection) -> set[tuple[str, str]]:
    """Return (pattern, account) pairs: all of data and EXECUTE for the definer, EXECUTE for others."""
    rows = connection.rows(
        "SELECT Db, User, Select_priv = 'Y' AND Insert_priv = 'Y' AND Update_priv = 'Y' "
        "AND Delete_priv = 'Y' AND Trigger_priv = 'Y', Execute_priv = 'Y' FROM mysql.db "
        "WHERE User <> %s OR Host = 'localhost'",
        DEFINER_NAME,
    )
    return {(db, user) for db, user, data, execute in rows if execute and (data or user != DEFINER_NAME)}


@dataclass(frozen=True)
class InstalledText:
    """What a routine of the server says."""

    header: str
    statement: str
    """As the server returns it, in the form of our files."""


def text_of(connection: Connection, routine: Installed) -> InstalledText:
    """Return the text of an installed routine, to show differences."""
    ((params, returns, body, comment),) = connection.rows(
        "SELECT param_list, returns, body, comment FROM mysql.proc WHERE db = %s AND name = %s AND type = %s",
        routine.db,
        routine.name,
        routine.kind,
    )
    statement = statement_text(
        routine.kind, routine.name, _text(params), _text(returns), routine, _text(body)
    )
    return InstalledText(STAMP.sub("", _text(comment)).rstrip(), statement)


def statement_text(
    kind: str, name: str, params: str, returns: str, routine: Installed | Routine, body: str
) -> str:
    """Return the CREATE statement in the form of our files."""
    access = routine.access if isinstance(routine, Installed) else ACCESS[routine.access]
    traits = [f"RETURNS {returns}"] if kind == "FUNCTION" else []
    if kind == "FUNCTION":
        traits.append("DETERMINISTIC" if routine.deterministic else "NOT DETERMINISTIC")
    security = routine.security if isinstance(routine, Installed) else "DEFINER"
    traits += [access.replace("_", " "), f"SQL SECURITY {security}"]
    lines = "".join(f"    {trait}\n" for trait in traits)
    return f"CREATE OR REPLACE {kind} {name}({params})\n{lines}{body}"

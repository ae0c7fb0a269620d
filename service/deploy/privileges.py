"""Name all rights that the account of a command lacks, as GRANT statements, before anything is touched."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import pymysql

from service import as_typed
from service.deploy.state import SCRATCH, escaped
from service.store.admin import DEFINER_RIGHTS, Connection, DeployError

READ = ("SELECT", "SHOW VIEW", "TRIGGER", "EVENT")
"""What shows the definitions of all that a database has."""
DATA = tuple(DEFINER_RIGHTS.split(", "))
LEASE = ("CREATE", "SELECT", "INSERT", "UPDATE")
"""To take the lease, whose tables are made when they are missing."""
CHANGE = (
    *DATA, "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE",
    "ALTER ROUTINE", "EVENT", "GRANT OPTION",
)  # fmt: skip
"""GRANT OPTION, as the definer and the service get rights."""
COPY = (
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "ALTER",
    "INDEX",
    "REFERENCES",
    "CREATE VIEW",
)
"""To load tables and the views of a dump, without triggers and routines."""
ACCOUNTS = ("CREATE USER", "SET USER", "PROCESS")
"""SET USER: routines and views belong to the definer. PROCESS: whose scratch databases are in use."""
SYSTEM_TABLES = (
    "db",
    "global_priv",
    "proc",
    "procs_priv",
    "proxies_priv",
    "roles_mapping",
    "tables_priv",
    "user",
)
"""Those of the database mysql that the comparison reads."""
MANY = 5
"""Databases in GRANT statements of their own, at most."""
LINE = re.compile(
    r"GRANT (?P<rights>[A-Z_, ]+) ON (?P<place>\*\.\*|`(?:[^`]|``)+`\.\*) TO (?P<grantee>\S+)(?P<rest>.*)",
    re.DOTALL,
)
TRUSTED = "SELECT NOT @@log_bin OR @@log_bin_trust_function_creators"
"""Whether everybody may create functions and triggers; else only accounts with SUPER."""
LOGS_STATEMENTS = "SELECT @@log_bin AND @@binlog_format <> 'ROW'"
"""Whether changes can be in the binary log as statements, which an account needs BINLOG ADMIN to change."""
NOT_THERE = {1049, 1146}
"""No such database, or table."""
WILDCARD = re.compile(r"(?<!\\)[%_]")


@dataclass(frozen=True)
class Needs:
    """Rights that a command needs."""

    everywhere: tuple[str, ...] = ()
    """Those that can only be given ON *.*."""
    ours: tuple[str, ...] = ()
    """On each of our databases."""
    registry: tuple[str, ...] = ()
    """On yp, beyond these."""
    scratch: tuple[str, ...] = ()
    """On the databases that are made and dropped beside them."""
    logs_rows: bool = False
    """Whether it writes its rows into the binary log, whatever format the server has."""


NEEDS = {
    "deploy": Needs(ACCOUNTS, CHANGE, (), CHANGE),
    "drift": Needs(ACCOUNTS, READ, (), CHANGE),
    "doctor": Needs(ACCOUNTS, READ, (), CHANGE),
    "backup": Needs(("CREATE USER",), READ, LEASE),
    "backup of a replica": Needs((), READ),
    "restore": Needs(ACCOUNTS, (*CHANGE, "LOCK TABLES"), (), CHANGE),
    "restore of a user": Needs(
        ("CREATE USER", "PROCESS"), DATA, LEASE, (*COPY, "CREATE TEMPORARY TABLES", "LOCK TABLES"), True
    ),
    "move": Needs(("CREATE USER",), DATA, LEASE),
}
"""By command: plan, proc, shard and shard-drop need the rights of deploy."""


def check_privileges(
    connection: Connection, command: str, more: Iterable[str] = (), first_shard: str = ""
) -> None:
    """Raise DeployError with the GRANT statements for all that the account lacks for one of NEEDS.

    `more`: databases that the command makes. `first_shard`: another one, when there are no shards yet.
    """
    account, needs, held = connection.one("SELECT CURRENT_USER()"), NEEDS[command], _held(connection)
    if needs.scratch and not needs.logs_rows and not connection.one(TRUSTED):
        needs = replace(needs, everywhere=(*needs.everywhere, "SUPER"))
    if needs.logs_rows and connection.one(LOGS_STATEMENTS):
        needs = replace(needs, everywhere=(*needs.everywhere, "BINLOG ADMIN"))
    try:
        names = _shards(connection) or [name for name in [first_shard] if name]
        missing = _missing(held, needs, list(dict.fromkeys(["yp", *names, *more])))
    except pymysql.err.OperationalError:
        # the account cannot see which shards there are
        missing = _missing_on_all(held, needs)
    tables = [name for name in SYSTEM_TABLES if not _is_readable(connection, f"mysql.{name}")]
    if tables:
        missing["`mysql`.*"] = ["SELECT"]
    if missing:
        user, _, host = account.rpartition("@")
        raise DeployError(
            f"the account {account} lacks rights that `{as_typed(command.partition(' ')[0])}` needs. "
            "Nothing was touched. Let an administrator of the server run these statements, then run the same "
            "command again:\n" + "\n".join(_statements(missing, f"`{user}`@`{host}`"))
        )


def revoke_all(connection: Connection, pattern: str, account: str) -> None:
    """Take back all rights that an account has on a database; `account` is quoted.

    REVOKE ALL would need all rights itself.
    """
    rights = connection.rows(
        "SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES "
        "WHERE TABLE_SCHEMA = %s AND GRANTEE = %s AND PRIVILEGE_TYPE <> 'USAGE'",
        pattern,
        account,
    )
    if rights:
        connection.run(f"REVOKE {', '.join(right for (right,) in rights)} ON `{pattern}`.* FROM {account}")


def _shards(connection: Connection) -> list[str]:
    """Return the shards; none before the first deploy. Raise OperationalError without rights on yp."""
    try:
        return [name for (name,) in connection.rows("SELECT name FROM yp.shard ORDER BY name")]
    except pymysql.err.MySQLError as exc:
        if exc.args[0] not in NOT_THERE:
            raise
        return []


def _is_readable(connection: Connection, table: str) -> bool:
    try:
        connection.rows(f"SELECT 1 FROM {table} LIMIT 0")
    except pymysql.err.OperationalError:
        return False
    return True


Held = Mapping[tuple[str, str], set[str]]
"""Rights by grantee (the account, a role, PUBLIC) and place."""


def _held(connection: Connection) -> Held:
    """Return the rights of the account, with those of its roles and of everybody."""
    held: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (text,) in connection.rows("SHOW GRANTS"):
        if line := LINE.match(text):
            rights = held[line["grantee"], line["place"]]
            rights.update(line["rights"].split(", "))
            if "WITH GRANT OPTION" in line["rest"]:
                rights.add("GRANT OPTION")
    return held


def _missing(held: Held, needs: Needs, databases: list[str]) -> dict[str, list[str]]:
    """Return the rights that are missing by place, as a GRANT names it."""
    everywhere = _everywhere(held)
    wanted = {f"`{escaped(db)}`.*": (db, needs.ours) for db in databases}
    wanted["`yp`.*"] = ("yp", tuple(dict.fromkeys([*needs.ours, *needs.registry])))
    wanted[f"`{escaped(SCRATCH)}%`.*"] = (f"{SCRATCH}1_yp", needs.scratch)
    missing = {"*.*": _without(needs.everywhere, everywhere)}
    for place, (db, rights) in wanted.items():
        missing[place] = _without(rights, everywhere | _in_database(held, db))
    return {place: rights for place, rights in missing.items() if rights}


def _missing_on_all(held: Held, needs: Needs) -> dict[str, list[str]]:
    rights = dict.fromkeys([*needs.everywhere, *needs.ours, *needs.registry, *needs.scratch])
    missing = _without(rights, _everywhere(held))
    return {"*.*": missing} if missing else {}


def _everywhere(held: Held) -> set[str]:
    rights = {right for (_, place), each in held.items() if place == "*.*" for right in each}
    return rights | ({"SET USER"} if "SUPER" in rights else set())


def _without(rights: Iterable[str], held: set[str]) -> list[str]:
    has_all = "ALL PRIVILEGES" in held
    return [right for right in rights if right not in held and not (has_all and right != "GRANT OPTION")]


def _in_database(held: Held, db: str) -> set[str]:
    """Return the rights on a database: of several patterns, the server takes the most specific one."""
    rights: set[str] = set()
    for grantee in {grantee for grantee, _ in held}:
        patterns = [
            place for who, place in held if who == grantee and place != "*.*" and covers(place[1:-3], db)
        ]
        if patterns:
            rights |= held[grantee, max(patterns, key=_specificity)]
    return rights


def covers(pattern: str, db: str) -> bool:
    """Return whether rights on a pattern of databases are rights on this one."""
    parts = re.findall(r"\\.|.", pattern.replace("``", "`"))
    wild = {"%": ".*", "_": "."}
    return bool(re.fullmatch("".join(wild.get(part) or re.escape(part[-1]) for part in parts), db))


def _specificity(pattern: str) -> int:
    wildcard = WILDCARD.search(pattern)
    return wildcard.start() if wildcard else len(pattern) + 64


def _statements(missing: Mapping[str, list[str]], account: str) -> Iterator[str]:
    """Yield GRANT statements; rights on more than a few databases are given on all."""
    by_rights: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for place, rights in missing.items():
        by_rights[tuple(rights)].append(place)
    for together, places in by_rights.items():
        names = ", ".join(right for right in together if right != "GRANT OPTION") or "USAGE"
        end = " WITH GRANT OPTION" if "GRANT OPTION" in together else ""
        for place in places if len(places) <= MANY else ["*.*"]:
            yield f"  GRANT {names} ON {place} TO {account}{end};"

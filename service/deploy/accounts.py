"""The accounts that a deploy makes, and their rights: what differs from what they need.

The definer owns every routine and view: locked, without a password, with the data of our databases. The
account of the service may EXECUTE and nothing else.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from service.deploy.difference import BY_NAME, BY_THE_DEPLOY, Difference
from service.deploy.state import SCRATCH, State, escaped
from service.settings import DatabaseServer
from service.store.admin import DEFINER, DEFINER_NAME, DEFINER_RIGHTS, Connection, refusal

NO_SECRET = {"", "invalid"}
RELOCK = f"ALTER USER {DEFINER} IDENTIFIED VIA mysql_native_password USING 'invalid' ACCOUNT LOCK"
WANTED = {DEFINER_NAME: frozenset(DEFINER_RIGHTS.split(", "))}
"""Rights of the definer in each database; every other account of ours may EXECUTE."""
LIMITS = {
    "max_questions": "MAX_QUERIES_PER_HOUR",
    "max_updates": "MAX_UPDATES_PER_HOUR",
    "max_connections": "MAX_CONNECTIONS_PER_HOUR",
    "max_user_connections": "MAX_USER_CONNECTIONS",
    "max_statement_time": "MAX_STATEMENT_TIME",
}
"""Limits of an account in mysql.global_priv, and in SQL; 0 is none."""
GRANTEE = "CONCAT('''', User, '''@''', Host, '''')"

ACCOUNTS = """
    SELECT User, Host, JSON_VALUE(Priv, '$.account_locked') IN ('true', '1'),
           COALESCE(JSON_VALUE(Priv, '$.plugin'), ''),
           COALESCE(JSON_VALUE(Priv, '$.authentication_string'), ''),
           JSON_VALUE(Priv, '$.password_last_changed') = '0',
           JSON_EXISTS(Priv, '$.auth_or'),
           Priv
    FROM mysql.global_priv
    WHERE User IN %s
"""
RIGHTS = f"""
    SELECT GRANTEE, '*.*', PRIVILEGE_TYPE, IS_GRANTABLE
    FROM information_schema.USER_PRIVILEGES
    WHERE PRIVILEGE_TYPE <> 'USAGE' OR IS_GRANTABLE = 'YES'
    UNION ALL
    SELECT GRANTEE, CONCAT('`', TABLE_SCHEMA, '`.*'), PRIVILEGE_TYPE, IS_GRANTABLE
    FROM information_schema.SCHEMA_PRIVILEGES
    UNION ALL
    SELECT GRANTEE, CONCAT('`', TABLE_SCHEMA, '`.`', TABLE_NAME, '`'), PRIVILEGE_TYPE, IS_GRANTABLE
    FROM information_schema.TABLE_PRIVILEGES
    UNION ALL
    SELECT GRANTEE, CONCAT('`', TABLE_SCHEMA, '`.`', TABLE_NAME, '`'),
           CONCAT(PRIVILEGE_TYPE, ' (`', COLUMN_NAME, '`)'), 'NO'
    FROM information_schema.COLUMN_PRIVILEGES
    UNION ALL
    SELECT {GRANTEE}, CONCAT('''', Proxied_user, '''@''', Proxied_host, ''''), 'PROXY', 'NO'
    FROM mysql.proxies_priv
    UNION ALL
    SELECT {GRANTEE}, CONCAT(Routine_type, ' `', Db, '`.`', Routine_name, '`'), UPPER(Proc_priv),
           IF(FIND_IN_SET('Grant', Proc_priv), 'YES', 'NO')
    FROM mysql.procs_priv
"""
"""(account, place, right or rights, whether it may pass them on)"""
ROLES = f"SELECT Role, {GRANTEE} FROM mysql.roles_mapping WHERE User IN %s"


@dataclass(frozen=True)
class _Account:
    """An account, and how one signs in as it."""

    user: str
    host: str
    is_locked: bool
    plugin: str
    secret: str
    has_expired: bool
    has_other_ways: bool
    properties: str
    """JSON of mysql.global_priv."""

    def __str__(self) -> str:
        return f"'{self.user}'@'{self.host}'"


def differences(connection: Connection, state: State, app: DatabaseServer | None) -> Iterator[Difference]:
    """Compare the accounts of a deployed server; `app` is how the service connects."""
    users = [DEFINER_NAME, *([app.user] if app else [])]
    faults: list[Difference] = []
    accounts = [_Account(*row) for row in connection.rows(ACCOUNTS, users)]
    for account in accounts:
        if account.user == DEFINER_NAME:
            yield from _of_the_definer(account)
        elif app:
            faults += _of_the_service(connection, account, app)
    of_the_service = [account for account in accounts if app and account.user == app.user]
    if app and of_the_service and not any(fault.what == "changed" for fault in faults):
        faults += _sign_in(app, of_the_service)
    yield from faults
    yield from _roles(connection, users)
    yield from _rights(connection, state, users)


def _of_the_definer(account: _Account) -> Iterator[Difference]:
    if str(account) != DEFINER:
        why = f"no routine belongs to it: they belong to {DEFINER}"
        yield Difference("yp", "account", f"{account.user}@{account.host}", "unknown", why)
        return
    faults = []
    if not account.is_locked:
        faults.append("not locked")
    if account.secret not in NO_SECRET:
        faults.append("has a password")
    if account.plugin != "mysql_native_password":
        faults.append(f"signs in by {account.plugin or 'nothing'}")
    if account.has_other_ways:
        faults.append("signs in by several plugins")
    if faults:
        why = f"{', '.join(faults)}: somebody could sign in as the owner of all routines"
        yield Difference(
            "yp", "account", account.user, "changed", why, statements=(RELOCK,), repair=BY_THE_DEPLOY
        )


def _of_the_service(connection: Connection, account: _Account, app: DatabaseServer) -> Iterator[Difference]:
    if account.is_locked:
        yield Difference(
            "yp", "account", account.user, "changed", "locked: the service cannot connect",
            statements=(f"ALTER USER {account} ACCOUNT UNLOCK",), repair=BY_NAME,
        )  # fmt: skip
    if account.has_expired:
        yield Difference(
            "yp", "account", account.user, "changed", "its password has expired: the service cannot connect",
            advice=(f"ALTER USER {account} IDENTIFIED BY …, and set DRUMEE_DB",),
        )  # fmt: skip
    if limits := _limits(account):
        yield Difference(
            "yp", "account", account.user, "unknown", f"{limits}: the server refuses calls beyond"
        )  # fmt: skip
    is_native = account.plugin == "mysql_native_password"
    if is_native and account.secret != connection.one("SELECT PASSWORD(%s)", app.password or ""):
        yield Difference(
            "yp", "account", account.user, "changed", "another password than that in DRUMEE_DB",
            advice=(f"ALTER USER {account} IDENTIFIED BY …, or set DRUMEE_DB",),
        )  # fmt: skip


def _limits(account: _Account) -> str:
    """Return the limits of an account as ALTER USER has them; they may be those that a site wants."""
    properties = json.loads(account.properties)
    return " ".join(f"{sql} {properties[key]}" for key, sql in LIMITS.items() if properties.get(key))


def _sign_in(app: DatabaseServer, accounts: list[_Account]) -> Iterator[Difference]:
    """Sign in as the service: the server alone knows plugins, TLS, hosts and limits together."""
    if app.unix_socket and any(a.plugin == "unix_socket" or a.has_other_ways for a in accounts):
        return  # it depends on the system account of the service, which is not ours
    if reason := refusal(app):
        yield Difference(
            "yp", "account", app.user, "changed", f"the service cannot connect: {reason}",
            advice=(f"look at SHOW CREATE USER {accounts[0]}; ALTER USER, or set DRUMEE_DB",),
        )  # fmt: skip


def _roles(connection: Connection, users: list[str]) -> Iterator[Difference]:
    """Return the roles of our accounts, which need none."""
    for role, grantee in connection.rows(ROLES, users):
        yield Difference(
            "yp", "grant", grantee.partition("'@'")[0].strip("'"), "changed", f"has the role {role}",
            statements=(f"REVOKE `{role}` FROM {grantee}",), repair=BY_NAME,
        )  # fmt: skip


def _rights(connection: Connection, state: State, users: list[str]) -> Iterator[Difference]:
    """Return the rights that our accounts do not need, and those of other accounts in our databases.

    The administrator, whose connection this is, has rights by the database, too.
    """
    ours = {f"`{escaped(db)}`.*": db for db in ("yp", *state.shards)}
    known = {*ours, *(f"`{db}`.*" for db in state.shards)}
    """With those that the plan replaces because _ stands for any letter."""
    rights: dict[tuple[str, str], set[str]] = defaultdict(set)
    for grantee, place, names, is_grantable in connection.rows(RIGHTS):
        rights[grantee, place].update(names.split(","), ["GRANT OPTION"] if is_grantable == "YES" else [])
    own = connection.one("SELECT CURRENT_USER()")
    for (grantee, place), all_names in sorted(rights.items()):
        names = all_names - {"USAGE", "GRANT", ""}
        user = grantee.partition("'@'")[0].strip("'")
        if f"`{SCRATCH}" in place.replace("\\", "") or (
            user == DEFINER_NAME and _is_own(place, names, state)
        ):
            continue
        if user in users:
            wanted = WANTED.get(user, frozenset({"EXECUTE"}))
            if more := sorted(names - wanted if place in known else names):
                yield Difference(
                    ours.get(place, "yp"), "grant", user, "changed", f"may {', '.join(more)} on {place}",
                    statements=(f"REVOKE {', '.join(more)} ON {place} FROM {grantee}",), repair=BY_NAME,
                )  # fmt: skip
        elif place in ours and (account := grantee.replace("'", "")) != own:
            name = account.removesuffix("@")  # a role has no host
            yield Difference(ours[place], "grant", name, "unknown", f"may {', '.join(sorted(names))}")


def _is_own(place: str, names: set[str], state: State) -> bool:
    """Return whether these are rights on a routine of ours that the server gives to its owner by itself.

    A replica does so for each routine that comes from its primary (automatic_sp_privileges).
    """
    kind, _, routine = place.partition(" ")
    db = routine.strip("`").partition("`.`")[0]
    return (
        kind in {"PROCEDURE", "FUNCTION"}
        and db in {"yp", *state.shards}
        and names <= {"EXECUTE", "ALTER ROUTINE"}
    )

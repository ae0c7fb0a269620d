"""Take a shard away again, once nobody lives there."""

from __future__ import annotations

import time
from contextlib import closing

from service import as_typed
from service.deploy.guards import check_complete, check_deployed, check_writable, entities_in
from service.deploy.journal import Lease
from service.deploy.privileges import check_privileges, revoke_all
from service.deploy.state import escaped
from service.settings import Settings, database_servers
from service.store.admin import DEFINER_NAME, Connection, DeployError

DRAIN_SECONDS = 1.0
"""Seconds for calls that chose the shard for a new user before it was closed."""


def drop_shard(settings: Settings, name: str) -> None:
    """Close a shard, and drop its database, rights and registration, in this order.

    Killed in between, the same call goes on. Raise DeployError for the only shard, or one with users or hubs.
    """
    with closing(Connection(settings)) as connection:
        check_writable(connection)
        check_privileges(connection, "deploy")
        check_deployed(connection)
        check_complete(connection)
        with Lease(settings, "shard-drop", name):
            was_open = _check(connection, name)
            connection.run("UPDATE yp.shard SET is_open = 0 WHERE name = %s", name)
            time.sleep(DRAIN_SECONDS)
            if count := entities_in(connection, name):
                connection.run("UPDATE yp.shard SET is_open = %s WHERE name = %s", was_open, name)
                raise DeployError(
                    f"{count} users and hubs live in {name}. Nothing was dropped. "
                    f"`{as_typed('move ENTITY= SHARD=')}` moves each to another shard"
                )
            connection.run("SET SESSION foreign_key_checks = 0")
            connection.run(f"DROP DATABASE IF EXISTS `{name}`")
            _revoke(connection, settings, name)
            connection.run("DELETE FROM yp.deploy_item WHERE db_name = %s", name)
            connection.run("DELETE FROM yp.shard WHERE name = %s", name)


def _check(connection: Connection, name: str) -> int:
    """Return whether the shard is open."""
    shards = dict(connection.rows("SELECT name, is_open FROM yp.shard ORDER BY name"))
    if name not in shards:
        raise DeployError(f"NAME={name} is no shard; there are {', '.join(shards)}. Nothing was dropped")
    if not any(is_open == 1 for other, is_open in shards.items() if other != name):
        raise DeployError(
            f"{name} is the only open shard: new users would have no place. Nothing was dropped. "
            f"`{as_typed('shard NAME=')}` makes another one first"
        )
    return int(shards[name])


def _revoke(connection: Connection, settings: Settings, name: str) -> None:
    """Take the rights of our accounts back, which the server keeps for a database that is gone."""
    users = [DEFINER_NAME, *(server.user for server in database_servers(settings.db)[:1] if settings.db)]
    for account, pattern in connection.rows(
        "SELECT CONCAT(QUOTE(User), '@', QUOTE(Host)), Db FROM mysql.db WHERE Db IN %s AND User IN %s",
        (name, escaped(name)),
        users,
    ):
        revoke_all(connection, pattern, account)

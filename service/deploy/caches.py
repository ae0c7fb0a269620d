"""Advise larger caches of tables to a server with many shards.

The loops of the service look into every shard every few seconds. Where the caches are smaller than what they
use, the server opens each table anew each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from service.settings import Settings
from service.store.admin import Connection, DeployError, admin_servers

TABLES = 5
"""Tables of a shard that loops and calls use at the same time; 2 of them every 3 seconds."""
FILES_OF_A_TABLE = 2
"""As the server itself reckons."""
OTHER_FILES = 10


def advice(settings: Settings) -> Iterator[str]:
    """Yield a line for each variable of a server that is too small for its number of shards."""
    for server in admin_servers(settings):
        try:
            with closing(Connection(settings, [server])) as connection:
                name = server.unix_socket or f"{server.host}:{server.port}"
                yield from (f"{name}: {line}" for line in _of_server(connection))
        except DeployError:
            continue  # the examples have named a server that does not answer


def _of_server(connection: Connection) -> Iterator[str]:
    shards = int(connection.one("SELECT COUNT(*) FROM yp.shard"))
    ((open_tables, definitions, files, connections),) = connection.rows(
        "SELECT @@table_open_cache, @@table_definition_cache, @@open_files_limit, @@max_connections"
    )
    tables = TABLES * shards
    wanted = {
        "table_open_cache": (open_tables, tables),
        "table_definition_cache": (definitions, tables),
        "open_files_limit": (
            files,
            FILES_OF_A_TABLE * max(tables, open_tables) + connections + OTHER_FILES,
        ),
    }
    for variable, (value, least) in wanted.items():
        if value < least:
            yield f"{variable} is {value:,}, and {shards:,} shards want {least:,}: {_way(variable, least)}"


def _way(variable: str, value: int) -> str:
    where = f"{variable} = {value} under [mariadb] of its configuration"
    if variable == "open_files_limit":
        return f"{where}, and LimitNOFILE={value} of its unit in systemd; it counts from the next start"
    return f"{where}, and SET GLOBAL {variable} = {value} until the next start"

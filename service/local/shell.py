"""`make shell`: the mariadb client on the database that the commands work with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from service.local.directories import StackError
from service.local.install import find_program
from service.local.stack import ensure_stack_env
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.settings import DatabaseServer


TRANSACTIONS = (
    # As in the service. A shell that somebody leaves would hold locks, and keep deploys waiting.
    "SET autocommit = 0, tx_isolation = 'READ-COMMITTED', innodb_snapshot_isolation = ON, "
    "idle_readonly_transaction_timeout = 60, idle_write_transaction_timeout = 600"
)
"""Routines that write need a transaction."""
NOTICE = (
    "autocommit is off: COMMIT keeps what you change, ROLLBACK undoes it. A transaction without a statement "
    "for 10 minutes is rolled back; one that only reads ends after a minute."
)


def shell() -> int:
    """Run the mariadb client as administrator, on the database that the commands work with.

    Return 0, or 2 when the client fails, whatever its status. People get no autocommit. Statements from a
    pipe do: a script ends before somebody can say COMMIT.
    """
    with ensure_stack_env() as private:
        settings = Settings.from_env({**os.environ, **private})
        server, options = _registry(settings)
        if sys.stdin.isatty():
            options.append(f"--init-command={TRANSACTIONS}")
            print(NOTICE, flush=True)
        # Not as an option: everybody on the machine can read those.
        environ = {**os.environ, "MYSQL_PWD": server.password}
        # Ctrl-C is the client's, to end a query. A handler, because a child inherits "ignore".
        signal.signal(signal.SIGINT, lambda *_: None)
        client = subprocess.run(_client(server, options), env=environ, check=False)
        return 2 if client.returncode else 0


def _registry(settings: Settings) -> tuple[DatabaseServer, list[str]]:
    """Start in the registry, where CALL help('…') works, unless nothing is deployed yet."""
    from service.store.admin import Connection, NotReadyError, admin_servers

    try:
        connection = Connection(settings)
    except NotReadyError:
        return admin_servers(settings)[0], []  # somebody wants to look why
    is_deployed = connection.rows("SHOW DATABASES LIKE 'yp'")
    connection.close()
    return connection.server, ["--database=yp"] if is_deployed else []


def _client(server: DatabaseServer, options: Sequence[str]) -> list[str]:
    program = find_program("mariadb")
    if program is None:
        raise StackError("The mariadb client is not installed on this machine.")
    charset = "--default-character-set=utf8mb4"
    # --comments: a routine that is pasted keeps its comments
    return [program, "--no-defaults", "--comments", charset, *server.client_options, *options]

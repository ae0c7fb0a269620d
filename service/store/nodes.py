"""Ask one MariaDB server, again and again, whether it can serve: each time within a second."""

from __future__ import annotations

import asyncio
import enum
import time
from dataclasses import dataclass
from typing import Any

import aiomysql
import pymysql

from service.log import kind_of
from service.settings import DatabaseServer
from service.store.connection import NO_TLS
from service.tls import TLSError

PROBE_SECONDS = 1.0
"""A server that does not answer a probe in this time hangs."""
STATUS = (
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_cluster_status', 'wsrep_local_state', "
    "'wsrep_provider_name')"
)
"""SHOW is what a node answers that has lost its cluster; anything else is refused with 1047."""
VARIABLES = (
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'hostname', 'port', 'wsrep_node_name')"
)
SYNCED, DONOR = "4", "2"
UNKNOWN_VARIABLE = 1193
"""Error of a server that is built without Galera, for its variables."""


class Rank(enum.IntEnum):
    """How fit a server is to be home; higher is better."""

    DOWN = 0
    """Does not answer, or is a node that is not part of the cluster."""
    READ_ONLY = 1
    DONOR = 2
    """A node that works, but is busy with giving a copy of its data to another one."""
    READY = 3


@dataclass(frozen=True, order=True)
class Agreement:
    """What a server says about the home node: all processes follow the newest agreement."""

    epoch: int = 0
    """Number of the agreement, from 1; 0: there is none."""
    node: str = ""


@dataclass(frozen=True)
class NodeState:
    """What a probe has found."""

    rank: Rank = Rank.DOWN
    name: str = ""
    """What the server calls itself, `name:port`: the same for all processes, whatever address they use."""
    agreement: Agreement = Agreement()
    fault: str = ""
    """Why it is down."""
    asked_at: float = 0.0
    """time.monotonic() at the beginning of the probe."""


class Probe:
    """A connection of its own to one server: requests cannot be in its way."""

    def __init__(self, server: DatabaseServer) -> None:
        self.server = server
        self._connection: Any = None

    async def look(self) -> NodeState:
        """Return the state of the server. Errors are states, too."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return await self._ask(started)
        except (pymysql.err.MySQLError, OSError, asyncio.IncompleteReadError) as exc:
            self.close()
            return NodeState(fault=kind_of(exc), asked_at=started)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    async def _ask(self, started: float) -> NodeState:
        if self._connection is None:
            self._connection = await _connect(self.server, autocommit=True)
            # SHOW would wait for the cluster where a server-wide setting says so.
            await _execute(self._connection, "SET wsrep_sync_wait = 0", UNKNOWN_VARIABLE)
        status = dict(await _execute(self._connection, STATUS))
        variables = dict(await _execute(self._connection, VARIABLES))
        rank = _rank(status, variables)
        name = f"{variables.get('wsrep_node_name') or variables['hostname']}:{variables['port']}"
        agreement = await self._agreement() if rank else Agreement()
        fault = "" if rank else f"{status.get('wsrep_cluster_status')} {status.get('wsrep_local_state')}"
        return NodeState(rank, name, agreement, fault, started)

    async def _agreement(self) -> Agreement:
        try:
            rows = await _execute(self._connection, "CALL yp.home_get()")
        except pymysql.err.MySQLError as exc:
            if isinstance(exc, pymysql.err.InterfaceError) or exc.args[0] in (2006, 2013):
                raise
            # Nothing is deployed yet.
            return Agreement()
        return Agreement(*rows[0]) if rows else Agreement()


async def _connect(server: DatabaseServer, *, autocommit: bool) -> Any:
    """Connect. Raise OSError for files of TLS, and an error of the driver where the server offers no TLS."""
    try:
        arguments = server.connect_args
    except TLSError as exc:
        raise OSError(str(exc)) from exc
    connection = await aiomysql.connect(**arguments, autocommit=autocommit, charset="utf8mb4")
    # aiomysql would go on without
    if server.tls and connection._writer.get_extra_info("ssl_object") is None:
        connection.close()
        raise pymysql.err.OperationalError(NO_TLS, "the server offers no TLS")
    return connection


async def propose(server: DatabaseServer, agreement: Agreement) -> Agreement:
    """Store an agreement with the next epoch, unless there is a newer one; return the one that holds.

    Raises driver errors; takes as long as the cluster takes to agree that a node is gone.
    """
    connection = await _connect(server, autocommit=False)
    try:
        rows = await _execute(connection, "CALL yp.home_set(%s, %s)", args=(agreement.node, agreement.epoch))
        await connection.commit()
        return Agreement(*rows[0])
    finally:
        connection.close()


def _rank(status: dict[str, str], variables: dict[str, str]) -> Rank:
    if status.get("wsrep_provider_name"):
        primary = status.get("wsrep_cluster_status") == "Primary" and status.get("wsrep_ready") == "ON"
        if not primary or status.get("wsrep_local_state") not in (SYNCED, DONOR):
            return Rank.DOWN
    if variables.get("read_only") not in ("OFF", "0"):
        return Rank.READ_ONLY
    return Rank.DONOR if status.get("wsrep_local_state") == DONOR else Rank.READY


async def _execute(
    connection: Any, statement: str, accepted: int = 0, args: tuple[Any, ...] | None = None
) -> list[tuple[Any, ...]]:
    """Return the rows of the first result set; an error with the number `accepted` counts as none."""
    try:
        async with connection.cursor() as cursor:
            await cursor.execute(statement, args)
            rows = list(await cursor.fetchall()) if cursor.description else []
            while await cursor.nextset():
                pass
            return rows
    except pymysql.err.MySQLError as exc:
        if exc.args and exc.args[0] == accepted:
            return []
        raise

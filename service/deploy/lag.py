"""How far the replicas of a server are behind it, and a pause for them.

The server names its replicas, and each says itself how far it is. Our own: a driver has nothing for it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pymysql

from service import as_typed
from service.store.admin import Connection, DeployError, connect

LAG_SECONDS = 5
"""A replica that is further behind is waited for."""
LOOK_SECONDS = 1.0
DENIED = 1227


@dataclasses.dataclass(frozen=True)
class Standing:
    """How far a replica is."""

    primary: str
    """Host and port."""
    is_running: bool
    error: str
    """Why it has stopped; "" when somebody has stopped it."""
    seconds: int
    """Behind its primary."""
    delay: int
    """Seconds that it was told to keep behind."""


def standings(connection: pymysql.connections.Connection[pymysql.cursors.Cursor]) -> list[Standing]:
    """Return how far a replica is behind each of its primaries; none for a server without any."""
    with connection.cursor(pymysql.cursors.DictCursor) as cursor:
        cursor.execute("SHOW ALL SLAVES STATUS")
        return [
            Standing(
                f"{row['Master_Host']}:{row['Master_Port']}",
                row["Slave_IO_Running"] == row["Slave_SQL_Running"] == "Yes",
                row["Last_SQL_Error"] or row["Last_IO_Error"],
                int(row["Seconds_Behind_Master"] or 0),
                int(row["SQL_Delay"]),
            )
            for row in cursor.fetchall()
        ]


def freshness(connection: Connection, *, may_have_stopped: bool) -> tuple[str, bool]:
    """Return how old the data of a server that only reads are, in words, and whether it is a replica.

    Raise DeployError for a replica that has stopped, unless it may have.
    """
    place = connection.server.unix_socket or f"{connection.server.host}:{connection.server.port}"
    try:
        each = standings(connection.raw)
    except pymysql.err.OperationalError as exc:
        if exc.args[0] != DENIED:
            raise
        account = "@".join(f"'{part}'" for part in connection.one("SELECT CURRENT_USER()").rsplit("@", 1))
        return (
            f"how old its data are cannot be seen; GRANT REPLICA MONITOR ON *.* TO {account} shows it",
            True,
        )
    if stopped := next((standing for standing in each if not standing.is_running), None):
        why = f"has stopped{f': {stopped.error}' if stopped.error else ''}"
        if not may_have_stopped:
            raise DeployError(
                f"{place} is a replica of {stopped.primary} and {why}: its data grow old. Nothing was "
                "written. START SLAVE there, or back up the primary; "
                f"`{as_typed('backup F=… ALLOW=stopped')}` writes what it has"
            )
        return f"its data are older than those of {stopped.primary}: the replica {why}", True
    late = max(each, key=lambda standing: standing.seconds, default=None)
    if late is None:
        return "", False
    return f"its data were {late.seconds} s behind those of {late.primary} at the start", True


class Replicas:
    """Waits for the replicas of a server; those that have stopped, or do not answer, are named once."""

    def __init__(self, connection: Connection, say: Callable[[str], None]) -> None:
        """Find the replicas: each is connected to with the administrator's account."""
        self._say = say
        self._connections = dict(self._find(connection))
        self._passed_over: set[str] = set()
        self._looked = 0.0

    def close(self) -> None:
        """Close the connections to them."""
        for connection in self._connections.values():
            with suppress(pymysql.err.Error):
                connection.close()

    def wait(self, check: Callable[[], None]) -> None:
        """Wait until none is more than LAG_SECONDS behind; `check` raises when the deploy has to end."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        late = self._late()
        if late:
            self._say(f"paused: {late} (limit {LAG_SECONDS} s)")
        while late:
            check()
            time.sleep(LOOK_SECONDS)
            if not (late := self._late()):
                self._say("going on")
        self._looked = time.monotonic()

    def _late(self) -> str:
        """Return the replicas that are late, in words; "" without any."""
        late = []
        for place, connection in list(self._connections.items()):
            try:
                standing = max(
                    standings(connection), key=lambda each: each.seconds - each.delay, default=None
                )
            except pymysql.err.MySQLError as exc:
                self._connections.pop(place)
                self._pass_over(place, f"does not say how far it is: {exc.args[-1]}")
                continue
            if standing is None or not standing.is_running:
                self._pass_over(place, "has stopped")
            elif standing.seconds - standing.delay > LAG_SECONDS:
                late.append(f"the replica {place} is {standing.seconds} s behind")
        return ", ".join(late)

    def _find(self, connection: Connection) -> Iterator[tuple[str, pymysql.connections.Connection]]:
        if not connection.one("SELECT 1 FROM information_schema.PROCESSLIST WHERE COMMAND = 'Binlog Dump'"):
            return
        try:
            rows = connection.rows("SHOW SLAVE HOSTS")
        except pymysql.err.OperationalError as exc:
            self._say(f"replicas are not waited for: {exc.args[-1]}")
            return
        for number, host, port, *_ in rows:
            place = f"{host}:{port}"
            server = dataclasses.replace(connection.server, host=host, port=port, unix_socket=None)
            try:
                replica = connect([server])
            except DeployError as exc:
                self._pass_over(place, str(exc))
                continue
            with replica.cursor() as cursor:
                cursor.execute("SELECT @@server_id")
                if cursor.fetchone() == (number,):
                    yield place, replica
                else:
                    replica.close()
                    self._pass_over(place, "is another server than the replica (report_host names it)")

    def _pass_over(self, place: str, why: str) -> None:
        if place not in self._passed_over:
            self._passed_over.add(place)
            self._say(f"the replica {place} is not waited for: it {why}")

"""A primary and a replica, which follows it over TCP on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.bench.node import free_port
from service.local.servers import MariaDB
from service.local.stack import Stack
from service.settings import Settings
from tests.support.admin import Admin

ACCOUNT = "mysql://dba:secret@127.0.0.1"


def _kind(number: int, port: int) -> type[MariaDB]:
    class WithBinaryLog(MariaDB):
        """A server on a port, with an id of its own."""

        def command(self) -> list[str]:
            return [
                *(option for option in super().command() if option != "--skip-networking"),
                f"--server-id={number}", f"--port={port}", "--bind-address=127.0.0.1",
                "--report-host=127.0.0.1", "--log-bin=binlog",
            ]  # fmt: skip

    return WithBinaryLog


@contextmanager
def replication(folder: Path) -> Iterator[tuple[Settings, Settings]]:
    """Yield the settings of an administrator on the primary, and on the replica."""
    ports = free_port(), free_port()
    places = [folder / "primary", folder / "replica"]
    stacks = [
        Stack(place, durable=False, kinds=[_kind(number, port)], leashed=True)
        for number, (place, port) in enumerate(zip(places, ports, strict=True), 1)
    ]
    with stacks[0], stacks[1]:
        for stack in stacks:
            by_socket = Admin(Settings(db_admin=stack.env()["DRUMEE_DB_ADMIN"]))
            by_socket.rows("CREATE USER 'dba'@'127.0.0.1' IDENTIFIED BY 'secret'")
            by_socket.rows("GRANT ALL ON *.* TO 'dba'@'127.0.0.1' WITH GRANT OPTION")
            by_socket.rows("RESET MASTER")
        primary, replica = (
            Settings(db_admin=f"{ACCOUNT}:{port}", run_dir=str(place / "run"))
            for port, place in zip(ports, places, strict=True)
        )
        follower = Admin(replica)
        follower.rows(
            f"CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {ports[0]}, MASTER_USER = 'dba', "
            "MASTER_PASSWORD = 'secret', MASTER_LOG_FILE = 'binlog.000001', MASTER_LOG_POS = 4"
        )
        follower.rows("START SLAVE")
        yield primary, replica

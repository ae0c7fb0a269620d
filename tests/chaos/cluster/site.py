"""The cluster that is broken, in a directory of its own."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from yarl import URL

from service.cluster import operations
from service.cluster.hosts import GaleraNode, Hosts
from service.cluster.machine import ClusterError, LocalCluster
from service.settings import Settings


class ClusterSite:
    """A cluster of this machine, as the load and the faults see it."""

    def __init__(self, machine: LocalCluster) -> None:
        self.machine = machine
        self.url = URL(machine.hosts.url + "/")
        self.settings = Settings(
            db=machine.hosts.database_url(machine.hosts.services[0]),
            db_admin=machine.admin_url(),
            redis=machine.hosts.redis_url,
        )

    def synced(self) -> GaleraNode:
        """Return a node that is a full member of the cluster; ClusterError when there is none."""
        for node in self.machine.hosts.nodes:
            if self.machine.is_synced(node):
                return node
        raise ClusterError("no node is Synced")

    async def rows(self, statement: str, *args: object) -> list[tuple[object, ...]]:
        """Read the tables of one node, after it has applied what the others committed."""

        def read() -> list[tuple[object, ...]]:
            return self.machine.rows(
                self.synced(), f"SET STATEMENT wsrep_sync_wait = 15 FOR {statement}", *args
            )

        return await asyncio.to_thread(read)


@contextmanager
def throw_away_cluster(hosts: Hosts) -> Iterator[ClusterSite]:
    """Start a cluster in a temporary directory; stop and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="drumee-cluster-") as name:
        machine = LocalCluster(Path(name) / "cluster")
        try:
            seconds = operations.up(machine, hosts)
            print(f"the cluster is ready after {seconds:.0f} s", flush=True)
            yield ClusterSite(machine)
        finally:
            for server in machine.hosts.servers:
                with suppress(ClusterError):
                    machine.signal(server, signal.SIGKILL)
            operations.down(machine)

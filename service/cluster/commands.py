"""The commands of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from service.cluster.hosts import ClusterServer
    from service.cluster.machine import LocalCluster

commands = typer.Typer()

ServerName = Annotated[str, typer.Option(help="Name of the server, `home` or `master`.")]


@commands.command(rich_help_panel="Cluster")
def cluster(
    database: Annotated[
        str, typer.Option(help="How a new cluster finds the home node: by the balancer, or by the pool.")
    ] = "balancer",
) -> int:
    """Start a cluster on this machine: three Galera nodes, HAProxy, Redis with Sentinels, two services."""
    from service.cluster import operations
    from service.cluster.machine import loopback_hosts

    machine = _machine()
    typer.echo(operations.welcome(machine, operations.up(machine, loopback_hosts(database))))
    return 0


@commands.command(rich_help_panel="Cluster")
def cluster_status() -> int:
    """Show which server of the cluster is what."""
    from service.cluster import status

    machine = _started()
    typer.echo(status.draw(machine.hosts.url, status.look(machine)))
    return 0


@commands.command(rich_help_panel="Cluster")
def cluster_kill(node: ServerName) -> int:
    """Kill a server of the cluster, as kill -9; it stays dead until cluster-heal."""
    from service.cluster import operations

    return _break(node, operations.kill, "is dead")


@commands.command(rich_help_panel="Cluster")
def cluster_freeze(node: ServerName) -> int:
    """Freeze a server of the cluster, as SIGSTOP, until cluster-heal."""
    from service.cluster import operations

    return _break(node, operations.freeze, "is frozen")


@commands.command(rich_help_panel="Cluster")
def cluster_cut(node: ServerName) -> int:
    """Cut a MariaDB node off from the others, while clients reach it, until cluster-heal."""
    from service.cluster import operations

    def cut(machine: LocalCluster, server: ClusterServer) -> None:
        operations.cut(machine, machine.node(server.name))

    return _break(node, cut, "is cut off from the other nodes")


@commands.command(rich_help_panel="Cluster")
def cluster_heal(
    node: Annotated[str, typer.Option(help="Name of the server; absent: all.")] = "",
) -> int:
    """Undo cluster-kill, cluster-freeze and cluster-cut."""
    from service.cluster import operations

    if node:
        return _break(node, operations.heal, "is well")
    machine = _started()
    operations.heal_all(machine)
    typer.echo("all servers are well")
    return 0


@commands.command(rich_help_panel="Cluster")
def cluster_roll() -> int:
    """Restart one service after the other, as a deploy of a new version does."""
    from service.cluster import operations

    machine = _started()
    seconds = operations.roll(machine)
    for service, taken in zip(machine.hosts.services, seconds, strict=True):
        typer.echo(f"{service.name} restarted in {taken:.1f} s")
    return 0


@commands.command(rich_help_panel="Cluster")
def cluster_down(
    remove: Annotated[bool, typer.Option(help="Remove the data as well.")] = False,
) -> int:
    """Stop the cluster of this machine."""
    from service.cluster import operations

    typer.echo("Stopped." if operations.down(_machine(), remove) else "No cluster is running.")
    return 0


@commands.command(rich_help_panel="Cluster")
def cluster_files(
    hosts: Annotated[str, typer.Option(help="Description of the hosts, TOML.")],
    out: Annotated[str, typer.Option(help="Folder for the files, one folder for each server.")],
    user: Annotated[str, typer.Option(help="System account that runs the service.")] = "drumee",
    program: Annotated[
        str, typer.Option(help="Path of drumee-contacts on the hosts.")
    ] = "/opt/drumee-contacts/bin/drumee-contacts",
) -> int:
    """Write the files of a cluster: HAProxy, Galera, Redis, Sentinel, settings and units of the service."""
    from pathlib import Path

    from service.admin.units import Machine as UnitsMachine
    from service.cluster import files
    from service.cluster.hosts import read_hosts

    folder = Path("/etc/drumee-contacts")
    machine = UnitsMachine(Path(program), user, folder / "settings", folder / "admin")
    paths = files.write(files.render(read_hosts(Path(hosts)), machine), Path(out))
    typer.echo("\n".join(map(str, paths)))
    return 0


def _machine() -> LocalCluster:
    from service.cluster.machine import LocalCluster

    return LocalCluster()


def _started() -> LocalCluster:
    """Return the cluster; ClusterError when there is none."""
    from service import as_typed
    from service.cluster.machine import ClusterError

    machine = _machine()
    if not machine.supervisor.is_alive():
        raise ClusterError(f"no cluster is running; `{as_typed('cluster')}` starts one")
    return machine


def _break(name: str, change: Callable[[LocalCluster, ClusterServer], None], state: str) -> int:
    machine = _started()
    server = machine.server(name)
    change(machine, server)
    typer.echo(f"{server.name} {state}")
    return 0

"""The faults of a cluster, each with what it may cost."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from service.bench.deploys import touched
from service.cluster import operations
from service.cluster.hosts import ClusterServer, GaleraNode
from service.cluster.machine import ClusterError
from service.deploy.deployer import Deployer
from service.deploy.plan import Files
from service.schema.routines import Script
from service.store.admin import DeployError
from tests.chaos.cluster.load import ClusterLoad
from tests.chaos.cluster.site import ClusterSite
from tests.chaos.cluster.table import Limits, Row
from tests.support.waiting import until

HOLD_SECONDS = 5.0
"""How long a dead server stays dead."""
DEAD_SECONDS = 4.0
"""How long all nodes stay dead."""
LONG_SECONDS = 20.0
"""How long a frozen or isolated one stays so."""
LEASE_SECONDS = 90.0
"""A deploy that broke off holds its lease for so long at most."""
UPDATES = 500
PAIRS = 1000
PAIR_SECONDS = 240.0
PAIRS_AT_A_TIME = 3
HASTE = 6.0
BODIES = (
    "SET STATEMENT wsrep_sync_wait = 15 FOR "
    "SELECT ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES ORDER BY 1, 2"
)

DONOR = re.compile(r"requested state transfer from .*? Selected \S+ \((\w+)\)")
UNDER_WAY = (
    "SELECT COUNT(*) > 30 FROM yp.deploy_journal AS j JOIN yp.deploy_run AS r ON r.id = j.run_id "
    "WHERE r.outcome = 'running' AND j.state <> 'planned'"
)


class Broken(NamedTuple):
    """Where a fault happens."""

    site: ClusterSite
    load: ClusterLoad
    row: Row


Step = Callable[[Broken], Awaitable[None]]


class Fault(NamedTuple):
    """A fault: how it begins, and how it is repaired."""

    name: str
    inject: Step
    repair: Step
    limits: Limits
    strict: bool = False
    """Whether windows that reconnect may lose nothing either."""


async def quiet(_: Broken) -> None:
    """Break nothing."""
    await asyncio.sleep(HOLD_SECONDS)


async def nothing(_: Broken) -> None:
    """Repair nothing."""


def kill_server(name: str, seconds: float = HOLD_SECONDS) -> Step:
    """Return the step that kills a server."""

    async def inject(broken: Broken) -> None:
        server = broken.site.machine.server(name)
        broken.row.notes.append(server.name)
        if is_home(broken.site, server):
            _note_home(broken)
        await asyncio.to_thread(operations.kill, broken.site.machine, server)
        await asyncio.sleep(seconds)

    return inject


async def lose_data(broken: Broken) -> None:
    """Kill a node that is not home, and remove its data: it copies those of another one."""
    machine = broken.site.machine
    node = next(node for node in machine.hosts.nodes if not is_home(broken.site, node))
    await asyncio.to_thread(operations.kill, machine, node)
    shutil.rmtree(machine.place(node))
    await asyncio.sleep(HOLD_SECONDS)
    await heal_all(broken)
    donor = DONOR.findall(machine.log_file(node).read_text())[-1]
    broken.row.notes.append(f"{node.name} copied {donor}")
    if is_home(broken.site, machine.server(donor)):
        broken.row.troubles.append("the home node was the donor")


def _note_home(broken: Broken) -> None:
    broken.row.former_home = broken.site.machine.server("home").name
    broken.row.notes.append(f"{broken.row.former_home} was home")


async def freeze_home(broken: Broken) -> None:
    """Freeze the home node for 20 s."""
    _note_home(broken)
    operations.freeze(broken.site.machine, broken.site.machine.server("home"))
    await asyncio.sleep(LONG_SECONDS)


async def cut_home(broken: Broken) -> None:
    """Cut the home node off from the others for 20 s."""
    _note_home(broken)
    machine = broken.site.machine
    await asyncio.to_thread(operations.cut, machine, machine.node("home"))
    await asyncio.sleep(LONG_SECONDS)


async def kill_nodes(broken: Broken) -> None:
    """Kill all MariaDB nodes at the same moment."""
    for node in broken.site.machine.hosts.nodes:
        operations.kill(broken.site.machine, node)
    await asyncio.sleep(DEAD_SECONDS)


async def heal_all(broken: Broken) -> None:
    """Repair everything."""
    await asyncio.to_thread(operations.heal_all, broken.site.machine)


async def kill_master(broken: Broken) -> None:
    """Kill the Redis master, let it come back, then restart a service."""
    site, load = broken.site, broken.load
    load.haste = HASTE
    await asyncio.sleep(5)
    await asyncio.to_thread(operations.kill, site.machine, site.machine.server("master"))
    await asyncio.sleep(8)
    await heal_all(broken)
    service = site.machine.hosts.services[1]
    await asyncio.to_thread(restart, site, service)
    started = len(load.added)
    await until(lambda: (len(load.added) - started) * len(load.seats) >= UPDATES, 120)
    load.haste = 1.0
    guesses, limit = await load.guess(), site.settings.login_attempts
    broken.row.notes.append(f"{guesses} of {2 * limit} wrong sign-ins checked")
    if guesses != limit:
        broken.row.troubles.append(f"{guesses} wrong sign-ins of one account checked, limit {limit}")


def restart(site: ClusterSite, server: ClusterServer, **changes: str) -> None:
    """Stop a service in order and start it again, with other settings if need be."""
    site.machine.stop(server)
    site.machine.start(server, **changes)
    service = next(each for each in site.machine.hosts.services if each.name == server.name)
    operations.await_ready(site.machine, service)


async def freeze_service(broken: Broken) -> None:
    """Freeze a service for 20 s."""
    operations.freeze(broken.site.machine, broken.site.machine.hosts.services[0])
    await asyncio.sleep(LONG_SECONDS)


async def roll(broken: Broken) -> None:
    """Restart one service after the other."""
    seconds = await asyncio.to_thread(operations.roll, broken.site.machine)
    broken.row.notes.append("restarted in " + ", ".join(f"{each:.1f} s" for each in seconds))
    codes = [f"{seat.service}: {dict(seat.close_codes)}" for seat in broken.load.seats]
    broken.row.notes.append(f"close codes {', '.join(codes)}")


async def two_homes(broken: Broken) -> None:
    """Let one service work on node 1 and the other one on node 2, and a thousand pairs cross."""
    site, load = broken.site, broken.load
    nodes = site.machine.hosts.nodes
    for service, node in zip(site.machine.hosts.services, nodes, strict=False):
        url = f"mysql://{site.machine.hosts.account}@{node.host}:{node.port}/"
        await asyncio.to_thread(restart, site, service, DRUMEE_DB=url)
    broken.row.notes.append(f"homes {', '.join(site.machine.homes())}")
    before = len(load.pairs)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PAIR_SECONDS):
            await asyncio.gather(*(load.cross(before + PAIRS) for _ in range(PAIRS_AT_A_TIME)))
    if len(load.pairs) - before < PAIRS:
        broken.row.troubles.append(f"only {len(load.pairs) - before} of {PAIRS} pairs")
    broken.row.notes.append(f"{len(load.pairs) - before} pairs")


async def one_home(broken: Broken) -> None:
    """Give the services their settings back."""
    for service in broken.site.machine.hosts.services:
        await asyncio.to_thread(restart, broken.site, service)


def _files(deploys: int) -> Files:
    """Return our files with a change in every routine, and one more column in every shard for each deploy."""
    files = touched(lambda _: True, f"deploy {deploys}")
    own = [*files.migrations["shard"]]
    for _ in range(deploys):
        name = f"{len(own) + 1:04}_cluster_faults"
        statement = f"ALTER TABLE contact ADD COLUMN IF NOT EXISTS cluster_{len(own)} INT NULL"
        own.append(Script(Path(f"sql/shard/{name}.sql"), "shard", name, (statement,)))
    return dataclasses.replace(files, migrations={**files.migrations, "shard": own})


async def deploy(broken: Broken) -> None:
    """Deploy a change of every routine, and a column."""
    await asyncio.to_thread(_deploy, broken, broken.site.synced(), 1)
    await asyncio.to_thread(_compare_routines, broken)


async def deploy_and_kill(broken: Broken) -> None:
    """Kill the home node in the middle of a deploy on it."""
    machine = broken.site.machine
    home = machine.node("home")
    work = asyncio.create_task(asyncio.to_thread(_deploy, broken, home, 2))
    await until(lambda: machine.rows(home, UNDER_WAY)[0][0])
    await asyncio.to_thread(operations.kill, machine, home)
    outcome = (await asyncio.gather(work, return_exceptions=True))[0]
    broken.row.notes.append("the deploy failed" if isinstance(outcome, Exception) else "the deploy was over")
    await asyncio.sleep(HOLD_SECONDS)


async def deploy_again(broken: Broken) -> None:
    """Bring the node back, and the deploy to its end on another one."""
    await heal_all(broken)
    other = broken.site.machine.hosts.nodes[1]
    async with asyncio.timeout(LEASE_SECONDS):
        while True:
            try:
                await asyncio.to_thread(_deploy, broken, other, 2)
                break
            except DeployError:  # the lease of the broken deploy has not ended yet
                await asyncio.sleep(2)
    await asyncio.to_thread(_compare_routines, broken)


def _deploy(broken: Broken, node: GaleraNode, deploys: int) -> None:
    settings = dataclasses.replace(broken.site.settings, db_admin=broken.site.machine.admin_url(node))
    outcome = Deployer(settings, lambda _: None, files=_files(deploys)).deploy()
    broken.row.notes.append(f"{outcome.counts['replace']} routines replaced")
    if outcome.status:
        raise ClusterError(f"the deploy failed: {outcome.failed or outcome.plan.decide}")


def _compare_routines(broken: Broken) -> None:
    """Note nodes whose routines differ."""
    machine = broken.site.machine
    for node in machine.hosts.nodes:
        machine.await_synced(node)
    digests = {
        hashlib.md5(repr(machine.rows(node, BODIES)).encode()).hexdigest() for node in machine.hosts.nodes
    }
    broken.row.notes.append("one md5 of all bodies" if len(digests) == 1 else f"{len(digests)} md5")
    if len(digests) != 1:
        broken.row.troubles.append("the routines of the nodes differ")


def is_home(site: ClusterSite, server: ClusterServer) -> bool:
    """Return whether a node is home."""
    return server.name in site.machine.homes()


NODE = Limits(seconds=4.0, silence=4.0)
FAULTS = (
    Fault("nothing", quiet, nothing, Limits(0.0)),
    *(Fault(f"kill {name}", kill_server(name), heal_all, NODE) for name in ("db1", "db2", "db3")),
    Fault("kill home", kill_server("home"), heal_all, NODE),
    Fault("lose the data of a node", lose_data, nothing, NODE),
    Fault("freeze home", freeze_home, heal_all, NODE),
    Fault("cut home", cut_home, heal_all, Limits(5.0, silence=5.0, statuses=(503,))),
    Fault("kill all nodes", kill_nodes, heal_all, Limits(60.0, silence=DEAD_SECONDS + 10, after_heal=10.0)),
    Fault("kill Redis master", kill_server("master"), heal_all, Limits(0.0), strict=True),
    Fault("kill Redis master and restart", kill_master, nothing, Limits(0.0), strict=True),
    Fault("kill a service", kill_server("a"), heal_all, Limits(3.0, statuses=(0, 502, 503, 504))),
    Fault("freeze a service", freeze_service, heal_all, Limits(25.0, statuses=(0, 502, 503, 504))),
    Fault("roll", roll, nothing, Limits(0.0), strict=True),
    Fault("two homes", two_homes, one_home, Limits(PAIR_SECONDS, statuses=(503,))),
    Fault("deploy", deploy, nothing, Limits(0.0)),
    Fault("deploy and kill home", deploy_and_kill, deploy_again, NODE),
)
SHORT = ("kill home", "kill Redis master")

"""One home for all processes on a real cluster: nodes are frozen, cut off from the others, and killed."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pymysql
import pytest
from yarl import URL

from service.admin.registry import Registry
from service.background import end
from service.deploy.deployer import Deployer
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.ids import to_wire
from service.settings import Settings
from service.store.database import Database
from service.webhooks import deliverer
from tests.support.conferences import Line, join_meeting
from tests.support.galera import GaleraCluster, GaleraNode, provider
from tests.support.nodes import NodeMaker
from tests.support.people import Answer, People, Person
from tests.support.receiver import Receiver, subscribe
from tests.support.rest import Answer as RestAnswer
from tests.support.rest import Client, make_key
from tests.support.retries import retries
from tests.support.tcp_proxy import TcpProxy, tcp_proxy
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(provider() is None, reason="Galera (the package galera-4) is not installed")

STAY_SECONDS = 3.0
SETTLE_SECONDS = 20.0
CROWD, PAIRS, PAIRS_AT_ONCE = 21, 200, 4
WRITES = 60
"""Contacts that each of two nodes writes at once."""
CALLS = 10
"""Calls, and visits of a meeting, of two users at two nodes."""
WAITS = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
ROUTINES = (
    "CREATE TABLE yp.test_write (id INT PRIMARY KEY) ENGINE = InnoDB",
    "CREATE PROCEDURE yp.test_write(IN in_id INT) MODIFIES SQL DATA INSERT INTO yp.test_write VALUES (in_id)",
    "CREATE PROCEDURE yp.test_read(IN in_id INT) "
    "READS SQL DATA SELECT id FROM yp.test_write WHERE id = in_id",
)


def settings_for(addresses: list[str]) -> Settings:
    hosts = ",".join(addresses)
    return Settings(db=f"mysql://drumee_app@{hosts}/", db_admin=f"mysql://root@{hosts}/", db_pool=4)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GaleraCluster]:
    cluster = GaleraCluster(tmp_path_factory.mktemp("galera"))

    def prepare(node: GaleraNode) -> None:
        Deployer(settings_for([node.address]), say=lambda _: None, examples=False).deploy()
        for statement in ROUTINES:
            node.rows(statement)

    try:
        cluster.start(prepare)
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
async def services(cluster: GaleraCluster) -> AsyncIterator[tuple[Database, Database]]:
    """Provide what two processes have of the database."""
    settings = settings_for([node.address for node in cluster.nodes])
    both = Database(settings), Database(settings)
    for service in both:
        await service.load_routines()
    yield both
    for service in both:
        await service.close()


def home_of(cluster: GaleraCluster, service: Database) -> GaleraNode:
    (node,) = (n for n in cluster.nodes if service.home.name == f"{n.name}:{n.port}")
    return node


async def eventually(condition: Callable[[], bool], seconds: float = SETTLE_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def is_agreed(service: Database) -> bool:
    """Whether the home of a process is written down for all."""
    with suppress(DatabaseUnavailableError, DatabaseTimeoutError):
        (rows, *_) = await service.call("yp", "home_get")
        return bool(rows) and rows[0][1] == service.home.name
    return False


@dataclass
class Load:
    """Two processes write in turn; each write is read back at both."""

    services: tuple[Database, Database]
    written: list[int] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    longest_gap: float = 0.0

    next_id = 0

    async def run(self, work: Awaitable[None]) -> None:
        """Run `work` under the load."""
        writers = [asyncio.create_task(self._write(number)) for number in (0, 1)]
        try:
            await work
        finally:
            assert not any(writer.done() for writer in writers), "another error than 503 and 504"
            await end(*writers)

    async def _write(self, number: int) -> None:
        last = time.monotonic()
        while True:
            Load.next_id += 1
            this = Load.next_id
            try:
                async with asyncio.timeout(5):
                    await self.services[number].call("yp", "test_write", this)
                    self.written.append(this)
                    for service in self.services:
                        (rows,) = await service.call("yp", "test_read", this)
                        self.missing += [] if rows else [this]
            except (DatabaseUnavailableError, DatabaseTimeoutError, TimeoutError) as exc:
                self.failed.append(repr(exc))
            else:
                self.longest_gap = max(self.longest_gap, time.monotonic() - last)
                last = time.monotonic()
            await asyncio.sleep(0.1)

    def verify(self, node: GaleraNode) -> None:
        stored = {row[0] for row in node.rows("SELECT id FROM yp.test_write")}
        assert not set(self.written) - stored, "lost"
        assert not self.missing, "written, and not found"


async def both_move(
    cluster: GaleraCluster,
    services: tuple[Database, Database],
    fail: Callable[[GaleraNode], None],
    heal: Callable[[GaleraNode], None],
) -> Load:
    """Let the home node fail and come back, under load; both services go to one other node, and stay."""
    await eventually(lambda: services[0].home.name == services[1].home.name != "")
    former = home_of(cluster, services[0])
    load = Load(services)

    async def work() -> None:
        await asyncio.sleep(0.5)
        await asyncio.to_thread(fail, former)
        await eventually(lambda: all(home_of(cluster, s) is not former for s in services))
        await eventually(lambda: services[0].home.name == services[1].home.name)
        assert all(service.home.is_degraded for service in services)
        written = len(load.written)
        await eventually(lambda: len(load.written) > written + 4)
        # Before that, the former home is agreed on still, and those that lose the new one go back to it.
        await until(lambda: is_agreed(services[0]), SETTLE_SECONDS)
        await asyncio.to_thread(heal, former)
        await asyncio.sleep(STAY_SECONDS)

    await load.run(work())
    await eventually(lambda: services[0].home.name == services[1].home.name)
    now = home_of(cluster, services[0])
    assert now is not former
    load.verify(now)
    print(f"{fail.__name__}: {load.longest_gap:.1f} s, {len(load.written)} written, failed: {load.failed}")
    return load


def await_all(cluster: GaleraCluster) -> None:
    """Wait until the nodes see each other again. One that wakes believes for a moment that all is well."""
    for node in reversed(cluster.nodes):
        node.await_that(lambda n=node: n.status()["wsrep_cluster_size"] == "3")  # type: ignore[misc]
        node.await_synced()


def freeze(node: GaleraNode) -> None:
    node.send(signal.SIGSTOP)


def wake(node: GaleraNode) -> None:
    node.send(signal.SIGCONT)
    await_all(node.cluster)


def cut(node: GaleraNode) -> None:
    """Cut a node off from the others; clients still reach it."""
    node.rows("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")


def join(node: GaleraNode) -> None:
    node.rows("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'")
    await_all(node.cluster)


async def test_a_frozen_home_is_left_and_stays_a_spare(
    cluster: GaleraCluster, services: tuple[Database, Database]
) -> None:
    load = await both_move(cluster, services, freeze, wake)
    assert load.longest_gap < 15
    # A process that starts now joins the others, although the first address works.
    third = Database(settings_for([node.address for node in cluster.nodes]))
    await third.load_routines()
    # On a busy machine a probe may take longer than its second: that node is down until the next one.
    await eventually(lambda: third.home.name == services[0].home.name)
    await third.close()


async def test_a_home_without_its_cluster_is_left(
    cluster: GaleraCluster, services: tuple[Database, Database]
) -> None:
    load = await both_move(cluster, services, cut, join)
    assert load.longest_gap < 15


async def test_services_that_see_different_nodes_end_at_one_that_both_see(cluster: GaleraCluster) -> None:
    async with (
        tcp_proxy(cluster.nodes[0].port) as a1,
        tcp_proxy(cluster.nodes[1].port) as a2,
        tcp_proxy(cluster.nodes[2].port) as a3,
        tcp_proxy(cluster.nodes[0].port) as b1,
        tcp_proxy(cluster.nodes[1].port) as b2,
        tcp_proxy(cluster.nodes[2].port) as b3,
    ):
        ways: list[list[TcpProxy]] = [[a1, a2, a3], [b1, b2, b3]]
        # The order of addresses does not matter for those who come later.
        services = [Database(settings_for([p.address for p in order])) for order in (ways[0], ways[1][::-1])]
        for service in services:
            await service.load_routines()
        assert services[0].home.name == services[1].home.name
        first = cluster.nodes.index(home_of(cluster, services[0]))
        ways[0][first].hang()
        await eventually(lambda: home_of(cluster, services[0]) is not cluster.nodes[first])
        await eventually(lambda: services[0].home.name == services[1].home.name)
        second = cluster.nodes.index(home_of(cluster, services[0]))
        assert second != first
        await ways[1][second].refuse()
        third = ({0, 1, 2} - {first, second}).pop()
        await eventually(lambda: all(home_of(cluster, s) is cluster.nodes[third] for s in services))
        for service in services:
            assert (await service.call("yp", "home_get"))[0][0][1] == service.home.name
            await service.close()


async def test_pairs_that_cross_at_two_nodes_end_as_at_one(
    cluster: GaleraCluster, make_node: NodeMaker, password_hash: str
) -> None:
    """Two services with a home each: what one node locks, the other one sees only when it is written."""
    services = [await make_node(db=f"mysql://drumee_app@{node.address}/") for node in cluster.nodes[:2]]
    urls = [service.make_url("/") for service in services]
    people = People(urls[0], Registry(settings_for([cluster.nodes[0].address])), password_hash)
    crowd = [await people(f"P{number}") for number in range(CROWD)]
    couples = list(itertools.combinations(crowd, 2))[:PAIRS]
    random.Random(12).shuffle(couples)
    turns = asyncio.Semaphore(PAIRS_AT_ONCE)

    async def invite(sender: Person, peer: Person, url: URL) -> Answer:
        sender.base = url
        return await sender.call("contact.invite", email=peer.email)

    async def cross(one: Person, other: Person) -> tuple[Answer, Answer]:
        async with turns:
            return await asyncio.gather(invite(one, other, urls[0]), invite(other, one, urls[1]))

    before = retries()
    answers = await asyncio.gather(*(cross(*couple) for couple in couples))
    outcomes = Counter((answer.status, answer.code) for pair in answers for answer in pair)
    assert outcomes == {(200, "sent"): PAIRS, (200, "active"): PAIRS}
    rows = cluster.nodes[2].rows(
        "SET STATEMENT wsrep_sync_wait = 7 FOR SELECT owner_id, peer_id, status FROM shard1.contact"
    )
    status = {(owner, peer): text for owner, peer, text in rows}
    assert len(rows) == len(status) == 2 * PAIRS
    for one, other in couples:
        assert {status[one.uid, other.uid], status[other.uid, one.uid]} == {"active", "informed"}
    conflicts = retries() - before
    assert conflicts["1213"], "the nodes never met"
    print(f"{PAIRS} pairs, units that ran again: {dict(conflicts)}")
    await people.close()


async def patiently(request: Callable[[], Awaitable[RestAnswer]]) -> RestAnswer:
    """Send a request again while the service asks for that; it has changed nothing then."""
    while (answer := await request()).status == 503:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    assert answer.status in {200, 201}, answer.raw
    return answer


async def test_two_nodes_write_one_person_and_no_event_is_lost(
    cluster: GaleraCluster, make_node: NodeMaker, password_hash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both write the same address book and its outbox, and both deliver to one receiver."""
    monkeypatch.setattr(deliverer, "POLL_SECONDS", 0.05)
    receiver = Receiver()
    await receiver.server.start_server()
    services = [
        await make_node(db=f"mysql://drumee_app@{node.address}/", webhook_private="loopback")
        for node in cluster.nodes[:2]
    ]
    urls = [service.make_url("/") for service in services]
    registry = Registry(settings_for([cluster.nodes[0].address]))
    people = People(urls[0], registry, password_hash)
    ada, bob = await people("Ada"), await people("Bob")
    key = make_key(registry, ada)
    clients = [Client(ada, key, url) for url in urls]
    webhook = await subscribe(clients[0], receiver.url, "contact.*", "invitation.*")

    async def write(api: Client, place: str) -> None:
        for number in range(WRITES):
            made = await patiently(partial(api.post, "/contacts", {"display_name": f"{place} {number}"}))
            await patiently(partial(api.patch, f"/contacts/{made.data['id']}", {"company": place}))

    before = retries()
    await bob.ok("contact.invite", email=ada.email)
    await asyncio.gather(*(write(api, place) for api, place in zip(clients, "AB", strict=True)))
    assert retries()["1213"] > before["1213"], "the nodes never met"
    seen: dict[str, tuple[str, str]] = {}

    def all_arrived() -> bool:
        for each in receiver.received:
            if each.body["type"].startswith("contact."):
                body = each.verified(webhook["secret"])
                seen[each.event_id] = (body["type"], body["data"]["contact"]["id"])
        return len(seen) >= 4 * WRITES and "invitation.received" in receiver.types

    await eventually(all_arrived, 120)
    rows = cluster.nodes[2].rows(
        "SET STATEMENT wsrep_sync_wait = 7 FOR "
        "SELECT CONCAT('contact.', e.event), JSON_VALUE(r.record, '$.id') "
        f"FROM {ada.shard}.contact_event AS e "
        f"JOIN {ada.shard}.contact_record AS r ON r.owner_id = e.owner_id AND r.contact_id = e.contact_id "
        f"WHERE e.owner_id = '{ada.uid}' AND e.event <> 'private' ORDER BY e.rev"
    )
    assert list(rows) == list(seen.values()), "each change once, in the order of the address book"
    print(f"{len(seen)} events, units that ran again: {dict(retries() - before)}")
    for client in clients:
        await client.http.close()
    await people.close()
    await receiver.server.close()


async def test_calls_and_meetings_of_two_nodes_arrive_once_and_in_the_order_of_their_room(
    cluster: GaleraCluster, make_node: NodeMaker, password_hash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of two users is at a node of their own. Both change the same rooms at once."""
    monkeypatch.setattr(deliverer, "POLL_SECONDS", 0.05)
    registry = Registry(settings_for([cluster.nodes[0].address]))
    services = [
        await make_node(db=f"mysql://drumee_app@{node.address}/", webhook_private="loopback")
        for node in cluster.nodes[:2]
    ]
    here, there = (service.make_url("/") for service in services)
    people = People(here, registry, password_hash)
    alice, bob = await people("Alice", base=here), await people("Bob", base=there)
    receivers, secrets, clients = [Receiver(), Receiver()], [], []
    for person, receiver in zip((alice, bob), receivers, strict=True):
        await receiver.server.start_server()
        clients.append(Client(person, make_key(registry, person), person.base))
        webhook = await subscribe(clients[-1], receiver.url, "call.*", "meeting.*", "invitation.*")
        secrets.append(webhook["secret"])
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.call("yp", "permission_grant", hub, "*", bob.uid, 4, 0)
    before = retries()
    await bob.ok("contact.invite", email=alice.email)
    await alice.ok("contact.invite_accept", email=bob.email)
    line = await Line.between(alice, bob)
    seats = ((alice, line.a1), (bob, line.b1))
    rooms = []
    for _ in range(CALLS):
        call = await line.ring()
        rooms.append(call["room_id"])
        await line.pick_up(call)
        await asyncio.gather(
            *(person.ok("conference.leave", room_id=rooms[-1], socket_id=tab.id) for person, tab in seats)
        )
    meeting = (await join_meeting(alice, line.a2, hub))["user"]["room_id"]
    for _ in range(CALLS):
        await asyncio.gather(*(join_meeting(person, tab, hub, meeting) for person, tab in seats))
        await asyncio.gather(
            *(person.ok("conference.leave", room_id=meeting, socket_id=tab.id) for person, tab in seats)
        )
    await alice.ok("conference.leave", room_id=meeting, socket_id=line.a2.id)

    def seen(number: int) -> list[Any]:
        """Return the events of a receiver, in the order of their first arrival."""
        events: dict[str, Any] = {}
        for each in receivers[number].received:
            events.setdefault(each.event_id, each.verified(secrets[number]))
        return list(events.values())

    await eventually(lambda: "meeting.ended" in receivers[0].types, 120)
    await eventually(lambda: len(seen(1)) >= 1 + 5 * CALLS, 120)
    ring = ["call.started", "call.answered", "call.ended"]
    for number in (0, 1):
        events = seen(number)
        for room in rooms:
            assert [e["type"] for e in events if e["data"].get("room_id") == room] == ring
        assert [e["type"] for e in events if e["type"].startswith("invitation.")] == (
            ["invitation.received", "invitation.accepted"] if number == 0 else ["invitation.accepted"]
        )
    for number, person, extra in ((0, alice, 1), (0, bob, 0), (1, bob, 0)):
        own = [e for e in seen(number) if e["data"].get("user_id") == to_wire(person.uid)]
        assert Counter(e["type"] for e in own) == dict.fromkeys(
            ["meeting.joined", "meeting.left"], CALLS + extra
        )
        open_seats = 0
        for event in own:
            open_seats += 1 if event["type"] == "meeting.joined" else -1
            assert 0 <= open_seats <= 1 + extra, "nobody leaves before they have come"
    whole = [e["type"] for e in seen(0) if e["type"] in {"meeting.started", "meeting.ended"}]
    assert whole == ["meeting.started", "meeting.ended"]
    print(f"{len(seen(0)) + len(seen(1))} events, units that ran again: {dict(retries() - before)}")
    for client in clients:
        await client.http.close()
    await people.close()
    for receiver in receivers:
        await receiver.server.close()


def test_a_node_goes_on_to_abort_who_is_in_the_way_of_a_write_of_another_one(cluster: GaleraCluster) -> None:
    """MariaDB aborts once for each wait: a missed abort stops the cluster until the wait ends."""
    here, there = cluster.nodes[:2]
    there.rows("INSERT INTO yp.entity_lock (id) VALUES ('held'), ('free')")
    change = "UPDATE yp.entity_lock SET locked = locked + 1 WHERE id = %s"
    here.await_that(lambda: len(here.rows("SELECT id FROM yp.entity_lock WHERE id IN ('held', 'free')")) == 2)
    with here.connect() as immune, here.connect() as late:
        with immune.cursor() as cursor:
            # no abort reaches a transaction of such a session
            cursor.execute("SET SESSION wsrep_on = 0")
            immune.begin()
            cursor.execute(change, ("held",))
        there.rows(change, "held")
        here.await_that(lambda: here.rows(WAITS)[0][1] == "1")
        with late.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 50, wsrep_sync_wait = 0")
            late.begin()
            cursor.execute(change, ("free",))
            with pytest.raises(pymysql.err.OperationalError, match=r"^\(1213,"):
                cursor.execute(change, ("held",))
        immune.rollback()
    here.await_that(lambda: here.rows("SELECT locked FROM yp.entity_lock WHERE id = 'held'") == [(1,)])
    assert here.rows("SELECT locked FROM yp.entity_lock WHERE id = 'free'") == [(0,)]


async def test_a_killed_home_is_left(cluster: GaleraCluster, services: tuple[Database, Database]) -> None:
    load = await both_move(cluster, services, GaleraNode.end, lambda _: None)
    assert load.longest_gap < 15

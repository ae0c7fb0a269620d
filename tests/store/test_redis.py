"""Live updates and counters over real Redis servers, a master and its replica, with and without Sentinel."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from service.auth.throttle import SignInAttempt, Throttle
from service.bench.node import free_port
from service.live.push import Pusher, Receivers, channel_of
from service.loops import Loops
from service.rest.change_feed import notify_key_change
from service.settings import Settings
from service.store.redis import RedisServers
from service.web.address import AddressKey
from tests.support.waiting import until

NAME, PASSWORD, SENTINEL_PASSWORD = "site", "redis-secret", "sentinel-secret"


class Site:
    """A master, its replica, and a Sentinel. The first address of a Sentinel is that of none."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        ports: set[int] = set()
        while len(ports) < 4:
            ports.add(free_port())
        self.master, self.replica, self.sentinel, nobody = ports
        common = (
            f"bind 127.0.0.1\nsave ''\nrepl-diskless-sync-delay 0\n"
            f"requirepass {PASSWORD}\nmasterauth {PASSWORD}\n"
        )
        self._write(self.master, common)
        self._write(self.replica, f"{common}replicaof 127.0.0.1 {self.master}\n")
        self._write(
            self.sentinel,
            f"bind 127.0.0.1\nrequirepass {SENTINEL_PASSWORD}\n"
            f"sentinel monitor {NAME} 127.0.0.1 {self.master} 1\n"
            f"sentinel auth-pass {NAME} {PASSWORD}\n"
            f"sentinel down-after-milliseconds {NAME} 1000\n"
            f"sentinel failover-timeout {NAME} 2000\n",
        )
        query = f"?sentinel_password={SENTINEL_PASSWORD}"
        hosts = f"127.0.0.1:{nobody},127.0.0.1:{self.sentinel}"
        self.url = f"sentinel://:{PASSWORD}@{hosts}/{NAME}{query}"
        self.plain_url = f"redis://:{PASSWORD}@127.0.0.1:{self.replica},127.0.0.1:{self.master}/0"

    def _write(self, port: int, text: str) -> None:
        folder = self._place / str(port)
        folder.mkdir()
        (folder / "server.conf").write_text(f"port {port}\ndir {folder}\n{text}")

    async def start(self) -> None:
        self._start(self.master)
        self._start(self.replica)
        await until(self._is_linked)
        self._start(self.sentinel, "--sentinel")
        await until(self._knows_replica)

    def _start(self, port: int, *options: str) -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server") or ""
        # Not *.log: the run looks for secrets in those, and Redis writes ids that look like tokens.
        with (self._place / f"{port}.out").open("wb") as log:
            self._running[port] = subprocess.Popen(
                [program, str(self._place / str(port) / "server.conf"), *options], stdout=log, stderr=log
            )

    async def _is_linked(self) -> bool:
        reply = await self._info(self.replica, PASSWORD, "replication")
        return reply.get("master_link_status") == "up"

    async def _knows_replica(self) -> bool:
        reply = await self._info(self.sentinel, SENTINEL_PASSWORD, "sentinel")
        return bool(reply.get("master0", {}).get("slaves"))

    async def _info(self, port: int, password: str, section: str) -> dict[str, Any]:
        try:
            async with Redis(host="127.0.0.1", port=port, password=password) as redis:
                reply: dict[str, Any] = await redis.info(section)
                return reply
        except RedisError:
            return {}

    def send(self, port: int, number: signal.Signals) -> None:
        self._running[port].send_signal(number)

    def stop(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    try:
        await made.start()
        yield made
    finally:
        made.stop()


class Receiver:
    """One process: it publishes, and counts what it receives."""

    def __init__(self, settings: Settings, node: str) -> None:
        self.servers = RedisServers(settings)
        self.loops = Loops()
        self.pusher = Pusher(self.servers, node, self.loops, grace=0)
        self.received: Counter[str] = Counter()

    def deliver(self, _sockets: list[str], frame: str) -> None:
        self.received[frame] += 1


@asynccontextmanager
async def receivers(url: str) -> AsyncIterator[tuple[Receiver, Receiver]]:
    async def control(_sockets: list[str]) -> None:
        pass

    def ignore(*_of_a_successor: Any) -> None:
        pass

    settings = Settings(redis=url)
    pair = Receiver(settings, "one"), Receiver(settings, "two")
    try:
        for each in pair:
            each.pusher.start(Receivers(each.deliver, control, control, ignore, ignore))
            async with asyncio.timeout(10):
                await each.pusher.listening.wait()
        yield pair
    finally:
        for each in pair:
            await each.pusher.stop()


async def port_of(servers: RedisServers) -> int:
    """Return the port of the server in use, 0 when it does not answer."""
    try:
        async with asyncio.timeout(1):
            reply = await servers.client.config_get("port")
            return int(reply["port"] or 0)
    except (RedisError, OSError, TimeoutError):
        return 0


async def exchange(
    pair: tuple[Receiver, Receiver], fault: Callable[[], None], *, at: int = 50, count: int = 200
) -> None:
    """Send updates in both directions, with a fault in between."""
    one, two = pair
    for number in range(count):
        if number == at:
            fault()
        one.pusher.send([(two.pusher.node, json.dumps(["s"]))], str(number).encode())
        two.pusher.send([(one.pusher.node, json.dumps(["s"]))], str(number).encode())
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
async def test_both_processes_follow_sentinel_to_the_new_master(
    site: Site, fault: signal.Signals, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with receivers(site.url) as pair:
        assert [await port_of(each.servers) for each in pair] == [site.master] * 2
        updates = asyncio.create_task(exchange(pair, lambda: site.send(site.master, fault)))

        async def on_new_master() -> bool:
            ports = [await port_of(each.servers) for each in pair]
            return ports == [site.replica] * 2 and all(each.pusher.listening.is_set() for each in pair)

        await until(on_new_master)
        await updates
        everything = Counter(str(number) for number in range(200))
        await until(lambda: all(each.received.keys() == everything.keys() for each in pair), 30)
        assert [each.received for each in pair] == [everything] * 2
        await until(lambda: has_master() == 1.0)

        throttles = [Throttle(Settings(redis=site.url, login_attempts=3), each.servers) for each in pair]
        attempt = SignInAttempt("ann", AddressKey("here"), "")
        waits = [await throttles[number % 2].attempt(attempt) for number in range(8)]
        assert waits.count(0) == 3, "both processes count together"
    assert PASSWORD not in caplog.text
    assert SENTINEL_PASSWORD not in caplog.text


def has_master() -> float:
    return REGISTRY.get_sample_value("drumee_redis_master") or 0.0


async def test_without_a_master_the_metric_says_so(site: Site) -> None:
    site.send(site.sentinel, signal.SIGKILL)
    servers = RedisServers(Settings(redis=site.url))
    with pytest.raises(RedisError) as caught:
        await servers.check_master()
    assert has_master() == 0.0
    with pytest.raises(RedisError):
        await servers.ping()
    assert "secret" not in str(caught.value)
    await servers.close()


async def test_the_check_keeps_connections_to_the_new_master(site: Site) -> None:
    servers = RedisServers(Settings(redis=site.url))
    await servers.check_master()
    site.send(site.master, signal.SIGKILL)

    async def is_on_new_master() -> bool:
        return await port_of(servers) == site.replica

    await until(is_on_new_master)
    async with servers.client.pubsub() as feed:
        await feed.subscribe("updates")
        assert await servers.client.publish("updates", "on its way") == 1
        await servers.check_master()
        await expect_update(feed, b"on its way")
    await servers.close()


async def test_the_check_keeps_a_master_that_no_sentinel_names(site: Site) -> None:
    servers = RedisServers(Settings(redis=site.url))
    async with servers.client.pubsub() as feed:
        await feed.subscribe("updates")
        site.send(site.sentinel, signal.SIGKILL)
        # The check needs a new connection: the only one is that of the subscription.
        with pytest.raises(RedisError):
            await servers.check_master()
        async with Redis(host="127.0.0.1", port=site.master, password=PASSWORD) as redis:
            assert await redis.publish("updates", "on its way") == 1
        await expect_update(feed, b"on its way")
    await servers.close()


async def expect_update(feed: PubSub, text: bytes) -> None:
    """Read the answer to SUBSCRIBE, and an update."""
    kinds = [await feed.get_message(timeout=10) for _ in range(2)]
    assert [message and message["data"] for message in kinds] == [1, text]


async def test_a_subscription_that_was_cut_is_made_once(site: Site) -> None:
    """One that is left at once would lose what was published to it."""
    async with (
        receivers(site.url) as pair,
        Redis(host="127.0.0.1", port=site.master, password=PASSWORD) as redis,
    ):

        async def subscribes() -> int:
            calls: int = (await redis.info("commandstats"))["cmdstat_subscribe"]["calls"]
            return calls

        before = await subscribes()
        own = [each for each in await redis.client_list(_type="pubsub") if "sentinel" not in each["name"]]
        for each in own:
            await redis.client_kill_filter(_id=each["id"])
        await exchange(pair, lambda: None, count=5)
        await until(lambda: all(len(each.received) == 5 for each in pair), 30)
        assert (len(own), await subscribes() - before) == (2, 2)


async def test_an_update_that_is_published_again_arrives_once(site: Site) -> None:
    """The master may die between the delivery and its answer."""
    async with (
        receivers(site.url) as pair,
        Redis(host="127.0.0.1", port=site.master, password=PASSWORD) as redis,
        redis.pubsub() as feed,
    ):
        one, two = pair
        channel = channel_of(two.pusher.node)
        await feed.subscribe(channel)
        await feed.get_message(timeout=10)
        one.pusher.send([(two.pusher.node, json.dumps(["s"]))], b"first")
        message = await feed.get_message(timeout=10)
        assert message is not None
        await redis.publish(channel, message["data"])
        await redis.publish(channel, b'["s"]\nof an older process')
        await until(lambda: "of an older process" in two.received)
        assert two.received == {"first": 1, "of an older process": 1}


async def test_a_replica_among_plain_addresses_is_passed_over(site: Site) -> None:
    async with receivers(site.plain_url) as pair:
        await exchange(pair, lambda: None, count=5)
        assert [await port_of(each.servers) for each in pair] == [site.master] * 2
        await until(lambda: [each.received.total() for each in pair] == [5, 5])
        assert [await each.servers.client.incr("counted") for each in pair] == [1, 2]


@pytest.mark.parametrize("kind", ["url", "plain_url"])
async def test_a_command_publishes_on_the_master(site: Site, kind: str) -> None:
    settings = Settings(redis=getattr(site, kind))
    async with Redis(host="127.0.0.1", port=site.master, password=PASSWORD) as redis, redis.pubsub() as feed:
        await feed.subscribe("drumee:contacts:keys")
        assert await asyncio.to_thread(notify_key_change, settings)
        messages = [await feed.get_message(timeout=2) for _ in range(2)]
    assert messages[1] is not None
    assert messages[1]["data"] == b"access"

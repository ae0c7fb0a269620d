"""The sign-in throttle by itself: over Redis, for several processes, and without Redis."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from service.auth import counters
from service.auth.throttle import FIRST_PAUSE, LONGEST_PAUSE, SignInAttempt, Throttle, pause_seconds
from service.settings import Settings
from service.store.redis import RedisServers
from service.web.address import AddressKey

AWAY = {"redis": "redis://127.0.0.1:1/0"}
ThrottleMaker = Callable[..., Throttle]


class Person:
    """An account and addresses of this test's own: the counters live in one Redis."""

    def __init__(self, test: str) -> None:
        self.name = f"ann of {test}"

    def at(self, place: object, *, name: str = "", device: str = "") -> SignInAttempt:
        """Return an attempt at the account, or at another one, from an address of this test."""
        device = device and f"{self.name} {device}"
        return SignInAttempt(self.name + name, AddressKey(f"{place} of {self.name}"), device)


@pytest.fixture
async def process(settings: Settings) -> AsyncIterator[ThrottleMaker]:
    """Make the throttle of one more process: 3 attempts a pair, 5 an address, 8 an account."""
    async with AsyncExitStack() as cleanup:

        def make(**changes: Any) -> Throttle:
            limits: dict[str, Any] = {
                "login_attempts": 3, "login_attempts_address": 5, "login_attempts_account": 8,
            }  # fmt: skip
            changed = dataclasses.replace(settings, **limits | changes)
            servers = RedisServers(changed)
            cleanup.push_async_callback(servers.close)
            return Throttle(changed, servers)

        yield make


@pytest.fixture(params=["with Redis", "Redis away"])
def throttle(process: ThrottleMaker, request: pytest.FixtureRequest) -> Throttle:
    return process(**(AWAY if request.param == "Redis away" else {}))


@pytest.fixture
def ann(request: pytest.FixtureRequest) -> Person:
    return Person(request.node.name)


async def test_an_address_waits_at_an_account_after_its_attempts_and_no_other_address(
    throttle: Throttle, ann: Person
) -> None:
    assert [await throttle.attempt(ann.at("here")) for _ in range(3)] == [0, 0, 0]
    assert 890 <= await throttle.attempt(ann.at("here")) <= 900
    assert await throttle.attempt(ann.at("there")) == 0
    assert await throttle.attempt(ann.at("here", name=" too")) == 0


async def test_an_address_slows_down_after_its_attempts_at_any_account(
    throttle: Throttle, ann: Person
) -> None:
    assert [await throttle.attempt(ann.at("here", name=str(n))) for n in range(5)] == [0] * 5
    assert 1 <= await throttle.attempt(ann.at("here", name="5")) <= 10
    assert await throttle.attempt(ann.at("there", name="6")) == 0


async def test_an_account_that_many_addresses_attack_stays_open_to_every_other_one(
    throttle: Throttle, ann: Person
) -> None:
    for number in range(40):
        assert await throttle.attempt(ann.at(number)) == 0
    assert await throttle.attempt(ann.at("home")) == 0
    assert 1 <= await throttle.attempt(ann.at("home")) <= LONGEST_PAUSE


async def test_refused_attempts_count_for_nothing(throttle: Throttle, ann: Person) -> None:
    for _ in range(3):
        await throttle.attempt(ann.at("here"))
    for _ in range(50):
        assert await throttle.attempt(ann.at("here")) > 0
    # Neither the address nor the account has more than three failures.
    assert await throttle.attempt(ann.at("here", name=" too")) == 0
    assert [await throttle.attempt(ann.at("there")) for _ in range(3)] == [0, 0, 0]


async def test_a_known_browser_is_not_shut_out_by_others_but_by_itself(
    throttle: Throttle, ann: Person
) -> None:
    for _ in range(5):
        await throttle.attempt(ann.at("here"))
    for number in range(20):
        await throttle.attempt(ann.at(number))
    assert [await throttle.attempt(ann.at("here", device="phone")) for _ in range(3)] == [0, 0, 0]
    assert await throttle.attempt(ann.at("here", device="phone")) > 0
    assert await throttle.attempt(ann.at("here", device="laptop")) == 0, "each browser has its own counter"
    await throttle.succeeded(ann.at("here", device="laptop"))
    assert await throttle.attempt(ann.at("here", device="phone")) > 0


async def test_the_attempts_of_a_known_browser_shut_out_nobody(throttle: Throttle, ann: Person) -> None:
    for number in range(3):
        assert await throttle.attempt(ann.at("here", device=f"browser {number}")) == 0
    assert [await throttle.attempt(ann.at("here")) for _ in range(3)] == [0, 0, 0]


async def test_the_right_password_gives_the_attempts_back(throttle: Throttle, ann: Person) -> None:
    for device in ("", "phone"):
        here = ann.at("here", device=device)
        for _ in range(10):
            assert await throttle.attempt(here) == 0
            await throttle.succeeded(here)
        assert [await throttle.attempt(here) for _ in range(3)] == [0, 0, 0]
    assert await throttle.attempt(ann.at("here", device="phone")) > 0


async def test_several_processes_count_together(process: ThrottleMaker, ann: Person) -> None:
    one, two = process(), process()
    assert [await each.attempt(ann.at("here")) for each in (one, two, one)] == [0, 0, 0]
    assert await two.attempt(ann.at("here")) > 0
    known = ann.at("here", device="phone")
    assert [await each.attempt(known) for each in (two, one, two)] == [0, 0, 0]
    assert await one.attempt(known) > 0


async def test_forty_attempts_at_once_over_two_processes_count_as_forty(
    process: ThrottleMaker, ann: Person
) -> None:
    processes = process(), process()
    one_account = await asyncio.gather(*(processes[n % 2].attempt(ann.at("here")) for n in range(40)))
    assert one_account.count(0) == 3
    clock = asyncio.get_running_loop().time
    start = clock()
    many = (processes[n % 2].attempt(ann.at("there", name=str(n))) for n in range(40))
    allowed = (await asyncio.gather(*many)).count(0)
    # One more may try after each pause: only a machine that does much else takes so long.
    assert 5 <= allowed <= 5 + (clock() - start) // FIRST_PAUSE


async def test_names_are_not_readable_in_redis(
    process: ThrottleMaker, ann: Person, settings: Settings
) -> None:
    await process().attempt(ann.at("here"))
    await process().attempt(ann.at("here", device="phone"))
    servers = RedisServers(settings)
    keys = [key.decode() async for key in servers.client.scan_iter("drumee*login*")]
    expiries = [await servers.client.ttl(key) for key in keys]
    await servers.close()
    assert keys
    assert not [key for key in keys if ann.name in key]
    assert -1 not in expiries, "every counter ends by itself"
    assert max(expiries) <= 900


async def test_counters_that_end_before_they_are_given_back_still_end(
    process: ThrottleMaker, ann: Person, settings: Settings
) -> None:
    servers = RedisServers(settings)
    await process().succeeded(ann.at("here"))
    expiries = [await servers.client.ttl(key) async for key in servers.client.scan_iter("drumee*login*")]
    await servers.close()
    assert -1 not in expiries


async def test_without_redis_the_memory_is_bounded(
    process: ThrottleMaker, monkeypatch: pytest.MonkeyPatch, ann: Person
) -> None:
    monkeypatch.setattr(counters, "MEMORY_KEYS", 20)
    throttle = process(**AWAY)
    for number in range(100):
        await throttle.attempt(ann.at(number, name=str(number)))
    assert len(throttle._counters.memory.storage) <= 20


def test_pauses_grow_and_have_an_end() -> None:
    assert [pause_seconds(50 + n, 50) for n in (0, 9, 10, 20, 30, 10_000)] == [10, 10, 20, 40, 60, 60]
    assert [pause_seconds(1 + n, 1) for n in (0, 1, 2, 3)] == [10, 20, 40, 60]

"""People do to each other whatever can be done, in any order; a model says what comes of it (3.2)."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Iterator
from itertools import permutations
from typing import Any, ClassVar

import pytest
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from service.app import make_app
from service.demo import Registry
from service.settings import Settings
from tests.conftest import SECOND_SHARD, Admin
from tests.people import People, Person

RELATED = {"informed", "active"}
PAIRS = st.runner().flatmap(lambda machine: st.sampled_from(machine.pairs))


class World:
    """A node and its people, in an event loop of their own: the machine below is not asynchronous."""

    def __init__(self, config: Settings, registry: Registry, password_hash: str, admin: Admin) -> None:
        self.admin = admin
        self._registry, self._hash = registry, password_hash
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.server: TestServer = self.do(self._serve(config))

    async def _serve(self, config: Settings) -> TestServer:
        server = TestServer(await make_app(config))
        await server.start_server()
        return server

    def do(self, work: Any) -> Any:
        """Run a coroutine in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def people(self) -> People:
        """A maker of people of this node."""
        return People(self.server.make_url("/"), self._registry, self._hash)

    def close(self) -> None:
        """Stop everything."""
        self.do(self.server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


@pytest.fixture(scope="module")
def world(settings: Settings, registry: Registry, password_hash: str, admin: Admin) -> Iterator[World]:
    made = World(dataclasses.replace(settings), registry, password_hash, admin)
    yield made
    made.close()


class Relations(RuleBasedStateMachine):
    """`status[a, b]` is the state of a's entry about b; None: there is none."""

    world: ClassVar[World]
    names: ClassVar = (("Ann", "shard1"), ("Ben", SECOND_SHARD), ("Cid", "shard1"))
    pairs: ClassVar = tuple(permutations(range(3), 2))

    @initialize()
    def begin(self) -> None:
        self.made = self.world.people()
        self.who: list[Person] = [self.world.do(self.made(name, shard=shard)) for name, shard in self.names]
        self.status: dict[tuple[int, int], str | None] = dict.fromkeys(self.pairs)
        self.blocked: set[tuple[int, int]] = set()

    def teardown(self) -> None:
        if hasattr(self, "made"):
            self.world.do(self.made.close())

    def call(self, pair: tuple[int, int], service: str, **args: Any) -> str | None:
        """The code of a refusal, or None."""
        answer = self.world.do(self.who[pair[0]].call(f"contact.{service}", **args))
        assert answer.status in {200, 404, 409}, answer.body
        return None if answer.status == 200 else answer.code

    def entry(self, pair: tuple[int, int]) -> str:
        """Id of a's entry about b."""
        a, b = (self.who[i] for i in pair)
        return str(
            self.world.admin.one(
                f"SELECT id FROM {a.shard}.contact WHERE owner_id = %s AND peer_id = %s", a.uid, b.uid
            )
        )

    @rule(pair=PAIRS, by_email=st.booleans())
    def invite(self, pair: tuple[int, int], by_email: bool) -> None:
        other = self.who[pair[1]]
        code = self.call(pair, "invite", email=other.email if by_email else other.uid)
        mine, back = self.status[pair], pair[::-1]
        if mine in RELATED:
            assert code == "ALREADY_IN_CONTACT"
        elif mine == "received":
            assert code == "INVITE_RECEIVED"
        else:
            assert code is None
            his = self.status[back]
            if back in self.blocked:
                self.status[pair] = "sent"
            elif his == "sent":
                self.status[pair], self.status[back] = "active", "informed"
            else:
                self.status[pair] = "sent"
                self.status[back] = {None: "received", "memory": "invitation"}.get(his, his)

    @rule(pair=PAIRS)
    def add(self, pair: tuple[int, int]) -> None:
        code = self.call(pair, "add", invitee_id=self.who[pair[1]].uid)
        assert code == (None if self.status[pair] is None else "ALREADY_IN_CONTACT")
        self.status[pair] = self.status[pair] or "memory"

    @rule(pair=PAIRS)
    def accept(self, pair: tuple[int, int]) -> None:
        code = self.call(pair, "invite_accept", email=self.who[pair[1]].uid)
        if self.status[pair] in {"received", "invitation"}:
            assert code is None
            self.status[pair], self.status[pair[::-1]] = "active", "informed"
        else:
            assert code == "NO_INVITE"

    @rule(pair=PAIRS)
    def refuse(self, pair: tuple[int, int]) -> None:
        code = self.call(pair, "invite_refuse", email=self.who[pair[1]].uid)
        if self.status[pair] in {"received", "invitation"}:
            assert code is None
            self.status[pair] = None if self.status[pair] == "received" else "memory"
            if self.status[pair] is None:
                self.blocked.discard(pair)
            if self.status[pair[::-1]] in {"sent", "invitation"}:
                self.status[pair[::-1]] = "memory"
        else:
            assert code == "NO_INVITE"

    @rule(pair=PAIRS)
    def acknowledge(self, pair: tuple[int, int]) -> None:
        code = self.call(pair, "accept_informed", email=self.who[pair[1]].uid)
        if self.status[pair] == "informed":
            assert code is None
            self.status[pair] = "active"
        else:
            assert code == "NO_INVITE"

    @rule(pair=PAIRS)
    def delete(self, pair: tuple[int, int]) -> None:
        if self.status[pair] is None:
            assert self.call(pair, "delete_contact", contact_id="0123456789abcdef") == "CONACT_NOT_EXIST"
            return
        assert self.call(pair, "delete_contact", contact_id=self.entry(pair)) is None
        self.status[pair] = None
        self.blocked.discard(pair)
        his = self.status[pair[::-1]]
        self.status[pair[::-1]] = None if his in {None, "received"} else "memory"
        if self.status[pair[::-1]] is None:
            # the entry that the block was put on went with the invitation
            self.blocked.discard(pair[::-1])

    @rule(pair=PAIRS, blocked=st.booleans())
    def block(self, pair: tuple[int, int], blocked: bool) -> None:
        if self.status[pair] is None:
            return
        assert self.call(pair, "block" if blocked else "unblock", contact_id=self.entry(pair)) is None
        (self.blocked.add if blocked else self.blocked.discard)(pair)

    @invariant()
    def database_is_as_the_model_says(self) -> None:
        if not hasattr(self, "status"):
            return
        for (a, b), expected in self.status.items():
            owner, other = self.who[a], self.who[b]
            found = self.world.admin.rows(
                f"SELECT status, uid, entity FROM {owner.shard}.contact WHERE owner_id = %s AND peer_id = %s",
                owner.uid,
                other.uid,
            )
            uid = other.uid if expected in RELATED else None
            assert found == ([(expected, uid, other.uid)] if expected else []), (a, b)
            assert (expected in RELATED) == (self.status[b, a] in RELATED)
        blocks = self.world.admin.rows(
            "SELECT owner_id, uid FROM yp.contact_block WHERE FIND_IN_SET(owner_id, %s)",
            ",".join(person.uid for person in self.who),
        )
        assert set(blocks) == {(self.who[a].uid, self.who[b].uid) for a, b in self.blocked}


class TwoPeople(Relations):
    """With nobody else in play the same pair goes deeper into its states."""

    names = Relations.names[:2]
    pairs = tuple(permutations(range(2), 2))


@pytest.mark.parametrize("people", [TwoPeople, Relations])
def test_whatever_people_do_the_books_agree(world: World, people: type[Relations]) -> None:
    Relations.world = world
    run_state_machine_as_test(
        people,
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=False,
        ),
    )

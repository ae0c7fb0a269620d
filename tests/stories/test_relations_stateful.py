"""Run all relation services in any order, and compare the database with a model (3.2)."""

from __future__ import annotations

from itertools import permutations
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.support.admin import SECOND_SHARD
from tests.support.people import Person
from tests.support.world import World

RELATED = {"informed", "active"}
PAIRS = st.runner().flatmap(lambda machine: st.sampled_from(machine.pairs))


class Relations(RuleBasedStateMachine):
    """`status[a, b]` is the state of a's entry about b, None without an entry."""

    world: ClassVar[World]
    names: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Ann", "shard1"),
        ("Ben", SECOND_SHARD),
        ("Cid", "shard1"),
    )
    pairs: ClassVar[tuple[tuple[int, int], ...]] = tuple(permutations(range(3), 2))

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
        """Call a service; return the code of a refusal, or None."""
        answer = self.world.do(self.who[pair[0]].call(f"contact.{service}", **args))
        assert answer.status in {200, 404, 409}, answer.body
        return None if answer.status == 200 else answer.code

    def entry(self, pair: tuple[int, int]) -> str:
        """Return the id of a's entry about b."""
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
        own, back = self.status[pair], pair[::-1]
        if own in RELATED:
            assert code == "ALREADY_IN_CONTACT"
        elif own == "received":
            assert code == "INVITE_RECEIVED"
        else:
            assert code is None
            peer = self.status[back]
            if back in self.blocked:
                self.status[pair] = "sent"
            elif peer == "sent":
                self.status[pair], self.status[back] = "active", "informed"
            else:
                self.status[pair] = "sent"
                self.status[back] = {None: "received", "memory": "invitation"}.get(peer, peer)

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
        peer = self.status[pair[::-1]]
        self.status[pair[::-1]] = None if peer in {None, "received"} else "memory"
        if self.status[pair[::-1]] is None:
            # The blocked entry went away with the invitation.
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
        uids = tuple(person.uid for person in self.who)
        shards = {person.shard for person in self.who}
        entries = " UNION ALL ".join(
            f"SELECT owner_id, peer_id, status, uid, entity FROM {shard}.contact WHERE owner_id IN %s"
            for shard in shards
        )
        rows = self.world.admin.rows(entries, *[uids] * len(shards))
        wanted = []
        for (a, b), expected in self.status.items():
            assert (expected in RELATED) == (self.status[b, a] in RELATED)
            if expected:
                owner, other = uids[a], uids[b]
                wanted.append((owner, other, expected, other if expected in RELATED else None, other))
        assert sorted(rows, key=str) == sorted(wanted, key=str)
        blocks = self.world.admin.rows(
            "SELECT owner_id, uid FROM yp.contact_block WHERE owner_id IN %s", uids
        )
        assert set(blocks) == {(uids[a], uids[b]) for a, b in self.blocked}


class TwoPeople(Relations):
    """With only two users the same pair goes deeper into its states."""

    names = Relations.names[:2]
    pairs = tuple(permutations(range(2), 2))


@pytest.mark.parametrize("people", [TwoPeople, Relations])
def test_both_entries_agree_after_any_sequence_of_calls(world: World, people: type[Relations]) -> None:
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

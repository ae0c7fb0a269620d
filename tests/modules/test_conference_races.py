"""Two changes of one call at the same instant, over two processes: one happens, and everybody hears that one.

`CALL_RACES=200 make test T=tests/modules/test_conference_races.py` tries each pair 200 times.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import pytest

from tests.support.admin import Admin
from tests.support.conferences import CONNECT, dial, wicket_of
from tests.support.nodes import NodeMaker
from tests.support.people import People, Person, Tab
from tests.support.waiting import until

ROUNDS = int(os.environ.get("CALL_RACES", "2"))
ANSWERS = {"conference.accept": "accepted", "conference.decline": "declined"}
STOPS = {"conference.accept", "conference.cancel", "conference.revoke"}


@dataclass
class Race:
    """Alice, who calls, and two devices of Bob at two processes."""

    alice: Person
    bob: Person
    phone: Person
    a1: Tab
    b1: Tab
    p1: Tab
    wicket: str
    admin: Admin
    call: dict[str, Any]
    statuses: dict[str, int]

    @property
    def here(self) -> dict[str, Any]:
        return {"hub_id": self.call["hub_id"], "room_id": self.call["room_id"]}

    async def ring(self) -> None:
        """Call Bob once more, with fresh tabs: nobody remembers an earlier call."""
        self.statuses = {}
        self.a1, self.b1, self.p1 = [await each.tab() for each in (self.alice, self.bob, self.phone)]
        await dial(self.alice, self.a1, self.bob, hub_id=self.wicket)
        self.call = (await self.b1.expect("conference.invite"))["model"]
        await self.p1.expect("conference.invite")

    async def hang_up(self) -> None:
        """Close all tabs that are still open."""
        for tab in (self.a1, self.b1, self.p1):
            if not tab.ws.closed:
                await tab.close()
        room = self.call["room_id"]
        await until(lambda: not self.admin.rows("SELECT 1 FROM yp.conference_room WHERE id = %s", room))

    async def _call(self, name: str, person: Person, service: str, **args: Any) -> None:
        answer = await person.call(service, **self.here, **args)
        assert answer.status < 500, answer.body
        self.statuses[name] = answer.status

    # --- the moves ---

    async def accept(self) -> None:
        """Pick up on the laptop, as the frontend does."""
        args = {"socket_id": self.b1.id, "metadata": CONNECT}
        await self._call("accept", self.bob, "conference.join", isCallee=1, type="connect", **args)
        if self.statuses["accept"] == 200:
            await self._call("accept", self.bob, "conference.accept", caller=self.call, **args)

    async def second_device(self) -> None:
        """Pick up on the phone."""
        args = {"socket_id": self.p1.id, "metadata": CONNECT}
        await self._call("second", self.phone, "conference.join", isCallee=1, type="connect", **args)

    async def decline(self) -> None:
        """Decline on the phone."""
        await self._call("decline", self.phone, "conference.decline", caller=self.call, socket_id=self.p1.id)

    async def cancel(self) -> None:
        """Give up, as the caller."""
        await self._call("cancel", self.alice, "conference.cancel", socket_id=self.a1.id)

    async def revoke(self) -> None:
        """Withdraw the invitation."""
        callee = {"drumate_id": self.bob.uid, "entity_id": self.bob.uid}
        await self._call("revoke", self.alice, "conference.revoke", callee=callee, socket_id=self.a1.id)

    async def expire(self) -> None:
        """Let the time of the ring end."""
        # As the service: the row of the room first, so that nobody waits in a circle. In a thread: whoever
        # holds the row needs the event loop to commit.
        room = "SELECT 1 FROM yp.conference_room WHERE hub_id = %s AND id = %s FOR UPDATE"
        update = (
            "UPDATE yp.call_invitation SET expiry = 1 WHERE hub_id = %s AND room_id = %s AND callee_id = %s"
        )
        block = f"BEGIN NOT ATOMIC START TRANSACTION; {room}; {update}; COMMIT; END"
        place = self.call["hub_id"], self.call["room_id"]
        await asyncio.to_thread(self.admin.rows, block, *place, *place, self.bob.uid)

    async def leave(self) -> None:
        """Leave, as the caller."""
        await self._call("leave", self.alice, "conference.leave", socket_id=self.a1.id)

    async def kill(self) -> None:
        """Lose the connection of the caller."""
        await self.a1.cut()

    # --- what is true afterwards ---

    def stored(self) -> tuple[str, set[str]]:
        """Return the state of the call, and the sockets in its room."""
        room = self.call["room_id"]
        state = self.admin.one("SELECT status FROM yp.call_invitation WHERE room_id = %s", room)
        seats = self.admin.rows("SELECT socket_id FROM yp.conference WHERE room_id = %s", room)
        return str(state), {socket for (socket,) in seats}

    def heard(self, tab: Tab) -> Counter[str]:
        """Return the updates of this call that a tab has heard."""
        return Counter(
            frame["options"]["service"]
            for frame in tab.frames
            if frame["service"] == "live.update" and frame["model"].get("room_id") == self.call["room_id"]
        )

    def settled(self) -> bool:
        """Return whether nothing rings, and every device that has to know has been told or is inside."""
        state, seats = self.stored()
        rings = [
            tab for tab in (self.b1, self.p1) if tab.id not in seats and not self.heard(tab).keys() & STOPS
        ]
        if state == "declined":
            rings = [tab for tab in rings if tab is not self.p1]
        answer = {"accepted": "conference.accept"}.get(state, "conference.decline")
        waits = self.a1.id in seats and not self.a1.ws.closed and state in {*ANSWERS.values(), "missed"}
        return state != "ringing" and not rings and not (waits and not self.heard(self.a1)[answer])

    def check(self, moves: Sequence[str]) -> None:
        """Check that the tables, the answers and the frames tell one story."""
        state, seats = self.stored()
        inside = {self.b1.id, self.p1.id} & seats
        updates = self.heard(self.a1)
        story = f"{moves}: {state}, {len(seats)} inside, {self.statuses}, {dict(updates)}"
        assert len(inside) <= 1, story
        assert not inside or state == "accepted", story
        answers = {outcome for service, outcome in ANSWERS.items() if updates[service]}
        assert len(answers) <= 1, story
        assert max(updates["conference.accept"], updates["conference.decline"]) <= 1, story
        hears = self.a1.id in seats and not self.a1.ws.closed
        if hears and state == "accepted":
            assert answers == {"accepted"}, story
        if hears and state in {"declined", "missed"}:
            assert answers == {"declined"}, story
        grants = "SELECT 1 FROM yp.permission WHERE resource_id = %s AND entity_id = %s"
        granted = self.admin.rows(grants, self.call["room_id"], self.bob.uid)
        assert bool(granted) == bool(inside), story


@pytest.fixture
async def race(make_node: NodeMaker, people: People, admin: Admin) -> Race:
    nodes = [(await make_node(socket_grace=0)).make_url("/") for _ in range(2)]
    alice, bob = await people("Alice", base=nodes[0]), await people("Bob", base=nodes[0])
    phone = await people.device(bob, nodes[1])
    tab = await alice.tab()
    return Race(alice, bob, phone, tab, tab, tab, await wicket_of(alice), admin, {}, {})


MOVES = ("accept", "decline", "cancel", "revoke", "expire", "leave", "kill", "second_device")


@pytest.mark.parametrize("moves", list(combinations_with_replacement(MOVES, 2)), ids="-".join)
async def test_of_two_moves_at_once_the_tables_and_all_views_tell_one_story(
    race: Race, moves: tuple[str, str]
) -> None:
    for _ in range(ROUNDS):
        await race.ring()
        steps: list[Callable[[], Awaitable[None]]] = [getattr(race, move) for move in moves]
        await asyncio.gather(*(step() for step in steps))
        await until(race.settled, 15)
        race.check(moves)
        await race.hang_up()

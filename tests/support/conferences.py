"""Meetings, and calls between two users."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from tests.support.admin import Admin
from tests.support.people import QUIET, WAIT, Person, Tab

MEETING = {"metadata": {"audio": 1, "video": 0, "screen": 0, "muted": 0, "type": "meeting"}}


async def join_meeting(
    person: Person, tab: Tab, hub: str, room: str | None = None, **more: Any
) -> dict[str, Any]:
    args = {"room_id": room} if room else {}
    joined: dict[str, Any] = await person.ok(
        "conference.join", hub_id=hub, socket_id=tab.id, **args, **MEETING, **more
    )
    return joined


CONNECT = {"audio": 1, "video": 0, "screen": 0, "muted": 0, "type": "connect"}


@dataclass
class Line:
    """The caller Alice and the callee Bob, with two tabs each."""

    alice: Person
    bob: Person
    a1: Tab
    a2: Tab
    b1: Tab
    b2: Tab
    wicket: str

    @classmethod
    async def between(cls, alice: Person, bob: Person) -> Line:
        """Open two tabs of each."""
        a1, a2, b1, b2 = [await person.tab() for person in (alice, alice, bob, bob)]
        return cls(alice, bob, a1, a2, b1, b2, await wicket_of(alice))

    async def dial(self, **more: Any) -> Any:
        """Call Bob from Alice's first tab."""
        return await dial(self.alice, self.a1, self.bob, hub_id=self.wicket, **more)

    async def ring(self) -> dict[str, Any]:
        """Call Bob; return the invitation that Bob's first tab received."""
        seen = len(self.b1.updates("conference.invite"))
        await self.dial()
        model: dict[str, Any] = (await self.b1.expect("conference.invite", seen + 1))["model"]
        return model

    async def pick_up(self, call: dict[str, Any]) -> Any:
        """Join with Bob's first tab, as the frontend does before it accepts."""
        here = {"hub_id": call["hub_id"], "room_id": call["room_id"], "socket_id": self.b1.id}
        joined = await self.bob.ok("conference.join", metadata=CONNECT, isCallee=1, **here)
        await self.bob.ok("conference.accept", caller=call, **here)
        return joined

    def callee(self) -> dict[str, Any]:
        """Return Bob as Alice's window represents him."""
        return {"entity_id": self.bob.uid, "drumate_id": self.bob.uid, "contact_id": None}


async def wicket_of(person: Person) -> str:
    """Return the hub that hosts the calls of a user."""
    wicket: str = (await person.ok("desk.get_env"))["wicket_id"]
    return wicket


async def dial(caller: Person, tab: Tab, callee: Person, **more: Any) -> Any:
    """Call a user; `hub_id` saves the request that looks for the caller's wicket."""
    hub = more.pop("hub_id", None) or await wicket_of(caller)
    return await caller.ok(
        "conference.invite", hub_id=hub, guest_id=callee.uid, socket_id=tab.id, metadata=CONNECT, **more
    )


def invitation_status(admin: Admin, room: str) -> str:
    """Return the state of the only invitation into a room."""
    state: str = admin.one("SELECT status FROM yp.call_invitation WHERE room_id = %s", room)
    return state


def log_of(admin: Admin, owner: Person, peer: Person) -> list[tuple[Any, ...]]:
    """Return (event, duration, role, author, read, id) of every call in a conversation."""
    return admin.rows(
        f"SELECT JSON_VALUE(metadata, '$.call_status'), JSON_VALUE(metadata, '$.duration') + 0, "
        f"JSON_VALUE(metadata, '$.role'), author_id, is_read, message_id FROM {owner.shard}.message "
        f"WHERE owner_id = %s AND peer_id = %s AND message_type = 'call' ORDER BY ctime",
        owner.uid,
        peer.uid,
    )


async def logged(admin: Admin, owner: Person, peer: Person, count: int = 1) -> list[tuple[Any, ...]]:
    """Wait until so many calls are in a conversation; return `log_of`."""
    for _ in range(int(WAIT / QUIET)):
        if len(log_of(admin, owner, peer)) >= count:
            break
        await asyncio.sleep(QUIET)
    entries = log_of(admin, owner, peer)
    assert len(entries) == count
    return entries


async def answered_ago(admin: Admin, room: str, seconds: int) -> None:
    """Let the calls into a room have begun so long ago.

    In a thread: a node of this process that holds a row must go on meanwhile.
    """
    await asyncio.to_thread(
        admin.rows,
        "UPDATE yp.call_invitation SET answered_at = yp.call_clock() - %s WHERE room_id = %s "
        "AND answered_at IS NOT NULL",
        seconds * 1000,
        room,
    )

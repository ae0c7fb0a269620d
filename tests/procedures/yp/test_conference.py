"""procedures/yp/conference, called directly."""

from __future__ import annotations

import asyncio

import pytest

from service.database import document
from tests.procedures.conftest import Direct, Somebody

LIMIT = 16


class Seat:
    """Somebody's socket and session."""

    def __init__(self, direct: Direct, person: Somebody, sid: str, socket: str) -> None:
        self.direct, self.person, self.sid, self.socket = direct, person, sid, socket

    @classmethod
    async def take(cls, direct: Direct) -> Seat:
        person = direct.person()
        sid = await direct.session(person.uid)
        return cls(direct, person, sid, await direct.socket(sid))

    async def join(self, hub: str, room: str | None, **metadata: object) -> dict[str, object]:
        found = await self.direct.sets(
            *("yp", "conference_join", self.sid, self.socket, hub, room, "meeting"),
            str(metadata or "{}").replace("'", '"'),
            LIMIT,
        )
        joined: dict[str, object] = document(found[0])
        return joined


@pytest.fixture
async def seats(direct: Direct) -> list[Seat]:
    return [await Seat.take(direct) for _ in range(3)]


@pytest.fixture
def hub(direct: Direct, seats: list[Seat]) -> str:
    made = direct.registry.add_hub("Team", seats[0].person.uid, "private")
    direct.registry.grant(made, seats[1].person.uid, 4)
    return made


async def test_of_two_who_come_first_at_once_one_is_host(seats: list[Seat], hub: str) -> None:
    joined = await asyncio.gather(seats[0].join(hub, "room1"), seats[1].join(hub, "room1"))
    roles = sorted(j["user"]["role"] for j in joined)  # type: ignore[index]
    assert roles == ["attendee", "host"]


async def test_conference_join_refuses_strangers_and_foreign_sockets(
    direct: Direct, seats: list[Seat], hub: str
) -> None:
    first, second, stranger = seats
    join = ("yp", "conference_join")
    room = (hub, "room1", "meeting", "{}", LIMIT)
    assert await direct.refusal(*join, stranger.sid, stranger.socket, *room) == "WEAK_PRIVILEGE"
    assert await direct.refusal(*join, second.sid, first.socket, *room) == "WEAK_PRIVILEGE"


async def test_a_host_who_leaves_hands_over_and_an_empty_room_ends(
    direct: Direct, seats: list[Seat], hub: str
) -> None:
    first, second, _ = seats
    await first.join(hub, "room1", participant_id=f"p{first.socket}")
    await second.join(hub, "room1")
    seen = await direct.one("yp", "conference_attendee", first.sid, f"p{first.socket}", None, None)
    assert seen["uid"] == first.person.uid
    (told,) = await direct.sets("yp", "conference_broadcast", first.sid, first.socket, hub, "room1")
    assert second.socket in told[0][1]
    (rows,) = await direct.sets("yp", "room_sockets", hub, "room1", first.socket)
    assert second.socket in rows[0][1]
    left = await direct.one("yp", "conference_leave", first.sid, first.socket, "room1")
    assert left["host"] == second.socket
    assert await direct.sets("yp", "conference_leave", first.sid, first.socket, "room1") == []
    gone, others = await direct.sets("yp", "conference_drop", second.socket, None)
    assert (document(gone)["socket_id"], others) == (second.socket, [])


async def test_conference_update_changes_ones_own_row_only(
    direct: Direct, seats: list[Seat], hub: str
) -> None:
    first, second, _ = seats
    await first.join(hub, "room1")
    mine = await direct.one("yp", "conference_update", first.sid, first.socket, "room1", '{"audio": 0}')
    assert mine["audio"] == 0
    theirs = await direct.sets("yp", "conference_update", second.sid, first.socket, "room1", '{"audio": 1}')
    assert not any(theirs)
    refused = await direct.refusal("yp", "conference_broadcast", second.sid, second.socket, hub, "room1")
    assert refused == "WEAK_PRIVILEGE"

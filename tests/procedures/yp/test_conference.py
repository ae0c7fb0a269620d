"""procedures/yp/conference, called directly."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from service.store.database import document
from tests.support.admin import Admin
from tests.support.direct import Direct, Somebody
from tests.support.scene import Scene

LIMIT = 16


class Seat:
    """The socket and the session of a user."""

    def __init__(self, direct: Direct, person: Somebody, sid: str, socket: str) -> None:
        self.direct, self.person, self.sid, self.socket = direct, person, sid, socket

    @classmethod
    async def take(cls, direct: Direct) -> Seat:
        person = direct.person()
        sid = await direct.session(person.uid)
        return cls(direct, person, sid, await direct.socket(sid))

    async def join(self, hub: str, room: str | None, **metadata: object) -> dict[str, Any]:
        result_sets = await self.direct.sets(
            *("yp", "conference_join", self.sid, self.socket, hub, room, "meeting"),
            str(metadata or "{}").replace("'", '"'),
            LIMIT,
        )
        joined: dict[str, Any] = document(result_sets[0])
        return joined


@pytest.fixture
async def seats(direct: Direct) -> list[Seat]:
    return [await Seat.take(direct) for _ in range(3)]


@pytest.fixture
def hub(direct: Direct, seats: list[Seat]) -> str:
    made = direct.registry.add_hub("Team", seats[0].person.uid, "private")
    direct.registry.grant(made, seats[1].person.uid, 4)
    return made


async def test_one_of_two_who_join_first_at_once_is_host(seats: list[Seat], hub: str) -> None:
    joined = await asyncio.gather(seats[0].join(hub, "room1"), seats[1].join(hub, "room1"))
    roles = sorted(j["user"]["role"] for j in joined)
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
    (recipients,) = await direct.sets("yp", "conference_broadcast", first.sid, first.socket, hub, "room1")
    assert second.socket in recipients[0][1]
    (rows,) = await direct.sets("yp", "room_sockets", hub, "room1", first.socket)
    assert second.socket in rows[0][1]
    departure = await direct.one("yp", "conference_leave", first.sid, first.socket, "room1")
    assert departure["host"] == second.socket
    assert await direct.sets("yp", "conference_leave", first.sid, first.socket, "room1") == []
    dropped, others = await direct.sets("yp", "conference_drop", second.socket, None)
    assert (document(dropped)["socket_id"], others) == (second.socket, [])


async def test_conference_update_changes_ones_own_row_only(
    direct: Direct, seats: list[Seat], hub: str
) -> None:
    first, second, _ = seats
    await first.join(hub, "room1")
    own_row = await direct.one("yp", "conference_update", first.sid, first.socket, "room1", '{"audio": 0}')
    assert own_row["audio"] == 0
    other_rows = await direct.sets(
        "yp", "conference_update", second.sid, first.socket, "room1", '{"audio": 1}'
    )
    assert not any(other_rows)
    refused = await direct.refusal("yp", "conference_broadcast", second.sid, second.socket, hub, "room1")
    assert refused == "WEAK_PRIVILEGE"


# --- calls ---

RING = "yp.conference_invite(:sid_{0}, :tab_{0}, :hub, NULL, :{1}, 'connect', '{{}}', 30, 16)"


@pytest.fixture
def ringing(scene: Scene) -> Scene:
    """Let Alice, who sits in `room`, ring Bob."""
    scene["tab_bob"]
    *_, rung, recipients = scene.sets(RING.format("alice", "bob"))
    assert document(rung)["outcome"] == "ringing"
    assert [scene["tab_bob"] in sockets for _, sockets in recipients] == [True]
    scene["room"] = document(rung)["room_id"]
    return scene


def state(scene: Scene) -> str:
    """Return the state of the call."""
    return str(scene.one("SELECT status FROM yp.call_invitation WHERE callee_id = :bob AND room_id = :room"))


def test_each_refusal_has_its_code(scene: Scene) -> None:
    scene["tab_bob"], scene["tab_alice"]
    scene.refuses({
        "yp.conference_invite(:sid_bob, :tab_alice, :hub, NULL, :carol, '', '{}', 9, 16)": "WEAK_PRIVILEGE",
        "yp.conference_revoke(:sid_bob, :tab_alice, :hub, NULL, :carol)": "WEAK_PRIVILEGE",
        "yp.conference_accept(:sid_bob, :tab_bob, 'room', NULL)": "WEAK_PRIVILEGE",
        "yp.conference_join(:sid_bob, :tab_bob, :hub, 'room', 'meeting', '{}', 16)": "WEAK_PRIVILEGE",
        "yp.conference_broadcast(:sid_bob, :tab_bob, :hub, 'room')": "WEAK_PRIVILEGE",
    })  # fmt: skip


def test_an_endpoint_is_one_participants_and_a_socket_is_in_so_many_rooms(scene: Scene) -> None:
    scene.sets("yp.permission_grant(:hub, '*', :bob, 4, 0)")
    join = "yp.conference_join(:sid_{0}, :tab_{0}, :hub, '{1}', 'meeting', '{2}', 2)"
    endpoint = '{"participant_id": "e1"}'
    scene.sets(join.format("alice", "one", endpoint))
    scene.sets(join.format("bob", "one", "{}"))
    scene.refuses({
        join.format("bob", "one", endpoint): "PARTICIPANT_TAKEN",
        f"yp.conference_update(:sid_bob, :tab_bob, 'one', '{endpoint}')": "PARTICIPANT_TAKEN",
        "yp.conference_claim(:hub, 'one', :tab_bob, :bob, 'e1')": "PARTICIPANT_TAKEN",
    })  # fmt: skip
    # The same user takes it over with another socket.
    scene["later"] = scene.tab("alice")
    scene.sets("yp.conference_claim(:hub, 'one', :later, :alice, 'e1')")
    assert scene.count("yp.conference", "participant_id = 'e1'") == 0
    scene.sets(join.format("bob", "two", "{}"))
    refused = scene.refusal("yp.conference_join(:sid_bob, :tab_bob, :hub, 'three', 'meeting', '{}', 2)")
    assert refused == "TOO_MANY_ROOMS"


def test_a_claim_of_an_endpoint_writes_the_row_of_the_room(scene: Scene) -> None:
    """Two nodes of a cluster both grant a lock that writes nothing."""
    scene.sets("yp.conference_join(:sid_alice, :tab_alice, :hub, 'one', 'meeting', '{}', 16)")
    update = "yp.conference_update(:sid_alice, :tab_alice, 'one', '{}')"
    serials = [_serial(scene)]
    for metadata in ('{"audio": 0}', '{"participant_id": "e1"}'):
        scene.sets(update.format(metadata))
        serials.append(_serial(scene))
    rejoin = "yp.conference_join(:sid_alice, :tab_alice, :hub, 'one', 'meeting', '{}', 16)"
    scene.sets(rejoin.format('{"participant_id": "e1"}'))
    serials.append(_serial(scene))
    assert [serial - serials[0] for serial in serials] == [0, 0, 1, 2]


def _serial(scene: Scene) -> int:
    return int(scene.one("SELECT serial FROM yp.conference_room WHERE hub_id = :hub AND id = 'one'"))


def test_only_members_without_the_right_are_evicted(scene: Scene) -> None:
    scene.sets("yp.permission_grant(:hub, '*', :bob, 4, 0)")
    for who in ("alice", "bob"):
        scene.sets(f"yp.conference_join(:sid_{who}, :tab_{who}, :hub, 'one', 'meeting', '{{}}', 16)")
    assert scene.sets("yp.conference_evict(10)") == [[]]
    scene.sets("yp.permission_grant(:hub, '*', :bob, 0, 0)")
    departure, recipients, evicted = scene.sets("yp.conference_evict(10)")
    assert document(departure)["uid"] == scene["bob"]
    assert [scene["tab_alice"] in sockets for _, sockets in recipients] == [True]
    ((model, _node, sockets, shard),) = evicted
    assert orjson.loads(model) == {"room_id": "one", "hub_id": scene["hub"], "uid": scene["bob"]}
    assert (orjson.loads(sockets), shard) == ([scene["tab_bob"]], "shard1")


def test_the_numbers_of_a_room_grow(scene: Scene) -> None:
    scene.sets("yp.conference_join(:sid_alice, :tab_alice, :hub, 'one', 'meeting', '{}', 16)")
    serials = []
    for _ in range(3):
        scene.sets("yp.conference_number(:hub, 'one', @serial)")
        serials.append(scene.one("SELECT @serial"))
    assert serials == sorted(set(serials))
    scene.sets("yp.conference_number(:hub, 'none', @serial)")
    assert scene.one("SELECT @serial") is None


def test_a_call_is_accepted_once_it_rings(ringing: Scene) -> None:
    call = ringing.doc("yp.conference_get_caller(:bob, :alice)")
    assert call["room_id"] == ringing["room"]
    ringing["other"] = ringing.tab("bob")
    accepted, recipients = ringing.sets("yp.conference_accept(:sid_bob, :tab_bob, :room, NULL)")
    assert document(accepted)["room_id"] == ringing["room"]
    assert {ringing["tab_alice"], ringing["other"]} == set(orjson.loads(recipients[0][1]))
    assert state(ringing) == "accepted"
    assert ringing.rows("yp.conference_get_caller(:bob, :alice)") == []


def test_the_caller_hears_of_an_answer_once(ringing: Scene) -> None:
    ringing["other"] = ringing.tab("bob")
    join = "yp.conference_join(:sid_bob, :tab_bob, :hub, :room, 'connect', '{}', 16)"
    entered, _, recipients = ringing.sets(join)
    assert document(entered)["event"] == "accept"
    assert ringing["tab_alice"] in recipients[0][1]
    assert document(ringing.sets(join)[0])["event"] == "join"
    _, recipients = ringing.sets("yp.conference_accept(:sid_bob, :tab_bob, :room, NULL)")
    assert orjson.loads(recipients[0][1]) == [ringing["other"]]


@pytest.mark.parametrize(
    ("end", "final_state"),
    [
        ("yp.conference_decline(:sid_bob, :room, NULL, NULL)", "declined"),
        ("yp.conference_cancel(:sid_alice, :tab_alice, :hub, :room)", "cancelled"),
        ("yp.conference_revoke(:sid_alice, :tab_alice, :hub, NULL, :bob)", "revoked"),
    ],
)
def test_a_call_ends_once_and_is_then_nothing_to_accept(ringing: Scene, end: str, final_state: str) -> None:
    assert ringing.sets(end)
    assert state(ringing) == final_state
    assert ringing.sets("yp.conference_accept(:sid_bob, :tab_bob, :room, NULL)") == []
    assert ringing.sets("yp.conference_decline(:sid_bob, :room, NULL, NULL)") == []
    assert ringing.count("yp.permission", "entity_id = :bob AND assign_via = 'no_traversal'") == 0


def test_only_the_caller_can_cancel(ringing: Scene) -> None:
    assert ringing.sets("yp.conference_cancel(:sid_bob, :tab_bob, :hub, :room)") == []
    assert state(ringing) == "ringing"


def test_a_revoked_member_leaves_the_room(ringing: Scene) -> None:
    ringing.sets("yp.conference_accept(:sid_bob, :tab_bob, :room, NULL)")
    ringing.sets("yp.conference_join(:sid_bob, :tab_bob, :hub, :room, 'connect', '{}', 16)")
    assert ringing.count("yp.conference", "room_id = :room") == 2
    *_, revoked, recipients = ringing.sets("yp.conference_revoke(:sid_alice, :tab_alice, :hub, :room, :bob)")
    assert document(revoked)["callee_id"] == ringing["bob"]
    assert [ringing["tab_bob"] in sockets for _, sockets in recipients] == [True]
    assert ringing.rows("SELECT uid FROM yp.conference WHERE room_id = :room") == [(ringing["alice"],)]


def test_an_invitation_does_not_reach_offline_or_blocked_users(scene: Scene) -> None:
    def outcome() -> str:
        *_, invitation, recipients = scene.sets(RING.format("alice", "bob"))
        assert bool(recipients) == (document(invitation)["outcome"] == "ringing")
        return str(document(invitation)["outcome"])

    scene["bob"]
    assert outcome() == "offline"
    scene["tab_bob"]
    scene.sets("yp.contact_block_add(:bob, :ada, 'x', :alice)")
    assert outcome() == "offline", "a block looks like being away"
    scene.sets("yp.contact_block_delete(:bob, :ada)")
    assert outcome() == "ringing"


def test_two_who_ring_each_other_meet(ringing: Scene) -> None:
    (crossed, recipients) = ringing.sets(
        "yp.conference_invite(:sid_bob, :tab_bob, :bob, NULL, :alice, 'connect', '{}', 30, 16)"
    )
    assert (document(crossed)["outcome"], document(crossed)["room_id"]) == ("cross", ringing["room"])
    assert recipients == []


def test_a_dropped_socket_hands_over_its_places_and_calls(ringing: Scene) -> None:
    ringing["next"] = ringing.tab("alice")
    assert ringing.sets("yp.conference_move(:tab_alice, :next)") == []
    assert ringing.rows("SELECT socket_id FROM yp.conference WHERE room_id = :room") == [(ringing["next"],)]
    assert (
        ringing.one("SELECT caller_socket FROM yp.call_invitation WHERE room_id = :room") == ringing["next"]
    )
    moved, others = ringing.sets("yp.conference_moved(JSON_ARRAY(:next))")
    assert (document(moved)["was"], others) == (ringing["tab_alice"], [])
    serial = ringing.one("SELECT serial FROM yp.conference_room WHERE id = :room")
    assert document(moved)["serial"] == serial
    assert ringing.sets("yp.conference_moved('[]')") == []


async def test_one_of_two_answers_to_a_ring_at_once_counts(
    direct: Direct, seats: list[Seat], hub: str
) -> None:
    caller, callee, _ = seats
    invite = ("yp", "conference_invite", caller.sid, caller.socket, hub, None, callee.person.uid)
    *_, rung, _ = await direct.sets(*invite, "connect", "{}", 30, LIMIT)
    room = document(rung)["room_id"]
    accepted, declined = await asyncio.gather(
        direct.sets("yp", "conference_accept", callee.sid, callee.socket, room, None),
        direct.sets("yp", "conference_decline", callee.sid, room, None, None),
    )
    assert bool(accepted) != bool(declined)


async def test_leaving_twice_at_once_is_announced_once(direct: Direct, seats: list[Seat], hub: str) -> None:
    first, second, _ = seats
    await first.join(hub, "room1")
    await second.join(hub, "room1")
    leave = ("yp", "conference_leave", second.sid, second.socket, "room1")
    results = await asyncio.gather(*(direct.sets(*leave) for _ in range(4)))
    # The other calls may still see the row, and the remaining members; they have nobody to notify.
    assert sum(len(result_sets) > 1 for result_sets in results) == 1


async def test_a_room_ends_when_all_leave_at_once(
    direct: Direct, seats: list[Seat], hub: str, admin: Admin
) -> None:
    for seat in seats[:2]:
        await seat.join(hub, "room1")
    leave = ("yp", "conference_leave")
    await asyncio.gather(*(direct.sets(*leave, s.sid, s.socket, "room1") for s in seats[:2]))
    assert admin.one("SELECT COUNT(*) FROM yp.conference_room WHERE hub_id = %s", hub) == 0

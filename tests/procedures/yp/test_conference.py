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
    assert serials[0] == serials[1] < serials[2] < serials[3]


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
    place = {"room_id": "one", "hub_id": scene["hub"], "room_type": "meeting"}
    assert orjson.loads(model) == place | {"uid": scene["bob"]}
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
    assert ringing["other"] in "".join(sockets for _, sockets in recipients)
    _, recipients = ringing.sets("yp.conference_accept(:sid_bob, :tab_bob, :room, NULL)")
    assert recipients == []


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


# --- the door: who is in, who is host, who waits ---


def enter(
    who: str, tab: str = "", room: str = "one", kind: str = "meeting", metadata: str = "{}", hub: str = "hub"
) -> str:
    """Return the CALL with which a user enters a room."""
    seat = f":sid_{who}, :{tab or f'tab_{who}'}"
    return f"yp.conference_join({seat}, :{hub}, '{room}', '{kind}', '{metadata}', 16)"


def sockets_of(rows: list[Any]) -> set[str]:
    """Return all sockets in rows (node, sockets)."""
    return {socket for row in rows for socket in orjson.loads(row[1])}


@pytest.fixture
def meeting(scene: Scene) -> Scene:
    """Let Alice, who is host, and Bob, who may write, meet in the room one."""
    scene.sets("yp.permission_grant(:hub, '*', :bob, 4, 0)")
    scene.sets("yp.permission_grant(:hub, '*', :carol, 2, 0)")
    scene.sets(enter("alice"))
    scene.sets(enter("bob"))
    return scene


def roles(scene: Scene) -> dict[str, str]:
    """Return the role by user in the room one."""
    return {
        name: role
        for uid, role in scene.rows("SELECT uid, role FROM yp.conference WHERE room_id = 'one'")
        for name in ("alice", "bob", "carol")
        if scene[name] == uid
    }


def test_of_two_devices_that_pick_up_one_is_in(ringing: Scene) -> None:
    ringing["other"] = ringing.tab("bob")
    entered, _, recipients = ringing.sets(
        "yp.conference_join(:sid_bob, :tab_bob, :hub, :room, 'connect', '{}', 16)"
    )
    assert document(entered)["event"] == "accept"
    assert sockets_of(recipients) == {ringing["tab_alice"], ringing["other"]}
    refused = {
        "yp.conference_join(:sid_bob, :other, :hub, :room, 'connect', '{}', 16)": "ANSWERED_ELSEWHERE",
        "yp.conference_accept(:sid_bob, :other, :room, NULL)": "ANSWERED_ELSEWHERE",
    }
    ringing.refuses(refused)
    # The first one vanishes: the call can be answered again.
    ringing.sets("UPDATE yp.socket SET state = 'lost' WHERE id = :tab_bob")
    ringing.sets("yp.conference_join(:sid_bob, :other, :hub, :room, 'connect', '{}', 16)")
    answered = ringing.one("SELECT answered_socket FROM yp.call_invitation WHERE room_id = :room")
    assert answered == ringing["other"]


def test_a_room_that_is_full_or_bans_somebody_refuses_them(meeting: Scene) -> None:
    meeting["tab_carol"]
    meeting.sets("UPDATE yp.conference_room SET people = 2 WHERE hub_id = :hub AND id = 'one'")
    meeting.refuses({enter("carol"): "ROOM_FULL"})
    meeting.sets("INSERT INTO yp.conference_ban VALUES (:hub, 'one', :carol, 1)")
    meeting.refuses({enter("carol"): "BANNED"})
    # A ban ends with the room.
    for who in ("alice", "bob"):
        meeting.sets(f"yp.conference_drop(:tab_{who}, NULL)")
    assert meeting.count("yp.conference_ban", "hub_id = :hub") == 0


def test_the_limits_of_a_room_are_those_of_its_hub_else_of_the_service(scene: Scene) -> None:
    limits = "SELECT people, minutes FROM yp.conference_room WHERE hub_id = :hub AND id = '{}'"
    scene.sets(enter("alice", metadata='{"people": 5, "minutes": 60}'))
    assert scene.rows(limits.format("one")) == [(5, 60)]
    scene.sets("UPDATE yp.entity SET settings = JSON_SET(settings, '$.conference_people', 3) WHERE id = :hub")
    scene.sets(enter("alice", room="two", metadata='{"people": 5, "minutes": 60}'))
    assert scene.rows(limits.format("two")) == [(3, 60)]


@pytest.mark.parametrize("setting", ["many", "-3", "2.5", "", "99999999999999"])
def test_a_limit_that_is_no_number_keeps_nobody_out(scene: Scene, setting: str) -> None:
    settings = f'{{"conference_people": "{setting}", "conference_minutes": [1]}}'
    assert scene.one(f"SELECT yp.conference_limit('{settings}', 'conference_people', 7)") == 7
    scene.sets(f"UPDATE yp.entity SET settings = '{settings}' WHERE id = :hub")
    scene.sets(enter("alice", metadata='{"people": 5}'))
    scene.sets("yp.conference_room_set(:sid_alice, :tab_alice, 'one', NULL, NULL, 0, 5, 60)")
    assert scene.rows("SELECT people, minutes FROM yp.conference_room WHERE hub_id = :hub") == [(5, 60)]


def test_rights_are_those_of_today(meeting: Scene) -> None:
    assert meeting.sets("yp.conference_review(10)") == []
    meeting.sets("UPDATE yp.conference SET role = IF(uid = :bob, 'host', 'attendee') WHERE room_id = 'one'")
    meeting.sets("yp.permission_grant(:hub, '*', :bob, 2, 0)")
    changed, recipients = meeting.sets("yp.conference_review(10)")
    now = {document([row])["uid"]: document([row]) for row in changed}
    assert (now[meeting["bob"]]["role"], now[meeting["bob"]]["permission"]) == ("attendee", 3)
    assert now[meeting["alice"]]["role"] == "host"
    assert sockets_of(recipients) == {meeting["tab_alice"], meeting["tab_bob"]}
    assert meeting.sets("yp.conference_review(10)") == []


def test_a_room_without_a_host_gets_one_as_soon_as_somebody_may_be_it(meeting: Scene) -> None:
    meeting.sets("yp.permission_grant(:hub, '*', :bob, 2, 0)")
    meeting.sets("yp.conference_review(10)")
    meeting.sets("yp.conference_drop(:tab_alice, NULL)")
    assert roles(meeting) == {"bob": "attendee"}
    assert meeting.sets("yp.conference_review(10)") == []
    meeting.sets("yp.permission_grant(:hub, '*', :bob, 4, 0)")
    meeting.sets("yp.conference_review(10)")
    assert roles(meeting) == {"bob": "host"}
    meeting.sets("yp.conference_host(:hub, 'one', @host)")
    assert meeting.one("SELECT @host") is None, "there is one"


def test_in_a_dmz_area_only_the_owner_starts_and_others_may_take_over(scene: Scene) -> None:
    def enter_dmz(who: str) -> str:
        return f"yp.conference_join(:sid_{who}, :tab_{who}, :dmz, 'one', 'meeting', '{{}}', 16)"

    scene.sets("yp.permission_grant(:dmz, '*', :bob, 4, 0)")
    scene.sets(enter_dmz("bob"))
    serial = "SELECT serial FROM yp.conference_room WHERE hub_id = :dmz AND id = 'one'"
    before = scene.one(serial)
    assert scene.sets("yp.conference_review(10)") == []
    assert scene.one(serial) == before, "a room in which nobody may be host takes no place in the limit"
    assert roles(scene) == {"bob": "attendee"}
    scene.sets(enter_dmz("alice"))
    scene.sets("yp.conference_drop(:tab_alice, NULL)")
    assert roles(scene) == {"bob": "host"}


def test_members_hear_once_that_a_meeting_starts(scene: Scene) -> None:
    for who in ("bob", "carol"):
        scene.sets(f"yp.permission_grant(:hub, '*', :{who}, 4, 0)")
        scene[f"tab_{who}"]
    started, _, recipients = scene.sets(enter("alice"))
    assert document(started)["event"] == "start"
    assert sockets_of(recipients) == {scene["tab_bob"], scene["tab_carol"]}
    entered, _, recipients = scene.sets(enter("bob"))
    assert (document(entered)["event"], sockets_of(recipients)) == ("join", {scene["tab_alice"]})
    scene.sets("yp.conference_drop(:tab_alice, NULL)")
    _, _, recipients = scene.sets(enter("alice"))
    assert sockets_of(recipients) == {scene["tab_bob"]}, "the meeting has started before"
    assert scene.rows("yp.conference_entry_sockets(:hub, 'one', :tab_alice, 'join', 0)")


def test_who_waits_at_the_door_hears_and_says_nothing(meeting: Scene) -> None:
    meeting.sets("UPDATE yp.conference_room SET locked = 'everybody' WHERE hub_id = :hub AND id = 'one'")
    knocked, others, recipients = meeting.sets(enter("carol"))
    assert (document(knocked)["event"], document(knocked)["user"]["status"]) == ("knock", "waiting")
    assert (others, sockets_of(recipients)) == ([], {meeting["tab_alice"]})
    assert meeting["tab_carol"] not in sockets_of(meeting.rows("yp.room_sockets(:hub, 'one', NULL)"))
    _, recipients = meeting.sets("yp.conference_update(:sid_carol, :tab_carol, 'one', '{\"audio\": 0}')")
    assert recipients == []
    assert meeting.refusal("yp.conference_broadcast(:sid_carol, :tab_carol, :hub, 'one')") == "WEAK_PRIVILEGE"
    *_, peers = meeting.sets("yp.conference_leave(:sid_carol, :tab_carol, 'one')")
    assert peers == []


def test_a_lock_keeps_out_neither_the_owner_nor_users_inside_nor_who_is_called(meeting: Scene) -> None:
    meeting.sets("UPDATE yp.conference_room SET locked = 'everybody' WHERE hub_id = :hub AND id = 'one'")
    meeting["second"] = meeting.tab("bob")
    meeting["owner"] = meeting.tab("alice")
    meeting["tab_carol"]
    meeting.sets("yp.conference_invite(:sid_alice, :tab_alice, :hub, 'one', :carol, 'meeting', '{}', 30, 16)")
    for who, tab in (("bob", "second"), ("alice", "owner"), ("carol", "tab_carol")):
        assert meeting.doc(enter(who, tab))["user"]["status"] == "started"


def test_those_come_in_whom_the_lock_no_longer_keeps_out(meeting: Scene) -> None:
    status = "SELECT status FROM yp.conference WHERE uid = :carol"
    meeting.sets("UPDATE yp.conference_room SET locked = 'everybody' WHERE hub_id = :hub AND id = 'one'")
    meeting.sets(enter("carol"))
    lock(meeting, "everybody")
    meeting.sets(LET_IN.format("hub"))
    assert meeting.one(status) == "waiting"
    lock(meeting, "guests")
    meeting.sets(LET_IN.format("hub"))
    assert meeting.one(status) == "started"


LET_IN = "yp.conference_let_in(:{}, 'one')"
INSIDE = "SELECT uid FROM yp.conference WHERE room_id = 'one' AND status = 'started'"


def lock(scene: Scene, who: str = "everybody", people: int = 0) -> None:
    """Close the door of the room one."""
    scene.sets(f"UPDATE yp.conference_room SET locked = '{who}', people = {people} WHERE id = 'one'")


def test_nobody_comes_in_beyond_the_limit_when_the_door_opens(meeting: Scene) -> None:
    for who in ("frank", "erin"):
        meeting.sets(f"yp.permission_grant(:hub, '*', :{who}, 2, 0)")
    lock(meeting, people=3)
    for second, who in enumerate(("frank", "carol", "erin")):
        meeting.sets(enter(who))
        meeting.sets(f"UPDATE yp.conference SET ctime = {second + 1} WHERE uid = :{who}")
    assert meeting.sets("yp.conference_fill()") == [], "who is locked out does not wait for a place"
    entered, _, _ = meeting.sets(command("conference_lock", args="'nobody'"))
    assert [document([row])["uid"] for row in entered] == [meeting["frank"]], "the one who came first"
    assert meeting.sets("yp.conference_fill()") == []
    # A place is free again: the next one comes in.
    meeting.sets("yp.conference_drop(:tab_bob, NULL)")
    entered, recipients = meeting.sets("yp.conference_fill()")
    assert [document([row])["uid"] for row in entered] == [meeting["carol"]]
    assert sockets_of(recipients) == {meeting[f"tab_{who}"] for who in ("alice", "frank", "carol")}
    assert meeting.sets("yp.conference_fill()") == []
    meeting.refuses({command("conference_admit", args=":erin"): "ROOM_FULL"})
    meeting.sets("UPDATE yp.conference_room SET people = 0 WHERE id = 'one'")
    entered, _ = meeting.sets("yp.conference_fill()")
    assert [document([row])["uid"] for row in entered] == [meeting["erin"]]


def test_guests_of_a_host_who_comes_late_are_no_more_than_may_be_inside(scene: Scene) -> None:
    for who in ("bob", "carol", "frank"):
        scene.sets(f"yp.permission_grant(:dmz, '*', :{who}, 2, 0)")
        scene.sets(enter(who, hub="dmz", metadata='{"people": 3}'))
    started, others, recipients = scene.sets(enter("alice", hub="dmz"))
    assert (document(started)["event"], len(others)) == ("start", 2)
    assert len(sockets_of(recipients) - {scene["tab_alice"]}) == 3, "members of the hub"
    assert len(scene.rows(INSIDE)) == 3
    # The owner who waits herself finds a place, and takes it from who came after.
    scene.sets("UPDATE yp.conference SET status = 'waiting' WHERE room_id = 'one'")
    scene.sets(LET_IN.format("dmz"))
    assert (scene["alice"],) in scene.rows(INSIDE)
    assert len(scene.rows(INSIDE)) == 3


def test_who_may_open_a_full_room_comes_in(meeting: Scene) -> None:
    meeting.sets("yp.permission_grant(:hub, '*', :frank, 4, 0)")
    meeting.sets(enter("carol"))
    lock(meeting, "nobody", people=1)
    meeting["second"] = meeting.tab("alice")
    meeting.refuses({enter("frank"): "ROOM_FULL"})
    assert meeting.doc(enter("alice", "second"))["user"]["role"] == "attendee"
    for tab in ("tab_alice", "tab_bob", "second"):
        meeting.sets(f"yp.conference_drop(:{tab}, NULL)")
    assert roles(meeting) == {"carol": "attendee"}
    assert meeting.doc(enter("frank"))["user"]["role"] == "host", "nobody else could make room"


def test_the_owner_hears_who_waits_in_a_room_without_a_host_and_nobody_inside_does(meeting: Scene) -> None:
    meeting["desk"] = meeting.tab("alice")
    meeting.sets("yp.permission_grant(:hub, '*', :frank, 2, 0)")
    meeting.sets(enter("carol"))
    lock(meeting)
    for who in ("alice", "bob"):
        meeting.sets(f"yp.conference_drop(:tab_{who}, NULL)")
    knocked, _, recipients = meeting.sets(enter("frank"))
    assert document(knocked)["event"] == "knock"
    openers = {meeting[tab] for tab in ("tab_alice", "desk", "tab_bob")}
    assert sockets_of(recipients) == openers
    # The new socket of who waits, the end of their wait, and a new level are for the same people.
    meeting["back"] = meeting.tab("frank")
    meeting.sets("yp.conference_move(:tab_frank, :back)")
    _, recipients = meeting.sets("yp.conference_moved(JSON_ARRAY(:back))")
    assert sockets_of(recipients) == openers
    meeting.sets("yp.permission_grant(:hub, '*', :frank, 3, 0)")
    assert meeting.sets("yp.conference_review(10)")[0] == []
    _, recipients = meeting.sets("yp.conference_drop(:back, NULL)")
    assert sockets_of(recipients) == openers
    assert sockets_of(meeting.rows("yp.conference_door_sockets(:hub, 'one', :desk)")) == openers - {
        meeting["desk"]
    }


def test_nobody_finds_out_who_waits_by_an_endpoint(meeting: Scene) -> None:
    lock(meeting)
    meeting.sets(enter("carol", metadata='{"participant_id": "e9"}'))
    find = "yp.conference_attendee(:sid_alice, 'e9', NULL, NULL)"
    assert meeting.rows(find) == []
    lock(meeting, "nobody")
    meeting.sets(LET_IN.format("hub"))
    assert meeting.doc(find)["uid"] == meeting["carol"]


def test_who_is_in_a_dmz_room_without_a_host_comes_back_for_everybody_inside(scene: Scene) -> None:
    for who in ("bob", "carol"):
        scene.sets(f"yp.permission_grant(:dmz, '*', :{who}, 2, 0)")
    waiting, _, recipients = scene.sets(enter("carol", hub="dmz"))
    assert (document(waiting)["event"], recipients) == ("join", [])
    scene["tab_alice"]
    _, _, recipients = scene.sets(enter("bob", hub="dmz"))
    assert sockets_of(recipients) == {scene["tab_alice"]}, "who waits is not told who else does"
    scene.sets(enter("alice", hub="dmz"))
    scene.sets("yp.conference_drop(:tab_alice, NULL)")
    scene["second"] = scene.tab("bob")
    entered, others, recipients = scene.sets(enter("bob", "second", hub="dmz"))
    assert (document(entered)["user"]["status"], len(others)) == ("started", 2)
    assert sockets_of(recipients) == {scene["tab_bob"], scene["tab_carol"]}


def test_a_host_who_cancels_ends_the_room_for_all(meeting: Scene) -> None:
    recipients, former, nobody = meeting.sets("yp.conference_cancel(:sid_alice, :tab_alice, :hub, 'one')")
    assert (sockets_of(recipients), nobody) == ({meeting["tab_bob"]}, [])
    assert {document([row])["uid"] for row in former} == {meeting["alice"], meeting["bob"]}
    assert {document([row])["db"] for row in former} == {"shard1"}
    assert meeting.count("yp.conference_room", "hub_id = :hub") == 0
    recipients, former, _ = meeting.sets("yp.conference_close(:hub, 'one', NULL)")
    assert (recipients, former) == ([], [])


def test_a_member_is_taken_out_of_a_meeting_without_an_invitation(meeting: Scene) -> None:
    revoke = "yp.conference_revoke(:sid_alice, :tab_alice, :hub, 'one', :{})"
    assert meeting.sets(revoke.format("carol")) == []
    departure, _, call, recipients = meeting.sets(revoke.format("bob"))
    assert document(departure)["uid"] == meeting["bob"]
    data = document(call)
    assert (data["room_id"], data["uid"]) == ("one", meeting["alice"])
    assert [sockets for _node, sockets in data["meeting"]] == [[meeting["tab_bob"]]]
    assert sockets_of(recipients) == {meeting["tab_bob"]}
    assert meeting.sets(revoke.format("bob")) == []


def test_those_who_are_removed_are_listed_with_their_shard(meeting: Scene) -> None:
    seat = "JSON_OBJECT('hub', :hub, 'room', 'one', 'socket', :tab_{})"
    departure, _, removed = meeting.sets(
        f"yp.conference_remove(JSON_ARRAY({seat.format('bob')}, {seat.format('carol')}))"
    )
    assert document(departure)["uid"] == meeting["bob"]
    ((model, _node, sockets, shard),) = removed
    assert (orjson.loads(model)["room_type"], orjson.loads(sockets), shard) == (
        "meeting",
        [meeting["tab_bob"]],
        "shard1",
    )
    changed, recipients = meeting.sets("yp.conference_changed(:hub, 'one', JSON_ARRAY(:tab_alice), 5)")
    assert (document(changed)["serial"], sockets_of(recipients)) == (5, {meeting["tab_alice"]})


@pytest.mark.parametrize(("is_lost", "keeps"), [(1, True), (0, False)])
def test_conference_vacate_keeps_the_grant_of_who_was_lost(scene: Scene, is_lost: int, keeps: bool) -> None:
    scene["tab_bob"]
    scene.sets("yp.conference_invite(:sid_alice, :tab_alice, :alice, 'call', :bob, 'connect', '{}', 30, 16)")
    scene.sets("yp.conference_join(:sid_bob, :tab_bob, :alice, 'call', 'connect', '{}', 16)")
    scene.sets(f"yp.conference_vacate(:tab_bob, 'call', {is_lost})")
    assert scene.count("yp.permission", "resource_id = 'call' AND entity_id = :bob") == keeps
    # The room ends with the last one in it, and nobody may come in any more.
    scene.sets("yp.conference_vacate(:tab_alice, NULL, 1)")
    assert scene.count("yp.permission", "resource_id = 'call'") == 0


def test_conference_unseat_says_how_many_are_left_inside(meeting: Scene) -> None:
    lock(meeting)
    meeting.sets("yp.permission_grant(:hub, '*', :frank, 2, 0)")
    meeting.sets(enter("frank"))
    unseat = "yp.conference_unseat(:hub, 'one', :tab_{}, 0, @left)"
    departure, recipients = meeting.sets(unseat.format("alice"))
    assert document(departure)["host"] == meeting["tab_bob"]
    assert (meeting.rows("SELECT @left"), sockets_of(recipients)) == ([(1,)], {meeting["tab_bob"]})
    assert meeting.sets(unseat.format("alice")) == [], "again"
    assert meeting.rows("SELECT @left") == [(0,)]
    meeting.sets(unseat.format("bob"))
    assert meeting.rows("SELECT @left") == [(0,)], "who waits is not inside"
    assert meeting.count("yp.conference", "room_id = 'one'") == 1, "frank stays at the door"


def test_conference_replace_gives_the_seat_of_a_lost_socket_to_the_next_one(scene: Scene) -> None:
    replace = "yp.conference_replace(:hub, 'room', {}, :alice, :sid_alice, @was)"
    scene.sets("yp.conference_join(:sid_alice, :tab_alice, :hub, 'room', 'meeting', '{}', 16)")
    scene["next"] = scene.tab("alice")
    scene.sets(replace.format(":next"))
    assert scene.one("SELECT @was") is None, "the first one is open"
    scene.sets("UPDATE yp.socket SET state = 'lost' WHERE id = :tab_alice")
    scene.sets(replace.format(":next"))
    assert scene.one("SELECT @was") == scene["tab_alice"]
    assert scene.rows("SELECT socket_id, role FROM yp.conference WHERE room_id = 'room'") == [
        (scene["next"], "host")
    ]


# --- commands of hosts ---


def command(name: str, who: str = "alice", args: str = "") -> str:
    """Return the CALL of a command that a user gives in the room one."""
    return f"yp.{name}(:sid_{who}, :tab_{who}, 'one'{f', {args}' if args else ''})"


@pytest.fixture
def door(meeting: Scene) -> Scene:
    """Let Carol wait at the door of the meeting, which Alice has locked."""
    *_, card = meeting.sets(command("conference_lock", args="'everybody'"))
    assert document(card)["locked"] == "everybody"
    meeting.sets(enter("carol"))
    return meeting


COMMANDS = {
    "conference_kick": ":tab_bob, NULL, 0",
    "conference_mute": ":tab_bob",
    "conference_set_role": ":tab_bob, 'host'",
    "conference_end": "",
    "conference_lock": "'nobody'",
    "conference_admit": "NULL",
    "conference_room_set": "'Tea', NULL, NULL, 0, 0",
    "conference_recording": "1",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_only_hosts_give_commands(door: Scene, name: str) -> None:
    """Neither an attendee, nor who waits, nor a stranger, nor who names the socket of the host."""
    door["tab_erin"]
    args = f", {COMMANDS[name]}" if COMMANDS[name] else ""
    calls = [command(name, who, COMMANDS[name]) for who in ("bob", "carol", "erin")]
    calls.append(f"yp.{name}(:sid_bob, :tab_alice, 'one'{args})")
    door.sets("yp.conference_join(:sid_erin, :tab_erin, :erin, 'other', 'meeting', '{}', 16)")
    calls.append(f"yp.{name}(:sid_alice, :tab_alice, 'other'{args})")
    door.refuses(dict.fromkeys(calls, "WEAK_PRIVILEGE"))


def test_each_command_has_its_refusals(door: Scene) -> None:
    door["tab_erin"]
    door.sets("UPDATE yp.conference_room SET people = 2 WHERE hub_id = :hub AND id = 'one'")
    door.sets("UPDATE yp.entity SET settings = JSON_SET(settings, '$.conference_people', 9) WHERE id = :hub")
    door.refuses({
        command("conference_kick", args=":erin, NULL, 1"): "PARTICIPANT_NOT_FOUND",
        command("conference_kick", args=":bob, 'waiting', 0"): "PARTICIPANT_NOT_FOUND",
        command("conference_kick", args=":tab_alice, NULL, 0"): "WEAK_PRIVILEGE",
        command("conference_mute", args=":carol"): "PARTICIPANT_NOT_FOUND",
        command("conference_set_role", args=":carol, 'host'"): "PARTICIPANT_NOT_FOUND",
        command("conference_admit", args=":erin"): "PARTICIPANT_NOT_FOUND",
        command("conference_admit", args=":carol"): "ROOM_FULL",
        command("conference_room_set", args="NULL, 10, NULL, 0, 0"): "LIMIT_TOO_HIGH",
        "yp.conference_room_set(:sid_alice, :tab_alice, 'one', NULL, NULL, 9, 0, 8)": "LIMIT_TOO_HIGH",
        "yp.conference_send(:sid_carol, :tab_carol, :hub, 'one', :tab_alice)": "WEAK_PRIVILEGE",
        "yp.conference_send(:sid_bob, :tab_bob, :hub, 'one', :tab_carol)": "PARTICIPANT_NOT_FOUND",
        "yp.conference_room_get(:sid_erin, :tab_erin, 'one')": "WEAK_PRIVILEGE",
        "yp.conference_targets(:hub, 'one', :alice, NULL, 4, @sockets)": "WEAK_PRIVILEGE",
        "yp.conference_targets(:hub, 'one', :erin, NULL, 7, @sockets)": "PARTICIPANT_NOT_FOUND",
        "yp.conference_command(:sid_bob, :tab_bob, 'one', @hub, @level, @serial)": "WEAK_PRIVILEGE",
    })  # fmt: skip
    door.sets(command("conference_set_role", args=":bob, 'host'"))
    door.refuses({command("conference_kick", "bob", ":alice, NULL, 1"): "WEAK_PRIVILEGE"})
    door.sets("yp.permission_grant(:hub, '*', :bob, 2, 0)")
    door.sets("yp.conference_review(10)")
    door.refuses({
        "yp.conference_set_role(:sid_alice, :tab_alice, 'one', :bob, 'host')": "CANT_HOST",
        "yp.conference_set_role(:sid_alice, :tab_alice, 'one', :alice, 'attendee')": "LAST_HOST",
    })  # fmt: skip


def test_a_ban_takes_in_all_sockets_of_whom_it_means(door: Scene) -> None:
    door["desk"] = door.tab("bob")
    door.sets(enter("bob", tab="desk"))
    out = "SELECT yp.conference_is_out(:hub, 'one', :{}, {})"
    assert (
        door.one(out.format("bob", 0)),
        door.one(out.format("erin", 0)),
        door.one(out.format("erin", 1)),
    ) == (
        0,
        1,
        0,
    )
    door.sets("yp.conference_ban_add(:hub, 'one', JSON_ARRAY(:desk), @sockets)")
    assert set(door.json("SELECT @sockets")) == {door["desk"], door["tab_bob"]}
    door.sets("yp.conference_drop(:desk, NULL)")
    door.sets("yp.conference_drop(:tab_bob, NULL)")
    assert door.one(out.format("bob", 1)) == 1
    door.sets("yp.conference_ban_add(:hub, 'one', '[]', @sockets)")
    assert door.json("SELECT @sockets") == []


def test_a_command_is_given_in_the_room_of_the_socket(door: Scene) -> None:
    hub = "SELECT yp.conference_hub(:sid_{}, :tab_{}, '{}')"
    assert door.one(hub.format("carol", "carol", "one")) == door["hub"], "at the door"
    for who, tab, room in (("bob", "carol", "one"), ("bob", "bob", "two")):
        assert door.one(hub.format(who, tab, room)) is None


def test_a_command_whose_aim_is_reached_does_nothing(door: Scene) -> None:
    kick = command("conference_kick", args=":{}, NULL, {}")
    assert door.sets(command("conference_admit", args=":bob"))[0] == []
    assert door.sets(command("conference_set_role", args=":bob, 'attendee'"))[0] == []
    door.sets(kick.format("tab_bob", 1))
    for target in ("bob", "tab_bob"):
        for ban in (0, 1):
            assert door.sets(kick.format(target, ban)) == [[]]
    door.sets(command("conference_kick", args=":tab_carol, 'waiting', 0"))
    assert door.sets(command("conference_kick", args=":tab_carol, 'waiting', 0")) == [[]]
    door.sets(command("conference_end"))
    assert door.sets(command("conference_end")) == []
    assert door.sets("yp.conference_cancel(:sid_alice, :tab_alice, :hub, 'one')") == []


RING_ONE = "yp.conference_invite(:sid_{0}, :tab_{0}, :hub, 'one', :{1}, 'meeting', '{{}}', 30, 16)"


def test_nobody_rings_who_could_not_come_in(meeting: Scene) -> None:
    meeting["tab_carol"], meeting["tab_erin"]
    meeting.sets("INSERT INTO yp.conference_ban VALUES (:hub, 'one', :carol, 1)")
    lock(meeting, "nobody", people=2)
    meeting.refuses({RING_ONE.format("alice", "carol"): "CALLEE_BANNED"})
    meeting.refuses({RING_ONE.format("alice", "erin"): "ROOM_FULL"})
    assert meeting.count("yp.call_invitation", "hub_id = :hub") == 0
    meeting["desk"] = meeting.tab("alice")
    meeting.sets("yp.conference_drop(:tab_alice, NULL)")
    meeting.sets("yp.permission_grant(:hub, '*', :carol, 4, 0)")
    lock(meeting, "nobody", people=1)
    rung = meeting.sets(RING_ONE.format("bob", "alice"))[-2]
    assert document(rung)["outcome"] == "ringing", "the owner finds a place"


def test_who_is_kicked_may_come_back_unless_banned(meeting: Scene) -> None:
    departure, _, removed = meeting.sets(command("conference_kick", args=":bob, NULL, 0"))
    assert (document(departure)["uid"], orjson.loads(removed[0][2])) == (meeting["bob"], [meeting["tab_bob"]])
    meeting.sets(enter("bob"))
    meeting.sets(command("conference_kick", args=":tab_bob, NULL, 1"))
    meeting["phone"] = meeting.tab("bob")
    meeting.refuses({enter("bob"): "BANNED", enter("bob", "phone"): "BANNED"})


def test_a_ban_takes_all_devices_of_a_user_out(meeting: Scene) -> None:
    for who in ("alice", "bob"):
        meeting[f"other_{who}"] = meeting.tab(who)
        meeting.sets(enter(who, f"other_{who}"))
    *_, removed = meeting.sets(command("conference_kick", args=":tab_bob, NULL, 1"))
    assert [document([row])["uid"] for row in removed] == [meeting["bob"]] * 2
    assert meeting.count("yp.conference", "room_id = 'one' AND uid = :bob") == 0
    # Nobody bans themselves.
    assert meeting.refusal(command("conference_kick", args=":other_alice, NULL, 1")) == "WEAK_PRIVILEGE"


def test_the_ban_of_a_guest_is_that_of_their_session(scene: Scene) -> None:
    def enter_dmz(who: str) -> str:
        return f"yp.conference_join(:sid_{who}, :tab_{who}, :dmz, 'one', 'meeting', '{{}}', 16)"

    scene.sets(
        "INSERT INTO yp.permission (hub_id, resource_id, entity_id, level, ctime, mtime) "
        "VALUES (:dmz, 'one', :nobody, 2, 1, 1)"
    )
    for guest in ("bob", "carol"):
        scene[f"tab_{guest}"]
        for table, key in (("socket", "id = :tab_{0}"), ("session", "id = SHA2(:sid_{0}, 256)")):
            scene.sets(f"UPDATE yp.{table} SET uid = :nobody WHERE {key.format(guest)}")
    scene.sets(enter_dmz("alice"))
    for guest in ("bob", "carol"):
        scene.sets(enter_dmz(guest))
    scene.sets(command("conference_kick", args=":tab_bob, NULL, 1"))
    scene.refuses({enter_dmz("bob"): "BANNED"})
    assert scene.doc(enter_dmz("carol"))["user"]["status"] == "started"


def test_those_whom_a_host_lets_in_hear_it_and_so_does_the_room(door: Scene) -> None:
    card, waiting = door.sets("yp.conference_room_get(:sid_alice, :tab_alice, 'one')")
    assert (document(card)["locked"], document(waiting)["uid"]) == ("everybody", door["carol"])
    assert door.sets("yp.conference_room_get(:sid_bob, :tab_bob, 'one')")[1] == []
    entered, recipients = door.sets(command("conference_admit", args="NULL"))
    ((data, _node, sockets),) = entered
    assert (orjson.loads(data)["status"], orjson.loads(sockets)) == ("started", [door["tab_carol"]])
    assert sockets_of(recipients) == {door["tab_alice"], door["tab_bob"], door["tab_carol"]}
    assert door.sets(command("conference_admit", args="NULL"))[0] == []


def test_an_open_door_lets_everybody_in(door: Scene) -> None:
    entered, _, card = door.sets(command("conference_lock", args="'nobody'"))
    assert (len(entered), document(card)["locked"]) == (1, "nobody")
    assert door.one("SELECT status FROM yp.conference WHERE uid = :carol") == "started"
    entered, _ = door.sets("yp.conference_entered(:hub, 'one', JSON_ARRAY(:tab_carol), 5)")
    assert document(entered)["serial"] == 5


def test_who_is_denied_leaves_the_door(door: Scene) -> None:
    *_, removed = door.sets(command("conference_kick", args=":carol, 'waiting', 1"))
    assert orjson.loads(removed[0][0])["uid"] == door["carol"]
    door.refuses({enter("carol"): "BANNED"})


def test_a_request_for_silence_stands_until_the_client_obeys(meeting: Scene) -> None:
    targets, changed, recipients = meeting.sets(command("conference_mute", args="NULL"))
    assert [orjson.loads(row[2]) for row in targets] == [[meeting["tab_bob"]]], "no host"
    assert document(changed)["mute_asked"] == 1
    assert sockets_of(recipients) == {meeting["tab_alice"], meeting["tab_bob"]}
    obeyed = meeting.doc("yp.conference_update(:sid_bob, :tab_bob, 'one', '{\"audio\": 0}')")
    assert (obeyed["audio"], obeyed["mute_asked"]) == (0, 0)
    targets, changed, _ = meeting.sets(command("conference_mute", args=":tab_bob"))
    assert (targets, changed) == ([], []), "silent already"


def test_a_recording_is_told_once_and_ends_with_the_last_one_inside(door: Scene) -> None:
    def record(on: int) -> tuple[int, int, set[str]]:
        card, recipients = door.sets(command("conference_recording", args=str(on)))
        return document(card)["recording"], document(card)["changed"], sockets_of(recipients)

    inside = {door["tab_alice"], door["tab_bob"]}
    assert [record(on) for on in (0, 1, 1)] == [(0, 0, set()), (1, 1, inside), (1, 0, set())]
    card = document(door.sets("yp.conference_room_get(:sid_carol, :tab_carol, 'one')")[0])
    assert (card["recording"], card["user"]["status"]) == (1, "waiting")
    assert abs(card["now"] - card["recording_since"]) < 60
    # Alice leaves, and Bob, who now is host; then Carol is alone at the door, and waits on.
    door.sets("yp.conference_drop(:tab_alice, NULL)")
    assert door.one("SELECT recording_since IS NULL FROM yp.conference_room WHERE hub_id = :hub") == 0
    door.sets("yp.conference_drop(:tab_bob, NULL)")
    card = document(door.sets("yp.conference_room_get(:sid_carol, :tab_carol, 'one')")[0])
    assert (card["recording"], card["state"], card["started"], card["locked"]) == (
        0, "waiting", None, "everybody",
    )  # fmt: skip
    door.sets("yp.conference_drop(:tab_carol, NULL)")
    assert door.doc(enter("alice"))["room"]["recording"] == 0


def test_a_room_may_have_two_hosts_and_never_none(meeting: Scene) -> None:
    meeting.sets(command("conference_set_role", args=":bob, 'host'"))
    assert roles(meeting) == {"alice": "host", "bob": "host"}
    departure, _ = meeting.sets("yp.conference_drop(:tab_bob, NULL)")
    assert document(departure)["host"] is None
    meeting.sets(enter("bob"))
    changed, _ = meeting.sets(command("conference_set_role", args=":alice, 'attendee'"))
    assert {document([row])["role"] for row in changed} == {"host", "attendee"}
    assert roles(meeting) == {"alice": "attendee", "bob": "host"}


def test_a_message_to_one_reaches_nobody_else(meeting: Scene) -> None:
    meeting["second"] = meeting.tab("bob")
    meeting.sets(enter("bob", "second"))
    send = "yp.conference_send(:sid_alice, :tab_alice, :hub, NULL, :{})"
    assert sockets_of(meeting.rows(send.format("tab_bob"))) == {meeting["tab_bob"]}
    assert sockets_of(meeting.rows(send.format("bob"))) == {meeting["tab_bob"], meeting["second"]}
    assert meeting.rows(send.format("alice")) == []


def test_a_host_names_the_room_and_limits_it(meeting: Scene) -> None:
    card, recipients = meeting.sets(command("conference_room_set", args="'Tea', 5, 60, 9, 90"))
    room = document(card)
    assert (room["title"], room["people"], room["minutes"], room["state"]) == ("Tea", 5, 60, "started")
    assert sockets_of(recipients) == {meeting["tab_alice"], meeting["tab_bob"]}
    card, _ = meeting.sets(command("conference_room_set", args="NULL, 0, NULL, 9, 90"))
    assert (document(card)["title"], document(card)["people"]) == ("Tea", 9)
    assert 0 < meeting.doc(enter("alice"))["user"]["quota"] <= 3600


def test_a_room_ends_when_its_time_is_over(meeting: Scene) -> None:
    meeting.sets(command("conference_room_set", args="NULL, NULL, 1, 0, 0"))
    assert meeting.sets("yp.conference_overdue()") == []
    meeting.sets("UPDATE yp.conference_room SET started_at = started_at - 999 WHERE hub_id = :hub")
    card, recipients, former, _ = meeting.sets("yp.conference_overdue()")
    assert (document(card)["room_id"], len(former)) == ("one", 2)
    assert sockets_of(recipients) == {meeting["tab_alice"], meeting["tab_bob"]}
    assert meeting.sets("yp.conference_overdue()") == []


def test_a_host_ends_the_room_for_all(door: Scene) -> None:
    recipients, former, _ = door.sets(command("conference_end"))
    assert sockets_of(recipients) == {door["tab_bob"], door["tab_carol"]}
    assert len(former) == 3
    assert door.count("yp.conference_room", "hub_id = :hub") == 0

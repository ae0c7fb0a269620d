"""procedures/yp/call, called directly."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from service.store.database import document
from tests.support.admin import Admin
from tests.support.direct import Direct
from tests.support.scene import Scene

RING = "yp.conference_invite(:sid_alice, :tab_alice, :hub, NULL, :bob, 'connect', '{{}}', {}, 16)"


@pytest.fixture
def ringing(scene: Scene) -> Scene:
    """Let Alice ring Bob in the room `room`."""
    scene["tab_bob"]
    scene.sets(RING.format(30))
    scene["room"] = scene.one("SELECT room_id FROM yp.call_invitation WHERE callee_id = :bob")
    return scene


def test_call_message_id_is_the_same_for_both(scene: Scene) -> None:
    one = scene.one("SELECT yp.call_message_id('r', :alice, :bob)")
    assert len(one) == 16
    assert scene.one("SELECT yp.call_message_id('r', :bob, :alice)") == one
    assert scene.one("SELECT yp.call_message_id('s', :alice, :bob)") != one


def test_call_expire_misses_one_call_that_is_due(ringing: Scene) -> None:
    assert ringing.sets("yp.call_expire()") == []
    ringing.sets("UPDATE yp.call_invitation SET expiry = UNIX_TIMESTAMP() WHERE callee_id = :bob")
    call, caller_sockets, callee_sockets = ringing.sets("yp.call_expire()")
    assert [ringing["tab_alice"] in row[1] for row in caller_sockets] == [True]
    assert [ringing["tab_bob"] in row[1] for row in callee_sockets] == [True]
    assert ringing.one("SELECT status FROM yp.call_invitation WHERE callee_id = :bob") == "missed"
    assert ringing.count("yp.permission", "entity_id = :bob AND assign_via = 'no_traversal'") == 0
    assert ringing.sets("yp.call_expire()") == []
    assert call


def test_a_call_is_lonely_while_it_rings_and_nobody_else_is_in_it(ringing: Scene) -> None:
    lonely = "SELECT yp.call_is_lonely(:hub, :room, :{})"
    assert (ringing.one(lonely.format("alice")), ringing.one(lonely.format("bob"))) == (1, 0)
    ringing["carol_tab"] = ringing.tab("carol")
    third = "yp.conference_invite(:sid_alice, :tab_alice, :hub, :room, :carol, 'connect', '{}', 30, 16)"
    ringing.sets(third)
    ringing.sets("yp.call_decline(:hub, :room, :bob, NULL)")
    assert ringing.one(lonely.format("alice")) == 1
    ringing.sets("yp.conference_join(:sid_carol, :carol_tab, :hub, :room, 'connect', '{}', 16)")
    assert ringing.one(lonely.format("alice")) == 0


def test_call_log_start_tells_where_both_are_and_whether_they_called(ringing: Scene) -> None:
    ringing.sets("yp.call_decline(:hub, :room, :bob, NULL)")
    start = ringing.doc("yp.call_log_start(:alice, :bob, NULL, 'cancel', 0)")
    assert (start["invited"], start["caller_db"], start["callee_db"]) == (1, "shard1", "shard1")
    assert start["message_id"] == ringing.one("SELECT yp.call_message_id(:room, :alice, :bob)")
    assert (start["event"], start["duration"]) == ("reject", 0), "as the service knows it"
    assert ringing.doc("yp.call_log_start(:alice, :bob, NULL, 'cancel', 0)") is None, "it is logged"
    assert ringing.doc("yp.call_log_start(:alice, :carol, NULL, 'cancel', 0)")["invited"] == 0


def test_a_client_logs_no_conversation_that_never_was(ringing: Scene) -> None:
    for event in ("leave", "cancel", "reject"):
        assert ringing.doc(f"yp.call_log_start(:alice, :bob, :room, '{event}', 36000000)") is None, event
    assert ringing.doc("yp.call_log_start(:alice, :carol, NULL, 'leave', 36000000)") is None


@pytest.mark.parametrize(("claimed", "logged"), [(61_000, 61_000), (99_000_000, 70_000), (0, 70_000)])
def test_a_client_logs_a_conversation_for_no_longer_than_it_takes(
    ringing: Scene, claimed: int, logged: int
) -> None:
    ringing.sets("yp.conference_join(:sid_bob, :tab_bob, :hub, :room, 'connect', '{}', 16)")
    ringing.sets("UPDATE yp.call_invitation SET answered_at = answered_at - 70000 WHERE room_id = :room")
    start = f"yp.call_log_start(:alice, :bob, :room, 'leave', {claimed})"
    entry = ringing.doc(start)
    assert entry["event"] == "leave"
    assert logged <= entry["duration"] < logged + 9_000
    assert ringing.doc(start) is None


def test_a_call_is_due_once_when_either_side_has_left(ringing: Scene) -> None:
    ringing.sets("yp.conference_join(:sid_bob, :tab_bob, :hub, :room, 'connect', '{}', 16)")
    assert ringing.sets("yp.call_log_due()") == []
    ringing.sets("UPDATE yp.call_invitation SET answered_at = answered_at - 70000 WHERE room_id = :room")
    ringing.sets("yp.conference_drop(:tab_bob, NULL)")
    entry = ringing.doc("yp.call_log_due()")
    assert (entry["uid"], entry["callee_id"], entry["event"]) == (ringing["alice"], ringing["bob"], "leave")
    assert 70_000 <= entry["duration"] < 79_000
    assert ringing.sets("yp.call_log_due()") == []


def test_a_lost_socket_ends_its_call_when_its_connection_broke(ringing: Scene) -> None:
    ringing.sets("yp.conference_join(:sid_bob, :tab_bob, :hub, :room, 'connect', '{}', 16)")
    ringing.sets("UPDATE yp.call_invitation SET answered_at = answered_at - 70000 WHERE room_id = :room")
    ringing.sets(
        "yp.socket_disconnect(JSON_ARRAY(JSON_OBJECT('id', :tab_bob, 'silent', 50, 'broken', 30, 'rest', 9)))"
    )
    ringing.sets("yp.call_end(:hub, :room, :bob, :tab_bob)")
    assert ringing.sets("yp.call_log_due()") == [], "he has a seat"
    ringing.sets("yp.conference_drop(:tab_bob, NULL)")
    assert 38_000 <= ringing.doc("yp.call_log_due()")["duration"] < 49_000


def test_a_callee_who_comes_back_continues_the_call(ringing: Scene) -> None:
    enter = "yp.conference_join(:sid_bob, :tab_bob, :hub, :room, 'connect', '{}', 16)"
    ringing.sets(enter)
    ringing.sets("UPDATE yp.call_invitation SET answered_at = answered_at - 70000 WHERE room_id = :room")
    ringing.sets("yp.conference_drop(:tab_bob, NULL)")
    assert ringing.doc("yp.call_log_due()")["duration"] < 79_000
    ringing.sets(
        "UPDATE yp.call_invitation SET logged_at = logged_at - 20000, answered_at = answered_at - 20000 "
        "WHERE room_id = :room"
    )
    ringing.sets(
        "INSERT INTO yp.permission (hub_id, resource_id, entity_id, level, expiry, assign_via, ctime, mtime) "
        "VALUES (:hub, :room, :bob, 2, 0, 'no_traversal', 1, 1)"
    )
    ringing.sets(enter)
    assert ringing.sets("yp.call_log_due()") == [], "it goes on"
    ringing.sets("yp.conference_drop(:tab_alice, NULL)")
    assert ringing.doc("yp.call_log_due()")["duration"] >= 90_000


def test_a_call_that_was_accepted_by_a_page_that_never_came_is_missed(ringing: Scene) -> None:
    ringing.sets("yp.conference_accept(:sid_bob, :tab_bob, :room, NULL)")
    ringing.sets("yp.call_resume(:hub, :room, :bob)")
    ringing.sets("yp.conference_drop(:tab_alice, NULL)")
    assert ringing.doc("yp.call_log_due()")["event"] == "missed"


@pytest.mark.parametrize(
    ("end", "event"),
    [
        ("yp.call_decline(:hub, :room, :bob, NULL)", "reject"),
        ("yp.conference_cancel(:sid_alice, :tab_alice, :hub, :room)", "cancel"),
        ("yp.conference_revoke(:sid_alice, :tab_alice, :hub, :room, :bob)", "cancel"),
        ("yp.call_expire()", "missed"),
    ],
)
def test_a_call_nobody_answered_is_logged_as_it_ended(ringing: Scene, end: str, event: str) -> None:
    if event == "missed":
        ringing.sets("UPDATE yp.call_invitation SET expiry = 1 WHERE room_id = :room")
    ringing.sets(end)
    assert ringing.sets("yp.call_log_take(:hub, :room, :carol, NULL)") == []
    entry = ringing.doc("yp.call_log_due()")
    assert (entry["event"], entry["duration"]) == (event, 0)
    assert ringing.sets("yp.call_log_take(:hub, :room, :bob, NULL)") == []


def test_the_clock_of_calls_counts_milliseconds(scene: Scene) -> None:
    assert scene.one("SELECT ABS(yp.call_clock() / 1000 - UNIX_TIMESTAMP()) < 5") == 1


def test_call_log_start_answers_nothing_to_who_may_not_log(ringing: Scene) -> None:
    assert ringing.rows("yp.call_log_start(:bob, :alice, :room, 'cancel', 0)") == [], (
        "who was called logs nothing"
    )
    for peer in (":alice", ":hub", ":nobody", "'x'"):
        assert ringing.rows(f"yp.call_log_start(:alice, {peer}, NULL, 'cancel', 0)") == [], peer
    ringing.sets("yp.contact_block_add(:bob, :ada, 'x', :alice)")
    assert ringing.rows("yp.call_log_start(:alice, :bob, :room, 'cancel', 0)") == []


async def test_a_call_is_missed_once_however_many_processes_look(direct: Direct, admin: Admin) -> None:
    one, other = direct.person(), direct.person("Bob")
    sid = await direct.session(one.uid)
    socket = await direct.socket(sid)
    await direct.socket(await direct.session(other.uid))
    hub = direct.registry.add_hub("Team", one.uid, "private")
    invite = ("yp", "conference_invite", sid, socket, hub, None, other.uid, "connect", "{}", 30, 16)
    assert await direct.sets(*invite)
    admin.rows("UPDATE yp.call_invitation SET expiry = 1 WHERE callee_id = %s", other.uid)
    results = await asyncio.gather(*(direct.sets("yp", "call_expire") for _ in range(4)))
    missed = [r for r in results if r and other.uid in r[0][0][0]]
    assert len(missed) == 1


def test_a_call_is_declined_once_and_told_to_both_sides(ringing: Scene) -> None:
    ringing["other"] = ringing.tab("bob")
    card, caller_sockets, callee_sockets = ringing.sets("yp.call_decline(:hub, :room, :bob, :tab_bob)")
    assert document(card)["uid"] == ringing["bob"]
    assert [ringing["tab_alice"] in row[1] for row in caller_sockets] == [True]
    assert [orjson.loads(row[1]) for row in callee_sockets] == [[ringing["other"]]]
    assert ringing.sets("yp.call_decline(:hub, :room, :bob, NULL)") == []
    assert ringing.count("yp.permission", "entity_id = :bob AND assign_via = 'no_traversal'") == 0


@pytest.mark.parametrize(("who", "whom"), [("alice", "bob"), ("bob", "alice")])
def test_a_block_ends_the_ring_whoever_blocks(ringing: Scene, who: str, whom: str) -> None:
    card, *_ = ringing.sets(f"yp.call_block(:{who}, :{whom})")
    assert document(card)["room_id"] == ringing["room"]
    assert ringing.one("SELECT status FROM yp.call_invitation WHERE callee_id = :bob") == "declined"
    assert ringing.sets(f"yp.call_block(:{who}, :{whom})") == []


def test_a_block_ends_the_call_of_the_two_alone(ringing: Scene) -> None:
    separate = "yp.call_separate(:bob, :alice)"
    assert ringing.sets(separate) == [], "it rings: call_block"
    join = "yp.conference_join(:sid_{0}, :tab_{0}, :hub, :room, 'connect', '{{}}', 16)"
    ringing.sets(join.format("bob"))
    ringing.sets("yp.permission_grant(:hub, '*', :carol, 2, 0)")
    ringing.sets(join.format("carol"))
    assert ringing.sets(separate) == [], "Carol talks with them"
    ringing.sets("yp.conference_drop(:tab_carol, NULL)")
    assert ringing.sets("yp.call_separate(:bob, :carol)") == []
    card, recipients, former, _ = ringing.sets(separate)
    assert document(card)["room_id"] == ringing["room"]
    heard = {socket for _, sockets in recipients for socket in orjson.loads(sockets)}
    assert heard == {ringing["tab_alice"], ringing["tab_bob"]}
    assert len(former) == 2
    assert ringing.count("yp.permission", "entity_id = :bob AND assign_via = 'no_traversal'") == 0
    assert ringing.doc("yp.call_log_due()")["event"] == "leave"
    assert ringing.sets(separate) == []


def test_a_call_is_answered_elsewhere_while_that_socket_is_open(ringing: Scene) -> None:
    def elsewhere() -> int:
        ringing.sets("yp.call_elsewhere(:hub, :room, :bob, :other, @elsewhere)")
        return int(ringing.one("SELECT @elsewhere"))

    ringing["other"] = ringing.tab("bob")
    assert elsewhere() == 0
    ringing.sets("yp.conference_join(:sid_bob, :tab_bob, :hub, :room, 'connect', '{}', 16)")
    assert elsewhere() == 1
    ringing.sets("UPDATE yp.call_invitation SET mtime = mtime - 60 WHERE callee_id = :bob")
    assert elsewhere() == 1, "it is in the room"
    ringing.sets("UPDATE yp.socket SET state = 'lost' WHERE id = :tab_bob")
    assert elsewhere() == 0


def test_the_answer_to_a_call_is_told_to_caller_and_callee_but_into_no_other_call(ringing: Scene) -> None:
    def recipients() -> set[str]:
        rows = ringing.rows("yp.call_sockets(:hub, :room, :bob, :tab_alice, :tab_bob)")
        return {socket for _, sockets in rows for socket in orjson.loads(sockets)}

    ringing["other"] = ringing.tab("bob")
    assert recipients() == {ringing["tab_alice"], ringing["other"]}
    ringing.sets("yp.conference_join(:sid_bob, :other, :bob, NULL, 'connect', '{}', 16)")
    assert recipients() == {ringing["tab_alice"]}
